//! A replica behind restic's REST protocol, on a small server that the stock restic takes for a `rest-server`.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path as Asked, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::any,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{net::TcpListener, runtime::Runtime};

use super::{replica::at_once, *};
use crate::{
    platform::{ReplicaLogin, ReplicaPlace},
    vault::Replica,
};

const MOST: usize = 64 << 20;

#[derive(Clone)]
struct Shelf {
    dir: PathBuf,
    /// Writes and removals that still succeed; after them the server fails.
    strength: Arc<AtomicU64>,
}

struct Server {
    shelf: Shelf,
    address: SocketAddr,
    _runtime: Runtime,
}

impl Server {
    fn start(dir: PathBuf) -> Self {
        let runtime = Runtime::new().unwrap();
        let shelf = Shelf { dir, strength: Arc::new(AtomicU64::new(u64::MAX)) };
        let app = Router::new()
            .route("/vault/", any(create))
            .route("/vault/config", any(config))
            .route("/vault/{kind}/", any(list))
            .route("/vault/{kind}/{name}", any(file))
            .layer(axum::extract::DefaultBodyLimit::max(MOST))
            .with_state(shelf.clone());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { shelf, address, _runtime: runtime }
    }

    fn replica(&self, room: &Room) -> Replica {
        fs::write(room.path("rest-password"), "open sesame\nnot this\n").unwrap();
        let login = ReplicaLogin { user: "codeblue".to_owned(), password_file: room.path("rest-password") };
        Replica::new(&ReplicaPlace::Rest { url: format!("http://{}/vault/", self.address), login: Some(login) })
    }
}

fn knows(headers: &HeaderMap) -> bool {
    let expected = format!("Basic {}", BASE64_STANDARD.encode("codeblue:open sesame"));
    headers.get("authorization").is_some_and(|given| given == expected.as_str())
}

fn weakens(shelf: &Shelf) -> bool {
    shelf.strength.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
}

async fn create(State(shelf): State<Shelf>, method: Method, headers: HeaderMap) -> StatusCode {
    match (knows(&headers), method) {
        (false, _) => StatusCode::UNAUTHORIZED,
        (true, Method::POST) => {
            for kind in ["keys", "data", "index", "snapshots", "locks"] {
                fs::create_dir_all(shelf.dir.join(kind)).unwrap();
            }
            StatusCode::OK
        }
        _ => StatusCode::METHOD_NOT_ALLOWED,
    }
}

async fn list(State(shelf): State<Shelf>, headers: HeaderMap, Asked(kind): Asked<String>) -> Response {
    if !knows(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(entries) = fs::read_dir(shelf.dir.join(kind)) else { return StatusCode::NOT_FOUND.into_response() };
    let entries: Vec<serde_json::Value> = entries
        .map(Result::unwrap)
        .map(|entry| {
            serde_json::json!({ "name": entry.file_name().to_str().unwrap(), "size": entry.metadata().unwrap().len() })
        })
        .collect();
    ([("content-type", "application/vnd.x.restic.rest.v2")], serde_json::to_vec(&entries).unwrap()).into_response()
}

async fn config(state: State<Shelf>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    file(state, method, headers, Asked((".".to_owned(), "config".to_owned())), body).await
}

async fn file(
    State(shelf): State<Shelf>,
    method: Method,
    headers: HeaderMap,
    Asked((kind, name)): Asked<(String, String)>,
    body: Bytes,
) -> Response {
    if !knows(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let path = shelf.dir.join(kind).join(name);
    match method {
        Method::POST if path.exists() => StatusCode::FORBIDDEN.into_response(),
        Method::POST | Method::DELETE if weakens(&shelf) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Method::POST => {
            fs::write(path, body).unwrap();
            StatusCode::OK.into_response()
        }
        Method::DELETE => fs::remove_file(path).map_or(StatusCode::NOT_FOUND, |()| StatusCode::OK).into_response(),
        _ => {
            let Ok(content) = fs::read(path) else { return StatusCode::NOT_FOUND.into_response() };
            let range = headers.get("range").map(|range| range.to_str().unwrap().trim_start_matches("bytes="));
            let Some((from, to)) = range.and_then(|range| range.split_once('-')) else {
                return content.into_response();
            };
            let from: usize = from.parse().unwrap();
            let to = to.parse().map_or(content.len(), |to: usize| (to + 1).min(content.len()));
            if from >= to {
                return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            }
            (StatusCode::PARTIAL_CONTENT, content[from..to].to_vec()).into_response()
        }
    }
}

#[test]
fn a_replica_on_a_server_is_copied_read_pruned_and_repaired_from_like_a_directory() {
    let mut room = Room::new();
    let live = room.path("live");
    plant(&live);
    let first = room.capture(std::slice::from_ref(&live));
    let server = Server::start(room.path("shelf"));
    let replica = Arc::new(server.replica(&room));
    assert_eq!(room.vault.lag(&replica).unwrap().missing_snapshots.len(), 1);
    assert!(room.replicate(&replica).is_clean());
    assert!(room.vault.lag(&replica).unwrap().is_none());
    assert_eq!(room.replicate(&replica).copied_files, 0);

    fs::write(live.join("bin/app"), "new").unwrap();
    let second = room.capture(std::slice::from_ref(&live));
    room.vault.forget(&[first.id]).unwrap();
    (0..2).for_each(|_| room.vault.prune_as(&at_once(), &CancelFlag::new()).unwrap());
    let done = room.replicate(&replica);
    assert!(done.is_clean() && done.removed_files > 0 && done.new_snapshots.len() == 1, "{done:?}");

    // what is damaged there is replaced, though the server takes each name once
    let pack = walk(&room.path("shelf/data")).pop().unwrap();
    fs::write(&pack, "cut").unwrap();
    assert_eq!(room.replicate(&replica).copied_files, 1);

    // and what is damaged here is read from there and put back
    for path in walk(&room.path("vault/data")) {
        fs::write(path, "rubbish").unwrap();
    }
    room.vault = Vault::open_or_init(&room.path("vault"), &room.path("keys")).unwrap().with_replica(replica.clone());
    let staged = room.vault.stage(&second.id, &live, &room.path("back"), &CancelFlag::new()).unwrap();
    assert!(staged.is_whole() && !staged.fetched.is_empty(), "{staged:?}");
    assert_same(&live, &room.path("back"));
    assert!(room.vault.repair_from(&replica, &CancelFlag::new()).unwrap().is_whole());
    assert_eq!(room.vault.verify(&second.id, &CancelFlag::new()).unwrap(), Vec::new());

    // the stock restic reads it where it is
    let restic = Command::new("restic")
        .args(["--no-cache", "check", "--read-data"])
        .env("RESTIC_REPOSITORY", format!("rest:http://codeblue:open%20sesame@{}/vault/", server.address))
        .env("RESTIC_PASSWORD_FILE", room.path("keys/vault-password"))
        .output();
    match restic {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => eprintln!("SKIPPED: the program `restic` is not on PATH, so nothing was proved about it"),
    }
}

#[test]
fn a_server_that_fails_in_the_middle_is_left_with_a_whole_repository() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let captured = room.capture(std::slice::from_ref(&live));
    for strength in 0.. {
        let name = format!("shelf-{strength}");
        let server = Server::start(room.path(&name));
        server.shelf.strength.store(strength, Ordering::SeqCst);
        let replica = server.replica(&room);
        let result = room.vault.replicate(&replica, &CancelFlag::new());
        if let Err(error) = &result {
            assert!(error.to_string().contains("500"), "{error}");
        }
        let whole = |path: &Path| fs::read_dir(path.join("snapshots")).is_ok_and(|found| found.count() > 0);
        assert_eq!(whole(&room.path(&name)), result.is_ok());
        server.shelf.strength.store(u64::MAX, Ordering::SeqCst);
        assert!(room.replicate(&replica).is_clean());
        assert_eq!(room.vault.lag(&replica).unwrap().snapshots, 1);
        if result.is_ok() {
            assert!(strength > 3);
            break;
        }
    }
    assert_eq!(room.vault.verify(&captured.id, &CancelFlag::new()).unwrap(), Vec::new());
}

#[test]
fn a_server_that_is_away_or_lets_nobody_in_is_told_from_an_empty_one() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    room.capture(&[live]);
    let server = Server::start(room.path("shelf"));
    let url = format!("http://{}/vault", server.address);
    let nobody = Replica::new(&ReplicaPlace::Rest { url, login: None });
    let said = room.vault.replicate(&nobody, &CancelFlag::new()).unwrap_err().to_string();
    assert!(said.contains("401") && said.contains("password_file"), "{said}");
    let replica = server.replica(&room);
    fs::remove_file(room.path("rest-password")).unwrap();
    let said = room.vault.lag(&replica).unwrap_err().to_string();
    assert!(said.contains("rest-password"), "{said}");
    fs::write(room.path("rest-password"), "wrong").unwrap();
    let said = room.vault.lag(&replica).unwrap_err().to_string();
    assert!(said.contains("401") && !said.contains("wrong"), "{said}");

    drop(server);
    let said = room.vault.replicate(&replica, &CancelFlag::new()).unwrap_err().to_string();
    assert!(said.contains("cannot reach the replica"), "{said}");
}

#[test]
fn a_replica_may_be_dropped_where_something_asynchronous_runs() {
    let room = Room::new();
    let server = Server::start(room.path("shelf"));
    let replica = server.replica(&room);
    room.replicate(&replica);
    Runtime::new().unwrap().block_on(async move { drop(replica) });
}
