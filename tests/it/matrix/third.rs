//! Families of incidents by somebody who does not know the rules: the words are those that programs were seen to write, in the
//! issues and pages that each family names.

mod quiet;
mod software;
mod stores;
mod voices;
mod wires;

use codeblue::domain::{Category, Fix};

use super::{
    form::{self, Bystanders, Ripple, needed, serves, store},
    hospital::Stack,
    scene::{Family, Incident, Scene},
    voice::Symptom,
};

pub const FAMILIES: [Family; 16] = [
    ("answer changed by a release", software::answer_changed),
    ("stopped by an upgrade", software::stopped),
    ("workers stuck", software::stuck),
    ("setting valid and wrong", software::setting),
    ("pages torn", stores::torn),
    ("cache came back empty", stores::cold),
    ("transaction left open", stores::left_open),
    ("no inodes left", stores::inodes),
    ("memory watermark", stores::watermark),
    ("requests limited", wires::limited),
    ("resolver unwell", wires::resolver),
    ("packets dropped by the host", wires::dropped),
    ("certificate callers refuse", wires::certificate),
    ("directory password expired", wires::directory),
    ("partner slow, threads taken", wires::partner),
    ("clock of the issuer", wires::issuer),
];

pub const QUIET: [Family; 4] = [
    ("rolling restart is over", quiet::rolled),
    ("scanners at the door", quiet::scanners),
    ("backup runs", quiet::backup),
    ("killed and healed an hour ago", quiet::healed),
];

const RIPPLE: Ripple = Ripple { further: 8000, until: 15, named: 4000 };

const BYSTANDERS: Bystanders = Bystanders {
    times: 3500,
    version: "v43",
    before: (15, 600),
    loud: [
        "webhook delivery failed with status 410, giving up on subscriber 17",
        "FHIR bundle 8f31 rejected: Patient.birthDate: Invalid date format",
        "slow client: write of 81920 bytes took 14210 ms",
        "invalid CSRF token from 10.0.9.44, session was opened in another tab",
        "certificate of smtp.relay.example will expire in 21 days",
        "retrying upload of scan 4711, attempt 2 of 5: connection reset by peer",
    ],
    from: (-300, 10),
    every: 3,
};

/// Those above suffer, one of them surely, and the nearest say so in these words.
fn suffer(scene: &mut Scene, root: usize, symptom: Symptom, said: impl Fn(Stack, &str, u16) -> String) {
    RIPPLE.reach(scene, root, symptom, |scene, caller| {
        let (stack, name, port) = (scene.stack(caller.unit), caller.below, caller.port);
        let words = if caller.is_nearest {
            said(stack, name, port)
        } else {
            voices::suffers(caller.symptom, stack, name, port)
        };
        scene.scream(caller.unit, caller.from, &words);
    });
}

/// Those above suffer as anybody does whose call goes wrong so.
fn spread(scene: &mut Scene, root: usize, symptom: Symptom) {
    suffer(scene, root, symptom, |stack, name, port| voices::suffers(symptom, stack, name, port));
}

/// Nobody answers there any more.
fn ended(scene: &mut Scene, unit: usize, second: i64) {
    let detail = format!("cannot read /run/{}.pid: No such file or directory (os error 2)", scene.name(unit));
    form::ended(scene, unit, second, 6000, &detail);
}

fn close(scene: Scene, root: usize, category: Category, heals: Vec<Fix>) -> Incident {
    BYSTANDERS.close(scene, root, category, heals)
}
