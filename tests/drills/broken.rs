//! A book that is broken on purpose: three times, and each time the walk of a drill or the lint says so, at the step that is wrong.

use chrono::Utc;
use codeblue::{
    domain::{Command, Severity},
    runbook::{self, Surroundings},
};

use super::{
    demo::Demo,
    routes::{
        Deed::{self, Abandon, Choose},
        Route,
    },
    walker::{Coverage, Walker},
};

const BOOK: &str = "RB-02-database-connection";

/// A book that comes along under another id, with one thing in it changed.
fn broken(id: &str, from: &str, to: &str) -> (String, String) {
    let volume = runbook::built_in().find(|volume| volume.id() == BOOK).unwrap();
    assert!(volume.text.contains(from), "{from}");
    let text = volume.text.replacen(from, to, 1).replacen(&format!("id: {BOOK}"), &format!("id: {id}"), 1);
    (format!("{id}.md"), runbook::format(&text))
}

#[test]
fn a_change_without_a_way_back_is_caught_by_lint() {
    let (file, text) = broken("LAB-03-no-way-back", "\"undo\":\"undo-configuration\",", "");
    let findings = runbook::lint(&file, &text, &Surroundings::default());
    let found = findings.iter().any(|finding| finding.rule == "undo" && finding.place == "restore-configuration");
    assert!(found, "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_with_the_wrong_action_or_the_wrong_expectation_is_caught_by_walking() {
    let wrong_action = broken("LAB-01-wrong-action", "\"$API\" recycle-pool --inc", "\"$API\" empty-pool --inc");
    let wrong_check = broken(
        "LAB-02-wrong-expectation",
        "\"expect\":\"json:/health/status!=unknown\",\"onFail\":\"continue\"",
        "\"expect\":\"json:/health/status==unknown\",\"onFail\":\"ask\"",
    );
    let books = [&wrong_action, &wrong_check].map(|(file, text)| (file.as_str(), text.clone()));
    let demo = Demo::start(&books).await;
    let (seed, service) = super::coverage::seed_for("pool-exhaustion", 0);
    let held = demo.hold(&["pool-exhaustion", "--seed", &seed.to_string(), "--limit", "10m"]).await;
    let title = "the database gives no connection".to_owned();
    let declare = Command::DeclareIncident { severity: Severity::Sev2, title, services: vec![service] };
    let incident = super::coverage::opened(&demo.client("alice").submit(&declare).await.unwrap());
    let mut walker =
        Walker { demo: &demo, drill: "pool-exhaustion", since: Utc::now(), incident, coverage: Coverage::new() };
    let route = |deeds: &'static [(&'static str, Deed)]| Route { worker: "bob", inputs: &[], hurries: false, deeds };

    let caught = walker.walk("LAB-02", &route(&[("which-of-the-five-is-it", Choose(5))])).await.unwrap_err();
    assert!(caught.starts_with("halted at database-state"), "{caught}");
    walker.leave().await;

    let deeds = &[("which-of-the-five-is-it", Choose(5)), ("restart-database", Abandon)];
    walker.walk("LAB-01", &route(deeds)).await.unwrap();
    let shown = &walker.coverage[&("LAB-01-wrong-action".to_owned(), "recycle-pool".to_owned())];
    assert!(!shown.passed && shown.ends.contains("failed"), "{shown:?}");
    let (code, told) = demo.ask(&["drill", "abort", "--reason", "both were caught"]);
    assert_eq!(code, 0, "{told}");
    held.over().await;
}
