//! What is to come, asked of an engine: foretold from what was measured, shown everywhere, and nobody is woken.

use std::{io::Write, process::Command, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    domain::Status,
    engine::{Engine, SystemClock},
    platform::{CheckLevel, Measure, Quantity, Reading, Sample},
    store::SampleStore,
};
use serde_json::Value;

use crate::served::{Bed, Served};

/// Ten days in which a disk filled by three percent a day, up to 92.5 % now, from the sample store of an earlier run.
fn filling(bed: &Bed, now: DateTime<Utc>) {
    std::fs::create_dir_all(bed.home.data()).unwrap();
    let sample = |hours: i32| Sample {
        service: "desk".to_owned(),
        check: "records-disk".to_owned(),
        level: CheckLevel::Comprehensive,
        at: now - TimeDelta::hours(hours.into()),
        reading: Reading::Good,
        latency: Duration::from_millis(1),
        detail: "used".to_owned(),
        measured: Some(Measure { quantity: Quantity::Disk, value: 92.5 - f64::from(hours) / 8.0 }),
    };
    let samples: Vec<Sample> = (0..240).rev().map(sample).collect();
    let mut store = SampleStore::open(&bed.home.samples()).unwrap();
    store.append(&samples, |_| Status::Healthy).unwrap();
    store.roll_up(now, |_| None).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_be_used_up_is_foretold_by_command_and_api_and_wakes_nobody() {
    let bed = Bed::new("drill").await;
    let mut platform = std::fs::OpenOptions::new().append(true).open(bed.home.platform_file()).unwrap();
    let check = "[[service.check]]\nlevel = \"comprehensive\"\nname = \"host-disk\"\nevery = \"100ms\"\nhost = { resource = \"disk\", path = \"/\", above = 100 }\n";
    platform.write_all(check.as_bytes()).unwrap();
    let now = Utc::now();
    filling(&bed, now);
    let engine = Engine::start(&bed.home, Arc::new(SystemClock)).await.unwrap();
    let served = Served::on(bed, engine);
    let subjects = |over: &Value| -> Vec<String> {
        let ahead = over["ahead"].as_array().unwrap().iter();
        ahead.map(|one| format!("{} of {}", one["subject"], one["check"]).replace('"', "")).collect()
    };
    let history = "/api/v1/services/desk/history?window=24h";
    let begun = std::time::Instant::now();
    let over = loop {
        let over = served.get(history).await;
        if subjects(&over).contains(&"disk of host-disk".to_owned()) {
            break over;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is foretold: {over}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let ahead = &over["ahead"][0];
    assert_eq!(
        (&ahead["subject"], &ahead["check"], &ahead["outlook"]),
        (&"disk".into(), &"records-disk".into(), &"runs-out".into()),
        "{over}"
    );
    let at: DateTime<Utc> = ahead["at"].as_str().unwrap().parse().unwrap();
    // 7.5 percent are left, three of which are used in a day.
    assert!((at - now - TimeDelta::hours(60)).num_hours().abs() <= 14, "{ahead}");
    assert_eq!(ahead["value"], 92.5);
    assert!((ahead["perDay"].as_f64().unwrap() - 3.0).abs() < 0.1 && ahead["near"] == true, "{ahead}");

    let run = |json: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codeblue"));
        command.args(["service", "show", "desk"]).env("CODEBLUE_HOME", served.bed.path("home"));
        command.env("CODEBLUE_AS", "vic").args(json.then_some("--json"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let document: Value = serde_json::from_str(&run(true)).unwrap();
    assert_eq!(document["figures"]["ahead"][0]["outlook"], "runs-out");
    let page = run(false);
    let line = page.lines().find(|line| line.starts_with("▲ disk")).unwrap_or_else(|| panic!("{page}"));
    assert!(line.contains("records-disk") && line.contains("used up in ") && line.contains("+3.0 % a day"), "{page}");
    assert!(page.contains("not enough data yet: disk (host-disk)"), "{page}");

    assert!(served.handle().state().incidents.is_empty(), "a forecast wakes nobody");
    served.stop().await;
}
