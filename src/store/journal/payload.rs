//! Texts that may have to go. They leave the body of an event before it is hashed and stand beside it, in the table `payloads`; the
//! body holds a code in the place of each. So they can be deleted, and the chain stays what it was.
//!
//! The code is an HMAC-SHA-256 with a random key for each event that stands beside the texts and is deleted with them. While
//! they are there, everybody can check them; once they are gone nobody can try texts until one fits, also not who has all our keys.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use ring::hmac;
use rusqlite::{Connection, ffi, params};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Journal, JournalError, STATES,
    row::{each_event, open_read_only},
};
use crate::domain::{Event, PURGE_LIMIT, PURGED, Purgeable, State, apply, payloads_of};

/// What every code begins with.
const TAG: &[u8] = b"codeblue payload v1\0";
/// How a body refers to a text; nothing else in an event that has payloads looks so.
const REFERENCE: &str = "{\"payload\":\"";
/// Digits of a code.
const DIGITS: usize = 64;
const HEX: &[u8; 16] = b"0123456789abcdef";
/// Bytes of the key of an event's codes.
const SECRET: usize = 32;

/// A row of the table of texts keeps its place when they are purged: what is moved within the file would leave a copy behind.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS payloads (
    seq    INTEGER PRIMARY KEY,
    secret BLOB NOT NULL,
    texts  TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS payloads_are_only_blanked BEFORE UPDATE ON payloads
    WHEN NEW.seq <> OLD.seq OR trim(NEW.texts) <> ''
    BEGIN SELECT RAISE(ABORT, 'a text is never changed, only purged'); END;
CREATE TRIGGER IF NOT EXISTS payloads_are_never_deleted BEFORE DELETE ON payloads
    BEGIN SELECT RAISE(ABORT, 'a text is never deleted, only purged'); END;
";

/// The texts of an event as they stand beside it: a JSON object of them by where they stand in the event, and the key of their
/// codes. Blank when they were purged.
#[derive(Debug, Clone)]
pub(in crate::store) struct Stored {
    pub(in crate::store) secret: Vec<u8>,
    pub(in crate::store) texts: String,
}

/// What the texts beside an event are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Judged {
    /// All that belong to it, unchanged: so many.
    Whole(u64),
    /// So many belonged to it, and none is there.
    Gone(u64),
    /// They are not those that were recorded.
    Changed,
}

impl Stored {
    /// Whether nothing of them is left.
    pub(in crate::store) fn is_purged(&self) -> bool {
        is_blank(&self.texts)
    }

    fn read(&self) -> Option<BTreeMap<String, String>> {
        if self.is_purged() { Some(BTreeMap::new()) } else { serde_json::from_str(&self.texts).ok() }
    }
}

/// A text as it stands in the file, without a copy where nothing in it is escaped: a journal has a million of them.
#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn is_blank(texts: &str) -> bool {
    texts.bytes().all(|byte| byte == b' ')
}

/// Takes the payloads out of an event: gives the body that is hashed, and what goes beside it.
pub(super) fn take_out(kind: &str, seq: u64, body: String) -> Result<(String, Option<Stored>), serde_json::Error> {
    let places = payloads_of(kind);
    if places.is_empty() {
        return Ok((body, None));
    }
    let mut event: Value = serde_json::from_str(&body)?;
    let secret: [u8; SECRET] = rand::random();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let mut texts = BTreeMap::new();
    for place in places {
        each_value(&mut event, &mut String::new(), place, &mut |path, value| {
            if let Value::String(text) = value
                && !text.is_empty()
            {
                let text = std::mem::take(text);
                *value = json!({"payload": String::from_utf8_lossy(&code(&key, seq, path, &text))});
                texts.insert(path.to_owned(), text);
            }
        });
    }
    if texts.is_empty() {
        return Ok((body, None));
    }
    let stored = Stored { secret: secret.to_vec(), texts: serde_json::to_string(&texts)? };
    Ok((serde_json::to_string(&event)?, Some(stored)))
}

/// An event with its payloads, from its body and what stands beside it; [`PURGED`] in the place of what is not there.
pub(super) fn put_back(kind: &str, body: &str, stored: Option<&Stored>) -> Result<Event, serde_json::Error> {
    if references(kind, body).next().is_none() {
        return serde_json::from_str(body);
    }
    let texts = stored.and_then(Stored::read).unwrap_or_default();
    serde_json::from_value(filled(kind, body, |path| texts.get(path).map_or(PURGED, String::as_str))?)
}

/// The same as JSON, for who is shown a proof.
pub(in crate::store) fn spelt_out(kind: &str, body: &str, stored: &Stored) -> Option<String> {
    let texts = stored.read()?;
    let event = filled(kind, body, |path| texts.get(path).map_or(PURGED, String::as_str)).ok()?;
    serde_json::to_string(&event).ok()
}

fn filled<'a>(kind: &str, body: &str, text: impl Fn(&str) -> &'a str) -> Result<Value, serde_json::Error> {
    let mut event: Value = serde_json::from_str(body)?;
    for place in payloads_of(kind) {
        each_value(&mut event, &mut String::new(), place, &mut |path, value| {
            if value.is_object() {
                *value = text(path).into();
            }
        });
    }
    Ok(event)
}

/// Holds what stands beside an event against what its body refers to.
pub(in crate::store) fn judge(seq: u64, kind: &str, body: &str, stored: Option<(&[u8], &str)>) -> Judged {
    let mut wanted: Vec<&str> = references(kind, body).collect();
    let number = wanted.len() as u64;
    let Some((secret, texts)) = stored else { return Judged::Gone(number) };
    if number == 0 {
        return Judged::Changed;
    }
    if is_blank(texts) {
        return Judged::Gone(number);
    }
    let Ok(texts) = serde_json::from_str::<BTreeMap<Text<'_>, Text<'_>>>(texts) else { return Judged::Changed };
    // A longer key than ours would be hashed to one: two keys with one code.
    if texts.len() != wanted.len() || secret.len() != SECRET {
        return Judged::Changed;
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    wanted.sort_unstable();
    let right = texts.iter().all(|(Text(path), Text(text))| {
        let code = code(&key, seq, path, text);
        wanted.binary_search_by(|wanted| wanted.as_bytes().cmp(&code)).is_ok()
    });
    if right { Judged::Whole(number) } else { Judged::Changed }
}

/// The codes in a body.
fn references<'a>(kind: &str, body: &'a str) -> impl Iterator<Item = &'a str> {
    let body = if payloads_of(kind).is_empty() { "" } else { body };
    // In a text of a person the quotes would be escaped.
    body.match_indices(REFERENCE).filter_map(move |(at, _)| {
        let rest = &body[at + REFERENCE.len()..];
        let (code, rest) = rest.split_at_checked(DIGITS)?;
        rest.starts_with("\"}").then_some(code)
    })
}

/// The code of a text, in hexadecimal: it is good for this place of this event alone.
fn code(key: &hmac::Key, seq: u64, path: &str, text: &str) -> [u8; DIGITS] {
    let mut message = hmac::Context::with_key(key);
    message.update(TAG);
    message.update(&seq.to_be_bytes());
    for part in [path, text] {
        message.update(&(part.len() as u64).to_be_bytes());
        message.update(part.as_bytes());
    }
    let (tag, mut digits) = (message.sign(), [0; DIGITS]);
    for (byte, digits) in tag.as_ref().iter().zip(digits.chunks_exact_mut(2)) {
        digits.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    digits
}

/// Calls `take` with each value at a place, and its JSON pointer.
fn each_value(value: &mut Value, path: &mut String, place: &str, take: &mut impl FnMut(&str, &mut Value)) {
    if place.is_empty() {
        return take(path, value);
    }
    let (name, rest) = place.split_once('/').unwrap_or((place, ""));
    let above = path.len();
    match value {
        Value::Array(items) if name == "*" => {
            for (number, item) in items.iter_mut().enumerate() {
                *path += &format!("/{number}");
                each_value(item, path, rest, take);
                path.truncate(above);
            }
        }
        Value::Object(fields) => {
            if let Some(field) = fields.get_mut(name) {
                *path += "/";
                *path += name;
                each_value(field, path, rest, take);
                path.truncate(above);
            }
        }
        _ => {}
    }
}

impl Journal {
    /// What the journal holds of these events and their payloads; what is no event is left out.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn purgeable(&self, seqs: &[u64]) -> Result<Vec<Purgeable>, JournalError> {
        purgeable(&self.connection, &self.path, seqs)
    }

    /// Deletes the payloads of these events, also from the states that were kept, and gives the state that the events lead to
    /// without them. It may be done again.
    ///
    /// # Errors
    /// When it cannot be written, or somebody reads the journal for so long that what was written before cannot be
    /// overwritten: then it has to be done again.
    pub fn purge(&mut self, seqs: &BTreeSet<u64>) -> Result<State, JournalError> {
        let done = self.blank(seqs).and_then(|()| overwrite_log(&self.connection));
        done.map_err(|source| JournalError::Storage { path: self.path.clone(), source })?;
        self.last_state = 0;
        let mut state = State::default();
        each_event(&self.connection, &self.path, 0, |recorded, _| {
            apply(&mut state, &recorded);
            true
        })?;
        Ok(state)
    }

    fn blank(&mut self, seqs: &BTreeSet<u64>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            // A row of the same length is written over in its place.
            let mut blank = transaction.prepare_cached(
                "UPDATE payloads SET secret = zeroblob(32),
                 texts = replace(hex(zeroblob(octet_length(texts))), '00', ' ') WHERE seq = ? AND trim(texts) <> ''",
            )?;
            for seq in seqs {
                blank.execute([seq])?;
            }
        }
        transaction.execute_batch("DROP TABLE states")?;
        transaction.execute_batch(STATES)?;
        transaction.commit()
    }
}

/// Whether any payload of these events is still there.
pub(in crate::store) fn any_left(connection: &Connection, seqs: &BTreeSet<u64>) -> rusqlite::Result<bool> {
    let mut query = connection.prepare("SELECT EXISTS (SELECT 1 FROM payloads WHERE seq = ? AND trim(texts) <> '')")?;
    for seq in seqs {
        if query.query_row(params![seq], |row| row.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Brings all that was written into the journal itself and empties the log beside it, in which older versions of its pages stand.
pub(super) fn overwrite_log(connection: &Connection) -> rusqlite::Result<()> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        let why = "somebody reads the journal, so what was deleted is still in the log beside it".to_owned();
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), Some(why)));
    }
    Ok(())
}

fn purgeable(connection: &Connection, path: &Path, seqs: &[u64]) -> Result<Vec<Purgeable>, JournalError> {
    let mut found = Vec::new();
    for seq in seqs.iter().take(PURGE_LIMIT).filter(|seq| (1..i64::MAX.unsigned_abs()).contains(*seq)) {
        each_event(connection, path, seq - 1, |recorded, stored| {
            if recorded.seq == *seq {
                let texts = stored.as_ref().and_then(Stored::read).unwrap_or_default();
                found.push(Purgeable { recorded, texts });
            }
            false
        })?;
    }
    Ok(found)
}

/// What a journal holds of these events and their payloads, read beside the writer; what is no event is left out.
///
/// # Errors
/// When the journal cannot be read.
pub fn read_purgeable(path: &Path, seqs: &[u64]) -> Result<Vec<Purgeable>, JournalError> {
    let storage = |source| JournalError::Storage { path: path.to_owned(), source };
    purgeable(&open_read_only(path).map_err(storage)?, path, seqs)
}

/// The events among whose payloads this text stands too.
///
/// # Errors
/// When the journal cannot be read.
pub fn events_with_text(path: &Path, text: &str) -> Result<Vec<u64>, JournalError> {
    let read = || {
        let connection = open_read_only(path)?;
        // As it stands within a text in JSON, without the quotes around it.
        let quoted = Value::from(text).to_string();
        let within = &quoted[1..quoted.len() - 1];
        let mut query = connection.prepare("SELECT seq FROM payloads WHERE instr(texts, ?) ORDER BY seq")?;
        query.query_map([within], |row| row.get(0))?.collect::<rusqlite::Result<Vec<u64>>>()
    };
    read().map_err(|source| JournalError::Storage { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chrono::DateTime;

    use super::*;
    use crate::{
        domain::{Actor, Findings, IncidentId},
        store::{CheckpointKey, Draft},
    };

    fn round_trip(event: &Event) -> (String, Option<Stored>) {
        let text = serde_json::to_string(event).unwrap();
        let kind = serde_json::from_str::<Value>(&text).unwrap()["type"].as_str().unwrap().to_owned();
        let (body, stored) = take_out(&kind, 7, text).unwrap();
        assert_eq!(&put_back(&kind, &body, stored.as_ref()).unwrap(), event);
        let beside = stored.as_ref().map(|stored| (&stored.secret[..], &*stored.texts));
        let number = stored.as_ref().and_then(Stored::read).unwrap_or_default().len() as u64;
        let expected = if number == 0 { Judged::Gone(0) } else { Judged::Whole(number) };
        assert_eq!(judge(7, &kind, &body, beside), expected);
        if number > 0 {
            assert_eq!(judge(8, &kind, &body, beside), Judged::Changed, "another event's");
        }
        (body, stored)
    }

    #[test]
    fn texts_leave_the_body_and_come_back_and_equal_ones_do_not_look_equal() {
        let incident = IncidentId(3);
        let same = || vec!["same".to_owned(), "same".to_owned()];
        let findings = Findings { well: same(), lessons: vec!["\"quoted\" ✓\n".to_owned()], ..Findings::default() };
        let (body, stored) = round_trip(&Event::PostMortemWritten { incident, findings });
        assert!(!body.contains("same") && !body.contains("quoted") && body.contains("INC-3"), "{body}");
        let codes: BTreeSet<&str> = references("postMortemWritten", &body).collect();
        assert_eq!((codes.len(), stored.unwrap().read().unwrap().len()), (3, 3));

        let text = format!("{REFERENCE}{}\"}}", "0".repeat(DIGITS));
        let (one, _) = round_trip(&Event::IncidentNoted { incident, text: text.clone() });
        let (other, _) = round_trip(&Event::IncidentNoted { incident, text });
        assert_ne!(one, other, "each has a key of its own");
        assert!(round_trip(&Event::IncidentClosed { incident }).1.is_none());
        let place = "dir:/mnt".to_owned();
        assert!(round_trip(&Event::ExportChanged { place, problem: None }).1.is_none());
        let (name, reason) = ("bob".to_owned(), String::new());
        assert!(
            round_trip(&Event::OperatorDisabled { name, reason, duties: Vec::new() }).1.is_none(),
            "nothing to hide"
        );
    }

    /// All that the files of a folder hold.
    fn bytes_in(folder: &Path) -> String {
        let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
    }

    #[test]
    fn what_is_purged_is_in_no_file_any_more_and_what_is_not_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let key = std::sync::Arc::new(CheckpointKey::fresh().unwrap());
        let (mut journal, mut state) = Journal::open_with(&path, &key).unwrap();
        journal.seal_with("codeblue/ward/01234567".to_owned(), key);
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        // Short ones and such as need pages of their own.
        let text =
            |number: u64| format!("text-{number:03}-é {}", "x".repeat(usize::try_from(number % 7).unwrap() * 1500));
        for number in 1..=300 {
            let event = Event::AutomationHalted { reason: text(number) };
            let draft = Draft { at, actor: Actor::Engine, cause: None, event };
            apply(&mut state, &journal.prepare(&draft).unwrap());
            if number % 10 == 0 {
                journal.commit().unwrap();
                journal.keep_state(&state).unwrap();
            }
        }
        let purged: BTreeSet<u64> = (1..=300).filter(|seq| seq % 3 == 0).collect();
        assert!(bytes_in(folder.path()).contains("text-300-"), "also in the states that were kept");
        let replayed = journal.purge(&purged).unwrap();
        assert_eq!(replayed.halted.as_deref(), Some(PURGED));
        journal.purge(&purged).unwrap();
        let left = bytes_in(folder.path());
        for seq in 1..=300 {
            assert_eq!(left.contains(&format!("text-{seq:03}-")), !purged.contains(&seq), "event {seq}");
        }
        let events = super::super::read_events(&path, 0, 1000).unwrap();
        for event in events {
            let expected = if purged.contains(&event.seq) { PURGED.to_owned() } else { text(event.seq) };
            assert_eq!(event.event, Event::AutomationHalted { reason: expected });
        }
        let again = journal.connection.execute("UPDATE payloads SET texts = 'another'", []);
        assert!(again.is_err() && journal.connection.execute("DELETE FROM payloads", []).is_err());
    }
}
