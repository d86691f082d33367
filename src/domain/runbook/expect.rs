//! What a command has to show for its step to have passed: its exit code, what it printed, how long it took.

use std::{fmt, time::Duration};

use regex::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// One condition on what a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// It ended with one of these codes. Where 2 is one of several, 2 is a warning.
    Exit(Vec<u8>),
    /// What it printed matches a regular expression.
    Prints(String),
    /// What it printed does not match one.
    PrintsNot(String),
    /// A value of the JSON document it printed, by its pointer (RFC 6901).
    Json {
        /// Such as `/health/overall`.
        pointer: String,
        /// How it is compared.
        comparison: Comparison,
        /// With what.
        value: String,
    },
    /// It took no longer.
    Within(Duration),
}

/// How two values are compared; as numbers where both are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The same.
    Equal,
    /// Something else.
    Differs,
    /// At most.
    AtMost,
    /// At least.
    AtLeast,
}

/// What a command did.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// Its exit code; none when a signal ended it.
    pub exit: Option<u8>,
    /// What it printed.
    pub stdout: &'a str,
    /// How long it took.
    pub took: Duration,
}

/// What is thought of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "why")]
pub enum Judgement {
    /// All is as expected.
    Passed,
    /// It passed, and told of something to look at.
    Warned,
    /// It is not: each condition that does not hold, and what was found.
    Failed(Vec<String>),
}

impl Comparison {
    const ALL: [(&'static str, Self); 4] =
        [("==", Self::Equal), ("!=", Self::Differs), ("<=", Self::AtMost), (">=", Self::AtLeast)];

    fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(_, comparison)| *comparison == self).map_or("", |(sign, _)| *sign)
    }

    fn holds(self, found: &Value, value: &str) -> bool {
        let number = found.as_f64().or_else(|| found.as_str()?.parse().ok()).zip(value.parse::<f64>().ok());
        let same = match number {
            Some((found, value)) => found == value,
            None => found.as_str().map_or_else(|| found.to_string(), str::to_owned) == value,
        };
        match self {
            Self::Equal => same,
            Self::Differs => !same,
            Self::AtMost => number.is_some_and(|(found, value)| found <= value),
            Self::AtLeast => number.is_some_and(|(found, value)| found >= value),
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(codes) if codes.len() == 1 => write!(out, "exit={}", codes[0]),
            Self::Exit(codes) => {
                out.write_str("exit in")?;
                codes.iter().try_for_each(|code| write!(out, " {code}"))
            }
            Self::Prints(pattern) => write!(out, "stdout~{pattern}"),
            Self::PrintsNot(pattern) => write!(out, "stdout!~{pattern}"),
            Self::Json { pointer, comparison, value } => write!(out, "json:{pointer}{}{value}", comparison.sign()),
            Self::Within(limit) => write!(out, "le:{}", humantime::format_duration(*limit)),
        }
    }
}

impl Serialize for Expectation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one(&String::deserialize(deserializer)?).map_err(|(what, _)| de::Error::custom(what))
    }
}

/// Reads conditions joined by `;`.
///
/// # Errors
/// The one that is not understood, and what would be.
pub fn expectations(text: &str) -> Result<Vec<Expectation>, (String, String)> {
    let mut found: Vec<Expectation> =
        text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(one).collect::<Result<_, _>>()?;
    if !found.iter().any(|expectation| matches!(expectation, Expectation::Exit(_))) {
        found.insert(0, Expectation::Exit(vec![0]));
    }
    Ok(found)
}

fn one(text: &str) -> Result<Expectation, (String, String)> {
    let wrong = |expected: &str| (format!("{text:?} is no condition"), expected.to_owned());
    if let Some(code) = text.strip_prefix("exit=") {
        let code = code.trim().parse().map_err(|_| wrong("exit=0 to exit=255"))?;
        return Ok(Expectation::Exit(vec![code]));
    }
    if let Some(codes) = text.strip_prefix("exit in ") {
        let codes: Result<Vec<u8>, _> = codes.split_whitespace().map(str::parse).collect();
        return codes.ok().filter(|codes| !codes.is_empty()).map(Expectation::Exit).ok_or_else(|| wrong("exit in 0 2"));
    }
    if let Some(pattern) = text.strip_prefix("stdout!~") {
        return pattern_of(pattern).map(Expectation::PrintsNot);
    }
    if let Some(pattern) = text.strip_prefix("stdout~") {
        return pattern_of(pattern).map(Expectation::Prints);
    }
    if let Some(limit) = text.strip_prefix("le:") {
        let limit = humantime::parse_duration(limit.trim()).map_err(|_| wrong("a duration such as le:120ms"))?;
        return Ok(Expectation::Within(limit));
    }
    if let Some(rest) = text.strip_prefix("json:") {
        let place = Comparison::ALL
            .iter()
            .filter_map(|(sign, how)| Some((rest.find(sign)?, *sign, *how)))
            .min_by_key(|found| found.0);
        let (place, sign, comparison) = place.ok_or_else(|| wrong("json:/pointer==value"))?;
        let (pointer, value) = (rest[..place].trim(), rest[place + sign.len()..].trim());
        if pointer.is_empty() || pointer.starts_with('/') {
            return Ok(Expectation::Json { pointer: pointer.to_owned(), comparison, value: value.to_owned() });
        }
        return Err(wrong("a pointer that begins with /, such as json:/health/overall==healthy"));
    }
    Err(wrong("exit=N, exit in N N, stdout~PATTERN, stdout!~PATTERN, json:/POINTER==VALUE or le:DURATION"))
}

fn pattern_of(pattern: &str) -> Result<String, (String, String)> {
    match Regex::new(pattern) {
        Ok(_) if !pattern.is_empty() => Ok(pattern.to_owned()),
        Ok(_) => Err(("the pattern is empty".to_owned(), "a regular expression".to_owned())),
        Err(error) => {
            let why = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
            Err((format!("{pattern:?} is no regular expression: {why}"), "one as the regex crate reads it".to_owned()))
        }
    }
}

/// Compares what a command did with what was expected.
#[must_use]
pub fn judge(expected: &[Expectation], outcome: Outcome<'_>) -> Judgement {
    let mut wrong = Vec::new();
    let mut warned = false;
    for expectation in expected {
        let found = match expectation {
            Expectation::Exit(codes) => match outcome.exit {
                Some(code) if codes.contains(&code) => {
                    warned |= code == 2 && codes.len() > 1;
                    continue;
                }
                Some(code) => format!("it ended with {code}"),
                None => "a signal ended it".to_owned(),
            },
            Expectation::Prints(pattern) if matches(pattern, outcome.stdout) => continue,
            Expectation::Prints(_) => "it printed nothing like that".to_owned(),
            Expectation::PrintsNot(pattern) if !matches(pattern, outcome.stdout) => continue,
            Expectation::PrintsNot(_) => "it printed that".to_owned(),
            Expectation::Json { pointer, comparison, value } => {
                match serde_json::from_str::<Value>(outcome.stdout).as_ref().map(|document| document.pointer(pointer)) {
                    Ok(Some(found)) if comparison.holds(found, value) => continue,
                    Ok(Some(found)) => format!("it is {found}"),
                    Ok(None) => "there is no such value".to_owned(),
                    Err(_) => "it printed no JSON document".to_owned(),
                }
            }
            Expectation::Within(limit) if outcome.took <= *limit => continue,
            Expectation::Within(_) => format!("it took {}", humantime::format_duration(outcome.took)),
        };
        wrong.push(format!("{expectation}: {found}"));
    }
    match (wrong.is_empty(), warned) {
        (false, _) => Judgement::Failed(wrong),
        (true, true) => Judgement::Warned,
        (true, false) => Judgement::Passed,
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(expected: &str, exit: u8, stdout: &str) -> Judgement {
        judge(&expectations(expected).unwrap(), Outcome { exit: Some(exit), stdout, took: Duration::from_millis(80) })
    }

    #[test]
    fn without_a_word_about_the_exit_code_it_has_to_be_zero() {
        assert_eq!(judged("", 0, ""), Judgement::Passed);
        assert_eq!(judged("stdout~ok", 1, "ok"), Judgement::Failed(vec!["exit=0: it ended with 1".to_owned()]));
        assert_eq!(judged("exit in 0 2", 2, ""), Judgement::Warned);
        assert_eq!(judged("exit=2", 2, ""), Judgement::Passed);
    }

    #[test]
    fn values_of_a_document_are_compared_as_numbers_where_they_are() {
        let document = r#"{"pool": {"used": 7, "state": "ok"}, "open": []}"#;
        for holds in [
            "json:/pool/used<=64",
            "json:/pool/used==7.0",
            "json:/pool/state==ok",
            "json:/open==[]",
            "json:/pool/state!=full",
        ] {
            assert_eq!(judged(holds, 0, document), Judgement::Passed, "{holds}");
        }
        for fails in ["json:/pool/used>=8", "json:/pool/none==1", "json:/pool/state>=1"] {
            assert!(matches!(judged(fails, 0, document), Judgement::Failed(_)), "{fails}");
        }
        assert!(matches!(judged("json:/a==1", 0, "no json"), Judgement::Failed(_)));
    }

    #[test]
    fn what_is_no_condition_is_told() {
        for wrong in ["exit=x", "exit in", "stdout~(", "stdout~", "json:a==1", "json:/a", "le:fast", "ok"] {
            assert!(expectations(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_condition_reads_back_as_it_is_shown() {
        for text in [
            "exit=0",
            "exit in 0 2",
            "exit=0; stdout~a b",
            "exit=0; stdout!~x",
            "exit=0; json:/a/b<=3",
            "exit=0; le:120ms",
        ] {
            let read = expectations(text).unwrap();
            let shown: Vec<String> = read.iter().map(ToString::to_string).collect();
            assert_eq!(shown.join("; "), text);
        }
    }
}
