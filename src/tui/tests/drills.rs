//! Drills on the board: begun with keys, told on every page while one runs, answered, and scored.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chrono::TimeDelta;

use super::{
    pages::SIZES,
    scene::{Scene, accepted, at, by, click, picture, press, type_in},
};
use crate::{
    client::Update,
    domain::{
        Blame, BookProof, Cause, Command, DrillClaim, DrillId, DrillMode, DrillOutcome, DrillReveal, DrillTold,
        DrillTruth, Event, Message as Told, Objective, Part, Recorded, Remedy, Status, WritesFound, commitment,
        proof_of,
    },
    engine::LibraryBook,
    runbook,
    tui::{
        drill::{DrillOffer, DrillWish},
        message::{Message, Request, Timed},
        model::{Loaded, Model, Overlay, Screen, Target},
        term::input::Key,
        update::update,
    },
};

const DRILL: DrillId = DrillId(1);
const BOOK: &str = "RB-02-database-connection";

fn books() -> Vec<LibraryBook> {
    let of = |volume: runbook::Volume| LibraryBook {
        id: volume.id().to_owned(),
        file: volume.file.clone(),
        built_in: true,
        errors: 0,
        runbook: volume.reading.runbook.map(Arc::new),
    };
    runbook::built_in().map(of).collect()
}

fn offer(id: &str, title: &str, scenario: &str, book: &str, service: &str) -> DrillOffer {
    DrillOffer {
        id: id.to_owned(),
        title: title.to_owned(),
        scenario: scenario.to_owned(),
        book: book.to_owned(),
        services: [service.to_owned()].into(),
        detect_within: Duration::from_secs(20),
        recover_within: Duration::from_secs(120),
        limit: Duration::from_secs(600),
        readable: true,
    }
}

fn offers() -> Vec<DrillOffer> {
    let mut broken = offer("own-drill", "2 mistakes: codeblue drill lint", "", "", "auth");
    broken.readable = false;
    vec![
        offer("pool-exhaustion", "The database is well, and nobody gets a connection", "database", BOOK, "records-db"),
        offer("bad-migration", "A migration has left the data half changed", "corruption", "RB-05", "patient-api"),
        broken,
    ]
}

/// The page of drills, with all that was asked for.
fn at_drills(scene: &Scene, who: &str) -> Model {
    loaded(at(scene, who, Screen::Drills))
}

fn loaded(mut model: Model) -> Model {
    model.drills.offers = Some(Loaded::Here(offers()));
    model.books = Some(Loaded::Here(books()));
    model
}

fn truth() -> DrillTruth {
    let hash = books().into_iter().find(|book| book.id == BOOK).and_then(|book| book.runbook).unwrap().hash.clone();
    DrillTruth {
        file: "pool-exhaustion".to_owned(),
        title: "The database is well, and nobody gets a connection".to_owned(),
        seed: 7,
        scenario: "database".to_owned(),
        book: BOOK.to_owned(),
        book_hash: hash,
        faults: vec!["pool-leak records-db".to_owned()],
        decoys: vec!["error lines of patient-api".to_owned()],
        decoy_services: Vec::new(),
        blame: Some(Blame { service: "records-db".to_owned(), causes: vec![Cause::PoolExhausted] }),
        remedies: vec![Remedy::RunAction { service: "records-db".to_owned(), action: "restart".to_owned() }],
        objectives: vec![Objective {
            part: Part::Recover,
            text: "bring the database back without losing a write".to_owned(),
        }],
        leaks: false,
        detect_seconds: 20,
        recover_seconds: 120,
        bake_seconds: 10,
        rpo_seconds: 60,
    }
}

fn begun(mode: DrillMode) -> Scene {
    let mut scene = Scene::healthy();
    let start = Command::StartDrill {
        mode,
        told: Box::new(DrillTold::of(mode, &truth())),
        limit_seconds: 600,
        team: BTreeSet::new(),
        away: BTreeSet::new(),
        commitment: commitment("00", &truth()),
        unattended: false,
    };
    scene.give_as(by("alice"), start);
    scene
}

/// The records are down for a while, and nobody has said anything.
fn broken(mode: DrillMode) -> Scene {
    let mut scene = begun(mode);
    scene.now += TimeDelta::seconds(12);
    scene.judge("records-db", Status::Down, "no connection within 1 s");
    scene.now += TimeDelta::seconds(30);
    scene
}

/// Somebody took it on, told those who wait, and declared.
fn declared(mode: DrillMode) -> Scene {
    let mut scene = broken(mode);
    let incident = *scene.state.incidents.keys().next_back().unwrap();
    scene.give_as(by("alice"), Command::AcknowledgeIncident { incident });
    let message = Told { text: "we are on it".to_owned(), conditions: None, actions: None, needs: None };
    scene.give_as(by("alice"), Command::UpdateStakeholders { incident, message });
    let claim = DrillClaim::Broken { service: "records-db".to_owned(), cause: Cause::PoolExhausted };
    scene.give_as(by("alice"), Command::AnswerDrill { drill: DRILL, claim });
    scene.now += TimeDelta::seconds(20);
    scene
}

fn over(mode: DrillMode) -> Scene {
    let mut scene = declared(mode);
    let started = scene.state.drills.held[&DRILL].started_at;
    scene.judge("records-db", Status::Healthy, "ok");
    scene.now += TimeDelta::seconds(15);
    let reveal = DrillReveal {
        nonce: "00".to_owned(),
        truth: truth(),
        injected_at: Some(started + TimeDelta::seconds(8)),
        cured_at: Some(scene.now - TimeDelta::seconds(15)),
        stopped_at: scene.now,
        writes: WritesFound::default(),
        residue: Vec::new(),
    };
    let end = Command::EndDrill {
        drill: DRILL,
        outcome: DrillOutcome::Completed,
        reason: "it is well again".to_owned(),
        reveal: Some(Arc::new(reveal)),
    };
    scene.give_as(by("alice"), end);
    assert!(scene.state.drills.held[&DRILL].score.is_some());
    scene
}

fn pictures(name: &str, model: &mut Model) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), picture(model, width, height));
    }
}

#[test]
fn every_state_of_a_drill_in_pictures() {
    pictures("drills-first", &mut at_drills(&Scene::healthy(), "alice"));
    pictures("drills-held", &mut at_drills(&over(DrillMode::Blind), "alice"));
    pictures("drill-blind-board", &mut loaded(broken(DrillMode::Blind).seen_by("alice")));
    pictures("drill-tutorial-board", &mut loaded(broken(DrillMode::Tutorial).seen_by("alice")));
    pictures("drill-tutorial", &mut at(&declared(DrillMode::Tutorial), "alice", Screen::Drill(DRILL)));
    pictures("drill-blind", &mut at(&broken(DrillMode::Blind), "alice", Screen::Drill(DRILL)));
    pictures("drill-score", &mut at(&over(DrillMode::Blind), "alice", Screen::Drill(DRILL)));
    pictures("heat-map", &mut loaded(at(&over(DrillMode::Blind), "alice", Screen::HeatMap)));
}

#[test]
fn the_page_of_drills_asks_what_there_is_and_says_why_none_can_be_held() {
    let mut model = Scene::healthy().seen_by("alice");
    assert_eq!(press(&mut model, &[Key::Char('F')]), [Request::Drills, Request::Books]);
    assert!(picture(&mut model, 80, 24).contains("on their way"));
    let mut elsewhere = at_drills(&Scene::healthy(), "alice");
    elsewhere.faults.clear();
    elsewhere.drills.offers = Some(Loaded::Here(Vec::new()));
    let shown = picture(&mut elsewhere, 80, 24);
    assert!(shown.contains("No sandbox is beside this engine"), "{shown}");
    press(&mut elsewhere, &[Key::Char('t')]);
    assert!(elsewhere.toast.as_ref().unwrap().text.contains("no sandbox is beside this engine"));
    let mut production = Scene::healthy();
    production.state.platform = {
        let mut platform = (*production.state.platform).clone();
        platform.profile = crate::platform::Profile::Production;
        platform.into()
    };
    let mut production = at_drills(&production, "alice");
    let shown = picture(&mut production, 80, 24);
    assert!(shown.contains("is not there to be broken"), "{shown}");
    assert_eq!(press(&mut production, &[Key::Char('t')]), []);
    assert!(production.overlay.is_none());
    let mut unsteady = at_drills(&Scene::outage(), "alice");
    press(&mut unsteady, &[Key::Down, Key::Char('n')]);
    assert!(unsteady.toast.as_ref().unwrap().text.contains("not steady"), "{:?}", unsteady.toast);
}

#[test]
fn a_drill_is_held_after_its_name_was_typed_and_what_it_means_was_shown() {
    let mut model = at_drills(&Scene::healthy(), "alice");
    press(&mut model, &[Key::Down, Key::Char('n')]);
    insta::assert_snapshot!("drill-form-80x24", picture(&mut model, 80, 24));
    // Guided, the seed 7, and the wrong name.
    press(&mut model, &[Key::Down, Key::Tab, Key::Tab]);
    type_in(&mut model, "7");
    press(&mut model, &[Key::Tab]);
    type_in(&mut model, "pool");
    assert_eq!(press(&mut model, &[Key::Enter]), []);
    assert!(model.toast.as_ref().unwrap().text.contains("type pool-exhaustion"));
    type_in(&mut model, "-exhaustion");
    assert_eq!(press(&mut model, &[Key::Enter]), [], "it is shown first what it means");
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("is really broken, and taken back"), "{shown}");
    let wish = DrillWish {
        drill: Some("pool-exhaustion".to_owned()),
        mode: "guided".to_owned(),
        seed: Some(7),
        away: None,
        play: None,
        operator: "alice".to_owned(),
    };
    assert_eq!(press(&mut model, &[Key::Enter]), [Request::Hold(Box::new(wish))]);
    assert!(picture(&mut model, 80, 24).contains("is being begun"));
    press(&mut model, &[Key::Char('n')]);
    assert!(model.overlay.is_none(), "one at a time");
    let at = model.now;
    let why = "not started, the system is not steady: inventory".to_owned();
    update(&mut model, Timed { at, message: Message::DrillLeft(Err(why)) });
    assert!(picture(&mut model, 80, 24).contains("the last one was not held: not started"));
}

#[test]
fn the_tutorial_begins_on_the_board_and_ends_with_its_score() {
    let mut scene = Scene::healthy();
    let mut model = at_drills(&scene, "alice");
    click(&mut model, &Target::Action("tutorial"));
    assert!(matches!(&model.overlay, Some(Overlay::Confirm(_))));
    insta::assert_snapshot!("drill-tutorial-asked-80x24", picture(&mut model, 80, 24));
    assert_eq!(press(&mut model, &[Key::Enter]), [], "its name was not typed");
    type_in(&mut model, "tutorial");
    let asked = press(&mut model, &[Key::Enter]);
    let [Request::Hold(wish)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((wish.mode.as_str(), wish.operator.as_str()), ("tutorial", "alice"));
    // What the process that holds it makes of it comes as events.
    let seq = scene.state.seq;
    scene = over(DrillMode::Tutorial);
    let mut seen = Vec::new();
    for recorded in scene.recent.iter().filter(|recorded| recorded.seq > seq) {
        follow(&mut model, recorded);
        let shown = picture(&mut model, 80, 24);
        let told = shown.lines().find_map(|line| line.split("NOW: ").nth(1).map(|now| now.trim_start().to_owned()));
        let told = told.map(|now| now.split(" · ").next().unwrap_or_default().trim().to_owned());
        if let Some(told) = told.filter(|told| seen.last() != Some(told)) {
            seen.push(told);
        }
    }
    assert_eq!(seen.first().map(String::as_str), Some("watch"), "{seen:?}");
    for wanted in ["take it on", "tell those who wait", "declare the cause (!)", "heal it"] {
        assert!(seen.iter().any(|told| told == wanted), "{wanted}: {seen:?}");
    }
    assert_eq!(*model.screen(), Screen::Drill(DRILL), "its score is opened by itself");
    let shown = picture(&mut model, 110, 90);
    for wanted in ["of 100", "diagnose", "To do better", "What next", "codeblue drill report DRILL-1"] {
        assert!(shown.contains(wanted), "{wanted}:\n{shown}");
    }
}

fn follow(model: &mut Model, recorded: &Recorded) {
    let message = Message::Update(Update::Event(Box::new(recorded.clone())));
    update(model, Timed { at: recorded.at, message });
}

#[test]
fn what_is_broken_is_declared_by_keys_on_any_page() {
    let mut model = broken(DrillMode::Blind).seen_by("alice");
    assert!(!picture(&mut model, 80, 24).contains("pool"), "a blind drill tells nothing of what is broken");
    press(&mut model, &[Key::Char('!')]);
    let shown = picture(&mut model, 80, 24);
    insta::assert_snapshot!("drill-declare-80x24", shown);
    assert!(shown.contains("● records-db"), "what is down comes first:\n{shown}");
    press(&mut model, &[Key::Tab, Key::Char('p'), Key::Char('p'), Key::Char('p')]);
    assert!(picture(&mut model, 80, 24).contains("● pool-exhausted"), "{}", picture(&mut model, 80, 24));
    assert_eq!(press(&mut model, &[Key::Enter]), []);
    assert!(picture(&mut model, 80, 24).contains("each wrong answer costs 5"));
    let claim = DrillClaim::Broken { service: "records-db".to_owned(), cause: Cause::PoolExhausted };
    let asked = press(&mut model, &[Key::Enter]);
    assert_eq!(accepted(&model, &asked), Command::AnswerDrill { drill: DRILL, claim });
}

#[test]
fn anybody_stops_a_drill_with_a_reason() {
    let mut model = broken(DrillMode::Blind).seen_by("erin");
    press(&mut model, &[Key::Char(','), Key::Char('x')]);
    assert_eq!(press(&mut model, &[Key::Enter]), [], "it takes a reason");
    type_in(&mut model, "a real outage");
    press(&mut model, &[Key::Enter]);
    assert!(picture(&mut model, 80, 24).contains("stops for everybody"));
    let asked = press(&mut model, &[Key::Enter]);
    assert_eq!(accepted(&model, &asked), Command::AbortDrill { drill: DRILL, reason: "a real outage".to_owned() });
}

#[test]
fn a_run_that_begins_in_a_drill_belongs_to_it_and_what_drills_have_shown_is_said_by_one_rule() {
    let mut scene = broken(DrillMode::Guided);
    let book = books().into_iter().find(|book| book.id == BOOK).and_then(|book| book.runbook).unwrap();
    // The platform of the scene has nothing that its inputs could name.
    let mut short = (*book).clone();
    short.front.inputs.clear();
    short.front.services.clear();
    let start = Command::StartRun {
        book: BOOK.to_owned(),
        seen: None,
        inputs: BTreeMap::new(),
        incident: scene.state.incidents.keys().next_back().copied(),
        mode: crate::domain::RunMode::Emergency,
        found: Some(Arc::new(short)),
    };
    scene.give_as(by("alice"), start);
    let run = scene.state.runs.values().next().expect("a run");
    assert_eq!((run.drill, run.mode), (Some(DRILL), crate::domain::RunMode::Drill));
    let shown = picture(&mut loaded(at(&scene, "alice", Screen::Books(None))), 110, 32);
    assert!(shown.lines().any(|line| line.contains("RUN-1") && line.contains("DRILL")), "{shown}");
    let old: Event = {
        let mut begun = scene
            .recent
            .iter()
            .find(|one| matches!(one.event, Event::RunStarted { .. }))
            .map(|one| serde_json::to_value(&one.event).unwrap())
            .unwrap();
        begun.as_object_mut().unwrap().remove("drill");
        serde_json::from_value(begun).unwrap()
    };
    assert!(matches!(old, Event::RunStarted { drill: None, .. }), "journals of before are readable");
    let scene = over(DrillMode::Blind);
    let proof = proof_of(&scene.state.drills, &book);
    let words = match &proof {
        BookProof::Drilled { .. } => "not proved",
        BookProof::Proved { .. } => "proved",
        other => panic!("{other:?}"),
    };
    let mut model = loaded(at(&scene, "alice", Screen::Books(None)));
    let shown = picture(&mut model, 110, 32);
    assert!(shown.lines().any(|line| line.contains(BOOK) && line.contains(words)), "{shown}");
    let shown = picture(&mut loaded(at(&scene, "alice", Screen::Drills)), 110, 32);
    assert!(shown.contains(&format!("book {words}")), "{shown}");
}
