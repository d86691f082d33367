//! Floor 6. The board.
//!
//! ```text
//! tty → term/input → Message → update(&mut Model) → Request → runtime → client → engine
//!                                   │
//!                    Model → view::draw → cells + hit map → runtime → term/writer → tty
//! ```
//!
//! `model` is all the board knows, `message` all that can happen to it, `action` the one table of what a person can do.
//! Only `update` changes the model, only `view` draws, only `runtime` does I/O (`files` for it), and only `term` touches the terminal. A new
//! page is a variant of `model::Screen` and a file in `view`; a new action is a row of the table. Where parts of a page stand is said by
//! `layout` alone.

mod action;
mod article;
mod beside;
mod break_glass;
mod browse;
mod calendar;
mod changed;
mod continuity;
mod counting;
mod decision;
mod diagnosis;
mod drill;
mod effect;
mod errors;
mod files;
mod form;
mod health;
mod hit;
mod layout;
mod lists;
mod lock;
mod lookback;
mod map;
mod marks;
mod measure;
mod message;
mod model;
mod overlay;
mod patterns;
mod preview;
mod queue;
mod reach;
mod rehearsal;
mod runtime;
mod team;
mod templates;
mod term;
#[cfg(test)]
mod tests;
mod text;
mod theme;
mod update;
mod verdict;
mod view;
mod walk;
mod written;

pub use drill::{DrillOffer, DrillWish};
pub use model::Fault;
pub use rehearsal::Rehearsal;
pub use runtime::{BoardError, BoardOptions, Drill, Holding, board};
pub use term::input::Key;
pub use term::session::{NoScreen, restore};
pub use theme::Theme;
