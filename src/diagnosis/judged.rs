//! What people have said of diagnoses here: what the confidence of the next is corrected by, and the cases that teach.

use chrono::{DateTime, Utc};

use super::{
    confidence::{Case, Record, shipped},
    learned::{Confirmed, Learned},
};
use crate::domain::{DiagnosisDocument, Judgement, State, VERDICTS_LIMIT};

/// Answers that people have judged, oldest first: each with whether all of them found it right, and when it was judged last.
fn judged(state: &State) -> impl DoubleEndedIterator<Item = (&DiagnosisDocument, bool, DateTime<Utc>)> {
    state.diagnoses.values().filter_map(|diagnosis| {
        let at = diagnosis.verdicts.iter().map(|verdict| verdict.at).max()?;
        let right = diagnosis.verdicts.iter().all(|verdict| verdict.judgement == Judgement::Right);
        Some((&**diagnosis.document()?, right, at))
    })
}

/// How often answers of each confidence were right here.
#[must_use]
pub fn record_of(state: &State, now: DateTime<Utc>) -> Record {
    let newest = judged(state).rev().take(VERDICTS_LIMIT);
    let cases = newest.map(|(document, right, at)| {
        let first = document.candidates.first();
        let claimed = first.map_or(document.root_cause.confidence, |first| shipped(first.cause, first.probability));
        Case { claimed, right, age: (now - at).as_seconds_f64() / 86_400.0 }
    });
    Record::of(cases.collect())
}

/// What answers that were right teach about the lines that come with each kind of cause.
#[must_use]
pub fn learned_of(state: &State) -> Learned {
    let right = judged(state).filter(|(_, right, _)| *right);
    let cases = right.map(|(document, ..)| Confirmed {
        cause: document.root_cause_category,
        lines: document
            .root_cause
            .evidence
            .iter()
            .filter(|evidence| evidence.source.starts_with("log of "))
            .map(|evidence| evidence.text.clone())
            .collect(),
    });
    Learned::from(&cases.collect::<Vec<_>>())
}
