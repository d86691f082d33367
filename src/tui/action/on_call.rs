//! What can be done with the shifts of those on call.

use super::{
    here::{cannot_act, open},
    table::{Action, Danger, Where},
};
use crate::{
    domain::Command,
    tui::{
        form::{Writing, open_form},
        model::{Model, Screen},
        preview::refusal,
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "on-call",
        keys: &[Key::Char('(')],
        label: "On call",
        about: "Who is on call now and until when, who comes next, and every shift of the next two weeks",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::OnCall),
    },
    Action {
        name: "override-shift",
        keys: &[Key::Char('n')],
        label: "Override",
        about: "Take the selected shift, or a part of it; a lead may give it to anybody",
        place: Where::OnCall,
        danger: Danger::Guarded,
        disabled: |model| {
            elsewhere(model).or_else(|| cannot_act(model)).or_else(|| match model.schedule_here() {
                None => Some("the platform file has no [[oncall]]".to_owned()),
                Some(schedule) => {
                    model.takers(&schedule.name).is_empty().then(|| "nobody here may take a shift".to_owned())
                }
            })
        },
        run: |model| match model.schedule_here().map(|schedule| schedule.name.clone()) {
            Some(name) => open_form(model, &Writing::Override(name), None),
            None => Vec::new(),
        },
    },
    Action {
        name: "end-override",
        keys: &[Key::Char('x')],
        label: "Take back",
        about: "Take back the override by which the selected shift is as it is, with a reason",
        place: Where::OnCall,
        danger: Danger::Guarded,
        disabled: |model| {
            elsewhere(model).or_else(|| match model.override_here() {
                None => Some("nobody has overridden the selected shift".to_owned()),
                Some(found) => refusal(model, Command::EndOverride { id: found.id, reason: "-".to_owned() }),
            })
        },
        run: |model| match model.override_here().map(|found| found.id) {
            Some(id) => open_form(model, &Writing::EndOverride(id), None),
            None => Vec::new(),
        },
    },
];

fn elsewhere(model: &Model) -> Option<String> {
    (*model.screen() != Screen::OnCall).then(|| "open the page of those on call first".to_owned())
}
