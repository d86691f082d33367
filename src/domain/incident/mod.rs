//! Incidents from their first failure to their last action item: error events, workflows, lifecycle, severity by rules, clocks, escalation, impact,
//! stakeholder updates, post-mortem and figures.

mod error_class;
mod error_count;
pub(super) mod error_event;
pub(super) mod escalation;
pub(super) mod impact;
mod lifecycle;
mod metrics;
mod opening;
pub(super) mod postmortem;
mod severity;
mod statistics;
pub(super) mod update;
pub(super) mod workflow;

pub use error_class::{Classified, ErrorKind, ErrorSeverity, RULES, Recoverability, Rule, classify};
pub use error_count::{BURST, ErrorCounts, REQUESTS, REQUESTS_ONE_IN};
pub use error_event::{Burst, ERRORS_LIMIT, ErrorEvent, ErrorGroup, KnownErrors};
pub use escalation::{Callee, Level, Notice, names};
pub use impact::Impact;
pub use lifecycle::{
    Clock, Incident, IncidentRole, IncidentState, Severity, TIMELINE_LIMIT, TimelineEntry, TimelineKind,
};
pub(super) use lifecycle::{
    acknowledge, advance, assign, close, close_owing, declare, escalate, link, merge, note, reopen, resolve,
    set_severity, touched_by,
};
pub use metrics::{Between, Group, IncidentTimes, Metrics, Start, TimeFigures, metrics};
pub(super) use opening::{open_for_service, open_or_reopen, related};
pub use postmortem::{ActionItem, ActionKind, Findings, POST_MORTEM_DUE, PostMortem};
pub use severity::{Course, FoundSeverity, Hit, SEVERITY_FROM, SEVERITY_POINTS, SeverityAddend, SeverityRow};
pub use statistics::{ENOUGH, Median, Share};
pub use update::{Message, StakeholderUpdate, UPDATES_LIMIT, Updates};
pub use workflow::{Act, Moment, Workflow, WorkflowStep};
