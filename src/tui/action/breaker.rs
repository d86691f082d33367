//! What can be done about circuit breakers.

use super::{
    here::{cannot_act, confirm, open},
    table::{Action, Danger, Where},
};
use crate::{
    domain::{BreakerState, Command},
    tui::{
        message::Request,
        model::{List, Model, Screen},
        preview::refusal,
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "breakers",
        keys: &[Key::Char('\\')],
        label: "Breakers",
        about: "The circuit breaker of each service: open or closed, since when, until when, and who holds it",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Breakers),
    },
    Action {
        name: "reset-breaker",
        keys: &[Key::Char('x')],
        label: "Reset",
        about: "Among the breakers: close the selected one and count its failures anew",
        place: Where::Breaker,
        danger: Danger::Guarded,
        disabled: |model| {
            let Some(service) = selected(model) else {
                return Some(format!("open the breakers and select one ({})", model.key("breakers")));
            };
            if model.state.breaker(&service).state == BreakerState::Closed {
                return Some(format!("the breaker of {service} is closed already"));
            }
            cannot_act(model).or_else(|| refusal(model, command(service)))
        },
        run: reset,
    },
];

fn selected(model: &Model) -> Option<String> {
    if *model.screen() != Screen::Breakers {
        return None;
    }
    model.selected(List::Breakers)
}

fn command(service: String) -> Command {
    Command::ResetBreaker { service, reason: "reset on the board".to_owned() }
}

fn reset(model: &mut Model) -> Vec<Request> {
    let Some(service) = selected(model) else { return Vec::new() };
    let breaker = model.state.breaker(&service);
    let mut lines = vec![format!("It is {}: {}", breaker.state, breaker.reason)];
    if breaker.state.is_forced() {
        lines.push("Who holds it there does so no more.".to_owned());
    }
    lines.push("It is closed, and failures are counted anew: the next ones may open it again.".to_owned());
    confirm(model, format!("Reset the breaker of {service}"), lines, "Reset", command(service))
}
