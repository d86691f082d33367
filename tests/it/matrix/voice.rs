//! How programs write their logs.

use chrono::{DateTime, Utc};
use codeblue::platform::Reading;

use super::hospital::Stack;

/// How loud a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Warn,
    Error,
}

/// A line as a program of this stack writes it.
pub fn line(stack: Stack, at: DateTime<Utc>, level: Level, text: &str) -> String {
    let millis = at.timestamp_subsec_millis();
    let quoted = text.replace('"', "\\\"");
    match stack {
        Stack::Java => {
            let level = ["INFO ", "WARN ", "ERROR"][level as usize];
            format!("{}.{millis:03} {level} [http-nio-8080-exec-7] o.h.web.RequestHandler - {text}", at.format("%F %T"))
        }
        Stack::Python => {
            let level = ["INFO", "WARNING", "ERROR"][level as usize];
            format!("{},{millis:03} - app.views - {level} - {text}", at.format("%F %T"))
        }
        Stack::Node => {
            let level = [30, 40, 50][level as usize];
            format!(
                "{{\"level\":{level},\"time\":{},\"pid\":17,\"hostname\":\"ward\",\"msg\":\"{quoted}\"}}",
                at.timestamp_millis()
            )
        }
        Stack::Go => {
            let level = ["INFO", "WARN", "ERROR"][level as usize];
            format!("time={} level={level} msg=\"{quoted}\"", at.format("%FT%T%.3fZ"))
        }
        Stack::Nginx => {
            let level = ["notice", "warn", "error"][level as usize];
            format!(
                "{} [{level}] 31#31: *4711 {text}, client: 10.0.4.9, server: _, request: \"GET / HTTP/1.1\"",
                at.format("%Y/%m/%d %T")
            )
        }
        Stack::Postgres => {
            let level = ["LOG", "WARNING", "ERROR"][level as usize];
            format!("{}.{millis:03} UTC [812] {level}:  {text}", at.format("%F %T"))
        }
        Stack::Redis => {
            let mark = ['*', '#', '#'][level as usize];
            format!("1:M {} {mark} {text}", at.format("%d %b %Y %T%.3f"))
        }
        Stack::Rabbit => {
            let level = ["info", "warning", "error"][level as usize];
            format!("{}.{millis:03}000+00:00 [{level}] <0.713.0> {text}", at.format("%F %T"))
        }
        Stack::Dotnet => {
            let level = ["info", "warn", "fail"][level as usize];
            format!("{} {level}: Hospital.Web.Startup[0] {text}", at.format("%FT%T%.3fZ"))
        }
        Stack::Ruby => {
            let (short, long) = [("I", "INFO"), ("W", "WARN"), ("E", "ERROR")][level as usize];
            format!("{short}, [{}000 #9]  {long:>5} -- : {text}", at.format("%FT%T%.3f"))
        }
    }
}

/// What the system says of a service in its own log.
pub fn system(at: DateTime<Utc>, who: &str, text: &str) -> String {
    format!("{} ward-host {who}: {text}", at.format("%b %e %T"))
}

/// The words of a call that was refused, as a program of this stack says them.
pub fn refused(stack: Stack, name: &str, port: u16) -> String {
    match stack {
        Stack::Java => format!("java.net.ConnectException: Connection refused: {name}/127.0.0.1:{port}"),
        Stack::Python => format!(
            "HTTPConnectionPool(host='{name}', port={port}): Max retries exceeded: [Errno 111] Connection refused"
        ),
        Stack::Node => format!("connect ECONNREFUSED 127.0.0.1:{port}"),
        Stack::Go => format!("dial tcp 127.0.0.1:{port}: connect: connection refused"),
        Stack::Nginx => format!(
            "connect() failed (111: Connection refused) while connecting to upstream, upstream: \"http://127.0.0.1:{port}/\""
        ),
        Stack::Dotnet => format!("System.Net.Http.HttpRequestException: Connection refused ({name}:{port})"),
        Stack::Ruby => format!("Errno::ECONNREFUSED: Failed to open TCP connection to {name}:{port}"),
        Stack::Postgres | Stack::Redis | Stack::Rabbit => format!("could not connect to {name}: Connection refused"),
    }
}

/// The words of a call that took too long.
pub fn timed_out(stack: Stack, name: &str, port: u16) -> String {
    match stack {
        Stack::Java => format!("java.net.SocketTimeoutException: Read timed out calling http://{name}:{port}/v1"),
        Stack::Python => format!("HTTPConnectionPool(host='{name}', port={port}): Read timed out. (read timeout=2)"),
        Stack::Node => format!("timeout of 2000ms exceeded: GET http://{name}:{port}/v1"),
        Stack::Go => format!(
            "Get \"http://127.0.0.1:{port}/v1\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        ),
        Stack::Nginx => format!(
            "upstream timed out (110: Connection timed out) while reading response header from upstream, upstream: \"http://127.0.0.1:{port}/\""
        ),
        Stack::Dotnet => format!(
            "System.Threading.Tasks.TaskCanceledException: The request to {name} was canceled due to the configured HttpClient.Timeout of 2 seconds elapsing"
        ),
        Stack::Ruby => format!("Net::ReadTimeout with #<TCPSocket:(closed)> ({name}:{port})"),
        Stack::Postgres | Stack::Redis | Stack::Rabbit => format!("timeout waiting for {name}"),
    }
}

/// The words of a call that was answered with an error.
pub fn failed(stack: Stack, name: &str, port: u16) -> String {
    match stack {
        Stack::Java => format!("org.springframework.web.client.HttpServerErrorException: 500 from {name}"),
        Stack::Python => format!("requests.exceptions.HTTPError: 500 Server Error for url: http://{name}:{port}/v1"),
        Stack::Node => format!("Request failed with status code 500: GET http://{name}:{port}/v1"),
        Stack::Go => format!("unexpected status 500 from http://127.0.0.1:{port}/v1"),
        Stack::Nginx => format!("upstream sent invalid response, upstream: \"http://127.0.0.1:{port}/\""),
        Stack::Dotnet => format!("Response status code does not indicate success: 500 ({name})"),
        Stack::Ruby => format!("Faraday::ServerError: the server responded with status 500 ({name})"),
        Stack::Postgres | Stack::Redis | Stack::Rabbit => format!("{name} answered with an error"),
    }
}

/// How those above suffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symptom {
    Refused,
    TimedOut,
    Failed,
    Slow,
}

impl Symptom {
    pub fn words(self, stack: Stack, name: &str, port: u16) -> String {
        match self {
            Self::Refused => refused(stack, name, port),
            Self::TimedOut | Self::Slow => timed_out(stack, name, port),
            Self::Failed => failed(stack, name, port),
        }
    }

    /// What a check of somebody above says, and whether it names who is below.
    pub fn detail(self, name: &str, named: bool) -> (Reading, String) {
        match (self, named) {
            (Self::Slow, _) => (Reading::Slow, "HTTP 200 in 2.4 s".to_owned()),
            (Self::Refused, true) => (Reading::Bad, format!("HTTP 503 in 4 ms: \"{name}: Connection refused\"")),
            (Self::Refused, false) => (Reading::Bad, "HTTP 502 in 3 ms: \"Bad Gateway\"".to_owned()),
            (Self::TimedOut, true) => (Reading::Bad, format!("HTTP 504 in 1.0 s: \"{name}: timed out\"")),
            (Self::TimedOut, false) => (Reading::Bad, "no answer within 1.0 s".to_owned()),
            (Self::Failed, true) => (Reading::Bad, format!("HTTP 503 in 9 ms: \"{name} answered 500\"")),
            (Self::Failed, false) => (Reading::Bad, "HTTP 500 in 9 ms: \"internal server error\"".to_owned()),
        }
    }
}
