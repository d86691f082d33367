//! The board from outside: pictures of every page, and keys and clicks that end in what they ask for.

mod forms;
mod incident;
mod keys;
mod lookback;
mod pages;
mod recoveries;
mod scene;
mod snapshots;
