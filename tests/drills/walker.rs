//! Walks through a book as people do, by commands to the engine: each step by somebody who may do it, changes approved by somebody
//! else, tasks ticked and answered, and at the named steps what a route says.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use codeblue::{
    domain::{
        AttemptEnd, AttemptFate, AttemptPart, ChangeId, ChangeState, Command, Event, IncidentId, Run, RunId, RunMode,
        RunOutcome, RunStepState, SnapshotState, Stand, State, Status, StepAnswer, StepEnd,
        runbook::{Approval, Confirm, Step, Work},
        waits_for_change, who_may_approve,
    },
    platform::Role,
};

use super::{
    demo::{Demo, PATIENCE},
    routes::{Deed, Route},
};

const LOOK: Duration = Duration::from_millis(120);

/// What a walk through a book has shown of one step.
#[derive(Debug, Default, Clone)]
pub struct Shown {
    /// The drills in which it was begun.
    pub drills: BTreeSet<String>,
    /// How it ended, each time.
    pub ends: BTreeSet<String>,
    /// Whether it passed at least once.
    pub passed: bool,
    /// Whether its check after it has said once that it has worked.
    pub verified: bool,
    /// The choices that were taken.
    pub choices: BTreeSet<usize>,
}

/// By book and step.
pub type Coverage = BTreeMap<(String, String), Shown>;

/// Adds what other walks have shown.
pub fn add(coverage: &mut Coverage, walked: Coverage) {
    for (step, more) in walked {
        let shown = coverage.entry(step).or_default();
        shown.drills.extend(more.drills);
        shown.ends.extend(more.ends);
        shown.choices.extend(more.choices);
        shown.passed |= more.passed;
        shown.verified |= more.verified;
    }
}

/// Somebody who walks, while a drill is held.
pub struct Walker<'a> {
    pub demo: &'a Demo,
    pub drill: &'a str,
    /// Before anything was broken.
    pub since: DateTime<Utc>,
    pub incident: IncidentId,
    pub coverage: Coverage,
}

impl Walker<'_> {
    /// Walks one route to its end; what stands in its way, if something does.
    pub async fn walk(&mut self, book: &str, route: &Route) -> Result<RunOutcome, String> {
        let id = self.begin(book, route).await?;
        let mut deeds = route.deeds.iter().peekable();
        let mut begun = false;
        loop {
            let state = self.at_rest(id).await?;
            let run = &state.runs[&id];
            let Some(step) = run.current().cloned() else {
                let Stand::Ended { outcome, .. } = &run.stand else { return Err("it stands nowhere".to_owned()) };
                return match deeds.next() {
                    None => Ok(outcome.clone()),
                    Some((at, deed)) => Err(format!("over ({outcome}) before {deed:?} at {at}")),
                };
            };
            let deed = deeds.next_if(|(at, _)| *at == step.name).map_or(Deed::Do, |(_, deed)| *deed);
            let planned = deed != Deed::Do;
            begun |= planned;
            match deed {
                Deed::Choose(choice) => {
                    self.settle_proposals(&step, choice).await;
                    self.shown(run, &step).choices.insert(choice);
                    self.give(route, &step, answer(id, &step, StepAnswer::Choice { choice })).await?;
                    let shown = self.shown(run, &step);
                    shown.passed = true;
                }
                Deed::Undo => {
                    let (undone, _) = run.next_undo().ok_or_else(|| format!("{}: nothing to undo", step.name))?;
                    let undo = Command::UndoStep { run: id, step: undone.name.clone(), reason: "a drill".to_owned() };
                    self.give(route, undone, undo).await?;
                }
                Deed::Skip => {
                    let skip = Command::SkipStep { run: id, step: step.name.clone(), reason: "a drill".to_owned() };
                    self.give(route, &step, skip).await?;
                }
                Deed::Abandon => {
                    let abandon = Command::AbandonRun { run: id, reason: "a drill has seen enough".to_owned() };
                    self.give(route, &step, abandon).await?;
                }
                Deed::Do if route.hurries && !begun => {
                    let skip = Command::SkipStep { run: id, step: step.name.clone(), reason: "seen".to_owned() };
                    self.give(route, &step, skip).await?;
                }
                Deed::Do | Deed::Again if planned || !matches!(run.stand, Stand::Halted { .. }) => {
                    self.do_step(route, run, &step).await?;
                }
                Deed::Do | Deed::Again => {
                    let last = run.step(&step.name).and_then(|known| known.attempts.last());
                    return Err(format!("halted at {}: {:?}: {last:#?}", step.name, run.stand));
                }
            }
        }
    }

    /// Ends every run that is open.
    pub async fn leave(&self) {
        let state = self.demo.state().await;
        for run in state.runs.values().filter(|run| run.is_open()) {
            if let Some(step) = run.stand.step().filter(|_| run.is_busy()) {
                let reason = "a drill goes on".to_owned();
                let cancel = Command::CancelStep { run: run.id, step: step.to_owned(), reason };
                let _ = self.demo.client("alice").submit(&cancel).await;
                let _ = self.at_rest(run.id).await;
            }
            let abandon = Command::AbandonRun { run: run.id, reason: "it has failed".to_owned() };
            let _ = self.demo.client("alice").submit(&abandon).await;
        }
    }

    /// Says of every incident that is open that it is over, until none is.
    pub async fn resolve_all(&self) {
        let resolution = "a drill: what was broken works again".to_owned();
        self.demo
            .until("no incident is open", |state| {
                state.running_recoveries().next().is_none()
                    && state.services.values().all(|health| health.status == Status::Healthy)
            })
            .await;
        for incident in self.demo.state().await.open_incidents() {
            let resolve = Command::ResolveIncident { incident: incident.id, resolution: resolution.clone() };
            let _ = self.demo.client("alice").submit(&resolve).await;
        }
    }

    async fn begin(&self, book: &str, route: &Route) -> Result<RunId, String> {
        let log = self.demo.path("sandbox/logs/patient-api.log").display().to_string();
        let export = self.demo.path(&format!("export-{}", rand::random::<u32>())).display().to_string();
        let given = [("LOG", log), ("EXPORT", export)];
        let volume = codeblue::runbook::built_in().find(|volume| volume.id() == book);
        let known = volume.and_then(|volume| volume.reading.runbook).map(|book| book.front.inputs).unwrap_or_default();
        let given = given.into_iter().filter(|(name, _)| known.iter().any(|input| input.name == *name));
        let mut inputs: BTreeMap<String, String> = given.map(|(name, value)| (name.to_owned(), value)).collect();
        inputs.extend(route.inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let start = Command::StartRun {
            book: book.to_owned(),
            seen: None,
            inputs,
            incident: Some(self.incident),
            mode: RunMode::Drill,
            found: None,
        };
        let who = Self::person(Role::Engineer, route);
        let answer = self.demo.client(&who).submit(&start).await.map_err(|error| error.to_string())?;
        let begun = answer.events.iter().find_map(|one| match &one.event {
            Event::RunStarted { run, .. } => Some(*run),
            _ => None,
        });
        begun.ok_or_else(|| "no run began".to_owned())
    }

    /// Who does what takes a role.
    fn person(role: Role, route: &Route) -> String {
        match role {
            Role::Viewer | Role::Engineer => route.worker,
            Role::TechnicalLead => "alice",
            Role::Cto => "carol",
            Role::ComplianceOfficer => "dora",
        }
        .to_owned()
    }

    async fn give(&self, route: &Route, step: &Step, command: Command) -> Result<(), String> {
        let who = Self::person(step.role, route);
        let told = format!("{who} {command:?}");
        self.demo.client(&who).submit(&command).await.map(drop).map_err(|error| format!("{told}: {error}"))
    }

    /// Has a step run, or does it, and waits until that is over.
    async fn do_step(&mut self, route: &Route, run: &Run, step: &Step) -> Result<(), String> {
        self.shown(run, step);
        if let Work::Manual(manual) = &step.work {
            for (task, asked) in (1..).zip(&manual.tasks) {
                let said = match &asked.answer {
                    None => StepAnswer::Tick { task },
                    Some(input) => StepAnswer::Text { task, value: self.told(&input.name).await },
                };
                self.give(route, step, answer(run.id, step, said)).await?;
            }
        }
        if step.work.approval() == Approval::SecondPerson {
            let co_sign = Command::CoSignStep { run: run.id, step: step.name.clone() };
            self.demo.client("carol").submit(&co_sign).await.map_err(|error| format!("{}: {error}", step.name))?;
        }
        let confirmation = match &step.work {
            Work::Action(action) => match &action.confirm {
                Confirm::No => None,
                Confirm::Yes => Some("yes".to_owned()),
                Confirm::Typed(text) => Some(text.clone()),
            },
            _ => None,
        };
        self.give(route, step, Command::RunStep { run: run.id, step: step.name.clone(), confirmation }).await?;
        let state = self.at_rest(run.id).await?;
        let run = &state.runs[&run.id];
        let ended = run.step(&step.name).cloned().unwrap_or_default();
        let shown = self.shown(run, step);
        // What ends the run or comes back to the step leaves only its attempts.
        let newest = ended.attempts.iter().rev().find_map(|attempt| match &attempt.fate {
            AttemptFate::Ended { result, .. } => Some((attempt.part, result.end.clone())),
            _ => None,
        });
        let worked = matches!(newest, Some((_, AttemptEnd::Passed | AttemptEnd::Warned)));
        match &ended.state {
            RunStepState::Ended { end } => {
                shown.ends.insert(end.word().to_owned());
                shown.passed |= end.has_passed() || (worked && matches!(end, StepEnd::Undone { .. }));
                if !end.has_passed() {
                    println!("{} {}: {end}: {:?}", self.drill, step.name, ended.attempts.last().map(|last| &last.fate));
                }
            }
            _ => shown.passed |= worked,
        }
        if matches!(newest, Some((AttemptPart::Verify, AttemptEnd::Passed | AttemptEnd::Warned))) {
            self.shown(run, step).verified = true;
            if let Some(check) = step.decider().and_then(|name| run.book.step(name)) {
                self.shown(run, check).passed = true;
            }
        }
        Ok(())
    }

    fn shown(&mut self, run: &Run, step: &Step) -> &mut Shown {
        let shown = self.coverage.entry((run.book.front.id.clone(), step.name.clone())).or_default();
        shown.drills.insert(self.drill.to_owned());
        shown
    }

    /// What somebody who knows answers to what a task asks for.
    async fn told(&self, name: &str) -> String {
        match name {
            "GOOD" => {
                let state = self.demo.state().await;
                let good = state.snapshots.values().rev().find(|snapshot| {
                    snapshot.ended_at.is_some_and(|at| at < self.since)
                        && snapshot.state == SnapshotState::Complete
                        && snapshot.components.iter().any(|name| name == "records")
                });
                good.unwrap().id.to_string()
            }
            "SINCE" => self.since.to_rfc3339(),
            "PEOPLE" | "STATE" => "3".to_owned(),
            "ENCRYPTED" => "no".to_owned(),
            _ => "2026-11-22".to_owned(),
        }
    }

    /// The state once the run goes on by itself no more; whoever can approves what it waits for.
    async fn at_rest(&self, id: RunId) -> Result<State, String> {
        let begun = Instant::now();
        loop {
            let state = self.demo.state().await;
            let run = &state.runs[&id];
            if run.is_at_rest() {
                return Ok(state);
            }
            if let Some(step) = run.current()
                && let Some(change) = waits_for_change(&state, run, step)
            {
                self.agree(&state, change).await;
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!(
                    "never at rest: {:?}: {:#?}",
                    run.stand,
                    run.current().map(|step| &run.steps[&step.name])
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Before somebody goes another way, what policies propose is rejected; where it is the cure, it is approved.
    async fn settle_proposals(&self, step: &Step, choice: usize) {
        let Work::Decision { choices } = &step.work else { return };
        let is_cure = choices[choice - 1].text.starts_with("A change that waits");
        let state = self.demo.state().await;
        let open = state.changes.values().filter(|change| change.state == ChangeState::Pending);
        for change in open.map(|change| change.id) {
            if is_cure {
                self.agree(&state, change).await;
            } else {
                let reject = Command::RejectChange { change, reason: "a drill goes another way".to_owned() };
                let _ = self.demo.client("alice").submit(&reject).await;
            }
        }
    }

    /// Everybody whose yes a change lacks says yes.
    async fn agree(&self, state: &State, change: ChangeId) {
        let change = &state.changes[&change];
        for (_, able) in who_may_approve(state, change) {
            let Some(name) = able.first() else { continue };
            let yes = Command::approve(change.id, change.plan_hash.clone(), "a drill".to_owned());
            // Somebody else may have been quicker.
            let _ = self.demo.client(name).submit(&yes).await;
        }
    }
}

fn answer(run: RunId, step: &Step, answer: StepAnswer) -> Command {
    Command::AnswerStep { run, step: step.name.clone(), answer }
}
