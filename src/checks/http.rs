//! An HTTP or HTTPS GET.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use reqwest::{Client, Response, header, redirect};
use serde_json::Value;
use tokio::time::{Instant as Deadline, timeout_at};

use super::outcome::{Finding, line, took};
use crate::platform::{JsonExpectation, JsonPath};

/// A body is read so far and no further.
const MAX_BODY: usize = 1 << 20;
/// So much of a body is quoted.
const QUOTE: usize = 120;

/// What an answer must look like.
pub(super) struct Expected<'a> {
    pub(super) status: Option<u16>,
    pub(super) body: Option<&'a str>,
    pub(super) json: Option<&'a JsonExpectation>,
}

/// One client for plain HTTP, one for HTTPS with the system's certificates: a host without certificates can still do the former.
#[derive(Debug)]
pub(super) struct Clients {
    plain: Result<Client, String>,
    tls: Result<Client, String>,
}

impl Clients {
    pub(super) fn new() -> Self {
        let builder = || {
            Client::builder()
                .user_agent(concat!("codeblue/", env!("CARGO_PKG_VERSION")))
                .default_headers(
                    [(header::CONNECTION, header::HeaderValue::from_static("close"))].into_iter().collect(),
                )
                .pool_max_idle_per_host(0)
                .redirect(redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
        };
        Self {
            plain: builder().tls_certs_only([]).build().map_err(|error| cause(&error)),
            tls: builder().https_only(true).build().map_err(|error| cause(&error)),
        }
    }

    pub(super) async fn probe(&self, url: &str, expected: &Expected<'_>, within: Duration) -> Finding {
        let client = if url.starts_with("https:") { &self.tls } else { &self.plain };
        let client = match client {
            Ok(client) => client,
            Err(error) => return Finding::bad(format!("no HTTP client: {error}")),
        };
        let started = Instant::now();
        let deadline = Deadline::from_std(started + within);
        let response = match timeout_at(deadline, client.get(url).send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if error.is_connect() => return Finding::bad(format!("cannot connect: {}", cause(&error))),
            Ok(Err(error)) => return Finding::bad(format!("no valid answer: {}", cause(&error))),
            Err(_) => return Finding::timeout(within),
        };
        let status = response.status();
        let head = format!("HTTP {} in {}", status.as_u16(), took(started.elapsed()));
        let body = match timeout_at(deadline, read(response)).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) => return Finding::bad(format!("{head}, but its body broke off: {}", cause(&error))),
            Err(_) => return Finding::bad(format!("{head}, but its body did not end within {}", took(within))),
        };
        let fits = expected.status.map_or(status.is_success(), |expected| expected == status.as_u16());
        if fits { judge(&head, &body, expected) } else { refuse(&head, &body, expected) }
    }
}

struct Body {
    bytes: Vec<u8>,
    whole: bool,
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

fn refuse(head: &str, body: &Body, expected: &Expected<'_>) -> Finding {
    let wanted = expected.status.map(|status| format!(", expected {status}")).unwrap_or_default();
    let quote = quote(&body.bytes);
    let told = if quote.is_empty() { String::new() } else { format!(": \"{quote}\"") };
    Finding::bad(format!("{head}{wanted}{told}"))
}

/// The part of a body that most likely says what is wrong.
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

fn judge(head: &str, body: &Body, expected: &Expected<'_>) -> Finding {
    if let Some(text) = expected.body
        && !contains(&body.bytes, text.as_bytes())
    {
        let part = if body.whole { "" } else { " in its first 1 MiB" };
        return Finding::bad(format!("{head}, but the body lacks \"{}\"{part}", line(text, QUOTE)));
    }
    let Some(JsonExpectation { path, equals }) = expected.json else { return Finding::good(head) };
    if !body.whole {
        return Finding::bad(format!("{head}, but the body is larger than 1 MiB"));
    }
    let Ok(document) = serde_json::from_slice::<Value>(&body.bytes) else {
        return Finding::bad(format!("{head}, but the body is not JSON: \"{}\"", quote(&body.bytes)));
    };
    match JsonPath::parse(path).and_then(|path| path.find(&document).cloned()) {
        Some(value) if same(&value, equals) => Finding::good(head),
        Some(value) => {
            let (value, equals) = (line(&value.to_string(), QUOTE / 2), line(&equals.to_string(), QUOTE / 2));
            Finding::bad(format!("{head}, but {path} is {value}, expected {equals}"))
        }
        None => Finding::bad(format!("{head}, but the body has no {path}")),
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

/// Equal as people see it: `1` and `1.0` are the same number.
fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Router, http::StatusCode, response::Redirect, routing::get};
    use futures_util::stream;
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{Check, Probe, Reading},
    };

    async fn serve(router: Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    async fn probe(url: &str, status: Option<u16>, body: Option<&str>, json: Option<(&str, Value)>) -> Outcome {
        let json = json.map(|(path, equals)| JsonExpectation { path: path.to_owned(), equals });
        let probe = Probe::Http { url: url.to_owned(), status, body: body.map(str::to_owned), json };
        Prober::new().probe(&check(probe)).await
    }

    #[tokio::test]
    async fn status_body_and_json_are_compared() {
        let document = json!({"status": "up", "parts": [{"lag": 3}]});
        let base = serve(
            Router::new()
                .route("/ok", get(|| async { "all is well" }))
                .route("/empty", get(|| async { StatusCode::NO_CONTENT }))
                .route("/json", get(|| async move { axum::Json(document) })),
        )
        .await;
        let (ok, empty, doc) = (format!("{base}/ok"), format!("{base}/empty"), format!("{base}/json"));
        for (outcome, result, told) in [
            (probe(&ok, None, None, None).await, Reading::Good, "HTTP 200 in "),
            (probe(&ok, Some(200), Some("is well"), None).await, Reading::Good, "HTTP 200 in "),
            (probe(&ok, None, Some("unwell"), None).await, Reading::Bad, "but the body lacks \"unwell\""),
            (probe(&ok, Some(204), None, None).await, Reading::Bad, "expected 204: \"all is well\""),
            (probe(&empty, None, None, None).await, Reading::Good, "HTTP 204 in "),
            (probe(&ok, None, None, Some(("$.a", json!(1)))).await, Reading::Bad, "is not JSON: \"all is well\""),
            (probe(&doc, None, None, Some(("$.status", json!("up")))).await, Reading::Good, "HTTP 200"),
            (probe(&doc, None, None, Some(("$.parts[0].lag", json!(3.0)))).await, Reading::Good, "HTTP 200"),
            (
                probe(&doc, None, None, Some(("$.status", json!("down")))).await,
                Reading::Bad,
                "$.status is \"up\", expected \"down\"",
            ),
            (probe(&doc, None, None, Some(("$.state", json!("up")))).await, Reading::Bad, "has no $.state"),
            (probe(&format!("{base}/nowhere"), None, None, None).await, Reading::Bad, "HTTP 404 in "),
        ] {
            assert_eq!(outcome.result, result, "{}", outcome.detail);
            assert!(outcome.detail.contains(told), "{} lacks {told}", outcome.detail);
        }
    }

    #[tokio::test]
    async fn an_error_says_what_the_server_said() {
        let error = (StatusCode::INTERNAL_SERVER_ERROR, "missing column\n\u{1b}[31mdose_unit\u{1b}[0m");
        let coded = (StatusCode::SERVICE_UNAVAILABLE, r#"{"error": {"code": 7, "message": "no database"}}"#);
        let base = serve(
            Router::new()
                .route("/text", get(move || async move { error }))
                .route("/json", get(move || async move { coded })),
        )
        .await;
        let outcome = probe(&format!("{base}/text"), None, None, None).await;
        assert!(
            outcome.detail.starts_with("HTTP 500 in ") && outcome.detail.ends_with("ms: \"missing column dose_unit\"")
        );
        let outcome = probe(&format!("{base}/json"), None, None, None).await;
        assert!(outcome.detail.ends_with(": \"no database\""), "{}", outcome.detail);
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let base = serve(
            Router::new()
                .route("/old", get(|| async { Redirect::temporary("/new") }))
                .route("/new", get(|| async { "new" })),
        )
        .await;
        let outcome = probe(&format!("{base}/old"), None, None, None).await;
        assert_eq!((outcome.result, outcome.detail.starts_with("HTTP 307")), (Reading::Bad, true));
        assert_eq!(probe(&format!("{base}/old"), Some(307), None, None).await.result, Reading::Good);
    }

    #[tokio::test]
    async fn an_endless_body_is_cut() {
        let endless = || async {
            let chunks = stream::repeat_with(|| Ok::<_, std::io::Error>(bytes::Bytes::from_static(&[b'x'; 65_536])));
            axum::body::Body::from_stream(chunks)
        };
        let url = format!("{}/", serve(Router::new().route("/", get(endless))).await);
        assert_eq!(probe(&url, None, None, None).await.result, Reading::Good);
        let outcome = probe(&url, None, None, Some(("$", json!(1)))).await;
        assert!(outcome.detail.ends_with("larger than 1 MiB"), "{}", outcome.detail);
    }

    /// A server that accepts, writes `answer` and then says nothing more, and counts its connections.
    async fn silent(answer: &'static str) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counter = count.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut request = [0; 1024];
                    let _ = socket.read(&mut request).await;
                    let _ = socket.write_all(answer.as_bytes()).await;
                    std::future::pending::<()>().await;
                });
            }
        });
        (format!("http://{address}/"), count)
    }

    fn hasty(url: &str) -> Check {
        let probe = Probe::Http { url: url.to_owned(), status: None, body: None, json: None };
        Check { within: Duration::from_millis(150), ..check(probe) }
    }

    #[tokio::test]
    async fn a_server_that_accepts_and_is_silent_misses_the_deadline() {
        let (url, _) = silent("").await;
        let outcome = Prober::new().probe(&hasty(&url)).await;
        assert_eq!((outcome.result, outcome.detail.as_str()), (Reading::Bad, "no answer within 150 ms"));
        assert!(outcome.latency < Duration::from_secs(2), "{:?}", outcome.latency);
    }

    #[tokio::test]
    async fn a_body_that_never_ends_misses_the_deadline() {
        let (url, _) = silent("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc").await;
        let outcome = Prober::new().probe(&hasty(&url)).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.ends_with("its body did not end within 150 ms"), "{}", outcome.detail);
    }

    #[tokio::test]
    async fn every_probe_opens_its_own_connection() {
        let (url, count) = silent("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let prober = Prober::new();
        for _ in 0..3 {
            assert_eq!(prober.probe(&hasty(&url)).await.result, Reading::Good);
        }
        assert_eq!(count.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn what_is_not_http_or_not_there_is_bad() {
        let (url, _) = silent("SSH-2.0-OpenSSH\r\n").await;
        let outcome = Prober::new().probe(&hasty(&url)).await;
        assert!(outcome.detail.starts_with("no valid answer: "), "{}", outcome.detail);
        let outcome = Prober::new().probe(&hasty(&url.replace("http:", "https:"))).await;
        assert!(
            outcome.detail.starts_with("cannot connect: ") && !outcome.detail.contains("127.0.0.1"),
            "{}",
            outcome.detail
        );
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let outcome = probe(&format!("http://{free}/"), None, None, None).await;
        assert!(outcome.detail.starts_with("cannot connect: Connection refused"), "{}", outcome.detail);
    }
}
