//! The text in work: what was found is blotted out, letter for letter, so that places stay and nothing is found twice.

use super::class::Class;

/// Stands for what was taken out and was a person's.
pub(super) const PERSON: char = '\u{1}';
/// Stands for what else was taken out.
pub(super) const OTHER: char = '\u{2}';

/// What was found, as a range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) class: Class,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a text has at all: seen in one walk over its bytes, so that most patterns need not look at most lines.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    pub(super) digits: bool,
    pub(super) capitals: bool,
    /// Something between a key and a value.
    pub(super) separators: bool,
    /// A sign that may part the fields of a segment.
    pub(super) bars: bool,
    /// Three digits before a sign and another digit or blank; `+` or `(` before a digit.
    pub(super) threes: bool,
    /// Four digits before a sign and another digit.
    pub(super) fours: bool,
    /// So many dots stand between digits.
    pub(super) dots: usize,
    pub(super) colons: usize,
    /// A word of nine capitals and digits.
    pub(super) codes: bool,
    /// Two capitals before a number: a state and its ZIP.
    pub(super) states: bool,
    pub(super) quotes: bool,
}

impl Marks {
    pub(super) fn of(text: &str) -> Self {
        let mut marks = Self::default();
        let bytes = text.as_bytes();
        let (mut run, mut code) = (0, 0);
        for (at, b) in bytes.iter().enumerate() {
            let next = bytes.get(at + 1).copied().unwrap_or(b' ');
            match b {
                b'0'..=b'9' => {
                    marks.digits = true;
                    run += 1;
                    code += 1;
                    marks.codes |= code >= 9;
                    continue;
                }
                b'A'..=b'Z' => {
                    marks.capitals = true;
                    code += 1;
                    run = 0;
                    marks.codes |= code >= 9;
                    continue;
                }
                b'-' | b'.' | b' ' | b')' | 0xe2 => {
                    marks.threes |= run == 3 && (next.is_ascii_digit() || matches!(next, b' ' | b'(' | 0x80));
                    marks.fours |= run == 4 && next.is_ascii_digit() && *b != b'.';
                    marks.dots += usize::from(*b == b'.' && run > 0 && next.is_ascii_digit());
                    marks.states |= *b == b' '
                        && next.is_ascii_digit()
                        && at > 2
                        && (bytes[at - 1].is_ascii_uppercase() || bytes[at - 1] == b',');
                    if *b == b'-' && code > 0 {
                        run = 0;
                        continue;
                    }
                }
                b'+' | b'(' | b'*' => marks.threes |= next.is_ascii_digit() || *b == b'*',
                b':' => {
                    marks.colons += 1;
                    marks.separators = true;
                }
                b'=' | b'<' | b'&' | b'\\' | b'[' => marks.separators = true,
                b'\'' | b'?' | b'"' | b'$' | b'%' => marks.quotes = true,
                0x80.. => marks.capitals = true,
                _ => {}
            }
            marks.bars |= matches!(b, b'|' | b'#' | b'^' | b'~' | b'!' | b'*' | b'$' | b'@' | b'%');
            run = 0;
            code = 0;
        }
        marks
    }
}

/// A text with blots, and what is known about it.
pub(super) struct Page {
    pub(super) text: String,
    /// It is about a person: names and dates in it are held for theirs.
    pub(super) person: bool,
    /// Somebody may have signed in: an address in it may be theirs.
    pub(super) login: bool,
    /// Where the time at its beginning ends: it says when the line was written.
    pub(super) stamp: usize,
    pub(super) marks: Marks,
}

impl Page {
    /// The bytes before a place, at most so many, as text.
    pub(super) fn before(&self, at: usize, most: usize) -> &str {
        let mut start = at.saturating_sub(most);
        while !self.text.is_char_boundary(start) {
            start += 1;
        }
        &self.text[start..at]
    }

    /// The bytes from a place on, at most so many, as text.
    pub(super) fn after(&self, at: usize, most: usize) -> &str {
        let mut end = (at + most).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.text[at..end]
    }

    /// Blots out what was found.
    pub(super) fn blot(&mut self, spans: &[Span]) {
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        for span in spans {
            let blot = if span.class.tells_of_a_person() { PERSON } else { OTHER };
            bytes[span.start..span.end].fill(blot as u8);
        }
        // Spans end between letters, so this never has to repair anything.
        self.text = String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into());
    }
}

pub(super) fn is_blot(c: char) -> bool {
    c == PERSON || c == OTHER
}

/// What was found without what overlaps and without blots, in order.
pub(super) fn tidy(text: &str, mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain_mut(|span| {
        span.end = span.end.min(text.len());
        while !text.is_char_boundary(span.start) {
            span.start -= 1;
        }
        while !text.is_char_boundary(span.end) {
            span.end += 1;
        }
        span.start < span.end
    });
    // Of an address on the web in which something stands, that is enough.
    let inner: Vec<Span> = spans.iter().filter(|span| span.class != Class::Url).copied().collect();
    spans.retain(|span| {
        let holds = |one: &Span| span.start <= one.start && one.end <= span.end;
        span.class != Class::Url || !inner.iter().any(holds)
    });
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.start < last.end => {
                if span.class.rank() < last.class.rank() {
                    last.class = span.class;
                }
                last.end = last.end.max(span.end);
            }
            _ => joined.push(span),
        }
    }
    let mut clean = Vec::with_capacity(joined.len());
    for span in joined {
        let mut start = span.start;
        for part in text[span.start..span.end].split(is_blot) {
            let trimmed = part.trim();
            if trimmed.chars().any(char::is_alphanumeric) {
                let from = start + (part.len() - part.trim_start().len());
                clean.push(Span { class: span.class, start: from, end: from + trimmed.len() });
            }
            start += part.len() + 1;
        }
    }
    clean
}
