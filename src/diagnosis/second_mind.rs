//! Between the local analysis and the room that asks a language model: what was found as a case for it, and its opinion back in
//! the document, with which mind said what.

use serde_json::Value;

use super::{
    CaseFile,
    document::{Analysis, Suspect},
    model::{self, Action, Article, Candidate, Case, Consultation, Fact, Merged, Opinion, merge},
    redact::redact,
};
use crate::{
    domain::{DiagnosisDocument, Evidence, Fix, SecondOpinion, Stance, State, SuggestedFix},
    platform::ActionRisk,
};

/// Characters that the redactor judges at once; a longer text is scanned in pieces.
const PIECE: usize = 200;

/// What was found, as a model is asked about it.
#[must_use]
pub fn put(file: &CaseFile, analysis: &Analysis) -> Case {
    let mut case =
        Case { incident: heading(file, analysis), services: services(file.state, analysis), ..Case::default() };
    let mut fixes: Vec<&Fix> = Vec::new();
    let mut facts: Vec<&Evidence> = Vec::new();
    for suspect in &analysis.suspects {
        let evidence = suspect.cause.evidence.iter().map(|fact| place(&mut facts, fact)).collect();
        let mut actions = Vec::new();
        for fix in &suspect.fixes {
            let at = place(&mut fixes, &fix.fix);
            if at == case.actions.len() {
                case.actions.push(action(fix));
            }
            actions.push(at);
        }
        case.candidates.push(Candidate {
            service: suspect.cause.service.clone(),
            issue: suspect.cause.issue.clone(),
            probability: suspect.cause.confidence,
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
    let known = analysis.document.knowledge_base_articles.iter();
    case.articles = known.map(|title| Article { title: title.clone(), summary: String::new() }).collect();
    case
}

/// The place of a thing in a list, to which it is added when it is not there.
fn place<'a, T: PartialEq>(list: &mut Vec<&'a T>, thing: &'a T) -> usize {
    list.iter().position(|known| *known == thing).unwrap_or_else(|| {
        list.push(thing);
        list.len() - 1
    })
}

fn heading(file: &CaseFile, analysis: &Analysis) -> String {
    let document = &analysis.document;
    let title = file.state.incidents.get(&file.incident).map(|incident| incident.title.as_str()).unwrap_or_default();
    let (severity, since) = (document.severity, document.detected_at.format("%H:%M:%S"));
    let length = (file.now - document.detected_at).num_seconds().max(0);
    format!("{severity}, {title}, first failure at {since} UTC, {length} s ago")
}

fn services(state: &State, analysis: &Analysis) -> Vec<String> {
    let mut names = analysis.document.affected_services.clone();
    for affected in &analysis.document.affected_services {
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

/// One document of both minds. `name` is the model's; `case` is what it was asked about.
#[must_use]
pub fn joined(analysis: Analysis, case: &Case, name: &str, asked: &Consultation) -> DiagnosisDocument {
    let Analysis { mut document, suspects } = analysis;
    let opinion = asked.outcome.clone().unwrap_or_default();
    let merged = merge(case, &opinion);
    if merged.stance == model::Stance::Reordered
        && let Some(first) = merged.order.first().and_then(|first| suspects.get(*first))
    {
        document.root_cause = first.cause.clone();
        document.category = first.category;
    }
    if merged.stance == model::Stance::Reordered || merged.chose_action {
        document.suggested_fixes = fixes(&document.suggested_fixes, &suspects, &merged);
    }
    let chosen = |title: &String| {
        let at = case.articles.iter().position(|article| article.title == *title);
        !at.is_some_and(|at| opinion.articles.contains(&at))
    };
    document.knowledge_base_articles.sort_by_key(chosen);
    document.second_opinion = Some(second_opinion(case, name, asked, &merged, opinion));
    document
}

/// The fixes of the local document, in the order of both minds.
fn fixes(known: &[SuggestedFix], suspects: &[Suspect], merged: &Merged) -> Vec<SuggestedFix> {
    let mut all: Vec<&Fix> = Vec::new();
    for suspect in suspects {
        for fix in &suspect.fixes {
            place(&mut all, &fix.fix);
        }
    }
    let mut ordered: Vec<&Fix> = Vec::new();
    for candidate in &merged.order {
        for action in &merged.actions[*candidate] {
            place(&mut ordered, all[*action]);
        }
    }
    let mut sorted = known.to_vec();
    sorted.sort_by_key(|fix| ordered.iter().position(|other| **other == fix.fix).unwrap_or(usize::MAX));
    for (fix, priority) in sorted.iter_mut().zip(1..) {
        fix.priority = priority;
    }
    sorted
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
pub fn scan(body: &str) -> Result<(), String> {
    let document: Value = serde_json::from_str(body).map_err(|_| "a body that is no JSON".to_owned())?;
    scan_value(&document)
}

fn scan_value(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => text.lines().try_for_each(scan_line),
        Value::Array(items) => items.iter().try_for_each(scan_value),
        Value::Object(fields) => {
            fields.iter().try_for_each(|(key, value)| scan_line(key).and_then(|()| scan_value(value)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// A line in pieces that end with a word, so that the redactor cuts none of them.
fn scan_line(line: &str) -> Result<(), String> {
    let mut piece = String::new();
    for word in line.split_inclusive(' ') {
        if piece.chars().count() + word.chars().count() > PIECE {
            scan_piece(&std::mem::take(&mut piece))?;
        }
        piece.push_str(word);
    }
    scan_piece(&piece)
}

fn scan_piece(piece: &str) -> Result<(), String> {
    let told = redact(piece);
    if told == *piece {
        return Ok(());
    }
    let classes = ["[EMAIL]", "[IP]", "[NUMBER]"];
    let more = |class: &&&str| told.matches(**class).count() > piece.matches(**class).count();
    Err(classes.iter().find(more).map_or_else(|| "a word without end".to_owned(), |class| (*class).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_scan_finds_what_the_redactor_would() {
        let body =
            |text: &str| serde_json::json!({"messages": [{"content": text}], "max_tokens": 1_000_000}).to_string();
        let long = format!("{} fine [EMAIL] [NUMBER] took 0.123456 s at 127.0.0.1", "word ".repeat(200));
        assert_eq!(scan(&body(&long)), Ok(()));
        for (text, found) in [
            ("to jane@clinic.org", "[EMAIL]"),
            ("x\ny 10.1.2.3:80", "[IP]"),
            (&format!("{long} mrn 12345678"), "[NUMBER]"),
            (&"x".repeat(500), "a word without end"),
        ] {
            assert_eq!(scan(&body(text)), Err(found.to_owned()), "{text}");
        }
        assert!(scan("no JSON").is_err());
    }
}
