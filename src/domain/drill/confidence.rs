//! How sure it is that people can handle a scenario in a service: by what was drilled, how, and how long ago. This map is the
//! evidence of contingency tests.

use std::{collections::BTreeSet, fmt};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::DrillMode;
use crate::domain::{
    DrillId, State,
    runbook::{Runbook, Scenario, ServiceRef},
};

/// How long a blind drill counts as such, in days.
pub const CONFIDENCE_DAYS: i64 = 90;
/// Points below which a drill has shown nothing.
const SHOWN: u32 = 50;

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Nothing is written down.
    None,
    /// A runbook says what to do, and nobody has tried.
    Paper,
    /// People did it in a drill.
    Drilled,
    /// People did it in a drill that nobody knew anything of, within 90 days.
    DrilledBlind,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::Paper => "paper",
            Self::Drilled => "drilled",
            Self::DrilledBlind => "drilled blind",
        })
    }
}

/// One scenario in one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfidenceCell {
    /// The service.
    pub service: String,
    /// The scenario.
    pub scenario: String,
    /// How sure it is.
    pub level: Confidence,
    /// How many drills were held to their end.
    pub drills: usize,
    /// The last of them.
    pub last: Option<DrillId>,
    /// When that ended.
    pub last_at: Option<DateTime<Utc>>,
    /// Its points.
    pub points: Option<u32>,
}

/// The scenarios of the map: each for which books are written.
#[must_use]
pub fn scenarios() -> Vec<String> {
    let own = Scenario::CHOICES.iter().filter(|(_, scenario)| *scenario != Scenario::Custom);
    own.map(|(name, _)| (*name).to_owned()).collect()
}

/// What runbooks cover: each scenario with the services that its book names.
#[must_use]
pub fn covered<'a>(books: impl IntoIterator<Item = &'a Runbook>) -> BTreeSet<(String, String)> {
    let mut covered = BTreeSet::new();
    for book in books {
        let name = Scenario::CHOICES.iter().find(|(_, scenario)| *scenario == book.front.scenario);
        let Some((scenario, _)) = name else { continue };
        for service in &book.front.services {
            let service = match service {
                ServiceRef::Name(name) => Some(name.clone()),
                ServiceRef::Input(input) => {
                    let declared = book.front.inputs.iter().find(|known| known.name == *input);
                    declared.and_then(|known| known.default.clone())
                }
            };
            covered.extend(service.map(|service| ((*scenario).to_owned(), service)));
        }
    }
    covered
}

/// The map: every service of the platform against every scenario, in the order in which they are given. `books` are the
/// scenarios that a runbook covers, with each service that it names.
#[must_use]
pub fn confidence(
    state: &State,
    scenarios: &[String],
    books: &BTreeSet<(String, String)>,
    now: DateTime<Utc>,
) -> Vec<ConfidenceCell> {
    let services = state.platform.services.iter().map(|service| service.name.as_str());
    let all = services.flat_map(|service| scenarios.iter().map(move |scenario| (service, scenario.as_str())));
    all.map(|(service, scenario)| cell(state, (service, scenario), books, now)).collect()
}

fn cell(
    state: &State,
    (service, scenario): (&str, &str),
    books: &BTreeSet<(String, String)>,
    now: DateTime<Utc>,
) -> ConfidenceCell {
    let held = state.drills.held.values().filter(|drill| {
        drill.completed().is_some_and(|reveal| {
            let truth = &reveal.truth;
            truth.scenario == scenario && truth.blame.as_ref().is_some_and(|blame| blame.service == service)
        })
    });
    let held: Vec<_> = held.collect();
    let paper = match books.contains(&(scenario.to_owned(), service.to_owned())) {
        true => Confidence::Paper,
        false => Confidence::None,
    };
    let shown = held.iter().filter(|drill| drill.is_earnest());
    let shown = shown.filter(|drill| drill.score.as_ref().is_some_and(|score| score.total >= SHOWN));
    let level = shown.map(|drill| {
        let fresh = now - drill.at() <= TimeDelta::days(CONFIDENCE_DAYS);
        let blind = matches!(drill.mode, DrillMode::Blind | DrillMode::KeyPersonAway);
        if blind && fresh { Confidence::DrilledBlind } else { Confidence::Drilled }
    });
    let last = held.last();
    ConfidenceCell {
        service: service.to_owned(),
        scenario: scenario.to_owned(),
        level: level.max().unwrap_or(paper).max(paper),
        drills: held.len(),
        last: last.map(|drill| drill.id),
        last_at: last.and_then(|drill| drill.ended.as_ref()).map(|end| end.at),
        points: last.and_then(|drill| drill.score.as_ref()).map(|score| score.total),
    }
}
