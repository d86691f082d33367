//! Checks of a service on this host, beside the least that such a check could do.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use codeblue::{
    checks::Prober,
    platform::{Check, CheckLevel, HttpProbe, Probe, Reading},
};
use divan::{Bencher, counter::ItemsCount};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    task::JoinSet,
};

use crate::platform::now;

/// Checks in one run of the benchmark; each opens a connection of its own, as a check must.
const RUNS: usize = 64;
/// Checks under way at a time.
const TOGETHER: [usize; 3] = [1, 8, 64];

fn check(probe: Probe) -> Check {
    Check {
        name: "bench".to_owned(),
        level: CheckLevel::Shallow,
        every: Duration::from_secs(30),
        within: Duration::from_secs(5),
        slow: Duration::from_secs(5),
        failures: 3,
        successes: 2,
        probe,
    }
}

fn server(runtime: &Runtime) -> SocketAddr {
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/health", get(|| async { "{\"status\":\"ok\"}" }));
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    })
}

/// [`RUNS`] checks, so many at a time.
async fn probe_all(prober: &Arc<Prober>, check: &Arc<Check>, together: usize) {
    let mut running = JoinSet::new();
    for run in 0..RUNS {
        if run >= together {
            running.join_next().await.unwrap().unwrap();
        }
        let (prober, check) = (prober.clone(), check.clone());
        running.spawn(async move { assert_eq!(prober.probe_at(&check, now()).await.result, Reading::Good) });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

fn measure(bencher: Bencher, probe: impl FnOnce(SocketAddr) -> Probe, together: usize) {
    let runtime = Runtime::new().unwrap();
    let check = Arc::new(check(probe(server(&runtime))));
    let prober = Arc::new(Prober::new());
    bencher.counter(ItemsCount::new(RUNS)).bench_local(|| runtime.block_on(probe_all(&prober, &check, together)));
}

/// HTTP checks of status and body.
#[divan::bench(args = TOGETHER, sample_count = 30)]
fn http(bencher: Bencher, together: usize) {
    let probe = |address| {
        Probe::Http(HttpProbe {
            url: format!("http://{address}/health"),
            status: Some(200),
            body: Some("ok".to_owned()),
            ..HttpProbe::default()
        })
    };
    measure(bencher, probe, together);
}

/// TCP checks.
#[divan::bench(args = TOGETHER, sample_count = 30)]
fn tcp(bencher: Bencher, together: usize) {
    measure(bencher, |address| Probe::Tcp { address: address.to_string() }, together);
}

/// The rival: a request written by hand, whose answer is only read to its end.
#[divan::bench(args = TOGETHER, sample_count = 30)]
fn http_rival_by_hand(bencher: Bencher, together: usize) {
    let runtime = Runtime::new().unwrap();
    let address = server(&runtime);
    bencher.counter(ItemsCount::new(RUNS)).bench_local(|| runtime.block_on(ask_all(address, together)));
}

async fn ask_all(address: SocketAddr, together: usize) {
    let mut running = JoinSet::new();
    for run in 0..RUNS {
        if run >= together {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /health HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 200"));
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}
