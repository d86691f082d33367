//! What a probability that is shown has to mean: of all cases shown with 80 %, four in five were right.
//!
//! `shares` makes probabilities of what speaks for each candidate, with one for "none of these". `calibrator` corrects
//! them by how cases ended (`platt` while there are few, `isotonic` from then on; old cases count less) and never shows
//! more than has been earned (`bounds`). `record` is what the analyser is shipped with and what verdicts make of it. `quality` says how good probabilities were. Numbers in, numbers out: ages come in
//! as values, and nothing here reads a clock.

mod bounds;
mod calibrator;
mod isotonic;
mod platt;
mod quality;
mod record;
mod shares;

/// No more is claimed before cases have borne it out: 95 % takes 59 of them without an error.
pub(super) const UNPROVED: f64 = 0.94;

/// A confidence in hundredths: 95 % and more is rounded down, and what is less does not become 95 %.
pub(super) fn told(confidence: f64) -> f64 {
    const TINY: f64 = 1e-9;
    let percent = 100.0 * confidence;
    if percent + TINY >= 95.0 {
        (percent + TINY).floor() / 100.0
    } else {
        percent.round().min(100.0 * UNPROVED) / 100.0
    }
}

pub use bounds::{earned, lower_bound, upper_bound};
pub use calibrator::{Calibrator, Case};
pub use isotonic::Isotonic;
pub use platt::Platt;
pub use quality::{Bin, Quality};
pub use record::{EARNED, Record, SHIPPED, VERDICTS, WAITING, curve, shipped};
pub use shares::{Shares, shares};
