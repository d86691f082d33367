//! When the head of the journal is signed. The loop itself does so after what matters and after many events; here is the rest: not
//! long after anything at all.

use std::{sync::Arc, time::Duration};

use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::export::report;
use crate::{
    domain::{Event, Recorded},
    engine::{EngineHandle, SubmitError},
    store::CheckpointPublicKey,
};

/// The name under which an outage of the journal's own file of checkpoints is recorded.
pub(super) const OWN_FILE: &str = "journal.checkpoints";
/// How long an event may be without a checkpoint.
const AGE: Duration = Duration::from_secs(60);

/// The name of a journal: where it is kept and by which key its checkpoints are signed, so that no two are called the same. It stays
/// what it was when the host gets another name.
pub(in crate::engine) fn origin(known: &str, host: &str, key: &CheckpointPublicKey) -> String {
    let short = key.short();
    if known.ends_with(&format!("/{short}")) {
        return known.to_owned();
    }
    let host: String =
        host.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '-' }).collect();
    format!("codeblue/{host}/{short}")
}

/// Signs the head of the journal, and gives how far; where that cannot be written down, the engine works on, and it is an outage.
pub(in crate::engine) async fn cut(engine: &EngineHandle) -> Option<u64> {
    let (newest, problem) = match engine.checkpoint().await {
        Ok(newest) => (newest.map(|newest| newest.seq), None),
        Err(SubmitError::Stopping) => return None,
        Err(SubmitError::Journal(problem)) => (None, Some(problem)),
        Err(other) => (None, Some(other.to_string())),
    };
    report(engine, OWN_FILE, problem).await;
    newest
}

/// Has a checkpoint cut when the oldest event without one is a minute old. It listens from the call on, not from when it is first
/// polled: an event in between, with none after it, would not be signed for.
pub(in crate::engine) fn cut_in_time(engine: EngineHandle, stop: CancellationToken) -> impl Future<Output = ()> + Send {
    let events = engine.subscribe();
    cut_after_each(engine, events, stop)
}

async fn cut_after_each(engine: EngineHandle, mut events: Receiver<Arc<Recorded>>, stop: CancellationToken) {
    let mut sealed = 0;
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => return,
            event = events.recv() => event,
        };
        match event {
            // Two engines that are each other's witness would otherwise give each other news for ever.
            Ok(event) if event.seq <= sealed || matches!(event.event, Event::CheckpointWitnessed { .. }) => continue,
            Err(RecvError::Closed) => return,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AGE) => {}
        }
        sealed = cut(&engine).await.unwrap_or(sealed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Actor, Command},
        engine::{Engine, Home, SystemClock},
        store::CheckpointKey,
    };

    const PLATFORM: &str = "[platform]\nname = \"Ward\"\n[[service]]\nname = \"desk\"\n";

    #[tokio::test(start_paused = true)]
    async fn an_event_that_nothing_follows_is_signed_for_after_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("codeblue.toml"), PLATFORM).unwrap();
        let engine = Engine::start(&Home::at(folder.path()), Arc::new(SystemClock)).await.unwrap();
        let handle = engine.handle();
        let mut signed = handle.checkpoints.subscribe();
        let before = tokio::time::Instant::now();
        let halt = Command::HaltAutomation { reason: "test".to_owned() };
        let seq = handle.submit(halt, Actor::Engine).await.unwrap().seq;
        while signed.borrow_and_update().as_ref().is_none_or(|newest| newest.seq < seq) {
            signed.changed().await.unwrap();
        }
        assert!(before.elapsed() >= AGE, "not at once: {:?}", before.elapsed());
        engine.stop("test").await;
    }

    #[test]
    fn a_journal_keeps_its_name_until_its_key_is_another() {
        let key = CheckpointKey::fresh().unwrap().public();
        let first = origin("codeblue/ward", "the ward+1", &key);
        assert_eq!(first, format!("codeblue/the-ward-1/{}", key.short()));
        assert_eq!(origin(&first, "renamed", &key), first);
        let other = CheckpointKey::fresh().unwrap().public();
        assert_eq!(origin(&first, "renamed", &other), format!("codeblue/renamed/{}", other.short()));
    }
}
