//! Floor 3. What is kept on disk. `samples` holds what the checks measured: high in volume, of use for days, not evidence.

pub mod samples;
