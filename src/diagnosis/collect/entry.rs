//! What a line says of itself: when, how bad, what.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Level,
    stamp::{self, Stamp},
};

/// Bytes of a message that are kept: more is nobody's to read.
const MESSAGE: usize = 8 << 10;
/// Words at the front among which the level is looked for.
const WORDS: usize = 6;
/// Letters of the id of a trace.
const TRACE: usize = 64;

/// One thing that a service has written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When, as it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// How bad, as it says itself or by its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// What, without the time and the level.
    pub message: String,
    /// The trace that it belongs to: hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// The zone of times that name none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Zone(Option<chrono_tz::Tz>);

impl Zone {
    /// The zone of this name of the IANA database.
    #[must_use]
    pub fn new(zone: chrono_tz::Tz) -> Self {
        Self(Some(zone))
    }

    /// What a clock there shows, in UTC; the first of two when summer ends.
    pub(super) fn utc(self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.0 {
            None => Some(local.and_utc()),
            Some(zone) => local.and_local_timezone(zone).earliest().map(|at| at.to_utc()),
        }
    }
}

impl Entry {
    /// Reads a line: JSON, `key=value`, or text with a time and a level at its front.
    #[must_use]
    pub fn read(line: &str, now: DateTime<Utc>, zone: Zone) -> Self {
        let line = line.trim();
        let mut entry =
            json(line, now, zone, 1).or_else(|| pairs(line, now, zone)).unwrap_or_else(|| text(line, now, zone));
        let end = entry.message.floor_char_boundary(MESSAGE);
        entry.message.truncate(end);
        entry
    }

    /// Whether it tells that something went wrong.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.level == Some(Level::Error)
    }
}

/// A line of a structured log. Programs in containers stand within another, so it goes one `deeper`.
fn json(line: &str, now: DateTime<Utc>, zone: Zone, deeper: usize) -> Option<Entry> {
    if !(line.starts_with('{') && line.ends_with('}')) {
        return None;
    }
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else { return None };
    let at = ["time", "ts", "timestamp", "@timestamp", "@t", "datetime", "eventTime", "Timestamp", "t"]
        .iter()
        .find_map(|key| moment(fields.get(*key)?, now, zone));
    let level =
        ["level", "severity", "lvl", "loglevel", "log.level", "levelname", "severity_text", "@l", "LogLevel", "s"]
            .iter()
            .find_map(|key| level(fields.get(*key)?));
    let trace = ["trace_id", "traceId", "traceID", "trace.id", "dd.trace_id", "trace"]
        .iter()
        .find_map(|key| trace(fields.get(*key)?));
    let said = ["message", "msg", "@m", "short_message", "event", "body", "text"]
        .iter()
        .find_map(|key| fields.get(*key)?.as_str());
    if said.is_none()
        && let Some(inner) = fields.get("log").and_then(Value::as_str)
    {
        let inner = inner.trim();
        let found = if deeper > 0 { json(inner, now, zone, deeper - 1) } else { None };
        let found = found.unwrap_or_else(|| text(inner, now, zone));
        let (at, level) = (found.at.or(at), found.level.or(level));
        return Some(Entry { at, level, trace: found.trace.or(trace), message: found.message });
    }
    let wrong = ["error", "err", "exception", "exc_info", "stack_trace", "stack"]
        .iter()
        .find_map(|key| wrong(fields.get(*key)?));
    let message = match (said, wrong) {
        (Some(said), Some(wrong)) if !said.contains(&wrong) => format!("{}: {wrong}", said.trim()),
        (Some(said), _) => said.trim().to_owned(),
        (None, Some(wrong)) => wrong,
        (None, None) => line.to_owned(),
    };
    Some(Entry { at, level: level.or_else(|| worded(&message)), message, trace })
}

/// The first line of what went wrong, or the message in it.
fn wrong(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Object(fields) => within(fields, &["message", "msg", "type"])?,
        _ => return None,
    };
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

fn within<'a>(fields: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| fields.get(*key)?.as_str())
}

pub(super) fn moment(value: &Value, now: DateTime<Utc>, zone: Zone) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => stamp::whole(text, now, zone).or_else(|| stamp::number(text.trim().parse().ok()?)),
        Value::Number(number) => stamp::number(number.as_f64()?),
        // As MongoDB writes it.
        Value::Object(fields) => moment(fields.get("$date")?, now, zone),
        _ => None,
    }
}

fn level(value: &Value) -> Option<Level> {
    match value {
        Value::String(text) => Level::named(text.trim()).or_else(|| Level::of_letter(text.trim())),
        Value::Number(number) => number.as_u64().map(Level::of_number),
        _ => None,
    }
}

/// The id of a trace: digits of the hexadecimal system, also with `-`.
pub(super) fn trace(value: &Value) -> Option<String> {
    let id = value.as_str()?.trim();
    let fits = (8..=TRACE).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    fits.then(|| id.to_owned())
}

/// A line of pairs: `time=… level=error msg="pool empty"`.
fn pairs(line: &str, now: DateTime<Utc>, zone: Zone) -> Option<Entry> {
    let first = line.split([' ', '=']).next()?;
    let is_key =
        !first.is_empty() && first.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'@'));
    if !is_key || line.as_bytes().get(first.len()) != Some(&b'=') {
        return None;
    }
    let (mut at, mut found, mut said, mut wrong, mut id) = (None, None, None, None, None);
    let mut rest = line;
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.rsplit(' ').next().unwrap_or(key);
        let (value, next) = value(after);
        match key {
            "time" | "ts" | "timestamp" | "t" => at = at.or_else(|| moment(&Value::from(value.as_str()), now, zone)),
            "level" | "lvl" | "severity" => found = found.or_else(|| Level::named(&value)),
            "msg" | "message" => said = said.or(Some(value)),
            "err" | "error" => wrong = wrong.or(Some(value)),
            "trace_id" | "traceID" | "traceId" => id = id.or_else(|| trace(&Value::from(value.as_str()))),
            _ => {}
        }
        rest = next;
    }
    let said = said?;
    let message = match wrong {
        Some(wrong) if !wrong.is_empty() && !said.contains(&wrong) => format!("{said}: {wrong}"),
        _ => said,
    };
    Some(Entry { at, level: found.or_else(|| worded(&message)), message, trace: id })
}

/// The value that a text begins with, quoted or up to a blank, and what follows.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(' ').unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let (mut told, mut letters) = (String::new(), quoted.char_indices());
    while let Some((at, c)) = letters.next() {
        match c {
            '"' => return (told, &quoted[at + 1..]),
            '\\' => told.extend(letters.next().map(|(_, c)| if c == 'n' { ' ' } else { c })),
            c => told.push(c),
        }
    }
    (told, "")
}

/// A line of text. The level stands near its front; what comes behind it is the message.
fn text(line: &str, now: DateTime<Utc>, zone: Zone) -> Entry {
    let Stamp { at, level, end } = stamp::front(line, now, zone);
    let rest = container(&line[end..]).trim_start();
    if level.is_some() {
        return Entry { at, level, message: rest.to_owned(), trace: None };
    }
    for word in rest.split_whitespace().take(WORDS) {
        let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let named = core.strip_prefix("level=").or(core.strip_prefix("lvl="));
        // `ERROR:root:` is how Python writes by default.
        let (core, joined) = match core.split_once(':') {
            Some((level, _)) if named.is_none() => (level, true),
            _ => (named.unwrap_or(core), false),
        };
        let marked = named.is_some() || word.starts_with(['[', '<', '(']) || word.ends_with([':', ']', '|']);
        let Some(level) = Level::named(core) else { continue };
        if marked || joined || core.chars().all(|c| c.is_ascii_uppercase()) {
            // `word` is a part of `rest`, so the place is known without a search that might find another.
            let from = word.as_ptr() as usize - rest.as_ptr() as usize;
            let from = if joined { from + word.find(':').map_or(word.len(), |at| at + 1) } else { from + word.len() };
            let message = rest[from..].trim_start_matches([' ', ':', ']', '|', '-', '\t']);
            let message = if message.is_empty() { rest } else { message };
            return Entry { at, level: Some(level), message: message.to_owned(), trace: None };
        }
    }
    Entry { at, level: worded(rest), message: rest.to_owned(), trace: None }
}

/// What stands behind the mark that container runtimes put before each line: `stderr F `.
fn container(text: &str) -> &str {
    let rest = text.strip_prefix("stdout ").or_else(|| text.strip_prefix("stderr "));
    rest.and_then(|rest| rest.strip_prefix("F ").or_else(|| rest.strip_prefix("P "))).unwrap_or(text)
}

/// The level by words that only errors have.
fn worded(message: &str) -> Option<Level> {
    let wrong = ["panicked", "error:", "Error:", "Exception", "Traceback (most recent call last)", "FATAL", "segfault"];
    wrong.iter().any(|word| message.contains(word)).then_some(Level::Error)
}
