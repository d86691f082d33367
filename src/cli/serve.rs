//! `codeblue serve`, and an engine inside this process for whoever needs one.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{
    error::{CliError, Exit},
    log,
    session::Session,
    supervised::Supervisor,
};
use crate::{
    api::{self, Door, Server},
    engine::{Engine, EngineHandle, Home, StartError, SystemClock, TlsFigures},
    platform::count,
};

/// How long a last snapshot may keep the engine from stopping; systemd waits 90 s before it kills.
const FINAL_SNAPSHOT: Duration = Duration::from_secs(45);

/// Run the engine alone, without the board
#[derive(Debug, Args)]
pub struct Serve {}

/// An engine that runs inside this process and answers on its home's socket.
pub struct Running {
    engine: Engine,
    server: Server,
    door: Door,
}

impl Running {
    /// How to speak to it without the socket.
    #[must_use]
    pub fn handle(&self) -> EngineHandle {
        self.engine.handle()
    }

    /// What it shows over TLS, where it listens for other hosts.
    #[must_use]
    pub fn tls(&self) -> Option<TlsFigures> {
        self.server.tls()
    }

    /// Waits until no recovery runs any more.
    pub async fn finish_recoveries(&self) {
        let engine = self.engine.handle();
        let mut events = engine.subscribe();
        while engine.state().running_recoveries().next().is_some() {
            if let Err(tokio::sync::broadcast::error::RecvError::Closed) = events.recv().await {
                return;
            }
        }
    }

    /// Stops in good order: first the socket, then what runs.
    pub async fn stop(self, reason: &str) {
        self.server.stop().await;
        self.door.close();
        self.engine.stop(reason).await;
    }

    /// The same for an engine that starts anew at once: who comes meanwhile waits at the door.
    async fn pause(self, reason: &str) -> Door {
        self.server.stop().await;
        self.engine.stop(reason).await;
        self.door
    }
}

/// Starts the engine of a home and its socket.
///
/// # Errors
/// When the home is taken or damaged, the platform file is wrong, or the socket cannot be made. Nothing runs then.
pub async fn start(home: &Home) -> Result<Running, CliError> {
    opened(Engine::start(home, Arc::new(SystemClock)).await?, home).await
}

async fn opened(engine: Engine, home: &Home) -> Result<Running, CliError> {
    match Door::open(&home.socket()) {
        Ok(door) => served(engine, door).await.map_err(shut),
        Err(error) => {
            engine.stop("its socket could not be made").await;
            Err(CliError::Failed(error.to_string()))
        }
    }
}

fn shut((error, door): (CliError, Door)) -> CliError {
    door.close();
    error
}

async fn served(engine: Engine, mut door: Door) -> Result<Running, (CliError, Door)> {
    match api::serve_through(engine.handle(), &mut door) {
        Ok(server) => Ok(Running { engine, server, door }),
        Err(error) => {
            engine.stop("its socket could not be served").await;
            Err((CliError::Failed(error.to_string()), door))
        }
    }
}

impl Serve {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        if session.is_elsewhere() {
            return Err(CliError::Usage("serve starts the engine of a home; --host does not go with it".to_owned()));
        }
        let home = session.home()?;
        let mut told = Told::listen()?;
        let log = log::keep(&home, false)?;
        let supervisor = Supervisor::of_environment();
        let engine = Engine::start(&home, Arc::new(SystemClock)).await?;
        // Wishes are heard from before the first of them can come.
        let mut wishes = engine.handle().reloads();
        let mut running = opened(engine, &home).await?;
        let state = running.handle().state();
        session.output.progress(&format!(
            "engine of {} answers on {}; {}, log in {}; Ctrl-C stops it",
            state.platform.name,
            home.socket().display(),
            count(state.platform.services.len(), "service"),
            home.log().display()
        ));
        if let Some(tls) = running.tls() {
            let told = format!("over TLS it answers on {}; its authority is {}", tls.address, tls.fingerprint);
            session.output.progress(&told);
        }
        if told.may_reload() {
            session.output.progress("SIGHUP and `codeblue reload` have it read its platform file anew");
        }
        let reason = loop {
            let watched = CancellationToken::new();
            if let Some(supervisor) = &supervisor {
                let state = running.handle().state();
                let status = format!("{}, {}", state.platform.name, count(state.platform.services.len(), "service"));
                supervisor.ready(&status);
                tokio::spawn(supervisor.clone().watch(running.handle(), watched.clone()));
            }
            let heard = told.hear(&running.handle(), &mut wishes).await;
            watched.cancel();
            match heard {
                Heard::Stop(reason) => break reason,
                Heard::Reload => {
                    if let Some(supervisor) = &supervisor {
                        supervisor.away("the platform file is read anew");
                    }
                    (running, wishes) = reloaded(running, &home, session).await?;
                    log.follow(&running.handle().state().platform);
                }
            }
        };
        if let Some(supervisor) = &supervisor {
            supervisor.stopping("a last snapshot is taken");
        }
        session.output.progress(
            "stopping in good order, with a last snapshot; a second Ctrl-C leaves at once, and the next start resumes",
        );
        let stopping = async {
            running.engine.take_final_snapshot(FINAL_SNAPSHOT).await;
            running.stop(reason).await;
        };
        tokio::select! {
            () = stopping => Ok(Exit::Done),
            _ = told.wait() => Ok(Exit::Failed),
        }
    }
}

/// Waits until somebody or the system wants this process to end, and says who.
///
/// # Errors
/// When signals cannot be listened to.
pub async fn until_told_to_stop() -> Result<&'static str, CliError> {
    Ok(Told::listen()?.wait().await)
}

/// The engine with its platform file as it is now. Where it cannot start with that, it goes on with what was in force.
async fn reloaded(running: Running, home: &Home, session: &Session) -> Result<(Running, Wishes), CliError> {
    session.output.progress("the platform file is read anew");
    let before = running.handle().state().platform.clone();
    let door = running.pause("the platform file is read anew").await;
    let clock = Arc::new(SystemClock);
    let (cause, door) = match heeding(Engine::start(home, clock.clone()).await, door).await {
        Ok(running) => return Ok(running),
        Err(failed) => failed,
    };
    error!(%cause, "the engine does not start with its new platform file");
    session.output.progress(&format!("{cause}; the engine goes on with what was in force before"));
    heeding(Engine::start_with(home, clock, before).await, door).await.map_err(shut)
}

/// Wishes that the platform file be read anew.
type Wishes = watch::Receiver<u64>;

/// An engine behind its door that hears wishes from the first on.
async fn heeding(started: Result<Engine, StartError>, door: Door) -> Result<(Running, Wishes), (CliError, Door)> {
    match started {
        Ok(engine) => {
            let wishes = engine.handle().reloads();
            Ok((served(engine, door).await?, wishes))
        }
        Err(error) => Err((error.into(), door)),
    }
}

/// What `serve` was told.
enum Heard {
    Stop(&'static str),
    Reload,
}

struct Told {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Told {
    fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(|error| CliError::Failed(format!("signals: {error}")));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Whether a hangup means that the platform file is to be read anew: where there is no terminal that could go away.
    fn may_reload(&self) -> bool {
        !io::stdin().is_terminal()
    }

    /// Waits until the engine is to stop, or to start with another platform file. A broken one is told of, and changes nothing.
    async fn hear(&mut self, engine: &EngineHandle, wishes: &mut Wishes) -> Heard {
        let may_reload = self.may_reload();
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return Heard::Stop("interrupted"),
                _ = self.terminate.recv() => return Heard::Stop("terminated"),
                _ = self.hangup.recv() => {
                    if !may_reload {
                        return Heard::Stop("its terminal went away");
                    }
                    match engine.reload().await {
                        Ok(found) if found.changed => info!(difference = found.difference, "platform file"),
                        Ok(_) => info!("the platform file says what is in force already"),
                        Err(cause) => error!(%cause, "the platform file was not read anew"),
                    }
                }
                Ok(()) = wishes.changed() => return Heard::Reload,
            }
        }
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "terminated",
            _ = self.hangup.recv() => "its terminal went away",
        }
    }
}
