//! Lines one after the other: what one says about the next. The head of a table names the columns below it, a private key goes on
//! until its end, containers of a document stay open, and a note goes on about the same person.

use super::{
    Class, Found, PseudonymKey, Redactor, Removed,
    fields::Nest,
    page::{OTHER, PERSON, Page, Span},
    rows::Head,
};

/// How much of a line without end is looked at ahead of where it is cut: no identifier is longer, but for keys and pictures.
const AHEAD: usize = 8 << 10;
/// Lines at most that a private key may have.
const KEY_LINES: usize = 200;

/// What earlier lines say about the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    nest: Nest,
    after: Nest,
    head: Option<Head>,
    /// Lines of a private key that may still come.
    key: usize,
    /// The line before was about a person.
    person: bool,
}

impl Before {
    /// Whether a line goes on about the person of the line before: it is indented, or the next segment of a message.
    pub(super) fn continues(&self, page: &Page) -> bool {
        let segment =
            || page.text.as_bytes().get(3) == Some(&b'|') && page.text.starts_with(|c: char| c.is_ascii_uppercase());
        self.person && (page.text.starts_with([' ', '\t']) || segment())
    }

    /// The containers that are open at the beginning of a line.
    pub(super) fn nest(&self) -> Nest {
        self.nest.clone()
    }

    pub(super) fn keep(&mut self, nest: Nest) {
        self.after = nest;
    }

    /// What a row of a table holds.
    pub(super) fn row(&mut self, page: &Page, found: &mut Vec<Span>) {
        if self.key > 0 && !page.text.contains(OTHER) {
            let end = page.text.find("-----END").map(|end| end + 8);
            let end = end.and_then(|from| page.text[from..].find("-----").map(|end| from + end + 5));
            found.push(Span { class: Class::Secret, start: 0, end: end.unwrap_or(page.text.len()) });
        }
        // A line with other columns ends the table.
        if self.head.as_ref().is_some_and(|head| !head.row(page, found)) {
            self.head = None;
        }
    }

    /// Takes note of a line that was read.
    pub(super) fn leave(&mut self, page: &Page) {
        self.nest = std::mem::take(&mut self.after);
        self.person = page.text.contains(PERSON) || page.person;
    }
}

/// Takes identifiers out of lines, one after the other.
#[derive(Debug, Clone)]
pub struct Stream<'r> {
    redactor: &'r Redactor,
    key: Option<PseudonymKey>,
    before: Before,
    removed: Removed,
    /// What was found at the very end of a piece, and is longer than it.
    goes_on: Option<Class>,
}

impl<'r> Stream<'r> {
    /// A stream of lines that begins.
    #[must_use]
    pub fn new(redactor: &'r Redactor) -> Self {
        Self { redactor, key: None, before: Before::default(), removed: Removed::new(), goes_on: None }
    }

    /// With pseudonyms in place of bare classes.
    #[must_use]
    pub fn with_key(self, key: PseudonymKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// What the next line holds.
    pub fn find(&mut self, line: &str) -> Vec<Found> {
        // A line that begins anew closes what was left open.
        if !self.before.nest.is_empty() && !line.starts_with([' ', '\t', '}', ']', ')', '<']) {
            self.before.nest = Nest::default();
        }
        let head = Head::read(line);
        let body = line.trim_end_matches(['\n', '\r']);
        let found = self.redactor.find_in(body, &mut self.before);
        if head.is_some() {
            self.before.head = head;
        }
        if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY") && !line.contains("-----END ") {
            self.before.key = KEY_LINES;
        } else if self.before.key > 0 {
            self.before.key = if line.contains("-----END ") { 0 } else { self.before.key - 1 };
        }
        self.count(&found);
        found
    }

    /// The beginning of a line that is too long to be held, behind `lead` bytes that were told before and only say what the
    /// rest is about: what it holds, and where it may be cut so that no identifier is split.
    /// The `last` piece of a line is not cut.
    pub fn piece(&mut self, text: &str, lead: usize, last: bool) -> (Vec<Found>, usize) {
        let mut found = self.redactor.find_in(text, &mut self.before);
        self.before.nest = Nest::default();
        // What reached the end of the piece before goes on to the next sign that ends a value.
        let mut start = lead;
        if let Some(class) = self.goes_on.take() {
            let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ',' | ';' | '}' | ']');
            start = text[lead..].find(ends).map_or(text.len(), |end| lead + end);
            found.push(Found { class, start: lead, end: start });
        }
        found.retain_mut(|one| {
            one.start = if one.end == start { one.start } else { one.start.max(start) };
            one.start >= lead && one.start < one.end
        });
        found.sort_by_key(|one| one.start);
        found.dedup_by(|next, one| next.start < one.end);
        let cut = if last { text.len() } else { cut(text, lead, &found) };
        found.retain(|one| one.start < cut);
        self.goes_on =
            found.last().filter(|one| !last && one.end == text.len() && cut == text.len()).map(|one| one.class);
        self.count(&found);
        (found, cut)
    }

    fn count(&mut self, found: &[Found]) {
        for one in found {
            *self.removed.entry(self.redactor.name(one.class).to_owned()).or_default() += 1;
        }
    }

    /// The next line without them.
    pub fn redact(&mut self, line: &str) -> String {
        let found = self.find(line);
        self.redactor.render(line, &found, self.key.as_ref())
    }

    /// What was taken out so far, by class.
    #[must_use]
    pub fn removed(&self) -> &Removed {
        &self.removed
    }
}

/// Where a text may be cut: at the last blank or comma well before its end that is in nothing that was found. What goes on
/// beyond the end of the text ends with it.
fn cut(text: &str, lead: usize, found: &[Found]) -> usize {
    let mut last = text.len().saturating_sub(AHEAD).max(lead + 1).min(text.len());
    while !text.is_char_boundary(last) {
        last += 1;
    }
    let within = |at: usize| found.iter().find(|one| one.start < at && at < one.end);
    let parts = |(at, c): &(usize, char)| {
        c.is_whitespace() || matches!(c, ',' | ';' | '&' | '|' | '>') && within(*at + 1).is_none()
    };
    let blank = text[..last].char_indices().rev().take_while(|(at, _)| *at > lead).filter(parts);
    if let Some((at, c)) =
        blank.take(AHEAD).find(|(at, c)| within(*at).is_none() && within(at + c.len_utf8()).is_none())
    {
        return at + c.len_utf8();
    }
    within(last).map_or(last, |one| one.end)
}
