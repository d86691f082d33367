//! Requests that are sent twice and done once: an answer is kept under the key that came with its request.

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequestParts, Request, State},
    http::{HeaderValue, Method, StatusCode, header::CONTENT_TYPE},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use tokio::time::Instant;
use tracing::warn;

use super::{
    begun::{Begun, Hash, hash_of},
    identity::Caller,
    problem::Problem,
    routes::Api,
};
use crate::engine::EngineHandle;

/// The header in which a key comes.
const KEY: &str = "idempotency-key";
/// The header of an answer that was given before.
const REPLAYED: &str = "idempotency-replayed";
/// Characters of a key at most.
const LONGEST: usize = 255;
/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(3600);
/// Answers kept at most.
const ANSWERS: usize = 1000;
/// Bytes of all answers kept at most.
const BYTES: usize = 16 * 1024 * 1024;
/// Bytes of one request, and of one answer, at most.
const BODY: usize = 1024 * 1024;

/// Answers that were given, by who asked and with which key. They live as long as the engine's process; that something was asked
/// with a key is known after it too.
#[derive(Default)]
pub(super) struct Once {
    kept: Mutex<Kept>,
    begun: Option<Begun>,
}

#[derive(Default)]
struct Kept {
    answers: IndexMap<(String, String), Entry>,
    /// Purges on record when they were kept: what was purged since may be in one of them.
    purged: usize,
}

struct Entry {
    of: Hash,
    at: Instant,
    /// None while the request is worked on.
    answer: Option<Given>,
}

#[derive(Clone)]
struct Given {
    status: StatusCode,
    kind: Option<HeaderValue>,
    body: Bytes,
}

/// What is known of a request.
enum Seen {
    New,
    UnderWay,
    Other,
    Given(Given),
}

impl Once {
    /// With what was begun before the engine started.
    pub(super) fn of(engine: &EngineHandle) -> Self {
        let begun = Begun::open(engine.begun_requests(), engine.now());
        let begun = begun.inspect_err(|cause| warn!(%cause, "keys of requests are not known after a restart")).ok();
        Self { begun, ..Self::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks a request up, and notes that it is worked on when it is new.
    fn begin(&self, key: &(String, String), of: Hash, purged: usize) -> Seen {
        let (mut kept, now) = (self.kept(), Instant::now());
        if kept.purged != purged {
            kept.purged = purged;
            kept.answers.retain(|_, entry| entry.answer.is_none());
        }
        kept.answers.retain(|_, entry| entry.answer.is_none() || now.duration_since(entry.at) < KEPT);
        match kept.answers.get(key) {
            Some(entry) if entry.of != of => Seen::Other,
            Some(Entry { answer: Some(given), .. }) => Seen::Given(given.clone()),
            Some(_) => Seen::UnderWay,
            None => {
                kept.answers.insert(key.clone(), Entry { of, at: now, answer: None });
                Seen::New
            }
        }
    }

    /// Keeps the answer, where something was done; a no may be asked for again.
    fn end(&self, key: &(String, String), answer: Option<Given>) {
        let mut kept = self.kept();
        match (answer, kept.answers.get_mut(key)) {
            (Some(answer), Some(entry)) => (entry.answer, entry.at) = (Some(answer), Instant::now()),
            _ => _ = kept.answers.shift_remove(key),
        }
        let size = |entry: &Entry| entry.answer.as_ref().map_or(0, |given| given.body.len());
        let mut bytes: usize = kept.answers.values().map(size).sum();
        while kept.answers.len() > ANSWERS || bytes > BYTES {
            let Some((_, oldest)) = kept.answers.shift_remove_index(0) else { return };
            bytes -= size(&oldest);
        }
    }
}

/// Has a request with a key done once; all others pass.
pub(super) async fn once(State(api): State<Api>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    match keyed(api, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn keyed(api: Api, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let text = parts.headers.get(KEY).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if text.is_empty() || text.len() > LONGEST || parts.headers.get_all(KEY).iter().count() > 1 {
        return Err(Problem::bad_request("Idempotency-Key: expected one text of 1 to 255 visible characters")
            .hint("any text that is new for each thing to be done, such as a UUID"));
    }
    let caller = Caller::from_request_parts(&mut parts, &api).await?;
    let body = to_bytes(body, BODY).await.map_err(|_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            format!("a request with a key has at most {BODY} bytes"),
        )
    })?;
    let of = hash_of([parts.method.as_str().as_bytes(), parts.uri.to_string().as_bytes(), &body]);
    let key = (caller.operator.name, text);
    let hashed = hash_of([key.0.as_bytes(), key.1.as_bytes()]);
    match api.once.begin(&key, of, api.engine.state().evidence.purged.len()) {
        Seen::New => {
            // Its answer is gone: by a restart, by a purge, or because too many came after it.
            let known = api.once.begun.as_ref().and_then(|begun| begun.known(&hashed, api.engine.now()));
            if let Some(known) = known {
                api.once.end(&key, None);
                return Err(if known == of { unknown() } else { reused() });
            }
        }
        Seen::UnderWay => {
            return Err(Problem::new(StatusCode::CONFLICT, "idempotency-under-way", "this request is being worked on")
                .hint("ask again in a second")
                .again_in(1));
        }
        Seen::Other => return Err(reused()),
        Seen::Given(given) => return Ok(replay(given)),
    }
    // Whoever hangs up meanwhile may ask again: the work goes on, and its answer is kept.
    let work = tokio::spawn(async move {
        if let Err(problem) = note(&api, move |begun, now| begun.note(hashed, of, now)).await {
            api.once.end(&key, None);
            return problem.into_response();
        }
        let (head, body) = next.run(Request::from_parts(parts, Body::from(body))).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let kind = head.headers.get(CONTENT_TYPE).cloned();
        let done = head.status.is_success() && body.len() <= BODY;
        api.once.end(&key, done.then(|| Given { status: head.status, kind, body: body.clone() }));
        if head.status.is_client_error() {
            let _ = note(&api, move |begun, now| begun.refused(hashed, now)).await;
        }
        Response::from_parts(head, Body::from(body))
    });
    work.await.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the request broke off"))
}

fn unknown() -> Problem {
    let message = "this request came before and its answer is not kept any more, so it may be done already";
    Problem::new(StatusCode::CONFLICT, "idempotency-unknown", message)
        .hint("look whether it is; if not, send it with a new key")
}

fn reused() -> Problem {
    let message = "this Idempotency-Key came with another request before";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", message)
        .hint("a new thing to be done wants a new key")
}

/// Writes on disk what became of a key.
async fn note(
    api: &Api,
    write: impl FnOnce(&Begun, DateTime<Utc>) -> io::Result<()> + Send + 'static,
) -> Result<(), Problem> {
    let (once, now) = (api.once.clone(), api.engine.now());
    let written = tokio::task::spawn_blocking(move || once.begun.as_ref().map_or(Ok(()), |begun| write(begun, now)));
    let written = written.await.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
    written.map_err(|cause| {
        let message = format!("it could not be noted that this request is begun, so it was not: {cause}");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "journal", message)
    })
}

fn replay(given: Given) -> Response {
    let mut response = (given.status, given.body).into_response();
    let headers = response.headers_mut();
    if let Some(kind) = given.kind {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> (String, String) {
        ("alice".to_owned(), text.to_owned())
    }

    fn given(bytes: usize) -> Option<Given> {
        Some(Given { status: StatusCode::OK, kind: None, body: Bytes::from(vec![b'x'; bytes]) })
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_an_hour_and_not_past_a_purge() {
        let once = Once::default();
        assert!(matches!(once.begin(&key("a"), [1; 32], 0), Seen::New));
        assert!(matches!(once.begin(&key("a"), [1; 32], 0), Seen::UnderWay));
        once.end(&key("a"), given(1));
        assert!(matches!(once.begin(&key("a"), [1; 32], 0), Seen::Given(_)));
        assert!(matches!(once.begin(&key("a"), [2; 32], 0), Seen::Other));
        let bob = ("bob".to_owned(), "a".to_owned());
        assert!(matches!(once.begin(&bob, [2; 32], 0), Seen::New), "keys are each caller's own");
        assert!(matches!(once.begin(&key("a"), [1; 32], 1), Seen::New), "what was purged may be in it");
        once.end(&key("a"), given(1));
        tokio::time::advance(KEPT).await;
        assert!(matches!(once.begin(&key("a"), [1; 32], 1), Seen::New));
    }

    #[tokio::test]
    async fn a_no_may_be_asked_for_again_and_what_is_kept_is_bounded() {
        let once = Once::default();
        once.begin(&key("a"), [1; 32], 0);
        once.end(&key("a"), None);
        assert!(matches!(once.begin(&key("a"), [2; 32], 0), Seen::New));
        for number in 0..3 * ANSWERS {
            once.begin(&key(&number.to_string()), [1; 32], 0);
            once.end(&key(&number.to_string()), given(BODY / 4));
        }
        let kept = once.kept();
        assert!(kept.answers.len() <= BYTES / (BODY / 4) + 1, "{}", kept.answers.len());
        assert!(kept.answers.contains_key(&key(&(3 * ANSWERS - 1).to_string())), "the newest stays");
    }
}
