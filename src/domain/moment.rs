//! Moments as people write them.

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// A moment in the past: ISO 8601 (UTC where no zone is named), a time of the last 24 hours in UTC (`14:05`, `14:05:09`),
/// or how long ago (`15m`).
///
/// # Errors
/// Says what is wrong with the text and how to write it, or that the moment is still to come.
pub fn past(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    let at = match written(text.trim_end_matches("ago").trim_end()) {
        Some(Written::Moment(at)) => at,
        Some(Written::ClockTime(time)) => {
            let today = now.date_naive().and_time(time).and_utc();
            if today > now { today - TimeDelta::days(1) } else { today }
        }
        Some(Written::Distance(ago)) => {
            now.checked_sub_signed(ago).ok_or_else(|| format!("{text} ago is too long ago"))?
        }
        None => return Err(format!("{text:?} is no time; write 2026-01-15T14:05:00Z, 14:05 (UTC) or 15m (ago)")),
    };
    if at > now { Err(format!("{text} is in the future")) } else { Ok(at) }
}

/// A moment to come: ISO 8601 (UTC where no zone is named), a time of the next 24 hours in UTC (`02:30`), or how long until
/// then (`in 3h`).
///
/// # Errors
/// Says what is wrong with the text and how to write it, or that the moment is over.
pub fn future(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    let at = match written(text.trim_start_matches("in ").trim_start()) {
        Some(Written::Moment(at)) => at,
        Some(Written::ClockTime(time)) => {
            let today = now.date_naive().and_time(time).and_utc();
            if today <= now { today + TimeDelta::days(1) } else { today }
        }
        Some(Written::Distance(ahead)) => {
            now.checked_add_signed(ahead).ok_or_else(|| format!("{text} is too far ahead"))?
        }
        None => return Err(format!("{text:?} is no time; write 2026-01-15T02:30:00Z, 02:30 (UTC) or 3h (from now)")),
    };
    if at <= now { Err(format!("{text} is in the past")) } else { Ok(at) }
}

/// What a text for a moment may mean.
enum Written {
    Moment(DateTime<Utc>),
    ClockTime(NaiveTime),
    Distance(TimeDelta),
}

fn written(text: &str) -> Option<Written> {
    let moment = DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()).or_else(|| without_zone(text));
    let distance = || humantime::parse_duration(text).ok().and_then(|time| TimeDelta::from_std(time).ok());
    moment
        .map(Written::Moment)
        .or_else(|| clock_time(text).map(Written::ClockTime))
        .or_else(|| distance().map(Written::Distance))
}

fn without_zone(text: &str) -> Option<DateTime<Utc>> {
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let text = text.trim_end_matches(['Z', 'z']);
    formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()).map(|at| at.and_utc())
}

fn clock_time(text: &str) -> Option<NaiveTime> {
    let text = text.trim_end_matches(['Z', 'z']);
    NaiveTime::parse_from_str(text, "%H:%M:%S").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_can_be_written_in_four_ways() {
        let now: DateTime<Utc> = "2026-01-15T10:30:00Z".parse().unwrap();
        let read = |text| past(text, now).map(|at| at.to_rfc3339());
        assert_eq!(read("2026-01-15T11:00:00+01:00").as_deref(), Ok("2026-01-15T10:00:00+00:00"));
        assert_eq!(read("2026-01-14 11:00:05").as_deref(), Ok("2026-01-14T11:00:05+00:00"));
        assert_eq!(read("2026-01-14T11:00").as_deref(), Ok("2026-01-14T11:00:00+00:00"));
        assert_eq!(read("10:05").as_deref(), Ok("2026-01-15T10:05:00+00:00"));
        assert_eq!(read("23:05:30Z").as_deref(), Ok("2026-01-14T23:05:30+00:00"));
        assert_eq!(read("15m ago").as_deref(), Ok("2026-01-15T10:15:00+00:00"));
        assert_eq!(read("15m").as_deref(), Ok("2026-01-15T10:15:00+00:00"));
        for wrong in ["2027-01-01T00:00:00Z", "yesterday", "", "25:99", "99999999999999y"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let ahead = |text| future(text, now).map(|at| at.to_rfc3339());
        assert_eq!(ahead("10:05").as_deref(), Ok("2026-01-16T10:05:00+00:00"));
        assert_eq!(ahead("in 3h").as_deref(), Ok("2026-01-15T13:30:00+00:00"));
        assert_eq!(ahead("2026-02-01 02:00").as_deref(), Ok("2026-02-01T02:00:00+00:00"));
        assert!(ahead("2026-01-15T10:30:00Z").is_err() && ahead("tomorrow").is_err());
    }
}
