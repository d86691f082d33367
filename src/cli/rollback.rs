//! `codeblue rollback`

use clap::{ArgGroup, Args};

use super::{
    carry::{self, Care},
    error::{CliError, Exit},
    session::Session,
};
use crate::{
    domain::{Command, IncidentId, RollbackRequest, RollbackTarget, Scope},
    engine::DryRunRequest,
};

/// Bring components back to an earlier state
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("scope").required(true).args(["services", "components", "everything"])))]
pub struct Rollback {
    /// All components of this service; may be repeated
    #[arg(long = "service", value_name = "SERVICE", num_args = 1..)]
    services: Vec<String>,
    /// This component; may be repeated
    #[arg(long = "component", value_name = "COMPONENT", num_args = 1..)]
    components: Vec<String>,
    /// The whole platform
    #[arg(long)]
    everything: bool,
    /// A snapshot (SNP-310) or a release (v40); the last good state when absent
    #[arg(long, value_name = "ID", conflicts_with = "at")]
    to: Option<String>,
    /// What stood at that time: 2026-01-15T14:05:00Z, 14:05 (UTC) or 15m (ago)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Walk the recent deployments back, newest first, until the services are healthy
    #[arg(long, conflicts_with_all = ["to", "at", "everything"])]
    until_healthy: bool,
    /// Why; part of the record
    #[arg(long)]
    reason: String,
    /// The incident it is for, which puts its approval on the fast track
    #[arg(long)]
    incident: Option<IncidentId>,
    #[command(flatten)]
    care: Care,
}

impl Rollback {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let to = match (&self.to, &self.at) {
            (Some(to), _) => Some(target(to)),
            (None, Some(at)) => {
                let at =
                    crate::domain::past(at, session.now()).map_err(|why| CliError::Usage(format!("--at: {why}")))?;
                Some(RollbackTarget::Time(at))
            }
            (None, None) => self.until_healthy.then_some(RollbackTarget::UntilHealthy),
        };
        let (scope, name) = if self.everything {
            let platform =
                if self.care.dry_run { String::new() } else { session.client()?.state().await?.platform.name.clone() };
            (Scope::Everything, platform)
        } else if self.services.is_empty() {
            let name = self.components.join(",");
            (Scope::Components(self.components), name)
        } else {
            let name = self.services.join(",");
            (Scope::Services(self.services), name)
        };
        let request = RollbackRequest { scope, to, reason: self.reason, incident: self.incident };
        let command = Command::RequestRollback(request.clone());
        carry::carry_out(session, &self.care, &name, DryRunRequest::Rollback(request), command).await
    }
}

/// `SNP-310` is a snapshot, everything else a version.
pub(super) fn target(text: &str) -> RollbackTarget {
    let looks_like_snapshot = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SNP-"));
    match text.parse() {
        Ok(id) if looks_like_snapshot => RollbackTarget::Snapshot(id),
        _ => RollbackTarget::Version(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SnapshotId;

    #[test]
    fn a_bare_number_is_a_version_and_never_a_snapshot() {
        assert_eq!(target("snp-3"), RollbackTarget::Snapshot(SnapshotId(3)));
        assert_eq!(target("42"), RollbackTarget::Version("42".to_owned()));
        assert_eq!(target("v40"), RollbackTarget::Version("v40".to_owned()));
    }
}
