//! HL7 version 2: what stands in which field of which segment (HL7 v2.8, chapters 3, 4, 6 and 7), with any separators, and also
//! when a whole message was logged on one line.

use super::{
    class::Class::{self, Address, Date, Id, Name, Phone, Zip},
    fields::Field,
    keys::{self, Says},
    lists::look_up,
    page::{Page, Span},
    segments::{
        Holds::{self, Names, Numbers, Observed, One, Person, Place},
        SEGMENTS,
    },
    values,
};

/// The signs that part fields, components and repetitions.
#[derive(Debug, Clone, Copy)]
struct Signs {
    field: char,
    component: char,
    repetition: char,
    sub: char,
}

/// The identifiers in the segments of a text.
pub(super) fn find(page: &Page, found: &mut Vec<Span>) {
    let text = page.text.as_str();
    let bytes = text.as_bytes();
    let mut signs = None;
    let mut at = 0;
    while at + 4 < bytes.len() {
        let Some((name, field)) = segment(text, at) else {
            at += 1;
            continue;
        };
        let end = segment_end(text, at + 3);
        if name == "MSH" || name == "FHS" || name == "BHS" {
            let mut rest = text[at + 4..end].chars();
            let (component, repetition, _, sub) = (rest.next(), rest.next(), rest.next(), rest.next());
            if let (Some(component), Some(repetition)) = (component, repetition) {
                signs = Some(Signs { field, component, repetition, sub: sub.unwrap_or('&') });
            }
        } else {
            let own = signs.filter(|signs| signs.field == field).unwrap_or(Signs {
                field,
                component: '^',
                repetition: '~',
                sub: '&',
            });
            read(page, name, at, end, own, found);
        }
        at = end.max(at + 1);
    }
}

/// The name of the segment that begins here, and what parts its fields.
fn segment(text: &str, at: usize) -> Option<(&str, char)> {
    let bytes = text.as_bytes();
    let name = &bytes[at..at + 3];
    if !name[0].is_ascii_uppercase()
        || !name[1].is_ascii_uppercase()
        || !(name[2].is_ascii_uppercase() || name[2].is_ascii_digit())
    {
        return None;
    }
    let before = at.checked_sub(1).map(|place| bytes[place]);
    let escaped = at > 1 && bytes[at - 2] == b'\\' && matches!(bytes[at - 1], b'n' | b'r');
    if !escaped
        && before.is_some_and(|b| {
            b.is_ascii_alphanumeric() && !(at > 3 && text[..at].ends_with("\\x0d"))
                || matches!(b, b'|' | b'^' | b'_' | b'-' | b'.')
        })
        && !text[..at].ends_with("0d")
        && !text[..at].ends_with("0D")
    {
        return None;
    }
    let field = text[at + 3..].chars().next()?;
    if field.is_alphanumeric()
        || field.is_whitespace()
        || matches!(
            field,
            '_' | '.' | '-' | ':' | '=' | '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '/' | '\\' | ','
        )
    {
        return None;
    }
    let name = &text[at..at + 3];
    let known = name == "MSH" || name.starts_with('Z') || SEGMENTS.iter().any(|(segment, _)| *segment == name);
    let many = text[at + 3..].chars().take(VIEW).filter(|c| *c == field).count() >= 2;
    (known && many).then_some((name, field))
}

/// How far it is looked for a second separator.
const VIEW: usize = 160;

/// A segment ends at a carriage return, at the text for one, or where the next begins.
fn segment_end(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\r' | b'\n' | 0x0b | 0x1c => return at,
            b'\\'
                if matches!(bytes.get(at + 1), Some(b'r' | b'n'))
                    || text[at..].starts_with("\\x0d")
                    || text[at..].starts_with("\\u000d")
                    || text[at..].starts_with("\\u000D") =>
            {
                return at;
            }
            b'\\' if bytes.get(at + 1) == Some(&b'\\') && matches!(bytes.get(at + 2), Some(b'r' | b'n')) => return at,
            b'<' if text[at..].starts_with("<CR>") || text[at..].starts_with("<cr>") => return at,
            b'"' if !text[from..at].contains('\\') => return at,
            b' ' | b'~' | b';' if at + 5 < bytes.len() && segment(text, at + 1).is_some() => return at,
            _ => at += 1,
        }
    }
    at
}

fn read(page: &Page, name: &str, start: usize, end: usize, signs: Signs, found: &mut Vec<Span>) {
    let map = SEGMENTS.iter().find(|(segment, _)| *segment == name).map_or(&[][..], |(_, map)| *map);
    let mut fields = Vec::new();
    let mut at = start;
    for field in page.text[start..end].split(signs.field) {
        fields.push((at, field));
        at += field.len() + signs.field.len_utf8();
    }
    for (number, holds) in map {
        let Some((at, field)) = fields.get(*number).copied() else { continue };
        let mut place = at;
        for repetition in field.split(signs.repetition) {
            let seen = |number: usize| fields.get(number).map_or("", |(_, field)| *field);
            let formed =
                matches!(holds, One(_)).then(|| form(&repetition.split(signs.component).collect::<Vec<_>>())).flatten();
            value(page, formed.unwrap_or(*holds), place, repetition, signs, (seen(2), seen(3)), found);
            place += repetition.len() + signs.repetition.len_utf8();
        }
    }
    // Senders count fields as they like: what has the form of a name or an address is one in any field.
    for (number, (at, field)) in fields.iter().enumerate().skip(1) {
        if map.iter().any(|(known, _)| *known == number) || !field.contains(signs.component) {
            continue;
        }
        let mut place = *at;
        for repetition in field.split(signs.repetition) {
            if let Some(holds) = form(&repetition.split(signs.component).collect::<Vec<_>>()) {
                value(page, holds, place, repetition, signs, ("", ""), found);
            }
            place += repetition.len() + signs.repetition.len_utf8();
        }
    }
}

/// What a field has the form of, by its components.
fn form(parts: &[&str]) -> Option<Holds> {
    let word =
        |part: &str| part.len() > 1 && part.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '-' | ' ' | '.'));
    let state = |part: &str| part.len() == 2 && part.chars().all(|c| c.is_ascii_uppercase());
    let zip = |part: &str| part.len() >= 5 && part.bytes().take(5).all(|b| b.is_ascii_digit());
    let named = |one: &str, two: &str| {
        let (family, given) = (look_up(one), look_up(two));
        word(one)
            && word(two)
            && !(family.word && given.word)
            && (family.family || given.given || !family.word && !given.word && one.len() > 2 && two.len() > 2)
    };
    match parts {
        [_, _, _, region, code, ..] if state(region) && zip(code) => Some(Place),
        [family, given, ..] if named(family, given) => Some(Names),
        [id, family, given, ..] if id.bytes().any(|b| b.is_ascii_digit()) && named(family, given) => Some(Person),
        _ => None,
    }
}

fn value(
    page: &Page,
    holds: Holds,
    start: usize,
    text: &str,
    signs: Signs,
    about: (&str, &str),
    found: &mut Vec<Span>,
) {
    let mut at = start;
    let mut parts = Vec::new();
    for part in text.split(signs.component) {
        parts.push((at, part));
        at += part.len() + signs.component.len_utf8();
    }
    let mut tell = |class: Class, (at, part): (usize, &str)| {
        let nothing = part.trim().is_empty() || part == "\"\"" || part.eq_ignore_ascii_case("null");
        if !nothing {
            found.push(Span { class, start: at, end: at + part.len() });
        }
    };
    match holds {
        Names | Person => {
            let first = usize::from(matches!(holds, Person) && parts.len() > 1);
            if first == 1 {
                tell(Id, parts[0]);
            }
            // Behind the names stand suffix, prefix, degree and codes.
            for (at, part) in parts.iter().skip(first).take(3) {
                let mut place = *at;
                for sub in part.split(signs.sub) {
                    if sub.chars().any(char::is_alphabetic) {
                        tell(Name, (place, sub));
                    }
                    place += sub.len() + signs.sub.len_utf8();
                }
            }
        }
        Place => {
            for (number, part) in parts.iter().enumerate() {
                match number {
                    0 | 1 | 2 | 7 | 8 => tell(Address, *part),
                    4 => tell(Zip, *part),
                    _ => {}
                }
            }
        }
        Numbers => {
            for part in parts {
                if part.1.contains('@') {
                    tell(Class::Email, part);
                } else if part.1.chars().filter(char::is_ascii_digit).count() >= 3 {
                    tell(Phone, part);
                }
            }
        }
        One(class) => {
            let dated = class != Date || parts[0].1.chars().filter(char::is_ascii_digit).count() >= 4;
            if dated {
                tell(class, parts[0]);
            }
        }
        Observed => {
            let holds = match about.0 {
                "DT" | "TS" | "DTM" => One(Date),
                "XPN" | "PN" => Names,
                "XCN" | "CN" => Person,
                "XAD" | "AD" => Place,
                "XTN" | "TN" => Numbers,
                "CX" | "CK" => One(Id),
                _ => {
                    let key =
                        about.1.split(signs.component).find_map(|part| keys::named(part).map(|named| (part, named)));
                    if let Some((key, (_, Says::Surely))) = key {
                        let named = keys::named(key);
                        let field = Field {
                            named,
                            key: key.to_owned(),
                            above: Vec::new(),
                            start,
                            end: start + text.len(),
                            closed: true,
                            prose: false,
                        };
                        values::judge(page, &field, found);
                    }
                    return;
                }
            };
            value(page, holds, start, text, signs, ("", ""), found);
        }
    }
}
