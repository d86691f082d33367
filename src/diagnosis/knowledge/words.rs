//! Cuts texts into terms: words in small letters, names both whole and in their parts.

/// A term is cut after so many letters: nobody searches for more, and a blob of letters fills no memory.
const LONGEST: usize = 40;

/// Words that every text has.
const COMMON: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "have", "if", "in", "is", "it", "its", "of",
    "on", "or", "that", "the", "then", "there", "this", "to", "was", "were", "when", "which", "will", "with",
];

/// The terms of a text in its order. `ConnectionPool.acquire_timeout` gives the whole name and each of its parts; what stands in
/// parts stands next to each other, so that a name of several words is found in every way of writing it.
pub fn terms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in text.split(|c: char| !(c.is_alphanumeric() || "_.:-/'".contains(c))) {
        let name = name.trim_matches(|c: char| !c.is_alphanumeric());
        if name.is_empty() {
            continue;
        }
        let parts = parts(name);
        if parts.len() > 1 && name.len() <= LONGEST {
            found.push(name.to_lowercase());
        }
        found.extend(parts.into_iter().filter(|part| !COMMON.contains(&part.as_str())));
    }
    found
}

/// The parts of a name: at its punctuation, at `camelCase`, and between letters and digits where both are long enough to mean
/// something alone.
fn parts(name: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let letters: Vec<char> = name.chars().collect();
    let end = |part: &mut String, parts: &mut Vec<String>| {
        if !part.is_empty() {
            parts.push(stem(&std::mem::take(part)));
        }
    };
    for (place, letter) in letters.iter().copied().enumerate() {
        if !letter.is_alphanumeric() {
            // The apostrophe of "it's" is no end of a word.
            if letter != '\'' {
                end(&mut part, &mut parts);
            }
            continue;
        }
        let before = place.checked_sub(1).and_then(|before| letters.get(before)).copied().unwrap_or(' ');
        let after = letters.get(place + 1).copied().unwrap_or(' ');
        let hump = letter.is_uppercase()
            && (before.is_lowercase() || before.is_uppercase() && after.is_lowercase() && part.chars().count() > 1);
        if hump {
            end(&mut part, &mut parts);
        }
        if part.chars().count() < LONGEST {
            part.extend(letter.to_lowercase());
        }
    }
    end(&mut part, &mut parts);
    parts
}

/// A word without the ending of a plural.
fn stem(word: &str) -> String {
    let plural = word.len() > 3 && word.is_ascii() && !word.bytes().any(|byte| byte.is_ascii_digit());
    match word.strip_suffix('s') {
        Some(rest) if plural && !rest.ends_with(['s', 'u', 'i']) => match rest.strip_suffix("ie") {
            Some(root) if root.len() > 2 => format!("{root}y"),
            _ => match rest.strip_suffix('e').filter(|root| root.ends_with("sh") || root.ends_with('x')) {
                Some(root) => root.to_owned(),
                None => rest.to_owned(),
            },
        },
        _ => word.to_owned(),
    }
}
