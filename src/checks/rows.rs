//! Rows that may never change, against what they were: damage that no database notices, because every page and every count is as it
//! should be.
//!
//! Of each row a checksum is remembered, not what it holds. What a row was when it was first seen stands until somebody says
//! otherwise: a snapshot of damaged rows can be restored and is proven to be, so no snapshot can be what they are compared with.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use rusqlite::{Connection, types::ValueRef};
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, Error};

use super::{
    outcome::Finding,
    postgres::{begin, told},
    sqlite,
};
use crate::platform::{Baseline, Reading, RowsProbe, count};

/// More rows are not compared: their checksums must fit into memory, and all of them are read in each run.
const MOST: usize = 500_000;
/// So many rows are named.
const NAMED: usize = 3;

/// Where what rows were is kept from run to run.
pub trait Baselines: fmt::Debug + Send + Sync {
    /// What rows were when they were right the last time.
    ///
    /// # Errors
    /// A line that says why that cannot be known.
    fn recall(&self, id: &str) -> Result<Option<Baseline>, String>;

    /// All rows of a component's baseline are right at this time; some are new, some are there no more.
    ///
    /// # Errors
    /// A line that says why it cannot be kept.
    fn settle(
        &self,
        id: &str,
        component: &str,
        at: DateTime<Utc>,
        new: &[(i64, i64)],
        gone: &[i64],
    ) -> Result<(), String>;
}

/// Remembers as long as it lives.
#[derive(Debug, Default)]
pub(super) struct Volatile(Mutex<BTreeMap<String, Baseline>>);

impl Baselines for Volatile {
    fn recall(&self, id: &str) -> Result<Option<Baseline>, String> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned())
    }

    fn settle(
        &self,
        id: &str,
        _component: &str,
        at: DateTime<Utc>,
        new: &[(i64, i64)],
        gone: &[i64],
    ) -> Result<(), String> {
        let mut baselines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = Baseline { right_at: at, restored: false, rows: BTreeMap::new() };
        let baseline = baselines.entry(id.to_owned()).or_insert(first);
        (baseline.right_at, baseline.restored) = (at, false);
        baseline.rows.extend(new.iter().copied());
        baseline.rows.retain(|key, _| !gone.contains(key));
        Ok(())
    }
}

/// The rows as they are.
#[derive(Debug)]
pub(super) struct Live {
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    key: i64,
    content: i64,
    /// Its key, where that is a number: any other may be somebody's name.
    number: Option<i64>,
}

/// Looks into a file.
pub(super) fn in_file(
    path: &Path,
    probe: &RowsProbe,
    baselines: &dyn Baselines,
    deadline: Instant,
    now: DateTime<Utc>,
) -> Finding {
    sqlite::look(path, deadline, |connection| {
        Ok(match read_file(connection, probe)? {
            Ok(live) => compare(probe, &live, baselines, now),
            Err(why) => Finding::bad(why),
        })
    })
}

fn read_file(connection: &Connection, probe: &RowsProbe) -> rusqlite::Result<Result<Live, String>> {
    let mut known = connection.prepare("SELECT name, pk FROM pragma_table_info(?1)")?;
    let known: Vec<(String, i64)> =
        known.query_map([&probe.table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    if known.is_empty() {
        return Ok(Err(format!("there is no table {}", probe.table)));
    }
    // A name that no column has would be taken for a text.
    if let Some(missing) = probe.columns.iter().find(|name| !known.iter().any(|(column, _)| column == *name)) {
        return Ok(Err(format!("{} has no column {missing}", probe.table)));
    }
    let columns: Vec<String> = match &probe.columns[..] {
        [] => known.iter().map(|(name, _)| name.clone()).collect(),
        chosen => chosen.to_vec(),
    };
    let mut keys: Vec<&(String, i64)> = known.iter().filter(|(_, place)| *place > 0).collect();
    keys.sort_by_key(|(_, place)| *place);
    let keys: Vec<String> = match &keys[..] {
        [] => vec!["rowid".to_owned()],
        keys => keys.iter().map(|(name, _)| quoted(name)).collect(),
    };
    let wanted: Vec<String> = keys.iter().cloned().chain(columns.iter().map(|name| quoted(name))).collect();
    let condition = probe.unchanging.as_deref().map(|condition| format!(" WHERE ({condition})")).unwrap_or_default();
    let sql = format!("SELECT {} FROM {}{condition}", wanted.join(", "), quoted(&probe.table));
    let mut statement = connection.prepare(&sql)?;
    if !statement.readonly() {
        return Ok(Err("the condition does more than look".to_owned()));
    }
    let mut found = Vec::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if found.len() == MOST {
            return Ok(Err(too_many(probe)));
        }
        let values = (0..wanted.len()).map(|column| row.get_ref(column)).collect::<rusqlite::Result<Vec<_>>>()?;
        let (key, content) = values.split_at(keys.len());
        let number = match key {
            [ValueRef::Integer(number)] => Some(*number),
            _ => None,
        };
        found.push(Row { key: checksum(key), content: checksum(content), number });
    }
    Ok(Ok(Live { columns, rows: found }))
}

fn checksum(values: &[ValueRef<'_>]) -> i64 {
    let mut hash = Sha256::new();
    for value in values {
        // Kind and length before each value, so that no two rows read alike.
        let (kind, bytes): (u8, &[u8]) = match value {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(number) => (1, &number.to_be_bytes()),
            ValueRef::Real(number) => (2, &number.to_bits().to_be_bytes()),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(blob) => (4, blob),
        };
        hash.update([kind]);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    shortened(&hash.finalize())
}

/// The first 64 bits are enough for what changes by accident.
fn shortened(digest: &[u8]) -> i64 {
    digest.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn too_many(probe: &RowsProbe) -> String {
    format!("{} has more than {MOST} rows that may not change; \"unchanging\" narrows it", probe.table)
}

/// Reads the rows of a server, which makes their checksums itself.
pub(super) async fn in_server(client: &Client, probe: &RowsProbe, deadline: Instant) -> Result<Live, Finding> {
    let read = async {
        begin(client, deadline).await?;
        // The text of a value must not depend on how somebody has set the server up.
        let same = "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; \
            SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL lc_monetary = 'C'";
        client.batch_execute(same).await?;
        read_server(client, probe).await
    };
    match read.await {
        Ok(Ok(live)) => Ok(live),
        Ok(Err(why)) => Err(Finding::bad(why)),
        Err(error) => Err(Finding::bad(told(&error))),
    }
}

async fn read_server(client: &Client, probe: &RowsProbe) -> Result<Result<Live, String>, Error> {
    let table: Option<String> = client.query_one("SELECT to_regclass($1)::text", &[&probe.table]).await?.try_get(0)?;
    let Some(table) = table else { return Ok(Err(format!("there is no table {}", probe.table))) };
    let sql = "SELECT a.attname::text, array_position(i.indkey::int2[], a.attnum), a.atttypid IN (20, 21, 23) \
        FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
        WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let mut known: Vec<(String, Option<i32>, bool)> = Vec::new();
    for row in client.query(sql, &[&probe.table]).await? {
        known.push((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    }
    if let Some(missing) = probe.columns.iter().find(|name| !known.iter().any(|(column, ..)| column == *name)) {
        return Ok(Err(format!("{} has no column {missing}", probe.table)));
    }
    let columns: Vec<String> = match &probe.columns[..] {
        [] => known.iter().map(|(name, ..)| name.clone()).collect(),
        chosen => chosen.to_vec(),
    };
    let mut keys: Vec<_> = known.iter().filter_map(|(name, place, number)| Some(((*place)?, name, *number))).collect();
    keys.sort_unstable();
    let number = match &keys[..] {
        [] => return Ok(Err(format!("{} has no primary key, so its rows cannot be told apart", probe.table))),
        [(_, name, true)] => quoted(name),
        _ => "NULL".to_owned(),
    };
    let digest = |names: Vec<String>| format!("sha256(convert_to(ROW({})::text, 'UTF8'))", names.join(", "));
    let key = digest(keys.iter().map(|(_, name, _)| quoted(name)).collect());
    let content = digest(columns.iter().map(|name| quoted(name)).collect());
    let condition = probe.unchanging.as_deref().map(|condition| format!(" WHERE ({condition})")).unwrap_or_default();
    // Only one statement can be prepared, so that none can end the transaction and go on without it.
    let statement = client.prepare(&format!("SELECT {number}::int8, {key}, {content} FROM {table}{condition}")).await?;
    let rows = client.query_raw(&statement, std::iter::empty::<i32>()).await?;
    tokio::pin!(rows);
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await? {
        if found.len() == MOST {
            return Ok(Err(too_many(probe)));
        }
        let (key, content): (&[u8], &[u8]) = (row.try_get(1)?, row.try_get(2)?);
        found.push(Row { key: shortened(key), content: shortened(content), number: row.try_get(0)? });
    }
    Ok(Ok(Live { columns, rows: found }))
}

/// Whether rows are what they were, and from now on what new ones are.
pub(super) fn compare(probe: &RowsProbe, live: &Live, baselines: &dyn Baselines, now: DateTime<Utc>) -> Finding {
    let id = identity(probe, &live.columns);
    let known = match baselines.recall(&id) {
        Ok(known) => known,
        Err(error) => return forgetful(error),
    };
    let first = known.is_none();
    let known = known.unwrap_or(Baseline { right_at: now, restored: false, rows: BTreeMap::new() });
    let was = |row: &Row| known.rows.get(&row.key).copied();
    let changed: Vec<&Row> = live.rows.iter().filter(|row| was(row).is_some_and(|was| was != row.content)).collect();
    let there: BTreeSet<i64> = live.rows.iter().map(|row| row.key).collect();
    let gone: Vec<i64> = known.rows.keys().filter(|key| !there.contains(key)).copied().collect();
    let lost = !gone.is_empty() && !known.restored;
    if !changed.is_empty() || lost {
        let mut told = Vec::new();
        if !changed.is_empty() {
            told.push(format!("{} changed", named(&changed)));
        }
        if lost {
            told.push(format!("{} gone", count(gone.len(), "row")));
        }
        let (told, since) = (told.join(", "), since(known.right_at, now));
        let figure = f64::from(u32::try_from(changed.len() + gone.len()).unwrap_or(u32::MAX));
        let detail = format!("{told} in {} {since}, which may never happen", probe.table);
        return Finding { figure: Some(figure), ..Finding::bad(detail) };
    }
    let new: Vec<(i64, i64)> =
        live.rows.iter().filter(|row| was(row).is_none()).map(|row| (row.key, row.content)).collect();
    if let Err(error) = baselines.settle(&id, &probe.component, now, &new, &gone) {
        return forgetful(error);
    }
    let all = count(live.rows.len(), "row");
    if first {
        return Finding::good(format!("{all} noted, to be compared from now on"));
    }
    let new = if new.is_empty() { String::new() } else { format!(", {} new", new.len()) };
    let left =
        if gone.is_empty() { String::new() } else { format!(", {} newer than what was brought back", gone.len()) };
    Finding::good(format!("{all} as they were{new}{left}"))
}

/// The rows may well be right; that nobody can tell is a trouble of this engine, not an outage of theirs.
fn forgetful(error: String) -> Finding {
    Finding { reading: Reading::Slow, ..Finding::bad(error) }
}

/// Since when, without a date: that would be hidden as somebody's.
fn since(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match usize::try_from((now - at).num_days()) {
        Ok(days @ 1..) => format!("in the last {}", count(days + 1, "day")),
        _ => format!("since {}", at.format("%H:%M:%S UTC")),
    }
}

/// Rows by number where they have one.
fn named(rows: &[&Row]) -> String {
    let numbers: Vec<String> =
        rows.iter().filter_map(|row| row.number).take(NAMED).map(|key| key.to_string()).collect();
    let rest = rows.len() - numbers.len();
    match (rows.len(), numbers.len()) {
        (all, 0) => count(all, "row"),
        (1, _) => format!("row {}", numbers[0]),
        (all, named) if all == named => format!("rows {}", numbers.join(", ")),
        _ => format!("rows {} and {rest} more", numbers.join(", ")),
    }
}

/// What is compared with what: other columns or another condition begin anew.
fn identity(probe: &RowsProbe, columns: &[String]) -> String {
    let of = (&probe.component, &probe.table, columns, &probe.unchanging, &probe.accepted);
    hex::encode(Sha256::digest(serde_json::to_vec(&of).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc};

    use chrono::TimeDelta;

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{PostgresServer, Probe, RowsDatabase},
        recovery::tests::postgres::Server,
    };

    fn day(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + days)
    }

    fn of(database: RowsDatabase) -> RowsProbe {
        RowsProbe {
            component: "records".to_owned(),
            database,
            table: "doses".to_owned(),
            columns: Vec::new(),
            unchanging: None,
            accepted: None,
        }
    }

    /// A database with 500 doses in a table without an index, and what looks at it.
    struct Clinic {
        folder: tempfile::TempDir,
        prober: Prober,
        memory: Arc<Volatile>,
        probe: RowsProbe,
    }

    impl Clinic {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("records.db");
            let memory = Arc::new(Volatile::default());
            let clinic = Self {
                folder,
                prober: Prober::remembering(Arc::default(), Arc::default(), memory.clone()),
                memory,
                probe: of(RowsDatabase::Sqlite { path }),
            };
            clinic.write(
                "CREATE TABLE doses (id INTEGER PRIMARY KEY, patient TEXT, amount TEXT);
                 INSERT INTO doses SELECT value, 'patient ' || value, 'dose ' || (value + 1000) || ' mg' FROM
                 (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 500) SELECT value FROM n);",
            );
            clinic
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("records.db")
        }

        fn write(&self, sql: &str) {
            Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
        }

        async fn look(&self, probe: &RowsProbe, days: i64) -> Outcome {
            self.prober.probe_at(&check(Probe::Rows(probe.clone())), day(days)).await
        }

        async fn told(&self, days: i64) -> (Reading, String) {
            let outcome = self.look(&self.probe, days).await;
            (outcome.result, outcome.detail)
        }
    }

    fn good(told: &str) -> (Reading, String) {
        (Reading::Good, told.to_owned())
    }

    fn bad(told: &str) -> (Reading, String) {
        (Reading::Bad, told.to_owned())
    }

    #[tokio::test]
    async fn a_flipped_value_is_found_though_the_database_is_sound_and_no_row_is_missing() {
        let clinic = Clinic::new();
        assert_eq!(clinic.told(0).await, good("500 rows noted, to be compared from now on"));
        clinic.write("INSERT INTO doses VALUES (501, 'patient 501', 'dose 1501 mg')");
        assert_eq!(clinic.told(1).await, good("501 rows as they were, 1 new"));
        assert_eq!(clinic.told(2).await, good("501 rows as they were"));

        let bytes = std::fs::read(clinic.path()).unwrap();
        let right = b"dose 1017 mg";
        let mut flipped = bytes.clone();
        // Pages keep what was moved from them to others.
        for at in (0..bytes.len() - right.len()).filter(|at| bytes[*at..].starts_with(right)) {
            flipped[at + 5] = b'9';
        }
        std::fs::write(clinic.path(), &flipped).unwrap();
        let query = Some("SELECT count(*) = 501 FROM doses".to_owned());
        let sound = Probe::Sqlite { path: clinic.path(), query, integrity: true };
        assert_eq!(clinic.prober.probe(&check(sound)).await.result, Reading::Good, "whoever only counts sees nothing");
        for days in [2, 3] {
            let told = format!("row 17 changed in doses in the last {days} days, which may never happen");
            assert_eq!(clinic.told(days + 1).await, bad(&told), "looking again makes it no better");
        }
        std::fs::write(clinic.path(), &bytes).unwrap();
        assert_eq!(clinic.told(5).await, good("501 rows as they were"));
    }

    #[tokio::test]
    async fn rows_that_are_gone_are_missed_unless_an_earlier_state_was_brought_back() {
        let clinic = Clinic::new();
        clinic.told(0).await;
        let copy = std::fs::read(clinic.path()).unwrap();
        clinic.write("INSERT INTO doses VALUES (501, 'x', 'y'), (502, 'x', 'y')");
        clinic.told(1).await;
        std::fs::write(clinic.path(), &copy).unwrap();
        let told = "2 rows gone in doses in the last 2 days, which may never happen";
        assert_eq!(clinic.told(2).await, bad(told));
        for baseline in clinic.memory.0.lock().unwrap().values_mut() {
            baseline.restored = true;
        }
        assert_eq!(clinic.told(3).await, good("500 rows as they were, 2 newer than what was brought back"));
        clinic.write("INSERT INTO doses VALUES (501, 'other', 'z'); DELETE FROM doses WHERE id = 3");
        let told = "1 row gone in doses in the last 2 days, which may never happen";
        assert_eq!(clinic.told(4).await, bad(told), "once is once");
    }

    #[tokio::test]
    async fn what_was_brought_back_must_hold_what_it_held() {
        let clinic = Clinic::new();
        clinic.told(0).await;
        clinic.write("UPDATE doses SET amount = 'dose 9 g' WHERE id IN (4, 5, 6, 7, 400)");
        for baseline in clinic.memory.0.lock().unwrap().values_mut() {
            baseline.restored = true;
        }
        let (reading, told) = clinic.told(1).await;
        assert_eq!(reading, Reading::Bad, "a snapshot of the damage is no remedy");
        assert!(told.starts_with("rows 4, 5, 6 and 2 more changed in doses in the last 2 days"), "{told}");
        let accepted = RowsProbe { accepted: Some("CHG-12: grams".to_owned()), ..clinic.probe.clone() };
        assert_eq!(clinic.look(&accepted, 2).await.detail, "500 rows noted, to be compared from now on");
        assert_eq!(clinic.look(&accepted, 3).await.detail, "500 rows as they were");
    }

    #[tokio::test]
    async fn only_what_may_not_change_is_compared() {
        let clinic = Clinic::new();
        let narrow = RowsProbe {
            columns: vec!["amount".to_owned()],
            unchanging: Some("id <= 100".to_owned()),
            ..clinic.probe.clone()
        };
        assert_eq!(clinic.look(&narrow, 0).await.detail, "100 rows noted, to be compared from now on");
        clinic.write("UPDATE doses SET amount = '' WHERE id > 100; UPDATE doses SET patient = ''");
        assert_eq!(clinic.look(&narrow, 1).await.detail, "100 rows as they were");
        for (probe, told) in [
            (RowsProbe { table: "dose".to_owned(), ..narrow.clone() }, "there is no table dose"),
            (RowsProbe { columns: vec!["unit".to_owned()], ..narrow.clone() }, "doses has no column unit"),
            (RowsProbe { unchanging: Some("unit = 1".to_owned()), ..narrow.clone() }, "no such column: unit"),
        ] {
            let outcome = clinic.look(&probe, 1).await;
            assert_eq!(outcome.result, Reading::Bad);
            assert!(outcome.detail.starts_with(told), "{}", outcome.detail);
        }
    }

    #[tokio::test]
    async fn a_row_that_is_named_by_a_text_is_not_shown() {
        let clinic = Clinic::new();
        clinic.write("CREATE TABLE chart (mrn TEXT PRIMARY KEY, ward TEXT) WITHOUT ROWID; INSERT INTO chart VALUES ('alice', 'A'), ('bob', 'B')");
        let probe = RowsProbe { table: "chart".to_owned(), ..clinic.probe.clone() };
        clinic.look(&probe, 0).await;
        clinic.write("UPDATE chart SET ward = 'C' WHERE mrn = 'bob'");
        let outcome = clinic.look(&probe, 1).await;
        assert!(outcome.detail.starts_with("1 row changed in chart in the last 2 days"), "{}", outcome.detail);
        assert_eq!(outcome.figure, Some(1.0));
    }

    #[tokio::test]
    async fn rows_of_a_postgres_server() {
        let server = Server::start("");
        server.ask(
            "CREATE TABLE doses (id bigint PRIMARY KEY, amount float8, given timestamptz, note text);
             INSERT INTO doses SELECT i, i / 3.0, '2026-01-01'::timestamptz + i * interval '1 h', NULL FROM generate_series(1, 300) i;
             CREATE TABLE loose (amount int); CREATE TABLE \"Odd \"\"name\" (id int PRIMARY KEY)",
        );
        let at = PostgresServer {
            host: server.socket().to_str().unwrap().to_owned(),
            port: 5432,
            user: "postgres".to_owned(),
            password_file: None,
            bin: None,
        };
        let probe = of(RowsDatabase::Postgres { server: at, database: "postgres".to_owned() });
        let prober = Prober::new();
        let look = async |probe: &RowsProbe| prober.probe_at(&check(Probe::Rows(probe.clone())), day(0)).await;
        assert_eq!(look(&probe).await.detail, "300 rows noted, to be compared from now on");
        // How values are written elsewhere is not how they are compared.
        server.ask("ALTER DATABASE postgres SET timezone = 'Asia/Tokyo'; ALTER DATABASE postgres SET datestyle = 'German'; ALTER DATABASE postgres SET extra_float_digits = 0");
        server.ask("INSERT INTO doses VALUES (301, 1, now(), '')");
        assert_eq!(look(&probe).await.detail, "301 rows as they were, 1 new");
        server.ask("UPDATE doses SET note = '' WHERE id = 17");
        let outcome = look(&probe).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.starts_with("row 17 changed in doses since"), "{}", outcome.detail);
        for (table, told) in [
            ("loose", "loose has no primary key, so its rows cannot be told apart"),
            ("nowhere", "there is no table nowhere"),
            ("\"Odd \"\"name\"", "0 rows noted, to be compared from now on"),
        ] {
            assert_eq!(look(&RowsProbe { table: table.to_owned(), ..probe.clone() }).await.detail, told);
        }
        let writes = RowsProbe { unchanging: Some("id > 0); DELETE FROM doses; --".to_owned()), ..probe };
        assert!(look(&writes).await.detail.starts_with("cannot insert multiple commands"));
    }
}
