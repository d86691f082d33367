//! The redactor that a platform file asks for.

use super::redact::{Extra, Redactor};
use crate::platform::{AddressRule, Network, Platform};

impl From<&Platform> for Redactor {
    /// A pattern that does not compile was reported when the file was read, and is left out here.
    fn from(platform: &Platform) -> Self {
        let rules = &platform.redact;
        let services = platform.services.iter().map(|service| &service.name);
        let components = platform.components.iter().map(|component| &component.name);
        let compiled = |(name, pattern): (&String, &String)| Some((name.clone(), regex::Regex::new(pattern).ok()?));
        Self::new(Extra {
            patterns: rules.patterns.iter().filter_map(compiled).collect(),
            networks: rules.networks.iter().filter_map(Network::parts).collect(),
            hosts: rules.hosts.clone(),
            machines: services.chain(components).cloned().collect(),
            every_address: rules.addresses == AddressRule::All,
        })
    }
}
