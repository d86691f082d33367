//! How what broke is brought back: plans, the choice of a remedy, guard rails, runs and their validation.

pub(super) mod estimate;
pub(super) mod guard;
pub(super) mod plan;
pub(super) mod progressive;
mod record;
pub(super) mod remedy;
pub(super) mod run;
pub(super) mod validation;

pub use estimate::step_seconds;
pub(super) use guard::action_began_between;
pub use plan::{plan_action, plan_deployment, plan_rollback, plan_undo, steps_back};
pub use record::{
    Finding, Plan, Recovery, RecoveryOutcome, RollbackRequest, RollbackTarget, Scope, Step, StepRun, StepState,
    Strategy, WATCH_SECONDS,
};
pub use validation::{Criterion, ERRORS_ONE_IN, Phase, RESPONSE_MILLISECONDS, Validation, failure};
