//! How much of the value under a key is the identifier, if any of it is.

use std::net::IpAddr;

use super::{
    class::Class,
    dates,
    fields::Field,
    keys::{self, Named, Says},
    lists::look_up,
    names,
    page::{Page, Span, is_blot},
};

/// Values that say that there is none, or what is wrong with it.
const NOTHING: [&str; 46] = [
    "null", "none", "nil", "true", "false", "yes", "no", "n/a", "na", "unknown", "undefined", "nan", "redacted", "empty", "missing",
    "invalid", "required", "optional", "string", "int", "integer", "number", "object", "array", "boolean", "varchar", "text", "date",
    "ok", "failed", "success", "error", "changed", "expired", "incorrect", "valid", "enabled", "disabled", "default", "anonymous",
    "system", "not", "must", "is", "was", "cannot",
];
/// Accounts of machines.
const MACHINES: [&str; 26] = [
    "root", "admin", "administrator", "test", "guest", "nobody", "daemon", "system", "oracle", "postgres", "mysql", "user", "www-data",
    "nginx", "apache", "git", "ubuntu", "service", "svc", "operator", "backup", "ftp", "mail", "sshd", "anonymous", "default",
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
            [.., "name", "text" | "family" | "given" | "first" | "last" | "middle" | "full"] => Some((Class::Name, Says::Surely)),
            [.., "address", "line" | "text" | "city" | "district"] => Some((Class::Address, Says::Surely)),
            [.., "period", "start" | "end"] if page.person => Some((Class::Date, Says::Surely)),
            [.., "photo" | "image", "data" | "url" | "value"] => Some((Class::Photo, Says::Surely)),
            [.., "patient" | "person" | "member" | "subscriber" | "guarantor" | "insured" | "role", "id" | "extension"] => Some((Class::Mrn, Says::Surely)),
            [.., "subject" | "patient" | "performer" | "practitioner" | "author" | "recorder" | "requester" | "individual" | "participant" | "actor" | "asserter" | "recipient" | "beneficiary" | "provider" | "attending" | "physician", "display" | "name" | "text" | "value"] => {
                Some((Class::Name, Says::Surely))
            }
            words => keys::of_words(words).filter(|(_, says)| *says == Says::Surely),
        };
        if let Some(found) = found {
            best = Some(found);
            break;
        }
    }
    if best.is_none() && field.key.eq_ignore_ascii_case("id") && page.text.contains("resourceType") && page.text.contains("Patient") {
        best = Some((Class::Id, Says::Surely));
    }
    best
}

/// What is to be taken out of the value of a field.
pub(super) fn judge(page: &Page, field: &Field, found: &mut Vec<Span>) {
    let Some((class, says)) = named(field, page) else { return };
    let text = &page.text[field.start..field.end];
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || is_blot(c));
    let start = field.start + (text.len() - text.trim_start_matches(|c: char| c.is_whitespace() || is_blot(c)).len());
    let first = trimmed.split([' ', ',', ';']).next().unwrap_or_default();
    if trimmed.is_empty() || start < page.stamp || NOTHING.iter().any(|nothing| nothing.eq_ignore_ascii_case(first.trim_matches(['.', ')', ']']))) || is_hole(trimmed) {
        return;
    }
    let end = start + trimmed.len();
    let mut tell = |class: Class, start: usize, end: usize| found.push(Span { class, start, end });
    match class {
        Class::Name => name(page, field, trimmed, start, says, &mut tell),
        Class::Date => {
            if field.closed && says == Says::Surely && trimmed.len() < 48 && trimmed.contains(|c: char| c.is_ascii_digit()) {
                return tell(class, start, end);
            }
            let near = &trimmed[..floor(trimmed, 48)];
            let before = found.len();
            found.extend(dates::full(near).take(1).map(|(from, to)| Span { class, start: start + from, end: start + to }));
            if found.len() == before && (says == Says::Surely || page.person) {
                let day = dates::days(near).next().or_else(|| dates::numbers(near).next().filter(|(from, _)| *from < 12 && says == Says::Surely));
                found.extend(day.map(|(from, to)| Span { class, start: start + from, end: start + to }));
            }
        }
        Class::Age => {
            let digits: String = trimmed.chars().take_while(char::is_ascii_digit).collect();
            if digits.parse::<u16>().is_ok_and(|age| (90..=130).contains(&age)) && !trimmed[digits.len()..].starts_with(['.', ':', '-']) {
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
                    Ok(IpAddr::V4(v4)) => !v4.is_loopback() && !v4.is_unspecified() && (says == Says::Surely || page.person || !is_inner(IpAddr::V4(v4))),
                    Ok(v6) => !v6.is_loopback() && !v6.is_unspecified() && (says == Says::Surely || page.person || !is_inner(v6)),
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
            let image = [".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".heic", ".webp", ".dcm"].iter().any(|ending| trimmed.to_lowercase().contains(ending));
            let wanted = match says {
                Says::Surely if class == Class::Url => url || file,
                Says::Surely => url || file || field.closed || trimmed.contains(|c: char| c.is_ascii_digit()),
                _ if class == Class::Photo => page.person && image,
                _ => page.person && url && !inner_host(trimmed),
            };
            if wanted {
                let stop = if field.closed && class == Class::Photo { trimmed.len() } else { trimmed.find([' ', ',', ')', '\'']).unwrap_or(trimmed.len()) };
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
            let part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '(' | ')' | '-' | '.' | ' ' | '/' | 'x' | '*' | '#' | 'e' | 't' | '%' | '\u{a0}' | '\u{2010}'..='\u{2013}');
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

/// A number or a code: what is in quotes as a whole, otherwise its first word with the groups of digits behind it.
fn code(page: &Page, field: &Field, class: Class, says: Says, value: &str, start: usize, tell: &mut dyn FnMut(Class, usize, usize)) {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    // Machines have devices, accounts and records as well: their numbers are long.
    let machine = matches!(class, Class::Device | Class::Id | Class::Account | Class::Plan | Class::Licence | Class::Biometric | Class::Vehicle) && !page.person && field.key.len() < 9;
    let least = if machine { 5 } else { 1 };
    if field.closed && value.len() <= 200 && !value.contains("://") {
        if digits(value) >= least.min(2) && digits(value) >= 1 || (says == Says::Surely && matches!(class, Class::Vehicle | Class::Biometric | Class::Mrn) && value.len() < 24 && !look_up(value).word) {
            tell(class, start, start + value.len());
        }
        return;
    }
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '/' | '_' | '*' | '#' | ':' | '+' | '=' | '~');
    let word = |from: usize| value[from..].chars().take_while(|c| part(*c)).map(char::len_utf8).sum::<usize>();
    let lead = value.len() - value.trim_start_matches(['#', '(', '"', '\'', '$', '[', ' ']).len();
    let mut end = lead + word(lead);
    while value[lead..end].ends_with(['.', ':', '-', ',', '=']) {
        end -= 1;
    }
    let joined = value[lead..end].contains("://");
    if joined || end == lead {
        return;
    }
    // `MRN: H 1234`, `D 1234 567`
    if digits(&value[lead..end]) == 0 && end - lead <= 4 && value[end..].starts_with([' ', '-']) {
        let more = word(end + 1);
        if digits(&value[end + 1..end + 1 + more]) >= 2 {
            end += 1 + more;
        }
    }
    while let Some(rest) = value[end..].strip_prefix(' ') {
        let more: usize = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').map(char::len_utf8).sum();
        let group = &rest[..more];
        let plain = group.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
        let edge = rest[more..].chars().next().is_none_or(|c| matches!(c, ' ' | ',' | '.' | ')' | '\'' | '"'));
        let year = field.prose && group.len() == 4 && group.starts_with("20");
        if more == 0 || more > 7 || digits(group) < 2 && !(class == Class::Vehicle && more < 5 && digits(&value[lead..end]) < 5) || !plain || !edge || year || end - lead > 40 {
            break;
        }
        end += 1 + more;
    }
    let held = &value[lead..end];
    let enough = digits(held) >= least && digits(held) >= 1 || class == Class::Vehicle && says == Says::Surely && held.len() > 4 && held.chars().all(|c| c.is_ascii_uppercase() || c == '-') || class == Class::Biometric && held.len() > 12;
    let long = held.len() >= if machine { 5 } else { 2 };
    let address = held.parse::<IpAddr>().is_ok() || held.starts_with("0x") && machine;
    let decimal = machine && held.parse::<f64>().is_ok() && held.contains('.');
    if enough && long && !address && !decimal && !(class == Class::Ssn && digits(held) < 4) {
        tell(class, start + lead, start + end);
    }
}

fn name(page: &Page, field: &Field, value: &str, start: usize, says: Says, tell: &mut dyn FnMut(Class, usize, usize)) {
    if !value.contains(char::is_alphabetic) || value.contains("://") {
        return;
    }
    if field.closed && value.len() <= 100 {
        let account = MACHINES.contains(&value.to_lowercase().as_str());
        let user = field.key.to_ascii_lowercase().contains("user") || field.key.to_ascii_lowercase().contains("login");
        let wanted = match says {
            Says::Surely => true,
            Says::Likely if user && !account => !value.contains(' ') || names::is_name(value, true),
            Says::Likely => !account && names::is_name(value, true),
            Says::Perhaps => names::is_name(value, page.person) || names::is_name(value, true) && page.person,
        };
        if wanted && !(says == Says::Surely && value.contains('{')) {
            tell(Class::Name, start, start + value.len());
        }
        return;
    }
    // As far as it can be one: to the comma of a list, to a bracket, to a word that is none.
    let mut end = 0;
    let mut words = 0;
    let mut comma = false;
    let small = value.starts_with(char::is_lowercase);
    for part in value.split_inclusive([' ', '+', ',']) {
        let word = part.trim_end_matches([' ', '+', ',', '.', ')', ']']);
        let known = look_up(word);
        let capital = word.starts_with(char::is_uppercase);
        let particle = matches!(word, "van" | "von" | "de" | "del" | "der" | "den" | "da" | "di" | "la" | "le" | "bin" | "al" | "el" | "dos" | "y" | "st" | "ter");
        let fits = word.chars().next().is_none_or(char::is_alphabetic) && !word.contains(['=', '/', ':', '_', '(', '@'])
            && (capital && (!field.prose || words == 0 || !known.word || known.given || known.family) || particle || small && (words == 0 || known.given || known.family || !known.word && !field.prose));
        let unicode = word.chars().any(|c| c as u32 > 0x2ff) && word.chars().all(char::is_alphanumeric);
        if !(fits || unicode) || words == 5 {
            break;
        }
        words += usize::from(!word.is_empty());
        end += part.len();
        if part.ends_with(',') || part.ends_with(", ") {
            // `Smith, John` goes on, `John Smith, admitted` and a list do not.
            let next = value[end..].trim_start();
            let following: String = next.chars().take_while(|c| c.is_alphabetic() || matches!(c, '\'' | '-')).collect();
            let known = look_up(&following);
            if comma || words != 1 || following.is_empty() || following.starts_with(char::is_lowercase) && !small || known.word && !known.given {
                break;
            }
            comma = true;
        }
        if part.trim_end().ends_with([')', ']']) || word.len() > 2 && part.trim_end().ends_with('.') {
            break;
        }
    }
    let held = value[..end].trim_end_matches([' ', '+', ',', '.', ')', ']', '-', ':', '\'']);
    if held.is_empty() {
        if says == Says::Surely && !field.prose {
            let word = value.find([' ', ',', ')']).unwrap_or(value.len());
            if word <= 64 {
                tell(Class::Name, start, start + word);
            }
        } else if says == Says::Likely && (field.key.to_ascii_lowercase().contains("user") || field.key.to_ascii_lowercase().contains("login")) && !field.prose {
            account(value, start, tell);
        }
        return;
    }
    let machine = MACHINES.contains(&held.to_lowercase().as_str());
    let first = look_up(held.split([' ', ',', '+']).next().unwrap_or_default());
    let wanted = match says {
        Says::Surely => !field.prose || !first.word || first.given || first.family || page.person && held.contains(' '),
        Says::Likely => !machine && (names::is_name(held, true) || !field.prose && !held.contains(' ') && field.key.to_ascii_lowercase().contains("user")),
        Says::Perhaps => names::is_name(held, page.person),
    };
    if wanted && !machine {
        tell(Class::Name, start, start + held.len());
    }
}

/// The name of an account, such as `jsmith42`.
fn account(value: &str, start: usize, tell: &mut dyn FnMut(Class, usize, usize)) {
    let word = &value[..value.find([' ', ',', ')', ';', '\'', '"']).unwrap_or(value.len())];
    if !MACHINES.contains(&word.to_lowercase().as_str()) && word.len() > 2 && word.len() < 40 && word.contains(char::is_alphabetic) && !word.contains('/') {
        tell(Class::Name, start, start + word.len());
    }
}

fn address(page: &Page, field: &Field, value: &str, start: usize, says: Says, tell: &mut dyn FnMut(Class, usize, usize)) {
    let digit = value.contains(|c: char| c.is_ascii_digit());
    let letter = value.contains(char::is_alphabetic);
    let machine = value.contains("://") || value.starts_with("0x") || host(value.split([' ', ',']).next().unwrap_or_default()).0.parse::<IpAddr>().is_ok();
    if machine || value.len() < 2 || value.contains('@') && !value.contains(' ') {
        return;
    }
    let wanted = match says {
        Says::Surely => true,
        _ => page.person && letter && (digit || field.closed) && !value.contains(['/', '_']) || letter && digit && value.contains(' ') && field.closed,
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
        stop = value[..stop].split_inclusive(' ').take_while(|word| word.starts_with(|c: char| c.is_uppercase())).map(str::len).sum();
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
    let scheme = ["Bearer ", "Basic ", "Token ", "Digest ", "Negotiate ", "bearer ", "basic ", "token ", "ApiKey ", "Bearer%20", "Bearer+"];
    let lead = scheme.iter().find(|scheme| value.starts_with(**scheme)).map_or(0, |scheme| scheme.len());
    let digest = lead > 0 && value.starts_with("Digest");
    let rest = &value[lead..];
    let whole = field.closed || digest || key.contains("conn") || key == "dsn";
    let stop = if whole { rest.len() } else { rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ')')).unwrap_or(rest.len()) };
    let held = rest[..stop].trim_end_matches(['.', ',', ';']);
    let plain = held.chars().all(|c| c.is_ascii_lowercase()) && look_up(held).word;
    // Sentences have passwords as their subject: what follows then is no password.
    let said = field.prose && (plain || held.ends_with(':'));
    let number = held.chars().all(|c| c.is_ascii_digit());
    let likely = says == Says::Surely || held.len() >= 8 && held.contains(|c: char| c.is_ascii_digit()) && !held.contains("://") && !(number || held.starts_with("0x"));
    if !held.is_empty() && !said && likely && !(number && held.len() < 3) {
        tell(Class::Secret, start + lead, start + lead + held.len());
    }
}

/// The host of `host`, `host:port`, `[host]:port` and `/host`.
pub(super) fn host(text: &str) -> (&str, Option<&str>) {
    let text = text.trim_start_matches('/').trim_end_matches(['.', ')', ';', '\'', '"', ']']);
    let text = text.strip_prefix("::ffff:").unwrap_or(text);
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').map_or((rest, None), |(host, port)| (host, Some(port)));
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

/// Whether an address is one of a network that nobody reaches from outside.
pub(super) fn is_inner(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.segments()[0] & 0xfe00 == 0xfc00 || v6.segments()[0] & 0xffc0 == 0xfe80 || v6.is_multicast(),
    }
}

/// Whether a URL leads to a host of one's own: without a dot, or below a name that is not public.
pub(super) fn inner_host(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', ':', '?', '#']).next().unwrap_or_default();
    !host.contains('.') || [".internal", ".local", ".svc", ".cluster", ".lan", ".corp", ".intra", ".localdomain", ".test"].iter().any(|end| host.ends_with(end) || host.contains(&format!("{end}."))) || host.parse::<IpAddr>().is_ok_and(is_inner)
}

/// Whether a value stands for one that comes later: `?`, `$1`, `%s`, `{name}`, `***`.
fn is_hole(value: &str) -> bool {
    let bare = value.trim_end_matches([',', ')', ';', '\'', '"']);
    matches!(bare, "?" | "%s" | "%d" | "{}" | "%(" | "-" | "--" | "..." | "…" | "[]" | "()") || bare.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '•' | '#') || is_blot(c))
        || bare.starts_with('$') && bare[1..].chars().all(|c| c.is_ascii_digit()) || bare.starts_with(['{', '<', '%']) && bare.ends_with(['}', '>', ')', 's']) && !bare.contains(' ')
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
