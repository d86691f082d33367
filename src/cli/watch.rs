//! `codeblue watch`

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use clap::Args;
use tokio::sync::mpsc;

use super::{
    error::{CliError, Exit},
    session::Session,
    text, words,
};
use crate::{
    client::{Client, Update},
    domain::{
        Actor, Change, ChangeId, DiagnosisDocument, DiagnosisId, DiagnosisState, Event, Recorded, State, Status,
        SystemState, apply, missing_roles, role_name,
    },
};

/// Events that are read at a time after the connection was lost.
const CATCH_UP: usize = 1000;
/// News that may wait to be written; a reader who is slower than that holds up nobody but itself.
const WAITING: usize = 256;

/// Tell what happens, a line each, as it happens: for screen readers, logs and pipes
#[derive(Debug, Default, Args)]
pub struct Watch {
    /// Also what the engine does by itself: snapshots, proofs, drafts
    #[arg(long)]
    all: bool,
    /// Ring the terminal's bell when an incident becomes SEV1
    #[arg(long)]
    bell: bool,
    /// End after so long, such as 10m
    #[arg(long = "for", value_name = "TIME", value_parser = words::duration)]
    limit: Option<Duration>,
}

impl Watch {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let client = session.client()?;
        // Without an engine at the start somebody should know at once; later it is waited for.
        let state = client.state().await?;
        let (sender, mut news) = mpsc::channel(WAITING);
        let follower = tokio::spawn({
            let client = client.clone();
            async move { client.follow(sender).await }
        });
        let limit = self.limit.unwrap_or(Duration::MAX);
        let told = tokio::time::timeout(limit, self.tell(session, &client, state, &mut news)).await;
        follower.abort();
        told.unwrap_or(Ok(Exit::Done))
    }

    async fn tell(
        &self,
        session: &Session,
        client: &Client,
        mut state: State,
        news: &mut mpsc::Receiver<Update>,
    ) -> Result<Exit, CliError> {
        let (mut greeted, mut lost) = (false, false);
        let mut wanted = wanted(&state);
        while let Some(update) = news.recv().await {
            match update {
                Update::Live(now) => {
                    let mut known = state.seq;
                    while known < now.0.seq {
                        let missed = client.events(known, CATCH_UP).await?;
                        let Some(last) = missed.last().map(|event| event.seq) else { break };
                        for recorded in &missed {
                            self.write(session, &state, recorded)?;
                            apply(&mut state, recorded);
                        }
                        known = last;
                    }
                    (state, _) = *now;
                    // The headline says them all.
                    wanted = self::wanted(&state);
                    if !greeted || lost {
                        self.note(session, session.now(), &headline(&state))?;
                    }
                    (greeted, lost) = (true, false);
                }
                Update::Back => {
                    self.note(session, session.now(), "the engine is there again")?;
                    (greeted, lost) = (true, false);
                }
                Update::Event(recorded) => {
                    self.write(session, &state, &recorded)?;
                    apply(&mut state, &recorded);
                    self.ask(session, &state, &recorded, &mut wanted)?;
                }
                Update::Lost(why) if !lost => {
                    lost = true;
                    self.note(session, session.now(), &format!("NO ENGINE: {why}; waiting for it"))?;
                }
                Update::First(_)
                | Update::Lost(_)
                | Update::Samples(_)
                | Update::Vitals(_)
                | Update::Heard(_)
                | Update::StillThere
                | Update::Words(_) => {}
            }
        }
        Ok(Exit::Done)
    }

    fn write(&self, session: &Session, before: &State, recorded: &Recorded) -> Result<(), CliError> {
        if !self.all && is_routine(&recorded.event) {
            return Ok(());
        }
        if session.output.is_json() {
            let mut json = serde_json::to_vec(recorded).map_err(|error| CliError::Failed(error.to_string()))?;
            json.push(b'\n');
            return session.output.script(&json);
        }
        if !self.all && is_told(before, &recorded.event) {
            return Ok(());
        }
        let bell = if self.bell && recorded.event.makes_sev1() { "\x07" } else { "" };
        let by = match &recorded.actor {
            Actor::Engine => String::new(),
            actor => format!(", by {actor}"),
        };
        let line = format!("{}{}{by}", incident_of(before, &recorded.event), recorded.event.summary());
        session.output.script(format!("{bell}{}\n", stamped(recorded.at, &line)).as_bytes())
    }

    /// Says of each change that waits from now on, or for others than before, for whom, until when, and how they answer.
    fn ask(
        &self,
        session: &Session,
        state: &State,
        recorded: &Recorded,
        known: &mut BTreeMap<ChangeId, String>,
    ) -> Result<(), CliError> {
        let now = wanted(state);
        if !session.output.is_json() {
            for (id, line) in now.iter().filter(|(id, line)| known.get(*id) != Some(*line)) {
                let line = format!("{id} WAITS for {line}; look, and answer: codeblue change approve {id}");
                self.note(session, recorded.at, &line)?;
            }
        }
        *known = now;
        Ok(())
    }

    /// What is no event: how things stand, or that nobody can tell. With --json it is no part of the result.
    fn note(&self, session: &Session, at: DateTime<Utc>, line: &str) -> Result<(), CliError> {
        if session.output.is_json() {
            session.output.progress(line);
            return Ok(());
        }
        session.output.script(format!("{}\n", stamped(at, line)).as_bytes())
    }
}

fn stamped(at: DateTime<Utc>, line: &str) -> String {
    format!("{} {}", at.format("%H:%M:%S"), text::line(line))
}

/// How everything stands, in one line.
fn headline(state: &State) -> String {
    let system = match state.system_state() {
        SystemState::Normal => "nothing is wrong",
        SystemState::Degraded => "something is wrong",
        SystemState::Recovery => "a recovery runs",
        SystemState::Emergency => "EMERGENCY",
    };
    let ill = state.services.iter().filter(|(_, health)| matches!(health.status, Status::Down | Status::Degraded));
    let ill = ill.map(|(name, health)| format!("{name} {}", format!("{:?}", health.status).to_uppercase()));
    let open =
        state.open_incidents().map(|incident| format!("{} {} {}", incident.id, incident.severity, incident.title));
    let waiting = state.pending_changes();
    let waiting =
        waiting.iter().map(|change| format!("{} waits for {}: {}", change.id, asked(state, change), change.title));
    let rest: Vec<String> = ill.chain(open).chain(waiting).collect();
    let name = &state.platform.name;
    let services = text::count(state.platform.services.len(), "service");
    let rest = if rest.is_empty() { String::new() } else { format!(": {}", rest.join("; ")) };
    format!("{name}, {services}, {system}{rest}")
}

/// Whose approval each change lacks, and until when it may be given.
fn wanted(state: &State) -> BTreeMap<ChangeId, String> {
    state.pending_changes().into_iter().map(|change| (change.id, asked(state, change))).collect()
}

fn asked(state: &State, change: &Change) -> String {
    let roles: Vec<&str> = missing_roles(state, change).into_iter().map(role_name).collect();
    let whom = if roles.is_empty() { "an approval".to_owned() } else { format!("the {}", roles.join(" and the ")) };
    format!("{whom} until {} UTC", change.expires_at.format("%H:%M"))
}

/// What an answer begins with that does not say itself for which incident it is.
fn incident_of(state: &State, event: &Event) -> String {
    let (Event::DiagnosisConcluded { diagnosis, .. } | Event::DiagnosisFailed { diagnosis, .. }) = event else {
        return String::new();
    };
    state.diagnoses.get(diagnosis).map(|found| format!("{} ", found.incident)).unwrap_or_default()
}

/// Whether a diagnosis only says once more what another one of the same incident has said.
fn is_told(state: &State, event: &Event) -> bool {
    let Event::DiagnosisConcluded { diagnosis, document } = event else { return false };
    earlier(state, *diagnosis).is_some_and(|earlier| {
        let cause =
            |of: &DiagnosisDocument| (of.root_cause.service.clone(), of.root_cause_category, of.root_cause.deployment);
        cause(earlier) == cause(document)
    })
}

/// What was said last of the incident for which this one was asked.
fn earlier(state: &State, id: DiagnosisId) -> Option<&DiagnosisDocument> {
    let incident = state.diagnoses.get(&id)?.incident;
    let others = state.diagnoses.values().rev().filter(|found| found.incident == incident && found.id != id);
    others.into_iter().find_map(|found| match &found.state {
        DiagnosisState::Concluded { document, .. } => Some(&**document),
        _ => None,
    })
}

/// What the engine does all day, of which nobody has to know while it works.
fn is_routine(event: &Event) -> bool {
    match event {
        Event::SnapshotTested { results, .. } => results.iter().all(|result| result.passed),
        Event::StreamChanged { problem, .. } | Event::ReplicationEnded { problem } => problem.is_none(),
        event => is_silent(event),
    }
}

fn is_silent(event: &Event) -> bool {
    matches!(
        event,
        Event::SnapshotRequested { .. }
            | Event::SnapshotTaken { .. }
            | Event::SnapshotVerified { .. }
            | Event::SnapshotProofRequested { .. }
            | Event::SnapshotsForgotten { .. }
            | Event::VaultPruned { .. }
            | Event::ReplicationStarted
            | Event::CheckpointWitnessed { .. }
            | Event::DiagnosisRequested { .. }
            | Event::DiagnosisDrafted { .. }
            | Event::ArticleSeen { .. }
            | Event::FixCounted { .. }
            | Event::RunMoved { .. }
            | Event::RunAttemptBegun { .. }
    )
}
