//! Has a service read its release, configuration and data anew.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{SandboxError, catalogue, layout::Layout, process, supervisor::restart_in};

const TO_RELOAD: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(5);

/// Has a service read its files anew and returns when it has; requests in flight finish with what they began with. A service
/// that does not run, or does not react, is started anew.
///
/// # Errors
/// When there is no such service, the sandbox is not up, or the service does not come up.
pub fn reload(dir: &Path, service: &str) -> Result<(), SandboxError> {
    reload_in(&Layout::open(dir)?, service)
}

pub(super) fn reload_in(layout: &Layout, service: &str) -> Result<(), SandboxError> {
    let service = catalogue::process(service)?;
    let before = match process::signal(layout, service, Signal::HUP) {
        Ok(entry) => entry,
        Err(SandboxError::NotRunning { .. }) => return restart_in(layout, service),
        Err(error) => return Err(error),
    };
    let until = Instant::now() + TO_RELOAD;
    while Instant::now() < until {
        match process::running(layout, service)? {
            Some(now) if now.process == before.process && now.reloads == before.reloads => thread::sleep(POLL),
            Some(_) => return Ok(()),
            None => break,
        }
    }
    restart_in(layout, service)
}
