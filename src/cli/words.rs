//! Arguments that are more than a word.

use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::de::DeserializeOwned;

use crate::domain::{AutomationMode, IncidentRole, Role, Severity};

/// The roles an operator may have.
pub(super) fn role() -> impl TypedValueParser<Value = Role> {
    one_of::<Role>(&["viewer", "engineer", "technical-lead", "cto", "compliance-officer"])
}

/// The roles of an incident.
pub(super) fn incident_role() -> impl TypedValueParser<Value = IncidentRole> {
    one_of::<IncidentRole>(&["commander", "communications", "scribe"])
}

/// How far policies may go.
pub(super) fn mode() -> impl TypedValueParser<Value = AutomationMode> {
    one_of::<AutomationMode>(&["observe", "assist", "auto"])
}

/// Words that the JSON form of a type uses.
fn one_of<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    words: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words).try_map(|word| serde_json::from_value::<T>(serde_json::Value::String(word)))
}

/// `1` to `4`, or `SEV1` to `SEV4`.
pub(super) fn severity(text: &str) -> Result<Severity, String> {
    let digit = text.trim().to_ascii_lowercase();
    let digit = digit.strip_prefix("sev").unwrap_or(&digit).to_owned();
    Severity::ALL
        .into_iter()
        .find(|severity| severity.number().to_string() == digit)
        .ok_or_else(|| "expected 1 (the worst) to 4".to_owned())
}

/// `90s`, `15m`, `2h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "expected a time such as 90s, 15m or 2h".to_owned())
}

/// A moment in the past: RFC 3339, a time of the last 24 hours in UTC (`14:05`), or how long ago (`15m`).
pub(super) fn past(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    let at = if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        at.to_utc()
    } else if let Some(time) = clock_time(text) {
        let today = now.date_naive().and_time(time).and_utc();
        if today > now { today - TimeDelta::days(1) } else { today }
    } else if let Ok(ago) = humantime::parse_duration(text.trim_end_matches("ago").trim_end()) {
        TimeDelta::from_std(ago)
            .ok()
            .and_then(|ago| now.checked_sub_signed(ago))
            .ok_or_else(|| format!("{text} ago is too long ago"))?
    } else {
        return Err(format!("{text:?} is no time; write 2026-01-15T14:05:00Z, 14:05 (UTC) or 15m (ago)"));
    };
    if at > now { Err(format!("{text} is in the future")) } else { Ok(at) }
}

fn clock_time(text: &str) -> Option<NaiveTime> {
    let text = text.trim_end_matches(['Z', 'z']);
    NaiveTime::parse_from_str(text, "%H:%M:%S").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_can_be_written_in_three_ways() {
        let now: DateTime<Utc> = "2026-01-15T10:30:00Z".parse().unwrap();
        let read = |text| past(text, now).map(|at| at.to_rfc3339());
        assert_eq!(read("2026-01-15T11:00:00+01:00").as_deref(), Ok("2026-01-15T10:00:00+00:00"));
        assert_eq!(read("10:05").as_deref(), Ok("2026-01-15T10:05:00+00:00"));
        assert_eq!(read("23:05:30Z").as_deref(), Ok("2026-01-14T23:05:30+00:00"));
        assert_eq!(read("15m ago").as_deref(), Ok("2026-01-15T10:15:00+00:00"));
        assert_eq!(read("15m").as_deref(), Ok("2026-01-15T10:15:00+00:00"));
        for wrong in ["2027-01-01T00:00:00Z", "yesterday", "", "25:99", "99999999999999y"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_severity_is_a_number_with_or_without_its_word() {
        assert_eq!(severity("2"), Ok(Severity::Sev2));
        assert_eq!(severity("sev1"), Ok(Severity::Sev1));
        assert!(severity("0").is_err() && severity("sev5").is_err() && severity("").is_err());
    }
}
