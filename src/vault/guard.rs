//! Keeps a panic of the format engine from taking the engine with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::VaultError;

/// Characters of a panic's message that are kept.
const MOST: usize = 300;

/// Runs `act`; a panic in it becomes an error. What `act` touched is dropped with it, nothing shared is left half changed.
pub(super) fn guarded<T>(
    operation: &'static str,
    act: impl FnOnce() -> Result<T, VaultError>,
) -> Result<T, VaultError> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let detail = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "no message".to_owned());
        // some print all they know
        let detail = detail.chars().take(MOST).collect();
        Err(VaultError::Panicked { operation, detail })
    })
}
