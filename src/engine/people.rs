//! How people enrol a second factor and how programs show a token: what is more than a command, because a secret is part of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Code, EngineHandle, Enrolment, QueryError};
use crate::domain::{Actor, ApiToken, Command, Operator, Refusal, TokenId, TokenSecret};

/// When each token was last shown. It is kept in memory alone: a heartbeat every second is no fact for the journal.
pub(super) type TokenUses = Arc<Mutex<BTreeMap<TokenId, DateTime<Utc>>>>;

/// A token with when it was last used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenEntry {
    /// The token.
    #[serde(flatten)]
    pub token: ApiToken,
    /// When it was last shown to this engine; none when not since its start.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What is shown once, when a second factor begins to count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrolled {
    /// Whose it is.
    pub operator: String,
    /// Codes for the day the telephone is gone, each of which counts once.
    pub recovery_codes: Vec<String>,
}

impl EngineHandle {
    /// Makes a secret for an operator's telephone. It counts once a code of it was given.
    ///
    /// # Errors
    /// When there is one that counts already, or the secret cannot be kept.
    pub async fn begin_enrolment(&self, operator: &str) -> Result<Enrolment, QueryError> {
        let state = self.state();
        let person = state.may_enrol(operator)?.name.clone();
        let (factors, platform) = (self.factors.clone(), state.platform.name.clone());
        blocking(move || factors.begin(&person, &platform)).await
    }

    /// Makes an operator's second factor count for which this code is right.
    ///
    /// # Errors
    /// When the code is wrong or nothing was begun.
    pub async fn confirm_enrolment(&self, operator: &str, code: Code) -> Result<Enrolled, QueryError> {
        let person = self.state().may_enrol(operator)?.name.clone();
        let (factors, whose, now) = (self.factors.clone(), person.clone(), self.now());
        let (step, recovery_codes) = blocking(move || factors.confirm(&whose, &code, now)).await?.ok_or_else(|| {
            Refusal::new("wrong-code", "this is not the code of now, or nothing was begun")
                .hint("begin with: codeblue operator totp enrol; the clocks of both have to be right")
        })?;
        let command = Command::EnrolSecondFactor { operator: person.clone(), step };
        self.submit(command, Actor::Engine).await.map_err(|error| QueryError::Failed(error.to_string()))?;
        Ok(Enrolled { operator: person, recovery_codes })
    }

    /// The operator for whom a token acts, and the token. One that does not count any more is told and recorded.
    ///
    /// # Errors
    /// `token-unknown`, `token-revoked`, `token-expired`.
    pub async fn operator_of(&self, secret: &TokenSecret) -> Result<(Operator, ApiToken), Refusal> {
        let (state, now) = (self.state(), self.now());
        let token = state.token(secret)?.clone();
        let operator = state.operators.get(&token.operator).filter(|operator| !operator.disabled).cloned();
        let counts = match (token.counts(now), operator) {
            (Ok(()), Some(operator)) => Ok(operator),
            (Err(refusal), _) => Err(refusal),
            (Ok(()), None) => Err(Refusal::new("token-revoked", format!("{} went with its operator", token.id))
                .hint("make another for somebody who works here: codeblue token create")),
        };
        match counts {
            Ok(operator) => {
                self.token_uses.lock().unwrap_or_else(PoisonError::into_inner).insert(token.id, now);
                Ok((operator, token))
            }
            Err(refusal) => {
                let command = Command::RecordRefusal {
                    operator: token.operator.clone(),
                    what: "showToken".to_owned(),
                    object: Some(token.id.to_string()),
                    rule: refusal.rule.clone(),
                };
                let _ = self.submit(command, Actor::Engine).await;
                Err(refusal)
            }
        }
    }

    /// Tokens of an operator, or everybody's, newest first.
    #[must_use]
    pub fn tokens(&self, of: Option<&str>) -> Vec<TokenEntry> {
        let state = self.state();
        let uses = self.token_uses.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = state.credentials.tokens.values().rev();
        tokens
            .filter(|token| of.is_none_or(|name| token.operator == name))
            .map(|token| TokenEntry { token: token.clone(), last_used_at: uses.get(&token.id).copied() })
            .collect()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, super::FactorsError> + Send + 'static,
) -> Result<T, QueryError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panicked| QueryError::Failed(format!("internal error: {panicked}")))?
        .map_err(|error| QueryError::Failed(error.to_string()))
}
