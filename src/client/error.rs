//! Why an engine did not do what was asked, found in what the libraries and the engine say.

use std::{error::Error, io};

use reqwest::Response;
use serde::Deserialize;

use super::{pin::OtherAuthority, way::Way};
use crate::domain::Refusal;

/// Why an engine did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClientError {
    /// Nobody is there.
    #[error("no engine answers on {at}: {reason}")]
    NoEngine {
        /// Where it should be.
        at: String,
        /// What was found instead, and what to do.
        reason: String,
    },
    /// A rule said no, or the thing asked about does not exist.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request made no sense to the engine.
    #[error("{0}")]
    Invalid(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Deserialize)]
struct ErrorDetail {
    code: String,
    message: String,
    hint: Option<String>,
}

/// What an answer says that is none.
pub(super) async fn refusal(response: Response) -> ClientError {
    let status = response.status().as_u16();
    match response.json::<ErrorBody>().await {
        Ok(ErrorBody { error: ErrorDetail { code, message, hint } }) => match status {
            401 | 403 | 404 | 409 => ClientError::Refused(Refusal::told(code, message, hint)),
            status => {
                // How a request is written is this program's own affair.
                let hint = hint.filter(|hint| !hint.starts_with("GET "));
                let told = hint.map_or_else(|| message.clone(), |hint| format!("{message}; {hint}"));
                if matches!(status, 400 | 413) { ClientError::Invalid(told) } else { ClientError::Failed(told) }
            }
        },
        Err(_) => ClientError::Failed(format!(
            "the engine answered with status {status}, and not in its own words; codeblue doctor says how it is"
        )),
    }
}

/// An answer that is no answer of an engine.
pub(super) fn unreadable(error: &dyn std::fmt::Display) -> ClientError {
    ClientError::Failed(format!("the engine's answer is not readable: {error}"))
}

/// Tells a missing engine from a dead one from one that is somebody else's.
pub(super) fn unreachable(way: &Way, error: &reqwest::Error) -> ClientError {
    let found = Found::in_chain(error);
    let reason = match way {
        Way::Socket(_) => on_socket(found.kind).map(str::to_owned),
        Way::Ssh(tunnel, address) => behind_ssh(found.kind).map(|what| {
            let said = tunnel.said();
            let said = if said.is_empty() { String::new() } else { format!(" ({said})") };
            format!("ssh comes through to {}, but {what}{said}", address.host)
        }),
        Way::Tls(_) => over_tls(&found),
    };
    match reason {
        Some(reason) => ClientError::NoEngine { at: way.place(), reason },
        None if error.is_timeout() => ClientError::Failed("the engine did not answer in time; nobody knows whether it was done: look before you ask again, and codeblue doctor says how it is".to_owned()),
        None => ClientError::Failed(format!("the connection to the engine broke: {error}; look whether it was done before you ask again")),
    }
}

fn on_socket(kind: Option<io::ErrorKind>) -> Option<&'static str> {
    Some(match kind? {
        io::ErrorKind::NotFound => {
            "it was never started here, or another home is meant; start one with: codeblue serve"
        }
        io::ErrorKind::ConnectionRefused => "it has died and left its socket behind; start it with: codeblue serve",
        io::ErrorKind::PermissionDenied => {
            "the socket belongs to another user: act as that one, or have [access] socket_group of its platform file name a group of yours"
        }
        _ => return None,
    })
}

fn behind_ssh(kind: Option<io::ErrorKind>) -> Option<&'static str> {
    Some(match kind? {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => "it has just ended; try again",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            "no engine answers on its socket there, the account may not open it, or sshd may not forward it \
             (AllowTcpForwarding and AllowStreamLocalForwarding); if something was to be done, look whether it was"
        }
        _ => return None,
    })
}

fn over_tls(found: &Found<'_>) -> Option<String> {
    use rustls::{AlertDescription as Alert, CertificateError, Error};
    if let Some(other) = &found.other {
        return Some(format!(
            "it is ANOTHER engine than the one that is trusted, or somebody in between: {other}; if it was set up anew, compare \
             with `codeblue host certificate` there, then: codeblue host remove NAME, and codeblue host add NAME"
        ));
    }
    let said = match found.tls {
        Some(Error::AlertReceived(Alert::CertificateExpired)) => "the certificate shown to it has expired; a technical lead issues another there: codeblue operator certificate NAME".to_owned(),
        Some(Error::AlertReceived(
            Alert::UnknownCA | Alert::BadCertificate | Alert::DecryptError | Alert::CertificateUnknown,
        )) => {
            "it does not know the authority of the certificate shown to it: show the one that this engine has issued".to_owned()
        }
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "its certificate is not for this name; add the name to names in [listen] of its platform file".to_owned(),
        Some(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
            "its certificate has expired, or the clock of this host is wrong".to_owned()
        }
        Some(error) => format!("TLS: {error}"),
        None => match found.kind? {
            io::ErrorKind::ConnectionRefused => {
                "nothing listens there; the platform file of that host says where: [listen] tls".to_owned()
            }
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                "it closed the connection; it may have too many: try again in a minute".to_owned()
            }
            io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                "the host cannot be reached from here: see whether it is up, and whether a firewall is between".to_owned()
            }
            _ => return None,
        },
    };
    Some(said)
}

/// What is at the bottom of an error.
#[derive(Default)]
struct Found<'a> {
    kind: Option<io::ErrorKind>,
    tls: Option<&'a rustls::Error>,
    other: Option<OtherAuthority>,
}

impl<'a> Found<'a> {
    fn in_chain(error: &'a reqwest::Error) -> Self {
        let mut found = Self::default();
        let mut cause: Option<&'a (dyn Error + 'static)> = Some(error);
        while let Some(current) = cause {
            let io = current.downcast_ref::<io::Error>();
            found.kind = io.map(io::Error::kind).or(found.kind);
            found.tls = found.tls.or_else(|| current.downcast_ref());
            // Whoever listened hung up without a word: whether that is seen as a reset or as an end is chance.
            if current.downcast_ref().is_some_and(hyper::Error::is_incomplete_message) {
                found.kind = found.kind.or(Some(io::ErrorKind::UnexpectedEof));
            }
            // What an error of I/O was made from is not its source.
            let made_from = io.and_then(io::Error::get_ref);
            cause = made_from.map(|inner| inner as &(dyn Error + 'static)).or_else(|| current.source());
        }
        if let Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))) = found.tls {
            found.other = other.0.downcast_ref::<OtherAuthority>().cloned();
        }
        found
    }
}
