//! Keys and their values, whatever the notation: JSON (also in strings), `key=value`, `Key: value`, XML, queries, SQL conditions.
//!
//! One walk from left to right, tolerant of what is broken: every separator is looked at for itself, and braces, brackets and
//! tags only tell under which keys it stands.

use super::keys::{self, Named};

/// How far a key reaches to the left, and a value to the right, in bytes.
const KEY: usize = 64;
const VALUE: usize = 4096;
/// Containers within one another that are told apart.
const DEPTH: usize = 24;

/// A value under a key.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// What the key names.
    pub(super) named: Option<Named>,
    /// The key as it stands there.
    pub(super) key: String,
    /// The keys above it, outermost first.
    pub(super) above: Vec<String>,
    pub(super) start: usize,
    /// Where the value ends at the latest: at the next key, quote or end of the line.
    pub(super) end: usize,
    /// The value stands in quotes or tags, so that it ends at `end` and nowhere before.
    pub(super) closed: bool,
    /// The separator is a colon in running text.
    pub(super) prose: bool,
}

/// A container that is open.
#[derive(Debug, Clone)]
struct Open {
    key: String,
    close: u8,
}

/// The containers that are open, outermost first.
#[derive(Debug, Clone, Default)]
pub(super) struct Nest(Vec<Open>);

impl Nest {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn open(&mut self, key: String, close: u8) {
        if self.0.len() < DEPTH {
            self.0.push(Open { key, close });
        }
    }

    fn close(&mut self, close: u8) {
        if let Some(place) = self.0.iter().rposition(|open| open.close == close) {
            self.0.truncate(place);
        }
    }

    fn keys(&self) -> Vec<String> {
        self.0.iter().map(|open| open.key.clone()).filter(|key| !key.is_empty()).collect()
    }
}

/// Gives every value with its key, in the order in which they stand.
pub(super) fn walk(text: &str, nest: &mut Nest, tell: &mut dyn FnMut(Field)) {
    let bytes = text.as_bytes();
    let (mut at, mut pending, mut tag) = (0, None::<String>, None::<String>);
    while at < bytes.len() {
        match bytes[at] {
            open @ (b'{' | b'[' | b'(') => {
                let close = if open == b'(' { b')' } else { open + 2 };
                nest.open(pending.take().unwrap_or_default(), close);
            }
            close @ (b'}' | b']' | b')') => {
                pending = None;
                nest.close(close);
            }
            b'=' | b':' => {
                let stop = separator(text, at);
                if let Some(stop) = stop {
                    pending = pair(text, at, stop, nest, tag.as_deref(), tell);
                    at = stop;
                    continue;
                }
            }
            b'"' | b'\'' if element(bytes, at) => {
                let key = nest.0.last().filter(|open| open.close != b'}').map(|open| open.key.clone());
                if let Some(key) = key.filter(|key| !key.is_empty()) {
                    let end = closing(text, at, slashes(bytes, at));
                    let above = nest.keys();
                    let named = keys::named(&key);
                    let above = above[..above.len() - 1].to_vec();
                    tell(Field { named, key, above, start: at + 1, end, closed: true, prose: false });
                }
            }
            b'<' | b'&' | b'\\' => {
                if let Some(length) = less(bytes, at) {
                    at = tag_at(text, at, length, nest, &mut tag, tell);
                    continue;
                }
            }
            b'>' => tag = None,
            _ => {}
        }
        at += 1;
    }
}

/// How many bytes say `<` here.
fn less(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    [&b"<"[..], b"&lt;", b"\\u003c", b"\\u003C"].iter().find(|sign| rest.starts_with(sign)).map(|sign| sign.len())
}

/// An opening or a closing tag, or nothing of the kind; where the walk goes on.
fn tag_at(
    text: &str,
    at: usize,
    length: usize,
    nest: &mut Nest,
    tag: &mut Option<String>,
    tell: &mut dyn FnMut(Field),
) -> usize {
    let bytes = text.as_bytes();
    let mut start = at + length;
    let closing = bytes.get(start) == Some(&b'/');
    start += usize::from(closing);
    let name: usize =
        bytes[start..].iter().take(KEY).take_while(|b| b.is_ascii_alphanumeric() || b"_-:.".contains(b)).count();
    if name == 0 || !bytes[start].is_ascii_alphabetic() {
        return at + length;
    }
    let key = text[start..start + name].rsplit(':').next().unwrap_or_default().to_owned();
    if closing {
        nest.close(b'<');
        return start + name;
    }
    let escaped = length > 1;
    let window = &bytes[start..bytes.len().min(start + VALUE)];
    let gap = |sign: &[u8]| window.windows(sign.len()).position(|found| found == sign).map(|place| (place, sign.len()));
    let end = if escaped { gap(b"&gt;").or_else(|| gap(b"\\u003e")).or_else(|| gap(b"\\u003E")) } else { gap(b">") };
    let Some((place, sign)) = end else { return start + name };
    let inside = start + place;
    if bytes[inside - 1] != b'/' {
        let body = inside + sign;
        let rest = &bytes[body..bytes.len().min(body + VALUE)];
        let until = (0..rest.len()).find(|place| less(rest, *place).is_some());
        let above = nest.keys();
        let said = |until: &usize| rest[..*until].iter().any(|b| !b.is_ascii_whitespace());
        if let Some(until) = until.filter(said).filter(|_| text.is_char_boundary(body)) {
            let (named, key) = (keys::named(&key), key.clone());
            tell(Field { named, key, above, start: body, end: body + until, closed: true, prose: false });
        }
        nest.open(key.clone(), b'<');
    }
    *tag = Some(key);
    start + name
}

/// Whether a separator of keys and values stands here, and where it ends.
fn separator(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let before = at.checked_sub(1).map(|place| bytes[place]);
    let after = bytes.get(at + 1).copied();
    if bytes[at] == b'=' {
        let more = bytes[at..].iter().take(3).take_while(|b| b"=>~".contains(b)).count();
        return Some(at + more);
    }
    let digit = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_digit());
    match (before, after) {
        // Schemes, paths of types, times.
        (_, Some(b'/')) if bytes.get(at + 2) == Some(&b'/') => None,
        (Some(b':'), _) | (_, Some(b':')) | (None, _) => None,
        (before, after) if digit(before) && digit(after) => None,
        (_, Some(b'=')) => Some(at + 2),
        _ => Some(at + 1),
    }
}

/// Reads the key before a separator and the value behind it; gives the key when the value is a container.
fn pair(
    text: &str,
    at: usize,
    stop: usize,
    nest: &Nest,
    tag: Option<&str>,
    tell: &mut dyn FnMut(Field),
) -> Option<String> {
    let (key, quoted) = key_before(text, at)?;
    let bytes = text.as_bytes();
    let mut start = stop;
    while start < bytes.len() && matches!(bytes[start], b' ' | b'\t' | b'*') {
        start += 1;
    }
    if let Some(b'{' | b'[' | b'(') = bytes.get(start) {
        if let Some(named) = keys::named(key).filter(|_| bytes[start] != b'{') {
            // A list of bare values, or brackets around one.
            if !matches!(bytes.get(start + 1), Some(b'{' | b'"' | b'\'' | b'[' | b'\\') | None) {
                let end = bytes[start..].iter().take(VALUE).position(|b| matches!(b, b']' | b'}' | b')' | b'\n'));
                let end = end.map_or(text.len(), |end| start + end);
                let field = |start, end| Field {
                    named: Some(named),
                    key: key.to_owned(),
                    above: nest.keys(),
                    start,
                    end,
                    closed: false,
                    prose: bytes[at] == b':',
                };
                tell(field(start + usize::from(bytes[start] != b'('), end.max(start + 1)));
            }
        }
        return Some(key.to_owned());
    }
    let mut slashes = 0;
    while bytes.get(start + slashes) == Some(&b'\\') {
        slashes += 1;
    }
    let closed = matches!(bytes.get(start + slashes), Some(b'"' | b'\'' | b'`'));
    let (start, end) = if closed {
        let quote = start + slashes;
        (quote + 1, closing(text, quote, slashes))
    } else {
        (start, bare_end(text, start))
    };
    if start >= end {
        return None;
    }
    let prose = bytes[at] == b':' && !quoted;
    let mut own = key;
    // `<birthDate value="…"/>`: the element is the key.
    if let Some(tag) =
        tag.filter(|_| bytes[at] == b'=' && matches!(key, "value" | "extension" | "displayName" | "content" | "v"))
    {
        own = tag;
    }
    let named = keys::named(own);
    let own = own.to_owned();
    tell(Field { named, key: own, above: nest.keys(), start, end, closed, prose });
    None
}

/// The key that ends before a separator, and whether it stands in quotes.
fn key_before(text: &str, at: usize) -> Option<(&str, bool)> {
    let bytes = text.as_bytes();
    let mut end = at;
    let low = at.saturating_sub(KEY + 8);
    while end > low && (bytes[end - 1] == b' ' || b"!<>\\*)]:".contains(&bytes[end - 1])) {
        end -= 1;
    }
    if end == low {
        return None;
    }
    if let quote @ (b'"' | b'\'' | b'`') = bytes[end - 1] {
        let mut close = end - 1;
        while close > low && bytes[close - 1] == b'\\' {
            close -= 1;
        }
        let mut start = close;
        while start > low && bytes[start - 1] != quote {
            start -= 1;
        }
        return (start > low && start < close && text.is_char_boundary(start)).then(|| (&text[start..close], true));
    }
    let part = |b: u8| b.is_ascii_alphanumeric() || b"_-.$@#/".contains(&b) || b >= 0x80;
    let mut start = end;
    while start > low && part(bytes[start - 1]) {
        start -= 1;
    }
    // `Date of Birth: `: a key of several words.
    let single = start;
    let mut words = 0;
    let before = |b: u8| b.is_ascii_alphanumeric() || b"#'.".contains(&b);
    while words < 4 && start > low + 1 && bytes[start - 1] == b' ' && before(bytes[start - 2]) {
        let mut next = start - 1;
        while next > low && (part(bytes[next - 1]) || bytes[next - 1] == b'\'') {
            next -= 1;
        }
        if next == start - 1 || bytes[start - 2] == b'.' && start - next > 4 {
            break;
        }
        start = next;
        words += 1;
    }
    while start < end && !text.is_char_boundary(start) {
        start += 1;
    }
    let whole = &text[start..end];
    if words == 0 || keys::named(whole).is_some() {
        return (!whole.is_empty()).then_some((whole, false));
    }
    // "did not pass: …": what something does names no value.
    if text[single..end].eq_ignore_ascii_case("pass") {
        let before = keys::words(&text[start..single]);
        if keys::is_verb(&before.iter().map(String::as_str).collect::<Vec<_>>()) {
            return None;
        }
    }
    let single = &text[single..end];
    (!single.is_empty()).then_some((single, false))
}

/// Where the text ends that begins at a quote.
fn closing(text: &str, quote: usize, slashes: usize) -> usize {
    let bytes = text.as_bytes();
    let sign = bytes[quote];
    let limit = bytes.len().min(quote + VALUE);
    let mut at = quote + 1;
    while at < limit {
        if bytes[at] == sign {
            let escaped = self::slashes(bytes, at);
            // An apostrophe in a name, and the doubled one of SQL.
            let doubled = sign == b'\''
                && bytes.get(at + 1) == Some(&b'\'')
                && bytes.get(at + 2).is_some_and(u8::is_ascii_alphabetic);
            let within = sign == b'\'' && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic);
            if doubled {
                at += 2;
                continue;
            }
            if escaped <= slashes && !within {
                return at - escaped.min(at - quote - 1);
            }
        }
        at += 1;
    }
    // Keys and pictures are longer than what is read letter by letter, and have neither blanks nor keys in them.
    let blob = !bytes[quote..limit].iter().any(|b| matches!(b, b' ' | b'=' | b':'));
    let rest = bytes.get(limit..).filter(|_| blob).unwrap_or_default();
    let mut end =
        rest.iter().position(|b| *b == sign).map_or(if blob { bytes.len() } else { limit }, |place| limit + place);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// How many backslashes stand before a place.
fn slashes(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().rev().take(16).take_while(|b| **b == b'\\').count()
}

/// Whether a quote begins an element of a list.
fn element(bytes: &[u8], at: usize) -> bool {
    let before = bytes[..at].iter().rev().take(16).find(|b| !matches!(b, b' ' | b'\\' | b'\t' | b'\n'));
    matches!(before, Some(b'[' | b',' | b'('))
}

/// Where a value without quotes ends: at what cannot be part of it, or before the next key.
fn bare_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let limit = bytes.len().min(start + VALUE);
    let mut at = start;
    while at < limit {
        match bytes[at] {
            b'\n' | b'\r' | b'"' | b'<' | b'>' | b'|' | b'&' | b'}' | b']' | b';' | b'{' => break,
            b'\\' if matches!(bytes.get(at + 1), Some(b'"' | b'n' | b'r' | b't')) => break,
            b' ' if bytes.get(at + 1) == Some(&b' ') => break,
            b' ' | b',' if next_is_key(bytes, at + 1) => break,
            _ => at += 1,
        }
    }
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Whether `key=` stands here, or `Key:` with a blank behind it.
fn next_is_key(bytes: &[u8], at: usize) -> bool {
    let at = at + bytes[at..].iter().take(2).take_while(|b| **b == b' ').count();
    let name = bytes[at..].iter().take(40).take_while(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b)).count();
    if name == 0 || !bytes[at].is_ascii_alphabetic() {
        return false;
    }
    match bytes.get(at + name) {
        Some(b'=') => true,
        Some(b':') => matches!(bytes.get(at + name + 1), Some(b' ' | b'"' | b'\'')),
        _ => false,
    }
}
