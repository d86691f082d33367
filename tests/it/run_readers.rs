//! Who follows a run is seen by everybody who does, as long as somebody does.

use std::{fs, time::Duration};

use codeblue::{
    client::Client,
    domain::{Command, RunId, RunMode},
    engine::Reader,
};
use tokio::sync::mpsc;

use crate::{run_codes::BOOK, served::Served};

const RUN: RunId = RunId(1);

fn follows(client: Client) -> (mpsc::Receiver<Vec<Reader>>, tokio::task::JoinHandle<()>) {
    let (sender, readers) = mpsc::channel(8);
    (readers, tokio::spawn(async move { client.read_along(RUN, sender).await }))
}

/// Waits until these follow, and nobody else.
async fn until(readers: &mut mpsc::Receiver<Vec<Reader>>, wanted: &[&str]) {
    let told = async {
        loop {
            let now = readers.recv().await.expect("it goes on");
            if now.iter().map(|reader| reader.operator.as_str()).eq(wanted.iter().copied()) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.unwrap_or_else(|_| panic!("never {wanted:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_along_is_seen_until_they_leave_or_may_read_no_more() {
    let served = Served::new("drill").await;
    let books = served.bed.home.runbooks();
    fs::create_dir_all(&books).unwrap();
    fs::write(books.join("LAB-02-release.md"), codeblue::runbook::format(&BOOK.replace("[host]", "[desk]"))).unwrap();
    let (alice, erin, vic) = (served.client(Some("alice")), served.client(Some("erin")), served.client(Some("vic")));
    let (mut nothing, waiting) = follows(alice.clone());
    until(&mut nothing, &[]).await;
    waiting.abort();
    let (book, inputs) = ("LAB-02-release".to_owned(), std::collections::BTreeMap::new());
    let begin = Command::StartRun { book, seen: None, inputs, incident: None, mode: RunMode::Emergency, found: None };
    alice.submit(&begin).await.unwrap();

    let (mut leads, _leading) = follows(alice.clone());
    until(&mut leads, &["alice"]).await;
    let (mut at_wall, wall) = follows(vic.clone());
    until(&mut at_wall, &["alice", "vic"]).await;
    let (mut second, second_board) = follows(erin.clone());
    let (mut third, third_board) = follows(erin);
    until(&mut leads, &["alice", "vic", "erin"]).await;
    until(&mut second, &["alice", "vic", "erin"]).await;
    until(&mut third, &["alice", "vic", "erin"]).await;
    wall.abort();
    until(&mut leads, &["alice", "erin"]).await;
    second_board.abort();
    alice.submit(&Command::DisableOperator { name: "erin".to_owned(), reason: "left".to_owned() }).await.unwrap();
    until(&mut leads, &["alice"]).await;
    third_board.abort();
    served.stop().await;
}
