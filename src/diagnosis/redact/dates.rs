//! Dates in all the ways in which people and programs write them.

use std::sync::LazyLock;

use super::patterns::{Pattern, compiled};

const MONTH: &str = concat!(
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|",
    "oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|januar|februar|märz|mai|juni|juli|oktober|dezember|janvier|",
    "février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|",
    "mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)"
);

/// A day with its year, perhaps with a time behind it.
static FULL: Pattern = LazyLock::new(|| {
    let time = r"(?:[T ,]{1,2}(?:at )?\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[ap]\.?m\b\.?)?(?: ?Z\b| ?[+-]\d{2}:?\d{2}\b)?)?";
    let numbers = concat!(
        r"\b(?:(?:1[89]|20)\d{2}[-/.](?:0?[1-9]|1[0-2])[-/.](?:3[01]|[12]\d|0?[1-9])|(?:3[01]|[12]\d|",
        r"0?[1-9])[-/.](?:3[01]|[12]\d|0?[1-9])[-/.](?:(?:1[89]|20)\d{2}|\d{2}))"
    );
    let words = format!(
        r"\b(?:{MONTH}\.?[ -](?:the )?\d{{1,2}}(?:st|nd|rd|th)?,?[ -](?:1[89]|20)\d{{2}}|\d{{1,2}}(?:st|nd|rd|th)?\.?[ -](?:of |de )?{MONTH}\.?,?[ -](?:de |of )?(?:(?:1[89]|20)\d{{2}}|\d{{2}}\b)|(?:1[89]|20)\d{{2}}[ -]{MONTH}[ -]\d{{1,2}})"
    );
    let basic = r"\b(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:3[01]|[12]\d|0[1-9])T\d{4,6}(?:\.\d+)?Z?";
    compiled(&format!("(?i)(?:{basic}|(?:{numbers}|{words}){time})"))
});

/// A day without its year.
static DAY: Pattern = LazyLock::new(|| {
    compiled(&format!(
        r"(?i)\b(?:{MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?\b|\d{{1,2}}(?:st|nd|rd|th)?\.? (?:of )?{MONTH}\b|{MONTH}\.?,? (?:19|20)\d{{2}}\b)"
    ))
});

/// A number that may be a day: `19800305`, perhaps with a time, or seconds or milliseconds of Unix.
static NUMBER: Pattern = LazyLock::new(|| {
    compiled(
        r"-?\b\d{6,17}(?:\.\d{1,6})?(?:[+-]\d{4})?\b|\b\d{1,2}[-/.]\d{1,2}(?:[-/.]\d{2,4})?\b|\b(?:19|20)\d{2}-\d{2}\b|\b\d{1,2}/\d{4}\b",
    )
});

/// The time at which a line was written, at its beginning.
static STAMP: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r#"^\W{0,3}(?:\w{1,12}[ :]\W{0,2}){0,2}?(?:(?:19|20)?\d{2}[-/.]\d{2}[-/.]\d{2,4}[T ,_:-]{1,2}|(?:mon|"#,
        r#"tue|wed|thu|fri|sat|sun)[a-z]*,? )?(?:(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|"#,
        r#"dec)[a-z]*\.? +\d{1,2},? +(?:\d{4} +)?|\d{1,2}[ /-](?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|"#,
        r#"dec)[a-z]*[ /-]\d{4}[: ])?\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d{1,9})?)?(?: ?Z\b|"#,
        r#" ?[+-]\d{2}:?\d{2}\b| UTC\b)?(?: \d{4}\b)?|^\W{0,2}(?:19|20)\d{6}T\d{6}\S*|^\W{0,2}(?:19|"#,
        r#"20)\d{2}[-/.]\d{2}[-/.]\d{2}\b"#
    ))
});

/// Where the time ends that stands at the beginning of a line.
pub(super) fn stamp(text: &str) -> usize {
    let head = text.get(..80).or_else(|| text.get(..79)).or_else(|| text.get(..78)).unwrap_or(text);
    STAMP.as_ref().and_then(|stamp| stamp.find(head)).map_or(0, |found| found.end())
}

/// The days in a text that have a year.
pub(super) fn full(text: &str) -> impl Iterator<Item = (usize, usize)> {
    FULL.as_ref().into_iter().flat_map(move |full| full.find_iter(text)).map(|found| (found.start(), found.end()))
}

/// The days in a text that have none, or only month and year.
pub(super) fn days(text: &str) -> impl Iterator<Item = (usize, usize)> {
    DAY.as_ref().into_iter().flat_map(move |day| day.find_iter(text)).map(|found| (found.start(), found.end()))
}

/// Numbers that are days when their key says so.
pub(super) fn numbers(text: &str) -> impl Iterator<Item = (usize, usize)> {
    NUMBER.as_ref().into_iter().flat_map(move |number| number.find_iter(text)).map(|found| (found.start(), found.end()))
}
