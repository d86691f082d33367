//! What the samples say, for longer than they are kept: for each service and check a row per five minutes and a row per
//! hour, beside them how the service was held to be (`domain::uptime`).
//!
//! Everything before one mark is rolled up, nothing after it; rows and mark move in one transaction, so a killed engine
//! loses nothing that it had stored as samples. A sample that comes late moves the mark back, and its slots are made anew
//! from the samples. A question takes the rows before the mark and folds the samples after it.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    SampleStore, SampleStoreError,
    samples::{level, measure, micros, quantity_code, reading, status},
};
use crate::domain::{Grain, Readings, Rollup, Sketch, Standing, Witness, fold, judged_alone};

/// A slot is counted in lengths of its grain since 1970. `standing` holds milliseconds.
pub(super) const SCHEMA: &str = "
    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        service INTEGER NOT NULL REFERENCES name,
        probe INTEGER NOT NULL REFERENCES name,
        UNIQUE (service, probe)
    ) STRICT;
    CREATE TABLE rollup (
        series INTEGER NOT NULL REFERENCES series,
        minutes INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        good INTEGER NOT NULL,
        slow INTEGER NOT NULL,
        bad INTEGER NOT NULL,
        latency BLOB NOT NULL,
        PRIMARY KEY (series, minutes, slot)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE standing (
        service INTEGER NOT NULL REFERENCES name,
        minutes INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        up INTEGER NOT NULL,
        degraded INTEGER NOT NULL,
        down INTEGER NOT NULL,
        planned INTEGER NOT NULL,
        outages INTEGER NOT NULL,
        PRIMARY KEY (service, minutes, slot)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE mark (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// Everything before it is rolled up.
const ROLLED: &str = "rolled";
/// Samples before it may have been removed.
const REMOVED: &str = "removed";
/// How long a slot stays open after its end: a sample bears the time at which its check began.
const OPEN: TimeDelta = TimeDelta::minutes(2);
/// How much time is rolled up in one transaction.
const STRIDE: TimeDelta = TimeDelta::hours(6);
/// How long a service may be silent that the platform file does not name any more.
const PATIENCE: Duration = Duration::from_mins(2);
/// Bytes that a sample takes beside its detail: its row and its place in two indexes, as measured.
const SAMPLE_BYTES: u64 = 70;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Age of samples.
    pub samples: TimeDelta,
    /// Bytes of samples, about.
    pub sample_bytes: u64,
    /// Age of five-minute rollups.
    pub fine: TimeDelta,
    /// Age of hourly rollups.
    pub coarse: TimeDelta,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            samples: TimeDelta::days(7),
            sample_bytes: 256 * 1024 * 1024,
            fine: TimeDelta::days(100),
            coarse: TimeDelta::days(800),
        }
    }
}

impl SampleStore {
    /// Rolls up what is complete by now. `patience` is how long a service may be silent, None for one that is not watched
    /// any more.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn roll_up(
        &mut self,
        now: DateTime<Utc>,
        patience: impl Fn(&str) -> Option<Duration>,
    ) -> Result<(), SampleStoreError> {
        roll_up(&mut self.connection, now, patience).map_err(|source| self.failed(source))
    }

    /// What is known of a service from one moment to before another, oldest first. With [`Grain::Coarse`] it is hours as
    /// far as they are over. `patience` is how long the service may be silent.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn rollups(
        &self,
        service: &str,
        grain: Grain,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        patience: Option<Duration>,
    ) -> Result<Vec<Rollup>, SampleStoreError> {
        let patience = patience.unwrap_or(PATIENCE);
        rollups(&self.connection, service, grain, from, until, patience).map_err(|source| self.failed(source))
    }

    /// How many readings of a service were bad from one moment to before another, and how many there were, as far as they
    /// are rolled up.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn errors(
        &self,
        service: &str,
        grain: Grain,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<(u64, u64), SampleStoreError> {
        errors(&self.connection, service, grain, from, until).map_err(|source| self.failed(source))
    }

    /// Removes what is older or more than is kept, and says how many samples those were. Samples that are not rolled up
    /// stay.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn prune(&mut self, now: DateTime<Utc>, keep: &Keep) -> Result<usize, SampleStoreError> {
        prune(&mut self.connection, now, keep).map_err(|source| self.failed(source))
    }
}

fn mark(connection: &Connection, name: &str) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let mut statement = connection.prepare_cached("SELECT at FROM mark WHERE name = ?1")?;
    let at: Option<i64> = statement.query_row([name], |row| row.get(0)).optional()?;
    Ok(at.and_then(DateTime::from_timestamp_micros))
}

fn set_mark(connection: &Connection, name: &str, at: DateTime<Utc>) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO mark (name, at) VALUES (?1, ?2)")?;
    statement.execute(params![name, at.timestamp_micros()]).map(drop)
}

/// Moves the mark back for a sample that came late, but not to where samples are missing.
pub(super) fn reopen(connection: &Connection, at: DateTime<Utc>) -> rusqlite::Result<()> {
    let Some(rolled) = mark(connection, ROLLED)? else { return Ok(()) };
    let removed = mark(connection, REMOVED)?.map_or(DateTime::<Utc>::MIN_UTC, |removed| Grain::Fine.ceiling(removed));
    let first = Grain::Fine.floor(at).max(removed);
    if first < rolled { set_mark(connection, ROLLED, first) } else { Ok(()) }
}

fn roll_up(
    connection: &mut Connection,
    now: DateTime<Utc>,
    patience: impl Fn(&str) -> Option<Duration>,
) -> rusqlite::Result<()> {
    let end = Grain::Fine.floor(now - OPEN);
    let mut start = match mark(connection, ROLLED)? {
        Some(rolled) => rolled,
        None => match first_sample(connection)? {
            Some(first) => Grain::Fine.floor(first),
            None => return Ok(()),
        },
    };
    while start < end {
        let until = end.min(start + STRIDE);
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT OR IGNORE INTO series (service, probe) SELECT DISTINCT service, probe FROM sample WHERE at >= ?1 AND at < ?2",
            params![start.timestamp_micros(), until.timestamp_micros()],
        )?;
        for (id, name) in services(&transaction)? {
            let patience = patience(&name).unwrap_or(PATIENCE);
            let slots = folded(&transaction, id, patience, start, until)?;
            if slots.is_empty() {
                continue;
            }
            write(&transaction, id, Grain::Fine, &slots)?;
            let hours = Rollup::coarse(kept(&transaction, id, Grain::Fine, Grain::Coarse.floor(start), until)?);
            write(&transaction, id, Grain::Coarse, &hours)?;
        }
        set_mark(&transaction, ROLLED, until)?;
        transaction.commit()?;
        start = until;
    }
    Ok(())
}

fn first_sample(connection: &Connection) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let at: Option<i64> = connection.query_row("SELECT min(at) FROM sample", [], |row| row.get(0))?;
    Ok(at.and_then(DateTime::from_timestamp_micros))
}

fn services(connection: &Connection) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut statement =
        connection.prepare_cached("SELECT id, text FROM name WHERE id IN (SELECT service FROM series)")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// The samples of a service between two moments as fine slots.
fn folded(
    connection: &Connection,
    service: i64,
    patience: Duration,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> rusqlite::Result<Vec<Rollup>> {
    let mut before = connection.prepare_cached(
        "SELECT at, level, reading, judged FROM sample WHERE service = ?1 AND at < ?2 ORDER BY at DESC, id DESC LIMIT 1",
    )?;
    let last = before
        .query_row(params![service, from.timestamp_micros()], |row| {
            let at: i64 = row.get(0)?;
            let at = DateTime::from_timestamp_micros(at).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, at))?;
            let alone = judged_alone(level(row, 1)?, reading(row, 2)?);
            Ok((at, status(row, 3)?.unwrap_or(alone)))
        })
        .optional()?;
    let mut between = connection.prepare_cached(
        "SELECT at, level, reading, judged, latency, probe.text, quantity, measured FROM sample JOIN name AS probe ON probe.id = sample.probe
         WHERE service = ?1 AND at >= ?2 AND at < ?3 ORDER BY at, sample.id",
    )?;
    let samples = between
        .query_map(params![service, from.timestamp_micros(), until.timestamp_micros()], |row| {
            let at: i64 = row.get(0)?;
            let read = reading(row, 2)?;
            Ok(Witness {
                at: DateTime::from_timestamp_micros(at).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, at))?,
                check: row.get(5)?,
                reading: read,
                latency: micros(row, 4)?.unwrap_or_default(),
                judged: status(row, 3)?.unwrap_or(judged_alone(level(row, 1)?, read)),
                measured: measure(row, 6)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(fold(last, &samples, patience, from, until))
}

fn slot_of(grain: Grain, at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(grain.length().num_seconds())
}

fn write(connection: &Connection, service: i64, grain: Grain, slots: &[Rollup]) -> rusqlite::Result<()> {
    let minutes = grain.length().num_minutes();
    let mut standing = connection.prepare_cached(
        "INSERT OR REPLACE INTO standing (service, minutes, slot, up, degraded, down, planned, outages)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut rollup = connection.prepare_cached(
        "INSERT OR REPLACE INTO rollup (series, minutes, slot, good, slow, bad, latency, quantity, measured) VALUES
         ((SELECT id FROM series WHERE service = ?1 AND probe = (SELECT id FROM name WHERE text = ?2)),
          ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    for slot in slots {
        let (at, held) = (slot_of(grain, slot.from), &slot.standing);
        let [up, degraded, down, planned] = [held.up, held.degraded, held.down, held.planned].map(millis);
        standing.execute(params![service, minutes, at, up, degraded, down, planned, held.outages])?;
        for (check, read) in &slot.checks {
            let [good, slow, bad] = [read.good, read.slow, read.bad].map(count);
            let quantity = read.measured.map(|measure| quantity_code(measure.quantity));
            let measured = read.measured.map(|measure| measure.value);
            let latency = read.latency.encode();
            rollup.execute(params![service, check, minutes, at, good, slow, bad, latency, quantity, measured])?;
        }
    }
    Ok(())
}

/// The rows of a service between two moments.
fn kept(
    connection: &Connection,
    service: i64,
    grain: Grain,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> rusqlite::Result<Vec<Rollup>> {
    let length = grain.length().num_seconds();
    let bounds = params![service, grain.length().num_minutes(), slot_of(grain, from), slot_of(grain, until)];
    let began = |slot: i64| {
        let seconds = slot.checked_mul(length).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        seconds.ok_or(rusqlite::Error::IntegralValueOutOfRange(0, slot))
    };
    let mut slots: BTreeMap<i64, Rollup> = BTreeMap::new();
    let mut standing = connection.prepare_cached(
        "SELECT slot, up, degraded, down, planned, outages FROM standing
         WHERE service = ?1 AND minutes = ?2 AND slot >= ?3 AND slot < ?4",
    )?;
    let mut rows = standing.query(bounds)?;
    while let Some(row) = rows.next()? {
        let time = |column| -> rusqlite::Result<Duration> {
            let millis: i64 = row.get(column)?;
            let millis = u64::try_from(millis).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, millis))?;
            Ok(Duration::from_millis(millis))
        };
        let slot = row.get(0)?;
        let held =
            Standing { up: time(1)?, degraded: time(2)?, down: time(3)?, planned: time(4)?, outages: row.get(5)? };
        slots.insert(slot, Rollup { standing: held, ..Rollup::new(began(slot)?) });
    }
    let mut series = connection
        .prepare_cached("SELECT series.id, name.text FROM series JOIN name ON name.id = probe WHERE service = ?1")?;
    let series = series
        .query_map([service], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(i64, String)>>>()?;
    let mut rollup = connection.prepare_cached(
        "SELECT slot, good, slow, bad, latency, quantity, measured FROM rollup
         WHERE series = ?1 AND minutes = ?2 AND slot >= ?3 AND slot < ?4",
    )?;
    for (id, check) in series {
        let mut rows =
            rollup.query(params![id, grain.length().num_minutes(), slot_of(grain, from), slot_of(grain, until)])?;
        while let Some(row) = rows.next()? {
            let slot = row.get(0)?;
            let count = |column| -> rusqlite::Result<u64> {
                let count: i64 = row.get(column)?;
                u64::try_from(count).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, count))
            };
            let bytes = row.get_ref(4)?.as_blob()?;
            let latency = Sketch::decode(bytes).ok_or_else(|| {
                let damaged = "a latency sketch is damaged".into();
                rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Blob, damaged)
            })?;
            let readings =
                Readings { good: count(1)?, slow: count(2)?, bad: count(3)?, latency, measured: measure(row, 5)? };
            let began = began(slot)?;
            slots.entry(slot).or_insert_with(|| Rollup::new(began)).checks.insert(check.clone(), readings);
        }
    }
    Ok(slots.into_values().collect())
}

fn rollups(
    connection: &Connection,
    service: &str,
    grain: Grain,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    patience: Duration,
) -> rusqlite::Result<Vec<Rollup>> {
    // Mark, rows and samples are those of one moment, whatever is rolled up meanwhile.
    let reading = connection.unchecked_transaction()?;
    let id: Option<i64> =
        reading.query_row("SELECT id FROM name WHERE text = ?1", [service], |row| row.get(0)).optional()?;
    let Some(id) = id else { return Ok(Vec::new()) };
    let rolled = mark(&reading, ROLLED)?.unwrap_or(DateTime::<Utc>::MIN_UTC).clamp(from, until.max(from));
    let mut slots = Vec::new();
    let mut fine = from;
    if grain == Grain::Coarse {
        fine = Grain::Coarse.floor(rolled).max(from);
        slots = kept(&reading, id, Grain::Coarse, from, fine)?;
    }
    slots.extend(kept(&reading, id, Grain::Fine, fine, rolled)?);
    slots.extend(folded(&reading, id, patience, rolled, until)?);
    Ok(slots)
}

fn errors(
    connection: &Connection,
    service: &str,
    grain: Grain,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> rusqlite::Result<(u64, u64)> {
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(sum(bad), 0), coalesce(sum(good + slow + bad), 0) FROM rollup
         WHERE series IN (SELECT id FROM series WHERE service = (SELECT id FROM name WHERE text = ?1))
             AND minutes = ?2 AND slot >= ?3 AND slot < ?4",
    )?;
    let bounds = params![service, grain.length().num_minutes(), slot_of(grain, from), slot_of(grain, until)];
    statement.query_row(bounds, |row| {
        let count = |column| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
        Ok((count(0)?, count(1)?))
    })
}

fn prune(connection: &mut Connection, now: DateTime<Utc>, keep: &Keep) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut removed = 0;
    if let Some(rolled) = mark(&transaction, ROLLED)? {
        let too_old = now - keep.samples;
        let too_many = beyond(&transaction, keep.sample_bytes)?.unwrap_or(too_old);
        let before = too_old.max(too_many).min(rolled);
        removed = transaction.execute("DELETE FROM sample WHERE at < ?1", [before.timestamp_micros()])?;
        if mark(&transaction, REMOVED)?.is_none_or(|last| last < before) {
            set_mark(&transaction, REMOVED, before)?;
        }
    }
    for (grain, age) in [(Grain::Fine, keep.fine), (Grain::Coarse, keep.coarse)] {
        // The keys begin with the series and the service, so that each is one short range.
        let bounds = params![grain.length().num_minutes(), slot_of(grain, now - age)];
        transaction.execute(
            "DELETE FROM rollup WHERE series IN (SELECT id FROM series) AND minutes = ?1 AND slot < ?2",
            bounds,
        )?;
        transaction.execute(
            "DELETE FROM standing WHERE service IN (SELECT service FROM series) AND minutes = ?1 AND slot < ?2",
            bounds,
        )?;
    }
    transaction.commit()?;
    Ok(removed)
}

/// The moment before which samples have to go, so that the others fit; None when all fit.
fn beyond(connection: &Connection, bytes: u64) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let (count, detail): (u64, u64) = connection.query_row(
        "SELECT coalesce(max(id) - min(id) + 1, 0),
             (SELECT coalesce(CAST(avg(length(CAST(detail AS BLOB))) AS INTEGER), 0)
              FROM (SELECT detail FROM sample ORDER BY id DESC LIMIT 1000))
         FROM sample",
        [],
        |row| {
            let count = |column| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
            Ok((count(0)?, count(1)?))
        },
    )?;
    let most = i64::try_from(bytes / (SAMPLE_BYTES + detail)).unwrap_or(i64::MAX);
    if i64::try_from(count).is_ok_and(|count| count <= most) {
        return Ok(None);
    }
    let first_kept: Option<i64> = connection
        .query_row("SELECT at FROM sample ORDER BY at DESC LIMIT 1 OFFSET ?1", [most.saturating_sub(1).max(0)], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(first_kept.and_then(DateTime::from_timestamp_micros))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{
        domain::Status,
        platform::{CheckLevel, Measure, Quantity, Reading, Sample},
    };

    /// On the hour.
    fn time(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn sample(check: &str, second: i64, reading: Reading) -> Sample {
        Sample {
            service: "auth".to_owned(),
            check: check.to_owned(),
            level: CheckLevel::Shallow,
            at: time(second),
            reading,
            latency: Duration::from_millis(10 + second.unsigned_abs() % 50),
            detail: "HTTP 200 in 12 ms".to_owned(),
            measured: (check == "login")
                .then(|| Measure { quantity: Quantity::Connections, value: 40.0 + f64::from(second as i32) / 1e3 }),
        }
    }

    fn open(folder: &TempDir) -> SampleStore {
        SampleStore::open(&folder.path().join("samples.db")).unwrap()
    }

    const PATIENCE: Duration = Duration::from_secs(90);

    /// A morning: up, down from 4 000 s for 1 000 s, not watched from 8 000 s to 12 000 s.
    fn morning() -> Vec<(Sample, Status)> {
        let watched = (0..16_000).step_by(30).filter(|second| !(8_000..12_000).contains(second));
        watched
            .flat_map(|second| {
                let down = (4_000..5_000).contains(&second);
                let (reading, judged) =
                    if down { (Reading::Bad, Status::Down) } else { (Reading::Good, Status::Healthy) };
                let deep = (second % 300 == 0).then(|| (sample("login", second, Reading::Slow), judged));
                deep.into_iter().chain([(sample("http", second, reading), judged)])
            })
            .collect()
    }

    fn append(store: &mut SampleStore, samples: &[(Sample, Status)]) {
        for (sample, judged) in samples {
            store.append(std::slice::from_ref(sample), |_| *judged).unwrap();
        }
    }

    fn all(store: &SampleStore, grain: Grain) -> Vec<Rollup> {
        store.rollups("auth", grain, time(0), time(18_000), Some(PATIENCE)).unwrap()
    }

    #[test]
    fn what_is_told_is_the_same_before_and_after_it_is_rolled_up_in_any_steps_and_over_kills() {
        let folder = tempfile::tempdir().unwrap();
        let (mut raw, morning) = (open(&folder), morning());
        append(&mut raw, &morning);
        let told = all(&raw, Grain::Fine);
        let held = told.iter().fold((0, 0), |(up, down), slot| {
            (up + slot.standing.up.as_millis(), down + slot.standing.down.as_millis())
        });
        // From the first sample judged down at 4 020 s to the first judged up at 5 010 s; what is not heard from for
        // 90 s is not watched.
        assert_eq!(held, ((4_020 + (7_980 + 90 - 5_010) + (15_990 + 90 - 12_000)) * 1000, 990 * 1000));
        assert_eq!(told.iter().map(|slot| slot.standing.outages).sum::<u32>(), 1);
        let read = told.iter().flat_map(|slot| slot.checks.values());
        let errors = read.fold((0, 0), |(bad, all), read| (bad + read.bad, all + read.good + read.slow + read.bad));

        let killed = tempfile::tempdir().unwrap();
        for part in morning.chunks(77) {
            let mut store = open(&killed);
            append(&mut store, part);
            store.roll_up(part.last().unwrap().0.at, |_| Some(PATIENCE)).unwrap();
        }
        for store in [&mut raw, &mut open(&killed)] {
            store.roll_up(time(17_000), |_| Some(PATIENCE)).unwrap();
            store.roll_up(time(17_000), |_| Some(PATIENCE)).unwrap();
            assert_eq!(all(store, Grain::Fine), told);
            assert_eq!(all(store, Grain::Coarse)[..4], Rollup::coarse(told.clone())[..4]);
            assert_eq!(store.errors("auth", Grain::Fine, time(0), time(18_000)).unwrap(), errors);
            // What was measured last in the hour.
            let measured = all(store, Grain::Coarse)[0].checks["login"].measured;
            assert_eq!(measured, Some(Measure { quantity: Quantity::Connections, value: 43.3 }));
        }
    }

    #[test]
    fn a_sample_that_comes_late_is_still_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, morning) = (open(&folder), morning());
        let (late, soon): (Vec<_>, Vec<_>) = morning.into_iter().partition(|(sample, _)| sample.check == "login");
        append(&mut store, &soon);
        store.roll_up(time(17_000), |_| Some(PATIENCE)).unwrap();
        append(&mut store, &late);
        let told = all(&store, Grain::Fine);
        assert_eq!(told.iter().map(|slot| slot.checks.get("login").map_or(0, |read| read.slow)).sum::<u64>(), 41);
        store.roll_up(time(17_000), |_| Some(PATIENCE)).unwrap();
        assert_eq!(all(&store, Grain::Fine), told);
        assert_eq!(all(&store, Grain::Coarse)[..4], Rollup::coarse(told)[..4]);
    }

    #[test]
    fn samples_go_by_age_and_by_size_and_the_rollups_keep_what_they_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder);
        append(&mut store, &morning());
        let told = all(&store, Grain::Fine);
        let keep = Keep::default();
        assert_eq!(store.prune(time(0) + keep.samples * 2, &keep).unwrap(), 0, "what is not rolled up stays");
        store.roll_up(time(17_000), |_| Some(PATIENCE)).unwrap();
        assert_eq!(store.prune(time(17_000), &keep).unwrap(), 0);
        assert_eq!(store.prune(time(1_000) + keep.samples, &keep).unwrap(), 38);
        assert_eq!(store.recent("auth", 1000).unwrap()[0].at, time(1_020));
        let small = Keep { sample_bytes: 100 * (SAMPLE_BYTES + 17), ..keep };
        store.prune(time(17_000), &small).unwrap();
        assert_eq!(store.recent("auth", 1000).unwrap().len(), 100);
        assert_eq!(all(&store, Grain::Fine), told);
        append(&mut store, &[(sample("http", 2_000, Reading::Bad), Status::Down)]);
        store.roll_up(time(18_000), |_| Some(PATIENCE)).unwrap();
        assert_eq!(all(&store, Grain::Fine), told, "one late sample does not replace the many that are gone");

        store.prune(time(3_600) + keep.fine, &keep).unwrap();
        assert_eq!(all(&store, Grain::Fine)[0].from, time(3_600));
        assert_eq!(all(&store, Grain::Coarse)[0].from, time(0));
        store.prune(time(3_600) + keep.coarse, &keep).unwrap();
        assert_eq!(all(&store, Grain::Coarse)[0].from, time(3_600));
    }

    #[test]
    fn the_size_of_samples_is_known_well_enough_to_limit_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder);
        let samples: Vec<Sample> = (0..20_000).map(|second| sample("http", second, Reading::Good)).collect();
        store.append(&samples, |_| Status::Healthy).unwrap();
        let sizes = "SELECT sum(pgsize) FROM dbstat WHERE name IN ('sample', 'sample_of_service', 'sample_by_time')";
        let bytes: u64 = store.connection.query_row(sizes, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs();
        let said = 20_000 * (SAMPLE_BYTES + 17);
        assert!(bytes.abs_diff(said) < bytes / 10, "{bytes} bytes are taken for {said}");
    }
}
