//! PetShop: a microservice application under injected faults, with the true root cause of each (Hardt et al., "The PetShop
//! dataset: finding causes of performance issues across microservices", 2024).

use std::{
    fs,
    path::{Path, PathBuf},
};

use codeblue::diagnosis::rank::{Graph, Question, Ranking, Table, rank};
use serde_json::Value;

/// The application: who calls whom, and metrics of two days without an issue.
pub struct Shop {
    pub graph: Graph,
    pub before: Table,
    /// The text of the metrics without an issue, for windows of them.
    pub quiet: String,
    pub issues: Vec<Issue>,
}

pub struct Issue {
    pub name: String,
    pub path: PathBuf,
    pub during: Table,
    pub target: String,
    pub metric: String,
    pub root: String,
}

pub fn table(path: &Path) -> Table {
    Table::read(&fs::read_to_string(path).unwrap()).unwrap()
}

pub fn read(folder: &Path) -> Shop {
    let mut issues = Vec::new();
    for part in ["train", "test"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let truth: Value = serde_json::from_slice(&fs::read(path.join("target.json")).unwrap()).unwrap();
            let text = |side: &str, key: &str| truth[side][key].as_str().unwrap().to_owned();
            issues.push(Issue {
                name: format!("{part}/{}", path.file_name().unwrap().display()),
                during: table(&path.join("metrics.csv")),
                target: text("target", "node"),
                metric: text("target", "metric"),
                root: text("root_cause", "node"),
                path,
            });
        }
    }
    issues.sort_by(|a, b| a.name.cmp(&b.name));
    let quiet = fs::read_to_string(folder.join("noissue/metrics.csv")).unwrap();
    let graph = Graph::read(&fs::read_to_string(folder.join("graph.csv")).unwrap()).unwrap();
    Shop { graph, before: Table::read(&quiet).unwrap(), quiet, issues }
}

impl Shop {
    /// How many rows the time without an issue has.
    pub fn rows(&self) -> usize {
        self.quiet.lines().count() - HEADER
    }

    /// Some rows of the time without an issue.
    pub fn window(&self, from: usize, rows: usize) -> Table {
        let header = self.quiet.lines().take(HEADER);
        let rows = self.quiet.lines().skip(HEADER + from).take(rows);
        Table::read(&header.chain(rows).collect::<Vec<_>>().join("\n")).unwrap()
    }

    pub fn answer(&self, issue: &Issue) -> Ranking {
        let (target, metric) = (issue.target.as_str(), Some(issue.metric.as_str()));
        rank(&Question { graph: &self.graph, before: &self.before, during: &issue.during, target, metric }).unwrap()
    }

    /// Answers about windows in which nothing was wrong: each after a time of `before` rows, `step` rows after the last.
    pub fn quiet_answers(&self, before: usize, during: usize, step: usize, targets: &[&str]) -> Vec<Ranking> {
        let mut answers = Vec::new();
        for from in (0..=self.rows() - before - during).step_by(step) {
            let (before, during) = (self.window(from, before), self.window(from + before, during));
            for target in targets {
                for metric in ["latency", "availability"] {
                    let question =
                        Question { graph: &self.graph, before: &before, during: &during, target, metric: Some(metric) };
                    answers.extend(rank(&question));
                }
            }
        }
        answers
    }
}

/// Lines above the first row.
const HEADER: usize = 4;

/// The place of the true root among the candidates, from 0.
pub fn place(ranking: &Ranking, issue: &Issue) -> Option<usize> {
    ranking.candidates.iter().position(|candidate| candidate.node == issue.root)
}
