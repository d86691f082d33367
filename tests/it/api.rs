//! Every route of the engine's socket, and every way in which it says no.

use codeblue::domain::{Command, Event, RecoveryOutcome};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::served::{Served, everything, me, newest, settled};

/// Code of an error answer; the shape is checked on the way.
fn code(body: &Value) -> &str {
    let error = body.get("error").unwrap_or_else(|| panic!("no error in {body}"));
    let fields: Vec<&str> = error.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["code", "message", "hint"], "{body}");
    assert!(!error["message"].as_str().unwrap().is_empty(), "{body}");
    error["code"].as_str().unwrap()
}

async fn refused(served: &Served, who: &str, method: Method, path: &str, body: Option<&str>) -> (u16, String) {
    let (status, answer) = served.call(who, method, path, body).await;
    (status.as_u16(), code(&answer).to_owned())
}

fn command(command: &Command) -> String {
    serde_json::to_string(command).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_in_the_openapi_text_is_there() {
    let served = Served::new("drill").await;
    let document = served.get("/api/v1/openapi.json").await;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 20);
    for (path, methods) in paths {
        let path = path.replace("{id}", "SNP-99").replace("{name}", "nobody").replace("{seq}", "99");
        for method in methods.as_object().unwrap().keys() {
            let known = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let (status, body) = served.call("vic", known, &path, (method == "post").then_some("{")).await;
            assert_ne!(body["error"]["code"], "no-such-route", "{method} {path}");
            assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(!status.is_server_error(), "{method} {path}: {body}");
        }
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_that_can_be_begun_are_told_whole() {
    let served = Served::new("drill").await;
    let books = served.get("/api/v1/runbooks").await;
    let books = books.as_array().unwrap();
    assert_eq!(books.len(), 8);
    for book in books {
        assert_eq!((&book["builtIn"], &book["errors"]), (&true.into(), &0.into()), "{}", book["id"]);
        assert_eq!(book["runbook"]["sections"].as_array().unwrap().len(), 9, "{}", book["id"]);
        assert!(book["runbook"]["hash"].as_str().unwrap().len() == 64, "a run is begun with the text that was seen");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_monitoring_reads() {
    let served = Served::ready("drill").await;
    let status = served.get("/api/emergency/status").await;
    assert_eq!(status["systemState"], "normal");
    assert_eq!(status["activeIncidents"], 0);
    assert_eq!(status["health"]["overall"], "healthy");
    assert!(status["health"]["uptimeSeconds"].as_i64().unwrap() >= 0);
    assert!(status["backups"]["available"].as_u64().unwrap() >= 1);
    assert!(status["backups"]["totalSize"].as_u64().unwrap() > 0);
    assert!(status["backups"]["lastBackup"].as_str().unwrap().ends_with('Z'));

    let health = served.get("/api/emergency/health").await;
    assert_eq!(health["services"][0]["service"], "desk");
    assert_eq!(health["services"][0]["status"], "healthy");
    assert!(health["services"][0]["p95Seconds"].as_f64().unwrap() < 5.0);
    assert_eq!(health["services"][0]["errorRate"], 0.0);

    assert_eq!(served.get("/healthz").await, "ok\n");
    let metrics = served.get("/metrics").await;
    let metrics = metrics.as_str().unwrap();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("codeblue_") && value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(metrics.contains("codeblue_service_up{service=\"desk\"} 1\n"), "{metrics}");
    assert!(metrics.contains("codeblue_recovery_point_age_seconds{component=\"records\"}"), "{metrics}");

    let whoami = served.call("erin", Method::GET, "/api/v1/whoami", None).await.1;
    assert_eq!(whoami, json!({"name": "erin", "roles": ["engineer"], "login": me(), "disabled": false}));
    let state = served.get("/api/v1/state").await;
    assert_eq!(state["platform"]["name"], "Clinic");
    assert!(served.get("/api/v1/vitals").await["services"]["desk"].is_object());
    assert!(!served.get("/api/v1/services/desk/history?limit=3").await.as_array().unwrap().is_empty());
    let over = served.get("/api/v1/services/desk/history?window=24h&buckets=12").await;
    assert!(over["readings"].as_u64().unwrap() > 0 && over["errors"] == 0, "{over}");
    // Each sample was kept with what was held of the service, and that is not enough of a day.
    assert!(over["upSeconds"].as_f64().unwrap() > 0.0 && over["downSeconds"] == 0.0, "{over}");
    assert!(over["uptime"].is_null() && over["watched"].as_f64().unwrap() < 0.5, "{over}");
    assert_eq!((over["buckets"].as_array().unwrap().len(), &over["window"]), (12, &json!("24h")));
    let environment = served.get("/api/v1/restic-env").await;
    assert!(environment.as_array().unwrap().iter().any(|pair| pair[0] == "RESTIC_REPOSITORY"), "{environment}");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_looked_at_and_rolled_back_to_over_the_emergency_routes() {
    let served = Served::ready("drill").await;
    let papers = served.bed.path("papers/letter");
    let create = r#"{"components": ["papers"], "reason": "before the audit"}"#;
    let (status, made) = served.call("erin", Method::POST, "/api/emergency/backups/create", Some(create)).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let id = made["backupId"].as_str().unwrap().to_owned();
    served.until("taken", |state| settled(state) && newest(state, "papers").0.to_string() == id).await;
    let backup = served.get(&format!("/api/emergency/backups/{id}")).await;
    assert_eq!(backup["reason"], "before the audit");
    assert_eq!(backup["captured"][0]["component"], "papers");
    assert_eq!(served.get("/api/emergency/backups").await[0]["id"], id.as_str(), "newest first");
    let verified = served.call("erin", Method::POST, &format!("/api/v1/snapshots/{id}/verify"), None).await.1;
    assert_eq!(verified, json!({"snapshot": id, "ok": true, "problems": []}));

    std::fs::write(&papers, "spoiled").unwrap();
    let live = served.get(&format!("/api/v1/snapshots/{id}/difference")).await;
    assert_eq!(live[0]["total"], 1, "{live}");
    let same = served.get(&format!("/api/v1/snapshots/{id}/difference?against={id}")).await;
    assert_eq!(same[0]["total"], 0, "{same}");

    let unconfirmed = format!(r#"{{"backupId": "{id}"}}"#);
    let before = served.handle().state().seq;
    let (_, dry) = served.call("erin", Method::POST, "/api/emergency/backups/test-rollback", Some(&unconfirmed)).await;
    assert_eq!(dry["components"][0]["total"], 1, "{dry}");
    assert_eq!(dry["required"], json!([]), "not critical, so nobody has to agree");
    let refusal = refused(&served, "erin", Method::POST, "/api/emergency/rollback", Some(&unconfirmed)).await;
    assert_eq!(refusal, (400, "bad-request".to_owned()));
    assert_eq!(served.handle().state().seq, before, "looking changes nothing, not even the journal");
    assert_eq!(std::fs::read_to_string(&papers).unwrap(), "spoiled");

    let confirmed = format!(r#"{{"backupId": "{id}", "confirm": true, "reason": "spoiled"}}"#);
    let (status, answer) = served.call("erin", Method::POST, "/api/emergency/rollback", Some(&confirmed)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let state = served.until("over", |state| state.recoveries.values().any(|run| run.ended.is_some())).await;
    let recovery = state.recoveries.values().next().unwrap();
    assert_eq!(recovery.ended.map(|(_, outcome)| outcome), Some(RecoveryOutcome::Succeeded), "{recovery:#?}");
    assert_eq!(recovery.reason, "spoiled");
    assert_eq!(std::fs::read_to_string(&papers).unwrap(), "first");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_has_the_fields_that_were_promised() {
    let served = Served::new("drill").await;
    let declare = r#"{"type": "declareIncident", "severity": "SEV2", "title": "fax on fire", "services": ["desk"]}"#;
    let (status, answer) = served.call("alice", Method::POST, "/api/v1/commands", Some(declare)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["events"][0]["actor"], "operator:alice");
    assert_eq!(answer["seq"], answer["events"].as_array().unwrap().last().unwrap()["seq"]);
    let incidents = served.get("/api/emergency/incidents").await;
    let incident = &incidents[0];
    assert_eq!(incident["id"], "INC-1");
    assert_eq!(incident["classification"]["severity"], "SEV2");
    assert_eq!(incident["classification"]["impact"], json!(["desk"]));
    for field in ["timestamp", "status", "title"] {
        assert!(incident[field].is_string(), "{field} in {incident}");
    }
    assert!(incident["response"]["actions"].is_array());
    assert!(incident["response"]["recoverySeconds"].is_null(), "it is not over");
    let draft = served.get("/api/v1/reports/postmortem/INC-1").await;
    assert_eq!(draft["missing"][0], "what went well");
    let figures = served.get("/api/v1/reports/metrics?window=7d").await;
    assert_eq!((&figures["windowSeconds"], &figures["all"]["incidents"]), (&json!(604_800.0), &json!(1)));
    assert_eq!(
        figures["severities"][1]["acknowledge"],
        json!({
            "count": 1, "medianSeconds": null, "lowSeconds": null, "highSeconds": null, "confidence": null
        })
    );
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_makes_no_sense_is_told_so() {
    let served = Served::new("drill").await;
    let before = served.handle().events(0, 10_000).await.unwrap().len();
    let post = [
        ("/api/v1/commands", "{"),
        ("/api/v1/commands", "[]"),
        ("/api/v1/commands", r#"{"type": "dropEverything"}"#),
        ("/api/v1/commands", r#"{"type": "closeIncident"}"#),
        ("/api/v1/commands", r#"{"type": "closeIncident", "incident": "SNP-1"}"#),
        ("/api/v1/dry-run", r#"{"kind": "rollback"}"#),
        ("/api/emergency/backups/create", r#"{"component": ["papers"]}"#),
        ("/api/emergency/backups/test-rollback", "{}"),
        ("/api/emergency/backups/test-rollback", r#"{"everything": true, "components": ["papers"]}"#),
        ("/api/emergency/rollback", r#"{"everything": true}"#),
        ("/api/emergency/rollback", r#"{"everything": true, "confirm": "yes"}"#),
        ("/api/v1/snapshots/nonsense/verify", ""),
    ];
    for (path, body) in post {
        let answer = refused(&served, "alice", Method::POST, path, Some(body)).await;
        assert_eq!(answer, (400, "bad-request".to_owned()), "{path} {body}");
    }
    for path in [
        "/api/v1/events?since=yesterday",
        "/api/v1/events?since=-1",
        "/api/v1/services/desk/history?limit=many",
        "/api/v1/services/desk/history?window=1y",
        "/api/v1/services/desk/history?window=7d&limit=3",
        "/api/emergency/backups/nonsense",
        "/api/v1/reports/metrics?window=forever",
        "/api/v1/reports/postmortem/nonsense",
        "/api/v1/snapshots/SNP-1/difference?against=nonsense",
    ] {
        let answer = refused(&served, "alice", Method::GET, path, None).await;
        assert_eq!(answer, (400, "bad-request".to_owned()), "{path}");
    }
    let plain = served.raw().post("http://engine/api/v1/commands").body("hello").send().await.unwrap();
    assert_eq!(plain.status(), StatusCode::BAD_REQUEST, "JSON that does not call itself so");
    let after = served.handle().events(0, 10_000).await.unwrap();
    assert!(after[before..].iter().all(|recorded| recorded.actor.operator().is_none()), "nothing was recorded");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_viewers_are_kept_out() {
    let served = Served::ready("drill").await;
    let note = command(&Command::HaltAutomation { reason: "test".to_owned() });
    for path in ["/api/v1/state", "/api/v1/events", "/api/emergency/status", "/api/v1/restic-env", "/api/v1/whoami"] {
        let answer = refused(&served, "eve", Method::GET, path, None).await;
        assert_eq!(answer, (401, "no-identity".to_owned()), "{path}");
    }
    let answer = refused(&served, "eve", Method::POST, "/api/v1/commands", Some(&note)).await;
    assert_eq!(answer, (401, "no-identity".to_owned()));

    let answer = refused(&served, "vic", Method::POST, "/api/v1/commands", Some(&note)).await;
    assert_eq!(answer, (403, "operator-may-not".to_owned()));
    let create = refused(&served, "vic", Method::POST, "/api/emergency/backups/create", Some("{}")).await;
    assert_eq!(create, (403, "operator-may-not".to_owned()));
    let (id, _) = newest(&served.handle().state(), "papers");
    let verify = refused(&served, "vic", Method::POST, &format!("/api/v1/snapshots/{id}/verify"), None).await;
    assert_eq!(verify, (403, "operator-may-not".to_owned()), "it writes to the journal");
    let environment = refused(&served, "vic", Method::GET, "/api/v1/restic-env", None).await;
    assert_eq!(environment, (403, "operator-may-not".to_owned()), "it opens the vault");

    // What only the engine may report, a lead may not either.
    let forged = command(&Command::StopEngine { reason: "gone".to_owned() });
    let answer = refused(&served, "alice", Method::POST, "/api/v1/commands", Some(&forged)).await;
    assert_eq!(answer, (403, "engine-only".to_owned()));
    assert!(served.client(Some("vic")).state().await.is_ok(), "a viewer may look");

    let disable = command(&Command::DisableOperator { name: "erin".to_owned(), reason: "left".to_owned() });
    let (status, _) = served.call("alice", Method::POST, "/api/v1/commands", Some(&disable)).await;
    assert_eq!(status, StatusCode::OK);
    let answer = refused(&served, "erin", Method::POST, "/api/v1/commands", Some(&note)).await;
    assert_eq!(answer, (403, "operator-may-not".to_owned()), "disabled from that moment on");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_a_login_is_one_person() {
    let served = Served::new("production").await;
    let me = me();
    assert_eq!(served.call("", Method::GET, "/api/v1/whoami", None).await.1["name"], me.as_str());
    let answer = refused(&served, "carol", Method::GET, "/api/v1/whoami", None).await;
    assert_eq!(answer, (401, "no-identity".to_owned()), "another person's name is not enough");
    let hat = Command::AddOperator {
        name: "aaron".to_owned(),
        roles: [codeblue::platform::Role::Cto].into(),
        login: Some(me.clone()),
    };
    let answer = refused(&served, "", Method::POST, "/api/v1/commands", Some(&command(&hat))).await;
    assert_eq!(answer, (409, "login-taken".to_owned()), "nobody approves himself under a second name");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_and_what_a_rule_forbids() {
    let served = Served::ready("drill").await;
    for (path, rule) in [
        ("/nothing", "no-such-route"),
        ("/api/v1/services/nobody/history", "unknown-service"),
        ("/api/v1/services/nobody/history?window=7d", "unknown-service"),
        ("/api/emergency/backups/SNP-999", "unknown-snapshot"),
        ("/api/v1/reports/postmortem/INC-999", "unknown-incident"),
        ("/api/v1/snapshots/SNP-999/difference", "unknown-snapshot"),
    ] {
        let answer = refused(&served, "alice", Method::GET, path, None).await;
        assert_eq!(answer, (404, rule.to_owned()), "{path}");
    }
    for (path, body, rule) in [
        ("/api/v1/commands", r#"{"type": "closeIncident", "incident": "INC-9"}"#, "unknown-incident"),
        ("/api/emergency/backups/create", r#"{"components": ["attic"]}"#, "unknown-component"),
        ("/api/emergency/backups/test-rollback", r#"{"services": ["attic"]}"#, "unknown-service"),
        ("/api/v1/dry-run", r#"{"kind": "action", "service": "desk", "action": "dance"}"#, "unknown-action"),
        ("/api/v1/dry-run", r#"{"kind": "change", "change": "CHG-9"}"#, "unknown-change"),
        ("/api/v1/snapshots/SNP-999/verify", "", "unknown-snapshot"),
    ] {
        let answer = refused(&served, "alice", Method::POST, path, Some(body)).await;
        assert_eq!(answer, (404, rule.to_owned()), "{path} {body}");
    }
    let wrong_method = refused(&served, "alice", Method::DELETE, "/api/emergency/backups", None).await;
    assert_eq!(wrong_method.0, 405);

    let declare = r#"{"type": "declareIncident", "severity": "SEV3", "title": "x", "services": []}"#;
    served.call("alice", Method::POST, "/api/v1/commands", Some(declare)).await;
    let close = r#"{"type": "closeIncident", "incident": "INC-1"}"#;
    let (status, body) = served.call("alice", Method::POST, "/api/v1/commands", Some(close)).await;
    assert_eq!(status, StatusCode::CONFLICT, "an open incident cannot be closed: {body}");
    let rule = code(&body).to_owned();
    let refusal = served.client(Some("alice")).submit(&serde_json::from_str(close).unwrap()).await.unwrap_err();
    assert!(refusal.to_string().contains(&rule), "the client names the rule too: {refusal}");
    let lead = command(&Command::AddOperator { name: "x".to_owned(), roles: [].into(), login: None });
    let answer = refused(&served, "erin", Method::POST, "/api/v1/commands", Some(&lead)).await;
    assert_eq!(answer, (409, "role-needed".to_owned()));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_is_too_much_and_a_broken_caller_disturbs_nobody() {
    let served = Served::new("drill").await;
    let long = format!(r#"{{"type": "noteIncident", "incident": "INC-1", "text": "{}"}}"#, "x".repeat(300_000));
    let answer = refused(&served, "alice", Method::POST, "/api/v1/commands", Some(&long)).await;
    assert_eq!(answer, (413, "too-large".to_owned()));

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    for garbage in [
        &b"\0\x01\x02\xff\n\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/commands HTTP/1.1\r\ncontent-length: 9999999999999\r\n\r\n",
    ] {
        let mut stream = tokio::net::UnixStream::connect(served.bed.home.socket()).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(std::time::Duration::from_secs(15), stream.read_to_end(&mut answer));
        let _ = read.await.expect("the connection is ended");
        assert!(!String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 2"), "{garbage:?}");
    }
    // Callers who say nothing hold no more than their own connection.
    let silent: Vec<_> =
        futures_util::future::join_all((0..100).map(|_| tokio::net::UnixStream::connect(served.bed.home.socket())))
            .await;
    assert!(silent.iter().all(Result::is_ok));
    assert_eq!(served.get("/healthz").await, "ok\n");
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let answer = refused(&served, "alice", Method::POST, "/api/v1/commands", Some(&deep)).await;
    assert_eq!(answer.0, 400);
    assert_eq!(served.get("/healthz").await, "ok\n");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_for_one_user_and_goes_with_its_server() {
    use std::os::unix::fs::PermissionsExt;
    let mut served = Served::new("drill").await;
    let socket = served.bed.home.socket();
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(served.bed.home.run()).unwrap().permissions().mode() & 0o077, 0);
    let client = served.client(None);
    assert!(client.is_up().await);
    served.server.take().unwrap().stop().await;
    assert!(!socket.exists());
    let error = client.whoami().await.unwrap_err().to_string();
    assert!(error.contains("codeblue serve"), "it says what to do: {error}");

    // A dead engine leaves its socket behind; the next one takes the place.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let error = client.whoami().await.unwrap_err().to_string();
    assert!(error.contains("died"), "{error}");
    served.server = Some(codeblue::api::serve(served.handle(), &socket).unwrap());
    assert!(client.is_up().await);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_travels_and_means_the_same() {
    let served = Served::ready("drill").await;
    let client = served.client(Some("alice"));
    let answer = client.submit(&everything()).await.unwrap();
    assert!(matches!(&answer.events[0].event, Event::SnapshotRequested { components, .. } if components.len() == 3));
    served.until("taken", settled).await;
    let halt = client.submit(&Command::HaltAutomation { reason: "drill".to_owned() }).await.unwrap();
    assert!(matches!(&halt.events[0].event, Event::AutomationHalted { reason } if reason == "drill"));
    let travelled = client.state().await.unwrap();
    let here = served.handle().state();
    assert_eq!(travelled.halted, here.halted);
    assert_eq!(travelled.snapshots, here.snapshots);
    assert_eq!(travelled.operators, here.operators);
    served.stop().await;
}
