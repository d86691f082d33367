//! Whom a client trusts over TLS: the engine whose authority it has been shown once, and nobody else.
//!
//! What is remembered is a fingerprint, because it can be read out over the telephone and stands in one line of a file; the
//! certificate with that fingerprint comes with every handshake, and everything else is verified against it.

use std::{
    io,
    net::{TcpStream, ToSocketAddrs},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use super::address::TlsAddress;
use crate::engine::certificate_fingerprint;

/// How long a host may take to show its certificate.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who is at the other end has another authority than the one remembered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it shows the fingerprint {shown}, and {expected} is the one that is trusted")]
pub(super) struct OtherAuthority {
    pub(super) expected: String,
    pub(super) shown: String,
}

/// Verifies that a chain leads to the certificate with this fingerprint.
#[derive(Debug)]
struct Pinned {
    fingerprint: String,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_known = |shown: &&CertificateDer<'_>| certificate_fingerprint(shown) == self.fingerprint;
        let Some(known) = std::iter::once(leaf).chain(others).find(is_known) else {
            let shown = certificate_fingerprint(others.last().unwrap_or(leaf));
            let other = OtherAuthority { expected: self.fingerprint.clone(), shown };
            return Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(other)))));
        };
        if known == leaf {
            // It is trusted itself, so there is nobody who could vouch for it.
            verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
            return Ok(ServerCertVerified::assertion());
        }
        let mut roots = RootCertStore::empty();
        roots.add(known.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        verifier.verify_server_cert(leaf, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A certificate to show, and its key.
pub(super) type Shown = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Trusts the authority with this fingerprint alone.
pub(super) fn trusting(fingerprint: &str, shown: Option<Shown>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let pinned = Pinned { fingerprint: fingerprint.to_owned(), provider: provider.clone() };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned));
    match shown {
        Some((chain, key)) => config.with_client_auth_cert(chain, key),
        None => Ok(config.with_no_client_auth()),
    }
}

/// Looks at what a host shows, and tells it nothing: whether to trust it is for a person to say.
///
/// # Errors
/// When nobody answers there, or not with TLS.
pub fn fingerprint_at(address: &TlsAddress) -> io::Result<String> {
    let provider = Arc::new(ring::default_provider());
    let seen = Arc::new(Looking { provider: provider.clone(), seen: Mutex::default() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(seen.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
    let mut client = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address is known for this name");
    for at in (address.host.as_str(), address.port).to_socket_addrs()? {
        let stream = TcpStream::connect_timeout(&at, PATIENCE);
        let handshake = stream.and_then(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            while client.is_handshaking() {
                client.complete_io(&mut stream)?;
            }
            Ok(())
        });
        let fingerprint = seen.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (handshake, fingerprint) {
            (_, Some(fingerprint)) => return Ok(fingerprint),
            (Err(error), None) => last = error,
            (Ok(()), None) => {}
        }
    }
    Err(last)
}

/// Remembers what is shown; nothing is sent over such a connection.
#[derive(Debug)]
struct Looking {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<String>>,
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let last = certificate_fingerprint(others.last().unwrap_or(leaf));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        Err(Error::General("it was only looked at".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("it was only looked at".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("it was only looked at".to_owned()))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
