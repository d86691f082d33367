//! `codeblue service`

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text, words,
};
use crate::{
    domain::{
        CalendarEntry, Command, Forecast, History, Percentiles, Refusal, ServiceHealth, ServiceVitals, State, Status,
        Vitals, Window, WorkOrigin, affected, calendar, future, next_window, percent, without_news,
    },
    platform::{self, Reading, Sample},
};

/// Signs in the strip of a window at most.
const STRIP: usize = 72;

/// Health, history and planned work of services
#[derive(Debug, Subcommand)]
pub enum Service {
    /// Every service and how it is
    List,
    /// One service: its uptime, checks, what is to come, dependencies, components and last results
    Show {
        service: String,
        /// Over which time: 24h, 7d, 30d or 90d
        #[arg(long, default_value = "24h")]
        window: Window,
        /// How many results of checks
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Planned work, in which failures are expected: list, begin, end, plan or withdraw it
    ///
    /// Without a service: what is in force and what is planned for the next two weeks.
    Maintenance {
        #[arg(requires = "what")]
        service: Option<String>,
        /// How long it will take
        #[arg(long = "for", value_name = "TIME", group = "what", requires = "service", value_parser = words::duration)]
        time: Option<Duration>,
        /// End it now; with --at, withdraw what is planned for then
        #[arg(long, group = "what", requires = "service")]
        end: bool,
        /// Begin later: 2026-01-15T02:30:00Z, 02:30 (UTC, the next one) or 3h (from now)
        #[arg(long, value_name = "WHEN", requires = "service")]
        at: Option<String>,
        /// What is being done
        #[arg(long, default_value = "planned work", requires = "time")]
        reason: String,
    },
}

impl Service {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List => list(session).await,
            Self::Show { service, window, limit } => show(session, &service, window, limit).await,
            Self::Maintenance { service: None, .. } => calendar_of_all(session).await,
            Self::Maintenance { service: Some(service), time, at, reason, .. } => {
                let later =
                    |at: String| future(&at, session.now()).map_err(|why| CliError::Usage(format!("--at: {why}")));
                let from = at.map(later).transpose()?;
                let until = |time| {
                    let end = TimeDelta::from_std(time).ok();
                    let end = end.and_then(|time| from.unwrap_or(session.now()).checked_add_signed(time));
                    end.ok_or_else(|| CliError::Usage("--for: that is too long".to_owned()))
                };
                let command = match (time, from) {
                    (Some(time), None) => Command::StartMaintenance { service, until: until(time)?, reason },
                    (Some(time), Some(from)) => Command::PlanMaintenance { service, from, until: until(time)?, reason },
                    (None, None) => Command::EndMaintenance { service },
                    (None, Some(from)) => Command::WithdrawMaintenance { service, from },
                };
                session.submit(command).await
            }
        }
    }
}

/// How far ahead the calendar looks.
const CALENDAR: TimeDelta = TimeDelta::weeks(2);

async fn calendar_of_all(session: &Session) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let entries = calendar(&state, session.now(), session.now() + CALENDAR);
    session.output.result(&entries, || {
        if entries.is_empty() {
            return "nothing is planned for the next two weeks\n".to_owned();
        }
        let mut table = Table::new(["FROM", "UNTIL", "SERVICE", "PLANNED BY", "WHAT"]);
        for CalendarEntry { origin, from, until, service, reason } in &entries {
            table.row([
                Cell::from(text::moment(*from)),
                Cell::from(text::moment(*until)),
                Cell::from(service),
                match origin {
                    WorkOrigin::InForce => Cell::painted("⚒ in force", Paint::Warn),
                    WorkOrigin::PlatformFile => Cell::from("the platform file"),
                    WorkOrigin::Operator => Cell::from("command"),
                },
                Cell::from(text::line(reason)),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

async fn list(session: &Session) -> Result<Exit, CliError> {
    let client = session.client()?;
    if session.output.is_json() {
        let document: Value = client.get("/api/emergency/health").await?;
        session.output.result(&document, String::new)?;
    } else {
        let (state, vitals) = (client.state().await?, client.vitals().await?);
        session.output.result(&state, || table(&state, &vitals, session.now()).render(&session.output))?;
    }
    Ok(Exit::Done)
}

pub(super) fn table(state: &State, vitals: &Vitals, now: DateTime<Utc>) -> Table {
    let mut table = Table::new(["STATE", "SERVICE", "CRITICALITY", "P95", "ERRORS", "SINCE", "WHY"]);
    let affected = affected(state);
    for service in &state.platform.services {
        let health = state.services.get(&service.name).cloned().unwrap_or_default();
        let figures = vitals.services.get(&service.name);
        let silence = figures.and_then(|figures| figures.silence(&state.platform, &service.name, now));
        let why = match (silence, health.status, affected.get(&service.name)) {
            (Some(silence), ..) => format!("no news for {}", text::span(silence)),
            (None, Status::Healthy, None) => String::new(),
            (None, Status::Healthy, Some(root)) => format!("needs {root}, which fails"),
            (None, Status::Down | Status::Degraded, Some(root)) => format!("affected by {root}: {}", health.reason),
            (None, ..) => health.reason.clone(),
        };
        table.row([
            status(&health, silence.is_some()),
            Cell::from(&service.name),
            Cell::from(text::word(&service.criticality)),
            Cell::from(figures.and_then(ServiceVitals::p95).map_or_else(|| "—".to_owned(), milliseconds)),
            Cell::from(
                figures
                    .and_then(ServiceVitals::error_rate)
                    .map_or_else(|| "—".to_owned(), |rate| format!("{:.0} %", rate * 100.0)),
            ),
            Cell::from(text::age(health.since, now)),
            Cell::from(why),
        ]);
    }
    table
}

fn status(health: &ServiceHealth, silent: bool) -> Cell {
    match health.status {
        Status::Maintenance => Cell::painted("⚒ MAINT", Paint::Dim),
        _ if silent => Cell::painted("◌ UNKNOWN", Paint::Warn),
        Status::Unknown => Cell::painted("◌ UNKNOWN", Paint::Warn),
        Status::Healthy => Cell::painted("● OK", Paint::Good),
        Status::Degraded => Cell::painted("▲ DEGRADED", Paint::Warn),
        Status::Down => Cell::painted("✖ DOWN", Paint::Bad),
    }
}

fn milliseconds(time: Duration) -> String {
    if time >= Duration::from_secs(1) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} ms", time.as_millis())
    }
}

async fn show(session: &Session, name: &str, window: Window, limit: usize) -> Result<Exit, CliError> {
    let client = session.client()?;
    let (state, vitals) = (client.state().await?, client.vitals().await?);
    let service = state.platform.service(name).ok_or_else(|| Refusal::unknown_service(&state.platform, name))?;
    let history = client.history(name, limit).await?;
    let over = client.uptime(name, window, STRIP).await?;
    let health = state.services.get(name).cloned().unwrap_or_default();
    let figures = vitals.services.get(name).cloned().unwrap_or_default();
    let silence = figures.silence(&state.platform, name, session.now());
    let document = json!({
        "service": service,
        "health": health,
        "lastSeen": figures.last_seen(),
        "p95Seconds": figures.p95().map(|p95| p95.as_secs_f64()),
        "errorRate": figures.error_rate(),
        "stale": silence.is_some(),
        "components": state.platform.components_of(name).collect::<Vec<_>>(),
        "history": history,
        "figures": over,
    });
    session.output.result(&document, || {
        let mut page = describe(session, &state, service, &health, silence);
        page += &format!("\nover {}\n", window.name());
        page += &looked_back(&over);
        page += &checks(&over).render(&session.output);
        page += &ahead(session, &over.ahead);
        page += "\nlast results\n";
        page += &results(&history).render(&session.output);
        page
    })?;
    Ok(Exit::Done)
}

fn describe(
    session: &Session,
    state: &State,
    service: &platform::Service,
    health: &ServiceHealth,
    silence: Option<TimeDelta>,
) -> String {
    let now = session.now();
    let mut page = format!(
        "{}  {}  {}\n",
        text::line(&service.name),
        text::word(&service.criticality),
        match silence {
            Some(silence) => format!("unknown, no news for {}", text::span(silence)),
            None => format!("{} for {}", text::word(&health.status), text::age(health.since, now)),
        }
    );
    if !health.reason.is_empty() {
        page += &format!("why         {}\n", text::line(&health.reason));
    }
    if let Some(root) = affected(state).get(&service.name) {
        page += &format!("affected by {}\n", text::line(root));
    }
    if let Some(until) = health.maintenance_until {
        page += &format!("maintenance until {}\n", text::moment(until));
    }
    if let Some(work) = next_window(state, &service.name) {
        let (from, until) = (text::moment(work.from), text::moment(work.until));
        page += &format!("planned     {from} to {until}: {}\n", text::line(&work.reason));
    }
    let list = |names: &[String]| {
        if names.is_empty() { "nothing".to_owned() } else { text::line(&names.join(", ")) }
    };
    page += &format!("depends on  {}\n", list(&service.depends_on));
    page += &format!("needed by   {}\n", list(&state.platform.dependants_of(&service.name)));
    if let Some(owner) = &service.owner {
        page += &format!("owner       {}\n", text::line(owner));
    }
    for component in state.platform.components_of(&service.name) {
        let version = state.live_version(&component.name).map(|v| format!(", {v} is live")).unwrap_or_default();
        let kind = text::word(&component.kind);
        page += &format!("component   {} ({kind}{})\n", text::line(&component.name), text::line(&version));
    }
    for action in &service.actions {
        page += &format!("action      {} (risk {})\n", text::line(&action.name), text::word(&action.risk));
    }
    if let Some(incident) = state.incident_of(&service.name) {
        page += &format!("incident    {} {} {}\n", incident.id, incident.severity, text::line(&incident.title));
    }
    page
}

/// Uptime, latency, errors and the strip of a window.
fn looked_back(over: &History) -> String {
    let (whole, window) = (&over.whole, over.window.name());
    let time = |time: Duration| text::span(TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX));
    let held = &whole.standing;
    let mut page = match whole.uptime {
        Some(uptime) => format!("uptime      {} of the {} watched", percent(uptime), time(held.known())),
        None => format!("uptime      unknown: only {} of {window} were watched", time(held.known())),
    };
    for (what, spent) in [("down", held.down), ("degraded", held.degraded), ("planned work", held.planned)] {
        if !spent.is_zero() {
            page += &format!(", {what} {}", time(spent));
        }
    }
    page += &format!(", {}\n", text::count(held.outages, "outage"));
    if let Some(latency) = &whole.readings.latency {
        let [p50, p95, p99] = [latency.p50, latency.p95, latency.p99].map(milliseconds);
        page += &format!("latency     p50 {p50}, p95 {p95}, p99 {p99}\n");
    }
    if let Some(rate) = whole.readings.error_rate {
        page += &format!("errors      {} of {}", share(rate), text::count(whole.readings.readings, "reading"));
        if let Some(before) = over.error_rate_before {
            page += &format!(", {} in the {window} before", share(before));
        }
        page += "\n";
    }
    let strip = over.buckets.iter().map(|bucket| match bucket.worst() {
        Status::Healthy => "▪",
        Status::Degraded => "▲",
        Status::Down => "✖",
        Status::Maintenance => "⚒",
        Status::Unknown => "·",
    });
    page += &format!("            {}\n", strip.collect::<String>());
    page
}

/// A share of bad readings; few are never called none.
fn share(rate: f64) -> String {
    if rate > 0.0 && rate < 0.001 { "<0.1 %".to_owned() } else { format!("{:.1} %", rate * 100.0) }
}

/// What is to come, and of what there is no news.
fn ahead(session: &Session, ahead: &[Forecast]) -> String {
    let mut page = "\nahead\n".to_owned();
    let mut table = Table::new(["SUBJECT", "CHECK", "FORECAST"]);
    for forecast in ahead.iter().filter(|forecast| forecast.is_news()) {
        let paint = if forecast.near { Paint::Warn } else { Paint::Strong };
        let mark = if forecast.near { "▲ " } else { "" };
        table.row([
            Cell::painted(format!("{mark}{}", forecast.subject.name()), paint),
            Cell::from(&forecast.check),
            Cell::from(forecast.words(session.now())),
        ]);
    }
    if !table.is_empty() {
        page += &table.render(&session.output);
    }
    if let Some(rest) = without_news(ahead) {
        page += &format!("{}\n", text::line(&rest));
    }
    if ahead.is_empty() {
        page += "nothing is known yet\n";
    }
    page
}

fn checks(over: &History) -> Table {
    let mut table = Table::new(["CHECK", "READINGS", "ERRORS", "P50", "P95", "P99"]);
    for (name, figures) in &over.checks {
        let latency = |pick: fn(&Percentiles) -> Duration| {
            figures.latency.as_ref().map_or_else(|| "—".to_owned(), |latency| milliseconds(pick(latency)))
        };
        table.row([
            Cell::from(name),
            Cell::from(figures.readings.to_string()),
            Cell::from(figures.error_rate.map_or_else(|| "—".to_owned(), share)),
            Cell::from(latency(|latency| latency.p50)),
            Cell::from(latency(|latency| latency.p95)),
            Cell::from(latency(|latency| latency.p99)),
        ]);
    }
    table
}

fn results(history: &[Sample]) -> Table {
    let mut table = Table::new(["TIME", "CHECK", "READING", "TOOK", "WHAT"]);
    for sample in history {
        let paint = match sample.reading {
            Reading::Good => Paint::Good,
            Reading::Slow => Paint::Warn,
            Reading::Bad => Paint::Bad,
        };
        table.row([
            Cell::from(text::moment(sample.at)),
            Cell::from(&sample.check),
            Cell::painted(text::word(&sample.reading), paint),
            Cell::from(milliseconds(sample.latency)),
            Cell::from(&sample.detail),
        ]);
    }
    table
}
