//! The services of the sandbox: what each does (`patient_api`, `auth`, …), and what all share: the start and end of the process
//! (`run`), what it knows about itself (`context`), its settings, its log, and how it asks the others (`call`).
//!
//! A new service gets a file here, a line in `run` and one in the catalogue.

mod ai_analysis;
mod auth;
mod call;
mod clinicians;
mod context;
mod failure;
mod inventory;
mod log;
mod patient_api;
mod pool;
mod records_db;
mod release;
mod run;
mod settings;
mod wards;

pub use run::{ServiceArgs, run_service};
