//! What a unit writes into the system's journal, as `journalctl` tells it: a program in its own process group that is read as long as
//! the engine runs, and is ended with it.

use std::{
    io::{self, Read},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    thread::JoinHandle,
};

use chrono::{DateTime, TimeDelta, Utc};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Entry, Figures, Given, Level, Zone,
    bytes::{Encoding, Line, Splitter, plain},
};

/// Messages that wait between the program and us; then it waits.
const WAITING: usize = 1024;
/// Messages at which a unit is begun that was never read.
const TAIL: &str = "500";
/// Pauses before it is started again, shortest and longest.
const PAUSE: TimeDelta = TimeDelta::seconds(1);
const LONGEST: TimeDelta = TimeDelta::seconds(60);
/// Bytes of a complaint that are quoted.
const QUOTE: u64 = 400;

/// How far a unit was read: a cursor of the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JournaldPlace(Option<String>);

/// Reads one unit on.
pub struct Journald {
    program: PathBuf,
    unit: String,
    place: JournaldPlace,
    running: Option<Running>,
    /// When it may be started again, and after which pause.
    again: Option<DateTime<Utc>>,
    pause: TimeDelta,
    started: Option<DateTime<Utc>>,
    problem: Option<String>,
}

struct Running {
    child: Child,
    group: Option<Pid>,
    messages: Receiver<String>,
    reader: Option<JoinHandle<()>>,
    complaints: Option<JoinHandle<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group.take() {
            // It is gone already where it ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

impl Journald {
    /// Begins with a unit, behind the place where it was read before. `program` is `journalctl`.
    #[must_use]
    pub fn new(program: PathBuf, unit: String, place: JournaldPlace) -> Self {
        Self { program, unit, place, running: None, again: None, pause: PAUSE, started: None, problem: None }
    }

    /// How far it is.
    #[must_use]
    pub fn place(&self) -> &JournaldPlace {
        &self.place
    }

    /// How it stands.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures { problem: self.problem.clone(), ..Figures::default() }
    }

    /// Takes what has come, at most so many messages. A program that has ended is started again, after a pause.
    pub fn read(&mut self, now: DateTime<Utc>, most: usize) -> Given {
        let mut given = Given::default();
        if self.running.is_none() && self.again.is_none_or(|again| again <= now) {
            self.start(now);
        }
        let Some(running) = &self.running else { return given };
        for _ in 0..most {
            match running.messages.try_recv() {
                Ok(message) => {
                    if let Some((entry, cursor)) = message_of(&message) {
                        given.new.push(entry);
                        self.place = JournaldPlace(cursor.or(self.place.0.take()));
                    }
                }
                Err(TryRecvError::Empty) => {
                    if now - self.started.unwrap_or(now) > LONGEST {
                        (self.pause, self.problem) = (PAUSE, None);
                    } else if !given.new.is_empty() {
                        self.problem = None;
                    }
                    return given;
                }
                Err(TryRecvError::Disconnected) => {
                    self.ended(now, given.new.is_empty());
                    return given;
                }
            }
        }
        given.more = true;
        given
    }

    fn start(&mut self, now: DateTime<Utc>) {
        let mut command = Command::new(&self.program);
        command.args(["--output=json", "--follow", "--no-pager", "--quiet"]).arg(format!("--unit={}", self.unit));
        match &self.place.0 {
            Some(cursor) => command.arg(format!("--after-cursor={cursor}")),
            None => command.arg(format!("--lines={TAIL}")),
        };
        if self.place.0.is_some() {
            command.arg("--lines=all");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        self.started = Some(now);
        match command.spawn() {
            Ok(mut child) => {
                let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                let (sender, messages) = sync_channel(WAITING);
                let reader = child.stdout.take().map(|output| std::thread::spawn(move || hand_on(output, &sender)));
                let complaints = child.stderr.take().map(|output| std::thread::spawn(move || complaint(output)));
                self.running = Some(Running { child, group, messages, reader, complaints });
            }
            Err(error) => self.wait(now, format!("{} cannot be run: {error}", self.program.display())),
        }
    }

    /// Takes note of why the program has ended.
    fn ended(&mut self, now: DateTime<Utc>, is_silent: bool) {
        let Some(mut running) = self.running.take() else { return };
        let status = running.child.wait();
        // Whatever it has started may hold its pipes.
        if let Some(group) = running.group.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        if let Some(reader) = running.reader.take() {
            let _ = reader.join();
        }
        let said = running.complaints.take().and_then(|complaints| complaints.join().ok()).unwrap_or_default();
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let said = if said.is_empty() { status } else { format!("{status}: {said}") };
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut problem = format!("{name} has ended ({said})");
        if is_silent && self.place.0.is_some() && self.started.is_some_and(|started| now - started < PAUSE * 5) {
            // What the cursor names may have been removed.
            self.place = JournaldPlace(None);
            problem.push_str("; it is begun anew without its cursor");
        }
        self.wait(now, problem);
    }

    fn wait(&mut self, now: DateTime<Utc>, problem: String) {
        self.problem = Some(problem);
        self.again = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST);
    }
}

/// Hands lines on until the program ends or nobody listens.
fn hand_on(mut output: impl Read, to: &SyncSender<String>) {
    let (mut splitter, mut lines, mut piece) =
        (Splitter::new(Encoding::Utf8, 0), Vec::<Line>::new(), vec![0; 64 << 10]);
    while let Ok(count @ 1..) = output.read(&mut piece) {
        splitter.feed(&piece[..count], &mut lines);
        for line in lines.drain(..) {
            if to.send(line.text).is_err() {
                return;
            }
        }
    }
}

/// The beginning of what it complains of; the rest is read and let go, so that it does not wait.
fn complaint(mut output: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = output.by_ref().take(QUOTE).read_to_end(&mut bytes);
    let _ = io::copy(&mut output, &mut io::sink());
    plain(String::from_utf8_lossy(&bytes).trim())
}

/// A message of the journal, and its cursor.
fn message_of(line: &str) -> Option<(Entry, Option<String>)> {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else { return None };
    let told = |key: &str| fields.get(key).and_then(Value::as_str);
    let cursor = told("__CURSOR").map(str::to_owned);
    let at = told("__REALTIME_TIMESTAMP").and_then(|micros| DateTime::from_timestamp_micros(micros.parse().ok()?));
    let level = told("PRIORITY").and_then(|priority| priority.parse().ok()).map(Level::of_syslog);
    let text = message(&fields)?;
    let now = at.unwrap_or_default();
    let read = Entry::read(&plain(&text), now, Zone::default());
    // What the program itself says is nearer than what the journal makes of it.
    Some((Entry { at, level: read.level.or(level), ..read }, cursor))
}

/// The text of a message; one with bytes that are no text is a list of them.
fn message(fields: &Map<String, Value>) -> Option<String> {
    match fields.get("MESSAGE")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(bytes) => {
            let bytes: Vec<u8> = bytes.iter().filter_map(|b| b.as_u64().and_then(|b| u8::try_from(b).ok())).collect();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        _ => None,
    }
}
