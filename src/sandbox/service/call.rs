//! One service asks another, over HTTP on the loopback interface.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{Method, Request, StatusCode, header},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use super::{
    super::{
        catalogue::{CLINICIANS, FRONT, FRONTED},
        files,
        layout::Layout,
        process::Entry,
    },
    front,
};

const MAX_BODY: usize = 256 << 10;

pub(super) struct Ask<'a> {
    pub(super) service: &'a str,
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) body: Option<&'a Value>,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl<'a> Ask<'a> {
    pub(super) fn get(service: &'a str, path: &'a str) -> Self {
        Self { service, method: Method::GET, path, token: None, body: None }
    }

    pub(super) fn post(service: &'a str, path: &'a str, body: &'a Value) -> Self {
        Self { service, method: Method::POST, path, token: None, body: Some(body) }
    }

    pub(super) fn with_token(self, token: &'a str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Sends it in the name of a service; an error is a sentence that names the one that is asked.
    pub(super) async fn send(self, layout: &Layout, from: &str, deadline: Duration) -> Result<Answer, String> {
        let service = self.service;
        match timeout(deadline, self.exchange(layout, from)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("{service} did not answer within {} ms", deadline.as_millis())),
        }
    }

    async fn exchange(self, layout: &Layout, from: &str) -> Result<Answer, String> {
        let service = self.service;
        // as everybody who is no service of the sandbox
        if service == FRONTED && (from == CLINICIANS || from == service) {
            let stream = front::connect(layout).await.map_err(|error| format!("{service}: {error}"))?;
            return self.exchange_over(stream, layout.port(FRONT)).await;
        }
        let port = port(layout, from, service)?;
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| format!("{service}: {error}"))?;
        self.exchange_over(stream, port).await
    }

    async fn exchange_over<S>(self, stream: S, port: u16) -> Result<Answer, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = self.service;
        let failed = |error: hyper::Error| format!("{service} broke the connection: {error}");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        // ends by itself when the answer is read and the sender is dropped
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header(header::HOST, format!("127.0.0.1:{port}"))
            .header(header::CONNECTION, "close");
        if let Some(token) = self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match self.body {
            Some(value) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(value.to_string())
            }
            None => Body::empty(),
        };
        let request = request.body(body).map_err(|error| format!("{service} cannot be asked that: {error}"))?;
        let response = sender.send_request(request).await.map_err(failed)?;
        let status = response.status();
        let body = axum::body::to_bytes(Body::new(response.into_body()), MAX_BODY)
            .await
            .map_err(|error| format!("{service} broke its answer off: {error}"))?;
        let answer = Answer { status, body };
        // no service says that: the process between the two got no connection
        if status == StatusCode::BAD_GATEWAY {
            return Err(format!("{service}: {}", answer.error()));
        }
        Ok(answer)
    }
}

/// Where a service is reached by another: through the proxies where they have a port for that.
fn port(layout: &Layout, from: &str, to: &str) -> Result<u16, String> {
    let links: Option<BTreeMap<String, u16>> = files::read_json(&layout.links()).map_err(|error| error.to_string())?;
    if let Some(port) = links.and_then(|links| links.get(&format!("{from}:{to}")).copied()) {
        return Ok(port);
    }
    let entry: Option<Entry> = files::read_json(&layout.entry(to)).map_err(|error| error.to_string())?;
    entry.map(|entry| entry.port).ok_or_else(|| format!("{to} is not registered"))
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// What the other service says is wrong.
    pub(super) fn error(&self) -> String {
        match self.json().get("error").and_then(Value::as_str) {
            Some(error) => error.to_owned(),
            None => self.status.to_string(),
        }
    }
}
