//! What a platform file says, after it has been read and found right.
//!
//! Everything here is plain data: it is part of the event `PlatformLoaded`, so that a replay decides as the original did.

use std::{fmt, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    adapter::Adapter,
    breaker::BreakerRules,
    change_rules::{ApprovalLevels, Freeze, HealthInformation},
    continuity::CriticalFunction,
    language_model::LanguageModel,
    listen::Listen,
    log_files::LogFiles,
    log_source::LogSource,
    maintenance::MaintenanceWindow,
    oncall::OnCallSchedule,
    probe::Probe,
    redaction::RedactionRules,
};

/// The system under care: its services, their restorable components and the rules that hold for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// Name shown on every screen.
    pub name: String,
    /// Which defaults hold.
    pub profile: Profile,
    /// What the engine may do by itself.
    pub automation: Automation,
    /// How people are known and how sure the engine has to be of it.
    #[serde(default)]
    pub access: Access,
    /// Where the engine listens beyond its socket; none: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<Listen>,
    /// The engine's own log files.
    #[serde(default, skip_serializing_if = "LogFiles::is_default")]
    pub log: LogFiles,
    /// How long snapshots are kept, and how often they are proved.
    #[serde(default)]
    pub vault: VaultCare,
    /// Where signed checkpoints of the journal go.
    #[serde(default)]
    pub evidence: EvidenceCare,
    /// Which language model is asked for a second opinion on a diagnosis; none: the local analyser decides alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language_model: Option<LanguageModel>,
    /// What is taken out of text beyond the rules of the program, and what may pass.
    #[serde(default, skip_serializing_if = "RedactionRules::is_default")]
    pub redact: RedactionRules,
    /// In the order of the file.
    pub services: Vec<Service>,
    /// In the order of the file.
    pub components: Vec<Component>,
    /// In the order of the file.
    pub operators: Vec<OperatorEntry>,
    /// In the order of the file.
    #[serde(default)]
    pub maintenance: Vec<MaintenanceWindow>,
    /// Who is on call, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_call: Vec<OnCallSchedule>,
    /// Who has to agree to a change.
    #[serde(default)]
    pub approvals: ApprovalLevels,
    /// When nothing may be changed but in an emergency, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<Freeze>,
    /// What people cannot do without for long, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<CriticalFunction>,
}

/// Sets defaults and says how careful the engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// A sandbox: faults may be injected, several operators may share one login.
    Drill,
    /// Real, but not what users depend on.
    Staging,
    /// Users depend on it.
    #[default]
    Production,
}

/// What the engine may do without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Automation {
    /// How far policies may go.
    pub mode: AutomationMode,
}

/// How people are known and how sure the engine has to be of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Who needs a second factor for what is dangerous.
    pub second_factor: SecondFactorRule,
    /// After so long without a key the board locks; none: never.
    #[serde(default, with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub lock_after: Option<Duration>,
    /// Unix group whose members may open the engine's socket, beside the user the engine runs as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket_group: Option<String>,
}

impl Access {
    /// What holds where the platform file says nothing else.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        Self {
            second_factor: match profile {
                Profile::Production => SecondFactorRule::Required,
                Profile::Drill | Profile::Staging => SecondFactorRule::Enrolled,
            },
            lock_after: (profile != Profile::Drill).then_some(Duration::from_secs(15 * 60)),
            socket_group: None,
        }
    }
}

/// Who needs a second factor for what is dangerous. The default is what held before there was a choice, so that an old
/// journal decides as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondFactorRule {
    /// Who has enrolled one.
    #[default]
    Enrolled,
    /// Everybody: who has not enrolled may do nothing dangerous.
    Required,
}

/// How long snapshots are kept, and how often they are proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultCare {
    /// So many of the newest snapshots of each component are kept whatever their age; at least 1.
    pub keep_newest: u32,
    /// Back to this age, one of each hour is kept.
    #[serde(with = "seconds")]
    pub keep_hourly: Duration,
    /// Back to this age, one of each day is kept.
    #[serde(with = "seconds")]
    pub keep_daily: Duration,
    /// Longest time between two checks that the bytes of a component's snapshot are right.
    #[serde(with = "seconds")]
    pub verify_every: Duration,
    /// Longest time between two proofs that a component can be restored.
    #[serde(with = "seconds")]
    pub test_restore_every: Duration,
    /// Where a second copy of every snapshot is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<ReplicaPlace>,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl VaultCare {
    /// What holds where the platform file says nothing else.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        let hourly = if profile == Profile::Production { DAY * 7 } else { DAY };
        Self {
            keep_newest: 10,
            keep_hourly: hourly,
            keep_daily: DAY * 30,
            verify_every: DAY,
            test_restore_every: DAY,
            replica: None,
        }
    }
}

impl Default for VaultCare {
    fn default() -> Self {
        Self::of(Profile::Production)
    }
}

/// Where signed checkpoints of the journal go, so that the record convinces somebody who does not trust this host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceCare {
    /// Places that only keep them.
    pub export: Vec<ExportPlace>,
    /// Engines that also look whether each goes on from the one before.
    pub witness: Vec<WitnessPlace>,
}

/// A place that keeps checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExportPlace {
    /// A directory, such as one below the mount point of another host's disk.
    Directory(PathBuf),
    /// The system's log, at this socket.
    Syslog(PathBuf),
}

/// An engine that is a witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WitnessPlace {
    /// Behind this socket.
    Unix(PathBuf),
}

impl fmt::Display for ExportPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
            Self::Syslog(path) if path.as_os_str() == SYSLOG => f.write_str("syslog"),
            Self::Syslog(path) => write!(f, "syslog:{}", path.display()),
        }
    }
}

impl fmt::Display for WitnessPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Unix(path) = self;
        write!(f, "unix:{}", path.display())
    }
}

/// Where the system's log is reached.
pub(super) const SYSLOG: &str = "/dev/log";

/// How far policies may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutomationMode {
    /// Watch and record; propose nothing.
    Observe,
    /// Diagnose and propose changes; a person approves.
    #[default]
    Assist,
    /// Also run pre-approved recoveries.
    Auto,
}

/// Where a second copy of the snapshot store is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReplicaPlace {
    /// A directory of this host, such as one below the mount point of another disk.
    Directory(PathBuf),
    /// A server that speaks restic's REST protocol.
    Rest {
        /// Its address, without a login.
        url: String,
        /// As whom, where it asks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        login: Option<ReplicaLogin>,
    },
}

/// What a server with a replica asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaLogin {
    /// Its name for us.
    pub user: String,
    /// File whose first line is the password.
    pub password_file: PathBuf,
}

/// Something users depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Unique among services.
    pub name: String,
    /// How bad it is when it is down.
    pub criticality: Criticality,
    /// Names of services it cannot work without, those of `any_of` included.
    pub depends_on: Vec<String>,
    /// Redundancy groups: of the services in each, one that works is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<Vec<String>>,
    /// Team that answers for it.
    pub owner: Option<String>,
    /// What people do with it, in their words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// How many people use it, about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
    /// What it does with protected health information.
    #[serde(default)]
    pub health_information: HealthInformation,
    /// Whether it lets people in, keeps an audit trail or keeps backups: what others rely on when they recover.
    #[serde(default)]
    pub safeguard: bool,
    /// Log files whose lines are collected.
    pub logs: Vec<PathBuf>,
    /// Further places where its lines are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogSource>,
    /// By what its breaker opens and closes.
    #[serde(default, skip_serializing_if = "BreakerRules::is_default")]
    pub breaker: BreakerRules,
    /// Probes, in the order of the file.
    pub checks: Vec<Check>,
    /// What a diagnosis may propose.
    pub actions: Vec<Action>,
}

impl Service {
    /// All places where its lines are written.
    pub fn log_sources(&self) -> impl Iterator<Item = LogSource> {
        self.logs.iter().map(|path| LogSource::file(path)).chain(self.log.iter().cloned())
    }
}

/// How bad it is when a service is down. Ordered from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criticality {
    /// Nobody notices for hours.
    Low,
    /// An inconvenience.
    Medium,
    /// Work is hampered.
    High,
    /// Patients or the business are at risk.
    Critical,
}

/// A probe of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Unique within its service; derived from level and kind when the file gives none.
    pub name: String,
    /// How thorough it is.
    pub level: CheckLevel,
    /// Time between two runs.
    #[serde(with = "seconds")]
    pub every: Duration,
    /// A run that takes longer has failed.
    #[serde(with = "seconds")]
    pub within: Duration,
    /// A successful run that takes longer counts as degraded.
    #[serde(with = "seconds")]
    pub slow: Duration,
    /// Consecutive failures until the service is judged down.
    pub failures: u32,
    /// Consecutive successes until it is judged healthy again.
    pub successes: u32,
    /// What is probed, and how.
    pub probe: Probe,
}

/// How thorough a check is, and by default how often it runs: every 30 s, 5 min, 30 min.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckLevel {
    /// Reachable, connects, answers.
    Shallow,
    /// Real queries end to end.
    Deep,
    /// Full validation.
    Comprehensive,
}

/// Something that may be done to a service, declared by the people who know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Unique within its service.
    pub name: String,
    /// Program and arguments; no shell.
    pub run: Vec<String>,
    /// How dangerous it is.
    pub risk: ActionRisk,
    /// How long it usually takes.
    #[serde(with = "seconds")]
    pub takes: Duration,
    /// What a policy may use it for, beside what a diagnosis proposes.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
}

/// What an action is good for in the response to an incident: it keeps things from getting worse, and heals nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// It cuts the service off from what broke into it.
    Contain,
    /// It keeps the service from writing.
    StopWrites,
}

impl Purpose {
    /// The word the platform file uses for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Contain => "contain",
            Self::StopWrites => "stop-writes",
        }
    }
}

/// How dangerous an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionRisk {
    /// Can be repeated without harm.
    #[default]
    Low,
    /// Users may notice.
    Medium,
    /// May lose something.
    High,
}

/// A restorable part of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Unique among components.
    pub name: String,
    /// The service it belongs to.
    pub service: String,
    /// What it holds.
    pub kind: ComponentKind,
    /// Time between two scheduled snapshots.
    #[serde(with = "seconds")]
    pub every: Duration,
    /// Recovery point objective: how much time may be lost at most.
    #[serde(with = "seconds")]
    pub rpo: Duration,
    /// Recovery time objective: how long a restore may take at most.
    #[serde(with = "seconds")]
    pub rto: Duration,
    /// How it is captured and restored.
    pub adapter: Adapter,
    /// Run after a restore so that the service sees it; no shell.
    pub reload: Option<Vec<String>>,
}

/// What a component holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentKind {
    /// Program code.
    Code,
    /// Configuration.
    Config,
    /// A database.
    Database,
    /// Files.
    Data,
}

/// An operator the platform file introduces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorEntry {
    /// Unique among operators.
    pub name: String,
    /// What the operator may do.
    pub roles: Vec<Role>,
    /// Login on this host whose processes act as this operator.
    pub login: Option<String>,
}

/// What an operator may do. Ordered: in approvals a higher role may stand in for a lower one, except compliance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees everything, changes nothing.
    Viewer,
    /// Works on incidents, approves low and medium risk.
    Engineer,
    /// Approves high risk and emergencies.
    TechnicalLead,
    /// Approves what is critical.
    Cto,
    /// Approves what touches protected health information.
    ComplianceOfficer,
}

impl Platform {
    /// The service of that name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The component of that name.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.name == name)
    }

    /// The components that belong to a service.
    pub fn components_of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Component> {
        self.components.iter().filter(move |component| component.service == service)
    }
}

impl Service {
    /// How long nothing may be heard of it until it counts as unknown: three times what its most frequent check takes at
    /// most. None when it has no check.
    #[must_use]
    pub fn allowed_silence(&self) -> Option<Duration> {
        self.checks.iter().map(|check| (check.every + check.within) * 3).min()
    }

    /// How long it takes at most until all of its checks have found it well again. None when it has no check.
    #[must_use]
    pub fn time_to_heal(&self) -> Option<Duration> {
        self.checks.iter().map(|check| (check.every + check.within) * (check.successes + 1)).max()
    }
}

impl CheckLevel {
    /// The word the platform file uses for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shallow => "shallow",
            Self::Deep => "deep",
            Self::Comprehensive => "comprehensive",
        }
    }
}

/// Durations as seconds in JSON, as the contract wants them.
pub mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes seconds as a number.
    ///
    /// # Errors
    /// Only those of the serializer.
    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(value.as_secs_f64())
    }

    /// Reads seconds; negative, infinite or absurd values are refused.
    ///
    /// # Errors
    /// When the value is no duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(value).map_err(serde::de::Error::custom)
    }
}

/// The same for durations that may be absent.
pub mod optional_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes seconds as a number, or nothing.
    ///
    /// # Errors
    /// Only those of the serializer.
    pub fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_some(&value.as_secs_f64()),
            None => serializer.serialize_none(),
        }
    }

    /// Reads seconds, or nothing; negative, infinite or absurd values are refused.
    ///
    /// # Errors
    /// When the value is no duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let value = Option::<f64>::deserialize(deserializer)?;
        value.map(|value| Duration::try_from_secs_f64(value).map_err(serde::de::Error::custom)).transpose()
    }
}
