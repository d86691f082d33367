//! Opening a journal: what led to the state is replayed and checked, from the newest state that was kept.

use std::{path::Path, time::Duration};

use rusqlite::Connection;

use super::{
    FORMAT, Head, Journal, JournalError, SCHEMA, STATES,
    payload::{self, Judged, any_left, judge, overwrite_log},
    row::{for_each_row, recorded},
};
use crate::{
    domain::{State, apply},
    store::{
        chain::check_rows,
        checkpoints::{CheckpointLine, checkpoint_path, first_checkpoint, newest_checkpoint},
        merkle::{Frontier, Hash, leaf},
        note::SignedCheckpoint,
        seal::{CheckpointKey, public_keys},
        tree,
        verify::Problem,
        views,
    },
};

impl Journal {
    /// Opens a journal, or begins one, and gives the state its events lead to. All of them are replayed, and their chain is
    /// checked.
    ///
    /// # Errors
    /// When the file cannot be read, was written by a later version, or is damaged. It is not changed then.
    pub fn open(path: &Path) -> Result<(Self, State), JournalError> {
        Self::read(path, None)
    }

    /// Opens a journal with the key it is kept with. Only the events after the newest state that was kept with this key are
    /// replayed and checked; the rest is checked by [`super::verify_file`].
    ///
    /// # Errors
    /// When the file cannot be read, was written by a later version, or is damaged. It is not changed then.
    pub fn open_with(path: &Path, key: &CheckpointKey) -> Result<(Self, State), JournalError> {
        Self::read(path, Some(key))
    }

    fn read(path: &Path, key: Option<&CheckpointKey>) -> Result<(Self, State), JournalError> {
        let storage = |source| JournalError::Storage { path: path.to_owned(), source };
        let mut connection = Connection::open(path).map_err(storage)?;
        connection.busy_timeout(Duration::from_secs(5)).map_err(storage)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(storage)?;
        if version > FORMAT {
            return Err(JournalError::TooNew { path: path.to_owned(), found: version });
        }
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(storage)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(storage)?;
        // What is deleted is overwritten.
        connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(())).map_err(storage)?;
        if version < FORMAT {
            let begin = [SCHEMA, STATES, payload::SCHEMA].concat();
            let begin = format!("BEGIN; {begin} PRAGMA user_version = {FORMAT}; COMMIT;");
            connection.execute_batch(&begin).map_err(storage)?;
        }
        tree::prepare(&connection).map_err(storage)?;
        views::make(&connection).map_err(storage)?;
        let kept = key.map(|key| newest_state(&connection, key)).transpose().map_err(storage)?.flatten();
        let Kept { mut state, hash, mut tree } = kept.unwrap_or_default();
        let (last_state, mut link) = (state.seq, (state.seq, hash));
        let damaged = |problem| JournalError::Damaged { path: path.to_owned(), problem };
        let (mut problem, mut gone) = (None, Vec::new());
        for_each_row(&connection, state.seq, |row| {
            let checked = check_rows(&row, link).and_then(|hash| {
                let stored = row.stored.as_ref().map(|stored| (&stored.secret[..], &*stored.texts));
                match judge(row.seq, &row.kind, &row.body, stored) {
                    Judged::Changed => return Err(Problem::text_changed(row.seq)),
                    Judged::Gone(1..) => gone.push(row.seq),
                    Judged::Gone(0) | Judged::Whole(_) => {}
                }
                Ok((hash, recorded(&row).map_err(|error| Problem::unreadable(row.seq, &error))?))
            });
            match checked {
                Ok((hash, recorded)) => {
                    apply(&mut state, &recorded);
                    link = (row.seq, hash);
                    tree.push(leaf(&hash), |_, _| {});
                    true
                }
                Err(found) => {
                    problem = Some(found);
                    false
                }
            }
        })
        .map_err(storage)?;
        let unexplained = || gone.iter().find(|seq| !state.evidence.purged.contains(seq));
        if let Some(problem) = problem.or_else(|| unexplained().map(|seq| Problem::text_gone(*seq))) {
            return Err(damaged(problem));
        }
        let (newest, signed) = newest_signed(path, &state, key)?;
        if let Some(newest) = newest.as_ref().filter(|newest| newest.seq > link.0) {
            return Err(damaged(Problem::cut_tail(link.0, newest.seq)));
        }
        tree::mend(&mut connection, &tree).map_err(storage)?;
        if let (Some(newest), Some(signed)) = (&newest, &signed)
            && tree::root(&connection, 0, newest.seq).map_err(storage)? != signed.checkpoint.root
        {
            // What is kept of the tree proves nothing against the events.
            tree::make_anew(&mut connection, link.0).map_err(storage)?;
            if tree::root(&connection, 0, newest.seq).map_err(storage)? != signed.checkpoint.root {
                return Err(damaged(Problem::rewritten(newest.seq, newest.at)));
            }
        }
        let head = Head { seq: link.0, hash: link.1, tree };
        let mut journal = Self {
            path: path.to_owned(),
            connection,
            committed: head.clone(),
            prepared: Vec::new(),
            nodes: Vec::new(),
            tip: head,
            seal: None,
            newest,
            has_signed: signed.is_some(),
            last_state,
            last_moment: 0,
        };
        if any_left(&journal.connection, &state.evidence.purged).map_err(storage)? {
            // The engine before this one ended between saying so and doing so.
            state = journal.purge(&state.evidence.purged)?;
        } else if !state.evidence.purged.is_empty() {
            // Where somebody reads the journal just now, its end or the next start does it: nobody waits for that.
            let _ = overwrite_log(&journal.connection);
        }
        Ok((journal, state))
    }
}

/// The newest line of the file of checkpoints, and what it signs. Where lines are signed, one that is not is from somebody else.
fn newest_signed(
    journal: &Path,
    state: &State,
    key: Option<&CheckpointKey>,
) -> Result<(Option<CheckpointLine>, Option<SignedCheckpoint>), JournalError> {
    let (path, folder) = (checkpoint_path(journal), journal.with_file_name("keys"));
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| JournalError::Checkpoints { path, source }
    };
    let Some(newest) = newest_checkpoint(&path).map_err(unreadable(&path))? else { return Ok((None, None)) };
    let mut keys = public_keys(&folder).map_err(unreadable(&folder))?;
    keys.extend(key.map(CheckpointKey::public));
    let not_signed = || JournalError::NotSigned { path: path.clone(), seq: newest.seq, keys: folder.clone() };
    let Some(note) = &newest.note else {
        let signed_before = first_checkpoint(&path, |line| line.note.is_some()).map_err(unreadable(&path))?;
        if signed_before.is_some() || names_a_key(&state.engine.origin) {
            return Err(not_signed());
        }
        return Ok((Some(newest), None));
    };
    let signed = SignedCheckpoint::parse(note).map_err(|_| not_signed())?;
    let right = keys.is_empty() || keys.iter().any(|key| signed.is_signed_by(key));
    if !right || signed.checkpoint.size != newest.seq {
        return Err(not_signed());
    }
    Ok((Some(newest), Some(signed)))
}

/// Whether a journal of this name has its checkpoints signed: `codeblue/HOST/KEY`.
pub(super) fn names_a_key(origin: &str) -> bool {
    let mut parts = origin.rsplit('/');
    parts.next().is_some_and(|key| key.len() == 8 && hex::decode(key).is_ok()) && parts.count() == 2
}

/// A state that was kept, and what led to it.
#[derive(Default)]
struct Kept {
    state: State,
    hash: Hash,
    tree: Frontier,
}

/// The newest state that was kept with this key and belongs to these events. The column `digest` has its code; that of older versions
/// needed no key, so what they kept is not used.
fn newest_state(connection: &Connection, key: &CheckpointKey) -> rusqlite::Result<Option<Kept>> {
    let mut query = connection.prepare(
        "SELECT states.seq, states.hash, states.body, states.digest FROM states
         JOIN events ON events.seq = states.seq AND events.hash = states.hash ORDER BY states.seq DESC",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, hash, body, code): (u64, Hash, String, Hash) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let tree = tree::range(connection, 0, seq)?;
        if key.is_state_code(seq, &hash, &tree.root(), &body, &code)
            && let Ok(state) = serde_json::from_str::<State>(&body)
            && state.seq == seq
            && state.drills.are_scored()
        {
            return Ok(Some(Kept { state, hash, tree }));
        }
    }
    Ok(None)
}
