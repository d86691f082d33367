//! The way back where nobody is left who could reset a second factor: the last lead's telephone and paper are gone, or the
//! engine has lost its secrets.
//!
//! It takes who owns the home, and a stopped engine. That user can read and replace every file of it anyway, so this is no new
//! power; it is the one way to use it that the record knows of.

use std::{os::unix::fs::MetadataExt, path::PathBuf, sync::Arc};

use super::{
    Answer, Clock, Home, HomeError,
    clock::Steady,
    evidence,
    factors::{Factors, FactorsError},
    login_of,
};
use crate::{
    diagnosis::Redactor,
    domain::{Actor, Command, Meta, Refusal, decide},
    store::{CheckpointKey, Draft, Journal, JournalError, KeyError},
};

/// Why a second factor was not recovered. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// No engine has worked here.
    #[error("there is no journal at {path}; name the home of the engine with --home DIR")]
    NoJournal {
        /// Where it would be.
        path: PathBuf,
    },
    /// The home is another user's.
    #[error("{path} belongs to {owner}; only that user may do this")]
    NotTheOwner {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: String,
    },
    /// The home cannot be used, or an engine works on it.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The event could not be written as JSON.
    #[error("the event cannot be written: {0}")]
    Event(#[from] serde_json::Error),
    /// The key for checkpoints cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The secrets of second factors cannot be used.
    #[error(transparent)]
    Factors(#[from] FactorsError),
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Has somebody's second factor not count any more, in the home of a stopped engine, by the user who owns it. It is in the journal
/// and under a checkpoint before it returns.
///
/// # Errors
/// When an engine runs there, the home is another user's, or nobody has that name.
pub fn recover_second_factor(
    home: &Home,
    clock: Arc<dyn Clock>,
    operator: &str,
    reason: &str,
) -> Result<Answer, RecoverError> {
    let path = home.journal();
    let found = std::fs::metadata(&path).map_err(|_| RecoverError::NoJournal { path: path.clone() })?;
    let login = |uid: u32| login_of(uid).unwrap_or_else(|| format!("user {uid}"));
    let me = rustix::process::getuid().as_raw();
    if found.uid() != me {
        return Err(RecoverError::NotTheOwner { path, owner: login(found.uid()) });
    }
    let _lock = home.lock()?;
    let factors = Factors::open(&home.keys())?;
    let (mut journal, state) = Journal::open(&path)?;
    let key = Arc::new(CheckpointKey::open_or_make(&home.keys())?);
    let host = sysinfo::System::host_name().unwrap_or_else(|_| "this host".to_owned());
    journal.seal_with(evidence::origin(&state.engine.origin, &host, &key.public()), key);

    let at = Steady::after(state.clock, clock).now().max(state.clock);
    let mut command =
        Command::RecoverSecondFactor { operator: operator.to_owned(), login: login(me), reason: reason.to_owned() };
    let removed = Redactor::from(&*state.platform).clean_all(command.texts_mut());
    let mut events = Vec::new();
    for event in decide(&state, command, &Meta::new(at, Actor::Engine))? {
        events.push(journal.prepare(&Draft { at, actor: Actor::Engine, cause: None, event })?);
    }
    if !events.is_empty() {
        journal.commit()?;
        journal.checkpoint(at)?;
        factors.forget(state.person(operator))?;
    }
    Ok(Answer { seq: journal.seq(), events, removed })
}
