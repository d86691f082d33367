//! Templates of log lines, asked of the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use assert_cmd::Command;
use serde_json::Value;

use crate::loghub;

fn codeblue() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_codeblue"));
    command.env_remove("CODEBLUE_HOME").arg("patterns");
    command
}

fn document(output: &[u8]) -> Value {
    serde_json::from_slice(output).unwrap()
}

/// What the program finds in a text on its standard input.
fn ask(text: impl Into<Vec<u8>>, options: &[&str]) -> Value {
    let done = codeblue().args(["-", "--json"]).args(options).write_stdin(text).assert().success();
    document(&done.get_output().stdout)
}

fn assignments(found: &Value) -> Vec<&str> {
    found["assignments"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect()
}

/// Half of the sets of the collection, less a little; `cargo bench -- patterns` has each set beside a rival.
#[test]
fn the_lines_of_known_systems_are_grouped_as_their_programs_wrote_them() {
    let Some(data) = std::env::var_os("CODEBLUE_DATA") else {
        eprintln!("SKIPPED: the Loghub collection; CODEBLUE_DATA names no folder with it");
        return;
    };
    let sets = loghub::sets(&Path::new(&data).join("loghub_2k"));
    let mut sum = 0.0;
    for set in &sets {
        let found = ask(set.lines.join("\n"), &[]);
        let score = loghub::score(&set.truth, &assignments(&found));
        println!("{:12} {:.4} of lines, {:.3} of groups", set.name, score.lines, score.groups);
        assert!(score.lines >= 0.95, "{}: {:.4}", set.name, score.lines);
        sum += score.lines;
    }
    let mean = sum / sets.len() as f64;
    assert!(mean >= 0.97, "a mean grouping accuracy of {mean:.4} is less than promised");
}

/// A log of many programs in which users, numbers and addresses vary.
fn log(lines: usize) -> String {
    let users = ["ada", "bo", "cy", "di", "ed", "flo", "gus"];
    let line = |at: usize| match at % 4 {
        0 => format!("2026-01-15 14:00:{:02} INFO session opened for user {} by (uid=0)", at % 60, users[at / 4 % 7]),
        1 => format!("2026-01-15 14:00:{:02} INFO request {at} took {} ms", at % 60, at * 7919 % 500),
        2 => format!("2026-01-15 14:00:{:02} WARN no answer from 10.0.0.{}:5432", at % 60, at % 250),
        _ => format!("2026-01-15 14:00:{:02} INFO cache warm", at % 60),
    };
    (0..lines).map(|at| line(at) + "\n").collect()
}

#[test]
fn each_line_has_an_id_of_a_template_and_the_ids_stay() {
    let found = ask(log(400), &[]);
    assert_eq!(found.as_object().unwrap().keys().collect::<Vec<_>>(), ["lines", "templates", "assignments"]);
    assert_eq!(found["lines"], 400);
    let templates = found["templates"].as_array().unwrap();
    assert_eq!(
        templates[0].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["id", "template", "count", "firstLine", "lastLine"]
    );
    let texts: BTreeSet<&str> = templates.iter().map(|template| template["template"].as_str().unwrap()).collect();
    let expected = [
        "<*> INFO session opened for user <*> by (uid=<*>)",
        "<*> INFO request <*> took <*>",
        "<*> WARN no answer from <*>",
        "<*> INFO cache warm",
    ];
    assert_eq!(texts, BTreeSet::from(expected));
    let ids = assignments(&found);
    assert_eq!(ids.len(), 400);
    for template in templates {
        let id = template["id"].as_str().unwrap();
        let lines: Vec<usize> = (1..=400).filter(|line| ids[line - 1] == id).collect();
        assert_eq!(template["count"], lines.len());
        assert_eq!((&template["firstLine"], &template["lastLine"]), (&lines[0].into(), &lines[lines.len() - 1].into()));
    }
    assert_eq!(ask(log(400), &[]), found, "a second run finds the same");
    let named = |found: &Value| -> BTreeMap<String, String> {
        let templates = found["templates"].as_array().unwrap().iter();
        templates.map(|told| (told["template"].to_string(), told["id"].to_string())).collect()
    };
    assert_eq!(named(&ask(log(200), &[])), named(&found), "ids do not depend on what came later");
}

#[test]
fn several_files_are_one_stream_and_the_format_says_what_is_the_message() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one.log"), folder.path().join("other.log"));
    std::fs::write(&one, "a1 kernel: disk 7 is full\r\na2 kernel: disk 9 is full\r\n  and no message").unwrap();
    std::fs::write(&other, "b7 mailer: disk 3 is full\n\nlast").unwrap();
    let mut command = codeblue();
    command.arg(&one).arg(&other).args(["--json", "--format", r"^\S+ \S+: (?<content>.*)$"]);
    let done = command.assert().success();
    let found = document(&done.get_output().stdout);
    let ids = assignments(&found);
    assert_eq!((found["lines"].as_u64(), ids.len()), (Some(6), 6));
    assert!(ids[0] == ids[1] && ids[1] == ids[3], "{found}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 4);
    assert_eq!(found["templates"][0]["template"], "disk <*> is full");
    let told = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    assert_eq!(told, "the format does not match 3 lines, taken whole\n");
}

#[test]
fn people_get_the_most_frequent_first() {
    let done = codeblue().args(["-", "--top", "2"]).write_stdin(log(9) + "odd\n").assert().success();
    let told = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("COUNT  SHARE  FIRST  LAST  ID"), "{told}");
    assert!(lines[1].starts_with("2      20.0%  2      6     "), "{told}");
    assert!(told.ends_with("and 5 templates more, in 6 lines\n\n7 templates in 10 lines\n"), "{told}");
    codeblue().arg("-").write_stdin("").assert().success().stdout("no lines\n");
    let empty = ask("", &[]);
    assert_eq!(empty, serde_json::json!({"lines": 0, "templates": [], "assignments": []}));
}

#[test]
fn huge_lines_broken_text_and_escape_codes_are_lines_like_others() {
    let mut text = b"fine 1\n\xff\xfe broken \xc3(\n\x1b[31mred\x1b[0m alert\x07 17\n".to_vec();
    text.extend(std::iter::repeat_n(b"word=7 ".as_slice(), 1_000_000).flatten());
    text.extend_from_slice(b"\nfine 2\n\0\0\0\n\xe2\x80\xaereversed\n");
    let found = ask(text.clone(), &[]);
    let ids = assignments(&found);
    assert_eq!((ids.len(), ids[0]), (7, ids[4]));
    let printed = found.to_string();
    assert!(!printed.contains("\\u00") && !printed.contains('\u{202e}') && printed.len() < 40_000);
    assert!(printed.contains("red alert <*>"), "{}", &printed[..500]);
    let done = codeblue().arg("-").write_stdin(text).assert().success();
    let told = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    assert!(!told.contains(|letter: char| letter.is_control() && letter != '\n'));
}

#[test]
fn more_templates_than_are_kept_are_told_all_the_same() {
    let name = |mut at: usize| -> String {
        let digit = |_| {
            let letter = char::from(b'a' + u8::try_from(at % 26).unwrap());
            at /= 26;
            letter
        };
        (0..3).map(digit).collect()
    };
    // Each kind of line twice, far apart, and none like another.
    let line = |at: usize| format!("{0}{0} {1} {0} {1}{1}\n", name(at * 7 % 5000), name(at * 31 % 4999));
    let text: String = (0..2000).chain(0..2000).map(line).collect();
    let (all, few) = (ask(text.clone(), &[]), ask(text, &["--keep", "50"]));
    assert_eq!(few["templates"].as_array().unwrap().len(), 2000);
    assert_eq!(assignments(&few), assignments(&all));
    assert!(few["templates"].as_array().unwrap().iter().all(|template| template["count"] == 2));
}

#[test]
fn what_cannot_be_read_is_told_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let done = codeblue().arg(folder.path()).arg("nowhere.log").arg("--json").assert().code(2);
    let found = document(&done.get_output().stdout);
    let told = found["error"]["message"].as_str().unwrap();
    assert!(told.contains("is a directory; name the files in it\nnowhere.log: No such file"), "{told}");
    for (options, expected) in [
        (["--format", "("], "--format: regex parse error"),
        (["--format", "^(.*)$"], "--format has no group named content; write (?<content>.*)"),
        (["-", "-"], "standard input, which can be read only once"),
        (["--keep", "0"], "0 is not in 1..=10000000"),
    ] {
        let done = codeblue().arg("-").args(options).write_stdin("x\n").assert().code(2);
        let told = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
        assert!(told.contains(expected), "{told}");
    }
}
