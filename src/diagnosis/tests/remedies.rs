//! Which of the declared actions is proposed first.

use super::*;
use crate::domain::{Approach, Cause};

#[test]
fn what_fits_the_cause_comes_before_a_restart_and_nothing_else_does() {
    let names = |document: &DiagnosisDocument| -> Vec<String> {
        let fixes = document.suggested_fixes.iter().map(|suggested| match &suggested.fix {
            Fix::RunAction { action, .. } => action.clone(),
            other => panic!("{other:?}"),
        });
        fixes.collect()
    };
    let stopped = Case::new()
        .bad("auth", "auth-health", "no answer within 1.0 s")
        .bad("auth", "auth-process", "process 4711 is stopped")
        .diagnose("auth");
    assert_eq!(names(&stopped)[0], "thaw", "it loses nothing");
    assert!(names(&stopped).contains(&"restart".to_owned()));
    let silent = Case::new().bad("auth", "auth-health", "no answer within 1.0 s").diagnose("auth");
    assert_eq!(names(&silent)[0], "restart", "nothing says that it is stopped");
    let used_up = Case::new()
        .bad("auth", "auth-health", "HTTP 503 in 4 ms")
        .log("auth", &[(1, "ERROR pool exhausted: all 4 connections are in use")])
        .diagnose("auth");
    assert_eq!(names(&used_up)[..2], ["recycle-pool", "restart"]);
    let expired =
        Case::new().bad("auth", "auth-health", "its certificate expired 1d ago, on 2026-01-14").diagnose("auth");
    assert_eq!(names(&expired)[..2], ["renew-certificate", "renew-credential"]);
    for document in [stopped, silent, used_up, expired] {
        assert!(!names(&document).contains(&"reconnect".to_owned()), "what takes something back heals nothing");
    }
}

#[test]
fn what_is_to_be_done_says_what_is_proposed_first() {
    let locked = Case::new()
        .bad("auth", "auth-health", "HTTP 503 in 4 ms")
        .log("auth", &[(1, "ERROR login of ward3 refused: the account is locked after 5 wrong passwords")])
        .diagnose("auth");
    assert_eq!((locked.root_cause_category, locked.approach), (Cause::Credentials, Approach::Unlock));
    let stopped = Case::new()
        .bad("auth", "auth-health", "no answer within 1.0 s")
        .bad("auth", "auth-process", "process 4711 is stopped")
        .diagnose("auth");
    assert_eq!(stopped.approach, Approach::Thaw);
    let refused = Case::new()
        .bad("auth", "auth-health", "HTTP 503 in 4 ms")
        .log("auth", &[(1, "ERROR password authentication failed for user app")])
        .diagnose("auth");
    assert_eq!(refused.approach, Approach::Renew, "no account is locked");
}
