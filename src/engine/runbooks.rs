//! The runbooks that runs may walk through: those of the engine's library, and no others. Whoever asks for a run names a book; what
//! it says comes from here.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use ring::hmac;

use super::{EngineHandle, Home, LibraryBook, QueryError, queries::blocking, readers::Readers, vouchers::Vouchers};
use crate::{
    domain::{Command, Named, Refusal, runbook::Runbook},
    runbook::{self, Level, Origin, Volume},
};

/// The name of the file with the key of what is kept of output as a hash.
const KEY: &str = "run-output.key";

/// What runs of runbooks are walked with.
pub(super) struct Walking {
    /// The folder of the books that stand beside the platform file.
    books: PathBuf,
    /// The key for hashes of what programs print.
    pub(super) output_key: hmac::Key,
    /// What programs of ours need in their environment to find the home of this engine.
    pub(super) children: Option<(&'static str, PathBuf)>,
    pub(super) vouchers: Vouchers,
    pub(super) readers: Readers,
}

impl Walking {
    /// In the home of an engine.
    ///
    /// # Errors
    /// When the key cannot be read or made.
    pub(super) fn in_home(home: &Home) -> io::Result<Self> {
        Ok(Self {
            books: home.runbooks(),
            output_key: output_key(&home.keys())?,
            children: home.environment(),
            vouchers: Vouchers::default(),
            readers: Readers::default(),
        })
    }
}

/// The key; made when there is none.
fn output_key(keys: &Path) -> io::Result<hmac::Key> {
    let path = keys.join(KEY);
    let secret = match fs::read(&path) {
        Ok(secret) => secret,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret: [u8; 32] = rand::random();
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(&secret)?;
            file.sync_all()?;
            secret.to_vec()
        }
        Err(error) => return Err(error),
    };
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &secret))
}

impl EngineHandle {
    /// All books that a run can be begun with, and those that have mistakes.
    ///
    /// # Errors
    /// When the folder of books cannot be read.
    pub async fn books(&self) -> Result<Vec<LibraryBook>, QueryError> {
        let folder = self.walking.books.clone();
        blocking(move || {
            let volumes = runbook::library(Some(&folder))
                .map_err(|error| format!("the books in {} cannot be read: {error}", folder.display()))?;
            Ok(volumes.into_iter().map(listed).collect())
        })
        .await
    }

    /// A command with the book that it is about, where it begins a run or has one go on by the text of now.
    pub(super) async fn with_book(&self, command: Command) -> Result<Command, Refusal> {
        match command {
            Command::StartRun { book, seen, inputs, incident, mode, found: _ } => {
                let found = Some(self.book(book.clone()).await?);
                Ok(Command::StartRun { book, seen, inputs, incident, mode, found })
            }
            Command::RebaseRun { run, seen, found: _ } => {
                let name = self.state().run(run)?.book.front.id.clone();
                Ok(Command::RebaseRun { run, seen, found: Some(self.book(name).await?) })
            }
            command => Ok(command),
        }
    }

    async fn book(&self, name: String) -> Result<Arc<Runbook>, Refusal> {
        let folder = self.walking.books.clone();
        let found = tokio::task::spawn_blocking(move || read(&folder, &name)).await;
        found.unwrap_or_else(|error| {
            Err(Refusal::new("runbook-unreadable", error.to_string())
                .hint("try again; the log of the engine says more"))
        })
    }
}

fn listed(volume: Volume) -> LibraryBook {
    let errors = volume.reading.findings.iter().filter(|finding| finding.level == Level::Error).count();
    LibraryBook {
        id: volume.id().to_owned(),
        built_in: volume.origin == Origin::BuiltIn,
        errors,
        runbook: volume.reading.runbook.map(Arc::new),
        file: volume.file,
    }
}

fn read(folder: &Path, name: &str) -> Result<Arc<Runbook>, Refusal> {
    let volumes = runbook::library(Some(folder)).map_err(|error| {
        Refusal::new("runbook-unreadable", format!("the books in {} cannot be read: {error}", folder.display()))
            .hint("mend the folder and its permissions, then: codeblue runbook lint")
    })?;
    let volume = match runbook::find(&volumes, name)[..] {
        [volume] => volume,
        [] => return Err(Refusal::unknown(Named::Runbook, name).hint("see: codeblue runbook list")),
        ref several => {
            let ids: Vec<&str> = several.iter().map(|volume| volume.id()).collect();
            return Err(Refusal::new("runbook-unclear", format!("{name:?} may be {}", ids.join(" or ")))
                .hint("name it by its id"));
        }
    };
    let book = volume.reading.runbook.clone();
    book.map(Arc::new).ok_or_else(|| {
        Refusal::new("runbook-wrong", format!("{} has mistakes", volume.file))
            .hint(format!("see: codeblue runbook lint {}", volume.file))
    })
}
