//! Words that speak for a cause: one table, read from top to bottom. A word with `*` in it is in parts that come in this order.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::line::Level;
use crate::domain::Cause;

/// Where a word counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In what a check says.
    Check,
    /// In a line of a log.
    Log,
    /// In both.
    Both,
}

/// Words, and how much they speak for a cause.
pub(super) struct Sign {
    pub(super) cause: Cause,
    pub(super) place: Place,
    /// How often they are right, alone, 0 to 1.
    pub(super) weight: f64,
    /// In small letters; any of them counts.
    pub(super) words: &'static [&'static str],
}

const fn sign(cause: Cause, place: Place, weight: f64, words: &'static [&'static str]) -> Sign {
    Sign { cause, place, weight, words }
}

use Cause as C;
use Place::{Both, Check, Log};

/// The table. Errors as drivers, servers, runtimes and kernels word them, and details as our own checks do.
#[rustfmt::skip]
pub(super) const SIGNS: &[Sign] = &[
    sign(C::AlteredData, Check, 0.85, &["which may never happen"]),
    sign(C::AlteredData, Both, 0.75, &WRONG_ANSWERS),
    sign(C::AlteredData, Log, 0.7, &["checksum differs", "checksum does not match", "checksum verification of*failed", "sha256 mismatch", "sha256 does not match", "sha256sum mismatch", "digest mismatch", "digest does not match", "hash mismatch", "hash does not match", "not the one that was released", "model*checksum", "weights*checksum", "artifact*checksum", "invalid magic", "bad magic number", "deserializing header", "pytorchstreamreader", "failed finding central directory", "invalid_protobuf"]),
    sign(C::AlteredData, Log, 0.65, &["model file*missing", "model file*not found", "model file*does not exist", "failed to load model", "error loading model", "unable to load model", "cannot load model", "could not load model", "can't load the model", "can't load model", "failed to load the model", "load model from*failed", "model load failed", "does not appear to have a file named", "no file named*found in directory", "no versions of servable", "weights*missing", "try pulling it first", "unable to load weights", "can't load tokenizer"]),
    sign(C::Setting, Log, 0.6, &["model_not_found", "modelnotfound", "no such model", "the model*does not exist", "unknown model"]),
    sign(C::Setting, Log, 0.6, &["must be set", "is not set", "not configured", "missing configuration", "missing env", "config*invalid", "bad configuration", "incorrect configuration", "configuration*rejected", "invalid url", "invalid uri", "toml: ", "tomllib", "unexpected argument", "illegal option", "no such property", "undefined variable"]),
    sign(C::Corruption, Check, 0.85, &["malformed", "corrupt", "not a database", "quick_check", "integrity", "disk image", "damaged:", "could not read block", "invalid page", "xx001"]),
    sign(C::Corruption, Log, 0.75, &["image is malformed", "malformed page", "malformed database", "database disk image", "file is not a database", "invalid page", "could not read block", "corrupt", "checksum mismatch", "checksum verification failed", "torn page", "btreeinitpage"]),
    sign(C::Corruption, Log, 0.75, &["page verification failed", "missing chunk number", "unexpected zero page", "could not locate a valid checkpoint record", "is marked as crashed", "incorrect key file for table", "bad file format reading the append only file", "wrong signature trying to load db", "sqlite_notadb", "ora-01578"]),
    sign(C::Corruption, Log, 0.6, &["ext4-fs error", "buffer i/o error", "unrecovered read error", "medium error", "input/output error"]),
    sign(C::Corruption, Log, 0.7, &["crc mismatch", "crc error", "bad checksum", "checksum error", "checksum failure", "invalid checksum", "tablespace is missing", "wt_panic", "missing redo", "unexpected data beyond eof", "invalid record length at", "xx002"]),
    sign(C::Setting, Check, 0.7, &["config", "setting", "invalid value", "unknown key"]),
    sign(C::Setting, Log, 0.8, &["invalid config", "configuration error", "config error", "error in config", "parse config", "parsing config", "load config", "loading config", "config file", "configuration file", "unknown directive", "bad directive", "environment variable", "required key*missing", "bind properties", "resolve placeholder", "improperlyconfigured", "improperly configured", "misconfigur", "invalid value for", "unknown option", "unrecognized option", "unknown key", "connectionstring", "connection string", "parsing*config", "settings.", "mapping values are not allowed", "parsing a block mapping", "invalid setting", "setting must", "must not be empty", "feature flag"]),
    sign(C::Setting, Log, 0.75, &["no pg_hba.conf entry", "unrecognized configuration parameter", "unknown variable '", "[emerg]", "address already in use", "eaddrinuse", "bad interpolation", "invalid yaml", "yaml: line", "missing required"]),
    sign(C::Setting, Log, 0.75, &["validation error for settings", "validation errors for settings", "config validation", "nooptionerror", "scannererror", "tomldecodeerror", "application failed to start", "property source", "flag provided but not defined", "unmarshal errors", "invalid duration", "missing port in address", "unknown port", "invalid number of arguments in", "invalid value for parameter", "unknown keyword", "fatal errors found in", "status=78", "status=203", "environment files", "unsupported protocol scheme", "not a valid port", "invalid port", "invalid boolean", "no such setting", "undefined setting"]),
    sign(C::Setting, Log, 0.5, &["config", "setting"]),
    sign(C::LockContention, Check, 0.85, &["waits for a lock", "stayed locked"]),
    sign(C::LockContention, Log, 0.75, &["lock wait timeout", "lock timeout", "deadlock", "could not obtain lock", "could not acquire lock", "database is locked", "database table is locked", "waiting for*lock", "lock*held by"]),
    sign(C::LockContention, Log, 0.75, &["lock_wait_timeout", "lock request time out", "was deadlocked", "ora-00060", "ora-00054", "40p01", "55p03", "waiting for*metadata lock", "waits for*lock", "sqlite_busy", "locktimeout", "lock*not available", "blocked by*transaction"]),
    sign(C::LockContention, Log, 0.5, &["idle in transaction", "could not serialize access", "long-running transaction", "long running transaction"]),
    sign(C::LockContention, Log, 0.7, &["still waiting for*lock", "still waiting for*on relation", "waiting for lock", "blocked by pid", "lock is held", "unable to acquire lock", "failed to acquire lock", "could not acquire*lock", "lockacquisitionexception", "pessimisticlock", "cannotacquirelock", "lock wait"]),
    sign(C::PoolExhausted, Check, 0.8, &["no connection is left", "connections used, more than"]),
    sign(C::PoolExhausted, Log, 0.8, &["too many clients", "connection slots", "too many connections", "connection is not available", "queuepool limit", "pool is probably full", "pool*exhausted", "pool*full", "pool*timed out", "pool*timeout", "connection*from the pool", "acquiring a connection", "acquire connection", "no available connection", "no free connection", "workers busy", "workers are busy", "max_children", "rejectedexecution", "max_connections", "worker_connections are not enough"]),
    sign(C::PoolExhausted, Log, 0.8, &["resourcerequest timed out", "connectionacquiretimeout", "connection pool timeout", "pool is empty", "pool*empty", "pool*no more", "max number of clients reached", "max_user_connections", "no more connections allowed", "query_wait_timeout", "maxrequestworkers", "maxclients", "no idle worker", "no idle threads", "threads are busy", "threads busy", "thread pool*saturated", "taskrejected", "tasks rejected", "bulkhead*full", "p2024", "unable to acquire*connection", "could not acquire*connection", "could not obtain*connection*pool", "cannot get*connection*pool", "checkout timeout", "53300"]),
    sign(C::PoolExhausted, Log, 0.75, &["waiting for idle object", "too many open connections", "no connections available", "no threads available", "listen queue*full", "waitqueuetimeout", "wait queue*full", "er_con_count_error", "ora-12519", "ora-12516", "ora-00018", "max connections reached", "maximum number of connections", "worker pool*full", "all workers*busy", "maximum pending requests"]),
    sign(C::QueueBacklog, Log, 0.75, &["consumer lag", "backlog", "queue depth", "queue is full", "queue full", "queue length", "messages ready", "falling behind", "lag of group"]),
    sign(C::QueueBacklog, Log, 0.75, &["unacked", "unacknowledged messages", "messages pending", "pending messages", "queue size", "queue grows", "queue*growing", "queue*overflow", "backpressure", "consumer*behind", "consumers are blocked", "max.poll.interval", "jobs waiting", "jobs pending", "oldest message"]),
    sign(C::QueueBacklog, Log, 0.7, &["slow consumer", "records-lag", "consumer group*lag", "messages behind", "queue has grown", "queue latency", "backlogged", "jobs are waiting", "events pending"]),
    sign(C::RateLimit, Check, 0.6, &["http 429"]),
    sign(C::RateLimit, Both, 0.7, &["rate limit", "ratelimit", "too many requests", "throttled", "throttling", "quota exceeded", "limit*requests"]),
    sign(C::RateLimit, Both, 0.7, &["rate exceeded", "request limit exceeded", "requestlimitexceeded", "limiting requests", "limiting connections", "reduce your request rate", "exceeded*quota", "quota*exceeded", "quotaexceeded", "resource_exhausted", "over_query_limit", "throttle", "status code 429", "http 429", "status 429", "429 too many", "retry-after"]),
    sign(C::DiskFull, Check, 0.7, &["http 507"]),
    sign(C::DiskFull, Both, 0.85, &["no space left", "enospc", "disk full", "disk is full", "out of disk", "disk quota exceeded", "not enough space", "disk watermark", "no inodes"]),
    sign(C::DiskFull, Log, 0.8, &["errno 28", "errcode: 28", "error 28 from storage engine", "no space on device", "insufficient disk", "insufficient space", "not enough disk", "disk free space", "low disk space", "disk space is low", "disk resource limit alarm", "filesystem is full", "file system is full", "volume is full", "not able to persist on disk", "unable to persist to disk", "used disk space"]),
    sign(C::DiskFull, Log, 0.75, &["read_only_allow_delete", "could not extend file", "insufficient storage", "insufficient_storage", "storage is full", "partition is full", "disk usage exceeded"]),
    sign(C::OutOfMemory, Both, 0.85, &["out of memory", "outofmemory", "oom-kill", "oomkilled", "cannot allocate memory", "memoryerror", "memory cgroup", "unable to allocate", "memory limit", "gc overhead limit"]),
    sign(C::OutOfMemory, Both, 0.85, &["oom killer", "oom_kill", "oomkill", "bad_alloc", "javascript heap", "heap space", "heap limit", "metaspace", "exit code 137", "status=137", "code 137", "allowed memory size", "failed to allocate memory", "memory exhausted", "enomem", "killed process", "unable to create*native thread", "insufficient memory", "not enough memory", "memory resource limit alarm"]),
    sign(C::OutOfMemory, Log, 0.6, &["oom command not allowed", "memory*exceeded"]),
    sign(C::OutOfMemory, Log, 0.8, &["requires more system memory", "no available memory for the cache blocks", "cudaerrormemoryallocation", "virtual memory exhausted", "memory pressure", "cannot fork", "can't allocate", "vm.max_map_count", "jemalloc*failed", "memory quota"]),
    sign(C::OutOfDescriptors, Both, 0.85, &["too many open files", "emfile", "enfile", "descriptors open, more than"]),
    sign(C::OutOfDescriptors, Log, 0.85, &["errno 24", "no file descriptors available", "out of file descriptors", "file-max limit", "file descriptor limit", "rlimit_nofile", "ulimit -n", "descriptors*exhausted", "unable to accept*too many open"]),
    sign(C::OutOfDescriptors, Log, 0.88, &["file watchers reached", "inotify*limit", "open files limit", "nofile limit"]),
    sign(C::ProcessorSaturated, Log, 0.6, &["cpu throttl", "cpu usage", "load average", "high cpu", "cpu saturat"]),
    sign(C::ProcessorSaturated, Log, 0.6, &["cpu quota", "cpu limit", "cpu at", "cpu*100%", "cpu starvation", "cpu pressure", "run queue", "runqueue", "soft lockup", "event loop*blocked", "event loop*delayed", "event loop lag", "throttled*periods", "thread starvation", "clock leap detected"]),
    sign(C::ProcessorSaturated, Log, 0.6, &["cpu pegged", "cpu utilization", "nr_throttled", "cfs throttl", "100% cpu", "cpu is saturated", "cpu time exceeded", "out of cpu"]),
    sign(C::Certificate, Check, 0.85, &["its certificate", "certificate valid for*no longer than"]),
    sign(C::Certificate, Log, 0.8, &["certificate has expired", "certificate expired", "certificate_verify_failed", "certificate verify failed", "pkix path", "x509:", "verify the first certificate", "self-signed certificate", "self signed certificate", "certificate is not yet valid", "bad certificate", "certificate*expired"]),
    sign(C::Certificate, Log, 0.8, &["unknown authority", "unable to get local issuer", "cert_has_expired", "unable_to_verify", "depth_zero_self_signed", "err_tls_cert", "ssl certificate problem", "certpath", "certificate signed by unknown", "certificate unknown", "unknown ca", "certificate revoked", "certificate*not valid", "certificate*does not match", "doesn't match*certificate", "hostname mismatch", "certificate is not trusted", "alert certificate"]),
    sign(C::Certificate, Log, 0.6, &["sslhandshakeexception", "tls handshake error", "ssl_do_handshake() failed", "tls alert", "handshake_failure"]),
    sign(C::Certificate, Log, 0.75, &["unknown_ca", "bad_certificate", "certificate_unknown", "certificate_revoked", "valid certification path", "trust anchor", "no trusted certificate", "sec_error_expired", "ssl_error_expired", "err_cert", "cert has expired", "cert expired"]),
    sign(C::Credentials, Check, 0.8, &["login is refused", "password authentication failed"]),
    sign(C::Credentials, Check, 0.5, &["http 401", "http 403", "http 423"]),
    sign(C::Credentials, Log, 0.8, &LOCKED_OUT),
    sign(C::Credentials, Log, 0.75, &["password authentication failed", "authentication failed", "access denied for user", "invalid api key", "invalid api token", "401 unauthorized", "invalid credentials", "login failed for user", "403 forbidden", "noauth", "wrongpass", "invalid_client", "token has expired", "token expired", "expired token", "signature does not match", "invalidaccesskeyid", "bad credentials", "invalid signature"]),
    sign(C::Credentials, Log, 0.75, &["unauthenticated", "invalid password", "wrong password", "incorrect password", "er_access_denied", "28p01", "sasl authentication", "saslauthentication", "invalid_grant", "token is expired", "jwt expired", "expiredtoken", "credentials*expired", "credentials*rejected", "key*revoked", "key*expired", "secret*expired", "password*expired", "auth failed", "authenticationfailed", "authentication*failed", "authentication required", "requires authentication", "permission denied for", "noperm", "accessdenied", "not authorized", "unrecognizedclient", "ora-01017", "invalid username", "login failed", "permission denied (publickey"]),
    sign(C::Credentials, Log, 0.75, &["signature verification failed", "signature is invalid", "signature validation failed", "invalid_token", "invalid access token", "invalid bearer token", "invalid auth token", "invalid jwt", "token is invalid", "token*revoked", "token*rejected", "token*not accepted", "no matching key", "signing key*not found", "find a signing key", "unknown kid", "unknown issuer", "invalid issuer", "jsonwebtokenerror", "signatureexception", "signature*mismatch", "wrong secret", "incorrect secret", "invalid client secret", "invalid user credentials", "failed password for", "authentication failure", "pam_unix(sshd:auth)"]),
    sign(C::Credentials, Log, 0.7, &["preauthentication failed", "invalid bind credentials", "ldap: error code 49", "data 52e", "aadsts7000215", "aadsts7000222", "token*expired", "credential*invalid", "invalid credential", "no valid credentials", "unable to locate credentials", "could not load credentials", "access_refused", "login was refused", "password*incorrect", "username or password", "invalid x-api-key", "api key*not valid", "incorrect api key", "api key*invalid", "secret*rotated"]),
    sign(C::Credentials, Log, 0.5, &["unauthorized", "access denied", "status code 401", "status code 403", "http 401", "http 403"]),
    sign(C::ClockSkew, Check, 0.85, &["this clock is"]),
    sign(C::ClockSkew, Log, 0.75, &["clock skew", "jwt not active", "must not be accepted before", "used before issued", "not yet valid (iat)", "not yet valid (nbf)", "timetooskewed", "time drift", "clock drift", "system clock"]),
    sign(C::ClockSkew, Log, 0.75, &["clock difference", "clock offset", "clock moved backwards", "clock*backwards", "clock jumped", "time jumped", "time jump", "clock is ahead", "clock is behind", "clock*seconds ahead", "clock*seconds behind", "clock*out of sync", "clock not synchronized", "clock*unsynchroni", "requesttimetooskewed", "request time*too", "too skewed", "signature not yet current", "token used before", "issued*in the future", "timestamp*in the future", "invalid iat", "iat claim", "not yet valid", "ntp*offset", "time skew", "skew*too"]),
    sign(C::ClockSkew, Log, 0.75, &["not valid yet", "clock of*ahead", "clock of*behind", "clock*ahead of", "clock*behind by", "iat is in the future", "iat in the future", "(iat)*future", "nbf is in the future", "(nbf)*future", "used too early", "clock is set correctly", "idx10222", "krb_ap_err_skew", "can't synchronise", "clock synchronization error", "clock_skew", "monclockskew", "clock is wrong", "clocks differ", "clock*not in sync", "time is not synchronized"]),
    sign(C::NameResolution, Check, 0.75, &["nxdomain", "does not exist (", "name server does not answer", "has no a record"]),
    sign(C::NameResolution, Log, 0.8, &["name or service not known", "name resolution", "enotfound", "eai_again", "unknownhost", "no such host", "nxdomain", "resolve host", "host not found", "getaddrinfo", "nodename nor servname", "server misbehaving"]),
    sign(C::NameResolution, Log, 0.8, &["could not resolve", "couldn't resolve", "cannot resolve", "failed to resolve", "unable to resolve", "servfail", "no address associated", "dns lookup", "dns resolution", "dns*failed", "dns*timeout", "dns*timed out", "lookup*timeout", "could not translate host name", "unknown mysql server host", "could not be resolved", "err_name_not_resolved", "eai_fail", "eai_nodata", "name does not resolve"]),
    sign(C::NameResolution, Log, 0.75, &["unknown host", "no servers could be reached", "non-existent domain", "host*could not be found", "name not resolved", "unresolvable", "dns_probe", "resolver*timed out", "no answer from*resolver"]),
    sign(C::Connectivity, Both, 0.6, &["no route to host", "network is unreachable", "ehostunreach", "enetunreach", "packet loss", "segments lost", "retransmit"]),
    sign(C::Connectivity, Log, 0.6, &["link is down", "link down", "network is down", "network partition", "partitioned", "netsplit", "no carrier", "lost carrier", "packets dropped", "split brain", "unreachable host", "host unreachable", "lost*packets"]),
    sign(C::Connectivity, Log, 0.65, &["table full, dropping packet", "mtu*exceeded", "route*withdrawn", "bgp*down", "interface*down", "peer*unreachable"]),
    sign(C::CrashLoop, Log, 0.85, &["restart counter is at", "crashloopbackoff", "back-off restarting", "start request repeated too quickly", "restarting too often"]),
    sign(C::CrashLoop, Log, 0.85, &["start retries too quickly", "entered fatal state", "respawning too fast", "too many unstable restarts", "worker failed to boot", "exited too quickly", "start-limit-hit", "failed with result 'start-limit", "restarted*times"]),
    sign(C::ProcessExit, Log, 0.5, &["main process exited", "terminated by signal", "segfault", "segmentation fault", "killed by signal", "exited with code", "exit code", "shutting down", "deactivated successfully", "received sigterm"]),
    sign(C::ProcessExit, Log, 0.5, &["exited on signal", "core dumped", "sigsegv", "sigabrt", "got signal 11", "fatal signal", "exited unexpectedly", "unexpectedly exited", "exit status", "received signal", "process exited"]),
    sign(C::CacheMiss, Log, 0.65, &["hit rate", "hit ratio", "cache miss", "cold cache", "cache is empty", "cache is cold"]),
    sign(C::CacheMiss, Log, 0.65, &["cache misses", "keyspace_misses", "cache*evict", "evicted keys", "evictions", "cache stampede", "thundering herd", "cache was flushed", "cache flushed", "not in cache", "not found in cache", "miss ratio", "miss rate"]),
    sign(C::Slowness, Log, 0.75, &["reads the whole table", "full table scan", "seq scan on", "sequential scan on"]),
    sign(C::Slowness, Log, 0.35, &["slow request", "slow query", "slow log", "is behind by"]),
    sign(C::ProcessHang, Log, 0.75, &["no worker took", "no workers available", "no worker is available", "no active workers", "no live workers", "no active consumer", "has no consumers", "no consumers", "no active members", "queue*does not move", "queue*not moving", "queue*stuck", "queue*stalled", "jobs*stuck", "job stalled", "stalled more than", "stalled job", "workers*stuck", "worker*stuck", "worker*is stuck", "worker*unresponsive", "workers*unresponsive", "consumer*stuck", "not consuming", "not being consumed", "missed heartbeat from", "no nodes replied", "scheduler does not appear to be running", "appears to be stuck", "appears to be hung", "no progress for", "no progress since", "engine is dead", "background loop has errored", "enginedeaderror"]),
    sign(C::ProcessHang, Log, 0.5, &["worker timeout", "blocked for more than", "hung_task", "watchdog timeout", "watchdog*timed out", "has stalled"]),
    sign(C::Slowness, Log, 0.4, &["gc pause", "stop-the-world", "pause young", "full gc", "took too long", "full table scan", "sequential scan", "exceeded*slo"]),
];

/// What says that too many wrong secrets have locked an account: it is locked where the account is kept, whoever is refused.
pub(super) const LOCKED_OUT: [&str; 35] = [
    "account is locked",
    "account locked",
    "account_locked",
    "account has been locked",
    "account was locked",
    "accounts are locked",
    "account_has_been_locked",
    "account is disabled",
    "account*temporarily disabled",
    "user*temporarily disabled",
    "user_temporarily_disabled",
    "user_disabled_by_temporary",
    "locked out",
    "locking out",
    "lockout",
    "lockedexception",
    "locked after*wrong",
    "locked after*fail",
    "locked after*attempt",
    "locked due to*fail",
    "wrong secret*locked",
    "wrong password*locked",
    "invalid password*locked",
    "failed login*locked",
    "failed attempts*locked",
    "too many failed login",
    "too many failed attempts",
    "too many login attempts",
    "too many authentication failures",
    "maximum authentication attempts",
    "consecutive login failures",
    "pam_faillock",
    "brute force",
    "ora-28000",
    "aadsts50053",
];

/// What says that something answers, and that what it answers is wrong.
pub(super) const WRONG_ANSWERS: [&str; 18] = [
    "it answered*which lacks",
    "it answered*which holds no number",
    "wrong answer",
    "gives a wrong",
    "gave a wrong",
    "incorrect answer",
    "wrong prediction",
    "unexpected prediction",
    "golden*mismatch",
    "golden*failed",
    "prediction drift",
    "model drift",
    "data drift",
    "accuracy*below",
    "accuracy dropped",
    "nan in logits",
    "nan logits",
    "degenerate output",
];

/// Whether a text in small letters tells of a trouble that sits with whoever was asked, and not with whoever was refused. Of a clock it
/// does not where that one's clock was found right.
pub(super) fn sits_with_the_asked(text: &str, clock_is_right: bool) -> bool {
    has(text, &LOCKED_OUT)
        || read(text, Place::Log).iter().any(|(cause, _)| match cause {
            Cause::ClockSkew => !clock_is_right,
            Cause::LockContention | Cause::Corruption | Cause::DiskFull | Cause::OutOfMemory => true,
            _ => false,
        })
}

/// What somebody who was asked has answered, as a check quotes it.
pub(super) fn answered(detail: &str) -> Option<&str> {
    detail.split_once(": \"").map(|(_, said)| said.strip_suffix('"').unwrap_or(said))
}

/// What says that a process is not there.
pub(super) const GONE: [&str; 8] = [
    "refused",
    "does not run",
    "not running",
    "no such process",
    "no process",
    "is gone",
    "zombie",
    "holds no process id",
];
/// The same of a check of a process alone: its file with the number is gone, too.
pub(super) const NO_PROCESS: [&str; 2] = ["no such file", "dead and not yet reaped"];
/// What says that no answer came.
pub(super) const SILENT: [&str; 11] = [
    "no answer",
    "timed out",
    "timeout",
    "deadline",
    "took longer",
    "did not answer",
    "does not answer",
    "timeouterror",
    "not responding",
    "not respond",
    "unresponsive",
];
/// What says that a call ended badly.
const FAILED: [&str; 10] = [
    "500",
    "502",
    "503",
    "504",
    "unavailable",
    "bad gateway",
    "invalid response",
    "failed",
    "reset by peer",
    "closed the connection",
];

/// Whether a text has one of these words; it and they are in small letters.
pub(super) fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| fits(text, word))
}

fn fits(text: &str, word: &str) -> bool {
    let mut rest = text;
    word.split('*').all(|part| match rest.find(part) {
        Some(place) => {
            rest = &rest[place + part.len()..];
            true
        }
        None => false,
    })
}

/// What a text speaks for, each cause once with its best sign.
pub(super) fn read(text: &str, place: Place) -> Vec<(Cause, f64)> {
    let mut found: Vec<(Cause, f64)> = Vec::new();
    for sign in SIGNS.iter().filter(|sign| sign.place == Place::Both || sign.place == place) {
        if !found.iter().any(|(cause, _)| *cause == sign.cause) && has(text, sign.words) {
            found.push((sign.cause, sign.weight));
        }
    }
    found
}

/// The beginnings of all words that count in a log: a line that has none is not asked for each of them.
static SPOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = SIGNS.iter().filter(|sign| sign.place != Place::Check).flat_map(|sign| sign.words);
    let starts: BTreeSet<&str> = words.filter_map(|word| word.split('*').next()).collect();
    let starts = starts.into_iter().map(regex::escape).collect::<Vec<_>>().join("|");
    Regex::new(&starts).ok()
});

/// Whether a line is worth keeping: what is loud always, what says nothing of its level only when it speaks for something.
pub(super) fn tells(level: Level, text: &str) -> bool {
    match level {
        Level::Error | Level::Warning => true,
        Level::Unsaid => SPOKEN.as_ref().is_none_or(|words| words.is_match(text)) && !read(text, Log).is_empty(),
        Level::Info => is_reload(text),
    }
}

/// Whether a line says that settings were read anew.
pub(super) fn is_reload(text: &str) -> bool {
    has(
        text,
        &["config*reload", "reload*config", "configuration*changed", "applied configuration", "new configuration"],
    )
}

/// Whether a text says that somebody was not reached, or answered badly.
pub(super) fn is_unreached(text: &str) -> bool {
    has(text, &GONE) || has(text, &SILENT) || has(text, &FAILED) || has(text, &["connect"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_in_parts_needs_them_in_order() {
        assert!(fits("timed out: pool of 5 was full", "pool*full"));
        assert!(!fits("full of pools", "pool*full"));
    }

    #[test]
    fn words_are_in_small_letters_and_weights_leave_doubt() {
        for sign in SIGNS {
            assert!(sign.weight > 0.0 && sign.weight < 0.9, "{:?}", sign.cause);
            assert!(sign.words.iter().all(|word| *word == word.to_lowercase()), "{:?}", sign.words);
        }
    }

    #[test]
    fn a_line_tells_when_a_word_of_the_table_is_in_it() {
        for word in SIGNS.iter().filter(|sign| sign.place != Place::Check).flat_map(|sign| sign.words) {
            assert!(tells(Level::Unsaid, &word.replace('*', " of 5 ")), "{word}");
        }
        assert!(SPOKEN.is_some() && !tells(Level::Unsaid, "the ward is quiet"));
    }

    #[test]
    fn an_account_that_is_locked_is_no_row_that_is() {
        for text in [
            "pam_faillock(sshd:auth): consecutive login failures for user ward3 account temporarily locked",
            "type=login_error, error=user_temporarily_disabled",
            "5 failed login attempts for ward3, locked for 60 s",
            "the account ward3 is locked after 5 wrong passwords",
            "er_account_has_been_locked: access denied for user 'app'@'10.0.0.7'. account is locked.",
        ] {
            assert!(has(text, &LOCKED_OUT) && sits_with_the_asked(text, true), "{text}");
        }
        for text in
            ["failed to commit: database is locked", "accounting: table is locked", "feature temporarily disabled"]
        {
            assert!(!has(text, &LOCKED_OUT), "{text}");
        }
    }

    #[test]
    fn the_best_sign_of_a_cause_counts_once() {
        assert_eq!(read("invalid configuration: setting must be a number", Place::Log), [(Cause::Setting, 0.8)]);
        assert_eq!(read("all is well", Place::Log), []);
    }
}
