//! The checks of a service: their levels, times and probes.

use std::{collections::BTreeSet, time::Duration};

use super::{
    model::{Check, CheckLevel, Component},
    parse_probe::probe,
    reader::{Found, Reader, Section},
};

const WITHIN: Duration = Duration::from_secs(5);
const SLOW: Duration = Duration::from_secs(1);
const FAILURES: u32 = 3;
const SUCCESSES: u32 = 2;

/// All checks of one service; those without a name get one from level and kind.
pub(super) fn checks(
    sections: Vec<Section<'_, '_>>,
    service: &str,
    components: &[Component],
    reader: &mut Reader,
) -> Vec<Found<Check>> {
    let mut checks: Vec<_> =
        sections.into_iter().filter_map(|section| check(section, service, components, reader)).collect();
    let mut taken: BTreeSet<String> = checks.iter().map(|check| check.value.name.clone()).collect();
    for check in checks.iter_mut().filter(|check| check.value.name.is_empty()) {
        let base = format!("{}-{}", check.value.level.name(), check.value.probe.name());
        let mut name = base.clone();
        let mut count = 1;
        while !taken.insert(name.clone()) {
            count += 1;
            name = format!("{base}-{count}");
        }
        check.value.name = name;
    }
    checks
}

fn check(
    mut section: Section<'_, '_>,
    service: &str,
    components: &[Component],
    reader: &mut Reader,
) -> Option<Found<Check>> {
    let at = section.at();
    let name = section.read(reader, "name", Reader::name).unwrap_or(Found { value: String::new(), at });
    let level = section.read(reader, "level", |reader, value, place| {
        let choices = [
            ("shallow", CheckLevel::Shallow),
            ("deep", CheckLevel::Deep),
            ("comprehensive", CheckLevel::Comprehensive),
        ];
        reader.choice(value, place, &choices)
    });
    let level = level.unwrap_or(CheckLevel::Shallow);
    let every = section.read(reader, "every", Reader::duration).unwrap_or(match level {
        CheckLevel::Shallow => Duration::from_secs(30),
        CheckLevel::Deep => Duration::from_secs(300),
        CheckLevel::Comprehensive => Duration::from_secs(1800),
    });
    let within = section.read(reader, "within", Reader::duration);
    let slow = section.read(reader, "slow", |reader, value, place| {
        Some(Found { value: reader.duration(value, place)?, at: value.span().start })
    });
    let failures = section.read(reader, "failures", |reader, value, place| reader.number(value, place, 1..=100));
    let successes = section.read(reader, "successes", |reader, value, place| reader.number(value, place, 1..=100));
    let probe = probe(&mut section, service, components, reader);
    section.finish(reader);
    let (probe, inner_within) = probe?;
    let within = within.or(inner_within).unwrap_or(WITHIN);
    if let Some(slow) = slow.as_ref().filter(|slow| slow.value > within) {
        let what = format!(
            "a run that takes {} has failed already, because within is {}",
            humantime::format_duration(slow.value),
            humantime::format_duration(within)
        );
        reader.problem(slow.at, "service.check.slow", what, "a duration of at most within");
    }
    let check = Check {
        name: name.value,
        level,
        every,
        within,
        slow: slow.map_or(SLOW.min(within), |slow| slow.value),
        // Silence has lasted for as long as it may before a heartbeat is bad at all, and so has what an alert fires for.
        failures: failures.unwrap_or(if probe.waits_to_be_told() { 1 } else { FAILURES }),
        successes: successes.unwrap_or(SUCCESSES),
        probe,
    };
    Some(Found { value: check, at: name.at })
}
