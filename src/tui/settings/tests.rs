//! Settings as people write them, slips included.

use std::{collections::BTreeSet, fs, path::Path};

use super::{Settings, bindings, load, read::read};
use crate::{
    engine::Home,
    tui::{
        action::{Keymap, named},
        term::input::Key,
        theme::{Colours, Role},
    },
};

const THEMES: [&str; 3] = ["default", "light", "mono"];

fn settings(text: &str) -> (Settings, Vec<String>) {
    let (settings, problems) = read(Path::new("settings.toml"), text, &THEMES);
    (settings, problems.iter().map(ToString::to_string).collect())
}

fn keys_of(settings: &Settings, action: &str) -> Vec<Key> {
    settings.keymap.keys(named(action).unwrap()).to_vec()
}

#[test]
fn what_is_set_holds_and_the_rest_stays() {
    let (set, problems) = settings(
        "[board]\ntheme = \"light\"\nmouse = false\n[keys.anywhere]\nquit = [\"Q\", \"ctrl-x\"]\njournal = []\n\
         [keys.incident]\nnote = \";\"\n[[host]]\nname = \"ward\"\naddress = \"ssh://ops@ward\"\ntoken_file = \"ward.token\"\n",
    );
    assert_eq!(problems, [] as [&str; 0]);
    assert_eq!((set.theme.as_str(), set.mouse), ("light", false));
    assert_eq!(
        keys_of(&set, "quit"),
        [Key::Char('Q'), Key::Ctrl('x'), Key::Ctrl('c')],
        "ctrl-c leaves whatever else does"
    );
    assert_eq!(keys_of(&set, "journal"), []);
    assert_eq!(keys_of(&set, "note"), [Key::Char(';')]);
    assert_eq!(keys_of(&set, "open"), [Key::Enter]);
    assert_eq!(set.hosts.len(), 1);
    let changed: Vec<&str> =
        bindings(&set.keymap).into_iter().filter(|binding| binding.changed).map(|binding| binding.action).collect();
    assert_eq!(changed, ["note", "journal", "quit"]);
}

#[test]
fn every_slip_is_told_at_once_with_its_line_and_what_was_meant() {
    let (set, problems) = settings(
        "[board]\ntheme = \"lihgt\"\nmouse = \"yes\"\nmotion = false\n[keys.anywere]\n[keys.anywhere]\nqiut = [\"Q\"]\n\
         roll-back = [\"%\"]\nhelp = [\"alt-h\"]\nfilter = [\"shift-f\"]\nmetrics = [\"f5\", \"M\"]\njournal = 3\n\
         themes = [\"g g\"]\n[[host]]\nname = \"ward\"\naddress = \"ward:22\"\n",
    );
    let lines: Vec<&str> = problems.iter().map(|told| told.split(':').nth(1).unwrap()).collect();
    assert_eq!(lines, ["2", "3", "4", "5", "7", "8", "9", "10", "11", "12", "13", "16"], "{problems:#?}");
    for (place, meant) in [(0, "light"), (3, "anywhere"), (4, "quit"), (7, "F")] {
        assert!(problems[place].contains(&format!("did you mean \"{meant}\"?")), "{}", problems[place]);
    }
    assert!(problems[5].contains("[keys.service]"), "{}", problems[5]);
    assert!(problems[10].contains("keys in a row"), "{}", problems[10]);
    assert_eq!(set, Settings::default(), "what is wrong does not hold, nor half of it");
}

#[test]
fn keys_that_would_lock_out_or_surprise_are_refused() {
    for (line, why) in [
        ("[keys.anywhere]\nhelp = [\"esc\"]", "Esc always goes back"),
        ("[keys.anywhere]\nhelp = [\"ctrl-c\"]", "always leaves"),
        ("[keys.anywhere]\nhelp = [\"ctrl-s\"]", "the terminal takes it"),
        ("[keys.anywhere]\nhelp = [\"ctrl-m\"]", "terminals send the same"),
        ("[keys.anywhere]\nhelp = [\"j\"]", "moves about"),
        ("[keys.anywhere]\nhelp = [\"4\"]", "by number"),
        ("[keys.service]\nroll-back = [\"B\"]", "a slow link"),
        ("[keys.incident]\ndiagnose = [\"r\"]", "as well"),
        ("[keys.anywhere]\nquit = [\"e\"]", "on escalate of [keys.incident] as well"),
        ("[keys.anywhere]\nhelp = [\";\"]\njournal = [\";\"]", "on help of [keys.anywhere] as well"),
    ] {
        let (set, problems) = settings(line);
        assert_eq!(problems.len(), 1, "{line}: {problems:?}");
        assert!(problems[0].contains(why), "{line}: {problems:?}");
        let changed = bindings(&set.keymap).into_iter().filter(|binding| binding.changed).count();
        assert_eq!(changed, usize::from(line.contains("journal")), "{line}: the first of two holds");
    }
    let (_, problems) = settings("[keys.anywhere]\nback = []\nquit = []\nsuspend = [\"ctrl-z\"]\ntime = []\n");
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn actions_may_trade_their_keys() {
    let (set, problems) = settings("[keys.incident]\nnote = [\"w\"]\nupdate = [\"n\"]\n");
    assert_eq!(problems, [] as [&str; 0]);
    assert_eq!((keys_of(&set, "note"), keys_of(&set, "update")), (vec![Key::Char('w')], vec![Key::Char('n')]));
    // Where one side of a trade is refused, the other does not stay alone on a key that is taken.
    let (set, problems) = settings("[keys.incident]\nnote = [\"w\"]\nupdate = [\"e\"]\n");
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(set.keymap, Keymap::default());
}

#[test]
fn the_defaults_written_out_are_the_defaults() {
    let mut text = String::new();
    let all = bindings(&Keymap::default());
    let places: BTreeSet<&str> = all.iter().map(|binding| binding.place).collect();
    for place in places {
        text.push_str(&format!("[keys.{place}]\n"));
        for binding in all.iter().filter(|binding| binding.place == place) {
            let keys: Vec<String> =
                binding.keys.iter().map(|key| toml::Value::from(key.as_str()).to_string()).collect();
            text.push_str(&format!("{} = [{}]\n", binding.action, keys.join(", ")));
        }
    }
    assert_eq!(settings(&text), (Settings::default(), Vec::new()));
}

#[test]
fn a_text_that_is_no_toml_changes_nothing() {
    let (set, problems) = settings("[board]\ntheme = \"light\"\nmouse = \n");
    assert_eq!(set, Settings::default());
    assert!(problems[0].starts_with("settings.toml:3"), "{problems:?}");
}

#[test]
fn a_home_gives_its_settings_and_themes_and_what_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    let empty = load(Some(&home), Colours::True);
    assert_eq!((empty.settings, empty.problems), (Settings::default(), Vec::new()));
    fs::create_dir(home.themes()).unwrap();
    fs::write(home.themes().join("ward.toml"), "about = \"Ours\"\n[roles]\nok = \"#00ff00\"\n").unwrap();
    fs::write(home.themes().join("torn.toml"), [0xff, 0xfe]).unwrap();
    fs::write(home.settings_file(), "[board]\ntheme = \"ward\"\n").unwrap();
    let setup = load(Some(&home), Colours::True);
    assert_eq!(setup.settings.theme, "ward");
    assert_eq!(setup.shelf.named("ward").unwrap().about, "Ours");
    assert_eq!(setup.problems.len(), 1);
    assert!(setup.problems[0].to_string().contains("torn.toml: it cannot be read"), "{}", setup.problems[0]);
}

/// People write these names in their files: one that changes is theirs to change too.
#[test]
fn names_that_settings_rely_on_are_reviewed() {
    let mut text = String::from("roles\n");
    for (word, _) in Role::ALL {
        text.push_str(&format!("  {word}\n"));
    }
    let mut place = "";
    for binding in bindings(&Keymap::default()) {
        if binding.place != place {
            place = binding.place;
            text.push_str(&format!("keys.{place}\n"));
        }
        text.push_str(&format!("  {}\n", binding.action));
    }
    insta::assert_snapshot!(text);
}
