//! A figure of this host against its threshold.

use std::{
    fs,
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

pub(super) fn probe(processor: &Processor, resource: HostResource, above: u16, path: Option<&Path>) -> Finding {
    let measured = match resource {
        HostResource::Cpu => {
            processor.used().map(|used| (used, "processor".to_owned())).ok_or("this host does not tell it".to_owned())
        }
        HostResource::Memory => memory(),
        HostResource::Disk => disk(path.unwrap_or(Path::new("/"))),
        HostResource::Inodes => inodes(path.unwrap_or(Path::new("/"))),
        HostResource::Load => load(),
        HostResource::Descriptors => descriptors(),
    };
    match measured {
        Ok((used, told)) => judge(used, above, &told),
        Err(error) => Finding::bad(error),
    }
}

fn judge(used: f64, above: u16, told: &str) -> Finding {
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

/// Files that a file system can still hold; when none is left it is full, however much room it has.
#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn inodes(path: &Path) -> Result<(f64, String), String> {
    let stat = rustix::fs::statvfs(path).map_err(|error| format!("cannot look at {}: {error}", path.display()))?;
    if stat.f_files == 0 {
        return Err(format!("the file system of {} does not count its inodes", path.display()));
    }
    let used = stat.f_files.saturating_sub(stat.f_favail) as f64 / stat.f_files as f64;
    Ok((used * 100.0, format!("inodes of {}, {} free", path.display(), stat.f_favail)))
}

/// Who wants to run over the last minute, for each processor.
#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn load() -> Result<(f64, String), String> {
    let text = kernel("/proc/loadavg")?;
    let load: f64 = first(&text).ok_or("this host does not tell its load")?;
    let processors = thread::available_parallelism().map_or(1, usize::from);
    Ok((load / processors as f64 * 100.0, format!("load {load} on {processors} processors")))
}

/// File handles of the whole system.
#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn descriptors() -> Result<(f64, String), String> {
    let text = kernel("/proc/sys/fs/file-nr")?;
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [open, _, most] = numbers[..] else { return Err("this host does not tell its file handles".to_owned()) };
    Ok((open as f64 / most.max(1) as f64 * 100.0, format!("file handles, {open} open")))
}

fn kernel(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))
}

fn first(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::Probe,
    };

    async fn probe(prober: &Prober, resource: HostResource, above: u16, path: Option<&str>) -> Outcome {
        prober.probe(&check(Probe::Host { resource, above, path: path.map(Into::into) })).await
    }

    #[tokio::test]
    async fn every_figure_of_this_host_is_a_percentage() {
        let prober = Prober::new();
        for resource in [
            HostResource::Cpu,
            HostResource::Memory,
            HostResource::Disk,
            HostResource::Inodes,
            HostResource::Descriptors,
        ] {
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

    #[tokio::test]
    async fn inodes_go_with_the_files_that_are_made() {
        let folder = tempfile::tempdir().unwrap();
        let used = |outcome: &Outcome| outcome.figure.unwrap();
        let prober = Prober::new();
        let path = folder.path().to_str().unwrap();
        let before = probe(&prober, HostResource::Inodes, 100, Some(path)).await;
        // Others make and remove files too; these are more than they remove at some time.
        for round in 0..20 {
            for index in 0..1000 {
                fs::write(folder.path().join(format!("{round}-{index}")), "").unwrap();
            }
            let after = probe(&prober, HostResource::Inodes, 100, Some(path)).await;
            if used(&after) > used(&before) {
                return;
            }
        }
        panic!("20000 files more and still {}", before.detail);
    }

    #[tokio::test]
    async fn load_is_told_for_each_processor() {
        let outcome = probe(&Prober::new(), HostResource::Load, 1000, None).await;
        assert!(outcome.figure.unwrap() >= 0.0 && outcome.detail.contains(" on "), "{}", outcome.detail);
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
