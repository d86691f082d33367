//! An article of the knowledge base with what became of it: which fix is known to work how well, and how long such incidents take.

use std::{fmt::Write as _, sync::Arc};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{page::escaped, words::span};
use crate::domain::{
    Article, ArticleState, Category, FixEstimate, Named, Pool, Refusal, State, Symptoms, Treatment, time_to_resolution,
};

/// An article and its record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArticleReport {
    /// The article itself.
    pub article: Arc<Article>,
    /// Its fixes, the one that works at least most often first.
    pub fixes: Vec<FixFigures>,
    /// Half of its incidents took at most so long until users were served again.
    pub time_to_resolution_seconds: Option<f64>,
}

/// What became of a fix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FixFigures {
    /// Its place in the article, from 1.
    pub number: usize,
    /// What it is.
    pub fix: Treatment,
    /// The same in words.
    pub says: String,
    /// Times it was carried out.
    pub executed: u32,
    /// Incidents in which it has worked.
    pub worked: u32,
    /// Incidents in which it has not.
    pub failed: u32,
    /// How often it works.
    pub estimate: FixEstimate,
}

/// An article in one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArticleSummary {
    /// Its name.
    pub name: String,
    /// In one line.
    pub title: String,
    /// Of what kind the failure is.
    pub category: Category,
    /// Whether anything may rely on it.
    pub state: ArticleState,
    /// Counts the versions of its text.
    pub version: u32,
    /// How many incidents were of its kind.
    pub incidents: usize,
    /// Its best fix.
    pub best: Option<FixFigures>,
    /// Half of its incidents took at most so long.
    pub time_to_resolution_seconds: Option<f64>,
}

fn fixes(pool: &Pool, article: &Article) -> Vec<FixFigures> {
    let all = article.body.fixes.iter().zip(&article.records).enumerate();
    let mut fixes: Vec<FixFigures> = all
        .filter_map(|(place, (fix, record))| {
            Some(FixFigures {
                number: place + 1,
                fix: fix.clone(),
                says: fix.to_string(),
                executed: record.executed,
                worked: record.worked,
                failed: record.failed,
                estimate: pool.estimate(article, place)?,
            })
        })
        .collect();
    fixes.sort_by(|a, b| b.estimate.low.total_cmp(&a.estimate.low));
    fixes
}

fn seconds(state: &State, article: &Article) -> Option<f64> {
    time_to_resolution(state, article).map(TimeDelta::as_seconds_f64)
}

impl ArticleSummary {
    /// Every article, by name.
    #[must_use]
    pub fn all(state: &State) -> Vec<Self> {
        let pool = Pool::of(&state.knowledge);
        let articles = state.knowledge.articles.values().map(|article| Self {
            name: article.name.clone(),
            title: article.body.title.clone(),
            category: article.body.category,
            state: article.state,
            version: article.version,
            incidents: article.incidents.len(),
            best: fixes(&pool, article).into_iter().next(),
            time_to_resolution_seconds: seconds(state, article),
        });
        articles.collect()
    }
}

impl ArticleReport {
    /// One article.
    ///
    /// # Errors
    /// `unknown-article`.
    pub fn of(state: &State, name: &str) -> Result<Self, Refusal> {
        let article = state.knowledge.articles.get(name).ok_or_else(|| Refusal::unknown(Named::Article, name))?;
        Ok(Self {
            article: article.clone(),
            fixes: fixes(&Pool::of(&state.knowledge), article),
            time_to_resolution_seconds: seconds(state, article),
        })
    }

    /// As a text in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Article { name, state, version, body, incidents, past, .. } = &*self.article;
        let mut page = format!("# {}\n\n", escaped(&body.title));
        let _ = writeln!(page, "{name}, {state}, version {version}, written by {}.", self.article.written_by);
        if let Some((at, by)) = &self.article.confirmed {
            let _ = writeln!(page, "{by} has confirmed it on {}.", at.format("%Y-%m-%d"));
        }
        if let Some((at, reason)) = &self.article.retired {
            let _ = writeln!(page, "Not to be used since {}: {}.", at.format("%Y-%m-%d"), escaped(reason));
        }
        let Symptoms { words, signatures } = &body.symptoms;
        if !words.is_empty() || !signatures.is_empty() {
            page += "\n## Symptoms\n\n";
        }
        for word in words {
            let _ = writeln!(page, "- {}", escaped(word));
        }
        for signature in signatures {
            let _ = writeln!(page, "- log lines of template {signature}");
        }
        if !self.fixes.is_empty() {
            page += "\n## What may help\n\n";
        }
        for fix in &self.fixes {
            let FixFigures { number, says, executed, worked, failed, estimate, .. } = fix;
            let _ = writeln!(page, "{number}. {}", escaped(says));
            if !matches!(fix.fix, Treatment::ByHand { .. }) {
                let percent = |share: f64| format!("{:.0} %", 100.0 * share);
                let _ = writeln!(
                    page,
                    "   carried out {executed} times, worked {worked}, failed {failed}: works in {} of cases (90 % sure: {} to {}, \
                     n = {})",
                    percent(estimate.mean),
                    percent(estimate.low),
                    percent(estimate.high),
                    estimate.n
                );
            }
        }
        if !body.procedure.is_empty() {
            let _ = writeln!(page, "\n## What to do\n\n{}", body.procedure);
        }
        if !body.prevention.is_empty() {
            let _ = writeln!(page, "\n## Prevention\n\n{}", body.prevention);
        }
        if !incidents.is_empty() {
            let ids: Vec<String> = incidents.iter().map(ToString::to_string).collect();
            let _ = writeln!(page, "\n## Seen in\n\n{}", ids.join(", "));
        }
        if let Some(seconds) = self.time_to_resolution_seconds {
            let _ = writeln!(page, "\nHalf of them took at most {}.", span(seconds));
        }
        for version in past {
            let votes: u32 = version.fixes.iter().map(|(_, record)| record.worked + record.failed).sum();
            let _ = writeln!(
                page,
                "\nVersion {} was replaced on {}; {votes} votes.",
                version.version,
                version.until.format("%Y-%m-%d")
            );
        }
        page
    }
}
