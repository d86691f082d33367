//! What a host or a process runs out of: memory over hours, descriptors, processors.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    form::Writes,
    hospital::{Role, Stack},
    scene::{Incident, Scene},
    voice::{Level, Symptom},
};

use super::{
    close, ended, needed, serves, spread, store,
    voices::{Program, chatter, perhaps, say, scream},
};

/// Memory that grows since the night: G1's pauses and `GC overhead limit exceeded`, V8's last few collections, `eheap_alloc` of
/// Erlang (blockscout/blockscout#662, #2300), puma_worker_killer, `OOMKilled`, and Elasticsearch's parent breaker
/// (elastic/elasticsearch#18221, #43556).
pub fn leak(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    if scene.dice.happens(2500) {
        return breaker(scene);
    }
    let root = needed(&mut scene, serves);
    let who = perhaps(&mut scene, root, &[Program::Elixir], 2000);
    let name = scene.name(root);
    for step in 0..8 {
        let (second, used) = (-14_000 + step * 1700, 812 + step * 440);
        let told = match (who, scene.stack(root)) {
            (Some(_), _) => format!("vm.memory.total={}000000 processes=3204 binary={}000000", used, used - 300),
            (_, Stack::Java) => format!(
                "GC({}) Pause Full (G1 Compaction Pause) {}M->{used}M(4096M) {}.412ms",
                211 + step,
                used + 60,
                900 + step * 300
            ),
            (_, Stack::Node) => format!("heapUsed {used} MB of 4096 MB, detached contexts {}", step * 41),
            (_, Stack::Dotnet) => format!("gen2 collected, heap size {used} MB, 98 % of it survived"),
            _ => format!("rss {used} MB, limit 4096 MB"),
        };
        say(&mut scene, root, who, second, Level::Info, &told);
    }
    scene.hush(root, 0);
    let told: &[&str] = match (who, scene.stack(root)) {
        (Some(_), _) => &[
            "eheap_alloc: Cannot allocate 1318267840 bytes of memory (of type \"heap\").",
            "Crash dump is being written to: erl_crash.dump...done",
        ],
        (_, Stack::Java) => &[
            "java.lang.OutOfMemoryError: GC overhead limit exceeded",
            "Terminating due to java.lang.OutOfMemoryError: GC overhead limit exceeded",
        ],
        (_, Stack::Node) => &[
            "<--- Last few GCs ---> [17:0x7f2a] 14204112 ms: Mark-Compact (reduce) 4039.2 (4131.1) -> 4038.0 (4132.4) MB, 1812.2 / 0.0 ms (average mu = 0.081, current mu = 0.002) allocation failure; scavenge might not succeed",
        ],
        (_, Stack::Go) => &["fatal error: runtime: cannot allocate memory"],
        (_, Stack::Dotnet) => &[
            "Out of memory.",
            "Unhandled exception. System.OutOfMemoryException: Exception of type 'System.OutOfMemoryException' was thrown.",
        ],
        (_, Stack::Python) => &["Worker (pid:4711) was sent SIGKILL! Perhaps out of memory?"],
        _ => &[
            "PumaWorkerKiller: Out of memory. 5 workers consuming total: 4021.4 mb out of max: 3993.6 mb. Sending TERM to pid 23 consuming 1831.2 mb.",
            "[FATAL] failed to allocate memory (NoMemoryError)",
        ],
    };
    for line in told {
        say(&mut scene, root, who, -1, Level::Error, line);
    }
    if scene.dice.happens(5000) {
        let told = format!("Container {name} in pod {name}-7c9d8f was killed: reason=OOMKilled exitCode=137 limit=4Gi");
        scene.system(root, 0, "kubelet[901]", &told);
    }
    if scene.dice.happens(4500) {
        scene.fail(root, "memory", -40, Reading::Slow, "97.2 % used, more than 90 %: memory, 0.4 GiB free");
    }
    ended(&mut scene, root, 0);
    spread(&mut scene, root, Symptom::Refused);
    let heals = scene.acts(root, &["restart"]);
    close(scene, root, Category::Resource, heals)
}

/// A search engine that turns requests away, before it has no memory for them.
fn breaker(mut scene: Scene) -> Incident {
    let root = needed(&mut scene, store);
    let who = Some(Program::Elastic);
    Program::Elastic.runs(&mut scene, root);
    for (turn, second) in (-7200..20).step_by(900).enumerate() {
        let told = format!(
            "[o.e.m.j.JvmGcMonitorService] [node-1] [gc][old][{}][{turn}] duration [{}.4s], collections [1]/[{}.9s], memory [{}.1gb]->[{}.0gb]/[4gb]",
            47_000 + turn,
            turn + 1,
            turn + 1,
            2 + turn / 5,
            2 + turn / 5
        );
        say(&mut scene, root, who, second, Level::Warn, &told);
    }
    let bytes = scene.from(4_080_218_931, 4_180_000_000);
    let told = format!(
        "[o.e.r.RestController] [node-1] org.elasticsearch.common.breaker.CircuitBreakingException: [parent] Data too large, data for [<http_request>] would be [{bytes}/3.8gb], which is larger than the limit of [4063657984/3.7gb], real usage: [{}/3.8gb], new bytes reserved: [1306/1.2kb]",
        bytes - 1306
    );
    scream(&mut scene, root, who, 0, &told);
    if scene.dice.happens(5000) {
        scene.fail(root, "memory", 10, Reading::Slow, "95.1 % used, more than 90 %: memory, 0.8 GiB free");
    }
    super::suffer(&mut scene, root, Symptom::Failed, |_, name, port| {
        format!(
            "{name}:{port} answered 429: circuit_breaking_exception, [parent] Data too large, data for [<http_request>] would be larger than limit of [4063657984/3.7gb]"
        )
    });
    let heals = scene.acts(root, &["restart"]);
    close(scene, root, Category::Resource, heals)
}

/// Each socket that was never closed counts, and what fails first is something else: names (nodejs/node#42906,
/// eventmachine/eventmachine#136), certificates (NousResearch/hermes-agent#102912), `accept` (fatedier/frp#2684), HAProxy's limit
/// (balena-io/open-balena-vpn#193), Cassandra's files.
pub fn descriptors(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let is_store = scene.dice.happens(2000);
    let root = if is_store { needed(&mut scene, store) } else { needed(&mut scene, serves) };
    let who = match scene.stack(root) {
        Stack::Postgres => perhaps(&mut scene, root, &[Program::Cassandra], 10_000),
        _ => perhaps(&mut scene, root, &[Program::HaProxy], 2000),
    };
    let (first, told) = match (who, scene.stack(root)) {
        (Some(Program::Cassandra), _) => (
            "CassandraDaemon.java:581 - Exception in thread Thread[CompactionExecutor:41,1,main] FSReadError in /var/lib/cassandra/data/main/doses-1/nb-41-big-Data.db",
            "Caused by: java.nio.file.FileSystemException: /var/lib/cassandra/data/main/doses-1/nb-41-big-Index.db: Too many open files",
        ),
        (Some(_), _) => (
            "Proxy fe_main: cannot create a new socket for server be_wards/s1",
            "Proxy fe_main reached process FD limit (maxsock=4096). Please check 'ulimit-n' and restart.",
        ),
        (_, Stack::Java) => (
            "java.net.UnknownHostException: ehr.partner.example: System error",
            "Socket accept failed java.io.IOException: Too many open files",
        ),
        (_, Stack::Python) => (
            "OSError: Could not find a suitable TLS CA certificate bundle, invalid path: /srv/venv/certifi/cacert.pem",
            "socket.accept() out of system resource: OSError: [Errno 24] Too many open files",
        ),
        (_, Stack::Node) => {
            ("Error: getaddrinfo EMFILE ehr.partner.example", "Error: spawn /usr/bin/wkhtmltopdf EMFILE")
        }
        (_, Stack::Go) => (
            "x509: certificate signed by unknown authority (system roots could not be read)",
            "http: Accept error: accept tcp [::]:8080: accept4: too many open files; retrying in 1s",
        ),
        (_, Stack::Dotnet) => (
            "System.Net.Http.HttpRequestException: Name or service not known (ehr.partner.example:443)",
            "Unexpected exception in the accept loop: System.Net.Sockets.SocketException (24): Too many open files",
        ),
        _ => (
            "OpenSSL::SSL::SSLError: SSL_CTX_load_verify_file: system lib",
            "Errno::EMFILE: Too many open files - accept(2)",
        ),
    };
    if scene.dice.happens(7000) {
        for second in -9..30 {
            say(&mut scene, root, who, second, Level::Error, first);
        }
    }
    for second in (-2..40).step_by(4) {
        say(&mut scene, root, who, second, Level::Warn, told);
    }
    if scene.dice.happens(5000) {
        scene.fail(
            root,
            "process",
            6,
            Reading::Slow,
            "process 812 runs, 1021 of 1024 descriptors open, more than 90 %",
        );
    }
    let check = if is_store { "port" } else { "http" };
    scene.fail(root, check, 3, Reading::Bad, "no answer within 1.0 s");
    spread(&mut scene, root, Symptom::TimedOut);
    let heals = scene.acts(root, &["restart"]);
    close(scene, root, Category::Resource, heals)
}

/// All that is wrong is that the processors have too much to do, because more comes in, or because the host's neighbours take them:
/// HikariCP's starvation (brettwooldridge/HikariCP#668, #1951), etcd's late heartbeats (etcd-io/etcd#5154, #11012), stalls that
/// the kernel sees, and throttling.
pub fn busy(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let has_cache = scene.dice.happens(2500);
    let root = if has_cache {
        needed(&mut scene, |hospital, unit| hospital.units[unit].role == Role::Cache)
    } else {
        needed(&mut scene, serves)
    };
    let who = perhaps(&mut scene, root, &[Program::Etcd], if has_cache { 10_000 } else { 0 });
    let since = scene.from(-90, -10);
    for turn in 0..9 {
        let second = since + turn * 11;
        let told = match (who, scene.stack(root)) {
            (Some(_), _) => format!(
                "\"caller\":\"etcdserver/raft.go:416\",\"msg\":\"failed to send out heartbeat on time (exceeded the 100ms timeout for {}.4ms); server is likely overloaded\"",
                310 + turn * 90
            ),
            (_, Stack::Java) => format!(
                "wards-pool - Thread starvation or clock leap detected (housekeeper delta={}s466ms577µs).",
                47 + turn
            ),
            (_, Stack::Python) => format!("Executing <Task pending name='render'> took {}.412 seconds", 1 + turn / 3),
            (_, Stack::Node) => format!("event loop utilization 1.00, delay p99 {} ms", 812 + turn * 90),
            (_, Stack::Go) => format!(
                "runtime: sched latency p99 {} ms, runnable goroutines {}, GOMAXPROCS 8",
                310 + turn * 40,
                1204 + turn * 300
            ),
            (_, Stack::Dotnet) => format!("process cpu 99.{turn} % of 8 cores, time in GC 4 %"),
            _ => format!(
                "Rack::Timeout::RequestTimeoutException: Request ran for longer than 15000ms, state=timed_out service={}ms",
                15_000 + turn
            ),
        };
        say(&mut scene, root, who, second, Level::Warn, &told);
    }
    let is_checked = scene.dice.happens(6500);
    if is_checked {
        let detail = format!("{}.{} % used, more than 90 %: processor", scene.from(96, 100), scene.from(0, 10));
        scene.fail(root, "cpu", 6, Reading::Slow, &detail);
    }
    if !is_checked || scene.dice.happens(4000) {
        let told = *scene.dice.pick(&[
            "top - load average: 61.20, 40.11, 18.02; %Cpu(s): 97.6 us,  2.3 sy,  0.0 ni,  0.1 id,  0.0 wa,  0.0 st",
            "top - load average: 44.81, 29.03, 12.12; %Cpu(s): 31.0 us,  4.2 sy,  0.0 ni,  0.4 id,  0.0 wa, 64.4 st",
            "CPUThrottlingHigh: 92.41% throttling of CPU in namespace wards for the container of this pod",
        ]);
        for second in [since + 5, 8, 22] {
            scene.system(root, second, "node-watch[655]", told);
        }
    }
    if scene.dice.happens(3000) {
        let told = "[81234.058110] rcu: INFO: rcu_sched self-detected stall on CPU 3-....: (21000 ticks this GP) (t=21003 jiffies g=8727 q=223 ncpus=8)";
        scene.system(root, 4, "kernel", told);
    }
    if who.is_none() {
        let told = format!("requests in the last minute: {} (same minute last week: 912)", scene.from(7000, 12_000));
        scene.say(root, since + 3, Level::Info, &told);
        scene.fail(root, "http", 2, Reading::Slow, "HTTP 200 in 3.1 s");
    } else {
        scene.fail(root, "port", 2, Reading::Slow, "connected");
    }
    spread(&mut scene, root, Symptom::Slow);
    let heals = scene.acts(root, &["scale-out"]);
    close(scene, root, Category::Resource, heals)
}
