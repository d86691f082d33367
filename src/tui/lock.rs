//! Proof that somebody is there: a code for what is dangerous, and a board that locks when nobody has been at it for a while. A
//! locked board goes on showing and can be looked around in; what it asks of the world is held back until somebody has come back.

use tui_textarea::TextArea;

use super::{
    guard::{cannot_send, is_act},
    message::Request,
    model::{Model, Overlay, Purpose},
};
use crate::{
    domain::{Command, Event, Operator, Recorded},
    engine::Code,
};

/// Locks the board when nobody has been at it for as long as the platform file says.
pub(super) fn lock_when_left(model: &mut Model) -> Vec<Request> {
    let Some(after) = model.state.platform.access.lock_after else { return Vec::new() };
    // Who may only look has nothing to lock, and a board that has heard nothing knows no rule yet.
    let may_act = model.me.as_ref().is_some_and(Operator::may_act);
    let left = (model.now - model.touched_at).to_std().is_ok_and(|time| time >= after);
    if model.locked || !may_act || !left || cannot_send(model).is_some() {
        return Vec::new();
    }
    model.locked = true;
    vec![Request::Submit(Box::new(Command::LockSession))]
}

/// What a board asks of the world; a locked one asks for a proof first.
pub(super) fn hold_back(model: &mut Model, requests: Vec<Request>) -> Vec<Request> {
    if !model.locked {
        return requests;
    }
    let (acts, rest): (Vec<_>, Vec<_>) = requests.into_iter().partition(is_act);
    if !acts.is_empty() {
        ask_to_come_back(model);
    }
    rest
}

fn ask_to_come_back(model: &mut Model) {
    let Some(me) = model.me.as_ref().map(|me| me.name.clone()) else { return };
    if model.state.second_factor(&me).is_some() {
        ask_code(model, Command::UnlockSession, "The board is locked: code of your second factor");
    } else {
        open_prompt(model, format!("The board is locked: type your name, {me}"), Purpose::Name);
    }
}

/// Asks for the code that a command needs.
pub(super) fn ask_code(model: &mut Model, command: Command, why: &str) {
    model.wants_code = Some(Box::new(command));
    open_prompt(model, why.to_owned(), Purpose::Code);
}

fn open_prompt(model: &mut Model, title: String, purpose: Purpose) {
    model.overlay = Some(Overlay::Prompt { title, purpose, input: Box::new(TextArea::default()) });
}

/// Takes the code that was typed.
pub(super) fn on_code(model: &mut Model, typed: &str) -> Vec<Request> {
    let Some(command) = model.wants_code.take() else { return Vec::new() };
    match Code::read(typed) {
        Some(code) => vec![Request::SubmitWithCode(command, code)],
        None => {
            model.say(
                "that is no code, so nothing was done: try again with the six digits of your app, or a recovery code",
                true,
            );
            Vec::new()
        }
    }
}

/// Takes the name that was typed by somebody without a second factor.
pub(super) fn on_name(model: &mut Model, typed: &str) -> Vec<Request> {
    if model.me.as_ref().is_some_and(|me| me.name == typed) {
        return vec![Request::Submit(Box::new(Command::UnlockSession))];
    }
    model.say("that is not your name; the board stays locked: the name it asks for stands above the last line", true);
    Vec::new()
}

/// Opens the board for who has come back.
pub(super) fn unlock_when_back(model: &mut Model, recorded: &Recorded) {
    if let Event::SessionUnlocked { operator } = &recorded.event
        && model.me.as_ref().is_some_and(|me| me.name == *operator)
    {
        model.locked = false;
        model.touched_at = model.now;
    }
}
