//! What a block runs, with what is wrong about it in its place in the file.

use super::finding::Notes;
use crate::domain::runbook::Command;

const RULE: &str = "command";

/// Reads the one command of a block that begins at a byte of the file.
pub(super) fn command(body: &str, at: usize, place: &str, notes: &mut Notes) -> Option<Command> {
    match Command::read(body) {
        Ok(command) => Some(command),
        Err(wrong) => {
            notes.error(RULE, at + wrong.at, place, wrong.what, wrong.expected);
            None
        }
    }
}
