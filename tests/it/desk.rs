//! The rules without an engine around them: commands go in, events come out, policies react, all in memory and at once.
//! It does what the engine's loop does and no more, so that a test can run weeks in a second.

use std::{collections::VecDeque, path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    domain::{
        Actor, Command, Effect, Finding, Meta, Recorded, RecoveryId, RecoveryOutcome, Refusal, State, apply, decide,
        due, next_due, react,
    },
    platform::{Platform, parse},
};

/// Commands that policies may give in reaction to one command; more is a loop in the rules.
const REACTIONS: usize = 500;

/// A small hospital: a chain of dependencies, each kind of component, each role.
pub fn hospital(profile: &str, mode: &str) -> Arc<Platform> {
    read(&text(profile, mode))
}

/// The same with a portal of which one half is enough, each half worked on by plan every day.
pub fn wide_hospital(profile: &str, mode: &str) -> Arc<Platform> {
    let halves = ["portal-a", "portal-b"];
    let portal = service("portal", "high", &[]).replace("depends_on = []", &format!("depends_on = [{halves:?}]"));
    let halves = halves.map(|half| {
        let hour = if half == "portal-a" { 2 } else { 4 };
        let work = format!("[[maintenance]]\nservices = [\"{half}\"]\nat = \"daily 0{hour}:00\"\ntakes = \"45m\"\n");
        service(half, "medium", &[]) + &work
    });
    read(&(text(profile, mode) + &portal + &halves.concat()))
}

fn read(text: &str) -> Arc<Platform> {
    match parse(text, Path::new("/srv/codeblue.toml")) {
        Ok(platform) => Arc::new(platform),
        Err(problems) => panic!("{problems}"),
    }
}

fn text(profile: &str, mode: &str) -> String {
    format!(
        r#"
[platform]
name = "Hospital"
profile = "{profile}"
[access]
second_factor = "enrolled"
[automation]
mode = "{mode}"
{services}
[[component]]
name = "records"
service = "records-db"
kind = "database"
every = "15m"
sqlite = {{ path = "/srv/records/records.db" }}
[[component]]
name = "api-code"
service = "patient-api"
kind = "code"
every = "1h"
release = {{ root = "/srv/patient-api", reload = "systemctl reload patient-api" }}
[[component]]
name = "api-config"
service = "patient-api"
kind = "config"
every = "1h"
files = {{ paths = ["/srv/patient-api/config"] }}
[[component]]
name = "handout-files"
service = "handouts"
kind = "data"
every = "2h"
files = {{ paths = ["/srv/handouts/files"] }}
[[component]]
name = "handout-code"
service = "handouts"
kind = "code"
every = "2h"
release = {{ root = "/srv/handouts" }}
[[maintenance]]
services = ["handouts"]
at = "sun 03:00"
takes = "2h"
zone = "America/New_York"
[[operator]]
name = "alice"
roles = ["technical-lead"]
[[operator]]
name = "ben"
roles = ["technical-lead"]
[[operator]]
name = "carol"
roles = ["cto"]
[[operator]]
name = "erin"
roles = ["engineer"]
[[operator]]
name = "vic"
roles = ["viewer"]
"#,
        services = [
            service("records-db", "critical", &[]),
            service("auth", "high", &["records-db"]),
            service("patient-api", "critical", &["records-db", "auth"]),
            service("ai-analysis", "medium", &["patient-api"]),
            service("handouts", "low", &[]),
        ]
        .concat(),
    )
}

fn service(name: &str, criticality: &str, depends_on: &[&str]) -> String {
    // What hardly matters has nothing to contain it with.
    let contained = match criticality {
        "low" => String::new(),
        _ => format!(
            r#"
[[service.action]]
name = "isolate"
run = "systemctl stop {name}-ingress"
for = "contain"
[[service.action]]
name = "read-only"
run = "systemctl start {name}-read-only"
for = "stop-writes"
"#
        ),
    };
    format!(
        r#"
[[service]]
name = "{name}"
criticality = "{criticality}"
depends_on = {depends_on:?}
[[service.check]]
level = "shallow"
tcp = "127.0.0.1:1"
failures = 3
successes = 2
[[service.action]]
name = "restart"
run = "systemctl restart {name}"
risk = "low"
[[service.action]]
name = "wipe-cache"
run = "systemctl start {name}-wipe"
risk = "high"
{contained}"#
    )
}

/// Somebody who works here.
pub fn person(name: &str) -> Actor {
    Actor::Operator(name.to_owned())
}

/// A policy of the engine.
pub fn policy(name: &str) -> Actor {
    Actor::Policy(name.to_owned())
}

/// The state, the events that made it, and the effects that were to be started.
#[derive(Clone)]
pub struct Desk {
    pub state: State,
    pub log: Vec<Recorded>,
    /// Effects in the order in which they were asked for; whoever carries them out takes them from here.
    pub effects: Vec<Effect>,
    pub now: DateTime<Utc>,
}

impl Desk {
    /// A desk at which an engine has just started.
    pub fn new(platform: Arc<Platform>) -> Self {
        let mut desk = Self {
            state: State::default(),
            log: Vec::new(),
            effects: Vec::new(),
            now: DateTime::from_timestamp(1_767_225_600, 0).unwrap(),
        };
        desk.start();
        desk.engine(Command::LoadPlatform { platform });
        desk
    }

    /// What an engine does first.
    pub fn start(&mut self) {
        self.engine(Command::StartEngine {
            version: "1.0.0".to_owned(),
            host: "ward-1".to_owned(),
            origin: "codeblue/ward-1".to_owned(),
        });
    }

    /// Gives a command, and all that policies make of it.
    pub fn give(&mut self, actor: &Actor, command: Command) -> Result<Vec<Recorded>, Refusal> {
        let first = self.log.len();
        let mut queue = VecDeque::from([(actor.clone(), command, None)]);
        let mut reactions = 0;
        while let Some((actor, command, cause)) = queue.pop_front() {
            let meta = Meta::new(self.now, actor.clone());
            let events = match decide(&self.state, command, &meta) {
                Ok(events) => events,
                Err(refusal) if cause.is_none() => return Err(refusal),
                Err(_) => continue,
            };
            for event in events {
                let seq = self.state.seq + 1;
                let recorded =
                    Recorded { seq, at: self.now, actor: actor.clone(), cause, event, hash: format!("{seq:064x}") };
                apply(&mut self.state, &recorded);
                let reaction = react(&self.state, &recorded);
                self.effects.extend(reaction.effects);
                reactions += reaction.commands.len();
                assert!(reactions <= REACTIONS, "policies react to each other without end after {recorded:?}");
                queue.extend(reaction.commands.into_iter().map(|(name, command)| (policy(name), command, Some(seq))));
                self.log.push(recorded);
            }
        }
        Ok(self.log[first..].to_vec())
    }

    /// Gives a command that the rules must not refuse.
    pub fn must(&mut self, actor: &Actor, command: Command) -> Vec<Recorded> {
        let asked = format!("{command:?}");
        match self.give(actor, command) {
            Ok(events) => events,
            Err(refusal) => panic!("{actor} {asked}: {refusal}"),
        }
    }

    /// A report of the engine that the rules must not refuse.
    pub fn engine(&mut self, command: Command) -> Vec<Recorded> {
        self.must(&Actor::Engine, command)
    }

    /// Carries out a recovery whose every step goes well.
    pub fn carry_out(&mut self, recovery: RecoveryId) {
        for step in 0..self.state.recoveries[&recovery].steps.len() {
            self.engine(Command::StartStep { recovery, step });
            self.engine(Command::FinishStep { recovery, step, output: String::new(), finding: Finding::Nothing });
        }
        let outcome = RecoveryOutcome::Succeeded;
        self.engine(Command::EndRecovery { recovery, outcome, summary: "done".to_owned() });
    }

    /// Lets time pass, deadline by deadline, as an engine would that sleeps until each.
    pub fn wait(&mut self, time: TimeDelta) {
        let end = self.now + time;
        while let Some(at) = next_due(&self.state).filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.meet_deadlines();
        }
        self.now = end;
    }

    /// Gives the commands of every deadline that has passed. One that stays due would keep an engine awake for ever.
    pub fn meet_deadlines(&mut self) {
        for _ in 0..8 {
            let commands = due(&self.state, self.now);
            if commands.is_empty() {
                return;
            }
            for command in commands {
                let _ = self.give(&policy("deadline"), command);
            }
        }
        panic!("still due after eight rounds: {:?}", due(&self.state, self.now));
    }

    /// What the journal alone says is true: every event through its stored form and applied anew.
    pub fn replayed(&self) -> State {
        let mut state = State::default();
        for recorded in &self.log {
            let stored = serde_json::to_string(recorded).unwrap();
            apply(&mut state, &serde_json::from_str(&stored).unwrap());
        }
        state
    }
}
