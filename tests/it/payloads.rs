//! Texts that may not be kept: a compliance officer has them deleted, and the record stays whole and says so.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command as Program,
    sync::Arc,
};

use codeblue::{
    domain::{Actor, Command, Event, PURGED, Role, Severity, State},
    store::{Draft, Journal, JournalError, Payloads, ProblemKind, Trusted, verify_file},
};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::{
    cli::{Script, platform},
    evidence::{Ledger, time, verifier},
    served::{Served, me},
    stream::Screen,
};

const SECRET: &str = "Zebra-4711 lies in bed nine";

/// The files below a folder in which a text stands.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if let Ok(bytes) = fs::read(&path)
            && String::from_utf8_lossy(&bytes).contains(text)
        {
            found.push(path);
        }
    }
    found
}

fn purge(seqs: &[u64]) -> Command {
    Command::PurgePayloads { seqs: seqs.to_vec(), reason: "names a patient".to_owned(), found: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_text_is_gone_from_files_engine_and_screens_and_all_else_stays() {
    let served = Served::new("drill").await;
    let handle = served.handle();
    let cora =
        Command::AddOperator { name: "cora".to_owned(), roles: [Role::ComplianceOfficer].into(), login: Some(me()) };
    handle.submit(cora, Actor::Engine).await.unwrap();
    let alice = served.client(Some("alice"));
    let title = "fire".to_owned();
    alice.submit(&Command::DeclareIncident { severity: Severity::Sev3, title, services: Vec::new() }).await.unwrap();
    let incident = handle.state().open_incidents().next().unwrap().id;
    let note = |text: &str| Command::NoteIncident { incident, text: text.to_owned() };
    alice.submit(&note("called the ward")).await.unwrap();
    let noted = alice.submit(&note(SECRET)).await.unwrap();
    let seq = noted.events.iter().find(|found| matches!(found.event, Event::IncidentNoted { .. })).unwrap().seq;
    drop(handle);
    // A state is kept at the end, and it has the text too.
    let bed = served.stop().await;
    let data = bed.home.data();
    assert!(!holding(&data, SECRET).is_empty());

    let served = Served::of(bed).await;
    let mut screen = Screen::new(&served, "erin");
    screen.until("live", |screen| screen.state.is_some()).await;
    let (cora, alice) = (served.client(Some("cora")), served.client(Some("alice")));
    let preview = cora.purge_preview(&[seq]).await.unwrap();
    assert_eq!(preview[0].texts["/text"], SECRET);
    assert_eq!((&preview[0].refused, &preview[0].also_in[..]), (&None, &[][..]));
    assert!(alice.submit(&purge(&[seq])).await.unwrap_err().to_string().contains("role-needed"));
    let answer = cora.submit(&purge(&[seq])).await.unwrap();
    assert!(matches!(&answer.events.last().unwrap().event, Event::PayloadsPurged { seqs, .. } if *seqs == [seq]));

    let truth = served.handle().state();
    let said = serde_json::to_string(&*truth).unwrap();
    assert!(!said.contains("Zebra") && said.contains("called the ward") && said.contains(PURGED));
    screen.until("what is left", |screen| screen.seq() >= answer.seq).await;
    let seen = screen.state.clone().unwrap();
    assert!(!serde_json::to_string(&seen).unwrap().contains("Zebra"));
    alice.submit(&note("and again")).await.unwrap();
    loop {
        let truth = served.handle().state();
        screen.until("the end", |screen| screen.seq() >= truth.seq).await;
        if screen.seq() == truth.seq {
            assert_eq!(serde_json::to_value(&screen.state).unwrap(), serde_json::to_value(&*truth).unwrap());
            break;
        }
    }
    let event = alice.events(seq - 1, 1).await.unwrap().remove(0);
    assert_eq!(event.event, Event::IncidentNoted { incident, text: PURGED.to_owned() });
    assert_eq!(holding(&data, "Zebra"), Vec::<PathBuf>::new(), "also while the engine works");

    let refused = async |seq: u64| match cora.submit(&purge(&[seq])).await.unwrap_err() {
        codeblue::client::ClientError::Refused(refusal) => refusal.rule,
        other => panic!("{other}"),
    };
    assert_eq!(refused(seq).await, "purged-already");
    assert_eq!(refused(answer.seq).await, "no-payload", "who purged what, and why, stays");
    assert_eq!(refused(1_000_000).await, "unknown-event");
    assert_eq!(refused(u64::MAX).await, "unknown-event");
    assert_eq!(refused(1).await, "no-payload");

    let bed = served.stop().await;
    assert_eq!(holding(&data, "Zebra"), Vec::<PathBuf>::new());
    let verified = verify_file(&bed.home.journal()).unwrap();
    assert!(verified.ok && verified.payloads.purged == 1 && verified.payloads.due == 0, "{verified:?}");
    let served = Served::of(bed).await;
    assert!(served.handle().state().evidence.purged.contains(&seq));
    served.stop().await;
}

#[test]
fn a_purge_from_the_command_line_shows_first_what_would_go() {
    let script = Script::new();
    fs::create_dir_all(script.home()).unwrap();
    let people = format!(
        "[access]\nsecond_factor = \"enrolled\"\n[[operator]]\nname = \"cora\"\n\
         roles = [\"technical-lead\", \"compliance-officer\"]\nlogin = \"{}\"\n",
        me()
    );
    fs::write(script.home().join("codeblue.toml"), platform(script.folder.path()) + &people).unwrap();
    let mut engine = script.serve();
    let declare = ["incident", "declare", "fire", "--severity", "3"];
    let (code, declared) = script.json(&declare);
    assert_eq!(code, 0, "{declared}");
    let events = script.json(&["audit", "list", "--limit", "1000"]).1;
    let opened = |kind: &str, events: &serde_json::Value| {
        let found = events.as_array().unwrap().iter().rev().find(|event| event["event"]["type"] == kind).cloned();
        found.unwrap_or_else(|| panic!("no {kind}: {events}"))
    };
    let incident = opened("incidentOpened", &events)["event"]["incident"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(script.json(&["incident", "note", &incident, SECRET]).0, 0);
    }
    let notes: Vec<String> = script
        .json(&["audit", "list", "--limit", "1000"])
        .1
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["event"]["type"] == "incidentNoted")
        .map(|event| event["seq"].to_string())
        .collect();
    let [first, second] = &notes[..] else { panic!("{notes:?}") };
    let why = ["--reason", "names a patient"];
    let (code, shown, _) = script.run(&[&["audit", "purge", first][..], &why, &["--dry-run"]].concat());
    assert_eq!(code, 0);
    assert!(shown.contains(&format!("deletes /text: {SECRET}")), "{shown}");
    assert!(shown.contains(&format!("the same stands in {second}")), "{shown}");
    let asked = script.run(&[&["audit", "purge", first][..], &why].concat());
    assert!(asked.0 == 2 && asked.2.contains(&format!("--confirm {first}")), "{asked:?}");

    let rollback =
        ["rollback", "--component", "charts-code", "--to", "v2", "--reason", "r", "--confirm", "charts-code"];
    assert_eq!(script.json(&rollback).0, 10, "it waits for an approval");
    let waits = opened("changeSubmitted", &script.json(&["audit", "list", "--limit", "1000"]).1)["seq"].to_string();
    let (code, refused) = script.json(&[&["audit", "purge", &waits][..], &why, &["--confirm", &waits]].concat());
    assert_eq!((code, &refused["error"]["code"]), (3, &"still-decided-on".into()), "{refused}");

    let both = format!("{first},{second}");
    let (code, done) = script.json(&[&["audit", "purge", second, first][..], &why, &["--confirm", &both]].concat());
    assert_eq!(code, 0, "{done}");
    let page = script.run(&["audit", "show", first]).1;
    assert!(page.contains(PURGED) && !page.contains("Zebra"), "{page}");
    let page = script.run(&["audit", "list"]).1;
    assert!(page.contains(&format!("texts PURGED of event {first}, {second}: names a patient")), "{page}");
    let page = script.run(&["audit", "verify"]).1;
    assert!(page.contains("intact") && page.contains("as recorded, 2 purged"), "{page}");
    let proof = script.folder.path().join("proof").display().to_string();
    assert_eq!(script.run(&["audit", "prove", first, "--to", &proof]).0, 0);
    let (code, proved) = script.json(&["audit", "verify", "--proof", &proof]);
    assert_eq!(code, 0, "what is left of it can be proved: {proved}");

    let to = script.folder.path().join("for-the-auditor");
    assert_eq!(script.json(&["audit", "export", "--to", &to.display().to_string()]).0, 0);
    assert_eq!(engine.terminate(), Some(0));
    for folder in [script.home(), to.clone()] {
        assert_eq!(holding(&folder, "Zebra"), Vec::<PathBuf>::new());
    }
    let theirs = Program::new("python3").arg(verifier()).arg(to.join("journal.db")).output().unwrap();
    let said = String::from_utf8(theirs.stdout).unwrap();
    assert!(said.starts_with("OK: ") && said.contains(", 2 purged"), "{said}");
}

/// What an engine leaves that is killed after the event is durable and before anything is deleted.
fn cut_off(ledger: &Ledger) {
    let (mut journal, state) = Journal::open_with(&ledger.journal(), &ledger.key).unwrap();
    journal.seal_with("codeblue/ward/01234567".to_owned(), ledger.key.clone());
    journal.keep_state(&state).unwrap();
    let event = Event::PayloadsPurged { seqs: vec![4, 20], reason: "why".to_owned() };
    let actor = Actor::Operator("cora".to_owned());
    journal.prepare(&Draft { at: time(), actor, cause: None, event }).unwrap();
    journal.commit().unwrap();
}

#[test]
fn an_engine_deletes_at_its_start_what_the_one_before_it_did_not_get_to() {
    let ledger = Ledger::new();
    cut_off(&ledger);
    let trusted = Trusted::default();
    let before = ledger.judge(&ledger.journal(), &trusted).payloads;
    assert_eq!(before, Payloads { present: 20, purged: 0, due: 2 });
    assert!(!holding(ledger.folder.path(), "true 20").is_empty());

    let (journal, state) = Journal::open_with(&ledger.journal(), &ledger.key).unwrap();
    assert_eq!(state.halted.as_deref(), Some(PURGED), "the state that was kept had it");
    drop(journal);
    assert_eq!(holding(ledger.folder.path(), "true 20"), Vec::<PathBuf>::new());
    assert!(!holding(ledger.folder.path(), "true 19").is_empty());
    let after = ledger.judge(&ledger.journal(), &trusted);
    assert!(after.ok);
    assert_eq!(after.payloads, Payloads { present: 18, purged: 2, due: 0 });
    let (_, again) = Journal::open_with(&ledger.journal(), &ledger.key).unwrap();
    assert_eq!(again, state);

    // That a text was purged covers no other.
    ledger.tamper("UPDATE payloads SET texts = ' ' WHERE seq = 5");
    assert_eq!(ledger.judge(&ledger.journal(), &trusted).problem.unwrap().seq, 5);
}

#[test]
fn both_verifiers_find_a_text_that_is_not_the_one_that_was_recorded() {
    for (sql, seq) in [
        ("UPDATE payloads SET texts = '    ' WHERE seq = 5", 5),
        ("UPDATE payloads SET texts = 'no JSON' WHERE seq = 5", 5),
        ("UPDATE payloads SET texts = '[]' WHERE seq = 5", 5),
        ("UPDATE payloads SET texts = replace(texts, '}', ', \"/more\": \"\"}') WHERE seq = 5", 5),
        ("UPDATE payloads SET secret = zeroblob(33) WHERE seq = 5", 5),
        ("INSERT INTO payloads SELECT 21, secret, texts FROM payloads WHERE seq = 5", 21),
    ] {
        let ledger = Ledger::new();
        ledger.tamper(sql);
        let problem = ledger.judge(&ledger.journal(), &Trusted::default()).problem.unwrap();
        assert_eq!((problem.kind, problem.seq), (ProblemKind::Payload, seq), "{sql}");
    }
}

/// A journal of the first format: its texts are part of what is hashed.
fn old(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let tables = "CREATE TABLE events (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, cause INTEGER,
             kind TEXT NOT NULL, body TEXT NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
         CREATE TABLE states (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, body TEXT NOT NULL, digest BLOB NOT NULL) STRICT;
         PRAGMA user_version = 1;";
    connection.execute_batch(tables).unwrap();
    let mut prev = vec![0; 32];
    for seq in 1_u64..=3 {
        let body = format!("{{\"type\":\"automationHalted\",\"reason\":\"old {seq}\"}}");
        let texts = ["2026-09-21T14:13:20.000000Z", "\"engine\"", "automationHalted", &body];
        let mut hasher = Sha256::new();
        hasher.update(b"codeblue journal v1\0");
        hasher.update(&prev);
        hasher.update(seq.to_be_bytes());
        hasher.update(0_u64.to_be_bytes());
        for text in texts {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        let hash = hasher.finalize().to_vec();
        let [at, actor, kind, body] = texts;
        let insert = "INSERT INTO events VALUES (?, ?, ?, NULL, ?, ?, ?, ?)";
        connection.execute(insert, rusqlite::params![seq, at, actor, kind, body, prev, hash]).unwrap();
        prev = hash;
    }
}

#[test]
fn a_journal_of_the_first_format_is_read_and_goes_on_and_its_texts_stay() {
    let ledger = Ledger::new();
    let (folder, trusted) = (tempfile::tempdir().unwrap(), Trusted::default());
    let path = folder.path().join("journal.db");
    old(&path);
    let before = ledger.judge(&path, &trusted);
    assert_eq!((before.ok, before.events, before.payloads), (true, 3, Payloads::default()));
    let (mut journal, mut state) = Journal::open(&path).unwrap();
    assert_eq!(state.halted.as_deref(), Some("old 3"));
    let event = Event::AutomationHalted { reason: "new 4".to_owned() };
    journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
    journal.commit().unwrap();
    let found = journal.purgeable(&[3, 4]).unwrap();
    let texts: Vec<usize> = found.iter().map(|found| found.texts.len()).collect();
    assert_eq!(texts, [0, 1], "what is hashed cannot be taken out of it");
    drop(journal);
    state = Journal::open(&path).unwrap().1;
    assert_eq!(state.halted.as_deref(), Some("new 4"));
    assert_eq!(ledger.judge(&path, &trusted).payloads, Payloads { present: 1, purged: 0, due: 0 });

    let connection = Connection::open(&path).unwrap();
    let format: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(format, 2);
    connection.execute_batch("PRAGMA user_version = 3").unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::TooNew { found: 3, .. })));
}

#[test]
fn who_purges_and_when_follows_from_the_rules() {
    let mut state = State::default();
    let meta = |actor: Actor| codeblue::domain::Meta::new(time(), actor);
    let rule = |state: &State, actor: Actor, seqs: &[u64]| {
        codeblue::domain::decide(state, purge(seqs), &meta(actor)).unwrap_err().rule
    };
    assert_eq!(rule(&state, Actor::Engine, &[1]), "person-needed");
    for (name, role) in [("carl", Role::Cto), ("cora", Role::ComplianceOfficer)] {
        let operator = codeblue::domain::Operator {
            name: name.to_owned(),
            roles: BTreeSet::from([role]),
            ..codeblue::domain::Operator::default()
        };
        state.operators.insert(name.to_owned(), operator);
    }
    let mut platform = codeblue::platform::Platform::clone(&state.platform);
    platform.access.second_factor = codeblue::platform::SecondFactorRule::Enrolled;
    state.platform = Arc::new(platform);
    let person = |name: &str| Actor::Operator(name.to_owned());
    assert_eq!(rule(&state, person("carl"), &[1]), "role-needed", "nobody stands in for compliance");
    assert_eq!(rule(&state, person("cora"), &[]), "purge-length");
    assert_eq!(rule(&state, person("cora"), &(1..=1001).collect::<Vec<_>>()), "purge-length");
    assert_eq!(rule(&state, person("cora"), &[1]), "unknown-event", "what nobody looked up is not purged");
    let mut strict = codeblue::platform::Platform::clone(&state.platform);
    strict.access.second_factor = codeblue::platform::SecondFactorRule::Required;
    state.platform = Arc::new(strict);
    assert_eq!(rule(&state, person("cora"), &[1]), "second-factor-not-enrolled");
}
