//! What can be done at a step of a run, why it cannot, and what is asked before.

use super::{
    look::{leads, place_of, resolutions, run_of},
    say::Said,
};
use crate::{
    domain::{
        Awaited, Command, Run, RunOutcome, Stand, StepAnswer, StepStanding,
        runbook::{Approval, Confirm as Asked, Execution, Step, Undo, Work},
        standing,
    },
    tui::{
        action::{cannot_act, open},
        form::{Writing, open_form},
        message::Request,
        model::{Confirm, Model, Overlay, Screen},
        preview::by_the_rules,
    },
};

/// The step at which the run on the page stands, where it is the one that is looked at and somebody looks who may act.
///
/// # Errors
/// Why nothing can be done there, in words.
pub fn in_question(model: &Model) -> Result<(&Run, &Step), String> {
    let id = run_of(model.screen()).ok_or_else(|| format!("open a run first ({})", model.key("books")))?;
    if let Some(why) = cannot_act(model) {
        return Err(why);
    }
    let run = model.state.runs.get(&id).ok_or_else(|| format!("{id} is not known here"))?;
    let step = run.current().ok_or_else(|| format!("{id} is over"))?;
    let looked = match model.screen() {
        Screen::StepWhy(_, name) => run.book.step(name),
        _ => model.step_looked_at(run),
    };
    match looked {
        Some(looked) if looked.name != step.name => Err(format!(
            "{id} does not stand at step {}: {} goes to step {}",
            looked.number,
            model.key("walk-on"),
            step.number
        )),
        _ => Ok((run, step)),
    }
}

/// The rule that would say no, with the key that helps.
pub(in crate::tui) fn refused(model: &Model, command: Command) -> Option<String> {
    let refusal = by_the_rules(model, command).err()?;
    let key = match refusal.rule.as_str() {
        "second-person" => format!("; they press {}", model.key("co-sign")),
        "tasks-open" => "; their digits tick them".to_owned(),
        "choice-needed" => "; its digits choose".to_owned(),
        "step-unknown" => "; 1, 2 and 3 say so".to_owned(),
        "step-values" => format!("; {} gives it", model.key("step-value")),
        "change-waits" => format!("; {} opens it", model.key("walk-on")),
        _ => String::new(),
    };
    Some(if key.is_empty() { model.in_keys(&refusal.words()) } else { format!("{}{key}", refusal.message) })
}

/// What a step asks to be typed before it runs.
#[must_use]
pub fn asked_text(step: &Step) -> Option<String> {
    match &step.work.action()?.confirm {
        Asked::No => None,
        Asked::Yes => Some("yes".to_owned()),
        Asked::Typed(text) => Some(text.clone()),
    }
}

/// The command that has a step run.
pub(in crate::tui) fn run_step(run: &Run, step: &Step) -> Command {
    Command::RunStep { run: run.id, step: step.name.clone(), confirmation: asked_text(step) }
}

fn submit(command: Command) -> Vec<Request> {
    vec![Request::Submit(Box::new(command))]
}

/// Has the step run: at once where it only looks, else after a question that shows exactly what runs.
pub(in crate::tui) fn start(model: &mut Model) -> Vec<Request> {
    let Ok((run, step)) = in_question(model) else { return Vec::new() };
    let command = run_step(run, step);
    let (verb, asks) = match &step.work {
        Work::Check(_) | Work::Wait(_) => ("", false),
        Work::Manual(manual) => ("It is done", manual.tasks.is_empty()),
        Work::Gate { .. } => ("Go on", true),
        Work::Action(_) | Work::Notify(_) | Work::Decision { .. } => ("Run it", true),
    };
    if !asks {
        model.back_to_run();
        return submit(command);
    }
    let name = match step.work.action().map(|action| &action.confirm) {
        Some(Asked::Typed(text)) => Some(text.clone()),
        _ => None,
    };
    let (title, lines) = (format!("{} {}", step.number, step.title), before(model, run, step));
    model.back_to_run();
    ask(model, title, lines, (verb, name), command);
    Vec::new()
}

fn ask(model: &mut Model, title: String, lines: Vec<String>, (verb, name): (&str, Option<String>), command: Command) {
    model.overlay = Some(Overlay::Confirm(Confirm {
        title,
        lines,
        verb: verb.to_owned(),
        name,
        typed: String::new(),
        go: false,
        requests: submit(command),
    }));
}

/// What somebody has to know before a step runs: what may go wrong first.
fn before(model: &Model, run: &Run, step: &Step) -> Vec<String> {
    let mut lines: Vec<String> =
        step.cautions.iter().map(|caution| format!("CAUTION {}", caution.replace('\n', " "))).collect();
    if let Some(Execution { command, timeout, .. }) = step.work.execution() {
        let value = |name: &str| run.values.get(name).cloned().unwrap_or_else(|| format!("<{name}>"));
        lines.push(format!("$ {}", command.shown(value)));
        lines.push(format!("Takes   {} at most; then it is ended", humantime::format_duration(*timeout)));
    }
    match step.work.undo() {
        Some(Undo::Step(by)) => lines.push(format!("Undo    {by} takes it back ({})", model.key("undo-step"))),
        Some(Undo::None(why)) => lines.push(format!("UNDO    none: {why}")),
        None => {}
    }
    if step.work.approval() == Approval::Change && step.work.execution().is_some() {
        lines.push("Waits   for people to approve the change that it asks for".to_owned());
    }
    if let Some(check) = step.work.action().and_then(|action| action.verify.as_ref()) {
        lines.push(format!("Then    {check} decides whether it has worked"));
    }
    lines.push(format!("Goes on {}", leads(run, step, &step.then)));
    lines
}

/// What Enter does on the page of a run: what is next and harms nobody, or the way to what it waits for.
pub(in crate::tui) fn go_on(model: &mut Model) -> Vec<Request> {
    if !matches!(model.screen(), Screen::Run(_)) {
        model.back_to_run();
        return Vec::new();
    }
    let Some(run) = model.run_here() else { return Vec::new() };
    if let Stand::Ended { outcome: RunOutcome::ContinuedIn { book }, .. } = &run.stand {
        let book = Screen::Book(book.clone());
        return open(model, book);
    }
    let Some(step) = run.current() else {
        model.say(format!("{} is over; {} shows what was done", run.id, model.key("run-text")), false);
        return Vec::new();
    };
    if model.step_looked_at(run).is_some_and(|looked| looked.name != step.name) {
        let place = place_of(run, &step.name).unwrap_or_default();
        model.turn_to_step(place);
        return Vec::new();
    }
    let seen = standing(&model.state, run, step, model.now);
    if let StepStanding::WaitingApproval(change) = seen {
        return open(model, Screen::Change(change));
    }
    let waiting = model.state.changes.values().rev().find(|change| {
        matches!(step.work, Work::Gate { .. }) && change.incident == run.incident && change.state.is_open()
    });
    if let Some(change) = waiting {
        let screen = Screen::Change(change.id);
        return open(model, screen);
    }
    let is_harmless = step.work.only_looks() || matches!(step.work, Work::Manual(_));
    if is_harmless && !run.is_busy() {
        match in_question(model).map(|(run, step)| refused(model, run_step(run, step))) {
            Ok(None) => return start(model),
            Ok(Some(why)) | Err(why) => model.say(why, true),
        }
        return Vec::new();
    }
    let words = match seen {
        StepStanding::Running(_) => format!("it runs; {} ends it", model.key("cancel-step")),
        StepStanding::WaitingPerson(Awaited::Choice) => "choose with its digit".to_owned(),
        StepStanding::WaitingPerson(Awaited::SecondPerson) => {
            format!("somebody else agrees first: they press {}", model.key("co-sign"))
        }
        _ => format!(
            "{} runs it, after a question; {} leaves it out, {} says that it was done by hand",
            model.key("run-step"),
            model.key("skip-step"),
            model.key("step-done")
        ),
    };
    model.say(words, false);
    Vec::new()
}

/// Takes a digit on the page of a run: a choice, a task, or what is made of a step of which nobody knows what it has done.
pub(in crate::tui) fn choose(model: &mut Model, place: usize) -> Vec<Request> {
    let (run, step) = match in_question(model) {
        Ok(found) => found,
        Err(why) => {
            model.say(why, true);
            return Vec::new();
        }
    };
    let (id, name, number) = (run.id, step.name.clone(), place + 1);
    let said = |answer| Command::AnswerStep { run: id, step: name.clone(), answer };
    let unclear = resolutions(run, step);
    if !unclear.is_empty() {
        let Some((how, _)) = unclear.get(place) else { return nothing(model, "it has the choices 1 to 3") };
        let said = Said::Unclear(*how);
        return match super::say::unwritten(model, id, &name, &said).and_then(|command| refused(model, command)) {
            Some(why) => nothing(model, &why),
            None => open_form(model, &Writing::Step(id, name, said), None),
        };
    }
    match &step.work {
        Work::Manual(manual) => {
            let Some(task) = manual.tasks.get(place) else {
                return nothing(model, &format!("it has {} tasks", manual.tasks.len()));
            };
            let is_ticked = run.step(&name).is_some_and(|known| known.answers.contains_key(&number));
            let asks = task.answer.is_some();
            let answer =
                if is_ticked { StepAnswer::Untick { task: number } } else { StepAnswer::Tick { task: number } };
            if asks {
                return open_form(model, &Writing::Step(id, name, Said::Task(number)), None);
            }
            let command = said(answer);
            match refused(model, command.clone()) {
                Some(why) => nothing(model, &why),
                None => submit(command),
            }
        }
        Work::Decision { choices } => {
            let Some(choice) = choices.get(place) else {
                return nothing(model, &format!("it has the choices 1 to {}", choices.len()));
            };
            let command = said(StepAnswer::Choice { choice: number });
            if let Some(why) = refused(model, command.clone()) {
                return nothing(model, &why);
            }
            let lines = vec![choice.text.clone(), format!("Goes on {}", leads(run, step, &choice.to))];
            let title = format!("{} Choose {number}", step.number);
            ask(model, title, lines, ("Choose it", None), command);
            Vec::new()
        }
        _ => nothing(model, "there is nothing to choose at this step"),
    }
}

fn nothing(model: &mut Model, why: &str) -> Vec<Request> {
    model.say(why, true);
    Vec::new()
}

/// Asks before somebody agrees, as a second person, to exactly what is shown.
pub(in crate::tui) fn co_sign(model: &mut Model) -> Vec<Request> {
    let Ok((run, step)) = in_question(model) else { return Vec::new() };
    let mut lines = vec!["You agree to one attempt of exactly this, which somebody else begins:".to_owned()];
    lines.extend(before(model, run, step));
    let command = Command::CoSignStep { run: run.id, step: step.name.clone() };
    let title = format!("{} {}", step.number, step.title);
    model.back_to_run();
    ask(model, title, lines, ("Agree", None), command);
    Vec::new()
}

/// What the command of the step lacks, that a person could give: the first of it.
pub(in crate::tui) fn wants_value(model: &Model) -> Result<String, String> {
    let (run, step) = in_question(model)?;
    let missing = step.work.execution().and_then(|execution| execution.command.filled(&run.values).err());
    missing
        .and_then(|missing| missing.into_iter().next())
        .ok_or_else(|| format!("all that step {} needs is known", step.number))
}
