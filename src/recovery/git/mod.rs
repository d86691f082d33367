//! Adapter `git`: tags and commits of a repository, checked out beside each other and switched like releases (`adapter`), by the
//! system's own git, which is asked in `repository`.

mod adapter;
mod repository;

pub(super) use adapter::Git;
