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

use codeblue::domain::{Category, Fix};

use super::{
    form::{self, Bystanders, Ripple, Writes, needed, serves, store},
    hospital::Stack,
    scene::{Family, Incident, Scene},
    voice::Symptom,
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

const RIPPLE: Ripple = Ripple { further: 7500, until: 18, named: 3500 };

const BYSTANDERS: Bystanders = Bystanders {
    times: 4000,
    version: "v44",
    before: (12, 500),
    loud: [
        "HL7 message ADT^A08 rejected: segment PID is missing field 3",
        "push to device token 8f31 failed: 410 Unregistered",
        "could not render avatar 4711: unsupported image format",
        "DICOM association from MODALITY-9 rejected: calling AE title not recognized",
        "statsd: write udp 127.0.0.1:8125: connection refused",
        "duplicate key value, appointment 8812 was booked twice, second one dropped",
    ],
    from: (-400, 5),
    every: 2,
};

/// Those above suffer, one of them surely, and the nearest say so in these words, unless they only stand before the others.
fn suffer(scene: &mut Scene, root: usize, symptom: Symptom, said: impl Fn(Stack, &str, u16) -> String) {
    RIPPLE.reach(scene, root, symptom, |scene, caller| {
        let (stack, name, port) = (scene.stack(caller.unit), caller.below, caller.port);
        if stack == Stack::Nginx {
            let program = *scene.dice.pick(&[Program::HaProxy, Program::Envoy, Program::Traefik, Program::Apache]);
            program.runs(scene, caller.unit);
            let words = voices::front(program, caller.symptom, name, port);
            program.scream(scene, caller.unit, caller.from, &words);
        } else {
            let words = if caller.is_nearest {
                said(stack, name, port)
            } else {
                voices::suffers(caller.symptom, stack, name, port)
            };
            scene.scream(caller.unit, caller.from, &words);
        }
    });
}

/// Those above suffer as anybody does whose call goes wrong so.
fn spread(scene: &mut Scene, root: usize, symptom: Symptom) {
    suffer(scene, root, symptom, |stack, name, port| voices::suffers(symptom, stack, name, port));
}

/// Nobody answers there any more.
fn ended(scene: &mut Scene, unit: usize, second: i64) {
    form::ended(scene, unit, second, 4000, "process 812 does not run");
}

fn close(scene: Scene, root: usize, category: Category, heals: Vec<Fix>) -> Incident {
    BYSTANDERS.close(scene, root, category, heals)
}
