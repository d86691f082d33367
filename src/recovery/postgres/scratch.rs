//! A private server over a staged data directory: it replays the log, is promoted, answers our questions, and is shut down
//! cleanly. Nobody else can reach it, and nothing of the live configuration reaches it: no archiving, no replication.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use rustix::process::{Pid, Signal, kill_process};

use super::{
    super::{RecoveryError, switch::remove},
    cluster::controls,
    live::{DATABASES, TEMPLATE, running},
    tool::{Endpoint, LONG, Owner, QUICK, Tools},
    wal::Timeline,
};
use crate::vault::CancelFlag;

const PAUSE: Duration = Duration::from_millis(20);
/// How long a clean shut-down may take: it writes everything that was replayed.
const SHUTDOWN: Duration = Duration::from_secs(600);
/// How long a server that is killed has to see it.
const KILLED: Duration = Duration::from_secs(5);
const PORT: u16 = 5432;
const STANDS: &str = "what is live was not touched";

/// How far to replay; all the log that lies in the directory unless something is said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Until {
    /// Along which timeline.
    pub(super) timeline: Option<Timeline>,
    /// Everything committed up to a time; the log must hold a later commit.
    pub(super) time: Option<DateTime<Utc>>,
}

/// A private server that has been promoted and answers.
pub(super) struct Scratch<'a> {
    data: PathBuf,
    tools: &'a Tools,
    /// Socket, configuration and log; below the directory for temporary files, because a socket's path must be short.
    room: PathBuf,
    server: Option<Child>,
    pub(super) endpoint: Endpoint,
}

impl<'a> Scratch<'a> {
    /// Starts it over `data`, which belongs to the server's user, and waits until it has replayed and is promoted.
    pub(super) fn bring_up(
        data: &Path,
        tools: &'a Tools,
        user: &str,
        until: Until,
        cancel: &CancelFlag,
    ) -> Result<Self, RecoveryError> {
        for name in ["postmaster.pid", "postmaster.opts", "recovery.signal", "standby.signal"] {
            let path = data.join(name);
            remove(&path).map_err(|error| RecoveryError::io("remove", &path, error))?;
        }
        let controls = controls(data, tools, cancel)?;
        let room = room(tools.owner())?;
        let mut scratch = Self {
            data: data.to_owned(),
            tools,
            endpoint: Endpoint {
                host: room.clone().into_os_string(),
                port: PORT,
                user: user.to_owned(),
                password_file: None,
            },
            room,
            server: None,
        };
        scratch.launch(&controls, until)?;
        scratch.wait(cancel)?;
        scratch.endpoint.user = scratch.superuser(cancel)?;
        Ok(scratch)
    }

    fn launch(&mut self, controls: &BTreeMap<String, String>, until: Until) -> Result<(), RecoveryError> {
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |error| RecoveryError::io(action, &path, error)
        };
        let owner = self.tools.owner();
        let write = |path: &Path, text: &str| -> io::Result<()> {
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            io::Write::write_all(&mut &file, text.as_bytes())?;
            owner.give(path)
        };
        let (config, access, signal) =
            (self.room.join("server.conf"), self.room.join("access.conf"), self.data.join("recovery.signal"));
        write(&config, "").map_err(io("write", &config))?;
        write(&access, "local all all trust\n").map_err(io("write", &access))?;
        write(&signal, "").map_err(io("write", &signal))?;
        let log = File::create(self.log()).map_err(io("create", &self.log()))?;
        let errors = log.try_clone().map_err(io("open", &self.log()))?;

        let control = |name: &str, otherwise: &str| controls.get(name).map_or(otherwise, String::as_str).to_owned();
        let mut settings = vec![
            ("listen_addresses", String::new()),
            ("port", PORT.to_string()),
            ("max_connections", "20".to_owned()),
            ("max_wal_senders", "0".to_owned()),
            ("max_prepared_transactions", control("max_prepared_xacts setting", "0")),
            ("max_locks_per_transaction", control("max_locks_per_xact setting", "64")),
            // the log it writes is that of the live server to be
            ("wal_level", control("wal_level setting", "replica")),
            ("track_commit_timestamp", control("track_commit_timestamp setting", "off")),
            ("archive_mode", "off".to_owned()),
            ("archive_command", String::new()),
            ("primary_conninfo", String::new()),
            ("shared_preload_libraries", String::new()),
            ("session_preload_libraries", String::new()),
            ("synchronous_standby_names", String::new()),
            ("external_pid_file", String::new()),
            ("ssl", "off".to_owned()),
            ("logging_collector", "off".to_owned()),
            ("log_destination", "stderr".to_owned()),
            ("log_min_messages", "info".to_owned()),
            ("autovacuum", "off".to_owned()),
            ("hot_standby", "off".to_owned()),
            // the whole file system is synchronised before a switch
            ("fsync", "off".to_owned()),
            ("restore_command", "false".to_owned()),
            ("recovery_target_action", "promote".to_owned()),
        ];
        settings.extend(until.timeline.map(|timeline| ("recovery_target_timeline", timeline.number().to_string())));
        let time = until.time.map(|at| at.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string());
        settings.extend(time.map(|at| ("recovery_target_time", at)));
        let mut command = self.tools.command("postgres", None);
        command.arg("-D").arg(&self.data);
        let paths = [
            ("config_file", &config),
            ("hba_file", &access),
            ("ident_file", &config),
            ("unix_socket_directories", &self.room),
        ];
        for (name, path) in paths {
            let mut setting = OsString::from(format!("{name}="));
            setting.push(path);
            command.arg("-c").arg(setting);
        }
        for (name, value) in &settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = command.spawn().map_err(|error| RecoveryError::Tool {
            action: "start a private server",
            program: "postgres".to_owned(),
            outcome: format!("cannot be started: {error}"),
            output: String::new(),
            stands: STANDS,
        })?;
        self.server = Some(child);
        Ok(())
    }

    /// Until it is promoted: before that it lets nobody in.
    fn wait(&mut self, cancel: &CancelFlag) -> Result<(), RecoveryError> {
        let begun = Instant::now();
        let pid_file = self.data.join("postmaster.pid");
        loop {
            let ended = self.server.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            if ended {
                let finding = format!("it cannot be recovered: {}", self.reason());
                return Err(RecoveryError::BadDatabase { path: self.data.clone(), finding, stands: STANDS });
            }
            let text = fs::read_to_string(&pid_file).unwrap_or_default();
            if text.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
                return Ok(());
            }
            if cancel.is_cancelled() {
                return Err(RecoveryError::Cancelled);
            }
            if begun.elapsed() > LONG {
                let finding = format!("replaying its log takes longer than {} h", LONG.as_secs() / 3600);
                return Err(RecoveryError::BadDatabase { path: self.data.clone(), finding, stands: STANDS });
            }
            thread::sleep(PAUSE);
        }
    }

    /// What its log says went wrong.
    fn reason(&self) -> String {
        let text = fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[text.len().saturating_sub(64 << 10)..]).into_owned();
        let told: Vec<&str> = text
            .lines()
            .filter_map(|line| {
                ["FATAL:", "PANIC:", "ERROR:"].iter().find_map(|word| Some(line.split_once(word)?.1.trim()))
            })
            .collect();
        if told.is_empty() { text.lines().last().unwrap_or_default().to_owned() } else { told.join("; ") }
    }

    fn superuser(&self, cancel: &CancelFlag) -> Result<String, RecoveryError> {
        self.ask(
            TEMPLATE,
            "select to_json(rolname) from pg_roles where rolsuper and rolcanlogin order by oid limit 1",
            cancel,
        )
    }

    pub(super) fn ask<T: serde::de::DeserializeOwned>(
        &self,
        database: &str,
        question: &str,
        cancel: &CancelFlag,
    ) -> Result<T, RecoveryError> {
        self.tools.ask(&self.endpoint, database, question, QUICK, cancel)
    }

    /// Names of its databases.
    pub(super) fn databases(&self, cancel: &CancelFlag) -> Result<Vec<String>, RecoveryError> {
        self.ask(TEMPLATE, DATABASES, cancel)
    }

    /// Shuts it down cleanly; what it leaves can be started without any recovery.
    pub(super) fn shut_down(mut self) -> Result<(), RecoveryError> {
        let Some(mut child) = self.server.take() else { return Ok(()) };
        signal(&child, Signal::INT);
        let begun = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(None) if begun.elapsed() < SHUTDOWN => thread::sleep(PAUSE),
                Ok(None) | Err(_) => {
                    self.server = Some(child);
                    break None;
                }
                Ok(Some(status)) => break Some(status),
            }
        };
        if status.is_none_or(|status| !status.success()) {
            let finding = format!("it cannot be shut down cleanly: {}", self.reason());
            return Err(RecoveryError::BadDatabase { path: self.data.clone(), finding, stands: STANDS });
        }
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.room.join("server.log")
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.server.take() {
            signal(&child, Signal::QUIT);
            let begun = Instant::now();
            while matches!(child.try_wait(), Ok(None)) && begun.elapsed() < KILLED {
                thread::sleep(PAUSE);
            }
            // its processes notice the end of the first one by themselves
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Err(error) = remove(&self.room) {
            tracing::warn!(path = %self.room.display(), %error, "cannot remove what a private database server left");
        }
    }
}

/// Ends a private server that outlived the engine that had started it.
pub(super) fn end_leftover(data: &Path) {
    let begun = Instant::now();
    while let Some(pid) = running(data) {
        let stubborn = begun.elapsed() > KILLED;
        if let Some(pid) = Pid::from_raw(pid) {
            let _ = kill_process(pid, if stubborn { Signal::KILL } else { Signal::QUIT });
        }
        if begun.elapsed() > KILLED * 2 {
            return;
        }
        thread::sleep(PAUSE);
    }
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // it fails when the server has just ended, which is what we want
        let _ = kill_process(pid, signal);
    }
}

/// A private directory of the server's user with a short path.
fn room(owner: Owner) -> Result<PathBuf, RecoveryError> {
    let place = std::env::temp_dir();
    let place = if place.as_os_str().len() < 60 { place } else { PathBuf::from("/tmp") };
    for _ in 0..16 {
        let room = place.join(format!("codeblue-pg-{:08x}", rand::random::<u32>()));
        match DirBuilder::new().mode(0o700).create(&room) {
            Ok(()) => {
                owner.give(&room).map_err(|error| RecoveryError::io("give away", &room, error))?;
                return Ok(room);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(RecoveryError::io("create", &room, error)),
        }
    }
    Err(RecoveryError::io("create a directory in", &place, io::ErrorKind::AlreadyExists.into()))
}
