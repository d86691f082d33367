//! What is wrong with a runbook, told so that it can be put right at once.

use std::fmt;

use serde::Serialize;

use crate::platform::nearest;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The book cannot be run as it is.
    Error,
    /// It can be run, and somebody should look at it.
    Warning,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// How much it weighs.
    pub level: Level,
    /// Name of the rule, as docs/runbooks.md lists it.
    pub rule: &'static str,
    /// The field of the front matter, the section or the step; may be empty.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What would be right; may be empty.
    pub expected: String,
    /// The right value that was probably meant.
    pub nearest: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(out, "{}:{}:{}: {level}: ", self.file, self.line, self.column)?;
        if !self.place.is_empty() {
            write!(out, "{}: ", self.place)?;
        }
        out.write_str(&self.what)?;
        match &self.nearest {
            Some(nearest) => write!(out, "; did you mean \"{nearest}\"?")?,
            None if self.expected.is_empty() => {}
            None => write!(out, "; expected {}", self.expected)?,
        }
        write!(out, " [{}]", self.rule)
    }
}

/// A text being read, and what has been found wrong with it.
pub(super) struct Notes {
    file: String,
    lines: Vec<String>,
    starts: Vec<usize>,
    findings: Vec<Finding>,
}

impl Notes {
    pub(super) fn new(file: &str, text: &str) -> Self {
        let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let starts = lines
            .iter()
            .scan(0, |next, line| {
                let start = *next;
                *next += line.len() + 1;
                Some(start)
            })
            .collect();
        Self { file: file.to_owned(), lines, starts, findings: Vec::new() }
    }

    /// The line, counted from 1, on which a byte of the text stands.
    pub(super) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// Notes an error at a byte of the text.
    pub(super) fn error(
        &mut self,
        rule: &'static str,
        at: usize,
        place: &str,
        what: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.note(Level::Error, rule, at, place, what.into(), expected.into(), None);
    }

    /// Notes something that somebody should look at.
    pub(super) fn warning(
        &mut self,
        rule: &'static str,
        at: usize,
        place: &str,
        what: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.note(Level::Warning, rule, at, place, what.into(), expected.into(), None);
    }

    /// Notes that a name is none of those there are, with the one that was probably meant.
    pub(super) fn unknown<'a>(
        &mut self,
        rule: &'static str,
        at: usize,
        place: &str,
        what: &str,
        written: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        let meant = nearest(written, known.iter().copied());
        let expected = if known.is_empty() { String::new() } else { format!("one of {}", known.join(", ")) };
        self.note(Level::Error, rule, at, place, what.to_owned(), expected, meant);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a finding, from the functions above alone")]
    fn note(
        &mut self,
        level: Level,
        rule: &'static str,
        at: usize,
        place: &str,
        what: String,
        expected: String,
        nearest: Option<String>,
    ) {
        let index = self.line(at).saturating_sub(1);
        let within = at.saturating_sub(self.starts[index]);
        let column = self.lines[index].char_indices().take_while(|(offset, _)| *offset < within).count() + 1;
        self.findings.push(Finding {
            file: self.file.clone(),
            line: index + 1,
            column,
            level,
            rule,
            place: place.to_owned(),
            what,
            expected,
            nearest,
        });
    }

    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Error)
    }

    /// All of them, in the order of the text, each once.
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|found| (found.line, found.column, found.level));
        self.findings.dedup();
        self.findings
    }
}
