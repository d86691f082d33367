//! How sure the analyser may say it is: first by the incidents that it was tried on before it was shipped, then by what people
//! have said of its answers here.

use std::fmt::Write;

use super::{Calibrator, Case, Platt, Quality, calibrator::FREE, earned};
use crate::domain::Cause;

/// Verdicts from which on they correct what is shown.
pub const VERDICTS: usize = 20;

/// The curve that is shipped, for causes that nobody else brings about: by the log-odds of the first candidate's probability, on simulated
/// incidents of every other family, also of those that strangers wrote (`tests/it/diagnoses.rs` fits it anew, and holds it to the families
/// in between). It is steeper than what fits best, as few of those incidents have little that speaks for their cause, and policies may
/// act from 70 % on.
pub const SHIPPED: Platt = Platt { slope: -1.6, shift: -2.3 };

/// So much less of log-odds have causes that are seen where somebody waits ([`Cause::is_waiting`]): where strangers wrote what
/// programs say, half of those were what somebody else brought about of whom no known word told.
pub const WAITING: f64 = 1.4;

/// How many answers of which the curve says 95 % or more were right, of how many: on incidents of the families that the curve is
/// fitted to, and of all that strangers wrote. The families in between that no stranger wrote measure what it leads to. Incidents of a
/// family resemble each other, so the bound is a bound on such incidents and no more.
pub const EARNED: (u32, u32) = (588, 603);

/// What the curve says of a first candidate with this cause and probability, 0 to 1.
#[must_use]
pub fn curve(cause: Cause, probability: f64) -> f64 {
    if probability <= 0.0 {
        return 0.0;
    }
    let probability = probability.clamp(1e-4, 1.0 - 1e-4);
    let shift = SHIPPED.shift + if cause.is_waiting() { WAITING } else { 0.0 };
    Platt { shift, ..SHIPPED }.rate((probability / (1.0 - probability)).ln())
}

/// How sure the analyser is by its own record, where its first candidate has this cause and probability. From 95 % on it is no more
/// than what [`EARNED`] bears out; without such a record 95 % is not shown.
#[must_use]
pub fn shipped(cause: Cause, probability: f64) -> f64 {
    curve(cause, probability).min(earned(EARNED.0, EARNED.1).max(FREE))
}

/// What people have said of diagnoses here.
#[derive(Debug, Clone)]
pub struct Record {
    cases: Vec<Case>,
    calibrator: Calibrator,
}

impl Record {
    /// Of these verdicts, each with the confidence that was shown, whether the cause was right, and its age in days.
    #[must_use]
    pub fn of(cases: Vec<Case>) -> Self {
        let calibrator = Calibrator::fit(&cases);
        Self { cases, calibrator }
    }

    /// Whether there are enough verdicts to correct anything by.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.cases.len() >= VERDICTS
    }

    /// What is to be shown instead of a confidence.
    #[must_use]
    pub fn corrected(&self, confidence: f64) -> f64 {
        if self.is_enough() && confidence > 0.0 { self.calibrator.shown(confidence) } else { confidence }
    }

    /// How good the confidences were that were shown; nothing while nobody has judged.
    #[must_use]
    pub fn quality(&self) -> Option<Quality> {
        let cases: Vec<(f64, bool)> = self.cases.iter().map(|case| (case.claimed, case.right)).collect();
        Quality::of(&cases)
    }

    /// The record for people: what it rests on, how good it is, and the reliability table.
    #[must_use]
    pub fn report(&self) -> String {
        let n = self.cases.len();
        let mut text = if self.is_enough() {
            format!("{n} verdicts correct what is shown\n")
        } else {
            format!(
                "not enough verdicts yet (n = {n}, {VERDICTS} are needed): what is shown rests on simulated incidents\n"
            )
        };
        let Some(quality) = self.quality() else { return text };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "Brier score {:.3}, calibration error {:.3}\n", quality.brier, quality.ece);
        let _ = writeln!(text, "{:>13} {:>8} {:>8} {:>6} {:>6}", "shown", "on mean", "right", "n", "right");
        for bin in &quality.bins {
            let shown = format!("{:.2} to {:.2}", bin.from, bin.until);
            let _ =
                writeln!(text, "{shown:>13} {:>8.2} {:>8.2} {:>6} {:>6}", bin.claimed, bin.found, bin.cases, bin.right);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(right: usize, wrong: usize) -> Record {
        let case = |right: bool| Case { claimed: 0.9, right, age: 0.0 };
        Record::of((0..right).map(|_| case(true)).chain((0..wrong).map(|_| case(false))).collect())
    }

    #[test]
    fn what_is_shipped_grows_with_what_speaks_and_claims_no_more_than_was_earned() {
        for cause in [Cause::DiskFull, Cause::ProcessHang] {
            let shown: Vec<f64> = (0..100).map(|step| shipped(cause, f64::from(step) / 100.0)).collect();
            assert!(shown.is_sorted() && shown[0] == 0.0, "{shown:?}");
        }
        assert!(
            shipped(Cause::ProcessHang, 0.5) < shipped(Cause::DiskFull, 0.5) - 0.1,
            "who waits may wait for another"
        );
        let (right, cases) = EARNED;
        assert!(cases >= 59 && shipped(Cause::DiskFull, 1.0) <= earned(right, cases).max(FREE));
    }

    #[test]
    fn a_few_verdicts_change_nothing_and_say_so() {
        let few = verdicts(2, 8);
        assert_eq!(few.corrected(0.9), 0.9);
        assert!(few.report().starts_with("not enough verdicts yet (n = 10, "), "{}", few.report());
        assert!(verdicts(0, 0).quality().is_none());
    }

    #[test]
    fn many_verdicts_correct_what_is_shown_and_what_names_nothing_stays_at_nothing() {
        let often_wrong = verdicts(15, 15);
        assert!((often_wrong.corrected(0.9) - 0.5).abs() < 0.05, "{}", often_wrong.corrected(0.9));
        assert_eq!(often_wrong.corrected(0.0), 0.0);
        assert!(verdicts(58, 0).corrected(0.9) < 0.95);
        assert!(
            often_wrong.report().contains("0.90 to 0.90     0.90     0.50     30     15"),
            "{}",
            often_wrong.report()
        );
    }
}
