//! Who is spoken of: a service by its name or its address, or somebody outside of the platform.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;

use super::signs::{self, Place};
use crate::domain::Cause;
use crate::platform::{Platform, Probe, Sample};

/// How a text may name each service of a platform.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// `host:port` where its checks ask it.
    addresses: BTreeMap<String, Vec<String>>,
    /// Whom each step of a workflow asks, by the service that the check belongs to and the check's name.
    steps: BTreeMap<(String, String), Vec<Option<String>>>,
}

/// Whether a service keeps at hand what others hold, by its name.
pub(super) fn is_cache(service: &str) -> bool {
    has_part(service, KINDS[1].1)
}

fn has_part(service: &str, parts: &[&str]) -> bool {
    service.split(['-', '_', '.']).any(|part| parts.contains(&part))
}

/// What a text calls a thing, and which words in a service's name say that it is one.
const KINDS: [(&[&str], &[&str]); 3] = [
    (
        &[
            "database",
            "postgres",
            "postgresql",
            "mysql",
            "mongodb",
            "psqlexception",
            "psycopg2",
            "psycopg",
            "asyncpg",
            "pgx",
            "npgsql",
            "sqlstate",
            "jdbc",
            "sqlalchemy",
            "activerecord",
            "hibernate",
            "sequelize",
            "prisma",
            "sql",
            "pg",
            "sqlexception",
            "mongoserverselectionerror",
            "operationalerror",
            "querytimeoutexception",
            "knex",
            "django.db",
        ],
        &["db", "database", "postgres", "postgresql", "mysql", "mongo", "mongodb", "mariadb", "sql", "store"],
    ),
    (
        &[
            "redis",
            "memcached",
            "cache",
            "jedis",
            "lettuce",
            "ioredis",
            "valkey",
            "stackexchange.redis",
            "dalli",
            "rediserror",
        ],
        &["cache", "redis", "memcached", "valkey"],
    ),
    (
        &["rabbitmq", "kafka", "broker", "amqp", "pika", "bunny", "amqplib", "kombu", "sarama", "nats", "activemq"],
        &["queue", "kafka", "mq", "broker", "rabbit", "rabbitmq", "nats", "bus"],
    ),
];

impl Names {
    pub(super) fn of(platform: &Platform) -> Self {
        let addresses = platform.services.iter().map(|service| {
            let found = service.checks.iter().filter_map(|check| address(&check.probe)).collect();
            (service.name.clone(), found)
        });
        let mut names = Self { addresses: addresses.collect(), steps: BTreeMap::new() };
        for (service, check) in platform.services.iter().flat_map(|of| of.checks.iter().map(move |check| (of, check))) {
            if let Probe::Workflow { steps } = &check.probe {
                let asked = steps.iter().map(|step| names.at(&authority(&step.request.url)?)).collect();
                names.steps.insert((service.name.clone(), check.name.clone()), asked);
            }
        }
        names
    }

    /// The service that its own checks ask there.
    fn at(&self, address: &str) -> Option<String> {
        self.addresses.iter().find(|(_, known)| known.iter().any(|one| one == address)).map(|(name, _)| name.clone())
    }

    /// Whom the step of a workflow asked that came out badly, by what the check says.
    fn asked(&self, sample: &Sample) -> Option<&str> {
        let step: usize = sample.detail.strip_prefix("step ")?.split(' ').next()?.parse().ok()?;
        let steps = self.steps.get(&(sample.service.clone(), sample.check.clone()))?;
        steps.get(step.checked_sub(1)?)?.as_deref()
    }

    /// Whether a check complains of this service: it names it, or what failed was asked of it.
    pub(super) fn complains(&self, sample: &Sample, service: &str) -> bool {
        self.names(&sample.detail, service) || self.asked(sample) == Some(service)
    }

    /// The first of these services that a check complains of.
    pub(super) fn blamed<'a>(&'a self, sample: &Sample, among: &'a [String]) -> Option<&'a str> {
        self.first(&sample.detail, among)
            .or_else(|| self.asked(sample).filter(|asked| among.iter().any(|name| name == asked)))
    }

    /// The first of these services that a text names.
    pub(super) fn first<'a>(&self, text: &str, among: &'a [String]) -> Option<&'a str> {
        let direct = among.iter().find(|name| self.names(text, name));
        direct.or_else(|| self.by_kind(text, among)).map(String::as_str)
    }

    /// Whether a text names this service, by its name or its address.
    pub(super) fn names(&self, text: &str, service: &str) -> bool {
        let known = self.addresses.get(service).map(Vec::as_slice).unwrap_or_default();
        is_word(text, service) || is_client(text, service) || known.iter().any(|address| is_word(text, address))
    }

    /// "the database does not answer" names the only database among them.
    fn by_kind<'a>(&self, text: &str, among: &'a [String]) -> Option<&'a String> {
        let text = text.to_lowercase();
        // What only a store can say, and what is said of one that was not reached.
        let of_store = |cause: Cause| matches!(cause, Cause::LockContention | Cause::Corruption | Cause::DiskFull);
        if !signs::is_unreached(&text) && !signs::read(&text, Place::Log).iter().any(|(cause, _)| of_store(*cause)) {
            return None;
        }
        let (_, parts) = KINDS.iter().find(|(called, _)| called.iter().any(|word| is_word(&text, word)))?;
        let is_one = |name: &&String| has_part(name, parts);
        let mut ones = among.iter().filter(is_one);
        let only = ones.next()?;
        ones.next().is_none().then_some(only)
    }

    /// A host that a text names and that is no part of the platform.
    pub(super) fn outside(&self, text: &str) -> Option<String> {
        let own = |host: &str| {
            self.addresses.values().flatten().any(|address| address.starts_with(host))
                || self.addresses.keys().any(|name| host == name || host.starts_with(&format!("{name}.")))
        };
        let found = HOST.iter().flat_map(|host| host.captures_iter(text));
        // Where a message says what to read, nobody was asked.
        let is_manual = |at: usize| {
            let before = text[..at].trim_end_matches("https").trim_end_matches("http").to_lowercase();
            MANUAL.iter().any(|word| before.trim_end_matches(['<', '(', ' ', ':']).ends_with(word))
        };
        let found = found.filter(|found| found.get(0).is_some_and(|whole| !is_manual(whole.start())));
        let found = found.filter_map(|found| (1..=4).find_map(|group| found.get(group)));
        let local = |host: &str| host.ends_with(".local") || host.ends_with(".internal") || host.ends_with(".svc");
        found.map(|host| host.as_str()).find(|host| !own(host) && !local(host)).map(str::to_owned)
    }
}

/// What introduces the address of a page to read.
const MANUAL: [&str; 8] = ["info", "see", "documentation", "docs", "details", "help", "read", "visit"];

/// A name of a host: after what introduces one, with a port, or before its address. Names of classes look the same otherwise.
static HOST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let host = r"((?:[a-z0-9-]+\.)+[a-z]{2,})";
    Regex::new(&format!(r"(?:://|host=['\x22]?|@|lookup |ENOTFOUND |resolve(?: host)?:? )(?:[^/\s@]*@)?{host}|\b{host}:\d{{2,5}}\b|\b{host}/\d+\.\d+|(?:^|[\s'\x22(=\[])((?:[a-z0-9-]+\.){{2,}}(?:com|net|org|io|example|test|gov|edu|eu|de|uk|fr|nl|ch|cloud|health|app|dev|co))(?:[\s'\x22),;:\]]|$)")).ok()
});

/// What code calls a thing that speaks for a service: `LabResultsClient`, `lab_results_api`.
const CLIENTS: [&str; 8] = ["client", "api", "service", "gateway", "response", "adapter", "proxy", "repository"];

/// Whether a text names what speaks for a service, written as code is. Short names are parts of other words.
fn is_client(text: &str, service: &str) -> bool {
    if service.len() < 4 {
        return false;
    }
    let lower = text.to_lowercase();
    let (joined, snake) = (service.replace(['-', '_'], ""), service.replace('-', "_"));
    let spoken_for = |name: &str| {
        lower.match_indices(name).any(|(at, _)| {
            let rest = lower[at + name.len()..].trim_start_matches(['_', '-', '.']);
            CLIENTS.iter().any(|client| rest.starts_with(client))
        })
    };
    spoken_for(&joined) || snake != service && is_word(&lower, &snake)
}

/// Whether a text has this name in it as a word of its own.
pub(super) fn is_word(text: &str, name: &str) -> bool {
    let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '-' && c != '_');
    text.match_indices(name)
        .any(|(at, _)| apart(text[..at].chars().next_back()) && apart(text[at + name.len()..].chars().next()))
}

/// Host and port of an address on the web, where it names a port.
fn authority(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.contains(':').then(|| authority.to_owned())
}

fn address(probe: &Probe) -> Option<String> {
    match probe {
        Probe::Tcp { address } => Some(address.clone()),
        Probe::Http(probe) => authority(&probe.url),
        Probe::Postgres(probe) if !probe.host.starts_with('/') => Some(format!("{}:{}", probe.host, probe.port)),
        Probe::Inference(probe) => authority(&probe.url),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let addresses = [("records-db", "127.0.0.1:5432"), ("auth", "10.0.0.7:8103")];
        let addresses = addresses.map(|(name, at)| (name.to_owned(), vec![at.to_owned()])).into();
        Names { addresses, steps: BTreeMap::new() }
    }

    #[test]
    fn a_name_is_a_word_of_its_own() {
        assert!(is_word("HTTP 503: \"auth: connection refused\"", "auth"));
        assert!(!is_word("author unknown, auth-proxy fine", "auth"));
    }

    #[test]
    fn a_service_is_named_by_its_name_its_address_or_as_the_only_one_of_its_kind() {
        let all = ["auth".to_owned(), "records-db".to_owned()];
        for (text, named) in [
            ("connect ECONNREFUSED 127.0.0.1:5432", Some("records-db")),
            ("returned 503 from auth", Some("auth")),
            ("the database does not answer: timed out", Some("records-db")),
            ("the database schema is of version 7", None),
            ("connect ECONNREFUSED 127.0.0.1:54321", None),
        ] {
            assert_eq!(names().first(text, &all), named, "{text}");
        }
    }

    #[test]
    fn a_host_outside_is_told_from_a_class_and_from_our_own() {
        for (text, host) in [
            ("Post \"https://api.clearing.example/v2\": connection refused", Some("api.clearing.example")),
            ("HTTPSConnectionPool(host='api.clearing.example', port=443)", Some("api.clearing.example")),
            ("Connection refused: api.clearing.example/192.0.2.44:443", Some("api.clearing.example")),
            ("java.net.ConnectException: Connection refused", None),
            ("get http://10.0.0.7:8103/login", None),
        ] {
            assert_eq!(names().outside(text).as_deref(), host, "{text}");
        }
    }
}
