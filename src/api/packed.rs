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

/// Bytes up to which packing is worth some tenths of a second: over a slow link it saves more.
const THOROUGH: usize = 2 << 20;

/// How an answer is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    /// For whoever names it: half of what gzip makes of a state.
    Zstd,
    /// For everybody else.
    Gzip,
}

impl Packing {
    fn accepted(accepted: &str) -> Option<Self> {
        let of = |wanted: &[&str]| {
            accepted.split(',').any(|one| {
                let (name, quality) = one.split_once(';').unwrap_or((one, ""));
                let refused = quality.trim().strip_prefix("q=").and_then(|quality| quality.parse().ok()) == Some(0.0);
                wanted.contains(&name.trim()) && !refused
            })
        };
        if of(&["zstd"]) { Some(Self::Zstd) } else { of(&["gzip", "*"]).then_some(Self::Gzip) }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    fn pack(self, body: &Bytes) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Zstd => zstd::encode_all(&body[..], if body.len() <= THOROUGH { 19 } else { 9 }),
            Self::Gzip => {
                let mut packer = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
                packer.write_all(body)?;
                packer.finish()
            }
        }
    }
}

/// Packs an answer of JSON as the caller accepts. A stream is never held up for it.
pub(super) async fn packed(request: Request, next: Next) -> Response {
    let accepted = request.headers().get(ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    let packing = accepted.and_then(Packing::accepted);
    let response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE);
    let fits =
        kind.is_some_and(|kind| kind == "application/json") && !response.headers().contains_key(CONTENT_ENCODING);
    let Some(packing) = packing.filter(|_| fits && response.status().is_success()) else { return response };
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if body.len() < SMALL {
        return Response::from_parts(head, Body::from(body));
    }
    let plain = body.clone();
    let Ok(Ok(packed)) = tokio::task::spawn_blocking(move || packing.pack(&plain)).await else {
        return Response::from_parts(head, Body::from(body));
    };
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(packing.name()));
    head.headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    Response::from_parts(head, Body::from(packed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_gets_what_they_can_read() {
        let (zstd, gzip) = (Some(Packing::Zstd), Some(Packing::Gzip));
        for (accepted, wanted) in [
            ("gzip", gzip),
            ("deflate, gzip;q=0.5", gzip),
            ("*", gzip),
            ("deflate, gzip, br, zstd", zstd),
            ("zstd;q=0, gzip", gzip),
            ("identity", None),
            ("gzip;q=0", None),
            ("xgzip", None),
            ("", None),
        ] {
            assert_eq!(Packing::accepted(accepted), wanted, "{accepted}");
        }
    }
}
