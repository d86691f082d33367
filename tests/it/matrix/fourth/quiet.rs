//! Windows in which nothing is wrong, or nothing any more, in the words of these programs.

use codeblue::platform::Reading;

use crate::matrix::{
    form::{Writes, none, serves, some, store},
    hospital::{Role, Stack},
    scene::{Incident, Scene},
    voice::Level,
};

use super::voices::{Program, chatter, postgres};

/// Certificates were renewed in time, and everybody took them over.
pub fn renewed(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    for unit in some(&mut scene, |hospital, unit| hospital.units[unit].role == Role::Web) {
        let second = scene.from(-1700, -500);
        scene.system(
            unit,
            second - 40,
            "certbot[8812]",
            "Certificate is due for renewal, auto-renewing... expires in 29 days",
        );
        scene.system(
            unit,
            second,
            "certbot[8812]",
            "Congratulations, all renewals succeeded: /etc/letsencrypt/live/ward/fullchain.pem (success)",
        );
        if scene.stack(unit) == Stack::Nginx {
            let told = "Proxy fe_main stopped (cumulated conns: FE: 81204, BE: 0).";
            Program::HaProxy.say(&mut scene, unit, second + 2, Level::Warn, told);
            Program::HaProxy.say(&mut scene, unit, second + 2, Level::Info, "New worker (4711) forked");
        }
        scene.system(unit, second + 3, "systemd[1]", "Reloaded haproxy.service - HAProxy Load Balancer.");
        for late in 0..6 {
            let told =
                "fe_main/1: SSL handshake failure (error:0A000416:SSL routines::ssl/tls alert certificate unknown)";
            scene.system(unit, second + 10 + late * 90, "haproxy[110]", told);
        }
    }
    scene.finish(none())
}

/// Kubernetes has moved pods to other nodes and made more of them; each was ready after its first probes.
pub fn moved(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    for unit in some(&mut scene, serves) {
        let (name, port, second) = (scene.name(unit), scene.hospital.units[unit].port, scene.from(-2400, -700));
        for (late, told) in [
            (0, format!("reason=Killing Stopping container {name}")),
            (1, format!("reason=ScalingReplicaSet Scaled up replica set {name}-7c9d8f to 4 from 3")),
            (3, format!("reason=Scheduled Successfully assigned wards/{name}-7c9d8f-x2 to node-5")),
            (
                9,
                format!(
                    "reason=Unhealthy Readiness probe failed: Get \"http://10.1.2.3:{port}/health\": dial tcp 10.1.2.3:{port}: connect: connection refused"
                ),
            ),
            (
                14,
                format!(
                    "reason=Unhealthy Readiness probe failed: Get \"http://10.1.2.3:{port}/health\": dial tcp 10.1.2.3:{port}: connect: connection refused"
                ),
            ),
            (21, format!("reason=Started Started container {name}, ready after 18s")),
        ] {
            scene.system(unit, second + late, "kube-events[733]", &told);
        }
        for above in scene.hospital.above(unit) {
            scene.say(
                above,
                second + 8,
                Level::Warn,
                &format!("{name}:{port} closed the connection, asked again and was answered in 12 ms"),
            );
        }
    }
    scene.finish(none())
}

/// A failover was rehearsed and taken back; nobody has erred since.
pub fn drill(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    for unit in some(&mut scene, store) {
        let (name, port, second) = (scene.name(unit), scene.hospital.units[unit].port, scene.from(-3400, -2200));
        scene.system(unit, second - 30, "patroni[655]", "INFO: switchover requested by erin, rehearsal of the quarter");
        scene.say(unit, second, Level::Info, "received fast shutdown request");
        for late in 0..12 {
            postgres(&mut scene, unit, second + late, "FATAL", "the database system is shutting down");
        }
        scene.system(unit, second + 14, "patroni[655]", "INFO: promoted self to leader by acquiring session lock");
        scene.say(unit, second + 15, Level::Info, "database system is ready to accept connections");
        scene.system(unit, second + 600, "patroni[655]", "INFO: no action. I am (node-1), the leader with the lock");
        for above in scene.hospital.above(unit) {
            for late in 0..12 {
                let told = format!("could not connect to {name}:{port}: FATAL: the database system is shutting down");
                scene.say(above, second + late, Level::Error, &told);
            }
            scene.say(above, second + 17, Level::Info, &format!("{name} answers again, 0 requests were lost"));
        }
    }
    scene.finish(none())
}

/// The nightly import is late today, as often: some rows are rejected, some messages end in the dead letters, it takes a while.
pub fn import(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    for unit in some(&mut scene, serves) {
        let from = scene.from(-1500, -300);
        scene.say(unit, from, Level::Info, "import of insurers.csv began, 81204 rows");
        for second in (from..60).step_by(14) {
            let row = scene.from(1000, 80_000);
            let told =
                format!("row {row} was rejected: insurer number fails its check digit, sent to the dead letters");
            scene.say(unit, second, Level::Error, &told);
        }
        scene.sample(unit, "cpu", 15, Reading::Good, "81.4 % used: processor");
        scene.sample(unit, "memory", 15, Reading::Good, "77.0 % used: memory, 7.3 GiB free");
        for below in scene.hospital.units[unit].needs.clone() {
            if scene.stack(below) == Stack::Postgres {
                for second in (from..60).step_by(50) {
                    let took = scene.from(1100, 2900);
                    let told = format!(
                        "duration: {took}.412 ms  statement: COPY insurers_{} FROM stdin;",
                        second.rem_euclid(89)
                    );
                    scene.say(below, second, Level::Info, &told);
                }
            }
        }
    }
    scene.finish(none())
}
