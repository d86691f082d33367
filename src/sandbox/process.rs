//! Which process is meant, so that a signal never reaches a stranger who got the same number.

use std::{ffi::OsStr, fs, io, os::unix::ffi::OsStrExt, path::Path};

use chrono::{DateTime, Utc};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::{SandboxError, catalogue, files, layout::Layout};

/// The hidden subcommand that a service of a sandbox runs as.
pub const SERVICE_COMMAND: &str = "sandbox-service";

/// One process, and no other that ever had or will have its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity {
    pub(super) pid: u32,
    /// Clock ticks between the start of the host and its own.
    pub(super) started: u64,
    /// Which start of the host that was.
    boot: String,
}

/// What a process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessState {
    /// Alive.
    Running,
    /// Stopped by a signal: alive, but does nothing.
    Frozen,
    /// Not there.
    Gone,
}

/// What a running service tells about itself; the others find it by this.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    /// Id of the sandbox.
    pub(super) sandbox: String,
    pub(super) service: String,
    pub(super) process: Identity,
    pub(super) port: u16,
    /// What it serves: a release, a model, a schema.
    pub(super) version: String,
    /// How often it has read its configuration and release anew.
    pub(super) reloads: u64,
    pub(super) started_at: DateTime<Utc>,
}

impl Identity {
    /// The process that has this number now.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let Stat { state, started, threads } = stat(pid)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        // the first thread may be dead while others still hold sockets
        let dead = matches!(state, 'Z' | 'X') && threads <= 1;
        (!dead).then_some(Self { pid, started, boot })
    }

    pub(super) fn this() -> Option<Self> {
        Self::of(std::process::id())
    }

    pub(super) fn state(&self) -> ProcessState {
        if Self::of(self.pid).as_ref() != Some(self) {
            return ProcessState::Gone;
        }
        match stat(self.pid) {
            Some(Stat { state: 'T' | 't', .. }) => ProcessState::Frozen,
            Some(_) => ProcessState::Running,
            None => ProcessState::Gone,
        }
    }

    /// Sends a signal; false when the process is gone.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<bool> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH | rustix::io::Errno::INVAL) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        // the handle holds on to one process; now see that it is the right one
        if Self::of(self.pid).as_ref() != Some(self) {
            return Ok(false);
        }
        match pidfd_send_signal(handle, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// What proc(5) tells about a process.
struct Stat {
    state: char,
    started: u64,
    threads: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the name in parentheses may hold anything; the state after it is field 3
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let threads = fields.nth(16)?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    Some(Stat { state, started, threads })
}

/// Whether a process was started as a service of a sandbox directory.
fn serves(pid: u32, service: Option<&str>, dir: &Path) -> bool {
    let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    let [_, command, name, flag, named, ..] = words.as_slice() else { return false };
    *command == SERVICE_COMMAND.as_bytes()
        && service.is_none_or(|service| *name == service.as_bytes())
        && *flag == b"--dir"
        && OsStr::from_bytes(named) == dir.as_os_str()
}

/// The entry of a service, when it is one of this sandbox and its process is alive and is what it says.
pub(super) fn running(layout: &Layout, service: &str) -> Result<Option<Entry>, SandboxError> {
    let entry: Option<Entry> = files::read_json(&layout.entry(service))?;
    Ok(entry.filter(|entry| {
        entry.sandbox == layout.marker.id
            && entry.service == service
            && entry.process.state() != ProcessState::Gone
            && serves(entry.process.pid, Some(service), layout.dir())
    }))
}

/// Signals a service of this sandbox, and nothing else.
pub(super) fn signal(layout: &Layout, service: &str, signal: Signal) -> Result<Entry, SandboxError> {
    let not_running = || SandboxError::NotRunning { service: service.to_owned() };
    let entry = running(layout, service)?.ok_or_else(not_running)?;
    let sent = entry.process.signal(signal).map_err(SandboxError::io("signal", layout.entry(service)))?;
    if sent { Ok(entry) } else { Err(not_running()) }
}

/// Ends every process that serves this directory, whoever started it. Only for when it has no supervisor.
pub(super) fn end_orphans(layout: &Layout) -> Result<usize, SandboxError> {
    let mut ended = 0;
    for process in fs::read_dir("/proc").map_err(SandboxError::io("list", "/proc"))?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Some(identity) = Identity::of(pid) else { continue };
        if serves(pid, None, layout.dir())
            && identity.signal(Signal::KILL).map_err(SandboxError::io("end a process of", layout.dir()))?
        {
            ended += 1;
        }
    }
    Ok(ended)
}

/// Forgets what processes that are gone told about themselves.
pub(super) fn forget(layout: &Layout) -> Result<(), SandboxError> {
    for service in catalogue::all_processes() {
        files::remove(&layout.entry(service))?;
        files::remove(&layout.pid_file(service))?;
        files::remove(&layout.impaired(service))?;
        files::remove(&layout.measures(service))?;
    }
    files::remove(&layout.links())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_the_same_number_but_another_start_is_a_stranger() {
        let this = Identity::this().unwrap();
        assert_eq!(this.state(), ProcessState::Running);
        let stranger = Identity { started: this.started + 1, ..this };
        assert_eq!(stranger.state(), ProcessState::Gone);
        assert!(!stranger.signal(Signal::KILL).unwrap(), "we are still here");
    }

    #[test]
    fn a_process_that_is_no_service_of_the_directory_is_not_ours() {
        assert!(!serves(std::process::id(), None, Path::new("/")));
    }
}
