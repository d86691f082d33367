//! What can be done with the diagnoses of an incident.

use super::{
    here::{NO_INCIDENT, cannot_act, open, submit},
    table::{Action, Danger, Where},
};
use crate::{
    domain::{Command, DiagnosisId, DiagnosisState},
    tui::{
        message::Request,
        model::{List, Model, Screen},
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "diagnosis",
        keys: &[Key::Char('D')],
        label: "Diagnosis",
        about: "What broke, how sure that is and why, what to do first, what was seen before",
        place: Where::Incident,
        danger: Danger::View,
        disabled: |model| model.incident().is_none().then(|| NO_INCIDENT.to_owned()),
        run: |model| match model.incident() {
            Some(id) => open(model, Screen::Diagnosis(id, None)),
            None => Vec::new(),
        },
    },
    Action {
        name: "earlier-diagnosis",
        keys: &[Key::Left],
        label: "Earlier",
        about: "The diagnosis of the incident before this one",
        place: Where::Diagnosis,
        danger: Danger::View,
        disabled: |model| step(model, false).err(),
        run: |model| show(model, false),
    },
    Action {
        name: "later-diagnosis",
        keys: &[Key::Right],
        label: "Later",
        about: "The diagnosis after this one; the newest is followed",
        place: Where::Diagnosis,
        danger: Danger::View,
        disabled: |model| step(model, true).err(),
        run: |model| show(model, true),
    },
    Action {
        name: "stop-model",
        keys: &[Key::Char('x')],
        label: "Stop asking",
        about: "On the page of a diagnosis: do not wait for the language model any longer; what the local analysis found stands",
        place: Where::Diagnosis,
        danger: Danger::Reversible,
        disabled: |model| cannot_act(model).or_else(|| awaited(model).err()),
        run: |model| match awaited(model) {
            Ok(diagnosis) => submit(Command::CancelSecondOpinion { diagnosis }),
            Err(_) => Vec::new(),
        },
    },
    Action {
        name: "prompt",
        keys: &[Key::Char('P')],
        label: "What it was told",
        about: "What the language model was told for this diagnosis, word for word",
        place: Where::Diagnosis,
        danger: Danger::View,
        disabled: |model| told(model).err(),
        run: |model| match told(model) {
            Ok(id) => open(model, Screen::Prompt(id)),
            Err(_) => Vec::new(),
        },
    },
];

fn not_here(model: &Model) -> String {
    format!("open the diagnosis of an incident first ({})", model.key("diagnosis"))
}

/// The page one step earlier or later, or why there is none.
fn step(model: &Model, later: bool) -> Result<Screen, String> {
    if !matches!(model.screen(), Screen::Diagnosis(..)) {
        return Err(not_here(model));
    }
    let none = if later { "this is the newest diagnosis" } else { "there is no earlier diagnosis" };
    model.beside(later).ok_or_else(|| none.to_owned())
}

fn show(model: &mut Model, later: bool) -> Vec<Request> {
    if let Ok(screen) = step(model, later) {
        model.screens.pop();
        model.screens.push(screen);
        model.cursors.remove(&List::Diagnosis);
    }
    Vec::new()
}

/// The diagnosis for which a language model is waited for, or why there is none.
fn awaited(model: &Model) -> Result<DiagnosisId, String> {
    let looked = model.looked().ok_or_else(|| not_here(model))?;
    let found = looked.diagnosis;
    match &found.not_awaited_by {
        _ if found.state != DiagnosisState::Running || found.draft.is_none() => {
            Err("no language model is being asked".to_owned())
        }
        Some(by) => Err(format!("{by} has stopped it already")),
        None => Ok(found.id),
    }
}

/// The diagnosis for which a language model was asked, or why there is none.
fn told(model: &Model) -> Result<DiagnosisId, String> {
    let looked = model.looked().ok_or_else(|| not_here(model))?;
    let (diagnosis, document) = looked
        .answer
        .ok_or_else(|| format!("there is no answer yet; {} looks for the cause", model.key("diagnose")))?;
    match &document.second_opinion {
        Some(_) => Ok(diagnosis.id),
        None if diagnosis.draft.is_some() => Err("it is shown as soon as the language model has answered".to_owned()),
        None => Err("no language model was asked".to_owned()),
    }
}
