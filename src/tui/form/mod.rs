//! Forms: what is written in several lines or several fields before it is sent.
//!
//! What was written stays as a draft when its form is left, and while it is on its way, until the engine has accepted it:
//! nobody writes a note twice because a rule said no or a link broke.
//!
//! `sheet` says what a form is, `subject` what each form asks and sends, `fill` how a person gets through one.

mod fill;
mod sheet;
mod subject;

pub(super) use fill::{go_on, on_form_key, open_form, take_back};
pub use sheet::{Chosen, Field, Form, Kind, Pick, Review};
pub use subject::Writing;
pub(super) use subject::{settle, until};
