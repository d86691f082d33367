//! Break-glass as everybody sees it while it is open, how it is taken away, and how it is reviewed.

use chrono::TimeDelta;

use super::{
    pages::SIZES,
    scene::{PHONE, Scene, accepted, at, by, click, picture, press, type_in},
};
use crate::{
    domain::{BreakGlassId, Ceiling, ChangeId, Command, IncidentId, RecoveryId, ReviewVerdict},
    platform::Role,
    tui::{
        message::{Message, Timed},
        model::{List, Model, Pane, Screen, Target},
        queue::{Queue, Queued},
        term::input::Key,
        update::update,
    },
};

const GLASS: BreakGlassId = BreakGlassId(1);

/// Erin rolls back on her own what waits for a lead; there is a second engineer, a CTO and a compliance officer.
fn open() -> Scene {
    let mut scene = Scene::outage();
    for (name, role) in [("bob", Role::Engineer), ("carol", Role::Cto), ("dana", Role::ComplianceOfficer)] {
        let mut person = scene.state.operators["erin"].clone();
        person.name = name.to_owned();
        person.roles = [role, Role::Engineer].into();
        scene.state.operators.insert(person.name.clone(), person);
    }
    let (incident, services) = (IncidentId(1), vec!["patient-api".to_owned()]);
    let reason = "no lead answers, wards have no charts".to_owned();
    scene.give_as(by("erin"), Command::BreakGlass { incident, services, reason, ceiling: Ceiling::Code, minutes: 30 });
    scene.now += TimeDelta::seconds(70);
    let (change, plan_hash) = (ChangeId(1), scene.state.changes[&ChangeId(1)].plan_hash.clone());
    scene.give_as(by("erin"), Command::ExecuteUnderBreakGlass { change, plan_hash });
    assert_eq!(scene.state.break_glass[&GLASS].acts.len(), 1);
    scene.now += TimeDelta::seconds(40);
    scene
}

/// The same, taken away by alice.
fn over() -> Scene {
    let mut scene = open();
    scene.give_as(by("alice"), Command::RevokeBreakGlass { break_glass: GLASS, reason: "I am here now".to_owned() });
    assert!(!scene.state.break_glass[&GLASS].is_open());
    scene.now += TimeDelta::hours(1);
    scene
}

fn review(scene: &mut Scene, who: &str, verdict: ReviewVerdict) {
    let findings = "only the release was switched".to_owned();
    scene.give_as(by(who), Command::ReviewBreakGlass { break_glass: GLASS, verdict, findings });
}

fn standing(model: &Model) -> Queue {
    let queue = model.queue();
    queue.iter().find(|(_, queued)| matches!(queued, Queued::BreakGlass(_))).expect("it stands in the queue").0
}

#[test]
fn the_loud_line_says_who_how_long_how_much_on_what_and_the_key() {
    let scene = open();
    for (width, height) in SIZES.into_iter().chain([PHONE]) {
        let shown = picture(&mut scene.seen_by("alice"), width, height);
        let loud: String = shown.lines().skip(1).take(2).collect();
        for wanted in ["BREAK-GLASS erin: 28:10 left", "1 act", "on patient-api", "[ Z Revoke… ]"] {
            assert!(loud.contains(wanted), "{wanted} at {width}x{height}:\n{shown}");
        }
        insta::assert_snapshot!(format!("loud-{width}x{height}"), shown);
    }
    // Who may not take it away sees no key, who has it ends it, and a click on it opens its page.
    assert!(!picture(&mut scene.seen_by("bob"), 80, 24).contains("Z Revoke"));
    assert!(picture(&mut scene.seen_by("erin"), 80, 24).contains("[ Z End… ]"));
    let mut model = scene.seen_by("bob");
    click(&mut model, &Target::Page(Screen::BreakGlass(GLASS)));
    assert_eq!(*model.screen(), Screen::BreakGlass(GLASS));
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Recovery(RecoveryId(1)), "what was done under it");
}

#[test]
fn of_several_the_own_one_is_told_of_and_the_others_are_counted() {
    let mut scene = open();
    let mut other = scene.state.break_glass[&GLASS].clone();
    (other.id, other.operator) = (BreakGlassId(2), "bob".to_owned());
    other.until += TimeDelta::minutes(5);
    scene.state.break_glass.insert(other.id, other);
    let shown = picture(&mut scene.seen_by("bob"), 110, 32);
    assert!(shown.contains("BREAK-GLASS bob: 33:10 left") && shown.contains("and 1 more (V)"), "{shown}");
    assert!(picture(&mut scene.seen_by("carol"), 110, 32).contains("BREAK-GLASS erin"), "the one that ends first");
    // The key is about what is looked at; a line about another does not offer it.
    let mut model = at(&scene, "alice", Screen::BreakGlass(BreakGlassId(2)));
    let shown = picture(&mut model, 110, 32);
    assert!(!shown.lines().take(3).any(|line| line.contains("Z Revoke")), "{shown}");
    press(&mut model, &[Key::Char('Z')]);
    assert!(picture(&mut model, 110, 32).contains("Take break-glass BG-2 of bob away"));
}

#[test]
fn it_is_taken_away_with_a_reason_after_what_comes_of_it_was_shown() {
    let scene = open();
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('Z'), Key::Enter]);
    assert_eq!(model.toast.clone().unwrap().text, "reason is empty");
    type_in(&mut model, "I am here now");
    press(&mut model, &[Key::Enter]);
    insta::assert_snapshot!("revoke-80x24", picture(&mut model, 80, 24));
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("REC-1 finishes its step, and begins none that changes more"), "{shown}");
    let sent = press(&mut model, &[Key::Enter]);
    let reason = "I am here now".to_owned();
    assert_eq!(accepted(&model, &sent), Command::RevokeBreakGlass { break_glass: GLASS, reason });
}

#[test]
fn who_has_it_ends_it_after_a_question_and_who_may_not_is_told_why() {
    let scene = open();
    let mut erin = scene.seen_by("erin");
    assert!(press(&mut erin, &[Key::Char('Z'), Key::Enter]).is_empty(), "Enter leaves it");
    let sent = press(&mut erin, &[Key::Char('Z'), Key::Char('y')]);
    assert_eq!(accepted(&erin, &sent), Command::EndBreakGlass { break_glass: GLASS });
    let mut bob = scene.seen_by("bob");
    press(&mut bob, &[Key::Char('Z')]);
    let why = bob.toast.clone().unwrap().text;
    assert!(bob.overlay.is_none() && why.contains("technical lead, the CTO or the compliance officer"), "{why}");
    let mut alice = at(&over(), "alice", Screen::BreakGlass(GLASS));
    press(&mut alice, &[Key::Char('Z')]);
    assert!(alice.toast.clone().unwrap().text.contains("BG-1 was revoked"));
    // Nobody opens a second one, and is told so before the form is written.
    for (scene, wanted) in [(open(), "your BG-1 is open; Z ends it"), (over(), "BG-1 was not reviewed yet")] {
        let mut erin = at(&scene, "erin", Screen::Incident(IncidentId(1)));
        press(&mut erin, &[Key::Char('E')]);
        let why = erin.toast.clone().map(|toast| toast.text).unwrap_or_default();
        assert!(erin.overlay.is_none() && why.contains(wanted), "{why}");
    }
    let mut calm = Scene::outage().seen_by("alice");
    press(&mut calm, &[Key::Char('Z')]);
    assert!(calm.toast.clone().unwrap().text.contains("nobody has break-glass open"));
}

#[test]
fn its_review_stands_under_what_is_owed_and_enter_opens_its_page() {
    let mut scene = over();
    assert_eq!(standing(&open().seen_by("carol")), Queue::UnderWay, "nobody reviews what is open");
    assert_eq!(standing(&scene.seen_by("carol")), Queue::Owed);
    assert_eq!(standing(&scene.seen_by("erin")), Queue::UnderWay, "who opened it reviews nothing of it");
    let others = picture(&mut at(&scene, "erin", Screen::Approvals), 80, 24);
    assert!(others.contains("to be reviewed by 2 other people"), "it does not read as done:\n{others}");
    for (width, height) in SIZES.into_iter().chain([PHONE]) {
        let mut model = at(&scene, "carol", Screen::Approvals);
        insta::assert_snapshot!(format!("queue-{width}x{height}"), picture(&mut model, width, height));
        model.screens.push(Screen::BreakGlass(GLASS));
        insta::assert_snapshot!(format!("page-{width}x{height}"), picture(&mut model, width, height));
    }
    let board = picture(&mut scene.seen_by("carol"), 110, 32);
    assert!(board.contains("you owe 1") && board.contains("BG-1"), "{board}");
    for keys in [vec![Key::Char('V'), Key::Enter], vec![Key::Char('3'), Key::Enter]] {
        let mut model = scene.seen_by("carol");
        let rows = model.rows(List::Approvals);
        assert_eq!(rows.first().map(String::as_str), Some("BG-1"), "what is owed stands before what is under way");
        press(&mut model, &keys);
        assert_eq!(*model.screen(), Screen::BreakGlass(GLASS));
    }
    scene.now += TimeDelta::hours(25);
    let late = picture(&mut at(&scene, "carol", Screen::Approvals), 80, 24);
    assert!(late.contains("✖ review 2h late"), "{late}");
    let mut model = at(&scene, "erin", Screen::BreakGlass(GLASS));
    press(&mut model, &[Key::Char('J')]);
    let why = model.toast.clone().unwrap().text;
    assert!(why.contains("erin opened BG-1 and may not review it"), "{why}");
}

#[test]
fn a_review_says_what_it_leads_to_and_the_second_with_a_senior_is_the_last() {
    let mut scene = over();
    review(&mut scene, "bob", ReviewVerdict::Justified);
    let mut dana = at(&scene, "dana", Screen::Approvals);
    press(&mut dana, &[Key::Char('J'), Key::Down, Key::Tab]);
    assert!(press(&mut dana, &[Key::Enter]).is_empty());
    assert_eq!(dana.toast.clone().unwrap().text, "findings is empty");
    type_in(&mut dana, "a lead was on the ward");
    press(&mut dana, &[Key::Enter]);
    insta::assert_snapshot!("review-80x24", picture(&mut dana, 80, 24));
    let shown = picture(&mut dana, 110, 32);
    assert!(shown.contains("▲ That is a compliance finding, and stays one"), "{shown}");
    assert!(shown.contains("Yours is the last review that it takes"), "{shown}");
    let sent = press(&mut dana, &[Key::Enter]);
    let Command::ReviewBreakGlass { verdict, findings, .. } = accepted(&dana, &sent) else { panic!("{sent:?}") };
    assert_eq!((verdict, findings.as_str()), (ReviewVerdict::Unjustified, "a lead was on the ward"));
    review(&mut scene, "dana", ReviewVerdict::Unjustified);
    assert_eq!(standing(&scene.seen_by("carol")), Queue::Over);
    let page = picture(&mut at(&scene, "carol", Screen::BreakGlass(GLASS)), 110, 32);
    assert!(page.contains("✖ dana, as compliance officer") && page.contains("✓ bob, as engineer"), "{page}");
    // Two engineers are not enough where there is somebody senior: the board says who is missing.
    let mut scene = over();
    review(&mut scene, "bob", ReviewVerdict::Justified);
    let mut alice = at(&scene, "alice", Screen::BreakGlass(GLASS));
    let shown = picture(&mut alice, 110, 32);
    assert!(shown.contains("… the CTO or the compliance officer (carol or dana)"), "alice alone is no end:\n{shown}");
    press(&mut alice, &[Key::Char('J'), Key::Tab]);
    type_in(&mut alice, "fine");
    press(&mut alice, &[Key::Enter]);
    let shown = picture(&mut alice, 110, 32);
    assert!(shown.contains("Then it waits for the CTO or the compliance officer (carol or dana)"), "{shown}");
}

#[test]
fn a_locked_board_says_so_at_every_size_and_holds_a_revocation_back() {
    let scene = open();
    for (width, height) in SIZES.into_iter().chain([PHONE]) {
        let mut model = scene.seen_by("alice");
        model.locked = true;
        let shown = picture(&mut model, width, height);
        assert!(shown.contains("LOCKED: acting asks for the name alice"), "{shown}");
        press(&mut model, &[Key::Char('Z')]);
        type_in(&mut model, "I am here now");
        assert!(press(&mut model, &[Key::Enter, Key::Enter]).is_empty(), "it acts for nobody");
        let shown = picture(&mut model, width, height);
        insta::assert_snapshot!(format!("locked-{width}x{height}"), shown);
    }
    let mut model = scene.seen_by("alice");
    let why = "BG-1 needs the second factor of alice, and the code that was given has been used already".to_owned();
    let command = Command::RevokeBreakGlass { break_glass: GLASS, reason: String::new() };
    let at = model.now;
    update(&mut model, Timed { at, message: Message::CodeNeeded(Box::new(command), why) });
    let shown = picture(&mut model, PHONE.0, PHONE.1);
    assert!(shown.contains("and the code that was given has been") && shown.contains("used already"), "{shown}");
}

#[test]
fn no_size_breaks_the_page_or_the_line() {
    for scene in [open(), over()] {
        let mut model = at(&scene, "carol", Screen::BreakGlass(GLASS));
        model.focus = Pane::Approvals;
        for width in (0..200).step_by(7) {
            for height in (0..60).step_by(7) {
                picture(&mut model, width, height);
            }
        }
    }
}
