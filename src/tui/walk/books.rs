//! The books that can be begun and the runs of them: in which order they stand, and which fit an incident.

use std::collections::BTreeSet;

use crate::{
    domain::{
        Cause, Incident, IncidentId, Run, RunId, Status, Workflow,
        runbook::{Runbook, Scenario, ServiceRef},
    },
    engine::LibraryBook,
    platform::{ComponentKind, Criticality},
    tui::{
        action::latest_document,
        model::{List, Loaded, Model, Screen},
    },
};

/// Runs that are over and still listed.
const OVER: usize = 50;

/// A row of the page of runbooks.
#[derive(Debug, Clone)]
pub enum Listed<'a> {
    /// A run, open or over.
    Run(&'a Run),
    /// A book, and why it fits the incident in question.
    Book(&'a LibraryBook, Option<Fit>),
}

/// How well a book fits an incident.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fit {
    /// The higher, the better.
    pub weight: u8,
    /// Why, in words.
    pub why: String,
}

impl Listed<'_> {
    /// What tells it from all others.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Run(run) => run.id.to_string(),
            Self::Book(book, _) => book.id.clone(),
        }
    }
}

impl Model {
    /// The books of the engine, as far as they have been asked for.
    #[must_use]
    pub fn library(&self) -> &[LibraryBook] {
        match &self.books {
            Some(Loaded::Here(books)) => books,
            _ => &[],
        }
    }

    /// A book of the engine.
    #[must_use]
    pub fn book(&self, id: &str) -> Option<&LibraryBook> {
        self.library().iter().find(|book| book.id == id)
    }

    /// The runs of a book, the newest first.
    pub fn runs_of(&self, book: &str) -> impl Iterator<Item = &Run> {
        self.state.runs.values().rev().map(AsRef::as_ref).filter(move |run| run.book.front.id == book)
    }

    /// Runs that are open, books, and runs that are over; what the incident in question calls for comes first.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed<'_>> {
        let incident = match self.screen() {
            Screen::Books(incident) => *incident,
            _ => None,
        };
        let mut open: Vec<&Run> = self.state.open_runs().filter(|run| self.wants_run(run)).collect();
        open.sort_by_key(|run| {
            let is_other = incident.is_some() && run.incident != incident;
            (is_other, !self.waits(run).mine, std::cmp::Reverse(run.id))
        });
        let mut books: Vec<(Option<Fit>, &LibraryBook)> = self
            .library()
            .iter()
            .filter(|book| self.wants_book(book))
            .map(|book| (incident.and_then(|id| self.fit(book.runbook.as_deref()?, id)), book))
            .collect();
        books.sort_by(|(a, one), (b, other)| {
            let weight = |fit: &Option<Fit>| fit.as_ref().map_or(0, |fit| fit.weight);
            weight(b).cmp(&weight(a)).then_with(|| one.id.cmp(&other.id))
        });
        let over = self.state.runs.values().rev().map(AsRef::as_ref).filter(|run| !run.is_open());
        let mut rows: Vec<Listed<'_>> = open.into_iter().map(Listed::Run).collect();
        rows.extend(books.into_iter().map(|(fit, book)| Listed::Book(book, fit)));
        rows.extend(over.filter(|run| self.wants_run(run)).take(OVER).map(Listed::Run));
        rows
    }

    /// Why a book fits an incident, if it does: by the cause that was found, the services it acts on, and what it is noticed by.
    #[must_use]
    pub fn fit(&self, book: &Runbook, incident: IncidentId) -> Option<Fit> {
        let incident = self.state.incidents.get(&incident)?;
        let cause = latest_document(self, incident.id).map(|document| document.root_cause_category);
        let kind = match incident.workflow {
            Workflow::DataCorruption => Some(Scenario::Corruption),
            Workflow::SecurityBreach => Some(Scenario::Breach),
            Workflow::Outage | Workflow::Degradation => None,
        };
        let is_database = |name: &String| {
            let mut parts = self.state.platform.components_of(name);
            parts.any(|component| component.kind == ComponentKind::Database)
        };
        let scenario = book.front.scenario;
        let mut why = Vec::new();
        if let Some(cause) = cause.filter(|cause| scenario_of(*cause) == Some(scenario)) {
            why.push(format!("for the cause {}", cause.row().name));
        }
        if kind == Some(scenario) {
            why.push("for what kind of incident it is".to_owned());
        }
        if scenario == Scenario::Outage && self.is_complete_outage() {
            why.push("most of what is critical is down by itself".to_owned());
        }
        if scenario == Scenario::Database && incident.root.as_ref().is_some_and(is_database) {
            why.push("the root is a database".to_owned());
        }
        let mut weight = if why.is_empty() { 0 } else { 8 };
        let acts_on = services_of(book);
        let is_noticed = self.notices(book, incident);
        let root = incident.root.as_ref().or_else(|| incident.services.first());
        if let Some(root) = root.filter(|root| acts_on.contains(root.as_str()) && (is_noticed || weight > 0)) {
            weight += 4;
            why.push(format!("acts on {root}"));
        }
        (weight > 0).then(|| Fit { weight: weight + u8::from(is_noticed), why: why.join(" · ") })
    }

    /// Whether the services of an incident show what a book is noticed by.
    fn notices(&self, book: &Runbook, incident: &Incident) -> bool {
        let shows = |status: Status| incident.services.iter().any(|name| self.status_of(name) == status);
        book.front.detects.iter().any(|sign| match sign.as_str() {
            "service-down" => shows(Status::Down),
            "service-degraded" => shows(Status::Degraded),
            _ => false,
        })
    }

    fn is_complete_outage(&self) -> bool {
        let critical = self.state.platform.services.iter();
        let critical: Vec<_> = critical.filter(|service| service.criticality == Criticality::Critical).collect();
        let is_down = |name: &str| self.status_of(name) == Status::Down && self.affected_by(name).is_none();
        let down = critical.iter().filter(|service| is_down(&service.name)).count();
        down > 1 && down * 2 > critical.len()
    }

    /// The run that is selected on the page of runbooks.
    #[must_use]
    pub fn selected_run(&self) -> Option<RunId> {
        self.selected(List::Books)?.parse().ok()
    }

    /// The book in question here: the one that is read, or selected.
    #[must_use]
    pub fn book_here(&self) -> Option<&LibraryBook> {
        match self.screen() {
            Screen::Book(id) => self.book(id),
            Screen::Books(_) => self.book(&self.selected(List::Books)?),
            _ => None,
        }
    }
}

/// The services that a book acts on when nobody says otherwise.
fn services_of(book: &Runbook) -> BTreeSet<&str> {
    book.front
        .services
        .iter()
        .filter_map(|service| match service {
            ServiceRef::Name(name) => Some(name.as_str()),
            ServiceRef::Input(input) => {
                book.front.inputs.iter().find(|known| known.name == *input).and_then(|known| known.default.as_deref())
            }
        })
        .collect()
}

/// The emergency that a cause makes, where that is one of those for which there are books.
fn scenario_of(cause: Cause) -> Option<Scenario> {
    Some(match cause {
        Cause::Corruption | Cause::AlteredData => Scenario::Corruption,
        Cause::LockContention | Cause::PoolExhausted => Scenario::Database,
        Cause::Slowness
        | Cause::CacheMiss
        | Cause::QueueBacklog
        | Cause::RateLimit
        | Cause::OutOfMemory
        | Cause::OutOfDescriptors
        | Cause::ProcessorSaturated
        | Cause::NetworkLatency => Scenario::Performance,
        Cause::Release
        | Cause::ProcessExit
        | Cause::ProcessHang
        | Cause::CrashLoop
        | Cause::Setting
        | Cause::DiskFull
        | Cause::Certificate
        | Cause::Credentials
        | Cause::NameResolution
        | Cause::Connectivity
        | Cause::ExternalDependency
        | Cause::ClockSkew
        | Cause::Unknown => return None,
    })
}
