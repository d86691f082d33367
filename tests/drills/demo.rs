//! A demo without a board, as a process of its own, and drills that are held on it.

use std::{
    fs,
    os::unix::{fs::symlink, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use codeblue::{
    client::{Client, ClientError},
    domain::{SnapshotState, State, Status},
    engine::Home,
};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_codeblue");
/// How long anything may take before it counts as never.
pub const PATIENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(100);

pub struct Demo {
    folder: tempfile::TempDir,
    process: Child,
}

impl Demo {
    /// A demo whose engine has these books beside those that come along, by file name and text.
    pub async fn start(books: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("home/runbooks");
        fs::create_dir_all(&library).unwrap();
        for (file, text) in books {
            fs::write(library.join(file), text).unwrap();
        }
        let mut command = Command::new(PROGRAM);
        command.args(["demo", "--headless", "--dir"]).arg(folder.path());
        // The pointer to the running demo lies in the home of whoever starts it.
        command.env("CODEBLUE_HOME", folder.path().join("own")).env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let demo = Self { folder, process: command.spawn().unwrap() };
        demo.steady().await;
        demo
    }

    pub fn home(&self) -> Home {
        Home::at(&self.folder.path().join("home"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The engine, as one of the people of the demo.
    pub fn client(&self, who: &str) -> Client {
        Client::unix(&self.home().socket(), Some(who.to_owned())).unwrap()
    }

    pub async fn state(&self) -> State {
        self.client("alice").state().await.unwrap()
    }

    /// Waits until something is so, and gives the state in which it was.
    pub async fn until(&self, what: &str, wished: impl Fn(&State) -> bool) -> State {
        let client = self.client("alice");
        let begun = Instant::now();
        loop {
            let known = client.state().await;
            match known {
                Ok(state) if wished(&state) => return state,
                known => assert!(begun.elapsed() < PATIENCE, "never happened: {what}: {}", in_the_way(known)),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until a drill may begin, and what it breaks could be brought back.
    pub async fn steady(&self) -> State {
        self.until("everything is well and captured", is_steady).await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["--json", "--as", "alice"]).args(arguments);
        command.env("CODEBLUE_HOME", self.path("home")).env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        command
    }

    /// What a command answers, and its exit code.
    pub fn ask(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.command(arguments).output().unwrap();
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr));
        });
        (output.status.code().unwrap(), answer)
    }

    /// Holds a drill, and comes back once what it breaks is broken.
    pub async fn hold(&self, arguments: &[&str]) -> Held {
        let begun = Instant::now();
        loop {
            self.steady().await;
            let mut command = self.command(&[&["drill", "run"], arguments].concat());
            let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            while self.faults() == 0 && process.try_wait().unwrap().is_none() {
                tokio::time::sleep(LOOK).await;
            }
            if self.faults() > 0 {
                return Held { process: Some(process) };
            }
            // On a busy machine a check may be late just when the drill is to begin.
            assert!(begun.elapsed() < PATIENCE, "no drill began: {arguments:?}");
        }
    }

    /// Makes a release of `patient-api` the live one, as a deployment does, and waits until the engine has seen it.
    pub async fn deploy(&self, version: &str) {
        let root = self.path("sandbox/services/patient-api");
        symlink(Path::new("releases").join(version), root.join("next")).unwrap();
        fs::rename(root.join("next"), root.join("current")).unwrap();
        let sandbox = self.path("sandbox");
        let reload = ["sandbox", "reload", "patient-api", "--dir", sandbox.to_str().unwrap()];
        assert!(self.command(&reload).output().unwrap().status.success());
        let what = format!("{version} is in the ledger");
        self.until(&what, |state| state.live_version("patient-api-code") == Some(version)).await;
    }

    /// The faults that are to be undone some time.
    pub fn faults(&self) -> usize {
        fs::read_dir(self.path("sandbox/faults")).map_or(0, |entries| entries.flatten().count())
    }
}

fn is_steady(state: &State) -> bool {
    let well = |name: &String| state.services.get(name).is_some_and(|health| health.status == Status::Healthy);
    !state.platform.services.is_empty()
        && state.platform.services.iter().all(|service| well(&service.name))
        && state.open_incidents().next().is_none()
        && state.running_recoveries().next().is_none()
        && state.drills.running().is_none()
        && state.snapshots.values().any(|snapshot| snapshot.state == SnapshotState::Complete)
}

/// What is not as it should be, for who has to find out why nothing came of it.
fn in_the_way(known: Result<State, ClientError>) -> String {
    let state = match known {
        Ok(state) => state,
        Err(error) => return error.to_string(),
    };
    let ill = state.services.iter().filter(|(_, health)| health.status != Status::Healthy);
    let ill = ill.map(|(name, health)| format!("{name} {:?}: {}", health.status, health.reason));
    let open = state.open_incidents().map(|incident| {
        let last = incident.timeline.iter().rev().take(5).map(|line| line.text.as_str()).collect::<Vec<_>>();
        format!("{} {} {:?}: {}", incident.id, incident.state, incident.services, last.join(" < "))
    });
    let waiting = state.pending_changes().into_iter().map(|change| format!("{} waits: {}", change.id, change.title));
    let running = state.running_recoveries().map(|recovery| format!("{} runs: {}", recovery.id, recovery.plan.title));
    let drill = state.drills.running().map(|drill| format!("{} is held", drill.id));
    ill.chain(open).chain(waiting).chain(running).chain(drill).collect::<Vec<_>>().join("\n")
}

impl Drop for Demo {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}

/// A drill that a process of its own holds.
pub struct Held {
    process: Option<Child>,
}

impl Held {
    /// Waits until it is over: the exit code of whoever held it, and what it told.
    pub async fn over(mut self) -> (i32, Value) {
        let process = self.process.take().unwrap();
        let output = tokio::task::spawn_blocking(move || process.wait_with_output().unwrap()).await.unwrap();
        let told = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output.status.code().unwrap_or(-1), told)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
