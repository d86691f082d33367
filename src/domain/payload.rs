//! Payloads: the texts of events that may have to go, because somebody wrote down what must not be kept. They stand beside the
//! hashed body of their event, so that they can be purged while everything else stays on record, and provable.
//!
//! A text that people or tools write is a payload. Names of people, services, components and places, what rules and the platform
//! file say, and what others have signed are none: the record would not say any more who did what to what.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Actor, BreakGlassId, ChangeId, ChangeState, Event, IncidentId, Meta, Named, Recorded, RecoveryId, Refusal, Role,
    RunId, State, next_step, text,
};

/// What is read where a text was.
pub const PURGED: &str = "(purged)";

/// Events whose texts one command purges at most.
pub const PURGE_LIMIT: usize = 1000;

/// Where they stand in what was diagnosed.
const DIAGNOSIS: &[&str] = &[
    "document/candidates/*/evidence/*/text",
    "document/candidates/*/issue",
    "document/rootCause/evidence/*/text",
    "document/rootCause/issue",
    "document/secondOpinion/elsewhere",
    "document/secondOpinion/explanation",
    "document/secondOpinion/notKnownHere/*",
    "document/secondOpinion/note",
];

/// Where they stand in an article.
const ARTICLE: &[&str] =
    &["body/fixes/*/text", "body/prevention", "body/procedure", "body/symptoms/words/*", "body/title"];

/// Where the payloads of each kind of event stand: the names of fields on the way, where `*` is every item of a list. Sorted by kind.
/// What was once here stays here: journals rely on it.
#[rustfmt::skip]
pub const PAYLOADS: &[(&str, &[&str])] = &[
    ("actionItemAdded", &["what"]),
    ("approvalDelegated", &["delegation/reason"]),
    ("approvalRevoked", &["reason"]),
    ("articleEdited", ARTICLE),
    ("articleProposed", ARTICLE),
    ("articleRetired", &["reason"]),
    ("automationHalted", &["reason"]),
    ("breakGlassEnded", &["reason"]),
    ("breakGlassOpened", &["reason"]),
    ("breakGlassReviewed", &["findings"]),
    ("breakerChanged", &["reason"]),
    ("changeApproved", &["reason"]),
    ("changeChecked", &["note"]),
    ("changeRejected", &["reason"]),
    ("changeReviewed", &["review/findings"]),
    ("changeRevised", &["reason"]),
    ("changeSubmitted", &["reason"]),
    ("changeWithdrawn", &["reason"]),
    ("deploymentRecorded", &["note"]),
    ("diagnosisConcluded", DIAGNOSIS),
    ("diagnosisDrafted", DIAGNOSIS),
    ("diagnosisFailed", &["error"]),
    ("diagnosisJudged", &["cause/issue", "note"]),
    ("drillAborted", &["reason"]),
    ("drillEnded", &["reason", "reveal/residue/*"]),
    ("errorsRecorded", &["errors/fingerprint", "errors/frame", "errors/message"]),
    ("exportChanged", &["problem"]),
    ("fallbackActivated", &["reason"]),
    ("fallbackEnded", &["note"]),
    ("incidentEscalated", &["reason"]),
    ("incidentNoted", &["text"]),
    ("incidentOpened", &["title"]),
    ("incidentReopened", &["reason"]),
    ("incidentResolved", &["resolution"]),
    ("incidentSeveritySet", &["reason"]),
    ("maintenancePlanned", &["work/reason"]),
    ("maintenanceStarted", &["reason"]),
    ("maintenanceWithdrawn", &["work/reason"]),
    ("onCallOverridden", &["reason"]),
    ("operatorDisabled", &["reason"]),
    ("operatorEnabled", &["reason"]),
    ("overrideEnded", &["reason"]),
    ("peopleToCall", &["notice/reason"]),
    ("postMortemWritten", &["findings/badly/*", "findings/lessons/*", "findings/lucky/*", "findings/well/*"]),
    ("recoveryCancelRequested", &["reason"]),
    ("recoveryEnded", &["summary"]),
    ("recoveryStarted", &["reason"]),
    ("recoveryValidated", &["criteria/*/found"]),
    ("rejectionRevoked", &["reason"]),
    ("replicationEnded", &["problem"]),
    ("runAttemptEnded", &["result/captured/*/value", "result/end/why", "result/output/text"]),
    ("runEnded", &["outcome/reason"]),
    ("runMoved", &["to/outcome/reason"]),
    ("runStarted", &["inputs/*/value"]),
    ("runStepAnswered", &["answer/value"]),
    ("runStepCancelRequested", &["reason"]),
    ("runStepEnded", &["end/cause/reason", "end/reason", "end/why"]),
    ("runUndoBegun", &["reason"]),
    ("runUnknownResolved", &["reason"]),
    ("serviceStatusChanged", &["reason"]),
    ("snapshotAdopted", &["captured/*/unreadable/*"]),
    ("snapshotFailed", &["error"]),
    ("snapshotProofFailed", &["error"]),
    ("snapshotRequested", &["reason"]),
    ("snapshotTaken", &["captured/*/unreadable/*"]),
    ("snapshotTested", &["results/*/detail"]),
    ("snapshotVerified", &["problems/*"]),
    ("stakeholdersUpdated", &["message/actions", "message/conditions", "message/needs", "message/text"]),
    ("stepDone", &["output"]),
    ("stepFailed", &["error"]),
    ("stepsSkipped", &["reason"]),
    ("streamChanged", &["problem"]),
    ("taskSet", &["task"]),
    ("templateSuspended", &["reason"]),
    ("vaultRepairEnded", &["found"]),
    ("watchEnded", &["reason"]),
];

/// Where the payloads of an event of this kind stand.
#[must_use]
pub fn payloads_of(kind: &str) -> &'static [&'static str] {
    PAYLOADS.binary_search_by_key(&kind, |(known, _)| known).map_or(&[], |place| PAYLOADS[place].1)
}

/// An event, and the texts that stand beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Purgeable {
    /// The event.
    pub recorded: Recorded,
    /// Its payloads by where they stand in it; none when it has none, when they are part of what is hashed, and when they
    /// were purged.
    pub texts: BTreeMap<String, String>,
}

/// Whether the texts of an event may be purged now.
///
/// # Errors
/// The rule that forbids it: it has none that stands beside it, they are gone already, or something is still decided by them.
pub fn may_purge(state: &State, found: &Purgeable) -> Result<(), Refusal> {
    let seq = found.recorded.seq;
    if state.evidence.purged.contains(&seq) {
        return Err(Refusal::new("purged-already", format!("the texts of event {seq} were purged already"))
            .hint(next_step::NOTHING_LEFT));
    }
    if found.texts.is_empty() {
        return Err(Refusal::new("no-payload", format!("event {seq} has no text that can be purged")).hint(
            "names and what rules say are the record itself; events from before this format have their texts in what is hashed",
        ));
    }
    match still_open(state, &found.recorded.event) {
        None => Ok(()),
        Some(what) => Err(Refusal::new("still-decided-on", format!("event {seq} belongs to {what}"))
            .hint("what is decided by these texts has to be over first")),
    }
}

/// Decides that the texts of these events are purged. What the journal holds of them comes with it.
pub(super) fn purge(
    state: &State,
    mut seqs: Vec<u64>,
    reason: &str,
    found: &[Purgeable],
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let Actor::Operator(name) = &meta.actor else {
        return Err(Refusal::new("person-needed", "a person answers for what is purged").hint(next_step::A_PERSON));
    };
    if !state.operators.get(name).is_some_and(|known| known.can_stand_for(Role::ComplianceOfficer)) {
        return Err(Refusal::new("role-needed", "this takes the compliance officer").hint(next_step::WHO_HAS_IT));
    }
    let reason = text::line("reason", reason)?;
    seqs.sort_unstable();
    seqs.dedup();
    if seqs.is_empty() || seqs.len() > PURGE_LIMIT {
        return Err(Refusal::new("purge-length", format!("1 to {PURGE_LIMIT} events are purged at once"))
            .hint("purge them in several turns"));
    }
    for seq in &seqs {
        let found = found.iter().find(|found| found.recorded.seq == *seq);
        may_purge(state, found.ok_or_else(|| Refusal::unknown(Named::Event, seq))?)?;
    }
    Ok(vec![Event::PayloadsPurged { seqs, reason }])
}

/// What an event names as being about.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    incident: Option<IncidentId>,
    change: Option<ChangeId>,
    recovery: Option<RecoveryId>,
    break_glass: Option<BreakGlassId>,
    run: Option<RunId>,
}

/// What an event belongs to that people or rules still decide by its texts. The work on an incident is not among it, but for
/// reported errors, which are told apart by their texts: a note that should not be there goes at once.
fn still_open(state: &State, event: &Event) -> Option<String> {
    let about: About = serde_json::from_value(serde_json::to_value(event).ok()?).ok()?;
    let change = about.change.and_then(|id| state.changes.get(&id));
    if let Some(change) = change.filter(|found| found.state.is_open() || found.state == ChangeState::Validating) {
        return Some(format!("{}, which is {}", change.id, change.state));
    }
    let recovery = about.recovery.and_then(|id| state.recoveries.get(&id));
    if let Some(recovery) = recovery.filter(|found| found.is_running()) {
        return Some(format!("{}, which still runs", recovery.id));
    }
    let glass = about.break_glass.and_then(|id| state.break_glass.get(&id));
    if let Some(glass) = glass.filter(|found| found.is_review_owed()) {
        return Some(format!("{}, which others still have to review", glass.id));
    }
    if let Some(run) = about.run.and_then(|id| state.runs.get(&id)).filter(|run| run.is_open()) {
        return Some(format!("{}, which is not over", run.id));
    }
    let incident = about.incident.and_then(|id| state.incidents.get(&id));
    let told_apart = matches!(event, Event::ErrorsRecorded { .. });
    let incident = incident.filter(|found| told_apart && found.state.is_open())?;
    Some(format!("{}, which is {}", incident.id, incident.state))
}

/// What is true after an event.
pub(super) fn apply(purged: &mut BTreeSet<u64>, recorded: &Recorded) {
    if let Event::PayloadsPurged { seqs, .. } = &recorded.event {
        purged.extend(seqs);
    }
}
