//! Which way an engine is reached, and what every connection there has in common.

use std::{path::Path, sync::Arc};

use super::{
    ClientError,
    address::{SshAddress, TlsAddress},
    tunnel::Tunnel,
};

/// Which way an engine is reached.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// Its socket on this host.
    Socket(Arc<Path>),
    /// Over TLS.
    Tls(Arc<TlsAddress>),
    /// Its socket on another host.
    Ssh(Arc<Tunnel>, Arc<SshAddress>),
}

impl Way {
    /// As people name it.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Socket(path) => path.display().to_string(),
            Self::Tls(address) => address.to_string(),
            Self::Ssh(_, address) => address.to_string(),
        }
    }

    /// What stands before each path.
    pub(super) fn base(&self) -> String {
        match self {
            Self::Socket(_) | Self::Ssh(..) => "http://engine".to_owned(),
            Self::Tls(address) => address.to_string(),
        }
    }

    /// Waits until it is there.
    pub(super) async fn ready(&self) -> Result<(), ClientError> {
        match self {
            Self::Socket(_) | Self::Tls(_) => Ok(()),
            Self::Ssh(tunnel, _) => tunnel.ready().await,
        }
    }
}

/// What every connection over HTTP has in common.
pub(super) fn builder() -> reqwest::ClientBuilder {
    // Without a provider the HTTP library panics, even where there is no TLS; one may be there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        // A connection kept from before an engine's end breaks under a command, and nobody knows whether it was heard.
        .pool_max_idle_per_host(0)
}

/// A connection over HTTP on a socket of this host.
pub(super) fn on_socket(socket: &Path) -> Result<reqwest::Client, ClientError> {
    let http = builder().unix_socket(socket).tls_certs_only([]).build();
    http.map_err(|error| ClientError::Failed(error.to_string()))
}
