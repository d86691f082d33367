//! The milestones, their limits, and what is done when half, most and all of the time is over: one table, which the clocks
//! follow and `docs/fast-track.md` is proved against.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{BreakGlassId, Callee, Incident, Severity, Workflow};

/// What an incident has to have reached by when, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Milestone {
    /// A check or a program has noticed.
    Detected,
    /// The incident is open.
    Declared,
    /// Somebody has asked for a change that is to end it.
    ChangeCreated,
    /// What that change touches and how risky it is, is known.
    Analysed,
    /// Everybody who has to has agreed.
    Approved,
    /// Its last step that changes something is done.
    Implemented,
    /// It was proved that it worked.
    Validated,
    /// People have written down what they learned.
    Reviewed,
}

/// How much of the time for a milestone is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// 50 %.
    Reminder,
    /// 80 %.
    Escalation,
    /// All of it.
    Missed,
}

/// Why an incident is on the fast track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FastTrackCriterion {
    /// Something does not work.
    Outage,
    /// Somebody can get, or got, where they must not be.
    CriticalVulnerability,
    /// Data is not what it was.
    DataIntegrity,
    /// What is reached without right is presumed to be a breach of protected data.
    HipaaViolation,
    /// A SEV1: people are at risk.
    PatientSafety,
}

impl fmt::Display for FastTrackCriterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Outage => "outage",
            Self::CriticalVulnerability => "critical vulnerability",
            Self::DataIntegrity => "data integrity",
            Self::HipaaViolation => "HIPAA violation",
            Self::PatientSafety => "patient safety",
        })
    }
}

impl Stage {
    /// All of them, the first first.
    pub const ALL: [Self; 3] = [Self::Reminder, Self::Escalation, Self::Missed];

    /// How much of the time is over, in percent.
    #[must_use]
    pub fn percent(self) -> i32 {
        match self {
            Self::Reminder => 50,
            Self::Escalation => 80,
            Self::Missed => 100,
        }
    }
}

use Milestone as M;
use Stage as S;

impl Milestone {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Detected,
        Self::Declared,
        Self::ChangeCreated,
        Self::Analysed,
        Self::Approved,
        Self::Implemented,
        Self::Validated,
        Self::Reviewed,
    ];

    /// As people say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::Declared => "declared",
            Self::ChangeCreated => "change created",
            Self::Analysed => "analysed",
            Self::Approved => "approved",
            Self::Implemented => "implemented",
            Self::Validated => "validated",
            Self::Reviewed => "reviewed",
        }
    }

    /// The time allowed from the first symptom on.
    #[must_use]
    pub fn limit(self) -> TimeDelta {
        TimeDelta::minutes(match self {
            Self::Detected => 1,
            Self::Declared => 2,
            Self::ChangeCreated => 3,
            Self::Analysed => 5,
            Self::Approved => 10,
            Self::Implemented => 30,
            Self::Validated => 45,
            Self::Reviewed => 24 * 60,
        })
    }

    /// What proves that it was reached.
    #[must_use]
    pub fn proof(self) -> &'static str {
        match self {
            Self::Detected => "a service is judged, or a program reports",
            Self::Declared => "the incident is opened",
            Self::ChangeCreated => "a change is submitted, or a recovery begins that needs none",
            Self::Analysed => "its services and its risk stand in the change",
            Self::Approved => "everybody who has to has agreed, or nobody had to",
            Self::Implemented => "the last step that changes something is done",
            Self::Validated => "the recovery is validated in depth",
            Self::Reviewed => "the post-mortem is completed",
        }
    }

    /// What is done at a stage while it was not reached; none where nothing is.
    #[must_use]
    pub fn answer(self, stage: Stage) -> Option<&'static str> {
        Some(match (self, stage) {
            (M::Detected, S::Missed) => "late detection",
            (M::Declared, S::Missed) => "late declaration",
            (M::ChangeCreated, S::Missed) => "ask people for a change",
            (M::Analysed, S::Missed) => "what is not analysed counts as risk 9",
            (M::Approved, S::Reminder) => "call everybody who may approve",
            (M::Approved, S::Escalation) => "call the next rung",
            (M::Approved, S::Missed) => "offer break-glass",
            (M::Implemented | M::Validated, S::Reminder) => "warn",
            (M::Implemented | M::Validated, S::Escalation) => "propose to roll back",
            (M::Implemented | M::Validated, S::Missed) => "the commander decides, on record",
            (M::Reviewed, S::Reminder) => "remind",
            (M::Reviewed, S::Escalation) => "call the CTO",
            (M::Reviewed, S::Missed) => "compliance finding",
            (M::Detected | M::Declared | M::ChangeCreated | M::Analysed, S::Reminder | S::Escalation) => return None,
        })
    }

    /// Who is called at a stage.
    #[must_use]
    pub fn calls(self, stage: Stage) -> &'static [Callee] {
        match (self, stage) {
            (M::Approved, S::Reminder) => &[Callee::Approvers],
            (M::Approved, S::Escalation) => &[Callee::Cto, Callee::ComplianceOfficer],
            (M::Approved, S::Missed) => &[Callee::OnCall, Callee::Cto],
            (M::Reviewed, S::Escalation) => &[Callee::Cto],
            (M::Reviewed, S::Missed) => &[Callee::ComplianceOfficer],
            _ => &[],
        }
    }

    /// Whether its event is there by the time an incident is, so that all that can be said is that it was late.
    fn comes_first(self) -> bool {
        matches!(self, Self::Detected | Self::Declared)
    }
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How far an incident on the fast track is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FastTrack {
    /// The first symptom, as far as evidence goes back; all limits count from here.
    pub began: DateTime<Utc>,
    /// When each milestone was reached that was.
    pub reached: BTreeMap<Milestone, DateTime<Utc>>,
    /// The last stage of each milestone at which its clock has done something.
    pub told: BTreeMap<Milestone, Stage>,
    /// When break-glass was offered.
    pub offered_at: Option<DateTime<Utc>>,
    /// Under which something was carried out that nobody had agreed to: then there is nothing left to approve in time.
    pub break_glass: Option<BreakGlassId>,
}

impl FastTrack {
    pub(super) fn new(began: DateTime<Utc>) -> Self {
        Self { began, reached: BTreeMap::new(), told: BTreeMap::new(), offered_at: None, break_glass: None }
    }

    pub(super) fn reach(&mut self, milestone: Milestone, at: DateTime<Utc>) {
        self.reached.entry(milestone).or_insert(at);
    }

    /// People are asked anew: until it is carried out, nobody has approved it.
    pub(super) fn ask_anew(&mut self) {
        if !self.reached.contains_key(&Milestone::Implemented) {
            self.reached.remove(&Milestone::Approved);
        }
    }

    /// When a milestone has to be reached.
    #[must_use]
    pub fn due_at(&self, milestone: Milestone) -> DateTime<Utc> {
        self.began + milestone.limit()
    }

    fn stage_at(&self, milestone: Milestone, stage: Stage) -> DateTime<Utc> {
        self.began + milestone.limit() * stage.percent() / 100
    }

    /// Whether the clock of a milestone still has something to say.
    fn runs(&self, milestone: Milestone) -> bool {
        if milestone.comes_first() {
            return self.reached.get(&milestone).is_some_and(|at| *at > self.due_at(milestone));
        }
        let waived = milestone == Milestone::Approved && self.break_glass.is_some();
        !waived && self.reached.range(milestone..).next().is_none()
    }
}

/// How an incident stands with one milestone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Which.
    pub milestone: Milestone,
    /// By when it is to be reached.
    pub due_at: DateTime<Utc>,
    /// When it was.
    pub reached_at: Option<DateTime<Utc>>,
    /// Whether it was reached too late, or was not and its time is over.
    pub is_late: bool,
    /// Whether it can still be reached, and its clock runs.
    pub is_running: bool,
}

impl Incident {
    /// Why it is on the fast track; for nothing where it is not.
    #[must_use]
    pub fn fast_track_criteria(&self) -> Vec<FastTrackCriterion> {
        if self.fast_track.is_none() || self.severity > Severity::Sev2 {
            return Vec::new();
        }
        let mut criteria = match self.workflow {
            Workflow::Degradation | Workflow::Outage => vec![FastTrackCriterion::Outage],
            Workflow::DataCorruption => vec![FastTrackCriterion::DataIntegrity],
            Workflow::SecurityBreach => {
                vec![FastTrackCriterion::CriticalVulnerability, FastTrackCriterion::HipaaViolation]
            }
        };
        if self.severity == Severity::Sev1 {
            criteria.push(FastTrackCriterion::PatientSafety);
        }
        criteria
    }

    /// How it stands with each milestone at a moment, in order; empty where it is not on the fast track.
    #[must_use]
    pub fn milestones(&self, now: DateTime<Utc>) -> Vec<Progress> {
        let Some(track) = self.fast_track.as_ref().filter(|_| self.severity <= Severity::Sev2) else {
            return Vec::new();
        };
        let progress = Milestone::ALL.into_iter().map(|milestone| {
            let (due_at, reached_at) = (track.due_at(milestone), track.reached.get(&milestone).copied());
            let is_running = reached_at.is_none() && self.counts(milestone) && track.runs(milestone);
            // What was over before it was reached need not be reached any more.
            let is_late = match reached_at {
                Some(at) => at > due_at,
                None => is_running && now >= due_at,
            };
            Progress { milestone, due_at, reached_at, is_late, is_running }
        });
        progress.collect()
    }

    /// Whether a clock of it may still speak; all that is asked of incidents that are long over.
    pub(super) fn has_milestones_ahead(&self) -> bool {
        self.fast_track.as_ref().is_some_and(|track| {
            let is_reviewed = track.told.get(&Milestone::Reviewed) == Some(&Stage::Missed);
            self.state.is_open() || !is_reviewed && self.post_mortem_due_at().is_some()
        })
    }

    /// Whether the clock of a milestone goes on: while it is open, and for the review until that is written.
    fn counts(&self, milestone: Milestone) -> bool {
        match milestone {
            Milestone::Reviewed => self.post_mortem_due_at().is_some(),
            _ => self.state.is_open() && self.severity <= Severity::Sev2,
        }
    }

    /// What its clocks will say, and when.
    pub(super) fn stages_ahead(&self) -> impl Iterator<Item = (DateTime<Utc>, Milestone, Stage)> {
        let track = self.fast_track.as_ref();
        let clocks = Milestone::ALL.into_iter().filter_map(move |milestone| {
            let track = track.filter(|track| self.counts(milestone) && track.runs(milestone))?;
            let told = track.told.get(&milestone).copied();
            let ahead = Stage::ALL.into_iter().filter(move |stage| Some(*stage) > told);
            // Nobody can review what is not over.
            let floor = self.resolved_at.filter(|_| milestone == Milestone::Reviewed).unwrap_or(track.began);
            Some(
                ahead
                    .filter(move |stage| milestone.answer(*stage).is_some())
                    .map(move |stage| (track.stage_at(milestone, stage).max(floor), milestone, stage)),
            )
        });
        clocks.flatten()
    }
}
