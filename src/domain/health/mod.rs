//! How services are: the judgement of check results, planned work, and what their history comes to.

mod affected;
pub(super) mod flapping;
mod judgement;
pub(super) mod maintenance;
mod news;
mod rollup;
mod sketch;
mod uptime;
mod vitals;

pub use affected::affected;
pub(super) use judgement::record;
pub use judgement::{Judge, ServiceHealth, Status, Verdict};
pub use maintenance::{CalendarEntry, PlannedWork, WorkOrigin, calendar, next_window};
pub use news::{Heard, Told, heard_every};
pub use rollup::{Grain, Readings, Rollup, Standing, Witness, fold, judged_alone};
pub use sketch::Sketch;
pub use uptime::{Figures, History, Percentiles, ReadingFigures, Window, percent};
pub use vitals::{Point, ServiceVitals, Vitals};
