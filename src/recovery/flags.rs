//! Adapter `flags`: one file of feature flags, which must parse before it goes live, and whose changes are told flag by flag.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    ComponentCapture, DryRun, Proof, RecoveryError, Restored, Target,
    adapter::{Handler, Job, test_restore_files, wrong_target},
    error::UNTOUCHED,
    files::{self, Files},
    switch::resolved,
};
use crate::vault::Source;

/// A larger file is no file of flags.
const LIMIT: u64 = 8 << 20;
/// So much of a value is told.
const SHOWN: usize = 60;

/// A file of flags.
pub(super) struct Flags<'a> {
    pub(super) path: &'a PathBuf,
}

impl Handler for Flags<'_> {
    fn capture(&self, job: &Job<'_>, tags: Vec<String>, now: DateTime<Utc>) -> Result<ComponentCapture, RecoveryError> {
        let live = resolved(self.path)?;
        // what does not parse is kept as evidence, but is nothing to go back to
        let flaws = live_flags(&live).err().map(|finding| format!("{}: {finding}", live.display()));
        let captured =
            job.vault.capture_noting(Source::new([live])?, &tags, now, flaws.into_iter().collect(), job.cancel)?;
        Ok(ComponentCapture { captured, version: None })
    }

    fn restore(&self, job: &Job<'_>, target: &Target) -> Result<Restored, RecoveryError> {
        let Target::Snapshot(snapshot) = target else { return Err(wrong_target(job.component, target)) };
        let (restored, staged) = files::stage(std::slice::from_ref(self.path), job, snapshot)?;
        for (_, staged) in &staged {
            check(self.path, staged, UNTOUCHED)?;
        }
        files::switch_to(job, target, staged)?;
        Ok(restored)
    }

    fn dry_run(&self, job: &Job<'_>, target: &Target) -> Result<DryRun, RecoveryError> {
        let Target::Snapshot(snapshot) = target else { return Err(wrong_target(job.component, target)) };
        let plain = self.files().dry_run(job, target)?;
        let live = resolved(self.path)?;
        let stored = job.vault.read(snapshot, &live, LIMIT, job.cancel)?;
        let after = flags(&live, &stored).map_err(|finding| bad(self.path, finding, UNTOUCHED))?;
        let (inside, summary) = match live_flags(&live) {
            Ok(before) => {
                let inside = changes(&before, &after);
                let summary = format!("flags to {target}: {} of them change", inside.len());
                (inside, summary)
            }
            Err(finding) => {
                let told = format!("what is live cannot be read as flags: {finding}");
                (vec![told], format!("flags to {target}: all {} are replaced", after.len()))
            }
        };
        Ok(DryRun { inside, summary, ..plain })
    }

    fn test_restore(&self, job: &Job<'_>, snapshot: &str) -> Result<Proof, RecoveryError> {
        let live = resolved(self.path)?;
        let (proof, staged) = test_restore_files(job, snapshot, std::slice::from_ref(&live))?;
        let mut found = 0;
        for staged in &staged {
            found += check(&live, staged, UNTOUCHED)?;
        }
        Ok(Proof { detail: format!("the file parses and holds {found} flags"), ..proof })
    }

    fn verify(&self, _job: &Job<'_>) -> Result<(), RecoveryError> {
        if !self.path.exists() {
            return Err(RecoveryError::Missing { path: self.path.clone() });
        }
        check(self.path, self.path, "it is live now").map(|_| ())
    }

    fn sweep(&self) -> Result<(), RecoveryError> {
        self.files().sweep()
    }
}

impl Flags<'_> {
    fn files(&self) -> Files<'_> {
        Files { paths: std::slice::from_ref(self.path) }
    }
}

/// Each flag by its place, such as `search.enabled`.
type Found = BTreeMap<String, Value>;

fn check(named: &Path, file: &Path, stands: &'static str) -> Result<usize, RecoveryError> {
    let content = fs::read(file).map_err(|error| RecoveryError::io("read", file, error))?;
    flags(named, &content).map(|found| found.len()).map_err(|finding| bad(named, finding, stands))
}

fn bad(path: &Path, finding: String, stands: &'static str) -> RecoveryError {
    RecoveryError::BadFlags { path: path.to_owned(), finding, stands }
}

fn live_flags(live: &Path) -> Result<Found, String> {
    let length = fs::metadata(live).map_err(|error| error.to_string())?.len();
    if length > LIMIT {
        return Err(format!("it has {length} bytes"));
    }
    flags(live, &fs::read(live).map_err(|error| error.to_string())?)
}

/// The flags in a file, whose name says in which language they are written; or why it cannot be read.
fn flags(named: &Path, content: &[u8]) -> Result<Found, String> {
    let value = if named.extension().is_some_and(|ending| ending == "toml") {
        let text = std::str::from_utf8(content).map_err(|error| error.to_string())?;
        let table: toml::Table = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        serde_json::to_value(table).map_err(|error| error.to_string())?
    } else {
        serde_json::from_slice(content).map_err(|error| error.to_string())?
    };
    if !value.is_object() {
        return Err("it is no object of flags".to_owned());
    }
    let mut found = Found::new();
    collect("", &value, &mut found);
    Ok(found)
}

fn collect(place: &str, value: &Value, found: &mut Found) {
    match value {
        Value::Object(inner) if !inner.is_empty() => {
            for (name, value) in inner {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                collect(&place, value, found);
            }
        }
        value if !place.is_empty() => {
            found.insert(place.to_owned(), value.clone());
        }
        _ => {}
    }
}

fn changes(before: &Found, after: &Found) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| match (before.get(name), after.get(name)) {
            (Some(was), Some(will)) if was == will => None,
            (Some(was), Some(will)) => Some(format!("flag {name}: {} -> {}", word(was), word(will))),
            (None, Some(will)) => Some(format!("flag {name}: not there -> {}", word(will))),
            (was, None) => Some(format!("flag {name}: {} -> not there", was.map_or_else(String::new, word))),
        })
        .collect()
}

fn word(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        value => {
            let text = value.to_string();
            let cut = text.char_indices().nth(SHOWN).map_or(text.len(), |(index, _)| index);
            if cut < text.len() { format!("{}…", &text[..cut]) } else { text }
        }
    }
}
