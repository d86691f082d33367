//! How long a step will take, from how long such steps took.

use crate::domain::{State, Step, StepState};

/// Seconds a step takes: the median of earlier successful steps of the same kind on the same thing, the usual figure else.
#[must_use]
pub fn step_seconds(state: &State, step: &Step) -> u64 {
    let mut earlier: Vec<f64> = state
        .recoveries
        .values()
        .flat_map(|recovery| recovery.plan.steps.iter().zip(&recovery.steps))
        .filter(|(other, run)| run.state == StepState::Done && alike(step, other))
        .filter_map(|(_, run)| Some((run.ended_at? - run.started_at?).as_seconds_f64()))
        .collect();
    earlier.sort_by(f64::total_cmp);
    match earlier.get(earlier.len() / 2) {
        // Rounded up: nobody is sorry when it takes less.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds, from 0 to hours")]
        Some(seconds) => seconds.ceil() as u64,
        None => step.usual_seconds(),
    }
}

fn alike(a: &Step, b: &Step) -> bool {
    match (a, b) {
        (Step::SwitchRelease { component: a, .. }, Step::SwitchRelease { component: b, .. })
        | (Step::RestoreSnapshot { component: a, .. }, Step::RestoreSnapshot { component: b, .. })
        | (Step::RestoreTime { component: a, .. }, Step::RestoreTime { component: b, .. })
        | (Step::RollForward { component: a, .. }, Step::RollForward { component: b, .. })
        | (Step::Reload { component: a }, Step::Reload { component: b }) => a == b,
        (
            Step::RunAction { .. } | Step::Validate { .. } | Step::StopIfHealthy { .. } | Step::SafetySnapshot { .. },
            _,
        ) => a == b,
        _ => false,
    }
}
