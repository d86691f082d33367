//! Which engine is meant, and who is asking.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use chrono::{DateTime, Utc};
use clap::Args;

use super::{
    code,
    error::{CliError, Exit},
    output::Output,
    reach::{self, Wish},
    text,
};
use crate::{
    client::Client,
    domain::Command,
    engine::{Answer, Clock, Code, Home, SystemClock},
};

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Keep everything of this engine below one folder, instead of in the XDG folders
    #[arg(long, global = true, env = "CODEBLUE_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Talk to another engine: a name of `codeblue host list`, unix:PATH, https://HOST:PORT or
    /// ssh://[USER@]HOST[:PORT][/PATH/TO/engine.sock]
    #[arg(long, global = true, value_name = "HOST")]
    pub host: Option<String>,
    /// Print one JSON document instead of text for people
    #[arg(long, global = true)]
    pub json: bool,
    /// Of what only reads: show it again whenever something has changed, until Ctrl-C; with --json one document a line
    #[arg(long, global = true)]
    pub watch: bool,
    /// No colours; NO_COLOR and a pipe do the same
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Act as this operator, where several share a login in a drill
    #[arg(long = "as", global = true, env = "CODEBLUE_AS", value_name = "OPERATOR")]
    pub named: Option<String>,
    /// Code of your second factor, for what is dangerous; `-` reads it from standard input. On a terminal it is asked for
    #[arg(long, global = true, value_name = "CODE")]
    pub code: Option<String>,
    /// File with an API token to show in place of the login
    #[arg(long, global = true, env = "CODEBLUE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// File with a certificate and its key to show over TLS; `codeblue operator certificate` makes one
    #[arg(long, global = true, env = "CODEBLUE_CERTIFICATE_FILE", value_name = "FILE")]
    pub certificate: Option<PathBuf>,
}

/// One run of a command: which engine, as whom, and where its results go.
#[derive(Debug, Clone)]
pub struct Session {
    global: Global,
    /// Where results go.
    pub output: Output,
    /// The connection to the engine meant, once there is one: the way to another host is found once.
    connection: Arc<OnceLock<Client>>,
}

impl Session {
    /// As the options say.
    #[must_use]
    pub fn new(global: Global) -> Self {
        let output = Output::new(global.json, global.no_color);
        Self { global, output, connection: Arc::default() }
    }

    /// The same, with results held back for who shows them in its own way.
    pub(super) fn held_back(&self) -> Self {
        Self { output: self.output.held_back(), ..self.clone() }
    }

    /// Whether what is shown is to be shown again whenever something has changed.
    pub(super) fn watches(&self) -> bool {
        self.global.watch
    }

    /// The folders of the engine meant.
    ///
    /// # Errors
    /// When none is named and this user has no home folder.
    pub fn home(&self) -> Result<Home, CliError> {
        Ok(Home::find(self.global.home.as_deref())?)
    }

    /// The operator named with `--as`.
    #[must_use]
    pub fn named(&self) -> Option<String> {
        self.global.named.clone()
    }

    /// Whether `--host` names an engine that is not this home's.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.global.host.is_some()
    }

    /// What the engine meant is called, where it is not this home's.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.global.host.as_deref()
    }

    /// The same, with the engine of a named host meant.
    #[must_use]
    pub(super) fn on(&self, host: String) -> Self {
        Self { global: Global { host: Some(host), ..self.global.clone() }, ..self.clone() }
    }

    /// A connection to the engine meant. To one that nobody has trusted over TLS yet, a person is asked.
    ///
    /// # Errors
    /// When the host is written in a way that is not understood, or is not trusted.
    pub fn client(&self) -> Result<Client, CliError> {
        if let Some(client) = self.connection.get() {
            return Ok(client.clone());
        }
        let client = self.client_of(self.host())?;
        Ok(self.connection.get_or_init(|| client).clone())
    }

    /// The same to another host.
    pub(super) fn client_of(&self, host: Option<&str>) -> Result<Client, CliError> {
        let token_file = self.token_file();
        match host {
            None => {
                let client = Client::unix(&self.home()?.socket(), self.named())?;
                Ok(client.with_token(token_file.map(code::token_in).transpose()?))
            }
            Some(host) => {
                // Who has no home has named no hosts, and can still say how one is reached.
                let settings = self.home().map(|home| home.settings_file()).unwrap_or_default();
                let certificate = self.certificate_file();
                reach::client(&settings, Wish { host, named: self.named(), token_file, certificate })
            }
        }
    }

    /// The file with the token to show.
    pub(super) fn token_file(&self) -> Option<&Path> {
        self.global.token_file.as_deref()
    }

    /// The file with the certificate to show, and its key.
    pub(super) fn certificate_file(&self) -> Option<&Path> {
        self.global.certificate.as_deref()
    }

    /// The code given with `--code`.
    pub(super) fn given_code(&self) -> Option<&str> {
        self.global.code.as_deref()
    }

    /// The time of this host, for ages.
    pub(super) fn now(&self) -> DateTime<Utc> {
        SystemClock.now()
    }

    /// Gives a command and tells what it made happen.
    pub(super) async fn submit(&self, command: Command) -> Result<Exit, CliError> {
        let answer = self.give(&self.client()?, &command).await?;
        self.report(&answer)?;
        Ok(Exit::Done)
    }

    /// Gives a command, with the code of the second factor where it is needed.
    pub(super) async fn give(&self, client: &Client, command: &Command) -> Result<Answer, CliError> {
        code::with_code(client, self.global.code.as_deref(), async |client: &Client| client.submit(command).await).await
    }

    /// The code given with `--code`, or the one that somebody types now.
    pub(super) fn code(&self) -> Result<Code, CliError> {
        code::given_or_asked(self.global.code.as_deref())
    }

    pub(super) fn report(&self, answer: &Answer) -> Result<(), CliError> {
        self.output.result(answer, || {
            if answer.events.is_empty() {
                return "nothing to do: it is so already".to_owned();
            }
            let told = answer.events.iter().map(|recorded| recorded.event.summary());
            told.chain(answer.told_removed()).map(|told| text::line(&told) + "\n").collect()
        })
    }
}
