//! What the platform file says about changes: who has to agree to which, and when nothing may be changed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::model::Role;

/// Who has to agree, by how risky a change is: each role by another person, none of them its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalLevels {
    /// Risk 1 to 3.
    pub low: Vec<Role>,
    /// Risk 4 to 6.
    pub medium: Vec<Role>,
    /// Risk 7 and 8.
    pub high: Vec<Role>,
    /// Risk 9 and 10, and whatever reaches the whole platform.
    pub critical: Vec<Role>,
}

impl ApprovalLevels {
    /// Each level by the word the platform file uses for it, the lowest first.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &[Role]); 4] {
        [("low", &self.low), ("medium", &self.medium), ("high", &self.high), ("critical", &self.critical)]
    }
}

impl Default for ApprovalLevels {
    fn default() -> Self {
        Self {
            low: vec![Role::Engineer],
            medium: vec![Role::Engineer],
            high: vec![Role::TechnicalLead],
            critical: vec![Role::TechnicalLead, Role::Cto],
        }
    }
}

impl Role {
    /// The word the platform file uses for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Engineer => "engineer",
            Self::TechnicalLead => "technical-lead",
            Self::Cto => "cto",
            Self::ComplianceOfficer => "compliance-officer",
        }
    }

    /// Whether who holds it may agree where `asked` is asked for: the CTO for a lead and a lead for an engineer, and nobody for
    /// compliance.
    #[must_use]
    pub fn stands_for(self, asked: Self) -> bool {
        match asked {
            Self::Viewer | Self::ComplianceOfficer => self == asked,
            Self::Engineer | Self::TechnicalLead | Self::Cto => self >= asked && self <= Self::Cto,
        }
    }
}

/// A time in which only emergencies may change something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Freeze {
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// The services it holds for; all of them when none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
}

impl Freeze {
    /// Whether it holds for any of these services at some moment of a time.
    #[must_use]
    pub fn holds(&self, services: &[String], from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let named = self.services.is_empty() || self.services.iter().any(|name| services.contains(name));
        named && self.from <= until && from < self.until
    }
}

/// What a service does with protected health information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HealthInformation {
    /// It sees none.
    #[default]
    None,
    /// It reads it.
    Reads,
    /// It keeps or changes it.
    Writes,
}
