//! What declared actions of the sandbox do beside starting a service anew: what an operator of it would do by hand.

use std::path::Path;

use super::{SandboxError, catalogue, files, layout::Layout, process, reload::reload_in, spoil, supervisor::end};

/// Something that an operator of the sandbox would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Repair {
    /// End the stray client that holds the write lock of the records.
    Unblock,
    /// Have `auth` know the secret that a service has.
    RenewCredential,
    /// Sign tokens with the key that they are checked with.
    RenewKey,
}

/// Does it, and returns when it is done; that nothing was wrong is fine.
///
/// # Errors
/// When the directory is no sandbox, it is not up, or the service has no account of its own.
pub fn repair(dir: &Path, what: Repair, service: &str) -> Result<(), SandboxError> {
    let layout = Layout::open(dir)?;
    match what {
        Repair::Unblock if process::running(&layout, catalogue::STRAY_CLIENT)?.is_some() => end(&layout),
        Repair::Unblock => Ok(()),
        Repair::RenewCredential => {
            let path = layout.secret(service);
            let secret = files::read(&path)?.ok_or_else(|| SandboxError::Damaged {
                path: path.clone(),
                reason: format!("{service} has no secret"),
            })?;
            spoil::know_secret(&layout, service, String::from_utf8_lossy(&secret).trim())?;
            reload_in(&layout, "auth")
        }
        Repair::RenewKey => {
            let path = layout.verifying_key();
            let key = files::read(&path)?
                .ok_or_else(|| SandboxError::Damaged { path: path.clone(), reason: "it is missing".to_owned() })?;
            files::write(&layout.signing_key(), &key)?;
            reload_in(&layout, "auth")
        }
    }
}
