//! What a runbook says, after it has been read and found right: plain data, on which the rules of a run decide. How files become
//! books is the subject of the room `runbook`; what becomes of a book in an emergency that of `run`.

mod book;
mod command;
mod expect;
mod input;
mod sensitive;
mod step;

pub use book::{FrontMatter, Phi, Proof, Runbook, Scenario, Section, SectionKind, ServiceRef};
pub use command::{Command, Part, Unreadable, Word, is_input_name};
pub use expect::{Comparison, Expectation, Judgement, Outcome, expectations, judge};
pub use input::{Input, InputKind, duration, is_slug, service_ref};
pub use sensitive::SENSITIVE;
pub use step::{
    Action, Approval, Capture, Change, Choice, Condition, Confirm, Ended, Evidence, Execution, InDrill, Manual,
    OnTrouble, RateLimit, Retry, Step, Target, Task, Undo, Work,
};
