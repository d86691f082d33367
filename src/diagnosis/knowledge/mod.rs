//! The knowledge base as something to search and to carry about: articles found by words, by codes and by the templates of log
//! lines (`index`), and written as files (`page`). Self-contained: it knows texts and their parts, not the rules.
//!
//! `words` cuts texts into terms, `synonyms` knows what is called by several names. A new name for something known is a word in
//! the table of `synonyms`.

mod index;
mod page;
mod synonyms;
mod words;

#[cfg(test)]
mod tests;

pub use index::{Index, Means, Query, Text};
pub use page::{Page, PageError, PageFix};
