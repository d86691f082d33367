//! What a drill's file says.

use std::{fmt, time::Duration};

use crate::{
    domain::{Blame, Objective, Remedy},
    runbook::Scenario,
    sandbox::FaultKind,
};

/// A drill: what may be broken, what that is to lead to, and what people should do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillFile {
    /// Its name.
    pub id: String,
    /// What it is about, in one line.
    pub title: String,
    /// The scenario it belongs to.
    pub scenario: Scenario,
    /// The same as files write it.
    pub scenario_name: &'static str,
    /// The runbook it is for.
    pub book: String,
    /// Within which the trouble should be noticed.
    pub detect_within: Duration,
    /// Within which everything should be well again, from the fault on.
    pub recover_within: Duration,
    /// How long it has to stay well.
    pub stay_well_for: Duration,
    /// The longest span of acknowledged writes that may be lost.
    pub may_lose: Duration,
    /// How long people have.
    pub limit: Duration,
    /// Whether health information gets out as long as the fault is in force.
    pub leaks: bool,
    /// What it is held for.
    pub objectives: Vec<Objective>,
    /// What may be broken; a seed picks one.
    pub variants: Vec<Variant>,
    /// What may lead astray; a seed picks some.
    pub decoys: Vec<Decoy>,
}

/// One thing that may be broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// What is injected, in this order.
    pub faults: Vec<FaultSpec>,
    /// Where the cause sits, and what it is.
    pub blame: Blame,
    /// What takes it away; any of it.
    pub cured_by: Vec<Remedy>,
}

/// A fault and whom it hits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultSpec {
    /// The fault.
    pub fault: FaultKind,
    /// The service, or the dependency as `ASKING:ASKED`.
    pub target: String,
}

impl fmt::Display for FaultSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.fault.name(), self.target)
    }
}

/// Something that leads astray and harms nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoy {
    /// A fault that does not matter.
    Fault(FaultSpec),
    /// A component is said to have been deployed.
    Deployment(String),
    /// Error lines in the log of a service that have nothing to do with anything.
    Noise(String),
}

impl Decoy {
    /// The service whose trouble is the decoy's, if it makes any.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::Fault(spec) => Some(spec.target.split(':').next().unwrap_or(&spec.target)),
            Self::Deployment(_) | Self::Noise(_) => None,
        }
    }
}

impl fmt::Display for Decoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(spec) => spec.fmt(f),
            Self::Deployment(component) => write!(f, "deployment of {component}"),
            Self::Noise(service) => write!(f, "error lines of {service}"),
        }
    }
}
