//! The table `[access]`: how people are known and how sure the engine has to be of it.

use std::time::Duration;

use toml::de::DeValue;

use super::{
    model::{Access, Profile, SecondFactorRule},
    reader::{Reader, Section, Value},
};

/// Shorter, and the board would lock under somebody who reads it.
const SHORTEST_LOCK: Duration = Duration::from_secs(60);

pub(super) fn access(root: &mut Section<'_, '_>, reader: &mut Reader, profile: Profile) -> Access {
    let usual = Access::of(profile);
    let Some(value) = root.get("access") else { return usual };
    let Some(mut section) = reader.section(value, "access", "a table headed [access]") else { return usual };
    let second_factor = section.read(reader, "second_factor", |reader, value, place| {
        let choices = [("enrolled", SecondFactorRule::Enrolled), ("required", SecondFactorRule::Required)];
        reader.choice(value, place, &choices)
    });
    let lock_after = section.read(reader, "lock_after", lock_after);
    let socket_group = section.read(reader, "socket_group", |reader, value, place| {
        let group = reader.text(value, place, "a group of this host")?;
        if group.value.len() > 64 || group.value.contains(|c: char| c.is_whitespace() || c.is_control() || c == ':') {
            reader.problem(group.at, place, format!("{:?} is no group", group.value), "a group of this host");
        }
        Some(group.value)
    });
    section.finish(reader);
    Access {
        second_factor: second_factor.unwrap_or(usual.second_factor),
        lock_after: lock_after.unwrap_or(usual.lock_after),
        socket_group: socket_group.or(usual.socket_group),
    }
}

fn lock_after(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Option<Duration>> {
    if matches!(value.get_ref(), DeValue::String(text) if text == "never") {
        return Some(None);
    }
    let time = reader.duration(value, place)?;
    if time < SHORTEST_LOCK {
        reader.problem(value.span().start, place, "that is under a minute", "at least \"1m\", or \"never\"");
    }
    Some(Some(time))
}
