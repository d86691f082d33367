//! The fast track of a grave incident: milestones from the first symptom on, each with the event that proves it, and what its
//! clock does while that has not come. A clock reminds, calls and offers; it agrees to nothing.

mod milestone;
mod rules;

pub use milestone::{FastTrack, FastTrackCriterion, Milestone, Progress, Stage};
pub(super) use rules::{apply, deadlines, line, remind, symptoms};
