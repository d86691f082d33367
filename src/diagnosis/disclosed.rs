//! Logs that name people: what the redactor has taken out of a line tells that a program writes down who its patients are, though
//! every check is content.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{CaseFile, hypotheses::Hypothesis, redact::Class};
use crate::domain::{Cause, Evidence};

/// How a line of evidence begins that tells of it.
pub(super) const NAMES_PEOPLE: &str = "names people";
/// So many different identifiers of one line are those of a person; one alone may be a word that looks like one.
const OF_A_PERSON: usize = 3;
/// So many lines are no accident.
const LINES: usize = 3;
/// How much they say, alone.
const WEIGHT: f64 = 0.8;
/// What is written of a person, and of nothing else.
const PERSONAL: [Class; 12] = [
    Class::Name,
    Class::Address,
    Class::Zip,
    Class::Date,
    Class::Age,
    Class::Phone,
    Class::Fax,
    Class::Email,
    Class::Ssn,
    Class::Mrn,
    Class::Plan,
    Class::Photo,
];

/// What a redacted line was about, when it named a person.
#[must_use]
pub fn named_in(redacted: &str) -> Option<BTreeSet<&'static str>> {
    let names = PERSONAL.into_iter().map(Class::name);
    let found: BTreeSet<&str> = names.filter(|name| redacted.contains(&format!("[{name}"))).collect();
    (found.len() >= OF_A_PERSON).then_some(found)
}

/// That the log of a service names people, which nobody has to fail for.
pub(super) fn weigh(case: &CaseFile, service: &str) -> Option<Hypothesis> {
    let entries = case.logs.iter().filter(|log| log.service == service).flat_map(|log| &log.entries);
    let (mut all, mut count, mut first) = (BTreeSet::new(), 0, None::<DateTime<Utc>>);
    for entry in entries {
        if let Some(found) = named_in(&case.redactor.line(&entry.message)) {
            all.extend(found);
            count += 1;
            first = first.or(entry.at);
        }
    }
    let what: Vec<&str> = all.into_iter().collect();
    let text = format!("it {NAMES_PEOPLE}: {}", what.join(", "));
    let evidence = Evidence { at: first, source: format!("log of {service}"), text, count: count as u64 };
    (count >= LINES).then(|| Hypothesis {
        cause: Cause::Setting,
        issue: format!("{service} writes into its log who its patients are ({} in {count} lines)", what.join(", ")),
        confidence: WEIGHT,
        deployment: None,
        evidence: vec![evidence],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Redactor;

    #[test]
    fn a_line_names_a_person_when_much_of_one_was_taken_out() {
        let redactor = Redactor::default();
        let said = |line: &str| named_in(&redactor.line(line)).is_some();
        assert!(said("patient saved: name=\"Ines Okafor\" birthDate=1954-02-11 mrn=00318822"));
        assert!(!said("patient 1007: missing column dose_unit"));
        assert!(!said("login of mrn=00318822 refused for 10.2.3.4"));
    }
}
