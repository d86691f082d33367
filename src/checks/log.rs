//! How often a pattern turns up in a log file, which is followed through rotation and truncation.

use std::{
    collections::{HashMap, VecDeque},
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use regex::bytes::{Regex, RegexBuilder};

use super::outcome::{Finding, line};
use crate::platform::{LogProbe, Reading};

/// So many bytes of a log are read in one run; of more only the newest.
const MAX_READ: u64 = 8 << 20;
/// A line is looked at so far; the rest of it counts as another line.
const MAX_LINE: usize = 64 << 10;
/// A pattern may become so large when it is compiled.
const MAX_PATTERN: usize = 1 << 20;
/// So much of a line is quoted.
const QUOTE: usize = 90;
/// A log that no check has asked for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// Where each log was left; checks that share log and pattern share the place.
#[derive(Debug, Default)]
pub(super) struct Followers(Mutex<HashMap<(PathBuf, String), Entry>>);

#[derive(Debug)]
struct Entry {
    asked: Instant,
    /// The longest time somebody looks back.
    window: Duration,
    /// Locked on its own, so that no other log waits for this one's disk.
    follower: Arc<Mutex<Follower>>,
}

impl Followers {
    /// Reads what is new and counts it.
    pub(super) fn probe(&self, probe: &LogProbe) -> Finding {
        let now = Instant::now();
        match self.follower(probe, now) {
            Ok((follower, window)) => {
                let mut follower = follower.lock().unwrap_or_else(PoisonError::into_inner);
                match follower.read(&probe.path, window, now) {
                    Ok(progress) => follower.judge(probe, &progress, now),
                    Err(error) => Finding::bad(format!("cannot read {}: {error}", probe.path.display())),
                }
            }
            Err(error) => Finding::bad(error),
        }
    }

    fn follower(&self, probe: &LogProbe, now: Instant) -> Result<(Arc<Mutex<Follower>>, Duration), String> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| now.saturating_duration_since(entry.asked) < FORGOTTEN.max(entry.window));
        let key = (probe.path.clone(), probe.pattern.clone());
        if !entries.contains_key(&key) {
            let follower = Arc::new(Mutex::new(Follower::new(&probe.pattern)?));
            entries.insert(key.clone(), Entry { asked: now, window: probe.window, follower });
        }
        let entry = entries.get_mut(&key).ok_or("it is not followed")?;
        entry.asked = now;
        entry.window = entry.window.max(probe.window);
        Ok((entry.follower.clone(), entry.window))
    }
}

/// One log and what was found in it.
#[derive(Debug)]
struct Follower {
    pattern: Regex,
    open: Option<Open>,
    /// When lines matched, and how many did.
    hits: VecDeque<(Instant, u64)>,
    newest: String,
}

/// The file that is being followed; it stays open, so that its last lines are read after it was renamed.
#[derive(Debug)]
struct Open {
    file: File,
    inode: (u64, u64),
    offset: u64,
    /// The beginning of a line whose end is not yet written.
    rest: Vec<u8>,
}

/// What one run has read.
#[derive(Default)]
struct Progress {
    /// So many bytes may still be read.
    room: u64,
    skipped: u64,
    first: bool,
}

impl Follower {
    fn new(pattern: &str) -> Result<Self, String> {
        let compiled = RegexBuilder::new(pattern).size_limit(MAX_PATTERN).build();
        let pattern = compiled.map_err(|error| format!("the pattern cannot be used: {error}"))?;
        Ok(Self { pattern, open: None, hits: VecDeque::new(), newest: String::new() })
    }

    fn read(&mut self, path: &Path, window: Duration, now: Instant) -> io::Result<Progress> {
        self.hits.retain(|(at, _)| now.saturating_duration_since(*at) <= window);
        let mut progress = Progress { room: MAX_READ, ..Progress::default() };
        let Some(mut open) = self.open.take() else {
            let mut open = Open::new(path)?;
            // What was written before anybody looked is no news.
            open.offset = open.file.metadata()?.len();
            self.open = Some(open);
            return Ok(Progress { first: true, ..progress });
        };
        let read = self.take_in(&mut open, &mut progress, now);
        let inode = open.inode;
        self.open = Some(open);
        read?;
        let metadata = fs::metadata(path)?;
        if (metadata.dev(), metadata.ino()) != inode {
            let mut next = Open::new(path)?;
            let read = self.take_in(&mut next, &mut progress, now);
            self.open = Some(next);
            read?;
        }
        Ok(progress)
    }

    /// Reads what is new in a file and counts the lines that match.
    fn take_in(&mut self, open: &mut Open, progress: &mut Progress, now: Instant) -> io::Result<()> {
        let length = open.file.metadata()?.len();
        if length < open.offset {
            open.offset = 0;
            open.rest.clear();
        }
        let skip = (length - open.offset).saturating_sub(progress.room);
        if skip > 0 {
            open.offset += skip;
            open.rest.clear();
            progress.skipped += skip;
        }
        open.file.seek(SeekFrom::Start(open.offset))?;
        let mut buffer = vec![0; MAX_LINE];
        let mut matched = 0;
        while progress.room > 0 {
            let wanted = buffer.len().min(usize::try_from(progress.room).unwrap_or(usize::MAX));
            let count = open.file.read(&mut buffer[..wanted])?;
            if count == 0 {
                break;
            }
            open.offset += count as u64;
            progress.room -= count as u64;
            open.rest.extend_from_slice(&buffer[..count]);
            let mut start = 0;
            while let Some(end) = open.rest[start..].iter().position(|byte| *byte == b'\n') {
                matched += u64::from(self.look(&open.rest[start..start + end]));
                start += end + 1;
            }
            open.rest.drain(..start);
            if open.rest.len() >= MAX_LINE {
                matched += u64::from(self.look(&open.rest));
                open.rest.clear();
            }
        }
        if matched > 0 {
            self.hits.push_back((now, matched));
        }
        Ok(())
    }

    fn look(&mut self, text: &[u8]) -> bool {
        let found = self.pattern.is_match(text);
        if found {
            self.newest = line(&String::from_utf8_lossy(text), QUOTE);
        }
        found
    }

    fn judge(&self, probe: &LogProbe, progress: &Progress, now: Instant) -> Finding {
        let recent = self.hits.iter().filter(|(at, _)| now.saturating_duration_since(*at) <= probe.window);
        let count: u64 = recent.map(|(_, count)| count).sum();
        let lines = if count == 1 { "1 line matches".to_owned() } else { format!("{count} lines match") };
        let mut detail = format!("{lines} in the last {}", humantime::format_duration(probe.window));
        let high = count > u64::from(probe.above);
        if high {
            detail = format!("{detail}, more than {}: \"{}\"", probe.above, self.newest);
        }
        if progress.first {
            detail = format!("{} is followed from here on", probe.path.display());
        }
        if progress.skipped > 0 {
            detail = format!("{} MiB too many to read were skipped; {detail}", progress.skipped.div_ceil(1 << 20));
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let figure = Some(count as f64);
        Finding { reading: if high { Reading::Slow } else { Reading::Good }, detail, figure }
    }
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        // A pipe would hold whoever opens it.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Ok(Self { file, inode: (metadata.dev(), metadata.ino()), offset: 0, rest: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::Probe,
    };

    struct Log {
        _folder: tempfile::TempDir,
        path: PathBuf,
        prober: Prober,
    }

    impl Log {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("app.log");
            Self { _folder: folder, path, prober: Prober::new() }
        }

        fn write(&self, text: &str) {
            let file = File::options().create(true).append(true).open(&self.path);
            file.unwrap().write_all(text.as_bytes()).unwrap();
        }

        async fn probe(&self, window: Duration) -> Outcome {
            let pattern = r"\bERROR\b".to_owned();
            let probe = LogProbe { path: self.path.clone(), pattern, above: 2, window };
            self.prober.probe(&check(Probe::Log(probe))).await
        }

        async fn counted(&self) -> f64 {
            self.probe(HOUR).await.figure.unwrap()
        }
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn lines_since_the_last_run_are_counted_and_too_many_are_slow() {
        let log = Log::new();
        log.write("ERROR of yesterday\n");
        let outcome = log.probe(HOUR).await;
        assert_eq!((outcome.result, outcome.figure), (Reading::Good, Some(0.0)), "{}", outcome.detail);
        log.write("ERROR one\nall is well\nERRORS are no error\nERROR two\nERR");
        let outcome = log.probe(HOUR).await;
        assert_eq!((outcome.result, outcome.detail.as_str()), (Reading::Good, "2 lines match in the last 1h"));
        log.write("OR three\u{1b}[31m\n");
        let outcome = log.probe(HOUR).await;
        assert_eq!(
            (outcome.result, outcome.detail.as_str()),
            (Reading::Slow, "3 lines match in the last 1h, more than 2: \"ERROR three\"")
        );
        let outcome = log.probe(Duration::from_nanos(1)).await;
        assert_eq!((outcome.result, outcome.figure), (Reading::Good, Some(0.0)), "all of them are older than that");
    }

    #[tokio::test]
    async fn no_line_is_lost_or_counted_twice_when_the_log_is_rotated() {
        let log = Log::new();
        log.write("");
        assert_eq!(log.counted().await, 0.0);
        log.write("ERROR 1\n");
        assert_eq!(log.counted().await, 1.0);
        log.write("ERROR 2\n");
        fs::rename(&log.path, log.path.with_extension("1")).unwrap();
        let outcome = log.probe(HOUR).await;
        assert!(outcome.result == Reading::Bad && outcome.detail.contains("No such file"), "{}", outcome.detail);
        log.write("ERROR 3\n");
        assert_eq!(log.counted().await, 3.0);
        fs::write(&log.path, "ERROR\n").unwrap();
        assert_eq!(log.counted().await, 4.0, "it was cut and written anew");
        assert_eq!(log.counted().await, 4.0);
    }

    #[tokio::test]
    async fn a_flood_is_read_from_its_end_and_said_to_be() {
        let log = Log::new();
        log.write("");
        assert_eq!(log.counted().await, 0.0);
        let file = File::options().write(true).open(&log.path).unwrap();
        file.set_len(MAX_READ * 3).unwrap();
        log.write("\nERROR at last\n");
        let outcome = log.probe(HOUR).await;
        assert_eq!(outcome.figure, Some(1.0), "{}", outcome.detail);
        assert_eq!(outcome.detail, "17 MiB too many to read were skipped; 1 line matches in the last 1h");
    }
}
