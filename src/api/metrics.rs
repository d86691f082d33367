//! Figures for monitoring. Their names are listed in docs/monitoring.md, and the rules and the dashboard in `assets/monitoring` stand
//! on them: they stay.

use axum::{
    extract::State,
    http::{
        HeaderMap,
        header::{ACCEPT, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    exposition::{Exposition, Form, Kind, labels, plain},
    routes::Api,
};
use crate::{
    domain::{
        BreakerState, RecoveryOutcome, ServiceVitals, Severity, SnapshotState, State as DomainState, Status,
        SystemState, Vitals,
    },
    engine::{EngineHandle, EvidenceFigures},
};

/// `GET /metrics`.
pub(super) async fn metrics(State(api): State<Api>, headers: HeaderMap) -> Response {
    let form = Form::accepted(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default());
    let (state, vitals, now) = (api.engine.state(), api.engine.vitals(), api.engine.now());
    let mut page = Exposition::new(form);
    of_engine(&mut page, &api.engine, &state);
    of_journal(&mut page, &state, api.engine.evidence().await.ok().as_ref());
    of_services(&mut page, &state, &vitals, now);
    of_incidents(&mut page, &state);
    of_recoveries(&mut page, &state, now);
    ([(CONTENT_TYPE, form.content_type())], page.end()).into_response()
}

fn of_engine(page: &mut Exposition, engine: &EngineHandle, state: &DomainState) {
    let version = labels([("version", &state.engine.version), ("platform", &state.platform.name)]);
    page.family("build_info", "The engine's version and its platform.", Kind::Gauge, [(version, 1.0)]);
    let started = state.engine.started_at.map(|at| (String::new(), unix(at)));
    page.family("start_time_seconds", "When the engine took charge.", Kind::Gauge, started);
    let memory = memory_bytes().map(|bytes| (String::new(), bytes));
    page.family("memory_bytes", "Resident memory of the engine's process.", Kind::Gauge, memory);
    let of = |system: SystemState| {
        let name = match system {
            SystemState::Normal => "normal",
            SystemState::Degraded => "degraded",
            SystemState::Recovery => "recovery",
            SystemState::Emergency => "emergency",
        };
        (labels([("state", &name)]), truth(state.system_state() == system))
    };
    let states = [SystemState::Normal, SystemState::Degraded, SystemState::Recovery, SystemState::Emergency];
    page.family("system_state", "1 for the state of the platform as a whole.", Kind::Gauge, states.map(of));
    let halted = plain(truth(state.halted.is_some()));
    page.family("automation_halted", "1 while policies start nothing.", Kind::Gauge, halted);
    let pace = engine.pace();
    let rate = pace.as_ref().map(|pace| (String::new(), pace.per_second));
    page.family("checks_per_second", "Checks started each second.", Kind::Gauge, rate);
    let lag = pace.iter().flat_map(|pace| [(0.5, pace.lag_p50), (0.99, pace.lag_p99)]);
    let lag = lag.map(|(share, time)| (labels([("quantile", &share)]), time.as_secs_f64()));
    page.family("check_lag_seconds", "How late checks start after their time.", Kind::Summary, lag);
}

fn of_journal(page: &mut Exposition, state: &DomainState, evidence: Option<&EvidenceFigures>) {
    page.family("journal_events", "Events recorded.", Kind::Counter, plain(count(state.seq)));
    let newest = evidence.and_then(|evidence| evidence.checkpoint.as_ref());
    let unsigned = newest.map(|newest| (String::new(), count(state.seq.saturating_sub(newest.seq))));
    page.family("journal_unsigned_events", "Events after the newest signed checkpoint.", Kind::Gauge, unsigned);
    let at = newest.map(|newest| (String::new(), unix(newest.at)));
    page.family("journal_checkpoint_time_seconds", "When the newest checkpoint was signed.", Kind::Gauge, at);
    let places = evidence.into_iter().flat_map(|evidence| evidence.exports.iter().chain(&evidence.witnesses));
    let reached = places.map(|place| (labels([("place", &place.place)]), truth(place.outage.is_none())));
    page.family("checkpoint_export_up", "1 while checkpoints reach a place outside.", Kind::Gauge, reached);
}

fn of_services(page: &mut Exposition, state: &DomainState, vitals: &Vitals, now: DateTime<Utc>) {
    let silent = |name: &str| {
        vitals.services.get(name).is_some_and(|figures| figures.silence(&state.platform, name, now).is_some())
    };
    let status = |name: &str, status: Status| if silent(name) { Status::Unknown } else { status };
    let statuses = || state.services.iter().map(|(name, health)| (name, status(name, health.status)));
    let up = statuses().map(|(name, status)| (labels([("service", name)]), truth(status == Status::Healthy)));
    page.family("service_up", "1 when the service is healthy and was heard from in time.", Kind::Gauge, up);
    let now_so = statuses().map(|(name, status)| (labels([("service", name), ("status", &word(status))]), 1.0));
    page.family("service_status", "1 for what the service is; unknown without news in time.", Kind::Gauge, now_so);
    let figures = |read: fn(&ServiceVitals) -> Option<f64>| {
        vitals.services.iter().filter_map(move |(name, vitals)| Some((labels([("service", name)]), read(vitals)?)))
    };
    let seen = figures(|vitals| Some(unix(vitals.last_seen()?)));
    page.family("service_last_seen_seconds", "When a check of it last had a result.", Kind::Gauge, seen);
    let slow = figures(|vitals| Some(vitals.p95()?.as_secs_f64()));
    page.family("service_p95_seconds", "95th percentile of the time its checks take.", Kind::Gauge, slow);
    let errors = figures(ServiceVitals::error_rate);
    page.family("service_error_ratio", "Share of its last checks that failed.", Kind::Gauge, errors);
    let breakers = state.platform.services.iter().map(|service| {
        let says = state.breakers.get(&service.name).map_or(BreakerState::Closed, |breaker| breaker.state);
        (labels([("service", &service.name), ("state", &says)]), 1.0)
    });
    page.family("breaker_state", "1 for what the breaker of a service says.", Kind::Gauge, breakers);
    let interrupted = state.platform.functions.iter().map(|function| {
        let interrupted = state.continuity.interruptions.contains_key(&function.name);
        (labels([("function", &function.name)]), truth(interrupted))
    });
    page.family("function_interrupted", "1 while people cannot do it.", Kind::Gauge, interrupted);
}

fn of_incidents(page: &mut Exposition, state: &DomainState) {
    let by_severity = |counts: &dyn Fn(Severity) -> usize| {
        Severity::ALL.map(|severity| (labels([("severity", &severity)]), many(counts(severity))))
    };
    let open = by_severity(&|severity| state.open_incidents().filter(|found| found.severity == severity).count());
    page.family("incidents_open", "Incidents in which users may still suffer.", Kind::Gauge, open);
    let all = by_severity(&|severity| state.incidents.values().filter(|found| found.severity == severity).count());
    page.family("incidents", "Incidents on record, by the severity they have now.", Kind::Counter, all);
    let unseen = state.open_incidents().filter(|found| found.acknowledged_at.is_none()).count();
    page.family("incidents_unacknowledged", "Open incidents that nobody has seen.", Kind::Gauge, plain(many(unseen)));
    let late = state.open_incidents().filter(|found| !found.breached.is_empty()).count();
    page.family("incidents_late", "Open incidents a clock of which has run out.", Kind::Gauge, plain(many(late)));
    let waiting = plain(many(state.pending_changes().len()));
    page.family("changes_pending", "Changes that wait for approval.", Kind::Gauge, waiting);
    let glass = state.break_glass.values().filter(|glass| glass.is_open()).count();
    page.family("break_glass_open", "Uses of break-glass that are open.", Kind::Gauge, plain(many(glass)));
    let runs = plain(many(state.open_runs().count()));
    page.family("runs_open", "Runs of runbooks that are not over.", Kind::Gauge, runs);
}

fn of_recoveries(page: &mut Exposition, state: &DomainState, now: DateTime<Utc>) {
    let running = plain(many(state.running_recoveries().count()));
    page.family("recoveries_running", "Recoveries under way.", Kind::Gauge, running);
    let ended = [RecoveryOutcome::Succeeded, RecoveryOutcome::Failed, RecoveryOutcome::Cancelled].map(|outcome| {
        let so = state.recoveries.values().filter(|run| run.ended.is_some_and(|(_, ended)| ended == outcome));
        (labels([("outcome", &outcome)]), many(so.count()))
    });
    page.family("recoveries", "Recoveries that are over.", Kind::Counter, ended);
    let components = || state.platform.components.iter();
    let age = components().filter_map(|component| {
        let age = state.recovery_point_age(&component.name, now)?;
        Some((labels([("component", &component.name)]), age.as_seconds_f64()))
    });
    page.family("recovery_point_age_seconds", "Age of the newest good snapshot.", Kind::Gauge, age);
    let wanted = components().map(|component| (labels([("component", &component.name)]), component.rpo.as_secs_f64()));
    page.family("recovery_point_objective_seconds", "How old it may be.", Kind::Gauge, wanted);
    let mut snapshots = [("running", 0), ("complete", 0), ("partial", 0), ("failed", 0)];
    for snapshot in state.snapshots.values() {
        let place = match snapshot.state {
            SnapshotState::Running => 0,
            SnapshotState::Complete => 1,
            SnapshotState::Partial => 2,
            SnapshotState::Failed(_) => 3,
        };
        snapshots[place].1 += 1;
    }
    let snapshots = snapshots.map(|(name, count)| (labels([("state", &name)]), many(count)));
    page.family("snapshots", "Snapshots on record.", Kind::Gauge, snapshots);
    let bytes = state.vault.total_bytes.map(|bytes| (String::new(), count(bytes)));
    page.family("vault_bytes", "What the vault takes, when it was last measured.", Kind::Gauge, bytes);
    let replica = state.platform.vault.replica.as_ref();
    let lag = replica.map(|_| state.vault.replica.lag(now).map_or(0.0, TimeDelta::as_seconds_f64));
    let lag = lag.map(|lag| (String::new(), lag));
    page.family("vault_replica_lag_seconds", "What would be lost with the vault.", Kind::Gauge, lag);
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Unknown => "unknown",
        Status::Healthy => "healthy",
        Status::Degraded => "degraded",
        Status::Down => "down",
        Status::Maintenance => "maintenance",
    }
}

fn truth(so: bool) -> f64 {
    f64::from(u8::from(so))
}

fn many(number: usize) -> f64 {
    count(number as u64)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for a plot")]
fn count(number: u64) -> f64 {
    number as f64
}

fn unix(at: DateTime<Utc>) -> f64 {
    (at - DateTime::UNIX_EPOCH).as_seconds_f64()
}

/// Resident memory of this process, where the system tells.
fn memory_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let told = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(count(told.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024))
}
