//! What the doctor sees around the engine: the hosts that are named here, its log, the disks, the clock.

use std::{fs, os::unix::fs::MetadataExt, path::PathBuf, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;

use super::{
    doctor::{Found, good, mode, warning, wrong},
    doctor_tls,
    log_file::LogFile,
    session::Session,
    text,
};
use crate::{
    client::{ClientError, HostAddress, hosts},
    engine::Home,
    platform::{self, ReplicaPlace, count},
};

/// Free space below which the journal is soon in danger.
const SPACE_BAD: u64 = 200 * 1024 * 1024;
/// Free space below which it is worth a look.
const SPACE_WARN: u64 = 2 * 1024 * 1024 * 1024;
/// How long an engine elsewhere may take to answer; one more login may be needed to find it.
const ANSWER: Duration = Duration::from_secs(40);
/// How long an address of this host may take.
const NEAR: Duration = Duration::from_secs(10);

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
    if let Some(found) = of_shown(entry, session.now()) {
        return found;
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

/// What is wrong with what is shown to a host: others may read it, or it counts no longer.
fn of_shown(entry: &hosts::HostEntry, now: DateTime<Utc>) -> Option<Found> {
    let name = &entry.name;
    let files = [(&entry.token_file, "token"), (&entry.certificate, "certificate")];
    for (file, kind) in files {
        let Some(file) = file else { continue };
        let Some(mode) = mode(file) else {
            let told = format!("{name}: {} is not there, or cannot be read", file.display());
            return Some(wrong(
                "host",
                told,
                format!("put the {kind} there, or name another: codeblue host add {name}"),
            ));
        };
        if mode & 0o077 != 0 {
            let told = format!("{name}: others may read the {kind} in {}", file.display());
            let todo =
                format!("chmod 600 {}; who could read it meanwhile may have it: revoke it on {name}", file.display());
            return Some(wrong("host", told, todo));
        }
    }
    let file = entry.certificate.as_ref()?;
    let ends_at = doctor_tls::end_of(file)?;
    let todo = format!("on {name}: codeblue operator certificate NAME --for 90d");
    match ends_at - now {
        left if left <= TimeDelta::zero() => {
            let told = format!("{name}: the certificate in {} has ended at {}", file.display(), text::moment(ends_at));
            Some(wrong("host", told, todo))
        }
        left if left < doctor_tls::SOON => {
            let told = format!("{name}: the certificate in {} ends in {}", file.display(), text::span(left));
            Some(warning("host", told, todo))
        }
        _ => None,
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

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, path::Path};

    use super::*;
    use crate::cli::doctor::Health;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
    }

    #[test]
    fn what_is_shown_to_a_host_is_for_this_user_alone_and_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let (token, certificate) = (folder.path().join("db1.token"), folder.path().join("alice.pem"));
        let entry = |token_file: Option<&PathBuf>, certificate: Option<&PathBuf>| hosts::HostEntry {
            name: "db1".to_owned(),
            address: "https://db1".to_owned(),
            fingerprint: None,
            token_file: token_file.cloned(),
            certificate: certificate.cloned(),
        };
        let now: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().expect("a time");
        let told = |entry: &hosts::HostEntry| of_shown(entry, now).map(|found| (found.state, found.found));

        write(&token, "cb_x", 0o600);
        assert_eq!(told(&entry(Some(&token), None)), None);
        write(&token, "cb_x", 0o640);
        let (state, found) = told(&entry(Some(&token), None)).expect("its group may read it");
        assert!(state == Health::Wrong && found.contains("others may read the token") && found.contains("db1.token"));
        let gone = folder.path().join("gone.token");
        assert!(told(&entry(Some(&gone), None)).expect("it is gone").1.contains("is not there"));

        for (ends, state, words) in [
            ((2026, 2, 28), Some(Health::Wrong), "has ended at 2026-02-28"),
            ((2026, 3, 10), Some(Health::Warning), "ends in 9d"),
            ((2026, 6, 1), None, ""),
        ] {
            write(&certificate, &doctor_tls::tests::certificate("alice", ends).0, 0o600);
            let found = told(&entry(None, Some(&certificate)));
            assert_eq!(found.as_ref().map(|(state, _)| *state), state, "{found:?}");
            assert!(found.is_none_or(|(_, found)| found.contains(words)), "{ends:?}");
        }
    }
}
