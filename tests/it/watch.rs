//! What happens, a line each, for who cannot or does not want to look at a board.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use crate::cli::Script;

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

#[test]
fn what_happens_is_told_in_lines_and_nothing_is_missed_while_the_engine_is_away() {
    let script = Script::new();
    std::fs::create_dir_all(script.home()).unwrap();
    let platform = "[platform]\nname = \"Ward\"\nprofile = \"production\"\n[[service]]\nname = \"charts\"\ncriticality = \"critical\"\n";
    std::fs::write(script.home().join("codeblue.toml"), platform).unwrap();
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

    engine.terminate();
    watching.until("NO ENGINE: ");
    let _engine = script.serve();
    let said = watching.until("EMERGENCY: INC-1 SEV1 charts cannot be opened");
    assert!(said.iter().any(|line| line.contains("took charge")), "what came meanwhile is told: {said:?}");
    declare("and the labels");
    watching.until("INC-2 SEV1 opened: and the labels");
}
