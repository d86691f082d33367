//! The settings and themes of a home, read from its files.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::{Setup, read::read};
use crate::{
    engine::Home,
    platform::Problem,
    tui::{
        preferences::Preferences,
        theme::{Colours, Shelf},
    },
};

/// A larger file is a mistake.
const LARGEST: u64 = 256 * 1024;
/// So many themes of one's own are read.
const MOST: usize = 100;

/// Reads what a home says about the board, for a terminal with so many colours; the defaults where there is no home. A file that cannot be
/// read is a problem like those in it.
#[must_use]
pub fn load(home: Option<&Home>, colours: Colours) -> Setup {
    let mut problems = Vec::new();
    let mut own = Vec::new();
    for file in home.map(|home| themes(&home.themes(), &mut problems)).unwrap_or_default() {
        own.extend(text(&file, &mut problems).map(|text| (file, text)));
    }
    let (shelf, wrong) = Shelf::with(&own, colours);
    problems.extend(wrong);
    let file = home.map(Home::settings_file);
    let written = file.as_deref().and_then(|file| text(file, &mut problems)).unwrap_or_default();
    let names: Vec<&str> = shelf.choices().iter().map(|choice| choice.name.as_str()).collect();
    let (settings, wrong) = read(file.as_deref().unwrap_or(Path::new("settings.toml")), &written, &names);
    problems.extend(wrong);
    let memory = home.map(Home::board_memory);
    let preferences = memory.as_deref().map(Preferences::load).unwrap_or_default();
    Setup { file, settings, shelf, memory, preferences, problems }
}

/// The files of the themes in a folder, in the order of their names.
fn themes(folder: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(unread(folder, &error.to_string()));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    if files.len() > MOST {
        problems.push(unread(folder, &format!("there are {} themes; the first {MOST} are read", files.len())));
        files.truncate(MOST);
    }
    files
}

/// The text of a file; none when there is none.
fn text(file: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    let mut text = String::new();
    let read = File::open(file).and_then(|open| open.take(LARGEST + 1).read_to_string(&mut text));
    match read {
        Ok(bytes) if bytes as u64 > LARGEST => {
            problems.push(unread(file, &format!("it is larger than {} KiB", LARGEST / 1024)));
        }
        Ok(_) => return Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => problems.push(unread(file, &format!("it cannot be read: {error}"))),
    }
    None
}

fn unread(path: &Path, what: &str) -> Problem {
    Problem {
        file: path.display().to_string(),
        line: None,
        column: None,
        place: String::new(),
        what: what.to_owned(),
        expected: String::new(),
        nearest: None,
    }
}
