//! The post-mortem of one incident: what the record says, each line with its place in the journal, and what only people can
//! say, visibly empty until they have.

use std::{collections::BTreeSet, fmt::Write as _};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{
    page::escaped,
    words::{moment, span},
};
use crate::{
    domain::{
        ActionItem, Clock, DiagnosisId, DiagnosisState, Findings, Incident, IncidentId, IncidentRole, IncidentState,
        IncidentTimes, RecoveryId, Refusal, RootCause, Severity, StakeholderUpdate, State, TIMELINE_LIMIT,
        TimelineEntry,
    },
    platform::Criticality,
};

/// How far back changes before an incident are shown.
const BEFORE: TimeDelta = TimeDelta::hours(1);

/// What there is to say about one incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PostMortemReport {
    /// Which.
    pub incident: IncidentId,
    /// In one line.
    pub title: String,
    /// How bad it was in the end.
    pub severity: Severity,
    /// Where it is in its life.
    pub state: IncidentState,
    /// When the post-mortem was completed, and by whom.
    pub completed: Option<(DateTime<Utc>, String)>,
    /// Until when it is to be, while it is not.
    pub due_at: Option<DateTime<Utc>>,
    /// What it still lacks.
    pub missing: Vec<String>,
    /// What ended it.
    pub resolution: Option<String>,
    /// Who noticed: a policy, after failed checks, or a person.
    pub opened_by: String,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// Its times in seconds, from the first sign.
    pub times: IncidentTimes,
    /// Each clock beside its target.
    pub clocks: Vec<ClockReport>,
    /// What its services suffered, the worst first.
    pub impact: Vec<ServiceImpact>,
    /// What the last diagnosis that came to an end says.
    pub root_cause: Option<(DiagnosisId, RootCause)>,
    /// What went live or was carried out in the hour before the first sign, oldest first.
    pub changes_before: Vec<ChangeBefore>,
    /// Each recovery that was tried for it, oldest first.
    pub tried: Vec<Tried>,
    /// Who answered for what.
    pub roles: Vec<(IncidentRole, String)>,
    /// What those who waited were told.
    pub updates: Vec<StakeholderUpdate>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// What people found.
    pub findings: Findings,
    /// What is to be done.
    pub actions: Vec<ActionItem>,
}

/// One clock.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockReport {
    /// Which.
    pub clock: Clock,
    /// How long it ran; none while it runs or when it was never stopped.
    pub took_seconds: Option<f64>,
    /// How long it may.
    pub target_seconds: u64,
    /// Whether it was recorded as run out.
    pub breached: bool,
}

/// What a service suffered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceImpact {
    /// Which.
    pub service: String,
    /// How much depends on it; none when the platform file does not know it any more.
    pub criticality: Option<Criticality>,
    /// So long it was down.
    pub down_seconds: f64,
    /// So long it was degraded.
    pub degraded_seconds: f64,
    /// Services that need it.
    pub needed_by: Vec<String>,
}

/// Something that was changed shortly before an incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeBefore {
    /// The event behind a deployment; a recovery has a name by which the journal is searched.
    pub seq: Option<u64>,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub what: String,
    /// Who.
    pub by: String,
    /// Whether it touched a service of the incident, or one that such a service needs.
    pub on_the_way: bool,
}

/// A recovery that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// Which.
    pub recovery: RecoveryId,
    /// What.
    pub what: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How it ended, in a word.
    pub outcome: String,
    /// Whether it worked, and lasted as far as it is known.
    pub worked: bool,
    /// What came of it.
    pub summary: String,
}

impl PostMortemReport {
    /// What is known of an incident at a moment.
    ///
    /// # Errors
    /// A refusal when there is no such incident.
    pub fn of(state: &State, id: IncidentId, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let incident = state.incident(id)?;
        let clocks = Clock::ALL.into_iter().map(|clock| ClockReport {
            clock,
            took_seconds: incident.stopped_at(clock).map(|at| (at - incident.detected_at).as_seconds_f64()),
            target_seconds: incident.severity.target(clock).as_secs(),
            breached: incident.breached.contains(&clock),
        });
        let concluded = incident.diagnoses.iter().rev().find_map(|id| match &state.diagnoses.get(id)?.state {
            DiagnosisState::Concluded { document, .. } => Some((*id, document.root_cause.clone())),
            _ => None,
        });
        let paper = &incident.post_mortem;
        Ok(Self {
            incident: id,
            title: incident.title.clone(),
            severity: incident.severity,
            state: incident.state,
            completed: paper.completed.as_ref().map(|(at, by)| (*at, by.to_string())),
            due_at: incident.post_mortem_due_at(),
            missing: paper.missing(),
            resolution: incident.resolution.clone(),
            opened_by: incident.opened_by.to_string(),
            opened_at: incident.opened_at,
            times: IncidentTimes::of(incident),
            clocks: clocks.collect(),
            impact: impact(state, incident, now),
            root_cause: concluded,
            changes_before: changes_before(state, incident),
            tried: tried(state, incident),
            roles: incident.roles.iter().map(|(role, name)| (*role, name.clone())).collect(),
            updates: incident.updates.said.clone(),
            timeline: incident.timeline.clone(),
            findings: paper.findings.clone(),
            actions: paper.actions.clone(),
        })
    }

    /// The document for people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut page = format!("# Post-mortem of {}: {}\n\n", self.incident, escaped(&self.title));
        page += &self.status();
        page += &self.summary();
        page += &self.impact_text();
        page += &self.clocks_text();
        page += &self.cause_text();
        page += &self.tried_text();
        page += &self.people_text();
        page += &self.actions_text();
        page += &self.timeline_text();
        page
    }

    fn status(&self) -> String {
        match (&self.completed, self.due_at) {
            (Some((at, by)), _) => format!("Completed {} by {}.\n\n", moment(*at), escaped(by)),
            (None, due) => {
                let due = due.map_or_else(String::new, |due| format!(", due {}", moment(due)));
                let missing = match self.missing.as_slice() {
                    [] => "nothing is missing".to_owned(),
                    missing => format!("it lacks {}", missing.join(", ")),
                };
                format!("**Draft{due}**: {missing}.\n\n")
            }
        }
    }

    fn summary(&self) -> String {
        let mut text = format!("{} · {}. ", self.severity, self.state);
        let _ = write!(
            text,
            "First sign {}, opened {} by {}",
            moment(self.times.detected_at),
            span(self.times.detect_seconds) + " later",
            escaped(&self.opened_by)
        );
        if let Some(seconds) = self.times.resolve_seconds {
            let _ = write!(text, ", resolved after {}", span(seconds));
        }
        text += ".";
        if self.times.reopened > 0 {
            let _ = write!(text, " It came back {}×.", self.times.reopened);
        }
        if let Some(resolution) = &self.resolution {
            let _ = write!(text, " What ended it: {}.", escaped(resolution));
        }
        text + " Times are UTC; # is the place in the journal (`codeblue audit show N`).\n"
    }

    fn impact_text(&self) -> String {
        if self.impact.is_empty() {
            return "\n## Impact\n\nNo service was found down or degraded.\n".to_owned();
        }
        let mut text =
            "\n## Impact\n\n| Service | Criticality | Down | Degraded | Needed by |\n|---|---|---|---|---|\n"
                .to_owned();
        for one in &self.impact {
            let criticality =
                one.criticality.map_or_else(|| "–".to_owned(), |known| format!("{known:?}").to_lowercase());
            let needed = if one.needed_by.is_empty() { "–".to_owned() } else { escaped(&one.needed_by.join(", ")) };
            let _ = writeln!(
                text,
                "| {} | {criticality} | {} | {} | {needed} |",
                escaped(&one.service),
                span(one.down_seconds),
                span(one.degraded_seconds)
            );
        }
        text
    }

    fn clocks_text(&self) -> String {
        let mut text = "\n## Detection and clocks\n\n| Clock | Took | Target | |\n|---|---|---|---|\n".to_owned();
        let _ = writeln!(text, "| detect | {} | – | |", span(self.times.detect_seconds));
        for clock in &self.clocks {
            let took = clock.took_seconds.map_or_else(|| "–".to_owned(), span);
            #[expect(clippy::cast_precision_loss, reason = "seconds, up to days")]
            let target = clock.target_seconds as f64;
            let late = clock.breached || clock.took_seconds.is_some_and(|took| took >= target);
            let mark = match (late, clock.took_seconds) {
                (true, _) => "LATE",
                (false, Some(_)) => "in time",
                (false, None) => "not stopped",
            };
            let _ = writeln!(text, "| {} | {took} | {} | {mark} |", clock.clock, span(target));
        }
        for (role, name) in &self.roles {
            let _ = write!(text, "\n{}: {}\n", format!("{role:?}").to_lowercase(), escaped(name));
        }
        text
    }

    fn cause_text(&self) -> String {
        let mut text = "\n## Cause\n\n".to_owned();
        match &self.root_cause {
            None => text += "No diagnosis came to an end.\n",
            Some((id, cause)) => {
                let _ = writeln!(
                    text,
                    "{id}, made by the engine with confidence {:.2}: {}, in {}.\n",
                    cause.confidence,
                    escaped(&cause.issue),
                    escaped(&cause.service)
                );
                for evidence in &cause.evidence {
                    let times = if evidence.count > 1 { format!(" ×{}", evidence.count) } else { String::new() };
                    let _ = writeln!(text, "- {}: {}{times}", escaped(&evidence.source), escaped(&evidence.text));
                }
            }
        }
        text += "\n### Changed in the hour before\n\n";
        if self.changes_before.is_empty() {
            return text + "Nothing that is on record.\n";
        }
        for change in &self.changes_before {
            let far = if change.on_the_way { "" } else { " (elsewhere)" };
            let seq = change.seq.map(|seq| format!(" (#{seq})")).unwrap_or_default();
            let (at, what, by) = (moment(change.at), escaped(&change.what), escaped(&change.by));
            let _ = writeln!(text, "- {at} {what} by {by}{seq}{far}");
        }
        text
    }

    fn tried_text(&self) -> String {
        let mut text = "\n## What was tried, and what worked\n\n".to_owned();
        if self.tried.is_empty() {
            return text + "No recovery was run.\n";
        }
        text += "| Began | What | Outcome | |\n|---|---|---|---|\n";
        for one in &self.tried {
            let _ = writeln!(
                text,
                "| {} | {} {} | {} | {} |",
                one.started_at.format("%H:%M:%S"),
                one.recovery,
                escaped(&one.what),
                if one.worked { "**worked**" } else { &one.outcome },
                escaped(&one.summary)
            );
        }
        text
    }

    fn people_text(&self) -> String {
        let mut text = String::new();
        for (heading, lines) in self.findings.sections() {
            let _ = write!(text, "\n## {heading}\n\n");
            if lines.is_empty() {
                text += "*Nobody has written this yet.*\n";
            }
            for line in lines {
                let _ = writeln!(text, "- {}", escaped(line));
            }
        }
        text
    }

    fn actions_text(&self) -> String {
        let mut text = "\n## Action items\n\n".to_owned();
        if self.actions.is_empty() {
            return text + "None.\n";
        }
        text += "| | What | To | Owner | Due | Done |\n|---|---|---|---|---|---|\n";
        for (number, item) in self.actions.iter().enumerate() {
            let owner = item.owner.as_ref().map_or_else(|| "nobody".to_owned(), |owner| escaped(owner));
            let due = item.due.map_or_else(|| "–".to_owned(), |due| due.to_string());
            let done = item.done_at.map_or_else(|| "not done".to_owned(), moment);
            let what = escaped(&item.what);
            let _ = writeln!(text, "| {} | {what} | {} | {owner} | {due} | {done} |", number + 1, item.kind.name());
        }
        text
    }

    fn timeline_text(&self) -> String {
        let mut text = "\n## Timeline\n\n| # | Time | Who | What |\n|---|---|---|---|\n".to_owned();
        for entry in &self.timeline {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                entry.seq,
                moment(entry.at),
                escaped(&entry.actor.to_string()),
                escaped(&entry.text)
            );
        }
        if self.timeline.len() >= TIMELINE_LIMIT {
            let _ = write!(text, "\nThese are {TIMELINE_LIMIT} lines; the journal holds the rest.\n");
        }
        text
    }
}

fn impact(state: &State, incident: &Incident, now: DateTime<Utc>) -> Vec<ServiceImpact> {
    let until = incident.resolved_at.unwrap_or(now);
    let suffered = |(service, account): (&String, &crate::domain::Impact)| ServiceImpact {
        service: service.clone(),
        criticality: state.platform.service(service).map(|known| known.criticality),
        down_seconds: account.down(until).as_secs_f64(),
        degraded_seconds: account.degraded(until).as_secs_f64(),
        needed_by: state.platform.dependants_of(service).into_iter().collect(),
    };
    let mut all: Vec<ServiceImpact> = incident.impact.iter().map(suffered).collect();
    all.sort_by(|a, b| b.down_seconds.total_cmp(&a.down_seconds));
    all
}

/// Deployments, and recoveries that were carried out, in the hour before the first sign.
fn changes_before(state: &State, incident: &Incident) -> Vec<ChangeBefore> {
    let before = |at: DateTime<Utc>| at <= incident.detected_at && at > incident.detected_at - BEFORE;
    let mut way: BTreeSet<String> = incident.services.iter().cloned().collect();
    for service in &incident.services {
        way.extend(state.platform.dependencies_of(service));
    }
    let deployments = state.deployments.values().filter(|deployment| before(deployment.at)).map(|deployment| {
        let service = state.platform.component(&deployment.component).map(|component| &component.service);
        let from = deployment.previous.as_ref().map(|previous| format!(" over {previous}")).unwrap_or_default();
        ChangeBefore {
            seq: Some(deployment.seq),
            at: deployment.at,
            what: format!("{} {} went live{from}", deployment.component, deployment.version),
            by: deployment.by.to_string(),
            on_the_way: service.is_some_and(|service| way.contains(service)),
        }
    });
    let recoveries =
        state.recoveries.values().filter(|recovery| before(recovery.started_at)).map(|recovery| ChangeBefore {
            seq: None,
            at: recovery.started_at,
            what: format!("{}: {}", recovery.id, recovery.plan.title),
            by: recovery.started_by.to_string(),
            on_the_way: recovery.plan.services.iter().any(|service| way.contains(service)),
        });
    let mut all: Vec<ChangeBefore> = deployments.chain(recoveries).collect();
    all.sort_by_key(|change| change.at);
    all
}

fn tried(state: &State, incident: &Incident) -> Vec<Tried> {
    let recoveries = incident.recoveries.iter().filter_map(|id| state.recoveries.get(id));
    let told = recoveries.map(|recovery| Tried {
        recovery: recovery.id,
        what: recovery.plan.title.clone(),
        started_at: recovery.started_at,
        outcome: match (recovery.ended, &recovery.relapse) {
            (Some(_), Some(_)) => "did not last".to_owned(),
            (Some((_, outcome)), None) => outcome.to_string(),
            (None, _) => "running".to_owned(),
        },
        worked: recovery.lasted(),
        summary: recovery.relapse.clone().unwrap_or_else(|| recovery.summary.clone()),
    });
    told.collect()
}
