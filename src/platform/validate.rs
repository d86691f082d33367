//! What no single value can tell: whether names are unique, whether they refer to something, and whether services go round in circles.
//! Whether there are the people that changes need is asked of `approvers`.

use std::{
    collections::{HashMap, HashSet},
    path::{Component as Part, Path, PathBuf},
};

use super::{
    approvers,
    model::{Platform, Profile, ReplicaPlace},
    parse_oncall::{self, OnCallSpans},
    problem::nearest,
    reader::{Found, Reader},
};

/// Where the names of a platform stand in its file; same order as in the [`Platform`].
#[derive(Debug, Default)]
pub(super) struct Spans {
    pub(super) services: Vec<ServiceSpans>,
    pub(super) components: Vec<ComponentSpans>,
    pub(super) operators: Vec<OperatorSpans>,
    pub(super) replica: usize,
    /// Of each maintenance window its services.
    pub(super) windows: Vec<Vec<usize>>,
    pub(super) approvals: Option<ApprovalSpans>,
    /// The services that freezes name.
    pub(super) frozen: Vec<Found<String>>,
    /// Same order as the functions that could be read.
    pub(super) functions: Vec<FunctionSpans>,
    /// Same order as the schedules that could be read.
    pub(super) on_call: Vec<OnCallSpans>,
}

#[derive(Debug)]
pub(super) struct FunctionSpans {
    pub(super) name: usize,
    pub(super) services: Vec<Found<String>>,
}

#[derive(Debug)]
pub(super) struct ApprovalSpans {
    pub(super) table: usize,
    /// Those of the levels that are written.
    pub(super) levels: Vec<Found<&'static str>>,
}

#[derive(Debug)]
pub(super) struct ServiceSpans {
    pub(super) name: usize,
    pub(super) depends_on: Vec<usize>,
    pub(super) checks: Vec<usize>,
    pub(super) actions: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct ComponentSpans {
    pub(super) name: usize,
    pub(super) service: usize,
}

#[derive(Debug)]
pub(super) struct OperatorSpans {
    pub(super) name: usize,
    pub(super) login: usize,
}

/// Notes everything that is wrong between the parts of a platform.
pub(super) fn validate(platform: &Platform, spans: &Spans, reader: &mut Reader) {
    if platform.services.is_empty() {
        reader.problem(0, "service", "there is none", "at least one service, headed [[service]]");
    }
    let names = platform.services.iter().zip(&spans.services);
    unique(names.map(|(service, span)| (service.name.as_str(), span.name)), "service.name", "two services are", reader);
    let names = platform.components.iter().zip(&spans.components);
    unique(names.map(|(part, span)| (part.name.as_str(), span.name)), "component.name", "two components are", reader);
    let names = platform.operators.iter().zip(&spans.operators);
    unique(names.map(|(person, span)| (person.name.as_str(), span.name)), "operator.name", "two operators are", reader);
    for (service, span) in platform.services.iter().zip(&spans.services) {
        let names = service.checks.iter().map(|check| check.name.as_str()).zip(span.checks.iter().copied());
        unique(names, "service.check.name", "two checks of this service are", reader);
        let names = service.actions.iter().map(|action| action.name.as_str()).zip(span.actions.iter().copied());
        unique(names, "service.action.name", "two actions of this service are", reader);
        let purposes = service.actions.iter().zip(&span.actions);
        let purposes = purposes.filter_map(|(action, at)| Some((action.purpose?.name(), *at)));
        unique(purposes, "service.action.for", "two actions of this service are for", reader);
    }
    references(platform, spans, reader);
    functions(platform, spans, reader);
    circles(platform, spans, reader);
    ownership(platform, spans, reader);
    second_copy(platform, spans, reader);
    approvers::validate(platform, spans, reader);
    parse_oncall::validate(platform, spans, reader);
    if platform.profile != Profile::Drill {
        let logins = platform.operators.iter().zip(&spans.operators);
        let logins = logins.filter_map(|(person, span)| Some((person.login.as_deref()?, span.login)));
        unique(logins, "operator.login", "outside drills, two operators cannot share the login", reader);
    }
}

fn unique<'a>(names: impl Iterator<Item = (&'a str, usize)>, place: &str, complaint: &str, reader: &mut Reader) {
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (name, at) in names.filter(|(name, _)| !name.is_empty()) {
        if let Some(earlier) = first.get(name) {
            let line = reader.line(*earlier);
            let named = if complaint.ends_with("are") { " named" } else { "" };
            reader.problem(at, place, format!("{complaint}{named} \"{name}\" (see line {line})"), "another one");
        } else {
            first.insert(name, at);
        }
    }
}

fn references(platform: &Platform, spans: &Spans, reader: &mut Reader) {
    let known: HashSet<&str> = platform.services.iter().map(|service| service.name.as_str()).collect();
    let mut refer = |name: &str, at: usize, place: &str, not: &str| {
        if !name.is_empty() && !known.contains(name) {
            let mut candidates: Vec<&str> = known.iter().copied().filter(|known| *known != not).collect();
            candidates.sort_unstable();
            let meant = nearest(name, candidates);
            reader.report(
                at,
                place,
                format!("no service is named \"{name}\""),
                "the name of a service".to_owned(),
                meant,
            );
        }
    };
    for (service, span) in platform.services.iter().zip(&spans.services) {
        for (needed, at) in service.depends_on.iter().zip(&span.depends_on) {
            refer(needed, *at, "service.depends_on", &service.name);
        }
    }
    for (window, spans) in platform.maintenance.iter().zip(&spans.windows) {
        for (service, at) in window.services.iter().zip(spans) {
            refer(service, *at, "maintenance.services", "");
        }
    }
    for service in &spans.frozen {
        refer(&service.value, service.at, "freeze.services", "");
    }
    for service in spans.functions.iter().flat_map(|function| &function.services) {
        refer(&service.value, service.at, "function.services", "");
    }
    for (component, span) in platform.components.iter().zip(&spans.components) {
        refer(&component.service, span.service, "component.service", "");
    }
    for (service, span) in platform.services.iter().zip(&spans.services) {
        let mut seen = HashSet::new();
        for (needed, at) in service.depends_on.iter().zip(&span.depends_on) {
            if !seen.insert(needed) {
                reader.problem(*at, "service.depends_on", format!("\"{needed}\" is named twice"), "each service once");
            }
        }
    }
}

/// Critical functions have names of their own, and services that do them.
fn functions(platform: &Platform, spans: &Spans, reader: &mut Reader) {
    // One that could not be read whole leaves its span without a function.
    if platform.functions.len() != spans.functions.len() {
        return;
    }
    let named = platform.functions.iter().zip(&spans.functions);
    unique(
        named.clone().map(|(function, span)| (function.name.as_str(), span.name)),
        "function.name",
        "two functions are",
        reader,
    );
    let known: Vec<&str> =
        platform.services.iter().flat_map(|service| &service.functions).map(String::as_str).collect();
    for (function, span) in named {
        if platform.services_of(function).next().is_none() && span.services.is_empty() {
            let what = format!("no service does \"{}\"", function.name);
            let meant = nearest(&function.name, known.iter().copied());
            let expected = "what \"functions\" of a service names, or \"services\"".to_owned();
            reader.report(span.name, "function.name", what, expected, meant);
        }
    }
}

/// Reports each way in which services need each other in a circle, found by depth-first search without recursion.
fn circles(platform: &Platform, spans: &Spans, reader: &mut Reader) {
    let index: HashMap<&str, usize> =
        platform.services.iter().enumerate().rev().map(|(index, service)| (service.name.as_str(), index)).collect();
    let mut done = vec![false; platform.services.len()];
    for start in 0..platform.services.len() {
        // The services on the way from `start`, each with the position of the dependency to follow next.
        let mut way: Vec<(usize, usize)> = if done[start] { Vec::new() } else { vec![(start, 0)] };
        let mut on_way = HashSet::from([start]);
        while let Some((current, next)) = way.last_mut() {
            let here = *current;
            let Some(needed) = platform.services[here].depends_on.get(*next) else {
                done[here] = true;
                on_way.remove(&here);
                way.pop();
                continue;
            };
            let at = spans.services[here].depends_on[*next];
            *next += 1;
            let Some(needed) = index.get(needed.as_str()).copied() else { continue };
            if on_way.contains(&needed) {
                let from = way.iter().position(|(service, _)| *service == needed).unwrap_or_default();
                let names: Vec<&str> = way[from..]
                    .iter()
                    .map(|(service, _)| *service)
                    .chain([needed])
                    .map(|service| platform.services[service].name.as_str())
                    .collect();
                let what = format!("services need each other in a circle: {}", names.join(" → "));
                reader.problem(at, "service.depends_on", what, "one of these dependencies removed");
            } else if !done[needed] {
                on_way.insert(needed);
                way.push((needed, 0));
            }
        }
    }
}

/// A replica inside what is captured would be captured, and grow with every snapshot.
fn second_copy(platform: &Platform, spans: &Spans, reader: &mut Reader) {
    let Some(ReplicaPlace::Directory(replica)) = &platform.vault.replica else {
        return;
    };
    for component in &platform.components {
        for place in component.adapter.places().into_iter().filter(|place| replica.starts_with(place)) {
            let what = format!("it lies in {}, which component \"{}\" captures", place.display(), component.name);
            reader.problem(spans.replica, "vault.replica", what, "a directory on another disk");
        }
    }
}

/// Two components that restore the same place, or one a place within the other's, would undo each other.
fn ownership(platform: &Platform, spans: &Spans, reader: &mut Reader) {
    let mut owned: Vec<(PathBuf, &str)> = Vec::new();
    for (component, span) in platform.components.iter().zip(&spans.components) {
        let places: Vec<PathBuf> = component.adapter.places().iter().map(|place| plain(place)).collect();
        let taken = places.iter().find_map(|place| {
            let (_, owner) = owned.iter().find(|(other, _)| place.starts_with(other) || other.starts_with(place))?;
            Some((place, *owner))
        });
        if let Some((place, owner)) = taken {
            let what = format!("{} belongs to component \"{owner}\" already", place.display());
            reader.problem(span.name, "component", what, "each path in one component");
        }
        owned.extend(places.into_iter().map(|place| (place, component.name.as_str())));
    }
}

/// Without `.` and `..`, as far as that can be told without looking at the disk.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Part::ParentDir => {
                plain.pop();
            }
            Part::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}
