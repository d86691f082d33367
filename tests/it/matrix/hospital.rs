//! Platforms that do not exist: five to forty services in layers, each of some stack, with checks, components and actions.

use std::{fmt::Write, path::Path};

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    domain::{Actor, Command, Meta, Recorded, State, Status, Verdict, apply, decide},
    platform::parse,
};

use crate::dice::Dice;

/// What a service is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Database,
    Cache,
    Queue,
    Auth,
    Api,
    Worker,
    Web,
}

/// What it is written in, which is how its log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    Java,
    Python,
    Node,
    Go,
    Nginx,
    Postgres,
    Redis,
    Rabbit,
    Dotnet,
    Ruby,
}

/// One service.
#[derive(Debug, Clone)]
pub struct Unit {
    pub name: String,
    pub role: Role,
    pub stack: Stack,
    pub port: u16,
    pub needs: Vec<usize>,
    pub actions: Vec<&'static str>,
    /// It has a component of code, of configuration.
    pub code: bool,
    pub config: bool,
}

impl Unit {
    /// Whether the platform file declares such an action for it.
    pub fn can(&self, action: &str) -> bool {
        self.actions.contains(&action)
    }
}

/// A platform and its past.
pub struct Hospital {
    pub units: Vec<Unit>,
    pub state: State,
    pub now: DateTime<Utc>,
}

/// When things begin to go wrong.
pub fn trouble() -> DateTime<Utc> {
    "2026-03-02T09:30:00Z".parse().unwrap()
}

const STORES: [(&str, Role, Stack); 6] = [
    ("records-db", Role::Database, Stack::Postgres),
    ("session-cache", Role::Cache, Stack::Redis),
    ("billing-db", Role::Database, Stack::Postgres),
    ("orders-queue", Role::Queue, Stack::Rabbit),
    ("imaging-store", Role::Database, Stack::Postgres),
    ("lab-db", Role::Database, Stack::Postgres),
];
const MIDDLE: [&str; 20] = [
    "auth",
    "patient-api",
    "pharmacy",
    "billing",
    "lab-results",
    "scheduling",
    "imaging",
    "orders",
    "notify",
    "consent",
    "ward-stock",
    "vitals",
    "referrals",
    "insurance",
    "audit-feed",
    "dosing",
    "transport",
    "diet",
    "triage",
    "search",
];
const TOP: [&str; 14] = [
    "web-portal",
    "nurse-app",
    "kiosk",
    "doctor-desk",
    "mobile-gateway",
    "reports",
    "wallboard",
    "claims-export",
    "handouts",
    "checkin",
    "telehealth",
    "discharge",
    "family-portal",
    "admin-desk",
];

impl Hospital {
    /// A platform that is well, with a version of everything known for days.
    pub fn new(dice: &mut Dice) -> Self {
        let units = units(dice);
        let platform =
            parse(&text(&units), Path::new("/srv/codeblue.toml")).unwrap_or_else(|problems| panic!("{problems}"));
        let now = trouble() - TimeDelta::days(3);
        let mut hospital = Self { units, state: State::default(), now };
        hospital.give(&Actor::Engine, Command::LoadPlatform { platform: platform.into() });
        for unit in 0..hospital.units.len() {
            hospital.judge(unit, Status::Healthy, "ok", None);
            if hospital.units[unit].code {
                hospital.deploy(unit, "v40");
            }
        }
        hospital
    }

    pub fn give(&mut self, actor: &Actor, command: Command) {
        let events = decide(&self.state, command, &Meta::new(self.now, actor.clone())).unwrap();
        for event in events {
            let (seq, at, actor) = (self.state.seq + 1, self.now, actor.clone());
            apply(&mut self.state, &Recorded { seq, at, actor, cause: None, event, hash: String::new() });
        }
    }

    pub fn judge(&mut self, unit: usize, status: Status, reason: &str, failing_since: Option<DateTime<Utc>>) {
        let service = self.units[unit].name.clone();
        let verdict = Verdict { service, status, reason: reason.to_owned(), failing_since };
        self.give(&Actor::Engine, Command::RecordVerdict(verdict));
    }

    pub fn deploy(&mut self, unit: usize, version: &str) {
        let component = format!("{}-code", self.units[unit].name);
        let deploy = Command::RecordDeployment { component, version: version.to_owned(), note: String::new() };
        self.give(&Actor::Operator("erin".to_owned()), deploy);
    }

    /// All that need a service, nearest first.
    pub fn above(&self, unit: usize) -> Vec<usize> {
        let names = self.state.platform.dependants_of(&self.units[unit].name);
        names.iter().filter_map(|name| self.units.iter().position(|unit| unit.name == *name)).collect()
    }
}

fn units(dice: &mut Dice) -> Vec<Unit> {
    let stores = 2 + dice.below(5);
    let middle = 2 + dice.below(19);
    let top = 1 + dice.below(14);
    let mut units: Vec<Unit> = Vec::new();
    let place = |units: &[Unit]| 8100 + u16::try_from(units.len()).unwrap();
    for (name, role, stack) in STORES.iter().take(stores) {
        let (name, port) = ((*name).to_owned(), place(&units));
        units.push(Unit {
            name,
            role: *role,
            stack: *stack,
            port,
            needs: Vec::new(),
            actions: Vec::new(),
            code: false,
            config: true,
        });
    }
    let stacks = [Stack::Java, Stack::Python, Stack::Node, Stack::Go, Stack::Dotnet, Stack::Ruby];
    for (place_in, name) in MIDDLE.iter().take(middle).enumerate() {
        let role = match place_in {
            0 => Role::Auth,
            _ if dice.happens(2000) => Role::Worker,
            _ => Role::Api,
        };
        let mut needs = vec![dice.below(stores)];
        // Some need a second store, or one another that stands further left.
        if dice.happens(4000) {
            needs.push(dice.below(stores));
        }
        if place_in > 0 && dice.happens(5000) {
            needs.push(stores + dice.below(place_in));
        }
        needs.sort_unstable();
        needs.dedup();
        let (stack, port) = (*dice.pick(&stacks), place(&units));
        units.push(Unit {
            name: (*name).to_owned(),
            role,
            stack,
            port,
            needs,
            actions: Vec::new(),
            code: true,
            config: dice.happens(8500),
        });
    }
    for name in TOP.iter().take(top) {
        let mut needs: Vec<usize> = (0..1 + dice.below(3)).map(|_| stores + dice.below(middle)).collect();
        needs.sort_unstable();
        needs.dedup();
        let stack = if dice.happens(5000) { Stack::Nginx } else { *dice.pick(&stacks) };
        let port = place(&units);
        units.push(Unit {
            name: (*name).to_owned(),
            role: Role::Web,
            stack,
            port,
            needs,
            actions: Vec::new(),
            code: true,
            config: true,
        });
    }
    for unit in &mut units {
        if dice.happens(9000) {
            unit.actions.push("restart");
        }
        let extra: &[&'static str] = match unit.role {
            Role::Database => &["terminate-blocking", "prune-logs", "fail-over"],
            Role::Cache => &["fail-over", "flush"],
            Role::Queue => &["scale-out", "prune-logs"],
            Role::Auth => &["reset-all-sessions", "renew-certificate", "reload-credentials"],
            Role::Api | Role::Worker => &["scale-out", "fail-over", "prune-logs", "reload-credentials"],
            Role::Web => &["renew-certificate", "fallback-page", "scale-out"],
        };
        for action in extra {
            if dice.happens(5000) {
                unit.actions.push(action);
            }
        }
    }
    units
}

/// The platform file.
fn text(units: &[Unit]) -> String {
    let mut text =
        String::from("[platform]\nname = \"Hospital\"\nprofile = \"drill\"\n[automation]\nmode = \"assist\"\n");
    for (place, unit) in units.iter().enumerate() {
        let Unit { name, port, .. } = unit;
        let criticality = ["critical", "high", "medium", "low"][place % 4];
        let needs: Vec<&str> = unit.needs.iter().map(|needed| units[*needed].name.as_str()).collect();
        write!(text, "[[service]]\nname = \"{name}\"\ncriticality = \"{criticality}\"\ndepends_on = {needs:?}\nlogs = [\"/var/log/{name}.log\"]\n").unwrap();
        let mut check = |name: &str, level: &str, every: &str, keys: &str| {
            write!(text, "[[service.check]]\nname = \"{name}\"\nlevel = \"{level}\"\nevery = \"{every}\"\n{keys}\n")
                .unwrap();
        };
        check(
            "process",
            "shallow",
            "15s",
            &format!("process = {{ pid_file = \"/run/{name}.pid\", descriptors = 90 }}"),
        );
        match unit.role {
            Role::Database => {
                check("port", "shallow", "15s", &format!("tcp = \"127.0.0.1:{port}\""));
                check(
                    "sql",
                    "deep",
                    "30s",
                    &format!(
                        "postgres = {{ host = \"127.0.0.1\", port = {port}, user = \"app\", database = \"main\", password_file = \"/srv/pgpass\", connections = 90, locks = \"10s\" }}"
                    ),
                );
                check(
                    "file",
                    "deep",
                    "60s",
                    &format!("sqlite = {{ path = \"/srv/{name}/main.db\", integrity = true }}"),
                );
                check("rows", "deep", "60s", &format!("rows = {{ component = \"{name}-data\", table = \"doses\" }}"));
            }
            Role::Cache | Role::Queue => {
                check("port", "shallow", "15s", &format!("tcp = \"127.0.0.1:{port}\""));
                check(
                    "depth",
                    "shallow",
                    "30s",
                    &format!("promql = {{ url = \"http://127.0.0.1:9090\", query = \"depth_{port}\", above = 10000 }}"),
                );
            }
            Role::Auth | Role::Api | Role::Worker => {
                check(
                    "http",
                    "shallow",
                    "15s",
                    &format!("http = {{ url = \"http://127.0.0.1:{port}/health\" }}\nslow = \"500ms\""),
                );
                check("name", "shallow", "30s", "dns = { name = \"ehr.partner.example\" }");
            }
            Role::Web => {
                check(
                    "http",
                    "shallow",
                    "15s",
                    &format!(
                        "http = {{ url = \"https://127.0.0.1:{port}/\", certificate = \"14d\" }}\nslow = \"500ms\""
                    ),
                );
            }
        }
        check(
            "disk",
            "shallow",
            "60s",
            &format!("host = {{ resource = \"disk\", above = 90, path = \"/srv/{name}\" }}"),
        );
        check("memory", "shallow", "60s", "host = { resource = \"memory\", above = 90 }");
        check("cpu", "shallow", "60s", "host = { resource = \"cpu\", above = 90 }");
        check("clock", "shallow", "60s", "clock = { servers = [\"10.0.0.1:123\"], above = \"2s\" }");
        for action in &unit.actions {
            let risk = if *action == "reset-all-sessions" {
                "high"
            } else if matches!(*action, "fail-over" | "flush") {
                "medium"
            } else {
                "low"
            };
            write!(
                text,
                "[[service.action]]\nname = \"{action}\"\nrun = \"/usr/local/bin/{action} {name}\"\nrisk = \"{risk}\"\n"
            )
            .unwrap();
        }
    }
    for unit in units {
        let name = &unit.name;
        let mut component = |what: &str, kind: &str, keys: &str| {
            write!(text, "[[component]]\nname = \"{name}-{what}\"\nservice = \"{name}\"\nkind = \"{kind}\"\n{keys}\n")
                .unwrap();
        };
        if unit.code {
            component("code", "code", &format!("release = {{ root = \"/srv/{name}\" }}"));
        }
        if unit.config {
            component("config", "config", &format!("files = {{ paths = [\"/etc/{name}\"] }}"));
        }
        if unit.role == Role::Database {
            component("data", "database", &format!("sqlite = {{ path = \"/srv/{name}/main.db\" }}"));
        }
    }
    text.push_str("[[operator]]\nname = \"erin\"\nroles = [\"engineer\"]\n");
    text
}
