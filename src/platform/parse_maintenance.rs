//! The maintenance windows of a platform file.

use std::time::Duration;

use chrono::NaiveTime;
use chrono_tz::Tz;

use super::{
    maintenance::{MaintenanceWindow, WindowDays},
    problem::nearest,
    reader::{Found, Reader, Section, Value},
    validate::Spans,
};

const AT: &str = "days and a time, such as \"sun 02:00\", \"mon,thu 22:30\", \"daily 03:00\" or \"2026-12-24 22:00\"";
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Characters of a reason, as for one that is given by command.
pub(super) const REASON: usize = 400;

pub(super) fn window(
    mut section: Section<'_, '_>,
    reader: &mut Reader,
    spans: &mut Spans,
) -> Option<MaintenanceWindow> {
    let services = section.require(reader, "services", "a list of services", |reader, value, place| {
        let items = reader.items(value, place, "services");
        Some(items.iter().filter_map(|item| reader.text(item, place, "the name of a service")).collect::<Vec<_>>())
    });
    let at = section.require(reader, "at", AT, at);
    let takes = section.require(reader, "takes", "how long it takes, such as \"2h\"", |reader, value, place| {
        let takes = reader.duration(value, place)?;
        if takes > LONGEST {
            reader.problem(value.span().start, place, "it is longer than a week", "at most 7 days");
        }
        Some(takes)
    });
    let zone = section.read(reader, "zone", zone);
    let reason = section.read(reader, "reason", |reader, value, place| {
        let reason = reader.text(value, place, "what is done then")?;
        if reason.value.chars().count() > REASON {
            reader.problem(reason.at, place, "it is too long", "at most 400 characters");
        }
        Some(reason)
    });
    section.finish(reader);
    let ((days, from), takes, services) = (at?, takes?, services?);
    spans.windows.push(services.iter().map(|service| service.at).collect());
    Some(MaintenanceWindow {
        reason: reason.map_or_else(|| "planned maintenance".to_owned(), |reason| reason.value),
        services: services.into_iter().map(|service| service.value).collect(),
        days,
        from,
        takes,
        zone: zone.unwrap_or(Tz::UTC),
    })
}

fn at(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<(WindowDays, NaiveTime)> {
    let Found { value, at } = reader.text(value, place, AT)?;
    let read = value.split_once(' ').and_then(|(days, time)| {
        let time = NaiveTime::parse_from_str(time.trim(), "%H:%M").ok()?;
        Some((WindowDays::read(&days.to_lowercase())?, time))
    });
    if read.is_none() {
        reader.problem(at, place, format!("{value:?} is no such time"), AT);
    }
    read
}

pub(super) fn zone(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Tz> {
    let expected = "a time zone such as \"Europe/Berlin\"";
    let Found { value, at } = reader.text(value, place, expected)?;
    let found = value.parse::<Tz>().ok();
    if found.is_none() {
        let meant = nearest(&value, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        reader.report(at, place, format!("no time zone is named {value:?}"), expected.to_owned(), meant);
    }
    found
}
