//! Alerts as Prometheus and Alertmanager send them, and heartbeats as Healthchecks takes them, on the engine's socket.

use chrono::TimeDelta;
use codeblue::domain::{Command, Status, TokenScope, TokenSecret};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::served::{Bed, Served};

const BILLING: &str = r#"
[[service]]
name = "billing"
[[service.check]]
alert = {}
every = "50ms"
successes = 1
[[service]]
name = "backup"
[[service.check]]
heartbeat = { within = "10m" }
every = "50ms"
successes = 1
"#;

async fn bed() -> Bed {
    Bed::with("drill", BILLING).await
}

/// As Alertmanager 0.25 sends it.
fn webhook(status: &str, starts: &str, ends: &str) -> String {
    let labels = json!({"alertname": "HighErrorRate", "service": "billing", "severity": "critical"});
    let annotations = json!({"summary": "5 % of requests fail, patient mrn=77441122 among them\u{1b}[31m"});
    json!({
        "receiver": "codeblue", "status": status, "groupLabels": {}, "commonLabels": labels, "commonAnnotations": annotations,
        "externalURL": "http://am:9093", "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0,
        "alerts": [{
            "status": status, "labels": labels, "annotations": annotations, "startsAt": starts, "endsAt": ends,
            "generatorURL": "http://prometheus:9090/graph?g0.expr=rate", "fingerprint": "f3c1a2b4d5e6f708",
        }],
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_alertmanager_sends_is_part_of_a_services_health_until_it_says_otherwise() {
    let served = Served::of(bed().await).await;
    let path = "/api/v1/alertmanager";
    let firing = webhook("firing", "2026-01-15T10:30:00.5Z", "0001-01-01T00:00:00Z");
    let (status, answer) = served.call("erin", Method::POST, path, Some(&firing)).await;
    assert_eq!((status, &answer["taken"]), (StatusCode::OK, &json!(1)), "{answer}");
    let state = served.until("down", |state| state.services["billing"].status == Status::Down).await;
    let reason = &state.services["billing"].reason;
    assert!(reason.contains("HighErrorRate (critical) fires since 10:30:00 UTC: 5 % of requests fail"), "{reason}");
    assert!(!reason.contains("77441122") && !reason.contains('\u{1b}'), "{reason}");

    let listed = served.call("vic", Method::GET, "/api/v1/alerts", None).await.1;
    assert_eq!((&listed[0]["services"], &listed[0]["endsAt"]), (&json!(["billing"]), &Value::Null), "{listed}");
    assert!(!listed.to_string().contains("77441122"), "{listed}");

    // An engine that is started anew has forgotten nothing: Alertmanager will not say it again for hours.
    let bed = served.stop().await;
    let served = Served::of(bed).await;
    assert_eq!(served.handle().firing_alerts().len(), 1);
    let resolved = webhook("resolved", "2026-01-15T10:30:00.5Z", "2026-01-15T10:34:00Z");
    assert_eq!(served.call("erin", Method::POST, path, Some(&resolved)).await.0, StatusCode::OK);
    served.until("well", |state| state.services["billing"].status == Status::Healthy).await;

    for (who, body, status) in [
        ("vic", firing.as_str(), 403),
        ("erin", "{\"version\": \"3\", \"alerts\": []}", 400),
        ("erin", "{\"version\": \"4\", \"alerts\": [{\"labels\": {}}]}", 400),
        ("erin", "[]", 400),
    ] {
        assert_eq!(served.call(who, Method::POST, path, Some(body)).await.0.as_u16(), status, "{body}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_takes_an_engine_for_an_alertmanager() {
    let served = Served::of(bed().await).await;
    let path = "/api/v2/alerts";
    let alert = |ends: TimeDelta| {
        json!({"labels": {"alertname": "Slow", "service": "billing", "severity": "warning"},
            "annotations": {"summary": "p99 is 3 s"}, "startsAt": "2026-01-15T10:30:00Z",
            "endsAt": (served.handle().now() + ends).to_rfc3339(), "generatorURL": "http://prometheus:9090/graph"})
    };
    let batch = json!([alert(TimeDelta::hours(1)), {"labels": {"nothing": ""}}]);
    let (status, answer) = served.call("erin", Method::POST, path, Some(&batch.to_string())).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert_eq!(answer, json!("at least one label pair required"), "an error of Alertmanager is one text");
    let found = served.call("vic", Method::GET, "/api/v2/alerts?filter=severity%3D~%22warn.*%22", None).await.1;
    assert_eq!(found[0]["labels"]["alertname"], "Slow", "what was right of the batch counts: {found}");
    assert_eq!(
        (&found[0]["status"]["state"], &found[0]["receivers"][0]["name"]),
        (&json!("active"), &json!("codeblue"))
    );
    let none = served.call("vic", Method::GET, "/api/v2/alerts?filter=service!%3D%22billing%22", None).await.1;
    assert_eq!(none, json!([]));
    served.until("degraded", |state| state.services["billing"].status == Status::Degraded).await;
    let over = json!([alert(TimeDelta::zero())]).to_string();
    assert_eq!(served.call("erin", Method::POST, path, Some(&over)).await, (StatusCode::OK, json!({})));
    served.until("well", |state| state.services["billing"].status == Status::Healthy).await;
    assert_eq!(served.call("vic", Method::GET, path, None).await.1, json!([]));
    assert_eq!(served.call("vic", Method::GET, "/api/v2/status", None).await.1["cluster"]["status"], "disabled");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_speaks_the_dialect_of_healthchecks_is_heard() {
    let served = Served::of(bed().await).await;
    let is = |status| served.until("judged", move |state| state.services["backup"].status == status);
    let ask = |method, path: String, body: Option<&'static str>| {
        let served = &served;
        async move { served.call("erin", method, &path, body).await }
    };
    assert_eq!(ask(Method::GET, "/ping/backup".to_owned(), None).await, (StatusCode::OK, json!("OK\n")));
    is(Status::Healthy).await;
    assert_eq!(ask(Method::GET, "/ping/backup/start".to_owned(), None).await.0, StatusCode::OK);
    let printed = Some("copied 41 tables\ndisk full\n\n");
    assert_eq!(ask(Method::POST, "/ping/backup/3".to_owned(), printed).await.0, StatusCode::OK);
    let reason = is(Status::Down).await.services["backup"].reason.clone();
    assert!(reason.contains("exit status 3 disk full"), "{reason}");
    for path in ["/ping/backup/finished", "/ping/backup/256", "/ping/nobody"] {
        assert_eq!(ask(Method::GET, path.to_owned(), None).await.0, StatusCode::NOT_FOUND, "{path}");
    }

    let secret = TokenSecret::of([7; 32]);
    let token = Command::CreateToken {
        name: "cron".to_owned(),
        scope: TokenScope::Report,
        hash: secret.hash(),
        expires_at: served.handle().now() + TimeDelta::days(1),
    };
    served.client(Some("erin")).submit(&token).await.unwrap();
    let with_key = |rest: &str| format!("/ping/{}/{rest}", secret.expose());
    // Nobody at all by the login, so that it is the token that counts.
    assert_eq!(served.call("eve", Method::GET, &with_key("backup"), None).await.0, StatusCode::OK);
    is(Status::Healthy).await;
    assert_eq!(served.call("eve", Method::POST, &with_key("backup/fail"), None).await.0, StatusCode::OK);
    is(Status::Down).await;
    assert_eq!(served.call("eve", Method::GET, "/ping/cb_wrong/backup/fail", None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(served.call("eve", Method::GET, "/ping/backup", None).await.0, StatusCode::UNAUTHORIZED);
    served.stop().await;
}
