//! How many requests one user of this host, or one address of another, may send: enough for boards and scripts, too few for a loop that went wrong to hold up
//! everybody else.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::Instant;

use super::{identity::Peer, problem::Problem, routes::Api};

/// Requests at once.
const BURST: f64 = 1000.0;
/// Requests each second after that.
const EACH_SECOND: f64 = 200.0;
/// What programs send all the time has limits of its own, and what monitoring reads is always answered.
const APART: [&str; 7] =
    ["/ping/", "/api/v1/heartbeats/", "/api/v1/logs", "/v1/logs", "/api/v1/errors", "/healthz", "/metrics"];

/// Of so many it is known what is left to them; then those are forgotten to whom everything is.
const KNOWN: usize = 10_000;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sender {
    User(u32),
    Address(IpAddr),
}

/// What is left to each.
#[derive(Default)]
pub(super) struct Allowance {
    left: Mutex<HashMap<Sender, (f64, Instant)>>,
}

impl Allowance {
    /// Takes one request from what is left to somebody; false when nothing is.
    fn take(&self, sender: Sender) -> bool {
        let now = Instant::now();
        let mut all = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KNOWN {
            all.retain(|_, (left, at)| *left + now.duration_since(*at).as_secs_f64() * EACH_SECOND < BURST);
        }
        let (left, at) = all.entry(sender).or_insert((BURST, now));
        *left = (*left + now.duration_since(*at).as_secs_f64() * EACH_SECOND).min(BURST);
        *at = now;
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }
}

/// Turns away who sends too much.
pub(super) async fn allowance(State(api): State<Api>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let sender = match request.extensions().get() {
        Some(Peer::User(_)) if APART.iter().any(|apart| path.starts_with(apart)) => None,
        Some(Peer::User(user)) => Some(Sender::User(*user)),
        // Nothing is apart here: whoever it is has shown nothing yet.
        Some(Peer::Guest { from, .. }) => Some(Sender::Address(*from)),
        None => None,
    };
    if sender.is_none_or(|sender| api.allowance.take(sender)) {
        return next.run(request).await;
    }
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "more than 200 requests a second came from here")
        .hint("what changes comes by itself: GET /api/v1/events with Accept: text/event-stream")
        .again_in(1)
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_is_slowed_down_and_nobody_else() {
        let allowance = Allowance::default();
        let taken = (0..5000).filter(|_| allowance.take(Sender::User(1))).count();
        assert_eq!(taken, 1000);
        assert!(allowance.take(Sender::User(2)), "another user has its own");
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert_eq!((0..5000).filter(|_| allowance.take(Sender::User(1))).count(), 200);
    }
}
