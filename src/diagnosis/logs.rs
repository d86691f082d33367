//! Reading the end of log files, and finding the lines that repeat.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
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

fn tail(path: &Path, limit: usize) -> std::io::Result<Vec<String>> {
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

/// A kind of line that was seen several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repeated {
    /// The newest line of its kind.
    pub(super) line: String,
    /// How often the kind was seen.
    pub(super) count: u64,
}

/// Lines that tell of an error, the most frequent kind first. Lines are of one kind when they differ in numbers alone.
pub(super) fn errors(lines: &[String]) -> Vec<Repeated> {
    let mut kinds: HashMap<String, Repeated> = HashMap::new();
    for line in lines.iter().filter(|line| is_error(line)) {
        let message = message(line);
        let kind: String = message.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let seen = kinds.entry(kind).or_insert_with(|| Repeated { line: String::new(), count: 0 });
        seen.count += 1;
        message.clone_into(&mut seen.line);
    }
    let mut found: Vec<Repeated> = kinds.into_values().collect();
    found.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.line.cmp(&b.line)));
    found
}

fn is_error(line: &str) -> bool {
    ["ERROR", "FATAL", "CRITICAL", "PANIC", "panicked", "error:", "Error:"].iter().any(|word| line.contains(word))
}

/// The line without its time and level.
fn message(line: &str) -> &str {
    let from = ["ERROR", "FATAL", "CRITICAL", "PANIC"]
        .iter()
        .filter_map(|level| line.find(level).map(|at| at + level.len()))
        .min()
        .unwrap_or(0);
    line[from..].trim_start_matches([' ', ':', ']', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_error_comes_first_whatever_its_numbers() {
        let lines: Vec<String> = [
            "2026-01-01T00:00:00Z INFO started",
            "2026-01-01T00:00:01Z ERROR patient 17: missing column dose_unit",
            "2026-01-01T00:00:02Z ERROR pool empty",
            "2026-01-01T00:00:03Z ERROR patient 18: missing column dose_unit",
        ]
        .map(str::to_owned)
        .to_vec();
        let found = errors(&lines);
        assert_eq!(found[0], Repeated { line: "patient 18: missing column dose_unit".to_owned(), count: 2 });
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn only_the_end_of_a_long_file_is_read_and_whole_lines_of_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "first line\nsecond line\nthird line\n").unwrap();
        assert_eq!(tail(file.path(), 15).unwrap(), ["third line"]);
    }
}
