//! The certificates of the front, through which the world reaches `patient-api`: the sandbox's own authority, the right one, and
//! those that faults put in its place.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use super::{SandboxError, files, kind::FaultKind, layout::Layout};

/// Where clients look for the front.
const ADDRESS: &str = "127.0.0.1";
const VALID: TimeDelta = TimeDelta::days(365);
const AUTHORITY: &str = "Authority of the sandbox";
const STRANGER: &str = "Authority that nobody knows";

/// Makes the authority, a right certificate, and the wrong ones.
pub(super) fn make(layout: &Layout, now: DateTime<Utc>) -> Result<(), SandboxError> {
    let path = layout.certificate();
    let failed = unusable(&path);
    let key = KeyPair::generate().map_err(&failed)?;
    let authority = authority(AUTHORITY, now);
    files::write(&layout.authority_key(), key.serialize_pem().as_bytes())?;
    files::write(&layout.authority(), authority.self_signed(&key).map_err(&failed)?.pem().as_bytes())?;
    let ours = Issuer::new(authority, key);
    let strangers = Issuer::new(self::authority(STRANGER, now), KeyPair::generate().map_err(&failed)?);
    let (yesterday, before) = (now - TimeDelta::days(1), now - VALID);
    let wrong = [
        (FaultKind::CertificateExpired, signed(&ours, ADDRESS, before, yesterday)),
        (FaultKind::CertificateWrongName, signed(&ours, "old.hospital.example", yesterday, now + VALID)),
        (FaultKind::CertificateUnknownAuthority, signed(&strangers, ADDRESS, yesterday, now + VALID)),
    ];
    for (fault, certificate) in wrong {
        files::write(&spoilt(layout, fault), certificate.map_err(&failed)?.as_bytes())?;
    }
    let right = signed(&ours, ADDRESS, yesterday, now + VALID).map_err(&failed)?;
    files::write(&path, right.as_bytes())
}

/// Puts a new certificate in the place of whichever is there.
pub(super) fn renew(layout: &Layout, now: DateTime<Utc>) -> Result<(), SandboxError> {
    let path = layout.authority_key();
    let missing = || SandboxError::Damaged { path: path.clone(), reason: "it is missing".to_owned() };
    let key = files::read(&path)?.ok_or_else(missing)?;
    let failed = unusable(&path);
    let key = KeyPair::from_pem(&String::from_utf8_lossy(&key)).map_err(&failed)?;
    let ours = Issuer::new(authority(AUTHORITY, now), key);
    let right = signed(&ours, ADDRESS, now - TimeDelta::days(1), now + VALID).map_err(&failed)?;
    files::write(&layout.certificate(), right.as_bytes())
}

/// What a fault puts in the place of the right certificate.
pub(super) fn spoilt(layout: &Layout, fault: FaultKind) -> PathBuf {
    layout.certificate().with_file_name(format!("{}.pem", fault.name()))
}

fn unusable(path: &Path) -> impl Fn(rcgen::Error) -> SandboxError {
    move |error| SandboxError::Damaged { path: path.to_owned(), reason: error.to_string() }
}

fn authority(name: &str, now: DateTime<Utc>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    span(&mut params, now - VALID, now + VALID * 2);
    params
}

/// A certificate for a name and its key, as one text.
fn signed(
    issuer: &Issuer<'_, KeyPair>,
    name: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, name);
    span(&mut params, from, to);
    let key = KeyPair::generate()?;
    Ok(params.signed_by(&key, issuer)?.pem() + &key.serialize_pem())
}

/// From the start of one day to the start of another.
fn span(params: &mut CertificateParams, from: DateTime<Utc>, to: DateTime<Utc>) {
    let number = |part: u32| u8::try_from(part).unwrap_or(1);
    let midnight = |day: DateTime<Utc>| date_time_ymd(day.year(), number(day.month()), number(day.day()));
    (params.not_before, params.not_after) = (midnight(from), midnight(to));
}
