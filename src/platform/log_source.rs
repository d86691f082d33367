//! Where the lines of a service come from, and how the platform file says so.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{
    parse_maintenance::zone,
    reader::{Found, Reader, Section, Value},
};

/// Letters of the name of a unit.
const UNIT: usize = 255;

/// Where the lines of a service come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogSource {
    /// The place.
    #[serde(flatten)]
    pub place: LogPlace,
    /// The zone of times that name none; UTC when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Tz>,
}

/// A place where lines are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogPlace {
    /// A file, or all that a pattern with `*` and `?` means.
    File(PathBuf),
    /// A unit of the system's journal.
    Journald(String),
}

impl fmt::Display for LogSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            LogPlace::File(path) => write!(f, "{}", path.display()),
            LogPlace::Journald(unit) => write!(f, "journald:{unit}"),
        }
    }
}

impl LogSource {
    /// A file whose times without a zone are UTC.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self { place: LogPlace::File(path.to_owned()), zone: None }
    }
}

/// Reads the tables headed `[[service.log]]`.
pub(super) fn sources(sections: Vec<Section<'_, '_>>, reader: &mut Reader) -> Vec<LogSource> {
    sections.into_iter().filter_map(|section| source(section, reader)).collect()
}

fn source(mut section: Section<'_, '_>, reader: &mut Reader) -> Option<LogSource> {
    let expected = "file = \"/var/log/patient-api/*.log\" or journald = \"patient-api.service\"";
    let at = section.at();
    let written = section.present(&["file", "journald"]);
    match written.as_slice() {
        [] => reader.problem(at, section.place(), "it says not where", expected),
        [_] => {}
        [_, second, ..] => reader.problem(second.at, section.place(), "it names two places", expected),
    }
    let file = section.read(reader, "file", Reader::path);
    let unit = section.read(reader, "journald", unit);
    let zone = section.read(reader, "zone", zone);
    section.finish(reader);
    let place = file.map(|file| LogPlace::File(file.value)).or(unit.map(LogPlace::Journald))?;
    Some(LogSource { place, zone })
}

/// The name of a unit, as systemd allows it; what begins with `-` would be an option of the program that is asked.
fn unit(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<String> {
    let expected = "the name of a unit, such as \"patient-api.service\"";
    let Found { value, at } = reader.text(value, place, expected)?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b":-_.\\@".contains(&b);
    if value.len() > UNIT || value.starts_with('-') || !value.bytes().all(allowed) {
        reader.problem(at, place, format!("{value:?} is no name of a unit"), expected);
        return None;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::platform::{explain, parse};

    fn file(log: &str) -> String {
        format!("[platform]\nname = \"Ward\"\n[[service]]\nname = \"auth\"\nlogs = [\"auth.log\"]\n{log}")
    }

    fn read(log: &str) -> Result<Vec<String>, String> {
        let platform = parse(&file(log), Path::new("/srv/codeblue.toml")).map_err(|problems| problems.to_string())?;
        Ok(platform.services[0].log_sources().map(|source| source.to_string()).collect())
    }

    #[test]
    fn sources_are_read_beside_the_short_form_and_explained() {
        let log = "[[service.log]]\nfile = \"auth/*.log\"\nzone = \"Europe/Berlin\"\n[[service.log]]\njournald = \"auth.service\"\n";
        assert_eq!(read(log).unwrap(), ["/srv/auth.log", "/srv/auth/*.log", "journald:auth.service"]);
        let told = explain(&parse(&file(log), Path::new("/srv/codeblue.toml")).unwrap());
        for line in ["log /srv/auth.log", "log /srv/auth/*.log, times of Europe/Berlin", "log of the unit auth.service"]
        {
            assert!(told.contains(line), "{told}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (log, told) in [
            ("[[service.log]]\n", "it says not where"),
            ("[[service.log]]\nfile = \"a\"\njournald = \"b\"\n", "it names two places"),
            ("[[service.log]]\njournald = \"--all\"\n", "is no name of a unit"),
            ("[[service.log]]\nfile = \"a\"\nzone = \"Berlin\"\n", "no time zone is named"),
            ("[[service.log]]\npath = \"a\"\n", "unknown key"),
            ("log = \"a\"\n", "[[service.log]]"),
        ] {
            let problems = read(log).unwrap_err();
            assert!(problems.contains(told) && problems.contains("codeblue.toml:"), "{log}: {problems}");
        }
    }
}
