//! Taking connections from other hosts over TLS, where the platform file says so. Whoever is at the other end is known by a token
//! or a certificate alone, so each of them gets little until it has shown one: few connections from one address, little time.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use hyper_util::server::graceful::GracefulShutdown;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};

use super::{
    identity::Peer,
    server::{ApiError, connection, drain},
};
use crate::{
    engine::{EngineHandle, Renewal, ServerCertificate, TlsFigures, certificate_fingerprint},
    platform::Listen,
};

/// Connections at the same time at most.
const CONNECTIONS: usize = 512;
/// Connections from one address at the same time at most.
const FROM_ONE: usize = 64;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How often is looked whether the certificate is due, or another one lies in its place.
const LOOK: Duration = Duration::from_secs(3600);

/// Where the engine listens over TLS, and what it shows there.
pub(super) struct Front {
    address: SocketAddr,
    listen: Listen,
    shown: Arc<Shown>,
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Shown(RwLock<(Arc<CertifiedKey>, TlsFigures)>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).0.clone())
    }
}

impl Front {
    /// What is shown to those who come in here.
    ///
    /// # Errors
    /// When there is no certificate to show.
    pub(super) fn open(
        engine: &EngineHandle,
        listen: &Listen,
        listener: &TcpListener,
    ) -> Result<(Self, TlsAcceptor), ApiError> {
        let refused = |reason: String| ApiError::Listen { address: listen.tls, reason };
        let address = listener.local_addr().map_err(|error| refused(error.to_string()))?;
        let certificate =
            engine.server_certificate(listen, Renewal::WhenDue).map_err(|error| refused(error.to_string()))?;
        let figures = TlsFigures::of(address, listen, &certificate);
        let key = usable(certificate).map_err(&refused)?;
        info!(%address, fingerprint = figures.fingerprint, "listens over TLS");
        let shown = Arc::new(Shown(RwLock::new((Arc::new(key), figures))));
        let config = config(engine, shown.clone()).map_err(&refused)?;
        Ok((Self { address, listen: listen.clone(), shown }, TlsAcceptor::from(Arc::new(config))))
    }

    /// What it shows.
    pub(super) fn figures(&self) -> TlsFigures {
        self.shown.0.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Shows the certificate that is to be shown now. Connections that are open stay.
    ///
    /// # Errors
    /// When there is none that could be shown; the one before is shown on.
    pub(super) fn renew(&self, engine: &EngineHandle, renewal: Renewal) -> Result<TlsFigures, String> {
        let certificate = engine.server_certificate(&self.listen, renewal).map_err(|error| error.to_string())?;
        let figures = TlsFigures::of(self.address, &self.listen, &certificate);
        let key = usable(certificate)?;
        let mut shown = self.shown.0.write().unwrap_or_else(PoisonError::into_inner);
        if shown.1.certificate != figures.certificate {
            info!(certificate = figures.certificate, ends_at = %figures.ends_at, "shows another certificate");
        }
        *shown = (Arc::new(key), figures.clone());
        Ok(figures)
    }

    /// Renews the certificate in time, for as long as the engine listens.
    pub(super) async fn keep(self: Arc<Self>, engine: EngineHandle, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Err(cause) = self.renew(&engine, Renewal::WhenDue) {
                warn!(cause, "the certificate for TLS was not renewed");
            }
        }
    }
}

fn usable(certificate: ServerCertificate) -> Result<CertifiedKey, String> {
    let key = ring::sign::any_supported_type(&certificate.key).map_err(|error| error.to_string())?;
    let certified = CertifiedKey::new(certificate.chain, key);
    match certified.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err("the private key is not that of the certificate".to_owned())
        }
        _ => Ok(certified),
    }
}

/// TLS 1.2 and 1.3. Who has a certificate of the engine's authority may show it, and nobody has to.
fn config(engine: &EngineHandle, shown: Arc<Shown>) -> Result<ServerConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    let authority = engine.authority_certificate().map_err(|error| error.to_string())?;
    roots.add(authority).map_err(|error| error.to_string())?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(|error| error.to_string())?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Takes connections until it is to stop. Beyond the bounds a connection is closed before anything was read from it.
pub(super) async fn accept(
    listener: Arc<TcpListener>,
    acceptor: TlsAcceptor,
    router: axum::Router,
    stop: CancellationToken,
) {
    let (graceful, fresh) = (GracefulShutdown::new(), TaskTracker::new());
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let places = Places::default();
    loop {
        let (stream, address) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(cause) => {
                    warn!(%cause, "accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let from = network(address.ip());
        let (Some(place), Ok(slot)) = (places.take(from), slots.clone().try_acquire_owned()) else {
            debug!(%from, "too many connections");
            continue;
        };
        let (acceptor, router) = (acceptor.clone(), router.clone());
        let (watcher, fresh) = (graceful.watcher(), fresh.token());
        tokio::spawn(async move {
            let _held = (place, slot);
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Err(_) => debug!(%from, "no handshake in time"),
                Ok(Err(cause)) => debug!(%from, %cause, "handshake"),
                Ok(Ok(stream)) => {
                    let peer = Peer::Guest { from, certificate: certificate(&stream) };
                    if let Err(cause) = watcher.watch(connection(stream, router, peer, fresh)).await {
                        debug!(%from, %cause, "connection");
                    }
                }
            }
        });
    }
    drop(listener);
    drain(graceful, fresh).await;
}

/// The fingerprint of the certificate that the other end has shown; the handshake has verified it.
fn certificate(stream: &TlsStream<TcpStream>) -> Option<Arc<str>> {
    let shown = stream.get_ref().1.peer_certificates()?.first()?;
    Some(certificate_fingerprint(shown).into())
}

/// Whose address it is: in IPv6 one customer has at least a whole network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

/// How many connections each address has.
#[derive(Clone, Default)]
struct Places(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One of them; it is given back when this is dropped.
struct Place {
    places: Places,
    of: IpAddr,
}

impl Places {
    fn take(&self, of: IpAddr) -> Option<Place> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = all.entry(of).or_default();
        if *taken >= FROM_ONE {
            return None;
        }
        *taken += 1;
        Some(Place { places: self.clone(), of })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = all.get_mut(&self.of) {
            *taken -= 1;
            if *taken == 0 {
                all.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_many_places_and_gets_them_back() {
        let places = Places::default();
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut taken: Vec<Place> = (0..FROM_ONE).map_while(|_| places.take(one)).collect();
        assert_eq!(taken.len(), FROM_ONE);
        assert!(places.take(one).is_none() && places.take(other).is_some());
        taken.pop();
        assert!(places.take(one).is_some());
        drop(taken);
        assert!(places.0.lock().unwrap().is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::1"), "::1");
    }
}
