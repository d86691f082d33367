//! The only place that touches the terminal: what was switched on and has to be switched off (`session`), the thread that
//! reads keys (`input`), the thread that writes frames (`writer`), programs that take the terminal for a while (`outside`),
//! and where a copied text goes (`clipboard`).

pub mod clipboard;
pub mod input;
pub mod outside;
pub mod session;
pub mod writer;
