//! The palette: one line in which everything is found by a few letters of its name.
//!
//! `entry` says what can be chosen and what choosing it does, `find` which of it is meant by what was typed, `told` which
//! actions take words after their name, `line` what keys do while it is open. What was chosen last comes first when nothing is
//! typed.

mod entry;
mod find;
mod line;
mod told;

pub use entry::Entry;
pub use line::Palette;
pub(super) use line::{choose_entry, on_palette_key, open_palette, paste};
