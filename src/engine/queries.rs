//! Questions that take a look at the world and change nothing, not even the journal.

use super::{
    ComponentDifference, DryRun, DryRunRequest, EngineHandle, FileChange, FileChangeKind, LiveProof, QueryError,
    effects::prove::read_back,
};
use crate::{
    domain::{
        Actor, Assessment, Command, Grain, History, LOOK_BACK, Named, Plan, Refusal, Snapshot, SnapshotId, State, Step,
        Window, assess, foresee, plan_action, plan_rollback, plan_undo, step_seconds,
    },
    platform::{Component, Sample},
    recovery::{self, Target},
    store::{SampleStore, SampleStoreError},
    vault::{CancelFlag, DifferenceKind},
};

/// Differences listed one by one at most.
const LISTED: usize = 2000;

impl EngineHandle {
    /// What a plan would change.
    ///
    /// # Errors
    /// When the rules refuse the plan or one of its components cannot be read.
    pub async fn dry_run(&self, request: DryRunRequest, actor: &Actor) -> Result<DryRun, QueryError> {
        let state = self.state();
        let agreed = match &request {
            DryRunRequest::Change { change } => Some(state.change(*change)?.plan_hash.clone()),
            _ => None,
        };
        let plan = match request {
            DryRunRequest::Rollback(request) => plan_rollback(&state, &request)?,
            DryRunRequest::Action { service, action } => plan_action(&state, &service, &action)?,
            DryRunRequest::Change { change } => Plan::clone(&state.change(change)?.plan),
            DryRunRequest::Undo { recovery } => plan_undo(&state, state.recovery(recovery)?)?,
        };
        let found = assess(&state, actor, &plan, self.now());
        let estimate_seconds = plan.steps.iter().map(|step| step_seconds(&state, step)).sum();
        let mut components = Vec::new();
        for step in &plan.steps {
            let (name, target) = match step {
                Step::SwitchRelease { component, to, .. } => (component, Target::Release(to.clone())),
                Step::RestoreSnapshot { component, vault_id, .. } => (component, Target::Snapshot(vault_id.clone())),
                Step::RestoreTime { component, vault_id, at, .. } => {
                    (component, Target::Time { at: *at, snapshot: vault_id.clone() })
                }
                _ => continue,
            };
            components.push(self.component_difference(&state, name, target).await?);
        }
        let Assessment { impact, risk, required, plan_hash, break_glass } = found;
        Ok(DryRun {
            plan_hash: agreed.unwrap_or(plan_hash),
            impact,
            risk,
            required,
            break_glass,
            estimate_seconds,
            components,
            plan,
        })
    }

    /// What differs between two snapshots, or between one and the live system.
    ///
    /// # Errors
    /// When a snapshot does not exist or cannot be read.
    pub async fn difference(
        &self,
        a: SnapshotId,
        b: Option<SnapshotId>,
    ) -> Result<Vec<ComponentDifference>, QueryError> {
        let state = self.state();
        let first = state.snapshot(a)?.clone();
        let second = match b {
            Some(id) => Some(state.snapshot(id)?.clone()),
            None => None,
        };
        if first.captured.is_empty() {
            return Err(Refusal::new("empty-snapshot", format!("{a} holds nothing"))
                .hint("choose another: codeblue snapshot list")
                .into());
        }
        let mut components = Vec::new();
        for captured in &first.captured {
            let name = &captured.component;
            components.push(match &second {
                None => self.component_difference(&state, name, Target::Snapshot(captured.vault_id.clone())).await?,
                Some(second) => self.between(name, &captured.vault_id, second).await?,
            });
        }
        Ok(components)
    }

    async fn between(&self, name: &str, first: &str, second: &Snapshot) -> Result<ComponentDifference, QueryError> {
        let Some(other) = second.captured(name) else {
            return Ok(ComponentDifference {
                component: name.to_owned(),
                summary: format!("not in {}", second.id),
                files: Vec::new(),
                total: 0,
            });
        };
        let (vault, first, other) = (self.vault.clone(), first.to_owned(), other.vault_id.clone());
        let differences = blocking(move || vault.difference(&first, &other).map_err(|error| error.to_string())).await?;
        let summary = match differences.len() {
            0 => "no difference".to_owned(),
            1 => "1 file differs".to_owned(),
            many => format!("{many} files differ"),
        };
        Ok(listed(name, summary, differences.iter().map(file_change)))
    }

    async fn component_difference(
        &self,
        state: &State,
        name: &str,
        target: Target,
    ) -> Result<ComponentDifference, QueryError> {
        let component =
            state.platform.component(name).cloned().ok_or_else(|| Refusal::unknown(Named::Component, name))?;
        let (vault, work) = (self.vault.clone(), self.work.clone());
        let found = blocking(move || {
            let room = tempfile::Builder::new()
                .prefix("dry-run-")
                .tempdir_in(&work)
                .map_err(|error| format!("{}: {error}", work.display()))?;
            recovery::dry_run(&component, &target, room.path(), &vault, &CancelFlag::new())
                .map_err(|error| error.to_string())
        })
        .await?;
        let tables = found.tables.iter().map(|table| FileChange {
            path: format!("table {}{}", table.table, if table.schema_changed { " (schema changes)" } else { "" }),
            kind: FileChangeKind::Changed,
            before: table.before_rows,
            after: table.after_rows,
        });
        let inside = found.inside.iter().map(|line| FileChange {
            path: line.clone(),
            kind: FileChangeKind::Changed,
            before: None,
            after: None,
        });
        Ok(listed(name, found.summary.clone(), tables.chain(inside).chain(found.differences.iter().map(file_change))))
    }

    /// Reads everything a snapshot holds back from the vault, and records whether it is right.
    ///
    /// # Errors
    /// When there is no such snapshot, or its outcome cannot be recorded.
    pub async fn verify_snapshot(&self, id: SnapshotId) -> Result<Vec<String>, QueryError> {
        let state = self.state();
        let snapshot = state.snapshot(id)?.clone();
        if snapshot.captured.is_empty() {
            return Err(Refusal::new("empty-snapshot", format!("{id} holds nothing"))
                .hint("choose another: codeblue snapshot list")
                .into());
        }
        let vault = self.vault.clone();
        let problems = blocking(move || read_back(&vault, &snapshot.captured, &CancelFlag::new())).await?;
        self.submit(Command::RecordSnapshotCheck { snapshot: id, problems: problems.clone() }, Actor::Engine)
            .await
            .map_err(|error| QueryError::Failed(error.to_string()))?;
        Ok(problems)
    }

    /// Has each component look at what is live: whether it is whole as its adapter understands it.
    ///
    /// # Errors
    /// When a working directory cannot be used; what is wrong with a component is in its answer.
    pub async fn verify_live(&self) -> Result<Vec<LiveProof>, QueryError> {
        let components = self.state().platform.components.clone();
        let (vault, work) = (self.vault.clone(), self.work.clone());
        blocking(move || {
            let room = tempfile::Builder::new()
                .prefix("verify-")
                .tempdir_in(&work)
                .map_err(|error| format!("{}: {error}", work.display()))?;
            let prove = |component: Component| LiveProof {
                problem: recovery::verify(&component, room.path(), &vault).err().map(|error| error.to_string()),
                component: component.name,
            };
            Ok(components.into_iter().map(prove).collect())
        })
        .await
    }

    /// The last results of a service's checks, oldest first, from the sample store.
    ///
    /// # Errors
    /// When there is no such service or the store cannot be read.
    pub async fn history(&self, service: String, limit: usize) -> Result<Vec<Sample>, QueryError> {
        if self.state().platform.service(&service).is_none() {
            return Err(Refusal::unknown(Named::Service, service).into());
        }
        let path = self.sample_file.clone();
        blocking(move || {
            SampleStore::open(&path).and_then(|store| store.recent(&service, limit)).map_err(|error| error.to_string())
        })
        .await
    }

    /// How a service was over a window up to now, in at most `buckets` equal shares of it, and what is to come for it.
    ///
    /// # Errors
    /// When there is no such service or the store cannot be read.
    pub async fn uptime(&self, service: String, window: Window, buckets: usize) -> Result<History, QueryError> {
        let state = self.state();
        let patience = state
            .platform
            .service(&service)
            .ok_or_else(|| Refusal::unknown(Named::Service, &service))?
            .allowed_silence();
        let (path, now, from) = (self.sample_file.clone(), self.now(), window.from(self.now()));
        blocking(move || {
            let read = || {
                let store = SampleStore::open(&path)?;
                let slots = store.rollups(&service, window.grain(), from, now, patience)?;
                let before = store.errors(&service, window.grain(), from - window.length(), from)?;
                let since =
                    |grain: Grain, time| store.rollups(&service, grain, grain.ceiling(now - time), now, patience);
                let [days, weeks] = LOOK_BACK;
                let ahead = foresee(now, &since(Grain::Fine, days)?, &since(Grain::Coarse, weeks)?);
                Ok::<_, SampleStoreError>((slots, before, ahead))
            };
            let (slots, before, ahead) = read().map_err(|error| error.to_string())?;
            Ok(History { ahead, ..History::of(&service, window, now, &slots, before, buckets) })
        })
        .await
    }

    /// The variables with which the stock `restic` program opens the vault.
    #[must_use]
    pub fn restic_env(&self) -> Vec<(String, String)> {
        self.vault.restic_env()
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, QueryError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panicked| QueryError::Failed(format!("internal error: {panicked}")))?
        .map_err(QueryError::Failed)
}

fn listed(name: &str, summary: String, files: impl Iterator<Item = FileChange>) -> ComponentDifference {
    let all: Vec<FileChange> = files.collect();
    let total = all.len() as u64;
    ComponentDifference { component: name.to_owned(), summary, files: all.into_iter().take(LISTED).collect(), total }
}

fn file_change(difference: &crate::vault::FileDifference) -> FileChange {
    FileChange {
        path: difference.path.clone(),
        kind: match difference.kind {
            DifferenceKind::Added => FileChangeKind::Added,
            DifferenceKind::Removed => FileChangeKind::Removed,
            DifferenceKind::Changed => FileChangeKind::Changed,
        },
        before: difference.before_bytes,
        after: difference.after_bytes,
    }
}
