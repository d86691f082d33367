//! All hosts that somebody has named, beside the engine meant: what the page of all hosts follows, and `codeblue host status` looks at.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;

use super::{
    error::{CliError, Exit},
    output::Output,
    reach,
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    client::{
        Client,
        fleet::{HostSummary, HostToFollow, StatusCounts, look_at},
        hosts::{self, HostEntry},
    },
    domain::Severity,
    engine::{Clock, SystemClock},
};

/// What the engine of this home is called among others.
const OWN: &str = "local";
/// Hosts that are looked at at the same time.
const AT_ONCE: usize = 16;

/// All hosts, and which of them is meant.
pub(super) struct Hosts {
    /// The one meant first, unless it has a place among the named ones.
    pub(super) all: Vec<HostToFollow>,
    /// The name of the one meant.
    pub(super) own: String,
}

/// The engine meant, reached by `client`, among the named ones. Nobody is asked anything for the others: what they need stands in
/// their entries, and what was given for the one meant is shown to no other.
pub(super) fn hosts(session: &Session, client: &Client, entries: Vec<HostEntry>) -> Result<Hosts, CliError> {
    let (own, address) = match session.host() {
        Some(host) => {
            let entry = reach::entry(&session.home().map(|home| home.settings_file()).unwrap_or_default(), host)?;
            (entry.name, entry.address)
        }
        None => (OWN.to_owned(), format!("unix:{}", client.place())),
    };
    let known = entries.iter().find(|entry| entry.address == address);
    let own = match known {
        Some(entry) => entry.name.clone(),
        // A name that means another host already.
        None if entries.iter().any(|entry| entry.name == own) => format!("{own}-here"),
        None => own,
    };
    let meant = HostToFollow { name: own.clone(), address: address.clone(), client: Ok(client.clone()) };
    let mut all: Vec<HostToFollow> = Vec::new();
    if known.is_none() {
        all.push(meant.clone());
    }
    all.extend(entries.into_iter().map(|entry| {
        if entry.name == own {
            return meant.clone();
        }
        let client = reach::unasked(&entry, session.named()).map_err(|error| error.to_string());
        HostToFollow { name: entry.name, address: entry.address, client }
    }));
    Ok(Hosts { all, own })
}

/// The session of a board of all hosts: where there is no engine here, and none can be started, the first of the named hosts is meant.
pub(super) fn meant(session: &Session) -> Result<Session, CliError> {
    let home = session.home()?;
    if session.is_elsewhere() || home.socket().exists() || home.platform_file().exists() {
        return Ok(session.clone());
    }
    Ok(named(session)?.into_iter().next().map_or_else(|| session.clone(), |entry| session.on(entry.name)))
}

fn named(session: &Session) -> Result<Vec<HostEntry>, CliError> {
    hosts::hosts(&session.home()?.settings_file()).map_err(|error| CliError::Usage(error.to_string()))
}

/// One host, as one look has found it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    host: String,
    address: String,
    answers: bool,
    took_seconds: Option<f64>,
    problem: Option<String>,
    summary: Option<HostSummary>,
}

/// Looks at all hosts at once, and tells how each is; what has not answered in time is unknown.
pub(super) async fn status(session: &Session, within: Duration) -> Result<Exit, CliError> {
    let client = session.client()?;
    let Hosts { mut all, own } = hosts(session, &client, named(session)?)?;
    // Who works from a host without an engine has none to look at.
    if all.len() > 1 && !session.is_elsewhere() && !client.is_up().await {
        all.retain(|host| host.name != own);
    }
    let found: Vec<Found> = stream::iter(all).map(|host| look(host, within)).buffered(AT_ONCE).collect().await;
    session.output.result(&found, || page(session, &found))?;
    Ok(if found.iter().all(|host| host.answers) { Exit::Done } else { Exit::NoEngine })
}

async fn look(host: HostToFollow, within: Duration) -> Found {
    let looked = match host.client {
        Err(why) => Err(why),
        Ok(client) => match tokio::time::timeout(within, look_at(&client, &SystemClock)).await {
            Err(_) => Err(format!("no answer within {}", humantime::format_duration(within))),
            Ok(looked) => looked.map_err(|error| error.to_string()),
        },
    };
    let (answers, took_seconds, problem, summary) = match looked {
        Ok(looked) => (true, Some(looked.took_seconds), None, Some(looked.summary)),
        Err(problem) => (false, None, Some(problem), None),
    };
    Found { host: host.name, address: host.address, answers, took_seconds, problem, summary }
}

fn page(session: &Session, found: &[Found]) -> String {
    let (output, now) = (&session.output, SystemClock.now());
    let mut table = Table::new(["HOST", "LINK", "ENGINE", "SERVICES", "INCIDENTS", "CHANGES", "PLATFORM"]);
    for host in found {
        match (&host.summary, &host.problem) {
            (Some(summary), _) => table.row([
                Cell::from(&host.host),
                Cell::painted(format!("live {:.0} ms", host.took_seconds.unwrap_or_default() * 1000.0), Paint::Good),
                Cell::from(&summary.version),
                services(summary.services),
                incidents(summary),
                Cell::from(figure(summary.changes.len())),
                Cell::from(&summary.platform),
            ]),
            (None, problem) => table.row([
                Cell::from(&host.host),
                Cell::painted("NO ANSWER", Paint::Bad),
                Cell::from("?"),
                Cell::painted("unknown", Paint::Warn),
                Cell::from("?"),
                Cell::from("?"),
                Cell::from(problem.as_deref().unwrap_or_default()),
            ]),
        }
    }
    table.render(output) + &lists(output, found, now)
}

fn figure(many: usize) -> String {
    if many == 0 { "—".to_owned() } else { many.to_string() }
}

fn services(counts: StatusCounts) -> Cell {
    let StatusCounts { healthy, degraded, down, unknown, maintenance } = counts;
    let parts =
        [(down, "down"), (degraded, "degraded"), (unknown, "unknown"), (maintenance, "maintained"), (healthy, "up")];
    let words: Vec<String> =
        parts.iter().filter(|(many, _)| *many > 0).map(|(many, word)| format!("{many} {word}")).collect();
    let words = if words.is_empty() { "none".to_owned() } else { words.join(" · ") };
    match (down, degraded + unknown) {
        (0, 0) => Cell::painted(words, Paint::Good),
        (0, _) => Cell::painted(words, Paint::Warn),
        _ => Cell::painted(words, Paint::Bad),
    }
}

fn incidents(summary: &HostSummary) -> Cell {
    match summary.worst() {
        None => Cell::from("—"),
        Some(worst) => {
            let paint = if worst == Severity::Sev1 { Paint::Bad } else { Paint::Warn };
            Cell::painted(format!("{worst} of {}", summary.incidents.len()), paint)
        }
    }
}

/// What is open and what waits anywhere, each named with its host.
fn lists(output: &Output, found: &[Found], now: chrono::DateTime<chrono::Utc>) -> String {
    let mut open = Table::new(["INCIDENT", "SEVERITY", "STATE", "FOR", "WHAT"]);
    let summaries = || found.iter().filter_map(|host| Some((host, host.summary.as_ref()?)));
    let mut incidents: Vec<_> =
        summaries().flat_map(|(host, summary)| summary.incidents.iter().map(move |one| (host, one))).collect();
    incidents.sort_by_key(|(_, one)| (one.severity, std::cmp::Reverse(one.detected_at)));
    for (host, one) in incidents {
        open.row([
            Cell::painted(format!("{}:{}", host.host, one.id), Paint::Strong),
            Cell::from(one.severity.to_string()),
            Cell::from(one.state.to_string()),
            Cell::from(text::age(Some(one.detected_at), now)),
            Cell::from(&one.title),
        ]);
    }
    let mut waiting = Table::new(["CHANGE", "RISK", "LAPSES IN", "WHAT"]);
    let mut changes: Vec<_> =
        summaries().flat_map(|(host, summary)| summary.changes.iter().map(move |one| (host, one))).collect();
    changes.sort_by_key(|(_, one)| one.expires_at);
    for (host, one) in changes {
        waiting.row([
            Cell::painted(format!("{}:{}", host.host, one.id), Paint::Strong),
            Cell::from(one.risk.to_string()),
            Cell::from(text::span(one.expires_at - now)),
            Cell::from(&one.title),
        ]);
    }
    let of = |table: Table| if table.is_empty() { String::new() } else { format!("\n{}", table.render(output)) };
    of(open) + &of(waiting)
}
