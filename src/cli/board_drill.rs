//! The sandbox as the board may break it, and drills on it. A drill is held by a process of its own, by the same command as on the
//! command line: it goes on when the board is left, as people at other boards work on it, and its end is told by whoever holds it.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use super::{demo::own_binary, drill_run::sandbox_beside, error::CliError, session::Session, text};
use crate::{
    client::Client,
    domain::Command,
    engine::{Clock, Home, SystemClock},
    sandbox::{self, DEFAULT_LEASE, DrillFile, DrillVolume, FaultKind},
    tui::{Drill, DrillOffer, DrillWish, Fault, Holding},
};

/// What is read of what whoever held a drill has said last, in bytes.
const SAID: u64 = 2048;
/// How long taking a drill back may keep an engine that is to end.
const TO_TAKE_BACK: Duration = Duration::from_secs(60);
/// How often it is looked whether that is done.
const EVERY: Duration = Duration::from_millis(200);

/// A sandbox, and the engine that watches it.
pub(super) struct SandboxDrill {
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    home: Home,
    binary: PathBuf,
}

/// The sandbox beside the engine meant, where there is one.
pub(super) fn beside(session: &Session) -> Result<Option<SandboxDrill>, CliError> {
    if session.is_elsewhere() {
        return Ok(None);
    }
    let home = session.home()?;
    let dir = sandbox_beside(&home);
    dir.map(|dir| SandboxDrill::at(&dir, &home, Arc::new(SystemClock))).transpose()
}

impl SandboxDrill {
    pub(super) fn at(dir: &Path, home: &Home, clock: Arc<dyn Clock>) -> Result<Self, CliError> {
        Ok(Self { dir: dir.to_owned(), clock, home: home.clone(), binary: own_binary()? })
    }

    /// What whoever holds a drill says goes here; a pipe would end it with the board.
    fn said(&self) -> PathBuf {
        self.home.log().join("drill-run.log")
    }

    /// The command line that holds a drill.
    fn command(&self, wish: &DrillWish) -> std::io::Result<tokio::process::Command> {
        let said = File::create(self.said())?;
        let mut command = tokio::process::Command::new(&self.binary);
        command.args(["drill", "run"]).args(&wish.drill).args(["--mode", &wish.mode, "--as", &wish.operator]);
        let seed = wish.seed.map(|seed| seed.to_string());
        for (option, value) in [("--seed", &seed), ("--away", &wish.away), ("--unattended", &wish.play)] {
            if let Some(value) = value {
                command.args([option, value]);
            }
        }
        command.arg("--no-color").arg("--dir").arg(&self.dir);
        command.envs(self.home.environment());
        // In a process group of its own it hears nothing of what ends the board's terminal.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).process_group(0);
        Ok(command)
    }
}

/// The last that whoever held a drill has said.
fn last_words(said: &Path) -> String {
    let read = || {
        let mut file = File::open(said)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(SAID)))?;
        let mut bytes = Vec::new();
        file.take(SAID).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let words = read().unwrap_or_default();
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.split_at(lines.len().saturating_sub(2)).1 {
        [] => "it ended without a word".to_owned(),
        last => text::line(&last.join("; ")),
    }
}

impl Drill for SandboxDrill {
    fn faults(&self) -> Vec<Fault> {
        FaultKind::ALL
            .iter()
            .map(|kind| Fault {
                name: kind.name().to_owned(),
                about: format!("{}: {}", kind.default_service(), kind.what()),
            })
            .collect()
    }

    fn inject(&self, fault: &str) -> Result<String, String> {
        let kind = FaultKind::from_name(fault).map_err(|error| error.to_string())?;
        let record = sandbox::inject(&self.dir, kind, None, DEFAULT_LEASE, self.clock.now())
            .map_err(|error| error.to_string())?;
        Ok(format!("{} injected into {}; watch the board", record.fault.name(), record.service))
    }

    fn heal(&self) -> Result<String, String> {
        let healed = sandbox::heal(&self.dir).map_err(|error| error.to_string())?;
        Ok(match healed.faults.len() {
            0 => "no fault was in force".to_owned(),
            1 => "1 fault taken back".to_owned(),
            many => format!("{many} faults taken back"),
        })
    }

    fn offers(&self) -> Result<Vec<DrillOffer>, String> {
        let folder = self.home.platform_file().parent().map(|folder| folder.join("drills"));
        let volumes = sandbox::library(folder.as_deref()).map_err(|error| error.to_string())?;
        Ok(volumes.iter().map(offer).collect())
    }

    fn hold(&self, wish: DrillWish) -> Holding {
        let begun = self.command(&wish).and_then(|mut command| command.spawn());
        let (said, binary) = (self.said(), self.binary.display().to_string());
        Box::pin(async move {
            let failed = |error: std::io::Error| format!("{binary} drill run could not be begun: {error}");
            let ended = begun.map_err(failed)?.wait().await.map_err(failed)?;
            if ended.success() { Ok(()) } else { Err(last_words(&said)) }
        })
    }
}

fn offer(volume: &DrillVolume) -> DrillOffer {
    match &volume.drill {
        Ok(drill) => of_file(drill),
        Err(problems) => DrillOffer {
            id: volume.id().to_owned(),
            title: format!("{}: codeblue drill lint", text::count(problems.count(), "mistake")),
            scenario: String::new(),
            book: String::new(),
            services: BTreeSet::new(),
            detect_within: Duration::ZERO,
            recover_within: Duration::ZERO,
            limit: Duration::ZERO,
            readable: false,
        },
    }
}

fn of_file(drill: &DrillFile) -> DrillOffer {
    DrillOffer {
        id: drill.id.clone(),
        title: drill.title.clone(),
        scenario: drill.scenario_name.to_owned(),
        book: drill.book.clone(),
        services: drill.variants.iter().map(|variant| variant.blame.service.clone()).collect(),
        detect_within: drill.detect_within,
        recover_within: drill.recover_within,
        limit: drill.limit,
        readable: true,
    }
}

/// Stops the drill that runs and waits until it is taken back: an engine that ended before would leave it interrupted, and whoever
/// holds it would heal a sandbox that is being ended.
pub(super) async fn end_drill(client: &Client, reason: &str, tell: impl Fn(&str)) {
    let running = async || client.state().await.ok().and_then(|state| state.drills.running().map(|drill| drill.id));
    let Some(drill) = running().await else { return };
    tell(&format!("{drill} is stopped and taken back first"));
    // Who stopped it before, or may not, changes nothing: its end is waited for all the same.
    let _ = client.submit(&Command::AbortDrill { drill, reason: reason.to_owned() }).await;
    let over = async {
        while running().await.is_some() {
            tokio::time::sleep(EVERY).await;
        }
    };
    if tokio::time::timeout(TO_TAKE_BACK, over).await.is_err() {
        tell(&format!(
            "{drill} was not taken back in time; its faults end with their lease, or with: codeblue sandbox heal"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::TUTORIAL;

    #[test]
    fn the_tutorial_begins_soon_and_leads_nobody_astray() {
        let (id, seed) = TUTORIAL;
        let volumes = sandbox::library(None).unwrap();
        let file = sandbox::find(&volumes, id).and_then(|volume| volume.drill.as_ref().ok()).unwrap();
        let drawn = sandbox::draw(file, seed, false).unwrap();
        assert!(drawn.decoys.is_empty(), "{:?}: another seed has none", drawn.truth.decoys);
        assert!(!drawn.faults.is_empty() && drawn.quiet.as_secs() <= 8, "{:?}", drawn.quiet);
    }
}
