//! Drills by the real program on a real demo: those who know what to do come out above those who panic, are wrong, or do nothing; a
//! kill in mid-fault leaves a sandbox that heals and a drill that is told as interrupted.
//!
//! `CODEBLUE_TEST_SEEDS=5` holds every drill with so many seeds, played perfectly, instead of three drills with one, and has the four ways to
//! play on three drills of different kind instead of one; `CODEBLUE_TEST_DRILLS=ai-slow,wrong-dose` holds those alone. Each prints a row: when it
//! was noticed, what the first diagnosis named, and what the engine did not do.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_codeblue");
const PATIENCE: Duration = Duration::from_secs(120);

/// A demo without a board, as a process of its own.
struct Demo {
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Demo {
    fn start() -> Self {
        let mut demo = Self { folder: tempfile::tempdir().unwrap(), process: None };
        demo.begin();
        demo
    }

    fn begin(&mut self) {
        let mut command = Command::new(PROGRAM);
        command.args(["demo", "--headless", "--dir"]).arg(self.folder.path());
        // The pointer to the running demo lies in the home of whoever starts it.
        command.env("CODEBLUE_HOME", self.folder.path().join("own")).env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        self.process = Some(command.spawn().unwrap());
        self.until("everything is well and captured", Self::is_steady);
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn sandbox(&self) -> PathBuf {
        self.folder.path().join("sandbox")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(["--json", "--as", "alice"]).args(arguments);
        command.env("CODEBLUE_HOME", self.home()).env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        command
    }

    /// What a command answers, and its exit code.
    fn ask(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.command(arguments).output().unwrap();
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr));
        });
        (output.status.code().unwrap(), answer)
    }

    fn until(&self, what: &str, wished: impl Fn(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !wished(self) {
            assert!(Instant::now() < until, "never happened: {what}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Whether a drill may begin, and what it breaks could be brought back.
    fn is_steady(&self) -> bool {
        let output = self.command(&["status"]).output().unwrap();
        let Ok(status) = serde_json::from_slice::<Value>(&output.stdout) else { return false };
        status["health"]["overall"] == "healthy" && status["activeIncidents"] == 0 && self.has_snapshots()
    }

    /// The number of the last event.
    fn head(&self) -> u64 {
        self.ask(&["audit", "list", "--limit", "1"]).1[0]["seq"].as_u64().unwrap()
    }

    /// What the engine did in a drill that was held after an event: when something was noticed, the first diagnosis that names a
    /// cause, and what it did not pass.
    fn row(&self, since: u64, score: &Value) -> String {
        let (_, events) = self.ask(&["audit", "list", "--since", &since.to_string(), "--limit", "5000"]);
        let events = events.as_array().unwrap();
        let of = |kind: &'static str| events.iter().filter(move |one| one["event"]["type"] == kind);
        let time = |text: &Value| text.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        let injected = of("drillEnded").find_map(|one| time(&one["event"]["reveal"]["injectedAt"]));
        let after = |one: &Value| time(&one["at"]).zip(injected).map(|(at, since)| (at - since).as_seconds_f64());
        let noticed = of("incidentOpened").filter_map(after).find(|seconds| *seconds >= 0.0);
        let sure = |one: &&Value| one["event"]["document"]["rootCause"]["confidence"].as_f64() > Some(0.0);
        let named = of("diagnosisConcluded").filter(|one| after(one) >= Some(0.0)).find(sure).map(|one| {
            let found = &one["event"]["document"];
            let (service, cause) = (&found["rootCause"]["service"], &found["rootCauseCategory"]);
            format!(
                "{service} {cause} {} after {:.1} s",
                found["rootCause"]["confidence"],
                after(one).unwrap_or(f64::NAN)
            )
        });
        let failed: Vec<&str> = score["system"]["probes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|probe| probe["passed"] == false)
            .map(|probe| probe["what"].as_str().unwrap())
            .collect();
        let noticed = noticed.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.1} s"));
        let named = named.unwrap_or_else(|| "nothing".to_owned());
        format!("engine {} %, noticed {noticed}, named {named}, failed {failed:?}", score["system"]["percent"])
    }

    fn has_snapshots(&self) -> bool {
        let (code, snapshots) = self.ask(&["snapshot", "list"]);
        code == 0 && snapshots.as_array().is_some_and(|all| all.iter().any(|one| one["state"]["state"] == "complete"))
    }

    /// Holds a drill; its score.
    fn hold(&self, arguments: &[&str]) -> Value {
        self.until("the system is steady", Self::is_steady);
        let (code, score) = self.ask(&[&["drill", "run"], arguments].concat());
        assert_eq!(code, 0, "{arguments:?}: {score}");
        let again = self.ask(&["drill", "score", score["drill"].as_str().unwrap()]).1;
        assert_eq!(again, score, "the same journal gives the same score");
        score
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let pid = rustix::process::Pid::from_child(&process);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = process.wait();
        }
    }
}

fn total(score: &Value) -> u64 {
    score["total"].as_u64().unwrap()
}

fn seeds() -> Option<u64> {
    std::env::var("CODEBLUE_TEST_SEEDS").ok()?.parse().ok()
}

#[test]
fn who_knows_comes_before_who_panics_before_who_is_wrong_before_who_does_nothing() {
    let demo = Demo::start();
    let drills = ["pool-exhaustion", "auth-clock-skew", "ai-model-missing"];
    for drill in &drills[..if seeds().is_some() { drills.len() } else { 1 }] {
        let held = ["perfect", "panicky", "wrong", "idle"].map(|play| {
            let limit = if matches!(play, "wrong" | "idle") { "40s" } else { "4m" };
            demo.hold(&[drill, "--seed", "3", "--unattended", play, "--limit", limit])
        });
        let totals: Vec<u64> = held.iter().map(total).collect();
        println!("{drill}: perfect, panicky, wrong, idle: {totals:?}");
        assert!(totals[0] >= 90, "{:#}", held[0]);
        assert!(totals.is_sorted_by(|one, next| one > next), "{totals:?}: {held:#?}");
    }

    let alarm = |play: &str| {
        let score = demo.hold(&[
            "pool-exhaustion",
            "--mode",
            "false-alarm",
            "--seed",
            "4",
            "--unattended",
            play,
            "--limit",
            "25s",
        ]);
        total(&score)
    };
    assert_eq!([alarm("idle"), alarm("perfect")], [100, 100]);
    assert!(alarm("panicky") <= 75);

    let (_, report) = demo.ask(&["drill", "report", "DRILL-1"]);
    assert_eq!(report["commitmentHolds"], true, "{report:#}");
    let (_, cells) = demo.ask(&["drill", "heatmap"]);
    let cell = |scenario: &str| {
        let found = cells
            .as_array()
            .unwrap()
            .iter()
            .find(|cell| cell["service"] == "records-db" && cell["scenario"] == scenario);
        found.unwrap()["level"].clone()
    };
    assert_eq!(
        (cell("database"), cell("performance")),
        ("paper".into(), "paper".into()),
        "what is played shows nothing"
    );
}

#[test]
fn drills_are_held_to_their_end_by_who_knows_what_to_do() {
    let demo = Demo::start();
    let (_, all) = demo.ask(&["drill", "list"]);
    let all: Vec<String> =
        all.as_array().unwrap().iter().map(|drill| drill["id"].as_str().unwrap().to_owned()).collect();
    let few = ["wrong-dose", "lock-holder", "health-information-in-logs"].map(str::to_owned);
    let chosen = std::env::var("CODEBLUE_TEST_DRILLS").ok();
    let chosen = chosen.map(|names| names.split(',').map(str::to_owned).collect());
    let drills = chosen.unwrap_or(if seeds().is_some() { all } else { few.to_vec() });
    let mut low = Vec::new();
    for drill in &drills {
        for seed in 1..=seeds().unwrap_or(1) {
            demo.until("the system is steady", Demo::is_steady);
            let since = demo.head();
            let score = demo.hold(&[drill, "--seed", &seed.to_string(), "--unattended", "perfect", "--limit", "5m"]);
            let parts: Vec<String> =
                score["parts"].as_array().unwrap().iter().map(|part| part["points"].to_string()).collect();
            println!("{drill} seed {seed}: {} ({}), {}", score["total"], parts.join(" "), demo.row(since, &score));
            if total(&score) < 85 {
                low.push(format!("{drill} seed {seed}: {score:#}"));
            }
        }
    }
    assert!(low.is_empty(), "{}", low.join("\n"));
}

fn faults(sandbox: &Path) -> usize {
    std::fs::read_dir(sandbox.join("faults")).map_or(0, |entries| entries.flatten().count())
}

#[test]
fn after_a_kill_of_everything_the_sandbox_heals_and_the_drill_was_interrupted() {
    let mut demo = Demo::start();
    let mut holding = demo.command(&["drill", "run", "wrong-dose", "--seed", "1"]);
    let mut holding = holding.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    demo.until("the fault is in force", |demo| faults(&demo.sandbox()) > 1);
    holding.kill().unwrap();
    holding.wait().unwrap();
    let mut process = demo.process.take().unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(faults(&demo.sandbox()) > 0, "what undoes it is on the disk");
    let sandbox = demo.sandbox();
    let healed = demo.ask(&["sandbox", "heal", "--dir", sandbox.to_str().unwrap()]);
    assert_eq!(healed.0, 0, "{}", healed.1);
    assert_eq!(faults(&sandbox), 0);
    demo.begin();
    let (_, held) = demo.ask(&["drill", "held"]);
    assert_eq!(held["DRILL-1"]["ended"]["outcome"], "interrupted", "{held:#}");
    let (code, refused) = demo.ask(&["drill", "score", "DRILL-1"]);
    assert_eq!((code, refused["error"]["code"].as_str()), (3, Some("no-score")));
    let lever = demo.folder.path().join("home/data/stop-drills");
    std::fs::write(&lever, "").unwrap();
    let (code, refused) = demo.ask(&["drill", "run", "wrong-dose"]);
    assert_eq!((code, refused["error"]["code"].as_str()), (3, Some("drill-lever")), "{refused}");
}
