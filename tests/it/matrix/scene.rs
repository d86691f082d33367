//! One incident: what breaks, who suffers, what else happens meanwhile, and what an analysis sees of it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    diagnosis::{
        LogExcerpt,
        collect::{Entry, Zone},
    },
    domain::{Actor, Category, Command, Fix, IncidentId, Status, Vitals},
    platform::{CheckLevel, Reading, Sample},
};

use crate::dice::Dice;

use super::{
    hospital::{Hospital, Role, Stack, trouble},
    voice::{self, Level, Symptom},
};

/// A kind of incident, and what makes one.
pub type Family = (&'static str, fn(Scene) -> Incident);

/// What is true of an incident, and what would heal it.
#[derive(Debug, Clone)]
pub struct Truth {
    /// The service, and what kind of failure it is; none where nothing is wrong.
    pub cause: Option<(String, Category)>,
    /// What heals; where nothing declared does, nothing dangerous may be proposed.
    pub heals: Vec<Fix>,
}

/// A service that fails, and since when.
struct Failing {
    unit: usize,
    at: i64,
    status: Status,
    reason: String,
}

pub struct Scene {
    pub hospital: Hospital,
    pub dice: Dice,
    lines: Vec<Vec<(i64, String)>>,
    samples: Vec<(usize, &'static str, i64, Reading, String)>,
    failing: Vec<Failing>,
    mute: Vec<usize>,
}

/// A case as an analysis gets it, with the truth.
pub struct Incident {
    pub hospital: Hospital,
    pub vitals: Vitals,
    pub logs: Vec<LogExcerpt>,
    pub incident: IncidentId,
    pub now: DateTime<Utc>,
    pub truth: Truth,
}

pub fn at(second: i64) -> DateTime<Utc> {
    trouble() + TimeDelta::seconds(second)
}

impl Scene {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let hospital = Hospital::new(&mut dice);
        let units = hospital.units.len();
        let mut scene = Self {
            hospital,
            dice,
            lines: vec![Vec::new(); units],
            samples: Vec::new(),
            failing: Vec::new(),
            mute: Vec::new(),
        };
        for unit in 0..units {
            scene.day(unit);
        }
        scene
    }

    /// What everybody's log says all day, errors that mean nothing included.
    fn day(&mut self, unit: usize) {
        const USUAL: [&str; 4] =
            ["request done in 12 ms", "job finished", "session opened for ward 3", "checkpoint complete"];
        const OLD: [&str; 4] = [
            "could not send statistics: connection reset by peer",
            "mail of a report was rejected: mailbox unavailable",
            "deprecated call to /v0 by an old client",
            "printer queue 7 does not answer, trying again: timed out",
        ];
        let mut second = -3600;
        while second < 60 {
            let text = *self.dice.pick(&USUAL);
            self.say(unit, second, Level::Info, text);
            second += 20 + i64::try_from(self.dice.below(60)).unwrap();
        }
        if self.dice.happens(5000) {
            let text = *self.dice.pick(&OLD);
            for second in (-3500..60).step_by(170) {
                self.say(unit, second, Level::Error, text);
            }
        }
    }

    pub fn any(&mut self, fits: impl Fn(&Hospital, usize) -> bool) -> usize {
        let all: Vec<usize> = (0..self.hospital.units.len()).filter(|unit| fits(&self.hospital, *unit)).collect();
        assert!(!all.is_empty(), "no such service here");
        *self.dice.pick(&all)
    }

    pub fn name(&self, unit: usize) -> String {
        self.hospital.units[unit].name.clone()
    }

    pub fn stack(&self, unit: usize) -> Stack {
        self.hospital.units[unit].stack
    }

    pub fn from(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.dice.below(usize::try_from(high - low).unwrap())).unwrap()
    }

    pub fn say(&mut self, unit: usize, second: i64, level: Level, text: &str) {
        let line = voice::line(self.stack(unit), at(second), level, text);
        self.lines[unit].push((second, line));
    }

    /// An error that comes again and again from a second on.
    pub fn scream(&mut self, unit: usize, from: i64, text: &str) {
        for second in from..from + self.from(6, 40) {
            self.say(unit, second, Level::Error, text);
        }
    }

    /// A line that is not the service's own.
    pub fn system(&mut self, unit: usize, second: i64, who: &str, text: &str) {
        let line = voice::system(at(second), who, text);
        self.lines[unit].push((second, line));
    }

    /// Whoever wrote its log has written nothing from a second on.
    pub fn hush(&mut self, unit: usize, from: i64) {
        self.lines[unit].retain(|line| line.0 < from);
    }

    pub fn raw(&mut self, unit: usize, second: i64, line: &str) {
        self.lines[unit].push((second, line.to_owned()));
    }

    /// A check has come out so.
    pub fn sample(&mut self, unit: usize, check: &'static str, second: i64, reading: Reading, detail: &str) {
        self.samples.retain(|known| (known.0, known.1) != (unit, check));
        self.samples.push((unit, check, second, reading, detail.to_owned()));
    }

    /// The check that asks the service for an answer.
    pub fn asks(&self, unit: usize) -> &'static str {
        match self.hospital.units[unit].role {
            Role::Database | Role::Cache | Role::Queue => "port",
            _ => "http",
        }
    }

    /// A check fails, and the service is judged by it.
    pub fn fail(&mut self, unit: usize, check: &'static str, second: i64, reading: Reading, detail: &str) {
        let found = second + self.from(0, 20);
        self.sample(unit, check, found, reading, detail);
        let status = if reading == Reading::Bad { Status::Down } else { Status::Degraded };
        match self.failing.iter_mut().find(|failing| failing.unit == unit) {
            Some(failing) => failing.status = failing.status.max(status),
            None => self.failing.push(Failing { unit, at: found, status, reason: format!("{check}: {detail}") }),
        }
    }

    /// A version goes live so many seconds before the trouble.
    pub fn deploy(&mut self, unit: usize, version: &str, before: i64) {
        self.hospital.now = at(-before);
        self.hospital.deploy(unit, version);
    }

    /// Those above suffer: most of those next to it, many of those further up.
    pub fn cascade(&mut self, root: usize, symptom: Symptom) {
        let above = self.hospital.above(root);
        let mut hit = vec![root];
        for unit in above {
            let needs = self.hospital.units[unit].needs.clone();
            let Some(below) = needs.iter().copied().find(|needed| hit.contains(needed)) else { continue };
            if !self.dice.happens(8000) {
                continue;
            }
            hit.push(unit);
            let delay = self.from(1, 15);
            let (stack, name, port) = (self.stack(unit), self.name(below), self.hospital.units[below].port);
            let symptom = if below == root {
                symptom
            } else if symptom == Symptom::Slow {
                Symptom::Slow
            } else {
                Symptom::Failed
            };
            if self.dice.happens(8500) {
                self.scream(unit, delay, &symptom.words(stack, &name, port));
            } else {
                self.scream(unit, delay, "request failed: internal error");
            }
            let named = self.dice.happens(5000);
            let (reading, detail) = symptom.detail(&name, named);
            let check = self.asks(unit);
            self.fail(unit, check, delay, reading, &detail);
        }
    }

    /// What else happens: none of it has to do with the trouble.
    fn decoys(&mut self, root: Option<usize>) {
        let units = self.hospital.units.len();
        let hit: Vec<usize> = self.failing.iter().map(|failing| failing.unit).collect();
        let mut deployments: Vec<(i64, usize)> = Vec::new();
        if self.dice.happens(4000) {
            let unit = self.dice.below(units);
            if self.hospital.units[unit].code && root != Some(unit) {
                let before = self.from(20, 900);
                deployments.push((before, unit));
            }
        }
        if let Some(root) = root.filter(|root| self.hospital.units[*root].code)
            && self.hospital.state.live_version(&format!("{}-code", self.name(root))) == Some("v40")
            && self.dice.happens(3000)
        {
            let before = self.from(7200, 80_000);
            deployments.push((before, root));
        }
        deployments.sort_by_key(|deployment| -deployment.0);
        for (before, unit) in deployments {
            self.deploy(unit, "v42", before);
        }
        if self.dice.happens(4000) {
            let unit = self.dice.below(units);
            let new = self.dice.happens(3000);
            if !hit.contains(&unit) {
                let from = if new { -30 } else { -3000 };
                for second in (from..60).step_by(7) {
                    self.say(unit, second, Level::Error, "export to the archive failed, will be tried again");
                }
            }
        }
        // A sibling is slow: somebody that one of those who suffer needs too, or just anybody.
        if root.is_some() && self.dice.happens(2500) {
            let needed: Vec<usize> = hit.iter().flat_map(|unit| self.hospital.units[*unit].needs.clone()).collect();
            let unit = if needed.is_empty() { self.dice.below(units) } else { *self.dice.pick(&needed) };
            if !hit.contains(&unit) && root != Some(unit) {
                let check = self.asks(unit);
                if check == "http" {
                    let second = self.from(5, 25);
                    self.fail(unit, check, second, Reading::Slow, "HTTP 200 in 0.8 s");
                }
            }
        }
        // Not everything is heard of.
        if self.dice.happens(1000) {
            let unit = root.unwrap_or(0);
            self.lines[unit].clear();
        }
        for unit in 0..units {
            // Also what fails may have no checks that tell.
            if self.dice.happens(if Some(unit) == root { 300 } else { 700 }) {
                self.mute.push(unit);
            }
        }
    }

    /// The incident as the engine would have it, half a minute to two minutes after the trouble.
    pub fn finish(mut self, truth: Truth) -> Incident {
        let root = truth
            .cause
            .as_ref()
            .and_then(|(service, _)| self.hospital.units.iter().position(|unit| unit.name == *service));
        self.decoys(root);
        let end = self.from(35, 110);
        self.failing.sort_by_key(|failing| failing.at);
        let failing = std::mem::take(&mut self.failing);
        for found in failing.iter().filter(|found| !self.mute.contains(&found.unit)) {
            self.hospital.now = at(found.at.max(self.seconds()) + 1);
            self.hospital.judge(found.unit, found.status, &found.reason, Some(at(found.at)));
            let service = self.name(found.unit);
            self.hospital.give(&Actor::Engine, Command::OpenIncident { service });
        }
        self.hospital.now = at(end.max(self.seconds()));
        if self.hospital.state.incidents.is_empty() {
            let unit = root.unwrap_or_else(|| self.dice.below(self.hospital.units.len()));
            let declare = Command::DeclareIncident {
                severity: codeblue::domain::Severity::Sev3,
                title: "somebody called".to_owned(),
                services: vec![self.name(unit)],
            };
            self.hospital.give(&Actor::Operator("erin".to_owned()), declare);
        }
        let vitals = self.vitals(end);
        let logs = self.logs(end);
        let incident = *self.hospital.state.incidents.keys().next().unwrap();
        Incident { now: self.hospital.now, vitals, logs, incident, truth, hospital: self.hospital }
    }

    /// How many seconds after the trouble it is.
    fn seconds(&self) -> i64 {
        (self.hospital.now - trouble()).num_seconds()
    }

    fn vitals(&mut self, end: i64) -> Vitals {
        let mut vitals = Vitals::default();
        for unit in 0..self.hospital.units.len() {
            if self.mute.contains(&unit) {
                continue;
            }
            let service = self.name(unit);
            let checks: Vec<String> = self
                .hospital
                .state
                .platform
                .service(&service)
                .unwrap()
                .checks
                .iter()
                .map(|check| check.name.clone())
                .collect();
            for check in checks {
                let found = self.samples.iter().find(|sample| sample.0 == unit && sample.1 == check).cloned();
                let (second, reading, detail) = match found {
                    Some((_, _, second, reading, detail)) => (second, reading, detail),
                    None => (self.from(end - 30, end), Reading::Good, well(&check).to_owned()),
                };
                let latency = Duration::from_millis(if reading == Reading::Slow { 900 } else { 8 });
                let level = CheckLevel::Shallow;
                vitals.take(Sample {
                    service: service.clone(),
                    check,
                    level,
                    at: at(second),
                    reading,
                    latency,
                    detail,
                    measured: None,
                });
            }
        }
        vitals
    }

    /// The ends of the logs of those who are looked at.
    fn logs(&mut self, end: i64) -> Vec<LogExcerpt> {
        let state = &self.hospital.state;
        let named: Vec<String> = state.incidents.values().next().unwrap().services.clone();
        let mut services = named.clone();
        for service in &named {
            services.extend(state.platform.dependencies_of(service));
        }
        services.sort();
        services.dedup();
        let mut logs = Vec::new();
        for service in services {
            let unit = self.hospital.units.iter().position(|unit| unit.name == service).unwrap();
            let mut lines = std::mem::take(&mut self.lines[unit]);
            lines.sort_by_key(|line| line.0);
            let lines = lines.into_iter().filter(|line| line.0 <= end);
            let entries = lines.map(|line| Entry::read(&line.1, at(end), Zone::default())).collect();
            logs.push(LogExcerpt { path: format!("/var/log/{service}.log"), service, entries });
        }
        logs
    }
}

fn well(check: &str) -> &'static str {
    match check {
        "http" => "HTTP 200 in 12 ms",
        "process" => "process 812 runs, 41 of 1024 descriptors open",
        "port" => "connected",
        "sql" => "14 of 100 connections used; nobody waits for a lock",
        "file" => "intact",
        "rows" => "1204 rows as they were",
        "disk" => "41.0 % used: /srv, 118.0 GiB free",
        "memory" => "52.0 % used: memory, 15.1 GiB free",
        "cpu" => "23.0 % used: processor",
        "clock" => "this clock is 2 ms ahead, give or take 9 ms",
        "name" => "ehr.partner.example is 192.0.2.7",
        "depth" => "12",
        _ => "ok",
    }
}

pub fn roll_back(service: &str, what: &str) -> Fix {
    Fix::RollBack { component: format!("{service}-{what}") }
}

impl Scene {
    /// Those of these actions that the platform file declares.
    pub fn acts(&self, unit: usize, actions: &[&str]) -> Vec<Fix> {
        let service = self.name(unit);
        let declared = actions.iter().filter(|action| self.hospital.units[unit].can(action));
        declared.map(|action| Fix::RunAction { service: service.clone(), action: (*action).to_owned() }).collect()
    }

    pub fn truth(&self, unit: usize, category: Category, heals: Vec<Fix>) -> Truth {
        Truth { cause: Some((self.name(unit), category)), heals }
    }
}
