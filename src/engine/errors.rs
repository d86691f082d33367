//! Error events on their way in: made safe to keep, classified, counted; only what changes a judgement reaches the loop. It
//! also notices when errors have stopped that no check had noticed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{EngineHandle, ErrorAnswer, ErrorBatch, SubmitError, TakenError, clock::Clock};
use crate::{
    diagnosis::Redactor,
    domain::{
        Actor, Command, ErrorCounts, ErrorEvent, ErrorGroup, ErrorKind, Event, IncidentId, Meta, Named, Refusal, State,
        decide,
    },
    platform::HealthInformation,
};

/// Errors in one request at most.
const BATCH: usize = 500;
/// Characters of a code that are kept.
const CODE: usize = 40;
/// How often it is looked whether errors have stopped.
const LOOK: Duration = Duration::from_secs(2);

/// What is counted, shared by all who report and ask.
pub(super) type Counted = Arc<Mutex<ErrorCounts>>;

fn counts(counted: &Counted) -> MutexGuard<'_, ErrorCounts> {
    counted.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EngineHandle {
    /// Takes what programs report. Each is answered for itself: one that is refused keeps no other out.
    ///
    /// # Errors
    /// When they are too many, none of them could be taken, or the journal cannot be written.
    pub async fn report_errors(&self, batch: ErrorBatch) -> Result<ErrorAnswer, SubmitError> {
        if batch.errors.len() > BATCH {
            let many = format!("{} errors at once, and {BATCH} is the limit", batch.errors.len());
            return Err(Refusal::new("too-many-errors", many)
                .hint("count what looks alike, or send them in parts")
                .into());
        }
        let now = self.now();
        for (service, requests) in &batch.requests {
            if self.state().platform.service(service).is_some() {
                counts(&self.counted).requests(service, *requests, now);
            }
        }
        let mut answer = ErrorAnswer::default();
        let mut last = None;
        for (place, error) in batch.errors.into_iter().enumerate() {
            let error = match clean(&self.state(), &self.redactor, error) {
                Ok(error) => error,
                Err(refusal) => {
                    answer.refused.push((place, refusal.message.clone()));
                    last = Some(refusal);
                    continue;
                }
            };
            let (errors, burst) = counts(&self.counted).take(&ErrorGroup::of(&error, now), now);
            let command = Command::RecordErrors { errors: errors.clone(), burst };
            let incident = self.record(command).await?;
            answer.taken.push(TakenError { errors, incident });
        }
        match last {
            Some(refusal) if answer.taken.is_empty() => Err(refusal.into()),
            _ => Ok(answer),
        }
    }

    /// Has it counted as an error of a service that may read health information when lines of its log name people.
    pub(super) async fn tell_disclosing(&self, lines: BTreeMap<String, u64>) {
        let state = self.state();
        let keeps = |service: &str| {
            state.platform.service(service).is_some_and(|known| known.health_information != HealthInformation::None)
        };
        let errors: Vec<ErrorEvent> = lines
            .into_iter()
            .filter(|(service, _)| keeps(service))
            .map(|(service, count)| ErrorEvent {
                service,
                message: "its log names people".to_owned(),
                kind: Some(ErrorKind::Security),
                count,
                ..ErrorEvent::default()
            })
            .collect();
        if !errors.is_empty()
            && let Err(error) = self.report_errors(ErrorBatch { errors, ..ErrorBatch::default() }).await
        {
            warn!(%error, "that a log names people is not recorded");
        }
    }

    /// Has errors recorded if they change anything, and says of which incident they are part.
    async fn record(&self, command: Command) -> Result<Option<IncidentId>, SubmitError> {
        let Command::RecordErrors { errors, .. } = &command else { return Ok(None) };
        let service = errors.service.clone();
        let actor = Actor::Policy("error events".to_owned());
        let state = self.state();
        let changes = decide(&state, command.clone(), &Meta::new(self.now().max(state.clock), actor.clone()))?;
        if changes.is_empty() {
            return Ok(state.incident_of(&service).map(|incident| incident.id));
        }
        let answer = self.submit(command, actor).await?;
        let told = answer.events.iter().find_map(|recorded| match recorded.event {
            Event::ErrorsRecorded { incident, .. } => Some(incident),
            _ => None,
        });
        Ok(told.or_else(|| self.state().incident_of(&service).map(|incident| incident.id)))
    }

    /// All kinds of errors that were reported lately, those seen last first.
    #[must_use]
    pub fn errors(&self) -> Vec<ErrorGroup> {
        counts(&self.counted).all()
    }
}

/// An error that may be kept: of a service that is known, without control characters and identifiers.
fn clean(state: &State, redactor: &Redactor, error: ErrorEvent) -> Result<ErrorEvent, Refusal> {
    if state.platform.service(&error.service).is_none() {
        return Err(Refusal::unknown(Named::Service, error.service));
    }
    let message = redactor.line(error.message.trim());
    if message.is_empty() {
        return Err(Refusal::new("message-empty", format!("an error of {} says nothing", error.service))
            .hint("send what it said in message"));
    }
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let code = error.code.map(|code| code.chars().filter(plain).take(CODE).collect::<String>());
    let frame = error.stack.as_deref().and_then(|stack| stack.lines().map(str::trim).find(|line| !line.is_empty()));
    let stack = frame.map(|frame| redactor.line(frame));
    Ok(ErrorEvent { message, code: code.filter(|code| !code.is_empty()), stack, ..error })
}

/// Ends incidents whose errors have stopped, until stopped itself.
pub(super) async fn watch(engine: EngineHandle, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let over = counts(&engine.counted).stopped(&engine.state(), clock.now());
        for command in over {
            if let Err(cause) = engine.submit(command, Actor::Policy("errors have stopped".to_owned())).await {
                debug!(%cause, "errors have stopped");
            }
        }
    }
}
