//! The knowledge base, ready to be searched: read anew when an article has changed.

use std::sync::{Arc, PoisonError, RwLock};

use super::{EngineHandle, QueryError, queries::blocking};
use crate::{
    diagnosis::{FoundArticle, Library},
    domain::{ArticleState, State},
};

/// Articles in one answer at most.
const FOUND: usize = 200;

/// The articles as they were after an event.
#[derive(Debug, Default)]
pub(super) struct Shelf(RwLock<(u64, Arc<Library>)>);

impl Shelf {
    /// The articles of a state.
    pub(super) fn of(&self, state: &State) -> Arc<Library> {
        let changed = state.knowledge.changed;
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if known.0 == changed {
            return known.1;
        }
        let library = Arc::new(Library::of(&state.knowledge));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = (changed, library.clone());
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
