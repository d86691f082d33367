//! Lines one after the other: what one says about the next. The head of a table names the columns below it, a private key goes on
//! until its end, containers of a document stay open, and a note goes on about the same person.

use super::{
    Class, Found, PseudonymKey, Redactor, Removed,
    fields::Nest,
    page::{PERSON, Page, Span},
    rows::Head,
};

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
    /// Whether a line goes on about the person of the line before: it has no time of its own, and is no document of its own.
    pub(super) fn continues(&self, page: &Page) -> bool {
        self.person && page.stamp == 0 && !page.text.trim_start().is_empty()
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
        if self.key > 0 {
            let end = page.text.find("-----END").map_or(page.text.len(), |end| page.text[end..].find("KEY").map_or(page.text.len(), |key| end + key));
            found.push(Span { class: Class::Secret, start: 0, end });
        }
        if let Some(head) = &self.head {
            head.row(page, found);
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
}

impl<'r> Stream<'r> {
    /// A stream of lines that begins.
    #[must_use]
    pub fn new(redactor: &'r Redactor) -> Self {
        Self { redactor, key: None, before: Before::default(), removed: Removed::new() }
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
        let found = if head.is_some() { Vec::new() } else { self.redactor.find_in(body, &mut self.before) };
        if head.is_some() {
            self.before = Before { head, ..Before::default() };
        }
        if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY") && !line.contains("-----END ") {
            self.before.key = KEY_LINES;
        } else if self.before.key > 0 {
            self.before.key = if line.contains("-----END ") { 0 } else { self.before.key - 1 };
        }
        for one in &found {
            *self.removed.entry(self.redactor.name(one.class).to_owned()).or_default() += 1;
        }
        found
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
