//! What must hold between the parts of one book.

use crate::domain::GIVEN;
use std::collections::{BTreeMap, BTreeSet};

use super::{
    Command, Condition, Ended, FrontMatter, InputKind, OnTrouble, SectionKind, ServiceRef, Step, Target, Undo, Word,
    Work, finding::Notes, front::FORMAT, parse::DraftBook, read_step::Draft, visible,
};

/// Notes every rule that does not hold.
pub(super) fn check(draft: &DraftBook<'_>, notes: &mut Notes) {
    sections(draft, notes);
    names(draft, notes);
    let known: Vec<&str> = draft.steps.iter().map(|step| step.name.as_str()).collect();
    for found in &draft.steps {
        let Some(step) = &found.step else { continue };
        layout(draft.text, found, step, notes);
        targets(draft, found, step, &known, notes);
        command_rules(draft, found, step, notes);
    }
    inputs(draft, notes);
    if draft.header.as_ref().is_some_and(|header| header.entries.iter().all(|entry| entry.key != "codeblue")) {
        notes.error("format", 0, "codeblue", "the file does not say which format it has", FORMAT);
    }
}

fn sections(draft: &DraftBook<'_>, notes: &mut Notes) {
    let end = draft.text.len();
    let found: Vec<(SectionKind, usize)> =
        draft.sections.iter().filter_map(|section| Some((section.kind?, section.at))).collect();
    for (index, kind) in SectionKind::ALL.into_iter().enumerate() {
        let mut places = found.iter().filter(|(section, _)| *section == kind);
        let Some((_, at)) = places.next() else {
            let before = SectionKind::ALL[..index]
                .last()
                .map_or("first".to_owned(), |before| format!("after \"{}\"", before.title()));
            notes.error(
                "section",
                end,
                kind.title(),
                "the section is missing",
                format!("\"## {}\" {before}", kind.title()),
            );
            continue;
        };
        if let Some((_, again)) = places.next() {
            notes.error("section", *again, kind.title(), "the section comes twice", "each once");
        }
        let has_steps = draft.steps.iter().any(|step| step.section == kind);
        let is_empty = draft.sections.iter().any(|section| section.kind == Some(kind) && section.text.is_empty());
        if is_empty && !has_steps {
            notes.error(
                "section",
                *at,
                kind.title(),
                "the section is empty",
                "text or steps; say so where there is nothing to do",
            );
        }
    }
    for pair in found.windows(2).filter(|pair| pair[1].0 < pair[0].0) {
        let what = format!("it stands after \"{}\"", pair[0].0.title());
        notes.error("section", pair[1].1, pair[1].0.title(), what, "the nine sections in their order");
    }
    if draft.steps.is_empty() {
        notes.error(
            "section",
            end,
            "",
            "the book has no steps",
            "headings such as \"### 1. Declare and page\" in its sections",
        );
    }
}

fn names(draft: &DraftBook<'_>, notes: &mut Notes) {
    let mut seen = BTreeSet::new();
    for step in draft.steps.iter().filter(|step| !seen.insert(step.name.as_str())) {
        notes.error("step-name", step.raw.at, &step.name, "two steps have this name", "each name once");
    }
}

/// What other programs and readers see agrees with the attributes.
fn layout(text: &str, found: &Draft, step: &Step, notes: &mut Notes) {
    if found.raw.number != Some(step.number) {
        let what = format!("it is step {} of the book", step.number);
        notes.error(
            "step-number",
            found.raw.at,
            &step.name,
            what,
            format!("\"### {}. {}\"; `codeblue runbook fmt` writes it", step.number, step.title),
        );
    }
    let right = visible::line(step);
    match visible::written(text, &found.raw) {
        None => notes.error(
            "visible-line",
            found.raw.at,
            &step.name,
            "it has no visible line",
            format!("{right} below its heading; `codeblue runbook fmt` writes it"),
        ),
        Some(range) if text[range.clone()] != right => {
            notes.error(
                "visible-line",
                range.start,
                &step.name,
                "the visible line says something else than the attributes",
                format!("{right}; `codeblue runbook fmt` writes it"),
            );
        }
        Some(_) => {}
    }
}

/// Every step that is named exists, and is of the kind that is needed there.
fn targets(draft: &DraftBook<'_>, found: &Draft, step: &Step, known: &[&str], notes: &mut Notes) {
    let at = found.block.as_ref().map_or(found.raw.at, |block| block.attributes.at);
    let mut missing = |rule: &'static str, at: usize, name: &str, what: &str| {
        let is_missing = !known.contains(&name);
        if is_missing {
            notes.unknown(
                rule,
                at,
                &step.name,
                &format!("{what} is {name:?}, and no step has that name"),
                name,
                known.iter().copied(),
            );
        }
        is_missing
    };
    let mut wrong: Vec<(&'static str, usize, String, &str)> = Vec::new();
    if let Some(Undo::Step(name)) = step.work.undo()
        && !missing("undo", at, name, "undo")
        && draft.steps.iter().any(|other| other.name == *name && !is_way_back(other, &step.name))
    {
        wrong.push((
            "undo",
            at,
            format!("undo is {name}, which stands outside of Rollback and so runs anyway"),
            "a step of the section Rollback, or one with \"when\":\"step.NAME.ok\" that takes it back in any case",
        ));
    }
    if let Work::Action(action) = &step.work {
        for (rule, name, what) in [("verify", &action.verify, "verify"), ("done-if", &action.done_if, "doneIf")] {
            let Some(name) = name.as_ref().filter(|name| !missing(rule, at, name, what)) else { continue };
            let looks = |other: &Draft| {
                other.name == *name
                    && other.step.as_ref().is_some_and(|step| !matches!(step.work, Work::Check(_) | Work::Wait(_)))
            };
            if draft.steps.iter().any(looks) {
                wrong.push((rule, at, format!("{what} is {name}, which does not look"), "a check or a wait"));
            }
        }
        if action.once && action.idempotent {
            wrong.push(("once", at, "it may run again and may not".to_owned(), "once or idempotent"));
        }
    }
    if let Some(run) = step.work.execution() {
        for trouble in [&run.on_fail, &run.on_timeout] {
            if let OnTrouble::Goto(name) = trouble {
                missing("goto", at, name, "what comes next");
                if *name == step.name {
                    wrong.push(("goto", at, "it leads to itself".to_owned(), "retry, or another step"));
                }
            }
        }
    }
    if let Target::Step(name) = &step.then {
        missing("goto", at, name, "where it leads");
    }
    if let OnTrouble::Goto(name) = &step.on_skip {
        missing("goto", at, name, "what comes when it is skipped");
    }
    for name in &step.needs {
        missing("needs", at, name, "what it needs");
    }
    if let Some(Condition::Step { name, .. }) = &step.when {
        missing("when", at, name, "what it waits for");
    }
    if let Work::Decision { choices } = &step.work {
        for (choice, item) in choices.iter().zip(&found.raw.items) {
            let Target::Step(name) = &choice.to else { continue };
            if missing("goto", item.at, name, "where it leads") {
                continue;
            }
            let number = known.iter().position(|known| known == name).map_or(0, |index| index + 1);
            let written = item.text.rsplit_once('→').map_or("", |(_, target)| target.trim());
            if written != format!("step {number} ({name})") {
                let what = format!("it leads to {name} without saying that this is step {number}");
                wrong.push(("goto", item.at, what, "the number, which `codeblue runbook fmt` writes"));
            }
        }
    }
    for (rule, at, what, expected) in wrong {
        notes.error(rule, at, &step.name, what, expected);
    }
}

/// What a command of a step may do.
/// Whether a step runs only after what it takes back: it waits in Rollback until it is named, or says after which step it runs.
fn is_way_back(found: &Draft, taken_back: &str) -> bool {
    let when = found.step.as_ref().and_then(|step| step.when.as_ref());
    let after = matches!(when, Some(Condition::Step { name, ended: Ended::Ok }) if name == taken_back);
    found.section == SectionKind::Rollback || after
}

fn command_rules(draft: &DraftBook<'_>, found: &Draft, step: &Step, notes: &mut Notes) {
    let (Some(run), Some(block)) = (step.work.execution(), &found.block) else { return };
    let at = block.fence.body_at;
    let Some(program) = run.command.program() else {
        notes.error("command", at, &step.name, "an input names the program", "the program written out");
        return;
    };
    if matches!(step.work, Work::Check(_) | Work::Wait(_)) && program == "codeblue" && !only_reads(&run.command) {
        let what = "this command of codeblue changes something, or may";
        notes.error("check-writes", at, &step.name, what, "an action, or a command that only reads");
    }
    let Some(front) = &draft.front else { return };
    if program != "codeblue" && !front.requires.iter().any(|known| known == program) {
        let what = format!("it runs {program:?}, which the front matter does not ask for");
        notes.error("requires", at, &step.name, what, format!("requires: [{program}]"));
    }
    if step.work.change().is_some() {
        for service in run.command.services().filter(|service| !front.services.contains(service)) {
            let listed: Vec<String> = front.services.iter().map(ToString::to_string).collect();
            let what = format!("it acts on {service}, which is none of the book's services");
            notes.error(
                "blast-radius",
                at,
                &step.name,
                what,
                format!("one of {}, or more services in the front matter", listed.join(", ")),
            );
        }
    }
}

/// Commands of codeblue that change neither the platform nor the record of anybody.
fn only_reads(command: &Command) -> bool {
    const READS: [&str; 46] = [
        "status",
        "check",
        "diagnose",
        "patterns",
        "redact",
        "anomalies",
        "rootcause",
        "policy",
        "validate-integrity",
        "test-recovery",
        "service list",
        "service show",
        "incident list",
        "incident show",
        "incident errors",
        "snapshot list",
        "snapshot show",
        "snapshot diff",
        "snapshot verify",
        "snapshot test-restore",
        "recovery list",
        "recovery show",
        "deploy list",
        "change list",
        "change show",
        "break-glass list",
        "break-glass show",
        "action list",
        "automation show",
        "operator list",
        "operator show",
        "token list",
        "report recovery",
        "report postmortem",
        "report metrics",
        "audit list",
        "audit show",
        "audit verify",
        "audit prove",
        "audit consistency",
        "sandbox status",
        "runbook list",
        "runbook show",
        "runbook lint",
        "runbook plan",
        "host list",
    ];
    let words: Vec<&str> = command.words().iter().skip(1).filter_map(Word::text).collect();
    let first = words.first().copied().unwrap_or_default();
    let two = format!("{first} {}", words.get(1).copied().unwrap_or_default());
    READS.contains(&first) || READS.contains(&two.as_str()) || command.has("--dry-run")
}

/// Inputs are declared before they are used, and used where they are declared.
fn inputs(draft: &DraftBook<'_>, notes: &mut Notes) {
    let Some(front) = &draft.front else { return };
    let known: BTreeMap<&str, &InputKind> =
        front.inputs.iter().map(|input| (input.name.as_str(), &input.kind)).collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let front_at = |key: &str| {
        let entry = draft.header.iter().flat_map(|header| &header.entries).find(|entry| entry.key == key);
        entry.map_or(0, |entry| entry.at)
    };
    for service in &front.services {
        let ServiceRef::Input(name) = service else { continue };
        used.insert(name);
        match known.get(name.as_str()) {
            None => notes.unknown(
                "input",
                front_at("services"),
                "services",
                &format!("${name} is no input"),
                name,
                known.keys().copied(),
            ),
            Some(InputKind::Service) => {}
            Some(_) => notes.error(
                "input",
                front_at("services"),
                "services",
                format!("${name} is no service"),
                format!("{name}:service:…"),
            ),
        }
    }
    // A step of the section Rollback runs after whatever it takes back, so it knows what any step has set.
    let late: BTreeSet<&str> = draft.steps.iter().filter_map(|found| found.step.as_ref()).flat_map(sets).collect();
    let mut given: BTreeSet<&str> = GIVEN.into_iter().collect();
    for found in &draft.steps {
        let Some(step) = &found.step else { continue };
        let at = found.block.as_ref().map_or(found.raw.at, |block| block.fence.body_at);
        let is_late = found.section == SectionKind::Rollback;
        for name in names_used(step) {
            used.insert(name);
            let is_known = known.contains_key(name) || given.contains(name) || is_late && late.contains(name);
            if !is_known {
                let all = known.keys().copied().chain(given.iter().copied());
                notes.unknown(
                    "input",
                    at,
                    &step.name,
                    &format!("${name} is neither declared nor set before"),
                    name,
                    all,
                );
            }
        }
        given.extend(sets(step));
    }
    for input in front.inputs.iter().filter(|input| input.kind == InputKind::Secret) {
        let what = format!(
            "{} is a secret, so no run of this book begins: its value would be an argument of a program",
            input.name
        );
        notes.warning(
            "secret",
            front_at("inputs"),
            "inputs",
            what,
            "an action of the platform file that reads it where it is kept",
        );
    }
    for input in front.inputs.iter().filter(|input| !used.contains(input.name.as_str())) {
        notes.warning(
            "input",
            front_at("inputs"),
            "inputs",
            format!("{} is asked for and never used", input.name),
            "no such input",
        );
    }
}

/// What a step sets for later ones.
fn sets(step: &Step) -> Vec<&str> {
    let captured = step.work.execution().into_iter().flat_map(|run| &run.sets).map(|capture| capture.name.as_str());
    let answered = match &step.work {
        Work::Manual(manual) => manual.tasks.as_slice(),
        _ => &[],
    };
    let answered = answered.iter().filter_map(|task| task.answer.as_ref()).map(|answer| answer.name.as_str());
    captured.chain(answered).collect()
}

/// The inputs a step needs.
fn names_used(step: &Step) -> Vec<&str> {
    let mut names: Vec<&str> = step.work.execution().into_iter().flat_map(|run| run.command.inputs()).collect();
    if let Some(Condition::Input { name, .. } | Condition::Action { service: ServiceRef::Input(name), .. }) = &step.when
    {
        names.push(name);
    }
    names
}

/// The day on which the front matter says that somebody last proved or reviewed the book.
pub(super) fn last_looked_at(front: &FrontMatter) -> Option<chrono::NaiveDate> {
    front.reviewed_on.max(front.proof.as_ref().map(|proof| proof.on))
}
