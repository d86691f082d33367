//! `codeblue man`

use std::{fs, path::PathBuf};

use clap::{Args, Command};

use super::error::{CliError, Exit};
use super::session::Session;

/// Print the manual page, or write one for every command: `codeblue man | man -l -`
#[derive(Debug, Args)]
pub struct Man {
    /// Write codeblue.1, codeblue-incident.1 and so on into this folder, such as /usr/local/share/man/man1
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, program: Command, session: &Session) -> Result<Exit, CliError> {
        let Some(folder) = self.into else {
            let mut page = Vec::new();
            clap_mangen::Man::new(program).render(&mut page).map_err(|error| CliError::Failed(error.to_string()))?;
            session.output.script(&page)?;
            return Ok(Exit::Done);
        };
        let failed = |error| CliError::Failed(format!("{}: {error}", folder.display()));
        fs::create_dir_all(&folder).map_err(failed)?;
        clap_mangen::generate_to(program, &folder).map_err(failed)?;
        session.output.progress(&format!("the manual pages are in {}", folder.display()));
        Ok(Exit::Done)
    }
}
