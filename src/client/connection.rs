//! Questions and commands to an engine, whichever way it is reached.

use std::{path::Path, sync::Arc, time::Duration};

use reqwest::{Method, Response, header::ACCEPT_ENCODING};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    ClientError,
    address::{SshAddress, TlsAddress},
    body,
    error::{refusal, unreachable, unreadable},
    pin::{self, Shown},
    tunnel::Tunnel,
    way::{Way, builder, on_socket},
};
use crate::{
    diagnosis::{
        FoundArticle,
        patterns::{Seen, SeenPattern},
    },
    domain::{
        ArticleState, ClientCertificate, Command, DiagnosisId, ErrorGroup, History, Operator, Recorded, SnapshotId,
        State, TokenSecret, Vitals, Window,
    },
    engine::{
        AS_HEADER, Answer, CODE_HEADER, CertificateRequest, Code, ComponentDifference, DryRun, DryRunRequest, Enrolled,
        Enrolment, ErrorAnswer, ErrorBatch, EvidenceFigures, FiringAlert, IssuedCertificate, LibraryBook, LiveProof,
        PlatformDifference, PurgePreview, TlsFigures, TokenEntry,
    },
    platform::Sample,
    report::{ArticleReport, ArticleSummary},
    store::{CheckpointLine, ConsistencyProof},
};

/// How long an ordinary answer may take.
pub(super) const ANSWER: Duration = Duration::from_secs(30);
/// How long a connection to another host may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take for which the engine reads the live system or the vault.
const THOROUGH: Duration = Duration::from_secs(600);

/// A connection to an engine; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    way: Way,
    named: Option<String>,
    token: Option<TokenSecret>,
    code: Option<Code>,
}

/// What is shown to an engine over TLS, and whom it has to be.
#[derive(Debug)]
pub struct Trust {
    /// The fingerprint of its authority.
    pub fingerprint: String,
    /// The certificate to show, and its key.
    pub certificate: Option<Shown>,
}

impl Client {
    /// A connection to the engine on this socket, as the operator of this login; in a drill as the one named.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn unix(socket: &Path, named: Option<String>) -> Result<Self, ClientError> {
        let http = on_socket(socket)?;
        Ok(Self { http, way: Way::Socket(socket.into()), named, token: None, code: None })
    }

    /// A connection over TLS to the engine that is trusted there.
    ///
    /// # Errors
    /// When the certificate to be shown cannot be used.
    pub fn tls(address: TlsAddress, trust: Trust) -> Result<Self, ClientError> {
        let config = pin::trusting(&trust.fingerprint, trust.certificate)
            .map_err(|error| ClientError::Invalid(format!("the certificate to show cannot be used: {error}")))?;
        let http = builder().tls_backend_preconfigured(config).https_only(true).connect_timeout(CONNECT).build();
        let http = http.map_err(|error| ClientError::Failed(error.to_string()))?;
        Ok(Self { http, way: Way::Tls(Arc::new(address)), named: None, token: None, code: None })
    }

    /// A connection through the system's OpenSSH; it is made when something is asked, and again when it was lost.
    ///
    /// # Errors
    /// When there is no place for a socket.
    pub fn ssh(address: SshAddress, named: Option<String>) -> Result<Self, ClientError> {
        let tunnel = Tunnel::to(&address)?;
        let http = on_socket(&tunnel.socket())?;
        Ok(Self { http, way: Way::Ssh(Arc::new(tunnel), Arc::new(address)), named, token: None, code: None })
    }

    /// Where the engine is.
    #[must_use]
    pub fn place(&self) -> String {
        self.way.place()
    }

    /// The same connection as another of the people who share this login.
    #[must_use]
    pub fn named(&self, name: Option<String>) -> Self {
        Self { named: name, ..self.clone() }
    }

    /// The same connection with a token in place of the login.
    #[must_use]
    pub fn with_token(&self, token: Option<TokenSecret>) -> Self {
        Self { token, ..self.clone() }
    }

    /// The same connection with a code of the second factor, for one command.
    #[must_use]
    pub fn with_code(&self, code: Option<Code>) -> Self {
        Self { code, ..self.clone() }
    }

    /// Whether an engine answers.
    pub async fn is_up(&self) -> bool {
        self.get::<Operator>("/api/v1/whoami").await.is_ok_and(|_| true)
    }

    /// Who the engine takes us for.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn whoami(&self) -> Result<Operator, ClientError> {
        self.get("/api/v1/whoami").await
    }

    /// The state now.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn state(&self) -> Result<State, ClientError> {
        self.get_long("/api/v1/state").await
    }

    /// The latest figures of every service.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn vitals(&self) -> Result<Vitals, ClientError> {
        self.get("/api/v1/vitals").await
    }

    /// Events after `since`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn events(&self, since: u64, limit: usize) -> Result<Vec<Recorded>, ClientError> {
        self.get(&format!("/api/v1/events?since={since}&limit={limit}")).await
    }

    /// Gives a command.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn submit(&self, command: &Command) -> Result<Answer, ClientError> {
        self.post("/api/v1/commands", command, ANSWER).await
    }

    /// Makes a secret for the second factor of whoever asks.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn begin_enrolment(&self) -> Result<Enrolment, ClientError> {
        self.post("/api/v1/second-factor/enrolment", &(), ANSWER).await
    }

    /// Makes it count, with the code of this connection.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn confirm_enrolment(&self) -> Result<Enrolled, ClientError> {
        self.post("/api/v1/second-factor/confirmation", &(), ANSWER).await
    }

    /// API tokens: the own, for a technical lead everybody's.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn tokens(&self) -> Result<Vec<TokenEntry>, ClientError> {
        self.get("/api/v1/tokens").await
    }

    /// What the engine shows over TLS.
    ///
    /// # Errors
    /// As every question: see [`ClientError`]; also when it does not listen there.
    pub async fn tls_figures(&self) -> Result<TlsFigures, ClientError> {
        self.get("/api/v1/tls").await
    }

    /// Has the engine show a new certificate over TLS.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn renew_certificate(&self) -> Result<TlsFigures, ClientError> {
        self.post("/api/v1/tls/renew", &(), ANSWER).await
    }

    /// Has a certificate issued by which an operator is known over TLS.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn issue_certificate(&self, request: &CertificateRequest) -> Result<IssuedCertificate, ClientError> {
        self.post("/api/v1/certificates", request, ANSWER).await
    }

    /// Certificates of people: the own, for a technical lead everybody's.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn certificates(&self) -> Result<Vec<ClientCertificate>, ClientError> {
        self.get("/api/v1/certificates").await
    }

    /// Reports what went wrong in a program.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn report_errors(&self, batch: &ErrorBatch) -> Result<ErrorAnswer, ClientError> {
        self.post("/api/v1/errors", batch, ANSWER).await
    }

    /// What a plan would change.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn dry_run(&self, request: &DryRunRequest) -> Result<DryRun, ClientError> {
        self.post("/api/v1/dry-run", request, THOROUGH).await
    }

    /// What differs between two snapshots, or between one and the live system.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn difference(
        &self,
        a: SnapshotId,
        b: Option<SnapshotId>,
    ) -> Result<Vec<ComponentDifference>, ClientError> {
        let against = b.map(|b| format!("?against={b}")).unwrap_or_default();
        let path = format!("/api/v1/snapshots/{a}/difference{against}");
        self.answer(self.request(Method::GET, &path).timeout(THOROUGH)).await
    }

    /// Reads everything a snapshot holds back from the vault.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn verify(&self, id: SnapshotId) -> Result<serde_json::Value, ClientError> {
        self.post(&format!("/api/v1/snapshots/{id}/verify"), &(), THOROUGH).await
    }

    /// Has every component look at what is live.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn verify_live(&self) -> Result<Vec<LiveProof>, ClientError> {
        self.post("/api/v1/verify", &(), THOROUGH).await
    }

    /// Tells that a service works, or that its run has failed.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn beat(&self, service: &str, ok: bool, message: &str) -> Result<serde_json::Value, ClientError> {
        let told = serde_json::json!({"ok": ok, "message": message});
        self.post(&format!("/api/v1/heartbeats/{service}"), &told, ANSWER).await
    }

    /// The alerts that fire.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn alerts(&self) -> Result<Vec<FiringAlert>, ClientError> {
        self.get("/api/v1/alerts").await
    }

    /// The last results of a service's checks, oldest first.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn history(&self, service: &str, limit: usize) -> Result<Vec<Sample>, ClientError> {
        self.get(&format!("/api/v1/services/{service}/history?limit={limit}")).await
    }

    /// How a service was over a window up to now, in at most `buckets` equal shares of it.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn uptime(&self, service: &str, window: Window, buckets: usize) -> Result<History, ClientError> {
        self.get(&format!("/api/v1/services/{service}/history?window={}&buckets={buckets}", window.name())).await
    }

    /// What kinds of lines were seen, in all services or in one, what is out of the ordinary first; at most so many.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn patterns(&self, service: Option<&str>, most: usize) -> Result<Vec<Seen>, ClientError> {
        let named = service.map(|service| format!("&service={service}")).unwrap_or_default();
        self.get(&format!("/api/v1/patterns?limit={most}{named}")).await
    }

    /// One kind of line, with some of its newest lines.
    ///
    /// # Errors
    /// As every question: see [`ClientError`]; also when it is not known.
    pub async fn pattern(&self, id: &str) -> Result<SeenPattern, ClientError> {
        self.get(&format!("/api/v1/patterns/{id}")).await
    }

    /// What programs have reported of themselves lately, by kind.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn errors(&self) -> Result<Vec<ErrorGroup>, ClientError> {
        self.get("/api/v1/errors").await
    }

    /// What was put before a language model for a diagnosis, word for word.
    ///
    /// # Errors
    /// As every question: see [`ClientError`]; also when no model was asked, or it was too long ago.
    pub async fn prompt(&self, id: DiagnosisId) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Told {
            prompt: String,
        }
        let told: Told = self.get(&format!("/api/v1/diagnoses/{id}/prompt")).await?;
        Ok(told.prompt)
    }

    /// The books that runs can be begun with, and those that have mistakes.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn books(&self) -> Result<Vec<LibraryBook>, ClientError> {
        self.get("/api/v1/runbooks").await
    }

    /// Every article of the knowledge base in one line.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn articles(&self) -> Result<Vec<ArticleSummary>, ClientError> {
        self.get("/api/v1/knowledge").await
    }

    /// An article of the knowledge base with its record.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn article(&self, name: &str) -> Result<ArticleReport, ClientError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let name: String = name
            .bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect();
        self.get(&format!("/api/v1/knowledge/{name}")).await
    }

    /// The articles that fit words and templates of log lines best, at most `limit`; without a state, those that are not retired.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn find_articles(
        &self,
        words: &str,
        signatures: &[String],
        state: Option<ArticleState>,
        limit: usize,
    ) -> Result<Vec<FoundArticle>, ClientError> {
        let mut asked =
            vec![("q", words.to_owned()), ("signatures", signatures.join(",")), ("limit", limit.to_string())];
        asked.extend(state.map(|state| ("state", state.to_string())));
        let request = self.request(Method::GET, "/api/v1/knowledge").query(&asked).timeout(ANSWER);
        self.answer(request).await
    }

    /// How well the record is secured.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn evidence(&self) -> Result<EvidenceFigures, ClientError> {
        self.get("/api/v1/audit").await
    }

    /// Has the head of the journal signed now, and gives the newest checkpoint.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn checkpoint(&self) -> Result<Option<CheckpointLine>, ClientError> {
        self.post("/api/v1/audit/checkpoint", &(), ANSWER).await
    }

    /// The proof that an event is in the journal.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn prove(&self, seq: u64) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Answered {
            proof: String,
        }
        self.get::<Answered>(&format!("/api/v1/audit/proof/{seq}")).await.map(|answered| answered.proof)
    }

    /// The proof that the journal of `new` events goes on from the one of `old`.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, ClientError> {
        self.get(&format!("/api/v1/audit/consistency?old={old}&new={new}")).await
    }

    /// What purging these events would delete.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn purge_preview(&self, seqs: &[u64]) -> Result<Vec<PurgePreview>, ClientError> {
        let seqs: Vec<String> = seqs.iter().map(u64::to_string).collect();
        self.get(&format!("/api/v1/audit/purge?seqs={}", seqs.join(","))).await
    }

    /// The variables with which the stock `restic` program opens the vault.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn restic_env(&self) -> Result<Vec<(String, String)>, ClientError> {
        self.get("/api/v1/restic-env").await
    }

    /// Asks the engine to read its platform file anew, and gives what changes by it.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn reload(&self) -> Result<PlatformDifference, ClientError> {
        self.post("/api/v1/platform/reload", &(), ANSWER).await
    }

    /// Any document of the API, as it is.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.answer(self.request(Method::GET, path).timeout(ANSWER)).await
    }

    /// A document that may be long: it is read as it comes, and never held as text.
    pub(super) async fn get_long<T: DeserializeOwned + Send + 'static>(&self, path: &str) -> Result<T, ClientError> {
        self.way.ready().await?;
        let request = self.request(Method::GET, path).timeout(ANSWER);
        let response = request.send().await.map_err(|error| unreachable(&self.way, &error))?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        body::read(response).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        within: Duration,
    ) -> Result<T, ClientError> {
        self.answer(self.request(Method::POST, path).json(body).timeout(within)).await
    }

    pub(super) async fn stream(&self, path: &str) -> Result<Response, ClientError> {
        let request = self.request(Method::GET, path).header("accept", "text/event-stream");
        self.way.ready().await?;
        let response = tokio::time::timeout(ANSWER, request.send())
            .await
            .map_err(|_| ClientError::Failed("the engine does not answer".to_owned()))?
            .map_err(|error| unreachable(&self.way, &error))?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.way.base()));
        if self.is_far() {
            request = request.header(ACCEPT_ENCODING, "zstd");
        }
        if let Some(name) = &self.named {
            request = request.header(AS_HEADER, name);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(code) = &self.code {
            request = request.header(CODE_HEADER, code.expose());
        }
        request
    }

    pub(super) async fn answer<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, ClientError> {
        self.way.ready().await?;
        let response = request.send().await.map_err(|error| unreachable(&self.way, &error))?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let is_packed = body::is_packed(&response);
        let mut text = response.bytes().await.map_err(|error| unreadable(&error))?;
        if is_packed {
            text = body::unpacked(&text).map_err(|error| unreadable(&error))?.into();
        }
        serde_json::from_slice(&text).map_err(|error| unreadable(&error))
    }

    /// Whether it is on another host: such links may be slow.
    pub(super) fn is_far(&self) -> bool {
        match self.way {
            Way::Socket(_) => false,
            Way::Tls(_) | Way::Ssh(..) => true,
        }
    }
}
