//! Every text that an event can hold is reviewed: it is a payload, which can be purged, or a name, which cannot. The types are read from the
//! source, so a new text in a type far below an event shows up here too.

use std::{collections::BTreeMap, path::Path};

use codeblue::domain::PAYLOADS;

/// What a type holds: fields of a struct, or variants of an enum with theirs.
enum Shape {
    Fields(Vec<Field>),
    Variants { tag: Option<String>, content: Option<String>, variants: Vec<(String, Vec<Field>)> },
}

/// A field: its name in JSON, none where its own fields stand in its place, and its type.
struct Field {
    name: Option<String>,
    of: String,
}

/// Types that hold no text, or one that is a name by what it is.
const KNOWN: &[&str] = &[
    "bool",
    "u8",
    "i8",
    "u32",
    "i32",
    "u64",
    "i64",
    "usize",
    "f64",
    "DateTime<Utc>",
    "NaiveDate",
    "Actor",
    "IncidentId",
    "ChangeId",
    "RecoveryId",
    "SnapshotId",
    "DiagnosisId",
    "DeploymentId",
    "BreakGlassId",
    "TokenId",
    "RunId",
    "DrillId",
    "OverrideId",
];

/// The platform file is in the journal as it is in force, and a runbook as it was when a run began: the rules decide by all of both.
const WHOLE: [&str; 2] = ["Platform", "Runbook"];

fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            files(&entry.path(), found);
        } else {
            found.push(std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn types() -> BTreeMap<String, Shape> {
    let (mut texts, mut types) = (Vec::new(), BTreeMap::new());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    files(&root.join("domain"), &mut texts);
    files(&root.join("platform"), &mut texts);
    // What a book says is named as things of the rules are: a step, a change, an approval.
    let books: Vec<String> = {
        let mut books = Vec::new();
        files(&root.join("domain/runbook"), &mut books);
        books
    };
    texts.retain(|text| !books.contains(text));
    for text in texts {
        let (mut attributes, mut lines) = (String::new(), text.lines());
        while let Some(line) = lines.next() {
            let words: Vec<&str> = line.split_whitespace().take(3).collect();
            match words.as_slice() {
                ["pub", kind @ ("struct" | "enum"), name, ..] if line.ends_with('{') => {
                    let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "}").collect();
                    let shape =
                        if *kind == "struct" { Shape::Fields(fields(&body, 4)) } else { variants(&attributes, &body) };
                    types.insert((*name).to_owned(), shape);
                }
                _ if line.starts_with("#[") => attributes += line,
                _ if line.starts_with("///") => {}
                _ => attributes.clear(),
            }
        }
    }
    types
}

/// The fields on the lines with this indent.
fn fields(lines: &[&str], indent: usize) -> Vec<Field> {
    let (mut found, mut attributes) = (Vec::new(), String::new());
    for line in lines {
        let inner = line.trim_start();
        if line.len() - inner.len() != indent || inner.starts_with("//") {
            continue;
        }
        if inner.starts_with("#[") {
            attributes += inner;
        } else if let Some((name, of)) = inner.trim_start_matches("pub ").trim_end_matches(',').split_once(": ") {
            found.push(field(&attributes, name, of));
            attributes.clear();
        }
    }
    found
}

fn field(attributes: &str, name: &str, of: &str) -> Field {
    let renamed = value_of(attributes, "rename").unwrap_or_else(|| camel(name));
    Field { name: (!attributes.contains("flatten")).then_some(renamed), of: of.to_owned() }
}

fn variants(attributes: &str, lines: &[&str]) -> Shape {
    let mut found: Vec<(String, Vec<Field>)> = Vec::new();
    let mut inside = Vec::new();
    for line in lines {
        let inner = line.trim_start();
        match line.len() - inner.len() {
            4 if inner.starts_with(char::is_uppercase) => {
                let name: String = inner.chars().take_while(|c| c.is_alphanumeric()).collect();
                let rest = inner[name.len()..].trim().trim_end_matches(',');
                let held = if let Some(one) = rest.strip_prefix('(') {
                    vec![Field { name: None, of: one.trim_end_matches(')').to_owned() }]
                } else if let Some(several) = rest.strip_prefix("{ ").and_then(|rest| rest.strip_suffix(" }")) {
                    several
                        .split(", ")
                        .filter_map(|one| one.split_once(": "))
                        .map(|(name, of)| field("", name, of))
                        .collect()
                } else {
                    Vec::new()
                };
                found.push((camel_of_type(&name), held));
                inside.clear();
            }
            8 => inside.push(*line),
            4 if inner.starts_with('}') => {
                if let Some((_, held)) = found.last_mut() {
                    *held = fields(&inside, 8);
                }
            }
            _ => {}
        }
    }
    Shape::Variants { tag: value_of(attributes, "tag"), content: value_of(attributes, "content"), variants: found }
}

/// What stands in quotes after a word in attributes.
fn value_of(attributes: &str, word: &str) -> Option<String> {
    let (_, rest) = attributes.split_once(&format!("{word} = \""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
}

fn camel_of_type(name: &str) -> String {
    name[..1].to_lowercase() + &name[1..]
}

/// Adds where texts stand in a type.
fn places(types: &BTreeMap<String, Shape>, of: &str, at: &str, found: &mut Vec<String>) {
    let of = of.trim().rsplit("::").next().unwrap_or(of);
    let inside = |name: &str| of.strip_prefix(name)?.strip_prefix('<')?.strip_suffix('>');
    if of == "String" {
        return found.push(at.to_owned());
    }
    if KNOWN.contains(&of) || WHOLE.contains(&of) {
        return;
    }
    for holder in ["Option", "Arc", "Box"] {
        if let Some(held) = inside(holder) {
            return places(types, held, at, found);
        }
    }
    for list in ["Vec", "BTreeSet"] {
        if let Some(held) = inside(list) {
            return places(types, held, &format!("{at}/*"), found);
        }
    }
    if let Some(both) = of.strip_prefix('(').and_then(|both| both.strip_suffix(')')) {
        for (number, part) in both.split(", ").enumerate() {
            places(types, part, &format!("{at}/{number}"), found);
        }
        return;
    }
    let shape = types.get(of).unwrap_or_else(|| panic!("{of}, at {at}, is not known: is it a text?"));
    let within = |fields: &[Field], at: &str, found: &mut Vec<String>| {
        for field in fields {
            let at = field.name.as_ref().map_or_else(|| at.to_owned(), |name| format!("{at}/{name}"));
            places(types, &field.of, &at, found);
        }
    };
    match shape {
        Shape::Fields(fields) => within(fields, at, found),
        Shape::Variants { tag, content, variants } => {
            for (name, fields) in variants {
                let at = match (tag, content) {
                    (_, Some(content)) => format!("{at}/{content}"),
                    (Some(_), None) => at.to_owned(),
                    (None, None) => format!("{at}/{name}"),
                };
                within(fields, &at, found);
            }
        }
    }
}

/// A text that is new here has to be decided on: say in `domain/payload.rs` that it is a payload, or accept it as a name. A name
/// stays for ever, so it must be one that the record needs to say who did what to what.
#[test]
fn every_text_of_an_event_is_a_payload_or_was_accepted_as_a_name() {
    let types = types();
    let Shape::Variants { variants, .. } = &types["Event"] else { panic!("an event is one of many") };
    assert!(variants.len() > 100, "only {} kinds of events were found", variants.len());
    let mut page = String::new();
    let mut known: Vec<(&str, &str)> = Vec::new();
    for (kind, fields) in variants {
        let mut found = Vec::new();
        for field in fields {
            let at = field.name.clone().unwrap_or_default();
            places(&types, &field.of, &at, &mut found);
        }
        found.sort();
        found.dedup();
        for place in found {
            let payload = PAYLOADS.iter().flat_map(|(kind, places)| places.iter().map(move |place| (*kind, *place)));
            let payload = payload.into_iter().find(|payload| *payload == (kind.as_str(), place.as_str()));
            known.extend(payload);
            page += &format!("{} {kind} {place}\n", if payload.is_some() { "payload" } else { "name   " });
        }
    }
    for (kind, places) in PAYLOADS {
        for place in *places {
            assert!(known.contains(&(kind, place)), "there is no text at {place} of {kind}");
        }
    }
    assert!(PAYLOADS.is_sorted_by(|(a, _), (b, _)| a < b), "it is searched by halves");
    insta::assert_snapshot!(page);
}
