//! Loghub 2k: 2,000 lines of the logs of a system, with the true template of each (Zhu et al., "Loghub: a large collection of
//! system log datasets for AI-driven log analytics", 2023). The measure is grouping accuracy: the share of lines whose group
//! is exactly the true one.

use std::{collections::BTreeMap, path::Path};

/// The lines of a system and the true group of each.
pub struct Set {
    pub name: String,
    pub lines: Vec<String>,
    pub truth: Vec<String>,
}

/// The sets in a folder, in the order of their names.
pub fn sets(folder: &Path) -> Vec<Set> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.iter().map(|folder| read(folder)).collect()
}

fn read(folder: &Path) -> Set {
    let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let bytes = std::fs::read(folder.join(format!("{name}_2k.log_structured.csv"))).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let mut rows = text.lines().map(fields);
    let heads = rows.next().unwrap();
    let column = |name: &str| heads.iter().position(|head| head == name).unwrap();
    let (content, event) = (column("Content"), column("EventId"));
    let (lines, truth) = rows.map(|row| (row[content].clone(), row[event].clone())).unzip();
    Set { name, lines, truth }
}

/// The fields of a row of CSV.
fn fields(row: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    let mut letters = row.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => fields.last_mut().unwrap().push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => fields.last_mut().unwrap().push(letter),
        }
    }
    fields
}

/// How well lines were grouped.
#[derive(Debug, Clone, Copy)]
pub struct Score {
    /// The share of lines whose group is exactly the true one.
    pub lines: f64,
    /// The harmonic mean of the shares of found and of true groups that are exactly right.
    pub groups: f64,
}

pub fn score<T: Ord>(truth: &[String], found: &[T]) -> Score {
    assert_eq!(truth.len(), found.len());
    let (truth, found) = (groups(truth), groups(found));
    let right = |group: &&Vec<usize>| truth.contains_key(&group[0]) && truth[&group[0]] == **group;
    let right: Vec<usize> = found.values().filter(right).map(Vec::len).collect();
    let lines: usize = truth.values().map(Vec::len).sum();
    Score {
        lines: right.iter().sum::<usize>() as f64 / lines as f64,
        groups: 2.0 * right.len() as f64 / (truth.len() + found.len()) as f64,
    }
}

/// The lines of each group, by the first of them.
fn groups<T: Ord>(names: &[T]) -> BTreeMap<usize, Vec<usize>> {
    let mut named: BTreeMap<&T, Vec<usize>> = BTreeMap::new();
    for (line, name) in names.iter().enumerate() {
        named.entry(name).or_default().push(line);
    }
    named.into_values().map(|lines| (lines[0], lines)).collect()
}
