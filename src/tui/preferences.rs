//! What the board remembers by itself from one time to the next. What a person decides once stands in the settings; what is only how
//! the board was left stands here, in a small file of the home that may be deleted at any time.
//!
//! A new one is a field here with its name in `Preferences::read` and `write`, its place in `Model::preferences`, where it is taken from
//! the model, and in `Model::remember`, where it is given back.

use std::{fs, io::Write, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{measure::Reach, model::Model};
use crate::domain::Window;

/// What the board remembers; nothing, where nothing was remembered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Preferences {
    /// The window over which services are looked back on.
    pub window: Option<Window>,
    /// How far the metrics look back.
    pub reach: Option<Reach>,
    /// What other versions of the board remember; it is kept for them.
    others: Map<String, Value>,
}

impl Preferences {
    /// Reads them from a file. What cannot be read is forgotten: it is no more than how the board was left.
    #[must_use]
    pub fn load(file: &Path) -> Self {
        let read = fs::read_to_string(file).ok().and_then(|text| serde_json::from_str(&text).ok());
        read.map(Self::read).unwrap_or_default()
    }

    /// Writes them into a file, which takes the place of the old one whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, file: &Path) -> std::io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut new, &self.write())?;
        new.write_all(b"\n")?;
        new.persist(file)?;
        Ok(())
    }

    fn read(mut all: Map<String, Value>) -> Self {
        Self { window: take(&mut all, "window"), reach: take(&mut all, "reach"), others: all }
    }

    fn write(&self) -> Map<String, Value> {
        let mut all = self.others.clone();
        put(&mut all, "window", self.window);
        put(&mut all, "reach", self.reach);
        all
    }
}

/// Takes a value that can be read; one that cannot belongs to another version, and stays.
fn take<T: DeserializeOwned>(all: &mut Map<String, Value>, name: &str) -> Option<T> {
    let value = serde_json::from_value(all.get(name)?.clone()).ok()?;
    all.remove(name);
    Some(value)
}

fn put(all: &mut Map<String, Value>, name: &str, value: Option<impl Serialize>) {
    if let Some(value) = value.and_then(|value| serde_json::to_value(value).ok()) {
        all.insert(name.to_owned(), value);
    }
}

impl Model {
    /// What the next board should find as it is here.
    #[must_use]
    pub fn preferences(&self) -> Preferences {
        Preferences {
            window: Some(self.looked_back.window),
            reach: Some(self.measured.reach),
            others: self.remembered.others.clone(),
        }
    }

    /// Puts the board as it was left the last time.
    pub fn remember(&mut self, preferences: Preferences) {
        self.looked_back.window = preferences.window.unwrap_or_default();
        self.measured.reach = preferences.reach.unwrap_or_default();
        self.remembered = preferences;
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::*;

    #[test]
    fn what_was_left_is_found_again_and_what_others_remember_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new").join("board.json");
        assert_eq!(Preferences::load(&file), Preferences::default());
        let mut model = Model::new(Utc.timestamp_opt(0, 0).unwrap(), Vec::new());
        model.remember(Preferences::read(
            serde_json::from_str(r#"{"window": "7d", "reach": "a century", "zoomed": {"pane": 1}}"#).unwrap(),
        ));
        assert_eq!(model.looked_back.window, Window::Week);
        model.measured.reach = Reach::Year;
        model.preferences().save(&file).unwrap();
        let read = Preferences::load(&file);
        assert_eq!((read.window, read.reach), (Some(Window::Week), Some(Reach::Year)));
        assert_eq!(read.others.get("zoomed"), Some(&serde_json::json!({"pane": 1})));
        fs::write(&file, "{ torn").unwrap();
        assert_eq!(Preferences::load(&file), Preferences::default());
    }
}
