//! Words that speak for a cause: one table, read from top to bottom. A word with `*` in it is in parts that come in this order.

use super::line::Level;
use crate::domain::Cause;

/// Where a word counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In what a check says.
    Check,
    /// In a line of a log.
    Log,
    /// In both.
    Both,
}

/// Words, and how much they speak for a cause.
pub(super) struct Sign {
    pub(super) cause: Cause,
    pub(super) place: Place,
    /// How often they are right, alone, 0 to 1.
    pub(super) weight: f64,
    /// In small letters; any of them counts.
    pub(super) words: &'static [&'static str],
}

const fn sign(cause: Cause, place: Place, weight: f64, words: &'static [&'static str]) -> Sign {
    Sign { cause, place, weight, words }
}

use Cause as C;
use Place::{Both, Check, Log};

/// The table. Errors as drivers, servers, runtimes and kernels word them, and details as our own checks do.
#[rustfmt::skip]
pub(super) const SIGNS: &[Sign] = &[
    sign(C::AlteredData, Check, 0.85, &["which may never happen"]),
    sign(C::Corruption, Check, 0.85, &["malformed", "corrupt", "not a database", "quick_check", "integrity", "disk image", "damaged:", "could not read block", "invalid page", "xx001"]),
    sign(C::Corruption, Log, 0.75, &["malformed", "database disk image", "file is not a database", "invalid page", "could not read block", "corrupt", "checksum mismatch", "checksum verification failed", "torn page", "btreeinitpage"]),
    sign(C::Setting, Check, 0.7, &["config", "setting", "invalid value", "unknown key"]),
    sign(C::Setting, Log, 0.8, &["invalid config", "configuration error", "config error", "error in config", "parse config", "parsing config", "load config", "loading config", "config file", "configuration file", "unknown directive", "bad directive", "environment variable", "required key*missing", "bind properties", "resolve placeholder", "improperlyconfigured", "improperly configured", "misconfigur", "invalid value for", "unknown option", "unrecognized option", "unknown key", "connectionstring", "connection string", "parsing*config", "settings.", "mapping values are not allowed", "parsing a block mapping", "invalid setting", "setting must", "must not be empty", "feature flag"]),
    sign(C::Setting, Log, 0.5, &["config", "setting"]),
    sign(C::LockContention, Check, 0.85, &["waits for a lock", "stayed locked"]),
    sign(C::LockContention, Log, 0.75, &["lock wait timeout", "lock timeout", "deadlock", "could not obtain lock", "could not acquire lock", "database is locked", "database table is locked", "waiting for*lock", "lock*held by"]),
    sign(C::PoolExhausted, Check, 0.8, &["no connection is left", "connections used, more than"]),
    sign(C::PoolExhausted, Log, 0.8, &["too many clients", "connection slots", "too many connections", "connection is not available", "queuepool limit", "pool is probably full", "pool*exhausted", "pool*full", "pool*timed out", "pool*timeout", "connection*from the pool", "acquiring a connection", "acquire connection", "no available connection", "no free connection", "workers busy", "workers are busy", "max_children", "rejectedexecution", "max_connections", "worker_connections are not enough"]),
    sign(C::QueueBacklog, Log, 0.75, &["consumer lag", "backlog", "queue depth", "queue is full", "queue full", "queue length", "messages ready", "falling behind", "lag of group"]),
    sign(C::RateLimit, Both, 0.7, &["rate limit", "ratelimit", "too many requests", "throttled", "throttling", "quota exceeded", "limit*requests"]),
    sign(C::DiskFull, Both, 0.85, &["no space left", "enospc", "disk full", "disk is full", "out of disk", "disk quota exceeded", "not enough space", "disk watermark", "no inodes"]),
    sign(C::OutOfMemory, Both, 0.85, &["out of memory", "outofmemory", "oom-kill", "oomkilled", "cannot allocate memory", "memoryerror", "memory cgroup", "unable to allocate", "memory limit", "gc overhead limit"]),
    sign(C::OutOfMemory, Log, 0.6, &["oom command not allowed", "memory*exceeded"]),
    sign(C::OutOfDescriptors, Both, 0.85, &["too many open files", "emfile", "enfile", "descriptors open, more than"]),
    sign(C::ProcessorSaturated, Log, 0.6, &["cpu throttl", "cpu usage", "load average", "high cpu", "cpu saturat"]),
    sign(C::Certificate, Check, 0.85, &["its certificate", "certificate valid for*no longer than"]),
    sign(C::Certificate, Log, 0.8, &["certificate has expired", "certificate expired", "certificate_verify_failed", "certificate verify failed", "pkix path", "x509:", "verify the first certificate", "self-signed certificate", "self signed certificate", "certificate is not yet valid", "bad certificate", "certificate*expired"]),
    sign(C::Credentials, Check, 0.8, &["login is refused", "password authentication failed"]),
    sign(C::Credentials, Log, 0.75, &["password authentication failed", "authentication failed", "access denied for user", "invalid api key", "invalid api token", "401 unauthorized", "invalid credentials", "login failed for user", "403 forbidden", "noauth", "wrongpass", "invalid_client", "token has expired", "token expired", "expired token", "signature does not match", "invalidaccesskeyid", "bad credentials", "invalid signature"]),
    sign(C::ClockSkew, Check, 0.85, &["this clock is"]),
    sign(C::ClockSkew, Log, 0.75, &["clock skew", "jwt not active", "must not be accepted before", "used before issued", "not yet valid (iat)", "not yet valid (nbf)", "timetooskewed", "time drift", "clock drift", "system clock"]),
    sign(C::NameResolution, Check, 0.75, &["nxdomain", "does not exist (", "name server does not answer", "has no a record"]),
    sign(C::NameResolution, Log, 0.8, &["name or service not known", "name resolution", "enotfound", "eai_again", "unknownhost", "no such host", "nxdomain", "resolve host", "host not found", "getaddrinfo", "nodename nor servname", "server misbehaving"]),
    sign(C::Connectivity, Both, 0.6, &["no route to host", "network is unreachable", "ehostunreach", "enetunreach", "packet loss", "segments lost", "retransmit"]),
    sign(C::CrashLoop, Log, 0.85, &["restart counter is at", "crashloopbackoff", "back-off restarting", "start request repeated too quickly", "restarting too often"]),
    sign(C::ProcessExit, Log, 0.5, &["main process exited", "terminated by signal", "segfault", "segmentation fault", "killed by signal", "exited with code", "exit code", "shutting down", "deactivated successfully", "received sigterm"]),
    sign(C::CacheMiss, Log, 0.65, &["hit rate", "hit ratio", "cache miss", "cold cache", "cache is empty", "cache is cold"]),
    sign(C::Slowness, Log, 0.75, &["reads the whole table", "full table scan", "seq scan on", "sequential scan on"]),
    sign(C::Slowness, Log, 0.35, &["slow request", "slow query", "slow log", "is behind by"]),
];

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
pub(super) const SILENT: [&str; 8] = [
    "no answer",
    "timed out",
    "timeout",
    "deadline",
    "took longer",
    "did not answer",
    "does not answer",
    "timeouterror",
];
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

/// What a text speaks for, each cause once with its best sign.
pub(super) fn read(text: &str, place: Place) -> Vec<(Cause, f64)> {
    let mut found: Vec<(Cause, f64)> = Vec::new();
    for sign in SIGNS.iter().filter(|sign| sign.place == Place::Both || sign.place == place) {
        if !found.iter().any(|(cause, _)| *cause == sign.cause) && has(text, sign.words) {
            found.push((sign.cause, sign.weight));
        }
    }
    found
}

/// Whether a line is worth keeping: what is loud always, what says nothing of its level only when it speaks for something.
pub(super) fn tells(level: Level, text: &str) -> bool {
    match level {
        Level::Error | Level::Warning => true,
        Level::Unsaid => !read(text, Log).is_empty(),
        Level::Info => is_reload(text),
    }
}

/// Whether a line says that settings were read anew.
pub(super) fn is_reload(text: &str) -> bool {
    has(
        text,
        &["config*reload", "reload*config", "configuration*changed", "applied configuration", "new configuration"],
    )
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
        for sign in SIGNS {
            assert!(sign.weight > 0.0 && sign.weight < 0.9, "{:?}", sign.cause);
            assert!(sign.words.iter().all(|word| *word == word.to_lowercase()), "{:?}", sign.words);
        }
    }

    #[test]
    fn the_best_sign_of_a_cause_counts_once() {
        assert_eq!(read("invalid configuration: setting must be a number", Place::Log), [(Cause::Setting, 0.8)]);
        assert_eq!(read("all is well", Place::Log), []);
    }
}
