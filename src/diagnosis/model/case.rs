//! What a model is asked about. Everything has its name from its place in its list (`C1`, `E1`, `A1`, `K1`), so no text from
//! outside can be one.

/// What the local analyser found, in its order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Case {
    /// The incident in one line.
    pub incident: String,
    /// What is known of each service involved, a line each.
    pub services: Vec<String>,
    /// Possible causes, the most likely first.
    pub candidates: Vec<Candidate>,
    /// What was seen, the strongest first.
    pub evidence: Vec<Fact>,
    /// What the platform file declares that may be done.
    pub actions: Vec<Action>,
    /// What is known from earlier.
    pub articles: Vec<Article>,
}

/// A possible cause.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidate {
    /// The service it sits in.
    pub service: String,
    /// What it is, in one line.
    pub issue: String,
    /// What the local analyser gives it, 0 to 1.
    pub probability: f64,
    /// Places in [`Case::evidence`] of what speaks for it.
    pub evidence: Vec<usize>,
    /// Places in [`Case::actions`] of what may be done about it, the best first.
    pub actions: Vec<usize>,
}

/// Something that was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fact {
    /// Where: a check, a log, the ledger.
    pub source: String,
    /// What.
    pub text: String,
    /// When, if that is known.
    pub at: Option<String>,
    /// How often.
    pub count: u64,
}

/// Something that may be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Action {
    /// In words.
    pub label: String,
    /// Its risk and how long it takes, in words.
    pub terms: String,
    /// Actions of one tier are as good to the local analyser; a lower one comes first.
    pub tier: u8,
}

/// Something known from earlier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Article {
    /// Its title.
    pub title: String,
    /// What it says, in short.
    pub summary: String,
}
