//! What can be done with planned work.

use super::{
    here::{cannot_act, confirm, open},
    table::{Action, Danger, Where},
};
use crate::{
    domain::{Command, WorkOrigin},
    tui::{
        form::{Writing, open_form},
        model::{Model, Screen},
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "calendar",
        keys: &[Key::Char('W')],
        label: "Planned work",
        about: "Which services are worked on now and in the next two weeks",
        place: Where::Anywhere,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| open(model, Screen::Calendar),
    },
    Action {
        name: "begin-maintenance",
        keys: &[Key::Char('n')],
        label: "Begin now",
        about: "Work on services: until the time you give, their failures are expected and open no incident",
        place: Where::Calendar,
        danger: Danger::Guarded,
        disabled: |model| elsewhere(model).or_else(|| cannot_act(model)),
        run: |model| {
            let service = model.selected_work().map(|work| work.service.clone());
            open_form(model, &Writing::Maintain, service)
        },
    },
    Action {
        name: "end-maintenance",
        keys: &[Key::Char('x')],
        label: "End",
        about: "End the maintenance that is in force, or withdraw what somebody planned for later",
        place: Where::Calendar,
        danger: Danger::Guarded,
        disabled: |model| {
            elsewhere(model).or_else(|| match model.selected_work() {
                None => Some("nothing is in force or planned".to_owned()),
                Some(work) if work.origin == WorkOrigin::PlatformFile => {
                    Some("the platform file plans it: it is changed there".to_owned())
                }
                Some(_) => cannot_act(model),
            })
        },
        run: |model| match model.selected_work().cloned() {
            Some(work) if !work.in_force() => confirm(
                model,
                format!("Withdraw the planned work on {}", work.service),
                vec![
                    format!("It was planned for {}: {}.", work.from.format("%m-%d %H:%MZ"), work.reason),
                    "Failures then count as at any other time.".to_owned(),
                ],
                "Withdraw it",
                Command::WithdrawMaintenance { service: work.service, from: work.from },
            ),
            Some(work) => confirm(
                model,
                format!("End the maintenance of {}", work.service),
                vec![
                    format!("It was to last until {}.", work.until.format("%m-%d %H:%MZ")),
                    "From now on its failures count, and may open an incident.".to_owned(),
                ],
                "End it",
                Command::EndMaintenance { service: work.service },
            ),
            None => Vec::new(),
        },
    },
];

fn elsewhere(model: &Model) -> Option<String> {
    (*model.screen() != Screen::Calendar).then(|| format!("open the planned work first ({})", model.key("calendar")))
}
