//! Takes identifiers of people, and secrets, out of text before it is stored, shown or sent: the eighteen of the Safe Harbor method
//! and what opens something, in prose, `key=value`, JSON, FHIR, HL7, SQL, XML, URLs and tables.
//!
//! A text is read in rounds. Each looks for keys and segments (`fields`, `keys`, `values`, `hl7`, `rows`), then for words before
//! numbers (`labels`), for shapes (`shapes`, `dates`, `secrets`, `places`) and for names (`names`, `lists`); what it finds is
//! blotted out (`page`), and the next round reads what is left, now knowing that the text is about a person. The last round
//! finds nothing, so that what was taken out stays out. `stream` keeps what one line says about the next.
//!
//! A new kind of key is a word in `keys`; a new shape a function in `shapes`; a new notation a file that tells spans.

mod class;
mod codes;
mod dates;
mod evidence;
mod fields;
mod hl7;
mod hosts;
mod keys;
mod labels;
mod lists;
mod named;
mod names;
mod page;
mod patterns;
mod places;
mod rows;
mod secrets;
mod segments;
mod shapes;
mod stream;
mod values;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::LazyLock,
};

use regex::Regex;
use ring::hmac;

pub use class::Class;
pub(super) use evidence::clip;
pub(super) use lists::is_plain_word;
pub use stream::Stream;

use page::{Marks, OTHER, PERSON, Page, Span, tidy};
use patterns::{Pattern, compiled};

/// Rounds at most; each takes something out, and two are what nearly every text needs.
const ROUNDS: usize = 8;
/// Hexadecimal digits of a pseudonym.
const DIGITS: usize = 6;

/// Words by which a text is about a person.
static PEOPLE: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r"(?i:\b(?:patients?|pt (?:is|was|has|seen|presents|presented|admitted|reports|denies|c/o|name|called|",
        r"states)|physicians?|nurses?|doctors?|clinicians?|surgeons?|guarantors?|subscriber(?:name|id)|insured",
        r"|beneficiary|beneficiaries|next[ _-]of[ _-]kin|emergency[ _-]contact|caregivers?|guardian|spouse|",
        r"wife|husband|mother|father|daughter|grandmother|grandfather|practitioners?|mrn|ssn|dob|date of birth",
        r"|birthdate|born|deceased|hospital|clinic|ward|icu|inpatient|outpatient|diagnos(?:is|ed)|",
        r"prescri(?:bed|ption|ptions|ber)|medications?|allerg(?:y|ies|ic)|referr(?:al|ed by)|chart|encounter|",
        r"appointments?|admission|hospitali[sz]ed|surgery|biopsy|vaccin\w{0,8}|immuni[sz]ation|insurance|",
        r"medicare|medicaid|copay|year-old|years old|yo [mf]|y/o|demographics?|telehealth|phi|hipaa|ehr|emr|",
        r"fhir|hl7|cardiology|oncology|radiology|symptoms?|pregnan\w{2,4}|discharge[d]?[ _](?:summary|home|to|",
        r"on|from|date)|lab results?|voicemail|next visit|follow[- ]?up (?:visit|appointment|with)|signed by|",
        r"dictated by|social security|home address|phone number|birthday|birth|resident of|lives (?:at|in)|",
        r"maiden|surname|first_?name|last_?name|full_?name|passport|driver'?s? licen[sc]e|employee|",
        r"customer name|contact(?:ed)? (?:patient|family)|spoke (?:with|to)|relative|woman|women|gentleman|",
        r"lady|female|infant|newborn|toddler|diabet\w+|hypertens\w+|asthma\w*|cancer|pneumonia|fracture|",
        r"chest pain|headaches?|bedside|triage|hospice|dosage|mg daily|policy ?holder|applicant|enrollee|",
        r"family member|consent form|caller|nursing|emergency room|operating room|rehab\w*)\b)|\b(?:Mr|Mrs|Ms|",
        r"Dr|Miss|Prof)\.? \p{Lu}|\bDear [A-Z]|(?:PID|NK1|GT1|IN1|PV1|OBR)[|#^~!*$@%]"
    ))
});
/// Words by which somebody has come in.
static LOGIN: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r"(?i:\b(?:log(?:ged|ging)?[ _-]?(?:in|on|out|off)|signed[ _-]?(?:in|on|up)|sign[ _-]?(?:in|on|up)|",
        r"portal|visitor|browser|account|session for|user|username|access(?:ed)? (?:by|from))\b)"
    ))
});
/// The lines of daemons, whose users are accounts of machines.
static DAEMON: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r"\b(?:sshd|ftpd|telnetd|rlogind|xinetd|su|sudo|login|gdm|kdm|crond?|CROND|kernel|named|ntpd|snmpd|",
        r"smbd|rpc\.\w+|cups|syslogd|systemd(?:-\w+)?|dhcpd|postfix\S*|sendmail|imapd|pop3d|klogind|vsftpd|",
        r"proftpd)(?:\([\w-]+\))?\[\d+\]|\(pam_unix\)|pam_unix\("
    ))
});
/// Words of statements to databases.
static SQL: Pattern = LazyLock::new(|| compiled(r"(?i)\b(?:insert|update|select|delete|where|values)\b|\bkey ?\("));

/// One that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Of what kind it is.
    pub class: Class,
    /// The byte of the text where it begins.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
}

/// How often each class was taken out, by its name.
pub type Removed = BTreeMap<String, u64>;

/// What is asked beyond the rules: as the platform file says.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    /// More patterns, each with the name of its class in capitals.
    pub patterns: Vec<(String, Regex)>,
    /// Networks of machines, whose addresses may pass.
    pub networks: Vec<(IpAddr, u8)>,
    /// Hosts whose addresses on the web may pass, with all below them.
    pub hosts: Vec<String>,
    /// What services and their parts are called: a name such as `patient-api` speaks of no person.
    pub machines: BTreeSet<String>,
    /// Every network address goes, and not only those beside people.
    pub every_address: bool,
}

/// What may not leave, because something was found in it: what and where, never which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the text may not leave: it holds {}; take them out with `codeblue redact`", told(found))]
pub struct Leak {
    /// What was found.
    pub found: Vec<(String, usize, usize)>,
}

fn told(found: &[(String, usize, usize)]) -> String {
    let told: Vec<String> =
        found.iter().take(5).map(|(class, start, end)| format!("{class} at bytes {start} to {end}")).collect();
    let more = found.len().saturating_sub(told.len());
    if more == 0 { told.join(", ") } else { format!("{} and {more} more", told.join(", ")) }
}

/// Finds identifiers and secrets, and replaces them.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    extra: Extra,
}

/// A key for pseudonyms. Whoever has it can try values; so it is made anew for each incident and written nowhere.
#[derive(Clone)]
pub struct PseudonymKey(hmac::Key);

impl std::fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl PseudonymKey {
    /// A key from secret bytes; 32 of them are as good as more.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The digits that stand for a value: the same for the same value, however it was written.
    fn digits(&self, class: &str, value: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(class.as_bytes());
        context.update(&[0]);
        let same: String =
            value.chars().filter(|c| c.is_alphanumeric() || *c == '@').flat_map(char::to_lowercase).collect();
        context.update(same.as_bytes());
        let mut digits = hex::encode(&context.sign().as_ref()[..DIGITS.div_ceil(2)]);
        digits.truncate(DIGITS);
        digits
    }
}

impl Redactor {
    /// One that also does what a platform file asks for.
    #[must_use]
    pub fn new(extra: Extra) -> Self {
        Self { extra }
    }

    /// The name of a class, as it stands in its token.
    #[must_use]
    pub fn name(&self, class: Class) -> &str {
        match class {
            Class::Own(place) => self.extra.patterns.get(usize::from(place)).map_or("OWN", |(name, _)| name),
            class => class.name(),
        }
    }

    /// What is in one line, in order and without overlaps; places are bytes.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Found> {
        self.find_in(text, &mut stream::Before::default())
    }

    /// The text with the class of each in its place: `[NAME]`. A text of several lines is read line by line.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut stream = Stream::new(self);
        text.split_inclusive('\n').map(|line| stream.redact(line)).collect()
    }

    /// Takes out of each of these texts what is found in it, and tells how often what was.
    pub fn clean_all(&self, texts: Vec<&mut String>) -> Removed {
        let mut removed = Removed::new();
        for text in texts {
            let mut stream = Stream::new(self);
            *text = text.split_inclusive('\n').map(|line| stream.redact(line)).collect();
            for (class, count) in stream.removed() {
                *removed.entry(class.clone()).or_default() += count;
            }
        }
        removed
    }

    /// The same with a mark by which one value can be told from another of its class: `[NAME#a3f1c2]`.
    #[must_use]
    pub fn pseudonymise(&self, text: &str, key: &PseudonymKey) -> String {
        let mut stream = Stream::new(self).with_key(key.clone());
        text.split_inclusive('\n').map(|line| stream.redact(line)).collect()
    }

    /// Looks whether a text may leave.
    ///
    /// # Errors
    /// When anything is found in it: then it may not.
    pub fn scan(&self, text: &str) -> Result<(), Leak> {
        let mut found = Vec::new();
        let mut stream = Stream::new(self);
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            found.extend(
                stream
                    .find(line)
                    .into_iter()
                    .map(|one| (self.name(one.class).to_owned(), start + one.start, start + one.end)),
            );
            start += line.len();
        }
        if found.is_empty() { Ok(()) } else { Err(Leak { found }) }
    }

    /// A text with what was found in it replaced.
    #[must_use]
    pub fn render(&self, text: &str, found: &[Found], key: Option<&PseudonymKey>) -> String {
        let mut told = String::with_capacity(text.len());
        let mut at = 0;
        for one in found {
            told.push_str(&text[at..one.start]);
            let name = self.name(one.class);
            told.push('[');
            told.push_str(name);
            if let Some(key) = key {
                told.push('#');
                told.push_str(&key.digits(name, &text[one.start..one.end]));
            }
            told.push(']');
            at = one.end;
        }
        told.push_str(&text[at..]);
        told
    }

    fn find_in(&self, text: &str, before: &mut stream::Before) -> Vec<Found> {
        let blotted = self.without_tokens(text);
        let stamp = dates::stamp(&blotted);
        let mut page = Page { person: false, login: false, stamp, marks: Marks::of(&blotted), text: blotted };
        let mut all: Vec<Span> = Vec::new();
        let continues = before.continues(&page);
        page.login = (page.marks.dots > 2 || page.marks.colons > 2)
            && LOGIN.as_ref().is_some_and(|login| login.is_match(&page.text))
            && !DAEMON.as_ref().is_some_and(|daemon| daemon.is_match(&page.text));
        let telling = self.speaks_of_people(&page.text);
        for _ in 0..ROUNDS {
            page.person = telling || continues || page.text.contains(PERSON);
            let found = tidy(&page.text, self.round(&page, before));
            if found.is_empty() {
                break;
            }
            page.blot(&found);
            all.extend(found);
        }
        before.leave(&page);
        all.sort_by_key(|span| span.start);
        all.into_iter().map(|Span { class, start, end }| Found { class, start, end }).collect()
    }

    /// Whether there is a word by which the text is about a person, other than in the name of a service.
    fn speaks_of_people(&self, text: &str) -> bool {
        let joins = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        let of_machine = |found: regex::Match| {
            let start = text[..found.start()].trim_end_matches(joins).len();
            let end = text.len() - text[found.end()..].trim_start_matches(joins).len();
            self.extra.machines.contains(&text[start..end])
        };
        PEOPLE.as_ref().is_some_and(|people| people.find_iter(text).any(|found| !of_machine(found)))
    }

    /// What one reading finds.
    fn round(&self, page: &Page, before: &mut stream::Before) -> Vec<Span> {
        let mut found = Vec::new();
        let marks = page.marks;
        if marks.separators {
            let mut nest = before.nest();
            fields::walk(&page.text, &mut nest, &mut |field| values::judge(page, &field, &mut found));
            before.keep(nest);
        }
        if marks.bars {
            hl7::find(page, &mut found);
        }
        if marks.quotes && SQL.as_ref().is_some_and(|sql| sql.is_match(&page.text)) {
            rows::find(page, &mut found);
        }
        before.row(page, &mut found);
        if marks.digits {
            labels::find(page, &mut found);
        }
        shapes::find(page, self.extra.every_address, &mut found);
        secrets::find(page, &mut found);
        places::find(page, &mut found);
        names::find(page, &mut found);
        for (place, (_, pattern)) in self.extra.patterns.iter().enumerate() {
            let class = Class::Own(u8::try_from(place).unwrap_or(u8::MAX));
            found.extend(pattern.find_iter(&page.text).filter(|one| !one.is_empty()).map(|one| Span {
                class,
                start: one.start(),
                end: one.end(),
            }));
        }
        found.retain(|span| !self.may_pass(&page.text, *span));
        found
    }

    /// Whether the platform file lets it pass.
    fn may_pass(&self, text: &str, span: Span) -> bool {
        match span.class {
            Class::Ip => {
                let value = &text[span.start..span.end.min(text.len())];
                value
                    .parse::<IpAddr>()
                    .is_ok_and(|address| self.extra.networks.iter().any(|network| within(address, *network)))
            }
            Class::Url => {
                let value = text.get(span.start..span.end).unwrap_or_default();
                let host = value.split_once("://").map_or(value, |(_, rest)| rest);
                let host = host.split(['/', ':', '?', '#']).next().unwrap_or_default();
                self.extra.hosts.iter().any(|known| {
                    host == known || host.strip_suffix(known.as_str()).is_some_and(|rest| rest.ends_with('.'))
                })
            }
            Class::Secret => self.passed(text, span),
            _ => false,
        }
    }

    /// Whether it is a service of which a check says that it passes: `pass: records-db`.
    fn passed(&self, text: &str, span: Span) -> bool {
        let before = text[..span.start].trim_end_matches([' ', ':']);
        let start = before.trim_end_matches(char::is_alphanumeric).len();
        before[start..].eq_ignore_ascii_case("pass")
            && text[..start].trim_end().chars().next_back().is_none_or(|c| !c.is_alphanumeric())
            && text.get(span.start..span.end).is_some_and(|value| self.extra.machines.contains(value))
    }

    /// The text with blots for what was taken out before, and without signs that could be taken for blots.
    fn without_tokens(&self, text: &str) -> String {
        let mut told =
            if text.contains([PERSON, OTHER]) { text.replace([PERSON, OTHER], "\u{3}") } else { text.to_owned() };
        let mut at = 0;
        let mut blots = Vec::new();
        while let Some(open) = told[at..].find('[').map(|place| at + place) {
            at = open + 1;
            let Some(length) = told[at..].bytes().take(48).position(|b| b == b']') else { continue };
            let inside = &told[at..at + length];
            let (name, digits) = inside.split_once('#').unwrap_or((inside, ""));
            if !digits.bytes().all(|b| b.is_ascii_hexdigit()) || digits.is_empty() && inside.contains('#') {
                continue;
            }
            let own = || self.extra.patterns.iter().position(|(known, _)| known == name).map(|_| Class::Own(0));
            if let Some(class) = Class::ALL.into_iter().find(|class| class.name() == name).or_else(own) {
                blots.push(Span { class, start: open, end: at + length + 1 });
                at += length + 1;
            }
        }
        if !blots.is_empty() {
            let mut page = Page { text: told, person: false, login: false, stamp: 0, marks: Marks::default() };
            page.blot(&blots);
            told = page.text;
        }
        told
    }
}

fn within(address: IpAddr, (network, bits): (IpAddr, u8)) -> bool {
    let prefix = |bits: u8, width: u32| u128::MAX.checked_shl(width - u32::from(bits)).unwrap_or(0);
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = prefix(bits.min(32), 32) & u128::from(u32::MAX);
            u128::from(u32::from(address)) & mask == u128::from(u32::from(network)) & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = prefix(bits.min(128), 128);
            u128::from(address) & mask == u128::from(network) & mask
        }
        _ => false,
    }
}
