//! What is wrong with a platform file, told so that it can be put right at once.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong, and where.
///
/// ```
/// # use codeblue::platform;
/// let text = "[platform]\nname = \"Ward\"\n[[service]]\nname = \"auth\"\ndepends_on = [\"auht-db\"]\n[[service]]\nname = \"auth-db\"\n";
/// let problems = platform::parse(text, "codeblue.toml".as_ref()).unwrap_err();
/// assert_eq!(problems.to_string(), "codeblue.toml:5: service.depends_on: no service is named \"auht-db\"; did you mean \"auth-db\"?");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, counted from 1; `None` when the whole file is meant.
    pub line: Option<usize>,
    /// Column in characters, counted from 1.
    pub column: Option<usize>,
    /// The key, such as `service.depends_on`; empty for syntax errors.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What would be right; may be empty.
    pub expected: String,
    /// The right value that was probably meant.
    pub nearest: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(out, ":{line}")?;
        }
        if !self.place.is_empty() {
            write!(out, ": {}", self.place)?;
        }
        write!(out, ": {}", self.what)?;
        match &self.nearest {
            Some(nearest) => write!(out, "; did you mean \"{nearest}\"?"),
            None if self.expected.is_empty() => Ok(()),
            None => write!(out, "; expected {}", self.expected),
        }
    }
}

/// Everything that is wrong with a platform file, in the order of its lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Self(problems)
    }

    /// Each of them, first line first.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    /// One problem a line, without a line break at the end.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                out.write_str("\n")?;
            }
            problem.fmt(out)?;
        }
        Ok(())
    }
}

/// The candidate that `written` is most likely a slip of, if any is close enough.
#[must_use]
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let written = written.to_lowercase();
    let length = written.chars().count();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(&written, &candidate.to_lowercase());
            let allowed = (length.max(candidate.chars().count()) / 3).max(1);
            (distance <= allowed).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_of_the_finger_but_not_other_words() {
        let names = ["records-db", "auth", "patient-api"];
        assert_eq!(nearest("recrods-db", names).as_deref(), Some("records-db"));
        assert_eq!(nearest("Auth", names).as_deref(), Some("auth"));
        assert_eq!(nearest("patient_api", names).as_deref(), Some("patient-api"));
        assert_eq!(nearest("gateway", names), None);
        assert_eq!(nearest("", names), None);
    }
}
