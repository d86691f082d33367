//! What a check does: one variant of [`Probe`] for each kind.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{alert::AlertProbe, model::seconds, postgres::PostgresServer, rows::RowsProbe, sample::Quantity};

/// What a check does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Probe {
    /// An HTTP or HTTPS request.
    Http(HttpProbe),
    /// A TCP connection.
    Tcp {
        /// `HOST:PORT`.
        address: String,
    },
    /// A program; exit code 0 is success.
    Command {
        /// Program and arguments; no shell.
        run: Vec<String>,
    },
    /// A SQLite database, opened read-only.
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// A query that must return at least one row, the first value not 0 or null.
        query: Option<String>,
        /// Run `PRAGMA quick_check`.
        integrity: bool,
    },
    /// A PostgreSQL server, asked with the application's login.
    Postgres(PostgresProbe),
    /// A running process.
    Process {
        /// File that holds its process id.
        pid_file: Option<PathBuf>,
        /// Or its executable's name.
        name: Option<String>,
        /// Percent of the files it may have open, above which it is degraded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        descriptors: Option<u8>,
    },
    /// A figure of this host against its threshold, in percent.
    Host {
        /// Which figure.
        resource: HostResource,
        /// Above it the host is degraded; each resource has its own default.
        above: u16,
        /// For disk and inodes: a path on the file system; `/` by default.
        path: Option<PathBuf>,
    },
    /// A name, asked of a name server.
    Dns(DnsProbe),
    /// Lines of a log file that match a pattern.
    Log(LogProbe),
    /// A query to Prometheus.
    Promql(PromqlProbe),
    /// A completion of a language model.
    Inference(InferenceProbe),
    /// Rows that may never change.
    Rows(RowsProbe),
    /// This host's clock against time servers.
    Clock(ClockProbe),
    /// Requests one after the other, as somebody who works with the service makes them.
    Workflow {
        /// In their order.
        steps: Vec<WorkflowStep>,
    },
    /// The service tells by itself that it works; nothing is asked.
    Heartbeat {
        /// Who has to tell.
        service: String,
        /// How long it may be silent.
        #[serde(with = "seconds")]
        within: Duration,
    },
    /// Alerts that a monitoring system sends; nothing is asked.
    Alert(AlertProbe),
}

impl Probe {
    /// Whether the check waits to be told, instead of asking.
    #[must_use]
    pub fn waits_to_be_told(&self) -> bool {
        matches!(self, Self::Heartbeat { .. } | Self::Alert(_))
    }

    /// What the figure of this check is about, when it is something that can be used up.
    #[must_use]
    pub fn quantity(&self) -> Option<Quantity> {
        match self {
            Self::Host { resource: HostResource::Disk, .. } => Some(Quantity::Disk),
            Self::Host { resource: HostResource::Inodes, .. } => Some(Quantity::Inodes),
            Self::Host { resource: HostResource::Memory, .. } => Some(Quantity::Memory),
            Self::Host { resource: HostResource::Descriptors, .. } | Self::Process { descriptors: Some(_), .. } => {
                Some(Quantity::Descriptors)
            }
            Self::Postgres(PostgresProbe { connections: Some(_), .. }) => Some(Quantity::Connections),
            Self::Http(HttpProbe { certificate: Some(_), .. }) => Some(Quantity::Certificate),
            _ => None,
        }
    }
}

/// An HTTP or HTTPS request and what its answer must look like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpProbe {
    /// `http://` or `https://`.
    pub url: String,
    /// How it is asked.
    #[serde(default)]
    pub method: HttpMethod,
    /// Sent with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// The body that is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<Content>,
    /// Accepted status; any 2xx when absent.
    pub status: Option<u16>,
    /// Text the body must contain.
    pub body: Option<String>,
    /// Path into a JSON body such as `$.status` or `$.items[0].ok`, and the value it must have.
    pub json: Option<JsonExpectation>,
    /// The certificate must stay valid longer than this, or the service is degraded.
    #[serde(default, with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Duration>,
    /// PEM file with the only issuers that are believed; those of the system when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
}

/// One request of a workflow. For `{name}` in its address, headers and body stands what an earlier step took by that name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowStep {
    /// What it is called when it fails; method and path when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is asked, and what the answer must look like.
    pub request: HttpProbe,
    /// What later steps use of the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub take: Vec<Taken>,
}

/// A value of a JSON answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// By which it is used.
    pub name: String,
    /// Where it stands, such as `$.token`.
    pub path: String,
}

/// How an HTTP server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// `GET`.
    #[default]
    Get,
    /// `HEAD`.
    Head,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
    /// `OPTIONS`.
    Options,
}

/// A header that is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Its name, in lower case.
    pub name: String,
    /// What it says.
    pub value: Content,
}

/// Text that is sent; a secret stands in a file of its own, so that the platform file and the journal never hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// The text itself.
    Text(String),
    /// A file that holds it; blank space at its end is dropped. What it holds is never shown.
    File(PathBuf),
}

/// A PostgreSQL server, asked with the application's login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostgresProbe {
    /// Host name, or directory of its Unix socket.
    pub host: String,
    /// Port, which also names the socket.
    pub port: u16,
    /// The role that the application has.
    pub user: String,
    /// The database that it uses.
    pub database: String,
    /// A file in the form of `.pgpass`.
    pub password_file: Option<PathBuf>,
    /// PEM file with the only issuers that are believed; with it the connection is encrypted, without it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
    /// A query that must return at least one row, the first value not 0, false or null.
    pub query: Option<String>,
    /// A replica may be so far behind.
    #[serde(with = "optional_seconds")]
    pub lag: Option<Duration>,
    /// Percent of the server's connections that may be in use.
    pub connections: Option<u8>,
    /// Somebody may wait for a lock so long.
    #[serde(with = "optional_seconds")]
    pub locks: Option<Duration>,
}

impl PostgresProbe {
    /// What logs in to a database and asks nothing more.
    #[must_use]
    pub fn login(server: &PostgresServer, database: &str) -> Self {
        Self {
            host: server.host.clone(),
            port: server.port,
            user: server.user.clone(),
            database: database.to_owned(),
            password_file: server.password_file.clone(),
            authority: None,
            query: None,
            lag: None,
            connections: None,
            locks: None,
        }
    }
}

/// A value expected at a place in a JSON body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JsonExpectation {
    /// Such as `$.status`.
    pub path: String,
    /// What must stand there.
    pub equals: serde_json::Value,
}

/// A figure of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostResource {
    /// Processor time used, percent.
    Cpu,
    /// Memory used, percent.
    Memory,
    /// File system used, percent.
    Disk,
    /// Inodes of a file system used, percent.
    Inodes,
    /// Load of the last minute for each processor, percent.
    Load,
    /// File handles of the whole system, percent.
    Descriptors,
}

/// A name, asked of a name server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DnsProbe {
    /// The whole name, whether or not it ends with a dot.
    pub name: String,
    /// What is asked about it.
    pub record: DnsRecord,
    /// Who is asked; those of the system when absent.
    pub server: Option<SocketAddr>,
    /// All answers that there must be, in any order; any when empty.
    pub expect: Vec<String>,
}

/// What a name server may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DnsRecord {
    /// IPv4 addresses.
    #[default]
    A,
    /// IPv6 addresses.
    Aaaa,
    /// The name it stands for.
    Cname,
    /// Mail servers.
    Mx,
    /// Name servers.
    Ns,
    /// The name of an address.
    Ptr,
    /// Servers of a service.
    Srv,
    /// Texts.
    Txt,
}

/// Lines of a log file that match a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogProbe {
    /// The log; it is followed when it is rotated or cut.
    pub path: PathBuf,
    /// A regular expression.
    pub pattern: String,
    /// More lines than this are degraded.
    pub above: u32,
    /// So far back lines count, by the time at which they were read.
    #[serde(with = "seconds")]
    pub window: Duration,
}

/// A query to Prometheus. With neither bound any number is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromqlProbe {
    /// Its address, without `/api/v1/query`.
    pub url: String,
    /// An expression that gives one value for each series.
    pub query: String,
    /// A series above it is degraded.
    pub above: Option<Figure>,
    /// A series below it is degraded.
    pub below: Option<Figure>,
    /// File with a token for it.
    pub key_file: Option<PathBuf>,
}

/// A completion of a language model, asked without chance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InferenceProbe {
    /// Address of a server that speaks as OpenAI's does.
    pub url: String,
    /// Which model; the server's own choice when absent.
    pub model: Option<String>,
    /// What it is asked.
    pub prompt: String,
    /// What it must say.
    pub answer: InferenceAnswer,
    /// File with a token for it.
    pub key_file: Option<PathBuf>,
}

/// What a model must say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InferenceAnswer {
    /// Somewhere in its answer, to the letter.
    Text(String),
    /// As the first number of its answer.
    Number {
        /// The right one.
        value: Figure,
        /// How far off it may be.
        tolerance: Figure,
    },
}

/// This host's clock against time servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockProbe {
    /// Who is asked, each as `HOST:PORT`.
    pub servers: Vec<String>,
    /// The clock may be so far off.
    #[serde(with = "seconds")]
    pub above: Duration,
}

/// A finite number.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Figure(f64);

// Without NaN every number equals itself.
impl Eq for Figure {}

impl Figure {
    /// None when it is infinite or no number.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(value))
    }

    /// As a number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Figure {
    type Error = &'static str;

    fn try_from(value: f64) -> Result<Self, Self::Error> {
        Self::new(value).ok_or("a finite number is expected")
    }
}

impl From<Figure> for f64 {
    fn from(figure: Figure) -> Self {
        figure.0
    }
}

impl Probe {
    /// The word the platform file uses for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Tcp { .. } => "tcp",
            Self::Command { .. } => "command",
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgres",
            Self::Process { .. } => "process",
            Self::Host { .. } => "host",
            Self::Dns(_) => "dns",
            Self::Log(_) => "log",
            Self::Promql(_) => "promql",
            Self::Inference(_) => "inference",
            Self::Rows(_) => "rows",
            Self::Clock(_) => "clock",
            Self::Workflow { .. } => "workflow",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Alert(_) => "alert",
        }
    }
}

impl DnsRecord {
    /// Every one of them.
    pub const ALL: [Self; 8] = [Self::A, Self::Aaaa, Self::Cname, Self::Mx, Self::Ns, Self::Ptr, Self::Srv, Self::Txt];

    /// As it stands in a zone file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
        }
    }
}

impl HttpMethod {
    /// Every one of them.
    pub const ALL: [Self; 7] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// As it stands in a request.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

/// A duration that may be absent, as seconds.
mod optional_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::seconds;

    #[derive(Serialize, Deserialize)]
    struct Seconds(#[serde(with = "seconds")] Duration);

    pub fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(Seconds).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Seconds>::deserialize(deserializer)?.map(|seconds| seconds.0))
    }
}
