//! A template: what lines have in common, with a place for each thing in which they differ.

use sha2::{Digest, Sha256};

use super::{
    judge,
    kind::Kind,
    scan::{Token, VARIABLE},
    slot::Slot,
    text::letters as letters_of,
};

/// What a template's id is made of: a part of the hash of its constants, so the same template has the same id everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(pub(super) u64);

impl TemplateId {
    /// As a number, for tables of numbers.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// The id that has this number.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }
}

impl std::fmt::Display for TemplateId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) hash: u64,
    /// Where its text ends; it begins where that of the piece before ends. Variables have none.
    pub(super) end: u32,
    pub(super) kind: Kind,
    pub(super) spaced: bool,
    /// A word that turned out to be a variable.
    pub(super) wild: bool,
    /// It looks like the name of a thing, or a state.
    pub(super) named: bool,
}

impl Piece {
    pub(super) fn is_variable(&self) -> bool {
        self.wild || self.kind.is_variable()
    }
}

/// One template and what was seen of it.
#[derive(Debug, Clone)]
pub struct Template {
    /// Counts templates as they are found; never used again.
    pub(super) number: u64,
    pub(super) id: TemplateId,
    pub(super) text: Box<str>,
    pub(super) pieces: Box<[Piece]>,
    pub(super) slots: Box<[Slot]>,
    pub(super) count: u64,
    pub(super) first: u64,
    pub(super) last: u64,
    /// The sums by which it is found, of its pieces and of its punctuation.
    pub(super) key: u64,
    pub(super) shape: u64,
    /// Its neighbours in the order of use.
    pub(super) older: u32,
    pub(super) newer: u32,
    /// Who sent its first line.
    pub(super) source: u32,
}

impl Template {
    /// Which one it is, in the order in which they were found here.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its id: the same for the same constants, after a restart and on another machine.
    #[must_use]
    pub fn id(&self) -> TemplateId {
        self.id
    }

    /// Lines of it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The number of its first line, from 1 on.
    #[must_use]
    pub fn first_line(&self) -> u64 {
        self.first
    }

    /// The number of its last line.
    #[must_use]
    pub fn last_line(&self) -> u64 {
        self.last
    }

    /// Its variables, in the order of the line.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Its text, with `<*>` for each variable.
    #[must_use]
    pub fn text(&self) -> String {
        self.text_with(|_| None)
    }

    /// The same with what stands in a variable in all lines, where it is known.
    pub(super) fn text_with<'a>(&'a self, constant: impl Fn(&'a Slot) -> Option<&'a str>) -> String {
        let mut text = String::with_capacity(self.text.len() + 8 * self.slots.len());
        let mut slots = self.slots.iter();
        for (piece, part) in self.parts() {
            let slot = if piece.is_variable() { slots.next() } else { None };
            if piece.spaced && !text.is_empty() {
                text.push(' ');
            }
            if piece.kind == Kind::Empty && !piece.wild {
                continue;
            }
            text.push_str(if piece.is_variable() { slot.and_then(&constant).unwrap_or("<*>") } else { part });
        }
        text
    }

    /// Its pieces, each with its text.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&Piece, &str)> {
        let mut start = 0;
        self.pieces.iter().map(move |piece| {
            let end = piece.end as usize;
            let part = self.text.get(start..end).unwrap_or_default();
            start = end;
            (piece, part)
        })
    }

    /// A template of one line.
    pub(super) fn new(number: u64, line: &str, tokens: &[Token], source: u32, keys: (u64, u64)) -> Self {
        let (mut text, mut letters) = (String::new(), String::new());
        let mut slots = Vec::new();
        let mut pieces = Vec::with_capacity(tokens.len());
        for token in tokens {
            let raw = raw(line, token);
            match token.kind {
                Kind::Mark => text.push_str(raw),
                Kind::Word => text.push_str(raw),
                Kind::Numbered => {
                    letters_of(raw, &mut letters);
                    text.push_str(&letters);
                }
                _ => {
                    let mut slot = Slot::default();
                    slot.take(token.kind, raw, 1, source);
                    slots.push(slot);
                }
            }
            let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
            let named = judge::is_name(token.kind, raw) || judge::is_state(raw);
            pieces.push(Piece { hash: token.hash, end, kind: token.kind, spaced: token.spaced, wild: false, named });
        }
        let mut template = Self {
            number,
            id: TemplateId(0),
            text: text.into(),
            pieces: pieces.into(),
            slots: slots.into(),
            count: 1,
            first: 0,
            last: 0,
            key: keys.0,
            shape: keys.1,
            older: u32::MAX,
            newer: u32::MAX,
            source,
        };
        template.name();
        template
    }

    /// Sets the id by the constants.
    pub(super) fn name(&mut self) {
        let mut hash = Sha256::new();
        for (piece, part) in self.parts() {
            match piece.kind {
                // However often it was repeated.
                Kind::Mark => hash.update(part.get(..1).unwrap_or_default()),
                _ if piece.is_variable() => hash.update("<*>"),
                _ => hash.update(part),
            }
            hash.update([0x1f]);
        }
        let mut eight = [0; 8];
        eight.copy_from_slice(&hash.finalize()[..8]);
        self.id = TemplateId(u64::from_be_bytes(eight));
    }

    /// Whether these are the pieces of a line of this template.
    pub(super) fn fits(&self, line: &str, tokens: &[Token], letters: &mut String) -> bool {
        self.pieces.len() == tokens.len()
            && self.parts().zip(tokens).all(|((piece, part), token)| {
                if piece.wild {
                    return token.kind != Kind::Mark;
                }
                piece.hash == token.hash
                    && match token.kind {
                        Kind::Mark => true,
                        Kind::Word => piece.kind == Kind::Word && part == raw(line, token),
                        Kind::Numbered => {
                            letters_of(raw(line, token), letters);
                            piece.kind == Kind::Numbered && part == letters
                        }
                        _ => piece.kind.is_variable(),
                    }
            })
    }

    /// Counts a line of this template.
    pub(super) fn take(&mut self, line: &str, tokens: &[Token], source: u32) {
        self.count += 1;
        let variables = self.pieces.iter().zip(tokens).filter(|(piece, _)| piece.is_variable());
        for (slot, (_, token)) in self.slots.iter_mut().zip(variables) {
            slot.take(token.kind, raw(line, token), 1, source);
        }
    }

    /// Makes what stands at these places variable.
    pub(super) fn loosen(&mut self, places: &[usize]) {
        let (mut text, mut slots) = (String::with_capacity(self.text.len()), Vec::new());
        let mut pieces = self.pieces.to_vec();
        let (mut key, mut known) = (self.key, self.slots.iter());
        for (place, (piece, part)) in self.parts().enumerate() {
            let new = &mut pieces[place];
            let wild = places.contains(&place) && !piece.wild;
            if wild {
                key = key.wrapping_add(judge::loosening(piece.hash, place));
                (new.wild, new.hash) = (true, VARIABLE);
            }
            if piece.is_variable() {
                slots.extend(known.next().cloned());
            } else if wild {
                let mut slot = Slot::default();
                slot.take(piece.kind, part, self.count, self.source);
                slots.push(slot);
            } else {
                text.push_str(part);
            }
            new.end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        }
        (self.key, self.pieces, self.text, self.slots) = (key, pieces.into(), text.into(), slots.into());
        self.name();
    }

    /// Takes up another template of the same pieces.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        (self.first, self.last) = (self.first.min(other.first), self.last.max(other.last));
        for (slot, more) in self.slots.iter_mut().zip(&other.slots) {
            slot.merge(more);
        }
    }

    /// The memory that it takes, about, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values: usize =
            self.slots.iter().flat_map(Slot::values).map(|value| size_of_val(value) + value.text.len()).sum();
        size_of_val(self) + self.text.len() + size_of_val(&*self.pieces) + size_of_val(&*self.slots) + values
    }
}

/// The text of a piece of a line.
pub(super) fn raw<'a>(line: &'a str, token: &Token) -> &'a str {
    line.get(token.from as usize..token.to as usize).unwrap_or_default()
}
