//! Which commands of codeblue want a code from whoever has a second factor, by their words: a step that runs one asks for the code before
//! it begins, as its program has nobody to ask. What wants one is `Command::is_dangerous`; an entry that is missing here is refused
//! there, when the program is at work.

use std::collections::BTreeMap;

use super::{Command, Word};

/// The words that such a command begins with, and the options by which it becomes one.
pub const SENSITIVE: [&str; 21] = [
    "operator add",
    "operator role",
    "operator disable",
    "operator enable",
    "operator key add",
    "operator key remove",
    "operator totp remove",
    "operator totp reset",
    "token create",
    "automation set",
    "automation release",
    "change approve",
    "change delegate",
    "change template add",
    "break-glass open",
    "break-glass execute",
    "break-glass review",
    "runbook co-sign",
    "audit purge",
    "disaster-recovery",
    "rollback --everything",
];

impl Command {
    /// Whether it is a command of codeblue that wants a code of the second factor, with these values of inputs.
    #[must_use]
    pub fn asks_for_code(&self, values: &BTreeMap<String, String>) -> bool {
        if self.program() != Some("codeblue") || self.has("--dry-run") {
            return false;
        }
        let word = |word: &Word| {
            let value = word.input().and_then(|name| values.get(name));
            value.map(String::as_str).or(word.text()).unwrap_or_default().to_owned()
        };
        let (options, verbs): (Vec<String>, Vec<String>) =
            self.words().iter().skip(1).map(word).partition(|word| word.starts_with('-'));
        SENSITIVE.iter().any(|known| {
            let (wanted, first): (Vec<&str>, Vec<&str>) = known.split(' ').partition(|word| word.starts_with('-'));
            let begins = verbs.len() >= first.len() && verbs.iter().zip(&first).all(|(said, known)| said == known);
            begins && wanted.iter().all(|wanted| options.iter().any(|said| said == wanted))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_dangerous_asks_for_a_code() {
        for (command, asks) in [
            ("codeblue operator disable \"$ACCOUNT\" --reason attack", true),
            ("codeblue automation release", true),
            ("codeblue disaster-recovery --reason outage --confirm all", true),
            ("codeblue rollback --everything --reason outage", true),
            ("codeblue disaster-recovery --reason outage --dry-run", false),
            ("codeblue rollback --component records --reason outage", false),
            ("codeblue operator list", false),
            ("codeblue automation halt --reason outage", false),
            ("operator add eve", false),
            ("codeblue --no-color automation release", true),
            ("codeblue automation \"$VERB\"", true),
            ("codeblue automation \"$OTHER\"", false),
        ] {
            let values = BTreeMap::from([("VERB".to_owned(), "release".to_owned())]);
            assert_eq!(Command::read(command).unwrap().asks_for_code(&values), asks, "{command}");
        }
    }
}
