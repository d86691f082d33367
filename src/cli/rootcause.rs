//! `codeblue rootcause`

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use super::{
    error::{CliError, Exit},
    output::Output,
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::diagnosis::rank::{self, Graph, Problem, Question, Ranking, Unanswerable};

/// A file has no more bytes than this: 5,000 columns of a month at five minutes each.
const FILE: u64 = 1 << 30;
/// Candidates that people are shown the evidence of, and how likely they must be for it.
const EXPLAINED: (usize, f64) = (3, 0.01);

/// Rank the nodes of a call graph by how likely each is the root cause, from metrics before and during the trouble
///
/// The metrics have three header rows (microservice, metric, statistic) and then a row for each time, which begins with
/// Unix seconds. Empty cells are fine, and so are nodes without metrics.
#[derive(Debug, Args)]
pub struct Rootcause {
    /// Who calls whom: a square table with node names on both sides, 1 where the row's node calls the column's
    #[arg(long, value_name = "GRAPH.csv")]
    graph: PathBuf,
    /// Metrics of a time without trouble, the longer the better
    #[arg(long, value_name = "METRICS.csv")]
    before: PathBuf,
    /// Metrics of the trouble
    #[arg(long, value_name = "METRICS.csv")]
    during: PathBuf,
    /// The node at which the trouble was noticed
    #[arg(long, value_name = "NODE")]
    target: String,
    /// What got worse there, such as latency or availability; without it, what got worse by most
    #[arg(long, value_name = "METRIC")]
    metric: Option<String>,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Found<'a> {
    candidates: Vec<Candidate<'a>>,
    abstained: bool,
}

#[derive(Debug, Serialize)]
struct Candidate<'a> {
    node: &'a str,
    score: f64,
    probability: f64,
    evidence: &'a [String],
}

impl Rootcause {
    pub(super) fn run(self, session: &Session) -> Result<Exit, CliError> {
        let graph = read(&self.graph, Graph::read)?;
        let before = read(&self.before, rank::Table::read)?;
        let during = read(&self.during, rank::Table::read)?;
        let (target, metric) = (self.target.as_str(), self.metric.as_deref());
        let question = Question { graph: &graph, before: &before, during: &during, target, metric };
        let ranking = rank::rank(&question).map_err(|error| CliError::Usage(self.explained(&error, &graph)))?;
        let candidates = ranking.candidates.iter().map(|candidate| Candidate {
            node: &candidate.node,
            score: candidate.score,
            probability: candidate.probability,
            evidence: &candidate.evidence,
        });
        let found = Found { candidates: candidates.collect(), abstained: ranking.abstained };
        session.output.result(&found, || describe(&ranking, target, &session.output))?;
        Ok(Exit::Done)
    }

    fn explained(&self, error: &Unanswerable, graph: &Graph) -> String {
        let (graph_file, before, during) = (self.graph.display(), self.before.display(), self.during.display());
        match error {
            Unanswerable::UnknownTarget(name) => {
                let near = graph.names().iter().map(|known| (strsim::jaro_winkler(known, name), known));
                let near = near.filter(|(near, _)| *near > 0.7).max_by(|a, b| a.0.total_cmp(&b.0));
                let meant = near.map_or_else(String::new, |(_, known)| format!("; did you mean {known:?}?"));
                format!("{graph_file}: {error}{meant}")
            }
            _ => format!("{before}, {during}: {error}"),
        }
    }
}

/// Reads a file whole; what is wrong in it is told with its name.
fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, Vec<Problem>>) -> Result<T, CliError> {
    let name = path.display();
    let problem = |error: &dyn std::fmt::Display| CliError::Usage(format!("{name}: {error}"));
    let file = File::open(path).map_err(|error| problem(&error))?;
    let mut bytes = Vec::new();
    file.take(FILE + 1).read_to_end(&mut bytes).map_err(|error| problem(&error))?;
    if bytes.len() as u64 > FILE {
        return Err(problem(&"longer than 1 GiB; give a shorter time"));
    }
    parse(&String::from_utf8_lossy(&bytes)).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(|problem| format!("{name}, {problem}")).collect();
        CliError::Usage(told.join("\n"))
    })
}

fn describe(ranking: &Ranking, target: &str, output: &Output) -> String {
    let (metric, target) = (text::line(&ranking.metric), text::line(target));
    let none = format!("none of these: {:.0} %\n", 100.0 * ranking.none);
    if ranking.candidates.is_empty() {
        return format!("nothing stands out in the {metric} of {target} and what it calls\n");
    }
    let mut table = Table::new(["PROBABILITY", "SCORE", "NODE"]);
    for (place, candidate) in ranking.candidates.iter().enumerate() {
        let node = match place {
            0 if !ranking.abstained => Cell::painted(&candidate.node, Paint::Strong),
            _ => Cell::from(&candidate.node),
        };
        let probability = format!("{:.0} %", 100.0 * candidate.probability);
        table.row([Cell::from(probability), Cell::from(format!("{:.2}", candidate.score)), node]);
    }
    let mut told = table.render(output) + &none;
    let (most, likely) = EXPLAINED;
    for candidate in ranking.candidates.iter().take(most).filter(|candidate| candidate.probability >= likely) {
        told += &format!("\n{}\n", text::line(&candidate.node));
        for line in &candidate.evidence {
            told += &format!("  {}\n", text::line(line));
        }
    }
    if ranking.abstained {
        told = format!("nothing stands out enough in the {metric} of {target} and what it calls to be named\n\n{told}");
    }
    told
}
