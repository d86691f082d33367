//! One request and its answer over HTTP: bounded, without redirects, without what the environment says of proxies.

use std::{error::Error, path::Path, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{
    Certificate, Client, Proxy, Response, Url,
    header::{self, HeaderValue},
    redirect,
};

use super::{
    events::Events,
    key::Key,
    retry::Advice,
    text::line,
    wire::{Flaw, Reply, ServerError},
};
use crate::platform::LanguageModel;

/// A connection that takes longer is none.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of an answer that comes whole, and of one that comes in pieces with all that is around them.
const WHOLE: usize = 1 << 20;
const PIECES: usize = 4 << 20;
/// Bytes of an error.
const ERROR: usize = 64 * 1024;
/// Bytes of a file of certificates.
const CERTIFICATES: u64 = 1 << 20;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No connection, or one that ended before the answer did.
    Connection(String),
    /// The server says no.
    Status { status: u16, advice: Advice, error: ServerError },
    /// The server is elsewhere.
    Redirect(String),
    /// The answer does not end.
    Endless(usize),
    /// The answer is not of this interface.
    Strange(String),
}

/// The address of a server, or of its API, or of the very resource, as people copy them.
pub(super) fn address(base: &str) -> Result<Url, String> {
    let mut url = Url::parse(base).map_err(|error| format!("{base:?} is no address: {error}; correct [model] url"))?;
    let path = url.path().trim_end_matches('/').to_owned();
    if !path.ends_with("/chat/completions") {
        let base = if path.is_empty() { "/v1" } else { &path };
        url.set_path(&format!("{base}/chat/completions"));
    }
    Ok(url)
}

/// A client for one server. The file of certificates is read each time, because certificates are renewed.
pub(super) async fn client(model: &LanguageModel) -> Result<Client, String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("codeblue/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT);
    builder = match &model.proxy {
        Some(proxy) => {
            let proxy =
                Proxy::all(proxy).map_err(|error| format!("[model] proxy cannot be used: {}", cause(&error)))?;
            builder.proxy(proxy)
        }
        None => builder.no_proxy(),
    };
    if let Some(path) = &model.ca {
        builder = builder.tls_certs_only(issuers(path).await?);
    } else if model.url.starts_with("http:") {
        // A host without certificates of its own can still speak to a server without.
        builder = builder.tls_certs_only([]);
    }
    if model.url.starts_with("https:") {
        builder = builder.https_only(true);
    }
    builder.build().map_err(|error| format!("no HTTP client: {}", cause(&error)))
}

async fn issuers(path: &Path) -> Result<Vec<Certificate>, String> {
    use tokio::io::AsyncReadExt;
    let unusable = |error: String| format!("[model] ca, {}, cannot be used: {error}", path.display());
    let mut pem = Vec::new();
    let read = async { tokio::fs::File::open(path).await?.take(CERTIFICATES).read_to_end(&mut pem).await };
    read.await.map_err(|error| unusable(error.to_string()))?;
    let issuers = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(cause(&error)))?;
    if issuers.is_empty() { Err(unusable("it holds no certificate".to_owned())) } else { Ok(issuers) }
}

/// What is sent, and where.
pub(super) struct Request<'a> {
    pub(super) http: &'a Client,
    pub(super) url: &'a Url,
    pub(super) key: Option<&'a Key>,
    pub(super) body: String,
    /// The same for each try of one question.
    pub(super) idempotency: &'a str,
    pub(super) now: DateTime<Utc>,
}

impl Request<'_> {
    /// Sends it; `heard` is told of every piece of the answer.
    pub(super) async fn send(&self, heard: &(dyn Fn(&Reply) + Sync)) -> Result<Reply, Trouble> {
        let mut request = self
            .http
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", self.idempotency)
            .body(self.body.clone());
        if let Some(key) = self.key {
            let mut bearer = HeaderValue::from_str(&key.bearer())
                .map_err(|_| Trouble::Strange("the key cannot be sent in a header".to_owned()))?;
            bearer.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let response = request.send().await.map_err(|error| Trouble::Connection(unreachable(&error)))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(Trouble::Redirect(elsewhere(&response)));
        }
        if !status.is_success() {
            let advice = Advice::of(|name| response.headers().get(name)?.to_str().ok(), self.now);
            let (body, _) = read(response, ERROR).await.unwrap_or_default();
            let body = self.hidden(&body);
            return Err(Trouble::Status { status: status.as_u16(), advice, error: ServerError::of(body.as_bytes()) });
        }
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.to_ascii_lowercase().contains("event-stream") {
            self.pieces(response, heard).await
        } else {
            self.whole(response).await
        }
    }

    /// What the server sent, as text and without the key, should it repeat that.
    fn hidden(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        self.key.map_or_else(|| text.to_string(), |key| key.hidden_in(&text))
    }

    async fn whole(&self, response: Response) -> Result<Reply, Trouble> {
        let status = response.status().as_u16();
        let (body, complete) = read(response, WHOLE).await.map_err(|error| Trouble::Connection(broken_off(&error)))?;
        if !complete {
            return Err(Trouble::Endless(WHOLE));
        }
        let mut reply = Reply::default();
        reply.take(&self.hidden(&body)).map_err(|flaw| trouble(flaw, status))?;
        Ok(reply)
    }

    async fn pieces(&self, mut response: Response, heard: &(dyn Fn(&Reply) + Sync)) -> Result<Reply, Trouble> {
        let status = response.status().as_u16();
        let (mut events, mut reply, mut size) = (Events::default(), Reply::default(), 0);
        let ended = loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            size += chunk.len();
            let found = events.take(&chunk).map_err(|_| Trouble::Endless(PIECES))?;
            for data in found {
                if data.trim() == "[DONE]" {
                    return Ok(reply);
                }
                reply.take(&self.hidden(data.as_bytes())).map_err(|flaw| trouble(flaw, status))?;
            }
            if size > PIECES {
                return Err(Trouble::Endless(PIECES));
            }
            heard(&reply);
        };
        if ended.is_ok()
            && let Some(data) = events.end().filter(|data| data.trim() != "[DONE]")
        {
            // The end of a stream that was cut is no JSON.
            let _ = reply.take(&data);
        }
        match (reply.finish, ended) {
            // All was said, whatever became of the connection.
            (Some(_), _) => Ok(reply),
            (None, Ok(())) => Err(Trouble::Connection("its answer broke off".to_owned())),
            (None, Err(error)) => Err(Trouble::Connection(broken_off(&error))),
        }
    }
}

fn trouble(flaw: Flaw, status: u16) -> Trouble {
    match flaw {
        Flaw::Error(error) => Trouble::Status { status, advice: Advice::default(), error },
        Flaw::Strange(what) => Trouble::Strange(what),
        Flaw::TooLong => Trouble::Endless(super::wire::CONTENT),
    }
}

/// A body up to a limit, and whether that was all of it.
async fn read(mut response: Response, most: usize) -> reqwest::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = most - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((bytes, false));
        }
    }
    Ok((bytes, true))
}

/// The host that a redirect names; its path and query may hold anything.
fn elsewhere(response: &Response) -> String {
    let location = response.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
    let target = location.and_then(|place| response.url().join(place).ok());
    let host = target.map(|url| url.origin().ascii_serialization()).unwrap_or_else(|| "another address".to_owned());
    line(&host, 120)
}

fn broken_off(error: &reqwest::Error) -> String {
    format!("its answer broke off: {}", cause(error))
}

fn unreachable(error: &reqwest::Error) -> String {
    let why = cause(error);
    let hint = if why.contains("UnknownIssuer") { "; [model] ca names who issued it" } else { "" };
    match error {
        error if error.is_timeout() => format!("no connection within {} s", CONNECT.as_secs()),
        error if error.is_connect() => format!("cannot connect: {why}{hint}"),
        _ => format!("no answer: {why}"),
    }
}

/// The innermost reason of an error, which never repeats the address.
fn cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    line(&cause.to_string(), 160)
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_server_is_found_by_any_of_its_addresses() {
        for url in ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/", "http://h:1/v1/chat/completions"] {
            assert_eq!(address(url).unwrap().as_str(), "http://h:1/v1/chat/completions");
        }
        for (url, found) in [
            ("https://h/v1beta/openai/", "https://h/v1beta/openai/chat/completions"),
            ("https://h/openai/v1?api-version=preview", "https://h/openai/v1/chat/completions?api-version=preview"),
        ] {
            assert_eq!(address(url).unwrap().as_str(), found);
        }
    }
}
