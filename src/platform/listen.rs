//! Where the engine listens beyond its socket.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

/// An address on which the engine answers over TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listen {
    /// The address. Port 0 lets the system choose one.
    pub tls: SocketAddr,
    /// Names and addresses by which others reach this host, beside those it knows of itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// A certificate of one's own; without, the engine makes one under its own authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateFiles>,
}

/// Files of a certificate, as PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateFiles {
    /// The certificate, and after it those that lead to its authority.
    pub cert: PathBuf,
    /// Its private key, which nobody else may read.
    pub key: PathBuf,
}
