//! Reads a theme: which theme it changes, and what it changes of it. Everything that is wrong is told at once, and the rest holds.

use std::{collections::BTreeMap, path::Path};

use ratatui::style::{Color, Modifier};
use toml::de::DeValue;

use super::{
    Role,
    colour::{NAMED, from_hex},
};
use crate::platform::{Problem, Reader, Section, Value, nearest};

/// The emphasis that a role can have.
const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
];

/// What a theme changes of another.
#[derive(Debug, Clone, Default)]
pub(super) struct ThemeFile {
    /// What it is, in one line.
    pub(super) about: String,
    /// The theme that it changes.
    pub(super) inherits: Option<String>,
    /// The theme to show where the terminal has too few colours for this one.
    pub(super) fallback: Option<String>,
    /// What it changes of each role.
    pub(super) roles: BTreeMap<Role, Patch>,
}

/// What a theme changes of a role; what it does not name stays.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Patch {
    /// The colour, [`Color::Reset`] for none of its own.
    pub(super) colour: Option<Color>,
    /// The ground, the same way.
    pub(super) on: Option<Color>,
    /// All emphasis it has.
    pub(super) modifiers: Option<Modifier>,
}

/// Reads a theme that may refer to others by their names.
pub(super) fn read(file: &Path, text: &str, others: &[&str]) -> (ThemeFile, Vec<Problem>) {
    Reader::salvage(file, text, |root, reader| theme(root, reader, others))
}

fn theme(root: &mut Section<'_, '_>, reader: &mut Reader, others: &[&str]) -> ThemeFile {
    let mut read = ThemeFile::default();
    let about = root.read(reader, "about", |reader, value, place| reader.one_line(value, place, "one line", 100));
    read.about = about.map(|about| about.value).unwrap_or_default();
    let named = |reader: &mut Reader, value: &Value<'_>, place: &str| {
        let choices: Vec<(&str, &str)> = others.iter().map(|name| (*name, *name)).collect();
        reader.choice(value, place, &choices).map(str::to_owned)
    };
    read.inherits = root.read(reader, "inherits", named);
    read.fallback = root.read(reader, "fallback", named);
    let mut palette = BTreeMap::new();
    let colours = root.get("palette").and_then(|value| reader.section(value, "palette", "a table headed [palette]"));
    for (name, value) in colours.iter().flat_map(Section::entries) {
        let place = format!("palette.{}", name.get_ref());
        if let Some(colour) = colour(reader, value, &place, &BTreeMap::new()) {
            palette.insert(name.get_ref().to_string(), colour);
        }
    }
    let roles = root.get("roles").and_then(|value| reader.section(value, "roles", "a table headed [roles]"));
    if let Some(mut roles) = roles {
        for (word, role) in Role::ALL {
            let patch = roles.read(reader, word, |reader, value, place| patch(reader, value, place, &palette));
            read.roles.extend(patch.map(|patch| (role, patch)));
        }
        roles.finish(reader);
    }
    read
}

fn patch(reader: &mut Reader, value: &Value<'_>, place: &str, palette: &BTreeMap<String, Color>) -> Option<Patch> {
    if !matches!(value.get_ref(), DeValue::Table(_)) {
        return Some(Patch { colour: Some(colour(reader, value, place, palette)?), ..Patch::default() });
    }
    let mut section = reader.section(value, place, "a colour")?;
    let patch = Patch {
        colour: section.read(reader, "colour", |reader, value, place| colour(reader, value, place, palette)),
        on: section.read(reader, "on", |reader, value, place| colour(reader, value, place, palette)),
        modifiers: section.read(reader, "modifiers", modifiers),
    };
    section.finish(reader);
    Some(patch)
}

fn modifiers(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Modifier> {
    let items = reader.items(value, place, "words");
    Some(items.iter().filter_map(|item| reader.choice(item, place, &MODIFIERS)).collect())
}

fn colour(reader: &mut Reader, value: &Value<'_>, place: &str, palette: &BTreeMap<String, Color>) -> Option<Color> {
    let expected = "a name of the palette, red, bright-red, a number from 0 to 255, \"#rrggbb\" or \"none\"";
    if matches!(value.get_ref(), DeValue::Integer(_)) {
        let number = reader.number(value, place, 0..=255)?;
        return u8::try_from(number).ok().map(Color::Indexed);
    }
    let text = reader.text(value, place, expected)?;
    let of_terminal = |name: &str| NAMED.iter().find(|(word, _)| *word == name).map(|(_, colour)| *colour);
    let found =
        palette.get(&text.value).copied().or_else(|| of_terminal(&text.value)).or_else(|| from_hex(&text.value));
    if found.is_some() {
        return found;
    }
    if text.value == "none" {
        return Some(Color::Reset);
    }
    let known = palette.keys().map(String::as_str).chain(NAMED.iter().map(|(word, _)| *word)).chain(["none"]);
    let meant = nearest(&text.value, known);
    reader.report(text.at, place, format!("{:?} is no colour", text.value), expected.to_owned(), meant);
    None
}
