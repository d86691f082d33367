//! Whether something on the screen changes by time alone, so that it is drawn each second.

use super::model::{Link, Model, Screen};
use crate::domain::{ChangeId, RecoveryId};

impl Model {
    /// Whether something on the screen counts seconds.
    #[must_use]
    pub fn is_counting(&self) -> bool {
        self.state.open_incidents().next().is_some()
            || !self.state.pending_changes().is_empty()
            || !self.state.continuity.interruptions.is_empty()
            || self.state.running_recoveries().next().is_some()
            || matches!(
                self.screen(),
                Screen::Plan | Screen::Difference(..) | Screen::Snapshots | Screen::Calendar | Screen::OnCall
            )
            || *self.screen() == Screen::Breakers && self.state.breakers.values().any(|breaker| breaker.until.is_some())
            || matches!(self.screen(), Screen::Recovery(id) if self.is_watched(*id))
            || matches!(self.screen(), Screen::Change(id) if self.is_open(*id))
            || self.state.open_runs().next().is_some()
            || self.state.drills.running().is_some()
            || self.drills.asked_at.is_some()
            || *self.screen() == Screen::Hosts && self.has_fleet()
            || matches!(self.link, Link::Lost { .. })
    }

    /// Whether a recovery is under extended watch.
    fn is_watched(&self, id: RecoveryId) -> bool {
        let until = self.state.recoveries.get(&id).and_then(|recovery| recovery.watch_until);
        until.is_some_and(|until| until > self.now)
    }

    /// Whether a change waits or is being carried out.
    fn is_open(&self, id: ChangeId) -> bool {
        self.state.changes.get(&id).is_some_and(|change| change.state.is_open())
    }
}
