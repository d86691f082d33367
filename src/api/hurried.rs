//! A caller whose request does not end is let go: it would hold its connection for as long as it likes.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    BoxError,
    body::{Bytes, HttpBody},
};
use hyper::body::{Frame, SizeHint};
use tokio::time::Sleep;

/// How long the body of a request may take: a mebibyte of logs comes through at 35 kB/s.
const WITHIN: Duration = Duration::from_secs(30);

/// A body that breaks off when it has not ended in time, counted from when somebody began to read it.
pub(super) struct Hurried<B> {
    body: B,
    ends: Option<Pin<Box<Sleep>>>,
}

impl<B> Hurried<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body, ends: None }
    }
}

impl<B> HttpBody for Hurried<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let ends = self.ends.get_or_insert_with(|| Box::pin(tokio::time::sleep(WITHIN)));
        match ends.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(format!("it did not end within {} s", WITHIN.as_secs()).into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_breaks_off_in_time_and_one_that_comes_is_whole() {
        let drips = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, BoxError>(Bytes::from_static(b"y")), ()))
        });
        let begun = tokio::time::Instant::now();
        let read = to_bytes(Body::new(Hurried::new(Body::from_stream(drips))), usize::MAX).await;
        assert!(read.unwrap_err().to_string().contains("30 s"));
        assert_eq!(begun.elapsed(), WITHIN);

        let whole = to_bytes(Body::new(Hurried::new(Body::from("whole"))), usize::MAX).await;
        assert_eq!(whole.unwrap(), "whole");
    }
}
