//! Large answers are packed for who reads that: the whole state over a slow link.

use std::io::Write;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{
        HeaderValue,
        header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY},
    },
    middleware::Next,
    response::Response,
};
use flate2::{Compression, write::GzEncoder};

/// Bytes below which packing is not worth it: what one packet of a network carries.
const SMALL: usize = 1400;

/// Packs an answer of JSON when the caller accepts gzip. A stream is never held up for it.
pub(super) async fn packed(request: Request, next: Next) -> Response {
    let accepted = request.headers().get(ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    let wanted = accepted.is_some_and(accepts_gzip);
    let response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE);
    let fits =
        kind.is_some_and(|kind| kind == "application/json") && !response.headers().contains_key(CONTENT_ENCODING);
    if !(wanted && fits && response.status().is_success()) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if body.len() < SMALL {
        return Response::from_parts(head, Body::from(body));
    }
    let plain = body.clone();
    let Ok(Ok(packed)) = tokio::task::spawn_blocking(move || gzip(&plain)).await else {
        return Response::from_parts(head, Body::from(body));
    };
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    Response::from_parts(head, Body::from(packed))
}

fn gzip(body: &Bytes) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    packer.write_all(body)?;
    packer.finish()
}

fn accepts_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|one| {
        let (name, quality) = one.split_once(';').unwrap_or((one, ""));
        let refused = quality.trim().strip_prefix("q=").and_then(|quality| quality.parse().ok()) == Some(0.0);
        ["gzip", "*"].contains(&name.trim()) && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_given_to_who_asks_for_it() {
        for (accepted, wanted) in [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("*", true),
            ("identity", false),
            ("gzip;q=0", false),
            ("xgzip", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(accepted), wanted, "{accepted}");
        }
    }
}
