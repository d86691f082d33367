//! What the doctor sees of what an engine shows over TLS: whether its certificate counts, for whom it speaks, and who may read its key.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    server::ParsedCertificate,
};

use super::{
    doctor::{Found, good, mode, warning, wrong},
    text,
};
use crate::{
    checks::certificate_end,
    client::{Client, TlsAddress, fingerprint_at},
    domain::State,
    engine::TlsFigures,
    platform::{Listen, count},
};

/// A certificate that ends sooner should have been renewed.
pub(super) const SOON: TimeDelta = TimeDelta::days(21);
/// How long an address of this host may take.
const NEAR: Duration = Duration::from_secs(10);

/// Whether others get in over TLS, where the platform file says that they may.
pub(super) async fn of_tls(state: &State, client: &Client, now: DateTime<Utc>, is_here: bool) -> Vec<Found> {
    let Some(listen) = &state.platform.listen else { return Vec::new() };
    let figures = match client.tls_figures().await {
        Ok(figures) => figures,
        Err(error) => {
            let told = format!("[listen] names {}, and the engine does not listen there: {error}", listen.tls);
            return vec![wrong("tls", told, "its log says why; codeblue reload tries again")];
        }
    };
    let mut all = vec![of_certificate(&figures, listen, now)];
    if is_here {
        all.extend(of_key(listen));
        all.extend(of_names(listen));
        all.push(of_address(&figures).await);
    }
    let credentials = &state.credentials;
    let tokens = credentials.tokens.values().filter(|token| token.counts(now).is_ok()).count();
    let certificates = credentials.certificates.values().filter(|one| one.counts(now).is_ok()).count();
    let told = format!("{} and {} open it", count(tokens, "token"), count(certificates, "certificate"));
    all.push(match tokens + certificates {
        0 => warning(
            "tls",
            "nobody has a token or a certificate: nobody is answered over TLS",
            "codeblue operator certificate NAME --for 90d, for a program: codeblue token create",
        ),
        _ => good("tls", told),
    });
    all
}

fn of_certificate(figures: &TlsFigures, listen: &Listen, now: DateTime<Utc>) -> Found {
    let todo = match &listen.certificate {
        None => "codeblue host certificate --renew; its log says why that was not done by itself".to_owned(),
        Some(files) => {
            format!("put a newer one into {}, then: codeblue host certificate --renew", files.cert.display())
        }
    };
    let ends_at = figures.authority_ends_at.map_or(figures.ends_at, |authority| authority.min(figures.ends_at));
    let told = format!("its certificate counts until {}", text::moment(ends_at));
    match ends_at - now {
        left if left <= TimeDelta::zero() => {
            wrong("tls", format!("its certificate has ended at {}: everybody turns away", text::moment(ends_at)), todo)
        }
        left if left < SOON => warning("tls", format!("{told}, which is in {}", text::span(left)), todo),
        _ => good("tls", told),
    }
}

/// The key of a certificate of one's own: nobody else may read it, but for a group that has been given keys.
fn of_key(listen: &Listen) -> Option<Found> {
    let key = &listen.certificate.as_ref()?.key;
    let open = mode(key)?;
    let todo = format!("chmod 600 {}; who could read it meanwhile can speak for this engine", key.display());
    if open & 0o027 != 0 {
        return Some(wrong("tls", format!("others may read or change the key {}", key.display()), todo));
    }
    (open & 0o050 != 0).then(|| {
        let todo = format!("chmod 600 {}, unless that group is one for keys", key.display());
        warning("tls", format!("its group may read the key {}", key.display()), todo)
    })
}

/// Names of the platform file for which a certificate of one's own does not speak: who asks by them turns away.
fn of_names(listen: &Listen) -> Option<Found> {
    let files = listen.certificate.as_ref()?;
    let leaf = CertificateDer::pem_file_iter(&files.cert).ok()?.next()?.ok()?;
    let parsed = ParsedCertificate::try_from(&leaf).ok()?;
    let speaks = |name: &str| ServerName::try_from(name).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok());
    let others: Vec<&str> = listen.names.iter().map(String::as_str).filter(|name| !speaks(name)).collect();
    (!others.is_empty()).then(|| {
        let told = format!("its certificate is not for {}: who asks for that turns away", others.join(", "));
        let todo = format!(
            "have it made for that name too and put it into {}, or take the name out of [listen]",
            files.cert.display()
        );
        wrong("tls", told, todo)
    })
}

/// Until when the first certificate of a file counts.
pub(super) fn end_of(file: &Path) -> Option<DateTime<Utc>> {
    certificate_end(CertificateDer::pem_file_iter(file).ok()?.next()?.ok()?.as_ref())
}

/// Whether it is this engine that answers on its address.
async fn of_address(figures: &TlsFigures) -> Found {
    let near = reachable(figures.address);
    let address = TlsAddress { host: near.ip().to_string(), port: near.port() };
    let seen = tokio::task::spawn_blocking(move || fingerprint_at(&address));
    let seen = match tokio::time::timeout(NEAR, seen).await {
        Ok(Ok(seen)) => seen.map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    };
    let todo = "see who listens there: ss -ltnp; then codeblue reload";
    match seen {
        Ok(seen) if seen == figures.fingerprint => good("tls", format!("it answers on {}", figures.address)),
        Ok(seen) => wrong("tls", format!("on {} somebody else answers, who shows {seen}", figures.address), todo),
        Err(error) => wrong("tls", format!("on {} nothing answers from here: {error}", figures.address), todo),
    }
}

/// An address by which this host itself gets there.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
pub(super) mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::{cli::doctor::Health, platform::CertificateFiles};

    /// A certificate for a name that ends on a day, and its key, as PEM.
    pub(in crate::cli) fn certificate(name: &str, (year, month, day): (i32, u8, u8)) -> (String, String) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_after = rcgen::date_time_ymd(year, month, day);
        (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
    }

    /// What listens with a certificate of one's own, whose key has this mode.
    fn listening(folder: &Path, names: &[&str], of: &str, mode: u32) -> Listen {
        let files = CertificateFiles { cert: folder.join("db1.pem"), key: folder.join("db1.key") };
        let (pem, key) = certificate(of, (2030, 1, 1));
        fs::write(&files.cert, pem).expect("a file");
        fs::write(&files.key, key).expect("a file");
        fs::set_permissions(&files.key, fs::Permissions::from_mode(mode)).expect("its mode");
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Listen { tls: "127.0.0.1:0".parse().expect("an address"), names, certificate: Some(files) }
    }

    #[test]
    fn a_key_that_others_may_read_is_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        for (mode, state) in [
            (0o600, None),
            (0o400, None),
            (0o640, Some(Health::Warning)),
            (0o644, Some(Health::Wrong)),
            (0o660, Some(Health::Wrong)),
        ] {
            let found = of_key(&listening(folder.path(), &[], "db1.example", mode));
            assert_eq!(found.as_ref().map(|found| found.state), state, "{mode:o}");
            assert!(found.is_none_or(|found| found.found.contains("db1.key")), "{mode:o}");
        }
    }

    #[test]
    fn a_certificate_for_another_name_is_wrong_and_says_which() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = ["db1.wards.example", "db2.wards.example"];
        assert!(of_names(&listening(folder.path(), &names[..1], "db1.wards.example", 0o600)).is_none());
        assert!(of_names(&listening(folder.path(), &names[..1], "*.wards.example", 0o600)).is_none());
        let found = of_names(&listening(folder.path(), &names, "db1.wards.example", 0o600)).expect("db2 is another");
        assert!(found.state == Health::Wrong && found.found.contains("not for db2.wards.example:"), "{found:?}");
    }

    #[test]
    fn a_certificate_is_told_of_before_it_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let listen = listening(folder.path(), &[], "db1.example", 0o600);
        let now: DateTime<Utc> = "2029-12-01T00:00:00Z".parse().expect("a time");
        let ends_at = end_of(&folder.path().join("db1.pem")).expect("it can be read");
        assert_eq!(ends_at, "2030-01-01T00:00:00Z".parse::<DateTime<Utc>>().expect("a time"));
        let figures = TlsFigures {
            address: listen.tls,
            fingerprint: String::new(),
            authority: String::new(),
            certificate: String::new(),
            ends_at,
            authority_ends_at: None,
            own: false,
        };
        for (days, state, words) in [
            (0, Health::Good, "counts until 2030-01-01"),
            (11, Health::Warning, "which is in 20d"),
            (31, Health::Wrong, "everybody turns away"),
        ] {
            let found = of_certificate(&figures, &listen, now + TimeDelta::days(days));
            assert!(found.state == state && found.found.contains(words), "{days}: {found:?}");
        }
        let sooner = TlsFigures { authority_ends_at: Some(now), ..figures };
        assert_eq!(of_certificate(&sooner, &listen, now).state, Health::Wrong, "whoever signed it counts no longer");
    }
}
