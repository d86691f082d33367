//! Families of incidents on which the analyser is only measured: other causes, other stacks, other words.

use codeblue::{domain::Category, platform::Reading};

use super::{
    hospital::{Hospital, Role, Stack},
    scene::{Family, Incident, Scene, roll_back},
    voice::{Level, Symptom},
};

pub const FAMILIES: [Family; 14] = [
    ("rows silently altered", altered_rows),
    ("pool exhausted", pool_exhausted),
    ("database connections used up", connections_used_up),
    ("descriptors exhausted", descriptors),
    ("processor saturated", processor),
    ("credential half rotated", credentials),
    ("latency on one edge", latency),
    ("queue backlog", backlog),
    ("cache misconfigured", cache),
    ("host clock skew", clock),
    ("flapping", flapping),
    ("release, told otherwise", release),
    ("exit, told otherwise", exit),
    ("setting, told otherwise", setting),
];

fn serves(hospital: &Hospital, unit: usize) -> bool {
    matches!(hospital.units[unit].role, Role::Api | Role::Worker | Role::Auth)
}

fn store(hospital: &Hospital, unit: usize) -> bool {
    hospital.units[unit].role == Role::Database
}

fn altered_rows(mut scene: Scene) -> Incident {
    let root = scene.any(store);
    let told = *scene.dice.pick(&[
        "row 1183 changed in doses since 09:29:41, which may never happen",
        "rows 4, 9, 12 and 31 more changed in doses since 09:28:55, which may never happen",
        "12 rows gone in doses since 09:29:10, which may never happen",
    ]);
    scene.fail(root, "rows", 0, Reading::Bad, told);
    let name = scene.name(root);
    let truth = scene.truth(root, Category::Database, vec![roll_back(&name, "data")]);
    scene.finish(truth)
}

fn pool_exhausted(mut scene: Scene) -> Incident {
    let root = scene.any(serves);
    let told = match scene.stack(root) {
        Stack::Java => {
            "HikariPool-1 - Connection is not available, request timed out after 30000ms (total=10, active=10, idle=0, waiting=87)"
        }
        Stack::Python => {
            "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00"
        }
        Stack::Node => "KnexTimeoutError: Knex: Timeout acquiring a connection. The pool is probably full.",
        Stack::Dotnet => {
            "System.InvalidOperationException: Timeout expired. The timeout period elapsed prior to obtaining a connection from the pool."
        }
        Stack::Ruby => {
            "ActiveRecord::ConnectionTimeoutError: could not obtain a connection from the pool within 5.000 seconds; all pooled connections were in use"
        }
        _ => "all 25 workers busy, 312 requests waiting in line; pool exhausted",
    };
    scene.scream(root, -4, told);
    let detail =
        if scene.dice.happens(5000) { "no answer within 1.0 s" } else { "HTTP 503 in 996 ms: \"try again later\"" };
    scene.fail(root, "http", 0, Reading::Bad, detail);
    scene.cascade(root, Symptom::TimedOut);
    let heals = [scene.acts(root, &["restart"]), scene.acts(root, &["scale-out"])].concat();
    let truth = scene.truth(root, Category::Capacity, heals);
    scene.finish(truth)
}

fn connections_used_up(mut scene: Scene) -> Incident {
    let root = scene.any(store);
    if scene.dice.happens(5000) {
        scene.fail(root, "sql", 0, Reading::Slow, "100 of 100 connections used, more than 90 %");
    } else {
        scene.fail(
            root,
            "sql",
            0,
            Reading::Bad,
            "no connection is left for app: FATAL: sorry, too many clients already",
        );
    }
    for second in 0..14 {
        scene.say(root, second, Level::Error, "sorry, too many clients already");
    }
    scene.cascade(root, Symptom::Failed);
    let heals = scene.acts(root, &["restart", "terminate-blocking"]);
    let truth = scene.truth(root, Category::Capacity, heals);
    scene.finish(truth)
}

fn descriptors(mut scene: Scene) -> Incident {
    let root = scene.any(serves);
    scene.fail(root, "process", -3, Reading::Slow, "process 812 runs, 1021 of 1024 descriptors open, more than 90 %");
    let told = match scene.stack(root) {
        Stack::Java => "java.net.SocketException: Too many open files",
        Stack::Python => "OSError: [Errno 24] Too many open files: '/srv/spool/incoming'",
        Stack::Node => "Error: EMFILE, too many open files",
        Stack::Go => "http: Accept error: accept tcp [::]:8080: accept4: too many open files; retrying in 1s",
        _ => "Too many open files - accept(2)",
    };
    scene.scream(root, 0, told);
    if scene.dice.happens(6000) {
        scene.fail(root, "http", 3, Reading::Bad, "no answer within 1.0 s, not even a connection");
    }
    scene.cascade(root, Symptom::TimedOut);
    let heals = scene.acts(root, &["restart"]);
    let truth = scene.truth(root, Category::Resource, heals);
    scene.finish(truth)
}

fn processor(mut scene: Scene) -> Incident {
    let root = scene.any(serves);
    scene.fail(root, "cpu", -10, Reading::Slow, "99.2 % used, more than 90 %: processor");
    scene.fail(root, "http", 0, Reading::Slow, "HTTP 200 in 1.9 s");
    for second in (0..30).step_by(3) {
        scene.say(root, second, Level::Warn, "event loop is behind by 900 ms");
    }
    scene.cascade(root, Symptom::Slow);
    let heals = scene.acts(root, &["scale-out"]);
    let truth = scene.truth(root, Category::Resource, heals);
    scene.finish(truth)
}

fn credentials(mut scene: Scene) -> Incident {
    let root = scene.any(serves);
    let below = scene.hospital.units[root].needs[0];
    let (name, port) = (scene.name(below), scene.hospital.units[below].port);
    let told = match scene.stack(root) {
        Stack::Java => format!(
            "org.postgresql.util.PSQLException: FATAL: password authentication failed for user \"app\" ({name}:{port})"
        ),
        Stack::Python => format!(
            "psycopg2.OperationalError: connection to server at \"{name}\", port {port} failed: FATAL:  password authentication failed for user \"app\""
        ),
        Stack::Node => "401 Unauthorized: invalid API key".to_owned(),
        Stack::Go => format!("pq: password authentication failed for user \"app\" on {name}"),
        _ => "Access denied for user 'app'@'10.0.3.9' (using password: YES)".to_owned(),
    };
    scene.scream(root, 0, &told);
    if scene.dice.happens(6000) {
        scene.scream(below, 0, "password authentication failed for user \"app\"");
    }
    scene.fail(root, "http", 0, Reading::Bad, "HTTP 500 in 15 ms: \"not authorised\"");
    scene.cascade(root, Symptom::Failed);
    let heals = scene.acts(root, &["reload-credentials"]);
    let truth = scene.truth(root, Category::Security, heals);
    scene.finish(truth)
}

fn latency(mut scene: Scene) -> Incident {
    let root = scene.any(serves);
    let below = scene.hospital.units[root].needs[0];
    let name = scene.name(below);
    for second in 0..25 {
        let told = format!("call to {name} took {} ms, usually 3 ms", 1200 + 60 * second);
        scene.say(root, second, Level::Warn, &told);
    }
    if scene.dice.happens(5000) {
        let told = format!("retransmits to {name}: 31 % of segments lost");
        scene.say(root, 6, Level::Error, &told);
    }
    scene.fail(root, "http", 0, Reading::Slow, "HTTP 200 in 2.7 s");
    scene.cascade(root, Symptom::Slow);
    let truth = scene.truth(root, Category::Network, Vec::new());
    scene.finish(truth)
}

fn backlog(mut scene: Scene) -> Incident {
    let queues: Vec<usize> =
        (0..scene.hospital.units.len()).filter(|unit| scene.hospital.units[*unit].role == Role::Queue).collect();
    let root = if queues.is_empty() { scene.any(serves) } else { *scene.dice.pick(&queues) };
    if scene.hospital.units[root].role == Role::Queue {
        scene.fail(root, "depth", -20, Reading::Slow, "48213 is above 10000 {queue=\"orders\"}");
    } else {
        scene.fail(root, "http", 0, Reading::Slow, "HTTP 202 in 1.1 s");
    }
    for second in (-30..40).step_by(5) {
        scene.say(
            root,
            second,
            Level::Warn,
            &format!("consumer lag of group orders is {}, backlog is growing", 31_000 + 400 * (second + 30)),
        );
    }
    scene.cascade(root, Symptom::Slow);
    let heals = scene.acts(root, &["scale-out"]);
    let truth = scene.truth(root, Category::Capacity, heals);
    scene.finish(truth)
}

fn cache(mut scene: Scene) -> Incident {
    let caches: Vec<usize> =
        (0..scene.hospital.units.len()).filter(|unit| scene.hospital.units[*unit].role == Role::Cache).collect();
    let root = *scene.dice.pick(&caches);
    scene.say(root, -12, Level::Info, "configuration reloaded: maxmemory 4gb -> 64mb");
    for second in (-10..30).step_by(2) {
        scene.say(
            root,
            second,
            Level::Warn,
            "OOM command not allowed when used memory > 'maxmemory', check the configuration",
        );
    }
    scene.fail(root, "depth", 0, Reading::Slow, "31044 is above 10000 {kind=\"evictions\"}");
    scene.cascade(root, Symptom::Slow);
    let name = scene.name(root);
    let truth = scene.truth(root, Category::Configuration, vec![roll_back(&name, "config")]);
    scene.finish(truth)
}

fn clock(mut scene: Scene) -> Incident {
    let root = scene.any(serves);
    if scene.dice.happens(7500) {
        scene.fail(root, "clock", -8, Reading::Slow, "this clock is 93 s behind, give or take 20 ms, more than 2.0 s");
    }
    let told = match scene.stack(root) {
        Stack::Java => {
            "io.jsonwebtoken.PrematureJwtException: JWT must not be accepted before 2026-03-02T09:31:40Z. Current time: 2026-03-02T09:30:07Z"
        }
        Stack::Python => "jwt.exceptions.ImmatureSignatureError: The token is not yet valid (iat)",
        Stack::Node => "JsonWebTokenError: jwt not active",
        Stack::Go => "token used before issued",
        _ => "Clock skew too great while getting initial credentials",
    };
    scene.scream(root, 0, told);
    scene.fail(root, "http", 0, Reading::Bad, "HTTP 500 in 6 ms");
    scene.cascade(root, Symptom::Failed);
    let truth = scene.truth(root, Category::Infrastructure, Vec::new());
    scene.finish(truth)
}

fn flapping(mut scene: Scene) -> Incident {
    let root = scene.any(serves);
    for (turn, second) in (-40..30).step_by(10).enumerate() {
        scene.system(root, second, "systemd[1]", "app.service: Main process exited, code=exited, status=134/n/a");
        scene.system(
            root,
            second + 1,
            "systemd[1]",
            &format!("app.service: Scheduled restart job, restart counter is at {}.", turn + 4),
        );
    }
    scene.fail(root, "http", 0, Reading::Bad, "cannot connect: Connection refused (os error 111)");
    scene.cascade(root, Symptom::Refused);
    let truth = scene.truth(root, Category::Process, Vec::new());
    scene.finish(truth)
}

fn release(mut scene: Scene) -> Incident {
    let root = scene.any(|hospital, unit| hospital.units[unit].code);
    let before = scene.from(10, 500);
    scene.deploy(root, "2026.3.1", before);
    let told = match scene.stack(root) {
        Stack::Java => {
            "org.hibernate.exception.SQLGrammarException: could not extract ResultSet; ERROR: relation \"ward_bed\" does not exist"
        }
        Stack::Python => "ImportError: cannot import name 'Ward' from 'app.models'",
        Stack::Node => "ReferenceError: wardId is not defined",
        Stack::Go => "panic: runtime error: index out of range [3] with length 3",
        Stack::Dotnet => "System.NullReferenceException: Object reference not set to an instance of an object.",
        Stack::Ruby => "ActionView::Template::Error (undefined local variable or method `ward')",
        _ => "open() \"/srv/www/assets/app.91c2.js\" failed (2: No such file or directory)",
    };
    scene.scream(root, 1, told);
    scene.fail(root, "http", 0, Reading::Bad, "HTTP 500 in 41 ms, expected 200");
    scene.cascade(root, Symptom::Failed);
    let name = scene.name(root);
    let truth = scene.truth(root, Category::Deployment, vec![roll_back(&name, "code")]);
    scene.finish(truth)
}

fn exit(mut scene: Scene) -> Incident {
    let root = scene.any(|_, _| true);
    let check = scene.asks(root);
    scene.fail(root, check, 0, Reading::Bad, "cannot connect: Connection refused (os error 111)");
    let name = scene.name(root);
    let detail = format!("cannot read /run/{name}.pid: No such file or directory (os error 2)");
    scene.fail(root, "process", 2, Reading::Bad, &detail);
    let told = *scene.dice.pick(&[
        "app.service: Main process exited, code=dumped, status=11/SEGV",
        "app.service: Deactivated successfully.",
        "Stopped Hospital service.",
    ]);
    scene.system(root, 0, "systemd[1]", told);
    scene.cascade(root, Symptom::Refused);
    let heals = scene.acts(root, &["restart"]);
    let truth = scene.truth(root, Category::Process, heals);
    scene.finish(truth)
}

fn setting(mut scene: Scene) -> Incident {
    let root = scene.any(|hospital, unit| hospital.units[unit].config && serves(hospital, unit));
    let told = match scene.stack(root) {
        Stack::Java => {
            "java.lang.IllegalArgumentException: Could not resolve placeholder 'lab.url' in value \"${lab.url}\""
        }
        Stack::Python => "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.",
        Stack::Node => "SyntaxError: Unexpected token } in JSON at position 812 while parsing /etc/app/config.json",
        Stack::Go => "envconfig: required key LAB_URL missing value",
        Stack::Dotnet => "System.InvalidOperationException: The ConnectionString property has not been initialized.",
        _ => {
            "Psych::SyntaxError: (/etc/app/database.yml): did not find expected key while parsing a block mapping at line 4"
        }
    };
    scene.scream(root, 0, told);
    if scene.dice.happens(5000) {
        scene.fail(root, "http", 0, Reading::Bad, "HTTP 500 in 3 ms");
        scene.cascade(root, Symptom::Failed);
    } else {
        scene.fail(root, "http", 0, Reading::Bad, "cannot connect: Connection refused (os error 111)");
        scene.cascade(root, Symptom::Refused);
    }
    let name = scene.name(root);
    let truth = scene.truth(root, Category::Configuration, vec![roll_back(&name, "config")]);
    scene.finish(truth)
}
