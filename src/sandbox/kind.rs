//! The faults there are: what each does, whom it can hit, and which check does not see it.

use serde::{Deserialize, Serialize};

use super::{
    SandboxError, catalogue,
    link::{self, Link},
};

/// Something that can be made to go wrong, for real.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A release that reads a column the database does not have.
    BadRelease,
    /// The process is gone.
    Kill,
    /// The process is there and does nothing.
    Freeze,
    /// The configuration holds a value that is not allowed.
    BrokenConfig,
    /// Pages of the database hold garbage.
    CorruptDatabase,
    /// A dose in the database is ten times what it was.
    WrongDose,
    /// Every piece of work takes most of a second longer.
    Slow,
    /// The port refuses connections, and the process lives.
    Refuse,
    /// The process accepts no connection any more.
    AcceptStall,
    /// The process may open no file and no connection any more.
    NoDescriptors,
    /// The process takes more and more memory.
    MemoryLeak,
    /// Threads of the process turn in circles.
    BusyProcessor,
    /// Harmless lines fill the log.
    LogStorm,
    /// A log line names an (invented) patient.
    PhiInLog,
    /// Connections of the pool are taken out and never given back.
    PoolLeak,
    /// The database may not grow.
    DiskFull,
    /// A stray client holds the database's write lock.
    LockHolder,
    /// One bit of a dose is another one on the disk.
    SilentCorruption,
    /// Doses are stored in another unit than everybody reads.
    BadMigration,
    /// Results are looked for without an index.
    MissingIndex,
    /// The clock of `auth` is two hours ahead.
    ClockSkew,
    /// Somebody tries wrong secrets until accounts are locked.
    LockoutStorm,
    /// An account's secret was changed in the store and not with its owner.
    WrongPassword,
    /// Tokens are signed with a new key and checked with the old one.
    HalfRotatedKey,
    /// The certificate of the front has run out.
    CertificateExpired,
    /// It is for another name.
    CertificateWrongName,
    /// An authority that nobody knows has signed it.
    CertificateUnknownAuthority,
    /// The model is not there.
    ModelMissing,
    /// The model is not the one that was released.
    ModelAltered,
    /// Summaries are wrong, and come with status 200.
    WrongAnswers,
    /// Jobs go into the queue and do not come out.
    StuckQueue,
    /// Everybody asks again and again, because answers come late, which is because everybody does.
    RetryStorm,
    /// Answers over one dependency come late.
    LinkSlow,
    /// Large answers over one dependency take for ever.
    LinkNarrow,
    /// What is sent over one dependency vanishes.
    LinkBlackHole,
    /// Connections over one dependency are reset.
    LinkReset,
    /// Answers over one dependency end in the middle.
    LinkCut,
}

/// What is told about a fault.
struct About {
    name: &'static str,
    service: &'static str,
    what: &'static str,
    missed: &'static str,
}

/// Data that a fault changes in its place. Two faults of the same store could not be told apart when they are undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    Records,
    Model,
    Release,
    Configuration,
    SigningKey,
    Certificate,
}

const RECORDS: &str = "only records-db has a database";
const AUTH: &str = "only auth makes and checks tokens";
const MODEL: &str = "only ai-analysis has a model";

impl FaultKind {
    /// All of them, in the order of lists.
    pub const ALL: [Self; 37] = [
        Self::BadRelease,
        Self::Kill,
        Self::Freeze,
        Self::BrokenConfig,
        Self::CorruptDatabase,
        Self::WrongDose,
        Self::Slow,
        Self::Refuse,
        Self::AcceptStall,
        Self::NoDescriptors,
        Self::MemoryLeak,
        Self::BusyProcessor,
        Self::LogStorm,
        Self::PhiInLog,
        Self::PoolLeak,
        Self::DiskFull,
        Self::LockHolder,
        Self::SilentCorruption,
        Self::BadMigration,
        Self::MissingIndex,
        Self::ClockSkew,
        Self::LockoutStorm,
        Self::WrongPassword,
        Self::HalfRotatedKey,
        Self::CertificateExpired,
        Self::CertificateWrongName,
        Self::CertificateUnknownAuthority,
        Self::ModelMissing,
        Self::ModelAltered,
        Self::WrongAnswers,
        Self::StuckQueue,
        Self::RetryStorm,
        Self::LinkSlow,
        Self::LinkNarrow,
        Self::LinkBlackHole,
        Self::LinkReset,
        Self::LinkCut,
    ];

    /// The fault of that name.
    ///
    /// # Errors
    /// When there is none; the error lists all.
    pub fn from_name(name: &str) -> Result<Self, SandboxError> {
        Self::ALL.into_iter().find(|fault| fault.name() == name).ok_or_else(|| SandboxError::UnknownFault {
            name: name.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// What it does, in one sentence.
    #[must_use]
    pub fn what(self) -> &'static str {
        self.about().what
    }

    /// What still looks well: the check that does not see it.
    #[must_use]
    pub fn missed_by(self) -> &'static str {
        self.about().missed
    }

    /// Whom it hits when nobody is named. A fault of a dependency hits the service that asks.
    #[must_use]
    pub fn default_service(self) -> &'static str {
        self.about().service
    }

    /// Whether it hits what one service sends to another.
    pub(super) fn is_of_link(self) -> bool {
        matches!(self, Self::LinkSlow | Self::LinkNarrow | Self::LinkBlackHole | Self::LinkReset | Self::LinkCut)
    }

    /// What it changes on the disk in a way that has to be changed back.
    pub(super) fn store(self) -> Option<Store> {
        match self {
            Self::CorruptDatabase
            | Self::WrongDose
            | Self::SilentCorruption
            | Self::BadMigration
            | Self::MissingIndex => Some(Store::Records),
            Self::ModelMissing | Self::ModelAltered => Some(Store::Model),
            Self::BadRelease => Some(Store::Release),
            Self::BrokenConfig => Some(Store::Configuration),
            Self::HalfRotatedKey => Some(Store::SigningKey),
            Self::CertificateExpired | Self::CertificateWrongName | Self::CertificateUnknownAuthority => {
                Some(Store::Certificate)
            }
            _ => None,
        }
    }

    /// The service it is to hit, and for a fault of a dependency which one. A dependency is named `ASKING:ASKED`, or by the
    /// service that asks, which means the first it needs.
    pub(super) fn target(self, named: Option<&str>) -> Result<(&'static str, Option<Link>), SandboxError> {
        let named = named.unwrap_or(self.default_service());
        if self.is_of_link() {
            let link = link::find(named)?;
            return Ok((link.from, Some(link)));
        }
        let service = catalogue::service(named)?.name;
        let reason = match self {
            Self::BadRelease => Some("only patient-api is deployed in releases"),
            Self::WrongPassword if !LOG_IN.contains(&service) => {
                Some("it has no account that it logs in with; patient-api, checkin and handouts have")
            }
            Self::WrongPassword => None,
            _ if self.store() == Some(Store::Records) => Some(RECORDS),
            _ if self.store() == Some(Store::Certificate) => Some("only patient-api is reached over TLS"),
            Self::PoolLeak | Self::DiskFull | Self::LockHolder => Some(RECORDS),
            Self::ClockSkew | Self::LockoutStorm | Self::HalfRotatedKey => Some(AUTH),
            Self::ModelMissing | Self::ModelAltered | Self::WrongAnswers | Self::StuckQueue => Some(MODEL),
            Self::RetryStorm => Some("only ai-analysis has so few workers"),
            _ => None,
        };
        match reason {
            Some(reason) if service != self.default_service() => Err(SandboxError::WrongTarget {
                fault: self.name(),
                service: service.to_owned(),
                reason: reason.to_owned(),
            }),
            _ => Ok((service, None)),
        }
    }

    fn about(self) -> About {
        let about = |name, service, what, missed| About { name, service, what, missed };
        match self {
            Self::BadRelease => about(
                "bad-release",
                "patient-api",
                "deploys a release whose query reads a column that does not exist",
                "the process runs and says it is well; only charts fail",
            ),
            Self::Kill => about(
                "kill",
                "auth",
                "kills the process (SIGKILL); nobody starts it again by itself",
                "nothing: every check sees it",
            ),
            Self::Freeze => about(
                "freeze",
                "records-db",
                "stops the process (SIGSTOP): it still accepts connections and never answers",
                "the process is there, and the port accepts connections",
            ),
            Self::BrokenConfig => about(
                "broken-config",
                "handouts",
                "writes a value into its configuration that is not allowed, and reloads it",
                "the process runs and says it is well; only its work fails",
            ),
            Self::CorruptDatabase => about(
                "corrupt-database",
                "records-db",
                "overwrites tables of the records with garbage, on the disk",
                "the process runs and says it is well; only what reads these tables fails",
            ),
            Self::WrongDose => about(
                "wrong-dose",
                "records-db",
                "makes one dose in the records ten times as high; every page and every count stays right",
                "all but a comparison of rows with what they were",
            ),
            Self::Slow => about(
                "slow",
                "ai-analysis",
                "makes the running process take 900 ms longer for every piece of work",
                "every answer is right; only their times are not",
            ),
            Self::Refuse => about(
                "refuse",
                "auth",
                "closes the port while the process lives on",
                "the process is there; only a connection is refused",
            ),
            Self::AcceptStall => about(
                "accept-stall",
                "patient-api",
                "accepts no connection any more: two are let wait, then none is answered",
                "the process is there, and the first connections stand",
            ),
            Self::NoDescriptors => about(
                "no-descriptors",
                "patient-api",
                "lets the process open nothing any more (RLIMIT_NOFILE): files and connections fail with EMFILE",
                "the process is there, what is open works on, and connections stand",
            ),
            Self::MemoryLeak => about(
                "memory-leak",
                "ai-analysis",
                "takes 16 MiB of memory a second and keeps them, up to 160 MiB",
                "every answer is right; only memory grows, which the check of its real work tells of from 128 MiB on",
            ),
            Self::BusyProcessor => about(
                "busy-processor",
                "checkin",
                "lets two threads of the process turn in circles, at the lowest priority",
                "every answer is right; only the processor's time goes",
            ),
            Self::LogStorm => about(
                "log-storm",
                "inventory",
                "writes 400 harmless lines a second into its log",
                "no line is an error; other lines drown, and old ones are put aside sooner",
            ),
            Self::PhiInLog => about(
                "phi-in-log",
                "patient-api",
                "writes name, birth date and number of an invented patient into its log every second",
                "every check is green; only who reads the log sees it",
            ),
            Self::PoolLeak => about(
                "pool-leak",
                "records-db",
                "takes all connections out of its pool and gives none back",
                "the process says it is well, and the database answers everybody else",
            ),
            Self::DiskFull => about(
                "disk-full",
                "records-db",
                "lets the database grow no more (max_page_count)",
                "everything can be read; only writes fail with \"database or disk is full\"",
            ),
            Self::LockHolder => about(
                "lock-holder",
                "records-db",
                "starts a stray client that holds the write lock of the records (BEGIN EXCLUSIVE)",
                "everything can be read, SELECT 1 as well; only writes find the database locked",
            ),
            Self::SilentCorruption => about(
                "silent-corruption",
                "records-db",
                "flips one bit of a dose on the disk, past the database",
                "quick_check and counts say ok; only a comparison of rows with what they were sees it",
            ),
            Self::BadMigration => about(
                "bad-migration",
                "records-db",
                "writes all doses in thousandths of their unit, as a migration would that readers do not know of",
                "pages, counts and every query are fine; only the values are wrong",
            ),
            Self::MissingIndex => about(
                "missing-index",
                "records-db",
                "drops the index of the results by patient: the newest one of each is found by reading the whole table",
                "every answer is right, and most are quick; one query alone takes most of a second",
            ),
            Self::ClockSkew => about(
                "clock-skew",
                "auth",
                "sets the clock of auth two hours ahead: its tokens are not valid yet for everybody else",
                "auth itself finds its tokens right",
            ),
            Self::LockoutStorm => about(
                "lockout-storm",
                "auth",
                "tries wrong secrets for every account until all are locked, and goes on",
                "auth says it is well, and tokens that were given still count; nobody gets a new one",
            ),
            Self::WrongPassword => about(
                "wrong-password",
                "patient-api",
                "changes the secret of the service's account in auth, and does not tell the service",
                "auth is well, and so are all other accounts",
            ),
            Self::HalfRotatedKey => about(
                "half-rotated-key",
                "auth",
                "signs tokens with a new key and goes on checking them with the old one",
                "tokens that were given before still count; only new ones are refused",
            ),
            Self::CertificateExpired => about(
                "certificate-expired",
                "patient-api",
                "has the front of patient-api show a certificate that ran out yesterday",
                "services reach it without TLS and are well, and so is every check that accepts any certificate",
            ),
            Self::CertificateWrongName => about(
                "certificate-wrong-name",
                "patient-api",
                "has the front of patient-api show a certificate for another name",
                "it is valid and from the right authority; only the name is another",
            ),
            Self::CertificateUnknownAuthority => about(
                "certificate-unknown-authority",
                "patient-api",
                "has the front of patient-api show a certificate that an authority has signed that nobody knows",
                "its name and its dates are right",
            ),
            Self::ModelMissing => about(
                "model-missing",
                "ai-analysis",
                "takes the file of the model away, and reloads it",
                "the process runs and says it is well; only its work fails",
            ),
            Self::ModelAltered => about(
                "model-altered",
                "ai-analysis",
                "changes a weight in the file of the model: it is not the one that was released",
                "the file is there and is right JSON; only its checksum is another",
            ),
            Self::WrongAnswers => about(
                "wrong-answers",
                "ai-analysis",
                "gives the least important sentence of a note as its summary, with status 200",
                "every answer comes in time with status 200; only texts whose summary is known tell",
            ),
            Self::StuckQueue => about(
                "stuck-queue",
                "ai-analysis",
                "lets its workers never end: jobs wait in the queue until they are given up",
                "the process says it is well and accepts jobs",
            ),
            Self::RetryStorm => about(
                "retry-storm",
                "ai-analysis",
                "has 24 clinicians ask for summaries again and again without a pause: its queue is always full",
                "every answer is right, and starting it anew helps nobody; it ends once they are told to wait",
            ),
            Self::LinkSlow => about(
                "link-slow",
                "patient-api",
                "delays answers over one dependency by 400 to 800 ms",
                "both services are well by themselves",
            ),
            Self::LinkNarrow => about(
                "link-narrow",
                "patient-api",
                "lets 150 bytes a second through one dependency: small answers come, large ones do not",
                "both services are well by themselves, and a ping over the dependency passes",
            ),
            Self::LinkBlackHole => about(
                "link-black-hole",
                "patient-api",
                "takes what is sent over one dependency and never passes it on",
                "both services are well by themselves, and connections stand",
            ),
            Self::LinkReset => about(
                "link-reset",
                "patient-api",
                "resets connections over one dependency once they are used",
                "both services are well by themselves, and connections stand",
            ),
            Self::LinkCut => about(
                "link-cut",
                "patient-api",
                "ends answers over one dependency in the middle of the body",
                "the status of every answer is 200",
            ),
        }
    }
}

/// The services that log in with an account of their own.
const LOG_IN: [&str; 3] = ["patient-api", "checkin", "handouts"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_its_name_and_an_unknown_one_gets_the_list() {
        for fault in FaultKind::ALL {
            assert_eq!(FaultKind::from_name(fault.name()).unwrap(), fault);
            assert_eq!(fault.target(None).unwrap().0, fault.default_service());
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.name(), "in records as on the command line");
        }
        let error = FaultKind::from_name("bad-relase").unwrap_err().to_string();
        assert!(error.contains("bad-release, kill, freeze"), "{error}");
    }

    #[test]
    fn a_fault_refuses_services_it_cannot_hit() {
        let refused = [
            (FaultKind::BadRelease, "auth"),
            (FaultKind::Kill, "clinicians"),
            (FaultKind::Kill, "../auth"),
            (FaultKind::LockHolder, "auth"),
            (FaultKind::WrongAnswers, "checkin"),
            (FaultKind::WrongPassword, "inventory"),
            (FaultKind::LinkCut, "inventory"),
            (FaultKind::LinkCut, "patient-api:inventory"),
        ];
        for (fault, service) in refused {
            assert!(fault.target(Some(service)).is_err(), "{} of {service}", fault.name());
        }
        assert_eq!(FaultKind::WrongPassword.target(Some("checkin")).unwrap().0, "checkin");
        let link = FaultKind::LinkSlow.target(Some("patient-api:auth")).unwrap().1.unwrap();
        assert_eq!((link.from, link.to), ("patient-api", "auth"));
    }
}
