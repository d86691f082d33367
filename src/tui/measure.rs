//! The figures on the screen: over which window, and when they are worked out anew. They are kept, since every frame asks
//! for them and they are the work of all incidents and all services.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::model::{Model, Screen};
use crate::domain::{Metrics, metrics};

/// Age at which figures that are looked at are worked out anew.
const RENEW: TimeDelta = TimeDelta::seconds(30);

/// How far figures look back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// 30 days.
    Month,
    /// 90 days.
    #[default]
    Quarter,
    /// 365 days.
    Year,
}

impl Reach {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Month, Self::Quarter, Self::Year];

    /// In days.
    #[must_use]
    pub fn days(self) -> i64 {
        match self {
            Self::Month => 30,
            Self::Quarter => 90,
            Self::Year => 365,
        }
    }

    /// The next longer one, the shortest after the longest.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Month => Self::Quarter,
            Self::Quarter => Self::Year,
            Self::Year => Self::Month,
        }
    }
}

/// The figures that are looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// How far they look back.
    pub reach: Reach,
    /// When they were worked out, for which reach, and what they are.
    pub found: Option<(DateTime<Utc>, Reach, Box<Metrics>)>,
}

impl Measured {
    /// The figures over the window looked at.
    #[must_use]
    pub fn figures(&self) -> Option<&Metrics> {
        let (_, reach, found) = self.found.as_ref()?;
        (*reach == self.reach).then_some(&**found)
    }
}

/// Works out the figures when they are looked at and there are none, or old ones.
pub(super) fn measure(model: &mut Model) {
    let fresh = |(at, reach, _): &(DateTime<Utc>, Reach, _)| *reach == model.measured.reach && model.now - *at < RENEW;
    if *model.screen() != Screen::Metrics || model.measured.found.as_ref().is_some_and(fresh) {
        return;
    }
    let reach = model.measured.reach;
    let found = metrics(&model.state, TimeDelta::days(reach.days()), model.now);
    model.measured.found = Some((model.now, reach, Box::new(found)));
}
