//! A table of metrics: three header rows (microservice, metric, statistic), then a row for each time. What is read was
//! written by another program, so the columns may stand in any order, and a cell may hold nothing.

use std::{borrow::Cow, collections::HashMap, fmt};

/// Problems that are told one by one.
const TOLD: usize = 10;
/// The header rows, in their usual order.
const HEADER: [&str; 3] = ["microservice", "metric", "statistic"];
/// What programs write where there is nothing.
const NOTHING: [&str; 8] = ["", "nan", "-nan", "null", "none", "na", "n/a", "-"];

/// What is wrong with a table, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the file, from 1; 0 when it concerns the whole.
    pub row: usize,
    /// The column, as its header calls it or by its number.
    pub column: Option<String>,
    /// What, and what was expected.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match (self.row, &self.column) {
            (0, _) => write!(f, "{}", self.what),
            (row, None) => write!(f, "row {row}: {}", self.what),
            (row, Some(column)) => write!(f, "row {row}, column {column}: {}", self.what),
        }
    }
}

impl Problem {
    pub(super) fn whole(what: impl Into<String>) -> Self {
        Self { row: 0, column: None, what: what.into() }
    }

    pub(super) fn row(row: usize, what: impl Into<String>) -> Self {
        Self { row, column: None, what: what.into() }
    }

    pub(super) fn cell(row: usize, column: impl Into<String>, what: impl Into<String>) -> Self {
        Self { row, column: Some(column.into()), what: what.into() }
    }
}

/// Collects problems up to a number, and says how many more there were.
#[derive(Debug, Default)]
pub(super) struct Problems {
    told: Vec<Problem>,
    more: usize,
}

impl Problems {
    pub(super) fn push(&mut self, problem: Problem) {
        if self.told.len() < TOLD { self.told.push(problem) } else { self.more += 1 }
    }

    pub(super) fn none_or<T>(mut self, good: T) -> Result<T, Vec<Problem>> {
        if self.more > 0 {
            self.told.push(Problem::whole(format!("and {} more like these", self.more)));
        }
        if self.told.is_empty() { Ok(good) } else { Err(self.told) }
    }
}

/// One figure of one node over time; `NaN` where nothing was measured.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) node: String,
    pub(super) metric: String,
    pub(super) statistic: String,
    pub(super) values: Vec<f64>,
}

/// Figures of nodes over time.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) times: Vec<f64>,
    pub(super) columns: Vec<Column>,
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// What is wrong with it and where: up to ten problems, and how many more there are.
    pub fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let mut lines = rows(text);
        let mut header = Vec::new();
        for (number, line) in lines.by_ref().take(HEADER.len()) {
            header.push(cells(number, line).map_err(|problem| vec![problem])?);
        }
        let mut table = Self { times: Vec::new(), columns: columns(&header).map_err(|problem| vec![problem])? };
        let mut problems = Problems::default();
        for (number, line) in lines {
            match cells(number, line) {
                // The line that names the column of times.
                Ok(found) if table.times.is_empty() && found.iter().skip(1).all(|cell| cell.trim().is_empty()) => {
                    if found[0].trim().parse::<f64>().is_ok() {
                        table.take(number, &found, &mut problems);
                    }
                }
                Ok(found) => table.take(number, &found, &mut problems),
                Err(problem) => problems.push(problem),
            }
        }
        if table.times.is_empty() {
            problems
                .push(Problem::whole("there are no rows below the header; each begins with a Unix time in seconds"));
        }
        table.sort();
        problems.none_or(table)
    }

    fn take(&mut self, number: usize, found: &[Cow<str>], problems: &mut Problems) {
        let wide = self.columns.len() + 1;
        if found.len() > wide {
            let what = format!("{} cells, the header has {wide}", found.len());
            return problems.push(Problem::row(number, what));
        }
        let time = found[0].trim();
        match time.parse::<f64>() {
            Ok(time) if time.is_finite() => self.times.push(time),
            _ => {
                return problems.push(Problem::cell(
                    number,
                    "1",
                    format!("{} is no Unix time in seconds", quoted(time)),
                ));
            }
        }
        for (place, column) in self.columns.iter_mut().enumerate() {
            let value = found.get(place + 1).map_or(Some(f64::NAN), |cell| figure(cell));
            column.values.push(value.unwrap_or(f64::NAN));
            if value.is_none() {
                let name = format!("{} {} {}", column.node, column.metric, column.statistic);
                let what = format!("{} is no number; leave the cell empty", quoted(&found[place + 1]));
                problems.push(Problem::cell(number, quoted(&name), what));
            }
        }
    }

    fn sort(&mut self) {
        if self.times.is_sorted() {
            return;
        }
        let mut order: Vec<usize> = (0..self.times.len()).collect();
        order.sort_by(|a, b| self.times[*a].total_cmp(&self.times[*b]));
        let sorted = |values: &[f64]| order.iter().map(|place| values[*place]).collect();
        self.times = sorted(&self.times);
        for column in &mut self.columns {
            column.values = sorted(&column.values);
        }
    }
}

/// The lines that are not empty, with their numbers from 1.
pub(super) fn rows(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.trim_start_matches('\u{feff}');
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty())
}

/// The cells of a line: RFC 4180 without line breaks in a cell.
pub(super) fn cells(number: usize, line: &str) -> Result<Vec<Cow<'_, str>>, Problem> {
    if !line.contains('"') {
        return Ok(line.split(',').map(Cow::Borrowed).collect());
    }
    let (mut found, mut cell, mut within) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if within && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => within = !within,
            ',' if !within => found.push(Cow::Owned(std::mem::take(&mut cell))),
            _ => cell.push(letter),
        }
    }
    if within {
        return Err(Problem::row(number, "a quotation mark is not closed"));
    }
    found.push(Cow::Owned(cell));
    Ok(found)
}

fn columns(header: &[Vec<Cow<str>>]) -> Result<Vec<Column>, Problem> {
    let [first, second, third] = header else {
        let what = "the table has no three header rows: microservice, metric, statistic";
        return Err(Problem::whole(what));
    };
    let labels = [first, second, third].map(|row| row[0].trim().to_ascii_lowercase());
    let place = |name: &str| labels.iter().position(|label| label == name);
    let order = match HEADER.map(place) {
        [Some(node), Some(metric), Some(statistic)] => [node, metric, statistic],
        _ => [0, 1, 2],
    };
    let [nodes, metrics, statistics] = order.map(|row| &header[row]);
    let mut known: HashMap<(String, String, String), usize> = HashMap::new();
    let mut columns = Vec::new();
    for place in 1..nodes.len() {
        let name = |row: &[Cow<str>], what: &str| match row.get(place).map(|cell| clean(cell)) {
            Some(name) if !name.is_empty() => Ok(name),
            _ => Err(Problem::cell(1, (place + 1).to_string(), format!("the header names no {what}"))),
        };
        let key = (name(nodes, HEADER[0])?, name(metrics, HEADER[1])?, name(statistics, HEADER[2])?);
        if let Some(before) = known.insert(key.clone(), place) {
            let what = format!("{} {} {} stands in column {} as well", key.0, key.1, key.2, before + 1);
            return Err(Problem::cell(1, (place + 1).to_string(), what));
        }
        columns.push(Column { node: key.0, metric: key.1, statistic: key.2, values: Vec::new() });
    }
    if columns.is_empty() {
        return Err(Problem::row(1, "the header names no node; are the cells separated by commas?"));
    }
    Ok(columns)
}

/// A name from outside, without control characters.
pub(super) fn clean(name: &str) -> String {
    name.trim().chars().filter(|letter| !letter.is_control()).collect()
}

/// Foreign text in a message, not too long.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}

/// The figure of a cell: `NaN` when it holds none, nothing when it holds something else.
pub(super) fn figure(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    match cell.parse::<f64>() {
        Ok(number) if number.is_finite() => Some(number),
        Ok(_) => Some(f64::NAN),
        Err(_) => NOTHING.iter().any(|word| cell.eq_ignore_ascii_case(word)).then_some(f64::NAN),
    }
}
