//! What the families of those who do not know the rules have in common: whom a cause reaches, who stands by, and how a service
//! runs another program than the platforms do. Words and numbers are each stranger's own.

use codeblue::{
    domain::{Category, Fix},
    platform::Reading,
};

use super::{
    hospital::{Hospital, Role, Stack},
    scene::{Incident, Scene, Truth, at},
    voice::{Level, Symptom},
};

/// What a check says where nobody listens.
pub const REFUSED: &str = "cannot connect: Connection refused (os error 111)";

/// What is said on any day, and how loud it is.
pub type Day = &'static [(Level, &'static str)];

pub fn serves(hospital: &Hospital, unit: usize) -> bool {
    matches!(hospital.units[unit].role, Role::Api | Role::Worker | Role::Auth)
}

pub fn store(hospital: &Hospital, unit: usize) -> bool {
    hospital.units[unit].role == Role::Database
}

/// One of those that fit, and that somebody needs where there is such a one.
pub fn needed(scene: &mut Scene, fits: fn(&Hospital, usize) -> bool) -> usize {
    let leaned_on = |hospital: &Hospital, unit: usize| {
        fits(hospital, unit) && hospital.units.iter().any(|above| above.needs.contains(&unit))
    };
    let is_some = (0..scene.hospital.units.len()).any(|unit| leaned_on(&scene.hospital, unit));
    scene.any(|hospital, unit| if is_some { leaned_on(hospital, unit) } else { fits(hospital, unit) })
}

/// Those that fit, about half of them.
pub fn some(scene: &mut Scene, fits: fn(&Hospital, usize) -> bool) -> Vec<usize> {
    let all = 0..scene.hospital.units.len();
    all.filter(|unit| fits(&scene.hospital, *unit) && scene.dice.happens(5000)).collect()
}

/// Nothing is wrong.
pub fn none() -> Truth {
    Truth { cause: None, heals: Vec::new() }
}

/// How far trouble reaches.
pub struct Ripple {
    /// How many in ten thousand of those further up suffer too.
    pub further: u64,
    /// The second before which each of them does.
    pub until: i64,
    /// How many of their checks name who is below.
    pub named: u64,
}

/// Somebody whose call went wrong.
pub struct Caller<'a> {
    pub unit: usize,
    /// Since when.
    pub from: i64,
    pub symptom: Symptom,
    /// Whom it called, and where.
    pub below: &'a str,
    pub port: u16,
    /// Whether that is the cause itself.
    pub is_nearest: bool,
}

impl Ripple {
    /// Those above suffer, one of them surely, and each tells of it.
    pub fn reach(&self, scene: &mut Scene, root: usize, symptom: Symptom, tell: impl Fn(&mut Scene, &Caller)) {
        let mut hit = vec![root];
        for unit in scene.hospital.above(root) {
            let needs = scene.hospital.units[unit].needs.clone();
            let Some(below) = needs.iter().copied().find(|needed| hit.contains(needed)) else { continue };
            if hit.len() > 1 && !scene.dice.happens(self.further) {
                continue;
            }
            hit.push(unit);
            let from = scene.from(1, self.until);
            let (name, port) = (scene.name(below), scene.hospital.units[below].port);
            let symptom = match symptom {
                Symptom::Slow => Symptom::Slow,
                _ if below == root => symptom,
                _ => Symptom::Failed,
            };
            tell(scene, &Caller { unit, from, symptom, below: &name, port, is_nearest: below == root });
            let is_named = scene.dice.happens(self.named);
            let (reading, detail) = symptom.detail(&name, is_named);
            let check = scene.asks(unit);
            scene.fail(unit, check, from, reading, &detail);
        }
    }
}

/// Nobody answers there any more; so often the process is seen to be gone, in these words.
pub fn ended(scene: &mut Scene, unit: usize, second: i64, times: u64, process: &str) {
    let check = scene.asks(unit);
    scene.fail(unit, check, second, Reading::Bad, REFUSED);
    if scene.dice.happens(times) {
        scene.fail(unit, "process", second, Reading::Bad, process);
    }
}

/// Whoever neither needs it nor is needed by it has a release, or is loud, as on any day.
pub struct Bystanders {
    /// How often each of the two happens.
    pub times: u64,
    /// The version that goes live, and how many seconds before the trouble.
    pub version: &'static str,
    pub before: (i64, i64),
    /// What is loud, from when on, and every how many seconds.
    pub loud: [&'static str; 6],
    pub from: (i64, i64),
    pub every: usize,
}

impl Bystanders {
    fn stand(&self, scene: &mut Scene, root: usize) {
        let mut near = scene.hospital.above(root);
        near.extend(scene.hospital.units[root].needs.clone());
        near.push(root);
        let far: Vec<usize> = (0..scene.hospital.units.len()).filter(|unit| !near.contains(unit)).collect();
        if far.is_empty() {
            return;
        }
        let unit = *scene.dice.pick(&far);
        if scene.hospital.units[unit].code && scene.dice.happens(self.times) {
            let before = scene.from(self.before.0, self.before.1);
            scene.deploy(unit, self.version, before);
        }
        let unit = *scene.dice.pick(&far);
        if scene.dice.happens(self.times) {
            let (text, from) = (*scene.dice.pick(&self.loud), scene.from(self.from.0, self.from.1));
            for second in (from..60).step_by(self.every) {
                scene.say(unit, second, Level::Error, text);
            }
        }
    }

    /// The incident, with them.
    pub fn close(&self, mut scene: Scene, root: usize, category: Category, heals: Vec<Fix>) -> Incident {
        self.stand(&mut scene, root);
        let truth = scene.truth(root, category, heals);
        scene.finish(truth)
    }
}

/// What everybody's program says all day, with a pause of so many seconds.
pub fn chatter(scene: &mut Scene, usual: fn(Stack) -> Day, pause: (i64, i64)) {
    for unit in 0..scene.hospital.units.len() {
        let mut second = -3600 + scene.from(0, 60);
        while second < 100 {
            let (level, text) = *scene.dice.pick(usual(scene.stack(unit)));
            scene.say(unit, second, level, text);
            second += scene.from(pause.0, pause.1);
        }
    }
}

/// A program that a service may run instead of what its stack is.
pub trait Writes: Copy {
    /// How many seconds are between two lines of its day.
    const PAUSE: (i64, i64);
    /// How many seconds it screams.
    const SCREAM: (i64, i64);

    /// A line as it writes it.
    fn line(self, second: i64, level: Level, text: &str) -> String;

    /// What it says all day.
    fn day(self) -> Day;

    /// The service runs this program, and has all day.
    fn runs(self, scene: &mut Scene, unit: usize) {
        scene.hush(unit, i64::MIN);
        let mut second = -3600;
        while second < 60 {
            let (level, text) = *scene.dice.pick(self.day());
            self.say(scene, unit, second, level, text);
            second += scene.from(Self::PAUSE.0, Self::PAUSE.1);
        }
    }

    fn say(self, scene: &mut Scene, unit: usize, second: i64, level: Level, text: &str) {
        let line = self.line(second, level, text);
        scene.raw(unit, second, &line);
    }

    /// An error that comes again and again from a second on.
    fn scream(self, scene: &mut Scene, unit: usize, from: i64, text: &str) {
        scream(scene, unit, Some(self), from, text);
    }
}

/// One of these programs runs there, or what always did.
pub fn perhaps<P: Writes>(scene: &mut Scene, unit: usize, programs: &[P], times: u64) -> Option<P> {
    scene.dice.happens(times).then(|| {
        let program = *scene.dice.pick(programs);
        program.runs(scene, unit);
        program
    })
}

/// A line of whoever runs there.
pub fn say<P: Writes>(scene: &mut Scene, unit: usize, who: Option<P>, second: i64, level: Level, text: &str) {
    match who {
        Some(program) => program.say(scene, unit, second, level, text),
        None => scene.say(unit, second, level, text),
    }
}

/// An error of whoever runs there, again and again from a second on.
pub fn scream<P: Writes>(scene: &mut Scene, unit: usize, who: Option<P>, from: i64, text: &str) {
    for second in from..from + scene.from(P::SCREAM.0, P::SCREAM.1) {
        say(scene, unit, who, second, Level::Error, text);
    }
}

/// A line of PostgreSQL that is of another kind than those of a [`Level`]; what stands before it is a process's.
pub fn postgres(scene: &mut Scene, unit: usize, second: i64, process: &str, kind: &str, text: &str) {
    let line = format!("{}{process} {kind}:  {text}", at(second).format("%F %T"));
    scene.raw(unit, second, &line);
}
