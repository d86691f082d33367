//! Troubles that the checks of whoever has them do not see: who is refused tells of them.

use super::*;
use crate::domain::Cause;

/// The service and cause that are named first, and the name of what is proposed first.
fn named(document: &DiagnosisDocument) -> (&str, Cause, Option<&str>) {
    let action = document.suggested_fixes.first().map(|first| match &first.fix {
        Fix::RunAction { action, .. } => action.as_str(),
        Fix::RollBack { component } => component.as_str(),
    });
    (&document.root_cause.service, document.root_cause_category, action)
}

fn well(service: &str, check: &str) -> Case {
    Case::new().at(6).sample(service, check, Reading::Good, "HTTP 200 in 4 ms")
}

#[test]
fn accounts_are_locked_where_they_are_kept_whoever_is_refused() {
    for said in [
        "the account ward-3 is locked after 5 failed logins",
        "AADSTS50053: The account is locked, you've tried to sign in too many times",
        "Account temporarily disabled: contact your administrator",
        "User account is locked (LockedException)",
    ] {
        let detail = format!("step 1 of 2 (log in): HTTP 423 in 6 ms: \"{said}\"");
        let document = well("auth", "auth-health").bad("patient-api", "reads-a-chart", &detail).diagnose("patient-api");
        assert_eq!(named(&document), ("auth", Cause::Credentials, Some("unlock-accounts")), "{said}");
        assert_eq!(document.root_cause.evidence[0].source, "check reads-a-chart of patient-api");
    }
}

#[test]
fn a_secret_that_is_not_accepted_is_that_of_whoever_shows_it() {
    let detail = "step 1 of 2 (log in): HTTP 401 in 6 ms: \"Invalid user credentials\"";
    let document = well("auth", "auth-health").bad("patient-api", "reads-a-chart", detail).diagnose("patient-api");
    assert_eq!(named(&document), ("patient-api", Cause::Credentials, Some("renew-credential")));
}

#[test]
fn a_clock_is_wrong_at_whoever_issues_tokens_unless_a_check_has_found_it_right() {
    let detail = "HTTP 401 in 9 ms, expected 200: \"auth: JWT validation failed: iat claim timestamp check failed, issued in the future\"";
    let document = well("auth", "auth-health").bad("patient-api", "api-health", detail).diagnose("patient-api");
    assert_eq!(named(&document), ("auth", Cause::ClockSkew, Some("sync-clock")));
    let nobody_named = "HTTP 401 in 9 ms: \"Token used before issued\"";
    let document = well("auth", "auth-health").bad("patient-api", "api-health", nobody_named).diagnose("patient-api");
    assert_eq!(named(&document).1, Cause::ClockSkew);
}

#[test]
fn what_a_service_answers_speaks_as_its_log_would() {
    for (said, cause) in [
        ("write /srv/spool/7: no space left on device", Cause::DiskFull),
        ("remaining connection slots are reserved", Cause::PoolExhausted),
        ("job stalled more than allowable limit", Cause::ProcessHang),
        ("celery: no nodes replied within time constraint", Cause::ProcessHang),
        ("canary question: wrong answer", Cause::AlteredData),
        ("jwt signature verification failed: no matching key", Cause::Credentials),
    ] {
        let detail = format!("HTTP 500 in 4 ms: \"{said}\"");
        let document = Case::new().bad("patient-api", "api-health", &detail).diagnose("patient-api");
        assert_eq!(
            (document.root_cause.service.as_str(), document.root_cause_category),
            ("patient-api", cause),
            "{said}"
        );
        assert!(document.root_cause.issue.contains(said), "{}", document.root_cause.issue);
    }
    let silent = Case::new().bad("patient-api", "api-health", "HTTP 500 in 4 ms: \"internal server error\"");
    assert_eq!(silent.diagnose("patient-api").root_cause_category, Cause::Unknown);
}

#[test]
fn a_file_that_the_platform_file_declares_is_brought_back_and_no_other_data() {
    let detail = "HTTP 500 in 2 ms: \"cannot load Interactions.onnx: checksum mismatch\"";
    let document = Case::new().bad("patient-api", "api-health", detail).diagnose("patient-api");
    assert_eq!(named(&document), ("patient-api", Cause::AlteredData, Some("api-rules")));
    assert!(document.root_cause.issue.contains("on the disk"), "{}", document.root_cause.issue);
}

#[test]
fn a_log_that_names_people_is_told_of_though_every_check_is_content() {
    let line = "INFO chart opened: name=\"Ines Okafor\" dob=1954-02-11 mrn=00318822 phone=555-0199";
    let lines: Vec<(i64, &str)> = (0..5).map(|second| (second, line)).collect();
    let declared = |case: Case| {
        let mut case = case.at(10);
        let declare = Command::DeclareIncident {
            severity: Severity::Sev2,
            title: "patients are named".to_owned(),
            services: vec!["auth".to_owned()],
        };
        case.give(&Actor::Operator("erin".to_owned()), declare);
        case.analyse()
    };
    let document = declared(well("auth", "auth-health").log("auth", &lines));
    assert_eq!(named(&document), ("auth", Cause::Setting, Some("restart")));
    let text = serde_json::to_string(&document).unwrap();
    assert!(!text.contains("Okafor") && text.contains("5 lines"), "{text}");
    let quiet = declared(well("auth", "auth-health").log("auth", &[(1, "INFO login of mrn=00318822")]));
    assert_eq!(quiet.root_cause_category, Cause::Unknown);
}
