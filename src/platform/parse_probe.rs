//! What a check probes: one function for each kind, which reads its keys.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use toml::de::DeValue;

use super::{
    alert::AlertProbe,
    model::Component,
    parse_http::{http, url},
    parse_workflow::workflow,
    postgres::{PORT, SOCKETS},
    probe::{
        ClockProbe, DnsProbe, DnsRecord, Figure, HostResource, InferenceAnswer, InferenceProbe, LogProbe,
        PostgresProbe, Probe, PromqlProbe,
    },
    reader::{Found, Reader, Section, Value},
    rows::rows,
};

const KINDS: [&str; 16] = [
    "http",
    "tcp",
    "command",
    "sqlite",
    "postgres",
    "process",
    "host",
    "dns",
    "log",
    "promql",
    "inference",
    "heartbeat",
    "alert",
    "workflow",
    "rows",
    "clock",
];
/// Where name servers listen.
const DNS_PORT: u16 = 53;
/// Where time servers listen.
const NTP_PORT: u16 = 123;
/// What a clock may be off before signatures, tokens and the order of logs go wrong.
const SKEW: Duration = Duration::from_millis(500);
/// So far back the lines of a log count.
const WINDOW: Duration = Duration::from_secs(60);

/// The one probe of a check of a service, and its deadline when that is given inside.
pub(super) fn probe(
    section: &mut Section<'_, '_>,
    service: &str,
    components: &[Component],
    reader: &mut Reader,
) -> Option<(Probe, Option<Duration>)> {
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
        "postgres" => postgres(value, &place, reader).map(|probe| (Probe::Postgres(probe), None)),
        "process" => process(value, &place, reader).map(|probe| (probe, None)),
        "host" => host(value, &place, reader).map(|probe| (probe, None)),
        "dns" => dns(value, &place, reader).map(|probe| (Probe::Dns(probe), None)),
        "log" => log(value, &place, reader).map(|probe| (Probe::Log(probe), None)),
        "promql" => promql(value, &place, reader).map(|probe| (Probe::Promql(probe), None)),
        "inference" => inference(value, &place, reader).map(|probe| (Probe::Inference(probe), None)),
        "heartbeat" => heartbeat(value, &place, service, reader).map(|probe| (probe, None)),
        "alert" => alert(value, &place, service, reader).map(|probe| (Probe::Alert(probe), None)),
        "clock" => clock(value, &place, reader).map(|probe| (Probe::Clock(probe), None)),
        "rows" => rows(value, &place, components, reader).map(|probe| (Probe::Rows(probe), None)),
        "workflow" => workflow(value, &place, reader).map(|steps| (Probe::Workflow { steps }, None)),
        _ => None,
    }
}

fn tcp(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<Probe> {
    let expected = "HOST:PORT, such as \"127.0.0.1:5432\"";
    let address = reader.text(value, place, expected)?;
    if !is_address(&address.value) {
        reader.problem(address.at, place, format!("{:?} is no TCP address", address.value), expected);
        return None;
    }
    Some(Probe::Tcp { address: address.value })
}

/// Whether a text is `HOST:PORT`, where the host may be an IPv6 address in brackets.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host_fits = match bare {
            Some(bare) => bare.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains(|c: char| c == ':' || c == '/' || c.is_whitespace()),
        };
        host_fits && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
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

fn postgres(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<PostgresProbe> {
    let mut section = reader.section(value, place, "postgres = { user = \"app\", database = \"records\" }")?;
    let word = |reader: &mut Reader, value: &Value<'_>, place: &str| {
        reader.text(value, place, "a name").map(|text| text.value)
    };
    let host = section.read(reader, "host", word);
    let port = section.read(reader, "port", |reader, value, place| reader.number(value, place, 1..=65_535));
    let user = section.require(reader, "user", "the role that the application has", word);
    let database = section.require(reader, "database", "the database that the application uses", word);
    let password_file = section.read(reader, "password_file", Reader::path).map(|path| path.value);
    let authority = section.read(reader, "authority", Reader::path);
    let query = section.read(reader, "query", |reader, value, place| reader.text(value, place, "a SELECT statement"));
    let lag = section.read(reader, "lag", Reader::duration);
    let connections = section.read(reader, "connections", |reader, value, place| reader.number(value, place, 1..=100));
    let locks = section.read(reader, "locks", Reader::duration);
    section.finish(reader);
    let host = host.unwrap_or_else(|| SOCKETS.to_owned());
    if let Some(authority) = authority.as_ref().filter(|_| host.starts_with('/')) {
        reader.problem(authority.at, place, "a socket of this host is never encrypted", "authority with a host name");
    }
    Some(PostgresProbe {
        host,
        port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(PORT),
        user: user?,
        database: database?,
        password_file,
        authority: authority.map(|path| path.value),
        query: query.map(|query| query.value),
        lag,
        connections: connections.and_then(|percent| u8::try_from(percent).ok()),
        locks,
    })
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
    let descriptors = section.read(reader, "descriptors", |reader, value, place| reader.number(value, place, 1..=100));
    let descriptors = descriptors.and_then(|percent| u8::try_from(percent).ok());
    let given = section.present(&["pid_file", "name"]).len();
    section.finish(reader);
    if given != 1 {
        let what = if given == 0 { "it names no process" } else { "\"pid_file\" and \"name\" are both given" };
        reader.problem(at, place, what, expected);
    }
    (pid_file.is_some() || name.is_some()).then_some(Probe::Process { pid_file, name, descriptors })
}

fn host(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<Probe> {
    let mut section = reader.section(value, place, "host = { resource = \"disk\", above = 90 }")?;
    let expected = "one of cpu, memory, disk, inodes, load, descriptors";
    let resource = section.require(reader, "resource", expected, |reader, value, place| {
        let choices = [
            ("cpu", HostResource::Cpu),
            ("memory", HostResource::Memory),
            ("disk", HostResource::Disk),
            ("inodes", HostResource::Inodes),
            ("load", HostResource::Load),
            ("descriptors", HostResource::Descriptors),
        ];
        reader.choice(value, place, &choices)
    });
    // More may want to run than there are processors; nothing else has more than all of it.
    let most = if resource == Some(HostResource::Load) { 10_000 } else { 100 };
    let above = section.read(reader, "above", |reader, value, place| reader.number(value, place, 1..=most));
    let path = section.read(reader, "path", Reader::path);
    section.finish(reader);
    let resource = resource?;
    let of_files = matches!(resource, HostResource::Disk | HostResource::Inodes);
    if let Some(path) = path.as_ref().filter(|_| !of_files) {
        let what = "\"path\" says nothing about this resource";
        reader.problem(path.at, place, what, "path with resource = \"disk\" or \"inodes\" only");
    }
    let above = above.and_then(|above| u16::try_from(above).ok()).unwrap_or(match resource {
        HostResource::Cpu | HostResource::Descriptors => 80,
        HostResource::Memory => 85,
        HostResource::Disk | HostResource::Inodes => 90,
        HostResource::Load => 150,
    });
    Some(Probe::Host { resource, above, path: path.map(|path| path.value) })
}

fn dns(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<DnsProbe> {
    let mut section = reader.section(value, place, "dns = { name = \"ward.example\" }")?;
    let name = section.require(reader, "name", "the name to ask for", |reader, value, place| {
        let name = reader.text(value, place, "a name such as \"ward.example\"")?;
        let fits = name.value.len() <= 255 && !name.value.contains(|c: char| c.is_whitespace() || c == '/' || c == ':');
        if !fits {
            reader.problem(name.at, place, format!("{:?} is no name", name.value), "a name such as \"ward.example\"");
        }
        Some(name.value)
    });
    let record = section.read(reader, "type", |reader, value, place| {
        reader.choice(value, place, &DnsRecord::ALL.map(|record| (record.name(), record)))
    });
    let server = section.read(reader, "server", |reader, value, place| {
        let expected = "an address such as \"10.0.0.53\" or \"10.0.0.53:5353\"";
        let text = reader.text(value, place, expected)?;
        let bare = text.value.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT));
        let server = text.value.parse().or(bare).ok();
        if server.is_none() {
            reader.problem(text.at, place, format!("{:?} is no address", text.value), expected);
        }
        server
    });
    let expect = section.read(reader, "expect", |reader, value, place| {
        if matches!(value.get_ref(), DeValue::String(_)) {
            return reader.text(value, place, "an answer").map(|text| vec![text.value]);
        }
        let items = reader.items(value, place, "answers");
        Some(items.iter().filter_map(|item| reader.text(item, place, "an answer")).map(|text| text.value).collect())
    });
    section.finish(reader);
    Some(DnsProbe { name: name?, record: record.unwrap_or_default(), server, expect: expect.unwrap_or_default() })
}

fn log(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<LogProbe> {
    let expected = "log = { path = \"…\", pattern = \"ERROR\", above = 5, window = \"1m\" }";
    let mut section = reader.section(value, place, expected)?;
    let path = section.require(reader, "path", "the log file", Reader::path);
    let pattern = section.require(reader, "pattern", "a regular expression", |reader, value, place| {
        let pattern = reader.text(value, place, "a regular expression such as \"ERROR|FATAL\"")?;
        if regex::bytes::Regex::new(&pattern.value).is_err() {
            let what = format!("{:?} is no regular expression", pattern.value);
            reader.problem(
                pattern.at,
                place,
                what,
                "one such as \"ERROR|FATAL\"; what has a meaning is escaped as \"\\\\(\"",
            );
        }
        Some(pattern.value)
    });
    let above = section.read(reader, "above", |reader, value, place| reader.number(value, place, 0..=1_000_000));
    let window = section.read(reader, "window", Reader::duration);
    section.finish(reader);
    let (above, window) = (above.unwrap_or_default(), window.unwrap_or(WINDOW));
    Some(LogProbe { path: path?.value, pattern: pattern?, above, window })
}

fn promql(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<PromqlProbe> {
    let expected = "promql = { url = \"http://127.0.0.1:9090\", query = \"…\", above = 5 }";
    let mut section = reader.section(value, place, expected)?;
    let at = section.at();
    let url = section.require(reader, "url", "the address of Prometheus, such as \"http://127.0.0.1:9090\"", url);
    let query = section.require(reader, "query", "an expression", |reader, value, place| {
        reader.text(value, place, "an expression that gives one value for each series").map(|query| query.value)
    });
    let above = section.read(reader, "above", Reader::figure);
    let below = section.read(reader, "below", Reader::figure);
    let key_file = section.read(reader, "key_file", Reader::path).map(|path| path.value);
    let bounds = section.present(&["above", "below"]).len();
    section.finish(reader);
    if bounds == 0 {
        reader.problem(at, place, "nothing says which values are good", "above or below");
    }
    Some(PromqlProbe { url: url?, query: query?, above, below, key_file })
}

fn inference(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<InferenceProbe> {
    let expected = "inference = { url = \"http://127.0.0.1:8000\", prompt = \"…\", answer = \"…\" }";
    let mut section = reader.section(value, place, expected)?;
    let url = section.require(reader, "url", "the address of the server, such as \"http://127.0.0.1:8000\"", url);
    let model = section.read(reader, "model", |reader, value, place| reader.text(value, place, "the name of a model"));
    let prompt = section.require(reader, "prompt", "what the model is asked", |reader, value, place| {
        reader.text(value, place, "what the model is asked").map(|prompt| prompt.value)
    });
    let expected = "the text or the number that the answer must hold";
    let answer = section.require(reader, "answer", expected, |reader, value, place| {
        if matches!(value.get_ref(), DeValue::String(_)) {
            return reader.text(value, place, expected).map(|text| InferenceAnswer::Text(text.value));
        }
        let value = reader.figure(value, place)?;
        Some(InferenceAnswer::Number { value, tolerance: Figure::default() })
    });
    let tolerance = section.read(reader, "tolerance", |reader, value, place| {
        Some(Found { value: reader.figure(value, place)?, at: value.span().start })
    });
    let key_file = section.read(reader, "key_file", Reader::path).map(|path| path.value);
    section.finish(reader);
    let answer = match (answer?, tolerance) {
        (InferenceAnswer::Number { value, .. }, Some(tolerance)) => {
            InferenceAnswer::Number { value, tolerance: tolerance.value }
        }
        (text @ InferenceAnswer::Text(_), Some(tolerance)) => {
            let what = "a text is right or wrong, and never nearly right";
            reader.problem(tolerance.at, place, what, "tolerance with a number as the answer only");
            text
        }
        (answer, None) => answer,
    };
    Some(InferenceProbe { url: url?, model: model.map(|model| model.value), prompt: prompt?, answer, key_file })
}

fn heartbeat(value: &Value<'_>, place: &str, service: &str, reader: &mut Reader) -> Option<Probe> {
    let mut section = reader.section(value, place, "heartbeat = { within = \"10m\" }")?;
    let expected = "how long the service may be silent, such as \"10m\"";
    let within = section.require(reader, "within", expected, Reader::duration);
    section.finish(reader);
    Some(Probe::Heartbeat { service: service.to_owned(), within: within? })
}

/// Which alerts: those with a name, with labels, or, with neither, those whose label `service` names the service.
fn alert(value: &Value<'_>, place: &str, service: &str, reader: &mut Reader) -> Option<AlertProbe> {
    let mut section = reader.section(value, place, "alert = { name = \"HighErrorRate\" }")?;
    let expected = "the value that the label must have";
    let name = section.read(reader, "name", |reader, value, place| reader.text(value, place, "the name of an alert"));
    let labels = section.read(reader, "labels", |reader, value, place| {
        let section = reader.section(value, place, "labels = { job = \"patient-api\" }")?;
        let mut labels = BTreeMap::new();
        for (key, value) in section.entries() {
            let place = section.key(key.get_ref());
            labels.insert(key.get_ref().to_string(), reader.text(value, &place, expected)?.value);
        }
        Some(labels)
    });
    section.finish(reader);
    let mut labels = labels.unwrap_or_default();
    labels.extend(name.map(|name| ("alertname".to_owned(), name.value)));
    if labels.is_empty() {
        labels.insert("service".to_owned(), service.to_owned());
    }
    Some(AlertProbe { labels })
}

fn clock(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<ClockProbe> {
    let mut section =
        reader.section(value, place, "clock = { servers = [\"ntp.ward.example\"], above = \"500ms\" }")?;
    let expected = "time servers, such as [\"ntp.ward.example\"]";
    let servers = section.require(reader, "servers", expected, |reader, value, place| {
        let items = reader.items(value, place, "time servers");
        if items.is_empty() {
            reader.problem(value.span().start, place, "nobody is asked", expected);
        }
        Some(items.iter().filter_map(|item| time_server(reader, item, place)).collect::<Vec<_>>())
    });
    let above = section.read(reader, "above", Reader::duration);
    section.finish(reader);
    Some(ClockProbe { servers: servers?, above: above.unwrap_or(SKEW) })
}

fn time_server(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<String> {
    let expected = "a server such as \"ntp.ward.example\" or \"10.0.0.1:123\"";
    let server = reader.text(value, place, expected)?;
    let with_port = format!("{}:{NTP_PORT}", server.value);
    let address = [&server.value, &with_port].into_iter().find(|address| is_address(address)).cloned();
    if address.is_none() {
        reader.problem(server.at, place, format!("{:?} is no server", server.value), expected);
    }
    address
}
