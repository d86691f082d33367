//! API tokens: programs that act for an operator, within a scope and for a time.
//!
//! The journal knows a token's SHA-256 alone. A slow hash is for secrets that people think up; a token is 256 random bits, and
//! nobody guesses those, however fast the hash.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::{Actor, Command, Event, Named, Refusal, State, TokenId, next_step};

/// How long a token lives at most.
pub const LONGEST_TOKEN: TimeDelta = TimeDelta::days(366);
/// Tokens of one operator at the same time.
const AT_ONCE: usize = 20;
/// What a token begins with, so that who finds one knows what it is.
const PREFIX: &str = "cb_";
/// Letters of the secret: 32 bytes.
const SECRET: usize = 64;
/// Letters of the checksum, which tells a slip of the hand from a token that was revoked.
const CHECKSUM: usize = 8;

/// A program that acts for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiToken {
    /// Its number.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// For whom it acts.
    pub operator: String,
    /// What it may do.
    pub scope: TokenScope,
    /// SHA-256 of the secret, in hexadecimal.
    pub hash: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// When it was ended before its time.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What a token may do. None may do what needs a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenScope {
    /// Look.
    Read,
    /// Tell what programs tell: heartbeats, errors, deployments. It may not look.
    Report,
    /// What its operator may do without a second factor, and look.
    Act,
}

impl TokenScope {
    /// Whether it may look at the state.
    #[must_use]
    pub fn may_read(self) -> bool {
        self != Self::Report
    }

    /// Whether it may tell what programs tell.
    #[must_use]
    pub fn may_report(self) -> bool {
        self != Self::Read
    }
}

impl ApiToken {
    /// Whether it still counts.
    ///
    /// # Errors
    /// Why not.
    pub fn counts(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let again = "make another with: codeblue token create";
        if self.revoked_at.is_some() {
            return Err(Refusal::new("token-revoked", format!("{} was revoked", self.id)).hint(again));
        }
        if self.expires_at <= now {
            return Err(Refusal::new("token-expired", format!("{} has expired", self.id)).hint(again));
        }
        Ok(())
    }
}

/// A token as its holder has it. It prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(String);

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl TokenSecret {
    /// The token of these random bytes.
    #[must_use]
    pub fn of(random: [u8; 32]) -> Self {
        let secret = hex::encode(random);
        let checksum = checksum(&secret);
        Self(format!("{PREFIX}{secret}{checksum}"))
    }

    /// Reads a token; none when it cannot be one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (secret, sum) = text.strip_prefix(PREFIX)?.split_at_checked(SECRET)?;
        (sum.len() == CHECKSUM && sum == checksum(secret)).then(|| Self(text.to_owned()))
    }

    /// What the journal knows of it.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }

    /// The token itself, to be shown once or sent.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

fn checksum(secret: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("codeblue token {secret}").as_bytes()));
    digest[..CHECKSUM].to_owned()
}

impl State {
    /// The token that this is, also one that does not count any more.
    ///
    /// # Errors
    /// `token-unknown`.
    pub fn token(&self, secret: &TokenSecret) -> Result<&ApiToken, Refusal> {
        let hash = secret.hash();
        let same = |token: &&ApiToken| bool::from(token.hash.as_bytes().ct_eq(hash.as_bytes()));
        self.credentials.tokens.values().find(same).ok_or_else(unknown)
    }
}

fn unknown() -> Refusal {
    Refusal::new("token-unknown", "this is no token of this engine").hint("make one with: codeblue token create")
}

/// Decides that a program may act for somebody.
pub(in crate::domain) fn create(
    state: &State,
    name: &str,
    scope: TokenScope,
    hash: &str,
    expires_at: DateTime<Utc>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let operator = actor
        .operator()
        .ok_or_else(|| Refusal::new("person-needed", "a token acts for a person").hint(next_step::A_PERSON))?;
    if name.is_empty() || name.len() > 64 || name.chars().any(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(c))) {
        return Err(Refusal::new("token-name", format!("{name:?} is no name for a token"))
            .hint("use up to 64 letters, digits, - _ and ."));
    }
    if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Err(Refusal::new("token-hash", "the hash is no SHA-256 in hexadecimal")
            .hint("have the program make it: codeblue token create"));
    }
    if expires_at <= now || expires_at > now + LONGEST_TOKEN {
        return Err(
            Refusal::new("token-time", "a token lives for at most 366 days").hint("give a shorter time: --for 30d")
        );
    }
    let mut alive =
        state.credentials.tokens.values().filter(|token| token.operator == operator && token.counts(now).is_ok());
    if alive.clone().any(|token| token.name == name) {
        return Err(Refusal::new("token-known", format!("{operator} has a token {name} already"))
            .hint("give the new one another name, or revoke that first: codeblue token list"));
    }
    if alive.nth(AT_ONCE - 1).is_some() {
        return Err(Refusal::new("too-many-tokens", format!("{operator} has {AT_ONCE} tokens"))
            .hint("revoke one that nobody uses: codeblue token list"));
    }
    if state.credentials.tokens.values().any(|token| token.hash == hash) {
        return Err(
            Refusal::new("token-hash", "this token was in use already").hint("make a new one: codeblue token create")
        );
    }
    Ok(vec![Event::TokenCreated {
        token: state.next_token(),
        name: name.to_owned(),
        operator: operator.to_owned(),
        scope,
        hash: hash.to_owned(),
        expires_at,
    }])
}

/// Decides that a token does not count any more.
pub(in crate::domain) fn revoke(state: &State, id: TokenId) -> Result<Vec<Event>, Refusal> {
    let token = state.credentials.tokens.get(&id).ok_or_else(|| Refusal::unknown(Named::Token, id))?;
    Ok(if token.revoked_at.is_some() { Vec::new() } else { vec![Event::TokenRevoked { token: id }] })
}

/// Whether a token may give this command for its operator.
pub(super) fn allows(
    state: &State,
    id: TokenId,
    operator: &str,
    command: &Command,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let token = state.credentials.tokens.get(&id).filter(|token| token.operator == operator).ok_or_else(unknown)?;
    token.counts(now)?;
    if command.is_dangerous() || matches!(command, Command::UnlockSession) {
        return Err(Refusal::new("token-may-not", "no token may do this: it takes a person and the second factor")
            .hint("do it yourself, on the board or the command line"));
    }
    let allowed = match token.scope {
        TokenScope::Read => false,
        TokenScope::Report => matches!(command, Command::RecordDeployment { .. }),
        TokenScope::Act => true,
    };
    if allowed {
        return Ok(());
    }
    let scope = format!("{:?}", token.scope).to_lowercase();
    Err(Refusal::new("token-scope", format!("{id} may {scope} and no more"))
        .hint("a token with the scope act may; make one with: codeblue token create --scope act"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_a_slip_of_the_hand_is_told_from_it() {
        let token = TokenSecret::of([7; 32]);
        assert_eq!(TokenSecret::read(&format!(" {}\n", token.expose())), Some(token.clone()));
        assert_eq!(token.hash().len(), 64);
        assert_eq!(format!("{token:?}"), "***");
        let slip = token.expose().replacen('7', "8", 1);
        for text in ["", "cb_", "cb_äää", &slip, &token.expose()[..70], "hello"] {
            assert_eq!(TokenSecret::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_has_a_name_an_end_and_company_within_bounds() {
        let mut state = State::default();
        let now = DateTime::UNIX_EPOCH;
        let alice = Actor::Operator("alice".to_owned());
        let create = |state: &State, name: &str, byte: u8, days: i64| {
            let (hash, end) = (TokenSecret::of([byte; 32]).hash(), now + TimeDelta::days(days));
            create(state, name, TokenScope::Read, &hash, end, &alice, now).map_err(|refusal| refusal.rule)
        };
        let refused = |rule: &str| Err(rule.to_owned());
        assert_eq!(create(&state, "a b", 0, 30), refused("token-name"));
        assert_eq!(create(&state, "ci", 0, 0), refused("token-time"));
        assert_eq!(create(&state, "ci", 0, 367), refused("token-time"));
        for byte in 0..20 {
            for event in create(&state, &format!("t{byte}"), byte, 30).expect("made") {
                let (seq, actor) = (state.seq + 1, alice.clone());
                let recorded = crate::domain::Recorded { seq, at: now, actor, cause: None, event, hash: String::new() };
                crate::domain::apply(&mut state, &recorded);
            }
        }
        assert_eq!(create(&state, "t3", 99, 30), refused("token-known"));
        assert_eq!(create(&state, "more", 99, 30), refused("too-many-tokens"));
        let first = state.credentials.tokens.values_mut().next().expect("one");
        first.revoked_at = Some(now);
        assert_eq!(create(&state, "more", 0, 30), refused("token-hash"), "a revoked token does not come back");
        assert!(create(&state, "t0", 99, 30).is_ok());
    }
}
