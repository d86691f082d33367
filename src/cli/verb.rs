//! The table of commands.

use clap::Subcommand;

use super::{
    action, audit, automation, change, check, demo, deploy, diagnose,
    error::{CliError, Exit},
    incident, init, operator, recovery, rollback, sandbox, serve, service,
    session::Session,
    snapshot, status,
};

/// What can be asked for on the command line.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The whole product on a platform of real processes, safe to break
    Demo(demo::Demo),
    /// Write a platform file to start from
    Init(init::Init),
    /// Explain the platform file, or say what is wrong with it and where
    Check(check::Check),
    /// Run the engine alone, without the board
    Serve(serve::Serve),
    /// State of everything on one page
    Status(status::Status),
    /// Health, history and planned work of services
    #[command(subcommand)]
    Service(service::Service),
    /// Work on incidents
    #[command(subcommand)]
    Incident(incident::Incident),
    /// Take, compare and prove snapshots
    #[command(subcommand)]
    Snapshot(snapshot::Snapshot),
    /// Bring components back to an earlier state
    Rollback(rollback::Rollback),
    /// Runs of recovery: follow, stop, take back
    #[command(subcommand)]
    Recovery(recovery::Recovery),
    /// The ledger of what went live when
    #[command(subcommand)]
    Deploy(deploy::Deploy),
    /// Changes and their approvals
    #[command(subcommand)]
    Change(change::Change),
    /// Find out what broke
    Diagnose(diagnose::Diagnose),
    /// Run what the platform file declares
    #[command(subcommand)]
    Action(action::Action),
    /// How far the engine may go by itself
    #[command(subcommand)]
    Automation(automation::Automation),
    /// Who may act
    #[command(subcommand)]
    Operator(operator::Operator),
    /// The journal as evidence
    #[command(subcommand)]
    Audit(audit::Audit),
    /// The platform that may be broken
    #[command(subcommand)]
    Sandbox(sandbox::Sandbox),
    #[command(hide = true, name = "sandbox-service")]
    SandboxService(crate::sandbox::ServiceArgs),
}

impl Verb {
    /// Whether an engine runs inside this process, so that it keeps a log.
    #[must_use]
    pub fn is_engine(&self) -> bool {
        matches!(self, Self::Serve(_))
    }

    /// Whether it takes the whole screen, so that nothing else may be written to it.
    #[must_use]
    pub fn takes_screen(&self) -> bool {
        matches!(self, Self::Demo(demo) if demo.takes_screen())
    }

    /// Does it, and says how it ended. What went wrong has been told.
    pub async fn run(self, session: &Session) -> Exit {
        match self.carry_out(session).await {
            Ok(exit) => exit,
            Err(error) => session.output.error(&error),
        }
    }

    async fn carry_out(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Init(verb) => verb.run(session),
            Self::Check(verb) => verb.run(session),
            Self::Serve(verb) => verb.run(session).await,
            Self::Status(verb) => verb.run(session).await,
            Self::Service(verb) => verb.run(session).await,
            Self::Incident(verb) => verb.run(session).await,
            Self::Snapshot(verb) => verb.run(session).await,
            Self::Rollback(verb) => verb.run(session).await,
            Self::Recovery(verb) => verb.run(session).await,
            Self::Deploy(verb) => verb.run(session).await,
            Self::Change(verb) => verb.run(session).await,
            Self::Diagnose(verb) => verb.run(session).await,
            Self::Action(verb) => verb.run(session).await,
            Self::Automation(verb) => verb.run(session).await,
            Self::Operator(verb) => verb.run(session).await,
            Self::Audit(verb) => verb.run(session).await,
            Self::Demo(verb) => verb.run(session).await,
            Self::Sandbox(verb) => verb.run(session).await,
            Self::SandboxService(args) => {
                crate::sandbox::run_service(args).await?;
                Ok(Exit::Done)
            }
        }
    }
}
