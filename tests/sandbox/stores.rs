//! Faults of data on the disk, and what is left when everything is killed in the middle of them.

use std::{fs, time::Duration};

use chrono::Utc;
use codeblue::sandbox::{self, FaultKind, SandboxError};
use rusqlite::Connection;

use super::{LEASE, Supervisor, doses, eventually, healthy, processes_of, start, state_of};

#[test]
fn a_flipped_bit_passes_every_check_of_the_database_and_heals_without_a_trace() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let (right, started) = (doses(dir), state_of(dir));
    sandbox::inject(dir, FaultKind::SilentCorruption, None, LEASE, Utc::now()).unwrap();
    let changed: Vec<(String, String)> =
        right.iter().cloned().zip(doses(dir)).filter(|(right, now)| right != now).collect();
    let [(was, is)] = changed.as_slice() else { panic!("one dose is another one: {changed:?}") };
    let bits: u32 = was.bytes().zip(is.bytes()).map(|(was, is)| (was ^ is).count_ones()).sum();
    assert_eq!((bits, was.len()), (1, is.len()), "{changed:?}");
    let database = Connection::open(dir.join("services/records-db/records.db")).unwrap();
    for check in ["quick_check", "integrity_check"] {
        let told: String = database.pragma_query_value(None, check, |row| row.get(0)).unwrap();
        assert_eq!(told, "ok", "{check}");
    }
    assert_eq!(healthy(dir).len(), sandbox::SERVICES.len(), "the services themselves see nothing");
    assert!(sandbox::heal(dir).unwrap().faults[0].was_in_force);
    assert_eq!(state_of(dir), started);
}

#[test]
fn a_migration_changes_every_dose_and_what_was_written_meanwhile_stays() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let (right, started) = (doses(dir), state_of(dir));
    sandbox::inject(dir, FaultKind::BadMigration, None, LEASE, Utc::now()).unwrap();
    assert_eq!(doses(dir), right.iter().map(|dose| format!("{dose}000")).collect::<Vec<_>>());
    assert_eq!(healthy(dir).len(), sandbox::SERVICES.len(), "the services themselves see nothing");
    let second = sandbox::inject(dir, FaultKind::WrongDose, None, LEASE, Utc::now());
    assert!(matches!(second, Err(SandboxError::Limit { .. })), "the two could not be told apart: {second:?}");
    let database = Connection::open(dir.join("services/records-db/records.db")).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    database.execute("UPDATE medications SET dose = '7' WHERE id = 1", []).unwrap();
    assert!(sandbox::heal(dir).unwrap().faults[0].was_in_force);
    assert_eq!(doses(dir)[0], "7", "what somebody wrote meanwhile is not a matter of the fault");
    database.execute("UPDATE medications SET dose = ?1 WHERE id = 1", [&right[0]]).unwrap();
    assert_eq!(state_of(dir), started);
}

#[test]
fn everything_that_the_new_faults_did_is_undone_after_kill_9_of_everything() {
    let home = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(home.path()).unwrap().join("sandbox");
    let mut supervisor = Supervisor::start(&dir);
    let mut whole = state_of(&dir);
    whole.retain(|name, _| !name.starts_with("run/"));
    let faults = [
        FaultKind::BadMigration,
        FaultKind::LockHolder,
        FaultKind::PoolLeak,
        FaultKind::ModelAltered,
        FaultKind::WrongPassword,
        FaultKind::HalfRotatedKey,
        FaultKind::CertificateWrongName,
        FaultKind::NoDescriptors,
    ];
    for fault in faults {
        sandbox::inject(&dir, fault, None, LEASE, Utc::now()).unwrap();
    }
    supervisor.0.kill().unwrap();
    supervisor.0.wait().unwrap();
    eventually("the end of all processes", || processes_of(&dir).is_empty());
    assert_eq!(sandbox::heal(&dir).unwrap().faults.len(), faults.len());
    assert_eq!(state_of(&dir), whole, "files are as they were, and nothing is left behind");
    let _supervisor = Supervisor::start(&dir);
    eventually("health", || healthy(&dir).len() == sandbox::SERVICES.len());
}

#[test]
fn what_a_rollback_of_the_records_lost_or_doubled_is_told_by_the_ledger() {
    let (home, sandbox) = start();
    let dir = sandbox.dir();
    let (database, copy) = (dir.join("services/records-db/records.db"), home.path().join("copy.db"));
    let acknowledged = || sandbox::ledger(dir).unwrap().acknowledged;
    eventually("a write by the load", || acknowledged() > 0);
    let open = || {
        let connection = Connection::open(&database).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection
    };
    open().execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    let before = acknowledged();
    eventually("two more writes", || acknowledged() >= before + 2);
    assert_eq!(sandbox::ledger(dir).unwrap().lost, [], "nothing is lost yet");
    sandbox::inject(dir, FaultKind::Kill, Some("records-db"), LEASE, Utc::now()).unwrap();
    for ending in ["-wal", "-shm"] {
        let path = database.with_file_name(format!("records.db{ending}"));
        if path.exists() {
            fs::remove_file(path).unwrap();
        }
    }
    fs::copy(&copy, &database).unwrap();
    sandbox::restart(dir, "records-db").unwrap();
    let found = sandbox::ledger(dir).unwrap();
    assert!(found.lost.len() >= 2 && found.present >= 1, "{found:?}");
    assert_eq!((found.acknowledged, found.doubled.len()), (found.present + found.lost.len(), 0), "{found:?}");
    assert!(found.lost_span() > chrono::TimeDelta::zero());
    let again = "INSERT INTO vitals (patient, kind, value, taken, request) \
                 SELECT patient, kind, value, taken, request FROM vitals WHERE request <> '' ORDER BY id LIMIT 1";
    assert_eq!(open().execute(again, []).unwrap(), 1);
    assert_eq!(sandbox::ledger(dir).unwrap().doubled.len(), 1);
}

#[test]
fn a_wrong_dose_shows_nowhere_and_heals_without_a_trace() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let (right, started) = (doses(dir), state_of(dir));
    sandbox::inject(dir, FaultKind::WrongDose, None, LEASE, Utc::now()).unwrap();
    let changed: Vec<(String, String)> =
        right.iter().cloned().zip(doses(dir)).filter(|(right, now)| right != now).collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    assert_eq!(digits(&changed[0].1), digits(&changed[0].0) + 1, "{changed:?}");
    assert_eq!(healthy(dir).len(), sandbox::SERVICES.len(), "the services themselves see nothing");
    assert!(sandbox::status(dir).unwrap().faults[0].in_force);
    assert!(sandbox::heal(dir).unwrap().faults[0].was_in_force);
    assert_eq!(state_of(dir), started);
}

#[test]
fn what_was_written_on_paper_is_entered_once_with_its_time_and_the_wards_can_read_meanwhile() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    eventually("a data pack", || sandbox::data_pack(dir).is_ok());
    assert_eq!(sandbox::back_entry(dir).unwrap().open, []);
    sandbox::inject(dir, FaultKind::Kill, Some("patient-api"), LEASE, Utc::now()).unwrap();
    eventually("two entries on paper", || sandbox::back_entry(dir).unwrap().open.len() >= 2);
    let refused = sandbox::enter_back(dir).unwrap_err().to_string();
    assert!(refused.contains("may be tried again"), "{refused}");
    let pack = sandbox::data_pack(dir).unwrap();
    let sheets: Vec<String> = pack.wards.iter().map(|ward| sandbox::sheet(dir, ward).unwrap()).collect();
    let patients: usize = sheets.iter().map(|sheet| sheet.matches("[ ] ").count()).sum();
    assert_eq!(patients, 160, "every patient is on one sheet");
    assert!(sheets.iter().all(|sheet| sheet.contains("Read only") && sheet.contains("born")), "{}", sheets[0]);
    assert!(sandbox::sheet(dir, "laundry").unwrap_err().to_string().contains("cardiology"));

    sandbox::heal(dir).unwrap();
    let open = sandbox::back_entry(dir).unwrap().open;
    eventually("everything entered", || sandbox::enter_back(dir).is_ok_and(|paper| paper.open.is_empty()));
    let ledger = sandbox::ledger(dir).unwrap();
    assert_eq!((ledger.lost, ledger.doubled), (vec![], vec![]), "nothing is lost, and nothing is there twice");
    let database = Connection::open(dir.join("services/records-db/records.db")).unwrap();
    for entry in open {
        let sql = "SELECT count(*), min(taken) FROM vitals WHERE request = ?1";
        let found: (i64, String) =
            database.query_row(sql, [&entry.request], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let at = entry.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        assert_eq!(found, (1, at), "{entry:?}");
    }
}
