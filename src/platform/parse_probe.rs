//! What a check probes: one function for each kind, which reads its keys.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use serde_json::Value as Json;
use toml::de::DeValue;

use super::{
    json_path::JsonPath,
    postgres::{PORT, SOCKETS},
    probe::{
        Content, DnsProbe, DnsRecord, Figure, Header, HostResource, HttpMethod, HttpProbe, InferenceAnswer,
        InferenceProbe, JsonExpectation, LogProbe, PostgresProbe, Probe, PromqlProbe,
    },
    reader::{Found, Reader, Section, Value},
};

/// Headers that are secrets.
const SECRETS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];
const KINDS: [&str; 12] = [
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
];
/// Where name servers listen.
const DNS_PORT: u16 = 53;
/// So far back the lines of a log count.
const WINDOW: Duration = Duration::from_secs(60);

/// The one probe of a check of a service, and its deadline when that is given inside.
pub(super) fn probe(
    section: &mut Section<'_, '_>,
    service: &str,
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
        _ => heartbeat(value, &place, service, reader).map(|probe| (probe, None)),
    }
}

fn http(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<(Probe, Option<Duration>)> {
    if matches!(value.get_ref(), DeValue::String(_)) {
        let probe = HttpProbe { url: url(reader, value, place)?, ..HttpProbe::default() };
        return Some((Probe::Http(probe), None));
    }
    let mut section = reader.section(value, place, "http = \"http://…\" or http = { url = \"http://…\" }")?;
    let url = section.require(reader, "url", "an address such as \"http://127.0.0.1:8080/health\"", url);
    let method = section.read(reader, "method", |reader, value, place| {
        let choices = HttpMethod::ALL.map(|method| (method.name(), method));
        reader.choice(value, place, &choices)
    });
    let headers = section.read(reader, "headers", headers);
    let send = section.read(reader, "send", content);
    let status = section.read(reader, "status", |reader, value, place| reader.number(value, place, 100..=599));
    let body =
        section.read(reader, "body", |reader, value, place| reader.text(value, place, "text the body must contain"));
    let json = section.read(reader, "json", expectation);
    let certificate = section.read(reader, "certificate", Reader::duration);
    let authority = section.read(reader, "authority", Reader::path).map(|path| path.value);
    let within = section.read(reader, "within", Reader::duration);
    let encrypted = section.present(&["certificate", "authority"]);
    section.finish(reader);
    let url = url?;
    if let Some(key) = encrypted.first().filter(|_| !url.starts_with("https:")) {
        let what = format!("\"{}\" says nothing about an address without encryption", key.value);
        reader.problem(key.at, place, what, "an address that begins with https://");
    }
    let probe = HttpProbe {
        url,
        method: method.unwrap_or(if send.is_some() { HttpMethod::Post } else { HttpMethod::Get }),
        headers: headers.unwrap_or_default(),
        send,
        status: status.and_then(|status| u16::try_from(status).ok()),
        body: body.map(|body| body.value),
        json,
        certificate,
        authority,
    };
    Some((Probe::Http(probe), within))
}

fn headers(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Vec<Header>> {
    let expected = "headers = { accept = \"text/plain\", authorization = { file = \"token\" } }";
    let section = reader.section(value, place, expected)?;
    let mut headers = Vec::new();
    for (key, value) in section.entries() {
        let (name, place) = (key.get_ref().to_lowercase(), section.key(key.get_ref()));
        if reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_err() {
            reader.problem(key.span().start, &place, "it is no name of a header", "a name such as \"accept\"");
            continue;
        }
        let Some(content) = content(reader, value, &place) else { continue };
        if let Content::Text(text) = &content {
            if SECRETS.contains(&name.as_str()) {
                let expected = "{ file = \"…\" }: a secret has no place in this file";
                reader.problem(value.span().start, &place, "it holds a secret", expected);
            } else if reqwest::header::HeaderValue::from_str(text).is_err() {
                reader.problem(value.span().start, &place, "it holds a control character", "one line of text");
            }
        }
        headers.push(Header { name, value: content });
    }
    Some(headers)
}

/// Text that stands here, or in a file.
fn content(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<Content> {
    if matches!(value.get_ref(), DeValue::String(_)) {
        return reader.text(value, place, "text").map(|text| Content::Text(text.value));
    }
    let mut section = reader.section(value, place, "text, or { file = \"…\" }")?;
    let file = section.require(reader, "file", "the file that holds it", Reader::path);
    section.finish(reader);
    file.map(|file| Content::File(file.value))
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
