//! Incidents from their first failure to their last action item: lifecycle, clocks, impact, stakeholder updates,
//! post-mortem and figures.

pub(super) mod impact;
mod lifecycle;
mod metrics;
pub(super) mod postmortem;
mod statistics;
pub(super) mod update;

pub use impact::Impact;
pub use lifecycle::{
    Clock, Incident, IncidentRole, IncidentState, Severity, TIMELINE_LIMIT, TimelineEntry, TimelineKind,
};
pub(super) use lifecycle::{
    acknowledge, advance, assign, close, declare, escalate, line, link, merge, note, open_for_service, reopen, resolve,
    set_severity, touched_by,
};
pub use metrics::{Between, Group, IncidentTimes, Metrics, Start, TimeFigures, metrics};
pub use postmortem::{ActionItem, ActionKind, Findings, POST_MORTEM_DUE, PostMortem};
pub use statistics::{ENOUGH, Median, Share};
pub use update::{Message, StakeholderUpdate, UPDATES_LIMIT, Updates};
