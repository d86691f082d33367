//! How lists say that something of them is hidden.

use crate::tui::model::{List, Model, Pane, Screen};

impl Model {
    /// How a list is narrowed, such as `3 of 41 · /sev:1`; none when nothing of it is hidden.
    #[must_use]
    pub fn narrowed(&self, list: List) -> Option<String> {
        if self.filter.is_empty() {
            return None;
        }
        let shown = self.rows(list).len();
        let all = self.count(list);
        (shown < all).then(|| format!("{shown} of {all} · /{}", self.filter))
    }

    /// What stands in a list's frame: how it is narrowed before all else.
    #[must_use]
    pub fn summary_of(&self, list: List, usual: &str) -> String {
        match self.narrowed(list) {
            Some(narrowed) if usual.is_empty() => narrowed,
            Some(narrowed) => format!("{narrowed} · {usual}"),
            None => usual.to_owned(),
        }
    }

    /// Whether something that is looked at now is hidden by the filter.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        match self.screen() {
            Screen::Board => Pane::ALL.into_iter().any(|pane| self.narrowed(List::Pane(pane)).is_some()),
            _ => self.list().is_some_and(|list| self.narrowed(list).is_some()),
        }
    }
}
