//! An engine that is reached from other hosts over TLS: who is let in, who is trusted, and what is said to everybody else.

use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use chrono::{TimeDelta, Utc};
use codeblue::{
    client::{Client, ClientError, HostAddress, TlsAddress, Trust, Update},
    domain::{Command, Event, TokenId, TokenScope, TokenSecret},
    engine::{CertificateRequest, IssuedCertificate, TlsFigures},
};
use rcgen::{KeyPair, PublicKeyData};
use reqwest::{Method, StatusCode};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::served::{Bed, Served};

/// An engine that listens over TLS on a port that the system chose.
pub async fn listening() -> Served {
    let bed = Bed::new("drill").await;
    let file = bed.path("home/codeblue.toml");
    let text = std::fs::read_to_string(&file).unwrap() + "[listen]\ntls = \"127.0.0.1:0\"\nnames = [\"db1.example\"]\n";
    std::fs::write(&file, text).unwrap();
    Served::of(bed).await
}

pub fn figures(served: &Served) -> TlsFigures {
    served.server.as_ref().unwrap().tls().expect("it listens over TLS")
}

pub fn address(served: &Served) -> TlsAddress {
    let written = format!("https://{}", figures(served).address);
    let Ok(HostAddress::Tls(address)) = written.parse() else { panic!("{written}") };
    address
}

/// A token of an operator, as it is shown.
pub async fn token(served: &Served, who: &str, scope: TokenScope, lives: TimeDelta) -> (TokenId, TokenSecret) {
    let secret = TokenSecret::of(rand::random());
    let name = secret.hash()[..12].to_owned();
    let expires_at = served.handle().now() + lives;
    let command = Command::CreateToken { name, scope, hash: secret.hash(), expires_at };
    let answer = served.client(Some(who)).submit(&command).await.unwrap();
    let id = answer.events.iter().find_map(|recorded| match recorded.event {
        Event::TokenCreated { token, .. } => Some(token),
        _ => None,
    });
    (id.unwrap(), secret)
}

/// A certificate that a technical lead had issued, with its key.
pub async fn certificate(served: &Served, who: &str) -> (IssuedCertificate, String) {
    let key = KeyPair::generate().unwrap();
    let request = CertificateRequest {
        operator: who.to_owned(),
        public_key: hex::encode(key.der_bytes()),
        expires_at: served.handle().now() + TimeDelta::days(90),
    };
    let issued = served.client(Some("alice")).issue_certificate(&request).await.unwrap();
    (issued, key.serialize_pem())
}

fn shown(certificate: &str, key: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).map(Result::unwrap).collect();
    (chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
}

fn client(served: &Served, certificate: Option<(&str, &str)>) -> Client {
    let certificate = certificate.map(|(certificate, key)| shown(certificate, key));
    Client::tls(address(served), Trust { fingerprint: figures(served).fingerprint, certificate }).unwrap()
}

fn rule<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> String {
    match answer {
        Err(ClientError::Refused(refusal)) => refusal.rule,
        other => format!("{other:?}"),
    }
}

/// A connection over TLS over which anything can be sent.
pub async fn raw(served: &Served) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(figures(served).authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(figures(served).address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// What the engine says to such bytes, up to where it hangs up or says no more for a moment.
pub async fn says(served: &Served, bytes: &[u8]) -> String {
    let mut stream = raw(served).await;
    // It may hang up before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut buffer)).await {
        said.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_further_than_its_health_without_a_token_or_a_certificate() {
    let served = listening().await;
    let stranger = client(&served, None);
    for path in ["/api/v1/state", "/api/v1/whoami", "/metrics", "/api/v1/openapi.json", "/api/emergency/status", "/x"] {
        assert_eq!(rule(stranger.get::<Value>(path).await), "no-identity", "{path}");
    }
    for path in [
        "/healthz/",
        "//healthz",
        "/healthz/../api/v1/state",
        "/./api/v1/state",
        "//api/v1/state",
        "/HEALTHZ",
        "/%2e%2e/api/v1/state",
        "/healthz%00",
        "/healthz;/api/v1/state",
        "http://engine/api/v1/state",
        "*",
    ] {
        let said =
            says(&served, format!("GET {path} HTTP/1.1\r\nhost: e\r\nconnection: close\r\n\r\n").as_bytes()).await;
        let status = said.split(' ').nth(1).unwrap_or_default();
        assert!(["400", "401", "404"].contains(&status), "{path}: {said}");
        assert!(!said.contains("Clinic"), "{path} tells of the platform: {said}");
    }
    let health = says(&served, b"GET /healthz HTTP/1.1\r\nhost: e\r\nconnection: close\r\n\r\n").await;
    assert!(health.starts_with("HTTP/1.1 200") && health.ends_with("ok\n"), "{health}");

    // A name that is only claimed is worth nothing here, not even in a drill.
    assert_eq!(rule(stranger.named(Some("alice".to_owned())).whoami().await), "no-identity");
    let unknown = TokenSecret::of([7; 32]);
    assert_eq!(rule(stranger.with_token(Some(unknown)).whoami().await), "token-unknown");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_over_tls_for_what_it_may_as_long_as_it_does() {
    let served = listening().await;
    let at = client(&served, None);
    let month = TimeDelta::days(30);
    let (_, act) = token(&served, "erin", TokenScope::Act, month).await;
    let (id, read) = token(&served, "erin", TokenScope::Read, month).await;
    let (_, report) = token(&served, "erin", TokenScope::Report, month).await;
    let (_, brief) = token(&served, "erin", TokenScope::Act, TimeDelta::milliseconds(300)).await;
    let with = |secret: &TokenSecret| at.with_token(Some(secret.clone()));
    let halt = Command::HaltAutomation { reason: "from afar".to_owned() };

    assert_eq!(with(&act).whoami().await.unwrap().name, "erin");
    with(&act).submit(&halt).await.unwrap();
    assert_eq!(rule(with(&act).submit(&Command::ReleaseAutomation).await), "token-may-not", "what is dangerous");
    assert_eq!(rule(with(&read).submit(&halt).await), "token-scope");
    assert_eq!(rule(with(&report).state().await), "token-scope");
    assert_eq!(rule(with(&act).named(Some("alice".to_owned())).whoami().await), "token-of-another");

    let expired = async {
        while rule(with(&brief).whoami().await) != "token-expired" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), expired).await.expect("it expires");

    // A stream that runs ends with the token that opened it.
    let (sender, mut news) = tokio::sync::mpsc::channel(64);
    let reader = with(&read);
    tokio::spawn(async move { reader.follow(sender).await });
    let mut wait = async |wished: fn(&Update) -> bool| {
        let found = async { while !wished(&news.recv().await.unwrap()) {} };
        tokio::time::timeout(Duration::from_secs(30), found).await.expect("the stream says so");
    };
    wait(|update| matches!(update, Update::Live(_))).await;
    served.client(Some("erin")).submit(&Command::RevokeToken { token: id }).await.unwrap();
    wait(|update| matches!(update, Update::Lost(_))).await;
    assert_eq!(rule(with(&read).whoami().await), "token-revoked");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_its_operator_until_it_is_revoked() {
    let served = listening().await;
    let (issued, key) = certificate(&served, "erin").await;
    let erin = client(&served, Some((&issued.certificate, &key)));
    assert_eq!(erin.whoami().await.unwrap().name, "erin");
    erin.submit(&Command::HaltAutomation { reason: "from afar".to_owned() }).await.unwrap();
    assert_eq!(rule(erin.named(Some("alice".to_owned())).whoami().await), "certificate-of-another");
    let own = CertificateRequest {
        operator: "erin".to_owned(),
        public_key: hex::encode(KeyPair::generate().unwrap().der_bytes()),
        expires_at: served.handle().now() + TimeDelta::days(1),
    };
    assert_eq!(rule(erin.issue_certificate(&own).await), "role-needed");
    let alice = served.client(Some("alice"));
    for (expires_at, public_key, told) in [
        (chrono::DateTime::<Utc>::MAX_UTC, own.public_key.clone(), "certificate-time"),
        (chrono::DateTime::<Utc>::MIN_UTC, own.public_key.clone(), "certificate-time"),
        (own.expires_at, "04".repeat(66), "certificate-key"),
        (own.expires_at, "no key".to_owned(), "certificate-key"),
    ] {
        let odd = CertificateRequest { operator: "erin".to_owned(), public_key, expires_at };
        assert_eq!(rule(alice.issue_certificate(&odd).await), told);
    }
    let record = served.handle().state().credentials.certificates[&issued.serial].clone();
    assert_eq!((record.fingerprint, record.issued_by.to_string()), (issued.fingerprint.clone(), "alice".to_owned()));

    let (looks, key_of_vic) = certificate(&served, "vic").await;
    let vic = client(&served, Some((&looks.certificate, &key_of_vic)));
    vic.state().await.expect("who may look looks");
    assert_eq!(rule(vic.submit(&Command::ReleaseAutomation).await), "operator-may-not");

    let revoke = Command::RevokeCertificate { serial: issued.serial.clone() };
    served.client(Some("alice")).submit(&revoke).await.unwrap();
    assert_eq!(rule(erin.whoami().await), "certificate-revoked");
    let refused = |recorded: &Event| {
        matches!(recorded, Event::CommandRefused { what, object, .. }
            if what == "showCertificate" && object.as_deref() == Some(issued.serial.as_str()))
    };
    let events = served.client(None).events(0, 10_000).await.unwrap();
    assert!(events.iter().any(|recorded| refused(&recorded.event)), "it is in the record that it was shown again");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_not_let_in() {
    let (served, other) = (listening().await, listening().await);
    let (issued, key) = certificate(&other, "alice").await;
    // Who is turned away may find the line cut before it has heard why.
    let mut told = Vec::new();
    for _ in 0..20 {
        told.push(client(&served, Some((&issued.certificate, &key))).whoami().await.unwrap_err().to_string());
        if told.last().is_some_and(|error| error.contains("authority of the certificate")) {
            break;
        }
    }
    assert!(told.last().unwrap().contains("authority of the certificate"), "{told:?}");
    assert_eq!(client(&other, Some((&issued.certificate, &key))).whoami().await.unwrap().name, "alice");
    served.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_trusted_on_and_another_engine_is_not() {
    let served = listening().await;
    let (_, secret) = token(&served, "erin", TokenScope::Read, TimeDelta::days(1)).await;
    let erin = client(&served, None).with_token(Some(secret.clone()));
    erin.whoami().await.unwrap();
    let before = figures(&served);
    let lasts = before.ends_at - Utc::now();
    assert!(lasts <= TimeDelta::days(397) && lasts > TimeDelta::days(390), "{lasts}");
    let renewed = served.client(Some("alice")).renew_certificate().await.unwrap();
    assert_eq!(renewed.fingerprint, before.fingerprint, "the authority stays");
    assert_ne!(renewed.certificate, before.certificate);
    assert_eq!(rule(served.client(Some("erin")).renew_certificate().await), "role-needed");
    erin.whoami().await.expect("who trusts the authority notices nothing");

    // A restart shows what was shown.
    let bed = served.stop().await;
    let served = Served::of(bed).await;
    assert_eq!(figures(&served).certificate, renewed.certificate);
    let mode = std::fs::metadata(served.bed.home.keys().join("authority.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let other = listening().await;
    let trust = Trust { fingerprint: figures(&served).fingerprint, certificate: None };
    let fooled = Client::tls(address(&other), trust).unwrap().with_token(Some(secret));
    let error = fooled.whoami().await.unwrap_err().to_string();
    assert!(error.contains(&figures(&served).fingerprint) && error.contains(&figures(&other).fingerprint), "{error}");
    served.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_bodies_that_try_something_get_the_right_no() {
    let served = listening().await;
    let (_, secret) = token(&served, "erin", TokenScope::Act, TimeDelta::days(1)).await;
    let head = format!("host: e\r\nconnection: close\r\nauthorization: Bearer {}\r\n", secret.expose());
    let post = format!("POST /api/v1/commands HTTP/1.1\r\n{head}content-type: application/json\r\n");
    let halt = r#"{"type": "haltAutomation", "reason": "replayed"}"#;
    let long = "a".repeat(600 * 1024);
    let large = format!("{{\"type\": \"haltAutomation\", \"reason\": \"{}\"}}", "a".repeat(300 * 1024));
    let many: String = (0..100).map(|number| format!("x-{number}: y\r\n")).collect();
    let length = halt.len();
    for (what, request, status) in [
        ("as it should be", format!("{post}content-length: {length}\r\n\r\n{halt}"), "200"),
        ("two lengths", format!("{post}content-length: {length}\r\ncontent-length: 5\r\n\r\n{halt}"), "400"),
        ("no length", format!("{post}content-length: many\r\n\r\n{halt}"), "400"),
        ("a line folded", format!("{post}x: y\r\n z\r\ncontent-length: {length}\r\n\r\n{halt}"), "400"),
        ("a blank before the colon", format!("{post}x : y\r\ncontent-length: {length}\r\n\r\n{halt}"), "400"),
        ("no HTTP", "\u{16}\u{3}\u{1}nothing\r\n\r\n".to_owned(), "400"),
        ("many headers", format!("GET /api/v1/whoami HTTP/1.1\r\n{head}{many}\r\n"), "431"),
        ("a large body", format!("{post}content-length: {}\r\n\r\n{large}", large.len()), "413"),
        ("another's name", format!("GET /api/v1/whoami HTTP/1.1\r\n{head}x-codeblue-as: alice\r\n\r\n"), "403"),
        ("a method nobody knows", format!("BREW /api/v1/state HTTP/1.1\r\n{head}\r\n"), "405"),
        ("a way through", format!("CONNECT e:80 HTTP/1.1\r\n{head}\r\n"), "4"),
    ] {
        let said = says(&served, request.as_bytes()).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{what}: {}", &said[..said.len().min(400)]);
    }

    // It hangs up in the middle of such a header, and the answer may be lost with that.
    let huge = says(&served, format!("GET /api/v1/whoami HTTP/1.1\r\n{head}x: {long}\r\n\r\n").as_bytes()).await;
    assert!(huge.is_empty() || huge.starts_with("HTTP/1.1 431"), "{huge}");

    // What is sent again with its key is done once, and a stranger who has seen the key gets nothing for it.
    let keyed = |head: &str| {
        let head = format!("POST /api/v1/commands HTTP/1.1\r\n{head}content-type: application/json\r\n");
        format!("{head}idempotency-key: k1\r\ncontent-length: {length}\r\n\r\n{halt}")
    };
    let first = says(&served, keyed(&head).as_bytes()).await;
    let again = says(&served, keyed(&head).as_bytes()).await;
    assert!(!first.contains("idempotency-replayed") && again.contains("idempotency-replayed: true"), "{again}");
    let stranger = says(&served, keyed("host: e\r\nconnection: close\r\n").as_bytes()).await;
    assert!(stranger.starts_with("HTTP/1.1 401") && !stranger.contains("replayed"), "{stranger}");
    served.stop().await;
}

/// The real program with a home of its own.
fn codeblue(home: &Path, arguments: &[&str]) -> Output {
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_codeblue"))
        .args(arguments)
        .env("CODEBLUE_HOME", home)
        .env_remove("CODEBLUE_TOKEN_FILE")
        .stdin(Stdio::null())
        .output();
    program.unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_trusted_once_named_and_meant_by_its_name() {
    let served = listening().await;
    let (_, secret) = token(&served, "erin", TokenScope::Act, TimeDelta::days(1)).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let home = elsewhere.path();
    let token_file = home.join("erin.token");
    let mut file = std::fs::File::create(&token_file).unwrap();
    file.set_permissions(std::fs::Permissions::from_mode(0o600)).unwrap();
    file.write_all(secret.expose().as_bytes()).unwrap();
    let url = address(&served).to_string();

    let unknown = codeblue(home, &["--host", &url, "status"]);
    let advice = said(&unknown);
    assert_eq!(unknown.status.code(), Some(2), "{advice}");
    let command = advice.lines().find_map(|line| line.strip_prefix("codeblue ")).expect("the command to give");
    assert!(command.contains(&figures(&served).fingerprint), "{command}");
    let mut words: Vec<&str> = command.split(' ').collect();
    words.extend(["--token-file", token_file.to_str().unwrap()]);
    words[2] = "db1";
    let added = codeblue(home, &words);
    assert_eq!(added.status.code(), Some(0), "{}", said(&added));

    for host in ["db1", &url] {
        let status = codeblue(home, &["--host", host, "status"]);
        assert!(status.status.success() && said(&status).contains("Clinic"), "{host}: {}", said(&status));
    }
    let listed: Value = serde_json::from_slice(&codeblue(home, &["host", "list", "--json"]).stdout).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["address"]), (&"db1".into(), &url.as_str().into()));
    let shown: Value = serde_json::from_slice(&codeblue(home, &["host", "show", "db1", "--json"]).stdout).unwrap();
    assert_eq!((&shown["answers"], &shown["operator"]), (&true.into(), &"erin".into()));
    let slip = codeblue(home, &["--host", "db2", "status"]);
    assert!(slip.status.code() == Some(2) && said(&slip).contains("did you mean \"db1\""), "{}", said(&slip));

    let settings = home.join("settings.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let other = format!("sha256:{}", "0".repeat(64));
    std::fs::write(&settings, text.replace(&figures(&served).fingerprint, &other)).unwrap();
    let refused = codeblue(home, &["--host", "db1", "status"]);
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    assert!(said(&refused).contains(&other) && said(&refused).contains(&figures(&served).fingerprint));
    assert!(codeblue(home, &["host", "remove", "db1"]).status.success());
    assert_eq!(codeblue(home, &["--host", "db1", "status"]).status.code(), Some(2));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_from_the_command_line_is_private_and_opens_the_engine_for_curl_too() {
    let served = listening().await;
    let home = served.bed.path("home");
    let out = served.bed.path("erin.pem");
    let out = out.to_str().unwrap();
    let issued = codeblue(&home, &["--as", "alice", "operator", "certificate", "erin", "--for", "10d", "--out", out]);
    assert!(issued.status.success(), "{}", said(&issued));
    assert_eq!(std::fs::metadata(out).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!said(&issued).contains("PRIVATE KEY"));
    let again = codeblue(&home, &["--as", "alice", "operator", "certificate", "erin", "--out", out]);
    assert_eq!(again.status.code(), Some(2), "a key is not written over: {}", said(&again));
    let refused = served.bed.path("no.pem");
    let refusal =
        codeblue(&home, &["--as", "erin", "operator", "certificate", "erin", "--out", refused.to_str().unwrap()]);
    assert!(refusal.status.code() == Some(3) && !refused.exists(), "{}", said(&refusal));

    let authority = served.bed.path("authority.pem");
    let pem = codeblue(&home, &["host", "certificate", "--pem"]);
    std::fs::write(&authority, &pem.stdout).unwrap();
    let curl = std::process::Command::new("curl")
        .args(["-sS", "--cacert", authority.to_str().unwrap(), "--cert", out])
        .arg(format!("{}/api/v1/whoami", address(&served)))
        .output();
    match curl {
        Err(_) => eprintln!("SKIPPED: there is no curl here"),
        Ok(output) => {
            let me: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
            assert_eq!(me["name"], "erin");
        }
    }
    let (status, _) = served.call("alice", Method::GET, "/api/v1/certificates", None).await;
    assert_eq!(status, StatusCode::OK);
    served.stop().await;
}
