//! The table `[log]`: how much the engine writes down about itself, and how much of that is kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::reader::{Reader, Section, Value};

/// Of smaller files most would be their names.
const SMALLEST: u64 = 16 << 10;
const LARGEST: u64 = 1 << 30;
const MOST: u32 = 1000;
const SIZE: &str = "a size such as \"10MiB\" or \"500KiB\", from 16KiB to 1GiB";
const UNITS: [(&str, u64); 6] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];

/// The log files of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogFiles {
    /// Bytes at which a file is put aside and a new one begun.
    pub size_bytes: u64,
    /// Files that are kept, the one that is written included.
    pub files: u32,
    /// How much is written.
    pub level: LogLevel,
}

impl Default for LogFiles {
    fn default() -> Self {
        Self { size_bytes: 10 << 20, files: 10, level: LogLevel::Info }
    }
}

impl LogFiles {
    /// Whether the file says nothing of them.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How much is written down. Each holds what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// What has failed.
    Error,
    /// What somebody should look at.
    Warn,
    /// What happens.
    Info,
    /// What leads there.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// As in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

pub(super) fn log_files(root: &mut Section<'_, '_>, reader: &mut Reader) -> LogFiles {
    let usual = LogFiles::default();
    let Some(value) = root.get("log") else { return usual };
    let Some(mut section) = reader.section(value, "log", "a table headed [log]") else { return usual };
    let size = section.read(reader, "size", size);
    let files = section.read(reader, "files", |reader, value, place| reader.number(value, place, 1..=MOST));
    let level = section.read(reader, "level", |reader, value, place| {
        let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
        reader.choice(value, place, &levels.map(|level| (level.name(), level)))
    });
    section.finish(reader);
    LogFiles {
        size_bytes: size.unwrap_or(usual.size_bytes),
        files: files.unwrap_or(usual.files),
        level: level.unwrap_or(usual.level),
    }
}

fn size(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<u64> {
    let text = reader.text(value, place, SIZE)?;
    let number = text.value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit = text.value[number.len()..].trim();
    let unit = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, bytes)| *bytes);
    let bytes = unit.and_then(|unit| number.parse::<u64>().ok()?.checked_mul(unit));
    match bytes {
        Some(bytes) if (SMALLEST..=LARGEST).contains(&bytes) => Some(bytes),
        Some(_) => {
            reader.problem(text.at, place, format!("{:?} is too small or too large", text.value), SIZE);
            None
        }
        None => {
            let meant = number.parse::<u64>().ok().map(|number| format!("{number}MiB"));
            reader.report(text.at, place, format!("{:?} is no size", text.value), SIZE.to_owned(), meant);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::parse;

    fn read(log: &str) -> Result<LogFiles, String> {
        let text = format!("[platform]\nname = \"Ward\"\n[log]\n{log}\n[[service]]\nname = \"charts\"\n");
        let platform = parse(&text, "codeblue.toml".as_ref());
        platform.map(|platform| platform.log).map_err(|problems| problems.to_string())
    }

    #[test]
    fn what_is_not_written_is_as_usual() {
        assert_eq!(read(""), Ok(LogFiles::default()));
        let asked = LogFiles { size_bytes: 512_000, files: 3, level: LogLevel::Debug };
        assert_eq!(read("size = \"500 KiB\"\nfiles = 3\nlevel = \"debug\""), Ok(asked));
        assert_eq!(read("size = \"2MB\"").map(|log| log.size_bytes), Ok(2_000_000));
    }

    #[test]
    fn mistakes_are_told_with_what_was_meant() {
        for (log, told) in [
            ("size = \"10\"", "codeblue.toml:4: log.size: \"10\" is no size; did you mean \"10MiB\"?"),
            ("size = \"1KiB\"", "log.size: \"1KiB\" is too small or too large; expected a size such as"),
            ("size = \"99999999999GiB\"", "log.size: \"99999999999GiB\" is"),
            ("files = 0", "codeblue.toml:4: log.files: found the number 0; expected a whole number from 1 to 1000"),
            ("level = \"inf\"", "did you mean \"info\"?"),
            ("rotate = \"daily\"", "codeblue.toml:4: log: unknown key \"rotate\""),
        ] {
            let problems = read(log).unwrap_err();
            assert!(problems.contains(told), "{log}: {problems}");
        }
    }
}
