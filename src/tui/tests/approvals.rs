//! What waits for whom, a change as its approver sees it, and what can be said about it.

use chrono::TimeDelta;

use super::{
    pages::SIZES,
    scene::{PHONE, Scene, accepted, at, by, click, picture, press, type_in},
};
use crate::{
    domain::{ChangeId, ChangeRequest, ChangeState, Command, PublicKey, ReviewOutcome},
    platform::Role,
    tui::{
        message::{Message, Timed},
        model::{List, Model, Overlay, Screen, Target},
        queue::{Queue, Queued},
        term::input::Key,
        update::update,
    },
};

const PLATFORM: &str = r#"
[platform]
name = "HoloVitals"
[access]
second_factor = "enrolled"
[approvals]
medium = ["technical-lead"]
high = ["technical-lead", "cto"]
[[service]]
name = "patient-api"
criticality = "critical"
functions = ["charts", "patient check-in"]
users = 1_200
health_information = "writes"
[[service.check]]
name = "health"
http = "http://127.0.0.1:8101/health"
[[service.action]]
name = "rebuild-the-whole-search-index-from-the-records-database"
run = "/bin/true"
risk = "high"
[[service.action]]
name = "restart"
run = "/bin/true"
risk = "low"
[[service]]
name = "check-in"
criticality = "high"
depends_on = ["patient-api"]
[[service.check]]
name = "health"
http = "http://127.0.0.1:8102/health"
[[operator]]
name = "alice"
roles = ["technical-lead"]
login = "alice"
[[operator]]
name = "bob"
roles = ["technical-lead"]
login = "bob"
[[operator]]
name = "carol"
roles = ["cto"]
login = "carol"
[[operator]]
name = "dan"
roles = ["cto"]
login = "dan"
[[operator]]
name = "erin"
roles = ["engineer"]
login = "erin"
[[operator]]
name = "frank"
roles = ["engineer", "compliance-officer"]
login = "frank"
"#;

const INDEX: ChangeId = ChangeId(1);
const RESTART: ChangeId = ChangeId(2);

fn ask(scene: &mut Scene, who: &str, action: &str, reason: &str) {
    let request = ChangeRequest::Action { service: "patient-api".to_owned(), action: action.to_owned() };
    let (reason, after) = (reason.to_owned(), Vec::new());
    scene.give_as(by(who), Command::SubmitChange { request, reason, incident: None, window: None, after });
}

/// Alice wants the index rebuilt, which is risky; then Erin wants a restart.
fn waiting() -> Scene {
    let mut scene = Scene::of(PLATFORM);
    let reason = "patients are not found by their new names since the upgrade of the search service on Monday";
    ask(&mut scene, "alice", "rebuild-the-whole-search-index-from-the-records-database", reason);
    scene.now += TimeDelta::minutes(3);
    ask(&mut scene, "erin", "restart", "it leaks memory");
    assert_eq!(scene.state.changes.len(), 2);
    scene
}

fn say(scene: &mut Scene, who: &str, command: impl Fn(ChangeId) -> Command, id: ChangeId) {
    let (command, before) = (command(id), scene.state.seq);
    scene.give_as(by(who), command);
    assert!(scene.state.seq > before, "{who} was refused");
}

fn yes(scene: &mut Scene, who: &str, id: ChangeId) {
    let hash = scene.state.changes[&id].plan_hash.clone();
    say(scene, who, |id| Command::approve(id, hash.clone(), String::new()), id);
}

fn queues(model: &Model) -> Vec<(Queue, ChangeId)> {
    let id = |queued: Queued| match queued {
        Queued::Change(change) => change.id,
        Queued::BreakGlass(glass) => panic!("{} is no change", glass.id),
    };
    model.queue().into_iter().map(|(queue, queued)| (queue, id(queued))).collect()
}

/// Ended an hour ago, with all that such a change owes.
fn carried_out(scene: &mut Scene, id: ChangeId, state: ChangeState) {
    let (now, change) = (scene.now, scene.state.changes.get_mut(&id).unwrap());
    change.state = state;
    change.ended_at = Some(now - TimeDelta::hours(1));
    change.terms.review_within_seconds = Some(24 * 3600);
}

#[test]
fn the_queue_shows_first_what_waits_for_me() {
    let mut scene = waiting();
    assert_eq!(queues(&scene.seen_by("carol")), [(Queue::You, INDEX), (Queue::You, RESTART)]);
    assert_eq!(queues(&scene.seen_by("alice")), [(Queue::You, RESTART), (Queue::Others, INDEX)]);
    assert_eq!(queues(&scene.seen_by("erin")), [(Queue::Others, INDEX), (Queue::Others, RESTART)]);
    // Carol is away, and has said that bob may stand in; bob has to choose in whose name.
    let (until, reason) = (scene.now + TimeDelta::days(2), "on leave".to_owned());
    let (to, services) = ("bob".to_owned(), Vec::new());
    let delegate = Command::DelegateApproval { to, role: Role::Cto, until, services, reason };
    scene.give_as(by("carol"), delegate);
    for (width, height) in SIZES.into_iter().chain([PHONE]) {
        let shown = picture(&mut at(&scene, "alice", Screen::Approvals), width, height);
        insta::assert_snapshot!(format!("queue-{width}x{height}"), shown);
    }
    let board = picture(&mut scene.seen_by("alice"), 110, 32);
    assert!(board.contains("1 waits for you"), "{board}");
    let own = at(&scene, "bob", Screen::Approvals).seats(&scene.state.changes[&INDEX]);
    let places: Vec<Option<&str>> = own.iter().map(|seat| seat.of.as_deref()).collect();
    assert_eq!(places, [None, Some("carol")]);
}

#[test]
fn an_empty_queue_says_what_would_stand_there() {
    let scene = Scene::of(PLATFORM);
    for (width, height) in [(80, 24), PHONE] {
        let shown = picture(&mut at(&scene, "alice", Screen::Approvals), width, height);
        insta::assert_snapshot!(format!("empty-{width}x{height}"), shown);
    }
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('3'), Key::Enter]);
    assert_eq!(*model.screen(), Screen::Approvals, "Enter on the empty pane opens the queue");
}

#[test]
fn what_is_owed_stands_before_what_is_under_way_and_what_is_late_is_loud() {
    let mut scene = waiting();
    carried_out(&mut scene, INDEX, ChangeState::Validated);
    carried_out(&mut scene, RESTART, ChangeState::Validating);
    scene.state.changes.get_mut(&INDEX).unwrap().ended_at = Some(scene.now - TimeDelta::hours(25));
    let mut model = at(&scene, "carol", Screen::Approvals);
    assert_eq!(queues(&model), [(Queue::Owed, INDEX), (Queue::Owed, RESTART)], "what is late first");
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("✖ review 1h late"), "{shown}");
    assert!(shown.contains("you owe 2"), "{shown}");
    // Who had a part in it may do neither.
    assert_eq!(queues(&scene.seen_by("alice")), [(Queue::Owed, RESTART), (Queue::UnderWay, INDEX)]);
    let mut page = at(&scene, "alice", Screen::Change(INDEX));
    let shown = picture(&mut page, 80, 24);
    assert!(shown.contains("✖ its review is OVERDUE by 1 h"), "{shown}");
    press(&mut page, &[Key::Char('J')]);
    let why = page.toast.clone().unwrap().text;
    assert!(why.contains("had a part in CHG-1"), "{why}");
}

#[test]
fn a_change_tells_in_one_screen_what_why_how_risky_and_how_it_is_undone() {
    let mut scene = waiting();
    yes(&mut scene, "bob", INDEX);
    for (width, height) in SIZES.into_iter().chain([PHONE, (60, 18)]) {
        let shown = picture(&mut at(&scene, "carol", Screen::Change(INDEX)), width, height);
        insta::assert_snapshot!(format!("change-{width}x{height}"), shown);
    }
}

#[test]
fn on_a_telephone_the_first_screen_holds_what_is_decided_by() {
    let scene = waiting();
    let mut model = at(&scene, "carol", Screen::Change(INDEX));
    let shown = picture(&mut model, PHONE.0, PHONE.1);
    for wanted in ["approve in", "of 10", "no way back", "[ a Approve… ]", "[ x Reject… ]", "more"] {
        assert!(shown.contains(wanted), "{wanted}:\n{shown}");
    }
    // The rest comes by scrolling: the last of it is the dry run.
    model.scroll = model.deepest;
    let end = picture(&mut model, PHONE.0, PHONE.1);
    assert!(end.contains("dry run"), "{end}");
}

#[test]
fn who_could_agree_is_named_and_what_waits_in_vain_says_so() {
    let mut scene = waiting();
    let page = |scene: &Scene| picture(&mut at(scene, "erin", Screen::Change(INDEX)), 160, 48);
    let shown = page(&scene);
    assert!(shown.contains("… technical lead: bob or carol or dan"), "{shown}");
    assert!(shown.contains("… CTO: carol or dan"), "{shown}");
    assert!(!shown.contains("IN VAIN"), "{shown}");
    for cto in ["carol", "dan"] {
        scene.state.operators.get_mut(cto).unwrap().disabled = true;
    }
    let shown = page(&scene);
    assert!(shown.contains("✖ WAITS IN VAIN: nobody is left who may agree as CTO"), "{shown}");
    let queue = picture(&mut at(&scene, "erin", Screen::Approvals), 110, 32);
    assert!(queue.contains("✖ IN VAIN: no CTO may agree"), "{queue}");
}

#[test]
fn who_has_a_key_here_is_told_how_to_sign_with_it() {
    let mut scene = waiting();
    let shown = |scene: &Scene, who| picture(&mut at(scene, who, Screen::Change(INDEX)), 160, 48);
    let how = "with your SSH key: codeblue change approve CHG-1 --sign KEY";
    assert!(!shown(&scene, "carol").contains(how), "there is no key");
    let key = PublicKey { openssh: "ssh-ed25519 AAAA".to_owned(), since: scene.now };
    for name in ["alice", "carol"] {
        scene.state.operators.get_mut(name).unwrap().keys.insert("SHA256:a".to_owned(), key.clone());
    }
    assert!(shown(&scene, "carol").contains(how), "{}", shown(&scene, "carol"));
    assert!(!shown(&scene, "alice").contains(how), "who may not approve signs nothing");
}

#[test]
fn a_yes_is_to_the_plan_and_round_that_were_seen() {
    let mut scene = waiting();
    yes(&mut scene, "bob", INDEX);
    let mut model = at(&scene, "carol", Screen::Change(INDEX));
    press(&mut model, &[Key::Char('a')]);
    type_in(&mut model, "looked at the load");
    press(&mut model, &[Key::Enter]);
    let shown = picture(&mut model, 110, 32);
    let hash = scene.state.changes[&INDEX].plan_hash.clone();
    assert!(shown.contains(&format!("exactly plan {}, round 1", &hash[..12])), "{shown}");
    assert!(shown.contains("Yours is the last yes: it is carried out at once"), "{shown}");
    insta::assert_snapshot!("yes-80x24", picture(&mut model, 80, 24));
    let sent = press(&mut model, &[Key::Enter]);
    let command = accepted(&model, &sent);
    let Command::ApproveChange { plan_hash, reason, round, .. } = command else { panic!("{command:?}") };
    assert_eq!((plan_hash, reason.as_str(), round), (hash, "looked at the load", Some(1)));
    // Meanwhile it is asked anew: what was seen is not what would be agreed to.
    model.overlay = None;
    press(&mut model, &[Key::Char('a')]);
    let change = model.state.changes.get_mut(&INDEX).unwrap();
    (change.round, change.plan_hash) = (2, "f".repeat(64));
    press(&mut model, &[Key::Enter]);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("✖ CHG-1 is in round 2 by now; its plan has changed: CHG-1 (: finds it)"), "{shown}");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
}

#[test]
fn somebody_who_stands_in_chooses_in_whose_name() {
    let mut scene = waiting();
    let (until, reason) = (scene.now + TimeDelta::days(2), "on leave".to_owned());
    let (to, services) = ("bob".to_owned(), Vec::new());
    scene.give_as(by("carol"), Command::DelegateApproval { to, role: Role::Cto, until, services, reason });
    let mut model = at(&scene, "bob", Screen::Change(INDEX));
    press(&mut model, &[Key::Char('a')]);
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("○ in place of carol, as CTO"), "{shown}");
    press(&mut model, &[Key::Tab, Key::Down, Key::Enter]);
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("In place of carol, as CTO"), "{shown}");
    let sent = press(&mut model, &[Key::Enter]);
    let command = accepted(&model, &sent);
    let Command::ApproveChange { on_behalf_of, .. } = command else { panic!("{command:?}") };
    assert_eq!(on_behalf_of.as_deref(), Some("carol"));
}

#[test]
fn a_no_wants_a_reason_and_can_be_taken_back() {
    let mut scene = waiting();
    let mut model = at(&scene, "carol", Screen::Change(INDEX));
    click(&mut model, &Target::Action("reject"));
    assert!(click(&mut model, &Target::Go).is_empty());
    assert_eq!(model.toast.clone().unwrap().text, "reason is empty");
    type_in(&mut model, "not in clinic hours");
    click(&mut model, &Target::Go);
    let sent = click(&mut model, &Target::Go);
    let no = accepted(&model, &sent);
    assert_eq!(no, Command::RejectChange { change: INDEX, reason: "not in clinic hours".to_owned() });
    scene.give_as(by("carol"), no);
    let mut model = at(&scene, "carol", Screen::Change(INDEX));
    assert!(picture(&mut model, 110, 32).contains("by carol: not in clinic hours"));
    press(&mut model, &[Key::Char('U')]);
    type_in(&mut model, "it is night");
    press(&mut model, &[Key::Enter]);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("Your no is taken back: it waits for the technical lead (bob or carol or dan)"), "{shown}");
    let sent = press(&mut model, &[Key::Enter]);
    assert!(matches!(accepted(&model, &sent), Command::RevokeApproval { .. }));
}

#[test]
fn a_yes_that_is_taken_back_while_it_runs_says_that_it_stops_after_the_step() {
    let mut scene = waiting();
    yes(&mut scene, "bob", INDEX);
    yes(&mut scene, "carol", INDEX);
    let change = &scene.state.changes[&INDEX];
    assert_eq!(change.state, ChangeState::Implementing);
    scene.give(Command::StartStep { recovery: change.recovery.unwrap(), step: 0 });
    let mut model = at(&scene, "carol", Screen::Change(INDEX));
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("REC-1 carries it out: ▸ step 1 of"), "{shown}");
    assert!(shown.contains("▸ 1 rebuild-the-whole-search"), "the steps are those of the recovery's page:\n{shown}");
    for button in ["[ c Stop after step… ]", "[ U Take back… ]", "[ ↵ Recovery ]"] {
        assert!(shown.contains(button), "{button}:\n{shown}");
    }
    press(&mut model, &[Key::Char('U')]);
    type_in(&mut model, "wrong database");
    press(&mut model, &[Key::Enter]);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("it stops after the step under way"), "{shown}");
    let sent = press(&mut model, &[Key::Enter]);
    assert!(matches!(accepted(&model, &sent), Command::RevokeApproval { .. }));
}

#[test]
fn own_changes_are_withdrawn_and_nobody_else_s() {
    let scene = waiting();
    let mut carol = at(&scene, "carol", Screen::Change(INDEX));
    press(&mut carol, &[Key::Char('X')]);
    assert!(carol.overlay.is_none());
    assert!(carol.toast.clone().unwrap().text.contains("was requested by alice"));
    let mut alice = at(&scene, "alice", Screen::Change(INDEX));
    press(&mut alice, &[Key::Char('a')]);
    assert!(alice.toast.clone().unwrap().text.contains("alice requested CHG-1 and may not approve it"));
    press(&mut alice, &[Key::Char('X')]);
    type_in(&mut alice, "found another way");
    let sent = press(&mut alice, &[Key::Enter, Key::Enter]);
    assert!(matches!(accepted(&alice, &sent), Command::WithdrawChange { .. }));
}

#[test]
fn validations_and_reviews_are_written_and_kept_until_they_are_taken() {
    let mut scene = waiting();
    carried_out(&mut scene, INDEX, ChangeState::Validating);
    let mut model = at(&scene, "carol", Screen::Change(INDEX));
    press(&mut model, &[Key::Char('Y'), Key::Down, Key::Tab]);
    type_in(&mut model, "still not found");
    press(&mut model, &[Key::Enter]);
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("▲ CHG-1 counts as failed"), "{shown}");
    let sent = press(&mut model, &[Key::Enter]);
    let failed = accepted(&model, &sent);
    assert_eq!(failed, Command::ValidateChange { change: INDEX, passed: false, note: "still not found".to_owned() });
    scene.give_as(by("carol"), failed);
    let mut model = at(&scene, "carol", Screen::Change(INDEX));
    press(&mut model, &[Key::Char('J'), Key::Char('3'), Key::Tab]);
    type_in(&mut model, "measure first");
    press(&mut model, &[Key::Esc]);
    press(&mut model, &[Key::Char('J')]);
    insta::assert_snapshot!("review-80x24", picture(&mut model, 80, 24));
    let sent = press(&mut model, &[Key::Enter, Key::Enter]);
    let command = accepted(&model, &sent);
    let Command::ReviewChange { outcome, findings, .. } = command else { panic!("{command:?}") };
    assert_eq!((outcome, findings.as_str()), (ReviewOutcome::Unsuccessful, "measure first"));
}

#[test]
fn a_deputy_is_named_listed_and_ended() {
    let mut scene = waiting();
    let mut model = at(&scene, "carol", Screen::Approvals);
    press(&mut model, &[Key::Char('N'), Key::Tab, Key::Tab]);
    type_in(&mut model, "2d");
    press(&mut model, &[Key::Tab]);
    type_in(&mut model, "on leave");
    insta::assert_snapshot!("deputy-80x24", picture(&mut model, 80, 24));
    press(&mut model, &[Key::Enter]);
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("alice may agree in your place as CTO, to any change"), "{shown}");
    let sent = press(&mut model, &[Key::Enter]);
    let command = accepted(&model, &sent);
    scene.give_as(by("carol"), command);
    let mut model = at(&scene, "carol", Screen::Approvals);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("alice for carol, as CTO, until 01-17 14:2"), "{shown}");
    let sent = press(&mut model, &[Key::Char('K'), Key::Enter]);
    assert_eq!(accepted(&model, &sent), Command::EndDelegation { to: "alice".to_owned() });
    // An engineer has no role that somebody could be one below of, other than engineers.
    let mut frank = at(&scene, "erin", Screen::Approvals);
    press(&mut frank, &[Key::Char('K')]);
    assert!(frank.toast.clone().unwrap().text.contains("nobody agrees in your place"));
}

#[test]
fn a_change_that_is_asked_anew_says_why() {
    let mut scene = waiting();
    yes(&mut scene, "bob", INDEX);
    let request = ChangeRequest::Action { service: "patient-api".to_owned(), action: "restart".to_owned() };
    let reason = "a restart is enough".to_owned();
    let revise =
        |change| Command::ReviseChange { change, request: Some(request.clone()), reason: reason.clone(), window: None };
    say(&mut scene, "alice", revise, INDEX);
    let shown = picture(&mut at(&scene, "carol", Screen::Change(INDEX)), 160, 48);
    assert!(shown.contains("▲ asked anew, round 2, because a restart is enough"), "{shown}");
    assert!(!shown.contains("✓ bob"), "what was agreed to before does not count:\n{shown}");
}

#[test]
fn rows_open_by_key_and_mouse_and_many_changes_stay_in_reach() {
    let mut scene = waiting();
    for number in 3..33 {
        let mut other = scene.state.changes[&RESTART].clone();
        other.id = ChangeId(number);
        other.expires_at += TimeDelta::minutes(1);
        scene.state.changes.insert(other.id, other);
    }
    let mut model = scene.seen_by("carol");
    press(&mut model, &[Key::Char('V')]);
    assert_eq!(*model.screen(), Screen::Approvals);
    click(&mut model, &Target::Row(List::Approvals, 1));
    click(&mut model, &Target::Row(List::Approvals, 1));
    assert_eq!(*model.screen(), Screen::Change(RESTART));
    press(&mut model, &[Key::Esc, Key::End]);
    for (width, height) in [(80, 24), PHONE] {
        let shown = picture(&mut model, width, height);
        let last = model.queue().last().unwrap().1.key();
        assert!(shown.lines().any(|line| line.contains('▶') && line.contains(&last)), "{shown}");
        assert!(shown.contains("↑"), "what is out of view is counted:\n{shown}");
    }
    // The title of the pane opens it too.
    press(&mut model, &[Key::Esc]);
    click(&mut model, &Target::Action("approvals"));
    assert_eq!(*model.screen(), Screen::Approvals);
}

#[test]
fn a_lost_link_keeps_what_was_written() {
    let scene = waiting();
    let mut model = at(&scene, "carol", Screen::Change(INDEX));
    press(&mut model, &[Key::Char('x')]);
    type_in(&mut model, "not now");
    press(&mut model, &[Key::Enter, Key::Enter]);
    let at = model.now;
    update(&mut model, Timed { at, message: Message::Failed("the engine has closed the connection".to_owned()) });
    press(&mut model, &[Key::Char('x')]);
    let Some(Overlay::Form(form)) = &model.overlay else { panic!("the form opens") };
    assert_eq!((form.text("Reason").as_str(), form.is_draft), ("not now", true));
}
