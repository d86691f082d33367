//! What can be done with snapshots, and with a point in time.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    here::{ask, cannot_act, full_snapshot, is_about_snapshots, open, show_plan, submit},
    table::{Action, Danger, Where},
};
use crate::{
    domain::{Command, Proof, RollbackRequest, RollbackTarget, Scope, SnapshotId, SnapshotTrigger},
    engine::DryRunRequest,
    tui::{
        browse::ZOOMS,
        message::Request,
        model::{Comparison, List, Loaded, Model, Purpose, Screen},
        term::input::Key,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        name: "snapshot",
        keys: &[Key::Char('s')],
        label: "Snapshot",
        about: "Capture all components into the vault now",
        place: Where::Anywhere,
        danger: Danger::Reversible,
        disabled: |model| {
            cannot_act(model).or_else(|| {
                let none = model.state.platform.components.is_empty();
                none.then(|| "the platform file declares no [[component]]".to_owned())
            })
        },
        run: |_| {
            submit(Command::RequestSnapshot {
                components: Vec::new(),
                trigger: SnapshotTrigger::OnDemand,
                reason: "asked for on the board".to_owned(),
            })
        },
    },
    Action {
        name: "difference",
        keys: &[Key::Char('d')],
        label: "Difference",
        about: "Compare the snapshot with the live system, or with the marked one",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: |model| full_snapshot(model).err(),
        run: difference,
    },
    Action {
        name: "mark",
        keys: &[Key::Char(' ')],
        label: "Mark",
        about: "Mark the snapshot, so that Differences on another one compares the two; once more takes the mark off",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: |model| browsing(model).or_else(|| full_snapshot(model).err()),
        run: |model| {
            let id = model.snapshot();
            model.browse.marked = if model.browse.marked == id { None } else { id };
            Vec::new()
        },
    },
    Action {
        name: "test-restore",
        keys: &[Key::Char('t')],
        label: "Test-restore",
        about: "Restore the snapshot into a scratch place and verify it there; touches nothing live",
        place: Where::Snapshot,
        danger: Danger::Reversible,
        disabled: |model| cannot_prove(model, Proof::TestRestore),
        run: |model| prove(model, Proof::TestRestore),
    },
    Action {
        name: "read-back",
        keys: &[Key::Char('v')],
        label: "Read back",
        about: "Read everything the snapshot holds back from the vault and check every byte",
        place: Where::Snapshot,
        danger: Danger::Reversible,
        disabled: |model| cannot_prove(model, Proof::Integrity),
        run: |model| prove(model, Proof::Integrity),
    },
    Action {
        name: "pin",
        keys: &[Key::Char('p')],
        label: "Pin",
        about: "Keep the snapshot whatever its age; once more lets it go",
        place: Where::Snapshot,
        danger: Danger::Reversible,
        disabled: |model| browsing(model).or_else(|| full_snapshot(model).err()).or_else(|| cannot_act(model)),
        run: |model| match full_snapshot(model) {
            Ok(snapshot) => submit(Command::PinSnapshot { snapshot: snapshot.id, pinned: !snapshot.pinned }),
            Err(_) => Vec::new(),
        },
    },
    Action {
        name: "roll-back-to",
        keys: &[Key::Char('r')],
        label: "Roll back",
        about: "Bring the component back to what the snapshot holds",
        place: Where::Snapshot,
        danger: Danger::Critical,
        disabled: |model| {
            browsing(model)
                .or_else(|| cannot_act(model))
                .or_else(|| full_snapshot(model).err())
                .or_else(|| model.plan_of(&DryRunRequest::Rollback(to_selected(model)?)).err())
        },
        run: |model| match to_selected(model) {
            Some(request) => ask_for(model, request),
            None => Vec::new(),
        },
    },
    Action {
        name: "next-component",
        keys: &[Key::Tab],
        label: "Component",
        about: "Go on to the next component",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: browsing,
        run: |model| turn(model, 1),
    },
    Action {
        name: "previous-component",
        keys: &[Key::BackTab],
        label: "Component before",
        about: "Go back to the component before",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: browsing,
        run: |model| turn(model, -1),
    },
    Action {
        name: "time",
        keys: &[Key::Char('g')],
        label: "Time",
        about: "Type a point in time to go back to: 14:19:50 (UTC), 2026-01-15T14:19:50Z or 15m (ago)",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: browsing,
        run: |model| ask(model, "Go back to when? (UTC) 14:19:50 · ISO · 15m ago".to_owned(), Purpose::Time),
    },
    Action {
        name: "earlier",
        keys: &[Key::Left],
        label: "A second earlier",
        about: "Move the point in time",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: browsing,
        run: |model| shift(model, -1),
    },
    Action {
        name: "later",
        keys: &[Key::Right],
        label: "A second later",
        about: "Move the point in time",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: browsing,
        run: |model| shift(model, 1),
    },
    Action {
        name: "minute-earlier",
        keys: &[Key::ShiftLeft, Key::Char('<')],
        label: "A minute earlier",
        about: "Move the point in time",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: browsing,
        run: |model| shift(model, -60),
    },
    Action {
        name: "minute-later",
        keys: &[Key::ShiftRight, Key::Char('>')],
        label: "A minute later",
        about: "Move the point in time",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: browsing,
        run: |model| shift(model, 60),
    },
    Action {
        name: "zoom-in",
        keys: &[Key::Char('+')],
        label: "Closer",
        about: "Show less time on the strip",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: browsing,
        run: |model| zoom(model, -1),
    },
    Action {
        name: "zoom-out",
        keys: &[Key::Char('-')],
        label: "Wider",
        about: "Show more time on the strip",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: browsing,
        run: |model| zoom(model, 1),
    },
    Action {
        name: "renew",
        keys: &[Key::Char('d')],
        label: "Compare again",
        about: "Compare with the live system as it is now",
        place: Where::Snapshot,
        danger: Danger::View,
        disabled: |model| match model.screen() {
            Screen::Difference(..) => None,
            _ => Some(format!("open a difference first ({})", model.key("difference"))),
        },
        run: |model| match *model.screen() {
            Screen::Difference(of, against) => compare(model, of, against),
            _ => Vec::new(),
        },
    },
];

fn browsing(model: &Model) -> Option<String> {
    (*model.screen() != Screen::Snapshots).then(|| format!("open the snapshots first ({})", model.key("snapshots")))
}

fn cannot_prove(model: &Model, proof: Proof) -> Option<String> {
    if !is_about_snapshots(model) {
        return Some("select a snapshot first".to_owned());
    }
    match full_snapshot(model) {
        Err(why) => Some(why),
        Ok(snapshot) if snapshot.proving.contains(&proof) => Some(format!("{} is being proved", snapshot.id)),
        Ok(_) => cannot_act(model),
    }
}

fn prove(model: &Model, proof: Proof) -> Vec<Request> {
    match full_snapshot(model) {
        Ok(snapshot) => submit(Command::RequestProof { snapshot: snapshot.id, proof }),
        Err(_) => Vec::new(),
    }
}

/// Opens the snapshots at one of them.
pub fn browse(model: &mut Model, id: SnapshotId) -> Vec<Request> {
    if model.state.may_be_older(id) {
        return model.want_snapshot(id);
    }
    let requests = open(model, Screen::Snapshots);
    let holds = |name: &String| model.state.snapshots.get(&id).is_some_and(|found| found.components.contains(name));
    if !model.component().is_some_and(|component| holds(&component.name)) {
        let first = model.state.snapshots.get(&id).and_then(|snapshot| snapshot.components.first().cloned());
        model.browse.component = first;
    }
    if let Some(place) = model.rows(List::Snapshots).iter().position(|key| *key == id.to_string()) {
        model.select(List::Snapshots, place);
    }
    requests
}

fn difference(model: &mut Model) -> Vec<Request> {
    let Ok(selected) = full_snapshot(model).map(|snapshot| snapshot.id) else { return Vec::new() };
    // Of two, the older comes first: what is shown is what happened between them.
    let (of, against) = match model.browse.marked.filter(|marked| *marked != selected) {
        Some(marked) => (marked.min(selected), Some(marked.max(selected))),
        None => (selected, None),
    };
    if *model.screen() == Screen::Board {
        browse(model, selected);
    }
    open(model, Screen::Difference(of, against));
    compare(model, of, against)
}

fn compare(model: &mut Model, of: SnapshotId, against: Option<SnapshotId>) -> Vec<Request> {
    // Those that are looked at again are asked for again; the others need not stay.
    model.differences.retain(|_, comparison| comparison.result == Loaded::Waiting);
    model.differences.insert((of, against), Comparison { asked: model.now, result: Loaded::Waiting });
    vec![Request::Difference(of, against)]
}

fn turn(model: &mut Model, by: isize) -> Vec<Request> {
    let components = &model.state.platform.components;
    let here = model.component().map(|component| component.name.as_str());
    let place = components.iter().position(|component| Some(component.name.as_str()) == here).unwrap_or(0);
    let many = components.len().max(1);
    let next = (place + many).saturating_add_signed(by) % many;
    let name = components.get(next).map(|component| component.name.clone());
    model.show_component(name);
    Vec::new()
}

fn shift(model: &mut Model, seconds: i64) -> Vec<Request> {
    let from = model.browse.point.unwrap_or(model.now);
    let moved = from.checked_add_signed(TimeDelta::seconds(seconds)).unwrap_or(from);
    model.choose_point(moved);
    Vec::new()
}

fn zoom(model: &mut Model, by: isize) -> Vec<Request> {
    let now = model.zoom();
    model.browse.zoom = Some(now.saturating_add_signed(by).min(ZOOMS.len() - 1));
    Vec::new()
}

/// Enter: the plan for the point in time, when one is chosen; what differs, else.
pub(super) fn enter(model: &mut Model) -> Vec<Request> {
    match model.browse.point {
        Some(point) => to_point(model, point),
        None if full_snapshot(model).is_ok() => difference(model),
        None => {
            let (earlier, later, time) = (model.key("earlier"), model.key("later"), model.key("time"));
            let ways =
                format!("choose a point in time with {earlier} {later} or {time}, or a snapshot that holds something");
            model.say(ways, true);
            Vec::new()
        }
    }
}

/// Shows the plan to bring a component back: to a point in time, else to its last good state.
pub fn roll_back_component(model: &mut Model, name: &str, point: Option<DateTime<Utc>>) -> Vec<Request> {
    open(model, Screen::Snapshots);
    model.show_component(Some(name.to_owned()));
    match point {
        Some(point) => {
            model.choose_point(point);
            to_point(model, model.browse.point.unwrap_or(point))
        }
        None => match rollback(model, None) {
            Some(request) => ask_for(model, request),
            None => Vec::new(),
        },
    }
}

fn to_point(model: &mut Model, point: DateTime<Utc>) -> Vec<Request> {
    if let Some(why) = cannot_act(model) {
        model.say(why, true);
        return Vec::new();
    }
    match rollback(model, Some(RollbackTarget::Time(point))) {
        Some(request) => ask_for(model, request),
        None => Vec::new(),
    }
}

fn to_selected(model: &Model) -> Option<RollbackRequest> {
    rollback(model, Some(RollbackTarget::Snapshot(model.snapshot()?)))
}

fn rollback(model: &Model, to: Option<RollbackTarget>) -> Option<RollbackRequest> {
    let component = model.component()?;
    let incident = model.state.incident_of(&component.service);
    Some(RollbackRequest {
        scope: Scope::Components(vec![component.name.clone()]),
        to,
        reason: match incident {
            Some(incident) => format!("{} {}", incident.id, incident.title),
            None => "asked for on the board".to_owned(),
        },
        incident: incident.map(|incident| incident.id),
    })
}

fn ask_for(model: &mut Model, request: RollbackRequest) -> Vec<Request> {
    match model.plan_of(&DryRunRequest::Rollback(request.clone())) {
        Ok(_) => show_plan(model, DryRunRequest::Rollback(request.clone()), Command::RequestRollback(request)),
        Err(why) => {
            model.say(why, true);
            Vec::new()
        }
    }
}
