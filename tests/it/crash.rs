//! `codeblue serve` is killed at random moments of its work, again and again on the same home. Afterwards the journal is
//! whole, what was promised has happened, and every component is wholly old or wholly new.
//!
//! Each storm prints its seed; `CODEBLUE_TEST_SEED` repeats its choices, `CODEBLUE_TEST_KILLS` makes it longer.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command as Program, Stdio},
    time::{Duration, Instant},
};

use codeblue::{
    client::{Client, ClientError, Update},
    domain::{
        Command, Event, Recorded, Recovery, RecoveryId, RecoveryOutcome, RollbackRequest, RollbackTarget, Scope,
        SnapshotId, SnapshotState, State, Status,
    },
    engine::Answer,
    store::verify_file,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::sync::mpsc;

use crate::served::{Bed, everything, newest, settled};

/// How long anything may take before it counts as never.
const LIMIT: Duration = Duration::from_secs(60);

/// The real program, at work on a bed.
struct Engine {
    process: Child,
    client: Client,
}

impl Engine {
    fn spawn(bed: &Bed) -> Self {
        let process = Program::new(env!("CARGO_BIN_EXE_codeblue"))
            .arg("--home")
            .arg(bed.path("home"))
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(bed.path("said")).unwrap())
            .spawn()
            .unwrap();
        Self { process, client: Client::unix(&bed.home.socket(), Some("alice".to_owned())).unwrap() }
    }

    async fn start(bed: &Bed) -> Self {
        let mut engine = Self::spawn(bed);
        let begun = Instant::now();
        while !engine.client.is_up().await {
            if let Some(status) = engine.process.try_wait().unwrap() {
                panic!("the engine ended with {status}: {}", fs::read_to_string(bed.path("said")).unwrap());
            }
            assert!(begun.elapsed() < LIMIT, "the engine does not answer");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        engine
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    async fn until(&self, what: &str, wished: impl Fn(&State) -> bool) -> State {
        let begun = Instant::now();
        loop {
            let state = self.client.state().await.unwrap();
            if wished(&state) {
                return state;
            }
            assert!(begun.elapsed() < LIMIT, "never happened: {what}; {:#?} {:#?}", state.recoveries, state.snapshots);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn quiet(&self) -> State {
        self.until("all work over", |state| settled(state) && state.running_recoveries().next().is_none()).await
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What is live.
#[derive(Debug, Clone, PartialEq, Eq)]
struct World {
    release: PathBuf,
    papers: BTreeMap<PathBuf, String>,
    records: Vec<String>,
}

impl World {
    fn of(bed: &Bed) -> Self {
        let database = bed.database();
        let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        let mut rows = database.prepare("SELECT text FROM chart ORDER BY id").unwrap();
        let records = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let mut papers = BTreeMap::new();
        read(&bed.path("papers"), &mut papers);
        Self { release: fs::read_link(bed.path("app/current")).unwrap(), papers, records }
    }

    /// This world with what the other has of some components.
    fn with(mut self, other: &Self, components: &[&str]) -> Self {
        for component in components {
            match *component {
                "desk-code" => self.release.clone_from(&other.release),
                "papers" => self.papers.clone_from(&other.papers),
                _ => self.records.clone_from(&other.records),
            }
        }
        self
    }
}

fn read(dir: &Path, into: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, into);
        } else {
            into.insert(path.clone(), fs::read_to_string(&path).unwrap());
        }
    }
}

/// Makes everything different from every round before: content, what is there, and the release.
fn change_everything(bed: &Bed, round: usize) {
    let papers = bed.path("papers");
    let _ = fs::remove_dir_all(&papers);
    for number in 0..60 {
        let folder = papers.join(format!("drawer-{}", (number + round) % 7));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(number.to_string()), format!("{round} {number} ").repeat(100)).unwrap();
    }
    let mut database = bed.database();
    let all = database.transaction().unwrap();
    all.execute("DELETE FROM chart", []).unwrap();
    for row in 0..500 + round {
        all.execute("INSERT INTO chart (text) VALUES (?)", [format!("{round} {row}").repeat(20)]).unwrap();
    }
    all.commit().unwrap();
    let next = bed.path("app/next");
    std::os::unix::fs::symlink(if round == 0 { "releases/v1" } else { "releases/v2" }, &next).unwrap();
    fs::rename(next, bed.path("app/current")).unwrap();
}

/// What work the engine is killed at.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Work {
    Snapshot,
    Rollback(&'static [&'static str]),
    Undo(&'static [&'static str]),
}

const ALL: &[&str] = &["desk-code", "papers", "records"];

fn rollback(components: &[&str], to: SnapshotId) -> Command {
    Command::RequestRollback(RollbackRequest {
        scope: Scope::Components(components.iter().map(|&name| name.to_owned()).collect()),
        to: Some(RollbackTarget::Snapshot(to)),
        reason: "storm".to_owned(),
        incident: None,
    })
}

fn started(answer: &Answer) -> Option<RecoveryId> {
    answer.events.iter().find_map(|recorded| match &recorded.event {
        Event::RecoveryStarted { recovery, .. } => Some(*recovery),
        _ => None,
    })
}

/// When the engine is killed: so many events after the command, and a little later.
#[derive(Debug, Clone, Copy)]
struct Moment {
    events: usize,
    later: Duration,
}

/// Gives a command and kills the engine at the moment; without a moment waits for the end. Also gives the number of events.
async fn act(engine: Engine, command: &Command, moment: Option<Moment>) -> (Result<Answer, ClientError>, usize) {
    let (sender, mut news) = mpsc::channel(4096);
    let client = engine.client.clone();
    let follower = tokio::spawn(async move { client.follow(sender).await });
    while !matches!(news.recv().await, Some(Update::Live(_))) {}
    let (client, command) = (engine.client.clone(), command.clone());
    let asked = tokio::spawn(async move { client.submit(&command).await });
    let mut seen = 0;
    match moment {
        None => {
            let answer = asked.await.unwrap();
            let end = engine.quiet().await.seq;
            while let Ok(Some(update)) = tokio::time::timeout(LIMIT, news.recv()).await {
                if let Update::Event(event) = update {
                    seen += 1;
                    if event.seq >= end {
                        break;
                    }
                }
            }
            follower.abort();
            (answer, seen)
        }
        Some(Moment { events, later }) => {
            let wait = async {
                while seen < events {
                    match news.recv().await {
                        Some(Update::Event(_)) => seen += 1,
                        Some(Update::Lost(_)) | None => break,
                        Some(_) => {}
                    }
                }
            };
            // A round may have fewer events than the first: then it is killed at rest.
            let _ = tokio::time::timeout(Duration::from_secs(3), wait).await;
            tokio::time::sleep(later).await;
            engine.kill();
            follower.abort();
            (asked.await.unwrap(), seen)
        }
    }
}

/// Kills in one storm.
fn kills() -> usize {
    std::env::var("CODEBLUE_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

async fn storm(work: Work) {
    let seed = std::env::var("CODEBLUE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random);
    println!("{work:?}: CODEBLUE_TEST_SEED={seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let bed = Bed::new("drill").await;
    change_everything(&bed, 0);
    let mut engine = Engine::start(&bed).await;
    engine.until("healthy", |state| state.services.get("desk").is_some_and(|d| d.status == Status::Healthy)).await;
    engine.until("first snapshot over", |state| !state.snapshots.is_empty() && settled(state)).await;
    engine.client.submit(&everything()).await.unwrap();
    let (good, _) = newest(&engine.quiet().await, "records");
    let target = World::of(&bed);

    let mut usual = 0;
    for round in 0..=kills() {
        change_everything(&bed, round + 1);
        let mut before = World::of(&bed);
        let mut after = before.clone();
        let command = match work {
            Work::Snapshot => everything(),
            Work::Rollback(components) => {
                after = after.with(&target, components);
                rollback(components, good)
            }
            Work::Undo(components) => {
                let answer = engine.client.submit(&rollback(components, good)).await.unwrap();
                engine.quiet().await;
                before = World::of(&bed);
                assert_eq!(before, after.clone().with(&target, components));
                Command::UndoRecovery { recovery: started(&answer).unwrap(), reason: "storm".to_owned() }
            }
        };
        let moment = (round > 0).then(|| Moment {
            events: dice.random_range(0..=usual),
            later: Duration::from_micros(dice.random_range(0..30_000)),
        });
        let known = engine.client.state().await.unwrap().seq;
        let (answer, seen) = act(engine, &command, moment).await;
        usual = usual.max(if moment.is_none() { seen } else { 0 });
        let story = format!("round {round} of seed {seed}, killed at {moment:?}, answer {}", answer.is_ok());

        if moment.is_some() && dice.random_bool(0.4) {
            // Once more, while it starts or takes up what was cut off.
            let again = Engine::spawn(&bed);
            tokio::time::sleep(Duration::from_micros(dice.random_range(0..600_000))).await;
            again.kill();
        }
        let proof = verify_file(&bed.home.journal()).unwrap();
        assert!(proof.ok, "{story}: {proof:?}");
        engine = Engine::start(&bed).await;
        let state = engine.quiet().await;
        println!("{story}, last words: {}", last_words(&engine, known).await);
        promises_kept(&engine, answer.as_ref().ok(), &story).await;
        match work {
            Work::Snapshot => snapshots_whole(&engine, &state, known, &answer, &story).await,
            Work::Rollback(_) | Work::Undo(_) => {
                let begun = begun_since(&engine, known).await;
                assert!(begun.is_some() || answer.is_err(), "{story}: an accepted recovery is forgotten");
                let outcome = begun.and_then(|id| state.recoveries[&id].ended).map(|(_, outcome)| outcome);
                let run = begun.map(|id| &state.recoveries[&id]);
                whole(&World::of(&bed), &before, &after, outcome, run, &story);
            }
        }
        litter(&bed, &story);
    }
    drop(engine);
    let proof = verify_file(&bed.home.journal()).unwrap();
    assert!(proof.ok, "{proof:?}");
}

/// Every component is wholly as before or wholly as wished, as the recovery says.
fn whole(
    live: &World,
    before: &World,
    after: &World,
    outcome: Option<RecoveryOutcome>,
    run: Option<&Recovery>,
    story: &str,
) {
    let expected = if outcome == Some(RecoveryOutcome::Succeeded) { after } else { before };
    assert_eq!(live.release, expected.release, "{story}: {run:#?}");
    assert!(live.papers == expected.papers, "{story}: papers are not as {outcome:?} promises: {run:#?}");
    assert!(live.records == expected.records, "{story}: records are not as {outcome:?} promises: {run:#?}");
}

/// The events of an answer are in the journal as they were told.
async fn promises_kept(engine: &Engine, answer: Option<&Answer>, story: &str) {
    let Some(first) = answer.and_then(|answer| answer.events.first()) else { return };
    let told = answer.map(|answer| answer.events.clone()).unwrap_or_default();
    let kept = engine.client.events(first.seq - 1, told.len()).await.unwrap();
    assert_eq!(kept, told, "{story}");
}

async fn since(engine: &Engine, known: u64) -> Vec<Recorded> {
    engine.client.events(known, 10_000).await.unwrap()
}

/// The last event before the engine was killed.
async fn last_words(engine: &Engine, known: u64) -> String {
    let events = since(engine, known).await;
    let before = events.iter().take_while(|recorded| !matches!(recorded.event, Event::EngineStarted { .. }));
    before.last().map_or_else(|| "none".to_owned(), |recorded| format!("{:.60?}", recorded.event))
}

/// The recovery that was begun after a position.
async fn begun_since(engine: &Engine, known: u64) -> Option<RecoveryId> {
    since(engine, known).await.iter().find_map(|recorded| match &recorded.event {
        Event::RecoveryStarted { recovery, .. } => Some(*recovery),
        _ => None,
    })
}

/// A snapshot that was asked for is there, holds what is live, and its bytes are right.
async fn snapshots_whole(
    engine: &Engine,
    state: &State,
    known: u64,
    answer: &Result<Answer, ClientError>,
    story: &str,
) {
    let asked: Vec<SnapshotId> = since(engine, known)
        .await
        .iter()
        .filter_map(|recorded| match &recorded.event {
            Event::SnapshotRequested { snapshot, .. } => Some(*snapshot),
            _ => None,
        })
        .collect();
    assert!(!asked.is_empty() || answer.is_err(), "{story}: an accepted snapshot is forgotten");
    for id in asked {
        let snapshot = &state.snapshots[&id];
        assert_eq!(snapshot.state, SnapshotState::Complete, "{story}: {snapshot:#?}");
        assert_eq!(snapshot.captured.len(), ALL.len(), "{story}");
        let proof = engine.client.verify(id).await.unwrap();
        assert_eq!(proof["ok"], true, "{story}: {proof}");
        for difference in engine.client.difference(id, None).await.unwrap() {
            assert_eq!(difference.total, 0, "{story}: {difference:?}");
        }
    }
}

/// Nothing half made lies about: not beside what is live, and no copy of the data outside the vault.
fn litter(bed: &Bed, story: &str) {
    let names = |dir: PathBuf| -> Vec<String> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    for dir in ["", "app", "app/releases"] {
        let left: Vec<String> = names(bed.path(dir)).into_iter().filter(|name| name.starts_with(".codeblue")).collect();
        assert!(left.is_empty(), "{story}: {left:?} in {dir:?}");
    }
    let mut copies = Vec::new();
    files(&bed.home.work(), &mut copies);
    copies.retain(|path| path.extension().is_none_or(|ending| ending != "json"));
    assert!(copies.is_empty(), "{story}: {copies:?}");
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_snapshots_are_taken() {
    storm(Work::Snapshot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_files_go_back() {
    storm(Work::Rollback(&["papers"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_database_goes_back() {
    storm(Work::Rollback(&["records"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_everything_goes_back() {
    storm(Work::Rollback(ALL)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_rollback_is_undone() {
    storm(Work::Undo(ALL)).await;
}
