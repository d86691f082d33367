//! What a running process is made to suffer from: a file that names the process and its impairments, and that the process reads
//! when it reads its files anew. The process that is started after it is well.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    SandboxError, files,
    kind::FaultKind,
    layout::Layout,
    process::{Identity, ProcessState},
};

/// One thing that is wrong inside a process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Impairment {
    pub(super) fault: FaultKind,
    /// The dependency that suffers, in the process through which services reach each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impaired {
    process: Identity,
    impairments: BTreeSet<Impairment>,
}

fn read(layout: &Layout, service: &str) -> Result<Option<Impaired>, SandboxError> {
    files::read_json(&layout.impaired(service))
}

/// What this process of a service suffers from.
pub(super) fn of(layout: &Layout, service: &str, process: &Identity) -> Result<BTreeSet<Impairment>, SandboxError> {
    let named = read(layout, service)?.filter(|named| named.process == *process);
    Ok(named.map(|named| named.impairments).unwrap_or_default())
}

/// Adds one; the process has to read it.
pub(super) fn add(
    layout: &Layout,
    service: &str,
    process: &Identity,
    impairment: Impairment,
) -> Result<(), SandboxError> {
    let mut impairments = of(layout, service, process)?;
    impairments.insert(impairment);
    files::write_json(&layout.impaired(service), &Impaired { process: process.clone(), impairments })
}

/// Takes one away, when the process still suffers from it; what another process suffers from stays.
pub(super) fn take(
    layout: &Layout,
    service: &str,
    process: &Identity,
    impairment: &Impairment,
) -> Result<(), SandboxError> {
    let path = layout.impaired(service);
    match read(layout, service)? {
        Some(mut named) if named.process == *process => {
            named.impairments.remove(impairment);
            if named.impairments.is_empty() { files::remove(&path) } else { files::write_json(&path, &named) }
        }
        Some(named) if named.process.state() == ProcessState::Gone => files::remove(&path),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    #[test]
    fn impairments_are_of_one_process_and_taken_one_by_one() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::create(&home.path().join("sandbox"), 1, Utc::now()).unwrap();
        let this = Identity::this().unwrap();
        let mut other = this.clone();
        other.started += 1;
        let impairment = |fault| Impairment { fault, link: None };
        add(&layout, "auth", &this, impairment(FaultKind::Slow)).unwrap();
        add(&layout, "auth", &this, impairment(FaultKind::LogStorm)).unwrap();
        assert_eq!(of(&layout, "auth", &this).unwrap().len(), 2);
        assert!(of(&layout, "auth", &other).unwrap().is_empty(), "who is started after it is well");
        take(&layout, "auth", &other, &impairment(FaultKind::Slow)).unwrap();
        take(&layout, "auth", &this, &impairment(FaultKind::LogStorm)).unwrap();
        let left: Vec<_> = of(&layout, "auth", &this).unwrap().into_iter().map(|one| one.fault).collect();
        assert_eq!(left, [FaultKind::Slow]);
        take(&layout, "auth", &this, &impairment(FaultKind::Slow)).unwrap();
        assert!(!layout.impaired("auth").exists());
    }
}
