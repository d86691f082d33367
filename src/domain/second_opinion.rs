//! What a language model had to do with a diagnosis: which mind said what, what was sent, and what it cost.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{DiagnosisState, State};

/// The part of a language model in a diagnosis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecondOpinion {
    /// The model that was asked.
    pub model: String,
    /// What its opinion came to beside the local analyser's.
    pub stance: Stance,
    /// In words: why it was not used, or what of it does not count.
    pub note: String,
    /// What the model says, in its own words; a text for people, redacted.
    pub explanation: String,
    /// How sure the model says it is, 0 to 1; only where it cites evidence, and never part of a probability.
    pub confidence: Option<f64>,
    /// A cause that it suspects and the local analyser does not list.
    pub elsewhere: Option<String>,
    /// What it named that is not known here. Nothing can be done with these names.
    pub not_known_here: Vec<String>,
    /// SHA-256 of what was sent, in hexadecimal; none when nothing was.
    pub prompt_hash: Option<String>,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub answer_tokens: u64,
    /// Some of the tokens were not counted by the server but estimated here.
    pub estimated: bool,
    /// What they cost, where the platform file tells a price.
    pub cost: Option<f64>,
    /// How long it took, in seconds.
    #[serde(rename = "tookSeconds")]
    pub took: f64,
}

/// What a model's opinion came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stance {
    /// There is none: the local analyser decided alone.
    Unused,
    /// It chose no cause.
    Undecided,
    /// It finds the same cause the most likely.
    Agrees,
    /// It chose one that was as good to the local analyser, and that stands first now.
    Reordered,
    /// It chose another without evidence that speaks for it.
    Unfounded,
    /// It chose another that is too far behind.
    Outweighed,
}

impl Stance {
    /// In words, after the name of the model.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Unused => "was not heard",
            Self::Undecided => "does not choose between the causes",
            Self::Agrees => "agrees",
            Self::Reordered => "chose between causes that were equally likely",
            Self::Unfounded => "names another cause without evidence for it",
            Self::Outweighed => "would name another cause, which is too far behind",
        }
    }
}

/// Tokens that models have used on the day (UTC) of a time.
#[must_use]
pub fn model_tokens_of_day(state: &State, now: DateTime<Utc>) -> u64 {
    let used = state.diagnoses.values().rev().filter_map(|diagnosis| match &diagnosis.state {
        DiagnosisState::Concluded { document, at } if at.date_naive() == now.date_naive() => {
            document.second_opinion.as_ref()
        }
        _ => None,
    });
    used.map(|opinion| opinion.prompt_tokens + opinion.answer_tokens).sum()
}
