//! Articles that people write on the board: made of an incident, anew, or from files.

use super::{
    pages::SIZES,
    scene::{Scene, accepted, asked, at, by, picture, press, type_in},
};
use crate::{
    diagnosis::SEEDS,
    domain::{ArticleState, Command, IncidentId, Treatment},
    tui::{
        message::{Message, Request, Timed},
        model::{Overlay, Screen},
        term::input::Key,
        update::update,
    },
};

const INCIDENT: IncidentId = IncidentId(1);

/// The outage is over, and nobody has judged its diagnosis.
fn over() -> Scene {
    let mut scene = Scene::outage();
    scene.give_as(by("alice"), Command::ResolveIncident { incident: INCIDENT, resolution: "rolled back".to_owned() });
    assert!(scene.state.knowledge.articles.is_empty());
    scene
}

/// The same, and an article was made of it.
fn made() -> (Scene, String) {
    let mut scene = over();
    let mut model = at(&scene, "alice", Screen::Incident(INCIDENT));
    press(&mut model, &[Key::Char('I'), Key::Enter]);
    let requests = press(&mut model, &[Key::Enter]);
    let command = accepted(&model, &requests);
    scene.give_as(by("alice"), command);
    let name = scene.state.knowledge.articles.keys().next().expect("it is proposed").clone();
    (scene, name)
}

#[test]
fn an_article_is_made_of_an_incident_that_is_over_from_what_is_known_of_it() {
    let mut model = at(&Scene::outage(), "alice", Screen::Incident(INCIDENT));
    press(&mut model, &[Key::Char('I')]);
    assert!(model.overlay.is_none());
    let why = model.toast.clone().unwrap().text;
    assert!(why.contains("INC-1 is not over"), "{why}");
    let asked = [Screen::Incident(INCIDENT), Screen::Diagnosis(INCIDENT, None)].map(|screen| {
        let mut model = at(&over(), "alice", screen);
        press(&mut model, &[Key::Char('I'), Key::Enter]);
        let requests = press(&mut model, &[Key::Enter]);
        accepted(&model, &requests)
    });
    assert_eq!(asked[0], asked[1], "from its page and from that of its diagnosis");
    let mut model = at(&over(), "alice", Screen::Diagnosis(INCIDENT, None));
    press(&mut model, &[Key::Char('I')]);
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("made-{width}x{height}"), picture(&mut model, width, height));
    }
    press(&mut model, &[Key::Enter]);
    insta::assert_snapshot!("made-review-80x24", picture(&mut model, 80, 24));
    let (scene, name) = made();
    let article = &scene.state.knowledge.articles[&name];
    assert_eq!((article.made_from, article.state), (Some(INCIDENT), ArticleState::Proposed));
    assert!(article.incidents.contains(&INCIDENT) && article.body.symptoms.words[0].contains("dose_unit"));
    let mut model = at(&scene, "alice", Screen::Incident(INCIDENT));
    press(&mut model, &[Key::Char('I')]);
    let why = model.toast.clone().unwrap().text;
    assert!(why.contains(&format!("{name} was made from INC-1")), "{why}");
}

#[test]
fn an_article_is_written_anew_as_the_version_that_was_seen() {
    let (mut scene, name) = made();
    let mut model = at(&scene, "erin", Screen::Article(name.clone()));
    press(&mut model, &[Key::Char('e')]);
    // The fixes, a line for each.
    press(&mut model, &[Key::Tab, Key::Tab, Key::Tab, Key::Tab]);
    type_in(&mut model, "roll back: everything");
    press(&mut model, &[Key::Enter]);
    let why = model.toast.clone().unwrap().text;
    assert!(why.contains("code, config, database or data"), "{why}");
    press(&mut model, &[Key::Ctrl('u')]);
    type_in(&mut model, "roll back: code\nrun: restart @ patient-api\ncall the vendor");
    press(&mut model, &[Key::Enter]);
    let page = picture(&mut model, 80, 24);
    assert!(page.contains("It becomes version 2 of"), "{page}");
    let requests = press(&mut model, &[Key::Enter]);
    let command = accepted(&model, &requests);
    let Command::EditArticle { version: Some(1), body, .. } = &command else { panic!("{command:?}") };
    assert_eq!(body.fixes.len(), 3);
    assert_eq!(body.fixes[2], Treatment::ByHand { text: "call the vendor".to_owned() });
    scene.give_as(by("erin"), command.clone());
    // Who still sends what was seen before is refused, and what was written is there to be sent again.
    let mut model = at(&scene, "alice", Screen::Article(name));
    press(&mut model, &[Key::Char('e')]);
    let Some(Overlay::Form(form)) = &model.overlay else { panic!("the form is open") };
    assert_eq!(form.text("Fixes"), "roll back: code\nrun: restart @ patient-api\ncall the vendor");
    assert_eq!(form.seen.as_ref().map(|(_, version)| *version), Some(2));
}

#[test]
fn a_new_article_lacks_nothing_that_the_rules_want_before_it_is_sent() {
    let mut model = at(&over(), "alice", Screen::Knowledge);
    press(&mut model, &[Key::Char('n'), Key::Enter]);
    assert!(model.toast.clone().unwrap().text.contains("is empty"));
    type_in(&mut model, "disk-full");
    press(&mut model, &[Key::Tab]);
    type_in(&mut model, "A disk is full");
    press(&mut model, &[Key::Tab, Key::Down, Key::Tab, Key::Tab, Key::Tab, Key::Tab]);
    type_in(&mut model, "free some space");
    press(&mut model, &[Key::Enter]);
    let page = picture(&mut model, 110, 32);
    assert!(page.contains("It names no signs") && page.contains("disk-full is on record as proposed"), "{page}");
    let requests = press(&mut model, &[Key::Enter]);
    assert!(matches!(accepted(&model, &requests), Command::ProposeArticle { incident: None, .. }));
}

#[test]
fn articles_come_from_files_and_go_into_files() {
    let mut scene = over();
    let mut model = at(&scene, "alice", Screen::Knowledge);
    press(&mut model, &[Key::Char('X')]);
    assert!(model.toast.clone().unwrap().text.contains("there is no article to write"));
    press(&mut model, &[Key::Char('I')]);
    let commands = asked(&press(&mut model, &[Key::Enter]));
    assert_eq!(commands.len(), SEEDS.len());
    for command in commands {
        scene.give_as(by("alice"), command);
    }
    assert_eq!(scene.state.knowledge.articles.len(), SEEDS.len());
    let mut model = at(&scene, "alice", Screen::Knowledge);
    assert!(press(&mut model, &[Key::Char('I'), Key::Enter]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("are here already"));
    press(&mut model, &[Key::Char('I')]);
    type_in(&mut model, "~/articles");
    assert_eq!(press(&mut model, &[Key::Enter]), [Request::ReadArticles("~/articles".to_owned())]);
    let article = scene.state.knowledge.articles.values().next().unwrap().clone();
    let mut other = article.body.clone();
    other.title = "something else".to_owned();
    let at_once = model.now;
    let message = Message::Articles(vec![(article.name.clone(), other)]);
    assert!(update(&mut model, Timed { at: at_once, message }).is_empty(), "nothing is overwritten");
    assert!(model.toast.clone().unwrap().text.contains("say something else"));
    model.screens.push(Screen::Article(article.name.clone()));
    press(&mut model, &[Key::Char('X')]);
    type_in(&mut model, "/srv/articles");
    let written = press(&mut model, &[Key::Enter]);
    let [Request::WriteArticles(folder, files)] = written.as_slice() else { panic!("{written:?}") };
    assert_eq!((folder.as_str(), files.len(), files[0].0.as_str()), ("/srv/articles", 1, article.name.as_str()));
    assert!(files[0].1.starts_with("+++\n"), "{}", files[0].1);
}
