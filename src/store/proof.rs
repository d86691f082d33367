//! Proofs that go with somebody: that an event is in the journal, and that one checkpoint goes on from another.
//!
//! The proof of an event is a file of its own in the C2SP form `tlog-proof`: the event's bytes as they are hashed (`extra`), its number
//! from 0 (`index`), the siblings on its way to the root, and the signed checkpoint with that root.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    checkpoints::{CheckpointLine, checkpoint_path, first_checkpoint, recent_checkpoints},
    journal::{CHAIN, JournalError, Judged, Stored, each_part, judge, open_read_only, source, spelt_out},
    merkle::{Hash, consistency, inclusion, is_included, leaf},
    note::{CheckpointPublicKey, SignedCheckpoint},
    seal::public_keys,
    tree,
};

/// The first line of a proof.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Why there is no proof, or a proof proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It has no such event.
    #[error("there is no event {0}")]
    NoEvent(u64),
    /// Nobody has signed for the event yet.
    #[error("no signed checkpoint covers event {0} yet; cut one with: codeblue audit checkpoint")]
    Uncovered(u64),
    /// The text is no proof.
    #[error("it is no proof of an event: {0}")]
    Unreadable(&'static str),
    /// It is one, and it is wrong.
    #[error("the proof does not hold: {0}")]
    Wrong(&'static str),
}

/// What a proof proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvedEvent {
    /// Its place in the journal.
    pub seq: u64,
    /// When it was recorded, as it stands there.
    pub at: String,
    /// Who caused it, as JSON.
    pub actor: String,
    /// The event it was a reaction to.
    pub cause: Option<u64>,
    /// The event, as JSON, with the texts that came with the proof; what it refers to otherwise was purged or held back.
    pub body: String,
    /// Its hash in the chain, in hexadecimal.
    pub hash: String,
    /// The journal it is in.
    pub origin: String,
    /// The checkpoint that covers it.
    pub size: u64,
    /// Witnesses whose signatures were found right, and when they looked.
    pub witnesses: Vec<(String, DateTime<Utc>)>,
}

/// That the journal at one size goes on from the journal at another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsistencyProof {
    /// Events of the older.
    pub old: u64,
    /// Its root, in base64 as in a checkpoint.
    pub old_root: String,
    /// Events of the newer.
    pub new: u64,
    /// Its root.
    pub new_root: String,
    /// The hashes that prove it, in base64.
    pub proof: Vec<String>,
}

/// The proof of an event, to one of the newest checkpoints, rather one with a witness.
///
/// # Errors
/// When there is no such event, or no checkpoint that covers it.
pub fn prove_event(journal: &Path, seq: u64) -> Result<String, ProofError> {
    let storage = |source| JournalError::Storage { path: journal.to_owned(), source };
    let path = checkpoint_path(journal);
    let lines = recent_checkpoints(&path).map_err(|source| JournalError::Checkpoints { path, source })?;
    let covering = lines.iter().filter(|line| line.seq >= seq);
    let covering = covering.filter_map(|line| SignedCheckpoint::parse(line.note.as_deref()?).ok());
    let signed = covering.max_by_key(|signed| (signed.others().next().is_some(), signed.checkpoint.size));
    let connection = open_read_only(journal).map_err(storage)?;
    let source = source(&connection).map_err(storage)?;
    let columns = format!("SELECT prev, cause, at, actor, kind, body, secret, texts FROM {source} WHERE seq = ?");
    let record = connection
        .query_row(&columns, [seq], |row| {
            let prev: Hash = row.get(0)?;
            let texts: [String; 4] = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
            let mut record = Vec::new();
            let texts = [&*texts[0], &*texts[1], &*texts[2], &*texts[3]];
            each_part(&prev, seq, row.get(1)?, texts, |part| record.extend_from_slice(part));
            if let Some(secret) = row.get::<_, Option<Vec<u8>>>(6)? {
                let stored = Stored { secret, texts: row.get(7)? };
                if !stored.is_purged() {
                    record.extend(stored.secret);
                    record.extend(stored.texts.into_bytes());
                }
            }
            Ok(record)
        })
        .optional()
        .map_err(storage)?
        .ok_or(ProofError::NoEvent(seq))?;
    let signed = signed.ok_or(ProofError::Uncovered(seq))?;
    let siblings =
        inclusion(seq - 1, signed.checkpoint.size, |from, to| tree::root(&connection, from, to)).map_err(storage)?;
    let mut text = format!("{HEADER}\nextra {}\nindex {}\n", STANDARD.encode(record), seq - 1);
    for sibling in siblings {
        text += &STANDARD.encode(sibling);
        text.push('\n');
    }
    Ok(format!("{text}\n{signed}"))
}

/// Checks the proof of an event with nothing but keys, those of the journal and of witnesses.
///
/// # Errors
/// When it is no proof, or does not prove what it says.
pub fn check_event_proof(text: &str, keys: &[CheckpointPublicKey]) -> Result<ProvedEvent, ProofError> {
    let unreadable = ProofError::Unreadable;
    let (head, note) = text.split_once("\n\n").ok_or(unreadable("it has no checkpoint"))?;
    let mut lines = head.lines();
    if lines.next() != Some(HEADER) {
        return Err(unreadable("its first line is another"));
    }
    let extra = lines.next().and_then(|line| line.strip_prefix("extra ")).ok_or(unreadable("it has no event"))?;
    let record = STANDARD.decode(extra).map_err(|_| unreadable("its event is not base64"))?;
    let index = lines.next().and_then(|line| line.strip_prefix("index ")?.parse::<u64>().ok());
    let index = index.ok_or(unreadable("it has no index"))?;
    let siblings: Option<Vec<Hash>> = lines.map(|line| STANDARD.decode(line).ok()?.try_into().ok()).collect();
    let siblings = siblings.ok_or(unreadable("a hash in it is spoilt"))?;
    let signed = SignedCheckpoint::parse(note).map_err(|_| unreadable("its checkpoint is spoilt"))?;
    if !keys.iter().any(|key| signed.is_signed_by(key)) {
        return Err(ProofError::Wrong("its checkpoint was not signed by a key that was named"));
    }
    let Record { seq, cause, texts: [at, actor, kind, body], beside } =
        read_record(&record).ok_or(unreadable("its event is cut off"))?;
    let hash: Hash = Sha256::digest(&record[..record.len() - beside.len()]).into();
    let checkpoint = &signed.checkpoint;
    let included = is_included(&leaf(&hash), index, checkpoint.size, &siblings, &checkpoint.root);
    if index.checked_add(1) != Some(seq) || !included {
        return Err(ProofError::Wrong("the event is not in the journal that was signed"));
    }
    let body =
        texts_of(seq, kind, body, beside).ok_or(ProofError::Wrong("its texts are not those that were recorded"))?;
    let witnesses = keys.iter().filter_map(|key| signed.witnessed_by(key)).map(|(name, at)| (name.to_owned(), at));
    Ok(ProvedEvent {
        seq,
        at: at.to_owned(),
        actor: actor.to_owned(),
        cause,
        body,
        hash: hex::encode(hash),
        origin: checkpoint.origin.clone(),
        size: checkpoint.size,
        witnesses: witnesses.collect(),
    })
}

/// The hashes that prove that the journal of `new` events goes on from the one of `old`.
///
/// # Errors
/// When the journal cannot be read.
pub fn prove_consistency(journal: &Path, old: u64, new: u64) -> Result<Vec<Hash>, JournalError> {
    let storage = |source| JournalError::Storage { path: journal.to_owned(), source };
    let connection = open_read_only(journal).map_err(storage)?;
    consistency(old, new, |from, to| tree::root(&connection, from, to)).map_err(storage)
}

/// The same with both roots, to be shown to somebody.
///
/// # Errors
/// When there is no event `new`, or `old` is after it.
pub fn consistency_proof(journal: &Path, old: u64, new: u64) -> Result<ConsistencyProof, ProofError> {
    let storage = |source| JournalError::Storage { path: journal.to_owned(), source };
    let connection = open_read_only(journal).map_err(storage)?;
    let last: u64 =
        connection.query_row("SELECT coalesce(max(seq), 0) FROM events", [], |row| row.get(0)).map_err(storage)?;
    for seq in [old, new] {
        if seq == 0 || seq > last {
            return Err(ProofError::NoEvent(seq));
        }
    }
    let root = |size| tree::root(&connection, 0, size).map(|root| STANDARD.encode(root)).map_err(storage);
    let (old, new) = (old.min(new), old.max(new));
    let proof = consistency(old, new, |from, to| tree::root(&connection, from, to)).map_err(storage)?;
    let proof = proof.iter().map(|hash| STANDARD.encode(hash)).collect();
    Ok(ConsistencyProof { old, old_root: root(old)?, new, new_root: root(new)?, proof })
}

/// When the first signed checkpoint of a journal was cut.
///
/// # Errors
/// When the file of checkpoints cannot be read.
pub fn first_signed(journal: &Path) -> Result<Option<DateTime<Utc>>, JournalError> {
    let (path, folder) = (checkpoint_path(journal), journal.with_file_name("keys"));
    let keys = public_keys(&folder).map_err(|source| JournalError::Checkpoints { path: folder, source })?;
    let is_signed = |line: &CheckpointLine| {
        let note = line.note.as_deref().and_then(|note| SignedCheckpoint::parse(note).ok());
        note.is_some_and(|note| note.checkpoint.size == line.seq && keys.iter().any(|key| note.is_signed_by(key)))
    };
    let first = first_checkpoint(&path, is_signed).map_err(|source| JournalError::Checkpoints { path, source })?;
    let Some(line) = first else { return Ok(None) };
    let storage = |source| JournalError::Storage { path: journal.to_owned(), source };
    let connection = open_read_only(journal).map_err(storage)?;
    let found = connection.query_row("SELECT at FROM events WHERE seq = ?", [line.seq], |row| row.get::<_, String>(0));
    let at = found.optional().map_err(storage)?.and_then(|at| DateTime::parse_from_rfc3339(&at).ok());
    Ok(at.map(|at| at.with_timezone(&Utc)))
}

struct Record<'a> {
    seq: u64,
    cause: Option<u64>,
    texts: [&'a str; 4],
    /// What comes after what is hashed: the key of its texts and the texts, where it has any.
    beside: &'a [u8],
}

/// The fields of an event from the bytes that are hashed.
fn read_record(bytes: &[u8]) -> Option<Record<'_>> {
    let rest = bytes.strip_prefix(CHAIN)?;
    let (_prev, rest) = rest.split_first_chunk::<32>()?;
    let (seq, mut rest) = number(rest)?;
    let cause;
    (cause, rest) = number(rest)?;
    let mut texts = [""; 4];
    for text in &mut texts {
        let length;
        (length, rest) = number(rest)?;
        let (bytes, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        *text = std::str::from_utf8(bytes).ok()?;
        rest = after;
    }
    Some(Record { seq, cause: (cause != 0).then_some(cause), texts, beside: rest })
}

/// The body of an event with the texts that came with it, if they are its own.
fn texts_of(seq: u64, kind: &str, body: &str, beside: &[u8]) -> Option<String> {
    if beside.is_empty() {
        return Some(body.to_owned());
    }
    let (secret, texts) = beside.split_first_chunk::<32>()?;
    let stored = Stored { secret: secret.to_vec(), texts: std::str::from_utf8(texts).ok()?.to_owned() };
    match judge(seq, kind, body, Some((secret, &stored.texts))) {
        Judged::Whole(_) => spelt_out(kind, body, &stored),
        Judged::Gone(_) | Judged::Changed => None,
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        domain::{Actor, Event},
        store::{CheckpointKey, Draft, Journal, merkle::is_consistent, verify_file},
    };

    /// More than one of the subtrees whose hashes are kept, and some.
    const EVENTS: u64 = (1 << 16) + 700;

    fn long() -> (tempfile::TempDir, std::path::PathBuf, CheckpointPublicKey, Journal) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let (mut journal, _) = Journal::open(&path).unwrap();
        let key = Arc::new(CheckpointKey::open_or_make(&folder.path().join(".")).unwrap());
        let public = key.public();
        journal.seal_with(format!("codeblue/ward/{}", public.short()), key);
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        for number in 0..EVENTS {
            let event = Event::AutomationHalted { reason: format!("reason {number}") };
            journal.prepare(&Draft { at, actor: Actor::Engine, cause: None, event }).unwrap();
            if number == 600 {
                journal.commit().unwrap();
                journal.checkpoint(at).unwrap();
            }
        }
        journal.commit().unwrap();
        journal.checkpoint(at).unwrap();
        (folder, path, public, journal)
    }

    #[test]
    fn a_long_journal_is_proved_in_pieces_and_from_the_nodes_that_are_kept() {
        let (_folder, path, key, journal) = long();
        let (seq, root) = journal.head();
        let verified = verify_file(&path).unwrap();
        assert!(verified.ok, "{verified:?}");
        assert_eq!((verified.events, verified.root), (seq, hex::encode(root)), "both grow the same tree");

        for seq in [1, 255, 256, 257, 601, 1 << 16, (1 << 16) + 1, EVENTS] {
            let proof = prove_event(&path, seq).unwrap();
            let proved = check_event_proof(&proof, &[key]).unwrap();
            assert_eq!((proved.seq, proved.size), (seq, EVENTS));
            assert!(proved.body.contains(&format!("reason {}\"", seq - 1)), "{}", proved.body);
        }
        for (old, new) in [(1, EVENTS), (256, 257), (601, EVENTS), (1 << 16, EVENTS), (EVENTS - 1, EVENTS)] {
            let proof = prove_consistency(&path, old, new).unwrap();
            let shown = consistency_proof(&path, old, new).unwrap();
            let root = |text: &str| -> Hash { STANDARD.decode(text).unwrap().try_into().unwrap() };
            let (old_root, new_root) = (root(&shown.old_root), root(&shown.new_root));
            assert!(is_consistent((old, &old_root), (new, &new_root), &proof), "{old} to {new}");
        }

        // What is kept of the tree is made anew when it is gone, and by another start.
        journal.connection().execute_batch("DELETE FROM tree").unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path).unwrap().0.head(), (seq, root));
        assert_eq!(Journal::open(&path).unwrap().0.head(), (seq, root));

        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch("DROP TRIGGER events_are_never_changed").unwrap();
        let edit = "UPDATE events SET body = replace(body, 'reason', 'treason') WHERE seq = ?";
        connection.execute(edit, [(1 << 16) + 5]).unwrap();
        assert_eq!(verify_file(&path).unwrap().problem.unwrap().seq, (1 << 16) + 5);
    }

    #[test]
    fn a_proof_of_which_anything_was_changed_does_not_hold() {
        let (_folder, path, key, _journal) = long();
        let proof = prove_event(&path, 300).unwrap();
        assert!(check_event_proof(&proof, &[key]).is_ok());
        let stranger = CheckpointKey::fresh().unwrap().public();
        assert!(matches!(check_event_proof(&proof, &[stranger]), Err(ProofError::Wrong(_))));
        for line in 0..proof.lines().count() {
            let changed: String = proof
                .lines()
                .enumerate()
                .map(|(number, text)| {
                    let text = text.to_owned();
                    let turned = |c: char| if c == 'A' { 'B' } else { 'A' };
                    match text.char_indices().rev().find(|(_, c)| c.is_ascii_alphanumeric()) {
                        // The last character of base64 without padding may hold bits that say nothing: an earlier one counts.
                        Some((place, _)) if number == line && place > 4 => {
                            let place = place - 3;
                            let (before, rest) = text.split_at(place);
                            let mut rest = rest.chars();
                            let other = rest.next().map(turned).unwrap();
                            format!("{before}{other}{}\n", rest.as_str())
                        }
                        Some((place, c)) if number == line => {
                            let other = char::from_digit((c.to_digit(10).unwrap() + 1) % 10, 10).unwrap();
                            format!("{}{other}\n", &text[..place])
                        }
                        _ => format!("{text}\n"),
                    }
                })
                .collect();
            assert!(changed == proof || check_event_proof(&changed, &[key]).is_err(), "line {line}: {changed}");
        }
        assert!(matches!(prove_event(&path, EVENTS + 1), Err(ProofError::NoEvent(_))));
    }
}
