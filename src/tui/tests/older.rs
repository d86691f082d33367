//! A platform of years: what is too old for the board's copy of the state comes from the engine when somebody looks for it.

use chrono::TimeDelta;

use super::scene::{Scene, picture, press, type_in};
use crate::{
    client::Update,
    domain::{Event, Recorded, Snapshot, SnapshotId, State, apply},
    tui::{
        message::{Message, Request, Timed},
        model::{List, Model, Screen},
        term::input::Key,
        update::update,
    },
};

const COMPONENT: &str = "patient-api-code";
const SNAPSHOTS: u64 = 3_000;

/// A board over a platform with a snapshot an hour, and everything as the engine has it.
fn years() -> (Model, State) {
    let mut scene = Scene::healthy();
    let mut pattern = scene.state.snapshots.pop_last().unwrap().1;
    pattern.proving.clear();
    for number in 1..=SNAPSHOTS {
        let mut taken = pattern.clone();
        taken.id = SnapshotId(number);
        taken.requested_at = scene.now - TimeDelta::hours((SNAPSHOTS - number).cast_signed());
        scene.state.snapshots.insert(taken.id, taken);
    }
    let whole = scene.state.clone();
    scene.state = scene.state.recent();
    (scene.seen_by("alice"), whole)
}

fn tell(model: &mut Model, message: Message) -> Vec<Request> {
    let at = model.now;
    update(model, Timed { at, message })
}

/// What an engine answers.
fn before(whole: &State, before: SnapshotId) -> Vec<Snapshot> {
    let older = whole.snapshots.values().rev().filter(|found| found.id < before);
    older.take(super::super::older::PAGE).cloned().collect()
}

#[test]
fn older_snapshots_come_while_the_cursor_goes_down_until_all_are_there() {
    let (mut model, whole) = years();
    press(&mut model, &[Key::Char('p')]);
    let here = model.rows(List::Snapshots).len() as u64;
    assert!(here < 600, "{here}");
    let page = picture(&mut model, 120, 40);
    assert!(page.contains(&format!("· {} older", SNAPSHOTS - here)), "{page}");
    let mut asked = press(&mut model, &[Key::End]);
    let mut pages = 0;
    while let [Request::OlderSnapshots(component, oldest)] = asked.as_slice() {
        assert_eq!(component, COMPONENT);
        pages += 1;
        assert!(pages < 20, "it ends");
        assert_eq!(press(&mut model, &[Key::Up]), [], "it is asked once");
        let result = Ok(before(&whole, *oldest));
        let shown = model.selected(List::Snapshots);
        asked = tell(&mut model, Message::OlderSnapshots(COMPONENT.to_owned(), result));
        assert_eq!(model.selected(List::Snapshots), shown, "the cursor stays where it is");
        if asked.is_empty() {
            asked = press(&mut model, &[Key::End]);
        }
    }
    assert_eq!(model.rows(List::Snapshots).len() as u64, SNAPSHOTS);
    assert_eq!(model.selected(List::Snapshots).unwrap(), "SNP-1");
    let page = picture(&mut model, 120, 40);
    assert!(!page.contains("older"), "{page}");
}

#[test]
fn a_snapshot_of_any_age_is_found_by_its_number() {
    let (mut model, whole) = years();
    type_in(&mut model, ":SNP-17");
    let page = picture(&mut model, 120, 40);
    assert!(page.contains("SNP-17") && page.contains("which comes from the engine"), "{page}");
    let asked = press(&mut model, &[Key::Enter]);
    let id = SnapshotId(17);
    assert_eq!(asked, [Request::Snapshot(id)]);
    let found = Box::new(whole.snapshots[&id].clone());
    tell(&mut model, Message::Snapshot(id, Ok(found)));
    assert_eq!(*model.screen(), Screen::Snapshots);
    assert_eq!(model.selected(List::Snapshots).unwrap(), "SNP-17");
    // One that nobody ever took is not looked for.
    press(&mut model, &[Key::Esc]);
    type_in(&mut model, ":SNP-9999");
    let page = picture(&mut model, 120, 40);
    assert!(!page.contains("which comes from the engine"), "{page}");
}

#[test]
fn an_older_snapshot_that_something_happens_to_comes_and_nobody_is_taken_there() {
    let (mut model, whole) = years();
    let id = SnapshotId(40);
    let event = Event::SnapshotPinned { snapshot: id, pinned: true };
    let recorded = Recorded {
        seq: model.state.seq + 1,
        at: model.now,
        actor: crate::domain::Actor::Engine,
        cause: None,
        event,
        hash: String::new(),
    };
    let mut engine = whole;
    apply(&mut engine, &recorded);
    let asked = tell(&mut model, Message::Update(Update::Event(Box::new(recorded))));
    assert_eq!(asked, [Request::Snapshot(id)]);
    tell(&mut model, Message::Snapshot(id, Ok(Box::new(engine.snapshots[&id].clone()))));
    assert!(model.state.snapshots[&id].pinned);
    assert_eq!(*model.screen(), Screen::Board);
}

#[test]
fn a_point_in_time_before_what_is_here_waits_for_it_instead_of_saying_that_there_is_nothing() {
    let (mut model, whole) = years();
    press(&mut model, &[Key::Char('p')]);
    model.choose_point(model.now - TimeDelta::hours(2_500));
    let asked = tell(&mut model, Message::Tick);
    let [Request::OlderSnapshots(_, oldest)] = asked.as_slice() else { panic!("{asked:?}") };
    let mut oldest = *oldest;
    loop {
        let page = picture(&mut model, 120, 40);
        assert!(!page.contains("cannot be gone back to"), "{page}");
        let next = tell(&mut model, Message::OlderSnapshots(COMPONENT.to_owned(), Ok(before(&whole, oldest))));
        let Some(Request::OlderSnapshots(_, further)) = next.first() else { break };
        oldest = *further;
    }
    let oldest = model.snapshots_here().last().unwrap().requested_at;
    assert!(oldest < model.now - TimeDelta::hours(2_500), "{oldest}");
}

#[test]
fn the_timeline_of_an_old_incident_comes_when_its_page_is_opened() {
    let mut scene = Scene::outage();
    let id = *scene.state.incidents.keys().next().unwrap();
    let whole = scene.state.incidents[&id].clone();
    scene.state.incidents.get_mut(&id).unwrap().timeline.clear();
    let mut model = scene.seen_by("alice");
    type_in(&mut model, &format!(":{id}"));
    assert_eq!(press(&mut model, &[Key::Enter]), [Request::Timeline(id)]);
    assert!(picture(&mut model, 120, 40).contains("comes from the engine"));
    assert_eq!(tell(&mut model, Message::Tick), [], "it is asked once");
    tell(&mut model, Message::Timeline(id, Ok(Box::new(whole.clone()))));
    assert_eq!(model.state.incidents[&id], whole);
    assert!(!picture(&mut model, 120, 40).contains("comes from the engine"));
}

#[test]
fn a_link_that_is_back_brings_what_was_missed_and_nothing_else() {
    let (mut model, _) = years();
    let snapshots = model.state.snapshots.len();
    tell(&mut model, Message::Update(Update::Lost("the connection broke".to_owned())));
    assert!(picture(&mut model, 120, 40).contains("LINK LOST"));
    tell(&mut model, Message::Update(Update::Back));
    assert!(!picture(&mut model, 120, 40).contains("LINK LOST"));
    assert_eq!(model.state.snapshots.len(), snapshots);
}
