//! `codeblue runbook run …` and what belongs to a run: everything that the walkthrough of the board does, for scripts and drills.

use std::collections::BTreeMap;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;

use super::{
    danger,
    error::{CliError, Exit},
    runbook_page::{details, page, time_left},
    session::Session,
    table::{Cell, Table},
    text, wait,
};
use crate::{
    client::Client,
    domain::{
        Awaited, Command, Event, Halt, IncidentId, Recorded, Refusal, Run, RunId, RunMode, Stand, State, StepAnswer,
        StepStanding, UnknownAnswer, differences,
        runbook::{Runbook, Step, Work},
        standing,
    },
    engine::Answer,
    report::RunReport,
};

/// Walking through a book
#[derive(Debug, Subcommand)]
pub enum Walk {
    /// Begin to walk through a book, and show where it stands
    Run {
        /// The id of a book of the engine, or the beginning of it, such as RB-02
        book: String,
        /// The value of an input; may be repeated
        #[arg(long, value_name = "NAME=VALUE", value_parser = super::runbook::input)]
        input: Vec<(String, String)>,
        /// The incident it is for
        #[arg(long)]
        incident: Option<IncidentId>,
        /// As a drill: steps say themselves what a drill does with them
        #[arg(long)]
        drill: bool,
        /// Go on as far as no person is needed; exit code 10 where one is
        #[arg(long)]
        unattended: bool,
    },
    /// Every run: where it stands and how long it has left
    Runs {
        /// Also those that are over
        #[arg(long)]
        all: bool,
    },
    /// One run, step by step, and what it waits for
    ShowRun { run: RunId },
    /// What has changed in a run's book since it began; go on by the new text, where nothing that was done says something else
    Rebase {
        run: RunId,
        /// Only show what has changed
        #[arg(long)]
        dry_run: bool,
    },
    /// Have the step run at which a run stands; without a command: say that it is done
    Step {
        #[command(flatten)]
        at: Place,
        /// What the step asks to be typed, in place of typing it
        #[arg(long, value_name = "TEXT")]
        confirm: Option<String>,
        /// Do not stay until it is over
        #[arg(long)]
        no_wait: bool,
    },
    /// Go on as far as no person is needed; exit code 10 where one is
    Resume { run: RunId },
    /// Agree, as a second person, to the next attempt of a step
    CoSign {
        #[command(flatten)]
        at: Place,
    },
    /// Tick a task, answer it, choose, or tell what a step has not set
    #[command(group(ArgGroup::new("said").required(true)))]
    Answer {
        #[command(flatten)]
        at: Place,
        /// A task that is done, counted from 1
        #[arg(long, value_name = "N", group = "said")]
        tick: Option<usize>,
        /// A task that is not, after all
        #[arg(long, value_name = "N", group = "said")]
        untick: Option<usize>,
        /// The answer to a task
        #[arg(long, value_name = "N=ANSWER", group = "said", value_parser = numbered)]
        text: Option<(usize, String)>,
        /// The choice of a decision, counted from 1
        #[arg(long, value_name = "N", group = "said")]
        choose: Option<usize>,
        /// What an earlier step should have set, and has not
        #[arg(long, value_name = "NAME=VALUE", group = "said", value_parser = super::runbook::input)]
        value: Option<(String, String)>,
    },
    /// Leave a step out
    Skip {
        #[command(flatten)]
        at: Place,
        #[arg(long)]
        reason: String,
    },
    /// Say that a step was done in another way
    MarkDone {
        #[command(flatten)]
        at: Place,
        #[arg(long)]
        reason: String,
    },
    /// Take the last change back: the run goes to the step that does so
    Undo {
        run: RunId,
        /// The step that is taken back; without it the last one that can be
        step: Option<String>,
        #[arg(long)]
        reason: String,
    },
    /// Say how it goes on after a step of which nobody knows what it has done
    #[command(group(ArgGroup::new("how").required(true)))]
    Resolve {
        #[command(flatten)]
        at: Place,
        /// Have its check decide
        #[arg(long, group = "how")]
        verify: bool,
        /// Run it again
        #[arg(long, group = "how")]
        again: bool,
        /// It is done
        #[arg(long, group = "how")]
        done: bool,
        #[arg(long)]
        reason: String,
        /// What the step asks to be typed, where it runs again
        #[arg(long, value_name = "TEXT")]
        confirm: Option<String>,
    },
    /// End the program that runs for a step
    Cancel {
        #[command(flatten)]
        at: Place,
        #[arg(long)]
        reason: String,
    },
    /// End a run before its end
    Abandon {
        run: RunId,
        #[arg(long)]
        reason: String,
    },
}

/// A step of a run.
#[derive(Debug, Args)]
pub struct Place {
    run: RunId,
    /// The step; without it the one at which the run stands
    step: Option<String>,
}

fn numbered(text: &str) -> Result<(usize, String), String> {
    let read = text.split_once('=').and_then(|(number, answer)| Some((number.parse().ok()?, answer.to_owned())));
    read.ok_or_else(|| "expected N=ANSWER, such as 2=records-db".to_owned())
}

impl Place {
    /// The run and the name of the step.
    async fn find(self, client: &Client) -> Result<(RunId, String), CliError> {
        let state = client.state().await?;
        let run = state.run(self.run)?;
        let step = match self.step {
            Some(step) => step,
            None => current(run)?.name.clone(),
        };
        Ok((self.run, step))
    }
}

fn current(run: &Run) -> Result<&Step, CliError> {
    Ok(run.current().ok_or_else(|| {
        Refusal::new("run-over", format!("{} is over", run.id)).hint("begin the book again: codeblue runbook list")
    })?)
}

impl Walk {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let client = session.client()?;
        let (id, command) = match self {
            Self::Run { book, input, incident, drill, unattended } => {
                let mode = if drill { RunMode::Drill } else { RunMode::Emergency };
                return begin(session, &client, book, input.into_iter().collect(), incident, mode, unattended).await;
            }
            Self::Runs { all } => return list(session, &client, all).await,
            Self::Rebase { run, dry_run } => return rebase(session, &client, run, dry_run).await,
            Self::ShowRun { run } => return show(session, &client.state().await?, run),
            Self::Step { at, confirm, no_wait } => {
                let (run, step) = at.find(&client).await?;
                let confirmation = match confirm {
                    Some(text) => Some(text),
                    None => asked(session, &client.state().await?, run)?,
                };
                let command = Command::RunStep { run, step, confirmation };
                if no_wait {
                    return session.submit(command).await;
                }
                (run, command)
            }
            Self::Resume { run } => return go_on(session, &client, run).await,
            Self::CoSign { at } => {
                let (run, step) = at.find(&client).await?;
                (run, Command::CoSignStep { run, step })
            }
            Self::Answer { at, tick, untick, text, choose, value } => {
                let (run, step) = at.find(&client).await?;
                let answer = tick
                    .map(|task| StepAnswer::Tick { task })
                    .or(untick.map(|task| StepAnswer::Untick { task }))
                    .or(text.map(|(task, value)| StepAnswer::Text { task, value }))
                    .or(choose.map(|choice| StepAnswer::Choice { choice }))
                    .or(value.map(|(name, value)| StepAnswer::Value { name, value }));
                let answer = answer.ok_or_else(|| CliError::Usage("nothing was said".to_owned()))?;
                (run, Command::AnswerStep { run, step, answer })
            }
            Self::Skip { at, reason } => {
                let (run, step) = at.find(&client).await?;
                (run, Command::SkipStep { run, step, reason })
            }
            Self::MarkDone { at, reason } => {
                let (run, step) = at.find(&client).await?;
                (run, Command::MarkStepDone { run, step, reason })
            }
            Self::Undo { run, step, reason } => {
                let state = client.state().await?;
                let last = || state.run(run).ok()?.next_undo().map(|(step, _)| step.name.clone());
                let step = step.or_else(last).ok_or_else(|| {
                    Refusal::new("nothing-to-undo", format!("{run} has changed nothing that can be taken back"))
                        .hint(format!("nothing is left to take back: codeblue runbook show-run {run}"))
                })?;
                (run, Command::UndoStep { run, step, reason })
            }
            Self::Resolve { at, verify, again, reason, confirm, .. } => {
                let (run, step) = at.find(&client).await?;
                let how = match (verify, again) {
                    (true, _) => UnknownAnswer::Verify,
                    (_, true) => UnknownAnswer::RunAgain,
                    _ => UnknownAnswer::Done,
                };
                (run, Command::ResolveUnknown { run, step, how, reason, confirmation: confirm })
            }
            Self::Cancel { at, reason } => {
                let (run, step) = at.find(&client).await?;
                (run, Command::CancelStep { run, step, reason })
            }
            Self::Abandon { run, reason } => (run, Command::AbandonRun { run, reason }),
        };
        let answer = session.give(&client, &command).await?;
        let state = settled(session, &client, id, &answer).await?;
        show(session, &state, id)?;
        Ok(match &state.run(id)?.stand {
            Stand::At { .. } | Stand::Undoing { .. } => Exit::Done,
            _ => exit_of(state.run(id)?),
        })
    }
}

async fn begin(
    session: &Session,
    client: &Client,
    book: String,
    inputs: BTreeMap<String, String>,
    incident: Option<IncidentId>,
    mode: RunMode,
    unattended: bool,
) -> Result<Exit, CliError> {
    let command = Command::StartRun { book, seen: None, inputs, incident, mode, found: None };
    let answer = session.give(client, &command).await?;
    let begun = answer.events.iter().find_map(|recorded| match &recorded.event {
        Event::RunStarted { run, .. } => Some(*run),
        _ => None,
    });
    let id = begun.ok_or_else(|| CliError::Failed("the engine has begun no run".to_owned()))?;
    if unattended {
        return go_on(session, client, id).await;
    }
    show(session, &client.state().await?, id)
}

/// Shows how a run's book has changed, and has the run go on by the new text.
async fn rebase(session: &Session, client: &Client, id: RunId, dry_run: bool) -> Result<Exit, CliError> {
    let state = client.state().await?;
    let run = state.run(id)?;
    let books = client.books().await?;
    let book = books.iter().find(|book| book.id == run.book.front.id).and_then(|book| book.runbook.as_ref());
    let book = book.ok_or_else(|| {
        Refusal::new("unknown-runbook", format!("the engine has no {} that can be read any more", run.book.front.id))
            .hint("the run goes on by the text that it began with; see: codeblue runbook lint")
    })?;
    let found = differences(run, book);
    let document = json!({"run": id, "from": run.book.hash, "to": book.hash, "differences": found});
    if !dry_run {
        let command = Command::RebaseRun { run: id, seen: Some(book.hash.clone()), found: None };
        session.give(client, &command).await?;
    }
    session.output.result(&document, || {
        if book.hash == run.book.hash {
            return format!("{} says what {id} began with", text::line(&book.front.id));
        }
        let mut table = Table::new(["", "STEP", "DONE BY THE OLD TEXT", "BEFORE", "NOW"]);
        let says = |book: &Runbook, name: &str| {
            let step = book.step(name);
            let shown =
                step.and_then(|step| step.work.execution()).map(|found| found.command.shown(|name| format!("${name}")));
            Cell::from(shown.or_else(|| step.map(|step| step.title.clone())).unwrap_or_else(|| "—".to_owned()))
        };
        for one in &found {
            table.row([
                one.what.word().into(),
                Cell::from(&one.step),
                if one.begun { "yes" } else { "" }.into(),
                says(&run.book, &one.step),
                says(book, &one.step),
            ]);
        }
        let end =
            if dry_run { format!("go on by it: codeblue runbook rebase {id}") } else { format!("{id} goes on by it") };
        match found.is_empty() {
            true => format!("only text around the steps has changed; {end}"),
            false => format!("{}\n{end}", table.render(&session.output).trim_end()),
        }
    })?;
    Ok(Exit::Done)
}

/// What the step asks to be typed, where somebody is there to type it.
fn asked(session: &Session, state: &State, id: RunId) -> Result<Option<String>, CliError> {
    let run = state.run(id)?;
    let step = current(run)?;
    let Work::Action(action) = &step.work else { return Ok(None) };
    let wanted = match &action.confirm {
        crate::domain::runbook::Confirm::No => return Ok(None),
        crate::domain::runbook::Confirm::Yes => "yes",
        crate::domain::runbook::Confirm::Typed(text) => text,
    };
    if !danger::can_ask() {
        return Ok(None);
    }
    let report = RunReport::of(state, id, session.now())?;
    let shown: Vec<String> = report.current().map(|found| details(run, step, found)).unwrap_or_default();
    danger::ask(wanted, &shown.join("\n"), session.host())?;
    Ok(Some(wanted.to_owned()))
}

/// The state once nothing runs in a run any more; tells what happens meanwhile.
async fn settled(session: &Session, client: &Client, id: RunId, answer: &Answer) -> Result<State, CliError> {
    let seq = answer.seq;
    let tell = |recorded: &Recorded| {
        if concerns(&recorded.event, id) {
            session.output.progress(&recorded.event.summary());
        }
    };
    for recorded in &answer.events {
        tell(recorded);
    }
    wait::until(client, |state, recorded| {
        recorded.filter(|recorded| recorded.seq > seq).into_iter().for_each(tell);
        let over = state.seq >= seq && state.run(id).is_ok_and(Run::is_at_rest);
        over.then(|| state.clone())
    })
    .await
}

fn concerns(event: &Event, id: RunId) -> bool {
    match event {
        Event::RunStepBegun { run, .. } | Event::RunAttemptBegun { run, .. } | Event::RunAttemptLost { run, .. } => {
            *run == id
        }
        Event::RunStepEnded { run, .. } | Event::RunMoved { run, .. } | Event::RunEnded { run, .. } => *run == id,
        Event::ChangeSubmitted { .. } | Event::ChangeApproved { .. } | Event::ChangeRejected { .. } => true,
        _ => false,
    }
}

/// Runs step after step until a person is needed or the run is over.
async fn go_on(session: &Session, client: &Client, id: RunId) -> Result<Exit, CliError> {
    let mut state = client.state().await?;
    loop {
        let run = state.run(id)?;
        if !run.is_at_rest() {
            let here = Answer { seq: state.seq, events: Vec::new(), removed: crate::diagnosis::Removed::new() };
            state = settled(session, client, id, &here).await?;
            continue;
        }
        let alone = run.current().filter(|step| {
            matches!(run.stand, Stand::At { .. })
                && standing(&state, run, step, session.now()) == StepStanding::WaitingPerson(Awaited::Run)
        });
        let Some(step) = alone else {
            show(session, &state, id)?;
            return Ok(exit_of(run));
        };
        let command = Command::RunStep { run: id, step: step.name.clone(), confirmation: None };
        let answer = match session.give(client, &command).await {
            // Only a person has the code that its command wants.
            Err(CliError::Refused(refusal)) if refusal.rule == "second-factor-needed" => {
                show(session, &state, id)?;
                session.output.progress(&refusal.message);
                return Ok(Exit::Undecided);
            }
            answer => answer?,
        };
        state = settled(session, client, id, &answer).await?;
    }
}

/// What the shell is told of where a run stands.
fn exit_of(run: &Run) -> Exit {
    match &run.stand {
        Stand::Ended { .. } => Exit::Done,
        Stand::Halted { halt: Halt::Stopped | Halt::Escalated | Halt::Circle, .. } => Exit::Failed,
        _ => Exit::Undecided,
    }
}

async fn list(session: &Session, client: &Client, all: bool) -> Result<Exit, CliError> {
    let state = client.state().await?;
    let runs = state.runs.values().rev().filter(|run| all || run.is_open());
    let reports: Vec<RunReport> =
        runs.map(|run| RunReport::of(&state, run.id, session.now())).collect::<Result<_, _>>()?;
    session.output.result(&reports, || {
        if reports.is_empty() {
            return "nobody walks through a runbook; begin with: codeblue runbook run BOOK".to_owned();
        }
        let mut table = Table::new(["RUN", "BOOK", "FOR", "LEFT", "BY", "STANDS"]);
        for report in &reports {
            let drill = report.drill.map(|drill| drill.to_string());
            let about: Vec<&str> = [report.incident.as_deref(), drill.as_deref()].into_iter().flatten().collect();
            let left = report.ended_at.map_or_else(|| time_left(report, session.now()), |_| Cell::from("—"));
            table.row([
                Cell::from(report.run.to_string()),
                Cell::from(&report.book),
                Cell::from(if about.is_empty() { "—".to_owned() } else { about.join(", ") }),
                left,
                Cell::from(&report.started_by),
                Cell::from(&report.stands),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

fn show(session: &Session, state: &State, id: RunId) -> Result<Exit, CliError> {
    let report = RunReport::of(state, id, session.now())?;
    let run = state.run(id)?;
    session.output.result(&report, || page(&session.output, run, &report))?;
    Ok(Exit::Done)
}
