//! How the programs of these families write, what they say all day, and how a caller says that a call went wrong.

use crate::matrix::{
    form::{self, Day, Writes},
    hospital::Stack,
    scene::{Scene, at},
    voice::{self, Level, Symptom},
};

/// A program that a service may run instead of what its stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Cockroach,
    ClickHouse,
    Neo4j,
    Iris,
    Memcached,
    Dragonfly,
    Artemis,
    Pulsar,
    Rust,
    WildFly,
    Mirth,
    PgBouncer,
    Caddy,
    Varnish,
    Kong,
}

impl Writes for Program {
    const PAUSE: (i64, i64) = (9, 55);
    const SCREAM: (i64, i64) = (7, 42);

    fn line(self, second: i64, level: Level, text: &str) -> String {
        let at = at(second);
        let of = |names: [&'static str; 3]| names[level as usize];
        match self {
            Self::Cockroach => format!(
                "{}{} 812 8@server/node.go:512 ⋮ [n1,client=10.0.3.9:51234] 4711  {text}",
                of(["I", "W", "E"]),
                at.format("%y%m%d %T.118041")
            ),
            Self::ClickHouse => format!(
                "{} [ 812 ] {{8f31c2}} <{}> {text}",
                at.format("%Y.%m.%d %T.118041"),
                of(["Information", "Warning", "Error"])
            ),
            Self::Neo4j => format!("{} {} {text}", at.format("%F %T%.3f+0000"), of(["INFO ", "WARN ", "ERROR"])),
            Self::Iris => format!("{} (4711) {} {text}", at.format("%m/%d/%y-%T:118"), of(["0", "1", "2"])),
            Self::Memcached => voice::system(at, "memcached[412]", text),
            Self::Dragonfly => {
                format!("{}{}     1 {text}", of(["I", "W", "E"]), at.format("%Y%m%d %T.118041"))
            }
            Self::Artemis => format!("{} {} {text}", at.format("%F %T,118"), of(["INFO ", "WARN ", "ERROR"])),
            Self::Pulsar => format!(
                "{} [pulsar-io-4-1] {} org.apache.pulsar.broker.service.ServerCnx - {text}",
                at.format("%FT%T,118+0000"),
                of(["INFO ", "WARN ", "ERROR"])
            ),
            Self::Rust => {
                format!("{} {} wards::http: {text}", at.format("%FT%T.118041Z"), of([" INFO", " WARN", "ERROR"]))
            }
            Self::WildFly => format!(
                "{} {} [org.jboss.as.ejb3] (default task-41) {text}",
                at.format("%F %T,118"),
                of(["INFO ", "WARN ", "ERROR"])
            ),
            Self::Mirth => format!("[{}]  {}  {text}", at.format("%F %T,118"), of(["INFO", "WARN", "ERROR"])),
            Self::PgBouncer => {
                format!("{} UTC [31] {} {text}", at.format("%F %T.118"), of(["LOG", "WARNING", "ERROR"]))
            }
            Self::Caddy => format!(
                "{{\"level\":\"{}\",\"ts\":{}.118,\"logger\":\"http.log.error\",{text}}}",
                of(["info", "warn", "error"]),
                at.timestamp()
            ),
            Self::Varnish => voice::system(at, "varnishd[655]", text),
            Self::Kong => format!(
                "{} [{}] 1301#0: *4711 {text}, client: 10.0.4.9, server: kong, request: \"GET /api/v2/beds HTTP/1.1\"",
                at.format("%Y/%m/%d %T"),
                of(["notice", "warn", "error"])
            ),
        }
    }

    fn day(self) -> Day {
        match self {
            Self::Cockroach => &[
                (
                    Level::Info,
                    "runtime stats: 2.1 GiB RSS, 412 goroutines (stacks: 7.1 MiB), 812 MiB/1.1 GiB Go alloc/total, 31.2/4.1 %(u/s)time",
                ),
                (
                    Level::Info,
                    "={\"EventType\":\"slow_query\",\"Statement\":\"SELECT count(*) FROM audit\",\"Age\":112.4,\"NumRows\":1}",
                ),
            ],
            Self::ClickHouse => &[
                (Level::Info, "executeQuery: Read 8192 rows, 1.02 MiB in 0.011 sec., 744727 rows/sec., 92.7 MiB/sec."),
                (Level::Info, "SystemLog (system.query_log): Flushed system log up to offset 48113"),
            ],
            Self::Neo4j => &[
                (
                    Level::Info,
                    "id:4711 - transaction id:8812 - 3 ms: 41 B - bolt-session bolt neo4j-javascript/5.14 - MATCH (w:Ward {id: $id}) RETURN w",
                ),
                (Level::Info, "Checkpoint triggered by \"Scheduled checkpoint for time threshold\" completed in 112ms"),
            ],
            Self::Iris => &[
                (Level::Info, "[Database.JournalFileSwitch] Journaling switched to /iris/journal/20260302.041"),
                (Level::Info, "[Generic.Event] Purge of old messages of production Hospital.Wards is done"),
            ],
            Self::Memcached => {
                &[(Level::Info, "<41 new auto-negotiating client connection"), (Level::Info, "<41 connection closed.")]
            }
            Self::Dragonfly => &[
                (Level::Info, "save_stages_controller.cc:346] Saving \"/data/dump-summary.dfs\" finished after 1 s"),
                (Level::Info, "dfly_main.cc:169] Remote version is the same as this one"),
            ],
            Self::Artemis => &[
                (
                    Level::Info,
                    "[org.apache.activemq.audit.base] AMQ601267: User wards@10.0.3.9:51234 is creating a core session",
                ),
                (
                    Level::Warn,
                    "[org.apache.activemq.artemis.core.client] AMQ212037: Connection failure to /10.0.3.9:51234 has been detected: AMQ229014: Did not receive data within the 60000ms connection TTL",
                ),
            ],
            Self::Pulsar => &[
                (Level::Info, "[/10.0.3.9:51234] Subscribing on topic persistent://wards/orders/admission / pharmacy"),
                (Level::Info, "[persistent://wards/orders/admission][pharmacy] Created new subscription for 41"),
            ],
            Self::Rust => &[
                (Level::Info, "response status=200 latency=9 ms uri=/api/v2/beds"),
                (Level::Warn, "connection closed before message completed"),
            ],
            Self::WildFly => &[
                (Level::Info, "WFLYEJB0021: EJB timer of SyncBeds will expire in 300 s"),
                (Level::Warn, "WFLYUT0101: Cookie of an old session was ignored"),
            ],
            Self::Mirth => &[
                (
                    Level::Info,
                    "(com.mirth.connect.donkey.server.channel.Channel:812): channel ADT-to-wards: received=41 sent=41 queued=0",
                ),
                (
                    Level::Warn,
                    "(com.mirth.connect.connectors.tcp.TcpReceiver:644): Socket of 10.0.9.31 closed by the peer (FAX-GW)",
                ),
            ],
            Self::PgBouncer => &[
                (
                    Level::Info,
                    "stats: 81 xacts/s, 212 queries/s, in 41208 B/s, out 981204 B/s, xact 4112 us, query 1204 us, wait 41 us",
                ),
                (
                    Level::Info,
                    "C-0x55b17d99: main/wards@10.0.3.9:51234 closing because: client close request (age=41s)",
                ),
            ],
            Self::Caddy => &[
                (
                    Level::Info,
                    "\"msg\":\"handled request\",\"status\":200,\"duration\":0.0091,\"uri\":\"/api/v2/beds\"",
                ),
                (
                    Level::Warn,
                    "\"msg\":\"aborting with incomplete response\",\"error\":\"writing: write: broken pipe\"",
                ),
            ],
            Self::Varnish => &[
                (Level::Info, "Child (812) said Child starts"),
                (Level::Info, "Manager got SIGHUP, VCL boot is unchanged"),
            ],
            Self::Kong => &[
                (Level::Info, "[lua] counter.lua:27: incremented requests of consumer kiosk"),
                (Level::Warn, "[lua] reports.lua:111: could not send report: reports.kong.example is blocked here"),
            ],
        }
    }
}

fn usual(stack: Stack) -> Day {
    match stack {
        Stack::Java => &[
            (Level::Info, "Bundle of 12 resources stored in 31 ms"),
            (Level::Info, "Scheduling task SyncBeds, next in 300 s"),
            (Level::Warn, "Resolved [HttpMediaTypeNotAcceptableException: No acceptable representation]"),
        ],
        Stack::Python => &[
            (Level::Info, "\"GET /api/v2/beds HTTP/1.1\" 200 812"),
            (Level::Info, "scheduler: job sync_beds executed successfully"),
            (Level::Warn, "UserWarning: naive datetime of ward 3 is taken as UTC"),
        ],
        Stack::Node => &[
            (Level::Info, "GET /api/v2/beds 200 812 - 9.112 ms"),
            (Level::Info, "ws: 41 screens connected"),
            (Level::Warn, "(node:17) ExperimentalWarning: stream/web is an experimental feature"),
        ],
        Stack::Go => &[
            (Level::Info, "handled method=GET path=/api/v2/beds code=200 dur=8.9ms"),
            (Level::Info, "synced beds n=41"),
            (Level::Warn, "superfluous response.WriteHeader call from main.beds"),
        ],
        Stack::Nginx => &[
            (Level::Info, "signal 29 (SIGIO) received"),
            (Level::Warn, "conflicting server name \"ward.hospital.example\" on 0.0.0.0:443, ignored"),
        ],
        Stack::Postgres => &[
            (Level::Info, "checkpoint complete: wrote 812 buffers (5.0%); sync files=41, longest=0.011 s"),
            (Level::Info, "automatic vacuum of table \"main.public.beds\": pages: 0 removed, 41 remain"),
            (Level::Info, "disconnection: session time: 0:00:12.118 user=wards database=main host=10.0.3.9"),
        ],
        Stack::Redis => {
            &[(Level::Info, "Background saving terminated with success"), (Level::Info, "DB saved on disk, 4711 keys")]
        }
        Stack::Rabbit => &[
            (Level::Info, "accepting AMQP connection 10.0.3.9:51234 -> 10.0.3.2:5672 (wards)"),
            (Level::Info, "Channel 3 of wards was closed by the client"),
        ],
        Stack::Dotnet => &[
            (Level::Info, "Request finished HTTP/2 GET /api/v2/beds - 200 812 application/json 9.1ms"),
            (Level::Info, "Quartz job DEFAULT.SyncBeds was executed"),
            (Level::Warn, "Sensitive data logging is disabled; parameters are not shown"),
        ],
        Stack::Ruby => &[
            (Level::Info, "method=GET path=/api/v2/beds status=200 duration=11.2 db=2.1"),
            (Level::Info, "[GoodJob] Executed GoodJob SyncBeds in 31 ms"),
            (Level::Warn, "DEPRECATION WARNING: Passing a hash to Bed.find is deprecated"),
        ],
    }
}

/// What everybody's program says all day.
pub fn chatter(scene: &mut Scene) {
    form::chatter(scene, usual, (14, 65));
}

/// A line of PostgreSQL that is of another kind than those of a [`Level`].
pub fn postgres(scene: &mut Scene, unit: usize, second: i64, kind: &str, text: &str) {
    form::postgres(scene, unit, second, ".118 UTC [1301]", kind, text);
}

/// What stands before the services, and how it says that one of them did not serve.
pub fn front(program: Program, symptom: Symptom, name: &str, port: u16) -> String {
    let (refused, slow) = (symptom == Symptom::Refused, matches!(symptom, Symptom::TimedOut | Symptom::Slow));
    match program {
        Program::Caddy if refused => format!(
            "\"msg\":\"dial tcp 127.0.0.1:{port}: connect: connection refused\",\"status\":502,\"err_trace\":\"reverseproxy.statusError (reverseproxy.go:1390)\",\"upstream\":\"{name}\""
        ),
        Program::Caddy if slow => format!(
            "\"msg\":\"net/http: timeout awaiting response headers\",\"status\":504,\"err_trace\":\"reverseproxy.statusError (reverseproxy.go:1390)\",\"upstream\":\"{name}:{port}\""
        ),
        Program::Caddy => {
            format!("\"msg\":\"handled request\",\"status\":500,\"duration\":0.0112,\"upstream\":\"{name}:{port}\"")
        }
        Program::Varnish if refused => format!(
            "Backend_health - boot.{name} Went sick -------- 2 3 8 0.000000 0.001 \"Open 127.0.0.1:{port}: fail errno 111 (Connection refused)\""
        ),
        Program::Varnish if slow => format!("FetchError first byte timeout, backend boot.{name} (127.0.0.1:{port})"),
        Program::Varnish => format!("Backend fetch failed: BerespStatus 500 from boot.{name} (127.0.0.1:{port})"),
        _ if refused => format!(
            "connect() failed (111: Connection refused) while connecting to upstream, upstream: \"http://127.0.0.1:{port}/api/v2/beds\""
        ),
        _ if slow => format!(
            "upstream timed out (110: Connection timed out) while reading response header from upstream, upstream: \"http://127.0.0.1:{port}/api/v2/beds\""
        ),
        _ => format!(
            "[lua] healthcheck.lua:1150: log(): [healthcheck] (0dc6f45b:{name}) unhealthy HTTP increment (1/5) for '127.0.0.1(127.0.0.1:{port})'"
        ),
    }
}

/// The words of a call that went wrong so.
pub fn suffers(symptom: Symptom, stack: Stack, name: &str, port: u16) -> String {
    let url = format!("http://{name}:{port}/api/v2/beds");
    match symptom {
        Symptom::Refused => match stack {
            Stack::Java => format!("java.net.ConnectException: Failed to connect to {name}/127.0.0.1:{port}"),
            Stack::Python => format!(
                "grpc._channel._InactiveRpcError: status = StatusCode.UNAVAILABLE details = \"failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:{port}: Failed to connect to remote host: connect: Connection refused (111)\""
            ),
            Stack::Node => format!("TypeError: fetch failed, cause: Error: connect ECONNREFUSED 127.0.0.1:{port}"),
            Stack::Go => format!("unavailable: dial tcp 127.0.0.1:{port}: connect: connection refused"),
            Stack::Dotnet => {
                format!("Flurl.Http.FlurlHttpException: Call failed. Connection refused ({name}:{port}): GET {url}")
            }
            Stack::Ruby => format!("HTTPX::ConnectionError: Connection refused - connect(2) for {name}:{port}"),
            _ => voice::refused(stack, name, port),
        },
        Symptom::TimedOut | Symptom::Slow => match stack {
            Stack::Java => format!("java.net.http.HttpTimeoutException: request timed out (GET {url})"),
            Stack::Python => format!(
                "grpc._channel._InactiveRpcError: status = StatusCode.DEADLINE_EXCEEDED details = \"Deadline Exceeded\" (ipv4:127.0.0.1:{port}, {name})"
            ),
            Stack::Node => format!("DOMException [TimeoutError]: The operation was aborted due to timeout ({url})"),
            Stack::Go => format!("deadline_exceeded: context deadline exceeded (POST {url})"),
            Stack::Dotnet => format!("Flurl.Http.FlurlHttpTimeoutException: Call timed out: GET {url}"),
            Stack::Ruby => format!("HTTPX::RequestTimeoutError: Timed out after 5 seconds ({url})"),
            _ => voice::timed_out(stack, name, port),
        },
        Symptom::Failed => match stack {
            Stack::Java => {
                format!("jakarta.ws.rs.InternalServerErrorException: HTTP 500 Internal Server Error (GET {url})")
            }
            Stack::Python => format!(
                "grpc._channel._InactiveRpcError: status = StatusCode.UNKNOWN details = \"Exception calling application\" (ipv4:127.0.0.1:{port}, {name})"
            ),
            Stack::Node => format!("Error: GET {url} answered 500, body: {{\"error\":\"internal\"}}"),
            Stack::Go => format!("internal: {url}: 500 Internal Server Error"),
            Stack::Dotnet => format!(
                "Flurl.Http.FlurlHttpException: Call failed with status code 500 (Internal Server Error): GET {url}"
            ),
            Stack::Ruby => format!("HTTPX::HTTPError: HTTP Error: 500 ({url})"),
            _ => voice::failed(stack, name, port),
        },
    }
}
