//! Patterns that are part of the program.

use std::sync::LazyLock;

use regex::{Match, Regex};

/// One that is compiled when it is first needed.
pub(super) type Pattern = LazyLock<Option<Regex>>;

/// Compiles one. They are all proved by a test, so none is ever missing.
pub(super) fn compiled(pattern: &str) -> Option<Regex> {
    // Words and numbers of identifiers are ASCII, and machines that know no other letters are several times faster.
    let ascii = pattern.replace(r"\b", r"(?-u:\b)").replace(r"\d", "[0-9]").replace(r"\w", "[0-9A-Za-z_]");
    let compiled = Regex::new(&ascii);
    debug_assert!(compiled.is_ok(), "{compiled:?}");
    compiled.ok()
}

/// Where a pattern is found.
pub(super) fn all<'t>(pattern: &'static Pattern, text: &'t str) -> impl Iterator<Item = Match<'t>> {
    pattern.as_ref().into_iter().flat_map(move |pattern| pattern.find_iter(text))
}

/// Where a pattern is found, if it can be.
pub(super) fn some<'t>(pattern: &'static Pattern, text: &'t str, may: bool) -> impl Iterator<Item = Match<'t>> {
    all(pattern, if may { text } else { "" })
}
