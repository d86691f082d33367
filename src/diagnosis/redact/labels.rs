//! Numbers and codes in running text, by the words before them: `her account number is 4471-2201`, `MRN# 00123`.

use std::sync::LazyLock;

use super::{
    class::Class,
    keys::{self, Says},
    page::{Page, Span},
    patterns::{Pattern, compiled},
};

/// Words that may stand between what names a number and the number.
const BETWEEN: &str = " is was are of the a an number no num nbr nr id ids value to as with her his their my your has had on file for reads \
    ending ends in last four digits digit at current new old under using from by code be been following listed recorded confirmed updated \
    verified that this says provided gave assigned issued matched identified identifier numbers and or via given s it reading ref reference \
    which registered stored shows showing labelled labeled marked string key ";
/// Words that say that a number is the number of something.
const NUMBERED: &str = " number no num nbr nr id numbers ids identifier code ref reference ";
/// Units and the like: such a number measures.
const UNITS: &str = " ms s sec secs seconds min mins minutes h hr hrs hours days day weeks months years b kb mb gb tb kib mib gib bytes byte rows row \
    records lines items entries percent mg ml mcg g kg lb lbs mmhg bpm cm mm in ft rpm hz khz mhz ghz usd eur dollars times requests \
    retries attempts connections users patients threads tasks units x ";

/// Parts of the words that name a number.
static HINTS: Pattern = LazyLock::new(|| {
    compiled(concat!(
        r"(?i)\b(?:patient|pt\b|ssn|retina|iris|biometric|finger|voice|face|palm|imei|implant|pacemaker|encounter|visit|accession|specimen|claim|badge|social|mrn|record|chart|member|policy|plan|subscriber|benefi|insur|group|",
        r"medicare|medicaid|mbi|account|acct|card|routing|iban|licen|npi|dea|passport|vin\b|plate|vehicle|",
        r"phone|tel\b|telephone|mobile|cell|fax|pager|call|zip|postal|certificate|bank|security|tax|hospital|",
        r"claim|sin\b|nhs|aadhaar)"
    ))
});

/// How many bytes before a number are looked at.
const BEFORE: usize = 96;

/// Numbers that the words before them name.
pub(super) fn find(page: &Page, found: &mut Vec<Span>) {
    // Nearly no line has a word that could say what its numbers are.
    if !page.person && !HINTS.as_ref().is_some_and(|hints| hints.is_match(&page.text)) {
        return;
    }
    let bytes = page.text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let start = at;
        let (mut digits, mut letters) = (0, 0);
        while at < bytes.len() {
            let b = bytes[at];
            let inner = matches!(b, b'-' | b'.' | b'/' | b'*' | b'_' | b'#')
                && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
            if b.is_ascii_digit() {
                digits += 1;
            } else if b.is_ascii_alphabetic() {
                letters += 1;
            } else if !inner {
                break;
            }
            at += 1;
        }
        if digits < 2 || at - start > 64 || start < page.stamp {
            continue;
        }
        if let Some(class) = class_of(page, start, at, digits, letters) {
            at = groups(bytes, at, digits);
            found.push(Span { class, start, end: at });
        }
    }
}

/// Further groups of the same number, apart by blanks.
fn groups(bytes: &[u8], mut end: usize, digits: usize) -> usize {
    let mut total = digits;
    while total < 19 && bytes.get(end) == Some(&b' ') {
        let group =
            bytes[end + 1..].iter().take(12).take_while(|b| b.is_ascii_digit() || b.is_ascii_uppercase()).count();
        let numbers = bytes[end + 1..end + 1 + group].iter().filter(|b| b.is_ascii_digit()).count();
        let edge = bytes
            .get(end + 1 + group)
            .is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b':' && *b != b'/' && *b != b'-');
        if numbers < 2 || group > 7 || !edge {
            break;
        }
        total += numbers;
        end += 1 + group;
    }
    end
}

fn class_of(page: &Page, start: usize, end: usize, digits: usize, letters: usize) -> Option<Class> {
    let before = page.before(start, BEFORE);
    // Only what stands in the same sentence says something.
    let sentence = before.rfind(['\n', ';', '|', '{', '}', '\u{1}', '\u{2}']).map_or(0, |place| place + 1);
    let sentence = before[sentence..]
        .rfind(". ")
        .filter(|place| !before[sentence..][..*place].ends_with("no"))
        .map_or(sentence, |place| sentence + place + 2);
    let before = &before[sentence..];
    if before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '/' | '-' | '@' | '$' | '\\')) {
        return None;
    }
    let words = keys_words(before);
    let mut rest: &[String] = &words;
    let mut numbered = before.trim_end().ends_with('#');
    let mut skipped = 0;
    while let [head @ .., last] = rest {
        if skipped == 6 || !between(last) {
            break;
        }
        numbered |= listed(NUMBERED, last);
        rest = head;
        skipped += 1;
    }
    let tail: Vec<&str> = rest[rest.len().saturating_sub(4)..].iter().map(String::as_str).collect();
    let last = *tail.last()?;
    let following = page.after(end, 12);
    let unit: String = following.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    let value = &page.text[start..end];
    let measured = !unit.is_empty() && listed(UNITS, &unit.to_lowercase())
        || following.starts_with('%')
        || value.contains('.') && letters == 0 && digits < 9 && value.matches('.').count() == 1;
    if measured {
        return None;
    }
    if matches!(last, "patient" | "pt" | "patients") && digits >= 4 {
        return Some(Class::Mrn);
    }
    let with = |more: &str| {
        let mut words = tail.clone();
        words.push(more);
        keys::of_words(&words)
    };
    let plain = keys::of_words(&tail);
    let named = if numbered { with("number").or_else(|| with("id")).or(plain) } else { plain };
    let (class, says) = named?;
    let fits = match class {
        Class::Ssn => digits >= 4,
        Class::Mrn => digits >= 3 && says == Says::Surely,
        Class::Phone | Class::Fax => digits >= 7 && letters == 0,
        Class::Zip => (5..=9).contains(&digits),
        Class::Plan
        | Class::Account
        | Class::Licence
        | Class::Vehicle
        | Class::Device
        | Class::Id
        | Class::Biometric => {
            digits >= 3
                && says == Says::Surely
                && (page.person || person_like(class) && (numbered && digits >= 4 || digits >= 8))
        }
        _ => false,
    };
    fits.then_some(class)
}

/// Classes whose names machines do not use for something else.
fn person_like(class: Class) -> bool {
    !matches!(class, Class::Device | Class::Id)
}

fn keys_words(before: &str) -> Vec<String> {
    let mut words: Vec<String> = before
        .rsplit(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(10)
        .map(str::to_lowercase)
        .collect();
    words.reverse();
    words
}

fn between(word: &str) -> bool {
    listed(BETWEEN, word)
}

fn listed(list: &str, word: &str) -> bool {
    list.match_indices(word).any(|(at, _)| {
        list.as_bytes()[at - usize::from(at > 0)] == b' ' && list.as_bytes().get(at + word.len()) == Some(&b' ')
    })
}
