//! `codeblue doctor`

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::{
    doctor_around, doctor_tls,
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    client::{Client, ClientError},
    domain::{Role, State},
    engine::{EvidenceFigures, Home, PlatformDifference},
    platform::{self, Profile, count},
    store::verify_file,
};

/// Times of its objective after which a recovery point is late.
const LATE: f64 = 1.5;

/// Find out what is wrong with this installation, and what to do about it
///
/// Looks at the home, its disks and its log, the platform file, the engine, what it shows over TLS, the journal, the vault, people and
/// snapshots, at the hosts that are named here, and at the clock. Nothing is changed. Exits with 1 when something is wrong.
#[derive(Debug, Args)]
pub struct Doctor {}

/// What was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    what: &'static str,
    pub(super) state: Health,
    pub(super) found: String,
    todo: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Health {
    Good,
    Warning,
    Wrong,
}

pub(super) fn good(what: &'static str, found: impl Into<String>) -> Found {
    Found { what, state: Health::Good, found: found.into(), todo: None }
}

pub(super) fn warning(what: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Found {
    Found { what, state: Health::Warning, found: found.into(), todo: Some(todo.into()) }
}

pub(super) fn wrong(what: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Found {
    Found { what, state: Health::Wrong, found: found.into(), todo: Some(todo.into()) }
}

impl Doctor {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let mut all = Vec::new();
        if !session.is_elsewhere() {
            let home = session.home()?;
            all.extend(of_home(&home));
            all.extend(doctor_around::of_clock().await);
        }
        all.extend(of_engine(&session.client()?, session).await);
        if !session.is_elsewhere() {
            all.extend(doctor_around::of_hosts(session, &session.home()?).await);
        }
        let worst = all.iter().map(|found| found.state).max().unwrap_or(Health::Good);
        let document = json!({"ok": worst != Health::Wrong, "found": all});
        session.output.result(&document, || page(session, &all))?;
        Ok(if worst == Health::Wrong { Exit::Failed } else { Exit::Done })
    }
}

fn page(session: &Session, all: &[Found]) -> String {
    let mut table = Table::new(["", "WHAT", "FOUND"]);
    for found in all {
        let glyph = match found.state {
            Health::Good => Cell::painted("●", Paint::Good),
            Health::Warning => Cell::painted("▲", Paint::Warn),
            Health::Wrong => Cell::painted("✖", Paint::Bad),
        };
        table.row([glyph, Cell::from(found.what), Cell::from(text::line(&found.found))]);
    }
    let mut page = table.render(&session.output);
    let todo: Vec<String> = all
        .iter()
        .filter_map(|found| Some(format!("  {}: {}\n", found.what, text::line(found.todo.as_ref()?))))
        .collect();
    page += &if todo.is_empty() { "\nnothing is wrong\n".to_owned() } else { format!("\nto do\n{}", todo.concat()) };
    page
}

/// What can be seen without an engine.
fn of_home(home: &Home) -> Vec<Found> {
    let mut all = vec![of_platform_file(home)];
    if !home.data().is_dir() {
        let told = format!("{} is not there: no engine has run here yet", home.data().display());
        all.push(warning("home", told, "write a platform file with: codeblue init; then start: codeblue serve"));
        return all;
    }
    all.push(of_secrets(home));
    all.extend(doctor_around::of_space(home));
    all.extend(doctor_around::of_log(home));
    all.push(of_journal(home));
    let vault = home.vault().join("config");
    all.push(match vault.exists() {
        true => good("vault", home.vault().display().to_string()),
        false => warning("vault", format!("{} is not there", vault.display()), "the next start of the engine makes it"),
    });
    if home.halt().exists() {
        let told = format!("{} is there: policies start nothing", home.halt().display());
        all.push(warning(
            "automation",
            told,
            "when the reason for it is over, remove the file, then: codeblue automation release",
        ));
    }
    all
}

fn of_platform_file(home: &Home) -> Found {
    let file = home.platform_file();
    match platform::load(&file) {
        Ok(platform) if platform.services.is_empty() => warning(
            "platform file",
            format!("{} declares no service", file.display()),
            "say what to watch: docs/platform-file.md",
        ),
        Ok(platform) => {
            let unwatched: Vec<&str> = platform
                .services
                .iter()
                .filter(|service| service.checks.is_empty())
                .map(|service| service.name.as_str())
                .collect();
            let told = format!(
                "{}: {}, {}",
                file.display(),
                count(platform.services.len(), "service"),
                count(platform.components.len(), "component")
            );
            if unwatched.is_empty() {
                good("platform file", told)
            } else {
                let told = format!("{told}; nothing watches {}", unwatched.join(", "));
                warning("platform file", told, "give each service a [[service.check]]: docs/checks.md")
            }
        }
        Err(problems) => wrong(
            "platform file",
            format!("{}: {}", file.display(), count(problems.count(), "problem")),
            "codeblue check says which, and where; without a file: codeblue init",
        ),
    }
}

/// Files that others may read, where only this user should.
fn of_secrets(home: &Home) -> Found {
    let mut open = Vec::new();
    for folder in [home.data(), home.keys()] {
        if mode(&folder).is_some_and(|mode| mode & 0o077 != 0) {
            open.push(folder.display().to_string());
        }
    }
    let files = fs::read_dir(home.keys()).into_iter().flatten().flatten().map(|entry| entry.path());
    let secret = files.filter(|path| path.extension().is_none_or(|ending| ending != "pub"));
    open.extend(
        secret.filter(|path| mode(path).is_some_and(|mode| mode & 0o077 != 0)).map(|path| path.display().to_string()),
    );
    match open.first() {
        None => good("secrets", format!("{} is for this user alone", home.keys().display())),
        Some(first) => {
            let told = format!("others may read {first}{}", if open.len() > 1 { " and more" } else { "" });
            wrong(
                "secrets",
                told,
                format!("chmod -R go= {}; who could read them meanwhile may know them", home.keys().display()),
            )
        }
    }
}

/// Who may read and write a file.
pub(super) fn mode(path: &Path) -> Option<u32> {
    Some(fs::metadata(path).ok()?.permissions().mode() & 0o777)
}

fn of_journal(home: &Home) -> Found {
    if !home.journal().exists() {
        return warning(
            "journal",
            format!("{} is not there", home.journal().display()),
            "the next start of the engine makes it",
        );
    }
    let todo = format!("keep the file as it is and look: codeblue audit verify --file {}", home.journal().display());
    match verify_file(&home.journal()) {
        Ok(found) => match found.problem {
            None => good("journal", format!("{} events in an unbroken chain", found.events)),
            Some(problem) => wrong("journal", format!("event {}: {}", problem.seq, problem.detail), todo),
        },
        Err(error) => wrong("journal", error.to_string(), todo),
    }
}

/// What the engine says.
async fn of_engine(client: &Client, session: &Session) -> Vec<Found> {
    let me = match client.whoami().await {
        Ok(me) => me,
        Err(ClientError::NoEngine { at, reason }) => {
            return vec![wrong("engine", format!("none answers on {at}"), reason)];
        }
        Err(ClientError::Refused(refusal)) => {
            let what = format!("it answers, but not to this login: {}", refusal.message);
            return vec![wrong("engine", what, refusal.next_step())];
        }
        Err(error) => {
            return vec![wrong("engine", error.to_string(), "look at its log, or start it again: codeblue serve")];
        }
    };
    let state = match client.state().await {
        Ok(state) => state,
        Err(error) => return vec![wrong("engine", error.to_string(), "look at its log")],
    };
    let own = env!("CARGO_PKG_VERSION");
    let told = format!("{} on {} answers {}", state.engine.version, state.engine.host, me.name);
    let mut all = vec![match state.engine.version == own {
        true => good("engine", told),
        false => {
            warning("engine", format!("{told}; this program is {own}"), "start the engine again with the newer one")
        }
    }];
    match client.get::<PlatformDifference>("/api/v1/platform/reload").await {
        Ok(found) if found.changed => {
            let told = format!("{} says something else than what is in force", found.file.display());
            all.push(warning("platform", told, "look with codeblue reload --dry-run, then codeblue reload"));
        }
        // A broken file was told of above.
        _ => {}
    }
    if let Some(reason) = &state.halted {
        all.push(warning("automation", format!("halted: {reason}"), "codeblue automation release"));
    }
    all.extend(doctor_tls::of_tls(&state, client, session.now(), !session.is_elsewhere()).await);
    all.push(of_people(&state));
    all.push(of_watch(&state));
    all.push(of_snapshots(&state, session));
    if let Ok(evidence) = client.evidence().await {
        all.push(of_evidence(&evidence));
    }
    all
}

fn of_people(state: &State) -> Found {
    let able: Vec<_> =
        state.operators.values().filter(|one| !one.disabled && one.may_act() && one.login.is_some()).collect();
    let leads = able.iter().filter(|one| one.can_stand_for(Role::TechnicalLead)).count();
    let told = format!("{} who may act, {leads} of them as a technical lead", able.len());
    if leads == 0 {
        let todo = "as who owns the home: codeblue operator add NAME --role technical-lead --login LOGIN";
        return wrong("people", told, todo);
    }
    if able.len() < 2 {
        let todo = "nobody approves the own change: codeblue operator add NAME --role technical-lead --login LOGIN";
        return warning("people", told, todo);
    }
    let without = able.iter().filter(|one| state.second_factor(&one.name).is_none()).count();
    if without > 0 && state.platform.profile == Profile::Production {
        let todo = "each of them: codeblue operator totp enrol";
        return warning("people", format!("{told}; {without} without a second factor"), todo);
    }
    good("people", told)
}

fn of_watch(state: &State) -> Found {
    use crate::domain::Status;
    let unheard: Vec<&str> = state
        .platform
        .services
        .iter()
        .filter(|service| !service.checks.is_empty())
        .filter(|service| state.services.get(&service.name).is_none_or(|health| health.status == Status::Unknown))
        .map(|service| service.name.as_str())
        .collect();
    if unheard.is_empty() {
        return good(
            "watch",
            format!("every one of {} was heard from", count(state.platform.services.len(), "service")),
        );
    }
    let told = format!("nothing was heard yet of {}", unheard.join(", "));
    warning("watch", told, "codeblue service show NAME says what its checks found")
}

fn of_snapshots(state: &State, session: &Session) -> Found {
    let now = session.now();
    let late: Vec<&str> = state
        .platform
        .components
        .iter()
        .filter(|component| {
            let age = state.recovery_point_age(&component.name, now);
            age.is_none_or(|age| age.as_seconds_f64() > component.rpo.as_secs_f64() * LATE)
        })
        .map(|component| component.name.as_str())
        .collect();
    if late.is_empty() {
        return good(
            "snapshots",
            format!("{} can be brought back as promised", count(state.platform.components.len(), "component")),
        );
    }
    let told = format!("no good snapshot in time of {}", late.join(", "));
    warning("snapshots", told, "codeblue snapshot list says why; codeblue snapshot create takes one now")
}

fn of_evidence(evidence: &EvidenceFigures) -> Found {
    let places = evidence.exports.iter().chain(&evidence.witnesses);
    let outage = evidence.outage.as_ref().map(|outage| ("the file of checkpoints".to_owned(), outage));
    let mut outages =
        outage.into_iter().chain(places.filter_map(|place| Some((place.place.clone(), place.outage.as_ref()?))));
    match outages.next() {
        None => good("evidence", "checkpoints are signed and reach every place that is named"),
        Some((place, outage)) => wrong(
            "evidence",
            format!("checkpoints do not reach {place}: {}", outage.problem),
            "docs/evidence.md says what each place needs",
        ),
    }
}
