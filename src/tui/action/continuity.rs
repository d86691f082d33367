//! What can be done for a function that people cannot do without.

use super::{
    here::{cannot_act, open, submit},
    table::{Action, Danger, Where},
};
use crate::{
    domain::Command,
    platform::CriticalFunction,
    tui::{
        decision::cannot_write,
        form::{Writing, open_form},
        message::Request,
        model::{List, Model, Screen},
        preview::refusal,
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "continuity",
        keys: &[Key::Char('C')],
        label: "Continuity",
        about: "What people cannot do without, how long it has been away, and how it goes on by hand",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Continuity),
    },
    Action {
        name: "work-by-hand",
        keys: &[Key::Char('a')],
        label: "Do by hand",
        about: "Have the function done by hand from here on, with a reason; its clock goes on",
        place: Where::Continuity,
        danger: Danger::Guarded,
        disabled: |model| match in_question(model) {
            Err(why) => Some(why),
            Ok(function) if model.by_hand(&function.name).is_some() => {
                Some(format!("{} are done by hand already", function.name))
            }
            Ok(function) => cannot_write(model, &Writing::WorkByHand(function.name.clone())),
        },
        run: |model| write(model, Writing::WorkByHand),
    },
    Action {
        name: "tick-hand-step",
        keys: &[Key::Char(' ')],
        label: "Tick step",
        about: "The selected step of doing it by hand is done",
        place: Where::Continuity,
        danger: Danger::Reversible,
        disabled: |model| match in_question(model) {
            Err(why) => Some(why),
            Ok(function) if model.by_hand(&function.name).is_none() => {
                Some(format!("it is not done by hand; {} begins it", model.key("work-by-hand")))
            }
            Ok(_) => match tick(model) {
                None => Some("that step is done".to_owned()),
                Some(command) => refusal(model, command),
            },
        },
        run: |model| {
            let requests = tick(model).map(submit).unwrap_or_default();
            if let Some(step) = model.next_hand_step() {
                model.select(List::HandSteps, step);
            }
            requests
        },
    },
    Action {
        name: "end-work-by-hand",
        keys: &[Key::Char('x')],
        label: "Stop by hand",
        about: "The platform carries it again; a note says what is still to be entered, and by whom",
        place: Where::Continuity,
        danger: Danger::Guarded,
        disabled: |model| match in_question(model) {
            Err(why) => Some(why),
            Ok(function) => cannot_write(model, &Writing::EndByHand(function.name.clone())),
        },
        run: |model| write(model, Writing::EndByHand),
    },
];

/// The function that is selected or looked at; why nothing can be done for one, else.
fn in_question(model: &Model) -> Result<&CriticalFunction, String> {
    if !matches!(model.screen(), Screen::Continuity | Screen::Function(_)) {
        return Err(format!("open what people cannot do without first ({})", model.key("continuity")));
    }
    if let Some(why) = cannot_act(model) {
        return Err(why);
    }
    model.function().ok_or_else(|| "the platform file names nothing that people cannot do without".to_owned())
}

/// The tick of the step in question, where it is not done yet.
fn tick(model: &Model) -> Option<Command> {
    let function = model.function()?;
    let step = model.next_hand_step()?;
    let done = model.by_hand(&function.name)?.done.contains_key(&step);
    (!done).then(|| Command::FinishFallbackStep { function: function.name.clone(), step })
}

fn write(model: &mut Model, purpose: fn(String) -> Writing) -> Vec<Request> {
    match model.function().map(|function| function.name.clone()) {
        Some(name) => open_form(model, &purpose(name), None),
        None => Vec::new(),
    }
}
