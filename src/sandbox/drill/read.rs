//! Reads a drill's file. Everything that is wrong with it is told at once, with its line and what was probably meant.

use std::{ops::RangeInclusive, path::Path, time::Duration};

use super::file::{Decoy, DrillFile, FaultSpec, Variant};
use crate::{
    domain::{Blame, CAUSES, Cause, Objective, Part, Remedy},
    platform::{Problems, Reader, Section, Value, nearest},
    runbook::Scenario,
    sandbox::{FaultKind, SERVICES},
};

/// The format that is read here.
const FORMAT: &str = "drill/v1";
/// Characters of a title and of an objective.
const LINE: usize = 120;
const MOST_FAULTS: usize = 4;

const DETECT: Duration = Duration::from_secs(20);
const RECOVER: Duration = Duration::from_secs(120);
const STAY_WELL: Duration = Duration::from_secs(10);
const MAY_LOSE: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(600);
const SPAN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(25 * 60);

/// Reads the text of a drill's file; `file` is its name in problems.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(file: &Path, text: &str) -> Result<DrillFile, Problems> {
    Reader::file(file, text, drill)
}

fn drill(root: &mut Section<'_, '_>, reader: &mut Reader) -> Option<DrillFile> {
    root.require(reader, "codeblue", "codeblue = \"drill/v1\"", |reader, value, place| {
        reader.choice(value, place, &[(FORMAT, ())])
    });
    let id = root.require(reader, "id", "an id such as \"pool-exhaustion\"", Reader::name);
    let title = root.require(reader, "title", "one line", line);
    let scenarios = Scenario::CHOICES.map(|(word, scenario)| (word, (word, scenario)));
    let scenario = root.require(reader, "scenario", "one of the scenarios of runbooks", |reader, value, place| {
        reader.choice(value, place, &scenarios)
    });
    let book = root.require(reader, "book", "the id of a runbook", |reader, value, place| {
        reader.one_line(value, place, "the id of a runbook", 64)
    });
    let mut span =
        |reader: &mut Reader, key, usual| root.read(reader, key, duration).map_or(usual, |found: Duration| found);
    let detect_within = span(reader, "detect_within", DETECT);
    let recover_within = span(reader, "recover_within", RECOVER);
    let stay_well_for = span(reader, "stay_well_for", STAY_WELL);
    let may_lose = span(reader, "may_lose", MAY_LOSE);
    let limit = span(reader, "limit", LIMIT);
    let leaks = root.read(reader, "leaks", Reader::flag).unwrap_or_default();
    let objectives =
        root.require(reader, "objectives", "[objectives] with what people should be able to do", objectives);
    let at = root.at();
    let variants: Vec<Variant> = reader
        .sections(root.get("variant"), "variant")
        .into_iter()
        .filter_map(|section| variant(section, reader))
        .collect();
    let decoys: Vec<Decoy> =
        reader.sections(root.get("decoy"), "decoy").into_iter().filter_map(|section| decoy(section, reader)).collect();
    if variants.is_empty() && !reader.complained_of("variant") {
        reader.problem(at, "variant", "there is none", "[[variant]] with what is broken");
    }
    let (scenario_name, scenario) = scenario?;
    Some(DrillFile {
        id: id?.value,
        title: title?,
        scenario,
        scenario_name,
        book: book?.value,
        detect_within,
        recover_within,
        stay_well_for,
        may_lose,
        limit,
        leaks,
        objectives: objectives?,
        variants,
        decoys,
    })
}

fn line(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<String> {
    reader.one_line(value, place, "one line", LINE).map(|found| found.value)
}

fn duration(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Duration> {
    let read = reader.duration(value, place)?;
    if !SPAN.contains(&read) {
        reader.problem(value.span().start, place, "no drill lasts so long, or so short", "one second to 25 minutes");
    }
    Some(read)
}

fn objectives(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Vec<Objective>> {
    const KEYS: [(&str, Part); 6] = [
        ("detect", Part::Detect),
        ("declare", Part::Declare),
        ("diagnose", Part::Diagnose),
        ("recover", Part::Recover),
        ("validate", Part::Validate),
        ("discipline", Part::Discipline),
    ];
    let mut section = reader.section(value, place, "a table headed [objectives]")?;
    let mut found = Vec::new();
    for (key, part) in KEYS {
        found.extend(section.read(reader, key, line).map(|text| Objective { part, text }));
    }
    if found.is_empty() {
        reader.problem(section.at(), place, "there is none", "what people should be able to do, by part of the score");
    }
    section.finish(reader);
    Some(found)
}

fn variant(mut section: Section<'_, '_>, reader: &mut Reader) -> Option<Variant> {
    let expected = "faults and whom they hit, such as [\"pool-leak records-db\"]";
    let faults = section.require(reader, "faults", expected, |reader, value, place| {
        let items = reader.items(value, place, "faults");
        if items.is_empty() || items.len() > MOST_FAULTS {
            reader.problem(value.span().start, place, format!("there are {}", items.len()), "one to four faults");
        }
        Some(items.iter().filter_map(|item| fault(reader, item, place)).collect::<Vec<_>>())
    });
    let service = section.require(reader, "service", "the service in which the cause sits", service);
    let first = section.require(reader, "cause", "what the cause is, as in docs/diagnosis.md", cause);
    let also = section.read(reader, "also", |reader, value, place| {
        let items = reader.items(value, place, "causes");
        Some(items.iter().filter_map(|item| cause(reader, item, place)).collect::<Vec<_>>())
    });
    let expected = "what takes the cause away, such as [\"restart records-db\", \"roll-back records\"]";
    let cured_by = section.require(reader, "cured_by", expected, |reader, value, place| {
        let items = reader.items(value, place, "cures");
        if items.is_empty() && !reader.complained_of(place) {
            reader.problem(value.span().start, place, "it is empty", expected);
        }
        Some(items.iter().filter_map(|item| remedy(reader, item, place)).collect::<Vec<_>>())
    });
    section.finish(reader);
    let causes = std::iter::once(first?).chain(also.unwrap_or_default()).collect();
    Some(Variant { faults: faults?, blame: Blame { service: service?, causes }, cured_by: cured_by? })
}

fn decoy(mut section: Section<'_, '_>, reader: &mut Reader) -> Option<Decoy> {
    const KEYS: [&str; 3] = ["fault", "deployment", "noise"];
    let present = section.present(&KEYS);
    if present.len() != 1 {
        reader.problem(
            section.at(),
            "decoy",
            format!("it has {} of them", present.len()),
            "one of fault, deployment, noise",
        );
    }
    let of_fault = section.read(reader, "fault", fault).map(Decoy::Fault);
    let of_deployment = section.read(reader, "deployment", Reader::name).map(|found| Decoy::Deployment(found.value));
    let of_noise = section.read(reader, "noise", service).map(Decoy::Noise);
    section.finish(reader);
    of_fault.or(of_deployment).or(of_noise)
}

/// A fault with whom it hits.
fn fault(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<FaultSpec> {
    let expected = "a fault and whom it hits, such as \"pool-leak records-db\"";
    let text = reader.text(value, place, expected)?;
    let Some((name, target)) = text.value.split_once(' ') else {
        reader.problem(text.at, place, format!("{:?} does not say whom it hits", text.value), expected);
        return None;
    };
    let Some(fault) = FaultKind::ALL.into_iter().find(|fault| fault.name() == name) else {
        let meant = nearest(name, FaultKind::ALL.map(FaultKind::name));
        reader.report(
            text.at,
            place,
            format!("there is no fault {name:?}"),
            "codeblue sandbox faults".to_owned(),
            meant,
        );
        return None;
    };
    if let Err(error) = fault.target(Some(target)) {
        let meant = nearest(target, SERVICES.map(|service| service.name));
        reader.report(text.at, place, error.to_string(), expected.to_owned(), meant.filter(|meant| meant != target));
        return None;
    }
    Some(FaultSpec { fault, target: target.to_owned() })
}

fn service(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<String> {
    let words = SERVICES.map(|service| (service.name, service.name));
    reader.choice(value, place, &words).map(str::to_owned)
}

fn cause(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Cause> {
    let words: Vec<(&str, Cause)> = CAUSES.iter().map(|row| (row.name, row.cause)).collect();
    reader.choice(value, place, &words)
}

/// `ACTION SERVICE`, or `roll-back COMPONENT`.
fn remedy(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Remedy> {
    let expected = "an action and its service, such as \"restart records-db\", or \"roll-back COMPONENT\"";
    let text = reader.text(value, place, expected)?;
    let Some((action, named)) = text.value.split_once(' ').filter(|(_, named)| !named.contains(' ')) else {
        reader.problem(text.at, place, format!("{:?} is no cure", text.value), expected);
        return None;
    };
    if action == "roll-back" {
        return Some(Remedy::RollBack { component: named.to_owned() });
    }
    if SERVICES.iter().all(|service| service.name != named) {
        let meant = nearest(named, SERVICES.map(|service| service.name));
        reader.report(text.at, place, format!("there is no service {named:?}"), expected.to_owned(), meant);
        return None;
    }
    Some(Remedy::RunAction { service: named.to_owned(), action: action.to_owned() })
}
