//! The adapter `postgres`: what it may say and its keys.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    adapter::Adapter,
    reader::{Reader, Section},
};

pub(super) const PORT: u16 = 5432;
const USER: &str = "postgres";
/// Where packaged servers put their socket.
pub(super) const SOCKETS: &str = "/var/run/postgresql";

/// How a PostgreSQL server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostgresServer {
    /// Host name, or directory of its Unix socket.
    pub host: String,
    /// Port, which also names the socket.
    pub port: u16,
    /// Role that backs up and looks.
    pub user: String,
    /// A file in the form of `.pgpass`; libpq reads it.
    pub password_file: Option<PathBuf>,
    /// Directory of its programs; found by itself when absent.
    pub bin: Option<PathBuf>,
}

/// How much of a PostgreSQL server is captured, and by which means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "mode")]
pub enum PostgresScope {
    /// The whole server, as base backups of its data directory.
    Physical {
        /// The data directory.
        data: PathBuf,
        /// Where its log is received, for points between base backups.
        wal: Option<PathBuf>,
        /// Starts the server; `pg_ctl` when absent.
        start: Option<Vec<String>>,
        /// Stops the server; `pg_ctl` when absent.
        stop: Option<Vec<String>>,
    },
    /// One database, as a dump.
    Logical {
        /// Its name.
        database: String,
    },
}

impl PostgresScope {
    pub(super) fn places(&self) -> Vec<PathBuf> {
        match self {
            Self::Physical { data, wal, .. } => [Some(data.clone()), wal.clone()].into_iter().flatten().collect(),
            Self::Logical { .. } => Vec::new(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Physical,
    Logical,
}

pub(super) fn adapter(section: &mut Section<'_, '_>, reader: &mut Reader) -> Option<Adapter> {
    let mode = section.read(reader, "mode", |reader, value, place| {
        reader.choice(value, place, &[("physical", Mode::Physical), ("logical", Mode::Logical)])
    });
    let mode = mode.unwrap_or(Mode::Physical);
    let host = section.read(reader, "host", |reader, value, place| {
        reader.text(value, place, "a host name, or the directory of the server's socket").map(|host| host.value)
    });
    let port = section.read(reader, "port", |reader, value, place| reader.number(value, place, 1..=65_535));
    let user = section.read(reader, "user", |reader, value, place| {
        reader.text(value, place, "a role of the server").map(|user| user.value)
    });
    let password_file = section.read(reader, "password_file", Reader::path).map(|path| path.value);
    let bin = section.read(reader, "bin", Reader::path).map(|path| path.value);
    let server = PostgresServer {
        host: host.unwrap_or_else(|| SOCKETS.to_owned()),
        port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(PORT),
        user: user.unwrap_or_else(|| USER.to_owned()),
        password_file,
        bin,
    };
    let scope = match mode {
        Mode::Physical => {
            let data = section.require(reader, "data", "the server's data directory", Reader::path);
            let wal = section.read(reader, "wal", Reader::path).map(|path| path.value);
            let start = section.read(reader, "start", Reader::command);
            let stop = section.read(reader, "stop", Reader::command);
            if start.is_some() != stop.is_some() {
                let what = "only one of \"start\" and \"stop\" is given";
                reader.problem(section.at(), section.place(), what, "both, or neither for pg_ctl");
            }
            PostgresScope::Physical { data: data?.value, wal, start, stop }
        }
        Mode::Logical => {
            let database = section.require(reader, "database", "the name of the database", |reader, value, place| {
                reader.text(value, place, "the name of a database")
            });
            PostgresScope::Logical { database: database?.value }
        }
    };
    Some(Adapter::Postgres { server, scope })
}
