//! Under which terms a change may be carried out: who has to agree, and how long that holds (scope C5, notes on change
//! management). They are copied into the change when a round begins, so that a policy which is loosened later loosens nothing.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{ChangeKind, Risk, RiskLevel};
use crate::domain::{Plan, Strategy};
use crate::platform::{HealthInformation, Platform, Role};

/// What has to hold before, while and after a change is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Roles that must agree, each by another person.
    pub required: Vec<Role>,
    /// How long people have to decide, in seconds.
    #[serde(default)]
    pub decide_within_seconds: u64,
    /// How long an approval holds until the change has begun, in seconds.
    #[serde(default = "hour")]
    pub start_within_seconds: u64,
    /// Whether somebody who neither wrote nor carried it out has to see that it worked.
    #[serde(default)]
    pub validated_by_another: bool,
    /// How long after its end its review has to be written, in seconds; none when none is owed.
    #[serde(default)]
    pub review_within_seconds: Option<u64>,
}

const HOUR: u64 = 3600;

const fn hour() -> u64 {
    HOUR
}

impl Terms {
    /// The terms for a plan of this kind and risk.
    #[must_use]
    pub fn of(platform: &Platform, kind: ChangeKind, plan: &Plan, risk: &Risk) -> Self {
        if kind == ChangeKind::Standard {
            return Self { required: Vec::new(), start_within_seconds: 24 * HOUR, ..Self::default() };
        }
        // What reaches the whole platform is critical whatever it scores (scope C5).
        let everything = plan.strategy == Strategy::FullRestore;
        let level = if everything { RiskLevel::Critical } else { risk.level() };
        let levels = &platform.approvals;
        let (mut required, decide) = match level {
            RiskLevel::Low => (levels.low.clone(), 24 * HOUR),
            RiskLevel::Medium => (levels.medium.clone(), 8 * HOUR),
            RiskLevel::High => (levels.high.clone(), 4 * HOUR),
            RiskLevel::Critical => (levels.critical.clone(), 2 * HOUR),
        };
        let emergency = kind == ChangeKind::Emergency;
        if emergency && required.iter().all(|role| *role < Role::TechnicalLead) {
            required = vec![Role::TechnicalLead];
        }
        if writes_health_information(platform, plan) && !required.contains(&Role::ComplianceOfficer) {
            required.push(Role::ComplianceOfficer);
        }
        Self {
            required,
            decide_within_seconds: if emergency { HOUR } else { decide },
            start_within_seconds: if emergency { HOUR } else { decide },
            validated_by_another: level >= RiskLevel::High,
            review_within_seconds: (emergency || level >= RiskLevel::High).then_some(24 * HOUR),
        }
    }

    /// How long people have to decide.
    #[must_use]
    pub fn decide_within(&self) -> TimeDelta {
        TimeDelta::seconds(self.decide_within_seconds.cast_signed())
    }
}

/// Whether a plan replaces protected health information.
pub(super) fn writes_health_information(platform: &Platform, plan: &Plan) -> bool {
    plan.loses.is_some()
        && plan.services.iter().any(|name| {
            platform.service(name).is_some_and(|service| service.health_information == HealthInformation::Writes)
        })
}

/// A role as people say it.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Engineer => "engineer",
        Role::TechnicalLead => "technical lead",
        Role::Cto => "CTO",
        Role::ComplianceOfficer => "compliance officer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::State;

    fn terms(kind: ChangeKind, strategy: Strategy, score: u8) -> Vec<Role> {
        let plan = Plan { strategy, title: String::new(), services: Vec::new(), steps: Vec::new(), loses: None };
        Terms::of(&State::default().platform, kind, &plan, &Risk { score, points: Vec::new() }).required
    }

    #[test]
    fn the_risk_the_haste_and_the_reach_say_who_agrees() {
        let normal = |score| terms(ChangeKind::Normal, Strategy::Rollback, score);
        assert_eq!((normal(3), normal(6)), (vec![Role::Engineer], vec![Role::Engineer]));
        assert_eq!((normal(7), normal(8)), (vec![Role::TechnicalLead], vec![Role::TechnicalLead]));
        assert_eq!(normal(9), [Role::TechnicalLead, Role::Cto]);
        assert_eq!(terms(ChangeKind::Emergency, Strategy::Rollback, 1), [Role::TechnicalLead]);
        assert_eq!(terms(ChangeKind::Emergency, Strategy::FullRestore, 4), [Role::TechnicalLead, Role::Cto]);
        assert_eq!(terms(ChangeKind::Standard, Strategy::TargetedFix, 3), [], "agreed to beforehand");
    }
}
