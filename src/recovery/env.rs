//! Adapter `env`: environment files and secrets. They lie in the vault encrypted as everything does; of what they hold only the
//! names of keys are ever told, and not even a size.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt, lchown},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use rustix::fs::OFlags;

use super::{
    ComponentCapture, DryRun, Proof, RecoveryError, Restored, Target,
    adapter::{Handler, Job, tally, wrong_target},
    files::{self, Files, live_paths},
    switch::Record,
};
use crate::vault::{DifferenceKind, FileDifference};

/// Files larger than this are not looked into.
const LIMIT: u64 = 1 << 20;

/// Files that hold secrets.
pub(super) struct Env<'a> {
    pub(super) paths: &'a [PathBuf],
}

impl Handler for Env<'_> {
    fn capture(&self, job: &Job<'_>, tags: Vec<String>, now: DateTime<Utc>) -> Result<ComponentCapture, RecoveryError> {
        self.files().capture(job, tags, now)
    }

    fn restore(&self, job: &Job<'_>, target: &Target) -> Result<Restored, RecoveryError> {
        let Target::Snapshot(snapshot) = target else { return Err(wrong_target(job.component, target)) };
        let (restored, staged) = files::stage(self.paths, job, snapshot)?;
        for (live, staged) in &staged {
            keep_owner(live, staged).map_err(|error| RecoveryError::io("keep the owner of", live, error))?;
        }
        files::switch_to(job, target, staged)?;
        Ok(restored)
    }

    fn dry_run(&self, job: &Job<'_>, target: &Target) -> Result<DryRun, RecoveryError> {
        let Target::Snapshot(snapshot) = target else { return Err(wrong_target(job.component, target)) };
        let plain = self.files().dry_run(job, target)?;
        let differences: Vec<FileDifference> = plain
            .differences
            .into_iter()
            .map(|difference| FileDifference { before_bytes: None, after_bytes: None, ..difference })
            .collect();
        let mut inside = Vec::new();
        for difference in differences.iter().filter(|one| one.kind == DifferenceKind::Changed) {
            let path = Path::new(&difference.path);
            if !path.is_file() {
                continue;
            }
            let before = read(path).ok().as_deref().and_then(keys);
            // what the snapshot holds is read into memory alone
            let after = job.vault.read(snapshot, path, LIMIT, job.cancel).ok().as_deref().and_then(keys);
            inside.extend(told(path, before, after));
        }
        let summary = format!("secrets to {target}: {}; no value is shown", tally(&differences));
        Ok(DryRun { differences, inside, summary, ..DryRun::default() })
    }

    fn test_restore(&self, job: &Job<'_>, snapshot: &str) -> Result<Proof, RecoveryError> {
        self.files().test_restore(job, snapshot)
    }

    fn verify(&self, job: &Job<'_>) -> Result<(), RecoveryError> {
        self.files().verify(job)?;
        let Some(Record { target: Target::Snapshot(id), .. }) = Record::read(job.work, &job.component.name)? else {
            return Ok(());
        };
        for live in live_paths(self.paths)? {
            let found = job.vault.difference_live(&id, &live, &live, job.cancel)?;
            if !found.is_empty() {
                let differing = found.into_iter().map(|one| one.path).collect();
                return Err(RecoveryError::Differs {
                    path: live,
                    expected: Target::Snapshot(id).to_string(),
                    differing,
                });
            }
        }
        Ok(())
    }

    fn sweep(&self) -> Result<(), RecoveryError> {
        self.files().sweep()
    }
}

impl Env<'_> {
    fn files(&self) -> Files<'_> {
        Files { paths: self.paths }
    }
}

/// Only root gives files away; anybody else must own them already, or the service could not read them afterwards.
fn keep_owner(live: &Path, staged: &Path) -> io::Result<()> {
    let new = fs::symlink_metadata(staged)?;
    let Ok(now) = fs::symlink_metadata(live) else { return Ok(()) };
    if rustix::process::geteuid().is_root() || (now.uid(), now.gid()) == (new.uid(), new.gid()) {
        return Ok(());
    }
    lchown(staged, Some(now.uid()), Some(now.gid()))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut bytes = Vec::new();
    OpenOptions::new().read(true).custom_flags(flags).open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// Names and values; never shown, never given `Debug`.
type Keys = BTreeMap<String, Vec<u8>>;

/// The keys of an environment file. None for anything that is not beyond doubt one: a secret alone in its file, a private key or
/// a continued line could be taken for a name, and shown.
fn keys(content: &[u8]) -> Option<Keys> {
    let text = std::str::from_utf8(content).ok()?;
    let mut keys = Keys::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        let name = name.trim_end();
        let first_fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let all_fit = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        // padding of an encoded secret looks like an assignment of nothing
        let padding =
            value.trim().chars().all(|c| c == '=') && (!value.is_empty() || (name.len() > 11 && !name.contains('_')));
        if !first_fits || !all_fit || name.len() > 64 || padding {
            return None;
        }
        let mut value = value.to_owned();
        if let Some(quote) = value.trim_start().chars().next().filter(|c| matches!(c, '"' | '\'')) {
            while !is_closed(&value, quote) {
                value.push('\n');
                value.push_str(lines.next()?);
            }
        } else {
            while value.ends_with('\\') {
                value.push('\n');
                value.push_str(lines.next()?);
            }
        }
        keys.insert(name.to_owned(), value.into_bytes());
    }
    keys.values().any(|value| !value.is_empty()).then_some(keys)
}

fn is_closed(value: &str, quote: char) -> bool {
    let mut escaped = false;
    let mut open = false;
    for letter in value.trim_start().chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            letter if letter == quote => open = !open,
            _ => {}
        }
    }
    !open
}

fn told(path: &Path, before: Option<Keys>, after: Option<Keys>) -> Vec<String> {
    let shown = path.display();
    let (Some(before), Some(after)) = (before, after) else {
        return vec![format!("what {shown} holds is replaced as a whole")];
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut told: Vec<String> = names
        .into_iter()
        .filter_map(|name| match (before.get(name), after.get(name)) {
            (Some(was), Some(will)) => (was != will).then(|| format!("{name} changes in {shown}")),
            (None, _) => Some(format!("{name} is added to {shown}")),
            (_, None) => Some(format!("{name} goes from {shown}")),
        })
        .collect();
    if told.is_empty() {
        told.push(format!("no key changes in {shown}: only its owner, mode, order or comments"));
    }
    told
}
