//! One look at an engine: how everything is there now.

use tokio::time::Instant;

use super::summary::HostSummary;
use crate::{
    client::{Client, ClientError},
    engine::Clock,
};

/// What one look at an engine has found.
#[derive(Debug, Clone)]
pub struct Looked {
    /// How everything is there.
    pub summary: HostSummary,
    /// How long it took to say that it is there, in seconds.
    pub took_seconds: f64,
}

/// Looks at an engine once.
///
/// # Errors
/// As every question; also when it speaks another API.
pub async fn look_at(client: &Client, clock: &dyn Clock) -> Result<Looked, ClientError> {
    let begun = Instant::now();
    client.understand().await?;
    let took_seconds = begun.elapsed().as_secs_f64();
    let (state, vitals) = (client.state().await?, client.vitals().await?);
    Ok(Looked { summary: HostSummary::of(&state, &vitals, clock.now()), took_seconds })
}
