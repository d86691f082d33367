//! Help that teaches: what can be done on the page where somebody asked for it, found out when it was asked, and the cards that
//! somebody who is here for the first time is shown.

use super::{
    action::{Action, Danger, all, hints, named, on_key, open},
    message::Request,
    model::{Model, Overlay, Screen},
    term::input::Key,
};
use crate::domain::SystemState;

/// An action that has to do with the page where help was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The action's name in the table.
    pub action: &'static str,
    /// Why it can do nothing there now.
    pub why_not: Option<String>,
}

/// Whether somebody is here for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstTime {
    /// The tour is shown as soon as nothing is wrong.
    Yes,
    /// It was shown, or is not wanted.
    #[default]
    No,
}

/// A card of the tour.
#[derive(Debug, Clone, Copy)]
pub struct Card {
    /// What it is about.
    pub title: &'static str,
    /// What it says, with the keys that lead there on this board.
    pub text: fn(&Model) -> String,
}

/// The cards, in the order they are shown.
pub const CARDS: [Card; 4] = [
    Card {
        title: "What you see",
        text: |_| {
            "The top line says how bad it is, and who you are. Below it stand the services, the worst first; the open incidents \
               with their clocks; the changes that wait for somebody; and the newest snapshots."
                .to_owned()
        },
    },
    Card {
        title: "Getting about",
        text: |model| {
            format!(
                "↑ and ↓ move, 1 to 4 and Tab choose a pane, {} opens what is selected and Esc goes back. What looks like a button \
                 can be clicked.",
                model.key("open")
            )
        },
    },
    Card {
        title: "Doing something",
        text: |_| {
            "The last line names the keys that help here. A grey one can do nothing now: press it and it says why, and what \
               helps. What is dangerous shows first what it would do, and wants a name typed: no single key does it."
                .to_owned()
        },
    },
    Card {
        title: "Finding your way",
        text: |model| {
            format!(
                "{} tells what can be done here and why something cannot; {} finds every command by its name, this tour too. In a \
                 demo, {} and then {} lead through a first outage by hand.",
                model.key("help"),
                model.key("palette"),
                model.key("drills"),
                model.key("tutorial")
            )
        },
    },
];

/// Opens the help page with what can be done here.
pub(super) fn ask_for_help(model: &mut Model) -> Vec<Request> {
    if *model.screen() == Screen::Help {
        return Vec::new();
    }
    model.advice = advice(model);
    open(model, Screen::Help)
}

/// What has to do with this page: what is worth a hint, and whatever else could be done that changes something; what can be done
/// now first.
fn advice(model: &Model) -> Vec<Advice> {
    let hinted = hints(model);
    let is_hinted = |action: &Action| hinted.iter().any(|hint| hint.name == action.name);
    let others = all().filter(|action| {
        let works_here = model
            .keymap
            .keys(action)
            .iter()
            .any(|key| on_key(model, *key).is_some_and(|found| found.name == action.name));
        action.danger > Danger::View && works_here && !is_hinted(action) && action.why_not(model).is_none()
    });
    let everywhere = ["back", "help", "palette", "quit"];
    let mut advice: Vec<Advice> = hinted
        .iter()
        .copied()
        .chain(others)
        .filter(|action| !everywhere.contains(&action.name))
        .map(|action| Advice { action: action.name, why_not: action.why_not(model) })
        .collect();
    advice.sort_by_key(|advice| advice.why_not.is_some());
    advice
}

impl Advice {
    /// The action it is about.
    #[must_use]
    pub fn of(&self) -> Option<&'static Action> {
        named(self.action)
    }
}

/// Shows the tour to somebody who is here for the first time, and takes it away when something is wrong: it never lies over an
/// emergency.
pub(super) fn greet(model: &mut Model) {
    let calm = model.state.system_state() == SystemState::Normal && model.state.drills.running().is_none();
    let is_known = !model.state.platform.services.is_empty();
    match (&model.overlay, model.first_time) {
        (Some(Overlay::Tour(_)), FirstTime::Yes) if !calm => model.overlay = None,
        (None, FirstTime::Yes) if calm && is_known && model.screens == [Screen::Board] => {
            model.overlay = Some(Overlay::Tour(0));
        }
        _ => {}
    }
}

/// Shows the tour, whenever it is asked for.
pub(super) fn tour(model: &mut Model) -> Vec<Request> {
    model.overlay = Some(Overlay::Tour(0));
    Vec::new()
}

/// Takes a key for the tour; gives whether the key is for what lies below: who knows what to do is not kept from it.
pub(super) fn on_card_key(model: &mut Model, card: usize, key: Key) -> (Vec<Request>, bool) {
    let next = match key {
        Key::Enter | Key::Right | Key::Char(' ') => card + 1,
        Key::Left => card.saturating_sub(1),
        Key::Esc => return (end(model), false),
        _ => return (end(model), true),
    };
    if next < CARDS.len() {
        model.overlay = Some(Overlay::Tour(next));
        return (Vec::new(), false);
    }
    (end(model), false)
}

/// Ends the tour; it does not come by itself again.
pub(super) fn end(model: &mut Model) -> Vec<Request> {
    model.overlay = None;
    match std::mem::take(&mut model.first_time) {
        FirstTime::Yes => vec![Request::Toured],
        FirstTime::No => Vec::new(),
    }
}
