//! What is known of a breaker.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::State;

/// What a breaker says about calls to its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// Call it.
    #[default]
    Closed,
    /// Do not call it: its checks have failed too often.
    Open,
    /// The next checks are probes, and decide.
    HalfOpen,
    /// Do not call it: a person says so for a time, whatever checks say.
    ForcedOpen,
    /// Call it: a person says so for a time, whatever checks say.
    ForcedClosed,
}

impl BreakerState {
    /// Whether a person holds it where it is.
    #[must_use]
    pub fn is_forced(self) -> bool {
        matches!(self, Self::ForcedOpen | Self::ForcedClosed)
    }

    /// As in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::ForcedOpen => "forced-open",
            Self::ForcedClosed => "forced-closed",
        }
    }
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where a person may hold a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForcedTo {
    /// Nobody is to call the service.
    Open,
    /// Everybody may, whatever checks say.
    Closed,
}

/// The breaker of one service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Breaker {
    /// What it says.
    pub state: BreakerState,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// When it changes by itself: an open one lets probes through, a half-open one that hears nothing opens, a forced one is let go.
    pub until: Option<DateTime<Utc>>,
    /// The check that opened it, which has to succeed before it closes.
    pub check: Option<String>,
    /// Why it is so, in one line.
    pub reason: String,
    /// How often it has opened since it was last closed: each time it waits for twice as long.
    pub openings: u32,
}

/// How many breakers are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerFigures {
    /// All of them: one per service.
    pub total: usize,
    /// Open, also those that a person holds open.
    pub open: usize,
    /// Closed, also those that a person holds closed.
    pub closed: usize,
    /// Deciding by probes.
    pub half_open: usize,
    /// Held by a person, open or closed.
    pub forced: usize,
}

impl State {
    /// The breaker of a service; one that never changed is closed.
    #[must_use]
    pub fn breaker(&self, service: &str) -> Breaker {
        self.breakers.get(service).cloned().unwrap_or_default()
    }

    /// How many breakers are in which state.
    #[must_use]
    pub fn breaker_figures(&self) -> BreakerFigures {
        let mut figures = BreakerFigures { total: self.platform.services.len(), ..BreakerFigures::default() };
        for service in &self.platform.services {
            let state = self.breakers.get(&service.name).map_or(BreakerState::Closed, |breaker| breaker.state);
            match state {
                BreakerState::Closed | BreakerState::ForcedClosed => figures.closed += 1,
                BreakerState::Open | BreakerState::ForcedOpen => figures.open += 1,
                BreakerState::HalfOpen => figures.half_open += 1,
            }
            figures.forced += usize::from(state.is_forced());
        }
        figures
    }
}
