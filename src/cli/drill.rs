//! `codeblue drill …`: which drills there are, answering and stopping the one that runs, and when the next are due.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::{
    drill_paper, drill_run,
    error::{CliError, Exit},
    report::Format,
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    domain::{self, CAUSES, Cause, Command, DrillClaim, DrillId, DrillOutcome, Refusal, Remedy, State},
    platform, runbook,
    sandbox::{self, DrillFile, DrillVolume},
};

/// Break the sandbox on purpose, work on it as if it were real, and see how well that went
#[derive(Debug, Subcommand)]
pub enum Drill {
    /// Every drill there is: those in `drills/` beside the platform file, and those that come with the program
    List,
    /// What a drill's file may break and what cures it: the answers are in it
    Show {
        /// Its id, or a file
        name: String,
    },
    /// Say everything that is wrong with drills' files, and where
    Lint {
        /// Without any: every drill there is
        files: Vec<PathBuf>,
    },
    /// Hold one: break the sandbox, watch until it is well again, take everything back, and tell the score
    Run(drill_run::Run),
    /// Say what is broken in the drill that runs; wrong answers cost
    Answer {
        /// The service in which the cause sits
        #[arg(required_unless_present = "nothing_broken")]
        service: Option<String>,
        /// What the cause is, such as pool-exhausted; docs/diagnosis.md lists all
        #[arg(long, value_parser = cause, required_unless_present = "nothing_broken")]
        cause: Option<Cause>,
        /// It is a false alarm
        #[arg(long, conflicts_with_all = ["service", "cause"])]
        nothing_broken: bool,
    },
    /// Stop the drill that runs, and have everything taken back
    Abort {
        drill: Option<DrillId>,
        #[arg(long)]
        reason: String,
    },
    /// Drills that were held, and the one that runs
    Held,
    /// The points of a drill and where they come from, once more from the journal
    Score { drill: DrillId },
    /// A drill as evidence: what was broken, what people did, what that scored, what to do better
    Report {
        drill: DrillId,
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
    },
    /// How sure it is that people can handle each scenario in each service
    Heatmap {
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
    },
    /// Which runbooks a drill has proved with 90 points or more, and whether they have changed since
    Proofs,
    /// When drills are due; with a name and --every: be reminded of it so often
    Schedule {
        /// The drill's id
        name: Option<String>,
        #[arg(long, value_enum, requires = "name")]
        every: Option<Every>,
        /// Do not be reminded of it any more
        #[arg(long, requires = "name", conflicts_with = "every")]
        off: bool,
    },
}

/// How often a drill is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Every {
    /// Every month
    Month,
    /// Every three months
    Quarter,
    /// Every year
    Year,
}

fn cause(text: &str) -> Result<Cause, String> {
    let named = CAUSES.iter().find(|row| row.name == text).map(|row| row.cause);
    named.ok_or_else(|| match platform::nearest(text, CAUSES.iter().map(|row| row.name)) {
        Some(meant) => format!("there is no such cause; did you mean {meant}?"),
        None => format!("expected one of {}", CAUSES.map(|row| row.name).join(", ")),
    })
}

impl Drill {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List => list(session),
            Self::Show { name } => show(session, &name),
            Self::Lint { files } => lint(session, &files),
            Self::Run(run) => run.run(session).await,
            Self::Answer { service, cause, .. } => {
                let drill = running(&session.client()?.state().await?)?;
                let claim = match (service, cause) {
                    (Some(service), Some(cause)) => DrillClaim::Broken { service, cause },
                    _ => DrillClaim::NothingBroken,
                };
                session.submit(Command::AnswerDrill { drill, claim }).await
            }
            Self::Abort { drill, reason } => {
                let drill = match drill {
                    Some(drill) => drill,
                    None => running(&session.client()?.state().await?)?,
                };
                session.submit(Command::AbortDrill { drill, reason }).await
            }
            Self::Held => held(session).await,
            Self::Score { drill } => drill_paper::points(session, drill).await,
            Self::Report { drill, format } => drill_paper::report(session, drill, format).await,
            Self::Proofs => drill_paper::proofs(session).await,
            Self::Heatmap { format } => drill_paper::heat_map(session, format).await,
            Self::Schedule { name: Some(file), off: true, .. } => {
                session.submit(Command::UnscheduleDrill { file }).await
            }
            Self::Schedule { name: Some(name), every: Some(every), .. } => {
                let every = match every {
                    Every::Month => domain::Cadence::Monthly,
                    Every::Quarter => domain::Cadence::Quarterly,
                    Every::Year => domain::Cadence::Yearly,
                };
                let file = named(session, &name)?.id;
                session.submit(Command::ScheduleDrill { file, every }).await
            }
            Self::Schedule { .. } => schedule(session).await,
        }
    }
}

fn running(state: &State) -> Result<DrillId, CliError> {
    let none = || {
        Refusal::new("no-drill", "no drill runs")
            .hint("begin one: codeblue drill run; which there are: codeblue drill list")
    };
    Ok(state.drills.running().map(|drill| drill.id).ok_or_else(none)?)
}

/// All drills of this home. Without a home there are those that come along.
pub(super) fn library(session: &Session) -> Result<Vec<DrillVolume>, CliError> {
    let folder = session.home().ok().and_then(|home| Some(home.platform_file().parent()?.join("drills")));
    sandbox::library(folder.as_deref()).map_err(|error| {
        let folder = folder.unwrap_or_default();
        CliError::Failed(format!("the drills in {} cannot be read: {error}", folder.display()))
    })
}

/// The drill that is meant, by its id or as a file.
pub(super) fn named(session: &Session, name: &str) -> Result<DrillFile, CliError> {
    let path = PathBuf::from(name);
    if path.extension().is_some_and(|ending| ending == "toml") {
        let failed = |error| CliError::Usage(format!("{name} cannot be read: {error}"));
        return Ok(sandbox::open(&path).map_err(failed)?.drill?);
    }
    let volumes = library(session)?;
    if let Some(volume) = sandbox::find(&volumes, name) {
        return Ok(volume.drill.clone()?);
    }
    let meant = platform::nearest(name, volumes.iter().map(DrillVolume::id));
    let hint = meant.map_or_else(|| "see: codeblue drill list".to_owned(), |id| format!("did you mean {id}?"));
    Err(CliError::Usage(format!("no drill is called {name:?}; {hint}")))
}

fn list(session: &Session) -> Result<Exit, CliError> {
    let volumes = library(session)?;
    let documents: Vec<_> = volumes
        .iter()
        .map(|volume| {
            let drill = volume.drill.as_ref().ok();
            json!({
                "id": volume.id(),
                "title": drill.map(|drill| &drill.title),
                "scenario": drill.map(|drill| drill.scenario),
                "book": drill.map(|drill| &drill.book),
                "variants": drill.map(|drill| drill.variants.len()),
                "builtIn": volume.built_in,
                "wrong": volume.drill.is_err(),
            })
        })
        .collect();
    session.output.result(&documents, || {
        let mut table = Table::new(["ID", "SCENARIO", "RUNBOOK", "VARIANTS", "TITLE"]);
        for volume in &volumes {
            match &volume.drill {
                Ok(drill) => table.row([
                    Cell::from(&drill.id),
                    Cell::from(drill.scenario_name),
                    Cell::from(&drill.book),
                    Cell::from(drill.variants.len().to_string()),
                    Cell::from(&drill.title),
                ]),
                Err(problems) => table.row([
                    Cell::from(volume.id()),
                    "".into(),
                    "".into(),
                    "".into(),
                    Cell::painted(
                        format!("{}; see: codeblue drill lint", text::count(problems.count(), "mistake")),
                        Paint::Bad,
                    ),
                ]),
            }
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

fn show(session: &Session, name: &str) -> Result<Exit, CliError> {
    let drill = named(session, name)?;
    let cures = |cures: &[Remedy]| -> Vec<String> {
        let told = |cure: &Remedy| match cure {
            Remedy::RunAction { service, action } => format!("{action} {service}"),
            Remedy::RollBack { component } => format!("roll back {component}"),
        };
        cures.iter().map(told).collect()
    };
    let faults = |variant: &sandbox::Variant| variant.faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    let decoys: Vec<String> = drill.decoys.iter().map(ToString::to_string).collect();
    let variants: Vec<_> = drill
        .variants
        .iter()
        .map(|variant| json!({"faults": faults(variant), "blame": variant.blame, "curedBy": cures(&variant.cured_by)}))
        .collect();
    let document = json!({
        "id": drill.id, "title": drill.title, "scenario": drill.scenario, "book": drill.book,
        "objectives": drill.objectives, "variants": variants, "decoys": decoys,
        "detectWithinSeconds": drill.detect_within.as_secs(), "recoverWithinSeconds": drill.recover_within.as_secs(),
        "stayWellForSeconds": drill.stay_well_for.as_secs(), "mayLoseSeconds": drill.may_lose.as_secs(),
        "limitSeconds": drill.limit.as_secs(),
    });
    session.output.result(&document, || {
        let mut page =
            format!("{}: {}\n  scenario {}, runbook {}\n", drill.id, drill.title, drill.scenario_name, drill.book);
        let seconds = |time: std::time::Duration| humantime::format_duration(time).to_string();
        page += &format!(
            "  noticed within {}, well within {}, stays well for {}, at most {} of writes lost; people have {}\n",
            seconds(drill.detect_within),
            seconds(drill.recover_within),
            seconds(drill.stay_well_for),
            seconds(drill.may_lose),
            seconds(drill.limit),
        );
        for objective in &drill.objectives {
            page += &format!("  {}: {}\n", objective.part, objective.text);
        }
        for variant in &drill.variants {
            let causes: Vec<String> = variant.blame.causes.iter().map(ToString::to_string).collect();
            page += &format!(
                "broken   {}\n  cause  {} in {}\n  cured  {}\n",
                faults(variant).join(", "),
                causes.join(" or "),
                variant.blame.service,
                cures(&variant.cured_by).join(", ")
            );
        }
        for decoy in &decoys {
            page += &format!("astray   {decoy}\n");
        }
        text::block(&page)
    })?;
    Ok(Exit::Done)
}

fn lint(session: &Session, files: &[PathBuf]) -> Result<Exit, CliError> {
    let open = |file: &PathBuf| {
        sandbox::open(file).map_err(|error| CliError::Usage(format!("{} cannot be read: {error}", file.display())))
    };
    let volumes =
        if files.is_empty() { library(session)? } else { files.iter().map(open).collect::<Result<_, _>>()? };
    let all = library(session)?;
    let problems: Vec<_> = volumes.iter().filter_map(|volume| volume.drill.as_ref().err()).flatten().collect();
    let folder = session.home().ok().and_then(|home| Some(home.platform_file().parent()?.join("runbooks")));
    let books = runbook::library(folder.as_deref()).unwrap_or_default();
    let mut missing = Vec::new();
    for book in books.iter().filter_map(|volume| volume.reading.runbook.as_ref()) {
        for name in book.front.drills.iter().filter(|name| sandbox::find(&all, name).is_none()) {
            missing.push((book.front.id.clone(), name.clone()));
        }
    }
    let ok = problems.is_empty();
    let document = json!({"ok": ok, "drills": volumes.len(), "problems": problems, "namedAndMissing": missing});
    session.output.result(&document, || {
        let mut page: String = problems.iter().map(|problem| text::line(&problem.to_string()) + "\n").collect();
        for (book, name) in &missing {
            page += &text::line(&format!("{book} names {name}, and there is no such drill"));
            page.push('\n');
        }
        page + &format!("{}, {}\n", text::count(volumes.len(), "drill"), text::count(problems.len(), "mistake"))
    })?;
    Ok(if ok { Exit::Done } else { Exit::Usage })
}

async fn held(session: &Session) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    session.output.result(&state.drills.held, || {
        let mut table = Table::new(["ID", "BEGAN", "MODE", "HELD BY", "ENDED", "WHAT"]);
        for drill in state.drills.held.values() {
            let ended = match &drill.ended {
                None => Cell::painted("▶ runs", Paint::Warn),
                Some(end) if end.outcome == DrillOutcome::Completed => Cell::painted("completed", Paint::Good),
                Some(end) => Cell::from(end.outcome.to_string()),
            };
            let truth = drill.ended.as_ref().and_then(|end| end.reveal.as_ref()).map(|reveal| &reveal.truth);
            let what = truth.map_or_else(
                || drill.told.scenario.clone().unwrap_or_else(|| "not told".to_owned()),
                |truth| format!("{} seed {}", truth.file, truth.seed),
            );
            table.row([
                Cell::from(drill.id.to_string()),
                Cell::from(text::moment(drill.started_at)),
                Cell::from(drill.mode.to_string()),
                Cell::from(drill.conductor.to_string()),
                ended,
                Cell::from(what),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

async fn schedule(session: &Session) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    session.output.result(&state.drills.planned, || {
        if state.drills.planned.is_empty() {
            return "no drill is scheduled: codeblue drill schedule NAME --every quarter\n".to_owned();
        }
        let mut table = Table::new(["DRILL", "EVERY", "DUE", "LAST"]);
        for (file, plan) in &state.drills.planned {
            table.row([
                Cell::from(file),
                Cell::from(plan.every.to_string()),
                due(plan.due_at, session.now()),
                Cell::from(plan.last.map_or_else(|| "never".to_owned(), |last| last.to_string())),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

fn due(at: DateTime<Utc>, now: DateTime<Utc>) -> Cell {
    let day = at.format("%Y-%m-%d");
    if at <= now { Cell::painted(format!("▲ DUE since {day}"), Paint::Warn) } else { Cell::from(day.to_string()) }
}
