//! A sample store as it is after a year, made from twelve real hours.

use std::{path::Path, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    domain::{Grain, Status},
    platform::{CheckLevel, Reading, Sample},
    store::SampleStore,
};

/// A store of so many services with two checks each, whose rollups reach back as far as they are kept, but not beyond a
/// year. Gives the moment at which it ends.
pub fn year(path: &Path, services: u32) -> DateTime<Utc> {
    let end = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let start = end - TimeDelta::hours(12);
    let sample = |check: &str, level, second: i64| Sample {
        service: "service-0".to_owned(),
        check: check.to_owned(),
        level,
        at: start + TimeDelta::seconds(second),
        reading: if second % 3600 == 0 { Reading::Slow } else { Reading::Good },
        // Between 20 and 200 ms, without a pattern.
        latency: Duration::from_micros(20_000 + second.unsigned_abs() * 2_654_435_761 % 180_000),
        detail: "HTTP 200".to_owned(),
        measured: None,
    };
    let quick = (0..43_200).step_by(30).map(|second| sample("health", CheckLevel::Shallow, second));
    let deep = (0..43_200).step_by(300).map(|second| sample("login", CheckLevel::Deep, second));
    let mut store = SampleStore::open(path).unwrap();
    store.append(&quick.chain(deep).collect::<Vec<_>>(), |_| Status::Healthy).unwrap();
    store.roll_up(end + TimeDelta::minutes(10), |_| Some(Duration::from_secs(100))).unwrap();
    drop(store);

    let slots = |grain: Grain, days: i64| {
        let last = end.timestamp() / grain.length().num_seconds() - 1;
        (grain.length().num_minutes(), last - days * 86_400 / grain.length().num_seconds() + 1, last)
    };
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "CREATE TEMP TABLE of_check AS SELECT probe, minutes, slot % 12 AS place, good, slow, bad, latency
                 FROM rollup JOIN series ON series.id = series GROUP BY probe, minutes, place;
             CREATE INDEX temp.of_check_by ON of_check (probe, minutes, place);
             CREATE TEMP TABLE of_service AS SELECT minutes, slot % 12 AS place, up, degraded, down, planned, outages
                 FROM standing GROUP BY minutes, place;
             CREATE INDEX temp.of_service_by ON of_service (minutes, place);
             DELETE FROM rollup; DELETE FROM standing;",
        )
        .unwrap();
    for service in 1..services {
        let name = format!("service-{service}");
        connection.execute("INSERT INTO name (text) VALUES (?1)", [&name]).unwrap();
        let copy = "INSERT INTO series (service, probe) SELECT (SELECT id FROM name WHERE text = ?1), id FROM name
            WHERE text IN ('health', 'login')";
        connection.execute(copy, [&name]).unwrap();
    }
    for (minutes, first, last) in [slots(Grain::Fine, 100), slots(Grain::Coarse, 365)] {
        let times = format!(
            "WITH RECURSIVE time(slot) AS (SELECT {first} UNION ALL SELECT slot + 1 FROM time WHERE slot < {last})"
        );
        connection
            .execute_batch(&format!(
                "BEGIN;
                 INSERT INTO rollup (series, minutes, slot, good, slow, bad, latency)
                     {times} SELECT id, minutes, time.slot, good, slow, bad, latency
                     FROM series CROSS JOIN time CROSS JOIN of_check
                     WHERE of_check.probe = series.probe AND minutes = {minutes} AND place = time.slot % 12;
                 INSERT INTO standing {times} SELECT service, minutes, time.slot, up, degraded, down, planned, outages
                     FROM (SELECT DISTINCT service FROM series) CROSS JOIN time CROSS JOIN of_service
                     WHERE minutes = {minutes} AND place = time.slot % 12;
                 COMMIT;"
            ))
            .unwrap();
    }
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    end
}
