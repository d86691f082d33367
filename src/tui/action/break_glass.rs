//! What can be done about break-glass that is open, or was used.

use super::{
    here::{cannot_act, confirm},
    table::{Action, Danger, Where},
};
use crate::{
    domain::Command,
    tui::{
        break_glass::after_its_end,
        decision::cannot_write,
        form::{Writing, open_form},
        message::Request,
        model::Model,
        preview::refusal,
        term::input::Key,
    },
};

const NONE_OPEN: &str = "nobody has break-glass open";

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "review-break-glass",
        keys: &[Key::Char('J')],
        label: "Review",
        about: "Say whether a use of break-glass by somebody else was justified, and what you found",
        place: Where::BreakGlass,
        danger: Danger::Guarded,
        disabled: |model| {
            cannot_act(model).or_else(|| match model.break_glass() {
                None => {
                    Some(format!("no use of break-glass is in question here; {} lists them", model.key("approvals")))
                }
                Some(id) => cannot_write(model, &Writing::ReviewBreakGlass(id)),
            })
        },
        run: |model| match model.break_glass() {
            Some(id) => open_form(model, &Writing::ReviewBreakGlass(id), None),
            None => Vec::new(),
        },
    },
    Action {
        name: "end-break-glass",
        keys: &[Key::Char('Z')],
        label: "End break-glass",
        about: "You need yours no more: nothing begins without an approval any longer",
        place: Where::BreakGlass,
        danger: Danger::Guarded,
        disabled: |model| {
            cannot_act(model).or_else(|| match model.break_glass_to_end() {
                None => Some(NONE_OPEN.to_owned()),
                Some(break_glass) => refusal(model, Command::EndBreakGlass { break_glass }),
            })
        },
        run: end,
    },
    Action {
        name: "revoke-break-glass",
        keys: &[Key::Char('Z')],
        label: "Revoke",
        about: "Take break-glass away from somebody before its time, with a reason",
        place: Where::BreakGlass,
        danger: Danger::Guarded,
        disabled: |model| {
            cannot_act(model).or_else(|| match model.break_glass_to_end() {
                None => Some(NONE_OPEN.to_owned()),
                Some(id) => cannot_write(model, &Writing::RevokeBreakGlass(id)),
            })
        },
        run: |model| match model.break_glass_to_end() {
            Some(id) => open_form(model, &Writing::RevokeBreakGlass(id), None),
            None => Vec::new(),
        },
    },
];

fn end(model: &mut Model) -> Vec<Request> {
    let Some(glass) = model.break_glass_to_end().and_then(|id| model.state.break_glass.get(&id)) else {
        return Vec::new();
    };
    let mut lines = vec![format!("{}: from now on nothing begins without an approval.", glass.scope())];
    lines.extend(after_its_end(model, glass).into_iter().map(|line| line + "."));
    let (title, break_glass) = (format!("End your break-glass {}", glass.id), glass.id);
    confirm(model, title, lines, "End it", Command::EndBreakGlass { break_glass })
}
