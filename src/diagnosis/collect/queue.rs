//! What waits to be taken in: bounded, so that whoever sends too much is told and not kept.

use std::collections::VecDeque;

use super::Entry;

/// Entries that wait at most, and their bytes.
const ENTRIES: usize = 10_000;
const BYTES: usize = 4 << 20;

/// There is no room; nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more lines wait than are taken in; send them again in a moment")]
pub struct Full;

/// Entries of one service that wait.
#[derive(Debug, Default)]
pub struct Queue {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Queue {
    /// Puts entries at the end: all of them or none.
    ///
    /// # Errors
    /// When there is no room for them. What comes alone always has room in an empty queue.
    pub fn put(&mut self, entries: Vec<Entry>) -> Result<(), Full> {
        let bytes: usize = entries.iter().map(|entry| entry.message.len()).sum();
        let is_over = self.entries.len() + entries.len() > ENTRIES || self.bytes + bytes > BYTES;
        if is_over && !self.entries.is_empty() {
            return Err(Full);
        }
        self.bytes += bytes;
        self.entries.extend(entries);
        Ok(())
    }

    /// The next ones, at most so many.
    pub fn take(&mut self, most: usize) -> Vec<Entry> {
        let taken: Vec<Entry> = self.entries.drain(..most.min(self.entries.len())).collect();
        self.bytes -= taken.iter().map(|entry| entry.message.len()).sum::<usize>();
        taken
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
