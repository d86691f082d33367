//! Windows in which nothing is wrong, or nothing any more.

use codeblue::platform::Reading;

use crate::matrix::{
    form::{none, serves, some, store},
    hospital::Stack,
    scene::{Incident, Scene},
    voice::{Level, Symptom},
};

use super::voices::{chatter, postgres, suffers};

/// Indexes are rebuilt while everybody works; it reads much, and some questions take longer than usual.
pub fn rebuilt(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    for unit in some(&mut scene, store) {
        let from = scene.from(-1700, -400);
        scene.system(unit, from, "systemd[1]", "Starting pg-reindex.service - Rebuild indexes of main, monthly...");
        for (turn, second) in (from..60).step_by(70).enumerate() {
            let took = scene.from(2000, 9000);
            let told =
                format!("duration: {took}.118 ms  statement: REINDEX INDEX CONCURRENTLY public.doses_{turn}_idx;");
            scene.say(unit, second, Level::Info, &told);
            let took = scene.from(1010, 1400);
            let told = format!("duration: {took}.412 ms  statement: SELECT count(*) FROM audit;");
            scene.say(unit, second + 20, Level::Info, &told);
            postgres(&mut scene, unit, second + 30, "NOTICE", "index of doses was rebuilt, 0 rows are missing");
        }
        scene.sample(unit, "cpu", 18, Reading::Good, "74.0 % used: processor");
        scene.sample(unit, "disk", 18, Reading::Good, "81.0 % used: /srv, 27.4 GiB free");
    }
    scene.finish(none())
}

/// A version was tried on few, erred, was taken back, and all has been well for half an hour.
pub fn canary(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    for unit in some(&mut scene, serves) {
        let (name, second) = (scene.name(unit), scene.from(-3300, -2300));
        let port = scene.hospital.units[unit].port;
        scene.system(unit, second, "flagger[733]", &format!("Starting canary analysis for {name}.wards, weight 5"));
        for late in (10..160).step_by(4) {
            let told = "500 for one of the canary: encounter without an admission, fell back to the old way";
            scene.say(unit, second + late, Level::Error, told);
        }
        let told = format!("Halt {name}.wards advancement success rate 91.20% < 99%");
        scene.system(unit, second + 120, "flagger[733]", &told);
        let told = format!("Rolling back {name}.wards failed checks threshold reached 5; Canary failed! Scaling down");
        scene.system(unit, second + 180, "flagger[733]", &told);
        for above in scene.hospital.above(unit) {
            let stack = scene.stack(above);
            for late in [20, 61, 113] {
                let told = suffers(Symptom::Failed, stack, &name, port);
                scene.say(above, second + late, Level::Error, &told);
            }
        }
        scene.say(unit, second + 240, Level::Info, "41 requests of the canary were answered again, none is open");
    }
    scene.finish(none())
}

/// A partner was away before breakfast; the circuit closed again, and what was kept has been sent.
pub fn partner(mut scene: Scene) -> Incident {
    chatter(&mut scene);
    for unit in some(&mut scene, serves) {
        let (second, kept) = (scene.from(-3400, -2500), scene.from(40, 900));
        let opened = match scene.stack(unit) {
            Stack::Java => "CircuitBreaker 'registry' changed state from CLOSED to OPEN",
            Stack::Dotnet => "Resilience event occurred. EventName: 'OnCircuitOpened', Source: 'registry'",
            _ => "registry.partner.example does not answer, circuit is open, what is due is kept",
        };
        for late in 0..20 {
            let told = "POST https://registry.partner.example/v2/births: 503 Service Unavailable";
            scene.say(unit, second + late * 3, Level::Error, told);
        }
        scene.say(unit, second + 30, Level::Warn, opened);
        let told = "circuit of registry.partner.example: half open, 3 of 3 trials went well, closed";
        scene.say(unit, second + 420, Level::Info, told);
        for late in 0..4 {
            let left = kept - kept / 4 * (late + 1);
            let told = format!("kept messages for registry.partner.example are sent, {left} left");
            scene.say(unit, second + 430 + late * 60, Level::Info, &told);
        }
        scene.say(unit, second + 700, Level::Info, "registry.partner.example: 0 kept, 0 failed in the last 5 min");
    }
    scene.finish(none())
}
