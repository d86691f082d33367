//! Who needs whom, laid out: in layers for a wide screen, as an indented tree for a narrow one; and the way along the edges.
//!
//! The layout is kept, since it changes with the platform file alone and every frame asks for it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::model::Model;
use crate::{
    domain::{IncidentId, Severity},
    platform::Platform,
};

/// Columns from which the layers stand side by side.
pub const WIDE: u16 = 100;

/// Who needs whom, laid out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// Layer by layer: what nobody else needs first, then what that needs, and so on; each below all that need it.
    pub layers: Vec<Vec<String>>,
    /// The same as a tree; what is needed more than once is unfolded where it comes first.
    pub tree: Vec<Branch>,
    /// The service with the cursor, when somebody has moved it.
    pub at: Option<String>,
    /// What lies beside the service with the cursor on the edge that led to it.
    pub beside: Vec<String>,
    places: HashMap<String, (usize, usize)>,
    needs: HashMap<String, Vec<String>>,
    needed_by: HashMap<String, Vec<String>>,
}

/// A line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// How deep it stands.
    pub depth: usize,
    /// What stands there.
    pub node: Node,
}

/// What stands in a line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A service, unfolded here.
    Service(String),
    /// A service that is unfolded elsewhere.
    Again(String),
    /// One of those below is enough.
    AnyOf,
}

/// How a service has to do with an open incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// It is the root.
    Root,
    /// It is part of it.
    Hit,
    /// It needs the root.
    AtRisk,
}

/// The direction of a step along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To what it needs.
    Needs,
    /// To what needs it.
    NeededBy,
}

impl Map {
    /// Of a platform; the cursor stays where it was.
    #[must_use]
    pub fn of(platform: &Platform, at: Option<String>) -> Self {
        let known: HashSet<&str> = platform.services.iter().map(|service| service.name.as_str()).collect();
        let mut needed_by: HashMap<String, Vec<String>> = HashMap::new();
        for service in &platform.services {
            for needed in service.depends_on.iter().filter(|name| known.contains(name.as_str())) {
                needed_by.entry(needed.clone()).or_default().push(service.name.clone());
            }
        }
        let needs =
            platform.services.iter().map(|service| (service.name.clone(), service.depends_on.clone())).collect();
        let layers = layers(platform, &needed_by);
        let places = layers
            .iter()
            .enumerate()
            .flat_map(|(layer, names)| {
                names.iter().enumerate().map(move |(place, name)| (name.clone(), (layer, place)))
            })
            .collect();
        let tree = tree(platform, layers.first().map_or(&[], Vec::as_slice));
        let at = at.filter(|name| known.contains(name.as_str()));
        Self { layers, tree, at, beside: Vec::new(), places, needs, needed_by }
    }

    /// What needs a service directly.
    #[must_use]
    pub fn needed_by(&self, service: &str) -> &[String] {
        self.needed_by.get(service).map_or(&[], Vec::as_slice)
    }

    /// The layer of a service and its place there.
    #[must_use]
    pub fn place(&self, service: &str) -> Option<(usize, usize)> {
        self.places.get(service).copied()
    }

    /// Everything that needs a service, directly or not.
    fn above<'a>(&'a self, service: &'a str) -> HashSet<&'a str> {
        reach(service, &self.needed_by)
    }

    /// Everything that a service needs, directly or not.
    #[must_use]
    pub fn below<'a>(&'a self, service: &'a str) -> HashSet<&'a str> {
        reach(service, &self.needs)
    }
}

fn reach<'a>(start: &'a str, edges: &'a HashMap<String, Vec<String>>) -> HashSet<&'a str> {
    let mut found: HashSet<&'a str> = HashSet::new();
    let mut queue = VecDeque::from([start]);
    while let Some(name) = queue.pop_front() {
        let next = edges.get(name).into_iter().flatten().map(String::as_str);
        queue.extend(next.filter(|name| found.insert(name)));
    }
    found
}

/// Each service one layer below the lowest that needs it.
fn layers(platform: &Platform, needed_by: &HashMap<String, Vec<String>>) -> Vec<Vec<String>> {
    let needs: HashMap<&str, &[String]> =
        platform.services.iter().map(|service| (service.name.as_str(), service.depends_on.as_slice())).collect();
    let mut waits: HashMap<&str, usize> =
        needs.keys().map(|name| (*name, needed_by.get(*name).map_or(0, Vec::len))).collect();
    let mut depth: HashMap<&str, usize> = HashMap::new();
    let mut queue: VecDeque<&str> = platform
        .services
        .iter()
        .map(|service| service.name.as_str())
        .filter(|name| waits.get(name) == Some(&0))
        .collect();
    while let Some(name) = queue.pop_front() {
        let below = depth.get(name).copied().unwrap_or(0) + 1;
        for needed in needs.get(name).copied().unwrap_or_default() {
            let Some(left) = waits.get_mut(needed.as_str()) else { continue };
            *left = left.saturating_sub(1);
            let deep = depth.entry(needed).or_insert(0);
            *deep = below.max(*deep);
            if *left == 0 {
                queue.push_back(needed);
            }
        }
    }
    let mut layers: Vec<Vec<String>> = Vec::new();
    for service in &platform.services {
        let layer = depth.get(service.name.as_str()).copied().unwrap_or(0);
        if layers.len() <= layer {
            layers.resize(layer + 1, Vec::new());
        }
        layers[layer].push(service.name.clone());
    }
    // What stands alone comes after what something hangs on.
    if let Some(top) = layers.first_mut() {
        top.sort_by_key(|name| needs.get(name.as_str()).is_none_or(|needs| needs.is_empty()));
    }
    layers
}

fn tree(platform: &Platform, tops: &[String]) -> Vec<Branch> {
    let services: HashMap<&str, &crate::platform::Service> =
        platform.services.iter().map(|service| (service.name.as_str(), service)).collect();
    let mut unfolded: HashSet<&str> = HashSet::new();
    let mut lines = Vec::new();
    let named = |depth: usize, name: &str| Branch { depth, node: Node::Service(name.to_owned()) };
    let mut stack: Vec<Branch> = tops.iter().rev().map(|name| named(0, name)).collect();
    while let Some(branch) = stack.pop() {
        let Node::Service(name) = &branch.node else {
            lines.push(branch);
            continue;
        };
        let Some(service) = services.get(name.as_str()) else { continue };
        let depth = branch.depth;
        if !unfolded.insert(&service.name) {
            lines.push(Branch { depth, node: Node::Again(name.clone()) });
            continue;
        }
        lines.push(branch);
        let grouped = |name: &&String| service.any_of.iter().flatten().any(|member| member == *name);
        let alone = service.depends_on.iter().filter(|name| !grouped(name));
        let mut below: Vec<Branch> = alone.map(|name| named(depth + 1, name)).collect();
        for group in &service.any_of {
            below.push(Branch { depth: depth + 1, node: Node::AnyOf });
            below.extend(group.iter().map(|name| named(depth + 2, name)));
        }
        stack.extend(below.into_iter().rev());
    }
    lines
}

impl Model {
    /// The service with the cursor on the map: where trouble comes from, unless somebody has moved it.
    #[must_use]
    pub fn on_map(&self) -> Option<String> {
        let troubled = || {
            let worst = self.state.open_incidents().min_by_key(|incident| incident.severity)?;
            let name = worst.root.as_ref().or(worst.services.first())?;
            self.map.place(name).map(|_| name.clone())
        };
        self.map.at.clone().or_else(troubled).or_else(|| self.map.layers.first()?.first().cloned())
    }

    /// How each service has to do with an open incident; with the worst, where there are several.
    #[must_use]
    pub fn concerns(&self) -> BTreeMap<String, (Concern, IncidentId, Severity)> {
        let mut found: BTreeMap<String, (Severity, Concern, IncidentId)> = BTreeMap::new();
        for incident in self.state.open_incidents() {
            let mut concern = |name: &str, concern| {
                let new = (incident.severity, concern, incident.id);
                let held = found.entry(name.to_owned()).or_insert(new);
                *held = (*held).min(new);
            };
            if let Some(root) = &incident.root {
                concern(root, Concern::Root);
                for name in self.map.above(root) {
                    concern(name, Concern::AtRisk);
                }
            }
            for name in &incident.services {
                concern(name, Concern::Hit);
            }
        }
        found.into_iter().map(|(name, (severity, concern, id))| (name, (concern, id, severity))).collect()
    }

    /// What a service needs, or what needs it, the worst first.
    #[must_use]
    pub fn along(&self, service: &str, way: Way) -> Vec<String> {
        let mut found: Vec<String> = match way {
            Way::Needs => self.map.needs.get(service).cloned().unwrap_or_default(),
            Way::NeededBy => self.map.needed_by(service).to_vec(),
        };
        found.sort_by_cached_key(|name| std::cmp::Reverse(self.urgency(name)));
        found
    }

    /// Moves the cursor along an edge.
    ///
    /// # Errors
    /// When there is none that way.
    pub fn walk(&mut self, way: Way) -> Result<(), String> {
        let from = self.on_map().ok_or_else(|| "there is no service".to_owned())?;
        let beside = self.along(&from, way);
        let to = beside.first().cloned().ok_or_else(|| match way {
            Way::Needs => format!("{from} needs nothing"),
            Way::NeededBy => format!("nothing needs {from}"),
        })?;
        self.map.at = Some(to);
        self.map.beside = beside;
        Ok(())
    }

    /// Goes on to the next of those that the last edge could have led to.
    pub fn next_beside(&mut self, forward: bool) {
        let Some(at) = self.on_map() else { return };
        let beside = &self.map.beside;
        let Some(place) = beside.iter().position(|name| *name == at) else { return };
        let by = if forward { 1 } else { beside.len() - 1 };
        self.map.at = beside.get((place + by) % beside.len()).cloned();
    }

    /// Moves the cursor up or down: in its layer on a wide screen, in the tree on a narrow one.
    pub fn step_on_map(&mut self, by: isize) {
        let Some(at) = self.on_map() else { return };
        let order: Vec<&String> = if self.columns >= WIDE {
            let layer = self.map.place(&at).and_then(|(layer, _)| self.map.layers.get(layer));
            layer.into_iter().flatten().collect()
        } else {
            let services = self.map.tree.iter().filter_map(|branch| match &branch.node {
                Node::Service(name) => Some(name),
                Node::Again(_) | Node::AnyOf => None,
            });
            services.collect()
        };
        let place = order.iter().position(|name| **name == at).unwrap_or(0);
        let next = place.saturating_add_signed(by).min(order.len().saturating_sub(1));
        let to = order.get(next).map(|name| (*name).clone());
        self.map.at = to;
        self.map.beside.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(services: &[(&str, &str)]) -> Platform {
        let mut text = "[platform]\nname = \"p\"\n".to_owned();
        for (name, needs) in services {
            text += &format!(
                "[[service]]\nname = \"{name}\"\ndepends_on = [{needs}]\n[[service.check]]\ntcp = \"127.0.0.1:1\"\n"
            );
        }
        crate::platform::parse(&text, std::path::Path::new("/p.toml")).unwrap()
    }

    #[test]
    fn each_service_stands_below_all_that_need_it() {
        let platform = platform(&[
            ("alone", ""),
            ("web", "\"api\", \"db\""),
            ("api", "\"cache\", [\"db\", \"db-2\"]"),
            ("db", ""),
            ("db-2", ""),
            ("cache", "\"db\""),
        ]);
        let map = Map::of(&platform, Some("gone".to_owned()));
        assert_eq!(map.layers, [vec!["web", "alone"], vec!["api"], vec!["db-2", "cache"], vec!["db"]]);
        assert_eq!(map.at, None, "a service that is gone has no cursor");
        assert_eq!(map.above("db"), HashSet::from(["web", "api", "cache"]));
        assert_eq!(map.below("api"), HashSet::from(["cache", "db", "db-2"]));
        let tree: Vec<String> = map
            .tree
            .iter()
            .map(|branch| match &branch.node {
                Node::Service(name) => format!("{}{name}", " ".repeat(branch.depth)),
                Node::Again(name) => format!("{}({name})", " ".repeat(branch.depth)),
                Node::AnyOf => format!("{}any of", " ".repeat(branch.depth)),
            })
            .collect();
        assert_eq!(tree, ["web", " api", "  cache", "   db", "  any of", "   (db)", "   db-2", " (db)", "alone"]);
    }
}
