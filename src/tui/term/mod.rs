//! The only place that touches the terminal: what was switched on and has to be switched off (`session`), the thread that
//! reads keys (`input`), what has to be written for a picture (`frame`), the thread that writes it (`writer`).

pub mod frame;
pub mod input;
pub mod session;
pub mod writer;
