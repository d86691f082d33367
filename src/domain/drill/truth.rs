//! What is really broken in a drill. Before the drill ends the record holds a commitment to it alone: the hash of it and of a
//! nonce. So nobody can read it there, and nobody can change it afterwards.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Part, WritesFound};
use crate::domain::{Cause, Plan, Step};

/// Starts the hashed bytes, so that they can be no other kind of thing.
const TAG: &[u8] = b"codeblue drill v1\0";

/// What is broken, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillTruth {
    /// The id of the drill's file.
    pub file: String,
    /// What it is about, in one line.
    pub title: String,
    /// What the variant, the decoys and the time of the fault were drawn from.
    pub seed: u64,
    /// The scenario it belongs to.
    pub scenario: String,
    /// The runbook it is for.
    pub book: String,
    /// The hash of that runbook as it was then; empty where there is none of that name.
    #[serde(default)]
    pub book_hash: String,
    /// Faults and whom they hit, such as `pool-leak records-db`; none in a false alarm.
    pub faults: Vec<String>,
    /// What was done to lead astray.
    pub decoys: Vec<String>,
    /// Services that decoys touch: what is wrong with them is not the drill's.
    pub decoy_services: Vec<String>,
    /// Where the cause sits and what it is; none in a false alarm.
    pub blame: Option<Blame>,
    /// What takes the cause away; any of it.
    pub remedies: Vec<Remedy>,
    /// What the drill is held for, by the part of the score that shows it.
    pub objectives: Vec<Objective>,
    /// Whether health information gets out as long as the fault is in force.
    pub leaks: bool,
    /// Within which the trouble should be noticed.
    pub detect_seconds: u64,
    /// Within which everything should be well again, from the fault on.
    pub recover_seconds: u64,
    /// How long it has to stay well.
    pub bake_seconds: u64,
    /// The longest span of acknowledged writes that may be lost.
    pub rpo_seconds: u64,
}

/// A cause and the service in which it sits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blame {
    /// The service.
    pub service: String,
    /// Causes that count as named rightly, the exact one first.
    pub causes: Vec<Cause>,
}

/// Something that takes the cause away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Remedy {
    /// A declared action of a service.
    RunAction {
        /// Of which service.
        service: String,
        /// Which.
        action: String,
    },
    /// A component goes back.
    RollBack {
        /// Which.
        component: String,
    },
}

/// What a drill is held for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Objective {
    /// The part of the score that shows it.
    pub part: Part,
    /// What people should be able to do, in one line.
    pub text: String,
}

/// What is told when a drill ends: the truth with what proves that it was so from the start, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillReveal {
    /// What the commitment was made with, in hexadecimal.
    pub nonce: String,
    /// What was broken.
    pub truth: DrillTruth,
    /// When the fault was injected; none in a false alarm, and when it was not.
    pub injected_at: Option<DateTime<Utc>>,
    /// When it was found that no fault was in force any more, by what people did; none when they did not get so far.
    pub cured_at: Option<DateTime<Utc>>,
    /// When the drill was over: what happened later, such as taking the faults back, does not count.
    pub stopped_at: DateTime<Utc>,
    /// What became of acknowledged writes.
    pub writes: WritesFound,
    /// What the drill left behind.
    pub residue: Vec<String>,
}

impl DrillTruth {
    /// Whether nothing is broken.
    #[must_use]
    pub fn is_false_alarm(&self) -> bool {
        self.blame.is_none()
    }

    /// The bytes that are committed to: canonical JSON (RFC 8785), for those who want to hash them themselves.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json_canonicalizer::to_string(self).unwrap_or_default()
    }

    /// Whether a plan changes nothing but what has to be changed.
    #[must_use]
    pub fn asks_for(&self, plan: &Plan) -> bool {
        let goes_back = |name: &str| {
            self.remedies.iter().any(|one| matches!(one, Remedy::RollBack { component } if component == name))
        };
        plan.steps.iter().filter(|step| step.writes()).all(|step| match step {
            Step::RunAction { service: at, action: named } => self
                .remedies
                .iter()
                .any(|one| matches!(one, Remedy::RunAction { service, action } if service == at && action == named)),
            Step::Reload { component } => goes_back(component),
            other => other.component().is_some_and(goes_back),
        })
    }
}

/// What stands in the record in place of the truth until it is told: SHA-256, in hexadecimal, over a tag, the nonce and the
/// canonical JSON of the truth.
#[must_use]
pub fn commitment(nonce: &str, truth: &DrillTruth) -> String {
    let mut hasher = Sha256::new();
    hasher.update(TAG);
    hasher.update(nonce);
    hasher.update(b"\0");
    hasher.update(truth.text());
    hex::encode(hasher.finalize())
}
