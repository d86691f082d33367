//! The thread that writes frames. One frame is under way at a time; while the terminal does not take it, nobody waits.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
};

use tokio::sync::mpsc::UnboundedSender;

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The terminal has it.
    Done,
    /// It was not taken whole; the screen has to be painted anew.
    Failed,
}

/// Hands frames to the thread.
#[derive(Debug)]
pub struct Writer {
    frames: SyncSender<Vec<u8>>,
    busy: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the thread; `written` is told what became of each frame.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(written: UnboundedSender<Written>) -> std::io::Result<Self> {
        let (frames, next) = sync_channel::<Vec<u8>>(1);
        let busy = Arc::new(AtomicBool::new(false));
        let flag = busy.clone();
        std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
            let mut out = std::io::stdout();
            for frame in next {
                let result = out.write_all(&frame).and_then(|()| out.flush());
                flag.store(false, Ordering::SeqCst);
                let outcome = if result.is_ok() { Written::Done } else { Written::Failed };
                if written.send(outcome).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { frames, busy })
    }

    /// Whether the last frame is still under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    /// Whether the last frame is still under way, for another thread to look at.
    #[must_use]
    pub fn busy(&self) -> Arc<AtomicBool> {
        self.busy.clone()
    }

    /// Hands a frame over; only when not busy.
    pub fn write(&self, frame: Vec<u8>) {
        self.busy.store(true, Ordering::SeqCst);
        if self.frames.try_send(frame).is_err() {
            self.busy.store(false, Ordering::SeqCst);
        }
    }
}
