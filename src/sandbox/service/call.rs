//! One service asks another, over HTTP on the loopback interface.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{Method, Request, StatusCode, header},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use super::super::{files, layout::Layout, process::Entry};

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

    /// Sends it; an error is a sentence that names the service.
    pub(super) async fn send(self, layout: &Layout, deadline: Duration) -> Result<Answer, String> {
        let service = self.service;
        match timeout(deadline, self.exchange(layout)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("{service} did not answer within {} ms", deadline.as_millis())),
        }
    }

    async fn exchange(self, layout: &Layout) -> Result<Answer, String> {
        let service = self.service;
        let entry: Option<Entry> = files::read_json(&layout.entry(service)).map_err(|error| error.to_string())?;
        let port = entry.map(|entry| entry.port).ok_or_else(|| format!("{service} is not registered"))?;
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| format!("{service}: {error}"))?;
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
        Ok(Answer { status, body })
    }
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
