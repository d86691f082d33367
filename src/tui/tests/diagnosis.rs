//! The diagnosis of an incident, as somebody reads it who has no time: what broke, how sure, what to do; and each of its hours.

use chrono::TimeDelta;

use super::{
    pages::SIZES,
    scene::{PHONE, Scene, asked, at, by, click, picture, press},
};
use crate::{
    client::Update,
    domain::{
        Candidate, Category, Cause, Command, DiagnosisDocument, DiagnosisId, Evidence, Fix, IncidentId, SecondOpinion,
        Stance, Status, SuggestedFix,
    },
    engine::ModelWords,
    platform::{ActionRisk, LanguageModel},
    tui::{
        message::{Message, Request, Timed},
        model::{Loaded, Model, Screen, Target},
        term::input::Key,
        update::update,
    },
};

const INCIDENT: IncidentId = IncidentId(1);
const PAGE: Screen = Screen::Diagnosis(INCIDENT, None);

fn evidence(source: &str, text: &str, count: u64) -> Evidence {
    Evidence { at: "2026-01-15T14:21:01Z".parse().ok(), source: source.to_owned(), text: text.to_owned(), count }
}

/// What a thorough look finds: three causes, two fixes, an incident like it, and what a model says of it.
pub fn thorough(scene: &Scene, id: DiagnosisId) -> DiagnosisDocument {
    let mut document = (**scene.state.diagnoses[&DiagnosisId(1)].document().unwrap()).clone();
    let candidate = |service: &str, category, issue: &str, probability, evidence| Candidate {
        service: service.to_owned(),
        category,
        cause: Cause::Unknown,
        issue: issue.to_owned(),
        probability,
        deployment: None,
        evidence,
    };
    let proof = vec![
        evidence(
            "log of patient-api",
            "ERROR no such column: dose_unit in SELECT dose, dose_unit FROM charts WHERE patient = [MRN]",
            214,
        ),
        evidence("check health", "HTTP 500: \"missing column dose_unit\"", 3),
    ];
    document.error_id = id.to_string();
    document.affected_services = vec!["patient-api".to_owned(), "records-db".to_owned()];
    document.root_cause.evidence.clone_from(&proof);
    let issue = document.root_cause.issue.clone();
    document.candidates = vec![
        candidate("patient-api", Category::Deployment, &issue, 0.93, proof),
        candidate(
            "records-db",
            Category::Database,
            "a migration is missing",
            0.04,
            vec![evidence("check health", "slow", 1)],
        ),
        candidate("patient-api", Category::Process, "it does not run", 0.002, Vec::new()),
    ];
    document.suggested_fixes.push(SuggestedFix {
        action: "restart patient-api".to_owned(),
        priority: 2,
        estimated_time: 20,
        risk: ActionRisk::Low,
        commands: vec!["codeblue action run patient-api restart".to_owned()],
        fix: Fix::RunAction { service: "patient-api".to_owned(), action: "restart".to_owned() },
    });
    document.related_incidents = vec![INCIDENT];
    document.second_opinion = Some(SecondOpinion {
        model: "ward-7b".to_owned(),
        stance: Stance::Agrees,
        note: String::new(),
        explanation: "Release v41 reads a column that the database does not have.".to_owned(),
        confidence: Some(0.8),
        elsewhere: None,
        not_known_here: vec!["rm -rf /".to_owned()],
        prompt_hash: Some("ab".repeat(32)),
        prompt_tokens: 1200,
        answer_tokens: 80,
        estimated: false,
        cost: Some(0.0038),
        took: 3.1,
    });
    document
}

/// A second diagnosis was asked for.
fn asked_again() -> Scene {
    let mut scene = Scene::outage();
    scene.give_as(by("alice"), Command::RequestDiagnosis { incident: INCIDENT });
    assert_eq!(scene.state.incidents[&INCIDENT].diagnoses, [DiagnosisId(1), DiagnosisId(2)]);
    scene.now += TimeDelta::seconds(2);
    scene
}

/// It has found more than the first.
fn looked_twice() -> Scene {
    let mut scene = asked_again();
    let diagnosis = DiagnosisId(2);
    let document = thorough(&scene, diagnosis).into();
    scene.give(Command::ConcludeDiagnosis { diagnosis, document });
    scene.now += TimeDelta::seconds(8);
    scene
}

/// A picture as running text, whatever the lines.
pub fn words(page: &str) -> String {
    page.replace(['│', '▶'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn down(times: usize) -> Vec<Key> {
    vec![Key::Down; times]
}

#[test]
fn it_reads_from_what_broke_to_what_was_seen_before() {
    let scene = looked_twice();
    for (width, height) in SIZES.into_iter().chain([PHONE]) {
        let mut model = at(&scene, "alice", PAGE);
        insta::assert_snapshot!(format!("diagnosis-thorough-{width}x{height}"), picture(&mut model, width, height));
    }
    let mut model = at(&scene, "alice", PAGE);
    let first = words(&picture(&mut model, PHONE.0, PHONE.1));
    for wanted in ["patient-api: release v41", "very likely", "0.93", "no verdicts yet", "[1] roll patient-api-code"] {
        assert!(first.contains(wanted), "{wanted}:\n{first}");
    }
    press(&mut model, &[Key::End]);
    let last = words(&picture(&mut model, 80, 24));
    for wanted in [
        "ward-7b agrees",
        "in its words, which nobody has verified, 0.80 sure of it",
        "not known here, so nothing is done: rm -rf /",
        "1280 tokens in 3.1 s",
    ] {
        assert!(last.contains(wanted), "{wanted}:\n{last}");
    }
}

#[test]
fn everything_that_can_be_opened_is_one_enter_away() {
    let scene = looked_twice();
    let opens = |moves: usize| {
        let mut model = scene.seen_by("alice");
        press(&mut model, &[Key::Char('2'), Key::Char('D')]);
        assert_eq!(*model.screen(), PAGE);
        press(&mut model, &down(moves));
        let requests = press(&mut model, &[Key::Enter]);
        (model.screen().clone(), requests)
    };
    assert!(matches!(opens(0).0, Screen::Change(_)), "what waits comes first");
    assert_eq!(opens(1).0, Screen::Plan);
    let issue = scene.state.diagnoses[&DiagnosisId(2)].document().unwrap().root_cause.issue.clone();
    assert_eq!(opens(2).0, Screen::Evidence(DiagnosisId(2), "patient-api".to_owned(), issue));
    let (plan, requests) = opens(4);
    assert_eq!(plan, Screen::Plan);
    let [Request::DryRun(_, command)] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(matches!(&**command, Command::RequestAction { action, .. } if action == "restart"), "{command:?}");
    assert_eq!(opens(5).0, Screen::Incident(INCIDENT));
    assert_eq!(opens(6), (Screen::Prompt(DiagnosisId(2)), vec![Request::Prompt(DiagnosisId(2))]));
    // The same by digit and by mouse.
    let mut model = at(&scene, "alice", PAGE);
    press(&mut model, &[Key::Char('2')]);
    assert_eq!(*model.screen(), Screen::Plan);
    let mut model = at(&scene, "alice", Screen::Incident(INCIDENT));
    click(&mut model, &Target::Page(PAGE));
    assert_eq!(*model.screen(), PAGE);
}

#[test]
fn the_evidence_of_a_cause_wraps_and_scrolls() {
    let mut scene = asked_again();
    let mut document = thorough(&scene, DiagnosisId(2));
    document.candidates[0].evidence[0].text = "dose_unit is missing in this table, ".repeat(40);
    scene.give(Command::ConcludeDiagnosis { diagnosis: DiagnosisId(2), document: document.into() });
    let mut model = at(&scene, "alice", PAGE);
    press(&mut model, &down(2));
    press(&mut model, &[Key::Enter]);
    let page = picture(&mut model, 80, 24);
    for wanted in ["What speaks for it · DGN-2", "93 % · 2 pieces", "14:21:01Z  log of patient-api  ×214", "more"] {
        assert!(page.contains(wanted), "{wanted}:\n{page}");
    }
    assert!(!page.contains("check health"), "it is below the edge:\n{page}");
    picture(&mut model, 80, 24);
    let at = model.now;
    update(&mut model, Timed { at, message: Message::Input(crate::tui::term::input::Input::Key(Key::End)) });
    let page = picture(&mut model, 80, 24);
    assert!(page.contains("check health  ×3"), "{page}");
}

#[test]
fn what_a_model_was_told_is_shown_word_for_word_and_a_late_answer_is_dropped() {
    let scene = looked_twice();
    let mut model = at(&scene, "alice", PAGE);
    let requests = press(&mut model, &[Key::Char('P')]);
    assert_eq!(requests, [Request::Prompt(DiagnosisId(2))]);
    assert!(picture(&mut model, 80, 24).contains("it is fetched"));
    let answer = |model: &mut Model, id, told: Result<&str, &str>| {
        let told = told.map(str::to_owned).map_err(str::to_owned);
        let at = model.now;
        update(model, Timed { at, message: Message::Prompt(id, told) });
    };
    answer(&mut model, DiagnosisId(1), Ok("something else"));
    assert_eq!(model.prompt, Some((DiagnosisId(2), Loaded::Waiting)));
    answer(&mut model, DiagnosisId(2), Ok("You are told\n\nE1 \x1b[2Jcheck health"));
    let page = picture(&mut model, 80, 24);
    assert!(page.contains("You are told") && page.contains("E1 [2Jcheck health"), "{page}");
    assert!(page.contains("SHA-256 abababababab"), "{page}");
    // Where no model was asked the key says so.
    let mut model = at(&Scene::outage(), "alice", PAGE);
    assert!(press(&mut model, &[Key::Char('P')]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("no language model was asked"));
}

#[test]
fn one_steps_through_the_diagnoses_and_an_old_answer_is_not_acted_on() {
    let mut scene = looked_twice();
    let mut model = at(&scene, "alice", PAGE);
    press(&mut model, &[Key::Left]);
    assert_eq!(*model.screen(), Screen::Diagnosis(INCIDENT, Some(DiagnosisId(1))));
    let page = picture(&mut model, 80, 24);
    assert!(page.contains("an older answer, 1 of 2"), "{page}");
    assert!(press(&mut model, &[Key::Char('1')]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("→ shows it"));
    press(&mut model, &[Key::Left]);
    let said = model.toast.clone().unwrap().text;
    assert!(said.contains("there is no earlier diagnosis"), "{said}");
    press(&mut model, &[Key::Right]);
    assert_eq!(*model.screen(), PAGE, "the newest is followed");
    // A third is asked for while the page is open: the second stays in sight until there is an answer.
    scene.give_as(by("alice"), Command::RequestDiagnosis { incident: INCIDENT });
    for recorded in scene.recent.iter().filter(|recorded| recorded.seq > model.state.seq).cloned().collect::<Vec<_>>() {
        let message = Message::Update(Update::Event(Box::new(recorded)));
        update(&mut model, Timed { at: scene.now, message });
    }
    let page = picture(&mut model, 110, 32);
    for wanted in
        ["DGN-3 runs · 3 of 3", "DGN-3 looks for the cause", "below is what DGN-2 found at 14:21:25Z", "release v41"]
    {
        assert!(page.contains(wanted), "{wanted}:\n{page}");
    }
}

#[test]
fn each_hour_of_a_diagnosis_says_what_happens_and_what_to_do() {
    let shown = |scene: &Scene| words(&picture(&mut at(scene, "alice", PAGE), 80, 24));
    // Nobody has looked.
    let mut scene = Scene::outage();
    scene.state.incidents.get_mut(&INCIDENT).unwrap().diagnoses.clear();
    assert!(shown(&scene).contains("[ d Diagnose ]"), "{}", shown(&scene));
    let requests = press(&mut at(&scene, "alice", PAGE), &[Key::Char('d')]);
    assert!(matches!(asked(&requests).as_slice(), [Command::RequestDiagnosis { incident: INCIDENT }]), "{requests:?}");
    // It failed.
    let mut scene = asked_again();
    let error = "internal error: the log is a directory".to_owned();
    scene.give(Command::FailDiagnosis { diagnosis: DiagnosisId(2), error });
    let page = shown(&scene);
    assert!(page.contains("✖ DGN-2 found nothing out: internal error") && page.contains("[d] looks again"), "{page}");
    assert!(page.contains("DGN-2 failed · 2 of 2"), "{page}");
    // Something has happened since.
    let mut scene = looked_twice();
    scene.judge("patient-api", Status::Degraded, "health: slow");
    let page = shown(&scene);
    assert!(page.contains("▲ since this answer: patient-api is degraded since"), "{page}");
    // It is worked on.
    let (service, until) = ("patient-api".to_owned(), scene.now + TimeDelta::minutes(30));
    let reason = "a column is added".to_owned();
    scene.give_as(by("alice"), Command::StartMaintenance { service, until, reason });
    let page = shown(&scene);
    assert!(page.contains("⚒ in maintenance: patient-api"), "{page}");
    // There was nothing to find.
    let mut scene = asked_again();
    let mut document = thorough(&scene, DiagnosisId(2));
    document.root_cause.issue = "no evidence points to a cause".to_owned();
    document.root_cause.confidence = 0.0;
    document.candidates.clear();
    document.suggested_fixes.clear();
    scene.state.changes.clear();
    scene.give(Command::ConcludeDiagnosis { diagnosis: DiagnosisId(2), document: document.into() });
    scene.state.changes.clear();
    let page = shown(&scene);
    assert!(page.contains("not enough evidence") && page.contains("[r] rolls back by hand"), "{page}");
}

/// A model is asked about what was found; the platform file names one.
fn asking() -> Scene {
    let mut scene = asked_again();
    let mut platform = (*scene.state.platform).clone();
    platform.language_model = Some(LanguageModel {
        url: "http://127.0.0.1:9".to_owned(),
        name: "ward-7b".to_owned(),
        key: None,
        proxy: None,
        ca: None,
        within: std::time::Duration::from_secs(20),
        tokens: 6000,
        budget: 500_000,
        price: None,
    });
    scene.state.platform = platform.into();
    let diagnosis = DiagnosisId(2);
    let mut document = thorough(&scene, diagnosis);
    document.second_opinion = None;
    scene.give(Command::DraftDiagnosis { diagnosis, document: document.into() });
    scene.now += TimeDelta::seconds(4);
    scene
}

fn hear(model: &mut Model, saying: &str) {
    let words = ModelWords { diagnosis: DiagnosisId(2), attempt: 1, received: saying.len(), saying: saying.to_owned() };
    let at = model.now;
    update(model, Timed { at, message: Message::Update(Update::Words(vec![words])) });
}

#[test]
fn words_of_a_model_are_shown_as_they_come_with_the_time_left_and_the_key_that_ends_it() {
    let mut scene = asking();
    for (width, height) in SIZES {
        let mut model = at(&scene, "alice", PAGE);
        hear(&mut model, "The release reads a column \x1b[2Jthat");
        let page = picture(&mut model, width, height);
        assert!(!page.contains('\u{1b}'));
        insta::assert_snapshot!(format!("diagnosis-asking-{width}x{height}"), page);
    }
    let mut model = at(&scene, "alice", PAGE);
    hear(&mut model, "The release reads");
    let page = words(&picture(&mut model, 80, 24));
    for wanted in [
        "ward-7b is asked for a second opinion; policies wait for it: 0:16 left of 0:20",
        "which nobody has verified",
        "“The release reads …",
        "release v41",
    ] {
        assert!(page.contains(wanted), "{wanted}:\n{page}");
    }
    let requests = press(&mut model, &[Key::Char('x')]);
    assert_eq!(asked(&requests), [Command::CancelSecondOpinion { diagnosis: DiagnosisId(2) }]);
    // The record says who; then nothing is asked any more.
    scene.give_as(by("alice"), Command::CancelSecondOpinion { diagnosis: DiagnosisId(2) });
    let mut model = at(&scene, "alice", PAGE);
    hear(&mut model, "The release reads a");
    let page = words(&picture(&mut model, 80, 24));
    assert!(page.contains("alice does not wait for the language model: this answer stands"), "{page}");
    assert!(!page.contains("reads a"), "{page}");
    assert!(press(&mut model, &[Key::Char('x')]).is_empty());
    // Words of a link that is lost are not words of now.
    let mut model = at(&asking(), "alice", PAGE);
    hear(&mut model, "The release reads");
    let at = model.now;
    update(&mut model, Timed { at, message: Message::Update(Update::Lost("gone".to_owned())) });
    assert!(model.words.is_empty());
}
