//! Articles as files: read, written, and opened in the editor of whoever runs the command.

use std::{
    fs,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::Command,
};

use super::error::CliError;
use crate::{
    diagnosis::{read_article, write_article},
    domain::{ArticleBody, Category, Symptoms},
};

/// A file of an article has no more bytes than this.
const LARGEST: u64 = 512 * 1024;

/// The article in a file; `-` is standard input.
pub(super) fn read(file: &Path) -> Result<(String, ArticleBody), CliError> {
    let shown = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let wrong = |error: &dyn std::fmt::Display| CliError::Usage(format!("{shown}: {error}"));
    let mut bytes = Vec::new();
    let taken = if file == Path::new("-") {
        io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    taken.map_err(|error| wrong(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(&format!("an article has at most {LARGEST} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|error| wrong(&error))?;
    read_article(&text).map_err(|error| wrong(&error))
}

/// The files of these paths: of a folder those whose name ends in `.md`, by name.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let wrong = |error: io::Error| CliError::Usage(format!("{}: {error}", path.display()));
        let mut found = Vec::new();
        for entry in fs::read_dir(path).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            if path.extension().is_some_and(|ending| ending == "md") && path.is_file() {
                found.push(path);
            }
        }
        if found.is_empty() {
            return Err(CliError::Usage(format!("{}: there is no file ending in .md", path.display())));
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// The text of a new article to go on from.
pub(super) fn blank(name: &str) -> ArticleBody {
    ArticleBody {
        title: name.replace('-', " "),
        category: Category::Unknown,
        symptoms: Symptoms {
            words: vec!["a word, an error code or a line of a log".to_owned()],
            signatures: Vec::new(),
        },
        fixes: Vec::new(),
        procedure: "How to go about it, step by step.".to_owned(),
        prevention: "What keeps it from coming back.".to_owned(),
    }
}

/// Opens an article in `$VISUAL` or `$EDITOR`, and reads what came of it; none when nothing was changed. The name stays.
pub(super) fn edited(name: &str, body: &ArticleBody) -> Result<Option<ArticleBody>, CliError> {
    let named = |key: &str| std::env::var(key).ok().filter(|value| !value.trim().is_empty());
    let Some(editor) = named("VISUAL").or_else(|| named("EDITOR")).filter(|_| io::stdin().is_terminal()) else {
        return Err(CliError::Usage(
            "no editor can be opened: set EDITOR and run it on a terminal, or write a file and give it with --file"
                .to_owned(),
        ));
    };
    let words = shell_words::split(&editor).map_err(|error| CliError::Usage(format!("EDITOR: {error}")))?;
    let (program, arguments) = words.split_first().ok_or_else(|| {
        CliError::Usage("EDITOR names no program; set it, such as EDITOR=vi, or give the text with --file".to_owned())
    })?;
    let failed = |error: io::Error| CliError::Failed(format!("a file to edit: {error}"));
    let mut file = tempfile::Builder::new().prefix(name).suffix(".md").tempfile().map_err(failed)?;
    let before = write_article(name, body);
    file.write_all(before.as_bytes()).map_err(failed)?;
    let status = Command::new(program)
        .args(arguments)
        .arg(file.path())
        .status()
        .map_err(|error| CliError::Failed(format!("{program}: {error}")))?;
    if !status.success() {
        return Err(CliError::Failed(format!("{program} ended with {status}; nothing was changed")));
    }
    let text = fs::read_to_string(file.path()).map_err(failed)?;
    if text == before {
        return Ok(None);
    }
    match read_article(&text) {
        Ok((found, body)) if found == name => Ok(Some(body)),
        // What was written is not lost for a slip.
        found => {
            let why = match found {
                Ok((other, _)) => format!("the name is {name} for ever, and {other} is another"),
                Err(error) => error.to_string(),
            };
            let kept = file.keep().map_err(|error| CliError::Failed(error.to_string()))?.1;
            Err(CliError::Usage(format!("{}: {why}; mend it and give it with --file", kept.display())))
        }
    }
}
