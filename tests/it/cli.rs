//! The real program as a script meets it: exit codes, one JSON document, nothing done that was not confirmed.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_codeblue");

pub struct Script {
    /// Everything of one test.
    pub folder: tempfile::TempDir,
}

/// An engine that is ended with its test, also when that fails.
pub struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Serving {
    pub fn terminate(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Script {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env("CODEBLUE_HOME", self.home()).env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        command.env_remove("CODEBLUE_AS");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    /// Runs with `--json`: one document and nothing else has to come.
    pub fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let (code, out, err) = self.run(&[arguments, &["--json"]].concat());
        let document = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}{err}"));
        (code, document)
    }

    /// The same with one line on its standard input.
    pub fn json_told(&self, arguments: &[&str], line: &str) -> (i32, Value) {
        let mut command = self.command(&[arguments, &["--json"]].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
        let Output { status, stdout, .. } = child.wait_with_output().unwrap();
        let document = serde_json::from_slice(&stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        (status.code().unwrap(), document)
    }

    pub fn serve(&self) -> Serving {
        let mut child = self.command(&["serve"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let serving = Serving(child);
        let mut before = Vec::new();
        while !before.last().is_some_and(|line: &String| line.contains("answers on")) {
            before.push(said.next().unwrap_or_else(|| panic!("it ended: {before:?}")).unwrap());
        }
        std::thread::spawn(move || said.for_each(drop));
        serving
    }
}

/// A low service whose code has two releases, so that a rollback runs at once, and a critical one that needs people.
pub fn platform(folder: &Path) -> String {
    let mut text = "[platform]\nname = \"Ward\"\nprofile = \"drill\"\n".to_owned();
    for (service, criticality) in [("labels", "low"), ("charts", "critical")] {
        let root = folder.join(service);
        for version in ["v1", "v2"] {
            let release = root.join("releases").join(version);
            std::fs::create_dir_all(&release).unwrap();
            std::fs::write(release.join("version"), version).unwrap();
        }
        symlink("releases/v1", root.join("current")).unwrap();
        text += &format!(
            r#"
[[service]]
name = "{service}"
criticality = "{criticality}"
[[service.check]]
every = "1s"
successes = 1
command = "true"
[[service.action]]
name = "rinse"
run = "true"
risk = "high"
[[component]]
name = "{service}-code"
service = "{service}"
kind = "code"
release = {{ root = "{}" }}
"#,
            root.display()
        );
    }
    text
}

#[test]
fn without_an_engine_every_command_says_so_and_how_to_get_one() {
    let script = Script::new();
    for arguments in [&["status"][..], &["incident", "list"], &["rollback", "--everything", "--reason", "r"]] {
        let (code, out, err) = script.run(arguments);
        assert_eq!((code, out.as_str()), (4, ""), "{arguments:?}: {err}");
        assert!(err.contains("codeblue serve"), "{err}");
    }
    let (code, document) = script.json(&["status"]);
    assert_eq!((code, document["error"]["code"].as_str()), (4, Some("no-engine")));
    assert_eq!(script.run(&["--host", "carrier-pigeon", "status"]).0, 2);
    assert_eq!(script.run(&["frobnicate"]).0, 2);
    let (code, _, err) = script.run(&[]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("a board needs a terminal") && err.contains("codeblue serve"), "{err}");
    assert_eq!(script.run(&["--read-only", "status"]).0, 2, "it is for the board alone");
    assert!(!script.home().exists(), "asking alone leaves nothing behind");
}

#[test]
fn a_home_is_begun_once_and_its_mistakes_are_told_with_their_lines() {
    let script = Script::new();
    assert_eq!(script.run(&["init"]).0, 0);
    assert_eq!(script.json(&["check"]).1["ok"], true);
    let file = script.home().join("codeblue.toml");
    let before = std::fs::read(&file).unwrap();
    assert_eq!(script.run(&["init"]).0, 1);
    assert_eq!(std::fs::read(&file).unwrap(), before);

    std::fs::write(&file, "[platform]\nnmae = \"Ward\"\n").unwrap();
    let (code, document) = script.json(&["check"]);
    assert_eq!((code, &document["ok"]), (2, &Value::Bool(false)));
    let problems = document["problems"].as_array().unwrap();
    assert!(problems.iter().any(|problem| problem["line"] == 2 && problem["nearest"] == "name"), "{document}");
    let (code, _, err) = script.run(&["serve"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("codeblue.toml:2"), "{err}");
}

#[test]
fn an_engine_is_driven_from_a_script_and_leaves_a_journal_that_verifies() {
    let script = Script::new();
    std::fs::create_dir_all(script.home()).unwrap();
    std::fs::write(script.home().join("codeblue.toml"), platform(script.folder.path())).unwrap();
    let mut engine = script.serve();
    let (code, _, err) = script.run(&["serve"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("another engine"), "{err}");

    nothing_dangerous_is_done_unasked(&script);
    let snapshot = a_snapshot_is_there_when_the_command_ends(&script);
    a_rollback_runs_and_can_be_waited_for(&script);
    what_people_must_decide_has_its_own_exit_code(&script);
    wait_for_a_good_snapshot_of_everything(&script);

    for arguments in [
        &["status"][..],
        &["status", "--full"],
        &["service", "list"],
        &["service", "show", "labels"],
        &["service", "show", "labels", "--window", "90d"],
        &["incident", "list"],
        &["snapshot", "list"],
        &["snapshot", "show", &snapshot],
        &["snapshot", "diff", &snapshot],
        &["snapshot", "verify", &snapshot],
        &["snapshot", "restic-env"],
        &["recovery", "list"],
        &["recovery", "show", "REC-1"],
        &["deploy", "list"],
        &["change", "list"],
        &["change", "show", "CHG-1"],
        &["action", "list"],
        &["automation", "show"],
        &["operator", "list"],
        &["audit", "list"],
        &["audit", "show", "1"],
        &["audit", "verify"],
        &["audit", "checkpoint"],
        &["audit", "prove", "1"],
        &["audit", "consistency", "1", "2"],
        &["test-recovery"],
        &["validate-integrity"],
        &["snapshot", "test-restore", &snapshot],
        &["snapshot", "prune"],
        &["create-snapshot", "--component", "labels-code"],
        &["disaster-recovery", "--dry-run", "--reason", "what if"],
        &["report", "recovery", "REC-1"],
        &["report", "recovery", "REC-1", "--format", "html"],
    ] {
        let (code, document) = script.json(arguments);
        assert_eq!(code, 0, "{arguments:?}: {document}");
        let (code, out, err) = script.run(arguments);
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
        assert!(!out.is_empty() && !out.contains('\x1b'), "{arguments:?}: {out}");
    }

    the_first_minute_of_an_emergency_is_one_command(&script);
    assert_eq!(engine.terminate(), Some(0));
    assert!(!script.home().join("run/engine.sock").exists());
    let (code, document) = script.json(&["audit", "verify"]);
    assert_eq!((code, &document["ok"], &document["problem"]), (0, &Value::Bool(true), &Value::Null));
    assert_eq!(script.run(&["status"]).0, 4);
}

fn wait_for_a_good_snapshot_of_everything(script: &Script) {
    let is_good = |component: &str| {
        let state = script.json(&["status", "--full"]).1;
        let snapshots = state["snapshots"].as_object().unwrap().values().cloned().collect::<Vec<_>>();
        snapshots
            .iter()
            .filter(|snapshot| snapshot["trigger"] != "safety")
            .flat_map(|snapshot| snapshot["captured"].as_array().unwrap())
            .any(|captured| captured["component"] == component && captured["good"] == Value::Bool(true))
    };
    let begun = std::time::Instant::now();
    while !["labels-code", "charts-code"].into_iter().all(is_good) {
        assert!(begun.elapsed().as_secs() < 60, "no good snapshot within a minute");
        assert_eq!(script.run(&["create-snapshot"]).0, 0);
    }
}

fn the_first_minute_of_an_emergency_is_one_command(script: &Script) {
    let (code, _, err) = script.run(&["snapshot", "replicate"]);
    assert_eq!(code, 3, "no replica is configured: {err}");
    let (code, answer) = script.json(&["emergency", "data-breach", "charts", "--reason", "a strange login"]);
    assert_eq!(code, 0, "{answer}");
    let happened: Vec<&str> =
        answer["events"].as_array().unwrap().iter().filter_map(|recorded| recorded["event"]["type"].as_str()).collect();
    for expected in ["incidentOpened", "automationHalted", "snapshotRequested"] {
        assert!(happened.contains(&expected), "{expected}: {happened:?}");
    }
    assert_eq!(script.run(&["emergency", "zombies"]).0, 2);
    let (code, _, next) = script.run(&["emergency", "system-failure", "--reason", "a drill of the first minute"]);
    assert_eq!(code, 0, "that the book asks for services of another platform keeps nothing from being done: {next}");
    assert!(next.contains("next: codeblue runbook run RB-01 --incident INC-") && next.contains("records-db"), "{next}");
    assert_eq!(script.run(&["disaster-recovery", "--reason", "no terminal and no --confirm"]).0, 2);
}

fn live(script: &Script, service: &str) -> String {
    std::fs::read_to_string(script.folder.path().join(service).join("current/version")).unwrap()
}

fn nothing_dangerous_is_done_unasked(script: &Script) {
    let rollback = ["rollback", "--service", "labels", "--to", "v2", "--reason", "practice"];
    let with = |more: &[&str]| script.run(&[&rollback[..], more].concat());
    let before = script.json(&["status", "--full"]).1["recoveries"].clone();
    let (code, _, err) = with(&[]);
    assert_eq!(code, 2);
    assert!(err.contains("--confirm labels"), "{err}");
    assert_eq!(with(&["--confirm", "label"]).0, 2);
    let (code, out, _) = with(&["--dry-run"]);
    assert_eq!(code, 0);
    assert!(out.contains("labels-code") && out.contains("risk"), "{out}");
    assert_eq!(script.run(&["action", "run", "labels", "rinse"]).0, 2);
    assert_eq!(live(script, "labels"), "v1");
    assert_eq!(script.json(&["status", "--full"]).1["recoveries"], before);
}

/// Of one component: the first scheduled snapshot, of all of them, may still be under way.
fn a_snapshot_is_there_when_the_command_ends(script: &Script) -> String {
    let (code, document) = script.json(&["snapshot", "create", "--component", "labels-code", "--reason", "before"]);
    assert_eq!((code, &document["state"]["state"]), (0, &Value::from("complete")), "{document}");
    document["id"].as_str().unwrap().to_owned()
}

fn a_rollback_runs_and_can_be_waited_for(script: &Script) {
    let rollback = ["rollback", "--service", "labels", "--to", "v2", "--reason", "practice", "--confirm", "labels"];
    let (code, document) = script.json(&[&rollback[..], &["--wait"]].concat());
    assert_eq!(code, 0, "{document}");
    assert_eq!(document["ended"][1], "succeeded");
    assert_eq!(live(script, "labels"), "v2");

    let id = document["id"].as_str().unwrap();
    let (code, _, err) = script.run(&["recovery", "undo", id, "--reason", "enough", "--confirm", id, "--wait"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(live(script, "labels"), "v1");

    let (code, document) = script.json(&["rollback", "--service", "nobody", "--reason", "r", "--dry-run"]);
    assert_eq!((code, document["error"]["code"].as_str()), (3, Some("unknown-service")));
}

fn what_people_must_decide_has_its_own_exit_code(script: &Script) {
    let rollback =
        ["rollback", "--component", "charts-code", "--to", "v2", "--reason", "r", "--confirm", "charts-code"];
    let (code, document) = script.json(&rollback);
    assert_eq!(code, 10, "{document}");
    let events = document["events"].as_array().unwrap();
    let change = events.iter().find_map(|event| event["event"]["change"].as_str()).unwrap().to_owned();
    assert_eq!(script.run(&["change", "approve", &change]).0, 2, "nobody is there to look at the plan");
    let (_, shown) = script.json(&["change", "show", &change]);
    let (code, document) = script.json(&["change", "approve", &change, "--plan", shown["planHash"].as_str().unwrap()]);
    assert_eq!((code, document["error"]["code"].as_str()), (3, Some("own-change")));

    let login = own_login(script);
    assert_eq!(script.run(&["operator", "add", "carol", "--role", "cto", "--login", &login]).0, 0);
    let (code, document) = script.json(&["--as", "carol", "change", "reject", &change, "--reason", "not now"]);
    assert_eq!(code, 0, "{document}");
    assert_eq!(live(script, "charts"), "v1");
}

fn own_login(script: &Script) -> String {
    let (_, operators) = script.json(&["operator", "list"]);
    operators[0]["login"].as_str().unwrap().to_owned()
}

#[test]
fn a_reader_that_has_gone_is_no_reason_to_panic() {
    let script = Script::new();
    let mut child =
        script.command(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
