//! What a person set: theme, keys, hosts. The file is a patch over the defaults: what it does not name stays, what is wrong in it does
//! not hold, and nobody is locked out by a slip.
//!
//! `read` makes settings of the text, `keys` the keymap, with the words of `chord`; `load` reads the files of a home, and `keep` writes
//! the theme that was chosen on the board. A new setting is a field here, its key in `read`, and its row in docs/settings.md.

mod chord;
mod keep;
mod keys;
mod load;
mod read;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use keep::keep_theme;
pub use load::load;

use serde::Serialize;

use super::{
    action::{Keymap, Where, all},
    preferences::Preferences,
    theme::Shelf,
};
use crate::{client::hosts::HostEntry, platform::Problem};

/// What a person set; the defaults, where nothing was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name of the theme.
    pub theme: String,
    /// Whether the board takes clicks and the wheel. Where it does not, the terminal selects text.
    pub mouse: bool,
    /// Which keys lead to which action.
    pub keymap: Keymap,
    /// Engines by name.
    pub hosts: Vec<HostEntry>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { theme: "default".to_owned(), mouse: true, keymap: Keymap::default(), hosts: Vec::new() }
    }
}

/// Everything that a home says about the board.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The file of the settings; none where this user has no home.
    pub file: Option<PathBuf>,
    /// What was set.
    pub settings: Settings,
    /// All themes there are.
    pub shelf: Shelf,
    /// Where the board remembers how it was left; nowhere where this user has no home.
    pub memory: Option<PathBuf>,
    /// How it was left.
    pub preferences: Preferences,
    /// What is wrong in the files, and does not hold.
    pub problems: Vec<Problem>,
}

/// An action with the keys that lead to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// The word of its place, as the settings have it.
    pub place: &'static str,
    /// Its name.
    pub action: &'static str,
    /// Its keys as they are written in the settings, the one that is shown first.
    pub keys: Vec<String>,
    /// Whether a person has put them in the place of others.
    pub changed: bool,
    /// What it does.
    pub about: &'static str,
}

/// All actions with the keys that lead to them, by place.
#[must_use]
pub fn bindings(keymap: &Keymap) -> Vec<Binding> {
    let at = |(place, word, _): (Where, &'static str, &'static str)| {
        all().filter(move |action| action.place == place).map(move |action| Binding {
            place: word,
            action: action.name,
            keys: keymap.keys(action).iter().map(|key| chord::written(*key)).collect(),
            changed: keymap.is_changed(action),
            about: action.about,
        })
    };
    Where::ALL.into_iter().flat_map(at).collect()
}
