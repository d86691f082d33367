//! What a drill is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{DrillPlan, DrillReveal, DrillScore, DrillTruth, facts, schedule, score};
use crate::domain::{Actor, Cause, DrillId, Event, Named, Recorded, Refusal, State};

/// How long whoever holds a drill has to take the faults back and say how it ended, when its time is over.
const TO_END: TimeDelta = TimeDelta::minutes(2);

/// Drills, and when they are due.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drills {
    /// Those that were held, oldest first.
    pub held: BTreeMap<DrillId, Drill>,
    /// When the next are due, by the id of the drill's file.
    pub planned: BTreeMap<String, DrillPlan>,
    /// The events of the drill that runs from which its score is made.
    #[serde(default)]
    pub course: Vec<Arc<Recorded>>,
}

impl Drills {
    /// The one that runs.
    #[must_use]
    pub fn running(&self) -> Option<&Drill> {
        self.held.values().next_back().filter(|drill| drill.ended.is_none())
    }

    /// Whether each that was held to its end has its score. What a version kept that knew of none does not: the journal is read anew.
    #[must_use]
    pub fn are_scored(&self) -> bool {
        self.held.values().all(|drill| drill.completed().is_none() || drill.score.is_some())
    }
}

/// One drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drill {
    /// Its name.
    pub id: DrillId,
    /// The event that began it.
    pub first: u64,
    /// How much people are told.
    pub mode: DrillMode,
    /// What they were told.
    pub told: DrillTold,
    /// Who holds it.
    pub conductor: Actor,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long people have, in seconds.
    pub limit_seconds: u64,
    /// Who was asked to take part; empty: whoever is there.
    pub team: BTreeSet<String>,
    /// Who plays to be away.
    pub away: BTreeSet<String>,
    /// The hash that stands for the truth.
    pub commitment: String,
    /// Nobody was there: a program played people.
    #[serde(default)]
    pub unattended: bool,
    /// What people say is broken, in the order in which they said it.
    pub answers: Vec<DrillAnswer>,
    /// When, by whom and why it was to be stopped.
    pub aborted: Option<(DateTime<Utc>, Actor, String)>,
    /// How it ended.
    pub ended: Option<DrillEnd>,
    /// What it came to; none when it was not held to its end.
    #[serde(default)]
    pub score: Option<Arc<DrillScore>>,
}

impl Drill {
    /// Whether people took part who were not told the cause: what else is held shows nothing of them.
    #[must_use]
    pub fn is_earnest(&self) -> bool {
        self.mode != DrillMode::Tutorial && !self.unattended
    }

    /// When it ended, and when it began as long as it has not.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        self.ended.as_ref().map_or(self.started_at, |end| end.at)
    }
}

/// How much people are told before it begins. A false alarm is announced as a blind one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrillMode {
    /// Everything, to learn the way.
    Tutorial,
    /// The scenario and its runbook.
    Guided,
    /// Nothing.
    Blind,
    /// Nothing, and somebody who is needed is away.
    KeyPersonAway,
}

impl fmt::Display for DrillMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tutorial => "tutorial",
            Self::Guided => "guided",
            Self::Blind => "blind",
            Self::KeyPersonAway => "blind, key person away",
        })
    }
}

/// What people are told before it begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillTold {
    /// The scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The runbook for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub book: Option<String>,
    /// What is broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<DrillTruth>,
}

impl DrillTold {
    /// What is told in this mode of what is true.
    #[must_use]
    pub fn of(mode: DrillMode, truth: &DrillTruth) -> Self {
        let named = matches!(mode, DrillMode::Tutorial | DrillMode::Guided);
        Self {
            scenario: named.then(|| truth.scenario.clone()),
            book: named.then(|| truth.book.clone()),
            truth: (mode == DrillMode::Tutorial).then(|| truth.clone()),
        }
    }
}

/// What somebody says is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum DrillClaim {
    /// Something in a service.
    Broken {
        /// The service.
        service: String,
        /// What.
        cause: Cause,
    },
    /// Nothing is: it is a false alarm.
    NothingBroken,
}

impl fmt::Display for DrillClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken { service, cause } => write!(f, "{cause} in {service}"),
            Self::NothingBroken => f.write_str("nothing is broken"),
        }
    }
}

/// What somebody said is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillAnswer {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: Actor,
    /// What.
    pub claim: DrillClaim,
}

/// How a drill ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillEnd {
    /// The event that says so.
    pub last: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// How.
    pub outcome: DrillOutcome,
    /// Why it ended so.
    pub reason: String,
    /// What was true; none when nobody was left to tell it.
    pub reveal: Option<Arc<DrillReveal>>,
}

/// How a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrillOutcome {
    /// It was held to its end, well or not.
    Completed,
    /// Somebody stopped it, or a guard did: it says nothing about anybody.
    Aborted,
    /// The engine or whoever held it ended meanwhile.
    Interrupted,
    /// The fault could not be injected.
    NotStarted,
}

impl fmt::Display for DrillOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Completed => "completed",
            Self::Aborted => "aborted",
            Self::Interrupted => "interrupted",
            Self::NotStarted => "not started",
        })
    }
}

/// Acknowledged writes that a drill did not leave as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WritesFound {
    /// How many are gone.
    pub lost: u64,
    /// How many are there more than once.
    pub doubled: u64,
    /// From the first that is gone to the last.
    pub lost_span_seconds: u64,
}

impl State {
    /// The drill, if it was held.
    ///
    /// # Errors
    /// `unknown-drill`.
    pub fn drill(&self, id: DrillId) -> Result<&Drill, Refusal> {
        self.drills.held.get(&id).ok_or_else(|| Refusal::unknown(Named::Drill, id))
    }

    pub(super) fn next_drill(&self) -> DrillId {
        DrillId(self.drills.held.keys().next_back().map_or(1, |id| id.0 + 1))
    }
}

/// By when a drill that runs must have been ended by whoever holds it.
pub(super) fn ends_by(drill: &Drill) -> DateTime<Utc> {
    let stopped = match &drill.aborted {
        Some((at, _, _)) => Some(*at),
        None => TimeDelta::try_seconds(i64::try_from(drill.limit_seconds).unwrap_or(i64::MAX))
            .and_then(|limit| drill.started_at.checked_add_signed(limit)),
    };
    stopped.and_then(|at| at.checked_add_signed(TO_END)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Keeps what the score of the drill that runs is made from.
pub(in crate::domain) fn keep(state: &mut State, recorded: &Recorded) {
    let begins = matches!(recorded.event, Event::DrillStarted { .. });
    if (begins || state.drills.running().is_some()) && facts::is_read(&recorded.event) {
        if begins {
            state.drills.course.clear();
        }
        state.drills.course.push(Arc::new(recorded.clone()));
    }
}

/// What is true after an event.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::DrillStarted { drill, mode, told, limit_seconds, team, away, commitment, unattended } => {
            let held = Drill {
                id: *drill,
                first: recorded.seq,
                mode: *mode,
                told: (**told).clone(),
                conductor: recorded.actor.clone(),
                started_at: at,
                limit_seconds: *limit_seconds,
                team: team.clone(),
                away: away.clone(),
                commitment: commitment.clone(),
                unattended: *unattended,
                answers: Vec::new(),
                aborted: None,
                ended: None,
                score: None,
            };
            state.drills.held.insert(*drill, held);
        }
        Event::DrillAnswered { drill, claim } => {
            if let Some(held) = state.drills.held.get_mut(drill) {
                held.answers.push(DrillAnswer { at, by: recorded.actor.clone(), claim: claim.clone() });
            }
        }
        Event::DrillAborted { drill, reason } => {
            if let Some(held) = state.drills.held.get_mut(drill) {
                held.aborted = Some((at, recorded.actor.clone(), reason.clone()));
            }
        }
        Event::DrillEnded { drill, outcome, reason, reveal } => {
            let course = std::mem::take(&mut state.drills.course);
            if let Some(held) = state.drills.held.get_mut(drill) {
                let (reason, reveal) = (reason.clone(), reveal.clone());
                held.ended = Some(DrillEnd { last: recorded.seq, at, outcome: *outcome, reason, reveal });
                held.score = score(&course).map(Arc::new);
                if *outcome == DrillOutcome::Completed {
                    schedule::held(state, *drill, at);
                }
            }
        }
        _ => schedule::apply(state, recorded),
    }
}
