//! Places in a text where a value goes: `{name}`. Braces around anything else stand for themselves, so that JSON needs no escapes.

/// The names for which a text has places, in their order.
pub fn places(text: &str) -> impl Iterator<Item = &str> {
    parts(text).filter_map(|part| match part {
        Part::Place(name) => Some(name),
        Part::Text(_) => None,
    })
}

/// The text with what `value` gives for each name; where it gives nothing, the place stays as it is.
pub fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    for part in parts(text) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Place(name) => match value(name) {
                Some(value) => filled.push_str(&value),
                None => filled.extend(["{", name, "}"]),
            },
        }
    }
    filled
}

enum Part<'a> {
    Text(&'a str),
    Place(&'a str),
}

fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(name) = place(rest) {
            rest = &rest[name.len() + 2..];
            return Some(Part::Place(name));
        }
        // The first character is no place; the next brace may begin one.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find('{').map_or(rest.len(), |found| first + found);
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Part::Text(text))
    })
}

fn place(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    is_name(name).then_some(name)
}

/// Whether a place can have this name.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_in_braces_are_places() {
        let text = "{{\"id\": {id}, \"ü\": {}, {Id} {id_2} {unknown}{id}} {";
        assert_eq!(places(text).collect::<Vec<_>>(), ["id", "id_2", "unknown", "id"]);
        let filled = fill(text, |name| (name != "unknown").then(|| "7".to_owned()));
        assert_eq!(filled, "{{\"id\": 7, \"ü\": {}, {Id} 7 {unknown}7} {");
        assert_eq!(fill("", |_| None), "");
    }
}
