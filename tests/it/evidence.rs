//! The journal as evidence, for somebody who does not trust its keeper: who finds which attack, with what they hold. Every verdict is given twice,
//! by us and by `docs/verify/verify.py`, which shares nothing with us.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use codeblue::{
    domain::{Actor, Event},
    engine::{EngineHandle, WitnessRequest},
    store::{
        CheckpointKey, CheckpointLine, CheckpointPublicKey, Draft, Journal, ProblemKind, SignedCheckpoint, Trusted,
        Verification, append_checkpoints, prove_consistency, read_checkpoints, verify,
    },
};
use rusqlite::Connection;

use crate::served::Served;

pub fn time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

pub fn verifier() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify/verify.py")
}

/// A journal in a folder of its own, with its key, and what others kept of its checkpoints.
pub struct Ledger {
    pub folder: tempfile::TempDir,
    pub key: Arc<CheckpointKey>,
    pub origin: String,
}

impl Ledger {
    /// A journal of 20 events of which the first 10 and all are signed for. The checkpoints are also kept elsewhere.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["keys", "elsewhere"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let key = Arc::new(CheckpointKey::open_or_make(&folder.path().join("keys")).unwrap());
        let origin = format!("codeblue/ward/{}", key.public().short());
        let ledger = Self { folder, key, origin };
        ledger.write("true", 20, &[10, 20], &ledger.key);
        fs::copy(ledger.checkpoints(), ledger.path("elsewhere/ward.checkpoints")).unwrap();
        ledger
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn journal(&self) -> PathBuf {
        self.path("journal.db")
    }

    pub fn checkpoints(&self) -> PathBuf {
        self.path("journal.checkpoints")
    }

    /// Writes events up to `last`, and signs the head after some of them.
    pub fn write(&self, what: &str, last: u64, signed: &[u64], key: &Arc<CheckpointKey>) {
        let (mut journal, state) = Journal::open(&self.journal()).unwrap();
        journal.seal_with(self.origin.clone(), key.clone());
        for number in state.seq + 1..=last {
            let event = Event::AutomationHalted { reason: format!("{what} {number}") };
            journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
            journal.commit().unwrap();
            if signed.contains(&number) {
                journal.checkpoint(time()).unwrap();
            }
        }
    }

    /// What somebody does who may write every file, but has not to follow any rule.
    pub fn tamper(&self, sql: &str) {
        let connection = Connection::open(self.journal()).unwrap();
        let open = "DROP TRIGGER IF EXISTS events_are_never_changed; DROP TRIGGER IF EXISTS events_are_never_deleted;
                    DROP TRIGGER IF EXISTS payloads_are_only_blanked; DROP TRIGGER IF EXISTS payloads_are_never_deleted;";
        connection.execute_batch(open).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    pub fn destroy(&self) {
        for name in ["journal.db", "journal.db-wal", "journal.db-shm", "journal.checkpoints"] {
            let _ = fs::remove_file(self.path(name));
        }
    }

    /// Lines of its own checkpoints that somebody leaves.
    fn keep_checkpoints(&self, wanted: impl Fn(&CheckpointLine) -> bool) {
        let lines = read_checkpoints(&self.checkpoints()).unwrap();
        let text: String =
            lines.iter().filter(|line| wanted(line)).map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
        fs::write(self.checkpoints(), text).unwrap();
    }

    /// Both verdicts, which have to agree.
    pub fn judge(&self, journal: &Path, trusted: &Trusted) -> Verification {
        let ours = verify(journal, trusted).unwrap();
        let mut theirs = Command::new("python3");
        theirs.arg(verifier()).arg(journal);
        for place in &trusted.checkpoints {
            theirs.arg("--checkpoints").arg(place);
        }
        for (number, key) in trusted.keys.iter().enumerate() {
            let file = self.path(&format!("{number}.pub"));
            fs::write(&file, key.openssh()).unwrap();
            theirs.arg("--key").arg(file);
        }
        let theirs = theirs.output().unwrap();
        let said = String::from_utf8(theirs.stdout).unwrap();
        let err = String::from_utf8_lossy(&theirs.stderr);
        match &ours.problem {
            None => {
                let texts = format!(", {} texts, {} purged", ours.payloads.present, ours.payloads.purged);
                assert!(said.starts_with("OK: ") && said.contains(&texts), "{ours:?}: {said}{err}");
            }
            Some(problem) => {
                let place = format!("NOT OK at event {} ", problem.seq);
                assert!(said.starts_with(&place), "{ours:?}: {said}{err}");
            }
        }
        ours
    }

    /// Which of four see it: who has the journal alone, who also has its own checkpoints and knows the key, who kept checkpoints
    /// elsewhere, and the witness.
    async fn seen_by(&self, witness: &EngineHandle) -> [bool; 4] {
        let alone = self.path("alone");
        let _ = fs::remove_dir_all(&alone);
        fs::create_dir(&alone).unwrap();
        let copied = Connection::open(self.journal()).unwrap();
        copied.execute("VACUUM INTO ?", [alone.join("journal.db").display().to_string()]).unwrap();
        let keys = vec![self.key.public()];
        let own = Trusted { keys: keys.clone(), checkpoints: Vec::new() };
        let elsewhere = Trusted { keys, checkpoints: vec![self.path("elsewhere")] };
        [
            !self.judge(&alone.join("journal.db"), &Trusted::default()).ok,
            !self.judge(&self.journal(), &own).ok,
            !self.judge(&self.journal(), &elsewhere).ok,
            self.show(witness).await.is_err() || !self.agrees_with(witness),
        ]
    }

    /// Shows the newest checkpoint to a witness, with the best proof that the journal gives.
    async fn show(&self, witness: &EngineHandle) -> Result<(), String> {
        let newest = read_checkpoints(&self.checkpoints()).unwrap().pop().ok_or("no checkpoint")?;
        let known = witness.witnessed_size(&self.origin);
        let proof = prove_consistency(&self.journal(), known, newest.seq).map_err(|error| error.to_string())?;
        let request = WitnessRequest {
            checkpoint: newest.note.ok_or("not signed")?,
            key: self.key.public().openssh(),
            old_size: known,
            proof: proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
        };
        witness.witness(request, "test".to_owned()).await.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Whether the journal is the one that the witness saw.
    fn agrees_with(&self, witness: &EngineHandle) -> bool {
        let seen = witness.state().evidence.witnessed[&self.origin].seen.note.clone();
        let file = self.path("seen.checkpoint");
        fs::write(&file, seen).unwrap();
        self.judge(&self.journal(), &Trusted { keys: vec![self.key.public()], checkpoints: vec![file] }).ok
    }
}

/// The table of attacks in docs/evidence.md, row by row. With each attack everything is changed that whoever attacks can change.
#[tokio::test(flavor = "multi_thread")]
async fn each_attack_is_found_by_those_of_whom_the_table_says_so() {
    let served = Served::new("drill").await;
    let witness = served.handle();
    let begun = async |ledger: Ledger| {
        assert_eq!(ledger.show(&witness).await, Ok(()));
        assert_eq!(ledger.seen_by(&witness).await, [false; 4], "nothing was done yet");
        ledger
    };
    let all = [true; 4];

    let in_the_middle = [
        "UPDATE events SET body = body || ' ' WHERE seq = 5",
        "UPDATE payloads SET texts = replace(texts, 'true 5', 'false 5') WHERE seq = 5",
        "DELETE FROM payloads WHERE seq = 5",
        "UPDATE events SET at = '2026-01-01T00:00:00.000000Z' WHERE seq = 5",
        "DELETE FROM events WHERE seq = 6",
        "UPDATE events SET seq = 100 WHERE seq = 3; UPDATE events SET seq = 3 WHERE seq = 7;
         UPDATE events SET seq = 7 WHERE seq = 100",
        "UPDATE events SET seq = -seq - 1 WHERE seq > 5; UPDATE events SET seq = -seq WHERE seq < 0;
         INSERT INTO events SELECT 6, at, actor, cause, kind, body, prev, hash FROM events WHERE seq = 5",
        "INSERT INTO events SELECT 0, at, actor, cause, kind, body, prev, hash FROM events WHERE seq = 5",
    ];
    for sql in in_the_middle {
        let ledger = begun(Ledger::new()).await;
        ledger.tamper(sql);
        assert_eq!(ledger.seen_by(&witness).await, all, "{sql}");
    }

    let ledger = begun(Ledger::new()).await;
    ledger.tamper("DELETE FROM events WHERE seq > 15; DELETE FROM payloads WHERE seq > 15");
    assert_eq!(ledger.seen_by(&witness).await, [false, true, true, true], "the tail is cut");
    ledger.keep_checkpoints(|line| line.seq <= 15);
    assert_eq!(ledger.seen_by(&witness).await, [false, false, true, true], "and what was signed of it");

    let ledger = begun(Ledger::new()).await;
    let stranger = Arc::new(CheckpointKey::fresh().unwrap());
    ledger.destroy();
    ledger.write("false", 20, &[10, 20], &stranger);
    assert_eq!(ledger.seen_by(&witness).await, [false, true, true, true], "all written anew, with another key");
    ledger.keep_checkpoints(|_| false);
    assert_eq!(ledger.seen_by(&witness).await, [false, true, true, true], "or without any");

    let ledger = begun(Ledger::new()).await;
    ledger.destroy();
    ledger.write("false", 25, &[10, 20, 25], &ledger.key);
    assert_eq!(ledger.seen_by(&witness).await, [false, false, true, true], "all written anew, with the key");

    // Each of two auditors gets a version of its own, and keeps what was signed of it.
    let ledger = Ledger::new();
    assert_eq!(ledger.show(&witness).await, Ok(()));
    fs::rename(ledger.path("elsewhere/ward.checkpoints"), ledger.path("of-the-other-auditor")).unwrap();
    ledger.destroy();
    ledger.write("false", 20, &[10, 20], &ledger.key);
    fs::copy(ledger.checkpoints(), ledger.path("elsewhere/ward.checkpoints")).unwrap();
    assert_eq!(ledger.seen_by(&witness).await, [false, false, false, true], "two versions for two auditors");
    fs::rename(ledger.path("of-the-other-auditor"), ledger.path("elsewhere/other.checkpoints")).unwrap();
    assert_eq!(ledger.seen_by(&witness).await, [false, false, true, true], "who compare");
    let witnessed = witness.state().evidence.witnessed[&ledger.origin].clone();
    let (_, refused) = witnessed.refused.expect("what was refused is kept: both versions were signed");
    let both = [&witnessed.seen.note, &refused.note].map(|note| SignedCheckpoint::parse(note).unwrap());
    assert!(both.iter().all(|signed| signed.is_signed_by(&ledger.key.public())));
    assert_ne!(both[0].checkpoint.root, both[1].checkpoint.root);

    let ledger = begun(Ledger::new()).await;
    ledger.destroy();
    ledger.write("nothing to see", 5, &[5], &ledger.key);
    assert_eq!(ledger.seen_by(&witness).await, [false, false, true, true], "all gone, and begun anew");
    ledger.destroy();
    let held = Trusted { keys: vec![ledger.key.public()], checkpoints: vec![ledger.path("elsewhere")] };
    assert_eq!(ledger.judge(&ledger.journal(), &held).problem.unwrap().kind, ProblemKind::CutTail);

    let ledger = begun(Ledger::new()).await;
    ledger.write("never true", 21, &[21], &ledger.key);
    assert_eq!(ledger.seen_by(&witness).await, [false; 4], "what is false at its source");
    served.stop().await;
}

#[test]
fn a_spoilt_checkpoint_is_told_from_one_that_fits() {
    let ledger = Ledger::new();
    let text = fs::read_to_string(ledger.checkpoints()).unwrap();
    let verdict = |text: &str| {
        fs::write(ledger.checkpoints(), text).unwrap();
        ledger.judge(&ledger.journal(), &Trusted::default()).problem.map(|problem| problem.kind)
    };
    assert_eq!(verdict(&text), None);
    assert_eq!(verdict(&text.replace("\\n20\\n", "\\n19\\n")), Some(ProblemKind::Signature));
    assert_eq!(verdict(&text.replace("— ", "- ")), Some(ProblemKind::Signature));
    let of_an_older_version: String = read_checkpoints(&ledger.path("elsewhere/ward.checkpoints"))
        .unwrap()
        .into_iter()
        .map(|line| CheckpointLine { note: None, ssh_signature: None, ..line })
        .map(|line| serde_json::to_string(&line).unwrap() + "\n")
        .collect();
    assert_eq!(verdict(&of_an_older_version), None);
    for broken in ["{\"seq\":20,\"ha\n", "\n", "{\"seq\":20,\"hash\":\"\"}\n", "[]\n", "20\n"] {
        let cut = broken.trim_end_matches('\n').to_owned();
        assert_eq!(verdict(&format!("{text}{broken}")), Some(ProblemKind::Signature), "{broken:?}");
        assert_eq!(verdict(&format!("{broken}{text}")), Some(ProblemKind::Signature), "{broken:?} first");
        assert_eq!(verdict(&format!("{text}{cut}")), None, "{broken:?} was never finished");
    }
    assert_eq!(verdict(&of_an_older_version.replace("\"seq\":10", "\"seq\":0")), None, "of no event");
    assert_eq!(verdict(&of_an_older_version.replace("\"hash\":\"", "\"hash\":\"xy")), Some(ProblemKind::Rewritten));
    fs::write(ledger.path("keys/checkpoint-00000000.pub"), "ssh-rsa AAAA\n").unwrap();
    assert_eq!(verdict(&text), None, "a key of another kind beside the right one");
    assert_eq!(verdict(&of_an_older_version.replace("\"hash\":\"", "\"hash\":\"00")), Some(ProblemKind::Rewritten));
}

/// Names and times in a file that somebody can write prove nothing by themselves.
#[test]
fn only_what_a_key_says_is_told_of_witnesses_and_of_the_time() {
    let ledger = Ledger::new();
    let witness = CheckpointKey::fresh().unwrap();
    let named = |keys: &[CheckpointPublicKey]| {
        let verified = ledger.judge(&ledger.journal(), &Trusted { keys: keys.to_vec(), checkpoints: Vec::new() });
        assert!(verified.ok || verified.problem.as_ref().unwrap().kind == ProblemKind::Unsigned, "{verified:?}");
        verified
    };
    let newest = read_checkpoints(&ledger.checkpoints()).unwrap().pop().unwrap();
    let note = SignedCheckpoint::parse(newest.note.as_deref().unwrap()).unwrap();
    let forged = format!("— the-ministry {}", STANDARD.encode([7; 76]));
    let both = note.with_line(&witness.witness("codeblue/other/89abcdef", &note, time())).unwrap();
    let both = both.with_line(&forged).unwrap();
    let line = CheckpointLine { note: Some(both.to_string()), ssh_signature: None, ..newest };
    append_checkpoints(&ledger.checkpoints(), &[line]).unwrap();
    let text = fs::read_to_string(ledger.checkpoints()).unwrap();
    fs::write(ledger.checkpoints(), text.replace("2026-09-21T", "1999-01-01T")).unwrap();

    let (key, set) =
        (ledger.key.public(), |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
    for keys in [vec![], vec![key]] {
        let sealed = named(&keys).sealed;
        assert_eq!((sealed.witnesses, sealed.unchecked), (set(&[]), set(&["codeblue/other/89abcdef", "the-ministry"])));
        assert_eq!(sealed.since, Some(time()), "as the event says");
    }
    let sealed = named(&[key, witness.public()]).sealed;
    assert_eq!((sealed.witnesses, sealed.unchecked), (set(&["codeblue/other/89abcdef"]), set(&["the-ministry"])));
    let sealed = named(&[witness.public()]).sealed;
    assert_eq!((sealed.signed, sealed.up_to, sealed.since), (1, 20, Some(time())), "the key of a witness is enough");
    assert_eq!(sealed.witnesses, set(&["codeblue/other/89abcdef"]));
}
