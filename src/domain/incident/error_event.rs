//! Error events: what a program says went wrong in it, and when it matters enough to be part of the record. How often each is seen is counted outside the journal, in [`ErrorCounts`](super::ErrorCounts).

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Classified, ErrorKind, ErrorSeverity, Recoverability, classify};
use crate::domain::{
    Event, Incident, Named, Recorded, Refusal, Severity, State, Status, TimelineKind, Workflow, apply::tell,
    fast_track, incident,
};
use crate::platform::Criticality;

/// How many errors an incident keeps, each with all that look like it; the journal holds no more.
pub const ERRORS_LIMIT: usize = 40;

/// An error that was told already is told anew when it was seen so many times as often as then.
const TOLD_AGAIN: u64 = 10;

/// An error that is told later than this counts from so long ago: the clocks of an incident believe no sender more.
const TOLD_LATE: TimeDelta = TimeDelta::minutes(5);

/// What a program reports.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorEvent {
    /// The service it happened in.
    pub service: String,
    /// What its log would say.
    pub message: String,
    /// What the sender takes it for.
    #[serde(default, rename = "type")]
    pub kind: Option<ErrorKind>,
    /// How bad the sender takes it for.
    #[serde(default)]
    pub severity: Option<ErrorSeverity>,
    /// A code of its own world: an HTTP status, an SQLSTATE, an errno by its name.
    #[serde(default)]
    pub code: Option<String>,
    /// Where it came from, innermost call first.
    #[serde(default)]
    pub stack: Option<String>,
    /// When it happened; when it was received where nothing is said.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    /// How often; once where nothing is said.
    #[serde(default = "once")]
    pub count: u64,
}

fn once() -> u64 {
    1
}

/// All errors that look alike: what is different in each of them is taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorGroup {
    /// The service they happen in.
    pub service: String,
    /// What is the same in all of them, as a short hash.
    pub fingerprint: String,
    /// The message of the first that was counted.
    pub message: String,
    /// How bad.
    pub severity: ErrorSeverity,
    /// About what.
    #[serde(rename = "type")]
    pub kind: ErrorKind,
    /// What ends them.
    pub recoverability: Recoverability,
    /// The rule that said so.
    pub rule: String,
    /// Their code, where they have one.
    pub code: Option<String>,
    /// The innermost call, where it is known.
    pub frame: Option<String>,
    /// How often they were seen.
    pub count: u64,
    /// When first.
    pub first: DateTime<Utc>,
    /// When last.
    pub last: DateTime<Utc>,
}

impl ErrorGroup {
    /// The group that an error begins. Its texts have passed the redactor.
    #[must_use]
    pub fn of(error: &ErrorEvent, now: DateTime<Utc>) -> Self {
        let held_for = classify(error);
        let Classified { severity, kind, recoverability, rule } = held_for;
        // What a clock ahead of ours says is no future.
        let at = error.at.map_or(now, |at| at.min(now));
        Self {
            service: error.service.clone(),
            fingerprint: fingerprint(error, &held_for),
            message: error.message.clone(),
            severity,
            kind,
            recoverability,
            rule: rule.to_owned(),
            code: error.code.clone(),
            frame: error.stack.as_deref().and_then(|stack| stack.lines().next()).map(str::to_owned),
            count: error.count.max(1),
            first: at,
            last: at,
        }
    }

    /// The response that one of them calls for, however rare it is.
    pub(in crate::domain) fn workflow(&self) -> Option<Workflow> {
        match self.kind {
            ErrorKind::Security if self.severity >= ErrorSeverity::High => Some(Workflow::SecurityBreach),
            ErrorKind::Integrity if self.severity >= ErrorSeverity::High => Some(Workflow::DataCorruption),
            _ => None,
        }
    }

    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let often = if self.count == 1 { String::new() } else { format!(" ({} times)", self.count) };
        format!("{} {} error in {}: {}{often}", self.severity, self.kind.name(), self.service, self.message)
    }
}

/// What an error has in common with those that look like it: its service, its code, what it is held for, and its message
/// without what is in quotes and without words that hold a digit or that the redactor has replaced.
fn fingerprint(error: &ErrorEvent, held_for: &Classified) -> String {
    let message = unquoted(&error.message.to_lowercase());
    let varies = |word: &str| word.contains(|c: char| c.is_ascii_digit() || c == '[');
    let words: Vec<&str> = message.split_whitespace().map(|word| if varies(word) { "#" } else { word }).collect();
    let mut hasher = Sha256::new();
    let held_for = format!("{:?} {:?}", held_for.kind, held_for.severity);
    for part in [&error.service, error.code.as_deref().unwrap_or_default(), &held_for, &words.join(" ")] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hex::encode(&hasher.finalize()[..6])
}

/// A text with a mark for all that is in quotes; an apostrophe within a word is none.
fn unquoted(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '`']) {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let quote = &rest[at..=at];
        let opens = !before.ends_with(char::is_alphanumeric);
        if let Some(end) = after.find(quote).filter(|_| opens) {
            told.extend([before, "#"]);
            rest = &after[end + 1..];
        } else {
            told.push_str(&rest[..=at]);
            rest = after;
        }
    }
    told + rest
}

/// Why many errors are more than errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Burst {
    /// So many that look alike within a minute.
    Repeated {
        /// How many.
        count: u64,
    },
    /// So many among so many requests.
    Rate {
        /// Errors.
        errors: u64,
        /// Requests.
        requests: u64,
    },
}

impl fmt::Display for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeated { count } => write!(f, "{count} within a minute"),
            Self::Rate { errors, requests } => write!(f, "{errors} errors in {requests} requests"),
        }
    }
}

/// Errors that look alike, in the incident that they are part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownErrors {
    /// The event that told of them first.
    pub seq: u64,
    /// As they were told last.
    #[serde(flatten)]
    pub group: ErrorGroup,
}

impl Incident {
    /// Whether programs have reported it and neither a check nor a person has noticed anything, so that it is over when
    /// they report nothing more.
    #[must_use]
    pub fn is_told_by_errors_alone(&self) -> bool {
        !self.errors.is_empty()
            && self.impact.is_empty()
            && self.opened_by.operator().is_none()
            && self.workflow.heals()
    }
}

/// Decides what errors change: whether they open an incident, or are news in one that is open.
pub(in crate::domain) fn record(
    state: &State,
    errors: ErrorGroup,
    burst: Option<Burst>,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let service = &errors.service;
    let criticality =
        state.platform.service(service).ok_or_else(|| Refusal::unknown(Named::Service, service))?.criticality;
    let maintained = state.services.get(service).is_some_and(|health| health.status == Status::Maintenance);
    let burst = burst.filter(|_| errors.severity > ErrorSeverity::Low && !maintained);
    let workflow = errors.workflow();
    let severity = match (workflow, errors.severity) {
        (Some(Workflow::SecurityBreach), ErrorSeverity::Critical) => Severity::Sev1,
        (Some(Workflow::SecurityBreach), _) => Severity::Sev2,
        (Some(_), _) | (None, ErrorSeverity::Critical) => Severity::of_outage(criticality),
        (None, _) => Severity::of_outage(criticality.min(Criticality::Medium)),
    };
    let open = state.incident_of(service).or_else(|| incident::related(state, service).map(|(found, _)| found));
    if let Some(open) = open {
        return Ok(news(open, errors, burst, workflow, severity));
    }
    let title = match (workflow, burst) {
        (Some(Workflow::SecurityBreach), _) => format!("{service}: possible security breach"),
        (Some(_), _) => format!("{service}: data may be corrupt"),
        (None, Some(burst)) => format!("{service}: {} errors, {burst}", errors.kind.name()),
        (None, None) => return Ok(Vec::new()),
    };
    let services = vec![service.clone()];
    let since = match burst {
        Some(Burst::Repeated { .. }) => errors.first.max(now - TimeDelta::minutes(1)),
        Some(Burst::Rate { .. }) => errors.first.max(now - TOLD_LATE),
        None => errors.last,
    };
    let detected_at = since.clamp(now - TOLD_LATE, now);
    let workflow = Some(workflow.unwrap_or(Workflow::Degradation));
    let symptoms_at = Some(fast_track::symptoms(state, &services, detected_at, now));
    let incident = state.next_incident();
    let opening = Event::IncidentOpened { incident, severity, title, services, detected_at, workflow, symptoms_at };
    let (incident, mut events) = incident::open_or_reopen(state, opening, now);
    events.push(Event::ErrorsRecorded { incident, errors, burst });
    Ok(events)
}

/// What errors add to an incident that is open.
fn news(
    open: &Incident,
    errors: ErrorGroup,
    burst: Option<Burst>,
    workflow: Option<Workflow>,
    severity: Severity,
) -> Vec<Event> {
    let known = open.errors.iter().find(|known| known.group.fingerprint == errors.fingerprint);
    let tells = match known {
        None => (errors.severity >= ErrorSeverity::High || burst.is_some()) && open.errors.len() < ERRORS_LIMIT,
        Some(known) => errors.count / TOLD_AGAIN >= known.group.count,
    };
    let mut events = Vec::new();
    if let Some(workflow) = workflow.filter(|workflow| *workflow > open.workflow) {
        if severity < open.severity {
            let reason = errors.line().chars().take(300).collect();
            events.push(Event::IncidentSeveritySet { incident: open.id, severity, reason });
        }
        events.push(Event::WorkflowChanged { incident: open.id, workflow });
    }
    let (service, graver) = (errors.service.clone(), workflow.is_some());
    if tells {
        events.insert(0, Event::ErrorsRecorded { incident: open.id, errors, burst });
    }
    // Who tells of a breach or of wrong data is hit by it, whoever else was before.
    if graver && !open.services.contains(&service) && !events.is_empty() {
        events.insert(0, Event::IncidentServiceAdded { incident: open.id, service, root: false });
    }
    events
}

/// Takes errors into the incident they belong to: one line of its timeline for all that look alike.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let Event::ErrorsRecorded { incident, errors, burst } = &recorded.event else { return };
    let Some(found) = state.incidents.get_mut(incident) else { return };
    let text = match burst {
        Some(burst) => format!("{}: {burst}", errors.line()),
        None => errors.line(),
    };
    if let Some(known) = found.errors.iter_mut().find(|known| known.group.fingerprint == errors.fingerprint) {
        known.group = ErrorGroup { first: known.group.first, ..errors.clone() };
        if let Some(line) = found.timeline.iter_mut().find(|line| line.seq == known.seq) {
            line.text = text;
        }
        return;
    }
    found.errors.push(KnownErrors { seq: recorded.seq, group: errors.clone() });
    tell(state, *incident, recorded, TimelineKind::Bad, text);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn error(message: &str, code: Option<&str>) -> ErrorEvent {
        ErrorEvent {
            service: "patient-api".to_owned(),
            message: message.to_owned(),
            code: code.map(str::to_owned),
            count: 1,
            ..ErrorEvent::default()
        }
    }

    #[test]
    fn what_differs_in_each_error_does_not_tell_them_apart() {
        let look = |error: &ErrorEvent| fingerprint(error, &classify(error));
        let same = |a: &str, b: &str| look(&error(a, None)) == look(&error(b, None));
        assert!(same(
            "order 17 of user 'ann' failed after 12ms",
            "order 4711 of user 'bob the second' failed after 9ms"
        ));
        assert!(same("can't open \"/a/b c\"", "can't open \"/d\""));
        assert!(same("patient [NUMBER] not found", "patient [NUMBER] not  found"));
        assert!(!same("column dose missing", "column unit missing"));
        assert!(!same("can't open it", "can't close it"));
        assert!(
            !same("OperationalError('database is locked')", "OperationalError('database disk image is malformed')"),
            "what is worse is never hidden behind what looks like it"
        );
        let coded = |code| look(&error("request failed", Some(code)));
        assert_ne!(coded("500"), coded("503"));
    }
}
