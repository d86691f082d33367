//! Gives back to the system what a start and a storm of events needed for a moment.
//!
//! A state of thousands of services is copied for each group of events. The allocator of glibc keeps the holes this leaves
//! between what stays, unless it is asked: an engine over 5,000 services held more than twice of what it used.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// A start is over after so long.
const FIRST: Duration = Duration::from_secs(20);
/// How often it is looked at again.
const AGAIN: Duration = Duration::from_secs(600);

/// Gives unused memory back, once soon after the start and then now and again.
pub(super) async fn keep_small(stop: CancellationToken) {
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = AGAIN;
        let _ = tokio::task::spawn_blocking(give_back).await;
    }
}

#[cfg(target_env = "gnu")]
fn give_back() {
    // SAFETY: `malloc_trim` may be called at any time and by any thread (`man 3 malloc_trim`: MT-Safe); it takes no pointer
    // and only releases pages that hold no allocation.
    #[expect(unsafe_code, reason = "the allocator has no other door")]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(target_env = "gnu"))]
fn give_back() {}
