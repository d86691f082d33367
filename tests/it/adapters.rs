//! The adapters through the real program: a platform of commits, secrets, flags and declared programs goes back and is undone,
//! and no secret of it is told anywhere.

use std::{fs, path::Path, process::Command};

use crate::cli::Script;

const SECRETS: [&str; 2] = ["planted-old-password", "planted-new-password"];

struct Ward {
    script: Script,
    /// Everything the program has said.
    said: std::cell::RefCell<String>,
}

fn git(dir: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.arg("-C").arg(dir).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(arguments);
    let done = git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

impl Ward {
    fn new() -> Self {
        let script = Script::new();
        let ward = Self { script, said: String::new().into() };
        for dir in ["home", "etc", "live", "repository", "app/releases"] {
            fs::create_dir_all(ward.path(dir)).unwrap();
        }
        let repository = ward.path("repository");
        git(&repository, &["init", "--quiet"]);
        for version in ["v1", "v2"] {
            ward.write("repository/page", version);
            git(&repository, &["add", "--all"]);
            git(&repository, &["commit", "--quiet", "--message", version]);
            git(&repository, &["tag", version]);
        }
        fs::create_dir(ward.path("app/releases/v1")).unwrap();
        ward.write("app/releases/v1/page", "v1");
        std::os::unix::fs::symlink("releases/v1", ward.path("app/current")).unwrap();
        let at = script_folder(&ward.script);
        let platform = format!(
            r#"
[platform]
name = "Ward"
profile = "drill"
[[service]]
name = "shop"
criticality = "low"
[[service.check]]
every = "200ms"
successes = 1
command = "true"
[[component]]
name = "code"
service = "shop"
git = {{ repository = "{at}/repository", root = "{at}/app" }}
[[component]]
name = "secrets"
service = "shop"
env = {{ paths = ["{at}/etc/.env"] }}
[[component]]
name = "flags"
service = "shop"
flags = {{ path = "{at}/etc/flags.json" }}
[[component]]
name = "state"
service = "shop"
[component.command]
capture = ["cat", "{at}/live/state"]
restore = ["sh", "-c", "read word; echo $word > '{at}/live/state'; test $word != poison"]
verify = ["grep", "-q", ".", "{at}/live/state"]
dry_run = ["diff", "{at}/live/state", "-"]
"#
        );
        ward.write("home/codeblue.toml", &platform);
        ward.good();
        ward
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.script.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn good(&self) {
        self.write("etc/.env", "DB_PASSWORD=planted-old-password\nMODE=live\n");
        self.write("etc/flags.json", r#"{"search": true}"#);
        self.write("live/state", "good\n");
    }

    fn bad(&self) {
        self.write("etc/.env", "DB_PASSWORD=planted-new-password\nMODE=live\n");
        self.write("etc/flags.json", r#"{"search": false}"#);
        self.write("live/state", "bad\n");
    }

    fn live(&self) -> [String; 3] {
        ["etc/.env", "etc/flags.json", "live/state"].map(|name| self.read(name))
    }

    /// Runs the program; gives its exit code and all it said.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let (code, out, err) = self.script.run(arguments);
        let text = out + &err;
        self.said.borrow_mut().push_str(&text);
        (code, text)
    }

    /// Takes a snapshot, once the one that the schedule takes at the start is done.
    fn snapshot(&self) -> String {
        let begun = std::time::Instant::now();
        let (code, text) = loop {
            let said = self.run(&["snapshot", "create"]);
            if !said.1.contains("snapshot-running") {
                break said;
            }
            assert!(begun.elapsed() < std::time::Duration::from_secs(60), "it never ends: {}", said.1);
        };
        assert_eq!(code, 0, "{text}");
        text.split_whitespace().find(|word| word.starts_with("SNP-")).unwrap().to_owned()
    }
}

fn script_folder(script: &Script) -> String {
    script.folder.path().display().to_string()
}

#[test]
fn every_kind_of_component_goes_back_is_undone_and_keeps_its_secrets() {
    let ward = Ward::new();
    let (code, told) = ward.run(&["check"]);
    assert!(code == 0 && told.contains("no value is ever shown"), "{told}");
    let mut engine = ward.script.serve();
    let good = ward.snapshot();
    let before = ward.live();
    ward.bad();
    let spoiled = ward.live();

    let back = ["rollback", "--component", "secrets", "--component", "flags", "--component", "state", "--to", &good];
    let (code, plan) = ward.run(&[&back[..], &["--reason", "r", "--dry-run"]].concat());
    assert_eq!(code, 0, "{plan}");
    for line in ["DB_PASSWORD changes in", "flag search: off -> on", "< bad", "> good"] {
        assert!(plan.contains(line), "{line} is missing: {plan}");
    }
    assert_eq!(ward.live(), spoiled);
    let go = ["--reason", "r", "--wait", "--confirm", "secrets,flags,state"];
    let (code, text) = ward.run(&[&back[..], &go].concat());
    assert_eq!(code, 0, "{text}");
    assert_eq!(ward.live(), before);
    let (code, text) = ward.run(&["recovery", "undo", "REC-1", "--reason", "r", "--wait", "--confirm", "REC-1"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(ward.live(), spoiled);

    // what was changed by hand in a checked out release is back after an undo
    ward.write("app/current/page", "by hand");
    let switch = ["rollback", "--component", "code", "--to", "v2", "--reason", "r", "--wait", "--confirm", "code"];
    let (code, text) = ward.run(&switch);
    assert_eq!((code, ward.read("app/current/page").as_str()), (0, "v2"), "{text}");
    fs::remove_dir_all(ward.path("app/releases/v1")).unwrap();
    let (code, text) = ward.run(&["recovery", "undo", "REC-3", "--reason", "r", "--wait", "--confirm", "REC-3"]);
    assert_eq!((code, ward.read("app/current/page").as_str()), (0, "by hand"), "{text}");

    // a program that fails half way is gone back from, and the step after it is not begun
    ward.write("live/state", "poison\n");
    let poison = ward.snapshot();
    ward.bad();
    let fatal = ["rollback", "--component", "state", "--component", "flags", "--to", &poison];
    let (code, text) = ward.run(&[&fatal[..], &["--reason", "r", "--wait", "--confirm", "state,flags"]].concat());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("failed with exit code 1") && text.contains("state is back as before"), "{text}");
    assert_eq!(ward.live(), spoiled);

    for arguments in
        [&["status"][..], &["recovery", "list"], &["snapshot", "list"], &["snapshot", "diff", &good, &poison]]
    {
        let (code, text) = ward.run(arguments);
        assert_eq!(code, 0, "{text}");
        ward.run(&[arguments, &["--json"]].concat());
    }
    assert_eq!(engine.terminate(), Some(0));
    tells_no_secret("an output", &ward.said.borrow());
    let mut folders = vec![ward.path("home")];
    let mut looked_at = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match fs::read(&path) {
                _ if path.is_dir() => folders.push(path),
                Ok(bytes) => {
                    tells_no_secret(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
                    looked_at += 1;
                }
                // a socket
                Err(_) => {}
            }
        }
    }
    assert!(looked_at > 10, "only {looked_at} files");
}

fn tells_no_secret(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what} tells {secret}");
    }
}
