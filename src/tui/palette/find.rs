//! Which entries are meant by what was typed.

use std::cmp::Reverse;

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use super::{
    entry::{Entry, Thing, is_page},
    told,
};
use crate::domain::SnapshotId;
use crate::tui::{
    action::{all, named},
    model::Model,
};

/// Rows that are shown at most.
const MOST: usize = 100;

/// Of what grows without end, the newest so many are looked through; an id finds its own at any age.
const NEWEST: usize = 500;

/// What a name that is typed in full is worth: more than any likeness.
const EXACT: u32 = 100_000;

/// What is worth that all words stand in what is said of something: less than any likeness of its name.
const SAID: u32 = 30;

/// What a thing that was chosen before is worth on top.
const REMEMBERED: u32 = 20;

/// What may be meant, the best first. With nothing typed: what was chosen last, then what can do something here, then the rest.
pub(super) fn found(model: &Model, typed: &str) -> Vec<Entry> {
    let trimmed = typed.trim();
    if trimmed.is_empty() {
        return with_nothing_typed(model);
    }
    if let Some(told) = told_entries(model, typed.trim_start()) {
        return told;
    }
    let (wanted, only_things) = match ["go to ", "goto ", "open "].iter().find_map(|word| trimmed.strip_prefix(word)) {
        Some(rest) => (rest.trim(), true),
        None => (trimmed, false),
    };
    let pattern = Pattern::parse(wanted, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, Entry)> = Vec::new();
    let words: Vec<String> = wanted.to_lowercase().split_whitespace().map(str::to_owned).collect();
    // A name is found by letters in their order, what is said of it by whole words: else everything is like everything.
    let mut weigh = |names: &str, about: &str, name: &str, entry: Entry| {
        let exact = if name.eq_ignore_ascii_case(wanted) { EXACT } else { 0 };
        let score = match pattern.score(Utf32Str::new(names, &mut buffer), &mut matcher) {
            Some(score) => 2 * score,
            None if says_all(about, &words) => SAID,
            None => return,
        };
        let remembered = if model.chosen.contains(&entry) { REMEMBERED } else { 0 };
        scored.push((score + exact + remembered, entry));
    };
    for action in all().filter(|action| !only_things || is_page(action.name)) {
        weigh(&format!("{} {}", action.label, action.name), action.about, action.name, Entry::Action(action.name));
    }
    for thing in things(model) {
        let name = thing.name();
        weigh(&name, &thing.about(model), &name, Entry::Thing(thing));
    }
    // Of equal likeness actions come first, then things as they stand.
    scored.sort_by_key(|(score, _)| Reverse(*score));
    let named = by_id(model, wanted);
    let rest = scored.into_iter().map(|(_, entry)| entry).filter(|entry| !named.contains(entry));
    named.iter().cloned().chain(rest).take(MOST).collect()
}

fn says_all(about: &str, words: &[String]) -> bool {
    let about = about.to_lowercase();
    words.iter().all(|word| about.contains(word.as_str()))
}

fn with_nothing_typed(model: &Model) -> Vec<Entry> {
    let chosen: Vec<Entry> = model.chosen.iter().cloned().collect();
    let (able, grey): (Vec<_>, Vec<_>) = all().partition(|action| action.why_not(model).is_none());
    let rest = able.into_iter().chain(grey).map(|action| Entry::Action(action.name));
    let rest: Vec<Entry> = rest.filter(|entry| !chosen.contains(entry)).collect();
    chosen.into_iter().chain(rest).take(MOST).collect()
}

/// The entries of a line that begins with the name of an action that takes words, and goes on.
fn told_entries(model: &Model, typed: &str) -> Option<Vec<Entry>> {
    let (name, words) = typed.split_once(char::is_whitespace)?;
    let action = named(&name.to_lowercase())?;
    let offers = told::offers(model, action.name)?;
    let words = words.trim_start();
    let (first, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    if first.is_empty() {
        let offered = offers.into_iter().map(|offer| Entry::Told(action.name, offer));
        return Some(std::iter::once(Entry::Action(action.name)).chain(offered).take(MOST).collect());
    }
    if offers.iter().any(|offer| offer.eq_ignore_ascii_case(first)) || told::is_free(action.name) {
        return Some(vec![Entry::Told(action.name, words.trim_end().to_owned())]);
    }
    let pattern = Pattern::parse(first, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut alike = pattern.match_list(offers, &mut matcher);
    alike.sort_by_key(|(offer, score)| (Reverse(*score), offer.len()));
    let whole = |offer: String| if rest.trim().is_empty() { offer } else { format!("{offer} {}", rest.trim()) };
    let told: Vec<Entry> =
        alike.into_iter().map(|(offer, _)| Entry::Told(action.name, whole(offer))).take(MOST).collect();
    // What is like nothing that is offered is still tried: an id may be older than what is offered.
    let as_typed = || vec![Entry::Told(action.name, words.trim_end().to_owned())];
    Some(if told.is_empty() { as_typed() } else { told })
}

/// What has exactly this id, of any age; a bare number may be several.
fn by_id(model: &Model, wanted: &str) -> Vec<Entry> {
    let id = wanted.replace(' ', "-");
    let state = &model.state;
    let known = |thing: Option<Thing>| thing.map(Entry::Thing);
    let is_snapshot = |id: &SnapshotId| state.snapshots.contains_key(id) || state.may_be_older(*id);
    let snapshot = id.parse().ok().filter(is_snapshot).map(Thing::Snapshot);
    [
        known(id.parse().ok().filter(|id| state.incidents.contains_key(id)).map(Thing::Incident)),
        known(id.parse().ok().filter(|id| state.changes.contains_key(id)).map(Thing::Change)),
        known(id.parse().ok().filter(|id| state.recoveries.contains_key(id)).map(Thing::Recovery)),
        known(snapshot),
        known(id.parse().ok().filter(|id| state.runs.contains_key(id)).map(Thing::Run)),
        known(id.parse().ok().filter(|id| state.break_glass.contains_key(id)).map(Thing::BreakGlass)),
        known(id.parse().ok().filter(|id| state.drills.held.contains_key(id)).map(Thing::Drill)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Everything that has a page, the newest of what grows.
fn things(model: &Model) -> impl Iterator<Item = Thing> {
    let state = &model.state;
    let platform = &state.platform;
    std::iter::once(Thing::Board)
        .chain(platform.services.iter().map(|service| Thing::Service(service.name.clone())))
        .chain(state.incidents.keys().rev().take(NEWEST).map(|id| Thing::Incident(*id)))
        .chain(state.changes.keys().rev().take(NEWEST).map(|id| Thing::Change(*id)))
        .chain(state.recoveries.keys().rev().take(NEWEST).map(|id| Thing::Recovery(*id)))
        .chain(state.runs.keys().rev().take(NEWEST).map(|id| Thing::Run(*id)))
        .chain(model.library().iter().map(|book| Thing::Book(book.id.clone())))
        .chain(platform.components.iter().map(|component| Thing::Component(component.name.clone())))
        .chain(state.snapshots.keys().rev().take(NEWEST).map(|id| Thing::Snapshot(*id)))
        .chain(state.knowledge.articles.keys().map(|name| Thing::Article(name.clone())))
        .chain(model.functions_by_urgency().into_iter().map(|function| Thing::Function(function.name.clone())))
        .chain(state.break_glass.keys().rev().take(NEWEST).map(|id| Thing::BreakGlass(*id)))
        .chain(state.drills.held.keys().rev().take(NEWEST).map(|id| Thing::Drill(*id)))
}
