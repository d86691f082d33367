//! Starting and stopping an engine.

use std::{
    fs::File,
    path::PathBuf,
    sync::{Arc, RwLock},
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc, watch as latest,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use super::{
    Clock, EngineHandle, Home, HomeError, adopt,
    authority::Authority,
    baselines::Kept,
    clock::Steady,
    collect::{self, Collected},
    core::{Core, Outlets},
    deadlines,
    effects::{self, Hands, Turns},
    errors, evidence,
    factors::{Factors, FactorsError},
    follow, halt, heap, observe,
    people::TokenUses,
    runbooks::Walking,
    watch,
};
use crate::{
    checks::{Alerts, Heartbeats, Prober},
    diagnosis::{Redactor, model::Mind},
    domain::{Actor, Command, Event, SnapshotState, SnapshotTrigger, unfinished},
    platform::{Platform, Problems},
    store::{
        CheckMemory, CheckMemoryError, CheckpointKey, Journal, JournalError, KeyError, SampleStore, SampleStoreError,
    },
    vault::{CancelFlag, Replica, Vault, VaultError},
};

/// Commands that may wait for the loop.
const WAITING: usize = 1024;
/// Events a slow listener may be behind before it has to read the journal.
const EVENTS_BEHIND: usize = 4096;
/// How long running effects have to come to a good place when the engine stops.
const STOPPING: Duration = Duration::from_secs(20);

/// A running engine. Dropping it stops nothing in good order; call [`Engine::stop`].
pub struct Engine {
    handle: EngineHandle,
    stop: CancellationToken,
    cancel: CancelFlag,
    tasks: TaskTracker,
    core: JoinHandle<()>,
    lock: File,
}

/// Why an engine could not start. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The platform file is wrong.
    #[error(transparent)]
    Platform(#[from] Problems),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The key for checkpoints cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store of samples cannot be used.
    #[error(transparent)]
    Samples(#[from] SampleStoreError),
    /// What checks remember cannot be used.
    #[error(transparent)]
    Memory(#[from] CheckMemoryError),
    /// The vault cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The secrets of second factors cannot be used.
    #[error(transparent)]
    Factors(#[from] FactorsError),
    /// The first commands were not accepted.
    #[error("the engine could not begin: {0}")]
    Begin(String),
    /// The operating system refused a thread.
    #[error("no thread for the journal: {0}")]
    Thread(#[from] std::io::Error),
}

impl Engine {
    /// Starts an engine in a home: reads the platform file and the journal, resumes what was under way, and begins to watch.
    ///
    /// # Errors
    /// When the home, the platform file, the journal or the vault cannot be used.
    pub async fn start(home: &Home, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        home.prepare()?;
        let platform = Arc::new(crate::platform::load(&home.platform_file())?);
        Self::start_with(home, clock, platform).await
    }

    /// The same with a platform that was in force before, whatever the platform file says now.
    ///
    /// # Errors
    /// When the home, the journal or the vault cannot be used.
    pub async fn start_with(home: &Home, clock: Arc<dyn Clock>, platform: Arc<Platform>) -> Result<Self, StartError> {
        home.prepare()?;
        let lock = home.lock()?;
        let known_key = CheckpointKey::is_in(&home.keys())?;
        let key = Arc::new(CheckpointKey::open_or_make(&home.keys())?);
        let (mut journal, state) = Journal::open_with(&home.journal(), &key)?;
        let host = sysinfo::System::host_name().unwrap_or_else(|_| "this host".to_owned());
        let origin = evidence::origin(&state.engine.origin, &host, &key.public());
        let lost = journal.lost_checkpoints(&state, known_key);
        journal.seal_with(origin.clone(), key.clone());
        let steady = Arc::new(Steady::after(state.clock, clock));
        let clock: Arc<dyn Clock> = steady.clone();
        let samples = SampleStore::open(&home.samples())?;
        let memory = Arc::new(CheckMemory::open(&home.check_memory())?);
        let heartbeats = Arc::new(Heartbeats::new(clock.now(), memory.beats()?));
        let alerts = Arc::new(Alerts::new(memory.alerts()?));
        let mut vault = Vault::open_or_init(&home.vault(), &home.keys())?;
        if let Some(replica) = &platform.vault.replica {
            vault = vault.with_replica(Arc::new(Replica::new(replica)));
        }
        let vault = Arc::new(vault);
        let factors = Arc::new(Factors::open(&home.keys())?);
        let walking = Arc::new(Walking::in_home(home)?);
        let resumed = unfinished(&state);

        let (commands, waiting) = mpsc::channel(WAITING);
        let (started, effects) = mpsc::unbounded_channel();
        let state = Arc::new(state);
        let outlets = Outlets {
            state: Arc::new(RwLock::new(state.clone())),
            events: broadcast::channel(EVENTS_BEHIND).0,
            effects: started.clone(),
            checkpoints: latest::Sender::new(journal.newest_checkpoint().cloned().map(Arc::new)),
        };
        let core = Core { journal, state, clock: clock.clone(), factors: factors.clone(), outlets: outlets.clone() };
        let core = std::thread::Builder::new().name("journal".to_owned()).spawn(move || core.run(waiting))?;
        let handle = EngineHandle {
            commands,
            outlets: outlets.clone(),
            vitals: Arc::default(),
            pace: Arc::default(),
            followed: Arc::default(),
            counted: Arc::default(),
            collected: Arc::new(Collected::open(&platform, home.log_places(), &home.work())),
            samples: broadcast::channel(256).0,
            journal: home.journal(),
            sample_file: home.samples(),
            memory: memory.clone(),
            heartbeats: heartbeats.clone(),
            alerts: alerts.clone(),
            vault: vault.clone(),
            work: home.work(),
            clock: clock.clone(),
            factors,
            authority: Arc::new(Authority::of(&home.keys())),
            token_uses: TokenUses::default(),
            key,
            checkpoints: outlets.checkpoints,
            reached: Arc::default(),
            reaching: evidence::Reaching::default(),
            redactor: Arc::new(Redactor::from(&*platform)),
            words: latest::Sender::default(),
            shelf: Arc::default(),
            trial: Arc::default(),
            platform_file: home.platform_file(),
            begun_requests: home.begun_requests(),
            reloads: latest::Sender::new(0),
            walking,
        };
        begin(&handle, host, origin, platform.clone(), lost).await?;
        evidence::cut(&handle).await;
        adopt::look(&handle, &vault).await;

        let engine = Self {
            handle: handle.clone(),
            stop: CancellationToken::new(),
            cancel: CancelFlag::new(),
            tasks: TaskTracker::new(),
            core,
            lock,
        };
        let prober = Arc::new(Prober::remembering(heartbeats, alerts, Arc::new(Kept(memory))));
        for effect in resumed {
            info!(?effect, "resumed");
            let _ = started.send(effect);
        }
        engine.run(platform, clock, steady, prober, vault, home.work(), home.halt(), samples, effects);
        Ok(engine)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of an engine, each used once")]
    fn run(
        &self,
        platform: Arc<Platform>,
        clock: Arc<dyn Clock>,
        steady: Arc<Steady>,
        prober: Arc<Prober>,
        vault: Arc<Vault>,
        work: PathBuf,
        halt: PathBuf,
        samples: SampleStore,
        effects: mpsc::UnboundedReceiver<crate::domain::Effect>,
    ) {
        let (engine, stop) = (&self.handle, &self.stop);
        let (sampled, results) = mpsc::channel(4096);
        let (batches, stored) = mpsc::channel(64);
        let hands = Hands {
            engine: engine.clone(),
            clock: clock.clone(),
            prober: prober.clone(),
            vault,
            work,
            stop: stop.clone(),
            cancel: self.cancel.clone(),
            captures: Turns::default(),
            halt: halt.clone(),
            mind: platform.language_model.clone().map(|model| Arc::new(Mind::new(model))),
        };
        self.tasks.spawn(effects::run(hands, effects, self.tasks.clone()));
        for component in follow::followed(&platform) {
            self.tasks.spawn(follow::keep(engine.clone(), component.clone(), self.cancel.clone(), stop.clone()));
        }
        evidence::export(engine, &platform.evidence, &self.tasks, stop);
        self.tasks.spawn(evidence::cut_in_time(engine.clone(), stop.clone()));
        self.tasks.spawn(evidence::report_steps(engine.clone(), steady, stop.clone()));
        self.tasks.spawn(watch::schedule(engine.clone(), platform, prober, sampled, stop.clone()));
        self.tasks.spawn(watch::intake(engine.clone(), batches, results, stop.clone()));
        self.tasks.spawn(observe::versions(engine.clone(), stop.clone()));
        self.tasks.spawn(halt::watch(engine.clone(), halt, stop.clone()));
        self.tasks.spawn(collect::keep(engine.clone(), stop.clone()));
        self.tasks.spawn(errors::watch(engine.clone(), clock.clone(), stop.clone()));
        self.tasks.spawn(heap::keep_small(stop.clone()));
        self.tasks.spawn(deadlines::keep(engine.clone(), clock.clone(), stop.clone()));
        let keeper = engine.clone();
        self.tasks.spawn_blocking(move || watch::keep_samples(&keeper, samples, clock.as_ref(), stored));
        self.tasks.close();
    }

    /// How to speak to it.
    #[must_use]
    pub fn handle(&self) -> EngineHandle {
        self.handle.clone()
    }

    /// Captures everything once more before a stop, so that what the next start finds can be compared with it; gives up after `within`.
    pub async fn take_final_snapshot(&self, within: Duration) {
        let (handle, mut events) = (self.handle(), self.handle().subscribe());
        let (trigger, reason) = (SnapshotTrigger::Final, "the engine stops".to_owned());
        let request = Command::RequestSnapshot { components: Vec::new(), trigger, reason };
        let Ok(answer) = handle.submit(request, Actor::Engine).await else { return };
        let begun = answer.events.iter().find_map(|recorded| match recorded.event {
            Event::SnapshotRequested { snapshot, .. } => Some(snapshot),
            _ => None,
        });
        let over = async {
            while begun.is_some_and(|id| {
                handle.state().snapshots.get(&id).is_some_and(|found| found.state == SnapshotState::Running)
            }) {
                if let Err(RecvError::Closed) = events.recv().await {
                    return;
                }
            }
        };
        if tokio::time::timeout(within, over).await.is_err() {
            warn!("the final snapshot was not taken in time; the next start takes one");
        }
    }

    /// Stops in good order: no new work, running effects come to a place from which they can be resumed, the journal gets
    /// its last checkpoint.
    pub async fn stop(self, reason: &str) {
        self.stop.cancel();
        self.cancel.cancel();
        if tokio::time::timeout(STOPPING, self.tasks.wait()).await.is_err() {
            warn!("some work did not stop in time; it is resumed at the next start");
        }
        let _ = self.handle.submit(Command::StopEngine { reason: reason.to_owned() }, Actor::Engine).await;
        let Self { handle, core, lock, .. } = self;
        let last = evidence::Last::of(&handle);
        // should the stop not have been recorded, it ends when nobody speaks to it any more
        drop(handle);
        let joined = tokio::task::spawn_blocking(move || core.join());
        if tokio::time::timeout(STOPPING, joined).await.is_err() {
            warn!("the last checkpoint was not written in time; the next start reads the journal from the one before");
        }
        last.bring().await;
        drop(lock);
    }
}

async fn begin(
    handle: &EngineHandle,
    host: String,
    origin: String,
    platform: Arc<Platform>,
    lost: Option<u64>,
) -> Result<(), StartError> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let first = handle.state().operators.is_empty();
    let submit = async |command| {
        handle.submit(command, Actor::Engine).await.map_err(|error| StartError::Begin(error.to_string()))
    };
    submit(Command::StartEngine { version, host, origin }).await?;
    if let Some(before) = lost {
        warn!(before, "no signed checkpoint was left for what was recorded before");
        submit(Command::ReportLostCheckpoints { before }).await?;
    }
    submit(Command::LoadPlatform { platform }).await?;
    // Somebody has to be able to act, and who starts an engine can read all it has: that login, and no other.
    if first && let Some(login) = login_of(rustix::process::getuid().as_raw()) {
        submit(Command::MakeFirstOperator { login }).await?;
    }
    Ok(())
}

/// The login of a user of this host, from `/etc/passwd`.
#[must_use]
pub fn login_of(uid: u32) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let login = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| login.to_owned())
    })
}
