//! The second factor: which commands need one, which code counts, and what follows from wrong ones. The secret is the engine's and
//! never comes here: the engine tells for which time step a code was right, and the rules say whether that still counts.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        Actor, ApiToken, Assurance, AttemptBy, AttemptPart, ClientCertificate, Command, Event, Meta, Named, Operator,
        Recorded, Refusal, Refused, Role, RollbackRequest, RunId, RunStepState, State, TokenId, next_step, text::line,
    },
    platform::SecondFactorRule,
};

use super::{people::may_change, token};

/// Wrong codes in a row after which a second factor is locked.
pub const CODES_WRONG: u32 = 5;
/// How long it is locked then, and after how long wrong codes are forgotten.
pub const FACTOR_LOCK: TimeDelta = TimeDelta::minutes(15);
/// The way back where nobody else could help.
pub const RECOVER: &str =
    "where nobody can, who owns the engine's home stops it and runs: codeblue operator totp recover NAME --reason …";

/// What is known of credentials, and of their misuse; no secret is among it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Every API token there ever was.
    pub tokens: BTreeMap<TokenId, ApiToken>,
    /// Every certificate of a person there ever was, by its serial number.
    #[serde(default)]
    pub certificates: BTreeMap<String, ClientCertificate>,
    /// Wrong codes since the last right one, by person.
    pub wrong_codes: BTreeMap<String, WrongCodes>,
    /// Refusals of the last hour that were recorded, by person.
    pub refusals: BTreeMap<String, Vec<Refused>>,
    /// When it was last recorded that more were refused than are listed, by person.
    #[serde(default)]
    pub not_listed: BTreeMap<String, BTreeMap<AttemptBy, DateTime<Utc>>>,
}

/// Wrong codes since the last right one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrongCodes {
    /// How many in a row.
    pub count: u32,
    /// When the last was given.
    pub last_at: DateTime<Utc>,
    /// Until when no code is taken.
    pub locked_until: Option<DateTime<Utc>>,
}

impl Command {
    /// Whether it needs the second factor of whoever has one: what changes people, credentials, what the engine may do by
    /// itself, what others are asked to agree to, what replaces the whole platform, and what deletes texts of the record.
    #[must_use]
    pub fn is_dangerous(&self) -> bool {
        match self {
            Self::AddOperator { .. }
            | Self::AddWithoutLogin { .. }
            | Self::AddAccount { .. }
            | Self::SetRoles { .. }
            | Self::DisableOperator { .. }
            | Self::EnableOperator { .. }
            | Self::AddKey { .. }
            | Self::RemoveKey { .. }
            | Self::RemoveSecondFactor
            | Self::ResetSecondFactor { .. }
            | Self::CreateToken { .. }
            | Self::IssueCertificate { .. }
            | Self::SetAutomation { .. }
            | Self::ReleaseAutomation
            | Self::DelegateApproval { .. }
            | Self::MakeTemplate { .. }
            | Self::BreakGlass { .. }
            | Self::ExecuteUnderBreakGlass { .. }
            | Self::ReviewBreakGlass { .. }
            | Self::CoSignStep { .. }
            | Self::PurgePayloads { .. } => true,
            // A signature with the own key proves more than a code.
            Self::ApproveChange { signature, .. } => signature.is_none(),
            Self::RequestRollback(RollbackRequest { scope, .. }) => *scope == crate::domain::Scope::Everything,
            _ => false,
        }
    }
}

impl State {
    /// The second factor that an operator has to show: that of the person, whatever name is used.
    #[must_use]
    pub fn second_factor(&self, operator: &str) -> Option<crate::domain::SecondFactor> {
        self.operators.get(self.person(operator))?.second_factor
    }

    /// The person for whom a second factor may be enrolled under this name, which is the own one: who runs a service account would
    /// otherwise hold the telephone of the person whose it is.
    ///
    /// # Errors
    /// When it is an account, there is one already, or nobody who may work here.
    pub fn may_enrol<'a>(&'a self, name: &'a str) -> Result<&'a Operator, Refusal> {
        may_enrol(self, name)
    }

    /// Whether codes of this operator are looked at: right or wrong, none is while the second factor is locked.
    ///
    /// # Errors
    /// `second-factor-locked`.
    pub fn takes_codes_of(&self, operator: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
        match self.second_factor_locked(operator, now) {
            None => Ok(()),
            Some(until) => Err(Refusal::new(
                "second-factor-locked",
                format!("after {CODES_WRONG} wrong codes none is taken until {}", until.format("%H:%M:%S UTC")),
            )
            .hint(format!("another technical lead or the CTO can reset it: codeblue operator totp reset NAME --reason …; {RECOVER}"))),
        }
    }

    /// Until when no code of this operator is taken, if that is still to come.
    #[must_use]
    pub fn second_factor_locked(&self, operator: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.credentials.wrong_codes.get(self.person(operator))?.locked_until.filter(|until| *until > now)
    }
}

/// Whether it is sure enough that it is the actor who asks, and what is used up by that.
pub(in crate::domain) fn prove(state: &State, command: &Command, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let Actor::Operator(name) = &meta.actor else { return Ok(Vec::new()) };
    let factor = state.second_factor(name);
    match meta.assurance {
        Assurance::Token { token } => token::allows(state, token, name, command, meta.at).map(|()| Vec::new()),
        Assurance::SecondFactor { step } => {
            let person = state.person(name);
            let factor = factor.ok_or_else(|| not_enrolled(name))?;
            state.takes_codes_of(name, meta.at)?;
            if step <= factor.last_step {
                return Err(Refusal::new("code-used", "this code was taken already")
                    .hint("wait for the next one: it comes within 30 seconds"));
            }
            Ok(vec![Event::SecondFactorUsed { operator: person.to_owned(), step }])
        }
        Assurance::Step { run } if command.is_dangerous() && is_proved(state, run, name) => Ok(Vec::new()),
        Assurance::Session | Assurance::Step { .. } if needs_code(command) => {
            let is_way_back = matches!(command, Command::UnlockSession) && factor.is_none();
            if is_way_back { Ok(Vec::new()) } else { without_code(state, name, "this").map(|()| Vec::new()) }
        }
        Assurance::Session | Assurance::Step { .. } => Ok(Vec::new()),
    }
}

/// Whether somebody may do what needs a second factor and has shown none: who has one may not, nor anybody where it is required.
pub(in crate::domain) fn without_code(state: &State, name: &str, what: &str) -> Result<(), Refusal> {
    match (state.second_factor(name), state.platform.access.second_factor) {
        (Some(_), _) => Err(Refusal::new("second-factor-needed", format!("{what} needs a code of your second factor"))
            .hint("add --code and the six digits, or answer the question on a terminal")),
        (None, SecondFactorRule::Required) => Err(not_enrolled(name)),
        (None, SecondFactorRule::Enrolled) => Ok(()),
    }
}

/// Whether whoever had the step run that runs now gave a code for it.
fn is_proved(state: &State, run: RunId, name: &str) -> bool {
    let run = state.runs.get(&run);
    let step = run.and_then(|run| run.step(&run.current()?.name));
    step.is_some_and(|step| {
        let works = step.state == RunStepState::Running { part: AttemptPart::Work };
        works && step.proved && step.by.as_ref().and_then(Actor::operator) == Some(name)
    })
}

/// What a session alone does not prove enough for: what is dangerous, unless a key has signed it, and the way back to a board
/// that nobody was at.
fn needs_code(command: &Command) -> bool {
    (command.is_dangerous() && !is_signed(command)) || matches!(command, Command::UnlockSession)
}

/// Whether an operator's key has to be right for it: that is a second factor of its own.
fn is_signed(command: &Command) -> bool {
    matches!(command, Command::ApproveChange { signature: Some(_), .. })
}

fn not_enrolled(name: &str) -> Refusal {
    Refusal::new("second-factor-not-enrolled", format!("{name} has no second factor, and this needs one"))
        .hint("it takes a minute: codeblue operator totp enrol")
}

/// Decides that a second factor has been proved to work.
pub(in crate::domain) fn enrol(state: &State, name: &str, step: u64) -> Result<Vec<Event>, Refusal> {
    let person = may_enrol(state, name)?;
    Ok(vec![Event::SecondFactorEnrolled { operator: person.name.clone(), step }])
}

fn may_enrol<'a>(state: &'a State, name: &'a str) -> Result<&'a Operator, Refusal> {
    let person = state.operators.get(name).ok_or_else(|| Refusal::unknown(Named::Operator, name))?;
    if let Some(owner) = &person.belongs_to {
        return Err(Refusal::new(
            "second-factor-of-person",
            format!("{name} is an account, and the second factor {owner}'s"),
        )
        .hint("enrol under the person's own name"));
    }
    if person.disabled {
        return Err(Refusal::new("operator-may-not", format!("{name} is disabled"))
            .hint(format!("a technical lead can enable it again: codeblue operator enable {name} --reason WHY")));
    }
    if person.second_factor.is_some() {
        return Err(Refusal::new("second-factor-enrolled", format!("{} has a second factor already", person.name))
            .hint("with a code of it: codeblue operator totp remove; without: have another lead reset it"));
    }
    Ok(person)
}

/// Decides that somebody gives the own second factor up.
pub(in crate::domain) fn remove(state: &State, actor: &Actor) -> Result<Vec<Event>, Refusal> {
    let name = actor
        .operator()
        .ok_or_else(|| Refusal::new("person-needed", "a second factor is a person's").hint(next_step::A_PERSON))?;
    let person = state.person(name);
    Ok(match state.second_factor(name) {
        Some(_) => vec![Event::SecondFactorRemoved { operator: person.to_owned() }],
        None => Vec::new(),
    })
}

/// Decides that somebody's lost second factor does not count any more. Nobody does that for oneself.
pub(in crate::domain) fn reset(state: &State, name: &str, reason: &str, actor: &Actor) -> Result<Vec<Event>, Refusal> {
    let reason = line("reason", reason)?;
    let operator = state.operators.get(name).ok_or_else(|| Refusal::unknown(Named::Operator, name))?;
    let person = state.person(&operator.name);
    if actor.operator().is_some_and(|me| state.person(me) == person) {
        return Err(Refusal::new("own-second-factor", format!("{actor} may not reset the own second factor"))
            .hint(format!("another technical lead or the CTO has to; or use a recovery code; {RECOVER}")));
    }
    may_change(state, actor, person)?;
    Ok(without_factor(state, person, reason))
}

fn without_factor(state: &State, person: &str, reason: String) -> Vec<Event> {
    match state.second_factor(person) {
        Some(_) => vec![Event::SecondFactorReset { operator: person.to_owned(), reason }],
        None => Vec::new(),
    }
}

/// Decides that a second factor does not count any more because who owns the home of the stopped engine says so.
pub(in crate::domain) fn recover(state: &State, name: &str, login: &str, reason: &str) -> Result<Vec<Event>, Refusal> {
    let operator = state.operators.get(name).ok_or_else(|| Refusal::unknown(Named::Operator, name))?;
    let reason = format!("on the engine's host, by login {login}: {}", line("reason", reason)?);
    Ok(without_factor(state, state.person(&operator.name), reason))
}

/// Decides what follows from a wrong code.
pub(in crate::domain) fn wrong_code(state: &State, name: &str, now: DateTime<Utc>) -> Vec<Event> {
    let person = state.person(name);
    if state.second_factor(name).is_none() || state.second_factor_locked(name, now).is_some() {
        return Vec::new();
    }
    let count = state.credentials.wrong_codes.get(person).map_or(0, |wrong| still_counts(wrong, now));
    let locked_until = (count + 1 >= CODES_WRONG).then(|| now + FACTOR_LOCK);
    vec![Event::WrongCodeGiven { operator: person.to_owned(), locked_until }]
}

/// Decides that a recovery code was used up.
pub(in crate::domain) fn recovery_code(state: &State, name: &str, left: u32) -> Vec<Event> {
    vec![Event::RecoveryCodeUsed { operator: state.person(name).to_owned(), left }]
}

fn still_counts(wrong: &WrongCodes, now: DateTime<Utc>) -> u32 {
    if wrong.last_at + FACTOR_LOCK <= now || wrong.locked_until.is_some() { 0 } else { wrong.count }
}

pub(super) fn apply_wrong_code(state: &mut State, recorded: &Recorded) {
    let Event::WrongCodeGiven { operator, locked_until } = &recorded.event else { return };
    let known = state.credentials.wrong_codes.get(operator);
    let count = known.map_or(0, |wrong| still_counts(wrong, recorded.at)) + 1;
    let wrong = WrongCodes { count, last_at: recorded.at, locked_until: *locked_until };
    state.credentials.wrong_codes.insert(operator.clone(), wrong);
}

/// Who may change people, and how far the engine goes by itself.
pub(in crate::domain) fn needs_lead(state: &State, command: &Command, name: &str) -> bool {
    match command {
        Command::AddOperator { .. }
        | Command::AddWithoutLogin { .. }
        | Command::AddAccount { .. }
        | Command::SetRoles { .. }
        | Command::DisableOperator { .. }
        | Command::EnableOperator { .. }
        | Command::ResetSecondFactor { .. }
        | Command::IssueCertificate { .. }
        | Command::SetAutomation { .. }
        | Command::MakeTemplate { .. }
        | Command::ScheduleDrill { .. }
        | Command::UnscheduleDrill { .. } => true,
        // The own keys and tokens are everybody's own business.
        Command::AddKey { operator, .. } | Command::RemoveKey { operator, .. } => operator != name,
        Command::RevokeToken { token } => {
            state.credentials.tokens.get(token).is_some_and(|token| token.operator != name)
        }
        Command::RevokeCertificate { serial } => {
            state.credentials.certificates.get(serial).is_some_and(|known| known.operator != name)
        }
        _ => false,
    }
}

/// Whether an operator may change people.
pub(in crate::domain) fn may_lead(operator: &Operator) -> bool {
    operator.can_stand_for(Role::TechnicalLead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{SecondFactor, TokenScope},
        platform::Platform,
    };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
    }

    fn person(name: &str, belongs_to: Option<&str>) -> Operator {
        Operator {
            name: name.to_owned(),
            roles: [Role::TechnicalLead].into(),
            belongs_to: belongs_to.map(str::to_owned),
            ..Operator::default()
        }
    }

    /// Alice has a second factor and a second name; Bob has neither.
    fn people(rule: SecondFactorRule) -> State {
        let mut state = State::default();
        let mut platform = Platform::clone(&state.platform);
        platform.access.second_factor = rule;
        state.platform = platform.into();
        let alice =
            Operator { second_factor: Some(SecondFactor { since: now(), last_step: 100 }), ..person("alice", None) };
        for operator in [alice, person("root", Some("alice")), person("bob", None)] {
            state.operators.insert(operator.name.clone(), operator);
        }
        state
    }

    fn asked(state: &State, name: &str, assurance: Assurance, command: &Command) -> Result<usize, String> {
        let meta = Meta { assurance, ..Meta::new(now(), Actor::Operator(name.to_owned())) };
        prove(state, command, &meta).map(|events| events.len()).map_err(|refusal| refusal.rule)
    }

    fn code(step: u64) -> Assurance {
        Assurance::SecondFactor { step }
    }

    #[test]
    fn who_has_a_second_factor_needs_it_for_what_is_dangerous_under_every_name() {
        let state = people(SecondFactorRule::Enrolled);
        let refused = |rule: &str| Err(rule.to_owned());
        for name in ["alice", "root"] {
            let asked = |assurance, command: &Command| asked(&state, name, assurance, command);
            assert_eq!(asked(Assurance::Session, &Command::ReleaseAutomation), refused("second-factor-needed"));
            assert_eq!(asked(Assurance::Session, &Command::ApplyRetention), Ok(0));
            assert_eq!(asked(code(101), &Command::ReleaseAutomation), Ok(1), "and it is used up");
            assert_eq!(asked(code(100), &Command::ReleaseAutomation), refused("code-used"));
            assert_eq!(asked(code(99), &Command::ApplyRetention), refused("code-used"), "also where none is needed");
        }
        let program = Assurance::Step { run: RunId(1) };
        assert_eq!(asked(&state, "alice", program, &Command::ReleaseAutomation), refused("second-factor-needed"));
        assert_eq!(
            asked(&state, "alice", program, &Command::ApplyRetention),
            Ok(0),
            "of a step that was had run without one"
        );
        assert_eq!(asked(&state, "bob", Assurance::Session, &Command::ReleaseAutomation), Ok(0));
        assert_eq!(asked(&state, "bob", code(101), &Command::ReleaseAutomation), refused("second-factor-not-enrolled"));
    }

    #[test]
    fn where_it_is_required_who_has_none_does_nothing_dangerous() {
        let state = people(SecondFactorRule::Required);
        let refused = Err("second-factor-not-enrolled".to_owned());
        assert_eq!(asked(&state, "bob", Assurance::Session, &Command::ReleaseAutomation), refused);
        assert_eq!(asked(&state, "bob", Assurance::Session, &Command::ApplyRetention), Ok(0));
        assert_eq!(
            asked(&state, "bob", Assurance::Session, &Command::UnlockSession),
            Ok(0),
            "or nobody could come back"
        );
    }

    #[test]
    fn five_wrong_codes_lock_the_second_factor_and_a_right_one_in_between_forgives() {
        let mut state = people(SecondFactorRule::Enrolled);
        let mut at = now();
        let mut wrong = |state: &mut State, minutes| {
            at += TimeDelta::minutes(minutes);
            for event in wrong_code(state, "root", at) {
                record(state, event, at);
            }
            state.second_factor_locked("alice", at).is_some()
        };
        assert!((0..4).all(|_| !wrong(&mut state, 1)));
        record(&mut state, Event::SecondFactorUsed { operator: "alice".to_owned(), step: 101 }, now());
        assert!((0..4).all(|_| !wrong(&mut state, 1)), "the right one forgave");
        assert!(!wrong(&mut state, 15), "and so does time");
        assert!((0..3).all(|_| !wrong(&mut state, 1)));
        assert!(wrong(&mut state, 1));
        let locked = state.credentials.wrong_codes["alice"].clone();
        assert!(wrong(&mut state, 14), "more wrong codes neither prolong nor shorten it");
        assert_eq!(state.credentials.wrong_codes["alice"], locked);
        let until = locked.locked_until.expect("locked");
        assert_eq!(state.takes_codes_of("root", until), Ok(()));
        let meta = Meta {
            assurance: code(102),
            ..Meta::new(until - TimeDelta::seconds(1), Actor::Operator("alice".to_owned()))
        };
        let refused = prove(&state, &Command::ReleaseAutomation, &meta).map_err(|refusal| refusal.rule);
        assert_eq!(refused, Err("second-factor-locked".to_owned()), "a right code is no way round it");
    }

    #[test]
    fn a_second_factor_is_enrolled_under_the_own_name_alone() {
        let mut state = people(SecondFactorRule::Enrolled);
        state.operators.get_mut("alice").expect("alice").second_factor = None;
        let whose =
            |name: &str| state.may_enrol(name).map(|person| person.name.clone()).map_err(|refusal| refusal.rule);
        assert_eq!(whose("alice"), Ok("alice".to_owned()));
        assert_eq!(whose("root"), Err("second-factor-of-person".to_owned()));
    }

    #[test]
    fn nobody_resets_the_own_second_factor_under_any_name() {
        let state = people(SecondFactorRule::Enrolled);
        let reset = |actor: &str, name: &str| {
            super::reset(&state, name, "telephone lost", &Actor::Operator(actor.to_owned()))
                .map(|events| events.len())
                .map_err(|refusal| refusal.rule)
        };
        for (actor, name) in [("alice", "alice"), ("root", "alice"), ("alice", "root")] {
            assert_eq!(reset(actor, name), Err("own-second-factor".to_owned()), "{actor} {name}");
        }
        assert_eq!(reset("bob", "root"), Ok(1));
        assert_eq!(reset("alice", "bob"), Ok(0), "there is nothing to reset");
    }

    fn record(state: &mut State, event: Event, at: DateTime<Utc>) {
        let (seq, actor) = (state.seq + 1, Actor::Engine);
        crate::domain::apply(state, &Recorded { seq, at, actor, cause: None, event, hash: String::new() });
    }

    #[test]
    fn a_token_does_nothing_dangerous_and_only_what_its_scope_says() {
        let mut state = people(SecondFactorRule::Enrolled);
        for (id, scope) in [(1, TokenScope::Read), (2, TokenScope::Report), (3, TokenScope::Act)] {
            let (token, name, expires_at) = (TokenId(id), format!("t{id}"), now() + TimeDelta::days(1));
            let (operator, hash) = ("bob".to_owned(), String::new());
            record(&mut state, Event::TokenCreated { token, name, operator, scope, hash, expires_at }, now());
        }
        let asked = |id, command: &Command| asked(&state, "bob", Assurance::Token { token: TokenId(id) }, command);
        let refused = |rule: &str| Err(rule.to_owned());
        let deployed =
            Command::RecordDeployment { component: "api".to_owned(), version: "v2".to_owned(), note: String::new() };
        for id in 1..=3 {
            assert_eq!(asked(id, &Command::ReleaseAutomation), refused("token-may-not"));
        }
        assert_eq!(asked(1, &deployed), refused("token-scope"));
        assert_eq!(asked(2, &deployed), Ok(0));
        assert_eq!(asked(2, &Command::ApplyRetention), refused("token-scope"));
        assert_eq!(asked(3, &Command::ApplyRetention), Ok(0));
        assert_eq!(asked(4, &Command::ApplyRetention), refused("token-unknown"));
        state.operators.get_mut("bob").expect("bob").disabled = true;
        let late = Meta {
            assurance: Assurance::Token { token: TokenId(3) },
            ..Meta::new(now() + TimeDelta::days(1), Actor::Operator("bob".to_owned()))
        };
        let refused = prove(&state, &Command::ApplyRetention, &late).map_err(|refusal| refusal.rule);
        assert_eq!(refused, Err("token-expired".to_owned()));
    }
}
