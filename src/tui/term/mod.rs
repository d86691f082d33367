//! The only place that touches the terminal: what was switched on and has to be switched off (`session`), the thread that
//! reads keys (`input`), what has to be written for a picture (`frame`), the thread that writes it (`writer`), programs that take
//! the terminal for a while (`outside`), and where a copied text goes (`clipboard`).

pub mod clipboard;
pub mod frame;
pub mod input;
pub mod outside;
pub mod session;
pub mod writer;
