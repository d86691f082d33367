//! The tree's inner nodes in the journal's file, so that a proof about a million events reads a few hundred rows.
//!
//! Of the complete subtrees only those of 256 and of 65,536 leaves are kept. They follow from the events: what is missing is made anew,
//! and no verification relies on them.

use rusqlite::{Connection, Transaction, params};

use super::merkle::{Frontier, Hash, leaf};

/// Heights of the nodes that are kept, the highest first.
const KEPT: [u32; 2] = [16, 8];

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS tree (
    height INTEGER NOT NULL,
    place  INTEGER NOT NULL,
    hash   BLOB NOT NULL,
    PRIMARY KEY (height, place)
) STRICT, WITHOUT ROWID";

/// A node that is to be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    height: u32,
    place: u64,
    hash: Hash,
}

/// Adds the leaf of an event to a tree, and what is to be kept of it to `nodes`.
pub(super) fn grow(tree: &mut Frontier, chain: &Hash, nodes: &mut Vec<Node>) {
    let size = tree.size() + 1;
    tree.push(leaf(chain), |height, hash| {
        if KEPT.contains(&height) {
            nodes.push(Node { height, place: (size >> height) - 1, hash: *hash });
        }
    });
}

/// Writes nodes into the journal's file.
pub(super) fn keep(transaction: &Transaction<'_>, nodes: &[Node]) -> rusqlite::Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT OR REPLACE INTO tree (height, place, hash) VALUES (?, ?, ?)")?;
    for Node { height, place, hash } in nodes {
        insert.execute(params![height, place, hash])?;
    }
    Ok(())
}

/// Makes room for nodes where an older version left none.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(SCHEMA)
}

/// Makes what is kept anew where it does not fit the tree over all events, as after an older version wrote or somebody spoilt it.
pub(super) fn mend(connection: &mut Connection, tree: &Frontier) -> rusqlite::Result<()> {
    let last = tree.size();
    let mut fits = true;
    for height in KEPT {
        let count = "SELECT count(*), coalesce(max(place) + 1, 0) FROM tree WHERE height = ?";
        let (count, end): (u64, u64) = connection.query_row(count, [height], |row| Ok((row.get(0)?, row.get(1)?)))?;
        fits &= count == last >> height && end == count;
    }
    if fits && root(connection, 0, last)? == tree.root() {
        return Ok(());
    }
    make_anew(connection, last)
}

/// Makes what is kept anew from the events.
pub(super) fn make_anew(connection: &mut Connection, last: u64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM tree", [])?;
    let (mut tree, mut nodes) = (Frontier::default(), Vec::new());
    {
        let mut query = transaction.prepare("SELECT hash FROM events WHERE seq > 0 AND seq <= ? ORDER BY seq")?;
        let mut rows = query.query([last])?;
        while let Some(row) = rows.next()? {
            grow(&mut tree, &row.get(0)?, &mut nodes);
        }
    }
    keep(&transaction, &nodes)?;
    transaction.commit()
}

/// The root over the leaves from `from` to before `to`, as the proofs of RFC 6962 ask for it: `from` is a multiple of the
/// largest subtree in the range.
pub(super) fn root(connection: &Connection, from: u64, to: u64) -> rusqlite::Result<Hash> {
    range(connection, from, to).map(|range| range.root())
}

/// The tree over these leaves, with the nodes that are kept: only a root that is known from elsewhere says that they are right.
pub(super) fn range(connection: &Connection, from: u64, to: u64) -> rusqlite::Result<Frontier> {
    let mut tree = Frontier::default();
    let mut done = from;
    for height in KEPT {
        let wanted = (to - done) >> height;
        if wanted == 0 || !done.is_multiple_of(1 << height) {
            continue;
        }
        let mut query = connection
            .prepare_cached("SELECT hash FROM tree WHERE height = ? AND place >= ? AND place < ? ORDER BY place")?;
        let first = done >> height;
        let nodes: Vec<Hash> =
            query.query_map(params![height, first, first + wanted], |row| row.get(0))?.collect::<Result<_, _>>()?;
        if nodes.len() as u64 == wanted {
            nodes.into_iter().for_each(|node| tree.push_subtree(height, node, |_, _| {}));
            done += wanted << height;
        }
    }
    let mut query = connection.prepare_cached("SELECT hash FROM events WHERE seq > ? AND seq <= ? ORDER BY seq")?;
    let mut rows = query.query([done, to])?;
    while let Some(row) = rows.next()? {
        tree.push(leaf(&row.get::<_, Hash>(0)?), |_, _| {});
    }
    Ok(tree)
}
