//! Takes in what services tell by themselves.

use super::{EngineHandle, QueryError};
use crate::{
    domain::{Named, Refusal},
    platform::{Beat, Probe},
};

/// Characters of a message at most.
const MESSAGE: usize = 120;

impl EngineHandle {
    /// Takes a heartbeat in: of a run that has worked, or of one that failed. It is kept on disk when this returns.
    ///
    /// # Errors
    /// When there is no such service, none of its checks waits for a heartbeat, or the disk refuses.
    pub async fn beat(&self, service: String, ok: bool, message: &str) -> Result<Beat, QueryError> {
        let state = self.state();
        let Some(known) = state.platform.service(&service) else {
            return Err(Refusal::unknown(Named::Service, &service).into());
        };
        if !known.checks.iter().any(|check| matches!(check.probe, Probe::Heartbeat { .. })) {
            let refusal = Refusal::new("no-heartbeat", format!("no check of {service} waits for a heartbeat"));
            return Err(refusal.hint("a check such as: heartbeat = { within = \"10m\" }").into());
        }
        let message: String = self.redactor.line(message).trim().chars().take(MESSAGE).collect();
        let beat = Beat { at: self.now(), ok, message };
        let (memory, name, kept) = (self.memory.clone(), service.clone(), beat.clone());
        tokio::task::spawn_blocking(move || memory.keep_beat(&name, &kept))
            .await
            .map_err(|error| QueryError::Failed(error.to_string()))?
            .map_err(|error| QueryError::Failed(error.to_string()))?;
        self.heartbeats.take(&service, beat.clone());
        Ok(beat)
    }
}
