//! Floor 3. What broke: collects evidence (`logs`), finds where it sits (`root`), weighs what could be the cause
//! (`hypotheses`), sets all causes side by side (`candidates`), and writes the document (`document`). Deterministic, without a network; the same case gives the same answer.
//!
//! `rank` finds the root cause from metrics over a call graph alone, for `codeblue rootcause`; `confidence` holds what a
//! probability has to mean before it is shown.
//!
//! A new kind of cause is a function in `hypotheses` that looks at the case and says what speaks for it.

mod candidates;
pub mod confidence;
mod document;
mod hypotheses;
mod logs;
pub mod rank;
mod redact;
mod root;

#[cfg(test)]
mod tests;

pub use document::{CaseFile, analyse};
pub use logs::{LogExcerpt, collect_logs};
pub use redact::redact;
