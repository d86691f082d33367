//! Floor 3. What broke: collects evidence (`logs`), finds where it sits (`root`), weighs what could be the cause
//! (`hypotheses`), and writes the document (`document`). Deterministic, without a network; the same case gives the same answer.
//!
//! What comes from outside passes `redact` first; `redaction` makes the one that the platform file asks for.
//!
//! A new kind of cause is a function in `hypotheses` that looks at the case and says what speaks for it.

mod document;
mod hypotheses;
mod logs;
mod redact;
mod redaction;
mod root;

#[cfg(test)]
mod tests;

pub use document::{CaseFile, analyse};
pub use logs::{LogExcerpt, collect_logs};
pub use redact::{Class, Extra, Found, Leak, PseudonymKey, Redactor, Removed, Stream};
