//! The report of one run of a runbook: what was done, by whom, when, and what is kept of what programs printed.

use std::{collections::BTreeMap, fmt::Write as _};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    page::escaped,
    words::{moment, span},
};
use crate::domain::{
    Attempt, AttemptEnd, AttemptFate, AttemptPart, Awaited, BookProof, DrillId, KeptOutput, Refusal, Run, RunId,
    RunMode, RunStepState, Stand, State, StepStanding, TaskAnswer, proof_of,
    runbook::{Step, Undo, Work},
    standing,
};

/// What there is to say about one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    /// Which.
    pub run: RunId,
    /// The book.
    pub book: String,
    /// Its title.
    pub title: String,
    /// The hash of its text, to which the run is pinned.
    pub hash: String,
    /// What drills have shown of that text.
    pub proof: BookProof,
    /// In earnest or as a drill.
    pub mode: RunMode,
    /// The drill that it is part of.
    pub drill: Option<DrillId>,
    /// The incident it is for.
    pub incident: Option<String>,
    /// Who began it.
    pub started_by: String,
    /// When.
    pub started_at: DateTime<Utc>,
    /// Until when the book should have been walked through.
    pub until: DateTime<Utc>,
    /// When it was over.
    pub ended_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub stand: Stand,
    /// That in words.
    pub stands: String,
    /// What commands are filled with.
    pub values: BTreeMap<String, String>,
    /// The services that its steps may act on.
    pub services: Vec<String>,
    /// Changes that still stand, the last one last.
    pub changes: Vec<String>,
    /// All steps, in the order of the book.
    pub steps: Vec<RunStepReport>,
}

/// One step of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStepReport {
    /// Its number in the book.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// What kind of step.
    pub kind: &'static str,
    /// Where it is, in a word or two.
    pub standing: &'static str,
    /// Why, where there is more to say.
    pub why: Option<String>,
    /// Where it is, in full.
    pub state: RunStepState,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// Who had it run, or decided on it.
    pub by: Option<String>,
    /// The second person who agrees to the next attempt.
    pub co_signed: Option<String>,
    /// Its command with what is known now, and `<NAME>` where something is not.
    pub command: Option<String>,
    /// How it is taken back.
    pub undo: Option<Undo>,
    /// Tasks and choices, counted from 1.
    pub answers: BTreeMap<usize, TaskAnswer>,
    /// Each time a program was begun for it.
    pub attempts: Vec<Attempt>,
}

impl RunReport {
    /// How a run is at a time.
    ///
    /// # Errors
    /// A refusal when there is no such run.
    pub fn of(state: &State, id: RunId, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let run = state.run(id)?;
        let ended_at = if let Stand::Ended { at, .. } = run.stand { Some(at) } else { None };
        Ok(Self {
            run: id,
            book: run.book.front.id.clone(),
            title: run.book.front.title.clone(),
            hash: run.book.hash.clone(),
            proof: proof_of(&state.drills, &run.book),
            mode: run.mode,
            drill: run.drill,
            incident: run.incident.map(|id| id.to_string()),
            started_by: run.started_by.to_string(),
            started_at: run.started_at,
            until: run.until(),
            ended_at,
            stand: run.stand.clone(),
            stands: stands(run),
            values: run.values.clone(),
            services: run.services.iter().cloned().collect(),
            changes: run.changes.clone(),
            steps: run.book.steps().map(|step| step_of(state, run, step, now)).collect(),
        })
    }

    /// The step at which it stands.
    #[must_use]
    pub fn current(&self) -> Option<&RunStepReport> {
        self.steps.iter().find(|step| Some(step.name.as_str()) == self.stand.step())
    }

    /// The document for people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let (title, stands) = (escaped(&self.title), escaped(&self.stands));
        let mut page = format!("# {}: {title}\n\n**{stands}**\n\n| | |\n|---|---|\n", self.run);
        let mut row = |what: &str, value: &str| {
            let _ = writeln!(page, "| {} | {} |", escaped(what), escaped(value));
        };
        row("Book", &format!("{}, text {}", self.book, self.hash));
        row("Drills of it", &self.proof.words());
        if self.mode == RunMode::Drill {
            row("Drill", &self.drill.map_or_else(|| "yes".to_owned(), |drill| format!("part of {drill}")));
        }
        if let Some(incident) = &self.incident {
            row("Incident", incident);
        }
        row("Begun by", &self.started_by);
        row("Begun", &moment(self.started_at));
        if let Some(ended) = self.ended_at {
            let took = span((ended - self.started_at).as_seconds_f64());
            row("Ended", &format!("{}, after {took}", moment(ended)));
        }
        row("Acts on", &self.services.join(", "));
        if !self.changes.is_empty() {
            row("Changed, and not taken back", &self.changes.join(", "));
        }
        for (name, value) in &self.values {
            row(name, value);
        }
        page += "\n## Steps\n\n| | Step | How | By | Since |\n|---|---|---|---|---|\n";
        for step in &self.steps {
            let since = step.since.map_or_else(|| "–".to_owned(), |at| at.format("%H:%M:%S").to_string());
            let how = step.how();
            let by = step.by.as_deref().unwrap_or("–");
            let cells = [step.title.as_str(), &how, by].map(escaped).join(" | ");
            let _ = writeln!(page, "| {} | {cells} | {since} |", step.number);
        }
        for step in self.steps.iter().filter(|step| !step.attempts.is_empty() || !step.answers.is_empty()) {
            page += &told(step);
        }
        page += "\nTimes are UTC.\n";
        page
    }
}

impl RunStepReport {
    /// Where it is and why, in one line.
    #[must_use]
    pub fn how(&self) -> String {
        self.why.as_ref().map_or_else(|| self.standing.to_owned(), |why| format!("{}: {why}", self.standing))
    }
}

fn stands(run: &Run) -> String {
    match &run.stand {
        Stand::At { step } => format!("at {step}"),
        Stand::Undoing { step, undoes, .. } => format!("takes {undoes} back: {step}"),
        Stand::Halted { step, halt } => format!("halted at {step}: {halt}"),
        Stand::Ended { outcome, .. } => outcome.to_string(),
    }
}

fn step_of(state: &State, run: &Run, step: &Step, now: DateTime<Utc>) -> RunStepReport {
    let known = run.step(&step.name).cloned().unwrap_or_default();
    let seen = standing(state, run, step, now);
    let shown = |name: &str| run.values.get(name).cloned().unwrap_or_else(|| format!("<{name}>"));
    RunStepReport {
        number: step.number,
        name: step.name.clone(),
        title: step.title.clone(),
        kind: step.work.name(),
        standing: seen.word(),
        why: why(&seen, &step.work),
        state: known.state,
        since: known.since,
        by: known.by.map(|by| by.to_string()),
        co_signed: known.co_signed.map(|by| by.to_string()),
        command: step.work.execution().map(|execution| execution.command.shown(shown)),
        undo: step.work.undo().cloned(),
        answers: known.answers,
        attempts: known.attempts,
    }
}

/// What more there is to say about where a step is.
fn why(seen: &StepStanding, work: &Work) -> Option<String> {
    Some(match seen {
        StepStanding::Pending => return None,
        StepStanding::Blocked(why) => why.clone(),
        StepStanding::WaitingApproval(change) => change.to_string(),
        StepStanding::WaitingPerson(awaited) => match awaited {
            Awaited::Run => "to have it run".to_owned(),
            Awaited::Confirmation(text) => format!("to have it run; {text:?} is typed before"),
            Awaited::SecondPerson => "a second one, who agrees".to_owned(),
            Awaited::Tasks => "to do it".to_owned(),
            Awaited::Choice => "to choose".to_owned(),
            Awaited::Gate => "to agree".to_owned(),
        },
        StepStanding::Running(part) => part_name(*part, work).to_owned(),
        StepStanding::Ended(end) => return end.to_string().split_once(": ").map(|(_, why)| why.to_owned()),
    })
}

fn part_name(part: AttemptPart, work: &Work) -> &'static str {
    match part {
        AttemptPart::DoneIf => "the check of whether it is done already",
        AttemptPart::Work if work.only_looks() => "the look",
        AttemptPart::Work => "the command",
        AttemptPart::Verify => "the check of whether it has worked",
    }
}

/// What was done in a step, attempt by attempt.
fn told(step: &RunStepReport) -> String {
    let mut page = format!("\n### {}. {}\n\n", step.number, escaped(&step.title));
    for (number, answer) in &step.answers {
        let value = answer.value.as_ref().map_or_else(String::new, |value| format!(": {}", escaped(value)));
        let by = escaped(&answer.by.to_string());
        let _ = writeln!(page, "- {number}{value}, {by} {}", answer.at.format("%H:%M:%S"));
    }
    for attempt in &step.attempts {
        let by = attempt.by.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
        let what = match attempt.part {
            AttemptPart::DoneIf => "Check before",
            AttemptPart::Work => "Command",
            AttemptPart::Verify => "Check after",
        };
        let _ = write!(page, "- {what}, {}, {}: ", attempt.at.format("%H:%M:%S"), escaped(&by));
        match &attempt.fate {
            AttemptFate::Running => page += "runs\n",
            AttemptFate::Lost { at } => {
                let _ = writeln!(page, "the engine died while it ran; found at {}", at.format("%H:%M:%S"));
            }
            AttemptFate::Ended { result, .. } => {
                #[expect(clippy::cast_precision_loss, reason = "nobody reads the milliseconds of a century")]
                let seconds = result.took_ms as f64 / 1000.0;
                let exit = result.exit.map_or_else(String::new, |exit| format!(", exit {exit}"));
                let tries = if result.tries > 1 { format!(", {} tries", result.tries) } else { String::new() };
                let _ = writeln!(page, "{} in {seconds:.1} s{exit}{tries}", escaped(&end_of(&result.end)));
                page += &output(&result.output);
            }
        }
    }
    page
}

fn end_of(end: &AttemptEnd) -> String {
    match end {
        AttemptEnd::Passed => "passed".to_owned(),
        AttemptEnd::Warned => "passed with a warning".to_owned(),
        AttemptEnd::Failed { why } => format!("did not pass: {why}"),
        AttemptEnd::TimedOut => "took too long and was ended".to_owned(),
        AttemptEnd::Cancelled => "was ended".to_owned(),
        AttemptEnd::NotStarted { why } => format!("was not begun: {why}"),
    }
}

fn output(kept: &KeptOutput) -> String {
    match kept {
        KeptOutput::Nothing => String::new(),
        KeptOutput::Hash { hash, bytes } => format!("\n  {bytes} bytes, HMAC-SHA256 {hash}\n"),
        KeptOutput::Text { text, .. } if text.trim().is_empty() => String::new(),
        KeptOutput::Text { text, bytes } => {
            let whole = text.len() as u64 >= *bytes;
            let cut = if whole { String::new() } else { format!("\n  The end of {bytes} bytes:\n") };
            // Four blanks after the list's two: a block that nothing inside of it can end.
            let lines = text.trim_end().lines().map(|line| {
                let safe: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                format!("      {safe}\n")
            });
            format!("{cut}\n{}\n", lines.collect::<String>())
        }
    }
}
