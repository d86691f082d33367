//! What ends a program of ours when this process ends, also when it is killed and can do nothing any more: a second process of this
//! program waits at a pipe that the first alone holds open.

use std::{
    fs,
    io::{self, Read},
    path::Path,
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// The word by which the program is told that it is to hold a leash.
pub const LEASH: &str = "leash";
/// The image of this process, also when its file was replaced meanwhile.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Ends a program with this process. Dropped, it does nothing to the program.
#[derive(Debug)]
pub(super) struct Leash(#[expect(dead_code, reason = "it is killed when it is dropped, before its pipe closes")] Child);

impl Leash {
    /// Puts a program on a leash, which uses this folder for the engine's socket.
    ///
    /// # Errors
    /// When this program cannot be started a second time.
    pub(super) fn of(program: &Child, folder: &Path) -> io::Result<Self> {
        let id = program.id().ok_or_else(|| io::Error::other("it has ended"))?;
        let mut holder = Command::new(OWN_PROGRAM);
        holder.arg(LEASH).arg(id.to_string()).arg(folder);
        holder.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // In a group of its own: what a terminal tells to this process is not meant for it.
        holder.process_group(0).kill_on_drop(true).spawn().map(Self)
    }
}

/// Holds a leash: waits until the process that began this one has ended, ends the program, and removes its socket and the folder.
pub fn hold_leash(program: i32, folder: &Path) {
    let _ = io::stdin().read(&mut [0]);
    if let Some(program) = Pid::from_raw(program) {
        let _ = kill_process(program, Signal::TERM);
    }
    let _ = fs::remove_file(folder.join("engine.sock"));
    let _ = fs::remove_dir(folder);
}
