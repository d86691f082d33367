//! Which drill runs which step of which book, as a page that people read.

use std::fmt::Write;

use codeblue::{
    domain::runbook::{Runbook, Step, Undo, Work},
    runbook,
};

use super::walker::{Coverage, Shown};

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
    text
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
