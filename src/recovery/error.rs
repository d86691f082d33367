//! Why a capture or a restore did not succeed, and what stands where now.

use std::{
    io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

use super::{Target, program::Ran};
use crate::vault::{FileProblem, VaultError};

/// What stands where after an error; part of its text.
pub(super) const UNTOUCHED: &str = "what is live was not touched";

/// Why a capture, a restore or a reload did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The vault could not give or take; that happens before anything live is switched.
    #[error("{0}; {UNTOUCHED}")]
    Vault(#[from] VaultError),
    /// This component is not restored from such a target.
    #[error("{component} is handled by the adapter `{adapter}` and cannot be restored to {target}; {UNTOUCHED}")]
    WrongTarget {
        /// The component.
        component: String,
        /// Its adapter.
        adapter: &'static str,
        /// What was asked for.
        target: Target,
    },
    /// No directory of that name among the releases.
    #[error(
        "there is no release {version:?} in {}; there are: {}; {UNTOUCHED}",
        releases.display(), if available.is_empty() { "none".to_owned() } else { available.join(", ") }
    )]
    NoSuchRelease {
        /// Where releases lie.
        releases: PathBuf,
        /// What was asked for.
        version: String,
        /// What is there.
        available: Vec<String>,
    },
    /// The link `current` is missing, or is no link to a release.
    #[error("{} is not a link to a directory in `releases`: {reason}; {UNTOUCHED}", path.display())]
    NotALink {
        /// The link.
        path: PathBuf,
        /// What it is.
        reason: String,
    },
    /// The snapshot could not be restored exactly beside the live state.
    #[error(
        "{} of the files of {component} cannot be restored exactly, first {}: {}; {UNTOUCHED}",
        problems.len(), problems.first().map_or("", |one| one.path.as_str()), problems.first().map_or("", |one| one.problem.as_str())
    )]
    NotWhole {
        /// The component.
        component: String,
        /// Each file and what is wrong with it.
        problems: Vec<FileProblem>,
    },
    /// A snapshot that does not look like one of this component.
    #[error("snapshot {snapshot} is not one of {component}: {reason}; {UNTOUCHED}")]
    WrongSnapshot {
        /// The component.
        component: String,
        /// The snapshot.
        snapshot: String,
        /// Why not.
        reason: String,
    },
    /// A database fails its integrity check.
    #[error("the database {} fails its integrity check: {finding}; {stands}", path.display())]
    BadDatabase {
        /// The database.
        path: PathBuf,
        /// What was found.
        finding: String,
        /// What stands where.
        stands: &'static str,
    },
    /// A file of flags cannot be read as what it should be.
    #[error("{} cannot be read as flags: {finding}; {stands}", path.display())]
    BadFlags {
        /// The file.
        path: PathBuf,
        /// Why not.
        finding: String,
        /// What stands where.
        stands: &'static str,
    },
    /// SQLite refused.
    #[error("cannot {action} the database {}: {source}; {UNTOUCHED}", path.display())]
    Database {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// A program of PostgreSQL did not succeed.
    #[error("cannot {action}: `{program}` {outcome}; {stands}. It said: {output}")]
    Tool {
        /// What was tried.
        action: &'static str,
        /// The program, without its arguments.
        program: String,
        /// How it ended.
        outcome: String,
        /// The end of what it printed.
        output: String,
        /// What stands where.
        stands: &'static str,
    },
    /// The time asked for cannot be reached.
    #[error("{component} cannot be brought back to {at}: {reason}; {UNTOUCHED}")]
    NotCovered {
        /// The component.
        component: String,
        /// The time asked for.
        at: DateTime<Utc>,
        /// What is covered.
        reason: String,
    },
    /// What was restored could not go into service, so what was there before is back.
    #[error(
        "{component}: what was restored could not go into service, so what was live before is live again: {reason}"
    )]
    Withdrawn {
        /// The component.
        component: String,
        /// Why.
        reason: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; {stands}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
        /// What stands where.
        stands: &'static str,
    },
    /// An interrupted switch cannot be finished, because somebody removed what was staged.
    #[error(
        "the interrupted restore of {component} cannot be finished: neither {} nor {} is what was staged; look at both, then restore again with a new run",
        live.display(), staged.display()
    )]
    Lost {
        /// The component.
        component: String,
        /// Where it should be live.
        live: PathBuf,
        /// Where it was staged.
        staged: PathBuf,
    },
    /// What was restored is not there afterwards.
    #[error("{} is missing after the restore", path.display())]
    Missing {
        /// What should be there.
        path: PathBuf,
    },
    /// The reload command did not succeed; the restored state is live, the service may not have seen it.
    #[error(
        "the reload `{program}` {outcome}; what was restored is live, but the service may still run on the old state. It said: {output}"
    )]
    Reload {
        /// The program, without its arguments.
        program: String,
        /// How it ended.
        outcome: String,
        /// The end of what it printed.
        output: String,
    },
    /// A program that the platform file names, or git, did not do what it was asked.
    #[error("`{program}` {outcome}; {stands}. It said: {output}")]
    Program {
        /// The program, without its arguments.
        program: String,
        /// How it ended.
        outcome: String,
        /// The end of what it printed.
        output: String,
        /// What stands where.
        stands: &'static str,
    },
    /// What was asked for is not possible.
    #[error("{component}: {reason}; {UNTOUCHED}")]
    Impossible {
        /// The component.
        component: String,
        /// Why, and what to do instead.
        reason: String,
    },
    /// What is live is not what it should be after the restore.
    #[error("{} is not as {expected}: {} differ, first {}; it is live now", path.display(), differing.len(), differing.first().map_or("", String::as_str))]
    Differs {
        /// What was looked at.
        path: PathBuf,
        /// What it should be.
        expected: String,
        /// Names that differ.
        differing: Vec<String>,
    },
    /// Somebody asked to stop, before anything live was switched.
    #[error("cancelled; {UNTOUCHED}")]
    Cancelled,
}

impl RecoveryError {
    /// Whether it says something about the snapshot itself, and not only about the attempt to restore it.
    #[must_use]
    pub fn blames_snapshot(&self) -> bool {
        match self {
            Self::Vault(error) => error.blames_snapshot(),
            error => matches!(
                error,
                Self::NotWhole { .. } | Self::BadDatabase { .. } | Self::BadFlags { .. } | Self::WrongSnapshot { .. }
            ),
        }
    }

    /// A program that failed before anything live was touched.
    pub(super) fn program(ran: &Ran, outcome: String) -> Self {
        Self::Program { program: ran.program.clone(), outcome, output: ran.said(), stands: UNTOUCHED }
    }

    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source, stands: UNTOUCHED }
    }

    /// An error in the middle of a switch.
    pub(super) fn switching(action: &'static str, path: &Path, source: io::Error) -> Self {
        let stands = "the switch is half done and written down: run the same recovery again, or restart the engine, to finish it";
        Self::Io { action, path: path.to_owned(), source, stands }
    }

    pub(super) fn database(action: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        Self::Database { action, path: path.to_owned(), source }
    }
}
