//! The life of a service's process: start, serve, read anew on SIGHUP, end.

use std::{future::Future, io, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header::USER_AGENT},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, nice, set_parent_process_death_signal, setrlimit, setsid,
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{
    super::{SandboxError, catalogue, kind::FaultKind, layout::Layout, measure::Measure},
    ai_analysis::AiAnalysis,
    auth::Auth,
    clinicians::Clinicians,
    context::Context,
    door::{Access, Door},
    failure::Failure,
    inventory::Inventory,
    patient_api::PatientApi,
    proxies::Proxies,
    records_db::RecordsDb,
    stray_client::StrayClient,
    suffering::Suffering,
    wards::{Checkin, Handouts},
};

const MAX_FILE_BYTES: u64 = 64 << 20;
const MAX_MEMORY_BYTES: u64 = 300 << 20;
const NICER: i32 = 10;
/// How long the old port is tried before another one is taken.
const PORT_PATIENCE: Duration = Duration::from_secs(2);
/// How long requests in flight may take to finish at the end.
const FAREWELL: Duration = Duration::from_secs(1);
/// How much longer every piece of work of a slow process takes.
const SLOWER: Duration = Duration::from_millis(900);

/// Which service to run, and for whom.
#[derive(Debug, Clone, clap::Args)]
pub struct ServiceArgs {
    /// Name of the service
    pub service: String,
    /// The sandbox's directory
    #[arg(long)]
    pub dir: PathBuf,
    /// Process id of the supervisor; the service ends with it
    #[arg(long)]
    pub supervisor: u32,
}

/// What a service does beyond what all do.
pub(super) trait Serve: Send + Sync + 'static {
    /// What it serves: a release, a model, a schema.
    fn version(&self) -> String;
    /// Reads its own files anew; what cannot be read leaves the old in place.
    fn reload(&self) {}
    /// Begins or ends what it suffers from beyond what all may.
    fn suffer(self: &Arc<Self>) {}
    /// Does its real work once, with everything that needs.
    fn deep(&self) -> impl Future<Output = Result<Value, Failure>> + Send;
    /// Its real work.
    fn routes(self: Arc<Self>) -> Router;
}

/// Runs one service of a sandbox until it is told to end; it ends at once when its supervisor does.
///
/// # Errors
/// When it is not started by that supervisor, or cannot get a port, or its files cannot be read.
pub async fn run_service(args: ServiceArgs) -> Result<(), SandboxError> {
    bind_life_to(&args).map_err(SandboxError::io("start a service in", &args.dir))?;
    let layout = Layout::open(&args.dir)?;
    let name = catalogue::process(&args.service)?;
    let listener =
        listen(layout.port(name)).await.map_err(SandboxError::io("get a port for a service of", &args.dir))?;
    let port = listener.local_addr().map_err(SandboxError::io("get a port for a service of", &args.dir))?.port();
    let context = Arc::new(Context::new(layout, name, port)?);
    context.log.info(&format!("{name} starts on port {port}, process {}", std::process::id()));
    match name {
        "records-db" => serve(&context, RecordsDb::new(Arc::clone(&context)), listener).await,
        "auth" => serve(&context, Auth::new(Arc::clone(&context))?, listener).await,
        "patient-api" => serve(&context, PatientApi::new(Arc::clone(&context)), listener).await,
        "ai-analysis" => serve(&context, AiAnalysis::new(Arc::clone(&context)), listener).await,
        "checkin" => serve(&context, Checkin::new(Arc::clone(&context)), listener).await,
        "handouts" => serve(&context, Handouts::new(Arc::clone(&context)), listener).await,
        "inventory" => serve(&context, Inventory::new(Arc::clone(&context)), listener).await,
        catalogue::PROXIES => serve(&context, Proxies::new(Arc::clone(&context)).await?, listener).await,
        catalogue::STRAY_CLIENT => serve(&context, StrayClient::new(&context)?, listener).await,
        _ => serve(&context, Clinicians::new(Arc::clone(&context))?, listener).await,
    }
}

/// Dies with the supervisor, in a session of its own, within limits.
fn bind_life_to(args: &ServiceArgs) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // the supervisor may have died before the line above
    if getppid().map(Pid::as_raw_nonzero).and_then(|pid| u32::try_from(pid.get()).ok()) != Some(args.supervisor) {
        let message = "its supervisor is gone; services are started by `sandbox up`";
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    match setsid() {
        // leads a session already
        Ok(_) | Err(rustix::io::Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    nice(NICER)?;
    for (resource, most) in [(Resource::Fsize, MAX_FILE_BYTES), (Resource::Data, MAX_MEMORY_BYTES), (Resource::Core, 0)]
    {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Takes the service's old port again; only when somebody keeps it, another one.
async fn listen(port: u16) -> io::Result<TcpListener> {
    let until = Instant::now() + PORT_PATIENCE;
    loop {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                sleep(Duration::from_millis(50)).await;
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return TcpListener::bind(("127.0.0.1", 0)).await;
            }
            bound => return bound,
        }
    }
}

async fn serve<S: Serve>(context: &Arc<Context>, service: Arc<S>, listener: TcpListener) -> Result<(), SandboxError> {
    let failed = |doing| SandboxError::io(doing, context.layout.dir());
    let mut reload = signal(SignalKind::hangup()).map_err(failed("listen to signals in"))?;
    let mut end = signal(SignalKind::terminate()).map_err(failed("listen to signals in"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed("listen to signals in"))?;
    let (ending, mut ended) = watch::channel(false);
    let (access, granted) = watch::channel(Access::default());
    let door = Door::new(listener, granted, Arc::clone(context)).map_err(failed("listen for"))?;
    let server = axum::serve(door, router(context, &service)).with_graceful_shutdown(async move {
        // an error means that the sender is gone, which is an end, too
        let _ = ended.wait_for(|ended| *ended).await;
    });
    let server = tokio::spawn(server.into_future());
    let mut suffering = Suffering::default();
    context.register(&service.version())?;
    context.log.info(&format!("{} serves {}", context.name, service.version()));
    loop {
        tokio::select! {
            _ = reload.recv() => {
                // without it nothing could be read
                suffering.open_files();
                context.reload();
                service.suffer();
                service.reload();
                access.send_replace(Access::of(context));
                context.log.info(&format!("{} read its files anew and serves {}", context.name, service.version()));
                if let Err(error) = context.register(&service.version()) {
                    context.log.error(&error.to_string());
                }
                suffering.set(context);
            }
            _ = end.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    ending.send_replace(true);
    let finished = timeout(FAREWELL, server).await.is_ok();
    context.log.info(if finished { "ended" } else { "ended with requests unanswered" });
    Ok(())
}

fn router<S: Serve>(context: &Arc<Context>, service: &Arc<S>) -> Router {
    let health = {
        let (context, service) = (Arc::clone(context), Arc::clone(service));
        move || async move { Json(about(&context, &service.version())) }
    };
    let deep = {
        let (context, service) = (Arc::clone(context), Arc::clone(service));
        move || async move {
            let done = async {
                context.settings()?;
                context.check_memory()?;
                service.deep().await
            };
            done.await.map(|found| {
                let mut about = about(&context, &service.version());
                about["did"] = found;
                Json(about)
            })
        }
    };
    Arc::clone(service)
        .routes()
        .route("/deep", get(deep))
        .layer(middleware::from_fn_with_state(Arc::clone(context), around))
        .route("/health", get(health))
}

fn about(context: &Context, version: &str) -> Value {
    let uptime = context.started.elapsed().as_secs();
    json!({ "status": "ok", "service": context.name, "version": version, "uptimeSeconds": uptime })
}

/// What checks of codeblue say that they are.
const CHECKS: &str = "codeblue/";

/// What people have this service refuse. The check of its real work is no request that can wait.
fn held_back(context: &Context, request: &Request) -> Option<Failure> {
    let path = request.uri().path();
    let asks = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let is_admitted = asks.is_some_and(|name| name.starts_with(CHECKS)) && context.is_under(Measure::Inspection);
    if context.is_under(Measure::Isolation) && !is_admitted {
        let told = format!("{} is isolated: an operator cut it off, and `reconnect` ends that", context.name);
        return Some(Failure::refused(StatusCode::FORBIDDEN, told));
    }
    if context.is_under(Measure::Shedding) && path != "/deep" {
        let told = format!("{} sheds load: come back later, or have an operator `accept-load`", context.name);
        return Some(Failure::refused(StatusCode::TOO_MANY_REQUESTS, told));
    }
    None
}

/// Around every piece of work: refuses what people have it refuse, takes longer when told to, and writes failures into the log.
async fn around(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    if let Some(refusal) = held_back(&context, &request) {
        return refusal.into_response();
    }
    if context.suffers_from(FaultKind::Slow) {
        context.log.warn(&format!("{what} waits {} ms for a worker, all are busy", SLOWER.as_millis()));
        sleep(SLOWER).await;
    }
    let response = next.run(request).await;
    if let Some(failure) = response.extensions().get::<Failure>().filter(|failure| failure.status.is_server_error()) {
        context.log.error(&format!("{what} {}: {}", failure.status.as_u16(), failure.message));
    }
    response
}
