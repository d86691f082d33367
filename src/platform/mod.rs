//! Floor 1. The platform file: what it may say (`model`, `probe`, `adapter`), how it is read (`parse`, `parse_access`, `parse_check`,
//! `parse_continuity`, `parse_evidence`, `parse_http`, `breaker`, `log_files`, `log_source`, `parse_language_model`, `parse_listen`, `parse_oncall`, `parse_probe`, `parse_workflow`, `postgres`, `rows`,
//! `reader`), what must hold between its parts (`validate`,
//! `approvers`), how mistakes are told (`problem`), what it means in plain words (`explain`, `explain_probe`, `explain_change_rules`, `explain_oncall`), and who
//! depends on whom (`graph`). `sample`, `json_path` and
//! `template` are words that several rooms above share.
//!
//! Nothing here reads a clock or acts on the world. A new key of the file starts in `model`, `probe` or `adapter`.

mod adapter;
mod alert;
mod approvers;
mod breaker;
mod change_rules;
mod continuity;
mod explain;
mod explain_change_rules;
mod explain_oncall;
mod explain_probe;
mod graph;
mod json_path;
mod language_model;
mod listen;
mod log_files;
mod log_source;
mod maintenance;
mod model;
mod oncall;
mod parse;
mod parse_access;
mod parse_adapter;
mod parse_change_rules;
mod parse_check;
mod parse_continuity;
mod parse_evidence;
mod parse_http;
mod parse_language_model;
mod parse_listen;
mod parse_maintenance;
mod parse_oncall;
mod parse_probe;
mod parse_vault;
mod parse_workflow;
mod postgres;
mod probe;
mod problem;
mod reader;
mod redaction;
mod rows;
mod sample;
mod template;
mod validate;
mod words;

#[cfg(test)]
mod tests;

pub use adapter::{Adapter, Points, Programs};
pub use alert::{Alert, AlertProbe, fingerprint};
pub use breaker::BreakerRules;
pub(crate) use breaker::{MOST_RESULTS, RATE_MINIMUM, RATE_WINDOW};
pub use change_rules::{ApprovalLevels, Freeze, HealthInformation};
pub use continuity::CriticalFunction;
pub use explain::explain;
pub use json_path::JsonPath;
pub use language_model::{KeySource, LanguageModel, Price};
pub use listen::{CertificateFiles, Listen};
pub use log_files::{LogFiles, LogLevel};
pub use log_source::{LogPlace, LogSource};
pub use maintenance::{MaintenanceWindow, WindowDays};
pub use model::*;
pub use oncall::{Gaps, OnCallHours, OnCallLayer, OnCallSchedule};
pub use parse::{load, parse};
pub use postgres::{PostgresScope, PostgresServer};
pub use probe::*;
pub use problem::{Problem, Problems, nearest};
pub(crate) use reader::{Found, Reader, Section, Value};
pub use redaction::{AddressRule, Network, RedactionRules};
pub use rows::{Baseline, RowsDatabase, RowsProbe};
pub use sample::{Beat, Measure, Quantity, Reading, Sample};
pub use template::fill;
pub use words::count;

/// A commented platform file to start from, which watches this host.
pub const STARTER: &str = include_str!("../../assets/starter.toml");
