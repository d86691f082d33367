//! `codeblue status`

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::Value;

use super::{
    change,
    error::{CliError, Exit},
    incident,
    output::Output,
    recovery, service,
    session::Session,
    table::Paint,
    text,
};
use crate::{
    domain::{BreakerState, State, SystemState, Vitals},
    engine::{EvidenceFigures, LogFigures},
};

/// State of everything on one page
#[derive(Debug, Default, Args)]
pub struct Status {
    /// With --json: the whole state instead of the overview
    #[arg(long)]
    full: bool,
}

impl Status {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let client = session.client()?;
        if session.output.is_json() {
            let path = if self.full { "/api/v1/state" } else { "/api/emergency/status" };
            let document: Value = client.get(path).await?;
            session.output.result(&document, String::new)?;
            return Ok(Exit::Done);
        }
        let (state, vitals) = (client.state().await?, client.vitals().await?);
        let overview: Value = client.get("/api/emergency/status").await?;
        let lag = overview["checks"]["lagP99Seconds"].as_f64().unwrap_or_default();
        let evidence: Option<EvidenceFigures> = serde_json::from_value(overview["evidence"].clone()).ok();
        let logs: Vec<LogFigures> = serde_json::from_value(overview["logs"].clone()).unwrap_or_default();
        session.output.result(&state, || {
            let secured = evidence.map(|evidence| secured(&evidence, &session.output)).unwrap_or_default();
            let secured = secured + &logs_told(&logs, &session.output);
            page(session, &state, &vitals, lag, &secured)
        })?;
        Ok(Exit::Done)
    }
}

/// A watch that starts its checks so many seconds late is told of.
const LATE: f64 = 1.0;

fn page(session: &Session, state: &State, vitals: &Vitals, lag: f64, secured: &str) -> String {
    let (output, now) = (&session.output, session.now());
    let system = state.system_state();
    let mut page = format!(
        "{}  {}  {}   automation {}   engine {} on {}{}\n",
        output.paint(&text::line(&state.platform.name), Some(Paint::Strong)),
        text::word(&state.platform.profile),
        output.paint(&text::word(&system).to_uppercase(), Some(system_paint(system))),
        text::word(&state.mode),
        text::line(&state.engine.version),
        text::line(&state.engine.host),
        state.engine.started_at.map(|at| format!(", up {}", text::span(now - at))).unwrap_or_default(),
    );
    if let Some(reason) = &state.halted {
        page += &output.paint(&format!("automation HALTED: {}\n", text::line(reason)), Some(Paint::Bad));
    }
    if let Some(drill) = state.drills.running() {
        let (since, held) = (text::age(Some(drill.started_at), now), text::line(&drill.conductor.to_string()));
        let line = format!(
            "{} runs for {since}, {}, held by {held}; say what is broken: codeblue drill answer\n",
            drill.id, drill.mode
        );
        page += &output.paint(&line, Some(Paint::Warn));
    }
    let due = state.drills.planned.iter().filter(|(_, plan)| plan.due_at <= now);
    for (file, plan) in due {
        let line = format!("drill {file} is due since {}\n", plan.due_at.format("%Y-%m-%d"));
        page += &output.paint(&text::line(&line), Some(Paint::Warn));
        page.push('\n');
    }
    if lag >= LATE {
        let late = format!("checks start up to {lag:.1} s late: this host is too busy, failures are seen later\n");
        page += &output.paint(&late, Some(Paint::Warn));
    }
    let kept: Vec<_> = state.snapshots.values().filter(|snapshot| !snapshot.captured.is_empty()).collect();
    page += &match kept.last() {
        Some(last) => format!(
            "{} in the vault, {}, last {} ago\n",
            text::count(kept.len(), "snapshot"),
            text::bytes(last.total_bytes),
            text::span(now - last.requested_at)
        ),
        None => "no snapshot yet\n".to_owned(),
    };
    page += &replica(state, now, output);
    page += &breakers(state, output);
    page += secured;
    page += &format!("\n{}", service::table(state, vitals, now).render(output));
    let section = |heading: &str, table: super::table::Table, output: &Output| {
        if table.is_empty() { String::new() } else { format!("\n{heading}\n{}", table.render(output)) }
    };
    page += &section("open incidents", incident::table(state.open_incidents(), now), output);
    page += &section("changes that wait", change::table(state, state.pending_changes().into_iter(), now), output);
    page += &section("recoveries under way", recovery::table(state.running_recoveries(), now), output);
    page
}

/// Since when changes to the record would show, and to whom; where checkpoints do not get to stands out.
fn secured(evidence: &EvidenceFigures, output: &Output) -> String {
    let mut page = String::new();
    if let (Some(since), Some(newest)) = (evidence.since, &evidence.checkpoint) {
        page += &format!("journal: tamper-evident since {} up to event {}", text::moment(since), newest.seq);
        page += &witnesses(evidence);
        page.push('\n');
    }
    let mut bad = |problem: String| page += &output.paint(&problem, Some(Paint::Bad));
    if let Some(lost) = &evidence.lost {
        let (at, before) = (text::moment(lost.at), lost.before);
        bad(format!("journal: at {at} no signed checkpoint was left for the first {before} events\n"));
    }
    if let Some(outage) = &evidence.outage {
        bad(format!("checkpoints cannot be written: {}\n", text::line(&outage.problem)));
    }
    for place in evidence.exports.iter().chain(&evidence.witnesses) {
        if let Some(outage) = &place.outage {
            bad(format!("checkpoints do not reach {}: {}\n", place.place, text::line(&outage.problem)));
        }
    }
    page
}

/// What of the lines of services is not collected; nothing when all is.
fn logs_told(logs: &[LogFigures], output: &Output) -> String {
    let mut page = String::new();
    for log in logs {
        let mut lost = Vec::new();
        if log.skipped_bytes > 0 {
            lost.push(format!(
                "{} came faster than they can be read and were left out",
                text::bytes(log.skipped_bytes)
            ));
        }
        if log.refused_lines > 0 {
            lost.push(format!("{} lines sent were refused, too many at once", log.refused_lines));
        }
        lost.extend(log.problem.as_deref().map(text::line));
        if !lost.is_empty() {
            let told = format!("log {} of {}: {}\n", text::line(&log.source), log.service, lost.join("; "));
            page += &output.paint(&told, Some(Paint::Warn));
        }
    }
    page
}

/// Who else has signed the newest checkpoint.
fn witnesses(evidence: &EvidenceFigures) -> String {
    let names = evidence.witnesses.iter().filter_map(|place| place.reached.as_ref()?.witness.as_deref());
    let names: Vec<String> = names.map(text::line).collect();
    if names.is_empty() { String::new() } else { format!(", witnessed by {}", names.join(", ")) }
}

/// Breakers that are not closed, and those that a person holds; nothing when all are closed.
fn breakers(state: &State, output: &Output) -> String {
    let notable = state.platform.services.iter().filter_map(|service| {
        let breaker = state.breakers.get(&service.name)?;
        (breaker.state != BreakerState::Closed).then(|| format!("{} {}", text::line(&service.name), breaker.state))
    });
    let notable: Vec<String> = notable.collect();
    if notable.is_empty() {
        return String::new();
    }
    output.paint(&format!("breakers: {}; nothing acts on them yet\n", notable.join(", ")), Some(Paint::Warn))
}

/// How the second copy stands; nothing when none is wanted.
fn replica(state: &State, now: DateTime<Utc>, output: &Output) -> String {
    let replica = &state.vault.replica;
    if state.platform.vault.replica.is_none() {
        return String::new();
    }
    let lag = replica.lag(now).map(text::span);
    match (&replica.problem, lag) {
        (Some((_, problem)), lag) => {
            let lag = lag.map(|lag| format!("{lag} behind, ")).unwrap_or_default();
            output.paint(&format!("replica: {lag}{}\n", text::line(problem)), Some(Paint::Bad))
        }
        (None, Some(lag)) => format!("replica: {lag} behind\n"),
        (None, None) => format!("replica: all copied, last {} ago\n", text::age(replica.copied_at, now)),
    }
}

fn system_paint(system: SystemState) -> Paint {
    match system {
        SystemState::Normal => Paint::Good,
        SystemState::Degraded | SystemState::Recovery => Paint::Warn,
        SystemState::Emergency => Paint::Bad,
    }
}
