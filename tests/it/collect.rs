//! Logs that are collected all the time: by a real engine from real files, and sent to its socket.

use std::{io::Write, path::Path, sync::Arc, time::Duration};

use codeblue::{
    api::serve,
    domain::{DiagnosisState, State, Status},
    engine::{Engine, EngineHandle, SystemClock},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    outage::{Platform, switch, until},
    served::{Bed, Served},
};

/// A bed whose service writes a log.
async fn logged() -> Bed {
    let bed = Bed::new("drill").await;
    let file = bed.home.platform_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let log = format!("[[service.log]]\nfile = \"{}\"\n[[service.check]]", bed.path("desk*.log").display());
    std::fs::write(&file, text.replacen("[[service.check]]", &log, 1)).unwrap();
    bed
}

fn append(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// The newest lines of the desk, once there are so many of them.
async fn lines(served: &Served, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..600 {
        let answer = served.get("/api/v1/logs/desk").await;
        found = answer.as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect();
        if found.len() >= count {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{count} lines never came: {found:?}");
}

/// What the program says to this engine's people.
fn run(served: &Served, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_codeblue"));
    let output = command.args(arguments).env("CODEBLUE_HOME", served.bed.path("home")).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn now(handle: &EngineHandle) -> String {
    handle.now().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_followed_redacted_and_read_on_by_the_next_engine() {
    let bed = logged().await;
    let log = bed.path("desk.log");
    append(&log, "2026-01-01T00:00:00Z INFO opened\n2026-01-01T00:00:01Z WARN mail of jane.doe@clinic.org is full\n");
    let served = Served::of(bed).await;
    assert_eq!(lines(&served, 2).await, ["opened", "mail of [EMAIL] is full"]);
    std::fs::rename(&log, served.bed.path("desk.log.1")).unwrap();
    append(&log, "2026-01-01T00:00:02Z INFO renamed\n");
    assert_eq!(lines(&served, 3).await[2], "renamed");
    let figures = served.get("/api/v1/logs").await;
    assert_eq!((&figures[0]["service"], &figures[0]["lines"]), (&json!("desk"), &json!(3)), "{figures}");
    let bed = served.stop().await;
    let kept = std::fs::read_to_string(bed.home.log_places()).unwrap();
    assert!(!kept.contains("opened") && kept.contains("desk.log"), "{kept}");
    append(&log, "2026-01-01T00:00:03Z INFO while nobody looked\n");
    let served = Served::of(bed).await;
    let found = lines(&served, 2).await;
    assert_eq!(found, ["renamed", "while nobody looked"], "the last ones are known again");
    let figures = served.get("/api/v1/logs").await;
    assert_eq!(figures[0]["lines"], 1, "and are not counted again: {figures}");
    let patterns = served.get("/api/v1/patterns?service=desk").await;
    let of = |template: &str| patterns.as_array().unwrap().iter().find(|seen| seen["template"] == template).cloned();
    assert_eq!(of("opened").unwrap()["count"], 1, "what was seen before is known: {patterns}");
    assert_eq!(of("renamed").unwrap()["count"], 1, "{patterns}");
    let told = run(&served, &["patterns", "--service", "desk"]);
    assert!(
        told.contains("while nobody looked") && told.contains(of("opened").unwrap()["id"].as_str().unwrap()),
        "{told}"
    );
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_sent_are_taken_in_each_form_and_what_is_wrong_is_told() {
    let served = Served::of(logged().await).await;
    let send = async |kind: &str, path: &str, body: Vec<u8>, packed: bool| {
        let mut request = served.raw().post(format!("http://engine{path}")).header("content-type", kind).body(body);
        if packed {
            request = request.header("content-encoding", "gzip");
        }
        let response = request.send().await.unwrap();
        let (status, again) = (response.status(), response.headers().contains_key("retry-after"));
        (status, serde_json::from_str::<Value>(&response.text().await.unwrap()).unwrap(), again)
    };
    let desk = "/api/v1/logs?service=desk";
    let (status, answer, _) =
        send("text/plain", desk, b"ERROR printer of jane.doe@clinic.org jams\n".to_vec(), false).await;
    assert_eq!((status, &answer["taken"]), (StatusCode::OK, &json!(1)), "{answer}");
    let body = br#"{"service":"desk","level":"error","msg":"paper is out"}"#.to_vec();
    assert_eq!(send("application/x-ndjson", "/api/v1/logs", body, false).await.0, StatusCode::OK);
    let telemetry = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"desk"}}]},
        "scopeLogs":[{"logRecords":[{"severityNumber":17,"body":{"stringValue":"toner is low"}}]}]}]}"#;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(telemetry.as_bytes()).unwrap();
    let (status, answer, _) = send("application/json", "/v1/logs", packed.finish().unwrap(), true).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({})));
    let mut found = lines(&served, 3).await;
    found.sort();
    assert_eq!(found, ["paper is out", "printer of [EMAIL] jams", "toner is low"]);

    let (status, answer, _) = send("application/x-protobuf", "/v1/logs", vec![1], false).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(answer["error"]["hint"].as_str().unwrap().contains("http/json"), "{answer}");
    let unknown = "/api/v1/logs?service=desc";
    assert_eq!(send("text/plain", unknown, b"x\n".to_vec(), false).await.0, StatusCode::NOT_FOUND);
    assert_eq!(send("text/plain", "/api/v1/logs", b"x\n".to_vec(), false).await.0, StatusCode::CONFLICT);
    assert_eq!(send("application/json", "/v1/logs", b"{}".to_vec(), false).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(send("text/plain", desk, vec![b'x'; (1 << 20) + 1], false).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b'\n'; 20 << 20]).unwrap();
    let (status, ..) = send("text/plain", desk, bomb.finish().unwrap(), true).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, answer) = served.call("vic", Method::POST, desk, Some("{}")).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "who may only look sends nothing: {answer}");
    let many = "INFO one of many\n".repeat(9_000).into_bytes();
    let mut full = None;
    for _ in 0..50 {
        let (status, _, again) = send("text/plain", desk, many.clone(), false).await;
        if status != StatusCode::OK {
            full = Some((status, again));
            break;
        }
    }
    assert_eq!(full, Some((StatusCode::TOO_MANY_REQUESTS, true)), "too much is not kept");
    let status = run(&served, &["status"]);
    assert!(status.contains("refused, too many at once"), "{status}");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diagnosis_reads_what_was_collected_and_names_its_pattern() {
    let platform = Platform::new("critical").await;
    let log = platform.folder.path().join("api.log");
    let file = platform.home.platform_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let text =
        text.replace("[[service.check]]", &format!("[[service.log]]\nfile = \"{}\"\n[[service.check]]", log.display()));
    std::fs::write(&file, text).unwrap();
    append(&log, "2026-01-01T00:00:00Z INFO opened\n");
    let engine = Engine::start(&platform.home, Arc::new(SystemClock)).await.unwrap();
    let server = serve(engine.handle(), &platform.home.socket()).unwrap();
    let handle = engine.handle();
    let well = |state: &State| state.services.get("patient-api").is_some_and(|health| health.status == Status::Healthy);
    until(&handle, "healthy on v40", |state| well(state) && state.live_version("patient-api-code") == Some("v40"))
        .await;
    let line = format!("{} ERROR no column dose_unit in 17 rows\n\tat chart.rs:3\n", now(&handle));
    append(&log, &line.repeat(3));
    switch(&platform.root, "v41");
    let over =
        |state: &State| state.diagnoses.values().any(|found| matches!(found.state, DiagnosisState::Concluded { .. }));
    let state = until(&handle, "the diagnosis concluded", over).await;
    let document = state.diagnoses.values().next().unwrap().document().unwrap();
    let evidence = &document.root_cause.evidence;
    let found = evidence.iter().find(|evidence| evidence.text.contains("no column dose_unit in 17 rows"));
    let found = found.unwrap_or_else(|| panic!("{evidence:#?}"));
    assert_eq!(found.count, 3, "{evidence:#?}");
    let id =
        handle.patterns(Some("patient-api")).into_iter().find(|seen| seen.template.contains("dose_unit")).unwrap().id;
    assert!(found.source.contains(&format!("pattern {id}")), "{evidence:#?}");
    server.stop().await;
    engine.stop("test").await;
}
