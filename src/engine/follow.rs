//! Keeps receiving the logs of databases that can be brought back to any time, and knows how far behind each is.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::EngineHandle;
use crate::{
    domain::{Actor, Command},
    platform::{Component, Platform, Points},
    recovery::{self, Following},
    vault::CancelFlag,
};

/// Pause before the first new attempt; it doubles with each that fails soon.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// An attempt that lasted so long was none that failed soon.
const LASTED: Duration = Duration::from_secs(60);

/// How far behind the received log of each component is, by its name. The age of `covered_to` is what would be lost now.
pub(super) type Followed = Arc<RwLock<BTreeMap<String, Following>>>;

/// The components of a platform whose logs are received.
pub(super) fn followed(platform: &Platform) -> impl Iterator<Item = &Component> {
    platform.components.iter().filter(|component| component.adapter.points() == Points::Continuous)
}

/// Receives the log of one component until the engine stops, again and again when that fails. Whether it is received is recorded.
pub(super) async fn keep(engine: EngineHandle, component: Component, cancel: CancelFlag, stop: CancellationToken) {
    let known = engine.followed.clone();
    let (news, heard) = mpsc::unbounded_channel();
    let recorder = tokio::spawn(record(engine, component.name.clone(), heard));
    receive(&component, &known, &news, &cancel, &stop).await;
    drop(news);
    let _ = recorder.await;
}

/// Writes down when a log begins to be received in time, and when it stops.
async fn record(engine: EngineHandle, component: String, mut news: mpsc::UnboundedReceiver<Option<String>>) {
    while let Some(problem) = news.recv().await {
        let command = Command::ReportStream { component: component.clone(), problem };
        if let Err(error) = engine.submit(command, Actor::Engine).await {
            warn!(component, %error, "how its log stands was not recorded");
        }
    }
}

async fn receive(
    component: &Component,
    known: &Followed,
    news: &mpsc::UnboundedSender<Option<String>>,
    cancel: &CancelFlag,
    stop: &CancellationToken,
) {
    let mut pause = PAUSE;
    while !stop.is_cancelled() {
        let begun = Instant::now();
        let (part, heard, flag) = (component.clone(), known.clone(), cancel.clone());
        let told = news.clone();
        let ended = tokio::task::spawn_blocking(move || {
            let mut late = None;
            let mut report = |now: Following| {
                let lost = now.covered_to.map(|covered| now.at - covered).and_then(|lost| lost.to_std().ok());
                let is_late = lost.is_none_or(|lost| lost > part.rpo);
                // Before anything was received it is not known how far it is behind.
                if now.covered_to.is_some() && late.replace(is_late) != Some(is_late) {
                    let behind = || format!("{} bytes are received later than its rpo allows", now.behind_bytes);
                    let _ = told.send(is_late.then(behind));
                }
                heard.write().unwrap_or_else(PoisonError::into_inner).insert(part.name.clone(), now);
            };
            recovery::follow(&part, &mut report, &flag).map_err(|error| error.to_string())
        })
        .await;
        let error = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(panicked) => format!("internal error: {panicked}"),
        };
        pause = if begun.elapsed() >= LASTED { PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        if stop.is_cancelled() {
            return;
        }
        warn!(component = component.name, error, again_in = pause.as_secs(), "its log is not received");
        let _ = news.send(Some(error));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
