//! What drills have shown of a runbook: the one answer that lists, papers, pages and reports give.

use chrono::NaiveDate;
use serde::Serialize;

use super::{Drill, DrillMode, Drills};
use crate::domain::{DrillId, runbook::Runbook};

/// What drills have shown of a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum BookProof {
    /// One has proved it: people took part who were not told the cause, and had 90 points or more.
    Proved {
        /// Which.
        by: Shown,
        /// Whether the book says the same still.
        unchanged: bool,
    },
    /// Its file says that one has, and this journal knows of none that has.
    Stamped {
        /// The day.
        on: NaiveDate,
        /// Whether the book says the same still.
        unchanged: bool,
    },
    /// People held one to its end without being told the cause, and none has proved it.
    Drilled {
        /// The newest.
        by: Shown,
        /// Whether the book says the same still.
        unchanged: bool,
    },
    /// None of these.
    Never,
}

/// A drill that has shown something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Which.
    pub drill: DrillId,
    /// The day on which it ended.
    pub on: NaiveDate,
    /// How much people were told.
    pub mode: DrillMode,
    /// What it came to.
    pub points: u32,
}

impl Shown {
    fn of(drill: &Drill) -> Self {
        let points = drill.score.as_ref().map_or(0, |score| score.total);
        Self { drill: drill.id, on: drill.at().date_naive(), mode: drill.mode, points }
    }
}

/// What drills have shown of a runbook. A proof of what it says now counts before one of what it said, a drill of this journal before
/// what the book's file says, and the newest before all others.
#[must_use]
pub fn proof_of(drills: &Drills, book: &Runbook) -> BookProof {
    let held = drills.held.values().rev().filter(|drill| drill.is_earnest()).filter_map(|drill| {
        let truth = &drill.completed()?.truth;
        (truth.book == book.front.id).then_some((drill, truth.book_hash == book.hash))
    });
    let held: Vec<(&Drill, bool)> = held.collect();
    let proves = |drill: &Drill| drill.score.as_ref().is_some_and(|score| score.proves(drill));
    let proof = |wanted: bool| {
        let found = held.iter().find(|(drill, unchanged)| *unchanged == wanted && proves(drill));
        found.map(|(drill, unchanged)| BookProof::Proved { by: Shown::of(drill), unchanged: *unchanged })
    };
    let stamp = |wanted: bool| {
        let stamp = book.front.proof.as_ref().filter(|stamp| (stamp.hash == book.hash) == wanted)?;
        Some(BookProof::Stamped { on: stamp.on, unchanged: wanted })
    };
    let newest = || held.first().map(|(drill, same)| BookProof::Drilled { by: Shown::of(drill), unchanged: *same });
    proof(true)
        .or_else(|| stamp(true))
        .or_else(|| proof(false))
        .or_else(|| stamp(false))
        .or_else(newest)
        .unwrap_or(BookProof::Never)
}

impl BookProof {
    /// Whether a drill has proved the book as it is now; none when no drill ever has.
    #[must_use]
    pub fn holds(&self) -> Option<bool> {
        match self {
            Self::Proved { unchanged, .. } | Self::Stamped { unchanged, .. } => Some(*unchanged),
            Self::Drilled { .. } | Self::Never => None,
        }
    }

    /// In a word or two, for lists.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self, self.holds()) {
            (_, Some(true)) => "proved",
            (_, Some(false)) => "changed since",
            (Self::Drilled { .. }, None) => "not proved",
            (_, None) => "never drilled",
        }
    }

    /// All of it in one line.
    #[must_use]
    pub fn words(&self) -> String {
        let told = |by: &Shown| format!("{} on {}, {}, {} points", by.drill, by.on, by.mode, by.points);
        let since = |unchanged: &bool| if *unchanged { "" } else { "; the book has CHANGED since" };
        match self {
            Self::Proved { by, unchanged } => format!("proved by {}{}", told(by), since(unchanged)),
            Self::Stamped { on, unchanged } => format!("proved by a drill on {on}{}", since(unchanged)),
            Self::Drilled { by, unchanged } => format!("drilled, not proved: {}{}", told(by), since(unchanged)),
            Self::Never => "never drilled".to_owned(),
        }
    }
}
