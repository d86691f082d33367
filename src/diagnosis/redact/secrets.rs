//! What opens something: known by how its issuer writes it, or by the word before it.

use std::sync::LazyLock;

use super::{
    class::Class,
    keys::{self, is_verb},
    lists::look_up,
    page::{Page, Span},
    patterns::{Pattern, compiled},
};

/// Secrets that their issuers mark. Sources: the formats that GitHub, AWS, Slack, Stripe and the others publish for scanners.
static MARKED: Pattern = LazyLock::new(|| {
    let shapes = [
        concat!(
            r"-----BEGIN [A-Z ]{0,24}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s\\:,.-]*?-----END [A-Z ]{0,24}PRIVATE KEY(?: BLOCK)?-----",
            r"|[A-Za-z0-9+/=\\\s]*)"
        ),
        r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*",
        r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{12,20}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{16,}\b",
        r"\bgithub_pat_\w{20,}\b",
        r"\bglpat-[\w-]{16,}",
        r"\bxox[a-z]-[A-Za-z0-9-]{8,}",
        r"\bxapp-[A-Za-z0-9-]{8,}",
        r"hooks\.slack\.com/services/[\w/]+",
        r"\bAIza[\w-]{30,}",
        r"\bya29\.[\w.-]{16,}",
        r"\b(?:sk|pk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9]{14,}\b",
        r"\bsk-[A-Za-z0-9_-]{16,}",
        r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
        r"\b(?:npm_|pypi-|hvs\.|hvb\.|s\.|dop_v1_|shpat_|shpss_|dckr_pat_|hf_|lin_api_|ATATT|EAA)[A-Za-z0-9_-]{22,}",
        r"\b(?:AC|SK)[0-9a-f]{32}\b",
        r"\bAGE-SECRET-KEY-1[A-Z0-9]{20,}",
        r"\bSharedAccessSignature=\S+",
    ];
    compiled(&shapes.join("|"))
});

/// A password in a URL: the first group is the user, the second the password.
static IN_URL: Pattern =
    LazyLock::new(|| compiled(r#"\b[a-z][a-z0-9+.-]{1,20}://([^\s/:@"'<>]{0,64}):([^\s/"'<>]{1,128})@"#));

/// A scheme of authorization with what follows it.
static SCHEME: Pattern =
    LazyLock::new(|| compiled(r"(?i)\b(?:bearer|basic|apikey)(?: token)?[ +:=]+([A-Za-z0-9+/=_.~-]{8,})"));

/// A word for a secret, what may stand between, and the secret.
static TOLD: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r#"(?i)(?:\b(?:pass(?:word|wd|phrase|code)?|pwd|secret(?: key)?|api[ _-]?key|access[ _-]?key|(?:auth|"#,
        r#"access|api|refresh|session|bearer|security)[ _-]token|token|pin(?: code| number)?|credentials?|"#,
        r#"one[- ]time code|otp|verification code|security code|signing key|private key|login code|"#,
        r#"mfa code)(?: (?:is|was|of|to|set to|changed to|for \S+ is|now|set as|value|=>?))+[ :]+|"#,
        r#"--?(?:password|passwd|pass|pwd|token|secret|api-?key|access-?key|auth-?token|"#,
        r#"client-?secret)[ =])["'`]?([^\s"'`,;)]{3,200})"#
    ))
});

/// Parts of the words before secrets.
static HINTS: Pattern =
    LazyLock::new(|| compiled("(?i)pass|pwd|secret|token|api.?key|key |bearer|basic|apikey|pin |otp|code|credential"));

/// The secrets in a text.
pub(super) fn find(page: &Page, found: &mut Vec<Span>) {
    let text = page.text.as_str();
    let mut tell = |start: usize, end: usize| found.push(Span { class: Class::Secret, start, end });
    for secret in MARKED.iter().flat_map(|marked| marked.find_iter(text)) {
        tell(secret.start(), secret.end());
    }
    if text.contains("://") && text.contains('@') {
        for url in IN_URL.iter().flat_map(|url| url.captures_iter(text)) {
            for part in [url.get(1), url.get(2)].into_iter().flatten().filter(|part| !part.is_empty()) {
                tell(part.start(), part.end());
            }
        }
    }
    if !HINTS.as_ref().is_some_and(|hints| hints.is_match(text)) {
        return;
    }
    for scheme in SCHEME.iter().flat_map(|scheme| scheme.captures_iter(text)) {
        if let Some(secret) = scheme.get(1).filter(|secret| !is_plain(secret.as_str())) {
            tell(secret.start(), secret.end());
        }
    }
    for told in TOLD.iter().flat_map(|told| told.captures_iter(text)) {
        let (Some(whole), Some(secret)) = (told.get(0), told.get(1)) else { continue };
        if whole.as_str().get(..5).is_some_and(|word| word.eq_ignore_ascii_case("pass ")) && passes(text, whole.start())
        {
            continue;
        }
        let held = secret.as_str().trim_end_matches(['.', '!', '?', ':', ']']);
        if !is_plain(held) && !held.starts_with(['$', '{', '<', '*', '%']) {
            tell(secret.start(), secret.start() + held.len());
        }
    }
}

/// Whether the word before a place makes a verb of `pass`.
fn passes(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end();
    let start = before.trim_end_matches(|c: char| c.is_alphanumeric()).len();
    let words = keys::words(&before[start..]);
    is_verb(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A word of the language, which opens nothing.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_lowercase()) && (look_up(text).word || text.len() < 4)
        || text.chars().all(char::is_alphabetic) && look_up(text).word
}
