//! A plan by which the writes and removals of a directory fail, counted from the first.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex},
};

use bytes::Bytes;

/// What happens at the operation whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::vault) enum Blow {
    /// It fails and has no effect; what comes after works again.
    Fail,
    /// The disk is full for it; what comes after works again.
    Full,
    /// As if the process had died there: neither it nor anything after it has an effect.
    Stop,
    /// As `Stop`, and of the file that was being written a half stays under its temporary name.
    Torn,
}

#[derive(Debug, Default)]
struct State {
    blow: Option<(u64, Blow)>,
    done: u64,
    struck: bool,
}

/// Shared by all clones of one directory.
#[derive(Debug, Clone, Default)]
pub(in crate::vault) struct Plan(Arc<Mutex<State>>);

impl Plan {
    /// From now on the operations are counted from 1, and the blow falls at number `at`.
    pub(in crate::vault) fn strike(&self, at: u64, blow: Blow) {
        *self.0.lock().unwrap() = State { blow: Some((at, blow)), done: 0, struck: false };
    }

    /// Whether the blow has fallen; nothing fails from now on.
    pub(in crate::vault) fn end(&self) -> bool {
        std::mem::take(&mut *self.0.lock().unwrap()).struck
    }

    pub(in crate::vault) fn before_write(&self, folder: &Path, name: &str, content: &[Bytes]) -> io::Result<()> {
        let torn = self.next()?;
        if torn {
            let bytes = content.concat();
            let _ = fs::write(folder.join(format!(".{name}-0-torn.tmp")), &bytes[..bytes.len() / 2]);
            return Err(io::Error::other("the power went"));
        }
        Ok(())
    }

    pub(in crate::vault) fn before_removal(&self) -> io::Result<()> {
        if self.next()? { Err(io::Error::other("the power went")) } else { Ok(()) }
    }

    /// Whether the file being written is torn.
    fn next(&self) -> io::Result<bool> {
        let mut state = self.0.lock().unwrap();
        let Some((at, blow)) = state.blow else { return Ok(false) };
        state.done += 1;
        let now = state.done == at;
        state.struck |= now;
        match blow {
            Blow::Fail if now => Err(io::Error::other("the disk made a strange noise")),
            Blow::Full if now => Err(io::Error::from(io::ErrorKind::StorageFull)),
            Blow::Torn if now => Ok(true),
            Blow::Stop | Blow::Torn if state.struck => Err(io::Error::other("the power went")),
            _ => Ok(false),
        }
    }
}
