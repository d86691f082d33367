//! From the text of the settings to what they mean. Everything that is wrong is told at once, with its line, and only that does not hold.

use std::{collections::BTreeSet, path::Path};

use super::{Settings, keys};
use crate::{
    client::{
        HostAddress,
        hosts::{HostEntry, is_fingerprint, is_name},
    },
    platform::{Found, Problem, Reader, Section, Value},
};

/// Reads settings; themes are known by their names.
pub(super) fn read(file: &Path, text: &str, themes: &[&str]) -> (Settings, Vec<Problem>) {
    Reader::salvage(file, text, |root, reader| settings(root, reader, themes))
}

fn settings(root: &mut Section<'_, '_>, reader: &mut Reader, themes: &[&str]) -> Settings {
    let mut settings = Settings::default();
    let board = root.get("board").and_then(|value| reader.section(value, "board", "a table headed [board]"));
    if let Some(mut board) = board {
        let theme = board.read(reader, "theme", |reader, value, place| {
            let choices: Vec<(&str, &str)> = themes.iter().map(|name| (*name, *name)).collect();
            reader.choice(value, place, &choices)
        });
        if let Some(theme) = theme {
            theme.clone_into(&mut settings.theme);
        }
        if let Some(mouse) = board.read(reader, "mouse", Reader::flag) {
            settings.mouse = mouse;
        }
        board.finish(reader);
    }
    settings.keymap = root.read(reader, "keys", keys::keymap).unwrap_or_default();
    settings.hosts = hosts(root, reader);
    settings
}

fn hosts(root: &mut Section<'_, '_>, reader: &mut Reader) -> Vec<HostEntry> {
    let mut names = BTreeSet::new();
    let sections = reader.sections(root.get("host"), "host");
    let read = |mut section: Section<'_, '_>| {
        let name = section.require(reader, "name", "a name for --host", name);
        let address = section.require(reader, "address", "how the engine is reached", address);
        let fingerprint = section.read(reader, "fingerprint", fingerprint);
        let token_file = section.read(reader, "token_file", Reader::path).map(|path| path.value);
        let certificate = section.read(reader, "certificate", Reader::path).map(|path| path.value);
        section.finish(reader);
        let name = name?;
        if !names.insert(name.value.clone()) {
            reader.problem(name.at, "host.name", format!("{:?} is there twice", name.value), "a name for each");
            return None;
        }
        Some(HostEntry { name: name.value, address: address?, fingerprint, token_file, certificate })
    };
    sections.into_iter().filter_map(read).collect()
}

fn name(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Found<String>> {
    let expected = "up to 64 letters, digits, \"-\", \"_\" and \".\"";
    let text = reader.text(value, place, expected)?;
    if !is_name(&text.value) {
        reader.problem(text.at, place, format!("{:?} is no name of a host", text.value), expected);
        return None;
    }
    Some(text)
}

fn address(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<String> {
    let expected = "\"unix:PATH\", \"https://HOST:PORT\" or \"ssh://[USER@]HOST\"";
    let text = reader.one_line(value, place, expected, 300)?;
    if text.value.parse::<HostAddress>().is_err() {
        reader.problem(text.at, place, format!("{:?} is no address of an engine", text.value), expected);
        return None;
    }
    Some(text.value)
}

fn fingerprint(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<String> {
    let expected = "sha256: and 64 digits, as codeblue host certificate shows it";
    let text = reader.text(value, place, expected)?;
    if !is_fingerprint(&text.value) {
        reader.problem(text.at, place, format!("{:?} is no fingerprint", text.value), expected);
        return None;
    }
    Some(text.value)
}
