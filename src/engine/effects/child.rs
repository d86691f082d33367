//! A program that the engine runs for a person: an argument list without a shell, a process group of its own, bounded output. Its
//! time stands still while people have to agree to what it asks for.

use std::{
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    task::JoinHandle,
    time::timeout,
};

use crate::recovery::write_note;

/// Bytes of its output that are judged; the rest is read and dropped.
const READ: usize = 1 << 20;
/// How long a program that was asked to end may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether it may go on.
const LOOK: Duration = Duration::from_millis(50);
/// How long output is awaited after the end: something outside of its group may still hold the pipe.
const LINGER: Duration = Duration::from_millis(200);

/// Whether a program may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// It may.
    Runs,
    /// It waits for people, and its time stands still.
    WaitsForPeople,
    /// Somebody wants it ended.
    Ends,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// With this code; none when a signal ended it.
    Exited(Option<u8>),
    TimedOut,
    Cancelled,
    /// It was never begun.
    NotStarted(String),
}

/// A program that has ended.
pub(super) struct Ran {
    pub(super) ended: Ended,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// How long it ran, without the time in which people had to agree.
    pub(super) took: Duration,
}

/// Kills a process group when dropped before its time: the engine stops, or nobody wants the answer any more.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // It fails when the group has just ended by itself.
            let _ = kill_process_group(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Runs a prepared command to its end, its time-out, or until it may not go on. Which process it is stands in the note meanwhile, so
/// that an engine that comes after a crash finds it.
pub(super) async fn run(mut command: Command, within: Duration, note: &Path, leave: impl Fn() -> Leave) -> Ran {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let not_started = |why: String| Ran {
        ended: Ended::NotStarted(why),
        stdout: Vec::new(),
        stderr: Vec::new(),
        took: Duration::ZERO,
    };
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let program = command.as_std().get_program().to_string_lossy().into_owned();
            return not_started(format!("{program} cannot be started: {error}"));
        }
    };
    let id = child.id();
    let group = Group(id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    if let Some(error) = id.and_then(|id| write_note(note, id).err()) {
        group.signal(Signal::KILL);
        return not_started(format!("it could not be written down which process it is: {error}"));
    }
    let (stdout, stderr) = (Kept::default(), Kept::default());
    let readers =
        [child.stdout.take().map(|from| keep(from, &stdout)), child.stderr.take().map(|from| keep(from, &stderr))];
    let (ended, took) = wait(&mut child, &group, within, leave).await;
    for reader in readers.into_iter().flatten() {
        // What still holds the pipe is not waited for.
        let _ = timeout(LINGER, reader).await;
    }
    drop(group);
    // A note that stays tells of a process that is not, which is found out.
    let _ = std::fs::remove_file(note);
    Ran { ended, stdout: take(&stdout), stderr: take(&stderr), took }
}

async fn wait(child: &mut Child, group: &Group, within: Duration, leave: impl Fn() -> Leave) -> (Ended, Duration) {
    let (mut took, mut last) = (Duration::ZERO, Instant::now());
    loop {
        let exited = timeout(LOOK, child.wait()).await;
        let now = Instant::now();
        let leave = leave();
        if leave != Leave::WaitsForPeople {
            took += now - last;
        }
        last = now;
        match exited {
            Ok(Ok(status)) => return (Ended::Exited(status.code().and_then(|code| u8::try_from(code).ok())), took),
            Ok(Err(_)) => return (Ended::Exited(None), took),
            Err(_) => {}
        }
        let why = match leave {
            Leave::Ends => Ended::Cancelled,
            Leave::Runs if took >= within => Ended::TimedOut,
            _ => continue,
        };
        group.signal(Signal::TERM);
        if timeout(PATIENCE, child.wait()).await.is_err() {
            group.signal(Signal::KILL);
            let _ = child.wait().await;
        }
        return (why, took);
    }
}

type Kept = Arc<Mutex<Vec<u8>>>;

fn take(kept: &Kept) -> Vec<u8> {
    std::mem::take(&mut kept.lock().unwrap_or_else(PoisonError::into_inner))
}

fn keep(mut from: impl AsyncRead + Unpin + Send + 'static, kept: &Kept) -> JoinHandle<()> {
    let kept = kept.clone();
    tokio::spawn(async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let room = READ.saturating_sub(kept.len()).min(count);
            kept.extend_from_slice(&buffer[..room]);
        }
    })
}
