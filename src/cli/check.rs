//! `codeblue check`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{
    error::{CliError, Exit},
    session::Session,
    text,
};
use crate::platform;

/// Explain the platform file, or say what is wrong with it and where
#[derive(Debug, Args)]
pub struct Check {
    /// Another file than the home's
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Check {
    pub(super) fn run(self, session: &Session) -> Result<Exit, CliError> {
        let path = match self.file {
            Some(path) => path,
            None => session.home()?.platform_file(),
        };
        match platform::load(&path) {
            Ok(platform) => {
                let document = json!({"ok": true, "file": path, "problems": [], "platform": platform});
                session.output.result(&document, || text::block(&platform::explain(&platform)))?;
                Ok(Exit::Done)
            }
            Err(problems) => {
                let document = json!({"ok": false, "file": path, "problems": problems, "platform": null});
                session.output.result(&document, || {
                    let total = text::count(problems.count(), "problem");
                    format!("{}\n{total}", text::block(&problems.to_string()))
                })?;
                Ok(Exit::Usage)
            }
        }
    }
}
