//! Values whose names stand elsewhere: the columns of an `INSERT`, the parameters of a statement, the head of a table.

use std::sync::LazyLock;

use super::{
    fields::Field,
    keys,
    page::{Page, Span},
    patterns::{Pattern, compiled},
    values,
};

/// Columns before their values: of an `INSERT`, and as databases tell of a violated key.
static COLUMNS: Pattern = LazyLock::new(|| {
    compiled(
        r"(?i)(?:\binto\s+[^\s(]+\s*|\bkey\s*|\bcopy\s+[^\s(]+\s*)(\([^()]{1,2000}\))\s*(?:values\s*|=\s*|output[^(]{0,80}values\s*)",
    )
});
/// A comparison that is no sign: the first group is the column.
static COMPARED: Pattern = LazyLock::new(|| {
    compiled(
        r#"(?i)([\w.$]+)["`\]]?\)?\s+(?:not\s+)?(?:i?like|rlike|regexp|similar to|in|between|is|contains)\s*\(?\s*(?:lower|upper|trim)?\(?(?:'|\\')"#,
    )
});
/// A column with a place for a value.
static HOLE: Pattern = LazyLock::new(|| {
    compiled(r#"(?i)([\w.$]+)["`\]]?\)?\s*(?:=|<>|!=|<=|>=|<|>|\blike|\bilike)\s*(?:\?|\$\d+|%s|:\w+|@\w+)"#)
});
/// Lists of parameters behind a statement.
static PARAMETERS: Pattern = LazyLock::new(|| {
    compiled(
        r"(?i)\b(?:params?|parameters|args|arguments|binds?|bindings|binding|values|with)\b[\w ]{0,12}[:=]*\s*([\[(])",
    )
});

/// The columns of a table and what stands between them.
#[derive(Debug, Clone)]
pub(super) struct Head {
    keys: Vec<String>,
    sign: char,
    /// Its names stand behind a blank.
    spaced: bool,
}

/// The identifiers in rows of SQL.
pub(super) fn find(page: &Page, found: &mut Vec<Span>) {
    let text = page.text.as_str();
    let mut columns: Vec<String> = Vec::new();
    for insert in COLUMNS.iter().flat_map(|columns| columns.captures_iter(text)) {
        let (Some(whole), Some(list)) = (insert.get(0), insert.get(1)) else { continue };
        let named: Vec<String> = list
            .as_str()
            .trim_matches(['(', ')'])
            .split(',')
            .map(|name| name.trim().trim_matches(['"', '`', '[', ']', '\\', '\'']).to_owned())
            .collect();
        let mut at = whole.end();
        // One tuple after the other.
        while text[at..].starts_with('(') {
            let (items, end) = list_at(text, at, ')');
            tell(page, &named, &items, found);
            let rest = &text[end..];
            let gap = rest.len() - rest.trim_start_matches([',', ' ', '\n', '\t']).len();
            if gap == 0 {
                break;
            }
            at = end + gap;
        }
        columns = named;
    }
    if columns.is_empty() {
        columns = HOLE
            .iter()
            .flat_map(|hole| hole.captures_iter(text))
            .filter_map(|hole| hole.get(1))
            .map(|name| name.as_str().to_owned())
            .collect();
    }
    if !columns.is_empty() {
        for list in PARAMETERS.iter().flat_map(|list| list.captures_iter(text)) {
            let Some(open) = list.get(1) else { continue };
            let close = if open.as_str() == "[" { ']' } else { ')' };
            let (items, _) = list_at(text, open.start(), close);
            if items.len() == columns.len() {
                tell(page, &columns, &items, found);
            }
        }
    }
    for compared in COMPARED.iter().flat_map(|compared| compared.captures_iter(text)) {
        let (Some(whole), Some(column)) = (compared.get(0), compared.get(1)) else { continue };
        let mut at = whole.end() - 1;
        let mut quoted = 0;
        while text[at..].starts_with('\'') && quoted < 32 {
            let Some(length) = text[at + 1..].find('\'') else { break };
            let (start, end) = (at + 1, at + 1 + length);
            let bare = text[start..end].trim_matches(['%', '_', '\\']);
            let start = start + text[start..end].find(bare).unwrap_or_default();
            tell(page, &[column.as_str().to_owned()], &[(start, start + bare.len(), true)], found);
            let rest = &text[end + 1..];
            let gap = ["'", ", '", ",'", " and '", " AND '", " , '"].iter().find(|gap| rest.starts_with(**gap));
            let Some(gap) = gap.filter(|gap| gap.len() > 1) else { break };
            at = end + gap.len();
            quoted += 1;
        }
    }
}

/// Judges values by their columns.
fn tell(page: &Page, columns: &[String], items: &[(usize, usize, bool)], found: &mut Vec<Span>) {
    for (key, (start, end, closed)) in columns.iter().zip(items) {
        if start >= end {
            continue;
        }
        let field = Field {
            named: keys::named(key),
            key: key.clone(),
            above: Vec::new(),
            start: *start,
            end: *end,
            closed: *closed || !page.text[*start..*end].contains(' '),
            prose: false,
        };
        values::judge(page, &field, found);
    }
}

/// The items of a list in brackets, and where it ends.
fn list_at(text: &str, open: usize, close: char) -> (Vec<(usize, usize, bool)>, usize) {
    let mut items = Vec::new();
    let (mut start, mut quote, mut depth) = (open + 1, None, 0);
    let mut letters = text[open + 1..].char_indices().take(64 << 10).peekable();
    let mut end = text.len();
    while let Some((at, c)) = letters.next() {
        let at = open + 1 + at;
        match (quote, c) {
            (Some(_), '\\') => {
                letters.next();
            }
            (Some(sign), c) if c == sign => {
                if letters.peek().is_some_and(|(_, next)| *next == sign) {
                    letters.next();
                } else {
                    quote = None;
                }
            }
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, c) if depth == 0 && (c == close || c == ',') => {
                items.push(item(text, start, at));
                start = at + 1;
                if c == close {
                    end = at + 1;
                    break;
                }
            }
            (None, ')' | ']' | '}') => depth -= 1,
            _ => {}
        }
    }
    (items, end)
}

/// An item without its blanks and quotes.
fn item(text: &str, start: usize, end: usize) -> (usize, usize, bool) {
    let whole = &text[start..end];
    let lead = whole.len() - whole.trim_start().len();
    let bare = whole.trim();
    let prefixed = bare.strip_prefix(['N', 'E', 'b', 'u']).filter(|rest| rest.starts_with('\''));
    let (skip, bare) = prefixed.map_or((0, bare), |rest| (1, rest));
    let from = start + lead + skip;
    for quote in ['\'', '"'] {
        if bare.len() > 1 && bare.starts_with(quote) && bare.ends_with(quote) {
            return (from + 1, from + bare.len() - 1, true);
        }
    }
    (from, from + bare.len(), false)
}

impl Head {
    /// The head of a table, if a line is one: names of columns, of which at least two name identifiers.
    pub(super) fn read(line: &str) -> Option<Self> {
        let line = line.trim_start_matches('\u{feff}').trim();
        let sign = [',', '\t', ';', '|'].into_iter().max_by_key(|sign| line.matches(*sign).count())?;
        if line.len() > 4096 || line.matches(sign).count() < 1 {
            return None;
        }
        let keys: Vec<String> = line.split(sign).map(|key| key.trim().trim_matches(['"', '\'']).to_owned()).collect();
        let key = |key: &String| {
            !key.is_empty()
                && key.len() < 48
                && key
                    .chars()
                    .all(|c| c.is_alphabetic() || matches!(c, '_' | ' ' | '-' | '.' | '/' | '#') || c.is_ascii_digit())
                && key.starts_with(char::is_alphabetic)
                && key.split(' ').count() < 5
        };
        let named = keys.iter().filter(|key| keys::named(key).is_some()).count();
        (keys.iter().all(key) && named >= 2 && named * 3 >= keys.len()).then(|| Self {
            spaced: line.contains(&format!("{sign} ")),
            keys,
            sign,
        })
    }

    /// The identifiers of a row below the head; `false` when a line has other columns.
    pub(super) fn row(&self, page: &Page, found: &mut Vec<Span>) -> bool {
        let text = page.text.as_str();
        let (mut items, mut start, mut quoted) = (Vec::new(), 0, false);
        for (at, c) in text.char_indices().chain([(text.len(), self.sign)]) {
            if c == '"' {
                quoted = !quoted;
            } else if c == self.sign && !quoted || at == text.len() {
                items.push(item(text, start, at));
                start = at + c.len_utf8();
            }
        }
        // Prose has a blank behind its commas.
        let prose = |(start, ..): &(usize, usize, bool)| *start > 0 && text[..*start].ends_with(' ');
        let fits = items.len() == self.keys.len() && (self.spaced || !items.iter().any(prose));
        if fits {
            let closed: Vec<_> = items.iter().map(|(start, end, _)| (*start, *end, true)).collect();
            tell(page, &self.keys, &closed, found);
        }
        fits
    }
}
