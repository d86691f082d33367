//! What can go wrong with a sandbox, and what to do about it.

use std::{io, path::PathBuf};

/// Why something about a sandbox did not work.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The directory belongs to somebody else.
    #[error("{dir} is not a sandbox: {reason}; name an empty directory, or one that `sandbox up` made", dir = .dir.display())]
    NotASandbox {
        /// What was named.
        dir: PathBuf,
        /// What it lacks.
        reason: String,
    },
    /// Two supervisors of one directory.
    #[error("the sandbox in {dir} is already up; stop it with `sandbox down`, or use another directory", dir = .dir.display())]
    AlreadyUp {
        /// The sandbox.
        dir: PathBuf,
    },
    /// Nobody answers for it.
    #[error("the sandbox in {dir} is not up; start it with `sandbox up`", dir = .dir.display())]
    NotUp {
        /// The sandbox.
        dir: PathBuf,
    },
    /// Its supervisor is about to start or to stop.
    #[error("the sandbox in {dir} is just starting or stopping; try again in a few seconds", dir = .dir.display())]
    InBetween {
        /// The sandbox.
        dir: PathBuf,
    },
    /// No such service.
    #[error("there is no service {name:?} in a sandbox; it has {known}")]
    UnknownService {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// No such dependency.
    #[error("no service of a sandbox depends on another as {name:?}; there are {known}")]
    UnknownLink {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// No such fault.
    #[error("there is no fault {name:?}; there are {known}")]
    UnknownFault {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The fault cannot hit that service.
    #[error("{fault} cannot be injected into {service}: {reason}")]
    WrongTarget {
        /// The fault.
        fault: &'static str,
        /// The service.
        service: String,
        /// Why not, and what can be done instead.
        reason: String,
    },
    /// The same fault is there already.
    #[error("{fault} is in force on {service} already ({id}); `sandbox heal` ends it")]
    AlreadyInForce {
        /// The fault.
        fault: &'static str,
        /// The service.
        service: String,
        /// The record of it.
        id: String,
    },
    /// A duration outside the limits.
    #[error("a fault may last from 1 s to 30 min, not {seconds} s")]
    BadLease {
        /// What was asked for.
        seconds: u64,
    },
    /// The process is not there, or is not ours.
    #[error(
        "{service} is not a running process of this sandbox; `sandbox status` shows what runs, `sandbox restart {service}` starts it"
    )]
    NotRunning {
        /// The service.
        service: String,
    },
    /// Something took too long.
    #[error("{what} did not happen within {seconds} s; its log is {log}", log = .log.display())]
    TooSlow {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// Where to look.
        log: PathBuf,
    },
    /// A limit of the sandbox.
    #[error("not done, because {reason}")]
    Limit {
        /// Which one.
        reason: String,
    },
    /// Some faults could not be undone; the others were.
    #[error("not everything could be healed: {problems}; `sandbox heal` may be repeated")]
    NotHealed {
        /// One sentence for each.
        problems: String,
    },
    /// The supervisor tried and failed.
    #[error("the sandbox's supervisor says: {0}")]
    Supervisor(String),
    /// A file of the sandbox is not what it should be.
    #[error("{path} cannot be understood: {reason}", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The database of the sandbox.
    #[error("cannot {doing} {path}: {error}", path = .path.display())]
    Database {
        /// What was tried.
        doing: &'static str,
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        error: rusqlite::Error,
    },
    /// The operating system refused.
    #[error("cannot {doing} {path}: {error}", path = .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What it says.
        #[source]
        error: io::Error,
    },
}

impl SandboxError {
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { doing, path, error }
    }

    pub(super) fn database(doing: &'static str, path: impl Into<PathBuf>) -> impl Fn(rusqlite::Error) -> Self {
        let path = path.into();
        move |error| Self::Database { doing, path: path.clone(), error }
    }
}
