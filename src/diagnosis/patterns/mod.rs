//! What kinds of lines there are: templates, found one line at a time, in bounded memory, without a setting.
//!
//! `scan` cuts a line into pieces and recognises what varies in every log by its form (`kind`); `miner` finds the `template` of
//! the line, and `judge` says which words of templates that are alike are variables. A template's `slot`s tell what stood in
//! its variables. `kept` is the miner as data, for a restart. `history` judges how often templates come in which service (`lately` by the
//! minute), `cascade` finds those that follow each other over services. `mask` says what of a line may be shown, `words` what of a path. `observed` holds miner and history over all services together, as an engine does. Pure: lines and times come in as values.
//!
//! A form that is to count as a variable everywhere is a variant of `Kind` and its rule in `kind` or `scan`.

mod cascade;
mod history;
mod judge;
mod kept;
mod kind;
mod lately;
mod mask;
mod miner;
mod observed;
mod scan;
mod slot;
mod template;
mod text;
mod words;

#[cfg(test)]
mod tests;

pub use cascade::{Cascade, Onset, Step, cascades};
pub use history::{History, Standing, Trend};
pub use kept::{Kept, KeptError};
pub use kind::Kind;
pub use lately::{MINUTES, bars, held};
pub use mask::MASK;
pub use miner::{Change, Miner, Taken, Variable};
pub use observed::{Example, KeptObserved, Observed, Seen, SeenPattern};
pub use slot::{FEW, Slot, Value};
pub use template::{Template, TemplateId};
pub use text::clean;
