//! A supervisor that stays when the terminal goes.

use std::{
    io::{self, Read},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{
    SandboxError,
    layout::{Layout, make_dir},
    status::{SandboxStatus, status},
    supervisor::{self, SandboxOptions},
};

const TO_COME_UP: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// Brings a sandbox up in a process of its own, by `codeblue sandbox up --dir DIR --seed N --detached`, and returns when all its
/// services work.
///
/// # Errors
/// When it does not come up; the error holds what that process said.
pub fn up_detached(options: &SandboxOptions) -> Result<SandboxStatus, SandboxError> {
    make_dir(&options.dir)?;
    if Layout::open(&options.dir).is_ok_and(|layout| supervisor::is_up(&layout)) {
        return Err(SandboxError::AlreadyUp { dir: options.dir.clone() });
    }
    // beside the directory, which must be empty at first
    let said = tempfile::tempfile().map_err(SandboxError::io("make a file for", &options.dir))?;
    let failed = || SandboxError::io("run", &options.binary);
    let mut child = Command::new(&options.binary)
        .args(["sandbox", "up", "--dir"])
        .arg(&options.dir)
        .args(["--seed", &options.seed.to_string(), "--detached"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said.try_clone().map_err(failed())?)
        .spawn()
        .map_err(failed())?;
    let until = Instant::now() + TO_COME_UP;
    while Instant::now() < until {
        if let Some(code) = child.try_wait().map_err(failed())? {
            let mut text = String::new();
            let mut said = said;
            // whatever can be read of it helps
            let _ = io::Seek::rewind(&mut said).and_then(|()| said.take(4096).read_to_string(&mut text));
            let text = if text.trim().is_empty() { code.to_string() } else { text.trim().to_owned() };
            return Err(SandboxError::Supervisor(text));
        }
        let is_up = Layout::open(&options.dir).is_ok_and(|layout| supervisor::is_up(&layout));
        if is_up {
            let status = status(&options.dir)?;
            if status.services.iter().all(|service| service.healthy) {
                return Ok(status);
            }
        }
        thread::sleep(POLL);
    }
    let log = options.dir.join("logs").join("supervisor.log");
    Err(SandboxError::TooSlow { what: "the start".to_owned(), seconds: TO_COME_UP.as_secs(), log })
}

/// Makes this process one that no terminal ends. For the process that `up_detached` starts, before anything else.
///
/// # Errors
/// When the system refuses.
pub fn leave_terminal() -> io::Result<()> {
    match rustix::process::setsid() {
        // leads a session already
        Ok(_) | Err(rustix::io::Errno::PERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
