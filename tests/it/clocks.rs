//! The clocks of an incident on a real engine: they equal what a person works out from the journal, across restarts that span
//! deadlines and clocks that are set forward and back.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    domain::{
        Actor, AutomationMode, Clock as Limit, Command, Event, IncidentId, Milestone, Recorded, Stage, State, Status,
        Verdict, metrics,
    },
    engine::{Clock, Engine, EngineHandle, Home},
    store::verify_file,
};
use tokio::runtime::Runtime;

const FIRST: IncidentId = IncidentId(1);

/// The clock on the wall, which people and programs set, and the time that passes whatever it shows.
struct Wall(Mutex<(DateTime<Utc>, Duration)>);

impl Wall {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new((DateTime::from_timestamp(1_767_225_600, 0).unwrap(), Duration::ZERO))))
    }

    fn pass(&self, seconds: i64) {
        let mut time = self.0.lock().unwrap();
        time.0 += TimeDelta::seconds(seconds);
        time.1 += Duration::from_secs(seconds.unsigned_abs());
    }

    fn set(&self, by: TimeDelta) {
        self.0.lock().unwrap().0 += by;
    }
}

impl Clock for Wall {
    fn now(&self) -> DateTime<Utc> {
        self.0.lock().unwrap().0
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

/// An engine's home, and the engine in it while there is one.
struct Ward {
    _folder: tempfile::TempDir,
    home: Home,
    wall: Arc<Wall>,
    running: Option<(Runtime, Engine)>,
}

impl Ward {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let platform = r#"
[platform]
name = "Ward"
[access]
second_factor = "enrolled"
[automation]
mode = "observe"
[[service]]
name = "patient-api"
criticality = "critical"
[[operator]]
name = "alice"
roles = ["technical-lead"]
"#;
        std::fs::write(folder.path().join("codeblue.toml"), platform).unwrap();
        let home = Home::at(folder.path());
        let mut ward = Self { _folder: folder, home, wall: Wall::new(), running: None };
        ward.start();
        ward
    }

    fn start(&mut self) {
        let runtime = Runtime::new().unwrap();
        // An engine that was killed may hold the home for a moment.
        let engine = runtime.block_on(async {
            let begun = async {
                loop {
                    match Engine::start(&self.home, self.wall.clone()).await {
                        Ok(engine) => return engine,
                        Err(error) if error.to_string().contains("another engine") => tokio::task::yield_now().await,
                        Err(error) => panic!("{error}"),
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(60), begun).await.unwrap()
        });
        self.running = Some((runtime, engine));
    }

    /// The engine ends in the middle of everything, without a word in the journal.
    fn kill(&mut self) {
        let (runtime, engine) = self.running.take().unwrap();
        drop(engine);
        runtime.shutdown_timeout(Duration::from_secs(20));
    }

    fn handle(&self) -> EngineHandle {
        self.running.as_ref().unwrap().1.handle()
    }

    fn submit(&self, command: Command, actor: Actor) {
        let (runtime, engine) = self.running.as_ref().unwrap();
        runtime.block_on(engine.handle().submit(command, actor)).unwrap();
    }

    fn judge(&self, status: Status, failing_for: i64) {
        let failing_since = (status == Status::Down).then(|| self.handle().now() - TimeDelta::seconds(failing_for));
        let (service, reason) = ("patient-api".to_owned(), "tcp: connection refused".to_owned());
        self.submit(Command::RecordVerdict(Verdict { service, status, reason, failing_since }), Actor::Engine);
    }

    /// Time passes, and the engine looks at its deadlines, as it does after each event and every 30 seconds.
    fn pass(&self, seconds: i64) {
        self.wall.pass(seconds);
        self.look();
    }

    /// Has the deadlines looked at: once for what is due, and once more so that this is known to be over.
    fn look(&self) {
        for mode in [AutomationMode::Assist, AutomationMode::Observe] {
            self.submit(Command::SetAutomation { mode }, Actor::Operator("alice".to_owned()));
        }
        let (handle, (runtime, _)) = (self.handle(), self.running.as_ref().unwrap());
        let settled = async {
            while !codeblue::domain::due(&handle.state(), handle.now()).is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let met = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), settled).await });
        assert!(met.is_ok(), "still due: {:?}", codeblue::domain::due(&handle.state(), handle.now()));
    }

    fn journal(&self) -> Vec<Recorded> {
        let (runtime, engine) = self.running.as_ref().unwrap();
        runtime.block_on(engine.handle().events(0, 10_000)).unwrap()
    }

    fn state(&self) -> Arc<State> {
        self.handle().state()
    }
}

/// What ran out, in the order of the journal, with the seconds since the first sign.
fn ran_out(journal: &[Recorded]) -> Vec<(String, i64)> {
    let began = first_sign(journal);
    let told = journal.iter().filter_map(|recorded| {
        let what = match &recorded.event {
            Event::ClockBreached { clock, .. } => clock.to_string(),
            Event::LevelReached { level, .. } => format!("level {}", level.number()),
            _ => return None,
        };
        Some((what, (recorded.at - began).num_seconds()))
    });
    told.collect()
}

fn first_sign(journal: &[Recorded]) -> DateTime<Utc> {
    let opened = journal.iter().find_map(|recorded| match recorded.event {
        Event::IncidentOpened { detected_at, .. } => Some(detected_at),
        _ => None,
    });
    opened.unwrap()
}

/// The seconds from the first sign to the first event of a kind, from the text of the journal alone.
fn by_hand(journal: &[Recorded], kind: &str) -> f64 {
    let line = journal
        .iter()
        .map(|recorded| serde_json::to_value(recorded).unwrap())
        .find(|line| line["event"]["type"] == kind);
    let at: DateTime<Utc> = line.unwrap()["at"].as_str().unwrap().parse().unwrap();
    (at - first_sign(journal)).as_seconds_f64()
}

fn is_in_order(ward: &Ward) {
    let journal = ward.journal();
    assert!(journal.windows(2).all(|pair| pair[0].at <= pair[1].at), "time runs backwards in the journal");
    assert!(verify_file(&ward.home.journal()).unwrap().ok);
}

#[test]
fn the_clocks_are_those_of_a_hand_calculation_and_a_restart_that_spans_two_deadlines_loses_none() {
    let mut ward = Ward::new();
    ward.judge(Status::Down, 20);
    ward.pass(39);
    assert!(ran_out(&ward.journal()).is_empty(), "59 s are less than two minutes");
    ward.kill();
    // To acknowledge: 2 min. To respond: 5 min. Both pass while nobody is there.
    ward.wall.pass(400);
    ward.start();
    ward.look();
    assert_eq!(ran_out(&ward.journal()), [("acknowledge".to_owned(), 459), ("respond".to_owned(), 459)]);
    ward.kill();
    ward.start();
    ward.look();
    assert_eq!(ran_out(&ward.journal()).len(), 2, "said once, whoever starts again");
    ward.submit(Command::AcknowledgeIncident { incident: FIRST }, Actor::Operator("alice".to_owned()));
    ward.pass(441);
    assert_eq!(ran_out(&ward.journal())[2..], [("level 2".to_owned(), 900)]);
    ward.pass(899);
    assert_eq!(ran_out(&ward.journal()).len(), 3, "a second too early");
    ward.pass(1);
    assert_eq!(ran_out(&ward.journal())[3..], [("resolve".to_owned(), 1800), ("level 3".to_owned(), 1800)]);
    ward.pass(60);
    ward.judge(Status::Healthy, 0);

    let (journal, state) = (ward.journal(), ward.state());
    let times = metrics(&state, TimeDelta::days(90), ward.wall.now());
    let times = &times.incidents[0];
    let seconds = [Some(times.detect_seconds), times.acknowledge_seconds, times.resolve_seconds];
    let hand = ["incidentOpened", "incidentAcknowledged", "incidentResolved"].map(|kind| Some(by_hand(&journal, kind)));
    assert_eq!(seconds, hand);
    assert_eq!(hand, [Some(20.0), Some(459.0), Some(1860.0)]);
    let incident = &state.incidents[&FIRST];
    assert_eq!(incident.impact["patient-api"].down(ward.wall.now()).as_secs(), 1860);
    assert_eq!(incident.breached, [Limit::Acknowledge, Limit::Respond, Limit::Resolve]);
    is_in_order(&ward);
}

/// What the clocks of the fast track said, in the order of the journal, with the seconds since the first sign.
fn fast_track(journal: &[Recorded]) -> Vec<(Milestone, Stage, i64)> {
    let began = first_sign(journal);
    let told = journal.iter().filter_map(|recorded| match recorded.event {
        Event::FastTrackReminded { milestone, stage, .. } => {
            Some((milestone, stage, (recorded.at - began).num_seconds()))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn the_fast_track_says_afterwards_what_passed_while_the_engine_was_down_in_order_and_once() {
    let mut ward = Ward::new();
    ward.judge(Status::Down, 20);
    ward.pass(159);
    assert!(fast_track(&ward.journal()).is_empty(), "179 s are less than three minutes");
    ward.kill();
    ward.wall.pass(350);
    ward.start();
    ward.look();
    let expected = [
        (Milestone::ChangeCreated, Stage::Missed, 529),
        (Milestone::Analysed, Stage::Missed, 529),
        (Milestone::Approved, Stage::Reminder, 529),
        (Milestone::Approved, Stage::Escalation, 529),
    ];
    assert_eq!(fast_track(&ward.journal()), expected);
    ward.kill();
    ward.start();
    ward.look();
    ward.pass(70);
    assert_eq!(fast_track(&ward.journal()).len(), 4, "599 s, and nothing is said twice");
    ward.pass(1);
    assert_eq!(fast_track(&ward.journal())[4..], [(Milestone::Approved, Stage::Missed, 600)]);
    is_in_order(&ward);
}

#[test]
fn a_clock_that_is_set_forward_lets_each_deadline_pass_once_and_in_order() {
    let ward = Ward::new();
    ward.judge(Status::Down, 0);
    ward.pass(60);
    ward.wall.set(TimeDelta::hours(2));
    ward.look();
    let what: Vec<String> = ran_out(&ward.journal()).into_iter().map(|(what, _)| what).collect();
    assert_eq!(what, ["acknowledge", "respond", "level 2", "resolve", "level 3"]);
    ward.pass(3600);
    assert_eq!(ran_out(&ward.journal()).len(), 5, "each once");
    is_in_order(&ward);
}

#[test]
fn a_clock_that_is_set_is_an_event_with_what_was_expected_of_it() {
    let mut ward = Ward::new();
    ward.pass(60);
    let steps = |ward: &Ward, wanted: usize| {
        let begun = std::time::Instant::now();
        loop {
            let steps: Vec<i64> = ward
                .journal()
                .iter()
                .filter_map(|recorded| match recorded.event {
                    Event::ClockStepped { expected, found } => Some((found - expected).num_seconds()),
                    _ => None,
                })
                .collect();
            if steps.len() >= wanted {
                return steps;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "never recorded: {steps:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    ward.wall.set(TimeDelta::hours(2));
    ward.look();
    assert_eq!(steps(&ward, 1), [7200]);
    ward.wall.set(TimeDelta::hours(-3));
    ward.look();
    assert_eq!(steps(&ward, 2), [7200, -10_800]);
    // While no engine runs, nobody can tell a step from time that passed; a clock that went back is seen.
    ward.kill();
    ward.start();
    assert_eq!(steps(&ward, 3)[2..], [-3 * 3600]);
}

#[test]
fn a_clock_that_is_set_back_neither_hastens_a_deadline_nor_loses_it() {
    let mut ward = Ward::new();
    ward.judge(Status::Down, 0);
    ward.pass(60);
    ward.wall.set(TimeDelta::hours(-2));
    ward.look();
    ward.pass(59);
    assert!(ran_out(&ward.journal()).is_empty(), "119 s have passed, whatever the wall says");
    ward.pass(1);
    assert_eq!(ran_out(&ward.journal()), [("acknowledge".to_owned(), 120)]);
    // A new engine knows no more than the journal: it goes on from there.
    ward.kill();
    ward.start();
    ward.look();
    ward.pass(179);
    assert_eq!(ran_out(&ward.journal()).len(), 1, "299 s");
    ward.pass(1);
    assert_eq!(ran_out(&ward.journal())[1..], [("respond".to_owned(), 300)]);
    // What begins now is timed as well as ever, though the wall is still two hours behind.
    ward.judge(Status::Healthy, 0);
    let (journal, state) = (ward.journal(), ward.state());
    assert_eq!(by_hand(&journal, "incidentResolved"), 300.0);
    assert_eq!(state.incidents[&FIRST].impact["patient-api"].down(ward.handle().now()).as_secs(), 300);
    is_in_order(&ward);
}
