//! Finds articles. Templates of log lines that an article names come first; then the terms of the question, by BM25F (Robertson,
//! Zaragoza and Taylor, "Simple BM25 extension to multiple weighted fields", 2004), with what is called otherwise and with words
//! that are written alike.

use std::collections::HashMap;

use super::{synonyms, words::terms};

/// How soon more of the same word says no more, and how much a long text is held against it: the usual values.
const K1: f32 = 1.2;
const B: f32 = 0.6;
/// Each template that is met counts more than any words can.
const SIGNATURE: f32 = 1000.0;
/// What a word written alike, or begun, counts of the word itself, and what another name for it does.
const ALIKE: f32 = 0.6;
const OTHERWISE: f32 = 0.8;
/// Words alike that are looked for instead of one that is not known.
const ALIKE_WORDS: usize = 4;
/// How alike two words are at least, as the share of letters that need no change.
const ALIKENESS: f64 = 0.65;
/// Terms of a question that are looked at.
const TERMS: usize = 400;

/// A part of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seen {
    /// Its title or name.
    Title,
    /// What comes with it.
    Symptoms,
    /// Of what kind it is.
    Category,
    /// How to go about it.
    Procedure,
    /// What keeps it from coming back.
    Prevention,
}

impl Seen {
    const ALL: [Self; 5] = [Self::Title, Self::Symptoms, Self::Category, Self::Procedure, Self::Prevention];

    fn weight(self) -> f32 {
        match self {
            Self::Title => 3.0,
            Self::Symptoms => 4.0,
            Self::Category => 2.0,
            Self::Procedure => 1.0,
            Self::Prevention => 0.5,
        }
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Symptoms => "symptoms",
            Self::Category => "category",
            Self::Procedure => "procedure",
            Self::Prevention => "prevention",
        }
    }
}

/// An article as it is searched.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// Its name.
    pub name: &'a str,
    /// In one line.
    pub title: &'a str,
    /// Of what kind it is.
    pub category: &'a str,
    /// What comes with it.
    pub symptoms: &'a [String],
    /// Ids of templates of log lines that come with it.
    pub signatures: &'a [String],
    /// How to go about it.
    pub procedure: &'a str,
    /// What keeps it from coming back.
    pub prevention: &'a str,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<'a> {
    /// Words, codes, lines.
    pub words: &'a str,
    /// Ids of templates of log lines.
    pub signatures: &'a [String],
}

/// An article that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its place among the articles that were given.
    pub article: usize,
    /// How well it fits, comparable within one question alone.
    pub score: f32,
    /// Why, the weightiest first.
    pub why: Vec<Means>,
}

/// One reason why an article was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Means {
    /// What was asked.
    pub asked: String,
    /// What was found instead, where it is another word.
    pub found: Option<String>,
    /// Where; none for a template of log lines.
    pub part: Option<Seen>,
    /// What it adds to the score.
    pub score: f32,
}

/// One article's share in a term.
#[derive(Debug, Clone, Copy)]
struct Posting {
    article: u32,
    /// How often it is there, each time with the weight of the part.
    weight: f32,
    /// The weightiest part in which it is.
    part: Seen,
}

/// Articles, ready to be searched. Terms are numbered; a list of postings is in the order of articles.
#[derive(Debug, Default)]
pub struct Index {
    names: HashMap<String, u32>,
    words: Vec<String>,
    postings: Vec<Vec<Posting>>,
    /// Words by each three letters in a row, for those that are written alike.
    trigrams: HashMap<[char; 3], Vec<u32>>,
    signatures: HashMap<String, Vec<u32>>,
    /// For each article, how long it is, against the mean.
    length: Vec<f32>,
}

/// A term of a question, with what is looked up for it.
struct Asked {
    text: String,
    term: u32,
    share: f32,
    otherwise: bool,
}

impl Index {
    /// Reads the articles once.
    #[must_use]
    pub fn of<'a>(articles: impl IntoIterator<Item = Text<'a>>) -> Self {
        let mut index = Self::default();
        for (article, text) in (0..).zip(articles) {
            let symptoms = text.symptoms.join("\n");
            let mut counted: HashMap<u32, (f32, Seen)> = HashMap::new();
            let mut length = 0.0;
            for part in Seen::ALL {
                let title;
                let text = match part {
                    Seen::Title => {
                        title = format!("{}\n{}", text.name, text.title);
                        title.as_str()
                    }
                    Seen::Symptoms => &symptoms,
                    Seen::Category => text.category,
                    Seen::Procedure => text.procedure,
                    Seen::Prevention => text.prevention,
                };
                // A name of several words does not reach over the end of a line.
                for line in text.lines() {
                    let terms = terms(line);
                    let others = synonyms::named(&terms).into_iter().map(|(_, _, group)| group);
                    for term in terms.iter().cloned().chain(others) {
                        let entry = counted.entry(index.number(term)).or_insert((0.0, part));
                        entry.0 += part.weight();
                        length += part.weight();
                    }
                }
            }
            for (term, (weight, part)) in counted {
                index.postings[term as usize].push(Posting { article, weight, part });
            }
            for signature in text.signatures {
                index.signatures.entry(signature.clone()).or_default().push(article);
            }
            index.length.push(length);
        }
        #[expect(clippy::cast_precision_loss, reason = "there are a few thousand articles")]
        let mean = index.length.iter().sum::<f32>() / index.length.len().max(1) as f32;
        index.length.iter_mut().for_each(|length| *length /= mean.max(1.0));
        index
    }

    fn number(&mut self, term: String) -> u32 {
        if let Some(number) = self.names.get(&term) {
            return *number;
        }
        let number = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        // A group is no word that could be written otherwise.
        if !term.starts_with('≈') {
            for three in trigrams(&term) {
                let words = self.trigrams.entry(three).or_default();
                if words.last() != Some(&number) {
                    words.push(number);
                }
            }
        }
        self.words.push(term.clone());
        self.postings.push(Vec::new());
        self.names.insert(term, number);
        number
    }

    /// The articles that fit best, at most so many, of those that are wanted.
    #[must_use]
    pub fn search(&self, query: &Query, most: usize, wanted: impl Fn(usize) -> bool) -> Vec<Hit> {
        let asked = self.asked(query.words);
        let mut scores = vec![0.0_f32; self.length.len()];
        for term in &asked {
            for posting in &self.postings[term.term as usize] {
                scores[posting.article as usize] += self.score(term, posting);
            }
        }
        let mut known: Vec<&String> = query.signatures.iter().collect();
        known.sort_unstable();
        known.dedup();
        for article in known.iter().filter_map(|id| self.signatures.get(*id)).flatten() {
            scores[*article as usize] += SIGNATURE;
        }
        let mut hits: Vec<(usize, f32)> =
            scores.into_iter().enumerate().filter(|(article, score)| *score > 0.0 && wanted(*article)).collect();
        let better = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if hits.len() > most && most > 0 {
            hits.select_nth_unstable_by(most - 1, better);
        }
        hits.truncate(most);
        hits.sort_unstable_by(better);
        hits.into_iter()
            .map(|(article, score)| Hit { article, score, why: self.why(article, &asked, &known) })
            .collect()
    }

    /// Templates of the question that an article names, then each term once that it has.
    fn why(&self, article: usize, asked: &[Asked], signatures: &[&String]) -> Vec<Means> {
        let is_it = |number: &u32| *number as usize == article;
        let met = signatures.iter().filter(|id| self.signatures.get(**id).is_some_and(|named| named.iter().any(is_it)));
        let mut why: Vec<Means> =
            met.map(|id| Means { asked: (*id).clone(), found: None, part: None, score: SIGNATURE }).collect();
        for term in asked {
            let postings = &self.postings[term.term as usize];
            let Ok(place) = postings.binary_search_by(|posting| (posting.article as usize).cmp(&article)) else {
                continue;
            };
            let posting = &postings[place];
            let word = &self.words[term.term as usize];
            let found = match synonyms::usual(word) {
                Some(usual) => Some(usual.to_owned()),
                None => (*word != term.text.to_lowercase()).then(|| word.clone()),
            };
            let score = self.score(term, posting);
            match why.iter_mut().find(|known| known.asked == term.text) {
                // Its word itself is said in place of another name for it.
                Some(known) if term.otherwise || known.score > score => known.score += score,
                Some(known) => {
                    *known = Means { found, part: Some(posting.part), score: known.score + score, ..known.clone() }
                }
                None => why.push(Means { asked: term.text.clone(), found, part: Some(posting.part), score }),
            }
        }
        why.sort_by(|a, b| b.score.total_cmp(&a.score));
        why
    }

    fn score(&self, term: &Asked, posting: &Posting) -> f32 {
        let length = 1.0 - B + B * self.length[posting.article as usize];
        let often = posting.weight / length;
        term.share * self.rarity(term.term) * often * (K1 + 1.0) / (often + K1)
    }

    #[expect(clippy::cast_precision_loss, reason = "there are a few thousand articles")]
    fn rarity(&self, term: u32) -> f32 {
        let (all, with) = (self.length.len() as f32, self.postings[term as usize].len() as f32);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// The terms of a question that any article has, or others in their place.
    fn asked(&self, words: &str) -> Vec<Asked> {
        let mut asked: Vec<Asked> = Vec::new();
        let mut many = 0;
        for line in words.lines() {
            let terms = terms(line);
            many += terms.len();
            for (start, count, group) in synonyms::named(&terms) {
                let text = terms.get(start..start + count).unwrap_or_default().join(" ");
                self.ask(&mut asked, text, &group, OTHERWISE, true);
            }
            for term in terms {
                if self.names.contains_key(&term) {
                    self.ask(&mut asked, term.clone(), &term, 1.0, false);
                } else {
                    for (alike, share) in self.alike(&term) {
                        self.ask(&mut asked, term.clone(), &alike, share, false);
                    }
                }
            }
            if many > TERMS {
                break;
            }
        }
        asked
    }

    fn ask(&self, asked: &mut Vec<Asked>, text: String, term: &str, share: f32, otherwise: bool) {
        let Some(term) = self.names.get(term).copied() else { return };
        match asked.iter_mut().find(|known| known.term == term) {
            Some(known) => known.share = known.share.max(share),
            None => asked.push(Asked { text, term, share, otherwise }),
        }
    }

    /// Known words that begin with a word that is not known, or are written nearly as it is.
    fn alike(&self, word: &str) -> Vec<(String, f32)> {
        let length = word.chars().count();
        if length < 3 {
            return Vec::new();
        }
        let mut shared: HashMap<u32, usize> = HashMap::new();
        for number in trigrams(word).iter().filter_map(|three| self.trigrams.get(three)).flatten() {
            *shared.entry(*number).or_default() += 1;
        }
        let mut found: Vec<(f64, &String)> = shared
            .into_iter()
            .filter(|(_, many)| *many + 4 >= length / 2)
            .filter_map(|(number, _)| {
                let known = self.words.get(number as usize)?;
                let alike =
                    if known.starts_with(word) { 1.0 } else { strsim::normalized_damerau_levenshtein(word, known) };
                (alike >= ALIKENESS).then_some((alike, known))
            })
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1.len(), a.1).cmp(&(b.1.len(), b.1))));
        found.truncate(ALIKE_WORDS);
        #[expect(clippy::cast_possible_truncation, reason = "it is between 0 and 1")]
        found.into_iter().map(|(alike, known)| (known.clone(), ALIKE * alike as f32)).collect()
    }
}

/// Each three letters in a row of a word, with its beginning and its end.
fn trigrams(word: &str) -> Vec<[char; 3]> {
    let letters: Vec<char> = std::iter::once('^').chain(word.chars()).chain(std::iter::once('$')).collect();
    letters.windows(3).filter_map(|three| three.try_into().ok()).collect()
}
