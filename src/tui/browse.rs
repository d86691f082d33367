//! What is looked at among the snapshots: a component, a stretch of time, a point in it; and how each component stands in
//! the vault.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use super::{
    model::{List, Model},
    text,
};
use crate::{
    domain::{
        Actor, Assessment, Plan, Recovery, RollbackRequest, RollbackTarget, Scope, Snapshot, SnapshotId, assess,
        plan_action, plan_rollback, plan_undo,
    },
    engine::DryRunRequest,
    platform::{Component, Points},
};

/// Minutes that the strip may show.
pub const ZOOMS: [i64; 13] =
    [10, 30, 60, 2 * 60, 6 * 60, 12 * 60, 1_440, 2 * 1_440, 7 * 1_440, 14 * 1_440, 30 * 1_440, 90 * 1_440, 366 * 1_440];
/// What the strip shows unless something older is selected: two hours.
const USUAL: usize = 3;

/// What is looked at among the snapshots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Browse {
    /// The component; the one in the greatest danger when nobody has chosen.
    pub component: Option<String>,
    /// The snapshot that another one is compared with.
    pub marked: Option<SnapshotId>,
    /// The point in time to go back to.
    pub point: Option<DateTime<Utc>>,
    /// Place in [`ZOOMS`], when somebody has chosen.
    pub zoom: Option<usize>,
}

/// How a component stands in the vault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The newest snapshot that a rollback may choose by itself, and when it was taken.
    pub good: Option<(SnapshotId, DateTime<Utc>)>,
    /// The last test-restore.
    pub tested: Option<Tested>,
    /// The snapshots that were to hold it, newest first.
    pub snapshots: Vec<SnapshotId>,
}

/// A test-restore of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// Of which snapshot.
    pub snapshot: SnapshotId,
    /// When.
    pub at: DateTime<Utc>,
    /// It came back and passed.
    pub passed: bool,
    /// What was looked at, or what went wrong.
    pub detail: String,
    /// How long it took.
    pub milliseconds: u64,
}

/// How old the recovery point of a component is, beside what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// None when there is none.
    pub age: Option<TimeDelta>,
    /// What is allowed.
    pub limit: TimeDelta,
}

impl RecoveryPoint {
    /// Whether more could be lost than is allowed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.age.is_none_or(|age| age > self.limit)
    }

    /// How old it is of how old it may be, such as `41s of 5m`; an age over the limit is never written like the limit.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let age = self.age?;
        let (short, limit) = (text::short(age), text::short(self.limit));
        let precise = self.is_over() && short == limit;
        let age = if precise { text::span(age).replace(' ', "") } else { short };
        Some(format!("{age} of {limit}"))
    }

    /// Seconds over the limit; negative when it is kept.
    fn excess(&self) -> i64 {
        self.age.map_or(i64::MAX, |age| age.num_seconds().saturating_sub(self.limit.num_seconds()))
    }
}

impl Model {
    /// Finds out anew how each component stands; after every event about snapshots, since every frame asks.
    pub fn learn_snapshots(&mut self) {
        self.standing.clear();
        let mut missing = self.state.platform.components.len();
        for snapshot in self.state.snapshots.values().rev() {
            for component in &snapshot.components {
                match self.standing.get_mut(component) {
                    Some(standing) => standing.snapshots.push(snapshot.id),
                    None => {
                        let standing = Standing { snapshots: vec![snapshot.id], ..Standing::default() };
                        self.standing.insert(component.clone(), standing);
                    }
                }
            }
            let wanted = if missing == 0 { &[] } else { snapshot.captured.as_slice() };
            for captured in wanted {
                let standing = self.standing.entry(captured.component.clone()).or_default();
                if standing.good.is_none() && snapshot.is_good_for(&captured.component) {
                    standing.good = Some((snapshot.id, snapshot.requested_at));
                    missing = missing.saturating_sub(1);
                }
            }
            let Some(tested) = &snapshot.tested else { continue };
            for result in &tested.results {
                let standing = self.standing.entry(result.component.clone()).or_default();
                if standing.tested.as_ref().is_none_or(|last| last.at < tested.at) {
                    standing.tested = Some(Tested {
                        snapshot: snapshot.id,
                        at: tested.at,
                        passed: result.passed,
                        detail: result.detail.clone(),
                        milliseconds: result.milliseconds,
                    });
                }
            }
        }
    }

    /// The snapshots of a component, newest first.
    pub fn snapshots_of(&self, component: &str) -> impl Iterator<Item = &Snapshot> {
        let known = self.standing.get(component).map(|standing| standing.snapshots.as_slice()).unwrap_or_default();
        known.iter().filter_map(|id| self.state.snapshots.get(id))
    }

    /// The snapshots of the component in question, newest first.
    pub fn snapshots_here(&self) -> impl Iterator<Item = &Snapshot> {
        self.component().into_iter().flat_map(|component| self.snapshots_of(&component.name))
    }

    /// How old the recovery point of a component is.
    #[must_use]
    pub fn recovery_point(&self, component: &Component) -> RecoveryPoint {
        let good = self.standing.get(&component.name).and_then(|standing| standing.good);
        // What is received all the time is younger than its last snapshot.
        let age = match component.adapter.points() {
            Points::Continuous => self.state.recovery_point_age(&component.name, self.now),
            Points::Snapshots | Points::Versions => good.map(|(_, at)| self.now - at),
        };
        RecoveryPoint { age, limit: TimeDelta::from_std(component.rpo).unwrap_or(TimeDelta::MAX) }
    }

    /// The component, of those given, whose recovery point is closest to its limit or furthest past it.
    #[must_use]
    pub fn worst_point<'a>(
        &self,
        components: impl Iterator<Item = &'a Component>,
    ) -> Option<(&'a Component, RecoveryPoint)> {
        components
            .map(|component| (component, self.recovery_point(component)))
            .min_by_key(|(_, point)| std::cmp::Reverse((point.is_over(), point.excess())))
    }

    /// The component in question among the snapshots.
    #[must_use]
    pub fn component(&self) -> Option<&Component> {
        let platform = &self.state.platform;
        let chosen = self.browse.component.as_deref().and_then(|name| platform.component(name));
        chosen.or_else(|| platform.components.first())
    }

    /// Shows the snapshots of another component.
    pub fn show_component(&mut self, name: Option<String>) {
        if self.browse.component != name {
            self.browse = Browse { component: name, ..Browse::default() };
            self.cursors.remove(&List::Snapshots);
            self.unroll();
        }
    }

    /// Puts the point in time somewhere in the past, on a whole second.
    pub fn choose_point(&mut self, at: DateTime<Utc>) {
        let at = at.min(self.now);
        self.browse.point = Some(at.duration_trunc(TimeDelta::seconds(1)).unwrap_or(at));
    }

    /// Place in [`ZOOMS`] of what the strip shows.
    #[must_use]
    pub fn zoom(&self) -> usize {
        if let Some(zoom) = self.browse.zoom {
            return zoom;
        }
        let selected = self.snapshot().and_then(|id| self.state.snapshots.get(&id)).map(|one| one.requested_at);
        let oldest = [selected, self.browse.point].into_iter().flatten().min().unwrap_or(self.now);
        let minutes = (self.now - oldest).num_minutes() * 11 / 10;
        ZOOMS.iter().position(|zoom| *zoom > minutes).unwrap_or(ZOOMS.len() - 1).max(USUAL)
    }

    /// From when to when the strip shows: up to now, or around what is chosen when that would fall out.
    #[must_use]
    pub fn window(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let width = TimeDelta::minutes(ZOOMS[self.zoom().min(ZOOMS.len() - 1)]);
        let selected = self.snapshot().and_then(|id| self.state.snapshots.get(&id)).map(|one| one.requested_at);
        let chosen = self.browse.point.or(selected).unwrap_or(self.now);
        let to = if chosen < self.now - width { chosen + width / 2 } else { self.now };
        (to - width, to)
    }

    /// The plan that the engine would make of a request, from the same rules; why there is none, else.
    ///
    /// # Errors
    /// The rule that says no, in words.
    pub fn plan_of(&self, request: &DryRunRequest) -> Result<Plan, String> {
        let plan = match request {
            DryRunRequest::Rollback(request) => plan_rollback(&self.state, request),
            DryRunRequest::Action { service, action } => plan_action(&self.state, service, action),
            DryRunRequest::Change { change } => self.state.change(*change).map(|change| Plan::clone(&change.plan)),
            DryRunRequest::Undo { recovery } => {
                self.state.recovery(*recovery).and_then(|recovery: &Recovery| plan_undo(&self.state, recovery))
            }
        };
        plan.map_err(|refusal| refusal.message)
    }

    /// The plan to bring the component in question back to a point in time.
    ///
    /// # Errors
    /// The rule that says no, in words.
    pub fn plan_to(&self, component: &Component, point: DateTime<Utc>) -> Result<Plan, String> {
        self.plan_of(&DryRunRequest::Rollback(RollbackRequest {
            scope: Scope::Components(vec![component.name.clone()]),
            to: Some(RollbackTarget::Time(point)),
            reason: String::new(),
            incident: None,
        }))
    }

    /// What a plan would take if we asked for it now.
    #[must_use]
    pub fn assessment(&self, plan: &Plan) -> Assessment {
        let me = Actor::Operator(self.me.as_ref().map(|me| me.name.clone()).unwrap_or_default());
        assess(&self.state, &me, plan, self.now)
    }
}
