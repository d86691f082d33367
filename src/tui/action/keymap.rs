//! Which keys lead to which action: those of the table, where nobody put others in their place.

use std::collections::BTreeMap;

use super::table::Action;
use crate::tui::term::input::Key;

/// A person's changes to the keys of the table; without any, the table as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keymap {
    own: BTreeMap<&'static str, Vec<Key>>,
}

impl Keymap {
    /// The keys of an action, the one to show first; none when its keys were taken away.
    #[must_use]
    pub fn keys<'a>(&'a self, action: &'a Action) -> &'a [Key] {
        self.own.get(action.name).map_or(action.keys, Vec::as_slice)
    }

    /// Whether a key leads to an action.
    #[must_use]
    pub fn leads(&self, key: Key, action: &Action) -> bool {
        self.keys(action).contains(&key)
    }

    /// The key to show for an action; empty when it has none.
    #[must_use]
    pub fn key(&self, action: &Action) -> String {
        self.keys(action).first().map(ToString::to_string).unwrap_or_default()
    }

    /// What a button of an action says: its key, and words.
    #[must_use]
    pub fn button(&self, action: &Action, words: &str) -> String {
        format!("{} {words}", self.key(action)).trim_start().to_owned()
    }
}
