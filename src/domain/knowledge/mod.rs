//! What is known about what breaks: articles that people confirm, what became of the fixes they name, and what people said of
//! each diagnosis.
//!
//! `article` holds what an article is, `write` who may write one, `verdict` what people say of a diagnosis, `learn` what an
//! incident teaches and what it does not, `estimate` how well a fix is known to work.

mod article;
mod estimate;
mod learn;
mod verdict;
mod write;

pub use article::{
    Article, ArticleBody, ArticleState, FixRecord, Knowledge, PastVersion, Symptoms, Treatment, Trial,
    time_to_resolution,
};
pub use estimate::{FixEstimate, Pool};
pub use learn::article_from;
pub use verdict::{DiagnosisVerdict, Judgement, TrueCause, VERDICTS_LIMIT, VerdictRecord, confirmed_cause};

pub(super) use learn::{apply as apply_learned, count, deadlines, learn, teaches};
pub(super) use verdict::{apply as apply_verdict, judge};
pub(super) use write::{apply as apply_written, confirm, edit, import, propose, retire};
