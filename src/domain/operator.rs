//! People, what they may do, and who acted.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Event, Refusal, State};
use crate::platform::{Profile, Role};

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

/// Who did something: a person, a rule of the engine, or the engine reporting what it saw.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A person.
    Operator(String),
    /// A rule that acts without a person.
    Policy(String),
    /// The engine, reporting what it observed or did.
    Engine,
}

impl Actor {
    /// The person's name, if it is one.
    #[must_use]
    pub fn operator(&self) -> Option<&str> {
        match self {
            Self::Operator(name) => Some(name),
            Self::Policy(_) | Self::Engine => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(name) => f.pad(name),
            Self::Policy(name) => f.pad(&format!("policy:{name}")),
            Self::Engine => f.pad("engine"),
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Operator(name) => serializer.collect_str(&format_args!("operator:{name}")),
            Self::Policy(_) | Self::Engine => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once(':') {
            Some(("operator", name)) => Ok(Self::Operator(name.to_owned())),
            Some(("policy", name)) => Ok(Self::Policy(name.to_owned())),
            None if text == "engine" => Ok(Self::Engine),
            _ => Err(serde::de::Error::custom(format!("{text:?} is no actor"))),
        }
    }
}

/// Decides that somebody new may work here. Adding a known name changes roles and login instead.
pub(super) fn add(
    state: &State,
    name: &str,
    roles: BTreeSet<Role>,
    login: Option<String>,
) -> Result<Vec<Event>, Refusal> {
    if name.is_empty() || name.chars().any(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(c))) {
        return Err(Refusal::new("operator-name", format!("{name:?} is no operator name"))
            .hint("use letters, digits, - _ and ."));
    }
    if roles.is_empty() {
        return Err(Refusal::new("operator-roles", format!("{name} would have no role"))
            .hint("give at least one of viewer, engineer, technical-lead, cto, compliance-officer"));
    }
    // Two names for one login would be two pairs of eyes for one person.
    let taken = state
        .operators
        .values()
        .find(|other| other.name != name && !other.disabled && login.is_some() && other.login == login);
    if let (Some(other), false) = (taken, state.platform.profile == Profile::Drill) {
        return Err(Refusal::new("login-taken", format!("this login is operator {} already", other.name))
            .hint("outside drills a login is one operator; give the new one a login of its own"));
    }
    if !roles.iter().any(|role| *role >= Role::Engineer) && is_last(state, name) {
        return Err(last(name));
    }
    Ok(vec![Event::OperatorAdded { name: name.to_owned(), roles, login }])
}

/// Decides that somebody may do nothing any more.
pub(super) fn disable(state: &State, name: &str) -> Result<Vec<Event>, Refusal> {
    let operator = state.operators.get(name).ok_or_else(|| Refusal::unknown("operator", name))?;
    if operator.disabled {
        return Ok(Vec::new());
    }
    if is_last(state, name) {
        return Err(last(name));
    }
    Ok(vec![Event::OperatorDisabled { name: name.to_owned() }])
}

/// Whether nobody could act any more without this operator.
fn is_last(state: &State, name: &str) -> bool {
    state.operators.get(name).is_some_and(Operator::may_act)
        && !state.operators.values().any(|other| other.may_act() && other.name != name)
}

fn last(name: &str) -> Refusal {
    Refusal::new("last-operator", format!("{name} is the last operator who may act")).hint("add somebody else first")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Platform;

    #[test]
    fn outside_drills_a_login_is_one_operator() {
        let mut state = State::default();
        let person = |name: &str, disabled| Operator {
            name: name.to_owned(),
            roles: [Role::TechnicalLead].into(),
            login: Some("ops".to_owned()),
            disabled,
            ..Operator::default()
        };
        state.operators.insert("alice".to_owned(), person("alice", false));
        let profile = |state: &mut State, profile| {
            state.platform = Platform { profile, ..Platform::clone(&state.platform) }.into();
        };
        let again = |state: &State, name: &str, login: &str| {
            add(state, name, [Role::Cto].into(), Some(login.to_owned())).map_err(|refusal| refusal.rule)
        };
        profile(&mut state, Profile::Production);
        assert_eq!(again(&state, "aaron", "ops"), Err("login-taken".to_owned()));
        assert!(again(&state, "aaron", "aaron").is_ok());
        assert!(again(&state, "alice", "ops").is_ok(), "roles of a known operator may change");
        profile(&mut state, Profile::Drill);
        assert!(again(&state, "aaron", "ops").is_ok());
        profile(&mut state, Profile::Production);
        state.operators.insert("alice".to_owned(), person("alice", true));
        assert!(again(&state, "aaron", "ops").is_ok(), "who is disabled holds no login");
    }
}
