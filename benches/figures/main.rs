//! How fast the parts are on which everything waits, each beside a rival in the same run where there is one.
//!
//! `cargo bench` runs all; `cargo bench -- journal` those with that word in their name. Files are made in the folder for
//! temporary files: point `TMPDIR` at the disk that is to be measured.
#![expect(clippy::unwrap_used, reason = "a figure that cannot be measured stops the run")]

mod anomalies;
mod board;
mod checks;
mod diagnosis;
#[path = "../../tests/it/dice.rs"]
mod dice;
mod history;
mod journal;
mod knowledge;
#[path = "../../tests/it/loghub.rs"]
mod loghub;
#[path = "../../tests/it/matrix/mod.rs"]
mod matrix;
#[path = "../../tests/it/nab.rs"]
mod nab;
mod patterns;
#[path = "../../tests/it/petshop.rs"]
mod petshop;
mod platform;
mod postgres;
#[path = "../../tests/it/records.rs"]
mod records;
mod recoveries;
mod redact;
mod rootcause;
mod rules;
mod sqlite;
#[path = "../../tests/it/year.rs"]
mod year;

fn main() {
    divan::main();
}
