//! Against a real server, which each test starts for itself on a socket in a directory of its own.

mod kill;
mod logical;
mod physical;
mod time;

use std::{
    fs::{self, Permissions},
    io::Write,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use chrono::{DateTime, Utc};

use super::{Room, component};
use crate::platform::{Adapter, Component, PostgresScope, PostgresServer};

/// A cluster of its own, as an unprivileged user when the tests run as root.
pub(crate) struct Server {
    pub(crate) room: Room,
    user: Option<(u32, u32)>,
    pub(crate) bin: PathBuf,
}

impl Server {
    pub(crate) fn start(settings: &str) -> Self {
        let room = Room::new();
        // the server's user has to come through
        fs::set_permissions(room.dir.path(), Permissions::from_mode(0o755)).unwrap();
        let server = Self { user: unprivileged(), bin: programs(), room };
        for name in ["pg", "pg/socket"] {
            fs::create_dir(server.room.path(name)).unwrap();
            if let Some((uid, gid)) = server.user {
                chown(server.room.path(name), Some(uid), Some(gid)).unwrap();
            }
        }
        let data = server.data();
        server.run("initdb", &["-D", text(&data), "-U", "postgres", "-A", "trust", "-k", "--no-sync", "-E", "UTF8"]);
        let lines = format!(
            "\nlisten_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 30\nshared_buffers = 32MB\n{settings}\n",
            text(&server.room.path("pg/socket"))
        );
        let mut file = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        server.up();
        server
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.room.path("pg/main")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.room.path("pg/socket")
    }

    /// A replica of it on the same socket directory, which follows until it is dropped.
    pub(crate) fn standby(&self, port: u16) -> Standby<'_> {
        let data = self.room.path("pg/standby");
        self.run("pg_basebackup", &["-D", text(&data), "-R", "-c", "fast", "-X", "stream"]);
        let mut file = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        writeln!(file, "port = {port}").unwrap();
        let standby = Standby { server: self, data };
        let log = self.room.path("pg/standby.log");
        self.run("pg_ctl", &["start", "-D", text(&standby.data), "-l", text(&log), "-w", "-s"]);
        standby
    }

    pub(crate) fn up(&self) {
        let (data, log) = (self.data(), self.room.path("pg/server.log"));
        self.run("pg_ctl", &["start", "-D", text(&data), "-l", text(&log), "-w", "-s"]);
    }

    /// As a power cut would.
    pub(crate) fn kill(&self) {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        while Path::new("/proc").join(&pid).exists() {
            std::thread::yield_now();
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .env("PGHOST", self.room.path("pg/socket"))
            .env("PGUSER", "postgres")
            .env("PGTZ", "UTC")
            .current_dir("/");
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn try_ask(&self, database: &str, sql: &str) -> Result<String, String> {
        let arguments = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql];
        let output = self.command("psql").args(arguments).output().unwrap();
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    pub(crate) fn ask(&self, sql: &str) -> String {
        self.try_ask("postgres", sql).unwrap()
    }

    /// By the server's clock.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        serde_json::from_str(&self.ask("select to_json(clock_timestamp())")).unwrap()
    }

    fn settings(&self) -> PostgresServer {
        PostgresServer {
            host: text(&self.room.path("pg/socket")).to_owned(),
            port: 5432,
            user: "postgres".to_owned(),
            password_file: None,
            bin: None,
        }
    }

    fn physical(&self, wal: bool) -> Component {
        let wal = wal.then(|| self.room.path("pg/received"));
        let scope = PostgresScope::Physical { data: self.data(), wal, start: None, stop: None };
        Component { rto: Duration::from_secs(60), ..component(Adapter::Postgres { server: self.settings(), scope }) }
    }

    fn litter(&self) -> Vec<String> {
        self.room.litter(&self.room.path("pg"))
    }
}

pub(crate) struct Standby<'a> {
    server: &'a Server,
    data: PathBuf,
}

impl Drop for Standby<'_> {
    fn drop(&mut self) {
        let stop = ["stop", "-m", "immediate", "-s", "-D", text(&self.data)];
        let _ = self.server.command("pg_ctl").args(stop).status();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.command("pg_ctl").args(["stop", "-m", "immediate", "-s", "-D", text(&self.data())]).status();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The newest installation; without one these tests cannot say anything.
fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found
        .pop()
        .expect("PostgreSQL is not installed: tests/run installs it where it may (Debian: apt-get install postgresql)")
}

fn unprivileged() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let user = ["postgres:", "nobody:"].iter().find_map(|name| users.lines().find(|line| line.starts_with(name)));
    let fields: Vec<&str> = user.expect("neither postgres nor nobody is a user here").split(':').collect();
    Some((fields[2].parse().unwrap(), fields[3].parse().unwrap()))
}
