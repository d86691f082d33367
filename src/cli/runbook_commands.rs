//! Whether the commands of codeblue that a runbook runs are commands of this codeblue: a book that was written for another one
//! would fail at its ninth step instead of at its desk.

use std::collections::BTreeMap;

use clap::{CommandFactory, error::ErrorKind};

use super::Arguments;
use crate::runbook::{Finding, Level, Runbook, Step};

/// Every step whose command this program does not understand.
pub(super) fn unknown(file: &str, book: &Runbook) -> Vec<Finding> {
    book.steps().filter_map(|step| Some((step, problem(step)?))).map(|(step, what)| finding(file, step, what)).collect()
}

fn finding(file: &str, step: &Step, what: String) -> Finding {
    Finding {
        file: file.to_owned(),
        line: step.line,
        column: 1,
        level: Level::Error,
        rule: "codeblue-command",
        place: step.name.clone(),
        what,
        expected: "a command of this version; see its --help".to_owned(),
        nearest: None,
    }
}

fn problem(step: &Step) -> Option<String> {
    let command = &step.work.execution()?.command;
    if command.program() != Some("codeblue") {
        return None;
    }
    let inputs: BTreeMap<String, String> = command.inputs().map(|name| (name.to_owned(), "x".to_owned())).collect();
    let has_inputs = !inputs.is_empty();
    let error = Arguments::command().try_get_matches_from(command.filled(&inputs).ok()?).err()?;
    match error.kind() {
        // What an input holds is judged when it is given.
        ErrorKind::ValueValidation | ErrorKind::InvalidValue if has_inputs => None,
        _ => {
            let told = error.to_string();
            let first = told.lines().next().unwrap_or_default();
            Some(format!("codeblue does not understand it: {}", first.trim_start_matches("error: ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::runbook::SENSITIVE,
        runbook::{built_in, read},
    };

    #[test]
    fn what_asks_for_a_code_is_a_command_of_this_codeblue() {
        for known in SENSITIVE {
            let mut found = &Arguments::command();
            for word in known.split(' ') {
                match word.strip_prefix("--") {
                    Some(option) => {
                        let is_there = found.get_arguments().any(|known| known.get_long() == Some(option));
                        assert!(is_there, "{known}");
                    }
                    None => found = found.find_subcommand(word).unwrap_or_else(|| panic!("{known} is no command")),
                }
            }
        }
    }

    #[test]
    fn every_command_of_the_books_that_come_along_is_understood() {
        for volume in built_in() {
            let book = volume.reading.runbook.as_ref().unwrap();
            let told: Vec<String> = unknown(&volume.file, book).iter().map(ToString::to_string).collect();
            assert!(told.is_empty(), "{told:#?}");
        }
    }

    #[test]
    fn a_command_of_another_version_is_told_with_its_step() {
        let volume = built_in().next().unwrap();
        let text = volume.text.replacen("codeblue deploy list --limit 10", "codeblue deploy list --most 10", 1);
        let told = unknown("a.md", &read("a.md", &text).runbook.unwrap());
        assert!(told.len() == 1 && told[0].what.contains("--most") && told[0].place == "last-deployments", "{told:?}");
    }
}
