//! What is known of many hosts. The rule: a host that is not heard is unknown, and what was known of it is from then.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::summary::HostSummary;

/// Silence after which a host counts as unknown. An engine says something every 5 s.
pub const SILENT: TimeDelta = TimeDelta::seconds(15);

/// Many hosts and what is known of each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    hosts: Vec<FleetHost>,
}

/// A host and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetHost {
    /// What it is called here.
    pub name: String,
    /// How it is reached.
    pub address: String,
    /// The connection to it.
    pub link: HostLink,
    /// When it was heard last.
    pub heard_at: Option<DateTime<Utc>>,
    /// How long its engine took to answer, in seconds, when it was last asked; none when it did not in time.
    pub took_seconds: Option<f64>,
    /// What was known then.
    last: Option<Arc<HostSummary>>,
}

/// The connection to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostLink {
    /// It is tried for the first time.
    Connecting,
    /// News come in since then.
    Live {
        /// When the connection came about.
        since: DateTime<Utc>,
    },
    /// There is none.
    Lost {
        /// When it was lost, or first tried in vain.
        since: DateTime<Utc>,
        /// Why.
        reason: String,
        /// When it is tried again; none when it is being tried, or only a person can help.
        next_try: Option<DateTime<Utc>>,
    },
}

/// What is known of a host now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HostSight<'a> {
    /// It is heard, and so it is.
    Heard(&'a HostSummary),
    /// It is not: nothing is known of how it is.
    Unknown {
        /// When it was heard last; none when it never was.
        since: Option<DateTime<Utc>>,
        /// How it was then.
        last: Option<&'a HostSummary>,
    },
}

/// News of a host.
#[derive(Debug, Clone)]
pub struct HostNews {
    /// The host.
    pub host: String,
    /// When it was heard, or found to be lost.
    pub at: DateTime<Utc>,
    /// What.
    pub told: HostTold,
}

/// What there is to tell of a host.
#[derive(Debug, Clone)]
pub enum HostTold {
    /// A connection is tried.
    Trying,
    /// A connection is there, and how everything is.
    Live(Arc<HostSummary>),
    /// How everything is now.
    Changed(Arc<HostSummary>),
    /// It is there, and nothing has changed.
    Heard,
    /// Its engine has answered after so many seconds, or not in time.
    Answered(Option<f64>),
    /// There is no connection.
    Lost {
        /// Why.
        reason: String,
        /// When it is tried again; none when only a person can help.
        next_try: Option<DateTime<Utc>>,
    },
}

impl Fleet {
    /// Hosts of which nothing is known yet, each with how it is reached.
    #[must_use]
    pub fn of(hosts: impl IntoIterator<Item = (String, String)>) -> Self {
        let unheard = |(name, address)| FleetHost {
            name,
            address,
            link: HostLink::Connecting,
            heard_at: None,
            took_seconds: None,
            last: None,
        };
        Self { hosts: hosts.into_iter().map(unheard).collect() }
    }

    /// All of them, in the order in which they were named.
    #[must_use]
    pub fn hosts(&self) -> &[FleetHost] {
        &self.hosts
    }

    /// The host with a name.
    #[must_use]
    pub fn host(&self, name: &str) -> Option<&FleetHost> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// Takes news in; of a host that nobody has named it is dropped.
    pub fn take(&mut self, news: HostNews) {
        let HostNews { host, at, told } = news;
        if let Some(host) = self.hosts.iter_mut().find(|known| known.name == host) {
            host.take(at, told);
        }
    }
}

impl FleetHost {
    fn take(&mut self, at: DateTime<Utc>, told: HostTold) {
        match told {
            HostTold::Trying => {
                if let HostLink::Lost { next_try, .. } = &mut self.link {
                    *next_try = None;
                }
            }
            HostTold::Live(summary) => {
                self.link = HostLink::Live { since: at };
                self.hear(at, Some(summary));
            }
            HostTold::Changed(summary) => self.hear(at, Some(summary)),
            HostTold::Heard => self.hear(at, None),
            HostTold::Answered(took) => self.took_seconds = took,
            HostTold::Lost { reason, next_try } => {
                let since = match self.link {
                    HostLink::Lost { since, .. } => since,
                    HostLink::Connecting | HostLink::Live { .. } => at,
                };
                self.took_seconds = None;
                self.link = HostLink::Lost { since, reason, next_try };
            }
        }
    }

    /// What comes after the link was lost, and before it is there again, is old.
    fn hear(&mut self, at: DateTime<Utc>, summary: Option<Arc<HostSummary>>) {
        if matches!(self.link, HostLink::Live { .. }) {
            self.heard_at = Some(at);
            self.last = summary.or(self.last.take());
        }
    }

    /// What is known of it at a time.
    #[must_use]
    pub fn sight(&self, now: DateTime<Utc>) -> HostSight<'_> {
        let last = self.last.as_deref();
        match (&self.link, self.heard_at, last) {
            (HostLink::Live { .. }, Some(heard), Some(summary)) if now - heard <= SILENT => HostSight::Heard(summary),
            (_, since, last) => HostSight::Unknown { since, last },
        }
    }

    /// What was known of it last, however old.
    #[must_use]
    pub fn last(&self) -> Option<&HostSummary> {
        self.last.as_deref()
    }

    /// When what is shown of it was so, where that is not now.
    #[must_use]
    pub fn as_of(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.sight(now) {
            HostSight::Heard(_) => None,
            HostSight::Unknown { since, .. } => since,
        }
    }
}
