//! The board from outside: pictures of every page, and keys and clicks that end in what they ask for.

mod approvals;
mod articles;
mod break_glass;
mod bytes;
mod calendar;
mod continuity;
mod diagnosis;
mod drills;
mod forms;
mod help;
mod incident;
mod keys;
mod knowledge;
mod ladder;
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
