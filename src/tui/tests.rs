//! The board from outside: pictures of every page, and keys and clicks that end in what they ask for.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    action::ACTIONS,
    message::{Message, Request, Timed},
    model::{Fault, Link, List, Model, Overlay, Pane, Screen, Target},
    term::input::{Input, Key},
    theme::Theme,
    update::update,
    view,
};
use crate::{
    client::Update,
    domain::{
        Actor, Captured, Category, ChangeId, Command, DeploymentOrigin, DiagnosisDocument, Event, Evidence, Fix,
        IncidentId, Meta, Recorded, RootCause, Severity, SnapshotTrigger, State, Status, SuggestedFix, Verdict, Vitals,
        apply, decide, react,
    },
    platform::{ActionRisk, Reading, Sample, parse},
};

const PLATFORM: &str = r#"
[platform]
name = "HoloVitals"
profile = "drill"
[[service]]
name = "patient-api"
criticality = "critical"
depends_on = ["records-db"]
[[service.check]]
name = "health"
http = "http://127.0.0.1:8101/health"
every = "1s"
within = "500ms"
slow = "250ms"
failures = 2
[[service.action]]
name = "restart"
run = "/bin/true"
[[service]]
name = "records-db"
criticality = "critical"
[[service.check]]
name = "health"
http = "http://127.0.0.1:8102/health"
every = "1s"
within = "500ms"
slow = "250ms"
[[service]]
name = "handouts-with-a-very-long-name-that-does-not-fit"
criticality = "low"
[[service.check]]
name = "health"
http = "http://127.0.0.1:8103/health"
every = "1s"
within = "500ms"
slow = "250ms"
[[component]]
name = "patient-api-code"
service = "patient-api"
kind = "code"
reload = "/bin/true"
release = { root = "/srv/patient-api" }
[[operator]]
name = "alice"
roles = ["technical-lead"]
login = "ops"
[[operator]]
name = "erin"
roles = ["engineer"]
login = "ops"
"#;

/// A platform in some state, made by real commands through the real rules.
struct Scene {
    state: State,
    vitals: Vitals,
    recent: Vec<Recorded>,
    now: DateTime<Utc>,
}

impl Scene {
    fn healthy() -> Self {
        let now = "2026-01-15T14:20:00Z".parse().unwrap();
        let mut scene = Self { state: State::default(), vitals: Vitals::default(), recent: Vec::new(), now };
        let platform = parse(PLATFORM, std::path::Path::new("/etc/codeblue.toml")).unwrap();
        scene.give(Command::StartEngine { version: "0.1.0".to_owned(), host: "ward-1".to_owned() });
        scene.give(Command::LoadPlatform { platform: platform.into() });
        for service in ["patient-api", "records-db", "handouts-with-a-very-long-name-that-does-not-fit"] {
            scene.judge(service, Status::Healthy, "health ok");
            for second in 0..30 {
                scene.sample(service, second, Reading::Good, 4);
            }
        }
        scene.deploy("v40");
        scene.give(Command::RequestSnapshot {
            components: Vec::new(),
            trigger: SnapshotTrigger::Scheduled,
            reason: "schedule".to_owned(),
        });
        let snapshot = *scene.state.snapshots.keys().next().unwrap();
        let captured = vec![Captured {
            component: "patient-api-code".to_owned(),
            vault_id: "ab".repeat(32),
            files: 41,
            bytes: 120_000,
            added_bytes: 12_000,
            unreadable: Vec::new(),
            version: Some("v40".to_owned()),
            good: true,
        }];
        scene.give(Command::FinishSnapshot { snapshot, captured, total_bytes: 2_500_000 });
        scene
    }

    /// The bad release is out, diagnosed, and a change waits.
    fn outage() -> Self {
        let mut scene = Self::healthy();
        scene.now += TimeDelta::seconds(60);
        scene.deploy("v41");
        for second in 61..65 {
            scene.sample("patient-api", second, Reading::Bad, 3);
        }
        scene.now += TimeDelta::seconds(3);
        scene.judge("patient-api", Status::Down, "health: HTTP 500: \"missing column dose_unit\"");
        let diagnosis = *scene.state.diagnoses.keys().next().unwrap();
        let deployment = scene.state.deployments.keys().next_back().copied();
        scene.give(Command::ConcludeDiagnosis {
            diagnosis,
            document: DiagnosisDocument {
                error_id: diagnosis.to_string(),
                detected_at: scene.now,
                severity: Severity::Sev1,
                category: Category::Deployment,
                affected_services: vec!["patient-api".to_owned()],
                root_cause: RootCause {
                    service: "patient-api".to_owned(),
                    issue: "release v41 of patient-api-code: missing column dose_unit ×214".to_owned(),
                    confidence: 0.93,
                    deployment,
                    evidence: vec![Evidence {
                        at: None,
                        source: "log of patient-api".to_owned(),
                        text: "missing column dose_unit".to_owned(),
                        count: 214,
                    }],
                },
                suggested_fixes: vec![SuggestedFix {
                    action: "roll patient-api-code back".to_owned(),
                    priority: 1,
                    estimated_time: 40,
                    risk: ActionRisk::Low,
                    commands: Vec::new(),
                    fix: Fix::RollBack { component: "patient-api-code".to_owned() },
                }],
                related_incidents: Vec::new(),
                knowledge_base_articles: Vec::new(),
            }
            .into(),
        });
        scene.now += TimeDelta::seconds(20);
        scene
    }

    fn deploy(&mut self, version: &str) {
        let version = version.to_owned();
        self.give(Command::ObserveVersion { component: "patient-api-code".to_owned(), version });
        let last = self.state.deployments.values().next_back().unwrap();
        assert_eq!(last.origin, DeploymentOrigin::Observed);
    }

    fn judge(&mut self, service: &str, status: Status, reason: &str) {
        let verdict = Verdict {
            service: service.to_owned(),
            status,
            reason: reason.to_owned(),
            failing_since: (status == Status::Down).then(|| self.now - TimeDelta::seconds(2)),
        };
        self.give(Command::RecordVerdict(verdict));
    }

    fn sample(&mut self, service: &str, second: i64, reading: Reading, millis: u64) {
        let start: DateTime<Utc> = "2026-01-15T14:19:30Z".parse().unwrap();
        self.vitals.take(Sample {
            service: service.to_owned(),
            check: "health".to_owned(),
            level: crate::platform::CheckLevel::Shallow,
            at: start + TimeDelta::seconds(second),
            reading,
            latency: std::time::Duration::from_millis(millis),
            detail: if reading == Reading::Bad { "HTTP 500".to_owned() } else { "HTTP 200".to_owned() },
        });
    }

    /// Decides a command and all that policies make of it, as the engine does.
    fn give(&mut self, command: Command) {
        let mut queue = vec![(command, Actor::Engine)];
        while let Some((command, actor)) = (!queue.is_empty()).then(|| queue.remove(0)) {
            let Ok(events) = decide(&self.state, command, &Meta { at: self.now, actor: actor.clone() }) else {
                continue;
            };
            for event in events {
                let seq = self.state.seq + 1;
                let recorded =
                    Recorded { seq, at: self.now, actor: actor.clone(), cause: None, event, hash: "0".repeat(64) };
                apply(&mut self.state, &recorded);
                queue.extend(
                    react(&self.state, &recorded)
                        .commands
                        .into_iter()
                        .map(|(policy, command)| (command, Actor::Policy(policy.to_owned()))),
                );
                self.recent.push(recorded);
            }
        }
    }

    /// A board over this scene, seen by an operator.
    fn seen_by(&self, operator: &str) -> Model {
        // Its services were heard from just now.
        let mut vitals = self.vitals.clone();
        for figures in vitals.services.values_mut() {
            for point in &mut figures.points {
                point.at = self.now;
            }
        }
        let faults = vec![Fault { name: "kill".to_owned(), about: "ends a process".to_owned() }];
        let mut model = Model::new(self.now, faults);
        let live = Update::Live(Box::new((self.state.clone(), vitals)));
        for message in [
            Message::Update(live),
            Message::Me(self.state.operators.get(operator).cloned()),
            Message::Journal(self.recent.clone()),
        ] {
            update(&mut model, Timed { at: self.now, message });
        }
        model
    }
}

fn picture(model: &mut Model, width: u16, height: u16) -> String {
    let mut buffer = Buffer::empty(Rect { x: 0, y: 0, width, height });
    let drawn = view::draw(model, Theme::mono(), &mut buffer);
    model.hits = drawn.hits;
    model.page = drawn.page;
    let mut text = String::new();
    for y in 0..height {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn press(model: &mut Model, keys: &[Key]) -> Vec<Request> {
    let mut requests = Vec::new();
    for key in keys {
        let at = model.now + TimeDelta::milliseconds(200);
        requests.extend(update(model, Timed { at, message: Message::Input(Input::Key(*key)) }));
        picture(model, 110, 32);
    }
    requests
}

fn click(model: &mut Model, wanted: &Target) -> Vec<Request> {
    picture(model, 110, 32);
    let (area, _) = model.hits.iter().find(|(_, target)| target == wanted).expect("it can be clicked").clone();
    let at = model.now + TimeDelta::milliseconds(200);
    let input = Input::Click { x: area.x + 1, y: area.y };
    update(model, Timed { at, message: Message::Input(input) })
}

fn is_approval(requests: &[Request], hash: &str) -> bool {
    requests.iter().any(|request| match request {
        Request::Submit(command) => matches!(&**command, Command::ApproveChange { plan_hash, .. } if plan_hash == hash),
        _ => false,
    })
}

const SIZES: [(u16, u16); 3] = [(80, 24), (110, 32), (160, 48)];

fn pages(model: &Model) -> Vec<(&'static str, Screen)> {
    let incident = *model.state.incidents.keys().next().unwrap();
    let change = *model.state.changes.keys().next().unwrap();
    vec![
        ("board", Screen::Board),
        ("service", Screen::Service("patient-api".to_owned())),
        ("incident", Screen::Incident(incident)),
        ("change", Screen::Change(change)),
        ("snapshots", Screen::Snapshots),
        ("recoveries", Screen::Recoveries),
        ("journal", Screen::Journal),
        ("help", Screen::Help),
    ]
}

#[test]
fn every_page_in_an_outage() {
    let scene = Scene::outage();
    for (width, height) in SIZES {
        let mut model = scene.seen_by("alice");
        for (name, screen) in pages(&model) {
            model.screens = vec![Screen::Board, screen];
            insta::assert_snapshot!(format!("{name}-{width}x{height}"), picture(&mut model, width, height));
        }
    }
}

#[test]
fn the_board_when_all_is_well_and_when_the_engine_is_gone() {
    let mut model = Scene::healthy().seen_by("alice");
    insta::assert_snapshot!("board-healthy-80x24", picture(&mut model, 80, 24));
    let lost = Update::Lost("the engine has closed the connection".to_owned());
    let at = model.now;
    update(&mut model, Timed { at, message: Message::Update(lost) });
    update(&mut model, Timed { at: at + TimeDelta::seconds(90), message: Message::Tick });
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("LINK LOST"), "{shown}");
    assert!(!shown.contains("● OK"), "what is not heard from is never shown healthy:\n{shown}");
    insta::assert_snapshot!("board-lost-80x24", shown);
}

#[test]
fn an_approval_by_key_looks_first_then_asks_then_binds_to_the_plan_shown() {
    let mut model = Scene::outage().seen_by("alice");
    let hash = model.state.changes[&ChangeId(1)].plan_hash.clone();
    let opened = press(&mut model, &[Key::Char('3'), Key::Char('a')]);
    assert_eq!(opened, [Request::ChangeDryRun(ChangeId(1))]);
    assert_eq!(*model.screen(), Screen::Change(ChangeId(1)));
    assert!(press(&mut model, &[Key::Char('a')]).is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Confirm(_))));
    // Enter presses the button that is marked, and that is the one that leaves it.
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert!(model.overlay.is_none());
    let approved = press(&mut model, &[Key::Char('a'), Key::Char('y')]);
    assert!(is_approval(&approved, &hash), "{approved:?}");
}

#[test]
fn an_approval_by_mouse_asks_too_and_a_double_click_does_not_pass() {
    let mut model = Scene::outage().seen_by("alice");
    let hash = model.state.changes[&ChangeId(1)].plan_hash.clone();
    click(&mut model, &Target::Action("approve"));
    assert_eq!(*model.screen(), Screen::Change(ChangeId(1)));
    assert!(click(&mut model, &Target::Action("approve")).is_empty());
    picture(&mut model, 110, 32);
    let (area, _) = model.hits.iter().find(|(_, target)| *target == Target::Go).unwrap().clone();
    let at = model.now + TimeDelta::milliseconds(50);
    let twice = update(&mut model, Timed { at, message: Message::Input(Input::Click { x: area.x, y: area.y }) });
    assert!(twice.is_empty(), "the second click of a double click is not a yes");
    let approved = click(&mut model, &Target::Go);
    assert!(is_approval(&approved, &hash), "{approved:?}");
}

#[test]
fn who_may_not_approve_is_told_why() {
    let mut model = Scene::outage().seen_by("erin");
    press(&mut model, &[Key::Char('3'), Key::Enter]);
    assert!(press(&mut model, &[Key::Char('a')]).is_empty());
    assert!(model.overlay.is_none());
    let said = model.toast.clone().unwrap().text;
    assert!(said.contains("technical lead"), "{said}");
}

#[test]
fn a_rollback_shows_what_would_change_and_wants_the_name() {
    let mut model = Scene::outage().seen_by("alice");
    let asked = press(&mut model, &[Key::Char('1'), Key::Char('r')]);
    let [Request::DryRun(_, command)] = asked.as_slice() else { panic!("{asked:?}") };
    let dry_run = crate::engine::DryRun {
        plan: (*model.state.changes[&ChangeId(1)].plan).clone(),
        plan_hash: model.state.changes[&ChangeId(1)].plan_hash.clone(),
        risk: model.state.changes[&ChangeId(1)].risk.clone(),
        required: vec![crate::platform::Role::TechnicalLead],
        estimate_seconds: 16,
        components: Vec::new(),
    };
    let at = model.now + TimeDelta::seconds(1);
    update(&mut model, Timed { at, message: Message::DryRun(command.clone(), Ok(dry_run)) });
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("Type patient-api-code to go on"), "{shown}");
    assert!(press(&mut model, &[Key::Enter]).is_empty(), "not without the name");
    let name: Vec<Key> = "patient-api-code".chars().map(Key::Char).collect();
    press(&mut model, &name);
    let done = press(&mut model, &[Key::Enter]);
    assert!(matches!(done.as_slice(), [Request::Submit(_)]), "{done:?}");
}

#[test]
fn keys_of_the_first_moment_do_not_answer_a_question() {
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char('3'), Key::Enter, Key::Char('a')]);
    let at = model.now + TimeDelta::milliseconds(50);
    let early = update(&mut model, Timed { at, message: Message::Input(Input::Key(Key::Char('y'))) });
    assert!(early.is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Confirm(_))));
}

#[test]
fn events_move_the_copy_of_the_state_as_they_move_the_original() {
    let scene = Scene::outage();
    let mut model = Model::new(scene.now, Vec::new());
    let empty = Update::Live(Box::new((State::default(), Vitals::default())));
    update(&mut model, Timed { at: scene.now, message: Message::Update(empty) });
    for recorded in &scene.recent {
        let message = Message::Update(Update::Event(Box::new(recorded.clone())));
        update(&mut model, Timed { at: scene.now, message });
    }
    assert_eq!(model.state, scene.state);
    assert_eq!(model.link, Link::Live);
    assert!(scene.recent.iter().any(|recorded| matches!(recorded.event, Event::ChangeSubmitted { .. })));
}

#[test]
fn no_size_and_no_page_breaks_the_drawing() {
    let scene = Scene::outage();
    let mut model = scene.seen_by("alice");
    for (_, screen) in pages(&model) {
        model.screens = vec![Screen::Board, screen];
        for width in (0..200).step_by(13) {
            for height in (0..60).step_by(7) {
                picture(&mut model, width, height);
                let all = Rect { x: 0, y: 0, width, height };
                assert!(model.hits.iter().all(|(area, _)| all.intersection(*area) == *area), "{width}x{height}");
            }
        }
    }
}

#[test]
fn no_dangerous_action_is_on_a_key_that_a_torn_escape_leaves_behind() {
    let left_behind = "ABCDFHOPQRS[~";
    for action in ACTIONS.iter().filter(|action| action.danger > super::action::Danger::View) {
        for key in action.keys {
            assert!(!matches!(key, Key::Char(c) if left_behind.contains(*c)), "{} on {key}", action.name);
        }
    }
}

#[test]
fn actions_that_share_a_key_are_known_and_names_are_unique() {
    let mut names: Vec<&str> = ACTIONS.iter().map(|action| action.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ACTIONS.len());
    for action in ACTIONS {
        for other in ACTIONS.iter().filter(|other| other.name > action.name) {
            let shared = action.keys.iter().find(|key| other.keys.contains(key));
            let known = [action.name, other.name] == ["acknowledge", "approve"];
            assert!(shared.is_none() || known, "{} and {} are both on {:?}", action.name, other.name, shared);
        }
    }
}

#[test]
fn rows_do_not_jump_while_the_cursor_is_among_them() {
    let scene = Scene::healthy();
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Down]);
    let before = model.rows(List::Pane(Pane::Services));
    model.state.services.get_mut("handouts-with-a-very-long-name-that-does-not-fit").unwrap().status = Status::Down;
    assert_eq!(model.rows(List::Pane(Pane::Services)), before);
    press(&mut model, &[Key::Tab]);
    assert_ne!(model.rows(List::Pane(Pane::Services)), before, "sorted in when the cursor has left");
    assert_eq!(model.state.incident(IncidentId(1)).map(|_| ()).unwrap_err().rule, "unknown-incident");
}
