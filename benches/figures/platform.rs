//! A platform of any size, and a state in which it is being watched.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use codeblue::{
    domain::{
        Actor, Captured, Command, Meta, Recorded, SnapshotId, SnapshotTrigger, State, Status, Verdict, apply, decide,
        react,
    },
    platform::{Platform, parse},
};

/// So many services, each of which depends on the one whose number is half its own.
pub fn platform(services: usize) -> Arc<Platform> {
    let mut text = String::from("[platform]\nname = \"Bench\"\nprofile = \"drill\"\n[automation]\nmode = \"assist\"\n");
    for number in 0..services {
        let depends_on = if number == 0 { String::new() } else { format!("\"s{}\"", number / 2) };
        text.push_str(&format!(
            r#"
[[service]]
name = "s{number}"
criticality = "high"
depends_on = [{depends_on}]
[[service.check]]
level = "shallow"
tcp = "127.0.0.1:1"
[[component]]
name = "s{number}-code"
service = "s{number}"
kind = "code"
release = {{ root = "/srv/s{number}" }}
"#
        ));
    }
    text.push_str("[[operator]]\nname = \"alice\"\nroles = [\"technical-lead\"]\n");
    match parse(&text, Path::new("/srv/codeblue.toml")) {
        Ok(platform) => Arc::new(platform),
        Err(problems) => panic!("{problems}"),
    }
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap()
}

/// Decides, applies and reacts once, as the engine does; gives what happened and how many commands policies made of it.
pub fn step(state: &mut State, actor: &Actor, command: Command) -> (Vec<Recorded>, usize) {
    let at = now();
    let events = decide(state, command, &Meta::new(at, actor.clone())).unwrap();
    let mut reactions = 0;
    let recorded = events.into_iter().map(|event| {
        let seq = state.seq + 1;
        let recorded = Recorded { seq, at, actor: actor.clone(), cause: None, event, hash: String::new() };
        apply(state, &recorded);
        reactions += react(state, &recorded).commands.len();
        recorded
    });
    let recorded = recorded.collect();
    (recorded, reactions)
}

pub fn verdict(service: usize, status: Status) -> Command {
    Command::RecordVerdict(Verdict {
        service: format!("s{service}"),
        status,
        reason: "tcp: cannot connect to 127.0.0.1:1: Connection refused".to_owned(),
        failing_since: (status == Status::Down).then(now),
    })
}

/// A platform of which everything is healthy.
pub fn watched(services: usize) -> State {
    let mut state = State::default();
    step(&mut state, &Actor::Engine, Command::LoadPlatform { platform: platform(services) });
    for service in 0..services {
        step(&mut state, &Actor::Engine, verdict(service, Status::Healthy));
    }
    state
}

/// A snapshot of a component that was healthy.
pub fn take_snapshot(state: &mut State, component: String, number: usize) -> SnapshotId {
    let components = vec![component.clone()];
    let request =
        Command::RequestSnapshot { components, trigger: SnapshotTrigger::Scheduled, reason: "hourly".to_owned() };
    step(state, &Actor::Engine, request);
    let snapshot = *state.snapshots.keys().next_back().expect("it was just requested");
    let captured = vec![Captured {
        component,
        vault_id: format!("{number:064x}"),
        files: 120,
        bytes: 4 << 20,
        added_bytes: 1 << 16,
        unreadable: Vec::new(),
        version: None,
        good: true,
    }];
    step(state, &Actor::Engine, Command::FinishSnapshot { snapshot, captured, total_bytes: 4 << 20 });
    snapshot
}
