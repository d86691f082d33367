//! Telling a service that its state was replaced.

use std::{
    io::Read,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

use super::RecoveryError;
use crate::{platform::Component, vault::CancelFlag};

/// Bytes kept of what a reload prints; the rest is read and dropped.
const KEPT: usize = 64 * 1024;
/// Of those, how many an error shows.
const SHOWN: usize = 2000;
const PAUSE: Duration = Duration::from_millis(5);
/// How long to wait for the rest of the output after the end: a service that the reload started may hold the pipe open for ever.
const DRAIN: Duration = Duration::from_millis(200);

static EMPTY: String = String::new();

/// What a program printed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgramOutput {
    /// Both streams as they came; what is no UTF-8 is replaced.
    pub text: String,
    /// There was more than was kept.
    pub truncated: bool,
}

/// Runs the component's reload command, when it has one.
///
/// # Errors
/// When it cannot be started, fails, or takes too long.
pub fn reload(
    component: &Component,
    timeout: Duration,
    cancel: &CancelFlag,
) -> Result<Option<ProgramOutput>, RecoveryError> {
    component.reload.as_deref().map(|run| run_program(run, timeout, cancel)).transpose()
}

/// Runs a program with its arguments in a process group of its own. At `timeout` the whole group is killed.
///
/// # Errors
/// When it cannot be started, fails, or takes too long.
pub fn run_program(run: &[String], timeout: Duration, cancel: &CancelFlag) -> Result<ProgramOutput, RecoveryError> {
    let (program, arguments) = run.split_first().map_or((&EMPTY, run), |(program, rest)| (program, rest));
    let failed = |outcome: String, output: &ProgramOutput| RecoveryError::Reload {
        program: program.clone(),
        outcome,
        output: tail(&output.text),
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}"), &ProgramOutput::default()))?;
    let kept = Arc::new(Mutex::new(Kept::default()));
    let readers: Vec<thread::JoinHandle<()>> =
        [child.stdout.take().map(|stream| keep(stream, &kept)), child.stderr.take().map(|stream| keep(stream, &kept))]
            .into_iter()
            .flatten()
            .collect();

    let ended = wait(&mut child, timeout, cancel);
    let drain = Instant::now();
    while readers.iter().any(|reader| !reader.is_finished()) && drain.elapsed() < DRAIN {
        thread::sleep(PAUSE);
    }
    let output = kept.lock().unwrap_or_else(PoisonError::into_inner).output();
    match ended {
        Ended::Exited(status) if status.success() => Ok(output),
        Ended::Exited(status) => Err(failed(describe(status), &output)),
        Ended::Killed(why) => Err(failed(why, &output)),
    }
}

pub(super) enum Ended {
    Exited(ExitStatus),
    Killed(String),
}

pub(super) fn wait(child: &mut Child, timeout: Duration, cancel: &CancelFlag) -> Ended {
    let started = Instant::now();
    let why = loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ended::Exited(status),
            Ok(None) if cancel.is_cancelled() => break "was cancelled and killed".to_owned(),
            Ok(None) if started.elapsed() >= timeout => {
                break format!("took longer than {} s and was killed", timeout.as_secs_f64());
            }
            Ok(None) => thread::sleep(PAUSE),
            Err(error) => break format!("cannot be waited for ({error}) and was killed"),
        }
    };
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // it fails when the group ended by itself just now, which is what we want
        let _ = kill_process_group(group, Signal::KILL);
    }
    // the first process of the group is dead by now; this only collects it
    let _ = child.wait();
    Ended::Killed(why)
}

pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}

pub(super) struct Kept {
    bytes: Vec<u8>,
    most: usize,
    truncated: bool,
}

impl Default for Kept {
    fn default() -> Self {
        Self::of_at_most(KEPT)
    }
}

impl Kept {
    pub(super) fn of_at_most(most: usize) -> Self {
        Self { bytes: Vec::new(), most, truncated: false }
    }

    pub(super) fn output(&self) -> ProgramOutput {
        ProgramOutput { text: String::from_utf8_lossy(&self.bytes).into_owned(), truncated: self.truncated }
    }
}

pub(super) fn keep(mut stream: impl Read + Send + 'static, kept: &Arc<Mutex<Kept>>) -> thread::JoinHandle<()> {
    let kept = Arc::clone(kept);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let room = kept.most.saturating_sub(kept.bytes.len()).min(length);
            kept.bytes.extend_from_slice(&buffer[..room]);
            kept.truncated |= room < length;
        }
    })
}

pub(super) fn tail(text: &str) -> String {
    let text = text.trim();
    let from = text.char_indices().rev().nth(SHOWN).map_or(0, |(index, _)| index);
    if text.is_empty() { "(nothing)".to_owned() } else { text[from..].to_owned() }
}
