//! Floor 3. Documents made from the state: what happened, in the words of the record and with its figures, one file per document.
//! Each is a value for JSON and a text in Markdown; `page` makes a page of the text.

mod page;
mod recovery;

pub use page::html;
pub use recovery::RecoveryReport;
