//! The hand on the mouse: what it holds down, and where it was last, so that nothing happens by slipping or by clicking twice.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::layout::{Position, Rect};

use super::model::Target;

/// A second click at the same place sooner than this belongs to the first.
const DOUBLE: TimeDelta = TimeDelta::milliseconds(400);

/// Rows at the end of a dialog in which its buttons are.
const BUTTONS: u16 = 3;

/// The hand on the mouse.
#[derive(Debug, Clone, Default)]
pub struct Hand {
    held: Option<Target>,
    at: Option<(u16, u16)>,
    clicked: Option<((u16, u16), DateTime<Utc>)>,
}

impl Hand {
    /// Presses the button; whether what is there is meant at once. What may act waits until the button is let go.
    pub fn press(&mut self, place: (u16, u16), target: Option<&Target>) -> bool {
        self.at = Some(place);
        self.held = target.filter(|target| acts(target)).cloned();
        self.held.is_none()
    }

    /// Lets the button go; whether that is a click on what is there now: pressed and let go on the same thing, and, where it
    /// goes on with something, not the second half of a double click.
    pub fn release(&mut self, place: (u16, u16), target: Option<&Target>, now: DateTime<Utc>) -> bool {
        self.at = Some(place);
        let held = self.held.take();
        let is_same = held.is_some() && held.as_ref() == target;
        let before = self.clicked.replace((place, now));
        let is_second = before.is_some_and(|(there, at)| there == place && now - at < DOUBLE);
        is_same && !(is_second && target == Some(&Target::Go))
    }

    /// A key was pressed: where the mouse lies says nothing any more.
    pub fn leave(&mut self) {
        *self = Self { clicked: self.clicked, ..Self::default() };
    }

    /// Moves a dialog off the place where the hand is, so that the next click cannot land on what it asks; stays inside the area.
    #[must_use]
    pub fn clear_of(&self, dialog: Rect, area: Rect) -> Rect {
        let Some((_, y)) = self.at.filter(|(x, y)| dialog.contains(Position { x: *x, y: *y })) else { return dialog };
        let (top, bottom) = (area.y, area.bottom().saturating_sub(dialog.height));
        // Its buttons are in its last rows: where there is no room beside the hand, at least those are elsewhere.
        let buttons = |at: u16| (at + dialog.height.saturating_sub(BUTTONS)..at + dialog.height).contains(&y);
        let beside = |at: u16| !(at..at + dialog.height).contains(&y);
        let places = [y.saturating_add(1).min(bottom), y.saturating_sub(dialog.height).max(top), bottom, top];
        let free = places.into_iter().find(|at| beside(*at)).or_else(|| places.into_iter().find(|at| !buttons(*at)));
        Rect { y: free.unwrap_or(dialog.y), ..dialog }
    }
}

/// Whether a click may do something in the world, rather than move about.
fn acts(target: &Target) -> bool {
    matches!(target, Target::Action(_) | Target::Go | Target::Cancel | Target::Choice(_))
}
