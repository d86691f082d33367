//! A hospital that does not exist: releases go bad, processes die, data rots, and all of it heals in the end.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::platform::{Adapter, Platform};

pub use crate::dice::Dice;

/// What a component is made of: the release that is live, and whether its bytes are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub version: Option<String>,
    pub right: bool,
}

/// The outside world.
pub struct World {
    pub components: BTreeMap<String, Content>,
    /// What each snapshot in the vault holds.
    pub vault: BTreeMap<String, Content>,
    bad: BTreeSet<(String, String)>,
    crashed: BTreeMap<String, DateTime<Utc>>,
    /// Services that answer every other time.
    flapping: BTreeMap<String, DateTime<Utc>>,
    beat: bool,
    releases: u64,
}

impl World {
    pub fn new(platform: &Platform) -> Self {
        let components = platform.components.iter().map(|component| {
            let version = matches!(component.adapter, Adapter::Release { .. }).then(|| "v1".to_owned());
            (component.name.clone(), Content { version, right: true })
        });
        Self {
            components: components.collect(),
            vault: BTreeMap::new(),
            bad: BTreeSet::new(),
            crashed: BTreeMap::new(),
            flapping: BTreeMap::new(),
            beat: false,
            releases: 1,
        }
    }

    /// Breaks something, or deploys something new that may be broken.
    pub fn trouble(&mut self, dice: &mut Dice, platform: &Platform, now: DateTime<Utc>) {
        let component = dice.pick(&platform.components).name.clone();
        if dice.happens(40) {
            self.deploy(dice, &component);
        }
        if dice.happens(6)
            && let Some(content) = self.components.get_mut(&component)
        {
            content.right = false;
        }
        if dice.happens(25) {
            let service = dice.pick(&platform.services).name.clone();
            // Some heal by themselves before anybody looks, some keep people busy for hours.
            let minutes = if dice.happens(5000) { dice.below(6) } else { dice.below(300) };
            self.crashed.insert(service, now + TimeDelta::minutes(i64::try_from(minutes).unwrap()));
        }
        if dice.happens(8) {
            let service = dice.pick(&platform.services).name.clone();
            self.flapping.insert(service, now + TimeDelta::minutes(i64::try_from(dice.below(120)).unwrap()));
        }
        self.crashed.retain(|_, until| *until > now);
        self.flapping.retain(|_, until| *until > now);
    }

    /// What flaps turns over.
    pub fn beat(&mut self) {
        self.beat = !self.beat;
    }

    fn deploy(&mut self, dice: &mut Dice, component: &str) {
        let Some(content) = self.components.get_mut(component).filter(|content| content.version.is_some()) else {
            return;
        };
        self.releases += 1;
        let version = format!("v{}", self.releases);
        if dice.happens(3000) {
            self.bad.insert((component.to_owned(), version.clone()));
        }
        content.version = Some(version);
    }

    /// Somebody comes and repairs everything by hand.
    pub fn repair(&mut self) {
        self.crashed.clear();
        self.flapping.clear();
        self.bad.clear();
        self.components.values_mut().for_each(|content| content.right = true);
    }

    /// A restart brings back what has died, and nothing else.
    pub fn restart(&mut self, service: &str) {
        self.crashed.remove(service);
    }

    pub fn switch(&mut self, component: &str, version: &str) {
        if let Some(content) = self.components.get_mut(component) {
            content.version = Some(version.to_owned());
        }
    }

    /// Puts back what a snapshot holds.
    pub fn restore(&mut self, component: &str, vault_id: &str) {
        let held = self.vault[&format!("{component}@{vault_id}")].clone();
        self.components.insert(component.to_owned(), held);
    }

    /// Puts a component into the vault.
    pub fn capture(&mut self, component: &str, vault_id: &str) {
        self.vault.insert(format!("{component}@{vault_id}"), self.components[component].clone());
    }

    /// Takes snapshots out of the vault for good.
    pub fn forget(&mut self, vault_ids: &[String]) {
        self.vault.retain(|held, _| !vault_ids.iter().any(|id| held.ends_with(&format!("@{id}"))));
    }

    /// Whether a service answers its checks.
    pub fn works(&self, platform: &Platform, service: &str) -> bool {
        let alone = |service: &str| {
            let dead = self.crashed.contains_key(service) || self.beat && self.flapping.contains_key(service);
            !dead
                && platform.components_of(service).all(|component| {
                    let content = &self.components[&component.name];
                    let version = content.version.clone().unwrap_or_default();
                    content.right && !self.bad.contains(&(component.name.clone(), version))
                })
        };
        let Some(described) = platform.service(service) else { return false };
        let in_group = |name: &String| described.any_of.iter().flatten().any(|member| member == name);
        let needed = described.depends_on.iter().filter(|name| !in_group(name));
        alone(service)
            && needed.into_iter().all(|needed| self.works(platform, needed))
            && described.any_of.iter().all(|group| group.iter().any(|member| self.works(platform, member)))
    }
}
