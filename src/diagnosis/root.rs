//! Where it sits: which services come into question, and how much of the trouble of each another one explains.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    accused::Accusation,
    line::Level,
    logs::Repeated,
    names::Names,
    signs::{self, Place, SILENT, has},
};
use crate::{
    domain::{Cause, Incident, State, Status, Vitals},
    platform::{Probe, Reading, Sample},
};

/// A service below that explains so much leaves nothing to look for above.
pub(super) const EXPLAINED_FROM: f64 = 0.5;

/// From this weight on words mean hardly anything else.
const PLAIN: f64 = 0.75;

/// What a service or its host lacks or has lost, and is not only passed on by it.
fn is_of_the_host(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Corruption
            | Cause::DiskFull
            | Cause::OutOfMemory
            | Cause::OutOfDescriptors
            | Cause::Connectivity
            | Cause::LockContention
            | Cause::ClockSkew
            | Cause::PoolExhausted
            | Cause::ProcessorSaturated
            | Cause::Slowness
    )
}

/// The latest results of a service's checks with this reading.
pub(super) fn checks<'a>(vitals: &'a Vitals, service: &str, reading: Reading) -> Vec<&'a Sample> {
    vitals
        .services
        .get(service)
        .map(|figures| figures.checks.values().map(Box::as_ref).filter(|sample| sample.reading == reading).collect())
        .unwrap_or_default()
}

/// All that is known of where an incident may sit.
pub(super) struct Ground<'a> {
    pub(super) state: &'a State,
    pub(super) vitals: &'a Vitals,
    pub(super) names: &'a Names,
    /// What those above say against services whose checks may be content.
    pub(super) accused: &'a [Accusation],
    /// What the log of each service tells.
    pub(super) told: &'a BTreeMap<String, Vec<Repeated>>,
    /// When the trouble was noticed first.
    pub(super) trouble: DateTime<Utc>,
}

impl Ground<'_> {
    /// What is looked at: the services of an incident that fail, those of what they depend on, and those that they complain of.
    pub(super) fn suspects(&self, incident: &Incident) -> Vec<String> {
        let mut candidates = incident.services.clone();
        for service in &incident.services {
            candidates.extend(self.state.platform.dependencies_of(service));
        }
        candidates.sort();
        candidates.dedup();
        let failing: Vec<String> = candidates.iter().filter(|name| self.fails(name)).cloned().collect();
        let is_blamed =
            |name: &String| failing.iter().any(|above| self.is_accused(name, above) || self.is_told_on(name, above));
        candidates.retain(|name| failing.contains(name) || self.speaks(name) || is_blamed(name));
        candidates
    }

    /// Whether it is judged to fail, or one of its checks does: those above may have been judged first.
    pub(super) fn fails(&self, name: &str) -> bool {
        self.state.services.get(name).is_some_and(|health| matches!(health.status, Status::Down | Status::Degraded))
            || [Reading::Bad, Reading::Slow].iter().any(|reading| !checks(self.vitals, name, *reading).is_empty())
    }

    fn is_down(&self, name: &str) -> bool {
        self.state.services.get(name).is_some_and(|health| health.status == Status::Down)
            || !checks(self.vitals, name, Reading::Bad).is_empty()
    }

    /// Its checks have found it well since the trouble began, and none has found it otherwise.
    pub(super) fn is_cleared(&self, name: &str) -> bool {
        let good = checks(self.vitals, name, Reading::Good).iter().any(|sample| sample.at >= self.trouble);
        good && !self.fails(name) && !self.speaks(name)
    }

    /// Whether its own log newly tells of a trouble by words that mean hardly anything else: then checks that are content have
    /// looked elsewhere.
    fn speaks(&self, name: &str) -> bool {
        let told = self.told.get(name).map(Vec::as_slice).unwrap_or_default();
        let own = told.iter().filter(|line| line.new && line.named.is_none());
        own.filter(|line| !self.accused.iter().any(|found| found.above == name && found.line.raw == line.raw)).any(
            |line| {
                let place = if line.level == Level::Info { Place::Aside } else { Place::Log };
                signs::read(&line.raw, place).iter().any(|(cause, weight)| is_of_the_host(*cause) && *weight >= PLAIN)
            },
        )
    }

    /// Whether one above says something against this one that its own checks do not see.
    pub(super) fn is_charged(&self, name: &str, above: &str) -> bool {
        self.accused.iter().any(|found| found.peer == name && found.above == above)
    }

    fn is_charged_by_anybody(&self, name: &str) -> bool {
        self.accused.iter().any(|found| found.peer == name)
    }

    /// Whether all failing checks of one above complain of this one, or its log does, and nothing has cleared it.
    pub(super) fn is_accused(&self, name: &str, above: &str) -> bool {
        let below = self.state.platform.dependencies_of(above).iter().any(|below| below == name);
        below
            && (self.is_charged(name, above)
                || !self.is_cleared(name) && (self.all_checks_name(above, name) || self.log_names(above, name)))
    }

    fn all_checks_name(&self, above: &str, name: &str) -> bool {
        let complaints = checks(self.vitals, above, Reading::Bad);
        !complaints.is_empty() && complaints.iter().all(|complaint| self.names.complains(complaint, name))
    }

    /// Whether one above tells of a trouble that sits with the one it asked, and that the checks of that one need not see:
    /// whoever finds its accounts locked, or its clock ahead, may be refused by a service that is well by itself.
    pub(super) fn is_told_on(&self, name: &str, above: &str) -> bool {
        let below = self.state.platform.dependencies_of(above).iter().any(|below| below == name);
        let right = self.has_clock(name, Reading::Good) || self.has_clock(above, Reading::Slow);
        let sits_there = |text: &str| signs::sits_with_the_asked(text, right);
        let by_check = || {
            let bad = checks(self.vitals, above, Reading::Bad);
            bad.iter().any(|found| self.names.complains(found, name) && sits_there(&found.detail.to_lowercase()))
        };
        // Whose clock a log finds wrong is told by how many say so: an accusation.
        let by_log = || self.complaints(above, name).any(|line| signs::sits_with_the_asked(&line.raw, true));
        below && (by_check() || by_log())
    }

    /// Whether a check that compares clocks has come out so.
    fn has_clock(&self, name: &str, reading: Reading) -> bool {
        let declared = self.state.platform.service(name).map(|service| service.checks.as_slice()).unwrap_or_default();
        let compares = |sample: &&Sample| {
            declared.iter().any(|check| check.name == sample.check && matches!(check.probe, Probe::Clock(_)))
        };
        checks(self.vitals, name, reading).iter().any(compares)
    }

    /// What the log of one above says of this one, that is new.
    pub(super) fn complaints<'a>(&'a self, above: &str, name: &'a str) -> impl Iterator<Item = &'a Repeated> {
        let told = self.told.get(above).map(Vec::as_slice).unwrap_or_default();
        let own = |line: &Repeated| self.accused.iter().any(|found| found.is_of_itself() && found.line.raw == line.raw);
        told.iter().filter(move |told| told.new && told.named.as_deref() == Some(name) && !own(told))
    }

    fn log_names(&self, above: &str, name: &str) -> bool {
        self.complaints(above, name).next().is_some()
    }

    /// When its trouble began, by its log where that tells of new errors, else by its checks.
    pub(super) fn onset(&self, name: &str) -> Option<DateTime<Utc>> {
        let lines = self.told.get(name).map(Vec::as_slice).unwrap_or_default();
        let loud = lines.iter().filter(|line| line.new && line.level == Level::Error);
        let logged = loud.filter_map(|line| line.first).min();
        logged.or_else(|| self.state.services.get(name)?.failing_since)
    }

    /// How much of the trouble of a service another one explains, 0 to 1.
    pub(super) fn explained(&self, above: &str) -> f64 {
        let below = self.state.platform.dependencies_of(above);
        below.iter().map(|below| self.explains(below, above)).fold(0.0, f64::max)
    }

    /// How much of the trouble of one service another one below it explains: nothing when the one above was down already, and
    /// the other was found well for so long afterwards that its checks would have told.
    pub(super) fn explains(&self, below: &str, above: &str) -> f64 {
        let accused = self.is_accused(below, above);
        let told_on = !accused && self.is_told_on(below, above);
        let ails = self.fails(below) || self.is_charged_by_anybody(below) || self.speaks(below);
        if below == above || !(ails || accused || told_on) || self.came_later(below, above) {
            return 0.0;
        }
        if accused {
            return 0.95;
        }
        if told_on {
            return 0.9;
        }
        let named = self.all_checks_name(above, below) || self.log_names(above, below);
        let other = self.names_another(above, below);
        match (self.is_down(below) || !self.fails(below), self.is_down(above)) {
            (true, _) if named || !other => 0.95,
            (false, false) if named || !other => 0.9,
            (false, true) if named => 0.8,
            (true, _) => 0.7,
            // What is only slow lets others wait, and does not make them refuse.
            (false, true) if !other && self.is_silent(above) => 0.35,
            _ => 0.1,
        }
    }

    fn is_silent(&self, name: &str) -> bool {
        checks(self.vitals, name, Reading::Bad).iter().any(|sample| has(&sample.detail.to_lowercase(), &SILENT))
    }

    /// The log of one above complains of what it needs, and not of this one nor of what stands between them.
    fn names_another(&self, above: &str, name: &str) -> bool {
        let told = self.told.get(above).map(Vec::as_slice).unwrap_or_default();
        let named: Vec<&str> = told.iter().filter(|told| told.new).filter_map(|told| told.named.as_deref()).collect();
        let leads = |named: &&str| {
            *named == name || self.state.platform.dependencies_of(named).iter().any(|below| below == name)
        };
        !named.is_empty() && !named.iter().any(leads)
    }

    fn came_later(&self, below: &str, above: &str) -> bool {
        let since = |name: &str| self.state.services.get(name).and_then(|health| health.failing_since);
        let down = self.state.services.get(above).is_some_and(|health| health.status == Status::Down);
        let checks = self.state.platform.service(below).map(|service| service.checks.as_slice()).unwrap_or_default();
        let told_within = checks.iter().map(|check| check.every + check.within).max().unwrap_or_default();
        let later = since(below).zip(since(above)).and_then(|(below, above)| (below - above).to_std().ok());
        down && later.is_some_and(|later| later > told_within)
    }

    /// The share of what fails that a service is behind, itself included.
    pub(super) fn coverage(&self, name: &str, failing: &[String]) -> f64 {
        let behind =
            failing.iter().filter(|other| *other == name || self.explains(name, other) >= EXPLAINED_FROM).count();
        #[expect(clippy::cast_precision_loss, reason = "services are few")]
        let share = behind.max(1) as f64 / failing.len().max(1) as f64;
        share.min(1.0)
    }

    /// One above whose checks speak for a service that has no checks of its own to speak for it.
    pub(super) fn witness(&self, name: &str, failing: &[String]) -> Option<String> {
        let mute =
            checks(self.vitals, name, Reading::Bad).is_empty() && checks(self.vitals, name, Reading::Slow).is_empty();
        let speaks = |above: &&String| {
            (self.is_accused(name, above) || self.is_told_on(name, above))
                && checks(self.vitals, above, Reading::Bad).iter().any(|found| self.names.complains(found, name))
        };
        failing.iter().filter(|above| above.as_str() != name).find(speaks).filter(|_| mute).cloned()
    }
}
