//! Nobody answers what they have not seen: one rule for every question, menu, form and field that comes over a page, whether a key
//! called it or the engine did.

use std::mem::{Discriminant, discriminant};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    model::{Model, Overlay},
    term::input::Key,
};

/// Keys and clicks that answer sooner than this were meant for what was there before.
const STARTLED: TimeDelta = TimeDelta::milliseconds(150);

/// What lies over the page, and since when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Laid {
    what: Option<(Discriminant<Overlay>, String)>,
    since: DateTime<Utc>,
    /// Somebody has written in it, so it was seen.
    is_written: bool,
}

/// What has to be seen anew when it is different; what is selected or written in it may change.
fn seen_as(overlay: &Overlay) -> (Discriminant<Overlay>, String) {
    let words = match overlay {
        Overlay::Menu { title, .. } | Overlay::Prompt { title, .. } => title.clone(),
        Overlay::Confirm(confirm) => confirm.title.clone(),
        Overlay::Form(form) => format!("{:?} {}", form.purpose, form.review.is_some()),
        Overlay::Themes { .. } | Overlay::Palette(_) | Overlay::Tour(_) => String::new(),
    };
    (discriminant(overlay), words)
}

/// Whether a key would answer, choose or send, rather than move about, write or leave.
fn answers(overlay: &Overlay, key: Key) -> bool {
    match overlay {
        Overlay::Confirm(_) => key != Key::Esc,
        Overlay::Menu { .. } => matches!(key, Key::Enter | Key::Char('1'..='9')),
        Overlay::Tour(_) => matches!(key, Key::Enter | Key::Right | Key::Char(' ')),
        Overlay::Themes { .. } | Overlay::Palette(_) | Overlay::Prompt { .. } | Overlay::Form(_) => key == Key::Enter,
    }
}

/// Takes notice of what lies over the page by now.
pub(super) fn notice(model: &mut Model) {
    let what = model.overlay.as_ref().map(seen_as);
    if what != model.laid.what {
        model.laid = Laid { what, since: model.now, is_written: false };
    }
}

/// Whether what lies over the page has come too short a time ago to be answered.
pub(super) fn is_too_soon(model: &Model) -> bool {
    // A clock that was set back must not keep anybody from answering.
    let since = model.now - model.laid.since;
    !model.laid.is_written && since >= TimeDelta::zero() && since < STARTLED
}

/// Whether a key comes too soon to be an answer to what lies over the page; one that writes in it shows that it was seen.
pub(super) fn startles(model: &mut Model, key: Key) -> bool {
    let Some(overlay) = &model.overlay else { return false };
    if answers(overlay, key) {
        return is_too_soon(model);
    }
    if matches!(overlay, Overlay::Palette(_) | Overlay::Prompt { .. } | Overlay::Form(_)) {
        model.laid.is_written = true;
    }
    false
}
