//! Windows in which nothing is wrong, or nothing any more, and somebody asks all the same.

use codeblue::{
    domain::{Actor, Command},
    platform::Reading,
};

use super::{
    hospital::trouble,
    scene::{Family, Incident, Scene, Truth, at},
    voice::Level,
};

pub const FAMILIES: [Family; 5] = [
    ("nothing at all", nothing),
    ("maintenance is over", maintenance),
    ("false alarm", false_alarm),
    ("log storm without harm", storm),
    ("the daily errors and a release", daily),
];

fn none() -> Truth {
    Truth { cause: None, heals: Vec::new() }
}

fn nothing(scene: Scene) -> Incident {
    scene.finish(none())
}

fn maintenance(mut scene: Scene) -> Incident {
    let unit = scene.any(|_, _| true);
    scene.hospital.now = at(-1200);
    let (service, until, reason) = (scene.name(unit), trouble(), "upgrade".to_owned());
    scene.hospital.give(
        &Actor::Operator("erin".to_owned()),
        Command::StartMaintenance { service: service.clone(), until, reason },
    );
    for second in (-1100..-400).step_by(20) {
        scene.say(unit, second, Level::Error, "connection refused while the upgrade runs");
    }
    scene.hospital.now = at(-300);
    scene.hospital.give(&Actor::Operator("erin".to_owned()), Command::EndMaintenance { service });
    scene.finish(none())
}

fn false_alarm(mut scene: Scene) -> Incident {
    let unit = scene.any(|_, _| true);
    let check = scene.asks(unit);
    // It failed once, and has come out well since.
    scene.fail(unit, check, 0, Reading::Slow, "HTTP 200 in 0.6 s");
    scene.sample(unit, check, 25, Reading::Good, "HTTP 200 in 11 ms");
    scene.finish(none())
}

fn storm(mut scene: Scene) -> Incident {
    let unit = scene.any(|_, _| true);
    for second in -600..60 {
        scene.say(unit, second, Level::Warn, "client 10.0.9.12 sent an unknown header, ignored");
        scene.say(unit, second, Level::Info, "heartbeat of monitor 7");
    }
    scene.finish(none())
}

fn daily(mut scene: Scene) -> Incident {
    let unit = scene.any(|hospital, unit| hospital.units[unit].code);
    let before = scene.from(30, 400);
    scene.deploy(unit, "v41", before);
    for second in (-3400..60).step_by(40) {
        scene.say(unit, second, Level::Error, "could not send statistics: connection refused");
    }
    scene.finish(none())
}
