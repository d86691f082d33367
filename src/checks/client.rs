//! Asks HTTP servers, for every kind of check that does: a connection for each request, a bounded body, and a line that tells how
//! far it came when nothing came back.

use std::{
    cell::Cell,
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use reqwest::{
    Certificate, Client, ClientBuilder, Response, StatusCode,
    header::{self, HeaderValue},
    redirect,
    tls::TlsInfo,
};
use serde_json::Value;
use tokio::{
    io::AsyncReadExt,
    time::{Instant as Deadline, timeout_at},
};
use tower::util::MapResponseLayer;

use super::{
    certificate,
    outcome::{Finding, line, took},
};
use crate::platform::{Content, Header, HttpMethod};

/// A body is read so far and no further.
const MAX_BODY: usize = 1 << 20;
/// So is a file with a secret, or with certificates.
const MAX_FILE: u64 = 1 << 20;
/// So much of a body is quoted.
pub(super) const QUOTE: usize = 120;
/// A shorter secret is no secret, and hiding it would hide half of every text.
const SECRET: usize = 4;

tokio::task_local! {
    /// Whether the connection of this request stands.
    static CONNECTED: Cell<bool>;
}

/// What is asked.
#[derive(Default)]
pub(super) struct Request<'a> {
    pub(super) url: &'a str,
    pub(super) method: HttpMethod,
    pub(super) headers: &'a [Header],
    pub(super) send: Option<&'a Content>,
    /// File with a token.
    pub(super) bearer: Option<&'a Path>,
    pub(super) authority: Option<&'a Path>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Status and time for people.
    pub(super) head: String,
    pub(super) body: Body,
    /// Of the server, in DER.
    pub(super) certificate: Option<Vec<u8>>,
    /// What it wants to be reminded of, as it said it.
    pub(super) cookies: Vec<String>,
}

pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// False when it was longer than is ever read.
    pub(super) whole: bool,
}

/// One client for plain HTTP, one for HTTPS with the system's certificates: a host without certificates can still do the former.
#[derive(Debug)]
pub(super) struct Clients {
    plain: Result<Client, String>,
    tls: Result<Client, String>,
}

impl Clients {
    pub(super) fn new() -> Self {
        Self {
            plain: builder().tls_certs_only([]).build().map_err(|error| cause(&error)),
            tls: builder().https_only(true).tls_info(true).build().map_err(|error| cause(&error)),
        }
    }

    /// The answer to a request that has to succeed with JSON, and that; or what went wrong.
    pub(super) async fn ask_json(&self, request: &Request<'_>, within: Duration) -> Result<(Answer, Value), Finding> {
        let answer = self.ask(request, within).await?;
        if !answer.status.is_success() {
            return Err(Finding::bad(format!("{}: \"{}\"", answer.head, answer.quote())));
        }
        let document = answer.json()?;
        Ok((answer, document))
    }

    /// The answer to a request, or what went wrong.
    pub(super) async fn ask(&self, request: &Request<'_>, within: Duration) -> Result<Answer, Finding> {
        let started = Instant::now();
        let deadline = Deadline::from_std(started + within);
        let mut secrets = Vec::new();
        let prepared = timeout_at(deadline, self.prepare(request, &mut secrets)).await;
        let prepared = prepared.map_err(|_| Finding::timeout(within))?.map_err(Finding::bad)?;
        let sending = CONNECTED.scope(Cell::new(false), async {
            let sent = timeout_at(deadline, prepared.send()).await;
            (sent, CONNECTED.with(Cell::get))
        });
        let response = match sending.await {
            (Ok(Ok(response)), _) => response,
            (Ok(Err(error)), _) => return Err(Finding::bad(failure(&error, request.authority))),
            (Err(_), true) => return Err(Finding::bad(format!("connected, but no answer within {}", took(within)))),
            (Err(_), false) => {
                return Err(Finding::bad(format!("no answer within {}, not even a connection", took(within))));
            }
        };
        let status = response.status();
        let head = format!("HTTP {} in {}", status.as_u16(), took(started.elapsed()));
        let certificate =
            response.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate).map(<[u8]>::to_vec);
        let cookies = response.headers().get_all(header::SET_COOKIE).iter();
        let cookies = cookies.filter_map(|cookie| cookie.to_str().ok().map(str::to_owned)).collect();
        let mut body = match timeout_at(deadline, read(response)).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) => {
                return Err(Finding::bad(format!("{head}, but its body broke off: {}", cause(&error))));
            }
            Err(_) => return Err(Finding::bad(format!("{head}, but its body did not end within {}", took(within)))),
        };
        body.hide(&secrets);
        Ok(Answer { status, head, body, certificate, cookies })
    }

    /// The request with everything from files in it; what those hold is a secret.
    async fn prepare(
        &self,
        request: &Request<'_>,
        secrets: &mut Vec<String>,
    ) -> Result<reqwest::RequestBuilder, String> {
        let own = match request.authority {
            Some(path) => Some(believing(path).await?),
            None => None,
        };
        let shared = if request.url.starts_with("https:") { &self.tls } else { &self.plain };
        let client = match &own {
            Some(client) => client,
            None => shared.as_ref().map_err(|error| format!("no HTTP client: {error}"))?,
        };
        let mut built = client.request(method(request.method), request.url);
        for Header { name, value } in request.headers {
            let text = content(value, secrets).await?;
            let mut header = HeaderValue::from_str(&text)
                .map_err(|_| format!("what is to be sent as {name} is more than one line of text"))?;
            header.set_sensitive(true);
            built = built.header(name, header);
        }
        if let Some(path) = request.bearer {
            let token = secret(path, secrets).await?;
            let header = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| format!("{} holds more than one line of text", path.display()))?;
            built = built.header(header::AUTHORIZATION, header);
        }
        Ok(match request.send {
            Some(send) => built.body(content(send, secrets).await?),
            None => built,
        })
    }
}

impl Answer {
    /// The part of the body that most likely says what is wrong.
    pub(super) fn quote(&self) -> String {
        quote(&self.body.bytes)
    }

    /// The body as JSON, or what is wrong with it.
    pub(super) fn json(&self) -> Result<Value, Finding> {
        if !self.body.whole {
            return Err(Finding::bad(format!("{}, but the body is larger than 1 MiB", self.head)));
        }
        let parsed = serde_json::from_slice(&self.body.bytes);
        parsed.map_err(|_| Finding::bad(format!("{}, but the body is not JSON: \"{}\"", self.head, self.quote())))
    }
}

impl Body {
    /// A server may repeat what it was sent.
    pub(super) fn hide(&mut self, secrets: &[String]) {
        for secret in secrets.iter().filter(|secret| secret.len() >= SECRET) {
            if contains(&self.bytes, secret.as_bytes()) {
                self.bytes = String::from_utf8_lossy(&self.bytes).replace(secret.as_str(), "***").into_bytes();
            }
        }
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("codeblue/", env!("CARGO_PKG_VERSION")))
        .default_headers([(header::CONNECTION, HeaderValue::from_static("close"))].into_iter().collect())
        .pool_max_idle_per_host(0)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connector_layer(MapResponseLayer::new(connected))
}

/// Notes that a connection stands, and hands it on.
fn connected<T>(connection: T) -> T {
    // Outside of a request there is nobody to tell.
    let _ = CONNECTED.try_with(|connected| connected.set(true));
    connection
}

/// A client that believes only what a file of certificates says; the file is read each time, because certificates are renewed.
async fn believing(path: &Path) -> Result<Client, String> {
    let unusable = |error: String| format!("cannot use the certificates in {}: {error}", path.display());
    let pem = file(path).await?;
    let issuers = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| unusable(cause(&error)))?;
    if issuers.is_empty() {
        return Err(unusable("it holds none".to_owned()));
    }
    let client = builder().https_only(true).tls_info(true).tls_certs_only(issuers).build();
    client.map_err(|error| unusable(cause(&error)))
}

async fn content(content: &Content, secrets: &mut Vec<String>) -> Result<String, String> {
    match content {
        Content::Text(text) => Ok(text.clone()),
        Content::File(path) => secret(path, secrets).await,
    }
}

async fn secret(path: &Path, secrets: &mut Vec<String>) -> Result<String, String> {
    let text = file(path).await?;
    let text = text.trim_end();
    // "Bearer TOKEN": the token is as secret without its scheme.
    let parts = [Some(text), text.split_whitespace().next_back()];
    secrets.extend(parts.into_iter().flatten().map(str::to_owned));
    Ok(text.to_owned())
}

/// A small file, such as one with a secret or with certificates.
pub(super) async fn file(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = async { tokio::fs::File::open(path).await?.take(MAX_FILE).read_to_string(&mut text).await };
    read.await.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text)
}

fn method(method: HttpMethod) -> reqwest::Method {
    match method {
        HttpMethod::Get => reqwest::Method::GET,
        HttpMethod::Head => reqwest::Method::HEAD,
        HttpMethod::Post => reqwest::Method::POST,
        HttpMethod::Put => reqwest::Method::PUT,
        HttpMethod::Patch => reqwest::Method::PATCH,
        HttpMethod::Delete => reqwest::Method::DELETE,
        HttpMethod::Options => reqwest::Method::OPTIONS,
    }
}

async fn read(mut response: Response) -> reqwest::Result<Body> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MAX_BODY - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok(Body { bytes, whole: false });
        }
    }
    Ok(Body { bytes, whole: true })
}

fn quote(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(16 * 1024)]);
    let told = serde_json::from_slice::<Value>(bytes).ok().and_then(|value| {
        let within = |value: &Value| {
            ["message", "detail", "error", "reason", "title"]
                .iter()
                .find_map(|key| value.get(key)?.as_str().map(str::to_owned))
        };
        value.get("error").and_then(within).or_else(|| within(&value))
    });
    line(told.as_deref().unwrap_or(&text), QUOTE)
}

pub(super) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

fn failure(error: &reqwest::Error, authority: Option<&Path>) -> String {
    match certificate::refusal(error, authority) {
        Some(reason) => reason,
        None if error.is_connect() => format!("cannot connect: {}", cause(error)),
        None => format!("no valid answer: {}", cause(error)),
    }
}

/// The innermost reason of an error, which never repeats the address.
fn cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
