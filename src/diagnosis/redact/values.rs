//! How much of the value under a key is the identifier, if any of it is.

use std::net::IpAddr;

use super::{
    class::Class,
    codes::code,
    dates,
    fields::Field,
    hosts::{host, inner_host, is_inner},
    keys::{self, Named, Says},
    lists::look_up,
    named::name,
    page::{Page, Span, is_blot},
};

/// Values that say that there is none, or what is wrong with it.
const NOTHING: [&str; 54] = [
    "http",
    "http/1.1",
    "null",
    "none",
    "nil",
    "true",
    "false",
    "yes",
    "no",
    "n/a",
    "na",
    "unknown",
    "undefined",
    "nan",
    "redacted",
    "empty",
    "missing",
    "invalid",
    "required",
    "optional",
    "string",
    "int",
    "integer",
    "number",
    "object",
    "array",
    "boolean",
    "varchar",
    "text",
    "date",
    "ok",
    "failed",
    "success",
    "error",
    "changed",
    "expired",
    "incorrect",
    "valid",
    "enabled",
    "disabled",
    "default",
    "anonymous",
    "system",
    "not",
    "must",
    "is",
    "was",
    "cannot",
    "basic",
    "bearer",
    "token",
    "digest",
    "negotiate",
    "apikey",
];
/// What a key and the keys above it name.
fn named(field: &Field, page: &Page) -> Option<Named> {
    let mut best = field.named;
    if best.is_some_and(|(_, says)| says == Says::Surely) {
        return best;
    }
    for above in field.above.iter().rev().take(3) {
        let mut words = keys::words(above);
        // `names`, `addresses`, `identifiers`
        for word in &mut words {
            if word.len() > 4 && word.ends_with('s') && !word.ends_with("ss") {
                word.pop();
            }
        }
        words.extend(keys::words(&field.key));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let found = match words.as_slice() {
            [.., "telecom" | "phone", "value"] => Some((Class::Phone, Says::Surely)),
            [.., "identifier", "value"] => Some((Class::Id, Says::Surely)),
            [.., "name", "text" | "family" | "given" | "first" | "last" | "middle" | "full"] => {
                Some((Class::Name, Says::Surely))
            }
            [.., "address", "line" | "text" | "city" | "district"] => Some((Class::Address, Says::Surely)),
            [.., "period", "start" | "end"] if page.person => Some((Class::Date, Says::Surely)),
            [.., "photo" | "image", "data" | "url" | "value"] => Some((Class::Photo, Says::Surely)),
            [
                ..,
                "patient" | "person" | "member" | "subscriber" | "guarantor" | "insured" | "role",
                "id" | "extension",
            ] => Some((Class::Mrn, Says::Surely)),
            [
                ..,
                "subject" | "patient" | "performer" | "practitioner" | "author" | "recorder" | "requester"
                | "individual" | "participant" | "actor" | "asserter" | "recipient" | "beneficiary" | "provider"
                | "attending" | "physician",
                "display" | "name" | "text" | "value",
            ] => Some((Class::Name, Says::Surely)),
            words => keys::of_words(words).filter(|(_, says)| *says == Says::Surely),
        };
        if let Some(found) = found {
            best = Some(found);
            break;
        }
    }
    if best.is_none()
        && field.key.eq_ignore_ascii_case("id")
        && page.text.contains("resourceType")
        && page.text.contains("Patient")
    {
        best = Some((Class::Id, Says::Surely));
    }
    best
}

/// What a number is under the key of a person.
fn numbered(field: &Field) -> Class {
    let key = field.key.to_ascii_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| key.contains(word));
    match () {
        () if any(&["patient", "resident", "participant"]) => Class::Mrn,
        () if any(&["member", "subscriber", "beneficiary", "insured"]) => Class::Plan,
        () => Class::Name,
    }
}

/// What is to be taken out of the value of a field.
pub(super) fn judge(page: &Page, field: &Field, found: &mut Vec<Span>) {
    let Some((class, says)) = named(field, page) else { return };
    let text = &page.text[field.start..field.end];
    // Without quotes only the beginning of a value is the identifier: it was found before.
    if !field.closed && text.trim_start().starts_with(is_blot) {
        return;
    }
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || is_blot(c));
    let start = field.start + (text.len() - text.trim_start_matches(|c: char| c.is_whitespace() || is_blot(c)).len());
    let first = trimmed.split([' ', ',', ';']).next().unwrap_or_default();
    if trimmed.is_empty()
        || start < page.stamp
        || NOTHING.iter().any(|nothing| nothing.eq_ignore_ascii_case(first.trim_matches(['.', ')', ']'])))
        || is_hole(trimmed)
    {
        return;
    }
    let end = start + trimmed.len();
    // `patient=8812`, `member: H123456`: the key names whose number it is.
    let class = match class {
        Class::Name if says <= Says::Likely && first.bytes().filter(u8::is_ascii_digit).count() > 3 => numbered(field),
        class => class,
    };
    let mut tell = |class: Class, start: usize, end: usize| found.push(Span { class, start, end });
    match class {
        Class::Name => name(page, field, trimmed, start, says, &mut tell),
        Class::Date => {
            if field.closed
                && says == Says::Surely
                && trimmed.len() < 48
                && trimmed.contains(|c: char| c.is_ascii_digit())
            {
                return tell(class, start, end);
            }
            let near = &trimmed[..floor(trimmed, 48)];
            let before = found.len();
            found.extend(dates::full(near).take(1).map(|(from, to)| Span {
                class,
                start: start + from,
                end: start + to,
            }));
            if found.len() == before && (says == Says::Surely || page.person) {
                let day = dates::days(near)
                    .next()
                    .or_else(|| dates::numbers(near).next().filter(|(from, _)| *from < 12 && says == Says::Surely));
                found.extend(day.map(|(from, to)| Span { class, start: start + from, end: start + to }));
            }
        }
        Class::Age => {
            let digits: String = trimmed.chars().take_while(char::is_ascii_digit).collect();
            if digits.parse::<u16>().is_ok_and(|age| (90..=130).contains(&age))
                && !trimmed[digits.len()..].starts_with(['.', ':', '-'])
            {
                tell(class, start, start + digits.len());
            }
        }
        Class::Ip => {
            // Lists of the addresses of all proxies on the way.
            let mut at = start;
            for part in trimmed.split([',', ' ', '%']).take(8) {
                let (host, _) = host(part);
                let address = host.parse::<IpAddr>();
                let wanted = match address {
                    Ok(IpAddr::V4(v4)) => {
                        !v4.is_loopback()
                            && !v4.is_unspecified()
                            && (says == Says::Surely || page.person || !is_inner(IpAddr::V4(v4)))
                    }
                    Ok(v6) => {
                        !v6.is_loopback()
                            && !v6.is_unspecified()
                            && (says == Says::Surely || page.person || !is_inner(v6))
                    }
                    Err(_) => break,
                };
                if wanted {
                    let from = at + part.find(host).unwrap_or_default();
                    tell(class, from, from + host.len());
                }
                at += part.len() + 1;
            }
        }
        Class::Email => {
            if trimmed.contains('@') || trimmed.contains("%40") {
                tell(class, start, start + first.len());
            }
        }
        Class::Address => address(page, field, trimmed, start, says, &mut tell),
        Class::Secret => secret(field, trimmed, start, says, &mut tell),
        Class::Url | Class::Photo => {
            let url = trimmed.contains("://") || trimmed.starts_with("www.") || trimmed.starts_with("data:");
            let file = trimmed.contains(['.', '/', '_']) || trimmed.len() > 24;
            let image = [".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".heic", ".webp", ".dcm"]
                .iter()
                .any(|ending| trimmed.to_lowercase().contains(ending));
            let wanted = match says {
                Says::Surely if class == Class::Url => url || file,
                Says::Surely => url || file || field.closed || trimmed.contains(|c: char| c.is_ascii_digit()),
                _ if class == Class::Photo => page.person && image,
                _ => page.person && url && !inner_host(trimmed),
            };
            if wanted {
                let stop = if field.closed && class == Class::Photo {
                    trimmed.len()
                } else {
                    trimmed.find([' ', ',', ')', '\'']).unwrap_or(trimmed.len())
                };
                tell(class, start, start + stop);
            }
        }
        Class::Phone | Class::Fax => {
            if trimmed.contains('@') {
                return tell(Class::Email, start, start + first.len());
            }
            if trimmed.contains("://") {
                return;
            }
            let from = trimmed.find(|c: char| c.is_ascii_digit() || c == '+' || c == '(');
            let Some(from) = from.filter(|from| *from < 16) else { return };
            let fax = class == Class::Phone && trimmed[..from].to_ascii_lowercase().contains("fax");
            let part = |c: char| {
                c.is_ascii_digit()
                    || matches!(
                        c,
                        '+' | '('
                            | ')'
                            | '-'
                            | '.'
                            | ' '
                            | '/'
                            | 'x'
                            | '*'
                            | '#'
                            | 'e'
                            | 't'
                            | '%'
                            | '\u{a0}'
                            | '\u{2010}'..='\u{2013}'
                    )
            };
            let length: usize = trimmed[from..].chars().take_while(|c| part(*c)).map(char::len_utf8).sum();
            let number = trimmed[from..from + length].trim_end_matches([' ', '.', '-', 'e', 't', 'x', '(', '/', '%']);
            if number.chars().filter(char::is_ascii_digit).count() >= 5 && digits_led(number) {
                tell(if fax { Class::Fax } else { class }, start + from, start + from + number.len());
            }
        }
        _ => code(page, field, class, says, trimmed, start, &mut tell),
    }
}

fn digits_led(number: &str) -> bool {
    number.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '(')
}

fn address(
    page: &Page,
    field: &Field,
    value: &str,
    start: usize,
    says: Says,
    tell: &mut dyn FnMut(Class, usize, usize),
) {
    let digit = value.contains(|c: char| c.is_ascii_digit());
    let letter = value.contains(char::is_alphabetic);
    let machine = value.contains("://")
        || value.starts_with("0x")
        || host(value.split([' ', ',']).next().unwrap_or_default()).0.parse::<IpAddr>().is_ok();
    if machine || value.len() < 2 || value.contains('@') && !value.contains(' ') {
        return;
    }
    let wanted = match says {
        Says::Surely => true,
        _ => {
            page.person && letter && (digit || field.closed) && !value.contains(['/', '_'])
                || letter && digit && value.contains(' ') && field.closed
        }
    };
    if !wanted {
        return;
    }
    if field.closed && value.len() <= 200 {
        return tell(Class::Address, start, start + value.len());
    }
    let number = value.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && !letter;
    let stop = if number { value.find([' ', ')']) } else { value.find(". ").or_else(|| value.find([')', '(', '='])) };
    let mut stop = stop.unwrap_or(value.len()).min(floor(value, 120));
    if field.prose && !digit {
        // A town: as long as it goes on with capitals.
        stop = value[..stop]
            .split_inclusive(' ')
            .take_while(|word| word.starts_with(|c: char| c.is_uppercase()))
            .map(str::len)
            .sum();
    }
    let held = value[..stop].trim_end_matches([' ', ',', '.']);
    if !held.is_empty() {
        tell(Class::Address, start, start + held.len());
    }
}

fn secret(field: &Field, value: &str, start: usize, says: Says, tell: &mut dyn FnMut(Class, usize, usize)) {
    let key = field.key.to_ascii_lowercase();
    if key.contains("cookie") {
        return tell(Class::Secret, start, start + value.len());
    }
    let scheme = [
        "Bearer ",
        "Basic ",
        "Token ",
        "Digest ",
        "Negotiate ",
        "bearer ",
        "basic ",
        "token ",
        "ApiKey ",
        "Bearer%20",
        "Bearer+",
    ];
    let lead = scheme.iter().find(|scheme| value.starts_with(**scheme)).map_or(0, |scheme| scheme.len());
    let digest = lead > 0 && value.starts_with("Digest");
    let rest = &value[lead..];
    let whole = field.closed || digest || key.contains("conn") || key == "dsn";
    let stop = if whole {
        rest.len()
    } else {
        rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ')')).unwrap_or(rest.len())
    };
    let held = rest[..stop].trim_end_matches(['.', ',', ';']);
    let plain = held.chars().all(|c| c.is_ascii_lowercase()) && look_up(held).word;
    // Sentences have passwords as their subject: what follows then is no password.
    let said = field.prose && (plain || held.ends_with(':'));
    let number = held.chars().all(|c| c.is_ascii_digit());
    let likely = says == Says::Surely
        || held.len() >= 8
            && held.contains(|c: char| c.is_ascii_digit())
            && !held.contains("://")
            && !(number || held.starts_with("0x"));
    if !held.is_empty() && !said && likely && (held.len() > 2 || !number) {
        tell(Class::Secret, start + lead, start + lead + held.len());
    }
}

/// Whether a value stands for one that comes later: `?`, `$1`, `%s`, `{name}`, `***`.
fn is_hole(value: &str) -> bool {
    let bare = value.trim_end_matches([',', ')', ';', '\'', '"']);
    matches!(bare, "?" | "%s" | "%d" | "{}" | "%(" | "-" | "--" | "..." | "…" | "[]" | "()")
        || bare.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '•' | '#') || is_blot(c))
        || bare.starts_with('$') && bare[1..].chars().all(|c| c.is_ascii_digit())
        || bare.starts_with(['{', '<', '%']) && bare.ends_with(['}', '>', ')', 's']) && !bare.contains(' ')
        || bare.starts_with("${")
}

/// The last place at or before which a text may be cut.
pub(super) fn floor(text: &str, most: usize) -> usize {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}
