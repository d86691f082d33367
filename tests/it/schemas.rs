//! What `codeblue schema` says of documents is true of those that the real program prints.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cli::{Script, platform};

/// The schema of a command's document, as the program prints it.
fn schema(script: &Script, command: &str) -> Value {
    let words: Vec<&str> = std::iter::once("schema").chain(command.split(' ')).collect();
    let (code, out, err) = script.run(&words);
    assert_eq!(code, 0, "{command}: {err}");
    serde_json::from_str(&out).unwrap()
}

/// The same where a field that it does not name is a mistake, unless it says that there may be others.
fn strict(part: &Value) -> Value {
    match part {
        Value::Object(fields) => {
            let mut strict: serde_json::Map<String, Value> =
                fields.iter().map(|(key, value)| (key.clone(), self::strict(value))).collect();
            let names_fields = fields.get("type").is_some() && fields.get("properties").is_some_and(Value::is_object);
            if names_fields && !fields.contains_key("additionalProperties") {
                strict.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
            }
            strict.into()
        }
        Value::Array(parts) => parts.iter().map(self::strict).collect(),
        other => other.clone(),
    }
}

/// Places of a schema that say nothing of what is there.
fn silent(part: &Value, place: &str, found: &mut Vec<String>) {
    let Value::Object(fields) = part else { return };
    let types = match &fields.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    let says = |keys: &[&str]| keys.iter().any(|key| fields.contains_key(*key));
    let is_bare = types.contains(&"object") && !says(&["properties", "additionalProperties"])
        || types.contains(&"array") && !says(&["items", "prefixItems"])
        || fields.keys().all(|key| key == "description");
    if is_bare {
        found.push(place.to_owned());
    }
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("properties" | "$defs", Value::Object(parts)) => {
                parts.iter().for_each(|(name, part)| silent(part, &format!("{place}.{name}"), found));
            }
            ("items" | "additionalProperties", part) => silent(part, &format!("{place}[]"), found),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(parts)) => {
                parts.iter().for_each(|part| silent(part, place, found));
            }
            _ => {}
        }
    }
}

fn mistakes(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::draft202012::new(schema).unwrap_or_else(|error| panic!("{schema}: {error}"));
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// What schemas were held against.
struct Held<'s> {
    script: &'s Script,
    commands: BTreeSet<String>,
}

impl Held<'_> {
    /// Runs a command, of whose words the first so many name its document, and holds what it prints against the schema.
    fn run(&mut self, words: usize, arguments: &[&str]) -> Value {
        let name = arguments[..words].join(" ");
        let (code, document) = self.script.json(arguments);
        let name = if document.get("error").is_some() { "error".to_owned() } else { name };
        // What is looked through and found wanting is told as well.
        let found = name == "validate-integrity" && code == 1;
        assert!(code == 0 || code == 10 || found || name == "error", "{arguments:?}: {code}: {document}");
        let mistakes = mistakes(&strict(&schema(self.script, &name)), &document);
        assert!(mistakes.is_empty(), "{arguments:?}: {mistakes:#?}\n{document:#}");
        self.commands.insert(name);
        document
    }
}

#[test]
fn every_schema_stands_by_itself_and_turns_down_what_is_no_such_document() {
    let script = Script::new();
    let listed = script.json(&["schema", "list"]).1;
    let listed = listed.as_array().unwrap();
    assert!(listed.len() > 125, "{} documents", listed.len());
    for entry in listed {
        let name = entry["command"].as_str().unwrap();
        assert!(!entry["description"].as_str().unwrap().is_empty(), "{name}");
        let schema = schema(&script, name);
        assert_eq!(schema["title"], format!("codeblue {name} --json"));
        assert!(!mistakes(&schema, &json!("no document")).is_empty(), "{name} takes anything");
        let mut says_nothing = Vec::new();
        silent(&schema, name, &mut says_nothing);
        assert!(says_nothing.is_empty(), "{says_nothing:#?}");
    }
    let incidents = schema(&script, "incident list");
    assert!(!mistakes(&incidents, &json!([{"id": "INC-1"}])).is_empty());
    let (code, _, err) = script.run(&["schema", "incident"]);
    assert!(code == 2 && err.contains("incident list, incident merge"), "{err}");
    let (code, _, err) = script.run(&["schema", "frobnicate"]);
    assert!(code == 2 && err.contains("`codeblue schema` lists them"), "{err}");
}

#[test]
fn what_the_program_prints_is_what_the_schemas_say() {
    let script = Script::new();
    std::fs::create_dir_all(script.home()).unwrap();
    std::fs::write(script.home().join("codeblue.toml"), platform(script.folder.path())).unwrap();
    let mut held = Held { script: &script, commands: BTreeSet::new() };
    held.run(1, &["status"]);
    let _engine = script.serve();

    let snapshot =
        held.run(2, &["snapshot", "create", "--component", "labels-code"])["id"].as_str().unwrap().to_owned();
    held.run(1, &["create-snapshot", "--no-wait"]);
    held.run(1, &["rollback", "--service", "labels", "--to", "v2", "--reason", "r", "--dry-run"]);
    held.run(1, &["rollback", "--service", "labels", "--to", "v2", "--reason", "r", "--confirm", "labels", "--wait"]);
    let asked = held.run(1, &["rollback", "--service", "charts", "--to", "v2", "--reason", "r", "--confirm", "charts"]);
    let events = asked["events"].as_array().unwrap();
    let change = events.iter().find_map(|event| event["event"]["change"].as_str()).unwrap().to_owned();
    held.run(2, &["change", "show", &change]);
    held.run(2, &["change", "show", &change, "--dry-run"]);
    held.run(2, &["change", "payload", &change]);
    held.run(2, &["change", "approve", &change, "--plan", "another"]);
    held.run(2, &["change", "withdraw", &change, "--reason", "no"]);
    held.run(2, &["incident", "declare", "charts cannot be opened", "-s", "2", "--service", "charts"]);
    held.run(2, &["incident", "declare", "nor can labels", "-s", "3", "--service", "labels"]);
    let incidents = held.run(2, &["incident", "list"]);
    let id = |place: usize| incidents[place]["id"].as_str().unwrap().to_owned();
    let (newer, older) = (id(0), id(1));
    held.run(2, &["incident", "ack", &older]);
    held.run(2, &["incident", "note", &older, "the vendor was called"]);
    held.run(2, &["incident", "show", &older]);
    held.run(2, &["incident", "error", "charts", "no key for token"]);
    held.run(2, &["incident", "escalate", &older, "--reason", "stuck"]);
    held.run(2, &["incident", "link", &newer, &older]);
    held.run(2, &["incident", "merge", &newer, &older]);
    held.run(2, &["incident", "resolve", &older, "--reason", "it works"]);
    held.run(2, &["incident", "reopen", &older, "--reason", "it does not"]);
    held.run(2, &["breaker", "force", "labels", "open", "--reason", "racks"]);
    held.run(2, &["breaker", "reset", "labels", "--reason", "done"]);
    held.run(2, &["deploy", "record", "labels-code", "v2"]);
    held.run(2, &["service", "maintenance", "labels", "--for", "1h"]);
    held.run(2, &["automation", "halt", "--reason", "stop"]);
    held.run(2, &["automation", "release"]);
    held.run(2, &["snapshot", "pin", &snapshot]);
    held.run(2, &["snapshot", "verify", &snapshot]);
    held.run(2, &["snapshot", "show", &snapshot]);
    held.run(2, &["recovery", "show", "REC-1"]);
    held.run(2, &["service", "show", "labels"]);
    held.run(2, &["operator", "show", &held_login(&script)]);
    held.run(3, &["incident", "action", "add", &older, "ask the vendor", "--kind", "prevent", "--owner", "alice"]);
    held.run(2, &["incident", "postmortem", &older]);
    held.run(2, &["report", "postmortem", &older]);
    held.run(2, &["report", "situation", &older]);
    held.run(2, &["report", "handover"]);
    held.run(2, &["report", "recovery", "REC-1"]);
    held.run(2, &["snapshot", "diff", &snapshot]);
    held.run(2, &["snapshot", "test-restore", &snapshot]);
    held.run(2, &["runbook", "show", "RB-01"]);
    held.run(2, &["runbook", "plan", "RB-04"]);
    held.run(2, &["runbook", "run", "RB-05", "--incident", &older]);
    held.run(2, &["runbook", "show-run", "RUN-1"]);
    held.run(2, &["report", "run", "RUN-1"]);
    held.run(2, &["runbook", "runs"]);
    held.run(2, &["runbook", "abandon", "RUN-1", "--reason", "a trial"]);
    held.run(2, &["knowledge", "show", "complete-outage"]);
    held.run(2, &["knowledge", "search", "release"]);
    held.run(2, &["drill", "show", "bad-release"]);
    held.run(2, &["audit", "prove", "5"]);
    held.run(2, &["audit", "consistency", "3", "5"]);
    held.run(1, &["status", "--full"]);
    held.run(1, &["reload", "--dry-run"]);
    held.run(2, &["audit", "show", "1"]);
    for command in [
        "status",
        "service list",
        "service maintenance",
        "alert list",
        "breaker list",
        "incident list",
        "incident errors",
        "snapshot list",
        "snapshot restic-env",
        "recovery list",
        "deploy list",
        "change list",
        "break-glass list",
        "continuity list",
        "action list",
        "automation show",
        "oncall who",
        "oncall schedule",
        "oncall overrides",
        "operator list",
        "token list",
        "host list",
        "host socket",
        "audit list",
        "audit verify",
        "report metrics",
        "runbook list",
        "runbook runs",
        "drill list",
        "drill held",
        "drill lint",
        "drill proofs",
        "drill heatmap",
        "drill schedule",
        "knowledge list",
        "incident action list",
        "policy show",
        "operator certificate list",
        "settings show",
        "settings themes",
        "sandbox faults",
        "host status",
        "audit checkpoint",
        "check",
        "validate-integrity",
        "patterns",
        "schema list",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        held.run(words.len(), &words);
    }
    assert!(held.commands.len() > 80, "only {} documents were seen: {:?}", held.commands.len(), held.commands);
}

fn held_login(script: &Script) -> String {
    script.json(&["operator", "list"]).1[0]["name"].as_str().unwrap().to_owned()
}
