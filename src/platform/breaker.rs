//! The table `[service.breaker]`: by what the breaker of a service opens and closes, where that is not as usual.

use std::{fmt::Write as _, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    model::{Check, CheckLevel, optional_seconds},
    reader::{Reader, Value},
};

/// The time over which a rate is taken, where the file does not say.
pub(crate) const RATE_WINDOW: Duration = Duration::from_secs(600);
/// Results without which there is no rate, where the file does not say.
pub(crate) const RATE_MINIMUM: u32 = 5;
/// Who has failed more often than this need not be counted.
const MOST: u32 = 1000;
/// Results on which a rate may rest at most: what a window holds beyond them is not kept.
pub(crate) const MOST_RESULTS: u32 = 1000;
/// Nobody waits for longer than a day to see whether a service answers again.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What the platform file says of one breaker; what it does not say is as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BreakerRules {
    /// Failures of one check that open it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
    /// The time within which they count; none: those in a row.
    #[serde(rename = "withinSeconds", with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// Failures of 100 results of one check that open it too; none: no rate does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<u32>,
    /// The time over which the rate is taken.
    #[serde(rename = "windowSeconds", with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub window: Option<Duration>,
    /// Results in it without which there is no rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<u32>,
    /// Answers in a row that close it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<u32>,
    /// How long it stays open at first.
    #[serde(rename = "waitSeconds", with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub wait: Option<Duration>,
    /// How long it stays open at most, after it has opened several times.
    #[serde(rename = "longestWaitSeconds", with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub longest_wait: Option<Duration>,
}

impl BreakerRules {
    /// Whether everything is as usual.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What is not as usual, in words; `time` writes times.
    pub(super) fn explain(&self, time: fn(Duration) -> String) -> String {
        let mut text = String::new();
        let mut say = |told: String| {
            let _ = write!(text, "{}{told}", if text.is_empty() { "" } else { "; " });
        };
        match (self.failures, self.within) {
            (Some(failures), None) => say(format!("{failures} failures in a row open it")),
            (Some(failures), Some(within)) => say(format!("{failures} failures within {} open it", time(within))),
            (None, Some(within)) => say(format!("failures within {} open it, in a row or not", time(within))),
            (None, None) => {}
        }
        if let Some(rate) = self.error_rate {
            let window = time(self.window.unwrap_or(RATE_WINDOW));
            let minimum = self.minimum.unwrap_or(RATE_MINIMUM);
            say(format!("so do {rate} % failures of {minimum} results or more within {window}"));
        }
        if let Some(wait) = self.wait {
            say(format!("it stays open for {}", time(wait)));
        }
        if let Some(longest) = self.longest_wait {
            say(format!("at most for {}", time(longest)));
        }
        if let Some(probes) = self.probes {
            say(format!("{probes} answers in a row close it"));
        }
        text
    }
}

/// Reads the table; `checks` are those of the service.
pub(super) fn breaker<'c>(
    reader: &mut Reader,
    value: &Value<'_>,
    place: &str,
    checks: impl Iterator<Item = &'c Check>,
) -> BreakerRules {
    let expected = "a table headed [service.breaker]";
    let Some(mut section) = reader.section(value, place, expected) else { return BreakerRules::default() };
    let failures = section.read(reader, "failures", |reader, value, place| reader.number(value, place, 1..=MOST));
    let within = section.read(reader, "within", time);
    let number = |most| {
        move |reader: &mut Reader, value: &Value<'_>, place: &str| {
            Some((reader.number(value, place, 1..=most)?, value.span().start))
        }
    };
    let error_rate = section.read(reader, "error_rate", number(100));
    let window = section.read(reader, "window", time);
    let minimum = section.read(reader, "minimum", number(MOST_RESULTS));
    let probes = section.read(reader, "probes", |reader, value, place| reader.number(value, place, 1..=100));
    let wait = section.read(reader, "wait", time);
    let longest = section.read(reader, "longest_wait", time);
    let at = section.at();
    section.finish(reader);

    if let (Some((wait, at)), Some((longest, _))) = (wait, longest)
        && wait > longest
    {
        let place = format!("{place}.wait");
        reader.problem(at, &place, "it is longer than longest_wait", "a wait that is no longer than the longest one");
    }
    let counted = checks.filter(|check| check.level != CheckLevel::Comprehensive);
    let fastest = counted.min_by_key(|check| check.every);
    rate_could_be_seen(reader, place, fastest, (error_rate, window, minimum));
    match (fastest, within) {
        (None, _) => reader.problem(
            at,
            place,
            "nothing opens it: the service has no shallow or deep check",
            "a [[service.check]] with level = \"shallow\" or \"deep\"",
        ),
        (Some(fastest), Some((within, at))) if fastest.every * (failures.unwrap_or(1) - 1) > within => reader.problem(
            at,
            &format!("{place}.within"),
            "so many failures are not seen in it",
            format!(
                "at least {}: {} runs every {}",
                humantime::format_duration(fastest.every * (failures.unwrap_or(1) - 1)),
                fastest.name,
                humantime::format_duration(fastest.every)
            ),
        ),
        _ => {}
    }
    let plain = |time: Option<(Duration, usize)>| time.map(|(time, _)| time);
    BreakerRules {
        failures,
        within: plain(within),
        error_rate: error_rate.map(|(rate, _)| rate),
        window: plain(window),
        minimum: minimum.map(|(minimum, _)| minimum),
        probes,
        wait: plain(wait),
        longest_wait: plain(longest),
    }
}

/// A value of the file, and where it stands.
type Placed<T> = Option<(T, usize)>;

/// Tells of a rate that nothing could reach, and of a window that is of no rate.
fn rate_could_be_seen(
    reader: &mut Reader,
    place: &str,
    fastest: Option<&Check>,
    (rate, window, minimum): (Placed<u32>, Placed<Duration>, Placed<u32>),
) {
    let Some((_, at)) = rate else {
        for (name, at) in [("window", window.map(|(_, at)| at)), ("minimum", minimum.map(|(_, at)| at))] {
            if let Some(at) = at {
                let place = format!("{place}.{name}");
                reader.problem(at, &place, "it is of a rate, and none is named", "error_rate beside it, such as 50");
            }
        }
        return;
    };
    let needed = minimum.map_or(RATE_MINIMUM, |(minimum, _)| minimum);
    let at = window.map_or(at, |(_, at)| at);
    let Some(check) = fastest else { return };
    let (takes, over) = (check.every * (needed - 1), window.map_or(RATE_WINDOW, |(window, _)| window));
    if takes > over {
        let (takes, every) = (humantime::format_duration(takes), humantime::format_duration(check.every));
        reader.problem(
            at,
            &format!("{place}.window"),
            format!("{needed} results are not seen in it"),
            format!("at least {takes}: {} runs every {every}", check.name),
        );
    }
}

/// A time of at least a second, and where it stands.
fn time(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<(Duration, usize)> {
    let at = value.span().start;
    let time = reader.duration(value, place)?;
    if (Duration::from_secs(1)..=LONGEST).contains(&time) {
        return Some((time, at));
    }
    let told = format!("{} is too short or too long", humantime::format_duration(time));
    reader.problem(at, place, told, "1s to 24h");
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::parse;

    const CHECK: &str = "[[service.check]]\nlevel = \"shallow\"\ncommand = \"true\"\nevery = \"30s\"\n";

    fn read(breaker: &str, check: &str) -> Result<BreakerRules, String> {
        let text = format!(
            "[platform]\nname = \"Ward\"\n[[service]]\nname = \"charts\"\n[service.breaker]\n{breaker}\n{check}"
        );
        let platform = parse(&text, "codeblue.toml".as_ref());
        platform.map(|platform| platform.services[0].breaker).map_err(|problems| problems.to_string())
    }

    #[test]
    fn what_is_written_counts_and_survives_the_journal() {
        assert_eq!(read("", CHECK), Ok(BreakerRules::default()));
        let rules = read("failures = 4\nwithin = \"5m\"\nprobes = 2\nwait = \"30s\"\nlongest_wait = \"10m\"", CHECK);
        let rules = rules.expect("it is right");
        assert_eq!((rules.failures, rules.within, rules.probes), (Some(4), Some(Duration::from_secs(300)), Some(2)));
        assert_eq!((rules.error_rate, rules.window, rules.minimum), (None, None, None));
        let rated = read("error_rate = 20\nwindow = \"5m\"\nminimum = 10", CHECK).expect("it is right");
        assert_eq!(
            (rated.error_rate, rated.window, rated.minimum),
            (Some(20), Some(Duration::from_secs(300)), Some(10))
        );
        let json = serde_json::to_string(&rated).expect("plain data");
        assert_eq!(serde_json::from_str::<BreakerRules>(&json).expect("plain data"), rated);
        let json = serde_json::to_string(&rules).expect("plain data");
        assert_eq!(serde_json::from_str::<BreakerRules>(&json).expect("plain data"), rules);
        assert_eq!(serde_json::from_str::<BreakerRules>("{}").expect("nothing is as usual"), BreakerRules::default());
    }

    #[test]
    fn what_could_never_open_or_makes_no_sense_is_told() {
        for (breaker, check, told) in [
            (
                "failures = 0",
                CHECK,
                "codeblue.toml:6: service.breaker.failures: found the number 0; expected a whole number from 1",
            ),
            ("wait = \"1h\"\nlongest_wait = \"5m\"", CHECK, "codeblue.toml:6: service.breaker.wait: it is longer than"),
            ("wait = \"10ms\"", CHECK, "service.breaker.wait: 10ms is too short or too long; expected 1s to 24h"),
            (
                "failures = 5\nwithin = \"1m\"",
                CHECK,
                "codeblue.toml:7: service.breaker.within: so many failures are not seen in it; expected at least 2m: shallow-command runs every 30s",
            ),
            ("window = \"5m\"", CHECK, "codeblue.toml:6: service.breaker.window: it is of a rate, and none is named"),
            (
                "error_rate = 50\nwindow = \"1m\"",
                CHECK,
                "codeblue.toml:7: service.breaker.window: 5 results are not seen in it; expected at least 2m",
            ),
            (
                "error_rate = 50\nminimum = 40",
                CHECK,
                "codeblue.toml:6: service.breaker.window: 40 results are not seen in it; expected at least 19m 30s",
            ),
            ("error_rate = 0", CHECK, "service.breaker.error_rate: found the number 0; expected a whole number from 1"),
            ("failures = 2", "", "codeblue.toml:5: service.breaker: nothing opens it: the service has no shallow"),
            ("failure = 2", CHECK, "unknown key \"failure\"; did you mean \"failures\"?"),
        ] {
            let problems = read(breaker, check).unwrap_err();
            assert!(problems.contains(told), "{breaker}: {problems}");
        }
    }
}
