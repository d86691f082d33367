//! What can be done at the step of a run that is looked at, and said about it. On the page of a run these keys do nothing else.

use super::{
    here::{cannot_act, open},
    table::{Action, Danger, Where},
};
use crate::tui::{
    form::{Writing, open_form},
    message::Request,
    model::{Model, Screen},
    term::input::Key,
    walk::{Said, cannot_say, co_sign, go_on, in_question, refused, run_step, start, wants_value},
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "walk-on",
        keys: &[Key::Enter],
        label: "Go on",
        about: "Run a step that only looks, say that the tasks are done, open the change that is waited for, come back to where the run stands",
        place: Where::Run,
        danger: Danger::Reversible,
        disabled: |model| model.run_here().is_none().then(|| format!("open a run first ({})", model.key("books"))),
        run: go_on,
    },
    Action {
        name: "run-step",
        keys: &[Key::Char('r')],
        label: "Run",
        about: "Have the step run at which the run stands; what does more than look is asked about first",
        place: Where::Run,
        danger: Danger::Critical,
        disabled: |model| match in_question(model) {
            Err(why) => Some(why),
            Ok((run, step)) => refused(model, run_step(run, step)),
        },
        run: start,
    },
    word(
        ("skip-step", &[Key::Char('s')], "Skip"),
        "Leave the step out, with a reason",
        |model| cannot(model, &Said::Skip),
        |model| write(model, Said::Skip),
    ),
    word(
        ("step-done", &[Key::Char('m')], "Done by hand"),
        "The step was done in another way, with a reason",
        |model| cannot(model, &Said::Done),
        |model| write(model, Said::Done),
    ),
    Action {
        name: "undo-step",
        keys: &[Key::Char('u')],
        label: "Undo last",
        about: "Take the last change of the run back: it goes to the step that does so",
        place: Where::Run,
        danger: Danger::Guarded,
        disabled: |model| match last_change(model) {
            Err(why) => Some(why),
            Ok(step) => model.run_here().and_then(|run| cannot_say(model, run.id, &step, &Said::Undo)),
        },
        run: |model| match (last_change(model), model.run_here().map(|run| run.id)) {
            (Ok(step), Some(run)) => {
                model.back_to_run();
                open_form(model, &Writing::Step(run, step, Said::Undo), None)
            }
            _ => Vec::new(),
        },
    },
    Action {
        name: "co-sign",
        keys: &[Key::Char('c')],
        label: "Co-sign",
        about: "As a second person agree to the next attempt of the step, which somebody else begins",
        place: Where::Run,
        danger: Danger::Guarded,
        disabled: |model| match in_question(model) {
            Err(why) => Some(why),
            Ok((run, step)) => {
                let command = crate::domain::Command::CoSignStep { run: run.id, step: step.name.clone() };
                refused(model, command)
            }
        },
        run: co_sign,
    },
    word(
        ("step-value", &[Key::Char('v')], "Give a value"),
        "What the command needs and no step before has found out",
        |model| wants_value(model).err(),
        |model| match wants_value(model) {
            Ok(name) => write(model, Said::Value(name)),
            Err(_) => Vec::new(),
        },
    ),
    word(
        ("cancel-step", &[Key::Char('x')], "End it"),
        "End the program that runs for the step, with a reason",
        |model| cannot(model, &Said::Cancel),
        |model| write(model, Said::Cancel),
    ),
    word(
        ("abandon-run", &[Key::Char('X')], "End the run"),
        "Nobody goes on with the run, with a reason; what it changed stays",
        |model| cannot(model, &Said::Abandon),
        |model| write(model, Said::Abandon),
    ),
    Action {
        name: "step-why",
        keys: &[Key::Char('?')],
        label: "Why",
        about: "Why the step is done, what it takes, what comes next, and why a key can do nothing",
        place: Where::Run,
        danger: Danger::View,
        disabled: |model| model.run_here().is_none().then(|| format!("open a run first ({})", model.key("books"))),
        run: |model| {
            let step = model.run_here().and_then(|run| Some((run.id, model.step_looked_at(run)?.name.clone())));
            match step {
                Some((run, step)) => open(model, Screen::StepWhy(run, step)),
                None => Vec::new(),
            }
        },
    },
    Action {
        name: "run-text",
        keys: &[Key::Char('p')],
        label: "As a page",
        about: "The whole book of the run as it was when it began, with what was done, to be read or copied",
        place: Where::Run,
        danger: Danger::View,
        disabled: |model| model.run_here().is_none().then(|| format!("open a run first ({})", model.key("books"))),
        run: |model| match model.run_here().map(|run| run.id) {
            Some(run) => open(model, Screen::RunText(run)),
            None => Vec::new(),
        },
    },
];

/// Something that is said at the step in question, with words of one's own.
const fn word(
    (name, keys, label): (&'static str, &'static [Key], &'static str),
    about: &'static str,
    disabled: fn(&Model) -> Option<String>,
    run: fn(&mut Model) -> Vec<Request>,
) -> Action {
    Action { name, keys, label, about, place: Where::Run, danger: Danger::Guarded, disabled, run }
}

fn cannot(model: &Model, said: &Said) -> Option<String> {
    match in_question(model) {
        Err(why) => Some(why),
        Ok((run, step)) => cannot_say(model, run.id, &step.name, said),
    }
}

fn write(model: &mut Model, said: Said) -> Vec<Request> {
    let found = in_question(model).map(|(run, step)| (run.id, step.name.clone()));
    match found {
        Ok((run, step)) => {
            model.back_to_run();
            open_form(model, &Writing::Step(run, step, said), None)
        }
        Err(_) => Vec::new(),
    }
}

/// The last change of the run that can be taken back.
fn last_change(model: &Model) -> Result<String, String> {
    if let Some(why) = cannot_act(model) {
        return Err(why);
    }
    let run = model.run_here().ok_or_else(|| format!("open a run first ({})", model.key("books")))?;
    let last = run.next_undo().map(|(step, _)| step.name.clone());
    last.ok_or_else(|| format!("{} has changed nothing that can be taken back", run.id))
}
