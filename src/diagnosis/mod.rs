//! Floor 3. What broke: collects evidence (`logs`, line by line in `line`), finds which services come into question and which
//! explains which (`root`, `names`; `accused`, where those above say what it does not see itself), weighs what could be the cause
//! (`hypotheses`, `hearsay` by what others say, with the words of `vocabulary`, read by `signs`; `release`; files that are `kept`; people who are `disclosed`;
//! `learned` from confirmed cases, by what people have `judged`), sets all causes side by side (`candidates`), and writes the document (`document`) with what may be
//! done (`remedies`). Deterministic, without a network; the same case gives the same answer. `alone` does it for log files
//! without an engine. Where the platform file names a language model, `second_mind` puts what was found before it (`model`) and
//! writes both into one document.
//!
//! `collect` gives the lines that services write, as they write them. What comes from outside passes `redact` first; `redaction`
//! makes the one that the platform file asks for.
//!
//! `patterns` finds what kinds of lines there are and how often each comes. `rank` finds the root cause from metrics over a call
//! graph alone, for `codeblue rootcause`; `confidence` holds what a probability has to mean before it is shown.
//!
//! `library` searches what is known from earlier, by `knowledge`, and adds it to a document.
//!
//! A new kind of cause is a row of `domain::CAUSES`, its words in `vocabulary`, and its sentence in `hypotheses`.

mod accused;
mod alone;
mod candidates;
pub mod collect;
pub mod confidence;
mod disclosed;
mod document;
mod hearsay;
mod hypotheses;
mod judged;
mod kept;
mod knowledge;
mod learned;
mod library;
mod line;
mod logs;
pub mod model;
mod names;
pub mod patterns;
pub mod rank;
mod redact;
mod redaction;
mod release;
mod remedies;
mod root;
mod second_mind;
mod signs;
mod values;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use alone::{WHOLE_LOG, analyse_logs, read_log, service_of};
pub use disclosed::named_in;
pub use document::{CaseFile, analyse, analyse_with};
pub use judged::{learned_of, record_of};
pub use knowledge::PageError;
pub use learned::{Confirmed, Learned};
pub use library::{FoundArticle, Library, Reason, SEEDS, consult, read_article, write_article};
pub use logs::{LogExcerpt, collect_logs, is_nobodys, signatures};
pub use redact::{Class, Extra, Found, Leak, PseudonymKey, Redactor, Removed, Stream};
pub use second_mind::{joined, put, scan};
