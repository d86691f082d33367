//! What whoever takes over has to know: what is open, what waits for a person, what runs, what is owed, and what happened lately.

use std::{cmp::Reverse, fmt::Write as _};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{
    page::escaped,
    situation::{SituationReport, recovery_line},
    words::{moment, span},
};
use crate::{
    domain::{Change, ChangeState, State, Status, SystemState, duty, missing_roles, role_name},
    platform::OnCallSchedule,
};

/// What whoever takes over has to know at a moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handover {
    /// Of which platform.
    pub platform: String,
    /// When.
    pub at: DateTime<Utc>,
    /// How far back `lately` goes, in seconds.
    pub window_seconds: i64,
    /// How the platform as a whole is.
    pub system: SystemState,
    /// Services that are not as they should be, each with why.
    pub services: Vec<(String, Status, String)>,
    /// Who is on call in each schedule, until when, and who comes then, each in a line.
    pub on_call: Vec<String>,
    /// Incidents that are open, the worst first.
    pub incidents: Vec<SituationReport>,
    /// What waits for a person, each in a line.
    pub waiting: Vec<String>,
    /// What is under way, each in a line.
    pub running: Vec<String>,
    /// What is owed, each in a line.
    pub owed: Vec<String>,
    /// What happened in the window, the newest first.
    pub lately: Vec<(DateTime<Utc>, String)>,
}

impl Handover {
    /// What there is to hand over; `window` is how far back it looks for what happened.
    #[must_use]
    pub fn of(state: &State, window: TimeDelta, now: DateTime<Utc>) -> Self {
        let services = state.services.iter().filter(|(_, health)| health.status != Status::Healthy);
        let mut incidents: Vec<SituationReport> =
            state.open_incidents().filter_map(|incident| SituationReport::of(state, incident.id, now).ok()).collect();
        incidents.sort_by_key(|incident| (incident.severity, incident.since));
        Self {
            platform: state.platform.name.clone(),
            at: now,
            window_seconds: window.num_seconds(),
            system: state.system_state(),
            services: services.map(|(name, health)| (name.clone(), health.status, health.reason.clone())).collect(),
            on_call: on_call(state, now),
            incidents,
            waiting: waiting(state),
            running: running(state),
            owed: owed(state, now),
            lately: lately(state, now.checked_sub_signed(window).unwrap_or(DateTime::<Utc>::MIN_UTC)),
        }
    }

    /// The document for people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut page = format!("# Handover of {}\n\n", escaped(&self.platform));
        let system = match self.system {
            SystemState::Normal => "Nothing is wrong",
            SystemState::Degraded => "Something is wrong",
            SystemState::Recovery => "A recovery runs",
            SystemState::Emergency => "EMERGENCY: a SEV1 incident is open",
        };
        let _ = writeln!(page, "{}: {system}.", moment(self.at));
        page += &self.services_text();
        if !self.on_call.is_empty() {
            section(&mut page, "On call", &self.on_call);
        }
        page += "\n## Open incidents\n";
        if self.incidents.is_empty() {
            page += "\nNone.\n";
        }
        for incident in &self.incidents {
            let _ = writeln!(page, "\n### {}\n\n{}", escaped(&incident.headline()), incident.parts().trim_end());
        }
        section(&mut page, "Waits for a person", &self.waiting);
        section(&mut page, "Under way", &self.running);
        section(&mut page, "Owed", &self.owed);
        #[expect(clippy::cast_precision_loss, reason = "seconds, up to years")]
        let window = span(self.window_seconds as f64);
        let lately: Vec<String> =
            self.lately.iter().map(|(at, what)| format!("{} {what}", at.format("%H:%M"))).collect();
        section(&mut page, &format!("In the last {window}"), &lately);
        page
    }

    /// The worst first, those of which nothing is known in one line.
    fn services_text(&self) -> String {
        let of = |wanted: Status| self.services.iter().filter(move |(_, status, _)| *status == wanted);
        let mut lines = Vec::new();
        for (wanted, word) in
            [(Status::Down, "DOWN"), (Status::Degraded, "DEGRADED"), (Status::Maintenance, "in maintenance")]
        {
            lines.extend(
                of(wanted).map(|(name, _, reason)| format!("- **{}** {word}: {}\n", escaped(name), escaped(reason))),
            );
        }
        let unheard: Vec<&str> = of(Status::Unknown).map(|(name, ..)| name.as_str()).collect();
        if !unheard.is_empty() {
            lines.push(format!("- not heard from: {}\n", escaped(&unheard.join(", "))));
        }
        if lines.is_empty() { String::new() } else { format!("\n{}", lines.concat()) }
    }
}

fn section(page: &mut String, title: &str, lines: &[String]) {
    let _ = write!(page, "\n## {title}\n\n");
    if lines.is_empty() {
        page.push_str("Nothing.\n");
    }
    for line in lines {
        let _ = writeln!(page, "- {}", escaped(line));
    }
}

/// Who is on call in each schedule.
fn on_call(state: &State, now: DateTime<Utc>) -> Vec<String> {
    let line = |schedule: &OnCallSchedule| {
        let duty = duty(state, schedule, now);
        let who = duty.person.unwrap_or_else(|| "NOBODY".to_owned());
        let until = duty.until.map(|until| format!(" until {}", schedule.told(until))).unwrap_or_default();
        let then = duty.next.map(|next| next.person.unwrap_or_else(|| "nobody".to_owned()));
        let then = then.map(|then| format!(", then {then}")).unwrap_or_default();
        format!("{}: {who}{until}{then}", schedule.name)
    };
    state.platform.on_call.iter().map(line).collect()
}

fn waiting(state: &State) -> Vec<String> {
    let approval = |change: &&Change| {
        let roles: Vec<&str> = missing_roles(state, change).into_iter().map(role_name).collect();
        let until = change.expires_at.format("%H:%M");
        format!("{} {}: {} to approve before {until} UTC", change.id, change.title, roles.join(" and "))
    };
    let mut lines: Vec<String> = state.pending_changes().iter().map(approval).collect();
    let validating = state.changes.values().filter(|change| change.state == ChangeState::Validating);
    lines.extend(
        validating.map(|change| {
            format!("{} {}: somebody without a part in it to see that it worked", change.id, change.title)
        }),
    );
    for run in state.open_runs().filter(|run| !run.is_busy()) {
        if let Some(step) = run.stand.step() {
            lines.push(format!("{} {}: step {step}", run.id, run.book.front.title));
        }
    }
    lines
}

fn running(state: &State) -> Vec<String> {
    let mut lines: Vec<String> = state.running_recoveries().map(recovery_line).collect();
    let watched = state.recoveries.values().filter_map(|recovery| Some((recovery, recovery.watch_until?)));
    lines.extend(watched.map(|(recovery, until)| {
        format!("{} {} is watched until {} UTC", recovery.id, recovery.plan.title, until.format("%H:%M"))
    }));
    for glass in state.break_glass.values().filter(|glass| glass.is_open()) {
        let until = glass.until.format("%H:%M");
        lines.push(format!(
            "{}: {} acts without approval until {until} UTC: {}",
            glass.id, glass.operator, glass.reason
        ));
    }
    for (function, fallback) in &state.continuity.fallbacks {
        let since = fallback.since.format("%H:%M");
        lines.push(format!("{function} is done by hand since {since} UTC, by {}", fallback.by));
    }
    if let Some(drill) = state.drills.running() {
        lines.push(format!("{} is on: nothing of it is in earnest", drill.id));
    }
    if let Some(halted) = &state.halted {
        lines.push(format!("policies are halted: {halted}"));
    }
    lines
}

fn owed(state: &State, now: DateTime<Utc>) -> Vec<String> {
    let late = |at: DateTime<Utc>| {
        let day = at.format("%Y-%m-%d %H:%M");
        if at < now { format!("LATE since {day} UTC") } else { format!("by {day} UTC") }
    };
    let mut lines = Vec::new();
    for incident in state.incidents.values() {
        if let Some(due) = incident.post_mortem_due_at() {
            lines.push(format!("post-mortem of {} {}: {}", incident.id, incident.title, late(due)));
        }
        for item in &incident.post_mortem.actions {
            if let Some(due) = item.late_at().filter(|due| *due < now) {
                let owner = item.owner.as_deref().unwrap_or("nobody");
                lines.push(format!("{} of {}, {owner}: {}", item.what, incident.id, late(due)));
            }
        }
    }
    for change in state.changes.values() {
        if let Some(due) = change.review_due_at() {
            lines.push(format!("review of {} {}: {}", change.id, change.title, late(due)));
        }
    }
    for glass in state.break_glass.values().filter(|glass| !glass.is_open()) {
        if let Some(due) = glass.review_due_at() {
            lines.push(format!("review of {}, which {} used: {}", glass.id, glass.operator, late(due)));
        }
    }
    lines
}

fn lately(state: &State, since: DateTime<Utc>) -> Vec<(DateTime<Utc>, String)> {
    let resolved = state.incidents.values().filter_map(|incident| {
        let what = incident.resolution.as_deref().unwrap_or("no word how");
        Some((incident.resolved_at?, format!("{} {} resolved: {what}", incident.id, incident.title)))
    });
    let deployed = state.deployments.values().map(|deployment| {
        (deployment.at, format!("{} {} went live, by {}", deployment.component, deployment.version, deployment.by))
    });
    let recovered = state.recoveries.values().filter_map(|recovery| Some((recovery.ended?.0, recovery_line(recovery))));
    let mut all: Vec<_> = resolved.chain(deployed).chain(recovered).filter(|(at, _)| *at >= since).collect();
    all.sort_by_key(|(at, _)| Reverse(*at));
    all
}
