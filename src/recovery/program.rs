//! Running a program: an argument list without a shell, a process group of its own, a time-out, bounded output.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::vault::CancelFlag;

/// Bytes kept of what a program prints; the rest is read and dropped.
const KEPT: usize = 64 * 1024;
/// Of those, how many an error shows.
const SHOWN: usize = 2000;
/// How long a process may take to die.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(2);
/// How long to wait for the rest of the output after the end: a service that the program started may hold the pipe open for ever.
const DRAIN: Duration = Duration::from_millis(200);

/// A program that will be run.
pub(super) struct Program<'a> {
    command: Command,
    name: String,
    timeout: Duration,
    cancel: &'a CancelFlag,
    kept: usize,
    merged: bool,
    whole: bool,
    into: Option<File>,
    note: Option<PathBuf>,
    input: Option<Vec<u8>>,
}

/// A program that has ended.
pub(super) struct Ran {
    pub(super) program: String,
    pub(super) outcome: Outcome,
    /// Standard output; both streams as they came when they are merged; nothing when it went into a file.
    pub(super) stdout: Output,
    pub(super) stderr: Output,
}

pub(super) enum Outcome {
    Exited(ExitStatus),
    /// It could not be started or was killed, in words.
    Stopped(String),
    /// What it printed could not be kept.
    Unwritten(io::Error),
}

#[derive(Default)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    pub(super) truncated: bool,
}

impl<'a> Program<'a> {
    pub(super) fn new(run: &[String], timeout: Duration, cancel: &'a CancelFlag) -> Self {
        let (name, arguments) = run.split_first().map_or(("", run), |(name, rest)| (name.as_str(), rest));
        let mut command = Command::new(name);
        command.args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let name = name.to_owned();
        Self {
            command,
            name,
            timeout,
            cancel,
            kept: KEPT,
            merged: false,
            whole: false,
            into: None,
            note: None,
            input: None,
        }
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes away every variable whose name begins so.
    pub(super) fn without_env(mut self, prefix: &str) -> Self {
        let named = |name: &OsString| name.to_string_lossy().starts_with(prefix);
        for name in std::env::vars_os().map(|(name, _)| name).filter(named) {
            self.command.env_remove(name);
        }
        self
    }

    pub(super) fn arguments(mut self, more: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(more);
        self
    }

    pub(super) fn current_dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs it as another user of this host, without the groups of this one.
    pub(super) fn user(mut self, uid: u32, gid: u32) -> Self {
        self.command.uid(uid).gid(gid);
        self
    }

    /// Gives it a text as its standard input.
    pub(super) fn input(mut self, text: &str) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = Some(text.as_bytes().to_vec());
        self
    }

    pub(super) fn stdin(mut self, file: File) -> Self {
        self.command.stdin(file);
        self
    }

    /// Keeps both streams as one, as a terminal would show them.
    pub(super) fn merged(mut self) -> Self {
        self.merged = true;
        self
    }

    /// Waits for the end of its output, and keeps so many bytes of it.
    pub(super) fn whole(mut self, kept: usize) -> Self {
        (self.whole, self.kept) = (true, kept);
        self
    }

    /// Writes all of its standard output into a file.
    pub(super) fn into_file(mut self, file: File) -> Self {
        (self.whole, self.into) = (true, Some(file));
        self
    }

    /// Writes down at `path` which process it is while it runs, so that `end_left` finds it after a kill of this one.
    pub(super) fn noting(mut self, path: &Path) -> Self {
        self.note = Some(path.to_owned());
        self
    }

    /// Runs it to its end, its time-out, or the cancellation; the latter two kill the whole process group.
    pub(super) fn run(mut self) -> Ran {
        let mut ran = Ran {
            program: self.name,
            outcome: Outcome::Stopped(String::new()),
            stdout: Output::default(),
            stderr: Output::default(),
        };
        let started = Instant::now();
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => {
                ran.outcome = Outcome::Stopped(format!("cannot be started: {error}"));
                return ran;
            }
        };
        if let Some(error) = self.note.as_ref().and_then(|path| write_note(path, child.id()).err()) {
            ran.outcome = Outcome::Stopped(format!("was killed, because it could not be written down: {error}"));
            kill(&mut child);
            return ran;
        }
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), self.input) {
            // a program that ends without having read it all says why by itself
            thread::spawn(move || drop(pipe.write_all(&text)));
        }
        let stdout = Arc::new(Mutex::new(Sink { into: self.into, room: self.kept, ..Sink::default() }));
        let stderr = if self.merged {
            Arc::clone(&stdout)
        } else {
            Arc::new(Mutex::new(Sink { room: KEPT, ..Sink::default() }))
        };
        let readers: Vec<thread::JoinHandle<()>> = [
            child.stdout.take().map(|stream| keep(stream, &stdout)),
            child.stderr.take().map(|stream| keep(stream, &stderr)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut ended = None;
        let mut drain = None;
        let why = loop {
            if let Some(error) = take_error(&stdout) {
                ran.outcome = Outcome::Unwritten(error);
                break None;
            }
            if ended.is_none() {
                match child.try_wait() {
                    Ok(status) => ended = status,
                    Err(error) => break Some(format!("cannot be waited for ({error}) and was killed")),
                }
            }
            if let Some(status) = ended {
                let waited = *drain.get_or_insert_with(Instant::now);
                let done = readers.iter().all(thread::JoinHandle::is_finished);
                if done || (!self.whole && waited.elapsed() >= DRAIN) {
                    ran.outcome = take_error(&stdout).map_or(Outcome::Exited(status), Outcome::Unwritten);
                    break None;
                }
            }
            if self.cancel.is_cancelled() {
                break Some("was cancelled and killed".to_owned());
            }
            if started.elapsed() >= self.timeout {
                break Some(format!("took longer than {} s and was killed", self.timeout.as_secs_f64()));
            }
            thread::sleep(PAUSE);
        };
        if let Some(why) = why {
            ran.outcome = Outcome::Stopped(why);
        }
        if !matches!(ran.outcome, Outcome::Exited(_)) {
            kill(&mut child);
        }
        if let Some(path) = &self.note {
            // a note that stays says of a process that it is not, which is found out
            let _ = fs::remove_file(path);
        }
        ran.stdout = take_output(&stdout);
        ran.stderr = take_output(&stderr);
        ran
    }
}

impl Ran {
    pub(super) fn exit_code(&self) -> Option<i32> {
        match &self.outcome {
            Outcome::Exited(status) => status.code(),
            Outcome::Stopped(_) | Outcome::Unwritten(_) => None,
        }
    }

    /// What went wrong, in words; none when it succeeded.
    pub(super) fn problem(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Exited(status) if status.success() => None,
            Outcome::Exited(status) => Some(match (status.code(), status.signal()) {
                (Some(code), _) => format!("failed with exit code {code}"),
                (None, Some(signal)) => format!("was ended by signal {signal}"),
                (None, None) => "failed".to_owned(),
            }),
            Outcome::Stopped(why) => Some(why.clone()),
            Outcome::Unwritten(error) => Some(format!("was killed, because its output could not be written: {error}")),
        }
    }

    /// The end of what it said about itself.
    pub(super) fn said(&self) -> String {
        let output = if self.stderr.bytes.is_empty() { &self.stdout } else { &self.stderr };
        let text = output.text();
        let text = text.trim();
        let from = text.char_indices().rev().nth(SHOWN).map_or(0, |(index, _)| index);
        if text.is_empty() { "(nothing)".to_owned() } else { text[from..].to_owned() }
    }
}

impl Output {
    /// What is no UTF-8 is replaced.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[derive(Default)]
struct Sink {
    into: Option<File>,
    room: usize,
    output: Output,
    error: Option<io::Error>,
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.into {
            if self.error.is_none() {
                self.error = file.write_all(bytes).err();
            }
            return;
        }
        let room = self.room.saturating_sub(self.output.bytes.len()).min(bytes.len());
        self.output.bytes.extend_from_slice(&bytes[..room]);
        self.output.truncated |= room < bytes.len();
    }
}

fn keep(mut stream: impl Read + Send + 'static, sink: &Arc<Mutex<Sink>>) -> thread::JoinHandle<()> {
    let sink = Arc::clone(sink);
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match stream.read(&mut buffer) {
                Ok(length @ 1..) => sink.lock().unwrap_or_else(PoisonError::into_inner).take(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
    })
}

fn take_error(sink: &Mutex<Sink>) -> Option<io::Error> {
    sink.lock().unwrap_or_else(PoisonError::into_inner).error.take()
}

fn take_output(sink: &Mutex<Sink>) -> Output {
    std::mem::take(&mut sink.lock().unwrap_or_else(PoisonError::into_inner).output)
}

/// Ends a program that an earlier engine started and was killed before it ended; waits until it is gone.
///
/// # Errors
/// When the note cannot be read, or the program cannot be killed.
pub fn end_left(note: &Path) -> io::Result<()> {
    let text = match fs::read_to_string(note) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let noted = text.split_once(' ').and_then(|(id, begun)| Some((id.parse::<u32>().ok()?, begun.to_owned())));
    if let Some((id, begun)) = noted {
        let started = Instant::now();
        // another process may have the number by now, but not the same beginning
        while begun_at(id).is_some_and(|now| now == begun) {
            if started.elapsed() > PATIENCE {
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("process {id} cannot be killed")));
            }
            kill_group(id);
            thread::sleep(PAUSE);
        }
    }
    fs::remove_file(note)
}

/// Writes down at `path` which process it is that was started.
///
/// # Errors
/// When it cannot be written.
pub fn write_note(path: &Path, id: u32) -> io::Result<()> {
    fs::write(path, format!("{id} {}", begun_at(id).unwrap_or_default()))
}

/// When a living process began, in ticks since the start of the host.
fn begun_at(id: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // the name, in brackets, may hold anything
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let alive = fields.next().is_some_and(|state| state != "Z" && state != "X");
    alive.then(|| fields.nth(18).map(str::to_owned)).flatten()
}

fn kill_group(id: u32) {
    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // it fails when the group ended by itself just now, which is what we want
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn kill(child: &mut Child) {
    kill_group(child.id());
    // the first process of the group is dead by now; this only collects it
    let _ = child.wait();
}
