//! The books there are: those in `runbooks/` beside the platform file, and those that come with the program. A book of one's own
//! takes the place of one that comes along with the same id.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::parse::{LONGEST, Reading, read_bytes};

/// The books that come with the program: file name and text.
pub const BUILT_IN: [(&str, &str); 8] = [
    ("RB-01-complete-outage.md", include_str!("../../runbooks/RB-01-complete-outage.md")),
    ("RB-02-database-connection.md", include_str!("../../runbooks/RB-02-database-connection.md")),
    ("RB-03-ai-unavailable.md", include_str!("../../runbooks/RB-03-ai-unavailable.md")),
    ("RB-04-authentication-down.md", include_str!("../../runbooks/RB-04-authentication-down.md")),
    ("RB-05-data-corruption.md", include_str!("../../runbooks/RB-05-data-corruption.md")),
    ("RB-06-security-breach.md", include_str!("../../runbooks/RB-06-security-breach.md")),
    ("RB-07-hipaa-violation.md", include_str!("../../runbooks/RB-07-hipaa-violation.md")),
    ("RB-08-performance-degradation.md", include_str!("../../runbooks/RB-08-performance-degradation.md")),
];

/// Where a book came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It came with the program.
    BuiltIn,
    /// A file of one's own.
    File(PathBuf),
}

/// One file with what came of reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Where it came from.
    pub origin: Origin,
    /// Its name in findings.
    pub file: String,
    /// Its text; empty when it is none.
    pub text: String,
    /// What came of reading it.
    pub reading: Reading,
}

impl Volume {
    /// The book's id; what its file is called, when the book could not be read.
    #[must_use]
    pub fn id(&self) -> &str {
        match &self.reading.runbook {
            Some(book) => &book.front.id,
            None => self.file.rsplit('/').next().and_then(|name| name.strip_suffix(".md")).unwrap_or(&self.file),
        }
    }
}

/// Reads one file.
///
/// # Errors
/// When it cannot be read, or is too long.
pub fn open(path: &Path) -> io::Result<Volume> {
    let length = fs::metadata(path)?.len();
    if length > LONGEST as u64 {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a runbook has at most 1 MiB"));
    }
    let bytes = fs::read(path)?;
    let file = path.display().to_string();
    let reading = read_bytes(&file, &bytes);
    let text = String::from_utf8(bytes).unwrap_or_default();
    Ok(Volume { origin: Origin::File(path.to_owned()), file, text, reading })
}

/// All books: those of a folder, if there is one, then those that come along and are not replaced by one of them.
///
/// # Errors
/// When the folder or one of its books cannot be read.
pub fn library(folder: Option<&Path>) -> io::Result<Vec<Volume>> {
    let mut volumes = Vec::new();
    if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "md") && path.is_file());
        paths.sort();
        for path in paths {
            volumes.push(open(&path)?);
        }
    }
    let own: Vec<String> = volumes.iter().map(|volume| volume.id().to_owned()).collect();
    volumes.extend(built_in().filter(|volume| !own.iter().any(|id| id == volume.id())));
    Ok(volumes)
}

/// The books that come with the program.
pub fn built_in() -> impl Iterator<Item = Volume> {
    BUILT_IN.into_iter().map(|(file, text)| Volume {
        origin: Origin::BuiltIn,
        file: format!("runbooks/{file}"),
        text: text.to_owned(),
        reading: read_bytes(file, text.as_bytes()),
    })
}

/// The books whose id is a name, or begins with it at a hyphen, as `RB-02` does.
#[must_use]
pub fn find<'a>(volumes: &'a [Volume], name: &str) -> Vec<&'a Volume> {
    let name = name.to_lowercase();
    let exact: Vec<&Volume> = volumes.iter().filter(|volume| volume.id().to_lowercase() == name).collect();
    if !exact.is_empty() {
        return exact;
    }
    let begins = |volume: &&Volume| {
        let id = volume.id().to_lowercase();
        id.strip_prefix(&name).is_some_and(|rest| rest.starts_with('-'))
            || id.split('-').skip(2).collect::<Vec<_>>().join("-") == name
    };
    volumes.iter().filter(begins).collect()
}
