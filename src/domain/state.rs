//! The state: everything the product knows, as the fold of all events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    BreakGlass, BreakGlassId, Breaker, Change, ChangeId, ChangeState, ChangeTemplate, Continuity, Credentials,
    Criticality, Delegation, Deployment, DeploymentId, Diagnosis, DiagnosisId, Drills, EvidenceState, Incident,
    IncidentId, Knowledge, Named, Older, OnCallOverride, Operator, OverrideId, PlannedWork, Recovery, RecoveryId,
    Refusal, Run, RunId, ServiceHealth, Severity, Snapshot, SnapshotId, Status, Stream, TokenId, VaultState,
    dense::dense,
};
use crate::platform::{
    Access, ApprovalLevels, Automation, AutomationMode, EvidenceCare, LogFiles, Platform, Profile, RedactionRules,
    VaultCare,
};

/// Everything the product knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Position of the last event applied; 0 before the first.
    pub seq: u64,
    /// Time of the last event applied.
    pub clock: DateTime<Utc>,
    /// Time of the first event: before it nothing is known.
    #[serde(default)]
    pub began: Option<DateTime<Utc>>,
    /// The engine in charge.
    pub engine: EngineInfo,
    /// What is known of the evidence.
    #[serde(default)]
    pub evidence: EvidenceState,
    /// The platform file in force.
    pub platform: Arc<Platform>,
    /// How far policies may go.
    pub mode: AutomationMode,
    /// Why policies start nothing, while the kill switch is engaged.
    pub halted: Option<String>,
    /// People, by name.
    pub operators: BTreeMap<String, Operator>,
    /// What is known of their credentials; no secret is among it.
    #[serde(default)]
    pub credentials: Credentials,
    /// Services, by name.
    pub services: BTreeMap<String, ServiceHealth>,
    /// Breakers that have changed since they were made, by service.
    #[serde(default)]
    pub breakers: BTreeMap<String, Breaker>,
    /// When the last maintenance of each service began that ever had one.
    #[serde(default)]
    pub maintained: BTreeMap<String, DateTime<Utc>>,
    /// Work that was planned by command and has not begun, in order of time.
    #[serde(default)]
    pub planned: BTreeSet<PlannedWork>,
    /// When a recovery or planned work last put a service, or what it stands on, right: how its checks did before says
    /// nothing about how steady it is now.
    #[serde(default)]
    pub settled: BTreeMap<String, DateTime<Utc>>,
    /// Incidents, oldest first.
    #[serde(deserialize_with = "dense")]
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// Diagnoses, oldest first.
    pub diagnoses: BTreeMap<DiagnosisId, Diagnosis>,
    /// Snapshots, oldest first.
    #[serde(deserialize_with = "dense")]
    pub snapshots: BTreeMap<SnapshotId, Snapshot>,
    /// What is not here because it is old; the engine lacks nothing.
    #[serde(default, skip_serializing_if = "Older::is_none")]
    pub older: Older,
    /// Logs that are received, by component.
    #[serde(default)]
    pub streams: BTreeMap<String, Stream>,
    /// What concerns the vault as a whole.
    #[serde(default)]
    pub vault: VaultState,
    /// The ledger of deployments, oldest first.
    pub deployments: BTreeMap<DeploymentId, Deployment>,
    /// Changes, oldest first.
    pub changes: BTreeMap<ChangeId, Change>,
    /// Who may agree in whose place.
    #[serde(default)]
    pub delegations: Vec<Delegation>,
    /// Who is on call instead of whoever a schedule names, oldest first; what is long over is left out.
    #[serde(default)]
    pub overrides: BTreeMap<OverrideId, OnCallOverride>,
    /// The newest of them that there ever was.
    #[serde(default)]
    pub newest_override: OverrideId,
    /// Changes that are agreed to beforehand, by name.
    #[serde(default)]
    pub templates: BTreeMap<String, ChangeTemplate>,
    /// Uses of break-glass, oldest first.
    #[serde(default)]
    pub break_glass: BTreeMap<BreakGlassId, BreakGlass>,
    /// Recoveries, oldest first.
    pub recoveries: BTreeMap<RecoveryId, Recovery>,
    /// Runs of runbooks, oldest first.
    #[serde(default)]
    pub runs: BTreeMap<RunId, Arc<Run>>,
    /// Functions that people cannot do without for long.
    #[serde(default)]
    pub continuity: Continuity,
    /// What is known about what breaks.
    #[serde(default)]
    pub knowledge: Knowledge,
    /// Drills, and when the next are due.
    #[serde(default)]
    pub drills: Drills,
}

/// The engine in charge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineInfo {
    /// Its version.
    pub version: String,
    /// The host it runs on.
    pub host: String,
    /// The name of its journal, as in its checkpoints; no two engines have the same.
    #[serde(default)]
    pub origin: String,
    /// When it took charge; none when it let go in good order.
    pub started_at: Option<DateTime<Utc>>,
}

/// How the platform as a whole is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SystemState {
    /// Nothing is wrong.
    Normal,
    /// Something is.
    Degraded,
    /// A recovery runs.
    Recovery,
    /// A SEV1 incident is open.
    Emergency,
}

impl Default for State {
    fn default() -> Self {
        Self {
            seq: 0,
            clock: DateTime::<Utc>::UNIX_EPOCH,
            began: None,
            engine: EngineInfo::default(),
            evidence: EvidenceState::default(),
            platform: Arc::new(Platform {
                name: String::new(),
                profile: Profile::Production,
                automation: Automation { mode: AutomationMode::Observe },
                access: Access::default(),
                listen: None,
                log: LogFiles::default(),
                vault: VaultCare::default(),
                evidence: EvidenceCare::default(),
                language_model: None,
                redact: RedactionRules::default(),
                services: Vec::new(),
                components: Vec::new(),
                operators: Vec::new(),
                maintenance: Vec::new(),
                on_call: Vec::new(),
                approvals: ApprovalLevels::default(),
                freezes: Vec::new(),
                functions: Vec::new(),
            }),
            mode: AutomationMode::Observe,
            halted: None,
            operators: BTreeMap::new(),
            credentials: Credentials::default(),
            services: BTreeMap::new(),
            breakers: BTreeMap::new(),
            maintained: BTreeMap::new(),
            planned: BTreeSet::new(),
            settled: BTreeMap::new(),
            incidents: BTreeMap::new(),
            diagnoses: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            older: Older::default(),
            streams: BTreeMap::new(),
            vault: VaultState::default(),
            deployments: BTreeMap::new(),
            changes: BTreeMap::new(),
            delegations: Vec::new(),
            overrides: BTreeMap::new(),
            newest_override: OverrideId::default(),
            templates: BTreeMap::new(),
            break_glass: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            runs: BTreeMap::new(),
            continuity: Continuity::default(),
            knowledge: Knowledge::default(),
            drills: Drills::default(),
        }
    }
}

impl State {
    /// How the platform as a whole is.
    #[must_use]
    pub fn system_state(&self) -> SystemState {
        if self.open_incidents().any(|incident| incident.severity == Severity::Sev1) {
            SystemState::Emergency
        } else if self.running_recoveries().next().is_some() {
            SystemState::Recovery
        } else if self.open_incidents().next().is_some()
            || self.services.values().any(|health| matches!(health.status, Status::Down | Status::Degraded))
        {
            SystemState::Degraded
        } else {
            SystemState::Normal
        }
    }

    /// The incident, if it exists.
    ///
    /// # Errors
    /// `unknown-incident`.
    pub fn incident(&self, id: IncidentId) -> Result<&Incident, Refusal> {
        self.incidents.get(&id).ok_or_else(|| Refusal::unknown(Named::Incident, id))
    }

    /// The change, if it exists.
    ///
    /// # Errors
    /// `unknown-change`.
    pub fn change(&self, id: ChangeId) -> Result<&Change, Refusal> {
        self.changes.get(&id).ok_or_else(|| Refusal::unknown(Named::Change, id))
    }

    /// The use of break-glass, if it exists.
    ///
    /// # Errors
    /// `unknown-break-glass`.
    pub fn break_glass(&self, id: BreakGlassId) -> Result<&BreakGlass, Refusal> {
        self.break_glass.get(&id).ok_or_else(|| Refusal::unknown(Named::BreakGlass, id))
    }

    /// The snapshot, if it exists.
    ///
    /// # Errors
    /// `unknown-snapshot`.
    pub fn snapshot(&self, id: SnapshotId) -> Result<&Snapshot, Refusal> {
        self.snapshots.get(&id).ok_or_else(|| Refusal::unknown(Named::Snapshot, id))
    }

    /// The recovery, if it exists.
    ///
    /// # Errors
    /// `unknown-recovery`.
    pub fn recovery(&self, id: RecoveryId) -> Result<&Recovery, Refusal> {
        self.recoveries.get(&id).ok_or_else(|| Refusal::unknown(Named::Recovery, id))
    }

    /// The run, if it exists.
    ///
    /// # Errors
    /// `unknown-run`.
    pub fn run(&self, id: RunId) -> Result<&Run, Refusal> {
        self.runs.get(&id).map(Arc::as_ref).ok_or_else(|| Refusal::unknown(Named::Run, id))
    }

    /// Runs that are not over, oldest first.
    pub fn open_runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().map(Arc::as_ref).filter(|run| run.is_open())
    }

    /// Incidents in which users may still suffer, oldest first.
    pub fn open_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values().filter(|incident| incident.state.is_open())
    }

    /// The worst open incident a service is part of.
    #[must_use]
    pub fn incident_of(&self, service: &str) -> Option<&Incident> {
        self.open_incidents()
            .filter(|incident| incident.services.iter().any(|name| name == service))
            .min_by_key(|incident| incident.severity)
    }

    /// Changes that wait for somebody, the most urgent first.
    #[must_use]
    pub fn pending_changes(&self) -> Vec<&Change> {
        let mut pending: Vec<&Change> =
            self.changes.values().filter(|change| change.state == ChangeState::Pending).collect();
        pending.sort_by_key(|change| change.expires_at);
        pending
    }

    /// The person behind an operator's name: other names and service accounts belong to somebody.
    #[must_use]
    pub fn person<'a>(&'a self, operator: &'a str) -> &'a str {
        let owner = |name: &str| self.operators.get(name).and_then(|known| known.belongs_to.as_deref());
        // Whose owner has an owner is that one's; a ring of owners is one person too.
        let mut names = vec![operator];
        while let Some(next) = names.last().and_then(|name| owner(name)) {
            if names.contains(&next) {
                return names.into_iter().min().unwrap_or(operator);
            }
            names.push(next);
        }
        names.last().copied().unwrap_or(operator)
    }

    /// Recoveries that are not over.
    pub fn running_recoveries(&self) -> impl Iterator<Item = &Recovery> {
        self.recoveries.values().filter(|recovery| recovery.is_running())
    }

    /// The version of a component that went live last.
    #[must_use]
    pub fn live_version(&self, component: &str) -> Option<&str> {
        self.deployments
            .values()
            .rev()
            .find(|deployment| deployment.component == component)
            .map(|deployment| deployment.version.as_str())
    }

    /// Services of at least this criticality.
    pub fn services_from(&self, criticality: Criticality) -> impl Iterator<Item = &str> {
        self.platform
            .services
            .iter()
            .filter(move |service| service.criticality >= criticality)
            .map(|service| service.name.as_str())
    }

    pub(super) fn next_incident(&self) -> IncidentId {
        IncidentId(self.incidents.keys().next_back().map_or(1, |id| id.0 + 1))
    }

    pub(super) fn next_change(&self) -> ChangeId {
        ChangeId(self.changes.keys().next_back().map_or(1, |id| id.0 + 1))
    }

    pub(super) fn next_break_glass(&self) -> BreakGlassId {
        BreakGlassId(self.break_glass.keys().next_back().map_or(1, |id| id.0 + 1))
    }

    pub(super) fn next_snapshot(&self) -> SnapshotId {
        SnapshotId(self.snapshots.keys().next_back().map_or(1, |id| id.0 + 1))
    }

    pub(super) fn next_recovery(&self) -> RecoveryId {
        RecoveryId(self.recoveries.keys().next_back().map_or(1, |id| id.0 + 1))
    }

    pub(super) fn next_run(&self) -> RunId {
        RunId(self.runs.keys().next_back().map_or(1, |id| id.0 + 1))
    }

    pub(super) fn next_diagnosis(&self) -> DiagnosisId {
        DiagnosisId(self.diagnoses.keys().next_back().map_or(1, |id| id.0 + 1))
    }

    pub(super) fn next_override(&self) -> OverrideId {
        OverrideId(self.newest_override.0 + 1)
    }

    pub(super) fn next_token(&self) -> TokenId {
        TokenId(self.credentials.tokens.keys().next_back().map_or(1, |id| id.0 + 1))
    }

    pub(super) fn next_deployment(&self) -> DeploymentId {
        DeploymentId(self.deployments.keys().next_back().map_or(1, |id| id.0 + 1))
    }
}
