//! Windows in which nothing is wrong, or nothing any more, told by other programs.

use codeblue::platform::Reading;

use crate::matrix::{
    form::{none, serves, some, store},
    hospital::Stack,
    scene::{Incident, Scene},
    voice::Level,
};

use super::voices::{chatter, postgres};

/// Everything was restarted in turn, and is back.
pub fn rolled(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    let mut second = -1500;
    for unit in 0..scene.hospital.units.len().min(12) {
        let name = scene.name(unit);
        scene.system(unit, second, "systemd[1]", &format!("Stopping {name}.service..."));
        scene.system(unit, second + 3, "systemd[1]", &format!("{name}.service: Deactivated successfully."));
        scene.system(unit, second + 4, "systemd[1]", &format!("Started {name}.service."));
        let port = scene.hospital.units[unit].port;
        for above in scene.hospital.above(unit) {
            let told = format!("connection to {name}:{port} lost, reconnecting in 2 s");
            scene.say(above, second + 3, Level::Warn, &told);
            scene.say(above, second + 6, Level::Info, &format!("connection to {name}:{port} is back"));
        }
        second += 60;
    }
    scene.finish(none())
}

/// Somebody tries passwords and old holes, as always: sshd, fail2ban and what web servers say of it.
pub fn scanners(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    for unit in some(&mut scene, |_, _| true) {
        let from = scene.from(-1800, -200);
        for second in (from..60).step_by(5) {
            let port = scene.from(30_000, 60_000);
            let told = format!("Failed password for invalid user admin from 203.0.113.9 port {port} ssh2");
            scene.system(unit, second, "sshd[8812]", &told);
        }
        scene.system(unit, from + 100, "fail2ban.actions[701]", "NOTICE  [sshd] Ban 203.0.113.9");
        let told = if scene.stack(unit) == Stack::Nginx {
            "open() \"/srv/www/wp-login.php\" failed (2: No such file or directory)"
        } else {
            "404 POST /wp-login.php from 203.0.113.9: no route matches"
        };
        for second in (from..60).step_by(11) {
            scene.say(unit, second, Level::Error, told);
        }
    }
    scene.finish(none())
}

/// A backup reads everything; it takes a while and harms nobody.
pub fn backup(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    for unit in some(&mut scene, store) {
        let from = scene.from(-1500, -300);
        scene.system(unit, from, "systemd[1]", "Starting pg-backup.service - Nightly dump of main...");
        for second in (from..60).step_by(40) {
            let took = scene.from(1200, 6000);
            let told =
                format!("duration: {took}.871 ms  statement: COPY public.doses_{} TO stdout;", second.rem_euclid(97));
            scene.say(unit, second, Level::Info, &told);
            scene.say(unit, second + 9, Level::Info, "checkpoints are occurring too frequently (19 seconds apart)");
            let told = "Consider increasing the configuration parameter \"max_wal_size\".";
            postgres(&mut scene, unit, second + 9, "HINT", told);
        }
        scene.sample(unit, "cpu", 20, Reading::Good, "71.0 % used: processor");
        scene.sample(unit, "disk", 20, Reading::Good, "78.0 % used: /srv, 31.0 GiB free");
    }
    scene.finish(none())
}

/// The kernel killed some, they were started anew, and have been well since.
pub fn healed(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    for unit in some(&mut scene, serves) {
        let (name, second) = (scene.name(unit), scene.from(-3400, -2600));
        let port = scene.hospital.units[unit].port;
        let told =
            format!("[77812.120391] Out of memory: Killed process 611 ({name}) total-vm:4812340kB, anon-rss:3901232kB");
        scene.system(unit, second, "kernel", &told);
        scene.system(unit, second, "systemd[1]", &format!("{name}.service: Failed with result 'oom-kill'."));
        let told = format!("{name}.service: Scheduled restart job, restart counter is at 1.");
        scene.system(unit, second + 2, "systemd[1]", &told);
        scene.system(unit, second + 3, "systemd[1]", &format!("Started {name}.service."));
        for above in scene.hospital.above(unit) {
            for late in 0..5 {
                let told = format!("dial tcp 127.0.0.1:{port}: connect: connection refused");
                scene.say(above, second + late, Level::Error, &told);
            }
            scene.say(above, second + 9, Level::Info, &format!("{name} answers again"));
        }
    }
    scene.finish(none())
}
