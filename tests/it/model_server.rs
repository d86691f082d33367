//! A server behind the interface that OpenAI has made common, which plays whatever a script says and remembers what it was asked.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

/// What a request is answered with.
pub enum Scene {
    Answer(Response),
    /// It waits until it is told to go on.
    Held(Arc<Notify>, Response),
    /// Nothing ever comes.
    Silence,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub uri: Uri,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// What the model is told.
    pub fn prompt(&self) -> String {
        let messages = self.body["messages"].as_array().unwrap();
        messages.iter().map(|message| message["content"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
    }
}

type Script = dyn Fn(usize, &Asked) -> Scene + Send + Sync;

/// A running server; it ends with its runtime.
#[derive(Clone)]
pub struct ModelServer {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Answers that somebody stopped listening to.
    pub left: Arc<AtomicUsize>,
}

impl ModelServer {
    /// Plays a script, which is given the number of the request, from 0.
    pub async fn play(script: impl Fn(usize, &Asked) -> Scene + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (router, server) = Self::new(&format!("http://{}", listener.local_addr().unwrap()), Arc::new(script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// The same with TLS, for `localhost`, with the certificate in PEM that signs it.
    pub async fn play_tls(script: impl Fn(usize, &Asked) -> Scene + Send + Sync + 'static) -> (Self, String) {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let (router, server) = Self::new(&url, Arc::new(script));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, router) = (acceptor.clone(), router.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(socket).await else { return };
                    let service = TowerToHyperService::new(router);
                    let _ =
                        auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        (server, own.cert.pem())
    }

    fn new(url: &str, script: Arc<Script>) -> (Router, Self) {
        let server = Self { url: url.to_owned(), asked: Arc::default(), left: Arc::default() };
        let keeping = server.clone();
        let answer = move |uri: Uri, headers: HeaderMap, text: String| {
            let (keeping, script) = (keeping.clone(), script.clone());
            async move {
                let body = serde_json::from_str(&text).unwrap_or_default();
                let asked = Asked { uri, headers, text, body };
                let number = {
                    let mut all = keeping.asked.lock().unwrap();
                    all.push(asked.clone());
                    all.len() - 1
                };
                let leaving = Leaving(Some(keeping.left.clone()));
                let response = match script(number, &asked) {
                    Scene::Answer(response) => response,
                    Scene::Held(until, response) => {
                        until.notified().await;
                        response
                    }
                    Scene::Silence => std::future::pending().await,
                };
                leaving.stayed();
                response
            }
        };
        (Router::new().fallback(answer), server)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Counts answers that are given up.
struct Leaving(Option<Arc<AtomicUsize>>);

impl Leaving {
    fn stayed(mut self) {
        self.0 = None;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(left) = &self.0 {
            left.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// An opinion as a model writes it.
pub fn opinion(candidate: Option<&str>, evidence: &[&str], confidence: f64) -> Value {
    json!({
        "explanation": "The release broke it.",
        "evidence": evidence,
        "candidate": candidate,
        "confidence": confidence,
        "action": null,
        "articles": [],
        "elsewhere": null
    })
}

/// The bytes of a stream that says a text in pieces of a few characters, with what real servers send around it.
pub fn events(content: &str) -> String {
    let piece = |delta: Value, finish: Value| {
        format!(
            "data: {}\n\n",
            json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        )
    };
    let mut text = String::from(": keep-alive\n\n");
    text += &piece(json!({"role": "assistant", "content": ""}), Value::Null);
    let letters: Vec<char> = content.chars().collect();
    for part in letters.chunks(60) {
        text += &piece(json!({"content": part.iter().collect::<String>()}), Value::Null);
    }
    text += &piece(json!({}), json!("stop"));
    text +=
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1200,\"completion_tokens\":80,\"total_tokens\":1280}}\n\n";
    text + "data: [DONE]\n\n"
}

fn with_type(kind: &str, body: Body) -> Scene {
    Scene::Answer(([(header::CONTENT_TYPE, kind.to_owned())], body).into_response())
}

/// A stream in one piece.
pub fn streamed(content: &str) -> Scene {
    with_type("text/event-stream; charset=utf-8", Body::from(events(content)))
}

/// A stream that ends after so many bytes, as if it were whole or by breaking off.
pub fn cut(content: &str, after: usize, clean: bool) -> Scene {
    let bytes = Bytes::copy_from_slice(&events(content).as_bytes()[..after]);
    let broken = (!clean).then(|| Err(std::io::Error::other("gone")));
    with_type("text/event-stream", Body::from_stream(stream::iter([Ok(bytes)]).chain(stream::iter(broken))))
}

/// A stream of single bytes, with a moment between them.
pub fn dripping(content: &str) -> Scene {
    let bytes = events(content).into_bytes();
    let drip = stream::iter(bytes).then(|byte| async move {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(Bytes::from(vec![byte]))
    });
    with_type("text/event-stream", Body::from_stream(drip))
}

/// A stream that begins well and then says nothing more.
pub fn stalled(content: &str) -> Scene {
    stalled_after(content, 200)
}

/// The same after so many bytes.
pub fn stalled_after(content: &str, bytes: usize) -> Scene {
    let begun = Bytes::copy_from_slice(&events(content).as_bytes()[..bytes]);
    let body = stream::iter([Ok::<_, Infallible>(begun)]).chain(stream::pending());
    with_type("text/event-stream", Body::from_stream(body))
}

/// A stream that never ends.
pub fn endless() -> Scene {
    let piece = Bytes::from(events("blah blah blah").split("\n\n").nth(2).unwrap().to_owned() + "\n\n");
    with_type("text/event-stream", Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(piece.clone()))))
}

/// A stream that is kept open for ever and never says anything.
pub fn murmuring() -> Scene {
    let piece = Bytes::from(": keep-alive\n\n".repeat(1000));
    with_type("text/event-stream", Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(piece.clone()))))
}

/// An answer in one piece.
pub fn whole(content: &str, finish: &str) -> Scene {
    let document = json!({
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280}
    });
    with_type("application/json", Body::from(document.to_string()))
}

/// An error with headers.
pub fn error(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Scene {
    let mut response = (StatusCode::from_u16(status).unwrap(), body.to_owned()).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(*name, header::HeaderValue::from_static(value));
    }
    Scene::Answer(response)
}
