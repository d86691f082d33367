//! What a person can do: one table, from which the keys, the hints, the help page, the palette and the buttons are made.
//!
//! `table` says what an action is and finds the one on a key, `keymap` what people changed of the keys; each other file holds the actions of one subject, and `here`
//! what they share. No action that changes anything is on a letter that a torn arrow key could leave behind
//! (`A B C D F H O P Q R S`).

mod anywhere;
mod break_glass;
mod breaker;
mod calendar;
mod change;
mod continuity;
mod diagnosis;
mod drill;
mod here;
mod incident;
mod keymap;
mod knowledge;
mod on_call;
mod recovery;
mod run;
mod runbook;
mod snapshot;
mod table;
mod template;

pub use here::{cannot_act, latest_document, open, roles, show_plan};
#[cfg(test)]
pub use keymap::LEFT_BEHIND;
pub use keymap::{Keymap, unfit};
pub use knowledge::exported;
pub use recovery::propose;
pub use snapshot::{browse, roll_back_component};
pub use table::{Action, Danger, Where, all, hints, named, on_key, perform};
#[cfg(test)]
pub use table::{FROM_ELSEWHERE, owned};
