//! Keys as people write them in a file: `q`, `ctrl-l`, `shift-left`.

use crate::tui::term::input::Key;

/// Keys that are no characters, by their words.
const NAMED: [(&str, Key); 19] = [
    ("enter", Key::Enter),
    ("esc", Key::Esc),
    ("tab", Key::Tab),
    ("shift-tab", Key::BackTab),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
    ("ctrl-left", Key::CtrlLeft),
    ("ctrl-right", Key::CtrlRight),
    ("shift-left", Key::ShiftLeft),
    ("shift-right", Key::ShiftRight),
    ("pageup", Key::PageUp),
    ("pagedown", Key::PageDown),
    ("home", Key::Home),
    ("end", Key::End),
    ("backspace", Key::Backspace),
    ("delete", Key::Delete),
    ("space", Key::Char(' ')),
];

/// The words of the keys that are no characters.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|(word, _)| *word)
}

/// Reads a key; why it is none, else.
pub(super) fn parse(written: &str) -> Result<Key, &'static str> {
    if let Some((_, key)) = NAMED.iter().find(|(word, _)| *word == written) {
        return Ok(*key);
    }
    let mut letters = written.chars();
    match (letters.next(), letters.as_str()) {
        (Some(letter), "") if !letter.is_control() && !letter.is_whitespace() => return Ok(Key::Char(letter)),
        _ => {}
    }
    let lower = written.to_lowercase();
    if let Some(letter) = lower.strip_prefix("ctrl-") {
        let mut letters = letter.chars();
        return match (letters.next(), letters.as_str()) {
            (Some(letter @ ('a'..='z' | '[')), "") => Ok(Key::Ctrl(letter)),
            _ => Err("a terminal sends ctrl with the letters a to z and the arrows left and right alone"),
        };
    }
    if lower.starts_with("alt-") || lower.starts_with("meta-") {
        return Err("terminals cannot tell Alt from Esc and a letter");
    }
    if lower.starts_with("shift-") && lower.chars().count() == "shift-".len() + 1 {
        return Err("a letter with shift is written as the capital letter");
    }
    if lower.starts_with('f') && lower[1..].parse::<u8>().is_ok() {
        return Err("not every terminal sends function keys");
    }
    if written.split_whitespace().count() > 1 {
        return Err("an action has one key, not keys in a row; several that each do it are several texts");
    }
    Err("it is no key")
}

/// A key as it is written in a file.
#[must_use]
pub fn written(key: Key) -> String {
    match (NAMED.iter().find(|(_, known)| *known == key), key) {
        (Some((word, _)), _) => (*word).to_owned(),
        (None, Key::Ctrl(letter)) => format!("ctrl-{letter}"),
        (None, Key::Char(letter)) => letter.to_string(),
        (None, other) => other.to_string(),
    }
}
