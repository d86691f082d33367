//! The language model as a second mind. What the local analyser found (`case`) is put before a model (`prompt`), through the
//! interface that OpenAI has made common (`mind`, on `exchange`, `wire`, `events`, `habits`, `retry`, `breaker`, `key`); its answer
//! (`answer`) is held against what it was shown (`opinion`) and weighed beside the local order (`merge`), which it can
//! change only a little.
//!
//! The room knows nothing of incidents and of redaction: both come in as values and functions, so that whatever leaves the
//! host has passed the one redactor, and its last scan stands in front of the socket.

mod answer;
mod breaker;
mod case;
mod events;
mod exchange;
mod failure;
mod habits;
mod key;
mod merge;
mod mind;
mod opinion;
mod prompt;
mod retry;
mod schema;
mod text;
mod wire;

pub use case::{Action, Article, Candidate, Case, Fact};
pub use failure::Failure;
pub use merge::{Merged, Stance, merge};
pub use mind::{Consultation, Mind, Progress, Question, Usage};
pub use opinion::Opinion;
pub use prompt::Prompt;
