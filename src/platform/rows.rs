//! The check `rows`: what it may say, its keys, and what it remembers from run to run.

use std::{collections::BTreeMap, path::PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    adapter::Adapter,
    model::Component,
    postgres::{PostgresScope, PostgresServer},
    problem::nearest,
    reader::{Found, Reader, Value},
};

/// Rows of a table that may never change once they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowsProbe {
    /// The component whose database it is.
    pub component: String,
    /// Where that is.
    pub database: RowsDatabase,
    /// The table.
    pub table: String,
    /// Its columns that count; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// A condition in SQL for the rows that may not change; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchanging: Option<String>,
    /// Why the rows are right as they stand now; another text begins anew with what it finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

/// Where rows are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum RowsDatabase {
    /// In one file.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// In a server.
    Postgres {
        /// How it is reached.
        server: PostgresServer,
        /// The database in it.
        database: String,
    },
}

/// What rows were when all of them were right the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// When that was.
    pub right_at: DateTime<Utc>,
    /// Since then the component was brought back to an earlier state, in which newer rows are not there yet.
    pub restored: bool,
    /// Of each row a checksum of its key and one of what it holds.
    pub rows: BTreeMap<i64, i64>,
}

pub(super) fn rows(value: &Value<'_>, place: &str, components: &[Component], reader: &mut Reader) -> Option<RowsProbe> {
    let mut section = reader.section(value, place, "rows = { component = \"records\", table = \"doses\" }")?;
    let at = section.at();
    let word = |expected: &'static str| {
        move |reader: &mut Reader, value: &Value<'_>, place: &str| reader.text(value, place, expected)
    };
    let component =
        section.require(reader, "component", "the component whose database it is", word("the name of a component"));
    let table = section.require(reader, "table", "the table that holds the rows", word("the name of a table"));
    let columns = section.read(reader, "columns", |reader, value, place| {
        let items = reader.items(value, place, "columns");
        Some(items.iter().filter_map(|item| reader.text(item, place, "the name of a column")).collect::<Vec<_>>())
    });
    let unchanging = section.read(reader, "unchanging", word("a condition such as \"created < '2026-01-01'\""));
    let database = section.read(reader, "database", word("the name of a database of the server"));
    let accepted = section.read(reader, "accepted", word("why the rows are right as they stand"));
    section.finish(reader);
    let database = source(component.as_ref()?, database, at, place, components, reader)?;
    Some(RowsProbe {
        component: component?.value,
        database,
        table: table?.value,
        columns: columns.unwrap_or_default().into_iter().map(|column| column.value).collect(),
        unchanging: unchanging.map(|condition| condition.value),
        accepted: accepted.map(|reason| reason.value),
    })
}

/// The database of a component.
fn source(
    component: &Found<String>,
    database: Option<Found<String>>,
    at: usize,
    place: &str,
    components: &[Component],
    reader: &mut Reader,
) -> Option<RowsDatabase> {
    let Some(known) = components.iter().find(|known| known.name == component.value) else {
        let meant = nearest(&component.value, components.iter().map(|known| known.name.as_str()));
        let what = format!("no component is named \"{}\"", component.value);
        reader.report(component.at, place, what, "the name of a component".to_owned(), meant);
        return None;
    };
    let of_server =
        |server: &PostgresServer, database: String| Some(RowsDatabase::Postgres { server: server.clone(), database });
    match (&known.adapter, database) {
        (Adapter::Sqlite { path }, None) => Some(RowsDatabase::Sqlite { path: path.clone() }),
        (Adapter::Postgres { server, scope: PostgresScope::Logical { database } }, None) => {
            of_server(server, database.clone())
        }
        (Adapter::Postgres { server, scope: PostgresScope::Physical { .. } }, Some(database)) => {
            of_server(server, database.value)
        }
        (Adapter::Postgres { .. }, None) => {
            let what = "the component is a whole server";
            reader.problem(at, place, what, "database, the one in it that holds the table");
            None
        }
        (Adapter::Sqlite { .. } | Adapter::Postgres { .. }, Some(database)) => {
            reader.problem(database.at, place, "the component is one database", "no \"database\" beside it");
            None
        }
        _ => {
            let what = format!("component \"{}\" has no rows", component.value);
            reader.problem(component.at, place, what, "a component with sqlite or postgres");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::platform::{Platform, Probe, Problems, explain, parse};

    fn read(rows: &str) -> Result<Platform, Problems> {
        let text = format!(
            r#"
[platform]
name = "Clinic"
[[service]]
name = "api"
[[service.check]]
rows = {{ {rows} }}
[[component]]
name = "records"
service = "api"
sqlite = {{ path = "records.db" }}
[[component]]
name = "orders"
service = "api"
postgres = {{ mode = "logical", database = "orders", port = 5433 }}
[[component]]
name = "server"
service = "api"
postgres = {{ data = "/pg" }}
[[component]]
name = "papers"
service = "api"
files = {{ paths = ["/papers"] }}
"#
        );
        parse(&text, Path::new("/srv/codeblue.toml"))
    }

    #[test]
    fn rows_are_those_of_a_component() {
        for (rows, told) in [
            (
                "component = \"records\", table = \"doses\", columns = [\"amount\"], unchanging = \"id < 9\", accepted = \"CHG-7\"",
                "compare amount of doses in /srv/records.db where id < 9 with what they were; accepted: CHG-7\n",
            ),
            (
                "component = \"orders\", table = \"line\"",
                "compare all rows of line in orders at /var/run/postgresql, port 5433",
            ),
            ("component = \"server\", database = \"audit\", table = \"log\"", "compare all rows of log in audit at "),
        ] {
            let platform = read(rows).unwrap_or_else(|problems| panic!("{problems}"));
            assert!(matches!(platform.services[0].checks[0].probe, Probe::Rows(_)));
            let explained = explain(&platform);
            assert!(explained.contains(told), "{explained} lacks {told}");
            let stored = serde_json::to_string(&platform).unwrap();
            assert_eq!(serde_json::from_str::<Platform>(&stored).unwrap(), platform, "the journal keeps all of it");
        }
    }

    #[test]
    fn what_has_no_rows_is_told() {
        for (rows, expected) in [
            ("table = \"doses\"", "\"component\" is missing"),
            ("component = \"records\"", "\"table\" is missing"),
            (
                "component = \"record\", table = \"doses\"",
                "no component is named \"record\"; did you mean \"records\"?",
            ),
            ("component = \"papers\", table = \"doses\"", "\"papers\" has no rows; expected a component with sqlite"),
            ("component = \"server\", table = \"doses\"", "the component is a whole server; expected database"),
            ("component = \"orders\", database = \"x\", table = \"doses\"", "the component is one database"),
            ("component = \"records\", table = \"doses\", where = \"1\"", "unknown key \"where\""),
        ] {
            let told = read(rows).unwrap_err().to_string();
            assert!(told.contains(expected), "{told} lacks {expected}");
        }
    }
}
