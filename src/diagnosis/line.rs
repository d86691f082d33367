//! Reading one line of a log, whatever has written it: when, how loud, and what it says.

use std::sync::LazyLock;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use regex::Regex;
use serde_json::{Map, Value};

/// How loud a line is. Ordered from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Told to be harmless: trace, debug, info, notice.
    Info,
    /// It does not say.
    Unsaid,
    Warning,
    Error,
}

/// What can be told of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) level: Level,
    pub(super) message: String,
}

impl Line {
    /// Reads a line. `about` is a time near it: what is written without a year, as syslog does, is of the year that fits best.
    pub(super) fn read(line: &str, about: DateTime<Utc>) -> Self {
        Self::json(line).unwrap_or_else(|| Self::plain(line, about))
    }

    /// A line of a structured log.
    fn json(line: &str) -> Option<Self> {
        let line = line.trim();
        if !line.starts_with('{') {
            return None;
        }
        let Ok(Value::Object(fields)) = serde_json::from_str(line) else { return None };
        let level =
            ["level", "severity", "lvl", "s", "LogLevel", "log.level"].iter().find_map(|key| fields.get(*key))?;
        let at = ["timestamp", "time", "ts", "@timestamp", "t", "Timestamp"]
            .iter()
            .find_map(|key| moment(fields.get(*key)?));
        let text = words(&fields, &["message", "msg", "MESSAGE", "body", "log"]);
        let error = words(&fields, &["error", "err", "exception"]);
        let message = match (text, error) {
            (Some(text), Some(error)) if !text.contains(&error) => format!("{text}: {error}"),
            (Some(text), _) => text,
            (None, Some(error)) => error,
            (None, None) => line.to_owned(),
        };
        Some(Self { at, level: json_level(level), message })
    }

    fn plain(line: &str, about: DateTime<Utc>) -> Self {
        let at = time(line, about);
        // klog and Ruby's logger begin with the letter of the level.
        let letter = KLOG.as_ref().is_some_and(|klog| klog.is_match(line)).then(|| line.chars().next()).flatten();
        if let Some(level) = letter.and_then(|letter| level(&letter.to_string())) {
            let message = line.split_once("] ").or(line.split_once(" -- : ")).map_or(line, |(_, rest)| rest);
            return Self { at, level, message: message.trim().to_owned() };
        }
        // The level stands near the front; what comes after it is the message.
        for word in line.split_whitespace().take(8) {
            let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            let named = ["level=", "lvl=", "severity="].iter().find_map(|key| core.strip_prefix(key));
            let marked = named.is_some() || word.starts_with('[') || word.ends_with(':') || core.contains(':');
            let name = named.unwrap_or(core).trim_matches('"');
            let name = name.split_once(':').map_or(name, |(before, _)| before);
            let Some(level) = level(name).filter(|_| name.len() > 1) else { continue };
            if marked || name.chars().all(|c| c.is_ascii_uppercase()) {
                // `word` is a part of `line`, so the place is known without a search that might find another.
                let from = word.as_ptr() as usize - line.as_ptr() as usize + word.len();
                let message = line[from..].trim_start_matches([' ', ':', ']', '-', '\t']);
                let message = message.strip_prefix("msg=").map_or(message, |quoted| quoted.trim_matches('"'));
                return Self { at, level, message: message.to_owned() };
            }
        }
        let loud = ["panicked", "panic:", "error:", "Error:", "ERROR:", "FATAL", "Exception", "Errno"];
        let level = if loud.iter().any(|word| line.contains(word)) { Level::Error } else { Level::Unsaid };
        let line = line.trim();
        Self { at, level, message: line.strip_prefix("Caused by: ").unwrap_or(line).to_owned() }
    }
}

/// The first of these fields that says something; of an object its own message.
fn words(fields: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Object(inner) => inner.get("message").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    keys.iter().find_map(|key| text(fields.get(*key)?))
}

/// The level in a field: a word, a letter, or the number that bunyan and pino write.
fn json_level(value: &Value) -> Level {
    match value {
        Value::String(word) => level(word).unwrap_or(Level::Unsaid),
        Value::Number(number) => match number.as_f64() {
            Some(50.0..) => Level::Error,
            Some(40.0..) => Level::Warning,
            _ => Level::Info,
        },
        _ => Level::Unsaid,
    }
}

fn level(word: &str) -> Option<Level> {
    let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is(&["error", "err", "fatal", "critical", "crit", "panic", "emerg", "alert", "severe", "fail", "e", "f", "eror"])
    {
        Some(Level::Error)
    } else if is(&["warn", "warning", "wrn", "w"]) {
        Some(Level::Warning)
    } else if is(&[
        "trace",
        "debug",
        "info",
        "notice",
        "information",
        "inf",
        "dbg",
        "trc",
        "log",
        "hint",
        "detail",
        "i",
        "d",
    ]) {
        Some(Level::Info)
    } else {
        None
    }
}

static KLOG: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[IWEFD](?:\d{4} \d\d:\d\d:\d\d|, \[)").ok());
/// A day with its month by name, the year after it or not at all: syslog, Redis, Apache.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?:(\d{1,2})[ /])?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ /]+(?:(\d{4})[ :]|(\d{1,2}) )(\d\d:\d\d:\d\d)(?:\.\d+)?(?: (\d{4}))?",
    )
    .ok()
});
/// Seconds or milliseconds since 1970 at the front.
static EPOCH: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\[?(1\d{9})(\d{3})?(?:\.\d+)?\b").ok());

/// The time at the front of a text. One without a zone is taken as UTC.
fn time(text: &str, about: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let end = text.char_indices().nth(64).map_or(text.len(), |(place, _)| place);
    let front = &text[..end];
    if let Some(at) = dated(front) {
        return Some(at);
    }
    if let Some(found) = NAMED.as_ref().and_then(|named| named.captures(front)) {
        let part = |place: usize| found.get(place).map(|part| part.as_str());
        let day = part(1).or(part(4))?;
        let on = |year: i32| {
            let text = format!("{year}-{}-{day} {}", &found[2], &found[5]);
            NaiveDateTime::parse_from_str(&text, "%Y-%b-%d %H:%M:%S").ok().map(|at| at.and_utc())
        };
        return match part(3).or(part(6)).and_then(|year| year.parse().ok()) {
            Some(year) => on(year),
            None => on(about.year())
                .map(|at| if at - about > TimeDelta::days(180) { on(about.year() - 1).unwrap_or(at) } else { at }),
        };
    }
    let klog = KLOG.as_ref().and_then(|klog| klog.find(front)).filter(|found| !found.as_str().ends_with('['));
    if let Some(text) = klog.map(|found| found.as_str()) {
        let (month, day, time) = (text.get(1..3)?.parse().ok()?, text.get(3..5)?.parse().ok()?, text.get(6..)?);
        let day = NaiveDate::from_ymd_opt(about.year(), month, day)?;
        let plain = NaiveDateTime::parse_from_str(&format!("{day} {time}"), "%Y-%m-%d %H:%M:%S");
        return plain.ok().map(|at| at.and_utc());
    }
    let found = EPOCH.as_ref()?.captures(front)?;
    DateTime::from_timestamp(found[1].parse().ok()?, 0)
}

/// A day and a time with their year: ISO 8601, and the many ways near it.
fn dated(text: &str) -> Option<DateTime<Utc>> {
    /// `0000-00-00 00:00:00`, where 0 is any digit.
    const FORM: &[u8; 19] = b"0000-00-00T00:00:00";
    let fits = |piece: &[u8]| {
        piece.iter().zip(FORM).all(|(found, form)| match form {
            b'0' => found.is_ascii_digit(),
            b'-' => matches!(found, b'-' | b'/'),
            b'T' => matches!(found, b'T' | b' '),
            _ => found == form,
        })
    };
    let bytes = text.as_bytes();
    let start = bytes.windows(FORM.len()).position(fits)?;
    let piece = &bytes[start..start + FORM.len()];
    let number =
        |from: usize, to: usize| piece[from..to].iter().fold(0, |sum, digit| 10 * sum + u32::from(digit - b'0'));
    let day = NaiveDate::from_ymd_opt(number(0, 4).try_into().ok()?, number(5, 7), number(8, 10))?;
    let at = day.and_hms_opt(number(11, 13), number(14, 16), number(17, 19))?;
    let rest = text.get(start + FORM.len()..)?;
    let digits = rest.strip_prefix(['.', ',']).map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let part = rest.get(1..=digits).filter(|_| digits > 0).map(|part| format!("{:0<9}", &part[..part.len().min(9)]));
    let after = rest.get(if digits > 0 { digits + 1 } else { 0 }..)?.trim_start();
    let ahead = if after.starts_with(['+', '-']) { zone(after.get(..6).unwrap_or(after)) } else { TimeDelta::zero() };
    let part = TimeDelta::nanoseconds(part.and_then(|part| part.parse().ok()).unwrap_or(0));
    Some(at.and_utc() + part - ahead)
}

fn zone(text: &str) -> TimeDelta {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let (Some(hours), Some(minutes)) = (digits.get(..2), digits.get(2..4)) else { return TimeDelta::zero() };
    let (hours, minutes): (i64, i64) = (hours.parse().unwrap_or(0), minutes.parse().unwrap_or(0));
    let ahead = TimeDelta::minutes(60 * hours + minutes);
    if text.starts_with('-') { -ahead } else { ahead }
}

/// A time in a field: as text, in seconds or milliseconds since 1970, or wrapped as MongoDB does.
fn moment(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => time(text, DateTime::UNIX_EPOCH),
        Value::Object(inner) => moment(inner.get("$date")?),
        Value::Number(number) => {
            let number = number.as_f64()?;
            let seconds = if number > 1e11 { number / 1000.0 } else { number };
            #[expect(clippy::cast_possible_truncation, reason = "a time of this century")]
            DateTime::from_timestamp_millis((seconds * 1000.0) as i64)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Line {
        Line::read(line, "2026-03-02T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn every_stack_writes_its_own_way_and_means_the_same() {
        for line in [
            "2026-03-02 09:30:01.250 ERROR [http-nio-8080-exec-7] o.h.Handler - pool empty",
            "2026-03-02 09:30:01,250 - app.views - ERROR - pool empty",
            r#"{"level":50,"time":1772443801250,"msg":"pool empty"}"#,
            r#"{"level":"error","ts":1772443801.25,"msg":"pool empty"}"#,
            r#"{"t":{"$date":"2026-03-02T09:30:01.250Z"},"s":"E","c":"NETWORK","msg":"pool empty"}"#,
            r#"time=2026-03-02T09:30:01.250Z level=ERROR msg="pool empty""#,
            "2026/03/02 09:30:01 [error] 31#31: pool empty",
            "2026-03-02 09:30:01.250 UTC [812] FATAL:  pool empty",
            "E0302 09:30:01.250123       1 server.go:42] pool empty",
            "E, [2026-03-02T09:30:01.250000 #9] ERROR -- : pool empty",
            "2026-03-02T10:30:01.250+01:00 fail: Web.Startup[0] pool empty",
            "2026-03-02 09:30:01.250000+00:00 [error] <0.713.0> pool empty",
            "Mar  2 09:30:01 ward-host app[9]: error: pool empty",
        ] {
            let found = read(line);
            assert_eq!(found.level, Level::Error, "{line}");
            assert!(found.message.ends_with("pool empty"), "{line}: {}", found.message);
            let at = found.at.map(|at| at.timestamp());
            assert_eq!(at, Some(1_772_443_801), "{line}: {:?}", found.at);
        }
    }

    #[test]
    fn what_says_nothing_of_its_level_is_neither_loud_nor_harmless() {
        let found = read("Mar  2 09:30:01 ward-host kernel: [812.1] Out of memory: Killed process 4242 (java)");
        assert_eq!((found.level, found.at.map(|at| at.timestamp())), (Level::Unsaid, Some(1_772_443_801)));
        assert_eq!(read("02 Mar 2026 09:30:01.250 # oops").at.map(|at| at.timestamp()), Some(1_772_443_801));
        assert_eq!(
            read("Dec 31 23:59:59 ward-host cron: x").at.map(|at| at.year()),
            Some(2025),
            "no log is from the future"
        );
    }
}
