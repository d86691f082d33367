//! A question to a service of the sandbox over HTTP, from a thread that may wait.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use serde_json::Value;

const MAX_BYTES: u64 = 64 << 10;

/// What a service answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// GETs a path from a port of this host.
pub(super) fn get(port: u16, path: &str, deadline: Duration) -> io::Result<Answer> {
    exchange("GET", port, path, deadline)
}

/// POSTs nothing to a path of a port of this host.
pub(super) fn post(port: u16, path: &str, deadline: Duration) -> io::Result<Answer> {
    exchange("POST", port, path, deadline)
}

fn exchange(method: &str, port: u16, path: &str, deadline: Duration) -> io::Result<Answer> {
    let until = Instant::now() + deadline;
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), deadline)?;
    stream.set_write_timeout(Some(deadline))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || bytes.len() as u64 > MAX_BYTES {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part) {
            Ok(0) => return parse(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into()),
            Ok(count) => bytes.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, body: serde_json::from_str(body).unwrap_or(Value::Null) })
}
