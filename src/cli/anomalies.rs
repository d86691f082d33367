//! `codeblue anomalies`

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use chrono::{DateTime, NaiveDateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::{
    error::{CliError, Exit},
    output::Output,
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::domain::{AnomalyKind, Scorer};

/// A line has no more bytes than this.
const LINE: u64 = 1024;
/// A score of each row is kept until the end; the rest needs the same memory for any number of rows.
const ROWS: usize = 10_000_000;
/// Bad lines that are told one by one.
const TOLD: usize = 10;

/// Score a series of figures row by row and tell what is unusual
///
/// FILE is a table with the columns timestamp,value. The score of a row, 0 to 1, depends on the rows before it alone.
#[derive(Debug, Args)]
pub struct Anomalies {
    /// The table in CSV; `-` is standard input
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Found {
    scores: Vec<f64>,
    alerts: Vec<Alert>,
}

#[derive(Debug, Serialize)]
struct Alert {
    /// As it stands in the file.
    timestamp: String,
    score: f64,
    kind: AnomalyKind,
    #[serde(skip)]
    value: f64,
}

impl Anomalies {
    pub(super) fn run(self, session: &Session) -> Result<Exit, CliError> {
        let found = if self.file == Path::new("-") {
            score(io::stdin().lock(), "standard input")?
        } else {
            let name = self.file.display().to_string();
            let file = File::open(&self.file).map_err(|error| CliError::Usage(format!("{name}: {error}")))?;
            score(BufReader::new(file), &name)?
        };
        session.output.result(&found, || describe(&found, &session.output))?;
        Ok(Exit::Done)
    }
}

fn describe(found: &Found, output: &Output) -> String {
    let rows = text::count(found.scores.len(), "row");
    if found.alerts.is_empty() {
        return format!("nothing unusual in {rows}\n");
    }
    let mut table = Table::new(["TIME", "SCORE", "VALUE", "KIND"]);
    for alert in &found.alerts {
        table.row([
            Cell::from(&alert.timestamp),
            Cell::from(format!("{:.3}", alert.score)),
            Cell::from(alert.value.to_string()),
            Cell::painted(alert.kind.name(), Paint::Warn),
        ]);
    }
    format!("{}\n{} in {rows}\n", table.render(output), text::count(found.alerts.len(), "alert"))
}

fn score(mut input: impl BufRead, name: &str) -> Result<Found, CliError> {
    let (mut found, mut scorer) = (Found::default(), Scorer::default());
    let (mut bytes, mut number, mut header) = (Vec::new(), 0_u64, false);
    let (mut problems, mut more) = (Vec::new(), 0_u64);
    loop {
        bytes.clear();
        let read = input.by_ref().take(LINE + 1).read_until(b'\n', &mut bytes);
        if read.map_err(|error| CliError::Failed(format!("{name}: {error}")))? == 0 {
            break;
        }
        number += 1;
        if bytes.len() as u64 > LINE {
            return Err(CliError::Usage(format!(
                "{name}, line {number}: longer than {LINE} bytes, so it is no such table"
            )));
        }
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() {
            continue;
        }
        if !header {
            is_header(line).map_err(|problem| CliError::Usage(format!("{name}, line {number}: {problem}")))?;
            header = true;
            continue;
        }
        match row(line) {
            Ok((timestamp, at, value)) => {
                if found.scores.len() == ROWS {
                    return Err(CliError::Usage(format!("{name} has more than {ROWS} rows; give it in parts")));
                }
                let (score, kind) = scorer.take(at, value);
                found.scores.push(score);
                let timestamp = || timestamp.to_owned();
                found.alerts.extend(kind.map(|kind| Alert { timestamp: timestamp(), score, kind, value }));
            }
            Err(problem) if problems.len() < TOLD => problems.push(format!("{name}, line {number}: {problem}")),
            Err(_) => more += 1,
        }
    }
    if !header {
        return Err(CliError::Usage(format!("{name} is empty; a table begins with the line timestamp,value")));
    }
    if more > 0 {
        problems.push(format!("and {} more", text::count(more, "line")));
    }
    if problems.is_empty() { Ok(found) } else { Err(CliError::Usage(problems.join("\n"))) }
}

fn is_header(line: &str) -> Result<(), String> {
    let names: Vec<String> = line.split(',').map(|name| bare(name).to_ascii_lowercase()).collect();
    if names == ["timestamp", "value"] {
        return Ok(());
    }
    Err(format!("the first line is {}, it must be timestamp,value", quoted(line)))
}

fn row(line: &str) -> Result<(&str, DateTime<Utc>, f64), String> {
    let mut fields = line.split(',');
    let (Some(at), Some(value), None) = (fields.next().map(bare), fields.next().map(bare), fields.next()) else {
        let count = line.split(',').count();
        return Err(format!("{}, expected 2: timestamp,value", text::count(count, "column")));
    };
    let time = time(at).ok_or_else(|| {
        format!("{} is no time; write 2026-01-15T14:05:00Z, 2026-01-15 14:05:00 (UTC) or Unix seconds", quoted(at))
    })?;
    if value.is_empty() {
        return Err("the value is missing; leave the row out".to_owned());
    }
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((at, time, number)),
        _ => Err(format!("{} is no number; leave the row out", quoted(value))),
    }
}

/// A field without its quotes.
fn bare(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field)
}

/// Foreign text in a message, not too long.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(60).collect::<String>())
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    let plain = || formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    zoned.or_else(|| plain().map(|at| at.and_utc())).or_else(|| unix(text))
}

fn unix(text: &str) -> Option<DateTime<Utc>> {
    let micros = text.parse::<f64>().ok()? * 1e6;
    #[expect(clippy::cast_possible_truncation, reason = "what does not fit is no time")]
    (micros.abs() < 1e18).then(|| DateTime::from_timestamp_micros(micros as i64)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(table: &str) -> String {
        score(table.as_bytes(), "cpu.csv").unwrap_err().to_string()
    }

    #[test]
    fn bad_rows_are_told_with_their_lines_all_at_once() {
        let told = problem(
            "timestamp,value\n2026-01-15 14:00:00,1\n2026-01-15 14:05:00,\nsoon,2\n2026-01-15 14:10:00,NaN\n2026-01-15 14:15:00,1,2\n2026-01-15 14:20:00\n",
        );
        assert_eq!(
            told.lines().collect::<Vec<_>>(),
            [
                "cpu.csv, line 3: the value is missing; leave the row out",
                "cpu.csv, line 4: \"soon\" is no time; write 2026-01-15T14:05:00Z, 2026-01-15 14:05:00 (UTC) or Unix seconds",
                "cpu.csv, line 5: \"NaN\" is no number; leave the row out",
                "cpu.csv, line 6: 3 columns, expected 2: timestamp,value",
                "cpu.csv, line 7: 1 column, expected 2: timestamp,value",
            ]
        );
        let many = format!("timestamp,value\n{}", "now,1\n".repeat(25));
        assert!(problem(&many).ends_with("line 11: \"now\" is no time; write 2026-01-15T14:05:00Z, 2026-01-15 14:05:00 (UTC) or Unix seconds\nand 15 lines more"));
    }

    #[test]
    fn what_is_no_table_is_told_at_its_first_line() {
        assert!(problem("").contains("is empty"));
        assert!(problem("time,load\n1,2\n").contains("line 1: the first line is \"time,load\", it must be"));
        assert!(problem(&"x".repeat(5000)).contains("line 1: longer than 1024 bytes"));
    }

    #[test]
    fn times_quotes_and_line_ends_may_be_written_in_several_ways() {
        let table = "\u{feff}Timestamp, Value\r\n\"2026-01-15 14:00:00\",\"1.5\"\r\n2026-01-15T14:05:00+01:00, -2e3\r\n\r\n1768485900,7\n1768485900.5,7";
        assert_eq!(score(table.as_bytes(), "-").unwrap().scores, [0.0; 4]);
        assert_eq!(time("1768485900"), time("2026-01-15T14:05:00Z"));
        assert_eq!(time("2026-01-15 14:05"), time("2026-01-15T15:05:00+01:00"));
    }
}
