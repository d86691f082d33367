//! The house keeps its own rules: who may import whom, who reads the clock, where a name may be changed. What a rule is
//! for stands in ARCHITECTURE.md; the map of floors is read from `lib.rs`, so there is one of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// One source file: its room, its path below `src/`, and its text without comments and without its tests.
struct Source {
    room: String,
    path: String,
    code: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| endings.iter().any(|known| ending == *known)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    let folder = root().join("src");
    let mut found = Vec::new();
    for file in files(&folder, &["rs"]) {
        let path = file.strip_prefix(&folder).unwrap().display().to_string();
        if path.ends_with("tests.rs") || path.contains("/tests/") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let code: String = without_tests(&text)
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| [line, "\n"])
            .collect();
        let room = path.split_once('/').map_or("", |(room, _)| room).to_owned();
        found.push(Source { room, path, code });
    }
    assert!(found.len() > 40, "only {} files were found", found.len());
    found
}

/// A text up to its module of tests, which stands at the end.
fn without_tests(text: &str) -> &str {
    let Some(place) = text.rfind("\n#[cfg(test)]\n") else { return text };
    let module = text[place..].lines().skip(2).find(|line| !line.starts_with("#["));
    if module.is_some_and(|line| line.contains("mod tests") && line.ends_with('{')) { &text[..place] } else { text }
}

/// The floor of each room, as the map in `lib.rs` draws it.
fn floors() -> BTreeMap<String, u8> {
    let map = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut floor = None;
    let mut floors = BTreeMap::new();
    for line in map.lines().filter_map(|line| line.strip_prefix("//! ")) {
        let rest = match line.strip_prefix("floor ") {
            Some(rest) => {
                floor = rest[..1].parse().ok();
                &rest[1..]
            }
            None if line.starts_with("         ") => line,
            None => continue,
        };
        if let (Some(floor), Some(room)) = (floor, rest.split_whitespace().next()) {
            floors.insert(room.to_owned(), floor);
        }
    }
    assert!(floors.len() >= 10, "the map was not understood: {floors:?}");
    floors
}

/// The rooms that a text imports or names by their full path.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(group) => found.extend(first_names(group)),
            None => {
                found.insert(word(after));
            }
        }
    }
    found
}

/// The first segment of each member of a group of imports.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut expected, mut names) = (0, true, Vec::new());
    for (place, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expected = true,
            letter if expected && !letter.is_whitespace() => {
                names.push(word(&group[place..]));
                expected = false;
            }
            _ => {}
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// Complains about every file of the rooms asked for that contains one of the texts.
fn forbidden(why: &str, texts: &[&str], asked: impl Fn(&Source) -> bool) {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| asked(source)) {
        for (number, line) in source.code.lines().enumerate() {
            if let Some(text) = texts.iter().find(|text| line.contains(**text)) {
                found.push(format!(
                    "src/{} (line {} of its code) has `{text}`: {}",
                    source.path,
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    assert!(found.is_empty(), "{why}:\n{}", found.join("\n"));
}

#[test]
fn lower_floors_never_import_higher_ones() {
    let floors = floors();
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| !source.room.is_empty()) {
        let own = floors[&source.room];
        for room in imports(&source.code) {
            let Some(floor) = floors.get(&room) else { continue };
            // Recovery stands on the vault; the command line is the door, and also opens the board and the sandbox.
            let exceptions = [("recovery", "vault"), ("cli", "tui"), ("cli", "sandbox")];
            let exception = exceptions.contains(&(source.room.as_str(), room.as_str()));
            if room != source.room && *floor >= own && !exception {
                found.push(format!("src/{} (floor {own}) imports {room} (floor {floor})", source.path));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn imports_are_understood() {
    let code = "use crate::{domain::{Actor, State}, store::Journal,\n    platform};\nlet x = crate::vault::open(); use crate::{self as me};";
    let names: Vec<String> = imports(code).into_iter().collect();
    assert_eq!(names, ["domain", "platform", "self", "store", "vault"]);
}

#[test]
fn every_room_is_on_the_map_and_says_where_it_stands() {
    let floors = floors();
    let declared = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let architecture = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for entry in std::fs::read_dir(root().join("src")).unwrap().map(Result::unwrap) {
        if !entry.path().is_dir() {
            continue;
        }
        let room = entry.file_name().into_string().unwrap();
        let floor = floors.get(&room).unwrap_or_else(|| panic!("{room} is not on the map in lib.rs"));
        assert!(declared.contains(&format!("pub mod {room};")), "lib.rs does not declare {room}");
        assert!(architecture.contains(&room), "ARCHITECTURE.md does not mention {room}");
        let door = std::fs::read_to_string(entry.path().join("mod.rs")).unwrap();
        assert!(
            door.starts_with(&format!("//! Floor {floor}. ")),
            "{room}/mod.rs does not say that it is on floor {floor}"
        );
    }
}

#[test]
fn the_door_of_a_room_holds_no_logic() {
    for source in sources().iter().filter(|source| source.path == format!("{}/mod.rs", source.room)) {
        let logic = ["fn ", "impl ", "macro_rules!"];
        let line = source.code.lines().find(|line| logic.iter().any(|word| line.trim_start().contains(word)));
        assert_eq!(line, None, "src/{} holds logic; give it a file of its own", source.path);
    }
}

#[test]
fn only_the_engine_and_the_outermost_rooms_read_the_clock() {
    let allowed = ["", "engine", "cli", "sandbox"];
    forbidden("time comes in as a value", &["Utc::now", "Local::now", "SystemTime::now"], |source| {
        !allowed.contains(&source.room.as_str())
    });
}

#[test]
fn the_rules_are_pure() {
    let outside = [
        "std::fs",
        "std::net",
        "std::io",
        "std::env",
        "std::process",
        "std::thread",
        "Instant",
        "tokio",
        "rusqlite",
        "reqwest",
        "rand::",
        "async fn",
        ".await",
        "static mut",
        "thread_local",
        "OnceLock",
        "LazyLock",
    ];
    forbidden("no I/O, clock, randomness or async in the rules", &outside, |source| source.room == "domain");
    // The order of a hash map differs from run to run, and with it what a replay decides.
    forbidden("the rules go through maps in order", &["HashMap", "HashSet"], |source| source.room == "domain");
}

#[test]
fn drawing_is_a_pure_function() {
    let outside = ["std::fs", "std::io", "std::env", "std::thread", "Instant", "tokio", "crossterm", "::now("];
    let pure = [
        "tui/view",
        "tui/update",
        "tui/model",
        "tui/fleet",
        "client/fleet/model",
        "client/fleet/merged",
        "client/fleet/summary",
    ];
    forbidden("a picture follows from the model alone", &outside, |source| {
        pure.iter().any(|part| source.path.starts_with(part))
    });
    forbidden("only `term` and the runtime touch the terminal", &["stdout()", "stdin()"], |source| {
        source.room == "tui" && !source.path.starts_with("tui/term") && !source.path.starts_with("tui/runtime")
    });
}

#[test]
fn only_the_command_line_prints() {
    let allowed = ["", "cli", "sandbox"];
    forbidden(
        "what is worth saying is an event, a log line or an answer",
        &["println!", "print!(", "dbg!"],
        |source| !allowed.contains(&source.room.as_str()),
    );
}

#[test]
fn programs_are_started_without_a_shell() {
    let shells = ["Command::new(\"sh\")", "Command::new(\"bash\")", "Command::new(\"/bin/sh\")", "\"sh\", \"-c\""];
    forbidden("an argument list needs no quoting", &shells, |_| true);
}

/// A path of somebody's computer, a note to oneself: neither belongs into what others read.
#[test]
fn nothing_private_is_left_behind() {
    let unwanted = [
        ["/ho", "me/"].concat(),
        ["/ro", "ot/"].concat(),
        ["/wo", "rk/"].concat(),
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
    ];
    let mut found = Vec::new();
    let folders = ["src", "tests", "assets", "themes", "runbooks", "benches", "docs", ".ci"];
    let mut all: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| files(&root().join(folder), &["rs", "md", "toml", "service", "html", "snap"]))
        .collect();
    all.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Cargo.toml"].map(|name| root().join(name)));
    for file in all {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some(text) = unwanted.iter().find(|text| begins_in(line, text)) {
                found.push(format!("{}:{} has {text}", file.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Whether a text stands in a line, and not as the rest of a longer name.
fn begins_in(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(place, _)| !line[..place].ends_with(|before: char| before.is_alphanumeric()))
}

/// Names that scripts and journals hold on to. A change here is a change for every user: rename nothing, add at will.
#[test]
fn names_that_others_rely_on_are_reviewed() {
    let mut text = String::new();
    let read = |file: &str| std::fs::read_to_string(root().join("src/domain").join(file)).unwrap();
    for (title, file, start) in
        [("events", "event.rs", "pub enum Event {"), ("commands", "command.rs", "pub enum Command {")]
    {
        let all = read(file);
        let body = all.split_once(start).and_then(|(_, rest)| rest.split_once("\n}\n")).unwrap().0;
        let names: Vec<String> = body
            .lines()
            .filter(|line| line.starts_with("    ") && line[4..].starts_with(|letter: char| letter.is_uppercase()))
            .map(|line| word(&line[4..]))
            .collect();
        text.push_str(&format!("{title}\n  {}\n", names.join("\n  ")));
    }
    let mut rules = BTreeSet::new();
    for source in sources().iter().filter(|source| source.room == "domain") {
        for after in source.code.split("Refusal::new(").skip(1) {
            if let Some(rule) = after.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"')) {
                rules.insert(rule.0.to_owned());
            }
        }
    }
    let rules: Vec<String> = rules.into_iter().collect();
    text.push_str(&format!("rules that refuse\n  {}\n", rules.join("\n  ")));
    insta::assert_snapshot!(text);
}
