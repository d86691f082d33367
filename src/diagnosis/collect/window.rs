//! The newest entries of a service.

use std::collections::VecDeque;

use super::Entry;

/// Entries that are kept, and bytes of their messages.
const ENTRIES: usize = 2_000;
const BYTES: usize = 512 << 10;
/// What an entry takes beside its message, about.
const BESIDE: usize = 96;

/// The newest entries of a service, in the order in which they came.
#[derive(Debug, Default)]
pub struct Window {
    entries: VecDeque<(u16, Entry)>,
    bytes: usize,
}

impl Window {
    /// Takes an entry in; `source` says by which of the service's ways it came.
    pub fn take(&mut self, source: u16, entry: Entry) {
        self.bytes += entry.message.len() + BESIDE;
        self.entries.push_back((source, entry));
        while self.entries.len() > ENTRIES || self.bytes > BYTES && self.entries.len() > 1 {
            self.drop_oldest();
        }
    }

    /// Lets half of it go.
    pub fn shrink(&mut self) {
        for _ in 0..self.entries.len().div_ceil(2) {
            self.drop_oldest();
        }
    }

    /// The entries, the oldest first, each with its source.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (u16, &Entry)> {
        self.entries.iter().map(|(source, entry)| (*source, entry))
    }

    /// The memory it takes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn drop_oldest(&mut self) {
        if let Some((_, entry)) = self.entries.pop_front() {
            self.bytes -= entry.message.len() + BESIDE;
        }
    }
}
