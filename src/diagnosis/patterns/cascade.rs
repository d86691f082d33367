//! Trouble that runs from service to service: templates that began one after the other, each in a service that depends on the
//! one before it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::history::{Standing, Trend};

/// A template that began, or began to burst, in a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onset {
    /// The number of the template.
    pub number: u64,
    /// The service.
    pub service: String,
    /// When it began.
    pub at: DateTime<Utc>,
}

/// Onsets that follow from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cascade {
    /// In the order of time; the first is where it began.
    pub steps: Vec<Step>,
}

/// An onset in a cascade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What began.
    pub onset: Onset,
    /// Which step it follows from; nothing for the first.
    pub follows: Option<usize>,
}

impl Onset {
    /// The onset that a standing tells of: what is new, and what bursts.
    #[must_use]
    pub fn of(standing: &Standing) -> Option<Self> {
        matches!(standing.trend, Trend::New | Trend::Bursting).then(|| Self {
            number: standing.number,
            service: standing.service.clone(),
            at: standing.since,
        })
    }
}

/// The cascades among onsets, the one over most services first. An onset follows from the earliest one before it, within
/// `within`, in a service that its own depends on, or else in its own service. What reaches one service alone is no cascade.
#[must_use]
pub fn cascades(
    mut onsets: Vec<Onset>,
    depends_on: &BTreeMap<String, BTreeSet<String>>,
    within: TimeDelta,
) -> Vec<Cascade> {
    onsets.sort_by(|a, b| (a.at, &a.service, a.number).cmp(&(b.at, &b.service, b.number)));
    let mut follows: Vec<Option<usize>> = Vec::with_capacity(onsets.len());
    let mut roots: Vec<usize> = Vec::with_capacity(onsets.len());
    // Of each service its onsets so far.
    let mut known: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, onset) in onsets.iter().enumerate() {
        let earliest = |service: &str| {
            let before = known.get(service)?;
            let start = before.partition_point(|other| onset.at - onsets[*other].at > within);
            before.get(start).copied()
        };
        let needed = depends_on.get(&onset.service).into_iter().flatten();
        let cause = needed.filter_map(|service| earliest(service)).min().or_else(|| earliest(&onset.service));
        follows.push(cause);
        roots.push(cause.map_or(place, |cause| roots[cause]));
        known.entry(&onset.service).or_default().push(place);
    }
    let mut trees: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, root) in roots.iter().enumerate() {
        trees.entry(*root).or_default().push(place);
    }
    let mut found: Vec<(usize, Cascade)> = Vec::new();
    for places in trees.into_values() {
        let services: BTreeSet<&str> = places.iter().map(|place| onsets[*place].service.as_str()).collect();
        if services.len() < 2 {
            continue;
        }
        let step = |place: &usize| Step {
            onset: onsets[*place].clone(),
            follows: follows[*place].and_then(|cause| places.binary_search(&cause).ok()),
        };
        found.push((services.len(), Cascade { steps: places.iter().map(step).collect() }));
    }
    found.sort_by_key(|(services, _)| std::cmp::Reverse(*services));
    found.into_iter().map(|(_, cascade)| cascade).collect()
}
