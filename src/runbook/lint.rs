//! Whether a book is right, also beside what stands around it: the platform, the other books, the day.

use chrono::NaiveDate;

use super::{
    Condition, Ended, FrontMatter, InputKind, Runbook, ServiceRef, Step, Target, Work,
    finding::{Finding, Notes},
    parse::{DraftBook, drafted},
    read_step::Draft,
    rules,
};
use crate::platform::Platform;

/// What a book is judged beside.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings<'a> {
    /// The platform that it is to run on.
    pub platform: Option<&'a Platform>,
    /// The ids of all books there are; empty when nobody knows.
    pub books: &'a [String],
    /// The day on which it is judged.
    pub today: Option<NaiveDate>,
}

/// Everything that is wrong with a book, in the order of its lines.
#[must_use]
pub fn lint(file: &str, text: &str, around: &Surroundings<'_>) -> Vec<Finding> {
    let (draft, mut notes) = drafted(file, text);
    rules::check(&draft, &mut notes);
    if let Some(front) = &draft.front {
        if let Some(today) = around.today {
            review(&draft, front, today, &mut notes);
        }
        if let Some(platform) = around.platform {
            declared(&draft, front, platform, &mut notes);
        }
        if !around.books.is_empty() {
            books(&draft, around.books, &mut notes);
        }
    }
    if !notes.has_errors()
        && let Some(book) = super::parse::read(file, text).runbook
    {
        proof(&draft, &book, &mut notes);
    }
    notes.into_findings()
}

fn field_at(draft: &DraftBook<'_>, key: &str) -> usize {
    let entry = draft.header.iter().flat_map(|header| &header.entries).find(|entry| entry.key == key);
    entry.map_or(0, |entry| entry.at)
}

/// Somebody has read the book lately.
fn review(draft: &DraftBook<'_>, front: &FrontMatter, today: NaiveDate, notes: &mut Notes) {
    let at = field_at(draft, "review_every");
    let Some(last) = rules::last_looked_at(front) else {
        notes.warning(
            "review",
            at,
            "reviewed_on",
            "nobody has reviewed the book",
            "reviewed_on: the day somebody last read it",
        );
        return;
    };
    let age = (today - last).num_days();
    let every = i64::try_from(front.review_every.as_secs() / 86_400).unwrap_or(i64::MAX).max(1);
    let expected = format!("a review every {every} days; it was last proved or reviewed on {last}");
    if age > every.saturating_mul(2) {
        notes.error("review", at, "review_every", "its review is overdue, twice over", expected);
    } else if age > every {
        notes.warning("review", at, "review_every", "its review is overdue", expected);
    }
}

/// A drill has proved what the book says now.
fn proof(draft: &DraftBook<'_>, book: &Runbook, notes: &mut Notes) {
    if book.is_stamped() == Some(false) {
        let expected = format!("one of its drills again: {}", book.front.drills.join(", "));
        notes.warning(
            "proof",
            field_at(draft, "verified_hash"),
            "verified_hash",
            "the book has changed since a drill proved it",
            expected,
        );
    }
}

/// What the book names is declared in the platform file.
fn declared(draft: &DraftBook<'_>, front: &FrontMatter, platform: &Platform, notes: &mut Notes) {
    let services = || platform.services.iter().map(|service| service.name.as_str());
    let components = || platform.components.iter().map(|component| component.name.as_str());
    let inputs_at = field_at(draft, "inputs");
    for service in &front.services {
        if let ServiceRef::Name(name) = service
            && platform.service(name).is_none()
        {
            let what = format!("the platform has no service {name:?}");
            notes.unknown("service", field_at(draft, "services"), "services", &what, name, services());
        }
    }
    for input in &front.inputs {
        let Some(default) = &input.default else { continue };
        let what = format!("{} is {default:?}, which the platform does not have", input.name);
        match input.kind {
            InputKind::Service if platform.service(default).is_none() => {
                notes.unknown("service", inputs_at, "inputs", &what, default, services());
            }
            InputKind::Component if platform.component(default).is_none() => {
                notes.unknown("component", inputs_at, "inputs", &what, default, components());
            }
            _ => {}
        }
    }
    for found in &draft.steps {
        actions(draft, front, found, platform, notes);
    }
}

/// The action that a step runs is declared, or the step says that it is skipped where it is not.
fn actions(draft: &DraftBook<'_>, front: &FrontMatter, found: &Draft, platform: &Platform, notes: &mut Notes) {
    let (Some(step), Some(block)) = (&found.step, &found.block) else { return };
    let Some((service, action)) = step.work.execution().and_then(|run| run.command.declared_action()) else {
        return;
    };
    if is_guarded(draft, step, &service, &action) {
        return;
    }
    let name = match &service {
        ServiceRef::Name(name) => Some(name),
        ServiceRef::Input(input) => {
            front.inputs.iter().find(|known| known.name == *input).and_then(|known| known.default.as_ref())
        }
    };
    let Some(known) = name.and_then(|name| platform.service(name)) else { return };
    if known.actions.iter().all(|declared| declared.name != action) {
        let what = format!("the platform declares no action {action:?} of {}", known.name);
        let declared: Vec<&str> = known.actions.iter().map(|action| action.name.as_str()).collect();
        let at = block.fence.body_at;
        if declared.is_empty() {
            notes.error(
                "action",
                at,
                &step.name,
                what,
                format!("\"when\":\"action.{service}/{action}\", or the action declared"),
            );
        } else {
            notes.unknown("action", at, &step.name, &what, &action, declared);
        }
    }
}

/// Whether a step is skipped where the service declares no such action: it says so, or it only takes back what says so of the service.
fn is_guarded(draft: &DraftBook<'_>, step: &Step, service: &ServiceRef, action: &str) -> bool {
    match &step.when {
        Some(Condition::Action { service: of, action: named }) => of == service && named == action,
        Some(Condition::Step { name, ended: Ended::Ok }) => {
            let taken_back =
                draft.steps.iter().filter_map(|other| other.step.as_ref()).find(|other| other.name == *name);
            taken_back.is_some_and(
                |other| matches!(&other.when, Some(Condition::Action { service: of, .. }) if of == service),
            )
        }
        _ => false,
    }
}

/// The books that decisions lead to exist.
fn books(draft: &DraftBook<'_>, known: &[String], notes: &mut Notes) {
    for found in &draft.steps {
        let Some(Work::Decision { choices }) = found.step.as_ref().map(|step| &step.work) else { continue };
        for (choice, item) in choices.iter().zip(&found.raw.items) {
            let Target::Book(id) = &choice.to else { continue };
            if !known.contains(id) {
                let what = format!("no book has the id {id:?}");
                notes.unknown("goto", item.at, &found.name, &what, id, known.iter().map(String::as_str));
            }
        }
    }
}
