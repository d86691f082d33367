//! The fields of the front matter: which there are, and what each may hold.

use std::time::Duration;

use chrono::NaiveDate;

use super::{
    FrontMatter, Input, InputKind, Phi, Proof, Scenario, ServiceRef,
    finding::Notes,
    header::{Entry, Header, Spot, Value},
};
use crate::{
    domain::{
        Severity,
        runbook::{duration, is_input_name, is_slug, service_ref},
    },
    platform::Role,
};

/// The format that is read here.
pub const FORMAT: &str = "runbook/v1";

const FIELD: &str = "field";
const KNOWN: [&str; 27] = [
    "codeblue",
    "id",
    "title",
    "scenario",
    "severity",
    "services",
    "detects",
    "owner",
    "deputy",
    "min_role",
    "phi",
    "rto",
    "rpo",
    "time_budget",
    "inputs",
    "requires",
    "escalate_after",
    "drills",
    "verified_on",
    "verified_hash",
    "reviewed_on",
    "review_every",
    "hipaa",
    "supersedes",
    "shell",
    "cwd",
    "tag",
];
const SEVERITIES: [(&str, Severity); 4] =
    [("SEV1", Severity::Sev1), ("SEV2", Severity::Sev2), ("SEV3", Severity::Sev3), ("SEV4", Severity::Sev4)];
pub(super) const ROLES: [(&str, Role); 5] = [
    ("viewer", Role::Viewer),
    ("engineer", Role::Engineer),
    ("technical-lead", Role::TechnicalLead),
    ("cto", Role::Cto),
    ("compliance-officer", Role::ComplianceOfficer),
];

/// Reads the fields; none when one that is needed is missing or wrong. Every problem is noted.
pub(super) fn front_matter(header: &Header, notes: &mut Notes) -> Option<FrontMatter> {
    let mut fields = Fields { header, notes };
    fields.unknown();
    let format = fields.text("codeblue", "codeblue: runbook/v1");
    let id = fields.name("id", "an id such as RB-02-database-connection");
    let title = fields.text("title", "one line");
    let scenario = fields.choice("scenario", &Scenario::CHOICES);
    let severity = fields.choice("severity", &SEVERITIES);
    let services = fields.services();
    let detects = fields.names("detects", true);
    let owner = fields.text("owner", "a team, because names of people are out of date first");
    let deputy = fields.text("deputy", "the team that stands in");
    let min_role = fields.choice("min_role", &ROLES);
    let phi = fields.choice("phi", &Phi::CHOICES);
    let rto = fields.duration("rto", true);
    let rpo = fields.duration("rpo", true);
    let time_budget = fields.duration("time_budget", true);
    let inputs = fields.inputs();
    let requires = fields.names("requires", false);
    let escalate_after = fields.duration("escalate_after", false);
    let drills = fields.names("drills", true);
    let reviewed_on = fields.date("reviewed_on");
    let review_every = fields.duration("review_every", true);
    let proof = fields.proof();
    let hipaa = fields.list("hipaa", false).map(|items| items.into_iter().map(|spot| spot.text).collect());
    let supersedes = fields.optional("supersedes").map(|spot| spot.text.clone());
    if format.is_some_and(|format| format != FORMAT) {
        let at = fields.at("codeblue");
        fields.notes.error("format", at, "codeblue", "this program does not read that format", FORMAT);
        return None;
    }
    Some(FrontMatter {
        id: id?,
        title: title?,
        scenario: scenario?,
        severity: severity?,
        services: services?,
        detects: detects?,
        owner: owner?,
        deputy: deputy?,
        min_role: min_role?,
        phi: phi?,
        rto: rto?,
        rpo: rpo?,
        time_budget: time_budget?,
        inputs,
        requires: requires.unwrap_or_default(),
        escalate_after,
        drills: drills?,
        proof,
        reviewed_on,
        review_every: review_every?,
        hipaa: hipaa.unwrap_or_default(),
        supersedes,
    })
}

struct Fields<'a> {
    header: &'a Header,
    notes: &'a mut Notes,
}

impl<'a> Fields<'a> {
    fn unknown(&mut self) {
        for entry in self.header.entries.iter().filter(|entry| !KNOWN.contains(&entry.key.as_str())) {
            self.notes.unknown(FIELD, entry.at, &entry.key, "it is no field", &entry.key, KNOWN);
        }
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.header.entries.iter().find(|entry| entry.key == key)
    }

    fn at(&self, key: &str) -> usize {
        self.entry(key).map_or(0, |entry| entry.at)
    }

    /// The one value of a field that may be absent.
    fn optional(&mut self, key: &'static str) -> Option<&'a Spot> {
        let entry = self.entry(key)?;
        match &entry.value {
            Value::One(spot) if !spot.text.is_empty() => return Some(spot),
            Value::One(_) => self.notes.error(FIELD, entry.at, key, "it is empty", "a value, or no such field"),
            Value::Many(_) => self.notes.error(FIELD, entry.at, key, "it is a list", "one value"),
        }
        None
    }

    fn one(&mut self, key: &'static str, expected: &str) -> Option<&'a Spot> {
        if self.entry(key).is_none() {
            self.notes.error(FIELD, 0, key, "it is missing", expected);
        }
        self.optional(key)
    }

    fn text(&mut self, key: &'static str, expected: &str) -> Option<String> {
        self.one(key, expected).map(|spot| spot.text.clone())
    }

    fn name(&mut self, key: &'static str, expected: &str) -> Option<String> {
        let spot = self.one(key, expected)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if spot.text.len() > 64 || !spot.text.chars().all(allowed) {
            self.notes.error(
                FIELD,
                spot.at,
                key,
                format!("{:?} is no name", spot.text),
                "at most 64 letters, digits, - and .",
            );
            return None;
        }
        Some(spot.text.clone())
    }

    fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let spot = self.one(key, &format!("one of {}", words.join(", ")))?;
        let found = choices.iter().find(|(word, _)| *word == spot.text).map(|(_, choice)| *choice);
        if found.is_none() {
            self.notes.unknown(FIELD, spot.at, key, &format!("{:?} is none of them", spot.text), &spot.text, words);
        }
        found
    }

    fn duration(&mut self, key: &'static str, needed: bool) -> Option<Duration> {
        let expected = "a duration such as 30m, 90d or 1h 30m";
        let spot = if needed { self.one(key, expected) } else { self.optional(key) }?;
        let found = duration(&spot.text);
        if found.is_none() {
            self.notes.error(FIELD, spot.at, key, format!("{:?} is no duration", spot.text), expected);
        }
        found
    }

    fn date(&mut self, key: &'static str) -> Option<NaiveDate> {
        let spot = self.optional(key)?;
        let found = spot.text.parse().ok();
        if found.is_none() {
            self.notes.error(FIELD, spot.at, key, format!("{:?} is no date", spot.text), "a date such as 2026-01-15");
        }
        found
    }

    fn list(&mut self, key: &'static str, needed: bool) -> Option<Vec<Spot>> {
        let expected = "a list such as [records-db, auth]";
        let Some(entry) = self.entry(key) else {
            if needed {
                self.notes.error(FIELD, 0, key, "it is missing", expected);
            }
            return None;
        };
        match &entry.value {
            Value::Many(items) if !items.is_empty() || !needed => Some(items.clone()),
            Value::One(spot) if spot.text.is_empty() && !needed => Some(Vec::new()),
            Value::Many(_) => {
                self.notes.error(FIELD, entry.at, key, "the list is empty", expected);
                None
            }
            Value::One(_) => {
                self.notes.error(FIELD, entry.at, key, "it is no list", expected);
                None
            }
        }
    }

    fn names(&mut self, key: &'static str, needed: bool) -> Option<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for spot in self.list(key, needed)? {
            if names.contains(&spot.text) {
                self.notes.error(FIELD, spot.at, key, format!("{:?} is listed twice", spot.text), "each once");
            } else if !is_slug(&spot.text) {
                let what = format!("{:?} is no name", spot.text);
                self.notes.error(FIELD, spot.at, key, what, "lower-case letters, digits, - and .");
            } else {
                names.push(spot.text);
            }
        }
        Some(names)
    }

    fn services(&mut self) -> Option<Vec<ServiceRef>> {
        let mut services = Vec::new();
        for spot in self.list("services", true)? {
            match service_ref(&spot.text) {
                Some(service) => services.push(service),
                None => {
                    let what = format!("{:?} names no service", spot.text);
                    self.notes.error(FIELD, spot.at, "services", what, "a name as in the platform file, or $INPUT");
                }
            }
        }
        Some(services)
    }

    fn inputs(&mut self) -> Vec<Input> {
        let mut inputs: Vec<Input> = Vec::new();
        for spot in self.list("inputs", false).unwrap_or_default() {
            match input(&spot.text) {
                Ok(found) if inputs.iter().any(|input| input.name == found.name) => {
                    self.notes.error(
                        "input",
                        spot.at,
                        "inputs",
                        format!("{} is declared twice", found.name),
                        "each once",
                    );
                }
                Ok(found) => inputs.push(found),
                Err((what, expected)) => self.notes.error("input", spot.at, "inputs", what, expected),
            }
        }
        inputs
    }

    fn proof(&mut self) -> Option<Proof> {
        let on = self.date("verified_on");
        let hash = self.optional("verified_hash").cloned();
        match (on, hash) {
            (Some(on), Some(hash)) if hash.text.len() == 64 && hash.text.chars().all(|c| c.is_ascii_hexdigit()) => {
                Some(Proof { on, hash: hash.text })
            }
            (_, Some(hash)) => {
                let expected = "both verified_on and verified_hash, as a drill writes them, or neither";
                self.notes.error(FIELD, hash.at, "verified_hash", "no drill has written this", expected);
                None
            }
            _ => None,
        }
    }
}

/// Reads `NAME:type:default:hint`.
fn input(text: &str) -> Result<Input, (String, String)> {
    let mut parts = text.splitn(4, ':');
    let mut part = || parts.next().unwrap_or_default().trim().to_owned();
    let (name, kind, default, hint) = (part(), part(), part(), part());
    if !is_input_name(&name) {
        return Err((
            format!("{name:?} is no name of an input"),
            "NAME:type:default:hint, such as DATABASE:service:records-db:the database".to_owned(),
        ));
    }
    let kind = input_kind(&kind)?;
    if default.is_empty() {
        return Ok(Input { name, kind, default: None, hint });
    }
    match kind.problem(&default) {
        Some(expected) => Err((format!("the default of {name} is {default:?}"), expected)),
        None if kind == InputKind::Secret => {
            Err((format!("{name} is a secret with a default"), format!("{name}:secret::HINT")))
        }
        None => Ok(Input { name, kind, default: Some(default), hint }),
    }
}

/// The types an input may have, by their names.
pub(super) fn input_kind(word: &str) -> Result<InputKind, (String, String)> {
    let choices = word.strip_prefix("choice(").and_then(|rest| rest.strip_suffix(')'));
    if let Some(choices) = choices {
        let choices: Vec<String> = choices.split('/').map(|choice| choice.trim().to_owned()).collect();
        if choices.len() > 1 && choices.iter().all(|choice| !choice.is_empty()) {
            return Ok(InputKind::Choice(choices));
        }
    }
    Ok(match word {
        "string" => InputKind::String,
        "int" => InputKind::Int,
        "duration" => InputKind::Duration,
        "path" => InputKind::Path,
        "service" => InputKind::Service,
        "component" => InputKind::Component,
        "incident" => InputKind::Incident,
        "secret" => InputKind::Secret,
        _ => {
            let expected = "one of string, int, duration, path, service, component, incident, secret, choice(a/b)";
            return Err((format!("{word:?} is no type of an input"), expected.to_owned()));
        }
    })
}
