//! Keeps for the checks of rows what those were, across restarts.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{checks::Baselines, platform::Baseline, store::CheckMemory};

/// The memory on disk.
#[derive(Debug)]
pub(super) struct Kept(pub(super) Arc<CheckMemory>);

impl Baselines for Kept {
    fn recall(&self, id: &str) -> Result<Option<Baseline>, String> {
        self.0.baseline(id).map_err(|error| error.to_string())
    }

    fn settle(
        &self,
        id: &str,
        component: &str,
        at: DateTime<Utc>,
        new: &[(i64, i64)],
        gone: &[i64],
    ) -> Result<(), String> {
        self.0.settle(id, component, at, new, gone).map_err(|error| error.to_string())
    }
}
