//! What is shared and used up: connections, workers, space that was granted.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    form::{Writes, needed, perhaps, say, serves},
    hospital::{Role, Stack},
    scene::{Incident, Scene},
    voice::{Level, Symptom},
};

use super::{
    close, has_queue, spread, suffer,
    voices::{Program, chatter, postgres},
    with,
};

/// Connections are borrowed for a letter and not given back, until none is left; the database has room: IronJacamar of WildFly
/// (keycloak/keycloak#12801), `PgBouncer` (pgbouncer/pgbouncer#384, autobase-tech/autobase#89), Tomcat's pool, psycopg, Knex,
/// go-redis, `MySqlConnector`, Sequel, SQLx.
pub fn drained(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let programs: &[Program] = match scene.stack(root) {
        Stack::Java => &[Program::WildFly],
        Stack::Go => &[Program::Rust],
        _ => &[Program::PgBouncer],
    };
    let who = perhaps(&mut scene, root, programs, 3500);
    let told = match (who, scene.stack(root)) {
        (Some(Program::WildFly), _) => {
            "javax.resource.ResourceException: IJ000453: Unable to get managed connection for java:/jdbc/wards Caused by: IJ000655: No managed connections available within configured blocking timeout (30000 [ms])"
        }
        (Some(Program::PgBouncer), _) => "C-0x563860fd9ef0: main/wards@10.0.3.9:49466 pooler error: query_wait_timeout",
        (Some(_), _) => "pool timed out while waiting for an open connection",
        (_, Stack::Java) => {
            "org.apache.tomcat.jdbc.pool.PoolExhaustedException: [http-nio-8080-exec-7] Timeout: Pool empty. Unable to fetch a connection in 30 seconds, none available[size:50; busy:50; idle:0; lastwait:30000]."
        }
        (_, Stack::Python) => "psycopg_pool.PoolTimeout: couldn't get a connection after 30.00 sec",
        (_, Stack::Node) => {
            "KnexTimeoutError: Knex: Timeout acquiring a connection. The pool is probably full. Are you missing a .transacting(trx) call?"
        }
        (_, Stack::Go) => "redis: connection pool timeout (PoolSize 40, in use 40)",
        (_, Stack::Dotnet) => {
            "MySqlConnector.MySqlException (0x80004005): Connect Timeout expired. All pooled connections are in use."
        }
        _ => "Sequel::PoolTimeout: timeout: 5.0, elapsed: 5.000412204",
    };
    let mut taken = scene.from(6, 14);
    for second in (-3500..-40).step_by(310) {
        let early = match who {
            Some(Program::PgBouncer) => format!(
                "pool main/wards: cl_active {taken}, cl_waiting 0, sv_active {taken}, sv_idle {}, maxwait 0",
                50 - taken
            ),
            _ => format!("pool: {taken} of 50 in use, oldest was borrowed {} min ago by LetterJob", 4 + taken),
        };
        say(&mut scene, root, who, second, Level::Info, &early);
        taken += 3;
    }
    if scene.dice.happens(6000) {
        let early = "pool: 50 of 50 in use, 44 of them by LetterJob since more than 10 min, none was returned";
        say(&mut scene, root, who, -6, Level::Warn, early);
    }
    for second in -3..36 {
        say(&mut scene, root, who, second, Level::Error, told);
    }
    for below in scene.hospital.units[root].needs.clone() {
        if scene.stack(below) == Stack::Postgres {
            scene.sample(below, "sql", 18, Reading::Good, "61 of 200 connections used; nobody waits for a lock");
        }
    }
    let detail = *scene.dice.pick(&["no answer within 1.0 s", "HTTP 503 in 5.0 s", "HTTP 500 in 30.0 s"]);
    scene.fail(root, "http", 2, Reading::Bad, detail);
    spread(&mut scene, root, Symptom::TimedOut);
    let heals = scene.acts(root, &["restart"]);
    close(scene, root, Category::Capacity, heals)
}

/// A modality sends its archive again, half a million messages, and today's wait behind them: Artemis begins to page
/// (apache/artemis#3265), Pulsar turns producers away (apache/pulsar#15284 and #15609), Mirth's destination queue grows, or the jobs
/// of RQ, Agenda, River, Hangfire's like and `GoodJob`.
pub fn backlog(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    if has_queue(&scene) && scene.dice.happens(6000) {
        return paged(scene);
    }
    let root = needed(&mut scene, serves);
    let times = if scene.stack(root) == Stack::Java { 10_000 } else { 0 };
    let who = perhaps(&mut scene, root, &[Program::Mirth], times);
    let since = scene.from(-1100, -250);
    let mut left = scene.from(210_000, 390_000);
    let begun = match (who, scene.stack(root)) {
        (Some(_), _) => {
            "(com.mirth.connect.connectors.tcp.TcpReceiver:512): channel MR-archive: MODALITY-9 sends its archive again, 500000 of ORU^R01"
        }
        _ => "MODALITY-9 sends its archive again, 500000 of ORU^R01 are taken in",
    };
    say(&mut scene, root, who, since, Level::Info, begun);
    for second in (since + 8..60).step_by(12) {
        let told = match (who, scene.stack(root)) {
            (Some(_), _) => format!(
                "(com.mirth.connect.donkey.server.channel.DestinationConnector:641): channel MR-archive, destination 1: queued={left}, sent 41/s, received 812/s"
            ),
            (_, Stack::Python) => format!("rq: worker busy; default: {left} jobs queued, 16 workers, 16 of them busy"),
            (_, Stack::Node) => format!("agenda: results.store {left} queued, 50 running (maxConcurrency 50)"),
            (_, Stack::Go) => format!("river: queue default: num_jobs_running=100 max_workers=100 available={left}"),
            (_, Stack::Dotnet) => format!("Quartz: thread pool 20 of 20 busy, {left} triggers are late"),
            _ => format!("[GoodJob] queue default: {left} jobs wait, 25 threads, 25 of them busy"),
        };
        say(&mut scene, root, who, second, Level::Info, &told);
        left += scene.from(200, 4000);
    }
    for second in (-25..50).step_by(3) {
        let told = format!("result {} of today waited {} s", scene.from(1000, 9999), scene.from(280, 900));
        say(&mut scene, root, who, second, Level::Warn, &told);
    }
    scene.fail(root, "http", 4, Reading::Slow, "HTTP 200 in 1.7 s");
    spread(&mut scene, root, Symptom::Slow);
    let heals = scene.acts(root, &["scale-out"]);
    close(scene, root, Category::Capacity, heals)
}

/// The same in a broker.
fn paged(mut scene: Scene) -> Incident {
    let root = with(&mut scene, Role::Queue);
    let who = *scene.dice.pick(&[Program::Artemis, Program::Pulsar]);
    who.runs(&mut scene, root);
    let (since, mut ready) = (scene.from(-800, -120), scene.from(41_000, 90_000));
    for second in (since..55).step_by(14) {
        if who == Program::Artemis {
            let told = format!(
                "[org.apache.activemq.artemis.core.server] AMQ222038: Starting paging on address 'results'; size=104858112 bytes ({ready} messages); maxSize=104857600 bytes (-1 messages); globalSize=104858112 bytes"
            );
            who.say(&mut scene, root, second, Level::Warn, &told);
        } else {
            let told = format!(
                "[persistent://wards/results/today][pharmacy] msgBacklog={ready} msgRateIn=812.0 msgRateOut=41.2 consumers=4"
            );
            who.say(&mut scene, root, second, Level::Info, &told);
            let told = "[/10.0.3.9:51234] Failed to add producer to topic persistent://wards/results/today: Cannot create producer on topic with backlog quota exceeded";
            who.say(&mut scene, root, second + 2, Level::Warn, told);
        }
        ready += scene.from(700, 3000);
    }
    scene.fail(root, "depth", 0, Reading::Slow, &format!("{ready} is above 10000"));
    suffer(&mut scene, root, Symptom::Slow, |stack, name, port| match stack {
        Stack::Java => format!("{name}:{port}: result 8812 was sent 512 s ago and not consumed, {ready} are before it"),
        _ => format!("waiting for result 8812 in {name}:{port} since 512 s, {ready} stand before it"),
    });
    let heals = scene.acts(root, &["scale-out"]);
    close(scene, root, Category::Capacity, heals)
}

/// The disk has room, and who writes has none: EDQUOT as libraries tell it (grafana/loki#5167, nextcloud/server#26857; Node has no
/// name for it), PostgreSQL, and RabbitMQ's limit of free space.
pub fn quota(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let wanted = match scene.dice.below(10) {
        0..=2 => Role::Database,
        3 | 4 if has_queue(&scene) => Role::Queue,
        _ => Role::Api,
    };
    let root = with(&mut scene, wanted);
    let (name, check, file) = (scene.name(root), scene.asks(root), scene.from(1000, 9999));
    scene.sample(root, "disk", 12, Reading::Good, "58.0 % used: /srv, 71.4 GiB free");
    let mut needs_words = false;
    match scene.stack(root) {
        Stack::Postgres => {
            for second in (-3..40).step_by(2) {
                let told = format!("could not extend file \"base/16384/{file}\": Disk quota exceeded");
                scene.say(root, second, Level::Error, &told);
                postgres(&mut scene, root, second, "HINT", "Check free disk space.");
            }
            spread(&mut scene, root, Symptom::Failed);
        }
        Stack::Rabbit => {
            let told = "Free disk space is insufficient. Free bytes: 41209856. Limit: 2147483648";
            scene.say(root, -5, Level::Info, told);
            scene.say(root, -5, Level::Warn, "disk resource limit alarm set on node 'rabbit@ward-host'.");
            scene.raw(root, -5, "*** Publishers will be blocked until this alarm clears ***");
            suffer(&mut scene, root, Symptom::TimedOut, |_, name, port| {
                format!("publish to {name}:{port} blocked since 12 s: connection.blocked, reason: low on disk")
            });
        }
        stack => {
            let told = match stack {
                Stack::Java => format!("java.io.IOException: Disk quota exceeded (/srv/{name}/letters/{file}.pdf)"),
                Stack::Python => {
                    format!("OSError: [Errno 122] Disk quota exceeded: '/srv/{name}/letters/{file}.pdf'")
                }
                Stack::Node => {
                    needs_words = true;
                    "Error: Unknown system error -122: Unknown system error -122, write".to_owned()
                }
                Stack::Go => format!("write /srv/{name}/letters/{file}.pdf: disk quota exceeded"),
                Stack::Dotnet => {
                    format!("System.IO.IOException: Disk quota exceeded : '/srv/{name}/letters/{file}.pdf'")
                }
                _ => format!("Errno::EDQUOT: Disk quota exceeded @ io_write - /srv/{name}/letters/{file}.pdf"),
            };
            scene.scream(root, 0, &told);
            scene.fail(root, check, 2, Reading::Bad, "HTTP 500 in 4 ms");
            spread(&mut scene, root, Symptom::Failed);
        }
    }
    if needs_words || scene.dice.happens(4500) {
        let (who, told) = match scene.dice.below(2) {
            0 => ("warnquota[655]", format!("user {name} over block quota: 20971520K used, 20971520K granted on /srv")),
            _ => (
                "quota-watch[655]",
                format!("/srv/{name}: project quota of 20 GiB is used up, oldest files: logs of 2025 (14.2 GiB)"),
            ),
        };
        for second in [-30, 9] {
            scene.system(root, second, who, &told);
        }
    }
    let heals = scene.acts(root, &["prune-logs"]);
    close(scene, root, Category::Resource, heals)
}
