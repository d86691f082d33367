//! Error events: what a program says went wrong in it, what that is by a table of rules, and when it matters enough to be
//! part of the record. How often each is seen is counted outside the journal, in [`ErrorCounts`](super::ErrorCounts).

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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

/// How bad an error is. Ordered from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ErrorSeverity {
    /// Somebody entered something wrong.
    Low,
    /// A user noticed, or something took too long.
    Medium,
    /// The service is degraded or has lost a connection.
    High,
    /// Fatal, or beyond this one service.
    Critical,
}

impl fmt::Display for ErrorSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        })
    }
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// A database refuses, or cannot be reached.
    Database,
    /// A connection, a name or a route.
    Network,
    /// A model or an agent that works with one.
    Agent,
    /// Memory, disk, file descriptors, quotas.
    Resource,
    /// Somebody did or tried what they may not.
    Security,
    /// Data that is not what it was.
    Integrity,
    /// A setting is missing or wrong.
    Configuration,
    /// The program itself.
    Program,
    /// What was entered.
    Validation,
    /// Nothing in the table of rules fits.
    Unknown,
}

impl ErrorKind {
    /// As the JSON form has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Network => "network",
            Self::Agent => "agent",
            Self::Resource => "resource",
            Self::Security => "security",
            Self::Integrity => "integrity",
            Self::Configuration => "configuration",
            Self::Program => "program",
            Self::Validation => "validation",
            Self::Unknown => "unknown",
        }
    }
}

/// What ends an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recoverability {
    /// Whoever entered something wrong.
    Caller,
    /// Trying again.
    Retry,
    /// A remedy: a restart, a rollback, more room.
    Remedy,
    /// People alone.
    People,
}

/// What the rules say of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Classified {
    /// How bad it is.
    pub severity: ErrorSeverity,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ErrorKind,
    /// What ends it.
    pub recoverability: Recoverability,
    /// The rule that said so; `no rule` where none did.
    pub rule: &'static str,
}

/// One row of the table: the first that fits decides.
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Words of a message, in small letters; any of them fits.
    pub words: &'static [&'static str],
    /// Codes, where `x` stands for any character; any of them fits.
    pub codes: &'static [&'static str],
    /// What it says of an error.
    pub says: Classified,
}

const fn rule(
    name: &'static str,
    severity: ErrorSeverity,
    kind: ErrorKind,
    recoverability: Recoverability,
    words: &'static [&'static str],
    codes: &'static [&'static str],
) -> Rule {
    Rule { name, words, codes, says: Classified { severity, kind, recoverability, rule: name } }
}

use ErrorKind as K;
use ErrorSeverity as S;
use Recoverability as R;

/// The table, the worst first: what names its cause comes before what names a symptom.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule("intrusion", S::Critical, K::Security, R::People,
        &["intrusion", "privilege escalation", "unauthorized modification", "unauthorised modification", "tampered", "malware", "ransomware", "data breach", "exfiltrat", "sql injection", "audit log cleared"], &[]),
    rule("corrupt data", S::Critical, K::Integrity, R::People,
        &["checksum mismatch", "checksum failed", "database disk image is malformed", "corrupt", "invalid page", "torn page", "data integrity"], &["XX001", "XX002"]),
    rule("stolen credential", S::High, K::Security, R::People,
        &["token reuse", "replayed token", "revoked certificate", "signature mismatch", "invalid signature", "brute force", "account locked"], &[]),
    rule("out of room", S::Critical, K::Resource, R::Remedy,
        &["out of memory", "oom-kill", "no space left", "disk full", "cannot allocate memory"], &["ENOSPC", "ENOMEM", "53100", "53200"]),
    rule("crash", S::Critical, K::Program, R::Remedy,
        &["segmentation fault", "core dumped", "panicked at", "fatal error", "stack overflow", "unrecoverable"], &[]),
    rule("database gone", S::High, K::Database, R::Remedy,
        &["database is locked", "deadlock", "too many clients", "remaining connection slots", "the database system is", "could not connect to server", "connection pool", "replication slot"], &["08xxx", "57Pxx", "53300", "40P01", "55P03"]),
    rule("out of handles", S::High, K::Resource, R::Remedy,
        &["too many open files", "resource temporarily unavailable", "quota exceeded", "rate limit", "too many requests"], &["EMFILE", "ENFILE", "429"]),
    rule("model gone", S::High, K::Agent, R::Remedy,
        &["model not loaded", "model not found", "inference failed", "agent crashed", "agent is unresponsive", "context length exceeded", "cuda"], &[]),
    rule("connection lost", S::High, K::Network, R::Retry,
        &["connection refused", "connection reset", "broken pipe", "no route to host", "network is unreachable", "name or service not known", "temporary failure in name resolution", "bad gateway", "service unavailable", "certificate has expired", "tls handshake"], &["ECONNREFUSED", "ECONNRESET", "EPIPE", "EHOSTUNREACH", "ENETUNREACH", "502", "503"]),
    rule("missing setting", S::High, K::Configuration, R::Remedy,
        &["missing environment variable", "invalid configuration", "config error", "missing required setting", "unknown feature flag"], &[]),
    rule("too slow", S::Medium, K::Network, R::Retry,
        &["timed out", "timeout", "deadline exceeded"], &["ETIMEDOUT", "408", "504", "57014"]),
    rule("refused entry", S::Medium, K::Security, R::Caller,
        &["permission denied", "access denied", "unauthorized", "unauthorised", "forbidden", "authentication failed", "invalid credentials", "login failed", "expired token"], &["EACCES", "EPERM", "401", "403", "28xxx", "42501"]),
    rule("failed query", S::Medium, K::Database, R::Remedy,
        &["no such table", "no such column", "does not exist", "duplicate key", "constraint failed", "violates"], &["42xxx", "23xxx"]),
    rule("agent trouble", S::Medium, K::Agent, R::Retry,
        &["agent", "prompt", "language model", "embedding"], &[]),
    rule("wrong input", S::Low, K::Validation, R::Caller,
        &["validation", "invalid input", "is required", "must be", "malformed request", "bad request", "unprocessable", "not a valid"], &["400", "404", "409", "422", "22xxx"]),
    rule("failed request", S::Medium, K::Program, R::Remedy,
        &["internal server error", "unhandled", "null pointer", "nonetype", "undefined is not", "exception", "traceback"], &["5xx"]),
];

/// What the rules say of an error. What the sender says may make it worse and never milder.
#[must_use]
pub fn classify(error: &ErrorEvent) -> Classified {
    let text = error.message.to_lowercase();
    let code = error.code.as_deref().unwrap_or_default();
    let fits = |rule: &&Rule| {
        rule.words.iter().any(|word| text.contains(word)) || rule.codes.iter().any(|known| is_code(known, code))
    };
    // What a caller entered wrongly is quoted in the message, and must not open a breach.
    let entered = |rule: &&Rule| rule.says.kind == K::Validation && rule.codes.iter().any(|known| is_code(known, code));
    let mut found = RULES.iter().find(entered).or_else(|| RULES.iter().find(fits)).map_or(
        Classified { severity: S::Medium, kind: K::Unknown, recoverability: R::People, rule: "no rule" },
        |rule| rule.says,
    );
    if let Some(severity) = error.severity.filter(|severity| *severity > found.severity) {
        (found.severity, found.rule) = (severity, "as its sender says");
    }
    let graver = |kind: &ErrorKind| found.kind == K::Unknown || matches!(kind, K::Security | K::Integrity);
    if let Some(kind) = error.kind.filter(graver) {
        found.kind = kind;
    }
    found
}

fn is_code(known: &str, code: &str) -> bool {
    known.len() == code.len() && known.bytes().zip(code.bytes()).all(|(known, code)| known == b'x' || known == code)
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
            K::Security if self.severity >= S::High => Some(Workflow::SecurityBreach),
            K::Integrity if self.severity >= S::High => Some(Workflow::DataCorruption),
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
    let burst = burst.filter(|_| errors.severity > S::Low && !maintained);
    let workflow = errors.workflow();
    let severity = match (workflow, errors.severity) {
        (Some(Workflow::SecurityBreach), S::Critical) => Severity::Sev1,
        (Some(Workflow::SecurityBreach), _) => Severity::Sev2,
        (Some(_), _) | (None, S::Critical) => Severity::of_outage(criticality),
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
        None => (errors.severity >= S::High || burst.is_some()) && open.errors.len() < ERRORS_LIMIT,
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
mod tests {
    use super::*;

    fn error(message: &str, code: Option<&str>) -> ErrorEvent {
        ErrorEvent {
            service: "patient-api".to_owned(),
            message: message.to_owned(),
            code: code.map(str::to_owned),
            count: 1,
            ..ErrorEvent::default()
        }
    }

    #[test]
    fn messages_that_programs_really_write_are_what_they_say() {
        for (message, code, severity, kind, recoverability) in [
            ("connect ECONNREFUSED 127.0.0.1:5432: connection refused", None, S::High, K::Network, R::Retry),
            (
                "FATAL: remaining connection slots are reserved for superuser",
                Some("53300"),
                S::High,
                K::Database,
                R::Remedy,
            ),
            (
                "ERROR: invalid page in block 7 of relation base/5/1259",
                Some("XX001"),
                S::Critical,
                K::Integrity,
                R::People,
            ),
            ("write failed", Some("ENOSPC"), S::Critical, K::Resource, R::Remedy),
            ("thread 'main' panicked at src/main.rs:4:5", None, S::Critical, K::Program, R::Remedy),
            ("upstream request timed out after 30 s", Some("504"), S::Medium, K::Network, R::Retry),
            ("field dose_unit is required", Some("422"), S::Low, K::Validation, R::Caller),
            ("no results for \"ransomware\"", Some("404"), S::Low, K::Validation, R::Caller),
            ("login failed for user [EMAIL]", Some("401"), S::Medium, K::Security, R::Caller),
            ("privilege escalation by uid 1004", None, S::Critical, K::Security, R::People),
            ("inference failed: model not loaded", None, S::High, K::Agent, R::Remedy),
            ("it went wrong", Some("500"), S::Medium, K::Program, R::Remedy),
            ("it went wrong", None, S::Medium, K::Unknown, R::People),
        ] {
            let found = classify(&error(message, code));
            assert_eq!(
                (found.severity, found.kind, found.recoverability),
                (severity, kind, recoverability),
                "{message}"
            );
        }
        assert_eq!(classify(&error("it went wrong", None)).rule, "no rule");
    }

    #[test]
    fn a_sender_can_make_an_error_worse_and_never_milder() {
        let said = |severity, kind| {
            let error = ErrorEvent { severity: Some(severity), kind: Some(kind), ..error("disk full", None) };
            let found = classify(&error);
            (found.severity, found.kind)
        };
        assert_eq!(said(S::Low, K::Validation), (S::Critical, K::Resource));
        assert_eq!(said(S::Low, K::Security), (S::Critical, K::Security), "a breach that fills the disk is one");
        let worse = ErrorEvent { severity: Some(S::Critical), kind: Some(K::Agent), ..error("odd", None) };
        let found = classify(&worse);
        assert_eq!((found.severity, found.kind, found.rule), (S::Critical, K::Agent, "as its sender says"));
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
