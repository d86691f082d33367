//! Whom an error accuses, where it is not the one who says it. What a service presents to others, its certificate, its answers, its
//! clock, what it keeps at hand, its own checks do not see; only those who call it do. So what they say stands against it, though
//! it is silent and its checks are content.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{
    line::Level,
    logs::Repeated,
    names::{Names, is_cache},
    release,
    root::checks,
    signs::{self, Place, SLOW_WAY, has, is_begun_anew},
    vocabulary::{NOT_UNDERSTOOD, REFUSED_BY_OTHERS},
};
use crate::{
    domain::{Cause, State, Vitals},
    platform::Reading,
};

/// Something that a service above says against one below.
#[derive(Debug, Clone)]
pub(super) struct Accusation {
    pub(super) above: String,
    pub(super) peer: String,
    pub(super) cause: Cause,
    /// The line names it, and it was not found by what several need alone.
    pub(super) named: bool,
    pub(super) line: Repeated,
}

impl Accusation {
    /// Whether it falls back on the one who says it.
    pub(super) fn is_of_itself(&self) -> bool {
        self.above == self.peer
    }
}

/// What a line says against whoever it speaks of.
fn charge(line: &Repeated) -> Option<Cause> {
    if !line.new || line.level == Level::Info {
        return None;
    }
    let found = signs::read(&line.raw, Place::Log);
    let speaks_for = |cause: Cause| found.iter().any(|(known, weight)| *known == cause && *weight >= 0.6);
    if speaks_for(Cause::Certificate) {
        (!has(&line.raw, REFUSED_BY_OTHERS)).then_some(Cause::Certificate)
    } else if speaks_for(Cause::ClockSkew) {
        Some(Cause::ClockSkew)
    } else if speaks_for(Cause::CacheMiss) {
        Some(Cause::CacheMiss)
    } else if has(&line.raw, NOT_UNDERSTOOD) && !speaks_for(Cause::Setting) {
        Some(Cause::Release)
    } else {
        has(&line.raw, &SLOW_WAY).then_some(Cause::NetworkLatency)
    }
}

/// All that is known of who says what of whom.
pub(super) struct Court<'a> {
    pub(super) state: &'a State,
    pub(super) vitals: &'a Vitals,
    pub(super) names: &'a Names,
    pub(super) told: &'a BTreeMap<String, Vec<Repeated>>,
    pub(super) trouble: DateTime<Utc>,
}

impl Court<'_> {
    /// Whom the lines of all logs accuse.
    pub(super) fn accusations(&self) -> Vec<Accusation> {
        [Cause::Release, Cause::Certificate, Cause::ClockSkew, Cause::CacheMiss, Cause::NetworkLatency]
            .into_iter()
            .flat_map(|cause| self.of(cause))
            .collect()
    }

    fn of(&self, cause: Cause) -> Vec<Accusation> {
        let mut named: Vec<Accusation> = Vec::new();
        let mut unnamed: Vec<(&String, &Repeated)> = Vec::new();
        for (above, line) in self.told.iter().flat_map(|(above, lines)| lines.iter().map(move |line| (above, line))) {
            if charge(line) != Some(cause) {
                continue;
            }
            match &line.named {
                Some(peer) if self.may_be(cause, above, peer) => {
                    let (above, peer, line) = (above.clone(), peer.clone(), line.clone());
                    named.push(Accusation { above, peer, cause, named: true, line });
                }
                Some(_) => {}
                None if self.names.outside(&line.raw).is_some() => {}
                None => unnamed.push((above, line)),
            }
        }
        // Who rejects what several others show is wrong itself.
        let alone = |above: &String| {
            let peers: BTreeSet<&String> =
                named.iter().filter(|found| found.above == *above).map(|found| &found.peer).collect();
            let shared = named.iter().any(|found| found.above != *above && peers.contains(&found.peer));
            peers.len() > 1 && !shared
        };
        let mut own: Vec<String> = named.iter().map(|found| found.above.clone()).filter(alone).collect();
        if cause == Cause::NetworkLatency {
            // Its own way is told by its own complaints.
            named.retain(|found| !own.contains(&found.above));
            own.clear();
        }
        for found in named.iter_mut().filter(|found| own.contains(&found.above)) {
            found.peer.clone_from(&found.above);
        }
        if cause == Cause::NetworkLatency {
            // Of a way that one alone finds slow nobody knows which end it is.
            let callers = |peer: &String| {
                let of = named.iter().filter(|found| found.peer == *peer);
                of.map(|found| &found.above).collect::<BTreeSet<_>>().len()
            };
            let shared: Vec<String> =
                named.iter().map(|found| found.peer.clone()).filter(|peer| callers(peer) > 1).collect();
            named.retain(|found| shared.contains(&found.peer));
            return named;
        }
        named.extend(self.shared(cause, &named, &unnamed));
        let callers: BTreeSet<&String> = named.iter().map(|found| &found.above).collect();
        // A single one that finds others in the future is itself in the past, as likely as not.
        if cause == Cause::ClockSkew && callers.len() < 2 { Vec::new() } else { named }
    }

    /// Whom those mean who name nobody: whoever is named by others and needed by them, else the one that all of them need.
    fn shared(&self, cause: Cause, named: &[Accusation], unnamed: &[(&String, &Repeated)]) -> Vec<Accusation> {
        let mut votes: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
        for (above, _) in unnamed {
            let below =
                self.state.platform.service(above).map(|service| service.depends_on.clone()).unwrap_or_default();
            let known: Vec<String> =
                below.iter().filter(|peer| named.iter().any(|found| found.peer == **peer)).cloned().collect();
            for peer in if known.is_empty() { below } else { known } {
                if self.may_be(cause, above, &peer) {
                    votes.entry(peer).or_default().insert(above);
                }
            }
        }
        for found in named {
            if let Some(voters) = votes.get_mut(&found.peer) {
                voters.insert(&found.above);
            }
        }
        let most = votes.values().map(BTreeSet::len).max().unwrap_or(0);
        let mut best = votes.iter().filter(|(_, voters)| voters.len() == most);
        let (Some((peer, voters)), None) = (best.next(), best.next()) else { return Vec::new() };
        // What one alone says of nobody may be its own; a version that just went live below it, or an empty cache, tells.
        let certain = matches!(cause, Cause::Release | Cause::CacheMiss);
        if voters.len() < 2 && !certain {
            return Vec::new();
        }
        let meant = unnamed.iter().filter(|(above, _)| voters.contains(above));
        meant
            .map(|(above, line)| {
                let (above, peer, line) = ((*above).clone(), peer.clone(), (*line).clone());
                Accusation { above, peer, cause, named: false, line }
            })
            .collect()
    }

    /// Whether what is said can be true of it: an answer changes with a version, and a cache is emptied by beginning anew.
    fn may_be(&self, cause: Cause, above: &str, peer: &str) -> bool {
        match cause {
            Cause::Release => {
                let went_live = |service: &str| release::went_live(self.state, service, self.trouble);
                went_live(peer).is_some_and(|below| went_live(above).is_none_or(|above| below >= above))
            }
            Cause::CacheMiss => {
                let lines = self.told.get(peer).map(Vec::as_slice).unwrap_or_default();
                is_cache(peer) && lines.iter().any(|line| line.new && is_begun_anew(&line.raw))
            }
            // What is slow itself needs no slow way.
            Cause::NetworkLatency => {
                let has = |reading| checks(self.vitals, peer, reading).iter().any(|sample| sample.at >= self.trouble);
                has(Reading::Good) && !has(Reading::Slow) && !has(Reading::Bad)
            }
            _ => true,
        }
    }
}

/// How much those who accuse a service say for a cause, together: each one more says the same less new.
pub(super) fn weight(accusations: &[&Accusation]) -> f64 {
    let mut callers: BTreeMap<&String, f64> = BTreeMap::new();
    for found in accusations {
        let known = callers.entry(&found.above).or_insert(0.0);
        *known = known.max(if found.named { 0.65 } else { 0.45 });
    }
    let doubt: f64 = callers.values().take(3).map(|weight| 1.0 - weight).product();
    (1.0 - doubt).min(0.88)
}
