//! Between the local analysis and the room that asks a language model: what was found as a case for it, and its opinion back in
//! the document, with which mind said what.

use serde_json::Value;

use super::{
    CaseFile,
    model::{self, Action, Article, Candidate, Case, Consultation, Fact, Merged, Opinion, merge},
    redact::Redactor,
    remedies::{self, SUGGESTIONS},
};
use crate::{
    domain::{DiagnosisDocument, Evidence, Fix, RootCause, SecondOpinion, Stance, State, SuggestedFix},
    platform::ActionRisk,
};

/// Characters that the redactor judges at once; a longer text is scanned in pieces.
const PIECE: usize = 200;

/// What is put before a model, and what each of its actions is to the engine.
#[derive(Debug, Clone)]
pub struct Put {
    /// The case.
    pub case: Case,
    /// What stands behind each of its actions.
    remedies: Vec<SuggestedFix>,
}

/// What was found, as a model is asked about it.
#[must_use]
pub fn put(file: &CaseFile, document: &DiagnosisDocument) -> Put {
    let mut case =
        Case { incident: heading(file, document), services: services(file.state, document), ..Case::default() };
    let mut remedies: Vec<SuggestedFix> = Vec::new();
    let mut facts: Vec<&Evidence> = Vec::new();
    for found in &document.candidates {
        let evidence = found.evidence.iter().map(|fact| place(&mut facts, fact)).collect();
        let mut actions = Vec::new();
        for fix in remedies::remedies(file.state, file.incident, &found.service, [(found.cause, &*found.evidence)]) {
            let known = remedies.iter().position(|known| known.fix == fix.fix);
            actions.push(known.unwrap_or(remedies.len()));
            if known.is_none() {
                case.actions.push(action(&fix));
                remedies.push(fix);
            }
        }
        case.candidates.push(Candidate {
            service: found.service.clone(),
            issue: found.issue.clone(),
            probability: found.probability,
            evidence,
            actions,
        });
    }
    case.evidence = facts
        .into_iter()
        .map(|fact| Fact {
            source: fact.source.clone(),
            text: fact.text.clone(),
            at: fact.at.map(|at| at.format("%H:%M:%S").to_string()),
            count: fact.count,
        })
        .collect();
    let known = document.knowledge_base_articles.iter();
    let says = |name: &String| file.state.knowledge.articles.get(name).map(|article| article.body.title.clone());
    case.articles =
        known.map(|name| Article { title: name.clone(), summary: says(name).unwrap_or_default() }).collect();
    Put { case, remedies }
}

/// The place of a thing in a list, to which it is added when it is not there.
fn place<'a, T: PartialEq>(list: &mut Vec<&'a T>, thing: &'a T) -> usize {
    list.iter().position(|known| *known == thing).unwrap_or_else(|| {
        list.push(thing);
        list.len() - 1
    })
}

fn heading(file: &CaseFile, document: &DiagnosisDocument) -> String {
    let title = file.state.incidents.get(&file.incident).map(|incident| incident.title.as_str()).unwrap_or_default();
    let (severity, since) = (document.severity, document.detected_at.format("%H:%M:%S"));
    let length = (file.now - document.detected_at).num_seconds().max(0);
    format!("{severity}, {title}, first failure at {since} UTC, {length} s ago")
}

fn services(state: &State, document: &DiagnosisDocument) -> Vec<String> {
    let mut names = document.affected_services.clone();
    for affected in &document.affected_services {
        for below in state.platform.dependencies_of(affected) {
            if !names.contains(&below) {
                names.push(below);
            }
        }
    }
    let told = |name: &String| {
        let status = state.services.get(name).map(|health| health.status).unwrap_or_default();
        let needs = state.platform.service(name).map(|service| service.depends_on.join(", ")).unwrap_or_default();
        let needs = if needs.is_empty() { "nothing else".to_owned() } else { needs };
        format!("{name}: {}, needs {needs}", format!("{status:?}").to_lowercase())
    };
    names.iter().map(told).collect()
}

fn action(fix: &SuggestedFix) -> Action {
    let risk = match fix.risk {
        ActionRisk::Low => (0, "low"),
        ActionRisk::Medium => (2, "medium"),
        ActionRisk::High => (4, "high"),
    };
    Action {
        label: fix.action.clone(),
        terms: format!("risk {}, about {} s", risk.1, fix.estimated_time),
        // Going back to what worked and trying something are not the same, whatever the risk.
        tier: risk.0 + u8::from(matches!(fix.fix, Fix::RunAction { .. })),
    }
}

/// One document of both minds: the local one, what was put before the model of this name, and what became of it.
#[must_use]
pub fn joined(local: DiagnosisDocument, put: &Put, name: &str, asked: &Consultation) -> DiagnosisDocument {
    let mut document = local;
    let opinion = asked.outcome.clone().unwrap_or_default();
    let merged = merge(&put.case, &opinion);
    if merged.stance == model::Stance::Reordered
        && let Some(place) = merged.order.first().copied().filter(|place| *place < document.candidates.len())
    {
        let first = document.candidates.remove(place);
        document.category = first.category;
        document.found_severity = document.found_severity.map(|found| found.for_category(first.category));
        document.root_cause_category = first.cause;
        document.approach = remedies::approach(first.cause, &first.evidence);
        document.root_cause = RootCause {
            service: first.service.clone(),
            issue: first.issue.clone(),
            // It was never more likely than what the local analyser gave it.
            confidence: first.probability.min(document.root_cause.confidence),
            deployment: first.deployment,
            evidence: first.evidence.clone(),
        };
        document.candidates.insert(0, first);
    }
    if merged.stance == model::Stance::Reordered || merged.chose_action {
        document.suggested_fixes = fixes(&document.suggested_fixes, put, &merged);
    }
    let chosen = |title: &String| {
        let at = put.case.articles.iter().position(|article| article.title == *title);
        !at.is_some_and(|at| opinion.articles.contains(&at))
    };
    document.knowledge_base_articles.sort_by_key(chosen);
    document.second_opinion = Some(second_opinion(&put.case, name, asked, &merged, opinion));
    document
}

/// What may be done, in the order of both minds. What the local document does not propose at all is proposed only for the
/// cause that stands first now.
fn fixes(known: &[SuggestedFix], put: &Put, merged: &Merged) -> Vec<SuggestedFix> {
    let of = |candidate: &usize| merged.actions[*candidate].iter().map(|action| &put.remedies[*action]);
    let first = merged.order.first().into_iter().flat_map(of);
    let others = merged.order.iter().skip(1).flat_map(of);
    let proposed = |fix: &&SuggestedFix| known.iter().any(|known| known.fix == fix.fix);
    let mut ordered: Vec<SuggestedFix> = Vec::new();
    for fix in first.chain(others.filter(proposed)).chain(known) {
        if !ordered.iter().any(|other| other.fix == fix.fix) {
            ordered.push(fix.clone());
        }
    }
    ordered.truncate(SUGGESTIONS);
    for (fix, priority) in ordered.iter_mut().zip(1..) {
        fix.priority = priority;
    }
    ordered
}

fn second_opinion(case: &Case, name: &str, asked: &Consultation, merged: &Merged, opinion: Opinion) -> SecondOpinion {
    let stance = match (&asked.outcome, merged.stance) {
        (Err(_), _) => Stance::Unused,
        (_, model::Stance::Undecided) => Stance::Undecided,
        (_, model::Stance::Agrees) => Stance::Agrees,
        (_, model::Stance::Reordered) => Stance::Reordered,
        (_, model::Stance::Unfounded) => Stance::Unfounded,
        (_, model::Stance::Outweighed) => Stance::Outweighed,
    };
    let other = opinion.candidate.and_then(|place| case.candidates.get(place));
    let named = |what: &str| other.map(|other| format!("{what}: {} ({})", other.issue, other.service));
    let mut notes: Vec<String> = Vec::new();
    notes.extend(asked.outcome.as_ref().err().map(ToString::to_string));
    notes.extend(match stance {
        Stance::Unfounded => named("it cites nothing that speaks for what it names"),
        Stance::Outweighed => named("it would put this first"),
        _ => None,
    });
    notes.extend(asked.remark.clone());
    SecondOpinion {
        model: name.to_owned(),
        stance,
        note: notes.join("; "),
        explanation: opinion.explanation,
        confidence: opinion.confidence,
        elsewhere: opinion.elsewhere,
        not_known_here: opinion.unknown,
        prompt_hash: (asked.attempts > 0).then(|| asked.prompt.hash()),
        prompt_tokens: asked.usage.prompt,
        answer_tokens: asked.usage.answer,
        estimated: asked.usage.estimated,
        cost: asked.cost,
        took: asked.took.as_secs_f64(),
    }
}

/// Looks through a JSON body that is about to leave the host: whatever the redactor would still take out keeps it here.
///
/// # Errors
/// When something is found; what it is, by class.
pub fn scan(redactor: &Redactor, body: &str) -> Result<(), String> {
    let document: Value = serde_json::from_str(body).map_err(|_| "a body that is no JSON".to_owned())?;
    scan_value(redactor, &document)
}

fn scan_value(redactor: &Redactor, value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => text.lines().try_for_each(|line| scan_line(redactor, line)),
        Value::Array(items) => items.iter().try_for_each(|item| scan_value(redactor, item)),
        Value::Object(fields) => fields
            .iter()
            .try_for_each(|(key, value)| scan_line(redactor, key).and_then(|()| scan_value(redactor, value))),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// A line as a whole, and in pieces that end with a word, so that the redactor cuts none of them.
fn scan_line(redactor: &Redactor, line: &str) -> Result<(), String> {
    redactor.scan(line).map_err(|leak| leak.to_string())?;
    let mut piece = String::new();
    for word in line.split_inclusive(' ') {
        if piece.chars().count() + word.chars().count() > PIECE {
            scan_piece(redactor, &std::mem::take(&mut piece))?;
        }
        piece.push_str(word);
    }
    scan_piece(redactor, &piece)
}

fn scan_piece(redactor: &Redactor, piece: &str) -> Result<(), String> {
    let told = redactor.line(piece);
    if told == *piece {
        return Ok(());
    }
    let number = told.matches("[NUMBER]").count() > piece.matches("[NUMBER]").count();
    Err(if number { "[NUMBER]" } else { "a word without end" }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_scan_finds_what_the_redactor_would() {
        let body =
            |text: &str| serde_json::json!({"messages": [{"content": text}], "max_tokens": 1_000_000}).to_string();
        let redactor = Redactor::default();
        let long = format!("{} fine [EMAIL] [NUMBER] took 0.123456 s at 127.0.0.1", "word ".repeat(200));
        assert_eq!(scan(&redactor, &body(&long)), Ok(()));
        for (text, found) in [
            ("to jane@clinic.org", "EMAIL"),
            ("x\ny ssn 123-45-6789", "SSN"),
            (&format!("{long} mrn 12345678"), "MRN"),
            (&format!("{long} 12345678"), "ID"),
            (&"x".repeat(500), "a word without end"),
        ] {
            let told = scan(&redactor, &body(text)).unwrap_err();
            assert!(told.contains(found), "{text}: {told}");
        }
        assert!(scan(&redactor, "no JSON").is_err());
    }
}
