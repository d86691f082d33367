//! What people say of diagnoses, what that is worth, and the articles that come of it.

use chrono::TimeDelta;

use super::{
    diagnosis::words,
    pages::SIZES,
    scene::{Scene, accepted, at, by, picture, press, type_in},
};
use crate::{
    domain::{ArticleState, Category, Command, DiagnosisId, IncidentId, Judgement},
    tui::{
        filter::Filter,
        model::{List, Overlay, Screen},
        term::input::Key,
    },
};

const INCIDENT: IncidentId = IncidentId(1);
const PAGE: Screen = Screen::Diagnosis(INCIDENT, None);

/// The outage is over, and its diagnosis was judged right: an article is proposed.
fn learned() -> Scene {
    let mut scene = Scene::outage();
    scene.give_as(by("alice"), Command::ResolveIncident { incident: INCIDENT, resolution: "rolled back".to_owned() });
    let verdict = Command::JudgeDiagnosis {
        diagnosis: DiagnosisId(1),
        judgement: Judgement::Right,
        cause: None,
        note: "the column came with v42".to_owned(),
    };
    scene.give_as(by("alice"), verdict);
    scene.now += TimeDelta::minutes(2);
    scene
}

#[test]
fn a_verdict_is_given_by_key_with_the_cause_as_far_as_it_is_known() {
    let scene = Scene::outage();
    let mut model = at(&scene, "alice", PAGE);
    press(&mut model, &[Key::Char('-')]);
    assert!(matches!(model.overlay, Some(Overlay::Form(_))));
    // Service: the first after "not known"; category: the fourth after it.
    press(&mut model, &[Key::Down, Key::Tab, Key::Char('5'), Key::Tab]);
    type_in(&mut model, "a migration was missing");
    assert!(press(&mut model, &[Key::Enter]).is_empty(), "first what it leads to");
    let page = picture(&mut model, 110, 32);
    assert!(page.contains("It is on record that you say DGN-1 was wrong"), "{page}");
    let requests = press(&mut model, &[Key::Enter]);
    let Command::JudgeDiagnosis { judgement, cause, .. } = accepted(&model, &requests) else { panic!("{requests:?}") };
    let cause = cause.unwrap();
    assert_eq!((judgement, cause.category), (Judgement::Wrong, Some(Category::Database)));
    assert_eq!((cause.service.as_deref(), cause.issue.as_str()), (Some("patient-api"), "a migration was missing"));
    // Right needs no cause; who looks only may not.
    let mut model = at(&scene, "alice", PAGE);
    let requests = press(&mut model, &[Key::Char('+'), Key::Enter, Key::Enter]);
    let Command::JudgeDiagnosis { judgement, cause, .. } = accepted(&model, &requests) else { panic!("{requests:?}") };
    assert_eq!((judgement, cause), (Judgement::Right, None));
}

#[test]
fn the_record_says_who_judged_and_what_a_number_rests_on() {
    let mut scene = learned();
    let page = words(&picture(&mut at(&scene, "erin", PAGE), 80, 48));
    for wanted in ["alice: right", "the column came with v42", "people judged 1 that were about this sure: 1 right"] {
        assert!(page.contains(wanted), "{wanted}:\n{page}");
    }
    let mut model = at(&scene, "alice", PAGE);
    press(&mut model, &[Key::Char('R')]);
    assert_eq!(*model.screen(), Screen::Reliability);
    let page = picture(&mut model, 80, 24);
    assert!(page.contains("too few to measure by") && page.contains("0.93–0.93"), "{page}");
    // Many more, of which the surer are the righter.
    let record = scene.state.knowledge.verdicts[0].clone();
    for number in 0..60_u32 {
        let mut other = record.clone();
        other.diagnosis = DiagnosisId(100 + u64::from(number));
        other.confidence = f64::from(number % 10) / 10.0;
        other.judgement = if number % 10 > 4 { Judgement::Right } else { Judgement::Wrong };
        scene.state.knowledge.verdicts.push(other);
    }
    for (width, height) in SIZES {
        let mut model = at(&scene, "alice", Screen::Reliability);
        insta::assert_snapshot!(format!("reliability-{width}x{height}"), picture(&mut model, width, height));
    }
}

#[test]
fn what_was_learned_is_read_and_somebody_stands_for_it_or_retires_it() {
    let mut scene = learned();
    assert_eq!(scene.state.knowledge.articles.len(), 1, "an article is proposed");
    for (width, height) in SIZES {
        let mut model = at(&scene, "alice", Screen::Knowledge);
        insta::assert_snapshot!(format!("knowledge-{width}x{height}"), picture(&mut model, width, height));
        press(&mut model, &[Key::Enter]);
        insta::assert_snapshot!(format!("article-{width}x{height}"), picture(&mut model, width, height));
    }
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('A'), Key::Enter]);
    assert!(matches!(model.screen(), Screen::Article(_)));
    press(&mut model, &[Key::Char('a')]);
    let requests = press(&mut model, &[Key::Char('y')]);
    let command = accepted(&model, &requests);
    assert!(matches!(command, Command::ConfirmArticle { version: Some(1), .. }), "{command:?}");
    scene.give_as(by("alice"), command);
    let article = scene.state.knowledge.articles.values().next().unwrap().clone();
    assert_eq!(article.state, ArticleState::Confirmed);
    let mut model = at(&scene, "alice", Screen::Knowledge);
    press(&mut model, &[Key::Char('a')]);
    assert!(model.toast.clone().unwrap().text.contains("is confirmed already"));
    press(&mut model, &[Key::Char('x')]);
    type_in(&mut model, "the release is gone");
    let requests = press(&mut model, &[Key::Enter, Key::Enter]);
    assert!(matches!(accepted(&model, &requests), Command::RetireArticle { .. }), "{requests:?}");
    // Words find it, and others do not.
    let mut model = at(&scene, "alice", Screen::Knowledge);
    for (typed, found) in [("dose_unit", 1), ("nonsense", 0)] {
        model.filter = Filter::parse(typed);
        assert_eq!(model.rows(List::Articles).len(), found, "{typed}");
    }
    let page = picture(&mut model, 80, 24);
    assert!(page.contains("nothing matches the filter"), "{page}");
}
