//! What approvals are bound to.
//!
//! One function computes it, here: SHA-256, in hexadecimal, over a domain tag and the canonical JSON (RFC 8785) of all that
//! is agreed to: the plan, what the platform file says about everything it touches, who has to agree, and when it may be done.
//! What is not agreed to is not in it: no state, no times of events, no reason, no results.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Change, ChangeKind, ChangeWindow, Terms};
use crate::domain::{Plan, Step};
use crate::platform::{Action, Component, Platform};

/// Starts the hashed bytes, so that they can be no other kind of thing. Approvals in journals are bound to what follows: if
/// that changes, they are all void, and this gets a new number.
const TAG: &[u8] = b"codeblue change v2\0";

/// All that is agreed to.
#[derive(Debug, Clone, Copy)]
pub struct Agreed<'a> {
    /// Which kind of change.
    pub kind: ChangeKind,
    /// What will be done.
    pub plan: &'a Plan,
    /// How risky that is, from 1 to 10.
    pub risk: u8,
    /// Who agrees, and how long that holds.
    pub terms: &'a Terms,
    /// When it may be done.
    pub window: Option<ChangeWindow>,
}

/// The canonical form: what is agreed to, and what the platform file says about everything that it touches.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Intent<'a> {
    kind: ChangeKind,
    plan: &'a Plan,
    risk: u8,
    terms: &'a Terms,
    window: Option<ChangeWindow>,
    components: Vec<&'a Component>,
    actions: Vec<&'a Action>,
}

/// The bytes that are hashed, after the tag: for those who want to hash them themselves.
#[must_use]
pub fn intent_text(platform: &Platform, agreed: &Agreed<'_>) -> String {
    let touched = |step: &Step| match step {
        Step::Reload { component } => Some(component.clone()),
        other => other.component().map(str::to_owned),
    };
    let mut names: Vec<String> = agreed.plan.steps.iter().filter_map(touched).collect();
    names.sort();
    names.dedup();
    let actions = agreed.plan.steps.iter().filter_map(|step| match step {
        Step::RunAction { service, action } => {
            platform.service(service)?.actions.iter().find(|known| known.name == *action)
        }
        _ => None,
    });
    let intent = Intent {
        kind: agreed.kind,
        plan: agreed.plan,
        risk: agreed.risk,
        terms: agreed.terms,
        window: agreed.window,
        components: names.iter().filter_map(|name| platform.component(name)).collect(),
        actions: actions.collect(),
    };
    serde_json_canonicalizer::to_string(&intent).unwrap_or_default()
}

/// The hash of all that is agreed to, under the platform file in force.
#[must_use]
pub fn intent_hash(platform: &Platform, agreed: &Agreed<'_>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(TAG);
    hasher.update(intent_text(platform, agreed));
    hex::encode(hasher.finalize())
}

impl Change {
    /// What is agreed to with it in the round it is in.
    #[must_use]
    pub fn agreed(&self) -> Agreed<'_> {
        Agreed { kind: self.kind, plan: &self.plan, risk: self.risk.score, terms: &self.terms, window: self.window }
    }
}
