//! How bad a line says that it is.

use serde::{Deserialize, Serialize};

/// How bad a line says that it is, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// For those who look for a fault.
    Debug,
    /// How things go.
    Info,
    /// Something may become a trouble.
    Warning,
    /// Something went wrong.
    Error,
}

const WORDS: [(&str, Level); 29] = [
    ("trc", Level::Debug),
    ("dbg", Level::Debug),
    ("inf", Level::Info),
    ("hint", Level::Info),
    ("detail", Level::Info),
    ("wrn", Level::Warning),
    ("fail", Level::Error),
    ("eror", Level::Error),
    ("trace", Level::Debug),
    ("debug", Level::Debug),
    ("fine", Level::Debug),
    ("verbose", Level::Debug),
    ("info", Level::Info),
    ("information", Level::Info),
    ("notice", Level::Info),
    ("log", Level::Info),
    ("warn", Level::Warning),
    ("warning", Level::Warning),
    ("error", Level::Error),
    ("err", Level::Error),
    ("severe", Level::Error),
    ("fatal", Level::Error),
    ("critical", Level::Error),
    ("crit", Level::Error),
    ("panic", Level::Error),
    ("emerg", Level::Error),
    ("emergency", Level::Error),
    ("alert", Level::Error),
    ("failure", Level::Error),
];

impl Level {
    /// The level that a word names, however it is written.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
    }

    /// The level that a letter names, as klog, MongoDB and the logger of Ruby write it.
    #[must_use]
    pub fn of_letter(letter: &str) -> Option<Self> {
        match letter {
            "D" => Some(Self::Debug),
            "I" => Some(Self::Info),
            "W" => Some(Self::Warning),
            "E" | "F" => Some(Self::Error),
            _ => None,
        }
    }

    /// The level of a severity of syslog, 0 to 7 (RFC 5424, section 6.2.1).
    #[must_use]
    pub fn of_syslog(severity: u64) -> Self {
        match severity {
            0..=3 => Self::Error,
            4 => Self::Warning,
            5 | 6 => Self::Info,
            _ => Self::Debug,
        }
    }

    /// The level of a number of OpenTelemetry, 1 to 24; none when it says nothing.
    #[must_use]
    pub fn of_telemetry(number: u64) -> Option<Self> {
        match number {
            1..=8 => Some(Self::Debug),
            9..=12 => Some(Self::Info),
            13..=16 => Some(Self::Warning),
            17..=24 => Some(Self::Error),
            _ => None,
        }
    }

    /// The level of a number in a JSON line: syslog's below 8, else the tens of bunyan and pino.
    #[must_use]
    pub fn of_number(number: u64) -> Self {
        match number {
            0..=7 => Self::of_syslog(number),
            8..=29 => Self::Debug,
            30..=39 => Self::Info,
            40..=49 => Self::Warning,
            _ => Self::Error,
        }
    }
}
