//! The live server: whether it runs, what it answers, stopping and starting it.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{
    super::{RecoveryError, reload::run_program, switch::parent},
    tool::{Call, Endpoint, LONG, Owner, QUICK, Tools},
};
use crate::{platform::PostgresServer, vault::CancelFlag};

/// How long the server may take to stop or start.
const CHANGE: Duration = Duration::from_secs(300);
/// How long a started server may take until all its databases answer.
const ANSWERS: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
const DOWN: &str =
    "what was restored is in place and the server is being started: run the same recovery again to finish it";
/// A database that every server has.
pub(super) const TEMPLATE: &str = "postgres";
/// Databases that let somebody in.
pub(super) const DATABASES: &str = "select coalesce(json_agg(datname order by datname), '[]') from pg_database where datallowconn and not datistemplate";

/// A server and its data directory.
pub(super) struct Live<'a> {
    pub(super) component: &'a str,
    /// Where the data directory really lies.
    pub(super) data: PathBuf,
    pub(super) tools: Tools,
    pub(super) endpoint: Endpoint,
    pub(super) start: Option<&'a [String]>,
    pub(super) stop: Option<&'a [String]>,
}

/// The process of the server of a data directory, when it runs.
pub(super) fn running(data: &Path) -> Option<i32> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid: i32 = text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 1)?;
    // after a crash the number may belong to somebody else
    let at = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (at == fs::canonicalize(data).ok()?).then_some(pid)
}

/// What `PG_VERSION` of a data directory says.
pub(super) fn version(data: &Path) -> Option<String> {
    fs::read_to_string(data.join("PG_VERSION")).ok().map(|text| text.trim().to_owned())
}

/// Whom the data directory belongs to, or would.
pub(super) fn owner(data: &Path) -> Result<Owner, RecoveryError> {
    let place = if data.exists() { data } else { parent(data) };
    Owner::of(place).map_err(|error| RecoveryError::io("look at", place, error))
}

impl<'a> Live<'a> {
    pub(super) fn new(
        component: &'a str,
        server: &PostgresServer,
        data: PathBuf,
        version: &str,
        orders: (Option<&'a [String]>, Option<&'a [String]>),
    ) -> Result<Self, RecoveryError> {
        let owner = owner(&data)?;
        if owner.uid == 0 {
            let reason = format!("{} belongs to root, and PostgreSQL does not run as root", data.display());
            return Err(RecoveryError::Impossible { component: component.to_owned(), reason });
        }
        let tools = Tools::find(component, server, Some(version), owner)?;
        let (start, stop) = orders;
        Ok(Self { component, data, tools, endpoint: Endpoint::of(server), start, stop })
    }

    /// Asks it in its own database.
    pub(super) fn ask<T: serde::de::DeserializeOwned>(
        &self,
        question: &str,
        cancel: &CancelFlag,
    ) -> Result<T, RecoveryError> {
        self.tools.ask(&self.endpoint, TEMPLATE, question, QUICK, cancel)
    }

    /// Names of its databases.
    pub(super) fn databases(&self, cancel: &CancelFlag) -> Result<Vec<String>, RecoveryError> {
        self.ask(DATABASES, cancel)
    }

    /// Every database answers.
    pub(super) fn verify(&self, cancel: &CancelFlag) -> Result<(), RecoveryError> {
        for database in self.databases(cancel)? {
            self.tools.ask::<u32>(&self.endpoint, &database, "select count(*) from pg_class limit 1", QUICK, cancel)?;
        }
        Ok(())
    }

    /// Stops it in good order. That it does not run is fine.
    pub(super) fn stop(&self, cancel: &CancelFlag) -> Result<(), RecoveryError> {
        if running(&self.data).is_none() {
            return Ok(());
        }
        match self.stop {
            Some(run) => drop(run_program(run, CHANGE, cancel)?),
            None => {
                let call = Call::new("stop the database server", "pg_ctl")
                    .args([OsStr::new("stop"), OsStr::new("-D"), self.data.as_os_str()])
                    .args(["-m", "fast", "-w", "-s", "-t", "240"])
                    .within(CHANGE);
                // One that ended by itself meanwhile has stopped too, and cannot be told to.
                if let Err(error) = self.tools.run(&call, cancel)
                    && running(&self.data).is_some()
                {
                    return Err(error);
                }
            }
        }
        let begun = Instant::now();
        while let Some(pid) = running(&self.data) {
            if begun.elapsed() > QUICK {
                let reason = format!("process {pid} still runs the server after it was told to stop");
                return Err(RecoveryError::Impossible { component: self.component.to_owned(), reason });
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Starts it, when it does not run, and waits until it answers.
    pub(super) fn start(&self, cancel: &CancelFlag) -> Result<(), RecoveryError> {
        if running(&self.data).is_none() {
            let started = match self.start {
                Some(run) => run_program(run, CHANGE, cancel).map(drop),
                None => {
                    let log = self.data.join("server.log");
                    let call = Call::new("start the database server", "pg_ctl")
                        .args([OsStr::new("start"), OsStr::new("-D"), self.data.as_os_str()])
                        .args([OsStr::new("-l"), log.as_os_str()])
                        .args(["-w", "-s", "-t", "240"])
                        .within(CHANGE)
                        .stands(DOWN);
                    self.tools.run(&call, cancel).map(drop).map_err(|error| with_log(error, &log))
                }
            };
            // One that an engine started before it was killed may have come up first; it is judged like any other.
            if running(&self.data).is_none() {
                started?;
            }
        }
        let begun = Instant::now();
        loop {
            match self.verify(cancel) {
                Ok(()) => return Ok(()),
                Err(RecoveryError::Cancelled) => return Err(RecoveryError::Cancelled),
                Err(error) if begun.elapsed() > ANSWERS || running(&self.data).is_none() => return Err(error),
                Err(_) => thread::sleep(PAUSE * 5),
            }
        }
    }

    /// Bytes in its databases, as it counts them.
    pub(super) fn size(&self, cancel: &CancelFlag) -> Result<u64, RecoveryError> {
        let sum = "select coalesce(sum(pg_database_size(oid)), 0) from pg_database where datallowconn";
        self.tools.ask(&self.endpoint, TEMPLATE, sum, LONG, cancel)
    }

    /// The restore exchanges directories, which must lie on one file system that we may write.
    pub(super) fn ensure_exchangeable(&self) -> Result<(), RecoveryError> {
        use std::os::unix::fs::MetadataExt;
        let unfit = |reason: String| RecoveryError::Impossible { component: self.component.to_owned(), reason };
        let beside = parent(&self.data);
        let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
        match (device(&self.data), device(beside)) {
            (Ok(one), Ok(other)) if one != other => Err(unfit(format!(
                "{} is a mount point; move the data directory into a directory below it",
                self.data.display()
            ))),
            (_, Err(error)) => Err(RecoveryError::io("look at", beside, error)),
            (Err(error), _) if error.kind() != io::ErrorKind::NotFound => {
                Err(RecoveryError::io("look at", &self.data, error))
            }
            _ => rustix::fs::access(beside, rustix::fs::Access::WRITE_OK)
                .map_err(|error| RecoveryError::io("write into", beside, error.into())),
        }
    }
}

/// The last lines of a log.
pub(super) fn end_of(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&text[text.len().saturating_sub(2000)..]).into_owned()
}

/// The server says in its log why it does not start, not to whom starts it.
fn with_log(error: RecoveryError, log: &Path) -> RecoveryError {
    match error {
        RecoveryError::Tool { action, program, outcome, output, stands } => {
            let output = format!("{output} {}", end_of(log));
            RecoveryError::Tool { action, program, outcome, output, stands }
        }
        other => other,
    }
}
