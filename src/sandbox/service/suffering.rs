//! What any process can be made to suffer from beside its work: memory that grows, threads that turn in circles, lines that fill
//! the log, and no more files. Everything is bounded, and ends when the process is healed or started anew.

use std::{
    collections::BTreeMap,
    hint,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};

use super::{super::kind::FaultKind, context::Context};

/// Standard input and outputs are open already, so that nothing more may be.
const NO_FILES: u64 = 3;
const LEAK_BYTES: usize = 2 << 20;
const MOST_LEAKED: usize = 160 << 20;
const BETWEEN_LEAKS: Duration = Duration::from_millis(125);
const BUSY_THREADS: usize = 2;
const LOWEST_PRIORITY: i32 = 19;
const STORM_LINES: u32 = 40;
const BETWEEN_STORMS: Duration = Duration::from_millis(100);
const BETWEEN_NAMES: Duration = Duration::from_secs(1);

/// What a process suffers from at the moment.
#[derive(Default)]
pub(super) struct Suffering {
    running: BTreeMap<FaultKind, Running>,
    /// How many files it could have open before it was to have none.
    files: Option<Option<u64>>,
}

/// Work that goes on until this is dropped.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

type Work = fn(&Context, &AtomicBool);

const WORKS: [(FaultKind, usize, Work); 4] = [
    (FaultKind::MemoryLeak, 1, leak),
    (FaultKind::BusyProcessor, BUSY_THREADS, turn),
    (FaultKind::LogStorm, 1, storm),
    (FaultKind::PhiInLog, 1, tell_names),
];

impl Suffering {
    /// Lets the process open files again, until [`Self::set`].
    pub(super) fn open_files(&mut self) {
        if let Some(before) = self.files.take() {
            let maximum = getrlimit(Resource::Nofile).maximum;
            // to raise the lower limit is always allowed
            let _ = setrlimit(Resource::Nofile, Rlimit { current: before, maximum });
        }
    }

    /// Begins and ends what the context says.
    pub(super) fn set(&mut self, context: &Arc<Context>) {
        for (fault, threads, work) in WORKS {
            if context.suffers_from(fault) {
                self.running.entry(fault).or_insert_with(|| start(context, threads, work));
            } else {
                self.running.remove(&fault);
            }
        }
        if context.suffers_from(FaultKind::NoDescriptors) && self.files.is_none() {
            let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
            match setrlimit(Resource::Nofile, Rlimit { current: Some(NO_FILES), maximum }) {
                Ok(()) => self.files = Some(current),
                Err(error) => context.log.error(&format!("the limit of files stays: {error}")),
            }
        }
    }
}

fn start(context: &Arc<Context>, threads: usize, work: Work) -> Running {
    let stopped = Arc::new(AtomicBool::new(false));
    for _ in 0..threads {
        let (context, stopped) = (Arc::clone(context), Arc::clone(&stopped));
        let started = thread::Builder::new().stack_size(64 << 10).spawn({
            let context = Arc::clone(&context);
            move || work(&context, &stopped)
        });
        if let Err(error) = started {
            context.log.error(&format!("no thread to suffer in: {error}"));
        }
    }
    Running(stopped)
}

fn leak(_: &Context, stopped: &AtomicBool) {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    while !stopped.load(Ordering::Relaxed) {
        if kept.len() * LEAK_BYTES < MOST_LEAKED {
            // ones, as pages of zeros are not there until somebody writes into them
            kept.push(vec![1; LEAK_BYTES]);
        }
        thread::sleep(BETWEEN_LEAKS);
    }
    drop(kept);
}

fn turn(context: &Context, stopped: &AtomicBool) {
    // of this thread alone
    if let Err(error) = nice(LOWEST_PRIORITY) {
        context.log.error(&format!("not in circles, as others would suffer: {error}"));
        return;
    }
    while !stopped.load(Ordering::Relaxed) {
        hint::spin_loop();
    }
}

fn storm(context: &Context, stopped: &AtomicBool) {
    let mut entry = 0_u32;
    while !stopped.load(Ordering::Relaxed) {
        for _ in 0..STORM_LINES {
            entry = entry.wrapping_add(1);
            context.log.info(&format!("cache entry {entry} is fresh"));
        }
        thread::sleep(BETWEEN_STORMS);
    }
}

/// The patient is invented, and in no database.
fn tell_names(context: &Context, stopped: &AtomicBool) {
    while !stopped.load(Ordering::Relaxed) {
        context.log.info("chart opened: name=\"Marta Ekholm\" dob=1961-04-09 mrn=00417733 phone=555-0142");
        thread::sleep(BETWEEN_NAMES);
    }
}
