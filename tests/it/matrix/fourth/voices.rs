//! How the programs of these families write, what they say all day, and how a caller says that a call went wrong.

pub use crate::matrix::form::{perhaps, say, scream};
use crate::matrix::{
    form::{self, Day, Writes},
    hospital::Stack,
    scene::{Scene, at},
    voice::{self, Level, Symptom},
};

/// A program that a service may run instead of what its stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    SqlServer,
    Oracle,
    Mongo,
    Elastic,
    Cassandra,
    Etcd,
    Nats,
    Elixir,
    PhpFpm,
    HaProxy,
    Envoy,
    Traefik,
    Apache,
}

impl Writes for Program {
    const PAUSE: (i64, i64) = (8, 45);
    const SCREAM: (i64, i64) = (8, 45);

    fn line(self, second: i64, level: Level, text: &str) -> String {
        let at = at(second);
        let of = |names: [&'static str; 3]| names[level as usize];
        match self {
            Self::SqlServer => format!("{} spid61      {text}", at.format("%F %T.41")),
            Self::Oracle => format!("{} {text}", at.format("%FT%T.412031+00:00")),
            Self::Mongo => format!(
                "{{\"t\":{{\"$date\":\"{}\"}},\"s\":\"{}\",  \"c\":\"COMMAND\",  \"id\":51803,   \"ctx\":\"conn812\",{text}}}",
                at.format("%FT%T%.3f+00:00"),
                of(["I", "W", "E"])
            ),
            Self::Elastic => {
                format!("[{}][{}]{text}", at.format("%FT%T,%3f"), of(["INFO ", "WARN ", "ERROR"]))
            }
            Self::Cassandra => {
                format!("{} [ReadStage-2] {} {text}", of(["INFO ", "WARN ", "ERROR"]), at.format("%F %T,%3f"))
            }
            Self::Etcd => format!(
                "{{\"level\":\"{}\",\"ts\":\"{}\",{text}}}",
                of(["info", "warn", "error"]),
                at.format("%FT%T.%3fZ")
            ),
            Self::Nats => format!("[1] {} [{}] {text}", at.format("%Y/%m/%d %T%.6f"), of(["INF", "WRN", "ERR"])),
            Self::Elixir => format!("{} [{}] {text}", at.format("%F %T%.3f"), of(["info", "warning", "error"])),
            Self::PhpFpm => {
                format!("[{}] {}: {text}", at.format("%d-%b-%Y %T"), of(["NOTICE", "WARNING", "ERROR"]))
            }
            Self::HaProxy => voice::system(at, "haproxy[110]", text),
            Self::Envoy => {
                let level = of(["info", "warning", "error"]);
                format!("[{}][15][{level}][upstream] {text}", at.format("%F %T%.3f"))
            }
            Self::Traefik => {
                let quoted = text.replace('"', "\\\"");
                format!("time=\"{}\" level={} msg=\"{quoted}\"", at.format("%FT%TZ"), of(["info", "warning", "error"]))
            }
            Self::Apache => {
                let level = of(["notice", "warn", "error"]);
                format!("[{}] [proxy:{level}] [pid 31:tid 1401] {text}", at.format("%a %b %d %T.412031 %Y"))
            }
        }
    }

    fn day(self) -> Day {
        match self {
            Self::SqlServer => &[
                (Level::Info, "Log was backed up. Database: main, creation date(time): 2024/11/02(03:10:44)"),
                (
                    Level::Info,
                    "Login failed for user 'report'. Reason: Could not find a login matching the name provided. [CLIENT: 10.0.9.31]",
                ),
            ],
            Self::Oracle => &[
                (Level::Info, "Thread 1 advanced to log sequence 48113 (LGWR switch)"),
                (Level::Info, "Archived Log entry 41 added for T-1.S-48112 ID 0x5f1c8e11 LAD:1"),
            ],
            Self::Mongo => &[
                (
                    Level::Info,
                    "\"msg\":\"Connection accepted\",\"attr\":{\"remote\":\"10.0.3.9:51234\",\"connectionCount\":41}",
                ),
                (
                    Level::Info,
                    "\"msg\":\"Slow query\",\"attr\":{\"ns\":\"main.charts\",\"planSummary\":\"IXSCAN { ward: 1 }\",\"durationMillis\":112}",
                ),
            ],
            Self::Elastic => &[
                (Level::Info, "[o.e.c.m.MetadataMappingService] [node-1] [wards-2026.03/Xk1] update_mapping [_doc]"),
                (
                    Level::Info,
                    "[o.e.m.j.JvmGcMonitorService] [node-1] [gc][4102] overhead, spent [251ms] collecting in the last [1s]",
                ),
            ],
            Self::Cassandra => &[
                (
                    Level::Info,
                    "CompactionTask.java:245 - Compacted (8f31) 4 sstables to [/var/lib/cassandra/data/main/doses-1/nb-41-big,]",
                ),
                (
                    Level::Info,
                    "NoSpamLogger.java:105 - Maximum memory usage reached (512.000MiB), cannot allocate chunk of 8.000MiB",
                ),
            ],
            Self::Etcd => &[
                (Level::Info, "\"caller\":\"mvcc/index.go:214\",\"msg\":\"compact tree index\",\"revision\":48113"),
                (
                    Level::Warn,
                    "\"caller\":\"etcdserver/util.go:170\",\"msg\":\"apply request took too long\",\"took\":\"112.4ms\",\"expected-duration\":\"100ms\"",
                ),
            ],
            Self::Nats => &[
                (Level::Info, "JetStream cluster new consumer leader for '$G > ORDERS > pharmacy'"),
                (Level::Info, "10.0.3.9:51234 - cid:4711 - Client connection closed: Client Closed"),
            ],
            Self::Elixir => &[
                (Level::Info, "Sent 200 in 4ms"),
                (Level::Info, "GET /api/wards/3"),
                (Level::Warn, "Phoenix.Socket transport closed: client went away"),
            ],
            Self::PhpFpm => &[
                (Level::Info, "[pool www] child 4711 exited with code 0 after 3612.4 seconds from start"),
                (Level::Info, "[pool www] child 4733 started"),
            ],
            Self::HaProxy => &[
                (
                    Level::Info,
                    "10.0.4.9:51234 [02/Mar/2026:09:12:41.310] fe_main be_wards/s1 0/0/1/9/10 200 812 - - ---- 41/41/3/1/0 0/0 \"GET /api/wards HTTP/1.1\"",
                ),
                (
                    Level::Info,
                    "10.0.9.44:40122 [02/Mar/2026:09:12:44.001] fe_main fe_main/<NOSRV> -1/-1/-1/-1/0 400 0 - - CR-- 40/40/0/0/0 0/0 \"<BADREQ>\"",
                ),
            ],
            Self::Envoy => &[
                (Level::Info, "cds: add 4 cluster(s), remove 2 cluster(s)"),
                (Level::Warn, "gRPC config stream to xds_cluster closed: 13, "),
            ],
            Self::Traefik => &[
                (Level::Info, "Configuration loaded from file: /etc/traefik/dynamic.yml"),
                (Level::Info, "'499 Client Closed Request' caused by: context canceled"),
            ],
            Self::Apache => &[
                (Level::Info, "AH00094: Command line: '/usr/sbin/apache2'"),
                (
                    Level::Error,
                    "[client 10.0.9.44:40122] AH01276: Cannot serve directory /var/www/html/: No matching DirectoryIndex found",
                ),
            ],
        }
    }
}

/// A line of PostgreSQL that is of another kind than those of a [`Level`].
pub fn postgres(scene: &mut Scene, unit: usize, second: i64, kind: &str, text: &str) {
    form::postgres(scene, unit, second, ".118 UTC [4711]", kind, text);
}

fn usual(stack: Stack) -> Day {
    match stack {
        Stack::Java => &[
            (Level::Info, "Fetched 41 beds for ward 3"),
            (Level::Info, "GC(211) Pause Young (Normal) (G1 Evacuation Pause) 812M->301M(4096M) 9.412ms"),
            (Level::Warn, "Resolved [org.springframework.web.bind.MissingServletRequestParameterException: ward]"),
        ],
        Stack::Python => &[
            (Level::Info, "GET /api/wards/3 200 OK 11ms"),
            (Level::Info, "sync of beds: 41 same, 0 new"),
            (Level::Warn, "RemovedInDjango60Warning: CheckConstraint.check is deprecated"),
        ],
        Stack::Node => &[
            (Level::Info, "GET /api/wards 200 11ms"),
            (Level::Info, "socket 8f31 joined room ward-3"),
            (Level::Warn, "client disconnected: transport close"),
        ],
        Stack::Go => &[
            (Level::Info, "request served route=/api/wards status=200 took=9ms"),
            (Level::Info, "cron: beds refreshed"),
            (Level::Warn, "client went away before the answer: context canceled"),
        ],
        Stack::Nginx => &[
            (Level::Info, "gracefully shutting down"),
            (
                Level::Warn,
                "a client request body is buffered to a temporary file /var/cache/nginx/client_temp/0000000041",
            ),
        ],
        Stack::Postgres => &[
            (Level::Info, "connection received: host=10.0.3.9 port=51234"),
            (Level::Info, "temporary file: path \"base/pgsql_tmp/pgsql_tmp4711.0\", size 1048576"),
            (Level::Info, "automatic analyze of table \"main.public.beds\""),
        ],
        Stack::Redis => &[(Level::Info, "1 changes in 3600 seconds. Saving..."), (Level::Info, "DB saved on disk")],
        Stack::Rabbit => &[
            (
                Level::Info,
                "connection <0.812.0> (10.0.3.9:51234 -> 10.0.3.2:5672): user 'wards' authenticated and granted access to vhost '/'",
            ),
            (Level::Info, "closing AMQP connection <0.812.0> (10.0.3.9:51234 -> 10.0.3.2:5672)"),
        ],
        Stack::Dotnet => &[
            (Level::Info, "HTTP GET /api/wards responded 200 in 9.1204 ms"),
            (Level::Info, "Executed DbCommand (2ms) [Parameters=[@p0='?'], CommandType='Text', CommandTimeout='30']"),
            (
                Level::Warn,
                "The 'bool' property 'Urgent' on entity type 'Order' is configured with a database-generated default",
            ),
        ],
        Stack::Ruby => &[
            (Level::Info, "Started GET \"/api/wards\" for 10.0.4.9"),
            (Level::Info, "Completed 200 OK in 11ms (ActiveRecord: 2.1ms)"),
            (Level::Warn, "Can't verify CSRF token authenticity."),
        ],
    }
}

/// What everybody's program says all day.
pub fn chatter(scene: &mut Scene) {
    form::chatter(scene, usual, (15, 70));
}

/// What stands before the services, and how it says that one of them did not serve.
pub fn front(program: Program, symptom: Symptom, name: &str, port: u16) -> String {
    let (refused, slow) = (symptom == Symptom::Refused, matches!(symptom, Symptom::TimedOut | Symptom::Slow));
    match program {
        Program::HaProxy if refused => format!(
            "Server be_{name}/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused at initial connection step of tcp-check\", check duration: 0ms. 0 active and 0 backup servers left. 41 sessions active, 0 requeued, 0 remaining in queue."
        ),
        Program::HaProxy if slow => format!(
            "10.0.4.9:51234 [02/Mar/2026:09:30:02.310] fe_main be_{name}/s1 0/0/1/-1/30001 504 198 - - sH-- 212/212/198/198/0 0/0 \"GET /api/wards HTTP/1.1\""
        ),
        Program::HaProxy => format!(
            "Server be_{name}/s1 is DOWN, reason: Layer7 wrong status, code: 500, info: \"Internal Server Error\", check duration: 9ms. 0 active and 0 backup servers left."
        ),
        Program::Envoy if refused => format!(
            "cluster={name} host=127.0.0.1:{port} 503 UF upstream_reset_before_response_started{{remote_connection_failure,delayed_connect_error:_111}}"
        ),
        Program::Envoy if slow => format!("cluster={name} host=127.0.0.1:{port} 504 UT response_timeout 15000"),
        Program::Envoy => format!("cluster={name} host=127.0.0.1:{port} 500 - via_upstream 9"),
        Program::Traefik if refused => {
            format!(
                "'502 Bad Gateway' caused by: dial tcp 127.0.0.1:{port}: connect: connection refused ({name}@docker)"
            )
        }
        Program::Traefik if slow => {
            format!("'504 Gateway Timeout' caused by: net/http: timeout awaiting response headers ({name}@docker)")
        }
        Program::Traefik => {
            format!("Health check failed: received error status code: 500 ({name}@docker, http://127.0.0.1:{port})")
        }
        _ if refused => {
            format!("(111)Connection refused: AH00957: http: attempt to connect to 127.0.0.1:{port} ({name}) failed")
        }
        _ if slow => format!(
            "(70007)The timeout specified has expired: [client 10.0.4.9:51234] AH01102: error reading status line from remote server {name}:{port}"
        ),
        _ => format!("[client 10.0.4.9:51234] AH10500: got status 500 from backend http://{name}:{port}/api/wards"),
    }
}

/// The words of a call that went wrong so.
pub fn suffers(symptom: Symptom, stack: Stack, name: &str, port: u16) -> String {
    let url = format!("http://{name}:{port}/api/wards");
    match symptom {
        Symptom::Refused => match stack {
            Stack::Java => format!(
                "org.springframework.web.client.ResourceAccessException: I/O error on GET request for \"{url}\": Connection refused"
            ),
            Stack::Python => format!("urllib.error.URLError: <urlopen error [Errno 111] Connection refused> ({url})"),
            Stack::Node => format!("RequestError: connect ECONNREFUSED 127.0.0.1:{port} (GET {url})"),
            Stack::Go => format!("Get \"{url}\": dial tcp 127.0.0.1:{port}: connect: connection refused"),
            Stack::Dotnet => format!(
                "Grpc.Core.RpcException: Status(StatusCode=\"Unavailable\", Detail=\"Error connecting to subchannel.\", DebugException=\"System.Net.Sockets.SocketException: Connection refused\") {name}:{port}"
            ),
            Stack::Ruby => {
                format!("HTTP::ConnectionError: failed to connect: Connection refused - connect(2) for {name}:{port}")
            }
            _ => voice::refused(stack, name, port),
        },
        Symptom::TimedOut | Symptom::Slow => match stack {
            Stack::Java => format!(
                "org.springframework.web.reactive.function.client.WebClientRequestException: nested exception is io.netty.handler.timeout.ReadTimeoutException (GET {url})"
            ),
            Stack::Python => format!("aiohttp.ServerTimeoutError: Timeout on reading data from socket ({url})"),
            Stack::Node => format!("TimeoutError: Timeout awaiting 'request' for 5000ms ({url})"),
            Stack::Go => {
                format!("Get \"{url}\": net/http: request canceled (Client.Timeout exceeded while awaiting headers)")
            }
            Stack::Dotnet => {
                format!("Grpc.Core.RpcException: Status(StatusCode=\"DeadlineExceeded\", Detail=\"\") {name}:{port}")
            }
            Stack::Ruby => format!("HTTP::TimeoutError: Read timed out after 5 seconds ({url})"),
            _ => voice::timed_out(stack, name, port),
        },
        Symptom::Failed => match stack {
            Stack::Java => format!(
                "org.springframework.web.reactive.function.client.WebClientResponseException$InternalServerError: 500 Internal Server Error from GET {url}"
            ),
            Stack::Python => format!(
                "aiohttp.client_exceptions.ClientResponseError: 500, message='Internal Server Error', url='{url}'"
            ),
            Stack::Node => format!("AxiosError: Request failed with status code 500 (GET {url})"),
            Stack::Go => format!("GET {url}: unexpected status: 500 Internal Server Error"),
            Stack::Dotnet => format!(
                "Grpc.Core.RpcException: Status(StatusCode=\"Unknown\", Detail=\"Exception was thrown by handler.\") {name}:{port}"
            ),
            Stack::Ruby => format!("HTTParty::ResponseError: 500 Internal Server Error ({url})"),
            _ => voice::failed(stack, name, port),
        },
    }
}
