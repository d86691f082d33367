//! Identifiers and secrets that come in by every way there is, into the real program: none is in what it keeps, logs, shows, or sends.

use std::{
    collections::BTreeSet,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::response::IntoResponse;
use codeblue::{
    client::Client,
    domain::{Command, DiagnosisState, ErrorEvent, Findings, IncidentId, Message, Severity, SnapshotTrigger, State},
    engine::ErrorBatch,
};
use serde_json::json;

use crate::{
    cli::Script,
    model_server::{ModelServer, Scene, opinion, whole},
    records::{self, Kind, Record},
    terminal::Terminal,
};

const KEY: &str = "sk-planted-key-4711";
const CHARTS: &str = "charts";
const PATIENCE: Duration = Duration::from_secs(60);

/// Records of every keyed format, and the values in them that are long enough not to be anywhere by chance.
fn planted() -> (Vec<Record>, BTreeSet<String>) {
    let mut all = records::records(records::SEEN, Kind::Keyed, 2, 20);
    all.extend(records::records(records::HELD, Kind::Keyed, 2, 21));
    let values =
        all.iter().flat_map(|record| record.planted.iter().map(|&(_, _, start, end)| &record.text[start..end]));
    let values = values.filter(|value| value.chars().count() >= 6).map(str::to_owned).collect();
    (all, values)
}

/// A program that says something on both outputs and fails.
fn program(path: &Path, says: &str) -> PathBuf {
    std::fs::write(path.with_extension("txt"), says).unwrap();
    let text = path.with_extension("txt");
    std::fs::write(path, format!("#!/bin/sh\ncat '{0}'\ncat '{0}' >&2\nexit 1\n", text.display())).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path.to_owned()
}

/// A service that breaks and says too much by every way it has.
fn platform(script: &Script, model: &str, record: impl Fn(usize) -> String) {
    let at = |name: &str| script.folder.path().join(name);
    std::fs::create_dir_all(script.home()).unwrap();
    std::fs::create_dir_all(at("papers")).unwrap();
    std::fs::write(at("papers/letter"), (0..40).map(|place| record(place) + "\n").collect::<String>()).unwrap();
    std::fs::write(at("key"), KEY).unwrap();
    let me = crate::served::me();
    let text = format!(
        r#"
[platform]
name = "Ward"
profile = "drill"
[model]
url = "{model}"
name = "ward-7b"
key = {{ file = "{key}" }}
within = "5s"
[[service]]
name = "{CHARTS}"
criticality = "low"
logs = ["{log}"]
[[service.check]]
level = "shallow"
command = "{check}"
every = "200ms"
failures = 2
[[service.check]]
level = "shallow"
heartbeat = {{ within = "10m" }}
every = "200ms"
[[service.action]]
name = "rinse"
run = "{rinse}"
risk = "low"
[[component]]
name = "papers"
service = "{CHARTS}"
kind = "data"
every = "1h"
files = {{ paths = ["{papers}"] }}
[[component]]
name = "queue"
service = "{CHARTS}"
kind = "data"
every = "1h"
command = {{ capture = "{capture}", restore = "true", verify = "true", observe = "true", dry_run = "true" }}
[[operator]]
name = "alice"
roles = ["technical-lead"]
login = "{me}"
"#,
        key = at("key").display(),
        log = at("charts.log").display(),
        check = program(&at("check"), &record(0)).display(),
        rinse = program(&at("rinse"), &record(1)).display(),
        capture = program(&at("capture"), &record(2)).display(),
        papers = at("papers").display(),
    );
    std::fs::write(script.home().join("codeblue.toml"), text).unwrap();
}

pub async fn until(client: &Client, what: &str, wished: impl Fn(&State) -> bool) -> Arc<State> {
    let start = Instant::now();
    loop {
        let state = client.state().await.unwrap();
        if wished(&state) {
            return Arc::new(state);
        }
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Everything that people and programs can write.
async fn write_everything(client: &Client, texts: &[String]) {
    let incident = IncidentId(1);
    let text = |place: usize| texts[place % texts.len()].clone();
    for text in texts {
        client.submit(&Command::NoteIncident { incident, text: text.clone() }).await.unwrap();
    }
    let errors = texts.iter().map(|text| ErrorEvent {
        service: CHARTS.to_owned(),
        message: text.clone(),
        stack: Some(format!("at Chart.load({text})")),
        ..ErrorEvent::default()
    });
    client.report_errors(&ErrorBatch { errors: errors.collect(), requests: Default::default() }).await.unwrap();
    for place in 0..4 {
        client.beat(CHARTS, false, &text(3 * place)).await.unwrap();
    }
    let said = Message { text: text(0), conditions: Some(text(1)), actions: Some(text(2)), needs: Some(text(3)) };
    let findings = Findings { well: vec![text(5)], badly: vec![text(6)], lucky: vec![text(7)], lessons: vec![text(8)] };
    let papers = vec!["papers".to_owned()];
    for command in [
        Command::DeclareIncident { severity: Severity::Sev4, title: text(4), services: Vec::new() },
        Command::UpdateStakeholders { incident, message: said },
        Command::WritePostMortem { incident, findings },
        Command::RequestSnapshot { components: papers, trigger: SnapshotTrigger::OnDemand, reason: text(9) },
        Command::RequestAction {
            service: CHARTS.to_owned(),
            action: "rinse".to_owned(),
            incident: Some(incident),
            reason: text(10),
        },
    ] {
        // A text may be too long for its field; what is refused is not kept, but it may be logged.
        let _ = client.submit(&command).await;
    }
}

/// Lines as a program sends them.
async fn push(script: &Script, texts: &[String]) {
    let socket = codeblue::engine::Home::at(&script.home()).socket();
    let http = reqwest::Client::builder().unix_socket(socket).tls_certs_only([]).no_proxy().build().unwrap();
    let lines: String = texts.iter().map(|text| format!("ERROR {text}\n")).collect();
    let sent = http.post(format!("http://engine/api/v1/logs?service={CHARTS}")).header("content-type", "text/plain");
    let answer = sent.header(codeblue::engine::AS_HEADER, "alice").body(lines).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.is_file())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_planted_identifier_or_secret_is_kept_logged_shown_or_sent() {
    let (records, values) = planted();
    let texts: Vec<String> = records.iter().map(|record| record.text.clone()).collect();
    assert!(values.len() > 300, "{} values", values.len());
    let model = ModelServer::play(|_, asked| {
        // A model that says again whatever it was told.
        let mut said = opinion(Some("C1"), &["E1"], 0.8);
        said["explanation"] = json!(asked.prompt());
        match whole(&said.to_string(), "stop") {
            Scene::Answer(response) => Scene::Answer(response.into_response()),
            other => other,
        }
    })
    .await;
    let script = Script::new();
    platform(&script, &model.url, |place| texts[(7 * place) % texts.len()].clone());
    let log = script.folder.path().join("charts.log");
    let lines = texts.iter().map(|text| format!("{} ERROR {text}\n", chrono::Utc::now().to_rfc3339()));
    std::fs::write(&log, lines.collect::<String>()).unwrap();

    let mut engine = script.serve();
    let client = Client::unix(&codeblue::engine::Home::at(&script.home()).socket(), Some("alice".to_owned())).unwrap();
    let over =
        |state: &State| state.diagnoses.values().any(|found| matches!(found.state, DiagnosisState::Concluded { .. }));
    let state = until(&client, "diagnosed", over).await;
    let heard = state.diagnoses.values().find_map(|found| found.document()?.second_opinion.clone());
    write_everything(&client, &texts).await;
    push(&script, &texts).await;
    until(&client, "the action has ended", |state| {
        !state.recoveries.is_empty() && state.running_recoveries().next().is_none()
    })
    .await;
    until(&client, "captured", |state| state.snapshots.values().any(|found| !found.captured.is_empty())).await;

    let mut shown: Vec<(String, Vec<u8>)> = Vec::new();
    for arguments in [
        &["status"][..],
        &["incident", "show", "INC-1"],
        &["diagnose", "INC-1", "--last"],
        &["diagnose", "INC-1", "--last", "--prompt"],
        &["report", "postmortem", "INC-1"],
        &["recovery", "show", "REC-1"],
        &["snapshot", "list"],
        &["audit", "list"],
        &["patterns"],
        &["knowledge", "search", "chart"],
    ] {
        let (_, out, err) = script.run(arguments);
        shown.push((arguments.join(" "), (out + &err).into_bytes()));
        let (_, out, err) = script.run(&[arguments, &["--json"]].concat());
        shown.push((format!("{} --json", arguments.join(" ")), (out + &err).into_bytes()));
    }
    for seen in client.patterns(None, 2_000).await.expect("there are patterns") {
        let told = client.pattern(&seen.id).await.expect("it is known");
        let text = serde_json::to_vec(&told).expect("it is data");
        shown.push((format!("the pattern {}", seen.id), text));
    }
    let mut board = Terminal::run(&[], &script.home());
    board.until("1 Services");
    // Whichever comes first, both incidents are looked at.
    for keys in ["2", "2\x1b[B"] {
        board.press(keys);
        // A page that has just changed takes no Enter yet: it may have been meant for the one before.
        std::thread::sleep(Duration::from_millis(300));
        board.press("\r");
        board.until("Timeline");
        board.press("\x1b");
        board.until("1 Services");
    }
    board.press("1\r");
    board.until("▸ charts");
    board.press("\x1b");
    board.until("1 Services");
    // What the logs say, and one pattern with its examples.
    board.press("O");
    board.until("bars: the last");
    board.press("\r");
    board.until("Lately");
    board.press("\x1b");
    board.until("bars: the last");
    board.press("\x1b");
    board.until("1 Services");
    board.press("q");
    assert_eq!(board.ended(), 0);
    shown.push(("the board".to_owned(), board.bytes()));
    assert_eq!(engine.terminate(), Some(0));

    assert!(!model.asked().is_empty(), "{heard:?}");
    shown.extend(
        model.asked().iter().map(|asked| ("what the model was sent".to_owned(), asked.text.clone().into_bytes())),
    );
    let kept =
        files(&script.home()).into_iter().map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()));
    let mut leaks: Vec<String> = Vec::new();
    let mut looked_at = 0;
    for (place, bytes) in kept.chain(shown) {
        looked_at += bytes.len();
        let text = String::from_utf8_lossy(&bytes);
        let found = values.iter().map(String::as_str).chain([KEY]).filter(|value| text.contains(*value));
        leaks.extend(found.map(|value| format!("{value:?} is in {place}")));
    }
    assert!(looked_at > 100_000, "only {looked_at} bytes were looked at");
    assert!(leaks.is_empty(), "{} leaks of {} values:\n{}", leaks.len(), values.len(), leaks.join("\n"));
}
