//! Ways round an approval, each by the name of the invariant that stands in it, with real signatures of OpenSSH.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command as Process, Stdio},
};

use chrono::TimeDelta;
use codeblue::{
    domain::{
        Agreed, Attestation, ChangeId, ChangeRequest, ChangeState, ChangeWindow, Command, Event, Plan, Recorded, Role,
        SIGNATURE_NAMESPACE, approval_payload, intent_hash, intent_text, missing_roles, unsatisfiable,
    },
    platform::Platform,
};

use crate::desk::{Desk, hospital, person};

const CHANGE: ChangeId = ChangeId(1);

/// A ward where alice and ben lead, carol is the CTO, erin an engineer, and erin has asked for a restart of the records.
fn asked(window: Option<ChangeWindow>) -> Desk {
    let mut desk = Desk::new(hospital("staging", "observe"));
    let request = restart();
    let (reason, after) = ("the pool leaks".to_owned(), Vec::new());
    desk.must(&person("erin"), Command::SubmitChange { request, reason, incident: None, window, after });
    desk
}

fn restart() -> ChangeRequest {
    ChangeRequest::Action { service: "records-db".to_owned(), action: "restart".to_owned() }
}

fn tonight(desk: &Desk) -> ChangeWindow {
    ChangeWindow { from: desk.now + TimeDelta::hours(1), until: desk.now + TimeDelta::hours(2) }
}

fn yes(desk: &Desk) -> Command {
    Command::approve(CHANGE, desk.state.changes[&CHANGE].plan_hash.clone(), String::new())
}

fn refused(desk: &mut Desk, name: &str, command: Command) -> String {
    match desk.give(&person(name), command) {
        Err(refusal) => refusal.rule,
        Ok(events) => panic!("that was allowed: {events:?}"),
    }
}

fn started(events: &[Recorded]) -> usize {
    events.iter().filter(|recorded| matches!(recorded.event, Event::RecoveryStarted { .. })).count()
}

fn in_place_of(from: &str, desk: &Desk) -> Command {
    let plan_hash = desk.state.changes[&CHANGE].plan_hash.clone();
    let on_behalf_of = Some(from.to_owned());
    Command::ApproveChange {
        change: CHANGE,
        plan_hash,
        reason: String::new(),
        round: None,
        on_behalf_of,
        signature: None,
    }
}

fn delegate(to: &str, role: Role, desk: &Desk) -> Command {
    let (until, reason) = (desk.now + TimeDelta::hours(8), "away".to_owned());
    Command::DelegateApproval { to: to.to_owned(), role, until, services: Vec::new(), reason }
}

#[test]
fn a1_nobody_approves_the_own_change_by_another_name_or_through_a_deputy() {
    let mut desk = asked(None);
    let bot = Command::AddAccount {
        name: "erin-bot".to_owned(),
        roles: [Role::Engineer].into(),
        login: None,
        belongs_to: "erin".to_owned(),
    };
    desk.must(&person("alice"), bot);
    let own = yes(&desk);
    assert_eq!(refused(&mut desk, "erin", own.clone()), "own-change");
    assert_eq!(refused(&mut desk, "erin-bot", own), "own-change");
    let deputy = delegate("ben", Role::Engineer, &desk);
    desk.must(&person("erin"), deputy);
    let through = in_place_of("erin", &desk);
    assert_eq!(refused(&mut desk, "ben", through), "own-change", "her yes is hers, whoever gives it");
    let deputy = delegate("erin", Role::TechnicalLead, &desk);
    desk.must(&person("alice"), deputy);
    let through = in_place_of("alice", &desk);
    assert_eq!(refused(&mut desk, "erin", through), "own-change");
    assert_eq!(missing_roles(&desk.state, &desk.state.changes[&CHANGE]), [Role::TechnicalLead]);
}

#[test]
fn a6_who_changed_the_plan_wrote_it_and_who_carries_it_out_did_not() {
    let mut desk = asked(Some(tonight(&asked(None))));
    let later = ChangeWindow { until: desk.now + TimeDelta::hours(3), ..tonight(&desk) };
    let reason = "more time".to_owned();
    desk.must(&person("ben"), Command::ReviseChange { change: CHANGE, request: None, window: Some(later), reason });
    let own = yes(&desk);
    assert_eq!(refused(&mut desk, "ben", own.clone()), "co-author");
    desk.must(&person("alice"), own);
    desk.must(&person("carol"), Command::DisableOperator { name: "alice".to_owned(), reason: "left".to_owned() });
    desk.must(&person("carol"), Command::ImplementChange { change: CHANGE });
    let found = &desk.state.changes[&CHANGE];
    assert_eq!((found.state, found.round), (ChangeState::Pending, 3), "a8: whose approver left is asked anew");
    let again = yes(&desk);
    desk.must(&person("carol"), again);
    assert_eq!(desk.state.changes[&CHANGE].state, ChangeState::Approved);
}

#[test]
fn a9_what_nobody_can_agree_to_says_so() {
    let mut desk = asked(None);
    assert_eq!(unsatisfiable(&desk.state, &desk.state.changes[&CHANGE]), []);
    for name in ["ben", "carol"] {
        desk.must(&person("alice"), Command::DisableOperator { name: name.to_owned(), reason: "left".to_owned() });
    }
    desk.engine(Command::DisableOperator { name: "alice".to_owned(), reason: "left".to_owned() });
    assert_eq!(unsatisfiable(&desk.state, &desk.state.changes[&CHANGE]), [Role::TechnicalLead]);
}

#[test]
fn b1_a_byte_changed_in_the_platform_file_after_the_yes_asks_everybody_anew() {
    let mut desk = asked(Some(tonight(&asked(None))));
    let agree = yes(&desk);
    desk.must(&person("alice"), agree);
    let mut platform = Platform::clone(&desk.state.platform);
    let service = platform.services.iter_mut().find(|service| service.name == "records-db").unwrap();
    let action = service.actions.iter_mut().find(|action| action.name == "restart").unwrap();
    action.run.last_mut().unwrap().push('2');
    desk.engine(Command::LoadPlatform { platform: platform.into() });
    desk.wait(TimeDelta::minutes(61));
    let found = &desk.state.changes[&CHANGE];
    assert_eq!((found.state, found.round, found.recovery), (ChangeState::Pending, 2, None));
    assert!(desk.state.recoveries.is_empty());
}

#[test]
fn b3_the_order_of_keys_and_the_reason_change_nothing_and_b5_an_old_yes_does_not_come_back() {
    let mut desk = asked(Some(tonight(&asked(None))));
    let first = desk.state.changes[&CHANGE].clone();
    let mut turned = serde_json::Map::new();
    let serde_json::Value::Object(fields) = serde_json::to_value(&*first.plan).unwrap() else { panic!() };
    fields.into_iter().rev().for_each(|(key, value)| drop(turned.insert(key, value)));
    let plan: Plan = serde_json::from_value(turned.into()).unwrap();
    let agreed = Agreed { plan: &plan, ..first.agreed() };
    assert_eq!(intent_hash(&desk.state.platform, &agreed), first.plan_hash);
    assert!(!intent_text(&desk.state.platform, &agreed).contains("pool leaks"), "b3: why is not what");

    let agree = yes(&desk);
    desk.must(&person("alice"), agree);
    let mut revise = |window| {
        let reason = "another time".to_owned();
        desk.must(
            &person("ben"),
            Command::ReviseChange { change: CHANGE, request: None, window: Some(window), reason },
        );
        desk.state.changes[&CHANGE].clone()
    };
    let window = first.window.unwrap();
    let other = revise(ChangeWindow { until: window.until + TimeDelta::minutes(1), ..window });
    assert_ne!(other.plan_hash, first.plan_hash, "b2");
    let back = revise(window);
    assert_eq!((back.plan_hash, back.round), (first.plan_hash, 3));
    assert_eq!(missing_roles(&desk.state, &desk.state.changes[&CHANGE]), [Role::TechnicalLead]);
    assert_eq!(desk.state.changes[&CHANGE].approvals.len(), 1, "it stays in the record");
}

#[test]
fn c1_a_yes_after_the_time_is_refused_and_c4_time_alone_begins_nothing_unapproved() {
    let mut desk = asked(Some(tonight(&asked(None))));
    desk.wait(TimeDelta::minutes(121));
    let late = yes(&desk);
    assert_eq!(refused(&mut desk, "alice", late), "change-window-over");
    desk.wait(TimeDelta::hours(24));
    assert_eq!(desk.state.changes[&CHANGE].state, ChangeState::Expired);
    assert!(desk.state.recoveries.is_empty());
}

#[test]
fn d1_an_approval_is_used_once_and_d2_taking_it_back_stops_what_runs() {
    let mut desk = asked(None);
    let agree = yes(&desk);
    assert_eq!(started(&desk.must(&person("alice"), agree.clone())), 1);
    assert_eq!(refused(&mut desk, "erin", Command::ImplementChange { change: CHANGE }), "change-not-approved");
    assert_eq!(refused(&mut desk, "ben", agree), "change-not-pending");
    let recovery = desk.state.changes[&CHANGE].recovery.unwrap();
    desk.must(&person("alice"), Command::RevokeApproval { change: CHANGE, reason: "wrong ward".to_owned() });
    assert!(desk.state.recoveries[&recovery].cancel_requested);
    let next = desk.give(&codeblue::domain::Actor::Engine, Command::StartStep { recovery, step: 0 });
    assert_eq!(next.unwrap_err().rule, "recovery-cancelled");
}

#[test]
fn f6_of_two_changes_to_the_same_the_second_waits_and_begins_when_the_first_is_over() {
    let mut desk = asked(None);
    let request = ChangeRequest::Action { service: "records-db".to_owned(), action: "isolate".to_owned() };
    let window = ChangeWindow { from: desk.now + TimeDelta::seconds(1), until: desk.now + TimeDelta::hours(2) };
    let second = Command::SubmitChange {
        request,
        reason: "after that".to_owned(),
        incident: None,
        window: Some(window),
        after: vec![CHANGE],
    };
    desk.must(&person("erin"), second);
    let hash = desk.state.changes[&ChangeId(2)].plan_hash.clone();
    desk.must(&person("alice"), Command::approve(ChangeId(2), hash, String::new()));
    desk.wait(TimeDelta::minutes(5));
    assert_eq!(desk.state.changes[&ChangeId(2)].state, ChangeState::Approved, "it follows the first");
    let agree = yes(&desk);
    desk.must(&person("alice"), agree);
    let recovery = desk.state.changes[&CHANGE].recovery.unwrap();
    desk.carry_out(recovery);
    desk.wait(TimeDelta::seconds(1));
    assert_eq!(desk.state.changes[&ChangeId(2)].state, ChangeState::Approved, "nobody has seen yet that it worked");
    let note = "the pool is empty".to_owned();
    desk.must(&person("carol"), Command::ValidateChange { change: CHANGE, passed: true, note });
    desk.wait(TimeDelta::seconds(1));
    assert_eq!(desk.state.changes[&ChangeId(2)].state, ChangeState::Implementing);
}

/// A key of OpenSSH in a folder, and what it signs.
struct Key(PathBuf);

impl Key {
    fn new(folder: &Path, name: &str, kind: &str) -> Self {
        let path = folder.join(name);
        let made = Process::new("ssh-keygen").args(["-q", "-N", "", "-C", "", "-t", kind, "-f"]).arg(&path).status();
        assert!(made.expect("ssh-keygen comes with OpenSSH").success());
        Self(path)
    }

    fn public(&self) -> String {
        fs::read_to_string(self.0.with_extension("pub")).unwrap()
    }

    fn sign(&self, text: &str, namespace: &str) -> String {
        let mut child = Process::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    }
}

fn signed(desk: &Desk, signature: &str) -> Command {
    let found = &desk.state.changes[&CHANGE];
    Command::ApproveChange {
        change: CHANGE,
        plan_hash: found.plan_hash.clone(),
        reason: String::new(),
        round: Some(found.round),
        on_behalf_of: None,
        signature: Some(signature.to_owned()),
    }
}

fn payload(desk: &Desk, origin: &str, name: &str) -> String {
    let roles = &desk.state.operators[name].roles;
    approval_payload(origin, &desk.state.changes[&CHANGE], (name, roles), None)
}

#[test]
fn d4_a_signature_holds_for_one_person_one_plan_one_round_and_one_engine_and_stock_openssh_says_so_too() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let mut desk = asked(Some(tonight(&asked(None))));
        let keys = ["alice", "ben"].map(|name| Key::new(folder.path(), &format!("{kind}-{name}"), kind));
        for (name, key) in ["alice", "ben"].into_iter().zip(&keys) {
            desk.must(&person(name), Command::AddKey { operator: name.to_owned(), key: key.public() });
        }
        let [alice, ben] = &keys;
        let origin = desk.state.engine.origin.clone();
        let text = payload(&desk, &origin, "alice");
        let wrong = [
            ("the key of another", ben.sign(&text, SIGNATURE_NAMESPACE)),
            ("another purpose", alice.sign(&text, "file")),
            ("another engine", alice.sign(&payload(&desk, "codeblue/ward-2", "alice"), SIGNATURE_NAMESPACE)),
            ("another person", alice.sign(&payload(&desk, &origin, "ben"), SIGNATURE_NAMESPACE)),
            ("one digit of the plan", alice.sign(&text.replacen("plan: ", "plan: 0", 1), SIGNATURE_NAMESPACE)),
            ("another round", alice.sign(&text.replace("round: 1", "round: 2"), SIGNATURE_NAMESPACE)),
            ("no signature", "-----BEGIN SSH SIGNATURE-----".to_owned()),
        ];
        for (what, signature) in wrong {
            let command = signed(&desk, &signature);
            assert_eq!(refused(&mut desk, "alice", command), "signature-invalid", "{kind}: {what}");
        }
        let good = alice.sign(&text, SIGNATURE_NAMESPACE);
        let command = signed(&desk, &good);
        desk.must(&person("alice"), command.clone());
        desk.must(&person("alice"), command.clone());
        let found = &desk.state.changes[&CHANGE];
        assert_eq!(found.current_approvals().count(), 1, "d5: the same signature twice is one vote");
        assert!(matches!(found.approvals[0].attestation, Attestation::Signature { .. }));
        desk.must(&person("alice"), Command::RevokeApproval { change: CHANGE, reason: "wait".to_owned() });
        assert_eq!(refused(&mut desk, "alice", command), "signature-used", "{kind}: replayed");
        verify_with_openssh(folder.path(), &alice.public(), &text, &good);
    }
}

fn verify_with_openssh(folder: &Path, public: &str, text: &str, signature: &str) {
    let (signers, file) = (folder.join("allowed_signers"), folder.join("signature"));
    fs::write(&signers, format!("alice namespaces=\"{SIGNATURE_NAMESPACE}\" {public}")).unwrap();
    fs::write(&file, signature).unwrap();
    let verifies = |text: &str| {
        let mut child = Process::new("ssh-keygen")
            .args(["-Y", "verify", "-I", "alice", "-n", SIGNATURE_NAMESPACE, "-f"])
            .arg(&signers)
            .arg("-s")
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait().unwrap().success()
    };
    assert!(verifies(text));
    assert!(!verifies(&text.replace("CHG-1", "CHG-2")));
}
