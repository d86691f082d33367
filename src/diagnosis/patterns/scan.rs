//! Cuts a line into pieces and tells what each is.
//!
//! One pass over the bytes, without a memory of other lines: what varies in every program's log (numbers, addresses, paths,
//! times, identifiers, literals) is recognised by its form and counts as one variable, also when it takes several words (`5.2 KB`,
//! `Fri Jun 17 07:07:00 2005`, `1, 2, 3`). Words and punctuation stay for [`super::miner`] to judge.

use super::{
    kind::{Kind, is_day, is_host, is_ip, is_literal, is_month, is_unit, is_uuid, is_zone, of_number},
    text::{ENDS_PATH, ENDS_URL, bracketed, colon_address, counted, frame, hash, letters, rejoins, taken, until},
};

/// Bytes of a line that are looked at; what follows is one variable.
pub(super) const LINE: usize = 8192;
/// Pieces of a line that are told apart; what follows is one variable.
pub(super) const PIECES: usize = 160;
/// How far the end of a quoted or bracketed value is looked for.
pub(super) const QUOTED: usize = 512;
/// A word with more groups of digits than this has no constant part.
const GROUPS: usize = 3;
/// A word with digits that is longer than this has no constant part.
const NUMBERED: usize = 48;

/// A piece of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    /// Of its text if it may be a constant, otherwise [`VARIABLE`].
    pub(super) hash: u64,
    /// Where it stands in the line.
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) kind: Kind,
    /// There is space before it.
    pub(super) spaced: bool,
}

/// The hash of every variable.
pub(super) const VARIABLE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The pieces of one line after the other; the memory is used again.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    pub(super) tokens: Vec<Token>,
    letters: String,
}

impl Scanner {
    /// Cuts a line that is clean.
    pub(super) fn scan(&mut self, line: &str) {
        self.tokens.clear();
        let cut = line.floor_char_boundary(LINE);
        let whole = line.len();
        let line = &line[..cut];
        let bytes = line.as_bytes();
        let (mut place, mut spaced) = (0, false);
        if let Some(frame) = frame(line) {
            self.word(line, frame - 3, frame - 1, false);
            self.variable(line, Kind::Path, frame, line.trim_end().len(), true);
            return;
        }
        while place < bytes.len() {
            let b = bytes[place];
            if b.is_ascii_whitespace() {
                spaced = true;
                place += 1;
                continue;
            }
            if self.tokens.len() >= PIECES {
                self.variable(line, Kind::Text, place, bytes.len(), spaced);
                return;
            }
            let next = bytes.get(place + 1).copied().unwrap_or(b' ');
            let starts = place == 0 || !bytes[place - 1].is_ascii_alphanumeric();
            place = match b {
                b'0'..=b'9' => self.number(line, place, spaced),
                b'-' | b'+' | b'.' | b'@' if starts && next.is_ascii_digit() => self.number(line, place, spaced),
                b'<' | b'>' if (spaced || place == 0) && next.is_ascii_digit() => self.number(line, place, spaced),
                b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'$' | 0x80.. => self.letter(line, place, spaced),
                b'/' | b'~' | b'\\'
                    if next.is_ascii_alphanumeric() || matches!(next, b'.' | b'_' | b'/' | b'\\' | b'-' | b'$') =>
                {
                    self.path(line, place, spaced)
                }
                b'.' if next == b'/' || next == b'.' && bytes.get(place + 2) == Some(&b'/') => {
                    self.path(line, place, spaced)
                }
                b'[' => match taken(line, place) {
                    Some(to) => {
                        self.variable(line, Kind::Taken, place, to, spaced);
                        to
                    }
                    None => self.mark(line, place, spaced),
                },
                _ => self.mark(line, place, spaced),
            };
            spaced = false;
        }
        if cut < whole {
            self.variable(line, Kind::Text, cut, cut, true);
        }
    }

    /// What begins like a number, up to where no number goes on.
    fn number(&mut self, line: &str, from: usize, spaced: bool) -> usize {
        if let Some(to) = colon_address(line, from) {
            self.variable(line, Kind::Ip, from, to, spaced);
            return to;
        }
        let bytes = line.as_bytes();
        let mut to = from + 1;
        while to < bytes.len() {
            let next = bytes.get(to + 1).copied().unwrap_or(b' ');
            let goes_on = match bytes[to] {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'%' | 0x80.. => true,
                b'.' | b'-' | b'+' | b'/' | b'~' | b'@' => next.is_ascii_alphanumeric(),
                b':' | b',' => next.is_ascii_digit() && bytes[to - 1].is_ascii_digit(),
                _ => false,
            };
            if !goes_on {
                break;
            }
            to += 1;
        }
        let piece = &line[from..to];
        let kind = of_number(piece);
        let kind = if kind == Kind::Id && is_host(piece, false) { Kind::Host } else { kind };
        self.variable(line, kind, from, to, spaced);
        to
    }

    /// What begins with a letter.
    fn letter(&mut self, line: &str, from: usize, spaced: bool) -> usize {
        let bytes = line.as_bytes();
        let (mut to, mut digits, mut points, mut slashes, mut ats) = (from, 0_usize, 0_usize, 0_usize, 0_usize);
        while to < bytes.len() {
            let next = bytes.get(to + 1).copied().unwrap_or(b' ');
            match bytes[to] {
                b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'$' | b'%' | b'+' | 0x80.. => {}
                b'0'..=b'9' => digits += 1,
                b'.' if next.is_ascii_alphanumeric() || next == b'_' || next == b'$' => points += 1,
                b'-' if next == b'>' || next == b'-' && !rejoins(bytes, to) => break,
                b'-' | b'~' => {}
                b'/' | b'\\' => slashes += 1,
                b'@' if next.is_ascii_alphanumeric() => ats += 1,
                _ => break,
            }
            to += 1;
        }
        let rest = &line[to..];
        let piece = &line[from..to];
        if rest.starts_with("://") && digits + points + slashes == 0 {
            let end = until(line, to + 3, &ENDS_URL);
            let end = from + line[from..end].trim_end_matches(['.', ',', ';', ':', ')', ']', '}']).len();
            self.variable(line, Kind::Url, from, end, spaced);
            return end;
        }
        if to - from == 1 && rest.starts_with(":\\") {
            return self.path(line, from, spaced);
        }
        if to - from <= 4
            && rest.starts_with(':')
            && let Some(to) = colon_address(line, from)
        {
            self.variable(line, Kind::Ip, from, to, spaced);
            return to;
        }
        let as_value = !spaced && self.tokens.last().is_some_and(|last| line[last.from as usize..].starts_with('='));
        if as_value && let Some(end) = bracketed(rest) {
            self.variable(line, Kind::Text, from, to + end, spaced);
            return to + end;
        }
        if let Some(end) = counted(rest)
            && slashes + ats == 0
        {
            let end = to + end;
            letters(&line[from..end], &mut self.letters);
            self.numbered(line, from, end, spaced);
            return end;
        }
        if digits + points + slashes + ats == 0 {
            if piece.len() >= 8 && piece.bytes().all(|b| b.is_ascii_hexdigit()) {
                self.variable(line, Kind::Hex, from, to, spaced);
            } else if is_literal(piece, as_value) {
                self.variable(line, Kind::Literal, from, to, spaced);
            } else {
                self.word(line, from, to, spaced);
            }
            return to;
        }
        if ats > 0
            && let Some((owner, object)) = piece.split_once('@')
        {
            if object.len() >= 4 && object.bytes().all(|b| b.is_ascii_hexdigit()) && owner.contains('.') {
                let at = from + owner.len();
                self.word(line, from, at, spaced);
                self.mark(line, at, false);
                self.variable(line, Kind::Hex, at + 1, to, false);
            } else {
                self.variable(line, Kind::Email, from, to, spaced);
            }
            return to;
        }
        if slashes > 0 {
            let path = digits > 0 || points > 0 || slashes > 1 || piece.contains('\\');
            if is_literal(piece, as_value) {
                self.variable(line, Kind::Literal, from, to, spaced);
            } else if path {
                return self.path(line, from, spaced);
            } else {
                self.word(line, from, to, spaced);
            }
            return to;
        }
        let mut after = rest.bytes();
        let port = after.next() == Some(b':') && after.take(2).filter(u8::is_ascii_digit).count() == 2;
        if points > 0 && is_host(piece, port) {
            self.variable(line, Kind::Host, from, to, spaced);
        } else if digits == 0 {
            self.word(line, from, to, spaced);
        } else if is_uuid(piece) {
            self.variable(line, Kind::Uuid, from, to, spaced);
        } else if piece.len() >= 6 && piece.bytes().all(|b| b.is_ascii_hexdigit()) {
            self.variable(line, Kind::Hex, from, to, spaced);
        } else {
            let groups = letters(piece, &mut self.letters);
            if groups > GROUPS || piece.len() > NUMBERED {
                self.variable(line, Kind::Id, from, to, spaced);
            } else {
                self.numbered(line, from, to, spaced);
            }
        }
        to
    }

    /// A word with numbers in it, of which the letters were found; several of the same letters in a row are one.
    fn numbered(&mut self, line: &str, from: usize, to: usize, spaced: bool) {
        let hash = hash(self.letters.as_bytes());
        let again = |token: &Token| token.kind == Kind::Numbered && token.hash == hash;
        let comma = |token: &Token| token.kind == Kind::Mark && line.as_bytes()[token.from as usize] == b',';
        match self.tokens.as_slice() {
            [.., last] if spaced && again(last) => {}
            [.., last, joint] if again(last) && comma(joint) => {
                self.tokens.pop();
            }
            _ => self.push(hash, Kind::Numbered, from, to, spaced),
        }
    }

    fn path(&mut self, line: &str, from: usize, spaced: bool) -> usize {
        let end = until(line, from, &ENDS_PATH);
        let piece = line[from..end].trim_end_matches(['.', ':', '!', '?', '=']);
        let to = from + piece.len().max(1);
        let kind = if is_ip(piece.trim_start_matches('/')) { Kind::Ip } else { Kind::Path };
        self.variable(line, kind, from, to, spaced);
        to
    }

    /// Punctuation; the same several times in a row is one.
    fn mark(&mut self, line: &str, from: usize, spaced: bool) -> usize {
        let bytes = line.as_bytes();
        let b = bytes[from];
        let mut to = from + 1;
        while bytes.get(to) == Some(&b)
            && matches!(b, b'.' | b'-' | b'=' | b'*' | b'#' | b'_' | b':' | b'~' | b'!' | b'?' | b'+')
        {
            to += 1;
        }
        match b {
            b')' | b']' | b'}' => self.close(line, b, from),
            b'"' | b'\'' if bytes.get(from + 1) == Some(&b) && (spaced || self.after_mark()) => {
                self.push(hash(&[b]), Kind::Mark, from, to, spaced);
                self.variable(line, Kind::Empty, to, to, false);
            }
            _ => {}
        }
        let restated = b == b')' && self.restates(line);
        if restated {
            self.tokens.truncate(self.tokens.len() - 2);
            return to;
        }
        let key =
            b == b'=' && to == from + 1 && !spaced && self.tokens.last().is_some_and(|last| last.kind != Kind::Mark);
        self.push(hash(&[b]), Kind::Mark, from, to, spaced);
        if key {
            match bytes.get(to) {
                None | Some(b' ' | b'\t' | b',' | b';' | b')' | b']' | b'}' | b'&') => {
                    self.variable(line, Kind::Empty, to, to, false);
                }
                Some(quote @ (b'"' | b'\'')) => {
                    let within = &bytes[to + 1..bytes.len().min(to + 1 + QUOTED)];
                    if let Some(length) = within.iter().position(|b| b == quote) {
                        let end = to + 1 + length;
                        self.push(hash(&[*quote]), Kind::Mark, to, to + 1, false);
                        let kind = if length == 0 { Kind::Empty } else { Kind::Text };
                        self.variable(line, kind, to + 1, end, false);
                        self.push(hash(&[*quote]), Kind::Mark, end, end + 1, false);
                        return end + 1;
                    }
                }
                Some(_) => {}
            }
        }
        to
    }

    fn after_mark(&self) -> bool {
        self.tokens.last().is_none_or(|last| last.kind == Kind::Mark)
    }

    /// What a closing bracket says of what is before it: nothing between the brackets is an empty value, if it is no call.
    fn close(&mut self, line: &str, b: u8, from: usize) {
        let open = if b == b')' {
            '('
        } else if b == b']' {
            '['
        } else {
            '{'
        };
        let Some(last) = self.tokens.last().copied() else { return };
        if last.kind != Kind::Mark || !line[last.from as usize..].starts_with(open) {
            return;
        }
        let before = self.tokens.len().checked_sub(2).and_then(|place| self.tokens.get(place));
        if last.spaced || before.is_none_or(|before| before.kind == Kind::Mark) {
            self.variable(line, Kind::Empty, from, from, false);
        }
    }

    /// `1301 bytes (1.27 KB)`: the same quantity in brackets a second time.
    fn restates(&self, line: &str) -> bool {
        let [.., before, open, within] = self.tokens.as_slice() else { return false };
        let unit = before.kind == Kind::Quantity
            || before.kind == Kind::Word && matches!(&line[before.from as usize..before.to as usize], "bytes" | "byte");
        unit && within.kind == Kind::Quantity && open.kind == Kind::Mark && line[open.from as usize..].starts_with('(')
    }

    fn word(&mut self, line: &str, from: usize, to: usize, spaced: bool) {
        let word = &line[from..to];
        if spaced && let Some(last) = self.tokens.last_mut() {
            let unit = match last.kind {
                Kind::Time => is_zone(word),
                Kind::Number => is_unit(word),
                _ => false,
            };
            if unit {
                last.kind = if last.kind == Kind::Number { Kind::Quantity } else { Kind::Time };
                last.to = narrow(to);
                return;
            }
        }
        self.push(hash(word.as_bytes()), Kind::Word, from, to, spaced);
    }

    /// A variable; it takes up what belongs to it from what is before.
    fn variable(&mut self, line: &str, mut kind: Kind, mut from: usize, to: usize, mut spaced: bool) {
        if matches!(kind, Kind::Number | Kind::Time) {
            while spaced
                && let Some(last) = self.tokens.last()
                && last.kind == Kind::Word
            {
                let word = &line[last.from as usize..last.to as usize];
                let dated = is_month(word) || kind == Kind::Time && is_day(word);
                if !dated {
                    break;
                }
                (kind, from, spaced) = (Kind::Time, last.from as usize, last.spaced);
                self.tokens.pop();
            }
        }
        let joined = match self.tokens.as_slice() {
            [.., last] if last.kind.is_variable() => 1,
            [.., before, joint] if before.kind.is_variable() && joint.kind == Kind::Mark && !joint.spaced => {
                match line.as_bytes()[joint.from as usize] {
                    b',' => 2,
                    b':' | b'/' | b'-' | b'.' | b'+' | b'#' | b'*' | b'~' | b'@' | b'|' | b'&' if !spaced => 2,
                    _ => 0,
                }
            }
            _ => 0,
        };
        if joined == 0 || kind == Kind::Empty {
            self.push(VARIABLE, kind, from, to, spaced);
            return;
        }
        if joined == 2 {
            self.tokens.pop();
        }
        if let Some(last) = self.tokens.last_mut() {
            last.kind = match (last.kind, kind) {
                (Kind::Time, Kind::Time | Kind::Number) | (Kind::Number, Kind::Time) => Kind::Time,
                (Kind::Ip | Kind::Host, Kind::Number) if !spaced => last.kind,
                _ => Kind::List,
            };
            last.to = narrow(to);
        }
    }

    fn push(&mut self, hash: u64, kind: Kind, from: usize, to: usize, spaced: bool) {
        self.tokens.push(Token { hash, from: narrow(from), to: narrow(to), kind, spaced });
    }
}

/// A place in a line; a line is shorter than [`LINE`].
fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
