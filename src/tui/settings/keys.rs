//! The keys of the settings: which action, which keys, and what must not be.

use toml::de::DeValue;

use super::chord;
use crate::{
    platform::{Reader, Section, Value, nearest},
    tui::{
        action::{Action, Keymap, Where, all, named, unfit},
        term::input::Key,
    },
};

/// Keys that were written for an action, and where.
struct Line {
    action: &'static Action,
    keys: Vec<Key>,
    at: usize,
    place: String,
}

/// Reads `[keys]`: a table for each place, in it a list of keys for each action.
pub(super) fn keymap(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Keymap> {
    let mut section = reader.section(value, place, "tables such as [keys.anywhere]")?;
    let mut lines = Vec::new();
    for (at, word, _) in Where::ALL {
        let own = section.read(reader, word, |reader, value, place| {
            let hint = format!("a table headed [{place}]");
            let own = reader.section(value, place, &hint)?;
            Some(own.entries().filter_map(|(name, value)| line(reader, &own, at, name, value)).collect::<Vec<_>>())
        });
        lines.extend(own.unwrap_or_default());
    }
    section.finish(reader);
    lines.sort_by_key(|line| line.at);
    Some(without_conflicts(reader, lines))
}

fn line(
    reader: &mut Reader,
    section: &Section<'_, '_>,
    at: Where,
    name: &toml::Spanned<toml::de::DeString<'_>>,
    value: &Value<'_>,
) -> Option<Line> {
    let place = section.key(name.get_ref());
    let found = named(name.get_ref());
    let Some(action) = found.filter(|action| action.place == at) else {
        let names = all().filter(|action| action.place == at).map(|action| action.name);
        let what = format!("unknown action {:?}", name.get_ref().as_ref());
        let (expected, meant) = match found {
            Some(action) => (format!("it below [keys.{}]", action.place.word()), None),
            None => {
                let meant = nearest(name.get_ref(), names).or_else(|| nearest(name.get_ref(), all().map(|a| a.name)));
                ("an action that `codeblue settings show` lists".to_owned(), meant)
            }
        };
        reader.report(name.span().start, section.place(), what, expected, meant);
        return None;
    };
    let written = match value.get_ref() {
        DeValue::String(_) => std::slice::from_ref(value),
        _ => reader.items(value, &place, "keys"),
    };
    let is_list = matches!(value.get_ref(), DeValue::String(_) | DeValue::Array(_));
    let keys: Vec<Key> = written.iter().filter_map(|value| key(reader, value, &place, action)).collect();
    // Half a list would be a guess: the action keeps its own keys.
    let line = Line { action, at: value.span().start, place, keys };
    (is_list && line.keys.len() == written.len()).then_some(line)
}

fn key(reader: &mut Reader, value: &Value<'_>, place: &str, action: &Action) -> Option<Key> {
    let expected = "a key such as \"q\", \"ctrl-l\" or \"pagedown\"";
    let DeValue::String(text) = value.get_ref() else {
        reader.mismatch(value, place, expected);
        return None;
    };
    let written = if text.as_ref() == " " { "space" } else { text.as_ref() };
    match chord::parse(written) {
        Ok(key) => match unfit(action, key) {
            None => Some(key),
            Some(why) => {
                let what = format!("{:?} cannot be on {written:?}: {why}", action.name);
                reader.problem(value.span().start, place, what, "another key");
                None
            }
        },
        Err(why) => {
            let meant = match written.strip_prefix("shift-") {
                Some(letter) if letter.chars().count() == 1 => Some(letter.to_uppercase()),
                _ => nearest(written, chord::words()).filter(|_| written.chars().count() > 2),
            };
            reader.report(value.span().start, place, format!("{written:?}: {why}"), expected.to_owned(), meant);
            None
        }
    }
}

/// The keymap of all lines but those that would put two actions that meet on one key.
fn without_conflicts(reader: &mut Reader, mut lines: Vec<Line>) -> Keymap {
    loop {
        let mut keymap = Keymap::default();
        for line in &lines {
            keymap.put(line.action, line.keys.clone());
        }
        let conflict = lines.iter().enumerate().rev().find_map(|(place, line)| {
            let clash = |key: &Key| keymap.also_on(*key, line.action).map(|other| (*key, other));
            line.keys.iter().find_map(clash).map(|(key, other)| (place, key, other))
        });
        let Some((place, key, other)) = conflict else { return keymap };
        let line = lines.remove(place);
        let what = format!(
            "{:?} is on {} of [keys.{}] as well, and both can do something on one page",
            chord::written(key),
            other.name,
            other.place.word(),
        );
        reader.problem(line.at, &line.place, what, format!("another key, or another one for {} too", other.name));
    }
}
