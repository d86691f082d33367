//! The language model that is asked for a second opinion on a diagnosis, and in plain words what that means.

use std::{
    fmt::{Result, Write},
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::probe::Figure;

/// A language model behind the interface that OpenAI has made common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LanguageModel {
    /// Address of the server or of its API, such as `https://api.example.com/v1`.
    pub url: String,
    /// What the server calls the model.
    pub name: String,
    /// Where the key is, if the server asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeySource>,
    /// Address of an HTTP proxy; none: the server is reached directly, whatever the environment says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// File with the certificates of those who may have issued the server's; none: those the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Longest time for an answer, all tries together.
    #[serde(with = "super::model::seconds")]
    pub within: Duration,
    /// Most tokens of a prompt, by our own estimate.
    pub tokens: u32,
    /// Tokens that may be used on one day (UTC), prompts and answers together.
    pub budget: u32,
    /// What tokens cost, for showing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// Where a key is read from, each time it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeySource {
    /// The first line of a file.
    File(PathBuf),
    /// A variable of the engine's environment.
    Env(String),
    /// The first line that a program prints.
    Command(Vec<String>),
}

/// What a million tokens cost, in whatever currency the file's writer thinks in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// Of a prompt.
    pub input: Figure,
    /// Of an answer.
    pub output: Figure,
}

impl Price {
    /// What so many tokens cost.
    #[must_use]
    pub fn of(self, prompt: u64, answer: u64) -> f64 {
        // Counts of tokens are far below what a float holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "tokens of one day")]
        let cost = self.input.get() * prompt as f64 + self.output.get() * answer as f64;
        cost / 1e6
    }
}

/// What is said of it by `codeblue check`.
pub(super) fn write_language_model(out: &mut String, model: Option<&LanguageModel>) -> Result {
    writeln!(out, "\nWho else is asked what broke")?;
    let Some(model) = model else {
        return writeln!(out, "  nobody: the local analyser alone, which needs no network; the file has no [model]");
    };
    let LanguageModel { url, name, key, proxy, ca, within, tokens, budget, price } = model;
    write!(out, "  the language model {name} at {url}")?;
    match proxy {
        Some(proxy) => writeln!(out, ", through the proxy {proxy}")?,
        None => writeln!(out)?,
    }
    if url.starts_with("http:") && !local(url) {
        writeln!(out, "    note: without https everybody on the way can read the evidence and the key")?;
    }
    match key {
        Some(KeySource::File(path)) => writeln!(out, "    key: the first line of {}", path.display())?,
        Some(KeySource::Env(name)) => writeln!(out, "    key: the environment variable {name}")?,
        Some(KeySource::Command(run)) => writeln!(out, "    key: what {} prints", shell_words::join(run))?,
        None => writeln!(out, "    key: none")?,
    }
    if let Some(ca) = ca {
        writeln!(out, "    believed: certificates issued by those in {} alone", ca.display())?;
    }
    writeln!(
        out,
        "    asked: after the local analyser, for at most {}, {tokens} tokens a prompt, {budget} tokens a day",
        humantime::format_duration(*within)
    )?;
    if let Some(price) = price {
        writeln!(
            out,
            "    costs: {} for a million tokens in, {} for a million out",
            price.input.get(),
            price.output.get()
        )?;
    }
    writeln!(
        out,
        "    sent: redacted evidence, never a key or a file; it chooses among what was found and declared here"
    )
}

/// Whether an address is on this host.
fn local(url: &str) -> bool {
    let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let bare = host.trim_matches(['[', ']']);
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
