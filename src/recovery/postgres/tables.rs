//! Looking at what a server holds: every table counted, every index checked where the extension for it is there.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    super::{
        RecoveryError,
        tables::{Table, Tables},
    },
    tool::{Call, Endpoint, LONG, Tools},
};
use crate::vault::CancelFlag;

/// Each ordinary table with its columns, and the statement that counts it.
const TABLES: &str = "select coalesce(json_agg(json_build_object(
    'name', format('%I.%I', n.nspname, c.relname),
    'shape', (select md5(string_agg(format('%s %s %s', attname, format_type(atttypid, atttypmod), attnotnull), ',' order by attnum))
              from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped),
    'count', format('select %L as name, count(*) as rows from only %I.%I', format('%I.%I', n.nspname, c.relname), n.nspname, c.relname)
  )), '[]')
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'";
const CHECKED: &str = "select to_json(exists (select 1 from pg_extension where extname = 'amcheck'))";

#[derive(Deserialize)]
struct Named {
    name: String,
    shape: Option<String>,
    count: String,
}

#[derive(Deserialize)]
struct Counted {
    name: String,
    rows: u64,
}

/// Reads every row of every table of the databases, named by database, schema and table; fails when one cannot be read.
pub(super) fn tables(
    tools: &Tools,
    endpoint: &Endpoint,
    databases: &[String],
    cancel: &CancelFlag,
) -> Result<Tables, RecoveryError> {
    let mut found = Tables::new();
    for database in databases {
        let named: Vec<Named> = tools.ask(endpoint, database, TABLES, LONG, cancel)?;
        let mut rows = BTreeMap::new();
        // one statement of bounded length sees one state of so many tables
        for part in named.chunks(500) {
            let counts: Vec<&str> = part.iter().map(|one| one.count.as_str()).collect();
            let question = format!("select json_agg(found) from ({}) as found", counts.join("\nunion all "));
            let counted: Vec<Counted> = tools.ask(endpoint, database, &question, LONG, cancel)?;
            rows.extend(counted.into_iter().map(|one| (one.name, one.rows)));
        }
        for one in named {
            let rows = rows.get(&one.name).copied();
            found.insert(format!("{database}.{}", one.name), Table { shape: one.shape, rows });
        }
    }
    Ok(found)
}

/// Checks tables and indexes of those databases that have the extension `amcheck`. How many have it.
pub(super) fn check(
    tools: &Tools,
    endpoint: &Endpoint,
    databases: &[String],
    cancel: &CancelFlag,
) -> Result<usize, RecoveryError> {
    let mut checked = 0;
    for database in databases {
        if tools.ask(endpoint, database, CHECKED, LONG, cancel)? {
            let call = Call::new("check tables and indexes", "pg_amcheck")
                .args(["--no-password", "--database", database])
                .at(endpoint, database)
                .within(LONG);
            tools.run(&call, cancel)?;
            checked += 1;
        }
    }
    Ok(checked)
}
