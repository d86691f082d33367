//! What is shared and all taken, and what comes in faster than it is worked off.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    hospital::{Role, Stack},
    scene::{Incident, Scene},
    voice::{Level, Symptom},
};

use super::{
    close, needed, serves, spread, suffer,
    voices::{Program, chatter, perhaps, say},
};

/// Connections are borrowed and never given back, one an hour, until none is left; the database has room. HikariCP
/// (brettwooldridge/HikariCP#1560, #1677), Prisma's P2024 (prisma/orm#7249, #24891), SQLAlchemy, `database/sql`, Npgsql,
/// Active Record, Ecto, and php-fpm's children (mail-in-a-box/mailinabox#515).
pub fn drained(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let who = perhaps(&mut scene, root, &[Program::Elixir, Program::PhpFpm], 3500);
    let waiting = scene.from(14, 190);
    let (early, told) = match (who, scene.stack(root)) {
        (Some(Program::PhpFpm), _) => (
            "[pool www] child 4711, script '/srv/www/index.php' (request: \"GET /index.php\") executing too slow (31.204112 sec), logging",
            "[pool www] server reached pm.max_children setting (40), consider raising it".to_owned(),
        ),
        (Some(_), _) => (
            "Postgrex.Protocol (#PID<0.344.0>) checked out for longer than 600000 ms by #PID<0.2041.0> (Wards.Export)",
            "** (DBConnection.ConnectionError) connection not available and request was dropped from queue after 2412ms. This means requests are coming in and your connection pool cannot serve them fast enough.".to_owned(),
        ),
        (_, Stack::Java) => (
            "Connection leak detection triggered for org.postgresql.jdbc.PgConnection@4f1c8e11 on thread export-3, stack trace follows java.lang.Exception: Apparent connection leak detected",
            format!("wards-pool - Connection is not available, request timed out after 30001ms (total=20, active=20, idle=0, waiting={waiting})"),
        ),
        (_, Stack::Python) => (
            "SAWarning: The garbage collector is trying to clean up non-checked-in connection <AdaptedConnection <asyncpg.connection.Connection>>, which will be terminated.",
            "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00".to_owned(),
        ),
        (_, Stack::Node) => (
            "interactive transaction of export.ts is open since 1204 s",
            "PrismaClientKnownRequestError: Timed out fetching a new connection from the connection pool. More info: http://pris.ly/d/connection-pool (Current connection pool timeout: 10, connection limit: 17) code: 'P2024'".to_owned(),
        ),
        (_, Stack::Go) => (
            "rows of export were not closed, their connection stays in use",
            format!("db: context deadline exceeded waiting for a connection (MaxOpenConnections=25 InUse=25 Idle=0 WaitCount={waiting})"),
        ),
        (_, Stack::Dotnet) => (
            "NpgsqlConnection of ExportJob was finalized without being disposed",
            "Npgsql.NpgsqlException (0x80004005): The connection pool has been exhausted, either raise 'Max Pool Size' (currently 100) or 'Timeout' (currently 15 seconds) in your connection string.".to_owned(),
        ),
        _ => (
            "thread of ExportJob died holding a database connection, it was not reaped",
            "ActiveRecord::ConnectionTimeoutError: could not obtain a connection from the pool within 5.000 seconds (waited 5.012 seconds); all pooled connections were in use".to_owned(),
        ),
    };
    for second in (-3500..-100).step_by(430) {
        say(&mut scene, root, who, second, Level::Warn, early);
    }
    for second in -3..38 {
        say(&mut scene, root, who, second, Level::Error, &told);
    }
    let stores = scene.hospital.units[root].needs.clone();
    for below in stores.into_iter().filter(|unit| scene.stack(*unit) == Stack::Postgres).collect::<Vec<_>>() {
        scene.sample(below, "sql", 20, Reading::Good, "44 of 100 connections used; nobody waits for a lock");
    }
    let detail =
        *scene.dice.pick(&["no answer within 1.0 s", "HTTP 500 in 30.0 s", "connected, but no answer within 1.0 s"]);
    scene.fail(root, "http", 2, Reading::Bad, detail);
    spread(&mut scene, root, Symptom::TimedOut);
    let heals = scene.acts(root, &["restart"]);
    close(scene, root, Category::Capacity, heals)
}

/// Somebody imports a quarter of a million orders, and the rest wait behind them: NATS and its slow consumers (nats-server#7278),
/// RabbitMQ, or the jobs of Sidekiq, Celery, BullMQ, asynq, Hangfire and Spring Batch in a service of its own.
pub fn backlog(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let has_queue = scene.hospital.units.iter().any(|unit| unit.role == Role::Queue);
    if has_queue && scene.dice.happens(6000) {
        return behind(scene);
    }
    let root = needed(&mut scene, serves);
    let since = scene.from(-900, -200);
    let (begun, told) = match scene.stack(root) {
        Stack::Java => (
            "JobLauncher: job importOrders launched with {rows=250000}",
            "orders executor: 8 of 8 threads busy, queue size",
        ),
        Stack::Python => (
            "Task orders.import_file[8f31] enqueued 250000 subtasks",
            "celery: 16 of 16 processes busy, reserved 64, messages ready in 'default':",
        ),
        Stack::Node => {
            ("bullmq: addBulk of 250000 jobs to orders by import", "bullmq: orders active=50 (concurrency 50) waiting=")
        }
        Stack::Go => (
            "asynq: import enqueued 250000 tasks queue=default",
            "asynq: queue=default active=32 concurrency=32 pending=",
        ),
        Stack::Dotnet => (
            "Hangfire: batch 8f31 (250000 jobs) was started",
            "Hangfire: 20 of 20 workers busy, enqueued in 'default':",
        ),
        _ => (
            "class=ImportJob jid=8f31 pushed 250000 jobs with push_bulk",
            "sidekiq: busy=25 concurrency=25 queue=default size=",
        ),
    };
    scene.say(root, since, Level::Info, begun);
    let mut left = scene.from(180_000, 240_000);
    for second in (since + 10..60).step_by(11) {
        scene.say(root, second, Level::Info, &format!("{told} {left}"));
        left += scene.from(10, 200);
    }
    for second in (-20..50).step_by(2) {
        let (order, waited) = (scene.from(1000, 9999), scene.from(310, 900));
        let told = format!("order {order} waited {waited} s before it was begun, at most 60 s are promised");
        scene.say(root, second, Level::Warn, &told);
    }
    scene.fail(root, "http", 3, Reading::Slow, "HTTP 200 in 1.4 s");
    spread(&mut scene, root, Symptom::Slow);
    let heals = scene.acts(root, &["scale-out"]);
    close(scene, root, Category::Capacity, heals)
}

/// The same in a broker.
fn behind(mut scene: Scene) -> Incident {
    let root = needed(&mut scene, |hospital, unit| hospital.units[unit].role == Role::Queue);
    let who = perhaps(&mut scene, root, &[Program::Nats], 5500);
    let (since, mut ready) = (scene.from(-700, -150), scene.from(31_000, 52_000));
    for second in (since..55).step_by(12) {
        let bytes = scene.from(900_000, 3_100_000);
        let told = if who.is_some() {
            format!(
                "10.0.3.9:43776 - cid:46355 - Slow Consumer Detected: WriteDeadline of 10s exceeded with 36 chunks of {bytes} total bytes."
            )
        } else {
            format!(
                "queue 'orders.admission' in vhost '/': {ready} messages ready, 250 unacknowledged, 4 consumers, published 812/s, delivered 90/s"
            )
        };
        say(&mut scene, root, who, second, Level::Info, &told);
        ready += scene.from(400, 2000);
    }
    if who.is_some() {
        let told = format!(
            "consumer '$G > ORDERS > pharmacy' num_pending={ready} num_ack_pending=1000 (max_ack_pending reached)"
        );
        say(&mut scene, root, who, 4, Level::Warn, &told);
    }
    scene.fail(root, "depth", 0, Reading::Slow, &format!("{ready} is above 10000"));
    suffer(&mut scene, root, Symptom::Slow, |_, name, port| {
        format!("order 8812 is in {name}:{port} since 412 s and was not taken yet, {ready} stand before it")
    });
    let heals = scene.acts(root, &["scale-out"]);
    close(scene, root, Category::Capacity, heals)
}
