//! Tab in the shells themselves: what is known here is given, what nobody knows leaves the line as it is.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::cli::{Script, platform};

const PATIENCE: Duration = Duration::from_secs(180);
const PROGRAM: &str = env!("CARGO_BIN_EXE_codeblue");

/// A shell that has the completions of the real program, and says what it would offer for a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    fn is_here(self) -> bool {
        Command::new(self.name()).args(["-c", "exit"]).status().is_ok_and(|status| status.success())
    }

    /// What the shell offers at the end of the line.
    fn offers(self, script: &Script, line: &str) -> Vec<String> {
        let asks = match self {
            Self::Bash => format!(
                "source <(codeblue completions bash); COMP_LINE={line}; COMP_POINT=${{#COMP_LINE}}; \
                 COMP_WORDS=(codeblue); COMP_CWORD=1; _codeblue; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
                line = quoted(line)
            ),
            // What would be offered is said in place of being added to the menu.
            Self::Zsh => format!(
                "autoload -U compinit && compinit -u -D; source <(codeblue completions zsh); \
                 compadd() {{ print -rl -- \"${{values[@]}}\" }}; _files() {{ }}; \
                 words=(${{(Q)${{(z)$(print -r -- {line}x)}}}}); words[-1]=${{words[-1]%x}}; CURRENT=$#words; _codeblue",
                line = quoted(line)
            ),
            Self::Fish => format!("codeblue completions fish | source; complete -C {}", quoted(line)),
        };
        let folder = Path::new(PROGRAM).parent().unwrap();
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new(self.name());
        if self == Self::Bash {
            shell.args(["--norc", "--noprofile"]);
        }
        if self == Self::Zsh {
            shell.arg("-f");
        }
        shell
            .args(["-c", &asks])
            .env("PATH", path)
            .env("CODEBLUE_HOME", script.home())
            .env("HOME", script.folder.path());
        let output = shell.stdin(Stdio::null()).output().unwrap();
        let offered = String::from_utf8_lossy(&output.stdout).into_owned();
        let values = offered.lines().map(|line| line.split('\t').next().unwrap().to_owned());
        values.filter(|value| !value.is_empty()).collect()
    }

    /// Waits until the shell offers this: an engine that is slow to answer is not waited for at each press of Tab.
    fn until(self, script: &Script, line: &str, wanted: &[&str]) {
        let begun = Instant::now();
        loop {
            let offered = self.offers(script, line);
            if offered == wanted {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{}: {line}: offered {offered:?} in place of {wanted:?}", self.name());
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[test]
fn what_is_known_here_is_offered_by_each_shell_and_nothing_without_an_engine() {
    let script = Script::new();
    std::fs::create_dir_all(script.home()).unwrap();
    std::fs::write(script.home().join("codeblue.toml"), platform(script.folder.path())).unwrap();
    assert_eq!(script.run(&["host", "add", "ward9", "ssh://ops@ward9"]).0, 0);
    let shells: Vec<Shell> =
        [Shell::Bash, Shell::Zsh, Shell::Fish].into_iter().filter(|shell| shell.is_here()).collect();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        if !shells.contains(&shell) {
            eprintln!("SKIPPED: there is no {} here", shell.name());
        }
    }
    for shell in &shells {
        shell.until(&script, "codeblue breaker res", &["reset"]);
        shell.until(&script, "codeblue --host wa", &["ward9"]);
        assert_eq!(shell.offers(&script, "codeblue incident ack INC-"), Vec::<String>::new(), "no engine is here");
    }
    let _engine = script.serve();
    for title in ["charts cannot be opened", "nor can labels"] {
        assert_eq!(script.run(&["incident", "declare", title, "-s", "3"]).0, 0);
    }
    let (code, document) = script.json(&["snapshot", "create", "--component", "labels-code"]);
    assert_eq!(code, 0, "{document}");
    let snapshot = document["id"].as_str().unwrap();
    for shell in &shells {
        shell.until(&script, "codeblue incident ack INC-", &["INC-2", "INC-1"]);
        shell.until(&script, "codeblue --json service show l", &["labels"]);
        shell.until(&script, &format!("codeblue snapshot show {snapshot}"), &[snapshot]);
        shell.until(&script, "codeblue rollback --component charts", &["charts-code"]);
    }
    // bash ends a word at `=`: what stands before it is not given again.
    Shell::Bash.until(&script, "codeblue breaker list --state=h", &["half-open"]);
}
