//! The platform file read anew: what would change, and the wish to have it in force. Whoever runs the engine carries that out, by
//! stopping it in good order and starting it again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use similar::TextDiff;

use super::{EngineHandle, QueryError, queries::blocking};
use crate::{
    domain::Refusal,
    platform::{explain, load},
};

/// What differs between the platform file and what is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformDifference {
    /// The file.
    pub file: PathBuf,
    /// Whether it says anything else than what is in force.
    pub changed: bool,
    /// What, line by line of what `codeblue check` explains, those that go with `-` and those that come with `+`.
    pub difference: String,
}

impl EngineHandle {
    /// What the platform file would change.
    ///
    /// # Errors
    /// `platform-file` with all that is wrong with it.
    pub async fn platform_difference(&self) -> Result<PlatformDifference, QueryError> {
        let (file, state) = (self.platform_file.clone(), self.state());
        let read = file.clone();
        let found = blocking(move || Ok(load(&read))).await?;
        let platform = found.map_err(|problems| {
            Refusal::new("platform-file", problems.to_string())
                .hint("nothing was changed: what was in force before still is; codeblue check explains the file")
        })?;
        let changed = platform != *state.platform;
        let (old, new) = (explain(&state.platform), explain(&platform));
        let mut difference = String::new();
        for hunk in TextDiff::from_lines(&old, &new).unified_diff().context_radius(1).iter_hunks() {
            for change in hunk.iter_changes() {
                difference += &format!("{}{}", change.tag(), change.value());
            }
        }
        if changed && difference.is_empty() {
            "what changed is not among what is explained\n".clone_into(&mut difference);
        }
        Ok(PlatformDifference { file, changed, difference })
    }

    /// Asks whoever runs the engine to bring the platform file in force, where it says anything else.
    ///
    /// # Errors
    /// `platform-file` when it is broken; `recovery-runs` while one does; `not-reloaded` where nobody would do it.
    pub async fn reload(&self) -> Result<PlatformDifference, QueryError> {
        let found = self.platform_difference().await?;
        if let Some(running) = self.state().running_recoveries().next() {
            let refusal = Refusal::new("recovery-runs", format!("{} is under way", running.id));
            return Err(refusal.hint("ask again when it is over: it would be cut off between two steps").into());
        }
        if self.reloads.receiver_count() == 0 {
            return Err(Refusal::new("not-reloaded", "this engine runs inside a board or a demo")
                .hint("close it and start it again; `codeblue serve` can be told to read its file anew")
                .into());
        }
        if found.changed {
            self.reloads.send_modify(|wishes| *wishes += 1);
        }
        Ok(found)
    }

    /// Where wishes to reload are heard. Who asks for it carries them out.
    #[must_use]
    pub fn reloads(&self) -> tokio::sync::watch::Receiver<u64> {
        self.reloads.subscribe()
    }
}
