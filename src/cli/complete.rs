//! `codeblue complete`: what may stand next on a command line. Shells ask it at each press of Tab, so it answers within a moment, and with
//! nothing where it knows nothing: a line that cannot be completed is no reason to say something.

use std::{fmt::Display, time::Duration};

use clap::{Arg, Args, Command, Parser as _};
use clap_complete::Shell;

use super::{
    error::{CliError, Exit},
    session::Session,
    text,
    verb::Arguments,
};
use crate::{client::hosts, domain::State, engine::LibraryBook};

/// How long the engine may take: who presses Tab waits for it.
const MOMENT: Duration = Duration::from_millis(300);
/// Things that are named at most, the newest first: nobody looks through more.
const MOST: usize = 200;

/// Ask what may stand next on a command line: one a line, with what it is behind a tab
#[derive(Debug, Args)]
pub struct Complete {
    /// The whole line up to the cursor, as it was typed
    #[arg(long, conflicts_with = "words")]
    line: Option<String>,
    /// The words behind the program's name, the last of which is being typed
    #[arg(last = true)]
    words: Vec<String>,
}

/// What may stand somewhere, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    value: String,
    about: String,
}

impl Candidate {
    fn new(value: impl Display, about: impl Display) -> Self {
        Self { value: value.to_string(), about: about.to_string() }
    }
}

/// A kind of things that an engine or the settings know by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Incident,
    Service,
    Component,
    Snapshot,
    Change,
    Recovery,
    Run,
    Drill,
    Diagnosis,
    BreakGlass,
    Operator,
    Function,
    Book,
    Host,
}

impl Kind {
    /// What an argument of a command names; the noun says it where the name alone does not.
    fn of(noun: &str, name: &str) -> Option<Self> {
        Some(match (noun, name) {
            (_, "INCIDENT" | "OTHER") | ("incident", "INTO") => Self::Incident,
            (_, "SERVICE" | "SERVICES") => Self::Service,
            (_, "COMPONENT" | "COMPONENTS") => Self::Component,
            (_, "SNAPSHOT") | ("snapshot", "A" | "B") | ("rollback" | "change", "ID") => Self::Snapshot,
            (_, "CHANGE") => Self::Change,
            (_, "RECOVERY") => Self::Recovery,
            (_, "RUN") => Self::Run,
            (_, "DRILL") => Self::Drill,
            (_, "DIAGNOSIS") => Self::Diagnosis,
            (_, "BREAK_GLASS") => Self::BreakGlass,
            (_, "OPERATOR") | ("operator", "NAME") => Self::Operator,
            (_, "FUNCTION") => Self::Function,
            (_, "BOOK") | ("runbook", "NAME") => Self::Book,
            (_, "HOST") | ("host", "NAME") => Self::Host,
            _ => return None,
        })
    }
}

/// Where on a command line the cursor is.
struct Place<'c> {
    command: &'c Command,
    /// The first word that names a command.
    noun: String,
    /// Options that say which engine is meant, as they stand there.
    global: Vec<String>,
    /// The option whose value is being typed.
    option: Option<&'c Arg>,
    /// Words before the cursor that are neither commands nor options.
    positionals: usize,
    /// No word is an option any more.
    is_past_options: bool,
}

impl<'c> Place<'c> {
    fn of(root: &'c Command, before: &[String]) -> Self {
        let mut place = Self {
            command: root,
            noun: String::new(),
            global: Vec::new(),
            option: None,
            positionals: 0,
            is_past_options: false,
        };
        for word in before {
            place.pass(word);
        }
        place
    }

    fn pass(&mut self, word: &str) {
        if let Some(option) = self.option.take() {
            return self.keep(option, Some(word));
        }
        if self.is_past_options {
            self.positionals += 1;
        } else if word == "--" {
            self.is_past_options = true;
        } else if let Some(name) = word.strip_prefix("--") {
            let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
            let found = self.command.get_arguments().find(|arg| arg.get_long() == Some(name));
            self.begin(found, value);
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let last = letters.chars().next_back();
            let found = self.command.get_arguments().find(|arg| arg.get_short() == last);
            self.begin(found, None);
        } else if let Some(command) = self.command.find_subcommand(word).filter(|_| self.positionals == 0) {
            if self.noun.is_empty() {
                word.clone_into(&mut self.noun);
            }
            self.command = command;
        } else {
            self.positionals += 1;
        }
    }

    fn begin(&mut self, found: Option<&'c Arg>, value: Option<&str>) {
        let Some(option) = found else { return };
        match value {
            None if option.get_action().takes_values() => self.option = Some(option),
            value => self.keep(option, value),
        }
    }

    fn keep(&mut self, option: &Arg, value: Option<&str>) {
        if let Some(long) = option.get_long().filter(|_| option.is_global_set()) {
            self.global.push(format!("--{long}"));
            self.global.extend(value.map(str::to_owned));
        }
    }

    /// What is being typed where it is neither a command nor an option.
    fn argument(&self) -> Option<&'c Arg> {
        let mut positionals = self.command.get_positionals();
        let takes_more = |arg: &&Arg| arg.get_num_args().is_some_and(|range| range.max_values() > 1);
        let last = self.command.get_positionals().last().filter(takes_more);
        self.option.or_else(|| positionals.nth(self.positionals).or(last))
    }
}

impl Complete {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let words = match self.line {
            Some(line) => words_of(&line),
            None => self.words,
        };
        let found = candidates(&words).await;
        let lines: String =
            found.iter().map(|one| format!("{}\t{}\n", text::line(&one.value), text::line(&one.about))).collect();
        session.output.script(lines.as_bytes())?;
        Ok(Exit::Done)
    }
}

/// The words of a line behind its first; the last is empty where a blank stands before the cursor.
fn words_of(line: &str) -> Vec<String> {
    // A quotation that is still open is closed by what will be typed.
    let split = ["", "'", "\""].iter().find_map(|end| shell_words::split(&format!("{line}{end}")).ok());
    let mut words = split.unwrap_or_default();
    if line.ends_with(char::is_whitespace) || words.len() < 2 {
        words.push(String::new());
    }
    words.into_iter().skip(1).collect()
}

async fn candidates(words: &[String]) -> Vec<Candidate> {
    let Some((typed, before)) = words.split_last() else { return Vec::new() };
    let mut root = Arguments::program();
    root.build();
    let place = Place::of(&root, before);
    let (head, typed, argument) = match typed.strip_prefix("--").and_then(|typed| typed.split_once('=')) {
        Some((name, value)) if place.option.is_none() && !place.is_past_options => {
            (format!("--{name}="), value, place.command.get_arguments().find(|arg| arg.get_long() == Some(name)))
        }
        _ => (String::new(), typed.as_str(), place.argument()),
    };
    let is_plain = head.is_empty() && place.option.is_none() && !place.is_past_options;
    let mut found = Vec::new();
    if is_plain && typed.starts_with('-') {
        found.extend(options(place.command));
    } else {
        if is_plain && place.positionals == 0 {
            found.extend(commands(place.command));
        }
        if let Some(argument) = argument {
            found.extend(values(&place, argument).await);
        }
    }
    found.retain(|one| one.value.starts_with(typed));
    found.truncate(MOST);
    found.into_iter().map(|one| Candidate { value: head.clone() + &one.value, ..one }).collect()
}

fn commands(command: &Command) -> impl Iterator<Item = Candidate> {
    let shown = command.get_subcommands().filter(|one| !one.is_hide_set());
    shown.map(|one| Candidate::new(one.get_name(), one.get_about().map(ToString::to_string).unwrap_or_default()))
}

fn options(command: &Command) -> impl Iterator<Item = Candidate> {
    let shown = command.get_arguments().filter(|one| !one.is_hide_set());
    shown.filter_map(|one| {
        Some(Candidate::new(
            format!("--{}", one.get_long()?),
            one.get_help().map(ToString::to_string).unwrap_or_default(),
        ))
    })
}

/// What may stand for an argument; nothing where only its user knows.
async fn values(place: &Place<'_>, argument: &Arg) -> Vec<Candidate> {
    let possible = argument.get_possible_values();
    if !possible.is_empty() {
        let shown = possible.iter().filter(|one| !one.is_hide_set());
        return shown
            .map(|one| Candidate::new(one.get_name(), one.get_help().map(ToString::to_string).unwrap_or_default()))
            .collect();
    }
    let names = argument.get_value_names().unwrap_or_default();
    let Some(kind) = names.iter().find_map(|name| Kind::of(&place.noun, name)) else { return Vec::new() };
    // Which engine is meant, as it will be when the line is complete.
    let begun = ["codeblue".to_owned()].into_iter().chain(place.global.iter().cloned()).chain(["status".to_owned()]);
    let Ok(session) = Arguments::try_parse_from(begun).map(Arguments::session) else { return Vec::new() };
    if kind == Kind::Host {
        return named_hosts(&session);
    }
    tokio::time::timeout(MOMENT, known(&session, kind)).await.ok().flatten().unwrap_or_default()
}

fn named_hosts(session: &Session) -> Vec<Candidate> {
    let found = session.home().ok().and_then(|home| hosts::hosts(&home.settings_file()).ok());
    found.into_iter().flatten().map(|host| Candidate::new(host.name, host.address)).collect()
}

/// What the engine knows of a kind, the newest first; none where it does not answer.
async fn known(session: &Session, kind: Kind) -> Option<Vec<Candidate>> {
    let client = session.client().ok()?;
    if kind == Kind::Book {
        let books = client.books().await.ok()?;
        let title = |book: &LibraryBook| book.runbook.as_ref().map(|read| read.front.title.clone()).unwrap_or_default();
        return Some(books.iter().map(|book| Candidate::new(&book.id, title(book))).collect());
    }
    let state: State = client.get("/api/v1/state?brief=true").await.ok()?;
    let state = &state;
    Some(match kind {
        Kind::Incident => newest(&state.incidents, |one| format!("{} {} {}", one.severity, one.state, one.title)),
        Kind::Snapshot => newest(&state.snapshots, |one| format!("{} {}", text::moment(one.requested_at), one.reason)),
        Kind::Change => newest(&state.changes, |one| one.title.clone()),
        Kind::Recovery => newest(&state.recoveries, |one| one.reason.clone()),
        Kind::Run => newest(&state.runs, |one| one.book.front.title.clone()),
        Kind::Diagnosis => newest(&state.diagnoses, |_| String::new()),
        Kind::Drill => newest(&state.drills.held, |one| text::moment(one.started_at)),
        Kind::BreakGlass => newest(&state.break_glass, |one| format!("{} {}", one.operator, one.reason)),
        Kind::Service => {
            let status = |name: &str| {
                let status = state.services.get(name).map(|health| health.status).unwrap_or_default();
                format!("{status:?}").to_lowercase()
            };
            let services = state.platform.services.iter();
            services.map(|one| Candidate::new(&one.name, status(&one.name))).collect()
        }
        Kind::Component => {
            state.platform.components.iter().map(|one| Candidate::new(&one.name, &one.service)).collect()
        }
        Kind::Operator => state.operators.keys().map(|name| Candidate::new(name, "")).collect(),
        Kind::Function => state.platform.functions.iter().map(|one| Candidate::new(&one.name, "")).collect(),
        Kind::Book | Kind::Host => Vec::new(),
    })
}

fn newest<K: Display, V>(all: &std::collections::BTreeMap<K, V>, about: impl Fn(&V) -> String) -> Vec<Candidate> {
    all.iter().rev().take(MOST).map(|(id, one)| Candidate::new(id, about(one))).collect()
}

/// What a shell is to be told once, so that it asks at each Tab; none for those that know only what never changes.
pub(super) fn script(shell: Shell) -> Option<&'static str> {
    Some(match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
        _ => return None,
    })
}

/// bash takes `:` and `=` for ends of words, so what stands before them is not to be given again.
const BASH: &str = r#"_codeblue() {
    local line="${COMP_LINE:0:COMP_POINT}" one typed kept
    typed="${line##*[[:space:]]}"
    kept="${typed%"${typed##*[:=]}"}"
    COMPREPLY=()
    while IFS= read -r one; do
        one="${one%%$'\t'*}"
        COMPREPLY+=("${one#"$kept"}")
    done < <("${COMP_WORDS[0]}" complete --line "$line" 2>/dev/null)
}
complete -o default -o nosort -F _codeblue codeblue
"#;

const ZSH: &str = r#"#compdef codeblue
_codeblue() {
    local one
    local -a values shown
    for one in "${(@f)$("${words[1]}" complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n "$one" ]] || continue
        values+=("${one%%$'\t'*}")
        shown+=("${one%%$'\t'*}  ${one#*$'\t'}")
    done
    if (( ${#values} )); then
        compadd -V codeblue -l -d shown -a values
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_codeblue" ]; then
    _codeblue "$@"
else
    compdef _codeblue codeblue
fi
"#;

const FISH: &str = r#"function __codeblue_next
    set -l found (codeblue complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c codeblue -k -f -a '(__codeblue_next)'
"#;

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(line: &str) -> Vec<String> {
        candidates(&words_of(line)).await.into_iter().map(|one| one.value).collect()
    }

    #[tokio::test]
    async fn what_never_changes_is_known_without_an_engine() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().display();
        assert_eq!(next("codeblue incident ac").await, ["ack", "action"]);
        assert_eq!(next(&format!("codeblue --home {home} incident postmortem comp")).await, ["complete"]);
        assert!(next("codeblue ").await.contains(&"disaster-recovery".to_owned()));
        assert!(!next("codeblue ").await.iter().any(|one| one == "complete" || one == "sandbox-service"), "hidden");
        assert_eq!(next("codeblue incident declare --sev").await, ["--severity"]);
        assert_eq!(next("codeblue breaker list --state=h").await, ["--state=half-open"]);
        assert_eq!(next("codeblue automation set a").await, ["assist", "auto"]);
        assert_eq!(next("codeblue completions z").await, ["zsh"]);
        assert_eq!(next(&format!("codeblue --home {home} incident show ")).await, Vec::<String>::new(), "no engine");
        assert_eq!(next("codeblue audit verify --file ").await, Vec::<String>::new(), "files are the shell's to find");
        assert_eq!(next("codeblue incident note INC-1 'it is ").await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn named_hosts_are_known_without_an_engine() {
        let folder = tempfile::tempdir().expect("a folder");
        let text =
            "[[host]]\nname = \"db1\"\naddress = \"ssh://db1\"\n[[host]]\nname = \"web1\"\naddress = \"ssh://web1\"\n";
        std::fs::write(folder.path().join("settings.toml"), text).expect("a file");
        let home = folder.path().display();
        assert_eq!(next(&format!("codeblue --home {home} --host ")).await, ["db1", "web1"]);
        assert_eq!(next(&format!("codeblue --home {home} host show w")).await, ["web1"]);
    }

    #[test]
    fn every_argument_that_names_something_is_of_a_kind() {
        let mut root = Arguments::program();
        root.build();
        let mut open = vec![(String::new(), &root)];
        let (mut of_kind, mut seen) = (0, 0);
        while let Some((noun, command)) = open.pop() {
            for one in command.get_subcommands() {
                let noun = if noun.is_empty() { one.get_name().to_owned() } else { noun.clone() };
                open.push((noun, one));
            }
            for name in command.get_arguments().flat_map(|arg| arg.get_value_names().unwrap_or_default()) {
                seen += 1;
                of_kind += usize::from(Kind::of(&noun, name).is_some());
            }
        }
        assert!(of_kind > 100 && seen > of_kind, "{of_kind} of {seen}");
    }
}
