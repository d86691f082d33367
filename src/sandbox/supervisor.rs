//! A sandbox that is up: its keeper, its socket, and the leases of its faults.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::{fs::OpenOptionsExt, net::UnixListener},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use chrono::{SecondsFormat, Utc};

use super::{
    SandboxError, ask, catalogue,
    control::{self, Request},
    heal,
    keeper::{Done, Keeper, Order, Phase},
    layout::Layout,
    process,
};

const TO_RESTART: Duration = Duration::from_secs(25);
const TO_BE_HEALTHY: Duration = Duration::from_secs(30);
const LONGEST_REST: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// How to bring a sandbox up.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Its directory: a new or empty one, or one that was a sandbox before.
    pub dir: PathBuf,
    /// The codeblue program, which its services run as.
    pub binary: PathBuf,
    /// Of the invented patients and of the load; only for a new directory.
    pub seed: u64,
}

/// A sandbox that is up. Its services end when this is dropped, and when the process ends in whatever way.
#[derive(Debug)]
pub struct Sandbox {
    layout: Layout,
    orders: Sender<Order>,
    keeper: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Makes the sandbox if there is none, undoes what an earlier run left behind, starts all services and waits until each
    /// has done its real work once. Blocks for a few seconds at most 45.
    ///
    /// # Errors
    /// When the directory is no sandbox, another supervisor is at work in it, or a service does not come up.
    pub fn start(options: &SandboxOptions) -> Result<Self, SandboxError> {
        let layout = Layout::create(&options.dir, options.seed, Utc::now())?;
        let lock = layout.try_supervise()?.ok_or_else(|| SandboxError::AlreadyUp { dir: layout.dir().to_owned() })?;
        heal::without_supervisor(&layout)?;
        let listener = control::listen(&layout)?;
        let phase = Arc::new(Phase::default());
        let (orders, received) = mpsc::channel();
        let (started, is_up) = mpsc::channel();
        let keeper = Keeper::new(layout.clone(), options.binary.clone(), Arc::clone(&phase), lock);
        let keeper = spawn("keeper", layout.dir(), move || keeper.run(received, &started))?;
        let sandbox = Self { layout, orders, keeper: Some(keeper) };
        // when this fails, dropping the sandbox ends what was started
        is_up.recv().unwrap_or_else(|_| Err(SandboxError::NotUp { dir: sandbox.layout.dir().to_owned() }))?;
        let (wake, woken) = mpsc::channel();
        let (layout, orders) = (sandbox.layout.clone(), sandbox.orders.clone());
        let doors = Arc::clone(&phase);
        spawn("door", sandbox.layout.dir(), move || open_door(&layout, &listener, &doors, &orders, &wake))?;
        let (layout, leases) = (sandbox.layout.clone(), Arc::clone(&phase));
        spawn("leases", sandbox.layout.dir(), move || watch_leases(&layout, &leases, &woken))?;
        wait_until_healthy(&sandbox.layout)?;
        phase.ready.store(true, Ordering::SeqCst);
        note(&sandbox.layout.log("supervisor"), &format!("up, process {}", std::process::id()));
        Ok(sandbox)
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.layout.dir()
    }

    /// Whether it is still up: `sandbox down` from elsewhere ends it.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.keeper.as_ref().is_some_and(|keeper| !keeper.is_finished())
    }

    /// Ends all services and undoes all faults. Blocks for a few seconds.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            // the keeper is gone when somebody else stopped it
            let _ = self.orders.send(Order::Stop);
            if keeper.join().is_err() {
                note(&self.layout.log("supervisor"), "the keeper ended by an error of its own");
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts a service anew, whether it runs or not; returns when it serves.
///
/// # Errors
/// When there is no such service, the sandbox is not up, or the service does not come up.
pub fn restart(dir: &Path, service: &str) -> Result<(), SandboxError> {
    let layout = Layout::open(dir)?;
    if service == catalogue::STRAY_CLIENT {
        // it is nobody's service
        catalogue::service(service)?;
    }
    restart_in(&layout, service)
}

/// Ends the stray client.
pub(super) fn end(layout: &Layout) -> Result<(), SandboxError> {
    control::ask(layout, &Request::End { service: catalogue::STRAY_CLIENT.to_owned() }, TO_RESTART)
}

pub(super) fn restart_in(layout: &Layout, service: &str) -> Result<(), SandboxError> {
    let service = catalogue::process(service)?.to_owned();
    control::ask(layout, &Request::Restart { service }, TO_RESTART)
}

/// Whether a supervisor answers, and has brought everything up.
pub(super) fn is_up(layout: &Layout) -> bool {
    control::ask(layout, &Request::Ping, TO_RESTART).is_ok()
}

/// Ends a sandbox that is up in another process, or what is left of one; returns when nothing of it runs any more.
///
/// # Errors
/// When the directory is no sandbox, or it does not end.
pub fn down(dir: &Path) -> Result<(), SandboxError> {
    let layout = Layout::open(dir)?;
    match control::ask(&layout, &Request::Stop, TO_RESTART) {
        Ok(()) | Err(SandboxError::NotUp { .. }) => {}
        Err(error) => return Err(error),
    }
    let until = Instant::now() + TO_BE_HEALTHY;
    while Instant::now() < until {
        if let Some(_lock) = layout.try_supervise()? {
            return heal::without_supervisor(&layout).map(drop);
        }
        thread::sleep(POLL);
    }
    Err(SandboxError::InBetween { dir: layout.dir().to_owned() })
}

fn spawn(name: &str, dir: &Path, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, SandboxError> {
    let started = thread::Builder::new().name(format!("sandbox-{name}")).spawn(work);
    started.map_err(SandboxError::io("start a thread for", dir))
}

/// Takes requests from other processes until the end.
fn open_door(layout: &Layout, listener: &UnixListener, phase: &Phase, orders: &Sender<Order>, wake: &Sender<()>) {
    for stream in listener.incoming() {
        if phase.stopping.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        let answered = control::answer(&stream, |request| {
            let gone = || SandboxError::NotUp { dir: layout.dir().to_owned() };
            match request {
                Request::Ping if phase.ready.load(Ordering::SeqCst) => Ok(()),
                Request::Ping => Err(SandboxError::InBetween { dir: layout.dir().to_owned() }),
                Request::Leases => wake.send(()).map_err(|_| gone()),
                Request::Stop => orders.send(Order::Stop).map_err(|_| gone()),
                Request::Restart { service } => {
                    let service = catalogue::process(&service)?;
                    carried_out(orders, |done| Order::Restart(service, done)).unwrap_or_else(|| Err(gone()))
                }
                Request::End { service } => {
                    let service = catalogue::process(&service)?;
                    carried_out(orders, |done| Order::End(service, done)).unwrap_or_else(|| Err(gone()))
                }
            }
        });
        if let Err(error) = answered {
            note(&layout.log("supervisor"), &format!("a request was not answered: {error}"));
        }
    }
}

/// What the keeper says about an order; nothing when it is gone.
fn carried_out(orders: &Sender<Order>, order: impl FnOnce(Done) -> Order) -> Option<Result<(), SandboxError>> {
    let (done, is_done) = mpsc::channel();
    orders.send(order(done)).ok()?;
    is_done.recv().ok()
}

/// Undoes each fault when its lease ends.
fn watch_leases(layout: &Layout, phase: &Phase, woken: &Receiver<()>) {
    let mut rest = Duration::ZERO;
    while !phase.stopping.load(Ordering::SeqCst) {
        match woken.recv_timeout(rest) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        match heal::expired(layout, Utc::now()) {
            Ok(next) => {
                // one that ended meanwhile is next at once
                let left = next.map(|next| (next - Utc::now()).to_std().unwrap_or_default());
                rest = left.unwrap_or(LONGEST_REST).clamp(POLL, LONGEST_REST);
            }
            Err(error) => {
                note(&layout.log("supervisor"), &format!("a fault could not be undone yet: {error}"));
                rest = Duration::from_secs(5);
            }
        }
    }
}

fn wait_until_healthy(layout: &Layout) -> Result<(), SandboxError> {
    let until = Instant::now() + TO_BE_HEALTHY;
    for service in catalogue::SERVICES {
        loop {
            let entry = process::running(layout, service.name)?;
            let answer = entry.and_then(|entry| ask::get(entry.port, "/deep", Duration::from_secs(3)).ok());
            if answer.is_some_and(|answer| answer.status == 200) {
                break;
            }
            if Instant::now() > until {
                return Err(SandboxError::TooSlow {
                    what: format!("the first success of {}", service.name),
                    seconds: TO_BE_HEALTHY.as_secs(),
                    log: layout.log(service.name),
                });
            }
            thread::sleep(POLL);
        }
    }
    Ok(())
}

/// A line in the supervisor's log; when it cannot be written, there is nobody to tell.
pub(super) fn note(log: &Path, message: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let open = OpenOptions::new().create(true).append(true).mode(0o600).open(log);
    let _ = open.and_then(|mut file| file.write_all(format!("{time} INFO {message}\n").as_bytes()));
}
