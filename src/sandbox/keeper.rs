//! The thread that starts the services and ends them. The kernel ends them with this thread, so it lives as long as the sandbox.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    os::unix::{fs::OpenOptionsExt, process::ExitStatusExt},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    SandboxError, catalogue, control, files, heal,
    layout::{Layout, Lock},
    process::{self, Identity, ProcessState, SERVICE_COMMAND},
};

const TO_REGISTER: Duration = Duration::from_secs(15);
const TO_END: Duration = Duration::from_millis(1500);
const TO_DIE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(10);

pub(super) type Done = Sender<Result<(), SandboxError>>;

pub(super) enum Order {
    Restart(&'static str, Done),
    End(&'static str, Done),
    Stop,
}

/// How far a sandbox is in its life.
#[derive(Debug, Default)]
pub(super) struct Phase {
    /// All services have worked once.
    pub(super) ready: AtomicBool,
    pub(super) stopping: AtomicBool,
}

pub(super) struct Keeper {
    layout: Layout,
    binary: PathBuf,
    phase: Arc<Phase>,
    lock: Lock,
    children: BTreeMap<&'static str, Identity>,
}

impl Keeper {
    pub(super) fn new(layout: Layout, binary: PathBuf, phase: Arc<Phase>, lock: Lock) -> Self {
        Self { layout, binary, phase, lock, children: BTreeMap::new() }
    }

    /// Starts everything, says how that went, then follows orders until the last.
    pub(super) fn run(mut self, orders: Receiver<Order>, started: &Done) {
        let up = self.start_all();
        let failed = up.is_err();
        // nobody waits any more when the one who started us has given up
        let _ = started.send(up);
        if !failed {
            while let Ok(order) = orders.recv() {
                match order {
                    Order::Restart(service, done) => {
                        let restarted = self.restart(service);
                        // the one who asked may have gone
                        let _ = done.send(restarted);
                    }
                    Order::End(service, done) => {
                        let ended = self.end(service);
                        let _ = done.send(ended);
                    }
                    Order::Stop => break,
                }
            }
        }
        // refuses who still asks, so that nobody waits for us while holding what we need
        drop(orders);
        self.stop();
    }

    fn start_all(&mut self) -> Result<(), SandboxError> {
        for service in catalogue::processes() {
            self.spawn(service)?;
        }
        catalogue::processes().try_for_each(|service| self.wait_for(service))
    }

    fn restart(&mut self, service: &'static str) -> Result<(), SandboxError> {
        self.end(service)?;
        self.spawn(service)?;
        self.wait_for(service)
    }

    fn end(&mut self, service: &'static str) -> Result<(), SandboxError> {
        self.children.remove(service).map_or(Ok(()), |child| end(&self.layout, service, &child))
    }

    fn spawn(&mut self, service: &'static str) -> Result<(), SandboxError> {
        let output = self.layout.dir().join("logs").join(format!("{service}.out"));
        let open = OpenOptions::new().create(true).append(true).mode(0o600).open(&output);
        let open = open.map_err(SandboxError::io("open", &output))?;
        let second = open.try_clone().map_err(SandboxError::io("open", &output))?;
        let mut child = Command::new(&self.binary)
            .arg(SERVICE_COMMAND)
            .arg(service)
            .arg("--dir")
            .arg(self.layout.dir())
            .arg("--supervisor")
            .arg(std::process::id().to_string())
            .current_dir(self.layout.dir())
            .stdin(Stdio::null())
            .stdout(open)
            .stderr(second)
            .spawn()
            .map_err(SandboxError::io("run", &self.binary))?;
        if let Some(identity) = Identity::of(child.id()) {
            self.children.insert(service, identity);
        }
        let log = self.layout.log("supervisor");
        // collects the dead, so that none stays as a zombie
        thread::Builder::new()
            .name(format!("wait-{service}"))
            .stack_size(64 << 10)
            .spawn(move || {
                if let Ok(status) = child.wait() {
                    let how = match status.signal() {
                        Some(signal) => format!("was ended by signal {signal}"),
                        None => format!("ended with code {}", status.code().unwrap_or(-1)),
                    };
                    super::supervisor::note(&log, &format!("{service} ({}) {how}", child.id()));
                }
            })
            .map_err(SandboxError::io("watch a child of", &self.binary))?;
        Ok(())
    }

    /// Until it has told where it is.
    fn wait_for(&self, service: &'static str) -> Result<(), SandboxError> {
        let child = self.children.get(service);
        let until = Instant::now() + TO_REGISTER;
        while Instant::now() < until {
            let entry = process::running(&self.layout, service)?;
            if entry.is_some_and(|entry| Some(&entry.process) == child) {
                return Ok(());
            }
            if child.is_none_or(|child| child.state() == ProcessState::Gone) {
                break;
            }
            thread::sleep(POLL);
        }
        Err(SandboxError::TooSlow {
            what: format!("the start of {service}"),
            seconds: TO_REGISTER.as_secs(),
            log: self.layout.dir().join("logs").join(format!("{service}.out")),
        })
    }

    fn stop(self) {
        self.phase.stopping.store(true, Ordering::SeqCst);
        // wakes the thread that waits for connections, so that it sees it; when nobody listens, none waits
        let _ = control::ask(&self.layout, &control::Request::Ping, POLL);
        let note = |error: &SandboxError| super::supervisor::note(&self.layout.log("supervisor"), &error.to_string());
        if let Err(error) = files::remove(&self.layout.socket()) {
            note(&error);
        }
        // all get the signal first, so that they end at the same time
        for child in self.children.values() {
            let _ = child.signal(Signal::CONT).and_then(|_| child.signal(Signal::TERM));
        }
        for (service, child) in self.children.iter().rev() {
            if let Err(error) = end(&self.layout, service, child) {
                note(&error);
            }
        }
        if let Err(error) = heal::without_supervisor(&self.layout) {
            note(&error);
        }
        drop(self.lock);
    }
}

/// Ends a child: politely, then not.
fn end(layout: &Layout, service: &str, child: &Identity) -> Result<(), SandboxError> {
    let failed = || SandboxError::io("end", layout.entry(service));
    for (signal, patience) in [(Signal::TERM, TO_END), (Signal::KILL, TO_DIE)] {
        child.signal(signal).map_err(failed())?;
        // a frozen process gets the signal when it is thawed
        child.signal(Signal::CONT).map_err(failed())?;
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if child.state() == ProcessState::Gone {
                return Ok(());
            }
            thread::sleep(POLL);
        }
    }
    let what = format!("the end of {service}");
    Err(SandboxError::TooSlow { what, seconds: (TO_END + TO_DIE).as_secs(), log: layout.log(service) })
}
