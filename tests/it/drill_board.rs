//! Drills by keys, in the real binary in a real terminal on a real sandbox: the tutorial from the menu to its score; and a drill whose
//! board is left goes on, and its end is told.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::terminal::Terminal;

const PROGRAM: &str = env!("CARGO_BIN_EXE_codeblue");
/// Keys that come sooner after a question appears were meant for something else.
const STARTLED: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(90);

/// Presses a key until the screen answers: the platform may not be steady yet.
fn press_until(terminal: &mut Terminal, key: &str, what: &str) {
    let until = Instant::now() + PATIENCE;
    while !terminal.text().contains(what) {
        assert!(Instant::now() < until, "{what:?} never came:\n{}", terminal.text());
        terminal.press(key);
        std::thread::sleep(Duration::from_secs(1));
    }
    std::thread::sleep(STARTLED);
}

/// Waits until the line of the drill says that this has to be done now.
fn now(terminal: &Terminal, what: &str) {
    terminal.until(&format!("NOW: {what}"));
}

#[test]
fn the_tutorial_leads_by_keys_from_the_menu_to_a_score() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::sized(&["--as", "alice", "demo"], home.path(), (80, 24));
    terminal.until("7 up");
    terminal.press("F");
    terminal.until("Can be held");
    assert!(terminal.text().contains("take the tutorial (t)"), "{}", terminal.text());
    press_until(&mut terminal, "t", "Type tutorial to go on");
    terminal.press("tutorial\r");
    now(&terminal, "watch");
    terminal.until("look at pane 1");
    now(&terminal, "take it on");
    terminal.until("press 2, then ↵, then a: you take INC-1 on");
    terminal.press("2");
    terminal.press("\r");
    terminal.until("▸ INC-");
    if !terminal.text().contains("▸ INC-1") {
        // Another service had an incident of its own until the cause of both was known.
        terminal.until("Closed");
        terminal.press("\x1b");
        terminal.until("1 Services");
        terminal.press("2");
        terminal.press("\r");
    }
    terminal.until("▸ INC-1");
    terminal.press("a");
    now(&terminal, "tell those who wait");
    terminal.until("press w");
    terminal.press("w");
    terminal.until("Tell those who wait for INC-1");
    terminal.press("we are on it\r");
    now(&terminal, "declare the cause");
    terminal.until("press D");
    terminal.press("D");
    terminal.until("Broke");
    terminal.press("!");
    terminal.until("declare what is broken");
    terminal.answer("\r");
    terminal.until("each wrong answer costs 5");
    std::thread::sleep(STARTLED);
    terminal.press("\r");
    now(&terminal, "heal it");
    terminal.until("press ↵");
    terminal.press("\r");
    terminal.until("▸ CHG-1");
    terminal.press("a");
    terminal.until("Approve CHG-1");
    terminal.answer("\r");
    terminal.until("You agree to exactly plan");
    std::thread::sleep(STARTLED);
    terminal.press("\r");
    now(&terminal, "it is well");
    terminal.until("of 100   ");
    let shown = terminal.text();
    for wanted in ["DRILL-1 · tutorial", "detect", "a tutorial proves no runbook"] {
        assert!(shown.contains(wanted), "{wanted}:\n{shown}");
    }
    let points =
        shown.lines().find_map(|line| line.split_once(" of 100   ")?.0.split_whitespace().last()?.parse().ok());
    assert!(points.is_some_and(|points: u32| points >= 90), "who does as is told does well:\n{shown}");
    terminal.press("\x1b[F");
    terminal.until("What next");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
}

/// A demo without a board, ended when it is dropped.
struct Headless {
    folder: tempfile::TempDir,
    process: Child,
}

impl Headless {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["demo", "--headless", "--dir"]).arg(folder.path());
        command.env("CODEBLUE_HOME", folder.path().join("own")).env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let process = command.spawn().unwrap();
        Self { folder, process }
    }

    fn home(&self) -> std::path::PathBuf {
        self.folder.path().join("home")
    }
}

impl Drop for Headless {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}

fn ask(home: &Path, arguments: &[&str]) -> Option<Value> {
    let mut command = Command::new(PROGRAM);
    command.args(["--json", "--as", "alice"]).args(arguments).env("CODEBLUE_HOME", home).stdin(Stdio::null());
    serde_json::from_slice(&command.output().unwrap().stdout).ok()
}

#[test]
fn a_drill_goes_on_when_its_board_is_left_and_its_end_is_told() {
    let demo = Headless::start();
    let home = demo.home();
    let until = Instant::now() + PATIENCE;
    while ask(&home, &["status"]).is_none_or(|status| status["health"]["overall"] != "healthy") {
        assert!(Instant::now() < until, "the demo never became well");
        std::thread::sleep(Duration::from_millis(300));
    }
    let mut terminal = Terminal::sized(&["--as", "alice"], &home, (110, 32));
    terminal.until("7 up");
    terminal.press("F");
    terminal.until("Can be held");
    // The first row: one that the seed picks.
    press_until(&mut terminal, "n", "Hold a drill that the seed picks");
    terminal.press("\t\t7\tany\r");
    terminal.until("is really broken");
    std::thread::sleep(STARTLED);
    terminal.press("\r");
    now(&terminal, "watch");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    let held = || ask(&home, &["drill", "held"]).unwrap()["DRILL-1"].clone();
    assert!(held()["ended"].is_null(), "{:#}", held());
    ask(&home, &["drill", "abort", "--reason", "enough"]).unwrap();
    let until = Instant::now() + PATIENCE;
    while held()["ended"].is_null() {
        assert!(Instant::now() < until, "nobody told its end");
        std::thread::sleep(Duration::from_millis(300));
    }
    let ended = held()["ended"].clone();
    assert_eq!(ended["outcome"], "aborted", "{ended:#}");
    assert_eq!(ended["reveal"]["truth"]["seed"], 7, "whoever holds it outlived the board, and tells what was broken");
}
