//! Alerts that a monitoring system sends: what one says, and which of them a check waits for.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Reading;

/// Severities that leave the service usable. Every other one, and none at all, means that it is down.
const MILD: [&str; 7] = ["warning", "warn", "minor", "info", "low", "notice", "none"];

/// One alert, as Prometheus or Alertmanager told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Which alert it is: the same labels, the same alert.
    pub fingerprint: String,
    /// What it is about.
    pub labels: BTreeMap<String, String>,
    /// What is said about it.
    pub annotations: BTreeMap<String, String>,
    /// Since when it fires.
    pub starts_at: DateTime<Utc>,
    /// When it ends, unless it is told of again before; nothing when its sender will say so.
    pub ends_at: Option<DateTime<Utc>>,
    /// When it was last told of.
    pub updated_at: DateTime<Utc>,
    /// Where its rule can be looked at.
    pub generator_url: String,
}

impl Alert {
    /// Its name; empty when it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.label("alertname")
    }

    /// The value of a label; empty when it does not have it.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// What it says in one sentence, if anything.
    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        let told = |name| self.annotations.get(name).map(String::as_str).filter(|text| !text.is_empty());
        told("summary").or_else(|| told("description")).or_else(|| told("message"))
    }

    /// Whether it fires at this time.
    #[must_use]
    pub fn fires(&self, now: DateTime<Utc>) -> bool {
        self.ends_at.is_none_or(|ends| ends > now)
    }

    /// What it says about its service while it fires.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let severity = self.label("severity").to_lowercase();
        if MILD.contains(&severity.as_str()) { Reading::Slow } else { Reading::Bad }
    }
}

/// The fingerprint of a set of labels as Prometheus makes it: 64-bit FNV-1a over the names and values in their order, each followed
/// by the byte 255, in hexadecimal (`prometheus/common`, `model/signature.go`).
#[must_use]
pub fn fingerprint(labels: &BTreeMap<String, String>) -> String {
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes = labels.iter().flat_map(|(name, value)| {
        let ended = |text: &'_ str| text.bytes().chain([255]).collect::<Vec<_>>();
        [ended(name), ended(value)].concat()
    });
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}

/// Which alerts say something about a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertProbe {
    /// Labels with the values that an alert must have.
    pub labels: BTreeMap<String, String>,
}

impl AlertProbe {
    /// Whether it waits for this alert.
    #[must_use]
    pub fn waits_for(&self, alert: &Alert) -> bool {
        self.labels.iter().all(|(name, value)| alert.label(name) == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fingerprints_are_those_of_prometheus() {
        // Of prometheus/common, model/signature_test.go: TestLabelsToSignature and its neighbours.
        assert_eq!(fingerprint(&labels(&[])), format!("{:016x}", 14_695_981_039_346_656_037_u64));
        let named = labels(&[("name", "garland, briggs"), ("fear", "love is not enough")]);
        assert_eq!(fingerprint(&named), format!("{:016x}", 5_799_056_148_416_392_346_u64));
    }
}
