//! The journal with SQL: what auditors ask with a stock program.

use std::{collections::BTreeMap, path::Path};

use codeblue::domain::{Command, Severity};
use rusqlite::{Connection, OpenFlags};

use crate::served::{Served, everything, settled};

fn read_only(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn rows(connection: &Connection, query: &str) -> Vec<Vec<Option<String>>> {
    let mut query = connection.prepare(query).unwrap();
    let columns = query.column_count();
    let read = |row: &rusqlite::Row<'_>| {
        (0..columns)
            .map(|column| {
                Ok(match row.get_ref(column)? {
                    rusqlite::types::ValueRef::Null => None,
                    rusqlite::types::ValueRef::Integer(number) => Some(number.to_string()),
                    rusqlite::types::ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
                    other => panic!("{other:?}"),
                })
            })
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    query.query_map([], read).unwrap().map(Result::unwrap).collect()
}

fn one(connection: &Connection, query: &str) -> Vec<String> {
    let rows = rows(connection, query);
    assert_eq!(rows.len(), 1, "{query}: {rows:?}");
    rows[0].iter().map(|value| value.clone().unwrap_or_else(|| "-".to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_snapshots_and_the_rest_are_read_with_sql_while_the_engine_runs() {
    let served = Served::ready("drill").await;
    let alice = served.client(Some("alice"));
    let title = "fax on fire".to_owned();
    alice
        .submit(&Command::DeclareIncident { severity: Severity::Sev3, title, services: vec!["desk".to_owned()] })
        .await
        .unwrap();
    let incident = served.handle().state().open_incidents().next().unwrap().id;
    let reason = "it spreads".to_owned();
    alice.submit(&Command::SetIncidentSeverity { incident, severity: Severity::Sev2, reason }).await.unwrap();
    alice.submit(&everything()).await.unwrap();
    served.until("taken", settled).await;
    let journal = read_only(&served.bed.home.journal());
    let query = "SELECT id, severity, title, services, opened_by, resolved_at, resolution FROM incidents";
    let expected = ["INC-1", "SEV2", "fax on fire", "[\"desk\"]", "operator:alice", "-", "-"];
    assert_eq!(one(&journal, query), expected);

    let resolution = "put out".to_owned();
    alice.submit(&Command::ResolveIncident { incident, resolution }).await.unwrap();
    assert_eq!(one(&journal, "SELECT resolution, resolved_at IS NOT NULL FROM incidents"), ["put out", "1"]);
    let reason = "it burns again".to_owned();
    alice.submit(&Command::ReopenIncident { incident, reason }).await.unwrap();
    assert_eq!(one(&journal, "SELECT resolution, resolved_at FROM incidents"), ["-", "-"], "it is open again");
    let kinds = rows(&journal, "SELECT kind FROM incident_timeline WHERE incident = 'INC-1' ORDER BY seq");
    assert_eq!(kinds.first().unwrap()[0].as_deref(), Some("incidentOpened"));
    assert!(kinds.len() >= 4, "{kinds:?}");

    let state = served.handle().state();
    let taken = rows(&journal, "SELECT id, state, total_bytes FROM snapshots ORDER BY requested_at");
    assert_eq!(taken.len(), state.snapshots.len());
    for (row, snapshot) in taken.iter().zip(state.snapshots.values()) {
        assert_eq!(row[0], Some(snapshot.id.to_string()));
        assert_eq!(row[1].as_deref(), Some("taken"), "{row:?}");
        assert_eq!(row[2], Some(snapshot.total_bytes.to_string()));
    }
    let status = rows(&journal, "SELECT service, \"to\" FROM service_status");
    assert_eq!(status[0], [Some("desk".to_owned()), Some("healthy".to_owned())]);
    assert_eq!(one(&journal, "SELECT count(*) FROM audit_log"), [state.seq.to_string()]);
    drop(journal);
    drop(state);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_view_has_the_columns_that_are_documented() {
    let served = Served::new("drill").await;
    let journal = read_only(&served.bed.home.journal());
    let views = rows(&journal, "SELECT name FROM sqlite_master WHERE type = 'view'");
    let mut there = BTreeMap::new();
    for view in views {
        let name = view[0].clone().unwrap();
        let columns = journal.prepare(&format!("SELECT * FROM {name}")).unwrap();
        there.insert(name, columns.column_names().map(str::to_owned).collect::<Vec<_>>());
    }
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sql.md")).unwrap();
    let mut documented = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let mut words = line.split('`').skip(1).step_by(2).map(str::to_owned);
        documented.insert(words.next().unwrap(), words.collect::<Vec<_>>());
    }
    assert_eq!(there, documented);
    assert!(there.len() > 10);
    drop(journal);
    served.stop().await;
}

/// A view that somebody has changed, or that an older version made, is made anew; and no view is part of what is proved.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_what_this_version_makes_of_it() {
    let served = Served::new("drill").await;
    let bed = served.stop().await;
    let journal = bed.home.journal();
    let forged = "DROP VIEW incidents; CREATE VIEW incidents AS SELECT 'none' AS id;";
    Connection::open(&journal).unwrap().execute_batch(forged).unwrap();
    assert!(codeblue::store::verify_file(&journal).unwrap().ok);
    let served = Served::of(bed).await;
    let columns = read_only(&journal).prepare("SELECT * FROM incidents").unwrap().column_count();
    assert_eq!(columns, 12);
    served.stop().await;
}
