//! Carries out effects in a world that does not exist, the way the engine does in the real one: intent first, then the act,
//! then the report; and at any point it may be cut off.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::domain::{
    Actor, Captured, Command, Criterion, DiagnosisId, Effect, Finding, Proof, Recovery, RecoveryId, RecoveryOutcome,
    SnapshotId, SnapshotState, Step, StepState, Strategy, TestResult, steps_back,
};

use crate::{
    desk::Desk,
    properties::document,
    world::{Dice, World},
};

/// What runs, and when each is looked after next. It lives in memory alone, as in an engine.
#[derive(Default)]
pub struct Executor {
    jobs: BTreeMap<String, (Effect, DateTime<Utc>)>,
    validating: BTreeMap<RecoveryId, DateTime<Utc>>,
}

impl Executor {
    /// Begins what the desk asks for and goes one step on with everything whose time has come.
    pub fn work(&mut self, desk: &mut Desk, world: &mut World, dice: &mut Dice) {
        for effect in desk.effects.drain(..) {
            let begin = desk.now + TimeDelta::seconds(1 + i64::try_from(dice.below(20)).unwrap());
            self.jobs.entry(format!("{effect:?}")).or_insert((effect, begin));
        }
        let ready: Vec<(String, Effect)> = self
            .jobs
            .iter()
            .filter(|(_, (_, at))| *at <= desk.now)
            .map(|(key, (effect, _))| (key.clone(), *effect))
            .collect();
        for (key, effect) in ready {
            let goes_on = match effect {
                Effect::Diagnose(id) => diagnose(desk, world, dice, id),
                Effect::TakeSnapshot(id) => take_snapshot(desk, world, dice, id),
                Effect::Prove(id, proof) => prove(desk, world, dice, id, proof),
                Effect::PruneVault => prune(desk, world),
                Effect::Validate(recovery, phase) => {
                    let passed = !dice.happens(500);
                    let (what, wanted, found) = ("checks".to_owned(), "all".to_owned(), "some".to_owned());
                    let criteria = vec![Criterion { what, wanted, found, passed, decides: true }];
                    desk.engine(Command::RecordValidation { recovery, phase, criteria });
                    false
                }
                Effect::RepairVault => {
                    desk.engine(Command::EndRepair { whole: true, found: "2 files".to_owned() });
                    false
                }
                Effect::Replicate => {
                    let problem = dice.happens(500).then(|| "connection refused".to_owned());
                    desk.engine(Command::EndReplication { problem });
                    false
                }
                Effect::RunRecovery(id) => self.recover(desk, world, dice, id),
                // No year of a hospital walks through a runbook yet: `runs` has those.
                Effect::RunStep(..) => false,
            };
            if goes_on {
                let next = desk.now + TimeDelta::seconds(1 + i64::try_from(dice.below(30)).unwrap());
                self.jobs.insert(key, (effect, next));
            } else {
                self.jobs.remove(&key);
            }
        }
    }

    /// The engine was killed in the middle of something: some of it happened in the world, and nobody was told.
    pub fn die(&mut self, desk: &Desk, world: &mut World, dice: &mut Dice) {
        for recovery in desk.state.running_recoveries() {
            let running = recovery.steps.iter().position(|step| step.state == StepState::Running);
            if let Some(step) = running.filter(|_| dice.happens(5000)) {
                act(world, &recovery.plan.steps[step]);
            }
        }
        *self = Self::default();
    }

    /// One round of carrying out a plan; tells whether there is more to do.
    fn recover(&mut self, desk: &mut Desk, world: &mut World, dice: &mut Dice, id: RecoveryId) -> bool {
        let recovery = desk.state.recoveries[&id].clone();
        if !recovery.is_running() {
            return false;
        }
        let Some(index) = recovery.next_step() else {
            end(desk, id, RecoveryOutcome::Succeeded, "all steps are done");
            return false;
        };
        let step = &recovery.plan.steps[index];
        match recovery.steps[index].state {
            StepState::Failed => {
                if !matches!(step, Step::Validate { .. }) || recovery.plan.strategy == Strategy::Progressive {
                    take_back(desk, world, &recovery);
                }
                end(desk, id, RecoveryOutcome::Failed, "a step failed");
                return false;
            }
            StepState::Waiting if recovery.cancel_requested => {
                end(desk, id, RecoveryOutcome::Cancelled, "stopped");
                return false;
            }
            StepState::Waiting => {
                desk.engine(Command::StartStep { recovery: id, step: index });
                return true;
            }
            StepState::Running | StepState::Done | StepState::Skipped => {}
        }
        let mut finding = Finding::Nothing;
        let outcome = match step {
            Step::SafetySnapshot { components } => safety_snapshot(desk, world, dice, id, components),
            Step::Validate { services } => match self.validate(desk, world, id, services) {
                Some(outcome) => outcome,
                None => return true,
            },
            _ if dice.happens(200) => Err("it could not be done".to_owned()),
            Step::RollForward { component, to } => {
                let left_at = world.components[component].version.clone().unwrap_or_default();
                world.switch(component, to);
                finding = healthy(desk, world, &recovery.plan.services);
                if finding == Finding::Unhealthy {
                    world.switch(component, &left_at);
                }
                Ok(())
            }
            Step::StopIfHealthy { services } => {
                finding = healthy(desk, world, services);
                Ok(())
            }
            step => {
                act(world, step);
                Ok(())
            }
        };
        match outcome {
            Ok(()) => {
                desk.engine(Command::FinishStep { recovery: id, step: index, output: "done".to_owned(), finding })
            }
            Err(error) => desk.engine(Command::FailStep { recovery: id, step: index, error }),
        };
        true
    }

    /// Services have a minute to come back.
    fn validate(
        &mut self,
        desk: &Desk,
        world: &World,
        id: RecoveryId,
        services: &[String],
    ) -> Option<Result<(), String>> {
        let begun = *self.validating.entry(id).or_insert(desk.now);
        if services.iter().all(|service| world.works(&desk.state.platform, service)) {
            return Some(Ok(()));
        }
        (desk.now - begun > TimeDelta::minutes(1)).then(|| Err("still failing".to_owned()))
    }
}

fn act(world: &mut World, step: &Step) {
    match step {
        Step::SwitchRelease { component, to, .. } => world.switch(component, to),
        Step::RestoreSnapshot { component, vault_id, .. } => world.restore(component, vault_id),
        Step::RunAction { service, action } if action == "restart" => world.restart(service),
        _ => {}
    }
}

fn end(desk: &mut Desk, id: RecoveryId, outcome: RecoveryOutcome, summary: &str) {
    desk.engine(Command::EndRecovery { recovery: id, outcome, summary: summary.to_owned() });
}

fn healthy(desk: &Desk, world: &World, services: &[String]) -> Finding {
    let all = services.iter().all(|service| world.works(&desk.state.platform, service));
    if all { Finding::Healthy } else { Finding::Unhealthy }
}

/// Changes made before a step that failed are taken back, the last one first.
fn take_back(desk: &Desk, world: &mut World, recovery: &Recovery) {
    for step in steps_back(&desk.state, recovery, |_, run| run.state == StepState::Done).unwrap() {
        act(world, &step);
    }
}

fn safety_snapshot(
    desk: &mut Desk,
    world: &mut World,
    dice: &mut Dice,
    id: RecoveryId,
    components: &[String],
) -> Result<(), String> {
    desk.give(&Actor::Engine, Command::BeginSafetySnapshot { recovery: id, components: components.to_vec() })
        .map_err(|refusal| refusal.to_string())?;
    let snapshot = desk.state.recoveries[&id].safety_snapshot.ok_or("the safety snapshot was not begun")?;
    take_snapshot(desk, world, dice, snapshot);
    match desk.state.snapshots[&snapshot].state {
        SnapshotState::Failed(_) => Err("no safety snapshot, so nothing was changed".to_owned()),
        _ => Ok(()),
    }
}

fn take_snapshot(desk: &mut Desk, world: &mut World, dice: &mut Dice, id: SnapshotId) -> bool {
    let snapshot = desk.state.snapshots[&id].clone();
    if dice.happens(300) {
        desk.engine(Command::FailSnapshot { snapshot: id, error: "disk full".to_owned() });
        return false;
    }
    let mut captured = Vec::new();
    for component in &snapshot.components {
        let vault_id = id.to_string();
        world.capture(component, &vault_id);
        captured.push(Captured {
            component: component.clone(),
            vault_id,
            files: 1,
            bytes: 1000,
            added_bytes: 10,
            unreadable: Vec::new(),
            version: world.components[component].version.clone(),
            good: desk.state.is_component_healthy(component),
        });
    }
    desk.engine(Command::FinishSnapshot { snapshot: id, captured, total_bytes: 1_000_000 });
    false
}

/// Most proofs succeed; some cannot be made, and a few snapshots turn out to be bad.
fn prove(desk: &mut Desk, world: &World, dice: &mut Dice, id: SnapshotId, proof: Proof) -> bool {
    let snapshot = desk.state.snapshots[&id].clone();
    for held in &snapshot.captured {
        assert!(world.vault.contains_key(&format!("{}@{}", held.component, held.vault_id)), "{id} is not in the vault");
    }
    let (passed, detail) = (!dice.happens(100), "tried".to_owned());
    desk.engine(if dice.happens(500) {
        Command::FailProof { snapshot: id, proof, error: "disk full".to_owned() }
    } else if proof == Proof::Integrity {
        Command::RecordSnapshotCheck { snapshot: id, problems: if passed { Vec::new() } else { vec![detail] } }
    } else {
        let tested = snapshot.captured.iter().map(|held| TestResult {
            component: held.component.clone(),
            passed,
            detail: detail.clone(),
            milliseconds: 10,
        });
        Command::RecordTestRestore { snapshot: id, results: tested.collect() }
    });
    false
}

fn prune(desk: &mut Desk, world: &mut World) -> bool {
    let vault_ids = desk.state.vault.forgotten.clone();
    world.forget(&vault_ids);
    desk.engine(Command::FinishPrune { vault_ids, total_bytes: 1_000 });
    false
}

fn diagnose(desk: &mut Desk, world: &World, dice: &mut Dice, id: DiagnosisId) -> bool {
    if dice.happens(1000) {
        desk.engine(Command::FailDiagnosis { diagnosis: id, error: "no evidence".to_owned() });
        return false;
    }
    let platform = &desk.state.platform;
    let broken: Vec<&str> = platform
        .services
        .iter()
        .map(|service| service.name.as_str())
        .filter(|name| !world.works(platform, name))
        .filter(|name| platform.dependencies_of(name).iter().all(|needed| world.works(platform, needed)))
        .collect();
    // Now and then it blames somebody else.
    let blamed = match broken.first() {
        Some(root) if dice.happens(8000) => *root,
        _ => dice.pick(&platform.services).name.as_str(),
    };
    let confidence = 0.5 + 0.05 * f64::from(u8::try_from(dice.below(10)).unwrap());
    let document = document(&desk.state, id, blamed, confidence, u8::try_from(dice.below(2)).unwrap());
    desk.engine(Command::ConcludeDiagnosis { diagnosis: id, document: document.into() });
    false
}
