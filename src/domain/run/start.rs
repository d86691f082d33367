//! How a run begins: who may begin it, on what, and what has to be known.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    act::{holds_role, person},
    apply::begun,
    record::{Run, RunInput, RunMode},
    walk::{Walk, resolved},
};
use crate::{
    domain::{
        Event, IncidentId, Meta, Named, Refusal, State, next_step, role_name,
        runbook::{Input, InputKind, Runbook, Step, Work},
        text,
    },
    platform::Platform,
};

/// Names that every run knows without being told.
pub const GIVEN: [&str; 2] = ["INCIDENT", "RUN"];

/// The values of a book's inputs on a platform, if one is known, and what is wrong with those given. A secret is known to be there,
/// and its value goes no further.
#[must_use]
pub fn inputs_of(
    book: &Runbook,
    platform: Option<&Platform>,
    given: &BTreeMap<String, String>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut values, mut wrong) = (BTreeMap::new(), Vec::new());
    for name in given.keys() {
        if book.front.inputs.iter().all(|input| input.name != *name) && !GIVEN.contains(&name.as_str()) {
            wrong.push(format!("the book has no input {name}"));
        }
    }
    values.extend(GIVEN.into_iter().filter_map(|name| Some((name.to_owned(), given.get(name)?.clone()))));
    for input in &book.front.inputs {
        let Some(value) = given.get(&input.name).or(input.default.as_ref()) else {
            let hint = if input.hint.is_empty() { String::new() } else { format!(": {}", input.hint) };
            wrong.push(format!("{} ({}) has no value{hint}", input.name, input.kind.name()));
            continue;
        };
        wrong.extend(problem(platform, input, value));
        let value = if input.kind == InputKind::Secret { "***" } else { value };
        values.insert(input.name.clone(), value.to_owned());
    }
    (values, wrong)
}

/// What is wrong with the value of an input.
pub(super) fn problem(platform: Option<&Platform>, input: &Input, value: &str) -> Option<String> {
    let known = platform.is_none_or(|platform| match input.kind {
        InputKind::Service => platform.service(value).is_some(),
        InputKind::Component => platform.component(value).is_some(),
        _ => true,
    });
    match input.kind.problem(value) {
        Some(expected) => Some(format!("{} is {value:?}, expected {expected}", input.name)),
        None if !known => {
            Some(format!("{} is {value:?}, and the platform has no such {}", input.name, input.kind.name()))
        }
        None => None,
    }
}

/// Decides that a run begins. The book comes from the engine's own library, so that nobody has it run what is not in one.
pub(in crate::domain) fn start(
    state: &State,
    found: Option<Arc<Runbook>>,
    seen: Option<&str>,
    given: &BTreeMap<String, String>,
    incident: Option<IncidentId>,
    mode: RunMode,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let name = person(meta)?;
    let book = found.ok_or_else(|| {
        Refusal::new("unknown-runbook", "the engine has no such runbook")
            .hint("see which it has: codeblue runbook list")
    })?;
    if seen.is_some_and(|seen| seen != book.hash) {
        return Err(Refusal::new("runbook-changed", format!("{} says something else by now", book.front.id))
            .hint(format!("read it again: codeblue runbook show {}", book.front.id)));
    }
    if !holds_role(state, name, book.front.min_role) {
        let role = role_name(book.front.min_role);
        return Err(Refusal::new("role-needed", format!("{} is begun by the {role}", book.front.id))
            .hint(next_step::WHO_HAS_IT));
    }
    if let Some(id) = incident
        && !state.incident(id)?.state.is_open()
    {
        return Err(Refusal::new("incident-not-open", format!("{id} is over"))
            .hint("name an open one: codeblue incident list --open"));
    }
    let same = |run: &&Arc<Run>| run.is_open() && run.book.front.id == book.front.id && run.incident == incident;
    if let Some(open) = state.runs.values().find(same) {
        return Err(Refusal::new("run-open", format!("{} walks through {} already", open.id, book.front.id))
            .hint(format!("go on with it: codeblue runbook show-run {}", open.id)));
    }
    if let Some(step) = book.steps().find(|step| asks_for_secret(step)) {
        return Err(secret_needed(&step.name));
    }
    if book.front.inputs.iter().any(|input| input.kind == InputKind::Secret) {
        return Err(secret_needed("its front matter"));
    }
    let (mut values, wrong) = inputs_of(&book, Some(&state.platform), given);
    if !wrong.is_empty() {
        return Err(Refusal::new("run-inputs", wrong.join("; ")).hint("give them with --input NAME=VALUE"));
    }
    for value in values.values_mut() {
        *value = text::remark("input", value)?;
    }
    let run = state.next_run();
    values.insert("RUN".to_owned(), run.to_string());
    match incident {
        Some(incident) => drop(values.insert("INCIDENT".to_owned(), incident.to_string())),
        None if mentions_incident(&book) => {
            return Err(Refusal::new("run-incident", format!("steps of {} act for an incident", book.front.id))
                .hint("name it: --incident INC-n, or open one: codeblue incident declare"));
        }
        None => {}
    }
    let services: BTreeSet<String> =
        book.front.services.iter().filter_map(|service| resolved(&values, service)).collect();
    if let Some(unknown) = services.iter().find(|name| state.platform.service(name).is_none()) {
        return Err(Refusal::unknown(Named::Service, unknown).hint("say which is meant: --input NAME=VALUE"));
    }
    let inputs = values.into_iter().map(|(name, value)| RunInput { name, value }).collect();
    let services = services.into_iter().collect();
    // What is walked through while a drill is on is part of it: it never counts as done in earnest.
    let drill = state.drills.running().map(|drill| drill.id);
    let mode = if drill.is_some() { RunMode::Drill } else { mode };
    let started = Event::RunStarted { run, book, inputs, services, incident, mode, drill };
    let Some(begun) = begun(&started, meta.at, &meta.actor) else { return Ok(Vec::new()) };
    let mut walk = Walk::new(state, &begun, meta);
    walk.begin();
    Ok([started].into_iter().chain(walk.events()).collect())
}

fn asks_for_secret(step: &Step) -> bool {
    let Work::Manual(manual) = &step.work else { return false };
    let mut asked = manual.tasks.iter().filter_map(|task| task.answer.as_ref());
    asked.any(|asked| asked.kind == InputKind::Secret)
}

fn secret_needed(place: &str) -> Refusal {
    Refusal::new(
        "run-secret",
        format!("{place} asks for a secret, and a run keeps none and passes none as an argument"),
    )
    .hint("let an action of the platform file read it from where it is kept")
}

fn mentions_incident(book: &Runbook) -> bool {
    let commands = book.steps().filter_map(|step| step.work.execution());
    commands.flat_map(|execution| execution.command.inputs()).any(|name| name == "INCIDENT")
}
