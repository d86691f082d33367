//! What the doctor sees around the engine: what it shows over TLS, the hosts that are named here, its log, the disks, the clock.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;

use super::{
    doctor::{Found, good, mode, warning, wrong},
    log_file::LogFile,
    session::Session,
    text,
};
use crate::{
    client::{Client, ClientError, HostAddress, TlsAddress, fingerprint_at, hosts},
    domain::State,
    engine::{Home, TlsFigures},
    platform::{self, Listen, ReplicaPlace, count},
};

/// Free space below which the journal is soon in danger.
const SPACE_BAD: u64 = 200 * 1024 * 1024;
/// Free space below which it is worth a look.
const SPACE_WARN: u64 = 2 * 1024 * 1024 * 1024;
/// A certificate that ends sooner should have been renewed.
const SOON: TimeDelta = TimeDelta::days(21);
/// How long an engine elsewhere may take to answer; one more login may be needed to find it.
const ANSWER: Duration = Duration::from_secs(40);
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

/// The key of a certificate of one's own, which nobody else may read.
fn of_key(listen: &Listen) -> Option<Found> {
    let key = &listen.certificate.as_ref()?.key;
    let told = format!("others may read the key {}", key.display());
    let todo = format!("chmod 600 {}; who could read it meanwhile can speak for this engine", key.display());
    mode(key).filter(|mode| mode & 0o077 != 0).map(|_| wrong("tls", told, todo))
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

/// Whether the engines that are named here can be reached.
pub(super) async fn of_hosts(session: &Session, home: &Home) -> Vec<Found> {
    match hosts::hosts(&home.settings_file()) {
        Err(error) => vec![wrong("hosts", error.to_string(), "codeblue settings show says more; put it right there")],
        Ok(known) => join_all(known.iter().map(|entry| of_host(session, entry))).await,
    }
}

async fn of_host(session: &Session, entry: &hosts::HostEntry) -> Found {
    let name = &entry.name;
    let told = |what: &str| format!("{name}, {}: {what}", entry.address);
    let is_tls = match entry.address.parse::<HostAddress>() {
        Ok(address) => matches!(address, HostAddress::Tls(_)),
        Err(bad) => {
            let todo = format!("codeblue host remove {name}, then codeblue host add {name} ADDRESS");
            return wrong("host", told(&bad.to_string()), todo);
        }
    };
    if is_tls && entry.fingerprint.is_none() {
        let todo = format!("codeblue --host {name} status shows what to compare, and asks");
        return warning("host", told("nobody has trusted it yet"), todo);
    }
    if is_tls && entry.token_file.is_none() && entry.certificate.is_none() {
        let todo =
            format!("give its entry a certificate or a token_file: codeblue operator certificate NAME, on {name}");
        return warning("host", told("nothing is shown to it, so it answers nobody"), todo);
    }
    let client = match session.client_of(Some(name)) {
        Ok(client) => client,
        Err(error) => return wrong("host", told(&error.to_string()), format!("codeblue host show {name}")),
    };
    let begun = session.now();
    let answer = tokio::time::timeout(ANSWER, client.whoami()).await;
    let took = (session.now() - begun).num_milliseconds();
    match answer {
        Ok(Ok(me)) => good("host", told(&format!("answers {} in {took} ms", me.name))),
        // One that is away says nothing about this installation.
        Ok(Err(ClientError::NoEngine { reason, .. })) => warning(
            "host",
            told(&format!("no answer: {reason}")),
            format!("when it should be up: codeblue host show {name}"),
        ),
        Ok(Err(error)) => wrong("host", told(&error.to_string()), format!("codeblue host show {name}")),
        Err(_) => {
            let told = told(&format!("no answer in {} s", ANSWER.as_secs()));
            warning("host", told, format!("when it should be up: codeblue host show {name}"))
        }
    }
}

/// The engine's own log: what it takes, and whether it is for this user alone.
pub(super) fn of_log(home: &Home) -> Option<Found> {
    let folder = home.log();
    let files: Vec<PathBuf> = fs::read_dir(&folder).ok()?.flatten().map(|entry| entry.path()).collect();
    let rules = platform::load(&home.platform_file()).map(|platform| platform.log).unwrap_or_default();
    let bytes: u64 = files.iter().filter_map(|path| fs::metadata(path).ok()).map(|found| found.len()).sum();
    let limit = rules.size_bytes.saturating_mul(rules.files.into());
    let told = format!("{} in {}, {}", count(files.len(), "file"), folder.display(), text::bytes(bytes));
    if let Some(open) = files.iter().find(|path| mode(path).is_some_and(|mode| mode & 0o077 != 0)) {
        let todo = format!("chmod 600 {}/*", folder.display());
        return Some(wrong("log", format!("others may read {}", open.display()), todo));
    }
    if bytes > limit.saturating_mul(2) {
        let todo = "what does not begin with codeblue.log is not the engine's; how much it keeps, [log] says";
        return Some(warning("log", format!("{told}, and the engine keeps {} at most", text::bytes(limit)), todo));
    }
    let newest = LogFile::path(&folder);
    Some(match newest.exists() {
        true => good("log", format!("{told} of at most {}", text::bytes(limit))),
        false => good("log", told),
    })
}

/// Each disk that the engine writes to.
pub(super) fn of_space(home: &Home) -> Vec<Found> {
    let replica = platform::load(&home.platform_file()).ok().and_then(|platform| platform.vault.replica);
    let replica = replica.and_then(|place| match place {
        ReplicaPlace::Directory(path) => Some(path),
        ReplicaPlace::Rest { .. } => None,
    });
    let mut seen = Vec::new();
    let mut all = Vec::new();
    for folder in [home.data(), home.vault(), home.log(), home.run()].into_iter().chain(replica) {
        let Ok(disk) = fs::metadata(&folder).map(|found| found.dev()) else { continue };
        if !seen.contains(&disk) {
            seen.push(disk);
            all.extend(of_disk(&folder));
        }
    }
    all
}

fn of_disk(folder: &std::path::Path) -> Option<Found> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let told = format!("{} free for {}", text::bytes(free), folder.display());
    let todo = "free some space there: without it nothing can be recorded, and nothing is done that cannot be";
    if found.f_files > 0 && found.f_favail == 0 {
        return Some(wrong("space", format!("no file can be made any more below {}", folder.display()), todo));
    }
    Some(match free {
        ..SPACE_BAD => wrong("space", told, todo),
        SPACE_BAD..SPACE_WARN => warning("space", told, todo),
        SPACE_WARN.. => good("space", told),
    })
}

/// Whether something sets this host's clock; deadlines and codes of second factors go by it. None where nobody can say.
pub(super) async fn of_clock() -> Option<Found> {
    let mut asked = tokio::process::Command::new("timedatectl");
    asked.args(["show", "--property=NTPSynchronized", "--value"]).kill_on_drop(true);
    let said = tokio::time::timeout(NEAR, asked.output()).await.ok()?.ok()?;
    match String::from_utf8_lossy(&said.stdout).trim() {
        "yes" => Some(good("clock", "it is set by a time server")),
        "no" => Some(warning(
            "clock",
            "no time server sets the clock of this host: codes and deadlines go wrong with it",
            "timedatectl set-ntp true, or install chrony",
        )),
        _ => None,
    }
}
