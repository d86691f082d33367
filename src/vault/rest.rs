//! A place behind restic's REST protocol, as `rest-server` and `rclone serve restic` speak it.
//!
//! <https://restic.readthedocs.io/en/stable/100_references.html#rest-backend>

use std::{
    error::Error as _,
    fs, io,
    path::PathBuf,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header, redirect};
use rustic_core::{FileType, Id};
use serde::Deserialize;
use tokio::runtime::{Builder, Runtime};

use super::depot::Depot;

const LISTING: &str = "application/vnd.x.restic.rest.v2";
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Between two parts of an answer.
const SILENCE: Duration = Duration::from_secs(30);
/// A whole file of the vault, over a slow line.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);
/// Longer than any file of a vault and any list of them that can be used.
const MOST_BYTES: usize = 1 << 30;

/// Where and as whom; what opens it is read from its file when it is needed.
#[derive(Debug)]
pub(super) struct Rest {
    url: String,
    user: Option<(String, PathBuf)>,
    line: OnceLock<Line>,
}

/// A client and the runtime that its connections live in.
struct Line {
    client: Client,
    runtime: Mutex<Option<Runtime>>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Line")
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // whoever drops a replica may himself run in a runtime, which must not wait for another
        if let Some(runtime) = self.runtime.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    size: u64,
}

impl Rest {
    /// The user has a file whose first line is the password.
    pub(super) fn new(url: &str, user: Option<(String, PathBuf)>) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), user, line: OnceLock::new() }
    }

    fn line(&self) -> io::Result<&Line> {
        if let Some(line) = self.line.get() {
            return Ok(line);
        }
        // it is an error when there is one already, which is just as well
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .user_agent(concat!("codeblue/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(SILENCE)
            .timeout(ANSWER_WITHIN)
            .redirect(redirect::Policy::none())
            .no_proxy();
        // a host without certificates can still speak plain HTTP
        let builder =
            if self.url.starts_with("https:") { builder.https_only(true) } else { builder.tls_certs_only([]) };
        let client = builder.build().map_err(cause)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(self.line.get_or_init(|| Line { client, runtime: Mutex::new(Some(runtime)) }))
    }

    fn address(&self, kind: FileType, id: &Id) -> String {
        match kind {
            FileType::Config => format!("{}/config", self.url),
            _ => format!("{}/{}/{}", self.url, kind.dirname(), id.to_hex().as_str()),
        }
    }

    /// Asks and gives status and body; of a body that nobody reads only the beginning.
    fn ask(
        &self,
        method: Method,
        address: &str,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> io::Result<(StatusCode, Bytes)> {
        let line = self.line()?;
        let mut request = with(line.client.request(method, address));
        if let Some((user, file)) = &self.user {
            let password = fs::read_to_string(file)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
            request = request.basic_auth(user, password.lines().next());
        }
        let runtime = line.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = runtime.as_ref().ok_or_else(|| io::Error::other("it was closed"))?;
        runtime.block_on(async {
            let response = request.send().await.map_err(cause)?;
            Ok((response.status(), body(response).await?))
        })
    }

    fn get(&self, kind: FileType, id: &Id, range: Option<(u64, usize)>) -> io::Result<Bytes> {
        let (status, body) = self.ask(Method::GET, &self.address(kind, id), |request| match range {
            Some((offset, length)) => {
                let last = offset.saturating_add(length as u64).saturating_sub(1);
                request.header(header::RANGE, format!("bytes={offset}-{last}"))
            }
            None => request,
        })?;
        match (status, range) {
            (StatusCode::OK, None) => Ok(body),
            (StatusCode::PARTIAL_CONTENT, Some((_, length))) if body.len() == length => Ok(body),
            // one that does not know parts of files sends the whole
            (StatusCode::OK, Some((offset, length))) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let part = from.checked_add(length).filter(|to| *to <= body.len()).map(|to| body.slice(from..to));
                part.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
            }
            (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE, _) => {
                Err(io::Error::from(io::ErrorKind::UnexpectedEof))
            }
            (status, _) => Err(refusal(status)),
        }
    }
}

impl Depot for Rest {
    fn place(&self) -> String {
        self.url.clone()
    }

    fn list(&self, kind: FileType) -> io::Result<Vec<(Id, u64)>> {
        if kind == FileType::Config {
            let (status, _) = self.ask(Method::HEAD, &self.address(kind, &Id::default()), |request| request)?;
            return match status {
                StatusCode::OK => Ok(vec![(Id::default(), 0)]),
                StatusCode::NOT_FOUND => Ok(Vec::new()),
                status => Err(refusal(status)),
            };
        }
        let address = format!("{}/{}/", self.url, kind.dirname());
        let (status, body) = self.ask(Method::GET, &address, |request| request.header(header::ACCEPT, LISTING))?;
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(Vec::new()),
            status => return Err(refusal(status)),
        }
        let entries: Vec<Entry> = serde_json::from_slice(&body)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("its list is no list: {error}")))?;
        Ok(entries.iter().filter_map(|entry| Some((Id::parse_some(&entry.name, kind)?, entry.size))).collect())
    }

    fn read(&self, kind: FileType, id: &Id) -> io::Result<Bytes> {
        self.get(kind, id, None)
    }

    fn read_part(&self, kind: FileType, id: &Id, offset: u64, length: usize) -> io::Result<Bytes> {
        self.get(kind, id, Some((offset, length)))
    }

    fn write(&self, kind: FileType, id: &Id, content: &[Bytes]) -> io::Result<()> {
        let content: Bytes = content.concat().into();
        let address = self.address(kind, id);
        let post = || self.ask(Method::POST, &address, |request| request.body(content.clone()));
        let (status, _) = post()?;
        if status.is_success() {
            return Ok(());
        }
        // files never change, so a server takes each name once; what is damaged there must go first
        if matches!(status, StatusCode::FORBIDDEN | StatusCode::CONFLICT) && self.read(kind, id).is_ok() {
            self.remove(kind, id)?;
            let (status, _) = post()?;
            return if status.is_success() { Ok(()) } else { Err(refusal(status)) };
        }
        Err(refusal(status))
    }

    fn remove(&self, kind: FileType, id: &Id) -> io::Result<()> {
        let (status, _) = self.ask(Method::DELETE, &self.address(kind, id), |request| request)?;
        if status.is_success() || status == StatusCode::NOT_FOUND { Ok(()) } else { Err(refusal(status)) }
    }

    fn reach(&self) -> io::Result<()> {
        self.list(FileType::Config).map(|_| ())
    }

    /// A server has its files on disk before it answers.
    fn settle(&self, _: FileType) -> io::Result<()> {
        Ok(())
    }

    fn prepare(&self) -> io::Result<()> {
        if !self.list(FileType::Config)?.is_empty() {
            return Ok(());
        }
        let (status, _) = self.ask(Method::POST, &format!("{}/?create=true", self.url), |request| request)?;
        if status.is_success() { Ok(()) } else { Err(refusal(status)) }
    }
}

async fn body(mut response: Response) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(cause)? {
        if bytes.len() + chunk.len() > MOST_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its answer has no end"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

fn refusal(status: StatusCode) -> io::Error {
    let kind = match status {
        StatusCode::NOT_FOUND => io::ErrorKind::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => io::ErrorKind::PermissionDenied,
        StatusCode::INSUFFICIENT_STORAGE => io::ErrorKind::StorageFull,
        _ => io::ErrorKind::Other,
    };
    let more = match status {
        StatusCode::UNAUTHORIZED => "; look at `user` and `password_file`",
        StatusCode::FORBIDDEN => "; it may keep everything that it was ever given (append-only)",
        _ => "",
    };
    io::Error::new(kind, format!("the server answered {status}{more}"))
}

/// The last of the reasons, which says most; never the address, which may tell more than it should.
fn cause(error: reqwest::Error) -> io::Error {
    let timed_out = error.is_timeout();
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    io::Error::new(if timed_out { io::ErrorKind::TimedOut } else { io::ErrorKind::Other }, text)
}
