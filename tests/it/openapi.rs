//! The description of the API is true: every route is in it and nothing else, and what the engine answers is what it says.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::served::{Served, newest};

fn description() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api/openapi.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// Every route and method that the sources of the API declare.
fn routes() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for after in text.split(".route(").skip(1) {
            let (path, rest) = after.split_once(',').unwrap();
            let path = match path.trim() {
                "WHOAMI" => "/api/v1/whoami",
                quoted => quoted.trim_matches('"'),
            };
            let handlers = rest.split(".route(").next().unwrap().lines().next().unwrap();
            for method in ["get", "post", "put", "delete", "patch"] {
                if handlers.contains(&format!("{method}(")) {
                    found.insert((path.to_owned(), method.to_owned()));
                }
            }
        }
    }
    found
}

fn described(description: &Value) -> BTreeSet<(String, String)> {
    let paths = description["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())))
        .collect()
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let (routes, described) = (routes(), described(&description()));
    assert!(routes.len() > 55, "only {} routes were found", routes.len());
    let missing: Vec<_> = routes.difference(&described).collect();
    let made_up: Vec<_> = described.difference(&routes).collect();
    assert!(missing.is_empty() && made_up.is_empty(), "not described: {missing:?}; not there: {made_up:?}");
}

#[test]
fn every_operation_says_all_that_it_may_answer() {
    let description = description();
    let mut ids = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(
                ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
                "{method} {path}: its id is taken"
            );
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
            let answers = operation["responses"].as_object().unwrap();
            let content = &answers["200"]["content"];
            assert!(content.as_object().is_some_and(|kinds| !kinds.is_empty()), "{method} {path}: what is its answer?");
            if operation["security"] != json!([]) {
                for status in ["400", "401", "403", "429", "503"] {
                    assert!(answers.contains_key(status), "{method} {path}: {status}");
                }
            }
            let declared = operation["parameters"].as_array().cloned().unwrap_or_default();
            for name in path.split(['{', '}']).skip(1).step_by(2) {
                let found = declared.iter().find(|found| found["name"] == name && found["in"] == "path");
                assert_eq!(found.map(|found| &found["required"]), Some(&json!(true)), "{method} {path}: {name}");
            }
        }
    }
    let mut refs = Vec::new();
    references(&description, &mut refs);
    for reference in refs {
        assert!(description.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Holds answers against the description.
pub struct Judge {
    description: Value,
    seen: BTreeMap<String, BTreeSet<u16>>,
}

impl Judge {
    pub fn of(description: Value) -> Self {
        Self { description, seen: BTreeMap::new() }
    }

    /// Operations that were answered with what they are for, as `get /path`.
    pub fn answered(&self) -> BTreeSet<String> {
        let good = self.seen.iter().filter(|(_, seen)| seen.contains(&200));
        good.map(|(operation, _)| operation.clone()).collect()
    }

    pub fn check(&mut self, method: &str, path: &str, status: u16, answer: &Value) {
        let operation = &self.description["paths"][path][method];
        let mut told = &operation["responses"][status.to_string()];
        assert!(!told.is_null(), "{method} {path} answered {status}, of which nothing is said: {answer}");
        if let Some(reference) = told["$ref"].as_str() {
            told = self.description.pointer(&reference[1..]).unwrap();
        }
        let mut schema = told["content"]["application/json"]["schema"].clone();
        assert!(!schema.is_null(), "{method} {path} {status}");
        schema["components"] = self.description["components"].clone();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let wrong: Vec<String> =
            validator.iter_errors(answer).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert!(wrong.is_empty(), "{method} {path} {status}: {wrong:#?} in {answer}");
        self.seen.entry(format!("{method} {path}")).or_default().insert(status);
    }

    async fn ask(
        &mut self,
        served: &Served,
        who: &str,
        method: &str,
        path: &str,
        asked: &str,
        body: Option<&str>,
    ) -> Value {
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let (status, answer) = served.call(who, verb, asked, body).await;
        self.check(method, path, status.as_u16(), &answer);
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_what_the_description_says() {
    let served = Served::ready("drill").await;
    let description = served.get("/api/v1/openapi.json").await;
    assert_eq!(description["openapi"], "3.1.0");
    let mut judge = Judge::of(description.clone());
    let declare = r#"{"type": "declareIncident", "severity": "SEV2", "title": "fax on fire", "services": ["desk"]}"#;
    judge.ask(&served, "alice", "post", "/api/v1/commands", "/api/v1/commands", Some(declare)).await;
    let (snapshot, _) = newest(&served.handle().state(), "papers");
    let values = [
        ("/api/v1/snapshots/{id}/difference", format!("/api/v1/snapshots/{snapshot}/difference")),
        ("/api/v1/services/{name}/history", "/api/v1/services/desk/history".to_owned()),
        ("/api/v1/reports/postmortem/{id}", "/api/v1/reports/postmortem/INC-1".to_owned()),
        ("/api/v1/audit/proof/{seq}", "/api/v1/audit/proof/1".to_owned()),
        ("/api/v1/audit/consistency", "/api/v1/audit/consistency?old=1&new=2".to_owned()),
        ("/api/v1/audit/purge", "/api/v1/audit/purge?seqs=1".to_owned()),
        ("/api/v1/witness", "/api/v1/witness?origin=elsewhere".to_owned()),
        ("/api/v1/logs/{service}", "/api/v1/logs/desk".to_owned()),
        ("/api/v2/alerts", "/api/v2/alerts?filter=alertname%3DErrors&active=true".to_owned()),
        ("/api/emergency/backups/{id}", format!("/api/emergency/backups/{snapshot}")),
        ("/api/emergency/incidents/{id}", "/api/emergency/incidents/INC-1".to_owned()),
        ("/api/emergency/circuit-breaker/{name}", "/api/emergency/circuit-breaker/desk".to_owned()),
    ];
    let values: BTreeMap<&str, String> = values.into_iter().collect();
    let of = |path: &str| {
        let made_up = || path.replace("{id}", "99").replace("{name}", "nobody").replace("{seq}", "99");
        values.get(path).cloned().unwrap_or_else(made_up)
    };
    for (path, method) in described(&description) {
        // What answers with a text is asked for elsewhere.
        if ["/healthz", "/metrics"].contains(&path.as_str()) || path.starts_with("/ping/") {
            continue;
        }
        let security = &description["paths"][&path][&method]["security"];
        let public = security.as_array().is_some_and(|ways| ways.is_empty() || ways.contains(&json!({})));
        if method == "get" {
            judge.ask(&served, "alice", "get", &path, &of(&path), None).await;
        } else {
            judge.ask(&served, "alice", "post", &path, &of(&path), Some("{")).await;
            judge.ask(&served, "alice", "post", &path, &of(&path), Some("[1]")).await;
        }
        if !public {
            judge.ask(&served, "eve", &method, &path, &of(&path), None).await;
        }
    }
    let back = format!(r#"{{"backupId": "{snapshot}"}}"#);
    let confirmed = format!(r#"{{"backupId": "{snapshot}", "confirm": true}}"#);
    let posts = [
        ("/api/emergency/circuit-breaker/{name}/force", r#"{"to": "open", "reason": "racks", "minutes": 5}"#),
        ("/api/emergency/circuit-breaker/{name}/reset", r#"{"reason": "done"}"#),
        ("/api/emergency/simulate-error", r#"{"service": "desk", "severity": "CRITICAL"}"#),
        ("/api/emergency/test-system", "{}"),
        ("/api/emergency/backups/create", "{}"),
        ("/api/emergency/backups/test-rollback", back.as_str()),
        ("/api/emergency/rollback", back.as_str()),
        ("/api/emergency/rollback", confirmed.as_str()),
        ("/api/v1/errors", r#"{"service": "desk", "message": "timeout"}"#),
        ("/api/v1/alertmanager", r#"{"version": "4", "alerts": [{"labels": {"alertname": "Errors"}}]}"#),
        ("/api/v2/alerts", r#"[{"labels": {"alertname": "Errors", "service": "desk"}}]"#),
        ("/api/v1/audit/checkpoint", "{}"),
        ("/api/v1/verify", "{}"),
    ];
    for (path, body) in posts {
        let asked = path.replace("{name}", "desk");
        judge.ask(&served, "erin", "post", path, &asked, Some(body)).await;
    }
    for (path, query) in [
        ("/api/emergency/incidents", "?state=open&severity=SEV2&service=desk&since=1h&limit=1"),
        ("/api/emergency/incidents", "?state=closed"),
        ("/api/emergency/incidents", "?limit=0"),
        ("/api/emergency/incidents", "?sort=age"),
        ("/api/emergency/backups", "?state=complete&component=papers"),
        ("/api/emergency/metrics", "?timeRange=90d"),
        ("/api/emergency/metrics", "?timeRange=1y"),
        ("/api/emergency/circuit-breakers", "?state=closed"),
        ("/api/v1/services/{name}/history", "?window=7d"),
    ] {
        let asked = format!("{}{query}", of(path));
        judge.ask(&served, "vic", "get", path, &asked, None).await;
    }
    for (operation, seen) in &judge.seen {
        assert!(seen.contains(&401) || operation.ends_with("openapi.json"), "{operation}: nobody was kept out of it");
    }
    let answered =
        judge.seen.iter().filter(|(operation, seen)| operation.contains("/emergency/") && !seen.contains(&200));
    let answered: Vec<_> = answered.collect();
    assert!(answered.is_empty(), "never answered with what it is for: {answered:?}");
    served.stop().await;
}
