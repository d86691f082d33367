//! `codeblue diagnose --log`: a diagnosis of log files alone, without an engine.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;

use super::error::CliError;
use crate::{
    diagnosis::{LogExcerpt, analyse_logs, read_log, service_of},
    domain::DiagnosisDocument,
    platform::{self, Platform},
};

/// Log files that are diagnosed alone.
#[derive(Debug, Args)]
pub(super) struct FromLogs {
    /// Diagnose this log file alone, without an engine; SERVICE=FILE where its name does not say whose it is
    #[arg(long = "log", value_name = "FILE", requires = "platform", conflicts_with_all = ["incident", "last", "prompt"])]
    logs: Vec<String>,
    /// The platform file that says which services there are
    #[arg(long, value_name = "FILE", requires = "logs")]
    platform: Option<PathBuf>,
    /// When the trouble began, such as 2026-03-02T09:30:00Z; without it, with the first error
    #[arg(long, value_name = "TIME", requires = "logs")]
    at: Option<DateTime<Utc>>,
}

impl FromLogs {
    /// The diagnosis, where log files were named.
    pub(super) fn document(&self) -> Result<Option<DiagnosisDocument>, CliError> {
        let Some(path) = self.platform.as_ref().filter(|_| !self.logs.is_empty()) else { return Ok(None) };
        let platform = platform::load(path)?;
        let logs = self.logs.iter().map(|log| read(&platform, log)).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(analyse_logs(platform.into(), logs, self.at, Utc::now())))
    }
}

fn read(platform: &Platform, named: &str) -> Result<LogExcerpt, CliError> {
    let said = named.split_once('=').filter(|(service, _)| platform.service(service).is_some());
    let file = Path::new(said.map_or(named, |(_, file)| file));
    let service = said.map(|(service, _)| service.to_owned()).or_else(|| service_of(platform, file));
    let service = service.ok_or_else(|| {
        let known: Vec<&str> = platform.services.iter().map(|service| service.name.as_str()).collect();
        CliError::Usage(format!(
            "{}: its name does not say whose log it is; give it as SERVICE={} with one of {}",
            file.display(),
            file.display(),
            known.join(", ")
        ))
    })?;
    read_log(&service, file, Utc::now()).map_err(|error| CliError::Usage(format!("{}: {error}", file.display())))
}
