//! What could be the cause, and how much speaks for it. Each kind of cause collects weights from independent signs; the
//! confidence is `1 - Π(1 - weight)`, so that two independent signs of 0.7 make 0.91, and nothing ever makes 95 %.

use super::{document::Scene, redact::clip, root::checks};
use crate::{
    domain::{Category, DeploymentId, DeploymentOrigin, Evidence},
    platform::{Adapter, ComponentKind, HostResource, Probe, Reading, Sample},
};

/// A kind of cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Deployment,
    ProcessGone,
    ProcessFrozen,
    Configuration,
    Corruption,
    Slow,
    Resource,
}

impl Kind {
    pub(super) fn category(self) -> Category {
        match self {
            Self::Deployment => Category::Deployment,
            Self::ProcessGone | Self::ProcessFrozen => Category::Process,
            Self::Configuration => Category::Configuration,
            Self::Corruption => Category::Database,
            Self::Slow => Category::Performance,
            Self::Resource => Category::Resource,
        }
    }
}

/// A possible cause with what speaks for it.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    pub(super) kind: Kind,
    pub(super) issue: String,
    pub(super) confidence: f64,
    pub(super) deployment: Option<DeploymentId>,
    pub(super) evidence: Vec<Evidence>,
}

/// Below this nothing is claimed.
const CLAIM_FROM: f64 = 0.3;
/// No more is claimed before cases have borne it out: 95 % takes 59 of them without an error (see `confidence`).
pub(super) const UNPROVED: f64 = 0.94;
/// Characters of a line that are quoted in the issue.
const QUOTE: usize = 120;

/// All causes for which something speaks, the most likely first.
pub(super) fn weigh(scene: &Scene) -> Vec<Hypothesis> {
    let mut found: Vec<Hypothesis> = [
        deployment(scene),
        gone(scene),
        frozen(scene),
        configuration(scene),
        corruption(scene),
        slow(scene),
        resource(scene),
    ]
    .into_iter()
    .flatten()
    .filter(|hypothesis| hypothesis.confidence >= CLAIM_FROM)
    .collect();
    found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    found
}

fn together(weights: &[f64]) -> f64 {
    let doubt: f64 = weights.iter().map(|weight| 1.0 - weight).product();
    ((1.0 - doubt) * 100.0).round().min(100.0 * UNPROVED) / 100.0
}

fn has(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(word))
}

fn says(samples: &[&Sample], words: &[&str]) -> bool {
    samples.iter().any(|sample| has(&sample.detail, words))
}

const GONE: [&str; 8] = [
    "refused",
    "does not run",
    "not running",
    "no such process",
    "no process",
    "is gone",
    "zombie",
    "holds no process id",
];
const SILENT: [&str; 5] = ["no answer", "timed out", "deadline", "took longer", "did not answer"];
const CONFIGURATION: [&str; 4] = ["config", "setting", "invalid value", "unknown key"];
const DAMAGE: [&str; 7] =
    ["malformed", "corrupt", "not a database", "quick_check", "integrity", "disk image", "damaged:"];

/// A new version went live shortly before the trouble began, and the process itself answers.
fn deployment(scene: &Scene) -> Option<Hypothesis> {
    let state = scene.case.state;
    let blamed = state.deployments.values().rev().find(|deployment| {
        deployment.previous.is_some()
            && !matches!(deployment.origin, DeploymentOrigin::Recovery(_))
            && state.platform.component(&deployment.component).is_some_and(|c| c.service == scene.root)
    })?;
    if state.live_version(&blamed.component) != Some(blamed.version.as_str()) {
        return None;
    }
    let before = (scene.detected_at - blamed.at).num_seconds();
    let mut weights = match before {
        // One that was found live by looking may have been so a moment earlier.
        -30..=120 => vec![0.75],
        121..=600 => vec![0.6],
        601..=1800 => vec![0.4],
        _ => return None,
    };
    let error = scene.errors.iter().find(|error| error.new && !explained(scene, &error.line));
    if error.is_some() {
        weights.push(0.5);
    }
    if says(&scene.failing, &["http 5", "expected"]) {
        weights.push(0.4);
    }
    if is_gone(scene) || is_frozen(scene) {
        weights = vec![0.35];
    }
    if scene.failing.is_empty() && scene.slow.is_empty() && scene.errors.is_empty() {
        weights = vec![CLAIM_FROM];
    }
    let strongest = error.map(|repeated| format!(": {} ×{}", clip(&repeated.line, QUOTE), repeated.count));
    Some(Hypothesis {
        kind: Kind::Deployment,
        issue: format!("release {} of {}{}", blamed.version, blamed.component, strongest.unwrap_or_default()),
        confidence: together(&weights),
        deployment: Some(blamed.id),
        evidence: vec![Evidence {
            at: Some(blamed.at),
            source: "ledger".to_owned(),
            text: format!(
                "{} went live {} before the first failure, after {}",
                blamed.version,
                seconds(before),
                blamed.previous.as_deref().unwrap_or("nothing")
            ),
            count: 1,
        }],
    })
}

fn seconds(number: i64) -> String {
    match number {
        ..=0 => "right".to_owned(),
        1..=119 => format!("{number} s"),
        _ => format!("{} min", number / 60),
    }
}

/// Whether an error tells of something else than the code: a setting, a damaged file, or a service below.
fn explained(scene: &Scene, line: &str) -> bool {
    let below = scene.case.state.platform.dependencies_of(scene.root);
    has(line, &CONFIGURATION)
        || has(line, &DAMAGE)
        || (has(line, &GONE) && below.iter().any(|name| line.contains(name)))
}

fn is_gone(scene: &Scene) -> bool {
    says(&scene.failing, &GONE)
}

fn is_frozen(scene: &Scene) -> bool {
    says(&scene.failing, &["stopped", "frozen"])
}

fn gone(scene: &Scene) -> Option<Hypothesis> {
    let refused = says(&scene.failing, &GONE[..1]);
    let missing = says(&scene.failing, &GONE[1..]);
    let weights = weights(&[(refused, 0.7), (missing, 0.8)]);
    (!weights.is_empty()).then(|| simple(Kind::ProcessGone, format!("the process of {} is gone", scene.root), &weights))
}

fn weights(signs: &[(bool, f64)]) -> Vec<f64> {
    signs.iter().filter(|(seen, _)| *seen).map(|(_, weight)| *weight).collect()
}

fn frozen(scene: &Scene) -> Option<Hypothesis> {
    if is_gone(scene) {
        return None;
    }
    let stopped = is_frozen(scene);
    let silent = says(&scene.failing, &SILENT) || says(&scene.failing, &["did not end within"]);
    let quiet = scene.errors.iter().all(|error| !error.new);
    // A frozen process keeps its number and its open port: what only looks at those is content.
    let present = checks(scene.case.vitals, scene.root, Reading::Good)
        .iter()
        .any(|sample| matches!(probe(scene, sample), Some(Probe::Tcp { .. } | Probe::Process { .. })));
    let weights = weights(&[(stopped, 0.85), (silent, 0.6), (silent && quiet, 0.3), (silent && present, 0.3)]);
    (!weights.is_empty()).then(|| {
        simple(Kind::ProcessFrozen, format!("{} does not answer: its process is frozen", scene.root), &weights)
    })
}

fn probe<'a>(scene: &'a Scene, sample: &Sample) -> Option<&'a Probe> {
    let service = scene.case.state.platform.service(&sample.service)?;
    service.checks.iter().find(|found| found.name == sample.check).map(|found| &found.probe)
}

fn configuration(scene: &Scene) -> Option<Hypothesis> {
    let logged = scene.errors.iter().find(|error| error.new && has(&error.line, &CONFIGURATION));
    let checked = scene.failing.iter().find(|sample| has(&sample.detail, &CONFIGURATION));
    let text = logged
        .map(|error| error.line.clone())
        .or_else(|| checked.map(|sample| scene.case.redactor.line(&sample.detail)))?;
    let weights = weights(&[(logged.is_some(), 0.75), (checked.is_some(), 0.7)]);
    Some(simple(Kind::Configuration, format!("configuration of {}: {}", scene.root, clip(&text, QUOTE)), &weights))
}

fn corruption(scene: &Scene) -> Option<Hypothesis> {
    let logged = scene.errors.iter().any(|error| error.new && has(&error.line, &DAMAGE));
    // A database that cannot even be opened, or that somebody has emptied, is as bad as a damaged one.
    let unusable = |sample: &&Sample| {
        matches!(probe(scene, sample), Some(Probe::Sqlite { .. }))
            && has(&sample.detail, &["cannot open", "is empty", "is no file"])
    };
    // The database itself is content with what has silently changed in it.
    let altered = |sample: &&Sample| {
        matches!(probe(scene, sample), Some(Probe::Rows(_))) && has(&sample.detail, &["which may never happen"])
    };
    let checked =
        says(&scene.failing, &DAMAGE) || scene.failing.iter().any(|sample| unusable(sample) || altered(sample));
    let platform = &scene.case.state.platform;
    // Without a database of its own it repeats what somebody else's has said, and that may be over.
    let own = platform.components_of(scene.root).any(|component| component.kind == ComponentKind::Database);
    let weights = weights(&[(checked, 0.85), (logged && own, 0.75), (logged && !own, 0.6)]);
    let databases: Vec<&str> = platform
        .components_of(scene.root)
        .filter(|component| matches!(component.adapter, Adapter::Sqlite { .. }))
        .map(|component| component.name.as_str())
        .collect();
    (!weights.is_empty()).then(|| {
        let what = if databases.is_empty() { scene.root.to_owned() } else { databases.join(", ") };
        simple(Kind::Corruption, format!("database {what} is damaged"), &weights)
    })
}

fn slow(scene: &Scene) -> Option<Hypothesis> {
    let late = says(&scene.failing, &SILENT);
    if scene.slow.is_empty() && !late {
        return None;
    }
    let weights = if scene.slow.is_empty() { vec![0.35] } else { vec![0.75] };
    Some(simple(Kind::Slow, format!("{} answers too slowly", scene.root), &weights))
}

fn resource(scene: &Scene) -> Option<Hypothesis> {
    let service = scene.case.state.platform.service(scene.root)?;
    let short = service.checks.iter().find_map(|check| match &check.probe {
        Probe::Host { resource, .. } if scene.failing.iter().chain(&scene.slow).any(|s| s.check == check.name) => {
            Some(*resource)
        }
        _ => None,
    })?;
    let what = match short {
        HostResource::Cpu => "processor time",
        HostResource::Memory => "memory",
        HostResource::Disk => "disk space",
        HostResource::Inodes => "inodes",
        HostResource::Load => "processors for what wants to run",
        HostResource::Descriptors => "file handles",
    };
    Some(simple(Kind::Resource, format!("the host is short of {what}"), &[0.8]))
}

fn simple(kind: Kind, issue: String, weights: &[f64]) -> Hypothesis {
    Hypothesis { kind, issue, confidence: together(weights), deployment: None, evidence: Vec::new() }
}
