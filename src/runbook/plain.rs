//! The book on paper: for the hour in which no screen works. Eighty columns, boxes to tick, commands with blanks to fill in,
//! and whom to call.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr;

use super::{Confirm, InputKind, OnTrouble, Runbook, Section, SectionKind, Step, Target, Undo, Work, visible};
use crate::{
    domain::{BookProof, role_name},
    platform::{Platform, Role},
};

const WIDTH: usize = 80;
/// Fewest columns in which a step can still be read.
const LEAST: usize = 30;
const BLANK: &str = "__________";

/// The book as text of eighty columns; names of people come from a platform file, where one is given, and what
/// drills have shown of it from whoever knows.
#[must_use]
pub fn plain(book: &Runbook, platform: Option<&Platform>, proof: &BookProof) -> String {
    plain_in(book, platform, proof, WIDTH)
}

/// The same on a screen of so many columns; on a narrow one without the blanks that only paper has room for.
#[must_use]
pub fn plain_in(book: &Runbook, platform: Option<&Platform>, proof: &BookProof, columns: usize) -> String {
    let mut page = Page { text: String::new(), width: columns.clamp(LEAST, WIDTH) };
    page.head(book, proof);
    page.contacts(book, platform);
    page.inputs(book);
    let numbers: BTreeMap<&str, usize> = book.steps().map(|step| (step.name.as_str(), step.number)).collect();
    for section in &book.sections {
        page.section(section, &numbers);
    }
    page.line("", "");
    page.line("", &format!("Done at ________ by {BLANK}{BLANK}   Signed {BLANK}{BLANK}"));
    page.text
}

struct Page {
    text: String,
    width: usize,
}

impl Page {
    /// A line that is never broken.
    fn line(&mut self, indent: &str, text: &str) {
        self.text.push_str(indent);
        self.text.push_str(text);
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
    }

    /// Whether it is as wide as paper.
    fn is_paper(&self) -> bool {
        self.width == WIDTH
    }

    /// Who it is, in columns, or in a sentence where those have no room.
    fn contact(&mut self, columns: &str) {
        if columns.trim_end().width() + 2 <= self.width {
            self.line("  ", columns);
        } else {
            self.paragraph("  ", "      ", columns);
        }
    }

    /// A paragraph: `first` stands before its first line, `rest` before the others.
    fn paragraph(&mut self, first: &str, rest: &str, text: &str) {
        let (mut line, mut is_empty) = (first.to_owned(), true);
        for word in text.split_whitespace() {
            if !is_empty && line.width() + 1 + word.width() > self.width {
                self.line("", &line);
                rest.clone_into(&mut line);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line("", &line);
    }

    fn head(&mut self, book: &Runbook, proof: &BookProof) {
        let front = &book.front;
        self.line("", &"=".repeat(self.width));
        self.paragraph("", "", &format!("{}  {}", front.id, front.title));
        let severity = format!("SEV{}", front.severity.number());
        let budget = visible::span(front.time_budget);
        let (rto, rpo) = (visible::span(front.rto), visible::span(front.rpo));
        let targets =
            format!("{severity} · done within {budget} · users served within {rto} · at most {rpo} of data lost");
        self.paragraph("", "", &targets);
        let proved = proof.words();
        let reviewed = front.reviewed_on.map_or("never reviewed".to_owned(), |day| format!("reviewed on {day}"));
        self.paragraph("", "", &format!("{proved} · {reviewed} · text {}", book.hash.get(..12).unwrap_or(&book.hash)));
        self.line("", &"=".repeat(self.width));
        self.line("", "");
        if self.is_paper() {
            self.line("", &format!("Begun at ________ UTC by {BLANK}{BLANK}   Incident INC-______"));
        }
        self.line("", "");
    }

    fn contacts(&mut self, book: &Runbook, platform: Option<&Platform>) {
        self.paragraph("", "", "A command that goes on in the next line is typed as one line.");
        self.line("", "");
        self.line("", "CONTACTS");
        let mut roles: Vec<Role> = book.steps().map(|step| step.role).collect();
        roles.extend([Role::TechnicalLead, Role::Cto]);
        if book.front.phi != super::Phi::None {
            roles.push(Role::ComplianceOfficer);
        }
        roles.sort_unstable();
        roles.dedup();
        for role in roles {
            let operators = platform.map_or(&[] as &[_], |platform| platform.operators.as_slice());
            let named: Vec<&str> = operators
                .iter()
                .filter(|operator| operator.roles.contains(&role))
                .map(|operator| operator.name.as_str())
                .collect();
            let name = if named.is_empty() { BLANK.repeat(2) } else { named.join(", ") };
            let telephone = if self.is_paper() { format!(" tel {BLANK}{BLANK}") } else { String::new() };
            self.contact(&format!("{:<20} {name:<24}{telephone}", role_name(role)));
        }
        for (what, team) in [("owner of this book", &book.front.owner), ("deputy", &book.front.deputy)] {
            let telephone = if self.is_paper() { format!(" tel {BLANK}{BLANK}") } else { String::new() };
            self.contact(&format!("{what:<20} {team:<24}{telephone}"));
        }
        self.line("", "");
    }

    fn inputs(&mut self, book: &Runbook) {
        if book.front.inputs.is_empty() {
            return;
        }
        self.line("", "FILL IN FIRST");
        for input in &book.front.inputs {
            let value = match (&input.default, &input.kind) {
                (_, InputKind::Secret) => "(do not write it down)".to_owned(),
                (Some(default), _) => format!("{default}  or {BLANK}"),
                (None, _) => BLANK.repeat(2),
            };
            self.paragraph(
                &format!("  {:<16} ", input.name),
                "                   ",
                &format!("{value}  {}", input.hint),
            );
        }
        self.line("", "");
    }

    fn section(&mut self, section: &Section, numbers: &BTreeMap<&str, usize>) {
        self.line(
            "",
            &format!(
                "{} {}",
                section.kind.title().to_uppercase(),
                "-".repeat(self.width.saturating_sub(1 + section.kind.title().width()))
            ),
        );
        if section.kind == SectionKind::Rollback && !section.steps.is_empty() {
            self.paragraph("", "", "Only what another step names as its undo, the last one first.");
        }
        self.markdown("", &section.text);
        for step in &section.steps {
            self.step(step, numbers);
        }
        self.line("", "");
    }

    fn step(&mut self, step: &Step, numbers: &BTreeMap<&str, usize>) {
        self.line("", "");
        let number = format!("{:>2}. ", step.number);
        self.paragraph(&format!("[ ] {number}"), "        ", &step.title);
        let indent = "        ";
        let about = visible::line(step);
        self.paragraph(indent, indent, about.trim_matches('_'));
        for caution in &step.cautions {
            self.paragraph("     !! ", indent, caution);
        }
        self.markdown(indent, &step.text);
        if let Some(run) = step.work.execution() {
            let blank = |name: &str| format!("{name}{BLANK}");
            self.command(&run.command.shown(blank));
            if let Work::Action(action) = &step.work {
                match &action.confirm {
                    Confirm::Typed(text) => self.paragraph(indent, indent, &format!("Say aloud before: {text}")),
                    Confirm::No | Confirm::Yes => {}
                }
                if let Some(verify) = &action.verify {
                    let number = numbers.get(verify.as_str()).copied().unwrap_or_default();
                    self.paragraph(
                        indent,
                        indent,
                        &format!("Then step {number} ({verify}) decides whether it worked."),
                    );
                }
            }
            let expected: Vec<String> = run.expect.iter().map(ToString::to_string).collect();
            self.paragraph(indent, indent, &format!("Expected: {}", expected.join("; ")));
            for capture in &run.sets {
                self.paragraph(indent, indent, &format!("Write down {}: {BLANK}{BLANK}", capture.name));
            }
            if let Some(then) = trouble(&run.on_fail, numbers) {
                self.paragraph(indent, indent, &format!("If it fails: {then}."));
            }
        }
        match &step.work {
            Work::Manual(manual) => {
                for task in &manual.tasks {
                    let blank = task
                        .answer
                        .as_ref()
                        .map_or(String::new(), |answer| format!("  {} {BLANK}{BLANK}", answer.name));
                    self.paragraph("        [ ] ", "            ", &format!("{}{blank}", flat(&task.text)));
                }
            }
            Work::Decision { choices } => {
                for choice in choices {
                    let to = match &choice.to {
                        Target::Next => "go on".to_owned(),
                        Target::End => "the end".to_owned(),
                        Target::Book(id) => format!("book {id}"),
                        Target::Step(name) => {
                            format!("step {}", numbers.get(name.as_str()).copied().unwrap_or_default())
                        }
                    };
                    self.paragraph("        [ ] ", "            ", &format!("{} -> {to}", flat(&choice.text)));
                }
            }
            _ => {}
        }
        if let Target::Step(name) = &step.then {
            let number = numbers.get(name.as_str()).copied().unwrap_or_default();
            self.paragraph(indent, indent, &format!("When it has passed: step {number}."));
        }
        if let Some(then) = trouble(&step.on_skip, numbers).filter(|_| step.on_skip != OnTrouble::Continue) {
            self.paragraph(indent, indent, &format!("Where it cannot be done: {then}."));
        }
        if let Some(Undo::None(reason)) = step.work.undo() {
            self.paragraph(indent, indent, &format!("Cannot be taken back: {reason}."));
        }
        self.line(indent, "at ______  by ______________  result ________________________");
    }

    /// A command. Where it is too long, it goes on further in.
    fn command(&mut self, command: &str) {
        self.paragraph("        $ ", "            ", command);
    }

    /// Prose: paragraphs are filled anew, tables and examples stay as they are.
    fn markdown(&mut self, indent: &str, text: &str) {
        let mut paragraph: Vec<&str> = Vec::new();
        let mut is_example = false;
        for line in text.lines().chain([""]) {
            let trimmed = line.trim();
            let is_fence = trimmed.starts_with("```") || trimmed.starts_with("~~~");
            let is_item = trimmed.starts_with("- ") || trimmed.starts_with("* ");
            let is_fixed = is_example || is_fence || trimmed.starts_with('|') || trimmed.starts_with("<!--");
            if (is_fixed || is_item || trimmed.is_empty()) && !paragraph.is_empty() {
                let text = flat(&paragraph.join(" "));
                let (first, rest) = match text.strip_prefix("- ") {
                    Some(_) => (indent.to_owned(), format!("{indent}  ")),
                    None => (indent.to_owned(), indent.to_owned()),
                };
                self.paragraph(&first, &rest, &text);
                paragraph.clear();
            }
            if is_fence {
                is_example = !is_example;
            } else if trimmed.starts_with("<!--") {
            } else if trimmed.starts_with('|') {
                self.row(indent, trimmed);
            } else if is_fixed {
                self.line(indent, line);
            } else if !trimmed.is_empty() {
                paragraph.push(trimmed);
            }
        }
    }

    /// A row of a table, as a line of its own.
    fn row(&mut self, indent: &str, row: &str) {
        let cells: Vec<String> = row.trim_matches('|').split('|').map(|cell| flat(cell.trim())).collect();
        if cells.iter().all(|cell| cell.chars().all(|c| c == '-' || c == ':')) {
            return;
        }
        self.paragraph(&format!("{indent}* "), &format!("{indent}  "), &cells.join(" | "));
    }
}

/// Prose without the marks that only a screen shows.
fn flat(text: &str) -> String {
    text.replace("**", "").replace('`', "")
}

fn trouble(trouble: &OnTrouble, numbers: &BTreeMap<&str, usize>) -> Option<String> {
    Some(match trouble {
        OnTrouble::Stop => return None,
        OnTrouble::Ask => "decide together how to go on".to_owned(),
        OnTrouble::Continue => "go on".to_owned(),
        OnTrouble::Goto(name) => format!("step {}", numbers.get(name.as_str()).copied().unwrap_or_default()),
        OnTrouble::Rollback => "take back what was done, the last first (ROLLBACK)".to_owned(),
        OnTrouble::Escalate => "call the next level, and stop".to_owned(),
    })
}
