//! What is kept and what is short: pages, caches, locks, inodes, memory.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    form::{REFUSED, Writes},
    hospital::{Role, Stack},
    scene::{Incident, Scene, roll_back},
    voice::{Level, Symptom},
};

use super::{
    close, needed, serves, spread, store, suffer,
    voices::{Program, chatter, postgres},
};

/// InnoDB (netdata.cloud guide of page corruption), WiredTiger (wiredtiger/wiredtiger#8809), and PostgreSQL's own words for a torn
/// toast value and a lost file of transaction states.
pub fn torn(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, store);
    let page = scene.from(40, 9000);
    let since = scene.from(-60, 0);
    match scene.dice.below(4) {
        0 => {
            Program::MySql.runs(&mut scene, root);
            let told = format!(
                "[MY-011906] [InnoDB] Database page corruption on disk or a failed file read of page [page id: space=12, page number={page}]. You may have to recover from a backup."
            );
            Program::MySql.scream(&mut scene, root, since, &told);
        }
        1 => {
            Program::Mongo.runs(&mut scene, root);
            let told = format!(
                "\"msg\":\"WiredTiger error message\",\"attr\":{{\"error\":-31802,\"message\":\"doses.wt: potential hardware corruption, read checksum error for 4096B block at offset {}: calculated block checksum of 0x1f3a doesn't match expected checksum of 0x9c04\"}}",
                page * 4096
            );
            Program::Mongo.scream(&mut scene, root, since, &told);
        }
        2 => {
            let told = format!("missing chunk number 0 for toast value {page} in pg_toast_2619");
            scene.scream(root, since, &told);
        }
        _ => {
            for second in (since..40).step_by(4) {
                scene.say(
                    root,
                    second,
                    Level::Error,
                    &format!("could not access status of transaction {}", 3_817_000 + page),
                );
                let told = "Could not open file \"pg_xact/0003\": No such file or directory.";
                postgres(&mut scene, root, second, "DETAIL", told);
            }
        }
    }
    if scene.dice.happens(4000) {
        let detail = "XX001: a row of doses cannot be read";
        scene.fail(root, "sql", 0, Reading::Bad, detail);
    }
    spread(&mut scene, root, Symptom::Failed);
    let name = scene.name(root);
    close(scene, root, Category::Database, vec![roll_back(&name, "data")])
}

/// A cache that starts without its data, and the databases that carry the load instead: Redis' own lines at a start, as in the
/// stories of Slack (2022-02-22) and of technoknowledge24.com/blog/redis-caching-patterns.
pub fn cold(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, |hospital, unit| hospital.units[unit].role == Role::Cache);
    let since = scene.from(-40, -6);
    scene.say(root, since, Level::Info, "Server initialized");
    scene.say(root, since, Level::Info, "Done loading RDB, keys loaded: 0, keys expired: 0.");
    scene.say(root, since, Level::Info, "Ready to accept connections tcp");
    let callers: Vec<usize> =
        (0..scene.hospital.units.len()).filter(|unit| scene.hospital.units[*unit].needs.contains(&root)).collect();
    if callers.is_empty() || scene.dice.happens(5000) {
        scene.fail(root, "depth", since + 20, Reading::Slow, "48113 is above 10000 {kind=\"misses\"}");
    }
    let name = scene.name(root);
    for caller in callers {
        let mut others = scene.hospital.units[caller].needs.clone();
        others.retain(|below| scene.stack(*below) == Stack::Postgres);
        for second in since..40 {
            let (ward, took) = (scene.from(1, 90), scene.from(700, 3100));
            let told = format!("{name}: miss for chart:{ward}, loaded it from the database in {took} ms");
            scene.say(caller, second, Level::Warn, &told);
        }
        for below in others {
            for second in since + 5..50 {
                let took = scene.from(2100, 9000);
                let told = format!("duration: {took}.312 ms  execute <unnamed>: SELECT * FROM charts WHERE ward = $1");
                scene.say(below, second, Level::Info, &told);
            }
            if scene.dice.happens(6000) {
                scene.fail(below, "cpu", 5, Reading::Slow, "97.9 % used, more than 90 %: processor");
            }
        }
    }
    spread(&mut scene, root, Symptom::Slow);
    close(scene, root, Category::Performance, Vec::new())
}

/// Somebody went to lunch within a transaction: error 1205 of MySQL as the drivers tell it, Liquibase's lock (gocd/gocd#12038),
/// PostgreSQL with `log_lock_waits`. MySQL's own log says nothing.
pub fn left_open(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, store);
    if scene.dice.happens(5000) {
        Program::MySql.runs(&mut scene, root);
        suffer(&mut scene, root, Symptom::TimedOut, |stack, name, port| {
            match stack {
            Stack::Java if port % 2 == 0 => {
                "liquibase.exception.LockException: Could not acquire change log lock.  Currently locked by ward-host (10.0.3.9) since 3/2/26, 8:12 AM".to_owned()
            }
            Stack::Java => format!(
                "com.mysql.cj.jdbc.exceptions.MySQLTransactionRollbackException: Lock wait timeout exceeded; try restarting transaction (jdbc:mysql://{name}:{port}/main)"
            ),
            Stack::Python => {
                "django.db.utils.OperationalError: (1205, 'Lock wait timeout exceeded; try restarting transaction')".to_owned()
            }
            Stack::Node => format!(
                "Error: ER_LOCK_WAIT_TIMEOUT: Lock wait timeout exceeded; try restarting transaction ({name}:{port})"
            ),
            Stack::Go => "Error 1205 (HY000): Lock wait timeout exceeded; try restarting transaction".to_owned(),
            Stack::Dotnet => {
                "MySqlConnector.MySqlException (0x80004005): Lock wait timeout exceeded; try restarting transaction".to_owned()
            }
            _ => format!("Mysql2::Error::TimeoutError: Lock wait timeout exceeded; try restarting transaction ({name})"),
        }
        });
    } else {
        for turn in 0..6 {
            let told = format!(
                "process {} still waiting for AccessExclusiveLock on relation 16442 of database 16384 after {}.123 ms",
                4711 + turn,
                1000 + turn * 17
            );
            scene.say(root, turn * 5 - 4, Level::Info, &told);
            let told = format!("Process holding the lock: 4690. Wait queue: {}.", 4711 + turn);
            postgres(&mut scene, root, turn * 5 - 4, "DETAIL", &told);
        }
        spread(&mut scene, root, Symptom::TimedOut);
    }
    if scene.dice.happens(5000) {
        let told = "process 812 waits for a lock since 51 s; process 790 holds it in a transaction of 78 min";
        scene.fail(root, "sql", 0, Reading::Slow, told);
    } else {
        scene.fail(root, "sql", 0, Reading::Bad, "no answer within 1.0 s");
    }
    let unblock = scene.acts(root, &["terminate-blocking"]);
    let heals = if unblock.is_empty() { scene.acts(root, &["restart"]) } else { unblock };
    close(scene, root, Category::Contention, heals)
}

/// Space there is, but a million session files have taken the inodes: NixOS/nixpkgs#74524, usmannasir/cyberpanel#1429; Kafka when
/// a log directory fails.
pub fn inodes(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, |hospital, unit| serves(hospital, unit) || hospital.units[unit].role == Role::Queue);
    let (name, check) = (scene.name(root), scene.asks(root));
    let file = scene.from(1000, 9999);
    scene.sample(root, "disk", 10, Reading::Good, "61.0 % used: /srv, 48.2 GiB free");
    if scene.stack(root) == Stack::Rabbit {
        Program::Kafka.runs(&mut scene, root);
        scene.hush(root, 32);
        for second in (0..30).step_by(3) {
            Program::Kafka.say(
                &mut scene,
                root,
                second,
                Level::Error,
                "Error while rolling log segment for orders-3 in dir /var/lib/kafka/data (kafka.server.LogDirFailureChannel) java.io.IOException: No space left on device",
            );
        }
        Program::Kafka.say(
            &mut scene,
            root,
            31,
            Level::Error,
            "Shutdown broker because all log dirs in /var/lib/kafka/data have failed (kafka.log.LogManager)",
        );
        scene.fail(root, check, 32, Reading::Bad, REFUSED);
        spread(&mut scene, root, Symptom::Refused);
    } else {
        let told = match scene.stack(root) {
            Stack::Java => {
                format!("java.nio.file.FileSystemException: /srv/{name}/spool/{file}: No space left on device")
            }
            Stack::Python => {
                format!(
                    "FileNotFoundError: [Errno 2] No usable temporary directory found in ['/tmp', '/var/tmp', '/usr/tmp', '/srv/{name}']"
                )
            }
            Stack::Node => format!("ENOSPC: no space left on device, mkdir '/tmp/upload-{file}'"),
            Stack::Go => format!("open /tmp/multipart-{file}: no space left on device"),
            Stack::Dotnet => format!("System.IO.IOException: No space left on device : '/tmp/{file}.tmp'"),
            _ => format!("Errno::ENOSPC: No space left on device @ rb_sysopen - /tmp/RackMultipart20260302-9-{file}"),
        };
        scene.scream(root, 0, &told);
        if scene.stack(root) == Stack::Python || scene.dice.happens(4000) {
            scene.system(
                root,
                -2,
                "systemd-tmpfiles[655]",
                "Failed to create directory or subvolume \"/tmp/.X11-unix\": No space left on device",
            );
        }
        scene.fail(root, check, 2, Reading::Bad, "HTTP 500 in 3 ms");
        spread(&mut scene, root, Symptom::Failed);
    }
    let heals = scene.acts(root, &["prune-logs"]);
    close(scene, root, Category::Resource, heals)
}

/// RabbitMQ blocks who publishes (rabbitmq/rabbitmq-server#2003, #1986), Redis cannot fork and refuses writes, a backend of
/// PostgreSQL is killed by the kernel (sclorg/postgresql-container#396): each time it is the memory.
pub fn watermark(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let has_queue = scene.hospital.units.iter().any(|unit| unit.role == Role::Queue);
    let wanted = if has_queue && scene.dice.happens(6000) {
        Role::Queue
    } else {
        *scene.dice.pick(&[Role::Cache, Role::Database])
    };
    let root = match wanted {
        Role::Queue => needed(&mut scene, |hospital, unit| hospital.units[unit].role == Role::Queue),
        Role::Cache => needed(&mut scene, |hospital, unit| hospital.units[unit].role == Role::Cache),
        _ => needed(&mut scene, store),
    };
    let is_seen = scene.dice.happens(6000);
    if is_seen {
        scene.fail(root, "memory", -10, Reading::Slow, "96.4 % used, more than 90 %: memory, 0.6 GiB free");
    }
    match wanted {
        Role::Queue => {
            scene.say(root, -6, Level::Info, "vm_memory_high_watermark set. Memory used:1719193600 allowed:1717986918");
            scene.say(root, -6, Level::Warn, "memory resource limit alarm set on node 'rabbit@ward-host'.");
            scene.raw(root, -6, "*** Publishers will be blocked until this alarm clears ***");
            suffer(&mut scene, root, Symptom::TimedOut, |stack, name, port| {
                match stack {
                Stack::Java => format!("java.util.concurrent.TimeoutException: no publisher confirm within 5000 ms from {name}:{port}"),
                Stack::Python => "pika.exceptions.ConnectionBlockedTimeout: Blocked connection timeout expired.".to_owned(),
                Stack::Node => format!("Error: publish to amqp://{name}:{port} not confirmed within 5000 ms"),
                Stack::Go => format!("publish to exchange \"orders\" on {name}:{port}: context deadline exceeded"),
                Stack::Dotnet => "System.TimeoutException: The operation has timed out. at RabbitMQ.Client.Impl.SimpleBlockingRpcContinuation.GetReply".to_owned(),
                _ => format!("Timeout::Error: waiting for publisher confirms of {name}:{port}"),
            }
            });
        }
        Role::Cache => {
            for second in (-5..40).step_by(6) {
                scene.say(root, second, Level::Warn, "Can't save in background: fork: Cannot allocate memory");
            }
            suffer(&mut scene, root, Symptom::Failed, |_, name, port| {
                format!(
                    "{name}:{port}: MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option)."
                )
            });
        }
        _ => {
            if !is_seen || scene.dice.happens(5000) {
                let told = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/system.slice/postgresql.service,task=postgres,pid=4711,uid=70";
                scene.system(root, -1, "kernel", told);
            }
            scene.say(root, 0, Level::Info, "server process (PID 4711) was terminated by signal 9: Killed");
            scene.say(root, 0, Level::Info, "terminating any other active server processes");
            scene.say(root, 1, Level::Info, "all server processes terminated; reinitializing");
            for second in 2..25 {
                postgres(&mut scene, root, second, "FATAL", "the database system is in recovery mode");
            }
            scene.fail(root, "sql", 3, Reading::Bad, "57P03: the database system is in recovery mode");
            suffer(&mut scene, root, Symptom::Failed, |_, name, port| {
                format!("connection to {name}:{port}: FATAL: the database system is in recovery mode")
            });
        }
    }
    let heals = scene.acts(root, &["restart"]);
    close(scene, root, Category::Resource, heals)
}
