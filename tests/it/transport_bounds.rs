//! Many who want nothing good of an engine's address: connections that are opened and held, handshakes and headers that never end.
//! The engine answers on its socket all the while, and none of it stays.

use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::transport::{figures, listening, raw};

/// Connections from one address that the engine keeps at the same time.
const FROM_ONE: usize = 64;

/// Files that a test has open beside its connections, those included that the engine has taken and not closed yet.
const RESERVE: u64 = 1500;

/// Megabytes that this process holds.
pub fn held() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Waits until the engine hangs up, and says after how long.
pub async fn until_closed(stream: &mut (impl AsyncReadExt + Unpin), within: Duration) -> Option<Duration> {
    let begun = Instant::now();
    let mut buffer = [0; 1024];
    let closed = async { while let Ok(1..) = stream.read(&mut buffer).await {} };
    tokio::time::timeout(within, closed).await.ok().map(|()| begun.elapsed())
}

/// Connections that are tried where nobody says.
const MANY: usize = 10_000;

/// Connections that this process can hold, once it has all the files that it may have.
fn room(most: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    // Who may raise the bound itself does.
    let more = most as u64 + RESERVE;
    if limit.maximum.is_some_and(|maximum| maximum < more) {
        let wider = rustix::process::Rlimit { current: Some(more), maximum: Some(more) };
        if setrlimit(Resource::Nofile, wider).is_ok() {
            limit = wider;
        }
    }
    limit.current.map_or(usize::MAX, |files| files.saturating_sub(RESERVE).try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_opened_and_held_are_bounded_and_the_engine_answers() {
    let most: usize = std::env::var("CODEBLUE_CONNECTIONS").ok().map_or(MANY, |count| count.parse().unwrap());
    let wished = most.min(room(most));
    if wished < most {
        eprintln!("ONLY {wished} of {most} connections: this machine lets a process open no more files (ulimit -Hn)");
    }
    let served = listening().await;
    let at = figures(&served).address;
    let before = held();
    let mut all = Vec::new();
    let opening = Instant::now();
    for _ in 0..wished {
        all.push(TcpStream::connect(at).await.unwrap());
    }
    let opened = opening.elapsed();
    let begun = Instant::now();
    served.client(Some("alice")).state().await.expect("the socket answers meanwhile");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "an answer on the socket took {took:?}");
    let grown = held().saturating_sub(before);
    assert!(grown < 200, "{wished} connections held {grown} MB");

    // Those beyond the bound were closed at once, the others when they had said nothing for 5 s.
    let mut slow = 0;
    for stream in &mut all {
        let waited = until_closed(stream, Duration::from_secs(60)).await.expect("every one is closed");
        slow += usize::from(waited > Duration::from_secs(1));
    }
    assert!(slow <= FROM_ONE, "{slow} were let wait");
    let mut good = raw(&served).await;
    good.write_all(b"GET /healthz HTTP/1.1\r\nhost: e\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = good.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "there is room again: {answer}");
    eprintln!("{wished} connections, opened in {opened:?}: {grown} MB more, the socket answered in {took:?}");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_or_a_header_that_never_ends_is_let_go() {
    let served = listening().await;
    let mut handshake = TcpStream::connect(figures(&served).address).await.unwrap();
    // The beginning of a TLS record, and no more.
    handshake.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
    let mut header = raw(&served).await;
    header.write_all(b"GET /api/v1/state HTTP/1.1\r\nhost: e\r\nx: ").await.unwrap();
    let mut idle = raw(&served).await;
    let (writes, reads) = (Duration::from_secs(1), Duration::from_secs(60));
    let loris = async {
        // A byte a second does not keep it.
        let (mut reader, mut writer) = tokio::io::split(header);
        let dripping = async {
            while writer.write_all(b"y").await.is_ok() && writer.flush().await.is_ok() {
                tokio::time::sleep(writes).await;
            }
        };
        tokio::select! {
            closed = until_closed(&mut reader, reads) => closed,
            () = dripping => Some(Duration::ZERO),
        }
    };
    let (handshake, header, idle) =
        tokio::join!(until_closed(&mut handshake, reads), loris, until_closed(&mut idle, reads));
    assert!(handshake.expect("the handshake is let go") < Duration::from_secs(20));
    assert!(header.expect("the header is let go") < Duration::from_secs(40));
    assert!(idle.expect("who says nothing is let go") < Duration::from_secs(40));
    served.stop().await;
}
