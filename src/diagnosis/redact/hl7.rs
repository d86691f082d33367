//! HL7 version 2: what stands in which field of which segment (HL7 v2.8, chapters 3, 4, 6 and 7), with any separators, and also
//! when a whole message was logged on one line.

use super::{
    class::Class::{self, Account, Address, Date, Id, Licence, Mrn, Name, Phone, Plan, Ssn, Zip},
    fields::Field,
    keys::{self, Says},
    lists::look_up,
    page::{Page, Span},
    values,
};

/// What a field holds.
#[derive(Debug, Clone, Copy)]
enum Holds {
    /// XPN: family, given, further names.
    Names,
    /// XCN: a number, family, given, further names.
    Person,
    /// XAD: street, other designation, city, state, ZIP.
    Place,
    /// XTN: numbers and e-mail addresses.
    Numbers,
    /// CX and others of which the first component identifies.
    One(Class),
    /// OBX-5: what OBX-2 and OBX-3 say.
    Observed,
}

use Holds::{Names, Numbers, Observed, One, Person, Place};

const SEGMENTS: &[(&str, &[(usize, Holds)])] = &[
    ("PID", &[(2, One(Mrn)), (3, One(Mrn)), (4, One(Mrn)), (5, Names), (6, Names), (7, One(Date)), (9, Names), (11, Place), (12, One(Address)), (13, Numbers), (14, Numbers), (18, One(Account)), (19, One(Ssn)), (20, One(Licence)), (21, One(Mrn)), (23, One(Address)), (29, One(Date)), (33, One(Date))]),
    ("PD1", &[(4, Person)]),
    ("NK1", &[(2, Names), (4, Place), (5, Numbers), (6, Numbers), (8, One(Date)), (9, One(Date)), (12, One(Id)), (16, One(Date)), (30, Names), (31, Numbers), (32, Place), (33, One(Id)), (37, One(Ssn))]),
    ("GT1", &[(2, One(Account)), (3, Names), (4, Names), (5, Place), (6, Numbers), (7, Numbers), (8, One(Date)), (12, One(Ssn)), (13, One(Date)), (14, One(Date)), (16, Names), (17, Place), (18, Numbers), (19, One(Id)), (29, One(Id))]),
    ("IN1", &[(2, One(Plan)), (6, Names), (8, One(Plan)), (10, One(Plan)), (12, One(Date)), (13, One(Date)), (14, One(Id)), (16, Names), (18, One(Date)), (19, Place), (29, One(Date)), (30, Person), (36, One(Plan)), (44, Place), (49, One(Plan))]),
    ("IN2", &[(1, One(Id)), (2, One(Ssn)), (4, One(Id)), (6, One(Plan)), (7, Names), (8, One(Plan)), (9, Names), (10, One(Plan)), (25, One(Plan)), (26, One(Plan)), (40, Names), (49, Names), (52, Names), (61, One(Plan)), (63, Numbers), (64, Numbers)]),
    ("PV1", &[(5, One(Id)), (7, Person), (8, Person), (9, Person), (17, Person), (19, One(Id)), (44, One(Date)), (45, One(Date)), (50, One(Id)), (52, Person)]),
    ("PV2", &[(8, One(Date)), (9, One(Date)), (13, Person), (28, One(Date)), (33, One(Date)), (47, One(Date)), (48, One(Date))]),
    ("ORC", &[(2, One(Id)), (3, One(Id)), (4, One(Id)), (9, One(Date)), (10, Person), (11, Person), (12, Person), (14, Numbers), (15, One(Date)), (19, Person), (24, Place)]),
    ("OBR", &[(2, One(Id)), (3, One(Id)), (6, One(Date)), (7, One(Date)), (8, One(Date)), (10, Person), (14, One(Date)), (16, Person), (17, Numbers), (22, One(Date)), (28, Person), (32, Person), (33, Person), (34, Person), (35, Person), (36, One(Date))]),
    ("OBX", &[(5, Observed), (14, One(Date)), (16, Person), (18, One(Class::Device)), (19, One(Date)), (25, Person)]),
    ("DG1", &[(5, One(Date)), (16, Person), (19, One(Date))]),
    ("PR1", &[(5, One(Date)), (8, Person), (11, Person), (12, Person)]),
    ("MRG", &[(1, One(Mrn)), (2, One(Mrn)), (3, One(Account)), (4, One(Mrn)), (5, One(Id)), (6, One(Id)), (7, Names)]),
    ("EVN", &[(5, Person), (6, One(Date))]),
    ("ACC", &[(1, One(Date)), (3, One(Address)), (7, Person)]),
    ("SCH", &[(1, One(Id)), (2, One(Id)), (11, One(Date)), (12, Person), (13, Numbers), (14, Place), (16, Person), (17, Numbers), (18, Place), (20, Person)]),
    ("TXA", &[(4, One(Date)), (5, Person), (6, One(Date)), (7, One(Date)), (8, One(Date)), (9, Person), (10, Person), (11, Person), (12, One(Id)), (22, Person)]),
    ("RXA", &[(3, One(Date)), (4, One(Date)), (10, Person)]),
    ("RXE", &[(13, Person), (14, Person), (15, One(Id))]),
    ("RXO", &[(14, Person), (15, Person)]),
    ("SPM", &[(2, One(Id)), (17, One(Date)), (18, One(Date))]),
    ("ROL", &[(4, Person), (11, Place), (12, Numbers)]),
    ("CTD", &[(2, Names), (3, Place), (5, Numbers), (7, One(Id))]),
    ("STF", &[(1, One(Id)), (2, One(Id)), (3, Names), (6, One(Date)), (10, Numbers), (11, Place), (15, Numbers), (22, One(Licence))]),
    ("PRT", &[(5, Person), (14, Place), (15, Numbers)]),
    ("AIP", &[(3, Person), (6, One(Date))]),
    ("FT1", &[(2, One(Id)), (4, One(Date)), (5, One(Date)), (20, Person), (21, Person), (23, One(Id))]),
    ("QRD", &[(8, Person)]),
    ("QPD", &[(3, One(Mrn)), (4, One(Mrn)), (5, Names)]),
    ("CX", &[]),
];

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
            let own = signs.filter(|signs| signs.field == field).unwrap_or(Signs { field, component: '^', repetition: '~', sub: '&' });
            read(page, name, at, end, own, found);
        }
        at = end.max(at + 1);
    }
}

/// The name of the segment that begins here, and what parts its fields.
fn segment(text: &str, at: usize) -> Option<(&str, char)> {
    let bytes = text.as_bytes();
    let name = &bytes[at..at + 3];
    if !name[0].is_ascii_uppercase() || !name[1].is_ascii_uppercase() || !(name[2].is_ascii_uppercase() || name[2].is_ascii_digit()) {
        return None;
    }
    let before = at.checked_sub(1).map(|place| bytes[place]);
    let escaped = at > 1 && bytes[at - 2] == b'\\' && matches!(bytes[at - 1], b'n' | b'r');
    if !escaped && before.is_some_and(|b| b.is_ascii_alphanumeric() && !(at > 3 && text[..at].ends_with("\\x0d")) || matches!(b, b'|' | b'^' | b'_' | b'-' | b'.')) && !text[..at].ends_with("0d") && !text[..at].ends_with("0D") {
        return None;
    }
    let field = text[at + 3..].chars().next()?;
    if field.is_alphanumeric() || field.is_whitespace() || matches!(field, '_' | '.' | '-' | ':' | '=' | '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '/' | '\\' | ',') {
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
            b'\\' if matches!(bytes.get(at + 1), Some(b'r' | b'n')) || text[at..].starts_with("\\x0d") || text[at..].starts_with("\\u000d") || text[at..].starts_with("\\u000D") => return at,
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
            let formed = matches!(holds, One(_)).then(|| form(&repetition.split(signs.component).collect::<Vec<_>>())).flatten();
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
    let word = |part: &str| part.len() > 1 && part.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '-' | ' ' | '.'));
    let state = |part: &str| part.len() == 2 && part.chars().all(|c| c.is_ascii_uppercase());
    let zip = |part: &str| part.len() >= 5 && part.bytes().take(5).all(|b| b.is_ascii_digit());
    let named = |one: &str, two: &str| {
        let (family, given) = (look_up(one), look_up(two));
        word(one) && word(two) && !(family.word && given.word) && (family.family || given.given || !family.word && !given.word && one.len() > 2 && two.len() > 2)
    };
    match parts {
        [_, _, _, region, code, ..] if state(region) && zip(code) => Some(Place),
        [family, given, ..] if named(family, given) => Some(Names),
        [id, family, given, ..] if id.bytes().any(|b| b.is_ascii_digit()) && named(family, given) => Some(Person),
        _ => None,
    }
}

fn value(page: &Page, holds: Holds, start: usize, text: &str, signs: Signs, about: (&str, &str), found: &mut Vec<Span>) {
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
                    let key = about.1.split(signs.component).find_map(|part| keys::named(part).map(|named| (part, named)));
                    if let Some((key, (_, Says::Surely))) = key {
                        let named = keys::named(key);
                        let field = Field { named, key: key.to_owned(), above: Vec::new(), start, end: start + text.len(), closed: true, prose: false };
                        values::judge(page, &field, found);
                    }
                    return;
                }
            };
            value(page, holds, start, text, signs, ("", ""), found);
        }
    }
}
