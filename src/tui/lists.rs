//! The rows of each list, which of them is selected, and what is therefore in question.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use super::{
    calendar::key,
    diagnosis::Row,
    drill::DrillRow,
    errors,
    model::{Cursor, List, Model, Pane, Part, Screen},
    on_call,
    queue::{Queue, Queued},
    walk::{Listed, run_of},
};
use crate::domain::{
    ArticleState, BreakGlassId, BreakerState, ChangeId, ChangeState, IncidentId, RecoveryId, SnapshotId,
    waits_for_change,
};

/// Incidents that are over, at the end of the pane of incidents.
const OVER: usize = 20;

/// Snapshots in their pane.
const NEWEST: usize = 100;

/// Recoveries on their page.
const RECOVERIES: usize = 500;

/// The rows of lists while a frame is drawn: nothing changes meanwhile, and much of what is drawn asks for them.
#[derive(Debug, Default, Clone)]
pub struct FoundRows(RefCell<Option<HashMap<List, Arc<[String]>>>>);

impl FoundRows {
    /// Keeps rows until what is returned is dropped.
    #[must_use]
    pub fn keep(&self) -> impl Drop + use<'_> {
        self.0.replace(Some(HashMap::new()));
        Keeping(self)
    }
}

struct Keeping<'a>(&'a FoundRows);

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        self.0.0.replace(None);
    }
}

impl Model {
    /// The list that the arrow keys move in, if there is one.
    #[must_use]
    pub fn list(&self) -> Option<List> {
        match self.screen() {
            Screen::Board => Some(List::Pane(self.focus)),
            Screen::Snapshots => Some(List::Snapshots),
            Screen::Diagnosis(..) if self.diagnosis_rows().len() > 1 => Some(List::Diagnosis),
            Screen::Knowledge => Some(List::Articles),
            Screen::Patterns(_) => Some(List::Patterns),
            Screen::Approvals => Some(List::Approvals),
            Screen::Recoveries => Some(List::Recoveries),
            Screen::Books(_) => Some(List::Books),
            Screen::Run(_) if self.part == Part::Facts => Some(List::Steps),
            Screen::Drills => Some(List::Drills),
            Screen::Templates => Some(List::Templates),
            Screen::Calendar => Some(List::Work),
            Screen::Continuity => Some(List::Functions),
            Screen::Function(_) => Some(List::HandSteps),
            Screen::Journal => Some(List::Journal),
            Screen::Changed => Some(List::Changed),
            Screen::Errors => Some(List::Errors),
            Screen::Breakers => Some(List::Breakers),
            Screen::Team => Some(List::Team),
            Screen::OnCall => Some(List::Shifts),
            Screen::Hosts if self.has_fleet() => Some(List::Fleet(self.fleet.focus)),
            _ => None,
        }
    }

    /// The keys of a list's rows, in the order shown.
    #[must_use]
    pub fn rows(&self, list: List) -> Arc<[String]> {
        if let Some(found) = self.found_rows.0.borrow().as_ref().and_then(|found| found.get(&list)) {
            return Arc::clone(found);
        }
        let rows: Arc<[String]> = self.find_rows(list).into();
        if let Some(found) = self.found_rows.0.borrow_mut().as_mut() {
            found.insert(list, Arc::clone(&rows));
        }
        rows
    }

    fn find_rows(&self, list: List) -> Vec<String> {
        match list {
            List::Pane(Pane::Services) => {
                let mut names: Vec<&str> = self
                    .state
                    .platform
                    .services
                    .iter()
                    .map(|service| service.name.as_str())
                    .filter(|name| self.wants_service(name))
                    .collect();
                match &self.held {
                    Some(held) => {
                        let places: HashMap<&str, usize> =
                            held.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
                        names.sort_by_key(|name| places.get(name).copied());
                    }
                    None => names.sort_by_cached_key(|name| std::cmp::Reverse(self.urgency(name))),
                }
                names.into_iter().map(str::to_owned).collect()
            }
            List::Pane(Pane::Incidents) => {
                let mut incidents: Vec<_> = self.state.open_incidents().filter(|i| self.wants_incident(i)).collect();
                incidents.sort_by_key(|incident| (incident.severity, std::cmp::Reverse(incident.id)));
                let mut keys: Vec<String> = incidents.iter().map(|incident| incident.id.to_string()).collect();
                let over = self.state.incidents.values().rev().filter(|i| !i.state.is_open() && self.wants_incident(i));
                keys.extend(over.take(OVER).map(|incident| incident.id.to_string()));
                keys
            }
            List::Pane(Pane::Approvals) | List::Approvals => {
                let queue = self.queue().into_iter();
                let meant = queue.filter(|(queue, queued)| self.wants_queued(*queue, *queued));
                meant.map(|(_, queued)| queued.key()).collect()
            }
            List::Pane(Pane::Snapshots) => {
                let newest = self.state.snapshots.values().rev();
                let meant = newest.filter(|snapshot| self.wants_snapshot(snapshot));
                meant.take(NEWEST).map(|one| one.id.to_string()).collect()
            }
            List::Snapshots => {
                let meant = self.snapshots_here().filter(|snapshot| self.wants_snapshot(snapshot));
                meant.map(|snapshot| snapshot.id.to_string()).collect()
            }
            List::Components => self.state.platform.components.iter().map(|component| component.name.clone()).collect(),
            List::Articles => {
                let all = self.state.knowledge.articles.values();
                let meant = all.filter(|article| self.wants_article(article));
                let mut names: Vec<(bool, String)> =
                    meant.map(|article| (article.state == ArticleState::Retired, article.name.clone())).collect();
                names.sort();
                names.into_iter().map(|(_, name)| name).collect()
            }
            List::Diagnosis => self.diagnosis_rows().iter().map(Row::key).collect(),
            List::Recoveries => {
                let meant = self.state.recoveries.values().rev().filter(|recovery| self.wants_recovery(recovery));
                meant.take(RECOVERIES).map(|recovery| recovery.id.to_string()).collect()
            }
            List::Books => self.listed().iter().map(Listed::key).collect(),
            List::Steps => {
                let steps = self.run_here().into_iter().flat_map(|run| run.book.steps());
                steps.map(|step| step.name.clone()).collect()
            }
            List::Drills => self.drill_rows().iter().map(DrillRow::key).collect(),
            List::Templates => {
                let meant = self.state.templates.values().filter(|template| self.wants_template(template));
                meant.map(|template| template.name.clone()).collect()
            }
            List::Patterns => self.wanted_patterns().into_iter().map(|pattern| pattern.id.clone()).collect(),
            List::Work => self.wanted_work().map(key).collect(),
            List::Shifts => self.wanted_shifts().map(|shift| on_call::key(shift, self.now)).collect(),
            List::Functions => {
                let all = self.functions_by_urgency().into_iter();
                all.filter(|function| self.wants_function(function)).map(|function| function.name.clone()).collect()
            }
            List::HandSteps => match self.screen() {
                Screen::Function(name) => {
                    let steps = self.state.platform.function(name).map_or(0, |function| function.fallback.len());
                    (1..=steps).map(|step| step.to_string()).collect()
                }
                _ => Vec::new(),
            },
            List::Changed => {
                let all = self.changed().into_iter();
                all.filter(|one| self.wants_changed(one)).map(|one| one.key).collect()
            }
            List::Errors => self.wanted_errors().into_iter().map(errors::key).collect(),
            List::Breakers => {
                let calm = |name: &str| self.state.breaker(name).state == BreakerState::Closed;
                let services = self.state.platform.services.iter().map(|service| service.name.as_str());
                let mut names: Vec<(bool, &str)> =
                    services.filter(|name| self.wants_breaker(name)).map(|name| (calm(name), name)).collect();
                names.sort_by_key(|(calm, _)| *calm);
                names.into_iter().map(|(_, name)| name.to_owned()).collect()
            }
            List::Team => {
                let team = self.team().into_iter().filter(|operator| self.wants_operator(operator));
                team.map(|operator| operator.name.clone()).collect()
            }
            List::Fleet(pane) => self.fleet_rows(pane),
            List::Journal => self
                .recent
                .iter()
                .rev()
                .filter(|recorded| self.wants_event(recorded))
                .map(|recorded| recorded.seq.to_string())
                .collect(),
        }
    }

    /// How many rows a list would have if it were not narrowed, those that it has no room for among them.
    #[must_use]
    pub fn count(&self, list: List) -> usize {
        let state = &self.state;
        match list {
            List::Pane(Pane::Services) => state.platform.services.len(),
            List::Pane(Pane::Incidents) => state.incidents.len(),
            List::Pane(Pane::Approvals) | List::Approvals => self.queue().len(),
            List::Pane(Pane::Snapshots) => {
                state.snapshots.len() + usize::try_from(state.older.snapshots).unwrap_or(usize::MAX)
            }
            List::Snapshots => self.snapshots_here().count(),
            List::Articles => state.knowledge.articles.len(),
            List::Recoveries => state.recoveries.len(),
            List::Books => self.library().len() + state.runs.len(),
            List::Drills => {
                let over = state.drills.held.values().filter(|drill| drill.ended.is_some()).count();
                let any = usize::from(!self.offers().is_empty());
                usize::from(state.drills.running().is_some()) + any + self.offers().len() + over
            }
            List::Templates => state.templates.len(),
            List::Patterns => self.all_patterns().len(),
            List::Work => self.work.len(),
            List::Functions => self.functions_by_urgency().len(),
            List::Journal => self.recent.len(),
            List::Changed => self.changed().len(),
            List::Errors => self.all_errors().len(),
            List::Breakers => state.platform.services.len(),
            List::Team => self.team().len(),
            List::Shifts => self.shifts.len(),
            List::Fleet(pane) => self.fleet_count(pane),
            List::Components | List::Diagnosis | List::Steps | List::HandSteps => self.rows(list).len(),
        }
    }

    /// Place of the selected row of a list.
    #[must_use]
    pub fn selected_place(&self, list: List) -> usize {
        let rows = self.rows(list);
        let cursor = self.cursors.get(&list);
        if list == List::Steps && cursor.is_none() {
            let looked = self.run_here().and_then(|run| self.step_looked_at(run));
            return looked.and_then(|step| rows.iter().position(|name| *name == step.name)).unwrap_or(0);
        }
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
        if list == List::Steps {
            return self.turn_to_step(place);
        }
        let rows = self.rows(list);
        let place = place.min(rows.len().saturating_sub(1));
        if list == List::Pane(Pane::Services) {
            self.held = Some(rows.to_vec());
        }
        if let Some(key) = rows.get(place) {
            self.cursors.insert(list, Cursor { key: key.clone(), place });
        }
    }

    /// The service in question here.
    #[must_use]
    pub fn service(&self) -> Option<String> {
        match self.screen() {
            Screen::Service(name) | Screen::Patterns(Some(name)) => Some(name.clone()),
            Screen::Map => self.on_map(),
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
            Screen::Incident(id) | Screen::Diagnosis(id, _) => Some(*id),
            Screen::Evidence(id, ..) | Screen::Prompt(id) => Some(self.state.diagnoses.get(id)?.incident),
            Screen::Service(name) => self.state.incident_of(name).map(|incident| incident.id),
            Screen::Change(id) => self.state.changes.get(id)?.incident,
            Screen::BreakGlass(id) => self.state.break_glass.get(id).map(|glass| glass.incident),
            Screen::Recovery(id) => self.state.recoveries.get(id)?.incident,
            Screen::Books(incident) => *incident,
            screen @ (Screen::Run(_) | Screen::StepWhy(..) | Screen::RunText(_)) => {
                self.state.runs.get(&run_of(screen)?)?.incident
            }
            Screen::Board => match self.focus {
                Pane::Incidents => self.selected(List::Pane(Pane::Incidents))?.parse().ok(),
                Pane::Services => {
                    let service = self.selected(List::Pane(Pane::Services))?;
                    self.state.incident_of(&service).map(|incident| incident.id)
                }
                Pane::Approvals => match self.queued(&self.selected(List::Pane(Pane::Approvals))?)? {
                    Queued::Change(change) => change.incident,
                    Queued::BreakGlass(glass) => Some(glass.incident),
                },
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
            Screen::Approvals => self.selected(List::Approvals)?.parse().ok(),
            Screen::Board => match self.queue().first()? {
                (Queue::You | Queue::Others, Queued::Change(change)) => Some(change.id),
                _ => None,
            },
            Screen::Run(id) => {
                let run = self.state.runs.get(id)?;
                waits_for_change(&self.state, run, run.current()?)
            }
            Screen::Incident(id) => self
                .state
                .incidents
                .get(id)?
                .changes
                .iter()
                .rev()
                .copied()
                .find(|id| self.state.changes.get(id).is_some_and(|c| c.state == ChangeState::Pending)),
            _ => None,
        }
    }

    /// The use of break-glass in question here.
    #[must_use]
    pub fn break_glass(&self) -> Option<BreakGlassId> {
        match self.screen() {
            Screen::BreakGlass(id) => Some(*id),
            Screen::Board if self.focus == Pane::Approvals => self.selected(List::Pane(Pane::Approvals))?.parse().ok(),
            Screen::Approvals => self.selected(List::Approvals)?.parse().ok(),
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
            Screen::Change(id) => self.state.changes.get(id)?.recovery,
            Screen::Recoveries => self.selected(List::Recoveries)?.parse().ok(),
            Screen::BreakGlass(id) => self.state.break_glass.get(id)?.acts.last().map(|act| act.recovery),
            _ => self
                .incident()
                .and_then(|id| self.state.incidents.get(&id)?.recoveries.last().copied())
                .or_else(|| self.state.recoveries.keys().next_back().copied()),
        }
    }
}
