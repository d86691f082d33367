//! Where an engine and its people keep their files.

use std::{
    fs::{DirBuilder, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use directories::ProjectDirs;
use rustix::fs::{FlockOperation, flock};

/// How long a lock is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(10);

/// The folders of one engine: one below another with `--home`, the XDG folders without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    config: PathBuf,
    state: PathBuf,
    runtime: PathBuf,
}

/// Why a home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A folder could not be made or made private.
    #[error("{path}: {source}; codeblue keeps its files there, see --home")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What was said.
        source: io::Error,
    },
    /// Another engine has charge of it.
    #[error("another engine works on {path}; attach to it by starting codeblue with the same home, or stop it first")]
    Busy {
        /// The home.
        path: PathBuf,
    },
    /// There is no home folder to begin with.
    #[error("this user has no home folder; name one with --home DIR")]
    Homeless,
}

impl Home {
    /// A home below one folder.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        Self { config: root.clone(), state: root.clone(), runtime: root }
    }

    /// The home named, or the XDG folders of this user.
    ///
    /// # Errors
    /// When none is named and the user has none.
    pub fn find(named: Option<&Path>) -> Result<Self, HomeError> {
        if let Some(root) = named {
            return Ok(Self::at(root));
        }
        let folders = ProjectDirs::from("", "", "codeblue").ok_or(HomeError::Homeless)?;
        let state = folders.data_dir().to_owned();
        Ok(Self {
            config: folders.config_dir().to_owned(),
            runtime: folders.runtime_dir().map_or_else(|| state.clone(), Path::to_owned),
            state,
        })
    }

    /// The folder of the runbooks that stand beside the platform file.
    #[must_use]
    pub fn runbooks(&self) -> PathBuf {
        self.config.join("runbooks")
    }

    /// What a program of ours needs in its environment to find this home; nothing where it is this user's own.
    #[must_use]
    pub fn environment(&self) -> Option<(&'static str, PathBuf)> {
        (self.config == self.state).then(|| ("CODEBLUE_HOME", self.state.clone()))
    }

    /// The platform file.
    #[must_use]
    pub fn platform_file(&self) -> PathBuf {
        self.config.join("codeblue.toml")
    }

    /// What a person set: theme, keys, hosts.
    #[must_use]
    pub fn settings_file(&self) -> PathBuf {
        self.config.join("settings.toml")
    }

    /// The folder of a person's own themes.
    #[must_use]
    pub fn themes(&self) -> PathBuf {
        self.config.join("themes")
    }

    /// What the board remembers by itself.
    #[must_use]
    pub fn board_memory(&self) -> PathBuf {
        self.state.join("board.json")
    }

    /// The mark that somebody has seen the tour of the board.
    #[must_use]
    pub fn toured(&self) -> PathBuf {
        self.state.join("toured")
    }

    /// Everything the engine must not lose.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.state.join("data")
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.data().join("journal.db")
    }

    /// The samples of checks.
    #[must_use]
    pub fn samples(&self) -> PathBuf {
        self.data().join("samples.db")
    }

    /// What checks remember.
    #[must_use]
    pub fn check_memory(&self) -> PathBuf {
        self.data().join("checks.db")
    }

    /// How far the logs of services were read.
    #[must_use]
    pub fn log_places(&self) -> PathBuf {
        self.data().join("logs.json")
    }

    /// Keys of requests that were begun.
    #[must_use]
    pub fn begun_requests(&self) -> PathBuf {
        self.data().join("requests")
    }

    /// The vault of snapshots.
    #[must_use]
    pub fn vault(&self) -> PathBuf {
        self.data().join("vault")
    }

    /// Keys; nobody else may read them.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.data().join("keys")
    }

    /// Room for work under way; may be emptied while no engine runs.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.data().join("work")
    }

    /// While this file is there, policies are halted.
    #[must_use]
    pub fn halt(&self) -> PathBuf {
        self.data().join("halt")
    }

    /// The safety lever: while this file is there, no drill begins, and one that runs stops.
    #[must_use]
    pub fn drill_lever(&self) -> PathBuf {
        self.data().join("stop-drills")
    }

    /// The folder of the engine's socket.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.runtime.join("run")
    }

    /// The engine's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.run().join("engine.sock")
    }

    /// Log files.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.state.join("log")
    }

    /// Makes the folders, for this user alone.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn prepare(&self) -> Result<(), HomeError> {
        for path in [self.config.clone(), self.data(), self.keys(), self.work(), self.run(), self.log()] {
            let error = |source| HomeError::Folder { path: path.clone(), source };
            DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(error)?;
        }
        for path in [self.data(), self.keys(), self.run()] {
            let error = |source| HomeError::Folder { path: path.clone(), source };
            let mode = std::fs::metadata(&path).map_err(error)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                std::fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(error)?;
            }
        }
        Ok(())
    }

    /// Takes charge of the home; the lock is released when the file is closed, also by a crash.
    ///
    /// # Errors
    /// [`HomeError::Busy`] when another engine has it.
    pub fn lock(&self) -> Result<File, HomeError> {
        let path = self.data().join("engine.lock");
        let error = |source| HomeError::Folder { path: path.clone(), source };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(error)?;
        let begun = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                // A program that an engine was about to begin when it was killed holds the lock until it has begun.
                Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(HomeError::Busy { path: self.state.clone() }),
                Err(errno) => return Err(error(errno.into())),
            }
        }
    }
}
