//! What happens, a line each, for who cannot or does not want to look at a board.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use rustix::process::Signal;

use crate::{cli::Script, terminal::Terminal};

const PATIENCE: Duration = Duration::from_secs(60);

struct Watching(Child, Receiver<String>);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Watching {
    fn begin(script: &Script, arguments: &[&str]) -> Self {
        let mut child = script.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, receiver) = channel();
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        Self(child, receiver)
    }

    /// The next line that has this, and all that came before it.
    fn until(&self, wanted: &str) -> Vec<String> {
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains(wanted)) {
            match self.1.recv_timeout(PATIENCE) {
                Ok(line) => said.push(line),
                Err(_) => panic!("never said: {wanted}\n{}", said.join("\n")),
            }
        }
        said
    }
}

/// A service without checks: nothing happens by itself.
fn quiet(script: &Script) {
    std::fs::create_dir_all(script.home()).unwrap();
    let platform = "[platform]\nname = \"Ward\"\nprofile = \"production\"\n[[service]]\nname = \"charts\"\ncriticality = \"critical\"\n\
                    [[service.action]]\nname = \"restart\"\nrun = \"true\"\nrisk = \"low\"\ntakes = \"1s\"\n";
    std::fs::write(script.home().join("codeblue.toml"), platform).unwrap();
}

#[test]
fn what_is_read_is_shown_again_when_it_changed_also_after_the_engine_was_away() {
    let script = Script::new();
    quiet(&script);
    let (code, _, error) = script.run(&["incident", "list", "--watch"]);
    assert_eq!((code, error.contains("codeblue serve")), (4, true), "{error}");
    let mut engine = script.serve();
    for arguments in [&["incident", "declare", "x", "-s", "4"][..], &["watch"], &["serve"], &[]] {
        let (code, _, error) = script.run(&[arguments, &["--watch"]].concat());
        assert_eq!((code, error.contains("--watch is for what reads")), (2, true), "{arguments:?}: {error}");
    }
    let (code, _, error) = script.run(&["incident", "show", "INC-7", "--watch"]);
    assert_eq!((code, error.contains("INC-7")), (3, true), "{error}");

    let mut documents = Watching::begin(&script, &["incident", "list", "--json", "--watch"]);
    let pages = Watching::begin(&script, &["status", "--watch"]);
    assert_eq!(documents.until("[]"), ["[]"], "first what is");
    pages.until("charts");
    let declare = |title: &str| {
        let (code, _, error) = script.run(&["incident", "declare", "--severity", "1", "--service", "charts", title]);
        assert_eq!(code, 0, "{error}");
    };
    declare("charts cannot be opened");
    for line in documents.until("charts cannot be opened") {
        let document: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(document.as_array().map(Vec::len), Some(1), "a document a line, and none of them twice: {line}");
    }
    let page = pages.until("charts cannot be opened").join("\n");
    assert!(page.contains("open incidents") && !page.contains('\x1b'), "{page}");

    engine.terminate();
    let _engine = script.serve();
    declare("and the labels");
    documents.until("and the labels");
    let pid = rustix::process::Pid::from_child(&documents.0);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(documents.0.wait().unwrap().code(), Some(0), "Ctrl-C ends it in good order");
}

#[test]
fn what_happens_is_told_in_lines_and_nothing_is_missed_while_the_engine_is_away() {
    let script = Script::new();
    quiet(&script);
    let (code, _, error) = script.run(&["watch"]);
    assert_eq!((code, error.contains("engine")), (4, true), "{error}");

    let mut engine = script.serve();
    let watching = Watching::begin(&script, &["watch", "--bell"]);
    let raw = Watching::begin(&script, &["watch", "--json"]);
    assert!(watching.until("nothing is wrong")[0].ends_with(" Ward, 1 service, nothing is wrong"));
    let declare = |title: &str| {
        let (code, _, error) = script.run(&["incident", "declare", "--severity", "1", "--service", "charts", title]);
        assert_eq!(code, 0, "{error}");
    };
    declare("charts cannot be opened");
    let said = watching.until("opened: charts cannot be opened").pop().unwrap();
    assert!(said.starts_with('\x07') && said.contains(" INC-1 SEV1 opened"), "{said:?}");
    let event = raw.until("charts cannot be opened").pop().unwrap();
    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
    assert!(event["seq"].is_u64(), "{event}");
    let (code, _, error) = script.run(&["change", "submit", "--action", "charts/restart", "--reason", "it leaks"]);
    assert_eq!(code, 10, "a person has to decide: {error}");
    let said = watching.until("CHG-1 WAITS for the ").pop().unwrap();
    assert!(said.contains(" UTC; look, and answer: codeblue change approve CHG-1"), "{said}");

    engine.terminate();
    watching.until("NO ENGINE: ");
    let _engine = script.serve();
    let said = watching.until("EMERGENCY: INC-1 SEV1 charts cannot be opened");
    assert!(said.iter().any(|line| line.contains("took charge")), "what came meanwhile is told: {said:?}");
    declare("and the labels");
    watching.until("INC-2 SEV1 opened: and the labels");
}

#[test]
fn on_a_terminal_it_is_drawn_in_place_and_the_terminal_is_given_back_as_it_was() {
    let script = Script::new();
    quiet(&script);
    let mut engine = script.serve();
    let declare = |title: &str| {
        let (code, _, error) = script.run(&["incident", "declare", "--severity", "4", title]);
        assert_eq!(code, 0, "{error}");
    };
    declare("first of all");
    let mut terminal = Terminal::sized(&["incident", "list", "--watch"], &script.home(), (100, 12));
    let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    terminal.until("first of all");
    assert!(terminal.is_beside() && first(&terminal.text()).contains("Ctrl-C ends"), "{}", terminal.text());

    // What comes is drawn where the rest stands: the line above stays the first, and nothing scrolls away.
    for number in 2..=6 {
        declare(&format!("number {number}"));
    }
    terminal.until("number 6");
    let text = terminal.text();
    assert!(first(&text).contains("as of") && text.matches("first of all").count() == 1, "{text}");

    // A window that becomes smaller counts what has no room; a larger one has it again.
    terminal.resize((90, 5));
    terminal.until_it("what has no room", |text| text.contains("more lines below") && text.lines().count() <= 5);
    assert!(first(&terminal.text()).contains("as of"), "{}", terminal.text());
    terminal.resize((120, 30));
    terminal.until_it("all of it", |text| text.contains("number 6") && text.contains("first of all"));
    assert!(!terminal.text().contains("below"), "{}", terminal.text());

    // It is put aside as any program, and comes back with what was there.
    terminal.press("\x1a");
    wait("the shell's screen", || !terminal.is_beside());
    terminal.signal(Signal::CONT);
    terminal.until("number 6");
    assert!(terminal.is_beside());

    // The engine goes: what is shown is said to be old, and stays.
    engine.terminate();
    terminal.until_it("the engine away", |text| text.contains("NO ENGINE since") && text.contains("number 6"));
    let _engine = script.serve();
    terminal.until_it("the engine again", |text| text.contains("as of") && text.contains("number 6"));

    terminal.press("\x03");
    assert_eq!(terminal.ended(), 0);
    wait("the shell's screen", || !terminal.is_beside());
    terminal.until("number 6");
    let (now, before) = terminal.settings();
    assert_eq!(now, before, "how the line is set");
    let written = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    for mode in ["?25", "?7"] {
        assert!(
            written.rfind(&format!("\x1b[{mode}h")) > written.rfind(&format!("\x1b[{mode}l")),
            "{mode} is left off"
        );
    }
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} never came");
        thread::sleep(Duration::from_millis(10));
    }
}
