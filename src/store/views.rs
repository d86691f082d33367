//! What people ask of the journal with SQL: views that read events as incidents, changes, snapshots and so on. Their names and columns
//! stay (docs/sql.md); what they say is read from the events, and no rule and no proof relies on them.

use rusqlite::{Connection, OptionalExtension};

/// Events with the texts beside them, those that were purged as none.
const AUDIT_LOG: &str =
    "SELECT events.seq, events.at, json_extract(events.actor, '$') AS actor, events.cause, events.kind, events.body,
    CASE WHEN trim(payloads.texts) <> '' THEN payloads.texts END AS texts,
    payloads.seq IS NOT NULL AND trim(payloads.texts) = '' AS purged,
    lower(hex(events.hash)) AS hash
FROM events LEFT JOIN payloads USING (seq)";

/// Each view and what it selects; `{name}` is the field of an event, `{name!}` the text that may stand beside it.
const VIEWS: [(&str, &str); 12] = [
    ("audit_log", AUDIT_LOG),
    (
        "incidents",
        "WITH seen AS (
    SELECT {incident} AS id,
        max(CASE kind WHEN 'incidentOpened' THEN {title!} END) AS title,
        max(CASE kind WHEN 'incidentOpened' THEN {services} END) AS services,
        max(CASE kind WHEN 'incidentOpened' THEN {detectedAt} END) AS detected_at,
        max(CASE kind WHEN 'incidentOpened' THEN at END) AS opened_at,
        max(CASE kind WHEN 'incidentOpened' THEN actor END) AS opened_by,
        min(CASE kind WHEN 'incidentAcknowledged' THEN at END) AS acknowledged_at,
        max(CASE WHEN kind IN ('incidentOpened', 'incidentSeveritySet') THEN printf('%020d ', seq) || {severity} END) AS severity,
        max(CASE WHEN kind = 'incidentResolved' THEN printf('%020d ', seq) || {resolution!} END) AS resolution,
        max(CASE WHEN kind IN ('incidentResolved', 'incidentReopened') THEN printf('%020d ', seq) || kind || ' ' || at END) AS over,
        max(CASE WHEN kind IN ('incidentClosed', 'incidentReopened') THEN printf('%020d ', seq) || kind || ' ' || at END) AS shut,
        max(CASE kind WHEN 'incidentMerged' THEN {into} END) AS merged_into
    FROM audit_log WHERE kind LIKE 'incident%' GROUP BY 1
)
SELECT id, substr(severity, 22) AS severity, title, services, detected_at, opened_at, opened_by, acknowledged_at,
    CASE substr(over, 22, 16) WHEN 'incidentResolved' THEN substr(over, 39) END AS resolved_at,
    CASE substr(over, 22, 16) WHEN 'incidentResolved' THEN substr(resolution, 22) END AS resolution,
    CASE substr(shut, 22, 14) WHEN 'incidentClosed' THEN substr(shut, 37) END AS closed_at, merged_into
FROM seen WHERE opened_at IS NOT NULL",
    ),
    (
        "incident_timeline",
        "SELECT {incident} AS incident, seq, at, actor, kind, texts FROM audit_log WHERE {incident} IS NOT NULL",
    ),
    (
        "changes",
        "WITH seen AS (
    SELECT {change} AS id,
        max(CASE kind WHEN 'changeSubmitted' THEN {title} END) AS title,
        max(CASE kind WHEN 'changeSubmitted' THEN {kind} END) AS kind,
        max(CASE kind WHEN 'changeSubmitted' THEN {incident} END) AS incident,
        max(CASE kind WHEN 'changeSubmitted' THEN {reason!} END) AS reason,
        max(CASE kind WHEN 'changeSubmitted' THEN json_extract(body, '$.risk.score') END) AS risk,
        max(CASE kind WHEN 'changeSubmitted' THEN at END) AS submitted_at,
        max(CASE kind WHEN 'changeSubmitted' THEN actor END) AS submitted_by,
        max(CASE kind WHEN 'changeAuthorised' THEN at END) AS authorised_at,
        min(CASE WHEN kind IN ('changeEnded', 'changeRejected', 'changeExpired', 'changeWithdrawn') THEN
            CASE kind WHEN 'changeEnded' THEN {outcome} ELSE lower(substr(kind, 7)) END END) AS outcome,
        max(CASE WHEN kind IN ('changeEnded', 'changeRejected', 'changeExpired', 'changeWithdrawn') THEN at END) AS ended_at
    FROM audit_log WHERE kind LIKE 'change%' GROUP BY 1
)
SELECT id, title, kind, incident, reason, risk, submitted_at, submitted_by, authorised_at, outcome, ended_at
FROM seen WHERE submitted_at IS NOT NULL",
    ),
    (
        "approvals",
        "SELECT {change} AS change, seq, at, actor,
    CASE kind WHEN 'changeApproved' THEN 'approved' WHEN 'changeRejected' THEN 'rejected' ELSE 'revoked' END AS answer,
    {role} AS role, {planHash} AS plan_hash, {reason!} AS reason
FROM audit_log WHERE kind IN ('changeApproved', 'changeRejected', 'approvalRevoked')",
    ),
    (
        "snapshots",
        "WITH seen AS (
    SELECT {snapshot} AS id,
        max(CASE kind WHEN 'snapshotRequested' THEN {trigger} END) AS \"trigger\",
        max(CASE kind WHEN 'snapshotRequested' THEN {reason!} END) AS reason,
        max(CASE kind WHEN 'snapshotRequested' THEN {components} END) AS components,
        max(CASE kind WHEN 'snapshotRequested' THEN at END) AS requested_at,
        max(CASE kind WHEN 'snapshotTaken' THEN at END) AS taken_at,
        max(CASE kind WHEN 'snapshotTaken' THEN {totalBytes} END) AS total_bytes,
        max(CASE kind WHEN 'snapshotFailed' THEN {error!} END) AS error
    FROM audit_log WHERE kind IN ('snapshotRequested', 'snapshotTaken', 'snapshotFailed') GROUP BY 1
)
SELECT id, CASE WHEN taken_at IS NOT NULL THEN 'taken' WHEN error IS NOT NULL THEN 'failed' ELSE 'running' END AS state,
    \"trigger\", reason, components, requested_at, taken_at, total_bytes, error
FROM seen WHERE requested_at IS NOT NULL",
    ),
    (
        "recoveries",
        "WITH seen AS (
    SELECT {recovery} AS id,
        max(CASE kind WHEN 'recoveryStarted' THEN json_extract(body, '$.plan.title') END) AS title,
        max(CASE kind WHEN 'recoveryStarted' THEN json_extract(body, '$.plan.strategy') END) AS strategy,
        max(CASE kind WHEN 'recoveryStarted' THEN json_extract(body, '$.plan.services') END) AS services,
        max(CASE kind WHEN 'recoveryStarted' THEN {incident} END) AS incident,
        max(CASE kind WHEN 'recoveryStarted' THEN {change} END) AS change,
        max(CASE kind WHEN 'recoveryStarted' THEN {reason!} END) AS reason,
        max(CASE kind WHEN 'recoveryStarted' THEN at END) AS started_at,
        max(CASE kind WHEN 'recoveryStarted' THEN actor END) AS started_by,
        max(CASE kind WHEN 'recoveryEnded' THEN {outcome} END) AS outcome,
        max(CASE kind WHEN 'recoveryEnded' THEN {summary!} END) AS summary,
        max(CASE kind WHEN 'recoveryEnded' THEN at END) AS ended_at
    FROM audit_log WHERE kind IN ('recoveryStarted', 'recoveryEnded') GROUP BY 1
)
SELECT id, title, strategy, services, incident, change, reason, started_at, started_by, outcome, summary, ended_at
FROM seen WHERE started_at IS NOT NULL",
    ),
    (
        "deployments",
        "SELECT {deployment} AS id, {component} AS component, {version} AS version, {previous} AS previous, at, actor,
    {note!} AS note FROM audit_log WHERE kind = 'deploymentRecorded'",
    ),
    (
        "service_status",
        "SELECT {service} AS service, seq, at, {from} AS \"from\", {to} AS \"to\", {reason!} AS reason
FROM audit_log WHERE kind = 'serviceStatusChanged'",
    ),
    (
        "breaker_history",
        "SELECT {service} AS service, seq, at, actor, {to} AS \"to\", {until} AS until, {check} AS \"check\", {reason!} AS reason
FROM audit_log WHERE kind = 'breakerChanged'",
    ),
    (
        "runs",
        "WITH seen AS (
    SELECT {run} AS id,
        max(CASE kind WHEN 'runStarted' THEN json_extract(body, '$.book.id') END) AS book,
        max(CASE kind WHEN 'runStarted' THEN {incident} END) AS incident,
        max(CASE kind WHEN 'runStarted' THEN {mode} END) AS mode,
        max(CASE kind WHEN 'runStarted' THEN at END) AS started_at,
        max(CASE kind WHEN 'runStarted' THEN actor END) AS started_by,
        max(CASE kind WHEN 'runEnded' THEN json_extract(body, '$.outcome.kind') END) AS outcome,
        max(CASE kind WHEN 'runEnded' THEN at END) AS ended_at
    FROM audit_log WHERE kind IN ('runStarted', 'runEnded') GROUP BY 1
)
SELECT id, book, incident, mode, started_at, started_by, outcome, ended_at FROM seen WHERE started_at IS NOT NULL",
    ),
    (
        "drills",
        "WITH seen AS (
    SELECT {drill} AS id,
        max(CASE kind WHEN 'drillStarted' THEN {mode} END) AS mode,
        max(CASE kind WHEN 'drillStarted' THEN at END) AS started_at,
        max(CASE kind WHEN 'drillStarted' THEN actor END) AS started_by,
        max(CASE kind WHEN 'drillEnded' THEN json_extract(body, '$.reveal.truth.file') END) AS file,
        max(CASE kind WHEN 'drillEnded' THEN {outcome} END) AS outcome,
        max(CASE kind WHEN 'drillEnded' THEN at END) AS ended_at
    FROM audit_log WHERE kind IN ('drillStarted', 'drillEnded') GROUP BY 1
)
SELECT id, mode, file, started_at, started_by, outcome, ended_at FROM seen WHERE started_at IS NOT NULL",
    ),
];

/// Makes every view that is missing or that another version has made.
pub(super) fn make(connection: &Connection) -> rusqlite::Result<()> {
    for (name, select) in VIEWS {
        let wanted = format!("CREATE VIEW {name} AS {}", spelt_out(select));
        let there = "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = ?";
        let there: Option<String> = connection.query_row(there, [name], |row| row.get(0)).optional()?;
        if there.as_ref() != Some(&wanted) {
            connection.execute_batch(&format!("DROP VIEW IF EXISTS {name}; {wanted};"))?;
        }
    }
    Ok(())
}

/// A view's SQL with its fields as SQLite reads them. A text stands beside the event, in it where the journal is older than that, or
/// was purged.
fn spelt_out(select: &str) -> String {
    let mut sql = String::new();
    let mut rest = select;
    while let Some((before, after)) = rest.split_once('{') {
        let (field, behind) = after.split_once('}').unwrap_or((after, ""));
        sql += before;
        sql += &match field.strip_suffix('!') {
            None => format!("json_extract(body, '$.{field}')"),
            Some(text) => format!(
                "coalesce(json_extract(texts, '$.\"/{text}\"'), \
                 CASE json_type(body, '$.{text}') WHEN 'text' THEN json_extract(body, '$.{text}') WHEN 'object' THEN '(purged)' END)"
            ),
        };
        rest = behind;
    }
    sql + rest
}
