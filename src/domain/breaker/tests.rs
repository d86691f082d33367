use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::{
    domain::{Actor, Command, Event, Meta, Operator, Recorded, Refusal, State, Status, apply, decide, due, next_due},
    platform::{Check, Reading, Sample, parse},
};

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).expect("a time")
}

/// A platform of one service, its breaker's counter, and a clock.
struct Ward {
    state: State,
    counter: BreakerCounter,
    now: i64,
}

impl Ward {
    fn new(profile: &str) -> Self {
        Self::with(profile, "")
    }

    /// With what its file says of the breaker.
    fn with(profile: &str, breaker: &str) -> Self {
        let text = format!(
            "[platform]\nname = \"Ward\"\nprofile = \"{profile}\"\n[[service]]\nname = \"auth\"\n[service.breaker]\n{breaker}\n\
             [[service.check]]\nlevel = \"shallow\"\ntcp = \"127.0.0.1:1\"\nevery = \"10s\"\nwithin = \"1s\"\n\
             [[service.check]]\nlevel = \"deep\"\nhttp = {{ url = \"http://127.0.0.1:1/\" }}\nevery = \"60s\"\nwithin = \"1s\"\n\
             [[service.check]]\nlevel = \"comprehensive\"\ntcp = \"127.0.0.1:2\"\n"
        );
        let platform = parse(&text, "codeblue.toml".as_ref()).unwrap_or_else(|problems| panic!("{problems}"));
        let mut ward = Self { state: State::default(), counter: BreakerCounter::default(), now: 0 };
        ward.record(Event::PlatformLoaded { platform: Arc::new(platform) }, Actor::Engine);
        let roles = [crate::platform::Role::Engineer].into();
        let bob = Operator { name: "bob".to_owned(), roles, ..Operator::default() };
        ward.state.operators.insert("bob".to_owned(), bob);
        ward
    }

    fn record(&mut self, event: Event, actor: Actor) {
        let (seq, at) = (self.state.seq + 1, moment(self.now));
        apply(&mut self.state, &Recorded { seq, at, actor, cause: None, event, hash: String::new() });
    }

    fn give(&mut self, command: Command, actor: &Actor) -> Result<usize, Refusal> {
        let events = decide(&self.state, command, &Meta::new(moment(self.now), actor.clone()))?;
        let many = events.len();
        for event in events {
            self.record(event, actor.clone());
        }
        Ok(many)
    }

    fn bob(&mut self, command: Command) -> Result<usize, Refusal> {
        self.give(command, &Actor::Operator("bob".to_owned()))
    }

    fn check(&self, level: usize) -> Check {
        self.state.platform.services[0].checks[level].clone()
    }

    /// A result of a check that began now.
    fn hear(&mut self, level: usize, reading: Reading) {
        self.hear_from(level, reading, self.now);
    }

    fn hear_from(&mut self, level: usize, reading: Reading, at: i64) {
        let check = self.check(level);
        let sample = Sample {
            service: "auth".to_owned(),
            check: check.name.clone(),
            level: check.level,
            at: moment(at),
            reading,
            latency: Duration::from_millis(5),
            detail: "refused".to_owned(),
            measured: None,
        };
        if let Some(command) = self.counter.observe(&self.state, &check, &sample) {
            self.give(command, &Actor::Engine).expect("the engine may report it");
        }
    }

    /// Lets the clock run, and everything happen that is due.
    fn pass(&mut self, seconds: i64) {
        let end = self.now + seconds;
        while let Some(at) = next_due(&self.state).filter(|at| *at <= moment(end)) {
            self.now = (at - moment(0)).num_seconds().max(self.now);
            let commands = due(&self.state, moment(self.now));
            assert!(!commands.is_empty(), "what is due at {at} is there");
            for command in commands {
                assert!(
                    self.give(command, &Actor::Engine).expect("a deadline is not refused") > 0,
                    "it would come for ever"
                );
            }
        }
        self.now = end;
    }

    fn says(&self) -> BreakerState {
        self.state.breaker("auth").state
    }

    fn open(&mut self) {
        for _ in 0..5 {
            self.hear(0, Reading::Bad);
        }
        assert_eq!(self.says(), BreakerState::Open);
    }
}

fn reset() -> Command {
    Command::ResetBreaker { service: "auth".to_owned(), reason: "it was replaced".to_owned() }
}

fn force(to: ForcedTo, until: i64) -> Command {
    Command::ForceBreaker { service: "auth".to_owned(), to, until: moment(until), reason: "moving racks".to_owned() }
}

#[test]
fn five_failures_in_a_row_open_it_and_three_in_production() {
    for (profile, failures) in [("drill", 5), ("staging", 5), ("production", 3)] {
        let mut ward = Ward::new(profile);
        for _ in 1..failures {
            ward.hear(0, Reading::Bad);
        }
        assert_eq!(ward.says(), BreakerState::Closed, "{profile}");
        ward.hear(0, Reading::Bad);
        assert_eq!(ward.says(), BreakerState::Open, "{profile}");
        assert!(ward.state.breaker("auth").reason.ends_with("in a row: refused"));
    }
}

#[test]
fn a_share_of_failures_opens_it_once_enough_was_heard_and_what_is_old_is_forgotten() {
    let rate = "failures = 100\nerror_rate = 50\nwindow = \"60s\"\nminimum = 4";
    let hear = |ward: &mut Ward, readings: &str| {
        for reading in readings.chars() {
            ward.pass(10);
            ward.hear(0, if reading == 'x' { Reading::Bad } else { Reading::Good });
        }
        ward.says()
    };
    for (readings, says, why) in [
        ("xxx", BreakerState::Closed, "of three nothing is known yet"),
        ("xxxx", BreakerState::Open, "all of four"),
        (".x.x", BreakerState::Open, "half of four"),
        ("..x.x", BreakerState::Closed, "two of five"),
        ("x.x.", BreakerState::Closed, "half of four, and the newest is an answer: it did not get worse"),
        ("xxx....x", BreakerState::Closed, "the first two are forgotten after a minute"),
        (".x..x.x", BreakerState::Open, "half of the last minute"),
    ] {
        let mut ward = Ward::with("drill", rate);
        assert_eq!(hear(&mut ward, readings), says, "{readings}: {why}");
    }

    // What is heard of one check says nothing of another, and a slow answer is an answer.
    let mut ward = Ward::with("drill", rate);
    for _ in 0..3 {
        ward.hear(0, Reading::Bad);
        ward.hear(1, Reading::Bad);
        ward.hear(2, Reading::Bad);
    }
    assert_eq!(ward.says(), BreakerState::Closed, "three of each");
    ward.hear(1, Reading::Slow);
    assert_eq!(ward.says(), BreakerState::Closed);
    ward.hear(1, Reading::Bad);
    assert_eq!(ward.says(), BreakerState::Open);
    let breaker = ward.state.breaker("auth");
    assert!(breaker.reason.ends_with("failed 4 times of 5 within 60s: refused"), "{}", breaker.reason);
    assert_eq!(breaker.check.as_deref(), Some(ward.check(1).name.as_str()));

    // Closed again it hears anew: what opened it does not count twice.
    ward.bob(reset()).expect("an engineer may");
    ward.hear(1, Reading::Bad);
    assert_eq!(ward.says(), BreakerState::Closed);
    assert_eq!(
        ward.state.breaker_thresholds("auth").words(),
        "opens at 100 failures in a row or 50 % of 4 results or more in 1m, waits 1m to 15m, closes at 3 answers"
    );
}

#[test]
fn the_platform_file_says_when_it_opens_waits_and_closes() {
    let mut ward = Ward::with("production", "failures = 2\nprobes = 1\nwait = \"10s\"\nlongest_wait = \"25s\"");
    assert_eq!(
        ward.state.breaker_thresholds("auth").words(),
        "opens at 2 failures in a row, waits 10s to 25s, closes at 1 answer"
    );
    ward.hear(0, Reading::Bad);
    assert_eq!(ward.says(), BreakerState::Closed);
    ward.hear(0, Reading::Bad);
    for wait in [10, 20, 25, 25] {
        assert_eq!(ward.says(), BreakerState::Open);
        ward.pass(wait - 1);
        assert_eq!(ward.says(), BreakerState::Open, "after {wait} s and no earlier");
        ward.pass(1);
        assert_eq!(ward.says(), BreakerState::HalfOpen);
        ward.hear(0, Reading::Bad);
    }
    ward.pass(25);
    ward.hear(0, Reading::Good);
    assert_eq!(ward.says(), BreakerState::Closed);
    let usual = Ward::new("staging").state.breaker_thresholds("auth").words();
    assert_eq!(usual, "opens at 5 failures in a row, waits 1m to 15m, closes at 3 answers");
}

#[test]
fn failures_within_a_time_open_it_although_others_were_answered_between() {
    let mut ward = Ward::with("production", "failures = 3\nwithin = \"1m\"");
    for _ in 0..4 {
        ward.hear(0, Reading::Bad);
        ward.now += 20;
        ward.hear(0, Reading::Good);
        ward.now += 20;
    }
    assert_eq!(ward.says(), BreakerState::Closed, "never three of them within a minute");
    for _ in 0..3 {
        ward.now += 10;
        ward.hear(0, Reading::Good);
        ward.hear(0, Reading::Bad);
    }
    assert_eq!(ward.says(), BreakerState::Open);
    assert!(ward.state.breaker("auth").reason.contains("3 times within 60s"));
}

#[test]
fn an_answer_begins_the_count_anew_and_each_check_counts_for_itself() {
    let mut ward = Ward::new("production");
    for reading in [Reading::Bad, Reading::Bad, Reading::Slow, Reading::Bad, Reading::Bad, Reading::Good] {
        ward.hear(0, reading);
    }
    ward.hear(0, Reading::Bad);
    ward.hear(1, Reading::Bad);
    ward.hear(0, Reading::Bad);
    ward.hear(1, Reading::Bad);
    assert_eq!(ward.says(), BreakerState::Closed);
    ward.hear(1, Reading::Bad);
    assert_eq!(ward.says(), BreakerState::Open);
    assert_eq!(ward.state.breaker("auth").check, Some(ward.check(1).name));
    let mut ward = Ward::new("production");
    for _ in 0..20 {
        ward.hear(2, Reading::Bad);
    }
    assert_eq!(ward.says(), BreakerState::Closed, "a comprehensive check says nothing about whether it may be called");
}

#[test]
fn after_a_minute_three_answers_close_it() {
    let mut ward = Ward::new("drill");
    ward.open();
    ward.hear(0, Reading::Good);
    ward.pass(59);
    assert_eq!(ward.says(), BreakerState::Open, "answers do not close it before it has waited");
    ward.pass(1);
    assert_eq!(ward.says(), BreakerState::HalfOpen);
    ward.hear(0, Reading::Good);
    ward.hear(0, Reading::Slow);
    assert_eq!(ward.says(), BreakerState::HalfOpen);
    ward.hear(0, Reading::Good);
    assert_eq!(ward.says(), BreakerState::Closed);
    assert_eq!(ward.state.breaker("auth").openings, 0);
    assert_eq!(next_due(&ward.state), None);
}

#[test]
fn the_check_that_opened_it_has_to_succeed_too() {
    let mut ward = Ward::new("production");
    for _ in 0..3 {
        ward.hear(1, Reading::Bad);
    }
    ward.pass(60);
    for _ in 0..9 {
        ward.hear(0, Reading::Good);
    }
    assert_eq!(ward.says(), BreakerState::HalfOpen, "the deep check has not spoken");
    ward.hear(1, Reading::Good);
    assert_eq!(ward.says(), BreakerState::Closed);
}

#[test]
fn a_failed_probe_opens_it_for_twice_as_long_up_to_a_quarter_of_an_hour() {
    let mut ward = Ward::new("drill");
    ward.open();
    for wait in [60, 120, 240, 480, 900, 900] {
        let breaker = ward.state.breaker("auth");
        assert_eq!(breaker.until.map(|until| (until - moment(ward.now)).num_seconds()), Some(wait));
        ward.pass(wait);
        assert_eq!(ward.says(), BreakerState::HalfOpen);
        ward.hear(0, Reading::Good);
        ward.hear(0, Reading::Bad);
        assert_eq!(ward.says(), BreakerState::Open);
    }
}

#[test]
fn probes_that_nobody_hears_open_it_again_and_what_began_before_is_no_probe() {
    let mut ward = Ward::new("drill");
    ward.open();
    ward.pass(60);
    for _ in 0..3 {
        ward.hear_from(0, Reading::Good, ward.now - 1);
    }
    assert_eq!(ward.says(), BreakerState::HalfOpen, "these answers are of a time before");
    ward.pass(4 * 11);
    assert_eq!(ward.says(), BreakerState::Open);
    assert_eq!(ward.state.breaker("auth").reason, "too few probes were heard in time");
    assert_eq!(ward.state.breaker("auth").openings, 2);
}

#[test]
fn a_forced_breaker_hears_no_check_and_is_let_go_in_time() {
    let mut ward = Ward::new("drill");
    assert_eq!(ward.bob(force(ForcedTo::Open, 600)), Ok(1));
    for _ in 0..9 {
        ward.hear(0, Reading::Good);
    }
    assert_eq!(ward.says(), BreakerState::ForcedOpen);
    assert_eq!(ward.state.breaker_figures(), BreakerFigures { total: 1, open: 1, forced: 1, ..Default::default() });
    ward.pass(600);
    assert_eq!(ward.says(), BreakerState::HalfOpen, "its checks say what is true now");
    assert_eq!(ward.bob(force(ForcedTo::Closed, 1200)), Ok(1));
    for _ in 0..9 {
        ward.hear(0, Reading::Bad);
    }
    assert_eq!(ward.says(), BreakerState::ForcedClosed);
    ward.pass(600);
    assert_eq!(ward.says(), BreakerState::Closed);
    ward.open();
}

#[test]
fn nobody_forces_one_for_good_or_without_a_reason() {
    let mut ward = Ward::new("drill");
    let rule = |answer: Result<usize, Refusal>| answer.unwrap_err().rule;
    assert_eq!(rule(ward.bob(force(ForcedTo::Open, 0))), "force-in-the-past");
    assert_eq!(rule(ward.bob(force(ForcedTo::Open, 24 * 3600 + 1))), "force-too-long");
    assert_eq!(ward.bob(force(ForcedTo::Open, 24 * 3600)), Ok(1));
    let (service, reason) = ("auth".to_owned(), " ".to_owned());
    assert_eq!(rule(ward.bob(Command::ResetBreaker { service, reason })), "reason-length");
    let (service, reason) = ("nobody".to_owned(), "x".to_owned());
    assert_eq!(rule(ward.bob(Command::ResetBreaker { service, reason })), "unknown-service");
    let forged = Command::AdvanceBreaker { service: "auth".to_owned() };
    assert_eq!(rule(ward.bob(forged)), "engine-only");
}

#[test]
fn a_reset_closes_it_and_counts_anew() {
    let mut ward = Ward::new("drill");
    assert_eq!(ward.bob(reset()), Ok(0), "it is closed already");
    ward.open();
    assert_eq!(ward.bob(reset()), Ok(1));
    for _ in 0..4 {
        ward.hear(0, Reading::Bad);
    }
    assert_eq!(ward.says(), BreakerState::Closed);
    ward.hear(0, Reading::Bad);
    assert_eq!(ward.says(), BreakerState::Open);
}

#[test]
fn it_rests_during_planned_work_unless_a_person_holds_it() {
    let work =
        |until| Event::MaintenanceStarted { service: "auth".to_owned(), until: moment(until), reason: String::new() };
    let mut ward = Ward::new("drill");
    ward.open();
    ward.record(work(3600), Actor::Engine);
    assert_eq!(ward.state.services["auth"].status, Status::Maintenance);
    for _ in 0..9 {
        ward.hear(0, Reading::Bad);
    }
    assert_eq!(ward.says(), BreakerState::Closed);
    assert_eq!(ward.bob(force(ForcedTo::Open, 7200)), Ok(1));
    ward.record(work(3600), Actor::Engine);
    assert_eq!(ward.says(), BreakerState::ForcedOpen);
}

#[test]
fn a_restart_closes_nothing_and_gives_probes_their_time_anew() {
    let started = || Event::EngineStarted { version: String::new(), host: String::new(), origin: String::new() };
    let mut ward = Ward::new("drill");
    ward.open();
    ward.record(started(), Actor::Engine);
    ward.counter = BreakerCounter::default();
    assert_eq!(ward.says(), BreakerState::Open);
    ward.pass(60);
    ward.now += 3600;
    ward.record(started(), Actor::Engine);
    assert!(next_due(&ward.state).is_some_and(|at| at == moment(ward.now) + TimeDelta::seconds(44)));
    for _ in 0..3 {
        ward.hear(0, Reading::Good);
    }
    assert_eq!(ward.says(), BreakerState::Closed);
}

#[test]
fn a_service_that_is_not_there_any_more_has_no_breaker() {
    let mut ward = Ward::new("drill");
    ward.open();
    let mut platform = crate::platform::Platform::clone(&ward.state.platform);
    platform.services.clear();
    ward.record(Event::PlatformLoaded { platform: Arc::new(platform) }, Actor::Engine);
    assert!(ward.state.breakers.is_empty() && next_due(&ward.state).is_none());
}
