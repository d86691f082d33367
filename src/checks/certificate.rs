//! What a server's certificate says, and in plain words why it was not believed.

use std::{
    error::Error,
    io,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use chrono::{DateTime, NaiveDate, Utc};
use rustls::{CertificateError, pki_types::UnixTime};

use super::outcome::{Finding, line};
use crate::platform::Reading;

const DAY: u64 = 24 * 3600;
/// DER tags.
const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

/// A good answer is no longer good enough when the certificate, in DER, ends too soon.
pub(super) fn judge(finding: Finding, certificate: Option<&[u8]>, longer: Duration, now: DateTime<Utc>) -> Finding {
    if finding.reading != Reading::Good {
        return finding;
    }
    let Some(end) = certificate.and_then(not_after) else {
        return Finding::bad(format!("{}, but the end of its certificate cannot be read", finding.detail));
    };
    let left = (end - now).to_std().unwrap_or_default();
    let told = format!("{}, certificate valid for {}", finding.detail, long(left));
    let soon = left <= longer;
    Finding {
        reading: if soon { Reading::Slow } else { Reading::Good },
        detail: if soon { format!("{told}, until {}, no longer than {}", day(end), long(longer)) } else { told },
        figure: Some(left.as_secs_f64() / DAY as f64),
    }
}

/// Why a handshake did not accept the certificate, if that is what an error is about.
pub(super) fn refusal(error: &(dyn Error + 'static), authority: Option<&Path>) -> Option<String> {
    let rustls::Error::InvalidCertificate(reason) = tls_error(error)? else { return None };
    Some(match reason {
        CertificateError::ExpiredContext { time, not_after } => {
            format!("its certificate expired {} ago, on {}", between(*not_after, *time), date(*not_after))
        }
        CertificateError::Expired => "its certificate has expired".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!(
                "its certificate is not valid for another {}, before {}",
                between(*time, *not_before),
                date(*not_before)
            )
        }
        CertificateError::NotValidYet => "its certificate is not valid yet".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let names = if names.is_empty() { "no name".to_owned() } else { line(&names.join(", "), 80) };
            format!("its certificate is for {names}, not for {}", expected.to_str())
        }
        CertificateError::NotValidForName => "its certificate is for another name".to_owned(),
        // A private issuer that was made anew keeps its name, and then only its signature tells the two apart.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => match authority {
            Some(path) => format!("its certificate was issued by nobody in {}", path.display()),
            None => {
                "its certificate has an unknown issuer; a private one is named by authority = \"FILE.pem\"".to_owned()
            }
        },
        CertificateError::Revoked => "its certificate is revoked".to_owned(),
        other => format!("its certificate is not valid: {other}"),
    })
}

/// An I/O error that wraps another one hides it from [`Error::source`].
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        if let Some(found) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).and_then(|e| tls_error(e)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// A name as rustls writes it, such as `DnsName("ward.example")`, without the rest.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"')
}

fn between(from: UnixTime, to: UnixTime) -> String {
    long(Duration::from_secs(to.as_secs().saturating_sub(from.as_secs())))
}

fn date(time: UnixTime) -> String {
    day(DateTime::<Utc>::from(UNIX_EPOCH + Duration::from_secs(time.as_secs())))
}

/// A date in digits alone reads like somebody's number, and would be hidden as one.
fn day(time: DateTime<Utc>) -> String {
    time.format("%-d %b %Y").to_string()
}

/// A long time for people, in its largest unit.
fn long(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / DAY, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// The end of a certificate's validity (RFC 5280, section 4.1); none when it cannot be read.
#[must_use]
pub fn not_after(certificate: &[u8]) -> Option<DateTime<Utc>> {
    let (certificate, _) = take(certificate, SEQUENCE)?;
    let (mut rest, _) = take(certificate, SEQUENCE)?;
    if let Some((_, after)) = take(rest, VERSION) {
        rest = after;
    }
    // serial number, signature algorithm, issuer
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        rest = take(rest, tag)?.1;
    }
    let (validity, _) = take(rest, SEQUENCE)?;
    let (_, after) = take(validity, UTC_TIME).or_else(|| take(validity, GENERALIZED_TIME))?;
    match take(after, UTC_TIME) {
        Some((short, _)) => {
            // Two digits of the year: 50 to 99 are 19xx.
            let century = if short.first()? < &b'5' { "20" } else { "19" };
            time(&format!("{century}{}", std::str::from_utf8(short).ok()?))
        }
        None => time(std::str::from_utf8(take(after, GENERALIZED_TIME)?.0).ok()?),
    }
}

/// `YYYYMMDDHHMMSSZ`.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let digits = text.strip_suffix('Z').filter(|text| text.len() == 14 && text.bytes().all(|b| b.is_ascii_digit()))?;
    let part = |from: usize, to: usize| digits[from..to].parse::<u32>().ok();
    let day = NaiveDate::from_ymd_opt(i32::try_from(part(0, 4)?).ok()?, part(4, 6)?, part(6, 8)?)?;
    Some(day.and_hms_opt(part(8, 10)?, part(10, 12)?, part(12, 14)?)?.and_utc())
}

/// The contents of the DER element at the beginning, if it has this tag, and what follows it.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    if *found != tag {
        return None;
    }
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf, sync::Arc, time::SystemTime};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{HttpProbe, Probe},
    };

    const DAYS: Duration = Duration::from_secs(DAY);

    /// A private issuer, and where its own certificate lies.
    struct Authority {
        folder: tempfile::TempDir,
        issuer: CertifiedIssuer<'static, KeyPair>,
    }

    impl Authority {
        fn new() -> Self {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
            Self { folder, issuer }
        }

        fn file(&self) -> PathBuf {
            self.folder.path().join("ca.pem")
        }

        /// A server with a certificate for this name, valid from and until then, that answers every request with "ok".
        async fn serve(&self, name: &str, from: SystemTime, until: SystemTime) -> String {
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.not_before = from.into();
            params.not_after = until.into();
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &self.issuer).unwrap();
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
            let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move {
                while let Ok((socket, _)) = listener.accept().await {
                    let Ok(mut stream) = acceptor.accept(socket).await else { continue };
                    let mut request = [0; 1024];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                    let _ = stream.shutdown().await;
                }
            });
            format!("https://localhost:{}/", address.port())
        }
    }

    async fn probe(url: &str, authority: Option<PathBuf>) -> Outcome {
        let certificate = Some(DAYS * 14);
        let probe = HttpProbe { url: url.to_owned(), certificate, authority, ..HttpProbe::default() };
        Prober::new().probe(&check(Probe::Http(probe))).await
    }

    #[tokio::test]
    async fn a_certificate_that_ends_soon_is_slow_and_says_when() {
        let authority = Authority::new();
        let now = SystemTime::now();
        let url = authority.serve("localhost", now - DAYS, now + DAYS * 30 + DAYS / 2).await;
        let outcome = probe(&url, Some(authority.file())).await;
        assert_eq!(outcome.result, Reading::Good, "{}", outcome.detail);
        assert!(outcome.detail.ends_with(", certificate valid for 30 days"), "{}", outcome.detail);
        assert!((outcome.figure.unwrap() - 30.5).abs() < 0.01, "{outcome:?}");
        let end = now + DAYS * 5 + DAYS / 2;
        let url = authority.serve("localhost", now - DAYS, end).await;
        let outcome = probe(&url, Some(authority.file())).await;
        assert_eq!(outcome.result, Reading::Slow, "{}", outcome.detail);
        let told = format!("valid for 5 days, until {}, no longer than 14 days", day(DateTime::<Utc>::from(end)));
        assert!(outcome.detail.starts_with("HTTP 200 in ") && outcome.detail.ends_with(&told), "{}", outcome.detail);
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_certificate_is_said() {
        let authority = Authority::new();
        let now = SystemTime::now();
        let expired = authority.serve("localhost", now - DAYS * 90, now - DAYS * 3 - DAYS / 2).await;
        let early = authority.serve("localhost", now + DAYS * 2 + DAYS / 2, now + DAYS * 90).await;
        let other = authority.serve("records.ward.example", now - DAYS, now + DAYS * 90).await;
        let fine = authority.serve("localhost", now - DAYS, now + DAYS * 90).await;
        let stranger = Authority::new();
        for (url, issuer, told) in [
            (&expired, Some(authority.file()), "its certificate expired 3 days ago, on "),
            (&early, Some(authority.file()), "its certificate is not valid for another 2 days, before "),
            (&other, Some(authority.file()), "its certificate is for records.ward.example, not for localhost"),
            (&fine, Some(stranger.file()), "its certificate was issued by nobody in "),
            (&fine, None, "its certificate has an unknown issuer; a private one is named by authority = \"FILE.pem\""),
        ] {
            let outcome = probe(url, issuer).await;
            assert_eq!(outcome.result, Reading::Bad, "{}", outcome.detail);
            assert!(outcome.detail.starts_with(told), "{} is not {told}", outcome.detail);
        }
    }

    #[tokio::test]
    async fn a_useless_file_of_issuers_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("ca.pem");
        let outcome = probe("https://localhost:1/", Some(missing.clone())).await;
        assert!(outcome.detail.starts_with("cannot read /") && outcome.detail.contains("No such file"), "{outcome:?}");
        fs::write(&missing, "no certificate\n").unwrap();
        let outcome = probe("https://localhost:1/", Some(missing)).await;
        assert!(outcome.detail.starts_with("cannot use the certificates in "), "{outcome:?}");
    }

    #[test]
    fn both_forms_of_a_date_are_read_and_no_bytes_are_trusted() {
        for (until, told) in [(2049, "2049-12-31"), (2050, "2050-12-31"), (1999, "1999-12-31")] {
            let mut params = CertificateParams::default();
            params.not_before = rcgen::date_time_ymd(1990, 1, 1);
            params.not_after = rcgen::date_time_ymd(until, 12, 31);
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            assert_eq!(not_after(certificate.der()).unwrap().date_naive().to_string(), told);
            for cut in 0..certificate.der().len().min(200) {
                assert_eq!(not_after(&certificate.der()[..cut]), None);
            }
        }
    }
}
