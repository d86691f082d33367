//! The event stream and those who follow it: nothing missing, nothing twice, in order, through breaks.

use std::time::Duration;

use codeblue::{
    client::Update,
    domain::{Command, Recorded, Severity, State, apply},
    engine::AS_HEADER,
};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::served::{Served, everything, settled};

fn notes(round: usize) -> Command {
    Command::HaltAutomation { reason: format!("round {round}") }
}

/// Makes `count` events, half by this caller, half by another at the same time.
async fn stir(served: &Served, count: usize) {
    let (one, other) = (served.client(Some("alice")), served.client(Some("erin")));
    let give = async |client: codeblue::client::Client| {
        for round in 0..count / 2 {
            let _ = client.submit(&notes(round)).await;
            let _ = client.submit(&Command::ReleaseAutomation).await;
        }
    };
    tokio::join!(give(one), give(other));
}

/// A stream as `curl -N` reads it: the events with their ids, until one has position `end`.
async fn read(served: &Served, query: &str, last_id: Option<u64>, end: u64) -> Vec<(u64, Recorded)> {
    let mut request = served
        .raw()
        .get(format!("http://engine/api/v1/events{query}"))
        .header("accept", "text/event-stream")
        .header(AS_HEADER, "vic");
    if let Some(id) = last_id {
        request = request.header("last-event-id", id.to_string());
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut chunks = response.bytes_stream();
    let mut text = String::new();
    let mut events: Vec<(u64, Recorded)> = Vec::new();
    let wait = async {
        while events.last().is_none_or(|(id, _)| *id < end) {
            text.push_str(std::str::from_utf8(&chunks.next().await.unwrap().unwrap()).unwrap());
            while let Some((message, rest)) = text.split_once("\n\n") {
                let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if field("event:") == Some("event") {
                    let event: Recorded = serde_json::from_str(field("data:").unwrap()).unwrap();
                    events.push((field("id:").unwrap().parse().unwrap(), event));
                }
                text = rest.to_owned();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the stream reaches the end");
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_every_event_once_and_goes_on_where_it_was_left() {
    let served = Served::new("drill").await;
    let (streamed, ()) = tokio::join!(read(&served, "?since=0", None, 60), stir(&served, 60));
    let listed = served.client(None).events(0, 10_000).await.unwrap();
    for (position, (id, event)) in streamed.iter().enumerate() {
        assert_eq!(*id, position as u64 + 1, "no gap, nothing twice");
        assert_eq!(event, &listed[position], "as in the journal");
    }

    let end = listed.len() as u64;
    let resumed = read(&served, "?since=0", Some(17), end).await;
    assert_eq!(resumed[0].0, 18, "Last-Event-ID counts for more than the address");
    assert_eq!(resumed.len() as u64, end - 17);
    let tail = read(&served, &format!("?since={}", end - 2), None, end).await;
    assert_eq!(tail.len(), 2);
    let page = served.client(None).events(5, 10).await.unwrap();
    assert_eq!(page.iter().map(|event| event.seq).collect::<Vec<_>>(), (6..=15).collect::<Vec<_>>());
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_sleeps_for_long_still_gets_everything() {
    let served = Served::new("drill").await;
    let response = served
        .raw()
        .get("http://engine/api/v1/events?since=0")
        .header("accept", "text/event-stream")
        .send()
        .await
        .unwrap();
    let handle = served.handle();
    let alice = || codeblue::domain::Actor::Operator("alice".to_owned());
    let fire = Command::DeclareIncident { severity: Severity::Sev3, title: "fire".to_owned(), services: Vec::new() };
    handle.submit(fire, alice()).await.unwrap();
    let incident = handle.state().open_incidents().next().unwrap().id;
    // More than the stream, the socket and the engine's own list of news hold, while nobody reads.
    let note = |round| Command::NoteIncident { incident, text: format!("note {round}") };
    let written = futures_util::future::join_all((0..6000).map(|round| handle.submit(note(round), alice()))).await;
    assert!(written.iter().all(Result::is_ok));

    let end = handle.state().seq;
    let mut chunks = response.bytes_stream();
    let mut text = String::new();
    let mut expected = 1;
    let wait = async {
        while expected <= end {
            text.push_str(&String::from_utf8_lossy(&chunks.next().await.unwrap().unwrap()));
            while let Some((message, rest)) = text.split_once("\n\n") {
                if let Some(id) = message.lines().find_map(|line| line.strip_prefix("id:")) {
                    assert_eq!(id.trim().parse::<u64>().unwrap(), expected);
                    expected += 1;
                }
                text = rest.to_owned();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it catches up");
    drop(handle);
    served.stop().await;
}

/// A screen: a copy of the state, kept by the news alone.
pub struct Screen {
    news: mpsc::Receiver<Update>,
    pub state: Option<State>,
    lost: usize,
}

impl Screen {
    pub fn new(served: &Served, name: &str) -> Self {
        let (sender, news) = mpsc::channel(64);
        let client = served.client(Some(name));
        tokio::spawn(async move { client.follow(sender).await });
        Self { news, state: None, lost: 0 }
    }

    pub async fn until(&mut self, what: &str, wished: impl Fn(&Self) -> bool) {
        let wait = async {
            while !wished(self) {
                match self.news.recv().await.unwrap() {
                    Update::Live(now) => self.state = Some(now.0),
                    Update::Event(event) => {
                        let state = self.state.as_mut().unwrap();
                        assert_eq!(event.seq, state.seq + 1, "in order, without a gap");
                        apply(state, &event);
                    }
                    Update::First(_)
                    | Update::Back
                    | Update::Samples(_)
                    | Update::Vitals(_)
                    | Update::Heard(_)
                    | Update::StillThere
                    | Update::Words(_) => {}
                    Update::Lost(reason) => {
                        assert!(!reason.is_empty());
                        self.lost += 1;
                    }
                }
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), wait).await.is_err() {
            panic!("never seen: {what}");
        }
    }

    pub fn seq(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.seq)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_screens_see_the_same_as_the_engine() {
    let served = Served::ready("drill").await;
    let (mut one, mut other) = (Screen::new(&served, "alice"), Screen::new(&served, "vic"));
    one.until("live", |screen| screen.state.is_some()).await;
    other.until("live", |screen| screen.state.is_some()).await;
    let client = served.client(Some("alice"));
    client.submit(&everything()).await.unwrap();
    stir(&served, 20).await;
    served.until("settled", settled).await;
    loop {
        let truth = served.handle().state();
        one.until("the end", |screen| screen.seq() >= truth.seq).await;
        other.until("the end", |screen| screen.seq() >= truth.seq).await;
        if one.seq() == truth.seq && other.seq() == truth.seq {
            let truth = serde_json::to_value(&*truth).unwrap();
            assert_eq!(serde_json::to_value(&one.state).unwrap(), truth, "a copy kept by events is the state itself");
            assert_eq!(serde_json::to_value(&other.state).unwrap(), truth);
            break;
        }
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_finds_its_way_back_when_the_engine_was_away() {
    let mut served = Served::new("drill").await;
    let mut screen = Screen::new(&served, "alice");
    screen.until("live", |screen| screen.state.is_some()).await;
    let stopped = tokio::time::Instant::now();
    served.server.take().unwrap().stop().await;
    assert!(stopped.elapsed() < Duration::from_secs(3), "an open stream does not hold up the end");
    screen.until("lost", |screen| screen.lost > 0).await;

    let alice = codeblue::domain::Actor::Operator("alice".to_owned());
    served.handle().submit(notes(1), alice).await.unwrap();
    served.server = Some(codeblue::api::serve(served.handle(), &served.bed.home.socket()).unwrap());
    screen.until("what it missed", |screen| screen.state.as_ref().is_some_and(|state| state.halted.is_some())).await;
    assert!(screen.seq() <= served.handle().state().seq);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_state_is_packed_for_who_reads_that_and_a_stream_never_is() {
    let served = Served::ready("drill").await;
    let ask = |path: &'static str, accept: &'static str| {
        let request = served.raw().get(format!("http://engine{path}")).header("accept-encoding", "gzip, deflate");
        async move { request.header("accept", accept).send().await.unwrap() }
    };
    let packed = ask("/api/v1/state", "*/*").await;
    assert_eq!(packed.status(), 200);
    assert_eq!(
        (&packed.headers()["content-encoding"], &packed.headers()["vary"]),
        (&"gzip".parse().unwrap(), &"accept-encoding".parse().unwrap())
    );
    let unpack = |packed: &[u8]| {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed), &mut text).unwrap();
        text
    };
    let state: State = serde_json::from_str(&unpack(&packed.bytes().await.unwrap())).unwrap();
    assert_eq!(state.platform.name, "Clinic");
    let large = ask("/api/v1/openapi.json", "*/*").await.bytes().await.unwrap();
    let text = unpack(&large);
    assert!(large.len() * 3 < text.len(), "{} of {} bytes", large.len(), text.len());
    let plain = served.raw().get("http://engine/api/v1/state").send().await.unwrap();
    assert!(plain.headers().get("content-encoding").is_none(), "who cannot read it does not get it");

    let stream = ask("/api/v1/events?since=0", "text/event-stream").await;
    assert!(stream.headers().get("content-encoding").is_none());
    let first = stream.bytes_stream().next().await.unwrap().unwrap();
    assert!(first.starts_with(b"id: 1\n") || first.starts_with(b"id:1\n") || first.starts_with(b"event"), "{first:?}");
    served.stop().await;
}
