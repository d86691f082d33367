//! What a filter can ask of the rows of many hosts: their host's name is among the words, and `service:`, `sev:` and `state:` count.

use super::query::{Asked, Field};
use crate::{
    client::fleet::{FleetHost, HostSight, HostSummary, Merged, OpenIncident, WaitingChange},
    tui::{
        fleet::{UnwellRow, key},
        model::Model,
        theme::status_badge,
    },
};

type Wanted<'a> = &'a dyn Fn(&str) -> bool;

/// What a row says, and what its fields are.
#[derive(Default)]
struct FleetRow {
    words: Vec<String>,
    severity: Option<String>,
    service: Option<String>,
    state: Option<String>,
    is_open: Option<bool>,
}

impl Asked for FleetRow {
    fn says(&self, is_wanted: Wanted) -> bool {
        self.words.iter().any(|word| is_wanted(word))
    }

    fn has(&self, field: Field, is_wanted: Wanted) -> Option<bool> {
        let asked = |value: &Option<String>| value.as_ref().map(|value| is_wanted(value));
        match field {
            Field::Severity => asked(&self.severity),
            Field::Service => asked(&self.service),
            Field::State => asked(&self.state),
            Field::Is => self.is_open.map(|is_open| is_open && is_wanted("open")),
            Field::Kind | Field::Who => None,
        }
    }
}

impl Model {
    /// Whether the filter lets a host through.
    #[must_use]
    pub fn wants_host(&self, host: &FleetHost) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let last = host.last();
        let platform = last.map(|last| last.platform.clone()).unwrap_or_default();
        self.filter.passes(&FleetRow {
            words: vec![host.name.clone(), host.address.clone(), platform],
            severity: last.and_then(HostSummary::worst).map(|worst| worst.number().to_string()),
            state: Some(match host.sight(self.now) {
                HostSight::Heard(_) => "live".to_owned(),
                HostSight::Unknown { .. } => "unknown".to_owned(),
            }),
            is_open: Some(last.is_some_and(|last| !last.incidents.is_empty())),
            ..FleetRow::default()
        })
    }

    /// Whether it lets an incident of some host through.
    #[must_use]
    pub fn wants_merged_incident(&self, row: &Merged<'_, OpenIncident>) -> bool {
        self.filter.is_empty()
            || self.filter.passes(&FleetRow {
                words: vec![key(row.host, &row.one.id), row.one.title.clone()],
                severity: Some(row.one.severity.number().to_string()),
                state: Some(row.one.state.to_string()),
                is_open: Some(true),
                ..FleetRow::default()
            })
    }

    /// Whether it lets a change of some host through.
    #[must_use]
    pub fn wants_merged_change(&self, row: &Merged<'_, WaitingChange>) -> bool {
        let words = || vec![key(row.host, &row.one.id), row.one.title.clone()];
        self.filter.is_empty() || self.filter.passes(&FleetRow { words: words(), ..FleetRow::default() })
    }

    /// Whether it lets what is not well on some host through.
    #[must_use]
    pub fn wants_unwell(&self, row: &UnwellRow<'_>) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let (service, state) = match row {
            UnwellRow::Host(_) => (None, "unkn"),
            UnwellRow::Service(row) => (Some(row.one.name.clone()), status_badge(row.one.status).1),
        };
        let state = Some(state.to_owned());
        self.filter.passes(&FleetRow { words: vec![row.key()], service, state, ..FleetRow::default() })
    }
}
