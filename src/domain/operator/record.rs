//! What is known of a person, and how sure the engine is that it is the one who asks.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Actor, RunId, TokenId},
    platform::Role,
};

/// A person with an identity and roles.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operator {
    /// Unique.
    pub name: String,
    /// What the operator may do.
    pub roles: BTreeSet<Role>,
    /// Login on the engine's host whose processes act as this operator.
    pub login: Option<String>,
    /// May do nothing any more.
    pub disabled: bool,
    /// The operator whose other name or service account this is: both are one person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub belongs_to: Option<String>,
    /// Keys whose signatures are this operator's, by their fingerprint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, PublicKey>,
    /// The second factor, once it was proved to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<SecondFactor>,
    /// When one was last declared lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor_reset: Option<FactorReset>,
}

/// How a second factor was declared lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FactorReset {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom: the engine, when it was done in its home while it was stopped.
    pub by: Actor,
    /// Why.
    pub reason: String,
}

/// A key that signs for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicKey {
    /// As OpenSSH writes it: `ssh-ed25519 AAAA…`, without a comment.
    pub openssh: String,
    /// Since when it counts.
    pub since: DateTime<Utc>,
}

/// A second factor: time-based codes (RFC 6238) whose secret the engine keeps outside the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecondFactor {
    /// Since when it is asked for.
    pub since: DateTime<Utc>,
    /// The time step of the last code that was taken: a code is taken once.
    pub last_step: u64,
}

/// How sure the engine is that it is the actor who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Assurance {
    /// As sure as the session that was authenticated.
    #[default]
    Session,
    /// A code of the second factor came with it, and was right for this time step.
    SecondFactor {
        /// The time step of the code.
        step: u64,
    },
    /// As sure as whoever had the step run at which this run stands: its program asks.
    Step {
        /// The run.
        run: RunId,
    },
    /// As sure as whoever holds this token.
    Token {
        /// The token.
        token: TokenId,
    },
}

impl Operator {
    /// Whether the operator may change things.
    #[must_use]
    pub fn may_act(&self) -> bool {
        !self.disabled && self.roles.iter().any(|role| *role >= Role::Engineer)
    }

    /// Whether the operator may approve where `role` is asked for. The CTO may stand in for a lead and a lead for an
    /// engineer; nobody stands in for compliance.
    #[must_use]
    pub fn can_stand_for(&self, role: Role) -> bool {
        if self.disabled {
            return false;
        }
        match role {
            Role::ComplianceOfficer | Role::Viewer => self.roles.contains(&role),
            Role::Engineer | Role::TechnicalLead | Role::Cto => {
                self.roles.iter().any(|own| *own >= role && *own <= Role::Cto)
            }
        }
    }
}
