//! What those above say of a service, and how much that speaks for a cause of it: less than what it says itself.

use std::collections::BTreeMap;

use super::{
    accused::{self, Accusation},
    document::Scene,
    hypotheses::{Tally, is_symptom, told},
    logs::Repeated,
    names::is_cache,
    signs::{self, GONE, Place, SILENT, has, is_begun_anew},
};
use crate::domain::Cause;

/// What is told by another service's log counts so much of what a service's own log tells.
const HEARSAY: f64 = 0.7;
/// How much it says of a cache that it began anew when the trouble did.
const BEGAN_ANEW: f64 = 0.5;

/// What those above say against it that its own checks do not see, and a cache that began anew.
pub(super) fn accused(scene: &Scene, tally: &mut Tally) {
    for cause in [Cause::Certificate, Cause::ClockSkew, Cause::CacheMiss, Cause::NetworkLatency] {
        let said: Vec<&Accusation> = scene.accused.iter().filter(|found| found.cause == cause).collect();
        let weight = accused::weight(&said);
        tally.add(cause, weight);
        if let Some(first) = said.first() {
            tally.quote(cause, weight, || told(&first.line));
        }
    }
    let anew = scene.lines.iter().find(|line| line.new && is_begun_anew(&line.raw));
    if let Some(line) = anew.filter(|_| is_cache(scene.root)) {
        tally.add(Cause::CacheMiss, BEGAN_ANEW);
        tally.quote(Cause::CacheMiss, BEGAN_ANEW, || told(line));
    }
}

/// What the logs of those above say of it.
pub(super) fn heard(scene: &Scene, tally: &mut Tally) {
    let mut best: BTreeMap<Cause, (f64, &Repeated)> = BTreeMap::new();
    for line in scene.heard.iter().filter(|line| line.new) {
        let mut found = signs::read(&line.raw, Place::Log);
        found.retain(|(cause, _)| {
            matches!(
                cause,
                Cause::LockContention
                    | Cause::Corruption
                    | Cause::DiskFull
                    | Cause::Certificate
                    | Cause::RateLimit
                    | Cause::OutOfMemory
            ) || *cause == Cause::Credentials && has(&line.raw, &signs::LOCKED_OUT)
        });
        if has(&line.raw, &GONE) {
            found.push((Cause::ProcessExit, 0.75));
        } else if has(&line.raw, &SILENT) {
            found.push((Cause::ProcessHang, 0.5));
        } else if found.is_empty() {
            found.push((Cause::ProcessExit, 0.3));
        }
        for (cause, weight) in found {
            let known = best.entry(cause).or_insert((0.0, line));
            if weight > known.0 {
                *known = (weight, line);
            }
        }
    }
    for (cause, (weight, line)) in best {
        // Its own checks say more than what others have heard.
        let own = match (scene.own, is_symptom(cause)) {
            (true, true) => 0.5,
            (true, false) => 0.8,
            (false, _) => 1.0,
        };
        tally.add(cause, HEARSAY * weight * own);
        tally.quote(cause, HEARSAY * weight, || told(line));
    }
}
