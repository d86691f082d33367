//! The board from outside: pictures of every page, and keys and clicks that end in what they ask for.

mod approvals;
mod articles;
mod beside;
mod break_glass;
mod calendar;
mod continuity;
mod diagnosis;
mod drills;
mod every;
mod forms;
mod incident;
mod keys;
mod knowledge;
mod language;
mod lock;
mod lookback;
mod map;
mod metrics;
mod pages;
mod patterns;
mod recoveries;
mod scene;
mod snapshots;
mod templates;
mod walk;
mod walk_scene;
