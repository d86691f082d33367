//! The knowledge base, ready to be searched: read anew when an article has changed.

use std::sync::{Arc, PoisonError, RwLock};

use super::{EngineHandle, QueryError, queries::blocking};
use crate::{
    diagnosis::{FoundArticle, Library},
    domain::{ArticleState, State},
};

/// Articles in one answer at most.
const FOUND: usize = 200;

/// The last event that changed an article, and how many events have no texts any more: what was purged is not to be found either.
type Edition = (u64, usize);

/// The articles of one edition.
#[derive(Debug, Default)]
pub(super) struct Shelf(RwLock<(Edition, Arc<Library>)>);

impl Shelf {
    /// The articles of a state.
    pub(super) fn of(&self, state: &State) -> Arc<Library> {
        let edition = (state.knowledge.changed, state.evidence.purged.len());
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if known.0 == edition {
            return known.1;
        }
        let library = Arc::new(Library::of(&state.knowledge));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = (edition, library.clone());
        library
    }
}

impl EngineHandle {
    /// The articles that fit words and templates of log lines best, the best first; without a state, those that are not retired.
    ///
    /// # Errors
    /// When the engine is stopping.
    pub async fn find_articles(
        &self,
        words: String,
        signatures: Vec<String>,
        most: usize,
        state: Option<ArticleState>,
    ) -> Result<Vec<FoundArticle>, QueryError> {
        let (now, shelf) = (self.state(), self.shelf.clone());
        blocking(move || {
            Ok(shelf.of(&now).search(&words, &signatures, most.min(FOUND), |article| match state {
                Some(state) => article.state == state,
                None => article.state != ArticleState::Retired,
            }))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;

    use super::*;
    use crate::domain::{Actor, Article, ArticleBody, Category, PURGED, Symptoms};

    fn titled(title: &str) -> Arc<BTreeMap<String, Arc<Article>>> {
        let body = ArticleBody {
            title: title.to_owned(),
            category: Category::Unknown,
            symptoms: Symptoms::default(),
            fixes: Vec::new(),
            procedure: String::new(),
            prevention: String::new(),
        };
        let article = Article::proposed("a".to_owned(), body, Actor::Engine, DateTime::UNIX_EPOCH);
        Arc::new([("a".to_owned(), Arc::new(article))].into())
    }

    #[test]
    fn what_was_purged_is_not_found_any_more() {
        let (shelf, mut state) = (Shelf::default(), State::default());
        state.knowledge.articles = titled("Jane Doe called");
        state.knowledge.changed = 7;
        let found = |state: &State| shelf.of(state).search("jane", &[], 1, |_| true).len();
        assert_eq!(found(&state), 1);
        assert!(Arc::ptr_eq(&shelf.of(&state), &shelf.of(&state)), "it is read once");
        state.knowledge.articles = titled(PURGED);
        state.evidence.purged.insert(7);
        assert_eq!(found(&state), 0);
    }
}
