//! The checks of a service: their levels, times and probes.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value as Json;
use toml::de::DeValue;

use super::{
    json_path::JsonPath,
    model::{Check, CheckLevel, HostResource, JsonExpectation, Probe},
    reader::{Found, Reader, Section, Value},
};

const WITHIN: Duration = Duration::from_secs(5);
const SLOW: Duration = Duration::from_secs(1);
const FAILURES: u32 = 3;
const SUCCESSES: u32 = 2;
const KINDS: [&str; 6] = ["http", "tcp", "command", "sqlite", "process", "host"];

/// All checks of one service; those without a name get one from level and kind.
pub(super) fn checks(sections: Vec<Section<'_, '_>>, reader: &mut Reader) -> Vec<Found<Check>> {
    let mut checks: Vec<_> = sections.into_iter().filter_map(|section| check(section, reader)).collect();
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

fn check(mut section: Section<'_, '_>, reader: &mut Reader) -> Option<Found<Check>> {
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
    let probe = probe(&mut section, reader);
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
        failures: failures.unwrap_or(FAILURES),
        successes: successes.unwrap_or(SUCCESSES),
        probe,
    };
    Some(Found { value: check, at: name.at })
}

/// The one probe of a check, and its deadline when that is given inside.
fn probe(section: &mut Section<'_, '_>, reader: &mut Reader) -> Option<(Probe, Option<Duration>)> {
    let values = KINDS.map(|kind| section.get(kind));
    let present = section.present(&KINDS);
    let Some(chosen) = present.first() else {
        reader.problem(section.at(), section.place(), "it probes nothing", format!("one of {}", KINDS.join(", ")));
        return None;
    };
    if let Some(second) = present.get(1) {
        let what = format!("both \"{}\" and \"{}\" are given", chosen.value, second.value);
        reader.problem(second.at, section.place(), what, "one probe in each check");
    }
    let value = values.into_iter().zip(KINDS).find_map(|(value, kind)| value.filter(|_| kind == chosen.value))?;
    let place = section.key(chosen.value);
    match chosen.value {
        "http" => http(value, &place, reader),
        "tcp" => tcp(value, &place, reader).map(|probe| (probe, None)),
        "command" => reader.command(value, &place).map(|run| (Probe::Command { run }, None)),
        "sqlite" => sqlite(value, &place, reader).map(|probe| (probe, None)),
        "process" => process(value, &place, reader).map(|probe| (probe, None)),
        _ => host(value, &place, reader).map(|probe| (probe, None)),
    }
}

fn http(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<(Probe, Option<Duration>)> {
    if matches!(value.get_ref(), DeValue::String(_)) {
        let probe = Probe::Http { url: url(reader, value, place)?, status: None, body: None, json: None };
        return Some((probe, None));
    }
    let mut section = reader.section(value, place, "http = \"http://…\" or http = { url = \"http://…\" }")?;
    let url = section.require(reader, "url", "an address such as \"http://127.0.0.1:8080/health\"", url);
    let status = section.read(reader, "status", |reader, value, place| reader.number(value, place, 100..=599));
    let body =
        section.read(reader, "body", |reader, value, place| reader.text(value, place, "text the body must contain"));
    let json = section.read(reader, "json", expectation);
    let within = section.read(reader, "within", Reader::duration);
    section.finish(reader);
    let status = status.and_then(|status| u16::try_from(status).ok());
    Some((Probe::Http { url: url?, status, body: body.map(|body| body.value), json }, within))
}

pub(super) fn url(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<String> {
    let expected = "an address such as \"http://127.0.0.1:8080/health\"";
    let text = reader.text(value, place, expected)?;
    let parsed = reqwest::Url::parse(&text.value).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    match parsed {
        Some(url) if url.has_host() && url.username().is_empty() && url.password().is_none() => Some(text.value),
        Some(_) => {
            reader.problem(text.at, place, "it holds a user name or password", "an address without them");
            None
        }
        None => {
            // What stands before an "@" may be a password.
            let shown = text.value.rsplit_once('@').map_or(text.value.as_str(), |(_, rest)| rest);
            reader.problem(text.at, place, format!("{shown:?} is no HTTP address"), expected);
            None
        }
    }
}

fn expectation(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<JsonExpectation> {
    let mut section = reader.section(value, place, "{ path = \"$.status\", equals = \"up\" }")?;
    let path = section.require(reader, "path", "a path such as \"$.status\"", |reader, value, place| {
        let path = reader.text(value, place, "a path such as \"$.status\" or \"$.items[0].ok\"")?;
        if JsonPath::parse(&path.value).is_none() {
            let what = format!("{:?} is no JSON path", path.value);
            reader.problem(path.at, place, what, "a path such as \"$.status\" or \"$.items[0].ok\"");
        }
        Some(path.value)
    });
    let equals = section.require(reader, "equals", "the value it must have", |_, value, _| Some(json(value.get_ref())));
    section.finish(reader);
    Some(JsonExpectation { path: path?, equals: equals? })
}

fn json(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::String(text) => Json::from(text.as_ref()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).map_or(Json::Null, Json::from),
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Json::Null, Json::from),
        DeValue::Boolean(flag) => Json::from(*flag),
        DeValue::Datetime(time) => Json::from(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref()))).collect()
        }
    }
}

fn tcp(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<Probe> {
    let expected = "HOST:PORT, such as \"127.0.0.1:5432\"";
    let address = reader.text(value, place, expected)?;
    let fits = address.value.rsplit_once(':').is_some_and(|(host, port)| {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host_fits = match bare {
            Some(bare) => bare.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains(|c: char| c == ':' || c == '/' || c.is_whitespace()),
        };
        host_fits && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if !fits {
        reader.problem(address.at, place, format!("{:?} is no TCP address", address.value), expected);
        return None;
    }
    Some(Probe::Tcp { address: address.value })
}

fn sqlite(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<Probe> {
    let mut section = reader.section(value, place, "sqlite = { path = \"…\" }")?;
    let path = section.require(reader, "path", "the database file", Reader::path);
    let query = section.read(reader, "query", |reader, value, place| reader.text(value, place, "a SELECT statement"));
    let integrity = section.read(reader, "integrity", Reader::flag);
    section.finish(reader);
    let query = query.map(|query| query.value);
    Some(Probe::Sqlite { path: path?.value, query, integrity: integrity.unwrap_or(false) })
}

fn process(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<Probe> {
    let expected = "process = { pid_file = \"…\" } or process = { name = \"…\" }";
    let mut section = reader.section(value, place, expected)?;
    let at = section.at();
    let pid_file = section.read(reader, "pid_file", Reader::path).map(|path| path.value);
    let name = section.read(reader, "name", |reader, value, place| {
        let name = reader.text(value, place, "the name of an executable")?;
        if name.value.contains('/') {
            let what = format!("{:?} is a path", name.value);
            reader.problem(name.at, place, what, "the name of an executable, without its directory");
        }
        Some(name.value)
    });
    let given = section.present(&["pid_file", "name"]).len();
    section.finish(reader);
    if given != 1 {
        let what = if given == 0 { "it names no process" } else { "\"pid_file\" and \"name\" are both given" };
        reader.problem(at, place, what, expected);
    }
    (pid_file.is_some() || name.is_some()).then_some(Probe::Process { pid_file, name })
}

fn host(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<Probe> {
    let mut section = reader.section(value, place, "host = { resource = \"disk\", above = 90 }")?;
    let resource = section.require(reader, "resource", "one of cpu, memory, disk", |reader, value, place| {
        let choices = [("cpu", HostResource::Cpu), ("memory", HostResource::Memory), ("disk", HostResource::Disk)];
        reader.choice(value, place, &choices)
    });
    let above = section.read(reader, "above", |reader, value, place| reader.number(value, place, 1..=100));
    let path = section.read(reader, "path", Reader::path);
    section.finish(reader);
    let resource = resource?;
    if let Some(path) = path.as_ref().filter(|_| resource != HostResource::Disk) {
        reader.problem(
            path.at,
            place,
            "\"path\" says nothing about this resource",
            "path with resource = \"disk\" only",
        );
    }
    let above = above.and_then(|above| u8::try_from(above).ok()).unwrap_or(match resource {
        HostResource::Cpu => 80,
        HostResource::Memory => 85,
        HostResource::Disk => 90,
    });
    Some(Probe::Host { resource, above, path: path.map(|path| path.value) })
}
