//! Who calls whom: a square table with node names on both sides, where a cell that is not 0 says that the node of its row
//! calls the node of its column.

use std::collections::HashMap;

use super::table::{Problem, Problems, cells, clean, figure, quoted, rows};

/// The calls between nodes.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// The nodes, in the order of the table's columns.
    pub(super) names: Vec<String>,
    pub(super) calls: Vec<Vec<usize>>,
    pub(super) callers: Vec<Vec<usize>>,
    places: HashMap<String, usize>,
}

impl Graph {
    /// Reads a graph. A node may stand on one side alone: then it calls nobody, or nobody calls it.
    ///
    /// # Errors
    /// What is wrong with the table and where.
    pub fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let mut lines = rows(text);
        let (mut graph, mut problems) = (Self::default(), Problems::default());
        let (number, line) = lines.next().ok_or_else(|| vec![Problem::whole("the graph is empty")])?;
        let header = cells(number, line).map_err(|problem| vec![problem])?;
        let columns: Vec<usize> = header.iter().skip(1).map(|name| graph.node(&clean(name))).collect();
        if columns.is_empty() {
            problems.push(Problem::row(number, "it names no nodes; are the cells separated by commas?"));
        }
        for (number, line) in lines {
            let found = match cells(number, line) {
                Ok(found) => found,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            if found.len() > header.len() {
                let what = format!("{} cells, the header has {}", found.len(), header.len());
                problems.push(Problem::row(number, what));
                continue;
            }
            let from = graph.node(&clean(&found[0]));
            for (cell, to) in found.iter().skip(1).zip(&columns) {
                match called(cell) {
                    Some(true) => graph.call(from, *to),
                    Some(false) => {}
                    None => {
                        let what = format!("{} is neither 0 nor 1", quoted(cell));
                        problems.push(Problem::cell(number, quoted(&graph.names[*to]), what));
                    }
                }
            }
        }
        problems.none_or(graph)
    }

    /// The node of a name, if the graph has it.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The names of all nodes.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn node(&mut self, name: &str) -> usize {
        if let Some(place) = self.find(name) {
            return place;
        }
        self.places.insert(name.to_owned(), self.names.len());
        self.names.push(name.to_owned());
        self.calls.push(Vec::new());
        self.callers.push(Vec::new());
        self.names.len() - 1
    }

    pub(super) fn call(&mut self, from: usize, to: usize) {
        if from != to && !self.calls[from].contains(&to) {
            self.calls[from].push(to);
            self.callers[to].push(from);
        }
    }

    /// A node and all that it calls, directly or through others.
    pub(super) fn below(&self, node: usize) -> Vec<usize> {
        let (mut seen, mut next) = (vec![false; self.names.len()], vec![node]);
        seen[node] = true;
        while let Some(place) = next.pop() {
            for callee in &self.calls[place] {
                if !std::mem::replace(&mut seen[*callee], true) {
                    next.push(*callee);
                }
            }
        }
        (0..self.names.len()).filter(|place| seen[*place]).collect()
    }
}

fn called(cell: &str) -> Option<bool> {
    match cell.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => figure(cell).map(|number| number.is_finite() && number != 0.0),
    }
}
