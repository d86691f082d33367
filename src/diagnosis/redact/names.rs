//! Names of people in running text: by the lists, and by what stands around them.
//!
//! Where a text is about nobody, only a given name with a family name behind it counts. Where it is about a person, what is
//! capitalised and no word of the language is held for a name.

use super::{
    class::Class,
    lists::{Known, look_up},
    page::{PERSON, Page, Span, is_blot},
};

/// Words behind which a name stands.
const TITLES: &str = " mr mrs ms miss mx dr drs doctor prof professor rev reverend patient patients pt physician surgeon nurse rn mother father wife \
    husband spouse son daughter brother sister guardian caregiver guarantor subscriber insured dear attn attention named name kin \
    provider practitioner attending therapist pharmacist radiologist beneficiary mme mlle herr frau señor señora sr sra madam \
    sir aunt uncle grandmother grandfather caller partner resident clinician pcp md counselor midwife dentist psychiatrist \
    cardiologist oncologist surname lastname firstname member client aka fiance fiancee friend neighbor technician tech ";
/// Words behind which a name may stand.
const LEADS: &str = " by for from with to user contact called call spoke cc and saw seen met via admitted discharged transferred told \
    informed notified paged emailed phoned about regarding re author assigned employee customer signed contacted of reached \
    advised asked reviewed examined treated evaluated registered checked scheduled booked cancelled texted messaged faxed \
    operator staff login account person owner subject behalf between or per as ";
/// Parts of a building, which have numbers.
const PLACES: &str = " ward wing bay room floor hall block lane unit theatre ";
/// What stands behind the name of somebody who has a profession.
const DEGREES: &str = " md do rn np pa phd dds dmd pharmd lpn aprn fnp crna mbbs od dpm jr sr ii iii iv esq msn bsn lcsw psyd facs mph cnm rph ot pt dnp ";
/// Parts of a family name that stand for themselves.
const PARTICLES: &str =
    " van von de del der den da dos das di du la le el al bin ibn ben ter ten st san santa mac mc y zu af av ";
/// Parts of verbs that people are subjects of.
const DOES: &str = " was is has had reports reported denies denied presented presents complains complained states stated called arrived \
    underwent lives resides works agreed refused requests requested tolerated feels felt says said will admitted did does \
    missed left returned signed died became continues takes took can cannot needs wants received ";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Capital,
    Upper,
    Initial,
    Small,
}

#[derive(Debug, Clone, Copy)]
struct Word {
    start: usize,
    end: usize,
    shape: Shape,
    /// Part of a longer sign: a path, a type, an address.
    bound: bool,
}

/// Whether it is a part of a building, although people are called so too: `Ward 7`.
fn is_numbered_place(text: &str, word: Word) -> bool {
    let numbered =
        text[word.end..].strip_prefix(' ').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    numbered && has(PLACES, &text[word.start..word.end])
}

/// The names in a text.
pub(super) fn find(page: &Page, found: &mut Vec<Span>) {
    if !page.person && !page.marks.capitals && !page.text.contains('.') {
        return;
    }
    let text = page.text.as_str();
    let words = words(text);
    let mut tell = |start: usize, end: usize| found.push(Span { class: Class::Name, start, end });
    let mut next = 0;
    while next < words.len() {
        let first = next;
        next += 1;
        let word = words[first];
        if word.bound || word.start < page.stamp {
            continue;
        }
        if word.shape == Shape::Small {
            if let Some(end) = small(page, &words, first) {
                tell(word.start, words[end].end);
                next = end + 1;
            } else if let Some(end) = dotted(text, &words, first) {
                tell(word.start, words[end].end);
                next = end + 1;
            }
            continue;
        }
        if is_numbered_place(text, word) {
            continue;
        }
        let known = look_up(&text[word.start..word.end]);
        // Where nobody is spoken of, only what is listed begins a name.
        if !page.person && (word.shape == Shape::Initial || !known.given && !known.family) {
            continue;
        }
        // A word that is no name ends every name.
        if word.shape != Shape::Initial && known.word && !known.given && !known.family && !is_particle(text, word) {
            continue;
        }
        let mut run = vec![(word, known)];
        let mut last = first;
        let mut comma = None;
        while last + 1 < words.len() && run.len() < 6 {
            let following = words[last + 1];
            let gap = &text[words[last].end..following.start];
            let initial = words[last].shape == Shape::Initial;
            let joined = matches!(gap, " " | "+" | "%20")
                || initial && matches!(gap, ". " | ".")
                || gap == ". " && is_abbreviation(text, words[last]);
            let after_comma = matches!(gap, ", " | ",")
                && comma.is_none()
                && (last == first || run.len() == 2 && is_particle(text, run[0].0));
            if following.bound || !(joined || after_comma) {
                break;
            }
            let named = look_up(&text[following.start..following.end]);
            let particle = is_particle(text, following);
            if following.shape == Shape::Small && !(particle && goes_on(text, &words, last + 1)) {
                break;
            }
            if named.word && !named.given && !named.family && following.shape != Shape::Initial && !particle {
                break;
            }
            if has(DEGREES, &text[following.start..following.end]) && following.shape == Shape::Upper {
                break;
            }
            if after_comma {
                comma = Some(run.len());
            }
            run.push((following, named));
            last += 1;
        }
        if let Some(count) = judge(page, &words, first, &run, comma) {
            tell(with_particles(text, &words, first), run[count - 1].0.end);
            next = first + count;
        }
    }
}

/// How many words of a run are a name, from the first on.
fn judge(page: &Page, words: &[Word], first: usize, run: &[(Word, Known)], comma: Option<usize>) -> Option<usize> {
    let text = page.text.as_str();
    let lead = lead(text, words, first);
    let titled = lead == Lead::Title;
    let led = lead != Lead::None;
    let (word, known) = run[0];
    let strange = |known: Known| !known.given && !known.family && !known.word;
    if let Some(at) = comma {
        // `Smith, John A`
        let (other, given) = run[at];
        let sure = known.family && given.given && (known.name() || given.name());
        let likely = page.person
            && (known.name() && !given.word
                || given.given && given.name() && !known.word
                || given.given && (led && known.family || strange(known))
                || led && strange(known) && strange(given) && word.shape == Shape::Capital
                || titled && !given.word);
        let degree = has(DEGREES, &text[other.start..other.end]);
        if (sure || likely)
            && !degree
            && other.shape != Shape::Initial
            && (page.person || sure && word.shape == other.shape)
        {
            return Some(run.len().min(at + 2));
        }
        return judge(page, words, first, &run[..at], None);
    }
    let end = run[run.len() - 1].0.end;
    let degree = degree_follows(text, words, first + run.len(), end);
    let signed = titled || degree && page.person;
    if run.len() == 1 {
        if word.shape == Shape::Initial || word.end - word.start < 2 {
            return None;
        }
        let acronym = word.shape == Shape::Upper && !known.given && !known.family;
        let subject = words
            .get(first + 1)
            .is_some_and(|next| next.shape == Shape::Small && has(DOES, &text[next.start..next.end]));
        let plain = if titled {
            (!acronym || word.end - word.start > 3) && (!known.word || known.given || known.family)
        } else if !page.person || acronym {
            false
        } else {
            known.name()
                || signed && !known.word
                || (led || subject) && strange(known) && word.end - word.start > 3
                || known.given && led && word.shape == Shape::Capital && !begins(text, word.start)
                || known.given
                    && known.word
                    && (degree || subject && begins(text, word.start))
                    && word.shape == Shape::Capital
        };
        return plain.then_some(1);
    }
    let second =
        run.iter().skip(1).find(|(word, _)| word.shape != Shape::Initial && !is_particle(text, *word)).copied();
    let Some((other, family)) = second else {
        // `Smith J`
        let fits = (known.name() || titled && !known.word) && (page.person || titled) && word.shape != Shape::Initial;
        return fits.then_some(run.len());
    };
    let upper = word.shape == Shape::Upper && other.shape == Shape::Upper;
    let initial = word.shape == Shape::Initial;
    let fits = if signed {
        true
    } else if page.person {
        let listed = known.given || known.family || family.given || family.family;
        let strangers = strange(known) && strange(family) && !upper;
        let first_fits = known.given || known.family || !known.word || initial;
        let sure = known.name() || family.name() || known.given && family.family;
        let long = other.end - other.start > 3 && word.end - word.start > 3;
        let mixed = (strange(known) || strange(family)) && (!upper || known.given && long);
        let strangers =
            strangers || upper && led && strange(known) && strange(family) && long && other.end - other.start > 4;
        first_fits && (strangers || initial && !family.word || listed && (sure || mixed))
    } else if initial {
        led && family.family && family.name()
    } else if upper {
        known.given && known.name() && family.family && family.name()
    } else {
        known.given
            && known.name()
            && (family.family || !family.word)
            && other.shape == Shape::Capital
            && word.shape == Shape::Capital
            && (family.family || led)
            || led && known.given && family.family && (known.name() || family.name()) && word.shape == Shape::Capital
    };
    if !fits {
        return (page.person && known.name() && !initial || titled && !known.word).then_some(1);
    }
    // A word of the language at the end belongs to the sentence, unless it is the family name.
    let mut count = run.len();
    while count > 2 && run[count - 1].1.word && !run[count - 1].1.family {
        count -= 1;
    }
    Some(count)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead {
    None,
    Maybe,
    Title,
}

/// What stands before a name.
fn lead(text: &str, words: &[Word], first: usize) -> Lead {
    let Some(before) = first.checked_sub(1).map(|before| words[before]) else { return Lead::None };
    let gap = &text[before.end..words[first].start];
    if !matches!(gap, " " | ". " | ": " | ":" | " - " | ", " | " (" | " '" | " \"" | "=" | " = " | " #") {
        return Lead::None;
    }
    let sign = &text[before.start..before.end];
    if has(TITLES, sign) && (gap != ", " || has(" patient dear sir ", sign)) {
        return Lead::Title;
    }
    if matches!(gap, " is " | " ")
        && matches!(sign, "is" | "was")
        && first > 1
        && text[words[first - 2].start..words[first - 2].end].eq_ignore_ascii_case("name")
    {
        return Lead::Title;
    }
    if gap != ", " && has(LEADS, sign) { Lead::Maybe } else { Lead::None }
}

/// Whether a degree, or the mark of a son, stands behind a name.
fn degree_follows(text: &str, words: &[Word], next: usize, end: usize) -> bool {
    words.get(next).is_some_and(|word| {
        let gap = &text[end..word.start.max(end)];
        matches!(gap, ", " | " " | "," | ". ")
            && word.shape != Shape::Small
            && has(DEGREES, &text[word.start..word.end])
    })
}

/// Names in small letters, where a name must stand, or two that are nothing else.
fn small(page: &Page, words: &[Word], first: usize) -> Option<usize> {
    let text = page.text.as_str();
    if !page.person || first + 1 >= words.len() {
        return None;
    }
    let (word, other) = (words[first], words[first + 1]);
    if other.shape != Shape::Small || other.bound || !matches!(&text[word.end..other.start], " " | ", ") {
        return None;
    }
    let known = look_up(&text[word.start..word.end]);
    if !known.given && !known.family {
        return None;
    }
    let family = look_up(&text[other.start..other.end]);
    let long = other.end - other.start > 2 && word.end - word.start > 2;
    let both = known.name() && family.name() && long;
    let titled = lead(text, words, first) == Lead::Title && (known.given && (family.family || !family.word));
    (both && (known.given || family.given) || titled).then_some(first + 1)
}

/// `john.smith`, as people are named in accounts.
fn dotted(text: &str, words: &[Word], first: usize) -> Option<usize> {
    let other = *words.get(first + 1)?;
    let word = words[first];
    if &text[word.end..other.start] != "." || other.shape != Shape::Small {
        return None;
    }
    let edge = |c: Option<char>| {
        c.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '/' | '\\' | '_' | '-' | '(' | '@'))
    };
    let apart = edge(text[..word.start].chars().next_back()) && edge(text[other.end..].chars().next());
    let (known, family) = (look_up(&text[word.start..word.end]), look_up(&text[other.start..other.end]));
    (apart && known.given && known.name() && family.family && family.name() && other.end - other.start > 2)
        .then_some(first + 1)
}

/// Whether a capital follows the particles that stand here.
fn goes_on(text: &str, words: &[Word], at: usize) -> bool {
    words[at..]
        .iter()
        .take(4)
        .find(|word| !(word.shape == Shape::Small && is_particle(text, **word)))
        .is_some_and(|word| word.shape != Shape::Small)
}

/// Where a name begins with its particles: `van der Berg`.
fn with_particles(text: &str, words: &[Word], first: usize) -> usize {
    let mut start = first;
    while start > 0
        && words[start - 1].shape == Shape::Small
        && !words[start - 1].bound
        && is_particle(text, words[start - 1])
        && &text[words[start - 1].end..words[start].start] == " "
        && !has(" la el al san mac st y ", &text[words[start - 1].start..words[start - 1].end])
    {
        start -= 1;
    }
    words[start].start
}

fn begins(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end();
    before.is_empty() || before.ends_with(['.', ':', ';', '"', ']', '-', '\n'])
}

fn is_particle(text: &str, word: Word) -> bool {
    has(PARTICLES, &text[word.start..word.end])
}

fn is_abbreviation(text: &str, word: Word) -> bool {
    has(" st jr sr mr mrs ms dr prof rev ", &text[word.start..word.end])
}

/// Whether a word is in a list whose words stand between blanks.
fn has(list: &str, word: &str) -> bool {
    let small = word.to_lowercase();
    list.match_indices(small.as_str()).any(|(at, _)| {
        !small.is_empty()
            && list.as_bytes().get(at.wrapping_sub(1)) == Some(&b' ')
            && list.as_bytes().get(at + small.len()) == Some(&b' ')
    })
}

/// Whether a value looks like a name by itself, in a text that may be about a person or not.
pub(super) fn is_name(value: &str, person: bool) -> bool {
    let words = words(value);
    let rest: String = value.chars().filter(|c| !c.is_alphabetic()).collect();
    if words.is_empty()
        || words.len() > 5
        || rest
            .chars()
            .any(|c| !matches!(c, ' ' | ',' | '.' | '\'' | '’' | '-' | '+' | '%' | '2' | '0' | '^' | '(' | ')'))
    {
        return false;
    }
    let known: Vec<Known> = words.iter().map(|word| look_up(&value[word.start..word.end])).collect();
    let long = words.iter().filter(|word| word.end - word.start > 1).count();
    let sure = known.iter().filter(|known| known.name()).count();
    let listed = known.iter().filter(|known| known.given || known.family).count();
    let strange = known.iter().filter(|known| !known.given && !known.family && !known.word).count();
    let capital = words.iter().all(|word| word.shape != Shape::Small || is_particle(value, *word));
    let parts = known.iter().filter(|known| known.word && !known.given && !known.family).count();
    match long {
        0 => false,
        1 => sure == 1 && person && (capital || words[0].end - words[0].start > 3),
        _ => {
            !value.starts_with(char::is_numeric)
                && parts <= words.iter().filter(|word| is_particle(value, **word)).count()
                && (listed >= 2 && (sure >= 1 || capital)
                    || sure >= 1 && (capital || person)
                    || person && (capital && strange >= 2 || listed + strange >= 2 && strange >= 1))
        }
    }
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut letters = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((start, c)) = letters.next() {
        if !c.is_alphabetic() {
            before = c;
            continue;
        }
        let (mut end, mut count, mut upper, mut small) = (start + c.len_utf8(), 1, usize::from(c.is_uppercase()), 0);
        let mut humps = 0;
        let mut last = c;
        while let Some((at, c)) = letters.peek().copied() {
            let inner = matches!(c, '\'' | '’' | '-')
                && text[at + c.len_utf8()..].starts_with(char::is_alphabetic)
                && last.is_alphabetic();
            if !c.is_alphanumeric() && c != '_' && !inner {
                break;
            }
            if c.is_alphabetic() {
                count += 1;
                upper += usize::from(c.is_uppercase());
                small += usize::from(!c.is_uppercase());
                humps += usize::from(c.is_uppercase() && last.is_lowercase());
            } else if !inner {
                humps += 9;
            }
            last = c;
            end = at + c.len_utf8();
            letters.next();
        }
        let next = letters.peek().map(|(_, c)| *c);
        let glued = before.is_alphanumeric()
            || matches!(before, '_' | '/' | '\\' | '$' | '@' | '%' | '~' | PERSON)
            || before == '.' && text[..start - 1].ends_with(|c: char| c.is_alphanumeric() && !c.is_uppercase())
            || before == ':' && text[..start - 1].ends_with(':');
        let ahead = text[end..].chars().nth(1);
        let open = matches!(next, Some('/' | '\\' | '$' | '@' | '(' | '<' | PERSON))
            || next.is_some_and(is_blot)
            || next == Some('.')
                && ahead.is_some_and(char::is_alphanumeric)
                && small > 0
                && !ahead.is_some_and(char::is_uppercase)
            || next == Some('.') && ahead.is_some_and(char::is_alphabetic) && count > 2
            || next == Some(':') && ahead == Some(':');
        let first = c.is_uppercase();
        let shape = match (first, count) {
            (true, 1) => Shape::Initial,
            (true, _) if small == 0 => Shape::Upper,
            (true, _) => Shape::Capital,
            _ => Shape::Small,
        };
        // `McDonald`, `O'Brien` and `Jean-Luc` have humps; `getName` and `HTTPServer` are no names.
        let typed = humps > 1 && !text[start..end].contains(['-', '\'', '’'])
            || humps >= 9
            || shape == Shape::Small && upper > 0;
        let dotted = shape == Shape::Small && (next == Some('.') || before == '.');
        words.push(Word { start, end, shape, bound: (glued || open || typed) && !dotted || typed });
        before = last;
    }
    words
}
