//! Floor 3. What broke: collects evidence (`logs`), finds where it sits (`root`), weighs what could be the cause
//! (`hypotheses`), sets all causes side by side (`candidates`), and writes the document (`document`). Deterministic, without a
//! network; the same case gives the same answer. Where the platform file names a language model, `second_mind` puts what was found
//! before it (`model`) and writes both into one document.
//!
//! What comes from outside passes `redact` first; `redaction` makes the one that the platform file asks for.
//!
//! `patterns` finds what kinds of lines there are and how often each comes. `rank` finds the root cause from metrics over a call
//! graph alone, for `codeblue rootcause`; `confidence` holds what a probability has to mean before it is shown.
//!
//! `library` searches what is known from earlier, by `knowledge`, and adds it to a document.
//!
//! A new kind of cause is a function in `hypotheses` that looks at the case and says what speaks for it.

mod candidates;
pub mod confidence;
mod document;
mod hypotheses;
mod knowledge;
mod library;
mod logs;
pub mod model;
pub mod patterns;
pub mod rank;
mod redact;
mod redaction;
mod root;
mod second_mind;

#[cfg(test)]
mod tests;

pub use document::{CaseFile, analyse};
pub use knowledge::PageError;
pub use library::{FoundArticle, Library, Reason, SEEDS, consult, read_article, write_article};
pub use logs::{LogExcerpt, collect_logs, signatures};
pub use redact::{Class, Extra, Found, Leak, PseudonymKey, Redactor, Removed, Stream};
pub use second_mind::{joined, put, scan};
