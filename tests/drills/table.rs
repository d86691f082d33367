//! Which drill runs which step of which book, as a page that people read.

use std::fmt::Write;

use codeblue::{
    domain::{
        Remedy,
        runbook::{Runbook, Step, Undo, Work},
    },
    runbook,
    sandbox::{self, DrillFile},
};

use super::{
    routes::TOURS,
    walker::{Coverage, Shown},
};

pub const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/coverage.md");

const HEAD: &str = "# Which drill runs which step\n\n\
    Each step of each [runbook](runbooks.md) that comes along is run by a [drill](drills.md) on the [sandbox](sandbox.md) whenever the tests of \
    codeblue are:\nreal processes are broken, people are played who walk through the book by commands to the engine, take every way that a \
    decision has, and take\nback what can be taken back. `tests/drills` does it, and fails when this page says something else, a row is empty, or a \
    step never passed.\n\n\
    *verified* means that the check which the step names said afterwards that it had worked. What stands *by hand* nobody but a person can do: \
    the drill\nhas it ticked and answered, and proves no more than that the run goes on.\n";

/// The books that come along, which are those that drills walk through.
pub fn books() -> Vec<Runbook> {
    runbook::built_in().map(|volume| volume.reading.runbook.unwrap()).collect()
}

fn shown<'a>(coverage: &'a Coverage, book: &Runbook, step: &Step) -> Option<&'a Shown> {
    coverage.get(&(book.front.id.clone(), step.name.clone()))
}

/// The page for what walks have shown.
pub fn page(coverage: &Coverage) -> String {
    let mut text = HEAD.to_owned();
    for book in books() {
        write!(text, "\n## {}\n\n| | step | kind | drills | what was seen |\n|---|---|---|---|---|\n", book.front.id)
            .unwrap();
        for step in book.steps() {
            let shown = shown(coverage, &book, step);
            let drills = shown.map(|shown| shown.drills.iter().cloned().collect::<Vec<_>>().join(", "));
            let seen = shown.map(|shown| seen(&book, step, shown));
            writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                step.number,
                step.name,
                step.work.name().to_lowercase(),
                drills.unwrap_or_default(),
                seen.unwrap_or_default()
            )
            .unwrap();
        }
    }
    text + &drills().unwrap_or_else(|missing| missing.join("\n"))
}

const DRILLS: &str = "\n## Which drill each book names\n\n\
    Every way in which each of these drills can be drawn is cured by a step of the book that names it. The *walked* ones are held for the tables above;\n\
    the others are held by `tests/sandbox`, fault by fault, and by people.\n\n| book | drill | what cures it, by which step | |\n|---|---|---|---|\n";

/// Each drill that a book names with the steps that cure it; else those of which there is none, or that no step would cure.
pub fn drills() -> Result<String, Vec<String>> {
    let volumes = sandbox::library(None).unwrap();
    let (mut text, mut missing) = (DRILLS.to_owned(), Vec::new());
    for book in books() {
        for name in &book.front.drills {
            let Some(file) = sandbox::find(&volumes, name).and_then(|volume| volume.drill.as_ref().ok()) else {
                missing.push(format!("{} names {name}, and there is no such drill", book.front.id));
                continue;
            };
            if file.book != book.front.id {
                missing.push(format!("{name} is for {}, and {} names it", file.book, book.front.id));
            }
            let cures = match cures(&book, file) {
                Ok(cures) => cures,
                Err(lacks) => {
                    missing.push(lacks);
                    continue;
                }
            };
            let walked = TOURS.iter().flat_map(|tours| tours.iter()).any(|tour| tour.drill == name);
            let walked = if walked { "walked" } else { "" };
            writeln!(text, "| {} | {name} | {cures} | {walked} |", book.front.id).unwrap();
        }
    }
    for file in volumes.iter().filter_map(|volume| volume.drill.as_ref().ok()) {
        let named = books().iter().any(|book| book.front.id == file.book && book.front.drills.contains(&file.id));
        if !named {
            missing.push(format!("{} is for {}, which does not name it", file.id, file.book));
        }
    }
    if missing.is_empty() { Ok(text) } else { Err(missing) }
}

/// The step that cures each variant of a drill.
fn cures(book: &Runbook, file: &DrillFile) -> Result<String, String> {
    let mut cures = Vec::new();
    for variant in &file.variants {
        let step = |cure: &Remedy, as_given: bool| book.steps().find(|step| does(book, step, cure, as_given));
        let found = variant.cured_by.iter().find_map(|cure| {
            let step = step(cure, true).or_else(|| step(cure, false))?;
            Some((cure, step))
        });
        let Some((cure, step)) = found else {
            let faults = variant.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(format!("{}: no step of {} cures {faults}: {:?}", file.id, file.book, variant.cured_by));
        };
        let cure = match cure {
            Remedy::RunAction { service, action } => format!("{action} {service}: {}", step.name),
            Remedy::RollBack { component } => format!("roll back {component}: {}", step.name),
        };
        if !cures.contains(&cure) {
            cures.push(cure);
        }
    }
    Ok(cures.join("; "))
}

/// Whether a step does this, of the service or component that it names or that its input has as it is given; or could be given.
fn does(book: &Runbook, step: &Step, cure: &Remedy, as_given: bool) -> bool {
    let Some(execution) = step.work.execution().filter(|_| step.work.change().is_some()) else { return false };
    let command = &execution.command;
    let is = |word: &codeblue::domain::runbook::Word, name: &str| {
        let of_input = |input: &str| {
            let given =
                book.front.inputs.iter().find(|known| known.name == input).and_then(|known| known.default.as_ref());
            !as_given || given.is_some_and(|given| given == name)
        };
        word.text().map_or_else(|| word.input().is_some_and(of_input), |text| text == name)
    };
    match cure {
        Remedy::RunAction { service, action } => {
            let words = command.words();
            command.declared_action().is_some_and(|(_, known)| known == *action)
                && words.get(3).is_some_and(|word| is(word, service))
        }
        Remedy::RollBack { component } => {
            let owner = component.rsplit_once('-').map_or(component.as_str(), |(service, _)| service);
            let rolls_back = command.words().get(1).and_then(codeblue::domain::runbook::Word::text) == Some("rollback");
            rolls_back
                && (command.values_of("--component").any(|word| is(word, component))
                    || command.values_of("--service").any(|word| is(word, owner)))
        }
    }
}

fn seen(book: &Runbook, step: &Step, shown: &Shown) -> String {
    if !shown.passed {
        return String::new();
    }
    let takes_back = book.steps().find(|other| matches!(other.work.undo(), Some(Undo::Step(by)) if *by == step.name));
    let mut seen = match &step.work {
        Work::Decision { choices } => format!("{} of {} choices", shown.choices.len(), choices.len()),
        Work::Manual(_) => "by hand".to_owned(),
        _ if shown.verified => "run, verified".to_owned(),
        _ => "run".to_owned(),
    };
    if let Some(other) = takes_back {
        write!(seen, ", takes back {}", other.name).unwrap();
    }
    seen
}

/// Steps that no drill has run, that never passed, were never verified though they say how, and choices that nobody took.
pub fn empty_rows(coverage: &Coverage) -> Vec<String> {
    let mut empty = Vec::new();
    for book in books() {
        for step in book.steps() {
            let mut lacks =
                |what: String| empty.push(format!("{} {} {}: {what}", book.front.id, step.number, step.name));
            let Some(shown) = shown(coverage, &book, step) else {
                lacks("no drill comes to it".to_owned());
                continue;
            };
            if !shown.passed {
                lacks(format!("it never passed: {:?}", shown.ends));
            }
            if step.work.action().is_some_and(|action| action.verify.is_some()) && !shown.verified {
                lacks("it was never verified".to_owned());
            }
            if let Work::Decision { choices } = &step.work {
                for choice in (1..=choices.len()).filter(|choice| !shown.choices.contains(choice)) {
                    lacks(format!("nobody took choice {choice}"));
                }
            }
        }
    }
    empty
}
