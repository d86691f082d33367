//! `codeblue drill run`: holds one drill from its start to its score.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{
    drill, drill_paper,
    error::{CliError, Exit},
    sandbox::found,
    serve::until_told_to_stop,
    session::Session,
    text,
};
use crate::{
    domain::{DrillMode, DrillOutcome},
    engine::{Clock, Home, SystemClock},
    sandbox::{self, DrillFile, Holding, Play},
};

/// Hold one: break the sandbox, watch until it is well again, take everything back, and tell the score
#[derive(Debug, Args)]
pub struct Run {
    /// Its id, or a file; without one the seed picks it, and not even you know
    name: Option<String>,
    /// What variant, decoys and time are drawn from; another one each time when not given
    #[arg(long)]
    seed: Option<u64>,
    /// How much people are told before
    #[arg(long, value_enum, default_value_t = Mode::Blind)]
    mode: Mode,
    /// Who is asked to take part; may be repeated
    #[arg(long = "with", value_name = "OPERATOR")]
    team: Vec<String>,
    /// Who plays to be away; may be repeated
    #[arg(long, value_name = "OPERATOR")]
    away: Vec<String>,
    /// How long people have, instead of what the drill's file says
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    limit: Option<Duration>,
    /// Nobody is there: let the program play people, as operators of the same login
    #[arg(long, value_enum, value_name = "PLAY")]
    unattended: Option<Play>,
    /// The sandbox; that of the demo whose engine is meant by default
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// How much people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Everything, to learn the way
    Tutorial,
    /// The scenario and its runbook
    Guided,
    /// Nothing
    Blind,
    /// Nothing, and those named with --away do nothing
    KeyPersonAway,
    /// Nothing, and nothing is broken; it is announced as a blind one
    FalseAlarm,
}

impl Run {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let client = session.client()?;
        let home = session.home()?;
        let seed = self.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
        let file = self.file(session, seed)?;
        let false_alarm = self.mode == Mode::FalseAlarm;
        let wrong = || CliError::Usage(format!("{} has nothing to draw from", file.id));
        let mut drawn = sandbox::draw(&file, seed, false_alarm).ok_or_else(wrong)?;
        drawn.limit = self.limit.unwrap_or(drawn.limit);
        drawn.truth.book_hash = drill_paper::hash_of(session, &drawn.truth.book).unwrap_or_default();
        let away: BTreeSet<String> = self.away.into_iter().collect();
        let mode = match self.mode {
            Mode::Tutorial => DrillMode::Tutorial,
            Mode::Guided => DrillMode::Guided,
            Mode::KeyPersonAway => DrillMode::KeyPersonAway,
            // A false alarm that is announced is none.
            Mode::Blind | Mode::FalseAlarm if !away.is_empty() => DrillMode::KeyPersonAway,
            Mode::Blind | Mode::FalseAlarm => DrillMode::Blind,
        };
        let holding = Holding {
            client: client.clone(),
            sandbox: sandbox_of(session, &home, self.dir)?,
            drawn,
            mode,
            team: self.team.into_iter().collect(),
            away,
            lever: home.drill_lever(),
            play: self.unattended,
        };
        let stop = async {
            // Without signals to listen to it runs to its end.
            if until_told_to_stop().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let tell = |line: &str| session.output.progress(line);
        let held = sandbox::hold(holding, || SystemClock.now(), tell, stop).await?;
        if held.outcome != DrillOutcome::Completed {
            let document = json!({"drill": held.drill, "outcome": held.outcome, "reason": held.reason});
            session
                .output
                .result(&document, || text::line(&format!("{} {}: {}", held.drill, held.outcome, held.reason)))?;
            return Ok(Exit::Failed);
        }
        drill_paper::points(session, held.drill).await
    }

    /// The drill meant, or the one that the seed picks of all that can be read.
    fn file(&self, session: &Session, seed: u64) -> Result<DrillFile, CliError> {
        if let Some(name) = &self.name {
            return drill::named(session, name);
        }
        let mut all: Vec<DrillFile> =
            drill::library(session)?.into_iter().filter_map(|volume| volume.drill.ok()).collect();
        all.sort_by(|one, other| one.id.cmp(&other.id));
        let count = u64::try_from(all.len()).unwrap_or(1).max(1);
        let place = usize::try_from(seed % count).unwrap_or_default();
        all.into_iter().nth(place).ok_or_else(|| CliError::Usage("there is no drill: codeblue drill lint".to_owned()))
    }
}

/// The sandbox named, or the one beside the engine's home, as a demo lays them out, or that of the running demo.
fn sandbox_of(session: &Session, home: &Home, named: Option<PathBuf>) -> Result<PathBuf, CliError> {
    match (named, sandbox_beside(home)) {
        (None, Some(beside)) => Ok(beside),
        (named, _) => found(session, named),
    }
}

/// The sandbox beside an engine's home, as a demo lays them out.
pub(super) fn sandbox_beside(home: &Home) -> Option<PathBuf> {
    let beside = home.platform_file().parent()?.parent()?.join("sandbox");
    beside.is_dir().then_some(beside)
}
