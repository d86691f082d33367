//! Families of incidents by somebody who does not know the rules: the words are those that programs were seen to write, in the
//! issues and pages that each family names.

mod quiet;
mod software;
mod stores;
mod voices;
mod wires;

use codeblue::{
    domain::{Category, Fix},
    platform::Reading,
};

use super::{
    hospital::{Hospital, Role, Stack},
    scene::{Family, Incident, Scene},
    voice::{Level, Symptom},
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

const REFUSED: &str = "cannot connect: Connection refused (os error 111)";

pub(super) fn serves(hospital: &Hospital, unit: usize) -> bool {
    matches!(hospital.units[unit].role, Role::Api | Role::Worker | Role::Auth)
}

pub(super) fn store(hospital: &Hospital, unit: usize) -> bool {
    hospital.units[unit].role == Role::Database
}

/// One of those that fit, and that somebody needs where there is such a one.
pub(super) fn needed(scene: &mut Scene, fits: fn(&Hospital, usize) -> bool) -> usize {
    let leaned_on = |hospital: &Hospital, unit: usize| {
        fits(hospital, unit) && hospital.units.iter().any(|above| above.needs.contains(&unit))
    };
    let is_some = (0..scene.hospital.units.len()).any(|unit| leaned_on(&scene.hospital, unit));
    scene.any(|hospital, unit| if is_some { leaned_on(hospital, unit) } else { fits(hospital, unit) })
}

/// Those above suffer, one of them surely, and the nearest say so in these words.
fn suffer(scene: &mut Scene, root: usize, symptom: Symptom, said: impl Fn(Stack, &str, u16) -> String) {
    let mut hit = vec![root];
    for unit in scene.hospital.above(root) {
        let needs = scene.hospital.units[unit].needs.clone();
        let Some(below) = needs.iter().copied().find(|needed| hit.contains(needed)) else { continue };
        if hit.len() > 1 && !scene.dice.happens(8000) {
            continue;
        }
        hit.push(unit);
        let delay = scene.from(1, 15);
        let (stack, name, port) = (scene.stack(unit), scene.name(below), scene.hospital.units[below].port);
        let further = if symptom == Symptom::Slow { Symptom::Slow } else { Symptom::Failed };
        let (symptom, words) = if below == root {
            (symptom, said(stack, &name, port))
        } else {
            (further, voices::suffers(further, stack, &name, port))
        };
        scene.scream(unit, delay, &words);
        let is_named = scene.dice.happens(4000);
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
    scene.fail(unit, check, second, Reading::Bad, REFUSED);
    if scene.dice.happens(6000) {
        let detail = format!("cannot read /run/{}.pid: No such file or directory (os error 2)", scene.name(unit));
        scene.fail(unit, "process", second, Reading::Bad, &detail);
    }
}

/// Whoever neither needs it nor is needed by it has a release, or is loud, as on any day.
fn bystanders(scene: &mut Scene, root: usize) {
    const LOUD: [&str; 6] = [
        "webhook delivery failed with status 410, giving up on subscriber 17",
        "FHIR bundle 8f31 rejected: Patient.birthDate: Invalid date format",
        "slow client: write of 81920 bytes took 14210 ms",
        "invalid CSRF token from 10.0.9.44, session was opened in another tab",
        "certificate of smtp.relay.example will expire in 21 days",
        "retrying upload of scan 4711, attempt 2 of 5: connection reset by peer",
    ];
    let mut near = scene.hospital.above(root);
    near.extend(scene.hospital.units[root].needs.clone());
    near.push(root);
    let far: Vec<usize> = (0..scene.hospital.units.len()).filter(|unit| !near.contains(unit)).collect();
    if far.is_empty() {
        return;
    }
    let unit = *scene.dice.pick(&far);
    if scene.hospital.units[unit].code && scene.dice.happens(3500) {
        let before = scene.from(15, 600);
        scene.deploy(unit, "v43", before);
    }
    let unit = *scene.dice.pick(&far);
    if scene.dice.happens(3500) {
        let (text, from) = (*scene.dice.pick(&LOUD), scene.from(-300, 10));
        for second in (from..60).step_by(3) {
            scene.say(unit, second, Level::Error, text);
        }
    }
}

fn close(mut scene: Scene, root: usize, category: Category, heals: Vec<Fix>) -> Incident {
    bystanders(&mut scene, root);
    let truth = scene.truth(root, category, heals);
    scene.finish(truth)
}
