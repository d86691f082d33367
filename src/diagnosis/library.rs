//! The knowledge base of an engine as something to search: its articles as the rules keep them, found as `knowledge` finds texts,
//! written and read as its pages. And what a diagnosis takes from it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    knowledge::{Index, Means, Page, PageError, PageFix, Query, Text},
    patterns::MASK,
    redact::Class,
    remedies::SUGGESTIONS,
};
use crate::{
    domain::{
        Actor, Article, ArticleBody, ArticleState, Category, DiagnosisDocument, DiagnosisId, Fix, FixEstimate,
        IncidentId, Knowledge, Pool, State, Status, SuggestedFix, Symptoms, Treatment,
    },
    platform::{ActionRisk, ComponentKind, Platform},
};

/// Articles that a diagnosis names at most.
const NAMED: usize = 3;
/// Incidents that it names at most.
const RELATED: usize = 8;
/// A hit that is so much worse than the best is left out.
const NEAR: f32 = 0.5;
/// Votes before a fix is put before others that the analyser prefers.
const ENOUGH: u32 = 3;
/// And how often it works at least, as far as is known.
const PROVEN: f64 = 0.5;

/// The articles that come with the program, by their file.
pub const SEEDS: &[(&str, &str)] = &[
    ("ai-unavailable.md", include_str!("../../assets/knowledge/ai-unavailable.md")),
    ("authentication-down.md", include_str!("../../assets/knowledge/authentication-down.md")),
    ("complete-outage.md", include_str!("../../assets/knowledge/complete-outage.md")),
    ("data-corruption.md", include_str!("../../assets/knowledge/data-corruption.md")),
    ("database-connection.md", include_str!("../../assets/knowledge/database-connection.md")),
    ("hipaa-violation.md", include_str!("../../assets/knowledge/hipaa-violation.md")),
    ("performance-degradation.md", include_str!("../../assets/knowledge/performance-degradation.md")),
    ("security-breach.md", include_str!("../../assets/knowledge/security-breach.md")),
];

/// Articles, ready to be searched.
#[derive(Debug, Default)]
pub struct Library {
    articles: Vec<Arc<Article>>,
    index: Index,
}

/// What is wanted of an article.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundArticle {
    /// Its name.
    pub name: String,
    /// In one line.
    pub title: String,
    /// Whether anything may rely on it.
    pub state: ArticleState,
    /// Of what kind the failure is.
    pub category: Category,
    /// How well it fits, comparable within one answer alone.
    pub score: f32,
    /// Why it was found, the weightiest reason first.
    pub why: Vec<Reason>,
}

/// One reason why an article was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// What was asked.
    pub asked: String,
    /// What stands for it in the article, where that is another word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Where it stands; `template` for a template of log lines.
    pub part: String,
}

impl From<Means> for Reason {
    fn from(means: Means) -> Self {
        let part = means.part.map_or("template", |part| part.name()).to_owned();
        Self { asked: means.asked, found: means.found, part }
    }
}

impl Library {
    /// Reads everything that is known.
    #[must_use]
    pub fn of(knowledge: &Knowledge) -> Self {
        Self::new(knowledge.articles.values().cloned().collect())
    }

    /// Articles from files, which nobody here has confirmed.
    #[must_use]
    pub fn of_files(files: Vec<(String, ArticleBody)>, at: DateTime<Utc>) -> Self {
        Self::new(
            files.into_iter().map(|(name, body)| Arc::new(Article::proposed(name, body, Actor::Engine, at))).collect(),
        )
    }

    fn new(articles: Vec<Arc<Article>>) -> Self {
        let categories: Vec<String> = articles.iter().map(|article| word(&article.body.category)).collect();
        let texts = articles.iter().zip(&categories).map(|(article, category)| Text {
            name: &article.name,
            title: &article.body.title,
            category,
            symptoms: &article.body.symptoms.words,
            signatures: &article.body.symptoms.signatures,
            procedure: &article.body.procedure,
            prevention: &article.body.prevention,
        });
        let index = Index::of(texts);
        Self { articles, index }
    }

    /// The articles that fit words and templates best, at most so many, of those that are wanted.
    #[must_use]
    pub fn search(
        &self,
        words: &str,
        signatures: &[String],
        most: usize,
        wanted: impl Fn(&Article) -> bool,
    ) -> Vec<FoundArticle> {
        let hits = self.index.search(&Query { words, signatures }, most, |place| {
            self.articles.get(place).is_some_and(|article| wanted(article))
        });
        let found = hits.into_iter().filter_map(|hit| {
            let article = self.articles.get(hit.article)?;
            Some(FoundArticle {
                name: article.name.clone(),
                title: article.body.title.clone(),
                state: article.state,
                category: article.body.category,
                score: hit.score,
                why: hit.why.into_iter().map(Reason::from).collect(),
            })
        });
        found.collect()
    }
}

/// The name of something as it is written in JSON.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Something by its name, or which names there are.
fn named<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    serde_json::from_value(name.into()).map_err(|error| error.to_string())
}

/// Reads an article from a page: its name and what it says.
///
/// # Errors
/// What is wrong with the page, and on which line.
pub fn read_article(text: &str) -> Result<(String, ArticleBody), PageError> {
    let page =
        Page::read(text, &|name| named::<Category>(name).map(drop), &|name| named::<ComponentKind>(name).map(drop))?;
    let first = |what: String| PageError { line: 1, what };
    let mut fixes = Vec::new();
    for fix in page.fixes {
        fixes.push(match fix {
            PageFix::RollBack(kind, service) => {
                Treatment::RollBack { component: named(&kind).map_err(first)?, service }
            }
            PageFix::Run(action, service) => Treatment::RunAction { action, service },
            PageFix::ByHand(text) => Treatment::ByHand { text },
        });
    }
    let body = ArticleBody {
        title: page.title,
        category: named(&page.category).map_err(first)?,
        symptoms: Symptoms { words: page.symptoms, signatures: page.signatures },
        fixes,
        procedure: page.procedure,
        prevention: page.prevention,
    };
    Ok((page.name, body))
}

/// An article as a page.
#[must_use]
pub fn write_article(name: &str, body: &ArticleBody) -> String {
    let fixes = body.fixes.iter().map(|fix| match fix {
        Treatment::RollBack { component, service } => PageFix::RollBack(word(component), service.clone()),
        Treatment::RunAction { action, service } => PageFix::Run(action.clone(), service.clone()),
        Treatment::ByHand { text } => PageFix::ByHand(text.clone()),
    });
    let page = Page {
        name: name.to_owned(),
        title: body.title.clone(),
        category: word(&body.category),
        symptoms: body.symptoms.words.clone(),
        signatures: body.symptoms.signatures.clone(),
        fixes: fixes.collect(),
        procedure: body.procedure.clone(),
        prevention: body.prevention.clone(),
    };
    page.write()
}

/// Adds to a document what is known from earlier: the confirmed articles that fit best, the incidents that were of their kind, and
/// their fixes where the platform file declares them.
pub fn consult(document: &mut DiagnosisDocument, state: &State, library: &Library, signatures: &[String]) {
    let words = question(document);
    let mut found = library.search(&words, signatures, NAMED, |article| article.state == ArticleState::Confirmed);
    let best = found.first().map_or(0.0, |hit| hit.score);
    found.retain(|hit| hit.score >= best * NEAR);
    document.knowledge_base_articles = found.into_iter().map(|hit| hit.name).collect();
    let articles = document.knowledge_base_articles.iter().filter_map(|name| state.knowledge.articles.get(name));
    let articles: Vec<Arc<Article>> = articles.cloned().collect();
    let own = document.error_id.parse().ok().and_then(|id: DiagnosisId| Some(state.diagnoses.get(&id)?.incident));
    for incident in articles.iter().flat_map(|article| article.incidents.iter().rev()) {
        let related = &mut document.related_incidents;
        if related.len() < RELATED && Some(*incident) != own && !related.contains(incident) {
            related.push(*incident);
        }
    }
    suggest(document, state, &articles, own);
}

/// What a document says of its first cause.
fn question(document: &DiagnosisDocument) -> String {
    let cause = &document.root_cause;
    let category = match document.category {
        Category::Unknown => String::new(),
        known => word(&known),
    };
    let mut words = format!("{}\n{category}", cause.issue);
    for evidence in &cause.evidence {
        words += "\n";
        words += &evidence.text;
    }
    without_marks(words)
}

/// A text without the marks of what was taken out of it: they say nothing of the failure.
fn without_marks(text: String) -> String {
    let classes = Class::ALL.into_iter().map(|class| format!("[{}]", class.name()));
    classes.chain([MASK.to_owned()]).fold(text, |text, mark| text.replace(&mark, " "))
}

/// A fix that articles of the same kind of failure name is suggested when it is declared for the service; it comes first when it has
/// worked often enough.
fn suggest(document: &mut DiagnosisDocument, state: &State, articles: &[Arc<Article>], own: Option<IncidentId>) {
    let service = document.root_cause.service.clone();
    let maintained = state.services.get(&service).is_some_and(|health| health.status == Status::Maintenance);
    if maintained || service.is_empty() {
        return;
    }
    let pool = Pool::of(&state.knowledge);
    let mut proven: Vec<(Fix, FixEstimate)> = Vec::new();
    for article in articles.iter().filter(|article| article.body.category == document.category) {
        for (place, treatment) in article.body.fixes.iter().enumerate() {
            let Some(estimate) = pool.estimate(article, place) else { continue };
            let suggested = document.suggested_fixes.iter().map(|suggestion| &suggestion.fix);
            let mut meant: Vec<Fix> = suggested.filter(|fix| treatment.is(&state.platform, fix)).cloned().collect();
            if meant.is_empty() {
                meant = treatment.at(&state.platform, &service);
                for fix in &meant {
                    let suggestion = suggestion(&state.platform, fix.clone(), own);
                    document.suggested_fixes.extend(suggestion);
                }
            }
            if estimate.n >= ENOUGH && estimate.low >= PROVEN {
                proven.extend(meant.into_iter().map(|fix| (fix, estimate)));
            }
        }
    }
    let rank =
        |fix: &Fix| proven.iter().filter(|(known, _)| known == fix).map(|(_, estimate)| estimate.low).reduce(f64::max);
    // What has proved nothing keeps its place behind.
    document.suggested_fixes.sort_by(|a, b| rank(&b.fix).unwrap_or(0.0).total_cmp(&rank(&a.fix).unwrap_or(0.0)));
    document.suggested_fixes.truncate(SUGGESTIONS);
    for (suggestion, priority) in document.suggested_fixes.iter_mut().zip(1..) {
        suggestion.priority = priority;
    }
}

/// A declared fix as a suggestion.
fn suggestion(platform: &Platform, fix: Fix, own: Option<IncidentId>) -> Option<SuggestedFix> {
    let (action, estimated_time, risk, command) = match &fix {
        Fix::RollBack { component } => {
            let found = platform.component(component)?;
            let risk = match found.kind {
                ComponentKind::Code | ComponentKind::Config => ActionRisk::Low,
                ComponentKind::Database | ComponentKind::Data => ActionRisk::High,
            };
            let reason = own.map_or_else(|| "diagnosis".to_owned(), |incident| incident.to_string());
            let command = format!("codeblue rollback --component {component} --reason {reason}");
            (format!("roll {component} back"), found.rto.as_secs().min(60), risk, command)
        }
        Fix::RunAction { service, action } => {
            let found = platform.service(service)?.actions.iter().find(|found| found.name == *action)?;
            let command = format!("codeblue action run {service} {action}");
            (format!("{action} {service}"), found.takes.as_secs(), found.risk, command)
        }
    };
    Some(SuggestedFix { action, priority: 0, estimated_time, risk, commands: vec![command], fix })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_what_was_taken_out_are_not_searched_for() {
        let text = "GET <*>[MRN] 500: no such column for [NAME] in [main]".to_owned();
        let words: Vec<String> = without_marks(text).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["GET", "500:", "no", "such", "column", "for", "in", "[main]"]);
    }
}
