//! The team: who may act, who may agree to what, who is away and who stands in, what waits for each, and when each was last heard of.

use chrono::{DateTime, Utc};

use super::model::Model;
use crate::{
    domain::{Change, Delegation, Operator, who_may_approve},
    platform::Role,
};

/// Roles that agree to changes, from the least to the most.
pub const AGREEING: [Role; 4] = [Role::Engineer, Role::TechnicalLead, Role::Cto, Role::ComplianceOfficer];

/// Whether somebody can be counted on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Availability {
    /// May act, and nobody stands in.
    There,
    /// Somebody else agrees in that place.
    Away,
    /// May look but not act.
    Looks,
    /// May do nothing any more.
    Disabled,
}

impl Model {
    /// Those who work here, who can be counted on first; second names of the same person are left out.
    #[must_use]
    pub fn team(&self) -> Vec<&Operator> {
        let mut all: Vec<&Operator> =
            self.state.operators.values().filter(|operator| operator.belongs_to.is_none()).collect();
        all.sort_by_key(|operator| (self.availability(operator), operator.name.as_str()));
        all
    }

    /// Whether somebody can be counted on now.
    #[must_use]
    pub fn availability(&self, operator: &Operator) -> Availability {
        let plays_away = self.state.drills.running().is_some_and(|drill| drill.away.contains(&operator.name));
        match operator {
            operator if operator.disabled => Availability::Disabled,
            operator if !operator.may_act() => Availability::Looks,
            operator if plays_away || self.stand_ins(&operator.name).next().is_some() => Availability::Away,
            _ => Availability::There,
        }
    }

    /// Who agrees in the place of somebody now.
    pub fn stand_ins<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Delegation> {
        let now = self.now;
        self.state.delegations.iter().filter(move |found| found.from == name && found.since <= now && now < found.until)
    }

    /// Changes that somebody could bring further.
    #[must_use]
    pub fn waits_for(&self, name: &str) -> Vec<&Change> {
        let could =
            |change: &&Change| who_may_approve(&self.state, change).iter().any(|(_, names)| names.contains(&name));
        self.state.pending_changes().into_iter().filter(could).collect()
    }

    /// When somebody last did something, as far as this board has heard.
    #[must_use]
    pub fn last_acted(&self, name: &str) -> Option<DateTime<Utc>> {
        self.recent.iter().rev().find(|recorded| recorded.actor.operator() == Some(name)).map(|recorded| recorded.at)
    }
}
