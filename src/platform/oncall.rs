//! On-call schedules: whose turn it is, in layers of which a later one wins where it applies, by the clock on the wall of those
//! who are on call. What people change by command lies above, in the rules.

use std::{collections::BTreeSet, fmt};

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{maintenance::on_the_wall, words::count};

/// Who is on call for the services of some teams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnCallSchedule {
    /// Unique among schedules.
    pub name: String,
    /// Whose services call it; empty: those of every team that no other schedule names.
    pub owners: Vec<String>,
    /// Where it is thought of: its times are told by this clock.
    pub zone: Tz,
    /// At least one; a later one wins where it applies.
    pub layers: Vec<OnCallLayer>,
    /// What a time is in which no layer applies.
    pub gaps: Gaps,
}

/// What a time is in which nobody is on call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gaps {
    /// A mistake of the file.
    #[default]
    Refused,
    /// Meant: whoever comes next in the escalation is called.
    CallNext,
}

/// People who take turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnCallLayer {
    /// At least one, in the order of their turns.
    pub people: Vec<String>,
    /// When the first turn begins; none: one person, always.
    pub since: Option<NaiveDateTime>,
    /// How many days a turn lasts, from hand-over to hand-over by the clock on the wall.
    pub every: u32,
    /// Where that clock hangs.
    pub zone: Tz,
    /// When it applies; empty: always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<OnCallHours>,
}

/// Hours of some days of each week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnCallHours {
    /// Days on which they begin, counted from Monday as 0.
    pub days: BTreeSet<u8>,
    /// When they begin.
    pub from: NaiveTime,
    /// When they end: on the next day where that is not later than they begin.
    pub until: NaiveTime,
}

/// The last day of a turn is never further away, so that whoever waits for a hand-over sees it come.
pub(super) const LONGEST_TURN: u32 = 28;
/// A gap is looked for so far: over both changes of every clock.
const LOOKED_FOR_GAPS: TimeDelta = TimeDelta::days(380);

fn number(day: Weekday) -> u8 {
    u8::try_from(day.num_days_from_monday()).unwrap_or_default()
}

impl OnCallHours {
    /// From `sat,sun`, `mon-fri 09:00-17:00`, `daily 22:00-06:00` or `18:00-24:00`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (days, hours) = match text.split_once(' ') {
            Some((days, hours)) => (days, Some(hours)),
            None if text.contains(':') => ("daily", Some(text.as_str())),
            None => (text.as_str(), None),
        };
        let (from, until) = match hours {
            Some(hours) => {
                let (from, until) = hours.split_once('-')?;
                (clock_time(from)?, clock_time(until)?)
            }
            None => (NaiveTime::MIN, NaiveTime::MIN),
        };
        Some(Self { days: read_days(days)?, from, until })
    }

    fn has(&self, day: NaiveDate) -> bool {
        self.days.contains(&number(day.weekday()))
    }

    fn on(&self, day: NaiveDate, zone: Tz) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let last = if self.until > self.from { day } else { day.succ_opt()? };
        Some((on_the_wall(zone, day.and_time(self.from))?, on_the_wall(zone, last.and_time(self.until))?))
    }

    /// Each time of them that ends after `at` and begins within a week.
    fn around(&self, at: DateTime<Utc>, zone: Tz) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let first = zone.from_utc_datetime(&at.naive_utc()).date_naive() - Days::new(1);
        let days = first.iter_days().take(9).filter(|day| self.has(*day));
        days.filter_map(move |day| self.on(day, zone)).filter(move |(_, end)| *end > at)
    }
}

fn clock_time(text: &str) -> Option<NaiveTime> {
    if text.trim() == "24:00" {
        return Some(NaiveTime::MIN);
    }
    NaiveTime::parse_from_str(text.trim(), "%H:%M").ok()
}

/// From `daily`, `mon-fri` or `sat,sun`.
fn read_days(text: &str) -> Option<BTreeSet<u8>> {
    if text == "daily" {
        return Some((0..7).collect());
    }
    let day = |text: &str| text.trim().parse::<Weekday>().ok().map(number);
    let mut days = BTreeSet::new();
    for part in text.split(',') {
        match part.split_once('-') {
            Some((first, last)) => {
                let (first, last) = (day(first)?, day(last)?);
                days.extend((0..7).map(|step| (first + step) % 7).take(usize::from((last + 7 - first) % 7) + 1));
            }
            None => {
                days.insert(day(part)?);
            }
        }
    }
    Some(days)
}

impl fmt::Display for OnCallHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<String> =
            self.days.iter().filter_map(|day| Weekday::try_from(*day).ok().map(|day| day.to_string())).collect();
        match self.days.iter().copied().collect::<Vec<u8>>().as_slice() {
            [0, 1, 2, 3, 4, 5, 6] => f.write_str("every day")?,
            [0, 1, 2, 3, 4] => f.write_str("Mon to Fri")?,
            _ => f.write_str(&days.join(", "))?,
        }
        if self.from == self.until {
            return if self.from == NaiveTime::MIN { Ok(()) } else { write!(f, " from {}", self.from.format("%H:%M")) };
        }
        let until =
            if self.until == NaiveTime::MIN { "24:00".to_owned() } else { self.until.format("%H:%M").to_string() };
        write!(f, " {}–{until}", self.from.format("%H:%M"))
    }
}

impl OnCallLayer {
    /// Whose turn it is, where the layer applies.
    #[must_use]
    pub fn holder(&self, at: DateTime<Utc>) -> Option<&str> {
        let applies = self.only.is_empty()
            || self.only.iter().any(|hours| hours.around(at, self.zone).any(|(from, _)| from <= at));
        if !applies {
            return None;
        }
        let Some(since) = self.since else { return self.people.first().map(String::as_str) };
        let turn = usize::try_from(self.turn(since, at)?).ok()?;
        self.people.get(turn % self.people.len().max(1)).map(String::as_str)
    }

    /// The number of the turn at a time, from 0; none before the first.
    fn turn(&self, since: NaiveDateTime, at: DateTime<Utc>) -> Option<i64> {
        let day = self.zone.from_utc_datetime(&at.naive_utc()).date_naive();
        let about = (day - since.date()).num_days().div_euclid(i64::from(self.every.max(1)));
        let begun = |turn: &i64| self.begins(since, *turn).is_some_and(|begins| begins <= at);
        (about - 1..=about + 1).rev().filter(|turn| *turn >= 0).find(begun)
    }

    fn begins(&self, since: NaiveDateTime, turn: i64) -> Option<DateTime<Utc>> {
        let days = u64::try_from(turn).ok()? * u64::from(self.every.max(1));
        on_the_wall(self.zone, since.checked_add_days(Days::new(days))?)
    }

    /// The next time after `at` at which something may be otherwise.
    fn next_change(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let turns = self.since.and_then(|since| {
            let ahead = self.turn(since, at).map_or(0, |turn| turn + 1);
            (ahead..ahead + 2).find_map(|turn| self.begins(since, turn))
        });
        let hours = self.only.iter().flat_map(|hours| hours.around(at, self.zone)).flat_map(|(from, to)| [from, to]);
        turns.into_iter().chain(hours).filter(|change| *change > at).min()
    }
}

impl fmt::Display for OnCallLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.people.join(", "))?;
        if let Some(since) = self.since.filter(|_| self.people.len() > 1) {
            write!(f, " in turn")?;
            match self.every {
                1 => write!(f, ", handed over every day at {}", since.format("%H:%M"))?,
                7 => write!(f, ", handed over every {}", since.format("%A at %H:%M"))?,
                days => write!(f, ", handed over every {} at {}", count(days as usize, "day"), since.format("%H:%M"))?,
            }
            write!(f, " {} since {}", self.zone, since.date())?;
        } else if let Some(since) = self.since {
            write!(f, ", since {} {}", since.format("%Y-%m-%d %H:%M"), self.zone)?;
        }
        if !self.only.is_empty() {
            let hours: Vec<String> = self.only.iter().map(ToString::to_string).collect();
            write!(f, "; only {} ({})", hours.join(" and "), self.zone)?;
        }
        Ok(())
    }
}

impl OnCallSchedule {
    /// Who is on call by the file, if anybody is.
    #[must_use]
    pub fn holder(&self, at: DateTime<Utc>) -> Option<&str> {
        self.layers.iter().rev().find_map(|layer| layer.holder(at))
    }

    /// The next time after `at` at which it may be somebody else; none when it stays as it is.
    #[must_use]
    pub fn next_change(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.layers.iter().filter_map(|layer| layer.next_change(at)).min()
    }

    /// A time by the clock of the schedule: `Mon 05 Jan 09:00 CET`.
    #[must_use]
    pub fn told(&self, at: DateTime<Utc>) -> String {
        self.zone.from_utc_datetime(&at.naive_utc()).format("%a %d %b %H:%M %Z").to_string()
    }

    /// A time of the coming weeks by the clock of the schedule: `Mon 05 09:00`.
    #[must_use]
    pub fn told_short(&self, at: DateTime<Utc>) -> String {
        self.zone.from_utc_datetime(&at.naive_utc()).format("%a %d %H:%M").to_string()
    }

    /// From when to when by the clock of the schedule: `Mon 05 Jan 09:00–17:00 CET`.
    #[must_use]
    pub fn told_span(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> String {
        let [start, end] = [from, until].map(|at| self.zone.from_utc_datetime(&at.naive_utc()));
        if start.date_naive() == end.date_naive() {
            return format!("{}–{}", start.format("%a %d %b %H:%M"), end.format("%H:%M %Z"));
        }
        format!("{} – {}", start.format("%a %d %b %H:%M"), end.format("%a %d %b %H:%M %Z"))
    }

    /// Everybody who has turns, once, in the order of the file.
    #[must_use]
    pub fn people(&self) -> Vec<&str> {
        let mut people: Vec<&str> = Vec::new();
        for person in self.layers.iter().flat_map(|layer| &layer.people) {
            if !people.contains(&person.as_str()) {
                people.push(person);
            }
        }
        people
    }

    /// The first time in which nobody is on call although all its layers have begun.
    #[must_use]
    pub fn gap(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        if self.layers.iter().any(|layer| layer.only.is_empty()) {
            return None;
        }
        let begun = self.layers.iter().filter_map(|layer| on_the_wall(layer.zone, layer.since?)).max();
        let begun =
            begun.or_else(|| on_the_wall(self.zone, NaiveDate::from_ymd_opt(2026, 1, 1)?.and_time(NaiveTime::MIN)))?;
        let changes = std::iter::successors(Some(begun), |at| self.next_change(*at));
        let from = changes.take_while(|at| *at < begun + LOOKED_FOR_GAPS).find(|at| self.holder(*at).is_none())?;
        let until = std::iter::successors(Some(from), |at| self.next_change(*at)).find(|at| self.holder(*at).is_some());
        Some((from, until.unwrap_or(from + TimeDelta::days(7))))
    }
}

impl super::Platform {
    /// The schedule by which somebody is on call for the services of a team.
    #[must_use]
    pub fn on_call_for(&self, owner: Option<&str>) -> Option<&OnCallSchedule> {
        let named = self.on_call.iter().find(|found| found.owners.iter().any(|known| Some(known.as_str()) == owner));
        named.or_else(|| self.on_call.iter().find(|found| found.owners.is_empty()))
    }

    /// The on-call schedule of this name.
    #[must_use]
    pub fn schedule(&self, name: &str) -> Option<&OnCallSchedule> {
        self.on_call.iter().find(|found| found.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn layer(people: &[&str], zone: Tz, only: &[&str]) -> OnCallLayer {
        OnCallLayer {
            people: people.iter().map(|name| (*name).to_owned()).collect(),
            since: Some("2026-01-05T09:00:00".parse().unwrap()),
            every: 7,
            zone,
            only: only.iter().map(|hours| OnCallHours::read(hours).unwrap()).collect(),
        }
    }

    fn schedule(layers: Vec<OnCallLayer>) -> OnCallSchedule {
        let (zone, gaps) = (Tz::Europe__Berlin, Gaps::Refused);
        OnCallSchedule { name: "ward".to_owned(), owners: Vec::new(), zone, layers, gaps }
    }

    #[test]
    fn turns_are_handed_over_by_the_clock_on_the_wall_in_summer_and_in_winter() {
        let weekly = schedule(vec![layer(&["alice", "bob", "carol"], Tz::Europe__Berlin, &[])]);
        let holder = |text| weekly.holder(at(text));
        assert_eq!(holder("2026-01-05T07:59:59Z"), None, "it has not begun");
        assert_eq!(holder("2026-01-05T08:00:00Z"), Some("alice"));
        assert_eq!(holder("2026-01-12T07:59:59Z"), Some("alice"));
        assert_eq!(holder("2026-01-12T08:00:00Z"), Some("bob"));
        assert_eq!(holder("2026-03-30T06:59:59Z"), Some("carol"), "clocks have gone forward the day before");
        assert_eq!(holder("2026-03-30T07:00:00Z"), Some("alice"));
        assert_eq!(weekly.next_change(at("2026-03-25T00:00:00Z")), Some(at("2026-03-30T07:00:00Z")));
        assert_eq!(weekly.next_change(at("2026-10-20T00:00:00Z")), Some(at("2026-10-26T08:00:00Z")));
        assert_eq!(weekly.next_change(at("2025-01-01T00:00:00Z")), Some(at("2026-01-05T08:00:00Z")));
    }

    #[test]
    fn a_later_layer_wins_where_it_applies() {
        let weekend = layer(&["dora"], Tz::Europe__Berlin, &["sat,sun"]);
        let both = schedule(vec![layer(&["alice", "bob"], Tz::Europe__Berlin, &[]), weekend]);
        assert_eq!(both.holder(at("2026-06-05T21:59:59Z")), Some("bob"), "Friday, 23:59:59 in Berlin");
        assert_eq!(both.holder(at("2026-06-05T22:00:00Z")), Some("dora"));
        assert_eq!(both.holder(at("2026-06-07T21:59:59Z")), Some("dora"));
        assert_eq!(both.holder(at("2026-06-07T22:00:00Z")), Some("bob"), "their turn ends on Monday at nine");
        assert_eq!(both.holder(at("2026-06-08T07:00:00Z")), Some("alice"));
        let nights = schedule(vec![
            layer(&["alice"], Tz::Europe__Berlin, &[]),
            layer(&["bob"], Tz::Europe__Berlin, &["fri 22:00-06:00"]),
        ]);
        assert_eq!(nights.holder(at("2026-06-06T03:59:59Z")), Some("bob"), "a night belongs to the day it begins on");
        assert_eq!(nights.holder(at("2026-06-06T04:00:00Z")), Some("alice"));
        assert_eq!(nights.holder(at("2026-06-06T22:00:00Z")), Some("alice"));
    }

    #[test]
    fn a_gap_is_found_also_where_only_a_change_of_clocks_opens_it() {
        let whole = schedule(vec![layer(&["alice"], Tz::Europe__Berlin, &["mon-fri", "sat,sun"])]);
        assert_eq!(whole.gap(), None);
        let office = schedule(vec![layer(&["alice"], Tz::Europe__Berlin, &["mon-fri"])]);
        assert_eq!(office.gap(), Some((at("2026-01-09T23:00:00Z"), at("2026-01-11T23:00:00Z"))));
        let sun = schedule(vec![
            layer(&["alice"], Tz::Europe__Berlin, &["daily 09:00-21:00"]),
            layer(&["kim"], Tz::Pacific__Honolulu, &["daily 10:00-22:00"]),
        ]);
        assert_eq!(
            sun.gap(),
            Some((at("2026-03-29T19:00:00Z"), at("2026-03-29T20:00:00Z"))),
            "Hawaii has no summer time"
        );
    }

    #[test]
    fn hours_are_read_as_they_are_written_and_said_as_they_are_meant() {
        for (written, said) in [
            ("sat,sun", "Sat, Sun"),
            ("mon-fri 9:00-17:00", "Mon to Fri 09:00–17:00"),
            ("daily 22:00-06:00", "every day 22:00–06:00"),
            ("Fri-Mon 18:00 - 24:00", "Mon, Fri, Sat, Sun 18:00–24:00"),
            ("09:00-17:00", "every day 09:00–17:00"),
        ] {
            assert_eq!(OnCallHours::read(written).map(|hours| hours.to_string()).as_deref(), Some(said), "{written}");
        }
        for wrong in ["", "someday", "mon 9", "mon 09:00", "25:00-26:00", "mon-", "mon 09:00-17:00 utc"] {
            assert_eq!(OnCallHours::read(wrong), None, "{wrong}");
        }
    }
}
