//! What people did to a program: a release, an upgrade, a setting; and one that does nothing any more.

use codeblue::{domain::Category, platform::Reading};

use crate::matrix::{
    form::Writes,
    hospital::{Hospital, Role, Stack},
    scene::{Incident, Scene, at, roll_back},
    voice::{Level, Symptom},
};

use super::{
    close, ended, needed, serves, spread, store, suffer,
    voices::{Program, chatter, postgres},
};

/// Jackson, pydantic, zod, encoding/json, System.Text.Json and dry-struct of an answer whose field has another type now. The
/// service itself is content (jojoldu/freelec-springboot2-webservice#101 for Spring's sentence).
pub fn answer_changed(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let before = scene.from(10, 240);
    scene.deploy(root, "2026.9.2", before);
    let started = match scene.stack(root) {
        Stack::Java => "Started WardApplication in 4.127 seconds (process running for 4.913)",
        Stack::Python => "Application startup complete.",
        Stack::Dotnet => "Application started. Press Ctrl+C to shut down.",
        _ => "listening, version 2026.9.2",
    };
    scene.say(root, 5 - before, Level::Info, started);
    suffer(&mut scene, root, Symptom::Failed, |stack, name, port| match stack {
        Stack::Java => format!(
            "feign.codec.DecodeException: Error while extracting response for type [class o.h.Ward] from http://{name}:{port}/v1/wards: JSON parse error: Cannot deserialize value of type `java.lang.Long` from String \"W-17\": not a valid `java.lang.Long` value"
        ),
        Stack::Python => format!(
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for Ward (GET http://{name}:{port}/v1/wards): id: Input should be a valid integer, unable to parse string as an integer [type=int_parsing, input_value='W-17', input_type=str]"
        ),
        Stack::Node => format!(
            "ZodError: [{{\"code\":\"invalid_type\",\"expected\":\"number\",\"received\":\"string\",\"path\":[\"id\"]}}] in the answer of http://{name}:{port}/v1/wards"
        ),
        Stack::Go => format!(
            "decode answer of {name}:{port}: json: cannot unmarshal string into Go struct field Ward.id of type int64"
        ),
        Stack::Dotnet => format!(
            "System.Text.Json.JsonException: The JSON value could not be converted to System.Int64. Path: $.id | LineNumber: 0 | BytePositionInLine: 12. (http://{name}:{port}/v1/wards)"
        ),
        Stack::Ruby => format!(
            "Dry::Struct::Error: [Ward.new] \"W-17\" (String) has invalid type for :id violates constraints (answer of {name}:{port})"
        ),
        _ => format!(
            "upstream sent invalid header: \"X-Ward-Name: \\x0a...\" while reading response header from upstream, upstream: \"http://127.0.0.1:{port}/v1/wards\""
        ),
    });
    let name = scene.name(root);
    close(scene, root, Category::Deployment, vec![roll_back(&name, "code")])
}

/// Told to end, it ended in good order, and nobody started it again: the words of PostgreSQL, MySQL, Redis, RabbitMQ, Spring Boot,
/// gunicorn and puma at SIGTERM. Unattended upgrades that did so: secure.phabricator.com/T13686; MariaDB's lines: its developers'
/// list on how to verify a clean shutdown.
pub fn stopped(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, |hospital, unit| hospital.units[unit].role != Role::Web);
    let stack = scene.stack(root);
    if stack == Stack::Postgres && scene.dice.happens(5000) {
        let (program, words) = *scene.dice.pick(&[
            (
                Program::MySql,
                [
                    "[MY-013172] [Server] Received SHUTDOWN from user <via user signal>. Shutting down mysqld (Version: 8.0.36-0ubuntu0.22.04.1).",
                    "[MY-010910] [Server] /usr/sbin/mysqld: Shutdown complete (mysqld 8.0.36-0ubuntu0.22.04.1)  (Ubuntu).",
                ],
            ),
            (
                Program::MariaDb,
                ["mariadbd (initiated by: unknown): Normal shutdown", "mariadbd: Shutdown complete"],
            ),
        ]);
        program.runs(&mut scene, root);
        scene.hush(root, 0);
        for (second, text) in [-2, 0].into_iter().zip(words) {
            program.say(&mut scene, root, second, Level::Info, text);
        }
    } else {
        let words = match stack {
            Stack::Postgres => ["received fast shutdown request", "database system is shut down"],
            Stack::Redis => ["User requested shutdown...", "Redis is now ready to exit, bye bye..."],
            Stack::Rabbit => ["RabbitMQ is asked to stop...", "Successfully stopped RabbitMQ and its dependencies"],
            Stack::Java => {
                ["Commencing graceful shutdown. Waiting for active requests to complete", "Graceful shutdown complete"]
            }
            Stack::Python => ["Handling signal: term", "Shutting down: Master"],
            Stack::Node => ["SIGTERM received, closing the server", "server closed, bye"],
            Stack::Dotnet => ["Application is shutting down...", "Hosting stopped"],
            Stack::Ruby => ["- Gracefully stopping, waiting for requests to finish", "- Goodbye!"],
            _ => ["received signal terminated, draining", "http: Server closed"],
        };
        scene.hush(root, 0);
        for (second, text) in [-2, 0].into_iter().zip(words) {
            scene.say(root, second, Level::Info, text);
        }
    }
    let name = scene.name(root);
    if scene.dice.happens(5000) {
        scene.system(root, -3, "systemd[1]", &format!("Stopping {name}.service..."));
        scene.system(root, 0, "systemd[1]", &format!("{name}.service: Deactivated successfully."));
    } else if scene.dice.happens(5000) {
        scene.system(
            root,
            -40,
            "systemd[1]",
            "Starting apt-daily-upgrade.service - Daily apt upgrade and clean activities...",
        );
    }
    ended(&mut scene, root, 0);
    spread(&mut scene, root, Symptom::Refused);
    let heals = scene.acts(root, &["restart"]);
    close(scene, root, Category::Process, heals)
}

/// All workers wait for something that never comes: gunicorn (benoitc/gunicorn#3136), Kestrel (dotnet/aspnetcore#46135), puma,
/// Vert.x, and the kubelet's probe; Node and Go have no such words of their own, so those are an application's.
pub fn stuck(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = needed(&mut scene, serves);
    let since = scene.from(-50, -5);
    scene.hush(root, since);
    for turn in 0..5 {
        let second = since + turn * 14;
        let (now, pid) = (at(second), 7210 + turn * 6);
        match scene.stack(root) {
            Stack::Python => {
                let line = format!("[{}] [7] [CRITICAL] WORKER TIMEOUT (pid:{pid})", now.format("%F %T +0000"));
                scene.raw(root, second, &line);
                let line = format!(
                    "[{}] [{}] [INFO] Booting worker with pid: {}",
                    now.format("%F %T +0000"),
                    pid + 6,
                    pid + 6
                );
                scene.raw(root, second + 1, &line);
            }
            Stack::Dotnet => {
                let text = format!(
                    "As of \"{}\", the heartbeat has been running for \"00:00:{:02}.1576021\" which is longer than \"00:00:01\". This could be caused by thread pool starvation.",
                    now.format("%m/%d/%Y %T +00:00"),
                    6 + turn * 9
                );
                scene.say(root, second, Level::Warn, &text);
            }
            Stack::Java => {
                let text = format!(
                    "Thread Thread[vert.x-eventloop-thread-3,5,main] has been blocked for {} ms, time limit is 2000 ms",
                    6012 + turn * 14_003
                );
                scene.say(root, second, Level::Warn, &text);
            }
            Stack::Ruby => {
                let text = format!(
                    "[7] ! Terminating timed out worker (Worker {turn} failed to check in within 60 seconds): {pid}"
                );
                scene.say(root, second, Level::Info, &text);
            }
            Stack::Node => {
                let text =
                    format!("event loop blocked for {} ms, operation started at Parser.parse", 6012 + turn * 14_003);
                scene.say(root, second, Level::Warn, &text);
            }
            _ => {
                let text = format!(
                    "acquire of ward index mutex: still waiting after {} s, held by goroutine 91",
                    6 + turn * 14
                );
                scene.say(root, second, Level::Warn, &text);
            }
        }
    }
    let port = scene.hospital.units[root].port;
    if scene.dice.happens(5000) {
        let told = format!(
            "\"Probe failed\" probeType=\"Liveness\" probeResult=\"failure\" output=\"Get \\\"http://10.1.2.3:{port}/health\\\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)\""
        );
        for second in [4, 14, 24] {
            scene.system(root, second, "kubelet[901]", &told);
        }
    }
    scene.fail(root, "http", 0, Reading::Bad, "connected, but no answer within 1.0 s");
    spread(&mut scene, root, Symptom::TimedOut);
    let heals = scene.acts(root, &["restart"]);
    close(scene, root, Category::Process, heals)
}

fn configured(hospital: &Hospital, unit: usize) -> bool {
    hospital.units[unit].config && !matches!(hospital.units[unit].role, Role::Cache | Role::Queue)
}

/// The file can be read, and says the wrong thing: PostgreSQL's pg_hba.conf, MySQL's `max_allowed_packet` (Connector/J's
/// `PacketTooBigException`, OtterMind/Chat2DB#91), Django's `ALLOWED_HOSTS`, Rails' host authorisation, nginx's
/// `client_max_body_size`.
pub fn setting(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let root = if scene.dice.happens(4000) { needed(&mut scene, store) } else { scene.any(configured) };
    let (name, since) = (scene.name(root), scene.from(-25, -4));
    let check = scene.asks(root);
    match scene.stack(root) {
        Stack::Postgres if scene.dice.happens(5000) => {
            scene.say(root, since, Level::Info, "received SIGHUP, reloading configuration files");
            let told = "no pg_hba.conf entry for host \"10.0.3.9\", user \"app\", database \"main\", no encryption";
            for second in 0..30 {
                postgres(&mut scene, root, second, "FATAL", told);
            }
            scene.fail(root, "sql", 2, Reading::Bad, "28000: no pg_hba.conf entry for host \"10.0.3.2\", user \"app\"");
            suffer(&mut scene, root, Symptom::Failed, |_, name, port| {
                format!("connection to server at \"{name}\" (127.0.0.1), port {port} failed: FATAL:  {told}")
            });
        }
        Stack::Postgres => {
            Program::MySql.runs(&mut scene, root);
            Program::MySql.say(
                &mut scene,
                root,
                since,
                Level::Info,
                "[MY-010931] [Server] /usr/sbin/mysqld: ready for connections. Version: '8.0.36'  socket: '/var/run/mysqld/mysqld.sock'  port: 3306  MySQL Community Server - GPL.",
            );
            for second in (0..30).step_by(2) {
                Program::MySql.say(
                    &mut scene,
                    root,
                    second,
                    Level::Info,
                    "[MY-010914] [Server] Aborted connection 4711 to db: 'main' user: 'app' host: '10.0.3.9' (Got a packet bigger than 'max_allowed_packet' bytes).",
                );
            }
            suffer(&mut scene, root, Symptom::Failed, |_, name, port| {
                format!(
                    "{name}:{port}: Packet for query is too large (5,201,144 > 65,536). You can change this value on the server by setting the 'max_allowed_packet' variable."
                )
            });
        }
        Stack::Nginx => {
            let line = format!(
                "{} [notice] 1#1: signal 1 (SIGHUP) received from 4711, reconfiguring",
                at(since).format("%Y/%m/%d %T")
            );
            scene.raw(root, since, &line);
            scene.scream(root, 0, "client intended to send too large body: 1048 bytes");
            scene.fail(root, check, 5, Reading::Bad, "HTTP 413 in 1 ms: \"Request Entity Too Large\"");
        }
        stack => {
            scene.say(root, since, Level::Info, &format!("settings of /etc/{name} have changed, taking them over"));
            let told = match stack {
                Stack::Python => {
                    "Invalid HTTP_HOST header: 'ward.hospital.example'. You may need to add 'ward.hospital.example' to ALLOWED_HOSTS."
                }
                Stack::Ruby => {
                    "[ActionDispatch::HostAuthorization::DefaultResponseApp] Blocked hosts: ward.hospital.example"
                }
                Stack::Node => "Error: Origin https://ward.hospital.example is not in the list of allowed origins",
                Stack::Java => {
                    "java.lang.IllegalArgumentException: Illegal character in authority at index 7: http://lab_results:${LAB_PORT}"
                }
                Stack::Dotnet => {
                    "System.ArgumentException: Format of the initialization string does not conform to specification starting at index 41."
                }
                _ => "parse \"10.0.3.7:8104/v1\": first path segment in URL cannot contain colon",
            };
            scene.scream(root, 0, told);
            scene.fail(root, check, 2, Reading::Bad, "HTTP 400 in 2 ms: \"Bad Request\"");
            spread(&mut scene, root, Symptom::Failed);
        }
    }
    close(scene, root, Category::Configuration, vec![roll_back(&name, "config")])
}
