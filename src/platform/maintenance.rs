//! Maintenance windows: times in which services are worked on by plan, once or every week, in the zone of those who do it.

use std::{collections::BTreeSet, fmt, time::Duration};

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::model::seconds;

/// When services are worked on by plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceWindow {
    /// What is done then.
    pub reason: String,
    /// Whose failures are expected.
    pub services: Vec<String>,
    /// On which days it begins.
    pub days: WindowDays,
    /// At what time of those days.
    pub from: NaiveTime,
    /// For how long, by the clock on the wall or not: a change to summer time shortens nothing.
    #[serde(with = "seconds")]
    pub takes: Duration,
    /// Where that clock hangs.
    pub zone: Tz,
}

/// Days on which a maintenance window begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WindowDays {
    /// On one day.
    Once(NaiveDate),
    /// On these days of each week, counted from Monday as 0.
    Weekly(BTreeSet<u8>),
}

impl WindowDays {
    /// On every day.
    #[must_use]
    pub fn daily() -> Self {
        Self::Weekly((0..7).collect())
    }

    /// From `mon,thu`, `daily` or `2026-12-24`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text == "daily" {
            return Some(Self::daily());
        }
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Some(Self::Once(date));
        }
        let days = text.split(',').map(|day| day.parse::<Weekday>().ok().map(number));
        days.collect::<Option<BTreeSet<u8>>>().map(Self::Weekly)
    }

    fn has(&self, date: NaiveDate) -> bool {
        match self {
            Self::Once(day) => *day == date,
            Self::Weekly(days) => days.contains(&number(date.weekday())),
        }
    }
}

fn number(day: Weekday) -> u8 {
    u8::try_from(day.num_days_from_monday()).unwrap_or_default()
}

impl fmt::Display for WindowDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once(day) => write!(f, "on {day}"),
            Self::Weekly(days) if days.len() == 7 => f.write_str("every day"),
            Self::Weekly(days) => {
                let days = days.iter().filter_map(|day| Weekday::try_from(*day).ok().map(|day| day.to_string()));
                write!(f, "every {}", days.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl fmt::Display for MaintenanceWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, takes) = (self.from.format("%H:%M"), humantime::format_duration(self.takes));
        write!(f, "{} at {from} {} for {takes}", self.days, self.zone)
    }
}

impl MaintenanceWindow {
    /// The first time that it begins after `begun` and ends after `clock`: from when to when. None when there is no such time.
    #[must_use]
    pub fn next(&self, begun: Option<DateTime<Utc>>, clock: DateTime<Utc>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let takes = TimeDelta::from_std(self.takes).ok()?;
        let earliest = begun.map_or(clock - takes, |begun| begun.max(clock - takes));
        // A zone is at most a day ahead or behind, and a week holds every weekday.
        let first = match self.days {
            WindowDays::Once(day) => day,
            WindowDays::Weekly(_) => self.zone.from_utc_datetime(&earliest.naive_utc()).date_naive() - Days::new(1),
        };
        let days = first.iter_days().take(10).filter(|day| self.days.has(*day));
        days.filter_map(|day| {
            let start = self.start_on(day)?;
            Some((start, start + takes))
        })
        .find(|(start, end)| begun.is_none_or(|begun| *start > begun) && *end > clock)
    }

    fn start_on(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        on_the_wall(self.zone, day.and_time(self.from))
    }
}

/// When clocks of a zone show a time. One that they leave out is the first after it; of one that comes twice it is the first.
pub(super) fn on_the_wall(zone: Tz, wanted: NaiveDateTime) -> Option<DateTime<Utc>> {
    (0..16).find_map(|quarters| {
        let local = wanted.checked_add_signed(TimeDelta::minutes(15 * quarters))?;
        match zone.from_local_datetime(&local) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Some(time.to_utc()),
            LocalResult::None => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &str, from: &str, zone: Tz) -> MaintenanceWindow {
        MaintenanceWindow {
            reason: "vacuum".to_owned(),
            services: vec!["records-db".to_owned()],
            days: WindowDays::read(days).unwrap(),
            from: from.parse().unwrap(),
            takes: Duration::from_secs(7200),
            zone,
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn it_begins_by_the_clock_on_the_wall_in_summer_and_in_winter() {
        let weekly = window("sun", "02:30:00", Tz::Europe__Berlin);
        let starts = |from: &str| weekly.next(None, at(from)).unwrap().0;
        assert_eq!(starts("2026-01-12T00:00:00Z"), at("2026-01-18T01:30:00Z"));
        assert_eq!(starts("2026-06-01T00:00:00Z"), at("2026-06-07T00:30:00Z"));
        assert_eq!(starts("2026-03-28T00:00:00Z"), at("2026-03-29T01:00:00Z"), "02:30 is left out that night");
        assert_eq!(starts("2026-10-24T00:00:00Z"), at("2026-10-25T00:30:00Z"), "02:30 comes twice that night");
    }

    #[test]
    fn each_time_comes_once_and_what_is_over_does_not_come() {
        let weekly = window("mon,thu", "22:00:00", Tz::UTC);
        let monday = at("2026-11-23T22:00:00Z");
        assert_eq!(weekly.next(None, at("2026-11-23T23:59:59Z")), Some((monday, at("2026-11-24T00:00:00Z"))));
        assert_eq!(weekly.next(None, at("2026-11-24T00:00:00Z")).unwrap().0, at("2026-11-26T22:00:00Z"));
        assert_eq!(weekly.next(Some(monday), monday).unwrap().0, at("2026-11-26T22:00:00Z"));
        let once = window("2026-12-24", "08:00:00", Tz::Pacific__Auckland);
        assert_eq!(once.next(None, monday).unwrap().0, at("2026-12-23T19:00:00Z"));
        assert_eq!(once.next(None, at("2026-12-24T00:00:00Z")), None);
        let nightly = window("daily", "23:00:00", Tz::UTC);
        assert_eq!(
            nightly.next(None, at("2026-11-24T00:30:00Z")).unwrap().0,
            at("2026-11-23T23:00:00Z"),
            "past midnight"
        );
    }

    #[test]
    fn it_is_said_in_words() {
        assert_eq!(window("daily", "03:00:00", Tz::UTC).to_string(), "every day at 03:00 UTC for 2h");
        let said = window("thu,mon", "22:00:00", Tz::Europe__Berlin).to_string();
        assert_eq!(said, "every Mon, Thu at 22:00 Europe/Berlin for 2h");
        assert_eq!(WindowDays::read("sometimes"), None);
    }
}
