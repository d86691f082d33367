//! Which services a sandbox has, and what they need.

use super::SandboxError;
use crate::platform::Criticality;

/// One service of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxService {
    /// Its name in the platform file.
    pub name: &'static str,
    /// How bad it is when it is down.
    pub criticality: Criticality,
    /// What it cannot work without.
    pub depends_on: &'static [&'static str],
    /// Team that answers for it.
    pub owner: &'static str,
}

/// The services of a sandbox, those that others need first.
pub const SERVICES: [SandboxService; 7] = [
    SandboxService { name: "records-db", criticality: Criticality::Critical, depends_on: &[], owner: "data" },
    SandboxService { name: "auth", criticality: Criticality::Critical, depends_on: &[], owner: "platform" },
    SandboxService {
        name: "patient-api",
        criticality: Criticality::Critical,
        depends_on: &["records-db", "auth"],
        owner: "platform",
    },
    SandboxService {
        name: "ai-analysis",
        criticality: Criticality::High,
        depends_on: &["records-db"],
        owner: "analysis",
    },
    SandboxService {
        name: "checkin",
        criticality: Criticality::High,
        depends_on: &["patient-api"],
        owner: "front-desk",
    },
    SandboxService { name: "handouts", criticality: Criticality::Medium, depends_on: &["patient-api"], owner: "wards" },
    SandboxService { name: "inventory", criticality: Criticality::Low, depends_on: &[], owner: "supplies" },
];

/// The process that plays the clinicians: it is supervised like a service, but not part of the platform.
pub(super) const CLINICIANS: &str = "clinicians";

/// Everything that runs as a process.
pub(super) fn processes() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|service| service.name).chain([CLINICIANS])
}

/// The service of that name.
pub(super) fn service(name: &str) -> Result<&'static SandboxService, SandboxError> {
    SERVICES.iter().find(|service| service.name == name).ok_or_else(|| SandboxError::UnknownService {
        name: name.to_owned(),
        known: SERVICES.map(|service| service.name).join(", "),
    })
}

/// The same, for whatever runs as a process.
pub(super) fn process(name: &str) -> Result<&'static str, SandboxError> {
    if name == CLINICIANS { Ok(CLINICIANS) } else { service(name).map(|service| service.name) }
}
