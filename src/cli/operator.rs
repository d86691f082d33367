//! `codeblue operator`

use std::{fs::File, io::Read, path::PathBuf};

use clap::Subcommand;

use super::{
    certificate::Certificate,
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
    totp::Totp,
    words,
};
use crate::domain::{self, Command, Refusal, Role, State, role_name};

/// A larger file is no public key.
const KEY_FILE: u64 = 16 * 1024;

/// Who may act
#[derive(Debug, Subcommand)]
pub enum Operator {
    /// Let somebody work here, or change the roles and the login of somebody known
    Add {
        name: String,
        /// May be repeated
        #[arg(long = "role", required = true, value_parser = words::role())]
        roles: Vec<Role>,
        /// Login on the engine's host whose processes act as this operator; without, somebody known keeps the login
        #[arg(long)]
        login: Option<String>,
        /// Let no login act as this operator any more
        #[arg(long, conflicts_with_all = ["login", "belongs_to"])]
        no_login: bool,
        /// Whose other name or service account it is: both are one person
        #[arg(long, value_name = "OPERATOR")]
        belongs_to: Option<String>,
    },
    /// Everybody
    List,
    /// All that is known of one
    Show { name: String },
    /// What somebody may do from now on
    Role {
        name: String,
        /// May be repeated
        #[arg(long = "role", required = true, value_parser = words::role())]
        roles: Vec<Role>,
    },
    /// Let somebody do nothing any more, under no name; what is still in that person's hands is told
    Disable {
        name: String,
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Let somebody who was disabled work here again
    Enable {
        name: String,
        #[arg(long)]
        reason: String,
    },
    /// SSH keys that sign for an operator
    #[command(subcommand)]
    Key(Key),
    /// The second factor: codes of a telephone, for what is dangerous
    #[command(subcommand)]
    Totp(Totp),
    /// Certificates by which people are known over TLS; a technical lead issues them
    Certificate(Certificate),
}

/// SSH keys that sign for an operator
#[derive(Debug, Subcommand)]
pub enum Key {
    /// One more; a key is one operator's
    Add {
        name: String,
        /// The public half, such as ~/.ssh/id_ed25519.pub
        #[arg(long, value_name = "KEY.pub")]
        file: PathBuf,
    },
    /// All of an operator
    List { name: String },
    /// It signs for nobody any more
    Remove {
        name: String,
        /// As `list` tells it: SHA256:…
        fingerprint: String,
    },
}

impl Operator {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let command = match self {
            Self::Add { name, roles, login, no_login, belongs_to } => {
                let roles = roles.into_iter().collect();
                match belongs_to {
                    None if no_login => Command::AddWithoutLogin { name, roles },
                    None => Command::AddOperator { name, roles, login },
                    Some(belongs_to) => Command::AddAccount { name, roles, login, belongs_to },
                }
            }
            Self::List => return list(session).await,
            Self::Show { name } => return show(session, &name).await,
            Self::Role { name, roles } => Command::SetRoles { name, roles: roles.into_iter().collect() },
            Self::Disable { name, reason } => Command::DisableOperator { name, reason },
            Self::Enable { name, reason } => Command::EnableOperator { name, reason },
            Self::Key(Key::List { name }) => return keys(session, &name).await,
            Self::Key(Key::Add { name, file }) => Command::AddKey { operator: name, key: public_key(&file)? },
            Self::Key(Key::Remove { name, fingerprint }) => Command::RemoveKey { operator: name, fingerprint },
            Self::Totp(totp) => return totp.run(session).await,
            Self::Certificate(certificate) => return certificate.run(session).await,
        };
        session.submit(command).await
    }
}

fn public_key(path: &PathBuf) -> Result<String, CliError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(KEY_FILE).read_to_string(&mut text))
        .map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))?;
    if text.contains("PRIVATE KEY") {
        return Err(CliError::Usage(format!(
            "{} is a private key and was sent nowhere; give the .pub file beside it",
            path.display()
        )));
    }
    Ok(text.trim().to_owned())
}

async fn list(session: &Session) -> Result<Exit, CliError> {
    let client = session.client()?;
    let (state, me) = (client.state().await?, client.whoami().await?);
    let operators: Vec<_> = state.operators.values().collect();
    session.output.result(&operators, || {
        let mut table = Table::new(["", "OPERATOR", "LOGIN", "SECOND FACTOR", "KEYS", "ROLES"]);
        for operator in &operators {
            let name =
                if operator.disabled { Cell::painted(&operator.name, Paint::Dim) } else { Cell::from(&operator.name) };
            let person = state.operators.get(state.person(&operator.name));
            let factor = match person.map(|person| (person.second_factor, &person.factor_reset)) {
                Some((Some(_), _)) => "enrolled",
                Some((None, Some(_))) => "RESET",
                _ => "—",
            };
            table.row([
                Cell::from(if operator.name == me.name { "you" } else { "" }),
                name,
                Cell::from(operator.login.as_deref().unwrap_or("—")),
                Cell::from(factor),
                Cell::from(operator.keys.len().to_string()),
                Cell::from(standing(operator)),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

/// What somebody may do, in words.
fn standing(operator: &domain::Operator) -> String {
    let roles: Vec<&str> = operator.roles.iter().map(|role| role_name(*role)).collect();
    let whose = operator.belongs_to.as_ref().map(|owner| format!(", account of {owner}")).unwrap_or_default();
    format!("{}{}{whose}", if operator.disabled { "disabled; was " } else { "" }, roles.join(", "))
}

fn known<'a>(state: &'a State, name: &str) -> Result<&'a domain::Operator, CliError> {
    Ok(state.operators.get(name).ok_or_else(|| {
        Refusal::new("no-such-operator", format!("there is no operator {name}"))
            .hint("see who works here: codeblue operator list")
    })?)
}

async fn show(session: &Session, name: &str) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let operator = known(&state, name)?;
    session.output.result(operator, || {
        let mut page = format!("{}: {}\n", operator.name, standing(operator));
        page += &format!("login {}\n", operator.login.as_deref().unwrap_or("—"));
        page += &match state.second_factor(name) {
            Some(factor) => format!("second factor since {}\n", text::moment(factor.since)),
            None => "no second factor\n".to_owned(),
        };
        if let Some(reset) = state.operators.get(state.person(name)).and_then(|person| person.factor_reset.as_ref()) {
            page += &format!(
                "second factor RESET {} by {}: {}\n",
                text::moment(reset.at),
                reset.by,
                text::line(&reset.reason)
            );
        }
        if let Some(until) = state.second_factor_locked(name, session.now()) {
            page += &format!("LOCKED after wrong codes until {}\n", text::moment(until));
        }
        for (fingerprint, key) in &operator.keys {
            page += &format!("key {fingerprint} since {}\n", text::moment(key.since));
        }
        let person = state.person(name);
        let accounts =
            state.operators.values().filter(|other| other.name != name && state.person(&other.name) == person);
        for other in accounts {
            page += &format!("the same person as {}\n", other.name);
        }
        page
    })?;
    Ok(Exit::Done)
}

async fn keys(session: &Session, name: &str) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let keys = &known(&state, name)?.keys;
    session.output.result(keys, || {
        if keys.is_empty() {
            return format!("{} has no key", text::line(name));
        }
        let mut table = Table::new(["FINGERPRINT", "SINCE", "KEY"]);
        for (fingerprint, key) in keys {
            table.row([
                Cell::from(fingerprint),
                Cell::from(text::moment(key.since)),
                Cell::from(key.openssh.split(' ').next().unwrap_or_default()),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}
