//! Runbooks on the board: found for an incident, begun, and walked through by keys and clicks; every state of a step in pictures.

use ratatui::layout::Rect;

use super::{
    pages::SIZES,
    scene::{PHONE, accepted, asked, at, click, picture, press, type_in},
    walk_scene::{INCIDENT, RUN, Walk, on_shelf, shelf},
};
use crate::{
    client::Update,
    domain::{AttemptEnd, Command, RunMode, StepAnswer, UnknownAnswer},
    tui::{
        action::{Danger, Keymap, all, named, on_key, owned},
        message::{Message, Request, Timed},
        model::{List, Model, Overlay, Screen, Target},
        term::input::Key,
        update::update,
    },
};

fn pictures(name: &str, model: &mut Model) {
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), picture(model, width, height));
    }
}

#[test]
fn the_books_that_fit_an_incident_come_first_and_say_why() {
    let mut model = on_shelf(&Walk::outage(), "erin", Screen::Books(Some(INCIDENT)));
    pictures("books", &mut model);
    let shown = picture(&mut model, 160, 48);
    assert!(shown.find("Books that fit").unwrap() < shown.find("Other books").unwrap(), "{shown}");
    assert!(shown.contains("acts on records-db"), "{shown}");
    assert!(shown.contains("✖ 3 mistakes"), "{shown}");
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Book("LAB-01-tour".to_owned()));
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("FILL IN FIRST"), "{shown}");
    insta::assert_snapshot!("book-80x24", picture(&mut model, 80, 24));
}

#[test]
fn the_key_for_books_asks_the_engine_and_knows_the_incident_in_question() {
    let mut model = at(&Walk::outage(), "erin", Screen::Incident(INCIDENT));
    assert_eq!(press(&mut model, &[Key::Char('b')]), [Request::Books]);
    assert_eq!(*model.screen(), Screen::Books(Some(INCIDENT)));
    assert!(picture(&mut model, 80, 24).contains("on their way"));
    let at = model.now;
    update(&mut model, Timed { at, message: Message::Books(Err("the folder is gone".to_owned())) });
    assert!(picture(&mut model, 80, 24).contains("the folder is gone"));
    // An engine that comes back is asked again.
    let live = Update::Live(Box::new((model.state.clone(), model.vitals.clone())));
    assert_eq!(update(&mut model, Timed { at, message: Message::Update(live) }), [Request::Books]);
    update(&mut model, Timed { at, message: Message::Books(Ok(shelf())) });
    assert!(picture(&mut model, 80, 24).contains("LAB-01-tour"));
}

#[test]
fn a_run_is_begun_with_what_it_has_to_know_after_what_it_means_was_shown() {
    let mut model = on_shelf(&Walk::outage(), "erin", Screen::Books(Some(INCIDENT)));
    press(&mut model, &[Key::Char('n')]);
    insta::assert_snapshot!("begin-80x24", picture(&mut model, 80, 24));
    // What is wrong is refused before anything is sent.
    type_in(&mut model, "-wrong");
    press(&mut model, &[Key::Enter]);
    let foreseen = picture(&mut model, 110, 32);
    assert!(foreseen.contains("no such service"), "{foreseen}");
    press(&mut model, &[Key::Esc, Key::Ctrl('w'), Key::Ctrl('u')]);
    type_in(&mut model, "records-db");
    press(&mut model, &[Key::Tab, Key::Char('2'), Key::Enter]);
    let foreseen = picture(&mut model, 110, 32);
    assert!(foreseen.contains("RUN-1 walks through LAB-01-tour"), "{foreseen}");
    assert!(foreseen.contains("It begins at step 1 See what the pool says"), "{foreseen}");
    assert!(foreseen.contains("This text is not proved: never drilled"), "{foreseen}");
    let sent = press(&mut model, &[Key::Enter]);
    let [Command::StartRun { book, seen, inputs, incident, mode, .. }] = &asked(&sent)[..] else { panic!("{sent:?}") };
    assert_eq!((book.as_str(), *incident, *mode), ("LAB-01-tour", Some(INCIDENT), RunMode::Emergency));
    assert_eq!(seen.as_ref(), shelf()[0].runbook.as_ref().map(|book| &book.hash));
    assert_eq!(inputs["DATABASE"], "records-db");
    assert_eq!(inputs["PLACE"], "office");
}

#[test]
fn who_may_only_look_begins_nothing_and_is_told_why() {
    let mut model = on_shelf(&Walk::outage(), "vic", Screen::Books(None));
    assert!(press(&mut model, &[Key::Char('n')]).is_empty());
    assert!(model.overlay.is_none());
    assert!(model.toast.clone().unwrap().text.contains("may look but not act"));
}

#[test]
fn a_check_runs_by_enter_and_shows_the_exact_command_before() {
    let mut model = Walk::begin().seen_by("erin");
    pictures("check", &mut model);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("$ tool pool records-db --place ward"), "{shown}");
    assert!(shown.contains("41:12 left of 45:00"), "{shown}");
    let sent = press(&mut model, &[Key::Enter]);
    assert!(matches!(accepted(&model, &sent), Command::RunStep { step, confirmation: None, .. } if step == "look"));
}

#[test]
fn what_was_expected_stands_beside_what_was_found() {
    let mut walk = Walk::begin();
    walk.step("erin", None);
    let why = "stdout~pool 3/64: it printed nothing like that".to_owned();
    walk.program(AttemptEnd::Failed { why }, "pool 64/64\nwaiting 12\nok\n");
    let mut model = walk.seen_by("erin");
    pictures("failed", &mut model);
    let shown = picture(&mut model, 110, 32);
    for line in ["✖ stdout~pool 3/64", "✓ exit=0", "- pool 3/64", "+ pool 64/64", "  ok"] {
        assert!(shown.contains(line), "{line}:\n{shown}");
    }
    assert!(shown.contains("HALTED"), "{shown}");
    // It only looks, so it may be looked again.
    let sent = press(&mut model, &[Key::Enter]);
    assert!(matches!(accepted(&model, &sent), Command::RunStep { .. }));
}

#[test]
fn what_tells_people_is_asked_about_first() {
    let mut model = Walk::begin().looked().seen_by("erin");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("r runs it"));
    assert!(press(&mut model, &[Key::Char('r')]).is_empty());
    assert!(picture(&mut model, 80, 24).contains("$ tool page records-db"));
    let sent = press(&mut model, &[Key::Char('y')]);
    assert!(matches!(accepted(&model, &sent), Command::RunStep { .. }));
}

#[test]
fn tasks_are_ticked_by_digits_and_clicks_and_answers_are_written() {
    let mut walk = Walk::begin().told();
    let mut model = walk.seen_by("erin");
    pictures("tasks", &mut model);
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("1, 2"), "what is open is said");
    let sent = press(&mut model, &[Key::Char('1')]);
    assert!(matches!(accepted(&model, &sent), Command::AnswerStep { answer: StepAnswer::Tick { task: 1 }, .. }));
    let sent = click(&mut model, &Target::Choice(0));
    assert!(matches!(accepted(&model, &sent), Command::AnswerStep { answer: StepAnswer::Tick { task: 1 }, .. }));
    press(&mut model, &[Key::Char('2')]);
    type_in(&mut model, "ward 3");
    let sent = press(&mut model, &[Key::Enter]);
    let command = accepted(&model, &sent);
    assert!(
        matches!(&command, Command::AnswerStep { answer: StepAnswer::Text { task: 2, value }, .. } if value == "ward 3")
    );
    walk.answer(StepAnswer::Tick { task: 1 });
    walk.must("erin", command);
    let mut model = walk.seen_by("erin");
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("1 [×]") && shown.contains(": ward 3"), "{shown}");
    assert!(matches!(
        accepted(&model, &press(&mut model.clone(), &[Key::Char('1')])),
        Command::AnswerStep { answer: StepAnswer::Untick { task: 1 }, .. }
    ));
    let sent = press(&mut model, &[Key::Enter]);
    assert!(matches!(accepted(&model, &sent), Command::RunStep { .. }));
}

#[test]
fn a_choice_says_where_it_leads_before_it_counts() {
    let mut model = Walk::begin().manned().seen_by("erin");
    pictures("choice", &mut model);
    assert!(press(&mut model, &[Key::Char('2')]).is_empty());
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("Goes on 6 Close the door"), "{shown}");
    let sent = press(&mut model, &[Key::Char('y')]);
    assert!(matches!(accepted(&model, &sent), Command::AnswerStep { answer: StepAnswer::Choice { choice: 2 }, .. }));
    assert!(press(&mut model, &[Key::Char('7')]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("1 to 3"));
}

#[test]
fn a_change_wants_a_yes_and_shows_what_may_go_wrong() {
    let mut model = Walk::begin().chosen(1).seen_by("erin");
    pictures("write", &mut model);
    press(&mut model, &[Key::Char('r')]);
    let shown = picture(&mut model, 80, 24);
    insta::assert_snapshot!("confirm-80x24", shown);
    assert!(shown.contains("CAUTION") && shown.contains("--confirm records-db --wait"), "{shown}");
    let sent = press(&mut model, &[Key::Char('y')]);
    let command = accepted(&model, &sent);
    assert!(matches!(command, Command::RunStep { confirmation: Some(text), .. } if text == "yes"));
}

#[test]
fn what_waits_for_an_approval_names_the_change_and_leads_to_it() {
    let walk = Walk::begin().waiting();
    let mut model = walk.seen_by("erin");
    pictures("waiting", &mut model);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("CHG-1 waits for the technical lead (alice)"), "{shown}");
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Change(crate::domain::ChangeId(1)));
    // For who can approve, it is their turn, and the board says so wherever they are.
    let mut model = walk.scene.seen_by("alice");
    assert!(
        picture(&mut model, 110, 32).contains("▶ RUN-1 step 5 CHG-1 waits for you"),
        "{}",
        picture(&mut model, 110, 32)
    );
    press(&mut model, &[Key::Char('.')]);
    assert_eq!(*model.screen(), Screen::Run(RUN));
}

#[test]
fn what_destroys_wants_its_words_typed() {
    let mut model = Walk::begin().closed().seen_by("erin");
    press(&mut model, &[Key::Char('r')]);
    assert!(picture(&mut model, 80, 24).contains("Type restore it to go on"));
    assert!(press(&mut model, &[Key::Enter, Key::Char('y'), Key::Enter]).is_empty(), "a yes is not enough");
    press(&mut model, &[Key::Backspace]);
    type_in(&mut model, "restore it");
    let sent = press(&mut model, &[Key::Enter]);
    let command = accepted(&model, &sent);
    assert!(matches!(command, Command::RunStep { confirmation: Some(text), .. } if text == "restore it"));
}

#[test]
fn a_second_person_agrees_to_exactly_what_is_shown() {
    let walk = Walk::begin().chosen(2);
    let mut model = walk.seen_by("erin");
    pictures("second", &mut model);
    assert!(press(&mut model, &[Key::Char('r')]).is_empty());
    assert!(model.overlay.is_none());
    assert!(model.toast.clone().unwrap().text.contains("they press c"), "{:?}", model.toast);
    let mut other = walk.seen_by("frank");
    press(&mut other, &[Key::Char('c')]);
    assert!(picture(&mut other, 80, 24).contains("$ tool close"));
    let sent = press(&mut other, &[Key::Char('y')]);
    assert!(matches!(accepted(&other, &sent), Command::CoSignStep { .. }));
}

#[test]
fn nobody_knows_what_it_did_so_a_person_says_so_with_a_reason() {
    let mut model = Walk::begin().unknown().seen_by("erin");
    pictures("unknown", &mut model);
    assert!(press(&mut model, &[Key::Char('r')]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("1, 2 and 3"), "{:?}", model.toast);
    assert!(press(&mut model, &[Key::Char('1')]).is_empty());
    assert!(model.overlay.is_none(), "no check could decide");
    press(&mut model, &[Key::Char('3')]);
    type_in(&mut model, "the data is back");
    press(&mut model, &[Key::Enter]);
    let foreseen = picture(&mut model, 110, 32);
    assert!(foreseen.contains("Then it stands at step 9 It is well"), "{foreseen}");
    let sent = press(&mut model, &[Key::Enter]);
    let command = accepted(&model, &sent);
    assert!(
        matches!(command, Command::ResolveUnknown { how: UnknownAnswer::Done, reason, .. } if reason == "the data is back")
    );
    let mut model = Walk::begin().unknown().seen_by("erin");
    press(&mut model, &[Key::Char('2')]);
    type_in(&mut model, "it was not begun");
    press(&mut model, &[Key::Tab]);
    type_in(&mut model, "restore it");
    press(&mut model, &[Key::Enter]);
    let sent = press(&mut model, &[Key::Enter]);
    assert!(matches!(accepted(&model, &sent), Command::ResolveUnknown { how: UnknownAnswer::RunAgain, .. }));
}

#[test]
fn leaving_out_doing_by_hand_and_undoing_say_first_where_the_run_goes() {
    let walk = Walk::begin().closed();
    for (key, words, leads) in [
        ('s', "no snapshot is good", "Step 7 Restore is left out"),
        ('m', "the vendor did it", "Step 7 Restore counts as done"),
        ('u', "it did not help", "It goes to open-door, which takes close back"),
        ('X', "another team has it", "RUN-1 is over"),
    ] {
        let mut model = walk.seen_by("erin");
        press(&mut model, &[Key::Char(key)]);
        assert!(press(&mut model, &[Key::Enter]).is_empty(), "a reason is needed");
        type_in(&mut model, words);
        press(&mut model, &[Key::Enter]);
        let foreseen = picture(&mut model, 110, 32);
        assert!(foreseen.contains(leads), "{foreseen}");
        let sent = press(&mut model, &[Key::Enter]);
        assert!(format!("{:?}", accepted(&model, &sent)).contains(words));
    }
}

#[test]
fn what_runs_can_be_ended_and_a_followers_keys_say_why_they_do_nothing() {
    let mut walk = Walk::begin();
    walk.step("erin", None);
    walk.begun();
    walk.scene.now += chrono::TimeDelta::seconds(4);
    let mut model = walk.seen_by("erin");
    pictures("running", &mut model);
    assert!(press(&mut model, &[Key::Char('r')]).is_empty());
    press(&mut model, &[Key::Char('x')]);
    type_in(&mut model, "the wrong database");
    press(&mut model, &[Key::Enter]);
    let sent = press(&mut model, &[Key::Enter]);
    assert!(matches!(accepted(&model, &sent), Command::CancelStep { .. }));
    let mut follower = Walk::begin().seen_by("vic");
    let shown = picture(&mut follower, 110, 32);
    assert!(shown.contains("$ tool pool records-db") && shown.contains("you read along"), "{shown}");
    for key in ['r', 's', 'm', 'u', 'c', 'x', 'X', 'v'] {
        assert!(press(&mut follower, &[Key::Char(key)]).is_empty());
        assert!(follower.overlay.is_none(), "{key}");
        assert!(follower.toast.clone().unwrap().text.contains("may look but not act"), "{key}: {:?}", follower.toast);
    }
}

#[test]
fn the_page_follows_the_run_unless_somebody_looks_at_another_step() {
    let walk = Walk::begin().told();
    let mut model = walk.seen_by("erin");
    press(&mut model, &[Key::Up, Key::Up]);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("1 See what the pool says") && shown.contains("RUN-1 stands at step 3"), "{shown}");
    assert!(press(&mut model, &[Key::Char('s')]).is_empty());
    assert!(model.overlay.is_none(), "a word is about the step that is looked at");
    assert!(model.toast.clone().unwrap().text.contains("does not stand at step 1"));
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert!(!model.cursors.contains_key(&List::Steps), "Enter goes back to where the run stands");
    click(&mut model, &Target::Row(List::Steps, 5));
    assert!(picture(&mut model, 110, 32).contains("┌ Step 6 Close the door"));
}

#[test]
fn a_run_is_seen_from_its_incident_and_from_the_board() {
    let walk = Walk::begin();
    let mut model = walk.scene.seen_by("erin");
    for (width, height) in SIZES {
        let shown = picture(&mut model, width, height);
        assert!(shown.contains("▶ RUN-1 step 1 waits for you"), "{shown}");
    }
    insta::assert_snapshot!("board-80x24", picture(&mut model, 80, 24));
    let mut model = at(&walk.scene, "erin", Screen::Incident(INCIDENT));
    assert!(picture(&mut model, 110, 32).contains("[.] RUN-1 step 1 See what the pool says"));
    let mut model = on_shelf(&walk.scene, "erin", Screen::Books(None));
    assert!(picture(&mut model, 80, 24).contains("RUN-1"));
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Run(RUN));
}

#[test]
fn why_and_the_whole_text_are_one_key_away() {
    let mut model = Walk::begin().looked().seen_by("erin");
    press(&mut model, &[Key::Up, Key::Char('?')]);
    insta::assert_snapshot!("why-110x32", picture(&mut model, 110, 32));
    assert!(picture(&mut model, 160, 48).contains("the cure of one makes the other worse"));
    press(&mut model, &[Key::Esc, Key::Char('p')]);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("RUN-1: The database does not answer"), "{shown}");
    press(&mut model, &[Key::Esc, Key::Esc]);
    assert_eq!(*model.screen(), Screen::Board);
}

#[test]
fn a_run_that_is_over_says_how_and_goes_on_in_the_next_book() {
    let mut model = Walk::begin().chosen(3).seen_by("erin");
    pictures("over", &mut model);
    assert!(picture(&mut model, 110, 32).contains("goes on in RB-05-data-corruption"));
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Book("RB-05-data-corruption".to_owned()));
    press(&mut model, &[Key::Char('n')]);
    assert!(matches!(model.overlay, Some(Overlay::Form(_))));
    assert!(picture(&mut model, 110, 32).contains("● INC-1"), "for the same incident");
}

#[test]
fn what_a_program_printed_moves_no_cursor() {
    let mut walk = Walk::begin();
    walk.step("erin", None);
    walk.program(AttemptEnd::Passed, "\u{1b}[2J\u{1b}[31mred\tblue\u{7}\n");
    let mut model = walk.seen_by("erin");
    press(&mut model, &[Key::Up]);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("[31mred") && !shown.contains('\u{1b}') && !shown.contains('\u{7}'), "{shown}");
}

#[test]
fn on_the_page_of_a_run_no_key_of_it_does_something_else() {
    let keymap = Keymap::default();
    for walk in [Walk::begin(), Walk::begin().told(), Walk::begin().waiting(), Walk::begin().unknown()] {
        let model = walk.seen_by("erin");
        for key in all().flat_map(|action| keymap.keys(action)) {
            let Some(own) = owned(&model, *key) else {
                let able = all().filter(|action| keymap.leads(*key, action) && (action.disabled)(&model).is_none());
                let dangerous: Vec<&str> =
                    able.filter(|action| action.danger > Danger::View).map(|action| action.name).collect();
                assert!(dangerous.len() <= 1, "{key}: {dangerous:?}");
                continue;
            };
            assert_eq!(on_key(&model, *key).map(|action| action.name), Some(own.name));
        }
        for name in ["roll-back", "snapshot", "mode", "undo"] {
            let key = keymap.keys(named(name).unwrap())[0];
            assert_ne!(on_key(&model, key).map(|action| action.name), Some(name));
        }
    }
}

#[test]
fn no_size_breaks_the_pages_of_runs() {
    let walks = [Walk::begin().manned(), Walk::begin().unknown()];
    for walk in walks {
        let mut model = walk.seen_by("erin");
        let step = walk.here();
        for screen in [
            Screen::Run(RUN),
            Screen::StepWhy(RUN, step.clone()),
            Screen::RunText(RUN),
            Screen::Books(Some(INCIDENT)),
            Screen::Book("LAB-01-tour".to_owned()),
            Screen::Board,
        ] {
            model.screens = vec![Screen::Board, screen];
            for width in (0..200).step_by(19).chain([PHONE.0]) {
                for height in (0..60).step_by(9).chain([PHONE.1]) {
                    picture(&mut model, width, height);
                    let all = Rect { x: 0, y: 0, width, height };
                    assert!(model.hits.iter().all(|(area, _)| all.intersection(*area) == *area), "{width}x{height}");
                }
            }
        }
    }
}
