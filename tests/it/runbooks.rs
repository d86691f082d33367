//! Runbooks, asked of the program, without an engine.

use std::{fs, path::Path};

use assert_cmd::Command;
use codeblue::runbook::{self, Surroundings};
use serde_json::Value;

fn codeblue(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_codeblue"));
    command.env("CODEBLUE_HOME", home).arg("runbook");
    command
}

fn text(command: &mut Command) -> String {
    String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
}

fn document(command: &mut Command) -> Value {
    serde_json::from_slice(&command.arg("--json").assert().get_output().stdout).unwrap()
}

/// The blocks of a page that hold a whole book.
fn examples(page: &str) -> Vec<String> {
    let blocks = page.split("````markdown\n").skip(1).filter_map(|rest| rest.split_once("````"));
    blocks.map(|(block, _)| block.to_owned()).filter(|block| block.starts_with("---\n")).collect()
}

#[test]
fn the_book_in_the_manual_is_right() {
    let examples = examples(include_str!("../../docs/writing-a-runbook.md"));
    assert_eq!(examples.len(), 1);
    let findings = runbook::lint("docs", &examples[0], &Surroundings::default());
    assert!(findings.is_empty(), "{findings:#?}");
    assert_eq!(runbook::format(&examples[0]), examples[0]);
}

#[test]
fn the_manual_names_every_rule_that_a_finding_can_name() {
    let page = include_str!("../../docs/runbooks.md");
    let rules = "text front-matter field format section step-name step-number attributes attribute attribute-brace visible-line run-all interactive block command codeblue-command requires check-writes effect undo timeout confirm retry once verify done-if goto needs when decision blast-radius input service component action review proof";
    for rule in rules.split(' ') {
        assert!(page.contains(&format!("`{rule}`")), "docs/runbooks.md lacks {rule}");
    }
}

#[test]
fn a_book_is_at_hand_without_home_and_engine_on_eighty_columns() {
    let home = tempfile::tempdir().unwrap();
    let paper = text(codeblue(&home.path().join("none")).args(["show", "rb-05", "--plain"]));
    assert!(paper.lines().all(|line| line.chars().count() <= 80), "{paper}");
    for expected in ["CONTACTS", "compliance officer", "[ ]  1. ", "$ codeblue ", "Cannot be taken back", "Signed ____"]
    {
        assert!(paper.contains(expected), "{expected}: {paper}");
    }
    let told = codeblue(home.path()).args(["show", "RB-05-data-coruption"]).assert().code(2);
    let told = String::from_utf8_lossy(&told.get_output().stderr).into_owned();
    assert!(told.contains("did you mean RB-05-data-corruption?"), "{told}");
}

#[test]
fn a_book_of_ones_own_takes_the_place_of_one_that_comes_along() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("runbooks");
    fs::create_dir(&folder).unwrap();
    let own = text(codeblue(home.path()).args(["show", "RB-03", "--markdown"]));
    fs::write(folder.join("ours.md"), own.replace("title: Analyses", "title: Our analyses")).unwrap();
    let listed = document(codeblue(home.path()).arg("list"));
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 8);
    let ours = listed.iter().find(|book| book["id"] == "RB-03-ai-unavailable").unwrap();
    assert!(ours["title"].as_str().unwrap().starts_with("Our analyses"), "{ours}");
    assert!(ours["origin"].as_str().unwrap().ends_with("runbooks/ours.md"), "{ours}");
    fs::write(folder.join("broken.md"), "no book\n").unwrap();
    let listed = document(codeblue(home.path()).arg("list"));
    assert!(listed.as_array().unwrap().iter().any(|book| book["id"] == "broken" && book["errors"] != 0), "{listed}");
}

#[test]
fn a_mistake_fails_with_its_place_and_a_command_of_another_version_with_its_step() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("book.md");
    let right = text(codeblue(home.path()).args(["show", "RB-01", "--markdown"]));
    let wrong = right.replacen("severity: SEV1", "severity: SEV0", 1);
    fs::write(&file, &wrong).unwrap();
    let told = codeblue(home.path()).arg("lint").arg(&file).assert().code(2);
    let told = String::from_utf8_lossy(&told.get_output().stdout).into_owned();
    assert!(told.contains("book.md:6:11: error: severity"), "{told}");
    fs::write(&file, right.replacen("deploy list --limit 10", "deploy list --most 10", 1)).unwrap();
    let found = document(codeblue(home.path()).arg("lint").arg(&file));
    let found = &found["findings"][0];
    assert_eq!((found["rule"].as_str(), found["where"].as_str()), (Some("codeblue-command"), Some("last-deployments")));
    fs::write(&file, right.replacen("book RB-02-database-connection", "book RB-02-data", 1)).unwrap();
    let found = document(codeblue(home.path()).arg("lint").arg(&file));
    assert_eq!(found["findings"][0]["rule"], "goto", "{found}");
}

#[test]
fn fmt_changes_a_file_in_its_place_and_check_does_not() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("book.md");
    let right = text(codeblue(home.path()).args(["show", "RB-08", "--markdown"]));
    let untidy = right.replacen("severity: SEV2", "severity:   SEV2", 1).replacen("### 3. ", "### 7. ", 1);
    fs::write(&file, &untidy).unwrap();
    codeblue(home.path()).args(["fmt", "--check"]).arg(&file).assert().code(1);
    assert_eq!(fs::read_to_string(&file).unwrap(), untidy);
    codeblue(home.path()).arg("fmt").arg(&file).assert().success();
    assert_eq!(fs::read_to_string(&file).unwrap(), right);
    codeblue(home.path()).args(["fmt", "--check"]).arg(&file).assert().success();
}

#[test]
fn a_plan_fills_in_what_is_given_and_names_what_is_missing() {
    let home = tempfile::tempdir().unwrap();
    let platform = home.path().join("codeblue.toml");
    fs::write(&platform, "[platform]\nname = \"Ward\"\n[[service]]\nname = \"ledger-db\"\n").unwrap();
    let plan = document(codeblue(home.path()).args([
        "plan",
        "RB-02",
        "--input",
        "DATABASE=ledger-db",
        "--input",
        "INCIDENT=INC-9",
    ]));
    let steps = plan["steps"].as_array().unwrap();
    let restart = steps.iter().find(|step| step["name"] == "restart-database").unwrap();
    assert!(restart["command"].as_str().unwrap().starts_with("codeblue action run ledger-db restart --incident INC-9"));
    let missing: Vec<&str> =
        plan["missing"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert!(missing.iter().any(|what| what.contains("no action \"restart\" of ledger-db")), "{missing:?}");
    assert!(missing.iter().any(|what| what.starts_with("API is \"patient-api\"")), "{missing:?}");
}
