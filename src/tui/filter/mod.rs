//! What lists are narrowed to: words and fields, read once (`query`), asked of each row of every list (`rows`, and `fleet` for many hosts), and said
//! wherever something is hidden (`narrowed`).
//!
//! ```text
//! api sev:1,2 -is:over "no room"     all of it has to be so; a comma is "or", a minus is "not"
//! ```
//!
//! A list whose rows do not have a field is not narrowed by it.

mod fleet;
mod narrowed;
mod query;
mod rows;

pub use query::Filter;
