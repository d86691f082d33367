use std::{
    fs, thread,
    time::{Duration, Instant},
};

use super::{Room, component};
use crate::{
    platform::{Adapter, Component},
    recovery::reload,
    vault::CancelFlag,
};

fn with_reload(arguments: &[&str]) -> Component {
    let reload = Some(arguments.iter().map(|argument| (*argument).to_owned()).collect());
    Component { reload, ..component(Adapter::Files { paths: Vec::new() }) }
}

#[test]
fn a_reload_gives_its_output_and_its_failure() {
    let run = |arguments: &[&str]| reload(&with_reload(arguments), Duration::from_secs(20), &CancelFlag::new());
    assert_eq!(
        reload(&component(Adapter::Files { paths: Vec::new() }), Duration::ZERO, &CancelFlag::new()).unwrap(),
        None
    );
    assert_eq!(run(&["echo", "$HOME; reloaded"]).unwrap().unwrap().text, "$HOME; reloaded\n");
    let text = run(&["sh", "-c", "echo no such unit >&2; exit 5"]).unwrap_err().to_string();
    assert!(text.contains("exit code 5") && text.contains("no such unit"), "{text}");
    assert!(run(&["/no/such/program"]).unwrap_err().to_string().contains("cannot be started"));
    let much = run(&["head", "-c", "1000000", "/dev/zero"]).unwrap().unwrap();
    assert!(much.truncated && much.text.len() == 64 * 1024);
}

#[test]
fn a_reload_that_hangs_is_killed_with_its_children() {
    let room = Room::new();
    let pid = room.path("pid");
    let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
    let started = Instant::now();
    let slow = reload(&with_reload(&["sh", "-c", &script]), Duration::from_millis(500), &CancelFlag::new());
    assert!(slow.unwrap_err().to_string().contains("took longer than 0.5 s"));
    assert!(started.elapsed() < Duration::from_secs(20));
    let child = fs::read_to_string(&pid).unwrap();
    // the signal was sent to it before `reload` returned; the kernel may still be at it
    let gone = || {
        let state = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    };
    while !gone() {
        assert!(started.elapsed() < Duration::from_secs(20), "the grandchild lives");
        thread::yield_now();
    }
}

#[test]
fn a_reload_that_leaves_a_service_behind_does_not_hang() {
    let started = Instant::now();
    let output =
        reload(&with_reload(&["sh", "-c", "sleep 20 & echo started"]), Duration::from_secs(15), &CancelFlag::new());
    assert_eq!(output.unwrap().unwrap().text, "started\n");
    assert!(started.elapsed() < Duration::from_secs(10));
}
