//! Roles and how they look. No meaning is carried by colour alone: every state has a glyph and a word too.
//!
//! A theme is a file that changes another one (`file`); `shelf` has those that come with the program and a person's own, fitted to
//! what the terminal can show, and `colour` knows what colours are. A new theme is a file in `themes/` and its line in `shelf`; a new
//! role is a variant here, its word, and its look in `themes/default.toml`.

mod colour;
mod file;
mod shelf;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use ratatui::style::{Modifier, Style};

pub use colour::Colours;
pub use shelf::{Shelf, ThemeChoice};

use crate::domain::{BreakerState, Status};

/// How the roles look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    looks: [Style; Role::ALL.len()],
}

/// What a piece of a screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Ordinary text, and the ground on which everything stands.
    Text,
    /// Text that may be overlooked.
    Muted,
    /// As it should be.
    Ok,
    /// Not as it should be.
    Warn,
    /// Wrong.
    Bad,
    /// Not known.
    Unknown,
    /// By plan.
    Planned,
    /// The name of a pane or a dialog.
    Title,
    /// A border.
    Border,
    /// The border of what has the focus.
    Focus,
    /// The selected row.
    Selected,
    /// A key in a hint.
    Key,
    /// Something that can be pressed.
    Button,
    /// The button that Enter presses.
    Pressed,
    /// The platform is in an emergency.
    Emergency,
}

impl Role {
    /// All of them, in the order of their numbers, each with its word in a theme.
    pub const ALL: [(&'static str, Self); 15] = [
        ("text", Self::Text),
        ("muted", Self::Muted),
        ("ok", Self::Ok),
        ("warn", Self::Warn),
        ("bad", Self::Bad),
        ("unknown", Self::Unknown),
        ("planned", Self::Planned),
        ("title", Self::Title),
        ("border", Self::Border),
        ("focus", Self::Focus),
        ("selected", Self::Selected),
        ("key", Self::Key),
        ("button", Self::Button),
        ("pressed", Self::Pressed),
        ("emergency", Self::Emergency),
    ];
}

impl Theme {
    /// No colours at all: for `NO_COLOR` and for paper.
    #[must_use]
    pub fn mono() -> Self {
        static MONO: LazyLock<Theme> = LazyLock::new(|| Shelf::shipped(Colours::None).theme("mono"));
        *MONO
    }

    /// How a role looks.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        self.looks[role as usize]
    }

    /// What a cell looks like before anything is written into it.
    #[must_use]
    pub fn ground(self) -> Style {
        Style::reset().patch(self.style(Role::Text))
    }

    /// How a role looks where it takes the place of all that was written there; emphasis stays.
    #[must_use]
    pub fn over(self, role: Role) -> Style {
        let (ground, look) = (self.ground(), self.style(role));
        Style {
            fg: look.fg.or(ground.fg),
            bg: look.bg.or(ground.bg),
            add_modifier: look.add_modifier,
            sub_modifier: Modifier::empty(),
            ..look
        }
    }

    /// The role that is hardest to read, and its contrast from 1 to 21; none where a colour is the terminal's own.
    #[must_use]
    pub fn hardest_to_read(self) -> Option<(&'static str, f64)> {
        let contrast = |role| {
            let look = self.over(role);
            // What is reversed has the same contrast.
            Some(colour::contrast(colour::rgb(look.fg?)?, colour::rgb(look.bg?)?))
        };
        let all: Option<Vec<_>> = Role::ALL.into_iter().map(|(word, role)| Some((word, contrast(role)?))).collect();
        all?.into_iter().min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Glyph, word and role of a status; `silent` when it has not been heard from in time.
#[must_use]
pub fn status_badge(status: Status) -> (&'static str, &'static str, Role) {
    match status {
        Status::Healthy => ("●", "OK", Role::Ok),
        Status::Degraded => ("▲", "DEGR", Role::Warn),
        Status::Down => ("✖", "DOWN", Role::Bad),
        Status::Unknown => ("◌", "UNKN", Role::Unknown),
        Status::Maintenance => ("⚒", "MAINT", Role::Planned),
    }
}

/// The same of a circuit breaker.
#[must_use]
pub fn breaker_badge(state: BreakerState) -> (&'static str, &'static str, Role) {
    match state {
        BreakerState::Closed => ("●", "closed", Role::Ok),
        BreakerState::HalfOpen => ("▲", "half-open", Role::Warn),
        BreakerState::Open => ("✖", "OPEN", Role::Bad),
        BreakerState::ForcedClosed => ("▲", "FORCED closed", Role::Warn),
        BreakerState::ForcedOpen => ("✖", "FORCED open", Role::Bad),
    }
}
