//! What confirmed cases teach: a multinomial naive Bayes over the words of the lines that were seen then. It tells apart what the
//! rules themselves hold for about as likely, and nothing more: causes that no rule has named it does not know.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::Cause;

/// The newest cases that count.
const CASES: usize = 500;
/// Words of a case at most, each once.
const WORDS: usize = 60;
/// Words that are known at most.
const VOCABULARY: usize = 5000;
/// A cause with fewer confirmed cases teaches nothing yet.
const ENOUGH: u32 = 3;
/// The most that it moves the log-odds of a cause, either way.
pub const MOST: f64 = 0.4;

/// A case whose cause a person has confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// What it was.
    pub cause: Cause,
    /// Lines of its evidence, redacted.
    pub lines: Vec<String>,
}

/// What was learnt. Without cases it changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// How many cases of each cause there were, and in how many of them each word was.
    causes: BTreeMap<Cause, (u32, BTreeMap<String, u32>)>,
}

impl Learned {
    /// Learns from cases, oldest first.
    #[must_use]
    pub fn from(cases: &[Confirmed]) -> Self {
        let mut found = Self::default();
        let mut vocabulary = BTreeSet::new();
        for case in cases.iter().skip(cases.len().saturating_sub(CASES)) {
            let (number, counts) = found.causes.entry(case.cause).or_default();
            *number += 1;
            for word in words(case.lines.iter().map(String::as_str)) {
                if vocabulary.len() < VOCABULARY || vocabulary.contains(&word) {
                    vocabulary.insert(word.clone());
                    *counts.entry(word).or_default() += 1;
                }
            }
        }
        found
    }

    /// How much these lines move the log-odds of a cause, at most [`MOST`] either way.
    #[must_use]
    pub fn shift<'a>(&self, cause: Cause, lines: impl Iterator<Item = &'a str>) -> f64 {
        let known = |cause: &Cause| self.causes.get(cause).filter(|(cases, _)| *cases >= ENOUGH);
        let others: Vec<&Cause> =
            self.causes.keys().filter(|other| **other != cause && known(other).is_some()).collect();
        if known(&cause).is_none() || others.is_empty() {
            return 0.0;
        }
        let rate = |cause: &Cause, word: &str| {
            known(cause).map_or(0.5, |(cases, counts)| {
                let seen = counts.get(word).copied().unwrap_or(0);
                (f64::from(seen) + 0.5) / (f64::from(*cases) + 1.0)
            })
        };
        let words = words(lines);
        let told = words.iter().filter(|word| self.causes.values().any(|(_, counts)| counts.contains_key(*word)));
        let sum: f64 = told
            .map(|word| {
                let elsewhere = others.iter().map(|other| rate(other, word)).fold(0.0, f64::max);
                (rate(&cause, word) / elsewhere).ln()
            })
            .sum();
        // Words of one line do not come independently of each other.
        (sum / 4.0).clamp(-MOST, MOST)
    }
}

/// The words of lines, without what has digits in it.
fn words<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let apart = |c: char| !c.is_alphanumeric() && c != '_';
    let word = |word: &&str| word.len() >= 3 && !word.contains(|c: char| c.is_ascii_digit());
    let mut found = BTreeSet::new();
    for line in lines {
        for word in line.split(apart).filter(word) {
            if found.len() == WORDS {
                return found;
            }
            found.insert(word.to_lowercase());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(cause: Cause, line: &str, number: usize) -> Vec<Confirmed> {
        vec![Confirmed { cause, lines: vec![line.to_owned()] }; number]
    }

    #[test]
    fn words_of_confirmed_cases_speak_for_their_cause_within_bounds() {
        let known = [
            cases(Cause::PoolExhausted, "worker farm saturated for ward 3", 4),
            cases(Cause::Slowness, "garbage collector pause of 900 ms", 4),
        ];
        let learned = Learned::from(&known.concat());
        let shift = |cause| learned.shift(cause, ["worker farm saturated for ward 9"].into_iter());
        assert!(shift(Cause::PoolExhausted) > 0.1 && shift(Cause::Slowness) < -0.1);
        assert!(shift(Cause::PoolExhausted) <= MOST && shift(Cause::Slowness) >= -MOST);
        assert_eq!(shift(Cause::DiskFull), 0.0, "of that nothing is known");
    }

    #[test]
    fn a_single_case_teaches_nothing_and_storms_do_not_grow_it() {
        let few = [cases(Cause::Slowness, "pause", 2), cases(Cause::DiskFull, "spool", 9)].concat();
        assert_eq!(Learned::from(&few).shift(Cause::Slowness, ["pause"].into_iter()), 0.0);
        let long: String = (0..90_000).map(|number| format!("w{} ", "abcdefghij".repeat(number % 7) + "x")).collect();
        assert!(words([long.as_str()].into_iter()).len() <= WORDS);
    }
}
