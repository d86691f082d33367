//! The dependencies between services: which there are, and how they are named.

use super::{SandboxError, catalogue};

/// One service that asks another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    /// Who asks.
    pub(super) from: &'static str,
    /// Who is asked.
    pub(super) to: &'static str,
}

/// What services ask beside what the catalogue says they cannot work without: a token for their requests.
const FOR_TOKENS: [Link; 2] = [Link { from: "checkin", to: "auth" }, Link { from: "handouts", to: "auth" }];

/// Every dependency, by who asks.
pub(super) fn all() -> impl Iterator<Item = Link> {
    let needed = catalogue::SERVICES
        .iter()
        .flat_map(|service| service.depends_on.iter().map(|to| Link { from: service.name, to }));
    needed.chain(FOR_TOKENS)
}

/// The dependency that is named: `ASKING:ASKED`, or `ASKING` for the first it has.
pub(super) fn find(named: &str) -> Result<Link, SandboxError> {
    let (from, to) = named.split_once(':').map_or((named, None), |(from, to)| (from, Some(to)));
    all().find(|link| link.from == from && to.is_none_or(|to| to == link.to)).ok_or_else(|| SandboxError::UnknownLink {
        name: named.to_owned(),
        known: all().map(Link::name).collect::<Vec<_>>().join(", "),
    })
}

impl Link {
    /// Its name on the command line.
    pub(super) fn name(self) -> String {
        format!("{}:{}", self.from, self.to)
    }
}
