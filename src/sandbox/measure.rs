//! What people have a service do, or leave, until they take it back: a file that names the measures of a service, and that its
//! process reads at its start and when it reads its files anew. Unlike an impairment it outlives the process.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{SandboxError, catalogue, files, layout::Layout, process, reload::reload_in};

/// Something that a service does otherwise until further notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Measure {
    /// It answers nobody but checks of its process; its memory stays.
    Isolation,
    /// While it is isolated, the checks of codeblue reach it all the same.
    Inspection,
    /// It reads, and writes nothing.
    StoppedWrites,
    /// It works by plain rules instead of its model.
    Fallback,
    /// It refuses what can wait.
    Shedding,
}

impl Measure {
    fn words(self) -> &'static str {
        match self {
            Self::Isolation => "is isolated no more",
            Self::Inspection => "admits no checks while it is isolated",
            Self::StoppedWrites => "writes again",
            Self::Fallback => "uses its model again",
            Self::Shedding => "accepts all requests again",
        }
    }
}

/// The measures in force for a service.
pub(super) fn of(layout: &Layout, service: &str) -> Result<BTreeSet<Measure>, SandboxError> {
    Ok(files::read_json(&layout.measures(service))?.unwrap_or_default())
}

/// Takes a measure or takes it back; the process has to read it. That it is so already is fine.
pub(super) fn set(layout: &Layout, service: &str, measure: Measure, in_force: bool) -> Result<(), SandboxError> {
    let mut measures = of(layout, service)?;
    let changed = if in_force { measures.insert(measure) } else { measures.remove(&measure) };
    match (changed, measures.is_empty()) {
        (false, _) => Ok(()),
        (true, true) => files::remove(&layout.measures(service)),
        (true, false) => files::write_json(&layout.measures(service), &measures),
    }
}

/// Takes all measures of all services back; tells which, in words.
pub(super) fn lift_all(layout: &Layout) -> Result<Vec<String>, SandboxError> {
    let mut lifted = Vec::new();
    for service in catalogue::processes() {
        let measures = of(layout, service)?;
        if measures.is_empty() {
            continue;
        }
        files::remove(&layout.measures(service))?;
        if process::running(layout, service)?.is_some() {
            reload_in(layout, service)?;
        }
        lifted.extend(measures.into_iter().map(|measure| format!("{service} {}", measure.words())));
    }
    Ok(lifted)
}
