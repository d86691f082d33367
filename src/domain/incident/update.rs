//! Stakeholder updates: what those who wait were told about an incident, and when they should hear more.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    Actor, Event, Incident, IncidentId, Recorded, Refusal, Severity, State, TimelineKind, apply::tell, text,
};

/// How many stakeholder updates of an incident the state keeps; the journal holds all.
pub const UPDATES_LIMIT: usize = 100;

/// What was said to those who wait, and from when the time until the next counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Updates {
    /// What was said, oldest first, at most [`UPDATES_LIMIT`].
    pub said: Vec<StakeholderUpdate>,
    /// From when the time until the next one counts; none before somebody has seen the incident.
    pub count_from: Option<DateTime<Utc>>,
    /// When it was last recorded that the next one is overdue.
    pub missed_at: Option<DateTime<Utc>>,
}

/// One message to those who wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StakeholderUpdate {
    /// The event behind it.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who said it.
    pub by: Actor,
    /// What was said.
    pub message: Message,
}

/// The content of a stakeholder update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// In one line.
    pub text: String,
    /// How things stand.
    #[serde(default)]
    pub conditions: Option<String>,
    /// What is being done.
    #[serde(default)]
    pub actions: Option<String>,
    /// What is needed, and from whom.
    #[serde(default)]
    pub needs: Option<String>,
}

impl Message {
    /// All of it in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let parts = [("Conditions", &self.conditions), ("Actions", &self.actions), ("Needs", &self.needs)];
        let given = parts.into_iter().filter_map(|(name, part)| Some(format!(" · {name}: {}", part.as_ref()?)));
        self.text.clone() + &given.collect::<String>()
    }
}

impl Severity {
    /// How often those who wait hear how an incident of this severity goes; never where nobody waits for it.
    #[must_use]
    pub fn update_every(self) -> Option<TimeDelta> {
        match self {
            Self::Sev1 => Some(TimeDelta::minutes(15)),
            Self::Sev2 => Some(TimeDelta::minutes(30)),
            Self::Sev3 => Some(TimeDelta::hours(2)),
            Self::Sev4 => None,
        }
    }
}

impl Incident {
    /// When the next stakeholder update is due: while the incident is open and somebody has seen it.
    #[must_use]
    pub fn update_due_at(&self) -> Option<DateTime<Utc>> {
        let counts = self.state.is_open() && self.acknowledged_at.is_some();
        let from = self.updates.count_from.filter(|_| counts)?;
        Some(from + self.severity.update_every()?)
    }

    /// When it is to be recorded that the next stakeholder update is overdue: once per period.
    pub(in crate::domain) fn update_reminder_at(&self) -> Option<DateTime<Utc>> {
        let due = self.update_due_at()?;
        match self.updates.missed_at {
            Some(missed) => Some(missed + self.severity.update_every()?),
            None => Some(due),
        }
    }
}

/// Decides that those who wait are told something.
pub(in crate::domain) fn tell_stakeholders(
    state: &State,
    id: IncidentId,
    message: Message,
) -> Result<Vec<Event>, Refusal> {
    if let Some(into) = state.incident(id)?.merged_into {
        return Err(Refusal::new("merged", format!("{id} was merged into {into}"))
            .hint(format!("update that one: codeblue incident update {into}")));
    }
    let part = |part: Option<String>| part.map(|text| text::line("update", &text)).transpose();
    let message = Message {
        text: text::line("update", &message.text)?,
        conditions: part(message.conditions)?,
        actions: part(message.actions)?,
        needs: part(message.needs)?,
    };
    Ok(vec![Event::StakeholdersUpdated { incident: id, message }])
}

/// Decides that the next update is overdue, unless it has been given meanwhile.
pub(in crate::domain) fn remind(state: &State, id: IncidentId, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(id)?;
    Ok(match (found.update_due_at(), found.update_reminder_at()) {
        (Some(due_at), Some(remind_at)) if remind_at <= now => vec![Event::UpdateOverdue { incident: id, due_at }],
        _ => Vec::new(),
    })
}

pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let (id, kind, text) = match &recorded.event {
        Event::StakeholdersUpdated { incident, message } => (*incident, TimelineKind::Update, message.line()),
        Event::UpdateOverdue { incident, due_at } => {
            let due = due_at.format("%H:%M:%S");
            (*incident, TimelineKind::Bad, format!("the stakeholder update due at {due} is overdue"))
        }
        _ => return,
    };
    let mut silent = false;
    if let Some(found) = state.incidents.get_mut(&id) {
        match &recorded.event {
            Event::StakeholdersUpdated { message, .. } => {
                if found.updates.said.len() >= UPDATES_LIMIT {
                    found.updates.said.remove(0);
                }
                found.updates.said.push(StakeholderUpdate {
                    seq: recorded.seq,
                    at: recorded.at,
                    by: recorded.actor.clone(),
                    message: message.clone(),
                });
                found.updates.restart(recorded.at);
            }
            // Said once: an incident that nobody tends for days would have a timeline of nothing else.
            _ => silent = found.updates.missed_at.replace(recorded.at).is_some(),
        }
    }
    if !silent {
        tell(state, id, recorded, kind, text);
    }
}

impl Updates {
    /// The time until the next one counts from here.
    pub(in crate::domain) fn restart(&mut self, at: DateTime<Utc>) {
        self.count_from = Some(at);
        self.missed_at = None;
    }
}
