//! What is called by several names, in error codes, in messages and by people.

use std::{collections::HashMap, sync::LazyLock};

use super::words::terms;

/// Names of the same thing.
const GROUPS: &[&[&str]] = &[
    &[
        "oom",
        "oomkilled",
        "out of memory",
        "cannot allocate memory",
        "enomem",
        "memory exhausted",
        "oom killer",
        "exit code 137",
    ],
    &["econnrefused", "connection refused", "refused connection", "actively refused", "os error 111"],
    &[
        "enospc",
        "disk full",
        "no space left",
        "disk is full",
        "full disk",
        "out of disk",
        "filesystem full",
        "volume full",
        "os error 28",
    ],
    &["etimedout", "timeout", "timed out", "time out", "deadline exceeded", "gave no answer", "no answer within"],
    &["econnreset", "connection reset", "reset by peer", "broken pipe", "epipe"],
    &["enotfound", "getaddrinfo", "name resolution", "dns", "no such host", "cannot resolve", "nxdomain", "eai_again"],
    &[
        "ehostunreach",
        "enetunreach",
        "host unreachable",
        "no route to host",
        "network unreachable",
        "network partition",
    ],
    &["eacces", "eperm", "permission denied", "access denied", "operation not permitted"],
    &["enoent", "no such file", "file not found", "missing file"],
    &["eaddrinuse", "address already in use", "port in use", "address in use"],
    &["emfile", "enfile", "too many open files", "file descriptor", "out of file descriptors"],
    &["eio", "input output error", "i/o error", "read error", "disk error"],
    &["sigsegv", "segfault", "segmentation fault", "core dumped", "exit code 139", "signal 11"],
    &["sigkill", "killed", "exit code 9", "signal 9"],
    &["deadlock", "lock wait", "lock contention", "database is locked", "could not obtain lock"],
    &[
        "connection pool",
        "pool exhausted",
        "pool starvation",
        "too many connections",
        "too many clients",
        "remaining connection slots",
    ],
    &[
        "certificate expired",
        "certificate has expired",
        "expired certificate",
        "cert_has_expired",
        "tls handshake",
        "x509",
        "certificate verify failed",
    ],
    &[
        "unauthorized",
        "401",
        "authentication failed",
        "invalid credential",
        "password authentication failed",
        "login failed",
    ],
    &["forbidden", "403", "not authorized"],
    &["rate limit", "429", "too many request", "throttled", "quota exceeded"],
    &["internal server error", "500", "http 500"],
    &["bad gateway", "502", "upstream connect error", "upstream prematurely closed"],
    &["service unavailable", "503", "unavailable"],
    &["gateway timeout", "504"],
    &["crash loop", "crashloopbackoff", "keeps restarting", "restart loop"],
    &["roll back", "rollback", "revert", "go back"],
    &["restart", "reboot", "bounce"],
    &["deploy", "deployment", "release", "rollout", "new version"],
    &["config", "configuration", "setting"],
    &["database", "db", "sql", "postgres", "postgresql", "sqlite", "mysql"],
    &[
        "corrupt",
        "corrupted",
        "corruption",
        "malformed",
        "checksum mismatch",
        "disk image is malformed",
        "integrity check",
    ],
    &["slow", "slowness", "latency", "sluggish", "degraded", "performance"],
    &["outage", "down", "unreachable", "not reachable", "offline"],
    &["breach", "leak", "leaked", "exposed", "disclosure", "phi exposure"],
    &["intrusion", "unauthorized access", "compromised", "attacker", "brute force", "malware", "ransomware"],
    &["garbage collection", "gc pause", "stop the world"],
    &["replication lag", "replica behind", "standby behind"],
    &["null pointer", "nullpointerexception", "nil pointer dereference", "undefined is not", "nonetype"],
    &["stack overflow", "maximum recursion", "too much recursion"],
    &["clock skew", "ntp", "time drift", "clock drift"],
];

/// Words of the longest name.
const LONGEST: usize = 5;

/// The groups by the terms of each name.
static NAMES: LazyLock<HashMap<String, usize>> = LazyLock::new(|| {
    let names = GROUPS.iter().enumerate().flat_map(|(group, names)| names.iter().map(move |name| (name, group)));
    names.map(|(name, group)| (plain(name).join(" "), group)).collect()
});

/// The words of a name one by one, without the whole.
fn plain(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_alphanumeric() && c != '_').flat_map(|word| terms(word).into_iter().take(1)).collect()
}

/// Where a text names something that has several names: the first of its terms, how many, and the group as a term of its own.
pub(super) fn named(terms: &[String]) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    for start in 0..terms.len() {
        for many in (1..=LONGEST.min(terms.len() - start)).rev() {
            let Some(words) = terms.get(start..start + many) else { continue };
            let group =
                if many == 1 { words.first().and_then(|word| NAMES.get(word)) } else { NAMES.get(&words.join(" ")) };
            if let Some(group) = group {
                found.push((start, many, format!("≈{group}")));
                break;
            }
        }
    }
    found
}

/// The usual name of a group.
pub(super) fn usual(term: &str) -> Option<&'static str> {
    let group: usize = term.strip_prefix('≈')?.parse().ok()?;
    GROUPS.get(group)?.first().copied()
}
