//! Weeks in a hospital that does not exist, with engines that are killed and people who change their minds. Everything
//! follows from a seed; a failure prints it, and `CODEBLUE_SEED` plays that week alone. `CODEBLUE_TEST_SEEDS=1000` plays so many
//! bad shifts instead of a few, `CODEBLUE_TEST_SEEDS=1500..2000` those of these seeds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
};

use chrono::TimeDelta;
use codeblue::{
    domain::{
        ActionKind, Actor, AutomationMode, ChangeState, Command, ErrorCounts, ErrorEvent, ErrorGroup, Event, Findings,
        Incident, IncidentState, Judge, Message, Recorded, RollbackRequest, Scope, Severity, SnapshotTrigger, State,
        Status, apply, unfinished,
    },
    platform::{Reading, Sample},
};

use crate::{
    desk::{Desk, person, policy, wide_hospital},
    executor::Executor,
    invariants::{Auditor, survives_storage},
    world::{Dice, World},
};

const PEOPLE: [&str; 5] = ["alice", "ben", "carol", "erin", "vic"];
/// Time between two rounds of checks.
const ROUND: TimeDelta = TimeDelta::seconds(30);
/// Rounds in a week.
const WEEK: usize = 7 * 24 * 60 * 2;
/// Rounds in a shift, in which so many times as much goes wrong.
const SHIFT: usize = 4 * 60 * 2;
const BAD_SHIFT: u64 = 4;
/// Incidents that policies open, or that come back by themselves, in an hour at most.
const OUTBREAKS: usize = 16;
/// Calls for people in an hour at most.
const CALLS: usize = 48;
/// Rounds in which everything is repaired, at the begin of the calm.
const REPAIRS: usize = 60;
/// Rounds until everything has to be in order again, once people and faults are gone.
const CALM: usize = 12 * 60 * 2;
const CALM_AFTER_SHIFT: usize = 3 * 60 * 2;

struct Simulation {
    dice: Dice,
    desk: Desk,
    world: World,
    executor: Executor,
    judges: BTreeMap<String, Judge>,
    counts: ErrorCounts,
    auditor: Auditor,
    /// A state kept for a quick start, and how many events it holds.
    kept: (usize, State),
    crashes: usize,
    /// Faults and people are gone.
    calm: bool,
}

impl Simulation {
    fn new(seed: u64, profile: &str, mode: &str) -> Self {
        let platform = wide_hospital(profile, mode);
        let desk = Desk::new(platform.clone());
        Self {
            dice: Dice::new(seed),
            world: World::new(&platform),
            kept: (0, State::default()),
            desk,
            executor: Executor::default(),
            judges: BTreeMap::new(),
            counts: ErrorCounts::default(),
            auditor: Auditor::new(),
            crashes: 0,
            calm: false,
        }
    }

    /// One round: time passes, checks run, versions are looked at, effects go on.
    fn round(&mut self) {
        self.desk.wait(ROUND);
        self.check_services();
        if !self.calm {
            self.hear_errors();
        }
        for command in self.counts.stopped(&self.desk.state, self.desk.now) {
            let _ = self.desk.give(&policy("errors have stopped"), command);
        }
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

    /// What is broken says so, and what is not says things too.
    fn hear_errors(&mut self) {
        let platform = self.desk.state.platform.clone();
        for service in &platform.services {
            let works = self.world.works(&platform, &service.name);
            let message = match self.dice.below(200_000) {
                0 => "privilege escalation by uid 1004",
                1..3 => "checksum mismatch in a page",
                3..400 => "field dose is required",
                400..800 => "request timed out",
                800..40_000 if !works => "connection refused by its peer",
                _ => continue,
            };
            let count = if self.dice.happens(300) { 30 } else { 1 };
            let (service, message) = (service.name.clone(), message.to_owned());
            let error = ErrorEvent { service, message, count, ..ErrorEvent::default() };
            let (errors, burst) = self.counts.take(&ErrorGroup::of(&error, self.desk.now), self.desk.now);
            self.desk.must(&policy("error events"), Command::RecordErrors { errors, burst });
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
        self.counts = ErrorCounts::default();
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
                wishes.push(Command::approve(id, change.plan_hash.clone(), reason));
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
                460..480 => Command::CloseIncident { incident: id },
                480..500 => Command::CloseIncidentOwing { incident: id, reason },
                525..535 => {
                    let Some(other) = state.incidents.keys().next().copied() else { continue };
                    Command::LinkIncident { incident: id, other }
                }
                535..555 => {
                    let said = || vec![reason.clone()];
                    let findings = Findings { well: said(), badly: said(), lucky: said(), lessons: said() };
                    Command::WritePostMortem { incident: id, findings }
                }
                555..565 => Command::CompletePostMortem { incident: id },
                565..575 => {
                    let due = Some((self.desk.now + TimeDelta::days(1)).date_naive());
                    let (kind, owner) = (ActionKind::Detect, Some("erin".to_owned()));
                    Command::AddActionItem { incident: id, what: reason, kind, owner, due }
                }
                575..580 => Command::FinishActionItem { incident: id, item: 1 },
                580..640 if !incident.workflow.heals() => Command::ResolveIncident { incident: id, resolution: reason },
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
                let from = self.desk.now + TimeDelta::minutes(1 + i64::try_from(dice.below(100)).unwrap());
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
    fn everything_is_in_order(&self, calm: TimeDelta) {
        let state = &self.desk.state;
        for (service, health) in &state.services {
            assert_eq!(health.status, Status::Healthy, "{service}: {}", health.reason);
        }
        assert_eq!(unfinished(state), [], "something was begun and never ended");
        for change in state.changes.values() {
            let over =
                !matches!(change.state, ChangeState::Pending | ChangeState::Approved | ChangeState::Implementing);
            // What is no emergency has hours until somebody has to decide.
            let over = over || change.state == ChangeState::Pending && change.expires_at > self.desk.now;
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
        // What people alone may end is open until they do.
        let ends = |id| state.incidents.get(id).is_some_and(|incident: &Incident| incident.workflow.heals());
        let open = state.open_incidents().find(|incident| ends(&incident.id) && !by_people.contains(&incident.id));
        assert_eq!(open, None, "all services are well");
        for component in &state.platform.components {
            let age = state.recovery_point_age(&component.name, self.desk.now).map(|age| age.num_seconds());
            let every = i64::try_from(component.every.as_secs()).unwrap();
            // What was worked on by plan when its time came is captured in good health one time later.
            let settles = TimeDelta::seconds(2 * every) + TimeDelta::minutes(90);
            assert!(
                settles > calm || age.is_some_and(|age| age <= every + 600),
                "{}: the last good snapshot is {age:?} s old",
                component.name
            );
        }
    }
}

/// Nobody is called more often than they can come.
fn is_no_storm(log: &[Recorded]) -> (usize, usize) {
    let mut hours: BTreeMap<i64, (usize, usize)> = BTreeMap::new();
    for recorded in log.iter().filter(|recorded| recorded.actor.operator().is_none()) {
        let (outbreaks, calls) = hours.entry(recorded.at.timestamp() / 3600).or_default();
        match recorded.event {
            Event::IncidentOpened { .. } | Event::IncidentReopened { .. } => *outbreaks += 1,
            Event::PeopleToCall { .. } => *calls += 1,
            _ => {}
        }
    }
    let most = hours.values().fold((0, 0), |most, hour| (most.0.max(hour.0), most.1.max(hour.1)));
    assert!(most.0 <= OUTBREAKS && most.1 <= CALLS, "in one hour {} incidents and {} calls", most.0, most.1);
    most
}

fn weeks(profile: &str, mode: &str, seeds: std::ops::Range<u64>) {
    let chosen: Option<u64> = std::env::var("CODEBLUE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds: Vec<u64> = chosen.map_or_else(|| seeds.collect(), |seed| vec![seed]);
    for seed in seeds {
        let played = std::panic::catch_unwind(|| play(seed, profile, mode, WEEK));
        if let Err(panic) = played {
            eprintln!("seed {seed} with profile {profile} in mode {mode}: CODEBLUE_SEED={seed} plays it again");
            std::panic::resume_unwind(panic);
        }
    }
}

fn play(seed: u64, profile: &str, mode: &str, rounds: usize) {
    let mut simulation = Simulation::new(seed, profile, mode);
    let (bad, calm) = if rounds < WEEK { (BAD_SHIFT, CALM_AFTER_SHIFT) } else { (1, CALM) };
    for _ in 0..rounds {
        let now = simulation.desk.now;
        let platform = simulation.desk.state.platform.clone();
        for _ in 0..bad {
            simulation.world.trouble(&mut simulation.dice, &platform, now);
            simulation.people();
        }
        if simulation.dice.happens(40 * bad) {
            simulation.crash();
        }
        simulation.world.beat();
        simulation.round();
    }
    simulation.calm = true;
    for round in 0..calm {
        // Again, because a recovery that was under way may put back what is wrong.
        if round < REPAIRS {
            simulation.world.repair();
        }
        simulation.round();
    }
    // A snapshot may have been begun in the very last round.
    for _ in 0..4 {
        simulation.executor.work(&mut simulation.desk, &mut simulation.world, &mut simulation.dice);
        simulation.desk.now += ROUND;
    }
    simulation.auditor.check(&simulation.desk);
    survives_storage(&simulation.desk);
    simulation.everything_is_in_order(ROUND * i32::try_from(calm).unwrap());
    let (outbreaks, calls) = is_no_storm(&simulation.desk.log);
    let state = &simulation.desk.state;
    let resolved = state.incidents.values().filter(|incident| incident.state >= IncidentState::Resolved).count();
    assert!(
        rounds < WEEK || simulation.crashes > 20 && resolved > 5,
        "a week without crashes and incidents proves nothing"
    );
    eprintln!(
        "seed {seed} {profile} {mode}: {} events, {} crashes, {} incidents, {} changes, {} recoveries, {} snapshots; \
         {outbreaks} incidents and {calls} calls in the busiest hour",
        simulation.desk.log.len(),
        simulation.crashes,
        state.incidents.len(),
        state.changes.len(),
        state.recoveries.len(),
        state.snapshots.len()
    );
}

/// Each shift is in a hospital of another kind, as its seed says.
#[test]
fn bad_shifts_of_all_kinds() {
    let number = |text: &str| text.parse::<u64>().unwrap();
    let asked = std::env::var("CODEBLUE_TEST_SEEDS").unwrap_or_else(|_| "20".to_owned());
    let seeds = match (std::env::var("CODEBLUE_SEED"), asked.split_once("..")) {
        (Ok(seed), _) => number(&seed)..number(&seed) + 1,
        (_, Some((from, to))) => number(from)..number(to),
        (_, None) => 1001..1001 + number(&asked),
    };
    let next = AtomicU64::new(seeds.start);
    let shifts = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let mut dice = Dice::new(seed.wrapping_mul(0x9e37));
            let profile = *dice.pick(&["staging", "production"]);
            let mode = *dice.pick(&["observe", "assist", "auto"]);
            let played = std::panic::catch_unwind(|| play(seed, profile, mode, SHIFT));
            if let Err(panic) = played {
                eprintln!("shift {seed}, profile {profile}, mode {mode}: CODEBLUE_SEED={seed} plays it again");
                next.store(u64::MAX / 2, Ordering::Relaxed);
                std::panic::resume_unwind(panic);
            }
        }
    };
    std::thread::scope(|threads| {
        threads.spawn(shifts);
        shifts();
    });
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
