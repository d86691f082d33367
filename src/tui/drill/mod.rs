//! Drills on the board: those that can be held and those that were, what has to be done now in the one that runs, and what is said in it.
//!
//! `desk` is what the board knows of them and in which order they stand, `lesson` the words for what has to be done, `say` the forms.
//! A drill is held by a process of its own, which `runtime` begins: it goes on when the board is left.

mod desk;
mod lesson;
mod say;

pub use desk::{ANY, DrillDesk, DrillOffer, DrillRow, DrillWish, TUTORIAL, cannot_hold};
pub use lesson::{better, how, lesson, look};

pub(super) use say::{answerable, answers, command, fields, foreseen, hold};
