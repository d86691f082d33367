//! The report of one recovery: what was done by whom and why, how long each step took, what the checks found, and how recoveries
//! have fared lately.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{page::escaped, words::moment};
use crate::domain::{Recovery, RecoveryId, RecoveryOutcome, Refusal, State, Step, StepState, Validation};

/// How far back the success rate looks.
const LATELY: TimeDelta = TimeDelta::days(90);

/// What there is to say about one recovery.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryReport {
    /// Which.
    pub recovery: RecoveryId,
    /// What it did, in one line.
    pub title: String,
    /// How it ended; none while it runs.
    pub outcome: Option<RecoveryOutcome>,
    /// What came of it.
    pub summary: String,
    /// Who asked for it.
    pub asked_by: String,
    /// Why.
    pub reason: String,
    /// The incident it is for.
    pub incident: Option<String>,
    /// The change that allowed it, and who agreed.
    pub change: Option<String>,
    /// Who agreed to the plan.
    pub approved_by: Vec<String>,
    /// Under which it ran although nobody had agreed.
    pub break_glass: Option<String>,
    /// What approvals are bound to.
    pub plan_hash: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How long it took.
    pub duration_seconds: Option<f64>,
    /// The shortest time that the platform file allows any of its components.
    pub target_seconds: Option<u64>,
    /// The snapshot from which it can be undone.
    pub safety_snapshot: Option<String>,
    /// What it took from the live system, if anything.
    pub loses: Option<String>,
    /// Each step of the plan.
    pub steps: Vec<StepReport>,
    /// End of the extended watch, while it lasts.
    pub watch_until: Option<DateTime<Utc>>,
    /// Why it did not last although it succeeded.
    pub relapse: Option<String>,
    /// Proof that it worked, phase by phase.
    pub validations: Vec<Validation>,
    /// Recoveries that ended within the 90 days before this one began, itself included.
    pub lately: Rate,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// What it was to do.
    pub step: String,
    /// How it went.
    pub state: StepState,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// How long it took.
    pub duration_seconds: Option<f64>,
    /// What it said.
    pub output: String,
}

/// How recoveries have fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// All that ended and were not cancelled.
    pub ended: u64,
    /// Those that worked.
    pub succeeded: u64,
}

impl RecoveryReport {
    /// # Errors
    /// A refusal when there is no such recovery.
    pub fn of(state: &State, id: RecoveryId) -> Result<Self, Refusal> {
        let recovery = state.recovery(id)?;
        let change = recovery.change.and_then(|id| state.changes.get(&id));
        let targets = recovery.plan.components().filter_map(|name| state.platform.component(name));
        let ended_at = recovery.ended.map(|(at, _)| at);
        let asked_by = change.map_or(&recovery.started_by, |change| &change.requester);
        Ok(Self {
            recovery: id,
            title: recovery.plan.title.clone(),
            outcome: recovery.ended.map(|(_, outcome)| outcome),
            summary: recovery.summary.clone(),
            asked_by: asked_by.to_string(),
            reason: recovery.reason.clone(),
            incident: recovery.incident.map(|id| id.to_string()),
            change: recovery.change.map(|id| id.to_string()),
            approved_by: change.map_or_else(Vec::new, |change| {
                change.approvals.iter().map(|approval| approval.operator.clone()).collect()
            }),
            break_glass: recovery.break_glass.map(|id| id.to_string()),
            plan_hash: change.map(|change| change.plan_hash.clone()),
            started_at: recovery.started_at,
            ended_at,
            duration_seconds: ended_at.map(|at| (at - recovery.started_at).as_seconds_f64()),
            target_seconds: targets.map(|component| component.rto.as_secs()).min(),
            safety_snapshot: recovery.safety_snapshot.map(|id| id.to_string()),
            loses: recovery.plan.loses.clone(),
            steps: steps(recovery),
            watch_until: recovery.watch_until,
            relapse: recovery.relapse.clone(),
            validations: recovery.validations.clone(),
            lately: lately(state, recovery.started_at, ended_at),
        })
    }

    /// The document for people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut page = format!("# {}: {}\n\n", self.recovery, escaped(&self.title));
        let outcome = self.outcome.map_or("running".to_owned(), |outcome| outcome.to_string());
        let _ = writeln!(page, "**{outcome}**{}\n", self.took());
        if !self.summary.is_empty() {
            let _ = writeln!(page, "{}\n", escaped(&self.summary));
        }
        if let Some(why) = &self.relapse {
            let _ = writeln!(page, "**It did not last:** {}\n", escaped(why));
        }
        page += "| | |\n|---|---|\n";
        let mut row = |what: &str, value: &str| {
            let _ = writeln!(page, "| {what} | {} |", escaped(value));
        };
        row("Reason", &self.reason);
        row("Asked for by", &self.asked_by);
        row("Began", &moment(self.started_at));
        if let Some(ended) = self.ended_at {
            row("Ended", &moment(ended));
        }
        let optional = [
            ("Incident", self.incident.as_deref()),
            ("Change", self.change.as_deref()),
            ("Safety snapshot", self.safety_snapshot.as_deref()),
            ("Taken from the live system", self.loses.as_deref()),
        ];
        for (what, value) in optional {
            if let Some(value) = value {
                row(what, value);
            }
        }
        row("Approved by", &self.agreement());
        if let Some(hash) = &self.plan_hash {
            row("Agreed to", hash);
        }
        if let Some(until) = self.watch_until {
            row("Watched until", &moment(until));
        }
        page += "\n## Steps\n\n| | Step | Began | Took | What it said |\n|---|---|---|---|---|\n";
        for (number, step) in self.steps.iter().enumerate() {
            let took = step.duration_seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.1} s"));
            let began = step.started_at.map_or_else(|| "–".to_owned(), |at| at.format("%H:%M:%S").to_string());
            let _ = writeln!(
                page,
                "| {} {} | {} | {began} | {took} | {} |",
                number + 1,
                word(step.state),
                escaped(&step.step),
                escaped(&step.output)
            );
        }
        page += &self.validations_text();
        let _ = write!(
            page,
            "\nRecoveries within 90 days, this one included: {} of {} succeeded. Times are UTC.\n",
            self.lately.succeeded, self.lately.ended
        );
        page
    }

    /// Who has agreed, or why nobody had to.
    fn agreement(&self) -> String {
        match (self.approved_by.as_slice(), &self.break_glass) {
            ([], Some(glass)) => format!("nobody: it ran under {glass}"),
            ([], None) => "nobody had to".to_owned(),
            (some, Some(glass)) => format!("not by all who had to ({}): it ran under {glass}", some.join(", ")),
            (some, None) => some.join(", "),
        }
    }

    fn validations_text(&self) -> String {
        let mut text = String::new();
        for validation in &self.validations {
            let _ = write!(
                text,
                "\n## Validation {}\n\n| | What | Wanted | Found |\n|---|---|---|---|\n",
                validation.phase
            );
            for criterion in &validation.criteria {
                let mark = match (criterion.passed, criterion.decides) {
                    (true, _) => "passed",
                    (false, true) => "FAILED",
                    (false, false) => "missed",
                };
                let [what, wanted, found] =
                    [&criterion.what, &criterion.wanted, &criterion.found].map(|text| escaped(text));
                let _ = writeln!(text, "| {mark} | {what} | {wanted} | {found} |");
            }
        }
        text
    }

    fn took(&self) -> String {
        let Some(seconds) = self.duration_seconds else { return String::new() };
        #[expect(clippy::cast_precision_loss, reason = "seconds, up to days")]
        let verdict = self.target_seconds.map(|target| (target, seconds <= target as f64));
        match verdict {
            Some((target, true)) => format!(" in {seconds:.1} s, within the target of {target} s"),
            Some((target, false)) => format!(" in {seconds:.1} s, OVER the target of {target} s"),
            None => format!(" in {seconds:.1} s"),
        }
    }
}

fn steps(recovery: &Recovery) -> Vec<StepReport> {
    let told = |(step, run): (&Step, &crate::domain::StepRun)| StepReport {
        step: step.to_string(),
        state: run.state,
        started_at: run.started_at,
        duration_seconds: run.started_at.zip(run.ended_at).map(|(from, to)| (to - from).as_seconds_f64()),
        output: run.output.clone(),
    };
    recovery.plan.steps.iter().zip(&recovery.steps).map(told).collect()
}

fn word(state: StepState) -> &'static str {
    match state {
        StepState::Waiting => "waiting",
        StepState::Running => "running",
        StepState::Done => "done",
        StepState::Failed => "FAILED",
        StepState::Skipped => "skipped",
    }
}

fn lately(state: &State, began: DateTime<Utc>, ended: Option<DateTime<Utc>>) -> Rate {
    let until = ended.unwrap_or(state.clock);
    let mut rate = Rate::default();
    for recovery in state.recoveries.values() {
        let Some((at, outcome)) = recovery.ended else { continue };
        if at <= until && at >= began - LATELY && outcome != RecoveryOutcome::Cancelled {
            rate.ended += 1;
            rate.succeeded += u64::from(recovery.lasted());
        }
    }
    rate
}
