//! Running PostgreSQL's own programs: as the user the server runs as, with a time-out, never with a secret in an argument.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::super::{RecoveryError, program::Program};
use crate::{platform::PostgresServer, vault::CancelFlag};

/// What stands where while nothing was switched.
pub(super) const UNTOUCHED: &str = "what is live was not touched";
/// How long a question to a server may take, its connection included.
pub(super) const QUICK: Duration = Duration::from_secs(10);
/// How long work over all of a database may take; it can be cancelled.
pub(super) const LONG: Duration = Duration::from_secs(12 * 3600);
/// How long libpq waits for a connection, in seconds.
const CONNECT: &str = "4";
/// By this name the server knows our connections; it is also what `synchronous_standby_names` may name.
pub(super) const NAME: &str = "codeblue";
/// Bytes kept of an answer: the names of very many tables fit in.
const ANSWER: usize = 32 << 20;
/// How variables begin that would change what PostgreSQL's programs do.
const OWN: &str = "PG";

/// The user and group that the server's processes and files belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Owner {
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self { uid: metadata.uid(), gid: metadata.gid() })
    }

    /// Those of this process.
    pub(super) fn myself() -> Self {
        Self { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
    }

    pub(super) fn is_me(self) -> bool {
        self.uid == Self::myself().uid
    }

    /// Hands a file over; whether it is ours to give was found out before.
    pub(super) fn give(self, path: &Path) -> std::io::Result<()> {
        if self.is_me() { Ok(()) } else { std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid)) }
    }

    /// Hands a tree over, its root last, so that nobody is in it before all of it is handed over.
    pub(super) fn give_tree(self, path: &Path) -> std::io::Result<()> {
        if self.is_me() {
            return Ok(());
        }
        if fs::symlink_metadata(path)?.is_dir() {
            for entry in fs::read_dir(path)? {
                self.give_tree(&entry?.path())?;
            }
        }
        self.give(path)
    }
}

/// How to reach a server.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) host: OsString,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password_file: Option<PathBuf>,
}

impl Endpoint {
    pub(super) fn of(server: &PostgresServer) -> Self {
        Self {
            host: OsString::from(&server.host),
            port: server.port,
            user: server.user.clone(),
            password_file: server.password_file.clone(),
        }
    }
}

/// The programs of one installation, run as one user.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    bin: PathBuf,
    owner: Owner,
}

/// A program that is about to be run.
pub(super) struct Call<'a> {
    pub(super) action: &'static str,
    pub(super) program: &'a str,
    pub(super) arguments: Vec<OsString>,
    pub(super) endpoint: Option<(&'a Endpoint, &'a str)>,
    pub(super) input: Option<&'a str>,
    pub(super) limit: Duration,
    pub(super) stands: &'static str,
}

impl<'a> Call<'a> {
    pub(super) fn new(action: &'static str, program: &'a str) -> Self {
        Self { action, program, arguments: Vec::new(), endpoint: None, input: None, limit: QUICK, stands: UNTOUCHED }
    }

    pub(super) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(super) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    pub(super) fn at(mut self, endpoint: &'a Endpoint, database: &'a str) -> Self {
        self.endpoint = Some((endpoint, database));
        self
    }

    pub(super) fn input(mut self, text: &'a str) -> Self {
        self.input = Some(text);
        self
    }

    pub(super) fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub(super) fn stands(mut self, stands: &'static str) -> Self {
        self.stands = stands;
        self
    }

    pub(super) fn failed(&self, outcome: String, output: String) -> RecoveryError {
        RecoveryError::Tool {
            action: self.action,
            program: self.program.to_owned(),
            outcome,
            output,
            stands: self.stands,
        }
    }
}

impl Tools {
    /// Finds the programs of the server: where the platform file says, in the places of packages, or on the `PATH`.
    /// `version` is what `PG_VERSION` of a data directory says.
    pub(super) fn find(
        component: &str,
        server: &PostgresServer,
        version: Option<&str>,
        owner: Owner,
    ) -> Result<Self, RecoveryError> {
        if !owner.is_me() && !Owner::myself().is_root() {
            let reason = format!(
                "the engine runs as user {}, the server as user {}; run the engine as that user or as root",
                Owner::myself().uid,
                owner.uid
            );
            return Err(RecoveryError::Impossible { component: component.to_owned(), reason });
        }
        let mut places: Vec<PathBuf> = server.bin.iter().cloned().collect();
        if places.is_empty() {
            let versions = version.map_or_else(installed, |version| vec![version.to_owned()]);
            for version in versions {
                places.push(format!("/usr/lib/postgresql/{version}/bin").into());
                places.push(format!("/usr/pgsql-{version}/bin").into());
            }
            places.push("/usr/local/pgsql/bin".into());
            places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        }
        let needed = if version.is_some() { "pg_basebackup" } else { "pg_dump" };
        match places.iter().find(|bin| bin.join(needed).is_file()) {
            Some(bin) => Ok(Self { bin: bin.clone(), owner }),
            None => Err(RecoveryError::Impossible {
                component: component.to_owned(),
                reason: format!(
                    "{needed} was not found; install PostgreSQL's programs, or name their directory as `bin`"
                ),
            }),
        }
    }

    pub(super) fn owner(&self) -> Owner {
        self.owner
    }

    /// The same programs, run as the user of this process.
    pub(super) fn as_me(&self) -> Self {
        Self { bin: self.bin.clone(), owner: Owner::myself() }
    }

    /// A program of this installation that will run on, as the server's user, in a process group of its own.
    pub(super) fn command(&self, program: &str, endpoint: Option<(&Endpoint, &str)>) -> Command {
        let mut command = Command::new(self.bin.join(program));
        for name in std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with(OWN)) {
            command.env_remove(name);
        }
        command.envs(surroundings(endpoint)).current_dir("/").process_group(0);
        if !self.owner.is_me() {
            command.uid(self.owner.uid).gid(self.owner.gid);
        }
        command
    }

    /// Runs a program to its end and gives what it printed on its standard output.
    pub(super) fn run(&self, call: &Call<'_>, cancel: &CancelFlag) -> Result<String, RecoveryError> {
        self.run_with(call, None, None, cancel)
    }

    /// The same with files as standard input and output.
    pub(super) fn run_with(
        &self,
        call: &Call<'_>,
        input: Option<File>,
        output: Option<File>,
        cancel: &CancelFlag,
    ) -> Result<String, RecoveryError> {
        let path = [self.bin.join(call.program).display().to_string()];
        let mut program = Program::new(&path, call.limit, cancel)
            .without_env(OWN)
            .arguments(&call.arguments)
            .current_dir(Path::new("/"));
        for (name, value) in surroundings(call.endpoint) {
            program = program.env(name, value);
        }
        if !self.owner.is_me() {
            program = program.user(self.owner.uid, self.owner.gid);
        }
        if let Some(text) = call.input {
            program = program.input(text);
        }
        if let Some(file) = input {
            program = program.stdin(file);
        }
        program = match output {
            Some(file) => program.into_file(file),
            // the server that it starts may keep the pipe
            None if call.program == "pg_ctl" => program,
            None => program.whole(ANSWER),
        };
        let ran = program.run();
        match ran.problem() {
            None => Ok(ran.stdout.text()),
            Some(_) if cancel.is_cancelled() => Err(RecoveryError::Cancelled),
            Some(outcome) => Err(call.failed(outcome, ran.said())),
        }
    }

    /// Asks a server; `question` is SQL whose one value is JSON.
    pub(super) fn ask<T: serde::de::DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        database: &str,
        question: &str,
        limit: Duration,
        cancel: &CancelFlag,
    ) -> Result<T, RecoveryError> {
        let call = Call::new("ask the database server", "psql")
            .args(["-X", "-w", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .at(endpoint, database)
            .input(question)
            .within(limit);
        let answer = self.run(&call, cancel)?;
        serde_json::from_str(answer.trim())
            .map_err(|error| call.failed(format!("gave an answer that is not understood: {error}"), String::new()))
    }
}

impl Owner {
    fn is_root(self) -> bool {
        self.uid == 0
    }
}

/// What a program of PostgreSQL finds in its environment: how to reach the server, and where the password is, but not what.
fn surroundings(endpoint: Option<(&Endpoint, &str)>) -> Vec<(&'static str, OsString)> {
    let mut variables: Vec<(&str, OsString)> = vec![("LC_ALL", "C".into()), ("TZ", "UTC".into())];
    if let Some((endpoint, database)) = endpoint {
        variables.extend([
            ("PGHOST", endpoint.host.clone()),
            ("PGPORT", endpoint.port.to_string().into()),
            ("PGUSER", endpoint.user.clone().into()),
            ("PGDATABASE", database.into()),
            ("PGAPPNAME", NAME.into()),
            ("PGCONNECT_TIMEOUT", CONNECT.into()),
        ]);
        variables.extend(endpoint.password_file.iter().map(|file| ("PGPASSFILE", file.clone().into_os_string())));
    }
    variables
}

/// Versions that Debian's packages have installed, newest first.
fn installed() -> Vec<String> {
    let entries = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, String)> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| Some((name.parse().ok()?, name)))
        .collect();
    versions.sort_unstable();
    versions.into_iter().rev().map(|(_, name)| name).collect()
}
