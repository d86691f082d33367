//! The services of the sandbox: what each does (`patient_api`, `auth`, …), and what all share: the start and end of the process
//! (`run`), what it knows about itself (`context`), its settings, its log, how it takes connections (`door`), how it asks the
//! others (`call`), and what any process can be made to suffer from (`suffering`).
//!
//! `front` is the TLS through which the world reaches `patient-api`. Two processes are no services: `proxies`, through which services reach each other, and `stray_client`, which a fault starts.
//!
//! A new service gets a file here, a line in `run` and one in the catalogue.

mod ai_analysis;
mod auth;
mod call;
mod clinicians;
mod context;
mod door;
mod failure;
mod front;
mod inventory;
mod log;
mod patient_api;
mod pool;
mod proxies;
mod records_db;
mod release;
mod run;
mod settings;
mod stray_client;
mod suffering;
mod wards;

pub use run::{ServiceArgs, run_service};
