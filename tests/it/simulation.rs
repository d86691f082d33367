//! Weeks in a hospital that does not exist, with engines that are killed and people who change their minds. Everything
//! follows from a seed; a failure prints it, and `CODEBLUE_SEED` plays that week alone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use codeblue::{
    domain::{
        Actor, AutomationMode, ChangeState, Command, Event, IncidentState, Judge, Message, RollbackRequest, Scope,
        Severity, SnapshotTrigger, State, Status, apply, unfinished,
    },
    platform::{Reading, Sample},
};

use crate::{
    desk::{Desk, hospital, person},
    executor::Executor,
    invariants::{Auditor, survives_storage},
    world::{Dice, World},
};

const PEOPLE: [&str; 5] = ["alice", "ben", "carol", "erin", "vic"];
/// Time between two rounds of checks.
const ROUND: TimeDelta = TimeDelta::seconds(30);
/// Rounds in a week.
const WEEK: usize = 7 * 24 * 60 * 2;
/// Rounds until everything has to be in order again, once people and faults are gone.
const CALM: usize = 12 * 60 * 2;

struct Simulation {
    dice: Dice,
    desk: Desk,
    world: World,
    executor: Executor,
    judges: BTreeMap<String, Judge>,
    auditor: Auditor,
    /// A state kept for a quick start, and how many events it holds.
    kept: (usize, State),
    crashes: usize,
}

impl Simulation {
    fn new(seed: u64, profile: &str, mode: &str) -> Self {
        let platform = hospital(profile, mode);
        let desk = Desk::new(platform.clone());
        Self {
            dice: Dice::new(seed),
            world: World::new(&platform),
            kept: (0, State::default()),
            desk,
            executor: Executor::default(),
            judges: BTreeMap::new(),
            auditor: Auditor::new(),
            crashes: 0,
        }
    }

    /// One round: time passes, checks run, versions are looked at, effects go on.
    fn round(&mut self) {
        self.desk.wait(ROUND);
        self.check_services();
        self.look_at_versions();
        self.executor.work(&mut self.desk, &mut self.world, &mut self.dice);
        self.desk.meet_deadlines();
        self.auditor.follow(&self.desk);
    }

    fn check_services(&mut self) {
        for service in &self.desk.state.platform.clone().services {
            let works = self.world.works(&self.desk.state.platform, &service.name);
            let known = self.desk.state.services[&service.name].status;
            let judge = self.judges.entry(service.name.clone()).or_insert_with(|| Judge::new(&service.name, known));
            judge.assume(&self.desk.state);
            let check = &service.checks[0];
            let sample = Sample {
                service: service.name.clone(),
                check: check.name.clone(),
                level: check.level,
                at: self.desk.now,
                reading: if works { Reading::Good } else { Reading::Bad },
                latency: std::time::Duration::from_millis(12),
                detail: if works { "ok" } else { "connection refused" }.to_owned(),
                measured: None,
            };
            if let Some(verdict) = judge.observe(check, &sample)
                && known != Status::Maintenance
            {
                self.desk.engine(Command::RecordVerdict(verdict));
            }
        }
    }

    fn look_at_versions(&mut self) {
        for (component, content) in &self.world.components {
            let switching =
                self.desk.state.running_recoveries().any(|run| run.plan.components().any(|name| name == component));
            if let (Some(version), false) = (&content.version, switching)
                && self.desk.state.live_version(component) != Some(version)
            {
                let command = Command::ObserveVersion { component: component.clone(), version: version.clone() };
                self.desk.engine(command);
            }
        }
    }

    /// `kill -9`, and a new engine over the same journal.
    fn crash(&mut self) {
        self.crashes += 1;
        self.executor.die(&self.desk, &mut self.world, &mut self.dice);
        self.judges.clear();
        let mut state = self.kept.1.clone();
        for recorded in &self.desk.log[self.kept.0..] {
            let stored = serde_json::to_string(recorded).unwrap();
            apply(&mut state, &serde_json::from_str(&stored).unwrap());
        }
        assert_eq!(state, self.desk.state, "the journal explains the state");
        self.desk.effects = unfinished(&state);
        self.desk.state = state;
        self.kept = (self.desk.log.len(), self.desk.state.clone());
        self.desk.start();
    }

    /// People do what people do: most of it sensible, some of it refused.
    fn people(&mut self) {
        let (dice, state) = (&mut self.dice, &self.desk.state);
        let mut wishes = Vec::new();
        for change in state.pending_changes() {
            let (id, reason) = (change.id, "the plan reads well".to_owned());
            if dice.happens(1000) {
                wishes.push(Command::ApproveChange { change: id, plan_hash: change.plan_hash.clone(), reason });
            } else if dice.happens(50) {
                wishes.push(Command::RejectChange { change: id, reason });
            } else if dice.happens(20) {
                wishes.push(Command::RevokeApproval { change: id, reason });
            } else if dice.happens(20) {
                wishes.push(Command::WithdrawChange { change: id, reason });
            }
        }
        for incident in state.incidents.values().rev().take(6) {
            let (id, reason) = (incident.id, "people say so".to_owned());
            let wish = match dice.below(4000) {
                0..340 => Command::AcknowledgeIncident { incident: id },
                400..430 => Command::NoteIncident { incident: id, text: reason },
                340..400 => Command::UpdateStakeholders {
                    incident: id,
                    message: Message { text: reason, conditions: None, actions: None, needs: None },
                },
                430..450 => Command::RequestDiagnosis { incident: id },
                450..460 => Command::EscalateIncident { incident: id, reason },
                460..500 => Command::CloseIncident { incident: id },
                500..505 => Command::ResolveIncident { incident: id, resolution: reason },
                505..510 => Command::ReopenIncident { incident: id, reason },
                510..520 => {
                    let ids: Vec<_> = state.open_incidents().map(|open| open.id).collect();
                    let Some(into) = ids.get(dice.below(ids.len())) else { continue };
                    Command::MergeIncident { incident: id, into: *into }
                }
                520..525 => {
                    let severity = *dice.pick(&Severity::ALL);
                    Command::SetIncidentSeverity { incident: id, severity, reason }
                }
                _ => continue,
            };
            wishes.push(wish);
        }
        for recovery in state.running_recoveries() {
            if dice.happens(100) {
                wishes.push(Command::CancelRecovery { recovery: recovery.id, reason: "wait".to_owned() });
            }
        }
        wishes.extend(self.whim());
        for wish in wishes {
            let who = person(PEOPLE[self.dice.below(PEOPLE.len())]);
            let _ = self.desk.give(&who, wish);
        }
    }

    /// Once in a while somebody wants something out of the blue.
    fn whim(&mut self) -> Option<Command> {
        let (dice, state) = (&mut self.dice, &self.desk.state);
        let component = dice.pick(&state.platform.components).name.clone();
        let service = dice.pick(&state.platform.services).name.clone();
        let reason = "on a whim".to_owned();
        Some(match dice.below(5000) {
            0..5 => Command::DeclareIncident {
                severity: *dice.pick(&Severity::ALL),
                title: reason,
                services: vec![service],
            },
            5..10 => {
                Command::RequestSnapshot { components: vec![component], trigger: SnapshotTrigger::OnDemand, reason }
            }
            10..20 => {
                let scope = if dice.happens(1000) { Scope::Everything } else { Scope::Components(vec![component]) };
                Command::RequestRollback(RollbackRequest { scope, to: None, reason, incident: None })
            }
            20..25 => Command::RequestAction { service, action: "restart".to_owned(), incident: None, reason },
            25..30 => {
                let ids: Vec<_> = state.recoveries.keys().rev().take(3).copied().collect();
                Command::UndoRecovery { recovery: *ids.get(dice.below(ids.len()))?, reason }
            }
            30..32 => Command::StartMaintenance {
                service,
                until: self.desk.now + TimeDelta::minutes(1 + i64::try_from(dice.below(90)).unwrap()),
                reason,
            },
            32 => {
                let from = self.desk.now + TimeDelta::minutes(1 + i64::try_from(dice.below(600)).unwrap());
                Command::PlanMaintenance { service, from, until: from + TimeDelta::minutes(30), reason }
            }
            33..35 => Command::HaltAutomation { reason },
            35..40 => Command::ReleaseAutomation,
            40..42 => Command::SetAutomation {
                mode: *dice.pick(&[AutomationMode::Observe, AutomationMode::Assist, AutomationMode::Auto]),
            },
            _ => return None,
        })
    }

    /// What must be in order once the faults are gone, however the week went.
    fn everything_is_in_order(&self) {
        let state = &self.desk.state;
        for (service, health) in &state.services {
            assert_eq!(health.status, Status::Healthy, "{service}: {}", health.reason);
        }
        assert_eq!(unfinished(state), [], "something was begun and never ended");
        for change in state.changes.values() {
            let over =
                !matches!(change.state, ChangeState::Pending | ChangeState::Approved | ChangeState::Implementing);
            assert!(over, "{} is still {}: {}", change.id, change.state, change.title);
        }
        let by_people: BTreeSet<_> = self
            .desk
            .log
            .iter()
            .filter(|recorded| matches!(recorded.actor, Actor::Operator(_)))
            .filter_map(|recorded| match &recorded.event {
                Event::IncidentOpened { incident, .. } | Event::IncidentReopened { incident, .. } => Some(*incident),
                _ => None,
            })
            .collect();
        let open = state.open_incidents().find(|incident| !by_people.contains(&incident.id));
        assert_eq!(open, None, "all services are well");
        for component in &state.platform.components {
            let age = state.recovery_point_age(&component.name, self.desk.now).map(|age| age.num_seconds());
            let allowed = i64::try_from(component.every.as_secs()).unwrap() + 600;
            assert!(
                age.is_some_and(|age| age <= allowed),
                "{}: the last good snapshot is {age:?} s old",
                component.name
            );
        }
    }
}

fn weeks(profile: &str, mode: &str, seeds: std::ops::Range<u64>) {
    let chosen: Option<u64> = std::env::var("CODEBLUE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds: Vec<u64> = chosen.map_or_else(|| seeds.collect(), |seed| vec![seed]);
    for seed in seeds {
        let played = std::panic::catch_unwind(|| week(seed, profile, mode));
        if let Err(panic) = played {
            eprintln!("seed {seed} with profile {profile} in mode {mode}: CODEBLUE_SEED={seed} plays it again");
            std::panic::resume_unwind(panic);
        }
    }
}

fn week(seed: u64, profile: &str, mode: &str) {
    let mut simulation = Simulation::new(seed, profile, mode);
    for _ in 0..WEEK {
        let now = simulation.desk.now;
        let platform = simulation.desk.state.platform.clone();
        simulation.world.trouble(&mut simulation.dice, &platform, now);
        simulation.people();
        if simulation.dice.happens(40) {
            simulation.crash();
        }
        simulation.round();
    }
    simulation.world.repair();
    for _ in 0..CALM {
        simulation.round();
    }
    // A snapshot may have been begun in the very last round.
    for _ in 0..4 {
        simulation.executor.work(&mut simulation.desk, &mut simulation.world, &mut simulation.dice);
        simulation.desk.now += ROUND;
    }
    simulation.auditor.check(&simulation.desk);
    survives_storage(&simulation.desk);
    simulation.everything_is_in_order();
    let state = &simulation.desk.state;
    let resolved = state.incidents.values().filter(|incident| incident.state >= IncidentState::Resolved).count();
    assert!(simulation.crashes > 20 && resolved > 5, "a week without crashes and incidents proves nothing");
    eprintln!(
        "seed {seed} {profile} {mode}: {} events, {} crashes, {} incidents, {} changes, {} recoveries, {} snapshots",
        simulation.desk.log.len(),
        simulation.crashes,
        state.incidents.len(),
        state.changes.len(),
        state.recoveries.len(),
        state.snapshots.len()
    );
}

#[test]
fn weeks_in_production_where_people_approve() {
    weeks("production", "assist", 1..3);
}

#[test]
fn weeks_in_staging_where_policies_act() {
    weeks("staging", "auto", 11..13);
}

#[test]
fn weeks_in_which_policies_only_watch() {
    weeks("production", "observe", 21..22);
}
