//! Families of incidents beside which the rules were written.

use codeblue::{domain::Category, platform::Reading};

use super::{
    hospital::{Hospital, Role, Stack},
    scene::{Family, Incident, Scene, roll_back},
    voice::{Level, Symptom},
};

pub const FAMILIES: [Family; 12] = [
    ("bad release", bad_release),
    ("process gone", process_gone),
    ("process frozen", process_frozen),
    ("broken configuration", broken_configuration),
    ("damaged database", damaged_database),
    ("slow code", slow_code),
    ("lock contention", lock_contention),
    ("disk full", disk_full),
    ("memory leak", memory_leak),
    ("certificate expired", certificate_expired),
    ("DNS failure", dns_failure),
    ("external dependency", external_dependency),
];

fn api(hospital: &Hospital, unit: usize) -> bool {
    matches!(hospital.units[unit].role, Role::Api | Role::Worker | Role::Auth)
}

const REFUSED: &str = "cannot connect: Connection refused (os error 111)";

fn gone(scene: &mut Scene, unit: usize, second: i64) {
    let check = scene.asks(unit);
    scene.fail(unit, check, second, Reading::Bad, REFUSED);
    if scene.dice.happens(7000) {
        scene.fail(unit, "process", second, Reading::Bad, "process 812 does not run");
    }
}

fn bad_release(mut scene: Scene) -> Incident {
    let root = scene.any(api);
    let before = scene.from(5, 420);
    scene.deploy(root, "v41", before);
    let stack = scene.stack(root);
    let error = match stack {
        Stack::Java => "java.lang.NullPointerException: Cannot invoke \"Dose.unit()\" because \"dose\" is null",
        Stack::Python => "KeyError: 'dose_unit'",
        Stack::Node => "TypeError: Cannot read properties of undefined (reading 'doseUnit')",
        Stack::Go => "sql: Scan error on column index 3, name \"dose_unit\": converting NULL to string is unsupported",
        Stack::Ruby => "NoMethodError: undefined method `unit' for nil:NilClass",
        _ => "no such column: dose_unit",
    };
    if scene.dice.happens(2500) {
        gone(&mut scene, root, 0);
        for second in [0, 4, 9, 15] {
            scene.say(root, second, Level::Error, error);
            scene.system(root, second, "systemd[1]", "api.service: Main process exited, code=exited, status=1/FAILURE");
        }
        scene.cascade(root, Symptom::Refused);
    } else {
        scene.scream(root, 0, error);
        let detail = if scene.dice.happens(5000) {
            format!("HTTP 500 in 9 ms: \"{}\"", &error[..error.len().min(60)])
        } else {
            "HTTP 500 in 9 ms".to_owned()
        };
        scene.fail(root, "http", 0, Reading::Bad, &detail);
        scene.cascade(root, Symptom::Failed);
    }
    let name = scene.name(root);
    let truth = scene.truth(root, Category::Deployment, vec![roll_back(&name, "code")]);
    scene.finish(truth)
}

fn process_gone(mut scene: Scene) -> Incident {
    let root = scene.any(|_, _| true);
    gone(&mut scene, root, 0);
    if scene.dice.happens(5000) {
        scene.system(root, 0, "systemd[1]", "unit.service: Main process exited, code=killed, status=9/KILL");
        scene.system(root, 0, "systemd[1]", "unit.service: Failed with result 'signal'.");
    }
    scene.cascade(root, Symptom::Refused);
    let heals = scene.acts(root, &["restart"]);
    let truth = scene.truth(root, Category::Process, heals);
    scene.finish(truth)
}

fn process_frozen(mut scene: Scene) -> Incident {
    let root = scene.any(|hospital, unit| api(hospital, unit) || hospital.units[unit].role == Role::Web);
    scene.fail(root, "http", 0, Reading::Bad, "connected, but no answer within 1.0 s");
    if scene.dice.happens(3000) {
        scene.fail(root, "process", 0, Reading::Bad, "process 812 is stopped");
    }
    scene.cascade(root, Symptom::TimedOut);
    let heals = scene.acts(root, &["restart"]);
    let truth = scene.truth(root, Category::Process, heals);
    scene.finish(truth)
}

fn broken_configuration(mut scene: Scene) -> Incident {
    let root = scene.any(|hospital, unit| hospital.units[unit].config && hospital.units[unit].role != Role::Database);
    let (name, stack) = (scene.name(root), scene.stack(root));
    let error = match stack {
        Stack::Java => "org.springframework.boot.context.properties.bind.BindException: Failed to bind properties under 'pool.size' to int".to_owned(),
        Stack::Python => format!("invalid configuration /etc/{name}/settings.toml: token_minutes must be from 1 to 1440"),
        Stack::Node => "Error: Missing required environment variable DATABASE_URL".to_owned(),
        Stack::Go => format!("failed to parse config /etc/{name}/config.yaml: yaml: line 12: mapping values are not allowed in this context"),
        Stack::Nginx => format!("unknown directive \"proxy_pas\" in /etc/{name}/nginx.conf:42"),
        Stack::Redis => "Fatal config file error: Bad directive or wrong number of arguments".to_owned(),
        _ => format!("invalid value for option \"timeout\" in /etc/{name}/main.conf"),
    };
    if scene.dice.happens(5000) {
        for second in [0, 5, 12] {
            scene.say(root, second, Level::Error, &error);
        }
        gone(&mut scene, root, 0);
        scene.cascade(root, Symptom::Refused);
    } else {
        scene.scream(root, 0, &error);
        let check = scene.asks(root);
        scene.fail(root, check, 0, Reading::Bad, "HTTP 500 in 2 ms");
        scene.cascade(root, Symptom::Failed);
    }
    let truth = scene.truth(root, Category::Configuration, vec![roll_back(&name, "config")]);
    scene.finish(truth)
}

fn damaged_database(mut scene: Scene) -> Incident {
    let root = scene.any(|hospital, unit| hospital.units[unit].role == Role::Database);
    let name = scene.name(root);
    if scene.dice.happens(7000) {
        scene.fail(root, "file", 0, Reading::Bad, "damaged: Tree 4 page 17: btreeInitPage() returns error code 11");
    } else {
        scene.fail(root, "sql", 0, Reading::Bad, "XX001: could not read block 12 in file \"base/16384/2619\"");
    }
    scene.scream(root, 0, "invalid page in block 12 of relation base/16384/2619");
    scene.cascade(root, Symptom::Failed);
    let truth = scene.truth(root, Category::Database, vec![roll_back(&name, "data")]);
    scene.finish(truth)
}

fn slow_code(mut scene: Scene) -> Incident {
    let root = scene.any(api);
    let released = scene.dice.happens(5000);
    if released {
        let before = scene.from(5, 300);
        scene.deploy(root, "v41", before);
    }
    scene.fail(root, "http", 0, Reading::Slow, "HTTP 200 in 2.4 s");
    for second in 0..20 {
        scene.say(
            root,
            second,
            Level::Warn,
            &format!("slow request: GET /chart/{second} took {} ms", 2000 + second * 31),
        );
    }
    scene.cascade(root, Symptom::Slow);
    let name = scene.name(root);
    let truth = if released {
        scene.truth(root, Category::Deployment, vec![roll_back(&name, "code")])
    } else {
        let heals = scene.acts(root, &["restart"]);
        scene.truth(root, Category::Performance, heals)
    };
    scene.finish(truth)
}

fn lock_contention(mut scene: Scene) -> Incident {
    let root = scene.any(|hospital, unit| hospital.units[unit].role == Role::Database);
    scene.fail(
        root,
        "sql",
        0,
        Reading::Slow,
        "process 812 waits for a lock since 34 s; process 790 holds it in a transaction of 2 min",
    );
    if scene.dice.happens(6000) {
        scene.scream(root, 0, "canceling statement due to lock timeout");
    }
    if scene.dice.happens(4000) {
        scene.say(root, 2, Level::Error, "deadlock detected");
    }
    scene.cascade(root, Symptom::TimedOut);
    let unblock = scene.acts(root, &["terminate-blocking"]);
    let heals = if unblock.is_empty() { scene.acts(root, &["restart"]) } else { unblock };
    let truth = scene.truth(root, Category::Contention, heals);
    scene.finish(truth)
}

fn disk_full(mut scene: Scene) -> Incident {
    let root = scene.any(|hospital, unit| hospital.units[unit].role != Role::Web);
    let seen = scene.dice.happens(7000);
    if seen {
        scene.fail(root, "disk", -5, Reading::Slow, "99.8 % used, more than 90 %: /srv, 0.1 GiB free");
    }
    let error = match scene.stack(root) {
        Stack::Java => "java.io.IOException: No space left on device",
        Stack::Python => "OSError: [Errno 28] No space left on device: '/srv/spool/7.tmp'",
        Stack::Node => "ENOSPC: no space left on device, write",
        Stack::Postgres => "could not extend file \"base/16384/2619\": No space left on device",
        Stack::Redis => "Write error saving DB on disk: No space left on device",
        _ => "write /srv/spool/7.tmp: no space left on device",
    };
    scene.scream(root, 0, error);
    let check = scene.asks(root);
    if check == "http" {
        scene.fail(root, check, 0, Reading::Bad, "HTTP 500 in 4 ms");
        scene.cascade(root, Symptom::Failed);
    } else if !seen || scene.dice.happens(4000) {
        gone(&mut scene, root, 5);
        scene.cascade(root, Symptom::Refused);
    } else {
        scene.cascade(root, Symptom::Failed);
    }
    let heals = scene.acts(root, &["prune-logs"]);
    let truth = scene.truth(root, Category::Resource, heals);
    scene.finish(truth)
}

fn memory_leak(mut scene: Scene) -> Incident {
    let root = scene.any(api);
    match scene.stack(root) {
        Stack::Java => scene.say(root, -1, Level::Error, "java.lang.OutOfMemoryError: Java heap space"),
        Stack::Node => {
            scene.raw(root, -1, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory");
        }
        Stack::Python => scene.say(root, -1, Level::Error, "MemoryError: Unable to allocate 1.2 GiB"),
        _ => scene.system(
            root,
            -1,
            "kernel",
            "[81234.120391] Out of memory: Killed process 812 (app) total-vm:4812340kB, anon-rss:3901232kB",
        ),
    }
    if scene.dice.happens(5000) {
        scene.system(root, 0, "systemd[1]", "app.service: Failed with result 'oom-kill'.");
    }
    for (step, second) in (-1800..0).step_by(300).enumerate() {
        scene.say(root, second, Level::Warn, &format!("memory in use: {} MB of 4096 MB", 900 + 500 * step));
    }
    gone(&mut scene, root, 0);
    scene.cascade(root, Symptom::Refused);
    let heals = scene.acts(root, &["restart"]);
    let truth = scene.truth(root, Category::Resource, heals);
    scene.finish(truth)
}

fn certificate_expired(mut scene: Scene) -> Incident {
    let root = scene.any(|hospital, unit| hospital.units[unit].role == Role::Web);
    scene.fail(root, "http", 0, Reading::Bad, "cannot connect: its certificate expired 3 min ago, on 2026-03-02");
    let error = match scene.stack(root) {
        Stack::Go => "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
        Stack::Java => "javax.net.ssl.SSLHandshakeException: PKIX path validation failed: validity check failed",
        Stack::Nginx => "SSL_do_handshake() failed (SSL: error:0A000415:SSL routines::sslv3 alert certificate expired)",
        _ => "SSL: CERTIFICATE_VERIFY_FAILED certificate verify failed: certificate has expired",
    };
    if scene.dice.happens(7000) {
        scene.scream(root, 0, error);
    }
    let heals = scene.acts(root, &["renew-certificate"]);
    let truth = scene.truth(root, Category::Security, heals);
    scene.finish(truth)
}

fn dns_failure(mut scene: Scene) -> Incident {
    let root = scene.any(api);
    let error = match scene.stack(root) {
        Stack::Java => "java.net.UnknownHostException: ehr.partner.example: Name or service not known",
        Stack::Python => "socket.gaierror: [Errno -3] Temporary failure in name resolution",
        Stack::Node => "getaddrinfo ENOTFOUND ehr.partner.example",
        Stack::Go => "dial tcp: lookup ehr.partner.example on 10.0.0.53:53: no such host",
        _ => "Failed to open TCP connection to ehr.partner.example:443 (getaddrinfo: Name or service not known)",
    };
    scene.scream(root, 0, error);
    if scene.dice.happens(7000) {
        let detail = if scene.dice.happens(5000) {
            "ehr.partner.example does not exist (NXDOMAIN from 10.0.0.53:53)"
        } else {
            "no answer from 10.0.0.53:53 within 1.0 s"
        };
        scene.fail(root, "name", 0, Reading::Bad, detail);
    }
    scene.fail(root, "http", 2, Reading::Bad, "HTTP 503 in 30 ms: \"partner unavailable\"");
    scene.cascade(root, Symptom::Failed);
    let truth = scene.truth(root, Category::Network, Vec::new());
    scene.finish(truth)
}

fn external_dependency(mut scene: Scene) -> Incident {
    let root = scene.any(api);
    let error = match scene.stack(root) {
        Stack::Java => "java.net.ConnectException: Connection refused: api.clearing.example/192.0.2.44:443",
        Stack::Python => {
            "HTTPSConnectionPool(host='api.clearing.example', port=443): Max retries exceeded: [Errno 111] Connection refused"
        }
        Stack::Node => "Request failed with status code 503: POST https://api.clearing.example/v2/claims",
        Stack::Go => {
            "Post \"https://api.clearing.example/v2/claims\": dial tcp 192.0.2.44:443: connect: connection refused"
        }
        _ => "the provider api.clearing.example:443 answered 503 Service Unavailable",
    };
    scene.scream(root, 0, error);
    let detail = if scene.dice.happens(5000) {
        "HTTP 502 in 30 ms: \"api.clearing.example does not answer\""
    } else {
        "HTTP 502 in 30 ms: \"upstream failed\""
    };
    scene.fail(root, "http", 0, Reading::Bad, detail);
    scene.cascade(root, Symptom::Failed);
    let heals = scene.acts(root, &["fail-over"]);
    let truth = scene.truth(root, Category::ExternalDependency, heals);
    scene.finish(truth)
}
