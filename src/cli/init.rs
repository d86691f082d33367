//! `codeblue init`

use std::{
    fs::File,
    io::{ErrorKind, Write},
};

use clap::Args;
use serde_json::json;

use super::{
    error::{CliError, Exit},
    session::Session,
};
use crate::platform::STARTER;

/// What comes next, and why nobody can do without a second person.
const NEXT: &str = "\
edit it, then run: codeblue check; the board starts with: codeblue

The login that starts the first engine is made its technical lead, and that is recorded. Then, before anything breaks:
  1. enrol a second factor, which what is dangerous needs in production:  codeblue operator totp enrol
  2. add a second person, as nobody approves the own change:  codeblue operator add NAME --role technical-lead --login LOGIN
";

/// Write a platform file to start from
#[derive(Debug, Args)]
pub struct Init {}

impl Init {
    pub(super) fn run(self, session: &Session) -> Result<Exit, CliError> {
        let home = session.home()?;
        home.prepare()?;
        let path = home.platform_file();
        let failed = |error: std::io::Error| CliError::Failed(format!("{}: {error}", path.display()));
        let mut file = match File::create_new(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(CliError::Failed(format!(
                    "{} is there already and was left as it is; `codeblue check` explains it",
                    path.display()
                )));
            }
            Err(error) => return Err(failed(error)),
        };
        file.write_all(STARTER.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        session.output.result(&json!({"platformFile": path}), || format!("wrote {}\n{NEXT}", path.display()))?;
        Ok(Exit::Done)
    }
}
