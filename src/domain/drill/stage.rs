//! What has to be done now in the drill that runs: read from what everybody may see, so that it tells nothing of what is broken.

use std::fmt;

use serde::Serialize;

use super::Drill;
use crate::domain::{Incident, State, Status};

/// What has to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrillStage {
    /// Nothing is wrong yet: somebody has to look.
    Watch,
    /// Something is wrong, and nobody has taken it on.
    TakeOn,
    /// Somebody has, and those who wait have not been told.
    Tell,
    /// Nobody has said what is broken.
    Declare,
    /// It is not well again.
    Heal,
    /// Everything is well, and has to stay so.
    StayWell,
    /// It is over, and what was broken is being taken back.
    TakeBack,
}

impl fmt::Display for DrillStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Watch => "watch",
            Self::TakeOn => "take it on",
            Self::Tell => "tell those who wait",
            Self::Declare => "declare the cause",
            Self::Heal => "heal it",
            Self::StayWell => "it is well: keep it so",
            Self::TakeBack => "over: all is taken back",
        })
    }
}

impl Drill {
    /// What has to be done now.
    #[must_use]
    pub fn stage(&self, state: &State) -> DrillStage {
        if self.aborted.is_some() || self.ended.is_some() {
            return DrillStage::TakeBack;
        }
        let incidents: Vec<&Incident> = self.incidents(state).collect();
        let unwell = state.services.values().any(|health| matches!(health.status, Status::Down | Status::Degraded));
        let open = || incidents.iter().filter(|incident| incident.state.is_open());
        if incidents.is_empty() && self.answers.is_empty() {
            DrillStage::Watch
        } else if open().count() > 0 && incidents.iter().all(|incident| incident.acknowledged_at.is_none()) {
            DrillStage::TakeOn
        } else if open().count() > 0 && incidents.iter().all(|incident| incident.updates.said.is_empty()) {
            DrillStage::Tell
        } else if self.answers.is_empty() {
            DrillStage::Declare
        } else if unwell || state.running_recoveries().next().is_some() {
            DrillStage::Heal
        } else {
            DrillStage::StayWell
        }
    }

    /// The incidents that were opened since it began, the oldest first.
    pub fn incidents<'a>(&'a self, state: &'a State) -> impl Iterator<Item = &'a Incident> {
        let until = self.ended.as_ref().map(|end| end.at);
        state.incidents.values().filter(move |incident| {
            incident.opened_at >= self.started_at && until.is_none_or(|until| incident.opened_at <= until)
        })
    }
}
