//! Arguments that are more than a word.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::de::DeserializeOwned;

use crate::domain::{
    ActionKind, ArticleState, AutomationMode, Category, Ceiling, ErrorKind, ErrorSeverity, IncidentRole, Judgement,
    ReviewOutcome, ReviewVerdict, Role, Severity, TokenScope,
};

/// The roles an operator may have.
pub(super) fn role() -> impl TypedValueParser<Value = Role> {
    one_of::<Role>(&["viewer", "engineer", "technical-lead", "cto", "compliance-officer"])
}

/// What a token may do.
pub(super) fn token_scope() -> impl TypedValueParser<Value = TokenScope> {
    one_of::<TokenScope>(&["read", "report", "act"])
}

/// What a review says in one word.
pub(super) fn review_outcome() -> impl TypedValueParser<Value = ReviewOutcome> {
    one_of::<ReviewOutcome>(&["successful", "with-issues", "unsuccessful"])
}

/// The roles of an incident.
pub(super) fn incident_role() -> impl TypedValueParser<Value = IncidentRole> {
    one_of::<IncidentRole>(&["commander", "communications", "scribe"])
}

/// What an action item is good for.
pub(super) fn action_kind() -> impl TypedValueParser<Value = ActionKind> {
    one_of::<ActionKind>(&["prevent", "detect", "mitigate"])
}

/// What may be said of a diagnosis.
pub(super) fn judgement() -> impl TypedValueParser<Value = Judgement> {
    one_of::<Judgement>(&["right", "wrong", "partly"])
}

/// Whether anything may rely on an article.
pub(super) fn article_state() -> impl TypedValueParser<Value = ArticleState> {
    one_of::<ArticleState>(&["proposed", "confirmed", "retired"])
}

/// Of what kind a failure is.
pub(super) fn category(text: &str) -> Result<Category, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

/// What an error is about.
pub(super) fn error_kind() -> impl TypedValueParser<Value = ErrorKind> {
    one_of::<ErrorKind>(&[
        "database",
        "network",
        "agent",
        "resource",
        "security",
        "integrity",
        "configuration",
        "program",
        "validation",
        "unknown",
    ])
}

/// How bad an error is.
pub(super) fn error_severity() -> impl TypedValueParser<Value = ErrorSeverity> {
    one_of::<ErrorSeverity>(&["LOW", "MEDIUM", "HIGH", "CRITICAL"])
}

/// How far policies may go.
pub(super) fn mode() -> impl TypedValueParser<Value = AutomationMode> {
    one_of::<AutomationMode>(&["observe", "assist", "auto"])
}

/// How far acts under break-glass may reach.
pub(super) fn ceiling() -> impl TypedValueParser<Value = Ceiling> {
    one_of::<Ceiling>(&["action", "code", "data"])
}

/// Whether a use of break-glass was right.
pub(super) fn review_verdict() -> impl TypedValueParser<Value = ReviewVerdict> {
    one_of::<ReviewVerdict>(&["justified", "unjustified"])
}

/// Words that the JSON form of a type uses.
fn one_of<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    words: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words).try_map(|word| serde_json::from_value::<T>(serde_json::Value::String(word)))
}

/// `1` to `4`, or `SEV1` to `SEV4`.
pub(super) fn severity(text: &str) -> Result<Severity, String> {
    let digit = text.trim().to_ascii_lowercase();
    let digit = digit.strip_prefix("sev").unwrap_or(&digit).to_owned();
    Severity::ALL
        .into_iter()
        .find(|severity| severity.number().to_string() == digit)
        .ok_or_else(|| "expected 1 (the worst) to 4".to_owned())
}

/// `90s`, `15m`, `2h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "expected a time such as 90s, 15m or 2h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_is_a_number_with_or_without_its_word() {
        assert_eq!(severity("2"), Ok(Severity::Sev2));
        assert_eq!(severity("sev1"), Ok(Severity::Sev1));
        assert!(severity("0").is_err() && severity("sev5").is_err() && severity("").is_err());
    }
}
