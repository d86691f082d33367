//! What was agreed to, taken away in a folder and checked by somebody who has no codeblue.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    cli::{Script, platform},
    served::me,
};

/// What a program prints, fed with a file.
fn printed(folder: &Path, program: &str, arguments: &[&str], input: &str) -> (bool, String) {
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments).stdin(Stdio::from(File::open(folder.join(input)).unwrap()));
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// Does what the README of the bundle says.
fn check(bundle: &Path, plan_hash: &str) {
    let readme = fs::read_to_string(bundle.join("README.txt")).unwrap();
    assert!(readme.contains(plan_hash), "{readme}");
    let intent = fs::read(bundle.join("intent.json")).unwrap();
    fs::write(bundle.join("hashed"), [b"codeblue change v2\0".as_slice(), &intent].concat()).unwrap();
    assert_eq!(printed(bundle, "sha256sum", &[], "hashed").1.split(' ').next(), Some(plan_hash));
    let line = readme.lines().find(|line| line.contains("ssh-keygen -Y verify")).expect("how to check ben's signature");
    let words: Vec<&str> = line.split_whitespace().take_while(|word| *word != "<").collect();
    assert!(printed(bundle, words[0], &words[1..], "ben.txt").0, "{line}");
    assert!(!printed(bundle, words[0], &words[1..], "intent.json").0, "a signature of something else");
    assert!(fs::read_to_string(bundle.join("ben.txt")).unwrap().contains(plan_hash));
}

#[test]
fn what_was_agreed_to_is_checked_with_stock_programs_also_under_a_later_platform_file() {
    let script = Script::new();
    let folder = script.folder.path();
    fs::create_dir_all(script.home()).unwrap();
    let people = [("alice", "engineer"), ("ben", "technical-lead"), ("carol", "cto")]
        .map(|(name, role)| format!("[[operator]]\nname = \"{name}\"\nroles = [\"{role}\"]\nlogin = \"{}\"\n", me()));
    let text = platform(folder) + &people.concat();
    let file = script.home().join("codeblue.toml");
    fs::write(&file, &text).unwrap();
    let key = folder.join("ben");
    let made = Command::new("ssh-keygen").args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(&key).status().unwrap();
    assert!(made.success());
    let (key, public) = (key.display().to_string(), folder.join("ben.pub").display().to_string());

    let mut engine = script.serve();
    let run = |who: &str, arguments: &str| -> Value {
        let arguments: Vec<&str> = arguments.split(' ').chain(["--as", who]).collect();
        let (code, document) = script.json(&arguments);
        let waits = if arguments[1] == "submit" { 10 } else { 0 };
        assert_eq!(code, waits, "{arguments:?}: {document}");
        document
    };
    run("ben", &format!("operator key add ben --file {public}"));
    run("alice", "change submit --action labels/rinse --reason tidy --at 3h --for 1h");
    let plan_hash = run("ben", "change show CHG-1")["planHash"].as_str().unwrap().to_owned();
    run("ben", &format!("change approve CHG-1 --plan {plan_hash} --sign {key}"));
    let bundle = folder.join("bundle").display().to_string();
    run("alice", &format!("change export CHG-1 --to {bundle}"));
    check(Path::new(&bundle), &plan_hash);
    engine.terminate();

    fs::write(&file, text.replace("run = \"true\"", "run = \"true --again\"")).unwrap();
    let mut engine = script.serve();
    let again = folder.join("again").display().to_string();
    run("alice", &format!("change export CHG-1 --to {again}"));
    check(Path::new(&again), &plan_hash);
    engine.terminate();
}
