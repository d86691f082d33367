//! A page beside its list, a pane alone on the screen, the way back, and small screens.

use chrono::TimeDelta;

use super::scene::{Scene, asked, at, by, click, picture, press};
use crate::{
    domain::{BreakerState, Command, ForcedTo, IncidentId, Window},
    tui::{
        message::{Message, Request, Timed},
        model::{List, Model, Overlay, Pane, Screen, Target},
        term::input::{Input, Key},
        update::update,
    },
};

fn tick(model: &mut Model, seconds: i64) -> Vec<Request> {
    let at = model.now + TimeDelta::seconds(seconds);
    update(model, Timed { at, message: Message::Tick })
}

#[test]
fn from_160_columns_on_the_page_of_what_is_selected_stands_beside_its_list() {
    let mut model = Scene::outage().seen_by("alice");
    let shown = picture(&mut model, 160, 48);
    insta::assert_snapshot!("board-160x48", shown);
    assert!(shown.contains("┌ patient-api ─") && shown.contains("Can be rolled back"), "{shown}");
    // What it takes time to find out is asked for when the cursor has rested, and once.
    let history = Request::History("patient-api".to_owned(), Window::Day);
    assert_eq!(tick(&mut model, 1), [history]);
    assert!(tick(&mut model, 1).is_empty());
    press(&mut model, &[Key::Char('2')]);
    let shown = picture(&mut model, 160, 48);
    assert!(shown.contains("What we know") && shown.contains("Timeline"), "{shown}");
    press(&mut model, &[Key::Char('3')]);
    let shown = picture(&mut model, 160, 48);
    assert!(shown.contains("CHG-1 · emergency change") && shown.contains("Risk"), "{shown}");
    assert!(tick(&mut model, 1).contains(&Request::ChangeDryRun(crate::domain::ChangeId(1))));
    press(&mut model, &[Key::Char('4')]);
    assert!(picture(&mut model, 160, 48).contains("┌ SNP-"));
    assert!(!picture(&mut model, 159, 48).contains("┌ SNP-"), "there is no room for it");
}

#[test]
fn what_stands_beside_a_list_can_be_opened_and_nothing_on_it_does_anything() {
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char('3')]);
    picture(&mut model, 160, 48);
    let does = |target: &Target| matches!(target, Target::Action(_) | Target::Choice(_) | Target::Part(_));
    let is_beside = |area: &ratatui::layout::Rect| area.x >= 100 && area.y > 0 && area.y < 46;
    assert!(!model.hits.iter().any(|(area, target)| is_beside(area) && does(target)));
    let page = model.hits.at(150, 30).cloned();
    assert_eq!(page, Some(Target::Page(Screen::Change(crate::domain::ChangeId(1)))));
    assert!(asked(&press(&mut model, &[Key::Char('a')])).is_empty(), "nothing is agreed to before its page is open");
}

#[test]
fn every_list_has_the_page_that_enter_opens_beside_it() {
    let scene = Scene::outage();
    for screen in [Screen::Approvals, Screen::Journal, Screen::Changed, Screen::Breakers, Screen::Team] {
        let mut model = at(&scene, "alice", screen.clone());
        picture(&mut model, 160, 48);
        let beside = model.selected_page().expect("something is selected");
        assert_eq!(model.page_looked_at(), beside);
        assert_eq!(model.hits.at(159, 40), Some(&Target::Page(beside.clone())), "{screen:?}");
        press(&mut model, &[Key::Enter]);
        assert_eq!(*model.screen(), beside, "{screen:?}");
    }
}

#[test]
fn a_pane_fills_the_screen_until_the_key_or_esc_brings_the_others_back() {
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char('2'), Key::Char('0')]);
    let shown = picture(&mut model, 80, 24);
    insta::assert_snapshot!("zoomed-80x24", shown);
    assert!(shown.contains("ZOOMED") && shown.contains("┌2 Incidents") && !shown.contains("┌1 Services"), "{shown}");
    press(&mut model, &[Key::Esc]);
    assert!(picture(&mut model, 80, 24).contains("┌1 Services"));
    // On the page of an incident it is the part with the focus; back on the board that is as it was left.
    press(&mut model, &[Key::Char('0'), Key::Enter, Key::Tab, Key::Char('0')]);
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("Timeline") && !shown.contains("What we know"), "{shown}");
    press(&mut model, &[Key::Char('0')]);
    assert!(picture(&mut model, 80, 24).contains("What we know"));
    press(&mut model, &[Key::Esc]);
    assert_eq!(*model.screen(), Screen::Board);
    // A page of one part says so.
    press(&mut model, &[Key::Char('M'), Key::Char('0')]);
    assert!(model.toast.as_ref().is_some_and(|toast| toast.bad && toast.text.contains("one part")));
}

#[test]
fn a_telephone_shows_one_pane_and_how_the_others_are() {
    let mut model = Scene::outage().seen_by("alice");
    let shown = picture(&mut model, 40, 12);
    insta::assert_snapshot!("telephone-40x12", shown);
    for wanted in ["1 Srv ✖1", "2 Inc 1", "3 App 1", "4 Snp", "✖ DOWN"] {
        assert!(shown.contains(wanted), "{wanted}:\n{shown}");
    }
    // The names are there to press.
    let (x, y) = (shown.lines().nth(1).unwrap().chars().take_while(|sign| *sign != '3').count(), 1);
    assert_eq!(model.hits.at(u16::try_from(x).unwrap(), y), Some(&Target::Pane(Pane::Approvals)));
    press(&mut model, &[Key::Char('3')]);
    assert!(picture(&mut model, 40, 12).contains("CHG-1"));
}

#[test]
fn the_top_line_leads_back_by_as_many_pages_as_one_wants() {
    let scene = Scene::outage();
    let mut model = at(&scene, "alice", Screen::Incident(IncidentId(1)));
    press(&mut model, &[Key::Char('D'), Key::Char('l'), Key::Enter]);
    let shown = picture(&mut model, 160, 48);
    let top = shown.lines().next().unwrap();
    assert!(top.contains("HoloVitals ▸ INC-1 ▸ diagnosis ▸ journal ▸ event "), "{top}");
    let go_back = |model: &mut Model, place: usize| {
        picture(model, 160, 48);
        let (area, _) = model.hits.iter().find(|(_, target)| *target == Target::Crumb(place)).unwrap().clone();
        for input in [Input::Press { x: area.x, y: area.y }, Input::Release { x: area.x, y: area.y }] {
            let at = model.now + TimeDelta::seconds(1);
            update(model, Timed { at, message: Message::Input(input) });
        }
    };
    go_back(&mut model, 2);
    assert!(matches!(model.screen(), Screen::Diagnosis(..)));
    go_back(&mut model, 0);
    assert_eq!(*model.screen(), Screen::Board);
    // Where it is narrow the pages between go first, and the state never.
    press(&mut model, &[Key::Char('2'), Key::Enter, Key::Char('D'), Key::Char('l')]);
    let shown = picture(&mut model, 80, 24);
    let top = shown.lines().next().unwrap();
    assert!(top.contains("▸ journal") && top.contains("■ EMERGENCY"), "{top}");
}

#[test]
fn an_event_says_what_it_followed_from_and_what_it_led_to() {
    let mut scene = Scene::outage();
    let last = scene.recent.len() - 1;
    scene.recent[last].cause = Some(scene.recent[last - 1].seq);
    let (cause, seq) = (scene.recent[last - 1].seq, scene.recent[last].seq);
    let mut model = at(&scene, "alice", Screen::Event(cause));
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains(&format!("Led to  {seq} ")), "{shown}");
    click(&mut model, &Target::Page(Screen::Event(seq)));
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains(&format!("Because {cause} ")) && shown.contains(&"0".repeat(64)), "{shown}");
    model.screens.push(Screen::Event(999_999));
    assert!(picture(&mut model, 110, 32).contains("holds the last"));
}

#[test]
fn a_breaker_that_somebody_holds_says_how_long_and_is_reset_after_a_question() {
    let mut scene = Scene::healthy();
    let until = scene.now + TimeDelta::minutes(20);
    let (service, reason) = ("records-db".to_owned(), "vendor says stay away".to_owned());
    scene.give_as(by("alice"), Command::ForceBreaker { service, to: ForcedTo::Open, until, reason });
    assert_eq!(scene.state.breaker("records-db").state, BreakerState::ForcedOpen);
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('\\')]);
    let shown = picture(&mut model, 110, 32);
    insta::assert_snapshot!("breakers-110x32", shown);
    assert!(
        shown.contains("✖ FORCED open") && shown.contains("19:59 left") && shown.contains("vendor says"),
        "{shown}"
    );
    assert!(shown.contains("nothing in front of services acts on breakers yet"), "{shown}");
    assert_eq!(model.rows(List::Breakers)[0], "records-db", "what is held comes first");
    press(&mut model, &[Key::Char('x')]);
    let Some(Overlay::Confirm(confirm)) = &model.overlay else { panic!("it is asked first") };
    let reset = |command: &Command| matches!(command, Command::ResetBreaker { service, .. } if service == "records-db");
    assert!(asked(&confirm.requests).iter().any(reset));
    // A closed one says why nothing can be done.
    press(&mut model, &[Key::Esc, Key::Down, Key::Char('x')]);
    assert!(model.toast.as_ref().is_some_and(|toast| toast.text.contains("closed already")), "{:?}", model.toast);
}

#[test]
fn what_changed_before_the_first_sign_says_how_long_before() {
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char('B')]);
    let shown = picture(&mut model, 110, 32);
    insta::assert_snapshot!("changed-110x32", shown);
    let line = shown.lines().find(|line| line.contains("v41 over v40")).unwrap();
    assert!(line.contains("before it") && line.contains("↑ went live"), "{line}");
    let first = shown.lines().position(|line| line.contains("v41 over v40")).unwrap();
    let second = shown.lines().position(|line| line.contains("patient-api-code v40")).unwrap();
    assert!(first < second, "newest first:\n{shown}");
}

#[test]
fn the_team_says_who_may_agree_and_who_is_away() {
    let mut scene = Scene::outage();
    let until = scene.now + TimeDelta::hours(8);
    let delegate = Command::DelegateApproval {
        to: "erin".to_owned(),
        role: crate::platform::Role::Engineer,
        services: Vec::new(),
        until,
        reason: "on a train".to_owned(),
    };
    scene.give_as(by("alice"), delegate);
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('&')]);
    let shown = picture(&mut model, 110, 32);
    insta::assert_snapshot!("team-110x32", shown);
    assert!(shown.contains("as technical lead") && shown.contains("✖ nobody"), "no CTO works here:\n{shown}");
    assert!(shown.contains("Nobody is on call by name"), "{shown}");
    let mut model = at(&scene, "alice", Screen::Operator("alice".to_owned()));
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("CHG-1") && shown.contains("no second factor"), "{shown}");
}

#[test]
fn a_host_that_is_not_heard_is_never_shown_as_well() {
    let mut model = Scene::healthy().seen_by("alice");
    assert_eq!(press(&mut model, &[Key::Char('#')]), [Request::Reach]);
    let now = model.now;
    update(&mut model, Timed { at: now, message: Message::Reached(Some(std::time::Duration::from_millis(14))) });
    let shown = picture(&mut model, 110, 32);
    insta::assert_snapshot!("hosts-110x32", shown);
    assert!(shown.contains("ward-1") && shown.contains("live, 10 ms") && shown.contains("all ●"), "{shown}");
    let lost = crate::client::Update::Lost("the engine has closed the connection".to_owned());
    let now = model.now;
    update(&mut model, Timed { at: now, message: Message::Update(lost) });
    tick(&mut model, 90);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("lost 1:30") && shown.contains("unknown") && !shown.contains("all ●"), "{shown}");
}

#[test]
fn errors_are_asked_for_while_they_are_looked_at() {
    let mut model = Scene::outage().seen_by("alice");
    assert_eq!(press(&mut model, &[Key::Char('%')]), [Request::Errors]);
    assert!(picture(&mut model, 110, 32).contains("being read …"));
    let now = model.now;
    update(&mut model, Timed { at: now, message: Message::Errors(Ok(Vec::new())) });
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("no program has reported an error") && shown.contains("13 %"), "{shown}");
    assert!(tick(&mut model, 5).is_empty());
    assert_eq!(tick(&mut model, 6), [Request::Errors]);
    update(&mut model, Timed { at: now, message: Message::Errors(Err("the disk is full".to_owned())) });
    assert!(picture(&mut model, 110, 32).contains("✖ cannot be read: the disk is full"));
}
