//! Which words of the vocabulary a text has, found in one pass over it.

use std::{collections::BTreeMap, sync::LazyLock};

use aho_corasick::AhoCorasick;

pub(super) use super::vocabulary::{LOCKED_OUT, Place, READS_ALL, WRONG_ANSWERS};
use super::{
    line::Level,
    vocabulary::{HARMLESS, Harmless, Sign, signs},
};
use crate::domain::Cause;

/// What says that a process is not there.
pub(super) const GONE: [&str; 8] = [
    "refused",
    "does not run",
    "not running",
    "no such process",
    "no process",
    "is gone",
    "zombie",
    "holds no process id",
];
/// The same of a check of a process alone: its file with the number is gone, too.
pub(super) const NO_PROCESS: [&str; 2] = ["no such file", "dead and not yet reaped"];
/// What says that no answer came.
pub(super) const SILENT: [&str; 11] = [
    "no answer",
    "timed out",
    "timeout",
    "deadline",
    "took longer",
    "did not answer",
    "does not answer",
    "timeouterror",
    "not responding",
    "not respond",
    "unresponsive",
];
/// What says that a switch was turned: Togglz, Unleash, `LaunchDarkly`, flagd, Flipper, Unleash, Split, `ConfigCat`.
const SWITCHED: [&str; 14] = [
    "enabled",
    "disabled",
    "turned on",
    "turned off",
    "switched on",
    "switched off",
    "set to on",
    "set to off",
    "set to true",
    "set to false",
    "rolled out",
    "-> true",
    "flag update",
    "operation=enable",
];
/// What says that an answer was long on its way.
pub(super) const SLOW_WAY: [&str; 7] = ["took", "latency", "slow", "retransmit", "lost", "delayed", "answered after"];
/// What says that a call ended badly.
const FAILED: [&str; 10] = [
    "500",
    "502",
    "503",
    "504",
    "unavailable",
    "bad gateway",
    "invalid response",
    "failed",
    "reset by peer",
    "closed the connection",
];

/// What says that a program, or what it kept at hand, began anew: of Redis and Valkey, Memcached, Varnish, Hazelcast, Infinispan.
const BEGUN_ANEW: [&str; 18] = [
    "ready to accept connections",
    "oo0ooo0ooo0oo",
    "keys loaded: 0",
    "done loading rdb",
    "creating server tcp listening socket",
    "server initialized",
    "flushall",
    "flushdb",
    "flush_all",
    "cache*flushed",
    "cache*cleared",
    "cache*is empty",
    "cleared*cache",
    "flushed*cache",
    "cache*started empty",
    "starting with an empty",
    "server started, * version",
    "cache manager started",
];

/// Whether a text has one of these words; it and they are in small letters.
pub(super) fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| fits(text, word))
}

fn fits(text: &str, word: &str) -> bool {
    let mut rest = text;
    word.split('*').all(|part| match rest.find(part) {
        Some(place) => {
            rest = &rest[place + part.len()..];
            true
        }
        None => false,
    })
}

/// All words, and where in a text their parts are.
struct Reader {
    /// The parts of words, each once.
    parts: AhoCorasick,
    /// Which words each part belongs to.
    words: Vec<Vec<&'static str>>,
    /// What each word is a sign of, and what it takes back.
    signs: BTreeMap<&'static str, Vec<&'static Sign>>,
    harmless: BTreeMap<&'static str, Vec<&'static Harmless>>,
}

static READER: LazyLock<Option<Reader>> = LazyLock::new(Reader::new);

impl Reader {
    /// None when the automaton cannot be built, which its test rules out.
    fn new() -> Option<Self> {
        let mut reader = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        for sign in signs() {
            sign.words.iter().for_each(|word| reader.0.entry(*word).or_default().push(sign));
        }
        for harmless in HARMLESS {
            harmless.words.iter().for_each(|word| reader.1.entry(*word).or_default().push(harmless));
        }
        let mut parts: BTreeMap<&'static str, Vec<&'static str>> = BTreeMap::new();
        for word in reader.0.keys().chain(reader.1.keys()) {
            word.split('*').for_each(|part| parts.entry(part).or_default().push(word));
        }
        let automaton = AhoCorasick::new(parts.keys()).ok()?;
        let (signs, harmless) = reader;
        Some(Self { parts: automaton, words: parts.into_values().collect(), signs, harmless })
    }

    /// The words that a text has, each once.
    fn words_in(&self, text: &str) -> Vec<&'static str> {
        let mut seen: Vec<usize> =
            self.parts.find_overlapping_iter(text).map(|found| found.pattern().as_usize()).collect();
        seen.sort_unstable();
        seen.dedup();
        let mut words: Vec<&'static str> = seen.into_iter().flat_map(|part| &self.words[part]).copied().collect();
        words.sort_unstable();
        words.dedup();
        words.retain(|word| !word.contains('*') || fits(text, word));
        words
    }
}

/// What a text in small letters speaks for, each cause once with its best sign.
pub(super) fn read(text: &str, place: Place) -> Vec<(Cause, f64)> {
    let Some(reader) = READER.as_ref() else { return Vec::new() };
    let words = reader.words_in(text);
    let counts = |sign: &&&Sign| match place {
        Place::Check => matches!(sign.place, Place::Check | Place::Both),
        Place::Log | Place::Both => sign.place != Place::Check,
        Place::Aside => sign.place == Place::Aside,
    };
    let mut found: BTreeMap<Cause, f64> = BTreeMap::new();
    for sign in words.iter().filter_map(|word| reader.signs.get(word)).flatten().filter(counts) {
        let known = found.entry(sign.cause).or_insert(0.0);
        *known = known.max(sign.weight);
    }
    for harmless in words.iter().filter_map(|word| reader.harmless.get(word)).flatten() {
        found.retain(|cause, _| !harmless.means_nothing_for(*cause));
    }
    let mut found: Vec<(Cause, f64)> = found.into_iter().collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found
}

/// Whether a text in small letters tells of a trouble that sits with whoever was asked, and not with whoever was refused. Of a clock it
/// does not where that one's clock was found right.
pub(super) fn sits_with_the_asked(text: &str, clock_is_right: bool) -> bool {
    has(text, &LOCKED_OUT)
        || read(text, Place::Log).iter().any(|(cause, _)| match cause {
            Cause::ClockSkew => !clock_is_right,
            Cause::LockContention | Cause::Corruption | Cause::DiskFull | Cause::OutOfMemory => true,
            _ => false,
        })
}

/// What somebody who was asked has answered, as a check quotes it.
pub(super) fn answered(detail: &str) -> Option<&str> {
    detail.split_once(": \"").map(|(_, said)| said.strip_suffix('"').unwrap_or(said))
}

/// Whether a line is worth keeping: what is loud always, what says nothing of its level only when it speaks for something.
pub(super) fn tells(level: Level, text: &str) -> bool {
    match level {
        Level::Error | Level::Warning => true,
        Level::Unsaid => !read(text, Place::Log).is_empty(),
        Level::Info => is_reload(text) || is_begun_anew(text) || !read(text, Place::Aside).is_empty(),
    }
}

/// Whether a line says that settings were read anew.
pub(super) fn is_reload(text: &str) -> bool {
    has(
        text,
        &[
            "config*reload",
            "reload*config",
            "configuration*changed",
            "configuration change",
            "applied configuration",
            "new configuration",
            "settings*taken over",
            "settings*reloaded",
            "was reloaded",
        ],
    ) || has(text, &["feature", "toggle", "flag"]) && has(text, &SWITCHED)
        || has(text, &["featuremanagement", "flipper feature"])
}

/// Whether a line says that a program, or what it kept at hand, began anew.
pub(super) fn is_begun_anew(text: &str) -> bool {
    has(text, &BEGUN_ANEW)
}

/// Whether a text says that somebody was not reached, or answered badly.
pub(super) fn is_unreached(text: &str) -> bool {
    has(text, &GONE) || has(text, &SILENT) || has(text, &FAILED) || has(text, &["connect"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_in_parts_needs_them_in_order() {
        assert!(fits("timed out: pool of 5 was full", "pool*full"));
        assert!(!fits("full of pools", "pool*full"));
    }

    #[test]
    fn words_are_in_small_letters_and_weights_leave_doubt() {
        for sign in signs() {
            assert!(sign.weight > 0.0 && sign.weight < 0.9, "{:?}", sign.cause);
            assert!(sign.words.iter().all(|word| *word == word.to_lowercase()), "{:?}", sign.words);
        }
    }

    #[test]
    fn a_line_tells_when_a_word_of_the_table_is_in_it() {
        for word in signs().filter(|sign| sign.place != Place::Check).flat_map(|sign| sign.words) {
            assert!(tells(Level::Unsaid, &word.replace('*', " of 5 ")), "{word}");
        }
        assert!(READER.is_some() && !tells(Level::Unsaid, "the ward is quiet"));
    }

    #[test]
    fn the_best_sign_of_a_cause_counts_once() {
        assert_eq!(read("invalid configuration: setting must be a number", Place::Log), [(Cause::Setting, 0.8)]);
        assert_eq!(read("all is well", Place::Log), []);
    }

    #[test]
    fn an_account_that_is_locked_is_no_row_that_is() {
        for text in [
            "pam_faillock(sshd:auth): consecutive login failures for user ward3 account temporarily locked",
            "type=login_error, error=user_temporarily_disabled",
            "5 failed login attempts for ward3, locked for 60 s",
            "the account ward3 is locked after 5 wrong passwords",
            "er_account_has_been_locked: access denied for user 'app'@'10.0.0.7'. account is locked.",
        ] {
            assert!(has(text, &LOCKED_OUT) && sits_with_the_asked(text, true), "{text}");
        }
        for text in
            ["failed to commit: database is locked", "accounting: table is locked", "feature temporarily disabled"]
        {
            assert!(!has(text, &LOCKED_OUT), "{text}");
        }
    }
}
