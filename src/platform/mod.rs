//! Floor 1. The platform file: what it may say (`model`), and who depends on whom (`graph`).
//!
//! Nothing here reads a clock or acts on the world. A new key of the file starts in `model`.

mod graph;
mod model;
mod sample;

pub use model::*;
pub use sample::{Reading, Sample};
