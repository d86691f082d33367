//! Capturing a server: a base backup while it runs, its files as they lie when it does not, and as evidence when it is broken.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

use super::{
    super::{
        ComponentCapture, RecoveryError,
        adapter::Job,
        switch::{parent, remove},
    },
    about::{About, Base, DATA, Need, working_dir},
    cluster::Cluster,
    live::{Live, running, version},
    tool::{Call, LONG},
    wal::{Archive, Lsn, Timeline},
};
use crate::vault::Source;

/// Left free beside a base backup.
const SPARE: u64 = 64 << 20;

/// Captures the server. `wal` is where its log is received.
pub(super) fn capture(
    live: Result<Live<'_>, RecoveryError>,
    data: &Path,
    wal: Option<&Path>,
    job: &Job<'_>,
    tags: &[String],
    now: DateTime<Utc>,
) -> Result<ComponentCapture, RecoveryError> {
    let dir = working_dir(data, &job.component.name)?;
    let captured = match running(data) {
        Some(_) => match live.and_then(|live| base_backup(&live, &dir, job).map(|about| (live, about))) {
            Ok((live, about)) => {
                let captured = keep(vec![dir.clone()], Vec::new(), &about, &dir, job, tags, now);
                if let (Ok(_), Some(wal), Some(base)) = (&captured, wal, &about.base)
                    && let Err(error) = trim(&live, wal, base, job)
                {
                    tracing::warn!(component = job.component.name, %error, "log that is not needed was not removed");
                }
                captured
            }
            Err(RecoveryError::Cancelled) => Err(RecoveryError::Cancelled),
            // a broken server is worth keeping, as evidence and for repair, but not as a target
            Err(error) => as_it_lies(data, &dir, Some(error.to_string()), job, tags, now),
        },
        None => as_it_lies(data, &dir, None, job, tags, now),
    };
    // whatever came of it, no copy of the data may stay outside the vault
    remove(&dir).map_err(|error| RecoveryError::io("remove", &dir, error))?;
    captured
}

/// Copies the running server into `dir` and has the copy checked.
fn base_backup(live: &Live<'_>, dir: &Path, job: &Job<'_>) -> Result<About, RecoveryError> {
    let unfit = |reason: String| RecoveryError::Impossible { component: job.component.name.clone(), reason };
    let spaces: u64 =
        live.ask("select count(*) from pg_tablespace where spcname not in ('pg_default', 'pg_global')", job.cancel)?;
    if spaces > 0 {
        return Err(unfit(format!("it has {spaces} tablespaces outside the data directory, which are not supported")));
    }
    let (needed, free) = (live.size(job.cancel)?.saturating_add(SPARE), room(parent(&live.data))?);
    if needed > free {
        let place = parent(&live.data).display().to_string();
        return Err(unfit(format!("a base backup needs {needed} bytes in {place} for a while, and {free} are free")));
    }
    live.tools.owner().give(dir).map_err(|error| RecoveryError::io("give away", dir, error))?;
    let copy = dir.join(DATA);
    let backup = Call::new("take a base backup", "pg_basebackup")
        .args([OsStr::new("-D"), copy.as_os_str()])
        .args(["-F", "plain", "-X", "stream", "-c", "fast", "-l", "codeblue", "--no-sync", "--no-password"])
        .at(&live.endpoint, "postgres")
        .within(LONG);
    live.tools.run(&backup, job.cancel)?;
    let complete_at = live.ask("select to_json(clock_timestamp())", job.cancel)?;
    let check = Call::new("verify a base backup", "pg_verifybackup").args([OsStr::new("-q"), copy.as_os_str()]);
    live.tools.run(&check.within(LONG), job.cancel)?;
    let label = copy.join("backup_label");
    let text = fs::read_to_string(&label).map_err(|error| RecoveryError::io("read", &label, error))?;
    let (timeline, start) = start(&text).ok_or_else(|| unfit("its backup_label is not understood".to_owned()))?;
    let Cluster { system, segment } = Cluster::of(&copy, &live.tools, job.cancel)?;
    Ok(About {
        version: version(&copy).ok_or_else(|| unfit("the base backup has no PG_VERSION".to_owned()))?,
        data: copy,
        base: Some(Base { system, segment, timeline, start, complete_at }),
    })
}

/// Where a base backup begins, by its label.
fn start(label: &str) -> Option<(Timeline, Lsn)> {
    let value = |name: &str| label.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let timeline = serde_json::from_str(value("START TIMELINE")?.trim()).ok()?;
    let start = value("START WAL LOCATION")?.split_whitespace().next()?;
    Some((timeline, Lsn::try_from(start.to_owned()).ok()?))
}

/// Captures the files themselves: whole when no server writes them.
fn as_it_lies(
    data: &Path,
    dir: &Path,
    broken: Option<String>,
    job: &Job<'_>,
    tags: &[String],
    now: DateTime<Utc>,
) -> Result<ComponentCapture, RecoveryError> {
    let mut flaws: Vec<String> = broken.map(|error| format!("not a consistent copy: {error}")).into_iter().collect();
    if !data.join("global/pg_control").is_file() {
        flaws.push(format!("{} is no whole data directory", data.display()));
    }
    if data.join("pg_wal").is_symlink() {
        flaws.push("its log lies elsewhere and is not part of this copy".to_owned());
    }
    if fs::read_dir(data.join("pg_tblspc")).is_ok_and(|mut entries| entries.next().is_some()) {
        flaws.push("it has tablespaces outside the data directory, which are not part of this copy".to_owned());
    }
    let about = About { data: data.to_owned(), version: version(data).unwrap_or_default(), base: None };
    // a base backup that failed half-way is neither evidence nor a target
    let unfinished = dir.join(DATA);
    remove(&unfinished).map_err(|error| RecoveryError::io("remove", &unfinished, error))?;
    let mut sources = vec![dir.to_owned()];
    sources.extend(data.exists().then(|| data.to_owned()));
    keep(sources, flaws, &about, dir, job, tags, now)
}

fn keep(
    sources: Vec<PathBuf>,
    flaws: Vec<String>,
    about: &About,
    dir: &Path,
    job: &Job<'_>,
    tags: &[String],
    now: DateTime<Utc>,
) -> Result<ComponentCapture, RecoveryError> {
    about.write(dir)?;
    let mut tags = tags.to_vec();
    tags.extend(about.base.as_ref().map(|base| Need::of(base).to_string()));
    let captured = job.vault.capture_noting(Source::new(sources)?, &tags, now, flaws, job.cancel)?;
    Ok(ComponentCapture { captured, version: None })
}

/// Drops received log that no kept base backup needs. Their tags tell from where they need it, whatever the clocks said.
fn trim(live: &Live<'_>, wal: &Path, newest: &Base, job: &Job<'_>) -> Result<(), RecoveryError> {
    let component = format!("component={}", job.component.name);
    let kept = job.vault.list()?.snapshots;
    let needed = kept
        .iter()
        .filter(|info| info.tags.contains(&component))
        .flat_map(|info| &info.tags)
        .filter_map(|tag| Need::parse(tag))
        .filter(|need| need.system == newest.system)
        .min_by_key(|need| (need.timeline, need.start));
    match needed {
        Some(need) => Archive::of(wal, newest, live.tools.owner()).trim(need.timeline, need.start),
        None => Ok(()),
    }
}

/// Bytes that are free on the file system of a directory.
pub(super) fn room(dir: &Path) -> Result<u64, RecoveryError> {
    let room = rustix::fs::statvfs(dir).map_err(|error| RecoveryError::io("measure the room on", dir, error.into()))?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}
