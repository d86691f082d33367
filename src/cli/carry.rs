//! Everything that ends in a recovery: a rollback, an undo, an action. It runs at once or through a change, as the rules say.

use clap::Args;

use super::{
    danger,
    error::{CliError, Exit},
    session::Session,
    text, wait,
};
use crate::{
    client::Client,
    domain::{
        Change, ChangeId, ChangeState, Command, Event, Recovery, RecoveryId, RecoveryOutcome, Refusal, State,
        missing_roles, role_name,
    },
    engine::{Answer, DryRunRequest},
};

/// Options of everything dangerous.
#[derive(Debug, Clone, Args)]
pub struct Care {
    /// Show what it would do and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The target's name, in place of typing it
    #[arg(long, value_name = "NAME", conflicts_with = "dry_run")]
    pub(super) confirm: Option<String>,
    /// Stay until it is over, also while people decide
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) wait: bool,
}

/// Shows, asks, gives the command and follows it.
pub(super) async fn carry_out(
    session: &Session,
    care: &Care,
    target: &str,
    request: DryRunRequest,
    command: Command,
) -> Result<Exit, CliError> {
    let client = session.client()?;
    if care.dry_run {
        let dry = client.dry_run(&request).await?;
        session.output.result(&dry, || danger::describe(&dry, &session.output))?;
        return Ok(Exit::Done);
    }
    match &care.confirm {
        Some(confirm) => danger::named(target, confirm)?,
        None if danger::can_ask() => {
            let dry = client.dry_run(&request).await?;
            danger::ask(target, &danger::describe(&dry, &session.output), session.host())?;
        }
        None => return Err(danger::unasked(target)),
    }
    begin(session, &client, &command, care.wait).await
}

/// Gives the command and follows it when asked to.
pub(super) async fn begin(session: &Session, client: &Client, command: &Command, stay: bool) -> Result<Exit, CliError> {
    let answer = match session.give(client, command).await {
        Err(CliError::Refused(refusal)) if stay && refusal.rule == "same-change" => {
            // Who waits for it need not ask a second time: the rule names the change that is waited for already.
            let same = refusal.message.split_whitespace().next().and_then(|name| name.parse::<ChangeId>().ok());
            let Some(change) = same else { return Err(refusal.into()) };
            session.output.progress(&format!("{change} asks for the same already; it is waited for"));
            return follow(session, client, UnderWay { recovery: None, change: Some(change) }).await;
        }
        answer => answer?,
    };
    let under_way = UnderWay::of(&answer);
    if stay && (under_way.recovery.is_some() || under_way.change.is_some()) {
        return follow(session, client, under_way).await;
    }
    session.report(&answer)?;
    match under_way {
        UnderWay { recovery: None, change: Some(change) } if is_agreed(&answer) => {
            session
                .output
                .progress(&format!("{change} begins by itself; see when with: codeblue change show {change}"));
            Ok(Exit::Done)
        }
        UnderWay { recovery: None, change: Some(change) } => {
            session.output.progress(&format!("{change} waits for people; see it with: codeblue change show {change}"));
            Ok(Exit::Undecided)
        }
        _ => Ok(Exit::Done),
    }
}

/// Takes back what a change did: stops what runs, waits for the step under way, and undoes.
pub(super) async fn take_back(session: &Session, id: ChangeId, reason: &str) -> Result<Exit, CliError> {
    let client = session.client()?;
    let change = client.state().await?.change(id)?.clone();
    let Some(recovery) = change.recovery else {
        return Err(Refusal::new("not-carried-out", format!("{id} is {}", change.state))
            .hint(format!(
                "take it back: codeblue change withdraw {id} --reason WHY, or change reject {id} --reason WHY"
            ))
            .into());
    };
    if change.state == ChangeState::Implementing {
        client.submit(&Command::StopChange { change: id, reason: reason.to_owned() }).await?;
        session.output.progress(&format!("{recovery} stops after the step under way"));
        wait::until(&client, |state, _| {
            state.recoveries.get(&recovery).is_none_or(|found| !found.is_running()).then_some(())
        })
        .await?;
    }
    let command = Command::UndoRecovery { recovery, reason: reason.to_owned() };
    begin(session, &client, &command, false).await
}

/// Whether nobody has to agree any more.
fn is_agreed(answer: &Answer) -> bool {
    answer.events.iter().any(|recorded| matches!(recorded.event, Event::ChangeAuthorised { .. }))
}

/// What a command set in motion.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnderWay {
    pub(super) recovery: Option<RecoveryId>,
    pub(super) change: Option<ChangeId>,
}

impl UnderWay {
    fn of(answer: &Answer) -> Self {
        let mut found = Self { recovery: None, change: None };
        for recorded in &answer.events {
            match &recorded.event {
                Event::RecoveryStarted { recovery, .. } => found.recovery = Some(*recovery),
                Event::ChangeSubmitted { change, .. } => found.change = Some(*change),
                _ => {}
            }
        }
        found
    }
}

/// Waits for the end and tells it.
pub(super) async fn follow(session: &Session, client: &Client, under_way: UnderWay) -> Result<Exit, CliError> {
    let output = &session.output;
    let mut told = false;
    let ended = wait::until(client, |state, recorded| {
        let recovery = current(state, under_way);
        if let Some(change) = under_way.change.and_then(|id| state.changes.get(&id)) {
            if let Some(refusal) = given_up(change) {
                return Some(Err(refusal));
            }
            if !told && recovery.is_none() {
                told = true;
                let missing: Vec<&str> = missing_roles(state, change).into_iter().map(role_name).collect();
                output.progress(&format!("{} waits for the {}", change.id, missing.join(" and the ")));
            }
        }
        if let (Some(recorded), Some(recovery)) = (recorded, recovery)
            && concerns(&recorded.event, recovery)
        {
            output.progress(&recorded.event.summary());
        }
        recovery.filter(|recovery| !recovery.is_running()).cloned().map(Ok)
    })
    .await?;
    let recovery = ended?;
    output.result(&recovery, || {
        let outcome = recovery.ended.map_or("running".to_owned(), |(_, outcome)| outcome.to_string());
        format!("{} {outcome}: {}", recovery.id, text::line(&recovery.summary))
    })?;
    Ok(match recovery.ended {
        Some((_, RecoveryOutcome::Succeeded)) => Exit::Done,
        _ => Exit::Failed,
    })
}

fn current(state: &State, under_way: UnderWay) -> Option<&Recovery> {
    let through_change = || under_way.change.and_then(|id| state.changes.get(&id)).and_then(|change| change.recovery);
    under_way.recovery.or_else(through_change).and_then(|id| state.recoveries.get(&id))
}

/// Why a change will never be carried out.
fn given_up(change: &Change) -> Option<Refusal> {
    let rule = match change.state {
        ChangeState::Rejected => "change-rejected",
        ChangeState::Expired => "change-expired",
        ChangeState::Withdrawn => "change-withdrawn",
        _ => return None,
    };
    let why = match &change.decision {
        Some((actor, reason)) => format!("{} was {} by {actor}: {reason}", change.id, text::word(&change.state)),
        None => format!("{} is {}", change.id, change.state),
    };
    Some(Refusal::new(rule, why).hint(format!("what became of it: codeblue change show {}", change.id)))
}

fn concerns(event: &Event, recovery: &Recovery) -> bool {
    match event {
        Event::RecoveryStarted { recovery: id, .. }
        | Event::StepStarted { recovery: id, .. }
        | Event::StepDone { recovery: id, .. }
        | Event::StepFailed { recovery: id, .. }
        | Event::RecoveryCancelRequested { recovery: id, .. } => *id == recovery.id,
        _ => false,
    }
}
