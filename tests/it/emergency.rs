//! The routes under `/api/emergency` as scripts use them: lists in pages, breakers, a test of everything, made-up errors, and what is
//! done once although it was sent twice.

use std::process::Command as Program;

use codeblue::{
    domain::{BreakerState, Command, Severity},
    engine::AS_HEADER,
};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::served::{Served, newest, settled};

async fn post(served: &Served, who: &str, path: &str, body: &str) -> (u16, Value) {
    let (status, answer) = served.call(who, Method::POST, path, Some(body)).await;
    (status.as_u16(), answer)
}

/// A request as it is, for headers and paths that a well-behaved client would not send.
async fn send(served: &Served, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Response {
    let mut request = served.raw().request(method, format!("http://engine{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_owned());
    }
    request.send().await.unwrap()
}

async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let answer: Value = response.json().await.expect("an error has the shape of all errors");
    (status, answer["error"]["code"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_is_forced_seen_everywhere_and_reset() {
    let served = Served::ready("drill").await;
    let status = served.get("/api/emergency/status").await;
    let figures = json!({"total": 1, "open": 0, "closed": 1, "halfOpen": 0, "forced": 0});
    assert_eq!(status["circuitBreakers"], figures);
    let path = "/api/emergency/circuit-breaker/desk";
    let force = r#"{"to": "open", "reason": "moving racks", "minutes": 10}"#;
    let (status, forced) = post(&served, "erin", &format!("{path}/force"), force).await;
    assert_eq!(status, 200, "{forced}");
    assert_eq!(
        (&forced["state"], &forced["forced"], &forced["enforced"]),
        (&json!("open"), &json!(true), &json!(false))
    );
    assert_eq!(served.handle().state().breaker("desk").state, BreakerState::ForcedOpen);
    assert_eq!(served.get("/api/emergency/status").await["circuitBreakers"]["open"], 1);
    assert_eq!(served.get("/api/emergency/circuit-breakers?state=open").await[0]["name"], "desk");
    assert_eq!(served.get("/api/emergency/circuit-breakers?state=closed").await, json!([]));
    assert_eq!(served.get(path).await, forced);

    let (status, reset) = post(&served, "erin", &format!("{path}/reset"), "{}").await;
    assert_eq!((status, &reset["state"]), (200, &json!("closed")), "{reset}");
    let bare = send(&served, Method::POST, &format!("{path}/reset"), &[], None).await;
    assert_eq!(bare.status(), 200, "a reset needs no body");
    for (path, body, expected) in [
        ("nobody/reset", "{}", (404, "unknown-service")),
        ("desk/reset", r#"{"why": "x"}"#, (400, "bad-request")),
        ("desk/force", r#"{"to": "half-open", "reason": "x"}"#, (400, "bad-request")),
        ("desk/force", r#"{"to": "open"}"#, (400, "bad-request")),
        ("desk/force", r#"{"to": "open", "reason": "x", "minutes": 1441}"#, (409, "force-too-long")),
        ("desk/force", r#"{"to": "open", "reason": " "}"#, (409, "reason-length")),
    ] {
        let (status, answer) = post(&served, "erin", &format!("/api/emergency/circuit-breaker/{path}"), body).await;
        assert_eq!((status, answer["error"]["code"].as_str().unwrap()), expected, "{path} {body}: {answer}");
    }
    let (status, _) = post(&served, "vic", &format!("{path}/force"), force).await;
    assert_eq!(status, 403, "a viewer looks");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages_and_are_filtered() {
    let served = Served::ready("drill").await;
    let alice = served.client(Some("alice"));
    for (number, severity) in
        [Severity::Sev4, Severity::Sev3, Severity::Sev3, Severity::Sev4, Severity::Sev3].into_iter().enumerate()
    {
        let services = if number == 0 { vec!["desk".to_owned()] } else { Vec::new() };
        alice.submit(&Command::DeclareIncident { severity, title: format!("fire {number}"), services }).await.unwrap();
    }
    let all = served.get("/api/emergency/incidents").await;
    let ids = |page: &Value| -> Vec<String> {
        page.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&all), ["INC-5", "INC-4", "INC-3", "INC-2", "INC-1"], "newest first");
    let (mut walked, mut next) = (Vec::new(), Some("/api/emergency/incidents?severity=SEV3&limit=2".to_owned()));
    let mut pages = 0;
    while let Some(path) = next {
        let response = send(&served, Method::GET, &path, &[], None).await;
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        next = link.map(|link| link.strip_prefix('<').unwrap().split_once(">; rel=\"next\"").unwrap().0.to_owned());
        walked.extend(ids(&response.json().await.unwrap()));
        pages += 1;
    }
    assert_eq!((walked, pages), (vec!["INC-5".to_owned(), "INC-3".to_owned(), "INC-2".to_owned()], 2));
    assert_eq!(ids(&served.get("/api/emergency/incidents?service=desk").await), ["INC-1"]);
    assert_eq!(ids(&served.get("/api/emergency/incidents?state=open").await).len(), 5);
    assert_eq!(ids(&served.get("/api/emergency/incidents?state=resolved").await).len(), 0);
    assert_eq!(ids(&served.get("/api/emergency/incidents?until=1h").await).len(), 0, "none is that old");
    assert_eq!(ids(&served.get("/api/emergency/incidents?since=1h&after=INC-3").await), ["INC-2", "INC-1"]);
    for wrong in ["limit=0", "limit=1001", "severity=9", "state=burning", "since=yesterday", "after=SNP-1", "order=asc"]
    {
        let answer =
            problem(send(&served, Method::GET, &format!("/api/emergency/incidents?{wrong}"), &[], None).await).await;
        assert_eq!(answer, (400, "bad-request".to_owned()), "{wrong}");
    }
    let (id, _) = newest(&served.handle().state(), "papers");
    let backups = served.get("/api/emergency/backups?component=papers&state=complete&limit=1").await;
    assert_eq!(ids(&backups), [id.to_string()]);
    assert_eq!(served.get("/api/emergency/backups?component=nothing").await, json!([]));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_twice_with_one_key_is_done_once() {
    let served = Served::ready("drill").await;
    let path = "/api/emergency/backups/create";
    let made = |key: &'static str, body: &'static str| {
        let served = &served;
        async move { send(served, Method::POST, path, &[(AS_HEADER, "erin"), ("idempotency-key", key)], Some(body)).await }
    };
    let first = made("one", "{}").await;
    assert!(first.headers().get("idempotency-replayed").is_none());
    let first: Value = first.json().await.unwrap();
    let again = made("one", "{}").await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.headers()["content-type"], "application/json");
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    served.until("taken", settled).await;
    let state = served.handle().state();
    let asked = state.snapshots.values().filter(|snapshot| snapshot.reason == "asked for over the API").count();
    assert_eq!(asked, 1, "one snapshot");

    let other = problem(made("one", r#"{"components": ["papers"]}"#).await).await;
    assert_eq!(other, (422, "idempotency-key-reused".to_owned()));
    // The same key of somebody else is another key.
    let note = r#"{"type": "haltAutomation", "reason": "test"}"#;
    let alice = [(AS_HEADER, "alice"), ("idempotency-key", "one")];
    assert_eq!(send(&served, Method::POST, "/api/v1/commands", &alice, Some(note)).await.status(), 200);

    // A no is not kept: what was missing may come with the next try.
    let nothing = r#"{"components": ["nothing"]}"#;
    for _ in 0..2 {
        let refused = made("two", nothing).await;
        assert!(refused.headers().get("idempotency-replayed").is_none());
        assert_eq!(refused.status(), 404);
    }
    assert_eq!(made("two", "{}").await.status(), 200);

    let both = futures_util::future::join_all((0..8).map(|_| made("three", r#"{"components": ["papers"]}"#))).await;
    let mut done = 0;
    for response in both {
        let fresh = response.status() == StatusCode::OK && response.headers().get("idempotency-replayed").is_none();
        assert!(fresh || [200, 409].contains(&response.status().as_u16()), "{}", response.status());
        done += usize::from(fresh);
    }
    assert_eq!(done, 1, "eight at once, one is done");
    let long = "k".repeat(256);
    for key in ["", long.as_str()] {
        let headers = [(AS_HEADER, "erin"), ("idempotency-key", key)];
        let answer = problem(send(&served, Method::POST, path, &headers, Some("{}")).await).await;
        assert_eq!(answer, (400, "bad-request".to_owned()));
    }
    let stranger = [(AS_HEADER, "eve"), ("idempotency-key", "one")];
    let answer = problem(send(&served, Method::POST, path, &stranger, Some("{}")).await).await;
    assert_eq!(answer, (401, "no-identity".to_owned()), "nobody reads the answers of others");
    served.until("taken", settled).await;

    // An engine that was started anew has no answers any more, and does nothing twice for that.
    let mut served = served;
    served.server.take().unwrap().stop().await;
    served.server = Some(codeblue::api::serve(served.handle(), &served.bed.home.socket()).unwrap());
    let made = |key: &'static str, body: &'static str| {
        let served = &served;
        async move { send(served, Method::POST, path, &[(AS_HEADER, "erin"), ("idempotency-key", key)], Some(body)).await }
    };
    let before = served.handle().state().snapshots.len();
    assert_eq!(problem(made("one", "{}").await).await, (409, "idempotency-unknown".to_owned()));
    assert_eq!(problem(made("one", nothing).await).await, (422, "idempotency-key-reused".to_owned()));
    assert_eq!(served.handle().state().snapshots.len(), before);
    assert_eq!(problem(made("four", nothing).await).await.0, 404);
    assert_eq!(made("four", "{}").await.status(), 200, "what was refused may come again");
    served.until("taken", settled).await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_the_system_says_what_is_broken_and_records_nothing() {
    let served = Served::ready("drill").await;
    let by_people = async || {
        let events = served.handle().events(0, 10_000).await.unwrap();
        events.iter().filter(|recorded| recorded.actor.operator().is_some()).count()
    };
    let before = by_people().await;
    let (status, found) = post(&served, "erin", "/api/emergency/test-system", "").await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(found["passed"], true, "{found:#}");
    let kinds = |found: &Value, passed: bool| -> Vec<String> {
        let parts = found["parts"].as_array().unwrap().iter().filter(|part| part["passed"] == passed);
        parts.map(|part| format!("{} {}", part["kind"].as_str().unwrap(), part["name"].as_str().unwrap())).collect()
    };
    let passed = kinds(&found, true);
    assert!(passed.iter().any(|part| part.starts_with("check desk ")), "{passed:?}");
    for part in ["component records", "component papers", "vault vault", "journal journal"] {
        assert!(passed.contains(&part.to_owned()), "{part} in {passed:?}");
    }
    assert_eq!(by_people().await, before, "looking records nothing");
    std::fs::write(served.bed.path("records.db"), "no database").unwrap();
    let (_, found) = post(&served, "erin", "/api/emergency/test-system", "").await;
    assert_eq!(
        (&found["passed"], kinds(&found, false)),
        (&json!(false), vec!["component records".to_owned()]),
        "{found:#}"
    );
    let (status, answer) = post(&served, "vic", "/api/emergency/test-system", "").await;
    assert_eq!(status, 403, "{answer}");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_made_up_on_a_drill_engine_alone() {
    let served = Served::ready("drill").await;
    let error = r#"{"service": "desk", "type": "database", "message": "connection refused", "count": 200}"#;
    let (status, answer) = post(&served, "erin", "/api/emergency/simulate-error", error).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["taken"][0]["incident"], "INC-1", "what follows is real: {answer}");
    let incident = served.get("/api/emergency/incidents/INC-1").await;
    assert!(
        incident["errors"].to_string().contains("simulated: connection refused"),
        "it says of itself what it is: {incident}"
    );
    let (status, answer) = post(&served, "erin", "/api/emergency/simulate-error", r#"{"service": "nobody"}"#).await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("unknown-service")));
    served.stop().await;

    let served = Served::new("production").await;
    let (status, answer) = post(&served, "", "/api/emergency/simulate-error", error).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("drill-engine-only")), "{answer}");
    assert!(answer["error"]["hint"].as_str().unwrap().contains("codeblue demo"));
    assert!(served.handle().state().incidents.is_empty());
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tricks_with_paths_headers_and_bodies_get_an_error_like_any_other() {
    let served = Served::new("drill").await;
    for path in [
        "/api/emergency/backups/..%2f..%2f..%2fetc%2fpasswd",
        "/api/emergency/backups/%ff%fe",
        "/api/emergency/backups/SNP-1%00",
        "/api/emergency//backups",
        "/api/emergency/../v1/state",
        "/api/v1/audit/proof/first",
        "/api/v1/audit/proof/-1",
        "/api/v1/audit/proof/99999999999999999999",
        "/api/emergency/circuit-breaker/%1b%5b31m",
        "/api/emergency/incidents?limit=%ff",
        "/api/emergency/incidents/INC-99999999999999999999",
    ] {
        let response = send(&served, Method::GET, path, &[], None).await;
        if path.contains("..") && response.status() == 200 {
            continue;
        }
        let (status, _) = problem(response).await;
        assert!((400..=404).contains(&status), "{path}: {status}");
    }
    let long = format!("/api/emergency/backups/{}", "9".repeat(8000));
    assert_eq!(problem(send(&served, Method::GET, &long, &[], None).await).await.0, 400);
    for headers in [
        [("authorization", "Basic YWxpY2U6eA=="), ("accept", "*/*")],
        [("authorization", "Bearer cb_x"), ("x-codeblue-as", "alice")],
    ] {
        let answer = problem(send(&served, Method::GET, "/api/emergency/status", &headers, None).await).await;
        assert_eq!(answer.0, 401, "{headers:?}");
    }
    let odd = [("accept", "text/event-stream, \u{e9}"), ("last-event-id", "-1"), ("x-forwarded-for", "127.0.0.1")];
    assert_eq!(send(&served, Method::GET, "/api/emergency/status", &odd, None).await.status(), 200);
    let many: Vec<(String, String)> = (0..100).map(|number| (format!("x-{number}"), "y".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(send(&served, Method::GET, "/healthz", &many, None).await.status(), 431, "too many headers");
    let large = format!(r#"{{"reason": "{}"}}"#, "x".repeat(300 * 1024));
    for path in ["/api/emergency/backups/create", "/api/emergency/circuit-breaker/desk/reset", "/api/v1/commands"] {
        let answer = problem(send(&served, Method::POST, path, &[], Some(&large)).await).await;
        assert_eq!(answer, (413, "too-large".to_owned()), "{path}");
        let keyed = [("idempotency-key", "large")];
        let answer = problem(send(&served, Method::POST, path, &keyed, Some(&large)).await).await;
        assert_eq!(answer, (413, "too-large".to_owned()), "{path} with a key");
    }
    assert_eq!(served.get("/healthz").await, "ok\n");
    served.stop().await;
}

/// What an operator types, with the real program.
#[tokio::test(flavor = "multi_thread")]
async fn curl_reaches_every_route_of_an_emergency_as_typed() {
    if Program::new("curl").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no curl here");
        return;
    }
    let served = Served::ready("drill").await;
    let socket = served.bed.home.socket();
    let (snapshot, _) = newest(&served.handle().state(), "papers");
    let as_erin = format!("{AS_HEADER}: erin");
    let typed = |line: String| {
        let words = shell_words::split(&line).unwrap();
        let socket = socket.clone();
        let as_erin = as_erin.clone();
        async move {
            let run = move || {
                let mut curl = Program::new("curl");
                curl.args(["-sS", "-w", "\n%{http_code}", "-H", &as_erin, "--unix-socket"]).arg(&socket);
                curl.args(words).output().unwrap()
            };
            let output = tokio::task::spawn_blocking(run).await.unwrap();
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).unwrap();
            let (body, status) = text.rsplit_once('\n').unwrap();
            (status.parse::<u16>().unwrap(), body.to_owned())
        }
    };
    let e = "http://engine/api/emergency";
    for line in [
        format!("{e}/status"),
        format!("{e}/health"),
        format!("{e}/incidents"),
        format!("'{e}/incidents?state=open&limit=5'"),
        format!("{e}/circuit-breakers"),
        format!("-X POST {e}/circuit-breaker/desk/reset"),
        format!("{e}/circuit-breaker/desk/force --json '{{\"to\":\"open\",\"reason\":\"racks\"}}'"),
        format!("'{e}/metrics?timeRange=7d'"),
        format!("{e}/backups"),
        format!("{e}/backups/{snapshot}"),
        format!("-X POST {e}/backups/create"),
        format!("-H 'content-type: application/json' -d '{{\"backupId\":\"{snapshot}\"}}' {e}/backups/test-rollback"),
        format!("-X POST {e}/test-system"),
        format!("--json '{{\"service\":\"desk\",\"type\":\"network\"}}' {e}/simulate-error"),
        format!("--json '{{\"backupId\":\"{snapshot}\",\"confirm\":true}}' {e}/rollback"),
        "http://engine/api/v1/openapi.json".to_owned(),
        "http://engine/metrics".to_owned(),
        "--compressed http://engine/api/v1/state".to_owned(),
    ] {
        let (status, body) = typed(line.clone()).await;
        assert_eq!(status, 200, "{line}: {body}");
        if !line.ends_with("/metrics") {
            serde_json::from_str::<Value>(&body).unwrap_or_else(|error| panic!("{line}: {error}: {body}"));
        }
    }
    for (line, status, hint) in [
        (format!("-X POST {e}/rollback"), 400, "--json"),
        (format!("-d '{{\"backupId\":\"{snapshot}\"}}' {e}/rollback"), 400, "--json"),
        (format!("--json '{{\"backupId\":\"{snapshot}\"}}' {e}/rollback"), 400, "test-rollback"),
        (format!("{e}/backup"), 404, ""),
        (format!("-X DELETE {e}/backups/{snapshot}"), 405, "openapi"),
        (format!("{e}/backups/SNP-99"), 404, ""),
        (format!("'{e}/metrics?timeRange=forever'"), 400, ""),
    ] {
        let (found, body) = typed(line.clone()).await;
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(found, status, "{line}: {body}");
        assert!(answer["error"]["hint"].as_str().unwrap_or_default().contains(hint), "{line}: {body}");
    }
    served.until("settled", settled).await;
    served.stop().await;
}
