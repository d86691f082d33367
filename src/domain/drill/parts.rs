//! The six parts of a score: how many points each gives for what, and why.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{DrillClaim, facts::Facts};
use crate::domain::{Clock, Step};
use crate::platform::count;

/// What each wrong answer costs.
const WRONG_ANSWER: u32 = 5;
/// What each change costs that was not called for.
const UNNEEDED: u32 = 3;
/// What each costs that did harm besides.
const HARM: u32 = 10;
/// What acting past those who have to agree costs.
const PAST_OTHERS: u32 = 5;

/// One of the six parts of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// How soon the trouble was noticed.
    Detect,
    /// Whether somebody took it on, and told those who wait.
    Declare,
    /// Whether people named the cause.
    Diagnose,
    /// How soon everything was well again.
    Recover,
    /// Whether that was proved, lasted, and lost nothing.
    Validate,
    /// Whether nothing was done that did not have to be.
    Discipline,
}

impl Part {
    /// All of them, in the order of an incident.
    pub const ALL: [Self; 6] =
        [Self::Detect, Self::Declare, Self::Diagnose, Self::Recover, Self::Validate, Self::Discipline];

    /// How many points it gives at most; a hundred together.
    #[must_use]
    pub fn points(self) -> u32 {
        match self {
            Self::Declare => 10,
            Self::Detect | Self::Validate | Self::Discipline => 15,
            Self::Diagnose => 20,
            Self::Recover => 25,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Detect => "detect",
            Self::Declare => "declare",
            Self::Diagnose => "diagnose",
            Self::Recover => "recover",
            Self::Validate => "validate",
            Self::Discipline => "discipline",
        })
    }
}

/// How well an objective was met, as HSEEP rates it. Which points make which letter is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Letter {
    /// Performed without challenges.
    P,
    /// Performed with some challenges.
    S,
    /// Performed with major challenges.
    M,
    /// Unable to be performed.
    U,
}

impl Letter {
    /// For so many points of so many.
    #[must_use]
    pub fn of(points: u32, most: u32) -> Self {
        match points * 100 / most.max(1) {
            90.. => Self::P,
            70.. => Self::S,
            50.. => Self::M,
            _ => Self::U,
        }
    }

    /// In words.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::P => "performed without challenges",
            Self::S => "performed with some challenges",
            Self::M => "performed with major challenges",
            Self::U => "unable to be performed",
        }
    }
}

/// What one part came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScoredPart {
    /// Which.
    pub part: Part,
    /// Points.
    pub points: u32,
    /// Of so many.
    pub of: u32,
    /// What that says of the objective.
    pub letter: Letter,
    /// What people should be able to do, where the drill says so.
    pub objective: Option<String>,
    /// Where the points come from and where they went.
    pub why: Vec<String>,
}

/// What one part comes to by the facts.
pub(super) fn scored(part: Part, facts: &Facts<'_>) -> ScoredPart {
    let (points, why) = match part {
        Part::Detect => detect(facts),
        Part::Declare => declare(facts),
        Part::Diagnose => diagnose(facts),
        Part::Recover => recover(facts),
        Part::Validate => validate(facts),
        Part::Discipline => discipline(facts),
    };
    let objective = facts.truth().objectives.iter().find(|known| known.part == part).map(|known| known.text.clone());
    let of = part.points();
    ScoredPart { part, points, of, letter: Letter::of(points, of), objective, why }
}

/// All points within a time, none from twice that time on, and evenly fewer between.
pub(super) fn in_time(most: u32, took: TimeDelta, within_seconds: u64) -> u32 {
    let within = i64::try_from(within_seconds.saturating_mul(1000)).unwrap_or(i64::MAX / 4).max(1);
    let over = (took.num_milliseconds() - within).clamp(0, within);
    u32::try_from(i64::from(most) * (within - over) / within).unwrap_or(0)
}

fn seconds(time: TimeDelta) -> String {
    format!("{:.1} s", time.as_seconds_f64().max(0.0))
}

fn timed(what: &str, took: TimeDelta, within: u64) -> String {
    format!("{what} after {}, wanted within {within} s", seconds(took))
}

fn detect(facts: &Facts<'_>) -> (u32, Vec<String>) {
    let most = Part::Detect.points();
    let Some(injected) = facts.reveal.injected_at.filter(|_| !facts.truth().is_false_alarm()) else {
        return (most, vec!["there was nothing to notice".to_owned()]);
    };
    match facts.noticed_at {
        None => (0, vec!["nobody and nothing noticed it".to_owned()]),
        Some(at) => {
            let within = facts.truth().detect_seconds;
            (in_time(most, at - injected, within), vec![timed("noticed", at - injected, within)])
        }
    }
}

/// The incident that the first sign of the fault opened, or was opened for it.
fn incident<'a>(facts: &'a Facts<'_>) -> Option<&'a super::facts::Opened> {
    let since = facts.reveal.injected_at?;
    facts.incidents.values().find(|opened| opened.opened_at >= since && !opened.merged)
}

/// Whether somebody took on what was wrong.
fn was_taken_on(facts: &Facts<'_>) -> bool {
    facts.incidents.values().any(|opened| opened.acknowledged_at.is_some())
}

fn declare(facts: &Facts<'_>) -> (u32, Vec<String>) {
    let half = Part::Declare.points() / 2;
    if facts.truth().is_false_alarm() {
        return (2 * half, vec!["there was nothing to declare".to_owned()]);
    }
    let Some(opened) = incident(facts) else { return (0, vec!["no incident was opened".to_owned()]) };
    let line = |at: Option<DateTime<Utc>>, what: &str, not: &str, clock| match at {
        None => (0, not.to_owned()),
        Some(at) => {
            let (took, within) = (at - opened.detected_at, opened.severity.target(clock).as_secs());
            (in_time(half, took, within), timed(what, took, within))
        }
    };
    let (seen, first) = line(opened.acknowledged_at, "acknowledged", "nobody took it on", Clock::Acknowledge);
    let (told, second) = line(opened.told_at, "those who wait were told", "nobody told those who wait", Clock::Respond);
    (seen + told, vec![first, second])
}

/// Whether an answer is right.
fn is_right(facts: &Facts<'_>, claim: &DrillClaim) -> bool {
    match (claim, &facts.truth().blame) {
        (DrillClaim::NothingBroken, None) => true,
        (DrillClaim::Broken { service, cause }, Some(blame)) => {
            *service == blame.service && blame.causes.contains(cause)
        }
        _ => false,
    }
}

fn diagnose(facts: &Facts<'_>) -> (u32, Vec<String>) {
    let (right, wrong): (Vec<_>, Vec<_>) = facts.claims.iter().partition(|claim| is_right(facts, claim));
    let named = match (right.first(), facts.truth().is_false_alarm()) {
        (Some(claim), _) => Some(format!("named rightly: {claim}")),
        (None, true) => Some("there was nothing to name".to_owned()),
        (None, false) => None,
    };
    let mut why: Vec<String> = wrong.iter().map(|claim| format!("named wrongly: {claim}, −{WRONG_ANSWER}")).collect();
    let Some(named) = named else {
        why.insert(0, "nobody named the cause and its service".to_owned());
        return (0, why);
    };
    why.insert(0, named);
    let cost = WRONG_ANSWER.saturating_mul(u32::try_from(wrong.len()).unwrap_or(u32::MAX));
    (Part::Diagnose.points().saturating_sub(cost), why)
}

fn recover(facts: &Facts<'_>) -> (u32, Vec<String>) {
    let most = Part::Recover.points();
    if facts.truth().is_false_alarm() {
        return match facts.acts().count() {
            0 => (most, vec!["nothing was changed, as nothing was broken".to_owned()]),
            changed => (0, vec![format!("{} of what was not broken", count(changed, "change"))]),
        };
    }
    let Some(injected) = facts.reveal.injected_at else { return (0, vec!["no fault was injected".to_owned()]) };
    match (facts.well_at, facts.reveal.cured_at) {
        (Some(well), _) => {
            let within = facts.truth().recover_seconds;
            (in_time(most, well - injected, within), vec![timed("everything was well again", well - injected, within)])
        }
        (None, Some(_)) => (0, vec!["the fault was gone, but not everything was well at the end".to_owned()]),
        (None, None) => (0, vec!["the fault was still in force at the end".to_owned()]),
    }
}

fn validate(facts: &Facts<'_>) -> (u32, Vec<String>) {
    let third = Part::Validate.points() / 3;
    let mut why = Vec::new();
    let mut point = |is_so: bool, yes: String, no: String| {
        why.push(if is_so { yes } else { no });
        if is_so { third } else { 0 }
    };
    let writes = facts.reveal.writes;
    let truth = facts.truth();
    let kept = writes.doubled == 0 && (writes.lost == 0 || writes.lost_span_seconds <= truth.rpo_seconds);
    let told = format!(
        "{} lost over {} s, {} doubled; up to {} s may be lost",
        count(usize::try_from(writes.lost).unwrap_or(usize::MAX), "acknowledged write"),
        writes.lost_span_seconds,
        writes.doubled,
        truth.rpo_seconds
    );
    if truth.is_false_alarm() {
        let points = point(kept, told.clone(), told);
        return (if points > 0 { 3 * third } else { 0 }, why);
    }
    let Some(well) = facts.well_at else { return (0, vec!["there was nothing to validate".to_owned()]) };
    // What was tried before in vain is not what cured it.
    let cure = facts.mutations.iter().rfind(|one| facts.was_needed(one));
    let passed = cure.is_some_and(|one| one.validated == Some(true));
    let looked = point(
        passed,
        "what cured it was validated, and passed".to_owned(),
        "what cured it was not validated, or did not pass".to_owned(),
    );
    let stayed = facts.reveal.stopped_at - well;
    let bake = format!("it stayed well for {}, wanted {} s", seconds(stayed), truth.bake_seconds);
    let lasted = stayed.num_seconds() >= i64::try_from(truth.bake_seconds).unwrap_or(i64::MAX);
    let lasted = point(lasted, bake.clone(), bake);
    let kept = point(kept, told.clone(), told);
    (looked + lasted + kept, why)
}

fn discipline(facts: &Facts<'_>) -> (u32, Vec<String>) {
    if !facts.truth().is_false_alarm() && !was_taken_on(facts) {
        return (0, vec!["nobody took it on, so there is nothing to judge".to_owned()]);
    }
    let (mut cost, mut why) = (0, Vec::new());
    for act in facts.acts() {
        let title = &act.plan.title;
        let destructive = act.plan.steps.iter().any(|step| {
            matches!(step, Step::RestoreSnapshot { .. } | Step::RestoreTime { .. } | Step::SwitchRelease { .. })
        });
        if destructive && !act.captured && act.outcome.is_some() {
            cost += HARM;
            why.push(format!("{title}: replaced data without a safety snapshot, −{HARM}"));
        }
        if facts.was_needed(act) {
            continue;
        }
        let lost = act.plan.loses.is_some() && act.outcome.is_some();
        if lost || !act.broke.is_empty() {
            cost += HARM;
            let what = match act.broke.is_empty() {
                true => "took data from the live system".to_owned(),
                false => format!("broke {}", act.broke.iter().cloned().collect::<Vec<_>>().join(", ")),
            };
            why.push(format!("{title}: not called for, and {what}, −{HARM}"));
        } else {
            cost += UNNEEDED;
            why.push(format!("{title}: not called for, −{UNNEEDED}"));
        }
    }
    let many = |times: usize| u32::try_from(times).unwrap_or(u32::MAX).saturating_mul(PAST_OTHERS);
    if facts.without_approval > 0 && !facts.away {
        cost = cost.saturating_add(many(facts.without_approval));
        why.push(format!("acted without an approval while those who could give it were there, −{PAST_OTHERS} each"));
    }
    if facts.own_approvals > 0 {
        cost = cost.saturating_add(many(facts.own_approvals));
        why.push(format!("tried to approve the own change, −{PAST_OTHERS} each"));
    }
    if why.is_empty() {
        why.push("nothing was done that did not have to be".to_owned());
    }
    (Part::Discipline.points().saturating_sub(cost), why)
}
