//! The process through which services reach each other: a port for each dependency, which passes bytes on as they are, or does to
//! them what a fault of that dependency says. A fault begins with the next connection; services make one for each request.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use rand::RngExt;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::{
    super::{
        SandboxError, files,
        kind::FaultKind,
        link::{self, Link},
        process::Entry,
    },
    context::Context,
    failure::Failure,
    run::Serve,
};

const LATE_MS: std::ops::Range<u64> = 400..800;
/// What passes through a narrow dependency at once, and how long that takes.
const NARROW_BYTES: usize = 15;
const NARROW_PAUSE: Duration = Duration::from_millis(100);
const MOST_BYTES: u64 = 256 << 10;
const BEFORE_ANOTHER_TRY: Duration = Duration::from_millis(500);

pub(super) struct Proxies {
    links: usize,
}

impl Proxies {
    pub(super) async fn new(context: Arc<Context>) -> Result<Arc<Self>, SandboxError> {
        let path = context.layout.links();
        let mut ports = BTreeMap::new();
        for link in link::all() {
            let listen = async {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
                Ok((listener.local_addr()?.port(), listener))
            };
            let (port, listener) = listen.await.map_err(SandboxError::io("get a port for", &path))?;
            ports.insert(link.name(), port);
            tokio::spawn(take(Arc::clone(&context), link, listener));
        }
        files::write_json(&path, &ports)?;
        Ok(Arc::new(Self { links: ports.len() }))
    }
}

impl Serve for Proxies {
    fn version(&self) -> String {
        format!("{} dependencies", self.links)
    }

    async fn deep(&self) -> Result<Value, Failure> {
        Ok(json!({ "dependencies": self.links }))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new()
    }
}

async fn take(context: Arc<Context>, link: Link, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((asking, _)) => {
                let context = Arc::clone(&context);
                // that a connection breaks is for its two ends to tell
                tokio::spawn(async move { pass_on(&context, link, asking).await });
            }
            Err(error) => {
                context.log.error(&format!("{}: no connection can be accepted: {error}", link.name()));
                sleep(BEFORE_ANOTHER_TRY).await;
            }
        }
    }
}

/// One connection, from its first byte to its last.
async fn pass_on(context: &Context, link: Link, mut asking: TcpStream) -> io::Result<()> {
    let name = link.name();
    let impairments = context.impairments().into_iter().filter(|one| one.link.as_ref() == Some(&name));
    let faults: BTreeSet<FaultKind> = impairments.map(|one| one.fault).collect();
    if faults.contains(&FaultKind::LinkBlackHole) {
        return copy(&mut asking, &mut sink()).await.map(drop);
    }
    if faults.contains(&FaultKind::LinkReset) {
        asking.readable().await?;
        // closing it sends a reset
        return asking.set_zero_linger();
    }
    let entry: Option<Entry> = files::read_json(&context.layout.entry(link.to)).map_err(io::Error::other)?;
    let connected = match entry {
        Some(entry) => TcpStream::connect(("127.0.0.1", entry.port)).await,
        None => Err(io::Error::new(io::ErrorKind::NotFound, "it is not registered")),
    };
    let asked = match connected {
        Ok(asked) => asked,
        Err(error) => return refuse(&mut asking, &error).await,
    };
    let ((mut questions, mut to_asking), (mut answers, mut to_asked)) = (asking.into_split(), asked.into_split());
    // one question a connection: who hangs up waits for no answer
    tokio::select! {
        asked = copy(&mut questions, &mut to_asked) => asked.map(drop),
        answered = answer(&faults, &mut answers, &mut to_asking) => answered,
    }
}

/// Tells who asks why there is no connection to whom it asks.
async fn refuse(asking: &mut TcpStream, error: &io::Error) -> io::Result<()> {
    // what was sent has to be read, otherwise closing resets the connection before the answer is read
    asking.readable().await?;
    let mut question = [0; 4096];
    let _ = asking.try_read(&mut question)?;
    let body = json!({ "error": error.to_string() }).to_string();
    let head = format!(
        "HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    asking.write_all(head.as_bytes()).await?;
    asking.write_all(body.as_bytes()).await?;
    asking.shutdown().await
}

async fn answer(
    faults: &BTreeSet<FaultKind>,
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    if faults.is_empty() {
        return copy(from, to).await.map(drop);
    }
    let mut bytes = Vec::new();
    from.take(MOST_BYTES).read_to_end(&mut bytes).await?;
    if faults.contains(&FaultKind::LinkSlow) {
        let late = rand::rng().random_range(LATE_MS);
        sleep(Duration::from_millis(late)).await;
    }
    if faults.contains(&FaultKind::LinkCut) {
        bytes.truncate(middle(&bytes));
    }
    if faults.contains(&FaultKind::LinkNarrow) {
        for part in bytes.chunks(NARROW_BYTES) {
            to.write_all(part).await?;
            sleep(NARROW_PAUSE).await;
        }
        return to.shutdown().await;
    }
    to.write_all(&bytes).await?;
    to.shutdown().await
}

/// Where the first half of an answer's body ends.
fn middle(answer: &[u8]) -> usize {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    head + (answer.len() - head) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678";

    async fn passed(faults: &[FaultKind]) -> (Vec<u8>, Duration) {
        let (mut from, mut to) = (ANSWER, Vec::new());
        let started = tokio::time::Instant::now();
        answer(&faults.iter().copied().collect(), &mut from, &mut to).await.unwrap();
        (to, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_passes_as_it_is_late_slowly_or_by_half() {
        assert_eq!(passed(&[]).await, (ANSWER.to_vec(), Duration::ZERO));
        let (late, took) = passed(&[FaultKind::LinkSlow]).await;
        assert_eq!(late, ANSWER);
        assert!((400..=800).contains(&took.as_millis()), "{took:?}");
        let (narrow, took) = passed(&[FaultKind::LinkNarrow]).await;
        assert_eq!((narrow.as_slice(), took.as_millis()), (ANSWER, 400), "46 bytes, 15 at a time");
        let (cut, _) = passed(&[FaultKind::LinkCut, FaultKind::LinkSlow]).await;
        assert_eq!(cut, &ANSWER[..ANSWER.len() - 4]);
    }
}
