//! What the platform file says about taking identifiers out of text: the types, and the table `[redact]`.

use std::{fmt, net::IpAddr, str::FromStr};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::reader::{Reader, Section, Value};

/// Patterns of one's own at most.
const PATTERNS: usize = 64;
const NETWORK: &str = "a network such as \"10.0.0.0/8\", or an address";
const HOST: &str = "a host such as \"status.example.org\", without https:// and path";
const CLASS: &str = "a name of 2 to 16 capitals, digits and \"_\", such as BADGE";
const PATTERN: &str = "a regular expression in single quotes, such as 'B-\\d{6}'";

/// Which network addresses are taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressRule {
    /// Those of whoever signs in, and those beside a person; the addresses of machines are needed to find what broke.
    #[default]
    BesidePeople,
    /// All but those of the networks that may pass.
    All,
}

/// A network whose addresses may pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Network(String);

impl Network {
    /// Its address and how many bits of it count.
    #[must_use]
    pub fn parts(&self) -> Option<(IpAddr, u8)> {
        let (address, bits) = self.0.split_once('/').map_or((self.0.as_str(), None), |(one, two)| (one, Some(two)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| u8::from_str(bits).ok())?;
        (bits <= most).then_some((address, bits))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is taken out of text beyond the rules of the program, and what may pass.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedactionRules {
    /// Which network addresses go.
    #[serde(default)]
    pub addresses: AddressRule,
    /// Networks of machines, whose addresses may pass.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// Hosts whose web addresses may pass, with all below them.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Regular expressions by the class that they find, in the order of the file.
    #[serde(default)]
    pub patterns: IndexMap<String, String>,
}

impl RedactionRules {
    /// Whether the file says nothing.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

pub(super) fn rules(root: &mut Section<'_, '_>, reader: &mut Reader) -> RedactionRules {
    let read = root.get("redact").and_then(|value| reader.section(value, "redact", "a table headed [redact]"));
    let Some(mut section) = read else { return RedactionRules::default() };
    let choices = [("beside-people", AddressRule::BesidePeople), ("all", AddressRule::All)];
    let addresses = section.read(reader, "addresses", |reader, value, place| reader.choice(value, place, &choices));
    let networks = section.read(reader, "networks", |reader, value, place| {
        let network = |text: &str| Some(Network(text.to_owned())).filter(|network| network.parts().is_some());
        Some(list(reader, value, place, NETWORK, network))
    });
    let hosts = section.read(reader, "hosts", |reader, value, place| {
        let host = |text: &str| (!text.contains(['/', ':', '*', ' ']) && text.contains('.')).then(|| text.to_owned());
        Some(list(reader, value, place, HOST, host))
    });
    let patterns = section.read(reader, "patterns", |reader, value, place| Some(patterns(reader, value, place)));
    section.finish(reader);
    RedactionRules {
        addresses: addresses.unwrap_or_default(),
        networks: networks.unwrap_or_default(),
        hosts: hosts.unwrap_or_default(),
        patterns: patterns.unwrap_or_default(),
    }
}

fn list<T>(
    reader: &mut Reader,
    value: &Value<'_>,
    place: &str,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let mut found = Vec::new();
    for item in reader.items(value, place, "texts") {
        let Some(text) = reader.text(item, place, expected) else { continue };
        match read(&text.value) {
            Some(one) => found.push(one),
            None => reader.problem(text.at, place, format!("{:?} is none", text.value), expected),
        }
    }
    found
}

fn patterns(reader: &mut Reader, value: &Value<'_>, place: &str) -> IndexMap<String, String> {
    let mut found = IndexMap::new();
    let Some(section) = reader.section(value, place, "a table headed [redact.patterns]") else { return found };
    for (key, value) in section.entries() {
        let (name, at) = (key.get_ref().to_string(), key.span().start);
        let place = section.key(&name);
        let fits = (2..=16).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if !fits {
            reader.problem(at, &place, format!("{name:?} is no name of a class"), CLASS);
        }
        let Some(pattern) = reader.text(value, &place, PATTERN) else { continue };
        match regex::Regex::new(&pattern.value) {
            Err(error) => {
                let told = error.to_string();
                let why = told.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                reader.problem(pattern.at, &place, format!("it is no regular expression: {why}"), PATTERN);
            }
            Ok(compiled) if compiled.is_match("") => {
                reader.problem(pattern.at, &place, "it also finds nothing at all, everywhere", PATTERN);
            }
            Ok(_) if found.len() == PATTERNS => {
                reader.problem(pattern.at, &place, "there are too many", format!("at most {PATTERNS} patterns"));
            }
            Ok(_) => {
                found.insert(name, pattern.value);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::platform::{AddressRule, Platform, explain, parse};

    fn read(redact: &str) -> Result<Platform, String> {
        let text = format!("[platform]\nname = \"Ward\"\n[redact]\n{redact}\n[[service]]\nname = \"desk\"\n");
        parse(&text, Path::new("/srv/codeblue.toml")).map_err(|problems| problems.to_string())
    }

    #[test]
    fn rules_are_read_and_explained() {
        let platform = read(
            "addresses = \"all\"\nnetworks = [\"10.0.0.0/8\", \"fd00::/8\", \"203.0.113.7\"]\nhosts = [\"example.org\"]\n[redact.patterns]\nBADGE = 'B-\\d{6}'",
        )
        .unwrap();
        let rules = &platform.redact;
        assert_eq!(rules.addresses, AddressRule::All);
        let networks: Vec<_> = rules.networks.iter().filter_map(super::Network::parts).map(|(_, bits)| bits).collect();
        assert_eq!(networks, [8, 8, 32]);
        assert_eq!(rules.patterns["BADGE"], r"B-\d{6}");
        let explained = explain(&platform);
        for told in
            ["every network address", "10.0.0.0/8, fd00::/8, 203.0.113.7", "example.org", "BADGE: what B-\\d{6} finds"]
        {
            assert!(explained.contains(told), "{explained}");
        }
        assert!(
            !explain(&read("").unwrap()).contains("taken out"),
            "where the file says nothing there is nothing to explain"
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (redact, told) in [
            ("networks = [\"10.0.0.0/33\"]", "codeblue.toml:4: redact.networks: \"10.0.0.0/33\" is none"),
            ("hosts = [\"https://example.org/\"]", "redact.hosts"),
            ("addresses = \"some\"", "redact.addresses"),
            (
                "[redact.patterns]\nBADGE = '('",
                "codeblue.toml:5: redact.patterns.BADGE: it is no regular expression: unclosed group",
            ),
            ("[redact.patterns]\nBADGE = 'B*'", "it also finds nothing at all"),
            ("[redact.patterns]\nbadge = 'B'", "\"badge\" is no name of a class"),
            ("network = []", "did you mean"),
        ] {
            let problems = read(redact).unwrap_err();
            assert!(problems.contains(told), "{problems}");
        }
    }
}
