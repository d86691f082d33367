//! An engine on another host, reached through OpenSSH: a real server on loopback, with keys that live as long as the test.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command as Program, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use codeblue::domain::{Actor, Command, RecoveryOutcome, Severity};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    served::{Bed, Served, me, newest, settled},
    terminal::Terminal,
};

const LIMIT: Duration = Duration::from_secs(60);

/// An OpenSSH server, and a `ssh` that knows how to get there as `far`.
struct Far {
    folder: tempfile::TempDir,
    server: Child,
    sshd: PathBuf,
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Where a program is; server programs are beside the usual path.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
    usual.map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn key(path: &Path) {
    let made = Program::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.unwrap().success());
}

/// A server with the configuration of a folder.
fn listen(sshd: &Path, folder: &Path) -> Child {
    let mut server = Program::new(sshd);
    server.args(["-D", "-e", "-f"]).arg(folder.join("sshd_config")).stdin(Stdio::null());
    server.stderr(File::create(folder.join("said")).unwrap()).spawn().unwrap()
}

impl Far {
    /// None where there is no OpenSSH server to be had.
    fn start(home: &Path) -> Option<Self> {
        let (Some(sshd), Some(ssh)) = (program("sshd"), program("ssh")) else {
            eprintln!("SKIPPED: there is no OpenSSH server here; tests/run installs one where it may");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        key(&at("host_key"));
        key(&at("user_key"));
        fs::copy(at("user_key.pub"), at("authorized_keys")).unwrap();
        // The server takes no port of the system's choice, so one is found and asked for.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let here = folder.path().display();
        let program = Path::new(env!("CARGO_BIN_EXE_codeblue")).parent().unwrap().display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {here}/host_key\nAuthorizedKeysFile {here}/authorized_keys\n\
             PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n\
             SetEnv PATH={program}:/usr/bin:/bin CODEBLUE_HOME={}\n",
            home.display()
        );
        fs::write(at("sshd_config"), config).unwrap();
        // As root it wants a place of its own to lock itself into.
        if rustix::process::getuid().is_root() {
            let _ = fs::create_dir_all("/run/sshd");
        }
        let server = listen(&sshd, folder.path());
        let config = format!(
            "Host far\n HostName 127.0.0.1\n Port {port}\n User {}\n IdentityFile {here}/user_key\n IdentitiesOnly yes\n \
             UserKnownHostsFile {here}/known_hosts\n StrictHostKeyChecking accept-new\n\
             Host stranger\n HostName 127.0.0.1\n Port {port}\n UserKnownHostsFile {here}/nobody\n StrictHostKeyChecking yes\n",
            me()
        );
        fs::write(at("ssh_config"), config).unwrap();
        fs::create_dir(at("bin")).unwrap();
        fs::write(at("bin/ssh"), format!("#!/bin/sh\nexec {} -F {here}/ssh_config \"$@\"\n", ssh.display())).unwrap();
        fs::set_permissions(at("bin/ssh"), fs::Permissions::from_mode(0o755)).unwrap();
        let far = Self { folder, server, sshd };
        far.until_it_listens();
        Some(far)
    }

    fn until_it_listens(&self) {
        let begun = Instant::now();
        while !self.said().contains("listening on") {
            assert!(begun.elapsed() < LIMIT, "the server does not listen: {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Takes the server away, and every connection with it, as when a host is switched off.
    fn switch_off(&mut self) {
        let open = self.connections();
        self.server.kill().unwrap();
        self.server.wait().unwrap();
        for pid in open {
            let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL);
        }
    }

    /// Has the server listen again, at the same port.
    fn switch_on(&mut self) {
        self.server = listen(&self.sshd, self.folder.path());
        self.until_it_listens();
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }

    /// The real program of somebody who is elsewhere.
    fn codeblue(&self, arguments: &[&str]) -> Program {
        let usual = std::env::var("PATH").unwrap_or_default();
        let mut program = Program::new(env!("CARGO_BIN_EXE_codeblue"));
        program
            .args(arguments)
            .env("PATH", format!("{}:{usual}", self.folder.path().join("bin").display()))
            .env("CODEBLUE_HOME", self.folder.path().join("elsewhere"))
            .env("TMPDIR", self.folder.path())
            .stdin(Stdio::null());
        program
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.codeblue(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        (output.status.code(), said)
    }

    /// What the server has started for connections that are open.
    fn connections(&self) -> Vec<u32> {
        let parents: BTreeMap<u32, u32> = fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| {
                let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
                let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
                Some((entry.file_name().to_str()?.parse().ok()?, parent))
            })
            .collect();
        let is_of_server = |pid: u32| {
            let mut above = parents.get(&pid);
            while let Some(parent) = above.filter(|parent| **parent != self.server.id()) {
                above = parents.get(parent);
            }
            above.is_some()
        };
        parents.keys().copied().filter(|pid| is_of_server(*pid)).collect()
    }

    /// Sockets of engines that were brought here, and are left.
    fn left(&self) -> Vec<String> {
        let names =
            fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("codeblue-")).collect()
    }

    /// Cuts every connection that is open, as a network that fails does.
    fn cut(&self) -> usize {
        let connections = self.connections();
        for pid in &connections {
            let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL);
        }
        connections.len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_answers_through_ssh_and_what_is_in_the_way_is_told() {
    let served = Served::new("drill").await;
    let Some(far) = Far::start(&served.bed.path("home")) else { return };
    let socket = served.bed.home.socket();
    let there = format!("ssh://far{}", socket.display());
    // With the socket named, and found by asking the program there.
    for host in [there.as_str(), "ssh://far"] {
        let (code, said) = far.run(&["--host", host, "--as", "alice", "status"]);
        assert!(code == Some(0) && said.contains("Clinic"), "{host}: {said}; {}", far.said());
    }
    assert_eq!(far.run(&["host", "add", "ward", "ssh://far"]).0, Some(0));
    let (code, said) = far.run(&["--host", "ward", "--as", "erin", "host", "show", "ward", "--json"]);
    assert!(code == Some(0) && said.contains("\"answers\":true"), "{said}");

    let (code, said) = far.run(&["--host", "ssh://far/nowhere/engine.sock", "status"]);
    assert!(code == Some(4) && said.contains("ssh comes through to far"), "{said}");
    let (code, said) = far.run(&["--host", &there.replacen("far", "stranger", 1), "status"]);
    assert!(code == Some(4) && said.contains("Host key verification failed"), "{said}");
    let (code, said) = far.run(&["--host", "ssh://-oProxyCommand=false", "status"]);
    assert!(code == Some(2) && said.contains("begins with"), "{said}");

    let left = far.left();
    assert!(left.is_empty(), "sockets were left behind: {left:?}");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_killed_leaves_neither_its_ssh_nor_a_socket_behind() {
    let served = Served::new("drill").await;
    let Some(far) = Far::start(&served.bed.path("home")) else { return };
    let host = format!("ssh://far{}", served.bed.home.socket().display());
    let watch = far.codeblue(&["--host", &host, "--as", "alice", "watch"]).stdout(Stdio::piped()).spawn();
    let mut watch = watch.unwrap();
    // What happened at the beginning may be told before how everything stands.
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("Clinic, 1 service")));
    assert!(!far.connections().is_empty() && far.left().len() == 1, "the way is there: {:?}", far.left());
    watch.kill().unwrap();
    watch.wait().unwrap();
    let begun = Instant::now();
    while !(far.connections().is_empty() && far.left().is_empty()) {
        assert!(begun.elapsed() < LIMIT, "left behind: {:?}, {:?}", far.connections(), far.left());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    served.stop().await;
}

/// Has the release of a service be told to it only once somebody lets it on.
pub fn hold_up(bed: &Bed) {
    let (file, gate) = (bed.path("home/codeblue.toml"), bed.path("gate"));
    fs::write(&gate, format!("#!/bin/sh\nuntil [ -e {} ]; do sleep 0.05; done\n", bed.path("open").display())).unwrap();
    fs::set_permissions(&gate, fs::Permissions::from_mode(0o755)).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let root = format!("release = {{ root = \"{}\" }}", bed.path("app").display());
    assert!(text.contains(&root));
    fs::write(&file, text.replace(&root, &format!("{root}\nreload = \"{}\"", gate.display()))).unwrap();
}

/// Has a rollback begun that is held up in the middle.
pub async fn begin_rollback(served: &Served) {
    let (snapshot, _) = newest(&served.handle().state(), "desk-code");
    let body = format!("{{\"backupId\": \"{snapshot}\", \"confirm\": true}}");
    let (status, answer) = served.call("alice", reqwest::Method::POST, "/api/emergency/rollback", Some(&body)).await;
    assert_eq!(status, 200, "{answer}");
    let state = served.handle().state();
    if let Some(change) = state.pending_changes().first() {
        let approve = Command::approve(change.id, change.plan_hash.clone(), "yes".to_owned());
        for name in ["erin", "alice"] {
            let _ = served.handle().submit(approve.clone(), Actor::Operator(name.to_owned())).await;
        }
    }
    served.until("it runs", |state| state.running_recoveries().next().is_some()).await;
}

/// Lets it on, and says which it was once it has succeeded.
pub async fn let_on(served: &Served) -> String {
    fs::write(served.bed.path("open"), "").unwrap();
    let state = served.until("it is over", |state| state.running_recoveries().next().is_none()).await;
    let recovery = state.recoveries.values().next_back().unwrap();
    assert_eq!(recovery.ended.unwrap().1, RecoveryOutcome::Succeeded, "{}", recovery.summary);
    recovery.id.to_string()
}

/// Somebody's first board, once it shows the platform.
pub fn past_the_tour(board: &mut Terminal) {
    board.until("Clinic");
    board.until("What you see");
    board.press("\x1b");
    board.until_it("the board alone", |text| text.contains("desk") && !text.contains("What you see"));
}

/// A board that had lost its link shows how a recovery went.
pub fn shows_its_end(board: &mut Terminal, recovery: &str) {
    board.until_it("the link again", |text| !text.contains("LINK LOST"));
    board.press("H");
    board.until("▸ recoveries");
    board.until_it("its end", |text| {
        text.lines().any(|line| line.contains(recovery) && line.to_lowercase().contains("succeeded"))
    });
    board.press("q");
    assert_eq!(board.ended(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_ends_well_although_the_link_is_cut_and_the_watch_tells_of_it() {
    let bed = Bed::new("drill").await;
    hold_up(&bed);
    let served = Served::of(bed).await;
    let Some(far) = Far::start(&served.bed.path("home")) else { return };
    served.until("captured", |state| settled(state) && state.last_good_snapshot("desk-code", None).is_some()).await;

    let host = format!("ssh://far{}", served.bed.home.socket().display());
    let mut watch = far
        .codeblue(&["--host", &host, "--as", "alice", "watch", "--all", "--for", "2m"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (tell, told) = mpsc::channel();
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let wait = |what: &str| {
        let begun = Instant::now();
        let mut all = Vec::new();
        while begun.elapsed() < LIMIT {
            let Ok(line) = told.recv_timeout(LIMIT) else { break };
            all.push(line);
            if all.last().unwrap().contains(what) {
                return;
            }
        }
        panic!("never told {what}: {all:#?}");
    };
    wait("Clinic, 1 service");

    let socket = served.bed.home.socket();
    let elsewhere = far.folder.path().join("board");
    let mut board = Terminal::set_up((110, 32), &elsewhere, |command| {
        command.args(["--host", &format!("ssh://far{}", socket.display()), "--as", "alice"]);
        let usual = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{usual}", far.folder.path().join("bin").display()));
        command.env("TMPDIR", far.folder.path());
    });
    past_the_tour(&mut board);
    begin_rollback(&served).await;
    assert!(far.cut() > 0, "there is a link to be cut");
    wait("NO ENGINE");
    let recovery = let_on(&served).await;
    // What happened while the link was away is told when it is back.
    wait(&recovery);
    shows_its_end(&mut board, &recovery);
    let _ = kill_process(Pid::from_child(&watch), Signal::TERM);
    let _ = watch.wait();
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_link_is_cut_is_unknown_on_the_board_of_all_hosts_and_never_well_until_it_is_back() {
    let (near, served) = (Served::new("drill").await, Served::ready("drill").await);
    let Some(mut far) = Far::start(&served.bed.path("home")) else { return };
    let title = "no fax goes out".to_owned();
    let declare = Command::DeclareIncident { severity: Severity::Sev2, title: title.clone(), services: Vec::new() };
    served.client(Some("alice")).submit(&declare).await.unwrap();
    let there = format!("ssh://far{}", served.bed.home.socket().display());
    let here = format!("unix:{}", near.bed.home.socket().display());
    for (name, address) in [("desk1", &here), ("ward9", &there)] {
        let (code, said) = far.run(&["host", "add", name, address]);
        assert_eq!(code, Some(0), "{said}");
    }
    let elsewhere = far.folder.path().join("elsewhere");
    let mut board = Terminal::set_up((160, 40), &elsewhere, |command| {
        command.args(["--all-hosts", "--as", "alice"]);
        let usual = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{usual}", far.folder.path().join("bin").display()));
        command.env("TMPDIR", far.folder.path());
    });
    // The first line with its name is its row among the hosts.
    let row = |text: &str| text.lines().find(|line| line.contains("ward9")).unwrap_or_default().to_owned();
    board.until_it("both hosts live", |text| {
        row(text).contains("live") && row(text).contains("1 ●") && text.contains("2 live") && text.contains(&title)
    });

    far.switch_off();
    board.until_it("the host unknown", |text| row(text).contains("unknown since"));
    // Through every try to reach it, it is unknown since the same moment, and what was open there stays to be seen.
    let since = row(&board.text()).split("unknown since ").nth(1).unwrap()[..8].to_owned();
    let mut tries = 0;
    let begun = Instant::now();
    while tries < 3 {
        assert!(begun.elapsed() < LIMIT, "it is not tried again:\n{}", board.text());
        let text = board.text();
        assert!(row(&text).contains(&format!("unknown since {since}")), "another moment than {since}:\n{text}");
        assert!(!row(&text).contains("live") && !row(&text).contains('●'), "it is shown as well:\n{text}");
        assert!(text.contains(&title) && text.contains("1 live · 1 unknown"), "{text}");
        let (code, told) = far.run(&["host", "status", "--as", "alice", "--json"]);
        let told: serde_json::Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
        let lost = told.as_array().unwrap().iter().find(|host| host["host"] == "ward9").unwrap();
        assert_eq!((code, &lost["answers"], &lost["summary"]), (Some(4), &false.into(), &serde_json::Value::Null));
        tries += 1;
    }

    far.switch_on();
    board.until_it("the host live again", |text| row(text).contains("live") && row(text).contains("1 ●"));
    board.until_it("all of them live", |text| text.contains("2 live") && !text.contains("unknown"));
    board.press("q");
    assert_eq!(board.ended(), 0);
    served.stop().await;
    near.stop().await;
}
