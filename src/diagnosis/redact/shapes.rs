//! Identifiers that are known by their shape: each has its check where one was defined for it.

use std::{net::IpAddr, sync::LazyLock};

use regex::Match;

use super::{
    class::Class,
    dates,
    hosts::{inner_host, is_inner},
    lists::look_up,
    named::is_machine,
    page::{Page, Span, is_blot},
    patterns::{Pattern, all, compiled, some},
};

static EMAIL: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r"[\w.!#$&*+/=?^`{|}~-]{1,64}(?:@|%40)(?:[\w-]{1,63}\.)+[A-Za-z][\w-]{1,24}|",
        r"\b[\w.+-]{1,64}(?: ?\[at\] ?| ?\(at\) ?)(?:[\w-]+(?:\.| ?\[dot\] ?| ?\(dot\) ?))+\w{2,24}"
    ))
});
static SSN: Pattern =
    LazyLock::new(|| compiled(r"\b\d{3}([-–. ])\d{2}[-–. ]\d{4}\b|(?:\*|[Xx]){3}-?(?:\*|[Xx]){2}-?\d{4}\b"));
static PHONE: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r"(?:\+|\b00|\b011[- ])?\b\d{1,3}[-. ]?\(?\d{1,4}\)?(?:[-. ]?\d{2,4}){2,4}(?:\s?(?:x|ext\.?|extension|",
        r"#)\s?\d{1,6})?\b|\(\d{3,5}\) ?\d{3,4}[-. ]?\d{3,4}(?:\s?(?:x|ext\.?|extension|#)\s?\d{1,6})?\b|",
        r"\b\d{3}[-.]\d{4}\b"
    ))
});
static CARD: Pattern =
    LazyLock::new(|| compiled(r"\b[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}\b|\b3\d{3}[ -]\d{6}[ -]\d{5}\b"));
static CODE: Pattern = LazyLock::new(|| {
    compiled(r"\b[A-HJ-NPR-Z0-9]{17}\b|\b[1-9][A-Z][A-Z0-9]\d-?[A-Z][A-Z0-9]\d-?[A-Z]{2}\d{2}\b|\b[A-Z][A-Z9]\d{7}\b")
});
static ACCOUNT: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r"\b[Uu]ser '?([a-z][a-z0-9._-]{2,30})'? (?:has |was |is |successfully )?(?:logged|signed|authenticated|accessed|viewed|",
        r"opened|updated|edited|printed|exported|downloaded|requested|created|deleted|locked|denied)\b"
    ))
});
static MAC: Pattern = LazyLock::new(|| compiled(r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b"));
static V4: Pattern = LazyLock::new(|| compiled(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"));
static V6: Pattern = LazyLock::new(|| compiled(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\d+\.\d+\.\d+\.\d+)?"));
static URL: Pattern = LazyLock::new(|| {
    compiled(r#"\b(?:https?|ftp)://[^\s\x01\x02"'<>\\|,;)\]}]+|\bwww\.[\w-]+\.[^\s\x01\x02"'<>\\|,;)\]}]+"#)
});
static AGE: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r"(?i)\b(9\d|1[0-2]\d)(?:th birthday|[- ]?(?:years?|yrs?\.?|y\.?)[- /]?(?:olds?\b|of age|o\b|\.?o\.)|",
        r"[- ]?y/?o\b)|\b(?:aged?|turned|turning|is now)(?: of| is| was|:|=)? ?(9\d|1[0-2]\d)\b"
    ))
});
static PLACE: Pattern = LazyLock::new(|| compiled(r"-?\b\d{1,2}\.\d{4,}\b,? ?-?\d{1,3}\.\d{4,}\b"));
static LONG: Pattern = LazyLock::new(|| compiled(r"\b(?:[A-Z]{1,4}-?)?\d{6,12}\b"));
static PATH: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r"(?i)\b(patients?|persons?|people|members?|subscribers?|mrns?|charts?|encounters?|claims?|visits?|",
        r"beneficiar(?:y|ies)|guarantors?|practitioners?|relatedperson|appointments?|prescriptions?|insured|",
        r"clients|customers|users?|profiles?|ssn|medical-?records?|records|accounts|studies|specimens?|",
        r"episodes?|admissions?)(?:/|%2F|\\/)([\w.~%@+-]{2,80})"
    ))
});

/// Identifiers that their shape gives away.
pub(super) fn find(page: &Page, every_address: bool, found: &mut Vec<Span>) {
    let text = page.text.as_str();
    let mut tell = |class: Class, start: usize, end: usize| found.push(Span { class, start, end });
    if text.contains(['@']) || text.contains("%40") || text.contains("at]") || text.contains("at)") {
        for mail in all(&EMAIL, text) {
            tell(Class::Email, mail.start(), mail.end());
        }
    }
    if text.contains("://") || text.contains("www.") {
        for url in all(&URL, text) {
            let end = url.as_str().trim_end_matches(['.', ':', '!', '?']).len();
            // What is left of one in which something was found says nothing more.
            let rest = text[url.end()..].starts_with(is_blot);
            if page.person
                && !rest
                && !inner_host(&text[url.start()..url.start() + end])
                && speaks_of_a_person(page, url.start())
            {
                tell(Class::Url, url.start(), url.start() + end);
            }
        }
    }
    if text.contains('/') || text.contains("%2F") {
        paths(page, &mut tell);
    }
    if page.marks.colons > 1 {
        addresses6(page, every_address, &mut tell);
        if page.person && page.marks.colons > 4 {
            all(&MAC, text).for_each(|mac| tell(Class::Device, mac.start(), mac.end()));
        }
    }
    if text.contains("ser ") {
        accounts(text, &mut tell);
    }
    let marks = page.marks;
    if !marks.digits {
        return;
    }
    for ssn in some(&SSN, text, marks.threes).filter(|ssn| edges(text, ssn)) {
        let digits: String = ssn.as_str().chars().filter(char::is_ascii_digit).collect();
        let dashed = ssn.as_str().contains(['-', '–']);
        let dated = ssn.start() < page.stamp;
        if (digits.len() == 4 || is_ssn(&digits)) && (dashed || page.person) && !dated {
            tell(Class::Ssn, ssn.start(), ssn.end());
        }
    }
    for phone in some(&PHONE, text, marks.threes || page.person)
        .filter(|phone| edges(text, phone) && phone.start() >= page.stamp)
    {
        if is_phone(phone.as_str(), page) {
            let fax = page.before(phone.start(), 16).to_ascii_lowercase().contains("fax");
            tell(if fax { Class::Fax } else { Class::Phone }, phone.start(), phone.end());
        }
    }
    for card in some(&CARD, text, marks.fours || page.person).filter(|card| edges(text, card)) {
        let digits: String = card.as_str().chars().filter(char::is_ascii_digit).collect();
        if (page.person || digits.len() < card.as_str().len()) && (13..=19).contains(&digits.len()) && luhn(&digits) {
            tell(Class::Account, card.start(), card.end());
        }
    }
    if marks.codes {
        for code in all(&CODE, text).filter(|code| edges(text, code)) {
            let class = match code.as_str() {
                vin if vin.len() == 17 && is_vin(vin) => Some(Class::Vehicle),
                dea if dea.len() == 9 && page.person && is_dea(dea) => Some(Class::Licence),
                mbi if matches!(mbi.len(), 11 | 13) && is_mbi(mbi) && (page.person || mbi.len() == 13) => {
                    Some(Class::Plan)
                }
                _ => None,
            };
            if let Some(class) = class {
                tell(class, code.start(), code.end());
            }
        }
    }
    for address in some(&V4, text, marks.dots > 2) {
        let ahead = text[address.end()..].chars().next();
        let part = text[..address.start()].ends_with(['.', '-', '_'])
            || matches!(ahead, Some('_'))
            || ahead == Some('.') && text[address.end() + 1..].starts_with(|c: char| c.is_alphanumeric());
        let Ok(ip) = address.as_str().parse::<IpAddr>() else { continue };
        if part || text[..address.start()].ends_with(['v', 'V']) {
            continue;
        }
        let endpoint = ahead == Some(':') && text[address.end() + 1..].starts_with(|c: char| c.is_ascii_digit());
        if is_persons(page, ip, endpoint, every_address) {
            tell(Class::Ip, address.start(), address.end());
        }
    }
    if page.person || text.contains("year") || text.contains("y/o") || text.contains("yo") {
        for age in AGE.iter().flat_map(|age| age.captures_iter(text)) {
            if let Some(number) = age.get(1).or_else(|| age.get(2)) {
                let behind = &text[number.end()..];
                if !behind.starts_with(['%', '.', ':'])
                    && !behind.trim_start().starts_with("ms")
                    && (page.person || age.get(1).is_some())
                {
                    tell(Class::Age, number.start(), number.end());
                }
            }
        }
    }
    if page.person {
        beside_a_person(page, &mut tell);
    }
}

/// Names of accounts, where somebody does something: `user jdoe42 logged in`.
fn accounts(text: &str, tell: &mut dyn FnMut(Class, usize, usize)) {
    for account in ACCOUNT.iter().flat_map(|account| account.captures_iter(text)) {
        if let Some(name) = account.get(1).filter(|name| !is_machine(name.as_str()) && !look_up(name.as_str()).word) {
            tell(Class::Name, name.start(), name.end());
        }
    }
}

/// Dates and long numbers that stand beside a person without a word of what they are.
fn beside_a_person(page: &Page, tell: &mut dyn FnMut(Class, usize, usize)) {
    let text = page.text.as_str();
    for (start, end) in dates::full(text).chain(dates::days(text)).filter(|(start, _)| *start >= page.stamp) {
        if !operational(page, start)
            && !text[..start].ends_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '/' | ':' | '_'))
        {
            tell(Class::Date, start, end);
        }
    }
    for place in all(&PLACE, text) {
        tell(Class::Address, place.start(), place.end());
    }
    // The head of a message says when it was sent.
    let head =
        text.find("MSH").map_or(0..0, |start| start..text[start..].find("PID").map_or(text.len(), |end| start + end));
    for number in all(&LONG, text).filter(|number| edges(text, number) && number.start() >= page.stamp) {
        let before = page.before(number.start(), 24);
        let keyed = before.ends_with(['=', ':', '"', '\'', '/', '(', '\\'])
            || before.trim_end_matches([' ', '"', '\'', '\\']).ends_with([':', '=']);
        let behind = page.after(number.end(), 12).trim_start();
        let unit: String = behind.chars().take_while(char::is_ascii_alphabetic).collect();
        let measured = matches!(
            unit.as_str(),
            "ms" | "s" | "bytes" | "rows" | "records" | "us" | "ns" | "kB" | "KB" | "MB" | "lines" | "items"
        ) || behind.starts_with('%');
        if !keyed && !measured && !head.contains(&number.start()) {
            tell(Class::Id, number.start(), number.end());
        }
    }
}

/// Whether a date is told as the time of an operation: as that of a log, or under the key of one.
fn operational(page: &Page, at: usize) -> bool {
    let before = page.before(at, 28).to_ascii_lowercase();
    let key: String = before
        .trim_end_matches([' ', '"', '\'', '=', ':', '\\', '['])
        .chars()
        .rev()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '-'))
        .collect();
    let key: String = key.chars().rev().filter(char::is_ascii_alphanumeric).collect();
    let keyed = before.trim_end_matches([' ', '"', '\'', '\\', '[']).ends_with(['=', ':']);
    keyed
        && [
            "timestamp",
            "time",
            "ts",
            "datetime",
            "logtime",
            "createdat",
            "updatedat",
            "receivedat",
            "loggedat",
            "eventtime",
            "asctime",
            "at",
            "modified",
            "lastupdated",
            "servertime",
        ]
        .contains(&key.as_str())
}

/// Identifiers in paths: `/patients/8812`, `Patient/jane-doe`.
fn paths(page: &Page, tell: &mut dyn FnMut(Class, usize, usize)) {
    let Some(pattern) = PATH.as_ref() else { return };
    for place in pattern.captures_iter(&page.text) {
        let (Some(kind), Some(value)) = (place.get(1), place.get(2)) else { continue };
        let whole = value.as_str();
        let held = whole.trim_end_matches(['.', ':']);
        let digits = held.chars().filter(char::is_ascii_digit).count();
        let kind = kind.as_str().to_ascii_lowercase();
        let uuid = held.len() == 36 && held.matches('-').count() == 4;
        let version = held.starts_with(['v', 'V']) && held.len() < 4;
        let file = kind == "users" && page.text[..value.start()].contains("/Users/")
            || page.text[..value.start()].ends_with("\\Users\\");
        if digits >= 2
            && !version
            && !(matches!(
                kind.as_str(),
                "records" | "accounts" | "users" | "user" | "profile" | "profiles" | "studies"
            ) && digits < 3)
        {
            let class = match kind.as_str() {
                "ssn" => Class::Ssn,
                "accounts" => Class::Account,
                _ if kind.starts_with("member")
                    || kind.starts_with("subscriber")
                    || kind.starts_with("benef")
                    || kind == "insured" =>
                {
                    Class::Plan
                }
                _ if kind.starts_with("patient")
                    || kind.starts_with("mrn")
                    || kind.starts_with("chart")
                    || kind.starts_with("medical") =>
                {
                    Class::Mrn
                }
                _ => Class::Id,
            };
            if !(uuid && matches!(kind.as_str(), "users" | "user" | "accounts" | "clients" | "records")) || page.person
            {
                tell(class, value.start(), value.start() + held.len());
            }
        } else if !file
            && (kind.starts_with("patient")
                || kind.starts_with("person")
                || kind.starts_with("member")
                || kind.starts_with("user")
                || kind.starts_with("prof")
                || kind.starts_with("pract")
                || kind == "people")
        {
            let spaced: String = held
                .chars()
                .map(|c| if matches!(c, '-' | '_' | '.' | '+' | '~') { ' ' } else { c })
                .collect::<String>()
                .replace("%20", "   ");
            if spaced.contains(' ')
                && super::names::is_name(&spaced.split_whitespace().collect::<Vec<_>>().join(" "), true)
            {
                tell(Class::Name, value.start(), value.start() + held.len());
            }
        }
    }
}

fn addresses6(page: &Page, every: bool, tell: &mut dyn FnMut(Class, usize, usize)) {
    for address in all(&V6, &page.text) {
        let text = address.as_str();
        if text.len() < 6
            || page.text[..address.start()].ends_with(|c: char| c.is_alphanumeric() || c == ':')
            || page.text[address.end()..].starts_with(|c: char| c.is_alphanumeric())
        {
            continue;
        }
        let groups = text.split(':').filter(|group| !group.is_empty()).count();
        let Ok(ip) = text.trim_end_matches(':').parse::<IpAddr>() else { continue };
        if groups >= 3 && is_persons(page, ip, false, every) {
            tell(Class::Ip, address.start(), address.start() + text.trim_end_matches(':').len());
        }
    }
}

/// Whether an address may be that of a person's device.
fn is_persons(page: &Page, address: IpAddr, endpoint: bool, every: bool) -> bool {
    let inner = is_inner(address);
    if address.is_loopback() || address.is_unspecified() {
        return false;
    }
    if every {
        return true;
    }
    page.person && !(endpoint && inner) || page.login && !inner && !endpoint
}

/// Whether the words before a URL make it somebody's, or the text names somebody beside it.
fn speaks_of_a_person(page: &Page, at: usize) -> bool {
    let before = page.before(at, 40).to_ascii_lowercase();
    let request = [
        "get ",
        "post ",
        "put ",
        "patch ",
        "delete ",
        "head ",
        "\"url\":\"",
        "\"url\": \"",
        "system\":\"",
        "system\": \"",
        "system=\"",
        "url\": \"",
        "url\":\"",
        "xmlns",
    ];
    !request.iter().any(|verb| before.ends_with(verb))
}

/// Whether what was found is no part of a longer number or word.
fn edges(text: &str, found: &Match) -> bool {
    let before = text[..found.start()].chars().next_back();
    let mut after = text[found.end()..].chars();
    let behind = after.next();
    let glued = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '@');
    let digit = |c: char| c.is_ascii_digit() || behind == Some('.') && c.is_ascii_lowercase();
    let goes_on = matches!(behind, Some('.' | '-' | '/' | ':')) && after.next().is_some_and(digit);
    let begun = before.is_some_and(|c| glued(c) || matches!(c, '-' | '.' | '/'));
    !begun && !goes_on && !behind.is_some_and(glued)
}

/// The Social Security Administration gives no number of the areas 000 and 666, no group 00 and no serial 0000.
fn is_ssn(digits: &str) -> bool {
    digits.len() == 9
        && !digits.starts_with("000")
        && !digits.starts_with("666")
        && &digits[3..5] != "00"
        && &digits[5..] != "0000"
}

/// By the North American plan, or with a country's code; beside a person seven digits are enough.
fn is_phone(text: &str, page: &Page) -> bool {
    let body = text.find(['x', 'e', '#']).map_or(text, |place| &text[..place]);
    let digits: Vec<u8> = body.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let parted = body.contains(['-', '.', ' ', '(', '–']);
    let groups: Vec<&str> = body.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let dated = matches!(groups.as_slice(), [a, b, c, ..] if a.len() == 4 && b.len() == 2 && c.len() == 2 || a.len() <= 2 && b.len() <= 2 && c.len() == 4 && body.contains(['.', '-']) && groups.len() == 3);
    if body.trim_start().starts_with('+') {
        return (8..=15).contains(&digits.len()) && !dated;
    }
    if dated || body.matches('.').count() == 3 && groups.iter().all(|group| group.len() <= 3) {
        return false;
    }
    let tail = |count: usize| &digits[digits.len() - count..];
    match digits.len() {
        7 => page.person && groups.len() == 2 && groups[0].len() == 3,
        10 => {
            groups.len() == 3
                && groups[0].len() == 3
                && groups[1].len() == 3
                && (digits[0] > 1 && (digits[3] > 1 || page.person || body.starts_with('(')))
                || body.starts_with('(') && parted
                || page.person && !parted && digits[0] > 1 && digits[3] > 1
        }
        11 => {
            digits[0] == 1 && groups.len() >= 3 && (tail(10)[0] > 1)
                || page.person && groups.len() >= 3 && digits[0] == 0
        }
        12..=15 => {
            page.person && groups.len() >= 3 && groups.iter().all(|group| group.len() <= 5)
                || digits.starts_with(&[0, 0, 1]) && groups.len() >= 3
        }
        8 | 9 => page.person && groups.len() >= 3 && digits[0] == 0,
        _ => false,
    }
}

/// ISO/IEC 7812-1, annex B.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
            if digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    sum.is_multiple_of(10) && !digits.bytes().all(|digit| digit == b'0')
}

/// 49 CFR 565.15: the ninth sign checks the others.
fn is_vin(vin: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |sign: u8| match sign {
        b'0'..=b'9' => u32::from(sign - b'0'),
        b'A'..=b'H' => u32::from(sign - b'A') + 1,
        b'J'..=b'N' => u32::from(sign - b'J') + 1,
        b'P' => 7,
        b'R' => 9,
        _ => u32::from(sign.saturating_sub(b'S')) + 2,
    };
    let sum: u32 = vin.bytes().zip(WEIGHTS).map(|(sign, weight)| value(sign) * weight).sum();
    let check = b"0123456789X"[(sum % 11) as usize];
    vin.as_bytes().get(8) == Some(&check)
        && vin.bytes().any(|b| b.is_ascii_alphabetic())
        && vin.bytes().any(|b| b.is_ascii_digit())
}

/// 21 CFR 1301: the seventh digit checks the six before it.
fn is_dea(code: &str) -> bool {
    let digits: Vec<u32> = code.bytes().skip(2).map(|b| u32::from(b.wrapping_sub(b'0'))).collect();
    let [a, b, c, d, e, f, check] = digits.as_slice() else { return false };
    (a + c + e + 2 * (b + d + f)) % 10 == *check
}

/// Medicare beneficiary identifiers use no S, L, O, I, B and Z (CMS, "Understanding the MBI format").
fn is_mbi(code: &str) -> bool {
    !code.contains(['S', 'L', 'O', 'I', 'B', 'Z'])
}
