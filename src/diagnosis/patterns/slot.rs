//! A variable of a template: what kinds of values stand there, and which, as long as they are few.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{kind::Kind, words::skeleton};

/// Values that are told apart; from one more on there are many.
pub const FEW: usize = 4;
/// Bytes of a value that are kept.
const VALUE: usize = 64;
/// Sources of a value that are told apart.
const SOURCES: usize = 3;

/// A variable of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// One bit for each of [`Kind::ALL`].
    #[serde(rename = "k")]
    kinds: u32,
    /// There were more different values than are kept.
    #[serde(rename = "m", default, skip_serializing_if = "std::ops::Not::not")]
    many: bool,
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<Value>,
}

/// One of the few values of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// As it stood in the line, of a path and of values in a row what is the same in many lines; cut when long.
    #[serde(rename = "t")]
    pub text: Box<str>,
    /// In how many lines, or more than can be counted.
    #[serde(rename = "n")]
    pub times: u32,
    #[serde(rename = "s")]
    sources: Sources,
}

/// The first sources of a value; there is one for each of many values, so it takes little memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u32>", into = "Vec<u32>")]
struct Sources {
    known: [u32; SOURCES],
    count: u8,
}

impl From<Vec<u32>> for Sources {
    fn from(kept: Vec<u32>) -> Self {
        let mut sources = Self::default();
        kept.into_iter().for_each(|source| sources.add(source));
        sources
    }
}

impl From<Sources> for Vec<u32> {
    fn from(sources: Sources) -> Self {
        sources.as_slice().to_vec()
    }
}

impl Sources {
    fn as_slice(&self) -> &[u32] {
        self.known.get(..usize::from(self.count)).unwrap_or_default()
    }

    fn add(&mut self, source: u32) {
        if !self.as_slice().contains(&source)
            && let Some(free) = self.known.get_mut(usize::from(self.count))
        {
            *free = source;
            self.count += 1;
        }
    }
}

impl Value {
    /// Which sources sent it; no more than three are kept.
    #[must_use]
    pub fn sources(&self) -> &[u32] {
        self.sources.as_slice()
    }
}

impl Slot {
    /// The kinds of values that were seen.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        let kinds = self.kinds;
        Kind::ALL.into_iter().filter(move |kind| kinds >> *kind as u32 & 1 == 1)
    }

    /// How many different values there were; nothing when they were too many to keep.
    #[must_use]
    pub fn distinct(&self) -> Option<usize> {
        (!self.many).then_some(self.values.len())
    }

    /// The values, if they are few.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// What is known of one value of a kind, if the values are few and it is one of them.
    #[must_use]
    pub fn value(&self, kind: Kind, text: &str) -> Option<&Value> {
        let text = kept(kind, text);
        let text = shortened(&text);
        self.values.iter().find(|known| *known.text == *text)
    }

    pub(super) fn take(&mut self, kind: Kind, text: &str, times: u64, source: u32) {
        self.kinds |= 1 << kind as u32;
        if !self.many {
            let mut sources = Sources::default();
            sources.add(source);
            self.add(shortened(&kept(kind, text)), u32::try_from(times).unwrap_or(u32::MAX), sources);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.kinds |= other.kinds;
        if other.many {
            self.overflow();
        }
        for value in &other.values {
            if !self.many {
                self.add(&value.text, value.times, value.sources);
            }
        }
    }

    fn add(&mut self, text: &str, times: u32, sources: Sources) {
        let full = self.values.len() == FEW;
        match self.values.iter_mut().find(|known| *known.text == *text) {
            Some(known) => {
                known.times = known.times.saturating_add(times);
                sources.as_slice().iter().for_each(|source| known.sources.add(*source));
            }
            None if full => self.overflow(),
            None => {
                self.values.reserve_exact(1);
                self.values.push(Value { text: text.into(), times, sources });
            }
        }
    }

    fn overflow(&mut self) {
        self.many = true;
        self.values = Vec::new();
    }
}

/// What is kept of a value.
fn kept(kind: Kind, text: &str) -> Cow<'_, str> {
    match kind {
        Kind::Path | Kind::List => skeleton(text).into(),
        _ => text.into(),
    }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(VALUE)]
}
