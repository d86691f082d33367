//! Runs of runbooks: people walk through a book step by step, the engine runs its programs, and every attempt is on record before it
//! begins. What a run is stands in `record` and `attempt`, what people see of a step in `standing`; `start` begins one, `walk` says where it
//! goes on, `act` what a step takes and what becomes of an attempt, `people` what a person may decide otherwise, `rebase` what becomes of one whose book has changed, `time` what
//! clocks remind of. A clock grants nothing.
//!
//! A run is pinned to the book as it was read: the event that begins it holds the book, and so does one that rebases it.

mod act;
mod apply;
mod attempt;
mod people;
mod rebase;
mod record;
mod standing;
mod start;
mod time;
mod walk;

pub(super) use act::{begin_attempt, finish_attempt, lose_attempt, run_step};
pub(super) use apply::apply;
pub use attempt::{Attempt, AttemptEnd, AttemptFate, AttemptPart, AttemptResult, KeptOutput};
pub(super) use people::{abandon, answer, cancel, co_sign, mark_done, resolve_unknown, skip, undo};
pub(super) use rebase::rebase;
pub use rebase::{Difference, StepDifference, differences};
pub use record::{
    Halt, Run, RunInput, RunMark, RunMode, RunOutcome, RunStep, RunStepState, SkipCause, Stand, StepAnswer, StepEnd,
    TaskAnswer, UndoCause, UnknownAnswer,
};
pub use standing::{Awaited, StepStanding, command_of, standing, waits_for_change};
pub(super) use start::start;
pub use start::{GIVEN, inputs_of};
pub(super) use time::{deadlines, remind};
