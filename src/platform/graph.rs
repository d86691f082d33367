//! Who depends on whom.

use std::collections::{BTreeSet, VecDeque};

use super::model::Platform;

impl Platform {
    /// Every service that `name` cannot work without, directly or not, nearest first; `name` itself is not among them.
    #[must_use]
    pub fn dependencies_of(&self, name: &str) -> Vec<String> {
        self.reach(name, |current| self.service(current).map(|service| service.depends_on.clone()).unwrap_or_default())
    }

    /// Every service that cannot work without `name`, directly or not, nearest first; `name` itself is not among them.
    #[must_use]
    pub fn dependants_of(&self, name: &str) -> Vec<String> {
        self.reach(name, |current| {
            self.services
                .iter()
                .filter(|service| service.depends_on.iter().any(|needed| needed == current))
                .map(|service| service.name.clone())
                .collect()
        })
    }

    fn reach(&self, start: &str, next: impl Fn(&str) -> Vec<String>) -> Vec<String> {
        let mut seen = BTreeSet::from([start.to_owned()]);
        let mut queue = VecDeque::from([start.to_owned()]);
        let mut found = Vec::new();
        while let Some(current) = queue.pop_front() {
            for neighbour in next(&current) {
                if seen.insert(neighbour.clone()) {
                    found.push(neighbour.clone());
                    queue.push_back(neighbour);
                }
            }
        }
        found
    }
}
