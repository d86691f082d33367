//! What can be done with the runbooks, and the way to their runs.

use super::{
    here::{cannot_act, open},
    table::{Action, Danger, Where},
};
use crate::{
    domain::role_name,
    tui::{
        form::{Writing, open_form},
        message::Request,
        model::{List, Loaded, Model, Screen},
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "books",
        keys: &[Key::Char('b')],
        label: "Runbooks",
        about: "The runbooks and their runs; where an incident is in question, those that fit it first",
        place: Where::Runbook,
        danger: Danger::View,
        disabled: |_| None,
        run: |model| {
            let incident = match model.screen() {
                Screen::Books(_) | Screen::Book(_) => return Vec::new(),
                // What is beside the cursor on the board is one incident of several.
                _ => model
                    .incident()
                    .filter(|id| model.state.incidents.get(id).is_some_and(|incident| incident.state.is_open())),
            };
            model.cursors.remove(&List::Books);
            open(model, Screen::Books(incident))
        },
    },
    Action {
        name: "run-at-hand",
        keys: &[Key::Char('.')],
        label: "To the run",
        about: "The run of a runbook that waits for you, else the newest that is open",
        place: Where::Runbook,
        danger: Danger::View,
        disabled: |model| {
            model
                .run_at_hand()
                .is_none()
                .then(|| format!("nobody walks through a runbook; {} lists them", model.key("books")))
        },
        run: |model| match model.run_at_hand().map(|run| run.id) {
            Some(id) => open(model, Screen::Run(id)),
            None => Vec::new(),
        },
    },
    Action {
        name: "begin-run",
        keys: &[Key::Char('n')],
        label: "Begin",
        about: "Walk through the runbook: asks what it has to know, and shows what will happen; nothing runs by itself",
        place: Where::Runbook,
        danger: Danger::Guarded,
        disabled: cannot_begin,
        run: begin,
    },
];

/// Why the book in question cannot be walked through by the one who looks.
fn cannot_begin(model: &Model) -> Option<String> {
    if !matches!(model.screen(), Screen::Books(_) | Screen::Book(_)) {
        return Some(format!("choose a runbook first ({})", model.key("books")));
    }
    if let Some(why) = cannot_act(model) {
        return Some(why);
    }
    let Some(book) = model.book_here() else {
        return Some(match &model.books {
            Some(Loaded::Failed(why)) => why.clone(),
            Some(Loaded::Here(_)) => "select a book".to_owned(),
            _ => "the books are on their way".to_owned(),
        });
    };
    let Some(runbook) = &book.runbook else {
        return Some(format!("{} has {} mistakes: codeblue runbook lint {}", book.id, book.errors, book.file));
    };
    let role = runbook.front.min_role;
    (!model.holds(role)).then(|| format!("{} is begun by the {}", book.id, role_name(role)))
}

/// Asks what a run has to know.
pub(super) fn begin(model: &mut Model) -> Vec<Request> {
    if let Some(why) = cannot_begin(model) {
        model.say(why, true);
        return Vec::new();
    }
    match model.book_here().map(|book| book.id.clone()) {
        Some(id) => open_form(model, &Writing::StartRun(id), None),
        None => Vec::new(),
    }
}
