//! Floor 3. What broke: collects evidence (`logs`), finds where it sits (`root`), weighs what could be the cause
//! (`hypotheses`), and writes the document (`document`). Deterministic, without a network; the same case gives the same answer.
//!
//! `patterns` finds what kinds of lines there are and how often each comes.
//!
//! A new kind of cause is a function in `hypotheses` that looks at the case and says what speaks for it.

mod document;
mod hypotheses;
mod logs;
pub mod patterns;
mod redact;
mod root;

#[cfg(test)]
mod tests;

pub use document::{CaseFile, analyse};
pub use logs::{LogExcerpt, collect_logs};
pub use redact::redact;
