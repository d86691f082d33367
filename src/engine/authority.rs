//! The engine's own authority: it signs the certificate that the engine shows over TLS, and those by which people are known there.
//! Its private key never leaves the folder of keys; whoever trusts the authority goes on trusting the engine when its certificate is
//! renewed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    net::IpAddr,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SerialNumber, SignatureAlgorithm,
};
use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::ParsedCertificate,
};
use sha2::{Digest, Sha256};

use crate::{
    checks::certificate_end,
    platform::{CertificateFiles, Listen},
};

/// How long a certificate of the engine counts: what clients accept at most is 398 days.
const VALID: TimeDelta = TimeDelta::days(396);
/// What is left of it when another is made.
const RENEWED_BEFORE: TimeDelta = TimeDelta::days(60);
/// How long the authority counts.
const AUTHORITY: TimeDelta = TimeDelta::days(20 * 365);
/// A client's clock may be that much behind.
const BEHIND: TimeDelta = TimeDelta::hours(1);
/// A larger file is no certificate.
const LARGEST: u64 = 1 << 20;
/// Bytes of a public key of the curve P-256 as one point.
const POINT: usize = 65;

/// Why a certificate cannot be made or read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct AuthorityError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, and what to do.
    pub reason: String,
}

/// The authority of an engine, in its folder of keys. It is made when it is first needed.
#[derive(Debug)]
pub(super) struct Authority {
    folder: PathBuf,
    turn: Mutex<()>,
}

/// A certificate that the engine shows, with its key.
#[derive(Debug)]
pub struct ServerCertificate {
    /// The certificate first, its authority last.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its private key.
    pub key: PrivateKeyDer<'static>,
    /// Until when it counts.
    pub ends_at: DateTime<Utc>,
}

/// Whether a certificate of the engine's own is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// When it is near its end, or does not carry the names it is to have.
    WhenDue,
    /// Now.
    Now,
}

/// The fingerprint of a certificate, as people compare it: `sha256:` and hexadecimal digits.
#[must_use]
pub fn certificate_fingerprint(certificate: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(certificate)))
}

struct Opened {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn of(keys: &Path) -> Self {
        Self { folder: keys.to_owned(), turn: Mutex::default() }
    }

    /// The authority's certificate.
    pub(super) fn certificate(&self, now: DateTime<Utc>) -> Result<CertificateDer<'static>, AuthorityError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.open(now)?.certificate)
    }

    /// The certificate that the engine shows: the one named in the platform file, or its own for these names.
    pub(super) fn server(
        &self,
        listen: &Listen,
        names: &[String],
        renewal: Renewal,
        now: DateTime<Utc>,
    ) -> Result<ServerCertificate, AuthorityError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = &listen.certificate {
            return named(files, now);
        }
        let authority = self.open(now)?;
        let path = self.folder.join("server.pem");
        if renewal == Renewal::WhenDue
            && let Ok(Some(text)) = read(&path, Readers::Owner)
            && let Ok(known) = parse(&path, &text, &text)
            && is_good(&known, &authority.certificate, names, now)
        {
            return Ok(known);
        }
        let mut params = CertificateParams::new(names.to_vec()).map_err(|error| unusable(&path, error))?;
        params.distinguished_name.push(DnType::CommonName, "codeblue engine");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        span(&mut params, now, now + VALID);
        let key = KeyPair::generate().map_err(|error| unusable(&path, error))?;
        let certificate = params.signed_by(&key, &authority.issuer).map_err(|error| unusable(&path, error))?;
        let text = certificate.pem() + &pem(&authority.certificate) + &key.serialize_pem();
        write(&path, text.as_bytes())?;
        parse(&path, text.as_bytes(), text.as_bytes())
    }

    /// A certificate, as PEM, by which an operator is known who holds the private half of this key: a point of P-256.
    pub(super) fn client(
        &self,
        operator: &str,
        key: &[u8],
        serial: [u8; 16],
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<CertificateDer<'static>, AuthorityError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let authority = self.open(now)?;
        let point = Point::of(key).ok_or_else(|| unusable(&self.folder, "the key is no point of P-256"))?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, operator);
        params.serial_number = Some(SerialNumber::from(serial.to_vec()));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        span(&mut params, now, until);
        Ok(params.signed_by(&point, &authority.issuer).map_err(|error| unusable(&self.folder, error))?.der().clone())
    }

    fn open(&self, now: DateTime<Utc>) -> Result<Opened, AuthorityError> {
        let path = self.folder.join("authority.pem");
        if let Some(text) = read(&path, Readers::Owner)? {
            let certificate = CertificateDer::from_pem_slice(&text).map_err(|error| unusable(&path, error))?;
            let key = KeyPair::from_pem(&String::from_utf8_lossy(&text)).map_err(|error| unusable(&path, error))?;
            return Ok(Opened { certificate, issuer: Issuer::new(params(&key), key) });
        }
        let key = KeyPair::generate().map_err(|error| unusable(&path, error))?;
        let mut params = params(&key);
        span(&mut params, now, now + AUTHORITY);
        let certificate = params.self_signed(&key).map_err(|error| unusable(&path, error))?;
        // The key comes first: that is where it is looked for.
        write(&path, (key.serialize_pem() + &certificate.pem()).as_bytes())?;
        Ok(Opened { certificate: certificate.der().clone(), issuer: Issuer::new(params, key) })
    }
}

/// What an authority says of itself follows from its key, so its certificate need not be read to sign with it.
fn params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let name = hex::encode(&Sha256::digest(key.der_bytes())[..8]);
    params.distinguished_name.push(DnType::CommonName, format!("codeblue authority {name}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn span(params: &mut CertificateParams, from: DateTime<Utc>, to: DateTime<Utc>) {
    let time = |at: DateTime<Utc>| std::time::SystemTime::from(at).into();
    (params.not_before, params.not_after) = (time(from - BEHIND), time(to));
}

/// A public key of P-256.
struct Point<'a>(&'a [u8]);

impl<'a> Point<'a> {
    fn of(key: &'a [u8]) -> Option<Self> {
        (key.len() == POINT && key[0] == 4).then_some(Self(key))
    }
}

impl PublicKeyData for Point<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// Whether it is of this authority, long enough from its end, and carries every name.
fn is_good(known: &ServerCertificate, authority: &CertificateDer<'_>, names: &[String], now: DateTime<Utc>) -> bool {
    let Some(leaf) = known.chain.first() else { return false };
    let Ok(parsed) = ParsedCertificate::try_from(leaf) else { return false };
    let carries = |name: &String| {
        ServerName::try_from(name.as_str()).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
    };
    known.chain.last() == Some(authority) && known.ends_at > now + RENEWED_BEFORE && names.iter().all(carries)
}

/// The certificate that the platform file names.
fn named(files: &CertificateFiles, now: DateTime<Utc>) -> Result<ServerCertificate, AuthorityError> {
    let there = |path: &PathBuf, readers| {
        let missing = || AuthorityError {
            path: path.clone(),
            reason: "it is missing; [listen] of the platform file names it".to_owned(),
        };
        read(path, readers)?.ok_or_else(missing)
    };
    let certificate = there(&files.cert, Readers::Anybody)?;
    let key = there(&files.key, Readers::Group)?;
    let read = parse(&files.cert, &certificate, &key)?;
    if read.ends_at <= now {
        let reason = format!("it has expired on {}; put a new one in its place", read.ends_at.format("%Y-%m-%d"));
        return Err(AuthorityError { path: files.cert.clone(), reason });
    }
    Ok(read)
}

fn parse(path: &Path, certificates: &[u8], key: &[u8]) -> Result<ServerCertificate, AuthorityError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(path, error))?;
    let key =
        PrivateKeyDer::from_pem_slice(key).map_err(|error| unusable(path, format!("its private key: {error}")))?;
    let leaf = chain.first().ok_or_else(|| unusable(path, "it holds no certificate"))?;
    let ends_at = certificate_end(leaf).ok_or_else(|| unusable(path, "its end cannot be read"))?;
    Ok(ServerCertificate { chain, key, ends_at })
}

/// Names and addresses by which a host is reached: what it knows of itself, and what the platform file adds.
pub(super) fn names(listen: &Listen, host: Option<String>) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let address: IpAddr = listen.tls.ip();
    names.extend((!address.is_unspecified()).then(|| address.to_string()));
    names.extend(host.filter(|host| ServerName::try_from(host.as_str()).is_ok()));
    names.extend(listen.names.iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// A certificate as PEM.
#[must_use]
pub fn pem(certificate: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[expect(clippy::needless_pass_by_value, reason = "errors of several libraries and words come here as they are")]
fn unusable(path: &Path, reason: impl ToString) -> AuthorityError {
    AuthorityError { path: path.to_owned(), reason: reason.to_string() }
}

/// Who may read a file.
#[derive(Clone, Copy)]
enum Readers {
    Owner,
    Group,
    Anybody,
}

/// What a file holds; none when there is none.
fn read(path: &Path, readers: Readers) -> Result<Option<Vec<u8>>, AuthorityError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(path, error)),
    };
    let others = match readers {
        Readers::Owner => 0o077,
        Readers::Group => 0o007,
        Readers::Anybody => 0,
    };
    if file.metadata().map_err(|error| unusable(path, error))?.permissions().mode() & others != 0 {
        let reason = format!("others can read this private key; run: chmod 600 {}", path.display());
        return Err(AuthorityError { path: path.to_owned(), reason });
    }
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text).map_err(|error| unusable(path, error))?;
    Ok(Some(text))
}

/// Puts a file in place as a whole, for its owner alone.
fn write(path: &Path, text: &[u8]) -> Result<(), AuthorityError> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .map_err(|error| unusable(path, error))?;
    file.write_all(text).and_then(|()| file.sync_all()).map_err(|error| unusable(path, error))?;
    fs::rename(&beside, path).map_err(|error| unusable(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(certificate: Option<CertificateFiles>) -> Listen {
        Listen { tls: "127.0.0.1:0".parse().unwrap(), names: Vec::new(), certificate }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn a_certificate_is_shown_until_it_is_due_and_its_authority_on_and_on() {
        let folder = tempfile::tempdir().unwrap();
        let names = vec!["localhost".to_owned(), "::1".to_owned()];
        let at = |days: i64, names: &[String]| {
            let authority = Authority::of(folder.path());
            authority.server(&listen(None), names, Renewal::WhenDue, now() + TimeDelta::days(days)).unwrap().chain
        };
        let first = at(0, &names);
        assert_eq!((first.len(), &at(335, &names)), (2, &first));
        let second = at(337, &names);
        assert!(second[0] != first[0] && second[1] == first[1], "60 days before its end it is another one");
        let more = [names.clone(), vec!["db1.example".to_owned()]].concat();
        let third = at(337, &more);
        assert!(third[0] != second[0] && third[1] == first[1], "a name more takes another one");
        std::fs::write(folder.path().join("server.pem"), "half a file").unwrap();
        assert_ne!(at(337, &more)[0], third[0], "what is damaged is made anew");
    }

    #[test]
    fn a_key_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::of(folder.path());
        authority.certificate(now()).unwrap();
        let path = folder.path().join("authority.pem");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = authority.certificate(now()).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn ones_own_certificate_is_shown_as_it_is_until_it_has_expired() {
        let folder = tempfile::tempdir().unwrap();
        let files = CertificateFiles { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        let authority = Authority::of(folder.path());
        let shown = |at| authority.server(&listen(Some(files.clone())), &[], Renewal::Now, at);
        assert!(shown(now()).unwrap_err().to_string().contains("is missing"));
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["db1.example".to_owned()]).unwrap();
        span(&mut params, now(), now() + TimeDelta::days(10));
        fs::write(&files.cert, params.self_signed(&key).unwrap().pem()).unwrap();
        write(&files.key, key.serialize_pem().as_bytes()).unwrap();
        assert_eq!(shown(now()).unwrap().ends_at, now() + TimeDelta::days(10));
        let expired = shown(now() + TimeDelta::days(11)).unwrap_err().to_string();
        assert!(expired.contains("has expired") && expired.contains("cert.pem"), "{expired}");
    }
}
