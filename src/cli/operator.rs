//! `codeblue operator`

use clap::Subcommand;

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    words,
};
use crate::domain::{Command, Role, role_name};

/// Who may act
#[derive(Debug, Subcommand)]
pub enum Operator {
    /// Let somebody work here, or change the roles and the login of somebody known
    Add {
        name: String,
        /// May be repeated
        #[arg(long = "role", required = true, value_parser = words::role())]
        roles: Vec<Role>,
        /// Login on the engine's host whose processes act as this operator
        #[arg(long)]
        login: Option<String>,
    },
    /// Everybody
    List,
    /// Let somebody do nothing any more
    Disable { name: String },
}

impl Operator {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Add { name, roles, login } => {
                session.submit(Command::AddOperator { name, roles: roles.into_iter().collect(), login }).await
            }
            Self::List => list(session).await,
            Self::Disable { name } => session.submit(Command::DisableOperator { name }).await,
        }
    }
}

async fn list(session: &Session) -> Result<Exit, CliError> {
    let client = session.client()?;
    let (state, me) = (client.state().await?, client.whoami().await?);
    let operators: Vec<_> = state.operators.values().collect();
    session.output.result(&operators, || {
        let mut table = Table::new(["", "OPERATOR", "LOGIN", "ROLES"]);
        for operator in &operators {
            let roles: Vec<&str> = operator.roles.iter().map(|role| role_name(*role)).collect();
            let name =
                if operator.disabled { Cell::painted(&operator.name, Paint::Dim) } else { Cell::from(&operator.name) };
            table.row([
                Cell::from(if operator.name == me.name { "you" } else { "" }),
                name,
                Cell::from(operator.login.as_deref().unwrap_or("—")),
                Cell::from(format!("{}{}", if operator.disabled { "disabled; was " } else { "" }, roles.join(", "))),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}
