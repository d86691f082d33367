//! A small platform, its engine and its socket, for tests that talk to them as scripts do.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{Router, routing::get};
use codeblue::{
    api::{Server, serve},
    client::Client,
    domain::{Captured, SnapshotId, SnapshotState, State, Status},
    engine::{AS_HEADER, Engine, EngineHandle, Home, SystemClock, login_of},
};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// One service that is always well, with a component of each kind: a release, a folder of files, a database.
pub struct Bed {
    pub folder: tempfile::TempDir,
    pub home: Home,
}

impl Bed {
    pub async fn new(profile: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["v1", "v2"] {
            std::fs::create_dir_all(at("app/releases").join(version)).unwrap();
            std::fs::write(at("app/releases").join(version).join("version"), version).unwrap();
        }
        std::os::unix::fs::symlink("releases/v1", at("app/current")).unwrap();
        std::fs::create_dir_all(at("papers")).unwrap();
        std::fs::write(at("papers/letter"), "first").unwrap();
        rusqlite::Connection::open(at("records.db"))
            .unwrap()
            .execute_batch(
                "CREATE TABLE chart (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO chart VALUES (1, 'first')",
            )
            .unwrap();
        std::fs::create_dir_all(at("home")).unwrap();
        std::fs::write(at("home/codeblue.toml"), platform_file(folder.path(), profile, well().await)).unwrap();
        let home = Home::at(&at("home"));
        Self { folder, home }
    }

    /// The same with more in its platform file.
    pub async fn with(profile: &str, more: &str) -> Self {
        let bed = Self::new(profile).await;
        let file = bed.home.platform_file();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}{more}")).unwrap();
        bed
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("records.db")).unwrap()
    }
}

/// A server that always says it is well.
async fn well() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/health", get(|| async { "{\"status\":\"ok\"}" }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// The login under which this test runs.
pub fn me() -> String {
    let uid = rustix::process::getuid().as_raw();
    login_of(uid).unwrap_or_else(|| panic!("user {uid} has no login in /etc/passwd, so no engine would know it"))
}

fn platform_file(folder: &Path, profile: &str, health: SocketAddr) -> String {
    let (folder, me) = (folder.display(), me());
    let people = match profile {
        "drill" => format!(
            r#"
[[operator]]
name = "alice"
roles = ["technical-lead"]
login = "{me}"
[[operator]]
name = "erin"
roles = ["engineer"]
login = "{me}"
[[operator]]
name = "vic"
roles = ["viewer"]
login = "{me}"
"#
        ),
        _ => "[[operator]]\nname = \"carol\"\nroles = [\"cto\"]\n".to_owned(),
    };
    format!(
        r#"
[platform]
name = "Clinic"
profile = "{profile}"
[access]
second_factor = "enrolled"
[automation]
mode = "observe"
[[service]]
name = "desk"
criticality = "low"
[[service.check]]
level = "shallow"
http = {{ url = "http://{health}/health" }}
every = "100ms"
within = "5s"
failures = 5
successes = 1
[[component]]
name = "desk-code"
service = "desk"
kind = "code"
every = "1h"
release = {{ root = "{folder}/app" }}
[[component]]
name = "papers"
service = "desk"
kind = "data"
every = "1h"
files = {{ paths = ["{folder}/papers"] }}
[[component]]
name = "records"
service = "desk"
kind = "database"
every = "1h"
sqlite = {{ path = "{folder}/records.db" }}
{people}"#
    )
}

/// An engine at work on a bed, and its socket.
pub struct Served {
    pub bed: Bed,
    pub engine: Engine,
    pub server: Option<Server>,
    http: reqwest::Client,
}

impl Served {
    pub async fn new(profile: &str) -> Self {
        Self::of(Bed::new(profile).await).await
    }

    /// The same on a bed that is made already.
    pub async fn of(bed: Bed) -> Self {
        let engine = Engine::start(&bed.home, Arc::new(SystemClock)).await.unwrap();
        Self::on(bed, engine)
    }

    /// An engine that was started.
    pub fn on(bed: Bed, engine: Engine) -> Self {
        let server = serve(engine.handle(), &bed.home.socket()).unwrap();
        let http =
            reqwest::Client::builder().unix_socket(bed.home.socket()).tls_certs_only([]).no_proxy().build().unwrap();
        Self { bed, engine, server: Some(server), http }
    }

    /// The same once the service is healthy and everything was captured in good health.
    pub async fn ready(profile: &str) -> Self {
        let served = Self::new(profile).await;
        let good = |state: &State, name: &str| state.last_good_snapshot(name, None).is_some();
        served.until("healthy", |state| state.services.get("desk").is_some_and(|d| d.status == Status::Healthy)).await;
        served
            .until("captured", |state| {
                settled(state) && ["desk-code", "papers", "records"].iter().all(|name| good(state, name))
            })
            .await;
        served
    }

    pub fn handle(&self) -> EngineHandle {
        self.engine.handle()
    }

    pub fn client(&self, name: Option<&str>) -> Client {
        Client::unix(&self.bed.home.socket(), name.map(str::to_owned)).unwrap()
    }

    /// A request as a script would send it: the status and the JSON of the answer.
    pub async fn call(&self, who: &str, method: Method, path: &str, body: Option<&str>) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("http://engine{path}"));
        if !who.is_empty() {
            request = request.header(AS_HEADER, who);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("", Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    pub fn raw(&self) -> &reqwest::Client {
        &self.http
    }

    /// Waits until the state is as wished, on events, for a minute at most.
    pub async fn until(&self, what: &str, wished: impl Fn(&State) -> bool) -> Arc<State> {
        let handle = self.handle();
        let mut events = handle.subscribe();
        let wait = async {
            loop {
                let state = handle.state();
                if wished(&state) {
                    return state;
                }
                let _ = events.recv().await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), wait).await {
            Ok(state) => state,
            Err(_) => panic!("never happened: {what}; {:#?}", handle.state()),
        }
    }

    pub async fn stop(mut self) -> Bed {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
        self.engine.stop("test").await;
        self.bed
    }
}

/// The wish for a snapshot of everything.
pub fn everything() -> codeblue::domain::Command {
    codeblue::domain::Command::RequestSnapshot {
        components: Vec::new(),
        trigger: codeblue::domain::SnapshotTrigger::OnDemand,
        reason: "test".to_owned(),
    }
}

/// Whether no snapshot is being taken.
pub fn settled(state: &State) -> bool {
    state.snapshots.values().all(|snapshot| snapshot.state != SnapshotState::Running && snapshot.proving.is_empty())
}

/// What the newest good snapshot holds of a component.
pub fn newest(state: &State, component: &str) -> (SnapshotId, Captured) {
    let snapshot = state.last_good_snapshot(component, None).unwrap();
    (snapshot.id, snapshot.captured(component).unwrap().clone())
}
