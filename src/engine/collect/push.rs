//! Lines that programs send to the engine.

use serde::{Deserialize, Serialize};

use crate::{
    diagnosis::collect::{Full, Pushed},
    domain::{Named, Refusal},
    engine::EngineHandle,
};

/// What became of lines that were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogAnswer {
    /// Lines that were taken.
    pub taken: usize,
    /// Lines that were not, for each reason.
    pub refused: Vec<(usize, String)>,
}

/// Why nothing that was sent was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogRefusal {
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too much waits already.
    #[error(transparent)]
    Full(#[from] Full),
}

impl EngineHandle {
    /// Takes lines that were sent: those that name no service are those of `service`. The lines of one service are taken all or not
    /// at all.
    ///
    /// # Errors
    /// When none could be taken.
    pub fn push_logs(&self, pushed: Pushed, service: Option<&str>) -> Result<LogAnswer, LogRefusal> {
        let state = self.state();
        let mut answer = LogAnswer::default();
        let mut last = None;
        if pushed.wrong > 0 {
            answer.refused.push((pushed.wrong, "it is not of the form".to_owned()));
        }
        for (named, entries) in pushed.services {
            let count = entries.len();
            let refusal = match named.as_deref().or(service) {
                None => Refusal::new("service-missing", "the lines name no service")
                    .hint("POST …?service=patient-api")
                    .into(),
                Some(name) if state.platform.service(name).is_none() => Refusal::unknown(Named::Service, name).into(),
                Some(name) => {
                    let mut shelves = self.collected.shelves();
                    let shelf = shelves.of(name);
                    match shelf.queue.put(entries) {
                        Ok(()) => {
                            answer.taken += count;
                            continue;
                        }
                        Err(full) => {
                            shelf.refused += count as u64;
                            LogRefusal::Full(full)
                        }
                    }
                }
            };
            answer.refused.push((count, refusal.to_string()));
            last = Some(refusal);
        }
        self.collected.wake.notify_one();
        match last {
            Some(refusal) if answer.taken == 0 => Err(refusal),
            _ => Ok(answer),
        }
    }

    /// How the lines of all services stand.
    #[must_use]
    pub fn log_figures(&self) -> Vec<super::LogFigures> {
        self.collected.figures()
    }

    /// The newest lines of a service, at most so many.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn newest_lines(&self, service: &str, most: usize) -> Result<Vec<crate::diagnosis::collect::Entry>, Refusal> {
        if self.state().platform.service(service).is_none() {
            return Err(Refusal::unknown(Named::Service, service));
        }
        Ok(self.collected.newest(service, most))
    }

    /// What kinds of lines were seen, in all services or in one.
    #[must_use]
    pub fn patterns(&self, service: Option<&str>) -> Vec<crate::diagnosis::patterns::Seen> {
        self.collected.patterns(service, self.now())
    }

    /// One kind of line, with some of the newest that are of it.
    ///
    /// # Errors
    /// When no line of such an id is known.
    pub fn pattern(&self, id: &str) -> Result<crate::diagnosis::patterns::SeenPattern, Refusal> {
        let found = self.collected.pattern(id, &self.state().platform, self.now());
        found.ok_or_else(|| Refusal::unknown(Named::Pattern, id))
    }
}
