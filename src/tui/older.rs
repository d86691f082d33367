//! What is too old to be in the board's copy of the state: older snapshots of a component come as the cursor goes down, one that is named
//! comes when it is named, and the timeline of an incident when its page is looked at.

use std::collections::{BTreeSet, HashMap};

use super::{
    action::browse,
    message::Request,
    model::{List, Model, Screen},
};
use crate::domain::{Incident, IncidentId, Recorded, Snapshot, SnapshotId};

/// Snapshots that come at once.
pub const PAGE: usize = 500;
/// Rows before the end of the list at which more are asked for.
const AHEAD: usize = 100;
/// Snapshots that a board gathers before it lets go of what has grown old.
const GATHERED: usize = 20_000;

/// What was asked of the engine because it is old.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OlderAsked {
    /// Of each component that was asked for, the last snapshot that came.
    reached: HashMap<String, SnapshotId>,
    /// The component of which more are on their way.
    coming: Option<String>,
    /// The snapshot that is shown when it is there.
    wanted: Option<SnapshotId>,
    /// Incidents whose timelines are on their way, or could not be had.
    timelines: BTreeSet<IncidentId>,
}

impl Model {
    /// Whether more snapshots of a component are on their way.
    #[must_use]
    pub fn gets_older(&self, component: &str) -> bool {
        self.older.coming.as_deref() == Some(component)
    }

    /// Asks for a snapshot that is not here, to show it.
    pub fn want_snapshot(&mut self, id: SnapshotId) -> Vec<Request> {
        self.older.wanted = Some(id);
        self.say(format!("{id} is an older one: it comes from the engine"), false);
        vec![Request::Snapshot(id)]
    }

    /// Lets go of what has grown old, while nobody looks at it.
    pub fn let_go_of_old(&mut self) {
        if self.state.snapshots.len() > GATHERED && *self.screen() != Screen::Snapshots {
            self.state.let_go_of_old();
            self.older = OlderAsked::default();
        }
    }
}

/// What an event changes that is not here.
pub fn ask_for_changed(model: &Model, recorded: &Recorded) -> Vec<Request> {
    model.state.changes_older(&recorded.event).map(Request::Snapshot).into_iter().collect()
}

/// Asks for what is old and looked at.
pub fn ask_for_older(model: &mut Model) -> Vec<Request> {
    older_snapshots(model).into_iter().chain(timeline(model)).collect()
}

fn older_snapshots(model: &mut Model) -> Option<Request> {
    if *model.screen() != Screen::Snapshots {
        return None;
    }
    let name = model.component()?.name.clone();
    if model.state.older.of(&name) == 0 || model.gets_older(&name) {
        return None;
    }
    let near_end = model.selected_place(List::Snapshots) + AHEAD >= model.rows(List::Snapshots).len();
    let oldest = model.snapshots_here().last()?;
    if !near_end && model.window().0 >= oldest.requested_at {
        return None;
    }
    // The first that come are those that are here: between them and what is pinned there are gaps.
    let newest = model.snapshots_here().next()?.id;
    let before = model.older.reached.get(&name).copied().unwrap_or(SnapshotId(newest.0 + 1));
    model.older.coming = Some(name.clone());
    Some(Request::OlderSnapshots(name, before))
}

fn timeline(model: &mut Model) -> Option<Request> {
    let Screen::Incident(id) = model.page_looked_at() else { return None };
    let lacks = model.state.incidents.get(&id).is_some_and(|incident| !incident.has_whole_timeline());
    (lacks && model.older.timelines.insert(id)).then_some(Request::Timeline(id))
}

/// Takes in older snapshots of a component.
pub fn take_older(model: &mut Model, component: &str, result: Result<Vec<Snapshot>, String>) {
    if !model.gets_older(component) {
        return;
    }
    match result {
        Ok(found) => {
            match found.last() {
                Some(last) if found.len() == PAGE => drop(model.older.reached.insert(component.to_owned(), last.id)),
                _ => drop(model.state.older.of_component.remove(component)),
            }
            model.older.coming = None;
            model.state.take_older(found);
            model.learn_snapshots();
        }
        // It is not asked again and again: whoever wants to try looks at another component first.
        Err(why) => model.say(format!("older snapshots of {component} are not to be had: {why}"), true),
    }
}

/// Takes in a snapshot that was asked for, and shows it to whoever named it.
pub fn take_snapshot(model: &mut Model, id: SnapshotId, result: Result<Box<Snapshot>, String>) -> Vec<Request> {
    let is_wanted = model.older.wanted == Some(id);
    if is_wanted {
        model.older.wanted = None;
    }
    match result {
        Ok(found) => {
            model.state.take_older(vec![*found]);
            model.learn_snapshots();
            if is_wanted { browse(model, id) } else { Vec::new() }
        }
        Err(why) => {
            if is_wanted {
                model.say(why, true);
            }
            Vec::new()
        }
    }
}

/// Takes in the timeline of an incident.
pub fn take_timeline(model: &mut Model, id: IncidentId, result: Result<Box<Incident>, String>) {
    match result {
        Ok(whole) => {
            model.state.take_timeline(*whole);
            model.older.timelines.remove(&id);
        }
        Err(why) => model.say(format!("the timeline of {id} is not to be had: {why}"), true),
    }
}
