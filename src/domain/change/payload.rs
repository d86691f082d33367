//! What an approver signs: a short text that names the decision and everything it is bound to, so that a signature for
//! another change, another round, another plan or another engine's journal is worth nothing here.

use std::collections::BTreeSet;

use chrono::SecondsFormat;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, PublicKey, SshSig, public::KeyData};

use super::Change;
use crate::domain::{Operator, Refusal};
use crate::platform::Role;

/// The namespace of signatures of approvals (`ssh-keygen -Y sign -n …`).
pub const SIGNATURE_NAMESPACE: &str = "codeblue-approval";

/// What an operator who holds these roles signs to agree to a change as it is in this round; `origin` names the journal.
#[must_use]
pub fn approval_payload(
    origin: &str,
    change: &Change,
    (operator, held): (&str, &BTreeSet<Role>),
    on_behalf_of: Option<&str>,
) -> String {
    let mut lines = vec![
        "codeblue approval v1".to_owned(),
        format!("origin: {origin}"),
        format!("change: {}", change.id),
        format!("round: {}", change.round),
        format!("plan: {}", change.plan_hash),
        "decision: approve".to_owned(),
        format!("operator: {operator}"),
        format!("roles: {}", roles(held)),
    ];
    lines.extend(on_behalf_of.map(|name| format!("on behalf of: {name}")));
    lines.push(format!("valid until: {}", change.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true)));
    lines.join("\n") + "\n"
}

fn roles(roles: &BTreeSet<Role>) -> String {
    let names: Vec<String> =
        roles.iter().filter_map(|role| serde_json::to_value(role).ok()?.as_str().map(str::to_owned)).collect();
    names.join(",")
}

/// Checks a signature in OpenSSH's armour over a payload against the keys of an operator; gives the fingerprint of the key.
pub(super) fn verify(operator: &Operator, payload: &str, signature: &str) -> Result<String, Refusal> {
    let invalid = |what: &str| {
        Refusal::new("signature-invalid", format!("the signature of {} does not hold: {what}", operator.name)).hint(
            format!(
                "sign exactly what `codeblue change payload` prints, with: ssh-keygen -Y sign -n {SIGNATURE_NAMESPACE}"
            ),
        )
    };
    let signed: SshSig = signature.parse().map_err(|_| invalid("it is no OpenSSH signature"))?;
    if signed.namespace() != SIGNATURE_NAMESPACE {
        return Err(invalid("it was made for another purpose"));
    }
    let fingerprint = signed.public_key().fingerprint(HashAlg::Sha256).to_string();
    let Some(known) = operator.keys.get(&fingerprint) else {
        return Err(invalid("its key is not one of the operator's")
            .hint(format!("a technical lead can add it: codeblue operator key add {} --file KEY.pub", operator.name)));
    };
    let known = PublicKey::from_openssh(&known.openssh).map_err(|_| invalid("the operator's key cannot be read"))?;
    let bytes = SshSig::signed_data(signed.namespace(), signed.hash_alg(), payload.as_bytes())
        .map_err(|_| invalid("it cannot be read"))?;
    if holds(known.key_data(), &signed, &bytes) { Ok(fingerprint) } else { Err(invalid("it is for another text")) }
}

fn holds(key: &KeyData, signed: &SshSig, message: &[u8]) -> bool {
    let signature = signed.signature();
    match (key, signature.algorithm()) {
        (KeyData::Ed25519(key), Algorithm::Ed25519) => {
            UnparsedPublicKey::new(&ED25519, key.0).verify(message, signature.as_bytes()).is_ok()
        }
        (KeyData::Ecdsa(key), Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }) => ecdsa_fixed(signature.as_bytes())
            .is_some_and(|fixed| {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.as_sec1_bytes()).verify(message, &fixed).is_ok()
            }),
        (KeyData::Rsa(key), Algorithm::Rsa { hash }) => {
            let parts = key.n.as_positive_bytes().zip(key.e.as_positive_bytes());
            let scheme = match hash {
                Some(HashAlg::Sha512) => &RSA_PKCS1_2048_8192_SHA512,
                Some(HashAlg::Sha256) => &RSA_PKCS1_2048_8192_SHA256,
                _ => return false,
            };
            parts.is_some_and(|(n, e)| {
                RsaPublicKeyComponents { n, e }.verify(scheme, message, signature.as_bytes()).is_ok()
            })
        }
        _ => false,
    }
}

/// OpenSSH writes r and s of an ECDSA signature as two numbers with their length (RFC 5656, 3.1.2); ring wants 32 bytes each.
fn ecdsa_fixed(bytes: &[u8]) -> Option<[u8; 64]> {
    let mut fixed = [0; 64];
    let mut rest = bytes;
    for half in fixed.chunks_mut(32) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (number, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let number = &number[number.iter().take_while(|byte| **byte == 0).count()..];
        half.get_mut(32_usize.checked_sub(number.len())?..)?.copy_from_slice(number);
        rest = after;
    }
    rest.is_empty().then_some(fixed)
}
