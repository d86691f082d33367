//! Floor 6. The sandbox: a small hospital platform of real processes on this host, and faults that break it for real.
//!
//! `supervisor` brings it up, with the `keeper` that starts and ends processes, and `control`, by which other processes ask for
//! that. `service/` is what the processes do. `layout` says where things lie and which directory is a sandbox, `process` which
//! process is one of its own: nothing else is ever touched.
//!
//! `kind` lists what can go wrong, `inject` does it, `heal` undoes it by the record that `fault` keeps. What a running process
//! suffers from is told to it by `impairment`, files are spoilt by `spoil`, `certificate` makes those of the front, and `link` knows
//! the dependencies that suffer in the process through which services reach each other. `ledger` holds what the load was told is
//! written against what the records hold, `paper` what it wrote on paper meanwhile, and `pack` is what wards read then; `book`
//! keeps lines durably. `repair` is what declared actions do beside starting anew, and `measure` what of that lasts until people
//! take it back. `drill/` holds drills.
//! A new fault starts in `kind`; a new service in `catalogue` and `service/`; a new drill is a file in `drills/`.

mod ask;
mod book;
mod catalogue;
mod certificate;
mod content;
mod control;
mod database;
mod detach;
mod drill;
mod error;
mod fault;
mod files;
mod heal;
mod impairment;
mod index;
mod inject;
mod keeper;
mod kind;
mod layout;
mod ledger;
mod link;
mod measure;
mod pack;
mod paper;
mod platform_file;
mod process;
mod reload;
mod repair;
mod service;
mod spoil;
mod status;
mod supervisor;

pub use catalogue::{SERVICES, SandboxService};
pub use detach::{leave_terminal, up_detached};
pub use drill::{
    Decoy, Drawn, DrillFile, DrillVolume, FaultSpec, Held, Holding, Play, Variant, draw, find, hold, library, open,
    read,
};
pub use error::SandboxError;
pub use fault::{DEFAULT_LEASE, FaultRecord};
pub use heal::{Healed, HealedFault, heal};
pub use inject::inject;
pub use kind::FaultKind;
pub use ledger::{AcknowledgedWrite, WriteLedger, ledger};
pub use pack::{DataPack, data_pack, sheet};
pub use paper::{BackEntry, PaperEntry, back_entry, enter_back};
pub use platform_file::write_platform;
pub use process::{ProcessState, SERVICE_COMMAND};
pub use reload::reload;
pub use repair::{Repair, repair};
pub use service::{ServiceArgs, run_service};
pub use status::{FaultStatus, SandboxStatus, ServiceStatus, status};
pub use supervisor::{Sandbox, SandboxOptions, down, restart};
