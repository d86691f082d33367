//! Which services a sandbox has, and what they need.

use super::SandboxError;
use crate::platform::{Criticality, HealthInformation};

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
    /// What people do with it.
    pub functions: &'static [&'static str],
    /// How many people use it.
    pub users: u32,
    /// What it does with health information.
    pub health_information: HealthInformation,
    /// Whether others rely on it when they recover.
    pub safeguard: bool,
}

/// The services of a sandbox, those that others need first.
pub const SERVICES: [SandboxService; 7] = [
    SandboxService {
        name: "records-db",
        criticality: Criticality::Critical,
        depends_on: &[],
        owner: "data",
        functions: &["patient records", "medication doses"],
        users: 1400,
        health_information: HealthInformation::Writes,
        safeguard: false,
    },
    SandboxService {
        name: "auth",
        criticality: Criticality::Critical,
        depends_on: &[],
        owner: "platform",
        functions: &["logging in"],
        users: 1400,
        health_information: HealthInformation::None,
        safeguard: true,
    },
    SandboxService {
        name: "patient-api",
        criticality: Criticality::Critical,
        depends_on: &["records-db", "auth"],
        owner: "platform",
        functions: &["charts", "vital signs"],
        users: 900,
        health_information: HealthInformation::Writes,
        safeguard: false,
    },
    SandboxService {
        name: "ai-analysis",
        criticality: Criticality::High,
        depends_on: &["records-db"],
        owner: "analysis",
        functions: &["summaries of notes"],
        users: 150,
        health_information: HealthInformation::Reads,
        safeguard: false,
    },
    SandboxService {
        name: "checkin",
        criticality: Criticality::High,
        depends_on: &["patient-api"],
        owner: "front-desk",
        functions: &["patient check-in"],
        users: 60,
        health_information: HealthInformation::Reads,
        safeguard: false,
    },
    SandboxService {
        name: "handouts",
        criticality: Criticality::Medium,
        depends_on: &["patient-api"],
        owner: "wards",
        functions: &["handouts for patients"],
        users: 320,
        health_information: HealthInformation::Reads,
        safeguard: false,
    },
    SandboxService {
        name: "inventory",
        criticality: Criticality::Low,
        depends_on: &[],
        owner: "supplies",
        functions: &["stock of supplies"],
        users: 45,
        health_information: HealthInformation::None,
        safeguard: false,
    },
];

/// The process through which services reach each other.
pub(super) const PROXIES: &str = "proxies";

/// The process that plays the clinicians.
pub(super) const CLINICIANS: &str = "clinicians";

/// The port at which the world reaches [`FRONTED`], over TLS; its process is that of the service.
pub(super) const FRONT: &str = "front";

/// The service behind the front.
pub(super) const FRONTED: &str = "patient-api";

/// The process that a fault starts, and that nobody needs.
pub(super) const STRAY_CLIENT: &str = "stray-client";

/// Everything that runs as a process as long as the sandbox is up. The first and the last are not part of the platform.
pub(super) fn processes() -> impl Iterator<Item = &'static str> {
    [PROXIES].into_iter().chain(SERVICES.iter().map(|service| service.name)).chain([CLINICIANS])
}

/// Everything that may run as a process.
pub(super) fn all_processes() -> impl Iterator<Item = &'static str> {
    processes().chain([STRAY_CLIENT])
}

/// The service of that name.
pub(super) fn service(name: &str) -> Result<&'static SandboxService, SandboxError> {
    SERVICES.iter().find(|service| service.name == name).ok_or_else(|| SandboxError::UnknownService {
        name: name.to_owned(),
        known: SERVICES.map(|service| service.name).join(", "),
    })
}

/// The same, for whatever may run as a process.
pub(super) fn process(name: &str) -> Result<&'static str, SandboxError> {
    match all_processes().find(|process| *process == name) {
        Some(process) => Ok(process),
        None => service(name).map(|service| service.name),
    }
}
