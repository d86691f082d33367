//! Figures for Prometheus, in its text format.

use std::fmt::Write as _;

use axum::extract::State;

use super::routes::Api;
use crate::domain::{SnapshotState, Status};

/// `GET /metrics`.
pub(super) async fn metrics(State(api): State<Api>) -> ([(&'static str, &'static str); 1], String) {
    let state = api.engine.state();
    let vitals = api.engine.vitals();
    let now = api.engine.now();
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, rows: Vec<(String, f64)>| {
        let _ = writeln!(text, "# HELP codeblue_{name} {help}\n# TYPE codeblue_{name} gauge");
        for (labels, value) in rows {
            let _ = writeln!(text, "codeblue_{name}{labels} {value}");
        }
    };
    let label = |key: &str, value: &str| format!("{{{key}=\"{value}\"}}");
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    #[expect(clippy::cast_precision_loss, reason = "a position for a plot")]
    let seq = state.seq as f64;
    gauge("journal_events", "Events in the journal.", vec![(String::new(), seq)]);
    gauge("incidents_open", "Open incidents.", vec![(String::new(), count(state.open_incidents().count()))]);
    gauge(
        "changes_pending",
        "Changes that wait for approval.",
        vec![(String::new(), count(state.pending_changes().len()))],
    );
    gauge(
        "recoveries_running",
        "Recoveries under way.",
        vec![(String::new(), count(state.running_recoveries().count()))],
    );
    let failed = state.snapshots.values().filter(|s| matches!(s.state, SnapshotState::Failed(_))).count();
    gauge("snapshots_failed", "Snapshots that failed.", vec![(String::new(), count(failed))]);
    if let Some(pace) = api.engine.pace() {
        gauge("checks_per_second", "Checks started each second.", vec![(String::new(), pace.per_second)]);
        let lag = [(0.5, pace.lag_p50), (0.99, pace.lag_p99)];
        let lag = lag.map(|(share, time)| (label("quantile", &share.to_string()), time.as_secs_f64()));
        gauge("check_lag_seconds", "How late checks start after their time.", lag.to_vec());
    }
    let up = |status: Status| if status == Status::Healthy { 1.0 } else { 0.0 };
    gauge(
        "service_up",
        "1 when the service is healthy.",
        state.services.iter().map(|(name, health)| (label("service", name), up(health.status))).collect(),
    );
    gauge(
        "service_p95_seconds",
        "95th percentile of the time its checks take.",
        vitals
            .services
            .iter()
            .filter_map(|(name, figures)| Some((label("service", name), figures.p95()?.as_secs_f64())))
            .collect(),
    );
    gauge(
        "recovery_point_age_seconds",
        "Age of the newest good snapshot.",
        state
            .platform
            .components
            .iter()
            .filter_map(|component| {
                let age = state.recovery_point_age(&component.name, now)?;
                Some((label("component", &component.name), age.as_seconds_f64()))
            })
            .collect(),
    );
    ([("content-type", "text/plain; version=0.0.4")], text)
}
