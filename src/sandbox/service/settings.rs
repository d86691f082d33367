//! The configuration file of a service.

use std::{fs, path::Path, time::Duration};

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    deadline_ms: u64,
    #[serde(default)]
    pub(super) page_size: PageSize,
    #[serde(default)]
    pub(super) language: Language,
    #[serde(default = "half_an_hour")]
    token_minutes: u32,
}

/// What the printers hold.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) enum PageSize {
    #[default]
    A4,
    A5,
    Letter,
}

/// Language of printed text.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Language {
    #[default]
    En,
    De,
    Es,
}

impl Settings {
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let text = fs::read_to_string(path).map_err(|error| format!("configuration {name} cannot be read: {error}"))?;
        let settings: Self =
            toml::from_str(&text).map_err(|error| format!("invalid configuration {name}: {}", error.message()))?;
        if !(50..=10_000).contains(&settings.deadline_ms) {
            return Err(format!("invalid configuration {name}: deadline_ms must be from 50 to 10000"));
        }
        if !(1..=1440).contains(&settings.token_minutes) {
            return Err(format!("invalid configuration {name}: token_minutes must be from 1 to 1440"));
        }
        Ok(settings)
    }

    pub(super) fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    pub(super) fn token_lifetime(&self) -> chrono::Duration {
        chrono::Duration::minutes(i64::from(self.token_minutes))
    }
}

fn half_an_hour() -> u32 {
    30
}
