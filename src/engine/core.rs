//! The loop: takes commands, decides, makes the events durable, and only then tells anybody.
//!
//! It runs on a thread of its own, which is the one writer of the journal. Commands that wait together are committed
//! together. If the journal cannot be written, every one of them is answered so, and the state stays what it was.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{Arc, RwLock},
};

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::{debug, error, info};

use super::{
    Answer, Asking, Shown, SubmitError,
    clock::Clock,
    factors::{Factors, look_at},
};
use crate::{
    diagnosis::Removed,
    domain::{
        Actor, Assurance, Command, Effect, Event, Meta, Recorded, State, apply, decide, evidence_of_refusal, react,
    },
    store::{CheckpointLine, Draft, Journal, JournalError},
};

/// Commands that are decided and committed together at most.
const GROUP: usize = 64;
/// Events after which the head of the chain is written down outside the journal.
const CHECKPOINT_EVERY: u64 = 256;
/// Events after which the state is kept for a quick start.
const STATE_EVERY: u64 = 1000;
/// Commands that policies may give in reaction to one command; more is a loop in the rules.
const REACTIONS: usize = 500;

/// A command on its way to the loop.
pub(super) struct Envelope {
    pub(super) command: Command,
    pub(super) asking: Asking,
    pub(super) reply: oneshot::Sender<Result<Answer, SubmitError>>,
}

/// What the loop is asked for.
pub(super) enum Request {
    Command(Box<Envelope>),
    /// Say that it is there.
    Ping(oneshot::Sender<()>),
    /// Sign the head of the journal now.
    Checkpoint(oneshot::Sender<Result<(), String>>),
}

/// What the loop says to the rest of the engine.
#[derive(Clone)]
pub(super) struct Outlets {
    pub(super) state: Arc<RwLock<Arc<State>>>,
    pub(super) events: broadcast::Sender<Arc<Recorded>>,
    pub(super) effects: mpsc::UnboundedSender<Effect>,
    pub(super) checkpoints: watch::Sender<Option<Arc<CheckpointLine>>>,
}

pub(super) struct Core {
    pub(super) journal: Journal,
    pub(super) state: Arc<State>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) factors: Arc<Factors>,
    pub(super) outlets: Outlets,
}

/// What a group of commands came to, before it is durable.
struct Outcome {
    reply: oneshot::Sender<Result<Answer, SubmitError>>,
    result: Result<Answer, SubmitError>,
}

impl Core {
    /// Runs until the engine stops or every sender is gone; then writes the last checkpoint. Commands that come later are
    /// answered that it stops.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut waiting = Vec::with_capacity(GROUP);
        while requests.blocking_recv_many(&mut waiting, GROUP) > 0 {
            let (mut group, mut asked) = (Vec::new(), Vec::new());
            for request in waiting.drain(..) {
                match request {
                    Request::Command(envelope) => group.push(*envelope),
                    Request::Ping(reply) => _ = reply.send(()),
                    Request::Checkpoint(reply) => asked.push(reply),
                }
            }
            if !group.is_empty() && self.take(group).is_break() {
                break;
            }
            if !asked.is_empty() {
                let cut = self.cut().map_err(|error| error.to_string());
                for reply in asked {
                    let _ = reply.send(cut.clone());
                }
            }
        }
        self.keep(true);
        info!(seq = self.journal.seq(), "journal closed");
    }

    fn take(&mut self, group: Vec<Envelope>) -> ControlFlow<()> {
        let mut working = State::clone(&self.state);
        let mut recorded = Vec::new();
        let mut effects = Vec::new();
        let mut outcomes = Vec::with_capacity(group.len());
        for Envelope { command, asking, reply } in group {
            let first = recorded.len();
            let result = self.take_one(&mut working, command, asking, &mut recorded, &mut effects);
            let result = result.map(|()| Answer {
                seq: working.seq,
                events: recorded[first..].to_vec(),
                removed: Removed::new(),
            });
            outcomes.push(Outcome { reply, result });
        }
        let is_last = recorded.iter().any(|recorded| matches!(recorded.event, Event::EngineStopped { .. }));
        if !recorded.is_empty() {
            if let Err(cause) = self.journal.commit() {
                error!(%cause, "the journal could not be written");
                for Outcome { reply, result } in outcomes {
                    let result = result.and_then(|_| Err(SubmitError::Journal(cause.to_string())));
                    let _ = reply.send(result);
                }
                return ControlFlow::Continue(());
            }
            match self.without_purged(&working, &recorded) {
                Ok(without) => self.publish(without.unwrap_or(working), recorded, effects),
                Err(cause) => {
                    error!(%cause, "texts that were purged are not deleted yet; the next start does that");
                    self.publish(working, recorded, effects);
                    for outcome in &mut outcomes {
                        if outcome.result.as_ref().is_ok_and(|answer| answer.events.iter().any(purges)) {
                            let why = format!("it is recorded, but not done: {cause}; the next start does it");
                            outcome.result = Err(SubmitError::Journal(why));
                        }
                    }
                }
            }
        }
        for Outcome { reply, result } in outcomes {
            let _ = reply.send(result);
        }
        self.keep(false);
        if is_last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Deletes texts that were purged, now that it is durable that they were, and gives the state without them.
    fn without_purged(&mut self, working: &State, recorded: &[Recorded]) -> Result<Option<State>, JournalError> {
        if !recorded.iter().any(purges) {
            return Ok(None);
        }
        self.journal.purge(&working.evidence.purged).map(Some)
    }

    /// Decides a command after what was shown for it was checked. What was refused and is evidence is recorded all the same.
    fn take_one(
        &mut self,
        working: &mut State,
        command: Command,
        asking: Asking,
        recorded: &mut Vec<Recorded>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), SubmitError> {
        let at = self.clock.now().max(working.clock);
        let Asking { actor, shown } = asking;
        let command = self.looked_up(command)?;
        let attempt = actor.operator().is_some().then(|| command.clone());
        let checked = match (&shown, actor.operator()) {
            (Shown::Code(code), Some(name)) => {
                let found = look_at(&self.factors, working, name, code, at);
                if let Some(said) = found.said {
                    self.decide_all(working, said, Meta::new(at, Actor::Engine), recorded, effects)?;
                }
                found.result
            }
            (Shown::Step(run), _) => Ok(Assurance::Step { run: *run }),
            (Shown::Token(token), _) => Ok(Assurance::Token { token: *token }),
            _ => Ok(Assurance::Session),
        };
        let meta = Meta { assurance: checked.as_ref().copied().unwrap_or_default(), ..Meta::new(at, actor) };
        let result = match checked {
            Ok(_) => self.decide_all(working, command, meta.clone(), recorded, effects),
            Err(refusal) => Err(refusal.into()),
        };
        if let (Err(SubmitError::Refused(refusal)), Some(attempt)) = (&result, &attempt)
            && let Some(event) = evidence_of_refusal(working, attempt, &meta, refusal)
        {
            let draft = Draft { at, actor: meta.actor, cause: None, event };
            let done = self.journal.prepare(&draft).map_err(|error| SubmitError::Journal(error.to_string()))?;
            apply(working, &done);
            recorded.push(done);
        }
        result
    }

    /// A command with what the journal says about it, where rules ask for that.
    fn looked_up(&self, command: Command) -> Result<Command, SubmitError> {
        let Command::PurgePayloads { seqs, reason, .. } = command else { return Ok(command) };
        let found = self.journal.purgeable(&seqs).map_err(|error| SubmitError::Journal(error.to_string()))?;
        Ok(Command::PurgePayloads { seqs, reason, found })
    }

    /// Decides a command and everything that policies make of it.
    fn decide_all(
        &mut self,
        working: &mut State,
        command: Command,
        meta: Meta,
        recorded: &mut Vec<Recorded>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), SubmitError> {
        let at = meta.at;
        let mut queue = VecDeque::from([(command, meta, None)]);
        let mut asked = true;
        let mut reactions = 0;
        while let Some((command, meta, cause)) = queue.pop_front() {
            let actor = &meta.actor;
            let events = match decide(working, command, &meta) {
                Ok(events) => events,
                Err(refusal) if asked => return Err(refusal.into()),
                Err(refusal) => {
                    debug!(%refusal, %actor, "policy refused");
                    continue;
                }
            };
            asked = false;
            for event in events {
                let draft = Draft { at, actor: actor.clone(), cause, event };
                let done = self.journal.prepare(&draft).map_err(|error| SubmitError::Journal(error.to_string()))?;
                apply(working, &done);
                let reaction = react(working, &done);
                effects.extend(reaction.effects);
                for (policy, command) in reaction.commands {
                    reactions += 1;
                    if reactions <= REACTIONS {
                        let given = Meta::new(at, Actor::Policy(policy.to_owned()));
                        queue.push_back((command, given, Some(done.seq)));
                    } else {
                        error!(policy, "policies react to each other without end; the rest is dropped");
                    }
                }
                recorded.push(done);
            }
        }
        Ok(())
    }

    fn publish(&mut self, working: State, recorded: Vec<Recorded>, effects: Vec<Effect>) {
        self.state = Arc::new(working);
        match self.outlets.state.write() {
            Ok(mut shared) => *shared = self.state.clone(),
            Err(poisoned) => *poisoned.into_inner() = self.state.clone(),
        }
        for event in recorded {
            if let Event::SecondFactorRemoved { operator } | Event::SecondFactorReset { operator, .. } = &event.event
                && let Err(cause) = self.factors.forget(operator)
            {
                error!(%cause, "a second factor that does not count any more was not forgotten");
            }
            let _ = self.outlets.events.send(Arc::new(event));
        }
        for effect in effects {
            let _ = self.outlets.effects.send(effect);
        }
    }

    fn cut(&mut self) -> Result<(), JournalError> {
        if let Some(line) = self.journal.checkpoint(self.clock.now())? {
            self.outlets.checkpoints.send_replace(Some(Arc::new(line)));
        }
        Ok(())
    }

    /// Checkpoints are a help, not the truth: one that cannot be written is tried again later.
    fn keep(&mut self, closing: bool) {
        let many = self.journal.events_since_checkpoint() >= CHECKPOINT_EVERY;
        if (closing || many || self.journal.wants_checkpoint())
            && let Err(cause) = self.cut()
        {
            error!(%cause, "checkpoint");
        }
        if (closing || self.journal.events_since_state() >= STATE_EVERY)
            && let Err(cause) = self.journal.keep_state(&self.state)
        {
            error!(%cause, "state for a quick start");
        }
    }
}

/// Whether it says that texts are purged.
fn purges(recorded: &Recorded) -> bool {
    matches!(recorded.event, Event::PayloadsPurged { .. })
}
