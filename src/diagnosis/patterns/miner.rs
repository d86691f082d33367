//! Finds the template of each line, one line at a time.
//!
//! A line is cut into pieces ([`super::scan`]); the sum over its pieces finds its template at once. A line with no template
//! founds one, and [`super::judge`] looks which words of it and of its like are variables; those then become one.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{
    judge::{self, Outline},
    kind::Kind,
    scan::{Scanner, Token, VARIABLE},
    slot::Slot,
    template::{Template, TemplateId},
    text::clean,
};

/// Templates of one shape that a new one is compared with: the newest.
const COMPARED: usize = 128;
/// Sets of variable words that templates of one shape may have.
const SETS: usize = 32;
/// Pairs of words that are kept behind which words are variables.
const CONTEXTS: usize = 1024;
/// No template.
const NONE: u32 = u32::MAX;

/// What the line that was taken is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The number of its template; see [`Change`].
    pub number: u64,
    /// The id that the template has now.
    pub id: TemplateId,
    /// It is the first line of its template.
    pub new: bool,
}

/// What became of a template that lines were given to.
#[derive(Debug)]
pub enum Change {
    /// It turned out to be the same as another one, and goes on under that number.
    Merged {
        /// The number that is no more.
        number: u64,
        /// The number that goes on.
        into: u64,
    },
    /// Its constants are fewer now, so it has another id.
    Renamed {
        /// Its number.
        number: u64,
        /// The id it had.
        from: TemplateId,
        /// The id it has.
        to: TemplateId,
    },
    /// It was not used for the longest time when there were too many.
    Evicted(Box<Template>),
}

/// A variable in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable<'a> {
    /// Where it stands in the clean line, in bytes.
    pub range: std::ops::Range<usize>,
    /// What it is in this line.
    pub kind: Kind,
    /// What is known of this place in all lines of the template.
    pub slot: &'a Slot,
}

/// Templates that have the same length and punctuation.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Templates of it.
    templates: u32,
    /// The newest ones, oldest first.
    pub(super) compared: VecDeque<(u32, Outline)>,
    /// The sets of places at which words are variable, in some template.
    pub(super) sets: BTreeSet<Box<[u16]>>,
}

/// The templates of a stream of lines. The memory that it takes has a bound: the template that was not used for the
/// longest time gives way.
#[derive(Debug)]
pub struct Miner {
    pub(super) most: usize,
    pub(super) lines: u64,
    pub(super) founded: u64,
    pub(super) places: Vec<Option<Template>>,
    free: Vec<u32>,
    by_key: HashMap<u64, u32>,
    pub(super) shapes: HashMap<u64, Shape>,
    oldest: u32,
    newest: u32,
    /// Pairs of words behind which words are variables.
    pub(super) contexts: BTreeSet<u64>,
    changes: Vec<Change>,
    scanner: Scanner,
    letters: String,
}

impl Default for Miner {
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl Miner {
    /// A miner that keeps no more templates than `most`, at least one.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most: most.clamp(1, NONE as usize - 1),
            lines: 0,
            founded: 0,
            places: Vec::new(),
            free: Vec::new(),
            by_key: HashMap::new(),
            shapes: HashMap::new(),
            oldest: NONE,
            newest: NONE,
            contexts: BTreeSet::new(),
            changes: Vec::new(),
            scanner: Scanner::default(),
            letters: String::new(),
        }
    }

    /// Lines that were taken.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The templates, the one that was not used for the longest time first.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let mut place = self.oldest;
        std::iter::from_fn(move || {
            let template = self.at(place)?;
            place = template.newer;
            Some(template)
        })
    }

    /// What became of templates since this was last asked. Whoever keeps numbers asks after every line.
    pub fn changes(&mut self) -> impl Iterator<Item = Change> {
        self.changes.drain(..)
    }

    /// Takes a line in. `source` says who sent it, in any numbering.
    pub fn take(&mut self, line: &str, source: u32) -> Taken {
        let line = clean(line);
        let mut scanner = std::mem::take(&mut self.scanner);
        scanner.scan(&line);
        let taken = self.take_pieces(&line, &scanner.tokens, source);
        self.scanner = scanner;
        taken
    }

    /// The template of a line and its variables, without taking the line in. The ranges are those of the line that
    /// [`clean`] makes of it.
    pub fn look(&self, line: &str) -> Option<(&Template, Vec<Variable<'_>>)> {
        let line = clean(line);
        let mut scanner = Scanner::default();
        scanner.scan(&line);
        let tokens = &scanner.tokens;
        let template = self.at(self.find(&line, tokens, sums(tokens), &mut String::new())?)?;
        let variables = template.pieces.iter().zip(tokens).filter(|(piece, _)| piece.is_variable());
        let variables = variables.zip(&template.slots).map(|((_, token), slot)| Variable {
            range: token.from as usize..token.to as usize,
            kind: token.kind,
            slot,
        });
        Some((template, variables.collect()))
    }

    pub(super) fn at(&self, place: u32) -> Option<&Template> {
        self.places.get(place as usize)?.as_ref()
    }

    fn at_mut(&mut self, place: u32) -> Option<&mut Template> {
        self.places.get_mut(place as usize)?.as_mut()
    }

    fn take_pieces(&mut self, line: &str, tokens: &[Token], source: u32) -> Taken {
        self.lines += 1;
        let (lines, sums) = (self.lines, sums(tokens));
        let mut letters = std::mem::take(&mut self.letters);
        let found = self.find(line, tokens, sums, &mut letters);
        self.letters = letters;
        if let Some(place) = found {
            self.use_again(place);
            if let Some(template) = self.at_mut(place) {
                template.take(line, tokens, source);
                template.last = lines;
                return Taken { number: template.number, id: template.id, new: false };
            }
        }
        self.found(line, tokens, sums, source)
    }

    fn find(&self, line: &str, tokens: &[Token], (key, shape): (u64, u64), letters: &mut String) -> Option<u32> {
        let mut found = self.keyed(key, line, tokens, letters);
        if found.is_none()
            && let Some(shape) = self.shapes.get(&shape)
        {
            found = shape.sets.iter().find_map(|set| {
                let places = set.iter().copied().map(usize::from);
                let key = places.fold(key, |key, at| key.wrapping_add(judge::loosening(tokens[at].hash, at)));
                self.keyed(key, line, tokens, letters)
            });
        }
        found
    }

    /// The template of a key, if it fits.
    fn keyed(&self, key: u64, line: &str, tokens: &[Token], letters: &mut String) -> Option<u32> {
        let place = *self.by_key.get(&key)?;
        self.at(place)?.fits(line, tokens, letters).then_some(place)
    }

    /// Founds a template.
    fn found(&mut self, line: &str, tokens: &[Token], sums: (u64, u64), source: u32) -> Taken {
        self.founded += 1;
        let mut template = Template::new(self.founded, line, tokens, source, sums);
        (template.first, template.last) = (self.lines, self.lines);
        while self.by_key.len() >= self.most && self.oldest != NONE {
            if let Some(gone) = self.remove(self.oldest) {
                self.changes.push(Change::Evicted(Box::new(gone)));
            }
        }
        let place = self.settle(template);
        self.compare(place);
        let mut learnt = self.judged(place);
        while let Some(context) = learnt.pop() {
            learnt.extend(self.review(context));
        }
        let place = self.find(line, tokens, sums, &mut String::new()).unwrap_or(place);
        let (number, id) = self.at(place).map_or((0, TemplateId(0)), |template| (template.number, template.id));
        Taken { number, id, new: number == self.founded }
    }

    /// Makes words variable that a template and those near it show to be. Says behind which words that was not known before.
    fn judged(&mut self, place: u32) -> Vec<u64> {
        let Some(newest) = self.at(place) else { return Vec::new() };
        let Some(shape) = self.shapes.get(&newest.shape) else { return Vec::new() };
        let (outline, limit) = (Outline::of(newest), judge::limit(newest));
        let others = shape.compared.iter().filter(|(other, known)| *other != place && outline.is_near(known, limit));
        let others = others.filter_map(|(other, _)| Some((*other, self.at(*other)?)));
        let near: Vec<(u32, &Template)> = others.filter(|(_, other)| judge::is_near(newest, other, limit)).collect();
        let templates: Vec<&Template> = near.iter().map(|(_, other)| *other).collect();
        let wild = judge::variables(newest, &templates, |context| self.contexts.contains(&context));
        if wild.is_empty() {
            return Vec::new();
        }
        let near: Vec<u32> = near.iter().map(|(other, _)| *other).collect();
        let words = wild.iter().filter(|at| newest.pieces.get(**at).is_some_and(|piece| !piece.is_variable()));
        let mut learnt: Vec<u64> = words.filter_map(|at| judge::context(newest, *at, &wild)).collect();
        learnt.retain(|context| self.contexts.len() < CONTEXTS && self.contexts.insert(*context));
        let mut settled: Vec<u32> =
            near.into_iter().chain([place]).filter_map(|place| self.loosen(place, &wild)).collect();
        settled.sort_unstable();
        settled.dedup();
        for place in settled {
            self.absorb(place);
        }
        learnt
    }

    /// Lets a template take up those that say less about more lines than it does.
    fn absorb(&mut self, place: u32) {
        let Some(general) = self.at(place) else { return };
        let Some(shape) = self.shapes.get(&general.shape) else { return };
        let wild: Vec<usize> =
            general.pieces.iter().enumerate().filter(|(_, piece)| piece.wild).map(|(at, _)| at).collect();
        let outline = Outline::of(general);
        let others = shape.compared.iter().filter(|(other, known)| *other != place && outline.is_near(known, 0));
        let others = others.map(|(other, _)| *other);
        let covered = |other: &u32| self.at(*other).is_some_and(|other| judge::covers(general, other));
        let covered: Vec<u32> = others.filter(covered).collect();
        for other in covered {
            self.loosen(other, &wild);
        }
    }

    /// Judges the templates again that have a word behind these two.
    fn review(&mut self, context: u64) -> Vec<u64> {
        let concerned = |template: &Template| {
            let mut words = template.pieces.iter().enumerate().filter(|(_, piece)| !piece.is_variable());
            words.any(|(at, _)| judge::context(template, at, &[]) == Some(context))
        };
        let found = (0_u32..).zip(&self.places).filter(|(_, template)| template.as_ref().is_some_and(concerned));
        let found: Vec<u32> = found.map(|(place, _)| place).collect();
        found.into_iter().flat_map(|place| self.judged(place)).collect()
    }

    /// Makes words of a template variable; it becomes one with the template that then is the same. Says where it is then.
    fn loosen(&mut self, place: u32, wild: &[usize]) -> Option<u32> {
        let template = self.at(place)?;
        let set: Box<[u16]> = template
            .pieces
            .iter()
            .enumerate()
            .filter(|(at, piece)| piece.wild || wild.contains(at))
            .filter_map(|(at, _)| u16::try_from(at).ok())
            .collect();
        let sets = &self.shapes.get(&template.shape)?.sets;
        if sets.len() == SETS && !sets.contains(&set) {
            return None;
        }
        let mut template = self.remove(place)?;
        let from = template.id;
        template.loosen(wild);
        let Some(other) = self.by_key.get(&template.key).copied() else {
            self.changes.push(Change::Renamed { number: template.number, from, to: template.id });
            let shape = template.shape;
            let place = self.settle(template);
            self.shapes.entry(shape).or_default().sets.insert(set);
            self.compare(place);
            return Some(place);
        };
        if let Some(kept) = self.at_mut(other) {
            let (into, number) = (kept.number.min(template.number), kept.number.max(template.number));
            kept.merge(&template);
            kept.number = into;
            self.changes.push(Change::Merged { number, into });
        }
        self.use_again(other);
        Some(other)
    }

    /// Gives a template a place, as the one used last.
    pub(super) fn settle(&mut self, template: Template) -> u32 {
        // Two different templates of one key are next to impossible, and the older one gives way.
        if let Some(same) = self.by_key.get(&template.key).copied()
            && let Some(gone) = self.remove(same)
        {
            self.changes.push(Change::Evicted(Box::new(gone)));
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            u32::try_from(self.places.len() - 1).unwrap_or(NONE)
        });
        self.by_key.insert(template.key, place);
        self.shapes.entry(template.shape).or_default().templates += 1;
        if let Some(free) = self.places.get_mut(place as usize) {
            *free = Some(template);
        }
        self.link(place);
        place
    }

    /// Takes a template out of everything.
    fn remove(&mut self, place: u32) -> Option<Template> {
        self.unlink(place);
        let template = self.places.get_mut(place as usize)?.take()?;
        self.free.push(place);
        self.by_key.remove(&template.key);
        if let Some(shape) = self.shapes.get_mut(&template.shape) {
            shape.templates -= 1;
            if shape.templates == 0 {
                self.shapes.remove(&template.shape);
            } else if let Some(at) = shape.compared.iter().position(|(other, _)| *other == place) {
                shape.compared.remove(at);
            }
        }
        Some(template)
    }

    /// Puts a template among those that new ones are compared with.
    pub(super) fn compare(&mut self, place: u32) {
        let Some((shape, outline)) = self.at(place).map(|template| (template.shape, Outline::of(template))) else {
            return;
        };
        let Some(shape) = self.shapes.get_mut(&shape) else { return };
        shape.compared.push_back((place, outline));
        if shape.compared.len() > COMPARED {
            shape.compared.pop_front();
        }
    }

    fn use_again(&mut self, place: u32) {
        if self.newest != place {
            self.unlink(place);
            self.link(place);
        }
    }

    fn link(&mut self, place: u32) {
        let before = std::mem::replace(&mut self.newest, place);
        if let Some(template) = self.at_mut(place) {
            (template.older, template.newer) = (before, NONE);
        }
        match self.at_mut(before) {
            Some(template) => template.newer = place,
            None => self.oldest = place,
        }
    }

    fn unlink(&mut self, place: u32) {
        let Some((older, newer)) = self.at(place).map(|template| (template.older, template.newer)) else { return };
        match self.at_mut(older) {
            Some(template) => template.newer = newer,
            None => self.oldest = newer,
        }
        match self.at_mut(newer) {
            Some(template) => template.older = older,
            None => self.newest = older,
        }
    }
}

/// The sums by which a line is found: over its pieces, and over its punctuation.
fn sums(tokens: &[Token]) -> (u64, u64) {
    tokens.iter().enumerate().fold((0, 0), |(key, shape), (at, token)| {
        let term = judge::term(token.hash, at);
        let bare = if token.kind == Kind::Mark { term } else { judge::term(VARIABLE, at) };
        (key.wrapping_add(term), shape.wrapping_add(bare))
    })
}
