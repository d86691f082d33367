//! Floor 6. The board.
//!
//! ```text
//! tty → term/input → Message → update(&mut Model) → Request → runtime → client → engine
//!                                   │
//!                    Model → view::draw → cells + hit map → runtime → term/writer → tty
//! ```
//!
//! `settings` are what a person set, `theme` how things look, `preferences` what the board remembers by itself.
//! `model` is all the board knows, `message` all that can happen to it, `action` the one table of what a person can do.
//! Only `update` changes the model, only `view` draws, only `runtime` does I/O (`files` for it), and only `term` touches the terminal. A new
//! page is a variant of `model::Screen` and a file in `view`; a new action is a row of the table. Where parts of a page stand is said by
//! `layout` alone.

mod action;
mod article;
mod attention;
mod beside;
mod break_glass;
mod browse;
mod calendar;
mod changed;
mod continuity;
mod copy;
mod counting;
mod decision;
mod diagnosis;
mod drill;
mod effect;
mod errors;
mod farewell;
mod files;
mod filter;
mod fleet;
mod form;
mod guard;
mod hand;
mod health;
mod help;
mod hit;
mod layout;
mod lists;
mod lock;
mod look;
mod lookback;
mod map;
mod marks;
mod measure;
mod message;
mod model;
mod next_step;
mod older;
mod on_call;
mod overlay;
mod palette;
mod patterns;
mod place;
mod preferences;
mod preview;
mod queue;
mod reach;
mod rehearsal;
mod runtime;
mod settings;
mod startle;
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
mod way_back;
mod written;

pub use drill::{DrillOffer, DrillWish, TUTORIAL};
pub use guard::Access;
pub use model::Fault;
pub use rehearsal::Rehearsal;
pub use runtime::{BoardError, BoardOptions, Drill, FirstPage, Holding, board};
pub use settings::{Binding, Settings, Setup, bindings, keep_theme, load as load_setup};
pub use term::input::Key;
pub use term::mishap::is_of_board;
pub use term::session::NoScreen;
pub use theme::{Colours, Shelf, Theme, ThemeChoice};
