//! Runs one check, whatever its kind, and keeps its deadline.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::{
    alert::{self, Alerts},
    client::Clients,
    clock, command, dns,
    heartbeat::{self, Heartbeats},
    host, http, inference, log,
    outcome::{Finding, Outcome, detail},
    postgres, process, promql,
    rows::{self, Baselines},
    sqlite, tcp, workflow,
};
use crate::platform::{Check, PostgresProbe, Probe, Reading, RowsDatabase, RowsProbe};

/// Probes that hold a thread run at most so many at a time, so that a hanging disk cannot use up all threads.
const BLOCKING: usize = 16;
/// A probe that keeps the deadline itself gets so long to say how far it came.
const GRACE: Duration = Duration::from_millis(50);

/// Runs checks; one is enough for a whole engine, and it may be shared between tasks.
#[derive(Debug)]
pub struct Prober {
    clients: Clients,
    followers: Arc<log::Followers>,
    processor: Arc<host::Processor>,
    heartbeats: Arc<Heartbeats>,
    alerts: Arc<Alerts>,
    baselines: Arc<dyn Baselines>,
    blocking: Arc<Semaphore>,
}

impl Prober {
    /// A prober that ignores proxy settings and opens a fresh connection for each probe.
    #[must_use]
    pub fn new() -> Self {
        Self::remembering(Arc::default(), Arc::default(), Arc::new(rows::Volatile::default()))
    }

    /// One that remembers nothing of what others have seen, but what it was told.
    #[must_use]
    pub fn apart(heartbeats: Arc<Heartbeats>, alerts: Arc<Alerts>) -> Self {
        Self::remembering(heartbeats, alerts, Arc::new(rows::Volatile::default()))
    }

    /// The same, with what services and monitoring systems have told by themselves and what rows were.
    #[must_use]
    pub fn remembering(heartbeats: Arc<Heartbeats>, alerts: Arc<Alerts>, baselines: Arc<dyn Baselines>) -> Self {
        // Main installs it too; whoever is second is told so, and that is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            clients: Clients::new(),
            followers: Arc::default(),
            processor: Arc::new(host::Processor::new()),
            heartbeats,
            alerts,
            baselines,
            blocking: Arc::new(Semaphore::new(BLOCKING)),
        }
    }

    /// Whether a run of this check could say anything yet: silence means nothing before it was listened to for long enough.
    #[must_use]
    pub fn can_tell(&self, check: &Check, now: DateTime<Utc>) -> bool {
        match &check.probe {
            Probe::Heartbeat { service, within } => self.heartbeats.can_tell(service, *within, now),
            Probe::Alert(_) => self.alerts.has_heard(),
            _ => true,
        }
    }

    /// Runs a check once, at this time by the clock on the wall. It ends by the check's deadline, whatever the other side does, and leaves nothing behind when dropped.
    pub async fn probe_at(&self, check: &Check, now: DateTime<Utc>) -> Outcome {
        let started = Instant::now();
        let run = self.run(&check.probe, check.within, started + check.within, now);
        let finding = timeout(check.within + GRACE, run).await;
        let latency = started.elapsed();
        let finding = finding
            .ok()
            .filter(|finding| finding.reading == Reading::Bad || latency <= check.within)
            .unwrap_or_else(|| Finding::timeout(check.within));
        let slow = finding.reading == Reading::Good && latency > check.slow;
        Outcome {
            result: if slow { Reading::Slow } else { finding.reading },
            latency,
            detail: detail(&finding.detail),
            figure: finding.figure,
        }
    }

    async fn run(&self, probe: &Probe, within: Duration, deadline: Instant, now: DateTime<Utc>) -> Finding {
        match probe {
            Probe::Http(probe) => http::probe(&self.clients, probe, within, now).await,
            Probe::Tcp { address } => tcp::probe(address).await,
            Probe::Command { run } => command::probe(run, within).await,
            Probe::Sqlite { path, query, integrity } => {
                let (path, query, integrity) = (path.clone(), query.clone(), *integrity);
                self.blocking(move || sqlite::probe(&path, query.as_deref(), integrity, deadline)).await
            }
            Probe::Process { pid_file, name, descriptors } => {
                let (pid_file, name, descriptors) = (pid_file.clone(), name.clone(), *descriptors);
                self.blocking(move || process::probe(pid_file.as_deref(), name.as_deref(), descriptors)).await
            }
            Probe::Host { resource, above, path } => {
                let (processor, resource, above, path) = (self.processor.clone(), *resource, *above, path.clone());
                self.blocking(move || host::probe(&processor, resource, above, path.as_deref())).await
            }
            Probe::Postgres(probe) => postgres::probe(probe, deadline).await,
            Probe::Dns(probe) => dns::probe(probe, within).await,
            Probe::Log(probe) => {
                let (followers, probe) = (self.followers.clone(), probe.clone());
                self.blocking(move || followers.probe(&probe)).await
            }
            Probe::Promql(probe) => promql::probe(&self.clients, probe, within).await,
            Probe::Inference(probe) => inference::probe(&self.clients, probe, within).await,
            Probe::Clock(probe) => clock::probe(probe, within, now).await,
            Probe::Rows(probe) => self.rows(probe, deadline, now).await,
            Probe::Workflow { steps } => workflow::probe(&self.clients, steps, within, now).await,
            Probe::Heartbeat { service, within } => heartbeat::probe(&self.heartbeats, service, *within, now),
            Probe::Alert(probe) => alert::probe(&self.alerts, probe, now),
        }
    }

    async fn rows(&self, probe: &RowsProbe, deadline: Instant, now: DateTime<Utc>) -> Finding {
        let (rows, baselines) = (probe.clone(), self.baselines.clone());
        match &probe.database {
            RowsDatabase::Sqlite { path } => {
                let path = path.clone();
                self.blocking(move || rows::in_file(&path, &rows, baselines.as_ref(), deadline, now)).await
            }
            RowsDatabase::Postgres { server, database } => {
                let login = PostgresProbe::login(server, database);
                match postgres::visit(&login, async |client| rows::in_server(client, probe, deadline).await).await {
                    Ok(live) => self.blocking(move || rows::compare(&rows, &live, baselines.as_ref(), now)).await,
                    Err(finding) => finding,
                }
            }
        }
    }

    /// Runs what holds a thread. A permit is given back when the thread is free again, not when its answer is no longer wanted.
    async fn blocking(&self, work: impl FnOnce() -> Finding + Send + 'static) -> Finding {
        let Ok(permit) = self.blocking.clone().acquire_owned().await else {
            return Finding::bad("the prober is shut down");
        };
        let task = spawn_blocking(move || {
            let finding = work();
            drop(permit);
            finding
        });
        task.await.unwrap_or_else(|error| Finding::bad(format!("the check itself failed: {error}")))
    }
}

impl Default for Prober {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::platform::CheckLevel;

    impl Prober {
        pub(in crate::checks) async fn probe(&self, check: &Check) -> Outcome {
            self.probe_at(check, Utc::now()).await
        }
    }

    /// A check with a deadline of 5 seconds.
    pub(in crate::checks) fn check(probe: Probe) -> Check {
        Check {
            name: "test".to_owned(),
            level: CheckLevel::Shallow,
            every: Duration::from_secs(30),
            within: Duration::from_secs(5),
            slow: Duration::from_secs(5),
            failures: 3,
            successes: 2,
            probe,
        }
    }

    #[tokio::test]
    async fn a_good_run_that_takes_too_long_is_slow() {
        let run = ["sleep", "0.05"].map(str::to_owned).to_vec();
        let check = Check { slow: Duration::from_millis(10), ..check(Probe::Command { run }) };
        let outcome = Prober::new().probe(&check).await;
        assert_eq!(outcome.result, Reading::Slow);
        assert!(outcome.latency >= Duration::from_millis(50));
    }

    #[tokio::test]
    async fn a_failing_run_that_takes_too_long_is_bad() {
        let run = ["sh", "-c", "sleep 0.05; exit 3"].map(str::to_owned).to_vec();
        let check = Check { slow: Duration::from_millis(10), ..check(Probe::Command { run }) };
        assert_eq!(Prober::new().probe(&check).await.result, Reading::Bad);
    }
}
