//! Which keys lead to which action: those of the table, where nobody put others in their place.

use std::collections::BTreeMap;

use super::table::{Action, Danger, all};
use crate::tui::term::input::Key;

/// Keys that no action is given beside those that have them: they move the cursor, or choose by number.
const MOVING: [Key; 14] = [
    Key::Up,
    Key::Down,
    Key::Left,
    Key::Right,
    Key::Char('k'),
    Key::Char('j'),
    Key::PageUp,
    Key::PageDown,
    Key::Home,
    Key::End,
    Key::Char('g'),
    Key::Char('G'),
    Key::Tab,
    Key::BackTab,
];

/// What a slow link may leave of an arrow key that it tore apart.
pub const LEFT_BEHIND: &str = "ABCDFHOPQRS[~";

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

    /// Whether a person has put other keys in the place of an action's own.
    #[must_use]
    pub fn is_changed(&self, action: &Action) -> bool {
        self.own.contains_key(action.name)
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

    /// Puts keys in the place of an action's own. Esc goes back and Ctrl-C leaves, whatever else does.
    pub fn put(&mut self, action: &'static Action, mut keys: Vec<Key>) {
        let always = match action.name {
            "back" => Some(Key::Esc),
            "quit" => Some(Key::Ctrl('c')),
            _ => None,
        };
        if let Some(key) = always.filter(|key| !keys.contains(key)) {
            keys.push(key);
        }
        if keys == action.keys {
            self.own.remove(action.name);
        } else {
            self.own.insert(action.name, keys);
        }
    }

    /// The first action that has a key, and may be able to do something where another one is.
    #[must_use]
    pub fn also_on(&self, key: Key, action: &Action) -> Option<&'static Action> {
        all().find(|other| self.leads(key, other) && other.meets(action))
    }
}

/// Why an action cannot be on a key; none when it can.
#[must_use]
pub fn unfit(action: &Action, key: Key) -> Option<&'static str> {
    if action.keys.contains(&key) {
        return None;
    }
    match key {
        Key::Esc => Some("Esc always goes back"),
        Key::Ctrl('c') => Some("ctrl-c always leaves the board"),
        Key::Ctrl('z' | 's' | 'q') => Some("the terminal takes it: it stops programs and what they show"),
        Key::Ctrl('i' | 'm' | 'h' | '[') => {
            Some("terminals send the same for tab, enter, backspace or esc; write that")
        }
        Key::Char('1'..='9') => Some("digits choose by number"),
        key if MOVING.contains(&key) => Some("it moves about on the board and in lists"),
        Key::Char(letter) if action.danger > Danger::View && LEFT_BEHIND.contains(letter) => {
            Some("a slow link may leave this letter of an arrow key, and this action changes something")
        }
        _ => None,
    }
}
