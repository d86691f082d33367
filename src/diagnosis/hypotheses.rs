//! What could be the cause, and how much speaks for it. Each cause collects weights from independent signs (`signs`, and the
//! functions below); the confidence is `1 - Π(1 - weight)`, so that two independent signs of 0.7 make 0.91, and no weights
//! make 95 %. What is only a symptom of something more specific counts less.

use std::collections::BTreeMap;

use super::{
    confidence::UNPROVED,
    document::Scene,
    hearsay, kept,
    line::Level,
    logs::Repeated,
    redact::clip,
    release,
    root::checks,
    signs::{self, GONE, NO_PROCESS, Place, READS_ALL, SILENT, SLOW_WAY, has, is_reload},
    values,
};
use crate::{
    domain::{Cause, DeploymentId, Evidence},
    platform::{Adapter, ComponentKind, HostResource, Probe, Reading, Sample},
};

/// A possible cause with what speaks for it.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    pub(super) cause: Cause,
    pub(super) issue: String,
    pub(super) confidence: f64,
    pub(super) deployment: Option<DeploymentId>,
    pub(super) evidence: Vec<Evidence>,
}

/// Below this nothing is claimed.
pub(super) const CLAIM_FROM: f64 = 0.3;
/// Characters of a line that are quoted in the issue.
pub(super) const QUOTE: usize = 120;
/// How much of a symptom is left beside something more specific that is certain.
const SYMPTOM: f64 = 0.25;
/// From here on a limit that was reached is a cause of its own, whatever was changed before.
const CERTAIN: f64 = 0.7;
/// How much it says that settings were read anew.
const SPOKEN_OF: f64 = 0.45;
/// How much it says that a file of a declared component is missing or not what it was.
const UNUSABLE_FILE: f64 = 0.85;

/// What other causes bring about: beside one of those it is no cause of its own.
pub(super) fn is_symptom(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ProcessExit
            | Cause::ProcessHang
            | Cause::CrashLoop
            | Cause::Slowness
            | Cause::CacheMiss
            | Cause::Connectivity
    )
}

/// Weights of the causes at one service.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The best of each place for each cause, and what was found otherwise.
    weights: BTreeMap<Cause, Vec<f64>>,
    /// The strongest line for each.
    quotes: BTreeMap<Cause, (f64, String)>,
}

impl Tally {
    /// Something more that speaks for a cause.
    pub(super) fn add(&mut self, cause: Cause, weight: f64) {
        if weight > 0.0 {
            self.weights.entry(cause).or_default().push(weight);
        }
    }

    /// What is shown of a cause, unless something that speaks louder is.
    pub(super) fn quote(&mut self, cause: Cause, weight: f64, text: impl FnOnce() -> String) {
        if self.quotes.get(&cause).is_none_or(|known| known.0 < weight) {
            self.quotes.insert(cause, (weight, text()));
        }
    }

    fn confidence(&self, cause: Cause) -> f64 {
        self.weights.get(&cause).map_or(0.0, |weights| together(weights))
    }

    fn scale(&mut self, cause: Cause, by: f64) {
        if self.weights.contains_key(&cause) {
            let left = self.confidence(cause) * by;
            self.weights.insert(cause, vec![left]);
        }
    }
}

/// All causes for which something speaks, the most likely first.
pub(super) fn weigh(scene: &Scene) -> Vec<Hypothesis> {
    let mut tally = Tally::default();
    words(scene, &mut tally);
    gone(scene, &mut tally);
    silent(scene, &mut tally);
    measured(scene, &mut tally);
    database(scene, &mut tally);
    beyond(scene, &mut tally);
    hearsay::heard(scene, &mut tally);
    hearsay::accused(scene, &mut tally);
    reset(scene, &mut tally);
    let release = release::weigh(scene, tally.confidence(Cause::Setting).max(tally.confidence(Cause::OutOfMemory)));
    let released = release.as_ref().map_or(0.0, |release| release.confidence);
    damp(scene, &mut tally, released);
    let mut found: Vec<Hypothesis> = release.into_iter().collect();
    for cause in tally.weights.keys() {
        let quote = tally.quotes.get(cause).map(|(_, quote)| quote.as_str());
        let confidence = rounded(tally.confidence(*cause));
        let issue = issue(scene, *cause, quote);
        found.push(Hypothesis { cause: *cause, issue, confidence, deployment: None, evidence: Vec::new() });
    }
    found.retain(|hypothesis| hypothesis.confidence >= CLAIM_FROM);
    found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    found
}

fn together(weights: &[f64]) -> f64 {
    let doubt: f64 = weights.iter().map(|weight| 1.0 - weight).product();
    (1.0 - doubt).min(UNPROVED)
}

/// Confidences are told in hundredths.
pub(super) fn rounded(confidence: f64) -> f64 {
    (confidence * 100.0).round().min(100.0 * UNPROVED) / 100.0
}

/// All signs of one cause together.
pub(super) fn sum(weights: &[f64]) -> f64 {
    rounded(together(weights))
}

/// What more specific causes leave of their symptoms.
fn damp(scene: &Scene, tally: &mut Tally, released: f64) {
    // Queries that read whole tables keep the processors busy, and whoever asks waits: of those they are no symptom.
    let reads_all = scene.lines.iter().any(|line| line.new && has(&line.raw, &READS_ALL));
    if reads_all {
        for cause in [Cause::ProcessorSaturated, Cause::ProcessHang, Cause::NetworkLatency] {
            tally.scale(cause, SYMPTOM);
        }
    }
    // A kernel that says what it does to packets tells of no symptom.
    let certain = tally.confidence(Cause::Connectivity) >= CERTAIN;
    let specific =
        tally.weights.keys().filter(|cause| !is_symptom(**cause) || **cause == Cause::Connectivity && certain);
    let most = specific.map(|cause| tally.confidence(*cause)).fold(0.0, f64::max);
    let most = if released >= 0.6 { most.max(0.5 * released) } else { most };
    let left = 1.0 - (1.0 - SYMPTOM) * most;
    // What is not found in a cache is done anew, and that work piles up; no backlog empties a cache.
    let missing = tally.confidence(Cause::CacheMiss);
    let follows = |cause: Cause| matches!(cause, Cause::QueueBacklog | Cause::Credentials);
    let others = tally.weights.keys().filter(|cause| !is_symptom(**cause) && !follows(**cause));
    let others = others.map(|cause| tally.confidence(*cause)).fold(0.0, f64::max);
    tally.scale(Cause::CacheMiss, 1.0 - (1.0 - SYMPTOM) * others);
    tally.scale(Cause::QueueBacklog, 1.0 - (1.0 - SYMPTOM) * missing);
    // Sessions that are gone are logins that are refused.
    tally.scale(Cause::Credentials, 1.0 - (1.0 - SYMPTOM) * missing);
    // Who waits for somebody outside has all his workers taken; more of them would wait as well.
    let outside = tally.confidence(Cause::ExternalDependency);
    tally.scale(Cause::PoolExhausted, 1.0 - (1.0 - SYMPTOM) * outside);
    for cause in [Cause::ProcessHang, Cause::CrashLoop] {
        tally.scale(cause, left);
    }
    if !reads_all {
        tally.scale(Cause::Slowness, left);
    }
    if !certain {
        tally.scale(Cause::Connectivity, left);
    }
    let looping = tally.confidence(Cause::CrashLoop);
    tally.scale(Cause::ProcessExit, left.min(1.0 - (1.0 - SYMPTOM) * looping));
}

/// What checks and the log say, word by word. Of each place the best sign of a cause counts.
fn words(scene: &Scene, tally: &mut Tally) {
    let mut best: BTreeMap<(Cause, Place), f64> = BTreeMap::new();
    let mut count = |tally: &mut Tally, place: Place, cause: Cause, weight: f64, text: &dyn Fn() -> String| {
        let known = best.entry((cause, place)).or_insert(0.0);
        *known = known.max(weight);
        tally.quote(cause, weight, text);
    };
    for sample in scene.bad().chain(scene.slow.iter()) {
        let detail = sample.detail.to_lowercase();
        let quote = || scene.case.redactor.line(&sample.detail);
        for (cause, weight) in signs::read(&detail, Place::Check) {
            count(tally, Place::Check, cause, weight, &quote);
        }
        // What a service answers is what its log would say.
        for (cause, weight) in signs::answered(&detail).map(|said| scene.speaks(said)).unwrap_or_default() {
            count(tally, Place::Log, cause, weight, &quote);
        }
    }
    for line in scene.lines.iter().filter(|line| line.new) {
        if line.level == Level::Info {
            if is_reload(&line.raw) {
                count(tally, Place::Both, Cause::Setting, SPOKEN_OF, &|| line.line.clone());
            }
            for (cause, weight) in signs::read(&line.raw, Place::Aside) {
                count(tally, Place::Log, cause, weight * 0.9, &|| told(line));
            }
            continue;
        }
        for (cause, weight) in scene.speaks(&line.raw) {
            // Its own database may be well: then it repeats what somebody else's has said, and that may be over.
            let hearsay = cause == Cause::Corruption && !scene.keeps_data();
            let quiet = if line.level == Level::Warning { 0.9 } else { 1.0 };
            let weight = weight * quiet * if hearsay { 0.8 } else { 1.0 };
            count(tally, Place::Log, cause, weight, &|| told(line));
        }
    }
    for ((cause, _), weight) in best {
        tally.add(cause, weight);
    }
}

/// A line as the issue quotes it: with how often it came, and how its figures went.
pub(super) fn told(line: &Repeated) -> String {
    let trend = values::trend(line).map(|trend| format!(", {trend}")).unwrap_or_default();
    let times = if line.count > 1 { format!(" ×{}", line.count) } else { String::new() };
    format!("{}{times}{trend}", clip(&line.line, QUOTE))
}

fn says(samples: impl Iterator<Item = impl AsRef<str>>, words: &[&str]) -> bool {
    samples.into_iter().any(|detail| has(&detail.as_ref().to_lowercase(), words))
}

impl Scene<'_> {
    /// The failing checks that do not complain of somebody below who is not known to be well.
    pub(super) fn bad(&self) -> impl Iterator<Item = &&Sample> {
        let blamed = |sample: &Sample| self.names.blamed(sample, &self.below);
        self.failing.iter().filter(move |sample| blamed(sample).is_none_or(|named| self.is_well(named)))
    }

    /// What a text in small letters that the service has written speaks for: by its words, and by the files it names.
    fn speaks(&self, text: &str) -> Vec<(Cause, f64)> {
        let mut found = signs::read(text, Place::Log);
        if let Some(cause) = kept::unusable(&self.case.state.platform, self.root, text) {
            // It tells more exactly what is damaged.
            found.retain(|(known, _)| ![cause, Cause::Corruption, Cause::AlteredData, Cause::Setting].contains(known));
            found.push((cause, UNUSABLE_FILE));
        }
        found
    }

    /// Whether one below was found well since the trouble began.
    pub(super) fn is_well(&self, below: &str) -> bool {
        self.well.iter().any(|well| well == below)
    }

    /// Whether a failing check that asks the service itself says so.
    fn bad_says(&self, words: &[&str]) -> bool {
        let of_others = |sample: &Sample| {
            matches!(
                self.probe(sample),
                Some(Probe::Dns(_) | Probe::Host { .. } | Probe::Clock(_) | Probe::Promql(_) | Probe::Log(_))
            )
        };
        says(self.bad().filter(|sample| !of_others(sample)).map(|sample| &sample.detail), words)
    }

    /// Whether checks say that the process is not there.
    pub(super) fn is_gone(&self) -> bool {
        self.bad_says(&GONE) || self.lost_process()
    }

    fn lost_process(&self) -> bool {
        let of_process = self.bad().filter(|sample| matches!(self.probe(sample), Some(Probe::Process { .. })));
        says(of_process.map(|sample| &sample.detail), &NO_PROCESS)
    }

    /// Whether checks say that the process was stopped.
    pub(super) fn is_frozen(&self) -> bool {
        self.bad_says(&["is stopped", "stopped", "frozen"])
    }

    pub(super) fn keeps_data(&self) -> bool {
        let platform = &self.case.state.platform;
        platform.components_of(self.root).any(|component| component.kind == ComponentKind::Database)
    }

    fn probe(&self, sample: &Sample) -> Option<&Probe> {
        let service = self.case.state.platform.service(&sample.service)?;
        service.checks.iter().find(|found| found.name == sample.check).map(|found| &found.probe)
    }

    /// Checks that ask for an answer and get it late.
    pub(super) fn late(&self) -> impl Iterator<Item = &&Sample> {
        let asks = |sample: &&&Sample| {
            matches!(
                self.probe(sample),
                None | Some(
                    Probe::Http(_)
                        | Probe::Workflow { .. }
                        | Probe::Tcp { .. }
                        | Probe::Command { .. }
                        | Probe::Inference(_)
                )
            ) || matches!(self.probe(sample), Some(Probe::Sqlite { .. } | Probe::Postgres(_) | Probe::Dns(_)))
                && signs::read(&sample.detail.to_lowercase(), Place::Check).is_empty()
        };
        let certificate = |sample: &&&Sample| has(&sample.detail.to_lowercase(), &["certificate"]);
        self.slow.iter().filter(asks).filter(move |sample| !certificate(sample))
    }
}

fn gone(scene: &Scene, tally: &mut Tally) {
    let missing = scene.bad_says(&GONE[1..]) || scene.lost_process();
    tally.add(Cause::ProcessExit, if scene.bad_says(&GONE[..1]) { 0.7 } else { 0.0 });
    tally.add(Cause::ProcessExit, if missing { 0.8 } else { 0.0 });
}

fn silent(scene: &Scene, tally: &mut Tally) {
    let silent = scene.bad_says(&SILENT) || scene.bad_says(&["did not end within"]);
    let late = scene.late().next().is_some();
    let slowness = if late {
        0.75
    } else if silent {
        0.35
    } else {
        0.0
    };
    tally.add(Cause::Slowness, slowness);
    if scene.is_gone() {
        return;
    }
    let quiet = scene.lines.iter().chain(&scene.complaints).all(|line| line.level != Level::Error || !line.new);
    // A frozen process keeps its number and its open port: what only looks at those is content.
    let present = checks(scene.case.vitals, scene.root, Reading::Good)
        .iter()
        .any(|sample| matches!(scene.probe(sample), Some(Probe::Tcp { .. } | Probe::Process { .. })));
    for (seen, weight) in
        [(scene.is_frozen(), 0.85), (silent, 0.6), (silent && quiet, 0.3), (silent && quiet && present, 0.3)]
    {
        tally.add(Cause::ProcessHang, if seen { weight } else { 0.0 });
    }
}

/// Figures of the host, the clock, names and queues, by the check that measures them.
fn measured(scene: &Scene, tally: &mut Tally) {
    for sample in scene.failing.iter().chain(&scene.slow) {
        let (cause, weight) = match scene.probe(sample) {
            Some(Probe::Host { resource, .. }) => match resource {
                HostResource::Disk | HostResource::Inodes => (Cause::DiskFull, 0.8),
                HostResource::Memory => (Cause::OutOfMemory, 0.8),
                HostResource::Cpu | HostResource::Load => (Cause::ProcessorSaturated, 0.8),
                HostResource::Descriptors => (Cause::OutOfDescriptors, 0.8),
            },
            Some(Probe::Dns(_)) => (Cause::NameResolution, 0.5),
            Some(Probe::Promql(probe))
                if has(&probe.query.to_lowercase(), &["lag", "depth", "backlog", "queue", "pending"]) =>
            {
                (Cause::QueueBacklog, 0.6)
            }
            _ => continue,
        };
        tally.add(cause, weight);
        tally.quote(cause, weight, || scene.case.redactor.line(&sample.detail));
    }
}

/// A database that cannot even be opened, or that somebody has emptied, is as bad as a damaged one.
fn database(scene: &Scene, tally: &mut Tally) {
    let unusable = |sample: &&&Sample| {
        matches!(scene.probe(sample), Some(Probe::Sqlite { .. }))
            && has(&sample.detail.to_lowercase(), &["cannot open", "is empty", "is no file"])
    };
    if scene.failing.iter().any(|sample| unusable(&sample)) {
        tally.add(Cause::Corruption, 0.85);
    }
}

/// What lies beyond the service: somebody outside of the platform, or the way to a service that is well.
fn beyond(scene: &Scene, tally: &mut Tally) {
    let new = || scene.lines.iter().chain(&scene.complaints).filter(|line| line.new && line.level >= Level::Warning);
    let outside = new().find(|line| {
        let own = signs::read(&line.raw, Place::Log);
        let explained = own.iter().any(|(cause, _)| matches!(cause, Cause::NameResolution | Cause::Certificate));
        let late = has(&line.raw, &["took", "waiting", "slow", "elapsed", "latency"]);
        !explained && (late || signs::is_unreached(&line.raw)) && scene.names.outside(&line.raw).is_some()
    });
    if let Some(line) = outside {
        tally.add(Cause::ExternalDependency, 0.8);
        tally.quote(Cause::ExternalDependency, 0.8, || told(line));
    }
    let cleared = |line: &&Repeated| line.named.as_deref().is_some_and(|named| scene.is_well(named));
    let way = scene.complaints.iter().filter(|line| line.new).filter(cleared);
    let speaks = |line: &Repeated| -> f64 {
        if has(&line.raw, &SLOW_WAY) {
            0.8
        } else if has(&line.raw, &SILENT) {
            0.5
        } else {
            0.0
        }
    };
    let best = way.map(|line| (speaks(line), line));
    if let Some((weight, line)) = best.max_by(|a, b| a.0.total_cmp(&b.0)) {
        tally.add(Cause::NetworkLatency, weight);
        tally.quote(Cause::NetworkLatency, weight, || told(line));
    }
}

/// A line speaks of settings, and beside it there are symptoms of which nothing says what they come from, or a limit that is itself a
/// setting was reached: then the setting is suspected before the limit.
fn reset(scene: &Scene, tally: &mut Tally) {
    let spoken_of = (SPOKEN_OF..CERTAIN).contains(&tally.confidence(Cause::Setting));
    let causes: Vec<Cause> = tally.weights.keys().copied().filter(|cause| *cause != Cause::Setting).collect();
    let may_follow = |cause: Cause| {
        let limit = matches!(cause, Cause::OutOfMemory | Cause::RateLimit | Cause::QueueBacklog);
        is_symptom(cause) || limit && tally.confidence(cause) < CERTAIN
    };
    let ails = causes.iter().any(|cause| {
        !matches!(cause, Cause::ProcessExit | Cause::ProcessHang | Cause::CrashLoop)
            && may_follow(*cause)
            && tally.confidence(*cause) >= CLAIM_FROM
    });
    let unexplained =
        |line: &Repeated| line.new && line.level == Level::Error && signs::read(&line.raw, Place::Log).is_empty();
    let ails = ails || scene.lines.iter().chain(&scene.complaints).any(unexplained);
    let other = causes.iter().any(|cause| !may_follow(*cause) && tally.confidence(*cause) >= CLAIM_FROM);
    if spoken_of && ails && !other {
        tally.add(Cause::Setting, 0.5);
    }
}

/// What it would be, in one line.
fn issue(scene: &Scene, cause: Cause, quote: Option<&str>) -> String {
    let root = scene.root;
    let head = match cause {
        Cause::ProcessExit => return format!("the process of {root} is gone"),
        Cause::ProcessHang if scene.is_frozen() || quote.is_none() => {
            return format!("{root} does not answer: its process is frozen");
        }
        Cause::ProcessHang => format!("{root} hangs"),
        Cause::AlteredData if quote.is_some_and(|quote| has(&quote.to_lowercase(), &signs::WRONG_ANSWERS)) => {
            format!("{root} answers, and what it answers is wrong")
        }
        Cause::AlteredData if !scene.keeps_data() => format!("what {root} keeps on the disk is missing or was changed"),
        Cause::Corruption | Cause::AlteredData => {
            let platform = &scene.case.state.platform;
            let components = platform.components_of(root);
            let names: Vec<&str> = components
                .filter(|component| matches!(component.adapter, Adapter::Sqlite { .. }))
                .map(|component| component.name.as_str())
                .collect();
            let what = if names.is_empty() { root.to_owned() } else { names.join(", ") };
            return format!("database {what} is damaged");
        }
        Cause::CrashLoop => format!("the process of {root} ends again after each start"),
        Cause::Setting => format!("configuration of {root}"),
        Cause::Slowness => format!("{root} answers too slowly"),
        Cause::CacheMiss => format!("{root} finds too little in its cache"),
        Cause::LockContention => format!("{root} waits for a lock that somebody holds"),
        Cause::PoolExhausted => format!("the connections or workers of {root} are used up"),
        Cause::QueueBacklog => format!("more comes to {root} than is worked off"),
        Cause::RateLimit => format!("{root} has reached a limit on requests"),
        Cause::DiskFull => format!("{root} is short of disk space"),
        Cause::OutOfMemory => format!("{root} is short of memory"),
        Cause::OutOfDescriptors => format!("{root} is short of file handles"),
        Cause::ProcessorSaturated => format!("{root} is short of processor time"),
        Cause::Certificate => format!("a certificate of {root} is not accepted"),
        Cause::Credentials if quote.is_some_and(|quote| has(&quote.to_lowercase(), &signs::LOCKED_OUT)) => {
            format!("accounts at {root} are locked")
        }
        Cause::Credentials => format!("at {root} a credential is not accepted"),
        Cause::NameResolution => format!("{root} cannot resolve a name"),
        Cause::Connectivity => format!("{root} loses its connections"),
        Cause::NetworkLatency if scene.accused.iter().any(|found| found.cause == cause) => {
            format!("the way to {root} is slow")
        }
        Cause::NetworkLatency => format!("the way from {root} to what it needs is slow"),
        Cause::ExternalDependency => format!("{root} is failed by somebody outside"),
        Cause::ClockSkew => format!("the clock of {root} is wrong"),
        Cause::Release | Cause::Unknown => format!("{root} fails"),
    };
    match quote {
        Some(quote) => format!("{head}: {}", clip(quote, 2 * QUOTE)),
        None => head,
    }
}
