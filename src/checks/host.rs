//! A figure of this host against its threshold.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
};

use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, System};

use super::outcome::Finding;
use crate::platform::{HostResource, Reading};

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Processor time is a difference between two readings; this keeps the first.
#[derive(Debug)]
pub(super) struct Processor(Mutex<Option<(System, Instant)>>);

impl Processor {
    pub(super) fn new() -> Self {
        let system = System::new().ok().map(|mut system| {
            system.refresh_cpu_usage();
            (system, Instant::now())
        });
        Self(Mutex::new(system))
    }

    /// Percent used since the last call, over a fifth of a second at least.
    fn used(&self) -> Option<f64> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (system, since) = guard.as_mut()?;
        thread::sleep(MINIMUM_CPU_UPDATE_INTERVAL.saturating_sub(since.elapsed()));
        system.refresh_cpu_usage();
        *since = Instant::now();
        Some(f64::from(system.global_cpu_usage()))
    }
}

pub(super) fn probe(processor: &Processor, resource: HostResource, above: u8, path: Option<&Path>) -> Finding {
    let measured = match resource {
        HostResource::Cpu => {
            processor.used().map(|used| (used, "processor".to_owned())).ok_or("this host does not tell it".to_owned())
        }
        HostResource::Memory => memory(),
        HostResource::Disk => disk(path.unwrap_or(Path::new("/"))),
    };
    match measured {
        Ok((used, told)) => judge(used, above, &told),
        Err(error) => Finding::bad(error),
    }
}

fn judge(used: f64, above: u8, told: &str) -> Finding {
    let high = used > f64::from(above);
    let limit = if high { format!(", more than {above} %") } else { String::new() };
    Finding {
        reading: if high { Reading::Slow } else { Reading::Good },
        detail: format!("{used:.1} % used{limit}: {told}"),
        figure: Some(used),
    }
}

fn memory() -> Result<(f64, String), String> {
    let mut system = System::new().map_err(|error| format!("this host does not tell it: {error:?}"))?;
    system.refresh_memory();
    share(system.available_memory(), system.total_memory(), "memory")
}

/// As `df` counts: what only the administrator may use does not count as free.
fn disk(path: &Path) -> Result<(f64, String), String> {
    let stat = rustix::fs::statvfs(path).map_err(|error| format!("cannot look at {}: {error}", path.display()))?;
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    let total = used.saturating_add(stat.f_bavail);
    let size = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    share(size(stat.f_bavail), size(total), &path.display().to_string())
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn share(free: u64, total: u64, of: &str) -> Result<(f64, String), String> {
    if total == 0 {
        return Err(format!("{of} has no size"));
    }
    let (free, total) = (free as f64, total as f64);
    Ok((((total - free) / total * 100.0).clamp(0.0, 100.0), format!("{of}, {:.1} GiB free", free / GIB)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::Probe,
    };

    async fn probe(prober: &Prober, resource: HostResource, above: u8, path: Option<&str>) -> Outcome {
        prober.probe(&check(Probe::Host { resource, above, path: path.map(Into::into) })).await
    }

    #[tokio::test]
    async fn every_figure_of_this_host_is_a_percentage() {
        let prober = Prober::new();
        for resource in [HostResource::Cpu, HostResource::Memory, HostResource::Disk] {
            let outcome = probe(&prober, resource, 100, None).await;
            assert_eq!(outcome.result, Reading::Good, "{}", outcome.detail);
            assert!((0.0..=100.0).contains(&outcome.figure.unwrap()), "{}", outcome.detail);
        }
    }

    #[tokio::test]
    async fn memory_in_use_is_above_nothing() {
        let outcome = probe(&Prober::new(), HostResource::Memory, 0, None).await;
        assert_eq!(outcome.result, Reading::Slow);
        assert!(outcome.detail.contains("% used, more than 0 %: memory, "), "{}", outcome.detail);
    }

    #[tokio::test]
    async fn a_disk_that_is_not_there_is_bad() {
        let outcome = probe(&Prober::new(), HostResource::Disk, 90, Some("/nowhere/at/all")).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.contains("No such file"), "{}", outcome.detail);
    }

    #[test]
    fn the_threshold_itself_is_still_good() {
        assert_eq!(judge(90.0, 90, "/").reading, Reading::Good);
        assert_eq!(judge(90.1, 90, "/").reading, Reading::Slow);
    }

    #[tokio::test]
    async fn a_busy_processor_shows() {
        let prober = Prober::new();
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let flag = stop.clone();
        let busy = thread::spawn(move || {
            while !flag.load(std::sync::atomic::Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let outcome = probe(&prober, HostResource::Cpu, 0, None).await;
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        busy.join().unwrap();
        assert_eq!(outcome.result, Reading::Slow, "{}", outcome.detail);
    }
}
