//! A PostgreSQL server of about 600 MB: back from a snapshot with validation, beside `pg_restore`; commits while a snapshot is
//! taken. Needs PostgreSQL and room for four copies.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use codeblue::{
    platform::{Adapter, Component, ComponentKind, PostgresScope, PostgresServer},
    recovery::{ComponentCapture, Target, capture, restore},
    vault::{CancelFlag, Vault},
};
use divan::Bencher;
use tempfile::TempDir;

use crate::platform::now;

/// What `pgbench` multiplies its 15 MB by.
const SCALE: &str = "40";

struct Server {
    dir: TempDir,
    bin: PathBuf,
    user: Option<(u32, u32)>,
    vault: Vault,
}

impl Server {
    fn start() -> Self {
        let dir = TempDir::new().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let vault = Vault::open_or_init(&dir.path().join("vault"), &dir.path().join("keys")).unwrap();
        let mut bins: Vec<PathBuf> =
            fs::read_dir("/usr/lib/postgresql").unwrap().map(|entry| entry.unwrap().path().join("bin")).collect();
        bins.sort();
        let user = rustix::process::geteuid().is_root().then(|| {
            let users = fs::read_to_string("/etc/passwd").unwrap();
            let line = users.lines().find(|line| line.starts_with("postgres:")).unwrap();
            let fields: Vec<&str> = line.split(':').collect();
            (fields[2].parse().unwrap(), fields[3].parse().unwrap())
        });
        let server = Self { dir, bin: bins.pop().unwrap(), user, vault };
        let home = server.path("pg");
        fs::create_dir(&home).unwrap();
        if let Some((uid, gid)) = user {
            chown(&home, Some(uid), Some(gid)).unwrap();
        }
        let (data, log) = (server.path("pg/main"), server.path("pg/log"));
        server.run("initdb", &["-D", data.to_str().unwrap(), "-U", "postgres", "-A", "trust", "-k"]);
        let config = data.join("postgresql.conf");
        let lines = format!("listen_addresses = ''\nunix_socket_directories = '{}'\n", home.display());
        fs::write(&config, fs::read_to_string(&config).unwrap() + &lines).unwrap();
        server.run("pg_ctl", &["start", "-D", data.to_str().unwrap(), "-l", log.to_str().unwrap(), "-w", "-s"]);
        server.run("pgbench", &["-i", "-q", "-s", SCALE, "postgres"]);
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.args(arguments).env("PGHOST", self.path("pg")).env("PGUSER", "postgres").current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        assert!(self.command(program, arguments).status().unwrap().success(), "{program}");
    }

    fn commits(&self) -> u64 {
        let query =
            "select pg_stat_force_next_flush(), (select xact_commit from pg_stat_database where datname = 'postgres')";
        let output = self.command("psql", &["-XAtqc", query]).stdout(Stdio::piped()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().trim_start_matches('|').parse().unwrap()
    }

    fn component(&self) -> Component {
        let server = PostgresServer {
            host: self.path("pg").display().to_string(),
            port: 5432,
            user: "postgres".to_owned(),
            password_file: None,
            bin: None,
        };
        let scope = PostgresScope::Physical { data: self.path("pg/main"), wal: None, start: None, stop: None };
        Component {
            name: "records".to_owned(),
            service: "records-db".to_owned(),
            kind: ComponentKind::Database,
            every: Duration::from_secs(3600),
            rpo: Duration::from_secs(3600),
            rto: Duration::from_secs(15),
            adapter: Adapter::Postgres { server, scope },
            reload: None,
        }
    }

    fn capture(&self) -> ComponentCapture {
        capture(&self.component(), &self.vault, &self.path("work"), &[], now(), &CancelFlag::new()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.path("pg/main");
        let _ = self.command("pg_ctl", &["stop", "-m", "immediate", "-D", data.to_str().unwrap()]).status();
    }
}

/// From the decision to a verified live server.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn restore_600_mb(bencher: Bencher) {
    let server = Server::start();
    let captured = server.capture();
    println!("{} MB in the snapshot", captured.captured.bytes >> 20);
    let target = Target::Snapshot(captured.captured.id);
    let mut run = 0;
    bencher.bench_local(|| {
        run += 1;
        let work = server.path(&format!("run-{run}"));
        restore(&server.component(), &target, &work, &server.vault, &CancelFlag::new()).unwrap()
    });
}

/// The rival: the same database by PostgreSQL's own dump, two jobs.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn restore_600_mb_rival_pg_restore(bencher: Bencher) {
    let server = Server::start();
    let dump = server.path("pg/dump");
    server.run("pg_dump", &["-Fd", "-j2", "-Z1", "-f", dump.to_str().unwrap(), "postgres"]);
    server.run("createdb", &["back"]);
    bencher.bench_local(|| server.run("pg_restore", &["-j2", "-d", "back", dump.to_str().unwrap()]));
}

/// Prints the commits per second that four clients got while a snapshot was taken, and without one.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn snapshot_600_mb_under_commits(bencher: Bencher) {
    let server = Server::start();
    let clients = Clients(server.command("pgbench", &["-n", "-c", "4", "-T", "600", "postgres"]).spawn().unwrap());
    let begun = (Instant::now(), server.commits());
    std::thread::sleep(Duration::from_secs(5));
    println!("{:.0} commits/s without a snapshot", rate(&server, begun));
    bencher.bench_local(|| {
        let begun = (Instant::now(), server.commits());
        server.capture();
        println!("{:.0} commits/s while a snapshot is taken", rate(&server, begun));
    });
    drop(clients);
}

fn rate(server: &Server, (at, commits): (Instant, u64)) -> f64 {
    (server.commits() - commits) as f64 / at.elapsed().as_secs_f64()
}

struct Clients(Child);

impl Drop for Clients {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
