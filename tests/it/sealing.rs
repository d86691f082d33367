//! How an engine keeps its evidence: what it signs and when, where that goes, what it does not go on from, and what an auditor
//! gets of it.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    os::unix::{fs::symlink, net::UnixDatagram},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use codeblue::{
    domain::{Actor, Event},
    store::{
        CheckpointKey, CheckpointLine, CheckpointPublicKey, Draft, Journal, SignedCheckpoint, append_checkpoints,
        prove_consistency, read_checkpoints,
    },
};
use reqwest::Method;
use serde_json::Value;

use crate::{
    cli::{Script, platform},
    evidence::{Ledger, time, verifier},
    served::Served,
};

#[test]
fn an_engine_does_not_go_on_from_a_journal_that_was_written_anew() {
    let ledger = Ledger::new();
    assert!(Journal::open(&ledger.journal()).is_ok());
    let signed = fs::read(ledger.checkpoints()).unwrap();
    ledger.destroy();
    ledger.write("false", 25, &[], &ledger.key);
    fs::write(ledger.checkpoints(), signed).unwrap();
    let Err(refused) = Journal::open(&ledger.journal()) else { panic!("it was opened") };
    assert!(refused.to_string().contains("are not those that the checkpoint"), "{refused}");
}

#[test]
fn an_engine_does_not_go_on_from_a_checkpoint_that_its_key_did_not_sign() {
    let ledger = Ledger::new();
    let opened = || Journal::open_with(&ledger.journal(), &ledger.key).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(opened(), Ok(()));
    let newest = read_checkpoints(&ledger.checkpoints()).unwrap().pop().unwrap();
    let unsigned = CheckpointLine { note: None, ssh_signature: None, ..newest };
    append_checkpoints(&ledger.checkpoints(), &[unsigned]).unwrap();
    assert!(opened().unwrap_err().contains("at event 20, is not signed"), "unsigned after signed ones");

    ledger.destroy();
    let stranger = Arc::new(CheckpointKey::fresh().unwrap());
    ledger.write("false", 20, &[10, 20], &stranger);
    assert!(opened().unwrap_err().contains("move it aside"), "signed by a stranger");
    fs::write(ledger.checkpoints(), fs::read_to_string(ledger.checkpoints()).unwrap().replace("— ", "- ")).unwrap();
    assert!(opened().unwrap_err().contains("is not signed"), "no signature at all");
}

/// Where no signed line is left the engine works on, as somebody waits for it, and says so for good.
#[test]
fn an_engine_records_that_no_checkpoint_is_left_of_what_it_finds() {
    let script = ward("");
    let lost = || kinds(&script).iter().filter(|kind| *kind == "checkpointsLost").count();
    assert_eq!(script.serve().terminate(), Some(0));
    let mut engine = script.serve();
    assert_eq!(lost(), 0, "all is there");
    assert_eq!(engine.terminate(), Some(0));

    fs::remove_file(script.home().join("data/journal.checkpoints")).unwrap();
    let mut engine = script.serve();
    assert_eq!(lost(), 1, "the file is gone");
    assert_eq!(engine.terminate(), Some(0));

    // All written anew by somebody without the key, who leaves no trace of a name.
    for name in ["journal.db", "journal.db-wal", "journal.db-shm", "journal.checkpoints"] {
        let _ = fs::remove_file(script.home().join("data").join(name));
    }
    let (mut journal, _) = Journal::open(Path::new(&self::journal(&script))).unwrap();
    for _ in 0..20 {
        let event = Event::AutomationReleased;
        journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
    }
    journal.commit().unwrap();
    drop(journal);
    let mut engine = script.serve();
    assert_eq!(lost(), 1, "nothing of it was signed");
    let evidence = script.json(&["status"]).1["evidence"].clone();
    assert_eq!(evidence["lost"]["before"].as_u64(), Some(20), "{evidence}");
    let verified = script.run(&["audit", "verify"]).1;
    assert!(verified.contains("no signed checkpoint left for the first 20 events"), "{verified}");
    let page = script.run(&["status"]).1;
    assert!(page.contains("no signed checkpoint was left for the first 20 events"), "{page}");
    assert_eq!(engine.terminate(), Some(0));
}

#[test]
fn an_engine_that_cannot_write_its_checkpoints_works_on_and_says_so() {
    let script = ward("");
    let (data, mount) = (script.home().join("data"), script.folder.path().join("mount"));
    fs::create_dir_all(&data).unwrap();
    symlink(mount.join("journal.checkpoints"), data.join("journal.checkpoints")).unwrap();
    let mut engine = script.serve();
    let evidence = script.json(&["status"]).1["evidence"].clone();
    assert!(evidence["outage"]["problem"].as_str().unwrap().contains("journal.checkpoints"), "{evidence}");
    let page = script.run(&["status"]).1;
    assert!(page.contains("checkpoints cannot be written"), "{page}");
    fs::create_dir(&mount).unwrap();
    assert_eq!(engine.terminate(), Some(0));
    let mut engine = script.serve();
    let evidence = script.json(&["status"]).1["evidence"].clone();
    assert!(evidence["outage"].is_null() && evidence["checkpoint"]["seq"].as_u64() > Some(0), "{evidence}");
    assert_eq!(engine.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_says_over_http_what_is_wrong_and_records_a_second_version() {
    let served = Served::new("drill").await;
    let ledger = Ledger::new();
    let request = |old_size: u64, proof: &[[u8; 32]]| {
        let note = read_checkpoints(&ledger.checkpoints()).unwrap().pop().unwrap().note.unwrap();
        let proof: Vec<String> = proof.iter().map(|hash| STANDARD.encode(hash)).collect();
        serde_json::json!({"checkpoint": note, "key": ledger.key.public().openssh(), "oldSize": old_size, "proof": proof})
    };
    let post = async |who: &str, body: &Value| {
        let (status, answer) = served.call(who, Method::POST, "/api/v1/witness", Some(&body.to_string())).await;
        (status.as_u16(), answer["error"]["code"].as_str().unwrap_or_default().to_owned(), answer)
    };
    let first = request(0, &[]);
    assert_eq!(post("vic", &first).await.0, 403, "who may only look is no log");
    let mut stranger = first.clone();
    stranger["key"] = CheckpointKey::fresh().unwrap().public().openssh().into();
    assert_eq!(post("alice", &stranger).await.1, "witness-signature");
    let (status, _, answer) = post("alice", &first).await;
    assert_eq!((status, answer["size"].as_u64()), (200, Some(20)), "{answer}");
    let witness = CheckpointPublicKey::from_openssh(answer["key"].as_str().unwrap()).unwrap();
    let note = SignedCheckpoint::parse(first["checkpoint"].as_str().unwrap()).unwrap();
    let both = note.with_line(answer["cosignature"].as_str().unwrap()).unwrap();
    assert_eq!(both.witnessed_by(&witness).unwrap().0, served.handle().state().engine.origin);

    assert_eq!(post("alice", &first).await.1, "witness-stale", "the proof has to begin where the witness is");
    let path = format!("/api/v1/witness?origin={}", ledger.origin);
    assert_eq!(served.get(&path).await["size"], 20);
    ledger.write("true", 30, &[30], &ledger.key);
    let proof = prove_consistency(&ledger.journal(), 20, 30).unwrap();
    assert_eq!(post("alice", &request(20, &proof)).await.0, 200);

    ledger.destroy();
    ledger.write("false", 40, &[40], &ledger.key);
    let proof = prove_consistency(&ledger.journal(), 30, 40).unwrap();
    for _ in 0..2 {
        let (status, code, _) = post("alice", &request(30, &proof)).await;
        assert_eq!((status, code.as_str()), (409, "inconsistent-checkpoint"));
    }
    let events = served.handle().events(0, 10_000).await.unwrap();
    let refused =
        events.iter().filter(|event| matches!(&event.event, Event::CheckpointRefused { by, .. } if by == "alice"));
    assert_eq!(refused.count(), 1, "recorded once, with who brought it");
    served.stop().await;
}

#[test]
fn a_step_of_a_change_is_signed_for_at_once() {
    let script = Script::new();
    fs::create_dir_all(script.home()).unwrap();
    fs::write(script.home().join("codeblue.toml"), platform(script.folder.path())).unwrap();
    let _engine = script.serve();
    let begun = Instant::now();
    let rollback =
        ["rollback", "--component", "charts-code", "--to", "v2", "--reason", "r", "--confirm", "charts-code"];
    let (code, document) = script.json(&rollback);
    assert_eq!(code, 10, "{document}");
    let submitted = document["seq"].as_u64().unwrap();
    until("it is signed for", || {
        let lines = read_checkpoints(&script.home().join("data/journal.checkpoints")).unwrap();
        lines.iter().any(|line| line.seq >= submitted).then_some(())
    });
    assert!(begun.elapsed() < Duration::from_secs(30), "and not because a minute has passed");
}

const WARD: &str = "[platform]\nname = \"Ward\"\nprofile = \"drill\"\n[automation]\nmode = \"observe\"\n";

const SERVICE: &str = "[[service]]\nname = \"desk\"\n";

fn ward(evidence: &str) -> Script {
    let script = Script::new();
    fs::create_dir_all(script.home()).unwrap();
    fs::write(script.home().join("codeblue.toml"), format!("{WARD}{evidence}{SERVICE}")).unwrap();
    script
}

/// Waits until a question is answered as wished, for a minute at most.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "never happened: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn kinds(script: &Script) -> Vec<String> {
    let events = script.json(&["audit", "list", "--since", "0", "--limit", "10000"]).1;
    events.as_array().unwrap().iter().map(|event| event["event"]["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn checkpoints_get_to_every_place_and_an_outage_is_recorded_once() {
    let witness = ward("");
    let _witness = witness.serve();
    let socket = witness.home().join("run/engine.sock");
    let log = tempfile::tempdir().unwrap();
    let syslog = UnixDatagram::bind(log.path().join("log")).unwrap();
    syslog.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let script = ward(&format!(
        "[evidence]\nexport = [\"dir:../elsewhere\", \"syslog:{}\"]\nwitness = [\"unix:{}\"]\n",
        log.path().join("log").display(),
        socket.display()
    ));
    let explained = script.run(&["check"]).1;
    assert!(explained.contains("unix:") && explained.contains("a witness"), "{explained}");
    let mut engine = script.serve();

    let mut line = [0; 8192];
    let length = syslog.recv(&mut line).unwrap();
    let line = String::from_utf8(line[..length].to_vec()).unwrap();
    assert!(line.starts_with("<85>") && line.contains("]: checkpoint codeblue/") && line.contains(" / — "), "{line}");

    // The directory is not there yet, as when a mount is missing.
    until("the outage is recorded", || kinds(&script).contains(&"exportChanged".to_owned()).then_some(()));
    let evidence = script.json(&["status"]).1["evidence"].clone();
    assert!(evidence["exports"][0]["outage"]["problem"].as_str().unwrap().contains("no directory"), "{evidence}");
    fs::create_dir(script.folder.path().join("elsewhere")).unwrap();
    until("it is over", || (kinds(&script).iter().filter(|kind| *kind == "exportChanged").count() == 2).then_some(()));
    let secured = until("all places are reached", || {
        let evidence = script.json(&["status"]).1["evidence"].clone();
        let places = evidence["exports"].as_array().unwrap().iter().chain(evidence["witnesses"].as_array().unwrap());
        let newest = evidence["checkpoint"]["seq"].as_u64();
        places.clone().all(|place| place["reached"]["upTo"].as_u64() == newest).then_some(evidence)
    });
    assert!(secured["since"].is_string() && secured["witnesses"][0]["reached"]["witness"].is_string(), "{secured}");
    let known = witness.json(&["status", "--full"]).1["evidence"]["witnessed"].clone();
    assert_eq!(known[secured["origin"].as_str().unwrap()]["seen"]["size"], secured["checkpoint"]["seq"]);

    let elsewhere = script.folder.path().join("elsewhere").display().to_string();
    let key = script.home().join("data/keys/checkpoint.pub").display().to_string();
    let (code, verified) = script.json(&["audit", "verify", "--checkpoints", &elsewhere, "--key", &key]);
    assert_eq!((code, &verified["ok"]), (0, &Value::Bool(true)), "{verified}");
    assert!(verified["sealed"]["elsewhere"].as_u64().unwrap() > 0);
    let name = &secured["witnesses"][0]["reached"]["witness"];
    assert_eq!((&verified["sealed"]["witnesses"][0], &verified["sealed"]["unchecked"][0]), (&Value::Null, name));
    let page = script.run(&["audit", "verify"]).1;
    assert!(page.contains(&format!("a signature by {}, not checked", name.as_str().unwrap())), "{page}");
    let theirs = witness.home().join("data/keys/checkpoint.pub").display().to_string();
    let (_, verified) = script.json(&["audit", "verify", "--key", &key, "--key", &theirs]);
    assert_eq!((&verified["sealed"]["witnesses"][0], &verified["sealed"]["unchecked"][0]), (name, &Value::Null));
    let (code, verified) = script.json(&["audit", "verify", "--key", &theirs]);
    assert_eq!((code, &verified["sealed"]["witnesses"][0]), (0, name), "{verified}");
    assert!(script.run(&["audit", "verify"]).1.contains("tamper-evident since"), "what is promised, and no more");
    let page = script.run(&["status"]).1;
    assert!(page.contains("tamper-evident since") && page.contains("witnessed by codeblue/"), "{page}");

    let outages = kinds(&script).iter().filter(|kind| *kind == "exportChanged").count();
    assert_eq!(outages, 2, "one outage and its end, however often it was tried");
    let origins: BTreeSet<String> =
        fs::read_dir(&elsewhere).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(origins.len(), 2, "checkpoints and key: {origins:?}");
    assert_eq!(engine.terminate(), Some(0));
    let (_, verified) = script.json(&["audit", "verify", "--checkpoints", &elsewhere, "--key", &key]);
    assert_eq!(verified["events"], verified["sealed"]["upTo"], "the last checkpoint got there before the end");
    let name = origins.iter().find(|name| name.ends_with(".checkpoints")).unwrap();
    let there = read_checkpoints(&Path::new(&elsewhere).join(name)).unwrap();
    assert_eq!(there.last().map(|line| line.seq), verified["events"].as_u64());
}

#[test]
fn an_auditor_gets_all_that_is_needed_and_checks_it_without_us() {
    let script = ward("");
    let mut engine = script.serve();
    let (code, newest) = script.json(&["audit", "checkpoint"]);
    assert_eq!(code, 0, "{newest}");
    let last = newest["seq"].as_u64().unwrap();
    let key = script.home().join("data/keys/checkpoint.pub").display().to_string();
    let at = |name: &str| script.folder.path().join(name).display().to_string();

    let proof = at("event.tlog-proof");
    assert_eq!(script.run(&["audit", "prove", "2", "--to", &proof]).0, 0);
    let (code, proved) = script.json(&["audit", "verify", "--proof", &proof, "--key", &key]);
    assert_eq!((code, &proved["proved"]["seq"]), (0, &Value::from(2)), "{proved}");
    let python = |arguments: &[&str]| {
        let output = Command::new("python3").arg(verifier()).args(arguments).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (good, said) = python(&["--proof", &proof, "--key", &key]);
    assert!(good && said.contains("platformLoaded"), "{said}");
    let spoilt = fs::read_to_string(&proof).unwrap().replace("index 1", "index 2");
    fs::write(at("spoilt"), spoilt).unwrap();
    assert_eq!(script.json(&["audit", "verify", "--proof", &at("spoilt"), "--key", &key]).0, 1);
    assert!(!python(&["--proof", &at("spoilt"), "--key", &key]).0);
    assert_eq!(script.run(&["audit", "prove", "999999"]).0, 3, "there is no such event");
    let (code, consistent) = script.json(&["audit", "consistency", "1", &last.to_string()]);
    assert_eq!((code, &consistent["new"]), (0, &Value::from(last)), "{consistent}");
    let (_, again) = script.json(&["audit", "consistency", "1", &last.to_string(), "--file", &journal(&script)]);
    assert_eq!(again, consistent, "with and without an engine");

    let to = at("for-the-auditor");
    let (code, copied) = script.json(&["audit", "export", "--to", &to]);
    assert_eq!(code, 0, "{copied}");
    assert_eq!(script.run(&["audit", "export", "--to", &to]).0, 1, "nothing is written over");
    assert_eq!(engine.terminate(), Some(0));
    let inside = |name: &str| PathBuf::from(&to).join(name).display().to_string();
    let (good, said) = python(&[&inside("journal.db"), "--key", &key]);
    assert!(good && !said.contains(" 0 signed"), "{said}");
    assert_eq!(script.json(&["audit", "verify", "--file", &inside("journal.db"), "--key", &key]).0, 0);
    assert!(fs::read_to_string(inside("README.md")).unwrap().contains("ssh-keygen -Y verify"));
    let text = fs::read_to_string(inside("checkpoint.txt")).unwrap();
    let mut ssh = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-n", "codeblue-checkpoint", "-I", text.lines().next().unwrap()])
        .args(["-f", &inside("allowed_signers"), "-s", &inside("checkpoint.txt.sig")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    ssh.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(ssh.wait().unwrap().success(), "the stock ssh-keygen finds the signature right");

    let (code, whole) = script.json(&["audit", "verify", "--key", &key]);
    assert_eq!(code, 0, "{whole}");
    assert_eq!(whole["events"], whole["sealed"]["upTo"], "an engine that stops in good order leaves nothing unsigned");
}

fn journal(script: &Script) -> String {
    script.home().join("data/journal.db").display().to_string()
}

#[test]
fn an_engine_that_was_killed_is_told_of_by_the_next_and_nothing_signed_is_lost() {
    let script = ward("");
    drop(script.serve());
    let mut engine = script.serve();
    assert_eq!(kinds(&script).iter().filter(|kind| *kind == "uncleanEndFound").count(), 1);
    assert_eq!(engine.terminate(), Some(0));
    let mut engine = script.serve();
    assert_eq!(kinds(&script).iter().filter(|kind| *kind == "uncleanEndFound").count(), 1, "a good end is none");
    assert_eq!(engine.terminate(), Some(0));
    let (code, verified) = script.json(&["audit", "verify"]);
    assert_eq!(code, 0, "{verified}");
    let origins: BTreeSet<String> = read_checkpoints(&script.home().join("data/journal.checkpoints"))
        .unwrap()
        .into_iter()
        .map(|line| SignedCheckpoint::parse(&line.note.unwrap()).unwrap().checkpoint.origin)
        .collect();
    assert_eq!(origins.len(), 1, "the journal keeps its name: {origins:?}");
}
