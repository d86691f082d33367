//! What was just done, as far as a key takes it back: said with the key for as long as that key does so.

use super::{
    action::{named, on_key},
    model::Model,
};
use crate::domain::{ChangeId, Event, SnapshotId};

/// What was just done, and can be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayBack {
    /// A yes or a no to a change.
    Decision(ChangeId),
    /// That a change was asked for.
    Change(ChangeId),
    /// That somebody agrees in one's place.
    Deputy,
    /// That policies stopped, or may act again.
    Halt,
    /// That failures of a service are expected.
    Maintenance(String),
    /// That people work by hand.
    ByHand(String),
    /// That a standard change has to be proved anew.
    Suspension(String),
    /// That a snapshot is kept, or let go.
    Pin(SnapshotId),
}

impl WayBack {
    /// That of what has happened; none when nothing takes it back.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::ChangeApproved { change, .. }
            | Event::ChangeAuthorised { change }
            | Event::ChangeRejected { change, .. } => Self::Decision(*change),
            Event::ChangeSubmitted { change, .. } => Self::Change(*change),
            Event::ApprovalDelegated { .. } => Self::Deputy,
            Event::AutomationHalted { .. } | Event::AutomationReleased => Self::Halt,
            Event::MaintenanceStarted { service, .. } => Self::Maintenance(service.clone()),
            Event::FallbackActivated { function, .. } => Self::ByHand(function.clone()),
            Event::TemplateSuspended { template, .. } => Self::Suspension(template.clone()),
            Event::SnapshotPinned { snapshot, .. } => Self::Pin(*snapshot),
            _ => return None,
        })
    }

    /// The action that takes it back.
    fn action(&self) -> &'static str {
        match self {
            Self::Decision(_) => "revoke",
            Self::Change(_) => "withdraw",
            Self::Deputy => "end-delegation",
            Self::Halt => "halt",
            Self::Maintenance(_) => "end-maintenance",
            Self::ByHand(_) => "end-work-by-hand",
            Self::Suspension(_) => "restore-template",
            Self::Pin(_) => "pin",
        }
    }

    /// Whether that action is about it on the page that is open.
    fn is_here(&self, model: &Model) -> bool {
        match self {
            Self::Decision(id) | Self::Change(id) => model.change() == Some(*id),
            Self::Deputy | Self::Halt => true,
            Self::Maintenance(service) => {
                model.selected_work().is_some_and(|work| work.in_force() && work.service == *service)
            }
            Self::ByHand(function) => model.function().is_some_and(|here| here.name == *function),
            Self::Suspension(template) => model.template().is_some_and(|here| here.name == *template),
            Self::Pin(id) => model.snapshot() == Some(*id),
        }
    }
}

impl Model {
    /// The action that takes back what the short message tells, while its key does so here.
    #[must_use]
    pub fn way_back(&self) -> Option<&'static str> {
        let way_back = self.toast.as_ref()?.way_back.as_ref().filter(|way_back| way_back.is_here(self))?;
        let action = named(way_back.action()).filter(|action| action.why_not(self).is_none())?;
        let mut keys = self.keymap.keys(action).iter();
        keys.any(|key| on_key(self, *key).is_some_and(|found| found.name == action.name)).then_some(action.name)
    }
}
