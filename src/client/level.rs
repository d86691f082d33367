//! Whether an engine and this program understand each other.

use super::{Client, ClientError};
use crate::engine::{API_HEADER, ApiLevels};

impl Client {
    /// Which levels of the API the engine speaks.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn levels(&self) -> Result<ApiLevels, ClientError> {
        let response = self.stream("/healthz").await?;
        match response.headers().get(API_HEADER) {
            None => Ok(ApiLevels::UNSAID),
            Some(said) => said.to_str().unwrap_or_default().parse().map_err(ClientError::Failed),
        }
    }

    /// Finds out whether what the engine says will be understood.
    ///
    /// # Errors
    /// When it speaks no level of the API that is spoken here: which side is to be updated. As every question, else.
    pub async fn understand(&self) -> Result<(), ClientError> {
        match self.levels().await?.problem() {
            None => Ok(()),
            Some(problem) => Err(ClientError::Failed(problem)),
        }
    }
}
