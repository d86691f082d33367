//! What can be the cause of an incident, and what each cause calls for. One table, which a person can read and docs/diagnosis.md
//! is proved against.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Category;

/// The kind of a root cause: finer than [`Category`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A version that went live misbehaves.
    Release,
    /// The process has ended.
    ProcessExit,
    /// The process is there and does nothing.
    ProcessHang,
    /// The process ends again each time it was started.
    CrashLoop,
    /// A setting is wrong or missing.
    Setting,
    /// A database is damaged on the disk.
    Corruption,
    /// Rows that may never change have changed.
    AlteredData,
    /// It works, but too slowly.
    Slowness,
    /// What was kept at hand is gone or not found.
    CacheMiss,
    /// Somebody holds a lock that others wait for.
    LockContention,
    /// All connections or workers of a pool are taken.
    PoolExhausted,
    /// More comes in than is worked off.
    QueueBacklog,
    /// A limit on requests was reached.
    RateLimit,
    /// No room is left on a disk.
    DiskFull,
    /// No memory is left.
    OutOfMemory,
    /// No file handles are left.
    OutOfDescriptors,
    /// The processors are busy.
    ProcessorSaturated,
    /// A certificate has expired or is not accepted.
    Certificate,
    /// A password, key or token is not accepted.
    Credentials,
    /// A name is not resolved.
    NameResolution,
    /// A connection is not made or breaks off, though both ends are up.
    Connectivity,
    /// The way between two services is slow, though both are well.
    NetworkLatency,
    /// Something outside of the platform does not serve.
    ExternalDependency,
    /// A clock is wrong.
    ClockSkew,
    /// Nothing could be shown.
    #[default]
    Unknown,
}

/// What is done about a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approach {
    /// Back to the version that worked.
    RollBack,
    /// Back to a snapshot of the data.
    Restore,
    /// Start the process anew.
    Restart,
    /// Let another one do the work.
    FailOver,
    /// More workers, connections, machines, or less load.
    AddCapacity,
    /// Delete what nobody needs, or enlarge the disk.
    FreeSpace,
    /// A new certificate, key or password.
    Renew,
    /// End whoever holds the lock.
    Unblock,
    /// Set the clock by a time server.
    SetClock,
    /// Wait for whoever runs it, and ask them.
    AskProvider,
    /// Let the process go on that was stopped.
    Thaw,
    /// Have queries find what they look for without reading all.
    AddIndex,
    /// Open the accounts again, and shut out who locks them.
    Unlock,
    /// Take another way.
    Reroute,
    /// Nothing is known to help: look further.
    #[default]
    Investigate,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CauseRow {
    /// The cause.
    pub cause: Cause,
    /// Its name in JSON.
    pub name: &'static str,
    /// What kind of failure it is.
    pub category: Category,
    /// What is done about it.
    pub approach: Approach,
}

const fn row(cause: Cause, name: &'static str, category: Category, approach: Approach) -> CauseRow {
    CauseRow { cause, name, category, approach }
}

/// Every cause with what it is and what it calls for.
#[rustfmt::skip]
pub const CAUSES: [CauseRow; 25] = [
    row(Cause::Release, "release", Category::Deployment, Approach::RollBack),
    row(Cause::ProcessExit, "process-exit", Category::Process, Approach::Restart),
    row(Cause::ProcessHang, "process-hang", Category::Process, Approach::Restart),
    row(Cause::CrashLoop, "crash-loop", Category::Process, Approach::Investigate),
    row(Cause::Setting, "setting", Category::Configuration, Approach::RollBack),
    row(Cause::Corruption, "corruption", Category::Database, Approach::Restore),
    row(Cause::AlteredData, "altered-data", Category::Database, Approach::Restore),
    row(Cause::Slowness, "slowness", Category::Performance, Approach::Restart),
    row(Cause::CacheMiss, "cache-miss", Category::Performance, Approach::Investigate),
    row(Cause::LockContention, "lock-contention", Category::Contention, Approach::Unblock),
    row(Cause::PoolExhausted, "pool-exhausted", Category::Capacity, Approach::Restart),
    row(Cause::QueueBacklog, "queue-backlog", Category::Capacity, Approach::AddCapacity),
    row(Cause::RateLimit, "rate-limit", Category::Capacity, Approach::AddCapacity),
    row(Cause::DiskFull, "disk-full", Category::Resource, Approach::FreeSpace),
    row(Cause::OutOfMemory, "out-of-memory", Category::Resource, Approach::Restart),
    row(Cause::OutOfDescriptors, "out-of-descriptors", Category::Resource, Approach::Restart),
    row(Cause::ProcessorSaturated, "processor-saturated", Category::Resource, Approach::AddCapacity),
    row(Cause::Certificate, "certificate", Category::Security, Approach::Renew),
    row(Cause::Credentials, "credentials", Category::Security, Approach::Renew),
    row(Cause::NameResolution, "name-resolution", Category::Network, Approach::Investigate),
    row(Cause::Connectivity, "connectivity", Category::Network, Approach::Investigate),
    row(Cause::NetworkLatency, "network-latency", Category::Network, Approach::Reroute),
    row(Cause::ExternalDependency, "external-dependency", Category::ExternalDependency, Approach::AskProvider),
    row(Cause::ClockSkew, "clock-skew", Category::Infrastructure, Approach::SetClock),
    row(Cause::Unknown, "unknown", Category::Unknown, Approach::Investigate),
];

impl Cause {
    /// Its row of the table.
    #[must_use]
    pub fn row(self) -> &'static CauseRow {
        // The table is in the order of the variants, as its test says.
        &CAUSES[self as usize]
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn category(self) -> Category {
        self.row().category
    }

    /// Whether it is what somebody suffers who waits for somebody else: it is seen where the other is not.
    #[must_use]
    pub fn is_waiting(self) -> bool {
        matches!(
            self,
            Self::ProcessHang | Self::Slowness | Self::NetworkLatency | Self::ProcessorSaturated | Self::PoolExhausted
        )
    }

    /// What is done about it.
    #[must_use]
    pub fn approach(self) -> Approach {
        self.row().approach
    }
}

impl Approach {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::RollBack,
        Self::Restore,
        Self::Restart,
        Self::FailOver,
        // An index is no capacity, though it is added.
        Self::AddIndex,
        Self::AddCapacity,
        Self::FreeSpace,
        Self::Renew,
        Self::Unblock,
        Self::SetClock,
        Self::AskProvider,
        Self::Thaw,
        Self::Unlock,
        Self::Reroute,
        Self::Investigate,
    ];

    /// In words that follow "to do:".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::RollBack => "roll back",
            Self::Restore => "restore from a snapshot",
            Self::Restart => "restart",
            Self::FailOver => "fail over",
            Self::AddCapacity => "add capacity or shed load",
            Self::FreeSpace => "free or add space",
            Self::Renew => "renew the certificate or credential",
            Self::Unblock => "end what holds the lock",
            Self::SetClock => "set the clock",
            Self::AskProvider => "fail over, or wait and ask the provider",
            Self::Thaw => "let the stopped process go on",
            Self::AddIndex => "add the index that is missing",
            Self::Unlock => "unlock the accounts, and shut out who locks them",
            Self::Reroute => "take another way",
            Self::Investigate => "investigate",
        }
    }

    /// Words in the name of a declared action that say that it does this. The first that fits decides.
    #[must_use]
    pub fn action_words(self) -> &'static [&'static str] {
        match self {
            Self::RollBack | Self::Restore | Self::Investigate => &[],
            Self::Restart => &["restart", "recycle", "bounce", "reboot"],
            Self::FailOver | Self::AskProvider => {
                &["failover", "fail-over", "fallback", "fall-back", "switch", "promote", "standby", "bypass"]
            }
            Self::AddCapacity => &["scale", "add-", "grow", "more-", "resize", "capacity", "shed"],
            Self::FreeSpace => &["clean", "prune", "purge", "free", "rotate-log", "trim", "expand", "extend"],
            Self::Renew => &["renew", "certificate", "credential", "secret", "reissue", "rotate-key"],
            Self::Unblock => &["terminate", "unblock", "kill-", "cancel", "release-lock", "lock-holder"],
            Self::SetClock => &["clock", "ntp", "chrony", "sync-time"],
            Self::Thaw => &["thaw", "unfreeze"],
            Self::AddIndex => &["add-index", "create-index", "reindex"],
            Self::Unlock => &["unlock"],
            Self::Reroute => &["reroute", "re-route", "detour"],
        }
    }

    /// Whether a declared action takes another one back, by its name: it heals nothing.
    #[must_use]
    pub fn takes_back(name: &str) -> bool {
        const BEGINNINGS: [&str; 6] = ["reconnect", "allow-", "accept-", "drop-", "undo-", "disable-"];
        let name = name.to_lowercase().replace('_', "-");
        BEGINNINGS.iter().any(|word| name.starts_with(word)) || name.ends_with("-off")
    }

    /// What a declared action is for, by its name; none where the name does not say.
    #[must_use]
    pub fn of_action(name: &str) -> Option<Self> {
        let name = name.to_lowercase().replace('_', "-");
        let fits = |approach: &Self| approach.action_words().iter().any(|word| name.contains(word));
        Self::ALL.into_iter().find(fits)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.row().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_cause_in_its_place_and_by_its_name() {
        for (place, row) in CAUSES.iter().enumerate() {
            assert_eq!(row.cause as usize, place);
            assert_eq!(serde_json::to_value(row.cause).unwrap(), row.name);
            assert_eq!(row.cause.to_string(), row.name);
        }
        assert_eq!(Cause::Unknown as usize + 1, CAUSES.len());
    }

    #[test]
    fn an_action_is_for_what_its_name_says() {
        for (name, approach) in [
            ("restart", Some(Approach::Restart)),
            ("scale_out", Some(Approach::AddCapacity)),
            ("renew-certificate", Some(Approach::Renew)),
            ("terminate-blocking", Some(Approach::Unblock)),
            ("prune-logs", Some(Approach::FreeSpace)),
            ("fail-over", Some(Approach::FailOver)),
            ("sync-clock", Some(Approach::SetClock)),
            ("end-lock-holder", Some(Approach::Unblock)),
            ("add-index", Some(Approach::AddIndex)),
            ("add-worker", Some(Approach::AddCapacity)),
            ("unlock-accounts", Some(Approach::Unlock)),
            ("reroute", Some(Approach::Reroute)),
            ("reset-all-sessions", None),
        ] {
            assert_eq!(Approach::of_action(name), approach, "{name}");
            assert!(!Approach::takes_back(name), "{name}");
        }
        for name in ["fallback-off", "allow_writes", "accept-load", "drop-index", "reconnect"] {
            assert!(Approach::takes_back(name), "{name}");
        }
    }
}
