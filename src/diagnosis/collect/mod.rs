//! Gives the lines that services write, wherever they write them, as entries: a time, a level, a message. It knows nothing of what
//! lines mean; who takes them takes out first what may not be kept.
//!
//! `follow` reads one file on over restarts and rotations (`rotated` finds what was moved away, `place` says how far it is),
//! `files` all files of a pattern, `journald` a unit of the system's journal, `push` what is sent. `bytes` makes lines of bytes,
//! `join` one entry of the lines of a stack trace, `entry` reads what a line says of itself (`stamp`, `level`). `window` keeps the
//! newest of each service, `queue` what waits. Time comes in as a value.
//!
//! A new way to write a time is a function in `stamp`; a new source is a file that gives `Entry`.

mod bytes;
mod entry;
mod files;
mod follow;
mod join;
mod journald;
mod level;
mod place;
mod push;
mod queue;
mod rotated;
mod stamp;
mod window;

#[cfg(test)]
mod tests;

pub use entry::{Entry, Zone};
pub use files::{Files, tails};
pub(super) use follow::tail;
pub use follow::{Figures, Given};
pub use journald::{Journald, JournaldPlace};
pub use level::Level;
pub use place::Place;
pub use push::{Format, PushError, Pushed, read as read_push, unpack};
pub use queue::{Full, Queue};
pub use window::Window;
