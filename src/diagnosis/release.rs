//! Whether a version that went live is to blame.

use chrono::{DateTime, Utc};

use super::{
    accused::{self, Accusation},
    document::Scene,
    hypotheses::{CLAIM_FROM, Hypothesis, QUOTE, sum},
    line::Level,
    logs::Repeated,
    redact::clip,
    signs::{self, Place, has},
};
use crate::{
    domain::{Cause, Deployment, DeploymentOrigin, Evidence, State},
    platform::ComponentKind,
};

/// Seconds within which a version that went live may be to blame.
const LATELY: i64 = 1800;

/// The version of a service's code that was deployed last, where it is live and no recovery brought it.
fn newest<'a>(state: &'a State, service: &str) -> Option<&'a Deployment> {
    let newest = state.deployments.values().rev().find(|deployment| {
        deployment.previous.is_some()
            && !matches!(deployment.origin, DeploymentOrigin::Recovery(_))
            && state
                .platform
                .component(&deployment.component)
                .is_some_and(|component| component.service == service && component.kind == ComponentKind::Code)
    })?;
    (state.live_version(&newest.component) == Some(newest.version.as_str())).then_some(newest)
}

/// When the newest version of a service went live, if that was shortly before a trouble.
pub(super) fn went_live(state: &State, service: &str, trouble: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let at = newest(state, service)?.at;
    (-30..=LATELY).contains(&(trouble - at).num_seconds()).then_some(at)
}

/// A new version went live shortly before the trouble began, and what fails is its own. `other` is how much speaks for a cause
/// that would explain its errors as well.
pub(super) fn weigh(scene: &Scene, other: f64) -> Option<Hypothesis> {
    let blamed = newest(scene.case.state, scene.root)?;
    let not_understood = scene.accused.iter().find(|found| found.cause == Cause::Release);
    // Where nothing at all fails, no version is to blame.
    let quiet = scene.failing.is_empty() && scene.slow.is_empty() && !scene.lines.iter().any(is_loud);
    if quiet && not_understood.is_none() {
        return None;
    }
    let before = (scene.detected_at - blamed.at).num_seconds();
    let mut weights = match before {
        // One that was found live by looking may have been so a moment earlier.
        -30..=120 => vec![0.75],
        121..=600 => vec![0.6],
        601..=LATELY => vec![0.4],
        _ => return None,
    };
    let accused: Vec<&Accusation> = scene.accused.iter().filter(|found| found.cause == Cause::Release).collect();
    weights.push(accused::weight(&accused));
    // Who complains of somebody who is well has the trouble itself.
    let of_well =
        scene.complaints.iter().filter(|line| line.named.as_deref().is_some_and(|named| scene.is_well(named)));
    let heard = not_understood.map(|found| &found.line);
    let error = scene.lines.iter().chain(of_well).find(|line| is_loud(line) && !explained(&line.raw)).or(heard);
    if error.is_some() {
        weights.push(0.5);
    }
    let bad: Vec<String> = scene.bad().map(|sample| sample.detail.to_lowercase()).collect();
    if bad.iter().any(|detail| has(detail, &["http 5", "expected"])) {
        weights.push(0.4);
    }
    if before <= 600 && bad.is_empty() && scene.late().next().is_some() {
        weights.push(0.35);
    }
    // A process that is gone for no reason of its own was ended by somebody.
    if (scene.is_gone() || scene.is_frozen()) && error.is_none() {
        weights = vec![0.35];
    }
    let mut confidence = sum(&weights);
    if error.is_none() && other >= 0.7 {
        confidence = (confidence * 0.6 * 100.0).round() / 100.0;
    }
    let strongest = error.map(|repeated| format!(": {} ×{}", clip(&repeated.line, QUOTE), repeated.count));
    Some(Hypothesis {
        cause: Cause::Release,
        issue: format!("release {} of {}{}", blamed.version, blamed.component, strongest.unwrap_or_default()),
        confidence: confidence.max(CLAIM_FROM),
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

fn is_loud(line: &Repeated) -> bool {
    line.new && line.level == Level::Error
}

/// Whether an error tells of something else than the code: a setting, a damaged file, a full disk.
fn explained(raw: &str) -> bool {
    signs::read(raw, Place::Log).iter().any(|(cause, weight)| *cause != Cause::ProcessExit && *weight >= 0.5)
}

fn seconds(number: i64) -> String {
    match number {
        ..=0 => "right".to_owned(),
        1..=119 => format!("{number} s"),
        _ => format!("{} min", number / 60),
    }
}
