//! How an engine is reached, as people write it: `unix:PATH`, `https://HOST:PORT`, `ssh://[USER@]HOST[:PORT][/PATH]`.

use std::{fmt, path::PathBuf, str::FromStr};

use rustls::pki_types::ServerName;

/// A longer text is no address.
const LONGEST: usize = 1024;
/// The port of the engine when none is named.
const PORT: u16 = 8443;

/// How an engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostAddress {
    /// Its socket on this host.
    Unix(PathBuf),
    /// Over TLS.
    Tls(TlsAddress),
    /// Its socket on another host, through the system's OpenSSH.
    Ssh(SshAddress),
}

/// A host and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsAddress {
    /// Its name or its address.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// An account on another host, as OpenSSH knows it: `host` may be an alias of the user's own configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAddress {
    /// The account; none: as the configuration says.
    pub user: Option<String>,
    /// The host.
    pub host: String,
    /// The port; none: as the configuration says.
    pub port: Option<u16>,
    /// The engine's socket there; none: that of the account's own home, which `codeblue` there is asked for.
    pub socket: Option<String>,
}

/// A text that is no address of a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address of a host: {why}")]
pub struct BadAddress {
    text: String,
    why: String,
}

impl fmt::Display for TlsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "https://[{}]:{}", self.host, self.port),
            false => write!(f, "https://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for SshAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        write!(f, "ssh://{user}{host}{port}{}", self.socket.as_deref().unwrap_or_default())
    }
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tls(address) => address.fmt(f),
            Self::Ssh(address) => address.fmt(f),
        }
    }
}

impl FromStr for HostAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |why: &str| BadAddress { text: text.chars().take(80).collect(), why: why.to_owned() };
        if text.len() > LONGEST || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(bad("it is too long, or has blanks in it"));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(bad("expected unix:PATH")) } else { Ok(Self::Unix(path.into())) };
        }
        if let Some(rest) = text.strip_prefix("https://") {
            let (host, port) =
                authority(rest.trim_end_matches('/')).ok_or_else(|| bad("expected https://HOST:PORT"))?;
            if ServerName::try_from(host.as_str()).is_err() {
                return Err(bad("expected https://HOST:PORT, with nothing after the port"));
            }
            return Ok(Self::Tls(TlsAddress { host, port: port.unwrap_or(PORT) }));
        }
        if let Some(rest) = text.strip_prefix("ssh://") {
            return ssh(rest).map(Self::Ssh).map_err(bad);
        }
        Err(bad("expected unix:PATH, https://HOST:PORT or ssh://[USER@]HOST[:PORT][/PATH/TO/engine.sock]"))
    }
}

fn ssh(rest: &str) -> Result<SshAddress, &'static str> {
    let (account, socket) = match rest.find('/') {
        Some(place) => (&rest[..place], Some(rest[place..].to_owned()).filter(|path| path != "/")),
        None => (rest, None),
    };
    let (user, host) = match account.rsplit_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, account),
    };
    let (host, port) = authority(host).ok_or("expected ssh://[USER@]HOST[:PORT][/PATH/TO/engine.sock]")?;
    // OpenSSH would take them for options.
    if host.starts_with('-') || user.as_ref().is_some_and(|user| user.starts_with('-') || user.is_empty()) {
        return Err("neither the host nor the user begins with \"-\" or is empty");
    }
    if socket.as_ref().is_some_and(|path| path.contains(':')) {
        return Err("OpenSSH cannot forward a socket whose path has a \":\" in it");
    }
    Ok(SshAddress { user, host, port, socket })
}

/// A host and its port, where one is named.
fn authority(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map(str::parse).transpose().ok()?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_is_written() {
        for text in [
            "unix:/run/codeblue/engine.sock",
            "https://db1.example:8443",
            "https://[2001:db8::1]:443",
            "ssh://db1",
            "ssh://ops@db1:2222/run/user/1000/codeblue/run/engine.sock",
            "ssh://[fe80::1]:22",
        ] {
            let address: HostAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
        assert_eq!("https://db1/".parse::<HostAddress>().expect("a host").to_string(), "https://db1:8443");
        assert_eq!("ssh://db1/".parse::<HostAddress>().expect("a host").to_string(), "ssh://db1");
    }

    #[test]
    fn what_ssh_or_tls_would_misunderstand_is_no_address() {
        for text in [
            "",
            "db1",
            "http://db1:80",
            "unix:",
            "https://",
            "https://db1:port",
            "https://db1:8443/api",
            "https://user@db1:8443",
            "https://[::1",
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://-l@db1",
            "ssh://@db1",
            "ssh://db1:22222222",
            "ssh://db1/a:b",
            "ssh://db1 -oProxyCommand=x",
            "ssh://db1\u{1b}[2J",
        ] {
            assert!(text.parse::<HostAddress>().is_err(), "{text:?}");
        }
    }
}
