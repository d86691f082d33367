//! What people say of diagnoses: what the forms about it ask and send, and what so many verdicts are worth.

use std::collections::BTreeMap;

use super::{form::Form, model::Model, preview::Foreseen, text};
use crate::{
    diagnosis::confidence::Quality,
    domain::{Category, Command, Diagnosis, DiagnosisId, Judgement, State, TrueCause},
};

/// Answers this near to each other count as equally sure.
const NEAR: f64 = 0.1;
/// Judged answers below which a record says little.
pub const FEW: usize = 30;

/// Every kind of failure, with its word.
pub const CATEGORIES: [(Category, &str); 13] = [
    (Category::Deployment, "deployment"),
    (Category::Process, "process"),
    (Category::Configuration, "configuration"),
    (Category::Database, "database"),
    (Category::Performance, "performance"),
    (Category::Resource, "resource"),
    (Category::Network, "network"),
    (Category::Security, "security"),
    (Category::ExternalDependency, "external-dependency"),
    (Category::Contention, "contention"),
    (Category::Capacity, "capacity"),
    (Category::Infrastructure, "infrastructure"),
    (Category::Unknown, "unknown"),
];

/// The word for a kind of failure.
#[must_use]
pub fn category_name(category: Category) -> &'static str {
    CATEGORIES.iter().find(|(known, _)| *known == category).map_or("unknown", |(_, word)| word)
}

/// The kind of failure that a word stands for.
#[must_use]
pub fn category_named(word: &str) -> Option<Category> {
    CATEGORIES.iter().find(|(_, known)| *known == word).map(|(category, _)| *category)
}

/// The names from which a field of the form has to be taken, with how each is said.
pub(super) fn choices(model: &Model, label: &str) -> Vec<(String, String)> {
    let unknown = (String::new(), "not known".to_owned());
    let named = |name: &str| (name.to_owned(), name.to_owned());
    match label {
        "Service" => {
            let services = model.state.platform.services.iter().map(|service| named(&service.name));
            std::iter::once(unknown).chain(services).collect()
        }
        _ => std::iter::once(unknown).chain(CATEGORIES.iter().map(|(_, word)| named(word))).collect(),
    }
}

/// What the form asks for.
pub(super) fn command(form: &Form, diagnosis: DiagnosisId, judgement: Judgement) -> Command {
    let service = Some(form.choice("Service")).filter(|name| !name.is_empty());
    let category = category_named(&form.choice("Category"));
    let cause = TrueCause { service, category, issue: form.text("Cause") };
    let cause = Some(cause).filter(|cause| judgement != Judgement::Right && *cause != TrueCause::default());
    Command::JudgeDiagnosis { diagnosis, judgement, cause, note: form.text("Note") }
}

/// What saying so would lead to.
pub(super) fn judged(after: &State, id: DiagnosisId, judgement: Judgement, foreseen: &mut Foreseen) {
    foreseen.fact(format!(
        "It is on record that you say {id} was {judgement}; until its incident is closed you may say otherwise"
    ));
    foreseen.fact(match record(after).len() {
        1 => "It is the first answer that anybody has judged".to_owned(),
        now => format!("{now} answers are judged then: how sure later ones are is measured by them"),
    });
    let told =
        after.diagnoses.get(&id).is_some_and(|found| found.verdicts.iter().any(|verdict| verdict.cause.is_some()));
    if judgement != Judgement::Right && !told {
        foreseen.warn("You name no cause, so nothing can be learned from it but that this was not it");
    }
}

/// Answers that people have judged: how sure each was, and whether it was right in everybody's eyes.
#[must_use]
pub fn record(state: &State) -> Vec<(f64, bool)> {
    let mut judged: BTreeMap<DiagnosisId, (f64, bool)> = BTreeMap::new();
    for verdict in &state.knowledge.verdicts {
        let (_, right) = judged.entry(verdict.diagnosis).or_insert((verdict.confidence, true));
        *right &= verdict.judgement == Judgement::Right;
    }
    judged.into_values().collect()
}

/// What a number of an answer rests on, in words.
#[must_use]
pub fn rests_on(state: &State, confidence: f64) -> String {
    let judged = record(state);
    let near: Vec<bool> =
        judged.iter().filter(|(other, _)| (other - confidence).abs() <= NEAR).map(|(_, right)| *right).collect();
    let right = near.iter().filter(|right| **right).count();
    match (judged.len(), near.len()) {
        (0, _) => "no verdicts yet: nobody has told how often such a number was right".to_owned(),
        (all, 0) => format!("none of the {all} judged answers was about this sure"),
        (all, some) => format!("people judged {some} that were about this sure: {right} right; {all} judged in all"),
    }
}

/// How good the numbers were; none while nothing is judged.
#[must_use]
pub fn quality(state: &State) -> Option<Quality> {
    Quality::of(&record(state))
}

/// Each verdict on a diagnosis in a line, and whether it says that it was right.
#[must_use]
pub fn verdicts(diagnosis: &Diagnosis) -> Vec<(Judgement, String)> {
    let said = diagnosis.verdicts.iter().map(|verdict| {
        let cause = verdict.cause.as_ref().map(|cause| {
            let category = cause.category.map(category_name).unwrap_or_default().to_owned();
            let parts = [cause.service.clone().unwrap_or_default(), category, cause.issue.clone()];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            format!("; it was {}", parts.join(", "))
        });
        let note = if verdict.note.is_empty() { String::new() } else { format!(". “{}”", verdict.note) };
        let words = format!(
            "{} {}: {}{}{note}",
            verdict.at.format("%H:%M:%SZ"),
            verdict.by,
            verdict.judgement,
            cause.unwrap_or_default()
        );
        (verdict.judgement, text::clean(&words))
    });
    said.collect()
}
