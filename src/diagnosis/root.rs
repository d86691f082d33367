//! Where it sits: among the services that fail, the one that no other explains.

use chrono::{DateTime, Utc};

use super::candidates::Standing;
use crate::{
    domain::{Incident, State, Status, Vitals},
    platform::{Reading, Sample},
};

/// Which service is blamed, and whose checks speak for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) service: String,
    /// Another service's checks name it, while its own have not spoken since the trouble began.
    pub(super) accused_by: Option<String>,
}

/// The latest results of a service's checks with this reading.
pub(super) fn checks<'a>(vitals: &'a Vitals, service: &str, reading: Reading) -> Vec<&'a Sample> {
    vitals
        .services
        .get(service)
        .map(|figures| figures.checks.values().map(Box::as_ref).filter(|sample| sample.reading == reading).collect())
        .unwrap_or_default()
}

/// What is looked at: the services of an incident that fail, and those of what they depend on.
fn failing(state: &State, vitals: &Vitals, incident: &Incident) -> Vec<String> {
    let mut candidates = incident.services.clone();
    for service in &incident.services {
        candidates.extend(state.platform.dependencies_of(service));
    }
    candidates.sort();
    candidates.dedup();
    candidates.retain(|name| fails(state, vitals, name));
    candidates
}

/// Finds the root of an incident among its services and what they depend on.
pub(super) fn find(state: &State, vitals: &Vitals, incident: &Incident) -> Option<Root> {
    let platform = &state.platform;
    let failing = failing(state, vitals, incident);
    let explained =
        |name: &String| platform.dependencies_of(name).iter().any(|below| explains(state, vitals, below, name));
    // Several may fail with nothing failing below them. The one that explains the most of the others, then the earliest.
    let deepest = failing.iter().filter(|name| !explained(name)).min_by_key(|name| {
        let above = platform.dependants_of(name);
        let explained = failing.iter().filter(|other| above.contains(other) && explains(state, vitals, name, other));
        let since = state.services.get(name.as_str()).and_then(|health| health.failing_since.or(health.since));
        let noticed = incident.services.iter().position(|service| service == *name);
        let since = since.unwrap_or(DateTime::<Utc>::MAX_UTC);
        (std::cmp::Reverse(explained.count()), since, noticed.unwrap_or(usize::MAX))
    });
    // Services that depend on each other in a circle have no deepest one.
    let Some(found) = deepest.or(failing.first()) else {
        return incident.services.first().map(|first| Root { service: first.clone(), accused_by: None });
    };
    let accused = accused(state, vitals, found, incident.detected_at);
    Some(match accused {
        Some(service) => Root { service, accused_by: Some((*found).clone()) },
        None => Root { service: (*found).clone(), accused_by: None },
    })
}

/// The other services of an incident that fail, and how they stand to its root.
pub(super) fn others(state: &State, vitals: &Vitals, incident: &Incident, root: &Root) -> Vec<(String, Standing)> {
    let standing = |name: &String| {
        let below = state.platform.dependencies_of(name);
        let explained = below.iter().any(|below| *below == root.service || explains(state, vitals, below, name));
        if explained { Standing::Explained } else { Standing::Apart }
    };
    let failing = failing(state, vitals, incident).into_iter().filter(|name| *name != root.service);
    failing.map(|name| (name.clone(), standing(&name))).collect()
}

/// Whether a service that fails may be why another one does that depends on it: not when the other was down already, and
/// it was found well for so long afterwards that its checks would have told.
fn explains(state: &State, vitals: &Vitals, below: &str, above: &str) -> bool {
    let since = |name: &str| state.services.get(name).and_then(|health| health.failing_since);
    let down = state.services.get(above).is_some_and(|health| health.status == Status::Down);
    let checks = state.platform.service(below).map(|service| service.checks.as_slice()).unwrap_or_default();
    let told_within = checks.iter().map(|check| check.every + check.within).max().unwrap_or_default();
    let later = since(below).zip(since(above)).and_then(|(below, above)| (below - above).to_std().ok());
    fails(state, vitals, below) && !(down && later.is_some_and(|later| later > told_within))
}

fn fails(state: &State, vitals: &Vitals, name: &str) -> bool {
    state.services.get(name).is_some_and(|health| matches!(health.status, Status::Down | Status::Degraded))
        || !checks(vitals, name, Reading::Bad).is_empty()
}

/// The dependency that all failing checks of a service complain about, unless its own checks have found it well since.
fn accused(state: &State, vitals: &Vitals, victim: &str, trouble: DateTime<Utc>) -> Option<String> {
    let complaints = checks(vitals, victim, Reading::Bad);
    if complaints.is_empty() {
        return None;
    }
    let named = |name: &str| complaints.iter().all(|complaint| names(&complaint.detail, name));
    let cleared = |name: &str| {
        vitals.services.get(name).is_some_and(|figures| {
            figures.checks.values().any(|sample| sample.reading == Reading::Good && sample.at >= trouble)
        })
    };
    state.platform.dependencies_of(victim).into_iter().find(|name| named(name) && !cleared(name))
}

/// Whether a text has this name in it as a word of its own.
fn names(text: &str, name: &str) -> bool {
    let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '-' && c != '_');
    text.match_indices(name)
        .any(|(at, _)| apart(text[..at].chars().next_back()) && apart(text[at + name.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_is_a_word_of_its_own() {
        assert!(names("HTTP 503: \"auth: connection refused\"", "auth"));
        assert!(!names("author unknown, auth-proxy fine", "auth"));
    }
}
