//! Where it sits: among the services that fail, the one that no other explains.

use chrono::{DateTime, Utc};

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

/// Finds the root of an incident among its services and what they depend on.
pub(super) fn find(state: &State, vitals: &Vitals, incident: &Incident) -> Option<Root> {
    let platform = &state.platform;
    let fails = |name: &str| fails(state, vitals, name);
    let mut candidates = incident.services.clone();
    for service in &incident.services {
        candidates.extend(platform.dependencies_of(service));
    }
    candidates.sort();
    candidates.dedup();
    let failing: Vec<&String> = candidates.iter().filter(|name| fails(name)).collect();
    // Several may fail with nothing failing below them. The one that explains the most of the others, then the earliest.
    let deepest = failing
        .iter()
        .filter(|name| !platform.dependencies_of(name).iter().any(|below| fails(below)))
        .min_by_key(|name| {
            let above = platform.dependants_of(name);
            let explained = failing.iter().filter(|other| above.contains(other)).count();
            let since = state.services.get(name.as_str()).and_then(|health| health.failing_since.or(health.since));
            let noticed = incident.services.iter().position(|service| service == **name);
            (std::cmp::Reverse(explained), since.unwrap_or(DateTime::<Utc>::MAX_UTC), noticed.unwrap_or(usize::MAX))
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
