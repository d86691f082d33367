//! Who may write an article, and what becomes of the one before.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Article, ArticleBody, ArticleState, FixRecord, PastVersion, Symptoms, Treatment, article::REMEMBERED,
    verdict::a_person,
};
use crate::domain::{Event, IncidentId, Meta, Named, Recorded, Refusal, State, text};

/// Symptoms of each kind and fixes that an article has at most.
const LISTED: usize = 40;
/// Articles that are kept at most.
const ARTICLES: usize = 20_000;

/// Decides that somebody proposes an article. That an incident was of its kind, a person has to say, and once it is over.
pub(in crate::domain) fn propose(
    state: &State,
    name: &str,
    body: ArticleBody,
    incident: Option<IncidentId>,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    if let Some(id) = incident {
        a_person(meta)?;
        if state.incident(id)?.state.is_open() {
            return Err(Refusal::new(
                "incident-open",
                format!("{id} is not over, so nobody knows yet what it teaches"),
            )
            .hint(format!("propose it once it is resolved: codeblue incident resolve {id} --reason WHY")));
        }
    }
    if state.knowledge.articles.contains_key(name) {
        return Err(Refusal::new("article-known", format!("there is an article {name}"))
            .hint(format!("edit it, or choose another name: codeblue knowledge edit {name}")));
    }
    if state.knowledge.articles.len() >= ARTICLES {
        return Err(Refusal::new("too-many-articles", format!("{ARTICLES} articles are kept at most"))
            .hint("retire one that nobody needs: codeblue knowledge list"));
    }
    named(name)?;
    Ok(vec![Event::ArticleProposed { article: name.to_owned(), body: checked(body)?, incident }])
}

/// Decides that somebody writes an article anew. What was seen of it before, by its version, tells whether somebody else was faster.
pub(in crate::domain) fn edit(
    state: &State,
    name: &str,
    body: ArticleBody,
    seen: Option<u32>,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let found = known(state, name)?;
    is_as_seen(found, seen)?;
    let body = checked(body)?;
    if body == found.body {
        return Ok(Vec::new());
    }
    let (article, version) = (name.to_owned(), found.version + 1);
    let mut events = vec![Event::ArticleEdited { article: article.clone(), version, body }];
    // Who writes what was confirmed anew stands for it, unless it is a program.
    if found.state == ArticleState::Confirmed && a_person(meta).is_ok() {
        events.push(Event::ArticleConfirmed { article, version });
    }
    Ok(events)
}

/// Decides that an article comes from a file: nothing when it is here already, word for word.
pub(in crate::domain) fn import(
    state: &State,
    name: &str,
    body: ArticleBody,
    replace: bool,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    match state.knowledge.articles.get(name) {
        None => propose(state, name, body, None, meta),
        Some(_) if replace => edit(state, name, body, None, meta),
        Some(found) if checked(body)? == found.body => Ok(Vec::new()),
        Some(_) => Err(Refusal::new("article-known", format!("{name} is here already, and says something else"))
            .hint("import it with --replace to make that a new version")),
    }
}

/// Decides that a person stands for an article as it is.
pub(in crate::domain) fn confirm(
    state: &State,
    name: &str,
    seen: Option<u32>,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    a_person(meta)?;
    let found = known(state, name)?;
    is_as_seen(found, seen)?;
    if found.state == ArticleState::Confirmed {
        return Ok(Vec::new());
    }
    Ok(vec![Event::ArticleConfirmed { article: name.to_owned(), version: found.version }])
}

/// Decides that an article is not to be used any more.
pub(in crate::domain) fn retire(state: &State, name: &str, reason: &str) -> Result<Vec<Event>, Refusal> {
    if known(state, name)?.state == ArticleState::Retired {
        return Ok(Vec::new());
    }
    Ok(vec![Event::ArticleRetired { article: name.to_owned(), reason: text::line("reason", reason)? }])
}

fn known<'a>(state: &'a State, name: &str) -> Result<&'a Article, Refusal> {
    state.knowledge.articles.get(name).map(|found| &**found).ok_or_else(|| Refusal::unknown(Named::Article, name))
}

fn is_as_seen(found: &Article, seen: Option<u32>) -> Result<(), Refusal> {
    if seen.is_none_or(|seen| seen == found.version) {
        return Ok(());
    }
    let (name, version, by) = (&found.name, found.version, &found.written_by);
    Err(Refusal::new("article-changed", format!("{name} is version {version} by now, by {by}"))
        .hint(format!("look at it again: codeblue knowledge show {name}")))
}

fn named(name: &str) -> Result<(), Refusal> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 80 || name.starts_with('-') || !name.chars().all(fits) {
        return Err(Refusal::new("article-name", format!("{name:?} is no name for an article"))
            .hint("use small letters, digits and -"));
    }
    Ok(())
}

/// The text of an article as it may enter the record.
pub(super) fn checked(body: ArticleBody) -> Result<ArticleBody, Refusal> {
    let Symptoms { words, signatures } = body.symptoms;
    for (what, many) in
        [("symptom words", words.len()), ("symptom signatures", signatures.len()), ("fixes", body.fixes.len())]
    {
        if many > LISTED {
            return Err(Refusal::new(
                "article-length",
                format!("an article has {LISTED} {what} at most, this one has {many}"),
            )
            .hint("leave out what it can do without"));
        }
    }
    if let Some(wrong) = signatures.iter().find(|id| id.len() != 16 || !id.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(Refusal::new("signature-form", format!("{wrong:?} is no id of a template"))
            .hint("codeblue patterns FILE tells the ids of the templates of a log"));
    }
    let mut known = BTreeSet::new();
    let signatures =
        signatures.iter().map(|id| id.to_ascii_lowercase()).filter(|id| known.insert(id.clone())).collect();
    let words = words.iter().map(|word| text::line("symptom", word)).collect::<Result<_, _>>()?;
    let mut fixes = Vec::new();
    for fix in body.fixes {
        let fix = match fix {
            Treatment::ByHand { text } => Treatment::ByHand { text: text::line("fix", &text)? },
            Treatment::RunAction { action, service } => {
                Treatment::RunAction { action: declared("action", action)?, service: service_of(service)? }
            }
            Treatment::RollBack { component, service } => {
                Treatment::RollBack { component, service: service_of(service)? }
            }
        };
        if fixes.contains(&fix) {
            return Err(
                Refusal::new("fix-twice", format!("the article names this fix twice: {fix}")).hint("name it once")
            );
        }
        fixes.push(fix);
    }
    Ok(ArticleBody {
        title: text::line("title", &body.title)?,
        category: body.category,
        symptoms: Symptoms { words, signatures },
        fixes,
        procedure: text::page("procedure", &body.procedure)?,
        prevention: text::page("prevention", &body.prevention)?,
    })
}

fn service_of(service: Option<String>) -> Result<Option<String>, Refusal> {
    service.map(|name| declared("service", name)).transpose()
}

/// A name that a platform file may declare, here or elsewhere: articles travel.
fn declared(what: &str, name: String) -> Result<String, Refusal> {
    let fits = !name.is_empty() && name.len() <= 80 && name.chars().all(|c| c.is_alphanumeric() || "-_. ".contains(c));
    if fits {
        Ok(name)
    } else {
        Err(Refusal::new(&format!("{what}-name"), format!("{name:?} is no name for a {what}"))
            .hint("use up to 80 letters, digits, blanks, - _ and ."))
    }
}

pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let (seq, at) = (recorded.seq, recorded.at);
    let knowledge = &mut state.knowledge;
    match &recorded.event {
        Event::ArticleProposed { article, body, incident } => {
            let mut written = Article::proposed(article.clone(), body.clone(), recorded.actor.clone(), at);
            written.incidents.extend(*incident);
            written.made_from = *incident;
            Arc::make_mut(&mut knowledge.articles).insert(article.clone(), Arc::new(written));
            knowledge.changed = seq;
        }
        Event::ArticleEdited { article, version, body } => knowledge.change(seq, article, |found| {
            let records = std::mem::replace(&mut found.records, vec![FixRecord::default(); body.fixes.len()]);
            let before = std::mem::replace(&mut found.body, body.clone());
            let fixes = before.fixes.into_iter().zip(records).collect();
            found.past.push(PastVersion { version: found.version, until: at, fixes });
            let over = found.past.len().saturating_sub(REMEMBERED);
            found.past.drain(..over);
            found.version = *version;
            found.written_by = recorded.actor.clone();
            found.written_at = at;
            found.confirmed = None;
            found.retired = None;
            found.state = ArticleState::Proposed;
        }),
        Event::ArticleConfirmed { article, .. } => knowledge.change(seq, article, |found| {
            found.state = ArticleState::Confirmed;
            found.confirmed = Some((at, recorded.actor.to_string()));
            found.retired = None;
        }),
        Event::ArticleRetired { article, reason } => knowledge.change(seq, article, |found| {
            found.state = ArticleState::Retired;
            found.retired = Some((at, reason.clone()));
        }),
        _ => {}
    }
}
