//! The drills that can be held and those that were: in which order they stand, and what is known of each.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        Command, Confidence, ConfidenceCell, Drill, DrillId, DrillMode, confidence, covered, runbook::Runbook,
        scenarios,
    },
    platform::Profile,
    tui::{
        action::cannot_act,
        model::{List, Loaded, Model, Screen},
        preview::refusal,
    },
};

/// The drill that shows the way, and a seed with which it has nothing that leads astray.
pub const TUTORIAL: (&str, u64) = ("pool-exhaustion", 4);
/// Stands where a drill's id does, when the seed is to pick one.
pub const ANY: &str = "any";
/// Drills that are over and still listed.
const OVER: usize = 50;

/// What the board knows of drills besides the state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DrillDesk {
    /// Those that can be held, once somebody has asked for them.
    pub offers: Option<Loaded<Vec<DrillOffer>>>,
    /// When one was asked for that has not begun.
    pub asked_at: Option<DateTime<Utc>>,
    /// Why the last one that was asked for was not held.
    pub failed: Option<String>,
}

/// A drill that can be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillOffer {
    /// Its id.
    pub id: String,
    /// What it is about, in one line; what is wrong with its file, when it cannot be read.
    pub title: String,
    /// The scenario it belongs to.
    pub scenario: String,
    /// The runbook it is for.
    pub book: String,
    /// The services in which its cause may sit.
    pub services: BTreeSet<String>,
    /// Within which the trouble should be noticed.
    pub detect_within: Duration,
    /// Within which everything should be well again.
    pub recover_within: Duration,
    /// How long people have.
    pub limit: Duration,
    /// Whether its file can be read.
    pub readable: bool,
}

/// A drill that somebody wants held, in the words of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillWish {
    /// Its id; the seed picks one when nobody says.
    pub drill: Option<String>,
    /// How much people are told.
    pub mode: String,
    /// What is drawn from; another one each time when nobody says.
    pub seed: Option<u64>,
    /// Who plays to be away.
    pub away: Option<String>,
    /// How the program plays people, when nobody is there.
    pub play: Option<String>,
    /// Who holds it.
    pub operator: String,
}

/// A row of the page of drills.
#[derive(Debug, Clone)]
pub enum DrillRow<'a> {
    /// One that runs, or was held.
    Held(&'a Drill),
    /// One that the seed picks.
    Any,
    /// One that can be held.
    Offer(&'a DrillOffer),
}

impl DrillRow<'_> {
    /// What tells it from all others.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Held(drill) => drill.id.to_string(),
            Self::Any => ANY.to_owned(),
            Self::Offer(offer) => offer.id.clone(),
        }
    }
}

impl Model {
    /// The drills that can be held, as far as they have been asked for.
    #[must_use]
    pub fn offers(&self) -> &[DrillOffer] {
        match &self.drills.offers {
            Some(Loaded::Here(offers)) => offers,
            _ => &[],
        }
    }

    /// The drill that runs, those that can be held, and those that were, the newest first.
    #[must_use]
    pub fn drill_rows(&self) -> Vec<DrillRow<'_>> {
        let mut rows: Vec<DrillRow<'_>> = self.state.drills.running().into_iter().map(DrillRow::Held).collect();
        if !self.offers().is_empty() && self.filter.words(|is_wanted| is_wanted(ANY)) {
            rows.push(DrillRow::Any);
        }
        let meant = self.offers().iter().filter(|offer| {
            self.filter.words(|is_wanted| {
                [&offer.id, &offer.title, &offer.scenario, &offer.book].into_iter().any(|text| is_wanted(text))
                    || offer.services.iter().any(|name| is_wanted(name))
            })
        });
        rows.extend(meant.map(DrillRow::Offer));
        let over = self.state.drills.held.values().rev().filter(|drill| drill.ended.is_some());
        rows.extend(over.filter(|drill| self.wants_drill(drill)).take(OVER).map(DrillRow::Held));
        rows
    }

    /// The id of the drill that is selected, if one can be held; [`ANY`] when the seed picks it.
    #[must_use]
    pub fn offered(&self) -> Option<String> {
        match self.drill_rows().get(self.selected_place(List::Drills))? {
            DrillRow::Held(_) => None,
            row => Some(row.key()),
        }
    }

    /// The drill that is looked at or selected, if it runs or was held.
    #[must_use]
    pub fn drill_here(&self) -> Option<&Drill> {
        let id: DrillId = match self.screen() {
            Screen::Drill(id) => *id,
            Screen::Drills => self.selected(List::Drills)?.parse().ok()?,
            _ => return self.state.drills.running(),
        };
        self.state.drills.held.get(&id)
    }

    /// The drills of a file that were held to their end, the newest first.
    pub fn held_of<'a>(&'a self, file: &'a str) -> impl Iterator<Item = &'a Drill> {
        self.state.drills.held.values().rev().filter(move |drill| drill.is_completed_of(file))
    }

    /// How sure it is that people can handle each scenario in each service.
    #[must_use]
    pub fn heat(&self) -> Vec<ConfidenceCell> {
        let books: Vec<&Runbook> = self.library().iter().filter_map(|book| book.runbook.as_deref()).collect();
        confidence(&self.state, &scenarios(), &covered(books), self.now)
    }

    /// The same of what a drill is about: the least of its services.
    #[must_use]
    pub fn sureness(&self, heat: &[ConfidenceCell], offer: &DrillOffer) -> Confidence {
        let of = heat.iter().filter(|cell| cell.scenario == offer.scenario && offer.services.contains(&cell.service));
        of.map(|cell| cell.level).min().unwrap_or(Confidence::None)
    }
}

/// Why no drill can be begun from this board now.
#[must_use]
pub fn cannot_hold(model: &Model) -> Option<String> {
    if let Some(why) = cannot_act(model) {
        return Some(why);
    }
    if model.state.platform.profile != Profile::Drill {
        let name = &model.state.platform.name;
        return Some(format!("{name} is not there to be broken; drills are held on one that is: codeblue demo"));
    }
    if model.faults.is_empty() {
        return Some("no sandbox is beside this engine; drills are held on one: codeblue demo".to_owned());
    }
    if model.drills.asked_at.is_some() {
        return Some("one is being begun".to_owned());
    }
    refusal(model, start(DrillMode::Blind, BTreeSet::new(), false))
}

/// A drill like the one that is wanted, for the rules: what is broken is drawn by whoever holds it.
pub(super) fn start(mode: DrillMode, away: BTreeSet<String>, unattended: bool) -> Command {
    Command::StartDrill {
        mode,
        told: Box::default(),
        limit_seconds: 600,
        team: BTreeSet::new(),
        away,
        commitment: "0".repeat(64),
        unattended,
    }
}
