//! Incidents that never happened, by the hundred: seeded platforms, families of causes with decoys, and how well the analyser
//! does on them. The rules are written beside the families of `first`; those of `second` are only measured, and those of `third`,
//! `fourth` and `fifth` are by three who do not know the rules.

mod fifth;
mod first;
mod form;
mod fourth;
mod hospital;
mod quiet;
mod scene;
mod second;
mod third;
mod voice;

use std::{
    collections::BTreeMap,
    sync::LazyLock,
    time::{Duration, Instant},
};

use codeblue::{
    diagnosis::{CaseFile, Redactor, analyse, patterns::Observed},
    domain::{Category, Cause, DiagnosisDocument, DiagnosisId, Fix},
    platform::ActionRisk,
};

pub use scene::Incident;

/// Which families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Beside which rules are written.
    First,
    /// Which are only measured.
    Second,
    /// Where nothing is wrong.
    Quiet,
    /// Which somebody wrote who does not know the rules.
    Third,
    /// Where nothing is wrong, by the same hand.
    ThirdQuiet,
    /// Which another one wrote who does not know the rules.
    Fourth,
    /// Where nothing is wrong, by that hand.
    FourthQuiet,
    /// Which a third one wrote who does not know the rules.
    Fifth,
    /// Where nothing is wrong, by that one's hand.
    FifthQuiet,
}

/// What an analysis got right of one incident.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    pub family: &'static str,
    /// The cause that was named first.
    pub named: Cause,
    /// Service and category of the first cause are right; where nothing is wrong, that none is named.
    pub first: bool,
    /// One of the first three is.
    pub third: bool,
    /// The service is right, whatever the category.
    pub service: bool,
    /// The first proposal heals; where nothing heals, nothing dangerous is proposed.
    pub fix: bool,
    /// How sure it said it is.
    pub confidence: f64,
    /// How much spoke for the first candidate, 0 to below 1, as the document's candidates tell it.
    pub weight: f64,
    pub took: Duration,
}

/// Every family with its incidents of these seeds, each once.
pub fn incidents(half: Half, seeds: std::ops::Range<u64>) -> impl Iterator<Item = (&'static str, Incident)> {
    let families: &'static [scene::Family] = match half {
        Half::First => &first::FAMILIES,
        Half::Second => &second::FAMILIES,
        Half::Quiet => &quiet::FAMILIES,
        Half::Third => &third::FAMILIES,
        Half::ThirdQuiet => &third::QUIET,
        Half::Fourth => &fourth::FAMILIES,
        Half::FourthQuiet => &fourth::QUIET,
        Half::Fifth => &fifth::FAMILIES,
        Half::FifthQuiet => &fifth::QUIET,
    };
    families.iter().enumerate().flat_map(move |(place, (family, make))| {
        let seeds = seeds.clone();
        seeds.map(move |seed| (*family, make(scene::Scene::new(seed * 1000 + place as u64))))
    })
}

/// Its lists of names take longer to read than an incident to analyse.
static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::default);

pub fn ask(incident: &Incident) -> DiagnosisDocument {
    analyse(&CaseFile {
        observed: &Observed::default(),
        state: &incident.hospital.state,
        vitals: &incident.vitals,
        incident: incident.incident,
        diagnosis: DiagnosisId(1),
        redactor: &REDACTOR,
        logs: incident.logs.clone(),
        now: incident.now,
    })
}

fn mark(family: &'static str, incident: &Incident) -> Mark {
    let begun = Instant::now();
    let document = ask(incident);
    let took = begun.elapsed();
    let named = (document.root_cause.service.as_str(), document.category);
    let confidence = document.root_cause.confidence;
    let weight = document.candidates.first().map_or(0.0, |found| found.probability);
    let (first, third, service) = match &incident.truth.cause {
        None => {
            let none = document.category == Category::Unknown;
            (none, none, none)
        }
        Some((service, category)) => {
            let right = (service.as_str(), *category);
            let third =
                document.candidates.iter().take(3).any(|found| (found.service.as_str(), found.category) == right);
            (named == right, third || named == right, named.0 == service)
        }
    };
    let proposed = document.suggested_fixes.first();
    let fix = match proposed {
        Some(proposed) if !incident.truth.heals.is_empty() => incident.truth.heals.contains(&proposed.fix),
        Some(proposed) => proposed.risk == ActionRisk::Low && !loses_data(&proposed.fix),
        None => incident.truth.heals.is_empty(),
    };
    Mark { family, named: document.root_cause_category, first, third, service, fix, confidence, weight, took }
}

fn loses_data(fix: &Fix) -> bool {
    matches!(fix, Fix::RollBack { component } if component.ends_with("-data"))
}

/// The shares of a set of marks, in the order first, third, service, fix.
pub fn shares(marks: &[Mark]) -> [f64; 4] {
    let share =
        |right: fn(&Mark) -> bool| marks.iter().filter(|mark| right(mark)).count() as f64 / marks.len().max(1) as f64;
    [share(|mark| mark.first), share(|mark| mark.third), share(|mark| mark.service), share(|mark| mark.fix)]
}

/// What was named instead, how often, by family: in general terms, as the families of `second` are not to be fitted to.
pub fn confusions(marks: &[Mark]) -> String {
    let mut wrong: BTreeMap<(&str, Cause, bool), usize> = BTreeMap::new();
    for mark in marks.iter().filter(|mark| !mark.first) {
        *wrong.entry((mark.family, mark.named, mark.service)).or_default() += 1;
    }
    let told = |(family, named, service): &(&str, Cause, bool), times: &usize| {
        let place = if *service { "at the right service" } else { "elsewhere" };
        format!("{family:32} named {named} {place}, {times} times\n")
    };
    wrong.iter().map(|(wrong, times)| told(wrong, times)).collect()
}

/// The marks of the families of a half.
pub fn measure(half: Half, seeds: std::ops::Range<u64>) -> Vec<Mark> {
    incidents(half, seeds).map(|(family, incident)| mark(family, &incident)).collect()
}

/// A table with a row for each family, for people.
pub fn table(marks: &[Mark]) -> String {
    let mut families: Vec<&str> = Vec::new();
    for mark in marks {
        if !families.contains(&mark.family) {
            families.push(mark.family);
        }
    }
    let mut text = format!(
        "{:32} {:>4} {:>6} {:>6} {:>8} {:>6} {:>10}\n",
        "family", "n", "top-1", "top-3", "service", "fix", "confidence"
    );
    let mut row = |name: &str, marks: &[Mark]| {
        let [first, third, service, fix] = shares(marks);
        let confidence = marks.iter().map(|mark| mark.confidence).sum::<f64>() / marks.len().max(1) as f64;
        text += &format!(
            "{name:32} {:>4} {first:>6.3} {third:>6.3} {service:>8.3} {fix:>6.3} {confidence:>10.2}\n",
            marks.len()
        );
    };
    for family in families {
        let of: Vec<Mark> = marks.iter().filter(|mark| mark.family == family).copied().collect();
        row(family, &of);
    }
    row("all", marks);
    text
}
