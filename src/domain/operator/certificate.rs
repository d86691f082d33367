//! Certificates by which people are known who do not come through the socket: the engine's authority signs them, and the journal
//! knows each by its serial number and its fingerprint.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::people::may_change;
use crate::domain::{Actor, Event, Named, Refusal, State};

/// How long a certificate lives at most.
pub const LONGEST_CERTIFICATE: TimeDelta = TimeDelta::days(397);
/// Certificates of one operator at the same time.
const AT_ONCE: usize = 20;
/// Digits of a serial number.
const SERIAL: usize = 32;
/// What stands before the digits of a fingerprint.
const SHA256: &str = "sha256:";

/// A certificate by which an operator is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertificate {
    /// Its number, in hexadecimal.
    pub serial: String,
    /// Who is known by it.
    pub operator: String,
    /// `sha256:` and the SHA-256 of the whole certificate, in hexadecimal.
    pub fingerprint: String,
    /// Who had it issued.
    pub issued_by: Actor,
    /// Since when.
    pub issued_at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// When it was ended before its time.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ClientCertificate {
    /// Whether it still counts.
    ///
    /// # Errors
    /// Why not.
    pub fn counts(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let again = format!("a technical lead issues another with: codeblue operator certificate {}", self.operator);
        if self.revoked_at.is_some() {
            return Err(
                Refusal::new("certificate-revoked", format!("certificate {} was revoked", self.serial)).hint(again)
            );
        }
        if self.expires_at <= now {
            return Err(
                Refusal::new("certificate-expired", format!("certificate {} has expired", self.serial)).hint(again)
            );
        }
        Ok(())
    }
}

impl State {
    /// The certificate with this fingerprint, also one that does not count any more.
    ///
    /// # Errors
    /// `certificate-unknown`.
    pub fn client_certificate(&self, fingerprint: &str) -> Result<&ClientCertificate, Refusal> {
        let mut known = self.credentials.certificates.values();
        known.find(|known| known.fingerprint == fingerprint).ok_or_else(|| {
            Refusal::new("certificate-unknown", "this certificate is in no record of this engine")
                .hint("a technical lead issues one with: codeblue operator certificate NAME")
        })
    }
}

/// Decides that an operator is known by a certificate.
pub(in crate::domain) fn issue(
    state: &State,
    operator: &str,
    serial: &str,
    fingerprint: &str,
    expires_at: DateTime<Utc>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let known = state.operators.get(operator).ok_or_else(|| Refusal::unknown(Named::Operator, operator))?;
    if known.disabled {
        return Err(Refusal::new("operator-may-not", format!("{operator} is disabled")).hint(format!(
            "enable it again, or name somebody else: codeblue operator enable {operator} --reason WHY"
        )));
    }
    may_change(state, actor, operator)?;
    let digest = fingerprint.strip_prefix(SHA256).unwrap_or_default();
    if !is_hexadecimal(serial, SERIAL) || !is_hexadecimal(digest, 64) {
        return Err(Refusal::new("certificate-form", "the serial number or the fingerprint is none")
            .hint("see both in: codeblue operator certificate list"));
    }
    if expires_at <= now || expires_at > now + LONGEST_CERTIFICATE {
        let most = LONGEST_CERTIFICATE.num_days();
        return Err(Refusal::new("certificate-time", format!("a certificate lives for at most {most} days"))
            .hint("give a shorter time: --for 90d"));
    }
    let certificates = &state.credentials.certificates;
    if certificates.contains_key(serial) || certificates.values().any(|known| known.fingerprint == fingerprint) {
        return Err(Refusal::new("certificate-known", "this certificate was issued already")
            .hint("nothing is left to do: codeblue operator certificate list shows it"));
    }
    let alive = certificates.values().filter(|known| known.operator == operator && known.counts(now).is_ok());
    if alive.count() >= AT_ONCE {
        return Err(Refusal::new("too-many-certificates", format!("{operator} has {AT_ONCE} certificates"))
            .hint("revoke some: codeblue operator certificate list"));
    }
    Ok(vec![Event::CertificateIssued {
        operator: operator.to_owned(),
        serial: serial.to_owned(),
        fingerprint: fingerprint.to_owned(),
        expires_at,
    }])
}

/// Decides that a certificate does not count any more.
pub(in crate::domain) fn revoke(state: &State, serial: &str) -> Result<Vec<Event>, Refusal> {
    let known =
        state.credentials.certificates.get(serial).ok_or_else(|| Refusal::unknown(Named::Certificate, serial))?;
    Ok(match known.revoked_at {
        Some(_) => Vec::new(),
        None => vec![Event::CertificateRevoked { serial: serial.to_owned() }],
    })
}

fn is_hexadecimal(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Command, Meta, Operator, Recorded, apply, decide},
        platform::Role,
    };

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn people() -> State {
        let mut state = State::default();
        let mut platform = crate::platform::Platform::clone(&state.platform);
        platform.access.second_factor = crate::platform::SecondFactorRule::Enrolled;
        state.platform = platform.into();
        for (name, role) in [("alice", Role::TechnicalLead), ("bob", Role::Engineer), ("carol", Role::Cto)] {
            let operator = Operator { name: name.to_owned(), roles: [role].into(), ..Operator::default() };
            state.operators.insert(name.to_owned(), operator);
        }
        state
    }

    fn give(state: &mut State, actor: &str, command: Command) -> Result<usize, String> {
        let meta = Meta::new(now(), Actor::Operator(actor.to_owned()));
        let events = decide(state, command, &meta).map_err(|refusal| refusal.rule)?;
        for event in events.iter().cloned() {
            let seq = state.seq + 1;
            let actor = meta.actor.clone();
            apply(state, &Recorded { seq, at: now(), actor, cause: None, event, hash: String::new() });
        }
        Ok(events.len())
    }

    fn issue(operator: &str, number: u8, days: i64) -> Command {
        Command::IssueCertificate {
            operator: operator.to_owned(),
            serial: format!("{number:032x}"),
            fingerprint: format!("sha256:{number:064x}"),
            expires_at: now() + TimeDelta::days(days),
        }
    }

    #[test]
    fn a_lead_issues_certificates_within_bounds_and_not_beyond_the_own_role() {
        let mut state = people();
        let refused = |rule: &str| Err(rule.to_owned());
        assert_eq!(give(&mut state, "bob", issue("bob", 1, 90)), refused("role-needed"));
        assert_eq!(give(&mut state, "alice", issue("carol", 1, 90)), refused("beyond-own-roles"));
        assert_eq!(give(&mut state, "alice", issue("eve", 1, 90)), refused("unknown-operator"));
        assert_eq!(give(&mut state, "alice", issue("bob", 1, 398)), refused("certificate-time"));
        assert_eq!(give(&mut state, "alice", issue("bob", 1, 0)), refused("certificate-time"));
        assert_eq!(give(&mut state, "alice", issue("bob", 1, 90)), Ok(1));
        assert_eq!(give(&mut state, "alice", issue("bob", 1, 90)), refused("certificate-known"));
        for number in 2..=20 {
            assert_eq!(give(&mut state, "alice", issue("bob", number, 90)), Ok(1));
        }
        assert_eq!(give(&mut state, "alice", issue("bob", 21, 90)), refused("too-many-certificates"));
    }

    #[test]
    fn a_certificate_ends_with_its_time_its_revocation_or_its_operator() {
        let mut state = people();
        for number in 1..=3 {
            assert_eq!(give(&mut state, "alice", issue("bob", number, 90)), Ok(1));
        }
        let counts = |state: &State, number: u8, days: i64| {
            let known = state.client_certificate(&format!("sha256:{number:064x}")).map_err(|refusal| refusal.rule)?;
            known.counts(now() + TimeDelta::days(days)).map_err(|refusal| refusal.rule)
        };
        let refused = |rule: &str| Err(rule.to_owned());
        assert_eq!((counts(&state, 1, 89), counts(&state, 1, 90)), (Ok(()), refused("certificate-expired")));
        assert_eq!(counts(&state, 9, 0), refused("certificate-unknown"));
        let revoke = |number: u8| Command::RevokeCertificate { serial: format!("{number:032x}") };
        assert_eq!(give(&mut state, "bob", revoke(1)), Ok(1), "the own, by whoever has lost it");
        assert_eq!(give(&mut state, "bob", revoke(1)), Ok(0));
        assert_eq!((counts(&state, 1, 0), counts(&state, 2, 0)), (refused("certificate-revoked"), Ok(())));
        let disable = Command::DisableOperator { name: "bob".to_owned(), reason: "left".to_owned() };
        assert!(give(&mut state, "alice", disable).is_ok());
        assert_eq!(counts(&state, 3, 0), refused("certificate-revoked"));
    }
}
