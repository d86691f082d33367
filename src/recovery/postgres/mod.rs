//! Adapter `postgres`, by PostgreSQL's own programs.
//!
//! Physical: a snapshot is a base backup with the log it needs (`base`), described by `about`. A restore stages it beside the
//! data directory, lets a private server (`scratch`) replay and promote it, looks at every database there (`tables`), and only
//! then stops the live server (`live`), exchanges the directories and starts it again (`physical`). With a directory for
//! received log (`wal`, filled by `follow`) any time after a snapshot can be reached. Logical: `logical`, one database by
//! `pg_dump`. Programs are run by `tool`.

mod about;
mod base;
mod cluster;
mod follow;
mod live;
mod logical;
mod physical;
mod scratch;
mod tables;
mod tool;
mod wal;

pub use follow::{Following, follow};
pub(super) use logical::Logical;
pub(super) use physical::Physical;
