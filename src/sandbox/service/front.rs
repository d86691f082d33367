//! The front of `patient-api`: TLS for the world, passed on as it is to the service's own port. Services of the sandbox reach each
//! other without it.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

use super::{
    super::{catalogue, files, layout::Layout},
    context::Context,
};

const HANDSHAKE: Duration = Duration::from_secs(2);
const BEFORE_ANOTHER_TRY: Duration = Duration::from_millis(500);

/// The front, with the certificate that it shows.
pub(super) struct Front {
    context: Arc<Context>,
    shown: RwLock<Option<Arc<ServerConfig>>>,
}

impl Front {
    /// Takes connections from now on.
    pub(super) fn open(context: Arc<Context>) -> Arc<Self> {
        let front = Arc::new(Self { context, shown: RwLock::new(None) });
        front.reload();
        tokio::spawn(Arc::clone(&front).take());
        front
    }

    /// Shows the certificate that is in its file now, from the next connection on.
    pub(super) fn reload(&self) {
        match certificate(&self.context.layout) {
            Ok(config) => *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(config)),
            Err(problem) => {
                self.context.log.error(&format!("certificate not read, the old one stays: {problem}"));
            }
        }
    }

    async fn take(self: Arc<Self>) {
        let port = self.context.layout.port(catalogue::FRONT);
        loop {
            let failed = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(listener) => self.accept_from(&listener).await,
                Err(error) => error,
            };
            self.context.log.error(&format!("the front takes no connection on port {port}: {failed}"));
            sleep(BEFORE_ANOTHER_TRY).await;
        }
    }

    /// Until none can be accepted any more; why.
    async fn accept_from(&self, listener: &TcpListener) -> io::Error {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => return error,
            };
            let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(shown) = shown else { continue };
            let own = self.context.port();
            // that a connection breaks is for its two ends to tell
            tokio::spawn(pass_on(stream, shown, own));
        }
    }
}

async fn pass_on(stream: TcpStream, shown: Arc<ServerConfig>, to: u16) -> io::Result<()> {
    let mut asking = timeout(HANDSHAKE, TlsAcceptor::from(shown).accept(stream)).await??;
    let mut asked = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await?;
    copy_bidirectional(&mut asking, &mut asked).await.map(drop)
}

fn certificate(layout: &Layout) -> Result<ServerConfig, String> {
    let path = layout.certificate();
    let text = files::read(&path).map_err(|error| error.to_string())?;
    let text = text.ok_or_else(|| format!("{} is missing", path.display()))?;
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| error.to_string())?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
    config.map_err(|error| error.to_string())
}

/// A connection through the front, as somebody from outside makes one, who believes the sandbox's authority alone.
pub(super) async fn connect(layout: &Layout) -> Result<TlsStream<TcpStream>, String> {
    let port = layout.port(catalogue::FRONT);
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| error.to_string())?;
    let name = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
    let connected = TlsConnector::from(believing(layout)?).connect(name, stream).await;
    connected.map_err(|error| format!("its certificate is not accepted: {error}"))
}

/// The authority stays as long as the sandbox.
fn believing(layout: &Layout) -> Result<Arc<ClientConfig>, String> {
    static BELIEVING: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = BELIEVING.get() {
        return Ok(Arc::clone(config));
    }
    let text = files::read(&layout.authority()).map_err(|error| error.to_string())?.unwrap_or_default();
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&text) {
        let added = authority.map_err(|error| error.to_string()).map(|authority| roots.add(authority));
        added?.map_err(|error| error.to_string())?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(BELIEVING.get_or_init(|| Arc::new(config))))
}
