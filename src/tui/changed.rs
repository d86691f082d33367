//! What changed: all that went live, was carried out, was worked on or was decided about the platform, newest first, beside the
//! first sign of what is open. The first question of every outage is what came before it.

use chrono::{DateTime, TimeDelta, Utc};

use super::model::{Model, Screen};
use crate::domain::{BreakerState, DeploymentOrigin, Incident, RecoveryId};

/// Changes of each kind that are looked through.
const EACH: usize = 300;

/// Of what kind a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedBy {
    /// A version went live.
    Deployment,
    /// A recovery, or a change that people had agreed to, was carried out.
    Recovery,
    /// Maintenance began.
    Maintenance,
    /// Somebody holds a breaker, or it opened.
    Breaker,
}

impl ChangedBy {
    /// Its sign and its word.
    #[must_use]
    pub fn badge(self) -> (&'static str, &'static str) {
        match self {
            Self::Deployment => ("↑", "went live"),
            Self::Recovery => ("▸", "recovery"),
            Self::Maintenance => ("⚒", "maintenance"),
            Self::Breaker => ("⌁", "breaker"),
        }
    }
}

/// Something that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// When.
    pub at: DateTime<Utc>,
    /// Of what kind.
    pub kind: ChangedBy,
    /// The service it was done to.
    pub service: String,
    /// What was done.
    pub what: String,
    /// By whom, or what for.
    pub by: String,
    /// What tells it from all others.
    pub key: String,
    /// Its page.
    pub page: Option<Screen>,
}

impl Model {
    /// All that changed lately and that the filter lets through, newest first.
    #[must_use]
    pub fn changed(&self) -> Vec<Changed> {
        let mut all: Vec<Changed> = self.went_live().chain(self.was_carried_out()).collect();
        all.extend(self.state.maintained.iter().map(|(service, at)| Changed {
            at: *at,
            kind: ChangedBy::Maintenance,
            service: service.clone(),
            what: "maintenance began".to_owned(),
            by: String::new(),
            key: format!("maintenance {service}"),
            page: Some(Screen::Calendar),
        }));
        all.extend(self.state.breakers.iter().filter(|(_, breaker)| breaker.state != BreakerState::Closed).filter_map(
            |(service, breaker)| {
                Some(Changed {
                    at: breaker.since?,
                    kind: ChangedBy::Breaker,
                    service: service.clone(),
                    what: format!("breaker {}", breaker.state),
                    by: breaker.reason.clone(),
                    key: format!("breaker {service}"),
                    page: Some(Screen::Breakers),
                })
            },
        ));
        all.sort_by_key(|one| std::cmp::Reverse(one.at));
        all
    }

    fn went_live(&self) -> impl Iterator<Item = Changed> {
        self.state.deployments.values().rev().take(EACH).map(|deployment| {
            let over = deployment.previous.as_ref().map(|version| format!(" over {version}")).unwrap_or_default();
            let service = self.state.platform.component(&deployment.component).map(|found| found.service.clone());
            let by = match deployment.origin {
                DeploymentOrigin::Recovery(id) => id.to_string(),
                DeploymentOrigin::Reported | DeploymentOrigin::Observed if !deployment.note.is_empty() => {
                    format!("{}: {}", deployment.by, deployment.note)
                }
                DeploymentOrigin::Reported => deployment.by.to_string(),
                DeploymentOrigin::Observed => "seen by the engine".to_owned(),
            };
            Changed {
                at: deployment.at,
                kind: ChangedBy::Deployment,
                service: service.clone().unwrap_or_default(),
                what: format!("{} {}{over}", deployment.component, deployment.version),
                by,
                key: deployment.id.to_string(),
                page: service.map(Screen::Service),
            }
        })
    }

    fn was_carried_out(&self) -> impl Iterator<Item = Changed> {
        self.state.recoveries.values().rev().take(EACH).map(|recovery| {
            let change = recovery.change.map(|id| format!("{id} · ")).unwrap_or_default();
            Changed {
                at: recovery.started_at,
                kind: ChangedBy::Recovery,
                service: recovery.plan.services.join(", "),
                what: recovery.plan.title.clone(),
                by: format!("{change}{}", recovery.reason),
                key: recovery.id.to_string(),
                page: Some(Screen::Recovery(recovery.id)),
            }
        })
    }

    /// The worst open incident, beside whose first sign changes are told; else the newest.
    #[must_use]
    pub fn incident_that_matters(&self) -> Option<&Incident> {
        let open = self.state.open_incidents().min_by_key(|incident| (incident.severity, incident.detected_at));
        open.or_else(|| self.state.incidents.values().next_back())
    }
}

/// How something stands to the first sign of an incident: `3m before INC-1`, or nothing where it came later.
#[must_use]
pub fn before(at: DateTime<Utc>, incident: &Incident) -> Option<TimeDelta> {
    let ahead = incident.detected_at - at;
    (ahead >= TimeDelta::zero() && ahead <= TimeDelta::hours(24)).then_some(ahead)
}

/// Whether a recovery is among what was tried for an incident: it came after, and is no suspect.
#[must_use]
pub fn is_answer_to(key: &str, incident: &Incident) -> bool {
    key.parse::<RecoveryId>().is_ok_and(|id| incident.recoveries.contains(&id))
}
