//! What could be the cause, and how much speaks for it. Each kind of cause collects weights from independent signs; the
//! confidence is `1 - Π(1 - weight)`, so that two independent signs of 0.7 make 0.91, and nothing ever makes 1.

use super::document::Scene;
use crate::{
    domain::{Category, DeploymentId, DeploymentOrigin, Evidence},
    platform::{Adapter, HostResource, Probe, Sample},
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
    ((1.0 - doubt) * 100.0).round() / 100.0
}

fn says(samples: &[&Sample], words: &[&str]) -> bool {
    samples.iter().any(|sample| {
        let detail = sample.detail.to_lowercase();
        words.iter().any(|word| detail.contains(word))
    })
}

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
        -30..=120 => vec![0.75],
        121..=600 => vec![0.6],
        601..=1800 => vec![0.4],
        _ => return None,
    };
    if !scene.errors.is_empty() {
        weights.push(0.5);
    }
    if says(&scene.failing, &["http 5", "500", "expected"]) {
        weights.push(0.4);
    }
    if is_gone(scene) || is_frozen(scene) {
        weights = vec![0.35];
    }
    let strongest = scene.errors.first().map(|repeated| format!(": {} ×{}", repeated.line, repeated.count));
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

fn is_gone(scene: &Scene) -> bool {
    says(&scene.failing, &["refused", "not running", "no such process", "no process", "is gone", "zombie"])
}

fn is_frozen(scene: &Scene) -> bool {
    says(&scene.failing, &["stopped", "frozen"])
}

fn gone(scene: &Scene) -> Option<Hypothesis> {
    let refused = says(&scene.failing, &["refused"]);
    let missing = says(&scene.failing, &["not running", "no such process", "no process", "is gone", "zombie"]);
    let weights: Vec<f64> =
        [(refused, 0.7), (missing, 0.8)].iter().filter(|(seen, _)| *seen).map(|(_, w)| *w).collect();
    (!weights.is_empty()).then(|| simple(Kind::ProcessGone, format!("the process of {} is gone", scene.root), &weights))
}

fn frozen(scene: &Scene) -> Option<Hypothesis> {
    if is_gone(scene) {
        return None;
    }
    let stopped = is_frozen(scene);
    let silent = says(&scene.failing, &["no answer", "timed out", "deadline", "took longer", "within"]);
    let weights: Vec<f64> = [(stopped, 0.85), (silent, 0.6), (silent && scene.errors.is_empty(), 0.3)]
        .iter()
        .filter(|(seen, _)| *seen)
        .map(|(_, weight)| *weight)
        .collect();
    (!weights.is_empty()).then(|| {
        simple(Kind::ProcessFrozen, format!("{} does not answer: its process is frozen", scene.root), &weights)
    })
}

fn configuration(scene: &Scene) -> Option<Hypothesis> {
    let words = ["config", "setting", "invalid value", "unknown key", "parse"];
    let blamed = scene.errors.iter().find(|repeated| {
        let line = repeated.line.to_lowercase();
        words.iter().any(|word| line.contains(word))
    });
    let seen = says(&scene.failing, &["config"]);
    let mut weights = Vec::new();
    if blamed.is_some() {
        weights.push(0.75);
    }
    if seen {
        weights.push(0.7);
    }
    let text = blamed.map(|repeated| repeated.line.clone()).or_else(|| {
        scene.failing.iter().find(|sample| sample.detail.to_lowercase().contains("config")).map(|s| s.detail.clone())
    })?;
    Some(simple(Kind::Configuration, format!("configuration of {}: {text}", scene.root), &weights))
}

fn corruption(scene: &Scene) -> Option<Hypothesis> {
    let words = ["malformed", "corrupt", "not a database", "quick_check", "integrity", "disk image"];
    let checked = says(&scene.failing, &words);
    let logged = scene.errors.iter().any(|repeated| {
        let line = repeated.line.to_lowercase();
        words.iter().any(|word| line.contains(word))
    });
    let weights: Vec<f64> =
        [(checked, 0.85), (logged, 0.75)].iter().filter(|(seen, _)| *seen).map(|(_, w)| *w).collect();
    let databases: Vec<&str> = scene
        .case
        .state
        .platform
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
    let late = says(&scene.failing, &["no answer", "timed out", "deadline", "took longer"]);
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
    };
    Some(simple(Kind::Resource, format!("the host is short of {what}"), &[0.8]))
}

fn simple(kind: Kind, issue: String, weights: &[f64]) -> Hypothesis {
    Hypothesis { kind, issue, confidence: together(weights), deployment: None, evidence: Vec::new() }
}
