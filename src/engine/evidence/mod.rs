//! What makes the record convincing to others: when the head is signed (`seal`), where the checkpoints go (`export`, with `syslog` and
//! `witness` for places that are no directory), what others show us of theirs (`desk`), what the clock did (`steps`), and
//! what can be asked about all this (`figures`).

mod desk;
mod export;
mod figures;
mod seal;
mod steps;
mod syslog;
mod witness;

pub use export::PlaceFigures;
pub(super) use export::{Last, Reaching, export};
pub(super) use seal::{cut, cut_in_time, origin};
pub(super) use steps::report_steps;
