//! How programs of the world word their troubles: a table of signs for each kind of program, taken from their own documentation,
//! sources and trackers. A word with `*` in it is in parts that come in this order.
//!
//! A new word belongs to the file of whoever says it. Its weight is how often it is right when it stands alone: 0.8 and more where
//! nothing else is said so, 0.5 where it may as well be a symptom.

mod answers;
mod brokers;
mod common;
mod edges;
mod harmless;
mod hosts;
mod identity;
mod models;
mod runtimes;
mod stores;

pub(super) use answers::{LOCKED_OUT, NOT_UNDERSTOOD, REFUSED_BY_OTHERS, WRONG_ANSWERS};
pub(super) use harmless::{HARMLESS, Harmless};
pub(super) use stores::READS_ALL;

use crate::domain::Cause;

/// Where a word counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In what a check says.
    Check,
    /// In a line of a log.
    Log,
    /// In both.
    Both,
    /// In a line of a log, also where the line calls itself harmless: servers tell of much at the level of a notice.
    Aside,
}

/// Words, and how much they speak for a cause.
pub(super) struct Sign {
    pub(super) cause: Cause,
    pub(super) place: Place,
    /// How often they are right, alone, 0 to 1.
    pub(super) weight: f64,
    /// In small letters; any of them counts.
    pub(super) words: &'static [&'static str],
}

const fn sign(cause: Cause, place: Place, weight: f64, words: &'static [&'static str]) -> Sign {
    Sign { cause, place, weight, words }
}

use Cause as C;

/// All tables.
pub(super) fn signs() -> impl Iterator<Item = &'static Sign> {
    let tables = [
        common::WORDS,
        stores::WORDS,
        brokers::WORDS,
        edges::WORDS,
        runtimes::WORDS,
        hosts::WORDS,
        identity::WORDS,
        models::WORDS,
    ];
    tables.into_iter().flatten()
}
