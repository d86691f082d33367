//! What is known of services now: how they are, who suffers because of whom, and how old the news is.

use chrono::TimeDelta;

use super::{
    map::Map,
    model::{Link, Model},
};
use crate::domain::{Status, affected};

impl Model {
    /// How much a service wants to be looked at.
    #[must_use]
    pub fn urgency(&self, service: &str) -> u8 {
        match self.status_of(service) {
            Status::Down if self.affected_by(service).is_none() => 5,
            Status::Down => 4,
            Status::Degraded => 3,
            Status::Unknown => 2,
            Status::Maintenance => 1,
            Status::Healthy => 0,
        }
    }

    /// What is known of a service now: old news is no news.
    #[must_use]
    pub fn status_of(&self, service: &str) -> Status {
        let held = self.state.services.get(service).map_or(Status::Unknown, |health| health.status);
        match held {
            Status::Maintenance => held,
            _ if self.silence_of(service).is_some() => Status::Unknown,
            _ => held,
        }
    }

    /// How long nothing has been heard of a service, when that is too long.
    #[must_use]
    pub fn silence_of(&self, service: &str) -> Option<TimeDelta> {
        if let Link::Lost { since, .. } = &self.link {
            let age = self.now - *since;
            return (age > TimeDelta::seconds(5)).then_some(age);
        }
        self.vitals.services.get(service)?.silence_beyond(*self.patience.get(service)?, self.now)
    }

    /// Takes the platform file in force to heart.
    pub fn learn_platform(&mut self) {
        let services = &self.state.platform.services;
        self.patience =
            services.iter().filter_map(|service| Some((service.name.clone(), service.allowed_silence()?))).collect();
        self.map = Map::of(&self.state.platform, self.map.at.take());
    }

    /// Takes in who suffers because of whom.
    pub fn learn_affected(&mut self) {
        self.affected = affected(&self.state);
    }

    /// The service that explains why this one fails, or why it soon may.
    #[must_use]
    pub fn affected_by(&self, service: &str) -> Option<&str> {
        self.affected.get(service).map(String::as_str)
    }

    /// What speaks against a service that is still held to be well: failures that are too few to count.
    #[must_use]
    pub fn doubt(&self, service: &str) -> Option<String> {
        let figures = self.vitals.services.get(service)?;
        if figures.streaks.is_empty() {
            return None;
        }
        let checks = &self.state.platform.service(service)?.checks;
        let (check, (streak, of)) = checks.iter().find_map(|check| Some((check, figures.soft(check)?)))?;
        let detail = figures.checks.get(&check.name).map(|sample| sample.detail.as_str()).unwrap_or_default();
        Some(format!("{} {streak} of {of}: {detail}", check.name))
    }
}
