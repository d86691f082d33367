//! The only place that touches the terminal: what was switched on and has to be switched off (`session`), the thread that
//! reads keys (`input`), the thread that writes frames (`writer`).

pub mod input;
pub mod session;
pub mod writer;
