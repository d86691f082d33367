//! What the engine shows over TLS, and how people get certificates by which it knows them.

use std::net::SocketAddr;

use chrono::{DateTime, Utc};
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::{
    Asking, AuthorityError, EngineHandle, Renewal, ServerCertificate, SubmitError,
    authority::{self, certificate_fingerprint, pem},
};
use crate::{
    checks::certificate_end,
    domain::{Actor, ClientCertificate, Command, LONGEST_CERTIFICATE, Operator, Refusal},
    platform::Listen,
};

/// What an engine shows over TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsFigures {
    /// Where it listens.
    pub address: SocketAddr,
    /// What clients remember of it: the fingerprint of the last certificate it shows, which is its authority's.
    pub fingerprint: String,
    /// That certificate, as PEM.
    pub authority: String,
    /// The fingerprint of the certificate itself, which changes when it is renewed.
    pub certificate: String,
    /// Until when the certificate counts.
    pub ends_at: DateTime<Utc>,
    /// Until when its authority counts, where that is shown too.
    pub authority_ends_at: Option<DateTime<Utc>>,
    /// The engine makes it, and renews it by itself.
    pub own: bool,
}

impl TlsFigures {
    /// Of a certificate that is shown there.
    #[must_use]
    pub fn of(address: SocketAddr, listen: &Listen, shown: &ServerCertificate) -> Self {
        let leaf = shown.chain.first().map_or(&[][..], AsRef::as_ref);
        let last = shown.chain.last().map_or(&[][..], AsRef::as_ref);
        Self {
            address,
            fingerprint: certificate_fingerprint(last),
            authority: pem(last),
            certificate: certificate_fingerprint(leaf),
            ends_at: shown.ends_at,
            authority_ends_at: certificate_end(last).filter(|_| shown.chain.len() > 1),
            own: listen.certificate.is_none(),
        }
    }
}

/// Asks for a certificate by which an operator is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateRequest {
    /// Whom it is for.
    pub operator: String,
    /// The public key, a point of the curve P-256 in hexadecimal. The private one stays with whoever made it.
    pub public_key: String,
    /// Until when it is to count.
    pub expires_at: DateTime<Utc>,
}

/// A certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuedCertificate {
    /// Its number, by which it is revoked.
    pub serial: String,
    /// Who is known by it.
    pub operator: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// The certificate, as PEM.
    pub certificate: String,
}

impl EngineHandle {
    /// Issues a certificate by which an operator is known over TLS. Nobody gets it before it is in the record.
    ///
    /// # Errors
    /// When the key is none, a rule refuses it, or the journal or the authority cannot be used. Nothing has happened then.
    pub async fn issue_certificate(
        &self,
        request: CertificateRequest,
        asking: Asking,
    ) -> Result<IssuedCertificate, SubmitError> {
        let CertificateRequest { operator, public_key, expires_at } = request;
        let mut serial: [u8; 16] = rand::random();
        // A serial number is positive.
        serial[0] = serial[0] & 0x7f | 0x40;
        let no_key = || {
            Refusal::new("certificate-key", "the public key is no point of P-256 in hexadecimal")
                .hint("have the program make it: codeblue operator certificate NAME")
        };
        let key = hex::decode(&public_key).map_err(|_| no_key())?;
        // A time that no certificate can hold is refused by the rules below; here it must not be more than odd.
        let now = self.now();
        let until = expires_at.clamp(now, now + LONGEST_CERTIFICATE);
        let signed = self.authority.client(&operator, &key, serial, until, now);
        let certificate = signed.map_err(|error| no_key().hint(error.to_string()))?;
        let (serial, fingerprint) = (hex::encode(serial), certificate_fingerprint(&certificate));
        let command = Command::IssueCertificate {
            operator: operator.clone(),
            serial: serial.clone(),
            fingerprint: fingerprint.clone(),
            expires_at,
        };
        self.submit_as(command, asking).await?;
        Ok(IssuedCertificate { serial, operator, fingerprint, expires_at, certificate: pem(&certificate) })
    }

    /// The operator who is known by a certificate that the engine's authority has signed. One that does not count any more is told
    /// and recorded.
    ///
    /// # Errors
    /// `certificate-unknown`, `certificate-revoked`, `certificate-expired`.
    pub async fn operator_of_certificate(&self, fingerprint: &str) -> Result<(Operator, ClientCertificate), Refusal> {
        let (state, now) = (self.state(), self.now());
        let known = state.client_certificate(fingerprint)?.clone();
        let operator = state.operators.get(&known.operator).filter(|operator| !operator.disabled).cloned();
        let refusal = match (known.counts(now), operator) {
            (Ok(()), Some(operator)) => return Ok((operator, known)),
            (Err(refusal), _) => refusal,
            (Ok(()), None) => Refusal::new("certificate-revoked", "this certificate went with its operator")
                .hint("have another issued for somebody who works here: codeblue operator certificate NAME"),
        };
        let command = Command::RecordRefusal {
            operator: known.operator,
            what: "showCertificate".to_owned(),
            object: Some(known.serial),
            rule: refusal.rule.clone(),
        };
        let _ = self.submit(command, Actor::Engine).await;
        Err(refusal)
    }

    /// The certificate to be shown over TLS. One of the engine's own is made where there is none, and anew when it is due.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the certificate named in the platform file has expired.
    pub fn server_certificate(&self, listen: &Listen, renewal: Renewal) -> Result<ServerCertificate, AuthorityError> {
        let names = authority::names(listen, sysinfo::System::host_name().ok());
        self.authority.server(listen, &names, renewal, self.now())
    }

    /// The certificate of the engine's own authority, which vouches for the people it knows over TLS.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub fn authority_certificate(&self) -> Result<CertificateDer<'static>, AuthorityError> {
        self.authority.certificate(self.now())
    }
}
