//! Impact analysis: what a plan touches, whom that reaches, how long it takes from them, and whether there is a way back.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{Plan, State, Status, Step, recovery::step_seconds};
use crate::platform::{ActionRisk, HealthInformation, Platform};

/// What a plan touches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImpactAnalysis {
    /// The services that are changed.
    pub services: Vec<String>,
    /// The services that cannot work without them, nearest first.
    pub reaches: Vec<String>,
    /// What people do with all of these.
    pub functions: Vec<String>,
    /// How many people use the one of these that is used most; none where nobody has written it down.
    pub users: Option<u64>,
    /// The most any of the changed services does with protected health information.
    pub health_information: HealthInformation,
    /// For how long the services are interrupted that work now, about, in seconds.
    pub downtime_seconds: u64,
    /// How it is taken back.
    pub way_back: WayBack,
}

/// How a change is taken back: the rollback complexity, the easiest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayBack {
    /// By a switch to what still stands there.
    Switch,
    /// By a restore of what was captured just before.
    Restore,
    /// It need not be: it can be repeated without harm.
    #[default]
    NotNeeded,
    /// By hand, if at all.
    None,
}

impl fmt::Display for WayBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Switch => "one switch back",
            Self::Restore => "a restore of the safety snapshot",
            Self::NotNeeded => "not needed: it can be repeated without harm",
            Self::None => "none: by hand, if at all",
        })
    }
}

impl ImpactAnalysis {
    /// What a plan touches, as the platform file and the state have it now.
    #[must_use]
    pub fn of(state: &State, plan: &Plan) -> Self {
        let platform = &state.platform;
        let mut reaches: Vec<String> = Vec::new();
        for dependant in plan.services.iter().flat_map(|service| platform.dependants_of(service)) {
            if !plan.services.contains(&dependant) && !reaches.contains(&dependant) {
                reaches.push(dependant);
            }
        }
        let hit = || plan.services.iter().chain(&reaches).filter_map(|name| platform.service(name));
        let mut functions: Vec<String> = Vec::new();
        for function in hit().flat_map(|service| &service.functions) {
            if !functions.contains(function) {
                functions.push(function.clone());
            }
        }
        let works = |name: &String| {
            state.services.get(name).is_none_or(|health| matches!(health.status, Status::Healthy | Status::Unknown))
        };
        let interrupts = plan.steps.iter().filter(|step| interrupts(step)).map(|step| step_seconds(state, step));
        let changed = plan.services.iter().filter_map(|name| platform.service(name));
        Self {
            functions,
            users: hit().filter_map(|service| service.users).max(),
            health_information: changed.map(|service| service.health_information).max().unwrap_or_default(),
            downtime_seconds: if plan.services.iter().any(works) { interrupts.sum() } else { 0 },
            way_back: way_back(platform, plan),
            services: plan.services.clone(),
            reaches,
        }
    }
}

fn interrupts(step: &Step) -> bool {
    match step {
        Step::SwitchRelease { .. }
        | Step::RestoreSnapshot { .. }
        | Step::RestoreTime { .. }
        | Step::Reload { .. }
        | Step::RunAction { .. }
        | Step::RollForward { .. } => true,
        Step::SafetySnapshot { .. } | Step::StopIfHealthy { .. } | Step::Validate { .. } => false,
    }
}

/// The hardest way back of any step.
fn way_back(platform: &Platform, plan: &Plan) -> WayBack {
    let of = |step: &Step| match step {
        Step::SwitchRelease { from: Some(_), .. } | Step::RollForward { .. } => Some(WayBack::Switch),
        Step::SwitchRelease { from: None, .. } | Step::RestoreSnapshot { .. } | Step::RestoreTime { .. } => {
            Some(WayBack::Restore)
        }
        Step::RunAction { service, action } => {
            let declared = platform.service(service).and_then(|s| s.actions.iter().find(|known| known.name == *action));
            Some(match declared.map(|known| known.risk) {
                Some(ActionRisk::Low | ActionRisk::Medium) => WayBack::NotNeeded,
                Some(ActionRisk::High) | None => WayBack::None,
            })
        }
        _ => None,
    };
    plan.steps.iter().filter_map(of).max().unwrap_or_default()
}
