//! Several causes side by side, and the decoys among them.

use super::*;
use crate::diagnosis::confidence::{EARNED, earned};

impl Case {
    /// A check fails so many seconds after the trouble began, and its service is judged by it.
    pub(super) fn bad_from(mut self, seconds: i64, service: &str, check: &str, detail: &str) -> Self {
        self = self.at(seconds);
        let (status, reason) = (Status::Down, detail.to_owned());
        let verdict = Verdict { service: service.to_owned(), status, reason, failing_since: Some(self.now) };
        self.give(&Actor::Engine, Command::RecordVerdict(verdict));
        self.sample(service, check, Reading::Bad, detail)
    }

    /// Opens the incident at a service now and has it analysed.
    pub(super) fn diagnose_now(mut self, service: &str) -> DiagnosisDocument {
        self.give(&Actor::Engine, Command::OpenIncident { service: service.to_owned() });
        self.analyse()
    }
}

/// Service, category and percent of each candidate.
fn candidates(document: &DiagnosisDocument) -> Vec<(&str, Category, f64)> {
    let sum: f64 = document.candidates.iter().map(|found| found.probability).sum();
    assert!((0.0..=1.0).contains(&sum), "{sum}");
    let best = &document.candidates[0];
    let cause = &document.root_cause;
    assert_eq!((&best.service, &best.issue, best.deployment), (&cause.service, &cause.issue, cause.deployment));
    assert!(document.candidates.is_sorted_by(|a, b| a.probability >= b.probability), "{:?}", document.candidates);
    document.candidates.iter().map(|found| (found.service.as_str(), found.category, found.probability)).collect()
}

#[test]
fn two_failures_at_once_are_both_named() {
    let document = Case::new()
        .bad("patient-api", "api-health", "HTTP 503 in 4 ms")
        .bad("auth", "auth-health", REFUSED)
        .bad("records-db", "db-file", "damaged: *** in database main ***")
        .diagnose("patient-api");
    let found = candidates(&document);
    for (service, category) in [("auth", Category::Process), ("records-db", Category::Database)] {
        let likely = found.iter().find(|found| (found.0, found.1) == (service, category)).map(|found| found.2);
        assert!(likely.is_some_and(|likely| likely > 0.2), "{service}: {found:?}");
    }
    let blamed = document.candidates.iter().find(|found| found.service == "records-db").unwrap();
    assert_eq!(blamed.evidence[0].source, "check db-file");
    assert!(found.iter().all(|found| found.0 != "patient-api" || found.2 < 0.1), "it is explained: {found:?}");
}

#[test]
fn decoy_a_dependency_that_fails_long_after_the_service_is_down() {
    let broken = || Case::new().deployed("v41", 40).bad_from(5, "patient-api", "api-health", BROKEN);
    let document = broken().bad_from(300, "auth", "auth-health", REFUSED).diagnose_now("patient-api");
    assert_eq!(told(&document), ("patient-api", Category::Deployment));
    assert!(candidates(&document).iter().any(|found| (found.0, found.1) == ("auth", Category::Process)));

    // Its check runs every 30 s: it may have failed first and been found second.
    let document = broken().bad_from(30, "auth", "auth-health", REFUSED).diagnose_now("patient-api");
    assert_eq!(told(&document), ("auth", Category::Process));
}

#[test]
fn decoy_a_recent_release_of_a_service_that_only_suffers() {
    let document = Case::new()
        .deployed("v41", 20)
        .bad("patient-api", "api-health", "HTTP 503 in 4 ms: \"auth: Connection refused\"")
        .bad("auth", "auth-health", REFUSED)
        .diagnose("patient-api");
    let found = candidates(&document);
    assert_eq!((found[0].0, found[0].1), ("auth", Category::Process));
    let release = found.iter().find(|found| found.1 == Category::Deployment).unwrap();
    assert!(release.0 == "patient-api" && release.2 < found[0].2 / 4.0, "{found:?}");
}

#[test]
fn where_little_speaks_much_is_left_for_none_of_these() {
    let mut case = Case::new().at(5);
    case.judge("auth", Status::Degraded, "auth-health: 0.9 s");
    let document = case.sample("auth", "auth-health", Reading::Bad, "took longer than 1 s").diagnose("auth");
    let sum: f64 = candidates(&document).iter().map(|found| found.2).sum();
    assert!(sum < 0.8, "{sum}");

    let screams = Case::new().deployed("v41", 40).bad("patient-api", "api-health", BROKEN);
    let document = screams.log("patient-api", &super::screams()).diagnose("patient-api");
    let best = candidates(&document)[0].2;
    assert!(best > 0.85 && best < 0.95, "{best} is not proved");
    assert!(document.root_cause.confidence <= earned(EARNED.0, EARNED.1), "{}", document.root_cause.confidence);
}

#[test]
fn a_document_of_an_earlier_version_has_no_candidates() {
    let document = Case::new().bad("auth", "auth-health", REFUSED).diagnose("auth");
    let mut written = serde_json::to_value(&document).unwrap();
    assert_eq!(written["candidates"][0]["service"], "auth");
    written.as_object_mut().unwrap().remove("candidates");
    let read: DiagnosisDocument = serde_json::from_value(written).unwrap();
    assert!(read.candidates.is_empty() && read.root_cause == document.root_cause);
}
