//! Refusals that are evidence: somebody tried what only others may do. Each is in the record once, and nobody can fill the journal
//! with them.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Actor, Assurance, Command, Event, Meta, Recorded, Refusal, State};

/// The same attempt again within this time is the same attempt.
const SAME: TimeDelta = TimeDelta::seconds(60);
/// How far back attempts are counted.
const BACK: TimeDelta = TimeDelta::hours(1);
/// Recorded attempts of one person with one means in that time at most; that there are more is recorded once.
const AT_MOST: usize = 20;

/// What an attempt came with. Each has a bound of its own: a token that does not count any more is soon shown twenty times, and the
/// person's own attempts are still to be in the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptBy {
    /// A session.
    #[default]
    Session,
    /// A token.
    Token,
}

/// An attempt that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// When.
    pub at: DateTime<Utc>,
    /// Which command.
    pub what: String,
    /// On what, if it is known here.
    pub object: Option<String>,
    /// By which rule.
    pub rule: String,
    /// With what it came.
    #[serde(default)]
    pub by: AttemptBy,
}

/// What the record says of a refusal; nothing when it is no evidence, or has been said.
#[must_use]
pub fn evidence_of_refusal(state: &State, command: &Command, meta: &Meta, refusal: &Refusal) -> Option<Event> {
    let Actor::Operator(name) = &meta.actor else { return None };
    if !is_guarded(command) && !is_about_authority(&refusal.rule) {
        return None;
    }
    let by = match meta.assurance {
        Assurance::Token { .. } => AttemptBy::Token,
        Assurance::Session | Assurance::Step { .. } | Assurance::SecondFactor { .. } => AttemptBy::Session,
    };
    record(state, name, &word(command), object(state, command), &refusal.rule, by, meta.at)
}

/// The same for what was no command yet, such as a token that does not count any more.
pub(in crate::domain) fn record(
    state: &State,
    name: &str,
    what: &str,
    object: Option<String>,
    rule: &str,
    by: AttemptBy,
    now: DateTime<Utc>,
) -> Option<Event> {
    if !state.operators.contains_key(name) {
        return None;
    }
    let person = state.person(name);
    let before = state.credentials.refusals.get(person).map_or(&[][..], Vec::as_slice);
    let recent = before.iter().filter(|refused| refused.at + BACK > now && refused.by == by);
    let same = |refused: &&Refused| {
        refused.at + SAME > now && refused.what == what && refused.object == object && refused.rule == rule
    };
    let operator = name.to_owned();
    if recent.clone().any(|refused| same(&refused)) {
        return None;
    }
    if recent.count() >= AT_MOST {
        let told = state.credentials.not_listed.get(person).and_then(|told| told.get(&by));
        return told.is_none_or(|told| *told + BACK <= now).then_some(Event::RefusalsNotListed { operator, by });
    }
    let (what, rule) = (what.to_owned(), rule.to_owned());
    Some(Event::CommandRefused { operator, what, object, rule, by })
}

pub(super) fn apply(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::CommandRefused { operator, what, object, rule, by } => {
            let person = state.person(operator).to_owned();
            let refused = state.credentials.refusals.entry(person).or_default();
            refused.retain(|refused| refused.at + BACK > at);
            let (what, object, rule, by) = (what.clone(), object.clone(), rule.clone(), *by);
            refused.push(Refused { at, what, object, rule, by });
        }
        Event::RefusalsNotListed { operator, by } => {
            let person = state.person(operator).to_owned();
            state.credentials.not_listed.entry(person).or_default().insert(*by, at);
        }
        _ => {}
    }
}

/// Commands of which every refusal matters to whoever looks for misuse.
fn is_guarded(command: &Command) -> bool {
    command.is_dangerous()
        || matches!(
            command,
            Command::ApproveChange { .. }
                | Command::RejectChange { .. }
                | Command::RevokeApproval { .. }
                | Command::ReviewChange { .. }
                | Command::ValidateChange { .. }
                | Command::ImplementChange { .. }
                | Command::SuspendTemplate { .. }
                | Command::RevokeBreakGlass { .. }
                | Command::RevokeToken { .. }
                | Command::RevokeCertificate { .. }
        )
}

/// Rules that ask who somebody is, not what is to be done.
fn is_about_authority(rule: &str) -> bool {
    matches!(rule, "operator-may-not" | "engine-only" | "role-needed" | "code-used" | "unknown-operator")
        || rule.starts_with("token-")
        || rule.starts_with("certificate-")
        || rule.starts_with("break-glass-")
        || rule.starts_with("second-factor-")
}

/// The command's name, as in the API; its fields are words from outside and do not come along.
fn word(command: &Command) -> String {
    match serde_json::to_value(command) {
        Ok(serde_json::Value::Object(fields)) => {
            fields.get("type").and_then(|word| word.as_str()).unwrap_or("command").to_owned()
        }
        _ => "command".to_owned(),
    }
}

/// What a guarded command is about, where that is something known.
fn object(state: &State, command: &Command) -> Option<String> {
    let operator = |name: &String| state.operators.contains_key(name).then(|| name.clone());
    match command {
        Command::ApproveChange { change, .. }
        | Command::RejectChange { change, .. }
        | Command::RevokeApproval { change, .. }
        | Command::ValidateChange { change, .. }
        | Command::ReviewChange { change, .. }
        | Command::ImplementChange { change }
        | Command::ExecuteUnderBreakGlass { change, .. } => Some(change.to_string()),
        Command::BreakGlass { incident, .. } => Some(incident.to_string()),
        Command::RevokeBreakGlass { break_glass, .. } | Command::ReviewBreakGlass { break_glass, .. } => {
            Some(break_glass.to_string())
        }
        Command::DelegateApproval { to, .. } => operator(to),
        Command::AddOperator { name, .. }
        | Command::AddWithoutLogin { name, .. }
        | Command::AddAccount { name, .. }
        | Command::SetRoles { name, .. }
        | Command::DisableOperator { name, .. }
        | Command::EnableOperator { name, .. } => operator(name),
        Command::AddKey { operator: name, .. }
        | Command::RemoveKey { operator: name, .. }
        | Command::ResetSecondFactor { operator: name, .. } => operator(name),
        Command::RevokeToken { token } => Some(token.to_string()),
        Command::IssueCertificate { operator: name, .. } => operator(name),
        Command::RevokeCertificate { serial } => {
            state.credentials.certificates.contains_key(serial).then(|| serial.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Operator, TokenId};

    fn attempt(state: &mut State, name: &str, token: u64, seconds: i64) -> bool {
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let meta = Meta::new(at, Actor::Operator(name.to_owned()));
        attempted(state, &meta, token)
    }

    fn attempted(state: &mut State, meta: &Meta, token: u64) -> bool {
        let (at, refusal) = (meta.at, Refusal::new("role-needed", "no").hint("ask"));
        let found = evidence_of_refusal(state, &Command::RevokeToken { token: TokenId(token) }, meta, &refusal);
        let recorded = found.is_some();
        if let Some(event) = found {
            let (seq, actor) = (state.seq + 1, meta.actor.clone());
            crate::domain::apply(state, &Recorded { seq, at, actor, cause: None, event, hash: String::new() });
        }
        recorded
    }

    #[test]
    fn an_attempt_is_recorded_once_and_nobody_fills_the_journal_with_them() {
        let mut state = State::default();
        for (name, owner) in [("eve", None), ("eve-2", Some("eve")), ("alice", None)] {
            let (name, belongs_to) = (name.to_owned(), owner.map(str::to_owned));
            state.operators.insert(name.clone(), Operator { name, belongs_to, ..Operator::default() });
        }
        assert!(attempt(&mut state, "eve", 1, 0));
        assert!(!attempt(&mut state, "eve", 1, 59), "the same attempt");
        assert!(attempt(&mut state, "eve", 1, 60), "a minute later it is another");
        assert!(attempt(&mut state, "eve", 2, 60), "and so it is on something else");
        let more = (3..100).filter(|token| attempt(&mut state, "eve-2", *token, 100)).count();
        assert_eq!(more, 18, "twenty an hour for one person, whatever the name, and once that there are more");
        assert_eq!(state.credentials.refusals["eve"].len(), 20);
        assert_eq!(state.credentials.not_listed["eve"].len(), 1);
        assert!(attempt(&mut state, "alice", 1, 100), "which silences nobody else");
        assert!(attempt(&mut state, "eve", 200, 3700));
        assert!(state.credentials.refusals["eve"].len() <= 20);
        assert!(!attempt(&mut state, "stranger", 1, 0), "who is nobody here has no place in the record");
    }

    #[test]
    fn attempts_with_a_token_leave_room_for_those_of_the_person() {
        let mut state = State::default();
        state.operators.insert("eve".to_owned(), Operator { name: "eve".to_owned(), ..Operator::default() });
        let at = DateTime::UNIX_EPOCH;
        let shown = Meta {
            assurance: Assurance::Token { token: TokenId(1) },
            ..Meta::new(at, Actor::Operator("eve".to_owned()))
        };
        let with_token = (0..50).filter(|token| attempted(&mut state, &shown, *token)).count();
        assert_eq!(with_token, 21);
        assert!(attempt(&mut state, "eve", 50, 0));
        for minute in 1..50 {
            let event = record(
                &state,
                "eve",
                "showToken",
                None,
                "token-expired",
                AttemptBy::Token,
                at + TimeDelta::minutes(minute),
            );
            assert_eq!(event, None, "that there are more is said once");
        }
    }

    #[test]
    fn what_is_refused_for_its_own_sake_is_no_evidence() {
        let mut state = State::default();
        state.operators.insert("eve".to_owned(), Operator { name: "eve".to_owned(), ..Operator::default() });
        let meta = Meta::new(DateTime::UNIX_EPOCH, Actor::Operator("eve".to_owned()));
        let busy = Refusal::new("recovery-running", "wait").hint("wait");
        assert_eq!(evidence_of_refusal(&state, &Command::Replicate, &meta, &busy), None);
        let own = Refusal::new("own-change", "no").hint("ask");
        let command =
            Command::approve(crate::domain::ChangeId(7), "from outside".to_owned(), "from outside".to_owned());
        let told = evidence_of_refusal(&state, &command, &meta, &own).map(|event| event.summary()).unwrap_or_default();
        assert_eq!(told, "eve was refused approveChange CHG-7 (rule own-change)");
    }
}
