//! Where one can be on the board: pages, their panes, parts and lists, the selected row of each, and what can be clicked.

use crate::domain::{
    BreakGlassId, ChangeId, DiagnosisId, DrillId, IncidentId, RecoveryId, RunId, Severity, SnapshotId,
};

/// A whole page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screen {
    /// The four panes.
    Board,
    /// One service.
    Service(String),
    /// One incident.
    Incident(IncidentId),
    /// All that waits for an approval or a review, and who agrees in whose place.
    Approvals,
    /// A diagnosis of an incident: the one chosen, else the newest.
    Diagnosis(IncidentId, Option<DiagnosisId>),
    /// What speaks for a cause that a diagnosis weighed: its service, and what it would be.
    Evidence(DiagnosisId, String, String),
    /// What a language model was told for a diagnosis.
    Prompt(DiagnosisId),
    /// How often diagnoses of each sureness were right.
    Reliability,
    /// The knowledge base.
    Knowledge,
    /// One article of it.
    Article(String),
    /// What the logs of a service say, or of all, as patterns.
    Patterns(Option<String>),
    /// One pattern, by its id.
    Pattern(String),
    /// One change, as its approver sees it.
    Change(ChangeId),
    /// One use of break-glass.
    BreakGlass(BreakGlassId),
    /// What is agreed to beforehand.
    Templates,
    /// What is about to be asked for, with its plan.
    Plan,
    /// The snapshots of a component, and the point in time to go back to.
    Snapshots,
    /// What differs between a snapshot and the live system, or a later snapshot.
    Difference(SnapshotId, Option<SnapshotId>),
    /// One recovery.
    Recovery(RecoveryId),
    /// All recoveries.
    Recoveries,
    /// The runbooks and their runs; those that fit the incident first.
    Books(Option<IncidentId>),
    /// One runbook, to be read.
    Book(String),
    /// One run of a runbook.
    Run(RunId),
    /// Why a step of a run is done, and what it takes.
    StepWhy(RunId, String),
    /// A run's book as it was when it began, to be read.
    RunText(RunId),
    /// The drills that can be held, and those that were.
    Drills,
    /// One drill: what has to be done now, and what it came to.
    Drill(DrillId),
    /// How sure it is that people can handle each scenario in each service.
    HeatMap,
    /// How incidents went.
    Metrics,
    /// What changed, beside the first sign of what is open.
    Changed,
    /// How often services fail, and what programs report of themselves.
    Errors,
    /// The circuit breakers.
    Breakers,
    /// Who may act and agree, and who is away.
    Team,
    /// One operator.
    Operator(String),
    /// Who is on call, and who is when.
    OnCall,
    /// The hosts whose engines are heard.
    Hosts,
    /// Who needs whom.
    Map,
    /// Planned work.
    Calendar,
    /// What people cannot do without.
    Continuity,
    /// One function that people cannot do without.
    Function(String),
    /// The journal.
    Journal,
    /// One event of it, by its place.
    Event(u64),
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

/// A pane of the page of all hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FleetPane {
    /// The hosts.
    #[default]
    Hosts,
    /// Open incidents of all.
    Incidents,
    /// Changes of all that wait.
    Changes,
    /// Services of all that are not well.
    Services,
}

impl FleetPane {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Hosts, Self::Incidents, Self::Changes, Self::Services];
}

/// A part of the page of an incident, a change or a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// What is known, and what comes next.
    Facts,
    /// What stands beside it: what happened, or what is done.
    Aside,
}

/// A list with a selected row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum List {
    /// A pane of the board.
    Pane(Pane),
    /// The snapshots of the component in question.
    Snapshots,
    /// The components.
    Components,
    /// What can be opened on the page of a diagnosis.
    Diagnosis,
    /// Articles of the knowledge base.
    Articles,
    /// Patterns of lines of logs.
    Patterns,
    /// The approvals screen.
    Approvals,
    /// The recoveries screen.
    Recoveries,
    /// Runbooks and their runs.
    Books,
    /// The steps of a run.
    Steps,
    /// Drills.
    Drills,
    /// Standard changes.
    Templates,
    /// Planned work.
    Work,
    /// What people cannot do without.
    Functions,
    /// The steps of doing one function by hand.
    HandSteps,
    /// The journal screen.
    Journal,
    /// What changed.
    Changed,
    /// What programs report of themselves.
    Errors,
    /// The circuit breakers.
    Breakers,
    /// The team.
    Team,
    /// Shifts of those on call.
    Shifts,
    /// A pane of the page of all hosts.
    Fleet(FleetPane),
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
    /// A pane of the page of all hosts.
    FleetPane(FleetPane),
    /// A part of a page.
    Part(Part),
    /// A service on the map.
    Node(String),
    /// A row of a list.
    Row(List, usize),
    /// An action of the table, by its name.
    Action(&'static str),
    /// A page.
    Page(Screen),
    /// A page below the one on top, by its place: to go back to.
    Crumb(usize),
    /// A choice of a menu, a palette or a list in a form.
    Choice(usize),
    /// A field of a form.
    Field(usize),
    /// A severity to choose.
    Severity(Severity),
    /// A point in time on the strip, in seconds since 1970.
    Moment(i64),
    /// The button that goes on.
    Go,
    /// The button that does not.
    Cancel,
    /// The inside of a dialog.
    Nothing,
}
