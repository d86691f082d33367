//! How a filter is written, and what it asks of a row.

use std::fmt;

/// Something about a row that can be asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// How bad an incident is: 1 to 4.
    Severity,
    /// The services that it concerns.
    Service,
    /// The word for how it stands.
    State,
    /// What is true of it: one of [`FLAGS`].
    Is,
    /// What kind of its kind it is.
    Kind,
    /// Who has to do with it.
    Who,
}

/// What may follow `is:`.
const FLAGS: [&str; 10] = ["open", "over", "mine", "new", "late", "waiting", "good", "failed", "pinned", "affected"];

impl Field {
    const ALL: [Self; 6] = [Self::Severity, Self::Service, Self::State, Self::Is, Self::Kind, Self::Who];

    /// How it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Severity => "sev",
            Self::Service => "service",
            Self::State => "state",
            Self::Is => "is",
            Self::Kind => "kind",
            Self::Who => "who",
        }
    }
}

/// What lists are narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    typed: String,
    terms: Vec<Term>,
    problems: Vec<String>,
}

/// One thing that has to be so.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    /// It must not be so.
    negated: bool,
    /// Of this field; of anything that the row says, else.
    field: Option<Field>,
    /// One of these, in lower case.
    any_of: Vec<String>,
}

/// A row of a list, as a filter asks it.
pub(super) trait Asked {
    /// Whether something that it says is wanted.
    fn says(&self, is_wanted: &dyn Fn(&str) -> bool) -> bool;
    /// Whether one of its values of a field is wanted; none where rows like it do not have the field.
    fn has(&self, field: Field, is_wanted: &dyn Fn(&str) -> bool) -> Option<bool>;
}

impl Filter {
    /// Reads what was typed. What cannot be meant narrows nothing, and is told by [`Filter::problem`].
    #[must_use]
    pub fn parse(typed: &str) -> Self {
        let mut filter = Self { typed: typed.trim().to_owned(), ..Self::default() };
        for word in words(typed) {
            match term(&word) {
                Ok(Some(term)) => filter.terms.push(term),
                Ok(None) => {}
                Err(problem) => filter.problems.push(problem),
            }
        }
        filter
    }

    /// Whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.typed.is_empty()
    }

    /// The first thing that cannot be meant, and what could be.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.problems.first().cloned()
    }

    /// Forgets it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a row without fields passes: `says` finds out whether something of it is wanted.
    #[must_use]
    pub fn words(&self, says: impl Fn(&dyn Fn(&str) -> bool) -> bool) -> bool {
        struct Plain<F>(F);
        impl<F: Fn(&dyn Fn(&str) -> bool) -> bool> Asked for Plain<F> {
            fn says(&self, is_wanted: &dyn Fn(&str) -> bool) -> bool {
                (self.0)(is_wanted)
            }
            fn has(&self, _: Field, _: &dyn Fn(&str) -> bool) -> Option<bool> {
                None
            }
        }
        self.passes(&Plain(says))
    }

    /// Whether a row passes: all terms have to be so.
    pub(super) fn passes(&self, row: &impl Asked) -> bool {
        self.terms.iter().all(|term| match term.field {
            None => term.negated != row.says(&|text| term.is_in(text)),
            Some(field) => row.has(field, &|value| term.is_value(field, value)).is_none_or(|has| term.negated != has),
        })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.typed)
    }
}

impl Term {
    fn is_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.any_of.iter().any(|wanted| text.contains(wanted.as_str()))
    }

    /// A severity and a flag are meant exactly, all else by a part of it.
    fn is_value(&self, field: Field, value: &str) -> bool {
        match field {
            Field::Severity => self.any_of.iter().any(|wanted| wanted.trim_start_matches("sev") == value),
            Field::Is => self.any_of.iter().any(|wanted| wanted == value),
            _ => self.is_in(value),
        }
    }
}

/// What one word asks for; none while it is not finished.
fn term(word: &str) -> Result<Option<Term>, String> {
    let (negated, rest) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let quoted = rest.starts_with('"');
    let bare = rest.replace('"', "").to_lowercase();
    let named = bare.split_once(':').filter(|(name, _)| !quoted && is_name(name));
    let Some((name, values)) = named else {
        return Ok((!bare.is_empty()).then(|| Term { negated, field: None, any_of: vec![bare] }));
    };
    let field = Field::ALL.into_iter().find(|field| field.name() == name).ok_or_else(|| {
        let known: Vec<&str> = Field::ALL.into_iter().map(Field::name).collect();
        format!("there is no field “{name}”: {}; as a text it stands in quotes", known.join(" "))
    })?;
    let any_of: Vec<String> = values.split(',').filter(|value| !value.is_empty()).map(str::to_owned).collect();
    if any_of.is_empty() {
        return Ok(None);
    }
    match field {
        Field::Is => {
            let unknown = any_of.iter().find(|value| !FLAGS.contains(&value.as_str()));
            if let Some(value) = unknown {
                return Err(format!("nothing is “{value}”: {}", FLAGS.join(" ")));
            }
        }
        Field::Severity => {
            let is_severity = |value: &&String| matches!(value.trim_start_matches("sev"), "1" | "2" | "3" | "4");
            if let Some(value) = any_of.iter().find(|value| !is_severity(value)) {
                return Err(format!("there is no severity “{value}”: 1 to 4"));
            }
        }
        _ => {}
    }
    Ok(Some(Term { negated, field: Some(field), any_of }))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphabetic())
}

/// The words of a line; what stands in quotes stays together.
fn words(typed: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in typed.chars() {
        match (c, words.last_mut()) {
            ('"', Some(word)) => {
                is_quoted = !is_quoted;
                word.push(c);
            }
            (c, _) if c.is_whitespace() && !is_quoted => words.push(String::new()),
            (c, Some(word)) => word.push(c),
            (_, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Incident {
        title: &'static str,
        severity: &'static str,
        services: &'static [&'static str],
        flags: &'static [&'static str],
    }

    impl Asked for Incident {
        fn says(&self, is_wanted: &dyn Fn(&str) -> bool) -> bool {
            is_wanted(self.title)
        }
        fn has(&self, field: Field, is_wanted: &dyn Fn(&str) -> bool) -> Option<bool> {
            match field {
                Field::Severity => Some(is_wanted(self.severity)),
                Field::Service => Some(self.services.iter().any(|name| is_wanted(name))),
                Field::Is => Some(self.flags.iter().any(|flag| is_wanted(flag))),
                _ => None,
            }
        }
    }

    const INCIDENT: Incident = Incident {
        title: "Patient API has no room",
        severity: "1",
        services: &["patient-api", "records-db"],
        flags: &["open", "new"],
    };

    #[test]
    fn everything_asked_for_has_to_be_so_and_a_minus_turns_it_round() {
        for typed in [
            "",
            "  ",
            "patient",
            "PATIENT api",
            "\"no room\"",
            "sev:1",
            "sev:sev1",
            "sev:1,2",
            "service:records",
            "is:open",
            "-is:over",
            "-sev:3 -gone room",
            "-\"room no\"",
            "sev:",
            "-",
            "who:alice",
            "-who:alice",
        ] {
            assert!(Filter::parse(typed).passes(&INCIDENT), "{typed:?}");
        }
        for typed in [
            "gone",
            "patient gone",
            "\"room no\"",
            "sev:2",
            "-sev:1",
            "service:auth",
            "is:mine",
            "-is:open",
            "-patient",
        ] {
            assert!(!Filter::parse(typed).passes(&INCIDENT), "{typed:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told_with_what_could_be_and_narrows_nothing() {
        for (typed, told) in [
            ("svc:api", "there is no field “svc”: sev service state is kind who"),
            ("is:opened", "nothing is “opened”: open over mine"),
            ("sev:5", "there is no severity “5”: 1 to 4"),
        ] {
            let filter = Filter::parse(typed);
            let problem = filter.problem().unwrap_or_default();
            assert!(problem.starts_with(told), "{problem}");
            assert!(filter.passes(&INCIDENT), "{typed}");
        }
        assert_eq!(Filter::parse("\"svc:api\" 10:30").problem(), None);
    }

    #[test]
    fn a_list_without_a_field_is_narrowed_by_the_words_alone() {
        let filter = Filter::parse("sev:1 vault");
        assert!(filter.words(|is_wanted| is_wanted("the vault")));
        assert!(!filter.words(|is_wanted| is_wanted("the journal")));
    }
}
