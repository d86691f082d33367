//! Redaction, measured on made-up records and on public logs, and asked of the program.

use std::path::Path;

use assert_cmd::Command;
use codeblue::diagnosis::{Found, PseudonymKey, Redactor};
use proptest::prelude::*;
use serde_json::Value;

use crate::records::{HELD, Kind, PROSE_HELD, PROSE_SEEN, Record, SEEN, Seed, record, records};

/// How much of a planted value was found: all of its letters and digits, or it counts as missed.
fn is_found(record: &Record, found: &[Found], start: usize, end: usize) -> bool {
    record.text[start..end].char_indices().filter(|(_, c)| c.is_alphanumeric()).all(|(at, _)| {
        let at = start + at;
        found.iter().any(|one| one.start <= at && at < one.end)
    })
}

/// The share of planted values that is found, and some that are not.
fn recall(redactor: &Redactor, records: &[Record]) -> (f64, Vec<String>) {
    let (mut planted, mut missed) = (0_u32, Vec::new());
    for record in records {
        let found = redactor.find(&record.text);
        for (_, field, start, end) in &record.planted {
            planted += 1;
            if !is_found(record, &found, *start, *end) {
                missed.push(format!("{field} {:?} in {}", &record.text[*start..*end], record.text));
            }
        }
    }
    (1.0 - missed.len() as f64 / f64::from(planted), missed)
}

#[test]
fn planted_identifiers_are_found() {
    let redactor = Redactor::default();
    for (what, formats, kind, least) in [
        ("keyed, seen", SEEN, Kind::Keyed, 0.999),
        ("keyed, held", HELD, Kind::Keyed, 0.999),
        ("names, seen", PROSE_SEEN, Kind::Name, 0.98),
        ("names, held", PROSE_HELD, Kind::Name, 0.98),
    ] {
        let (share, missed) = recall(&redactor, &records(formats, kind, 20, 11));
        println!("{what}: {share:.5}");
        let some: Vec<&String> = missed.iter().take(5).collect();
        assert!(share >= least, "{what}: {share:.5} is less than {least}, such as {some:#?}");
    }
}

#[test]
fn public_logs_stay_as_they_are() {
    let Some(data) = std::env::var_os("CODEBLUE_DATA") else {
        eprintln!("SKIPPED: the logs of Loghub; CODEBLUE_DATA names no folder with them");
        return;
    };
    let redactor = Redactor::default();
    let (mut lines, mut altered) = (0, Vec::new());
    for set in
        std::fs::read_dir(Path::new(&data).join("loghub_2k")).unwrap().flatten().filter(|set| set.path().is_dir())
    {
        let name = set.file_name().into_string().unwrap();
        let bytes = std::fs::read(set.path().join(format!("{name}_2k.log"))).unwrap();
        for line in String::from_utf8_lossy(&bytes).lines().step_by(4) {
            lines += 1;
            if !redactor.find(line).is_empty() {
                altered.push(line.to_owned());
            }
        }
    }
    assert!(lines >= 4000, "only {lines} lines were found");
    println!("{} of {lines} lines altered", altered.len());
    assert!(altered.len() * 100 <= lines, "{} of {lines}: {altered:#?}", altered.len());
}

/// A text as hostile as they come: pieces of records, tokens, signs and letters of all kinds.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<u64>().prop_map(|seed| {
            let mut seed = Seed(seed);
            let formats = [SEEN, HELD, PROSE_SEEN, PROSE_HELD][seed.below(4)];
            let format = seed.below(formats.len());
            let text = record(formats[format], Kind::Keyed, &mut seed).text;
            let (from, until) = (seed.below(text.len()), seed.below(text.len() + 1));
            text.get(from..until.max(from)).unwrap_or_default().to_owned()
        }),
        "\\PC{0,12}",
        "[\\x00-\\x7f]{0,12}",
        Just("[NAME]".to_owned()),
        Just("[DATE#a3f1c2] [IP] [".to_owned()),
        Just(" password=".to_owned()),
        Just(" born 3/5/1971 \u{1}\u{2} patient ".to_owned()),
    ];
    prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_taken_out_stays_out(text in any_text()) {
        let redactor = Redactor::default();
        let line = text.replace(['\n', '\r'], " ");
        let once = redactor.redact(&line);
        prop_assert_eq!(redactor.redact(&once), once, "of {:?}", line);
        let key = PseudonymKey::new(b"incident");
        let marked = redactor.pseudonymise(&line, &key);
        prop_assert_eq!(redactor.pseudonymise(&marked, &key), marked, "of {:?}", line);
    }

    #[test]
    fn places_are_in_order_between_letters_and_all_that_is_replaced(text in any_text()) {
        let redactor = Redactor::default();
        let found = redactor.find(&text);
        let mut last = 0;
        for one in &found {
            prop_assert!(last <= one.start && one.start < one.end && one.end <= text.len());
            prop_assert!(text.is_char_boundary(one.start) && text.is_char_boundary(one.end));
            last = one.end;
        }
        let mut rest = redactor.render(&text, &found, None);
        let mut at = 0;
        for one in &found {
            let token = format!("[{}]", redactor.name(one.class));
            let kept = text[at..one.start].to_owned() + &token;
            prop_assert!(rest.starts_with(&kept));
            rest = rest.split_off(kept.len());
            at = one.end;
        }
        prop_assert_eq!(rest, &text[at..]);
    }
}

/// Ways in which programs write what opens something.
const PLACES: &[&str] = &[
    "password={}",
    "PGPASSWORD='{}'",
    "\"api_key\": \"{}\"",
    "\\\"clientSecret\\\":\\\"{}\\\"",
    "Authorization: Bearer {}",
    "X-Api-Key: {}",
    "https://app:{}@host.internal/x",
    "?access_token={}&page=2",
    "<password>{}</password>",
    "UPDATE t SET passwd = '{}'",
    "--token {}",
    "the password is {}",
    "passphrase: {}",
    "Cookie: SESSIONID={}",
    "{'refresh_token': '{}'}",
    "Account{secretKey={}, id=7}",
    "AccountKey={};EndpointSuffix=x",
    "db.password: \"{}\"",
    "secret => \"{}\"",
    "OTP={}",
];

#[test]
fn no_planted_secret_survives() {
    let redactor = Redactor::default();
    let mut seed = Seed(5);
    let mut survived = Vec::new();
    // Ten times as many where the program is built to be fast.
    let many = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
    for _ in 0..many / PLACES.len() / 5 {
        let mut planted = Vec::new();
        let mut lines = String::new();
        for place in PLACES.iter().cycle().take(PLACES.len() * 5) {
            let length = 8 + seed.below(40);
            // One of each kind at least, so that none is a word or a number.
            let secret = seed.signs("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz0123456789-_", length) + "7kQ";
            let secret = format!("{}{secret}", seed.signs("ABCDEFGHabcdefgh", 1));
            lines += &format!("2026-03-02 10:11:12 INFO call {} done\n", place.replace("{}", &secret));
            planted.push(secret);
        }
        let told = redactor.redact(&lines);
        survived.extend(planted.into_iter().filter(|secret| told.contains(secret.as_str())));
    }
    assert!(survived.is_empty(), "{} of {many} survived: {:?}", survived.len(), &survived[..survived.len().min(5)]);
}

fn codeblue() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_codeblue"));
    command.env_remove("CODEBLUE_HOME").arg("redact");
    command
}

#[test]
fn the_filter_keeps_every_other_byte() {
    let text =
        b"ssn=078-05-1120\r\n\n\x00plain \xff\xfe bytes dob=1971-03-05\nname: Ann Quill;\x1b[0m\nno end mrn=44712"
            .to_vec();
    let done = codeblue().arg("--report").write_stdin(text).assert().success();
    let out = done.get_output();
    assert_eq!(
        out.stdout,
        b"ssn=[SSN]\r\n\n\x00plain \xff\xfe bytes dob=[DATE]\nname: [NAME];\x1b[0m\nno end mrn=[MRN]".to_vec(),
        "{}",
        String::from_utf8_lossy(&out.stdout)
    );
    let report = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(report, "taken out: DATE 1, MRN 1, NAME 1, SSN 1\n");
}

#[test]
fn a_json_line_tells_places_in_characters() {
    let done = codeblue().arg("--json").write_stdin("größe ok, ssn=078-05-1120\nnothing\n").assert().success();
    let lines: Vec<Value> = String::from_utf8_lossy(&done.get_output().stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            serde_json::json!({"text": "größe ok, ssn=[SSN]", "found": [{"class": "SSN", "start": 14, "end": 25}]}),
            serde_json::json!({"text": "nothing", "found": []}),
        ]
    );
}

#[test]
fn a_line_without_end_is_told_in_pieces_that_split_nothing() {
    let mut seed = Seed(3);
    let (mut text, mut planted) = (String::new(), Vec::new());
    while text.len() < 400 << 10 {
        text += &"x ".repeat(seed.below(40));
        let (ssn, secret) = (
            format!("{:03}-{:02}-{:04}", 100 + seed.below(500), 1 + seed.below(99), 1 + seed.below(9999)),
            seed.signs("abcXYZ0123456789", 30) + "q7",
        );
        text += &format!("patient=\"Ann Quill\" ssn={ssn} token={secret} ");
        planted.extend([ssn, secret]);
    }
    let done = codeblue().write_stdin(text.clone()).assert().success();
    let told = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    let survived: Vec<&String> = planted.iter().filter(|value| told.contains(value.as_str())).collect();
    assert!(survived.is_empty(), "{survived:?}");
    assert!(!told.contains("Quill"));
    let plain = |text: &str| text.matches("x ").count();
    assert_eq!(plain(&told), plain(&text), "the rest is there, and once");
    assert_eq!(told.matches("[SSN]").count() * 2, planted.len());

    // What is longer than a piece goes as a whole.
    let blob = seed.signs("ABCDEFGHabcdefgh0123456789+/", 200 << 10);
    let done = codeblue().write_stdin(format!("{{\"photo\":\"{blob}\"}} end\n")).assert().success();
    let told = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    assert!(
        told.len() < 200 && told.starts_with("{\"photo\":\"[PHOTO]") && told.ends_with("\"} end\n"),
        "{}",
        &told[..told.len().min(300)]
    );
}

#[test]
fn the_platform_file_adds_patterns_and_lets_networks_pass() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("codeblue.toml");
    let rules = "[platform]\nname = \"Ward\"\n[redact]\naddresses = \"all\"\nnetworks = [\"203.0.113.0/24\"]\n[redact.patterns]\nBADGE = 'B-\\d{6}'\n[[service]]\nname = \"desk\"\n";
    std::fs::write(&file, rules).unwrap();
    let done = codeblue()
        .arg("--platform")
        .arg(&file)
        .write_stdin("B-123456 from 203.0.113.9 and 198.51.100.7\n")
        .assert()
        .success();
    assert_eq!(String::from_utf8_lossy(&done.get_output().stdout), "[BADGE] from 203.0.113.9 and [IP]\n");
    std::fs::write(&file, rules.replace("\\d{6}", "(")).unwrap();
    let done = codeblue().arg("--platform").arg(&file).write_stdin("").assert().code(2);
    let told = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    assert!(told.contains("codeblue.toml:7: redact.patterns.BADGE: it is no regular expression"), "{told}");
}

#[test]
fn pseudonyms_are_the_same_within_a_run() {
    let done = codeblue().arg("--pseudonyms").write_stdin("mrn=44712\nmrn=44713\nmrn=44712\n").assert().success();
    let told = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("mrn=[MRN#") && lines[0] == lines[2] && lines[0] != lines[1], "{told}");
}
