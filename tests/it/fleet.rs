//! Two real engines on one board, one over its socket and one over TLS: one is ended, and is back.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use codeblue::{
    client::{
        Client, HostAddress, Trust, Update,
        fleet::{Fleet, FleetHost, HostLink, HostNews, HostSight, HostToFollow, follow_hosts},
    },
    domain::{Command, Severity, TokenScope},
    engine::SystemClock,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixListener,
    sync::mpsc,
};

use crate::{
    cli::Script,
    served::{Bed, Served},
    transport::{address, figures, listening, token},
};

/// The board's eyes: all that is known, and the stream of it.
struct Eyes {
    fleet: Fleet,
    news: mpsc::Receiver<HostNews>,
}

impl Eyes {
    fn on(hosts: Vec<HostToFollow>) -> Self {
        let fleet = Fleet::of(hosts.iter().map(|host| (host.name.clone(), host.address.clone())));
        let (sender, news) = mpsc::channel(16);
        tokio::spawn(follow_hosts(hosts, Arc::new(SystemClock), sender));
        Self { fleet, news }
    }

    /// Waits until a host is as wished, for a minute at most.
    async fn until(&mut self, what: &str, host: &str, wished: impl Fn(&FleetHost) -> bool) -> FleetHost {
        let wait = async {
            loop {
                let found = self.fleet.host(host).unwrap();
                if wished(found) {
                    return found.clone();
                }
                let news = self.news.recv().await.expect("it goes on");
                self.fleet.take(news);
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), wait).await {
            Ok(found) => found,
            Err(_) => panic!("{host} was never {what}: {:?}", self.fleet),
        }
    }
}

fn host(name: &str, client: Client) -> HostToFollow {
    HostToFollow { name: name.to_owned(), address: client.place(), client: Ok(client) }
}

fn now(host: &FleetHost) -> HostSight<'_> {
    host.sight(host.heard_at.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_ends_is_unknown_since_then_and_known_again_when_it_is_back() {
    let near = Served::new("drill").await;
    let far = listening().await;
    let (_, secret) = token(&far, "erin", TokenScope::Read, TimeDelta::days(1)).await;
    let trust = Trust { fingerprint: figures(&far).fingerprint, certificate: None };
    let over_tls = Client::tls(address(&far), trust).unwrap().with_token(Some(secret));
    let mut eyes = Eyes::on(vec![
        host("near", near.client(Some("alice"))),
        host("far", over_tls),
        HostToFollow {
            name: "odd".to_owned(),
            address: "https://odd".to_owned(),
            client: Err("not trusted".to_owned()),
        },
    ]);
    let heard = |host: &FleetHost| matches!(now(host), HostSight::Heard(_));
    eyes.until("heard", "near", heard).await;
    let found = eyes.until("heard", "far", heard).await;
    let HostSight::Heard(summary) = now(&found) else { unreachable!() };
    assert_eq!((summary.platform.as_str(), summary.services.total()), ("Clinic", 1));
    eyes.until("asked how long it takes", "far", |host| host.took_seconds.is_some()).await;
    let odd = eyes.until("told of", "odd", |host| matches!(host.link, HostLink::Lost { .. })).await;
    assert!(matches!(&odd.link, HostLink::Lost { reason, next_try: None, .. } if reason == "not trusted"), "{odd:?}");

    // What happens there is seen here.
    let title = "charts are slow".to_owned();
    let declare = Command::DeclareIncident { severity: Severity::Sev2, title: title.clone(), services: Vec::new() };
    near.client(Some("erin")).submit(&declare).await.unwrap();
    let sees = |host: &FleetHost| host.last().is_some_and(|last| last.incidents.iter().any(|one| one.title == title));
    eyes.until("in trouble", "near", sees).await;

    // It ends: nothing of it counts as well, what was open stays to be seen, and the other is heard on.
    let bed = near.stop().await;
    let lost = eyes.until("lost", "near", |host| matches!(host.link, HostLink::Lost { .. })).await;
    let HostSight::Unknown { since: Some(since), last: Some(last) } = now(&lost) else { panic!("{lost:?}") };
    assert_eq!((Some(since), last.incidents.len()), (lost.heard_at, 1));
    let totals = eyes.fleet.totals(since);
    assert_eq!((totals.unknown, totals.services.unknown >= 1, totals.incidents), (2, true, 1), "{totals:?}");
    eyes.until("heard on", "far", |host| heard(host) && host.heard_at > Some(since)).await;

    // It is back, and is found by itself.
    let near = Served::of(bed).await;
    let back = eyes.until("back", "near", |host| heard(host) && host.heard_at > Some(since)).await;
    assert!(sees(&back), "what was open is open");
    far.stop().await;
    near.stop().await;
}

/// A program on a socket that answers everything with one text.
fn speaks(bed: &std::path::Path, answer: &'static str) -> Client {
    let socket = bed.join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let Ok(HostAddress::Unix(path)) = format!("unix:{}", socket.display()).parse() else { panic!("{socket:?}") };
    Client::unix(&path, None).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_of_another_level_is_unknown_and_says_which_side_is_to_be_updated() {
    let folder = tempfile::tempdir().unwrap();
    let newer = "HTTP/1.1 200 OK\r\nx-codeblue-api: 2-4\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n";
    let client = speaks(folder.path(), newer);
    let mut eyes = Eyes::on(vec![host("new", client.clone())]);
    let found = eyes.until("refused", "new", |host| matches!(host.link, HostLink::Lost { .. })).await;
    let HostLink::Lost { reason, next_try, .. } = &found.link else { unreachable!() };
    assert!(reason.contains("API 2-4") && reason.contains("update codeblue here"), "{reason}");
    assert!(next_try.is_some(), "it may be updated meanwhile");
    assert!(matches!(now(&found), HostSight::Unknown { since: None, last: None }));
    // The board of one engine says the same.
    let (sender, mut updates) = mpsc::channel(4);
    tokio::spawn(async move { client.follow(sender).await });
    let update = tokio::time::timeout(Duration::from_secs(60), updates.recv()).await.unwrap();
    assert!(matches!(&update, Some(Update::Lost(why)) if why.contains("update codeblue here")), "{update:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_tells_how_all_hosts_are_and_which_do_not_answer() {
    let served = Served::of(Bed::new("drill").await).await;
    let title = "charts are slow".to_owned();
    let declare = Command::DeclareIncident { severity: Severity::Sev2, title, services: Vec::new() };
    served.client(Some("erin")).submit(&declare).await.unwrap();
    let told = tokio::task::spawn_blocking(move || {
        let script = Script::new();
        std::fs::create_dir_all(script.home()).unwrap();
        let near = format!("unix:{}", served.bed.home.socket().display());
        let far = format!("unix:{}", script.home().join("nobody.sock").display());
        for (name, address) in [("near", &near), ("far", &far)] {
            assert_eq!(script.run(&["host", "add", name, address]).0, 0);
        }
        let (code, document) = script.json(&["host", "status", "--as", "erin"]);
        assert_eq!(code, 4, "{document}");
        let (code, page, _) = script.run(&["host", "status", "--as", "erin"]);
        assert_eq!(code, 4);
        (served, document, page)
    });
    let (served, document, page) = told.await.unwrap();
    let hosts = document.as_array().unwrap();
    assert_eq!(hosts.len(), 2, "who has no engine here is not told of one: {document}");
    let of = |name: &str| hosts.iter().find(|host| host["host"] == name).unwrap();
    assert_eq!(of("near")["answers"], true, "{document}");
    assert_eq!(of("near")["summary"]["incidents"][0]["title"], "charts are slow");
    assert_eq!((&of("far")["answers"], &of("far")["summary"]), (&false.into(), &serde_json::Value::Null));
    assert!(of("far")["problem"].as_str().unwrap().contains("never started"), "{document}");
    assert!(page.contains("near:INC-1") && page.contains("NO ANSWER") && page.contains("unknown"), "{page}");
    served.stop().await;
}
