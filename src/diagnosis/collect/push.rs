//! Lines that programs send: as text, as JSON lines, or as the logs of OpenTelemetry in JSON.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::{
    Entry, Level, Zone,
    bytes::{Encoding, Splitter, plain},
    entry::trace,
    follow::entries,
};

/// Letters of the name of a service.
const NAME: usize = 64;

/// In which form lines are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines as a program writes them.
    Text,
    /// A JSON object on each line; it may name its `service`.
    Lines,
    /// The logs of OpenTelemetry (OTLP/HTTP with JSON).
    Telemetry,
}

/// What was sent: entries by their service. What names none has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pushed {
    /// The entries of each service.
    pub services: BTreeMap<Option<String>, Vec<Entry>>,
    /// Lines that are not of the form.
    pub wrong: usize,
}

/// Why what was sent cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// It is too large when it is unpacked.
    #[error("it has more than {0} bytes when it is unpacked; send it in parts")]
    TooLarge(usize),
    /// It cannot be unpacked.
    #[error("it is not packed as gzip does: {0}")]
    Packed(io::Error),
    /// It is not of the form.
    #[error("{0}")]
    Form(String),
}

/// What was packed by gzip, if it has no more bytes than `most`.
///
/// # Errors
/// When it has more, or is not packed so.
pub fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>, PushError> {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(packed).take(most as u64 + 1).read_to_end(&mut bytes).map_err(PushError::Packed)?;
    if bytes.len() > most { Err(PushError::TooLarge(most)) } else { Ok(bytes) }
}

/// Reads what was sent.
///
/// # Errors
/// When the whole of it is not of the form.
pub fn read(format: Format, body: &[u8], now: DateTime<Utc>) -> Result<Pushed, PushError> {
    match format {
        Format::Text => Ok(text(body, now)),
        Format::Lines => Ok(lines(body, now)),
        Format::Telemetry => telemetry(body, now),
    }
}

fn split(body: &[u8]) -> Vec<super::bytes::Line> {
    let (mut splitter, mut found) = (Splitter::new(Encoding::of(body), 0), Vec::new());
    splitter.feed(body, &mut found);
    found.extend(splitter.finish());
    found
}

fn text(body: &[u8], now: DateTime<Utc>) -> Pushed {
    let entries = entries(split(body), now, Zone::default());
    let services = if entries.is_empty() { BTreeMap::new() } else { BTreeMap::from([(None, entries)]) };
    Pushed { services, wrong: 0 }
}

fn lines(body: &[u8], now: DateTime<Utc>) -> Pushed {
    let mut pushed = Pushed::default();
    for line in split(body).iter().map(|line| line.text.trim()).filter(|line| !line.is_empty()) {
        let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(line) else {
            pushed.wrong += 1;
            continue;
        };
        let entry = Entry::read(line, now, Zone::default());
        pushed.add(fields.get("service").and_then(name), Entry { message: plain(&entry.message), ..entry });
    }
    pushed
}

/// The name of a service as the platform file could write it.
fn name(value: &Value) -> Option<String> {
    let name = match value {
        Value::Object(fields) => fields.get("name")?.as_str()?,
        value => value.as_str()?,
    };
    Some(name.chars().filter(|c| !c.is_control()).take(NAME).collect())
}

impl Pushed {
    fn add(&mut self, service: Option<String>, entry: Entry) {
        self.services.entry(service).or_default().push(entry);
    }
}

/// `ExportLogsServiceRequest` in the mapping of OTLP to JSON: times are texts or numbers, ids are hexadecimal.
fn telemetry(body: &[u8], now: DateTime<Utc>) -> Result<Pushed, PushError> {
    let document: Value =
        serde_json::from_slice(body).map_err(|error| PushError::Form(format!("it is no JSON: {error}")))?;
    let resources = document
        .get("resourceLogs")
        .and_then(Value::as_array)
        .ok_or_else(|| PushError::Form("it has no list resourceLogs, as the logs of OpenTelemetry have".to_owned()))?;
    let mut pushed = Pushed::default();
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    for resource in resources {
        let attributes = list(resource.get("resource").unwrap_or(&Value::Null), "attributes");
        let service = attributes
            .iter()
            .find(|attribute| attribute.get("key").and_then(Value::as_str) == Some("service.name"))
            .and_then(|attribute| name(attribute.get("value")?.get("stringValue")?));
        for scope in list(resource, "scopeLogs") {
            for record in list(&scope, "logRecords") {
                match of_record(&record, now) {
                    Some(entry) => pushed.add(service.clone(), entry),
                    None => pushed.wrong += 1,
                }
            }
        }
    }
    Ok(pushed)
}

fn of_record(record: &Value, now: DateTime<Utc>) -> Option<Entry> {
    let nanos = |key: &str| {
        let value = record.get(key)?;
        let nanos: u64 = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
        (nanos > 0).then(|| DateTime::from_timestamp_nanos(i64::try_from(nanos).unwrap_or(i64::MAX)))
    };
    let body = record.get("body")?;
    let text = match body.get("stringValue").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => body.to_string(),
    };
    let number = record.get("severityNumber").and_then(|number| {
        let named = number.as_str().and_then(|name| name.strip_prefix("SEVERITY_NUMBER_"));
        match named {
            Some(name) => Level::named(name.trim_end_matches(|c: char| c.is_ascii_digit())),
            None => Level::of_telemetry(number.as_u64()?),
        }
    });
    let worded = record.get("severityText").and_then(Value::as_str).and_then(Level::named);
    let read = Entry::read(&plain(text.lines().next().unwrap_or_default()), now, Zone::default());
    Some(Entry {
        at: nanos("timeUnixNano").or_else(|| nanos("observedTimeUnixNano")).or(read.at),
        level: number.or(worded).or(read.level),
        trace: record.get("traceId").and_then(trace).or(read.trace),
        message: read.message,
    })
}
