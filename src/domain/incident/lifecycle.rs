//! Incidents: how bad, how far, and which clocks run.

use std::{collections::BTreeMap, fmt, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    Actor, Callee, ChangeId, DiagnosisId, Event, FastTrack, Impact, IncidentId, KnownErrors, Level, Named, Notice,
    OnCall, PostMortem, RecoveryId, Refusal, State, Updates, Workflow, break_glass, change::review, fast_track,
    next_step, text,
};
use crate::platform::Criticality;

/// How bad an incident is. SEV1 is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Outage: everybody who is needed, at once.
    Sev1,
    /// Serious: within 15 minutes.
    Sev2,
    /// Hampers work: within the hour.
    Sev3,
    /// Small: within four hours.
    Sev4,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 4] = [Self::Sev1, Self::Sev2, Self::Sev3, Self::Sev4];

    /// 1 to 4.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// How bad it is when a service of this criticality is down.
    #[must_use]
    pub fn of_outage(criticality: Criticality) -> Self {
        match criticality {
            Criticality::Critical => Self::Sev1,
            Criticality::High => Self::Sev2,
            Criticality::Medium => Self::Sev3,
            Criticality::Low => Self::Sev4,
        }
    }

    /// The time allowed until a clock runs out, counted from detection.
    #[must_use]
    pub fn target(self, clock: Clock) -> Duration {
        let minutes = match (self, clock) {
            (Self::Sev1, Clock::Acknowledge) => 2,
            (Self::Sev1, Clock::Respond) => 5,
            (Self::Sev1, Clock::Resolve) => 30,
            (Self::Sev2, Clock::Acknowledge) => 5,
            (Self::Sev2, Clock::Respond) => 15,
            (Self::Sev2, Clock::Resolve) => 60,
            (Self::Sev3, Clock::Acknowledge) => 15,
            (Self::Sev3, Clock::Respond) => 60,
            (Self::Sev3, Clock::Resolve) => 240,
            (Self::Sev4, Clock::Acknowledge) => 60,
            (Self::Sev4, Clock::Respond) => 240,
            (Self::Sev4, Clock::Resolve) => 1440,
        };
        Duration::from_secs(minutes * 60)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sev1 => "SEV1",
            Self::Sev2 => "SEV2",
            Self::Sev3 => "SEV3",
            Self::Sev4 => "SEV4",
        })
    }
}

/// What an incident is timed against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// Until a person has seen it.
    Acknowledge,
    /// Until somebody works on it.
    Respond,
    /// Until users are served again.
    Resolve,
}

impl Clock {
    /// All of them, in the order in which they run out.
    pub const ALL: [Self; 3] = [Self::Acknowledge, Self::Respond, Self::Resolve];
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Acknowledge => "acknowledge",
            Self::Respond => "respond",
            Self::Resolve => "resolve",
        })
    }
}

/// Where an incident is in its life. Ordered: it only moves forward, except by reopening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// A check or a person noticed.
    Detected,
    /// A person has seen it.
    Acknowledged,
    /// Somebody, or the engine, looks for the cause.
    Investigating,
    /// The cause is known.
    Identified,
    /// The fix is under way.
    Resolving,
    /// Users are served again.
    Resolved,
    /// All is done.
    Closed,
}

impl IncidentState {
    /// Whether users may still suffer.
    #[must_use]
    pub fn is_open(self) -> bool {
        self < Self::Resolved
    }
}

impl fmt::Display for IncidentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Detected => "Detected",
            Self::Acknowledged => "Acknowledged",
            Self::Investigating => "Investigating",
            Self::Identified => "Identified",
            Self::Resolving => "Resolving",
            Self::Resolved => "Resolved",
            Self::Closed => "Closed",
        })
    }
}

/// What somebody answers for during an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentRole {
    /// Decides.
    Commander,
    /// Tells the others.
    Communications,
    /// Writes it down.
    Scribe,
}

/// Something is wrong and somebody has to see to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Its name.
    pub id: IncidentId,
    /// How bad it is.
    pub severity: Severity,
    /// In one line.
    pub title: String,
    /// Where it is in its life.
    pub state: IncidentState,
    /// Who opened it.
    pub opened_by: Actor,
    /// Which response it gets.
    #[serde(default)]
    pub workflow: Workflow,
    /// Services that are part of it; the first is where it was noticed.
    pub services: Vec<String>,
    /// The service that causes it, once known.
    pub root: Option<String>,
    /// First sign of trouble: all clocks count from here.
    pub detected_at: DateTime<Utc>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When a person first acted on it.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When somebody began to work on it.
    pub responded_at: Option<DateTime<Utc>>,
    /// When users were served again.
    pub resolved_at: Option<DateTime<Utc>>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// What ended it.
    pub resolution: Option<String>,
    /// Clocks that ran out.
    pub breached: Vec<Clock>,
    /// How many rungs it was escalated.
    pub escalation: u8,
    /// How far the response goes by its age.
    #[serde(default)]
    pub level: Level,
    /// Who was to be called, in this order.
    #[serde(default)]
    pub called: Vec<Callee>,
    /// Who was on call when the one on call was last to be called; none where no schedule is for it.
    #[serde(default)]
    pub on_call: Option<OnCall>,
    /// Who answers for what.
    pub roles: BTreeMap<IncidentRole, String>,
    /// Diagnoses made for it, oldest first.
    pub diagnoses: Vec<DiagnosisId>,
    /// Changes opened for it, oldest first.
    pub changes: Vec<ChangeId>,
    /// Recoveries run for it, oldest first.
    pub recoveries: Vec<RecoveryId>,
    /// Incidents that have to do with it.
    pub links: Vec<IncidentId>,
    /// What it was merged into.
    pub merged_into: Option<IncidentId>,
    /// How often it came back.
    #[serde(default)]
    pub reopened: u32,
    /// What each of its services suffered, by the service's name.
    #[serde(default)]
    pub impact: BTreeMap<String, Impact>,
    /// When it last counted as over, whether it came back or not.
    #[serde(default)]
    pub quiet_since: Option<DateTime<Utc>>,
    /// When it came back last, if it did: its levels count from then.
    #[serde(default)]
    pub reopened_at: Option<DateTime<Utc>>,
    /// The first symptom, as far as evidence went back when it was opened.
    #[serde(default)]
    pub symptoms_at: Option<DateTime<Utc>>,
    /// How far it is on the fast track; none where it never was on it.
    #[serde(default)]
    pub fast_track: Option<FastTrack>,
    /// What those who wait were told.
    #[serde(default)]
    pub updates: Updates,
    /// What people learned from it.
    #[serde(default)]
    pub post_mortem: PostMortem,
    /// What programs reported of it, at most [`ERRORS_LIMIT`](crate::domain::ERRORS_LIMIT) that are not alike.
    #[serde(default)]
    pub errors: Vec<KnownErrors>,
    /// What happened, oldest first, at most [`TIMELINE_LIMIT`] entries; the journal holds all.
    pub timeline: Vec<TimelineEntry>,
}

/// How many entries a timeline keeps in the state.
pub const TIMELINE_LIMIT: usize = 400;

/// One line of an incident's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry {
    /// The event behind it.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// Which kind of entry, for its mark.
    pub kind: TimelineKind,
    /// What, in one line.
    pub text: String,
}

/// Which kind of entry a line of the timeline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimelineKind {
    /// A service got worse or a clock ran out.
    Bad,
    /// A service got better or something ended well.
    Good,
    /// A person wrote something.
    Note,
    /// Those who wait were told something.
    Update,
    /// A diagnosis.
    Diagnosis,
    /// A change or an approval.
    Change,
    /// A step of a recovery.
    Recovery,
    /// A deployment.
    Deployment,
    /// A state, role or severity changed.
    State,
}

impl Incident {
    /// When a clock stopped, if it has.
    #[must_use]
    pub fn stopped_at(&self, clock: Clock) -> Option<DateTime<Utc>> {
        match clock {
            Clock::Acknowledge => self.acknowledged_at,
            Clock::Respond => self.responded_at,
            Clock::Resolve => self.resolved_at,
        }
    }

    /// When a clock runs out.
    #[must_use]
    pub fn deadline(&self, clock: Clock) -> DateTime<Utc> {
        self.detected_at + self.severity.target(clock)
    }

    /// Who was to be called, in words: the one on call by name where that is known.
    #[must_use]
    pub fn called_names(&self) -> String {
        let notice =
            Notice { on_call: self.on_call.clone(), ..Notice::new(self.id, self.called.clone(), String::new()) };
        notice.names()
    }

    /// The next clock that still runs, if any does.
    #[must_use]
    pub fn running_clock(&self) -> Option<Clock> {
        Clock::ALL.into_iter().find(|clock| self.stopped_at(*clock).is_none() && self.resolved_at.is_none())
    }
}

/// Decides that a person opens an incident.
pub(in crate::domain) fn declare(
    state: &State,
    severity: Severity,
    title: &str,
    services: Vec<String>,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let title = text::line("title", title)?;
    for service in &services {
        if state.platform.service(service).is_none() {
            return Err(Refusal::unknown_service(&state.platform, service));
        }
    }
    let incident = state.next_incident();
    let symptoms_at = Some(fast_track::symptoms(state, &services, now, now));
    Ok(vec![
        Event::IncidentOpened { incident, severity, title, services, detected_at: now, workflow: None, symptoms_at },
        Event::IncidentAcknowledged { incident },
    ])
}

/// A person acts on an incident: that acknowledges it, whatever else it does.
pub(in crate::domain) fn touched_by(state: &State, incident: IncidentId, actor: &Actor) -> Vec<Event> {
    match state.incidents.get(&incident) {
        Some(found) if found.acknowledged_at.is_none() && found.state.is_open() && actor.operator().is_some() => {
            vec![Event::IncidentAcknowledged { incident }]
        }
        _ => Vec::new(),
    }
}

pub(in crate::domain) fn acknowledge(
    state: &State,
    incident: IncidentId,
    actor: &Actor,
) -> Result<Vec<Event>, Refusal> {
    let found = open(state, incident)?;
    if found.acknowledged_at.is_some() {
        return Err(Refusal::new("already-acknowledged", format!("{incident} has been acknowledged already"))
            .hint(format!("nothing is left to do; who is on it: codeblue incident show {incident}")));
    }
    Ok(touched_by(state, incident, actor))
}

pub(in crate::domain) fn note(state: &State, incident: IncidentId, text: &str) -> Result<Vec<Event>, Refusal> {
    state.incident(incident)?;
    let text: String = text.trim().chars().filter(|c| !c.is_control() || *c == '\n').collect();
    if text.is_empty() || text.chars().count() > 4000 {
        return Err(Refusal::new("note-length", "a note has 1 to 4000 characters").hint("say it in as many"));
    }
    Ok(vec![Event::IncidentNoted { incident, text }])
}

pub(in crate::domain) fn assign(
    state: &State,
    incident: IncidentId,
    role: IncidentRole,
    operator: &str,
) -> Result<Vec<Event>, Refusal> {
    open(state, incident)?;
    match state.operators.get(operator) {
        Some(found) if found.may_act() => {}
        Some(_) => {
            return Err(Refusal::new("operator-may-not", format!("{operator} may not act")).hint(next_step::WHO_MAY));
        }
        None => return Err(Refusal::unknown(Named::Operator, operator)),
    }
    Ok(vec![Event::IncidentAssigned { incident, role, operator: operator.to_owned() }])
}

pub(in crate::domain) fn escalate(state: &State, incident: IncidentId, reason: &str) -> Result<Vec<Event>, Refusal> {
    let found = open(state, incident)?;
    if found.escalation >= 3 {
        return Err(Refusal::new("escalation-top", format!("{incident} is on the highest level already"))
            .hint("call people yourself: nobody is above the highest level"));
    }
    Ok(vec![Event::IncidentEscalated { incident, level: found.escalation + 1, reason: text::line("reason", reason)? }])
}

pub(in crate::domain) fn set_severity(
    state: &State,
    incident: IncidentId,
    severity: Severity,
    reason: &str,
) -> Result<Vec<Event>, Refusal> {
    let found = open(state, incident)?;
    if found.severity == severity {
        return Err(Refusal::new("same-severity", format!("{incident} is {severity} already"))
            .hint(format!("nothing is left to do: codeblue incident show {incident}")));
    }
    Ok(vec![Event::IncidentSeveritySet { incident, severity, reason: text::line("reason", reason)? }])
}

pub(in crate::domain) fn resolve(state: &State, incident: IncidentId, resolution: &str) -> Result<Vec<Event>, Refusal> {
    open(state, incident)?;
    if let Some(running) = state.running_recoveries().find(|recovery| recovery.incident == Some(incident)) {
        return Err(Refusal::new("recovery-running", format!("{} still runs for {incident}", running.id))
            .hint(format!("wait for it, or stop it: codeblue recovery cancel {} --reason WHY", running.id)));
    }
    Ok(vec![Event::IncidentResolved { incident, resolution: text::line("resolution", resolution)? }])
}

pub(in crate::domain) fn close(state: &State, incident: IncidentId) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(incident)?;
    if found.state != IncidentState::Resolved {
        return Err(Refusal::new("not-resolved", format!("{incident} is {}", found.state))
            .hint(format!("resolve it first: codeblue incident resolve {incident} --reason WHY")));
    }
    break_glass::not_owed(state, incident)?;
    if let Some(due) = found.post_mortem_due_at() {
        let due = due.format("%Y-%m-%d %H:%M");
        return Err(Refusal::new(
            "post-mortem-owed",
            format!("{incident} is {} and its post-mortem is owed until {due} UTC", found.severity),
        )
        .hint(format!(
            "complete it: codeblue report postmortem {incident}; or codeblue incident close {incident} --owing REASON: it stays owed"
        )));
    }
    if let Some(change) = review::owed(state, &found.changes) {
        return Err(Refusal::new("review-owed", format!("the review of {} is owed", change.id)).hint(format!(
            "codeblue change review {}; or codeblue incident close {incident} --owing REASON: it stays owed",
            change.id
        )));
    }
    Ok(vec![Event::IncidentClosed { incident }])
}

/// Decides that an incident is closed before what is owed is written, which goes on being owed.
pub(in crate::domain) fn close_owing(state: &State, incident: IncidentId, reason: &str) -> Result<Vec<Event>, Refusal> {
    match close(state, incident) {
        Err(refusal) if matches!(refusal.rule.as_str(), "post-mortem-owed" | "review-owed") => {
            let text =
                format!("closed while something is owed ({}): {}", refusal.message, text::line("reason", reason)?);
            Ok(vec![Event::IncidentNoted { incident, text }, Event::IncidentClosed { incident }])
        }
        decided => decided,
    }
}

pub(in crate::domain) fn reopen(state: &State, incident: IncidentId, reason: &str) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(incident)?;
    if found.state.is_open() {
        return Err(Refusal::new("already-open", format!("{incident} is {}", found.state))
            .hint(format!("nothing is left to do: codeblue incident show {incident}")));
    }
    if let Some(into) = found.merged_into {
        return Err(Refusal::new("merged", format!("{incident} was merged into {into}"))
            .hint(format!("reopen that one: codeblue incident reopen {into} --reason WHY")));
    }
    Ok(vec![Event::IncidentReopened { incident, reason: text::line("reason", reason)? }])
}

pub(in crate::domain) fn merge(state: &State, incident: IncidentId, into: IncidentId) -> Result<Vec<Event>, Refusal> {
    let merged = open(state, incident)?;
    let target = open(state, into)?;
    if incident == into {
        return Err(Refusal::new("merge-with-itself", format!("{incident} cannot be merged into itself"))
            .hint("name another: codeblue incident list"));
    }
    let mut events = vec![Event::IncidentMerged { incident, into }];
    if merged.severity < target.severity {
        let reason = format!("as {incident}, which was merged into it");
        events.push(Event::IncidentSeveritySet { incident: into, severity: merged.severity, reason });
    }
    if merged.workflow > target.workflow {
        events.push(Event::WorkflowChanged { incident: into, workflow: merged.workflow });
    }
    Ok(events)
}

pub(in crate::domain) fn link(state: &State, incident: IncidentId, other: IncidentId) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(incident)?;
    state.incident(other)?;
    if incident == other {
        return Err(Refusal::new("link-with-itself", format!("{incident} cannot be linked with itself"))
            .hint("name another: codeblue incident list"));
    }
    if found.links.contains(&other) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::IncidentLinked { incident, other }])
}

/// Moves forward, never back; says nothing when it is there already.
pub(in crate::domain) fn advance(state: &State, incident: IncidentId, to: IncidentState) -> Vec<Event> {
    match state.incidents.get(&incident) {
        Some(found) if found.state.is_open() && found.state < to => {
            vec![Event::IncidentAdvanced { incident, state: to }]
        }
        _ => Vec::new(),
    }
}

fn open(state: &State, incident: IncidentId) -> Result<&Incident, Refusal> {
    let found = state.incident(incident)?;
    if !found.state.is_open() {
        return Err(Refusal::new("incident-not-open", format!("{incident} is {}", found.state))
            .hint(format!("reopen it first: codeblue incident reopen {incident} --reason WHY")));
    }
    Ok(found)
}
