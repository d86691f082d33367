//! What ends a program of ours when this process ends, also when it is killed and can do nothing any more.

use std::{io, path::Path, process::Stdio};

use tokio::process::{Child, Command};

/// Waits at a pipe that only this process holds open. When it closes without a word, the program is told to end, and the socket that it
/// made goes with its folder.
const WAIT: &str = r#"read -r word || { kill "$1"; rm -f -- "$2/engine.sock"; rmdir -- "$2"; }"#;

/// Ends a program with this process. Dropped, it does nothing to the program.
#[derive(Debug)]
pub(super) struct Leash(#[expect(dead_code, reason = "it is killed when it is dropped, before its pipe closes")] Child);

impl Leash {
    /// Puts a program on a leash, which uses this folder for the engine's socket.
    ///
    /// # Errors
    /// When there is no shell to hold it.
    pub(super) fn of(program: &Child, folder: &Path) -> io::Result<Self> {
        let id = program.id().ok_or_else(|| io::Error::other("it has ended"))?;
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", WAIT, "sh", &id.to_string()]).arg(folder);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // In a group of its own: what a terminal tells to this process is not meant for it.
        shell.process_group(0).kill_on_drop(true).spawn().map(Self)
    }
}
