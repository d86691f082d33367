//! How bad it looks, and that nobody but a person makes it so.

use super::*;
use crate::domain::{IncidentState, TimelineKind};

#[test]
fn damaged_data_at_a_service_of_high_criticality_looks_worse_than_its_outage_and_stays_a_proposal() {
    let mut case = Case::new().bad("auth", "auth-health", "HTTP 500 in 4 ms: \"database disk image is malformed\"");
    case = case.at(10);
    case.give(&Actor::Engine, Command::OpenIncident { service: "auth".to_owned() });
    case.give(&Actor::Engine, Command::RequestDiagnosis { incident: IncidentId(1) });
    let document = case.analyse();
    let found = document.found_severity.clone().unwrap();
    assert_eq!((document.category, found.severity, found.points), (Category::Database, Severity::Sev1, 9));
    assert_eq!(
        found.why(),
        "+6 a service of high criticality is down: auth · +3 data is damaged, and each write makes it worse"
    );

    case.give(&Actor::Engine, Command::ConcludeDiagnosis { diagnosis: DiagnosisId(1), document: document.into() });
    let incident = &case.state.incidents[&IncidentId(1)];
    assert_eq!((incident.severity, incident.state), (Severity::Sev2, IncidentState::Identified));
    let told = incident.timeline.iter().rfind(|entry| entry.kind == TimelineKind::Diagnosis).unwrap();
    assert!(told.text.starts_with("looks like SEV1: +6 a service of high criticality is down: auth"), "{}", told.text);
}

#[test]
fn what_is_hit_one_after_the_other_spreads_and_what_comes_back_eases() {
    let case =
        Case::new().bad_from(0, "auth", "auth-health", REFUSED).bad_from(90, "patient-api", "api-health", "HTTP 503");
    let found = case.diagnose_now("auth").found_severity.unwrap();
    assert!(found.why().contains("+2 it spreads"), "{}", found.why());

    let together = Case::new().bad("auth", "auth-health", REFUSED).bad("patient-api", "api-health", "HTTP 503");
    assert!(!together.diagnose("auth").found_severity.unwrap().why().contains("spreads"));
}

#[test]
fn errors_that_double_from_one_minute_to_the_next_count() {
    let of = |lines: std::ops::Range<i64>| -> Vec<(i64, &'static str)> {
        let steady = (0..60).step_by(6).map(|second| (second + 120, "ERROR cannot reach the pharmacy"));
        steady.chain(lines.map(|second| (180 + second, "ERROR cannot reach the pharmacy"))).collect()
    };
    let rises = |lines: Vec<(i64, &str)>| {
        let mut case = Case::new().bad("auth", "auth-health", "HTTP 500 in 4 ms");
        case.give(&Actor::Engine, Command::OpenIncident { service: "auth".to_owned() });
        let found = case.log("auth", &lines).at(240).analyse().found_severity.unwrap();
        found.why().contains("+1 errors are twice as many")
    };
    assert!(rises(of(0..40)));
    assert!(!rises(of(0..12)), "a few errors more are no course");
}
