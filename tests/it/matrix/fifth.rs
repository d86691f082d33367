//! Families of incidents by a third one who does not know the rules: other stories than those of `third` and `fourth`, told by
//! other programs, in the words of the issues and manuals that each family names; where a program has none of its own, in an
//! application's. Some lines hold what a patient's record says, as such lines do.

mod capacity;
mod changes;
mod process;
mod quiet;
mod stores;
mod trust;
mod voices;
mod wires;

use codeblue::domain::{Category, Fix};

use super::{
    form::{self, Bystanders, Ripple, Writes, needed, serves, store},
    hospital::{Role, Stack},
    scene::{Family, Incident, Scene},
    voice::{Level, Symptom},
};
use voices::Program;

pub const FAMILIES: [Family; 16] = [
    ("migration of another type", changes::migration),
    ("flag for everybody", changes::flag),
    ("limits of another system", changes::limits),
    ("library gone with an upgrade", process::looping),
    ("statistics for a year", process::busy),
    ("cache lost what it had", process::cold),
    ("read without an index", stores::index),
    ("rows altered by a job", stores::altered),
    ("checksums do not match", stores::torn),
    ("connections never returned", capacity::drained),
    ("archive sent again", capacity::backlog),
    ("quota used up", capacity::quota),
    ("chain incomplete", trust::chain),
    ("account locked by a guesser", trust::locked),
    ("no route to the host", wires::route),
    ("provider throttles everybody", wires::throttled),
];

pub const QUIET: [Family; 3] =
    [("indexes rebuilt", quiet::rebuilt), ("canary taken back", quiet::canary), ("partner back again", quiet::partner)];

const RIPPLE: Ripple = Ripple { further: 7800, until: 17, named: 3500 };

const BYSTANDERS: Bystanders = Bystanders {
    times: 3800,
    version: "v46",
    before: (25, 700),
    loud: [
        "fax to 0221-4711 was not delivered: busy, attempt 3 of 9",
        "barcode scanner 12 sent an unreadable code, the label of Meier, Anna (*1948-03-02) is printed again",
        "ICD-10 code Z99.9x of letter 812 is not in the catalogue of 2026",
        "websocket of bed screen 41 closed: 1006 abnormal closure",
        "photo of user erin could not be scaled: premature end of JPEG file",
        "remote_write: server returned HTTP status 400 Bad Request: out of order sample",
    ],
    from: (-350, 8),
    every: 3,
};

/// Those above suffer, one of them surely, and the nearest say so in these words, unless they only stand before the others.
fn suffer(scene: &mut Scene, root: usize, symptom: Symptom, said: impl Fn(Stack, &str, u16) -> String) {
    RIPPLE.reach(scene, root, symptom, |scene, caller| {
        let (stack, name, port) = (scene.stack(caller.unit), caller.below, caller.port);
        if stack == Stack::Nginx && scene.dice.happens(7000) {
            let program = *scene.dice.pick(&[Program::Caddy, Program::Varnish, Program::Kong]);
            program.runs(scene, caller.unit);
            let words = voices::front(program, caller.symptom, name, port);
            program.scream(scene, caller.unit, caller.from, &words);
        } else {
            let is_told = caller.is_nearest && stack != Stack::Nginx;
            let words =
                if is_told { said(stack, name, port) } else { voices::suffers(caller.symptom, stack, name, port) };
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
    form::ended(scene, unit, second, 5000, "process 812 does not run");
}

/// Somebody near had a release some time before, which is well, or grumbles as ever.
fn distract(scene: &mut Scene, root: usize) {
    const GRUMBLES: [&str; 4] = [
        "slow consumer: bed screen 41 is 12 s behind",
        "token of kiosk 7 will expire in 300 s, it is renewed",
        "answer of 2.1 MiB for Patient/4711/$everything, consider paging",
        "retry 1 of 3 of a statistics upload, it went well",
    ];
    let mut near = scene.hospital.above(root);
    near.extend(scene.hospital.units[root].needs.clone());
    if near.is_empty() {
        return;
    }
    let unit = *scene.dice.pick(&near);
    if scene.hospital.units[unit].code && scene.dice.happens(2500) {
        let before = scene.from(900, 5400);
        scene.deploy(unit, "v46", before);
    }
    let unit = *scene.dice.pick(&near);
    if scene.hospital.units[unit].code && scene.stack(unit) != Stack::Nginx && scene.dice.happens(5000) {
        let told = *scene.dice.pick(&GRUMBLES);
        for second in (-3000..60).step_by(9) {
            scene.say(unit, second, Level::Warn, told);
        }
    }
}

fn close(mut scene: Scene, root: usize, category: Category, heals: Vec<Fix>) -> Incident {
    // Whoever was deployed in the story stays the last that was.
    if category != Category::Deployment {
        distract(&mut scene, root);
    }
    BYSTANDERS.close(scene, root, category, heals)
}

/// One of these roles, and that somebody needs.
fn with(scene: &mut Scene, role: Role) -> usize {
    match role {
        Role::Cache => needed(scene, |hospital, unit| hospital.units[unit].role == Role::Cache),
        Role::Queue => needed(scene, |hospital, unit| hospital.units[unit].role == Role::Queue),
        Role::Database => needed(scene, store),
        _ => needed(scene, serves),
    }
}

/// Whether the platform has a queue.
fn has_queue(scene: &Scene) -> bool {
    scene.hospital.units.iter().any(|unit| unit.role == Role::Queue)
}
