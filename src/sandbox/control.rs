//! How other processes speak to the supervisor: a line of JSON each way, over a socket in the sandbox's directory.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    os::{
        fd::AsRawFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{SandboxError, files, layout::Layout};

const MAX_LINE: u64 = 4 << 10;
const TO_SPEAK: Duration = Duration::from_secs(2);

/// What a supervisor may be asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(super) enum Request {
    /// Whether it is there.
    Ping,
    /// End a service if it runs, and start it anew.
    Restart { service: String },
    /// End a service, and leave it ended.
    End { service: String },
    /// Look at the leases of the faults again.
    Leases,
    /// End everything.
    Stop,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Reply {
    error: Option<String>,
}

/// The address of the socket. A socket's path may have 107 bytes only, so it is reached through its open directory.
fn address(layout: &Layout) -> io::Result<(File, PathBuf)> {
    let dir = File::open(layout.run())?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/supervisor.sock", dir.as_raw_fd()));
    Ok((dir, path))
}

/// Begins to listen. Only for the one who holds the supervisor's lock.
pub(super) fn listen(layout: &Layout) -> Result<UnixListener, SandboxError> {
    files::remove(&layout.socket())?;
    let failed = |error| SandboxError::io("listen on", layout.socket())(error);
    let (_dir, path) = address(layout).map_err(failed)?;
    UnixListener::bind(path).map_err(failed)
}

/// Asks the supervisor for something and waits until it is done.
pub(super) fn ask(layout: &Layout, request: &Request, patience: Duration) -> Result<(), SandboxError> {
    let not_up = || SandboxError::NotUp { dir: layout.dir().to_owned() };
    let exchange = || -> io::Result<Reply> {
        let (_dir, path) = address(layout)?;
        let mut stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(TO_SPEAK))?;
        send(&mut stream, request)?;
        receive(&stream)
    };
    match exchange() {
        Ok(Reply { error: None }) => Ok(()),
        Ok(Reply { error: Some(error) }) => Err(SandboxError::Supervisor(error)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            Err(not_up())
        }
        Err(error) => Err(SandboxError::io("ask the supervisor at", layout.socket())(error)),
    }
}

/// Answers one request.
pub(super) fn answer(mut stream: &UnixStream, act: impl FnOnce(Request) -> Result<(), SandboxError>) -> io::Result<()> {
    stream.set_read_timeout(Some(TO_SPEAK))?;
    stream.set_write_timeout(Some(TO_SPEAK))?;
    let reply = match receive(stream) {
        Ok(request) => Reply { error: act(request).err().map(|error| error.to_string()) },
        Err(error) => Reply { error: Some(format!("this is no request: {error}")) },
    };
    send(&mut stream, &reply)
}

fn send<T: Serialize>(stream: &mut impl Write, value: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line)
}

fn receive<T: for<'de> Deserialize<'de>>(stream: &UnixStream) -> io::Result<T> {
    let mut line = String::new();
    BufReader::new(stream.take(MAX_LINE)).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
