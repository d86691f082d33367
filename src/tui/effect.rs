//! What a dry run found, in a few words.

use crate::{
    engine::{ComponentDifference, FileChange},
    platform::count,
};

/// What would change in a component, such as `rows of 1 table (6 → 0) · 41 files`.
#[must_use]
pub fn effect(found: &ComponentDifference) -> String {
    if found.total == 0 {
        return "nothing, it is so already".to_owned();
    }
    let tables: Vec<&FileChange> = found.files.iter().filter(|file| is_table(file)).collect();
    let files = found.total.saturating_sub(tables.len() as u64);
    let mut parts = Vec::new();
    if !tables.is_empty() {
        let rows = |pick: fn(&FileChange) -> Option<u64>| tables.iter().filter_map(|table| pick(table)).sum::<u64>();
        let (before, after) = (rows(|table| table.before), rows(|table| table.after));
        parts.push(format!("rows of {} ({before} → {after})", count(tables.len(), "table")));
    }
    if files > 0 {
        parts.push(count(files, "file"));
    }
    parts.join(" · ")
}

/// Whether a difference is one of rows in a table.
#[must_use]
pub fn is_table(file: &FileChange) -> bool {
    file.path.starts_with("table ")
}
