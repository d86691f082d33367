//! The forms of a run: how it is begun, and what is said at a step with words of one's own; what it leads to is found out by the rules
//! before it is sent.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use super::{
    act::asked_text,
    look::{leads, trouble},
};
use crate::{
    domain::{
        Command, Event, Run, RunId, RunMode, Stand, StepAnswer, UnknownAnswer, proof_of,
        runbook::{Input, InputKind, Runbook, Work},
    },
    runbook::plan,
    tui::{
        form::{Field, Form, Kind, Pick, Writing},
        model::{Model, Screen},
        preview::{Foreseen, give},
        written::{Breaks, Written},
    },
};

/// What an input, an answer or a reason may hold.
const LINE: usize = 400;
/// Stands where words are still to be written, so that the rules can be asked beforehand.
const UNWRITTEN: &str = "-";

/// What is said about a step, or about a run at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Said {
    /// It is left out.
    Skip,
    /// It was done by hand.
    Done,
    /// What it changed is taken back.
    Undo,
    /// What runs for it is ended.
    Cancel,
    /// The run is ended.
    Abandon,
    /// How it goes on although nobody knows what the step has done.
    Unclear(UnknownAnswer),
    /// The answer to a task, counted from 1.
    Task(usize),
    /// What a command needs and no step has set.
    Value(String),
}

impl Said {
    /// Whether what it leads to is shown before it is sent.
    #[must_use]
    pub fn is_decision(&self) -> bool {
        !matches!(self, Self::Task(_) | Self::Value(_))
    }
}

fn line(label: impl Into<Cow<'static, str>>, about: impl Into<Cow<'static, str>>) -> Field {
    Field { label: label.into(), about: about.into(), kind: Kind::Text(Written::new(LINE, Breaks::None)) }
}

fn pick(label: impl Into<Cow<'static, str>>, about: impl Into<Cow<'static, str>>) -> Field {
    Field { label: label.into(), about: about.into(), kind: Kind::Choice(Pick::default()) }
}

/// The fields of a form, as far as they follow from what it is for alone.
pub(in crate::tui) fn fields(purpose: &Writing) -> Vec<Field> {
    match purpose {
        Writing::StartRun(_) => vec![pick("For", ""), pick("Mode", "")],
        Writing::Step(_, _, said) => match said {
            Said::Skip => vec![line("Reason", "why it is left out")],
            Said::Done => vec![line("Reason", "how it was done, and how you know")],
            Said::Undo => vec![line("Reason", "why it is taken back")],
            Said::Cancel => vec![line("Reason", "why it has to end now")],
            Said::Abandon => vec![line("Reason", "why nobody goes on with it")],
            Said::Unclear(_) => vec![line("Reason", "what you have looked at, and what you saw")],
            Said::Task(_) | Said::Value(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The rest of its fields, and what they hold at first.
pub(in crate::tui) fn begun(model: &Model, form: &mut Form) {
    match form.purpose.clone() {
        Writing::StartRun(id) => {
            let Some(book) = model.book(&id).and_then(|book| book.runbook.clone()) else { return };
            let inputs = book.front.inputs.iter().map(field);
            form.fields.splice(0..0, inputs);
            for input in &book.front.inputs {
                form.fill(&input.name, input.default.as_deref().unwrap_or_default());
            }
        }
        Writing::Step(id, name, said) => {
            let Some(run) = model.state.runs.get(&id) else { return };
            let Some(step) = run.book.step(&name) else { return };
            match said {
                Said::Task(number) => {
                    let Work::Manual(manual) = &step.work else { return };
                    let Some(asked) = manual.tasks.get(number - 1).and_then(|task| task.answer.as_ref()) else {
                        return;
                    };
                    form.fields.push(Field { label: "Answer".into(), ..field(asked) });
                    let known = run.step(&name).and_then(|known| known.answers.get(&number)?.value.clone());
                    form.fill("Answer", &known.or_else(|| asked.default.clone()).unwrap_or_default());
                }
                Said::Value(value) => {
                    form.fields.push(line("Value", format!("{value}: what an earlier step should have found out")));
                }
                Said::Unclear(UnknownAnswer::RunAgain) => {
                    let asked = asked_text(step);
                    form.fields.extend(asked.map(|text| line("Confirm", format!("type: {text}"))));
                }
                _ => {}
            }
        }
        _ => {}
    }
}

fn field(input: &Input) -> Field {
    match &input.kind {
        InputKind::Choice(_) => pick(input.name.clone(), input.hint.clone()),
        kind => line(input.name.clone(), format!("{}: {}", kind.name(), input.hint)),
    }
}

/// What can be chosen in a field of such a form, the usual first.
pub(in crate::tui) fn answers(model: &Model, purpose: &Writing, label: &str) -> Vec<(String, String)> {
    let same = |value: &str, about: &str| (value.to_owned(), about.to_owned());
    match (purpose, label) {
        (Writing::StartRun(_), "Mode") => {
            let earnest = same("emergency", "in earnest");
            let drill = same("drill", "as a drill: steps say themselves what a drill does with them");
            vec![earnest, drill]
        }
        (Writing::StartRun(_), "For") => {
            let here = model.screens.iter().rev().find_map(|screen| match screen {
                Screen::Books(incident) => *incident,
                Screen::Incident(id) | Screen::Diagnosis(id, _) => Some(*id),
                Screen::Run(id) => model.state.runs.get(id).and_then(|run| run.incident),
                _ => None,
            });
            let mut open: Vec<_> = model.state.open_incidents().collect();
            open.sort_by_key(|incident| (Some(incident.id) != here, incident.severity, incident.id));
            let said = |incident: &crate::domain::Incident| {
                (incident.id.to_string(), format!("{} {} {}", incident.id, incident.severity, incident.title))
            };
            let mut all: Vec<(String, String)> = open.into_iter().map(said).collect();
            all.push(same("", "no incident"));
            all
        }
        (Writing::StartRun(id), label) => {
            let book = model.book(id).and_then(|book| book.runbook.as_ref());
            let input = book.and_then(|book| book.front.inputs.iter().find(|input| input.name == label));
            input.map(of_choice).unwrap_or_default()
        }
        (Writing::Step(id, name, Said::Task(number)), _) => {
            let run = model.state.runs.get(id);
            let Some(Work::Manual(manual)) = run.and_then(|run| run.book.step(name)).map(|step| &step.work) else {
                return Vec::new();
            };
            manual.tasks.get(number - 1).and_then(|task| task.answer.as_ref()).map(of_choice).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn of_choice(input: &Input) -> Vec<(String, String)> {
    let InputKind::Choice(choices) = &input.kind else { return Vec::new() };
    let mut all: Vec<(String, String)> = choices.iter().map(|choice| (choice.clone(), choice.clone())).collect();
    all.sort_by_key(|(value, _)| Some(value) != input.default.as_ref());
    all
}

/// What such a form asks for; the field that lacks something and what, else.
pub(in crate::tui) fn command(model: &Model, form: &Form) -> Result<Command, (&'static str, String)> {
    let needed = |label: &'static str| match form.text(label) {
        text if text.is_empty() => Err((label, format!("{} is empty", label.to_lowercase()))),
        text => Ok(text),
    };
    match &form.purpose {
        Writing::StartRun(id) => {
            let book = model.book(id).and_then(|book| book.runbook.as_ref());
            let book =
                book.ok_or_else(|| ("For", format!("{id} is not known here; {} lists the books", model.key("books"))))?;
            let value = |input: &Input| match input.kind {
                InputKind::Choice(_) => form.choice(&input.name),
                _ => form.text(&input.name),
            };
            let inputs = book.front.inputs.iter().map(|input| (input.name.clone(), value(input)));
            let inputs: BTreeMap<String, String> = inputs.filter(|(_, value)| !value.is_empty()).collect();
            let mode = if form.choice("Mode") == "drill" { RunMode::Drill } else { RunMode::Emergency };
            let incident = form.choice("For").parse().ok();
            let (book, seen) = (id.clone(), Some(book.hash.clone()));
            Ok(Command::StartRun { book, seen, inputs, incident, mode, found: None })
        }
        Writing::Step(run, step, said) => {
            let words = match said {
                Said::Task(_) => {
                    let chosen = form.choice("Answer");
                    if chosen.is_empty() { needed("Answer")? } else { chosen }
                }
                Said::Value(_) => needed("Value")?,
                _ => needed("Reason")?,
            };
            let confirmation = Some(form.text("Confirm")).filter(|text| !text.is_empty());
            Ok(with_words(*run, step, said, words, confirmation))
        }
        _ => Err(("", "nothing is asked for".to_owned())),
    }
}

fn with_words(run: RunId, step: &str, said: &Said, words: String, confirmation: Option<String>) -> Command {
    let (step, reason) = (step.to_owned(), words);
    match said {
        Said::Skip => Command::SkipStep { run, step, reason },
        Said::Done => Command::MarkStepDone { run, step, reason },
        Said::Undo => Command::UndoStep { run, step, reason },
        Said::Cancel => Command::CancelStep { run, step, reason },
        Said::Abandon => Command::AbandonRun { run, reason },
        Said::Unclear(how) => Command::ResolveUnknown { run, step, how: *how, reason, confirmation },
        Said::Task(task) => Command::AnswerStep { run, step, answer: StepAnswer::Text { task: *task, value: reason } },
        Said::Value(name) => {
            Command::AnswerStep { run, step, answer: StepAnswer::Value { name: name.clone(), value: reason } }
        }
    }
}

/// The command of a form in which nothing is written yet, for the rules; none where they could not judge it.
pub(super) fn unwritten(model: &Model, run: RunId, step: &str, said: &Said) -> Option<Command> {
    let confirmation = model.state.runs.get(&run).and_then(|run| asked_text(run.book.step(step)?));
    (!matches!(said, Said::Task(_) | Said::Value(_)))
        .then(|| with_words(run, step, said, UNWRITTEN.to_owned(), confirmation))
}

/// Why the rules would say no to such words, whatever they are.
pub(in crate::tui) fn cannot_say(model: &Model, run: RunId, step: &str, said: &Said) -> Option<String> {
    super::act::refused(model, unwritten(model, run, step, said)?)
}

/// What sending a form leads to.
pub(in crate::tui) fn foreseen(model: &Model, command: &Command) -> Foreseen {
    let mut foreseen = Foreseen::default();
    match command {
        Command::StartRun { book, .. } => {
            let found = model.book(book).and_then(|book| book.runbook.clone());
            begins(model, command, found, &mut foreseen);
        }
        Command::SkipStep { run, .. }
        | Command::MarkStepDone { run, .. }
        | Command::UndoStep { run, .. }
        | Command::CancelStep { run, .. }
        | Command::AbandonRun { run, .. }
        | Command::ResolveUnknown { run, .. } => goes_on(model, command, *run, &mut foreseen),
        _ => {}
    }
    foreseen
}

fn begins(model: &Model, command: &Command, found: Option<Arc<Runbook>>, foreseen: &mut Foreseen) {
    let Command::StartRun { book, seen, inputs, incident, mode, .. } = command.clone() else { return };
    let (given, known) = (inputs.clone(), found.clone());
    let after = match give(model, Command::StartRun { book, seen, inputs, incident, mode, found }) {
        Ok((after, _)) => after,
        Err(why) => return foreseen.refuse(why),
    };
    let Some(run) = after.runs.values().next_back() else { return };
    let front = &run.book.front;
    let about = match run.incident {
        Some(incident) => format!("for {incident}"),
        None => "for no incident".to_owned(),
    };
    let hash = run.book.hash.get(..12).unwrap_or_default();
    foreseen.fact(format!("{} walks through {}, text {hash}, {about}", run.id, front.id));
    if run.mode == RunMode::Drill {
        foreseen.fact("It is a drill: each step says itself what a drill does with it");
    }
    let services: Vec<&str> = run.services.iter().map(String::as_str).collect();
    if !services.is_empty() {
        foreseen.fact(format!("Its steps act on nothing but {}", services.join(", ")));
    }
    if let Some(step) = run.current() {
        foreseen.fact(format!("It begins at step {} {}; nothing runs before you have it run", step.number, step.title));
    }
    foreseen.fact(format!("{} for all of it; then people are reminded", humantime::format_duration(front.time_budget)));
    let proof = proof_of(&model.state.drills, &run.book);
    match proof.holds() {
        Some(true) => {}
        Some(false) | None => foreseen.warn(format!("This text is not proved: {}", proof.words())),
    }
    if let Some(book) = known {
        for missing in plan(&book, Some(&model.state.platform), &given, proof).missing {
            let step = missing.step.map(|step| format!("{step}: ")).unwrap_or_default();
            foreseen.warn(format!("{step}{}", missing.what));
        }
    }
}

fn goes_on(model: &Model, command: &Command, id: RunId, foreseen: &mut Foreseen) {
    let (before, after) = match (model.state.run(id), give(model, command.clone())) {
        (Ok(before), Ok((after, _))) => (before, after),
        (Err(refusal), _) => return foreseen.refuse(model.in_keys(&refusal.words())),
        (_, Err(why)) => return foreseen.refuse(why),
    };
    let Ok(run) = after.run(id) else { return };
    let step = before.current();
    match command {
        Command::SkipStep { .. } => {
            foreseen.warn(format!("Step {} is left out, with your reason on record", numbered(before)));
        }
        Command::MarkStepDone { .. } => {
            foreseen.fact(format!("Step {} counts as done, by hand and by you", numbered(before)));
        }
        Command::CancelStep { .. } => {
            foreseen
                .warn("The program is ended; what it has done by then it has done, and a person says how it goes on");
        }
        Command::ResolveUnknown { how, .. } => foreseen.fact(match how {
            UnknownAnswer::Verify => "Its check runs now, and decides".to_owned(),
            UnknownAnswer::RunAgain => "It runs again: what it has done already may be done twice".to_owned(),
            UnknownAnswer::Done => "It counts as done, by hand and by you".to_owned(),
        }),
        Command::AbandonRun { .. } => {
            foreseen.warn(format!("{id} is over: nobody goes on with it, and the book can be begun anew"));
            if let Some((last, _)) = before.next_undo() {
                foreseen.warn(format!(
                    "What it changed stays: {} could still be taken back now ({})",
                    last.name,
                    model.key("undo-step")
                ));
            }
            return;
        }
        _ => {}
    }
    match &run.stand {
        Stand::Ended { outcome, .. } => foreseen.fact(format!("Then {id} is over: {outcome}")),
        Stand::Halted { halt, .. } => foreseen.warn(format!("Then it halts: {halt}")),
        Stand::Undoing { step, undoes, .. } => {
            foreseen.fact(format!("It goes to {step}, which takes {undoes} back; you have that run"));
        }
        Stand::At { step: name } if step.is_none_or(|step| step.name != *name) => {
            if let Some(next) = run.book.step(name) {
                foreseen.fact(format!("Then it stands at step {} {}", next.number, next.title));
            }
        }
        Stand::At { .. } => {}
    }
    if let (Command::ResolveUnknown { how: UnknownAnswer::Verify, .. }, Some(step)) = (command, step) {
        let on_fail = step.work.execution().map(|execution| trouble(before, step, &execution.on_fail));
        foreseen.fact(format!("Where it has worked: {}", leads(before, step, &step.then)));
        if let Some(on_fail) = on_fail {
            foreseen.fact(format!("Where it has not: {on_fail}"));
        }
    }
}

/// The step at which a run stands, as people say it.
fn numbered(run: &Run) -> String {
    run.current().map(|step| format!("{} {}", step.number, step.title)).unwrap_or_default()
}

/// What was said is no draft any more.
pub(in crate::tui) fn settled(model: &mut Model, event: &Event) {
    let (run, step) = match event {
        Event::RunStarted { book, .. } => {
            model.drafts.remove(&Writing::StartRun(book.front.id.clone()));
            return;
        }
        Event::RunStepEnded { run, step, .. }
        | Event::RunStepAnswered { run, step, .. }
        | Event::RunUnknownResolved { run, step, .. }
        | Event::RunStepCancelRequested { run, step, .. }
        | Event::RunUndoBegun { run, step, .. } => (*run, Some(step.as_str())),
        Event::RunEnded { run, .. } => (*run, None),
        _ => return,
    };
    model.drafts.retain(|purpose, _| match purpose {
        Writing::Step(id, name, _) => *id != run || step.is_some_and(|step| step != name),
        _ => true,
    });
}
