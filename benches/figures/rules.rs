//! The rules: what one command costs on a small and on a large platform, and what the copy costs that readers get.

use codeblue::domain::{Actor, Command, Recorded, Severity, State, Status, apply};
use divan::{Bencher, black_box, counter::ItemsCount};

use crate::platform::{now, step, take_snapshot, verdict, watched};

const SIZES: [usize; 3] = [10, 100, 1000];

/// A verdict decided, applied and reacted to; a service goes down and comes back, so every one is news.
#[divan::bench(args = SIZES)]
fn judgement(bencher: Bencher, services: usize) {
    let mut state = watched(services);
    let mut down = false;
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        down = !down;
        let status = if down { Status::Down } else { Status::Healthy };
        black_box(step(&mut state, &Actor::Engine, verdict(services / 2, status)))
    });
}

/// A line written into an incident.
#[divan::bench(args = SIZES)]
fn note(bencher: Bencher, services: usize) {
    let mut state = watched(services);
    let alice = Actor::Operator("alice".to_owned());
    let declare = Command::DeclareIncident {
        severity: Severity::Sev2,
        title: "slow".to_owned(),
        services: vec!["s0".to_owned()],
    };
    step(&mut state, &alice, declare);
    let incident = *state.incidents.keys().next().unwrap();
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        let note = Command::NoteIncident { incident, text: "called the ward".to_owned() };
        black_box(step(&mut state, &alice, note))
    });
}

/// The copy of the whole state that the engine makes once per group of commands.
#[divan::bench(args = SIZES)]
fn copy_of_the_state(bencher: Bencher, services: usize) {
    let state = watched(services);
    bencher.bench(|| black_box(&state).clone());
}

/// The same with a year behind it: 500 incidents, 2,000 deployments, 10,000 snapshots.
#[divan::bench]
fn copy_of_a_year(bencher: Bencher) {
    let state = year();
    bencher.bench(|| black_box(&state).clone());
}

fn year() -> State {
    let mut state = watched(100);
    let alice = Actor::Operator("alice".to_owned());
    for number in 0..500 {
        let service = format!("s{}", number % 100);
        let declare =
            Command::DeclareIncident { severity: Severity::Sev3, title: "slow".to_owned(), services: vec![service] };
        step(&mut state, &alice, declare);
        let incident = *state.incidents.keys().next_back().unwrap();
        step(&mut state, &alice, Command::ResolveIncident { incident, resolution: "rolled back".to_owned() });
    }
    for number in 0..2_000 {
        let component = format!("s{}-code", number % 100);
        let deploy =
            Command::RecordDeployment { component, version: format!("v{}", number / 100), note: String::new() };
        step(&mut state, &alice, deploy);
    }
    for number in 0..10_000 {
        let component = format!("s{}-code", number % 100);
        take_snapshot(&mut state, component, number);
    }
    state
}

/// The state as text: what a new screen is sent, and what a checkpoint keeps.
#[divan::bench(args = SIZES)]
fn state_as_json(bencher: Bencher, services: usize) {
    let state = watched(services);
    let size = serde_json::to_string(&state).unwrap().len();
    bencher.counter(divan::counter::BytesCount::new(size)).bench(|| serde_json::to_string(black_box(&state)).unwrap());
}

/// Ten thousand events applied anew, as a start without a kept state does.
#[divan::bench(sample_count = 20)]
fn replay_10_000(bencher: Bencher) {
    let mut state = watched(100);
    let start = state.clone();
    let mut events: Vec<Recorded> = Vec::new();
    let mut number = 0_usize;
    while events.len() < 10_000 {
        let status = if (number / 100).is_multiple_of(2) { Status::Down } else { Status::Healthy };
        events.extend(step(&mut state, &Actor::Engine, verdict(number % 100, status)).0);
        number += 1;
    }
    bencher.counter(ItemsCount::new(events.len())).with_inputs(|| start.clone()).bench_local_refs(
        |state: &mut State| {
            for event in &events {
                apply(state, event);
            }
            assert!(state.clock == now());
        },
    );
}
