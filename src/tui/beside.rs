//! Lists and the pages of what is in them: the page that Enter opens is the one that stands beside the list where there is room.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    errors,
    lookback::look_back_on,
    message::Request,
    model::{List, Loaded, Model, Pane, Screen},
    patterns::look_at_patterns,
    queue::Queued,
};
use crate::{domain::ChangeState, tui::layout};

/// How soon the cursor has to move again for a key to count as held: then the page beside the list waits until it rests.
pub const RESTS_AFTER: TimeDelta = TimeDelta::milliseconds(120);

/// How the page beside a list follows the cursor.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Following {
    /// When the cursor moved last.
    moved_at: Option<DateTime<Utc>>,
    /// The page that stands there until the cursor rests.
    held: Option<Screen>,
}

impl Model {
    /// The page beside the list: that of what is selected, once the cursor rests.
    #[must_use]
    pub fn page_beside(&self) -> Option<Screen> {
        self.following.held.clone().or_else(|| self.selected_page())
    }

    /// Whether the page beside the list waits for the cursor to rest.
    #[must_use]
    pub fn is_cursor_moving(&self) -> bool {
        self.following.held.is_some()
    }

    /// What stands beside the list before a key, where that can be another one after it.
    pub(super) fn before_a_key(&self) -> Option<(Screen, Option<Screen>)> {
        let is_wide = self.columns >= layout::VERY_WIDE && self.lists_pages();
        is_wide.then(|| (self.screen().clone(), self.selected_page()))
    }

    /// Has the page beside the list wait when the cursor has moved on at once.
    pub(super) fn follow_cursor(&mut self, before: Option<(Screen, Option<Screen>)>) {
        let Some((_, page)) = before.filter(|(list, _)| list == self.screen()) else {
            self.following = Following::default();
            return;
        };
        if page != self.selected_page() {
            let is_held = self.following.moved_at.is_some_and(|moved| self.now - moved < RESTS_AFTER);
            self.following.held = if is_held { self.following.held.take().or(page) } else { None };
            self.following.moved_at = Some(self.now);
        }
    }

    /// Lets the page beside the list follow when the cursor rests.
    pub(super) fn rest_cursor(&mut self) {
        if self.following.moved_at.is_none_or(|moved| self.now - moved >= RESTS_AFTER) {
            self.following.held = None;
        }
    }

    /// Whether the page on top is a list of things that have pages.
    #[must_use]
    pub fn lists_pages(&self) -> bool {
        matches!(
            self.screen(),
            Screen::Board
                | Screen::Approvals
                | Screen::Templates
                | Screen::Knowledge
                | Screen::Patterns(_)
                | Screen::Recoveries
                | Screen::Books(_)
                | Screen::Drills
                | Screen::Calendar
                | Screen::Continuity
                | Screen::Journal
                | Screen::Changed
                | Screen::Errors
                | Screen::Breakers
                | Screen::Team
                | Screen::OnCall
        )
    }

    /// Whether there is something to stand beside the list: one without rows has the whole width for what it says.
    #[must_use]
    pub fn has_page_beside(&self) -> bool {
        let says_what_will = matches!(self.screen(), Screen::Board | Screen::Drills);
        self.lists_pages() && (says_what_will || self.selected_page().is_some())
    }

    /// The page of what is selected in the list here.
    #[must_use]
    pub fn selected_page(&self) -> Option<Screen> {
        match self.screen() {
            Screen::Board => match self.focus {
                Pane::Services => self.service().map(Screen::Service),
                Pane::Incidents => self.incident().map(Screen::Incident),
                Pane::Approvals => self.selected_in_queue(List::Pane(Pane::Approvals)),
                Pane::Snapshots => self.snapshot().map(|_| Screen::Snapshots),
            },
            Screen::Approvals => self.selected_in_queue(List::Approvals),
            Screen::Templates => self.template().map(|template| match self.uses_of(template).next() {
                Some(change) => Screen::Change(change.id),
                None => Screen::Recovery(template.proved_by),
            }),
            Screen::Knowledge => self.selected(List::Articles).map(Screen::Article),
            Screen::Patterns(_) => self.selected(List::Patterns).map(Screen::Pattern),
            Screen::Recoveries => self.selected(List::Recoveries)?.parse().ok().map(Screen::Recovery),
            Screen::Books(_) => match self.selected_run() {
                Some(run) => Some(Screen::Run(run)),
                None => self.selected(List::Books).map(Screen::Book),
            },
            Screen::Drills => self.drill_here().map(|drill| Screen::Drill(drill.id)),
            Screen::Calendar => self.selected_work().map(|work| Screen::Service(work.service.clone())),
            Screen::Continuity => self.selected(List::Functions).map(Screen::Function),
            Screen::Changed => {
                let key = self.selected(List::Changed)?;
                self.changed().into_iter().find(|one| one.key == key)?.page
            }
            Screen::Errors => {
                let key = self.selected(List::Errors)?;
                let group = self.wanted_errors().into_iter().find(|group| errors::key(group) == key)?;
                Some(Screen::Service(group.service.clone()))
            }
            Screen::Breakers => self.selected(List::Breakers).map(Screen::Service),
            Screen::Team => self.selected(List::Team).map(Screen::Operator),
            Screen::OnCall => self.selected_shift()?.person.clone().map(Screen::Operator),
            Screen::Journal => self.selected(List::Journal)?.parse().ok().map(Screen::Event),
            _ => None,
        }
    }

    fn selected_in_queue(&self, list: List) -> Option<Screen> {
        Some(match self.queued(&self.selected(list)?)? {
            Queued::Change(change) => Screen::Change(change.id),
            Queued::BreakGlass(glass) => Screen::BreakGlass(glass.id),
        })
    }

    /// The page that is looked at: the one on top, or the one that stands beside its list.
    #[must_use]
    pub fn page_looked_at(&self) -> Screen {
        let is_wide = self.columns >= layout::VERY_WIDE && self.page_zoom() == layout::Zoom::Out;
        let beside = if is_wide && self.lists_pages() { self.selected_page() } else { None };
        beside.unwrap_or_else(|| self.screen().clone())
    }
}

/// Asks for what the page that is looked at shows and nobody has asked for yet, or not for long: after the cursor has rested.
pub fn look(model: &mut Model) -> Vec<Request> {
    let mut requests = Vec::new();
    match model.page_looked_at() {
        Screen::Service(name) => requests.extend(look_back_on(model, &name)),
        Screen::Change(id) => {
            let is_ahead = model.state.changes.get(&id).is_some_and(|change| change.state <= ChangeState::Approved);
            if is_ahead && !model.dry_runs.contains_key(&id) {
                model.dry_runs.insert(id, Loaded::Waiting);
                requests.push(Request::ChangeDryRun(id));
            }
        }
        Screen::Pattern(id) => requests.extend(look_at_patterns(model, &Screen::Pattern(id))),
        _ => {}
    }
    requests
}
