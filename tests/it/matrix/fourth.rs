//! Families of incidents by a second one who does not know the rules: other stories than those of `third`, told by other
//! programs, in the words of the issues and pages that each family names; where a program has none of its own, in an
//! application's.

mod capacity;
mod quiet;
mod resources;
mod software;
mod stores;
mod trust;
mod voices;
mod wires;

use codeblue::{
    domain::{Category, Fix},
    platform::Reading,
};

use super::{
    hospital::Stack,
    scene::{Family, Incident, Scene},
    third::{needed, serves, store},
    voice::{Level, Symptom},
};
use voices::Program;

pub const FAMILIES: [Family; 16] = [
    ("migration half applied", software::migration),
    ("poisoned message", software::poisoned),
    ("feature flag turned on", software::flag),
    ("rows changed by hand", stores::altered),
    ("index lost", stores::index),
    ("blocked by a sleeping session", stores::blocked),
    ("pool drained by a leak", capacity::drained),
    ("backlog after an import", capacity::backlog),
    ("memory grows for hours", resources::leak),
    ("no descriptors left", resources::descriptors),
    ("processors saturated", resources::busy),
    ("secret half rotated", trust::rotated),
    ("tickets refused for the clock", trust::tickets),
    ("names not found from one host", wires::names),
    ("link renegotiated", wires::link),
    ("provider unwell", wires::provider),
];

pub const QUIET: [Family; 4] = [
    ("certificates renewed", quiet::renewed),
    ("pods moved and back", quiet::moved),
    ("failover drill an hour ago", quiet::drill),
    ("nightly import with rejects", quiet::import),
];

/// Those above suffer, one of them surely, and the nearest say so in these words, unless they only stand before the others.
fn suffer(scene: &mut Scene, root: usize, symptom: Symptom, said: impl Fn(Stack, &str, u16) -> String) {
    let mut hit = vec![root];
    for unit in scene.hospital.above(root) {
        let needs = scene.hospital.units[unit].needs.clone();
        let Some(below) = needs.iter().copied().find(|needed| hit.contains(needed)) else { continue };
        if hit.len() > 1 && !scene.dice.happens(7500) {
            continue;
        }
        hit.push(unit);
        let delay = scene.from(1, 18);
        let (stack, name, port) = (scene.stack(unit), scene.name(below), scene.hospital.units[below].port);
        let symptom = match symptom {
            Symptom::Slow => Symptom::Slow,
            _ if below == root => symptom,
            _ => Symptom::Failed,
        };
        if stack == Stack::Nginx {
            let program = *scene.dice.pick(&[Program::HaProxy, Program::Envoy, Program::Traefik, Program::Apache]);
            program.runs(scene, unit);
            let words = voices::front(program, symptom, &name, port);
            voices::scream(scene, unit, Some(program), delay, &words);
        } else {
            let words =
                if below == root { said(stack, &name, port) } else { voices::suffers(symptom, stack, &name, port) };
            scene.scream(unit, delay, &words);
        }
        let is_named = scene.dice.happens(3500);
        let (reading, detail) = symptom.detail(&name, is_named);
        let check = scene.asks(unit);
        scene.fail(unit, check, delay, reading, &detail);
    }
}

/// Those above suffer as anybody does whose call goes wrong so.
fn spread(scene: &mut Scene, root: usize, symptom: Symptom) {
    suffer(scene, root, symptom, |stack, name, port| voices::suffers(symptom, stack, name, port));
}

/// Nobody answers there any more.
fn ended(scene: &mut Scene, unit: usize, second: i64) {
    let check = scene.asks(unit);
    scene.fail(unit, check, second, Reading::Bad, "cannot connect: Connection refused (os error 111)");
    if scene.dice.happens(4000) {
        scene.fail(unit, "process", second, Reading::Bad, "process 812 does not run");
    }
}

/// Whoever neither needs it nor is needed by it has a release, or is loud, as on any day.
fn bystanders(scene: &mut Scene, root: usize) {
    const LOUD: [&str; 6] = [
        "HL7 message ADT^A08 rejected: segment PID is missing field 3",
        "push to device token 8f31 failed: 410 Unregistered",
        "could not render avatar 4711: unsupported image format",
        "DICOM association from MODALITY-9 rejected: calling AE title not recognized",
        "statsd: write udp 127.0.0.1:8125: connection refused",
        "duplicate key value, appointment 8812 was booked twice, second one dropped",
    ];
    let mut near = scene.hospital.above(root);
    near.extend(scene.hospital.units[root].needs.clone());
    near.push(root);
    let far: Vec<usize> = (0..scene.hospital.units.len()).filter(|unit| !near.contains(unit)).collect();
    if far.is_empty() {
        return;
    }
    let unit = *scene.dice.pick(&far);
    if scene.hospital.units[unit].code && scene.dice.happens(4000) {
        let before = scene.from(12, 500);
        scene.deploy(unit, "v44", before);
    }
    let unit = *scene.dice.pick(&far);
    if scene.dice.happens(4000) {
        let (text, from) = (*scene.dice.pick(&LOUD), scene.from(-400, 5));
        for second in (from..60).step_by(2) {
            scene.say(unit, second, Level::Error, text);
        }
    }
}

fn close(mut scene: Scene, root: usize, category: Category, heals: Vec<Fix>) -> Incident {
    bystanders(&mut scene, root);
    let truth = scene.truth(root, category, heals);
    scene.finish(truth)
}
