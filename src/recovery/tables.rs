//! The tables of a database, as a dry run compares them.

use std::collections::{BTreeMap, BTreeSet};

use super::TableDifference;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Its columns, written so that equal ones are equal.
    pub(super) shape: Option<String>,
    /// How many it holds, where they can be counted.
    pub(super) rows: Option<u64>,
}

/// Tables by name.
pub(super) type Tables = BTreeMap<String, Table>;

/// Rows in all of them.
pub(super) fn total(tables: &Tables) -> u64 {
    tables.values().filter_map(|table| table.rows).sum()
}

/// What differs from one to the other.
pub(super) fn differences(before: &Tables, after: &Tables) -> Vec<TableDifference> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let (was, will) = (before.get(name), after.get(name));
            TableDifference {
                table: name.clone(),
                before_rows: was.and_then(|table| table.rows),
                after_rows: will.and_then(|table| table.rows),
                schema_changed: was.map(|table| &table.shape) != will.map(|table| &table.shape),
            }
        })
        .collect()
}
