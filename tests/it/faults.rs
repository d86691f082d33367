//! Faults on real processes, one by one: which of them the checks see, how soon, and which a check misses that only connects
//! or only looks at the status of an answer.
//!
//! `CODEBLUE_TEST_SEEDS=20` tries each fault so many times instead of three; the seed says when in the cycle of the
//! check it comes and how much longer it lasts.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    checks::Prober,
    domain::{Judge, Status},
    platform::{Check, CheckLevel, Probe, Reading, Sample, parse},
};
use futures_util::future::join_all;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Semaphore,
};

use crate::world::Dice;

const EVERY: Duration = Duration::from_millis(250);
const WITHIN: Duration = Duration::from_secs(1);
const FAILURES: u32 = 2;
/// What a busy machine adds.
const SLACK: Duration = Duration::from_millis(1500);
/// So many results of a check show that it goes on seeing nothing.
const RESULTS: u32 = 4;
/// Faults at the same time at most.
const AT_ONCE: usize = 12;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Whether a check of the simple kind sees a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Simple {
    Sees,
    Misses,
}
use Simple::{Misses, Sees};

/// How a fault is made and ended.
#[derive(Debug, Clone, Copy)]
enum Means {
    /// Words for the clinic.
    Words(&'static str, &'static str),
    Kill,
    Freeze,
    /// Somebody else holds the database.
    Lock,
    /// One byte of a dose, in the file.
    Flip,
    /// Files until nothing more fits: of some bytes each, so many.
    Fill(usize, usize),
}

struct Fault {
    name: &'static str,
    /// The keys of the check that has to see it, in the words of a platform file; `{…}` is what the target knows.
    check: &'static str,
    scheme: &'static str,
    backlog: u32,
    means: Means,
    tcp: Simple,
    http: Simple,
}

const HTTP: &str = "http = { url = \"{base}/dose\", json = { path = \"$.dose\", equals = 5 } }";
const SLOW: &str = "http = { url = \"{base}/dose\" }\nslow = \"200ms\"";
const TLS: &str = "http = { url = \"{base}/health\", certificate = \"14d\", authority = \"{folder}/ca.pem\" }";
const LOGIN: &str = "workflow = [{ url = \"{base}/login\", send = { file = \"{folder}/login.json\" }, take = { token = \"$.token\" } }, \
    { url = \"{base}/chart\", headers = { authorization = \"Bearer {token}\" }, json = { path = \"$.dose\", equals = 5 } }]";

const fn fault(name: &'static str, check: &'static str, means: Means, tcp: Simple, http: Simple) -> Fault {
    Fault { name, check, scheme: "http", backlog: 128, means, tcp, http }
}

const fn tls(name: &'static str, means: Means) -> Fault {
    Fault { scheme: "https", ..fault(name, TLS, means, Misses, Misses) }
}

const FAULTS: [Fault; 21] = [
    fault("process killed", HTTP, Means::Kill, Sees, Sees),
    fault("process frozen", HTTP, Means::Freeze, Misses, Sees),
    fault(
        "process frozen, seen by its state",
        "process = { pid_file = \"{folder}/pid\" }",
        Means::Freeze,
        Misses,
        Sees,
    ),
    fault("accept stalls", HTTP, Means::Words("stall", "none"), Misses, Sees),
    Fault { backlog: 1, ..fault("accept stalls, backlog full", HTTP, Means::Words("stall", "none"), Sees, Sees) },
    fault("black hole behind the port", HTTP, Means::Words("hole", "none"), Misses, Sees),
    fault("connections reset", HTTP, Means::Words("reset", "none"), Misses, Sees),
    fault("body cut off", HTTP, Means::Words("cut", "none"), Misses, Misses),
    fault("200 with a wrong answer", HTTP, Means::Words("wrong", "none"), Misses, Misses),
    fault("slow", SLOW, Means::Words("slow", "none"), Misses, Misses),
    fault("pool exhausted", HTTP, Means::Words("leak", "return"), Misses, Misses),
    fault("application's password rotated", LOGIN, Means::Words("password second", "password first"), Misses, Misses),
    tls("certificate expired", Means::Words("certificate expired", "certificate good")),
    tls("certificate expires soon", Means::Words("certificate soon", "certificate good")),
    tls("certificate of a stranger", Means::Words("certificate stranger", "certificate good")),
    fault(
        "database locked by somebody",
        "sqlite = { path = \"{folder}/records.db\", query = \"SELECT count(*) FROM doses\" }",
        Means::Lock,
        Misses,
        Misses,
    ),
    fault("row silently changed", "rows = { component = \"records\", table = \"doses\" }", Means::Flip, Misses, Misses),
    fault(
        "descriptors run out",
        "process = { pid_file = \"{folder}/pid\", descriptors = 80 }",
        Means::Words("files 80", "close"),
        Misses,
        Misses,
    ),
    fault(
        "clock skewed",
        "clock = { servers = [\"127.0.0.1:{clock}\"], above = \"500ms\" }",
        Means::Words("skew 3", "skew 0"),
        Misses,
        Misses,
    ),
    fault(
        "disk full",
        "host = { resource = \"disk\", above = 90, path = \"{folder}/disk\" }",
        Means::Fill(64 << 10, 64),
        Misses,
        Misses,
    ),
    fault(
        "inodes used up",
        "host = { resource = \"inodes\", above = 90, path = \"{folder}/disk\" }",
        Means::Fill(0, 64),
        Misses,
        Misses,
    ),
];

/// A clinic at work in a folder of its own.
struct Clinic {
    folder: tempfile::TempDir,
    process: Child,
    words: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    port: u16,
    clock: u16,
    scheme: &'static str,
    /// Holds the database.
    holder: Option<Child>,
    /// Goes before the folder does.
    _disk: Option<Mount>,
}

impl Clinic {
    async fn open(scheme: &'static str, backlog: u32, with_disk: bool) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        furnish(folder.path());
        fs::create_dir(at("disk")).unwrap();
        let disk = if with_disk { Some(Mount::new(&at("disk"))?) } else { None };
        let mut process = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/faults/clinic.py"))
            .arg(folder.path())
            .args([&backlog.to_string(), scheme])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python3 is installed");
        fs::write(at("pid"), process.id().unwrap().to_string()).unwrap();
        let words = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let ports = answers.next_line().await.unwrap().expect("the clinic opens");
        let (port, clock) = ports.split_once(' ').unwrap();
        let (port, clock) = (port.parse().unwrap(), clock.parse().unwrap());
        Some(Self { folder, process, words, answers, port, clock, scheme, holder: None, _disk: disk })
    }

    /// Says something and waits until it is done.
    async fn say(&mut self, word: &str) {
        self.words.write_all(format!("{word}\n").as_bytes()).await.unwrap();
        assert_eq!(self.answers.next_line().await.unwrap().as_deref(), Some("done"), "{word}");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.process.id().unwrap()).unwrap()).unwrap(), signal).unwrap();
    }

    async fn fall_ill(&mut self, means: Means) {
        match means {
            Means::Words(word, _) => self.say(word).await,
            Means::Kill => self.signal(Signal::KILL),
            Means::Freeze => self.signal(Signal::STOP),
            Means::Lock => {
                let program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); \
                    c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.read()";
                let mut holder = Command::new("python3")
                    .args(["-c", program])
                    .arg(self.folder.path().join("records.db"))
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .kill_on_drop(true)
                    .spawn()
                    .unwrap();
                let mut told = BufReader::new(holder.stdout.take().unwrap()).lines();
                assert_eq!(told.next_line().await.unwrap().as_deref(), Some("held"));
                self.holder = Some(holder);
            }
            Means::Flip => flip(&self.folder.path().join("records.db"), b"dose 1017 mg", b"dose 9017 mg"),
            Means::Fill(bytes, most) => {
                for number in 0..most {
                    let file = File::create(self.folder.path().join(format!("disk/{number}")));
                    if file.and_then(|mut file| file.write_all(&vec![b'x'; bytes])).is_err() {
                        break;
                    }
                }
            }
        }
    }

    /// Ends it; false where only a new clinic would help.
    async fn heal(&mut self, means: Means) -> bool {
        match means {
            Means::Words(_, word) => self.say(word).await,
            Means::Kill => return false,
            Means::Freeze => self.signal(Signal::CONT),
            Means::Lock => self.holder.take().unwrap().kill().await.unwrap(),
            Means::Flip => flip(&self.folder.path().join("records.db"), b"dose 9017 mg", b"dose 1017 mg"),
            Means::Fill(..) => {
                for entry in fs::read_dir(self.folder.path().join("disk")).unwrap() {
                    fs::remove_file(entry.unwrap().path()).unwrap();
                }
            }
        }
        true
    }

    fn check(&self, keys: &str) -> Check {
        let keys = keys
            .replace("{base}", &format!("{}://localhost:{}", self.scheme, self.port))
            .replace("{folder}", &self.folder.path().display().to_string())
            .replace("{clock}", &self.clock.to_string());
        let text = format!(
            "[platform]\nname = \"Clinic\"\n[[service]]\nname = \"clinic\"\n[[service.check]]\nevery = \"{}ms\"\nwithin = \"{}ms\"\n\
             failures = {FAILURES}\nsuccesses = 2\n{keys}\n[[component]]\nname = \"records\"\nservice = \"clinic\"\nsqlite = {{ path = \"records.db\" }}\n",
            EVERY.as_millis(),
            WITHIN.as_millis()
        );
        let platform = parse(&text, &self.folder.path().join("codeblue.toml")).unwrap_or_else(|why| panic!("{why}"));
        platform.services[0].checks[0].clone()
    }
}

/// A file system of one megabyte and few files.
struct Mount(PathBuf);

impl Mount {
    /// None where that is not allowed.
    fn new(at: &Path) -> Option<Self> {
        let options = "size=1m,nr_inodes=40";
        let mount = std::process::Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output();
        mount.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What a clinic needs: doses, a login, certificates.
fn furnish(folder: &Path) {
    let at = |name: &str| folder.join(name);
    rusqlite::Connection::open(at("records.db"))
        .unwrap()
        .execute_batch(
            "CREATE TABLE doses (id INTEGER PRIMARY KEY, patient TEXT, amount TEXT);
             INSERT INTO doses SELECT value, 'patient ' || value, 'dose ' || (value + 1000) || ' mg' FROM
             (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 500) SELECT value FROM n);",
        )
        .unwrap();
    fs::write(at("login.json"), "{\"password\": \"first\"}").unwrap();
    let issuer = || {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (ours, other) = (issuer(), issuer());
    fs::write(at("ca.pem"), ours.pem()).unwrap();
    let now = SystemTime::now();
    for (name, until, issuer) in [
        ("good", now + 90 * DAY, &ours),
        ("expired", now - DAY, &ours),
        ("soon", now + 3 * DAY, &ours),
        ("stranger", now + 90 * DAY, &other),
    ] {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = (now - 30 * DAY).into();
        params.not_after = until.into();
        let key = KeyPair::generate().unwrap();
        fs::write(at(&format!("{name}.pem")), params.signed_by(&key, issuer).unwrap().pem()).unwrap();
        fs::write(at(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

/// Changes a text where it stands in a file, also where a page keeps what was moved to another.
fn flip(path: &Path, from: &[u8], to: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    fs::write(path, bytes).unwrap();
}

/// Who looks at a target.
enum Eye {
    Codeblue(Box<Check>),
    /// A connection.
    Tcp(u16),
    /// The status of an answer, whoever gives it: no body, no certificate.
    Http(String, reqwest::Client),
}

/// What an eye has made of it.
#[derive(Debug, Default)]
struct Seen {
    status: Status,
    why: String,
    results: u32,
    /// When it turned bad.
    bad_at: Option<Instant>,
}

/// Looks again and again, and judges as the engine does.
async fn watch(eye: Eye, prober: Arc<Prober>, seen: Arc<Mutex<Seen>>) {
    let check = match &eye {
        Eye::Codeblue(check) => Check::clone(check),
        Eye::Tcp(_) | Eye::Http(..) => Check {
            name: "simple".to_owned(),
            level: CheckLevel::Shallow,
            every: EVERY,
            within: WITHIN,
            slow: WITHIN,
            failures: FAILURES,
            successes: 2,
            probe: Probe::Tcp { address: String::new() },
        },
    };
    let mut judge = Judge::new("clinic", Status::Unknown);
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (at, begun) = (Utc::now(), Instant::now());
        let (reading, detail) = match &eye {
            Eye::Codeblue(check) => {
                let outcome = prober.probe_at(check, at).await;
                (outcome.result, outcome.detail)
            }
            Eye::Tcp(port) => {
                let connecting = tokio::time::timeout(WITHIN, TcpStream::connect(("127.0.0.1", *port))).await;
                simple(connecting.is_ok_and(|connected| connected.is_ok()))
            }
            Eye::Http(url, client) => {
                let asking = tokio::time::timeout(WITHIN, client.get(url).send()).await;
                simple(matches!(asking, Ok(Ok(response)) if response.status() == 200))
            }
        };
        let sample = sample(&check, at, reading, begun.elapsed(), detail);
        let verdict = judge.observe(&check, &sample);
        let mut seen = seen.lock().unwrap();
        seen.results += 1;
        if let Some(verdict) = verdict {
            seen.bad_at = (verdict.status > Status::Healthy).then(Instant::now);
            (seen.status, seen.why) = (verdict.status, verdict.reason);
        }
    }
}

fn simple(good: bool) -> (Reading, String) {
    (if good { Reading::Good } else { Reading::Bad }, String::new())
}

fn sample(check: &Check, at: DateTime<Utc>, reading: Reading, latency: Duration, detail: String) -> Sample {
    let (service, name) = ("clinic".to_owned(), check.name.clone());
    Sample { service, check: name, level: check.level, at, reading, latency, detail, measured: None }
}

/// The three eyes on one clinic.
struct Watched {
    eyes: [Arc<Mutex<Seen>>; 3],
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Watched {
    fn new(clinic: &Clinic, keys: &str, prober: &Arc<Prober>) -> Self {
        let client = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .tls_certs_only([])
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()
            .unwrap();
        let url = format!("{}://localhost:{}/health", clinic.scheme, clinic.port);
        let eyes: [Arc<Mutex<Seen>>; 3] = Default::default();
        let kinds = [Eye::Codeblue(clinic.check(keys).into()), Eye::Tcp(clinic.port), Eye::Http(url, client)];
        let tasks = kinds
            .into_iter()
            .zip(&eyes)
            .map(|(eye, seen)| tokio::spawn(watch(eye, prober.clone(), seen.clone())))
            .collect();
        Self { eyes, tasks }
    }

    /// Waits until it is so, for so long at most.
    async fn until(&self, most: Duration, so: impl Fn(&[Arc<Mutex<Seen>>; 3]) -> bool) -> bool {
        let begun = Instant::now();
        while !so(&self.eyes) {
            if begun.elapsed() > most {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// How soon each eye saw a fault; none where one did not.
type Times = [Option<Duration>; 3];

/// One fault, once; none where it cannot be made here.
async fn suffer(fault: &Fault, seed: u64, prober: &Arc<Prober>) -> Option<Times> {
    let mut dice = Dice::new(seed);
    let mut clinic = Clinic::open(fault.scheme, fault.backlog, matches!(fault.means, Means::Fill(..))).await?;
    let watched = Watched::new(&clinic, fault.check, prober);
    let well = |eyes: &[Arc<Mutex<Seen>>; 3]| eyes.iter().all(|eye| eye.lock().unwrap().status == Status::Healthy);
    assert!(watched.until(Duration::from_secs(10), well).await, "{} before it came: {:?}", fault.name, watched.eyes);
    let phase = EVERY * u32::try_from(dice.below(1000)).unwrap() / 1000;
    tokio::time::sleep(phase).await;
    let before: Vec<u32> = watched.eyes.iter().map(|eye| eye.lock().unwrap().results).collect();
    clinic.fall_ill(fault.means).await;
    let ill = Instant::now();
    let bound = FAILURES * (EVERY + WITHIN) + SLACK;
    // Each eye has its chance: it sees the fault, or goes on seeing nothing.
    let decided = |eyes: &[Arc<Mutex<Seen>>; 3]| {
        let expected = [Sees, fault.tcp, fault.http];
        eyes.iter().zip(&before).zip(expected).all(|((eye, before), expected)| {
            let eye = eye.lock().unwrap();
            eye.bad_at.is_some() || expected == Misses && eye.results >= before + RESULTS
        })
    };
    watched.until(bound, decided).await;
    tokio::time::sleep(EVERY * u32::try_from(dice.below(1000)).unwrap() / 1000).await;
    let times = [0, 1, 2].map(|eye| {
        let seen = watched.eyes[eye].lock().unwrap();
        seen.bad_at.map(|at| at.saturating_duration_since(ill))
    });
    let why = watched.eyes[0].lock().unwrap().why.clone();
    assert!(times[0].is_some_and(|time| time <= bound), "{} with seed {seed}: {times:?} {why}", fault.name);
    if clinic.heal(fault.means).await {
        let well = |eyes: &[Arc<Mutex<Seen>>; 3]| eyes[0].lock().unwrap().status == Status::Healthy;
        assert!(watched.until(Duration::from_secs(15), well).await, "{} is never over: {:?}", fault.name, watched.eyes);
    }
    Some(times)
}

fn seeds() -> u64 {
    std::env::var("CODEBLUE_TEST_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

fn column(times: &[Times], eye: usize) -> String {
    let seen: Vec<Duration> = times.iter().filter_map(|times| times[eye]).collect();
    match seen.iter().max() {
        None => "missed".to_owned(),
        Some(latest) if seen.len() == times.len() => format!("{:.2} s", latest.as_secs_f64()),
        Some(_) => format!("seen {} of {}", seen.len(), times.len()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_seen_in_time_and_simple_checks_miss_what_they_are_said_to_miss() {
    let prober = Arc::new(Prober::new());
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut runs = Vec::new();
    for fault in &FAULTS {
        for seed in 0..seeds() {
            let (prober, turns) = (prober.clone(), turns.clone());
            runs.push(tokio::spawn(async move {
                let _turn = turns.acquire_owned().await.unwrap();
                suffer(fault, seed, &prober).await
            }));
        }
    }
    let mut ends = join_all(runs).await.into_iter().map(Result::unwrap);
    println!("| {:<34} | {:>9} | {:>9} | {:>9} |", "fault, latest of all seeds", "codeblue", "TCP", "HTTP 200");
    let mut wrong = Vec::new();
    for fault in &FAULTS {
        let times: Option<Vec<Times>> = ends.by_ref().take(usize::try_from(seeds()).unwrap()).collect();
        let Some(times) = times else {
            println!("| {:<34} | skipped: no file system can be mounted here |", fault.name);
            continue;
        };
        let told = [0, 1, 2].map(|eye| column(&times, eye));
        println!("| {:<34} | {:>9} | {:>9} | {:>9} |", fault.name, told[0], told[1], told[2]);
        for (eye, expected) in [(1, fault.tcp), (2, fault.http)] {
            if times.iter().any(|times| times[eye].is_some() != (expected == Sees)) {
                wrong.push(format!("{}: eye {eye} {expected:?} it, they say, but {times:?}", fault.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_target_is_never_called_ill() {
    let prober = Prober::new();
    let (plain, encrypted) =
        (Clinic::open("http", 128, false).await.unwrap(), Clinic::open("https", 128, false).await.unwrap());
    let mut kinds: Vec<(Check, Judge)> = Vec::new();
    for fault in FAULTS.iter().filter(|fault| !matches!(fault.means, Means::Fill(..))) {
        let clinic = if fault.scheme == "https" { &encrypted } else { &plain };
        kinds.push((clinic.check(fault.check), Judge::new("clinic", Status::Unknown)));
    }
    let (mut results, mut bad) = (0, Vec::new());
    for _ in 0..25 {
        for (check, judge) in &mut kinds {
            let (at, begun) = (Utc::now(), Instant::now());
            let outcome = prober.probe_at(check, at).await;
            results += 1;
            let sample = sample(check, at, outcome.result, begun.elapsed(), outcome.detail);
            bad.extend(judge.observe(check, &sample).filter(|verdict| verdict.status != Status::Healthy));
        }
    }
    assert!(results >= 400 && bad.is_empty(), "{results} results: {bad:#?}");
}

#[test]
fn an_hour_of_lost_answers_and_jitter_alarms_nobody() {
    for seed in 0..seeds().max(20) {
        let mut dice = Dice::new(seed);
        let text = "[platform]\nname = \"Clinic\"\n[[service]]\nname = \"clinic\"\n[[service.check]]\nevery = \"1s\"\ntcp = \"h:1\"\n";
        let check = parse(text, Path::new("codeblue.toml")).unwrap().services[0].checks[0].clone();
        let mut judge = Judge::new("clinic", Status::Unknown);
        let mut told = Vec::new();
        // One answer is lost or late now and then, half a minute apart at least.
        let mut next = 30 + dice.below(300);
        for second in 0..3600 {
            let reading = match second == next {
                true if dice.happens(5000) => Reading::Bad,
                true => Reading::Slow,
                false => Reading::Good,
            };
            if second == next {
                next += 30 + dice.below(300);
            }
            let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(i64::try_from(second).unwrap());
            told.extend(judge.observe(&check, &sample(&check, at, reading, Duration::ZERO, String::new())));
        }
        let told: Vec<Status> = told.iter().map(|verdict| verdict.status).collect();
        assert_eq!(told, [Status::Healthy], "seed {seed}");
    }
}
