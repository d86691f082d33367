//! A fleet over a simulated day, and the rule of what an unheard host shows.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::{
    domain::{IncidentId, IncidentState, Severity, Status, SystemState},
    platform::Profile,
};

const HOSTS: usize = 200;
const SERVICES: usize = 50;
/// How often a host is looked at: more often than an engine says something.
const STEP: TimeDelta = TimeDelta::seconds(4);

fn start() -> DateTime<Utc> {
    "2026-01-15T00:00:00Z".parse().unwrap()
}

fn summary(down: usize, incidents: Vec<OpenIncident>) -> HostSummary {
    let services = StatusCounts { healthy: SERVICES - down, down, ..StatusCounts::default() };
    let unwell = |number| UnwellService {
        name: format!("service-{number}"),
        status: Status::Down,
        since: Some(start()),
        reason: "HTTP 500".to_owned(),
        root: None,
    };
    HostSummary {
        version: "0.1.0".to_owned(),
        host: "web".to_owned(),
        platform: "Clinic".to_owned(),
        profile: Profile::Production,
        system_state: SystemState::Normal,
        halted: false,
        services,
        unwell: (0..down).map(unwell).collect(),
        incidents,
        changes: Vec::new(),
    }
}

fn incident(number: u64, at: DateTime<Utc>) -> OpenIncident {
    let severity = Severity::ALL[usize::try_from(number).unwrap() % 4];
    let title = format!("service-{number} down");
    let id = IncidentId(number);
    OpenIncident { id, severity, title, state: IncidentState::Detected, detected_at: at, acknowledged_at: None }
}

fn fleet(names: &[&str]) -> Fleet {
    Fleet::of(names.iter().map(|name| ((*name).to_owned(), format!("ssh://{name}"))))
}

fn news(host: &str, at: DateTime<Utc>, told: HostTold) -> HostNews {
    HostNews { host: host.to_owned(), at, told }
}

fn lost(reason: &str) -> HostTold {
    HostTold::Lost { reason: reason.to_owned(), next_try: None }
}

/// Seconds between two looks at the lists of all hosts.
const LISTED: i64 = 120;

/// One host of the world: how it is, and how its stream is.
struct World {
    name: String,
    truth: Arc<HostSummary>,
    /// What was the truth when it was last told.
    told: Option<Arc<HostSummary>>,
    link: Wire,
    /// Whether the board was told of a link that is there, and of no end of it.
    is_linked: bool,
    next_incident: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Wire {
    /// News come through.
    Up,
    /// It was cut, and both ends know.
    Cut,
    /// Nothing comes through, and nobody has noticed yet: for so many steps.
    Silent(u32),
}

impl World {
    /// The truth moves on.
    fn live(&mut self, now: DateTime<Utc>, dice: &mut StdRng) {
        if !dice.random_ratio(1, 2_000) {
            return;
        }
        let mut incidents = self.truth.incidents.clone();
        if !incidents.is_empty() && dice.random_bool(0.6) {
            incidents.remove(dice.random_range(0..incidents.len()));
        } else {
            incidents.push(incident(self.next_incident, now));
            self.next_incident += 1;
            incidents.sort_by_key(|one| (one.severity, std::cmp::Reverse(one.id)));
        }
        let down = incidents.len().min(SERVICES);
        self.truth = Arc::new(summary(down, incidents));
    }

    /// What a stream over this wire tells in a step.
    fn say(&mut self, dice: &mut StdRng) -> Option<HostTold> {
        match self.link {
            Wire::Up if dice.random_ratio(1, 1_000) => {
                self.told = None;
                self.link = if dice.random_bool(0.5) { Wire::Cut } else { Wire::Silent(0) };
                (self.link == Wire::Cut).then(|| lost("the connection broke"))
            }
            Wire::Up => Some(match self.told.replace(self.truth.clone()) {
                None => HostTold::Live(self.truth.clone()),
                Some(told) if Arc::ptr_eq(&told, &self.truth) => HostTold::Heard,
                Some(_) => HostTold::Changed(self.truth.clone()),
            }),
            Wire::Cut if dice.random_ratio(1, 30) => {
                self.link = Wire::Up;
                Some(HostTold::Trying)
            }
            Wire::Cut => None,
            // The stream itself notices late; the rule may not wait for that.
            Wire::Silent(steps) if steps > 20 => {
                self.link = Wire::Cut;
                Some(lost("the engine has gone silent"))
            }
            Wire::Silent(steps) => {
                self.link = Wire::Silent(steps + 1);
                None
            }
        }
    }
}

/// The lists of all hosts are complete, and nothing in them is healthy that is not heard; gives the incidents that were looked for.
fn check_lists(fleet: &Fleet, worlds: &[World], now: DateTime<Utc>, healthy: usize) -> usize {
    let totals = fleet.totals(now);
    assert_eq!(totals.services.healthy, healthy, "{now}: healthy are those alone that are heard");
    let merged = fleet.incidents(now);
    assert_eq!(merged.len(), totals.incidents);
    let is_old = |host: &FleetHost| matches!(host.sight(now), HostSight::Unknown { .. });
    assert!(
        merged.iter().all(|row| row.as_of.is_some() == is_old(row.host)),
        "{now}: what is old says from when it is"
    );
    let mut rows: Vec<(&str, IncidentId)> = merged.iter().map(|row| (row.host.name.as_str(), row.one.id)).collect();
    rows.sort();
    let mut looked_for = 0;
    for world in worlds.iter().filter(|world| world.told.is_some()) {
        for one in &world.truth.incidents {
            let shown = rows.binary_search(&(world.name.as_str(), one.id)).is_ok();
            assert!(shown, "{now} {}: {} is missing", world.name, one.id);
            looked_for += 1;
        }
    }
    looked_for
}

#[test]
fn in_a_day_of_two_hundred_hosts_no_stale_host_counts_as_healthy_and_no_incident_is_missed() {
    let seed = 1;
    let mut dice = StdRng::seed_from_u64(seed);
    let mut worlds: Vec<World> = (0..HOSTS)
        .map(|number| World {
            name: format!("web-{number}"),
            truth: Arc::new(summary(0, Vec::new())),
            told: None,
            link: Wire::Cut,
            is_linked: false,
            next_incident: 1,
        })
        .collect();
    let mut fleet = Fleet::of(worlds.iter().map(|world| (world.name.clone(), String::new())));
    let (mut now, end) = (start(), start() + TimeDelta::days(1));
    let (mut unknown, mut incidents) = (0, 0);
    while now < end {
        let mut heard: Vec<Option<DateTime<Utc>>> = Vec::with_capacity(HOSTS);
        for (place, world) in worlds.iter_mut().enumerate() {
            world.live(now, &mut dice);
            let told = world.say(&mut dice);
            let before = fleet.hosts()[place].heard_at;
            let is_news = matches!(told, Some(HostTold::Live(_) | HostTold::Changed(_) | HostTold::Heard));
            if let Some(told) = told {
                match told {
                    HostTold::Live(_) => world.is_linked = true,
                    HostTold::Lost { .. } => world.is_linked = false,
                    _ => {}
                }
                fleet.take(news(&world.name, now, told));
            }
            heard.push(if is_news { Some(now) } else { before });
        }
        let mut healthy = 0;
        for (world, (host, heard)) in worlds.iter().zip(fleet.hosts().iter().zip(&heard)) {
            let place = (seed, now, &world.name);
            let is_fresh = heard.is_some_and(|at| now - at <= SILENT) && world.is_linked;
            match host.sight(now) {
                HostSight::Heard(summary) => {
                    assert!(is_fresh, "{place:?}: heard last at {heard:?}, and shown as if it were now");
                    healthy += summary.services.healthy;
                    if world.link == Wire::Up {
                        assert_eq!(summary, &*world.truth, "{place:?}: what is heard is the truth");
                    }
                }
                HostSight::Unknown { since, .. } => {
                    assert!(!is_fresh, "{place:?}: it is heard, and shown as unknown");
                    assert_eq!(since, *heard, "{place:?}");
                    unknown += 1;
                }
            }
        }
        // Looking at all lists each time would only take long.
        if now.timestamp() % LISTED == 0 {
            incidents += check_lists(&fleet, &worlds, now, healthy);
        }
        now += STEP;
    }
    assert!(unknown > 10_000 && incidents > 1_000, "{seed}: the day was too quiet: {unknown}, {incidents}");
}

#[test]
fn a_host_that_falls_silent_is_unknown_though_nobody_has_noticed_that_its_link_is_gone() {
    let mut fleet = fleet(&["db1"]);
    let open = vec![incident(4, start())];
    fleet.take(news("db1", start(), HostTold::Live(summary(0, open).into())));
    assert!(matches!(fleet.hosts()[0].sight(start() + SILENT), HostSight::Heard(_)));
    let later = start() + SILENT + TimeDelta::seconds(1);
    assert!(matches!(fleet.hosts()[0].sight(later), HostSight::Unknown { since: Some(at), .. } if at == start()));
    let totals = fleet.totals(later);
    assert_eq!((totals.services.healthy, totals.services.unknown), (0, SERVICES), "nothing of it counts as well");
    let rows = fleet.incidents(later);
    assert_eq!((rows.len(), rows[0].as_of), (1, Some(start())), "what was open stays, with when that was");
}

#[test]
fn news_of_a_link_that_is_lost_change_nothing_until_it_is_there_again() {
    let mut fleet = fleet(&["db1", "db2"]);
    let at = |seconds| start() + TimeDelta::seconds(seconds);
    fleet.take(news("db1", at(0), HostTold::Live(summary(0, Vec::new()).into())));
    fleet.take(news("db1", at(5), lost("the connection broke")));
    fleet.take(news("db1", at(6), HostTold::Changed(summary(0, Vec::new()).into())));
    fleet.take(news("db1", at(6), HostTold::Heard));
    fleet.take(news("db1", at(7), lost("nothing listens there")));
    let host = fleet.host("db1").unwrap();
    assert!(matches!(host.sight(at(7)), HostSight::Unknown { since: Some(since), .. } if since == at(0)));
    let HostLink::Lost { since, reason, .. } = &host.link else { panic!("{host:?}") };
    assert_eq!(
        (*since, reason.as_str()),
        (at(5), "nothing listens there"),
        "lost since the first, for the newest reason"
    );
    fleet.take(news("db1", at(9), HostTold::Live(summary(1, Vec::new()).into())));
    assert!(matches!(fleet.host("db1").unwrap().sight(at(9)), HostSight::Heard(summary) if summary.services.down == 1));
    // One that was never heard is unknown from the beginning, and news of one that nobody named are dropped.
    assert!(matches!(fleet.host("db2").unwrap().sight(at(9)), HostSight::Unknown { since: None, last: None }));
    fleet.take(news("db3", at(9), HostTold::Heard));
    assert_eq!(fleet.hosts().len(), 2);
}

#[test]
fn what_is_worst_anywhere_comes_first_whichever_host_it_is_of() {
    let mut fleet = fleet(&["calm", "silent", "minor", "burning"]);
    let (now, early) = (start(), start() - TimeDelta::hours(1));
    fleet.take(news("calm", now, HostTold::Live(summary(0, Vec::new()).into())));
    let minor = OpenIncident { severity: Severity::Sev3, ..incident(1, now) };
    fleet.take(news("minor", now, HostTold::Live(summary(1, vec![minor]).into())));
    let newer = OpenIncident { severity: Severity::Sev1, ..incident(7, now) };
    let older = OpenIncident { severity: Severity::Sev1, ..incident(2, early) };
    fleet.take(news("burning", now, HostTold::Live(summary(2, vec![newer, older]).into())));
    let order: Vec<&str> = fleet.by_urgency(now).iter().map(|host| host.name.as_str()).collect();
    assert_eq!(order, ["burning", "silent", "minor", "calm"]);
    let rows: Vec<String> =
        fleet.incidents(now).iter().map(|row| format!("{}:{}", row.host.name, row.one.id)).collect();
    assert_eq!(rows, ["burning:INC-7", "burning:INC-2", "minor:INC-1"]);
    assert_eq!(fleet.totals(now).worst, Some(Severity::Sev1));
}
