//! A list of numbers that may be longer than the memory should be: beyond a few megabytes it lies in a temporary file.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

/// Numbers on a page.
const PAGE: usize = 4096;
/// Pages in memory; those whose numbers differ by a multiple of this take turns.
const PAGES: usize = 256;

/// A page in memory.
struct Page {
    number: usize,
    changed: bool,
    values: Box<[u64]>,
}

/// A list of numbers, 0 where none was set.
#[derive(Default)]
pub(super) struct Spool {
    pages: Vec<Option<Page>>,
    /// Made when the first page has to leave the memory.
    file: Option<File>,
}

impl Spool {
    pub(super) fn get(&mut self, place: u64) -> io::Result<u64> {
        Ok(*self.value(place, false)?)
    }

    pub(super) fn set(&mut self, place: u64, value: u64) -> io::Result<()> {
        *self.value(place, true)? = value;
        Ok(())
    }

    fn value(&mut self, place: u64, changed: bool) -> io::Result<&mut u64> {
        let place = usize::try_from(place).map_err(io::Error::other)?;
        let (number, at) = (place / PAGE, place % PAGE);
        let slot = number % PAGES;
        while self.pages.len() <= slot {
            self.pages.push(None);
        }
        let kept = self.pages[slot].take();
        let page = match kept {
            Some(page) if page.number == number => page,
            other => {
                if let Some(page) = other.filter(|page| page.changed) {
                    self.write(&page)?;
                }
                Page { number, changed: false, values: self.read(number)? }
            }
        };
        let page = self.pages[slot].insert(page);
        page.changed |= changed;
        Ok(&mut page.values[at])
    }

    fn read(&mut self, number: usize) -> io::Result<Box<[u64]>> {
        let mut values = vec![0; PAGE].into_boxed_slice();
        let Some(file) = &mut self.file else { return Ok(values) };
        file.seek(SeekFrom::Start((number * PAGE * 8) as u64))?;
        let mut bytes = Vec::with_capacity(PAGE * 8);
        file.take((PAGE * 8) as u64).read_to_end(&mut bytes)?;
        for (value, eight) in values.iter_mut().zip(bytes.chunks_exact(8)) {
            let mut number = [0; 8];
            number.copy_from_slice(eight);
            *value = u64::from_le_bytes(number);
        }
        Ok(values)
    }

    fn write(&mut self, page: &Page) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::Start((page.number * PAGE * 8) as u64))?;
        let bytes: Vec<u8> = page.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        file.write_all(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_again_also_when_they_had_to_leave_the_memory() {
        let mut spool = Spool::default();
        let step = (PAGE * PAGES) as u64;
        for place in 0..4 * step {
            spool.set(place, place + 7).unwrap();
        }
        assert!(spool.file.is_some() && spool.pages.len() == PAGES);
        for place in [0, 1, step - 1, step, 2 * step + 5, 4 * step - 1, 3] {
            assert_eq!(spool.get(place).unwrap(), place + 7);
        }
        spool.set(5, 1).unwrap();
        assert_eq!((spool.get(step + 5).unwrap(), spool.get(5).unwrap()), (step + 12, 1));
        assert_eq!(spool.get(100 * step).unwrap(), 0, "what was never set");
    }
}
