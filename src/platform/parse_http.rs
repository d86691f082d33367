//! What a check asks over HTTP: the keys of a request, and of the answer that it must get.

use std::time::Duration;

use serde_json::Value as Json;
use toml::de::DeValue;

use super::{
    json_path::JsonPath,
    probe::{Content, Header, HttpMethod, HttpProbe, JsonExpectation, Probe},
    reader::{Reader, Section, Value},
    template::places,
};

/// Headers that are secrets.
const SECRETS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];

pub(super) fn http(value: &Value<'_>, place: &str, reader: &mut Reader) -> Option<(Probe, Option<Duration>)> {
    if matches!(value.get_ref(), DeValue::String(_)) {
        let probe = HttpProbe { url: url(reader, value, place)?, ..HttpProbe::default() };
        return Some((Probe::Http(probe), None));
    }
    let mut section = reader.section(value, place, "http = \"http://…\" or http = { url = \"http://…\" }")?;
    let probe = request(&mut section, &[], reader);
    let within = section.read(reader, "within", Reader::duration);
    section.finish(reader);
    Some((Probe::Http(probe?), within))
}

/// A request and what its answer must look like. `taken` are the names of values from earlier answers, for which `{name}` stands.
pub(super) fn request(section: &mut Section<'_, '_>, taken: &[String], reader: &mut Reader) -> Option<HttpProbe> {
    let url = section.require(reader, "url", "an address such as \"http://127.0.0.1:8080/health\"", url);
    let method = section.read(reader, "method", |reader, value, place| {
        let choices = HttpMethod::ALL.map(|method| (method.name(), method));
        reader.choice(value, place, &choices)
    });
    let headers = section.read(reader, "headers", |reader, value, place| headers(reader, value, place, taken));
    let send = section.read(reader, "send", content);
    let status = section.read(reader, "status", |reader, value, place| reader.number(value, place, 100..=599));
    let body =
        section.read(reader, "body", |reader, value, place| reader.text(value, place, "text the body must contain"));
    let json = section.read(reader, "json", expectation);
    let certificate = section.read(reader, "certificate", Reader::duration);
    let authority = section.read(reader, "authority", Reader::path).map(|path| path.value);
    let encrypted = section.present(&["certificate", "authority"]);
    let url = url?;
    if let Some(key) = encrypted.first().filter(|_| !url.starts_with("https:")) {
        let what = format!("\"{}\" says nothing about an address without encryption", key.value);
        reader.problem(key.at, section.place(), what, "an address that begins with https://");
    }
    Some(HttpProbe {
        url,
        method: method.unwrap_or(if send.is_some() { HttpMethod::Post } else { HttpMethod::Get }),
        headers: headers.unwrap_or_default(),
        send,
        status: status.and_then(|status| u16::try_from(status).ok()),
        body: body.map(|body| body.value),
        json,
        certificate,
        authority,
    })
}

fn headers(reader: &mut Reader, value: &Value<'_>, place: &str, taken: &[String]) -> Option<Vec<Header>> {
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
            // What an earlier answer gave is no secret of this file.
            let given = places(text).any(|name| taken.iter().any(|taken| taken == name));
            if SECRETS.contains(&name.as_str()) && !given {
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
    let path = section.require(reader, "path", "a path such as \"$.status\"", json_path);
    let equals = section.require(reader, "equals", "the value it must have", |_, value, _| Some(json(value.get_ref())));
    section.finish(reader);
    Some(JsonExpectation { path: path?, equals: equals? })
}

/// A path into a JSON document.
pub(super) fn json_path(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<String> {
    let path = reader.text(value, place, "a path such as \"$.status\" or \"$.items[0].ok\"")?;
    if JsonPath::parse(&path.value).is_none() {
        let what = format!("{:?} is no JSON path", path.value);
        reader.problem(path.at, place, what, "a path such as \"$.status\" or \"$.items[0].ok\"");
    }
    Some(path.value)
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
