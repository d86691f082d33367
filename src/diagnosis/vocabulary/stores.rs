//! Stores: PostgreSQL (errcodes, log messages), MySQL and MariaDB (error reference), Oracle, SQL Server (sys.messages), MongoDB and
//! WiredTiger, SQLite, Redis and Valkey, Memcached, Elasticsearch and OpenSearch, Cassandra, etcd, ZooKeeper, `ClickHouse`.

use super::{
    C,
    Place::{Aside, Log},
    Sign, sign,
};

/// What says that a query goes through a whole table, or that the index by which it would not is gone: `auto_explain`, MySQL's slow log,
/// MongoDB's plan summaries, SQL Server's show plans, Oracle's alert log, SQLite's query plans, Cassandra.
pub(in crate::diagnosis) const READS_ALL: [&str; 25] = [
    "reads the whole table",
    "full table scan",
    "full scan on",
    "full scan of",
    "table access full",
    "seq scan on",
    "sequential scan on",
    "rows removed by filter",
    "collscan",
    "no_index_used",
    "no index used",
    "not using indexes",
    "query targeting: scanned objects",
    "clustered index scan",
    "table scan",
    "missing index",
    "missing_index",
    "without an index",
    "drop index",
    "dropindexes",
    "index*marked unusable",
    "index*unusable state",
    "ora-01502",
    "ora-01555 caused by sql statement",
    "use allow filtering",
];

#[rustfmt::skip]
pub(super) const WORDS: &[Sign] = &[
    // PostgreSQL: pages, write-ahead log, indexes (bufpage.c, xlogreader.c, nbtree, amcheck), classes XX and 58
    sign(C::Corruption, Log, 0.8, &["invalid page in block", "calculated checksum", "page verification failed", "could not read blocks", "unexpected data beyond eof", "unexpected zero page", "contains corrupted page", "right sibling's left-link doesn't match", "failed to re-find parent key", "posting list tuple", "points past end of heap page", "could not access status of transaction", "found xmin * from before relfrozenxid", "found xmax * from before relfrozenxid", "invalid memory alloc request size", "compressed pglz data is corrupt", "missing chunk number", "unexpected chunk number", "invalid resource manager id", "incorrect resource manager data checksum", "invalid magic number * in", "unexpected pageaddr", "invalid primary checkpoint record", "could not locate required checkpoint record", "pg_control*checksum", "control file contains invalid", "cache lookup failed for", "catalog is missing", "xx002", "index_corrupted", "data_corrupted", "short read on page", "read only 0 of 8192 bytes", "read only * of 8192 bytes"]),
    // InnoDB, MyISAM, Aria (ER_NOT_KEYFILE, ER_CRASHED_ON_USAGE, ER_INDEX_CORRUPT)
    sign(C::Corruption, Log, 0.8, &["database page corruption", "page corruption on disk", "apparent corruption", "is corrupted. please drop", "index*is corrupted", "checksum mismatch in", "checksum mismatch on", "log sequence number * is in the future", "is in the future! current system log sequence number", "assertion failure*fil0fil", "doublewrite*corrupt", "tablespace*is missing", "is marked as crashed and should be repaired", "got error 126", "got error 127", "got error 134", "got error 145", "error 1034", "error 1194", "error 1712", "er_not_keyfile", "er_crashed_on_usage", "er_index_corrupt", "missing mlog_checkpoint", "binlog*corrupt", "redo log*corrupt"]),
    // Oracle, SQL Server, Db2
    sign(C::Corruption, Log, 0.85, &["ora-01578", "ora-00600: internal error code, arguments: [kcb", "ora-08103", "ora-01110", "ora-26040", "ora-00227", "ora-00353", "corrupt block relative dba", "error: 823", "error: 824", "error: 825", "msg 823", "msg 824", "msg 605", "torn page", "incorrect pageid", "incorrect checksum", "logical consistency-based i/o error", "suspect*database", "marked suspect", "dbcc checkdb*errors", "sql1034c", "sqlb_bpsc"]),
    // WiredTiger, RocksDB, LevelDB, LMDB, bbolt
    sign(C::Corruption, Log, 0.8, &["__wt_block_read_off", "wt_error: non-specific", "wt_panic", "read checksum error", "block header checksum", "checksum*doesn't match expected", "unable to read root page", "unclean shutdown*corrupt", "corruption: block checksum", "corruption: corrupted", "corruption: bad table magic", "block checksum mismatch", "compaction*corruption", "bad table magic number", "mdb_corrupted", "mdb_page_notfound", "freelist*invalid", "page * already freed", "wal: crc mismatch", "walpb: crc mismatch", "crc mismatch", "bad crc", "crc check failed", "crc32 mismatch"]),
    // SQLite
    sign(C::Corruption, Log, 0.8, &["sqlite_corrupt", "database corruption at line", "malformed database schema", "btree page", "rowid*out of order", "wrong # of entries in index", "missing from index", "freelist*count mismatch", "disk i/o error"]),
    // Redis and Valkey, Memcached
    sign(C::Corruption, Log, 0.8, &["bad file format reading the append only file", "unexpected end of file reading the append only file", "short read or oom loading db", "rdb checksum", "wrong rdb checksum", "internal error in rdb reading", "rdb file was saved with checksum disabled*corrupt", "unknown rdb format version", "terminating server after rdb file reading failure", "aof*truncated", "bad aof"]),
    // Lucene, Elasticsearch, Cassandra, etcd, ZooKeeper, ClickHouse
    sign(C::Corruption, Log, 0.8, &["corruptindexexception", "corruptedexception", "checksum failed (hardware problem", "translogcorrupted", "translog*corrupt", "codec footer mismatch", "misplaced codec footer", "codec header mismatch", "indexformattoo", "marked as corrupted", "store has been marked corrupt", "corruptsstable", "corrupt sstable", "compressedchunkreader*corrupt", "checksum of file*mismatch", "checksum_doesnt_match", "unreasonable length", "snapshot*sha256*mismatch", "snap: corrupt", "backend*corrupt", "unable to load database on disk", "hash*mismatch*cluster_id", "alarm:corrupt"]),

    // Locks: PostgreSQL log_lock_waits (LOG), 55P03, 40P01, 25P03, pg_stat_activity
    sign(C::LockContention, Aside, 0.8, &["still waiting for accessshare", "still waiting for rowshare", "still waiting for rowexclusive", "still waiting for shareupdate", "still waiting for share", "still waiting for exclusive", "still waiting for accessexclusive", "still waiting for *lock", "process holding the lock", "processes holding the lock", "wait queue:", "canceling statement due to lock timeout", "idle-in-transaction timeout", "idle_in_transaction_session_timeout", "idle in transaction", "25p03", "could not obtain lock on", "while locking tuple", "while updating tuple", "while rechecking updated tuple"]),
    sign(C::LockContention, Log, 0.75, &["lockacquisitionexception", "pessimisticlock", "cannotacquirelock", "lock_not_available", "locknotavailable", "locknowait", "could not obtain*lock", "lock wait", "waiting to acquire lock", "transaction was deadlocked", "locked by another", "blocked by process", "blocked by pid", "blocking session", "blocking pid", "holds a lock", "holding a lock", "holding the lock", "lock holder", "lock is held", "held by transaction", "open transaction", "transaction*left open", "transaction*has been open", "transaction*open for", "uncommitted transaction", "xact_start", "blocks*transaction"]),
    // InnoDB: errors 1205, 1213, 3572, the monitor
    sign(C::LockContention, Aside, 0.75, &["lock wait timeout exceeded", "er_lock_wait_timeout", "er_lock_deadlock", "error 1205", "errno: 1205", "errno 1205", "(1205,", "(1213,", "error 1213", "er_lock_nowait", "history list length", "trx has been waiting", "lock_mode x", "waiting for this lock to be granted", "transactions deadlock detected", "waiting for table metadata lock", "waiting for table level lock", "semaphore wait", "long semaphore"]),
    // Oracle, SQL Server, MongoDB, SQLite, etcd, Redis locks
    sign(C::LockContention, Log, 0.75, &["ora-30006", "ora-02049", "ora-00028", "enq: tx", "row lock contention", "error: 1222", "error 1222", "msg 1222", "msg 1205", "chosen as the deadlock victim", "lck_m_", "writeconflict", "lockbusy", "locktimeout", "unable to acquire*lock", "maxtimemsexpired*lock", "transaction*aborted*lock", "redlock", "lock*expired while", "failed to acquire distributed lock", "could not acquire*lock", "waiting for changelog lock", "liquibase*lock"]),

    // No room: class 53100, MySQL 1021 and 1114, Oracle, SQL Server, flood stage, NOSPACE alarm
    sign(C::DiskFull, Log, 0.85, &["could not extend file", "sqlstate*53100", "disk_full", "could not write to file*no space", "(1021,", "er_disk_full", "error 1114", "the table*is full", "waiting for someone to free some space", "ora-01653", "ora-01654", "ora-01652", "ora-19809", "ora-00257", "ora-19504", "archiver error", "could not allocate space for object", "error: 9002", "transaction log for database*is full", "filegroup is full", "flood stage disk watermark", "flood_stage", "high disk watermark", "index read-only / allow delete", "cluster_block_exception", "mvcc: database space exceeded", "alarm:nospace", "insufficient disk space to compact", "not enough space for compaction", "not enough disk space", "misconf redis is configured to save", "stop-writes-on-bgsave-error", "write error saving db on disk", "error writing to the aof file", "short write while writing to the aof", "sqlite_full", "database or disk is full", "out of inodes", "inodes exhausted", "free inodes"]),

    // Connections: class 53300, 1040, 1203, Oracle, SQL Server, MongoDB, Redis, Cassandra
    sign(C::PoolExhausted, Log, 0.8, &["remaining connection slots are reserved", "too_many_connections", "sorry, too many clients", "er_con_count_error", "error 1040", "(1040,", "error 1203", "max_connect_errors", "ora-00018", "ora-00020", "ora-12516", "ora-12518", "ora-12519", "ora-12520", "ora-24418", "timeout period elapsed prior to obtaining a connection from the pool", "all pooled connections were in use", "max pool size was reached", "waitqueuetimeout", "timed out while checking out a connection", "connection refused because too many open connections", "err max number of clients", "maxclients", "nohostavailable*pool", "busypoolexception", "connection pool is busy", "too many connections for role", "too many connections for database", "no more connections allowed", "client_login_timeout", "reserve_pool", "pooler error: query_wait_timeout", "es_rejected_execution", "esrejectedexecution", "rejected execution of", "thread_pool*rejected", "circuit_breaking_exception*threads"]),

    // Memory
    sign(C::OutOfMemory, Log, 0.8, &["sqlstate*53200", "out of shared memory", "memory allocation error", "cannot enlarge string buffer", "failed on request of size", "memory: usage", "ora-04030", "ora-04031", "unable to allocate * bytes of shared memory", "error: 701", "error: 802", "insufficient system memory in resource pool", "there is insufficient memory to run this query", "server_error out of memory storing object", "out of memory storing object", "circuitbreakingexception", "circuit_breaking_exception", "data too large, data for", "parent] data too large", "would be larger than the limit of", "memory_limit_exceeded", "memory limit (total) exceeded", "memory limit (for query) exceeded", "can't allocate memory", "exceeded memory limit for $group", "exceededmemorylimit", "queryexceededmemorylimit", "cannot reserve memory", "mmap*cannot allocate"]),

    // A limit that is itself a setting
    sign(C::OutOfMemory, Log, 0.6, &["command not allowed when used memory", "used memory > 'maxmemory'"]),

    // Settings that are valid for the parser and wrong for the work
    sign(C::Setting, Aside, 0.6, &["parameter \"*\" changed to", "parameter \"*\" cannot be changed without restarting", "received sighup, reloading", "dynamic cluster setting", "updating [*] from [*] to [*]", "setparameter"]),
    sign(C::Setting, Log, 0.7, &["read-only transaction", "er_option_prevents_statement", "--read-only option", "readonly you can't write against a read only replica", "you can't write against a read only", "database \"*\" does not exist", "unknown database '", "sqlstate*3d000", "er_bad_db_error", "ora-12514", "ora-12505", "ora-12541", "tns:could not resolve", "err db index is out of range", "invalid db index", "wrong_db", "role \"*\" does not exist", "keyspace * does not exist", "no such index [", "index_not_found", "canceling statement due to statement timeout", "query_canceled", "max_allowed_packet", "max_execution_time exceeded", "maximum statement execution time exceeded", "er_query_timeout"]),

    // Who may
    sign(C::Credentials, Log, 0.8, &["sqlstate*28000", "28p01", "role \"*\" is not permitted to log in", "er_access_denied_error", "(1045,", "error 1045", "er_dbaccess_denied", "(1044,", "er_must_change_password", "your password has expired", "error 1820", "error 1862", "account is locked", "ora-28000", "ora-28001", "ora-28002", "ora-01045", "ora-01005", "error: 18456", "error: 18452", "error: 18486", "error: 18487", "error: 18488", "reason: the password of the account", "reason: password did not match", "reason: the account is disabled", "scram authentication failed", "authentication failed., code: 18", "authenticationfailed", "command * requires authentication", "not authorized on", "invalid username-password pair", "wrongpass invalid", "noauth authentication required", "missing authentication credentials", "unable to authenticate user", "security_exception", "provided username * and/or password are incorrect", "bad credentials", "etcdserver: authentication failed", "invalid auth token", "noauth for", "keepererrorcode = noauth"]),

    // A store that burns
    sign(C::Slowness, Aside, 0.8, &READS_ALL),
    sign(C::Slowness, Aside, 0.45, &["slow query", "slowlog", "slow_query", "long_query_time", "plansummary: collscan"]),
    sign(C::ProcessorSaturated, Log, 0.5, &["checkpoints are occurring too frequently", "server is overloaded", "took too long (* to execute", "apply request took too long", "leader failed to send out heartbeat on time", "slow fdatasync"]),
    // The log of a store that ends
    sign(C::ProcessExit, Log, 0.6, &["server process*was terminated by signal", "terminating any other active server processes", "all server processes terminated", "the database system is shutting down", "terminating connection due to administrator command", "57p01", "mysqld got signal", "mysqld: shutdown complete", "got fatal error 1236", "instance terminated by", "ora-01034", "ora-03113", "ora-01089", "server going down, got signal", "redis is now ready to exit"]),
    // What was kept at hand
    sign(C::CacheMiss, Aside, 0.7, &["keys loaded: 0", "0 keys loaded", "cache*returned empty", "cache*came back empty", "starting with an empty cache", "cache restarted empty", "no persistent*data found", "lru_crawler*evict", "evicted_keys", "evicted unfetched"]),
    sign(C::CacheMiss, Log, 0.65, &["cachemiss", "miss in cache", "cache=miss", "missing from cache", "missing in cache", "nothing in cache", "cache returned nil", "cache returned null", "key not found in cache", "cache lookup returned", "falling back to the database", "falling back to database", "fallback to database", "falling through to", "loading from database instead", "loading from the database", "read-through", "hitting the database", "dogpile", "cold start of", "regenerating cache", "hit_rate", "hits=0", "keyspace_hits:0", "0% hits", "hit rate 0"]),
];
