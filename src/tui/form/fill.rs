//! How a form is filled in: opened, written in, left, looked at once more and sent.

use super::{
    sheet::{Form, Review, on_field_key},
    subject::{Writing, begun, commands, decided},
};
use crate::{
    domain::Command,
    tui::{
        action::cannot_act,
        drill,
        message::{Request, Returned},
        model::{Model, Overlay},
        preview::{declared, maintained, unapproved},
        term::input::Key,
    },
};

/// Opens a form, with what was written in it before; a new one knows the service in question.
pub(in crate::tui) fn open_form(model: &mut Model, purpose: &Writing, service: Option<String>) -> Vec<Request> {
    let mut form = match model.drafts.get(purpose) {
        Some(draft) => Form { is_draft: true, review: None, ..draft.clone() },
        None => {
            let mut form = begun(model, purpose);
            if let Some(name) = service {
                form.toggle(&name);
            }
            form
        }
    };
    form.offer(model);
    model.overlay = Some(Overlay::Form(Box::new(form)));
    Vec::new()
}

/// Takes a key for a form.
pub(in crate::tui) fn on_form_key(model: &mut Model, mut form: Box<Form>, key: Key) -> Vec<Request> {
    let reviewing = form.review.is_some();
    match key {
        Key::Esc if reviewing => form.review = None,
        Key::Esc => return leave(model, *form),
        Key::Enter => return go_on(model, form),
        _ if reviewing => {}
        Key::Ctrl('o') => match form.page() {
            Some(text) => {
                model.overlay = Some(Overlay::Form(form));
                return vec![Request::Edit(text)];
            }
            None => model.say("the editor is for fields of several lines: write here", true),
        },
        Key::Tab => form.at = (form.at + 1) % form.fields.len(),
        Key::BackTab => form.at = (form.at + form.fields.len() - 1) % form.fields.len(),
        key => {
            if let Some(why) = on_field_key(model, &mut form, key) {
                model.say(why, true);
            }
        }
    }
    model.overlay = Some(Overlay::Form(form));
    Vec::new()
}

/// Leaves a form; what was written stays.
fn leave(model: &mut Model, form: Form) -> Vec<Request> {
    if form.is_empty() || form.says_no_more_than(&begun(model, &form.purpose)) {
        model.drafts.remove(&form.purpose);
    } else {
        model.drafts.insert(form.purpose.clone(), form);
        model.say("nothing was sent; what you wrote is there when you come back", false);
    }
    Vec::new()
}

/// Sends what is written, or shows first what it will lead to; what is missing is said.
pub(in crate::tui) fn go_on(model: &mut Model, mut form: Box<Form>) -> Vec<Request> {
    if let Some(why) = cannot_act(model) {
        model.say(why, true);
        model.overlay = Some(Overlay::Form(form));
        return Vec::new();
    }
    if let Some(review) = &form.review {
        if review.foreseen.is_refused() {
            model.overlay = Some(Overlay::Form(form));
            return Vec::new();
        }
        if matches!(form.purpose, Writing::HoldDrill(_)) {
            return drill::hold(model, &form);
        }
        let commands = review.commands.clone();
        return send(model, *form, commands);
    }
    match commands(model, &form) {
        Err((field, why)) => {
            form.turn_to(field);
            model.say(why, true);
            model.overlay = Some(Overlay::Form(form));
            Vec::new()
        }
        Ok(commands) => {
            let foreseen = match &form.purpose {
                Writing::Declare => declared(model, &commands, &form.text("Note")),
                Writing::Maintain => maintained(model, &commands),
                Writing::BreakGlass(_) => unapproved(model, &commands),
                purpose if purpose.is_decision() => decided(model, &form, &commands),
                _ => return send(model, *form, commands),
            };
            model.toast = None;
            form.review = Some(Review { foreseen, commands });
            model.overlay = Some(Overlay::Form(form));
            Vec::new()
        }
    }
}

pub(super) fn send(model: &mut Model, form: Form, commands: Vec<Command>) -> Vec<Request> {
    // It stays as a draft until it is accepted.
    model.drafts.insert(form.purpose.clone(), form);
    commands.into_iter().map(|command| Request::Submit(Box::new(command))).collect()
}

/// Takes back what a program left that had the terminal. A form holds what was written in it before, where that went wrong.
pub(in crate::tui) fn take_back(model: &mut Model, returned: Returned) {
    let text = match returned {
        Returned::Read(Ok(())) => return,
        Returned::Read(Err(why)) | Returned::Written(Err(why)) => return model.say(why, true),
        Returned::Written(Ok(text)) => text,
    };
    let Some(Overlay::Form(form)) = &mut model.overlay else {
        return model.say("the form is gone, and what was written with it: begin it again", true);
    };
    if let Some(lost) = form.rewrite(&text) {
        model.say(lost, true);
    }
}
