//! The table of commands.

use std::{num::NonZero, path::PathBuf, thread};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use super::{
    action, alert, anomalies, audit, automation, board, break_glass, breaker, change, check, complete, continuity,
    demo, deploy, diagnose, doctor, drill, emergency,
    error::{CliError, Exit},
    examples::with_examples,
    heartbeat, host, incident, init, knowledge, log, manual, oncall, operator, patterns, policy, postmortem, proof,
    recovery, redact,
    redraw::{self, Hears},
    reload, report, rollback, rootcause, runbook, runbook_walk, sandbox, schema, serve, service,
    session::{Global, Session},
    settings, snapshot, status, token, watch,
};
use crate::{
    client::{LEASH, hold_leash},
    tui::FirstPage,
};

/// What is said of --read-only before a command.
const ONLY_BOARD: &str = "--read-only is for the board alone: codeblue --read-only, or codeblue demo --read-only";

/// What is said of --all-hosts before a command.
const ONLY_FOR_BOARD: &str = "--all-hosts is for the board alone; codeblue host status tells the same in plain lines";
/// What is said of --watch before a command that does something.
const ONLY_READING: &str = "--watch is for what reads from the engine, such as status, service list or incident show; `codeblue watch` \
                            tells what happens, a line each";

/// Incident command center: watch, decide, roll back, prove. Without a command: the board
#[derive(Debug, Parser)]
#[command(name = "codeblue", version, about, max_term_width = 110)]
pub struct Arguments {
    #[command(flatten)]
    global: Global,
    /// The board shows everything and sends no command, whoever is at it
    #[arg(long)]
    read_only: bool,
    /// The board begins with all hosts of `codeblue host list` on one page
    #[arg(long)]
    all_hosts: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
enum Verb {
    /// The whole product on a platform of real processes, safe to break
    Demo(demo::Demo),
    /// Write a platform file to start from
    Init(init::Init),
    /// Explain the platform file, or say what is wrong with it and where
    Check(check::Check),
    /// Run the engine alone, without the board
    Serve(serve::Serve),
    Reload(reload::Reload),
    Doctor(doctor::Doctor),
    /// State of everything on one page
    Status(status::Status),
    Watch(watch::Watch),
    /// Health, history and planned work of services
    #[command(subcommand)]
    Service(service::Service),
    Heartbeat(heartbeat::Heartbeat),
    /// Alerts that monitoring systems send
    #[command(subcommand)]
    Alert(alert::Alert),
    /// Whether services should be called: see it, reset it, hold it for a time
    #[command(subcommand)]
    Breaker(breaker::Breaker),
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
    /// Act without an approval in an emergency: loud, for an hour at most, and reviewed by two others
    #[command(subcommand)]
    BreakGlass(break_glass::BreakGlass),
    /// What people cannot do without for long, and doing it by hand
    #[command(subcommand)]
    Continuity(continuity::Continuity),
    /// Break the sandbox on purpose, work on it as if it were real, and see how well that went
    #[command(subcommand)]
    Drill(drill::Drill),
    /// Find out what broke
    Diagnose(diagnose::Diagnose),
    /// What is known about what breaks: symptoms, procedures, and which fixes work
    #[command(subcommand)]
    Knowledge(knowledge::Knowledge),
    Anomalies(anomalies::Anomalies),
    Redact(redact::Redact),
    Patterns(patterns::Patterns),
    Rootcause(rootcause::Rootcause),
    /// Run what the platform file declares
    #[command(subcommand)]
    Action(action::Action),
    /// Books for emergencies
    #[command(subcommand)]
    Runbook(runbook::Runbook),
    /// How far the engine may go by itself
    #[command(subcommand)]
    Automation(automation::Automation),
    /// What happens by itself
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Who is on call, and who is when: see it, take a shift, give one away
    #[command(subcommand)]
    Oncall(oncall::Oncall),
    /// Who may act
    #[command(subcommand)]
    Operator(operator::Operator),
    /// Engines on other hosts: name them, see whether they answer, compare what they show
    #[command(subcommand)]
    Host(host::Host),
    /// Programs that act for you
    #[command(subcommand)]
    Token(token::Token),
    Emergency(emergency::Emergency),
    DisasterRecovery(emergency::DisasterRecovery),
    TestRecovery(proof::TestRecovery),
    ValidateIntegrity(proof::ValidateIntegrity),
    /// The same as `snapshot create`
    CreateSnapshot(snapshot::Create),
    /// Documents from the record
    #[command(subcommand)]
    Report(report::Report),
    /// The journal as evidence
    #[command(subcommand)]
    Audit(audit::Audit),
    /// The platform that may be broken
    #[command(subcommand)]
    Sandbox(sandbox::Sandbox),
    Man(manual::Man),
    Schema(schema::Schema),
    /// Theme, keys and hosts of the board
    #[command(subcommand)]
    Settings(settings::SettingsVerb),
    /// Write the completions of a shell; bash, zsh and fish ask the engine for the names of incidents, services and the rest
    Completions {
        shell: Shell,
    },
    #[command(hide = true)]
    Complete(complete::Complete),
    /// One service of a sandbox; the sandbox itself starts it
    #[command(hide = true, name = "sandbox-service")]
    SandboxService(crate::sandbox::ServiceArgs),
    /// Ends a program when the process that began this one has ended; `--host ssh://…` starts it
    #[command(hide = true, name = LEASH)]
    Leash {
        program: i32,
        folder: PathBuf,
    },
}

impl Arguments {
    /// The whole command line, with examples.
    pub(super) fn program() -> clap::Command {
        with_examples(Self::command())
    }

    /// Which engine is meant, whatever is asked of it.
    pub(super) fn session(self) -> Session {
        Session::new(self.global)
    }

    /// Worker threads for the work: the services of a sandbox are many and small.
    #[must_use]
    pub fn threads(&self) -> usize {
        match self.verb {
            Some(Verb::SandboxService(_) | Verb::Leash { .. } | Verb::Complete(_)) => 2,
            _ => thread::available_parallelism().map_or(2, NonZero::get).max(2),
        }
    }

    /// Does what was asked for and says how it ended. What went wrong has been told.
    pub async fn run(self) -> Exit {
        let session = Session::new(self.global);
        let done = match self.verb {
            None if session.watches() => Err(CliError::Usage(ONLY_READING.to_owned())),
            None => {
                let first = if self.all_hosts { FirstPage::Hosts } else { FirstPage::Board };
                board::run(&session, board::access(self.read_only), first).await
            }
            Some(_) if self.all_hosts => Err(CliError::Usage(ONLY_FOR_BOARD.to_owned())),
            Some(_) if self.read_only => Err(CliError::Usage(ONLY_BOARD.to_owned())),
            Some(verb) => match (session.watches(), verb.hears()) {
                (false, _) => verb.run(&session).await,
                (true, None) => Err(CliError::Usage(ONLY_READING.to_owned())),
                (true, Some(hears)) => redraw::redraw(&session, hears, Arguments::again).await,
            },
        };
        done.unwrap_or_else(|error| session.output.error(&error))
    }

    /// Does what the command line asks for once more, with another session: a verb is used up by what it does.
    async fn again(session: Session) -> Result<Exit, CliError> {
        match Self::try_parse().map(|arguments| arguments.verb) {
            Ok(Some(verb)) => verb.run(&session).await,
            _ => Err(CliError::Usage(ONLY_READING.to_owned())),
        }
    }
}

impl Verb {
    /// What of an engine can change the result, where this only reads from one.
    fn hears(&self) -> Option<Hears> {
        match self {
            Self::Status(_)
            | Self::Service(
                service::Service::List
                | service::Service::Show { .. }
                | service::Service::Maintenance { service: None, .. },
            )
            | Self::Breaker(breaker::Breaker::List { .. })
            | Self::Incident(
                incident::Incident::List { .. }
                | incident::Incident::Show { .. }
                | incident::Incident::Action(postmortem::Action::List { .. }),
            )
            | Self::Snapshot(snapshot::Snapshot::List { .. } | snapshot::Snapshot::Show { .. })
            | Self::Recovery(recovery::Recovery::List { .. } | recovery::Recovery::Show { wait: false, .. })
            | Self::Deploy(deploy::Deploy::List { .. })
            | Self::Change(change::Change::List { .. } | change::Change::Show { dry_run: false, .. })
            | Self::BreakGlass(break_glass::BreakGlass::List | break_glass::BreakGlass::Show { .. })
            | Self::Continuity(continuity::Continuity::List | continuity::Continuity::Show { .. })
            | Self::Drill(drill::Drill::Held | drill::Drill::Score { .. } | drill::Drill::Heatmap { .. })
            | Self::Knowledge(knowledge::Knowledge::List { .. } | knowledge::Knowledge::Show { .. })
            | Self::Runbook(runbook::Runbook::Walk(
                runbook_walk::Walk::Runs { .. } | runbook_walk::Walk::ShowRun { .. },
            ))
            | Self::Action(action::Action::List)
            | Self::Automation(automation::Automation::Show)
            | Self::Oncall(
                oncall::Oncall::Who { .. } | oncall::Oncall::Schedule { .. } | oncall::Oncall::Overrides { .. },
            )
            | Self::Operator(operator::Operator::List | operator::Operator::Show { .. })
            | Self::Token(token::Token::List)
            | Self::Audit(audit::Audit::List { .. })
            | Self::Report(_) => Some(Hears::Events),
            Self::Alert(alert::Alert::List) | Self::Incident(incident::Incident::Errors) => Some(Hears::Samples),
            Self::Patterns(patterns) if patterns.asks_engine() => Some(Hears::Samples),
            _ => None,
        }
    }

    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        // Those in which an engine runs keep a log in its home instead.
        if !matches!(self, Self::Demo(_) | Self::Serve(_)) {
            log::tell();
        }
        match self {
            Self::Init(verb) => verb.run(session),
            Self::Check(verb) => verb.run(session),
            Self::Serve(verb) => verb.run(session).await,
            Self::Reload(verb) => verb.run(session).await,
            Self::Doctor(verb) => verb.run(session).await,
            Self::Status(verb) => verb.run(session).await,
            Self::Watch(verb) => verb.run(session).await,
            Self::Service(verb) => verb.run(session).await,
            Self::Heartbeat(verb) => verb.run(session).await,
            Self::Alert(verb) => verb.run(session).await,
            Self::Breaker(verb) => verb.run(session).await,
            Self::Incident(verb) => verb.run(session).await,
            Self::Snapshot(verb) => verb.run(session).await,
            Self::Rollback(verb) => verb.run(session).await,
            Self::Recovery(verb) => verb.run(session).await,
            Self::Deploy(verb) => verb.run(session).await,
            Self::Change(verb) => verb.run(session).await,
            Self::BreakGlass(verb) => verb.run(session).await,
            Self::Continuity(verb) => verb.run(session).await,
            Self::Drill(verb) => verb.run(session).await,
            Self::Diagnose(verb) => verb.run(session).await,
            Self::Knowledge(verb) => verb.run(session).await,
            Self::Anomalies(verb) => verb.run(session),
            Self::Redact(verb) => verb.run(session),
            Self::Patterns(verb) => verb.run(session).await,
            Self::Rootcause(verb) => verb.run(session),
            Self::Action(verb) => verb.run(session).await,
            Self::Runbook(verb) => verb.run(session).await,
            Self::Automation(verb) => verb.run(session).await,
            Self::Policy(verb) => verb.run(session),
            Self::Oncall(verb) => verb.run(session).await,
            Self::Operator(verb) => verb.run(session).await,
            Self::Host(verb) => verb.run(session).await,
            Self::Token(verb) => verb.run(session).await,
            Self::Emergency(verb) => verb.run(session).await,
            Self::DisasterRecovery(verb) => verb.run(session).await,
            Self::TestRecovery(verb) => verb.run(session).await,
            Self::ValidateIntegrity(verb) => verb.run(session).await,
            Self::CreateSnapshot(verb) => verb.run(session).await,
            Self::Report(verb) => verb.run(session).await,
            Self::Audit(verb) => verb.run(session).await,
            Self::Demo(verb) => verb.run(session).await,
            Self::Sandbox(verb) => verb.run(session).await,
            Self::Man(verb) => verb.run(Arguments::program(), session),
            Self::Schema(verb) => verb.run(session),
            Self::Settings(verb) => verb.run(session),
            Self::Completions { shell } => {
                let mut script = Vec::new();
                match complete::script(shell) {
                    Some(asking) => script.extend(asking.as_bytes()),
                    None => clap_complete::generate(shell, &mut Arguments::command(), "codeblue", &mut script),
                }
                session.output.script(&script)?;
                Ok(Exit::Done)
            }
            Self::Complete(verb) => verb.run(session).await,
            Self::SandboxService(args) => {
                crate::sandbox::run_service(args).await?;
                Ok(Exit::Done)
            }
            Self::Leash { program, folder } => {
                hold_leash(program, &folder);
                Ok(Exit::Done)
            }
        }
    }
}
