//! Keeps receiving the logs of databases that can be brought back to any time, and knows how far behind each is.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
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

/// Receives the log of one component until the engine stops, again and again when that fails.
pub(super) async fn keep(component: Component, known: Followed, cancel: CancelFlag, stop: CancellationToken) {
    let mut pause = PAUSE;
    while !stop.is_cancelled() {
        let begun = Instant::now();
        let (part, heard, flag) = (component.clone(), known.clone(), cancel.clone());
        let ended = tokio::task::spawn_blocking(move || {
            let mut late = false;
            let mut report = |now: Following| {
                let lost = now.covered_to.map(|covered| now.at - covered).and_then(|lost| lost.to_std().ok());
                let is_late = lost.is_none_or(|lost| lost > part.rpo);
                if is_late != late {
                    late = is_late;
                    let (component, behind) = (&part.name, now.behind_bytes);
                    if late {
                        warn!(component, behind, "its log is received later than its rpo allows");
                    } else {
                        info!(component, "its log is received in time again");
                    }
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
        warn!(component = component.name, error, again_in = pause.as_secs(), "its log is not received");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
