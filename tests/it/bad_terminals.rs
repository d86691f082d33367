//! The real binary on lines that are bad: one that breaks, one that nobody reads, one that is slow, one in tmux, and terminals that
//! can do little. The board may suffer; the engine's work may not.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use portable_pty::CommandBuilder;
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    cli::{Script, platform},
    terminal::{Terminal, assert_restored},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// Moves a low service to another release: that runs at once.
const ROLL_BACK: [&str; 8] = ["rollback", "--service", "labels", "--to", "v2", "--reason", "practice", "--confirm"];

/// A platform whose services take so long to be told of a release.
fn script(reload: &str) -> Script {
    let script = Script::new();
    std::fs::create_dir_all(script.home()).unwrap();
    let told = format!("kind = \"code\"\nreload = \"{reload}\"");
    let text = platform(script.folder.path()).replace("kind = \"code\"", &told);
    std::fs::write(script.home().join("codeblue.toml"), text).unwrap();
    script
}

fn board(script: &Script, set_up: impl FnOnce(&mut CommandBuilder)) -> Terminal {
    let terminal = Terminal::set_up((110, 32), &script.home(), set_up);
    terminal.until("CODEBLUE Ward");
    terminal.until("labels");
    terminal
}

fn roll_back(script: &Script, more: &[&str]) -> String {
    let (code, out, err) = script.run(&[&ROLL_BACK[..], &["labels"], more].concat());
    assert_eq!(code, 0, "{out}{err}");
    out
}

fn recovery(script: &Script) -> Value {
    script.json(&["status", "--full"]).1["recoveries"]["REC-1"].clone()
}

fn until(what: &str, wished: impl Fn() -> bool) {
    let start = Instant::now();
    while !wished() {
        assert!(start.elapsed() < PATIENCE, "{what} never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn live(script: &Script) -> String {
    std::fs::read_to_string(script.folder.path().join("labels/current/version")).unwrap()
}

/// The letter of what a process does now: `T` is stopped.
fn state_of(terminal: &Terminal) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", terminal.pid().as_raw_nonzero())).unwrap();
    stat.rsplit(')').next().unwrap().trim_start().chars().next().unwrap()
}

#[test]
fn a_rollback_goes_on_while_nobody_reads_and_the_next_picture_is_of_now() {
    let script = script("true");
    let mut terminal = board(&script, |_| {});
    let whole = terminal.bytes().len();
    let gate = terminal.gate();
    let closed = gate.lock().unwrap();
    let before = terminal.bytes().len();
    const REPAINTS: usize = 100;
    for _ in 0..REPAINTS {
        terminal.press("\x0c");
        std::thread::sleep(Duration::from_millis(10));
    }
    // The engine is in the process whose terminal takes nothing any more.
    roll_back(&script, &["--wait"]);
    assert_eq!(live(&script), "v2");
    terminal.press("H");
    drop(closed);
    terminal.until("▸ recoveries");
    terminal.until("REC-1");
    let after = terminal.bytes().len() - before;
    assert!(after < REPAINTS / 2 * whole, "{after} bytes came after: what was missed is not told again");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    assert_restored(&terminal.bytes());
}

#[test]
fn a_line_that_breaks_ends_its_board_at_once_and_the_engine_works_on() {
    let script = script("sleep 4");
    let _engine = script.serve();
    // Not its controlling terminal: no signal tells of the end, as when a parent keeps it to itself.
    let terminal = board(&script, |command| command.set_controlling_tty(false));
    roll_back(&script, &[]);
    until("the recovery", || recovery(&script)["ended"].is_null() && recovery(&script).is_object());
    let broken = Instant::now();
    let mut child = terminal.hang_up();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(broken.elapsed() < Duration::from_secs(2), "it is still there 2 s after its terminal");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_ne!(status.exit_code(), 0);
    until("its end", || recovery(&script)["ended"][1] == "succeeded");
    assert_eq!(live(&script), "v2");
}

#[test]
fn a_board_with_its_engine_inside_finishes_the_recovery_when_its_line_breaks() {
    let script = script("sleep 3");
    let terminal = board(&script, |command| command.set_controlling_tty(false));
    roll_back(&script, &[]);
    until("the recovery", || recovery(&script).is_object());
    let mut child = terminal.hang_up();
    let broken = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(broken.elapsed() < PATIENCE, "it never ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(live(&script), "v2");
    let _engine = script.serve();
    assert_eq!(recovery(&script)["ended"][1], "succeeded", "{}", recovery(&script));
}

#[test]
fn a_board_goes_to_the_background_and_comes_back_but_not_with_an_engine_inside() {
    let script = script("true");
    let mut terminal = board(&script, |_| {});
    terminal.press("\x1a");
    terminal.until("the engine runs inside this board");
    assert_ne!(state_of(&terminal), 'T');
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);

    let _engine = script.serve();
    let mut terminal = board(&script, |_| {});
    assert!(terminal.is_beside());
    terminal.press("\x1a");
    until("that it is stopped", || state_of(&terminal) == 'T');
    until("the shell's screen", || !terminal.is_beside());
    assert_restored(&terminal.bytes());
    let (now, before) = terminal.settings();
    assert_eq!(now, before, "a shell finds its line as it was");
    terminal.signal(Signal::CONT);
    terminal.until("CODEBLUE Ward");
    assert!(terminal.is_beside());
    terminal.press("?");
    terminal.until("▸ help");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    assert_eq!(terminal.settings().0, terminal.settings().1);
}

#[test]
fn a_storm_of_sizes_ends_in_a_whole_picture() {
    let script = script("true");
    let mut terminal = board(&script, |_| {});
    for turn in 0..60_u16 {
        terminal.resize((1 + turn * 37 % 180, 1 + turn * 23 % 60));
    }
    terminal.resize((100, 30));
    terminal.press("\x0c");
    terminal.until_it("the board at 100x30", |text| {
        let lines: Vec<&str> = text.lines().collect();
        let whole = lines.iter().any(|line| line.starts_with('└') && line.chars().count() == 100);
        whole && text.contains("1 Services") && text.contains("4 Snapshots") && lines.len() == 30
    });
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    assert_restored(&terminal.bytes());
}

/// The line of the selected row.
fn selected(text: &str) -> Option<&str> {
    text.lines().find(|line| line.contains('▶') && (line.contains("labels") || line.contains("charts")))
}

#[test]
fn keys_and_clicks_that_come_apart_are_no_letters() {
    let script = script("true");
    let mut terminal = board(&script, |_| {});
    // Until both are known, what is unknown comes first, and rows change places.
    terminal.until("2 up");
    terminal.until_it("a selected row", |text| selected(text).is_some());
    let first = terminal.text();
    let name = if selected(&first).unwrap().contains("labels") { "labels" } else { "charts" };
    for byte in ["\x1b", "[", "B"] {
        terminal.press(byte);
        std::thread::sleep(Duration::from_millis(30));
    }
    terminal.until_it("the other row", |text| selected(text).is_some_and(|line| !line.contains(name)));
    terminal.press("\x1b");
    std::thread::sleep(Duration::from_millis(30));
    terminal.press("[A");
    terminal.until_it("the row from before", |text| selected(text).is_some_and(|line| line.contains(name)));
    // A click whose pieces come one by one: its `m` must not open the menu of modes.
    for byte in "\x1b[<0;5;3M\x1b[<0;5;3m".chars() {
        terminal.press(&byte.to_string());
        std::thread::sleep(Duration::from_millis(10));
    }
    // A menu that half of it had opened would take the key for help.
    let bytes = terminal.bytes();
    terminal.press("?");
    terminal.until("▸ help");
    let shown = String::from_utf8_lossy(&bytes);
    for never in ["▸ patterns", "▸ knowledge", "Autopilot", "▸ metrics"] {
        assert!(!shown.contains(never), "{never} was opened by half an escape");
    }
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn where_no_board_can_be_shown_plain_lines_say_what_it_would() {
    let script = script("true");
    let _engine = script.serve();
    let dumb = Terminal::set_up((80, 24), &script.home(), |command| command.env("TERM", "dumb"));
    dumb.until("this terminal can show no board");
    dumb.until("Ward, 2 services");
    let (code, _, err) = script.run(&["incident", "declare", "--severity", "3", "the printer jams"]);
    assert_eq!(code, 0, "{err}");
    dumb.until("the printer jams");
    assert!(!dumb.bytes().contains(&0x1b), "it gets nothing but text");
    let (code, page, err) = script.run(&[]);
    assert_eq!(code, 0, "{err}");
    assert!(page.contains("Ward") && page.contains("the printer jams"), "{page}");
    assert!(err.contains("a board needs a terminal"), "{err}");
}

#[test]
fn without_colours_the_selection_is_still_seen_and_the_screen_is_erased_for_those_that_do_not() {
    let script = script("true");
    let mut terminal = board(&script, |command| command.env("NO_COLOR", "1"));
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    let bytes = terminal.bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("\x1b[?1049h\x1b[2J"), "mosh does not erase by itself");
    let styles = text.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m').map(|(style, _)| style));
    let numbers = styles.filter(|style| style.chars().all(|c| c.is_ascii_digit() || c == ';'));
    let colours: Vec<&str> = numbers
        .clone()
        .filter(|style| {
            let mut codes = style.split(';').filter_map(|code| code.parse::<u8>().ok());
            codes.any(|code| matches!(code, 30..=38 | 40..=48 | 90..=107))
        })
        .collect();
    assert!(colours.is_empty(), "{colours:?}");
    assert!(numbers.clone().any(|style| style == "7"), "the selected row is reversed");
}

#[test]
fn a_board_works_inside_tmux() {
    if Command::new("tmux").arg("-V").output().is_err() {
        eprintln!("SKIPPED: tmux is not installed");
        return;
    }
    let script = script("true");
    let socket = script.folder.path().join("tmux");
    let mut terminal = Terminal::program("tmux", (100, 30), &script.home(), |command| {
        command.args(["-u", "-S"]);
        command.arg(&socket);
        command.args(["-f", "/dev/null", "new-session", env!("CARGO_BIN_EXE_codeblue")]);
    });
    terminal.until("CODEBLUE Ward");
    terminal.until("labels");
    terminal.press("2");
    terminal.press("\x1b[A");
    terminal.press("?");
    terminal.until("▸ help");
    terminal.press("\x1b");
    terminal.until("1 Services");
    terminal.resize((80, 24));
    terminal.until_it("the board at 80 columns", |text| {
        text.contains("1 Services") && text.lines().all(|line| line.chars().count() <= 80)
    });
    terminal.press("1");
    terminal.press("y");
    terminal.until("Copy what?");
    terminal.answer("\r");
    terminal.until("is in tmux's buffer: prefix ] pastes it");
    let kept = Command::new("tmux").arg("-S").arg(&socket).arg("show-buffer").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&kept.stdout), "labels", "what prefix ] pastes: {kept:?}");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    // What tmux said last may still be on its way.
    let begun = std::time::Instant::now();
    while terminal.is_beside() && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!terminal.is_beside());
}
