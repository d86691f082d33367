//! Floor 3. Runbooks: Markdown files that a person reads at three in the night, on a screen, on a code host or on paper, and
//! that a run walks through.
//!
//! What a book is, once it has been read and found right, says `domain::runbook`, as the rules of a run decide on it. On the way
//! there are `header` (the front matter's flat YAML) with `front` (its fields), `outline` (sections, steps, blocks), `attributes`
//! (the fence attributes of runme), `command` (what a block runs, without a shell), `values` (what attributes hold), `pieces` (a
//! step's parts), `read_step` and `parse`.
//! `rules` has what must hold within one book, `lint` what must hold around it, `finding` how it is told. `format` lays a book
//! out, `visible` writes the line that tells readers what attributes hide, `plain` is the paper, `plan` what a run would do,
//! `library` the books there are.
//!
//! Nothing here runs a command or reads a clock. A new attribute starts in `domain/runbook/step.rs` and `read_step`, a new rule in `rules` or
//! `lint`; docs/runbooks.md lists both.

mod attributes;
mod command;
mod finding;
mod format;
mod front;
mod header;
mod library;
mod lint;
mod outline;
mod parse;
mod pieces;
mod plain;
mod plan;
mod read_step;
mod rules;
#[cfg(test)]
mod tests;
mod values;
mod visible;

pub use crate::domain::runbook::{
    Action, Approval, Capture, Change, Choice, Command, Comparison, Condition, Confirm, Ended, Evidence, Execution,
    Expectation, FrontMatter, InDrill, Input, InputKind, Judgement, Manual, OnTrouble, Outcome, Part, Phi, Proof,
    RateLimit, Retry, Runbook, Scenario, Section, SectionKind, ServiceRef, Step, Target, Task, Undo, Word, Work,
    expectations, judge,
};
pub use finding::{Finding, Level};
pub use format::format;
pub use front::FORMAT;
pub use library::{BUILT_IN, Origin, Volume, built_in, find, library, open};
pub use lint::{Surroundings, lint};
pub use parse::{LONGEST, Reading, read, read_bytes};
pub use plain::{plain, plain_in};
pub use plan::{Missing, PlannedStep, RunPlan, plan};
pub use visible::line as visible_line;
