//! An engine at the end of a link that is slow, and of one that breaks: both are played by a relay in front of its address.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    client::{Client, HostAddress, Trust, Update},
    domain::{Command, Severity, Status, TokenScope},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf},
    sync::{Mutex, mpsc, watch},
};

use crate::{
    served::{Bed, Served, settled},
    terminal::Terminal,
    transport::{figures, token},
    transport_ssh::{begin_rollback, hold_up, let_on, past_the_tour, shows_its_end},
};

/// Bytes a second of 100 kbit/s.
const SLOW: u64 = 12_500;
/// Bytes that a link takes at once.
const PACKET: usize = 1_400;

/// A link to an address, for all connections together.
struct Link {
    address: SocketAddr,
    /// Bytes that came from the other end.
    came: Arc<AtomicU64>,
    up: watch::Sender<bool>,
}

impl Link {
    async fn to(far: SocketAddr, bytes_a_second: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (up, is_up) = watch::channel(true);
        let came = Arc::<AtomicU64>::default();
        let (down, line) = (came.clone(), Arc::new(Mutex::new(tokio::time::Instant::now())));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if !*is_up.borrow() {
                    continue;
                }
                let (down, line, mut is_up) = (down.clone(), line.clone(), is_up.clone());
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(far).await else { return };
                    let ((mut near_in, mut near_out), (far_in, mut far_out)) = (near.into_split(), far.into_split());
                    tokio::select! {
                        _ = tokio::io::copy(&mut near_in, &mut far_out) => {}
                        () = slowly(far_in, &mut near_out, &down, &line, bytes_a_second) => {}
                        _ = is_up.wait_for(|up| !up) => {}
                    }
                });
            }
        });
        Self { address, came, up }
    }

    fn came(&self) -> u64 {
        self.came.load(Ordering::SeqCst)
    }

    fn cut(&self) {
        self.up.send_replace(false);
    }

    fn mend(&self) {
        self.up.send_replace(true);
    }
}

/// Carries bytes no faster than the line does, which all connections share.
async fn slowly(
    mut from: OwnedReadHalf,
    to: &mut (impl AsyncWriteExt + Unpin),
    came: &AtomicU64,
    line: &Mutex<tokio::time::Instant>,
    bytes_a_second: u64,
) {
    let mut packet = [0; PACKET];
    while let Ok(length @ 1..) = from.read(&mut packet).await {
        let carried = {
            let mut free_at = line.lock().await;
            let takes = Duration::from_secs_f64(length as f64 / bytes_a_second as f64);
            *free_at = (*free_at).max(tokio::time::Instant::now()) + takes;
            *free_at
        };
        tokio::time::sleep_until(carried).await;
        came.fetch_add(length as u64, Ordering::SeqCst);
        if to.write_all(&packet[..length]).await.is_err() {
            return;
        }
    }
}

/// An engine that cares for many services, each with a check that asks it, and listens over TLS.
async fn region(services: usize) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let health = listener.local_addr().unwrap();
    let router = Router::new().route("/{service}/health", get(|| async { "well" }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (kinds, parts) = (
        [
            "patient", "records", "billing", "imaging", "pharmacy", "lab", "ward", "theatre", "triage", "ledger",
            "claims",
        ],
        ["api", "worker", "db", "index", "sync", "bridge", "portal"],
    );
    let mut text = String::from("[listen]\ntls = \"127.0.0.1:0\"\n");
    let mut names: Vec<String> = Vec::new();
    for number in 0..services {
        let name = format!("{}-{}-{number:03}", kinds[number * 7 % kinds.len()], parts[number * 5 % parts.len()]);
        let needs: Vec<&str> =
            (1..=number % 3).filter_map(|step| names.get(number.checked_sub(step * 37)?)).map(String::as_str).collect();
        let criticality = ["high", "medium", "low"][number % 3];
        let _ = write!(
            text,
            "[[service]]\nname = \"{name}\"\ncriticality = \"{criticality}\"\ndepends_on = {needs:?}\n\
             [[service.check]]\nhttp = {{ url = \"http://{health}/{name}/health\" }}\nevery = \"30s\"\nsuccesses = 1\n",
        );
        names.push(name);
    }
    Served::of(Bed::with("drill", &text).await).await
}

/// An operator at the other end of a link.
async fn far(served: &Served, link: &Link) -> Client {
    let Ok(HostAddress::Tls(address)) = format!("https://{}", link.address).parse() else { panic!("{}", link.address) };
    let trust = Trust { fingerprint: figures(served).fingerprint, certificate: None };
    let (_, secret) = token(served, "erin", TokenScope::Read, TimeDelta::days(1)).await;
    Client::tls(address, trust).unwrap().with_token(Some(secret))
}

async fn next<T>(news: &mut mpsc::Receiver<Update>, wished: impl Fn(Update) -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(found) = wished(news.recv().await.unwrap()) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), wait).await.expect("it comes")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_services_over_a_slow_link_are_seen_at_once_and_cost_nothing_while_nothing_changes() {
    let served = region(1000).await;
    let all_well = |state: &codeblue::domain::State| {
        state.services.len() > 1000 && state.services.values().all(|service| service.status == Status::Healthy)
    };
    served.until("all well", |state| all_well(state) && settled(state)).await;
    let link = Link::to(figures(&served).address, SLOW).await;
    let client = far(&served, &link).await;
    let begun = Instant::now();
    let (sender, mut news) = mpsc::channel(64);
    tokio::spawn(async move { client.follow(sender).await });

    let first = next(&mut news, |update| if let Update::First(state) = update { Some(state) } else { None }).await;
    let (bytes, took) = (link.came(), begun.elapsed());
    eprintln!("a first picture of {} services after {bytes} bytes, {took:?}", first.services.len());
    assert!(all_well(&first), "every service with its status");
    assert!(bytes < 2 * SLOW, "{bytes} bytes take longer than 2 s at 100 kbit/s");
    let live = next(&mut news, |update| if let Update::Live(now) = update { Some(now.0) } else { None }).await;
    eprintln!("everything after {} bytes, {:?}", link.came(), begun.elapsed());
    assert!(live.platform.services.iter().all(|service| !service.checks.is_empty()));
    let mut vitals =
        next(&mut news, |update| if let Update::Vitals(vitals) = update { Some(vitals) } else { None }).await;
    eprintln!("the figures after {} bytes, {:?}", link.came(), begun.elapsed());
    assert!(vitals.services.len() > 1000 && vitals.services.values().all(|service| service.p95().is_some()));

    // From one word about all that goes on to another; a busy machine has something to tell now and then.
    let heard = async |news: &mut mpsc::Receiver<Update>| {
        next(news, |update| if let Update::Heard(heard) = update { Some(heard) } else { None }).await
    };
    let mut quiet = f64::INFINITY;
    let mut last: (DateTime<Utc>, u64) = (heard(&mut news).await.until, link.came());
    for _ in 0..60 {
        let word = heard(&mut news).await;
        let now = (word.until, link.came());
        let seconds = (now.0 - last.0).as_seconds_f64();
        quiet = quiet.min(8.0 * (now.1 - last.1) as f64 / seconds);
        last = now;
        vitals.go_on(&live.platform, &word);
        if quiet < 1000.0 {
            break;
        }
    }
    eprintln!("{quiet:.0} bit/s while nothing changes");
    assert!(quiet < 1000.0, "{quiet} bit/s while nothing changes");
    let now = served.handle().now();
    let silent = vitals.services.values().filter(|service| now - service.last_seen().unwrap() > TimeDelta::seconds(60));
    assert_eq!(silent.count(), 0, "all look as if they were heard of");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_ends_well_although_the_link_over_tls_is_cut_and_the_board_shows_it() {
    let bed = Bed::with("drill", "[listen]\ntls = \"127.0.0.1:0\"\n").await;
    hold_up(&bed);
    let served = Served::of(bed).await;
    served.until("captured", |state| settled(state) && state.last_good_snapshot("desk-code", None).is_some()).await;
    let link = Link::to(figures(&served).address, 100 * SLOW).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let secret = token(&served, "erin", TokenScope::Act, TimeDelta::days(1)).await.1;
    let file = elsewhere.path().join("token");
    std::fs::write(&file, secret.expose()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let host = format!(
        "[[host]]\nname = \"ward\"\naddress = \"https://{}\"\nfingerprint = \"{}\"\ntoken_file = \"token\"\n",
        link.address,
        figures(&served).fingerprint,
    );
    std::fs::write(elsewhere.path().join("settings.toml"), host).unwrap();
    let mut board = Terminal::run(&["--host", "ward"], elsewhere.path());
    past_the_tour(&mut board);
    begin_rollback(&served).await;
    link.cut();
    board.until("LINK LOST");
    let recovery = let_on(&served).await;
    link.mend();
    shows_its_end(&mut board, &recovery);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_over_tls_that_is_back_carries_what_was_missed_and_nothing_else() {
    let served = region(300).await;
    served.until("all well", settled).await;
    let link = Link::to(figures(&served).address, 100 * SLOW).await;
    let client = far(&served, &link).await;
    let (sender, mut news) = mpsc::channel(64);
    tokio::spawn(async move { client.follow(sender).await });
    next(&mut news, |update| matches!(update, Update::Live(_)).then_some(())).await;
    let everything = link.came();
    next(&mut news, |update| matches!(update, Update::Vitals(_)).then_some(())).await;
    let engine = served.client(Some("alice"));
    let declare = async |title: &str| {
        let (title, severity) = (title.to_owned(), Severity::Sev3);
        engine.submit(&Command::DeclareIncident { title, severity, services: Vec::new() }).await.unwrap();
        served.until("what follows from it", settled).await.seq
    };
    let event = |update| if let Update::Event(recorded) = update { Some(recorded.seq) } else { None };
    let mut last = 0;
    let seen = declare("seen").await;
    while last < seen {
        last = next(&mut news, event).await;
    }

    link.cut();
    while let Err(seq) = next(&mut news, |update| match update {
        Update::Lost(_) => Some(Ok(())),
        Update::Event(recorded) => Some(Err(recorded.seq)),
        _ => None,
    })
    .await
    {
        last = seq;
    }
    declare("missed").await;
    let missed = declare("missed too").await;
    let before = link.came();
    link.mend();
    let back = |update| match update {
        Update::Back => Some(()),
        Update::Live(_) => panic!("everything came anew"),
        _ => None,
    };
    next(&mut news, back).await;
    while last < missed {
        let seq = next(&mut news, event).await;
        assert_eq!(seq, last + 1, "nothing is missing and nothing comes twice");
        last = seq;
    }
    eprintln!("{} bytes after a loss, {everything} at first", link.came() - before);
    served.stop().await;
}
