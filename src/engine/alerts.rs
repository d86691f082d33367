//! Takes in the alerts that monitoring systems send.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{EngineHandle, QueryError};
use crate::platform::{Alert, Probe, fingerprint};

/// Labels, and annotations, of an alert at most.
const NAMED: usize = 64;
/// Characters of each at most.
const VALUE: usize = 500;
/// How long an alert that has ended is kept on the disk.
const ENDED: TimeDelta = TimeDelta::minutes(15);

/// What a monitoring system tells of one alert.
#[derive(Debug, Clone)]
pub struct ToldAlert {
    /// What it is about; what has no value is no label.
    pub labels: BTreeMap<String, String>,
    /// What is said about it.
    pub annotations: BTreeMap<String, String>,
    /// Since when it fires.
    pub starts_at: DateTime<Utc>,
    /// When it ends, or ended; nothing where that will be said.
    pub ends_at: Option<DateTime<Utc>>,
    /// Where its rule can be looked at.
    pub generator_url: String,
}

/// An alert that fires, and who waits for it.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FiringAlert {
    /// The alert.
    #[serde(flatten)]
    pub alert: Alert,
    /// Services with a check that waits for it.
    pub services: Vec<String>,
}

impl EngineHandle {
    /// Takes alerts in; they are kept on the disk when this returns. Says how many: more than there is room for are left out.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn take_alerts(&self, told: Vec<ToldAlert>) -> Result<usize, QueryError> {
        let now = self.now();
        let told = told.into_iter().map(|told| self.alert(told, now)).collect();
        let taken = self.alerts.take(told, now);
        let (memory, many) = (self.memory.clone(), taken.len());
        tokio::task::spawn_blocking(move || memory.keep_alerts(&taken, now - ENDED))
            .await
            .map_err(|error| QueryError::Failed(error.to_string()))?
            .map_err(|error| QueryError::Failed(error.to_string()))?;
        Ok(many)
    }

    /// The alerts that fire now, the oldest first, with the services that have a check for them.
    #[must_use]
    pub fn firing_alerts(&self) -> Vec<FiringAlert> {
        let state = self.state();
        let waits = |alert: &Alert| {
            let services = state.platform.services.iter().filter(|service| {
                service.checks.iter().any(|check| matches!(&check.probe, Probe::Alert(probe) if probe.waits_for(alert)))
            });
            services.map(|service| service.name.clone()).collect()
        };
        let firing = self.alerts.firing(self.now());
        firing.into_iter().map(|alert| FiringAlert { services: waits(&alert), alert }).collect()
    }

    /// As it is kept: nothing that identifies a person, bounded, under the fingerprint of what was sent.
    fn alert(&self, told: ToldAlert, now: DateTime<Utc>) -> Alert {
        let kept = |texts: BTreeMap<String, String>| {
            let line = |text: &str| self.redactor.line(text).trim().chars().take(VALUE).collect::<String>();
            texts.into_iter().take(NAMED).map(|(name, value)| (line(&name), line(&value))).collect()
        };
        Alert {
            fingerprint: fingerprint(&told.labels),
            labels: kept(told.labels),
            annotations: kept(told.annotations),
            starts_at: told.starts_at,
            ends_at: told.ends_at,
            updated_at: now,
            generator_url: self.redactor.line(&told.generator_url).chars().take(VALUE).collect(),
        }
    }
}
