//! What a runbook says, after it has been read and found right: plain data.

use std::{fmt, time::Duration};

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Input, Step, input::service_ref};
use crate::{
    domain::Severity,
    platform::{Role, optional_seconds, seconds},
};

/// A book for one scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Runbook {
    /// What stands before the first section.
    #[serde(flatten)]
    pub front: FrontMatter,
    /// SHA-256 of the book as it is meant; see docs/runbooks.md for what exactly is hashed.
    pub hash: String,
    /// The nine, in their order.
    pub sections: Vec<Section>,
}

impl Runbook {
    /// All steps, in the order of the book.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.sections.iter().flat_map(|section| &section.steps)
    }

    /// The step of that name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps().find(|step| step.name == name)
    }

    /// Whether its file says that a drill has proved the book as it is now; none when it says nothing of one. What drills have shown
    /// of a book beyond its file, `proof_of` says.
    #[must_use]
    pub fn is_stamped(&self) -> Option<bool> {
        self.front.proof.as_ref().map(|proof| proof.hash == self.hash)
    }
}

/// The fields of the front matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontMatter {
    /// Never used again for another book, such as `RB-02-database-connection`.
    pub id: String,
    /// In one line.
    pub title: String,
    /// Which emergency it is for.
    pub scenario: Scenario,
    /// Of an incident that is declared from it.
    pub severity: Severity,
    /// The services that its steps may act on.
    pub services: Vec<ServiceRef>,
    /// What notices the emergency.
    pub detects: Vec<String>,
    /// The team that answers for the book.
    pub owner: String,
    /// The team that stands in.
    pub deputy: String,
    /// Who may start it.
    pub min_role: Role,
    /// Whether health information may be touched.
    pub phi: Phi,
    /// In how long users are to be served again.
    #[serde(with = "seconds", rename = "rtoSeconds")]
    pub rto: Duration,
    /// How much of the newest data may be lost.
    #[serde(with = "seconds", rename = "rpoSeconds")]
    pub rpo: Duration,
    /// How long the whole book may take.
    #[serde(with = "seconds", rename = "timeBudgetSeconds")]
    pub time_budget: Duration,
    /// What has to be known before steps can run.
    pub inputs: Vec<Input>,
    /// Programs that have to be there.
    pub requires: Vec<String>,
    /// After so long without progress the next level is called.
    #[serde(default, with = "optional_seconds", rename = "escalateAfterSeconds")]
    pub escalate_after: Option<Duration>,
    /// The drills that prove it.
    pub drills: Vec<String>,
    /// When a drill last proved it, and what it was then.
    pub proof: Option<Proof>,
    /// When a person last read it and found it right.
    pub reviewed_on: Option<NaiveDate>,
    /// How often somebody has to.
    #[serde(with = "seconds", rename = "reviewEverySeconds")]
    pub review_every: Duration,
    /// What of the HIPAA rules it is evidence for.
    pub hipaa: Vec<String>,
    /// The book that it replaces.
    pub supersedes: Option<String>,
}

/// When a drill last proved a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// The day.
    pub on: NaiveDate,
    /// The hash of the book on that day.
    pub hash: String,
}

/// Which emergency a book is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Nothing works.
    Outage,
    /// Services do not reach their database, or it does not answer.
    Database,
    /// Analyses by a model are missing or wrong.
    Ai,
    /// Nobody can log in.
    Authentication,
    /// Data are damaged.
    Corruption,
    /// Somebody is inside who must not be.
    Breach,
    /// Somebody has read, or was sent, what was not theirs.
    Privacy,
    /// It works, and far too slowly.
    Performance,
    /// Anything else.
    Custom,
}

impl Scenario {
    /// Each by its name in files.
    pub const CHOICES: [(&'static str, Self); 9] = [
        ("outage", Self::Outage),
        ("database", Self::Database),
        ("ai", Self::Ai),
        ("authentication", Self::Authentication),
        ("corruption", Self::Corruption),
        ("breach", Self::Breach),
        ("privacy", Self::Privacy),
        ("performance", Self::Performance),
        ("custom", Self::Custom),
    ];
}

/// Whether steps may touch health information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phi {
    /// They do not.
    None,
    /// They may.
    Possible,
    /// They do.
    Yes,
}

impl Phi {
    /// All of them, as they are written.
    pub const CHOICES: [(&'static str, Self); 3] =
        [("none", Self::None), ("possible", Self::Possible), ("yes", Self::Yes)];
}

/// A service by its name, or by the input that holds its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceRef {
    /// As the platform file names it.
    Name(String),
    /// The value of this input.
    Input(String),
}

impl fmt::Display for ServiceRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => out.write_str(name),
            Self::Input(name) => write!(out, "${name}"),
        }
    }
}

impl Serialize for ServiceRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ServiceRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        service_ref(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no service")))
    }
}

/// One of the nine parts of a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Section {
    /// Which.
    pub kind: SectionKind,
    /// What stands before its first step, as Markdown.
    pub text: String,
    /// In the order of the book.
    pub steps: Vec<Step>,
}

/// Which of the nine parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionKind {
    /// What has happened, and to whom.
    Scenario,
    /// How it is noticed.
    Detection,
    /// The first five minutes.
    ImmediateActions,
    /// What it is.
    Diagnosis,
    /// What ends it.
    Resolution,
    /// How what was done is taken back; its steps run only when they are named.
    Rollback,
    /// How it is known that it is over.
    Validation,
    /// What is said to whom.
    Communication,
    /// What is owed afterwards.
    PostIncident,
}

impl SectionKind {
    /// All nine, in their order.
    pub const ALL: [Self; 9] = [
        Self::Scenario,
        Self::Detection,
        Self::ImmediateActions,
        Self::Diagnosis,
        Self::Resolution,
        Self::Rollback,
        Self::Validation,
        Self::Communication,
        Self::PostIncident,
    ];

    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Scenario => "Scenario",
            Self::Detection => "Detection",
            Self::ImmediateActions => "Immediate actions",
            Self::Diagnosis => "Diagnosis",
            Self::Resolution => "Resolution",
            Self::Rollback => "Rollback",
            Self::Validation => "Validation",
            Self::Communication => "Communication",
            Self::PostIncident => "Post-incident",
        }
    }
}
