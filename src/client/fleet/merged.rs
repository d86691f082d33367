//! The lists made of all hosts: what is open, what waits, what is not well. Each row says whose it is and, where its host is not
//! heard, from when it is.

use chrono::{DateTime, Utc};

use super::{
    model::{Fleet, FleetHost, HostSight},
    summary::{HostSummary, OpenIncident, StatusCounts, UnwellService, WaitingChange, urgency},
};
use crate::domain::Severity;

/// A thing of one of many hosts.
#[derive(Debug, PartialEq)]
pub struct Merged<'a, T> {
    /// Its host.
    pub host: &'a FleetHost,
    /// The thing, as it was last heard of.
    pub one: &'a T,
    /// When that was, where the host is not heard now.
    pub as_of: Option<DateTime<Utc>>,
}

impl<T> Clone for Merged<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Merged<'_, T> {}

/// All hosts in figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FleetTotals {
    /// Hosts that are heard.
    pub heard: usize,
    /// Hosts of which nothing is known now.
    pub unknown: usize,
    /// How many services are how; those of hosts that are not heard are unknown.
    pub services: StatusCounts,
    /// Incidents that are open, or were when their host was last heard.
    pub incidents: usize,
    /// How bad the worst of them is.
    pub worst: Option<Severity>,
    /// Changes that wait for an approval, or did.
    pub changes: usize,
}

impl Fleet {
    /// All hosts in figures.
    #[must_use]
    pub fn totals(&self, now: DateTime<Utc>) -> FleetTotals {
        let mut totals = FleetTotals::default();
        for host in self.hosts() {
            match host.sight(now) {
                HostSight::Heard(summary) => {
                    totals.heard += 1;
                    totals.services += summary.services;
                }
                HostSight::Unknown { last, .. } => {
                    totals.unknown += 1;
                    totals.services += last.map(|last| last.services.unheard()).unwrap_or_default();
                }
            }
            if let Some(last) = host.last() {
                totals.incidents += last.incidents.len();
                totals.changes += last.changes.len();
                totals.worst = totals.worst.into_iter().chain(last.worst()).min();
            }
        }
        totals
    }

    /// Hosts as they are looked at: those with an outage first, then those of which nothing is known, then what else is not well.
    #[must_use]
    pub fn by_urgency(&self, now: DateTime<Utc>) -> Vec<&FleetHost> {
        let mut hosts: Vec<&FleetHost> = self.hosts().iter().collect();
        hosts.sort_by_cached_key(|host| {
            let worst = host.last().and_then(HostSummary::worst);
            // What has no incident comes after what has one.
            let worst = (worst.is_none(), worst);
            match host.sight(now) {
                HostSight::Unknown { .. } => (1, worst, 0),
                HostSight::Heard(summary) => {
                    let StatusCounts { down, degraded, unknown, .. } = summary.services;
                    let place = match summary.worst() {
                        Some(Severity::Sev1) => 0,
                        None if down + degraded + unknown == 0 => 3,
                        _ => 2,
                    };
                    (place, worst, usize::MAX - down)
                }
            }
        });
        hosts
    }

    /// Open incidents of all hosts, the worst first and of those the newest.
    #[must_use]
    pub fn incidents(&self, now: DateTime<Utc>) -> Vec<Merged<'_, OpenIncident>> {
        let mut all = self.merged(now, |host| host.last().map_or(&[], |last| &last.incidents));
        all.sort_by_key(|row| (row.one.severity, std::cmp::Reverse(row.one.detected_at)));
        all
    }

    /// Changes of all hosts that wait, what lapses first at the beginning.
    #[must_use]
    pub fn changes(&self, now: DateTime<Utc>) -> Vec<Merged<'_, WaitingChange>> {
        let mut all = self.merged(now, |host| host.last().map_or(&[], |last| &last.changes));
        all.sort_by_key(|row| row.one.expires_at);
        all
    }

    /// Services that are not well, of the hosts that are heard, the worst first and of those the newest.
    #[must_use]
    pub fn unwell(&self, now: DateTime<Utc>) -> Vec<Merged<'_, UnwellService>> {
        let mut all = self.merged(now, |host| match host.sight(now) {
            HostSight::Heard(summary) => &summary.unwell,
            HostSight::Unknown { .. } => &[],
        });
        all.sort_by_key(|row| {
            std::cmp::Reverse((urgency(row.one.status), row.one.root.is_none(), row.one.since.unwrap_or_default()))
        });
        all
    }

    fn merged<'a, T>(&'a self, now: DateTime<Utc>, of: impl Fn(&'a FleetHost) -> &'a [T]) -> Vec<Merged<'a, T>> {
        let rows = |host: &'a FleetHost| {
            let as_of = host.as_of(now);
            of(host).iter().map(move |one| Merged { host, one, as_of })
        };
        self.hosts().iter().flat_map(rows).collect()
    }
}
