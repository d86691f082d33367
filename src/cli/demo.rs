//! `codeblue demo`: the whole product on a platform of real processes that may be broken.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use tokio::sync::oneshot;

use super::{
    board,
    error::{CliError, Exit},
    host::{HostError, Hosted},
    log,
    sandbox::remember,
    session::Session,
    words,
};
use crate::{
    client::{Client, ClientError, Update},
    engine::{Clock, Home, HomeError, SystemClock, login_of},
    sandbox::{self, DEFAULT_LEASE, FaultKind, Sandbox, SandboxError, SandboxOptions},
    tui::{self, BoardError, BoardOptions, Drill, Fault, Theme},
};

/// The whole product on a platform of real processes that is safe to break
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Keep it in this folder, to come back to; a temporary one is removed when the demo is left
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Without the board: print events as they come
    #[arg(long)]
    headless: bool,
    /// End by itself after this time
    #[arg(long = "for", value_name = "TIME", value_parser = words::duration)]
    end_after: Option<Duration>,
    /// Of the invented patients and of the load
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Why a demo ended badly.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// Its folder could not be made.
    #[error("{path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What was said.
        source: std::io::Error,
    },
    /// The program does not know where it is itself.
    #[error("this program's own file cannot be found: {0}")]
    Itself(std::io::Error),
    /// The platform could not be brought up.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The home could not be made.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The engine could not start.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The engine could not be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The board ended badly.
    #[error(transparent)]
    Board(#[from] BoardError),
}

/// Everything of a demo that has to be ended.
struct Running {
    hosted: Hosted,
    sandbox: Sandbox,
}

/// The sandbox as the board may break it.
struct SandboxDrill {
    dir: PathBuf,
    clock: Arc<dyn Clock>,
}

impl Drill for SandboxDrill {
    fn faults(&self) -> Vec<Fault> {
        FaultKind::ALL
            .iter()
            .map(|kind| Fault {
                name: kind.name().to_owned(),
                about: format!("{} ({})", kind.what(), kind.default_service()),
            })
            .collect()
    }

    fn inject(&self, fault: &str) -> Result<String, String> {
        let kind = FaultKind::from_name(fault).map_err(|error| error.to_string())?;
        let record = sandbox::inject(&self.dir, kind, None, DEFAULT_LEASE, self.clock.now())
            .map_err(|error| error.to_string())?;
        Ok(format!("{} injected into {}; watch the board", record.fault.name(), record.service))
    }

    fn heal(&self) -> Result<String, String> {
        let healed = sandbox::heal(&self.dir).map_err(|error| error.to_string())?;
        Ok(match healed.faults.len() {
            0 => "no fault was in force".to_owned(),
            1 => "1 fault taken back".to_owned(),
            many => format!("{many} faults taken back"),
        })
    }
}

impl Demo {
    /// Runs until it is left.
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        if !self.headless {
            board::needs_terminal()?;
        }
        let (root, temporary) = place(self.dir.as_deref())?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let home = Home::at(&root.join("home"));
        let log = log::keep(&home, !self.headless)?;
        let operator = session.named().unwrap_or_else(|| "alice".to_owned());
        let client = Client::unix(&home.socket(), Some(operator))?;
        // From another terminal `sandbox fault` finds this sandbox by its own home or without any.
        for home in std::iter::once(home.clone()).chain(session.home().ok()) {
            remember(&home, &root.join("sandbox"));
        }
        if self.headless {
            let running = start(root.clone(), home, self.seed, clock.clone()).await?;
            session.output.progress(&format!(
                "demo: running in {}; break it with: codeblue sandbox fault bad-release --dir {}",
                root.display(),
                root.join("sandbox").display()
            ));
            follow(client, self.end_after).await;
            end(running).await;
        } else {
            self.on_board(root, home, client, clock, board::theme(session)).await?;
        }
        drop(log);
        drop(temporary);
        Ok(Exit::Done)
    }

    /// The board comes first and shows that it waits; the platform and the engine come up behind it.
    async fn on_board(
        self,
        root: PathBuf,
        home: Home,
        client: Client,
        clock: Arc<dyn Clock>,
        theme: Theme,
    ) -> Result<(), DemoError> {
        let (tell, failed) = oneshot::channel();
        let drill = Arc::new(SandboxDrill { dir: root.join("sandbox"), clock: clock.clone() });
        let starting = tokio::spawn({
            let clock = clock.clone();
            async move {
                match start(root, home, self.seed, clock).await {
                    Ok(running) => Some(running),
                    Err(error) => {
                        let _ = tell.send(error.to_string());
                        None
                    }
                }
            }
        });
        let shown = tui::board(BoardOptions {
            client,
            clock,
            theme,
            drill: Some(drill),
            failed: Some(failed),
            hosts_engine: true,
        });
        let shown = match self.end_after {
            Some(time) => tokio::time::timeout(time, shown).await.unwrap_or(Ok(())),
            None => shown.await,
        };
        if let Ok(Some(running)) = starting.await {
            end(running).await;
        }
        Ok(shown?)
    }
}

fn place(dir: Option<&Path>) -> Result<(PathBuf, Option<tempfile::TempDir>), DemoError> {
    match dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(|source| DemoError::Folder { path: dir.to_owned(), source })?;
            let dir = dir.canonicalize().map_err(|source| DemoError::Folder { path: dir.to_owned(), source })?;
            Ok((dir, None))
        }
        None => {
            let dir = tempfile::Builder::new()
                .prefix("codeblue-demo-")
                .tempdir()
                .map_err(|source| DemoError::Folder { path: std::env::temp_dir(), source })?;
            Ok((dir.path().to_owned(), Some(dir)))
        }
    }
}

async fn start(root: PathBuf, home: Home, seed: u64, clock: Arc<dyn Clock>) -> Result<Running, DemoError> {
    let binary = std::env::current_exe().map_err(DemoError::Itself)?;
    home.prepare()?;
    let dir = root.join("sandbox");
    let platform_file = home.platform_file();
    let brought_up = tokio::task::spawn_blocking(move || {
        let sandbox = Sandbox::start(&SandboxOptions { dir: dir.clone(), binary: binary.clone(), seed })?;
        let login = login_of(rustix::process::getuid().as_raw()).unwrap_or_else(|| "root".to_owned());
        let into = platform_file.parent().unwrap_or(&dir).to_owned();
        sandbox::write_platform(&dir, &into, &binary, &login)?;
        Ok::<_, SandboxError>(sandbox)
    });
    let sandbox = match brought_up.await {
        Ok(result) => result?,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    };
    let hosted = Hosted::start(&home, clock).await?;
    Ok(Running { hosted, sandbox })
}

async fn end(running: Running) {
    running.hosted.stop("the demo was left").await;
    let _ = tokio::task::spawn_blocking(move || running.sandbox.stop()).await;
}

/// Prints events as they come, until interrupted or until the time is over.
async fn follow(client: Client, end_after: Option<Duration>) {
    let (news_to, mut news) = tokio::sync::mpsc::channel(256);
    tokio::spawn(async move { client.follow(news_to).await });
    let over = async {
        match end_after {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(over);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    loop {
        let terminated = async {
            match terminate.as_mut() {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = &mut over => return,
            _ = tokio::signal::ctrl_c() => return,
            _ = terminated => return,
            update = news.recv() => match update {
                Some(Update::Event(recorded)) => {
                    println!("{} {:<24} {}", recorded.at.format("%H:%M:%S%.3f"), recorded.actor, recorded.event.summary());
                }
                Some(_) => {}
                None => return,
            },
        }
    }
}
