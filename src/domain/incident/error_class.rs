//! What an error is held for, by a table of rules: how bad it is, what it is about, and what ends it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ErrorEvent;

/// How bad an error is. Ordered from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ErrorSeverity {
    /// Somebody entered something wrong.
    Low,
    /// A user noticed, or something took too long.
    Medium,
    /// The service is degraded or has lost a connection.
    High,
    /// Fatal, or beyond this one service.
    Critical,
}

impl fmt::Display for ErrorSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        })
    }
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// A database refuses, or cannot be reached.
    Database,
    /// A connection, a name or a route.
    Network,
    /// A model or an agent that works with one.
    Agent,
    /// Memory, disk, file descriptors, quotas.
    Resource,
    /// Somebody did or tried what they may not.
    Security,
    /// Data that is not what it was.
    Integrity,
    /// A setting is missing or wrong.
    Configuration,
    /// The program itself.
    Program,
    /// What was entered.
    Validation,
    /// Nothing in the table of rules fits.
    Unknown,
}

impl ErrorKind {
    /// As the JSON form has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Network => "network",
            Self::Agent => "agent",
            Self::Resource => "resource",
            Self::Security => "security",
            Self::Integrity => "integrity",
            Self::Configuration => "configuration",
            Self::Program => "program",
            Self::Validation => "validation",
            Self::Unknown => "unknown",
        }
    }
}

/// What ends an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recoverability {
    /// Whoever entered something wrong.
    Caller,
    /// Trying again.
    Retry,
    /// A remedy: a restart, a rollback, more room.
    Remedy,
    /// People alone.
    People,
}

/// What the rules say of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Classified {
    /// How bad it is.
    pub severity: ErrorSeverity,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ErrorKind,
    /// What ends it.
    pub recoverability: Recoverability,
    /// The rule that said so; `no rule` where none did.
    pub rule: &'static str,
}

/// One row of the table: the first that fits decides.
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Words of a message, in small letters; any of them fits.
    pub words: &'static [&'static str],
    /// Codes, where `x` stands for any character; any of them fits.
    pub codes: &'static [&'static str],
    /// What it says of an error.
    pub says: Classified,
}

const fn rule(
    name: &'static str,
    severity: ErrorSeverity,
    kind: ErrorKind,
    recoverability: Recoverability,
    words: &'static [&'static str],
    codes: &'static [&'static str],
) -> Rule {
    Rule { name, words, codes, says: Classified { severity, kind, recoverability, rule: name } }
}

use ErrorKind as K;
use ErrorSeverity as S;
use Recoverability as R;

/// The table, the worst first: what names its cause comes before what names a symptom.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule("intrusion", S::Critical, K::Security, R::People,
        &["intrusion", "privilege escalation", "unauthorized modification", "unauthorised modification", "tampered", "malware", "ransomware", "data breach", "exfiltrat", "sql injection", "audit log cleared"], &[]),
    rule("corrupt data", S::Critical, K::Integrity, R::People,
        &["checksum mismatch", "checksum failed", "database disk image is malformed", "corrupt", "invalid page", "torn page", "data integrity"], &["XX001", "XX002"]),
    rule("stolen credential", S::High, K::Security, R::People,
        &["token reuse", "replayed token", "revoked certificate", "signature mismatch", "invalid signature", "brute force", "account locked"], &[]),
    rule("out of room", S::Critical, K::Resource, R::Remedy,
        &["out of memory", "oom-kill", "no space left", "disk full", "cannot allocate memory"], &["ENOSPC", "ENOMEM", "53100", "53200"]),
    rule("crash", S::Critical, K::Program, R::Remedy,
        &["segmentation fault", "core dumped", "panicked at", "fatal error", "stack overflow", "unrecoverable"], &[]),
    rule("database gone", S::High, K::Database, R::Remedy,
        &["database is locked", "deadlock", "too many clients", "remaining connection slots", "the database system is", "could not connect to server", "connection pool", "replication slot"], &["08xxx", "57Pxx", "53300", "40P01", "55P03"]),
    rule("out of handles", S::High, K::Resource, R::Remedy,
        &["too many open files", "resource temporarily unavailable", "quota exceeded", "rate limit", "too many requests"], &["EMFILE", "ENFILE", "429"]),
    rule("model gone", S::High, K::Agent, R::Remedy,
        &["model not loaded", "model not found", "inference failed", "agent crashed", "agent is unresponsive", "context length exceeded", "cuda"], &[]),
    rule("connection lost", S::High, K::Network, R::Retry,
        &["connection refused", "connection reset", "broken pipe", "no route to host", "network is unreachable", "name or service not known", "temporary failure in name resolution", "bad gateway", "service unavailable", "certificate has expired", "tls handshake"], &["ECONNREFUSED", "ECONNRESET", "EPIPE", "EHOSTUNREACH", "ENETUNREACH", "502", "503"]),
    rule("missing setting", S::High, K::Configuration, R::Remedy,
        &["missing environment variable", "invalid configuration", "config error", "missing required setting", "unknown feature flag"], &[]),
    rule("too slow", S::Medium, K::Network, R::Retry,
        &["timed out", "timeout", "deadline exceeded"], &["ETIMEDOUT", "408", "504", "57014"]),
    rule("refused entry", S::Medium, K::Security, R::Caller,
        &["permission denied", "access denied", "unauthorized", "unauthorised", "forbidden", "authentication failed", "invalid credentials", "login failed", "expired token"], &["EACCES", "EPERM", "401", "403", "28xxx", "42501"]),
    rule("failed query", S::Medium, K::Database, R::Remedy,
        &["no such table", "no such column", "does not exist", "duplicate key", "constraint failed", "violates"], &["42xxx", "23xxx"]),
    rule("agent trouble", S::Medium, K::Agent, R::Retry,
        &["agent", "prompt", "language model", "embedding"], &[]),
    rule("wrong input", S::Low, K::Validation, R::Caller,
        &["validation", "invalid input", "is required", "must be", "malformed request", "bad request", "unprocessable", "not a valid"], &["400", "404", "409", "422", "22xxx"]),
    rule("failed request", S::Medium, K::Program, R::Remedy,
        &["internal server error", "unhandled", "null pointer", "nonetype", "undefined is not", "exception", "traceback"], &["5xx"]),
];

/// What the rules say of an error. What the sender says may make it worse and never milder.
#[must_use]
pub fn classify(error: &ErrorEvent) -> Classified {
    let text = error.message.to_lowercase();
    let code = error.code.as_deref().unwrap_or_default();
    let fits = |rule: &&Rule| {
        rule.words.iter().any(|word| text.contains(word)) || rule.codes.iter().any(|known| is_code(known, code))
    };
    // What a caller entered wrongly is quoted in the message, and must not open a breach.
    let entered = |rule: &&Rule| rule.says.kind == K::Validation && rule.codes.iter().any(|known| is_code(known, code));
    let mut found = RULES.iter().find(entered).or_else(|| RULES.iter().find(fits)).map_or(
        Classified { severity: S::Medium, kind: K::Unknown, recoverability: R::People, rule: "no rule" },
        |rule| rule.says,
    );
    if let Some(severity) = error.severity.filter(|severity| *severity > found.severity) {
        (found.severity, found.rule) = (severity, "as its sender says");
    }
    let graver = |kind: &ErrorKind| found.kind == K::Unknown || matches!(kind, K::Security | K::Integrity);
    if let Some(kind) = error.kind.filter(graver) {
        found.kind = kind;
    }
    found
}

fn is_code(known: &str, code: &str) -> bool {
    known.len() == code.len() && known.bytes().zip(code.bytes()).all(|(known, code)| known == b'x' || known == code)
}

#[cfg(test)]
mod tests {
    use super::super::error_event::tests::error;
    use super::*;

    #[test]
    fn messages_that_programs_really_write_are_what_they_say() {
        for (message, code, severity, kind, recoverability) in [
            ("connect ECONNREFUSED 127.0.0.1:5432: connection refused", None, S::High, K::Network, R::Retry),
            (
                "FATAL: remaining connection slots are reserved for superuser",
                Some("53300"),
                S::High,
                K::Database,
                R::Remedy,
            ),
            (
                "ERROR: invalid page in block 7 of relation base/5/1259",
                Some("XX001"),
                S::Critical,
                K::Integrity,
                R::People,
            ),
            ("write failed", Some("ENOSPC"), S::Critical, K::Resource, R::Remedy),
            ("thread 'main' panicked at src/main.rs:4:5", None, S::Critical, K::Program, R::Remedy),
            ("upstream request timed out after 30 s", Some("504"), S::Medium, K::Network, R::Retry),
            ("field dose_unit is required", Some("422"), S::Low, K::Validation, R::Caller),
            ("no results for \"ransomware\"", Some("404"), S::Low, K::Validation, R::Caller),
            ("login failed for user [EMAIL]", Some("401"), S::Medium, K::Security, R::Caller),
            ("privilege escalation by uid 1004", None, S::Critical, K::Security, R::People),
            ("inference failed: model not loaded", None, S::High, K::Agent, R::Remedy),
            ("it went wrong", Some("500"), S::Medium, K::Program, R::Remedy),
            ("it went wrong", None, S::Medium, K::Unknown, R::People),
        ] {
            let found = classify(&error(message, code));
            assert_eq!(
                (found.severity, found.kind, found.recoverability),
                (severity, kind, recoverability),
                "{message}"
            );
        }
        assert_eq!(classify(&error("it went wrong", None)).rule, "no rule");
    }

    #[test]
    fn a_sender_can_make_an_error_worse_and_never_milder() {
        let said = |severity, kind| {
            let error = ErrorEvent { severity: Some(severity), kind: Some(kind), ..error("disk full", None) };
            let found = classify(&error);
            (found.severity, found.kind)
        };
        assert_eq!(said(S::Low, K::Validation), (S::Critical, K::Resource));
        assert_eq!(said(S::Low, K::Security), (S::Critical, K::Security), "a breach that fills the disk is one");
        let worse = ErrorEvent { severity: Some(S::Critical), kind: Some(K::Agent), ..error("odd", None) };
        let found = classify(&worse);
        assert_eq!((found.severity, found.kind, found.rule), (S::Critical, K::Agent, "as its sender says"));
    }
}
