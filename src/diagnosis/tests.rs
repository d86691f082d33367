//! One outage of each kind, and the decoys that lead astray.

mod accused;
mod candidates;
mod green;
mod remedies;
mod severity;
mod vocabulary;

use std::{path::Path, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    CaseFile, LogExcerpt, Redactor, analyse,
    collect::{Entry, Zone},
    patterns::Observed,
};
use crate::{
    domain::{
        Actor, Category, Command, DiagnosisDocument, DiagnosisId, Fix, IncidentId, Meta, Recorded, Severity, State,
        Status, Verdict, Vitals, apply, decide,
    },
    platform::{ActionRisk, CheckLevel, Reading, Sample, parse},
};

const PLATFORM: &str = include_str!("tests/hospital.toml");

/// When the first check fails.
fn trouble() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

/// A platform that was well until [`trouble`].
struct Case {
    state: State,
    vitals: Vitals,
    logs: Vec<LogExcerpt>,
    now: DateTime<Utc>,
}

impl Case {
    fn new() -> Self {
        let platform = parse(PLATFORM, Path::new("/srv/codeblue.toml")).unwrap().into();
        let now = trouble() - TimeDelta::days(3);
        let mut case = Self { state: State::default(), vitals: Vitals::default(), logs: Vec::new(), now };
        case.give(&Actor::Engine, Command::LoadPlatform { platform });
        for service in ["records-db", "auth", "patient-api"] {
            case.judge(service, Status::Healthy, "ok");
        }
        case.deploy("v40");
        case
    }

    fn give(&mut self, actor: &Actor, command: Command) {
        let events = decide(&self.state, command, &Meta::new(self.now, actor.clone())).unwrap();
        for event in events {
            let (seq, at, actor) = (self.state.seq + 1, self.now, actor.clone());
            apply(&mut self.state, &Recorded { seq, at, actor, cause: None, event, hash: String::new() });
        }
    }

    fn at(mut self, seconds: i64) -> Self {
        self.now = trouble() + TimeDelta::seconds(seconds);
        self
    }

    fn judge(&mut self, service: &str, status: Status, reason: &str) {
        let failing_since = (status > Status::Healthy).then(trouble);
        let verdict = Verdict { service: service.to_owned(), status, reason: reason.to_owned(), failing_since };
        self.give(&Actor::Engine, Command::RecordVerdict(verdict));
    }

    fn deploy(&mut self, version: &str) {
        let (component, version) = ("api-code".to_owned(), version.to_owned());
        let deploy = Command::RecordDeployment { component, version, note: String::new() };
        self.give(&Actor::Operator("erin".to_owned()), deploy);
    }

    /// A version went live so many seconds before the trouble.
    fn deployed(mut self, version: &str, before: i64) -> Self {
        self = self.at(-before);
        self.deploy(version);
        self
    }

    fn sample(mut self, service: &str, check: &str, reading: Reading, detail: &str) -> Self {
        self.vitals.take(Sample {
            service: service.to_owned(),
            check: check.to_owned(),
            level: CheckLevel::Shallow,
            at: self.now,
            reading,
            latency: Duration::from_millis(4),
            detail: detail.to_owned(),
            measured: None,
        });
        self
    }

    /// A check fails, and its service is judged by it.
    fn bad(mut self, service: &str, check: &str, detail: &str) -> Self {
        self = self.at(5);
        self.judge(service, Status::Down, detail);
        self.sample(service, check, Reading::Bad, detail)
    }

    fn log(mut self, service: &str, lines: &[(i64, &str)]) -> Self {
        let line =
            |(second, text): &(i64, &str)| format!("{} {text}", (trouble() + TimeDelta::seconds(*second)).to_rfc3339());
        let read = |text: String| Entry::read(&text, self.now, Zone::default());
        let entries = lines.iter().map(line).map(read).collect();
        self.logs.push(LogExcerpt { service: service.to_owned(), path: format!("{service}.log"), entries });
        self
    }

    /// Opens the incident at a service and has it analysed.
    fn diagnose(mut self, service: &str) -> DiagnosisDocument {
        self = self.at(10);
        self.give(&Actor::Engine, Command::OpenIncident { service: service.to_owned() });
        self.analyse()
    }

    fn analyse(&self) -> DiagnosisDocument {
        let redactor = Redactor::default();
        let observed = Observed::default();
        let case = CaseFile {
            redactor: &redactor,
            observed: &observed,
            state: &self.state,
            vitals: &self.vitals,
            incident: *self.state.incidents.keys().next_back().unwrap_or(&IncidentId(1)),
            diagnosis: DiagnosisId(1),
            logs: self.logs.clone(),
            now: self.now,
        };
        let document = analyse(&case);
        assert_eq!(document, analyse(&case), "the same case gets the same answer");
        assert!((0.0..1.0).contains(&document.root_cause.confidence));
        for fix in &document.suggested_fixes {
            let declared = match &fix.fix {
                Fix::RollBack { component } => self.state.platform.component(component).is_some(),
                Fix::RunAction { service, action } => self
                    .state
                    .platform
                    .service(service)
                    .is_some_and(|found| found.actions.iter().any(|declared| declared.name == *action)),
            };
            assert!(declared, "{fix:?} is not in the platform file");
        }
        document
    }
}

fn roll_back(component: &str) -> Option<Fix> {
    Some(Fix::RollBack { component: component.to_owned() })
}

fn restart(service: &str) -> Option<Fix> {
    Some(Fix::RunAction { service: service.to_owned(), action: "restart".to_owned() })
}

fn first(document: &DiagnosisDocument) -> Option<Fix> {
    document.suggested_fixes.first().map(|found| found.fix.clone())
}

fn told(document: &DiagnosisDocument) -> (&str, Category) {
    (&document.root_cause.service, document.category)
}

const BROKEN: &str = "HTTP 500 in 4 ms: \"no such column: dose_unit\"";
const REFUSED: &str = "cannot connect: Connection refused";

fn screams() -> Vec<(i64, &'static str)> {
    (0..20).map(|second| (second, "ERROR GET /chart/17: no such column: dose_unit")).collect()
}

#[test]
fn a_release_that_went_live_a_moment_ago_and_screams() {
    let document = Case::new()
        .deployed("v41", 40)
        .bad("patient-api", "api-health", BROKEN)
        .log("patient-api", &screams())
        .diagnose("patient-api");
    assert_eq!(told(&document), ("patient-api", Category::Deployment));
    assert!(document.root_cause.confidence > 0.9, "{}", document.root_cause.confidence);
    assert!(document.root_cause.issue.contains("v41 of api-code"), "{}", document.root_cause.issue);
    assert!(document.root_cause.issue.ends_with("no such column: dose_unit ×20"), "{}", document.root_cause.issue);
    assert!(document.root_cause.deployment.is_some());
    assert_eq!(first(&document), roll_back("api-code"));
    let fix = &document.suggested_fixes[0];
    assert_eq!(fix.commands, ["codeblue rollback --component api-code --reason INC-1"]);
    assert_eq!((fix.priority, fix.risk), (1, ActionRisk::Low));
    let sources: Vec<&str> = document.root_cause.evidence.iter().map(|found| found.source.as_str()).collect();
    assert_eq!(sources, ["ledger", "check api-health", "log of patient-api"]);
}

#[test]
fn a_process_that_is_gone() {
    let document = Case::new().bad("auth", "auth-health", REFUSED).diagnose("auth");
    assert_eq!(told(&document), ("auth", Category::Process));
    assert_eq!(document.root_cause.issue, "the process of auth is gone");
    assert_eq!(first(&document), restart("auth"), "what cannot harm is tried first");
    assert_eq!(document.suggested_fixes[0].commands, ["codeblue action run auth restart"]);
}

#[test]
fn a_process_that_is_there_and_does_not_answer() {
    let silent = || Case::new().bad("patient-api", "api-health", "no answer within 1.0 s");
    let alone = silent().diagnose("patient-api");
    let present = silent().sample("patient-api", "api-port", Reading::Good, "connected").diagnose("patient-api");
    assert_eq!(told(&present), ("patient-api", Category::Process));
    assert!(present.root_cause.issue.contains("frozen"), "{}", present.root_cause.issue);
    assert!(present.root_cause.confidence > alone.root_cause.confidence, "an open port speaks for it");
}

#[test]
fn a_damaged_database_below_a_service_that_screams() {
    let document = Case::new()
        .deployed("v41", 60)
        .bad("patient-api", "api-health", "HTTP 503 in 4 ms: \"records-db: database disk image is malformed\"")
        .log("patient-api", &[(1, "ERROR records-db: database disk image is malformed")])
        .bad("records-db", "db-file", "damaged: *** in database main ***")
        .sample("records-db", "db-port", Reading::Good, "connected")
        .diagnose("patient-api");
    assert_eq!(told(&document), ("records-db", Category::Database));
    assert_eq!(document.root_cause.issue, "database records is damaged");
    assert_eq!(first(&document), roll_back("records"));
    assert_eq!(document.suggested_fixes[0].risk, ActionRisk::High, "what was written since is lost");
    assert_eq!(document.affected_services, ["records-db", "patient-api"]);
}

#[test]
fn a_damaged_database_that_only_its_user_has_noticed() {
    let document = Case::new()
        .bad("patient-api", "api-health", "HTTP 500 in 4 ms: \"database disk image is malformed\"")
        .sample("records-db", "db-port", Reading::Good, "connected")
        .diagnose("patient-api");
    assert_eq!(told(&document), ("patient-api", Category::Database));
    assert_eq!(first(&document), roll_back("records"));
}

#[test]
fn a_database_that_somebody_emptied() {
    let document = Case::new().bad("records-db", "db-file", "/srv/records.db is empty").diagnose("records-db");
    assert_eq!(told(&document), ("records-db", Category::Database));
}

#[test]
fn a_setting_that_is_wrong() {
    let document = Case::new()
        .bad("auth", "auth-health", "HTTP 500 in 2 ms")
        .log("auth", &[(0, "ERROR invalid configuration auth.toml: token_minutes must be from 1 to 1440")])
        .diagnose("auth");
    assert_eq!(told(&document), ("auth", Category::Configuration));
    assert_eq!(first(&document), roll_back("auth-config"));
}

#[test]
fn a_service_that_is_slow() {
    let mut case = Case::new().at(5);
    case.judge("auth", Status::Degraded, "auth-health: 2.4 s");
    let document = case.sample("auth", "auth-health", Reading::Slow, "HTTP 200 in 2.4 s").diagnose("auth");
    assert_eq!(told(&document), ("auth", Category::Performance));
    assert_eq!(first(&document), restart("auth"));
}

#[test]
fn a_host_without_room_is_not_cured_by_a_restart() {
    let mut case = Case::new().at(5);
    case.judge("records-db", Status::Degraded, "disk: 97 % used");
    let document = case.sample("records-db", "disk", Reading::Bad, "97 % used, allowed 90 %").diagnose("records-db");
    assert_eq!(told(&document), ("records-db", Category::Resource));
    assert_eq!(document.suggested_fixes, []);
}

#[test]
fn where_nothing_speaks_nothing_is_claimed() {
    let mut case = Case::new().at(5);
    let declare = Command::DeclareIncident {
        severity: Severity::Sev3,
        title: "phones".to_owned(),
        services: vec!["auth".to_owned()],
    };
    case.give(&Actor::Operator("erin".to_owned()), declare);
    let document = case.analyse();
    assert_eq!(told(&document), ("auth", Category::Unknown));
    assert!(document.root_cause.confidence.abs() < f64::EPSILON);
    assert_eq!(document.suggested_fixes, []);

    let mut case = Case::new().at(5);
    let declare =
        Command::DeclareIncident { severity: Severity::Sev3, title: "fax on fire".to_owned(), services: Vec::new() };
    case.give(&Actor::Operator("erin".to_owned()), declare);
    assert_eq!(case.analyse().affected_services, Vec::<String>::new());
}

#[test]
fn a_new_version_is_no_proof_when_nothing_fails() {
    let mut case = Case::new().deployed("v41", 40).at(5);
    let declare = Command::DeclareIncident {
        severity: Severity::Sev3,
        title: "a feeling".to_owned(),
        services: vec!["patient-api".to_owned()],
    };
    case.give(&Actor::Operator("erin".to_owned()), declare);
    assert!(case.analyse().root_cause.confidence <= 0.3);
}

#[test]
fn decoy_a_database_that_is_gone_makes_a_new_release_above_it_scream() {
    let document = Case::new()
        .deployed("v41", 60)
        .bad("patient-api", "api-health", "HTTP 503 in 4 ms: \"records-db: Connection refused\"")
        .log("patient-api", &screams())
        .bad("records-db", "db-port", REFUSED)
        .diagnose("patient-api");
    assert_eq!(told(&document), ("records-db", Category::Process));
    assert_eq!(first(&document), restart("records-db"));
}

#[test]
fn decoy_the_dependency_is_gone_and_its_own_check_has_not_run_yet() {
    let complaint = "HTTP 503 in 4 ms: \"auth: Connection refused\"";
    let document = Case::new()
        .at(-20)
        .sample("auth", "auth-health", Reading::Good, "HTTP 200")
        .bad("patient-api", "api-health", complaint)
        .diagnose("patient-api");
    assert_eq!(told(&document), ("auth", Category::Process));
    assert_eq!(document.root_cause.evidence[0].source, "check api-health of patient-api");

    let cleared = Case::new()
        .bad("patient-api", "api-health", complaint)
        .sample("auth", "auth-health", Reading::Good, "HTTP 200")
        .diagnose("patient-api");
    assert_eq!(cleared.root_cause.service, "patient-api", "auth was found well since");
}

#[test]
fn decoy_a_release_of_yesterday() {
    let document =
        Case::new().deployed("v41", 24 * 3600).bad("patient-api", "api-health", BROKEN).diagnose("patient-api");
    assert_ne!(document.category, Category::Deployment);
    assert_ne!(first(&document), roll_back("api-code"));
}

#[test]
fn decoy_a_release_that_is_not_live_any_more() {
    let document = Case::new()
        .deployed("v41", 1000)
        .deployed("v40", 3 * 3600)
        .bad("patient-api", "api-health", BROKEN)
        .diagnose("patient-api");
    assert_eq!(document.root_cause.deployment, None);
}

#[test]
fn decoy_an_error_that_was_always_there() {
    let lines: Vec<(i64, &str)> = (-900..5).step_by(30).map(|second| (second, "ERROR cache miss 3")).collect();
    let quiet = Case::new().deployed("v41", 300).bad("patient-api", "api-health", BROKEN);
    let noisy = Case::new().deployed("v41", 300).bad("patient-api", "api-health", BROKEN).log("patient-api", &lines);
    let (quiet, noisy) = (quiet.diagnose("patient-api"), noisy.diagnose("patient-api"));
    assert!((quiet.root_cause.confidence - noisy.root_cause.confidence).abs() < f64::EPSILON);
    assert!(!noisy.root_cause.issue.contains("cache"), "{}", noisy.root_cause.issue);
}

#[test]
fn decoy_a_database_in_maintenance_is_left_to_those_who_work_on_it() {
    let mut case = Case::new().at(-60);
    let (service, until, reason) = ("records-db".to_owned(), trouble() + TimeDelta::hours(1), "vacuum".to_owned());
    case.give(&Actor::Operator("erin".to_owned()), Command::StartMaintenance { service, until, reason });
    let document = case
        .at(5)
        .sample("records-db", "db-port", Reading::Bad, REFUSED)
        .bad("patient-api", "api-health", "HTTP 503 in 4 ms: \"records-db: Connection refused\"")
        .diagnose("patient-api");
    assert_eq!(document.root_cause.service, "records-db");
    assert!(document.root_cause.issue.starts_with("records-db is in maintenance"), "{}", document.root_cause.issue);
    assert_eq!(document.suggested_fixes, []);
}

#[test]
fn what_happened_to_the_same_service_before_is_named() {
    let mut case = Case::new().at(-1200);
    case.give(&Actor::Engine, Command::OpenIncident { service: "auth".to_owned() });
    let resolve = Command::ResolveIncident { incident: IncidentId(1), resolution: "restarted".to_owned() };
    case.give(&Actor::Operator("erin".to_owned()), resolve);
    let document = case.at(10).bad("auth", "auth-health", REFUSED).diagnose("auth");
    assert_eq!(document.related_incidents, [IncidentId(1)]);
}

#[test]
fn nobody_is_named_in_a_document() {
    let line = "ERROR no such column for jane.doe@clinic.org, MRN 12345678, at 10.1.2.3";
    let document = Case::new()
        .deployed("v41", 40)
        .bad("patient-api", "api-health", "HTTP 500: \"jane.doe@clinic.org\"")
        .log("patient-api", &[(1, line)])
        .diagnose("patient-api");
    let text = serde_json::to_string(&document).unwrap();
    for secret in ["jane", "clinic", "12345678", "10.1.2.3"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("\"estimatedTimeSeconds\"") && text.contains("\"rootCause\""), "{text}");
}
