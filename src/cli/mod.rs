//! Floor 6. The command line: one file per noun, each with its arguments and what it does with them.
//!
//! What they share: `session` (which engine, as whom), `reach` (how it is reached), `output` and `table` (for people, or one JSON document), `text` (making
//! foreign text safe to show), `fleet` (all named hosts), `elsewhere` (things named with their host), `error` (exit codes), `log` (in files of `log_file`), `danger` (dry run and typed name), `code` (second factors and tokens), `wait` (following what was begun), `redraw` (showing what is read again, as it changes), `carry`
//! (everything that ends in a recovery), `words` (arguments that are more than a word). A new noun gets its file, its
//! line in `verb`, and lines in `examples`.

mod action;
mod alert;
mod anomalies;
mod approve;
mod article;
mod audit;
mod automation;
mod board;
mod board_drill;
mod break_glass;
mod breaker;
mod carry;
mod certificate;
mod change;
mod change_export;
mod change_request;
mod change_template;
mod check;
mod code;
mod complete;
mod continuity;
mod danger;
mod demo;
mod deploy;
mod diagnose;
mod diagnose_logs;
mod doctor;
mod doctor_around;
mod doctor_tls;
mod drill;
mod drill_paper;
mod drill_run;
mod elsewhere;
mod emergency;
mod error;
mod examples;
mod fleet;
mod heartbeat;
mod host;
mod incident;
mod init;
mod knowledge;
mod log;
mod log_file;
mod manual;
mod oncall;
mod operator;
mod output;
mod patterns;
mod patterns_seen;
mod policy;
mod postmortem;
mod proof;
mod reach;
mod recovery;
mod redact;
mod redraw;
mod reload;
mod report;
mod rollback;
mod rootcause;
mod runbook;
mod runbook_commands;
mod runbook_page;
mod runbook_walk;
mod sandbox;
mod schema;
mod serve;
mod service;
mod session;
mod settings;
mod snapshot;
mod spool;
mod status;
mod supervised;
mod table;
mod text;
mod token;
mod totp;
mod verb;
mod wait;
mod watch;
mod words;

#[cfg(test)]
mod spoken;
#[cfg(test)]
mod tests;

pub use error::Exit;
pub use verb::Arguments;
