//! What is done with the text of a line beside telling its pieces: making it safe, hashing it, and finding ends in it.

use std::borrow::Cow;

use super::scan::{LINE, QUOTED};
use crate::diagnosis::redact::Class;

/// Bytes that the name of a class and its digits have at most.
const TAKEN: usize = 24;

/// What ends a path, beside the end of the line.
pub(super) const ENDS_PATH: [bool; 256] = table(b" \t\"'`<>|,;()[]{}");
/// What ends an address of the web.
pub(super) const ENDS_URL: [bool; 256] = table(b" \t\"'`<>");

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

/// Where one of these bytes comes next.
pub(super) fn until(line: &str, from: usize, ends: &[bool; 256]) -> usize {
    let length = line.as_bytes()[from..].iter().position(|b| ends[usize::from(*b)]);
    length.map_or(line.len(), |length| from + length)
}

/// Where what the redactor has left in the place of something ends, such as `[MRN]` or `[NAME#a3f1c2]`, if it begins here.
pub(super) fn taken(line: &str, from: usize) -> Option<usize> {
    let inside = line.get(from..)?.strip_prefix('[')?;
    let length = inside.bytes().take(TAKEN).position(|b| b == b']')?;
    let inside = inside.get(..length)?;
    let (name, digits) = inside.split_once('#').unwrap_or((inside, "0"));
    let is_token = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    (is_token && Class::ALL.into_iter().any(|class| class.name() == name)).then_some(from + length + 2)
}

/// The text of a line that may be kept and shown: without control characters, escape sequences, and what reorders text; no
/// longer than 16 KiB.
#[must_use]
pub fn clean(line: &str) -> Cow<'_, str> {
    let line = line.get(..line.floor_char_boundary(LINE * 2)).unwrap_or(line);
    if line.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return Cow::Borrowed(line);
    }
    let mut safe = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '\u{1b}' => match letters.next_if(|c| matches!(c, '[' | ']')) {
                Some('[') => {
                    while letters.next_if(|c| !matches!(c, '@'..='~') && !c.is_control()).is_some() {}
                    letters.next_if(|c| matches!(c, '@'..='~'));
                }
                Some(_) => while letters.next_if(|c| !c.is_control()).is_some() {},
                None => safe.push(' '),
            },
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                safe.push('\u{fffd}');
            }
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// A hash that is the same on every machine.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;
    let mut state = 0x2545_f491_4f6c_dd1d ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        state = (state ^ u64::from_le_bytes(eight)).wrapping_mul(FACTOR);
        state ^= state >> 32;
    }
    let rest = chunks.remainder().iter().rev().fold(0, |rest, b| rest << 8 | u64::from(*b));
    mix(state ^ rest)
}

/// Spreads every bit over all (the finaliser of MurmurHash3, Appleby 2011, with the constants of Stafford's mix 13).
pub(super) fn mix(mut state: u64) -> u64 {
    state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ state >> 31
}

/// The letters of a word with numbers in it, each group of digits as `<*>`; groups between which only a joint stands are one.
/// Also how many groups there are.
pub(super) fn letters(word: &str, into: &mut String) -> usize {
    into.clear();
    let (mut groups, mut rest) = (0, word);
    while let Some(start) = rest.bytes().position(|b| b.is_ascii_digit()) {
        let joint = &rest[..start];
        if !(groups > 0 && matches!(joint, "." | "_" | "-" | ":")) {
            // A sign belongs to its number: `blk_-17`.
            let signed = joint.strip_suffix('-').filter(|joint| joint.ends_with(['_', '.', '-']));
            into.push_str(signed.unwrap_or(joint));
            into.push_str("<*>");
            groups += 1;
        }
        let digits = rest.as_bytes()[start..].iter().take_while(|b| b.is_ascii_digit()).count();
        rest = &rest[start + digits..];
    }
    into.push_str(rest);
    groups
}

/// Whether a word goes on behind a row of `-`.
pub(super) fn rejoins(bytes: &[u8], from: usize) -> bool {
    bytes.iter().skip(from).find(|b| **b != b'-').is_some_and(u8::is_ascii_alphanumeric)
}

/// Where the name begins in a frame of a stack: `at org.example.Server.run(Server.java:17)`.
pub(super) fn frame(line: &str) -> Option<usize> {
    let rest = line.trim_start().strip_prefix("at ")?;
    let (name, _) = rest.split_once('(')?;
    let named = name.contains('.') && !name.contains(' ') && rest.trim_end().ends_with(')');
    named.then(|| line.len() - rest.len())
}

/// Where the brackets end that follow a word at once: `WorkSource{10113}`.
pub(super) fn bracketed(rest: &str) -> Option<usize> {
    let open = *rest.as_bytes().first()?;
    let close = match open {
        b'{' => b'}',
        b'(' => b')',
        b'[' => b']',
        _ => return None,
    };
    let mut depth = 0_usize;
    for (place, b) in rest.bytes().take(QUOTED).enumerate() {
        if b == open {
            depth += 1;
        } else if b == close {
            depth -= 1;
            if depth == 0 {
                return Some(place + 1);
            }
        }
    }
    None
}

/// Where the number in brackets ends that follows a word at once: `LOCAL(0)`.
pub(super) fn counted(rest: &str) -> Option<usize> {
    let within = rest.strip_prefix('(')?;
    let digits = within.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0 && within[digits..].starts_with(')')).then_some(digits + 2)
}

/// The end of an address that is written with colons: of version 6, or of a network card.
pub(super) fn colon_address(line: &str, from: usize) -> Option<usize> {
    let bytes = line.as_bytes();
    let (mut to, mut colons, mut digits, mut letters, mut group) = (from, 0, 0, 0, 0);
    while let Some(b) = bytes.get(to) {
        match b {
            b':' if bytes.get(to + 1).is_some_and(|b| b.is_ascii_hexdigit() || *b == b':') => {
                colons += 1;
                group = 0;
            }
            b'0'..=b'9' => {
                digits += 1;
                group += 1;
            }
            b'a'..=b'f' | b'A'..=b'F' => {
                letters += 1;
                group += 1;
            }
            _ => break,
        }
        if group > 5 {
            return None;
        }
        to += 1;
    }
    let ends = bytes.get(to).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
    (colons >= 2 && digits > 0 && (letters > 0 || colons > 3) && ends).then_some(to)
}
