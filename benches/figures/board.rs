//! What a key costs on the board: from the key to the bytes that a terminal gets, with 1,000 services and 5,000 snapshots.
//! A sixtieth of a second, 16 ms, is what nobody notices.

use std::time::Duration;

use chrono::TimeDelta;
use codeblue::{
    domain::{Operator, State, Vitals},
    platform::{CheckLevel, Reading, Role, Sample},
    tui::{Key, Rehearsal},
};
use divan::Bencher;

use crate::platform::{now, take_snapshot, watched};

const SIZE: (u16, u16) = (160, 48);
const SERVICES: usize = 1_000;
const SNAPSHOTS: usize = 5_000;

/// Half of the snapshots are of one component, the others of all in turn; one a minute.
fn state() -> State {
    let mut state = watched(SERVICES);
    for number in 0..SNAPSHOTS {
        let component = if number % 2 == 0 { "s0-code".to_owned() } else { format!("s{}-code", number / 2 % 1_000) };
        let snapshot = take_snapshot(&mut state, component, number);
        let found = state.snapshots.get_mut(&snapshot).unwrap();
        found.requested_at = now() - TimeDelta::minutes((SNAPSHOTS - number) as i64);
    }
    state
}

fn board() -> Rehearsal {
    let mut vitals = Vitals::default();
    for service in 0..SERVICES {
        for second in 0..120 {
            vitals.take(Sample {
                service: format!("s{service}"),
                check: "tcp".to_owned(),
                level: CheckLevel::Shallow,
                at: now() - TimeDelta::seconds(120 - second),
                reading: Reading::Good,
                latency: Duration::from_millis(second.unsigned_abs() % 90),
                detail: "connected".to_owned(),
                measured: None,
            });
        }
    }
    let alice = Operator {
        name: "alice".to_owned(),
        roles: [Role::TechnicalLead].into(),
        login: Some("ops".to_owned()),
        disabled: false,
        ..Operator::default()
    };
    Rehearsal::new(state(), vitals, Some(alice), now(), SIZE)
}

/// Two keys in turn, so that every one changes what is seen.
fn keys(bencher: Bencher, board: &mut Rehearsal, there: Key, back: Key) {
    let mut turn = false;
    bencher.bench_local(|| {
        turn = !turn;
        board.press(if turn { there } else { back })
    });
}

/// The cursor moves among the services.
#[divan::bench(sample_count = 200)]
fn key_among_services(bencher: Bencher) {
    keys(bencher, &mut board(), Key::Down, Key::Up);
}

/// The cursor moves among the newest snapshots of the component that has most.
#[divan::bench(sample_count = 200)]
fn key_among_snapshots(bencher: Bencher) {
    let mut board = most();
    keys(bencher, &mut board, Key::Down, Key::Up);
}

/// The cursor moves among the oldest, so that the strip shows all.
#[divan::bench(sample_count = 200)]
fn key_among_old_snapshots(bencher: Bencher) {
    let mut board = most();
    board.press(Key::End);
    keys(bencher, &mut board, Key::Up, Key::Down);
}

/// The point in time moves by a second.
#[divan::bench(sample_count = 200)]
fn key_that_moves_the_point(bencher: Bencher) {
    let mut board = most();
    board.press(Key::Left);
    keys(bencher, &mut board, Key::ShiftLeft, Key::ShiftRight);
}

/// A board on the snapshots of the first component, which has the most.
fn most() -> Rehearsal {
    let mut board = board();
    // From the first service's page, its snapshots.
    board.press(Key::Enter);
    board.press(Key::Char('p'));
    board
}
