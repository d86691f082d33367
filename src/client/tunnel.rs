//! The socket of an engine on another host, brought here by the system's OpenSSH with the user's own configuration, agent and jump
//! hosts. Who asks is for the host's own login to say: over there it is the SSH account that opens the socket.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex as Words, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::UnixStream,
    process::{Child, Command},
    sync::Mutex,
    time::Instant,
};

use super::{ClientError, address::SshAddress, leash::Leash};

/// How long the way may take to be there.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked whether it is.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of what ssh says that are kept.
const WORDS: usize = 4096;
/// A longer path is no socket's.
const PATH: usize = 107;

/// The way to an engine's socket on another host. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Tunnel {
    address: SshAddress,
    folder: TempDir,
    way: Mutex<Way>,
    said: Arc<Words<String>>,
}

#[derive(Debug, Default)]
struct Way {
    /// The engine's socket on the other host, once it is known.
    remote: Option<String>,
    ssh: Option<Child>,
    leash: Option<Leash>,
}

impl Tunnel {
    /// Nothing is begun yet.
    ///
    /// # Errors
    /// When there is no place for a socket.
    pub(super) fn to(address: &SshAddress) -> Result<Self, ClientError> {
        // Nobody else may open the socket in it: the folder is this user's alone.
        let folder = tempfile::Builder::new().prefix("codeblue-").tempdir();
        let folder = folder.map_err(|error| ClientError::Failed(format!("no place for a socket: {error}")))?;
        Ok(Self { address: address.clone(), folder, way: Mutex::default(), said: Arc::default() })
    }

    /// Where the engine's socket is here.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    /// What ssh has said last, in one line without control sequences.
    pub(super) fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(3)..].join("; ")
    }

    /// Waits until the way is there, and makes it again where it has ended.
    pub(super) async fn ready(&self) -> Result<(), ClientError> {
        let mut way = self.way.lock().await;
        if let Some(ssh) = &mut way.ssh
            && matches!(ssh.try_wait(), Ok(None))
        {
            return Ok(());
        }
        (way.leash, way.ssh) = (None, None);
        let until = Instant::now() + PATIENCE;
        let remote = match &way.remote {
            Some(remote) => remote.clone(),
            None => self.find_socket(until).await?,
        };
        way.remote = Some(remote.clone());
        let socket = self.socket();
        let mut ssh = self.ssh();
        ssh.args(["-N", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes"]);
        ssh.args(["-o", "StreamLocalBindMask=0177", "-L"]).arg(format!("{}:{remote}", socket.display()));
        ssh.args(["--", &self.address.host]).stdout(Stdio::null());
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let mut ssh = ssh.spawn().map_err(|error| self.without_ssh(&error))?;
        // Without one the way is there all the same.
        let leash = Leash::of(&ssh, self.folder.path()).ok();
        if let Some(err) = ssh.stderr.take() {
            tokio::spawn(listen(err, self.said.clone()));
        }
        loop {
            if UnixStream::connect(&socket).await.is_ok() {
                (way.ssh, way.leash) = (Some(ssh), leash);
                return Ok(());
            }
            if let Ok(Some(_)) = ssh.try_wait() {
                // What it said last may still be on its way.
                tokio::time::sleep(LOOK).await;
                return Err(self.unreachable(&self.said()));
            }
            if Instant::now() >= until {
                return Err(self.unreachable("ssh did not come through in time"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The socket named in the address, else that of the account's own home, as the program there tells it.
    async fn find_socket(&self, until: Instant) -> Result<String, ClientError> {
        if let Some(socket) = &self.address.socket {
            return Ok(socket.clone());
        }
        let mut ssh = self.ssh();
        ssh.args(["--", &self.address.host, "codeblue host socket"]).stdout(Stdio::piped());
        let ssh = ssh.spawn().map_err(|error| self.without_ssh(&error))?;
        let _leash = Leash::of(&ssh, self.folder.path()).ok();
        let told = match tokio::time::timeout_at(until, ssh.wait_with_output()).await {
            Err(_) => return Err(self.unreachable("ssh did not come through in time")),
            Ok(told) => told.map_err(|error| self.without_ssh(&error))?,
        };
        let path = String::from_utf8_lossy(&told.stdout);
        let path = path.lines().last().unwrap_or_default().trim();
        let fits = path.starts_with('/') && path.len() <= PATH && !path.contains([':', '\u{1b}']);
        if told.status.success() && fits {
            return Ok(path.to_owned());
        }
        let said = plain(&told.stderr[told.stderr.len().saturating_sub(WORDS)..]);
        // 255 is ssh's own; anything else came from over there.
        if told.status.code() == Some(255) {
            return Err(self.unreachable(said.trim()));
        }
        Err(ClientError::NoEngine {
            at: self.address.to_string(),
            reason: format!(
                "`codeblue host socket` there does not tell its socket ({}); name it: ssh://{}/PATH/TO/engine.sock",
                said.trim(),
                self.address.host
            ),
        })
    }

    /// No question is ever asked, no connection of others is used or left behind, and what is gone is noticed in ten seconds.
    fn ssh(&self) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-T");
        let options = [
            "BatchMode=yes",
            "ConnectTimeout=15",
            "ServerAliveInterval=5",
            "ServerAliveCountMax=2",
            "ControlMaster=no",
            "ControlPath=none",
            "PermitLocalCommand=no",
            "ForwardAgent=no",
            "ForwardX11=no",
        ];
        for option in options {
            ssh.args(["-o", option]);
        }
        if let Some(port) = self.address.port {
            ssh.args(["-p", &port.to_string()]);
        }
        if let Some(user) = &self.address.user {
            ssh.args(["-l", user]);
        }
        ssh.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        ssh
    }

    fn without_ssh(&self, error: &std::io::Error) -> ClientError {
        ClientError::Failed(format!("{}: ssh cannot be run: {error}; install the OpenSSH client", self.address))
    }

    fn unreachable(&self, said: &str) -> ClientError {
        let said = if said.is_empty() { "ssh has ended and said nothing" } else { said };
        ClientError::NoEngine {
            at: self.address.to_string(),
            reason: format!(
                "{said}; try it without a question being asked: ssh -o BatchMode=yes {}",
                self.address.host
            ),
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        // Told to end, ssh ends what it has started too, such as the way through a jump host.
        let ssh = self.way.get_mut().ssh.as_ref().and_then(Child::id);
        if let Some(ssh) = ssh.and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process(ssh, Signal::TERM);
        }
    }
}

/// Keeps the last of what ssh says.
async fn listen(mut err: impl AsyncRead + Unpin, said: Arc<Words<String>>) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = err.read(&mut buffer).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(&plain(&buffer[..read]));
        let mut from = said.len().saturating_sub(WORDS);
        while !said.is_char_boundary(from) {
            from += 1;
        }
        said.drain(..from);
    }
}

/// Text of another host, without what a terminal would obey.
fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}
