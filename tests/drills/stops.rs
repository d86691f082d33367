//! A drill that must stop is stopped while its fault is in force: everything is taken back, it was aborted, and nobody has failed.

use super::{coverage::seed_for, demo::Demo};
use codeblue::domain::DrillOutcome;

async fn hold(demo: &Demo, drill: &str) -> super::demo::Held {
    let (seed, _) = seed_for(drill, 0);
    demo.hold(&[drill, "--seed", &seed.to_string(), "--limit", "5m"]).await
}

/// Whoever held it ends with 1 and says why; nothing is broken any more, and there are no points.
async fn is_aborted(demo: &Demo, held: super::demo::Held, why: &str) {
    let (code, told) = held.over().await;
    assert_eq!((code, told["outcome"].as_str()), (1, Some("aborted")), "{told}");
    assert!(told["reason"].as_str().unwrap().contains(why), "{told}");
    assert_eq!(demo.faults(), 0, "what undoes a fault is gone once it is undone");
    let state = demo.steady().await;
    let last = state.drills.held.values().next_back().unwrap();
    assert_eq!(last.ended.as_ref().map(|ended| ended.outcome), Some(DrillOutcome::Aborted));
    let (code, refused) = demo.ask(&["drill", "score", &last.id.to_string()]);
    assert_eq!((code, refused["error"]["code"].as_str()), (3, Some("no-score")), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_is_stopped_by_a_person_by_the_lever_and_by_what_it_must_not_harm() {
    let demo = Demo::start(&[]).await;

    let held = hold(&demo, "wrong-dose").await;
    let (code, told) = demo.ask(&["drill", "abort", "--reason", "a real outage"]);
    assert_eq!(code, 0, "{told}");
    is_aborted(&demo, held, "a real outage").await;

    let held = hold(&demo, "pool-exhaustion").await;
    let lever = demo.path("home/data/stop-drills");
    std::fs::write(&lever, "").unwrap();
    is_aborted(&demo, held, "the safety lever was engaged").await;
    let (code, refused) = demo.ask(&["drill", "run", "pool-exhaustion"]);
    assert_eq!((code, refused["error"]["code"].as_str()), (3, Some("drill-lever")), "{refused}");
    std::fs::remove_file(&lever).unwrap();

    let held = hold(&demo, "auth-clock-skew").await;
    let sandbox = demo.path("sandbox");
    let (code, told) = demo.ask(&["sandbox", "fault", "kill", "inventory", "--dir", sandbox.to_str().unwrap()]);
    assert_eq!(code, 0, "{told}");
    is_aborted(&demo, held, "inventory is down, which the fault cannot reach").await;
}
