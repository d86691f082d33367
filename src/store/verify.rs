//! Does a journal still say what was written? Works on the files alone, without an engine.
//!
//! The chain and the tree are checked in one reading, in pieces of 65,536 events that several threads take in turn; then every
//! checkpoint, those beside the journal and those held elsewhere, is held against them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, types::ValueRef};
use serde::{Deserialize, Serialize};

use super::{
    checkpoints::{CheckpointLine, checkpoint_path, judge_lines},
    journal::{JournalError, Row, for_each_row, hash_of, open_read_only, row_hash},
    merkle::{Frontier, Hash, leaf},
    note::{CheckpointPublicKey, SignedCheckpoint},
    seal::public_keys,
};

/// Events in a piece: a subtree of the tree.
const PIECE: u64 = 1 << 16;
/// Of each file, so many of the newest signatures are checked: each covers all before it, so the older ones prove nothing more.
const SIGNATURES: usize = 64;
/// More threads than this only wait for the disk.
const THREADS: usize = 4;

/// What was found out about a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Nothing is wrong.
    pub ok: bool,
    /// Events read.
    pub events: u64,
    /// Hash of the last event that is right, in hexadecimal.
    pub head: String,
    /// Root of the tree over the events that are right, in hexadecimal.
    #[serde(default)]
    pub root: String,
    /// What the checkpoints say.
    #[serde(default)]
    pub sealed: Sealed,
    /// The first thing that is wrong.
    pub problem: Option<Problem>,
}

/// What the checkpoints say about a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sealed {
    /// The journal's name in its newest checkpoint.
    pub origin: Option<String>,
    /// Checkpoints whose signature by a key that is trusted was looked at and found right: of the newest of each file.
    pub signed: u64,
    /// Checkpoints that nobody signed, from before they were.
    pub unsigned: u64,
    /// Of all, those that are held elsewhere than beside the journal.
    pub elsewhere: u64,
    /// The last event that a trusted key signed for: up to there nothing was changed by anybody without it.
    pub up_to: u64,
    /// When the last event of the first checkpoint that a trusted key signed was recorded: tamper-evident since then.
    pub since: Option<DateTime<Utc>>,
    /// Who else signed, by name, as a trusted key says.
    pub witnesses: BTreeSet<String>,
    /// Names under which somebody else may have signed: no key of theirs is trusted, so this proves nothing.
    #[serde(default)]
    pub unchecked: BTreeSet<String>,
    /// So many events, from the first on, for which an engine found no signed checkpoint left when it started.
    #[serde(default)]
    pub lost: Option<u64>,
}

/// What is trusted besides the journal's own folder.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    /// Keys that sign for the journal or as witnesses; without any, those in the folder `keys` beside the journal count.
    pub keys: Vec<CheckpointPublicKey>,
    /// Files with checkpoints that were kept elsewhere, or folders of such files.
    pub checkpoints: Vec<PathBuf>,
}

/// The first thing that is wrong in a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The event it is at.
    pub seq: u64,
    /// Which kind.
    pub kind: ProblemKind,
    /// In words.
    pub detail: String,
}

/// What can be wrong in a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// An event does not have the content its hash was taken of.
    Edit,
    /// Events are missing in the middle.
    Gap,
    /// An event stands where another one stood.
    Reorder,
    /// Events at the end are missing that a checkpoint saw.
    CutTail,
    /// The chain is consistent, but not the one a checkpoint saw.
    Rewritten,
    /// A checkpoint was not signed by a key that is trusted.
    Signature,
    /// A key was named, and it signed nothing of this journal.
    Unsigned,
    /// An event cannot be read.
    Unreadable,
}

impl Problem {
    pub(super) fn unreadable(seq: u64, error: &serde_json::Error) -> Self {
        Self { seq, kind: ProblemKind::Unreadable, detail: format!("event {seq} cannot be read: {error}") }
    }

    pub(super) fn cut_tail(last: u64, seen: u64) -> Self {
        Self {
            seq: last + 1,
            kind: ProblemKind::CutTail,
            detail: format!("the journal ends at event {last}, but a checkpoint saw event {seen}"),
        }
    }

    pub(super) fn rewritten(seq: u64, at: DateTime<Utc>) -> Self {
        Self {
            seq,
            kind: ProblemKind::Rewritten,
            detail: format!("the first {seq} events are not those that the checkpoint of {at} saw"),
        }
    }

    fn gap(missing: u64, next: u64) -> Self {
        let detail = if next == missing + 1 {
            format!("event {missing} is missing")
        } else {
            format!("events {missing} to {} are missing", next - 1)
        };
        Self { seq: missing, kind: ProblemKind::Gap, detail }
    }

    fn edit(seq: u64, kind: &str) -> Self {
        let detail = format!("event {seq} ({kind}) was changed after it was recorded");
        Self { seq, kind: ProblemKind::Edit, detail }
    }

    fn astray(seq: u64) -> Self {
        let detail = format!("event {seq} does not follow the event before it");
        Self { seq, kind: ProblemKind::Rewritten, detail }
    }
}

/// Checks a row against its place and its predecessor, and gives its hash.
pub(super) fn check_rows(row: &Row, previous: (u64, Hash)) -> Result<Hash, Problem> {
    if row.seq != previous.0 + 1 {
        return Err(Problem::gap(previous.0 + 1, row.seq));
    }
    let hash = row_hash(row, row.seq);
    if row.hash != hash {
        return Err(Problem::edit(row.seq, &row.kind));
    }
    if row.prev != previous.1 {
        return Err(Problem::astray(row.seq));
    }
    Ok(hash)
}

/// Checks a whole journal with the checkpoints and keys beside it.
///
/// # Errors
/// When the file cannot be read as a journal at all.
pub fn verify_file(path: &Path) -> Result<Verification, JournalError> {
    verify(path, &Trusted::default())
}

/// Checks a whole journal: content, order and completeness of the chain, and both chain and tree against every checkpoint
/// beside it and elsewhere.
///
/// # Errors
/// When the file cannot be read as a journal at all, or checkpoints that were named cannot be read.
pub fn verify(path: &Path, trusted: &Trusted) -> Result<Verification, JournalError> {
    // Checkpoints first: an engine at work writes each after the events it is about.
    let held = Held::read(path, trusted)?;
    let keys = if trusted.keys.is_empty() {
        let folder = path.with_file_name("keys");
        public_keys(&folder).map_err(|source| JournalError::Checkpoints { path: folder, source })?
    } else {
        trusted.keys.clone()
    };
    if !path.exists() && held.iter().any(|held| held.elsewhere) {
        return Ok(Verification::of(&Chain::default(), &held, &keys, trusted));
    }
    let storage = |source| JournalError::Storage { path: path.to_owned(), source };
    let connection = open_read_only(path).map_err(storage)?;
    let last = "SELECT coalesce(max(seq), 0), coalesce(min(seq), 1) FROM events";
    let (last, first): (i64, i64) =
        connection.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(storage)?;
    let last = u64::try_from(last).unwrap_or_default();
    let marks: BTreeSet<u64> = held.iter().map(|held| held.seq).filter(|seq| *seq <= last).collect();
    let mut chain = Chain::read(path, &connection, last, &marks).map_err(storage)?;
    if first < 1 {
        let detail = "something stands before the first event".to_owned();
        chain.problem = Some(Problem { seq: 1, kind: ProblemKind::Edit, detail });
    }
    if let Some(Problem { kind: ProblemKind::Edit, seq, .. }) = chain.problem {
        chain.problem = reordered(&connection, seq).or(chain.problem);
    }
    Ok(Verification::of(&chain, &held, &keys, trusted))
}

impl Verification {
    fn of(chain: &Chain, held: &[Held], keys: &[CheckpointPublicKey], trusted: &Trusted) -> Self {
        let mut sealed = Sealed { lost: chain.lost, ..Sealed::default() };
        let mut problem = chain.problem.clone();
        // Who knows the keys of witnesses alone cannot check what the journal's own key signed.
        let is_witness = |key| held.iter().any(|held| held.note().is_some_and(|note| note.witnessed_by(key).is_some()));
        let by_witnesses = keys.iter().all(is_witness);
        for held in held {
            let found = held.against(chain, keys, by_witnesses, &mut sealed);
            problem = problem.or(found);
        }
        if problem.is_none() && !trusted.keys.is_empty() && sealed.signed == 0 && chain.events > 0 {
            let detail = "no checkpoint of this journal was signed by a key that was named".to_owned();
            problem = Some(Problem { seq: 1, kind: ProblemKind::Unsigned, detail });
        }
        let Sealed { witnesses, unchecked, .. } = &mut sealed;
        unchecked.retain(|name| !witnesses.contains(name));
        Self {
            ok: problem.is_none(),
            events: chain.events,
            head: hex::encode(chain.head),
            root: hex::encode(chain.tree.root()),
            sealed,
            problem,
        }
    }
}

/// A checkpoint, wherever it was kept.
struct Held {
    seq: u64,
    at: Option<DateTime<Utc>>,
    hash: Option<String>,
    signed: Option<Result<SignedCheckpoint, String>>,
    elsewhere: bool,
    /// Whether the signature is looked at.
    newest: bool,
}

impl Held {
    fn read(journal: &Path, trusted: &Trusted) -> Result<Vec<Self>, JournalError> {
        let own = checkpoint_path(journal);
        let of = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Checkpoints { path, source }
        };
        let mut held = Self::lines(&own, judge_lines(&own).map_err(of(&own))?, false);
        for place in &trusted.checkpoints {
            let files = if place.is_dir() { files_in(place).map_err(of(place))? } else { vec![place.clone()] };
            for file in files {
                held.extend(Self::file(&file).map_err(of(&file))?);
            }
        }
        Ok(held)
    }

    fn lines(path: &Path, lines: Vec<Result<CheckpointLine, usize>>, elsewhere: bool) -> Vec<Self> {
        let older = lines.len().saturating_sub(SIGNATURES);
        let first = lines.iter().position(|line| line.as_ref().is_ok_and(|line| line.note.is_some()));
        let mut before = 1;
        let held = lines.into_iter().enumerate().map(|(number, line)| match line {
            Ok(line) => {
                before = line.seq.max(1);
                Self::line(line, elsewhere, number >= older || Some(number) == first)
            }
            Err(number) => {
                let why = format!("line {number} of {} is none", path.display());
                Self { seq: before, at: None, hash: None, signed: Some(Err(why)), elsewhere, newest: true }
            }
        });
        held.collect()
    }

    /// What was signed, where its signatures are looked at.
    fn note(&self) -> Option<&SignedCheckpoint> {
        self.signed.as_ref()?.as_ref().ok().filter(|_| self.newest)
    }

    fn line(line: CheckpointLine, elsewhere: bool, newest: bool) -> Self {
        let signed = line.note.map(|note| {
            let signed = SignedCheckpoint::parse(&note).map_err(|error| error.to_string())?;
            let same = signed.checkpoint.size == line.seq;
            same.then_some(signed).ok_or_else(|| "it is about another event".to_owned())
        });
        Self { seq: line.seq, at: Some(line.at), hash: Some(line.hash), signed, elsewhere, newest }
    }

    /// A file that was kept elsewhere: the lines of such a file, or one signed checkpoint.
    fn file(path: &Path) -> io::Result<Vec<Self>> {
        let lines = judge_lines(path)?;
        if lines.iter().any(Result::is_ok) {
            return Ok(Self::lines(path, lines, true));
        }
        let text = fs::read_to_string(path)?;
        let signed =
            SignedCheckpoint::parse(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let seq = signed.checkpoint.size;
        Ok(vec![Self { seq, at: None, hash: None, signed: Some(Ok(signed)), elsewhere: true, newest: true }])
    }

    /// Holds it against the journal, and counts it where it fits.
    fn against(
        &self,
        chain: &Chain,
        keys: &[CheckpointPublicKey],
        by_witnesses: bool,
        sealed: &mut Sealed,
    ) -> Option<Problem> {
        let problem = |kind, detail: String| Some(Problem { seq: self.seq, kind, detail });
        if let Some(Err(why)) = &self.signed {
            return problem(ProblemKind::Signature, format!("the checkpoint at event {} is spoilt: {why}", self.seq));
        }
        let note = self.note();
        let witnesses: Vec<&str> =
            keys.iter().filter_map(|key| note?.witnessed_by(key)).map(|(name, _)| name).collect();
        let by_trusted =
            !witnesses.is_empty() || note.is_some_and(|note| keys.iter().any(|key| note.is_signed_by(key)));
        if note.is_some() && !by_trusted && !by_witnesses {
            let detail = format!("the checkpoint at event {} was not signed by a key that is trusted", self.seq);
            return problem(ProblemKind::Signature, detail);
        }
        if self.seq > chain.last {
            return Some(Problem::cut_tail(chain.last, self.seq));
        }
        // What the chain's own problem hides is not the checkpoint's.
        let mark = chain.marks.get(&self.seq)?;
        let other_hash = self.hash.as_ref().is_some_and(|hash| *hash != hex::encode(mark.hash));
        let signed = self.signed.as_ref().and_then(|signed| signed.as_ref().ok());
        if other_hash || signed.is_some_and(|signed| signed.checkpoint.root != mark.root) {
            return match self.at {
                Some(at) => Some(Problem::rewritten(self.seq, at)),
                None => {
                    let detail = format!("the first {} events are not those that a checkpoint saw", self.seq);
                    problem(ProblemKind::Rewritten, detail)
                }
            };
        }
        sealed.elsewhere += u64::from(self.elsewhere);
        sealed.unsigned += u64::from(self.signed.is_none());
        if let Some(signed) = signed {
            sealed.witnesses.extend(witnesses.iter().map(|name| (*name).to_owned()));
            sealed.unchecked.extend(signed.others().filter(|name| !witnesses.contains(name)).map(str::to_owned));
            if by_trusted {
                sealed.signed += 1;
                sealed.since = match (sealed.since, mark.at) {
                    (Some(since), Some(at)) => Some(since.min(at)),
                    (since, at) => since.or(at),
                };
                if self.seq >= sealed.up_to {
                    sealed.up_to = self.seq;
                    sealed.origin = Some(signed.checkpoint.origin.clone());
                }
            }
        }
        None
    }
}

/// The files of a folder that hold checkpoints, by the endings of their names.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "checkpoints" || ending == "checkpoint") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What the events themselves say.
#[derive(Default)]
struct Chain {
    /// The last event that is there.
    last: u64,
    /// Events that were read.
    events: u64,
    /// Hash of the last one that is right.
    head: Hash,
    tree: Frontier,
    /// What a checkpoint of this size should say.
    marks: BTreeMap<u64, Mark>,
    /// What an engine said last of checkpoints that are lost.
    lost: Option<u64>,
    problem: Option<Problem>,
}

struct Mark {
    hash: Hash,
    root: Hash,
    /// When its last event was recorded.
    at: Option<DateTime<Utc>>,
}

impl Chain {
    /// Reads all events, with as many threads as there is work for.
    fn read(path: &Path, connection: &Connection, last: u64, marks: &BTreeSet<u64>) -> rusqlite::Result<Self> {
        let pieces = last.div_ceil(PIECE);
        let (next, bad) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        let work = |connection: &Connection| {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= pieces || number > bad.load(Ordering::Relaxed) {
                    return Ok(done);
                }
                let piece = Piece::read(connection, number, last, marks)?;
                if piece.problem.is_some() {
                    bad.fetch_min(number, Ordering::Relaxed);
                }
                done.push(piece);
            }
        };
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        let others = threads.min(usize::try_from(pieces).unwrap_or(THREADS)).saturating_sub(1);
        let done: Vec<rusqlite::Result<Vec<Piece>>> = thread::scope(|scope| {
            let others: Vec<_> = (0..others).map(|_| scope.spawn(|| work(&open_read_only(path)?))).collect();
            let own = work(connection);
            let others = others.into_iter().map(|other| match other.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            std::iter::once(own).chain(others).collect()
        });
        let mut pieces = Vec::new();
        for done in done {
            pieces.extend(done?);
        }
        pieces.sort_by_key(|piece| piece.number);
        let mut chain = Self { last, ..Self::default() };
        for piece in pieces {
            if !chain.take(piece) {
                break;
            }
        }
        Ok(chain)
    }

    /// Puts the next piece behind those before it; false when there is no use in going on.
    fn take(&mut self, piece: Piece) -> bool {
        if piece.prev.is_some_and(|prev| prev != self.head) {
            self.problem = Some(Problem::astray(piece.number * PIECE + 1));
            return false;
        }
        self.lost = piece.lost.or(self.lost);
        for (seq, hash, within, at) in piece.marks {
            let mut tree = self.tree.clone();
            tree.append(&within);
            self.marks.insert(seq, Mark { hash, root: tree.root(), at });
        }
        self.tree.append(&piece.tree);
        self.events = piece.events;
        self.head = piece.head.unwrap_or(self.head);
        self.problem = piece.problem;
        self.problem.is_none()
    }
}

/// A stretch of events that was checked for itself.
struct Piece {
    number: u64,
    /// The hash that its first event says stands before it, and the hash of its last.
    prev: Option<Hash>,
    head: Option<Hash>,
    events: u64,
    tree: Frontier,
    marks: Vec<(u64, Hash, Frontier, Option<DateTime<Utc>>)>,
    lost: Option<u64>,
    problem: Option<Problem>,
}

impl Piece {
    fn read(connection: &Connection, number: u64, last: u64, marks: &BTreeSet<u64>) -> rusqlite::Result<Self> {
        let from = number * PIECE;
        let to = last.min(from + PIECE);
        let mut piece = Self {
            number,
            prev: None,
            head: None,
            events: from,
            tree: Frontier::default(),
            marks: Vec::new(),
            lost: None,
            problem: None,
        };
        let mut marks = marks.range(from + 1..=to).peekable();
        let mut query = connection.prepare_cached(
            "SELECT seq, cause, at, actor, kind, body, prev, hash FROM events WHERE seq > ? AND seq <= ? ORDER BY seq",
        )?;
        let mut rows = query.query([from, to])?;
        while let Some(row) = rows.next()? {
            let seq: u64 = row.get(0)?;
            if seq != piece.events + 1 {
                piece.problem = Some(Problem::gap(piece.events + 1, seq));
                return Ok(piece);
            }
            piece.events = seq;
            let texts = [text(row.get_ref(2)?), text(row.get_ref(3)?), text(row.get_ref(4)?), text(row.get_ref(5)?)];
            let (prev, stored) = (blob(row.get_ref(6)?), blob(row.get_ref(7)?));
            let [Some(at), Some(actor), Some(kind), Some(body)] = texts else {
                piece.problem = Some(Problem::edit(seq, "not text"));
                return Ok(piece);
            };
            let hash = hash_of(prev, seq, row.get(1)?, [at, actor, kind, body]);
            if *stored != hash {
                piece.problem = Some(Problem::edit(seq, kind));
                return Ok(piece);
            }
            match piece.head {
                None => piece.prev = prev.try_into().ok(),
                Some(head) if *prev != head => {
                    piece.events = seq - 1;
                    piece.problem = Some(Problem::astray(seq));
                    return Ok(piece);
                }
                Some(_) => {}
            }
            if kind == "checkpointsLost" {
                piece.lost = serde_json::from_str(body).ok().map(|Lost { before }| before).or(piece.lost);
            }
            piece.head = Some(hash);
            piece.tree.push(leaf(&hash), |_, _| {});
            if marks.next_if_eq(&&seq).is_some() {
                let at = DateTime::parse_from_rfc3339(at).ok().map(|at| at.with_timezone(&Utc));
                piece.marks.push((seq, hash, piece.tree.clone(), at));
            }
        }
        if piece.events < to {
            piece.problem = Some(Problem::gap(piece.events + 1, to + 1));
        }
        Ok(piece)
    }
}

/// What an event says of checkpoints that are lost.
#[derive(Deserialize)]
struct Lost {
    before: u64,
}

fn text(value: ValueRef<'_>) -> Option<&str> {
    value.as_str().ok()
}

fn blob(value: ValueRef<'_>) -> &[u8] {
    value.as_blob().unwrap_or_default()
}

/// An event whose hash is right for another place was moved from there.
fn reordered(connection: &Connection, seq: u64) -> Option<Problem> {
    let last: u64 = connection.query_row("SELECT max(seq) FROM events", [], |row| row.get(0)).ok()?;
    let mut moved = None;
    for_each_row(connection, seq - 1, |row| {
        moved = Some(row);
        false
    })
    .ok()?;
    let row = moved.filter(|row| row.seq == seq)?;
    let place = (1..=last).find(|place| row_hash(&row, *place)[..] == row.hash[..])?;
    let detail = format!("at event {seq} stands what was recorded as event {place}");
    Some(Problem { seq, kind: ProblemKind::Reorder, detail })
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc};

    use chrono::{DateTime, Utc};
    use rusqlite::Connection;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::{
        domain::{Actor, Event, State},
        store::{CheckpointKey, Draft, Journal, tree},
    };

    fn time() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn written(events: u64) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let (mut journal, _) = Journal::open(&path).unwrap();
        for number in 0..events {
            let event = Event::AutomationHalted { reason: format!("reason {number}") };
            journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
            journal.commit().unwrap();
        }
        journal.checkpoint(time()).unwrap();
        (folder, path)
    }

    fn tamper(path: &Path, sql: &str) {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch("DROP TRIGGER events_are_never_changed; DROP TRIGGER events_are_never_deleted;")
            .unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn found(path: &Path) -> (ProblemKind, u64) {
        let verification = verify_file(path).unwrap();
        assert!(!verification.ok);
        let problem = verification.problem.unwrap();
        (problem.kind, problem.seq)
    }

    #[test]
    fn an_untouched_journal_verifies_and_replays() {
        let (_folder, path) = written(10);
        let verification = verify_file(&path).unwrap();
        assert!(verification.ok);
        assert_eq!(verification.events, 10);
        let (_, state) = Journal::open(&path).unwrap();
        assert_eq!(state.halted.as_deref(), Some("reason 9"));
    }

    #[test]
    fn an_edited_event_is_named() {
        let (_folder, path) = written(10);
        tamper(&path, "UPDATE events SET body = replace(body, 'reason 4', 'reason X') WHERE seq = 5");
        assert_eq!(found(&path), (ProblemKind::Edit, 5));
        let Err(JournalError::Damaged { problem, .. }) = Journal::open(&path) else { panic!("opened") };
        assert_eq!(problem.seq, 5);
    }

    #[test]
    fn a_changed_time_actor_or_cause_is_an_edit_too() {
        for change in ["at = '2026-01-01T00:00:00.000000Z'", "actor = '\"operator:eve\"'", "cause = 1"] {
            let (_folder, path) = written(3);
            tamper(&path, &format!("UPDATE events SET {change} WHERE seq = 2"));
            assert_eq!(found(&path), (ProblemKind::Edit, 2), "{change}");
        }
    }

    #[test]
    fn a_missing_event_is_a_gap() {
        let (_folder, path) = written(10);
        tamper(&path, "DELETE FROM events WHERE seq = 6");
        assert_eq!(found(&path), (ProblemKind::Gap, 6));
    }

    #[test]
    fn swapped_events_are_told_from_edited_ones() {
        let (_folder, path) = written(10);
        tamper(
            &path,
            "UPDATE events SET seq = 100 WHERE seq = 3; UPDATE events SET seq = 3 WHERE seq = 7;
             UPDATE events SET seq = 7 WHERE seq = 100;",
        );
        assert_eq!(found(&path), (ProblemKind::Reorder, 3));
    }

    #[test]
    fn a_cut_tail_shows_against_the_checkpoint() {
        let (_folder, path) = written(10);
        tamper(&path, "DELETE FROM events WHERE seq > 8");
        assert_eq!(found(&path), (ProblemKind::CutTail, 9));
        assert!(matches!(Journal::open(&path), Err(JournalError::Damaged { .. })));
    }

    #[test]
    fn a_chain_written_anew_shows_against_the_checkpoint() {
        let (folder, path) = written(10);
        let (_other, forged) = written(0);
        let (mut journal, _) = Journal::open(&forged).unwrap();
        for _ in 0..10 {
            let event = Event::AutomationReleased;
            journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
        }
        journal.commit().unwrap();
        drop(journal);
        Connection::open(&forged).unwrap().pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).unwrap();
        std::fs::remove_file(folder.path().join("journal.db-wal")).ok();
        std::fs::copy(&forged, &path).unwrap();
        assert_eq!(found(&path), (ProblemKind::Rewritten, 10));
    }

    #[test]
    fn a_kept_state_saves_the_replay_and_a_spoilt_one_is_not_trusted() {
        let (_folder, path) = written(30);
        let key = Arc::new(CheckpointKey::fresh().unwrap());
        let (mut journal, state) = Journal::open(&path).unwrap();
        journal.keep_state(&state).unwrap();
        assert_eq!(journal.events_since_state(), 30, "nothing is kept without a key");
        journal.seal_with("codeblue/ward/01234567".to_owned(), key.clone());
        journal.keep_state(&state).unwrap();
        let head = journal.head();
        drop(journal);
        let (journal, again) = Journal::open_with(&path, &key).unwrap();
        assert_eq!((again, journal.events_since_state(), journal.head()), (state.clone(), 0, head));
        drop(journal);
        let other = CheckpointKey::fresh().unwrap();
        assert_eq!(Journal::open_with(&path, &other).unwrap().0.events_since_state(), 30, "kept with another key");

        // A state that somebody wrote who has no key, with all that needs none.
        let forged = serde_json::to_string(&state).unwrap().replace("reason 29", "lie");
        let digest: [u8; 32] = Sha256::digest(&forged).into();
        let connection = Connection::open(&path).unwrap();
        connection.execute("UPDATE states SET body = ?, digest = ?", rusqlite::params![forged, digest]).unwrap();
        let (journal, replayed) = Journal::open_with(&path, &key).unwrap();
        assert_eq!((replayed, journal.events_since_state(), journal.head()), (state, 30, head));
    }

    #[test]
    fn a_spoilt_cache_of_the_tree_is_made_anew_and_never_signed_for() {
        let (_folder, path) = written(0);
        let key = Arc::new(CheckpointKey::fresh().unwrap());
        let more = |events: u64| {
            let (mut journal, _) = Journal::open_with(&path, &key).unwrap();
            journal.seal_with("codeblue/ward/01234567".to_owned(), key.clone());
            for _ in 0..events {
                let event = Event::AutomationReleased;
                journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
            }
            journal.commit().unwrap();
            journal
        };
        let mut journal = more(600);
        journal.checkpoint(time()).unwrap();
        journal.keep_state(&State { seq: 600, ..State::default() }).unwrap();
        let head = journal.head();
        drop(journal);
        let spoil = |place: u64| {
            let connection = Connection::open(&path).unwrap();
            connection.execute("UPDATE tree SET hash = zeroblob(32) WHERE height = 8 AND place = ?", [place]).unwrap();
        };
        for place in [0, 1] {
            spoil(place);
            let journal = more(0);
            assert_eq!(journal.head(), head, "node {place}");
            assert_eq!(tree::root(journal.connection(), 0, 600).unwrap(), head.1, "and mended");
        }
        let head = more(500).head();
        spoil(3);
        let mut journal = more(0);
        assert_eq!(journal.head(), head);
        journal.checkpoint(time()).unwrap();
        assert!(verify_file(&path).unwrap().ok, "the root of the spoilt cache would be another");
    }

    #[test]
    fn what_was_not_committed_is_not_there() {
        let (_folder, path) = written(2);
        let (mut journal, _) = Journal::open(&path).unwrap();
        let event = Event::AutomationReleased;
        journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
        drop(journal);
        let (journal, state) = Journal::open(&path).unwrap();
        assert_eq!((journal.seq(), state.halted.is_some()), (2, true));
        assert_ne!(state, State::default());
    }

    #[test]
    fn the_head_is_wanted_signed_at_once_after_what_matters() {
        let (_folder, path) = written(3);
        let (mut journal, _) = Journal::open(&path).unwrap();
        let mut wants = |event: Event| {
            journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
            journal.commit().unwrap();
            let wants = journal.wants_checkpoint();
            journal.checkpoint(time()).unwrap();
            wants
        };
        let change = crate::domain::ChangeId(1);
        assert!(!wants(Event::AutomationReleased));
        assert!(wants(Event::ChangeRejected { change, reason: "no".to_owned() }));
        assert!(!wants(Event::AutomationReleased));
        let (operator, reason) = ("alice".to_owned(), "later".to_owned());
        assert!(wants(Event::ApprovalRevoked { change, operator, reason }));
    }

    #[test]
    fn a_file_that_is_no_journal_gets_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        std::fs::write(&path, "not a database, but long enough to look at").unwrap();
        let message = Journal::open(&path).err().unwrap().to_string();
        assert!(message.contains("move it aside"), "{message}");
    }
}
