//! The streams of many engines: one each, of which a summary is made when something has changed. What cannot be reached is tried again,
//! later each time and never all at once.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};

use super::{
    model::{HostNews, HostTold},
    summary::HostSummary,
};
use crate::{
    client::{
        Client, Update,
        updates::{Extent, Known},
    },
    domain::{State, Vitals, apply},
    engine::Clock,
};

/// Connections that are tried at the same time: each over SSH is a process and a login.
const AT_ONCE: usize = 16;
/// First pause before the next try; it doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(1);
/// Longest pause before the next try.
const LONGEST: Duration = Duration::from_secs(60);
/// News of a stream that wait.
const WAITING: usize = 64;
/// How soon something that has happened is told; what else happens meanwhile is told with it.
const SOON: Duration = Duration::from_millis(200);
/// How soon it is told that a host is still there, and what of it has fallen silent.
const STILL_THERE: Duration = Duration::from_secs(2);
/// How often an engine is asked how long it takes to answer.
const ASK: Duration = Duration::from_secs(30);
/// How long it may take for that.
const ANSWER: Duration = Duration::from_secs(5);

/// A host to follow.
#[derive(Debug, Clone)]
pub struct HostToFollow {
    /// What it is called here.
    pub name: String,
    /// How it is reached.
    pub address: String,
    /// The connection; why there can be none, else.
    pub client: Result<Client, String>,
}

/// Follows all hosts until nobody listens any more.
pub async fn follow_hosts(hosts: Vec<HostToFollow>, clock: Arc<dyn Clock>, listener: mpsc::Sender<HostNews>) {
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut streams = JoinSet::new();
    for host in hosts {
        let teller = Teller { host: host.name, clock: clock.clone(), listener: listener.clone() };
        match host.client {
            Ok(client) => drop(streams.spawn(follow(client, teller, gate.clone()))),
            Err(reason) => {
                teller.tell(teller.clock.now(), HostTold::Lost { reason, next_try: None }).await;
            }
        }
    }
    // With the set its streams end.
    listener.closed().await;
}

/// Tells the listener of one host.
struct Teller {
    host: String,
    clock: Arc<dyn Clock>,
    listener: mpsc::Sender<HostNews>,
}

impl Teller {
    /// Tells it; nobody listens any more when that is false.
    async fn tell(&self, at: DateTime<Utc>, told: HostTold) -> bool {
        self.listener.send(HostNews { host: self.host.clone(), at, told }).await.is_ok()
    }
}

/// Follows one host, connection after connection.
async fn follow(client: Client, teller: Teller, gate: Arc<Semaphore>) {
    let mut pause = FIRST;
    loop {
        let Ok(permit) = gate.clone().acquire_owned().await else { return };
        if !teller.tell(teller.clock.now(), HostTold::Trying).await {
            return;
        }
        let (sender, updates) = mpsc::channel(WAITING);
        let stream = async {
            let ended = client.follow_once(&sender, Extent::Recent, &mut Known::default()).await;
            drop(sender);
            ended
        };
        let (ended, unread) = tokio::join!(stream, Heard::of(&client, &teller, permit).read(updates));
        if ended.was_live {
            pause = FIRST;
        }
        // Hosts that were lost together do not come back together.
        let wait = pause.mul_f64(rand::random_range(0.5..1.0));
        let now = teller.clock.now();
        let next_try = TimeDelta::from_std(wait).ok().map(|wait| now + wait);
        let reason = unread.unwrap_or(ended.why);
        if !teller.tell(now, HostTold::Lost { reason, next_try }).await {
            return;
        }
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// What is heard over one connection.
struct Heard<'a> {
    client: &'a Client,
    teller: &'a Teller,
    /// Held until the connection is there.
    permit: Option<OwnedSemaphorePermit>,
    known: Option<Box<(State, Vitals)>>,
    /// Whether the figures are still on their way: what is silent is not known before they are there.
    lacks_figures: bool,
    /// When something was heard last.
    at: DateTime<Utc>,
    told: Option<Arc<HostSummary>>,
}

impl<'a> Heard<'a> {
    fn of(client: &'a Client, teller: &'a Teller, permit: OwnedSemaphorePermit) -> Self {
        let at = teller.clock.now();
        Self { client, teller, permit: Some(permit), known: None, lacks_figures: false, at, told: None }
    }

    /// Reads a stream to its end; says why it cannot be read on, when it has not ended by itself.
    async fn read(mut self, mut updates: mpsc::Receiver<Update>) -> Option<String> {
        let mut ask = tokio::time::interval(ASK);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asked = FuturesUnordered::new();
        let mut due: Option<Instant> = None;
        loop {
            tokio::select! {
                update = updates.recv() => {
                    let Some(update) = update else {
                        // What came last is known, though nobody is there any more.
                        self.tell().await;
                        return None;
                    };
                    self.at = self.teller.clock.now();
                    let within = match self.take(update) {
                        Ok(within) => within,
                        Err(why) => return Some(why),
                    };
                    let by = Instant::now() + within;
                    due = Some(due.map_or(by, |due| due.min(by)));
                }
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    due = None;
                    if !self.tell().await {
                        return None;
                    }
                }
                _ = ask.tick(), if self.known.is_some() => asked.push(answer(self.client)),
                Some(took) = asked.next() => {
                    if !self.teller.tell(self.at, HostTold::Answered(took)).await {
                        return None;
                    }
                }
            }
        }
    }

    /// Takes an update in; gives how soon it has to be told.
    fn take(&mut self, update: Update) -> Result<Duration, String> {
        match (update, self.known.as_deref_mut()) {
            (Update::Live(now), _) => {
                self.permit = None;
                self.lacks_figures = self.client.is_far() && now.1.services.is_empty();
                self.known = Some(now);
                return Ok(Duration::ZERO);
            }
            (Update::Event(event), Some((state, _))) => {
                if event.seq != state.seq + 1 {
                    return Err(format!("event {} came after event {}; everything is read anew", event.seq, state.seq));
                }
                apply(state, &event);
                return Ok(SOON);
            }
            (Update::Vitals(figures), Some((_, vitals))) => {
                let before = std::mem::replace(vitals, *figures);
                vitals.catch_up(before);
                self.lacks_figures = false;
                return Ok(SOON);
            }
            (Update::Heard(heard), Some((state, vitals))) => {
                vitals.go_on(&state.platform, &heard);
                self.lacks_figures = false;
            }
            (Update::Samples(samples), Some((_, vitals))) => samples.into_iter().for_each(|sample| vitals.take(sample)),
            _ => {}
        }
        Ok(STILL_THERE)
    }

    /// Tells how everything is, where that has changed, else that the host is there; nobody listens any more when it gives false.
    async fn tell(&mut self) -> bool {
        let Some((state, vitals)) = self.known.as_deref().filter(|_| !self.lacks_figures) else { return true };
        let summary = HostSummary::of(state, vitals, self.teller.clock.now());
        let told = match &self.told {
            Some(told) if **told == summary => HostTold::Heard,
            before => {
                let is_first = before.is_none();
                let summary = Arc::new(summary);
                self.told = Some(summary.clone());
                if is_first { HostTold::Live(summary) } else { HostTold::Changed(summary) }
            }
        };
        self.teller.tell(self.at, told).await
    }
}

/// How many seconds an engine takes to say that it is there; none when that takes too long.
async fn answer(client: &Client) -> Option<f64> {
    let begun = Instant::now();
    let answered = tokio::time::timeout(ANSWER, client.levels()).await;
    matches!(answered, Ok(Ok(_))).then(|| begun.elapsed().as_secs_f64())
}
