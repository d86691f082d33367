//! The watch at scale: the real engine over thousands of services, beside Debian's `prometheus-blackbox-exporter`, which runs
//! the same HTTP checks when it is asked to. Both ask the same server, one after the other.
//!
//! `cargo bench --bench scale` prints checks a second, how late they start, memory, and CPU time for 1,000 checks.
//! `CODEBLUE_BENCH_SECONDS` (100) is how long each is watched. The rival is skipped, loudly, where it is not installed.
#![expect(clippy::unwrap_used, reason = "a figure that cannot be measured stops the run")]

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use serde_json::Value;

const SERVER: &str = "CODEBLUE_BENCH_SERVER";
const RIVAL: &str = "prometheus-blackbox-exporter";
/// How long the engine has to itself first.
const SETTLING: Duration = Duration::from_secs(30);
/// Ticks of CPU time a second, the same on every Linux since 2.6 (`man 5 proc`).
const TICKS: f64 = 100.0;

fn main() {
    if env::var_os(SERVER).is_some() {
        return serve();
    }
    let seconds = env::var("CODEBLUE_BENCH_SECONDS").map_or(100, |seconds| seconds.parse().unwrap());
    let time = Duration::from_secs(seconds);
    let mut server =
        Running(Command::new(env::current_exe().unwrap()).env(SERVER, "1").stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = format!("http://{}/health", line.trim());

    engine("5,000 services, each every 30 s", 5_000, "30s", &url, time);
    rival("the rival asked as often", Some(5_000.0 / 30.0), &url, time);
    engine("3,000 services, each every second", 3_000, "1s", &url, time);
    rival("the rival asked 3,000 times a second", Some(3_000.0), &url, time);
    rival("the rival asked as often as it answers", None, &url, time);
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is asked: it answers at once.
fn serve() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let app = Router::new().route("/health", get(|| async { "{\"status\":\"ok\"}" }));
        axum::serve(listener, app).await.unwrap();
    });
}

/// The engine of a home of its own, as it is installed.
fn engine(what: &str, services: usize, every: &str, url: &str, time: Duration) {
    let home = tempfile::tempdir().unwrap();
    let mut text = String::from("[platform]\nname = \"Bench\"\nprofile = \"drill\"\n");
    for number in 0..services {
        text += &format!(
            "[[service]]\nname = \"s{number}\"\n[[service.check]]\nevery = \"{every}\"\nhttp = {{ url = \"{url}\", body = \"ok\" }}\n"
        );
    }
    fs::write(home.path().join("codeblue.toml"), text).unwrap();
    let program = env!("CARGO_BIN_EXE_codeblue");
    let mut serve = Command::new(program);
    serve.arg("serve").arg("--home").arg(home.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let engine = Running(serve.spawn().unwrap());
    let status = || {
        let answer = Command::new(program).arg("--home").arg(home.path()).args(["status", "--json"]).output().unwrap();
        serde_json::from_slice::<Value>(&answer.stdout).ok()
    };
    while status().is_none_or(|status| status["checks"].is_null()) {
        thread::sleep(Duration::from_millis(100));
    }
    // The first round comes quickly and every service is judged for the first time: that is not how it goes on.
    thread::sleep(SETTLING);
    let total = || status().unwrap()["checks"]["total"].as_f64().unwrap();
    let (begun, before, so_far) = (Instant::now(), cpu(engine.0.id()), total());
    thread::sleep(time);
    let (run, taken, used) = (total() - so_far, begun.elapsed(), cpu(engine.0.id()) - before);
    let checks = status().unwrap()["checks"].clone();
    let figure = |name: &str| checks[name].as_f64().unwrap();
    println!(
        "{what:<40} {:>6.0}/s   late p50 {:>5.1} ms, p99 {:>5.1} ms   {}   {:>5.0} ms of CPU for 1,000",
        run / taken.as_secs_f64(),
        figure("lagP50Seconds") * 1e3,
        figure("lagP99Seconds") * 1e3,
        memory(engine.0.id()),
        used * 1e6 / run,
    );
}

/// The rival, asked so many times a second by a client that has 64 connections to it open.
fn rival(what: &str, rate: Option<f64>, url: &str, time: Duration) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("blackbox.yml");
    fs::write(
        &config,
        "modules:\n  http:\n    prober: http\n    timeout: 5s\n    http: {fail_if_body_not_matches_regexp: [ok]}\n",
    )
    .unwrap();
    let mut command = Command::new(RIVAL);
    command.arg(format!("--config.file={}", config.display())).arg(format!("--web.listen-address={address}"));
    let Ok(child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        println!("{what:<40} SKIPPED: {RIVAL} is not installed");
        return;
    };
    let rival = Running(child);
    while std::net::TcpStream::connect(&address).is_err() {
        thread::sleep(Duration::from_millis(50));
    }
    let answered = Arc::new(AtomicU64::new(0));
    let before = cpu(rival.0.id());
    let probe = format!("http://{address}/probe?module=http&target={url}");
    tokio::runtime::Runtime::new().unwrap().block_on(ask(&probe, rate, time, &answered));
    let answered = answered.load(Ordering::Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let answered = answered as f64;
    println!(
        "{what:<40} {:>6.0}/s   {:>36}   {}   {:>5.0} ms of CPU for 1,000",
        answered / time.as_secs_f64(),
        "",
        memory(rival.0.id()),
        (cpu(rival.0.id()) - before) * 1e6 / answered,
    );
}

/// Asks until the time is over, at this rate or as fast as answers come.
async fn ask(probe: &str, rate: Option<f64>, time: Duration, answered: &Arc<AtomicU64>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let (tickets, waiting) = tokio::sync::mpsc::channel::<()>(64);
    let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
    for _ in 0..64 {
        let (client, probe, waiting, answered) = (client.clone(), probe.to_owned(), waiting.clone(), answered.clone());
        tokio::spawn(async move {
            loop {
                if waiting.lock().await.recv().await.is_none() {
                    return;
                }
                // What is cut off when the time is over is no answer.
                let Ok(answer) = client.get(&probe).send().await else { return };
                let Ok(text) = answer.text().await else { return };
                assert!(text.contains("\nprobe_success 1"), "{text}");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let begun = Instant::now();
    let mut sent = 0.0;
    while begun.elapsed() < time {
        let due = rate.map_or(f64::MAX, |rate| rate * begun.elapsed().as_secs_f64());
        if sent < due {
            let _ = tickets.send(()).await;
            sent += 1.0;
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// CPU time that a process has used, in seconds.
fn cpu(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS
}

/// What a process holds in memory now, and at most held.
fn memory(process: u32) -> String {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status")).unwrap();
    let megabytes = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    format!("{:>4} MiB (at most {:>4})", megabytes("VmRSS:"), megabytes("VmHWM:"))
}
