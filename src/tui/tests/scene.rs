//! Platforms in some state, made by real commands through the real rules; and a hand and an eye for the board over them.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    client::Update,
    domain::{
        Actor, Approach, Captured, Category, Cause, Command, DeploymentOrigin, DiagnosisDocument, Evidence, Fix, Meta,
        Recorded, RootCause, Severity, SnapshotTrigger, State, Status, SuggestedFix, Verdict, Vitals, apply, decide,
        react,
    },
    platform::{ActionRisk, Reading, Sample, parse},
    tui::{
        message::{Message, Request, Timed},
        model::{Fault, Model, Screen, Target},
        term::input::{Input, Key},
        theme::Theme,
        update::update,
        view,
    },
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

/// A telephone held upright, over SSH.
pub const PHONE: (u16, u16) = (46, 20);

/// A platform in some state, made by real commands through the real rules.
pub struct Scene {
    pub state: State,
    pub vitals: Vitals,
    pub recent: Vec<Recorded>,
    pub now: DateTime<Utc>,
}

impl Scene {
    /// A platform of which nothing is known yet.
    pub fn of(platform: &str) -> Self {
        let now = "2026-01-15T14:20:00Z".parse().unwrap();
        let mut scene = Self { state: State::default(), vitals: Vitals::default(), recent: Vec::new(), now };
        let platform = parse(platform, std::path::Path::new("/etc/codeblue.toml")).unwrap();
        scene.give(Command::StartEngine {
            version: "0.1.0".to_owned(),
            host: "ward-1".to_owned(),
            origin: "codeblue/ward-1".to_owned(),
        });
        scene.give(Command::LoadPlatform { platform: platform.into() });
        scene
    }

    pub fn healthy() -> Self {
        let mut scene = Self::of(PLATFORM);
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
    pub fn outage() -> Self {
        Self::healthy().broken()
    }

    /// The same, of a platform that has a past.
    pub fn broken(self) -> Self {
        let mut scene = self;
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
                found_severity: None,
                category: Category::Deployment,
                root_cause_category: Cause::Release,
                approach: Approach::RollBack,
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
                candidates: Vec::new(),
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
                second_opinion: None,
            }
            .into(),
        });
        scene.now += TimeDelta::seconds(20);
        scene
    }

    pub fn deploy(&mut self, version: &str) {
        let version = version.to_owned();
        self.give(Command::ObserveVersion { component: "patient-api-code".to_owned(), version });
        let last = self.state.deployments.values().next_back().unwrap();
        assert_eq!(last.origin, DeploymentOrigin::Observed);
    }

    pub fn judge(&mut self, service: &str, status: Status, reason: &str) {
        let verdict = Verdict {
            service: service.to_owned(),
            status,
            reason: reason.to_owned(),
            failing_since: (status == Status::Down).then(|| self.now - TimeDelta::seconds(2)),
        };
        self.give(Command::RecordVerdict(verdict));
    }

    pub fn sample(&mut self, service: &str, second: i64, reading: Reading, millis: u64) {
        let start: DateTime<Utc> = "2026-01-15T14:19:30Z".parse().unwrap();
        self.vitals.take(Sample {
            service: service.to_owned(),
            check: "health".to_owned(),
            level: crate::platform::CheckLevel::Shallow,
            at: start + TimeDelta::seconds(second),
            reading,
            latency: std::time::Duration::from_millis(millis),
            detail: if reading == Reading::Bad { "HTTP 500".to_owned() } else { "HTTP 200".to_owned() },
            measured: None,
        });
    }

    /// Decides a command and all that policies make of it, as the engine does.
    pub fn give(&mut self, command: Command) {
        self.give_as(Actor::Engine, command);
    }

    /// The same, asked for by somebody.
    pub fn give_as(&mut self, actor: Actor, command: Command) {
        let mut queue = vec![(command, actor)];
        while let Some((command, actor)) = (!queue.is_empty()).then(|| queue.remove(0)) {
            let Ok(events) = decide(&self.state, command, &Meta::new(self.now, actor.clone())) else {
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
    pub fn seen_by(&self, operator: &str) -> Model {
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

pub fn picture(model: &mut Model, width: u16, height: u16) -> String {
    let mut buffer = Buffer::empty(Rect { x: 0, y: 0, width, height });
    let drawn = view::draw(model, Theme::mono(), &mut buffer);
    model.hits = drawn.hits;
    model.page = drawn.page;
    model.columns = drawn.columns;
    model.deepest = drawn.deepest;
    let mut text = String::new();
    for y in 0..height {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

pub fn press(model: &mut Model, keys: &[Key]) -> Vec<Request> {
    let mut requests = Vec::new();
    for key in keys {
        let at = model.now + TimeDelta::milliseconds(200);
        requests.extend(update(model, Timed { at, message: Message::Input(Input::Key(*key)) }));
        picture(model, 110, 32);
    }
    requests
}

/// Types a text; its line breaks as somebody would.
pub fn type_in(model: &mut Model, text: &str) {
    let keys: Vec<Key> = text.chars().map(|c| if c == '\n' { Key::Ctrl('j') } else { Key::Char(c) }).collect();
    press(model, &keys);
}

/// Somebody.
pub fn by(name: &str) -> Actor {
    Actor::Operator(name.to_owned())
}

/// A page as somebody sees it.
pub fn at(scene: &Scene, who: &str, screen: Screen) -> Model {
    let mut model = scene.seen_by(who);
    model.screens.push(screen);
    model
}

/// The commands among what was asked for.
pub fn asked(requests: &[Request]) -> Vec<Command> {
    let command = |request: &Request| match request {
        Request::Submit(command) => Some(Command::clone(command)),
        _ => None,
    };
    requests.iter().filter_map(command).collect()
}

/// The one command that was asked for on the board, which the rules take.
pub fn accepted(model: &Model, requests: &[Request]) -> Command {
    let commands = asked(requests);
    let [command] = commands.as_slice() else { panic!("{requests:?}") };
    let meta = Meta::new(model.now, by(model.my_name()));
    decide(&model.state, command.clone(), &meta).expect("the rules take it");
    command.clone()
}

pub fn click(model: &mut Model, wanted: &Target) -> Vec<Request> {
    picture(model, 110, 32);
    let (area, _) = model.hits.iter().find(|(_, target)| target == wanted).expect("it can be clicked").clone();
    let (x, y) = (area.x + area.width.saturating_sub(1).min(1), area.y);
    let at = model.now + TimeDelta::milliseconds(500);
    let mut requests = update(model, Timed { at, message: Message::Input(Input::Press { x, y }) });
    requests.extend(update(model, Timed { at, message: Message::Input(Input::Release { x, y }) }));
    requests
}

pub fn is_approval(requests: &[Request], hash: &str) -> bool {
    let is_yes = |command: &Command| matches!(command, Command::ApproveChange { plan_hash, .. } if plan_hash == hash);
    asked(requests).iter().any(is_yes)
}
