//! How risky a change is: a score from 1 to 10 that is the sum of its points, each with its reason.
//!
//! More of anything that is dangerous never lowers the score, and whatever cannot be judged counts as dangerous. After
//! ServiceNow's risk conditions and the notes on change management, as a sum, so that a tired person can check it.

use std::cmp::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{ImpactAnalysis, WayBack, terms};
use crate::domain::{ChangeId, ChangeState, IncidentId, Plan, Recovery, State, Step, Strategy};
use crate::platform::{ActionRisk, ComponentKind, Criticality};

/// For so long it counts that the same was done before and lasted.
const REHEARSED: TimeDelta = TimeDelta::days(90);
/// More dependants than this make no further difference.
const MANY_DEPENDANTS: usize = 2;

/// How risky a change is, and every point of it explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Risk {
    /// 1 to 10: the sum of the points.
    pub score: u8,
    /// What it is made of.
    pub points: Vec<RiskPoint>,
}

/// A part of a risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RiskPoint {
    /// How much it adds, or takes away.
    pub points: i8,
    /// For what.
    pub why: String,
}

/// How a score is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskLevel {
    /// 1 to 3.
    Low,
    /// 4 to 6.
    Medium,
    /// 7 and 8.
    High,
    /// 9 and 10.
    Critical,
}

impl RiskLevel {
    /// How a score is called.
    #[must_use]
    pub fn of(score: u8) -> Self {
        match score {
            0..=3 => Self::Low,
            4..=6 => Self::Medium,
            7..=8 => Self::High,
            9.. => Self::Critical,
        }
    }

    /// As people say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What the score is made of. Each ordered from harmless to dangerous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Factors {
    /// The most critical service that is changed, by name; none when one of them is not in the platform file.
    pub(super) worst: Option<(String, Criticality)>,
    /// Services that cannot work without those that are changed.
    pub(super) dependants: Vec<String>,
    pub(super) effect: Effect,
    pub(super) loses: bool,
    pub(super) everything: bool,
    pub(super) practice: Practice,
    pub(super) way_back: WayBack,
    pub(super) writes_health_information: bool,
    pub(super) safeguard: bool,
    pub(super) long_downtime: bool,
    pub(super) clash: bool,
}

/// What is done to the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// Nothing lasting.
    None,
    /// A harmless action, other code or other settings.
    Light,
    /// Files are replaced, or an action that users may notice.
    Medium,
    /// A database is replaced, or an action that may lose something.
    Heavy,
}

/// How it went when the same was done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Practice {
    /// It lasted, not long ago.
    Recent,
    /// Nothing is known, or it is long ago.
    Unknown,
    /// The last time it failed or did not last.
    Failed,
}

/// When a plan is to be carried out, and what for.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// The incident it is for.
    pub incident: Option<IncidentId>,
    /// The change that it is the plan of: that is not in its own way.
    pub change: Option<ChangeId>,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Risk {
    /// How risky a plan is.
    #[must_use]
    pub fn of(state: &State, plan: &Plan, circumstances: Circumstances) -> Self {
        Self::from_factors(&factors(state, plan, circumstances))
    }

    pub(super) fn from_factors(factors: &Factors) -> Self {
        let mut points: Vec<RiskPoint> = Vec::new();
        let mut add = |value: i8, why: String| {
            if value != 0 {
                points.push(RiskPoint { points: value, why });
            }
        };
        match &factors.worst {
            Some((name, criticality)) => add(tier(*criticality), format!("touches {name}")),
            None => add(4, "touches what the platform file does not know".to_owned()),
        }
        let dependants = factors.dependants.len();
        add(
            if dependants > MANY_DEPENDANTS { 2 } else { i8::from(dependants > 0) },
            format!("{} depend on it", factors.dependants.join(", ")),
        );
        match factors.effect {
            Effect::None => {}
            Effect::Light => add(1, "code, settings, or an action of low risk".to_owned()),
            Effect::Medium => add(2, "replaces files, or an action of medium risk".to_owned()),
            Effect::Heavy => add(3, "replaces a database, or an action of high risk".to_owned()),
        }
        add(if factors.loses { 2 } else { 0 }, "what was written since is lost from the live system".to_owned());
        add(i8::from(factors.writes_health_information), "patients' records are replaced".to_owned());
        add(if factors.everything { 2 } else { 0 }, "the whole platform at once".to_owned());
        add(i8::from(factors.long_downtime), "interrupts for more than a minute what works now".to_owned());
        add(i8::from(factors.clash), "another change or a freeze is in the way".to_owned());
        match factors.practice {
            Practice::Recent => add(-1, "was done before, lately, and lasted".to_owned()),
            Practice::Unknown => {}
            Practice::Failed => add(1, "failed the last time it was done".to_owned()),
        }
        let floors = [
            (factors.way_back == WayBack::None, 6, "there is no way back"),
            (factors.safeguard, 6, "it lets people in, or keeps the audit trail or the backups"),
            (factors.worst.is_none(), 8, "what it touches is not known"),
            (
                factors.writes_health_information && factors.way_back == WayBack::None,
                9,
                "patients' records, and no way back",
            ),
        ];
        let mut score: i8 = points.iter().map(|point| point.points).sum();
        let mut limit = |bound: i8, side: Ordering, why: String| {
            if score.cmp(&bound) == side {
                points.push(RiskPoint { points: bound - score, why });
                score = bound;
            }
        };
        for (holds, floor, why) in floors {
            if holds {
                limit(floor, Ordering::Less, format!("at least {floor}: {why}"));
            }
        }
        limit(1, Ordering::Less, "1 is the least".to_owned());
        limit(10, Ordering::Greater, "10 is the most".to_owned());
        Self { score: score.cast_unsigned(), points }
    }

    /// How the score is called.
    #[must_use]
    pub fn level(&self) -> RiskLevel {
        RiskLevel::of(self.score)
    }
}

fn tier(criticality: Criticality) -> i8 {
    match criticality {
        Criticality::Critical => 4,
        Criticality::High => 3,
        Criticality::Medium => 2,
        Criticality::Low => 1,
    }
}

fn factors(state: &State, plan: &Plan, circumstances: Circumstances) -> Factors {
    let platform = &state.platform;
    let impact = ImpactAnalysis::of(state, plan);
    let services: Option<Vec<_>> = plan.services.iter().map(|name| platform.service(name)).collect();
    let worst = services.and_then(|services| services.into_iter().max_by_key(|service| service.criticality));
    let safeguard = plan.services.iter().filter_map(|name| platform.service(name)).any(|service| service.safeguard);
    Factors {
        worst: worst.map(|service| (service.name.clone(), service.criticality)),
        effect: plan.steps.iter().map(|step| effect(state, step)).max().unwrap_or(Effect::None),
        loses: plan.loses.is_some(),
        everything: plan.strategy == Strategy::FullRestore,
        practice: practice(state, plan, circumstances.now),
        way_back: impact.way_back,
        writes_health_information: terms::writes_health_information(platform, plan),
        safeguard,
        long_downtime: impact.downtime_seconds > 60,
        clash: clash(state, plan, circumstances),
        dependants: impact.reaches,
    }
}

fn effect(state: &State, step: &Step) -> Effect {
    match step {
        Step::SwitchRelease { .. } | Step::RollForward { .. } => Effect::Light,
        Step::RestoreSnapshot { component, .. } | Step::RestoreTime { component, .. } => {
            match state.platform.component(component).map(|component| component.kind) {
                Some(ComponentKind::Database) | None => Effect::Heavy,
                Some(ComponentKind::Data) => Effect::Medium,
                Some(ComponentKind::Code | ComponentKind::Config) => Effect::Light,
            }
        }
        Step::RunAction { service, action } => {
            let declared = state.platform.service(service).and_then(|s| s.actions.iter().find(|a| a.name == *action));
            match declared.map(|action| action.risk) {
                Some(ActionRisk::Low) => Effect::Light,
                Some(ActionRisk::Medium) => Effect::Medium,
                Some(ActionRisk::High) | None => Effect::Heavy,
            }
        }
        Step::SafetySnapshot { .. } | Step::Reload { .. } | Step::StopIfHealthy { .. } | Step::Validate { .. } => {
            Effect::None
        }
    }
}

/// How it went the last time that the same things were done to the same parts.
fn practice(state: &State, plan: &Plan, now: DateTime<Utc>) -> Practice {
    let shape = shape(plan);
    let last = state
        .recoveries
        .values()
        .rev()
        .find(|recovery| !recovery.is_running() && recovery.plan.heals() && self::shape(&recovery.plan) == shape);
    match last.map(|recovery| (recovery.lasted(), recovery)) {
        None => Practice::Unknown,
        Some((false, _)) => Practice::Failed,
        Some((true, Recovery { ended: Some((ended, _)), .. })) if now - *ended <= REHEARSED => Practice::Recent,
        Some(_) => Practice::Unknown,
    }
}

/// What is done to which parts, without the versions.
fn shape(plan: &Plan) -> Vec<(u8, &str, &str)> {
    plan.steps
        .iter()
        .filter_map(|step| match step {
            Step::SwitchRelease { component, .. } => Some((0, component.as_str(), "")),
            Step::RestoreSnapshot { component, .. } => Some((1, component.as_str(), "")),
            Step::RestoreTime { component, .. } => Some((2, component.as_str(), "")),
            Step::RunAction { service, action } => Some((3, service.as_str(), action.as_str())),
            Step::RollForward { component, .. } => Some((4, component.as_str(), "")),
            _ => None,
        })
        .collect()
}

/// Whether another approved change works on the same, or a freeze holds.
fn clash(state: &State, plan: &Plan, Circumstances { incident, change, now }: Circumstances) -> bool {
    let frozen =
        incident.is_none() && state.platform.freezes.iter().any(|freeze| freeze.holds(&plan.services, now, now));
    let mut others = state.changes.values().filter(|other| {
        matches!(other.state, ChangeState::Approved | ChangeState::Implementing) && Some(other.id) != change
    });
    frozen || others.any(|other| other.plan.services.iter().any(|name| plan.services.contains(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIERS: [Option<Criticality>; 5] =
        [Some(Criticality::Low), Some(Criticality::Medium), Some(Criticality::High), Some(Criticality::Critical), None];
    const EFFECTS: [Effect; 4] = [Effect::None, Effect::Light, Effect::Medium, Effect::Heavy];
    const PRACTICES: [Practice; 3] = [Practice::Recent, Practice::Unknown, Practice::Failed];
    const WAYS_BACK: [WayBack; 4] = [WayBack::Switch, WayBack::Restore, WayBack::NotNeeded, WayBack::None];
    /// How many values each factor has, in the order in which `factors_of` reads them.
    const SIZES: [usize; 11] = [TIERS.len(), 5, EFFECTS.len(), 2, 2, PRACTICES.len(), WAYS_BACK.len(), 2, 2, 2, 2];

    fn factors_of(place: [usize; 11]) -> Factors {
        let yes = |index: usize| place[index] == 1;
        Factors {
            worst: TIERS[place[0]].map(|criticality| ("api".to_owned(), criticality)),
            dependants: vec!["other".to_owned(); place[1]],
            effect: EFFECTS[place[2]],
            loses: yes(3),
            everything: yes(4),
            practice: PRACTICES[place[5]],
            way_back: WAYS_BACK[place[6]],
            writes_health_information: yes(7),
            safeguard: yes(8),
            long_downtime: yes(9),
            clash: yes(10),
        }
    }

    fn every(mut see: impl FnMut([usize; 11])) {
        let total: usize = SIZES.iter().product();
        for number in 0..total {
            let mut rest = number;
            see(SIZES.map(|size| {
                let digit = rest % size;
                rest /= size;
                digit
            }));
        }
    }

    #[test]
    fn more_danger_never_scores_less_and_the_points_add_up() {
        let mut scores = std::collections::BTreeSet::new();
        every(|place| {
            let risk = Risk::from_factors(&factors_of(place));
            let sum: i32 = risk.points.iter().map(|point| i32::from(point.points)).sum();
            assert_eq!(sum, i32::from(risk.score), "{place:?}: {:?}", risk.points);
            assert!((1..=10).contains(&risk.score), "{place:?}");
            scores.insert(risk.score);
            for (index, size) in SIZES.into_iter().enumerate() {
                if place[index] + 1 < size {
                    let mut worse = place;
                    worse[index] += 1;
                    let more = Risk::from_factors(&factors_of(worse));
                    assert!(more.score >= risk.score, "{place:?} → {worse:?}: {} → {}", risk.score, more.score);
                }
            }
        });
        assert_eq!(scores.len(), 10, "the whole range is used");
    }

    #[test]
    fn what_cannot_be_judged_or_undone_is_never_called_harmless() {
        every(|place| {
            let factors = factors_of(place);
            let score = Risk::from_factors(&factors).score;
            assert!(factors.worst.is_some() || score >= 8, "{place:?}");
            assert!(factors.way_back != WayBack::None || score >= 6, "{place:?}");
            assert!(!factors.safeguard || score >= 6, "{place:?}");
            let records_for_good = factors.writes_health_information && factors.way_back == WayBack::None;
            assert!(!records_for_good || score >= 9, "{place:?}");
        });
    }
}
