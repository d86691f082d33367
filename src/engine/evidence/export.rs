//! Checkpoints on their way out of this host. Each place has a task of its own, so that one which hangs keeps nobody waiting: neither
//! the engine nor the other places. What is to be sent is in the file of checkpoints; nothing waits in memory.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use super::{syslog, witness::Witness};
use crate::{
    domain::{Actor, Command},
    engine::EngineHandle,
    platform::{EvidenceCare, ExportPlace, WitnessPlace},
    store::{
        CheckpointLine, SignedCheckpoint, append_checkpoints, chain_hash, checkpoint_path, checkpoints_after,
        newest_checkpoint, prove_consistency,
    },
};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(30);
/// Why a directory is not tried again.
const STILL_AT_IT: &str = "the attempt before has not come back: does the directory hang?";
/// How long the end of an engine may wait for the places outside.
const LAST: Duration = Duration::from_secs(5);
/// Characters of a problem that are kept: some of them come from elsewhere.
const PROBLEM: usize = 300;
/// Waits after a failure, the longest at last.
const WAITS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20), Duration::from_secs(60)];

/// How far a place outside is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaceFigures {
    /// The last event of the newest checkpoint that is there.
    pub up_to: u64,
    /// Since when it is there.
    pub at: DateTime<Utc>,
    /// The name with which a witness signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
}

/// Directories that are being written to. An attempt that was given up goes on in its thread, for as long as a mount hangs: only one may,
/// or they would take all threads there are.
#[derive(Clone, Default)]
pub(in crate::engine) struct Reaching(Arc<Mutex<BTreeSet<PathBuf>>>);

/// The one attempt at a directory; it is over when this is gone.
struct Turn {
    folder: PathBuf,
    of: Reaching,
}

impl Reaching {
    /// The turn to write to a directory, unless somebody has it.
    fn take(&self, folder: &Path) -> Option<Turn> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
        free.then(|| Turn { folder: folder.to_owned(), of: self.clone() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.folder);
    }
}

/// Starts a task for every place that the platform file names.
pub(in crate::engine) fn export(
    engine: &EngineHandle,
    care: &EvidenceCare,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    for place in &care.export {
        tasks.spawn(keep(engine.clone(), place.to_string(), Way::Keep(place.clone()), stop.clone()));
    }
    for place in &care.witness {
        tasks.spawn(keep(engine.clone(), place.to_string(), Way::Witness(place.clone()), stop.clone()));
    }
}

/// What the last checkpoint of an engine goes to when nothing runs any more: the directories.
pub(in crate::engine) struct Last {
    folders: Vec<PathBuf>,
    journal: PathBuf,
    origin: String,
    key: String,
    reaching: Reaching,
}

impl Last {
    pub(in crate::engine) fn of(engine: &EngineHandle) -> Self {
        let state = engine.state();
        let folders = state.platform.evidence.export.iter().filter_map(|place| match place {
            ExportPlace::Directory(folder) => Some(folder.clone()),
            ExportPlace::Syslog(_) => None,
        });
        Self {
            folders: folders.collect(),
            journal: engine.journal.clone(),
            origin: state.engine.origin.clone(),
            key: engine.key.public().openssh(),
            reaching: engine.reaching.clone(),
        }
    }

    /// Tries each once, and not for long: the next start brings what is missing.
    pub(in crate::engine) async fn bring(self) {
        let Self { folders, journal, origin, key, reaching } = self;
        let brought = spawn_blocking(move || {
            for folder in &folders {
                let Some(_turn) = reaching.take(folder) else {
                    warn!(folder = %folder.display(), cause = STILL_AT_IT, "the last checkpoint does not get there");
                    continue;
                };
                if let Err(cause) = into_directory(folder, &journal, &origin, &key) {
                    warn!(%cause, folder = %folder.display(), "the last checkpoint does not get there");
                }
            }
        });
        if tokio::time::timeout(LAST, brought).await.is_err() {
            warn!("the last checkpoint does not get out in time; the next start brings it");
        }
    }
}

/// How a place gets checkpoints.
enum Way {
    Keep(ExportPlace),
    Witness(WitnessPlace),
}

/// Brings every new checkpoint to one place, until stopped.
async fn keep(engine: EngineHandle, name: String, way: Way, stop: CancellationToken) {
    let mut newest = engine.checkpoints.subscribe();
    newest.mark_changed();
    let mut failures = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = newest.changed() => if changed.is_err() { return },
        }
        let Some(line) = newest.borrow_and_update().clone() else { continue };
        loop {
            let attempt = tokio::time::timeout(ATTEMPT, way.bring(&engine, &line));
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = attempt => done.unwrap_or_else(|_| Err("it takes too long".to_owned())),
            };
            let problem = match done {
                Ok(witness) => {
                    failures = 0;
                    engine.told(&name, PlaceFigures { up_to: line.seq, at: engine.now(), witness });
                    None
                }
                Err(problem) => Some(problem.chars().filter(|c| !c.is_control()).take(PROBLEM).collect()),
            };
            report(&engine, &name, problem.clone()).await;
            if problem.is_none() {
                break;
            }
            let wait = WAITS[failures.min(WAITS.len() - 1)];
            failures += 1;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// An outage is recorded when it begins and when it ends, not with every attempt.
pub(super) async fn report(engine: &EngineHandle, place: &str, problem: Option<String>) {
    if engine.state().evidence.outages.contains_key(place) == problem.is_some() {
        return;
    }
    match &problem {
        Some(problem) => warn!(place, problem, "checkpoints do not get there"),
        None => info!(place, "checkpoints get there again"),
    }
    let command = Command::ReportExport { place: place.to_owned(), problem };
    if let Err(cause) = engine.submit(command, Actor::Engine).await {
        warn!(%cause, "export");
    }
}

impl Way {
    /// Brings checkpoints up to this one there; a witness's name comes back.
    async fn bring(&self, engine: &EngineHandle, line: &CheckpointLine) -> Result<Option<String>, String> {
        let signed = || {
            let note = line.note.as_deref().ok_or("the checkpoint is not signed")?;
            SignedCheckpoint::parse(note).map_err(|error| error.to_string())
        };
        match self {
            Self::Keep(ExportPlace::Directory(folder)) => {
                let (folder, journal) = (folder.clone(), engine.journal.clone());
                let (origin, key) = (engine.state().engine.origin.clone(), engine.key.public().openssh());
                let turn = engine.reaching.take(&folder).ok_or(STILL_AT_IT)?;
                let bring = move || {
                    let _turn = turn;
                    into_directory(&folder, &journal, &origin, &key)
                };
                let brought = spawn_blocking(bring).await.map_err(|error| error.to_string())?;
                brought.map_err(|error| error.to_string())?;
                Ok(None)
            }
            Self::Keep(ExportPlace::Syslog(socket)) => {
                syslog::send(socket, engine.now(), &signed()?).await.map_err(|error| error.to_string())?;
                Ok(None)
            }
            Self::Witness(WitnessPlace::Unix(socket)) => {
                let (signed, witness) = (signed()?, Witness::unix(socket)?);
                let known = witness.known(&signed.checkpoint.origin).await?;
                if known > line.seq {
                    return Err(format!("it knows this journal up to event {known}, which is not there"));
                }
                let (journal, size) = (engine.journal.clone(), line.seq);
                let proof = spawn_blocking(move || prove_consistency(&journal, known, size)).await;
                let proof = proof.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
                let both = witness.show(&signed, &engine.key.public(), known, &proof).await?;
                let name = both.others().last().map(str::to_owned);
                let line = CheckpointLine { note: Some(both.to_string()), ssh_signature: None, ..line.clone() };
                let path = checkpoint_path(&engine.journal);
                let kept = spawn_blocking(move || append_checkpoints(&path, &[line])).await;
                kept.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
                Ok(name)
            }
        }
    }
}

/// Adds what a directory does not have yet to its file of this journal. The directory must be there: otherwise a missing mount
/// would go unnoticed. What it has must be of this journal: otherwise an older copy that was put back would.
fn into_directory(folder: &Path, journal: &Path, origin: &str, key: &str) -> io::Result<()> {
    if !folder.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no directory {}", folder.display())));
    }
    let file = |ending: &str| -> PathBuf { folder.join(format!("{}.{ending}", origin.replace('/', "-"))) };
    let there = match newest_checkpoint(&file("checkpoints"))? {
        None => 0,
        Some(there) => {
            let known = chain_hash(journal, there.seq).map_err(io::Error::other)?;
            if known.is_none_or(|known| known != there.hash) {
                let cause =
                    format!("it has a checkpoint of this journal at event {}, which is not the one here", there.seq);
                return Err(io::Error::new(io::ErrorKind::InvalidData, cause));
            }
            there.seq
        }
    };
    let mut missing = checkpoints_after(&checkpoint_path(journal), there)?;
    missing.retain(|line| line.note.is_some());
    if missing.is_empty() {
        return Ok(());
    }
    if !file("pub").exists() {
        fs::write(file("pub"), format!("{key} {origin}\n"))?;
    }
    append_checkpoints(&file("checkpoints"), &missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Event,
        engine::{Engine, Home, SystemClock},
        store::Journal,
    };

    /// A named pipe that nobody writes to hangs whoever opens it, as a dead mount does.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_directory_that_hangs_is_tried_once_and_again_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("codeblue.toml"),
            "[platform]\nname = \"Ward\"\n[[service]]\nname = \"desk\"\n",
        )
        .unwrap();
        let engine = Engine::start(&Home::at(folder.path()), Arc::new(SystemClock)).await.unwrap();
        let handle = engine.handle();
        let mount = folder.path().join("mount");
        fs::create_dir(&mount).unwrap();
        let pipe = mount.join(format!("{}.checkpoints", handle.state().engine.origin.replace('/', "-")));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let way = Way::Keep(ExportPlace::Directory(mount.clone()));
        let line = handle.checkpoint().await.unwrap().unwrap();
        let patience = Duration::from_millis(200);
        assert!(tokio::time::timeout(patience, way.bring(&handle, &line)).await.is_err(), "it hangs");
        for _ in 0..3 {
            let problem = way.bring(&handle, &line).await.unwrap_err();
            assert!(problem.contains("has not come back"), "{problem}");
        }
        // What opened the pipe to read comes back now.
        drop(fs::OpenOptions::new().write(true).open(&pipe).unwrap());
        fs::remove_file(&pipe).unwrap();
        while way.bring(&handle, &line).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(newest_checkpoint(&pipe).unwrap().unwrap().seq, line.seq);
        engine.stop("test").await;
    }

    #[test]
    fn a_directory_that_knows_more_or_something_else_is_not_reached() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, mount) = (folder.path().join("journal.db"), folder.path().join("mount"));
        fs::create_dir(&mount).unwrap();
        let key = Arc::new(crate::store::CheckpointKey::fresh().unwrap());
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let write = |what: &str, events: u64| {
            for ending in ["db", "db-wal", "db-shm", "checkpoints"] {
                let _ = fs::remove_file(journal.with_extension(ending));
            }
            let (mut journal, _) = Journal::open(&journal).unwrap();
            journal.seal_with("codeblue/ward/01234567".to_owned(), key.clone());
            for _ in 0..events {
                // Not a text that is kept beside it: the same is to have the same hash.
                let event = Event::EngineStopped { reason: what.to_owned() };
                journal.prepare(&crate::store::Draft { at, actor: Actor::Engine, cause: None, event }).unwrap();
            }
            journal.commit().unwrap();
            journal.checkpoint(at).unwrap();
        };
        let bring =
            || into_directory(&mount, &journal, "codeblue/ward/01234567", "key").map_err(|error| error.to_string());
        write("true", 5);
        assert_eq!(bring(), Ok(()));
        write("true", 9);
        assert_eq!((bring(), bring()), (Ok(()), Ok(())), "it goes on");
        write("true", 7);
        assert!(bring().unwrap_err().contains("at event 9"), "an older copy was put back");
        write("false", 12);
        assert!(bring().unwrap_err().contains("at event 9"), "and went its own way since");
    }
}
