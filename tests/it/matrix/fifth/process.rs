//! What a process cannot do: start, keep up, remember.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    form::{Writes, needed, perhaps, say, serves},
    hospital::{Role, Stack},
    scene::{Incident, Scene},
    voice::{Level, Symptom},
};

use super::{
    close, ended, spread, suffer,
    voices::{Program, chatter},
    with,
};

/// Something below the program was exchanged by the night's packages, and it ends at each start: the loader's words
/// (openssl/openssl#4170, apollographql/router#2555), a class file of a later Java, Node's `NODE_MODULE_VERSION`, glibc's versions,
/// the host of .NET. Neither its code nor its settings are new.
pub fn looping(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let who = perhaps(&mut scene, root, &[Program::Rust], 2500);
    let (name, stack) = (scene.name(root), scene.stack(root));
    let told = match (who, stack) {
        (Some(_), _) => format!(
            "/usr/local/bin/{name}: error while loading shared libraries: libssl.so.1.1: cannot open shared object file: No such file or directory"
        ),
        (_, Stack::Java) => "Error: LinkageError occurred while loading main class o.h.Main java.lang.UnsupportedClassVersionError: o/h/Main has been compiled by a more recent version of the Java Runtime (class file version 65.0), this version of the Java Runtime only recognizes class file versions up to 61.0".to_owned(),
        (_, Stack::Python) => {
            "ImportError: libpq.so.5: cannot open shared object file: No such file or directory".to_owned()
        }
        (_, Stack::Node) => format!(
            "Error: The module '/srv/{name}/node_modules/bcrypt/lib/binding/napi-v3/bcrypt_lib.node' was compiled against a different Node.js version using NODE_MODULE_VERSION 108. This version of Node.js requires NODE_MODULE_VERSION 115. Please try re-compiling or re-installing the module"
        ),
        (_, Stack::Go) => format!(
            "/usr/local/bin/{name}: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /usr/local/bin/{name})"
        ),
        (_, Stack::Dotnet) => "You must install or update .NET to run this application. Framework: 'Microsoft.AspNetCore.App', version '8.0.0' (x64). The following frameworks were found: 6.0.36 at [/usr/lib/dotnet/shared/Microsoft.AspNetCore.App]".to_owned(),
        _ => "LoadError: libssl.so.1.1: cannot open shared object file: No such file or directory - /srv/ruby/3.2.2/openssl.so".to_owned(),
    };
    if scene.dice.happens(6000) {
        let told = *scene.dice.pick(&[
            "Packages that will be upgraded: libc6 libpq5 libssl3 nodejs openjdk-17-jre-headless",
            "Removing unused kernel packages and libssl1.1:amd64 (1.1.1f-1ubuntu2.24)",
        ]);
        scene.system(root, -400, "unattended-upgrade[4711]", told);
    }
    let from = scene.from(-190, -50);
    scene.hush(root, from);
    let is_container = scene.dice.happens(4000);
    let (status, mut second) = (if stack == Stack::Go || who.is_some() { 127 } else { 1 }, from);
    for turn in 1..9 {
        say(&mut scene, root, who, second, Level::Error, &told);
        if is_container {
            let told = format!(
                "container die {name} (image=registry.hospital.example/{name}:v40, exitCode={status}), restart {turn} in {}s",
                1 << turn
            );
            scene.system(root, second + 1, "dockerd[701]", &told);
        } else {
            let ended = format!("{name}.service: Main process exited, code=exited, status={status}/n/a");
            scene.system(root, second, "systemd[1]", &ended);
            let counted = format!("{name}.service: Scheduled restart job, restart counter is at {turn}.");
            scene.system(root, second + 4, "systemd[1]", &counted);
        }
        second += 6 + 4 * turn;
    }
    if !is_container && second < 50 {
        scene.system(root, second, "systemd[1]", &format!("{name}.service: Start request repeated too quickly."));
    }
    ended(&mut scene, root, 0);
    spread(&mut scene, root, Symptom::Refused);
    close(scene, root, Category::Process, Vec::new())
}

/// Somebody asks for the statistics of a year, forty-one times, and the processors have nothing left for others. Hazelcast's own
/// words of a host that is too busy (its clock seems to jump), uWSGI's full listen queue, monit, the autoscaler of Kubernetes at its
/// end, the kernel's hogged work queues.
pub fn busy(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let since = scene.from(-110, -15);
    let told = "report of a year was started: 212 wards, 365 days each (41 are running, none is done)";
    scene.say(root, since, Level::Info, told);
    for turn in 0..9 {
        let second = since + 4 + turn * 12;
        let told = match scene.stack(root) {
            Stack::Java => format!(
                "[10.0.3.7]:5701 [wards] [5.3.6] System clock apparently jumped from 2026-03-02 09:29:5{turn}.118 to 2026-03-02 09:30:0{turn}.311 since last heartbeat (+{} ms)",
                4193 + turn * 311
            ),
            Stack::Python => {
                format!("*** uWSGI listen queue of socket \"127.0.0.1:8104\" (fd: 3) full !!! ({}/100) ***", 101 + turn)
            }
            Stack::Node => format!("toobusy: event loop lag {} ms, request shed with 503", 412 + turn * 88),
            Stack::Go => format!("cfs: throttled in {} of 1000 periods, run queue {}", 812 + turn * 20, 60 + turn * 31),
            Stack::Dotnet => format!(
                "[cpu-usage] 99.{turn} %; [threadpool-queue-length] {}; [gc-heap-size] 412 MB",
                812 + turn * 300
            ),
            _ => format!(
                "Passenger: request queue of {} waits for a busy processor (load average: {}.20)",
                41 + turn * 9,
                31 + turn * 3
            ),
        };
        scene.say(root, second, Level::Warn, &told);
        if scene.stack(root) == Stack::Java {
            let told = format!(
                "[10.0.3.7]:5701 [wards] [5.3.6] processors=8, physical.memory.free=15.1G, heap.memory.used/max=31.20%, load.process=99.{turn}%, load.system=99.8{turn}%, load.systemAverage=61.20, thread.count=212"
            );
            scene.say(root, second + 1, Level::Info, &told);
        }
    }
    let is_checked = scene.dice.happens(6500);
    if is_checked {
        let detail = format!("{}.{} % used, more than 90 %: processor", scene.from(95, 100), scene.from(0, 10));
        scene.fail(root, "cpu", 5, Reading::Slow, &detail);
    }
    if !is_checked || scene.dice.happens(4000) {
        let (who, told) = *scene.dice.pick(&[
            ("monit[655]", "'ward-host' cpu user usage of 98.7% matches resource limit [cpu user usage > 90.0%]"),
            (
                "kube-events[733]",
                "reason=TooManyReplicas the desired replica count is more than the maximum replica count (cpu resource utilization 391% of request, target 80%)",
            ),
            (
                "kernel",
                "[81234.058110] workqueue: drain_local_stock hogged CPU for >10000us 128 times, consider switching to WQ_UNBOUND; load average: 61.20, 40.11, 18.02",
            ),
        ]);
        for second in [since + 20, 6, 19] {
            scene.system(root, second, who, told);
        }
    }
    scene.fail(root, "http", 2, Reading::Slow, "HTTP 200 in 3.8 s");
    spread(&mut scene, root, Symptom::Slow);
    let heals = scene.acts(root, &["scale-out"]);
    close(scene, root, Category::Resource, heals)
}

/// A cache lives and has nothing: memcached after a restart (memcached/memcached#1071 of what an emptied one does), Dragonfly whose
/// snapshot could not be read (dragonflydb/dragonfly#4840), or one that was flushed by hand. What is loud are the databases.
pub fn cold(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = with(&mut scene, Role::Cache);
    let (name, since) = (scene.name(root), scene.from(-50, -6));
    match scene.dice.below(3) {
        0 => {
            Program::Memcached.runs(&mut scene, root);
            scene.system(root, since - 2, "systemd[1]", "Stopping memcached.service - memcached daemon...");
            scene.system(root, since, "systemd[1]", "Started memcached.service - memcached daemon.");
            let told = "STAT uptime 31 STAT curr_items 212 STAT get_hits 412 STAT get_misses 48113 STAT evictions 0";
            Program::Memcached.say(&mut scene, root, since + 31, Level::Info, told);
        }
        1 => {
            Program::Dragonfly.runs(&mut scene, root);
            let told = "server_family.cc:1042] Load snapshot: Failed to find latest snapshot with error: generic:5";
            Program::Dragonfly.say(&mut scene, root, since, Level::Warn, told);
            let told = "listener_interface.cc:96] sock[386] AcceptServer - listening on port 6379, keys loaded: 0";
            Program::Dragonfly.say(&mut scene, root, since + 1, Level::Info, told);
        }
        _ => {
            let told = "acl-log: user erin from 10.0.9.31 ran FLUSHALL ASYNC (48113 keys)";
            scene.say(root, since, Level::Info, told);
        }
    }
    let callers: Vec<usize> =
        (0..scene.hospital.units.len()).filter(|unit| scene.hospital.units[*unit].needs.contains(&root)).collect();
    if callers.is_empty() || scene.dice.happens(5000) {
        scene.fail(root, "depth", since + 15, Reading::Slow, "41208 is above 10000 {kind=\"get_misses\"}");
    }
    for caller in callers {
        for second in (since + 1..42).step_by(2) {
            let told = match scene.stack(caller) {
                Stack::Java => format!("Cache 'beds' on {name}: hit ratio 0.02 in the last second (day: 0.97)"),
                Stack::Python => format!("cache: MISS beds:{second} ({name}), recomputed in {} ms", 1204 + second * 9),
                Stack::Node => format!("cache get beds:3 -> null from {name}, asking the database instead"),
                _ => format!("{name}: key beds:3 not found, filled again ({} of 41208 filled)", 212 + second),
            };
            scene.say(caller, second, Level::Warn, &told);
        }
        for below in scene.hospital.units[caller].needs.clone() {
            if scene.stack(below) != Stack::Postgres {
                continue;
            }
            for second in since + 4..50 {
                let took = scene.from(1900, 8800);
                let told = format!("duration: {took}.118 ms  execute S_3: SELECT * FROM beds WHERE ward = $1");
                scene.say(below, second, Level::Info, &told);
            }
            if scene.dice.happens(5500) {
                scene.fail(below, "cpu", 6, Reading::Slow, "98.4 % used, more than 90 %: processor");
            }
        }
    }
    suffer(&mut scene, root, Symptom::Slow, |_, name, port| {
        format!(
            "GET /api/v2/beds took 4812 ms, 4790 of them since {name}:{port} had nothing and the database was asked"
        )
    });
    close(scene, root, Category::Performance, Vec::new())
}
