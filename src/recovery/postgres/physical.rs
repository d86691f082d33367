//! A whole server: staged, replayed and looked at in private, then exchanged.

use std::{
    fs::{self, File, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, TryLockError},
    thread,
    time::Duration,
};

use chrono::{DateTime, NaiveDateTime, Utc};

use super::{
    super::{
        ComponentCapture, DryRun, Proof, RecoveryError, Restored, Target,
        adapter::{Handler, Job, wrong_target},
        switch::{self, Move, Record, parent, remove, resolved, staging_path},
        tables::{Tables, differences, total},
    },
    about::About,
    base,
    cluster::{self, Cluster},
    live::{Live, running, version},
    scratch::{Scratch, Until, end_leftover},
    tables,
    tool::{Call, LONG, QUICK},
    wal::{Archive, Replay},
};
use crate::{
    platform::{PostgresServer, count},
    vault::{CancelFlag, DifferenceKind, FileDifference, Staged},
};

const STANDS: &str = "what is live was not touched";
const PAUSE: Duration = Duration::from_millis(50);
/// How long the receiver may be behind a commit of ours before we take what is there.
const CATCH_UP: Duration = Duration::from_secs(3);
/// Segments that are searched backwards for the last commit.
const PEEKED: usize = 64;
/// Rehearsals run one after the other: each needs as much room as the live server.
static REHEARSAL: Mutex<()> = Mutex::new(());

/// A whole PostgreSQL server.
pub(in crate::recovery) struct Physical<'a> {
    pub(in crate::recovery) component: &'a str,
    pub(in crate::recovery) server: &'a PostgresServer,
    pub(in crate::recovery) data: &'a Path,
    pub(in crate::recovery) wal: Option<&'a Path>,
    pub(in crate::recovery) start: Option<&'a [String]>,
    pub(in crate::recovery) stop: Option<&'a [String]>,
}

/// What a target needs, known before anything is written.
struct Way<'a> {
    snapshot: &'a str,
    about: About,
    replay: Option<(Archive, Replay)>,
    until: Until,
    /// Where log is received.
    wal: Option<&'a Path>,
}

/// A target that was staged, recovered and looked at.
struct Risen<'a> {
    made: Staged,
    scratch: Scratch<'a>,
    databases: Vec<String>,
    tables: Tables,
    checked: usize,
}

impl Handler for Physical<'_> {
    fn capture(&self, job: &Job<'_>, tags: Vec<String>, now: DateTime<Utc>) -> Result<ComponentCapture, RecoveryError> {
        let data = resolved(self.data)?;
        let known = version(&data).unwrap_or_default();
        base::capture(self.live(data.clone(), &known), &data, self.wal, job, &tags, now)
    }

    fn restore(&self, job: &Job<'_>, target: &Target) -> Result<Restored, RecoveryError> {
        let data = resolved(self.data)?;
        let (live, way) = self.way(job, target, &data)?;
        let staged = staging_path(&data, way.snapshot);
        let risen = rise(&live, &way, &staged, job, false)?;
        risen.scratch.shut_down()?;
        File::open(parent(&staged))
            .and_then(|dir| rustix::fs::syncfs(dir).map_err(Into::into))
            .map_err(|error| RecoveryError::io("synchronise", &staged, error))?;
        if job.cancel.is_cancelled() {
            return Err(RecoveryError::Cancelled);
        }
        let record = Record {
            component: self.component.to_owned(),
            target: target.clone(),
            previous: None,
            moves: vec![Move::new(data, staged, Vec::new())?],
            link: None,
            done: false,
            withdrawn: false,
        };
        record.write(job.work).map_err(|error| RecoveryError::io("write into", job.work, error))?;
        self.finish(job, &record)?;
        Ok(Restored { files: risen.made.files, bytes: risen.made.bytes, ..Restored::default() })
    }

    fn dry_run(&self, job: &Job<'_>, target: &Target) -> Result<DryRun, RecoveryError> {
        let data = resolved(self.data)?;
        let (live, way) = self.way(job, target, &data)?;
        let rehearsal = Rehearsal::begin(&data, "dry", job.cancel)?;
        let risen = rise(&live, &way, &rehearsal.place, job, false)?;
        let now = running(&data).map(|_| live_tables(&live, job.cancel));
        let (before, unreadable) = match now {
            Some(Ok(before)) => (before, ""),
            Some(Err(RecoveryError::Cancelled)) => return Err(RecoveryError::Cancelled),
            Some(Err(_)) => (Tables::new(), " (what is live cannot be read)"),
            None => (Tables::new(), " (the live server does not run)"),
        };
        let tables = differences(&before, &risen.tables);
        let differences = if tables.is_empty() {
            Vec::new()
        } else {
            vec![FileDifference {
                path: data.display().to_string(),
                kind: DifferenceKind::Changed,
                before_bytes: None,
                after_bytes: Some(risen.made.bytes),
            }]
        };
        let summary = format!(
            "server to {target}: rows or columns of {} differ{unreadable}; {} in {} afterwards, {}",
            count(tables.len(), "table"),
            count(total(&risen.tables), "row"),
            count(risen.databases.len(), "database"),
            count(risen.made.bytes, "byte")
        );
        Ok(DryRun { differences, tables, summary, ..DryRun::default() })
    }

    fn test_restore(&self, job: &Job<'_>, snapshot: &str) -> Result<Proof, RecoveryError> {
        let data = resolved(self.data)?;
        let target = Target::Snapshot(snapshot.to_owned());
        let (live, way) = self.way(job, &target, &data)?;
        let rehearsal = Rehearsal::begin(&data, "proof", job.cancel)?;
        let risen = rise(&live, &way, &rehearsal.place, job, true)?;
        let detail = format!(
            "the server recovers, {} answer, {} in {} read, indexes checked in {}",
            count(risen.databases.len(), "database"),
            count(total(&risen.tables), "row"),
            count(risen.tables.len(), "table"),
            risen.checked
        );
        risen.scratch.shut_down()?;
        Ok(Proof { files: risen.made.files, bytes: risen.made.bytes, detail })
    }

    fn verify(&self, job: &Job<'_>) -> Result<(), RecoveryError> {
        let data = resolved(self.data)?;
        let known = version(&data).ok_or_else(|| RecoveryError::Missing { path: data.join("PG_VERSION") })?;
        self.live(data, &known)?.verify(job.cancel)
    }

    fn sweep(&self) -> Result<(), RecoveryError> {
        let data = resolved(self.data)?;
        for entry in fs::read_dir(parent(&data)).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(".codeblue-") && entry.path().is_dir() {
                let name = entry.file_name();
                if name.to_string_lossy().ends_with(".new") {
                    end_leftover(&entry.path());
                }
            }
        }
        switch::sweep(&data)
    }

    fn finish(&self, job: &Job<'_>, record: &Record) -> Result<(), RecoveryError> {
        let [step] = record.moves.as_slice() else { return record.finish(job.work) };
        if record.done {
            return Ok(());
        }
        // from here on stopping half-way would help nobody
        let never = CancelFlag::new();
        let known = version(&step.staged).or_else(|| version(&step.live)).unwrap_or_default();
        let live = self.live(step.live.clone(), &known)?;
        if record.withdrawn {
            return take_back(&live, record, job, "its restore was interrupted");
        }
        if !record.is_switched()? {
            end_leftover(&step.staged);
            if let Err(error) = live.stop(&never) {
                record.remove(job.work)?;
                // it may have gone down half-way
                let _ = live.start(&never);
                return Err(error);
            }
        }
        record.switch()?;
        if running(&live.data).is_none()
            && let Err(error) = self.go_on_receiving(&live, job)
        {
            tracing::warn!(component = self.component, %error, "times before the next snapshot cannot be reached");
        }
        match live.start(&never) {
            Ok(()) => record.close(job.work),
            Err(error) => {
                let back = record.reversed()?;
                back.write(job.work).map_err(|error| RecoveryError::switching("write into", job.work, error))?;
                take_back(&live, &back, job, &error.to_string())
            }
        }
    }
}

impl Physical<'_> {
    pub(super) fn live(&self, data: PathBuf, version: &str) -> Result<Live<'_>, RecoveryError> {
        Live::new(self.component, self.server, data, version, (self.start, self.stop))
    }

    /// Everything that can rule a target out, found out before anything is written.
    fn way<'t>(&'t self, job: &Job<'_>, target: &'t Target, data: &Path) -> Result<(Live<'t>, Way<'t>), RecoveryError> {
        let (snapshot, at) = match target {
            Target::Snapshot(snapshot) => (snapshot, None),
            Target::Time { at, snapshot } => (snapshot, Some(*at)),
            Target::Release(_) => return Err(wrong_target(job.component, target)),
        };
        let about = About::of(job, snapshot)?;
        let live = self.live(data.to_owned(), &about.version)?;
        live.ensure_exchangeable()?;
        let mut way = Way { snapshot, about, replay: None, until: Until::default(), wal: self.wal };
        if let Some(at) = at {
            let (archive, replay, last) = self.replay(&live, &way.about, at, job)?;
            // the server stops before the first commit after a time, and complains when there is none
            way.until = Until { timeline: Some(replay.timeline), time: (last > at).then_some(at) };
            way.replay = Some((archive, replay));
        }
        let log = way.replay.as_ref().map_or(0, |(_, replay)| replay.bytes);
        let needed = job.vault.show(snapshot)?.bytes.saturating_add(log);
        let free = base::room(parent(data))?;
        if needed > free {
            let reason = format!("{needed} bytes are needed beside {}, and {free} are free", data.display());
            return Err(RecoveryError::Impossible { component: self.component.to_owned(), reason });
        }
        Ok((live, way))
    }

    /// The log that reaches a time, with the time of its last commit; or what is covered instead.
    fn replay(
        &self,
        live: &Live<'_>,
        about: &About,
        at: DateTime<Utc>,
        job: &Job<'_>,
    ) -> Result<(Archive, Replay, DateTime<Utc>), RecoveryError> {
        let not_covered =
            |reason: String| RecoveryError::NotCovered { component: self.component.to_owned(), at, reason };
        let wal = self.wal.ok_or_else(|| {
            not_covered("its log is not received; name a directory for it as `wal` in the platform file".to_owned())
        })?;
        let base = about.base.as_ref().ok_or_else(|| {
            not_covered("the snapshot was copied while the server was down; choose another one".to_owned())
        })?;
        if at < base.complete_at {
            return Err(not_covered(format!(
                "the snapshot was complete at {}; choose an earlier snapshot or a later time",
                base.complete_at
            )));
        }
        let archive = Archive::of(wal, base, live.tools.owner());
        let begun = std::time::Instant::now();
        let marked = self.mark(live, &base.system, at, job.cancel);
        if let Some(now) = marked.filter(|now| *now < at) {
            return Err(not_covered(format!("by the server's clock it is {now} now")));
        }
        loop {
            let replay = archive.replay(base, at)?.map_err(not_covered)?;
            let last = last_commit(live, &archive, &replay, job)?;
            if let Some(last) = last.filter(|last| *last >= at) {
                return Ok((archive, replay, last));
            }
            // a commit of ours, after that time, is on its way
            if marked.is_some() && begun.elapsed() < CATCH_UP {
                thread::sleep(PAUSE);
                continue;
            }
            let to = last.unwrap_or(base.complete_at);
            return Err(not_covered(format!(
                "from this snapshot every time from {} to {to} can be reached",
                base.complete_at
            )));
        }
    }

    /// Has the live server, when it is the one that the log came from, commit something, so that the log says that nothing
    /// else was committed up to now; its clock.
    fn mark(&self, live: &Live<'_>, system: &str, at: DateTime<Utc>, cancel: &CancelFlag) -> Option<DateTime<Utc>> {
        running(&live.data)?;
        if Cluster::of(&live.data, &live.tools, cancel).ok()?.system != system {
            return None;
        }
        let mark = "set synchronous_commit = local;
            select json_build_array(clock_timestamp(), pg_current_xact_id()::text)";
        let (now, _): (DateTime<Utc>, String) = live.ask(mark, cancel).ok()?;
        tracing::debug!(%now, %at, "marked the log");
        Some(now)
    }

    /// Begins the new timeline among the received log.
    fn go_on_receiving(&self, live: &Live<'_>, job: &Job<'_>) -> Result<(), RecoveryError> {
        let Some(wal) = self.wal else { return Ok(()) };
        let Cluster { system, segment } = Cluster::of(&live.data, &live.tools, job.cancel)?;
        let (timeline, current) = cluster::end_of_log(&live.data, &live.tools, job.cancel)?;
        Archive::new(wal, &system, segment, live.tools.owner()).begin(timeline, &live.data, &current)
    }
}

/// A place beside the data directory for one rehearsal, cleared away at the end.
struct Rehearsal {
    place: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Rehearsal {
    fn begin(data: &Path, kind: &str, cancel: &CancelFlag) -> Result<Self, RecoveryError> {
        let turn = loop {
            match REHEARSAL.try_lock() {
                Ok(turn) => break turn,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if cancel.is_cancelled() => return Err(RecoveryError::Cancelled),
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            }
        };
        let name = data.file_name().unwrap_or_default().to_string_lossy();
        let place = parent(data).join(format!(".codeblue-{name}.{kind}"));
        end_leftover(&place);
        remove(&place).map_err(|error| RecoveryError::io("remove", &place, error))?;
        Ok(Self { place, _turn: turn })
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.place) {
            tracing::warn!(path = %self.place.display(), %error, "cannot remove a rehearsal; remove it by hand");
        }
    }
}

/// Stages a target, has a private server recover it, and looks at all of it. `scratch` databases may be written to.
fn rise<'l>(
    live: &'l Live<'_>,
    way: &Way<'_>,
    place: &Path,
    job: &Job<'_>,
    scratch: bool,
) -> Result<Risen<'l>, RecoveryError> {
    let made = job.vault.stage(way.snapshot, &way.about.data, place, job.cancel)?;
    if !made.is_whole() {
        return Err(RecoveryError::NotWhole { component: job.component.name.clone(), problems: made.problems });
    }
    if let Some((archive, replay)) = &way.replay {
        archive.lay_out(replay, &place.join("pg_wal"))?;
    }
    let mut until = way.until;
    // a restore begins a timeline that no other has begun, and follows none but its own up to there
    until.timeline = until.timeline.or(Some(cluster::end_of_log(place, &live.tools.as_me(), job.cancel)?.0));
    if let Some(wal) = way.wal {
        let Cluster { system, segment } = Cluster::of(place, &live.tools.as_me(), job.cancel)?;
        Archive::new(wal, &system, segment, live.tools.owner()).lay_out_histories(&place.join("pg_wal"))?;
    }
    fs::set_permissions(place, Permissions::from_mode(0o700))
        .and_then(|()| live.tools.owner().give_tree(place))
        .map_err(|error| RecoveryError::io("prepare", place, error))?;
    let server = Scratch::bring_up(place, &live.tools, &live.endpoint.user, until, job.cancel)?;
    let databases: Vec<String> = server.databases(job.cancel)?;
    if scratch {
        for database in &databases {
            // where the extension is not installed on this host the indexes are not checked
            let made = "create extension if not exists amcheck; select 1";
            let _ = live.tools.ask::<u32>(&server.endpoint, database, made, QUICK, job.cancel);
        }
    }
    let bad = |error: RecoveryError| match error {
        RecoveryError::Tool { outcome, output, .. } => RecoveryError::BadDatabase {
            path: live.data.clone(),
            finding: format!("{outcome}: {output}"),
            stands: STANDS,
        },
        other => other,
    };
    let tables = tables::tables(&live.tools, &server.endpoint, &databases, job.cancel).map_err(bad)?;
    let checked = tables::check(&live.tools, &server.endpoint, &databases, job.cancel).map_err(bad)?;
    Ok(Risen { made, scratch: server, databases, tables, checked })
}

/// When the last transaction was committed of which the log tells.
fn last_commit(
    live: &Live<'_>,
    archive: &Archive,
    replay: &Replay,
    job: &Job<'_>,
) -> Result<Option<DateTime<Utc>>, RecoveryError> {
    let peek = job.work.join("log");
    let failed = |error| RecoveryError::io("use", &peek, error);
    let tools = live.tools.as_me();
    for (file, name) in replay.files.iter().rev().take(PEEKED) {
        remove(&peek).and_then(|()| fs::create_dir(&peek)).map_err(failed)?;
        let printed = peek.join("printed");
        fs::copy(file, peek.join(name)).map_err(|error| RecoveryError::io("copy", file, error))?;
        let output = File::create(&printed).map_err(failed)?;
        let (timeline, [start, end]) = archive.bounds_of(name);
        let call = Call::new("read the received log", "pg_waldump")
            .args(["-r", "Transaction", "-t", &timeline.number().to_string()])
            // without an end it would wait for the next segment
            .args(["-s", &start.to_string(), "-e", &end.to_string(), "-p"])
            .arg(&peek)
            .within(LONG);
        // it always complains about the end of the log, which lies in the middle of a segment or in the next
        match tools.run_with(&call, None, Some(output), job.cancel) {
            Ok(_) | Err(RecoveryError::Tool { .. }) => {}
            Err(error) => return Err(error),
        }
        let found = last_in(&printed).map_err(failed)?;
        remove(&peek).map_err(failed)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The last time of a commit in what `pg_waldump` printed.
fn last_in(printed: &Path) -> std::io::Result<Option<DateTime<Utc>>> {
    let mut last = None;
    for line in BufReader::new(File::open(printed)?).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        let words = line.split_once("desc: COMMIT ").map(|(_, rest)| rest.get(..26).unwrap_or(rest));
        if let Some(at) = words.and_then(|text| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()) {
            last = last.max(Some(at.and_utc()));
        }
    }
    Ok(last)
}

fn live_tables(live: &Live<'_>, cancel: &CancelFlag) -> Result<Tables, RecoveryError> {
    tables::tables(&live.tools, &live.endpoint, &live.databases(cancel)?, cancel)
}

/// Puts the old state back and forgets the restore.
fn take_back(live: &Live<'_>, back: &Record, job: &Job<'_>, reason: &str) -> Result<(), RecoveryError> {
    let never = CancelFlag::new();
    live.stop(&never)?;
    back.switch()?;
    let reason = match live.start(&never) {
        Ok(()) => reason.to_owned(),
        Err(error) => format!("{reason}; and the server does not start with the old state either: {error}"),
    };
    back.close(job.work)?;
    back.remove(job.work)?;
    Err(RecoveryError::Withdrawn { component: job.component.name.clone(), reason })
}
