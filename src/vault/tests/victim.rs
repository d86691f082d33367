use std::{
    env,
    ffi::OsStr,
    io::Read,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A test of this program that runs in a process of its own, again and again, and is killed at a moment of one's choice.
pub(crate) struct Victim {
    test: &'static str,
    /// How long it takes here when nobody kills it.
    whole: Option<Duration>,
}

impl Victim {
    pub(crate) fn of(test: &'static str) -> Self {
        Self { test, whole: None }
    }

    /// Starts it and waits until it says that it is ready. The first one ends by itself; each that follows is killed after this
    /// part of the time which the first one took.
    pub(crate) fn run(&mut self, environment: &[(&str, &OsStr)], part: f64) {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", self.test, "--nocapture"])
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut said = String::new();
        while !said.contains("ready") {
            let mut byte = [0];
            assert_eq!(output.read(&mut byte).unwrap(), 1, "the child ended early: {said}");
            said.push(byte[0] as char);
        }
        let begun = Instant::now();
        if let Some(whole) = self.whole {
            // not a wait for something to happen: the moment of the kill is what varies
            thread::sleep(whole.mul_f64(part));
            child.kill().unwrap();
            child.wait().unwrap();
        } else {
            assert!(child.wait().unwrap().success());
            self.whole = Some(begun.elapsed());
        }
    }
}
