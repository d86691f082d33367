//! What lines tell of a trouble: the errors that came with it, those of one kind as one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map},
    path::PathBuf,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    CaseFile,
    collect::{Entry, Zone, tails},
    line::Level,
    patterns::{Miner, Observed, TemplateId, Trend},
    redact::{Class, Redactor},
    signs::tells,
};
use crate::platform::{LogPlace, Platform};

/// The newest entries of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogExcerpt {
    /// The service it belongs to.
    pub service: String,
    /// Where they were written.
    pub path: String,
    /// Its last entries, oldest first.
    pub entries: Vec<Entry>,
}

/// The ends of the log files of these services, at most `limit` bytes of each; for those of which nothing was collected. A file
/// that cannot be read is left out: it is evidence of nothing.
#[must_use]
pub fn collect_logs(platform: &Platform, services: &[String], limit: u64, now: DateTime<Utc>) -> Vec<LogExcerpt> {
    let described = services.iter().filter_map(|name| platform.service(name));
    let sources = described.flat_map(|service| service.log_sources().map(|source| (service.name.clone(), source)));
    sources
        .filter_map(|(service, source)| match source.place {
            LogPlace::File(pattern) => Some((service, pattern, source.zone.map_or_else(Zone::default, Zone::new))),
            LogPlace::Journald(_) => None,
        })
        .flat_map(|(service, pattern, zone)| {
            let told = move |(path, entries): (PathBuf, Vec<Entry>)| LogExcerpt {
                service: service.clone(),
                path: path.display().to_string(),
                entries,
            };
            tails(&pattern, limit, now, zone).into_iter().map(told)
        })
        .collect()
}

/// A kind of line that was seen since the trouble began.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Repeated {
    /// The newest line of its kind, redacted.
    pub(super) line: String,
    /// The oldest of them, redacted.
    pub(super) earliest: String,
    /// The newest line in small letters, redacted but for what is only unknown: for comparing, never for showing.
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
    /// The id of its template.
    pub(super) signature: String,
    /// How its pattern stands, where lines are collected.
    pub(super) trend: Option<Trend>,
}

/// The ids of the templates of the lines that tell of an error since a minute before the trouble.
#[must_use]
pub fn signatures(case: &CaseFile, trouble: DateTime<Utc>) -> Vec<String> {
    let lines =
        Lines { redactor: case.redactor, observed: case.observed, platform: &case.state.platform, now: case.now };
    let found = lines.telling(case.logs.iter(), trouble, &[], |_| None).into_iter();
    let found = found.filter(|kind| kind.level == Level::Error).map(|kind| kind.signature);
    found.collect::<BTreeSet<_>>().into_iter().collect()
}

/// How long before a trouble is noticed its first lines may have been written.
const NOTICED_WITHIN: TimeDelta = TimeDelta::seconds(60);
/// How long before a trouble what brought it about may have been told as something harmless.
const CHANGED_WITHIN: TimeDelta = TimeDelta::minutes(10);
/// Kinds of lines that are told apart in one analysis.
const KINDS: usize = 10_000;
/// Characters of a line that are compared.
const COMPARED: usize = 600;

/// A line that tells of something.
struct Told<'a> {
    service: &'a str,
    text: String,
    level: Level,
    at: Option<DateTime<Utc>>,
    /// It was written since the trouble began.
    recent: bool,
    /// It stands for so many.
    count: u64,
}

/// Lines in the order in which they were read; of those that differ by their numbers alone the first, which stands for those in
/// between, and the last: a storm costs no more than two.
#[derive(Default)]
struct Thinned<'a> {
    lines: BTreeMap<usize, Told<'a>>,
    /// Where the first and the last of those alike are.
    alike: HashMap<Alike<'a>, (usize, Option<usize>)>,
    read: usize,
}

/// What lines have in common that differ by their numbers alone.
#[derive(PartialEq, Eq, Hash)]
struct Alike<'a> {
    service: &'a str,
    shape: String,
    level: Level,
    has_time: bool,
    recent: bool,
}

impl<'a> Thinned<'a> {
    fn add(&mut self, line: Told<'a>) {
        let place = self.read;
        self.read += 1;
        let alike = Alike {
            service: line.service,
            shape: shape(&line.text),
            level: line.level,
            has_time: line.at.is_some(),
            recent: line.recent,
        };
        match self.alike.entry(alike) {
            hash_map::Entry::Vacant(entry) => {
                entry.insert((place, None));
            }
            hash_map::Entry::Occupied(mut entry) => {
                let (first, last) = entry.get_mut();
                let between = last.replace(place).and_then(|last| self.lines.remove(&last));
                if let (Some(between), Some(first)) = (between, self.lines.get_mut(first)) {
                    first.count += between.count;
                }
            }
        }
        self.lines.insert(place, line);
    }
}

/// A line without the digits of its numbers.
fn shape(line: &str) -> String {
    let mut shape = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '0'..='9' if shape.ends_with('0') => {}
            '0'..='9' => shape.push('0'),
            c => shape.push(c),
        }
    }
    shape
}

/// What an analysis knows when it reads lines.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a> {
    pub(super) redactor: &'a Redactor,
    pub(super) observed: &'a Observed,
    pub(super) platform: &'a Platform,
    pub(super) now: DateTime<Utc>,
}

/// Whether a value of a line is a name from the platform file, or stands for what was taken out.
#[must_use]
pub fn is_nobodys(platform: &Platform, text: &str) -> bool {
    platform.service(text).is_some()
        || platform.component(text).is_some()
        || Class::ALL.into_iter().any(|class| class.name() == text)
}

impl Lines<'_> {
    /// A line that may be kept and shown: what is somebody's is out, and what is a variable and not known to be nobody's too.
    /// Those not seen before are judged by the templates of the case's own.
    fn safe(&self, message: &str, own: &Miner) -> String {
        let is_known = |text: &str| is_nobodys(self.platform, text);
        let masked = self.observed.masked(message, is_known).or_else(|| own.masked(message, is_known));
        masked.unwrap_or_else(|| message.to_owned())
    }

    /// Whether lines of this kind have come in the last hour only with this trouble, and with those that are over.
    fn came_in_troubles_alone(
        &self,
        line: &Told,
        trouble: DateTime<Utc>,
        over: &[(DateTime<Utc>, DateTime<Utc>)],
    ) -> bool {
        let minutes = self.observed.lately(&line.text, line.service, self.now);
        let this = self.now.timestamp().div_euclid(60);
        let ago = (0..).zip(minutes.iter().rev()).filter(|(_, lines)| **lines > 0);
        ago.map(|(ago, _): (i64, _)| 60 * (this - ago)).all(|from| {
            let within = |began: DateTime<Utc>, end: DateTime<Utc>| {
                from + 60 > (began - NOTICED_WITHIN).timestamp() && from <= end.timestamp()
            };
            within(trouble, self.now) || over.iter().any(|(noticed, end)| within(*noticed, *end))
        })
    }

    /// Kinds of lines that tell of something since a minute before the trouble: errors before all else, new kinds before known ones,
    /// then the most frequent. Lines of one template are of one kind. A line without a time has that of the line before it. Lines
    /// of the troubles that are `over`, from the first sign to the end of each, tell nothing of this one. `named` says which
    /// service a line in small letters names.
    pub(super) fn telling<'e>(
        &self,
        excerpts: impl Iterator<Item = &'e LogExcerpt>,
        trouble: DateTime<Utc>,
        over: &[(DateTime<Utc>, DateTime<Utc>)],
        named: impl Fn(&str) -> Option<String>,
    ) -> Vec<Repeated> {
        let since = trouble - NOTICED_WITHIN;
        let is_over = |at| over.iter().any(|(noticed, end)| (*noticed - NOTICED_WITHIN..*end).contains(&at));
        let mut thinned = Thinned::default();
        for excerpt in excerpts {
            let (mut recent, mut past) = (true, false);
            for entry in &excerpt.entries {
                recent = entry.at.map_or(recent, |at| at >= since);
                // What was changed shows later.
                let changed = entry.level.is_some_and(|level| Level::from(Some(level)) == Level::Info)
                    && entry.at.is_some_and(|at| at >= trouble - CHANGED_WITHIN);
                let recent = recent || changed;
                past = entry.at.map_or(past, is_over);
                let level = Level::from(entry.level);
                let text: String = entry.message.chars().take(COMPARED).collect();
                if !past && tells(level, &text.to_lowercase()) {
                    thinned.add(Told { service: &excerpt.service, text, level, at: entry.at, recent, count: 1 });
                }
            }
        }
        let told: Vec<Told> =
            thinned.lines.into_values().map(|line| Told { text: self.redactor.line(&line.text), ..line }).collect();
        // What was not collected is grouped by its own templates.
        let mut own = Miner::new(KINDS);
        let looked = |line: &Told| self.observed.look(&line.text, line.service, self.now);
        let seen_before: Vec<_> = told.iter().map(looked).collect();
        for (line, _) in told.iter().zip(&seen_before).filter(|(_, seen)| seen.is_none()) {
            own.take(&line.text, 0);
        }
        let mut kinds: HashMap<(u64, bool), Repeated> = HashMap::new();
        for (line, seen_before) in told.iter().zip(seen_before) {
            let (id, collected, standing) = match seen_before {
                Some((id, standing)) => (Some(id), true, standing),
                None => (own.look(&line.text).map(|(template, _)| template.id()), false, None),
            };
            let seen = kinds.entry((id.map_or(0, TemplateId::number), collected)).or_insert_with(|| Repeated {
                line: String::new(),
                earliest: String::new(),
                raw: String::new(),
                named: None,
                level: line.level,
                count: 0,
                // What was seen long before, and is not among the newest lines any more, was always there.
                new: standing.as_ref().is_none_or(|standing| {
                    standing.first >= since
                        || is_over(standing.first) && self.came_in_troubles_alone(line, trouble, over)
                }),
                first: None,
                last: None,
                signature: id.map(|id| id.to_string()).unwrap_or_default(),
                trend: standing.map(|standing| standing.trend),
            });
            if line.recent {
                seen.count += line.count;
                seen.level = seen.level.max(line.level);
                seen.first = seen.first.or(line.at);
                seen.last = line.at.or(seen.last);
                if seen.earliest.is_empty() {
                    seen.earliest.clone_from(&line.text);
                }
                seen.line.clone_from(&line.text);
            } else {
                seen.new = false;
            }
        }
        let mut found: Vec<Repeated> = kinds.into_values().filter(|kind| kind.count > 0).collect();
        for kind in &mut found {
            kind.raw = kind.line.to_lowercase();
            kind.named = named(&kind.raw);
            kind.line = self.safe(&kind.line, &own);
            kind.earliest = self.safe(&kind.earliest, &own);
        }
        let loud = |found: &Repeated| found.level == Level::Error;
        found.sort_by(|a, b| {
            (loud(b), b.new, b.count).cmp(&(loud(a), a.new, a.count)).then_with(|| a.line.cmp(&b.line))
        });
        found
    }
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
        seen_by(&Observed::default(), lines, over)
            .into_iter()
            .map(|found| (found.line, found.count, found.new))
            .collect()
    }

    fn seen_by(observed: &Observed, lines: &[&str], over: &[(DateTime<Utc>, DateTime<Utc>)]) -> Vec<Repeated> {
        let entries = lines.iter().map(|line| Entry::read(line, trouble(), Zone::default())).collect();
        let excerpt = LogExcerpt { service: "api".to_owned(), path: "api.log".to_owned(), entries };
        let (redactor, platform) = (Redactor::default(), Platform::clone(&crate::domain::State::default().platform));
        let lines = Lines { redactor: &redactor, observed, platform: &platform, now: trouble() };
        let told = lines.telling([&excerpt].into_iter(), trouble(), over, |_| None);
        told.into_iter().filter(|found| found.level == Level::Error).collect()
    }

    #[test]
    fn what_was_seen_long_before_is_not_new_and_has_the_id_of_its_pattern() {
        let mut observed = Observed::default();
        for hour in (1..10).rev() {
            observed.take("pool of 3 is empty", "api", trouble() - TimeDelta::hours(hour));
        }
        let line = "2026-01-01T12:00:01Z ERROR pool of 4 is empty";
        let found = seen_by(&observed, &[line], &[]);
        let id = found[0].signature.clone();
        assert_eq!((found[0].new, found[0].trend, id.len()), (false, Some(Trend::Recurring), 16));
        assert_eq!(observed.all(None, trouble())[0].id, id);
        assert!(seen_by(&Observed::default(), &[line], &[])[0].new);
    }

    #[test]
    fn what_came_in_a_trouble_that_is_over_and_never_else_tells_again() {
        let ago = |minutes| trouble() - TimeDelta::minutes(minutes);
        let over = [(ago(50), ago(40))];
        let line = "2026-01-01T12:00:01Z ERROR pool of 4 is empty";
        let is_new = |came: &[i64]| {
            let mut observed = Observed::default();
            for minutes in came {
                observed.take("pool of 3 is empty", "api", ago(*minutes));
            }
            seen_by(&observed, &[line], &over)[0].new
        };
        assert!(is_new(&[49, 45, 41]), "it came with that trouble alone");
        assert!(!is_new(&[49, 45, 20]), "it came when nothing was wrong, too");
        assert!(!is_new(&[90, 49, 45]), "it came before");
    }

    #[test]
    fn a_variable_that_nobody_knows_is_masked_and_what_is_known_is_shown() {
        let mut observed = Observed::default();
        let at = trouble();
        for name in ["Quux", "Blorb", "Zyzzy", "Wibble", "Frobni", "Splat"] {
            observed.take(&format!("no chart of ward \"{name} north\" in 17 ms"), "api", at);
        }
        let found = seen_by(&observed, &["2026-01-01T12:00:01Z ERROR no chart of ward \"Grault north\" in 18 ms"], &[]);
        assert_eq!(found[0].line, "no chart of ward \"<*> north\" in 18 ms");
    }

    #[test]
    fn the_most_frequent_error_comes_first_whatever_its_numbers() {
        let found = seen(&[
            "2026-01-01T12:00:00Z INFO started",
            "2026-01-01T12:00:01Z ERROR pool empty",
            "2026-01-01T12:00:01Z ERROR patient 1007: missing column dose_unit",
            "2026-01-01T12:00:03Z ERROR patient 1018: missing column dose_unit",
        ]);
        let expected = [("patient [MRN]: missing column dose_unit", 2, true), ("pool empty", 1, true)];
        assert_eq!(found, expected.map(|(line, count, new)| (line.to_owned(), count, new)));
    }

    #[test]
    fn a_storm_is_counted_whole_and_shown_by_its_newest_line() {
        let mut lines: Vec<String> = (0..5000)
            .map(|n| format!("2026-01-01T12:{:02}:{:02}Z ERROR queue {n} is full", n / 60 % 60, n % 60))
            .collect();
        lines.insert(2500, "2026-01-01T12:41:40Z ERROR no such column".to_owned());
        let found = seen(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let expected = [("queue 4999 is full", 5000, true), ("no such column", 1, true)];
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
}
