//! The chain and the tree of a journal, checked in one reading: in pieces of 65,536 events that several threads take in turn.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, types::ValueRef};
use serde::Deserialize;

use super::{
    journal::{Judged, Row, WITHOUT_TEXTS, for_each_row, hash_of, judge, open_read_only, row_hash, source},
    merkle::{Frontier, Hash, leaf},
    verify::{Payloads, Problem, ProblemKind},
};

/// Events in a piece: a subtree of the tree.
const PIECE: u64 = 1 << 16;
/// More threads than this only wait for the disk.
const THREADS: usize = 4;

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

/// What the events themselves say.
#[derive(Default)]
pub(super) struct Chain {
    /// The last event that is there.
    pub(super) last: u64,
    /// Events that were read.
    pub(super) events: u64,
    /// Hash of the last one that is right.
    pub(super) head: Hash,
    pub(super) tree: Frontier,
    /// What a checkpoint of this size should say.
    pub(super) marks: BTreeMap<u64, Mark>,
    /// What an engine said last of checkpoints that are lost.
    pub(super) lost: Option<u64>,
    /// Events that say their texts were purged, and those whose texts are gone, with how many they were.
    purged: BTreeSet<u64>,
    gone: Vec<(u64, u64)>,
    pub(super) payloads: Payloads,
    /// The first text that stands beside no event.
    pub(super) astray: Option<u64>,
    pub(super) problem: Option<Problem>,
}

pub(super) struct Mark {
    pub(super) hash: Hash,
    pub(super) root: Hash,
    /// When its last event was recorded.
    pub(super) at: Option<DateTime<Utc>>,
}

impl Chain {
    /// Reads all events, with as many threads as there is work for.
    pub(super) fn read(
        path: &Path,
        connection: &Connection,
        last: u64,
        marks: &BTreeSet<u64>,
    ) -> rusqlite::Result<Self> {
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
        chain.account(connection)?;
        Ok(chain)
    }

    /// Holds the texts that are gone against what was purged.
    fn account(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if source(connection)? == WITHOUT_TEXTS || self.problem.is_some() {
            return Ok(());
        }
        for (seq, number) in &self.gone {
            if !self.purged.contains(seq) {
                self.problem = Some(Problem::text_gone(*seq));
                return Ok(());
            }
            self.payloads.purged += number;
        }
        let mut left = connection.prepare("SELECT count(*) FROM payloads WHERE seq = ? AND trim(texts) <> ''")?;
        for seq in &self.purged {
            self.payloads.due += left.query_row([seq], |row| row.get::<_, u64>(0))?;
        }
        let astray = "SELECT min(seq) FROM payloads WHERE seq > ? OR seq < 1";
        let astray: Option<i64> = connection.query_row(astray, [self.last], |row| row.get(0))?;
        self.astray = astray.map(|seq| u64::try_from(seq).unwrap_or(1));
        Ok(())
    }

    /// Puts the next piece behind those before it; false when there is no use in going on.
    fn take(&mut self, piece: Piece) -> bool {
        if piece.prev.is_some_and(|prev| prev != self.head) {
            self.problem = Some(Problem::astray(piece.number * PIECE + 1));
            return false;
        }
        self.lost = piece.lost.or(self.lost);
        self.purged.extend(piece.purged);
        self.gone.extend(piece.gone);
        self.payloads.present += piece.present;
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
    purged: Vec<u64>,
    gone: Vec<(u64, u64)>,
    present: u64,
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
            purged: Vec::new(),
            gone: Vec::new(),
            present: 0,
            problem: None,
        };
        let mut marks = marks.range(from + 1..=to).peekable();
        let mut query = connection.prepare_cached(&format!(
            "SELECT seq, cause, at, actor, kind, body, prev, hash, secret, texts FROM {} WHERE seq > ? AND seq <= ? ORDER BY seq",
            source(connection)?
        ))?;
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
            match kind {
                "checkpointsLost" => {
                    piece.lost = serde_json::from_str(body).ok().map(|Lost { before }| before).or(piece.lost);
                }
                "payloadsPurged" => {
                    piece.purged.extend(serde_json::from_str(body).map(|Purged { seqs }| seqs).unwrap_or_default());
                }
                _ => {}
            }
            let (secret, texts) = (row.get_ref(8)?, row.get_ref(9)?);
            let stored = secret.as_blob().ok().map(|secret| (secret, text(texts).unwrap_or("no text")));
            match judge(seq, kind, body, stored) {
                Judged::Whole(number) => piece.present += number,
                Judged::Gone(0) => {}
                Judged::Gone(number) => piece.gone.push((seq, number)),
                Judged::Changed => {
                    piece.problem = Some(Problem::text_changed(seq));
                    return Ok(piece);
                }
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

/// What an event says of texts that were purged.
#[derive(Deserialize)]
struct Purged {
    seqs: Vec<u64>,
}

fn text(value: ValueRef<'_>) -> Option<&str> {
    value.as_str().ok()
}

fn blob(value: ValueRef<'_>) -> &[u8] {
    value.as_blob().unwrap_or_default()
}

/// An event whose hash is right for another place was moved from there.
pub(super) fn reordered(connection: &Connection, seq: u64) -> Option<Problem> {
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
