//! From a case to its document.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    LogExcerpt,
    accused::{Accusation, Court},
    candidates::{self, Teller, Weighed},
    confidence::{self, shipped},
    disclosed,
    hypotheses::{CLAIM_FROM, Hypothesis, rounded, weigh},
    judged::{learned_of, record_of},
    learned::Learned,
    line::Level,
    logs::{Lines, Repeated},
    names::{Names, is_cache},
    patterns::{Observed, Trend},
    redact::Redactor,
    remedies::{approach, remedies},
    root::{EXPLAINED_FROM, Ground, checks},
    signs::{self, Place},
};
use crate::{
    domain::{
        Candidate, Category, Cause, DiagnosisDocument, DiagnosisId, Evidence, FoundSeverity, Incident, IncidentId,
        RootCause, Severity, State, Status, Vitals,
    },
    platform::{ComponentKind, Reading, Sample},
};

/// Pieces of evidence in a document at most.
const EVIDENCE: usize = 8;

/// Kinds of lines that have stopped, in a document at most.
const STOPPED: usize = 2;
/// So long before or after the trouble was noticed a kind of line may have stopped because of it.
const ABOUT: TimeDelta = TimeDelta::minutes(10);

/// Errors of a minute are compared with those of the minute before, from so many on.
const MINUTE: TimeDelta = TimeDelta::minutes(1);
const MANY_ERRORS: usize = 20;

/// Everything an analysis looks at.
#[derive(Debug, Clone)]
pub struct CaseFile<'a> {
    /// What the journal knows.
    pub state: &'a State,
    /// The latest figures.
    pub vitals: &'a Vitals,
    /// What is to be explained.
    pub incident: IncidentId,
    /// The diagnosis that is made.
    pub diagnosis: DiagnosisId,
    /// What texts from outside pass first.
    pub redactor: &'a Redactor,
    /// The newest entries of logs.
    pub logs: Vec<LogExcerpt>,
    /// What was seen of all lines before.
    pub observed: &'a Observed,
    /// The time of the analysis.
    pub now: DateTime<Utc>,
}

/// What an analysis sees of one service, prepared for weighing.
pub(super) struct Scene<'a> {
    pub(super) case: &'a CaseFile<'a>,
    pub(super) names: &'a Names,
    pub(super) root: &'a str,
    pub(super) detected_at: DateTime<Utc>,
    /// What it needs, directly or not, and which of that its checks have found well since the trouble began.
    pub(super) below: Vec<String>,
    pub(super) well: Vec<String>,
    pub(super) failing: Vec<&'a Sample>,
    pub(super) slow: Vec<&'a Sample>,
    /// Its checks speak for themselves, and nobody else's for it.
    pub(super) own: bool,
    /// What its log tells of itself.
    pub(super) lines: Vec<Repeated>,
    /// What its log tells of those below.
    pub(super) complaints: Vec<Repeated>,
    /// What the logs of those above tell of it.
    pub(super) heard: Vec<Repeated>,
    /// What they say against it that its checks do not see.
    pub(super) accused: Vec<Accusation>,
}

/// How much is left of a cause at a service that something below explains, when its own log or its own checks name one.
const OF_ITS_OWN: f64 = 0.45;
/// From here on a cause at a service is its own.
const SPECIFIC: f64 = 0.7;
/// How much counts where others are down and this one is only degraded.
const ONLY_DEGRADED: f64 = 0.85;

/// The most that is claimed of a service whose log should be there and says nothing at all, or which others alone accuse.
const MUTE: f64 = 0.7;
/// How much counts where another one began earlier.
const LATER: f64 = 0.9;
/// What is nearer to each other began together, as far as clocks and checks can tell.
const SIMULTANEOUS: TimeDelta = TimeDelta::seconds(2);

/// Finds the most likely cause of an incident.
#[must_use]
pub fn analyse(case: &CaseFile) -> DiagnosisDocument {
    analyse_with(case, &learned_of(case.state))
}

/// The same, with what confirmed cases have taught.
#[must_use]
pub fn analyse_with(case: &CaseFile, learned: &Learned) -> DiagnosisDocument {
    let incident = case.state.incidents.get(&case.incident);
    let detected_at = incident.map_or(case.now, |incident| incident.detected_at);
    let names = Names::of(&case.state.platform);
    let told = told(case, &names, detected_at);
    let accused = Court { state: case.state, vitals: case.vitals, names: &names, told: &told, trouble: detected_at }
        .accusations();
    let ground = Ground {
        state: case.state,
        vitals: case.vitals,
        names: &names,
        accused: &accused,
        told: &told,
        trouble: detected_at,
    };
    let mut weighed = incident.map(|incident| weigh_all(case, &ground, learned, incident)).unwrap_or_default();
    candidates::order(&mut weighed);
    weighed.truncate(candidates::LISTED);
    let best = weighed.first().cloned();
    let noticed = || incident.and_then(|incident| incident.services.first().cloned()).unwrap_or_default();
    let root = best.as_ref().map_or_else(noticed, |best| best.service.clone());
    let nothing = || issue_at(case, &root, "no evidence points to a cause");
    let cause = best.as_ref().map_or(Cause::Unknown, |best| best.hypothesis.cause);
    let told_by = best.as_ref().map(|best| best.told_by);
    let ranked = candidates::rank(weighed);
    let causes = ranked.iter().filter(|found| found.service == root).map(|found| (found.cause, &*found.evidence));
    let suggested_fixes = remedies(case.state, case.incident, &root, causes);
    DiagnosisDocument {
        error_id: case.diagnosis.to_string(),
        detected_at,
        severity: incident.map_or(Severity::Sev4, |incident| incident.severity),
        found_severity: incident.and_then(|incident| severity(case, incident, &root, cause)),
        category: cause.category(),
        root_cause_category: cause,
        approach: ranked.first().map_or(cause.approach(), |best| approach(cause, &best.evidence)),
        affected_services: affected(case, incident, &root),
        root_cause: RootCause {
            service: root.clone(),
            issue: best.as_ref().map_or_else(nothing, |best| best.issue.clone()),
            confidence: ranked.first().zip(told_by).map_or(0.0, |(first, told_by)| confidence(case, first, told_by)),
            deployment: best.as_ref().and_then(|best| best.hypothesis.deployment),
            evidence: best.map(|best| best.evidence).unwrap_or_default(),
        },
        candidates: ranked,
        suggested_fixes,
        related_incidents: related(case, &root),
        knowledge_base_articles: Vec::new(),
        second_opinion: None,
    }
}

/// How bad it is by the rules, were its root this service.
fn severity(case: &CaseFile, incident: &Incident, root: &str, cause: Cause) -> Option<FoundSeverity> {
    let root = (!root.is_empty()).then(|| root.to_owned());
    let incident = Incident { root, ..incident.clone() };
    let kept = |root: &String| {
        case.state.platform.components_of(root).any(|component| component.kind == ComponentKind::Database)
    };
    // Only what is written to gets worse with each write.
    let category = match cause {
        Cause::AlteredData if !incident.root.as_ref().is_some_and(kept) => Category::Configuration,
        _ => cause.category(),
    };
    FoundSeverity::now(case.state, &incident, category, errors_rise(case, &incident), case.now)
}

/// Whether the logs of an incident's services tell of twice as many errors in the last minute as in the one before it, and not
/// only since the trouble began.
fn errors_rise(case: &CaseFile, incident: &Incident) -> bool {
    let parts = || incident.services.iter().chain(&incident.root);
    let entries = case.logs.iter().filter(|log| parts().any(|name| *name == log.service)).flat_map(|log| &log.entries);
    let errors: Vec<DateTime<Utc>> =
        entries.filter(|entry| Level::from(entry.level) == Level::Error).filter_map(|entry| entry.at).collect();
    let within = |from: TimeDelta, until: TimeDelta| {
        errors.iter().filter(|at| **at > case.now - from && **at <= case.now - until).count()
    };
    let (before, lately) = (within(MINUTE * 2, MINUTE), within(MINUTE, TimeDelta::zero()));
    case.now - incident.detected_at >= MINUTE * 2 && lately >= MANY_ERRORS && lately >= 2 * before
}

/// How sure it may be said, by how cases with such a first candidate have ended, here and before it was shipped. Who has not been heard
/// of is not known well.
fn confidence(case: &CaseFile, first: &Candidate, told_by: Teller) -> f64 {
    let heard = |service: &str| case.logs.iter().any(|log| log.service == service && !log.entries.is_empty());
    let logs =
        case.state.platform.service(&first.service).is_some_and(|service| service.log_sources().next().is_some());
    let most = if told_by == Teller::Others || logs && !heard(&first.service) { MUTE } else { 1.0 };
    let shown = record_of(case.state, case.now).corrected(shipped(first.cause, first.probability));
    confidence::told(shown.min(most))
}

/// What the log of each service tells.
fn told(case: &CaseFile, names: &Names, detected_at: DateTime<Utc>) -> BTreeMap<String, Vec<Repeated>> {
    let past = case.state.incidents.values().filter_map(|past| Some((past.detected_at, past.resolved_at?)));
    let over: Vec<_> = past.filter(|(_, end)| *end <= detected_at).collect();
    let mut services: Vec<&String> = case.logs.iter().map(|excerpt| &excerpt.service).collect();
    services.sort();
    services.dedup();
    let lines =
        Lines { redactor: case.redactor, observed: case.observed, platform: &case.state.platform, now: case.now };
    let of = |service: &String| {
        let excerpts = case.logs.iter().filter(|excerpt| excerpt.service == *service);
        let below = case.state.platform.dependencies_of(service);
        let next = case.state.platform.service(service).map(|service| service.depends_on.clone()).unwrap_or_default();
        let named = |line: &str| names.first(line, &next).or_else(|| names.first(line, &below)).map(str::to_owned);
        (service.clone(), lines.telling(excerpts, detected_at, &over, named))
    };
    services.into_iter().map(of).collect()
}

/// Everything that speaks for any cause at any service that comes into question. Where none does, the services that somebody
/// named are looked at for what their logs alone tell.
fn weigh_all(case: &CaseFile, ground: &Ground, learned: &Learned, incident: &Incident) -> Vec<Weighed> {
    let suspects = ground.suspects(incident);
    let failing: Vec<String> = suspects.iter().filter(|name| ground.fails(name)).cloned().collect();
    let nobody = suspects.is_empty();
    let suspects = if nobody { incident.services.clone() } else { suspects };
    let is_down = |name: &String| case.state.services.get(name).is_some_and(|health| health.status == Status::Down);
    let any_down = failing.iter().any(is_down);
    let onsets: BTreeMap<&String, DateTime<Utc>> =
        suspects.iter().filter_map(|service| Some((service, ground.onset(service)?))).collect();
    let mut weighed = Vec::new();
    for service in &suspects {
        if nobody {
            weighed.extend(disclosed::weigh(case, service).map(|hypothesis| Weighed {
                service: service.clone(),
                place: 1.0,
                issue: issue_at(case, service, &hypothesis.issue),
                evidence: hypothesis.evidence.clone(),
                told_by: Teller::Itself,
                hypothesis,
            }));
        }
        // It was seen well, so what else its log says has done no harm.
        if nobody && ground.is_cleared(service) {
            continue;
        }
        let witness = ground.witness(service, &failing);
        let scene = look(case, ground, service, witness.as_deref().unwrap_or(service), incident);
        let hypotheses = taught(learned, &scene, weigh(&scene));
        let told_by = teller(&scene);
        let explained = ground.explained(service);
        let own = hypotheses.iter().filter(|found| found.cause != Cause::Release).map(|found| found.confidence);
        let own = own.fold(0.0, f64::max);
        let mut place = 1.0 - 0.9 * explained;
        if own >= SPECIFIC && explained < 0.9 {
            place = place.max(OF_ITS_OWN);
        }
        if explained < EXPLAINED_FROM {
            place *= 0.5 + 0.5 * ground.coverage(service, &failing);
        }
        if any_down && !is_down(service) && ground.fails(service) {
            place *= ONLY_DEGRADED;
        }
        let earliest = onsets.values().min().copied();
        if onsets.get(service).zip(earliest).is_some_and(|(onset, earliest)| *onset > earliest + SIMULTANEOUS) {
            place *= LATER;
        }
        weighed.extend(hypotheses.into_iter().map(|hypothesis| Weighed {
            service: service.clone(),
            place,
            issue: issue_at(case, service, &hypothesis.issue),
            evidence: evidence(&scene, &hypothesis),
            told_by,
            hypothesis,
        }));
    }
    relieve(case, &mut weighed);
    weighed.retain(|found| found.hypothesis.confidence >= CLAIM_FROM);
    weighed
}

/// A cache that came back empty lets those behind it work for two: what they suffer from is its doing.
fn relieve(case: &CaseFile, weighed: &mut [Weighed]) {
    let emptied: Vec<String> = weighed
        .iter()
        .filter(|found| {
            found.hypothesis.cause == Cause::CacheMiss && found.weight() >= CLAIM_FROM && is_cache(&found.service)
        })
        .flat_map(|found| case.state.platform.dependants_of(&found.service))
        .collect();
    let burns = |cause: Cause| {
        matches!(
            cause,
            Cause::ProcessorSaturated
                | Cause::Slowness
                | Cause::PoolExhausted
                | Cause::ProcessHang
                | Cause::NetworkLatency
                | Cause::LockContention
        )
    };
    for found in weighed.iter_mut().filter(|found| burns(found.hypothesis.cause)) {
        let users = case.state.platform.dependants_of(&found.service);
        if emptied.contains(&found.service) || users.iter().any(|user| emptied.contains(user)) {
            found.place *= OF_ITS_OWN;
        }
    }
}

/// The hypotheses, after what confirmed cases have taught. It turns round only what is about as likely by the rules.
fn taught(learned: &Learned, scene: &Scene, mut hypotheses: Vec<Hypothesis>) -> Vec<Hypothesis> {
    for found in &mut hypotheses {
        let shift =
            learned.shift(found.cause, scene.lines.iter().filter(|line| line.new).map(|line| line.line.as_str()));
        let odds = found.confidence / (1.0 - found.confidence) * shift.exp();
        found.confidence = rounded(odds / (1.0 + odds));
    }
    hypotheses.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    hypotheses
}

/// What an analysis sees of a service, and of the one whose checks speak for it.
fn look<'a>(
    case: &'a CaseFile<'a>,
    ground: &'a Ground<'a>,
    service: &'a str,
    witness: &str,
    incident: &Incident,
) -> Scene<'a> {
    let below = case.state.platform.dependencies_of(service);
    let own = ground.told.get(service).cloned().unwrap_or_default();
    let said =
        |line: &Repeated| ground.accused.iter().find(|found| found.above == service && found.line.raw == line.raw);
    let (complaints, lines): (Vec<Repeated>, Vec<Repeated>) = own.into_iter().partition(|line| match said(line) {
        Some(found) => !found.is_of_itself(),
        None => line.named.is_some() && !is_its_own(&line.raw),
    });
    let mut heard = Vec::new();
    for above in case.state.platform.dependants_of(service).iter().filter(|above| incident.services.contains(above)) {
        heard.extend(ground.complaints(above, service).cloned());
    }
    let mut failing = checks(case.vitals, witness, Reading::Bad);
    if witness != service {
        failing.retain(|sample| ground.names.complains(sample, service));
    }
    Scene {
        case,
        names: ground.names,
        root: service,
        detected_at: ground.trouble,
        well: below.iter().filter(|name| ground.is_cleared(name)).cloned().collect(),
        below,
        failing,
        slow: checks(case.vitals, witness, Reading::Slow),
        own: witness == service && ground.fails(service),
        lines,
        complaints,
        heard,
        accused: ground.accused.iter().filter(|found| found.peer == service).cloned().collect(),
    }
}

/// Whether a line that names somebody else tells of the one who wrote it all the same: of its password, its pool, its names.
fn is_its_own(raw: &str) -> bool {
    signs::read(raw, Place::Log).iter().any(|(cause, _)| {
        matches!(
            cause,
            Cause::Credentials | Cause::Setting | Cause::NameResolution | Cause::PoolExhausted | Cause::ClockSkew
        )
    })
}

fn is_maintained(case: &CaseFile, service: &str) -> bool {
    case.state.services.get(service).is_some_and(|health| health.status == Status::Maintenance)
}

fn issue_at(case: &CaseFile, service: &str, issue: &str) -> String {
    if is_maintained(case, service) { format!("{service} is in maintenance: {issue}") } else { issue.to_owned() }
}

fn evidence(scene: &Scene, best: &Hypothesis) -> Vec<Evidence> {
    let mut found = best.evidence.clone();
    for sample in scene.failing.iter().chain(&scene.slow) {
        found.push(Evidence {
            at: Some(sample.at),
            source: if sample.service == scene.root {
                format!("check {}", sample.check)
            } else {
                format!("check {} of {}", sample.check, sample.service)
            },
            text: scene.case.redactor.line(&sample.detail),
            count: 1,
        });
    }
    for accusation in scene.accused.iter().filter(|found| found.cause == best.cause).take(3) {
        let source = format!("log of {}", accusation.above);
        found.push(Evidence { at: None, source, text: accusation.line.line.clone(), count: accusation.line.count });
    }
    let incident = scene.case.state.incidents.get(&scene.case.incident);
    let reported = incident.into_iter().flat_map(|incident| &incident.errors).map(|known| &known.group);
    for group in reported.filter(|group| group.service == scene.root).take(3) {
        found.push(Evidence {
            at: Some(group.first),
            source: format!("errors of {}", group.service),
            text: group.message.clone(),
            count: group.count,
        });
    }
    for repeated in own_lines(scene).take(3) {
        let pattern = repeated.trend.map(|trend| pattern(&repeated.signature, trend)).unwrap_or_default();
        let source = format!("log of {}{pattern}", scene.root);
        found.push(Evidence { at: None, source, text: repeated.line.clone(), count: repeated.count });
    }
    found.truncate(EVIDENCE);
    found.extend(stopped(scene.case, scene.root, scene.detected_at));
    found
}

/// What a service's own log says that may tell of a trouble.
fn own_lines<'a>(scene: &'a Scene) -> impl Iterator<Item = &'a Repeated> {
    scene.lines.iter().chain(&scene.complaints).filter(|line| line.level >= Level::Warning || line.new)
}

fn teller(scene: &Scene) -> Teller {
    let by_check = scene.failing.iter().chain(&scene.slow).any(|sample| sample.service == scene.root);
    if by_check || own_lines(scene).next().is_some() { Teller::Itself } else { Teller::Others }
}

/// Which pattern a line is of, and what is out of the ordinary about it.
fn pattern(id: &str, trend: Trend) -> String {
    let what = match trend {
        Trend::New => ", new",
        Trend::Bursting => ", bursting",
        Trend::Vanished => ", vanished",
        Trend::Recurring | Trend::Rare => "",
    };
    format!(" (pattern {id}{what})")
}

/// Lines that came regularly and have stopped about when the trouble began.
fn stopped(case: &CaseFile, service: &str, detected_at: DateTime<Utc>) -> Vec<Evidence> {
    let all = case.observed.all(Some(service), case.now);
    let stopped =
        all.into_iter().filter(|seen| seen.state == Trend::Vanished && (seen.since - detected_at).abs() <= ABOUT);
    stopped
        .take(STOPPED)
        .map(|seen| Evidence {
            at: Some(seen.since),
            source: format!("log of {service}{}", pattern(&seen.id, seen.state)),
            text: case.redactor.line(&format!("stopped: {}", seen.template)),
            count: seen.count,
        })
        .collect()
}

fn affected(case: &CaseFile, incident: Option<&Incident>, root: &str) -> Vec<String> {
    let mut services = if root.is_empty() { Vec::new() } else { vec![root.to_owned()] };
    let named = incident.map(|incident| incident.services.clone()).unwrap_or_default();
    let below = case.state.platform.dependants_of(root).into_iter().filter(|name| {
        case.state.services.get(name).is_some_and(|health| matches!(health.status, Status::Down | Status::Degraded))
    });
    for service in named.into_iter().chain(below) {
        if !services.contains(&service) {
            services.push(service);
        }
    }
    services
}

fn related(case: &CaseFile, root: &str) -> Vec<IncidentId> {
    case.state
        .incidents
        .values()
        .rev()
        .filter(|other| other.id != case.incident)
        .filter(|other| {
            other.root.as_deref() == Some(root) || other.services.first().is_some_and(|first| first == root)
        })
        .map(|other| other.id)
        .take(5)
        .collect()
}
