//! What an incident teaches, and what it does not.
//!
//! Nothing is learned about causes unless a person has said what the cause was: an incident that only policies have seen moves no
//! article. Whether a fix works is learned from recoveries alone, each incident has one vote, and a vote waits for a day, so that
//! what came back does not count as healed.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Article, ArticleBody, ArticleState, Judgement, Symptoms, Treatment, Trial, verdict::confirmed_cause, write,
};
use crate::{
    domain::{
        Category, Command, DiagnosisDocument, Event, Fix, Incident, IncidentId, Phase, Recorded, Recovery, RecoveryId,
        RecoveryOutcome, Refusal, State, Step, Strategy, failure,
    },
    platform::ComponentKind,
};

/// How long nothing may come back until a fix counts as one that has worked.
const LASTS: TimeDelta = TimeDelta::hours(24);
/// Lines of evidence that a proposed article takes for symptoms, and letters of each.
const SYMPTOMS: usize = 8;
const LETTERS: usize = 200;

/// The incident that an event lets teach: one that is over, and of which a person has said what the cause was.
pub(in crate::domain) fn teaches(state: &State, recorded: &Recorded) -> Option<IncidentId> {
    let incident = match &recorded.event {
        Event::IncidentResolved { incident, .. } => *incident,
        Event::DiagnosisJudged { diagnosis, .. } => state.diagnoses.get(diagnosis)?.incident,
        _ => return None,
    };
    let found = state.incidents.get(&incident)?;
    (!found.state.is_open() && found.merged_into.is_none() && confirmed_cause(state, incident).is_some())
        .then_some(incident)
}

/// Decides what is learned from an incident: articles of its kind that its diagnosis named have seen it; where none did and a person
/// has judged the diagnosis right, an article is proposed.
pub(in crate::domain) fn learn(state: &State, id: IncidentId) -> Result<Vec<Event>, Refusal> {
    let incident = state.incident(id)?;
    let Some((service, category)) = confirmed_cause(state, id).filter(|_| !incident.state.is_open()) else {
        let next = incident.diagnoses.last().map_or_else(
            || format!("have the cause looked for first: codeblue diagnose {id}"),
            |diagnosis| format!("judge its diagnosis first: codeblue diagnose judge {diagnosis} right"),
        );
        return Err(
            Refusal::new("cause-not-confirmed", format!("no person has said what the cause of {id} was")).hint(next)
        );
    };
    let articles = &state.knowledge.articles;
    if articles.values().any(|article| article.incidents.contains(&id) && article.body.category == category) {
        return Ok(Vec::new());
    }
    let seen = |article: &String| Event::ArticleSeen { article: article.clone(), incident: id };
    let fits = |article: &Article| article.state != ArticleState::Retired && article.body.category == category;
    let named: BTreeSet<&String> =
        documents(state, incident).flat_map(|document| &document.knowledge_base_articles).collect();
    let named: Vec<Event> =
        named.into_iter().filter(|name| articles.get(*name).is_some_and(|article| fits(article))).map(seen).collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let name = name_for(&service, category);
    match articles.get(&name) {
        Some(known) if fits(known) => Ok(vec![seen(&name)]),
        Some(_) => Ok(Vec::new()),
        None => match judged_right(state, incident) {
            Some(document) => {
                let body = write::checked(body_from(state, incident, document))?;
                Ok(vec![Event::ArticleProposed { article: name, body, incident: Some(id) }])
            }
            None => Ok(Vec::new()),
        },
    }
}

fn documents<'a>(state: &'a State, incident: &'a Incident) -> impl Iterator<Item = &'a DiagnosisDocument> {
    incident.diagnoses.iter().filter_map(|id| state.diagnoses.get(id)?.document().map(|document| &**document))
}

/// The newest answer that a person has judged, when it was judged right.
fn judged_right<'a>(state: &'a State, incident: &Incident) -> Option<&'a DiagnosisDocument> {
    let judged = incident.diagnoses.iter().rev().filter_map(|id| state.diagnoses.get(id));
    let newest = judged.into_iter().find(|found| !found.verdicts.is_empty())?;
    let right = newest.verdicts.iter().all(|verdict| verdict.judgement == Judgement::Right);
    newest.document().filter(|_| right).map(|document| &**document)
}

fn name_for(service: &str, category: Category) -> String {
    let category = serde_json::to_value(category).ok();
    let category = category.as_ref().and_then(|word| word.as_str()).unwrap_or("unknown").to_owned();
    let letters = service.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let service: String = letters.take(50).collect();
    format!("{}-{category}", service.trim_matches('-')).trim_matches('-').to_owned()
}

/// A name and a first text for an article that somebody proposes from an incident, by its newest answer; none while there is no answer.
#[must_use]
pub fn article_from(state: &State, id: IncidentId) -> Option<(String, ArticleBody)> {
    let incident = state.incidents.get(&id)?;
    let document = documents(state, incident).last()?;
    let body = body_from(state, incident, document);
    Some((name_for(&document.root_cause.service, document.category), body))
}

/// What is known of an incident, as a first text for people to go on from.
fn body_from(state: &State, incident: &Incident, document: &DiagnosisDocument) -> ArticleBody {
    let cause = &document.root_cause;
    let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(LETTERS).collect::<String>();
    let mut words: Vec<String> = Vec::new();
    for evidence in cause.evidence.iter().map(|evidence| short(evidence.text.trim())).filter(|text| !text.is_empty()) {
        if words.len() < SYMPTOMS && !words.contains(&evidence) {
            words.push(evidence);
        }
    }
    let mut fixes: Vec<Treatment> = Vec::new();
    let mut done = Vec::new();
    for recovery in incident.recoveries.iter().filter_map(|id| state.recoveries.get(id)) {
        let Some((_, outcome)) = recovery.ended.filter(|_| recovery.plan.heals()) else { continue };
        done.push(format!("- {} {} ({outcome})", recovery.id, short(&recovery.plan.title)));
        if let Some(fix) = treatment_of(state, recovery).filter(|_| outcome == RecoveryOutcome::Succeeded)
            && !fixes.contains(&fix)
        {
            fixes.push(fix);
        }
    }
    if done.is_empty() {
        done.push("- nothing was run; see the timeline of the incident".to_owned());
    }
    let (id, service, done) = (incident.id, &cause.service, done.join("\n"));
    let title = if cause.issue.is_empty() { incident.title.clone() } else { short(&cause.issue) };
    let procedure = format!("{id} was {}, at {service}.\n\nWhat was done:\n\n{done}", short(&cause.issue));
    let symptoms = Symptoms { words, signatures: Vec::new() };
    ArticleBody { title, category: document.category, symptoms, fixes, procedure, prevention: String::new() }
}

/// What a recovery did, said of whichever service has failed.
fn treatment_of(state: &State, recovery: &Recovery) -> Option<Treatment> {
    if let [Step::RunAction { action, .. }, ..] = recovery.plan.steps.as_slice() {
        return Some(Treatment::RunAction { action: action.clone(), service: None });
    }
    if recovery.plan.strategy != Strategy::Rollback {
        return None;
    }
    let kinds = recovery.plan.components().map(|name| state.platform.component(name).map(|found| found.kind));
    let kinds: Option<Vec<ComponentKind>> = kinds.collect();
    let kinds = kinds?;
    let component = *kinds.first()?;
    kinds.iter().all(|kind| *kind == component).then_some(Treatment::RollBack { component, service: None })
}

/// The incident that has the vote of this one: where several turned out to be one, they have one.
fn voter(state: &State, mut id: IncidentId) -> IncidentId {
    // A ring of merges cannot be, and would be left after as many steps as there are incidents.
    for _ in 0..state.incidents.len() {
        match state.incidents.get(&id).and_then(|incident| incident.merged_into) {
            Some(into) => id = into,
            None => break,
        }
    }
    id
}

/// Notes which fixes of an article a recovery has carried out, that its incident has not voted on.
fn try_out(state: &mut State, article: &str, id: RecoveryId) {
    let Some((recovery, incident)) = state.recoveries.get(&id).and_then(|found| Some((found, found.incident?))) else {
        return;
    };
    let done = recovery.ended.is_some_and(|(_, outcome)| outcome != RecoveryOutcome::Cancelled);
    let Some(found) = state.knowledge.articles.get(article).filter(|_| done && recovery.plan.heals()) else { return };
    let incident = voter(state, incident);
    let mut trials = Vec::new();
    for (place, fix) in found.body.fixes.iter().enumerate() {
        let voted = found.records.get(place).is_none_or(|record| record.votes.contains_key(&incident));
        let trial = Trial { article: article.to_owned(), version: found.version, fix: place, incident, recovery: id };
        let waits = state.knowledge.trials.iter().any(|known| Trial { recovery: id, ..known.clone() } == trial);
        if !voted && !waits && fix.was_carried_out(&state.platform, &recovery.plan) {
            trials.push(trial);
        }
    }
    for trial in trials {
        state.knowledge.change(state.seq, article, |found| {
            if let Some(record) = found.record(trial.version, trial.fix) {
                record.executed += 1;
            }
        });
        state.knowledge.trials.push(trial);
    }
}

/// When it is known what became of a trial, and whether the fix has worked; none while that is open.
fn outcome(state: &State, trial: &Trial) -> Option<(DateTime<Utc>, bool)> {
    let recovery = state.recoveries.get(&trial.recovery)?;
    let (ended, how) = recovery.ended?;
    if how != RecoveryOutcome::Succeeded || recovery.relapse.is_some() {
        return Some((ended, false));
    }
    let incident = state.incidents.get(&voter(state, trial.incident))?;
    if let Some(again) = incident.reopened_at.filter(|again| *again > ended) {
        return Some((again, false));
    }
    let seen = |phase| recovery.validations.iter().find(|validation| validation.phase == phase);
    let validated = seen(Phase::Comprehensive).is_some_and(|validation| failure(&validation.criteria).is_none());
    Some((incident.resolved_at?.max(ended) + LASTS, validated))
}

/// When each trial can be judged.
pub(in crate::domain) fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    state
        .knowledge
        .trials
        .iter()
        .filter_map(|trial| Some((outcome(state, trial)?.0, Command::CountFix { recovery: trial.recovery })))
}

/// Decides what became of the fixes that a recovery has carried out.
pub(in crate::domain) fn count(state: &State, id: RecoveryId, now: DateTime<Utc>) -> Vec<Event> {
    let trials = state.knowledge.trials.iter().filter(|trial| trial.recovery == id);
    trials
        .filter_map(|trial| {
            let (_, worked) = outcome(state, trial).filter(|(at, _)| *at <= now)?;
            let Trial { article, version, fix, .. } = trial.clone();
            Some(Event::FixCounted {
                article,
                version,
                fix,
                incident: voter(state, trial.incident),
                recovery: id,
                worked,
            })
        })
        .collect()
}

pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    match &recorded.event {
        Event::RecoveryEnded { recovery, .. } => {
            let incident = state.recoveries.get(recovery).and_then(|found| state.incidents.get(&found.incident?));
            let named: BTreeSet<String> = incident
                .into_iter()
                .flat_map(|incident| documents(state, incident))
                .flat_map(|document| document.knowledge_base_articles.iter().cloned())
                .collect();
            named.iter().for_each(|article| try_out(state, article, *recovery));
        }
        Event::ArticleProposed { article, incident: Some(incident), .. } => {
            look_back(state, article, *incident);
        }
        Event::ArticleSeen { article, incident } => {
            state.knowledge.change(recorded.seq, article, |found| found.see(*incident));
            look_back(state, article, *incident);
        }
        Event::FixCounted { article, version, fix, incident, recovery, worked } => {
            state.knowledge.change(recorded.seq, article, |found| {
                if let Some(record) = found.record(*version, *fix)
                    && !record.votes.contains_key(incident)
                {
                    let counted = if *worked { &mut record.worked } else { &mut record.failed };
                    *counted += 1;
                    record.votes.insert(*incident, *worked);
                    if record.votes.len() > super::article::REMEMBERED {
                        record.votes.pop_first();
                    }
                }
            });
            state.knowledge.trials.retain(|trial| {
                (&trial.article, trial.version, trial.fix, trial.recovery) != (article, *version, *fix, *recovery)
            });
        }
        Event::DiagnosisJudged { diagnosis, .. } => unlearn(state, recorded, *diagnosis),
        _ => {}
    }
}

/// What an article that comes late would have counted: the recommended fixes that were carried out for its incident.
fn look_back(state: &mut State, article: &str, incident: IncidentId) {
    let Some(found) = state.incidents.get(&incident) else { return };
    let recommended: Vec<Fix> =
        documents(state, found).flat_map(|document| &document.suggested_fixes).map(|fix| fix.fix.clone()).collect();
    let treatments = state.knowledge.articles.get(article).map(|known| known.body.fixes.clone()).unwrap_or_default();
    let was_recommended =
        treatments.iter().any(|treatment| recommended.iter().any(|fix| treatment.is(&state.platform, fix)));
    if was_recommended {
        let recoveries = found.recoveries.clone();
        recoveries.into_iter().for_each(|recovery| try_out(state, article, recovery));
    }
}

/// What people say of a cause may change, and an incident belongs to no article of another kind then.
fn unlearn(state: &mut State, recorded: &Recorded, diagnosis: crate::domain::DiagnosisId) {
    let Some(incident) = state.diagnoses.get(&diagnosis).map(|found| found.incident) else { return };
    let category = confirmed_cause(state, incident).map(|(_, category)| category);
    let of_another_kind =
        |article: &Article| article.incidents.contains(&incident) && Some(article.body.category) != category;
    let names: Vec<String> = state
        .knowledge
        .articles
        .values()
        .filter(|article| of_another_kind(article))
        .map(|article| article.name.clone())
        .collect();
    for name in names {
        state.knowledge.change(recorded.seq, &name, |found| {
            found.incidents.remove(&incident);
        });
    }
}
