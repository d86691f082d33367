//! What the documentation and the program itself say of the command line is there: every line that is shown as typed is understood, and
//! every command that a sentence names has that name and those options.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::{Command, Parser as _, error::ErrorKind};

use super::Arguments;

/// Words that follow the product's name where a sentence speaks of the program, and not of a command.
const PROSE: &[&str] = &[
    "changes", "does", "here", "lies", "made", "the", "alone", "and", "answers", "as", "by", "can", "cannot", "from",
    "has", "in", "is", "itself", "keeps", "knows", "left", "line", "needs", "no", "of", "on", "or", "runs", "should",
    "that", "there", "to", "was", "were", "when", "which", "will", "with",
];

/// What is hashed, signed or derived begins with the product's name too.
const TAGS: &[&str] = &[
    "approval",
    "authority",
    "change v",
    "drill v",
    "engine",
    "journal",
    "kept state",
    "payload",
    "recovery code",
    "token {",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn pages() -> Vec<PathBuf> {
    let mut pages = files("docs", "md");
    pages.extend([root().join("README.md"), root().join("ARCHITECTURE.md")]);
    pages
}

/// Lines of code blocks with their number.
fn typed(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    page.lines().enumerate().filter_map(move |(number, line)| {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            return None;
        }
        inside.then_some((number + 1, line))
    })
}

/// The commands of a line as somebody types it: without what the shell does around them.
fn commands_of(line: &str) -> Vec<Vec<String>> {
    let line = line.trim_start().trim_start_matches("$ ");
    let Some(at) = line.find("codeblue ").filter(|at| *at == 0 || line[..*at].ends_with([' ', '(', '"'])) else {
        return Vec::new();
    };
    let starts = line[..at].split_whitespace().all(|word| {
        word.contains('=')
            || ["eval", "\"$(", "|", "sudo", "-u", "codeblue"].contains(&word)
            || line[..at].contains('|')
    });
    if !starts || line.contains("codeblue = ") {
        return Vec::new();
    }
    let digits = format!("sha256:{}", "0".repeat(64));
    let rest = line[at + "codeblue ".len()..].replace("sha256:…", &digits);
    let rest = rest.split(" · ");
    rest.filter_map(|text| {
        let words = shell_words::split(text.split(" #").next()?.trim_end_matches(")\"")).ok()?;
        // Two blanks begin what the line is for; what is in brackets may be left out.
        let words: Vec<String> =
            words.into_iter().take_while(|word| !matches!(word.as_str(), ">" | "<" | "|" | "#")).collect();
        Some(words)
    })
    .collect()
}

/// The program with the commands that it gets by itself, such as `help`.
fn program() -> Command {
    let mut program = Arguments::program();
    program.build();
    program
}

fn refused(words: &[String]) -> Option<String> {
    let read = Arguments::try_parse_from(std::iter::once("codeblue").chain(words.iter().map(String::as_str)));
    let error = read.err()?;
    let harmless = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    (!harmless).then(|| error.to_string().lines().next().unwrap_or_default().to_owned())
}

#[test]
fn every_line_of_the_documentation_is_understood_as_it_stands() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        for (number, line) in typed(&page) {
            for words in commands_of(line) {
                tried += 1;
                if let Some(why) = refused(&words) {
                    wrong.push(format!("{}:{number}: {line}\n    {why}", path.strip_prefix(root()).unwrap().display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 90, "only {tried} lines were found");
}

/// What is wrong with a command that a sentence names; it may stop anywhere, and goes on as prose.
fn misnamed(program: &Command, said: &str) -> Option<String> {
    if TAGS.iter().any(|tag| said.starts_with(tag)) {
        return None;
    }
    let (mut command, mut path) = (program, "codeblue".to_owned());
    let mut words = said.split_whitespace();
    while let Some(word) = words.next() {
        let end = word.ends_with([',', ';', ':', '.', ')', '?', '!']);
        let bare =
            word.trim_end_matches([',', ';', ':', '.', ')', '?', '!', '…', '\'', '"', ']']).trim_start_matches('[');
        if let Some(option) = bare.strip_prefix("--") {
            let option = option.split(['=', '/']).next().unwrap_or_default();
            let find = |of: &Command| of.get_arguments().find(|known| known.get_long() == Some(option)).cloned();
            match find(command).or_else(|| find(program)) {
                None if !["help", "version", ""].contains(&option) => {
                    return Some(format!("`{path}` has no --{option}"));
                }
                // The value of an option of the program stands before the command.
                Some(known) if path == "codeblue" && known.get_action().takes_values() && !word.contains('=') => {
                    words.next();
                }
                _ => {}
            }
        } else if let Some((named, _)) = bare.split_once('{') {
            // What stands there is known when it is said.
            let is_argument = path != "codeblue" && !command.is_subcommand_required_set();
            let is_named = is_argument || named.is_empty() || command.find_subcommand(named).is_some();
            return (!is_named).then(|| format!("there is no `{path} {named}`"));
        } else if let Some(sub) = command.find_subcommand(bare) {
            path += &format!(" {bare}");
            command = sub;
        } else if path == "codeblue" {
            let prose = PROSE.contains(&bare) || !bare.starts_with(|c: char| c.is_ascii_lowercase());
            return (!prose).then(|| format!("there is no `codeblue {bare}`"));
        } else if command.is_subcommand_required_set() {
            return Some(format!("there is no `{path} {bare}`"));
        }
        if end {
            break;
        }
    }
    None
}

fn problems(program: &Command, text: &str) -> Vec<String> {
    let named = text
        .match_indices("codeblue ")
        .filter(|(at, _)| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '_' | '.')));
    named
        .filter_map(|(at, name)| {
            let said = &text[at + name.len()..];
            let said =
                said.split(['`', '\n']).next().unwrap_or_default().split(" codeblue ").next().unwrap_or_default();
            misnamed(program, said).map(|why| format!("{why}: codeblue {said}"))
        })
        .collect()
}

#[test]
fn every_command_that_the_documentation_names_is_there() {
    let program = program();
    let mut wrong = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        for code in page.split('`').skip(1).step_by(2).filter(|code| code.starts_with("codeblue ")) {
            let found = problems(&program, &code.replace('\n', " "));
            wrong.extend(
                found.into_iter().map(|why| format!("{}: {why}", path.strip_prefix(root()).unwrap().display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The texts of a source file: its string literals, with what a line break in one stands for.
fn literals(source: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), source);
    while let Some(start) = rest.find('"') {
        if rest[..start].ends_with('\'') {
            rest = &rest[start + 1..];
            continue;
        }
        let mut text = String::new();
        let mut letters = rest[start + 1..].char_indices();
        let end = loop {
            match letters.next() {
                Some((_, '\\')) => match letters.next() {
                    Some((_, '\n')) => text.push('\u{0}'),
                    Some((_, letter)) => text.push(if letter == 'n' { '\n' } else { letter }),
                    None => break rest.len(),
                },
                Some((at, '"')) => break start + 1 + at + 1,
                Some((_, letter)) => text.push(letter),
                None => break rest.len(),
            }
        };
        let lines: Vec<&str> = text.split('\u{0}').collect();
        found
            .push(lines.iter().enumerate().map(|(at, line)| if at == 0 { *line } else { line.trim_start() }).collect());
        rest = &rest[end..];
    }
    found
}

#[test]
fn every_command_that_the_program_names_is_there() {
    let program = program();
    let (mut wrong, mut named) = (BTreeSet::new(), 0);
    for path in files("src", "rs") {
        let source = fs::read_to_string(&path).unwrap();
        let said = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code: Vec<&str> = said.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let place = path.strip_prefix(root()).unwrap();
        if place.components().any(|part| part.as_os_str() == "tests") || place.ends_with("cli/spoken.rs") {
            continue;
        }
        for text in literals(&code.join("\n")) {
            named += text.matches("codeblue ").count();
            wrong.extend(problems(&program, &text).into_iter().map(|why| format!("{}: {why}", place.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(named > 200, "only {named} were found");
}

#[test]
fn what_is_not_there_is_found() {
    let program = program();
    for (said, wrong) in [
        ("look: codeblue incident list --open", false),
        ("codeblue incident lst", true),
        ("codeblue incidents", true),
        ("codeblue change approve CHG-7 --codes 1", true),
        ("codeblue cannot take back what an action does", false),
        ("codeblue change list; codeblue nothing", true),
    ] {
        assert_eq!(!problems(&program, said).is_empty(), wrong, "{said}: {:?}", problems(&program, said));
    }
    assert_eq!(literals("a(\"x \\\n   y\", 'c', \"\\\"z\")"), ["x y", "\"z"]);
    assert_eq!(commands_of("$ echo x | codeblue redact > y"), [["redact"]]);
}
