use std::collections::BTreeMap;

use proptest::{prelude::*, sample::Index};

use super::*;
use crate::{
    domain::BookProof,
    platform::{self, Platform},
};

const BOOK: &str = include_str!("../../runbooks/RB-02-database-connection.md");

fn day(text: &str) -> chrono::NaiveDate {
    text.parse().unwrap()
}

/// What is said about a book once one text of it is another.
fn told(from: &str, to: &str) -> Vec<String> {
    assert!(BOOK.contains(from), "the book does not say {from:?}");
    told_of(&BOOK.replacen(from, to, 1))
}

fn told_of(text: &str) -> Vec<String> {
    lint("book.md", text, &Surroundings::default()).iter().map(ToString::to_string).collect()
}

fn hash(text: &str) -> String {
    read("book.md", text).runbook.unwrap().hash
}

fn hospital() -> Platform {
    let text = r#"
        [platform]
        name = "Ward"
        [[operator]]
        name = "bob"
        roles = ["engineer"]
        login = "bob"
        [[service]]
        name = "records-db"
        [[service.action]]
        name = "restart"
        run = "systemctl restart records"
        risk = "medium"
        [[service]]
        name = "patient-api"
        [[component]]
        name = "records"
        service = "records-db"
        kind = "database"
        sqlite = { path = "/srv/records.db" }
    "#;
    platform::parse(text, "codeblue.toml".as_ref()).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_book_that_comes_along_is_right_laid_out_and_has_its_nine_sections() {
    let ids: Vec<String> = built_in().map(|volume| volume.id().to_owned()).collect();
    let around = Surroundings { platform: None, books: &ids, today: Some(day("2026-12-24")) };
    for volume in built_in() {
        let findings = lint(&volume.file, &volume.text, &around);
        assert!(findings.is_empty(), "{}", findings.iter().map(|found| format!("{found}\n")).collect::<String>());
        assert_eq!(format(&volume.text), volume.text, "{}: codeblue runbook fmt", volume.file);
        let book = volume.reading.runbook.as_ref().unwrap();
        assert!(volume.file.ends_with(&format!("{}.md", book.front.id)), "{}", volume.file);
        assert_eq!(book.sections.iter().map(|section| section.kind).collect::<Vec<_>>(), SectionKind::ALL);
        for line in plain(book, None, &BookProof::Never).lines() {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= 80, "{}: {line}", book.front.id);
        }
    }
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_was_meant() {
    let cases = [
        (
            "severity: SEV1",
            "severity: SEVI",
            "book.md:6:11: error: severity: \"SEVI\" is none of them; did you mean \"SEV1\"? [field]",
        ),
        (
            "rto: 30m",
            "rto: soon",
            "book.md:13:6: error: rto: \"soon\" is no duration; expected a duration such as 30m, 90d or 1h 30m [field]",
        ),
        ("## Rollback", "## Rolback", "did you mean \"Rollback\"? [section]"),
        ("\"timeout\":\"10s\",\"onFail\"", "\"timeuot\":\"10s\",\"onFail\"", "did you mean \"timeout\"? [attribute]"),
        ("\"verify\":\"database-well\"", "\"verify\":\"databse-well\"", "did you mean \"database-well\"? [verify]"),
        (" (recycle-pool)", " (recycle-pol)", "did you mean \"recycle-pool\"? [goto]"),
        ("show \"$API\" --json", "show \"$APY\" --json", "did you mean \"API\"? [input]"),
    ];
    for (from, to, expected) in cases {
        let told = told(from, to);
        assert!(told.iter().any(|line| line.contains(expected)), "{to}: {told:#?}");
    }
}

#[test]
fn what_could_do_harm_unseen_is_an_error() {
    let write = "\"interactive\":\"false\",\"excludeFromRunAll\":\"true\"}\ncodeblue snapshot create";
    let cases = [
        (write, "\"interactive\":\"false\"}\ncodeblue snapshot create", "[run-all]"),
        ("\"undo\":\"none: a snapshot takes nothing away\",", "", "[undo]"),
        ("\"undo\":\"undo-restore\"", "\"undo\":\"restart-database\"", "[undo]"),
        ("\"timeout\":\"2m\",", "", "[timeout]"),
        ("≤2 min · undo: none", "≤1 min · undo: none", "[visible-line]"),
        ("codeblue status --json", "codeblue status --json | tee /tmp/x", "[command]"),
        ("codeblue status --json", "rm -rf /srv", "[requires]"),
        ("codeblue status --json", "codeblue action run \"$DATABASE\" restart", "[check-writes]"),
        ("run \"$DATABASE\" restart", "run inventory restart", "[blast-radius]"),
        ("\"confirm\":\"typed:restore the database\",", "\"confirm\":\"yes\",", "[confirm]"),
        ("\"name\":\"api-well\"", "\"name\":\"integrity\"", "[step-name]"),
    ];
    for (from, to, rule) in cases {
        let told = told(from, to);
        assert!(told.iter().any(|line| line.contains(rule)), "{rule}: {told:#?}");
        assert!(read("book.md", &BOOK.replacen(from, to, 1)).runbook.is_none(), "{rule}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_their_order() {
    let text = BOOK.replacen("severity: SEV1", "severity: SEV9", 1).replacen("\"timeout\":\"2m\",", "", 1).replacen(
        "## Validation",
        "## Proof",
        1,
    );
    let lines: Vec<usize> = lint("book.md", &text, &Surroundings::default()).iter().map(|found| found.line).collect();
    assert!(lines.len() >= 3 && lines.is_sorted(), "{lines:?}");
}

#[test]
fn the_hash_is_of_what_is_meant_and_not_of_who_proved_it_or_how_it_is_laid_out() {
    let proved = BOOK.replacen(
        "reviewed_on: 2026-11-22",
        &format!("verified_on: 2026-11-20\nverified_hash: {}\nreviewed_on: 2026-12-01", hash(BOOK)),
        1,
    );
    let spaced = BOOK.replacen("severity: SEV1", "severity:    SEV1", 1);
    assert_eq!([hash(&proved), hash(&spaced)], [hash(BOOK), hash(BOOK)]);
    let book = read("book.md", &proved).runbook.unwrap();
    assert_eq!(book.is_stamped(), Some(true));
    let changed = proved.replacen("Five different causes", "Six different causes", 1);
    let told = told_of(&changed);
    assert!(told.len() == 1 && told[0].contains("has changed since a drill proved it"), "{told:#?}");
}

#[test]
fn the_hash_of_a_laid_out_book_can_be_found_without_this_program() {
    // sed '2,/^---$/{/^\(verified\|reviewed\)_/d}' BOOK.md | sha256sum
    use sha2::Digest;
    let mut is_front = true;
    let mut kept = String::new();
    for (index, line) in BOOK.split_inclusive('\n').enumerate() {
        if !(is_front && (line.starts_with("verified_") || line.starts_with("reviewed_"))) {
            kept.push_str(line);
        }
        is_front &= index == 0 || line != "---\n";
    }
    assert_eq!(hash(BOOK), hex::encode(sha2::Sha256::digest(kept)));
}

#[test]
fn a_step_is_the_same_step_wherever_it_stands() {
    let moved = format(&BOOK.replacen(
        "### 2. Take the incident",
        "### 2. Something new\n\n- [ ] Do it.\n\n### 2. Take the incident",
        1,
    ));
    let (before, after) = (read("a", BOOK).runbook.unwrap(), read("a", &moved).runbook.unwrap());
    assert_ne!(before.hash, after.hash);
    for step in before.steps().filter(|step| !matches!(step.work, Work::Decision { .. })) {
        assert_eq!(after.step(&step.name).unwrap().hash, step.hash, "{}", step.name);
    }
    let edited = BOOK.replacen("restart --incident", "thaw --incident", 1);
    let edited = read("a", &edited).runbook.unwrap();
    assert_ne!(edited.step("restart-database").unwrap().hash, before.step("restart-database").unwrap().hash);
}

#[test]
fn reviews_that_are_overdue_are_told_and_then_refused() {
    let on = |today: &str| {
        let around = Surroundings { today: Some(day(today)), ..Surroundings::default() };
        lint("book.md", BOOK, &around).into_iter().map(|found| found.level).collect::<Vec<_>>()
    };
    assert_eq!(on("2027-02-20"), []);
    assert_eq!(on("2027-02-21"), [Level::Warning]);
    assert_eq!(on("2027-05-22"), [Level::Error]);
    let never = BOOK.replacen("reviewed_on: 2026-11-22\n", "", 1);
    let around = Surroundings { today: Some(day("2026-11-22")), ..Surroundings::default() };
    assert_eq!(lint("book.md", &never, &around).len(), 1);
}

#[test]
fn what_the_platform_does_not_have_is_told() {
    let platform = hospital();
    let around = Surroundings { platform: Some(&platform), ..Surroundings::default() };
    let told = |text: &str| lint("book.md", text, &around).iter().map(ToString::to_string).collect::<Vec<_>>();
    // thaw and the others say that they are skipped where they are not declared
    let only = told(BOOK);
    assert!(
        matches!(&only[..], [one] if one.contains("DATABASE_CONFIG is \"records-db-config\"") && one.contains("[component]")),
        "{only:#?}"
    );
    let text = BOOK.replace("DATABASE_CONFIG:component:records-db-config", "DATABASE_CONFIG:component:records");
    assert_eq!(told(&text), [] as [String; 0]);
    let wrong = text
        .replace("\"when\":\"action.$DATABASE/thaw\",\"timeout\"", "\"timeout\"")
        .replace("\"onSkip\":\"goto:restart-database\",\"then\"", "\"then\"");
    assert!(
        told(&format(&wrong)).iter().any(|line| line.contains("no action \"thaw\" of records-db")),
        "{:#?}",
        told(&format(&wrong))
    );
    let other = text.replace("API:service:patient-api", "API:service:patient-apo");
    assert!(told(&other).iter().any(|line| line.contains("did you mean \"patient-api\"")));
}

#[test]
fn a_plan_says_what_would_run_who_has_to_agree_and_what_is_missing() {
    let (book, platform) = (read("a", BOOK).runbook.unwrap(), hospital());
    let given = BTreeMap::from([
        ("DATABASE_CONFIG".to_owned(), "records".to_owned()),
        ("INCIDENT".to_owned(), "INC-7".to_owned()),
    ]);
    let found = plan(&book, Some(&platform), &given, BookProof::Never);
    let step = |name: &str| found.steps.iter().find(|step| step.name == name).unwrap();
    assert_eq!(step("thaw").skipped.as_deref(), Some("the platform declares no action thaw of records-db"));
    let restart = step("restart-database");
    let command = "codeblue action run records-db restart --incident INC-7 --reason 'the process is gone or hangs' --confirm records-db --wait";
    assert_eq!((restart.command.as_deref(), restart.skipped.as_deref()), (Some(command), None));
    assert_eq!(restart.approvals, platform.approvals.medium);
    assert!(step("undo-restore").command.as_deref().unwrap().contains("<RECOVERY>"));
    let missing: Vec<&str> = found.missing.iter().map(|missing| missing.what.as_str()).collect();
    assert_eq!(missing, ["the platform file names nobody as technical-lead"]);
    let wrong = plan(
        &book,
        Some(&platform),
        &BTreeMap::from([("DATABASE".to_owned(), "--everything".to_owned()), ("X".to_owned(), "1".to_owned())]),
        BookProof::Never,
    );
    assert!(
        wrong.missing.iter().any(|missing| missing.what.starts_with("DATABASE is \"--everything\"")),
        "{:?}",
        wrong.missing
    );
    assert!(wrong.missing.iter().any(|missing| missing.what == "the book has no input X"));
}

#[test]
fn a_secret_is_in_no_plan_and_on_no_paper() {
    let text = BOOK.replacen("  - RECORDS:", "  - PASSWORD:secret::of the vault\n  - RECORDS:", 1).replacen(
        "--component \"$RECORDS\" --reason \"evidence",
        "--component \"$RECORDS\" --reason \"$PASSWORD\" --reason \"evidence",
        1,
    );
    let reading = read("a", &text);
    assert!(reading.findings.iter().any(|found| found.rule == "secret"), "no run begins it: {:?}", reading.findings);
    let book = reading.runbook.unwrap();
    let found = plan(&book, None, &BTreeMap::from([("PASSWORD".to_owned(), "hunter2".to_owned())]), BookProof::Never);
    let shown = serde_json::to_string(&found).unwrap() + &plain(&book, None, &BookProof::Never);
    assert!(!shown.contains("hunter2"));
    assert!(shown.contains("--reason '***'"));
}

#[test]
fn fmt_writes_what_can_be_found_out_and_leaves_prose_alone() {
    let bare = "---\ncodeblue:   runbook/v1\n---\n## Diagnosis\n### Look\nSome   prose *here*\n\n```sh {\"timeout\": \"5s\", \"kind\":\"check\"}\ntrue\n```\n### Act\n```bash {\"undo\":\"none: it is a test\",\"effect\":\"write\",\"timeout\":\"5s\"}\ntrue\n```\n- [ ] a\n";
    let right = "---\ncodeblue: runbook/v1\n---\n## Diagnosis\n### 1. Look\n_Check · reads only · engineer · ≤5 s_\n\nSome   prose *here*\n\n```sh {\"kind\":\"check\",\"timeout\":\"5s\",\"interactive\":\"false\"}\ntrue\n```\n### 2. Act\n_Action · writes · engineer · ≤5 s · undo: none_\n```bash {\"effect\":\"write\",\"timeout\":\"5s\",\"undo\":\"none: it is a test\",\"interactive\":\"false\",\"excludeFromRunAll\":\"true\"}\ntrue\n```\n- [ ] a\n";
    assert_eq!(format(bare), right);
}

#[test]
fn a_stock_runme_would_run_nothing_but_reads() {
    for volume in built_in() {
        let book = volume.reading.runbook.clone().unwrap();
        // The rule as runme documents it: every block that is not ignored, but those excluded from running all.
        let mut left = Vec::new();
        for line in volume.text.lines().filter(|line| line.starts_with("```") && line.len() > 3) {
            let attributes = &line[line.find('{').unwrap()..=line.find('}').unwrap()];
            let attributes: BTreeMap<String, String> = serde_json::from_str(attributes).unwrap();
            let is = |key: &str| attributes.get(key).is_some_and(|value| value == "true");
            if !is("ignore") && !is("excludeFromRunAll") {
                left.push(attributes["name"].clone());
            }
        }
        assert!(!left.is_empty(), "{}", volume.file);
        for name in left {
            let step = book.step(&name).unwrap_or_else(|| panic!("{}: {name}", volume.file));
            assert!(matches!(step.work, Work::Check(_) | Work::Wait(_)), "{}: {name}", volume.file);
        }
    }
}

#[test]
fn a_book_that_is_no_text_or_has_control_characters_is_refused() {
    assert!(read_bytes("a", b"\xff\xfe").findings[0].to_string().contains("no text in UTF-8"));
    let escape = BOOK.replacen("Five different causes", "Five \u{1b}[2J causes", 1);
    let told = told_of(&escape);
    assert!(told.len() == 1 && told[0].contains("control character U+001B"), "{told:#?}");
    assert!(!told[0].contains('\u{1b}'));
}

/// A book with pieces of it taken out, doubled and moved, and foreign ones put in.
fn mangled() -> impl Strategy<Value = String> {
    let foreign = prop_oneof![
        Just("```".to_owned()),
        Just("### 3. ".to_owned()),
        Just("## ".to_owned()),
        Just("---\n".to_owned()),
        Just("- [ ] a → b".to_owned()),
        Just("{\"name\":\"x\"}".to_owned()),
        Just("\r\n".to_owned()),
        Just("> [!CAUTION]\n".to_owned()),
        Just("_Check · x_".to_owned()),
        Just("<!-- {\"kind\":\"gate\"} -->\n".to_owned()),
        Just("→".to_owned()),
        "\\PC{0,6}",
    ];
    prop::collection::vec((any::<Index>(), any::<Index>(), 0_u8..4, foreign), 0..12).prop_map(|edits| {
        let mut lines: Vec<String> = BOOK.split_inclusive('\n').map(str::to_owned).collect();
        for (at, other, how, foreign) in edits {
            if lines.is_empty() {
                break;
            }
            let (at, other) = (at.index(lines.len()), other.index(lines.len()));
            match how {
                0 => drop(lines.remove(at)),
                1 => lines.insert(at, lines[other].clone()),
                2 => lines.insert(at, foreign),
                _ => {
                    let cut = lines[at].char_indices().nth(other % 40).map_or(0, |(place, _)| place);
                    lines[at].insert_str(cut, &foreign);
                }
            }
        }
        lines.concat()
    })
}

proptest! {
    #[test]
    fn reading_any_bytes_ends_well(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let reading = read_bytes("a", &bytes);
        prop_assert!(reading.runbook.is_some() || !reading.findings.is_empty());
    }

    #[test]
    fn laying_out_any_text_twice_is_laying_it_out_once(text in "(?s).{0,300}") {
        let once = format(&text);
        prop_assert_eq!(format(&once), once);
    }

    #[test]
    fn a_mangled_book_is_read_and_laid_out_all_the_same(text in mangled()) {
        let (reading, once) = (read("a", &text), format(&text));
        prop_assert!(reading.runbook.is_some() || !reading.findings.is_empty());
        prop_assert_eq!(format(&once), once.as_str());
        if let Some(book) = reading.runbook {
            prop_assert_eq!(read("a", &once).runbook, Some(book));
        }
    }
}

#[test]
fn a_book_reads_back_from_the_record_as_it_was() {
    for volume in built_in() {
        let book = volume.reading.runbook.unwrap();
        let written = serde_json::to_string(&book).unwrap();
        assert_eq!(serde_json::from_str::<Runbook>(&written).unwrap(), book, "{}", volume.file);
    }
}
