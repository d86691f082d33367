//! Which words of similar templates are variables.
//!
//! Templates of one shape that differ in few words are looked at together. A place where many different words stand is a
//! variable; a place where few stand tells them apart (`Started`, `Stopped`). How many are many depends on what stands there: a
//! word that says what happened speaks for a constant, digits and points speak for a variable.

use super::{
    kind::Kind,
    scan::VARIABLE,
    template::{Piece, Template},
    text::mix,
};

/// Words at one place that still tell templates apart.
const GATE: f32 = 3.0;
/// The same where little else says that the templates belong together.
const GATE_SHORT: f32 = 6.0;
/// The same for the first word, which most programs never change.
const GATE_FIRST: f32 = 12.0;
/// One word in so many may differ.
const SIMILAR: usize = 5;
/// What a word that differs counts, and what it counts if both look like names or states: those come in pairs.
const WORD: usize = 5;
const NAME: usize = 2;

/// The places at which words are variables in the newest template and in those that are near it. `known` tells whether
/// a variable followed the same two words elsewhere.
pub(super) fn variables(newest: &Template, near: &[&Template], known: impl Fn(u64) -> bool) -> Vec<usize> {
    if near.is_empty() {
        return Vec::new();
    }
    let words = newest.pieces.iter().filter(|piece| piece.kind != Kind::Mark).count();
    let first = first_word(newest);
    let mut others: Vec<_> = near.iter().map(|other| other.parts()).collect();
    let (mut found, mut seen, mut before) = (Vec::new(), Vec::new(), "");
    for (place, (piece, part)) in newest.parts().enumerate() {
        let others = others.iter_mut().filter_map(Iterator::next);
        let behind = std::mem::replace(&mut before, part);
        if piece.kind == Kind::Mark {
            others.for_each(drop);
            continue;
        }
        seen.clear();
        seen.push(piece.hash);
        let (mut sum, mut wild) = (weight(piece.kind, part, behind), false);
        for (piece, part) in others {
            wild |= piece.wild;
            if !piece.wild && !seen.contains(&piece.hash) {
                seen.push(piece.hash);
                sum += weight(piece.kind, part, behind);
            }
        }
        let gate = match words {
            _ if Some(place) == first => GATE_FIRST,
            _ if context(newest, place, &found).is_some_and(&known) => 0.0,
            0..SIMILAR => GATE_SHORT,
            _ => GATE,
        };
        if wild || seen.len() > 1 && sum > gate {
            found.push(place);
        }
    }
    found
}

/// Where the line's first word stands, if it stands free: in brackets there may be anything.
fn first_word(template: &Template) -> Option<usize> {
    let mut bracket = false;
    for (place, (piece, part)) in template.parts().enumerate() {
        match piece.kind {
            Kind::Mark => bracket = matches!(part, "(" | "[" | "{"),
            Kind::Word if !bracket => return Some(place),
            Kind::Word | Kind::Numbered => return None,
            _ => {}
        }
    }
    None
}

/// The two words before a word, of which the first may have turned out to be a variable or do so now, if they do not lead to
/// a verb.
pub(super) fn context(template: &Template, place: usize, now: &[usize]) -> Option<u64> {
    let [.., before, last, word] = template.pieces.get(..=place)? else { return None };
    let words = before.kind == Kind::Word && last.kind == Kind::Word && !last.wild;
    let part = |from: u32, to: u32| template.text.get(from as usize..to as usize).unwrap_or_default();
    let leads = is_before_verb(part(before.end, last.end)) && is_verb(part(last.end, word.end));
    let before = if now.contains(&(place - 2)) { VARIABLE } else { before.hash };
    (words && !leads).then(|| mix(before).wrapping_add(last.hash))
}

/// Words of a template that may differ in one that is near it.
pub(super) fn limit(template: &Template) -> usize {
    let words = template.pieces.iter().filter(|piece| piece.kind != Kind::Mark).count();
    (words / SIMILAR).max(1)
}

/// Whether templates of one shape differ in no more words than `limit`, and have one in common.
pub(super) fn is_near(one: &Template, other: &Template, limit: usize) -> bool {
    let (mut differ, mut common) = (0, false);
    for (a, b) in one.pieces.iter().zip(&other.pieces) {
        if a.kind == Kind::Mark || a.wild || b.wild {
            continue;
        }
        if a.hash == b.hash {
            common |= a.hash != VARIABLE;
        } else {
            differ += if a.named && b.named { NAME } else { WORD };
            if differ > limit * WORD {
                return false;
            }
        }
    }
    one.pieces.len() == other.pieces.len() && common
}

/// A template in few bytes, to tell at a glance that two differ in many words.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outline {
    bytes: [u8; 16],
    /// Bytes of which a word is variable: they tell nothing.
    open: [u8; 16],
}

impl Outline {
    pub(super) fn of(template: &Template) -> Self {
        let mut outline = Self::default();
        for (at, piece) in template.pieces.iter().filter(|piece| piece.kind != Kind::Mark).enumerate() {
            outline.bytes[at % 16] ^= (piece.hash >> 40) as u8;
            if piece.wild {
                outline.open[at % 16] = u8::MAX;
            }
        }
        outline
    }

    /// Whether they may be near each other: whether they differ at few places, as far as an outline tells.
    pub(super) fn is_near(&self, other: &Self, limit: usize) -> bool {
        let mut differs = 0;
        for at in 0..16 {
            let open = self.open[at] | other.open[at];
            differs += usize::from((self.bytes[at] ^ other.bytes[at]) & !open != 0);
        }
        differs * NAME <= limit * WORD
    }
}

/// Whether every line of `other`, of the same shape, could be one of `general`.
pub(super) fn covers(general: &Template, other: &Template) -> bool {
    let same = |(a, b): (&Piece, &Piece)| a.wild && b.kind != Kind::Mark || a.hash == b.hash && !b.wild;
    general.pieces.len() == other.pieces.len() && general.pieces.iter().zip(&other.pieces).all(same)
}

/// How much a word speaks for a variable, behind another one.
fn weight(kind: Kind, word: &str, behind: &str) -> f32 {
    match kind {
        Kind::Numbered if word.ends_with(')') => 1.5,
        Kind::Numbered => 2.0,
        Kind::Word if is_happening(word) => 0.5,
        Kind::Word if is_name(kind, word) && !is_state(word) => 1.5,
        Kind::Word if is_before_verb(behind) && is_verb(word) => 0.5,
        Kind::Word => 1.0,
        _ => 2.0,
    }
}

/// Whether what follows a word says what happened or how it stands, and not to whom.
fn is_before_verb(word: &str) -> bool {
    matches!(
        word,
        "to" | "not"
            | "is"
            | "are"
            | "was"
            | "were"
            | "be"
            | "been"
            | "has"
            | "have"
            | "can"
            | "cannot"
            | "could"
            | "will"
    )
}

/// Whether a word may be a verb, by its letters.
fn is_verb(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_lowercase())
}

/// Whether a word is written as the value of an enumeration: `RUNNING`.
pub(super) fn is_state(word: &str) -> bool {
    word.len() > 2 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

/// Whether a word looks like the name of a thing: `org.example.Job`, `node-7`.
pub(super) fn is_name(kind: Kind, word: &str) -> bool {
    kind == Kind::Numbered || kind == Kind::Word && word.contains(['.', '-', '_', '@'])
}

/// Whether a word says what happened or how it stands, by its ending.
fn is_happening(word: &str) -> bool {
    const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"];
    word.len() > 4 && (word.ends_with("ed") || word.ends_with("ing")) || METHODS.contains(&word)
}

/// What a piece adds to the sum of its line.
pub(super) fn term(hash: u64, place: usize) -> u64 {
    mix(hash ^ (place as u64 + 1).wrapping_mul(VARIABLE))
}

/// What a piece adds that is a variable whatever stands there.
pub(super) fn wild_term(place: usize) -> u64 {
    mix(place as u64 ^ 0x5bd1_e995)
}

/// What changes in that sum when the piece becomes a variable whatever stands there.
pub(super) fn loosening(hash: u64, place: usize) -> u64 {
    wild_term(place).wrapping_sub(term(hash, place))
}
