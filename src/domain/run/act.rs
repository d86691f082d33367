//! What a step takes before it runs, and what becomes of an attempt. An attempt is on record before its program is begun.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use super::{
    apply::{after_loss, next_part},
    attempt::{AttemptEnd, AttemptPart, AttemptResult},
    record::{Run, RunMode, RunStepState, SkipCause, StepEnd},
    standing::command_of,
    walk::{Walk, resolved},
};
use crate::domain::{
    Assurance, ChangeState, Event, Meta, Named, Refusal, Role, RunId, State, next_step,
    operator::second_factor::without_code,
    recovery::action_began_between,
    role_name,
    runbook::{Approval, Confirm, InDrill, Manual, RateLimit, Step, Work},
};

/// Attempts of one step in one run at most.
const ATTEMPTS: usize = 100;

/// Decides that a step is run, or that a person has done it.
pub(in crate::domain) fn run_step(
    state: &State,
    id: RunId,
    step: &str,
    confirmation: Option<&str>,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let (run, step) = at(state, id, step)?;
    if run.end_of(&step.name) == Some(&StepEnd::Unknown) {
        return Err(Refusal::new("step-unknown", format!("nobody knows what {} has done", step.name))
            .hint(format!("say how it goes on: codeblue runbook resolve {id} --verify, --again or --done")));
    }
    begin(state, run, step, confirmation, meta, Vec::new())
}

/// Has a step run after all that it takes is there.
pub(super) fn begin(
    state: &State,
    run: &Run,
    step: &Step,
    confirmation: Option<&str>,
    meta: &Meta,
    first: Vec<Event>,
) -> Result<Vec<Event>, Refusal> {
    may(state, run, step, meta)?;
    if matches!(meta.assurance, Assurance::Token { .. }) && step.work.execution().is_some() && !step.work.only_looks() {
        return Err(Refusal::new(
            "token-may-not",
            "what this step runs acts as a person, so it takes one, not a token",
        )
        .hint(next_step::A_PERSON));
    }
    takes(state, run, step, meta)?;
    confirmed(step, confirmation)?;
    let is_proved = matches!(meta.assurance, Assurance::SecondFactor { .. });
    if !is_proved && run.asks_for_code(step) {
        without_code(state, person(meta)?, &format!("what {} runs", step.name))?;
    }
    let mut walk = Walk::new(state, run, meta);
    for event in first {
        walk.push(event);
    }
    match &step.work {
        Work::Decision { .. } => {
            return Err(Refusal::new("choice-needed", format!("{} is a decision", step.name))
                .hint(format!("choose: codeblue runbook answer {} --choose N", run.id)));
        }
        Work::Manual(manual) => {
            all_done(run, step, manual)?;
            walk.end(step, &StepEnd::Ok);
        }
        Work::Gate { .. } => walk.end(step, &StepEnd::Ok),
        _ if run.mode == RunMode::Drill && step.drill == InDrill::Simulate => walk.end(step, &StepEnd::Simulated),
        Work::Action(action) if action.done_if.is_some() => walk.push(begun(run, step, AttemptPart::DoneIf, is_proved)),
        Work::Action(_) | Work::Check(_) | Work::Wait(_) | Work::Notify(_) => {
            walk.push(begun(run, step, AttemptPart::Work, is_proved));
        }
    }
    Ok(walk.events())
}

/// That somebody wants a part of a step run.
pub(super) fn begun(run: &Run, step: &Step, part: AttemptPart, proved: bool) -> Event {
    Event::RunStepBegun { run: run.id, step: step.name.clone(), turn: run.turn + 1, part, proved }
}

/// The step at which an open run stands, while no program runs for it.
pub(super) fn at<'a>(state: &'a State, id: RunId, step: &str) -> Result<(&'a Run, &'a Step), Refusal> {
    let run = state.run(id)?;
    let Some(current) = run.current() else {
        return Err(Refusal::new("run-over", format!("{id} is over")).hint(format!(
            "what it came to: codeblue report run {id}; begin the book again: codeblue runbook run {}",
            run.book.front.id
        )));
    };
    if current.name != step {
        if run.book.step(step).is_none() {
            return Err(Refusal::unknown(Named::Step, step));
        }
        return Err(Refusal::new("not-the-step", format!("{id} stands at {}, not at {step}", current.name))
            .hint(format!("see where it stands: codeblue runbook show-run {id}")));
    }
    if run.is_busy() {
        return Err(
            Refusal::new("step-running", format!("{step} runs")).hint(format!("see: codeblue runbook show-run {id}"))
        );
    }
    Ok((run, current))
}

/// The name of the person who gives a command.
pub(super) fn person(meta: &Meta) -> Result<&str, Refusal> {
    meta.actor.operator().ok_or_else(|| Refusal::new("person-needed", "a run is for people").hint(next_step::A_PERSON))
}

/// Whether an operator may do what asks for a role.
pub(super) fn holds_role(state: &State, operator: &str, role: Role) -> bool {
    state.operators.get(operator).is_some_and(|known| match role {
        Role::Viewer => known.may_act(),
        role => known.can_stand_for(role),
    })
}

/// Who gives a command may do this step.
pub(super) fn may<'a>(state: &State, run: &Run, step: &Step, meta: &'a Meta) -> Result<&'a str, Refusal> {
    let name = person(meta)?;
    if holds_role(state, name, step.role) {
        return Ok(name);
    }
    let role = role_name(step.role);
    Err(Refusal::new("role-needed", format!("step {} of {} takes the {role}", step.number, run.id))
        .hint(next_step::WHO_HAS_IT))
}

/// What a step takes besides a person: what it needs, what it may act on, how often, and who else agrees.
fn takes(state: &State, run: &Run, step: &Step, meta: &Meta) -> Result<(), Refusal> {
    blocked(state, run, step, meta.at)?;
    match step.work.approval() {
        Approval::SecondPerson => {
            let agreed = run.step(&step.name).and_then(|known| known.co_signed.as_ref()?.operator());
            let own = meta.actor.operator().unwrap_or_default();
            if agreed.is_none_or(|other| state.person(other) == state.person(own)) {
                return Err(Refusal::new(
                    "second-person",
                    format!("{} takes the agreement of somebody else", step.name),
                )
                .hint(format!("they run: codeblue runbook co-sign {}", run.id)));
            }
        }
        Approval::Change if matches!(step.work, Work::Gate { .. }) => agreed_change(state, run, step)?,
        Approval::Change | Approval::None => {}
    }
    Ok(())
}

/// A gate for a change is open once one for the incident is approved, and none waits.
fn agreed_change(state: &State, run: &Run, step: &Step) -> Result<(), Refusal> {
    let of_incident =
        || state.changes.values().filter(|change| change.incident.is_some() && change.incident == run.incident);
    if let Some(waiting) = of_incident().find(|change| change.state == ChangeState::Pending) {
        return Err(Refusal::new("change-waits", format!("{} waits for {}", step.name, waiting.id))
            .hint(format!("codeblue change show {}", waiting.id)));
    }
    if of_incident().any(|change| change.authorised_at.is_some()) {
        return Ok(());
    }
    Err(Refusal::new("change-needed", format!("{} takes an approved change for the incident", step.name))
        .hint("submit one and have it approved: codeblue change submit --incident ID"))
}

/// What keeps a step from running whoever asks.
pub(super) fn blocked(
    state: &State,
    run: &Run,
    step: &Step,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Refusal> {
    let unmet: Vec<&str> = step.needs.iter().map(String::as_str).filter(|name| !has_passed(run, name)).collect();
    if !unmet.is_empty() {
        return Err(Refusal::new("step-needs", format!("{} needs {} before it", step.name, unmet.join(", ")))
            .hint(format!("go back to what it needs: codeblue runbook show-run {}", run.id)));
    }
    let Some(execution) = step.work.execution() else { return Ok(()) };
    if let Err(missing) = execution.command.filled(&run.values) {
        return Err(Refusal::new("step-values", format!("{} is not known", missing.join(", ")))
            .hint(format!("give it: codeblue runbook answer {} --value NAME=VALUE", run.id)));
    }
    fenced(state, run, step)?;
    let attempts = run.step(&step.name).map_or(0, |known| known.attempts.len());
    if attempts >= ATTEMPTS {
        return Err(Refusal::new("attempts-limit", format!("{} was begun {attempts} times", step.name))
            .hint(format!("do it by hand and say so: codeblue runbook mark-done {} --reason WHY", run.id)));
    }
    let Work::Action(action) = &step.work else { return Ok(()) };
    if action.once && run.works(&step.name).next().is_some() {
        return Err(Refusal::new("once", format!("{} is begun once in a run, and was", step.name))
            .hint(format!("if it is done: codeblue runbook mark-done {} --reason …; else skip it", run.id)));
    }
    match &action.budget {
        Some(budget) => within(state, run, step, *budget, now),
        None => Ok(()),
    }
}

fn has_passed(run: &Run, name: &str) -> bool {
    run.end_of(name).is_some_and(StepEnd::has_passed)
}

/// A step that changes something acts on the services of its book alone.
fn fenced(state: &State, run: &Run, step: &Step) -> Result<(), Refusal> {
    let Some(execution) = step.work.execution().filter(|_| step.work.change().is_some()) else { return Ok(()) };
    let named = |option| execution.command.values_of(option).filter_map(|word| resolved(&run.values, &word.named()?));
    let by_component = named("--component").filter_map(|name| Some(state.platform.component(&name)?.service.clone()));
    let by_service = execution.command.services().filter_map(|service| resolved(&run.values, &service));
    let outside = by_service.chain(by_component).find(|service| !run.services.contains(service));
    match outside {
        Some(service) => Err(Refusal::new(
            "blast-radius",
            format!("{} acts on {service}, which is none of the book's services", step.name),
        )
        .hint(format!(
            "do it beside the run, once that is approved: codeblue action list shows what {service} can do"
        ))),
        None => Ok(()),
    }
}

/// What a step acts on, for how often that may be: the declared action, or the hash of the whole command.
fn target(run: &Run, step: &Step) -> Option<String> {
    let command = &step.work.execution()?.command;
    if let Some((service, action)) = command.declared_action() {
        return Some(format!("{}/{action}", resolved(&run.values, &service)?));
    }
    Some(hex::encode(Sha256::digest(command_of(run, step)?.join("\0"))))
}

/// How often something may happen on one target counts over all runs, and over what people did beside them.
fn within(
    state: &State,
    run: &Run,
    step: &Step,
    budget: RateLimit,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Refusal> {
    let Some(target) = target(run, step) else { return Ok(()) };
    let window = TimeDelta::from_std(budget.within).unwrap_or(TimeDelta::MAX);
    let since = now.checked_sub_signed(window).unwrap_or(chrono::DateTime::<chrono::Utc>::MIN_UTC);
    let attempts = state.runs.values().flat_map(|run| run.steps.values()).flat_map(|step| &step.attempts);
    let mut times: Vec<_> = attempts
        .filter(|attempt| {
            attempt.part == AttemptPart::Work && attempt.target.as_ref() == Some(&target) && attempt.at > since
        })
        .map(|attempt| (attempt.at, attempt.ended_at()))
        .collect();
    if let Some((service, action)) = target.split_once('/') {
        let beside: Vec<_> = action_began_between(state, service, action, since, now)
            .filter(|at| times.iter().all(|(begun, ended)| *at < *begun || ended.is_some_and(|ended| *at > ended)))
            .map(|at| (at, Some(at)))
            .collect();
        times.extend(beside);
    }
    if times.len() < budget.times as usize {
        return Ok(());
    }
    times.sort_unstable();
    let again = times.get(times.len() - budget.times as usize).and_then(|(at, _)| at.checked_add_signed(window));
    let again = again.map(|at| format!("not before {}", at.format("%H:%M:%S UTC"))).unwrap_or_default();
    let minutes = window.num_minutes();
    Err(Refusal::new("budget", format!("{} was begun {} times in {minutes} min: {again}", step.name, times.len()))
        .hint(format!("more of the same seldom helps; leave it out: codeblue runbook skip {} --reason WHY", run.id)))
}

fn confirmed(step: &Step, confirmation: Option<&str>) -> Result<(), Refusal> {
    let Work::Action(action) = &step.work else { return Ok(()) };
    let asked = match &action.confirm {
        Confirm::No => return Ok(()),
        Confirm::Yes => "yes",
        Confirm::Typed(text) => text,
    };
    if confirmation.is_some_and(|said| said.trim() == asked) {
        return Ok(());
    }
    Err(Refusal::new("not-confirmed", format!("{} runs once {asked:?} is typed", step.name))
        .hint(format!("--confirm {asked:?}")))
}

fn all_done(run: &Run, step: &Step, manual: &Manual) -> Result<(), Refusal> {
    let answers = run.step(&step.name).map(|known| &known.answers);
    let open = (1..).zip(&manual.tasks).filter(|(number, task)| {
        let answer = answers.and_then(|answers| answers.get(number));
        answer.is_none_or(|answer| task.answer.is_some() && answer.value.is_none())
    });
    let open: Vec<String> = open.map(|(number, _)| number.to_string()).collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(Refusal::new("tasks-open", format!("tasks of {} that are open: {}", step.name, open.join(", ")))
        .hint(format!("codeblue runbook answer {} --tick N, or --text N=ANSWER", run.id)))
}

/// Decides that a program is about to be begun: from here on it counts, whatever happens.
pub(in crate::domain) fn begin_attempt(
    state: &State,
    id: RunId,
    step: &str,
    part: AttemptPart,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let run = state.run(id)?;
    let found = run.book.step(step).filter(|_| *run.state_of(step) == RunStepState::Asked { part });
    let found = found.ok_or_else(|| {
        Refusal::new("attempt-over", format!("{step} of {id} is not to be begun"))
            .hint(format!("it has gone on meanwhile: codeblue runbook show-run {id}"))
    })?;
    let mut walk = Walk::new(state, run, meta);
    // Since somebody asked, the same may have been done elsewhere.
    let refused = if part == AttemptPart::Work { blocked(state, run, found, meta.at).err() } else { None };
    if run.step(step).is_some_and(|known| known.cancel.is_some()) {
        walk.end(found, &StepEnd::Cancelled);
    } else if let Some(refusal) = refused {
        walk.end(found, &StepEnd::Failed { why: refusal.message });
    } else {
        let target = if part == AttemptPart::Work { target(run, found) } else { None };
        walk.push(Event::RunAttemptBegun { run: id, step: step.to_owned(), part, target });
    }
    Ok(walk.events())
}

/// Decides what follows from what a program did.
pub(in crate::domain) fn finish_attempt(
    state: &State,
    id: RunId,
    step: &str,
    part: AttemptPart,
    result: AttemptResult,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let (run, found) = running(state, id, step, part)?;
    let mut walk = Walk::new(state, run, meta);
    let end = ended(run, found, part, &result);
    walk.push(Event::RunAttemptEnded { run: id, step: step.to_owned(), part, result });
    if let Some(end) = end {
        walk.end(found, &end);
    }
    Ok(walk.events())
}

/// How a step ends with one of its parts; none while it goes on.
fn ended(run: &Run, step: &Step, part: AttemptPart, result: &AttemptResult) -> Option<StepEnd> {
    if next_part(run, &step.name, part, result).is_some() {
        return None;
    }
    let acted = part == AttemptPart::Verify && run.works(&step.name).next().is_some();
    Some(match (part, &result.end) {
        (AttemptPart::DoneIf, AttemptEnd::Passed | AttemptEnd::Warned) => {
            let check = step.work.action().and_then(|action| action.done_if.clone()).unwrap_or_default();
            StepEnd::Skipped { cause: SkipCause::AlreadySo { check } }
        }
        (AttemptPart::DoneIf, AttemptEnd::TimedOut) => {
            StepEnd::Failed { why: "the check of whether it is done already took too long".to_owned() }
        }
        (_, AttemptEnd::Passed) => StepEnd::Ok,
        (_, AttemptEnd::Warned) => StepEnd::OkWarn,
        (AttemptPart::Verify, AttemptEnd::TimedOut) => {
            StepEnd::Failed { why: format!("{} took too long to say so", step.decider().unwrap_or_default()) }
        }
        (AttemptPart::Verify, AttemptEnd::Failed { why }) => {
            StepEnd::Failed { why: format!("{}: {why}", step.decider().unwrap_or_default()) }
        }
        // It was done, and nothing has said whether it has worked.
        (AttemptPart::Verify, _) if acted => StepEnd::Unknown,
        (_, AttemptEnd::Failed { why } | AttemptEnd::NotStarted { why }) => StepEnd::Failed { why: why.clone() },
        (_, AttemptEnd::TimedOut) => StepEnd::TimedOut,
        (_, AttemptEnd::Cancelled) => StepEnd::Cancelled,
    })
}

/// Decides what follows from the engine having died while a program ran.
pub(in crate::domain) fn lose_attempt(
    state: &State,
    id: RunId,
    step: &str,
    part: AttemptPart,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let (run, found) = running(state, id, step, part)?;
    let mut walk = Walk::new(state, run, meta);
    walk.push(Event::RunAttemptLost { run: id, step: step.to_owned(), part });
    if after_loss(run, step, part).is_none() {
        walk.end(found, &StepEnd::Unknown);
    }
    Ok(walk.events())
}

fn running<'a>(state: &'a State, id: RunId, step: &str, part: AttemptPart) -> Result<(&'a Run, &'a Step), Refusal> {
    let run = state.run(id)?;
    let found = run.book.step(step).filter(|_| *run.state_of(step) == RunStepState::Running { part });
    Ok((
        run,
        found.ok_or_else(|| {
            Refusal::new("attempt-over", format!("{step} of {id} does not run"))
                .hint(format!("it has gone on meanwhile: codeblue runbook show-run {id}"))
        })?,
    ))
}
