//! The body of an answer, packed or not. A long one is read while it comes, so that nobody holds it as text beside what is made of it.

use std::io::{BufReader, Read};

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use reqwest::{Response, header::CONTENT_ENCODING};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::{ClientError, error::unreadable};

/// Bytes of an answer at most, once it is unpacked: what is beyond is not read.
const UNPACKED: u64 = 1 << 30;
/// Chunks that wait for their reader.
const WAITING: usize = 16;

pub(super) fn is_packed(response: &Response) -> bool {
    response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "zstd")
}

pub(super) fn unpacked(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    zstd::stream::read::Decoder::new(body)?.take(UNPACKED).read_to_end(&mut text)?;
    Ok(text)
}

/// Reads a body while it comes.
pub(super) async fn read<T: DeserializeOwned + Send + 'static>(response: Response) -> Result<T, ClientError> {
    let is_packed = is_packed(&response);
    let (sender, chunks) = mpsc::channel(WAITING);
    let reading = tokio::task::spawn_blocking(move || {
        let chunks = Chunks { chunks, now: Bytes::new() };
        let text: Box<dyn Read> = match is_packed {
            true => Box::new(zstd::stream::read::Decoder::new(chunks).map_err(|error| unreadable(&error))?),
            false => Box::new(chunks),
        };
        serde_json::from_reader(BufReader::new(text.take(UNPACKED))).map_err(|error| unreadable(&error))
    });
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        // Who reads no more has found out what is wrong.
        if sender.send(chunk.map_err(std::io::Error::other)).await.is_err() {
            break;
        }
    }
    drop(sender);
    reading.await.map_err(|error| unreadable(&error))?
}

/// Chunks as one text.
struct Chunks {
    chunks: mpsc::Receiver<std::io::Result<Bytes>>,
    now: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.now.is_empty() {
            match self.chunks.blocking_recv() {
                None => return Ok(0),
                Some(chunk) => self.now = chunk?,
            }
        }
        let length = into.len().min(self.now.len());
        self.now.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use axum::http;

    use super::*;

    fn answer(body: Vec<u8>, encoding: Option<&str>) -> Response {
        let answer = http::Response::builder();
        let answer = encoding.into_iter().fold(answer, |answer, name| answer.header(CONTENT_ENCODING, name));
        answer.body(body).unwrap().into()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_long_answer_is_what_was_sent_packed_or_not_and_one_that_is_cut_is_none() {
        let numbers: Vec<u64> = (0..200_000).collect();
        let text = serde_json::to_vec(&numbers).unwrap();
        assert_eq!(read::<Vec<u64>>(answer(text.clone(), None)).await.unwrap(), numbers);
        let packed = zstd::encode_all(text.as_slice(), 1).unwrap();
        assert_eq!(read::<Vec<u64>>(answer(packed.clone(), Some("zstd"))).await.unwrap(), numbers);
        for (body, encoding) in [(&text, None), (&packed, Some("zstd"))] {
            let cut = body[..body.len() / 2].to_vec();
            let error = read::<Vec<u64>>(answer(cut, encoding)).await.unwrap_err().to_string();
            assert!(error.contains("not readable"), "{error}");
        }
        let error = read::<Vec<u64>>(answer(b"{}".to_vec(), None)).await.unwrap_err().to_string();
        assert!(error.contains("not readable"), "{error}");
    }
}
