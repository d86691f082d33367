//! Telling a service that its state was replaced.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{RecoveryError, program::Program};
use crate::{platform::Component, vault::CancelFlag};

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
    let ran = Program::new(run, timeout, cancel).merged().run();
    match ran.problem() {
        None => Ok(ProgramOutput { text: ran.stdout.text(), truncated: ran.stdout.truncated }),
        Some(outcome) => Err(RecoveryError::Reload { outcome, output: ran.said(), program: ran.program }),
    }
}
