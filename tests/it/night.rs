//! A person's whole night on the demo platform, in real terminals: by keys alone, by the mouse alone, and with somebody else at a second
//! terminal. `CODEBLUE_CAST=FILE` keeps the night as an asciicast, to be looked at with `asciinema play FILE`.

use std::time::{Duration, Instant};

use crate::terminal::{Terminal, assert_restored};

/// Keys that come sooner after a question appears were meant for something else.
const STARTLED: Duration = Duration::from_millis(300);
/// Clicks that come sooner at the same place are one.
const APART: Duration = Duration::from_millis(500);
/// What the same takes at most, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(180);

/// A demo whose release is bad; when it was seen.
fn outage(size: (u16, u16), folder: &std::path::Path) -> (Terminal, Instant) {
    let mut terminal = Terminal::set_up(size, folder, |command| {
        command.args(["--as", "alice", "demo", "--dir"]);
        command.arg(folder.join("demo"));
    });
    terminal.until("7 up");
    terminal.press("f");
    terminal.until("Break what?");
    let place = (1..=9).find(|place| terminal.text().contains(&format!(" {place} bad-release"))).unwrap();
    terminal.answer(&place.to_string());
    terminal.until("INC-1");
    let seen = Instant::now();
    terminal.until("waits for you");
    (terminal, seen)
}

/// Waits for a text and for whoever reads it.
fn read(terminal: &Terminal, what: &str) {
    terminal.until(what);
    std::thread::sleep(STARTLED);
}

fn told(how: &str, seen: Instant) {
    let took = seen.elapsed();
    println!("from the first sign to the end {how}: {:.1} s", took.as_secs_f64());
    assert!(took < PATIENCE, "{how}: {took:?}");
}

fn leave(mut terminal: Terminal) -> Terminal {
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    assert_restored(&terminal.bytes());
    assert!(!terminal.is_beside(), "the shell's screen is back");
    let (now, before) = terminal.settings();
    assert_eq!(now, before, "the line is set as it was");
    terminal
}

#[test]
fn by_keys_alone_at_80x24() {
    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, seen) = outage((80, 24), folder.path());
    terminal.press("2");
    std::thread::sleep(STARTLED);
    terminal.press("\r");
    read(&terminal, "▸ INC-1");
    terminal.press("a");
    terminal.until("acknowledged");
    terminal.press("D");
    read(&terminal, "Broke");
    terminal.press("\x1b");
    read(&terminal, "What we know");
    terminal.press("n");
    read(&terminal, "Note on INC-1");
    terminal.press("it goes back to v1\r");
    terminal.until("alice: it goes back to v1");
    terminal.press("\r");
    read(&terminal, "▸ CHG-1");
    terminal.press("a");
    read(&terminal, "Approve CHG-1");
    terminal.press("\r");
    read(&terminal, "You agree to exactly plan");
    terminal.press("\r");
    terminal.until("✓ succeeded");
    for _ in 0..3 {
        terminal.press("\x1b");
        std::thread::sleep(STARTLED);
    }
    terminal.until("1 Services");
    terminal.until("0 open");
    told("by keys", seen);
    leave(terminal);
}

#[test]
fn by_mouse_alone_at_80x24() {
    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, seen) = outage((80, 24), folder.path());
    // One click chooses, another opens.
    for _ in 0..2 {
        terminal.click("INC-1");
        std::thread::sleep(APART);
    }
    terminal.until("▸ INC-1");
    terminal.click("a Acknowledge");
    terminal.until("acknowledged");
    terminal.click("D Diagnosis");
    read(&terminal, "Broke");
    terminal.click("Esc Back");
    read(&terminal, "What we know");
    // Where the last line has no room for all, a click on the name of the program has everything.
    terminal.click("CODEBLUE");
    read(&terminal, "Find anything");
    terminal.click(" Note ");
    read(&terminal, "Note on INC-1");
    terminal.press("it goes back to v1");
    terminal.until("it goes back to v1");
    terminal.click("↵ sends it");
    terminal.until("alice: it goes back to v1");
    std::thread::sleep(APART);
    terminal.click("Esc Back");
    read(&terminal, "1 Services");
    for _ in 0..2 {
        terminal.click("  CHG-1 ");
        std::thread::sleep(APART);
    }
    terminal.until("▸ CHG-1");
    terminal.click("[ a Approve");
    read(&terminal, "Approve CHG-1");
    std::thread::sleep(APART);
    terminal.click("↵ What it leads to");
    read(&terminal, "You agree to exactly plan");
    std::thread::sleep(APART);
    terminal.click("[ ↵ Approve");
    terminal.until("✓ succeeded");
    terminal.click("Esc Back");
    read(&terminal, "▸ CHG-1");
    terminal.click("Esc Back");
    terminal.until("0 open");
    told("by mouse", seen);
    leave(terminal);
}

#[test]
fn a_whole_night_with_an_approval_from_a_second_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (mut alice, seen) = outage((110, 32), folder.path());
    alice.press("2");
    std::thread::sleep(STARTLED);
    alice.press("\r");
    read(&alice, "▸ INC-1");
    alice.press("a");
    alice.until("acknowledged");
    alice.press("D");
    read(&alice, "Broke");
    alice.press("\x1b");

    let mut carol = Terminal::set_up((80, 24), &folder.path().join("demo/home"), |command| {
        command.args(["--as", "carol"]);
    });
    carol.until("1 waits for you");
    carol.press("3");
    std::thread::sleep(STARTLED);
    carol.press("a");
    read(&carol, "▸ CHG-1");
    carol.press("a");
    read(&carol, "Approve CHG-1");
    carol.press("\r");
    read(&carol, "You agree to exactly plan");
    carol.press("\r");
    carol.until("✓ succeeded");
    leave(carol);

    // Nobody at the first terminal did anything, and it is all there.
    alice.until("carol");
    alice.until_it("the end of INC-1", |text| text.contains("esolved"));
    alice.press("L");
    read(&alice, "Post-mortem of INC-1");
    alice.press("it was seen at once\tthe release was not tried\t\tcarol can approve from home\r");
    alice.until("INC-1 post-mortem written");
    told("with a second terminal", seen);
    let alice = leave(alice);
    if let Some(file) = std::env::var_os("CODEBLUE_CAST") {
        std::fs::write(&file, alice.cast()).unwrap();
    }
}
