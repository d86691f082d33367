//! What is kept of an engine's state when many are followed: how its services are, what is open, and what waits.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    domain::{ChangeId, IncidentId, IncidentState, Severity, State, Status, SystemState, Vitals, affected},
    platform::Profile,
};

/// What is kept of an engine's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostSummary {
    /// The engine's version.
    pub version: String,
    /// What its host calls itself.
    pub host: String,
    /// The platform it cares for.
    pub platform: String,
    /// Whether people depend on it.
    pub profile: Profile,
    /// How the platform as a whole is.
    pub system_state: SystemState,
    /// Whether somebody has stopped its policies.
    pub halted: bool,
    /// How many services are how.
    pub services: StatusCounts,
    /// Services that are not well, or of which nothing is known, the worst first.
    pub unwell: Vec<UnwellService>,
    /// Incidents that are open, the worst first.
    pub incidents: Vec<OpenIncident>,
    /// Changes that wait for an approval, what lapses first at the beginning.
    pub changes: Vec<WaitingChange>,
}

/// How many services are how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusCounts {
    /// All checks succeed in time.
    pub healthy: usize,
    /// They answer, but slowly or only in part.
    pub degraded: usize,
    /// They fail.
    pub down: usize,
    /// Nothing has been heard of them, or not in time.
    pub unknown: usize,
    /// They are worked on by plan.
    pub maintenance: usize,
}

/// A service that is not well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnwellService {
    /// The service.
    pub name: String,
    /// How it is.
    pub status: Status,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// Why.
    pub reason: String,
    /// The service that explains it.
    pub root: Option<String>,
}

/// An incident that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenIncident {
    /// Its name on its host.
    pub id: IncidentId,
    /// How bad it is.
    pub severity: Severity,
    /// In one line.
    pub title: String,
    /// Where it is in its life.
    pub state: IncidentState,
    /// First sign of trouble.
    pub detected_at: DateTime<Utc>,
    /// When a person first acted on it.
    pub acknowledged_at: Option<DateTime<Utc>>,
}

/// A change that waits for an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingChange {
    /// Its name on its host.
    pub id: ChangeId,
    /// In one line.
    pub title: String,
    /// How risky it is, 1 to 10.
    pub risk: u8,
    /// When it lapses if nobody decides.
    pub expires_at: DateTime<Utc>,
}

impl StatusCounts {
    /// One more that is so.
    pub fn add(&mut self, status: Status) {
        match status {
            Status::Healthy => self.healthy += 1,
            Status::Degraded => self.degraded += 1,
            Status::Down => self.down += 1,
            Status::Unknown => self.unknown += 1,
            Status::Maintenance => self.maintenance += 1,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn total(self) -> usize {
        self.healthy + self.degraded + self.down + self.unknown + self.maintenance
    }

    /// As many, of all of which nothing is known.
    #[must_use]
    pub fn unheard(self) -> Self {
        Self { unknown: self.total(), ..Self::default() }
    }
}

impl std::ops::AddAssign for StatusCounts {
    fn add_assign(&mut self, more: Self) {
        self.healthy += more.healthy;
        self.degraded += more.degraded;
        self.down += more.down;
        self.unknown += more.unknown;
        self.maintenance += more.maintenance;
    }
}

impl HostSummary {
    /// What is kept of a state; a service of which its own engine has heard nothing for too long is unknown.
    #[must_use]
    pub fn of(state: &State, vitals: &Vitals, now: DateTime<Utc>) -> Self {
        let mut services = StatusCounts::default();
        let roots = affected(state);
        let mut unwell = Vec::new();
        for service in &state.platform.services {
            let health = state.services.get(&service.name);
            let held = health.map_or(Status::Unknown, |health| health.status);
            let status = vitals.status_now(service, held, now);
            services.add(status);
            if urgency(status) > 0 {
                unwell.push(UnwellService {
                    name: service.name.clone(),
                    status,
                    since: health.and_then(|health| health.since),
                    reason: match (status, held) {
                        (Status::Unknown, Status::Unknown) => "nothing has been heard of it yet".to_owned(),
                        (Status::Unknown, _) => "its engine has had no news of it in time".to_owned(),
                        _ => health.map(|health| health.reason.clone()).unwrap_or_default(),
                    },
                    root: roots.get(&service.name).cloned(),
                });
            }
        }
        unwell.sort_by_key(|service| std::cmp::Reverse((urgency(service.status), service.root.is_none())));
        let mut incidents: Vec<OpenIncident> = state
            .open_incidents()
            .map(|incident| OpenIncident {
                id: incident.id,
                severity: incident.severity,
                title: incident.title.clone(),
                state: incident.state,
                detected_at: incident.detected_at,
                acknowledged_at: incident.acknowledged_at,
            })
            .collect();
        incidents.sort_by_key(|incident| (incident.severity, std::cmp::Reverse(incident.id)));
        let changes = state
            .pending_changes()
            .into_iter()
            .map(|change| WaitingChange {
                id: change.id,
                title: change.title.clone(),
                risk: change.risk.score,
                expires_at: change.expires_at,
            })
            .collect();
        Self {
            version: state.engine.version.clone(),
            host: state.engine.host.clone(),
            platform: state.platform.name.clone(),
            profile: state.platform.profile,
            system_state: state.system_state(),
            halted: state.halted.is_some(),
            services,
            unwell,
            incidents,
            changes,
        }
    }

    /// How bad the worst open incident is.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.incidents.first().map(|incident| incident.severity)
    }
}

/// How much a service that is not well wants to be looked at; 0 when it is.
pub(super) fn urgency(status: Status) -> u8 {
    match status {
        Status::Down => 3,
        Status::Degraded => 2,
        Status::Unknown => 1,
        Status::Healthy | Status::Maintenance => 0,
    }
}
