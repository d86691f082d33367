//! Where callers come in: the engine's socket, and the address for other hosts. It outlives an engine that starts anew; who knocks
//! meanwhile waits, and is turned away by nobody.

use std::{
    fs::Permissions,
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::net::{TcpListener, UnixListener};

use super::server::ApiError;

/// A Unix socket's path is limited to so many bytes.
const LONGEST: usize = 107;

/// Where callers come in.
#[derive(Debug)]
pub struct Door {
    pub(super) socket: Arc<UnixListener>,
    path: PathBuf,
    guests: Option<(SocketAddr, Arc<TcpListener>)>,
}

impl Door {
    /// Makes the socket, which nobody but this user can open.
    ///
    /// # Errors
    /// When it cannot be made. Call it with the home's lock held: what is in the way is then a dead engine's socket.
    pub fn open(path: &Path) -> Result<Self, ApiError> {
        let error = |source| ApiError::Socket { path: path.to_owned(), source };
        if path.as_os_str().len() > LONGEST {
            return Err(ApiError::TooLong { path: path.to_owned() });
        }
        match std::fs::remove_file(path) {
            Err(other) if other.kind() != io::ErrorKind::NotFound => return Err(error(other)),
            _ => {}
        }
        let socket = UnixListener::bind(path).map_err(error)?;
        let door = Self { socket: Arc::new(socket), path: path.to_owned(), guests: None };
        door.let_in(None)?;
        Ok(door)
    }

    /// Removes the socket: from here on there is no engine to talk to.
    pub fn close(self) {
        let _ = std::fs::remove_file(&self.path);
    }

    /// Lets the members of a group reach the socket and nothing beside it: its folder may be passed through, not read. Without one, this
    /// user alone.
    pub(super) fn let_in(&self, group: Option<&str>) -> Result<(), ApiError> {
        let error = |source| ApiError::Socket { path: self.path.clone(), source };
        let Some(group) = group else {
            return std::fs::set_permissions(&self.path, Permissions::from_mode(0o600)).map_err(error);
        };
        let refused = |reason: String| ApiError::Group { path: self.path.clone(), group: group.to_owned(), reason };
        let id = group_id(group).ok_or_else(|| refused("there is no such group; make it with groupadd".to_owned()))?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        for (path, mode) in [(folder, 0o710), (&*self.path, 0o660)] {
            std::os::unix::fs::chown(path, None, Some(id))
                .and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(mode)))
                .map_err(|error| refused(format!("{error}; the user the engine runs as has to be a member")))?;
        }
        Ok(())
    }

    /// Listens for other hosts on an address, as before where it did so already; without one, no more.
    pub(super) fn guests(&mut self, address: Option<SocketAddr>) -> Result<Option<Arc<TcpListener>>, ApiError> {
        let Some(address) = address else {
            self.guests = None;
            return Ok(None);
        };
        if let Some((known, listener)) = &self.guests
            && *known == address
        {
            return Ok(Some(listener.clone()));
        }
        // The one before may be a part of what is asked for now.
        self.guests = None;
        let listener = std::net::TcpListener::bind(address)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .and_then(TcpListener::from_std)
            .map_err(|error| ApiError::Listen { address, reason: error.to_string() })?;
        let listener = Arc::new(listener);
        self.guests = Some((address, listener.clone()));
        Ok(Some(listener))
    }
}

/// The number of a group of this host, from `/etc/group`.
fn group_id(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}
