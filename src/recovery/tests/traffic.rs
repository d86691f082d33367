//! Releases are switched under the eyes of readers: a small HTTP server opens what lies below `current` anew for each request,
//! and no answer may fail, be cut, or hold files of two releases.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

use super::{Room, component, copy_of, kill::Kills, snapshot};
use crate::{
    platform::Adapter,
    recovery::{Target, observe},
};

const PARTS: [&str; 3] = ["index.html", "app.js", "style.css"];
/// So often a file repeats the name of its release.
const REPEATED: usize = 3000;

fn release(root: &Path, version: &str) {
    let dir = root.join("releases").join(version);
    fs::create_dir_all(&dir).unwrap();
    for part in PARTS {
        fs::write(dir.join(part), version.repeat(REPEATED)).unwrap();
    }
}

/// Answers each request with all parts, read through the directory that `current` led to when the request came.
fn serve(connection: TcpStream, current: &Path) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut connection = connection;
    loop {
        let mut line = String::new();
        loop {
            line.clear();
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if line == "\r\n" => break,
                Ok(_) => {}
            }
        }
        let parts = fs::canonicalize(current)
            .and_then(|pinned| PARTS.iter().map(|part| fs::read(pinned.join(part))).collect::<Result<Vec<_>, _>>());
        let (status, body) = match parts {
            Ok(parts) => ("200 OK", parts.concat()),
            Err(error) => ("500 Internal Server Error", error.to_string().into_bytes()),
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        if connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&body)).is_err() {
            return;
        }
    }
}

#[derive(Default, Debug)]
struct Tally {
    answers: AtomicU32,
    failed: AtomicU32,
    mixed: AtomicU32,
    torn: AtomicU32,
}

/// Asks again and again over one connection and judges each answer.
fn ask(address: SocketAddr, stop: &AtomicBool, allowed: &AtomicU32, tally: &Tally) {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    while !stop.load(Ordering::SeqCst) {
        // some requests for every switch, and time for the switches
        if tally.answers.load(Ordering::SeqCst) >= allowed.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_micros(100));
            continue;
        }
        connection.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        let (mut status, mut line, mut length) = (String::new(), String::new(), 0);
        reader.read_line(&mut status).unwrap();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
            length = line.strip_prefix("Content-Length: ").map_or(length, |text| text.trim().parse().unwrap());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        tally.answers.fetch_add(1, Ordering::SeqCst);
        let count = |found: bool, tally: &AtomicU32| tally.fetch_add(u32::from(found), Ordering::SeqCst);
        if !status.contains("200") {
            count(true, &tally.failed);
            continue;
        }
        count(body.len() != PARTS.len() * REPEATED * 2, &tally.torn);
        count(body.chunks(2).any(|version| version != &body[..2]), &tally.mixed);
    }
}

/// Runs `switch` with numbers from 0 while three clients ask, until both have done enough.
fn under_traffic(current: &Path, switches: u32, requests: u32, switch: impl Fn(u32)) -> Tally {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, allowed, tally) = (AtomicBool::new(false), AtomicU32::new(0), Tally::default());
    thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| {
                let client = scope.spawn(|| ask(address, &stop, &allowed, &tally));
                let connection = listener.accept().unwrap().0;
                connection.set_nodelay(true).unwrap();
                scope.spawn(move || serve(connection, current));
                client
            })
            .collect();
        let mut done = 0;
        while done < switches || tally.answers.load(Ordering::SeqCst) < requests {
            allowed.store((done + 2) * (requests / switches + 2), Ordering::SeqCst);
            assert!(!clients.iter().any(thread::ScopedJoinHandle::is_finished), "a client gave up");
            switch(done);
            done += 1;
        }
        stop.store(true, Ordering::SeqCst);
    });
    eprintln!("{tally:?}");
    tally
}

fn assert_none_noticed(tally: &Tally, requests: u32) {
    let [failed, mixed, torn] = [&tally.failed, &tally.mixed, &tally.torn].map(|count| count.load(Ordering::SeqCst));
    assert_eq!((failed, mixed, torn), (0, 0, 0));
    assert!(tally.answers.load(Ordering::SeqCst) >= requests);
}

#[test]
fn a_thousand_switches_of_a_release_are_noticed_by_none_of_ten_thousand_requests() {
    let room = Room::in_memory();
    let root = room.path("app");
    let versions = ["v1", "v2", "v3"];
    versions.iter().for_each(|version| release(&root, version));
    symlink("releases/v1", root.join("current")).unwrap();
    let component = component(Adapter::Release { root: root.clone() });
    let tally = under_traffic(&root.join("current"), 1000, 10_000, |number| {
        let version = versions[(number as usize + 1) % versions.len()];
        room.restore(&component, &Target::Release(version.to_owned()), &format!("runs/{number}"));
        assert_eq!(observe(&component).unwrap().version.as_deref(), Some(version));
    });
    assert_none_noticed(&tally, 10_000);
}

#[test]
fn switches_between_commits_are_noticed_by_nobody_either() {
    let room = Room::new();
    let repository = room.path("repository");
    fs::create_dir(&repository).unwrap();
    super::git::git(&repository, &["init", "--quiet"]);
    for version in ["v1", "v2"] {
        let text = version.repeat(REPEATED);
        super::git::commit(&repository, &PARTS.map(|part| (part, text.as_str())), version);
    }
    let component = component(Adapter::Git { repository, root: room.path("app") });
    let go = |version: &str, run: &str| room.restore(&component, &Target::Release(version.to_owned()), run);
    go("v1", "first");
    let releases = room.path("app/releases");
    let tally = under_traffic(&room.path("app/current"), 60, 2000, |number| {
        let version = ["v2", "v1"][number as usize % 2];
        if number % 10 == 0 {
            // not there any more: it is checked out first
            let _ = fs::remove_dir_all(releases.join(version));
        }
        go(version, &format!("runs/{number}"));
    });
    assert_none_noticed(&tally, 2000);
}

#[test]
fn a_kill_at_any_point_of_a_switch_leaves_the_old_or_the_new_release() {
    let room = Room::new();
    let root: PathBuf = room.path("app");
    ["v1", "v2"].iter().for_each(|version| release(&root, version));
    symlink("releases/v1", root.join("current")).unwrap();
    let component = component(Adapter::Release { root: root.clone() });
    let model = copy_of(&room, &root, "model");
    let target = snapshot(&room.capture(&component));
    let kills = Kills {
        room: &room,
        component: &component,
        target,
        live: root.clone(),
        parts: &["current/"],
        model,
        at_once: true,
        rounds: 24,
    };
    kills.run(|| {
        let temporary = root.join("link");
        symlink("releases/v2", &temporary).unwrap();
        fs::rename(temporary, root.join("current")).unwrap();
        // gone from the disk, so that a part of the way is building it again
        let _ = fs::remove_dir_all(root.join("releases/v1"));
    });
    assert!(room.litter(&root.join("releases")).is_empty());
}
