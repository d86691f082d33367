//! An HTTP or HTTPS request, and what its answer must look like.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    certificate,
    client::{Answer, Clients, QUOTE, Request, contains},
    outcome::{Finding, line},
};
use crate::platform::{HttpProbe, JsonExpectation, JsonPath};

pub(super) async fn probe(clients: &Clients, probe: &HttpProbe, within: Duration, now: DateTime<Utc>) -> Finding {
    let request = Request {
        url: &probe.url,
        method: probe.method,
        headers: &probe.headers,
        send: probe.send.as_ref(),
        authority: probe.authority.as_deref(),
        ..Request::default()
    };
    match clients.ask(&request, within).await {
        Ok(answer) => examine(&answer, probe, now),
        Err(finding) => finding,
    }
}

/// Whether an answer looks as it must.
pub(super) fn examine(answer: &Answer, probe: &HttpProbe, now: DateTime<Utc>) -> Finding {
    let fits = probe.status.map_or(answer.status.is_success(), |expected| expected == answer.status.as_u16());
    let finding = if fits { judge(answer, probe) } else { refuse(answer, probe.status) };
    match probe.certificate {
        Some(longer) => certificate::judge(finding, answer.certificate.as_deref(), longer, now),
        None => finding,
    }
}

fn refuse(answer: &Answer, expected: Option<u16>) -> Finding {
    let wanted = expected.map(|status| format!(", expected {status}")).unwrap_or_default();
    let quote = answer.quote();
    let told = if quote.is_empty() { String::new() } else { format!(": \"{quote}\"") };
    Finding::bad(format!("{}{wanted}{told}", answer.head))
}

fn judge(answer: &Answer, expected: &HttpProbe) -> Finding {
    let Answer { head, body, .. } = answer;
    if let Some(text) = &expected.body
        && !contains(&body.bytes, text.as_bytes())
    {
        let part = if body.whole { "" } else { " in its first 1 MiB" };
        return Finding::bad(format!("{head}, but the body lacks \"{}\"{part}", line(text, QUOTE)));
    }
    let Some(JsonExpectation { path, equals }) = &expected.json else { return Finding::good(head.as_str()) };
    let document = match answer.json() {
        Ok(document) => document,
        Err(finding) => return finding,
    };
    match JsonPath::parse(path).and_then(|path| path.find(&document).cloned()) {
        Some(value) if same(&value, equals) => Finding::good(head.as_str()),
        Some(value) => {
            let (value, equals) = (line(&value.to_string(), QUOTE / 2), line(&equals.to_string(), QUOTE / 2));
            Finding::bad(format!("{head}, but {path} is {value}, expected {equals}"))
        }
        None => Finding::bad(format!("{head}, but the body has no {path}")),
    }
}

/// Equal as people see it: `1` and `1.0` are the same number.
fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{
        Router,
        http::{HeaderMap, StatusCode},
        response::Redirect,
        routing::{get, put},
    };
    use futures_util::stream;
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{Check, Content, Header, HttpMethod, Probe, Reading},
    };

    async fn serve(router: Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    fn get_from(url: &str) -> HttpProbe {
        HttpProbe { url: url.to_owned(), ..HttpProbe::default() }
    }

    async fn probe(url: &str, status: Option<u16>, body: Option<&str>, json: Option<(&str, Value)>) -> Outcome {
        let json = json.map(|(path, equals)| JsonExpectation { path: path.to_owned(), equals });
        let probe = HttpProbe { status, body: body.map(str::to_owned), json, ..get_from(url) };
        Prober::new().probe(&check(Probe::Http(probe))).await
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
        Check { within: Duration::from_millis(150), ..check(Probe::Http(get_from(url))) }
    }

    #[tokio::test]
    async fn a_server_that_accepts_and_is_silent_misses_the_deadline() {
        let (url, _) = silent("").await;
        let outcome = Prober::new().probe(&hasty(&url)).await;
        assert_eq!((outcome.result, outcome.detail.as_str()), (Reading::Bad, "connected, but no answer within 150 ms"));
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

    #[tokio::test]
    async fn method_headers_and_body_are_sent_and_a_secret_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("token");
        std::fs::write(&token, "Bearer opensesame\n").unwrap();
        let echo = |headers: HeaderMap, body: String| async move {
            let said =
                |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
            let known =
                said("authorization") == "Bearer opensesame" && said("accept") == "text/plain" && body == "ping";
            (if known { StatusCode::OK } else { StatusCode::FORBIDDEN }, format!("{} is {body}", said("authorization")))
        };
        let url = serve(Router::new().route("/", put(echo))).await;
        let header = |name: &str, value| Header { name: name.to_owned(), value };
        let authorization = header("authorization", Content::File(token.clone()));
        let headers = vec![authorization.clone(), header("accept", Content::Text("text/plain".to_owned()))];
        let send = Some(Content::Text("ping".to_owned()));
        let right = HttpProbe { method: HttpMethod::Put, headers, send, ..get_from(&url) };
        let run = |probe: &HttpProbe| {
            let check = check(Probe::Http(probe.clone()));
            async move { Prober::new().probe(&check).await }
        };
        let outcome = run(&right).await;
        assert_eq!(outcome.result, Reading::Good, "{}", outcome.detail);
        let outcome = run(&HttpProbe { headers: vec![authorization], ..right.clone() }).await;
        assert!(outcome.detail.ends_with(": \"*** is ping\""), "{}", outcome.detail);
        assert!(run(&HttpProbe { method: HttpMethod::Post, ..right.clone() }).await.detail.starts_with("HTTP 405"));
        std::fs::remove_file(&token).unwrap();
        let outcome = run(&right).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.starts_with("cannot read /") && outcome.detail.contains("/token: No such file"));
    }

    /// Whatever it is asked, the server answers so far and is then gone: with a reset when it has left something unread.
    async fn hanging_up(answer: &'static str, reset: bool) -> Outcome {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let room = if reset { 1 } else { request.len() };
            assert!(socket.read(&mut request[..room]).await.unwrap() > 0);
            socket.write_all(answer.as_bytes()).await.unwrap();
        };
        let check = Check { within: Duration::from_secs(3), ..check(Probe::Http(get_from(&url))) };
        let prober = Prober::new();
        let (outcome, ()) = tokio::join!(prober.probe(&check), server);
        assert_eq!(outcome.result, Reading::Bad, "{}", outcome.detail);
        assert!(outcome.latency < Duration::from_secs(3), "{:?}", outcome.latency);
        outcome
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_told_from_one_that_never_came() {
        let short = hanging_up("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", false).await;
        assert!(short.detail.starts_with("HTTP 200 in ") && short.detail.contains("its body broke off: "), "{short:?}");
        let reset = hanging_up("", true).await;
        assert!(reset.detail.starts_with("no valid answer: Connection reset"), "{reset:?}");
        let closed = hanging_up("", false).await;
        assert!(closed.detail.starts_with("no valid answer: connection closed"), "{closed:?}");
    }

    #[tokio::test]
    async fn a_stopped_server_still_takes_connections_and_is_bad() {
        let folder = tempfile::tempdir().unwrap();
        let port_file = folder.path().join("port");
        // It answers once it is asked, so that what is seen below is the stop and nothing else.
        let script = format!(
            "import http.server, os\nserver = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\nopen('{0}.new', 'w').write(str(server.server_port))\nos.rename('{0}.new', '{0}')\nserver.serve_forever()",
            port_file.display()
        );
        let mut server = tokio::process::Command::new("python3")
            .args(["-c", &script])
            .current_dir(folder.path())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        while !port_file.exists() {
            assert_eq!(server.try_wait().unwrap(), None, "it did not start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let url = format!("http://127.0.0.1:{}/", std::fs::read_to_string(&port_file).unwrap());
        assert_eq!(probe(&url, None, None, None).await.result, Reading::Good);
        let pid = rustix::process::Pid::from_raw(i32::try_from(server.id().unwrap()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        let outcome = Prober::new().probe(&hasty(&url)).await;
        assert_eq!((outcome.result, outcome.detail.as_str()), (Reading::Bad, "connected, but no answer within 150 ms"));
        server.kill().await.unwrap();
    }
}
