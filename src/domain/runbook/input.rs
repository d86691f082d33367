//! What has to be known before steps can run, and the names that books use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ServiceRef, is_input_name};

/// Something that has to be known before steps can run, or that a step asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// In capital letters; `$NAME` in commands.
    pub name: String,
    /// What may be given.
    #[serde(rename = "type")]
    pub kind: InputKind,
    /// What holds when nothing is given; none: it has to be.
    pub default: Option<String>,
    /// What it is, in a few words.
    pub hint: String,
}

/// What may be given as an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "of")]
pub enum InputKind {
    /// One line.
    String,
    /// A whole number.
    Int,
    /// Such as `15m`.
    Duration,
    /// An absolute path.
    Path,
    /// A service of the platform.
    Service,
    /// A component of the platform.
    Component,
    /// Such as `INC-42`.
    Incident,
    /// One of these.
    Choice(Vec<String>),
    /// Never shown, stored or hashed.
    Secret,
}

impl InputKind {
    /// What would be right, where a value is not.
    #[must_use]
    pub fn problem(&self, value: &str) -> Option<String> {
        let (right, expected) = match self {
            Self::Int => (value.parse::<i64>().is_ok(), "a whole number".to_owned()),
            Self::Duration => (duration(value).is_some(), "a duration such as 15m".to_owned()),
            Self::Path => (value.starts_with('/'), "an absolute path".to_owned()),
            Self::Service | Self::Component => (is_slug(value), "a name as in the platform file".to_owned()),
            Self::Incident => {
                let number = value.strip_prefix("INC-").unwrap_or_default();
                (number.parse::<u64>().is_ok(), "an incident such as INC-42".to_owned())
            }
            Self::Choice(choices) => {
                (choices.iter().any(|choice| choice == value), format!("one of {}", choices.join(", ")))
            }
            Self::String | Self::Secret => {
                let fits = !value.contains(char::is_control) && !value.starts_with('-');
                (fits, "one line that does not begin with -".to_owned())
            }
        };
        (!right).then_some(expected)
    }

    /// Its type as it is written in the front matter.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::String => "string".to_owned(),
            Self::Int => "int".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::Path => "path".to_owned(),
            Self::Service => "service".to_owned(),
            Self::Component => "component".to_owned(),
            Self::Incident => "incident".to_owned(),
            Self::Choice(choices) => format!("choice({})", choices.join("/")),
            Self::Secret => "secret".to_owned(),
        }
    }
}

/// A duration from a millisecond to four hundred days.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let range = Duration::from_millis(1)..=Duration::from_secs(400 * 86_400);
    humantime::parse_duration(text).ok().filter(|duration| range.contains(duration))
}

/// Whether a text is a name as platform files and books use them.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(allowed)
}

/// The service that a text names, by its name or as `$INPUT`.
#[must_use]
pub fn service_ref(text: &str) -> Option<ServiceRef> {
    match text.strip_prefix('$') {
        Some(name) => is_input_name(name).then(|| ServiceRef::Input(name.to_owned())),
        None => is_slug(text).then(|| ServiceRef::Name(text.to_owned())),
    }
}
