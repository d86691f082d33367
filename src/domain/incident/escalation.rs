//! Who is called for an incident, and which level of response it has reached by its age. What is decided here is what is to
//! be told; the record says it, and nothing in this room sends it.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Incident, IncidentId, OnCall, Recorded, Refusal, Severity, State, TimelineKind, apply::tell, oncall, text,
};

/// Somebody to be called, by what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Callee {
    /// Whoever is on call.
    OnCall,
    /// The lead of the team that owns the service.
    TeamLead,
    /// A technical lead.
    TechnicalLead,
    /// The CTO.
    Cto,
    /// The compliance officer.
    ComplianceOfficer,
    /// Everybody who may approve a change.
    Approvers,
    /// All who run the platform.
    ItTeam,
    /// Those who decide about money and the public.
    Management,
    /// Everybody who works with the platform.
    AllStaff,
    /// Suppliers, authorities, partners.
    OutsideParties,
}

impl fmt::Display for Callee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OnCall => "the engineer on call",
            Self::TeamLead => "the team lead",
            Self::TechnicalLead => "the technical lead",
            Self::Cto => "the CTO",
            Self::ComplianceOfficer => "the compliance officer",
            Self::Approvers => "everybody who may approve",
            Self::ItTeam => "the IT team",
            Self::Management => "management",
            Self::AllStaff => "all staff",
            Self::OutsideParties => "outside parties",
        })
    }
}

/// What people are to be told: the one value that whoever sends messages has to carry out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// About which incident.
    pub incident: IncidentId,
    /// To whom.
    pub to: Vec<Callee>,
    /// Why.
    pub reason: String,
    /// Who the one on call is; none where nobody on call is called, or no schedule is for the incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_call: Option<OnCall>,
}

impl Notice {
    /// A notice of which is not known yet who is on call.
    #[must_use]
    pub fn new(incident: IncidentId, to: Vec<Callee>, reason: String) -> Self {
        Self { incident, to, reason, on_call: None }
    }

    /// The same with who is on call, where the one on call is called.
    #[must_use]
    pub(in crate::domain) fn by_name(self, state: &State, at: DateTime<Utc>) -> Self {
        let found = state.incidents.get(&self.incident).filter(|_| self.to.contains(&Callee::OnCall));
        Self { on_call: found.and_then(|incident| oncall::whom(state, incident, at)), ..self }
    }

    /// To whom, in words: the one on call by name where that is known.
    #[must_use]
    pub fn names(&self) -> String {
        let name = |callee: &Callee| match (&self.on_call, callee) {
            (Some(found), Callee::OnCall) => found.to_string(),
            (_, callee) => callee.to_string(),
        };
        self.to.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}

/// People in words.
#[must_use]
pub fn names(people: &[Callee]) -> String {
    people.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// How far the response goes, by the age of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// From the start.
    #[default]
    One,
    /// From 15 minutes on.
    Two,
    /// From 30 minutes on.
    Three,
}

impl Level {
    /// All of them, the first first.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Three];

    /// 1 to 3.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// From which age on an incident has it.
    #[must_use]
    pub fn from(self) -> TimeDelta {
        match self {
            Self::One => TimeDelta::zero(),
            Self::Two => TimeDelta::minutes(15),
            Self::Three => TimeDelta::minutes(30),
        }
    }

    /// What is done on it.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::One => "automatic rollback and validation",
            Self::Two => "manual procedures",
            Self::Three => "disaster recovery and the continuity plan",
        }
    }

    /// Who is called when it is reached.
    #[must_use]
    pub fn calls(self) -> &'static [Callee] {
        match self {
            Self::One => &[Callee::ItTeam],
            Self::Two => &[Callee::Management],
            Self::Three => &[Callee::AllStaff, Callee::OutsideParties],
        }
    }
}

impl Severity {
    /// Who is called, one after the other, as an incident is escalated.
    #[must_use]
    pub fn ladder(self) -> &'static [Callee] {
        match self {
            Self::Sev1 => &[Callee::OnCall, Callee::TechnicalLead, Callee::Cto],
            Self::Sev2 => &[Callee::OnCall, Callee::TechnicalLead],
            Self::Sev3 => &[Callee::OnCall],
            Self::Sev4 => &[Callee::TeamLead],
        }
    }

    /// The level of response that an incident reaches by its age at most; none where its age calls for none.
    #[must_use]
    pub fn highest_level(self) -> Option<Level> {
        match self {
            Self::Sev1 => Some(Level::Three),
            Self::Sev2 => Some(Level::Two),
            Self::Sev3 | Self::Sev4 => None,
        }
    }
}

impl Incident {
    /// The levels of response that are still ahead of it, and when each is reached.
    pub fn levels_ahead(&self) -> impl Iterator<Item = (Level, DateTime<Utc>)> {
        let highest = self.severity.highest_level().filter(|_| self.state.is_open());
        let ahead = Level::ALL.into_iter().filter(move |level| *level > self.level && Some(*level) <= highest);
        let begun = self.reopened_at.unwrap_or(self.detected_at);
        ahead.map(move |level| (level, begun + level.from()))
    }
}

/// Who is called when an incident begins, or begins again.
pub(in crate::domain) fn at_begin(incident: &Incident) -> Vec<Callee> {
    let first = incident.severity.ladder().iter().take(1);
    let level = incident.severity.highest_level().map_or(&[][..], |_| Level::One.calls());
    first.chain(level).copied().collect()
}

/// Who is called when an incident was escalated so often.
pub(in crate::domain) fn on_rung(incident: &Incident, rung: u8) -> Vec<Callee> {
    incident.severity.ladder().get(usize::from(rung)).copied().into_iter().collect()
}

/// Who should have been called by now for an incident of this severity, and was not.
pub(in crate::domain) fn not_called(incident: &Incident) -> Vec<Callee> {
    let ladder = incident.severity.ladder().iter().take(usize::from(incident.escalation) + 1).copied();
    let mut missing = at_begin(incident);
    missing.extend(ladder.filter(|callee| !at_begin(incident).contains(callee)));
    missing.retain(|callee| !incident.called.contains(callee));
    missing
}

/// Decides that people are to be called.
pub(in crate::domain) fn call(state: &State, notice: Notice, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(notice.incident)?;
    if !found.state.is_open() || notice.to.is_empty() {
        return Ok(Vec::new());
    }
    let reason = text::line("reason", &notice.reason)?;
    Ok(vec![Event::PeopleToCall { notice: Notice { reason, ..notice }.by_name(state, now) }])
}

/// Decides that an incident has reached a level, if it is old enough and has not.
pub(in crate::domain) fn reach(
    state: &State,
    id: IncidentId,
    level: Level,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let reached = state.incident(id)?.levels_ahead().next().is_some_and(|(next, at)| next == level && at <= now);
    Ok(if reached { vec![Event::LevelReached { incident: id, level }] } else { Vec::new() })
}

pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    match &recorded.event {
        Event::LevelReached { incident, level } => {
            if let Some(found) = state.incidents.get_mut(incident) {
                found.level = *level;
            }
            let text = format!("{} min old, level {}: {}", level.from().num_minutes(), level.number(), level.says());
            tell(state, *incident, recorded, TimelineKind::Bad, text);
        }
        Event::PeopleToCall { notice } => {
            if let Some(found) = state.incidents.get_mut(&notice.incident) {
                for callee in &notice.to {
                    if !found.called.contains(callee) {
                        found.called.push(*callee);
                    }
                }
                if notice.on_call.is_some() {
                    found.on_call.clone_from(&notice.on_call);
                }
            }
            let is_there = notice.on_call.as_ref().is_none_or(OnCall::is_there);
            let kind = if is_there { TimelineKind::State } else { TimelineKind::Bad };
            tell(state, notice.incident, recorded, kind, format!("to call, not sent: {}", notice.names()));
        }
        _ => {}
    }
}
