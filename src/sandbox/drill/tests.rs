use std::{path::Path, sync::Arc};

use super::{library::library, *};
use crate::{
    domain::{Part, Remedy, ServiceHealth, State, Status},
    platform, runbook,
    sandbox::{layout::Layout, write_platform},
};

const GOOD: &str = "codeblue = \"drill/v1\"\nid = \"own\"\ntitle = \"Our own\"\nscenario = \"database\"\nbook = \"RB-02-database-connection\"\n\
    [objectives]\ndetect = \"see it\"\n[[variant]]\nfaults = [\"pool-leak records-db\"]\nservice = \"records-db\"\n\
    cause = \"pool-exhausted\"\ncured_by = [\"restart records-db\"]\n";

fn built_in() -> Vec<DrillFile> {
    let read = |volume: DrillVolume| volume.drill.unwrap_or_else(|problems| panic!("{problems}"));
    library(None).unwrap().into_iter().map(read).collect()
}

#[test]
fn mistakes_are_told_with_their_lines_and_what_was_meant() {
    let text = "codeblue = \"drill/v1\"\nid = \"Own Drill\"\ntitle = \"\"\nscenario = \"databse\"\nbook = \"RB-02\"\n\
        limit = \"2h\"\nlimt = \"2m\"\n[objectives]\ndetct = \"see it\"\n[[variant]]\nfaults = [\"pool-leek records-db\", \"kill auht\", \"kill\"]\n\
        service = \"records\"\ncause = \"pool-exhaustd\"\ncured_by = [\"restart recrods-db\"]\n[[decoy]]\nnoise = \"auth\"\nfault = \"log-storm inventory\"\n";
    let told = read(Path::new("own.toml"), text).expect_err("it is wrong").to_string();
    for expected in [
        "own.toml:2: id: \"Own Drill\" is no valid name; did you mean \"own-drill\"?",
        "own.toml:3: title: it is empty",
        "own.toml:4: scenario: unknown value \"databse\"; did you mean \"database\"?",
        "own.toml:6: limit: no drill lasts so long, or so short; expected one second to 25 minutes",
        "own.toml:7: unknown key \"limt\"; did you mean \"limit\"?",
        "own.toml:9: objectives: unknown key \"detct\"; did you mean \"detect\"?",
        "own.toml:11: variant.faults: there is no fault \"pool-leek\"; did you mean \"pool-leak\"?",
        "own.toml:11: variant.faults: there is no service \"auht\" in a sandbox",
        "did you mean \"auth\"?",
        "own.toml:11: variant.faults: \"kill\" does not say whom it hits",
        "own.toml:12: variant.service: unknown value \"records\"; did you mean \"records-db\"?",
        "own.toml:13: variant.cause: unknown value \"pool-exhaustd\"; did you mean \"pool-exhausted\"?",
        "own.toml:14: variant.cured_by: there is no service \"recrods-db\"; did you mean \"records-db\"?",
        "own.toml:15: decoy: it has 2 of them; expected one of fault, deployment, noise",
    ] {
        assert!(told.contains(expected), "{expected}\n{told}");
    }
    let nothing = read(Path::new("own.toml"), "codeblue = \"drill/v2\"\n").expect_err("it is wrong").to_string();
    for expected in ["unknown value \"drill/v2\"", "\"id\" is missing", "variant: there is none"] {
        assert!(nothing.contains(expected), "{expected}\n{nothing}");
    }
}

#[test]
fn a_drill_of_ones_own_takes_the_place_of_one_that_comes_along() {
    let home = tempfile::tempdir().unwrap();
    let own = GOOD.replace("id = \"own\"", "id = \"pool-exhaustion\"");
    std::fs::write(home.path().join("mine.toml"), own).unwrap();
    std::fs::write(home.path().join("broken.toml"), "id = 1\n").unwrap();
    let volumes = library(Some(home.path())).unwrap();
    let mine = find(&volumes, "pool-exhaustion").unwrap();
    assert_eq!(mine.drill.as_ref().map(|drill| drill.title.as_str()).ok(), Some("Our own"));
    assert!(find(&volumes, "broken").unwrap().drill.is_err(), "one that is wrong hides no other");
    assert_eq!(volumes.iter().filter(|volume| volume.id() == "pool-exhaustion").count(), 1);
}

#[test]
fn a_seed_gives_the_same_drill_always_and_each_variant_and_decoy_some_time() {
    for file in built_in() {
        let drawn: Vec<_> = (0..60).map(|seed| draw(&file, seed, false).unwrap()).collect();
        assert_eq!(drawn[7], draw(&file, 7, false).unwrap());
        for variant in &file.variants {
            assert!(drawn.iter().any(|drawn| drawn.faults == variant.faults), "{}: {:?}", file.id, variant.faults);
        }
        for decoy in &file.decoys {
            assert!(drawn.iter().any(|drawn| drawn.decoys.contains(decoy)), "{}: {decoy}", file.id);
        }
        let alarm = draw(&file, 7, true).unwrap();
        assert!(alarm.faults.is_empty() && !alarm.decoys.is_empty() && alarm.truth.is_false_alarm(), "{}", file.id);
    }
    // Known by heart, so that a score on paper can be held again in years.
    let known = built_in().into_iter().find(|file| file.id == "slow-service").unwrap();
    let picked = (1..=6).map(|seed| draw(&known, seed, false).unwrap().truth.faults.join("+"));
    assert_eq!(
        picked.collect::<Vec<_>>().join(", "),
        "slow handouts, slow checkin, slow ai-analysis, slow checkin, slow handouts, slow handouts"
    );
}

#[test]
fn every_drill_that_a_book_names_can_be_held_and_is_for_that_book() {
    let drills = built_in();
    let mut scenarios = std::collections::BTreeSet::new();
    for book in runbook::built_in().filter_map(|volume| volume.reading.runbook) {
        for name in &book.front.drills {
            let drill = drills.iter().find(|drill| drill.id == *name);
            let drill = drill.unwrap_or_else(|| panic!("{} names {name}, and there is no such drill", book.front.id));
            assert_eq!((&drill.book, drill.scenario), (&book.front.id, book.front.scenario), "{name}");
            scenarios.insert(drill.scenario_name);
        }
        let of_book = drills.iter().filter(|drill| drill.book == book.front.id);
        for drill in of_book {
            assert!(book.front.drills.contains(&drill.id), "{} does not name {}", book.front.id, drill.id);
        }
    }
    assert_eq!(scenarios.len(), 8, "{scenarios:?}");
    assert!(drills.iter().all(|drill| drill.objectives.iter().any(|objective| objective.part == Part::Detect)));
}

#[test]
fn what_a_drill_names_is_what_the_sandbox_declares() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("sandbox");
    Layout::create(&dir, 1, chrono::Utc::now()).unwrap();
    let path = write_platform(&dir, home.path(), Path::new("/usr/bin/codeblue"), "nurse").unwrap();
    let declared = platform::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
    for drill in built_in() {
        for decoy in &drill.decoys {
            if let Decoy::Deployment(component) = decoy {
                assert!(declared.component(component).is_some(), "{}: {component}", drill.id);
            }
        }
        for cure in drill.variants.iter().flat_map(|variant| &variant.cured_by) {
            let known = match cure {
                Remedy::RollBack { component } => declared.component(component).is_some(),
                Remedy::RunAction { service, action } => {
                    let service = declared.service(service);
                    service.is_some_and(|service| service.actions.iter().any(|known| known.name == *action))
                }
            };
            assert!(known, "{}: {cure:?}", drill.id);
        }
    }
}

#[test]
fn a_drill_stops_when_something_fails_that_its_fault_cannot_reach() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("sandbox");
    Layout::create(&dir, 1, chrono::Utc::now()).unwrap();
    let path = write_platform(&dir, home.path(), Path::new("/usr/bin/codeblue"), "nurse").unwrap();
    let platform = platform::load(&path).unwrap_or_else(|problems| panic!("{problems}"));
    let mut state = State { platform: Arc::new(platform), ..State::default() };
    let file = built_in().into_iter().find(|file| file.id == "auth-clock-skew").unwrap();
    let mut drawn = draw(&file, 1, false).unwrap();
    drawn.truth.decoy_services = vec!["ai-analysis".to_owned()];
    let radius = guard::blast_radius(&state, &drawn);
    let mut failing = |name: &str| {
        let health = ServiceHealth { status: Status::Down, ..ServiceHealth::default() };
        state.services = [(name.to_owned(), health)].into();
        guard::outside(&state, &radius, chrono::DateTime::UNIX_EPOCH)
    };
    for reached in ["auth", "patient-api", "checkin", "ai-analysis"] {
        assert_eq!(failing(reached), None, "{reached}");
    }
    assert!(failing("inventory").is_some_and(|why| why.starts_with("inventory is down")), "nothing there needs auth");
    assert!(failing("records-db").is_some());
}

#[test]
fn a_drill_stops_when_its_host_is_short_of_something_and_not_for_what_cannot_be_measured() {
    let dir = Path::new("/srv/sandbox");
    let well =
        || guard::Host { processors: 2, load: Some(31.9), free_memory_kib: Some(192 << 10), free_disk: Some(96 << 20) };
    assert_eq!(well().shortage(dir), None, "at its bounds");
    for (host, told) in [
        (guard::Host { load: Some(33.0), ..well() }, "the load of this host is 33 on 2 processors"),
        (guard::Host { free_memory_kib: Some((192 << 10) - 1), ..well() }, "this host has 191 MiB of memory left"),
        (guard::Host { free_disk: Some((96 << 20) - 1), ..well() }, "/srv/sandbox has 95 MiB left"),
    ] {
        assert_eq!(host.shortage(dir).as_deref(), Some(told));
    }
    let unknown = guard::Host { load: None, free_memory_kib: None, free_disk: None, ..well() };
    assert_eq!(unknown.shortage(dir), None);
    let measured = guard::Host::measured(Path::new("/"));
    assert!(measured.load.is_some() && measured.free_memory_kib.is_some() && measured.free_disk.is_some());
}
