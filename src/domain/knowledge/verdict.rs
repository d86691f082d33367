//! What people say of a diagnosis: right, wrong, or right in part. It is what confidence is measured by, and without it nothing is
//! learned.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    Actor, Assurance, Category, DiagnosisDocument, DiagnosisId, DiagnosisState, Event, IncidentId, IncidentState, Meta,
    Named, Recorded, Refusal, State, TimelineKind, apply::tell, next_step, text,
};

/// Verdicts that are remembered for measuring; the oldest go first.
pub const VERDICTS_LIMIT: usize = 5000;

/// What somebody says of a diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// The cause it put first was the cause.
    Right,
    /// It was not.
    Wrong,
    /// It was near: the right service with another failure, or one of several causes.
    Partly,
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Partly => "partly right",
        })
    }
}

/// What the cause was, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrueCause {
    /// Where it sat.
    #[serde(default)]
    pub service: Option<String>,
    /// Of what kind it was.
    #[serde(default)]
    pub category: Option<Category>,
    /// What it was, in one line; may be empty.
    #[serde(default)]
    pub issue: String,
}

/// One person's verdict on a diagnosis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosisVerdict {
    /// The person, whatever name was used.
    pub by: String,
    /// When it was last given.
    pub at: DateTime<Utc>,
    /// What it is.
    pub judgement: Judgement,
    /// What the cause was.
    pub cause: Option<TrueCause>,
    /// In that person's words; may be empty.
    pub note: String,
}

/// What a diagnosis claimed and what a person said of it: what calibration is made from. No text is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictRecord {
    /// Which diagnosis.
    pub diagnosis: DiagnosisId,
    /// Of which incident.
    pub incident: IncidentId,
    /// Who says it; a diagnosis has one of each person.
    pub by: String,
    /// When it was last said.
    pub at: DateTime<Utc>,
    /// How sure the diagnosis was of the cause it put first, 0 to 1.
    pub confidence: f64,
    /// Of which kind that cause was.
    pub category: Category,
    /// Where it sat.
    pub service: String,
    /// Whether it was that.
    pub judgement: Judgement,
}

/// Decides that a person has judged a diagnosis.
pub(in crate::domain) fn judge(
    state: &State,
    id: DiagnosisId,
    judgement: Judgement,
    cause: Option<TrueCause>,
    note: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let name = a_person(meta)?;
    let diagnosis = state.diagnoses.get(&id).ok_or_else(|| Refusal::unknown(Named::Diagnosis, id))?;
    if !matches!(diagnosis.state, DiagnosisState::Concluded { .. }) {
        return Err(Refusal::new("no-answer", format!("{id} has no answer that could be right or wrong"))
            .hint(format!("have it looked for again: codeblue diagnose {}", diagnosis.incident)));
    }
    let cause = cause.map(|cause| named(state, cause)).transpose()?.filter(|cause| *cause != TrueCause::default());
    if judgement == Judgement::Right && cause.is_some() {
        return Err(Refusal::new("cause-known", format!("what {id} puts first is the cause when it is right"))
            .hint(format!("leave the cause out, or say that it was another: codeblue diagnose judge {id} partly")));
    }
    let note = text::remark("note", note)?;
    let before = diagnosis.verdicts.iter().find(|verdict| verdict.by == state.person(name));
    if let Some(before) = before {
        if (before.judgement, &before.cause, &before.note) == (judgement, &cause, &note) {
            return Ok(Vec::new());
        }
        if state.incident(diagnosis.incident)?.state == IncidentState::Closed {
            return Err(Refusal::new(
                "judged-already",
                format!("{} is closed, and your verdict stands", diagnosis.incident),
            )
            .hint(format!(
                "reopen it when it is not over: codeblue incident reopen {} --reason WHY",
                diagnosis.incident
            )));
        }
    }
    Ok(vec![Event::DiagnosisJudged { diagnosis: id, judgement, cause, note }])
}

/// The name of the person who gives a command; a program with a token is none.
pub(super) fn a_person(meta: &Meta) -> Result<&str, Refusal> {
    match (&meta.actor, meta.assurance) {
        (Actor::Operator(name), Assurance::Session | Assurance::Step { .. } | Assurance::SecondFactor { .. }) => {
            Ok(name)
        }
        _ => Err(Refusal::new(
            "person-needed",
            "this takes a person who has seen what happened, not a program or a policy",
        )
        .hint(next_step::A_PERSON)),
    }
}

fn named(state: &State, cause: TrueCause) -> Result<TrueCause, Refusal> {
    if let Some(service) = cause.service.as_ref().filter(|service| state.platform.service(service).is_none()) {
        return Err(Refusal::unknown(Named::Service, service));
    }
    Ok(TrueCause { issue: text::remark("cause", &cause.issue)?, ..cause })
}

/// Where the cause of an incident sat and of what kind it was, as people have said of its newest diagnosis that was judged; none
/// while nobody has, where they disagree, and where they know no better.
#[must_use]
pub fn confirmed_cause(state: &State, incident: IncidentId) -> Option<(String, Category)> {
    let incident = state.incidents.get(&incident)?;
    let judged = incident.diagnoses.iter().rev().filter_map(|id| state.diagnoses.get(id));
    let diagnosis = judged.into_iter().find(|found| !found.verdicts.is_empty())?;
    let document = diagnosis.document()?;
    let mut said = diagnosis.verdicts.iter().map(|verdict| cause_of(document, verdict));
    let first = said.next()??;
    said.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

fn cause_of(document: &DiagnosisDocument, verdict: &DiagnosisVerdict) -> Option<(String, Category)> {
    let root = &document.root_cause.service;
    let told = verdict.cause.as_ref();
    match verdict.judgement {
        Judgement::Right => Some((root.clone(), document.category)),
        Judgement::Partly => {
            let service = told.and_then(|cause| cause.service.clone()).unwrap_or_else(|| root.clone());
            Some((service, told?.category?))
        }
        Judgement::Wrong => Some((told?.service.clone()?, told?.category?)),
    }
}

pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let Event::DiagnosisJudged { diagnosis, judgement, cause, note } = &recorded.event else { return };
    let Some(name) = recorded.actor.operator() else { return };
    let by = state.person(name).to_owned();
    let Some(found) = state.diagnoses.get_mut(diagnosis) else { return };
    let verdict = DiagnosisVerdict {
        by: by.clone(),
        at: recorded.at,
        judgement: *judgement,
        cause: cause.clone(),
        note: note.clone(),
    };
    match found.verdicts.iter_mut().find(|known| known.by == by) {
        Some(known) => *known = verdict,
        None => found.verdicts.push(verdict),
    }
    let incident = found.incident;
    if let Some(document) = found.document() {
        let record = VerdictRecord {
            diagnosis: *diagnosis,
            incident,
            by,
            at: recorded.at,
            confidence: document.root_cause.confidence,
            category: document.category,
            service: document.root_cause.service.clone(),
            judgement: *judgement,
        };
        let verdicts = &mut state.knowledge.verdicts;
        verdicts.retain(|known| known.diagnosis != record.diagnosis || known.by != record.by);
        verdicts.push(record);
        let over = verdicts.len().saturating_sub(VERDICTS_LIMIT);
        verdicts.drain(..over);
    }
    tell(state, incident, recorded, TimelineKind::Diagnosis, format!("{diagnosis} was {judgement}, says {name}"));
}
