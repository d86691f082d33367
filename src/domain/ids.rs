//! Names of things, as people say them on the phone: `INC-42`, `CHG-17`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text that is not an id of the kind wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind} id; write it like {kind}-42")]
pub struct BadId {
    text: String,
    kind: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!(concat!($prefix, "-{}"), self.0))
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            /// Reads `PREFIX-42` in any case, or the bare number.
            fn from_str(text: &str) -> Result<Self, BadId> {
                let upper = text.trim().to_ascii_uppercase();
                let digits = upper.strip_prefix(concat!($prefix, "-")).unwrap_or(&upper);
                digits.parse().map(Self).map_err(|_| BadId { text: text.to_owned(), kind: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// An incident.
    IncidentId,
    "INC"
);
id!(
    /// A change.
    ChangeId,
    "CHG"
);
id!(
    /// A use of break-glass.
    BreakGlassId,
    "BG"
);
id!(
    /// A snapshot.
    SnapshotId,
    "SNP"
);
id!(
    /// A run of recovery.
    RecoveryId,
    "REC"
);
id!(
    /// A diagnosis.
    DiagnosisId,
    "DGN"
);
id!(
    /// An entry of the ledger of deployments.
    DeploymentId,
    "DEP"
);
id!(
    /// A run of a runbook.
    RunId,
    "RUN"
);
id!(
    /// A drill.
    DrillId,
    "DRILL"
);
id!(
    /// An override of an on-call schedule.
    OverrideId,
    "OVR"
);
id!(
    /// An API token.
    TokenId,
    "TOK"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_written_and_as_typed() {
        assert_eq!("INC-42".parse(), Ok(IncidentId(42)));
        assert_eq!(" inc-42".parse(), Ok(IncidentId(42)));
        assert_eq!("42".parse(), Ok(IncidentId(42)));
        assert_eq!(IncidentId(42).to_string(), "INC-42");
        assert!("CHG-42".parse::<IncidentId>().is_err());
    }
}
