//! The on-call schedules of a platform file, and what must hold between them and the rest of it.

use std::{ops::RangeInclusive, time::Duration};

use chrono::{DateTime, Datelike, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::{
    model::{Platform, Role},
    oncall::{Gaps, LONGEST_TURN, OnCallHours, OnCallLayer, OnCallSchedule},
    parse::name_of,
    parse_maintenance::zone,
    problem::nearest,
    reader::{Found, Reader, Section, Value},
    validate::Spans,
};

const PEOPLE: &str = "names of operators in the order of their turns, such as [\"alice\", \"bob\"]";
const SINCE: &str = "the day and time of the first hand-over by the clock on the wall, such as \"2026-01-05 09:00\"";
const EVERY: &str = "whole days from \"1d\" to \"28d\", such as \"7d\"";
const ONLY: &str = "days and hours, such as \"sat,sun\", \"mon-fri 09:00-17:00\" or \"daily 22:00-06:00\"";
/// Nobody hands over in any other.
const YEARS: RangeInclusive<i32> = 1990..=2199;
const DAY: Duration = Duration::from_secs(24 * 3600);
const MOST_PEOPLE: usize = 64;
const MOST_LAYERS: usize = 16;
const MOST_HOURS: usize = 16;

/// Where the parts of a schedule stand; same order as the schedules that could be read.
#[derive(Debug)]
pub(super) struct OnCallSpans {
    name: usize,
    owners: Vec<Found<String>>,
    people: Vec<Found<String>>,
}

pub(super) fn schedule(mut section: Section<'_, '_>, reader: &mut Reader, spans: &mut Spans) -> Option<OnCallSchedule> {
    let name = name_of(&mut section, reader);
    let zone = section.read(reader, "zone", zone).unwrap_or(Tz::UTC);
    let owners = section.read(reader, "owners", |reader, value, place| {
        let items = reader.items(value, place, "teams that own services");
        Some(items.iter().filter_map(|item| reader.text(item, place, "the owner of a service")).collect::<Vec<_>>())
    });
    let gaps = section
        .read(reader, "gaps", |reader, value, place| reader.choice(value, place, &[("call-next", Gaps::CallNext)]));
    let mut people = Vec::new();
    let first = layer(&mut section, zone, reader, &mut people);
    let more = reader.sections(section.get("layer"), "oncall.layer");
    section.finish(reader);
    if let Some(beyond) = more.get(MOST_LAYERS) {
        reader.problem(beyond.at(), "oncall.layer", "there are too many", format!("at most {MOST_LAYERS} layers"));
    }
    let mut layers: Vec<Option<OnCallLayer>> = vec![first];
    for mut section in more {
        let zone = section.read(reader, "zone", super::parse_maintenance::zone).unwrap_or(zone);
        layers.push(layer(&mut section, zone, reader, &mut people));
        section.finish(reader);
    }
    let layers = layers.into_iter().collect::<Option<Vec<_>>>()?;
    let owners = owners.unwrap_or_default();
    let schedule = OnCallSchedule {
        name: name.value,
        owners: owners.iter().map(|owner| owner.value.clone()).collect(),
        zone,
        layers,
        gaps: gaps.unwrap_or_default(),
    };
    spans.on_call.push(OnCallSpans { name: name.at, owners, people });
    Some(schedule)
}

/// The people of a layer and when they take turns.
fn layer(
    section: &mut Section<'_, '_>,
    zone: Tz,
    reader: &mut Reader,
    named: &mut Vec<Found<String>>,
) -> Option<OnCallLayer> {
    let people = section.require(reader, "people", PEOPLE, |reader, value, place| {
        let items = reader.items(value, place, "operators");
        if items.is_empty() && !reader.complained_of(place) {
            reader.problem(value.span().start, place, "nobody is named", PEOPLE);
        }
        if let Some(beyond) = items.get(MOST_PEOPLE) {
            let what = format!("there are {}", items.len());
            reader.problem(beyond.span().start, place, what, format!("at most {MOST_PEOPLE} people"));
        }
        Some(items.iter().filter_map(|item| reader.text(item, place, PEOPLE)).collect::<Vec<_>>())
    });
    let every = section.read(reader, "every", |reader, value, place| {
        let every = reader.duration(value, place)?;
        let days = u32::try_from(every.as_secs() / DAY.as_secs()).unwrap_or(u32::MAX);
        if every.as_secs() % DAY.as_secs() != 0 || !(1..=LONGEST_TURN).contains(&days) {
            let what = format!("{} is no number of days that a turn can have", humantime::format_duration(every));
            reader.problem(value.span().start, place, what, EVERY);
            return None;
        }
        Some(days)
    });
    let (at, place) = (section.at(), section.place().to_owned());
    let since = section.read(reader, "since", since);
    let people = people?;
    if people.len() > 1 && since.is_none() && !reader.complained_of(&section.key("since")) {
        reader.problem(at, &place, "\"since\" is missing: nobody knows whose turn it is", SINCE);
    }
    let only = section.read(reader, "only", only).unwrap_or_default();
    let layer = OnCallLayer {
        people: people.iter().map(|person| person.value.clone()).collect(),
        since,
        every: every.unwrap_or(7),
        zone,
        only,
    };
    named.extend(people);
    (!layer.people.is_empty()).then_some(layer)
}

fn since(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<NaiveDateTime> {
    let Found { value, at } = reader.text(value, place, SINCE)?;
    let read = NaiveDateTime::parse_from_str(&value, "%Y-%m-%d %H:%M").ok();
    let read = read.filter(|since| YEARS.contains(&since.year()));
    if read.is_none() {
        reader.problem(at, place, format!("{value:?} is no such time"), SINCE);
    }
    read
}

/// One line of hours, or a list of them.
fn only(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Vec<OnCallHours>> {
    let items = match value.get_ref() {
        toml::de::DeValue::Array(_) => reader.items(value, place, "days and hours"),
        _ => std::slice::from_ref(value),
    };
    if items.is_empty() {
        reader.problem(value.span().start, place, "it names no hours", ONLY);
    }
    if let Some(beyond) = items.get(MOST_HOURS) {
        reader.problem(beyond.span().start, place, "there are too many", format!("at most {MOST_HOURS}"));
    }
    let mut hours = Vec::new();
    for item in items {
        let Found { value, at } = reader.text(item, place, ONLY)?;
        match OnCallHours::read(&value) {
            Some(read) => hours.push(read),
            None => reader.problem(at, place, format!("{value:?} names no days and hours"), ONLY),
        }
    }
    Some(hours)
}

/// Notes schedules of the same name or for the same team, people whom the file does not know, and times that nobody has.
pub(super) fn validate(platform: &Platform, spans: &Spans, reader: &mut Reader) {
    // One that could not be read whole leaves its place empty.
    if platform.on_call.len() != spans.on_call.len() {
        return;
    }
    let schedules = || platform.on_call.iter().zip(&spans.on_call);
    for (place, (schedule, span)) in schedules().enumerate() {
        let before = || schedules().take(place);
        if let Some((_, other)) = before().find(|(other, _)| other.name == schedule.name && !schedule.name.is_empty()) {
            let what = format!("two schedules are named \"{}\" (see line {})", schedule.name, reader.line(other.name));
            reader.problem(span.name, "oncall.name", what, "another one");
        }
        if let Some((other, at)) = before().find(|(other, _)| other.owners.is_empty() && schedule.owners.is_empty()) {
            let line = reader.line(at.name);
            let what = format!("\"{}\" (see line {line}) is for every other team already", other.name);
            reader.problem(span.name, "oncall.owners", what, "\"owners\": the teams whose services call this one");
        }
        for owner in &span.owners {
            teams(platform, owner, reader);
            let taken = before().find(|(other, _)| other.owners.contains(&owner.value));
            if let Some((other, _)) = taken {
                let what = format!("\"{}\" is for the team \"{}\" already", other.name, owner.value);
                reader.problem(owner.at, "oncall.owners", what, "each team in one schedule");
            }
        }
        for person in &span.people {
            known(platform, person, reader);
        }
        if let Some((from, until)) = schedule.gap().filter(|_| schedule.gaps == Gaps::Refused) {
            let (from, until) = (wall(from, schedule.zone), wall(until, schedule.zone));
            let what = format!("nobody is on call from {from} to {until} {}", schedule.zone);
            let expected = "a layer for that time, or gaps = \"call-next\" where that is meant";
            reader.problem(span.name, "oncall", what, expected);
        }
    }
}

fn wall(at: DateTime<Utc>, zone: Tz) -> String {
    zone.from_utc_datetime(&at.naive_utc()).format("%a %Y-%m-%d %H:%M").to_string()
}

fn teams(platform: &Platform, owner: &Found<String>, reader: &mut Reader) {
    let mut teams: Vec<&str> = platform.services.iter().filter_map(|service| service.owner.as_deref()).collect();
    if !teams.contains(&owner.value.as_str()) {
        teams.sort_unstable();
        let meant = nearest(&owner.value, teams);
        let what = format!("no service has the owner \"{}\"", owner.value);
        reader.report(owner.at, "oncall.owners", what, "the owner of a service".to_owned(), meant);
    }
}

/// People may also be added by command; where the file names any, those on call are among them.
fn known(platform: &Platform, person: &Found<String>, reader: &mut Reader) {
    if platform.operators.is_empty() || reader.complained_of("operator") {
        return;
    }
    match platform.operators.iter().find(|operator| operator.name == person.value) {
        Some(operator) if operator.roles.iter().any(|role| *role >= Role::Engineer) => {}
        Some(_) => {
            let what = format!("{} may look but not act", person.value);
            reader.problem(person.at, "oncall.people", what, "somebody with the role engineer or higher");
        }
        None => {
            let meant = nearest(&person.value, platform.operators.iter().map(|operator| operator.name.as_str()));
            let what = format!("no operator is named \"{}\"", person.value);
            reader.report(
                person.at,
                "oncall.people",
                what,
                "the name of an [[operator]] of this file".to_owned(),
                meant,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::platform::{explain, parse};

    /// Two teams and three people, with `more` behind them.
    fn read(more: &str) -> Result<crate::platform::Platform, Vec<String>> {
        let service = |name: &str, owner: &str| format!("[[service]]\nname = \"{name}\"\nowner = \"{owner}\"\n");
        let person = |name: &str, role: &str| format!("[[operator]]\nname = \"{name}\"\nroles = [\"{role}\"]\n");
        let people = person("alice", "technical-lead") + &person("bob", "engineer") + &person("vic", "viewer");
        let services = service("auth", "identity") + &service("records", "data");
        let text = format!("[platform]\nname = \"Ward\"\n{services}{people}{more}");
        let read = parse(&text, Path::new("codeblue.toml"));
        read.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    fn complaint(more: &str) -> String {
        let all = read(more).expect_err("the file should be refused");
        assert_eq!(all.len(), 1, "{all:#?}");
        all[0].clone()
    }

    const FIRST: &str = "[[oncall]]\nname = \"ward\"\npeople = [\"alice\", \"bob\"]\nsince = \"2026-01-05 09:00\"\n";

    #[test]
    fn a_schedule_is_explained() {
        let platform = read(&format!(
            "{FIRST}zone = \"Europe/Berlin\"\n[[oncall.layer]]\npeople = [\"alice\"]\nonly = [\"sat,sun\", \"mon-fri 22:00-06:00\"]\n\
             [[oncall]]\nname = \"identity\"\nowners = [\"identity\"]\npeople = [\"bob\"]\nonly = \"mon-fri 09:00-17:00\"\ngaps = \"call-next\"\n"
        ))
        .unwrap();
        assert_eq!(platform.on_call_for(Some("identity")).unwrap().name, "identity");
        assert_eq!(platform.on_call_for(Some("data")).unwrap().name, "ward");
        assert_eq!(platform.on_call_for(None).unwrap().name, "ward");
        let told = explain(&platform);
        let from = told.find("Who is on call").unwrap();
        let until = told.find("\n\nWho agrees").unwrap();
        insta::assert_snapshot!(&told[from..until], @r"
        Who is on call
          ward: for every service that no other schedule is for
            alice, bob in turn, handed over every Monday at 09:00 Europe/Berlin since 2026-01-05
            then, where it applies: alice; only Sat, Sun and Mon to Fri 22:00–06:00 (Europe/Berlin)
          identity: for the services of identity
            bob; only Mon to Fri 09:00–17:00 (UTC)
            at other times nobody is: who comes next is called
        ");
    }

    #[test]
    fn people_are_those_of_the_file_and_may_act() {
        assert_eq!(
            complaint("[[oncall]]\nname = \"ward\"\npeople = [\"alcie\"]\n"),
            "codeblue.toml:20: oncall.people: no operator is named \"alcie\"; did you mean \"alice\"?"
        );
        assert!(complaint("[[oncall]]\nname = \"ward\"\npeople = [\"vic\"]\n").contains("vic may look but not act"));
        assert!(complaint("[[oncall]]\nname = \"ward\"\npeople = []\n").contains("nobody is named"));
    }

    #[test]
    fn whose_turn_it_is_and_for_whom_is_said_once() {
        let twice = complaint(&format!("{FIRST}{}", FIRST.replace("\"ward\"", "\"night\"")));
        assert!(twice.contains("\"ward\" (see line 19) is for every other team already"), "{twice}");
        let named = complaint(&format!("{FIRST}{FIRST}owners = [\"data\"]\n"));
        assert!(named.contains("two schedules are named \"ward\" (see line 19)"), "{named}");
        let owner = complaint(&format!("{FIRST}owners = [\"identty\"]\n"));
        assert!(owner.contains("no service has the owner \"identty\"") && owner.contains("\"identity\"?"), "{owner}");
        let since = complaint("[[oncall]]\nname = \"ward\"\npeople = [\"alice\", \"bob\"]\n");
        assert!(since.contains("codeblue.toml:18:") && since.contains("nobody knows whose turn it is"), "{since}");
        assert!(complaint(&format!("{FIRST}every = \"36h\"\n")).contains("whole days from \"1d\" to \"28d\""));
        assert!(
            complaint(&format!("{FIRST}only = \"weekends\"\ngaps = \"call-next\"\n"))
                .contains("names no days and hours")
        );
        for wrong in ["monday", "-262143-01-01 00:00", "+262142-12-31 23:59"] {
            assert!(complaint(&FIRST.replace("2026-01-05 09:00", wrong)).contains("is no such time"), "{wrong}");
        }
    }

    #[test]
    fn a_time_that_nobody_has_is_a_mistake_unless_it_is_meant() {
        let gap = complaint(&format!("{FIRST}only = \"mon-fri\"\n"));
        assert!(
            gap.contains("codeblue.toml:19:")
                && gap.contains("nobody is on call from Sat 2026-01-10 00:00 to Mon 2026-01-12 00:00 UTC"),
            "{gap}"
        );
        assert!(read(&format!("{FIRST}only = \"mon-fri\"\ngaps = \"call-next\"\n")).is_ok());
    }
}
