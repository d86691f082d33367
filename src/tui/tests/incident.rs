//! The page of an incident: what is known of it, the most important first, and nothing hidden without a mark.

use std::{sync::Arc, time::Duration};

use chrono::{NaiveDate, TimeDelta};

use super::{
    pages::SIZES,
    scene::{Scene, click, picture, press},
};
use crate::{
    domain::{
        ActionKind, Actor, ChangeId, Command, DiagnosisDocument, IncidentId, IncidentRole, RecoveryId, RecoveryOutcome,
        SecondOpinion, Severity, Stance,
    },
    platform::LanguageModel,
    tui::{
        message::{Message, Timed},
        model::{Model, Part, Screen, Target},
        term::input::{Input, Key},
        update::update,
    },
};

const ID: IncidentId = IncidentId(1);

fn alice() -> Actor {
    Actor::Operator("alice".to_owned())
}

/// An outage an hour on: people have roles, one recovery did not help, those who wait were told, and there is work left.
fn long() -> Scene {
    let mut scene = Scene::healthy();
    scene.now += TimeDelta::minutes(20);
    let until = scene.now + TimeDelta::minutes(5);
    let reason = "vacuum".to_owned();
    scene.give_as(alice(), Command::StartMaintenance { service: "records-db".to_owned(), until, reason });
    scene.give(Command::EndMaintenance { service: "records-db".to_owned() });
    scene.now += TimeDelta::minutes(30);
    let mut scene = scene.broken();
    let incident = ID;
    for (role, operator) in [(IncidentRole::Commander, "alice"), (IncidentRole::Scribe, "erin")] {
        scene.give_as(alice(), Command::AssignIncident { incident, role, operator: operator.to_owned() });
    }
    scene.give_as(alice(), Command::EscalateIncident { incident, reason: "no database person awake".to_owned() });
    let plan_hash = scene.state.changes[&ChangeId(1)].plan_hash.clone();
    let approve = Command::approve(ChangeId(1), plan_hash, String::new());
    scene.give_as(alice(), approve);
    if !scene.state.recoveries.contains_key(&RecoveryId(1)) {
        scene.give(Command::StartRecovery { change: ChangeId(1) });
    }
    scene.now += TimeDelta::seconds(41);
    let summary = "the reload failed".to_owned();
    scene.give(Command::EndRecovery { recovery: RecoveryId(1), outcome: RecoveryOutcome::Failed, summary });
    let message = crate::domain::Message {
        text: "charts cannot be opened".to_owned(),
        conditions: None,
        actions: Some("rolling v41 back".to_owned()),
        needs: None,
    };
    scene.give_as(alice(), Command::UpdateStakeholders { incident, message });
    let due = NaiveDate::from_ymd_opt(2026, 2, 1);
    let what = "alert on the first HTTP 500 and not on the third".to_owned();
    let owner = Some("alice".to_owned());
    scene.give_as(alice(), Command::AddActionItem { incident, what, kind: ActionKind::Detect, owner, due });
    let title = "pharmacy printer jams".to_owned();
    scene.give_as(alice(), Command::DeclareIncident { severity: Severity::Sev4, title, services: Vec::new() });
    scene.give_as(alice(), Command::LinkIncident { incident, other: IncidentId(2) });
    scene.now += TimeDelta::minutes(9);
    scene
}

fn at(scene: &Scene) -> Model {
    let mut model = scene.seen_by("alice");
    model.screens = vec![Screen::Board, Screen::Incident(ID)];
    model
}

#[test]
fn a_long_incident_at_three_sizes() {
    let scene = long();
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("long-{width}x{height}"), picture(&mut at(&scene), width, height));
    }
}

#[test]
fn what_changed_before_it_stands_with_how_long_before_and_the_suspect_is_marked() {
    let shown = picture(&mut at(&long()), 160, 48);
    let lines: Vec<&str> = shown.lines().collect();
    let place =
        |what: &str| lines.iter().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}\n{shown}"));
    assert!(place("v41 went live over v40 ◀ suspected") < place("maintenance of records-db began"), "newest first");
    assert!(lines[place("v41 went live")].contains("1s before"), "{shown}");
    assert!(lines[place("maintenance of records-db")].contains("31m before"), "{shown}");
    assert!(shown.contains("✖ failed REC-1 (CHG-1) in 0:41: roll patient-api-code back v41 → v40;"), "{shown}");
}

#[test]
fn what_does_not_fit_is_counted_and_each_part_is_scrolled_by_itself() {
    let mut model = at(&long());
    let top = picture(&mut model, 80, 24);
    assert_eq!(top.matches(" more ").count(), 2, "each part says how much is hidden:\n{top}");
    assert!(!top.contains("Links") && top.contains("Who "), "{top}");
    for _ in 0..30 {
        press_small(&mut model, Key::Down);
    }
    let end = picture(&mut model, 80, 24);
    assert!(end.contains("Links   INC-2 SEV4"), "{end}");
    press_small(&mut model, Key::Tab);
    assert_eq!((model.part, model.scroll), (Part::Aside, 0));
    press_small(&mut model, Key::Down);
    let after = picture(&mut model, 80, 24);
    assert!(after.contains("Links   INC-2 SEV4"), "the other part keeps its place:\n{after}");
    click(&mut model, &Target::Part(Part::Facts));
    assert_eq!(model.part, Part::Facts);
    press(&mut model, &[Key::Esc]);
    assert_eq!((model.part, model.scroll, model.aside), (Part::Facts, 0, 0));
}

/// Presses a key on a small screen.
fn press_small(model: &mut Model, key: Key) {
    picture(model, 80, 24);
    let message = Message::Input(Input::Key(key));
    update(model, Timed { at: model.now, message });
}

#[test]
fn the_first_lines_say_what_to_do_next_then_who() {
    let shown = picture(&mut at(&Scene::outage()), 80, 24);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[5].contains("Next    [a] acknowledge: nobody has yet"), "{shown}");
    assert!(lines[6].contains("[↵] CHG-1 waits for the technical lead"), "{shown}");
    assert!(shown.contains("Who     commander — · comms — · scribe —"), "{shown}");
    assert!(shown.contains("ack 1:38 left of 2:00") && shown.contains("resolve 29:38 left of 30:00"), "{shown}");
}

#[test]
fn the_root_comes_first_and_an_incident_without_services_says_so() {
    let mut scene = long();
    let found = scene.state.incidents.get_mut(&ID).unwrap();
    found.root = Some("records-db".to_owned());
    let shown = picture(&mut at(&scene), 110, 32);
    let place = |what: &str| shown.lines().position(|line| line.contains(what)).unwrap();
    assert!(place("records-db for") < place("patient-api for"), "{shown}");
    assert!(shown.contains("  root"), "{shown}");
    let mut model = scene.seen_by("alice");
    model.screens = vec![Screen::Board, Screen::Incident(IncidentId(2))];
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("no service was named"), "{shown}");
    assert!(shown.contains("Before  64s before: patient-api-code v41"), "anything may have to do with it:\n{shown}");
    scene.now += TimeDelta::hours(40);
    scene.give_as(
        alice(),
        Command::DeclareIncident {
            severity: Severity::Sev4,
            title: "fax".to_owned(),
            services: vec!["records-db".to_owned()],
        },
    );
    let mut model = scene.seen_by("alice");
    model.screens = vec![Screen::Board, Screen::Incident(IncidentId(3))];
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("nothing went live in the 24 h before"), "{shown}");
}

#[test]
fn what_a_language_model_says_is_shown_as_its_words_and_the_local_answer_before_it() {
    let mut scene = Scene::outage();
    let local = scene.state.diagnoses.values().next_back().unwrap().document().unwrap().clone();
    Arc::make_mut(&mut scene.state.platform).language_model = Some(LanguageModel {
        url: "http://localhost:8000".to_owned(),
        name: "ward-7b".to_owned(),
        key: None,
        proxy: None,
        ca: None,
        within: Duration::from_secs(20),
        tokens: 6000,
        budget: 500_000,
        price: None,
    });
    scene.give_as(alice(), Command::RequestDiagnosis { incident: ID });
    let diagnosis = *scene.state.diagnoses.keys().next_back().unwrap();
    scene.give(Command::DraftDiagnosis { diagnosis, document: local.clone() });
    let shown = |scene: &Scene| {
        let mut model = scene.seen_by("alice");
        model.screens = vec![Screen::Board, Screen::Incident(ID)];
        picture(&mut model, 160, 48)
    };
    let before = shown(&scene);
    assert!(
        before.contains("missing column dose_unit") && before.contains("a language model is asked about it"),
        "{before}"
    );

    let second_opinion = Some(SecondOpinion {
        model: "ward-7b".to_owned(),
        stance: Stance::Outweighed,
        note: String::new(),
        explanation: "The database was slow first.".to_owned(),
        confidence: Some(0.9),
        elsewhere: None,
        not_known_here: Vec::new(),
        prompt_hash: None,
        prompt_tokens: 1200,
        answer_tokens: 80,
        estimated: false,
        cost: None,
        took: 2.0,
    });
    let document = DiagnosisDocument { second_opinion, ..DiagnosisDocument::clone(&local) };
    scene.give(Command::ConcludeDiagnosis { diagnosis, document: document.into() });
    let after = shown(&scene);
    assert!(after.contains("ward-7b would name another cause"), "{after}");
    assert!(after.contains("it says: “The database was slow first.”"), "{after}");
}
