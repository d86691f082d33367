//! What the board knows: a copy of the engine's state, and what is open, selected and asked on top of it.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use tui_textarea::TextArea;

use super::{hit::HitMap, message::Request};
use crate::{
    domain::{ChangeId, IncidentId, Operator, Recorded, RecoveryId, SnapshotId, State, Status, Vitals},
    engine::{ComponentDifference, DryRun},
    platform::Profile,
};

/// Events kept for the journal screen.
pub const RECENT: usize = 1000;

/// Everything the board knows.
#[derive(Debug, Clone)]
pub struct Model {
    /// The connection to the engine.
    pub link: Link,
    /// A copy of the engine's state.
    pub state: State,
    /// A copy of the latest figures.
    pub vitals: Vitals,
    /// Who we are.
    pub me: Option<Operator>,
    /// The time, as of the last message.
    pub now: DateTime<Utc>,
    /// What is open; the board is below all.
    pub screens: Vec<Screen>,
    /// The pane with the focus.
    pub focus: Pane,
    /// The selected row of each list, by its key and its place.
    pub cursors: HashMap<List, Cursor>,
    /// Order of the services while the cursor moves among them: rows do not jump from under it.
    pub held: Option<Vec<String>>,
    /// First visible line of a long page.
    pub scroll: usize,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// A short message.
    pub toast: Option<Toast>,
    /// What lists are narrowed to.
    pub filter: String,
    /// The last events, oldest first.
    pub recent: VecDeque<Recorded>,
    /// Dry runs of changes.
    pub dry_runs: HashMap<ChangeId, Loaded<DryRun>>,
    /// Differences of snapshots to the live system.
    pub differences: HashMap<SnapshotId, Loaded<Vec<ComponentDifference>>>,
    /// Faults that may be injected, when this is a drill on a sandbox.
    pub faults: Vec<Fault>,
    /// Where things are on the screen, as last drawn.
    pub hits: HitMap<Target>,
    /// Rows a page has, as last drawn.
    pub page: usize,
}

/// The connection to the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Nothing has been heard yet.
    Connecting,
    /// News come in.
    Live,
    /// No news since then.
    Lost {
        /// When it was lost.
        since: DateTime<Utc>,
        /// Why.
        reason: String,
    },
}

/// Something that is asked for and may not be there yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Loaded<T> {
    /// On its way.
    Waiting,
    /// Here.
    Here(T),
    /// It could not be had.
    Failed(String),
}

/// A whole page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screen {
    /// The four panes.
    Board,
    /// One service.
    Service(String),
    /// One incident.
    Incident(IncidentId),
    /// One change, as its approver sees it.
    Change(ChangeId),
    /// The snapshots.
    Snapshots,
    /// One recovery.
    Recovery(RecoveryId),
    /// All recoveries.
    Recoveries,
    /// The journal.
    Journal,
    /// What can be done where.
    Help,
}

/// A pane of the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pane {
    /// Live health.
    Services,
    /// Open incidents.
    Incidents,
    /// Changes that wait.
    Approvals,
    /// The newest snapshots.
    Snapshots,
}

impl Pane {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Services, Self::Incidents, Self::Approvals, Self::Snapshots];
}

/// A list with a selected row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum List {
    /// A pane of the board.
    Pane(Pane),
    /// The snapshots screen.
    Snapshots,
    /// The recoveries screen.
    Recoveries,
    /// The journal screen.
    Journal,
}

/// The selected row of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The row's key.
    pub key: String,
    /// Its place when it was last seen.
    pub place: usize,
}

/// Something that can be clicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A pane.
    Pane(Pane),
    /// A row of a list.
    Row(List, usize),
    /// An action of the table, by its name.
    Action(&'static str),
    /// A choice of a menu or palette.
    Choice(usize),
    /// The button that goes on.
    Go,
    /// The button that does not.
    Cancel,
    /// The inside of a dialog.
    Nothing,
}

/// A short message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// What it says.
    pub text: String,
    /// Whether it is bad news.
    pub bad: bool,
    /// When it goes.
    pub until: DateTime<Utc>,
}

/// A fault that may be injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its name on the command line.
    pub name: String,
    /// What it does.
    pub about: String,
}

/// What lies over the screen and takes the keys.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// Actions, found by typing.
    Palette {
        /// What was typed.
        input: Box<TextArea<'static>>,
        /// The selected choice.
        selected: usize,
    },
    /// A choice among a few.
    Menu {
        /// What it is about.
        title: String,
        /// What each choice says and does.
        choices: Vec<(String, Vec<Request>)>,
        /// The selected choice.
        selected: usize,
    },
    /// A question before something is done.
    Confirm(Confirm),
    /// A line of text.
    Prompt {
        /// What is asked.
        title: String,
        /// What it is for.
        purpose: Purpose,
        /// What was typed.
        input: Box<TextArea<'static>>,
    },
    /// Something is on its way.
    Wait(String),
}

/// A question before something is done.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// What would be done.
    pub title: String,
    /// What it means.
    pub lines: Vec<String>,
    /// What the button says.
    pub verb: String,
    /// A name that has to be typed first.
    pub name: Option<String>,
    /// What was typed.
    pub typed: String,
    /// The button that Enter presses is the one that goes on.
    pub go: bool,
    /// When it was opened: keys of the first moment were meant for something else.
    pub opened: DateTime<Utc>,
    /// What is done.
    pub requests: Vec<Request>,
}

/// What a line of text is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A note on an incident.
    Note(IncidentId),
    /// The title of a new incident.
    Declare(Option<String>),
    /// Why an incident is escalated.
    Escalate(IncidentId),
    /// What ended an incident.
    Resolve(IncidentId),
    /// Why a change is rejected.
    Reject(ChangeId),
    /// Why policies have to stop.
    Halt,
    /// What lists are narrowed to.
    Filter,
}

impl Model {
    /// A board that has heard nothing yet.
    #[must_use]
    pub fn new(now: DateTime<Utc>, faults: Vec<Fault>) -> Self {
        Self {
            link: Link::Connecting,
            state: State::default(),
            vitals: Vitals::default(),
            me: None,
            now,
            screens: vec![Screen::Board],
            focus: Pane::Services,
            cursors: HashMap::new(),
            held: None,
            scroll: 0,
            overlay: None,
            toast: None,
            filter: String::new(),
            recent: VecDeque::new(),
            dry_runs: HashMap::new(),
            differences: HashMap::new(),
            faults,
            hits: HitMap::default(),
            page: 10,
        }
    }

    /// The page on top.
    #[must_use]
    pub fn screen(&self) -> &Screen {
        self.screens.last().unwrap_or(&Screen::Board)
    }

    /// Whether faults may be injected here.
    #[must_use]
    pub fn is_drill(&self) -> bool {
        self.state.platform.profile == Profile::Drill
    }

    /// The list that the arrow keys move in, if there is one.
    #[must_use]
    pub fn list(&self) -> Option<List> {
        match self.screen() {
            Screen::Board => Some(List::Pane(self.focus)),
            Screen::Snapshots => Some(List::Snapshots),
            Screen::Recoveries => Some(List::Recoveries),
            Screen::Journal => Some(List::Journal),
            _ => None,
        }
    }

    /// The keys of a list's rows, in the order shown.
    #[must_use]
    pub fn rows(&self, list: List) -> Vec<String> {
        let wanted = |text: &str| self.filter.is_empty() || text.to_lowercase().contains(&self.filter.to_lowercase());
        match list {
            List::Pane(Pane::Services) => {
                let mut names: Vec<&str> = self
                    .state
                    .platform
                    .services
                    .iter()
                    .map(|service| service.name.as_str())
                    .filter(|name| wanted(name))
                    .collect();
                match &self.held {
                    Some(held) => names.sort_by_key(|name| held.iter().position(|other| other == name)),
                    None => names.sort_by_key(|name| std::cmp::Reverse(self.urgency(name))),
                }
                names.into_iter().map(str::to_owned).collect()
            }
            List::Pane(Pane::Incidents) => {
                let mut incidents: Vec<_> = self.state.open_incidents().filter(|i| wanted(&i.title)).collect();
                incidents.sort_by_key(|incident| (incident.severity, std::cmp::Reverse(incident.id)));
                let mut keys: Vec<String> = incidents.iter().map(|incident| incident.id.to_string()).collect();
                let over = self.state.incidents.values().rev().filter(|i| !i.state.is_open() && wanted(&i.title));
                keys.extend(over.take(20).map(|incident| incident.id.to_string()));
                keys
            }
            List::Pane(Pane::Approvals) => {
                let mut keys: Vec<String> = self
                    .state
                    .pending_changes()
                    .iter()
                    .filter(|c| wanted(&c.title))
                    .map(|c| c.id.to_string())
                    .collect();
                let over =
                    self.state.changes.values().rev().filter(|c| !keys.contains(&c.id.to_string()) && wanted(&c.title));
                let over: Vec<String> = over.take(20).map(|change| change.id.to_string()).collect();
                keys.extend(over);
                keys
            }
            List::Pane(Pane::Snapshots) | List::Snapshots => self
                .state
                .snapshots
                .values()
                .rev()
                .filter(|snapshot| wanted(&snapshot.components.join(" ")) || wanted(&snapshot.reason))
                .take(500)
                .map(|snapshot| snapshot.id.to_string())
                .collect(),
            List::Recoveries => self.state.recoveries.keys().rev().take(500).map(ToString::to_string).collect(),
            List::Journal => self
                .recent
                .iter()
                .rev()
                .filter(|recorded| wanted(&recorded.event.summary()) || wanted(&recorded.actor.to_string()))
                .map(|recorded| recorded.seq.to_string())
                .collect(),
        }
    }

    /// How much a service wants to be looked at.
    #[must_use]
    pub fn urgency(&self, service: &str) -> u8 {
        match self.status_of(service) {
            Status::Down => 4,
            Status::Degraded => 3,
            Status::Unknown => 2,
            Status::Maintenance => 1,
            Status::Healthy => 0,
        }
    }

    /// What is known of a service now: old news is no news.
    #[must_use]
    pub fn status_of(&self, service: &str) -> Status {
        let held = self.state.services.get(service).map_or(Status::Unknown, |health| health.status);
        match held {
            Status::Maintenance => held,
            _ if self.silence_of(service).is_some() => Status::Unknown,
            _ => held,
        }
    }

    /// How long nothing has been heard of a service, when that is too long.
    #[must_use]
    pub fn silence_of(&self, service: &str) -> Option<TimeDelta> {
        if let Link::Lost { since, .. } = &self.link {
            let age = self.now - *since;
            return (age > TimeDelta::seconds(5)).then_some(age);
        }
        self.vitals.services.get(service)?.silence(&self.state.platform, service, self.now)
    }

    /// Place of the selected row of a list.
    #[must_use]
    pub fn selected_place(&self, list: List) -> usize {
        let rows = self.rows(list);
        let cursor = self.cursors.get(&list);
        cursor
            .and_then(|cursor| rows.iter().position(|key| *key == cursor.key))
            .or(cursor.map(|cursor| cursor.place.min(rows.len().saturating_sub(1))))
            .unwrap_or(0)
    }

    /// Key of the selected row of a list.
    #[must_use]
    pub fn selected(&self, list: List) -> Option<String> {
        self.rows(list).get(self.selected_place(list)).cloned()
    }

    /// Puts the cursor of a list on a row.
    pub fn select(&mut self, list: List, place: usize) {
        let rows = self.rows(list);
        let place = place.min(rows.len().saturating_sub(1));
        if list == List::Pane(Pane::Services) {
            self.held = Some(rows.clone());
        }
        if let Some(key) = rows.get(place) {
            self.cursors.insert(list, Cursor { key: key.clone(), place });
        }
    }

    /// The service in question here.
    #[must_use]
    pub fn service(&self) -> Option<String> {
        match self.screen() {
            Screen::Service(name) => Some(name.clone()),
            Screen::Board if self.focus == Pane::Services => self.selected(List::Pane(Pane::Services)),
            _ => self.incident().and_then(|id| {
                let incident = self.state.incidents.get(&id)?;
                incident.root.clone().or_else(|| incident.services.first().cloned())
            }),
        }
    }

    /// The incident in question here.
    #[must_use]
    pub fn incident(&self) -> Option<IncidentId> {
        match self.screen() {
            Screen::Incident(id) => Some(*id),
            Screen::Service(name) => self.state.incident_of(name).map(|incident| incident.id),
            Screen::Change(id) => self.state.changes.get(id)?.incident,
            Screen::Recovery(id) => self.state.recoveries.get(id)?.incident,
            Screen::Board => match self.focus {
                Pane::Incidents => self.selected(List::Pane(Pane::Incidents))?.parse().ok(),
                Pane::Services => {
                    let service = self.selected(List::Pane(Pane::Services))?;
                    self.state.incident_of(&service).map(|incident| incident.id)
                }
                Pane::Approvals => self.state.changes.get(&self.change()?)?.incident,
                Pane::Snapshots => None,
            },
            _ => None,
        }
    }

    /// The change in question here.
    #[must_use]
    pub fn change(&self) -> Option<ChangeId> {
        match self.screen() {
            Screen::Change(id) => Some(*id),
            Screen::Board if self.focus == Pane::Approvals => self.selected(List::Pane(Pane::Approvals))?.parse().ok(),
            Screen::Board => self.state.pending_changes().first().map(|change| change.id),
            Screen::Incident(id) => {
                self.state.incidents.get(id)?.changes.iter().rev().copied().find(|id| {
                    self.state.changes.get(id).is_some_and(|c| c.state == crate::domain::ChangeState::Pending)
                })
            }
            _ => None,
        }
    }

    /// The snapshot in question here.
    #[must_use]
    pub fn snapshot(&self) -> Option<SnapshotId> {
        match self.screen() {
            Screen::Snapshots => self.selected(List::Snapshots)?.parse().ok(),
            Screen::Board if self.focus == Pane::Snapshots => self.selected(List::Pane(Pane::Snapshots))?.parse().ok(),
            _ => None,
        }
    }

    /// The recovery in question here.
    #[must_use]
    pub fn recovery(&self) -> Option<RecoveryId> {
        match self.screen() {
            Screen::Recovery(id) => Some(*id),
            Screen::Recoveries => self.selected(List::Recoveries)?.parse().ok(),
            _ => self
                .incident()
                .and_then(|id| self.state.incidents.get(&id)?.recoveries.last().copied())
                .or_else(|| self.state.recoveries.keys().next_back().copied()),
        }
    }

    /// Whether something on the screen counts seconds.
    #[must_use]
    pub fn is_counting(&self) -> bool {
        self.state.open_incidents().next().is_some()
            || !self.state.pending_changes().is_empty()
            || self.state.running_recoveries().next().is_some()
            || matches!(self.link, Link::Lost { .. })
    }

    /// Shows a short message.
    pub fn say(&mut self, text: impl Into<String>, bad: bool) {
        let until = self.now + TimeDelta::seconds(if bad { 10 } else { 5 });
        self.toast = Some(Toast { text: text.into(), bad, until });
    }
}
