//! What a form is: its fields, what they hold, and what each takes from the keyboard.

use std::borrow::Cow;

use super::Writing;
use crate::{
    domain::{Command, Severity},
    tui::{decision, model::Model, preview::Foreseen, term::input::Key, written::Written},
};

/// Something that is written before it is sent.
#[derive(Debug, Clone)]
pub struct Form {
    /// What it is for.
    pub purpose: Writing,
    /// Its fields, in the order of `Tab`.
    pub fields: Vec<Field>,
    /// The field with the cursor.
    pub at: usize,
    /// What will happen, while that is looked at before it is asked for.
    pub review: Option<Review>,
    /// It was begun before, and left or not accepted.
    pub is_draft: bool,
    /// The hash of the plan that was on the screen when it was opened, and its round.
    pub seen: Option<(String, u32)>,
}

/// What will happen, shown before it is asked for.
#[derive(Debug, Clone)]
pub struct Review {
    /// In words.
    pub foreseen: Foreseen,
    /// What is asked for.
    pub commands: Vec<Command>,
}

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// What it is called.
    pub label: Cow<'static, str>,
    /// What belongs in it, shown while it is empty.
    pub about: Cow<'static, str>,
    /// What it holds.
    pub kind: Kind,
}

/// What a field holds.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Text.
    Text(Written),
    /// How bad it is.
    Severity(Severity),
    /// Any number of services.
    Services(Chosen),
    /// One of a few.
    Choice(Pick),
}

/// One of a few, each with how it is said.
#[derive(Debug, Clone, Default)]
pub struct Pick {
    /// Its value, and what is shown for it.
    pub options: Vec<(String, String)>,
    /// The chosen one.
    pub at: usize,
}

/// Services that are chosen, and what the list of them is narrowed to.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// In the order in which they were chosen.
    pub names: Vec<String>,
    /// What the list is narrowed to.
    pub filter: Written,
    /// The row of the list with the cursor.
    pub at: usize,
}

impl Form {
    pub(super) fn new(purpose: Writing, fields: Vec<Field>) -> Self {
        Self { purpose, fields, at: 0, review: None, is_draft: false, seen: None }
    }

    /// What a field of text holds.
    #[must_use]
    pub fn text(&self, label: &str) -> String {
        let field = self.fields.iter().find(|field| field.label == label);
        match field.map(|field| &field.kind) {
            Some(Kind::Text(written)) => written.text().trim().to_owned(),
            _ => String::new(),
        }
    }

    /// Writes into a field of text.
    pub fn fill(&mut self, label: &str, text: &str) {
        let field = self.fields.iter_mut().find(|field| field.label == label);
        if let Some(Kind::Text(written)) = field.map(|field| &mut field.kind) {
            written.paste(text);
        }
    }

    /// The value of what was chosen of a few.
    #[must_use]
    pub fn choice(&self, label: &str) -> String {
        let field = self.fields.iter().find(|field| field.label == label);
        match field.map(|field| &field.kind) {
            Some(Kind::Choice(pick)) => pick.options.get(pick.at).map(|(value, _)| value.clone()).unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// Chooses one of a few by its value.
    pub fn pick(&mut self, label: &str, value: &str) {
        let field = self.fields.iter_mut().find(|field| field.label == label);
        if let Some(Kind::Choice(pick)) = field.map(|field| &mut field.kind) {
            pick.at = pick.options.iter().position(|(known, _)| known == value).unwrap_or(pick.at);
        }
    }

    /// What can be chosen now; what was chosen before stays so, where it still can be.
    pub(super) fn offer(&mut self, model: &Model) {
        let purpose = self.purpose.clone();
        for field in &mut self.fields {
            let Kind::Choice(pick) = &mut field.kind else { continue };
            let held = pick.options.get(pick.at).map(|(value, _)| value.clone());
            pick.options = decision::choices(model, &purpose, &field.label);
            pick.at = pick.options.iter().position(|(value, _)| Some(value) == held.as_ref()).unwrap_or(0);
        }
        // Where there is nothing to choose between, nothing is asked.
        if matches!(purpose, Writing::Approve(_)) {
            self.fields.retain(|field| !matches!(&field.kind, Kind::Choice(pick) if pick.options.len() < 2 && pick.options.iter().all(|(value, _)| value.is_empty())));
        }
        if let Writing::EditArticle(name) = &purpose {
            let article = model.state.knowledge.articles.get(name);
            self.seen = article.map(|article| (name.clone(), article.version));
            return;
        }
        let change = purpose.change().and_then(|id| model.state.changes.get(&id));
        self.seen = change.map(|change| (change.plan_hash.clone(), change.round));
        self.at = self.at.min(self.fields.len().saturating_sub(1));
    }

    /// What the field with the cursor holds, where that may be several lines.
    #[must_use]
    pub fn page(&self) -> Option<String> {
        match self.fields.get(self.at).map(|field| &field.kind) {
            Some(Kind::Text(written)) if written.has_lines() => Some(written.text()),
            _ => None,
        }
    }

    /// Writes the field with the cursor anew; says how much did not fit.
    pub fn rewrite(&mut self, text: &str) -> Option<String> {
        match self.fields.get_mut(self.at).map(|field| &mut field.kind) {
            Some(Kind::Text(written)) => {
                written.clear();
                written.paste(text.trim_end())
            }
            _ => None,
        }
    }

    /// The services chosen.
    #[must_use]
    pub fn services(&self) -> &[String] {
        self.fields
            .iter()
            .find_map(|field| match &field.kind {
                Kind::Services(chosen) => Some(chosen.names.as_slice()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// Takes a service, or lets it go.
    pub fn toggle(&mut self, service: &str) {
        for field in &mut self.fields {
            let Kind::Services(chosen) = &mut field.kind else { continue };
            match chosen.names.iter().position(|name| name == service) {
                Some(place) => drop(chosen.names.remove(place)),
                None => chosen.names.push(service.to_owned()),
            }
        }
    }

    /// Says how bad it is, and goes on there.
    pub fn grade(&mut self, chosen: Severity) {
        for (place, field) in self.fields.iter_mut().enumerate() {
            if let Kind::Severity(severity) = &mut field.kind {
                *severity = chosen;
                self.at = place;
            }
        }
    }

    pub(in crate::tui) fn severity(&self) -> Severity {
        let chosen = self.fields.iter().find_map(|field| match field.kind {
            Kind::Severity(severity) => Some(severity),
            _ => None,
        });
        chosen.unwrap_or(Severity::Sev2)
    }

    /// Nothing was written or chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services().is_empty()
            && self.fields.iter().all(|field| match &field.kind {
                Kind::Text(written) => written.text().trim().is_empty(),
                Kind::Severity(_) | Kind::Services(_) | Kind::Choice(_) => true,
            })
    }

    /// Takes pasted text as one insertion; says how much of it did not fit.
    pub fn paste(&mut self, pasted: &str) -> Option<String> {
        if self.review.is_some() {
            return None;
        }
        match &mut self.fields.get_mut(self.at)?.kind {
            Kind::Text(written) => written.paste(pasted),
            Kind::Services(chosen) => chosen.filter.paste(pasted),
            Kind::Severity(_) | Kind::Choice(_) => None,
        }
    }

    /// Nothing stands in it that does not stand in the other.
    pub(super) fn says_no_more_than(&self, other: &Self) -> bool {
        self.services() == other.services()
            && self.fields.iter().all(|field| self.text(&field.label) == other.text(&field.label))
    }

    /// The first field whose label it is gets the cursor.
    pub(super) fn turn_to(&mut self, label: &str) {
        if let Some(place) = self.fields.iter().position(|field| field.label == label) {
            self.at = place;
        }
    }
}

impl Pick {
    /// Goes on to the next that begins with a letter, if one does.
    fn turn_to(&mut self, letter: char) {
        let many = self.options.len();
        let begins = |place: &usize| self.options.get(*place).is_some_and(|(_, shown)| shown.starts_with(letter));
        let next = (1..=many).map(|step| (self.at + step) % many).find(begins);
        self.at = next.unwrap_or(self.at);
    }
}

impl Chosen {
    /// The services that the list shows, the worst first.
    #[must_use]
    pub fn found<'a>(&self, model: &'a Model) -> Vec<&'a str> {
        let wanted = self.filter.text().trim().to_lowercase();
        let services = model.state.platform.services.iter().map(|service| service.name.as_str());
        let mut found: Vec<&str> = services.filter(|name| name.to_lowercase().contains(&wanted)).collect();
        found.sort_by_cached_key(|name| std::cmp::Reverse(model.urgency(name)));
        found
    }
}

/// Takes a key for the field with the cursor; says why it was not taken.
pub(super) fn on_field_key(model: &Model, form: &mut Form, key: Key) -> Option<String> {
    let last = form.fields.len() - 1;
    match &mut form.fields.get_mut(form.at)?.kind {
        Kind::Text(written) => match key {
            // In one line there is no line above.
            Key::Up if !written.has_lines() => form.at = form.at.saturating_sub(1),
            Key::Down if !written.has_lines() => form.at = (form.at + 1).min(last),
            key => return written.key(key).err(),
        },
        Kind::Severity(severity) => {
            let place = usize::from(severity.number() - 1);
            let place = match key {
                Key::Char(digit @ '1'..='4') => digit as usize - '1' as usize,
                Key::Down | Key::Right | Key::Char('j') => place + 1,
                Key::Up | Key::Left | Key::Char('k') => place.saturating_sub(1),
                _ => place,
            };
            *severity = Severity::ALL[place.min(Severity::ALL.len() - 1)];
        }
        Kind::Choice(pick) => {
            let most = pick.options.len().saturating_sub(1);
            match key {
                Key::Down | Key::Right | Key::Char('j') => pick.at = (pick.at + 1).min(most),
                Key::Up | Key::Left | Key::Char('k') => pick.at = pick.at.saturating_sub(1),
                Key::Char(digit @ '1'..='9') => pick.at = (digit as usize - '1' as usize).min(most),
                Key::Char(letter) => pick.turn_to(letter),
                _ => {}
            }
        }
        Kind::Services(chosen) => {
            let found = chosen.found(model);
            match key {
                Key::Down => chosen.at = (chosen.at + 1).min(found.len().saturating_sub(1)),
                Key::Up => chosen.at = chosen.at.saturating_sub(1),
                Key::Char(' ') => {
                    let name = found.get(chosen.at).map(|name| (*name).to_owned());
                    chosen.filter.clear();
                    chosen.at = 0;
                    match name {
                        Some(name) => form.toggle(&name),
                        None => return Some("no service of that name".to_owned()),
                    }
                }
                Key::Backspace if chosen.filter.text().is_empty() => drop(chosen.names.pop()),
                key => {
                    chosen.at = 0;
                    return chosen.filter.key(key).err();
                }
            }
        }
    }
    None
}
