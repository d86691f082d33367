//! Keys that sign for an operator: one key is one operator's, for good.

use ssh_key::{HashAlg, PublicKey, public::KeyData};

use super::people::may_change;
use crate::domain::{Actor, Event, Named, Refusal, State};

/// Bits of an RSA key at least.
const RSA_BITS: usize = 2048;
/// A longer text is no public key.
const LONGEST: usize = 8192;

/// Decides that a key signs for an operator from now on.
pub(in crate::domain) fn add(state: &State, name: &str, text: &str, actor: &Actor) -> Result<Vec<Event>, Refusal> {
    let operator = state.operators.get(name).ok_or_else(|| Refusal::unknown(Named::Operator, name))?;
    may_change(state, actor, name)?;
    let (fingerprint, openssh) = read(text)?;
    if operator.keys.contains_key(&fingerprint) {
        return Ok(Vec::new());
    }
    // Also a disabled one: what a departed operator has signed must not become somebody else's.
    if let Some(other) = state.operators.values().find(|other| other.keys.contains_key(&fingerprint)) {
        return Err(Refusal::new("key-taken", format!("{fingerprint} is the key of {}", other.name))
            .hint("a key is one person's; make another with: ssh-keygen -t ed25519"));
    }
    Ok(vec![Event::KeyAdded { operator: name.to_owned(), fingerprint, openssh }])
}

/// Decides that a key signs for nobody any more.
pub(in crate::domain) fn remove(
    state: &State,
    name: &str,
    fingerprint: &str,
    actor: &Actor,
) -> Result<Vec<Event>, Refusal> {
    let operator = state.operators.get(name).ok_or_else(|| Refusal::unknown(Named::Operator, name))?;
    may_change(state, actor, name)?;
    if !operator.keys.contains_key(fingerprint) {
        return Err(Refusal::new("unknown-key", format!("{name} has no such key"))
            .hint(format!("see them with: codeblue operator key list {name}")));
    }
    Ok(vec![Event::KeyRemoved { operator: name.to_owned(), fingerprint: fingerprint.to_owned() }])
}

/// The fingerprint of a public key and its text without the comment.
fn read(text: &str) -> Result<(String, String), Refusal> {
    let unreadable = || {
        Refusal::new("key-unreadable", "this is no public key as OpenSSH writes it")
            .hint("give the one line of a .pub file, such as: ssh-ed25519 AAAA…")
    };
    if text.len() > LONGEST {
        return Err(unreadable());
    }
    let mut key = PublicKey::from_openssh(text.trim()).map_err(|_| unreadable())?;
    key.set_comment("");
    match key.key_data() {
        KeyData::Ed25519(_) => {}
        KeyData::Ecdsa(point) if !matches!(point, ssh_key::public::EcdsaPublicKey::NistP521(_)) => {}
        KeyData::Rsa(rsa) => {
            let bits = rsa.n.as_positive_bytes().map_or(0, <[u8]>::len) * 8;
            if bits < RSA_BITS {
                return Err(Refusal::new("key-weak", format!("an RSA key of {bits} bits proves nothing"))
                    .hint("make another with: ssh-keygen -t ed25519"));
            }
        }
        _ => {
            return Err(Refusal::new("key-kind", format!("keys of the kind {} are not taken", key.algorithm()))
                .hint("ed25519, ecdsa with nistp256 or nistp384, and rsa are"));
        }
    }
    let openssh = key.to_openssh().map_err(|_| unreadable())?.trim().to_owned();
    Ok((key.fingerprint(HashAlg::Sha256).to_string(), openssh))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Operator, PublicKey as Known};

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHeGE7AMMdkWYt4Pi3W9XYa6FxrjAlSIeF6Zw+Nmt74Y alice@laptop";

    fn people() -> State {
        let mut state = State::default();
        for name in ["alice", "bob"] {
            state.operators.insert(name.to_owned(), Operator { name: name.to_owned(), ..Operator::default() });
        }
        state
    }

    fn added(state: &State, name: &str, key: &str) -> Result<(String, String), String> {
        match add(state, name, key, &Actor::Engine).map_err(|refusal| refusal.rule)?.pop() {
            Some(Event::KeyAdded { fingerprint, openssh, .. }) => Ok((fingerprint, openssh)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_key_is_kept_without_its_comment_and_known_by_the_fingerprint_that_ssh_keygen_tells() {
        let (fingerprint, openssh) = added(&people(), "alice", KEY).unwrap_or_default();
        assert_eq!(fingerprint, "SHA256:921QdbRhyXazcoF3P1MG1jqJC3OA8lRnGXTLCXWyCuc");
        assert_eq!(openssh, KEY.trim_end_matches(" alice@laptop"));
    }

    #[test]
    fn one_key_is_one_operators_also_under_another_comment_and_after_he_has_left() {
        let mut state = people();
        let (fingerprint, openssh) = added(&state, "alice", KEY).unwrap_or_default();
        let alice = state.operators.get_mut("alice").expect("alice");
        alice.keys.insert(fingerprint, Known { openssh, since: chrono::DateTime::UNIX_EPOCH });
        let renamed = KEY.replace("alice@laptop", "bob");
        assert_eq!(added(&state, "bob", &renamed), Err("key-taken".to_owned()));
        state.operators.get_mut("alice").expect("alice").disabled = true;
        assert_eq!(added(&state, "bob", &renamed), Err("key-taken".to_owned()));
        assert_eq!(add(&state, "alice", &renamed, &Actor::Engine), Ok(Vec::new()), "it is hers already");
    }

    #[test]
    fn what_is_no_public_key_or_a_weak_one_is_refused() {
        let state = people();
        for text in ["", "ssh-ed25519", "hello", "-----BEGIN OPENSSH PRIVATE KEY-----", &"A".repeat(9000)] {
            assert_eq!(added(&state, "alice", text), Err("key-unreadable".to_owned()), "{text}");
        }
        let weak = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDPYoFmeXddtQClWasqPCEWAkywz2F7Tvd2gH6KY0pUDz3Hym3NfEoeyRQVxmY1VCm6h\
            KBGiqoovL1TVbgi4FlzUnAfDWd8qXHUFU0p8KAQYUdDk4E4PzGDBL4JtgJxG/Ep2cGmYYb/42c5TMv2UncRITvj1JkHEOmSoX3NydPnsQ==";
        assert_eq!(added(&state, "alice", weak), Err("key-weak".to_owned()));
    }
}
