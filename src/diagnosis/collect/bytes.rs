//! Lines of bytes: whatever their encoding, however long, whatever signs are among them.

use std::borrow::Cow;

/// Bytes of a line that are kept.
pub(super) const LINE: usize = 64 << 10;

/// How bytes are letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Encoding {
    /// A line that is none is taken as Latin-1.
    #[default]
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    /// The encoding that the first bytes of a file tell.
    pub(super) fn of(first: &[u8]) -> Self {
        match first {
            [0xff, 0xfe, ..] => Self::Utf16Le,
            [0xfe, 0xff, ..] => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }
}

/// A line and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    /// The byte at which it begins.
    pub(super) from: u64,
    /// The byte behind its end.
    pub(super) end: u64,
}

/// Cuts bytes that come piece by piece into lines.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    encoding: Encoding,
    line: Vec<u8>,
    /// Bytes of the line that were not kept.
    over: u64,
    /// Where the line began, and how far it is.
    from: u64,
    at: u64,
}

impl Splitter {
    /// One that begins at a byte of a file.
    pub(super) fn new(encoding: Encoding, at: u64) -> Self {
        Self { encoding, from: at, at, ..Self::default() }
    }

    /// How far it is.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// How many of these bytes are whole letters.
    pub(super) fn whole(&self, bytes: usize) -> usize {
        if self.encoding == Encoding::Utf8 { bytes } else { bytes & !1 }
    }

    /// Takes bytes and gives the lines that end in them.
    pub(super) fn feed(&mut self, bytes: &[u8], lines: &mut Vec<Line>) {
        let mut rest = bytes;
        while let Some(end) = self.line_end(rest) {
            self.keep(&rest[..end]);
            self.at += end as u64;
            rest = &rest[end..];
            lines.extend(self.finish());
        }
        self.keep(rest);
        self.at += rest.len() as u64;
    }

    /// The line that is not ended, when nothing follows it any more.
    pub(super) fn finish(&mut self) -> Option<Line> {
        let (from, end) = (self.from, self.at);
        self.from = end;
        let text = text(self.encoding, &self.line, self.over);
        self.line.clear();
        self.over = 0;
        (from < end).then_some(Line { text, from, end })
    }

    fn line_end(&self, bytes: &[u8]) -> Option<usize> {
        let mut place = 0;
        loop {
            let found = place + bytes[place..].iter().position(|b| *b == b'\n')? + 1;
            let last = self.at + found as u64;
            match self.encoding {
                Encoding::Utf8 => return Some(found),
                // Pieces hold whole letters of two bytes.
                Encoding::Utf16Le if last % 2 == 1 && bytes.get(found) == Some(&0) => return Some(found + 1),
                Encoding::Utf16Be if last.is_multiple_of(2) && found > 1 && bytes[found - 2] == 0 => {
                    return Some(found);
                }
                _ => place = found,
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        // What was allocated and never written, or cut off under its writer, is full of NUL.
        let mut add = |bytes: &[u8]| {
            let room = LINE.saturating_sub(self.line.len()).min(bytes.len());
            self.line.extend_from_slice(&bytes[..room]);
            self.over += (bytes.len() - room) as u64;
        };
        if self.encoding == Encoding::Utf8 && bytes.contains(&0) {
            bytes.split(|b| *b == 0).for_each(add);
        } else {
            add(bytes);
        }
    }
}

/// The text of a line without what ends it, and without control characters but the tabs that indent it.
fn text(encoding: Encoding, bytes: &[u8], over: u64) -> String {
    let wide = |read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|unit| read(*unit)).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    let decoded = match encoding {
        Encoding::Utf8 => narrow(bytes, over > 0),
        Encoding::Utf16Le => wide(u16::from_le_bytes),
        Encoding::Utf16Be => wide(u16::from_be_bytes),
    };
    let decoded = decoded.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
    let mut told = plain(decoded);
    if over > 0 {
        told.push_str(&format!(" … ({over} more bytes)"));
    }
    told
}

/// UTF-8, or Latin-1 when it is none. One that was cut may end within a letter.
fn narrow(bytes: &[u8], cut: bool) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(error) if cut && error.error_len().is_none() => {
            Cow::Borrowed(std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default())
        }
        Err(_) => Cow::Owned(bytes.iter().map(|b| char::from(*b)).collect()),
    }
}

/// Without sequences that colour a terminal, and with a blank for each other control character but a tab.
pub(super) fn plain(text: &str) -> String {
    if !text.chars().any(|c| c.is_control() && c != '\t') {
        return text.to_owned();
    }
    let mut told = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '\u{1b}' if letters.next_if_eq(&'[').is_some() => {
                while letters.next_if(|c| !matches!(c, '@'..='~') && !c.is_control()).is_some() {}
                letters.next_if(|c| matches!(c, '@'..='~'));
            }
            c if c.is_control() && c != '\t' => told.push(' '),
            c => told.push(c),
        }
    }
    told
}
