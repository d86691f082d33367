//! Floor 3. Documents made from the state and the rules: what happened, in the words of the record and with its figures, one file per document.
//! Each is a value for JSON and a text in Markdown; `page` makes a page of the text, `words`
//! writes times and figures.

mod article;
mod drill;
mod handover;
mod in_short;
mod metrics;
mod page;
mod policies;
mod postmortem;
mod recovery;
mod run;
mod situation;
mod words;

pub use article::{ArticleReport, ArticleSummary, FixFigures};
pub use drill::{DrillReport, RunInDrill, TimelineRow, heat_map_markdown};
pub use handover::Handover;
pub use metrics::metrics_markdown;
pub use page::html;
pub use policies::Policies;
pub use postmortem::PostMortemReport;
pub use recovery::RecoveryReport;
pub use run::{RunReport, RunStepReport};
pub use situation::SituationReport;
