//! Drills on the sandbox. `file` says what a drill's file may say and `read` reads it, `library` has those there are, `draw` makes
//! of a file and a seed what is really done. `conductor` holds one: it injects, watches, takes everything back and tells what it
//! was about; `guard` says when it must stop, `watcher` is how it sees the engine. `responder` plays the people where there are
//! none. What a drill is, and what it scores, is decided in the domain.

mod conductor;
mod draw;
mod file;
mod guard;
mod library;
mod read;
mod responder;
#[cfg(test)]
mod tests;
mod watcher;

pub use conductor::{Held, Holding, hold};
pub use draw::{Drawn, draw};
pub use file::{Decoy, DrillFile, FaultSpec, Variant};
pub use library::{DrillVolume, find, library, open};
pub use read::read;
pub use responder::Play;
