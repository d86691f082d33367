//! Which engine `--host` means, and how it is reached: what its entry in the settings says, and whom a person trusts on first use.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{code, danger, error::CliError};
use crate::client::{
    BadAddress, Client, HostAddress, TlsAddress, Trust, fingerprint_at,
    hosts::{self, HostEntry},
};

/// A larger file holds no certificate.
const LARGEST: u64 = 1 << 20;

/// What the command line says about it.
pub(super) struct Wish<'a> {
    /// As written after `--host`.
    pub(super) host: &'a str,
    /// The operator to be.
    pub(super) named: Option<String>,
    /// A file with a token.
    pub(super) token_file: Option<&'a Path>,
    /// A file with a certificate and its key.
    pub(super) certificate: Option<&'a Path>,
}

/// A connection to the engine meant; over TLS it may take a look at the host, and ask a person.
pub(super) fn client(settings: &Path, wish: Wish<'_>) -> Result<Client, CliError> {
    let entry = entry(settings, wish.host)?;
    let address: HostAddress = entry.address.parse().map_err(|bad| CliError::Usage(format!("--host: {bad}")))?;
    let client = match address {
        HostAddress::Unix(path) => Client::unix(&path, wish.named)?,
        HostAddress::Ssh(address) => Client::ssh(address, wish.named)?,
        HostAddress::Tls(address) => {
            let fingerprint = match &entry.fingerprint {
                Some(fingerprint) => fingerprint.clone(),
                None => trusted_on_first_use(settings, &entry, &address)?,
            };
            let file = wish.certificate.or(entry.certificate.as_deref());
            let certificate = file.map(certificate_in).transpose()?;
            Client::tls(address, Trust { fingerprint, certificate })?.named(wish.named)
        }
    };
    let token = wish.token_file.or(entry.token_file.as_deref()).map(code::token_in).transpose()?;
    Ok(client.with_token(token))
}

/// A connection to a named engine for which nobody is asked anything: with what its entry says, and nothing else.
pub(super) fn unasked(entry: &HostEntry, named: Option<String>) -> Result<Client, CliError> {
    let address = entry.address.parse().map_err(|bad: BadAddress| CliError::Usage(bad.to_string()))?;
    let client = match address {
        HostAddress::Unix(path) => Client::unix(&path, named)?,
        HostAddress::Ssh(address) => Client::ssh(address, named)?,
        HostAddress::Tls(address) => {
            let fingerprint = entry.fingerprint.clone().ok_or_else(|| {
                CliError::Usage(format!("nobody has trusted it yet; codeblue --host {} status asks", entry.name))
            })?;
            let certificate = entry.certificate.as_deref().map(certificate_in).transpose()?;
            Client::tls(address, Trust { fingerprint, certificate })?
        }
    };
    Ok(client.with_token(entry.token_file.as_deref().map(code::token_in).transpose()?))
}

/// The entry of a name, or of an address; an address that nobody has named has one of its own.
pub(super) fn entry(settings: &Path, host: &str) -> Result<HostEntry, CliError> {
    let known = hosts::hosts(settings).map_err(|error| CliError::Usage(error.to_string()))?;
    if hosts::is_name(host) {
        let found = known.iter().find(|entry| entry.name == host).cloned();
        return found.ok_or_else(|| CliError::Usage(format!("--host: {}", hosts::unknown(host, &known))));
    }
    let address: HostAddress = host.parse().map_err(|bad| CliError::Usage(format!("--host: {bad}")))?;
    let written = address.to_string();
    let is_same = |entry: &&HostEntry| entry.address.parse() == Ok(address.clone());
    Ok(known.iter().find(is_same).cloned().unwrap_or(HostEntry {
        name: suggested(&address),
        address: written,
        fingerprint: None,
        token_file: None,
        certificate: None,
    }))
}

/// What a host could be called.
fn suggested(address: &HostAddress) -> String {
    let host = match address {
        HostAddress::Unix(_) => "local",
        HostAddress::Tls(address) => &address.host,
        HostAddress::Ssh(address) => &address.host,
    };
    let name: String = host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    name.trim_matches('-').chars().take(64).collect()
}

/// The fingerprint of a host that nobody has trusted yet, once a person has.
pub(super) fn trusted_on_first_use(
    settings: &Path,
    entry: &HostEntry,
    address: &TlsAddress,
) -> Result<String, CliError> {
    let shown = fingerprint_at(address)
        .map_err(|error| CliError::NoEngine(format!("no engine answers on {address} over TLS: {error}")))?;
    let HostEntry { name, address, .. } = entry;
    if !danger::can_ask() {
        return Err(CliError::Usage(format!(
            "nobody has trusted {address} yet, and there is no terminal to ask on. It shows {shown}; compare that with \
             `codeblue host certificate` there, then:\ncodeblue host add {name} {address} --fingerprint {shown}"
        )));
    }
    let told = format!(
        "{address} is not known here. It shows the fingerprint\n\n    {shown}\n\nCompare it with what `codeblue host certificate` \
         tells on that host. It is remembered as host {name}, in {}.",
        settings.display()
    );
    danger::ask("yes", &told, None)?;
    let known = hosts::hosts(settings).map_err(|error| CliError::Usage(error.to_string()))?;
    let is_there = known.iter().any(|host| host.name == *name);
    let kept = HostEntry { fingerprint: Some(shown.clone()), ..entry.clone() };
    let changed = if is_there { hosts::remove(settings, name) } else { Ok(()) };
    changed.and_then(|()| hosts::add(settings, &kept)).map_err(|error| CliError::Failed(error.to_string()))?;
    Ok(shown)
}

/// The certificate in a file, and its key, which nobody else may read.
fn certificate_in(path: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), CliError> {
    let wrong = |what: String| CliError::Usage(format!("certificate {}: {what}", path.display()));
    let failed = |error: io::Error| wrong(error.to_string());
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
        return Err(wrong(format!("others can read its key; run: chmod 600 {}", path.display())));
    }
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text).map_err(failed)?;
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| wrong(format!("its private key: {error}")))?;
    match chain.is_empty() {
        true => Err(wrong("it holds no certificate; codeblue operator certificate NAME makes one".to_owned())),
        false => Ok((chain, key)),
    }
}

/// A path as the settings are to hold it.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
