//! From a case to its document.

use chrono::{DateTime, Utc};

use super::{
    LogExcerpt,
    hypotheses::{Hypothesis, Kind, weigh},
    logs::{Repeated, errors},
    redact::redact,
};
use crate::{
    domain::{
        Category, DiagnosisDocument, DiagnosisId, Evidence, Fix, Incident, IncidentId, RootCause, Severity, State,
        Status, SuggestedFix, Vitals,
    },
    platform::{ActionRisk, ComponentKind, Reading, Sample},
};

/// Suggestions in a document at most.
const SUGGESTIONS: usize = 9;
/// Pieces of evidence in a document at most.
const EVIDENCE: usize = 8;

/// Everything an analysis looks at.
#[derive(Debug, Clone)]
pub struct CaseFile<'a> {
    /// What the journal knows.
    pub state: &'a State,
    /// The latest figures.
    pub vitals: &'a Vitals,
    /// What is to be explained.
    pub incident: IncidentId,
    /// The diagnosis that is made.
    pub diagnosis: DiagnosisId,
    /// Ends of log files.
    pub logs: Vec<LogExcerpt>,
    /// The time of the analysis.
    pub now: DateTime<Utc>,
}

/// What an analysis looks at, prepared for weighing.
pub(super) struct Scene<'a> {
    pub(super) case: &'a CaseFile<'a>,
    pub(super) root: &'a str,
    pub(super) detected_at: DateTime<Utc>,
    pub(super) failing: Vec<&'a Sample>,
    pub(super) slow: Vec<&'a Sample>,
    pub(super) errors: Vec<Repeated>,
}

/// Finds the most likely cause of an incident.
#[must_use]
pub fn analyse(case: &CaseFile) -> DiagnosisDocument {
    let incident = case.state.incidents.get(&case.incident);
    let root = incident.and_then(|incident| deepest_failing(case, incident)).unwrap_or_default();
    let detected_at = incident.map_or(case.now, |incident| incident.detected_at);
    let mut lines = Vec::new();
    for excerpt in case.logs.iter().filter(|excerpt| excerpt.service == root) {
        lines.extend(excerpt.lines.iter().filter(|line| is_recent(line, detected_at)).cloned());
    }
    let scene = Scene {
        case,
        root: &root,
        detected_at,
        failing: checks(case, &root, Reading::Bad),
        slow: checks(case, &root, Reading::Slow),
        errors: errors(&lines),
    };
    let hypotheses = weigh(&scene);
    let best = hypotheses.first();
    let root_cause = RootCause {
        service: root.clone(),
        issue: best.map_or_else(|| "no evidence points to a cause".to_owned(), |best| redact(&best.issue)),
        confidence: best.map_or(0.0, |best| best.confidence),
        deployment: best.and_then(|best| best.deployment),
        evidence: best.map(|best| evidence(&scene, best)).unwrap_or_default(),
    };
    DiagnosisDocument {
        error_id: case.diagnosis.to_string(),
        detected_at,
        severity: incident.map_or(Severity::Sev4, |incident| incident.severity),
        category: best.map_or(Category::Unknown, |best| best.kind.category()),
        affected_services: affected(case, incident, &root),
        root_cause,
        suggested_fixes: suggestions(&scene, &hypotheses),
        related_incidents: related(case, &root),
        knowledge_base_articles: Vec::new(),
    }
}

/// Among the services of an incident and what they depend on, the failing one that no other failing one explains.
fn deepest_failing(case: &CaseFile, incident: &Incident) -> Option<String> {
    let platform = &case.state.platform;
    let is_failing = |name: &str| {
        case.state.services.get(name).is_some_and(|health| matches!(health.status, Status::Down | Status::Degraded))
            || !checks(case, name, Reading::Bad).is_empty()
    };
    let mut candidates = incident.services.clone();
    for service in &incident.services {
        candidates.extend(platform.dependencies_of(service));
    }
    candidates
        .iter()
        .filter(|name| is_failing(name))
        .find(|name| !platform.dependencies_of(name).iter().any(|below| is_failing(below)))
        .or_else(|| candidates.iter().find(|name| is_failing(name)))
        .or(candidates.first())
        .cloned()
}

fn checks<'a>(case: &'a CaseFile, service: &str, reading: Reading) -> Vec<&'a Sample> {
    case.vitals
        .services
        .get(service)
        .map(|figures| figures.checks.values().filter(|sample| sample.reading == reading).collect())
        .unwrap_or_default()
}

/// Lines from a minute before the trouble on; lines without a time count as recent.
fn is_recent(line: &str, detected_at: DateTime<Utc>) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    match DateTime::parse_from_rfc3339(first) {
        Ok(at) => at >= detected_at - chrono::TimeDelta::seconds(60),
        Err(_) => true,
    }
}

fn evidence(scene: &Scene, best: &Hypothesis) -> Vec<Evidence> {
    let mut found = best.evidence.clone();
    for sample in scene.failing.iter().chain(&scene.slow) {
        found.push(Evidence {
            at: Some(sample.at),
            source: format!("check {}", sample.check),
            text: redact(&sample.detail),
            count: 1,
        });
    }
    for repeated in scene.errors.iter().take(3) {
        let source = format!("log of {}", scene.root);
        found.push(Evidence { at: None, source, text: redact(&repeated.line), count: repeated.count });
    }
    found.truncate(EVIDENCE);
    found
}

fn affected(case: &CaseFile, incident: Option<&Incident>, root: &str) -> Vec<String> {
    let mut services = vec![root.to_owned()];
    let named = incident.map(|incident| incident.services.clone()).unwrap_or_default();
    let below = case.state.platform.dependants_of(root).into_iter().filter(|name| {
        case.state.services.get(name).is_some_and(|health| matches!(health.status, Status::Down | Status::Degraded))
    });
    for service in named.into_iter().chain(below) {
        if !services.contains(&service) {
            services.push(service);
        }
    }
    services
}

/// What may be done about the hypotheses, the best first; only what the platform file declares.
fn suggestions(scene: &Scene, hypotheses: &[Hypothesis]) -> Vec<SuggestedFix> {
    let platform = &scene.case.state.platform;
    let mut fixes: Vec<(String, u64, ActionRisk, Fix)> = Vec::new();
    let roll_back = |fixes: &mut Vec<_>, kinds: &[ComponentKind]| {
        for component in platform.components_of(scene.root).filter(|component| kinds.contains(&component.kind)) {
            fixes.push((
                format!("roll {} back", component.name),
                component.rto.as_secs().min(60),
                ActionRisk::Low,
                Fix::RollBack { component: component.name.clone() },
            ));
        }
    };
    let act = |fixes: &mut Vec<_>| {
        let mut actions: Vec<_> =
            platform.service(scene.root).map(|service| service.actions.iter().collect()).unwrap_or_default();
        actions.sort_by_key(|action: &&crate::platform::Action| action.risk);
        for action in actions {
            fixes.push((
                format!("{} {}", action.name, scene.root),
                action.takes.as_secs(),
                action.risk,
                Fix::RunAction { service: scene.root.to_owned(), action: action.name.clone() },
            ));
        }
    };
    for hypothesis in hypotheses {
        match hypothesis.kind {
            Kind::Deployment => roll_back(&mut fixes, &[ComponentKind::Code]),
            Kind::Corruption => roll_back(&mut fixes, &[ComponentKind::Database]),
            Kind::Configuration => roll_back(&mut fixes, &[ComponentKind::Config]),
            Kind::ProcessGone | Kind::ProcessFrozen | Kind::Slow => act(&mut fixes),
            Kind::Resource => {}
        }
    }
    let mut seen = Vec::new();
    fixes.retain(|(_, _, _, fix)| {
        let new = !seen.contains(fix);
        seen.push(fix.clone());
        new
    });
    fixes
        .into_iter()
        .take(SUGGESTIONS)
        .zip(1..)
        .map(|((action, estimated_time, risk, fix), priority)| SuggestedFix {
            commands: vec![match &fix {
                Fix::RollBack { component } => {
                    format!("codeblue rollback --component {component} --reason {}", scene.case.incident)
                }
                Fix::RunAction { service, action } => format!("codeblue action run {service} {action}"),
            }],
            action,
            priority,
            estimated_time,
            risk,
            fix,
        })
        .collect()
}

fn related(case: &CaseFile, root: &str) -> Vec<IncidentId> {
    case.state
        .incidents
        .values()
        .rev()
        .filter(|other| other.id != case.incident)
        .filter(|other| {
            other.root.as_deref() == Some(root) || other.services.first().is_some_and(|first| first == root)
        })
        .map(|other| other.id)
        .take(5)
        .collect()
}
