//! Runbooks and their runs on the board: `books` are those that can be begun, `look` is where a run stands for the one who looks,
//! `act` what can be done at a step, `say` the forms in which something is said, `compare` what was expected beside what was found. What a
//! step takes and where a run goes on is decided by the rules, which are asked beforehand.

mod act;
mod books;
mod compare;
mod look;
mod say;

pub use act::in_question;
pub(super) use act::{choose, co_sign, go_on, refused, run_step, start, wants_value};
pub use books::{Fit, Listed};
pub use compare::{Difference, compare};
pub use look::{leads, mark, resolutions, run_of, trouble};
pub use say::Said;
pub(super) use say::{answers, begun, cannot_say, command, fields, foreseen, settled};
