//! What can be done with standard changes: what is agreed to beforehand.

use super::{
    here::{cannot_act, confirm, open},
    table::{Action, Danger, Where},
};
use crate::{
    domain::{ChangeTemplate, Command, RecoveryId},
    tui::{
        decision::cannot_write,
        form::{Writing, open_form},
        message::Request,
        model::{Model, Screen},
        templates::{TemplateStatus, does},
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "templates",
        keys: &[Key::Char('S')],
        label: "Standard changes",
        about: "What is agreed to beforehand, whether it still may be used, and how it went",
        place: Where::Change,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Templates),
    },
    Action {
        name: "make-template",
        keys: &[Key::Char('t')],
        label: "Make standard",
        about: "Agree beforehand to exactly what this change or recovery did, because it worked and lasted",
        place: Where::Recovery,
        danger: Danger::Guarded,
        disabled: |model| {
            cannot_act(model).or_else(|| match done(model) {
                None => Some("open a change that was carried out, or its recovery, first".to_owned()),
                Some(proof) => cannot_write(model, &Writing::MakeTemplate(proof)),
            })
        },
        run: |model| match done(model) {
            Some(proof) => open_form(model, &Writing::MakeTemplate(proof), None),
            None => Vec::new(),
        },
    },
    Action {
        name: "use-template",
        keys: &[Key::Char('n')],
        label: "Have it done",
        about: "Ask for the standard change: nobody has to agree any more",
        place: Where::Template,
        danger: Danger::Guarded,
        disabled: |model| match in_question(model) {
            Err(why) => Some(why),
            Ok(template) => cannot_write(model, &Writing::UseTemplate(template.name.clone())),
        },
        run: |model| write(model, Writing::UseTemplate),
    },
    Action {
        name: "suspend-template",
        keys: &[Key::Char('x')],
        label: "Suspend",
        about: "Agree to the standard change no longer",
        place: Where::Template,
        danger: Danger::Guarded,
        disabled: |model| match in_question(model) {
            Err(why) => Some(why),
            Ok(template) if template.suspended.is_some() => Some(format!("{} is suspended already", template.name)),
            Ok(template) => cannot_write(model, &Writing::SuspendTemplate(template.name.clone())),
        },
        run: |model| write(model, Writing::SuspendTemplate),
    },
    Action {
        name: "restore-template",
        keys: &[Key::Char('r')],
        label: "Restore",
        about: "Agree to the standard change again, because the newest time it was done proves it",
        place: Where::Template,
        danger: Danger::Guarded,
        disabled: |model| match in_question(model) {
            Err(why) => Some(why),
            Ok(template) if model.status_of_template(template) == TemplateStatus::Usable => {
                Some(format!("{} may be used as it is", template.name))
            }
            Ok(template) => model.proof_of(template).err(),
        },
        run: restore,
    },
];

/// What was carried out, where that is in question.
fn done(model: &Model) -> Option<RecoveryId> {
    let is_here = matches!(model.screen(), Screen::Change(_) | Screen::Recovery(_) | Screen::Recoveries);
    model.recovery().filter(|_| is_here)
}

/// The standard change that is selected; why nothing can be done with one, else.
fn in_question(model: &Model) -> Result<&ChangeTemplate, String> {
    if *model.screen() != Screen::Templates {
        return Err(format!("open the standard changes first ({})", model.key("templates")));
    }
    if let Some(why) = cannot_act(model) {
        return Err(why);
    }
    model.template().ok_or_else(|| "nothing is agreed to beforehand".to_owned())
}

fn write(model: &mut Model, purpose: fn(String) -> Writing) -> Vec<Request> {
    match model.template().map(|template| template.name.clone()) {
        Some(name) => open_form(model, &purpose(name), None),
        None => Vec::new(),
    }
}

fn restore(model: &mut Model) -> Vec<Request> {
    let Some(template) = model.template() else { return Vec::new() };
    let Ok(proof) = model.proof_of(template) else { return Vec::new() };
    let name = template.name.clone();
    let lines = vec![
        format!("{}, exactly as {proof} did it.", does(&template.request)),
        "From now on everybody who may act can have it done without asking anybody.".to_owned(),
    ];
    confirm(model, format!("Restore {name}"), lines, "Restore it", Command::MakeTemplate { name, proof })
}
