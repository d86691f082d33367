//! What a miner keeps over a restart: everything by which it judges, so the same lines get the same ids as without one.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{
    judge,
    kind::Kind,
    miner::Miner,
    scan::VARIABLE,
    slot::Slot,
    template::{Piece, Template, TemplateId},
    text::hash,
};

/// The form of what is kept; another one is not understood.
const FORM: u32 = 1;

/// A miner as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    form: u32,
    most: usize,
    lines: u64,
    founded: u64,
    /// The one that was not used for the longest time first.
    templates: Vec<KeptTemplate>,
    shapes: Vec<KeptShape>,
    contexts: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptTemplate {
    number: u64,
    text: Box<str>,
    /// End of the text, kind, whether there is space before, whether it is a word that turned out to be a variable.
    pieces: Vec<(u32, Kind, bool, bool)>,
    slots: Box<[Slot]>,
    count: u64,
    first: u64,
    last: u64,
    source: u32,
}

/// The templates of one shape that new ones are compared with, by their place in the list, and its sets of variable words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptShape {
    /// A template of this shape.
    of: usize,
    compared: Vec<usize>,
    sets: Vec<Box<[u16]>>,
}

/// Why what was kept cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptError {
    /// Another version of the program wrote it.
    Form(u32),
    /// A template does not hang together.
    Template(u64),
    /// A shape names templates that are not there.
    Shape,
}

impl std::fmt::Display for KeptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Form(form) => write!(
                f,
                "the kept patterns have the form {form}, this version reads {FORM}; remove them to begin anew"
            ),
            Self::Template(number) => {
                write!(f, "the kept pattern {number} is damaged; remove the kept patterns to begin anew")
            }
            Self::Shape => f.write_str("the kept patterns do not hang together; remove them to begin anew"),
        }
    }
}

impl std::error::Error for KeptError {}

impl Miner {
    /// Everything that is to be kept over a restart.
    #[must_use]
    pub fn keep(&self) -> Kept {
        let order: HashMap<u64, usize> =
            self.templates().enumerate().map(|(at, template)| (template.number, at)).collect();
        let templates = self.templates().map(|template| KeptTemplate {
            number: template.number,
            text: template.text.clone(),
            pieces: template.pieces.iter().map(|piece| (piece.end, piece.kind, piece.spaced, piece.wild)).collect(),
            slots: template.slots.clone(),
            count: template.count,
            first: template.first,
            last: template.last,
            source: template.source,
        });
        // In an order that does not depend on the machine.
        let mut first: BTreeMap<u64, usize> = BTreeMap::new();
        for (at, template) in self.templates().enumerate() {
            first.entry(template.shape).or_insert(at);
        }
        let shapes = first.into_iter().filter_map(|(key, of)| Some((of, self.shapes.get(&key)?)));
        let shapes = shapes.map(|(of, shape)| KeptShape {
            of,
            compared: shape
                .compared
                .iter()
                .filter_map(|(place, _)| order.get(&self.at(*place)?.number).copied())
                .collect(),
            sets: shape.sets.iter().cloned().collect(),
        });
        Kept {
            form: FORM,
            most: self.most,
            lines: self.lines,
            founded: self.founded,
            templates: templates.collect(),
            shapes: shapes.collect(),
            contexts: self.contexts.iter().copied().collect(),
        }
    }

    /// A miner that goes on where the kept one was.
    ///
    /// # Errors
    /// When what was kept is damaged or of another form.
    pub fn restore(kept: Kept) -> Result<Self, KeptError> {
        if kept.form != FORM {
            return Err(KeptError::Form(kept.form));
        }
        let mut miner = Self::new(kept.most);
        (miner.lines, miner.founded) = (kept.lines, kept.founded);
        miner.contexts = kept.contexts.into_iter().collect();
        let mut places = Vec::with_capacity(kept.templates.len());
        for template in kept.templates {
            let number = template.number;
            let template = revive(template).ok_or(KeptError::Template(number))?;
            places.push(miner.settle(template));
        }
        for shape in kept.shapes {
            let place = |at: usize| places.get(at).copied().ok_or(KeptError::Shape);
            let key = miner.at(place(shape.of)?).map(|template| template.shape).ok_or(KeptError::Shape)?;
            for at in shape.compared {
                miner.compare(place(at)?);
            }
            miner.shapes.entry(key).or_default().sets = shape.sets.into_iter().collect();
        }
        Ok(miner)
    }
}

/// A template with what follows from what was kept of it.
fn revive(kept: KeptTemplate) -> Option<Template> {
    let (mut start, mut key, mut shape) = (0_usize, 0_u64, 0_u64);
    let mut pieces = Vec::with_capacity(kept.pieces.len());
    for (place, (end, kind, spaced, wild)) in kept.pieces.into_iter().enumerate() {
        let part = kept.text.get(start..end as usize)?;
        start = end as usize;
        let variable = wild || kind.is_variable();
        if variable != part.is_empty() || wild && kind == Kind::Mark {
            return None;
        }
        let hash = match kind {
            _ if variable => VARIABLE,
            Kind::Mark => hash(part.as_bytes().get(..1)?),
            _ => hash(part.as_bytes()),
        };
        let term = judge::term(hash, place);
        key = key.wrapping_add(if wild { judge::wild_term(place) } else { term });
        shape = shape.wrapping_add(if kind == Kind::Mark { term } else { judge::term(VARIABLE, place) });
        let named = judge::is_name(kind, part) || judge::is_state(part);
        pieces.push(Piece { hash, end, kind, spaced, wild, named });
    }
    let variables = pieces.iter().filter(|piece| piece.is_variable()).count();
    if start != kept.text.len() || variables != kept.slots.len() {
        return None;
    }
    let mut template = Template {
        number: kept.number,
        id: TemplateId(0),
        text: kept.text,
        pieces: pieces.into(),
        slots: kept.slots,
        count: kept.count,
        first: kept.first,
        last: kept.last,
        key,
        shape,
        older: u32::MAX,
        newer: u32::MAX,
        source: kept.source,
    };
    template.name();
    Some(template)
}
