//! What is looked at of an incident's diagnoses: which of them, what of it can be opened, and what has happened since.

use chrono::{DateTime, Utc};

use super::model::{Model, Screen};
use crate::domain::{
    Candidate, ChangeId, ChangeState, Diagnosis, DiagnosisDocument, DiagnosisId, DiagnosisState, Incident, IncidentId,
    RecoveryId, Status,
};

/// Causes less likely than this are counted, not listed.
pub const UNLIKELY: f64 = 0.01;

/// Something on the page of a diagnosis that can be opened or done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A change for the incident that waits.
    Change(ChangeId),
    /// A recovery for it that runs.
    Recovery(RecoveryId),
    /// What is proposed, by its place.
    Fix(usize),
    /// A cause that was weighed, by its place.
    Suspect(usize),
    /// An incident that was like it.
    Incident(IncidentId),
    /// An article about such failures.
    Article(String),
    /// What the language model was told.
    Prompt,
}

impl Row {
    /// Its name in the list.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Change(id) => id.to_string(),
            Self::Recovery(id) => id.to_string(),
            Self::Fix(place) => format!("fix {place}"),
            Self::Suspect(place) => format!("suspect {place}"),
            Self::Incident(id) => id.to_string(),
            Self::Article(name) => format!("article {name}"),
            Self::Prompt => "prompt".to_owned(),
        }
    }
}

/// A diagnosis that is looked at, and the answer that is shown for it.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'a> {
    /// The diagnosis.
    pub diagnosis: &'a Diagnosis,
    /// The answer and whose it is: while one is looked for, that of the diagnosis before.
    pub answer: Option<(&'a Diagnosis, &'a DiagnosisDocument)>,
    /// Which of the incident's it is, from 1.
    pub place: usize,
    /// How many there are.
    pub all: usize,
    /// No later one has an answer.
    pub is_newest_answer: bool,
}

/// The causes that were weighed, the most likely first; where a document names none, what it blames. Of that all evidence is known.
#[must_use]
pub fn suspects(document: &DiagnosisDocument) -> Vec<Candidate> {
    let cause = &document.root_cause;
    if document.candidates.is_empty() && cause.confidence > 0.0 {
        return vec![Candidate {
            service: cause.service.clone(),
            category: document.category,
            cause: document.root_cause_category,
            issue: cause.issue.clone(),
            probability: cause.confidence,
            deployment: cause.deployment,
            evidence: cause.evidence.clone(),
        }];
    }
    let mut all = document.candidates.clone();
    let first = all.first_mut().filter(|first| (&first.service, &first.issue) == (&cause.service, &cause.issue));
    if let Some(first) = first.filter(|first| first.evidence.len() < cause.evidence.len()) {
        first.evidence.clone_from(&cause.evidence);
    }
    all
}

/// When an answer was found.
#[must_use]
pub fn answered_at(diagnosis: &Diagnosis) -> DateTime<Utc> {
    match &diagnosis.state {
        DiagnosisState::Concluded { at, .. } => *at,
        DiagnosisState::Running | DiagnosisState::Failed { .. } => {
            diagnosis.drafted_at.unwrap_or(diagnosis.requested_at)
        }
    }
}

impl Model {
    /// A diagnosis of an incident: the chosen one, else the newest.
    #[must_use]
    pub fn looked_at(&self, incident: IncidentId, chosen: Option<DiagnosisId>) -> Option<Looked<'_>> {
        let ids = &self.state.incidents.get(&incident)?.diagnoses;
        let known: Vec<&Diagnosis> = ids.iter().filter_map(|id| self.state.diagnoses.get(id)).collect();
        let place = match chosen {
            Some(id) => known.iter().position(|found| found.id == id)?,
            None => known.len().checked_sub(1)?,
        };
        let diagnosis = known[place];
        let answered = |found: &&'_ Diagnosis| found.document().is_some();
        let meanwhile = diagnosis.state == DiagnosisState::Running && diagnosis.document().is_none();
        let whose =
            if meanwhile { known[..place].iter().rev().find(|found| answered(found)) } else { Some(&diagnosis) };
        let answer = whose.and_then(|whose| Some((*whose, &**whose.document()?)));
        let is_newest_answer = !known[place + 1..].iter().any(answered);
        Some(Looked { diagnosis, answer, place: place + 1, all: known.len(), is_newest_answer })
    }

    /// The diagnosis on the page.
    #[must_use]
    pub fn looked(&self) -> Option<Looked<'_>> {
        match self.screen() {
            Screen::Diagnosis(incident, chosen) => self.looked_at(*incident, *chosen),
            _ => None,
        }
    }

    /// What on the page of a diagnosis can be opened, in the order shown.
    #[must_use]
    pub fn diagnosis_rows(&self) -> Vec<Row> {
        let Some(looked) = self.looked() else { return Vec::new() };
        let Some(incident) = self.state.incidents.get(&looked.diagnosis.incident) else { return Vec::new() };
        let mut rows = under_way(self, incident);
        let Some((_, document)) = looked.answer else { return rows };
        let fixes = 0..document.suggested_fixes.len();
        rows.extend(fixes.clone().take(1).map(Row::Fix));
        let likely = suspects(document).into_iter().take_while(|found| found.probability >= UNLIKELY).count();
        rows.extend((0..likely).map(Row::Suspect));
        rows.extend(fixes.skip(1).map(Row::Fix));
        rows.extend(document.related_incidents.iter().copied().map(Row::Incident));
        let articles = document.knowledge_base_articles.iter();
        let known = articles.filter(|name| self.state.knowledge.articles.contains_key(*name));
        rows.extend(known.cloned().map(Row::Article));
        rows.extend(document.second_opinion.is_some().then_some(Row::Prompt));
        rows
    }

    /// What has happened to an open incident since an answer was found, so that it may not hold any more.
    #[must_use]
    pub fn since_then(&self, incident: &Incident, answered: DateTime<Utc>) -> Vec<String> {
        if !incident.state.is_open() {
            return Vec::new();
        }
        let mut told: Vec<(DateTime<Utc>, String)> = Vec::new();
        for name in &incident.services {
            let Some(health) = self.state.services.get(name) else { continue };
            let word = match health.status {
                Status::Healthy => "is well",
                Status::Degraded => "is degraded",
                Status::Down => "is down",
                Status::Maintenance => "is in maintenance",
                Status::Unknown => "is not heard from",
            };
            if let Some(since) = health.since.filter(|since| *since > answered) {
                told.push((since, format!("{name} {word} since {}", since.format("%H:%M:%S"))));
            }
        }
        for recovery in incident.recoveries.iter().filter_map(|id| self.state.recoveries.get(id)) {
            if let Some((at, _)) = recovery.ended.filter(|(at, _)| *at > answered) {
                told.push((at, format!("{} ended {}", recovery.id, at.format("%H:%M:%S"))));
            }
        }
        told.sort();
        told.into_iter().map(|(_, words)| words).collect()
    }

    /// The diagnosis beside the one on the page, earlier or later; the newest is followed.
    #[must_use]
    pub fn beside(&self, later: bool) -> Option<Screen> {
        let Screen::Diagnosis(incident, _) = self.screen() else { return None };
        let looked = self.looked()?;
        let ids = &self.state.incidents.get(incident)?.diagnoses;
        let place = if later { looked.place } else { looked.place.checked_sub(2)? };
        let id = *ids.get(place)?;
        Some(Screen::Diagnosis(*incident, (place + 1 < ids.len()).then_some(id)))
    }
}

/// What is done about an incident already: changes that wait, recoveries that run.
fn under_way(model: &Model, incident: &Incident) -> Vec<Row> {
    let changes = incident.changes.iter().filter_map(|id| model.state.changes.get(id));
    let waiting = changes.filter(|change| change.state == ChangeState::Pending).map(|change| Row::Change(change.id));
    let recoveries = incident.recoveries.iter().filter_map(|id| model.state.recoveries.get(id));
    let running = recoveries.filter(|recovery| recovery.is_running()).map(|recovery| Row::Recovery(recovery.id));
    waiting.chain(running).collect()
}
