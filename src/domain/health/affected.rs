//! Who suffers because of whom: a service whose failure another one explains is affected, and no outage of its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{State, Status},
    platform::Service,
};

/// Services that have something below them that explains what is wrong with them, or what soon may be, each with the
/// deepest service that does. One that others of its redundancy group stand in for explains nothing.
#[must_use]
pub fn affected(state: &State) -> BTreeMap<String, String> {
    let fails = |health: &crate::domain::ServiceHealth| matches!(health.status, Status::Down | Status::Degraded);
    if !state.services.values().any(fails) {
        return BTreeMap::new();
    }
    let services: BTreeMap<&str, &Service> =
        state.platform.services.iter().map(|service| (service.name.as_str(), service)).collect();
    let roots = state.open_incidents().filter_map(|incident| incident.root.as_deref()).collect();
    let mut search = Search { state, services, roots, found: BTreeMap::new() };
    let explained = state.platform.services.iter().filter_map(|service| {
        let root = search.explain(&service.name, &mut BTreeSet::new())?;
        Some((service.name.clone(), root.to_owned()))
    });
    explained.collect()
}

struct Search<'a> {
    state: &'a State,
    services: BTreeMap<&'a str, &'a Service>,
    roots: BTreeSet<&'a str>,
    found: BTreeMap<&'a str, Option<&'a str>>,
}

impl<'a> Search<'a> {
    fn status(&self, name: &str) -> Status {
        self.state.services.get(name).map_or(Status::Unknown, |health| health.status)
    }

    /// The deepest failing service below this one; none for one that is met again on the way, as circles have no deepest.
    fn explain(&mut self, name: &'a str, above: &mut BTreeSet<&'a str>) -> Option<&'a str> {
        if let Some(found) = self.found.get(name) {
            return *found;
        }
        let service = *self.services.get(name)?;
        if !above.insert(name) {
            return None;
        }
        let status = self.status(name);
        let mut root = None;
        for needed in &service.depends_on {
            let spared = service
                .any_of
                .iter()
                .filter(|group| group.contains(needed))
                .any(|group| group.iter().any(|twin| twin != needed && self.status(twin) == Status::Healthy));
            let explains = match self.status(needed) {
                Status::Down => true,
                Status::Degraded => status == Status::Degraded || self.roots.contains(needed.as_str()),
                Status::Unknown | Status::Healthy | Status::Maintenance => false,
            };
            if explains && !spared && !above.contains(needed.as_str()) {
                root = Some(self.explain(needed, above).unwrap_or(needed));
                break;
            }
        }
        above.remove(name);
        self.found.insert(name, root);
        root
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;
    use crate::domain::ServiceHealth;

    fn state(services: &str, bad: &[(&str, Status)]) -> State {
        let text = format!("[platform]\nname = \"Ward\"\nprofile = \"drill\"\n{services}");
        let platform = crate::platform::parse(&text, Path::new("/srv/codeblue.toml")).unwrap();
        let judged =
            |name: &str| bad.iter().find(|(bad, _)| *bad == name).map_or(Status::Healthy, |(_, status)| *status);
        let health = |name: &String| ServiceHealth { status: judged(name), ..ServiceHealth::default() };
        let services = platform.services.iter().map(|service| (service.name.clone(), health(&service.name))).collect();
        State { platform: Arc::new(platform), services, ..State::default() }
    }

    fn told(state: &State) -> Vec<String> {
        affected(state).into_iter().map(|(service, root)| format!("{service} by {root}")).collect()
    }

    const CHAIN: &str = "[[service]]\nname = \"db\"\n[[service]]\nname = \"api\"\ndepends_on = [\"db\"]\n\
                         [[service]]\nname = \"pages\"\ndepends_on = [\"api\"]\n[[service]]\nname = \"mail\"\n";

    #[test]
    fn the_deepest_that_fails_is_to_blame_and_is_not_affected_itself() {
        let down = |name| (name, Status::Down);
        assert_eq!(told(&state(CHAIN, &[down("db"), down("api"), down("pages")])), ["api by db", "pages by db"]);
        assert_eq!(told(&state(CHAIN, &[down("db")])), ["api by db"], "it works yet, but not for long");
        assert_eq!(told(&state(CHAIN, &[down("pages"), down("mail")])), [""; 0]);
        let slow = ("db", Status::Degraded);
        assert_eq!(told(&state(CHAIN, &[slow, down("api")])), ["pages by api"], "slow does not explain dead");
        assert_eq!(told(&state(CHAIN, &[slow, ("api", Status::Degraded)])), ["api by db"]);
    }

    #[test]
    fn half_of_a_pair_affects_nobody_and_a_circle_ends() {
        let pair = "[[service]]\nname = \"a\"\n[[service]]\nname = \"b\"\n[[service]]\nname = \"page\"\ndepends_on = [[\"a\", \"b\"]]\n";
        assert_eq!(told(&state(pair, &[("a", Status::Down)])), [""; 0]);
        assert_eq!(told(&state(pair, &[("a", Status::Down), ("b", Status::Down)])), ["page by a"]);
        let mut circle = state(CHAIN, &[("db", Status::Down), ("api", Status::Down)]);
        Arc::make_mut(&mut circle.platform).services[0].depends_on = vec!["api".to_owned()];
        assert_eq!(told(&circle).len(), 2);
    }
}
