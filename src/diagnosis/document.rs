//! From a case to its document.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    LogExcerpt,
    candidates::{self, Standing, Weighed},
    hypotheses::{Hypothesis, weigh},
    logs::{Lines, Repeated},
    patterns::{Observed, Trend},
    redact::Redactor,
    root::{self, checks},
};
use crate::{
    domain::{
        Category, DiagnosisDocument, DiagnosisId, Evidence, Fix, Incident, IncidentId, RootCause, Severity, State,
        Status, SuggestedFix, Vitals,
    },
    platform::{ActionRisk, ComponentKind, Platform, Reading, Sample},
};

/// Suggestions in a document at most.
pub(super) const SUGGESTIONS: usize = 9;
/// Pieces of evidence in a document at most.
const EVIDENCE: usize = 8;

/// Kinds of lines that have stopped, in a document at most.
const STOPPED: usize = 2;
/// So long before or after the trouble was noticed a kind of line may have stopped because of it.
const ABOUT: TimeDelta = TimeDelta::minutes(10);

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
    /// What texts from outside pass first.
    pub redactor: &'a Redactor,
    /// The newest entries of logs.
    pub logs: Vec<LogExcerpt>,
    /// What was seen of all lines before.
    pub observed: &'a Observed,
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
    /// Kinds of lines that do not come any more.
    pub(super) stopped: Vec<Evidence>,
}

/// Finds the most likely cause of an incident.
#[must_use]
pub fn analyse(case: &CaseFile) -> DiagnosisDocument {
    let incident = case.state.incidents.get(&case.incident);
    let found = incident.and_then(|incident| root::find(case.state, case.vitals, incident));
    let root = found.as_ref().map(|found| found.service.clone()).unwrap_or_default();
    let witness = found.as_ref().and_then(|found| found.accused_by.as_deref()).unwrap_or(&root);
    let detected_at = incident.map_or(case.now, |incident| incident.detected_at);
    let past = case.state.incidents.values().filter_map(|past| Some((past.detected_at, past.resolved_at?)));
    let over: Vec<_> = past.filter(|(_, end)| *end <= detected_at).collect();
    let scene = look(case, &root, witness, detected_at, &over);
    let hypotheses = weigh(&scene);
    let best = hypotheses.first();
    let issue = best.map_or("no evidence points to a cause", |best| best.issue.as_str());
    let maintained = is_maintained(case, &root);
    let root_cause = RootCause {
        service: root.clone(),
        issue: issue_at(case, &root, issue),
        confidence: best.map_or(0.0, |best| best.confidence),
        deployment: best.and_then(|best| best.deployment),
        evidence: best.map(|best| evidence(&scene, best)).unwrap_or_default(),
    };
    let mut weighed = weighed(&scene, Standing::Root, hypotheses.clone());
    for (incident, found) in incident.iter().zip(&found) {
        for (other, standing) in root::others(case.state, case.vitals, incident, found) {
            let scene = look(case, &other, &other, detected_at, &over);
            weighed.extend(self::weighed(&scene, standing, weigh(&scene)));
        }
    }
    DiagnosisDocument {
        error_id: case.diagnosis.to_string(),
        detected_at,
        severity: incident.map_or(Severity::Sev4, |incident| incident.severity),
        category: best.map_or(Category::Unknown, |best| best.kind.category()),
        affected_services: affected(case, incident, &root),
        root_cause,
        candidates: candidates::rank(weighed),
        // Somebody works on it already; nothing should get in their way.
        suggested_fixes: if maintained { Vec::new() } else { suggestions(&scene, &hypotheses) },
        related_incidents: related(case, &root),
        knowledge_base_articles: Vec::new(),
        second_opinion: None,
    }
}

/// What an analysis sees of a service, and of the one whose checks speak for it.
fn look<'a>(
    case: &'a CaseFile<'a>,
    service: &'a str,
    witness: &str,
    detected_at: DateTime<Utc>,
    over: &[(DateTime<Utc>, DateTime<Utc>)],
) -> Scene<'a> {
    let lines =
        Lines { redactor: case.redactor, observed: case.observed, platform: &case.state.platform, now: case.now };
    Scene {
        case,
        root: service,
        detected_at,
        failing: checks(case.vitals, witness, Reading::Bad),
        slow: checks(case.vitals, witness, Reading::Slow),
        errors: lines.errors(case.logs.iter().filter(|excerpt| excerpt.service == service), detected_at, over),
        stopped: stopped(case, service, detected_at),
    }
}

fn weighed(scene: &Scene, standing: Standing, hypotheses: Vec<Hypothesis>) -> Vec<Weighed> {
    let found = |hypothesis: Hypothesis| Weighed {
        service: scene.root.to_owned(),
        standing,
        issue: issue_at(scene.case, scene.root, &hypothesis.issue),
        evidence: evidence(scene, &hypothesis),
        hypothesis,
    };
    hypotheses.into_iter().map(found).collect()
}

fn is_maintained(case: &CaseFile, service: &str) -> bool {
    case.state.services.get(service).is_some_and(|health| health.status == Status::Maintenance)
}

fn issue_at(case: &CaseFile, service: &str, issue: &str) -> String {
    if is_maintained(case, service) { format!("{service} is in maintenance: {issue}") } else { issue.to_owned() }
}

fn evidence(scene: &Scene, best: &Hypothesis) -> Vec<Evidence> {
    let mut found = best.evidence.clone();
    for sample in scene.failing.iter().chain(&scene.slow) {
        found.push(Evidence {
            at: Some(sample.at),
            source: if sample.service == scene.root {
                format!("check {}", sample.check)
            } else {
                format!("check {} of {}", sample.check, sample.service)
            },
            text: scene.case.redactor.line(&sample.detail),
            count: 1,
        });
    }
    let incident = scene.case.state.incidents.get(&scene.case.incident);
    let reported = incident.into_iter().flat_map(|incident| &incident.errors).map(|known| &known.group);
    for group in reported.filter(|group| group.service == scene.root).take(3) {
        found.push(Evidence {
            at: Some(group.first),
            source: format!("errors of {}", group.service),
            text: group.message.clone(),
            count: group.count,
        });
    }
    for repeated in scene.errors.iter().take(3) {
        let pattern = repeated.trend.map(|trend| pattern(&repeated.signature, trend)).unwrap_or_default();
        let source = format!("log of {}{pattern}", scene.root);
        found.push(Evidence { at: None, source, text: repeated.line.clone(), count: repeated.count });
    }
    found.truncate(EVIDENCE);
    found.extend(scene.stopped.iter().cloned());
    found
}

/// Which pattern a line is of, and what is out of the ordinary about it.
fn pattern(id: &str, trend: Trend) -> String {
    let what = match trend {
        Trend::New => ", new",
        Trend::Bursting => ", bursting",
        Trend::Vanished => ", vanished",
        Trend::Recurring | Trend::Rare => "",
    };
    format!(" (pattern {id}{what})")
}

/// Lines that came regularly and have stopped about when the trouble began.
fn stopped(case: &CaseFile, service: &str, detected_at: DateTime<Utc>) -> Vec<Evidence> {
    let all = case.observed.all(Some(service), case.now);
    let stopped =
        all.into_iter().filter(|seen| seen.state == Trend::Vanished && (seen.since - detected_at).abs() <= ABOUT);
    stopped
        .take(STOPPED)
        .map(|seen| Evidence {
            at: Some(seen.since),
            source: format!("log of {service}{}", pattern(&seen.id, seen.state)),
            text: case.redactor.line(&format!("stopped: {}", seen.template)),
            count: seen.count,
        })
        .collect()
}

fn affected(case: &CaseFile, incident: Option<&Incident>, root: &str) -> Vec<String> {
    let mut services = if root.is_empty() { Vec::new() } else { vec![root.to_owned()] };
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
    let categories = hypotheses.iter().map(|hypothesis| hypothesis.kind.category());
    remedies(scene.case.state, scene.case.incident, scene.root, categories)
}

/// What may be done at a service about failures of these categories, the best first; nothing that the platform file does not
/// declare, and nothing while somebody works on the service already.
pub(super) fn remedies(
    state: &State,
    incident: IncidentId,
    service: &str,
    categories: impl IntoIterator<Item = Category>,
) -> Vec<SuggestedFix> {
    if state.services.get(service).is_some_and(|health| health.status == Status::Maintenance) {
        return Vec::new();
    }
    let platform = &state.platform;
    let mut fixes: Vec<(String, u64, ActionRisk, Fix)> = Vec::new();
    let roll_back = |fixes: &mut Vec<_>, service: &str, kind: ComponentKind| {
        for component in platform.components_of(service).filter(|component| component.kind == kind) {
            let risk = match kind {
                ComponentKind::Code | ComponentKind::Config => ActionRisk::Low,
                // What was written since the snapshot is lost.
                ComponentKind::Database | ComponentKind::Data => ActionRisk::High,
            };
            fixes.push((
                format!("roll {} back", component.name),
                component.rto.as_secs().min(60),
                risk,
                Fix::RollBack { component: component.name.clone() },
            ));
        }
    };
    let act = |fixes: &mut Vec<_>| {
        let mut actions: Vec<_> =
            platform.service(service).map(|service| service.actions.iter().collect()).unwrap_or_default();
        // What contains heals nothing.
        actions.retain(|action: &&crate::platform::Action| action.purpose.is_none());
        actions.sort_by_key(|action: &&crate::platform::Action| action.risk);
        for action in actions {
            fixes.push((
                format!("{} {service}", action.name),
                action.takes.as_secs(),
                action.risk,
                Fix::RunAction { service: service.to_owned(), action: action.name.clone() },
            ));
        }
    };
    for category in categories {
        match category {
            Category::Deployment => roll_back(&mut fixes, service, ComponentKind::Code),
            Category::Database => roll_back(&mut fixes, keeper(platform, service), ComponentKind::Database),
            Category::Configuration => roll_back(&mut fixes, service, ComponentKind::Config),
            Category::Process | Category::Performance => act(&mut fixes),
            Category::Resource | Category::Unknown => {}
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
                    format!("codeblue rollback --component {component} --reason {incident}")
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

/// The service that holds the database: the one named, or the nearest one below it that declares one.
fn keeper<'a>(platform: &'a Platform, service: &'a str) -> &'a str {
    let keeps = |name: &str| platform.components_of(name).any(|component| component.kind == ComponentKind::Database);
    if keeps(service) {
        return service;
    }
    let below = platform.dependencies_of(service);
    let found = below.iter().find(|name| keeps(name)).and_then(|name| platform.service(name));
    found.map_or(service, |found| &found.name)
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
