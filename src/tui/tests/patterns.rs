//! What the logs say, as patterns: what comes first, what is found by typing, and one of them with all that is known of it.

use chrono::TimeDelta;

use super::{
    pages::SIZES,
    scene::{PHONE, Scene, at, by, click, picture, press},
};
use crate::{
    diagnosis::patterns::{Example, MINUTES, Seen, SeenPattern, Trend},
    domain::{ArticleBody, Category, Command, Symptoms},
    tui::{
        filter::Filter,
        message::{Message, Request, Timed},
        model::{List, Model, Screen, Target},
        patterns::MOST,
        term::input::Key,
        update::update,
    },
};

const API: &str = "patient-api";
const LONG: &str = "handouts-with-a-very-long-name-that-does-not-fit";
const COLUMN: &str = "9c1f2a6be0d4c581";

/// A pattern in a service, whose lines came in these of the last minutes.
fn seen(model: &Model, id: &str, template: &str, (service, state): (&str, Trend), lines: &[(usize, u32)]) -> Seen {
    let mut per_minute = vec![0; MINUTES];
    lines.iter().for_each(|(ago, count)| per_minute[MINUTES - 1 - ago] = *count);
    let minutes = |ago: Option<usize>| TimeDelta::minutes(i64::try_from(ago.unwrap_or(300)).unwrap());
    let ages = || lines.iter().map(|(ago, _)| *ago);
    let first = model.now - minutes(ages().max().filter(|_| state == Trend::New));
    let last = model.now - minutes(ages().min());
    let since = if state == Trend::Vanished { last } else { first };
    let count = per_minute.iter().map(|count| u64::from(*count)).sum::<u64>().max(1);
    let (id, template, service) = (id.to_owned(), template.to_owned(), service.to_owned());
    Seen { id, template, service, state, count, first, last, since, per_minute }
}

/// As the engine gives them: what is out of the ordinary first, then the most frequent.
fn found(model: &Model) -> Vec<Seen> {
    let of = |id, template, place, lines: &[(usize, u32)]| seen(model, id, template, place, lines);
    let always: Vec<(usize, u32)> = (0..MINUTES).map(|ago| (ago, 40 + u32::try_from(ago % 7).unwrap())).collect();
    vec![
        of("0000000000000001", "print job <*> waits for paper", (LONG, Trend::New), &[(9, 3)]),
        of(COLUMN, "missing column <*> in table <*>: query of <*> failed", (API, Trend::New), &[(0, 120), (1, 94)]),
        of("0000000000000002", "retry <*> of <*> to <*>", (API, Trend::Bursting), &[(30, 2), (1, 300), (0, 1_250_000)]),
        of("0000000000000003", "backup of <*> rows finished", ("records-db", Trend::Vanished), &[(50, 9)]),
        of("0000000000000004", "GET <*> <*> <*>", (API, Trend::Recurring), &always),
        of(COLUMN, "missing column <*> in table <*>: query of <*> failed", (LONG, Trend::Recurring), &[(7, 2)]),
        of("0000000000000005", "患者データ <*> \u{1b}[2Jread", ("records-db", Trend::Rare), &[]),
    ]
}

fn opened() -> (Model, Vec<Request>) {
    let mut model = Scene::outage().seen_by("alice");
    let asked = press(&mut model, &[Key::Char('O')]);
    (model, asked)
}

fn answer(model: &mut Model, service: Option<&str>, result: Result<Vec<Seen>, String>) {
    let message = Message::Patterns(service.map(str::to_owned), result);
    update(model, Timed { at: model.now, message });
}

#[test]
fn what_the_logs_say_at_every_size_and_what_matters_first() {
    let (mut model, asked) = opened();
    assert_eq!(asked, [Request::Patterns(None)]);
    assert!(picture(&mut model, 80, 24).contains("being read …"));
    let all = found(&model);
    answer(&mut model, None, Ok(all));
    for (width, height) in SIZES.into_iter().chain([PHONE]) {
        insta::assert_snapshot!(format!("list-{width}x{height}"), picture(&mut model, width, height));
    }
    // What bursts and what is new in a service that is down stand before what is new in one that is well.
    let order = model.rows(List::Patterns);
    assert_eq!(order[..3], ["0000000000000002", COLUMN, "0000000000000001"].map(str::to_owned), "{order:?}");
    assert_eq!(order.len(), 6, "a pattern of two services is one row");
}

#[test]
fn patterns_are_found_by_words_and_by_service() {
    let (mut model, _) = opened();
    let all = found(&model);
    answer(&mut model, None, Ok(all));
    for (typed, count) in [
        ("column", 1),
        ("patient-api", 3),
        ("patient-api new", 1),
        ("BURSTING", 1),
        (COLUMN, 1),
        ("patient-api print", 0),
    ] {
        model.filter = Filter::parse(typed);
        assert_eq!(model.rows(List::Patterns).len(), count, "{typed}");
    }
    assert!(picture(&mut model, 80, 24).contains("nothing matches the filter"));
}

#[test]
fn a_pattern_says_all_that_is_known_of_it() {
    let mut scene = Scene::outage();
    let body = ArticleBody {
        title: "A column that is not there".to_owned(),
        category: Category::Deployment,
        symptoms: Symptoms { words: Vec::new(), signatures: vec![COLUMN.to_owned()] },
        fixes: Vec::new(),
        procedure: "roll back".to_owned(),
        prevention: String::new(),
    };
    scene.give_as(by("alice"), Command::ProposeArticle { article: "missing-column".to_owned(), body, incident: None });
    let mut model = at(&scene, "alice", Screen::Patterns(None));
    let all = found(&model);
    model.patterns.list = None;
    update(&mut model, Timed { at: scene.now, message: Message::Tick });
    answer(&mut model, None, Ok(all.clone()));
    press(&mut model, &[Key::Down]);
    assert_eq!(press(&mut model, &[Key::Enter]), [Request::Pattern(COLUMN.to_owned())]);
    assert!(picture(&mut model, 80, 24).contains("being read …"));
    let services: Vec<Seen> = all.into_iter().filter(|seen| seen.id == COLUMN).collect();
    let example = |seconds, message: &str| Example {
        service: API.to_owned(),
        at: Some(scene.now - TimeDelta::seconds(seconds)),
        message: message.to_owned(),
    };
    let examples =
        vec![example(1, "missing column <*> in table doses: query of <*> failed"), example(4, "\u{1b}[2Jmissing")];
    let one = SeenPattern { services, examples };
    let at = model.now;
    update(&mut model, Timed { at, message: Message::Pattern(COLUMN.to_owned(), Ok(one)) });
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("one-{width}x{height}"), picture(&mut model, width, height));
    }
    let page = picture(&mut model, 160, 60);
    for wanted in ["article missing-column", "INC-1 SEV1", "✚ new: it came for the first time"] {
        assert!(page.contains(wanted), "{wanted}:\n{page}");
    }
    // An answer for another one is dropped, and what it is of can be opened.
    let at = model.now;
    update(&mut model, Timed { at, message: Message::Pattern("0".to_owned(), Err("gone".to_owned())) });
    assert!(picture(&mut model, 110, 60).contains("missing column"));
    picture(&mut model, 110, 60);
    let target = Target::Page(Screen::Service(API.to_owned()));
    assert!(model.hits.iter().any(|(_, known)| *known == target));
    click(&mut model, &target);
    assert_eq!(*model.screen(), Screen::Service(API.to_owned()));
}

#[test]
fn the_patterns_of_a_service_are_one_key_from_its_page() {
    let mut model = Scene::outage().seen_by("alice");
    let asked = press(&mut model, &[Key::Char('1'), Key::Enter, Key::Char('O')]);
    assert_eq!(asked.last(), Some(&Request::Patterns(Some(API.to_owned()))));
    // What was asked for another page is not shown here.
    let all = found(&model);
    answer(&mut model, None, Ok(all));
    assert!(picture(&mut model, 80, 24).contains("being read …"));
    answer(&mut model, Some(API), Ok(Vec::new()));
    insta::assert_snapshot!("none-80x24", picture(&mut model, 80, 24));
    answer(&mut model, Some(API), Err("the engine is stopping".to_owned()));
    assert!(picture(&mut model, 80, 24).contains("✖ cannot be read: the engine is stopping"));
    let incident = *model.state.incidents.keys().next().unwrap();
    let mut model = at(&Scene::outage(), "alice", Screen::Diagnosis(incident, None));
    assert_eq!(press(&mut model, &[Key::Char('O')]), [Request::Patterns(None)]);
}

#[test]
fn patterns_that_are_looked_at_are_asked_for_again_and_a_list_that_is_cut_says_so() {
    let (mut model, _) = opened();
    let tick = |model: &mut Model, seconds| {
        let at = model.now + TimeDelta::seconds(seconds);
        update(model, Timed { at, message: Message::Tick })
    };
    let many = (0..MOST).map(|number| {
        seen(&model, &format!("{number:016}"), &format!("line number{number}"), (API, Trend::Recurring), &[(1, 2)])
    });
    let many: Vec<Seen> = many.collect();
    answer(&mut model, None, Ok(many));
    assert!(tick(&mut model, 5).is_empty());
    assert_eq!(tick(&mut model, 6), [Request::Patterns(None)]);
    assert!(picture(&mut model, 80, 24).contains("line number0"), "the old answer stays while a new one is on its way");
    press(&mut model, &[Key::End]);
    assert!(picture(&mut model, 80, 24).contains("only the 400 most out of the ordinary"));
    model.screens = vec![Screen::Board];
    assert!(tick(&mut model, 100).is_empty());
}
