//! The board as somebody at a terminal has it: how soon it is there, what a key costs, what it costs when nothing happens, and how it
//! goes with many services, incidents and snapshots. Beside `htop` and `btop`, in the same kind of terminal, where they are installed.
//!
//! `cargo bench --bench board` prints it all, with `-- hosts` what the page of many hosts costs, with `-- years` what a board takes that is attached to an
//! engine of years; `CODEBLUE_BENCH_SECONDS` (10) is how long nothing happens.
#![expect(clippy::unwrap_used, reason = "a figure that cannot be measured stops the run")]

use std::{
    convert::Infallible,
    env, fs,
    io::{Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use chrono::TimeDelta;
use codeblue::{
    domain::{IncidentId, Operator, SnapshotId, State, Vitals},
    platform::Role,
    tui::{Key, Rehearsal},
};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

#[path = "figures/platform.rs"]
mod platform;

const PROGRAM: &str = env!("CARGO_BIN_EXE_codeblue");
/// Services of the platform that is looked at in a terminal.
const FEW: usize = 40;
/// A terminal that has said nothing for so long has its picture.
const QUIET: Duration = Duration::from_millis(150);
const KEYS: usize = 100;
const TICKS: f64 = 100.0;

fn main() {
    if env::args().any(|argument| argument == "hosts") {
        return fleet();
    }
    let idle = Duration::from_secs(env::var("CODEBLUE_BENCH_SECONDS").map_or(10, |seconds| seconds.parse().unwrap()));
    println!(
        "120x40         first byte  picture    bytes   key p50   key p99  bytes a key   idle bytes  idle CPU  memory"
    );
    if env::args().any(|argument| argument == "years") {
        return attached(&years(), idle);
    }
    let home = tempfile::tempdir().unwrap();
    let _engine = serve(home.path());
    measure("codeblue", PROGRAM, &["--home", home.path().to_str().unwrap(), "--read-only"], idle);
    for rival in ["htop", "btop"] {
        match Command::new(rival).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status() {
            Ok(_) => measure(rival, rival, &[], idle),
            Err(_) => println!("{rival:<14} SKIPPED: it is not installed"),
        }
    }
    let state = years();
    attached(&state, idle);
    many(state);
    fleet();
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An engine over a few services, with everything it needs to show already there.
fn serve(home: &Path) -> Running {
    let mut text = String::from("[platform]\nname = \"Bench\"\nprofile = \"drill\"\n");
    for number in 0..FEW {
        text += &format!("[[service]]\nname = \"s{number}\"\n[[service.check]]\nevery = \"1h\"\ncommand = \"true\"\n");
    }
    fs::write(home.join("codeblue.toml"), text).unwrap();
    fs::write(home.join("toured"), "").unwrap();
    let mut command = Command::new(PROGRAM);
    let child = command.arg("--home").arg(home).arg("serve").stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let engine = Running(child.unwrap());
    let well = || {
        let answer = Command::new(PROGRAM).arg("--home").arg(home).args(["--json", "status"]).output().unwrap();
        String::from_utf8_lossy(&answer.stdout).contains("\"overall\":\"healthy\"")
    };
    let begun = Instant::now();
    while !well() && begun.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(200));
    }
    engine
}

/// What comes until nothing has come for a while: how many bytes, and how long after the beginning the first and the last came.
fn answer(output: &Receiver<usize>, begun: Instant, quiet: Duration) -> (usize, Duration, Duration) {
    let (mut bytes, mut first, mut last) = (0, None, Duration::ZERO);
    while let Ok(more) = output.recv_timeout(if first.is_none() { Duration::from_secs(5).max(quiet) } else { quiet }) {
        last = begun.elapsed();
        first.get_or_insert(last);
        bytes += more;
    }
    (bytes, first.unwrap_or_default(), last)
}

fn measure(name: &str, program: &str, arguments: &[&str], idle: Duration) {
    let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(program);
    command.args(arguments);
    command.env("TERM", "xterm-256color");
    let mut keys = pair.master.take_writer().unwrap();
    let mut reader = pair.master.try_clone_reader().unwrap();
    let (sender, output) = channel();
    let begun = Instant::now();
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    thread::spawn(move || {
        let mut chunk = [0; 65536];
        while let Ok(length @ 1..) = reader.read(&mut chunk) {
            if sender.send(length).is_err() {
                return;
            }
        }
    });
    let (full, first, whole) = answer(&output, begun, QUIET);
    let (mut times, mut bytes) = (Vec::new(), 0);
    for turn in 0..KEYS {
        let begun = Instant::now();
        keys.write_all(if turn % 2 == 0 { b"\x1b[B" } else { b"\x1b[A" }).unwrap();
        keys.flush().unwrap();
        let (more, first, _) = answer(&output, begun, Duration::from_millis(20));
        times.push(first);
        bytes += more;
    }
    times.sort_unstable();
    let pid = child.process_id().unwrap();
    let (before, begun, mut waste) = (cpu(pid), Instant::now(), 0);
    while let Some(left) = idle.checked_sub(begun.elapsed()) {
        waste += output.recv_timeout(left).unwrap_or(0);
    }
    let used = (cpu(pid) - before) * 1e3;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{name:<14} {:>7.1} ms {:>6.1} ms {full:>8} {:>6.1} ms {:>6.1} ms {:>12} {waste:>12} {used:>6.0} ms  {:.1} MiB, at most {:.1}",
        ms(first),
        ms(whole),
        ms(times[KEYS / 2]),
        ms(times[KEYS * 99 / 100]),
        bytes / KEYS,
        memory(pid, "VmRSS:"),
        memory(pid, "VmHWM:"),
    );
    let _ = child.kill();
    let _ = child.wait();
}

/// CPU time that a process has used, in seconds.
fn cpu(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS
}

/// What a process holds in memory, or held at most, in MiB.
fn memory(process: u32, what: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// A platform of years: 1,000 services, 10,000 incidents and 100,000 snapshots.
fn years() -> State {
    let mut state = platform::watched(1_000);
    let snapshot = platform::take_snapshot(&mut state, "s0-code".to_owned(), 0);
    let pattern = state.snapshots[&snapshot].clone();
    for number in 1..100_000_u64 {
        let mut next = pattern.clone();
        next.id = SnapshotId(number + 1);
        next.requested_at = platform::now() - TimeDelta::minutes(i64::try_from(100_000 - number).unwrap());
        let name = format!("s{}-code", number % 1_000);
        next.components = vec![name.clone()];
        next.captured[0].component = name;
        state.snapshots.insert(next.id, next);
    }
    over(&mut state);
    state
}

/// A board in a terminal, attached to an engine over such a platform.
fn attached(state: &State, idle: Duration) {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("toured"), "").unwrap();
    fs::create_dir(home.path().join("run")).unwrap();
    let recent = state.recent();
    println!(
        "of {} snapshots {} go to the board, with {} incidents",
        state.snapshots.len(),
        recent.snapshots.len(),
        recent.incidents.len()
    );
    let socket = home.path().join("run/engine.sock");
    let answers = [
        ("/api/v1/state", serde_json::to_string(&recent).unwrap()),
        ("/api/v1/vitals", serde_json::to_string(&Vitals::default()).unwrap()),
        ("/api/v1/whoami", serde_json::to_string(&Operator::default()).unwrap()),
    ];
    println!("which is {} KiB", answers[0].1.len() / 1024);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.spawn(async move { axum::serve(tokio::net::UnixListener::bind(socket).unwrap(), engine(answers)).await });
    let home = home.path().to_str().unwrap();
    measure("years", PROGRAM, &["--home", home, "--read-only"], idle);
}

/// What a board asks an engine on which nothing happens.
fn engine(answers: [(&'static str, String); 3]) -> Router {
    let events = |headers: HeaderMap| async move {
        let wants_stream = headers.get("accept").is_some_and(|kind| kind == "text/event-stream");
        if !wants_stream {
            return "[]".into_response();
        }
        let quiet = futures_util::stream::pending::<Result<Event, Infallible>>();
        Sse::new(quiet).keep_alive(KeepAlive::new().interval(Duration::from_secs(5))).into_response()
    };
    let answers = answers.into_iter().fold(Router::new(), |router, (path, answer)| {
        let answer = Bytes::from(answer);
        router.route(path, get(move || async move { ([("content-type", "application/json")], answer) }))
    });
    answers.route("/healthz", get(|| async { "ok" })).route("/api/v1/events", get(events))
}

/// The board over a platform of years: what a key costs.
fn many(mut state: State) {
    state.let_go_of_old();
    let alice = Operator {
        name: "alice".to_owned(),
        roles: [Role::TechnicalLead].into(),
        login: Some("ops".to_owned()),
        ..Operator::default()
    };
    let mut board = Rehearsal::new(state, Vitals::default(), Some(alice), platform::now(), (160, 48));
    let pages: [(&str, &[Key]); 5] = [
        ("services", &[Key::Char('1')]),
        ("incidents", &[Key::Char('2')]),
        ("snapshots", &[Key::Char('p')]),
        ("metrics", &[Key::Esc, Key::Char('M')]),
        ("recoveries", &[Key::Esc, Key::Char('y')]),
    ];
    for (page, way) in pages {
        let opened = Instant::now();
        way.iter().for_each(|key| drop(board.press(*key)));
        let opened = opened.elapsed();
        let mut times: Vec<Duration> = (0..KEYS)
            .map(|turn| {
                let begun = Instant::now();
                board.press(if turn % 2 == 0 { Key::Down } else { Key::Up });
                begun.elapsed()
            })
            .collect();
        times.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let (p50, p99) = (times[KEYS / 2], times[KEYS * 99 / 100]);
        println!(
            "{page:<12} opened in {:.1} ms, key to frame p50 {:.1} ms, p99 {:.1} ms",
            ms(opened),
            ms(p50),
            ms(p99)
        );
    }
}

/// The page of 200 hosts with 50 services each, of which news come in before each key: what a key costs.
fn fleet() {
    use codeblue::client::fleet::{HostNews, HostSummary, HostTold};
    const HOSTS: usize = 200;
    let state = platform::watched(50);
    let well = HostSummary::of(&state, &Vitals::default(), platform::now());
    let mut bad = state.clone();
    let title = "everything is down".to_owned();
    let declare = codeblue::domain::Command::DeclareIncident {
        title,
        severity: codeblue::domain::Severity::Sev1,
        services: Vec::new(),
    };
    platform::step(&mut bad, &codeblue::domain::Actor::Operator("alice".to_owned()), declare);
    for health in bad.services.values_mut() {
        health.status = codeblue::domain::Status::Down;
    }
    let bad = HostSummary::of(&bad, &Vitals::default(), platform::now());
    let name = |number: usize| format!("web-{number}");
    let mut at = platform::now();
    for (case, down) in [("all well", 0), ("a tenth down", HOSTS / 10), ("all down", HOSTS)] {
        let mut board = Rehearsal::new(state.clone(), Vitals::default(), None, platform::now(), (160, 48));
        board.name_hosts("web-0", (0..HOSTS).map(|number| (name(number), format!("ssh://web-{number}"))));
        let summaries = [std::sync::Arc::new(well.clone()), std::sync::Arc::new(bad.clone())];
        let of = |number: usize| summaries[usize::from(number < down)].clone();
        for number in 0..HOSTS {
            board.hear(HostNews { host: name(number), at, told: HostTold::Live(of(number)) });
        }
        board.press(Key::Char('#'));
        let mut times = Vec::new();
        for turn in 0..KEYS * 4 {
            at += TimeDelta::milliseconds(200);
            for number in 0..HOSTS / 5 {
                let told = if number % 2 == 0 { HostTold::Heard } else { HostTold::Changed(of(number)) };
                board.hear(HostNews { host: name((turn * 40 + number) % HOSTS), at, told });
            }
            let keys = [Key::Down, Key::Up, Key::Tab, Key::PageDown];
            let begun = Instant::now();
            board.press(keys[turn % keys.len()]);
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{HOSTS} hosts, {} services, {case:<13} key to frame p50 {:.1} ms, p99 {:.1} ms",
            HOSTS * 50,
            ms(times[times.len() / 2]),
            ms(times[times.len() * 99 / 100])
        );
    }
}

/// Incidents that are over, each with what they usually leave.
fn over(state: &mut State) {
    use codeblue::domain::{Actor, Command, Severity};
    let declare = Command::DeclareIncident {
        title: "s0 down".to_owned(),
        severity: Severity::Sev2,
        services: vec!["s0".to_owned()],
    };
    platform::step(state, &Actor::Operator("alice".to_owned()), declare);
    let (first, pattern) = state.incidents.last_key_value().map(|(id, incident)| (*id, incident.clone())).unwrap();
    for number in 0..10_000_u64 {
        let mut next = pattern.clone();
        next.id = IncidentId(first.0 + 1 + number);
        next.state = codeblue::domain::IncidentState::Closed;
        state.incidents.insert(next.id, next);
    }
}
