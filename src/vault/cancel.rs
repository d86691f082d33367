//! A flag by which somebody outside ends a blocking operation.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Shared by the one who waits and the one who works. Once set it stays set.
#[derive(Debug, Clone, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// A flag that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the operation to end; it ends with an error and leaves nothing half done that counts.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
