//! A sentence that names a key names the one of the keymap that is in force: nobody is told a key that does something else on their board.

use std::collections::BTreeSet;

use super::{
    every::{boards, every_screen, name_of},
    scene::{picture, press},
    walk_scene::Walk,
};
use crate::tui::{
    action::{Keymap, Where, all},
    model::{Model, Screen},
    term::input::Key,
};

/// Files whose keys are fixed: what takes the keys of what lies over a page, and what reads and writes keys.
const FIXED: [&str; 8] = [
    "settings/chord.rs",
    "term/input.rs",
    "view/canvas.rs",
    "view/dialog.rs",
    "view/form.rs",
    "view/help.rs",
    "view/palette.rs",
    "palette/line.rs",
];

/// Every action on a letter that no other has and that no page writes.
fn elsewhere() -> Keymap {
    let mut keymap = Keymap::default();
    for (letter, action) in ('\u{400}'..='\u{47f}').chain('\u{48a}'..='\u{52f}').zip(all()) {
        keymap.put(action, vec![Key::Char(letter)]);
    }
    assert!(all().count() < 290, "there are letters for all");
    keymap
}

/// Words of a text that look like the key of an action: a letter or a sign alone, or one in brackets.
fn keys_named(text: &str) -> BTreeSet<String> {
    let ours: BTreeSet<String> =
        all().flat_map(|action| Keymap::default().keys(action).to_vec()).map(|key| key.to_string()).collect();
    let mut found: BTreeSet<String> = BTreeSet::new();
    let words: Vec<&str> = text.split_whitespace().collect();
    for (place, word) in words.iter().enumerate() {
        let bare = word.trim_matches(['(', ')', '[', ']', ';', ',', ':', '.', '“', '”']);
        let is_bracketed = *word != bare && (word.starts_with(['(', '[']));
        let is_letter = bare.len() == 1 && bare.chars().all(|c| c.is_ascii_alphabetic());
        let is_article = matches!(bare, "a" | "A");
        // The first letters of a table's heading: severity and risk; how many cases there are of something.
        let is_heading = words.get(place + 1) == Some(&"ID") || matches!(bare, "N" | "n");
        let before = place.checked_sub(1).map_or("", |before| words[before]);
        let counts = before.ends_with(|c: char| c.is_ascii_digit());
        let is_named = word.contains('↵')
            || (is_bracketed && ours.contains(bare))
            || (is_letter && !is_article && !counts && !is_heading);
        if is_named {
            found.insert(format!("{before} {word} {}", words.get(place + 1).unwrap_or(&"")));
        }
    }
    found
}

/// What a board says on every page, and why each action can do nothing there.
fn said(model: &mut Model) -> Vec<(String, String)> {
    let mut said = Vec::new();
    for screen in every_screen(model) {
        let name = name_of(&screen);
        model.screens = vec![Screen::Board, screen];
        for (width, height) in [(80, 24), (160, 60)] {
            said.push((name.to_owned(), picture(model, width, height)));
        }
        for action in all() {
            said.push((format!("{} on {name}", action.name), action.why_not(model).unwrap_or_default()));
        }
    }
    said
}

#[test]
fn no_page_and_no_reason_names_a_key_that_a_person_has_put_elsewhere() {
    let mut wrong = BTreeSet::new();
    for (hour, mut model) in boards().into_iter().filter(|(hour, _)| ["nothing", "outage"].contains(hour)) {
        model.keymap = elsewhere();
        for (place, words) in said(&mut model) {
            wrong.extend(keys_named(&words).into_iter().map(|named| format!("{place}, {hour}: {named}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A run at each of its steps, and in what can go wrong at one.
fn walks() -> Vec<Walk> {
    vec![
        Walk::begin(),
        Walk::begin().looked(),
        Walk::begin().told(),
        Walk::begin().manned(),
        Walk::begin().chosen(1),
        Walk::begin().waiting(),
        Walk::begin().chosen(2),
        Walk::begin().closed(),
        Walk::begin().unknown(),
    ]
}

#[test]
fn what_a_step_of_a_run_asks_for_is_on_the_keys_that_it_names() {
    let keymap = elsewhere();
    let mut wrong = BTreeSet::new();
    for walk in walks() {
        for who in ["alice", "erin"] {
            let mut model = Model { keymap: keymap.clone(), ..walk.seen_by(who) };
            let step = walk.here();
            let shown = picture(&mut model, 160, 60);
            wrong.extend(keys_named(&shown).into_iter().map(|named| format!("{step} as {who}: {named}")));
            for action in all().filter(|action| action.place == Where::Run) {
                wrong.extend(keys_named(&action.why_not(&model).unwrap_or_default()));
                let mut model = model.clone();
                press(&mut model, keymap.keys(action));
                let told = model.toast.as_ref().map(|toast| toast.text.clone()).unwrap_or_default();
                let question = picture(&mut model, 160, 60);
                // What lies over a page has keys of its own: Enter, and y for a yes.
                let named = keys_named(&told)
                    .into_iter()
                    .chain(keys_named(&question))
                    .filter(|named| !named.contains('↵') && !named.contains(" y "));
                wrong.extend(named.map(|named| format!("{} at {step} as {who}: {named}", action.name)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the drawn pages of the tests do not come to.
#[test]
fn no_text_in_the_sources_of_the_board_has_a_key_in_it() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui");
    let mut folders = vec![root.clone()];
    let written = regex::Regex::new(concat!(
        r#""[^"]*(↵|[(\[]([A-Za-z!%&#|?*+=.,\\-]|Tab)[)\]]"#,
        r#"|(^|[ ("])[b-gi-rt-zB-Z](:| [a-z]+s\b| [A-Z][a-z])|then [a-z]\b)[^"]*""#
    ))
    .unwrap();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.extend((!name.ends_with("tests")).then_some(path));
                continue;
            }
            if FIXED.contains(&name.as_str()) || !name.ends_with(".rs") || name.ends_with("tests.rs") {
                continue;
            }
            for (place, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
                let is_comment = line.trim_start().starts_with("//");
                assert!(is_comment || !written.is_match(line), "{name}:{}: ask the keymap: {line}", place + 1);
            }
        }
    }
}
