//! Roles and how they look. No meaning is carried by colour alone: every state has a glyph and a word too.

use ratatui::style::{Color, Modifier, Style};

use crate::domain::{BreakerState, Status};

/// How the roles look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    colours: bool,
}

/// What a piece of a screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Ordinary text.
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

impl Theme {
    /// The 16 colours that every terminal has, as its owner set them.
    #[must_use]
    pub fn ansi() -> Self {
        Self { colours: true }
    }

    /// No colours at all: for `NO_COLOR` and for paper.
    #[must_use]
    pub fn mono() -> Self {
        Self { colours: false }
    }

    /// How a role looks.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let (colour, modifier) = match role {
            Role::Text => (None, Modifier::empty()),
            Role::Muted | Role::Border => (None, Modifier::DIM),
            Role::Ok => (Some(Color::Green), Modifier::empty()),
            Role::Warn => (Some(Color::Yellow), Modifier::BOLD),
            Role::Bad => (Some(Color::Red), Modifier::BOLD),
            Role::Unknown => (Some(Color::Magenta), Modifier::empty()),
            Role::Planned => (Some(Color::LightBlue), Modifier::empty()),
            Role::Title => (None, Modifier::BOLD),
            Role::Focus => (Some(Color::Cyan), Modifier::BOLD),
            Role::Selected => (None, Modifier::REVERSED),
            Role::Key => (Some(Color::Cyan), Modifier::BOLD),
            Role::Button => (None, Modifier::BOLD),
            Role::Pressed => (None, Modifier::REVERSED.union(Modifier::BOLD)),
            Role::Emergency => (Some(Color::Red), Modifier::REVERSED.union(Modifier::BOLD)),
        };
        match colour {
            Some(colour) if self.colours => plain.fg(colour).add_modifier(modifier),
            _ => plain.add_modifier(modifier),
        }
    }
}

/// Glyph, word and role of a status.
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
