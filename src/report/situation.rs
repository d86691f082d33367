//! How one incident stands, for those who wait and those who decide: what is affected, what is known, what is done, what is needed.
//! Conditions, actions and needs are the parts of a stakeholder update, so that what is read here can be said there.

use std::{collections::BTreeSet, fmt::Write as _};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    in_short::in_short,
    page::escaped,
    words::{moment, span},
};
use crate::domain::{
    ChangeState, Clock, DiagnosisState, Incident, IncidentId, IncidentRole, IncidentState, Message, Recovery, Refusal,
    Severity, State, Status, missing_roles, role_name,
};

/// How one incident stands at a moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SituationReport {
    /// Which.
    pub incident: IncidentId,
    /// In one line.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is in its life.
    pub state: IncidentState,
    /// When this was so.
    pub at: DateTime<Utc>,
    /// The first sign.
    pub since: DateTime<Utc>,
    /// Its age in seconds, up to its end.
    pub age_seconds: f64,
    /// Who decides; none when nobody has taken it.
    pub commander: Option<String>,
    /// In a few plain sentences, for who decides and knows no services.
    pub in_short: String,
    /// What people do that is hit.
    pub functions: Vec<String>,
    /// Services that are hit.
    pub services: Vec<String>,
    /// So many people use the hit services at most; none when the platform file says nothing of it.
    pub users: Option<u64>,
    /// How things stand.
    pub conditions: Vec<String>,
    /// What is being done, or was.
    pub actions: Vec<String>,
    /// What is needed, and from whom.
    pub needs: Vec<String>,
    /// The clock that runs out next, and when.
    pub next_clock: Option<(Clock, DateTime<Utc>)>,
    /// What those who wait were last told, and when.
    pub last_told: Option<(DateTime<Utc>, Message)>,
    /// When they should hear more.
    pub update_due_at: Option<DateTime<Utc>>,
}

impl SituationReport {
    /// How an incident stands at a moment.
    ///
    /// # Errors
    /// A refusal when there is no such incident.
    pub fn of(state: &State, id: IncidentId, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let incident = state.incident(id)?;
        let hit = || incident.services.iter().filter_map(|name| state.platform.service(name));
        let functions: BTreeSet<&String> = hit().flat_map(|service| &service.functions).collect();
        let functions: Vec<String> = functions.into_iter().cloned().collect();
        let users = hit().filter_map(|service| service.users).max();
        let until = incident.resolved_at.filter(|_| !incident.state.is_open()).unwrap_or(now);
        let said = incident.updates.said.last();
        Ok(Self {
            incident: id,
            title: incident.title.clone(),
            severity: incident.severity,
            state: incident.state,
            at: now,
            since: incident.detected_at,
            age_seconds: (until - incident.detected_at).as_seconds_f64().max(0.0),
            commander: incident.roles.get(&IncidentRole::Commander).cloned(),
            in_short: in_short(state, incident, &functions, users),
            functions,
            services: incident.services.clone(),
            users,
            conditions: conditions(state, incident),
            actions: actions(state, incident),
            needs: needs(state, incident),
            next_clock: incident.running_clock().map(|clock| (clock, incident.deadline(clock))),
            last_told: said.map(|update| (update.at, update.message.clone())),
            update_due_at: incident.update_due_at(),
        })
    }

    /// In one line, for a list.
    #[must_use]
    pub fn headline(&self) -> String {
        let who = self.commander.as_deref().unwrap_or("nobody commands");
        let age = span(self.age_seconds);
        format!("{} · {} · {} · {} · {age} · {who}", self.incident, self.severity, self.title, self.state)
    }

    /// The document for people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut page = format!("# {} {}: {}\n\n", self.severity, self.incident, escaped(&self.title));
        let at = self.at.format("%H:%M:%S");
        let _ = writeln!(
            page,
            "{} at {at} UTC, {} after the first sign ({}).\n",
            sentence(&self.state.to_string()),
            span(self.age_seconds),
            moment(self.since)
        );
        let _ = writeln!(page, "{}\n", escaped(&self.in_short));
        page += &self.parts();
        page
    }

    /// What is under the headline, as the handover shows it too.
    pub(super) fn parts(&self) -> String {
        let mut page = format!("- **Affected**: {}\n", escaped(&self.affected()));
        for (name, lines, nothing) in [
            ("Conditions", &self.conditions, "nothing is known yet"),
            ("Actions", &self.actions, "nothing was begun"),
            ("Needs", &self.needs, "nothing"),
        ] {
            let text = if lines.is_empty() { nothing.to_owned() } else { lines.join("; ") };
            let _ = writeln!(page, "- **{name}**: {}", escaped(&text));
        }
        let commander = self.commander.as_deref().unwrap_or("nobody");
        let _ = writeln!(page, "- **Commander**: {}", escaped(commander));
        if let Some((clock, at)) = self.next_clock {
            let _ = writeln!(page, "- **Next clock**: {clock}, {}", self.against(at));
        }
        if let Some((at, message)) = &self.last_told {
            let _ = writeln!(page, "- **Last told** {} UTC: {}", at.format("%H:%M"), escaped(&message.line()));
        }
        if let Some(due) = self.update_due_at {
            let _ = writeln!(page, "- **Next update**: {}", self.against(due));
        }
        page
    }

    fn affected(&self) -> String {
        let mut parts = Vec::new();
        if !self.functions.is_empty() {
            parts.push(self.functions.join(", "));
        }
        if let Some(users) = self.users {
            parts.push(format!("up to {users} people"));
        }
        match self.services.as_slice() {
            [] => {}
            [one] => parts.push(format!("service {one}")),
            several => parts.push(format!("services {}", several.join(", "))),
        }
        if parts.is_empty() { "nobody knows yet".to_owned() } else { parts.join(" · ") }
    }

    /// A time to come, or one that is over.
    fn against(&self, at: DateTime<Utc>) -> String {
        let left = (at - self.at).as_seconds_f64();
        let clock = at.format("%H:%M:%S");
        if left >= 0.0 {
            format!("by {clock} UTC, in {}", span(left))
        } else {
            format!("LATE since {clock} UTC, {}", span(-left))
        }
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn conditions(state: &State, incident: &Incident) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for (name, health) in incident.services.iter().filter_map(|name| Some((name, state.services.get(name)?))) {
        let word = match health.status {
            Status::Down => "down",
            Status::Degraded => "degraded",
            Status::Maintenance => "in maintenance",
            Status::Unknown => "not heard of",
            Status::Healthy => "healthy again",
        };
        told.push(format!("{name} is {word}"));
    }
    let concluded = incident.diagnoses.iter().rev().find_map(|id| match &state.diagnoses.get(id)?.state {
        DiagnosisState::Concluded { document, .. } => Some((id, &document.root_cause)),
        _ => None,
    });
    match concluded {
        Some((id, cause)) if cause.confidence > 0.0 => {
            told.push(format!("cause by {id}, {:.0} % sure: {}", cause.confidence * 100.0, cause.issue));
        }
        Some((id, _)) => told.push(format!("{id} found no cause")),
        None => {}
    }
    let interrupted = state.continuity.interruptions.iter().filter(|(_, one)| one.incident == Some(incident.id));
    for (function, interruption) in interrupted {
        let by_hand = state.continuity.fallbacks.contains_key(function);
        let how = if by_hand { "done by hand" } else { "INTERRUPTED" };
        told.push(format!("{function} {how} since {} UTC", interruption.since.format("%H:%M")));
    }
    told
}

fn actions(state: &State, incident: &Incident) -> Vec<String> {
    let recoveries = incident.recoveries.iter().filter_map(|id| state.recoveries.get(id));
    let mut told: Vec<String> = recoveries.map(recovery_line).collect();
    for run in state.open_runs().filter(|run| run.incident == Some(incident.id)) {
        let at = run.stand.step().map(|step| format!(", at step {step}")).unwrap_or_default();
        told.push(format!("{} follows {}{at}", run.id, run.book.front.title));
    }
    if let Some(resolution) = incident.resolution.as_ref().filter(|_| !incident.state.is_open()) {
        told.push(format!("ended by: {resolution}"));
    }
    told
}

/// What a recovery is doing, or did.
pub(super) fn recovery_line(recovery: &Recovery) -> String {
    let how = match (recovery.ended, &recovery.relapse, recovery.next_step()) {
        (Some(_), Some(_), _) => "did not last".to_owned(),
        (Some((_, outcome)), None, _) => outcome.to_string(),
        (None, _, Some(step)) => format!("running, step {} of {}", step + 1, recovery.steps.len()),
        (None, ..) => "running".to_owned(),
    };
    format!("{} {}: {how}", recovery.id, recovery.plan.title)
}

fn needs(state: &State, incident: &Incident) -> Vec<String> {
    let mut told = Vec::new();
    if incident.state.is_open() && incident.acknowledged_at.is_none() {
        told.push("somebody to acknowledge it".to_owned());
    }
    for change in incident.changes.iter().filter_map(|id| state.changes.get(id)) {
        match change.state {
            ChangeState::Pending => {
                let roles: Vec<&str> = missing_roles(state, change).into_iter().map(role_name).collect();
                let until = change.expires_at.format("%H:%M");
                told.push(format!(
                    "{} ({}) approved by {} before {until} UTC",
                    change.id,
                    change.title,
                    roles.join(" and ")
                ));
            }
            ChangeState::Validating => {
                told.push(format!("somebody without a part in {} to see that it worked", change.id));
            }
            _ => {}
        }
    }
    for run in state.open_runs().filter(|run| run.incident == Some(incident.id)) {
        if let Some(step) = run.stand.step().filter(|_| !run.is_busy()) {
            told.push(format!("step {step} of {} done or decided", run.id));
        }
    }
    told
}
