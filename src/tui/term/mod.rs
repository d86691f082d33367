//! The only place that touches the terminal: what was switched on and has to be switched off (`session`), the thread that
//! reads keys (`input`), what has to be written for a picture (`frame`, `cells`), the thread that writes it (`writer`), programs that take
//! the terminal for a while (`outside`), where a copied text goes (`clipboard`), and what is left when the board fails (`mishap`).

mod cells;
pub mod clipboard;
pub mod frame;
pub mod input;
pub mod mishap;
pub mod outside;
pub mod session;
pub mod writer;
