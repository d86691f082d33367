//! How a command ends, and what the shell is told.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{
    client::ClientError,
    domain::Refusal,
    engine::{HomeError, StartError},
    platform::Problems,
};

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// It was tried and failed.
    Failed = 1,
    /// The command line or a file is wrong.
    Usage = 2,
    /// A rule refused it.
    Refused = 3,
    /// There is no engine to talk to.
    NoEngine = 4,
    /// A person must decide before it can go on.
    Undecided = 10,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// The platform file is wrong.
    #[error(transparent)]
    Platform(#[from] Problems),
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no engine to talk to.
    #[error("{0}")]
    NoEngine(String),
    /// Whoever read the output has gone; nobody is to be told.
    #[error("the reader of the output has gone")]
    NoReader,
}

impl CliError {
    /// What the shell is told.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) => Exit::Failed,
            Self::Usage(_) | Self::Platform(_) => Exit::Usage,
            Self::Refused(_) => Exit::Refused,
            Self::NoEngine(_) => Exit::NoEngine,
            Self::NoReader => Exit::Done,
        }
    }

    /// The error as the API would word it.
    #[must_use]
    pub fn document(&self) -> Value {
        let (code, message, hint) = match self {
            Self::Refused(refusal) => (refusal.rule.as_str(), refusal.message.clone(), Some(refusal.next_step())),
            Self::Failed(message) => ("failed", message.clone(), None),
            Self::Usage(message) => ("bad-request", message.clone(), None),
            Self::Platform(problems) => ("platform-file", problems.to_string(), None),
            Self::NoEngine(message) => ("no-engine", message.clone(), None),
            Self::NoReader => ("no-reader", self.to_string(), None),
        };
        json!({"error": {"code": code, "message": message, "hint": hint}})
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NoEngine { .. } => Self::NoEngine(error.to_string()),
            ClientError::Refused(refusal) => Self::Refused(refusal),
            ClientError::Invalid(message) => Self::Usage(message),
            ClientError::Failed(message) => Self::Failed(message),
        }
    }
}

impl From<HomeError> for CliError {
    fn from(error: HomeError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Platform(problems) => Self::Platform(problems),
            other => Self::Failed(other.to_string()),
        }
    }
}
