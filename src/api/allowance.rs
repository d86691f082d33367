//! How many requests one user of this host may send: enough for boards and scripts, too few for a loop that went wrong to hold up
//! everybody else.

use std::{
    collections::HashMap,
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

/// What is left to each user.
#[derive(Default)]
pub(super) struct Allowance {
    left: Mutex<HashMap<u32, (f64, Instant)>>,
}

impl Allowance {
    /// Takes one request from what is left to a user; false when nothing is.
    fn take(&self, user: u32) -> bool {
        let now = Instant::now();
        let mut all = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, at) = all.entry(user).or_insert((BURST, now));
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
    let user = request.extensions().get::<Peer>().map(|peer| peer.uid);
    let apart = APART.iter().any(|apart| path.starts_with(apart));
    if apart || user.is_none_or(|user| api.allowance.take(user)) {
        return next.run(request).await;
    }
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "this user sends more than 200 requests a second")
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
        let taken = (0..5000).filter(|_| allowance.take(1)).count();
        assert_eq!(taken, 1000);
        assert!(allowance.take(2), "another user has its own");
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert_eq!((0..5000).filter(|_| allowance.take(1)).count(), 200);
    }
}
