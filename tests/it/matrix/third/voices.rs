//! What programs say all day, how others than those of the platforms write it, and how a caller says that a call went wrong.

use crate::matrix::{
    form::{self, Day, Writes},
    hospital::Stack,
    scene::{Scene, at},
    voice::{self, Level, Symptom},
};

/// A program that a store may run instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    MySql,
    MariaDb,
    Mongo,
    Kafka,
}

impl Writes for Program {
    const PAUSE: (i64, i64) = (10, 50);
    const SCREAM: (i64, i64) = (6, 40);

    fn line(self, second: i64, level: Level, text: &str) -> String {
        let at = at(second);
        match self {
            Self::MySql => {
                let level = ["Note", "Warning", "ERROR"][level as usize];
                format!("{} 41 [{level}] {text}", at.format("%FT%T%.6fZ"))
            }
            Self::MariaDb => {
                let level = ["Note", "Warning", "ERROR"][level as usize];
                format!("{} 41 [{level}] {text}", at.format("%F %k:%M:%S"))
            }
            Self::Mongo => {
                let level = ["I", "W", "E"][level as usize];
                format!(
                    "{{\"t\":{{\"$date\":\"{}\"}},\"s\":\"{level}\",  \"c\":\"STORAGE\",  \"id\":22435,   \"ctx\":\"conn41\",{text}}}",
                    at.format("%FT%T%.3f+00:00")
                )
            }
            Self::Kafka => {
                let level = ["INFO", "WARN", "ERROR"][level as usize];
                format!("[{}] {level} {text}", at.format("%F %T,%3f"))
            }
        }
    }

    fn day(self) -> Day {
        match self {
            Self::MySql => &[
                (
                    Level::Info,
                    "[MY-010914] [Server] Aborted connection 4711 to db: 'main' user: 'app' host: '10.0.3.9' (Got timeout reading communication packets).",
                ),
                (Level::Info, "[MY-011953] [InnoDB] Page cleaner took 4312ms to flush 121 and evict 0 pages"),
                (
                    Level::Warn,
                    "[MY-013360] [Server] Plugin mysql_native_password reported: ''mysql_native_password' is deprecated and will be removed in a future release. Please use caching_sha2_password instead'",
                ),
            ],
            Self::MariaDb => &[
                (
                    Level::Warn,
                    "Aborted connection 4711 to db: 'main' user: 'app' host: '10.0.3.9' (Got an error reading communication packets)",
                ),
                (Level::Info, "InnoDB: Buffer pool(s) dump completed at 260302  8:40:11"),
            ],
            Self::Mongo => &[
                (
                    Level::Info,
                    "\"msg\":\"Connection accepted\",\"attr\":{\"remote\":\"10.0.3.9:51234\",\"connectionId\":4711,\"connectionCount\":41}",
                ),
                (
                    Level::Info,
                    "\"msg\":\"Connection ended\",\"attr\":{\"remote\":\"10.0.3.9:51234\",\"connectionId\":4711,\"connectionCount\":40}",
                ),
                (
                    Level::Info,
                    "\"msg\":\"Slow query\",\"attr\":{\"type\":\"command\",\"ns\":\"main.audit\",\"planSummary\":\"COLLSCAN\",\"durationMillis\":131}",
                ),
            ],
            Self::Kafka => &[
                (
                    Level::Info,
                    "[GroupCoordinator 1]: Stabilized group orders generation 41 (__consumer_offsets-17) with 3 members (kafka.coordinator.group.GroupCoordinator)",
                ),
                (
                    Level::Info,
                    "[Log partition=orders-3, dir=/var/lib/kafka/data] Rolled new log segment at offset 881230 in 3 ms. (kafka.log.Log)",
                ),
                (
                    Level::Info,
                    "[GroupMetadataManager brokerId=1] Removed 0 expired offsets in 0 milliseconds. (kafka.coordinator.group.GroupMetadataManager)",
                ),
            ],
        }
    }
}

/// A line of PostgreSQL that is of another kind than those of a [`Level`].
pub fn postgres(scene: &mut Scene, unit: usize, second: i64, kind: &str, text: &str) {
    form::postgres(scene, unit, second, ".000 UTC [812]", kind, text);
}

fn usual(stack: Stack) -> Day {
    match stack {
        Stack::Java => &[
            (Level::Info, "HikariPool-1 - Pool stats (total=10, active=2, idle=8, waiting=0)"),
            (Level::Info, "Completed initialization in 1 ms"),
            (
                Level::Warn,
                "Resolved [org.springframework.web.HttpRequestMethodNotSupportedException: Request method 'HEAD' is not supported]",
            ),
        ],
        Stack::Python => &[
            (Level::Info, "\"GET /health HTTP/1.1\" 200 17"),
            (Level::Info, "Task app.tasks.sync_beds[5b1c] succeeded in 0.031s: None"),
            (Level::Warn, "Not Found: /favicon.ico"),
        ],
        Stack::Node => &[
            (Level::Info, "GET /health 200 2.113 ms - 15"),
            (Level::Info, "request completed"),
            (Level::Warn, "request aborted by the client: GET /wards/3/beds"),
        ],
        Stack::Go => &[
            (Level::Info, "finished unary call with code OK"),
            (Level::Info, "http: TLS handshake error from 10.0.9.4:51020: EOF"),
            (Level::Warn, "write tcp 10.0.3.2:8443->10.0.4.9:51234: write: broken pipe"),
        ],
        Stack::Nginx => &[
            (Level::Info, "client 10.0.4.9 closed keepalive connection"),
            (
                Level::Warn,
                "an upstream response is buffered to a temporary file /var/cache/nginx/proxy_temp/1/00/0000000001 while reading upstream",
            ),
        ],
        Stack::Postgres => &[
            (Level::Info, "checkpoint starting: time"),
            (Level::Info, "checkpoint complete: wrote 412 buffers (2.5%); 0 WAL file(s) added, 0 removed, 1 recycled"),
            (Level::Info, "automatic vacuum of table \"main.public.sessions\": index scans: 0"),
            (Level::Info, "could not receive data from client: Connection reset by peer"),
        ],
        Stack::Redis => &[
            (Level::Info, "10 changes in 300 seconds. Saving..."),
            (Level::Info, "Background saving started by pid 4711"),
            (Level::Info, "Background saving terminated with success"),
        ],
        Stack::Rabbit => &[
            (Level::Info, "accepting AMQP connection <0.713.0> (10.0.3.9:51234 -> 10.0.3.2:5672)"),
            (
                Level::Warn,
                "closing AMQP connection <0.713.0> (10.0.3.9:51234 -> 10.0.3.2:5672): client unexpectedly closed TCP connection",
            ),
        ],
        Stack::Dotnet => &[
            (Level::Info, "Executed endpoint 'Hospital.Web.Wards.List (Hospital.Web)'"),
            (Level::Info, "Request finished HTTP/1.1 GET http://10.0.3.2/health - 200 - text/plain 2.1134ms"),
            (Level::Warn, "Failed to determine the https port for redirect."),
        ],
        Stack::Ruby => &[
            (Level::Info, "Completed 200 OK in 14ms (Views: 3.1ms | ActiveRecord: 2.4ms | Allocations: 4012)"),
            (Level::Info, "class=SyncBedsJob jid=8f31 elapsed=0.031 INFO: done"),
            (Level::Warn, "Unpermitted parameter: :utm_source"),
        ],
    }
}

/// What everybody's program says all day.
pub fn chatter(scene: &mut Scene) {
    form::chatter(scene, usual, (12, 60));
}

/// The words of a call that went wrong so.
pub fn suffers(symptom: Symptom, stack: Stack, name: &str, port: u16) -> String {
    match symptom {
        Symptom::Refused => refused(stack, name, port),
        Symptom::TimedOut | Symptom::Slow => waited(stack, name, port),
        Symptom::Failed => failed(stack, name, port),
    }
}

fn refused(stack: Stack, name: &str, port: u16) -> String {
    match stack {
        Stack::Java => {
            format!("feign.RetryableException: Connection refused executing GET http://{name}:{port}/v1/wards")
        }
        Stack::Python => format!(
            "aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host {name}:{port} ssl:default [Connect call failed ('127.0.0.1', {port})]"
        ),
        Stack::Node => format!(
            "FetchError: request to http://{name}:{port}/v1/wards failed, reason: connect ECONNREFUSED 127.0.0.1:{port}"
        ),
        Stack::Go => format!(
            "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp 127.0.0.1:{port}: connect: connection refused\""
        ),
        Stack::Nginx => format!("no live upstreams while connecting to upstream, upstream: \"http://{name}/v1/wards\""),
        Stack::Dotnet => {
            format!("System.Net.Sockets.SocketException (111): Connection refused [::ffff:127.0.0.1]:{port}")
        }
        Stack::Ruby => format!("Excon::Error::Socket: Connection refused - connect(2) for 127.0.0.1:{port} ({name})"),
        _ => voice::refused(stack, name, port),
    }
}

fn waited(stack: Stack, name: &str, port: u16) -> String {
    match stack {
        Stack::Java => format!(
            "feign.RetryableException: Read timed out executing GET http://{name}:{port}/v1/wards; circuit '{name}' is now HALF_OPEN"
        ),
        Stack::Python => format!("httpx.ReadTimeout: The read operation timed out (GET http://{name}:{port}/v1/wards)"),
        Stack::Node => {
            format!("HeadersTimeoutError: Headers Timeout Error code: 'UND_ERR_HEADERS_TIMEOUT' http://{name}:{port}")
        }
        Stack::Go => {
            format!("rpc error: code = DeadlineExceeded desc = context deadline exceeded (peer {name}:{port})")
        }
        Stack::Nginx => format!(
            "upstream timed out (110: Operation timed out) while reading response header from upstream, upstream: \"http://127.0.0.1:{port}/v1/wards\""
        ),
        Stack::Dotnet => format!(
            "Polly.Timeout.TimeoutRejectedException: The operation didn't complete within the allowed timeout of '00:00:02'. ({name})"
        ),
        Stack::Ruby => format!("Faraday::TimeoutError: execution expired (GET http://{name}:{port}/v1/wards)"),
        _ => voice::timed_out(stack, name, port),
    }
}

fn failed(stack: Stack, name: &str, port: u16) -> String {
    match stack {
        Stack::Java => {
            format!("feign.FeignException$InternalServerError: [500] during [GET] to [http://{name}:{port}/v1/wards]")
        }
        Stack::Python => format!(
            "httpx.HTTPStatusError: Server error '500 Internal Server Error' for url 'http://{name}:{port}/v1/wards'"
        ),
        Stack::Node => format!("HTTPError: Response code 500 (Internal Server Error) http://{name}:{port}/v1/wards"),
        Stack::Go => format!("rpc error: code = Internal desc = internal error (peer {name}:{port})"),
        Stack::Nginx => {
            format!(
                "upstream prematurely closed connection while reading response header from upstream, upstream: \"http://127.0.0.1:{port}/v1/wards\""
            )
        }
        Stack::Dotnet => format!(
            "Refit.ApiException: Response status code does not indicate success: 500 (Internal Server Error). http://{name}:{port}"
        ),
        Stack::Ruby => format!("RestClient::InternalServerError: 500 Internal Server Error from {name}:{port}"),
        _ => voice::failed(stack, name, port),
    }
}
