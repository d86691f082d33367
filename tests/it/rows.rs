//! Rows that may never change: from the first look, over a restart of the engine, to the snapshot that brings them back.

use std::time::Duration;

use codeblue::domain::{Actor, Command, RecoveryOutcome, RollbackRequest, RollbackTarget, Scope, Status};

use crate::served::{Bed, Served, newest, settled};

const ROWS: &str = r#"[[service.check]]
name = "charts"
level = "deep"
rows = { component = "records", table = "chart" }
every = "100ms"
failures = 2
successes = 1
"#;

/// The platform of the bed, where the charts may never change.
async fn bed() -> Bed {
    let bed = Bed::new("drill").await;
    let file = bed.home.platform_file();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("[[service.check]]", &format!("{ROWS}[[service.check]]"), 1)).unwrap();
    bed
}

/// Waits until the check says this.
async fn told(served: &Served, what: &str) {
    let mut samples = served.handle().subscribe_samples();
    let mut last = String::new();
    let wait = async {
        loop {
            let batch = samples.recv().await.unwrap();
            for sample in batch.iter().filter(|sample| sample.check == "charts") {
                last.clone_from(&sample.detail);
                if last.starts_with(what) {
                    return;
                }
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), wait).await.is_ok();
    assert!(in_time, "{last} is not {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_while_nobody_looked_is_seen_and_its_snapshot_brings_it_back() {
    let served = Served::of(bed().await).await;
    told(&served, "1 row as they were").await;
    let captured =
        served.until("captured", |state| settled(state) && state.last_good_snapshot("records", None).is_some()).await;
    let (snapshot, _) = newest(&captured, "records");
    served.bed.database().execute("INSERT INTO chart VALUES (2, 'second')", []).unwrap();
    told(&served, "2 rows as they were").await;
    let bed = served.stop().await;

    bed.database().execute("UPDATE chart SET text = '10 mg' WHERE id = 1", []).unwrap();
    let served = Served::of(bed).await;
    let state = served.until("down", |state| state.services["desk"].status == Status::Down).await;
    let reason = &state.services["desk"].reason;
    assert!(reason.starts_with("charts: row 1 changed in chart since "), "{reason}");
    assert!(reason.contains(" UTC") && !reason.contains("[NUMBER]"), "when it was right is told: {reason}");

    let request = RollbackRequest {
        scope: Scope::Components(vec!["records".to_owned()]),
        to: Some(RollbackTarget::Snapshot(snapshot)),
        reason: "a chart was changed".to_owned(),
        incident: None,
    };
    served.handle().submit(Command::RequestRollback(request), Actor::Operator("alice".to_owned())).await.unwrap();
    let state = served
        .until("brought back", |state| {
            state.recoveries.values().any(|recovery| !recovery.is_running())
                && state.services["desk"].status == Status::Healthy
        })
        .await;
    let recovery = state.recoveries.values().next().unwrap();
    assert_eq!(recovery.ended.unwrap().1, RecoveryOutcome::Succeeded, "{}", recovery.summary);
    let text: String = served.bed.database().query_row("SELECT text FROM chart", [], |row| row.get(0)).unwrap();
    assert_eq!(text, "first", "the second chart is newer than the snapshot");
    // What was newer is forgotten, so that its number may be given again.
    served.bed.database().execute("INSERT INTO chart VALUES (2, 'another')", []).unwrap();
    told(&served, "2 rows as they were").await;
    served.stop().await;
}
