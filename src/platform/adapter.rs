//! By what a component is captured and brought back, and what that is able to do.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    model::seconds,
    postgres::{PostgresScope, PostgresServer},
};

/// How a component is captured and restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Adapter {
    /// Release directories below `root/releases` and an atomic link `root/current`.
    Release {
        /// Directory that holds `releases/` and `current`.
        root: PathBuf,
    },
    /// References of a git repository, checked out below `root/releases`, and an atomic link `root/current`.
    Git {
        /// The repository, with or without a working tree of its own.
        repository: PathBuf,
        /// Directory that holds `releases/` and `current`.
        root: PathBuf,
    },
    /// Files and directories, restored as a whole.
    Files {
        /// Absolute paths.
        paths: Vec<PathBuf>,
    },
    /// Environment files and secrets: kept encrypted, never shown.
    Env {
        /// Absolute paths.
        paths: Vec<PathBuf>,
    },
    /// A file of feature flags, in JSON or TOML.
    Flags {
        /// The file; its ending says which of the two.
        path: PathBuf,
    },
    /// A SQLite database, captured online.
    Sqlite {
        /// The database file.
        path: PathBuf,
    },
    /// PostgreSQL: a whole server, or one database in it.
    Postgres {
        /// How the server is reached.
        server: PostgresServer,
        /// How much of it, and by which means.
        scope: PostgresScope,
    },
    /// Whatever declared programs capture and bring back.
    Command(Programs),
}

/// The programs that capture and bring back what no other adapter knows. Arguments of `restore` and `dry_run` may hold
/// `{output}`, what was captured, or `{$.path}`, a place in it; those and arguments of `capture` also `{dir}`, which is `CODEBLUE_DIR`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Programs {
    /// Its standard output, and the files it leaves in the directory `CODEBLUE_DIR`, are what a snapshot holds.
    pub capture: Vec<String>,
    /// Gets the same on its standard input and in `CODEBLUE_DIR`; may be run again after it was cut off.
    pub restore: Vec<String>,
    /// Judges what is live; exit code 0 is good.
    pub verify: Vec<String>,
    /// Prints which version is live.
    pub observe: Option<Vec<String>>,
    /// Gets what `restore` would get and prints what would change; exit code 0 or 1, as those of `diff`.
    pub dry_run: Option<Vec<String>>,
    /// How long each of them may take.
    #[serde(with = "seconds")]
    pub within: Duration,
}

/// To which points an adapter can bring a component back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Points {
    /// To what a snapshot holds.
    Snapshots,
    /// To a version that lies ready, and to what a snapshot holds.
    Versions,
    /// To what a snapshot holds, and to any time after it.
    Continuous,
}

impl Adapter {
    /// To which points it can bring a component back.
    #[must_use]
    pub fn points(&self) -> Points {
        match self {
            Self::Release { .. } | Self::Git { .. } => Points::Versions,
            Self::Postgres { scope: PostgresScope::Physical { wal: Some(_), .. }, .. } => Points::Continuous,
            Self::Files { .. }
            | Self::Env { .. }
            | Self::Flags { .. }
            | Self::Sqlite { .. }
            | Self::Postgres { .. }
            | Self::Command(_) => Points::Snapshots,
        }
    }

    /// Whether switching back to a version brings back its bytes as they were left. What git checks out is made as its
    /// commit says; what was changed in it by hand is in a snapshot alone.
    #[must_use]
    pub fn keeps_versions(&self) -> bool {
        matches!(self, Self::Release { .. })
    }

    /// What it restores, and no other component may.
    #[must_use]
    pub fn places(&self) -> Vec<PathBuf> {
        match self {
            Self::Release { root } | Self::Git { root, .. } => vec![root.join("releases"), root.join("current")],
            Self::Files { paths } | Self::Env { paths } => paths.clone(),
            Self::Flags { path } | Self::Sqlite { path } => vec![path.clone()],
            Self::Postgres { scope, .. } => scope.places(),
            // Only its programs know.
            Self::Command(_) => Vec::new(),
        }
    }

    /// Whether a restore that fails leaves what was live before. A program of somebody else may stop half way.
    #[must_use]
    pub fn switches_at_once(&self) -> bool {
        !matches!(self, Self::Command(_))
    }

    /// The word the platform file uses for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Release { .. } => "release",
            Self::Git { .. } => "git",
            Self::Files { .. } => "files",
            Self::Env { .. } => "env",
            Self::Flags { .. } => "flags",
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgres",
            Self::Command(_) => "command",
        }
    }
}
