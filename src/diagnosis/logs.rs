//! Reading the end of log files, and finding the lines that repeat.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    line::{Level, Line},
    redact::Redactor,
    signs::tells,
};
use crate::platform::Platform;

/// The end of one log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogExcerpt {
    /// The service it belongs to.
    pub service: String,
    /// Its path.
    pub path: String,
    /// Its last lines, oldest first.
    pub lines: Vec<String>,
}

/// The ends of the log files of these services, at most `limit` bytes of each. A file that cannot be read is left out: it is
/// evidence of nothing.
#[must_use]
pub fn collect_logs(platform: &Platform, services: &[String], limit: usize) -> Vec<LogExcerpt> {
    services
        .iter()
        .filter_map(|name| platform.service(name))
        .flat_map(|service| service.logs.iter().map(|path| (service.name.clone(), path)))
        .filter_map(|(service, path)| {
            let lines = tail(path, limit).ok()?;
            Some(LogExcerpt { service, path: path.display().to_string(), lines })
        })
        .collect()
}

pub(super) fn tail(path: &Path, limit: usize) -> io::Result<Vec<String>> {
    // Opening a pipe that nobody writes to would wait for ever.
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(limit as u64);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(limit as u64).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first line is cut when the file is longer than what was read.
    let skip = usize::from(start > 0);
    Ok(text.lines().skip(skip).map(str::to_owned).collect())
}

/// A kind of line that was seen since the trouble began.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Repeated {
    /// The newest line of its kind, redacted.
    pub(super) line: String,
    /// The oldest of them, redacted.
    pub(super) earliest: String,
    /// The newest line in small letters, as it was written: for comparing, never for showing.
    pub(super) raw: String,
    /// The service that it names, of those that its own one needs.
    pub(super) named: Option<String>,
    /// How loud.
    pub(super) level: Level,
    /// How often the kind was seen since then.
    pub(super) count: u64,
    /// It was not there before: what was always there explains nothing.
    pub(super) new: bool,
    /// When first since then.
    pub(super) first: Option<DateTime<Utc>>,
    /// When last.
    pub(super) last: Option<DateTime<Utc>>,
}

/// How long before a trouble is noticed its first lines may have been written.
const NOTICED_WITHIN: TimeDelta = TimeDelta::seconds(60);
/// Characters of a line that are compared.
const COMPARED: usize = 600;

/// What is collected of a kind before anything is redacted.
struct Seen {
    newest: String,
    oldest: String,
    level: Level,
    count: u64,
    new: bool,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

/// Kinds of lines that tell of something since a minute before the trouble: errors before all else, new kinds before known ones,
/// then the most frequent. Lines are of one kind when they differ only in words with digits. A line without a time has that of
/// the line before it. Lines of the troubles that are `over`, from the first sign to the end of each, tell nothing of this one.
/// `named` says which service a line in small letters names.
pub(super) fn telling<'a>(
    redactor: &Redactor,
    excerpts: impl Iterator<Item = &'a LogExcerpt>,
    trouble: DateTime<Utc>,
    over: &[(DateTime<Utc>, DateTime<Utc>)],
    named: impl Fn(&str) -> Option<String>,
) -> Vec<Repeated> {
    let since = trouble - NOTICED_WITHIN;
    let is_over = |at| over.iter().any(|(noticed, end)| (*noticed - NOTICED_WITHIN..*end).contains(&at));
    let mut kinds: HashMap<String, Seen> = HashMap::new();
    for excerpt in excerpts {
        let (mut recent, mut past) = (true, false);
        for line in excerpt.lines.iter().map(|line| Line::read(line, trouble)) {
            recent = line.at.map_or(recent, |at| at >= since);
            past = line.at.map_or(past, is_over);
            let text: String = line.message.chars().take(COMPARED).collect();
            if past || !tells(line.level, &text.to_lowercase()) {
                continue;
            }
            let seen = kinds.entry(kind(&text)).or_insert(Seen {
                newest: String::new(),
                oldest: String::new(),
                level: line.level,
                count: 0,
                new: true,
                first: None,
                last: None,
            });
            if recent {
                seen.count += 1;
                seen.level = seen.level.max(line.level);
                seen.first = seen.first.or(line.at);
                seen.last = line.at.or(seen.last);
                if seen.oldest.is_empty() {
                    seen.oldest.clone_from(&text);
                }
                seen.newest = text;
            } else {
                seen.new = false;
            }
        }
    }
    let told = |seen: Seen| Repeated {
        line: redactor.line(&seen.newest),
        earliest: redactor.line(&seen.oldest),
        raw: seen.newest.to_lowercase(),
        named: named(&seen.newest.to_lowercase()),
        level: seen.level,
        count: seen.count,
        new: seen.new,
        first: seen.first,
        last: seen.last,
    };
    let mut found: Vec<Repeated> = kinds.into_values().filter(|kind| kind.count > 0).map(told).collect();
    let loud = |found: &Repeated| found.level == Level::Error;
    found.sort_by(|a, b| (loud(b), b.new, b.count).cmp(&(loud(a), a.new, a.count)).then_with(|| a.line.cmp(&b.line)));
    found
}

fn kind(message: &str) -> String {
    let words = message.split_whitespace().take(40);
    words.map(|word| if word.contains(|c: char| c.is_ascii_digit()) { "*" } else { word }).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble() -> DateTime<Utc> {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }

    fn seen(lines: &[&str]) -> Vec<(String, u64, bool)> {
        seen_after(lines, &[])
    }

    fn seen_after(lines: &[&str], over: &[(DateTime<Utc>, DateTime<Utc>)]) -> Vec<(String, u64, bool)> {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let excerpt = LogExcerpt { service: "api".to_owned(), path: "api.log".to_owned(), lines };
        telling(&Redactor::default(), [&excerpt].into_iter(), trouble(), over, |_| None)
            .into_iter()
            .filter(|found| found.level == Level::Error)
            .map(|found| (found.line, found.count, found.new))
            .collect()
    }

    #[test]
    fn the_most_frequent_error_comes_first_whatever_its_numbers() {
        let found = seen(&[
            "2026-01-01T12:00:00Z INFO started",
            "2026-01-01T12:00:01Z ERROR pool empty",
            "2026-01-01T12:00:01Z ERROR patient 7: missing column dose_unit",
            "2026-01-01T12:00:03Z ERROR patient 1018: missing column dose_unit",
        ]);
        let expected = [("patient [MRN]: missing column dose_unit", 2, true), ("pool empty", 1, true)];
        assert_eq!(found, expected.map(|(line, count, new)| (line.to_owned(), count, new)));
    }

    #[test]
    fn what_was_always_there_comes_last_and_what_is_over_does_not_come() {
        let found = seen(&[
            "2026-01-01T09:00:00Z ERROR disk of node 3 was full",
            "2026-01-01T11:00:00Z ERROR cache miss 1",
            "2026-01-01T12:00:01Z ERROR cache miss 2",
            "2026-01-01T12:00:02Z ERROR cache miss 3",
            "2026-01-01T12:00:02Z ERROR no such column",
        ]);
        let expected = [("no such column", 1, true), ("cache miss 3", 2, false)];
        assert_eq!(found, expected.map(|(line, count, new)| (line.to_owned(), count, new)));
    }

    #[test]
    fn the_lines_of_a_trouble_that_is_over_do_not_speak_of_the_next() {
        let over = [(trouble() - TimeDelta::seconds(20), trouble() - TimeDelta::seconds(5))];
        let lines = [
            "2026-01-01T11:59:42Z ERROR disk image is malformed",
            "2026-01-01T11:59:43Z ERROR no such column",
            "2026-01-01T12:00:01Z ERROR no such column",
        ];
        assert_eq!(seen_after(&lines, &over), [("no such column".to_owned(), 1, true)]);
    }

    #[test]
    fn a_line_without_a_time_is_as_old_as_the_line_before_it() {
        assert_eq!(seen(&["2026-01-01T09:00:00Z INFO start", "thread 'main' panicked at main.rs:4"]), []);
    }

    #[test]
    fn levels_are_read_as_loggers_write_them() {
        for line in [
            "[2026-01-01T12:00:01Z ERROR api::db] pool empty",
            "2026-01-01 12:00:01,123 - ERROR - pool empty",
            "2026-01-01T12:00:01Z level=error pool empty",
            "2026-01-01 12:00:01 [error] pool empty",
            "error: pool empty",
            r#"{"ts":"2026-01-01T12:00:01Z","level":"error","msg":"pool empty"}"#,
        ] {
            let found = seen(&[line]);
            assert!(found.len() == 1 && found[0].0.ends_with("pool empty"), "{line}: {found:?}");
        }
        for line in [
            "2026-01-01T12:00:01Z INFO showed the ERROR page",
            "2026-01-01T12:00:01Z WARN 0 errors",
            r#"{"level":"info","msg":"error: none"}"#,
        ] {
            assert_eq!(seen(&[line]), [], "{line}");
        }
    }

    #[test]
    fn only_the_end_of_a_long_file_is_read_and_whole_lines_of_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "first line\nsecond line\nthird line\n").unwrap();
        assert_eq!(tail(file.path(), 20).unwrap(), ["third line"]);
    }

    #[test]
    fn a_pipe_in_the_place_of_a_log_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("log");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(tail(&pipe, 100).is_err());
    }
}
